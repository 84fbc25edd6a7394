//! What several wire formats share: checksums, binary-coded decimals, hexadecimal, degrees and minutes.
//!
//! A format that needs one of these takes it from here; a second spelling of the same thing is a mistake.

use alloc::vec::Vec;

/// CRC-16/ARC (IBM): polynomial 0x8005 reflected, start 0. Teltonika codecs, Wialon IPS 2.0.
#[must_use]
pub fn crc16_arc(bytes: &[u8]) -> u16 {
    crc16_reflected(bytes, 0xA001, 0)
}

/// CRC-16/X-25 (ITU): polynomial 0x1021 reflected, start 0xFFFF, inverted. GT06.
#[must_use]
pub fn crc16_x25(bytes: &[u8]) -> u16 {
    !crc16_reflected(bytes, 0x8408, 0xFFFF)
}

fn crc16_reflected(bytes: &[u8], polynomial: u16, start: u16) -> u16 {
    let mut crc = start;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 };
        }
    }
    crc
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
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = alloc::string::String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0x0F] {
            text.push(char::from(*DIGITS.get(usize::from(nibble)).unwrap_or(&b'0')));
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
    fn hexadecimal_both_ways() {
        assert_eq!(from_hex("00 fF1a").as_deref(), Some(&[0, 255, 26][..]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(to_hex(&[0, 255, 26]), "00ff1a");
    }
}
