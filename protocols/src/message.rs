//! What a frame says, in one vocabulary for all protocols.

use crate::wire::{EACH, HIGH, all_are, few};
use crate::{Attributes, Latitude, Longitude, Micros};
use alloc::vec::Vec;
use core::fmt;

/// What a tracker calls itself on the wire: an IMEI, a serial number, a topic part. At most 48 bytes of UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier {
    length: u8,
    bytes: [u8; Self::BYTES_MAX],
}

impl Identifier {
    /// The longest identifier that is taken.
    pub const BYTES_MAX: usize = 48;

    /// `None` when empty, longer than [`Self::BYTES_MAX`] or holding control characters or white space.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        if text.is_empty() || !is_one_word(text) {
            return None;
        }
        Self::stored(text.as_bytes())
    }

    /// As [`Self::new`], of what may be no text. What is plain ASCII, as nearly all are, need not be made one first.
    #[must_use]
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if !bytes.is_empty() && is_graphic(bytes) { Self::stored(bytes) } else { Self::new(core::str::from_utf8(bytes).ok()?) }
    }

    /// Up to sixteen bytes, as nearly all identifiers have, come in registers: what was just copied into memory byte by byte is not to be
    /// read at once.
    #[inline]
    fn stored(text: &[u8]) -> Option<Self> {
        let front = match (text.first_chunk(), text.last_chunk()) {
            _ if text.len() > 16 => return Self::stored_long(text),
            (Some(first), Some(last)) => {
                let behind = u32::try_from(text.len().wrapping_sub(8)).ok()?.wrapping_mul(8);
                u128::from(u64::from_le_bytes(*first)) | (u128::from(u64::from_le_bytes(*last)) << behind)
            }
            _ => u128::from(few(text)),
        };
        let mut bytes = [0; Self::BYTES_MAX];
        *bytes.first_chunk_mut()? = front.to_le_bytes();
        Some(Self { length: u8::try_from(text.len()).ok()?, bytes })
    }

    #[cold]
    fn stored_long(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::BYTES_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { length: u8::try_from(text.len()).ok()?, bytes })
    }

    /// As [`Self::from_bytes`], in its place: what was just written byte by byte is not copied at once, which would have to wait. What
    /// is no identifier changes nothing.
    pub(crate) fn put(bytes: &[u8], place: &mut Option<Self>) {
        if bytes.is_empty() || bytes.len() > Self::BYTES_MAX || !is_graphic(bytes) {
            *place = core::str::from_utf8(bytes).ok().and_then(Self::new).or(*place);
        } else if let Ok(length) = u8::try_from(bytes.len()) {
            let stored = place.insert(Self { length, bytes: [0; Self::BYTES_MAX] });
            if let Some(room) = stored.bytes.get_mut(..bytes.len()) {
                room.copy_from_slice(bytes);
            }
        }
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// No control characters, no white space; nearly all identifiers are plain ASCII.
fn is_one_word(text: &str) -> bool {
    is_graphic(text.as_bytes()) || !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// ASCII without control characters and blank.
fn is_graphic(bytes: &[u8]) -> bool {
    let of_word = |word: u64| {
        // `!` and all above it reach the highest bit, what is above `~` reaches it by one more. A carry comes from no ASCII character.
        let low = !word.wrapping_add(EACH.wrapping_mul(0x80 - 0x21));
        (low | word.wrapping_add(EACH) | word) & HIGH == 0
    };
    all_are(bytes, of_word, u8::is_ascii_graphic)
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({})", self.as_str())
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a tracker says it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// Degrees, WGS 84.
    pub latitude: Latitude,
    /// Degrees, WGS 84.
    pub longitude: Longitude,
    /// Whether the receiver calls the fix good (a last-known position is sent with `false`).
    pub valid: bool,
    /// Metres above the ellipsoid or sea, as the device has it.
    pub altitude_m: Option<f32>,
    /// Speed over ground, km/h.
    pub speed_kmh: Option<f32>,
    /// Course over ground, degrees clockwise from north, 0 ≤ course < 360.
    pub course_deg: Option<f32>,
}

/// What a tracker said of one instant. "No fix" is `fix: None`, never 0/0.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Record {
    /// The device's own time of the fix (or, without a fix, of the report), UTC. `None`: the frame carries no time.
    pub fix_time: Option<Micros>,
    /// The place, if the record has one.
    pub fix: Option<Fix>,
    /// Everything else.
    pub attributes: Attributes,
}

/// One decoded message. An `identifier` stands where the message itself names its device; `None` = the connection's device.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The tracker says who it is.
    Login {
        /// Who.
        identifier: Identifier,
        /// Password, where the protocol has one; never logged.
        password: Option<alloc::string::String>,
    },
    /// A record to be kept.
    Record {
        /// The device named in the message, if any.
        identifier: Option<Identifier>,
        /// The record.
        record: Record,
    },
    /// A sign of life; its attributes (battery, signal) may be empty.
    Heartbeat {
        /// The device named in the message, if any.
        identifier: Option<Identifier>,
        /// What came along.
        attributes: Attributes,
    },
    /// An answer to a command that was sent to the tracker.
    CommandAnswer {
        /// The device named in the message, if any.
        identifier: Option<Identifier>,
        /// The number that the command carried ([`crate::Expect::Tag`]), where the protocol has one.
        tag: Option<u32>,
        /// Whether the device did it; `None`: the text does not say in a way that the protocol fixes.
        done: Option<bool>,
        /// The answer's text.
        text: alloc::string::String,
    },
    /// An intact frame (or a part of one) that is not understood: kept raw, counted and acknowledged (P7).
    Undecoded {
        /// The device named in the message, if any.
        identifier: Option<Identifier>,
        /// Why, in a few fixed words (a metric label).
        reason: &'static str,
        /// The bytes.
        raw: alloc::vec::Vec<u8>,
    },
}

impl Message {
    /// A new record, made in place: pushed, the message would be put together elsewhere and copied. There is always one.
    #[inline(always)]
    pub(crate) fn begin_record(out: &mut Vec<Self>) -> Option<(&mut Record, &mut Option<Identifier>)> {
        let at = out.len();
        out.extend(core::iter::once_with(|| Self::Record { identifier: None, record: Record::default() }));
        if let Some(Self::Record { record, identifier }) = out.get_mut(at) { Some((record, identifier)) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_identifier_is_one_word(bytes in proptest::collection::vec(prop_oneof![9 => 0x1F_u8..0x82, 1 => any::<u8>()], 0..52)) {
            let graphic = bytes.iter().all(u8::is_ascii_graphic);
            prop_assert_eq!(is_graphic(&bytes), graphic);
            let of_text = core::str::from_utf8(&bytes).ok().and_then(Identifier::new);
            prop_assert_eq!(Identifier::from_bytes(&bytes), of_text);
            for before in [None, Identifier::new("before")] {
                let mut place = before;
                Identifier::put(&bytes, &mut place);
                prop_assert_eq!(place, of_text.or(before));
            }
            if graphic && (1..=Identifier::BYTES_MAX).contains(&bytes.len()) {
                prop_assert_eq!(of_text.as_ref().map(|identifier| identifier.as_str().as_bytes()), Some(&bytes[..]));
            }
        }
    }
}
