//! Fields are known by their form.

use crate::wire::decimal;
use crate::{Civil, Micros};

/// `YYYYMMDDhhmmss`.
pub fn is_time(field: &str) -> bool {
    field.len() == 14 && field.bytes().all(|byte| byte.is_ascii_digit())
}

/// The instant.
pub fn time(field: &str) -> Option<Micros> {
    Some(field).filter(|field| is_time(field)).and_then(Civil::from_fourteen_digits)
}

/// Degrees: a number with a point.
pub fn is_degrees(field: &str) -> bool {
    field.contains('.') && decimal(field).is_some_and(|degrees| degrees.abs() <= 180.0)
}

/// A whole number without leading zeros.
pub fn whole(field: &str) -> Option<u32> {
    let canonical = field.len() == 1 || !field.starts_with('0');
    field.parse().ok().filter(|_| canonical && field.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A charge.
pub fn percent(field: &str) -> Option<u32> {
    whole(field).filter(|percent| *percent <= 100)
}

/// So many hexadecimal digits.
pub fn is_hex(field: &str, digits: usize) -> bool {
    field.len() == digits && field.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A number in hexadecimal digits.
pub fn hex(field: &str) -> Option<u32> {
    u32::from_str_radix(field, 16).ok().filter(|_| field.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The type of the device: what a version begins with.
pub fn device_type(version: &str) -> &str {
    version.get(..if version.len() > 6 { 6 } else { 2 }).unwrap_or_default()
}

/// Country, network, area and cell: the country has three digits, with or without a zero before it.
pub fn cell(fields: &[&str]) -> Option<((u16, u16), (u64, u64))> {
    let [country, network, area, cell, ..] = fields else { return None };
    let digits = |field: &str| (1..=4).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(country) || !digits(network) || area.is_empty() || area.len() > 8 || cell.is_empty() || cell.len() > 8 {
        return None;
    }
    let country = country.parse().ok().filter(|country| (200..800).contains(country))?;
    Some(((country, network.parse().ok()?), (u64::from_str_radix(area, 16).ok()?, u64::from_str_radix(cell, 16).ok()?)))
}

/// `HHHHH:MM:SS`, on later series with seven digits of hours, in seconds.
pub fn hours(field: &str) -> Option<i64> {
    // What every field is asked is answered by its length.
    if !(11..=13).contains(&field.len()) {
        return None;
    }
    let mut parts = field.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if !(5..=7).contains(&hours.len()) || minutes.len() != 2 || seconds.len() != 2 || parts.next().is_some() {
        return None;
    }
    let number = |text: &str| text.parse::<u32>().ok().map(i64::from);
    Some(number(hours)?.saturating_mul(3_600).saturating_add(number(minutes)?.saturating_mul(60)).saturating_add(number(seconds)?))
}

/// What the first byte of a state says of the ignition and of motion: `None` for a state that is none.
pub fn state(field: &str) -> Option<(Option<bool>, Option<bool>)> {
    state_of(field.get(..2).filter(|byte| is_hex(byte, 2)).and_then(hex).and_then(|byte| u8::try_from(byte).ok())?)
}

/// The same of the byte itself.
pub const fn state_of(byte: u8) -> Option<(Option<bool>, Option<bool>)> {
    Some(match byte {
        0x11 => (Some(false), Some(false)),
        0x12 | 0x16 | 0x1A => (Some(false), Some(true)),
        0x21 => (Some(true), Some(false)),
        0x22 => (Some(true), Some(true)),
        0x41 => (None, Some(false)),
        0x42 => (None, Some(true)),
        0x00 => (None, None),
        _ => return None,
    })
}

/// The state of a report: state, inputs and outputs, two hexadecimal digits each.
pub fn is_report_state(field: &str) -> bool {
    (is_hex(field, 6) || is_hex(field, 10)) && state(field).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!((hours("00117:31:26"), hours("0000117:31:26")), (Some(423_086), Some(423_086)));
        assert_eq!((device_type("DF0200"), device_type("8020050605"), device_type("")), ("DF", "802005", ""));
        assert_eq!((hours("117:31:26"), hours("00117:31")), (None, None));
        assert_eq!((percent("07"), percent("0"), percent("101"), percent("+7")), (None, Some(0), None, None));
        assert_eq!(cell(&["0262", "0002", "0B1C", "01A2C3D"]), Some(((262, 2), (0x0B1C, 0x01A_2C3D))));
        assert_eq!(cell(&["4126", "210", "0", "18673"]), None);
        assert!(is_report_state("210100") && !is_report_state("990100") && !is_report_state("21"));
    }
}
