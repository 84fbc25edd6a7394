//! Lines taken apart, and the numbers in them: what text protocols do most of the time.

/// The parts of a text between separators, which are one ASCII character: as [`str::split`], but without its start-up cost a part.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    rest: Option<&'a str>,
    separator: u8,
}

impl<'a> Parts<'a> {
    /// Of a text. A separator that is no ASCII character stands nowhere.
    #[must_use]
    pub fn of(text: &'a str, separator: char) -> Self {
        // 0xFF stands in no text.
        Self { rest: Some(text), separator: u8::try_from(separator).ok().filter(u8::is_ascii).unwrap_or(0xFF) }
    }

    /// What was not yet taken; `None` behind the last part.
    #[must_use]
    pub const fn rest(&self) -> Option<&'a str> {
        self.rest
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        match find(rest.as_bytes(), self.separator).and_then(|at| rest.split_at_checked(at)) {
            Some((part, behind)) => {
                self.rest = behind.get(1..);
                Some(part)
            }
            None => self.rest.take(),
        }
    }
}

/// Where a byte stands first. Eight bytes are looked at in one step (the classical test for a zero byte in a word).
#[must_use]
#[inline]
pub fn find(bytes: &[u8], wanted: u8) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let pattern = LOW.wrapping_mul(u64::from(wanted));
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let differs = u64::from_le_bytes(*word) ^ pattern;
        let hit = differs.wrapping_sub(LOW) & !differs & HIGH;
        if hit != 0 {
            let place = usize::try_from(hit.trailing_zeros() / 8).unwrap_or(0);
            return Some(index.wrapping_mul(8).wrapping_add(place));
        }
    }
    let place = rest.iter().position(|byte| *byte == wanted)?;
    Some(bytes.len().wrapping_sub(rest.len()).wrapping_add(place))
}

/// Digits that are whole and exact in an `f64` and, up to seven, in an `f32`.
const EXACT_DIGITS_MAX: usize = 15;
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
    #[inline]
    fn read(text: &str) -> Option<Self> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        if digits.len() > EXACT_DIGITS_MAX + 1 {
            return None;
        }
        let (mut mantissa, mut point) = (0_u64, None);
        for (place, byte) in digits.iter().enumerate() {
            match byte {
                b'0'..=b'9' => mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(byte & 0x0F)),
                b'.' if point.is_none() => point = Some(place),
                _ => return None,
            }
        }
        let decimals = point.map_or(0, |place| digits.len().saturating_sub(place).saturating_sub(1));
        let digits = digits.len().saturating_sub(usize::from(point.is_some()));
        (1..=EXACT_DIGITS_MAX).contains(&digits).then_some(Self { negative, mantissa, digits, decimals })
    }
}

/// A decimal number; `None` for what is none and for what is not finite. The same as [`str::parse`] to the last bit: a whole number of
/// at most 15 digits and a power of ten are exact, so that their quotient is rounded once (Clinger, "How to read floating point
/// numbers accurately", 1990).
#[must_use]
#[inline]
#[allow(clippy::cast_precision_loss)]
pub fn decimal(text: &str) -> Option<f64> {
    let Some(plain) = Plain::read(text) else { return text.parse().ok().filter(|number: &f64| number.is_finite()) };
    let number = plain.mantissa as f64 / POWERS.get(plain.decimals)?;
    Some(if plain.negative { -number } else { number })
}

/// As [`decimal`], in single precision: rounded once, too.
#[must_use]
#[inline]
#[allow(clippy::cast_precision_loss)]
pub fn decimal_single(text: &str) -> Option<f32> {
    match Plain::read(text).filter(|plain| plain.digits <= SINGLE_DIGITS_MAX) {
        Some(plain) => {
            let number = plain.mantissa as f32 / SINGLE_POWERS.get(plain.decimals)?;
            Some(if plain.negative { -number } else { number })
        }
        None => text.parse().ok().filter(|number: &f32| number.is_finite()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_are_those_of_split(text in "[,a-zäß€0-9.]{0,40}") {
            prop_assert_eq!(Parts::of(&text, ',').collect::<Vec<_>>(), text.split(',').collect::<Vec<_>>());
        }

        #[test]
        fn numbers_are_those_of_parse(
            text in prop_oneof!["-?[0-9]{0,9}[.]?[0-9]{0,9}", "[-+0-9.eEinfNa]{0,9}", "-?[0-9]{1,7}[.][0-9]{0,7}"]
        ) {
            let bits = |number: Option<f64>| number.filter(|n| n.is_finite()).map(f64::to_bits);
            prop_assert_eq!(bits(decimal(&text)), bits(text.parse().ok()), "{}", text);
            let bits = |number: Option<f32>| number.filter(|n| n.is_finite()).map(f32::to_bits);
            prop_assert_eq!(bits(decimal_single(&text)), bits(text.parse().ok()), "{}", text);
        }

        #[test]
        fn a_single_comes_back_from_its_digits(bits in any::<u32>()) {
            let number = f32::from_bits(bits);
            prop_assume!(number.is_finite());
            let text: String = format!("{number}");
            prop_assert_eq!(decimal_single(&text).map(f32::to_bits), Some(bits));
        }

        #[test]
        fn a_byte_is_found_where_it_stands(bytes in proptest::collection::vec(any::<u8>(), 0..40), wanted: u8) {
            prop_assert_eq!(find(&bytes, wanted), bytes.iter().position(|b| *b == wanted));
        }
    }
}
