//! Lines taken apart, and the numbers in them: what text protocols do most of the time.

use super::word::{
    EACH, HIGH, WORD_DIGITS, all_are, apart, eight_decimal, few, first_of, last_eight, leading_digits, lowest, number_of, some_digits,
};

/// The highest bit of its first byte.
const HIGH_OF_FIRST: u64 = 0x80;
const WORD_BYTES: usize = 8;

/// The parts of a text between separators, which are one ASCII character: as [`str::split`], but a line of many short parts is looked
/// at in one pass, eight bytes a step, instead of being searched anew for each part.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    text: &'a str,
    /// Where the next part begins; `None` behind the last one.
    start: Option<usize>,
    /// The separator in each byte.
    pattern: u64,
    /// Separators that were seen and not yet passed: the highest bits of the bytes of the word that ends at `ahead`.
    seen: u64,
    ahead: usize,
}

impl<'a> Parts<'a> {
    /// Of a text. A separator that is no ASCII character stands nowhere.
    #[must_use]
    #[inline]
    pub fn of(text: &'a str, separator: char) -> Self {
        let separator = separator_of(u8::try_from(separator).unwrap_or(u8::MAX));
        Self { text, start: Some(0), pattern: EACH.wrapping_mul(u64::from(separator)), seen: 0, ahead: 0 }
    }

    /// What was not yet taken; `None` behind the last part.
    #[must_use]
    pub fn rest(&self) -> Option<&'a str> {
        self.text.get(self.start?..)
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let start = self.start?;
        while self.seen == 0 {
            let rest = self.text.as_bytes().get(self.ahead..).unwrap_or_default();
            self.seen = match rest.first_chunk() {
                Some(word) => each(*word, self.pattern),
                None if rest.is_empty() => {
                    self.start = None;
                    return self.text.get(start..);
                }
                None => each_of_last(rest, self.pattern),
            };
            self.ahead = self.ahead.wrapping_add(WORD_BYTES);
        }
        let end = self.ahead.wrapping_sub(WORD_BYTES).wrapping_add(lowest(self.seen));
        self.seen &= self.seen.wrapping_sub(1);
        self.start = Some(end.wrapping_add(1));
        self.text.get(start..end)
    }
}

/// Which bytes of a word are the wanted one, told by their highest bits. No carry passes from one byte to the next, so that it is right
/// of all of them.
#[inline]
const fn each(word: [u8; WORD_BYTES], pattern: u64) -> u64 {
    let differs = u64::from_le_bytes(word) ^ pattern;
    !((differs & !HIGH).wrapping_add(!HIGH) | differs) & HIGH
}

/// The same of less than a word: the last bytes of a text.
#[inline]
fn each_of_last(rest: &[u8], pattern: u64) -> u64 {
    let end = 1_u64.wrapping_shl(u32::try_from(rest.len()).unwrap_or(0).wrapping_mul(8));
    each(few(rest).to_le_bytes(), pattern) & end.wrapping_sub(1)
}

/// Tells where each byte of that kind stands, in order, and then the end, as if one stood there, until it is told to stop: so there is
/// one place that takes, and the compiler makes it a part of the loop. What is left to look at stays in registers, which it does not in an
/// iterator that is handed around.
#[inline(always)]
pub(super) fn each_end(bytes: &[u8], wanted: u8, mut tell: impl FnMut(usize) -> bool) {
    let pattern = EACH.wrapping_mul(u64::from(wanted));
    let (words, rest) = bytes.as_chunks();
    let mut words = words.iter();
    let mut at = 0_usize;
    loop {
        let word = words.next();
        let mut seen = match word {
            Some(word) => each(*word, pattern),
            None => each_of_last(rest, pattern) | HIGH_OF_FIRST.wrapping_shl(u32::try_from(rest.len()).unwrap_or(0).wrapping_mul(8)),
        };
        while seen != 0 {
            if !tell(at.wrapping_add(lowest(seen))) {
                return;
            }
            seen &= seen.wrapping_sub(1);
        }
        if word.is_none() {
            return;
        }
        at = at.wrapping_add(WORD_BYTES);
    }
}

/// Cuts a text at its separators, which are one ASCII character: as [`Parts`] for who wants all of them.
#[inline]
pub fn cut<'a>(text: &'a str, separator: u8, mut take: impl FnMut(&'a str)) {
    let mut start = 0_usize;
    each_end(text.as_bytes(), separator_of(separator), |end| {
        // There always is one: a separator and the end are boundaries of characters.
        if let Some(part) = text.get(start..end) {
            take(part);
        }
        start = end.wrapping_add(1);
        true
    });
}

/// The parts of a text and how many they are, of which the last one has all that is left: as [`str::splitn`].
#[must_use]
#[inline]
pub fn cut_at_most<const COUNT: usize>(text: &str, separator: u8) -> ([&str; COUNT], usize) {
    const { assert!(COUNT >= 2, "nothing to cut") }
    let mut parts = [""; COUNT];
    let (mut start, mut count) = (0_usize, 0_usize);
    each_end(text.as_bytes(), separator_of(separator), |end| {
        if let (Some(room), Some(part)) = (parts.get_mut(count), text.get(start..end)) {
            *room = part;
        }
        start = end.wrapping_add(1);
        count = count.wrapping_add(1);
        count.wrapping_add(1) < COUNT
    });
    // Behind the end there is nothing to get.
    if let (Some(room), Some(rest)) = (parts.get_mut(count), text.get(start..)) {
        *room = rest;
        count = count.wrapping_add(1);
    }
    (parts, count)
}

/// What is looked for: what is no ASCII character stands nowhere in a text.
pub(super) const fn separator_of(separator: u8) -> u8 {
    if separator.is_ascii() { separator } else { 0xFF }
}

/// Where a byte stands first.
#[must_use]
#[inline]
pub fn find(bytes: &[u8], wanted: u8) -> Option<usize> {
    find_any(bytes, [wanted])
}

/// Where one of some bytes stands first. Eight bytes are looked at in one step.
#[must_use]
#[inline]
pub fn find_any<const COUNT: usize>(bytes: &[u8], wanted: [u8; COUNT]) -> Option<usize> {
    let hits = |word: &[u8; WORD_BYTES]| wanted.iter().fold(0, |hits, wanted| hits | first_of(u64::from_le_bytes(*word), *wanted));
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk() {
        let hits = hits(word);
        if hits != 0 {
            return Some(bytes.len().wrapping_sub(rest.len()).wrapping_add(lowest(hits)));
        }
        rest = behind;
    }
    match bytes.last_chunk() {
        // Those of its bytes that were looked at before are not wanted.
        Some(last) => {
            let hits = hits(last);
            (hits != 0).then(|| bytes.len().wrapping_sub(WORD_BYTES).wrapping_add(lowest(hits)))
        }
        None => rest.iter().position(|byte| wanted.contains(byte)),
    }
}

/// The same for what is looked for over a whole line or more. Blocks without it are passed in a few steps each, which a compiler
/// makes of vector instructions.
#[must_use]
pub fn find_far<const COUNT: usize>(bytes: &[u8], wanted: [u8; COUNT]) -> Option<usize> {
    const BLOCK_BYTES: usize = 32;
    let (blocks, _) = bytes.as_chunks::<BLOCK_BYTES>();
    let has = |block: &[u8; BLOCK_BYTES], wanted: u8| block.iter().fold(0_u8, |hit, byte| hit | u8::from(*byte == wanted)) != 0;
    let passed = blocks.iter().take_while(|block| !wanted.iter().any(|wanted| has(block, *wanted))).count().wrapping_mul(BLOCK_BYTES);
    Some(passed.wrapping_add(find_any(bytes.get(passed..)?, wanted)?))
}

/// Where a text stands first; an empty one nowhere. For texts that begin with a byte that is rare where they are looked for.
#[must_use]
pub fn find_text(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0_usize;
    loop {
        let at = from.wrapping_add(find(bytes.get(from..)?, first)?);
        if bytes.get(at..)?.starts_with(wanted) {
            return Some(at);
        }
        from = at.wrapping_add(1);
    }
}

/// What stands before the first separator, which is one ASCII character, and behind it: as [`str::split_once`].
#[must_use]
#[inline]
pub fn split_once(text: &str, separator: u8) -> Option<(&str, &str)> {
    let (before, behind) = text.split_at_checked(find(text.as_bytes(), separator)?)?;
    Some((before, behind.get(1..)?))
}

/// Whether both are the same but for capitals: as [`slice::eq_ignore_ascii_case`], eight bytes a step, and the last eight once more.
#[must_use]
pub fn is_alike(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let (Some(last), Some(other_last)) = (one.last_chunk(), other.last_chunk()) else { return one.eq_ignore_ascii_case(other) };
    let (words, other_words) = (one.as_chunks().0, other.as_chunks().0);
    lower(*last) == lower(*other_last) && words.iter().zip(other_words).all(|(one, other)| lower(*one) == lower(*other))
}

#[inline]
const fn lower(word: [u8; WORD_BYTES]) -> u64 {
    let word = u64::from_le_bytes(word);
    // Those of ASCII reach the highest bit of their byte from `A` on, and behind `Z`.
    let low = word & !HIGH;
    let (from_a, behind_z) = (low.wrapping_add(EACH.wrapping_mul(0x80 - 0x41)), low.wrapping_add(EACH.wrapping_mul(0x80 - 0x5B)));
    word | ((from_a & !behind_z & !word & HIGH) >> 2)
}

/// Four decimal digits, or `None` if one of them is none.
#[must_use]
#[inline]
pub fn four_digits(digits: [u8; 4]) -> Option<u32> {
    let [high, low] = two_pairs(digits)?;
    Some(high.wrapping_mul(100).wrapping_add(low))
}

/// The same as two numbers of two digits.
#[inline(always)]
pub(crate) fn two_pairs(digits: [u8; 4]) -> Option<[u32; 2]> {
    let each = u32::from_le_bytes(digits) ^ 0x3030_3030;
    // What is more than 9 reaches the highest bit of its byte; what passes it says so by its own, or by that of a byte before it.
    if (each.wrapping_add(0x7676_7676) | each) & 0x8080_8080 != 0 {
        return None;
    }
    let pairs = each.wrapping_mul(10).wrapping_add(each >> 8);
    Some([pairs & 0xFF, (pairs >> 16) & 0xFF])
}

/// Three numbers of two digits with a separator between them, as a date and a time of day have them.
#[inline(always)]
pub(crate) fn three_pairs(text: [u8; 8], separator: u8) -> Option<[u32; 3]> {
    /// The bytes of the separators.
    const BETWEEN: u64 = 0x0000_FF00_00FF_0000;
    let wanted = (EACH.wrapping_mul(0x30) & !BETWEEN) | (EACH.wrapping_mul(u64::from(separator)) & BETWEEN);
    let each = u64::from_le_bytes(text) ^ wanted;
    // A digit beyond nine reaches the highest bit of its byte, a separator that is none does with anything left of it.
    let beyond = each.wrapping_add((EACH.wrapping_mul(0x76) & !BETWEEN) | (EACH.wrapping_mul(0x7F) & BETWEEN));
    let pairs = each.wrapping_mul(10).wrapping_add(each >> 8);
    let pair = |at: u32| u32::from(pairs.wrapping_shr(at) as u8);
    ((beyond | each) & HIGH == 0).then_some([pair(0), pair(24), pair(48)])
}

/// Whether all bytes are decimal digits: eight a step, and the last eight once more.
#[must_use]
#[inline]
pub fn are_digits(bytes: &[u8]) -> bool {
    let of_word = |word: u64| {
        let each = word ^ EACH.wrapping_mul(0x30);
        (each.wrapping_add(EACH.wrapping_mul(0x76)) | each) & HIGH == 0
    };
    all_are(bytes, of_word, u8::is_ascii_digit)
}

/// The decimal digits at the front behind those of a number, and what follows them. Nineteen digits are within the range.
#[must_use]
#[inline]
pub fn take_digits(number: u64, bytes: &[u8]) -> (u64, &[u8]) {
    let (mut number, mut rest) = (number, bytes);
    while let Some((four, behind)) = rest.split_first_chunk() {
        let Some(four) = four_digits(*four) else { break };
        (number, rest) = (number.wrapping_mul(10_000).wrapping_add(u64::from(four)), behind);
    }
    while let Some((byte, behind)) = rest.split_first() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        (number, rest) = (number.wrapping_mul(10).wrapping_add(u64::from(digit)), behind);
    }
    (number, rest)
}

/// Up to eight decimal digits at the front as a number, how many they are, and what follows them: as [`take_digits`], in one step.
#[must_use]
#[inline(always)]
pub fn take_few_digits(bytes: &[u8]) -> (u64, usize, &[u8]) {
    /// Apart: behind most numbers there is more than a word.
    #[cold]
    #[inline(never)]
    fn last(bytes: &[u8]) -> u64 {
        few(bytes)
    }
    let word = bytes.first_chunk().map_or_else(|| last(bytes), |word| u64::from_le_bytes(*word));
    let (number, count) = leading_digits(word);
    let count = usize::try_from(count).unwrap_or(0);
    (u64::from(number), count, bytes.get(count..).unwrap_or_default())
}

/// A number that is not below zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ShortNumber {
    /// Without a point.
    Whole(u64),
    /// With one.
    Pointed(f64),
}

/// The number at the front, of up to fifteen digits, or of up to eight and up to seven behind a point; and what follows. `None` of any
/// other, of one with a zero before other digits, and near the end of all. By far the most frequent: what is so short needs to be looked at
/// for nothing else.
#[inline(always)]
#[allow(clippy::cast_precision_loss, reason = "fifteen digits are exact")]
pub(crate) fn take_short(bytes: &[u8]) -> Option<(ShortNumber, &[u8])> {
    const TENS: [u64; WORD_DIGITS] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];
    let word = u64::from_le_bytes(*bytes.first_chunk()?);
    let (each, others) = apart(word);
    let bits = others.trailing_zeros() & !7;
    let count = usize::try_from(bits / 8).unwrap_or(0);
    let behind = bytes.get(count..)?;
    if count == 0 || (count != 1 && bytes.first() == Some(&b'0')) {
        return None;
    }
    if count == WORD_DIGITS
        && let [b'0'..=b'9', ..] = behind
    {
        let (more, digits) = some_digits(u64::from_le_bytes(*behind.first_chunk()?));
        let digits = usize::try_from(digits).unwrap_or(0);
        let (number, behind) = (u64::from(number_of(each, bits)), behind.get(digits..)?);
        let all = number.wrapping_mul(*TENS.get(digits)?).wrapping_add(u64::from(more));
        return if behind.first() == Some(&b'.') { None } else { Some((ShortNumber::Whole(all), behind)) };
    }
    let [b'.', behind @ ..] = behind else { return Some((ShortNumber::Whole(number_of(each, bits).into()), behind)) };
    let later = others & others.wrapping_sub(1);
    let end = later.trailing_zeros() & !7;
    let decimals = usize::try_from(end.wrapping_sub(bits) / 8).unwrap_or(0).wrapping_sub(1);
    if later != 0 && decimals != 0 {
        // All of it is in the word: the digits behind the point move up to those before it.
        let before = 1_u64.wrapping_shl(bits).wrapping_sub(1);
        let number = number_of((each & before) | ((each >> 8) & !before), end.wrapping_sub(8));
        return Some((ShortNumber::Pointed(f64::from(number) / POWERS.get(decimals)?), bytes.get(usize::try_from(end / 8).ok()?..)?));
    }
    let whole = number_of(each, bits);
    let (part, decimals) = some_digits(u64::from_le_bytes(*behind.first_chunk()?));
    let count = usize::try_from(decimals).unwrap_or(0);
    let behind = behind.get(count..)?;
    if count == 0 {
        return None;
    }
    // Eight are out of bounds. Else both are exact: the quotient is rounded once.
    let all = u64::from(whole).wrapping_mul(*TENS.get(count)?).wrapping_add(u64::from(part));
    Some((ShortNumber::Pointed(all.cast_signed() as f64 / POWERS.get(count)?), behind))
}

/// A number of up to sixteen digits, and as many behind a point, of nineteen in all.
#[derive(Clone, Copy, Debug)]
pub struct Pointed {
    /// Digits before the point.
    pub whole_digits: usize,
    /// All digits, without the point.
    pub digits: u64,
    /// Digits behind the point, if there is one.
    pub decimals: Option<usize>,
}

impl Pointed {
    /// The one at the front, and what follows it; `None` without a digit, or with more of them.
    #[must_use]
    #[inline(always)]
    pub fn take(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (whole, whole_digits, behind) = take_two_words(0, bytes);
        let [b'.', behind @ ..] = behind else {
            return (whole_digits != 0).then_some((Self { whole_digits, digits: whole, decimals: None }, behind));
        };
        let (digits, decimals, behind) = take_two_words(whole, behind);
        let all = whole_digits.wrapping_add(decimals);
        (1..=DIGITS_MAX).contains(&all).then_some((Self { whole_digits, digits, decimals: Some(decimals) }, behind))
    }

    /// The number, rounded once.
    #[must_use]
    #[inline(always)]
    pub fn number(self) -> Option<f64> {
        quotient(self.digits, self.decimals.unwrap_or(0))
    }
}

/// Up to sixteen digits behind those of a number, how many they are, and what follows them.
#[inline(always)]
fn take_two_words(number: u64, bytes: &[u8]) -> (u64, usize, &[u8]) {
    const TENS: [u64; WORD_DIGITS + 1] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
    let behind = |number: u64, part: u64, count: usize| number.wrapping_mul(TENS.get(count).copied().unwrap_or(1)).wrapping_add(part);
    let (part, count, rest) = take_few_digits(bytes);
    let number = behind(number, part, count);
    if count < WORD_DIGITS {
        return (number, count, rest);
    }
    let (part, more, rest) = take_few_digits(rest);
    (behind(number, part, more), count.wrapping_add(more), rest)
}

/// A whole number of decimal digits alone: no sign, no white space.
#[must_use]
#[inline]
pub fn whole(text: &str) -> Option<u32> {
    const DIGITS_MAX: usize = 19;
    if text.is_empty() {
        return None;
    }
    let digits = if text.len() > DIGITS_MAX { text.trim_start_matches('0') } else { text };
    match take_digits(0, digits.as_bytes()) {
        (number, []) if digits.len() <= DIGITS_MAX => u32::try_from(number).ok(),
        _ => None,
    }
}

/// Digits that are whole and exact in an `f64` and, up to seven, in an `f32`.
const EXACT_DIGITS_MAX: usize = 15;
/// Digits that are within the range of a `u64`.
const DIGITS_MAX: usize = 19;
const POWERS: [f64; EXACT_DIGITS_MAX + 1] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
const SINGLE_POWERS: [f32; 8] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7];
const SINGLE_DIGITS_MAX: usize = 7;

/// Digits with at most one point, no exponent.
struct Plain {
    negative: bool,
    mantissa: u64,
    digits: usize,
    /// Digits behind the point.
    decimals: usize,
}

impl Plain {
    /// Part of the two that read numbers, which are no part of their callers: a number in a register is cheaper than this in memory.
    #[inline(always)]
    fn read(bytes: &[u8]) -> Option<Self> {
        let (negative, digits) = signed(bytes);
        if digits.len() <= WORD_BYTES {
            return Self::read_few(negative, digits);
        }
        if digits.len() > DIGITS_MAX + 1 {
            return None;
        }
        let (mantissa, decimals, pointed) = match take_digits(0, digits) {
            (whole, []) => (whole, 0, false),
            (whole, [b'.', behind @ ..]) => match take_digits(whole, behind) {
                (mantissa, []) => (mantissa, behind.len(), true),
                _ => return None,
            },
            _ => return None,
        };
        let digits = digits.len().saturating_sub(usize::from(pointed));
        (1..=DIGITS_MAX).contains(&digits).then_some(Self { negative, mantissa, digits, decimals })
    }

    /// The same of what fits in a word: most numbers do. The digits before the point move up to its place.
    #[inline(always)]
    fn read_few(negative: bool, text: &[u8]) -> Option<Self> {
        let word = last_eight(text);
        let points = each(word.to_le_bytes(), EACH.wrapping_mul(0x2E));
        // A second point is no digit.
        let (word, digits, decimals) = if points == 0 {
            (word, text.len(), 0)
        } else {
            let before = ((points & points.wrapping_neg()) >> 7).wrapping_sub(1);
            let behind = !((before << 8) | 0xFF);
            let moved = (word & behind) | ((word & before) << 8) | 0x30;
            (moved, text.len().wrapping_sub(1), WORD_BYTES.wrapping_sub(1).wrapping_sub(lowest(points)))
        };
        let mantissa = eight_decimal(word)?;
        (digits != 0).then_some(Self { negative, mantissa, digits, decimals })
    }
}

/// Whether a number is below zero, and what stands behind its sign.
#[inline(always)]
const fn signed(bytes: &[u8]) -> (bool, &[u8]) {
    match bytes {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    }
}

/// Decimal digits alone, of which all have room.
#[inline(always)]
fn few_digits(digits: &[u8]) -> Option<u64> {
    const DIGITS_MAX: usize = 18;
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    match take_digits(0, digits) {
        (number, []) => Some(number),
        _ => None,
    }
}

/// What is read by the rules of [`str::parse`].
#[inline(never)]
fn parsed<T: core::str::FromStr>(bytes: &[u8]) -> Option<T> {
    core::str::from_utf8(bytes).ok()?.parse().ok()
}

/// A whole number: as [`str::parse`].
#[must_use]
#[inline(never)]
pub fn integer(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() {
        return None;
    }
    let (negative, digits) = signed(bytes);
    match few_digits(digits).map(u64::cast_signed) {
        Some(number) => Some(if negative { number.wrapping_neg() } else { number }),
        None => parsed(bytes),
    }
}

/// A whole number that is not below zero: as [`str::parse`].
#[must_use]
#[inline(never)]
pub fn unsigned(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return None;
    }
    few_digits(bytes).or_else(|| parsed(bytes))
}

/// A decimal number; `None` for what is none and for what is not finite. The same as [`str::parse`] to the last bit: a whole number of
/// at most 15 digits and a power of ten are exact, so that their quotient is rounded once (Clinger, "How to read floating point
/// numbers accurately", 1990).
#[must_use]
#[inline]
pub fn decimal(text: &str) -> Option<f64> {
    decimal_of(text.as_bytes())
}

/// The same of what may be no text.
#[must_use]
#[inline(never)]
pub fn decimal_of(bytes: &[u8]) -> Option<f64> {
    let Some(plain) = Plain::read(bytes) else { return parsed(bytes).filter(|number: &f64| number.is_finite()) };
    let number = quotient(plain.mantissa, plain.decimals)?;
    Some(if plain.negative { -number } else { number })
}

/// A whole number, so many digits of which are behind the point, rounded once; `None` for more than 19 of them.
#[must_use]
#[inline]
pub fn quotient(digits: u64, decimals: usize) -> Option<f64> {
    /// What has 16 digits.
    const BEYOND: u64 = 1_000_000_000_000_000;
    if digits < BEYOND && decimals <= EXACT_DIGITS_MAX { exact_quotient(digits, decimals) } else { long_quotient(digits, decimals) }
}

/// The same of any digits: a whole quotient of 62 bits or 63 and, in its lowest bit, whether there is more, is rounded once, and moved to
/// its place, which is exact.
#[inline(never)]
#[allow(clippy::cast_precision_loss, reason = "that is the rounding")]
fn long_quotient(digits: u64, decimals: usize) -> Option<f64> {
    const QUOTIENT_BITS: u32 = 62;
    let power = 10_u64.checked_pow(u32::try_from(decimals).ok()?)?;
    if digits == 0 {
        return Some(0.0);
    }
    let (up, power_up) = (digits.leading_zeros(), power.leading_zeros());
    let (dividend, divisor) = (u128::from(digits.wrapping_shl(up)) << QUOTIENT_BITS, u128::from(power.wrapping_shl(power_up)));
    let (whole, rest) = (dividend.checked_div(divisor)?, dividend.checked_rem(divisor)?);
    let rounded = (i64::try_from(whole).ok()? | i64::from(rest != 0)) as f64;
    let exponent = 1_023_u32.wrapping_add(power_up).wrapping_sub(QUOTIENT_BITS).wrapping_sub(up);
    Some(rounded * f64::from_bits(u64::from(exponent) << 52))
}

/// The same in single precision, of at most seven digits.
#[must_use]
#[inline]
pub fn quotient_single(digits: u64, decimals: usize) -> Option<f32> {
    /// What has eight digits.
    const BEYOND: u64 = 10_000_000;
    if digits < BEYOND { exact_quotient_single(digits, decimals) } else { None }
}

/// As [`quotient`], of digits that are known to be no more.
#[inline(always)]
#[allow(clippy::cast_precision_loss)]
fn exact_quotient(digits: u64, decimals: usize) -> Option<f64> {
    Some(digits.cast_signed() as f64 / POWERS.get(decimals)?)
}

/// As [`quotient_single`], of digits that are known to be no more.
#[inline(always)]
#[allow(clippy::cast_precision_loss)]
fn exact_quotient_single(digits: u64, decimals: usize) -> Option<f32> {
    Some(digits.cast_signed() as f32 / SINGLE_POWERS.get(decimals)?)
}

/// As [`decimal`], in single precision: rounded once, too.
#[must_use]
#[inline(never)]
pub fn decimal_single(text: &str) -> Option<f32> {
    match Plain::read(text.as_bytes()).filter(|plain| plain.digits <= SINGLE_DIGITS_MAX) {
        Some(plain) => {
            let number = exact_quotient_single(plain.mantissa, plain.decimals)?;
            Some(if plain.negative { -number } else { number })
        }
        None => text.parse().ok().filter(|number: &f32| number.is_finite()),
    }
}

/// Without what stands behind the point. The way over a whole number is a step or two; `libm` goes bit by bit.
#[must_use]
#[inline]
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
pub fn truncated(number: f64) -> f64 {
    /// Below it each whole number is exact.
    const EXACT: f64 = 4_503_599_627_370_496.0;
    if number.abs() < EXACT { (number as i64) as f64 } else { libm::trunc(number) }
}

#[cfg(test)]
mod tests;
