//! Values that the owner has chosen: two or three characters each, in the order of the form.

use crate::wire::{Cursor, cell_text, to_hex};
use crate::{Draft, Key, Name, Value};
use alloc::format;

/// How wide a value is in binary.
#[derive(Clone, Copy)]
enum Width {
    /// Bytes of a number.
    Number(usize),
    /// A text up to NUL.
    Text,
    /// Bytes that are kept as they are.
    Raw(usize),
}

/// The codes whose width is known. Of others the width is not known: what follows them is not read.
const WIDTHS: &[(&str, Width)] = &[
    ("SA", Width::Number(1)),
    ("MV", Width::Number(2)),
    ("BV", Width::Number(2)),
    ("GQ", Width::Number(1)),
    ("GS", Width::Number(1)),
    ("CE", Width::Number(4)),
    ("LC", Width::Number(2)),
    ("CN", Width::Number(4)),
    ("RL", Width::Number(1)),
    ("PC", Width::Number(4)),
    ("AT", Width::Number(4)),
    ("RP", Width::Number(2)),
    ("DT", Width::Number(1)),
    ("VN", Width::Text),
    ("MF", Width::Number(2)),
    ("EL", Width::Number(1)),
    ("TR", Width::Number(1)),
    ("ET", Width::Number(2)),
    ("FL", Width::Number(1)),
    ("ML", Width::Number(1)),
    ("FC", Width::Number(4)),
    ("AV1", Width::Number(2)),
    ("NC", Width::Text),
    ("SM", Width::Number(2)),
    ("GL", Width::Text),
    ("MA", Width::Text),
    ("PD", Width::Number(1)),
    ("CD", Width::Text),
    ("CM", Width::Number(8)),
    ("GN", Width::Raw(60)),
    ("GV", Width::Raw(6)),
    ("ME", Width::Number(8)),
    ("IA", Width::Number(1)),
    ("MP", Width::Number(1)),
    ("MT", Width::Number(1)),
    ("IN0", Width::Number(1)),
    ("HA", Width::Number(1)),
    ("HB", Width::Number(1)),
    ("HC", Width::Number(1)),
    ("EO", Width::Number(4)),
    ("EH", Width::Number(4)),
];

/// The codes of a form; the first, `CI`, only says that it is one.
fn codes(form: &str) -> impl Iterator<Item = &str> {
    form.split('%').filter(|code| !matches!(*code, "" | "CI"))
}

/// The parts of a cell, which are codes of their own.
#[derive(Default)]
struct CellParts {
    network: u64,
    area: u64,
    cell: u64,
}

impl CellParts {
    fn note(&mut self, code: &str, value: i64) -> bool {
        let part = match code {
            "CN" => &mut self.network,
            "LC" => &mut self.area,
            "CE" => &mut self.cell,
            _ => return false,
        };
        *part = u64::try_from(value).unwrap_or(0);
        true
    }

    /// Country and network stand in one number: three digits, then two or three.
    fn tell(&self, draft: &mut Draft) {
        let digits = if self.network < 100_000 { 100 } else { 1_000 };
        let split = self.network.checked_div(digits).zip(self.network.checked_rem(digits));
        let operator = split.and_then(|(country, network)| Some((u16::try_from(country).ok()?, u16::try_from(network).ok()?)));
        if let Some(operator) = operator.filter(|(country, _)| (200..800).contains(country)) {
            draft.set(Name::Cell, Value::Text(cell_text(operator, (self.area, self.cell), None).as_str()));
        }
    }
}

/// Reads values in binary.
pub fn binary(form: &str, body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let mut cell = CellParts::default();
    let whole = binary_values(form, body, &mut cell, draft);
    cell.tell(draft);
    whole
}

fn binary_values(form: &str, body: &mut Cursor<'_>, cell: &mut CellParts, draft: &mut Draft) -> Option<()> {
    for code in codes(form) {
        let (_, width) = WIDTHS.iter().find(|(known, _)| *known == code)?;
        match *width {
            Width::Number(bytes) => {
                let value = body.take(bytes)?.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
                // Height and coolant may be below zero.
                let signed = match (code, bytes) {
                    ("AT", 4) => i64::from(u32::try_from(value).unwrap_or(0).cast_signed()),
                    ("ET", 2) => i64::from(u16::try_from(value).unwrap_or(0).cast_signed()),
                    _ => i64::try_from(value).unwrap_or(i64::MAX),
                };
                if !cell.note(code, signed) {
                    number(code, signed, draft);
                }
            }
            Width::Text => text(code, string(body)?, draft),
            Width::Raw(bytes) => {
                let raw = body.take(bytes)?;
                if code != "GN" {
                    draft.attributes.push(Key::Text(&format!("custom_{}", code.to_ascii_lowercase())), Value::Text(&to_hex(raw)));
                }
            }
        }
    }
    Some(())
}

/// A text up to NUL.
pub fn string<'a>(body: &mut Cursor<'a>) -> Option<&'a str> {
    let length = body.rest().iter().position(|byte| *byte == 0)?;
    let text = core::str::from_utf8(body.take(length)?).unwrap_or_default();
    body.skip(1)?;
    Some(text)
}

/// Takes values in text.
pub fn texts<'a>(form: &str, values: &mut impl Iterator<Item = &'a str>, draft: &mut Draft) {
    let mut cell = CellParts::default();
    for code in codes(form) {
        let Some(value) = values.next() else { break };
        let is_text = WIDTHS.iter().any(|(known, width)| *known == code && matches!(width, Width::Text));
        match value.parse().ok().filter(|_| !is_text) {
            Some(value) if cell.note(code, value) => {}
            Some(value) => number(code, value, draft),
            None => text(code, value, draft),
        }
    }
    cell.tell(draft);
}

fn number(code: &str, value: i64, draft: &mut Draft) {
    let small = i32::try_from(value).map_or(f64::from(i32::MAX), f64::from);
    let tenths = |value: i64| Value::Int(value.saturating_mul(100));
    match code {
        "SA" => draft.set(Name::Satellites, Value::Int(value)),
        "MV" => draft.set(Name::ExternalPowerMv, tenths(value)),
        "BV" => draft.set(Name::BatteryMv, tenths(value)),
        "GQ" => draft.set(Name::GsmSignalLevel, Value::Int(value)),
        "GS" => draft.set(Name::GpsStatus, Value::Int(value)),
        "AT" => draft.altitude_m(small),
        "RP" => draft.set(Name::EngineRpm, Value::Int(value)),
        "EL" => draft.set(Name::EngineLoadPct, Value::Int(value)),
        "TR" => draft.set(Name::ThrottlePct, Value::Int(value)),
        "ET" => draft.set(Name::CoolantTemperatureC, Value::Int(value)),
        "IA" => draft.set(Name::IntakeTemperatureC, Value::Int(value)),
        "FL" => draft.set(Name::FuelLevelPct, Value::Int(value)),
        "FC" => draft.set(Name::FuelUsedL, Value::Float(small / 10.0)),
        "DT" => draft.set(Name::Buffered, Value::Bool(value != 0)),
        "MT" => draft.set(Name::Motion, Value::Bool(value != 0)),
        "IN0" => draft.set(Name::Ignition, Value::Bool(value != 0)),
        "PC" => draft.set(Name::Count, Value::Int(value)),
        "EH" => draft.set(Name::EngineHoursS, Value::Int(value.saturating_mul(360))),
        "CM" => text(code, &format!("{value}"), draft),
        // The IMEI again, and a distance that the record has already.
        "ME" => {}
        code => draft.attributes.push(Key::Text(&format!("custom_{}", code.to_ascii_lowercase())), Value::Int(value)),
    }
}

fn text(code: &str, value: &str, draft: &mut Draft) {
    match code {
        "VN" => draft.set_text(Name::Vin, value),
        "CD" => draft.set_text(Name::Iccid, value),
        "CM" => draft.set_text(Name::Imsi, value),
        // A link to a map with the place, and the IMEI again.
        "GL" | "ME" => {}
        _ if value.is_empty() => {}
        code => draft.attributes.push(Key::Text(&format!("custom_{}", code.to_ascii_lowercase())), Value::Text(value)),
    }
}
