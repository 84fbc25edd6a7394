//! The frames that driving trackers send all day, read in one go.
//!
//! Nine of ten frames are of kind 0x12 or 0x22 with a cell of the second generation, with or without a mileage at their end, on a connection
//! whose checksums fit. Each of these four forms has one length, so that one look at it does for all fields. Whatever differs in
//! anything is left to the general reading, which says the same of these frames too (a test compares them).

use super::report::{self, Report};
use super::short_answer;
use crate::wire::crc16_x25_short;
use crate::{Message, Name, Release, Replies, Value};
use alloc::vec::Vec;

const CLASSIC: u8 = 0x12;
const DRIVEN: u8 = 0x22;

/// Reads such a frame at the beginning of a buffer and says how long it is; `None`, and nothing done, if there is no such frame.
#[inline]
pub fn read(bytes: &[u8], zone_s: i32, out: &mut Vec<Message>, replies: &mut Replies) -> Option<usize> {
    let [0x78, 0x78, length, kind, ..] = *bytes else { return None };
    let (content, serial) = match (kind, length) {
        (DRIVEN, 0x26) => checked::<43>(bytes),
        (DRIVEN, 0x22) => checked::<39>(bytes),
        (CLASSIC, 0x1F) => checked::<36>(bytes),
        (CLASSIC, 0x23) => checked::<40>(bytes),
        _ => None,
    }?;
    let (date, rest) = content.split_first_chunk()?;
    let (place, rest) = rest.split_first_chunk()?;
    let (cell, rest) = rest.split_first_chunk::<8>()?;
    let [0..0x80, ..] = cell else { return None };
    // The later kind is in UTC.
    let zone_s = if kind == CLASSIC { zone_s } else { 0 };
    report::record(out, zone_s, false, |report| {
        report.date_of(*date);
        report.told_place(place);
        report.told_cell(cell);
        let mileage = if kind == DRIVEN {
            let (state, mileage) = rest.split_first_chunk()?;
            report.told_state(*state);
            mileage
        } else {
            rest
        };
        if let Some(mileage) = mileage.first_chunk() {
            report.int(Name::OdometerM, u32::from_be_bytes(*mileage));
        }
        Some(())
    })?;
    replies.short(Release::Durable, short_answer(kind, serial));
    Some(usize::from(length).wrapping_add(5))
}

/// What stands between the kind of a frame of that length and its serial number, and that number, if its end and its checksum are right.
#[inline(always)]
fn checked<const LENGTH: usize>(bytes: &[u8]) -> Option<(&[u8], u16)> {
    let frame: &[u8; LENGTH] = bytes.first_chunk()?;
    let ([_, _, covered @ ..], [crc @ .., b'\r', b'\n']) = frame.split_last_chunk::<4>()? else { return None };
    let ([_, _, content @ ..], serial) = covered.split_last_chunk()? else { return None };
    (crc16_x25_short(covered).to_be_bytes() == *crc).then_some((content, u16::from_be_bytes(*serial)))
}

impl Report<'_> {
    /// Country 2, network 1, area 2, cell 3.
    #[inline(always)]
    fn told_cell(&mut self, cell: &[u8; 8]) {
        let [country, country_low, network, area, area_low, a, b, c] = *cell;
        let place = (u64::from(u16::from_be_bytes([area, area_low])), u64::from(u32::from_be_bytes([0, a, b, c])));
        self.push_cell(0, (u16::from_be_bytes([country, country_low]), u16::from(network)), place, None);
    }

    /// Ignition, upload mode, sent from memory.
    #[inline(always)]
    fn told_state(&mut self, [ignition, mode, from_memory]: [u8; 3]) {
        self.set(Name::Ignition, Value::Bool(ignition != 0));
        if mode != 0 {
            self.int(Name::Event, mode);
        }
        if from_memory != 0 {
            self.set(Name::Buffered, Value::Bool(true));
        }
    }
}
