//! Delimiters, escapes and headers.

use crate::wire::{Cursor, bcd, push_padded, xor8};
use crate::{Identifier, wire};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How the terminal writes its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// 6 bytes, or the 10 of 2019.
    bytes: Vec<u8>,
    /// Of 2019: the version of the protocol.
    version: Option<u8>,
}

/// A header.
#[derive(Clone, Debug)]
pub struct Head {
    pub kind: u16,
    pub terminal: Terminal,
    pub serial: u16,
    /// Parts of the message, and which this is, from 1.
    pub part: Option<(u16, u16)>,
    /// Of the kinds 55xx.
    pub is_short: bool,
    pub wants_answer: bool,
    /// Bytes of the body, as the header says.
    pub length: usize,
}

/// What stands at the front.
pub enum Cut {
    NeedMore,
    /// Two delimiters in a row.
    Empty,
    Frame(usize),
}

/// Finds the frame at the front, which begins with a delimiter.
pub fn cut(bytes: &[u8]) -> Cut {
    let Some((delimiter, rest)) = bytes.split_first() else { return Cut::NeedMore };
    match rest.iter().position(|byte| byte == delimiter) {
        Some(0) => Cut::Empty,
        Some(at) => Cut::Frame(at.saturating_add(2)),
        None => Cut::NeedMore,
    }
}

/// The bytes between the delimiters; `None` for an escape that stands for nothing.
pub fn unescaped(raw: &[u8], delimiter: u8) -> Option<Vec<u8>> {
    let inside = raw.get(1..raw.len().checked_sub(1)?)?;
    let mut plain = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter();
    while let Some(byte) = bytes.next() {
        plain.push(match (delimiter, byte) {
            (0x7E, 0x7D) => match bytes.next()? {
                1 => 0x7D,
                2 => 0x7E,
                _ => return None,
            },
            (0xE7, 0xE6 | 0x3E) => match (byte, bytes.next()?) {
                (0xE6, 1) => 0xE6,
                (0xE6, 2) => 0xE7,
                (0x3E, 1) => 0x3E,
                (0x3E, 2) => 0x3D,
                _ => return None,
            },
            _ => *byte,
        });
    }
    Some(plain)
}

/// Header and body.
pub fn head(content: &[u8]) -> Option<(Head, &[u8])> {
    let mut cursor = Cursor::new(content);
    let kind = cursor.be_u16()?;
    let attributes = cursor.be_u16()?;
    let is = |bit: u16| attributes >> bit & 1 == 1;
    let is_short = kind & 0xFF00 == 0x5500;
    let is_2019 = is(14) && !is_short;
    let version = if is_2019 { Some(cursor.u8()?) } else { None };
    let bytes = cursor.take(if is_2019 { 10 } else { 6 })?.to_vec();
    let serial = if is_short { u16::from(cursor.u8()?) } else { cursor.be_u16()? };
    let part = if is(13) && !is_short { Some((cursor.be_u16()?, cursor.be_u16()?)) } else { None };
    let (wants_answer, length) = (is(15), usize::from(attributes & 0x3FF));
    Some((Head { kind, terminal: Terminal { bytes, version }, serial, part, is_short, wants_answer, length }, cursor.rest()))
}

impl Terminal {
    /// The number that an identifier is written as, to a terminal that has not said its own.
    pub fn of(identifier: &Identifier) -> Option<Self> {
        let text = identifier.as_str();
        if !text.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let bytes = match text.len() {
            ..=12 => wire::from_hex(&format!("{text:0>12}"))?,
            // An IMEI without its check digit, as a binary number.
            15 => {
                let number: u64 = text.get(..14)?.parse().ok()?;
                number.to_be_bytes().get(2..)?.to_vec()
            }
            _ => return Some(Self { bytes: wire::from_hex(&format!("{text:0>20}")).filter(|bytes| bytes.len() == 10)?, version: Some(1) }),
        };
        Some(Self { bytes, version: None })
    }

    /// The number of an encoder's terminal: 10 bytes hold an IMEI.
    pub fn of_2019(identifier: &Identifier) -> Self {
        let bytes = wire::from_hex(&format!("{:0>20}", identifier.as_str())).filter(|bytes| bytes.len() == 10);
        Self { bytes: bytes.unwrap_or_else(|| alloc::vec![0; 10]), version: Some(1) }
    }

    /// All digits, or the IMEI.
    pub fn digits(&self) -> String {
        let mut text = String::with_capacity(20);
        for byte in &self.bytes {
            let Some(pair) = bcd(*byte) else { return self.imei() };
            push_padded(&mut text, u32::from(pair), 2);
        }
        text
    }

    /// The binary number with the check digit of Luhn.
    fn imei(&self) -> String {
        let number = self.bytes.iter().fold(0_u64, |number, byte| number.wrapping_shl(8) | u64::from(*byte));
        let digits = format!("{number:014}");
        let sum: u32 = digits
            .bytes()
            .rev()
            .enumerate()
            .map(|(at, digit)| {
                let digit = u32::from(digit.wrapping_sub(b'0'));
                let doubled = if at.is_multiple_of(2) { digit.saturating_mul(2) } else { digit };
                (doubled / 10).saturating_add(doubled % 10)
            })
            .sum();
        let check = 10_u32.saturating_sub(sum % 10) % 10;
        format!("{digits}{check}")
    }

    /// What the terminal is registered as: its number without zeros before it.
    pub fn identifier(&self) -> Option<Identifier> {
        let digits = self.digits();
        let trimmed = digits.trim_start_matches('0');
        Identifier::new(if trimmed.is_empty() { "0" } else { trimmed })
    }
}

/// Puts a frame around a body.
pub fn write(kind: u16, terminal: &Terminal, serial: &[u8], body: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    let mut plain = Vec::with_capacity(body.len().saturating_add(20));
    let length = u16::try_from(body.len()).unwrap_or(0x3FF) & 0x3FF;
    plain.extend_from_slice(&kind.to_be_bytes());
    plain.extend_from_slice(&(length | if terminal.version.is_some() { 0x4000 } else { 0 }).to_be_bytes());
    plain.extend(terminal.version);
    plain.extend_from_slice(&terminal.bytes);
    plain.extend_from_slice(serial);
    plain.extend_from_slice(body);
    plain.push(xor8(&plain));
    out.push(delimiter);
    for byte in plain {
        match (delimiter, byte) {
            (0x7E, 0x7D) => out.extend_from_slice(&[0x7D, 1]),
            (0x7E, 0x7E) => out.extend_from_slice(&[0x7D, 2]),
            (0xE7, 0xE6) => out.extend_from_slice(&[0xE6, 1]),
            (0xE7, 0xE7) => out.extend_from_slice(&[0xE6, 2]),
            (0xE7, 0x3E) => out.extend_from_slice(&[0x3E, 1]),
            (0xE7, 0x3D) => out.extend_from_slice(&[0x3E, 2]),
            (_, byte) => out.push(byte),
        }
    }
    out.push(delimiter);
}
