//! The fields of a record.

use super::params;
use crate::wire::{Parts, cut_at_most, decimal, decimal_single, find_far, truncated};
use crate::{Attributes, Civil, Fix, Key, Latitude, Longitude, Name, Record, Value};
use alloc::format;

/// Fields of a short and of a full record.
pub(super) const SHORT_FIELDS: usize = 10;
pub(super) const FIELDS: usize = 16;
/// From so many satellites on a fix is valid.
pub(super) const SATELLITES_OF_A_FIX: i64 = 3;

/// A field's value; `None` for "no value".
fn present(field: Option<&str>) -> Option<&str> {
    field.filter(|field| !matches!(*field, "" | "NA"))
}

/// A number; what is none, or none that is finite, is out of range.
fn real(field: Option<&str>, name: &'static str, suspicious: &mut Option<&'static str>) -> Option<f32> {
    let number = decimal_single(present(field)?);
    if number.is_none() {
        *suspicious = Some(name);
    }
    number
}

/// Reads a record; `None` if it has too few or too many fields. A value out of range is left out, and named.
pub(super) fn parse(text: &str) -> Option<Record> {
    let (fields, count) = cut_at_most::<FIELDS>(text, b';');
    // The last one is the longest by far, and none follows it.
    let has_more = fields.last().is_some_and(|last| find_far(last.as_bytes(), [b';']).is_some());
    if count < SHORT_FIELDS || has_more {
        return None;
    }
    let mut fields = fields.iter().copied();
    let mut next = || fields.next();
    let mut suspicious = None;
    let (date, time) = (present(next()), present(next()));
    let fix_time = date.zip(time).and_then(|(date, time)| {
        let instant = Civil::from_day_month_year(date, time);
        if instant.is_none() {
            suspicious = Some("time");
        }
        instant
    });
    let latitude = present(next()).zip(present(next()));
    let longitude = present(next()).zip(present(next()));
    let speed_kmh = real(next(), "speed", &mut suspicious);
    let course_deg = real(next(), "course", &mut suspicious).and_then(|course| course_of(course, &mut suspicious));
    let altitude_m = real(next(), "height", &mut suspicious);
    let satellites: Option<i64> = present(next()).and_then(|count| {
        let count = count.parse().ok();
        if count.is_none() {
            suspicious = Some("satellites");
        }
        count
    });
    let mut attributes = Attributes::new();
    if let Some(satellites) = satellites {
        attributes.set(Name::Satellites, Value::Int(satellites));
    }
    let place = latitude.zip(longitude).and_then(|(latitude, longitude)| place(latitude, longitude, &mut suspicious));
    let fix = place.map(|(latitude, longitude)| Fix {
        latitude,
        longitude,
        valid: satellites.is_some_and(|count| count >= SATELLITES_OF_A_FIX),
        altitude_m,
        speed_kmh,
        course_deg,
    });
    rest(&mut attributes, &mut next);
    if let Some(what) = suspicious {
        attributes.set(Name::OutOfRange, Value::Text(what));
    }
    Some(Record { fix_time, fix, attributes })
}

/// What a full record has beyond a short one.
fn rest<'a>(out: &mut Attributes, next: &mut impl FnMut() -> Option<&'a str>) {
    if let Some(hdop) = present(next()).and_then(decimal) {
        out.set(Name::Hdop, Value::Float(hdop));
    }
    for name in [Name::InputMask, Name::OutputMask] {
        match present(next()).map(|mask| (mask, mask.parse())) {
            Some((_, Ok(mask))) => out.set(name, Value::Int(mask)),
            Some((mask, Err(_))) => out.set(name, Value::Text(mask)),
            None => {}
        }
    }
    for (index, volts) in Parts::of(present(next()).unwrap_or_default(), ',').enumerate() {
        if let Some(volts) = present(Some(volts)).and_then(decimal) {
            out.push(Key::Text(&format!("adc{}", index.saturating_add(1))), Value::Float(volts));
        }
    }
    if let Some(key) = present(next()) {
        out.set(Name::DriverId, Value::Text(key));
    }
    if let Some(list) = present(next()) {
        params::read(list, out);
    }
}

fn course_of(course: f32, suspicious: &mut Option<&'static str>) -> Option<f32> {
    if (0.0..360.0).contains(&course) {
        Some(course)
    } else if course == 360.0 {
        Some(0.0)
    } else {
        *suspicious = Some("course");
        None
    }
}

/// `None` for a place that is none; 0/0 is none.
fn place(latitude: (&str, &str), longitude: (&str, &str), suspicious: &mut Option<&'static str>) -> Option<(Latitude, Longitude)> {
    let latitude = degrees(latitude.0, latitude.1, "N", "S").and_then(Latitude::new);
    let longitude = degrees(longitude.0, longitude.1, "E", "W").and_then(Longitude::new);
    match (latitude, longitude) {
        (Some(latitude), Some(longitude)) => {
            let is_zero = latitude.degrees().abs() <= 0.0 && longitude.degrees().abs() <= 0.0;
            (!is_zero).then_some((latitude, longitude))
        }
        (None, _) => {
            *suspicious = Some("latitude");
            None
        }
        (_, None) => {
            *suspicious = Some("longitude");
            None
        }
    }
}

/// `DDMM.mm` and the side of the zero line.
fn degrees(digits: &str, side: &str, positive: &str, negative: &str) -> Option<f64> {
    let number: f64 = decimal(digits).filter(|number| *number >= 0.0)?;
    let whole = truncated(number / 100.0);
    let degrees = whole + (number - whole * 100.0) / 60.0;
    match side {
        side if side == positive => Some(degrees),
        side if side == negative => Some(-degrees),
        _ => None,
    }
}
