//! Reports of locks, kinds 55xx.
//!
//! ```text
//! report = BCD DDMMYYhhmmss, BCD DDMMmmmm, BCD DDDMMmmmm and a nibble (2 north, 4 east), speed u8, course u8 (2 degrees), signal u8,
//!          satellites u8, odometer u32 (km), battery u8 (%; more: charging), cell u32, LAC u16, product u8, state u16, …
//! ```

use crate::wire::{Cursor, cell_text, to_hex};
use crate::{Civil, Draft, Name, Value};

/// The state in which a fix is one.
const REPORT: u16 = 0x5501;

/// Reads a report.
pub fn read(body: &mut Cursor<'_>, kind: u16) -> Option<Draft> {
    let (date, time) = (to_hex(body.take(3)?), to_hex(body.take(3)?));
    let mut draft = Draft::at_told(Civil::from_day_month_year(&date, &time));
    let (latitude, longitude) = (to_hex(body.take(4)?), to_hex(body.take(5)?));
    let flags = longitude.get(9..).and_then(|nibble| u8::from_str_radix(nibble, 16).ok())?;
    let degrees = |digits: Option<&str>, minutes: Option<&str>, positive: u8| {
        let (whole, minutes): (f64, f64) = (digits?.parse().ok()?, minutes?.parse().ok()?);
        let degrees = whole + minutes / 600_000.0;
        Some(if flags & positive == 0 { -degrees } else { degrees })
    };
    draft.place_of(degrees(latitude.get(..2), latitude.get(2..), 2), degrees(longitude.get(..3), longitude.get(3..9), 4));
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
    Some(draft)
}
