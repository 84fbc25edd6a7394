//! Numbers of up to eight digits, which are read in one step.
//!
//! Each function tests all bytes of a word at once by the highest bit of each; no carry passes from one ASCII character to the next.

/// Digits that a word holds.
pub const WORD_DIGITS: usize = 8;

/// One in each byte of a word.
pub const EACH: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each byte.
pub const HIGH: u64 = EACH.wrapping_mul(0x80);
/// `0` in each byte.
const ZEROS: u64 = EACH.wrapping_mul(0x30);

/// The lowest of the highest bits that are set is that of the first such byte: the classical test for a zero byte, which is right of the
/// first one.
#[inline(always)]
pub const fn first_of(word: u64, wanted: u8) -> u64 {
    let differs = word ^ EACH.wrapping_mul(wanted as u64);
    differs.wrapping_sub(EACH) & !differs & HIGH
}

/// The place of the first byte that is told by its highest bit.
#[inline(always)]
pub fn lowest(hits: u64) -> usize {
    usize::try_from(hits.trailing_zeros() / 8).unwrap_or(0)
}

/// Whether all bytes are of some kind, which is told of a word, and of a byte where there are fewer: eight a step, and the last eight once
/// more.
#[inline]
pub fn all_are(bytes: &[u8], of_word: impl Fn(u64) -> bool, of_byte: impl Fn(&u8) -> bool) -> bool {
    let Some(last) = bytes.last_chunk() else { return bytes.iter().all(of_byte) };
    bytes.as_chunks().0.iter().fold(of_word(u64::from_le_bytes(*last)), |all, word| all & of_word(u64::from_le_bytes(*word)))
}

/// Up to eight bytes in a word, the first one lowest; nothing stands behind them.
#[inline(always)]
pub fn few(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        // They overlap where they are the same.
        let at = u32::try_from(bytes.len()).unwrap_or(0).wrapping_sub(4).wrapping_mul(8);
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)).wrapping_shl(at);
    }
    match *bytes {
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c] => u64::from(u32::from_le_bytes([a, b, c, 0])),
        _ => 0,
    }
}

/// The last eight bytes, the last one in the highest byte of the word; `0` stands where there are none.
#[inline(always)]
pub fn last_eight(bytes: &[u8]) -> u64 {
    if let Some(eight) = bytes.last_chunk() {
        return u64::from_le_bytes(*eight);
    }
    let bits = u32::try_from(bytes.len()).unwrap_or(0).wrapping_mul(8);
    few(bytes).wrapping_shl(64_u32.wrapping_sub(bits)) | ZEROS.wrapping_shr(bits)
}

/// The decimal digits at the front of a word, as a number, and how many they are.
#[inline(always)]
pub const fn leading_digits(word: u64) -> (u32, u32) {
    let (number, count) = some_digits(word);
    (if count == 0 { 0 } else { number }, count)
}

/// The same where there is a digit: without one, the number is not meant.
#[inline(always)]
pub const fn some_digits(word: u64) -> (u32, u32) {
    let (each, others) = apart(word);
    let bits = others.trailing_zeros() & !7;
    (number_of(each, bits), bits / 8)
}

/// The value of each digit of a word, and the highest bit of each byte that is none; right of the digits before the first such byte, and of
/// that one: no carry comes from digits.
#[inline(always)]
pub const fn apart(word: u64) -> (u64, u64) {
    let each = word ^ ZEROS;
    (each, (each.wrapping_add(EACH.wrapping_mul(0x76)) | each) & HIGH)
}

/// The number that the lowest bits of a word spell, eight a digit, one digit at least; what is above them is not meant.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "eight digits are within 32 bits, and above them stands what is not meant")]
pub const fn number_of(each: u64, bits: u32) -> u32 {
    // As if zeros stood before them.
    let digits = each.wrapping_shl(64_u32.wrapping_sub(bits));
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let (even, odd) = (pairs & 0x0000_00FF_0000_00FF, (pairs >> 16) & 0x0000_00FF_0000_00FF);
    let fours = even.wrapping_mul(100 + (1_000_000 << 32)).wrapping_add(odd.wrapping_mul(1 + (10_000 << 32)));
    (fours >> 32) as u32
}

/// Eight hexadecimal digits, or `None` if one of them is none.
#[inline(always)]
pub const fn eight_hexadecimal(word: u64) -> Option<u64> {
    let (decimal, letter) = (word ^ ZEROS, (word | EACH.wrapping_mul(0x20)) ^ EACH.wrapping_mul(0x60));
    let beyond_nine = decimal.wrapping_add(EACH.wrapping_mul(0x76));
    let (from_a, beyond_f) = (letter.wrapping_add(EACH.wrapping_mul(0x7F)), letter.wrapping_add(EACH.wrapping_mul(0x79)));
    if (word | (beyond_nine & !(from_a & !beyond_f))) & HIGH != 0 {
        return None;
    }
    // Letters are those with the bit of 0x40; `a` has 1 in its low bits.
    let values = (word & EACH.wrapping_mul(0x0F)).wrapping_add(((word >> 6) & EACH).wrapping_mul(9));
    let pairs = ((values << 4) | (values >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = ((pairs << 8) | (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    Some(((fours << 16) | (fours >> 32)) & 0xFFFF_FFFF)
}

/// Eight decimal digits, or `None` if one of them is none.
#[inline(always)]
pub const fn eight_decimal(word: u64) -> Option<u64> {
    let each = word ^ ZEROS;
    if (each.wrapping_add(EACH.wrapping_mul(0x76)) | each) & HIGH != 0 {
        return None;
    }
    // The first digit is in the lowest byte: each product adds what stands before, times its weight, to what stands behind.
    let pairs = each.wrapping_mul((10 << 8) | 1) >> 8;
    let fours = (pairs & 0x00FF_00FF_00FF_00FF).wrapping_mul((100 << 16) | 1) >> 16;
    Some((fours & 0x0000_FFFF_0000_FFFF).wrapping_mul((10_000 << 32) | 1) >> 32)
}

/// Eight binary digits, or `None` if one of them is none.
#[inline(always)]
pub const fn eight_bits(word: u64) -> Option<u64> {
    let each = word ^ ZEROS;
    if each & !EACH != 0 {
        return None;
    }
    // Each bit has a place of its own in the product; those of the highest byte are wanted.
    Some(each.wrapping_mul(0x8040_2010_0804_0201) >> 56)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Eight bytes, most often with one that may be no digit.
    fn eight(digits: &'static str) -> impl Strategy<Value = [u8; 8]> {
        (digits, any::<u8>(), 0_usize..16).prop_map(|(text, byte, at)| {
            let mut eight: [u8; 8] = text.as_bytes().try_into().unwrap();
            if let Some(place) = eight.get_mut(at) {
                *place = byte;
            }
            eight
        })
    }

    fn expected(bytes: [u8; 8], radix: u32) -> Option<u64> {
        let text = core::str::from_utf8(&bytes).ok().filter(|text| text.chars().all(|digit| digit.is_digit(radix)))?;
        u64::from_str_radix(text, radix).ok()
    }

    proptest! {
        #[test]
        fn hexadecimal_digits_are_those_of_parse(digits in eight("[0-9a-fA-F]{8}"), any: [u8; 8]) {
            for bytes in [digits, any] {
                prop_assert_eq!(eight_hexadecimal(u64::from_le_bytes(bytes)), expected(bytes, 16));
            }
        }

        #[test]
        fn digits_at_the_front_are_those_of_parse(digits in eight("[0-9]{8}"), near in "[0-9/:]{8}", any: [u8; 8]) {
            for bytes in [digits, near.into_bytes().try_into().unwrap(), any] {
                let count = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let number = bytes.get(..count).and_then(|digits| core::str::from_utf8(digits).ok()?.parse().ok()).unwrap_or(0);
                prop_assert_eq!(leading_digits(u64::from_le_bytes(bytes)), (number, u32::try_from(count).unwrap()));
            }
        }

        #[test]
        fn decimal_digits_are_those_of_parse(digits in eight("[0-9]{8}"), any: [u8; 8]) {
            for bytes in [digits, any] {
                prop_assert_eq!(eight_decimal(u64::from_le_bytes(bytes)), expected(bytes, 10));
            }
        }

        #[test]
        fn bits_are_those_of_parse(bytes in eight("[01]{8}")) {
            prop_assert_eq!(eight_bits(u64::from_le_bytes(bytes)), expected(bytes, 2));
        }

        #[test]
        fn the_last_eight_have_zeros_before_them(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut expected = [b'0'; 8];
            expected.iter_mut().rev().zip(bytes.iter().rev()).for_each(|(to, from)| *to = *from);
            prop_assert_eq!(last_eight(&bytes).to_le_bytes(), expected);
            let few_bytes = bytes.get(..8).unwrap_or(&bytes);
            let mut expected = [0; 8];
            expected.iter_mut().zip(few_bytes).for_each(|(to, from)| *to = *from);
            prop_assert_eq!(few(few_bytes).to_le_bytes(), expected);
        }
    }
}
