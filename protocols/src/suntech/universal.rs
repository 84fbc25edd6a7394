//! The universal protocol: a map says which fields a report has.

use super::alert::{KEY, alert};
use super::{Data, Line, data, millivolts, time};
use crate::wire::{
    Cursor, WORD_DIGITS, bcd, cell_text, decimal_of, eight_bits, hexadecimal, integer, last_eight, push_padded, to_hex, unsigned,
};
use crate::{Attributes, Civil, DecodeError, Draft, Identifier, Key, Message, Name, Value};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Fields by their bit in the map. The identifier and the map itself stand before them.
const MODEL: u32 = 1;
const VERSION: u32 = 2;
const LIVE: u32 = 3;
const DATE: u32 = 4;
const TIME: u32 = 5;
const CELL: u32 = 6;
const COUNTRY: u32 = 7;
const NETWORK: u32 = 8;
const AREA: u32 = 9;
const SIGNAL: u32 = 10;
const LATITUDE: u32 = 11;
const LONGITUDE: u32 = 12;
const SPEED: u32 = 13;
const COURSE: u32 = 14;
const SATELLITES: u32 = 15;
const FIX: u32 = 16;
const INPUTS: u32 = 17;
const OUTPUTS: u32 = 18;
/// Mode and reason of a report, number and part of an alert.
const FIRST: u32 = 19;
const SECOND: u32 = 20;
const NUMBER: u32 = 21;
const RESERVED: u32 = 22;
const ASSIGNED: u32 = 23;

/// Fields that tell of a tag.
const TAG_FIELDS: usize = 7;

/// Kinds of the binary form.
const STATUS: u8 = 0x81;
const ALERT: u8 = 0x82;
const ALIVE: u8 = 0x83;
const DATA: u8 = 0x84;

/// Walks through the fields that the map has.
struct Mapped<Rest> {
    map: u32,
    rest: Rest,
}

impl<'a, Rest: Iterator<Item = &'a [u8]>> Mapped<Rest> {
    /// The field of that bit; empty where the report has none.
    #[inline]
    fn take(&mut self, bit: u32) -> &'a [u8] {
        if self.map >> bit & 1 == 0 {
            return &[];
        }
        self.rest.next().unwrap_or_default()
    }
}

/// A field of a line, which is a text.
fn text(field: &[u8]) -> &str {
    core::str::from_utf8(field).unwrap_or_default()
}

/// Hexadecimal digits.
fn mask(digits: &[u8]) -> Option<u32> {
    u32::try_from(hexadecimal(digits)?).ok()
}

/// Binary digits.
fn bits(digits: &[u8]) -> Option<u32> {
    if (1..=WORD_DIGITS).contains(&digits.len())
        && let Some(bits) = eight_bits(last_eight(digits))
    {
        return u32::try_from(bits).ok();
    }
    u32::from_str_radix(text(digits), 2).ok()
}

/// Reads a line.
pub fn read(kind: &str, fields: &Line<'_>, data: Option<Data<'_>>, draft: &mut Draft) -> Option<()> {
    if !matches!(kind, "STT" | "ALT" | "EMG" | "UEX") {
        return None;
    }
    let map = mask(fields.bytes(2))?;
    let mut mapped = Mapped { map, rest: fields.bytes_from(3) };
    mapped.take(MODEL);
    // Where the version stands is known, so that it need not be made a text again.
    if !mapped.take(VERSION).is_empty() {
        draft.set(Name::Firmware, Value::Text(fields.at(if map >> MODEL & 1 == 1 { 4 } else { 3 })));
    }
    if mapped.take(LIVE) == b"0" {
        draft.set(Name::Buffered, Value::Bool(true));
    }
    let (date, hours) = (mapped.take(DATE), mapped.take(TIME));
    draft.time = time(date, hours);
    if draft.time.is_none() && !date.is_empty() {
        draft.suspect("time");
    }
    let (cell, country, network) = (mapped.take(CELL), mapped.take(COUNTRY), mapped.take(NETWORK));
    let (area, signal) = (mapped.take(AREA), mapped.take(SIGNAL));
    draft.set_int(Name::GsmSignalPct, integer(signal));
    let short = |digits: &[u8]| u16::try_from(unsigned(digits)?).ok();
    if let (Some(cell), Some(country), Some(network), Some(area)) = (hexadecimal(cell), short(country), short(network), hexadecimal(area))
        && (area, cell) != (0, 0)
    {
        draft.set(Name::Cell, Value::Text(cell_text((country, network), (area, cell), None).as_str()));
    }
    draft.place_of(decimal_of(mapped.take(LATITUDE)), decimal_of(mapped.take(LONGITUDE)));
    if let Some(speed) = decimal_of(mapped.take(SPEED)) {
        draft.speed_kmh(speed);
    }
    if let Some(course) = decimal_of(mapped.take(COURSE)) {
        draft.course_deg(course);
    }
    draft.set_int(Name::Satellites, unsigned(mapped.take(SATELLITES)).and_then(|count| u8::try_from(count).ok()));
    draft.valid = mapped.take(FIX) == b"1";
    states(bits(mapped.take(INPUTS)), bits(mapped.take(OUTPUTS)), draft);
    if kind == "UEX" {
        let taken_for_one = mapped.rest.nth(1).unwrap_or_default();
        data::read(data.map_or(taken_for_one, |data| data.bytes), draft);
        return Some(());
    }
    told(kind, (mapped.take(FIRST), mapped.take(SECOND), mapped.take(NUMBER)), draft);
    mapped.take(RESERVED);
    if map >> ASSIGNED & 1 == 1 {
        assigned(mapped.rest, draft);
    }
    Some(())
}

fn told(kind: &str, (first, second, number): (&[u8], &[u8], &[u8]), draft: &mut Draft) {
    if kind == "STT" {
        draft.set_int(Name::Mode, integer(first));
        draft.set_int(Name::Reason, integer(second));
        draft.set_int(Name::Index, integer(number));
        return;
    }
    let Some(event) = unsigned(first).and_then(|event| u16::try_from(event).ok()) else { return };
    happened(event, text(number), draft);
    if !second.is_empty() {
        draft.attributes.push(Key::Text("event_part"), Value::Text(text(second)));
    }
}

/// An alert, and what it is about.
fn happened(event: u16, about: &str, draft: &mut Draft) {
    draft.set(Name::Event, Value::Int(i64::from(event)));
    if let Some(alarm) = alert(event) {
        draft.alarm(alarm);
    }
    match about {
        "" => {}
        about if event == KEY => draft.set(Name::DriverId, Value::Text(about)),
        about => draft.attributes.push(Key::Text("event_data"), Value::Text(about)),
    }
}

fn states(inputs: Option<u32>, outputs: Option<u32>, draft: &mut Draft) {
    if let Some(inputs) = inputs {
        draft.set(Name::Ignition, Value::Bool(inputs & 1 == 1));
        draft.set(Name::InputMask, Value::Int(i64::from(inputs)));
    }
    draft.set_int(Name::OutputMask, outputs);
}

/// Values that the owner assigned: the map of them, then each. The first is the battery's voltage, the second the supply's.
fn assigned<'a>(mut rest: impl Iterator<Item = &'a [u8]>, draft: &mut Draft) {
    let Some(map) = rest.next().and_then(mask) else { return };
    let mut left = map;
    while left != 0 {
        let bit = left.trailing_zeros();
        left &= left.wrapping_sub(1);
        let field = rest.next().unwrap_or_default();
        match bit {
            0 => draft.set_int(Name::BatteryMv, millivolts(field)),
            1 => draft.set_int(Name::ExternalPowerMv, millivolts(field)),
            _ if field.is_empty() => {}
            bit => draft.attributes.push(Key::Io(u32::saturating_add(bit, 1)), Value::Text(text(field))),
        }
    }
}

/// Tags that the device hears: `…;date;time;latitude;longitude;count;*( signal;…;…;id;…;…;… )`.
pub fn tags(fields: &Line<'_>) -> Option<Draft> {
    let mut draft = Draft::at_told(time(fields.bytes(4), fields.bytes(5)));
    draft.set_text(Name::Firmware, fields.at(3));
    draft.place_of(fields.decimal(6), fields.decimal(7));
    draft.valid = true;
    let parts = (9..).step_by(TAG_FIELDS).map_while(|at| fields.some::<TAG_FIELDS>(at));
    for (number, part) in (1..=fields.number::<u8>(8)?).zip(parts) {
        let [signal, _, _, id, ..] = part;
        draft.set_numbered(Name::TagId, number, Value::Text(id));
        if let Ok(signal) = signal.parse::<i64>() {
            draft.set_numbered(Name::TagRssiDbm, number, Value::Int(signal));
        }
    }
    Some(draft)
}

/// Reads a frame of the binary form.
pub fn binary(raw: &[u8], out: &mut Vec<Message>) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(raw);
    let kind = cursor.u8().unwrap_or(0);
    let name: Option<[u8; 5]> = cursor.skip(2).and_then(|()| cursor.array());
    let identifier = name.and_then(identifier).ok_or(DecodeError::skipped("no identifier"))?;
    out.push(match body(kind, &mut cursor) {
        Some(draft) => Message::Record { identifier: Some(identifier), record: draft.finish() },
        None if kind == ALIVE && cursor.rest().is_empty() => {
            Message::Heartbeat { identifier: Some(identifier), attributes: Attributes::new() }
        }
        None => Message::Undecoded { identifier: Some(identifier), reason: "unknown form", raw: raw.to_vec() },
    });
    Ok(())
}

fn identifier(name: [u8; 5]) -> Option<Identifier> {
    let mut text = String::with_capacity(10);
    for byte in name {
        push_padded(&mut text, u32::from(bcd(byte)?), 2);
    }
    Identifier::new(&text)
}

fn body(kind: u8, body: &mut Cursor<'_>) -> Option<Draft> {
    if !matches!(kind, STATUS | ALERT | DATA) {
        return None;
    }
    let map = body.be_u24()?;
    let has = |bit: u32| map >> bit & 1 == 1;
    let mut draft = Draft::new();
    if has(MODEL) {
        body.skip(1)?;
    }
    if has(VERSION) {
        let [major, minor, patch] = body.array()?;
        draft.set_text(Name::Firmware, &format!("{major}.{minor}.{patch}"));
    }
    if has(LIVE) && body.u8()? == 0 {
        draft.set(Name::Buffered, Value::Bool(true));
    }
    let date: [u8; 3] = if has(DATE) { body.array()? } else { [0; 3] };
    let hours: [u8; 3] = if has(TIME) { body.array()? } else { [0; 3] };
    if has(DATE) && has(TIME) {
        let ([year, month, day], [hour, minute, second]) = (date.map(u32::from), hours.map(u32::from));
        let civil = Civil { year: i32::try_from(year).ok()?.saturating_add(2_000), month, day, hour, minute, second, micros: 0 };
        draft.time = civil.to_micros();
        if draft.time.is_none() {
            draft.suspect("time");
        }
    }
    tower(&has, body, &mut draft)?;
    let latitude = if has(LATITUDE) { Some(signed(body.be_u32()?)) } else { None };
    let longitude = if has(LONGITUDE) { Some(signed(body.be_u32()?)) } else { None };
    draft.place_of(latitude, longitude);
    if has(SPEED) {
        draft.speed_kmh(f64::from(body.be_u16()?) / 100.0);
    }
    if has(COURSE) {
        draft.course_deg(f64::from(body.be_u16()?) / 100.0);
    }
    if has(SATELLITES) {
        draft.set(Name::Satellites, Value::Int(i64::from(body.u8()?)));
    }
    draft.valid = has(FIX) && body.u8()? == 1;
    let inputs = if has(INPUTS) { Some(u32::from(body.u8()?)) } else { None };
    let outputs = if has(OUTPUTS) { Some(u32::from(body.u8()?)) } else { None };
    states(inputs, outputs, &mut draft);
    let _ = more(kind, &has, body, &mut draft);
    Some(draft)
}

fn tower(has: &impl Fn(u32) -> bool, body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let cell = if has(CELL) { body.be_u32()? } else { 0 };
    let country = if has(COUNTRY) { body.be_u16()? } else { 0 };
    let network = if has(NETWORK) { body.be_u16()? } else { 0 };
    let area = if has(AREA) { body.be_u16()? } else { 0 };
    if has(SIGNAL) {
        draft.set(Name::GsmSignalPct, Value::Int(i64::from(body.u8()?)));
    }
    if (area, cell) != (0, 0) {
        let text = cell_text((country, network), (u64::from(area), u64::from(cell)), None);
        draft.set(Name::Cell, Value::Text(text.as_str()));
    }
    Some(())
}

/// What is behind the states; it may be missing.
fn more(kind: u8, has: &impl Fn(u32) -> bool, body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    if kind == DATA {
        let length = usize::from(body.be_u16()?);
        data::read(body.take(length)?, draft);
        return Some(());
    }
    let mut small = |bit: u32| if has(bit) { body.u8() } else { None };
    let (first, second) = (small(FIRST), small(SECOND));
    if kind == STATUS {
        draft.set_int(Name::Mode, first);
        draft.set_int(Name::Reason, second);
        if has(NUMBER) {
            draft.set_int(Name::Index, Some(body.be_u16()?));
        }
    } else if let Some(event) = first {
        let length = if has(NUMBER) { body.u8() } else { None };
        let about = length.and_then(|length| body.take(usize::from(length))).unwrap_or_default();
        happened(u16::from(event), &to_hex(about), draft);
    }
    if has(RESERVED) {
        body.skip(1)?;
    }
    if has(ASSIGNED) {
        let map = body.be_u32()?;
        for bit in (0..31).filter(|bit| map >> bit & 1 == 1) {
            let value = match bit {
                0..15 => i64::from(body.be_u16()?),
                15..23 => i64::from(body.be_u32()?),
                _ => i64::from_be_bytes(body.array()?),
            };
            draft.attributes.push(Key::Io(u32::saturating_add(bit, 1)), Value::Int(value));
        }
    }
    Some(())
}

/// Millionths of a degree with their sign in the highest bit.
fn signed(units: u32) -> f64 {
    let size = f64::from(units & 0x7FFF_FFFF) / 1_000_000.0;
    if units >> 31 == 1 { -size } else { size }
}
