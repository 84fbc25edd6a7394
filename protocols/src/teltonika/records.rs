//! AVL records: what the codecs 7, 8, 8 extended and 16 put between the two counts.
//!
//! ```text
//! record  = time u64 (ms), priority u8, longitude i32 (1e-7°), latitude i32, altitude i16 (m), angle u16 (°), satellites u8,
//!           speed u16 (km/h), event id, [ generation type u8 ], total, 4*group, [ variable ]
//! group   = number, *( id, value )                     ; values of 1, 2, 4 and 8 bytes
//! variable = number, *( id, length u16, value )
//! ```
//!
//! | | codec 8 | 8 extended | 16 |
//! |---|---|---|---|
//! | event id, id | u8 | u16 | u16 |
//! | total, number | u8 | u16 | u8 |
//! | generation type | – | – | yes |
//! | variable | – | yes | – |
//!
//! Without a fix the device repeats the last place with angle, satellites and speed 0 (vendor, "GPS element"): such a place is
//! kept as not valid, and 0/0 is no place.

use super::elements::{self, Width};
use super::tags;
use crate::wire::Cursor;
use crate::{Attributes, Environment, Fix, Identifier, Key, Latitude, Longitude, MICROS_PER_SECOND, Message, Micros, Name, Record, Value};
use alloc::vec::Vec;

const CODEC_GH: u8 = 0x07;
const CODEC_8: u8 = 0x08;
pub(super) const CODEC_8_EXTENDED: u8 = 0x8E;
const CODEC_16: u8 = 0x10;

/// The shortest record of any codec.
const RECORD_BYTES_MIN: usize = 5;

/// Microseconds in a millisecond.
pub(super) const MICROS_PER_MILLI: Micros = 1_000;
/// Units of a degree on the wire.
pub(super) const PER_DEGREE: f64 = 1e7;

/// What was left over: bytes that are not understood, and why.
pub(super) struct Rest<'a> {
    pub(super) reason: &'static str,
    pub(super) raw: &'a [u8],
}

/// Whether a codec carries records that are read here.
pub(super) fn is_known(codec: u8) -> bool {
    matches!(codec, CODEC_GH | CODEC_8 | CODEC_8_EXTENDED | CODEC_16)
}

/// Reads `count` records; the good ones before the first bad one stay in `out`.
pub(super) fn read<'a>(
    codec: u8,
    count: u8,
    body: &'a [u8],
    identifier: Option<Identifier>,
    env: &Environment<'_>,
    out: &mut Vec<Message>,
) -> Option<Rest<'a>> {
    let device = Device { obd: env.model.is_some_and(elements::has_obd), sixteens: env.options.flag("extended") };
    let mut cursor = Cursor::new(body);
    let first = out.len();
    // Made in place: no more of them than the bytes could hold, whatever the count says.
    let possible = usize::from(count).min(body.len().div_euclid(RECORD_BYTES_MIN).saturating_add(1));
    out.extend(core::iter::repeat_with(|| Message::Record { identifier, record: Record::default() }).take(possible));
    for place in first..first.saturating_add(usize::from(count)) {
        let before = cursor.rest();
        let understood = match out.get_mut(place) {
            Some(Message::Record { record, .. }) => read_one(codec, record, &mut cursor, device),
            _ => None,
        };
        if understood.is_none() {
            out.truncate(place);
            return Some(Rest { reason: "record is cut off", raw: before });
        }
    }
    let raw = cursor.rest();
    (!raw.is_empty()).then_some(Rest { reason: "bytes after the last record", raw })
}

#[inline(always)]
fn read_one(codec: u8, record: &mut Record, cursor: &mut Cursor<'_>, device: Device) -> Option<()> {
    let plain = Layout { wide_ids: false, wide_counts: false, generation: false, variable: false };
    match codec {
        CODEC_8 => avl_record(record, cursor, plain, device),
        CODEC_8_EXTENDED => avl_record(record, cursor, Layout { wide_ids: true, wide_counts: true, variable: true, ..plain }, device),
        CODEC_16 => avl_record(record, cursor, Layout { wide_ids: true, generation: true, ..plain }, device),
        CODEC_GH => gh_record(record, cursor),
        _ => None,
    }
}

/// What is known of the device beyond the frame.
#[derive(Clone, Copy)]
struct Device {
    /// It has an OBD reader plugged in, or is one.
    obd: bool,
    /// A group of values of 16 bytes follows the others (the setting `extended`).
    sixteens: bool,
}

/// How a codec spells what the others spell otherwise.
#[derive(Clone, Copy)]
struct Layout {
    wide_ids: bool,
    wide_counts: bool,
    generation: bool,
    variable: bool,
}

impl Layout {
    #[inline(always)]
    fn id(self, cursor: &mut Cursor<'_>) -> Option<u16> {
        if self.wide_ids { cursor.be_u16() } else { cursor.u8().map(u16::from) }
    }

    #[inline(always)]
    fn count(self, cursor: &mut Cursor<'_>) -> Option<u16> {
        if self.wide_counts { cursor.be_u16() } else { cursor.u8().map(u16::from) }
    }
}

#[inline(always)]
fn avl_record(record: &mut Record, cursor: &mut Cursor<'_>, layout: Layout, device: Device) -> Option<()> {
    let time = cursor.be_u64()?;
    let priority = cursor.u8()?;
    let place = Place::take(cursor)?;
    let event = layout.id(cursor)?;
    let attributes = &mut record.attributes;
    if priority != 0 {
        attributes.push_here(Key::Named(Name::Priority, 0), Value::Int(i64::from(priority)));
    }
    attributes.push_here(Key::Named(Name::Satellites, 0), Value::Int(i64::from(place.satellites)));
    if event != 0 {
        attributes.push_here(Key::Named(Name::Event, 0), Value::Int(i64::from(event)));
    }
    if layout.generation {
        attributes.push(Key::Text("generation_type"), Value::Int(i64::from(cursor.u8()?)));
    }
    let _total = layout.count(cursor)?;
    if layout.wide_ids {
        group::<3>(attributes, cursor, layout, Width::One, device)?;
        group::<4>(attributes, cursor, layout, Width::Two, device)?;
        group::<6>(attributes, cursor, layout, Width::Four, device)?;
        group::<10>(attributes, cursor, layout, Width::Eight, device)?;
    } else {
        group::<2>(attributes, cursor, layout, Width::One, device)?;
        group::<3>(attributes, cursor, layout, Width::Two, device)?;
        group::<5>(attributes, cursor, layout, Width::Four, device)?;
        group::<9>(attributes, cursor, layout, Width::Eight, device)?;
    }
    if device.sixteens {
        for _ in 0..layout.count(cursor)? {
            let id = layout.id(cursor)?;
            tags::push(attributes, id, cursor.take(16)?);
        }
    }
    if layout.variable {
        for _ in 0..cursor.be_u16()? {
            let id = cursor.be_u16()?;
            let length = cursor.be_u16()?;
            tags::push(attributes, id, cursor.take(usize::from(length))?);
        }
    }
    record.fix_time = (time != 0).then(|| micros(time)).flatten();
    let mut suspicious = (time != 0 && record.fix_time.is_none()).then_some("time");
    record.fix = place.fix(&mut suspicious);
    if let Some(what) = suspicious {
        attributes.set(Name::OutOfRange, Value::Text(what));
    }
    Some(())
}

/// A group of elements, each of `BYTES` bytes: its bounds are checked once.
#[inline(always)]
fn group<const BYTES: usize>(out: &mut Attributes, cursor: &mut Cursor<'_>, layout: Layout, width: Width, device: Device) -> Option<()> {
    let count = layout.count(cursor)?;
    let (elements, _) = cursor.take(usize::from(count).saturating_mul(BYTES))?.as_chunks::<BYTES>();
    for element in elements {
        let (id, value) = element.split_at_checked(if layout.wide_ids { 2 } else { 1 })?;
        let id = id.iter().fold(0_u16, |id, byte| (id << 8) | u16::from(*byte));
        let raw = value.iter().fold(0_u64, |raw, byte| (raw << 8) | u64::from(*byte));
        elements::push(out, id, raw, width, device.obd);
    }
    Some(())
}

fn micros(millis: u64) -> Option<Micros> {
    i64::try_from(millis).ok()?.checked_mul(MICROS_PER_MILLI)
}

/// The GPS element.
struct Place {
    longitude: i32,
    latitude: i32,
    altitude_m: i16,
    angle_deg: u16,
    satellites: u8,
    speed_kmh: u16,
}

impl Place {
    #[inline(always)]
    fn take(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            longitude: i32::from_be_bytes(cursor.array()?),
            latitude: i32::from_be_bytes(cursor.array()?),
            altitude_m: i16::from_be_bytes(cursor.array()?),
            angle_deg: cursor.be_u16()?,
            satellites: cursor.u8()?,
            speed_kmh: cursor.be_u16()?,
        })
    }

    #[inline(always)]
    fn fix(&self, suspicious: &mut Option<&'static str>) -> Option<Fix> {
        if self.latitude == 0 && self.longitude == 0 {
            return None;
        }
        let latitude = Latitude::new(f64::from(self.latitude) / PER_DEGREE);
        let longitude = Longitude::new(f64::from(self.longitude) / PER_DEGREE);
        let course_deg = match self.angle_deg {
            360 => Some(0.0),
            angle if angle < 360 => Some(f32::from(angle)),
            _ => {
                *suspicious = Some("course");
                None
            }
        };
        let (Some(latitude), Some(longitude)) = (latitude, longitude) else {
            *suspicious = Some(if latitude.is_none() { "latitude" } else { "longitude" });
            return None;
        };
        Some(Fix {
            latitude,
            longitude,
            valid: self.satellites > 0,
            altitude_m: Some(f32::from(self.altitude_m)),
            speed_kmh: Some(f32::from(self.speed_kmh)),
            course_deg,
        })
    }
}

/// 2007-01-01T00:00:00Z, where the clock of the GH devices begins.
const GH_EPOCH: Micros = 1_167_609_600 * MICROS_PER_SECOND;

/// A record of the GH family (vendor, "GH3000 AVL protocol"): everything is optional and announced by bit masks.
///
/// ```text
/// record = priority (2 bits), seconds since 2007 (30 bits), mask u8, [ gps ], 3[ group of values of 1, 2, 4 bytes ]
/// gps    = mask u8, [ latitude f32, longitude f32 ], [ altitude i16 ], [ angle u8 (360/256 °) ], [ speed u8 (km/h) ],
///          [ satellites u8 ], [ area u16, cell u16 ], [ signal u8 ], [ operator u32 ]
/// ```
fn gh_record(record: &mut Record, cursor: &mut Cursor<'_>) -> Option<()> {
    let head = cursor.be_u32()?;
    let seconds = i64::from(head & 0x3FFF_FFFF);
    record.fix_time = seconds.checked_mul(MICROS_PER_SECOND)?.checked_add(GH_EPOCH);
    let mask = cursor.u8()?;
    let attributes = &mut record.attributes;
    if head >> 30 != 0 {
        attributes.set(Name::Priority, Value::Int(i64::from(head >> 30)));
    }
    record.fix = if mask & 1 != 0 { gh_place(cursor, attributes)? } else { None };
    for (bit, width) in [(2, Width::One), (4, Width::Two), (8, Width::Four)] {
        if mask & bit != 0 {
            for _ in 0..cursor.u8()? {
                let id = cursor.u8()?;
                let raw = width.take(cursor)?;
                elements::push_gh(attributes, id, raw);
            }
        }
    }
    Some(())
}

/// `None`: the bytes end too early; `Some(None)`: there is no place.
#[allow(clippy::option_option)]
fn gh_place(cursor: &mut Cursor<'_>, attributes: &mut Attributes) -> Option<Option<Fix>> {
    let mask = cursor.u8()?;
    let has = |bit: u8| mask & (1 << bit) != 0;
    let mut degrees = None;
    if has(0) {
        degrees = Some((f32::from_be_bytes(cursor.array()?), f32::from_be_bytes(cursor.array()?)));
    }
    let altitude_m = if has(1) { Some(f32::from(i16::from_be_bytes(cursor.array()?))) } else { None };
    let course_deg = if has(2) { Some(f32::from(cursor.u8()?) * 360.0 / 256.0) } else { None };
    let speed_kmh = if has(3) { Some(f32::from(cursor.u8()?)) } else { None };
    let satellites = if has(4) { Some(cursor.u8()?) } else { None };
    if let Some(satellites) = satellites {
        attributes.set(Name::Satellites, Value::Int(i64::from(satellites)));
    }
    if has(5) {
        attributes.push(Key::Io(elements::AREA), Value::Int(i64::from(cursor.be_u16()?)));
        attributes.push(Key::Io(elements::CELL), Value::Int(i64::from(cursor.be_u16()?)));
    }
    if has(6) {
        attributes.set(Name::GsmSignalLevel, Value::Int(i64::from(cursor.u8()?)));
    }
    if has(7) {
        attributes.set(Name::Operator, Value::Int(i64::from(cursor.be_u32()?)));
    }
    let Some((latitude, longitude)) = degrees.filter(|(latitude, longitude)| *latitude != 0.0 || *longitude != 0.0) else {
        return Some(None);
    };
    let (Some(latitude), Some(longitude)) = (Latitude::new(f64::from(latitude)), Longitude::new(f64::from(longitude))) else {
        attributes.set(Name::OutOfRange, Value::Text("latitude or longitude"));
        return Some(None);
    };
    let valid = satellites != Some(0);
    Some(Some(Fix { latitude, longitude, valid, altitude_m, speed_kmh, course_deg }))
}
