//! Texts, digits, degrees and minutes.

use super::parts::{each_end, separator_of};
use super::word::{WORD_DIGITS, eight_hexadecimal, last_eight};
use super::{decimal, decimal_of, integer, truncated, unsigned};
use alloc::string::String;
use alloc::vec::Vec;

/// A short text that is put together without an allocation. What does not fit is left out.
#[derive(Clone, Copy, Debug)]
pub struct ShortText {
    bytes: [u8; Self::BYTES_MAX],
    length: usize,
}

impl Default for ShortText {
    fn default() -> Self {
        Self { bytes: [0; Self::BYTES_MAX], length: 0 }
    }
}

impl ShortText {
    /// The most it holds.
    pub const BYTES_MAX: usize = 64;

    /// Adds text.
    #[inline]
    pub fn push_str(&mut self, text: &str) {
        let end = self.length.saturating_add(text.len());
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            // Byte by byte: these are a few bytes, which a copy of any length costs more.
            for (to, from) in room.iter_mut().zip(text.bytes()) {
                *to = from;
            }
            self.length = end;
        }
    }

    /// Adds a character.
    #[inline]
    pub fn push_char(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }

    /// Adds a number in decimal digits.
    #[inline]
    pub fn push_number(&mut self, number: u64) {
        let count = usize::try_from(number.checked_ilog10().unwrap_or(0)).unwrap_or(0).saturating_add(1);
        let end = self.length.saturating_add(count);
        let Some(room) = self.bytes.get_mut(self.length..end) else { return };
        self.length = end;
        let mut rest = number;
        // Two digits a division.
        for places in room.rchunks_mut(2) {
            let pair = u8::try_from(rest % 100).unwrap_or(0);
            match places {
                [tens, ones] => (*tens, *ones) = ((pair / 10) | b'0', (pair % 10) | b'0'),
                [one] => *one = (pair % 10) | b'0',
                _ => {}
            }
            rest /= 100;
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|b| core::str::from_utf8(b).ok()).unwrap_or_default()
    }
}

/// The lower-case hexadecimal digit of a nibble.
#[must_use]
#[inline]
pub const fn hex_digit(nibble: u8) -> u8 {
    if nibble <= 9 { nibble | b'0' } else { nibble.wrapping_sub(10).wrapping_add(b'a') }
}

/// Appends a number with zeros before it.
pub fn push_padded(text: &mut String, number: u32, digits: usize) {
    let mut room = [b'0'; 10];
    let mut rest = number;
    let mut count = 0_usize;
    for place in room.iter_mut().rev() {
        if rest == 0 && count >= digits.max(1) {
            break;
        }
        *place = u8::try_from(rest % 10).unwrap_or(0) | b'0';
        rest /= 10;
        count = count.saturating_add(1);
    }
    for _ in count..digits {
        text.push('0');
    }
    text.push_str(room.get(room.len().saturating_sub(count)..).and_then(|d| core::str::from_utf8(d).ok()).unwrap_or_default());
}

/// A mobile cell as attributes have it: country, network, area, cell and, where it is known, the signal without its minus sign.
#[must_use]
pub fn cell_text(operator: (u16, u16), place: (u64, u64), signal: Option<u16>) -> ShortText {
    let mut text = ShortText::default();
    text.push_number(u64::from(operator.0));
    for part in [u64::from(operator.1), place.0, place.1] {
        text.push_str("-");
        text.push_number(part);
    }
    if let Some(signal) = signal {
        text.push_str("-");
        text.push_number(u64::from(signal));
    }
    text
}

/// A byte of two decimal digits, `None` if one of them is more than 9.
#[must_use]
pub fn bcd(byte: u8) -> Option<u8> {
    let (high, low) = (byte >> 4, byte & 0x0F);
    (high <= 9 && low <= 9).then(|| high.saturating_mul(10).saturating_add(low))
}

/// Reads hexadecimal digits; white space is skipped. `None` for an odd count or another character.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        let digit = u8::try_from(c.to_digit(16)?).ok()?;
        match high.take() {
            None => high = Some(digit),
            Some(h) => bytes.push((h << 4) | digit),
        }
    }
    high.is_none().then_some(bytes)
}

/// A whole number in hexadecimal digits: as [`u64::from_str_radix`], eight digits a step.
#[must_use]
pub fn hexadecimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    if digits.len() <= WORD_DIGITS
        && let Some(number) = eight_hexadecimal(last_eight(digits))
    {
        return Some(number);
    }
    long_hexadecimal(digits)
}

/// What is longer, or has a sign, or is no number.
#[inline(never)]
fn long_hexadecimal(digits: &[u8]) -> Option<u64> {
    if let Some((head, tail)) = digits.split_last_chunk::<WORD_DIGITS>()
        && head.len() <= WORD_DIGITS
        && let Some(head) = eight_hexadecimal(last_eight(head))
        && let Some(tail) = eight_hexadecimal(last_eight(tail))
    {
        return Some((head << 32) | tail);
    }
    u64::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

/// Writes lower-case hexadecimal digits.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0x0F] {
            text.push(char::from(hex_digit(nibble)));
        }
    }
    text
}

/// A base station of a wireless network as attributes have it: its six bytes in hexadecimal digits with colons and, where it is
/// known, the signal without its minus sign.
#[must_use]
pub fn wifi_text(address: [u8; 6], signal: Option<u16>) -> ShortText {
    let mut text = ShortText::default();
    for (index, byte) in address.iter().enumerate() {
        if index > 0 {
            text.push_str(":");
        }
        for nibble in [byte >> 4, byte & 0x0F] {
            text.push_char(char::from(hex_digit(nibble)));
        }
    }
    if let Some(signal) = signal {
        text.push_str("-");
        text.push_number(u64::from(signal));
    }
    text
}

/// Degrees and minutes in one number, `DDMM.mmmm` (NMEA 0183), in degrees. `None` for what is no number or has 60 minutes or more.
#[must_use]
pub fn degrees_minutes(digits: &str) -> Option<f64> {
    let number = decimal(digits)?;
    let whole = truncated(number / 100.0);
    let minutes = number - whole * 100.0;
    (minutes.abs() < 60.0).then_some(whole + minutes / 60.0)
}

/// Degrees and minutes with the side of the zero line: `N` and `E` are positive, `S` and `W` negative.
#[must_use]
pub fn degrees_minutes_side(digits: &str, side: &str) -> Option<f64> {
    let degrees = degrees_minutes(digits)?;
    match side {
        "N" | "n" | "E" | "e" => Some(degrees),
        "S" | "s" | "W" | "w" => Some(-degrees),
        _ => None,
    }
}

/// A line taken apart at its separators without an allocation. What is beyond `MAX` fields is not looked at.
///
/// Only where each field ends is written down: a field becomes a text when it is asked for, which most never are.
#[derive(Clone, Debug)]
pub struct Fields<'a, const MAX: usize> {
    text: &'a str,
    count: usize,
    /// Zero where there is no field, which ends before it begins and so is none.
    ends: [u32; MAX],
}

impl<'a, const MAX: usize> Fields<'a, MAX> {
    /// Not cut yet.
    #[must_use]
    #[inline(always)]
    pub(crate) const fn uncut(text: &'a str) -> Self {
        Self { text, count: 0, ends: [0; MAX] }
    }

    /// Cuts the text.
    #[must_use]
    #[inline(always)]
    pub fn split(text: &'a str, separator: char) -> Self {
        let mut fields = Self::uncut(text);
        fields.cut(separator);
        fields
    }

    /// Cuts the text where it stays: the ends of many fields are not to be copied.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "a text of 4 GiB is no line, and then of no use")]
    pub(crate) fn cut(&mut self, separator: char) {
        let separator = separator_of(u8::try_from(separator).unwrap_or(u8::MAX));
        let (ends, mut count) = (&mut self.ends, 0_usize);
        each_end(self.text.as_bytes(), separator, |end| {
            if let Some(place) = ends.get_mut(count) {
                *place = end as u32;
                count = count.wrapping_add(1);
            }
            count < MAX
        });
        self.count = count;
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The field there, if there is one.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a str> {
        self.text.get(self.start(index)?..self.end(index)?)
    }

    #[inline]
    fn end(&self, index: usize) -> Option<usize> {
        usize::try_from(*self.ends.get(index)?).ok()
    }

    #[inline]
    fn start(&self, index: usize) -> Option<usize> {
        match index.checked_sub(1) {
            Some(before) => Some(self.end(before)?.wrapping_add(1)),
            None => Some(0),
        }
    }

    /// The field there; empty beyond the last.
    #[must_use]
    #[inline]
    pub fn at(&self, index: usize) -> &'a str {
        self.get(index).unwrap_or_default()
    }

    /// From that field on.
    #[inline]
    pub fn from(&self, index: usize) -> impl Iterator<Item = &'a str> {
        let (text, mut start) = (self.text, self.start(index).unwrap_or(0));
        self.ends.get(index..self.count).unwrap_or_default().iter().map(move |end| {
            let end = usize::try_from(*end).unwrap_or(0);
            let field = text.get(start..end).unwrap_or_default();
            start = end.wrapping_add(1);
            field
        })
    }

    /// So many fields from that one on, if all of them are there.
    #[must_use]
    pub fn some<const COUNT: usize>(&self, index: usize) -> Option<[&'a str; COUNT]> {
        let mut rest = self.from(index);
        let mut fields = [""; COUNT];
        for field in &mut fields {
            *field = rest.next()?;
        }
        Some(fields)
    }

    /// The number in that field.
    #[must_use]
    #[inline]
    pub fn number<T: core::str::FromStr>(&self, index: usize) -> Option<T> {
        self.at(index).parse().ok()
    }

    /// The bytes of the field there; none beyond the last. They need not be cut at characters.
    #[must_use]
    #[inline]
    pub fn bytes(&self, index: usize) -> &'a [u8] {
        let range = self.start(index).zip(self.end(index));
        range.and_then(|(start, end)| self.text.as_bytes().get(start..end)).unwrap_or_default()
    }

    /// The same from that field on.
    #[inline]
    pub fn bytes_from(&self, index: usize) -> impl Iterator<Item = &'a [u8]> {
        let (text, mut start) = (self.text.as_bytes(), self.start(index).unwrap_or(0));
        self.ends.get(index..self.count).unwrap_or_default().iter().map(move |end| {
            let end = usize::try_from(*end).unwrap_or(0);
            let field = text.get(start..end).unwrap_or_default();
            start = end.wrapping_add(1);
            field
        })
    }

    /// The whole number in that field.
    #[must_use]
    #[inline]
    pub fn integer(&self, index: usize) -> Option<i64> {
        integer(self.bytes(index))
    }

    /// The whole number in that field, which is not below zero.
    #[must_use]
    #[inline]
    pub fn unsigned<T: TryFrom<u64>>(&self, index: usize) -> Option<T> {
        T::try_from(unsigned(self.bytes(index))?).ok()
    }

    /// The decimal number in that field.
    #[must_use]
    #[inline]
    pub fn decimal(&self, index: usize) -> Option<f64> {
        decimal_of(self.bytes(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_text_takes_what_fits() {
        let mut text = ShortText::default();
        text.push_number(0);
        text.push_str("-");
        text.push_number(u64::MAX);
        assert_eq!(text.as_str(), "0-18446744073709551615");
        text.push_str(&"x".repeat(60));
        assert_eq!(text.as_str().len(), 22);
        assert_eq!((bcd(0x59), bcd(0x5A)), (Some(59), None));
    }

    #[test]
    fn hexadecimal_both_ways() {
        assert_eq!(from_hex("00 fF1a").as_deref(), Some(&[0, 255, 26][..]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(to_hex(&[0, 255, 26]), "00ff1a");
    }

    #[test]
    fn degrees_and_minutes() {
        assert_eq!(degrees_minutes_side("3730.0", "S"), Some(-37.5));
        assert_eq!(degrees_minutes("00530.75"), Some(5.5125));
        assert_eq!(degrees_minutes("3760.0"), None);
        assert_eq!(degrees_minutes("nan"), None);
    }

    #[test]
    fn fields_of_a_line() {
        let fields = Fields::<3>::split("a,,7,b", ',');
        assert_eq!((fields.count(), fields.at(0), fields.at(1), fields.number::<u8>(2), fields.at(3)), (3, "a", "", Some(7), ""));
        assert_eq!(fields.from(1).collect::<Vec<_>>(), ["", "7"]);
        assert_eq!((fields.some(1), fields.some::<3>(1)), (Some(["", "7"]), None));
    }

    proptest! {
        #[test]
        fn a_hexadecimal_number_is_that_of_parse(text in prop_oneof!["[0-9a-fA-F]{0,18}", "[0-9a-hA-H+@`/: é-]{0,5}"]) {
            prop_assert_eq!(hexadecimal(text.as_bytes()), u64::from_str_radix(&text, 16).ok());
        }

        #[test]
        fn fields_are_those_of_split(text in "[,aé]{0,24}", separator in prop_oneof![Just(','), Just('é'), Just('b')]) {
            let fields = Fields::<8>::split(&text, separator);
            let ascii = |c: char| c.is_ascii() && c == separator;
            let all: Vec<_> = text.split(ascii).take(8).collect();
            prop_assert_eq!((fields.count(), fields.from(0).collect::<Vec<_>>()), (all.len(), all.clone()));
            for index in 0..12 {
                prop_assert_eq!(fields.get(index), all.get(index).copied());
            }
        }
    }
}
