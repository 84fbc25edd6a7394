//! State: the byte that says armed, ignition, charging, and what stands around it.

use super::report::Report;
use super::{Frame, alarm, heartbeat};
use crate::wire::Cursor;
use crate::{Message, Name, Value};
use alloc::vec::Vec;

/// The state byte, its alarm included.
pub fn state(report: &mut Report<'_>, state: u8) {
    report.set(Name::Ignition, Value::Bool(state & 0x02 != 0));
    report.set(Name::Charging, Value::Bool(state & 0x04 != 0));
    report.set(Name::Blocked, Value::Bool(state & 0x80 != 0));
    report.set(Name::Armed, Value::Bool(state & 0x01 != 0));
    report.alarm(alarm::of_state(state));
}

/// A battery level: six steps, or percent.
pub fn battery(report: &mut Report<'_>, level: u8) {
    match level {
        0..=6 => report.int(Name::BatteryLevelPct, i64::from(level).saturating_mul(100) / 6),
        7..=100 => report.int(Name::BatteryLevelPct, level),
        _ => {}
    }
}

/// A signal strength: four steps, or percent.
pub fn signal(report: &mut Report<'_>, strength: u8) {
    match strength {
        0..=4 => report.int(Name::GsmSignalLevel, strength),
        5..=100 => report.int(Name::GsmSignalPct, strength),
        _ => {}
    }
}

/// The byte before the language: an alarm, or a number without a name here.
pub fn alarm_code(report: &mut Report<'_>, code: u8) {
    match alarm::of_code(code) {
        Some(alarm) => report.alarm(Some(alarm)),
        None if code != 0 => report.int(Name::Event, code),
        None => {}
    }
}

/// State, battery, signal, alarm, language.
pub fn block(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    state(report, body.u8()?);
    battery(report, body.u8()?);
    signal(report, body.u8()?);
    alarm_code(report, body.u8()?);
    body.u8()?;
    Some(())
}

/// Kinds 0x13 and 0x23. A state with an alarm is a record, one without a sign of life.
pub fn read(frame: &Frame<'_>, model: Option<&str>, out: &mut Vec<Message>) -> Option<()> {
    frame.record(out, |report| told(report, frame, model))?;
    let quiet = |message: &Message| matches!(message, Message::Record { record, .. } if record.attributes.alarms().next().is_none());
    if let Some(Message::Record { record, .. }) = out.pop_if(|message| quiet(message)) {
        out.push(heartbeat(record.attributes));
    }
    Some(())
}

fn told(report: &mut Report<'_>, frame: &Frame<'_>, model: Option<&str>) -> Option<()> {
    let body = &mut Cursor::new(frame.body);
    match (frame.kind, model, frame.body.len()) {
        (0x13, Some("R11"), _) => {
            state(report, body.u8()?);
            report.centivolts(Name::ExternalPowerMv, body.be_u16()?);
            signal(report, body.u8()?);
        }
        (0x13, Some("SEEWORLD"), _) => {
            state(report, body.u8()?);
            battery(report, body.u8()?);
            signal(report, body.u8()?);
            report.int(Name::ExternalPowerMv, i64::from(body.u8()?).saturating_mul(1_000));
        }
        (0x13, _, 14) => gauges(report, body)?,
        (0x13, _, 16) => {
            let temperature = body.rest().last_chunk().map_or(0, |t| u16::from_be_bytes(*t) & 0x7FFF);
            report.set(Name::TemperatureC, Value::Float(f64::from(temperature) / 10.0));
        }
        (0x23, _, 6..) => {
            state(report, body.u8()?);
            report.centivolts(Name::BatteryMv, body.be_u16()?);
            if frame.body.len() >= 7 {
                battery(report, body.u8()?);
            }
            signal(report, body.u8()?);
        }
        (_, _, 5..) => block(report, body)?,
        _ => {
            state(report, body.u8()?);
            battery(report, body.u8()?);
            signal(report, body.u8()?);
        }
    }
    Some(())
}

/// State, then a word of satellites (five bits of each of two constellations) and signal, …, and a temperature.
fn gauges(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    state(report, body.u8()?);
    let word = body.be_u16()?;
    let satellites = ((word >> 5) & 0x1F).saturating_add((word >> 10) & 0x1F);
    report.int(Name::Satellites, satellites);
    report.int(Name::GsmSignalLevel, word & 0x1F);
    let temperature = i16::from_be_bytes(*body.rest().last_chunk()?);
    report.set(Name::TemperatureC, Value::Float(f64::from(temperature) / 10.0));
    Some(())
}
