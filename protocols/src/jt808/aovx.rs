//! Items F0 to F9 and transparent messages 53 and 54, most of them of AOVX.
//!
//! ```text
//! F0 = *( MCC u16, MNC u16, cell u32, area u32, signal u8 )
//! F1 = supply u32 (mV) / ICCID 20
//! F2 = firmware
//! F3 = armed u8 / mask u8, *( address 6, signal i8, [name 10], [firmware 2], [battery u16 (mV)], [temperature i16], [humidity u16], [6] )
//! F4 = driving alarms u16 / *( address 6, signal i8 )
//! F5 = acceleration 3 × i16
//! F6 = event u8, mask u8, [light u16], [temperature i16 (0.1 °C)], [humidity u16 (0.1 %)], [acceleration 3 × i16], …
//!    / IMEI 8 / mode u8, …, charging u8
//! F7 = battery u32 (mV), state u8, battery u8 (%)
//! F8 = type u8, IMEI 8, ICCID 10, model / steps u16
//! F9 = mask u16, [age of the fix u32 (s)], [ignition for u32 (s)], [HDOP u16 (0.1)], [time 6]
//! 53 = report without alarms and items, count u8, *( number u8, address 6, signal i8, length u8, bytes )
//! 54 = report without alarms and items, *( mask u16, time 6, [light u16], [temperature i16], [humidity u16], [temperature i16],
//!      [acceleration 3 × i16, pressure u16 (hPa)] )
//! ```

use super::alarm::{self, Word};
use super::items::{digits, hexadecimal, millivolts, named_text, percent, push_cell, push_networks};
use super::report::at;
use crate::wire::Cursor;
use crate::{Draft, Key, Name, Value};

/// `None`: the item is not of that form.
pub fn read(id: u8, value: &[u8], draft: &mut Draft) -> Option<()> {
    let body = &mut Cursor::new(value);
    match (id, value.len()) {
        (0xF0, 13..) => cells(body, draft),
        (0xF1, 4) => millivolts(draft, Name::ExternalPowerMv, i64::from(body.be_u32()?), 1),
        (0xF1, 20) => named_text(draft, Key::Named(Name::Iccid, 0), value)?,
        (0xF2, 1..) => named_text(draft, Key::Named(Name::Firmware, 0), value)?,
        (0xF3, 1) => draft.set(Name::Armed, Value::Bool(body.u8()? != 0)),
        (0xF3, 8..) => tags(body, draft)?,
        (0xF4, 2) => alarm::word(draft, u32::from(body.be_u16()?), Word::DrivingOther),
        (0xF4, 7..) if value.len().is_multiple_of(7) => push_networks(draft, value),
        (0xF5, 6) => acceleration(body, draft)?,
        (0xF6, 4) => {
            draft.set(Name::Mode, Value::Int(i64::from(body.u8()?)));
            draft.set(Name::Charging, Value::Bool(value.last()? & 0b11 == 0b01));
        }
        (0xF6, 8) if value.first()? >> 4 == 0 => {
            let digits = digits(value);
            draft.attributes.push(Key::Text("imei"), Value::Text(digits.as_str().get(1..)?));
        }
        (0xF6, 4..) => surroundings(body, draft)?,
        (0xF7, 4..) => {
            millivolts(draft, Name::BatteryMv, i64::from(body.be_u32()?), 1);
            if let Some([_, level]) = body.array() {
                percent(draft, i64::from(level));
            }
        }
        (0xF8, 2) => draft.set(Name::Steps, Value::Int(i64::from(body.be_u16()?))),
        (0xF8, 19..) => {
            body.skip(1)?;
            let imei = digits(body.take(8)?);
            draft.attributes.push(Key::Text("imei"), Value::Text(imei.as_str().get(1..)?));
            draft.set_text(Name::Iccid, digits(body.take(10)?).as_str());
            named_text(draft, Key::Named(Name::Model, 0), body.rest());
        }
        (0xF9, 3..) => fix(body, draft)?,
        _ => return None,
    }
    Some(())
}

fn cells(body: &mut Cursor<'_>, draft: &mut Draft) {
    let mut number = 0;
    let mut one = || Some((body.be_u16()?, body.be_u16()?, body.be_u32()?, body.be_u32()?, body.u8()?));
    while let Some((country, network, cell, area, signal)) = one() {
        push_cell(draft, number, (country, network), (u64::from(area), u64::from(cell)), signal);
        number = number.saturating_add(1);
    }
}

fn acceleration(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    for axis in 1..=3 {
        draft.set_numbered(Name::AccelerationMg, axis, Value::Int(i64::from(body.be_u16()?.cast_signed())));
    }
    Some(())
}

fn tenths(body: &mut Cursor<'_>) -> Option<f64> {
    Some(f64::from(body.be_u16()?.cast_signed()) / 10.0)
}

/// What is heard by Bluetooth; the mask says what each one tells.
fn tags(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let mask = body.u8()?;
    let mut number = 1;
    while !body.rest().is_empty() {
        let (address, signal) = (body.array::<6>()?, body.u8()?);
        draft.set_numbered(Name::TagId, number, Value::Text(hexadecimal(&address).as_str()));
        draft.set_numbered(Name::TagRssiDbm, number, Value::Int(i64::from(signal.cast_signed())));
        for bit in (0..8).filter(|bit| mask >> bit & 1 == 1) {
            match bit {
                0 => body.skip(10)?,
                2 => draft.set_numbered(Name::TagBatteryMv, number, Value::Int(i64::from(body.be_u16()?))),
                3 => draft.set_numbered(Name::TagTemperatureC, number, Value::Float(tenths(body)?)),
                4 => draft.set_numbered(Name::TagHumidityPct, number, Value::Float(tenths(body)?)),
                5 => body.skip(6)?,
                _ => body.skip(2)?,
            }
        }
        number = number.saturating_add(1);
    }
    Some(())
}

fn surroundings(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let (event, mask) = (body.u8()?, body.u8()?);
    draft.set(Name::Event, Value::Int(i64::from(event)));
    if event == 2 {
        draft.set(Name::Motion, Value::Bool(true));
    }
    for bit in (0..4).filter(|bit| mask >> bit & 1 == 1) {
        match bit {
            0 => draft.set(Name::IlluminanceLx, Value::Int(i64::from(body.be_u16()?))),
            1 => draft.set_numbered(Name::TemperatureC, 1, Value::Float(tenths(body)?)),
            2 => draft.set(Name::HumidityPct, Value::Float(tenths(body)?)),
            _ => acceleration(body, draft)?,
        }
    }
    Some(())
}

fn fix(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let mask = body.be_u16()?;
    for bit in (0..3).filter(|bit| mask >> bit & 1 == 1) {
        match bit {
            0 => draft.set(Name::FixAgeS, Value::Int(i64::from(body.be_u32()?))),
            1 => draft.set(Name::DrivingTimeS, Value::Int(i64::from(body.be_u32()?))),
            _ => draft.set(Name::Hdop, Value::Float(f64::from(body.be_u16()?) / 10.0)),
        }
    }
    Some(())
}

/// Transparent message 53, behind its report: what is heard of tags. One that is cut off is left out.
pub fn heard(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    for _ in 0..body.u8()? {
        let Some((number, address, signal)) = body.u8().zip(body.array::<6>()).zip(body.u8()).map(|((n, a), s)| (n, a, s)) else {
            draft.suspect("tag");
            break;
        };
        let number = number.saturating_add(1);
        draft.set_numbered(Name::TagId, number, Value::Text(hexadecimal(&address).as_str()));
        draft.set_numbered(Name::TagRssiDbm, number, Value::Int(i64::from(signal.cast_signed())));
        let length = usize::from(body.u8()?);
        draft.set_numbered(Name::Tag, number, Value::Text(hexadecimal(body.take(length)?).as_str()));
    }
    Some(())
}

/// Transparent message 54, behind its report: one measurement.
pub fn measured(body: &mut Cursor<'_>) -> Option<Draft> {
    let mask = body.be_u16()?;
    let mut draft = at(body.array()?);
    for bit in (0..5).filter(|bit| mask >> bit & 1 == 1) {
        match bit {
            0 => draft.set(Name::IlluminanceLx, Value::Int(i64::from(body.be_u16()?))),
            1 => draft.set(Name::DeviceTemperatureC, Value::Float(tenths(body)?)),
            2 => draft.set(Name::HumidityPct, Value::Float(tenths(body)?)),
            3 => draft.set_numbered(Name::TemperatureC, 1, Value::Float(tenths(body)?)),
            _ => {
                acceleration(body, &mut draft)?;
                draft.set(Name::AirPressureKpa, Value::Float(tenths(body)?));
            }
        }
    }
    Some(draft)
}
