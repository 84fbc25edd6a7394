//! A report: where the terminal is, and items by their number.
//!
//! ```text
//! report = alarms u32, state u32, latitude u32, longitude u32 (1/1,000,000 degree), height u16 (m), speed u16 (0.1 km/h), course u16,
//!          time (BCD YYMMDDhhmmss, GMT+8), *( id u8, length u8, value )
//! state  = bits 0 engine on, 1 fix, 2 south, 3 west, 10 oil or power cut
//! items of the standard: 01 odometer u32 (0.1 km), 02 fuel u16 (0.1 l), 30 signal u8, 31 satellites u8, 2B two analog inputs u16
//! items of makers: 06 / D4 battery u8 (%), 51 temperatures i16 (0.1 °C), 56 battery u8 (10 %), 82 / E1 / FE supply u16 (0.1 V),
//!   D5 battery u16 (0.01 V), E3 battery u16 (%), u16 (0.01 V), E4 charged u8, battery u8 (%), E5 moving u8, 61 supply u16 (0.01 V),
//!   AC / FE (4 bytes) odometer u32 (m), F0 cells, F4 networks, F7 battery u32 (mV), u8, u8 (%),
//!   EB *( length u16, id u16, value ): 2D voltage (mV), A8 / E1 battery (%), 89 states (0: 1 powered off, 1000 taken off), B2 ICCID, CE voltage, D8 cell,
//!   F3 *( id u16, length u8, value ): the engine's
//! ```

use crate::wire::{Cursor, bcd, cell_text, to_hex, wifi_text};
use crate::{Alarm, Civil, Draft, Environment, Key, MICROS_PER_SECOND, Micros, Name, Value};

/// Times are GMT+8.
pub const ZONE: Micros = 8 * 3_600 * MICROS_PER_SECOND;

/// Alarms by their bit.
const ALARMS: &[(u32, Alarm)] = &[
    (0, Alarm::Sos),
    (1, Alarm::Overspeed),
    (2, Alarm::FatigueDriving),
    (4, Alarm::Fault),
    (5, Alarm::GpsAntennaCut),
    (7, Alarm::LowBattery),
    (8, Alarm::PowerOff),
    (9, Alarm::Fault),
    (10, Alarm::Fault),
    (11, Alarm::Fault),
    (15, Alarm::Vibration),
    (16, Alarm::Movement),
    (17, Alarm::Tamper),
    (20, Alarm::Geofence),
    (28, Alarm::Movement),
    (29, Alarm::Crash),
    (30, Alarm::Crash),
];

/// The time in BCD.
pub fn time(bytes: [u8; 6]) -> Option<Micros> {
    let mut numbers = [0; 6];
    for (number, byte) in numbers.iter_mut().zip(bytes) {
        *number = u32::from(bcd(byte)?);
    }
    let [year, month, day, hour, minute, second] = numbers;
    let civil = Civil { year: i32::try_from(year).ok()?.checked_add(2_000)?, month, day, hour, minute, second, micros: 0 };
    civil.to_micros()?.checked_sub(ZONE)
}

/// Bytes of a report before its items.
pub const FIXED_BYTES: usize = 28;

/// Reads a report.
pub fn read(body: &mut Cursor<'_>, _: &Environment<'_>) -> Option<Draft> {
    let (alarms, state) = (body.be_u32()?, body.be_u32()?);
    let degrees = |units: u32, negative: bool| f64::from(units) / 1_000_000.0 * if negative { -1.0 } else { 1.0 };
    let is = |bit: u32| state >> bit & 1 == 1;
    let (latitude, longitude) = (degrees(body.be_u32()?, is(2)), degrees(body.be_u32()?, is(3)));
    let (height, speed, course) = (body.be_u16()?.cast_signed(), body.be_u16()?, body.be_u16()?);
    let mut draft = Draft::at_told(time(body.array()?));
    draft.place(latitude, longitude);
    draft.valid = is(1);
    draft.altitude_m(f64::from(height));
    draft.speed_kmh(f64::from(speed) / 10.0);
    draft.course_deg(f64::from(course));
    for (bit, alarm) in ALARMS {
        if alarms >> bit & 1 == 1 {
            draft.alarm(*alarm);
        }
    }
    draft.set(Name::Ignition, Value::Bool(is(0)));
    if is(10) {
        draft.set(Name::Blocked, Value::Bool(true));
    }
    while let Some((id, length)) = body.u8().zip(body.u8()) {
        // What is behind an item that is cut short is left out.
        let Some(value) = body.take(usize::from(length)) else { break };
        if item(id, value, &mut draft).is_none() {
            draft.attributes.push(Key::Io(u32::from(id)), Value::Text(&to_hex(value)));
        }
    }
    Some(draft)
}

/// `None`: the item is not known in that length.
fn item(id: u8, value: &[u8], draft: &mut Draft) -> Option<()> {
    let body = &mut Cursor::new(value);
    match (id, value.len()) {
        (0x01, 4) => draft.set(Name::OdometerM, Value::Int(i64::from(body.be_u32()?).saturating_mul(100))),
        (0x02, 2) => draft.set(Name::FuelL, Value::Float(f64::from(body.be_u16()?) / 10.0)),
        (0x2B, 4) => {
            for number in [1, 2] {
                draft.set_numbered(Name::AnalogMv, number, Value::Int(i64::from(body.be_u16()?).saturating_mul(10)));
            }
        }
        (0x30, 1) => draft.set(Name::GsmSignalLevel, Value::Int(i64::from(body.u8()?))),
        (0x31, 1) => draft.set(Name::Satellites, Value::Int(i64::from(body.u8()?))),
        (0x33, _) => lock_text(core::str::from_utf8(value).ok()?, draft)?,
        (0x06 | 0xD4, 1) => draft.set(Name::BatteryLevelPct, Value::Int(i64::from(body.u8()?))),
        (0x51, 2 | 16) => temperatures(body, draft),
        (0x54, _) => networks(body, draft)?,
        (0x56, 2) => draft.set(Name::BatteryLevelPct, Value::Int(i64::from(body.u8()?).saturating_mul(10))),
        (0x61, 2) => draft.set(Name::ExternalPowerMv, Value::Int(i64::from(body.be_u16()?).saturating_mul(10))),
        (0x69, 2) => draft.set(Name::BatteryMv, Value::Int(i64::from(body.be_u16()?).saturating_mul(10))),
        (0x82 | 0xE1 | 0xFE, 2) => draft.set(Name::ExternalPowerMv, Value::Int(i64::from(body.be_u16()?).saturating_mul(100))),
        (0xD5, 2) => draft.set(Name::BatteryMv, Value::Int(i64::from(body.be_u16()?).saturating_mul(10))),
        (0xE1, 12) => cell(body, draft)?,
        (0xE3, 6) => {
            draft.set(Name::BatteryLevelPct, Value::Int(i64::from(body.be_u16()?)));
            draft.set(Name::BatteryMv, Value::Int(i64::from(body.be_u16()?).saturating_mul(10)));
        }
        (0xE4, 2) => {
            draft.set(Name::Charging, Value::Bool(body.u8()? == 0));
            draft.set(Name::BatteryLevelPct, Value::Int(i64::from(body.u8()?)));
        }
        (0xE5, 1) => draft.set(Name::Motion, Value::Bool(body.u8()? != 0)),
        (0xEB, 4..) if value.first() == Some(&0) => nested(body, draft),
        (0xAC | 0xFE, 4) => draft.set(Name::OdometerM, Value::Int(i64::from(body.be_u32()?))),
        (0xF0, 13..) => cells(body, draft),
        (0xF4, 7..) => {
            for (number, one) in (0..).zip(value.as_chunks::<7>().0) {
                let [address @ .., signal] = *one;
                draft.set_numbered(Name::Wifi, number, Value::Text(wifi_text(address, Some(u16::from(signal))).as_str()));
            }
        }
        (0xF7, 6) => {
            draft.set(Name::BatteryMv, Value::Int(i64::from(body.be_u32()?)));
            body.skip(1)?;
            draft.set(Name::BatteryLevelPct, Value::Int(i64::from(body.u8()?)));
        }
        (0xF3, 4..) => engine(body, draft),
        _ => return None,
    }
    Some(())
}

fn temperatures(body: &mut Cursor<'_>, draft: &mut Draft) {
    let mut number = 1;
    while let Some(value) = body.be_u16() {
        if value != 0xFFFF {
            draft.set_numbered(Name::TemperatureC, number, Value::Float(f64::from(value.cast_signed()) / 10.0));
        }
        number = number.saturating_add(1);
    }
}

fn networks(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    for number in 0..body.u8()? {
        let (address, signal) = (body.array()?, body.u8()?);
        draft.set_numbered(Name::Wifi, number, Value::Text(wifi_text(address, Some(u16::from(signal))).as_str()));
    }
    Some(())
}

/// `MCC u16, MNC u16, u8, LAC u16, cell u32, u8`.
fn cell(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let operator = (body.be_u16()?, body.be_u16()?);
    body.skip(1)?;
    let place = (u64::from(body.be_u16()?), u64::from(body.be_u32()?));
    if place != (0, 0) {
        draft.set(Name::Cell, Value::Text(cell_text(operator, place, None).as_str()));
    }
    Some(())
}

/// `MCC u16, MNC u16, cell u32, LAC u32, signal u8`, again and again.
fn cells(body: &mut Cursor<'_>, draft: &mut Draft) {
    let mut number = 0;
    let mut one = || Some((body.be_u16()?, body.be_u16()?, body.be_u32()?, body.be_u32()?, body.u8()?));
    while let Some((country, network, cell, area, signal)) = one() {
        let text = cell_text((country, network), (u64::from(area), u64::from(cell)), Some(u16::from(signal)));
        draft.set_numbered(Name::Cell, number, Value::Text(text.as_str()));
        number = number.saturating_add(1);
    }
}

/// `*M00,…,dd386…`: the battery in hundredths of a volt behind two digits.
fn lock_text(text: &str, draft: &mut Draft) -> Option<()> {
    let digits = text.strip_prefix("*M00,")?.split(',').nth(1)?.get(2..5)?;
    draft.set(Name::BatteryMv, Value::Int(digits.parse::<i64>().ok()?.saturating_mul(10)));
    Some(())
}

/// Items of two bytes' length and number.
fn nested(body: &mut Cursor<'_>, draft: &mut Draft) {
    while let Some((length, id)) = body.be_u16().zip(body.be_u16()) {
        let Some(value) = usize::from(length).checked_sub(2).and_then(|length| body.take(length)) else { return };
        if sub_item(id, value, draft).is_none() {
            draft.attributes.push(Key::Io(0xEB_0000 | u32::from(id)), Value::Text(&to_hex(value)));
        }
    }
}

fn sub_item(id: u16, value: &[u8], draft: &mut Draft) -> Option<()> {
    let body = &mut Cursor::new(value);
    match (id, value.len()) {
        (0x0001, 3) => draft.set(Name::FuelLevelPct, Value::Float(f64::from(Cursor::new(value.get(1..)?).be_u16()?) / 10.0)),
        (0x002D, 2) => draft.set(Name::BatteryMv, Value::Int(i64::from(body.be_u16()?))),
        (0x002D, 4) => draft.set(Name::ExternalPowerMv, Value::Int(i64::from(body.be_u32()?))),
        (0x0089, 4) => {
            // A state that holds is a 0.
            let states = body.be_u32()?;
            if states & 1 == 0 {
                draft.alarm(Alarm::PowerOff);
            }
            if states >> 12 & 1 == 0 {
                draft.alarm(Alarm::Removing);
            }
        }
        (0x00A8 | 0x00E1, 1) => draft.set(Name::BatteryLevelPct, Value::Int(i64::from(body.u8()?))),
        (0x00B2, _) => draft.set_text(Name::Iccid, to_hex(value).trim_end_matches('f')),
        (0x00CE, 2) => draft.set(Name::ExternalPowerMv, Value::Int(i64::from(body.be_u16()?).saturating_mul(10))),
        (0x00D8, 9..) => {
            let operator = (body.be_u16()?, u16::from(body.u8()?));
            let place = (u64::from(body.be_u16()?), u64::from(body.be_u32()?));
            draft.set(Name::Cell, Value::Text(cell_text(operator, place, None).as_str()));
        }
        _ => return None,
    }
    Some(())
}

/// The engine's values, by the makers' common table.
fn engine(body: &mut Cursor<'_>, draft: &mut Draft) {
    while let Some((id, length)) = body.be_u16().zip(body.u8()) {
        let Some(bytes) = body.take(usize::from(length)) else { return };
        let whole = bytes.iter().take(8).fold(0_i64, |value, byte| value.wrapping_shl(8) | i64::from(*byte));
        match id {
            0x0002 => draft.attributes.push(Key::Text("obd_speed_kmh"), Value::Int(whole / 10)),
            0x0003 => draft.set(Name::EngineRpm, Value::Int(whole)),
            0x0004 => draft.set(Name::ExternalPowerMv, Value::Int(whole)),
            0x0005 => draft.set(Name::ObdOdometerM, Value::Int(whole.saturating_mul(100))),
            0x0009 => draft.set(Name::CoolantTemperatureC, Value::Int(whole.saturating_sub(40))),
            0x0050 => draft.set_text(Name::Vin, core::str::from_utf8(bytes).unwrap_or_default().trim_matches('\0')),
            _ => draft.attributes.push(Key::Io(0xF3_0000 | u32::from(id)), Value::Int(whole)),
        }
    }
}
