//! Reports: a fixed part and items.
//!
//! ```text
//! report   = alarms u32, state u32, latitude u32, longitude u32 (degrees × 1,000,000), height i16 (m), speed u16 (km/h × 10),
//!            course u16, time BCD YYMMDDhhmmss, *item
//! state    = bits 0 ignition, 1 fix, 2 south, 3 west, 6 armed, 10 blocked, 12 locked, 13–17 doors open
//! item     = id u8, length u8, value
//! ```
//!
//! | item | value |
//! |---|---|
//! | 01 / 02 / 03 | odometer u32 (100 m) / fuel u16 (0.1 l) / speed u16 of the recorder (0.1 km/h) |
//! | 04 / 11 / 12 | alarm to confirm u16 / speeding: place u8, id u32 / fence: place u8, id u32, way u8 (1: out) |
//! | 06 | temperature u16 of the cargo (bit 15: below zero) |
//! | 25 / 2A / 2B | signals u32 / states u16 / two analogue inputs u16 |
//! | 30 / 31 | network signal u8 / satellites u8 |
//!
//! The makers' items are in `items.rs`, `flows.rs` and `aovx.rs`.

use super::{alarm, items};
use crate::wire::{Cursor, ShortText, bcd, hex_digit, to_hex};
use crate::{Alarm, Civil, Draft, Key, MICROS_PER_SECOND, Micros, Name, Value};

/// Times are GMT+8.
pub const ZONE: Micros = 8 * 3_600 * MICROS_PER_SECOND;

/// Bytes of a report before its items.
pub const FIXED_BYTES: usize = 28;

/// The time in BCD.
fn time(bytes: [u8; 6]) -> Option<Micros> {
    let mut numbers = [0; 6];
    for (number, byte) in numbers.iter_mut().zip(bytes) {
        *number = u32::from(bcd(byte)?);
    }
    let [year, month, day, hour, minute, second] = numbers;
    let civil = Civil { year: i32::try_from(year).ok()?.checked_add(2_000)?, month, day, hour, minute, second, micros: 0 };
    civil.to_micros()?.checked_sub(ZONE)
}

/// A record of that time; zeros are none.
pub fn at(bytes: [u8; 6]) -> Draft {
    if bytes == [0; 6] { Draft::new() } else { Draft::at_told(time(bytes)) }
}

/// Reads a report.
pub fn read(body: &mut Cursor<'_>, model: Option<&str>) -> Option<Draft> {
    let alarms = body.be_u32()?;
    let mut draft = placed(body, model)?;
    alarm::standard(&mut draft, alarms, model);
    items(body, model, &mut draft);
    Some(draft)
}

/// Reads what follows the alarms of a report, up to its items.
pub fn placed(body: &mut Cursor<'_>, model: Option<&str>) -> Option<Draft> {
    let mut fixed = Cursor::new(body.take(FIXED_BYTES - 4)?);
    let state = fixed.be_u32()?;
    let is = |bit: u32| state >> bit & 1 == 1;
    let degrees = |units: u32, negative: bool| f64::from(units) / 1_000_000.0 * if negative { -1.0 } else { 1.0 };
    let (latitude, longitude) = (degrees(fixed.be_u32()?, is(2)), degrees(fixed.be_u32()?, is(3)));
    let (height, speed, course) = (fixed.be_u16()?.cast_signed(), fixed.be_u16()?, fixed.be_u16()?);
    let mut draft = at(fixed.array()?);
    draft.place(latitude, longitude);
    draft.valid = is(1);
    draft.altitude_m(f64::from(height));
    draft.speed_kmh(f64::from(speed) / 10.0);
    draft.course_deg(f64::from(course));
    draft.set(Name::Ignition, Value::Bool(is(0)));
    draft.set(Name::Blocked, Value::Bool(is(10)));
    for (bit, name) in [(6, Name::Armed), (12, Name::Lock)] {
        if is(bit) {
            draft.set(name, Value::Bool(true));
        }
    }
    if state >> 13 & 0b1_1111 != 0 {
        draft.set(Name::Door, Value::Bool(true));
    }
    if is(31) && alarm::is_aovx(model) {
        draft.set(Name::Buffered, Value::Bool(true));
    }
    Some(draft)
}

fn items(body: &mut Cursor<'_>, model: Option<&str>, draft: &mut Draft) {
    while let Some((id, length)) = body.u8().zip(body.u8()) {
        // What is behind an item that is cut short is left out.
        let Some(value) = body.take(usize::from(length)) else { return draft.suspect("item") };
        if item(id, value, draft).or_else(|| items::read(id, value, model, draft)).is_none() {
            keep(draft, u32::from(id), value);
        }
    }
}

/// Keeps what is not known, by its number.
pub fn keep(draft: &mut Draft, number: u32, value: &[u8]) {
    let mut short = ShortText::default();
    if value.len() > ShortText::BYTES_MAX / 2 {
        return draft.attributes.push(Key::Io(number), Value::Text(&to_hex(value)));
    }
    for nibble in value.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]) {
        short.push_char(char::from(hex_digit(nibble)));
    }
    draft.attributes.push(Key::Io(number), Value::Text(short.as_str()));
}

/// The items of the standard. `None`: it is not one of them, or not in that length.
fn item(id: u8, value: &[u8], draft: &mut Draft) -> Option<()> {
    let body = &mut Cursor::new(value);
    match (id, value.len()) {
        (0x01, 4) => draft.set(Name::OdometerM, Value::Int(i64::from(body.be_u32()?).saturating_mul(100))),
        (0x02, 2) => draft.set(Name::FuelL, Value::Float(f64::from(body.be_u16()?) / 10.0)),
        (0x03, 2) => draft.set(Name::ObdSpeedKmh, Value::Float(f64::from(body.be_u16()?) / 10.0)),
        (0x04, 2) => draft.set(Name::Event, Value::Int(i64::from(body.be_u16()?))),
        (0x06, 2) => {
            let value = body.be_u16()?;
            let degrees = f64::from(value & 0x7FFF) * if value & 0x8000 == 0 { 1.0 } else { -1.0 };
            draft.set_numbered(Name::TemperatureC, 1, Value::Float(degrees));
        }
        (0x11, 1 | 5) => draft.alarm(Alarm::Overspeed),
        (0x12, 6) => draft.alarm(if value.last() == Some(&0) { Alarm::GeofenceEnter } else { Alarm::GeofenceExit }),
        (0x25, 4) => draft.set(Name::InputMask, Value::Int(i64::from(body.be_u32()?))),
        (0x2A, 2) => draft.set(Name::Status, Value::Int(i64::from(body.be_u16()?))),
        (0x2B | 0xA7, 4) => {
            for number in [1, 2] {
                draft.set_numbered(Name::AnalogMv, number, Value::Int(i64::from(body.be_u16()?).saturating_mul(10)));
            }
        }
        (0x30, 1) => draft.set(Name::GsmSignalLevel, Value::Int(i64::from(body.u8()?))),
        (0x31, 1) => draft.set(Name::Satellites, Value::Int(i64::from(body.u8()?))),
        _ => return None,
    }
    Some(())
}
