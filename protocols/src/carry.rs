//! What encoders share: values as a wire format carries them.

use crate::wire::{degrees_minutes_side, push_padded, truncated};
use crate::{Attributes, Civil, Draft, Fix, KNOT_KMH, MICROS_PER_SECOND, Micros, Name, Value};
use alloc::format;
use alloc::string::String;
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
    // `libm` goes bit by bit; a whole number and what is left of it are exact.
    let cut = truncated(value);
    let rest = value - cut;
    (cut + if rest.abs() < 0.5 { 0.0 } else { 1.0_f64.copysign(rest) }) as i64
}

/// The number of a numbered attribute.
#[must_use]
pub fn index(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// Latitude and longitude in degrees and minutes, each with its side.
pub type Minutes = [(String, &'static str); 2];

/// Degrees as `DDMM.mmmm` and `DDDMM.mmmm` with so many decimals of a minute; 0/0 where there is no fix.
#[must_use]
pub fn minutes(fix: Option<&Fix>, decimals: u32) -> Minutes {
    let (latitude, longitude) = fix.map_or((0.0, 0.0), |fix| (fix.latitude.degrees(), fix.longitude.degrees()));
    [minutes_of(latitude, 2, decimals, ["N", "S"]), minutes_of(longitude, 3, decimals, ["E", "W"])]
}

fn minutes_of(value: f64, whole_digits: usize, decimals: u32, [positive, negative]: [&'static str; 2]) -> (String, &'static str) {
    let per_minute = 10_u32.saturating_pow(decimals).max(1);
    let per_degree = per_minute.saturating_mul(60);
    let parts = u32::try_from(whole(value.abs() * f64::from(per_degree))).unwrap_or(0);
    let part = |unit: u32, of: u32| parts.checked_rem(of).unwrap_or(parts).checked_div(unit).unwrap_or(0);
    let mut text = String::with_capacity(12);
    push_padded(&mut text, part(per_degree, u32::MAX), whole_digits);
    push_padded(&mut text, part(per_minute, per_degree), 2);
    text.push('.');
    push_padded(&mut text, part(1, per_minute), usize::try_from(decimals).unwrap_or(0));
    (text, if value < 0.0 { negative } else { positive })
}

/// Tells the place that those texts say.
pub fn place_minutes(draft: &mut Draft, [(latitude, north), (longitude, east)]: &Minutes) {
    draft.place_of(degrees_minutes_side(latitude, north), degrees_minutes_side(longitude, east));
}

/// Knots with so many decimals.
#[must_use]
pub fn knots(kmh: f32, decimals: usize) -> f64 {
    rounded(f64::from(kmh) / KNOT_KMH, decimals)
}

/// Tells a fix as a sentence has it: degrees and minutes, knots, and a course with two decimals.
pub fn fix_in_minutes(draft: &mut Draft, fix: &Fix, minute_decimals: u32, knot_decimals: usize) {
    draft.valid = fix.valid;
    place_minutes(draft, &minutes(Some(fix), minute_decimals));
    if let Some(kmh) = fix.speed_kmh {
        draft.speed_knots(knots(kmh, knot_decimals));
    }
    if let Some(course) = fix.course_deg {
        draft.course_deg(rounded_single(course, 2));
    }
}

/// Year (two digits), month, day; hour, minute, second. Zeros where there is no time.
#[must_use]
pub fn date_and_time(time: Option<Micros>) -> ([u32; 3], [u32; 3]) {
    time.and_then(Civil::from_micros).map_or(([0; 3], [0; 3]), |c| {
        let year = u32::try_from(c.year.rem_euclid(100)).unwrap_or(0);
        ([year, c.month, c.day], [c.hour, c.minute, c.second])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        #[allow(clippy::cast_possible_truncation)]
        fn a_number_is_rounded_as_libm_rounds_it(
            number in prop_oneof![any::<f64>(), -20_000.0..20_000.0, (-2_000_i32..2_000).prop_map(|halves| f64::from(halves) / 2.0)]
        ) {
            prop_assert_eq!(whole(number), libm::round(number) as i64);
            let below = number.next_down();
            prop_assert_eq!(whole(below), libm::round(below) as i64);
        }
    }
}
