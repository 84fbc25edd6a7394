//! Transparent messages, 0900: a type, then what somebody agreed upon.
//!
//! ```text
//! 40      length u16, text of a device on the serial line; 41, 42: text
//! 53, 54  see `aovx.rs`
//! F0      time, from memory u8 (1), group u8, event u8, …, state u32, latitude u32, longitude u32, time: on-board diagnosis;
//!         group 2, event 2: systems u16, *( id u32, codes u16, *( code u32, state u32, length u16, text ) )
//! F2      time, latitude u32, longitude u32 (bit 31: south, west), codes u8, *code 4: on-board diagnosis of VJT
//! F3      time at which the terminal went to sleep
//! ```

use super::report::{FIXED_BYTES, keep};
use super::{Whole, aovx, report};
use crate::wire::Cursor;
use crate::{Attributes, Draft, Key, Message, Name, Record, Value, wire};
use alloc::string::String;
use alloc::vec::Vec;

/// Measurements of one message: what is beyond, no device sends, and it is kept raw.
const MEASUREMENTS_MAX: usize = 200;

/// `None`: an unknown type, or one that ends too early.
pub fn read(whole: &Whole<'_>, body: &mut Cursor<'_>, out: &mut Vec<Message>) -> Option<()> {
    match body.u8()? {
        0x40 => {
            let length = usize::from(body.be_u16()?);
            serial(whole, body.take(length)?, out)?;
        }
        0x41 | 0x42 => serial(whole, body.rest(), out)?,
        0x53 => {
            let mut draft = report::placed(body, whole.model)?;
            aovx::heard(body, &mut draft)?;
            whole.push(draft, out);
        }
        0x54 => {
            whole.push(report::placed(body, whole.model)?, out);
            for number in 0_usize.. {
                if body.rest().is_empty() {
                    break;
                }
                match aovx::measured(body).filter(|_| number < MEASUREMENTS_MAX) {
                    Some(draft) => whole.push(draft, out),
                    None => return whole.keep_rest("measurement", out),
                }
            }
        }
        0xF0 => whole.push(diagnosis(body)?, out),
        0xF2 => whole.push(codes(body)?, out),
        0xF3 if body.rest().len() == 6 => {
            let mut draft = report::at(body.array()?);
            draft.set(Name::Status, Value::Text("sleep"));
            whole.push(draft, out);
        }
        _ => return None,
    }
    Some(())
}

/// A text of a device on the serial line. A card reader reports `GTSL|…|…|…|card|…`.
fn serial(whole: &Whole<'_>, text: &[u8], out: &mut Vec<Message>) -> Option<()> {
    let text = core::str::from_utf8(text).ok()?.trim();
    let mut attributes = Attributes::new();
    if let Some(card) = text.strip_prefix("GTSL|").and_then(|fields| fields.split('|').nth(3)).filter(|card| !card.is_empty()) {
        attributes.set(Name::DriverId, Value::Text(card));
    }
    attributes.set(Name::Text, Value::Text(text));
    if whole.unchecked {
        attributes.set(Name::ChecksumIgnored, Value::Bool(true));
    }
    out.push(Message::Record { identifier: whole.identifier, record: Record { fix_time: None, fix: None, attributes } });
    Some(())
}

/// An event of the diagnosis. The place behind it is of another time, and stays with what is kept raw.
fn diagnosis(body: &mut Cursor<'_>) -> Option<Draft> {
    /// State, latitude, longitude, time.
    const TAIL_BYTES: usize = FIXED_BYTES - 4 - 6;
    let mut draft = report::at(body.array()?);
    let all = body.rest();
    if body.u8()? == 1 {
        draft.set(Name::Buffered, Value::Bool(true));
    }
    let event = (body.u8()?, body.u8()?);
    let content = body.take(body.rest().len().checked_sub(TAIL_BYTES)?)?;
    draft.set(Name::Ignition, Value::Bool(body.be_u32()? & 1 == 1));
    if event == (2, 2) {
        let codes = trouble_codes(&mut Cursor::new(content)).unwrap_or_default();
        draft.set_text(Name::TroubleCodes, &codes);
    }
    keep(&mut draft, 0xF0, all);
    Some(draft)
}

fn trouble_codes(body: &mut Cursor<'_>) -> Option<String> {
    let mut all = String::new();
    for _ in 0..body.be_u16()? {
        body.skip(4)?;
        for _ in 0..body.be_u16()? {
            body.skip(8)?;
            let length = usize::from(body.be_u16()?);
            let code = super::items::plain(body.take(length)?)?;
            all.push_str(if all.is_empty() { "" } else { "," });
            all.push_str(code);
        }
    }
    Some(all)
}

fn codes(body: &mut Cursor<'_>) -> Option<Draft> {
    let mut draft = report::at(body.array()?);
    let mut degrees = || {
        let units = body.be_u32()?;
        Some(f64::from(units & 0x7FFF_FFFF) / 1_000_000.0 * if units >> 31 == 0 { 1.0 } else { -1.0 })
    };
    let (latitude, longitude) = (degrees()?, degrees()?);
    draft.place(latitude, longitude);
    draft.valid = draft.has_place();
    let mut all = String::new();
    for _ in 0..body.u8()? {
        all.push_str(if all.is_empty() { "" } else { "," });
        all.push_str(&wire::to_hex(body.take(4)?));
    }
    draft.attributes.push(Key::Named(Name::TroubleCodes, 0), Value::Text(&all));
    Some(draft)
}
