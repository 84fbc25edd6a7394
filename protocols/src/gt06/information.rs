//! Kinds that tell something of the tracker itself: voltages, cards, sensors, the answers to commands.

use super::location::{driver_bytes, push_module};
use super::report::Report;
use super::{Frame, alarm, text};
use crate::wire::{Cursor, to_hex};
use crate::{Key, Message, Name, Value};
use alloc::string::String;
use alloc::vec::Vec;

/// Kinds 0x15 and 0x21: the text that a command brought. A card number among them is told as one.
pub fn text_answer(frame: &Frame<'_>, out: &mut Vec<Message>) -> Option<()> {
    let body = &mut Cursor::new(frame.body);
    let length = if frame.kind == 0x15 { body.u8()? } else { 0 };
    // The server's mark: which command is answered.
    let tag = Some(body.be_u32()?);
    let answer = if frame.kind == 0x15 {
        // The length counts four bytes of the server's mark and the text; some trackers leave it 0.
        let told = usize::from(length).checked_sub(4).filter(|n| *n <= body.rest().len());
        body.take(told.unwrap_or(body.rest().len().saturating_sub(2)))?
    } else {
        match body.u8()? {
            2 => return utf16(tag, body.rest(), out),
            _ => body.rest(),
        }
    };
    let answer = text(answer);
    let card = answer.split_once("ICCID:").map(|(_, card)| card.trim_end_matches('>'));
    match card.filter(|card| card.bytes().all(|b| b.is_ascii_alphanumeric())) {
        Some(card) => {
            frame.record(out, |report| {
                report.set(Name::Iccid, Value::Text(card));
                Some(())
            })?;
        }
        None => out.push(Message::CommandAnswer { identifier: None, tag, done: None, text: answer }),
    }
    Some(())
}

fn utf16(tag: Option<u32>, bytes: &[u8], out: &mut Vec<Message>) -> Option<()> {
    let units = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_be_bytes(*unit));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    out.push(Message::CommandAnswer { identifier: None, tag, done: None, text: text.trim_matches('\0').into() });
    Some(())
}

/// Reads a frame of information.
pub fn read(report: &mut Report<'_>, frame: &Frame<'_>) -> Option<()> {
    let body = &mut Cursor::new(frame.body);
    match frame.kind {
        0x70 => modules(report, body)?,
        0x8C => diagnosis(report, body)?,
        0x95 => camera(report, body)?,
        0x9B => {
            body.u8()?;
            report.set(Name::Text, Value::Text(&to_hex(body.rest())));
        }
        0xF1 => switches(report, body)?,
        0xF2 => {
            report.epoch(body.be_u32()?);
            pack(report, body)?;
        }
        _ if !frame.extended && frame.body.len() == 2 => report.centivolts(Name::ExternalPowerMv, body.be_u16()?),
        _ => transferred(report, body)?,
    }
    Some(())
}

/// Whether a frame of kind 0x94 has a part that is known here.
pub const fn knows_part(frame: &Frame<'_>) -> bool {
    matches!((frame.extended, frame.body), (false, [_, _]) | (_, [0x00 | 0x04 | 0x05 | 0x08..=0x0A | 0x0D | 0x1B, ..]))
}

/// Kind 0x94, by its part.
fn transferred(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    match body.u8()? {
        0x00 => report.centivolts(Name::ExternalPowerMv, body.be_u16()?),
        0x04 => settings(report, &text(body.rest())),
        0x05 => {
            if body.rest().len() > 6 {
                report.date(body)?;
            }
            let doors = body.u8()?;
            report.set(Name::Door, Value::Bool(doors & 0x01 != 0));
            report.attributes().push(Key::Named(Name::Input, 1), Value::Bool(doors & 0x04 != 0));
        }
        0x08 => report.set(Name::Text, Value::Text(&text(body.rest()))),
        0x09 => satellites(report, body)?,
        0x0A => {
            body.take(8)?;
            let subscriber: [u8; 8] = body.array()?;
            report.set(Name::Imsi, Value::Text(to_hex(&subscriber).trim_start_matches('0')));
            report.set(Name::Iccid, Value::Text(to_hex(body.take(10)?).trim_end_matches('f')));
        }
        0x0D => fuel(report, &text(body.rest())),
        0x1B => driver_bytes(report, body.rest()),
        _ => return None,
    }
    Some(())
}

/// `ALM1=45;…;DYD=01;…;ICCID=…`: settings of the tracker. Kept are whether fuel and power are cut, and the card.
fn settings(report: &mut Report<'_>, list: &str) {
    for (key, value) in list.split(';').filter_map(|item| item.split_once('=')) {
        match (key.trim(), u8::from_str_radix(value.trim(), 16)) {
            ("DYD", Ok(bits)) => report.set(Name::Blocked, Value::Bool(bits & 0x02 != 0)),
            ("STA1", Ok(bits)) => report.set(Name::Armed, Value::Bool(bits & 0x80 != 0)),
            ("ICCID", _) => report.set(Name::Iccid, Value::Text(value.trim())),
            _ => {}
        }
    }
    report.set(Name::Text, Value::Text(list));
}

/// Satellites of GPS, then of BeiDou: state, count in use and a strength each, count in view and a strength each.
fn satellites(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    let (mut used, mut visible) = (0_u16, 0_u16);
    for _ in 0..2 {
        let Some(_state) = body.u8() else { break };
        let count = body.u8()?;
        body.take(usize::from(count))?;
        used = used.saturating_add(u16::from(count));
        let count = body.u8()?;
        body.take(usize::from(count))?;
        visible = visible.saturating_add(u16::from(count));
    }
    report.int(Name::Satellites, used);
    report.int(Name::SatellitesVisible, used.saturating_add(visible));
    Some(())
}

/// A fuel sensor's line `!AIOIL,02,height,temperature,…,…,litres,…`.
fn fuel(report: &mut Report<'_>, line: &str) {
    let mut fields = line.split(',');
    let mut number = |place: usize| fields.nth(place).and_then(|field| field.trim().parse::<f64>().ok());
    if let Some(temperature) = number(3) {
        report.attributes().push(Key::Named(Name::TemperatureC, 1), Value::Float(temperature));
    }
    if let Some(litres) = number(2) {
        report.set(Name::FuelL, Value::Float(litres));
    }
}

/// Kind 0x70: modules of number u16, length u16, value.
fn modules(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    while !body.rest().is_empty() {
        let (number, length) = (body.be_u16()?, body.be_u16()?);
        let value = body.take(usize::from(length))?;
        if module(report, number, &mut Cursor::new(value)).is_none() {
            push_module(report, number, value);
        }
    }
    Some(())
}

/// A module with a name; `None` for all others.
fn module(report: &mut Report<'_>, number: u16, value: &mut Cursor<'_>) -> Option<()> {
    match number {
        0x0003 => report.set(Name::Iccid, Value::Text(to_hex(value.take(10)?).trim_end_matches('f'))),
        0x0009 => report.int(Name::Satellites, value.u8()?),
        0x000A => report.int(Name::SatellitesVisible, value.u8()?),
        0x0011 => report.cell(value, super::report::CELL_2G)?,
        0x0018 => report.centivolts(Name::BatteryMv, value.be_u16()?),
        0x0028 => report.set(Name::Hdop, Value::Float(f64::from(value.be_u16()?) / 10.0)),
        0x0033 => {
            // Time, satellites, altitude, latitude, longitude, speed, flags.
            let mut ahead = *value;
            let (time, _satellites, altitude) = (ahead.be_u32()?, ahead.u8()?, ahead.be_u16()?);
            let (latitude, longitude) = (ahead.be_u32()?, ahead.be_u32()?);
            let (speed, flags) = (ahead.u8()?, ahead.be_u16()?);
            report.epoch(time);
            report.fix(latitude, longitude, u16::from(speed), flags);
            report.altitude(i16::from_be_bytes(altitude.to_be_bytes()));
        }
        0x0034 => report.int(Name::Event, value.u8()?),
        _ => return None,
    }
    Some(())
}

/// Kind 0x8C: date, ignition, `key=value` pairs of the vehicle's computer. Keys without a name here keep the tracker's.
fn diagnosis(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    report.date(body)?;
    report.set(Name::Ignition, Value::Bool(body.u8()? != 0));
    let pairs = text(body.rest());
    for (key, value) in pairs.split(',').filter_map(|pair| pair.split_once('=')) {
        let number = i64::from_str_radix(value, 16);
        match (key, number) {
            ("4A3", _) => report.set(Name::Vin, Value::Text(value)),
            ("2D3", Ok(v)) => report.set(Name::CoolantTemperatureC, Value::Float(hundredths(v))),
            ("353", Ok(v)) => report.set(Name::ObdSpeedKmh, Value::Float(hundredths(v))),
            ("363", Ok(v)) => report.set(Name::EngineRpm, Value::Float(hundredths(v))),
            ("473", Ok(v)) => report.set(Name::FuelUsedL, Value::Float(hundredths(v))),
            (_, Ok(v)) if key.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                report.attributes().push(Key::Text(key), Value::Int(v));
            }
            _ => {}
        }
    }
    Some(())
}

#[allow(clippy::cast_precision_loss)]
fn hundredths(value: i64) -> f64 {
    value as f64 / 100.0
}

/// Kind 0x95: date and event; or FF FF, one byte, a place with speed of two bytes, voltage, event, the names of recordings.
fn camera(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    if body.rest().starts_with(&[0xFF, 0xFF]) {
        body.take(3)?;
        report.date(body)?;
        report.int(Name::Satellites, body.u8()? & 0x0F);
        let (latitude, longitude) = (body.be_u32()?, body.be_u32()?);
        let (flags, speed) = (body.be_u16()?, body.be_u16()?);
        report.fix(latitude, longitude, speed, flags);
        report.int(Name::ExternalPowerMv, i64::from(body.be_u16()?).saturating_mul(100));
    } else {
        report.date(body)?;
    }
    let event = body.u8()?;
    report.int(Name::Event, event);
    report.alarm(alarm::of_camera(event));
    if body.rest().len() > 2 {
        body.take(2)?;
        report.set(Name::Text, Value::Text(&text(body.rest())));
    }
    Some(())
}

/// Kind 0xF1: time, one byte, then switches and voltages: number u16, length u8, value.
fn switches(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    report.epoch(body.be_u32()?);
    body.u8()?;
    while !body.rest().is_empty() {
        let (number, length) = (body.be_u16()?, body.u8()?);
        let value = body.take(usize::from(length))?;
        match (number, value) {
            (0x0101, [on]) => report.set(Name::Motion, Value::Bool(*on != 0)),
            (0x0102, [on]) => report.set(Name::Armed, Value::Bool(*on != 0)),
            (0x0004, [on]) => report.set(Name::Ignition, Value::Bool(*on != 0)),
            (0x0005, [high, low]) => report.centivolts(Name::ExternalPowerMv, u16::from_be_bytes([*high, *low])),
            _ => push_module(report, number, value),
        }
    }
    Some(())
}

/// Kind 0xF2: parts of number u16, length u8, value. Part 0x0C is an external battery: level, cycles.
fn pack(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    while !body.rest().is_empty() {
        let (number, length) = (body.be_u16()?, body.u8()?);
        let value = body.take(usize::from(length))?;
        match (number, value) {
            (0x000C, [level, high, low, ..]) => {
                report.attributes().push(Key::Text("external_battery_level_pct"), Value::Int(i64::from(*level)));
                let cycles = u16::from_be_bytes([*high, *low]);
                report.attributes().push(Key::Text("external_battery_cycles"), Value::Int(i64::from(cycles)));
            }
            _ => push_module(report, number, value),
        }
    }
    Some(())
}
