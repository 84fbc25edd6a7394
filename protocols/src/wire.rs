//! What several wire formats share: checksums, binary-coded decimals, hexadecimal, degrees and minutes.
//!
//! A format that needs one of these takes it from here; a second spelling of the same thing is a mistake.

use alloc::vec::Vec;

/// CRC-16/ARC (IBM): polynomial 0x8005 reflected, start 0. Teltonika codecs, Wialon IPS 2.0.
#[must_use]
pub fn crc16_arc(bytes: &[u8]) -> u16 {
    crc16_reflected(bytes, &ARC, 0)
}

/// CRC-16/X-25 (ITU): polynomial 0x1021 reflected, start 0xFFFF, inverted. GT06.
#[must_use]
pub fn crc16_x25(bytes: &[u8]) -> u16 {
    !crc16_reflected(bytes, &X25, 0xFFFF)
}

/// Bytes that are taken in one step of a checksum.
const STRIDE: usize = 16;

/// One table for each distance of a byte from the end of its step.
type CrcTables = [[u16; 256]; STRIDE];

static ARC: CrcTables = crc16_tables(0xA001);
static X25: CrcTables = crc16_tables(0x8408);

/// Runs at compile time only, where an index out of range or an overflow is a compile error.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]
const fn crc16_tables(polynomial: u16) -> CrcTables {
    let mut tables = [[0; 256]; STRIDE];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u16;
        let mut distance = 0;
        while distance < STRIDE {
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 };
                bit += 1;
            }
            tables[distance][byte] = crc;
            distance += 1;
        }
        byte += 1;
    }
    tables
}

fn crc16_reflected(bytes: &[u8], tables: &CrcTables, start: u16) -> u16 {
    let (steps, rest) = bytes.as_chunks::<STRIDE>();
    let mut crc = start;
    let [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15] = tables;
    for [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] in steps {
        let [low, high] = crc.to_le_bytes();
        let far = entry(t13, *c) ^ entry(t12, *d) ^ entry(t11, *e) ^ entry(t10, *f) ^ entry(t9, *g) ^ entry(t8, *h) ^ entry(t7, *i);
        let near = entry(t6, *j) ^ entry(t5, *k) ^ entry(t4, *l) ^ entry(t3, *m) ^ entry(t2, *n) ^ entry(t1, *o) ^ entry(t0, *p);
        crc = far ^ near ^ entry(t15, low ^ a) ^ entry(t14, high ^ b);
    }
    for byte in rest {
        let [low, _] = crc.to_le_bytes();
        crc = (crc >> 8) ^ entry(t0, low ^ byte);
    }
    crc
}

fn entry(table: &[u16; 256], byte: u8) -> u16 {
    table.get(usize::from(byte)).copied().unwrap_or(0)
}

/// Walks through bytes that somebody else owns; `None` where they end too early, and then nothing is taken.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// At the beginning of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been taken yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    #[inline]
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(count)?;
        self.rest = tail;
        Some(head)
    }

    /// The next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.rest.split_first_chunk::<N>()?;
        self.rest = tail;
        Some(*head)
    }

    /// A byte.
    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    /// Two bytes, big endian.
    #[inline]
    pub fn be_u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Three bytes, big endian.
    #[inline]
    pub fn be_u24(&mut self) -> Option<u32> {
        self.array().map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// Four bytes, big endian.
    #[inline]
    pub fn be_u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes, big endian.
    #[inline]
    pub fn be_u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}

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

    /// Adds a number in decimal digits.
    #[inline]
    pub fn push_number(&mut self, number: u64) {
        let count = usize::try_from(number.checked_ilog10().unwrap_or(0)).unwrap_or(0).saturating_add(1);
        let end = self.length.saturating_add(count);
        let Some(room) = self.bytes.get_mut(self.length..end) else { return };
        self.length = end;
        match u32::try_from(number) {
            Ok(mut rest) => {
                for place in room.iter_mut().rev() {
                    *place = hex_digit(u8::try_from(rest % 10).unwrap_or(0));
                    rest /= 10;
                }
            }
            Err(_) => {
                let mut rest = number;
                for place in room.iter_mut().rev() {
                    *place = hex_digit(u8::try_from(rest % 10).unwrap_or(0));
                    rest /= 10;
                }
            }
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

/// Writes lower-case hexadecimal digits.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> alloc::string::String {
    let mut text = alloc::string::String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0x0F] {
            text.push(char::from(hex_digit(nibble)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_of_the_crc_catalogue() {
        // "123456789": the check input of the catalogue of parametrised CRC algorithms.
        assert_eq!(crc16_arc(b"123456789"), 0xBB3D);
        assert_eq!(crc16_x25(b"123456789"), 0x906E);
    }

    #[test]
    fn a_long_checksum_equals_the_one_computed_bit_by_bit() {
        let bytes: Vec<u8> = (0..600_u32).map(|n| u8::try_from(n.wrapping_mul(167) % 251).unwrap_or(0)).collect();
        for length in 0..bytes.len() {
            let part = bytes.get(..length).unwrap_or_default();
            for (polynomial, start, tables) in [(0xA001_u16, 0_u16, &ARC), (0x8408, 0xFFFF, &X25)] {
                let mut slow = start;
                for byte in part {
                    slow ^= u16::from(*byte);
                    for _ in 0..8 {
                        slow = if slow & 1 == 1 { (slow >> 1) ^ polynomial } else { slow >> 1 };
                    }
                }
                assert_eq!(crc16_reflected(part, tables, start), slow, "{length} bytes");
            }
        }
    }

    #[test]
    fn a_cursor_takes_nothing_when_bytes_are_missing() {
        let mut cursor = Cursor::new(&[1, 2, 3, 4, 5]);
        assert_eq!(cursor.be_u32(), Some(0x0102_0304));
        assert_eq!(cursor.be_u16(), None);
        assert_eq!(cursor.rest(), [5]);
        assert_eq!(cursor.u8(), Some(5));
        assert_eq!(cursor.take(1), None);
    }

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
}
