//! The makers' items. The same number may mean different things; the length tells them apart.
//!
//! | item | value |
//! |---|---|
//! | 06, D4, E1 (1 byte), FE (1) | battery u8 (%) |
//! | 33 (text) | `*M00,…,LLVVV…`: a lock; VVV battery (0.01 V) |
//! | 50, EC, F4 | networks: *( address 6, signal ); 54: with their count before |
//! | 51 / 58 | temperatures *i16 (0.1 °C) / humidities *u16 (0.1 %) |
//! | 53, 5D | cells: count u8, *( MCC u16, MNC u8, area u16, cell u16 or u32, signal u8 ) |
//! | 56 | battery u8 (tenths), u8 (%) |
//! | 57 / F4 (2) / FE (7C …) | driving alarms (see `alarm.rs`) |
//! | 60 / 63 | event u16, lock 6, card text / locks: *( id 6, battery u16 (mV), seal u8, state u8, signal i8 ) |
//! | 61 / 82, D3, E1 (2), FE (2) | supply u16: 0.01 V / 0.1 V |
//! | 64, 65, 70 | driving assistance: id u32, flag u8, type u8, … |
//! | 67 / 68 / 69 / 6C / 71 | password (not kept) / battery (0.01 %) / battery (0.01 V) / IMEI / ICCID |
//! | 77 | tires: *( number u8, sensor 3, pressure u8 (0.025 bar), temperature u8 (− 50 °C), state u8 ) |
//! | 80–86 | engine: speed u8, rpm u16, supply u16 (0.1 V), load u8, coolant u8 (− 40 °C), fuel u16, intake u8 (− 40 °C) |
//! | 89–8E | throttle u8, –, VIN 17, odometer u32 (100 m), trip u16 (km), fuel level u8 (%) |
//! | 91 | supply u16 (0.1 V), rpm u16, speed u8, throttle u8, load u8 (of 255), coolant u8, … |
//! | AC, FE (4) | odometer u32 (m) |
//! | BC / BD / CC | driver / the driver's number / ICCID, as texts |
//! | D5 (2) | battery u16 (0.01 V); longer: locks, count u8, *( id 5, card 5, battery u8 (%), state u16 ) |
//! | E1 (12), FD (10), EE (10) | cell |
//! | E3 | battery u16 (%), u16 (0.01 V), u16 |
//! | E4 / E5 | charging u8 (0: yes), battery u8 (%) / motion u8 |
//! | E6 | sensors: *( number u8, address 6, temperature i16 (1/256 °C), humidity u8 (%), u8 ) |
//! | E8 | a camera of Jimi: alarm u16 and its id, or an extension |
//! | EF / F8 (2) / F6 (8) | HDOP u8 (0.1) / steps u16 / IMEI BCD |

use super::alarm::{self, Word};
use super::report::keep;
use super::{aovx, flows};
use crate::wire::{Cursor, ShortText, cell_text, hex_digit, wifi_text};
use crate::{Alarm, Draft, Key, Name, Value};

/// `None`: the item is not known in that length.
pub fn read(id: u8, value: &[u8], model: Option<&str>, draft: &mut Draft) -> Option<()> {
    match id {
        0x0B | 0x33 | 0x60 | 0x63 | 0x67..=0x69 | 0x6C | 0x71 => locks(id, value, draft),
        0x80..=0x94 => engine(id, value, draft),
        0xEA..=0xEE | 0xFA | 0xFB if flows::read(id, value, draft).is_some() => Some(()),
        0x50 | 0x53 | 0x54 | 0x5D | 0xEC | 0xFD if networks(id, value, draft).is_some() => Some(()),
        0xF3 => flows::engine(value, draft).or_else(|| aovx::read(id, value, draft)),
        0xF0..=0xF9 => aovx::read(id, value, draft),
        0xE8 => camera(value, model, draft),
        _ => others(id, value, draft),
    }
}

fn others(id: u8, value: &[u8], draft: &mut Draft) -> Option<()> {
    let body = &mut Cursor::new(value);
    match (id, value.len()) {
        (0x06 | 0xD4 | 0xE1 | 0xFE, 1) => percent(draft, i64::from(body.u8()?)),
        (0x51, 2..) => tenths(body, Name::TemperatureC, draft),
        (0x58, 2..) => tenths(body, Name::HumidityPct, draft),
        (0x56, 2) => {
            let (tenths, percents) = (body.u8()?, body.u8()?);
            percent(draft, if percents > 0 { i64::from(percents) } else { i64::from(tenths).saturating_mul(10) });
        }
        (0x57, 2..) => alarm::word(draft, u32::from(body.be_u16()?), Word::Driving),
        (0x61, 2) => millivolts(draft, Name::ExternalPowerMv, i64::from(body.be_u16()?), 10),
        (0x64 | 0x65 | 0x70, 20..) => {
            let kind = *value.get(5)?;
            draft.set(Name::Event, Value::Int(i64::from(kind)));
            if let Some(alarm) = alarm::assistance(id, kind) {
                draft.alarm(alarm);
            }
        }
        (0x77, 7..) => tires(body, draft),
        (0xAC | 0xFE, 4) => draft.set(Name::OdometerM, Value::Int(i64::from(body.be_u32()?))),
        (0xBC, _) => named_text(draft, Key::Text("driver"), value)?,
        (0xBD, _) => named_text(draft, Key::Named(Name::DriverId, 0), value)?,
        (0xCC, 10..) => named_text(draft, Key::Named(Name::Iccid, 0), value)?,
        (0xCD, 2) => draft.altitude_m(f64::from(body.be_u16()?.cast_signed())),
        (0xD3 | 0xE1 | 0xFE, 2) => millivolts(draft, Name::ExternalPowerMv, i64::from(body.be_u16()?), 100),
        (0xD5, 2) => millivolts(draft, Name::BatteryMv, i64::from(body.be_u16()?), 10),
        (0xD5, 14..) => slaves(body, draft)?,
        (0xE1, 12) => {
            let operator = (body.be_u16()?, body.be_u16()?);
            body.skip(1)?;
            let place = (u64::from(body.be_u16()?), u64::from(body.be_u32()?));
            push_cell(draft, 0, operator, place, body.u8()?);
        }
        (0xE3, 6) => {
            percent(draft, i64::from(body.be_u16()?));
            millivolts(draft, Name::BatteryMv, i64::from(body.be_u16()?), 10);
        }
        (0xE4, 2) => {
            draft.set(Name::Charging, Value::Bool(body.u8()? == 0));
            percent(draft, i64::from(body.u8()?));
        }
        (0xE5, 1) => draft.set(Name::Motion, Value::Bool(body.u8()? != 0)),
        (0xE6, 11..) => sensors(body, draft),
        (0xEE, 6) => {
            draft.set(Name::GsmSignalLevel, Value::Int(i64::from(body.u8()?)));
            millivolts(draft, Name::ExternalPowerMv, i64::from(body.be_u16()?), 1);
            millivolts(draft, Name::BatteryMv, i64::from(body.be_u16()?), 1);
            draft.set(Name::Satellites, Value::Int(i64::from(body.u8()?)));
        }
        (0xEE, 10) => {
            let operator = (body.be_u16()?, u16::from(body.u8()?));
            let place = (u64::from(body.be_u16()?), u64::from(body.be_u32()?));
            push_cell(draft, 0, operator, place, body.u8()?);
        }
        (0xEF, 1) => draft.set(Name::Hdop, Value::Float(f64::from(body.u8()?) / 10.0)),
        (0xFE, 3..) if body.u8() == Some(0x7C) => marked(body, draft),
        _ => return None,
    }
    Some(())
}

/// The battery's level. Some write more than all of it.
pub fn percent(draft: &mut Draft, level: i64) {
    if level <= 100 {
        draft.set(Name::BatteryLevelPct, Value::Int(level));
    } else {
        draft.suspect("battery");
    }
}

/// A voltage in so many millivolts.
pub fn millivolts(draft: &mut Draft, name: Name, value: i64, unit: i64) {
    draft.set(name, Value::Int(value.saturating_mul(unit)));
}

/// A text of printable ASCII; what pads it goes. `None` where it is none.
pub fn plain(value: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(value).ok()?.trim_matches(|c: char| c == '\0' || c == ' ');
    text.bytes().all(|byte| (0x20..0x7F).contains(&byte)).then_some(text)
}

/// `None`: it is no text.
pub fn named_text(draft: &mut Draft, key: Key<'_>, value: &[u8]) -> Option<()> {
    let text = plain(value)?;
    if !text.is_empty() {
        draft.attributes.push(key, Value::Text(text));
    }
    Some(())
}

/// A number of binary-coded decimals; `F` pads it at its end, zeros before it stay.
pub fn digits(bytes: &[u8]) -> ShortText {
    let mut text = ShortText::default();
    for nibble in bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).take_while(|nibble| *nibble != 0x0F) {
        text.push_char(char::from(hex_digit(nibble)));
    }
    text
}

/// Signals are mostly negative numbers, and sometimes without their sign.
const fn strength(signal: u8) -> u16 {
    signal.cast_signed().unsigned_abs() as u16
}

/// A cell that is somewhere.
pub fn push_cell(draft: &mut Draft, number: u8, operator: (u16, u16), place: (u64, u64), signal: u8) {
    if place != (0, 0) {
        let text = cell_text(operator, place, Some(strength(signal)));
        draft.set_numbered(Name::Cell, number, Value::Text(text.as_str()));
    }
}

/// Addresses, each with its signal.
pub fn push_networks(draft: &mut Draft, value: &[u8]) {
    for (number, one) in (0..).zip(value.as_chunks::<7>().0) {
        let [address @ .., signal] = *one;
        draft.set_numbered(Name::Wifi, number, Value::Text(wifi_text(address, Some(strength(signal))).as_str()));
    }
}

fn networks(id: u8, value: &[u8], draft: &mut Draft) -> Option<()> {
    let count = usize::from(*value.first()?);
    let whole = |bytes: usize| (value.len() == bytes.saturating_mul(count).saturating_add(1)).then_some(());
    let body = &mut Cursor::new(value);
    match id {
        0x54 => {
            whole(7)?;
            push_networks(draft, value.get(1..)?);
        }
        0x53 | 0x5D => {
            let is_wide = whole(10).is_some();
            if !is_wide {
                whole(8)?;
            }
            body.skip(1)?;
            for number in 0..u8::try_from(count).ok()? {
                let operator = (body.be_u16()?, u16::from(body.u8()?));
                let area = u64::from(body.be_u16()?);
                let cell = if is_wide { u64::from(body.be_u32()?) } else { u64::from(body.be_u16()?) };
                push_cell(draft, number, operator, (area, cell), body.u8()?);
            }
        }
        0xFD if value.len() == 10 => {
            let operator = (body.be_u16()?, body.be_u16()?);
            let cell = u64::from(body.be_u32()?);
            let text = cell_text(operator, (u64::from(body.be_u16()?), cell), None);
            draft.set(Name::Cell, Value::Text(text.as_str()));
        }
        _ if !value.is_empty() && value.len().is_multiple_of(7) && id != 0xFD => push_networks(draft, value),
        _ => return None,
    }
    Some(())
}

fn tenths(body: &mut Cursor<'_>, name: Name, draft: &mut Draft) {
    let mut number = 1;
    while let Some(value) = body.be_u16() {
        if value != 0xFFFF && value != 0x7FFF {
            draft.set_numbered(name, number, Value::Float(f64::from(value.cast_signed()) / 10.0));
        }
        number = number.saturating_add(1);
    }
}

fn locks(id: u8, value: &[u8], draft: &mut Draft) -> Option<()> {
    let body = &mut Cursor::new(value);
    match (id, value.len()) {
        (0x33, 1) => draft.set(Name::Mode, Value::Int(i64::from(body.u8()?))),
        (0x33, _) => {
            let state = plain(value)?.strip_prefix("*M00,")?.split(',').nth(1)?;
            millivolts(draft, Name::BatteryMv, state.get(2..5)?.parse().ok()?, 10);
            draft.set_text(Name::Text, plain(value)?);
        }
        (0x0B, 6) => {
            draft.set(Name::Event, Value::Int(i64::from(body.u8()?)));
            let card = body.be_u32()?;
            draft.set(Name::Card, Value::Int(i64::from(card)));
            draft.set(Name::Reason, Value::Int(i64::from(body.u8()?)));
        }
        (0x60, 2..) => {
            draft.set(Name::Event, Value::Int(i64::from(body.be_u16()?)));
            if let Some(lock) = body.take(6) {
                draft.set_text(Name::TagId, digits(lock).as_str());
            }
            if !body.rest().is_empty() && named_text(draft, Key::Named(Name::DriverId, 0), body.rest()).is_none() {
                keep(draft, u32::from(id), body.rest());
            }
        }
        (0x63, 11..) => {
            let mut number = 1;
            while let (Some(lock), Some(battery), Some(seal)) = (body.array::<6>(), body.be_u16(), body.array::<3>()) {
                draft.set_numbered(Name::TagId, number, Value::Text(hexadecimal(&lock).as_str()));
                draft.set_numbered(Name::TagBatteryMv, number, Value::Int(i64::from(battery)));
                let [seal, _, signal] = seal;
                draft.set_numbered(Name::Lock, number, Value::Bool(seal == b'1'));
                draft.set_numbered(Name::TagRssiDbm, number, Value::Int(i64::from(signal.cast_signed())));
                number = number.saturating_add(1);
            }
        }
        // The password opens the lock: it is nobody's who sees where the lock is.
        (0x67, _) => {}
        (0x68, 2 | 4) => {
            let level = value.iter().fold(0_u32, |level, byte| level.wrapping_shl(8) | u32::from(*byte));
            draft.set(Name::BatteryLevelPct, Value::Float(f64::from(level) / 100.0));
        }
        (0x69, 2) => millivolts(draft, Name::BatteryMv, i64::from(body.be_u16()?), 10),
        (0x6C, 14..) => named_text(draft, Key::Text("imei"), value)?,
        (0x71, 18..) => {
            let text = plain(value)?.trim_end_matches(['F', 'f']);
            draft.set_text(Name::Iccid, text);
        }
        _ => return None,
    }
    Some(())
}

/// All digits of bytes.
pub fn hexadecimal(bytes: &[u8]) -> ShortText {
    let mut text = ShortText::default();
    for nibble in bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]) {
        text.push_char(char::from(hex_digit(nibble)));
    }
    text
}

/// Master and slave locks.
fn slaves(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    for number in 1..=body.u8()? {
        let (lock, card, battery) = (body.array::<5>()?, body.array::<5>()?, body.u8()?);
        draft.set_numbered(Name::TagId, number, Value::Text(hexadecimal(&lock).as_str()));
        draft.set_numbered(Name::Card, number, Value::Text(hexadecimal(&card).as_str()));
        if number == 1 {
            percent(draft, i64::from(battery));
        }
        draft.set_numbered(Name::Status, number, Value::Int(i64::from(body.be_u16()?)));
    }
    Some(())
}

fn tires(body: &mut Cursor<'_>, draft: &mut Draft) {
    while let (Some(number), Some(sensor), Some(values)) = (body.u8(), body.array::<3>(), body.array::<3>()) {
        let [pressure, temperature, state] = values;
        // The sensor has not been heard: all its values are 0.
        if values == [0; 3] {
            continue;
        }
        draft.set_numbered(Name::Sensor, number, Value::Text(hexadecimal(&sensor).as_str()));
        draft.set_numbered(Name::TireKpa, number, Value::Float(f64::from(pressure) * 2.5));
        draft.set_numbered(Name::TireTemperatureC, number, Value::Int(i64::from(temperature).saturating_sub(50)));
        draft.set_numbered(Name::Status, number, Value::Int(i64::from(state)));
    }
}

fn sensors(body: &mut Cursor<'_>, draft: &mut Draft) {
    while let (Some(number), Some(address), Some(temperature), Some(rest)) =
        (body.u8(), body.array::<6>(), body.be_u16(), body.array::<2>())
    {
        draft.set_numbered(Name::TagId, number, Value::Text(hexadecimal(&address).as_str()));
        draft.set_numbered(Name::TagTemperatureC, number, Value::Float(f64::from(temperature.cast_signed()) / 256.0));
        let [humidity, _] = rest;
        draft.set_numbered(Name::TagHumidityPct, number, Value::Int(i64::from(humidity)));
    }
}

/// Values of the engine, each an item of its own.
fn engine(id: u8, value: &[u8], draft: &mut Draft) -> Option<()> {
    let body = &mut Cursor::new(value);
    let celsius = |byte: u8| Value::Int(i64::from(byte).saturating_sub(40));
    match (id, value.len()) {
        (0x80, 1) => draft.set(Name::ObdSpeedKmh, Value::Int(i64::from(body.u8()?))),
        (0x81, 2) => draft.set(Name::EngineRpm, Value::Int(i64::from(body.be_u16()?))),
        (0x82, 2) => millivolts(draft, Name::ExternalPowerMv, i64::from(body.be_u16()?), 100),
        (0x83, 1) => draft.set(Name::EngineLoadPct, Value::Int(i64::from(body.u8()?))),
        (0x84, 1) => draft.set(Name::CoolantTemperatureC, celsius(body.u8()?)),
        (0x86, 1) => draft.set(Name::IntakeTemperatureC, celsius(body.u8()?)),
        (0x89, 1) => draft.set(Name::ThrottlePct, Value::Int(i64::from(body.u8()?))),
        (0x8B, 17) | (0x94, 1..) => named_text(draft, Key::Named(Name::Vin, 0), value)?,
        (0x8C, 4) => draft.set(Name::ObdOdometerM, Value::Int(i64::from(body.be_u32()?).saturating_mul(100))),
        (0x8D, 2) => draft.set(Name::TripOdometerM, Value::Int(i64::from(body.be_u16()?).saturating_mul(1_000))),
        (0x8E, 1) => draft.set(Name::FuelLevelPct, Value::Int(i64::from(body.u8()?))),
        (0x91, 10..) => {
            millivolts(draft, Name::BatteryMv, i64::from(body.be_u16()?), 100);
            draft.set(Name::EngineRpm, Value::Int(i64::from(body.be_u16()?)));
            draft.set(Name::ObdSpeedKmh, Value::Int(i64::from(body.u8()?)));
            draft.set(Name::ThrottlePct, Value::Float(f64::from(body.u8()?) * 100.0 / 255.0));
            draft.set(Name::EngineLoadPct, Value::Float(f64::from(body.u8()?) * 100.0 / 255.0));
            draft.set(Name::CoolantTemperatureC, celsius(body.u8()?));
            keep(draft, u32::from(id), body.rest());
        }
        _ => return None,
    }
    Some(())
}

/// Item FE behind its mark: *( id u8, length u8, value ).
fn marked(body: &mut Cursor<'_>, draft: &mut Draft) {
    while let Some((id, length)) = body.u8().zip(body.u8()) {
        let Some(value) = body.take(usize::from(length)) else { return };
        match (id, value) {
            (0x01, [a, b, c, d]) => alarm::word(draft, u32::from_be_bytes([*a, *b, *c, *d]), Word::DrivingMarked),
            _ => keep(draft, 0xFE_0000 | u32::from(id), value),
        }
    }
}

/// Cameras of Jimi (JC371, JC181, JC182, JC450, JC451).
fn camera(value: &[u8], model: Option<&str>, draft: &mut Draft) -> Option<()> {
    if !model.is_some_and(|model| model.starts_with("JC")) {
        return None;
    }
    let number = Cursor::new(value).be_u16()?;
    draft.set(Name::Event, Value::Int(i64::from(number)));
    match number {
        0x0001 => draft.alarm(Alarm::Fault),
        0x0406 => draft.alarm(Alarm::Vibration),
        0x0C01 => draft.alarm(Alarm::Sos),
        _ => keep(draft, 0xE8, value),
    }
    Some(())
}
