//! What encoders share: values as a wire format carries them.

use crate::{Attributes, MICROS_PER_SECOND, Micros, Name, Value};
use alloc::format;
use core::ops::RangeInclusive;

/// A whole number among the attributes, if it is in that range.
#[must_use]
pub fn int(attributes: &Attributes, name: Name, range: RangeInclusive<i64>) -> Option<i64> {
    match attributes.get(name) {
        Some(Value::Int(value)) => Some(value).filter(|value| range.contains(value)),
        _ => None,
    }
}

/// A yes or no among the attributes.
#[must_use]
pub fn yes_no(attributes: &Attributes, name: Name) -> Option<bool> {
    match attributes.get(name) {
        Some(Value::Bool(value)) => Some(value),
        _ => None,
    }
}

/// A time without the fraction of its second.
#[must_use]
pub const fn whole_second(time: Micros) -> Micros {
    time.saturating_sub(time.rem_euclid(MICROS_PER_SECOND))
}

/// A number with so many decimals.
#[must_use]
pub fn rounded(value: f64, decimals: usize) -> f64 {
    format!("{value:.decimals$}").parse().unwrap_or(value)
}

/// The same of a single-precision number, which is written out as such.
#[must_use]
pub fn rounded_single(value: f32, decimals: usize) -> f64 {
    format!("{value:.decimals$}").parse().unwrap_or_else(|_| f64::from(value))
}

/// The nearest whole number; what is beyond the range is at its end.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "a float to integer cast saturates")]
pub fn whole(value: f64) -> i64 {
    libm::round(value) as i64
}

/// The number of a numbered attribute.
#[must_use]
pub fn index(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
