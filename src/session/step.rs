//! What one call of a session gives.

use super::Close;
use crate::commands::DeviceAnswer;
use crate::journal::Batch;
use crate::model::Micros;
use protocols::{Identifier, ReplyBody};

/// A reply, and whether it waits for the batch of its step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What is sent.
    pub body: ReplyBody,
    /// Only after the batch is durable (P7).
    pub durable: bool,
}

impl Step {
    /// A fix time was told.
    pub(super) fn tells(&mut self, time: Micros) {
        let (from, to) = self.told.unwrap_or((time, time));
        self.told = Some((from.min(time), to.max(time)));
    }
}

/// The outcome of one call.
#[derive(Default)]
pub struct Step {
    /// What is to be made durable.
    pub batch: Batch,
    /// What is to be answered, in order. An answer never overtakes an earlier one.
    pub replies: Vec<Held>,
    /// What the device answered to commands.
    pub answers: Vec<DeviceAnswer>,
    /// The earliest and the latest fix time that the frames told.
    pub told: Option<(Micros, Micros)>,
    /// Frames taken.
    pub frames: u32,
    /// Somebody whom nobody registered.
    pub unknown: Option<Identifier>,
    /// Why a frame was refused, if one was.
    pub error: Option<&'static str>,
    /// The connection is to be closed when the replies are sent.
    pub close: Option<Close>,
}
