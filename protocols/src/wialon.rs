//! Placeholder, replaced by its author.
use crate::*;
use alloc::vec::Vec;
use bytes::BytesMut;
/// Decoder.
#[derive(Debug, Default)]
pub struct WialonDecoder;
impl Decoder for WialonDecoder {
    fn decode(&mut self, _: &mut BytesMut, _: &Environment<'_>, _: &mut Vec<Message>, _: &mut Replies) -> Result<Progress, DecodeError> {
        Ok(Progress::NeedMore)
    }
    fn frame_bytes_max(&self, _: bool) -> usize {
        1024
    }
}
/// Encoder.
#[derive(Debug)]
pub struct WialonEncoder;
impl WialonEncoder {
    /// Fresh.
    #[must_use]
    pub const fn new(_: Transport) -> Self {
        Self
    }
}
impl Encoder for WialonEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}
    fn records(&mut self, _: &Identifier, records: &[Record], _: &mut Vec<u8>) -> usize {
        records.len()
    }
    fn heartbeat(&mut self, _: &Identifier, _: &mut Vec<u8>) {}
    fn acknowledged(&mut self, _: &mut BytesMut) -> Result<usize, DecodeError> {
        Ok(0)
    }
    fn representable(&self, record: &Record) -> Record {
        record.clone()
    }
}
