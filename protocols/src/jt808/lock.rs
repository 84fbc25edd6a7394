//! Reports of locks, kinds 55xx.
//!
//! ```text
//! report = BCD DDMMYYhhmmss, BCD DDMMmmmm, BCD DDDMMmmmm and a nibble (2 north, 4 east), speed u8, course u8 (2 degrees), signal u8,
//!          satellites u8, odometer u32 (km), battery u8 (%; more: charging), cell u32, area u16, product u8, state u16, alarms u16, *item
//! item   = id u8, length u8, value
//! 02       height i16
//! 0B       command u8, password, result u8: an attempt to open it
//! 0C       tilt 3 × i16
//! 10       why it woke up
//! ```

use super::report::keep;
use crate::wire::{Cursor, ShortText, bcd, cell_text};
use crate::{Civil, Draft, Key, Micros, Name, Value};

/// The kind whose fix is one; 5502 carries the last one.
const REPORT: u16 = 0x5501;

/// Digits as a number; `None` if one of them is none.
fn number(nibbles: impl Iterator<Item = u8>) -> Option<u32> {
    let mut number = 0_u32;
    for nibble in nibbles {
        number = number.checked_mul(10)?.checked_add(u32::from(nibble))?;
        if nibble > 9 {
            return None;
        }
    }
    Some(number)
}

fn time([day, month, year, hour, minute, second]: [u8; 6]) -> Option<Micros> {
    let two = |byte: u8| bcd(byte).map(u32::from);
    Civil {
        year: i32::from(bcd(year)?).checked_add(2_000)?,
        month: two(month)?,
        day: two(day)?,
        hour: two(hour)?,
        minute: two(minute)?,
        second: two(second)?,
        micros: 0,
    }
    .to_micros()
}

/// Whole degrees and ten-thousandths of minutes, of which there are six digits.
fn degrees(digits: Option<u32>, is_positive: bool) -> Option<f64> {
    let digits = digits?;
    let (whole, minutes) = (digits / 1_000_000, digits % 1_000_000);
    let degrees = f64::from(whole) + f64::from(minutes) / 600_000.0;
    (minutes < 600_000).then_some(if is_positive { degrees } else { -degrees })
}

/// Reads a report.
pub fn read(body: &mut Cursor<'_>, kind: u16) -> Option<Draft> {
    let mut draft = Draft::at_told(time(body.array()?));
    let (latitude, longitude) = (body.array::<4>()?, body.array::<5>()?);
    let flags = longitude.last()? & 0x0F;
    let nibbles = |byte: u8| [byte >> 4, byte & 0x0F];
    let latitude = degrees(number(latitude.into_iter().flat_map(nibbles)), flags & 2 != 0);
    let longitude = degrees(number(longitude.into_iter().flat_map(nibbles).take(9)), flags & 4 != 0);
    match (latitude, longitude) {
        (Some(latitude), Some(longitude)) => draft.place(latitude, longitude),
        (None, _) => draft.suspect("latitude"),
        (_, None) => draft.suspect("longitude"),
    }
    draft.valid = kind == REPORT;
    draft.speed_kmh(f64::from(body.u8()?));
    draft.course_deg(f64::from(body.u8()?) * 2.0);
    draft.set(Name::GsmSignalLevel, Value::Int(i64::from(body.u8()?)));
    draft.set(Name::Satellites, Value::Int(i64::from(body.u8()?)));
    draft.set(Name::OdometerM, Value::Int(i64::from(body.be_u32()?).saturating_mul(1_000)));
    match body.u8()? {
        level @ 0..=100 => draft.set(Name::BatteryLevelPct, Value::Int(i64::from(level))),
        _ => draft.set(Name::Charging, Value::Bool(true)),
    }
    let (cell, area) = (body.be_u32()?, body.be_u16()?);
    if (area, cell) != (0, 0) {
        draft.set(Name::Cell, Value::Text(cell_text((0, 0), (u64::from(area), u64::from(cell)), None).as_str()));
    }
    body.skip(1)?;
    draft.set(Name::Status, Value::Int(i64::from(body.be_u16()?)));
    if let Some(alarms) = body.be_u16().filter(|alarms| *alarms != 0) {
        draft.set(Name::Event, Value::Int(i64::from(alarms)));
    }
    while let Some((id, length)) = body.u8().zip(body.u8()) {
        let Some(value) = body.take(usize::from(length)) else {
            draft.suspect("item");
            break;
        };
        if item(id, value, &mut draft).is_none() {
            keep(&mut draft, u32::from(id), value);
        }
    }
    Some(draft)
}

fn item(id: u8, value: &[u8], draft: &mut Draft) -> Option<()> {
    let body = &mut Cursor::new(value);
    match (id, value) {
        (0x02, [_, _]) => draft.altitude_m(f64::from(body.be_u16()?.cast_signed())),
        (0x0B, [command]) => draft.attributes.push(Key::Text("lock_command"), Value::Int(i64::from(*command))),
        // The password between them opens the lock: it is nobody's who sees where the lock is.
        (0x0B, [command, .., result]) => {
            draft.attributes.push(Key::Text("lock_command"), Value::Int(i64::from(*command)));
            draft.attributes.push(Key::Text("result"), Value::Int(i64::from(*result)));
        }
        (0x0C, [_, _, _, _, _, _]) => {
            let mut text = ShortText::default();
            for axis in 0..3 {
                let value = body.be_u16()?.cast_signed();
                text.push_str(if axis > 0 { "," } else { "" });
                text.push_str(if value < 0 { "-" } else { "" });
                text.push_number(u64::from(value.unsigned_abs()));
            }
            draft.attributes.push(Key::Text("tilt"), Value::Text(text.as_str()));
        }
        (0x10, [source]) => draft.set(Name::Reason, Value::Int(i64::from(*source))),
        _ => return None,
    }
    Some(())
}
