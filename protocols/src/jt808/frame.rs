//! Delimiters, escapes and headers.

use crate::wire::{Cursor, ShortText, bcd, hex_digit};
use crate::{Identifier, wire};
use alloc::format;
use alloc::vec::Vec;

/// The delimiter of the standard, and that of a few terminals.
pub const DELIMITER: u8 = 0x7E;
pub const OTHER_DELIMITER: u8 = 0xE7;

/// How the terminal writes its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    bytes: [u8; 10],
    /// Of 2019: the version of the protocol. Without one, only the first 6 bytes are there.
    version: Option<u8>,
}

/// A header.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    pub kind: u16,
    pub terminal: Terminal,
    pub serial: u16,
    /// Parts of the message, and which this is, from 1.
    pub part: Option<(u16, u16)>,
    /// Of the kinds 55xx.
    pub is_short: bool,
    pub wants_answer: bool,
    attributes: u16,
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

/// What an escape byte stands for together with the next one.
const fn meaning(delimiter: u8, escape: u8, next: u8) -> Option<u8> {
    match (delimiter, escape, next) {
        (DELIMITER, 0x7D, 1) => Some(0x7D),
        (DELIMITER, 0x7D, 2) => Some(0x7E),
        (OTHER_DELIMITER, 0xE6, 1) => Some(0xE6),
        (OTHER_DELIMITER, 0xE6, 2) => Some(0xE7),
        (OTHER_DELIMITER, 0x3E, 1) => Some(0x3E),
        (OTHER_DELIMITER, 0x3E, 2) => Some(0x3D),
        _ => None,
    }
}

const fn is_escape(delimiter: u8, byte: u8) -> bool {
    match delimiter {
        OTHER_DELIMITER => matches!(byte, 0xE6 | 0x3E),
        _ => byte == 0x7D,
    }
}

/// Puts the bytes between the delimiters into `plain`. `None` for an escape that stands for nothing, unless that is ignored.
pub fn unescape(raw: &[u8], lenient: bool, plain: &mut Vec<u8>) -> Option<()> {
    plain.clear();
    let (delimiter, inside) = (*raw.first()?, raw.get(1..raw.len().checked_sub(1)?)?);
    let mut bytes = inside.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if !is_escape(delimiter, byte) {
            plain.push(byte);
            continue;
        }
        match bytes.peek().and_then(|next| meaning(delimiter, byte, *next)) {
            Some(meant) => {
                plain.push(meant);
                bytes.next();
            }
            None if lenient => plain.push(byte),
            None => return None,
        }
    }
    Some(())
}

/// Header and body.
pub fn head(content: &[u8]) -> Option<(Head, &[u8])> {
    let mut cursor = Cursor::new(content);
    let kind = cursor.be_u16()?;
    let attributes = cursor.be_u16()?;
    let is = |bit: u16| attributes >> bit & 1 == 1;
    let is_short = kind & 0xFF00 == 0x5500;
    let terminal = if is(14) && !is_short {
        let version = cursor.u8()?;
        Terminal { bytes: cursor.array()?, version: Some(version) }
    } else {
        let [a, b, c, d, e, f] = cursor.array()?;
        Terminal { bytes: [a, b, c, d, e, f, 0, 0, 0, 0], version: None }
    };
    let serial = if is_short { u16::from(cursor.u8()?) } else { cursor.be_u16()? };
    let part = if is(13) && !is_short { Some((cursor.be_u16()?, cursor.be_u16()?)) } else { None };
    Some((Head { kind, terminal, serial, part, is_short, wants_answer: is(15), attributes }, cursor.rest()))
}

impl Head {
    /// Whether the body is as long as the header says. Some terminals write more than ten bits of length.
    pub const fn fits(&self, body_bytes: usize) -> bool {
        body_bytes == (self.attributes & 0x03FF) as usize || (!self.is_short && body_bytes == (self.attributes & 0x1FFF) as usize)
    }

    /// Whether the body is encrypted: nobody has told the key.
    pub const fn is_encrypted(&self, body_bytes: usize) -> bool {
        !self.is_short && self.attributes & 0x1C00 != 0 && body_bytes == (self.attributes & 0x03FF) as usize
    }
}

impl Terminal {
    const fn new_6([a, b, c, d, e, f]: [u8; 6]) -> Self {
        Self { bytes: [a, b, c, d, e, f, 0, 0, 0, 0], version: None }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..if self.version.is_some() { 10 } else { 6 }).unwrap_or_default()
    }

    /// Whether it speaks the version of 2019.
    pub const fn is_2019(&self) -> bool {
        self.version.is_some()
    }

    /// The number that an identifier is written as, to a terminal that has not said its own.
    pub fn of(identifier: &Identifier) -> Option<Self> {
        let text = identifier.as_str();
        if !text.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        match text.len() {
            ..=12 => Some(Self::new_6(wire::from_hex(&format!("{text:0>12}"))?.try_into().ok()?)),
            // An IMEI without its check digit, as a binary number.
            15 => {
                let [_, _, rest @ ..] = text.get(..14)?.parse::<u64>().ok()?.to_be_bytes();
                Some(Self::new_6(rest))
            }
            _ => Some(Self { bytes: wire::from_hex(&format!("{text:0>20}"))?.try_into().ok()?, version: Some(1) }),
        }
    }

    /// The number of an encoder's terminal: 10 bytes hold an IMEI.
    pub fn of_2019(identifier: &Identifier) -> Self {
        let bytes = wire::from_hex(&format!("{:0>20}", identifier.as_str())).and_then(|bytes| bytes.try_into().ok());
        Self { bytes: bytes.unwrap_or_default(), version: Some(1) }
    }

    /// All digits, or the IMEI.
    pub fn digits(&self) -> ShortText {
        let mut text = ShortText::default();
        for byte in self.as_bytes() {
            if bcd(*byte).is_none() {
                return self.imei();
            }
            text.push_char(char::from(hex_digit(byte >> 4)));
            text.push_char(char::from(hex_digit(byte & 0x0F)));
        }
        text
    }

    /// The binary number with the check digit of Luhn.
    fn imei(&self) -> ShortText {
        let number = self.as_bytes().iter().fold(0_u64, |number, byte| number.wrapping_shl(8) | u64::from(*byte));
        let mut plain = ShortText::default();
        plain.push_number(number);
        let mut text = ShortText::default();
        for _ in plain.as_str().len()..14 {
            text.push_str("0");
        }
        text.push_str(plain.as_str());
        let doubled = |at: usize, digit: u8| {
            let digit = u64::from(digit.wrapping_sub(b'0'));
            let value = if at.is_multiple_of(2) { digit.saturating_mul(2) } else { digit };
            (value / 10).saturating_add(value % 10)
        };
        let sum: u64 = text.as_str().bytes().rev().enumerate().map(|(at, digit)| doubled(at, digit)).sum();
        text.push_number(10_u64.saturating_sub(sum % 10) % 10);
        text
    }

    /// What the terminal is registered as: its number without zeros before it.
    pub fn identifier(&self) -> Option<Identifier> {
        let digits = self.digits();
        let trimmed = digits.as_str().trim_start_matches('0');
        Identifier::new(if trimmed.is_empty() { "0" } else { trimmed })
    }
}

/// Puts a frame around a body.
pub fn write(kind: u16, terminal: &Terminal, serial: &[u8], body: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    out.reserve(body.len().saturating_add(24));
    out.push(delimiter);
    let length = u16::try_from(body.len()).unwrap_or(0x3FF) & 0x3FF;
    let attributes = length | if terminal.version.is_some() { 0x4000 } else { 0 };
    let mut check = 0;
    let mut put = |bytes: &[u8]| {
        for byte in bytes {
            check ^= byte;
            push_escaped(delimiter, *byte, out);
        }
    };
    put(&kind.to_be_bytes());
    put(&attributes.to_be_bytes());
    put(terminal.version.as_slice());
    put(terminal.as_bytes());
    put(serial);
    put(body);
    push_escaped(delimiter, check, out);
    out.push(delimiter);
}

fn push_escaped(delimiter: u8, byte: u8, out: &mut Vec<u8>) {
    match (delimiter, byte) {
        (DELIMITER, 0x7D) => out.extend_from_slice(&[0x7D, 1]),
        (DELIMITER, 0x7E) => out.extend_from_slice(&[0x7D, 2]),
        (OTHER_DELIMITER, 0xE6) => out.extend_from_slice(&[0xE6, 1]),
        (OTHER_DELIMITER, 0xE7) => out.extend_from_slice(&[0xE6, 2]),
        (OTHER_DELIMITER, 0x3E) => out.extend_from_slice(&[0x3E, 1]),
        (OTHER_DELIMITER, 0x3D) => out.extend_from_slice(&[0x3E, 2]),
        (_, byte) => out.push(byte),
    }
}
