//! The packed form.
//!
//! ```text
//! report   = ( "+RSP" / "+BSP" / "+EVT" / "+BVT" ) kind mask u32 length u16 device u8 protocol u16 firmware u16 id 8
//!            battery u8 (%) supply u16 (mV) motion u8 satellites u8 … place … sent 7 count u16 crc u16 0D 0A
//! place    = accuracy u8 speed u24 (whole u16, tenths u8) course u16 height i16 longitude i32 latitude i32 (10⁻⁶ °) time
//!            mcc u16 (BCD) mnc u16 (BCD) area u16 cell u16
//! time     = year u16 month day hour minute second
//! id       = IMEI, two digits a byte as a number; or a name
//! crc      = CRC-16/IBM-3740 over what stands behind the first four bytes up to it
//! track    = kind 64: count u16 *point, mcc …              ; count: seconds from the first to the last point, both counted
//! point    = 3 bits 3, 12 speed (0.1 km/h), 9 course, longitude i32, latitude i32, time u32
//!          / 3 bits 5, signed differences: 7 speed, 7 course, 12 longitude, 11 latitude; one second later
//!          / 3 bits 7, 5 bits: a second without a place
//! answer   = "+ACK" kind mask u8 length u8 device protocol firmware id 8 u8 serial u16 sent 7 count u16 crc u16 0D 0A
//! ```
//!
//! What stands between satellites and place depends on the kind and the mask; the place is found by its form. Lengths count all bytes.

use super::fields::state;
use crate::wire::{Cursor, bcd, cell_text, crc16_ccitt_false};
use crate::{Civil, DecodeError, Draft, Identifier, MICROS_PER_SECOND, Message, Micros, Name, Value};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

const TRACK: u8 = 0x64;
/// Points of one track: more does not fit a frame.
const POINTS_MAX: usize = 2_000;
const PER_DEGREE: f64 = 1e6;
/// How far the place may stand behind the satellites.
const PLACE_OFFSET_MAX: usize = 64;

/// Reads a packed message.
pub fn read(frame: &[u8], ignore_checksum: bool, out: &mut Vec<Message>) -> Result<(), DecodeError> {
    let fits = fits(frame).unwrap_or(false);
    if !fits && !ignore_checksum {
        return Err(DecodeError::skipped("checksum"));
    }
    let before = out.len();
    let done = match frame {
        [b'+', b'R' | b'B', b'S', b'P', ..] | [b'+', b'E' | b'B', b'V', b'T', ..] => report(frame, out),
        [b'+', b'A', b'C', b'K', ..] => answer(frame, out),
        [b'+', b'H', b'B', b'D', ..] => heartbeat(frame, out),
        _ => None,
    };
    if done.is_none() {
        out.truncate(before);
        out.push(Message::Undecoded { identifier: None, reason: "packed kind", raw: frame.to_vec() });
    }
    for message in out.iter_mut().skip(before) {
        if let (false, Message::Record { record, .. }) = (fits, message) {
            record.attributes.set(Name::ChecksumIgnored, Value::Bool(true));
        }
    }
    Ok(())
}

fn fits(frame: &[u8]) -> Option<bool> {
    let covered = frame.get(4..frame.len().checked_sub(4)?)?;
    let said = frame.get(frame.len().checked_sub(4)?..)?.first_chunk()?;
    Some(crc16_ccitt_false(covered) == u16::from_be_bytes(*said) && frame.ends_with(b"\r\n"))
}

/// An IMEI, two digits a byte; else a name.
fn identifier(id: [u8; 8]) -> Option<Identifier> {
    let [pairs @ .., last] = id;
    if pairs.iter().all(|pair| *pair <= 99) && last <= 9 && id != [0; 8] {
        let mut text = String::with_capacity(15);
        for pair in pairs {
            text.push_str(&format!("{pair:02}"));
        }
        text.push_str(&format!("{last}"));
        return Identifier::new(&text);
    }
    core::str::from_utf8(&id).ok().map(|name| name.trim_end_matches('\0')).and_then(Identifier::new)
}

fn instant(body: &mut Cursor<'_>) -> Option<Micros> {
    let year = i32::from(body.be_u16()?);
    let [month, day, hour, minute, second] = body.array()?;
    let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(u32::from);
    Civil { year, month, day, hour, minute, second, micros: 0 }.to_micros().filter(|_| (2000..2100).contains(&year))
}

/// A number of four digits, each in four bits.
fn decimals(number: u16) -> Option<u16> {
    let [high, low] = number.to_be_bytes();
    Some(u16::from(bcd(high)?).saturating_mul(100).saturating_add(u16::from(bcd(low)?)))
}

fn report(frame: &[u8], out: &mut Vec<Message>) -> Option<()> {
    let mut body = Cursor::new(frame.get(4..frame.len().checked_sub(4)?)?);
    let kind = body.u8()?;
    body.take(4 + 2 + 1 + 2)?;
    let firmware = body.be_u16()?;
    let identifier = identifier(body.array()?);
    let mut draft = Draft::new();
    draft.set_int(Name::BatteryLevelPct, Some(body.u8()?).filter(|percent| *percent <= 100));
    draft.set(Name::ExternalPowerMv, Value::Int(i64::from(body.be_u16()?)));
    if let Some((ignition, motion)) = state(&format!("{:02X}", body.u8()?)) {
        for (name, value) in [(Name::Ignition, ignition), (Name::Motion, motion)] {
            if let Some(value) = value {
                draft.set(name, Value::Bool(value));
            }
        }
    }
    draft.set(Name::Satellites, Value::Int(i64::from(body.u8()?)));
    draft.set(Name::Event, Value::Int(i64::from(kind)));
    draft.set(Name::Firmware, Value::Text(&format!("{firmware:04X}")));
    if matches!(frame, [b'+', b'B', ..]) {
        draft.set(Name::Buffered, Value::Bool(true));
    }
    if kind == TRACK {
        return track(&mut body, identifier, &draft, out);
    }
    let behind = body.rest();
    let place = (0..PLACE_OFFSET_MAX).find_map(|offset| place(behind.get(offset..)?));
    match place {
        Some(found) => found.describe(&mut draft),
        None => draft.time = behind.get(behind.len().checked_sub(9)?..).and_then(|tail| instant(&mut Cursor::new(tail))),
    }
    out.push(Message::Record { identifier, record: draft.finish() });
    Some(())
}

struct Place {
    accuracy: u8,
    speed_kmh: f64,
    course: u16,
    height: i16,
    longitude: i32,
    latitude: i32,
    time: Micros,
    cell: Option<((u16, u16), (u64, u64))>,
}

/// A place, if these bytes can be one.
fn place(bytes: &[u8]) -> Option<Place> {
    let mut body = Cursor::new(bytes);
    let accuracy = body.u8().filter(|accuracy| *accuracy <= 50)?;
    let (whole, tenths) = (body.be_u16()?, body.u8().filter(|tenths| *tenths <= 9)?);
    let course = body.be_u16().filter(|course| *course <= 360)?;
    let height = body.be_u16()?.cast_signed();
    let (longitude, latitude) = (body.be_u32()?.cast_signed(), body.be_u32()?.cast_signed());
    if whole > 999 || longitude.unsigned_abs() > 180_000_000 || latitude.unsigned_abs() > 90_000_000 {
        return None;
    }
    let time = instant(&mut body)?;
    let speed_kmh = f64::from(whole) + f64::from(tenths) / 10.0;
    Some(Place { accuracy, speed_kmh, course, height, longitude, latitude, time, cell: cell(&mut body) })
}

fn cell(body: &mut Cursor<'_>) -> Option<((u16, u16), (u64, u64))> {
    let operator = (decimals(body.be_u16()?)?, decimals(body.be_u16()?)?);
    let place = (u64::from(body.be_u16()?), u64::from(body.be_u16()?));
    (operator.0 != 0).then_some((operator, place))
}

fn set_place(longitude: i32, latitude: i32, draft: &mut Draft) {
    draft.place(f64::from(latitude) / PER_DEGREE, f64::from(longitude) / PER_DEGREE);
}

impl Place {
    fn describe(&self, draft: &mut Draft) {
        draft.time = Some(self.time);
        draft.valid = self.accuracy > 0;
        set_place(self.longitude, self.latitude, draft);
        draft.speed_kmh(self.speed_kmh);
        draft.course_deg(f64::from(self.course));
        draft.altitude_m(f64::from(self.height));
        if self.accuracy > 0 {
            draft.set(Name::Hdop, Value::Float(f64::from(self.accuracy)));
        }
        if let Some((operator, place)) = self.cell {
            draft.set(Name::Cell, Value::Text(cell_text(operator, place, None).as_str()));
        }
    }
}

/// A point of a track, which the next one is told from.
#[derive(Clone, Copy, Default)]
struct Point {
    speed: i64,
    course: i64,
    longitude: i32,
    latitude: i32,
    seconds: i64,
}

/// The low bits of a word as a signed number.
const fn signed(word: u64, shift: u32, bits: u32) -> i64 {
    let unused = 64_u32.wrapping_sub(bits);
    word.wrapping_shr(shift).wrapping_shl(unused).cast_signed().wrapping_shr(unused)
}

fn track(body: &mut Cursor<'_>, identifier: Option<Identifier>, common: &Draft, out: &mut Vec<Message>) -> Option<()> {
    let seconds = usize::from(body.be_u16()?);
    let mut last: Option<Point> = None;
    for _ in 0..seconds.min(POINTS_MAX) {
        let point = match (body.rest().first()? >> 5, last) {
            (3, _) => full_point(body)?,
            (5, Some(before)) => before.next(body)?,
            (7, before) => {
                body.u8()?;
                last = before.map(|before| Point { seconds: before.seconds.saturating_add(1), ..before });
                continue;
            }
            _ => return None,
        };
        last = Some(point);
        let mut draft = common.clone();
        draft.time = Some(point.seconds.saturating_mul(MICROS_PER_SECOND));
        draft.valid = true;
        set_place(point.longitude, point.latitude, &mut draft);
        draft.speed_kmh(f64::from(u16::try_from(point.speed).ok()?) / 10.0);
        draft.course_deg(f64::from(u16::try_from(point.course.rem_euclid(360)).ok()?));
        out.push(Message::Record { identifier, record: draft.finish() });
    }
    Some(())
}

fn full_point(body: &mut Cursor<'_>) -> Option<Point> {
    let word = i64::from(body.be_u24()?);
    let (longitude, latitude, seconds) = (body.be_u32()?.cast_signed(), body.be_u32()?.cast_signed(), i64::from(body.be_u32()?));
    Some(Point { speed: (word >> 9) & 0xFFF, course: word & 0x1FF, longitude, latitude, seconds })
}

impl Point {
    fn next(self, body: &mut Cursor<'_>) -> Option<Self> {
        let word = (u64::from(body.u8()?) << 32) | u64::from(body.be_u32()?);
        let moved = |from: i32, by: i64| i64::from(from).checked_add(by).and_then(|sum| i32::try_from(sum).ok());
        Some(Self {
            speed: self.speed.saturating_add(signed(word, 30, 7)),
            course: self.course.saturating_add(signed(word, 23, 7)),
            longitude: moved(self.longitude, signed(word, 11, 12))?,
            latitude: moved(self.latitude, signed(word, 0, 11))?,
            seconds: self.seconds.saturating_add(1),
        })
    }
}

fn answer(frame: &[u8], out: &mut Vec<Message>) -> Option<()> {
    let mut body = Cursor::new(frame.get(4..)?);
    let kind = body.u8()?;
    body.take(1 + 1 + 1 + 2 + 2)?;
    let identifier = identifier(body.array()?);
    out.push(Message::CommandAnswer { identifier, tag: None, done: Some(true), text: format!("ACK {kind:02X}") });
    Some(())
}

fn heartbeat(frame: &[u8], out: &mut Vec<Message>) -> Option<()> {
    let mut body = Cursor::new(frame.get(4..)?);
    body.take(1 + 1 + 1 + 2 + 2)?;
    let identifier = identifier(body.array()?);
    out.push(Message::Heartbeat { identifier, attributes: Draft::new().attributes });
    Some(())
}
