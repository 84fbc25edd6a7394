//! Elements of records, by the vendor's numbers ("FM IO list"), and back.
//!
//! The wire says an element's width but not its type. An element is named only in the width that the list gives it; what has no name
//! here, and what says "error" or "not there" in the place of a value, stays as `io[id]`. The same quantity often comes from several
//! buses at once: the first one gets the name, the others stay as `io[id]`.

use crate::wire::{Cursor, ShortText, hex_digit};
use crate::{Alarm, Attributes, Key, Name, Value};
use alloc::vec::Vec;

/// Widths of the groups, in order.
pub(super) const WIDTHS: [usize; 4] = [1, 2, 4, 8];

/// How the bits become a value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// 0 or 1.
    Flag,
    /// A whole number, at most so much.
    Whole(u32),
    /// A whole number with sign.
    Signed,
    /// Factor, offset, the largest raw number.
    Steps(i64, i64, u32),
    /// Factor, offset, the largest raw number.
    Linear(f64, f64, u32),
    /// Tenths with sign, of a probe that reports its faults as values above its range.
    Probe,
    /// Raises an alarm when it is not 0.
    Raises(Alarm),
    /// Raises an alarm when it is 0.
    RaisesAtZero(Alarm),
    /// Eight bytes of a key: hexadecimal text.
    KeyCode,
}

#[derive(Clone, Copy, Debug)]
struct Element {
    id: u16,
    width: usize,
    name: Name,
    index: u8,
    form: Form,
}

const fn element(id: u16, width: usize, name: Name, index: u8, form: Form) -> Element {
    Element { id, width, name, index, form }
}

/// The largest value of a one, two and four byte parameter of SAE J1939; what is above means "error" or "not there".
const J1939_1: u32 = 0xFA;
const J1939_2: u32 = 0xFAFF;
const J1939_4: u32 = 0xFAFF_FFFF;
/// The largest millivolts; all ones mean "error".
const MILLIVOLTS: u32 = 0xFFFE;

/// By number.
static ELEMENTS: [Element; 57] = [
    element(2, 1, Name::Input, 1, Form::Flag),
    element(3, 1, Name::Input, 2, Form::Flag),
    element(4, 1, Name::Input, 3, Form::Flag),
    element(5, 1, Name::Input, 4, Form::Flag),
    element(6, 1, Name::DeviceTemperatureC, 1, Form::Signed),
    element(20, 2, Name::AnalogMv, 3, Form::Whole(MILLIVOLTS)),
    element(21, 2, Name::AnalogMv, 4, Form::Whole(MILLIVOLTS)),
    element(22, 2, Name::AnalogMv, 1, Form::Whole(MILLIVOLTS)),
    element(23, 2, Name::AnalogMv, 2, Form::Whole(MILLIVOLTS)),
    element(27, 1, Name::GsmSignalDbm, 0, Form::Steps(2, -113, 31)),
    element(29, 2, Name::ExternalPowerMv, 0, Form::Whole(MILLIVOLTS)),
    element(30, 2, Name::BatteryMv, 0, Form::Whole(MILLIVOLTS)),
    element(32, 1, Name::DeviceTemperatureC, 0, Form::Signed),
    element(34, 8, Name::DriverId, 0, Form::KeyCode),
    element(65, 4, Name::OdometerM, 0, Form::Whole(u32::MAX)),
    element(74, 2, Name::TemperatureC, 4, Form::Probe),
    element(78, 2, Name::TemperatureC, 1, Form::Probe),
    element(79, 2, Name::TemperatureC, 2, Form::Probe),
    element(80, 2, Name::TemperatureC, 3, Form::Probe),
    element(88, 1, Name::Alarm, 0, Form::Raises(Alarm::Jamming)),
    element(94, 2, Name::EngineRpm, 0, Form::Linear(0.25, 0.0, 0xFFFF)),
    element(95, 1, Name::ObdSpeedKmh, 0, Form::Whole(0xFF)),
    element(96, 1, Name::CoolantTemperatureC, 0, Form::Steps(1, -40, 0xFF)),
    element(98, 1, Name::FuelLevelPct, 0, Form::Linear(100.0 / 255.0, 0.0, 0xFF)),
    element(100, 2, Name::FuelConsumptionLph, 0, Form::Linear(0.05, 0.0, 0xFFFF)),
    element(103, 1, Name::ThrottlePct, 0, Form::Whole(100)),
    element(114, 4, Name::ObdOdometerM, 0, Form::Steps(5, 0, J1939_4)),
    element(115, 1, Name::CoolantTemperatureC, 0, Form::Steps(1, -40, J1939_1)),
    element(116, 2, Name::FuelConsumptionLph, 0, Form::Linear(0.05, 0.0, J1939_2)),
    element(134, 1, Name::Charging, 0, Form::Flag),
    element(150, 4, Name::Operator, 0, Form::Whole(u32::MAX)),
    element(163, 4, Name::ObdOdometerM, 0, Form::Steps(5, 0, J1939_4)),
    element(164, 4, Name::TripOdometerM, 0, Form::Steps(5, 0, J1939_4)),
    element(165, 2, Name::ObdSpeedKmh, 0, Form::Linear(1.0 / 256.0, 0.0, J1939_2)),
    element(166, 2, Name::EngineRpm, 0, Form::Linear(0.125, 0.0, J1939_2)),
    element(173, 1, Name::Motion, 0, Form::Flag),
    element(197, 2, Name::EngineRpm, 0, Form::Linear(0.125, 0.0, J1939_2)),
    element(203, 4, Name::EngineHoursS, 0, Form::Steps(180, 0, J1939_4)),
    element(206, 1, Name::ThrottlePct, 0, Form::Linear(0.4, 0.0, J1939_1)),
    element(207, 1, Name::FuelLevelPct, 0, Form::Linear(0.4, 0.0, J1939_1)),
    element(208, 4, Name::FuelUsedL, 0, Form::Linear(0.5, 0.0, J1939_4)),
    element(210, 2, Name::ObdSpeedKmh, 0, Form::Linear(1.0 / 256.0, 0.0, J1939_2)),
    element(251, 1, Name::Ignition, 0, Form::Flag),
    element(409, 1, Name::Ignition, 0, Form::Flag),
    element(410, 1, Name::Alarm, 0, Form::Raises(Alarm::Towing)),
    element(411, 1, Name::Alarm, 0, Form::Raises(Alarm::Crash)),
    element(415, 1, Name::Alarm, 0, Form::RaisesAtZero(Alarm::GpsAntennaCut)),
    element(600, 2, Name::TemperatureC, 10, Form::Probe),
    element(601, 2, Name::TemperatureC, 11, Form::Probe),
    element(602, 2, Name::TemperatureC, 12, Form::Probe),
    element(603, 2, Name::TemperatureC, 13, Form::Probe),
    element(645, 4, Name::ObdOdometerM, 0, Form::Steps(1_000, 0, 4_000_000)),
    element(758, 1, Name::Alarm, 0, Form::Raises(Alarm::Tamper)),
    element(920, 2, Name::EngineRpm, 0, Form::Whole(0xFFFE)),
    element(921, 1, Name::ObdSpeedKmh, 0, Form::Whole(0xFE)),
    element(922, 4, Name::ObdOdometerM, 0, Form::Steps(1_000, 0, 4_000_000)),
    element(923, 1, Name::FuelLevelPct, 0, Form::Whole(100)),
];

/// Elements with a sign that have no name here.
const SIGNED: [(u16, u16); 15] = [
    (26, 26),
    (33, 33),
    (49, 51),
    (56, 64),
    (75, 76),
    (101, 101),
    (144, 149),
    (184, 187),
    (212, 212),
    (229, 234),
    (419, 419),
    (509, 514),
    (520, 520),
    (584, 604),
    (611, 613),
];

/// A text that is spread over elements of eight bytes with consecutive numbers.
#[derive(Clone, Copy)]
struct Spread {
    first: u16,
    count: usize,
    key: Key<'static>,
    /// Hexadecimal, not characters.
    hex: bool,
}

/// The first of each key is what is written.
static SPREAD: [Spread; 8] = [
    Spread { first: 104, count: 3, key: Key::Named(Name::Vin, 0), hex: false },
    Spread { first: 123, count: 3, key: Key::Text("can_vehicle_id"), hex: false },
    Spread { first: 126, count: 2, key: Key::Named(Name::DriverId, 0), hex: false },
    Spread { first: 128, count: 2, key: Key::Named(Name::DriverId, 2), hex: false },
    Spread { first: 152, count: 3, key: Key::Text("tachograph_vehicle_id"), hex: false },
    Spread { first: 155, count: 2, key: Key::Named(Name::DriverId, 0), hex: false },
    Spread { first: 157, count: 2, key: Key::Named(Name::DriverId, 2), hex: false },
    Spread { first: 760, count: 2, key: Key::Named(Name::DriverId, 0), hex: true },
];

/// Takes the four groups of a record as they are.
pub(super) fn take_groups<'a>(wide: bool, cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let all = cursor.rest();
    for width in WIDTHS {
        let count = usize::from(cursor.u8()?);
        cursor.skip(count.saturating_mul(width.saturating_add(if wide { 2 } else { 1 })))?;
    }
    all.get(..all.len().saturating_sub(cursor.rest().len()))
}

/// Reads the four groups.
pub(super) fn read_groups(out: &mut Attributes, wide: bool, cursor: &mut Cursor<'_>) -> Option<()> {
    for width in WIDTHS {
        let mut left = usize::from(cursor.u8()?);
        while left > 0 {
            let used = if width == 8 { spread(out, wide, left, cursor) } else { None };
            if used.is_none() {
                let id = take_id(wide, cursor)?;
                let raw = cursor.take(width)?.iter().fold(0_u64, |raw, byte| (raw << 8) | u64::from(*byte));
                push(out, id, width, raw);
            }
            left = left.saturating_sub(used.unwrap_or(1));
        }
    }
    Some(())
}

fn take_id(wide: bool, cursor: &mut Cursor<'_>) -> Option<u16> {
    if wide { cursor.be_u16() } else { cursor.u8().map(u16::from) }
}

/// Reads a text that is spread over the next elements, if it is one, and says how many these are.
fn spread(out: &mut Attributes, wide: bool, left: usize, cursor: &mut Cursor<'_>) -> Option<usize> {
    let mut ahead = *cursor;
    let first = take_id(wide, &mut ahead)?;
    let found = SPREAD.iter().find(|s| s.first == first && s.count <= left)?;
    let mut bytes = [0_u8; 24];
    for (number, part) in (first..).zip(bytes.chunks_exact_mut(8).take(found.count)) {
        if number != first && take_id(wide, &mut ahead)? != number {
            return None;
        }
        part.copy_from_slice(ahead.take(8)?);
    }
    let bytes = bytes.get(..found.count.saturating_mul(8))?;
    if out.find(found.key).is_some() || bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    if found.hex {
        out.push(found.key, Value::Text(hexadecimal(bytes).as_str()));
    } else {
        out.push(found.key, Value::Text(characters(bytes)?));
    }
    *cursor = ahead;
    Some(found.count)
}

/// Printable text; the zero bytes that fill it up are left out.
fn characters(bytes: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(bytes).ok()?.trim_end_matches('\0');
    text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()).then_some(text)
}

fn hexadecimal(bytes: &[u8]) -> ShortText {
    let mut text = ShortText::default();
    for byte in bytes {
        text.push_char(char::from(hex_digit(byte >> 4)));
        text.push_char(char::from(hex_digit(byte & 0x0F)));
    }
    text
}

/// Adds an element.
fn push(out: &mut Attributes, id: u16, width: usize, raw: u64) {
    let known = ELEMENTS.binary_search_by_key(&id, |e| e.id).ok().and_then(|place| ELEMENTS.get(place));
    if known.filter(|e| e.width == width).and_then(|element| named(out, element, raw)).is_some() {
        return;
    }
    let value = match i64::try_from(raw) {
        Ok(whole) if !is_signed(id) => Value::Int(whole),
        _ if is_signed(id) => Value::Int(signed(raw, width)),
        _ => Value::Unsigned(raw),
    };
    out.push(Key::Io(u32::from(id)), value);
}

fn is_signed(id: u16) -> bool {
    SIGNED.iter().any(|(first, last)| (*first..=*last).contains(&id))
}

/// The value with its sign.
fn signed(raw: u64, width: usize) -> i64 {
    let shift = u32::try_from(8_usize.saturating_sub(width).saturating_mul(8)).unwrap_or(0);
    raw.wrapping_shl(shift).cast_signed().wrapping_shr(shift)
}

/// Adds an element by its name; `None`: it has no such value, or the name is taken.
#[allow(clippy::cast_precision_loss)]
fn named(out: &mut Attributes, element: &Element, raw: u64) -> Option<()> {
    let key = Key::Named(element.name, element.index);
    let up_to = |max: u32| u32::try_from(raw).ok().filter(|raw| *raw <= max);
    let code;
    let value = match element.form {
        Form::Raises(alarm) => return (raw != 0).then(|| out.alarm(alarm)),
        Form::RaisesAtZero(alarm) => return (raw == 0).then(|| out.alarm(alarm)),
        Form::Flag => Value::Bool(up_to(1)? == 1),
        Form::Whole(max) => Value::Int(i64::from(up_to(max)?)),
        Form::Signed => Value::Int(signed(raw, element.width)),
        Form::Steps(factor, offset, max) => Value::Int(i64::from(up_to(max)?).checked_mul(factor)?.checked_add(offset)?),
        Form::Linear(factor, offset, max) => Value::Float(f64::from(up_to(max)?) * factor + offset),
        Form::Probe => Value::Float(probe(signed(raw, element.width))?),
        Form::KeyCode => {
            if raw == 0 || raw == u64::MAX {
                return None;
            }
            code = hexadecimal(&raw.to_be_bytes());
            Value::Text(code.as_str())
        }
    };
    if out.find(key).is_some() {
        return None;
    }
    out.push(key, value);
    Some(())
}

/// Degrees of a probe, from -55 to 125.
#[allow(clippy::cast_precision_loss)]
fn probe(tenths: i64) -> Option<f64> {
    (-550..=1_250).contains(&tenths).then_some(tenths as f64 / 10.0)
}

/// Elements on their way out, by width: number and value.
pub(super) type Groups = [Vec<(u16, u64)>; 4];

/// Adds what says an attribute, if there is an element for it.
pub(super) fn write(groups: &mut Groups, key: Key<'_>, value: Value<'_>) -> Option<()> {
    match (key, value) {
        (Key::Named(Name::Alarm, _), Value::Alarm(alarm)) => {
            let raises = |e: &&Element| e.form == Form::Raises(alarm) || e.form == Form::RaisesAtZero(alarm);
            let element = ELEMENTS.iter().find(raises)?;
            add(groups, element.id, element.width, u64::from(element.form == Form::Raises(alarm)))
        }
        (Key::Io(id), value) => {
            let raw = match value {
                Value::Int(number) => u64::try_from(number).ok()?,
                Value::Unsigned(number) => number,
                Value::Bool(flag) => u64::from(flag),
                Value::Float(_) | Value::Text(_) | Value::Alarm(_) => return None,
            };
            let width = WIDTHS.into_iter().find(|width| raw.checked_shr(bits(*width)).unwrap_or(0) == 0)?;
            add(groups, u16::try_from(id).ok()?, width, raw)
        }
        (Key::Named(Name::DriverId, 0), Value::Text(text)) if key_code(text).is_some() => add(groups, 34, 8, key_code(text)?),
        (key, Value::Text(text)) => write_spread(groups, key, text),
        (Key::Named(name, index), value) => {
            let element = ELEMENTS.iter().find(|e| (e.name, e.index) == (name, index) && e.form != Form::KeyCode)?;
            add(groups, element.id, element.width, raw_of(element, value)?)
        }
        (Key::Text(_), _) => None,
    }
}

fn bits(width: usize) -> u32 {
    u32::try_from(width.saturating_mul(8)).unwrap_or(u32::MAX)
}

fn key_code(text: &str) -> Option<u64> {
    let is_code = text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    u64::from_str_radix(text, 16).ok().filter(|raw| is_code && *raw != 0 && *raw != u64::MAX)
}

fn write_spread(groups: &mut Groups, key: Key<'_>, text: &str) -> Option<()> {
    let spread = SPREAD.iter().find(|s| s.key == key)?;
    let mut bytes = [0_u8; 24];
    let room = bytes.get_mut(..spread.count.saturating_mul(8))?;
    room.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    if text.is_empty() || characters(room) != Some(text) {
        return None;
    }
    for (number, part) in (spread.first..).zip(room.as_chunks::<8>().0) {
        add(groups, number, 8, u64::from_be_bytes(*part))?;
    }
    Some(())
}

fn add(groups: &mut Groups, id: u16, width: usize, raw: u64) -> Option<()> {
    let place = WIDTHS.iter().position(|w| *w == width)?;
    let group = groups.get_mut(place)?;
    (group.len() < usize::from(u8::MAX)).then(|| group.push((id, raw)))
}

/// The bits that say a value.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn raw_of(element: &Element, value: Value<'_>) -> Option<u64> {
    let whole = |number: i64, max: u32| u64::try_from(number).ok().filter(|raw| *raw <= u64::from(max));
    match (element.form, value) {
        (Form::Flag, Value::Bool(flag)) => Some(u64::from(flag)),
        (Form::Whole(max), Value::Int(number)) => whole(number, max),
        (Form::Signed, Value::Int(number)) => i8::try_from(number).ok().map(|n| u64::from(n.cast_unsigned())),
        (Form::Steps(factor, offset, max), Value::Int(number)) => {
            let steps = number.checked_sub(offset)?;
            whole(steps.checked_div(factor)?, max).filter(|_| steps.checked_rem(factor) == Some(0))
        }
        (Form::Linear(factor, offset, max), value) => {
            let raw = libm::round((value.as_f64()? - offset) / factor);
            (0.0..=f64::from(max)).contains(&raw).then_some(raw as u64)
        }
        (Form::Probe, value) => {
            let tenths = libm::round(value.as_f64()? * 10.0);
            (-550.0..=1_250.0).contains(&tenths).then(|| u64::from((tenths as i16).cast_unsigned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(ELEMENTS.windows(2).all(|pair| matches!(pair, [a, b] if a.id < b.id)));
    }

    #[test]
    fn a_fault_is_no_temperature_and_all_ones_are_no_fuel() {
        let mut out = Attributes::new();
        for (id, width, raw) in [(78, 2, 2_003), (79, 2, 0xFF38), (207, 1, 0xFF), (34, 8, u64::MAX), (96, 1, 0x76), (50, 1, 0xF4)] {
            push(&mut out, id, width, raw);
        }
        let mut json = alloc::string::String::new();
        out.write_json(&mut json);
        assert_eq!(
            json,
            "{\"io[78]\":2003,\"temperature_c[2]\":-20,\"io[207]\":255,\"io[34]\":18446744073709551615,\
             \"coolant_temperature_c\":78,\"io[50]\":-12}"
        );
    }
}
