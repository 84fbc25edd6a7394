//! The frames that driving trackers send all day, read in one go.
//!
//! Nine of ten frames are of kind 0x12 or 0x22 with a cell of the second generation, with or without a mileage at their end, on a
//! connection whose checksums fit. Each of these four forms has one length, so that one look at it does for all fields. Whatever differs
//! in anything is left to the general reading, which says the same of these frames too (a test compares them).

use super::report::{Place, fix_of, ignition_of, time_of};
use super::{Gt06Decoder, short_answer};
use crate::wire::{cell_text, crc16_x25_begun, crc16_x25_short};
use crate::{Attributes, DecodeError, Environment, Message, Name, Packed, Progress, Record, Release, Replies, Value};
use alloc::vec::Vec;
use bytes::{Buf as _, BytesMut};

const CLASSIC: u8 = 0x12;
const DRIVEN: u8 = 0x22;

const DRIVEN_WITH_MILEAGE: u32 = u32::from_le_bytes([0x78, 0x78, 0x26, DRIVEN]);
const DRIVEN_WITHOUT: u32 = u32::from_le_bytes([0x78, 0x78, 0x22, DRIVEN]);
const CLASSIC_WITHOUT: u32 = u32::from_le_bytes([0x78, 0x78, 0x1F, CLASSIC]);
const CLASSIC_WITH_MILEAGE: u32 = u32::from_le_bytes([0x78, 0x78, 0x23, CLASSIC]);

impl Gt06Decoder {
    /// Takes the next frame: such a one quickly, any other in the general way.
    #[inline(always)]
    pub(super) fn usual_or_next(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        // As one number, which is compared at once.
        match bytes.first_chunk().map_or(0, |first| u32::from_le_bytes(*first)) {
            DRIVEN_WITH_MILEAGE => self.frame_or_next::<43, DRIVEN>(bytes, env, out, replies),
            DRIVEN_WITHOUT => self.frame_or_next::<39, DRIVEN>(bytes, env, out, replies),
            CLASSIC_WITHOUT => self.frame_or_next::<36, CLASSIC>(bytes, env, out, replies),
            CLASSIC_WITH_MILEAGE => self.frame_or_next::<40, CLASSIC>(bytes, env, out, replies),
            _ => self.next(bytes, env, out, replies),
        }
    }

    #[inline(never)]
    fn frame_or_next<const LENGTH: usize, const KIND: u8>(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        match frame::<LENGTH, KIND>(bytes, self.zone_s, out, replies) {
            Some(()) => Ok(Progress::Frame),
            None => self.next(bytes, env, out, replies),
        }
    }
}

/// Takes a frame of a kind and of that many bytes, whose first four bytes are known to be right, from the beginning of a buffer. `None`,
/// and nothing done, if the rest of it is not. The four forms are apart, each with its lengths known when it is compiled.
#[inline(always)]
pub fn frame<const LENGTH: usize, const KIND: u8>(
    bytes: &mut BytesMut,
    zone_s: i32,
    out: &mut Vec<Message>,
    replies: &mut Replies,
) -> Option<()> {
    let (content, serial) = checked::<LENGTH, KIND>(bytes)?;
    let (date, rest) = content.split_first_chunk()?;
    let (place, rest) = rest.split_first_chunk()?;
    let (cell, rest) = rest.split_first_chunk::<8>()?;
    let [0..0x80, ..] = cell else { return None };
    let (state, mileage) = if KIND == DRIVEN { rest.split_first_chunk()? } else { (&[0; 3], rest) };
    // There is always one; what cannot happen must not ask for the general reading, for which all would be kept at hand.
    let Some((Record { fix_time, fix, attributes }, _)) = Message::begin_record(out) else { return Some(()) };
    // The later kind is in UTC.
    let (time, bad_date) = time_of(*date, if KIND == CLASSIC { zone_s } else { 0 });
    if time.is_some() {
        *fix_time = time;
    }
    let place = Place::of(place);
    let mut few = Packed::int(Name::Satellites, place.satellites);
    if let Some(ignition) = ignition_of(place.flags) {
        few = attributes.join(few, Packed::flag(Name::Ignition, ignition));
    }
    attributes.push_packed(few);
    let (found, bad_fix) = fix_of(place.latitude, place.longitude, u16::from(place.speed_kmh), place.flags);
    if found.is_some() {
        *fix = found;
    }
    let cell = u64::from_be_bytes(*cell);
    if cell & 0xFF_FFFF_FFFF != 0 {
        push_cell(attributes, cell);
    }
    let mileage = mileage.first_chunk().map(|mileage| Packed::int(Name::OdometerM, u32::from_be_bytes(*mileage)));
    if KIND == DRIVEN {
        tell_state(state, mileage, attributes);
    } else if let Some(mileage) = mileage {
        attributes.push_packed(mileage);
    }
    if bad_date | bad_fix {
        attributes.set(Name::OutOfRange, Value::Bool(true));
    }
    replies.short_here(Release::Durable, short_answer(KIND, u16::from_be_bytes(*serial)));
    bytes.advance(LENGTH);
    Some(())
}

/// What stands between the kind of a frame of that length and its serial number, and that number, if its end and its checksum are right.
#[inline(always)]
fn checked<const LENGTH: usize, const KIND: u8>(bytes: &[u8]) -> Option<(&[u8], &[u8; 2])> {
    let frame: &[u8; LENGTH] = bytes.first_chunk()?;
    let ([_, _, _, _, covered @ ..], end) = frame.split_last_chunk()? else { return None };
    let (content, serial) = covered.split_last_chunk()?;
    let begun = const { crc16_x25_begun(&[(LENGTH as u8).wrapping_sub(5), KIND]) };
    let [high, low] = crc16_x25_short(begun, covered).to_be_bytes();
    (*end == [high, low, b'\r', b'\n']).then_some((content, serial))
}

/// Ignition, upload mode, sent from memory; then the mileage.
#[inline(always)]
fn tell_state([ignition, mode, from_memory]: &[u8; 3], mileage: Option<Packed>, attributes: &mut Attributes) {
    let ignition = Packed::flag(Name::Ignition, *ignition != 0);
    let buffered = Packed::flag(Name::Buffered, true);
    // One for each sum of lengths, which then is known when it is compiled.
    match (mode, from_memory) {
        (0, 0) => push_with(attributes, ignition, mileage),
        (0, _) => {
            let few = attributes.join(ignition, buffered);
            push_with(attributes, few, mileage);
        }
        _ => {
            let mut few = attributes.join(ignition, Packed::int(Name::Event, *mode));
            if *from_memory != 0 {
                few = attributes.join(few, buffered);
            }
            push_with(attributes, few, mileage);
        }
    }
}

/// Country 2, network 1, area 2, cell 3.
#[inline(never)]
fn push_cell(attributes: &mut Attributes, cell: u64) {
    let [country, country_low, network, area, area_low, a, b, c] = cell.to_be_bytes();
    let place = (u64::from(u16::from_be_bytes([area, area_low])), u64::from(u32::from_be_bytes([0, a, b, c])));
    let text = cell_text((u16::from_be_bytes([country, country_low]), u16::from(network)), place, None);
    attributes.set(Name::Cell, Value::Text(text.as_str()));
}

#[inline(always)]
fn push_with(attributes: &mut Attributes, few: Packed, last: Option<Packed>) {
    let few = if let Some(last) = last { attributes.join(few, last) } else { few };
    attributes.push_packed(few);
}
