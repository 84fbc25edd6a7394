//! The packed form: `$` and decimals, two a byte.

use super::report::{Angle, Place, Time, battery, record, status};
use crate::wire::{Cursor, bcd};
use crate::{Attributes, Identifier, Message};

/// What follows a frame of the usual form on some trackers.
pub const TAIL_BYTES: usize = 13;

/// How long the identifier is, and with it the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Ten digits, 32 bytes (and perhaps a tail).
    Usual,
    /// Fifteen digits, 42 bytes.
    Long,
}

impl Form {
    /// Bytes of a frame.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Usual => 32,
            Self::Long => 42,
        }
    }
}

/// The form of the frame at the beginning of `bytes`; `None` while that cannot be known, or the frame is not whole.
pub fn form(bytes: &[u8]) -> Option<Form> {
    let dated = |at: usize| {
        let field = |offset: usize| bytes.get(at.saturating_add(offset)).copied().and_then(bcd);
        let in_day = field(0).is_some_and(|h| h < 24) && field(1).is_some_and(|m| m < 60) && field(2).is_some_and(|s| s < 60);
        in_day && field(3).is_some_and(|d| d <= 31) && field(4).is_some_and(|m| m <= 12)
    };
    if bytes.len() < Form::Usual.bytes() {
        return None;
    }
    let form = if !dated(6) && dated(9) { Form::Long } else { Form::Usual };
    (bytes.len() >= form.bytes()).then_some(form)
}

/// Reads a whole frame; `None` if digits are none.
pub fn read(bytes: &[u8], form: Form) -> Option<Message> {
    let mut body = Cursor::new(bytes.get(1..form.bytes())?);
    let identifier = match form {
        Form::Usual => identifier(body.take(5)?, 10)?,
        Form::Long => identifier(body.take(8)?, 15)?,
    };
    let (time, date) = (decimals(body.array::<3>()?)?, decimals(body.array::<3>()?)?);
    let latitude = angle(digits(body.take(4)?)?);
    let level = body.u8()?;
    let [first, second, third, fourth, last] = body.array()?;
    let longitude = angle(digits(&[first, second, third, fourth])?.checked_mul(10)?.checked_add(u64::from(tens(last)?))?);
    let motion = digits(body.take(3)?)?;
    let bits = body.be_u32()?;
    let mut attributes = Attributes::new();
    battery(&mut attributes, level);
    status(&mut attributes, bits);
    let place = Place {
        north: latitude.to_degrees(last & 0x04 == 0),
        east: longitude.to_degrees(last & 0x08 == 0),
        valid: last & 0x02 != 0,
        speed_knots: Some(thousands(motion / 1_000)),
        course_deg: Some(thousands(motion % 1_000)),
    };
    Some(Message::Record { identifier: Some(identifier), record: record(Time::of(time, date), Some(place), attributes) })
}

/// Digits of degrees, two of minutes, four of parts of a minute.
fn angle(digits: u64) -> Angle {
    Angle { degrees: u32::try_from(digits / 1_000_000).unwrap_or(u32::MAX), parts: digits % 1_000_000, per_minute: 10_000 }
}

fn thousands(number: u64) -> f64 {
    u16::try_from(number).map_or(0.0, f64::from)
}

fn tens(byte: u8) -> Option<u8> {
    let high = byte >> 4;
    (high <= 9).then_some(high)
}

fn decimals(bytes: [u8; 3]) -> Option<[u8; 3]> {
    let [a, b, c] = bytes;
    Some([bcd(a)?, bcd(b)?, bcd(c)?])
}

fn digits(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0_u64, |sum, byte| sum.checked_mul(100)?.checked_add(u64::from(bcd(*byte)?)))
}

fn identifier(bytes: &[u8], count: usize) -> Option<Identifier> {
    let mut text = [0_u8; 16];
    for (pair, byte) in text.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        let both = bcd(*byte)?;
        *pair = [(both / 10) | b'0', (both % 10) | b'0'];
    }
    Identifier::new(core::str::from_utf8(text.get(..count)?).ok()?)
}
