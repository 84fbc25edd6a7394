//! Lines of text.
//!
//! ```text
//! line = "$AV," version, id, serial, supply, battery (0.01 V), fuel, stopped, ignition, inputs, frequency, count,
//!        [ frequency, count ],                 ; from V3 on
//!        [ antenna ],                          ; from V5 on
//!        fix, satellites,
//!        [ height, geoid ],                    ; from V4 on
//!        hhmmss, latitude "N", longitude "E", speed (knots), course, ddmmyy,
//!        [ analog (0.01 V), count, temperature (0.5 °C) ],    ; from V3 on
//!        *field, [ "SF" ]                      ; SF: it was kept in the device's memory
//!      / "$AV," version "DI", id, serial, …, IMEI, ICCID      ; what the device is
//!      / "$AV," "CSPOLL", id, …                ; a sign of life
//!      / "$GSMCONT," word, id, number, text, … ; an answer to a command
//! ```
//!
//! Numbers that are not there are 65534, 65535, 32767 or negative.

use super::{LINE_BYTES_MAX, readable};
use crate::wire::{Fields, degrees_minutes_side, xor8};
use crate::{Attributes, Civil, DecodeError, Draft, Environment, Identifier, Key, Message, Micros, Name, Progress, Record, Value};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

const FIELDS_MAX: usize = 40;

/// Takes a line.
pub(super) fn line(bytes: &mut BytesMut, env: &Environment<'_>, out: &mut Vec<Message>) -> Result<Progress, DecodeError> {
    let window = bytes.get(..LINE_BYTES_MAX).unwrap_or(bytes);
    let Some(end) = window.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if bytes.len() < LINE_BYTES_MAX { Ok(Progress::NeedMore) } else { Err(DecodeError::fatal("line length")) };
    };
    let raw = window.get(..end).unwrap_or_default();
    let outcome = one(raw, env);
    let both = bytes.get(end..end.saturating_add(2)) == Some(b"\r\n");
    bytes.advance(end.saturating_add(if both { 2 } else { 1 }));
    out.push(outcome?);
    Ok(Progress::Frame)
}

/// Reads a line without its end.
fn one(raw: &[u8], env: &Environment<'_>) -> Result<Message, DecodeError> {
    let text = core::str::from_utf8(raw).map_err(|_| DecodeError::skipped("characters"))?;
    let (covered, sum) = text.strip_prefix('$').and_then(|text| text.rsplit_once('*')).ok_or(DecodeError::skipped("checksum"))?;
    let intact = u8::from_str_radix(sum, 16).is_ok_and(|sum| sum == xor8(covered.as_bytes()));
    if !intact && !env.options.ignore_checksum {
        return Err(DecodeError::skipped("checksum"));
    }
    let fields = Fields::<FIELDS_MAX>::split(covered, ',');
    let identifier = Identifier::new(fields.at(2));
    let undecoded = || Message::Undecoded { identifier, reason: "line", raw: raw.to_vec() };
    let mut message = match (fields.at(0), fields.at(1)) {
        ("AV", "CSPOLL") => Message::Heartbeat { identifier, attributes: Attributes::new() },
        ("AV", version) if version.ends_with("DI") => Message::Heartbeat { identifier, attributes: identification(&fields) },
        ("AV", version) => match Layout::of(version).and_then(|layout| record(&fields, layout)) {
            Some(record) => Message::Record { identifier, record },
            None => undecoded(),
        },
        ("GSMCONT", _) => answer(&fields, identifier),
        _ => undecoded(),
    };
    if let (false, Message::Record { record, .. }) = (intact, &mut message) {
        record.attributes.set(Name::ChecksumIgnored, Value::Bool(true));
    }
    Ok(message)
}

fn answer(fields: &Fields<'_, FIELDS_MAX>, identifier: Option<Identifier>) -> Message {
    let mut text = String::new();
    for (index, field) in fields.from(4).enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(field);
    }
    let text = readable(text.as_bytes());
    Message::CommandAnswer { identifier, tag: fields.number(3), done: None, text }
}

fn identification(fields: &Fields<'_, FIELDS_MAX>) -> Attributes {
    let mut attributes = Attributes::new();
    for (key, index) in [(Key::Text("imei"), 9), (Key::Named(Name::Iccid, 0), 10)] {
        if !fields.at(index).is_empty() {
            attributes.push(key, Value::Text(fields.at(index)));
        }
    }
    attributes
}

/// Where the fields of a version are.
#[derive(Clone, Copy)]
struct Layout {
    /// Fields of the second counter, the antenna and the height.
    second: bool,
    antenna: bool,
    height: bool,
}

impl Layout {
    fn of(version: &str) -> Option<Self> {
        let none = Self { second: false, antenna: false, height: false };
        Some(match version {
            "V2" => none,
            "V3" => Self { second: true, ..none },
            "V4" => Self { second: true, height: true, ..none },
            "V5" | "V6" => Self { second: true, antenna: true, height: true },
            _ => return None,
        })
    }
}

/// `None`: fields are missing.
fn record(fields: &Fields<'_, FIELDS_MAX>, layout: Layout) -> Option<Record> {
    let mut draft = Draft::new();
    draft.set_int(Name::Index, fields.number::<u32>(3));
    draft.set_int(Name::ExternalPowerMv, hundredths(fields.at(4)));
    draft.set_int(Name::BatteryMv, hundredths(fields.at(5)));
    draft.set_int(Name::FuelRaw, counted(fields.at(6)));
    draft.set(Name::Ignition, Value::Bool(fields.at(8) == "1"));
    draft.set_int(Name::InputMask, fields.number::<u8>(9));
    counter(&mut draft, fields, 10, 1);
    let mut at: usize = 12;
    if layout.second {
        counter(&mut draft, fields, 12, 2);
        at = 14;
    }
    if layout.antenna {
        draft.set_int(Name::GpsStatus, fields.number::<u8>(at));
        at = at.saturating_add(1);
    }
    let fix: Option<u8> = fields.number(at);
    draft.valid = fix.is_some_and(|fix| fix > 0);
    draft.set_int(Name::Satellites, fields.number::<u8>(at.saturating_add(1)));
    at = at.saturating_add(2);
    if layout.height {
        if let Some(metres) = fields.number(at) {
            draft.altitude_m(metres);
        }
        at = at.saturating_add(2);
    }
    place(&mut draft, fields, at)?;
    at = at.saturating_add(6);
    if layout.second && fields.count() > at.saturating_add(2) {
        if let Some(millivolts) = hundredths(fields.at(at)) {
            draft.set_numbered(Name::AnalogMv, 1, Value::Int(millivolts));
        }
        if let Some(count) = counted(fields.at(at.saturating_add(1))) {
            draft.set_numbered(Name::Count, 3, Value::Int(count));
        }
        let halves: Option<f64> = fields.number(at.saturating_add(2)).filter(|halves: &f64| halves.abs() < 1_000.0);
        if let Some(halves) = halves {
            draft.set_numbered(Name::TemperatureC, 1, Value::Float(halves / 2.0));
        }
    }
    if fields.from(at).last() == Some("SF") {
        draft.set(Name::Buffered, Value::Bool(true));
    }
    Some(draft.finish())
}

/// Time, latitude, longitude, speed, course, date.
fn place(draft: &mut Draft, fields: &Fields<'_, FIELDS_MAX>, at: usize) -> Option<()> {
    let [time, latitude, longitude, speed, course, date] = fields.some(at)?;
    draft.time = moment(time, date);
    if draft.time.is_none() && !(time.is_empty() && date.is_empty()) {
        draft.suspect("time");
    }
    if !latitude.is_empty() || !longitude.is_empty() {
        draft.place_of(degrees(latitude), degrees(longitude));
    }
    if draft.has_place() {
        if !speed.is_empty() {
            draft.speed_knots(speed.parse().unwrap_or(-1.0));
        }
        if !course.is_empty() {
            draft.course_deg(course.parse().unwrap_or(-1.0));
        }
    }
    Some(())
}

/// Hundredths of a volt in millivolts.
fn hundredths(field: &str) -> Option<i64> {
    counted(field)?.checked_mul(10)
}

/// A number that is there.
fn counted(field: &str) -> Option<i64> {
    field.parse().ok().filter(|number| (0..65_534).contains(number))
}

fn counter(draft: &mut Draft, fields: &Fields<'_, FIELDS_MAX>, at: usize, number: u8) {
    if let Some(hertz) = counted(fields.at(at)) {
        let key = if number == 1 { Key::Text("frequency[1]") } else { Key::Text("frequency[2]") };
        draft.attributes.push(key, Value::Int(hertz));
    }
    if let Some(count) = counted(fields.at(at.saturating_add(1))) {
        draft.set_numbered(Name::Count, number, Value::Int(count));
    }
}

fn degrees(field: &str) -> Option<f64> {
    let (digits, side) = field.split_at_checked(field.len().checked_sub(1)?)?;
    degrees_minutes_side(digits, side)
}

/// `hhmmss` and `ddmmyy`.
fn moment(time: &str, date: &str) -> Option<Micros> {
    let two = |text: &str, at: usize| text.get(at..at.saturating_add(2)).filter(|_| text.len() == 6)?.parse::<u32>().ok();
    Civil {
        year: i32::try_from(two(date, 4)?).ok()?.saturating_add(2000),
        month: two(date, 2)?,
        day: two(date, 0)?,
        hour: two(time, 0)?,
        minute: two(time, 2)?,
        second: two(time, 4)?,
        micros: 0,
    }
    .to_micros()
}
