//! Records of NTCB in formats of fixed layout: F1, F2, F3, F4, F5, F5.1, F5.2 and F6, which say their number first.
//!
//! ```text
//! record = format u8, number u32, event u16, time, state u8, modules u8, GSM u8,
//!          outputs (F1 to F3: u16; F4, F6: u8, four bits; F5: u8, two bits and the satellites above them),
//!          inputs (F1 to F4: u16; else u8), power u16 (mV), battery u16,
//!          [ temperature i16 ]                             ; F1, F2, F3
//!          [ analog u16 u16 ], [ analog u16 ]              ; F1, F2, F5, F6; F6
//!          [ counters u32 u32 ]                            ; F2, F5, F6
//!          [ frequencies u16 u16, 24 bytes, temperature 4i8, 6 bytes ]     ; F6: fuel probes; bus
//!          [ receiver u8, time, latitude, longitude, [ height i32 (0.1 m) ], speed f32 (km/h), course u16, mileage f32 (km),
//!            segment f32 (km), seconds u16 u16 ]           ; F2, F5, F6; angles f32 in radians, F6: i32 (0.0001'), and the height
//!          [ 3( frequency u16, temperature i8, level u16 ) ]               ; F5.1, F5.2
//!          [ temperature 4i8 ]                             ; F4, F5.2
//! time   = hour, minute, second, day, month from 0, year from 2000 (u8 each)
//! ```

use super::flex::{PER_DEGREE, VALID, fuel_probe, hexadecimal, temperature};
use super::float;
use crate::wire::Cursor;
use crate::{Alarm, Civil, Draft, Key, Micros, Name, Record, Value};

/// A format, by what it has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    F1,
    F2,
    F3,
    F4,
    F5,
    F51,
    F52,
    F6,
}

impl Format {
    const fn of(number: u8) -> Option<Self> {
        Some(match number {
            0x01 => Self::F1,
            0x02 => Self::F2,
            0x03 => Self::F3,
            0x04 => Self::F4,
            0x05 => Self::F5,
            0x15 => Self::F51,
            0x25 => Self::F52,
            0x06 => Self::F6,
            _ => return None,
        })
    }

    const fn is_f5(self) -> bool {
        matches!(self, Self::F5 | Self::F51 | Self::F52)
    }

    const fn has_place(self) -> bool {
        matches!(self, Self::F2 | Self::F6) || self.is_f5()
    }
}

/// The format's number, in one byte or behind a zero.
fn format(cursor: &mut Cursor<'_>) -> Option<u8> {
    match cursor.u8()? {
        0 => cursor.u8(),
        number => Some(number),
    }
}

/// A record's number as its answer repeats it.
pub(super) fn number(raw: &[u8]) -> Option<[u8; 4]> {
    let mut cursor = Cursor::new(raw);
    format(&mut cursor)?;
    cursor.array()
}

/// Reads a record; `None` if it is of another format or cut off.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<Record> {
    let number = format(cursor)?;
    let format = Format::of(number)?;
    let mut draft = Draft::new();
    draft.attributes.push(Key::Text("format"), Value::Int(i64::from(number)));
    draft.set_int(Name::Index, Some(cursor.le_u32()?));
    draft.set_int(Name::Event, Some(cursor.le_u16()?));
    draft.time = time(cursor)?;
    state(&mut draft, format, cursor.u8()?);
    let modules = cursor.u8()?;
    draft.set_int(Name::Status, Some(modules));
    if format == Format::F6 {
        draft.set(Name::Ignition, Value::Bool(modules & super::flex::ENGINE != 0));
    }
    let level = cursor.u8()?;
    if level <= 31 {
        draft.set(Name::GsmSignalDbm, Value::Int(i64::from(level).saturating_mul(2).saturating_sub(113)));
    }
    lines(&mut draft, format, cursor)?;
    draft.set_int(Name::ExternalPowerMv, Some(cursor.le_u16()?));
    draft.set_int(Name::BatteryMv, Some(cursor.le_u16()?));
    sensors(&mut draft, format, cursor)?;
    if format.has_place() {
        place(&mut draft, format, cursor)?;
    }
    tail(&mut draft, format, cursor)?;
    Some(draft.finish())
}

fn state(draft: &mut Draft, format: Format, state: u8) {
    let (armed, alarm) = if format == Format::F6 { (state & 1 != 0, state & 2 != 0) } else { (state & 0x7F != 0, state & 0x80 != 0) };
    draft.set(Name::Armed, Value::Bool(armed));
    if alarm {
        draft.alarm(Alarm::General);
    }
}

/// `None`: cut off; `Some(None)`: no date.
#[allow(clippy::option_option)]
fn time(cursor: &mut Cursor<'_>) -> Option<Option<Micros>> {
    let [hour, minute, second, day, month, year] = cursor.array()?;
    let civil = Civil {
        year: i32::from(year).saturating_add(2000),
        month: u32::from(month).saturating_add(1),
        day: u32::from(day),
        hour: u32::from(hour),
        minute: u32::from(minute),
        second: u32::from(second),
        micros: 0,
    };
    Some(civil.to_micros())
}

/// Outputs and inputs.
fn lines(draft: &mut Draft, format: Format, cursor: &mut Cursor<'_>) -> Option<()> {
    let outputs = match format {
        Format::F1 | Format::F2 | Format::F3 => cursor.le_u16()?,
        Format::F4 | Format::F6 => u16::from(cursor.u8()? & 0x0F),
        Format::F5 | Format::F51 | Format::F52 => {
            let both = cursor.u8()?;
            draft.set_int(Name::Satellites, Some(both >> 2));
            u16::from(both & 0x03)
        }
    };
    draft.set_int(Name::OutputMask, Some(outputs));
    let wide = matches!(format, Format::F1 | Format::F2 | Format::F3 | Format::F4);
    draft.set_int(Name::InputMask, Some(if wide { cursor.le_u16()? } else { u16::from(cursor.u8()?) }));
    Some(())
}

fn sensors(draft: &mut Draft, format: Format, cursor: &mut Cursor<'_>) -> Option<()> {
    if matches!(format, Format::F1 | Format::F2 | Format::F3) {
        let celsius = i16::from_le_bytes(cursor.array()?);
        draft.set_numbered(Name::TemperatureC, 1, Value::Int(i64::from(celsius)));
    }
    let analog: u8 = match format {
        Format::F3 | Format::F4 => 0,
        Format::F6 => 3,
        _ => 2,
    };
    for number in 1..=analog {
        draft.set_numbered(Name::AnalogMv, number, Value::Int(i64::from(cursor.le_u16()?)));
    }
    if format.has_place() {
        for number in 1..=2 {
            draft.set_numbered(Name::Count, number, Value::Int(i64::from(cursor.le_u32()?)));
        }
    }
    if format == Format::F6 {
        cursor.skip(4)?;
        let probes = hexadecimal(cursor.take(24)?);
        draft.attributes.push(Key::Text("fuel_probes"), Value::Text(probes.as_str()));
        temperatures(draft, cursor)?;
        let bus = hexadecimal(cursor.take(6)?);
        draft.attributes.push(Key::Text("bus"), Value::Text(bus.as_str()));
    }
    Some(())
}

fn temperatures(draft: &mut Draft, cursor: &mut Cursor<'_>) -> Option<()> {
    for number in 1..=4 {
        temperature(draft, number, cursor.u8()?);
    }
    Some(())
}

fn place(draft: &mut Draft, format: Format, cursor: &mut Cursor<'_>) -> Option<()> {
    let receiver = cursor.u8()?;
    draft.valid = receiver & VALID != 0;
    let told = time(cursor)?;
    if format == Format::F6 {
        draft.set_int(Name::Satellites, Some(receiver >> 2));
        let (latitude, longitude) = (i32::from_le_bytes(cursor.array()?), i32::from_le_bytes(cursor.array()?));
        draft.place(f64::from(latitude) / PER_DEGREE, f64::from(longitude) / PER_DEGREE);
        draft.altitude_m(f64::from(i32::from_le_bytes(cursor.array()?)) / 10.0);
    } else {
        let (latitude, longitude) = (float(cursor)?, float(cursor)?);
        draft.place(latitude.to_degrees(), longitude.to_degrees());
    }
    draft.speed_kmh(float(cursor)?);
    draft.course_deg(f64::from(cursor.le_u16()?));
    for name in [Name::OdometerM, Name::TripOdometerM] {
        let metres = float(cursor)? * 1_000.0;
        if metres >= 0.0 {
            draft.set(name, Value::Float(metres));
        }
    }
    cursor.skip(4)?;
    if draft.has_place() && told.is_some() {
        draft.time = told;
    }
    Some(())
}

fn tail(draft: &mut Draft, format: Format, cursor: &mut Cursor<'_>) -> Option<()> {
    if matches!(format, Format::F51 | Format::F52) {
        for number in 1..=3_u8 {
            let (_frequency, celsius, level) = (cursor.le_u16()?, cursor.u8()?, cursor.le_u16()?);
            if level < 65_500 {
                fuel_probe(draft, number, u64::from(level));
                temperature(draft, number.saturating_add(20), celsius);
            }
        }
    }
    if matches!(format, Format::F4 | Format::F52) {
        temperatures(draft, cursor)?;
    }
    Some(())
}
