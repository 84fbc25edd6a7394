//! The binary form: fields by their width.
//!
//! ```text
//! fields = ids u16, count u8 * ( id, u8 ), count u8 * ( id, u16 ), count u8 * ( id, u32 ), count u8 * ( id, length u8, bytes )
//! id     = u8 / FE u8                     ; little endian throughout
//! ```

use super::{Frame, event, micro_degrees, time_2000};
use crate::wire::{Cursor, cell_text, wifi_text};
use crate::{Draft, Key, Message, Name, Value};
use alloc::vec::Vec;

/// Ids behind FE count from here.
const EXTENDED: u16 = 0xFE00;
const PACKETS_MAX: usize = 256;

/// The packets of a frame.
pub fn packets(frame: &Frame<'_>, out: &mut Vec<Message>) -> Option<()> {
    let mut cursor = Cursor::new(frame.content);
    cursor.skip(4)?;
    let count = usize::from(cursor.le_u16()?);
    let before = out.len();
    for _ in 0..count.min(PACKETS_MAX) {
        let length = usize::from(cursor.le_u16()?);
        // The last one of a recording may be cut short.
        let body = cursor.take(length.min(cursor.rest().len()))?;
        if body.is_empty() {
            break;
        }
        frame.push(packet(&mut Cursor::new(body))?, out);
    }
    (out.len() > before).then_some(())
}

fn id(body: &mut Cursor<'_>) -> Option<u16> {
    match body.u8()? {
        0xFE => body.u8().map(|id| EXTENDED | u16::from(id)),
        id => Some(u16::from(id)),
    }
}

/// What is told once all fields are known.
#[derive(Default)]
struct Told {
    latitude: Option<f64>,
    longitude: Option<f64>,
    event: Option<i64>,
}

fn packet(body: &mut Cursor<'_>) -> Option<Draft> {
    let (mut draft, mut told) = (Draft::new(), Told::default());
    body.skip(2)?;
    for width in [1, 2, 4] {
        for _ in 0..body.u8()? {
            let id = id(body)?;
            let value = body.take(width)?.iter().rev().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
            number(id, width, value, &mut draft, &mut told);
        }
    }
    for _ in 0..body.u8().unwrap_or(0) {
        // What is behind a field that is cut short is left out.
        let Some(id) = id(body) else { break };
        let Some(bytes) = body.u8().and_then(|length| body.take(usize::from(length))) else { break };
        long(id, bytes, &mut draft);
    }
    draft.place_of(told.latitude, told.longitude);
    event(told.event, "", &mut draft);
    Some(draft)
}

fn number(id: u16, width: usize, value: u32, draft: &mut Draft, told: &mut Told) {
    let whole = Value::Int(i64::from(value));
    let short = u16::try_from(value & 0xFFFF).unwrap_or(0).cast_signed();
    match id {
        0x01 | 0x40 => told.event = Some(i64::from(value)),
        0x02 => told.latitude = Some(micro_degrees(value)),
        0x03 => told.longitude = Some(micro_degrees(value)),
        0x04 => draft.time = Some(time_2000(value)),
        0x05 => draft.valid = value > 0,
        0x06 => draft.set(Name::Satellites, whole),
        0x07 => draft.set(Name::GsmSignalLevel, whole),
        0x08 => draft.speed_kmh(f64::from(value)),
        0x09 => draft.course_deg(f64::from(value)),
        0x0A => draft.set(Name::Hdop, Value::Float(f64::from(value) / 10.0)),
        0x0B => draft.altitude_m(f64::from(short)),
        0x0C => draft.set(Name::OdometerM, whole),
        0x0D => draft.set(Name::WorkHoursS, whole),
        0x14 => draft.set(Name::OutputMask, whole),
        0x15 => draft.set(Name::InputMask, whole),
        0x16..=0x18 => {
            let input = u8::try_from(id).unwrap_or(0x16).saturating_sub(0x15);
            draft.set_numbered(Name::AnalogMv, input, Value::Int(i64::from(value).saturating_mul(10)));
        }
        0x19 => draft.set(Name::BatteryMv, Value::Int(i64::from(value).saturating_mul(10))),
        0x1A => draft.set(Name::ExternalPowerMv, Value::Int(i64::from(value).saturating_mul(10))),
        0x25 => draft.set(Name::DriverId, Value::Text(crate::wire::to_hex(&value.to_be_bytes()).as_str())),
        0x47 => draft.set(Name::Lock, Value::Bool(value > 0)),
        0x91 | 0x92 => draft.set(Name::ObdSpeedKmh, whole),
        0x98 => draft.set(Name::FuelUsedL, Value::Float(f64::from(value) / 1_000.0)),
        0x99 => draft.set(Name::EngineRpm, whole),
        0x9B => draft.set(Name::ObdOdometerM, whole),
        0x9C => draft.set(Name::CoolantTemperatureC, Value::Int(i64::from(short))),
        0xC9 => draft.set(Name::FuelConsumptionLph, whole),
        0xFE69 => draft.set(Name::BatteryLevelPct, whole),
        _ => draft.attributes.push(Key::Io(u32::from(id) << 4 | u32::try_from(width).unwrap_or(0)), whole),
    }
}

fn long(id: u16, bytes: &[u8], draft: &mut Draft) {
    let body = &mut Cursor::new(bytes);
    let own = |first: u16| u8::try_from(id.saturating_sub(first)).unwrap_or(u8::MAX);
    match id {
        0x0E..=0x13 => {
            let operator = body.le_u16().zip(body.le_u16());
            let place = body.le_u16().zip(body.le_u32());
            let signal = body.le_u16().map(|signal| signal.cast_signed().unsigned_abs());
            if let Some((operator, (area, cell))) = operator.zip(place).filter(|(_, place)| *place != (0, 0)) {
                let text = cell_text(operator, (u64::from(area), u64::from(cell)), signal);
                draft.set_numbered(Name::Cell, own(0x0E), Value::Text(text.as_str()));
            }
        }
        0x1D..=0x24 => {
            if let Some((address, signal)) = body.array().zip(body.le_u16()) {
                let text = wifi_text(address, Some(signal.cast_signed().unsigned_abs()));
                draft.set_numbered(Name::Wifi, own(0x1D), Value::Text(text.as_str()));
            }
        }
        0x2A..=0x31 => {
            if let Some((_, value)) = body.u8().zip(body.le_u16()) {
                draft.set_numbered(Name::TemperatureC, own(0x2A), Value::Float(f64::from(value.cast_signed()) / 100.0));
            }
        }
        0x4B => {
            let name = body.skip(2).map(|()| body.rest()).and_then(|name| name.split_first());
            let text = name.and_then(|(_, name)| core::str::from_utf8(name).ok()).filter(|name| !name.chars().any(char::is_control));
            draft.set_text(Name::Network, text.unwrap_or_default());
        }
        0xFE31 => {
            if let Some((_, kind)) = body.u8().zip(body.u8()) {
                draft.attributes.push(Key::Text("alarm_type"), Value::Int(i64::from(kind)));
                draft.set_text(Name::Picture, core::str::from_utf8(body.rest()).unwrap_or_default());
            }
        }
        0xFEA8 => {
            for (number, pair) in (0..).zip(bytes.as_chunks::<2>().0) {
                let [known, level] = *pair;
                if known > 0 {
                    draft.set_numbered(Name::BatteryLevelPct, number, Value::Int(i64::from(level)));
                }
            }
        }
        _ => draft.attributes.push(Key::Io(u32::from(id) << 4), Value::Text(&crate::wire::to_hex(bytes))),
    }
}
