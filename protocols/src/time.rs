//! Time as trackers write it. Nothing here reads a clock.

use crate::wire::{three_pairs, two_pairs};
use alloc::format;
use alloc::string::String;

/// UTC, microseconds since 1970-01-01T00:00:00Z.
pub type Micros = i64;

/// A second.
pub const MICROS_PER_SECOND: Micros = 1_000_000;

/// A date and a time of day, UTC, as wire formats spell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Full year.
    pub year: i32,
    /// 1–12.
    pub month: u32,
    /// 1–31.
    pub day: u32,
    /// 0–23.
    pub hour: u32,
    /// 0–59.
    pub minute: u32,
    /// 0–59.
    pub second: u32,
    /// 0–999,999.
    pub micros: u32,
}

/// From 1970-01-01 to 2000-01-01.
const DAYS_BEFORE_2000: u32 = 10_957;

impl Civil {
    /// The instant, or `None` if the fields are no date of the proleptic Gregorian calendar between the years 1 and 9999.
    #[must_use]
    pub fn to_micros(self) -> Option<Micros> {
        let Self { year, month, day, hour, minute, second, micros } = self;
        if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 || micros > 999_999 {
            return None;
        }
        if day == 0 || (day > 28 && day > days_in_month(year, month)) {
            return None;
        }
        // All of these are small: nothing can pass its range.
        let of_day = hour.wrapping_mul(3_600).wrapping_add(minute.wrapping_mul(60)).wrapping_add(second);
        let seconds = days_from_civil(year.cast_unsigned(), month, day).wrapping_mul(86_400).wrapping_add(i64::from(of_day));
        Some(seconds.wrapping_mul(MICROS_PER_SECOND).wrapping_add(i64::from(micros)))
    }

    /// `DDMMYY` and `hhmmss` with any fraction, years from 2000 on, as NMEA 0183 has them.
    #[must_use]
    pub fn from_day_month_year(date: &str, time: &str) -> Option<Micros> {
        let [day, month, year] = pairs(date)?;
        Self::of_pairs([year, month, day], time)
    }

    /// `YYMMDD` and `hhmmss` with any fraction, years from 2000 on.
    #[must_use]
    pub fn from_year_month_day(date: &str, time: &str) -> Option<Micros> {
        Self::of_pairs(pairs(date)?, time)
    }

    fn of_pairs([year, month, day]: [u32; 3], time: &str) -> Option<Micros> {
        let (time, fraction) = time.split_at_checked(6)?;
        let [hour, minute, second] = pairs(time)?;
        let micros = if fraction.is_empty() { 0 } else { micros_of(fraction.strip_prefix('.')?)? };
        let whole = Self::of_two_digits_each([year, month, day, hour, minute, second])?;
        Some(whole.wrapping_add(i64::from(micros)))
    }

    /// `YYYYMMDDhhmmss`: fourteen digits.
    #[must_use]
    pub fn from_fourteen_digits(text: &str) -> Option<Micros> {
        let [y0, y1, y2, y3, mo0, mo1, d0, d1, h0, h1, mi0, mi1, s0, s1] = text.as_bytes().try_into().ok()?;
        let ([century, of_century], [_, second]) = (two_pairs([y0, y1, y2, y3])?, two_pairs([b'0', b'0', s0, s1])?);
        let ([month, day], [hour, minute]) = (two_pairs([mo0, mo1, d0, d1])?, two_pairs([h0, h1, mi0, mi1])?);
        if century == 20 {
            return Self::of_two_digits_each([of_century, month, day, hour, minute, second]);
        }
        let year = century.wrapping_mul(100).wrapping_add(of_century).cast_signed();
        Self { year, month, day, hour, minute, second, micros: 0 }.to_micros()
    }

    /// A year, and month, day, hour, minute, second in a byte each.
    #[must_use]
    pub fn from_year_and_bytes(year: u16, rest: [u8; 5]) -> Option<Micros> {
        let [month, day, hour, minute, second] = rest.map(u32::from);
        Self { year: i32::from(year), month, day, hour, minute, second, micros: 0 }.to_micros()
    }

    /// Year of this century, month, day, hour, minute, second, each below 100.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "two digits are within a byte")]
    pub(crate) fn of_two_digits_each(numbers: [u32; 6]) -> Option<Micros> {
        Self::of_this_century(numbers.map(|number| number as u8))
    }

    /// Year of this century, month, day, hour, minute, second in a byte each.
    #[must_use]
    #[inline(always)]
    pub fn of_this_century([year, month, day, hour, minute, second]: [u8; 6]) -> Option<Micros> {
        // Days before a month, and its own, of a common year and of a leap year.
        const COMMON: [(u16, u8); 13] = {
            let [a, b, c, d, e, f] = [(0, 31), (31, 28), (59, 31), (90, 30), (120, 31), (151, 30)];
            [(0, 0), a, b, c, d, e, f, (181, 31), (212, 31), (243, 30), (273, 31), (304, 30), (334, 31)]
        };
        const LEAP: [(u16, u8); 13] = {
            let [a, b, c, d, e, f] = [(0, 31), (31, 29), (60, 31), (91, 30), (121, 31), (152, 30)];
            [(0, 0), a, b, c, d, e, f, (182, 31), (213, 31), (244, 30), (274, 31), (305, 30), (335, 31)]
        };
        let months = if year & 3 == 0 { &LEAP } else { &COMMON };
        let (before, days) = months.get(usize::from(month)).copied()?;
        // Zero minus one is beyond every month.
        if day.wrapping_sub(1) >= days || year > 99 || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        // All of these are small: nothing can pass its range.
        let [year, day, hour, minute, second] = [year, day, hour, minute, second].map(u32::from);
        let leaps = year.wrapping_add(3) >> 2;
        let of_year = u32::from(before).wrapping_add(leaps).wrapping_add(day);
        let days = year.wrapping_mul(365).wrapping_add(of_year).wrapping_add(DAYS_BEFORE_2000).wrapping_sub(1);
        let of_day = hour.wrapping_mul(3_600).wrapping_add(minute.wrapping_mul(60)).wrapping_add(second);
        let seconds = i64::from(days).wrapping_mul(86_400).wrapping_add(i64::from(of_day));
        Some(seconds.wrapping_mul(MICROS_PER_SECOND))
    }

    /// The date and time of an instant; `None` outside the years 1 to 9999.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn from_micros(time: Micros) -> Option<Self> {
        /// The years 1 to 9999, counted from the first of January of the year 1, have so many seconds.
        const SECONDS: u64 = 315_537_897_600;
        const SECONDS_BEFORE_1970: i64 = 62_135_596_800;
        const DAY: u64 = 86_400;
        const MICROS: u64 = 1_000_000;
        let since = time.checked_add(SECONDS_BEFORE_1970.wrapping_mul(MICROS_PER_SECOND))?;
        let since = u64::try_from(since).ok()?;
        let (seconds, micros) = (since / MICROS, since % MICROS);
        if seconds >= SECONDS {
            return None;
        }
        // All of these are in their ranges.
        let (days, of_day) = ((seconds / DAY) as u32, (seconds % DAY) as u32);
        let (year, month, day) = civil_from_days(days);
        Some(Self {
            year: year.cast_signed(),
            month,
            day,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            micros: micros as u32,
        })
    }

    /// `YYYYMMDDhhmmss`; of a year that has no four digits the last four.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn to_fourteen_digits(self) -> [u8; 14] {
        let year = self.year.unsigned_abs();
        let mut digits = [b'0'; 14];
        let numbers = [year / 100, year, self.month, self.day, self.hour, self.minute, self.second];
        for (room, number) in digits.as_chunks_mut::<2>().0.iter_mut().zip(numbers) {
            let [tens, ones] = [number / 10 % 10, number % 10];
            *room = [b'0'.wrapping_add(tens as u8), b'0'.wrapping_add(ones as u8)];
        }
        digits
    }
}

/// Seconds since 1970 up to the year 9999. 0, and what is below, is how formats say "none".
#[must_use]
pub fn unix_seconds(seconds: impl Into<i64>) -> Option<Micros> {
    const LAST: i64 = 253_402_300_799;
    Some(seconds.into()).filter(|seconds| (1..=LAST).contains(seconds)).map(|seconds| seconds.saturating_mul(MICROS_PER_SECOND))
}

/// RFC 3339 in UTC, `2024-01-01T00:00:00Z`, with as many digits of the second as are not zero. `None` outside the years 1 to 9999.
#[must_use]
pub fn to_rfc3339(time: Micros) -> Option<String> {
    let Civil { year, month, day, hour, minute, second, micros } = Civil::from_micros(time)?;
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if micros != 0 {
        text.push_str(format!(".{micros:06}").trim_end_matches('0'));
    }
    text.push('Z');
    Some(text)
}

/// Reads RFC 3339 and its everyday relatives: a space for the `T`, no seconds, no zone (UTC then), a zone without its colon.
/// Digits beyond the microsecond are cut off.
#[must_use]
pub fn from_rfc3339(text: &str) -> Option<Micros> {
    // As nearly all write it.
    if let [b'2', b'0', date_and_time @ .., b'Z'] = text.as_bytes()
        && let Some((date, [b'T', time @ ..])) = date_and_time.split_first_chunk()
        && let Ok(time) = time.try_into()
    {
        let ([year, month, day], [hour, minute, second]) = (three_pairs(*date, b'-')?, three_pairs(time, b':')?);
        return Civil::of_two_digits_each([year, month, day, hour, minute, second]);
    }
    let (date, rest) = text.split_at_checked(10)?;
    let (year, rest_of_date) = digits(date, 4)?;
    let (month, rest_of_date) = digits(rest_of_date.strip_prefix('-')?, 2)?;
    let (day, _) = digits(rest_of_date.strip_prefix('-')?, 2)?;
    let (hour, rest) = digits(rest.strip_prefix(['T', 't', ' '])?, 2)?;
    let (minute, mut rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (mut second, mut micros) = (0, 0);
    if let Some(seconds) = rest.strip_prefix(':') {
        (second, rest) = digits(seconds, 2)?;
        if let Some(fraction) = rest.strip_prefix('.') {
            let end = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
            let (shown, zone) = fraction.split_at_checked(end)?;
            micros = shown
                .bytes()
                .chain(core::iter::repeat(b'0'))
                .take(6)
                .fold(0_u32, |sum, digit| sum.wrapping_mul(10).wrapping_add(u32::from(digit.wrapping_sub(b'0'))));
            rest = zone;
        }
    }
    let local = Civil { year: i32::try_from(year).ok()?, month, day, hour, minute, second, micros }.to_micros()?;
    local.checked_sub(zone_offset(rest)?)
}

/// The digits of a fraction of a second. What is beyond the microsecond is not looked at.
fn micros_of(fraction: &str) -> Option<u32> {
    let mut digits = fraction.bytes();
    (0..6).try_fold(0_u32, |micros, _| {
        let digit = digits.next().map_or(Some(0), |byte| char::from(byte).to_digit(10))?;
        micros.checked_mul(10)?.checked_add(digit)
    })
}

/// Six digits as three numbers.
fn pairs(digits: &str) -> Option<[u32; 3]> {
    let [a, b, c, d, e, f] = digits.as_bytes().try_into().ok()?;
    let ([first, second], [_, third]) = (two_pairs([a, b, c, d])?, two_pairs([b'0', b'0', e, f])?);
    Some([first, second, third])
}

fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(count)?;
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((number.parse().ok()?, rest))
}

fn zone_offset(zone: &str) -> Option<Micros> {
    let east = match zone.chars().next() {
        None => return Some(0),
        Some('Z' | 'z') if zone.len() == 1 => return Some(0),
        Some('+') => 1,
        Some('-') => -1,
        Some(_) => return None,
    };
    let (hours, rest) = digits(zone.get(1..)?, 2)?;
    let minutes = match rest.strip_prefix(':').unwrap_or(rest) {
        "" => 0,
        minutes => digits(minutes, 2).filter(|(_, rest)| rest.is_empty())?.0,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i64::from(hours).checked_mul(3_600)?.checked_add(i64::from(minutes).checked_mul(60)?)?;
    seconds.checked_mul(MICROS_PER_SECOND)?.checked_mul(east)
}

fn days_in_month(year: i32, month: u32) -> u32 {
    let leap = (year.rem_euclid(4) == 0 && year.rem_euclid(100) != 0) || year.rem_euclid(400) == 0;
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date from the year 1 to 9999. Years are counted from 1 March on, so that a leap day is the last of its year.
const fn days_from_civil(year: u32, month: u32, day: u32) -> i64 {
    let (year, month) = if month > 2 { (year, month.wrapping_sub(3)) } else { (year.wrapping_sub(1), month.wrapping_add(9)) };
    let before = year.wrapping_mul(365).wrapping_add(year / 4).wrapping_sub(year / 100).wrapping_add(year / 400);
    let of_year = (month.wrapping_mul(153).wrapping_add(2) / 5).wrapping_add(day).wrapping_sub(1);
    (before.wrapping_add(of_year) as i64).wrapping_sub(719_468)
}

/// The date so many days behind the first of January of the year 1, as far as the year 9999. Years are counted from 1 March on here, too.
const fn civil_from_days(days: u32) -> (u32, u32, u32) {
    let shifted = days.wrapping_add(306);
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let leaps = (day_of_era / 1_460).wrapping_add(day_of_era / 146_096).wrapping_sub(day_of_era / 36_524);
    let year_of_era = day_of_era.wrapping_sub(leaps) / 365;
    let before = year_of_era.wrapping_mul(365).wrapping_add(year_of_era / 4).wrapping_sub(year_of_era / 100);
    let day_of_year = day_of_era.wrapping_sub(before);
    let from_march = day_of_year.wrapping_mul(5).wrapping_add(2) / 153;
    let day = day_of_year.wrapping_sub(from_march.wrapping_mul(153).wrapping_add(2) / 5).wrapping_add(1);
    let (month, next) = if from_march < 10 { (from_march.wrapping_add(3), 0) } else { (from_march.wrapping_sub(9), 1) };
    (year_of_era.wrapping_add(era.wrapping_mul(400)).wrapping_add(next), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        let civil = Civil { year: 2024, month: 2, day: 29, hour: 23, minute: 59, second: 59, micros: 1 };
        assert_eq!(civil.to_micros(), Some(1_709_251_199_000_001));
        assert_eq!(Civil { day: 30, ..civil }.to_micros(), None);
        assert_eq!(Civil { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, micros: 0 }.to_micros(), Some(0));
    }

    #[test]
    fn digits_bytes_and_seconds() {
        assert_eq!(Civil::from_fourteen_digits("20240229235959"), Some(1_709_251_199_000_000));
        assert_eq!(Civil::from_year_and_bytes(2024, [2, 29, 23, 59, 59]), Some(1_709_251_199_000_000));
        for bad in ["", "2024022923595", "202402292359590", "20240230000000", "2024022923595x", "2024022é235959"] {
            assert_eq!(Civil::from_fourteen_digits(bad), None, "{bad}");
        }
        assert_eq!(unix_seconds(1_709_251_199_u32), Some(1_709_251_199_000_000));
        assert_eq!([unix_seconds(0), unix_seconds(-1), unix_seconds(i64::MAX)], [None; 3]);
    }

    #[test]
    fn fourteen_digits_are_the_date_of_their_numbers() {
        for year in [0_u16, 1, 1899, 1900, 1999, 2000, 2024, 2025, 2099, 2100, 9999] {
            for (month, day) in (0_u8..=13).flat_map(|month| (0_u8..=32).map(move |day| (month, day))) {
                for (hour, minute, second) in [(0_u8, 0_u8, 0_u8), (23, 59, 59), (24, 0, 0), (0, 60, 0), (0, 0, 60)] {
                    let text = alloc::format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}");
                    let general = Civil::from_year_and_bytes(year, [month, day, hour, minute, second]);
                    assert_eq!(Civil::from_fourteen_digits(&text), general, "{text}");
                }
            }
        }
        for at in 0..14 {
            for byte in ['/', ':', 'a', ' ', '-'] {
                let mut text = alloc::string::String::from("20240229235959");
                text.replace_range(at..=at, byte.encode_utf8(&mut [0; 4]));
                assert_eq!(Civil::from_fourteen_digits(&text), None, "{text}");
            }
        }
    }

    #[test]
    fn six_bytes_are_the_date_that_the_general_form_gives() {
        let general = |[year, month, day, hour, minute, second]: [u8; 6]| {
            let year = (year <= 99).then_some(2_000_u16.saturating_add(u16::from(year)))?;
            Civil::from_year_and_bytes(year, [month, day, hour, minute, second])
        };
        for year in 0..=101 {
            for month in (0..=17).chain([255]) {
                for day in (0..=33).chain([255]) {
                    let date = [year, month, day, 23, 59, 59];
                    assert_eq!(Civil::of_this_century(date), general(date), "{date:?}");
                }
            }
        }
        for (hour, minute, second) in [(0, 0, 0), (24, 0, 0), (23, 60, 0), (23, 0, 60), (255, 255, 255)] {
            let date = [24, 2, 29, hour, minute, second];
            assert_eq!(Civil::of_this_century(date), general(date), "{date:?}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in -80_000..80_000_i64 {
            let time = day.saturating_mul(86_400_000_000);
            assert_eq!(Civil::from_micros(time).and_then(Civil::to_micros), Some(time));
        }
    }

    #[test]
    fn from_the_year_1_to_9999_and_no_further() {
        let date = |time| Civil::from_micros(time).map(|c| (c.year, c.month, c.day, c.hour, c.minute, c.second, c.micros));
        let (first, last) = (-62_135_596_800_000_000, 253_402_300_799_999_999);
        assert_eq!((date(first), date(last)), (Some((1, 1, 1, 0, 0, 0, 0)), Some((9999, 12, 31, 23, 59, 59, 999_999))));
        assert_eq!([first - 1, last + 1, i64::MIN, i64::MAX].map(date), [None; 4]);
        let digits = Civil::from_micros(1_709_251_199_000_000).map(Civil::to_fourteen_digits);
        assert_eq!(digits.as_ref().map(<[u8; 14]>::as_slice), Some(&b"20240229235959"[..]));
        for day in (-719_162..2_932_897_i64).step_by(7) {
            let time = day.saturating_mul(86_400_000_000);
            assert_eq!(Civil::from_micros(time).and_then(Civil::to_micros), Some(time));
        }
    }

    #[test]
    fn rfc_3339_both_ways() {
        assert_eq!(from_rfc3339("2024-02-29T23:59:59.000001Z"), Some(1_709_251_199_000_001));
        assert_eq!(from_rfc3339("2024-03-01T01:59:59.0000019+02:00"), Some(1_709_251_199_000_001));
        assert_eq!(from_rfc3339("2024-02-29 20:29-0330"), Some(1_709_251_140_000_000));
        assert_eq!(to_rfc3339(1_709_251_199_000_001).as_deref(), Some("2024-02-29T23:59:59.000001Z"));
        assert_eq!(to_rfc3339(1_709_251_199_500_000).as_deref(), Some("2024-02-29T23:59:59.5Z"));
        assert_eq!(to_rfc3339(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(to_rfc3339(i64::MAX), None);
        for bad in ["", "2024-02-30T00:00:00Z", "2024-02-29", "2024-02-29T24:00:00Z", "2024-02-29T00:00:00+1", "é024-02-29T00:00:00Z"] {
            assert_eq!(from_rfc3339(bad), None, "{bad}");
        }
    }
}
