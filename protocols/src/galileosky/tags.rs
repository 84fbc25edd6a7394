//! Tags: how long they are and what they say.

use super::extended;
use super::reading::Reading;
use crate::wire::{Cursor, to_hex};
use crate::{Alarm, Identifier, Key, Name, Value};

pub(super) const HARDWARE: u8 = 0x01;
pub(super) const FIRMWARE: u8 = 0x02;
pub(super) const IMEI: u8 = 0x03;
pub(super) const TRACKER: u8 = 0x04;
pub(super) const INDEX: u8 = 0x10;
pub(super) const TIME: u8 = 0x20;
pub(super) const MILLIS: u8 = 0x21;
pub(super) const PLACE: u8 = 0x30;
pub(super) const SPEED: u8 = 0x33;
pub(super) const HEIGHT: u8 = 0x34;
pub(super) const PRECISION: u8 = 0x35;
pub(super) const STATUS: u8 = 0x40;
pub(super) const POWER: u8 = 0x41;
pub(super) const BATTERY: u8 = 0x42;
pub(super) const TEMPERATURE: u8 = 0x43;
pub(super) const OUTPUTS: u8 = 0x45;
pub(super) const INPUTS: u8 = 0x46;
pub(super) const ANALOG: u8 = 0x50;
pub(super) const DRIVER: u8 = 0x90;
pub(super) const ODOMETER: u8 = 0xD4;
pub(super) const COMMAND_NUMBER: u8 = 0xE0;
pub(super) const COMMAND_TEXT: u8 = 0xE1;
const USER_ARRAY: u8 = 0xEA;
const EXTENDED: u8 = 0xFE;
const TIRES: u8 = 0x5C;

pub(super) const IMEI_BYTES: usize = 15;
/// Units of a degree.
pub(super) const PER_DEGREE: f64 = 1e6;

/// Bits of the status.
pub(super) const MOVING: u16 = 1 << 0;
pub(super) const BATTERY_LOW: u16 = 1 << 5;
pub(super) const ANTENNA_CUT: u16 = 1 << 6;
pub(super) const IGNITION: u16 = 1 << 9;
pub(super) const IMPACT: u16 = 1 << 10;
pub(super) const ALARM: u16 = 1 << 15;

/// The bytes of a tag's value; `None`: cut off, or not known.
pub(super) fn take<'a>(id: u8, cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    match id {
        COMMAND_TEXT | USER_ARRAY => {
            let length = cursor.u8()?;
            cursor.take(usize::from(length))
        }
        EXTENDED => {
            let mut ahead = *cursor;
            let length = usize::from(ahead.le_u16()?);
            match ahead.take(length) {
                Some(block) if length > 0 => {
                    *cursor = ahead;
                    Some(block)
                }
                // Before there were extended tags this was a key of eight bytes.
                _ => cursor.take(8),
            }
        }
        _ => cursor.take(length(id)?),
    }
}

/// How long the value of a tag of fixed length is.
pub(super) const fn length(id: u8) -> Option<usize> {
    Some(match id {
        0x01 | 0x02 | 0x35 | 0x36 | 0x43 | 0x49 | 0x88..=0x8C | 0xA0..=0xAF | 0xC4..=0xD2 | 0xD5 => 1,
        0x04 | 0x10 | 0x21 | 0x34 | 0x38 | 0x39 | 0x40..=0x42 | 0x45 | 0x46 | 0x48 => 2,
        0x50..=0x59 | 0x60..=0x62 | 0x70..=0x7D | 0xB0..=0xB9 | 0xD6..=0xDA => 2,
        0x5D | 0x63..=0x6F | 0x80..=0x87 => 3,
        0x11 | 0x20 | 0x33 | 0x44 | 0x47 | 0x5A | 0x90 | 0xC0..=0xC3 | 0xD3 | 0xD4 | 0xDB..=0xE0 | 0xE2..=0xE9 | 0xF0..=0xF9 => 4,
        0xFD => 8,
        PLACE => 9,
        IMEI => IMEI_BYTES,
        TIRES => 68,
        _ => return None,
    })
}

/// Whether a tag stays as a number.
pub(super) const fn is_plain(id: u8) -> bool {
    matches!(id, 0x38 | 0x39 | 0x47 | 0x48 | 0x49 | 0x58..=0x5A | 0x5D | 0xA0..=0xB9 | 0xC3..=0xD2 | 0xD5..=0xDF)
        || matches!(id, 0xE2..=0xE9 | 0xF0..=0xF9)
}

/// The number in a value of up to eight bytes.
fn number(value: &[u8]) -> u64 {
    value.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn short(value: &[u8]) -> u16 {
    u16::try_from(number(value)).unwrap_or(0)
}

/// Adds what a tag says.
pub(super) fn apply<'a>(reading: &mut Reading<'a>, id: u8, value: &'a [u8]) {
    let whole = i64::try_from(number(value)).unwrap_or(0);
    match id {
        HARDWARE => reading.draft.set(Name::Hardware, Value::Int(whole)),
        FIRMWARE => reading.draft.set(Name::Firmware, Value::Int(whole)),
        IMEI => reading.imei = core::str::from_utf8(value).ok().and_then(Identifier::new),
        TRACKER => reading.draft.set(Name::TrackerId, Value::Int(whole)),
        INDEX | 0x11 => reading.draft.set(Name::Index, Value::Int(whole)),
        COMMAND_NUMBER => reading.command = u32::try_from(whole).ok(),
        COMMAND_TEXT => reading.answer = Some(value),
        _ => {
            reading.has_data = true;
            data(reading, id, value, whole);
        }
    }
}

fn data(reading: &mut Reading<'_>, id: u8, value: &[u8], whole: i64) {
    let draft = &mut reading.draft;
    match id {
        TIME => reading.seconds = u32::try_from(whole).ok().filter(|seconds| *seconds != 0),
        MILLIS if whole < 1_000 => reading.millis = short(value),
        MILLIS => draft.suspect("time"),
        PLACE => place(reading, value),
        SPEED => {
            let (speed, course) = value.split_at_checked(2).unwrap_or_default();
            draft.speed_kmh(f64::from(short(speed)) / 10.0);
            draft.course_deg(f64::from(short(course)) / 10.0);
        }
        HEIGHT => draft.altitude_m(f64::from(short(value).cast_signed())),
        PRECISION if reading.from_cells => draft.set(Name::AccuracyM, Value::Int(whole.saturating_mul(10))),
        PRECISION => draft.set(Name::Hdop, Value::Float(f64::from(short(value)) / 10.0)),
        0x36 => draft.set(Name::Pdop, Value::Float(f64::from(short(value)) / 10.0)),
        STATUS => status(reading, short(value)),
        POWER => draft.set(Name::ExternalPowerMv, Value::Int(whole)),
        BATTERY => draft.set(Name::BatteryMv, Value::Int(whole)),
        TEMPERATURE => draft.set(Name::DeviceTemperatureC, Value::Int(signed(value))),
        0x44 => acceleration(reading, number(value)),
        OUTPUTS => draft.set(Name::OutputMask, Value::Int(whole)),
        INPUTS => draft.set(Name::InputMask, Value::Int(whole)),
        0x48 => {
            // Somebody disturbs the mobile network (bit 2) or the satellites (bit 4).
            if whole & 0x14 != 0 {
                draft.alarm(Alarm::Jamming);
            }
            reading.io(id, whole);
        }
        ANALOG..=0x57 => draft.set_numbered(Name::AnalogMv, place_of(id, 0x4F), Value::Int(whole)),
        0x78..=0x7D => draft.set_numbered(Name::AnalogMv, place_of(id, 0x6F), Value::Int(whole)),
        TIRES => tires(reading, value),
        0x60..=0xC2 => probes(reading, id, value, whole),
        0xD3 => reading.driver(2, number(value)),
        ODOMETER => draft.set(Name::OdometerM, Value::Int(whole)),
        USER_ARRAY => draft.attributes.push(Key::Text("user_array"), Value::Text(&to_hex(value))),
        0xFD => reading.driver(3, number(value)),
        EXTENDED => extended::read(reading, value),
        _ => reading.io(id, whole),
    }
}

/// The number of a tag in its family, whose first has the number 1 and follows on `before`.
const fn place_of(id: u8, before: u8) -> u8 {
    id.saturating_sub(before)
}

fn signed(value: &[u8]) -> i64 {
    match value {
        [byte] => i64::from(byte.cast_signed()),
        [low, high] => i64::from(i16::from_le_bytes([*low, *high])),
        _ => 0,
    }
}

fn place(reading: &mut Reading<'_>, value: &[u8]) {
    let mut cursor = Cursor::new(value);
    let (Some(kind), Some(latitude), Some(longitude)) = (cursor.u8(), cursor.array(), cursor.array()) else { return };
    reading.from_cells = kind >> 4 == 2;
    reading.draft.valid = matches!(kind >> 4, 0 | 2);
    reading.draft.set(Name::Satellites, Value::Int(i64::from(kind & 0x0F)));
    let degrees = |raw| f64::from(i32::from_le_bytes(raw)) / PER_DEGREE;
    reading.draft.place(degrees(latitude), degrees(longitude));
}

fn status(reading: &mut Reading<'_>, status: u16) {
    let draft = &mut reading.draft;
    draft.set(Name::Status, Value::Int(i64::from(status)));
    draft.set(Name::Motion, Value::Bool(status & MOVING != 0));
    draft.set(Name::Ignition, Value::Bool(status & IGNITION != 0));
    for (bit, alarm) in
        [(ALARM, Alarm::General), (IMPACT, Alarm::Crash), (ANTENNA_CUT, Alarm::GpsAntennaCut), (BATTERY_LOW, Alarm::LowBattery)]
    {
        if status & bit != 0 {
            draft.alarm(alarm);
        }
    }
}

/// Three numbers of ten bits; 512 is nothing, 186 is 1 g.
fn acceleration(reading: &mut Reading<'_>, bits: u64) {
    for (number, shift) in (1_u8..).zip([0_u32, 10, 20]) {
        let raw = i32::try_from(bits.wrapping_shr(shift) & 0x3FF).unwrap_or(512);
        let mg = libm::round(f64::from(raw.saturating_sub(512)) * 1_000.0 / 186.0);
        reading.draft.set_numbered(Name::AccelerationMg, number, Value::Float(mg));
    }
}

/// 34 sensors: pressure in psi; steps of 20 °C from -40 in bits 0 to 2; bit 3: no sensor.
fn tires(reading: &mut Reading<'_>, value: &[u8]) {
    const KPA_PER_PSI: f64 = 6.894_757;
    for (number, sensor) in (1_u8..).zip(value.as_chunks::<2>().0) {
        let [psi, state] = *sensor;
        if state & 0x08 == 0 && (psi, state) != (0, 0) {
            let kpa = libm::round(f64::from(psi) * KPA_PER_PSI * 10.0) / 10.0;
            reading.draft.set_numbered(Name::TireKpa, number, Value::Float(kpa));
            let celsius = i64::from(state & 0x07).saturating_mul(20).saturating_sub(40);
            reading.draft.set_numbered(Name::TireTemperatureC, number, Value::Int(celsius));
        }
    }
}

/// Fuel probes (numbered as their addresses, from 1; their temperatures from 21), thermometers (from 1; those of extended tags from
/// 41), thermometers with humidity (from 11), keys, and what comes from the vehicle's bus.
fn probes(reading: &mut Reading<'_>, id: u8, value: &[u8], whole: i64) {
    let draft = &mut reading.draft;
    match (id, value) {
        (0x60..=0x62, _) => draft.set_numbered(Name::FuelRaw, place_of(id, 0x5F), Value::Int(whole)),
        (0x63..=0x6F, [low, high, celsius]) => {
            draft.set_numbered(Name::FuelRaw, place_of(id, 0x5F), Value::Int(i64::from(u16::from_le_bytes([*low, *high]))));
            draft.set_numbered(Name::TemperatureC, place_of(id, 0x4B), Value::Int(i64::from(celsius.cast_signed())));
        }
        (0x88 | 0x89, _) => reading.io(id, signed(value)),
        (0x8A..=0x8C, _) => draft.set_numbered(Name::TemperatureC, place_of(id, 0x75), Value::Int(signed(value))),
        (0x70..=0x77, [probe, celsius]) => {
            let celsius = celsius.cast_signed();
            if (*probe, celsius) != (127, i8::MIN) {
                draft.set_numbered(Name::TemperatureC, place_of(id, 0x6F), Value::Int(i64::from(celsius)));
            }
        }
        (0x80..=0x87, [_, celsius, humidity]) => {
            draft.set_numbered(Name::TemperatureC, place_of(id, 0x75), Value::Int(i64::from(celsius.cast_signed())));
            let percent = libm::round(f64::from(*humidity) * 10_000.0 / 255.0) / 100.0;
            draft.set_numbered(Name::HumidityPct, place_of(id, 0x7F), Value::Float(percent));
        }
        (DRIVER, _) => reading.driver(0, number(value)),
        // Zero is what these say without a bus.
        (0xC0..=0xC2, _) if whole == 0 => {}
        (0xC0, _) => draft.set(Name::FuelUsedL, Value::Float(f64::from(u32::try_from(whole).unwrap_or(0)) / 2.0)),
        (0xC1, [fuel, coolant, low, high]) => {
            if *fuel <= 250 {
                draft.set(Name::FuelLevelPct, Value::Float(f64::from(*fuel) * 0.4));
            }
            draft.set(Name::CoolantTemperatureC, Value::Int(i64::from(*coolant).saturating_sub(40)));
            draft.set(Name::EngineRpm, Value::Float(f64::from(u16::from_le_bytes([*low, *high])) * 0.125));
        }
        (0xC2, _) => draft.set(Name::ObdOdometerM, Value::Int(whole.saturating_mul(5))),
        _ => reading.io(id, whole),
    }
}
