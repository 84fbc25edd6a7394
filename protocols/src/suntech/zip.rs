//! Reports of the ST300 families in their packed form.

use super::alert::{alert, emergency};
use super::data;
use crate::wire::{Cursor, bcd, push_padded};
use crate::{Civil, DecodeError, Draft, Identifier, Message, Name, Value};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

const STATUS: u8 = 0x10;
const EMERGENCY: u8 = 0x11;
const EVENT: u8 = 0x12;
const ALERT: u8 = 0x13;
const DATA: u8 = 0x16;
const END: u8 = 0x03;

const FIX: u8 = 0x80;
const SOUTH: u8 = 0x40;
const WEST: u8 = 0x20;

/// Reads a frame.
pub fn binary(raw: &[u8], out: &mut Vec<Message>) -> Result<(), DecodeError> {
    let Some((END, body)) = raw.split_last().map(|(end, body)| (*end, body)) else { return Err(DecodeError::skipped("no end mark")) };
    let mut cursor = Cursor::new(body);
    let kind = cursor.skip(3).and_then(|()| cursor.u8()).unwrap_or(0);
    let identifier = cursor.array().and_then(identifier).ok_or(DecodeError::skipped("no identifier"))?;
    out.push(match report(kind, &mut cursor) {
        Some(draft) => Message::Record { identifier: Some(identifier), record: draft.finish() },
        None => Message::Undecoded { identifier: Some(identifier), reason: "unknown form", raw: raw.to_vec() },
    });
    Ok(())
}

/// Nine digits; the tenth fills the last byte.
fn identifier(name: [u8; 5]) -> Option<Identifier> {
    let mut text = String::with_capacity(10);
    for byte in name {
        push_padded(&mut text, u32::from(bcd(byte)?), 2);
    }
    Identifier::new(text.get(..9)?)
}

fn report(kind: u8, body: &mut Cursor<'_>) -> Option<Draft> {
    if !matches!(kind, STATUS | EMERGENCY | EVENT | ALERT | DATA) {
        return None;
    }
    // The model.
    body.skip(1)?;
    let version = body.be_u16()?;
    let [year, month, day, hour, minute, second] = body.array()?.map(u32::from);
    let civil = Civil { year: i32::try_from(year).ok()?.saturating_add(2_000), month, day, hour, minute, second, micros: 0 };
    let mut draft = Draft::at_told(civil.to_micros());
    // The high bits are the letter behind the number.
    draft.set(Name::Firmware, Value::Text(&format!("{:03}", version & 0x0FFF)));
    // The area and the station's colour, without the cell.
    body.skip(3)?;
    let (latitude, longitude) = (degrees(body.array()?), degrees(body.array()?));
    let (speed, course) = (hundredths(body.array()?), hundredths(body.array()?));
    let flags = body.u8()?;
    let side = |side: u8| if flags & side == 0 { 1.0 } else { -1.0 };
    draft.place_of(latitude.map(|degrees| side(SOUTH) * degrees), longitude.map(|degrees| side(WEST) * degrees));
    if latitude.is_none() && longitude.is_none() {
        draft.suspect("latitude");
    }
    match speed {
        Some(speed) => draft.speed_kmh(speed),
        None => draft.suspect("speed"),
    }
    match course {
        Some(course) => draft.course_deg(course),
        None => draft.suspect("course"),
    }
    draft.valid = flags & FIX != 0;
    draft.set(Name::Satellites, Value::Int(i64::from(flags & 0x1F)));
    draft.set_int(Name::OdometerM, body.be_u32());
    draft.set_int(Name::ExternalPowerMv, millivolts(body));
    states(body.u8()?, &mut draft);
    told(kind, body, &mut draft)?;
    // Whether these are there is a setting of the device.
    if let Some(minutes) = body.be_u32() {
        draft.set(Name::EngineHoursS, Value::Int(i64::from(minutes).saturating_mul(60)));
        draft.set_int(Name::BatteryMv, millivolts(body));
        if body.u8() == Some(0) {
            draft.set(Name::Buffered, Value::Bool(true));
        }
    }
    Some(draft)
}

fn told(kind: u8, body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    match kind {
        STATUS => {
            draft.set_int(Name::Status, Some(body.u8()?));
            draft.set_int(Name::Index, Some(body.be_u16()?));
        }
        DATA => {
            let length = usize::from(body.be_u16()?);
            data::read(body.take(length)?, draft);
            body.skip(1)?;
        }
        _ => {
            let number = body.u8()?;
            draft.set(Name::Event, Value::Int(i64::from(number)));
            let alarm = match kind {
                ALERT => alert(u16::from(number)),
                EMERGENCY => emergency(u16::from(number)),
                _ => None,
            };
            if let Some(alarm) = alarm {
                draft.alarm(alarm);
            }
        }
    }
    Some(())
}

/// Whole degrees, and six decimals in three bytes.
fn degrees([whole, decimals @ ..]: [u8; 4]) -> Option<f64> {
    let mut millionths = 0_u32;
    for byte in decimals {
        millionths = millionths.saturating_mul(100).saturating_add(u32::from(bcd(byte)?));
    }
    Some(f64::from(whole) + f64::from(millionths) / 1_000_000.0)
}

/// A whole number of two bytes, and two decimals.
fn hundredths([high, low, decimals]: [u8; 3]) -> Option<f64> {
    Some(f64::from(u16::from_be_bytes([high, low])) + f64::from(bcd(decimals)?) / 100.0)
}

/// Whole volts, and two decimals.
fn millivolts(body: &mut Cursor<'_>) -> Option<i64> {
    let [whole, decimals] = body.array()?;
    Some(i64::from(whole).saturating_mul(1_000).saturating_add(i64::from(bcd(decimals)?).saturating_mul(10)))
}

fn states(states: u8, draft: &mut Draft) {
    let on = |bit: u8| Value::Bool(states >> bit & 1 == 1);
    draft.set(Name::Ignition, on(0));
    for number in 1..=3 {
        draft.set_numbered(Name::Input, number, on(number));
    }
    for number in 1..=2_u8 {
        draft.set_numbered(Name::Output, number, on(number.saturating_add(3)));
    }
}
