//! Items that hold items of their own.
//!
//! ```text
//! EB       = *( length u16, id u16, value )             ; BSJ and others; the length counts the id
//!          / MCC u16, MNC u8, *( area u16, cell u16, signal u8 )
//! EA, EB, EC, ED, EE, FA = *( id u16, length u8, value ) ; on-board diagnosis: basic, car, truck, electric, peripherals, events
//! F3       = *( id u16, length u8, value )              ; on-board diagnosis of another maker
//! FB       = time 6, text "MCC,MNC,count,area,cell,signal,…"
//! ```

use super::alarm::{self, Word};
use super::items::{digits, millivolts, named_text, percent, plain, push_cell};
use super::report::keep;
use crate::wire::{Cursor, Fields, cell_text, wifi_text};
use crate::{Draft, Key, Name, Value};
use core::ops::RangeInclusive;

/// `None`: the item is not of that form.
pub fn read(id: u8, value: &[u8], draft: &mut Draft) -> Option<()> {
    match id {
        0xEB => match Cursor::new(value).be_u16()? {
            201..=999 => cells(value, draft)?,
            0x6001..=0x6FFF => flow(id, value, 0x6001..=0x6FFF, draft)?,
            _ => nested(value, draft)?,
        },
        0xEC => flow(id, value, 0x5001..=0x6FFF, draft)?,
        0xED => flow(id, value, 0x7001..=0x7FFF, draft)?,
        0xEE => flow(id, value, 0x3001..=0x4FFF, draft)?,
        0xFB => stations(value, draft)?,
        _ => flow(id, value, 0..=0x0FFF, draft)?,
    }
    Some(())
}

/// Cells of one network.
fn cells(value: &[u8], draft: &mut Draft) -> Option<()> {
    let mut body = Cursor::new(value);
    let operator = (body.be_u16()?, u16::from(body.u8()?));
    let mut number = 0;
    while let (Some(area), Some(cell), Some(signal)) = (body.be_u16(), body.be_u16(), body.u8()) {
        push_cell(draft, number, operator, (u64::from(area), u64::from(cell)), signal);
        number = number.saturating_add(1);
    }
    Some(())
}

/// Lengths before ids.
fn nested(value: &[u8], draft: &mut Draft) -> Option<()> {
    let mut body = Cursor::new(value);
    while let Some((length, id)) = body.be_u16().zip(body.be_u16()) {
        let Some(value) = usize::from(length).checked_sub(2).and_then(|length| body.take(length)) else {
            draft.suspect("item");
            break;
        };
        if part(id, value, draft).is_none() {
            keep(draft, 0xEB_0000 | u32::from(id), value);
        }
    }
    Some(())
}

/// A part of EB. `None`: it is not known in that length.
fn part(id: u16, value: &[u8], draft: &mut Draft) -> Option<()> {
    let body = &mut Cursor::new(value);
    match (id, value.len()) {
        (0x0001, 3) => draft.set_numbered(Name::FuelRaw, 1, Value::Float(f64::from(body.be_u16()?) / 10.0)),
        (0x0023, 1..) => draft.set_numbered(Name::FuelRaw, 2, Value::Float(plain(value)?.parse().ok()?)),
        (0x0024, 7..) => {
            let fields = Fields::<4>::split(plain(value)?, ';');
            let operator = (fields.number(0)?, fields.number(1)?);
            let text = cell_text(operator, (fields.number(2)?, fields.number(3)?), None);
            draft.set_numbered(Name::Cell, 1, Value::Text(text.as_str()));
        }
        (0x002D, 2) => millivolts(draft, Name::BatteryMv, i64::from(body.be_u16()?), 1),
        (0x002D, 4) => millivolts(draft, Name::ExternalPowerMv, i64::from(body.be_u32()?), 1),
        (0x0030, 1) => draft.set(Name::GsmSignalLevel, Value::Int(i64::from(body.u8()?))),
        (0x0031, 1) => draft.set(Name::Satellites, Value::Int(i64::from(body.u8()?))),
        (0x0089, 4) => {
            let states = body.be_u32()?;
            alarm::word(draft, states, Word::States);
        }
        (0x00A3, _) => named_text(draft, Key::Named(Name::Firmware, 0), value)?,
        (0x00A8 | 0x00E1, 1) => percent(draft, i64::from(body.u8()?)),
        (0x00B2, _) => draft.set_text(Name::Iccid, digits(value).as_str()),
        (0x00B9, 1..) => hotspots(plain(value.get(1..)?)?, draft),
        (0x00C5, 4) => {
            let states = body.be_u32()?;
            alarm::word(draft, states, Word::MoreStates);
            match states >> 23 & 0b11 {
                0 => draft.set(Name::Motion, Value::Bool(true)),
                1 => draft.set(Name::Motion, Value::Bool(false)),
                _ => {}
            }
        }
        (0x00CE, 2) => millivolts(draft, Name::ExternalPowerMv, i64::from(body.be_u16()?), 10),
        (0x00D5, _) => named_text(draft, Key::Text("imei"), value)?,
        (0x00D8, 9..) => {
            let operator = (body.be_u16()?, u16::from(body.u8()?));
            let place = (u64::from(body.be_u16()?), u64::from(body.be_u32()?));
            if place != (0, 0) {
                draft.set(Name::Cell, Value::Text(cell_text(operator, place, None).as_str()));
            }
        }
        _ => return None,
    }
    Some(())
}

/// `24:69:68:5d:2c:a5,-30,2e:d0:…,-69`.
fn hotspots(text: &str, draft: &mut Draft) {
    let mut fields = text.split(',');
    for number in 0..u8::MAX {
        let Some((address, signal)) = fields.next().zip(fields.next()) else { return };
        let mut bytes = [0; 6];
        for (byte, digits) in bytes.iter_mut().zip(address.split(':')) {
            *byte = u8::from_str_radix(digits, 16).unwrap_or(0);
        }
        let signal = signal.trim_start_matches('-').parse().ok();
        draft.set_numbered(Name::Wifi, number, Value::Text(wifi_text(bytes, signal).as_str()));
    }
}

/// Whether ids and lengths fill the value exactly: that is how the form is known.
fn is_flow(value: &[u8], ids: &RangeInclusive<u16>) -> bool {
    let mut body = Cursor::new(value);
    while !body.rest().is_empty() {
        let id = body.be_u16().filter(|id| ids.contains(id));
        if id.and_then(|_| body.u8()).and_then(|length| body.skip(usize::from(length))).is_none() {
            return false;
        }
    }
    !value.is_empty()
}

fn whole(value: &[u8]) -> i64 {
    value.iter().take(7).fold(0, |whole, byte| whole.wrapping_shl(8) | i64::from(*byte))
}

/// Items with ids before lengths.
fn flow(item: u8, value: &[u8], ids: RangeInclusive<u16>, draft: &mut Draft) -> Option<()> {
    is_flow(value, &ids).then_some(())?;
    let mut body = Cursor::new(value);
    while let Some((id, length)) = body.be_u16().zip(body.u8()) {
        let value = body.take(usize::from(length))?;
        let known = match item {
            0xFA => event(id, value, draft),
            _ => diagnosis(id, value, draft),
        };
        if known.is_none() {
            keep(draft, u32::from(item).wrapping_shl(16) | u32::from(id), value);
        }
    }
    Some(())
}

/// An event; those with a description say first whether it begins or ends.
fn event(id: u16, value: &[u8], draft: &mut Draft) -> Option<()> {
    draft.set(Name::Event, Value::Int(i64::from(id)));
    let ends = matches!(id, 0x0106..=0x0109) && value.first() == Some(&0);
    if let Some(alarm) = alarm::diagnosis(id).filter(|_| !ends) {
        draft.alarm(alarm);
    }
    value.is_empty().then_some(())
}

/// Values of the on-board diagnosis. `None`: not known.
fn diagnosis(id: u16, value: &[u8], draft: &mut Draft) -> Option<()> {
    let number = whole(value);
    let tenths = |number: i64| Value::Float(f64::from(u16::try_from(number).unwrap_or(u16::MAX)) / 10.0);
    match (id, value.len()) {
        (0x0003, 5) => draft.set(Name::OdometerM, Value::Int(whole(value.get(1..)?))),
        (0x001E, 4) => draft.set(Name::MileageM, Value::Int(number)),
        (0x0004, 5) => draft.set(Name::FuelUsedL, Value::Float(f64::from(Cursor::new(value.get(1..)?).be_u32()?) / 1_000.0)),
        (0x0005, 4) => draft.set(Name::EngineHoursS, Value::Int(number)),
        (0x0007, 4) => draft.set(Name::IdleTimeS, Value::Int(number)),
        (0x0012, 2) => millivolts(draft, Name::ExternalPowerMv, number, 100),
        (0x0013, 1) => millivolts(draft, Name::BatteryMv, number, 100),
        (0x0014, 1) => draft.set(Name::GsmSignalLevel, Value::Int(number)),
        (0x0018, 1) => draft.set(Name::Satellites, Value::Int(number)),
        (0x0019, 2) => draft.set(Name::Hdop, Value::Float(f64::from(u16::try_from(number).ok()?) / 100.0)),
        (0x60C0, 2) => draft.set(Name::EngineRpm, Value::Int(number)),
        (0x60D0, 1) => draft.set(Name::ObdSpeedKmh, Value::Int(number)),
        (0x62F0, 2) if number & 0x8000 == 0 => draft.set(Name::FuelLevelPct, tenths(number)),
        (0x62F0, 2) => draft.set(Name::FuelL, tenths(number & 0x7FFF)),
        (0x6050, 1) => draft.set(Name::CoolantTemperatureC, Value::Int(number.saturating_sub(40))),
        (0x60F0, 1) => draft.set(Name::IntakeTemperatureC, Value::Int(number.saturating_sub(40))),
        (0x6110, 2) => draft.set(Name::ThrottlePct, tenths(number)),
        (0x5004, 1) => draft.set(Name::ThrottlePct, Value::Int(number)),
        (0x6040, 1) => draft.set(Name::EngineLoadPct, Value::Int(number)),
        (0x5005, 2) => draft.set(Name::FuelConsumptionLph, Value::Float(f64::from(u16::try_from(number).ok()?) / 20.0)),
        (0x3002..=0x3005, 2) => {
            let circuit = u8::try_from(id.saturating_sub(0x3001)).ok()?;
            draft.set_numbered(Name::TemperatureC, circuit, Value::Float(f64::from(u16::try_from(number).ok()?) / 10.0 - 40.0));
        }
        _ => return None,
    }
    Some(())
}

/// Item F3: the engine's values by another table.
pub fn engine(value: &[u8], draft: &mut Draft) -> Option<()> {
    is_flow(value, &(0..=0x0FFF)).then_some(())?;
    let mut body = Cursor::new(value);
    while let Some((id, length)) = body.be_u16().zip(body.u8()) {
        let bytes = body.take(usize::from(length))?;
        let number = whole(bytes);
        match (id, bytes.len()) {
            (0x0002, 2) => draft.set(Name::ObdSpeedKmh, Value::Float(f64::from(u16::try_from(number).ok()?) / 10.0)),
            (0x0003, 2) => draft.set(Name::EngineRpm, Value::Int(number)),
            (0x0004, 2) => millivolts(draft, Name::ExternalPowerMv, number, 1),
            (0x0005, 4) => draft.set(Name::ObdOdometerM, Value::Int(number.saturating_mul(100))),
            (0x0006, 2) => draft.set(Name::FuelConsumptionLph, Value::Float(f64::from(u16::try_from(number).ok()?) / 10.0)),
            (0x0008, 1) => draft.set(Name::EngineLoadPct, Value::Int(number)),
            (0x0009, 2) => draft.set(Name::CoolantTemperatureC, Value::Int(number.saturating_sub(40))),
            (0x0050, _) => {
                named_text(draft, Key::Named(Name::Vin, 0), bytes);
            }
            (0x0100, 2) => draft.set(Name::TripOdometerM, Value::Int(number.saturating_mul(100))),
            _ => keep(draft, 0xF3_0000 | u32::from(id), bytes),
        }
    }
    Some(())
}

/// Cells as text, behind the time at which they were heard.
fn stations(value: &[u8], draft: &mut Draft) -> Option<()> {
    let fields = Fields::<30>::split(plain(value.get(6..)?)?, ',');
    let operator = (fields.number(0)?, fields.number(1)?);
    for number in 0..fields.number::<u8>(2)?.min(9) {
        let at = usize::from(number).saturating_mul(3).saturating_add(3);
        let place = (fields.number(at)?, fields.number(at.saturating_add(1))?);
        let text = cell_text(operator, place, fields.number(at.saturating_add(2)));
        draft.set_numbered(Name::Cell, number, Value::Text(text.as_str()));
    }
    Some(())
}
