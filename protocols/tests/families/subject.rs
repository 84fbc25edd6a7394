//! What a family is run on: a protocol of the table, or a planted one.

use crate::dialogue::Dialogue;
use protocols::{About, Decoder, Encoder, Transport};

/// One protocol with its fixtures.
pub struct Subject<'a> {
    pub name: &'a str,
    pub transports: &'a [Transport],
    pub dialogues: Vec<Dialogue>,
    pub about: &'static About,
    pub decoder: &'a dyn Fn() -> Box<dyn Decoder>,
    /// Whether `PURVIEW_BLESS=1` may write the messages beside the dialogues.
    pub may_bless: bool,
    pub encoder: &'a dyn Fn(Transport) -> Box<dyn Encoder>,
}
