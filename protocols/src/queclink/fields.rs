//! Fields are known by their form.

use crate::wire::{self, are_digits, decimal, find};
use crate::{Civil, Micros};

/// What a field is by its form. Most fields are none of these; none is two of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An instant.
    Time = 1,
    /// The state of a report.
    State = 1 << 1,
    /// Kilometres.
    Mileage = 1 << 2,
    /// Hours of the engine.
    Hours = 1 << 3,
    /// The address of a wireless network.
    Address = 1 << 4,
    /// None of these.
    Other = 1 << 5,
}

impl Form {
    /// Its bit in a set of forms.
    #[inline]
    pub const fn bit(self) -> u8 {
        self as u8
    }
}

/// Looks at a field once, for all who ask later. Its length leaves one form or two.
#[inline]
pub fn form(field: &str) -> Form {
    match field.len() {
        0..=2 => Form::Other,
        6 | 10 if is_report_state(field) => Form::State,
        14 if is_time(field) => Form::Time,
        3..=13 if is_mileage(field) => Form::Mileage,
        11..=13 if hours(field).is_some() => Form::Hours,
        12 if is_hex(field, 12) => Form::Address,
        _ => Form::Other,
    }
}

/// `YYYYMMDDhhmmss`.
pub fn is_time(field: &str) -> bool {
    field.len() == 14 && are_digits(field.as_bytes())
}

/// The instant.
pub fn time(field: &str) -> Option<Micros> {
    Civil::from_fourteen_digits(field)
}

/// Degrees: a number with a point.
pub fn degrees(field: &str) -> Option<f64> {
    decimal(field).filter(|degrees| degrees.abs() <= 180.0 && find(field.as_bytes(), b'.').is_some())
}

/// A whole number without leading zeros.
pub fn whole(field: &str) -> Option<u32> {
    wire::whole(field).filter(|_| !matches!(field.as_bytes(), [b'0', _, ..]))
}

/// A charge.
pub fn percent(field: &str) -> Option<u32> {
    whole(field).filter(|percent| *percent <= 100)
}

/// Kilometres with one decimal: with two it is an accuracy.
fn is_mileage(field: &str) -> bool {
    let [whole @ .., b'.', decimal] = field.as_bytes() else { return false };
    (1..=9).contains(&whole.len()) && decimal.is_ascii_digit() && are_digits(whole)
}

/// So many hexadecimal digits.
pub fn is_hex(field: &str, digits: usize) -> bool {
    field.len() == digits && field.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A number in hexadecimal digits.
pub fn hex(field: &str) -> Option<u32> {
    if field.is_empty() {
        return None;
    }
    field.bytes().try_fold(0_u32, |number, byte| number.checked_mul(16)?.checked_add(char::from(byte).to_digit(16)?))
}

/// The type of the device: what a version begins with.
pub fn device_type(version: &str) -> &str {
    version.get(..if version.len() > 6 { 6 } else { 2 }).unwrap_or_default()
}

/// Country, network, area and cell: the country has three digits, with or without a zero before it.
pub fn cell(fields: &[&str]) -> Option<((u16, u16), (u64, u64))> {
    let [country, network, area, cell, ..] = fields else { return None };
    let digits = |field: &str| (1..=4).contains(&field.len()) && are_digits(field.as_bytes());
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
    let [hours @ .., b':', _, _, b':', _, _] = field.as_bytes() else { return None };
    let (hours, behind) = field.split_at_checked(hours.len())?;
    let (minutes, seconds) = (behind.get(1..3)?, behind.get(4..)?);
    let number = |text: &str| text.parse::<u32>().ok().map(i64::from);
    Some(number(hours)?.saturating_mul(3_600).saturating_add(number(minutes)?.saturating_mul(60)).saturating_add(number(seconds)?))
}

/// What the first byte of a state says of the ignition and of motion: `None` for a state that is none.
pub fn state(field: &str) -> Option<(Option<bool>, Option<bool>)> {
    let [high, low, ..] = field.as_bytes() else { return None };
    let byte = char::from(*high).to_digit(16)?.wrapping_mul(16).wrapping_add(char::from(*low).to_digit(16)?);
    state_of(u8::try_from(byte).ok()?)
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
fn is_report_state(field: &str) -> bool {
    matches!(field.len(), 6 | 10) && state(field).is_some() && is_hex(field, field.len())
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
        assert_eq!(
            (whole("0"), whole("10"), whole(""), whole("4294967295"), whole("4294967296")),
            (Some(0), Some(10), None, Some(u32::MAX), None)
        );
        assert_eq!((hex("fF"), hex("+F"), hex(""), hex("100000000"), hex("0FFFFFFFF")), (Some(255), None, None, None, Some(u32::MAX)));
        assert_eq!((degrees("25.27"), degrees("25"), degrees("180.1"), degrees("a.b")), (Some(25.27), None, None, None));
        assert_eq!(["20240229235959", "20240230000000"].map(time), [Some(1_709_251_199_000_000), None]);
        assert!(is_report_state("210100") && !is_report_state("990100") && !is_report_state("21"));
    }

    #[test]
    fn one_form_a_field() {
        let forms = [
            ("20240229235959", Form::Time),
            ("210100", Form::State),
            ("2101000000", Form::State),
            ("060228", Form::Other),
            ("12345.6", Form::Mileage),
            ("123456789.0", Form::Mileage),
            ("1.23", Form::Other),
            ("00117:31:26", Form::Hours),
            ("0000117:31:26", Form::Hours),
            ("0A1B2C3D4E5F", Form::Address),
            ("356307042441013", Form::Other),
            ("", Form::Other),
        ];
        for (field, expected) in forms {
            assert_eq!(form(field), expected, "{field}");
        }
    }
}
