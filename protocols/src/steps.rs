//! Frames that are read in steps: a record of a few bytes becomes a message of some hundred, and the largest frames have thousands of them.
//!
//! Such a frame is cut and checked whole. Then its head is taken from the buffer, each call of the decoder takes so many records behind it
//! (and says [`crate::Progress::Frame`]), and the last one takes what stands behind the records and answers.

use crate::wire::Cursor;
use bytes::{Buf, BytesMut};

/// Records that are told by one call.
pub(crate) const RECORDS_A_STEP: usize = 64;

/// A frame of which some records are told; the others stand at the front of the buffer.
#[derive(Clone, Debug)]
pub(crate) struct Steps<T> {
    /// What is known of the whole frame.
    pub frame: T,
    /// Bytes of records that are not told yet.
    records: usize,
    /// Bytes behind them.
    end: usize,
}

impl<T> Steps<T> {
    /// Of a frame whose head is taken from the buffer: so many bytes of records stand there, and so many behind them.
    pub const fn new(frame: T, records: usize, end: usize) -> Self {
        Self { frame, records, end }
    }

    /// Tells the next records by `tell`, which takes one of them, and takes their bytes from the buffer. What it calls no record (`None`)
    /// is the end of them. Whether that was the last step: then nothing of the frame is left.
    pub fn step(&mut self, bytes: &mut BytesMut, mut tell: impl FnMut(&mut T, &mut Cursor<'_>) -> Option<()>) -> bool {
        let mut body = Cursor::new(bytes.get(..self.records).unwrap_or(bytes));
        let mut is_over = false;
        for _ in 0..RECORDS_A_STEP {
            is_over = body.rest().is_empty() || tell(&mut self.frame, &mut body).is_none();
            if is_over {
                break;
            }
        }
        is_over |= body.rest().is_empty();
        let left = if is_over { 0 } else { body.rest().len() };
        let taken = self.records.saturating_sub(left).saturating_add(if is_over { self.end } else { 0 });
        self.records = left;
        bytes.advance(taken.min(bytes.len()));
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    /// The lengths of the steps of a frame with so many records of one byte, and three bytes behind them.
    fn steps(records: usize) -> Vec<usize> {
        let mut bytes = BytesMut::from(&vec![7; records.saturating_add(4)][..]);
        let (mut steps, mut lengths) = (Steps::new(0_usize, records, 3), Vec::new());
        loop {
            let before = bytes.len();
            let is_over = steps.step(&mut bytes, |told, body| {
                *told = told.saturating_add(1);
                body.skip(1)
            });
            lengths.push(before.saturating_sub(bytes.len()));
            if is_over {
                assert_eq!((steps.frame, bytes.len()), (records, 1));
                return lengths;
            }
        }
    }

    #[test]
    fn the_last_step_takes_the_end() {
        assert_eq!(steps(0), [3]);
        assert_eq!(steps(1), [4]);
        assert_eq!(steps(64), [67]);
        assert_eq!(steps(65), [64, 4]);
        assert_eq!(steps(200), [64, 64, 64, 11]);
    }

    #[test]
    fn what_is_no_record_ends_the_frame() {
        let mut bytes = BytesMut::from(&[0; 10][..]);
        assert!(Steps::new((), 8, 1).step(&mut bytes, |(), body| body.skip(3)));
        assert_eq!(bytes.len(), 1);
    }
}
