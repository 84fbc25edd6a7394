//! Tags of a packet: a number and four bytes.
//!
//! | tag | value |
//! |---|---|
//! | 1 | battery u16, supply u16 (mV) |
//! | 3, 4 | latitude, longitude f32 |
//! | 5 | course u8 (2°), height u8 (10 m), satellites 2 × 4 bits, speed u8 (knots) |
//! | 6 | mode u8 of an input, number or mask u8, value u16; mode 1: bit 0 ignition, bit 1 the call button |
//! | 7, 97 | cell u16, area u16; a cell of four bytes |
//! | 8 | signal u8, country u16, network u8 |
//! | 9 | inputs 8 bits, outputs 4 bits, …, bit 20 alarm, supply u8 (150 mV) |
//! | 20–27, 30–37 | frequency, millivolts of inputs 0 to 7 |
//! | 52–64, 69 | the bus: hours, mileage, fuel used, fuel level, rpm, coolant, speed, axles; load and throttle |
//! | 70–79 | fuel probe: level u16, temperature i8 |
//! | 150, 151 | mileage by satellites (10 m); HDOP u16 (0.01) |
//! | 251 | hardware u16, firmware u16 |

use crate::wire::cell_text;
use crate::{Alarm, Draft, Key, Name, Record, Value, unix_seconds};

pub(super) const TAG_BYTES: usize = 5;
pub(super) const VOLTAGES: u8 = 1;
pub(super) const LATITUDE: u8 = 3;
pub(super) const LONGITUDE: u8 = 4;
pub(super) const MOTION: u8 = 5;
pub(super) const INPUT: u8 = 6;
pub(super) const MILEAGE: u8 = 150;
pub(super) const HDOP: u8 = 151;
pub(super) const VERSIONS: u8 = 251;
pub(super) const MODE_DISCRETE: u8 = 1;
pub(super) const IGNITION: u8 = 1 << 0;
pub(super) const CALL: u8 = 1 << 1;

/// What is told in parts.
#[derive(Default)]
struct Parts {
    latitude: Option<f64>,
    longitude: Option<f64>,
    status: Option<u32>,
    has_voltages: bool,
    area_and_cell: Option<(u16, u16)>,
    long_cell: Option<u32>,
    operator: Option<(u16, u16, u8)>,
    satellites_mileage: Option<i64>,
    bus_mileage: Option<i64>,
}

/// Reads a record.
pub(super) fn read(seconds: u32, data: &[u8]) -> Record {
    let mut draft = Draft::new();
    draft.time = unix_seconds(seconds);
    // The format has no flag for it; it is not good without satellites.
    draft.valid = true;
    let mut parts = Parts::default();
    for [id, value @ ..] in data.as_chunks::<TAG_BYTES>().0 {
        match id {
            0..=9 | 97 => essential(&mut draft, &mut parts, *id, *value),
            52..=69 => bus(&mut draft, &mut parts, *id, *value),
            _ => more(&mut draft, &mut parts, *id, *value),
        }
    }
    finish(draft, &parts)
}

fn essential(draft: &mut Draft, parts: &mut Parts, id: u8, value: [u8; 4]) {
    let [a, b, c, d] = value;
    let (low, high) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    match id {
        VOLTAGES => {
            parts.has_voltages = true;
            draft.set_int(Name::BatteryMv, Some(low));
            draft.set_int(Name::ExternalPowerMv, Some(high));
        }
        LATITUDE => parts.latitude = Some(f64::from(f32::from_le_bytes(value))),
        LONGITUDE => parts.longitude = Some(f64::from(f32::from_le_bytes(value))),
        MOTION => {
            draft.course_deg(f64::from(a) * 2.0);
            draft.altitude_m(f64::from(b) * 10.0);
            let satellites = (c >> 4).saturating_add(c & 0x0F);
            draft.valid = satellites > 0;
            draft.set_int(Name::Satellites, Some(satellites));
            draft.speed_knots(f64::from(d));
        }
        INPUT => input(draft, a, b, high),
        7 => parts.area_and_cell = Some((high, low)),
        97 => parts.long_cell = Some(u32::from_le_bytes(value)),
        8 => parts.operator = Some((u16::from_le_bytes([b, c]), u16::from(d), a)),
        9 => parts.status = Some(u32::from_le_bytes(value)),
        _ => io(draft, id, value),
    }
}

fn io(draft: &mut Draft, id: u8, value: [u8; 4]) {
    draft.attributes.push(Key::Io(u32::from(id)), Value::Int(i64::from(u32::from_le_bytes(value))));
}

fn input(draft: &mut Draft, mode: u8, number: u8, value: u16) {
    match mode {
        MODE_DISCRETE => {
            draft.set(Name::Ignition, Value::Bool(number & IGNITION != 0));
            if number & CALL != 0 {
                draft.alarm(Alarm::Sos);
            }
            draft.set_int(Name::InputMask, Some(number));
        }
        6 => draft.set_numbered(Name::Count, number.saturating_add(1), Value::Int(i64::from(value))),
        8 => draft.set_numbered(Name::AnalogMv, number.saturating_add(1), Value::Int(i64::from(value))),
        _ => io(draft, INPUT, u32::from(value).wrapping_shl(16).wrapping_add(u32::from(u16::from_le_bytes([mode, number]))).to_le_bytes()),
    }
}

fn bus(draft: &mut Draft, parts: &mut Parts, id: u8, value: [u8; 4]) {
    let number = u32::from_le_bytes(value);
    let whole = i64::from(number);
    match id {
        52 => draft.set(Name::EngineHoursS, Value::Int(whole.saturating_mul(36))),
        53 => parts.bus_mileage = Some(whole.saturating_mul(10)),
        54 => draft.set(Name::FuelUsedL, Value::Float(f64::from(number) / 10.0)),
        55 => draft.set(Name::FuelLevelPct, Value::Float(f64::from(number) / 10.0)),
        57 => draft.set(Name::EngineRpm, Value::Int(whole)),
        58 => draft.set(Name::CoolantTemperatureC, Value::Int(i64::from(number.cast_signed()))),
        59 => draft.set(Name::ObdSpeedKmh, Value::Int(whole)),
        60..=64 => draft.set_numbered(Name::AxleWeightKg, id.saturating_sub(59), Value::Int(whole)),
        69 => {
            let [load, throttle, _, _] = value;
            draft.set_int(Name::EngineLoadPct, Some(load));
            draft.set_int(Name::ThrottlePct, Some(throttle));
        }
        _ => io(draft, id, value),
    }
}

fn more(draft: &mut Draft, parts: &mut Parts, id: u8, value: [u8; 4]) {
    let [a, b, c, d] = value;
    let number = u32::from_le_bytes(value);
    match id {
        30..=37 => draft.set_numbered(Name::AnalogMv, id.saturating_sub(29), Value::Int(i64::from(number))),
        70..=79 => {
            draft.set_numbered(Name::FuelRaw, id.saturating_sub(69), Value::Int(i64::from(u16::from_le_bytes([a, b]))));
            draft.set_numbered(Name::TemperatureC, id.saturating_sub(49), Value::Int(i64::from(c.cast_signed())));
        }
        MILEAGE => parts.satellites_mileage = Some(i64::from(number).saturating_mul(10)),
        HDOP => draft.set(Name::Hdop, Value::Float(f64::from(u16::from_le_bytes([a, b])) / 100.0)),
        VERSIONS => {
            draft.set_int(Name::Hardware, Some(u16::from_le_bytes([a, b])));
            draft.set_int(Name::Firmware, Some(u16::from_le_bytes([c, d])));
        }
        _ => io(draft, id, value),
    }
}

fn finish(mut draft: Draft, parts: &Parts) -> Record {
    draft.place_of(parts.latitude, parts.longitude);
    if let Some((country, network, signal)) = parts.operator {
        let (area, cell) = parts.area_and_cell.unwrap_or_default();
        let cell = parts.long_cell.unwrap_or(u32::from(cell));
        if (area, cell) != (0, 0) {
            let text = cell_text((country, network), (u64::from(area), u64::from(cell)), Some(u16::from(signal)));
            draft.set_text(Name::Cell, text.as_str());
        }
    }
    if let Some(status) = parts.status {
        let [inputs, outputs, flags, supply] = status.to_le_bytes();
        draft.set(Name::Status, Value::Int(i64::from(status)));
        draft.set_int(Name::OutputMask, Some(outputs & 0x0F));
        if draft.attributes.get(Name::InputMask).is_none() {
            draft.set_int(Name::InputMask, Some(inputs));
        }
        if !parts.has_voltages {
            draft.set(Name::ExternalPowerMv, Value::Int(i64::from(supply).saturating_mul(150)));
        }
        if flags & 0x10 != 0 {
            draft.alarm(Alarm::General);
        }
    }
    // The vehicle's own odometer counts more than the one by satellites.
    draft.set_int(Name::OdometerM, parts.bus_mileage.or(parts.satellites_mileage));
    draft.set_int(Name::MileageM, parts.bus_mileage.and(parts.satellites_mileage));
    draft.finish()
}
