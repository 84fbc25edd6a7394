//! The fields of a record.

use super::fields::{Fields, degrees_of, is_absent};
use super::{params, text};
use crate::wire::{Parts, Pointed, decimal, decimal_single, quotient_single};
use crate::{Attributes, Civil, Fix, Key, Latitude, Longitude, Micros, Name, Record, Value};
use alloc::format;

/// Fields of a short and of a full record.
pub(super) const SHORT_FIELDS: usize = 10;
pub(super) const FIELDS: usize = 16;
/// From so many satellites on a fix is valid.
pub(super) const SATELLITES_OF_A_FIX: i64 = 3;

/// A value out of range, if there is one: the last one is named.
type Suspicious = Option<&'static str>;

/// As [`parse`], of a record that stands nowhere yet.
pub(super) fn read(part: &[u8]) -> Option<Record> {
    let mut record = Record::default();
    parse(part, &mut record).map(|()| record)
}

/// Reads a record that is empty yet; `None` if it has too few or too many fields. A value out of range is left out, and named.
pub(super) fn parse(part: &[u8], record: &mut Record) -> Option<()> {
    let mut fields = Fields::of(part);
    let mut suspicious = None;
    let fix_time = time(&mut fields, &mut suspicious);
    let latitude = degrees(&mut fields, ["N", "S"]);
    let longitude = degrees(&mut fields, ["E", "W"]);
    let speed_kmh = real(&mut fields, "speed", &mut suspicious);
    let course_deg = real(&mut fields, "course", &mut suspicious).and_then(|course| course_of(course, &mut suspicious));
    let altitude_m = real(&mut fields, "height", &mut suspicious);
    // That was all but the last field of a short record.
    fields.rest()?;
    let satellites = satellites(&mut fields, &mut suspicious);
    if let Some(satellites) = satellites {
        record.attributes.push_here(Key::Named(Name::Satellites, 0), Value::Int(satellites));
    }
    let place = latitude.zip(longitude).and_then(|(latitude, longitude)| place(latitude, longitude, &mut suspicious));
    record.fix_time = fix_time;
    record.fix = place.map(|(latitude, longitude)| Fix {
        latitude,
        longitude,
        valid: satellites.is_some_and(|count| count >= SATELLITES_OF_A_FIX),
        altitude_m,
        speed_kmh,
        course_deg,
    });
    rest(&mut fields, &mut record.attributes)?;
    if let Some(what) = suspicious {
        record.attributes.set(Name::OutOfRange, Value::Text(what));
    }
    Some(())
}

#[inline(always)]
fn time(fields: &mut Fields<'_>, suspicious: &mut Suspicious) -> Option<Micros> {
    let time = match fields.take_time() {
        Some(time) => time,
        None => {
            let (date, time) = (fields.next(), fields.next());
            let (date, time) = date.zip(time)?;
            Civil::from_day_month_year(&text(date), &text(time))
        }
    };
    if time.is_none() {
        *suspicious = Some("time");
    }
    time
}

/// A number; what is none, or none that is finite, is out of range.
#[inline(always)]
fn real(fields: &mut Fields<'_>, name: &'static str, suspicious: &mut Suspicious) -> Option<f32> {
    let mut ahead = *fields;
    if let Some(number) = ahead.take_number().and_then(|number| quotient_single(number.digits, number.decimals.unwrap_or(0))) {
        *fields = ahead;
        return Some(number);
    }
    let number = decimal_single(&text(fields.next()?));
    if number.is_none() {
        *suspicious = Some(name);
    }
    number
}

#[inline(always)]
fn satellites(fields: &mut Fields<'_>, suspicious: &mut Suspicious) -> Option<i64> {
    if let Some(count) = fields.take_whole() {
        return Some(count.cast_signed());
    }
    let count = text(fields.next()?).parse().ok();
    if count.is_none() {
        *suspicious = Some("satellites");
    }
    count
}

/// What a full record has beyond a short one; `None` if it has more.
fn rest(fields: &mut Fields<'_>, out: &mut Attributes) -> Option<()> {
    if let Some(hdop) = hdop(fields) {
        out.push_here(Key::Named(Name::Hdop, 0), Value::Float(hdop));
    }
    for name in [Name::InputMask, Name::OutputMask] {
        if fields.take_absent() {
            continue;
        }
        let Some(mask) = fields.next() else { continue };
        match text(mask).parse() {
            Ok(mask) => out.set(name, Value::Int(mask)),
            Err(_) => out.set(name, Value::Text(&text(mask))),
        }
    }
    if !fields.take_absent()
        && let Some(volts) = fields.next()
    {
        analog(&text(volts), out);
    }
    if !fields.take_absent()
        && let Some(key) = fields.next()
    {
        out.set(Name::DriverId, Value::Text(&text(key)));
    }
    match fields.rest() {
        Some(list) if !is_absent(list) => params::read(list, out),
        _ => Some(()),
    }
}

#[inline(always)]
fn hdop(fields: &mut Fields<'_>) -> Option<f64> {
    let mut ahead = *fields;
    if let Some(number) = ahead.take_number().and_then(Pointed::number) {
        *fields = ahead;
        return Some(number);
    }
    decimal(&text(fields.next()?))
}

fn analog(list: &str, out: &mut Attributes) {
    for (index, volts) in Parts::of(list, ',').enumerate() {
        if !is_absent(volts.as_bytes())
            && let Some(volts) = decimal(volts)
        {
            out.push(Key::Text(&format!("adc{}", index.saturating_add(1))), Value::Float(volts));
        }
    }
}

fn course_of(course: f32, suspicious: &mut Suspicious) -> Option<f32> {
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
#[inline(always)]
fn place(latitude: Option<f64>, longitude: Option<f64>, suspicious: &mut Suspicious) -> Option<(Latitude, Longitude)> {
    match (latitude.and_then(Latitude::new), longitude.and_then(Longitude::new)) {
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

/// `DDMM.mm` and the side of the zero line, if both fields have a value; inside, there is none if they are no degrees.
#[inline(always)]
fn degrees(fields: &mut Fields<'_>, [positive, negative]: [&str; 2]) -> Option<Option<f64>> {
    let side_of = |side: &str| side.bytes().next().unwrap_or(0);
    if let Some(degrees) = fields.take_degrees(side_of(positive), side_of(negative)) {
        return Some(Some(degrees));
    }
    let (digits, side) = (fields.next(), fields.next());
    let (digits, side) = digits.zip(side)?;
    Some(degrees_of_text(&text(digits), &text(side), positive, negative))
}

/// The same of what is not written as nearly all trackers write it.
#[inline(never)]
fn degrees_of_text(digits: &str, side: &str, positive: &str, negative: &str) -> Option<f64> {
    let number: f64 = decimal(digits).filter(|number| *number >= 0.0)?;
    let degrees = degrees_of(number);
    match side {
        side if side == positive => Some(degrees),
        side if side == negative => Some(-degrees),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn degrees_are_the_same_both_ways(
            digits in prop_oneof!["[0-9]{0,5}[.]?[0-9]{0,9}", "[0-9]{1,3}(99|00|59)[.](9{7,14}|(9|0){7,9})"], side in "[NSE]"
        ) {
            let field = format!("{digits};{side};");
            let mut fields = Fields::of(field.as_bytes());
            if let Some(degrees) = fields.take_degrees(b'N', b'S') {
                let other = degrees_of_text(&digits, &side, "N", "S");
                prop_assert_eq!(Some(degrees.to_bits()), other.map(f64::to_bits));
            }
        }
    }
}
