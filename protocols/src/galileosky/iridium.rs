//! Packets over Iridium.
//!
//! ```text
//! element 01 = reference u32, IMEI 15 bytes, status u8, numbers u16 u16, seconds u32
//! element 02 = the payload
//! element 03 = flags u8, degrees u8, minutes u16 (0.001'), degrees u8, minutes u16, radius u32 (km)    ; bit 1: south, bit 0: west
//! ```

use super::reading::Reading;
use super::{FRAME_BYTES_MAX, compact, tags, undecoded};
use crate::wire::Cursor;
use crate::{DecodeError, Environment, Identifier, Message, Name, Progress, Value};
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// What the elements say.
#[derive(Default)]
struct Elements<'a> {
    identifier: Option<Identifier>,
    seconds: Option<u32>,
    payload: Option<&'a [u8]>,
    /// Latitude, longitude, radius in km: where the satellites heard the device.
    heard: Option<(f64, f64, u32)>,
}

/// Takes a whole packet.
pub(super) fn packet(bytes: &mut BytesMut, env: &Environment<'_>, out: &mut Vec<Message>) -> Result<Progress, DecodeError> {
    let Some(length) = bytes.get(1..3).and_then(|b| b.first_chunk()).map(|b| u16::from_be_bytes(*b)) else {
        return Ok(Progress::NeedMore);
    };
    let total = usize::from(length).saturating_add(3);
    if total > FRAME_BYTES_MAX {
        return Err(DecodeError::fatal("packet length"));
    }
    let Some(body) = bytes.get(3..total) else { return Ok(Progress::NeedMore) };
    let outcome = match elements(body) {
        Some(elements) => {
            messages(&elements, env, out);
            Ok(Progress::Frame)
        }
        None => Err(DecodeError::skipped("element of Iridium")),
    };
    bytes.advance(total);
    outcome
}

fn elements(body: &[u8]) -> Option<Elements<'_>> {
    let mut cursor = Cursor::new(body);
    let mut elements = Elements::default();
    while !cursor.rest().is_empty() {
        let (id, length) = (cursor.u8()?, cursor.be_u16()?);
        let value = cursor.take(usize::from(length))?;
        let mut inner = Cursor::new(value);
        match id {
            0x01 => {
                inner.skip(4)?;
                elements.identifier = core::str::from_utf8(inner.take(15)?).ok().and_then(Identifier::new);
                inner.skip(5)?;
                elements.seconds = inner.be_u32();
            }
            0x02 => elements.payload = Some(value),
            0x03 => elements.heard = heard(&mut inner),
            _ => {}
        }
    }
    Some(elements)
}

fn heard(cursor: &mut Cursor<'_>) -> Option<(f64, f64, u32)> {
    let flags = cursor.u8()?;
    let mut degrees = || Some(f64::from(cursor.u8()?) + f64::from(cursor.be_u16()?) / 60_000.0);
    let (latitude, longitude) = (degrees()?, degrees()?);
    let signed = |degrees: f64, negative: bool| if negative { -degrees } else { degrees };
    Some((signed(latitude, flags & 2 != 0), signed(longitude, flags & 1 != 0), cursor.be_u32()?))
}

fn messages(elements: &Elements<'_>, env: &Environment<'_>, out: &mut Vec<Message>) {
    let mut cursor = Cursor::new(elements.payload.unwrap_or_default());
    let mut reading = Reading { has_data: true, ..Reading::default() };
    let mut rest = None;
    if env.options.flag("compressed") {
        let before = cursor.rest();
        match compact::one(&mut cursor, env.now) {
            Some(compact) => {
                reading = compact;
                rest = Some(cursor.rest());
            }
            None => rest = Some(before),
        }
    } else {
        while !cursor.rest().is_empty() {
            let before = cursor.rest();
            let Some((id, value)) = cursor.u8().and_then(|id| Some((id, tags::take(id, &mut cursor)?))) else {
                rest = Some(before);
                break;
            };
            tags::apply(&mut reading, id, value);
        }
    }
    reading.seconds = reading.seconds.or(elements.seconds);
    if let Some((latitude, longitude, radius)) = elements.heard.filter(|_| !reading.draft.has_place()) {
        reading.draft.place(latitude, longitude);
        reading.draft.set(Name::AccuracyM, Value::Int(i64::from(radius).saturating_mul(1_000)));
    }
    reading.imei = elements.identifier;
    out.push(reading.message(elements.identifier));
    undecoded(elements.identifier, rest, out);
}
