//! A place in digits, with commas between its fields or not.

use crate::wire::{Fields, decimal, degrees_minutes_side, find, find_any, take_digits};
use crate::{Civil, Draft, Key, Name, Value};

/// Which end of the date comes first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    YearFirst,
    DayFirst,
}

/// Digits of the state.
const STATE_DIGITS: usize = 8;
/// Those at its end that belong to a fuel sensor.
const FUEL_DIGITS: usize = 3;

/// Reads a place. `decimals`: how many the speed has where no comma ends it.
pub fn read(content: &str, order: Order, decimals: usize) -> Option<Draft> {
    let digits = content.len().saturating_sub(take_digits(0, content.as_bytes()).1.len());
    let (before, rest) = content.split_at_checked(digits)?;
    // The device may stand before the date.
    let date = before.get(digits.checked_sub(6)?..)?;
    let rest = skip_comma(rest);
    let (valid, rest) = match rest.split_at_checked(1)? {
        ("A", rest) => (true, rest),
        ("V", rest) => (false, rest),
        _ => return None,
    };
    let (latitude, north, rest) = angle(rest, [b'N', b'S'])?;
    let (longitude, east, rest) = angle(rest, [b'E', b'W'])?;
    let (speed, rest) = speed(skip_comma(rest), decimals)?;
    let (time, rest) = skip_comma(rest).split_at_checked(6)?;
    let time = match order {
        Order::YearFirst => Civil::from_year_month_day(date, time),
        Order::DayFirst => Civil::from_day_month_year(date, time),
    };
    let mut draft = Draft::at_told(time);
    draft.valid = valid;
    match (degrees_minutes_side(latitude, north), degrees_minutes_side(longitude, east)) {
        (None, None) => draft.suspect("place"),
        (latitude, longitude) => draft.place_of(latitude, longitude),
    }
    match decimal(speed) {
        Some(kmh) => draft.speed_kmh(kmh),
        None => draft.suspect("speed"),
    }
    behind(skip_comma(rest), &mut draft);
    Some(draft)
}

fn skip_comma(text: &str) -> &str {
    text.strip_prefix(',').unwrap_or(text)
}

/// A number and the letter behind it.
fn angle(text: &str, sides: [u8; 2]) -> Option<(&str, &str, &str)> {
    let text = skip_comma(text);
    let (number, rest) = text.split_at_checked(find_any(text.as_bytes(), sides)?)?;
    let (side, rest) = rest.split_at_checked(1)?;
    (number.len() <= 16).then_some((number, side, rest))
}

/// The speed ends at a comma or behind its decimals. Some makers have another number between it and the time.
fn speed(text: &str, decimals: usize) -> Option<(&str, &str)> {
    /// The comma, where there is one, is not farther from the point.
    const COMMA_MAX: usize = 6;
    let point = find(text.as_bytes(), b'.')?;
    let near = text.as_bytes().get(..point.checked_add(COMMA_MAX + 1)?).unwrap_or(text.as_bytes());
    let compact = point.checked_add(1)?.checked_add(decimals)?;
    // Fields with commas: the next one is the time alone.
    text.split_at_checked(find(near, b',').unwrap_or(compact))
}

/// What stands behind the time.
fn behind(text: &str, draft: &mut Draft) {
    let marked = text.bytes().rposition(|byte| byte == b'L').and_then(|at| Some((text.get(..at)?, text.get(at.checked_add(1)?..)?)));
    let Some((before, odometer)) = marked else {
        let fields = Fields::<4>::split(text, ',');
        course(fields.at(0), draft);
        if let Some(height) = fields.number(1).filter(|_| fields.count() >= 3) {
            draft.altitude_m(height);
            draft.set_int(Name::Satellites, fields.number::<u8>(2));
        }
        return;
    };
    let before = before.strip_suffix(',').unwrap_or(before);
    let split = before.len().saturating_sub(STATE_DIGITS);
    if let (Some(degrees), Some(digits)) = (before.get(..split), before.get(split..)) {
        course(degrees.trim_end_matches(','), draft);
        state(digits, draft);
    }
    let digits = odometer.bytes().take_while(u8::is_ascii_hexdigit).count();
    if let Some((metres, tail)) = odometer.split_at_checked(digits) {
        draft.set_int(Name::OdometerM, u32::from_str_radix(metres, 16).ok());
        match Some(tail).filter(|tail| tail.starts_with(['+', '-'])).and_then(decimal) {
            Some(celsius) => draft.set_numbered(Name::TemperatureC, 1, Value::Float(celsius)),
            None if !tail.is_empty() => draft.attributes.push(Key::Text("tail"), Value::Text(tail)),
            None => {}
        }
    }
}

fn course(text: &str, draft: &mut Draft) {
    match decimal(text) {
        Some(degrees) => draft.course_deg(degrees),
        None if text.is_empty() => {}
        None => draft.suspect("course"),
    }
}

/// The state's digits; anything else says nothing.
pub fn state(digits: &str, draft: &mut Draft) {
    let hexadecimal = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == STATE_DIGITS);
    let (Some(_), [power, ignition, others @ ..]) = (hexadecimal, digits.as_bytes()) else { return };
    draft.set(Name::Charging, Value::Bool(*power == b'0'));
    draft.set(Name::Ignition, Value::Bool(*ignition == b'1'));
    let (Some(others), Some(fuel)) = (digits.get(2..STATE_DIGITS.saturating_sub(FUEL_DIGITS)), others.len().checked_sub(FUEL_DIGITS))
    else {
        return;
    };
    if others.bytes().any(|digit| digit != b'0') {
        draft.set(Name::Status, Value::Text(digits));
    }
    let fuel = digits.get(fuel.saturating_add(2)..).and_then(|digits| u32::from_str_radix(digits, 16).ok()).filter(|fuel| *fuel > 0);
    draft.set_int(Name::FuelRaw, fuel);
}
