//! The second generation, "@Track Protocol Pro".
//!
//! ```text
//! report   = ( "+" / "-" ) 00 length u16 flags u8 [ packets u8 packet u8 ] id 8 device u16 protocol u16 custom u8 more u8 *more-byte
//!            *record count u16 check u8 "$"                 ; "-" is sent from memory; flags: 80 one of several packets
//! record   = size made u32 number u16 kind u8 event u8 *( item size *byte )   ; size of a record counts itself
//! size     = item = u8 / u16 with the highest bit set
//! alive    = ( "+" / "-" ) 10 18 id 8 device u16 protocol u16 custom u8 made u32 count u16 check u8 "$"
//! id       = an IMEI of 15 digits as 16 decimals (BCD)
//! check    = CRC-8/NRSC-5 over what stands before it
//! item 52  = fix u8 longitude i32 latitude i32 (10⁻⁶ °) time u32 speed u16 (0.1 km/h) hdop u8 (0.1) course u16 height i24 (0.1 m)
//!            satellites u8                                  ; fix: bits 2 and 3: 2 is a fix, else the last known place
//! item 51  = the same up to the speed
//! item 1B  = ignition u8 (2: unknown)
//! item 1F / 20 = mileage u32 (m), of all and of this journey; 22 / 23 = hours u32 (s)
//! ```
//!
//! Other items are kept by their numbers. Where the device is set to wait for answers (setting `ack`), they are as for text.
//!
//! Source: Queclink, "GL601 @Track Protocol Pro" 10 and "GV500CNA" 3: frames, records, data IDs.

use crate::steps::RECORDS_A_STEP;
use crate::wire::{Cursor, crc8_nrsc5, push_padded, to_hex};
use crate::{DecodeError, Draft, Environment, Identifier, Key, MICROS_PER_SECOND, Message, Micros, Name, Release, Replies, Value};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

const REPORT: u8 = 0;
const ALIVE: u8 = 0x10;
/// Check and `$`.
const END_BYTES: usize = 2;
const SEVERAL_PACKETS: u8 = 0x80;
const PER_DEGREE: f64 = 1e6;
/// Of a record: when it was made, its number, kind and event.
const HEAD_BYTES: usize = 8;
/// Longer items are not kept.
const ITEM_BYTES_MAX: usize = 64;

const MINI_LOCATION: u16 = 0x51;
const LOCATION: u16 = 0x52;
const IGNITION: u16 = 0x1B;
const MILEAGE: u16 = 0x1F;
const TRIP_MILEAGE: u16 = 0x20;
const HOURS: u16 = 0x22;
const TRIP_HOURS: u16 = 0x23;
const FIX: u8 = 2;

/// Whether bytes begin like this form, as far as they are there.
pub const fn begins(bytes: &[u8]) -> bool {
    matches!(bytes, [b'+' | b'-', REPORT | ALIVE, ..] | [b'-'])
}

/// A report whose records are being told.
#[derive(Debug)]
pub struct Report {
    identifier: Identifier,
    buffered: bool,
    fits: bool,
    count: u16,
    ack: bool,
}

/// Reads a frame. Of a report, the records are still to be told: where they stand in it.
pub fn read(
    frame: &[u8],
    env: &Environment<'_>,
    out: &mut Vec<Message>,
    replies: &mut Replies,
) -> Result<Option<(Report, Range<usize>)>, DecodeError> {
    let fits = fits(frame).unwrap_or(false);
    if !fits && !env.options.ignore_checksum {
        return Err(DecodeError::skipped("checksum"));
    }
    let Some((count, identifier)) = said(frame) else { return Err(DecodeError::skipped("no device")) };
    let report = Report { identifier, buffered: frame.first() == Some(&b'-'), fits, count, ack: env.options.flag("ack") };
    if frame.get(1) == Some(&ALIVE) {
        out.push(Message::Heartbeat { identifier: Some(identifier), attributes: Draft::new().attributes });
    } else {
        let place = records(frame);
        let mut body = Cursor::new(place.clone().and_then(|place| frame.get(place)).unwrap_or_default());
        match place {
            Some(place) if is_sound(body) => return Ok(Some((report, place))),
            _ => {}
        }
        // What is sound in the first step of it is told all the same.
        let _ = (0..RECORDS_A_STEP).try_for_each(|_| report.next(&mut body, out));
        out.push(Message::Undecoded { identifier: Some(identifier), reason: "record", raw: frame.to_vec() });
    }
    report.answer(replies);
    Ok(None)
}

fn fits(frame: &[u8]) -> Option<bool> {
    let (covered, end) = frame.split_at_checked(frame.len().checked_sub(END_BYTES)?)?;
    Some(end == [crc8_nrsc5(covered), b'$'])
}

/// The count, and who.
fn said(frame: &[u8]) -> Option<(u16, Identifier)> {
    let end = frame.len().checked_sub(END_BYTES)?;
    let count = frame.get(end.checked_sub(2)?..end)?.first_chunk()?;
    let mut body = Cursor::new(frame.get(2..end)?);
    if frame.get(1) == Some(&ALIVE) {
        body.u8()?;
    } else {
        body.be_u16()?;
        let flags = body.u8()?;
        body.skip(if flags & SEVERAL_PACKETS == 0 { 0 } else { 2 })?;
    }
    Some((u16::from_be_bytes(*count), imei(body.array()?)?))
}

fn imei(id: [u8; 8]) -> Option<Identifier> {
    let number = u64::from_be_bytes(id);
    let mut text = String::with_capacity(16);
    for place in (0..15_u32).rev() {
        let digit = u32::try_from(number.wrapping_shr(place.saturating_mul(4)) & 0xF).ok()?;
        push_padded(&mut text, Some(digit).filter(|digit| *digit <= 9)?, 1);
    }
    Identifier::new(&text)
}

/// Where the records of a report stand.
fn records(frame: &[u8]) -> Option<Range<usize>> {
    let end = frame.len().checked_sub(END_BYTES + 2)?;
    let mut body = Cursor::new(frame.get(4..end)?);
    let flags = body.u8()?;
    body.skip(if flags & SEVERAL_PACKETS == 0 { 0 } else { 2 })?;
    body.skip(8 + 2 + 2 + 1)?;
    let more = body.u8()?;
    body.skip(usize::from(more))?;
    Some(end.checked_sub(body.rest().len())?..end)
}

/// A record behind its size.
fn content<'a>(body: &mut Cursor<'a>) -> Option<Cursor<'a>> {
    let before = body.rest().len();
    let size = usize::from(variable(body)?);
    let own = before.saturating_sub(body.rest().len());
    Some(Cursor::new(body.take(size.checked_sub(own)?)?))
}

fn item<'a>(record: &mut Cursor<'a>) -> Option<(u16, &'a [u8])> {
    let (item, size) = (variable(record)?, variable(record)?);
    Some((item, record.take(usize::from(size))?))
}

/// Whether all records are whole.
fn is_sound(mut body: Cursor<'_>) -> bool {
    let mut record = || {
        let mut record = content(&mut body)?;
        record.skip(HEAD_BYTES)?;
        while !record.rest().is_empty() {
            item(&mut record)?;
        }
        Some(body.rest().is_empty())
    };
    loop {
        match record() {
            Some(true) => return true,
            Some(false) => {}
            None => return false,
        }
    }
}

impl Report {
    /// Tells the next record.
    pub fn next(&self, body: &mut Cursor<'_>, out: &mut Vec<Message>) -> Option<()> {
        let mut record = content(body)?;
        let mut draft = Draft::at(Some(seconds(record.be_u32()?)));
        let (_number, kind, event) = (record.be_u16()?, record.u8()?, record.u8()?);
        draft.set(Name::Event, Value::Text(&format!("{kind:02X}.{event}")));
        if self.buffered {
            draft.set(Name::Buffered, Value::Bool(true));
        }
        while !record.rest().is_empty() {
            let (item, value) = item(&mut record)?;
            describe(item, value, &mut draft);
        }
        if !self.fits {
            draft.set(Name::ChecksumIgnored, Value::Bool(true));
        }
        out.push(Message::Record { identifier: Some(self.identifier), record: draft.finish() });
        Some(())
    }

    /// Where the device waits for it.
    pub fn answer(&self, replies: &mut Replies) {
        if self.ack {
            replies.bytes(Release::Durable, format!("+SACK:{:04X}$", self.count).into_bytes());
        }
    }
}

/// One byte, or two with the highest bit set.
fn variable(body: &mut Cursor<'_>) -> Option<u16> {
    let first = u16::from(body.u8()?);
    if first & 0x80 == 0 {
        return Some(first);
    }
    Some(((first & 0x7F) << 8) | u16::from(body.u8()?))
}

fn seconds(seconds: u32) -> Micros {
    i64::from(seconds).saturating_mul(MICROS_PER_SECOND)
}

/// An item. One without content could not be known by the device.
fn describe(item: u16, content: &[u8], draft: &mut Draft) {
    let number = || content.first_chunk().map(|bytes| i64::from(u32::from_be_bytes(*bytes)));
    match item {
        _ if content.is_empty() => {}
        LOCATION | MINI_LOCATION => location(content, draft).unwrap_or_else(|| draft.suspect("location")),
        IGNITION => match content {
            [0] => draft.set(Name::Ignition, Value::Bool(false)),
            [1] => draft.set(Name::Ignition, Value::Bool(true)),
            _ => {}
        },
        MILEAGE => draft.set_int(Name::OdometerM, number()),
        TRIP_MILEAGE => draft.set_int(Name::TripOdometerM, number()),
        HOURS => draft.set_int(Name::EngineHoursS, number()),
        TRIP_HOURS => draft.set_int(Name::WorkHoursS, number()),
        _ if content.len() <= 8 => {
            let number = content.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
            draft.attributes.push(Key::Io(u32::from(item)), i64::try_from(number).map_or(Value::Unsigned(number), Value::Int));
        }
        _ if content.len() <= ITEM_BYTES_MAX => draft.attributes.push(Key::Io(u32::from(item)), Value::Text(&to_hex(content))),
        _ => {}
    }
}

fn location(content: &[u8], draft: &mut Draft) -> Option<()> {
    let mut body = Cursor::new(content);
    let fix = body.u8()?;
    let (longitude, latitude) = (body.be_u32()?.cast_signed(), body.be_u32()?.cast_signed());
    let time = seconds(body.be_u32()?);
    let speed = body.be_u16()?;
    draft.place(f64::from(latitude) / PER_DEGREE, f64::from(longitude) / PER_DEGREE);
    if !draft.has_place() {
        return Some(());
    }
    draft.time = Some(time);
    draft.valid = (fix >> 2) & 3 == FIX;
    draft.speed_kmh(f64::from(speed) / 10.0);
    if body.rest().is_empty() {
        return Some(());
    }
    let (hdop, course) = (body.u8()?, body.be_u16()?);
    let height = body.be_u24()?.wrapping_shl(8).cast_signed() >> 8_u32;
    draft.set(Name::Hdop, Value::Float(f64::from(hdop) / 10.0));
    draft.course_deg(f64::from(course));
    draft.altitude_m(f64::from(height) / 10.0);
    draft.set(Name::Satellites, Value::Int(i64::from(body.u8()?)));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manuals_frames_fit() {
        // GL601 @Track Protocol Pro 10, "Heartbeat frame" and "Check byte".
        let alive = crate::wire::from_hex("2B1018012345678901234580010007005E362F5A10F21424").unwrap();
        assert_eq!(fits(&alive), Some(true));
        let (count, identifier) = said(&alive).unwrap();
        assert_eq!((count, identifier.as_str()), (0x10F2, "123456789012345"));
        assert_eq!(crc8_nrsc5(&crate::wire::from_hex("2B0123456789012345FE0106010201FF5DB38C80").unwrap()), 0xFE);
    }

    #[test]
    fn two_bytes_and_heights_below_the_sea() {
        assert_eq!(variable(&mut Cursor::new(&[0x80, 0x8C])), Some(140));
        // The manual's example of item 82, with a negative height.
        let content = crate::wire::from_hex("29F920A8E102AC1A8E5DD52EFA017D0A0000FFFFCE0C").unwrap();
        let mut draft = Draft::new();
        describe(LOCATION, &content, &mut draft);
        let record = draft.finish();
        let fix = record.fix.unwrap();
        assert_eq!((fix.altitude_m, fix.speed_kmh, fix.valid), (Some(-5.0), Some(38.1), true));
        assert_eq!(record.attributes.get(Name::Hdop), Some(Value::Float(1.0)));
    }
}
