//! Frames beside records: identification, trouble codes, serial data, the log on the card, files.

use super::{CARD_LOG, FILES, Rest, SERIAL, answered, records};
use crate::wire::{Cursor, ShortText, to_hex};
use crate::{Attributes, Draft, Identifier, Key, MICROS_PER_SECOND, Message, Name, Record, Release, Replies, Value, unix_seconds};
use alloc::vec::Vec;

/// What a device says of itself.
///
/// Kind 18 names its parameters: 1 model, 2 firmware, 3 IMSI, 4 operator, 9 bootloader, 10 hardware, 11 tag of the configuration,
/// 21 ICCID. The length on the wire counts, not the one in the manual.
pub(super) fn identification(named: bool, payload: &[u8]) -> Attributes {
    let mut attributes = Attributes::new();
    let mut cursor = Cursor::new(payload);
    let understood = if named { parameters(&mut attributes, &mut cursor) } else { fixed(&mut attributes, &mut cursor) };
    if understood.is_none() || !cursor.rest().is_empty() {
        attributes.push(Key::Text("identification"), Value::Text(&to_hex(payload)));
    }
    attributes
}

fn fixed(out: &mut Attributes, cursor: &mut Cursor<'_>) -> Option<()> {
    let (model, firmware) = (cursor.take(4)?, cursor.take(11)?);
    let (imsi, operator) = (cursor.be_u64()?, cursor.be_u32()?);
    text(out, Name::Model, model);
    text(out, Name::Firmware, firmware);
    push_imsi(out, imsi);
    if operator != 0 {
        out.set(Name::Operator, Value::Int(i64::from(operator)));
    }
    // Distance, time and angle at which records are made.
    cursor.skip(10)
}

fn parameters(out: &mut Attributes, cursor: &mut Cursor<'_>) -> Option<()> {
    let (_version, count) = (cursor.u8()?, cursor.u8()?);
    for _ in 0..count {
        let (id, length) = (cursor.u8()?, cursor.u8()?);
        let value = cursor.take(usize::from(length))?;
        let number = value.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        match id {
            1 => text(out, Name::Model, value),
            2 => text(out, Name::Firmware, value),
            3 => push_imsi(out, number),
            4 => out.set(Name::Operator, Value::Unsigned(number)),
            10 => out.set(Name::Hardware, Value::Unsigned(number)),
            11 => text(out, Name::Tag, value),
            21 => text(out, Name::Iccid, value),
            _ => {}
        }
    }
    Some(())
}

fn text(out: &mut Attributes, name: Name, bytes: &[u8]) {
    if let Some(text) = readable(bytes).filter(|text| !text.is_empty()) {
        out.set(name, Value::Text(text));
    }
}

fn push_imsi(out: &mut Attributes, imsi: u64) {
    if imsi != 0 {
        let mut digits = ShortText::default();
        digits.push_number(imsi);
        out.set(Name::Imsi, Value::Text(digits.as_str()));
    }
}

/// Printable text; zeros and line ends around it are left out.
pub(super) fn readable(bytes: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(bytes).ok()?.trim_matches(['\0', '\r', '\n']);
    (!text.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n' | '\t'))).then_some(text)
}

/// Trouble codes, each with its time and place.
pub(super) fn trouble_codes<'a>(payload: &'a [u8], identifier: Option<Identifier>, out: &mut Vec<Message>) -> Option<Rest<'a>> {
    let mut cursor = Cursor::new(payload);
    for _ in 0..cursor.u8().unwrap_or(0) {
        let before = cursor.rest();
        let Some(record) = trouble_code(&mut cursor) else { return Some(Rest { reason: "trouble code is cut off", raw: before }) };
        out.push(Message::Record { identifier, record });
    }
    let raw = cursor.rest();
    (!raw.is_empty()).then_some(Rest { reason: "bytes after the last trouble code", raw })
}

fn trouble_code(cursor: &mut Cursor<'_>) -> Option<Record> {
    const OBD: u8 = 0xFF;
    let mut draft = Draft::new();
    let bus = cursor.u8()?;
    draft.time = i64::from(cursor.be_u32()?).checked_mul(MICROS_PER_SECOND);
    let longitude = i32::from_be_bytes(cursor.array()?);
    let latitude = i32::from_be_bytes(cursor.array()?);
    let (status, code) = (cursor.u8()?, cursor.take(5)?);
    if longitude != i32::MIN && latitude != i32::MIN {
        draft.place(f64::from(latitude) / records::PER_DEGREE, f64::from(longitude) / records::PER_DEGREE);
    }
    draft.valid = true;
    match readable(code).filter(|_| bus == OBD) {
        Some(code) => draft.set_text(Name::TroubleCodes, code),
        None => draft.set_text(Name::TroubleCodes, &to_hex(code)),
    }
    draft.attributes.push(Key::Text("trouble_code_bus"), Value::Int(i64::from(bus)));
    draft.attributes.push(Key::Text("trouble_code_status"), Value::Int(i64::from(status)));
    Some(draft.finish())
}

/// What came over a serial port. The device sends no more of it before it is answered.
pub(super) fn serial<'a>(
    payload: &'a [u8],
    identifier: Option<Identifier>,
    out: &mut Vec<Message>,
    replies: &mut Replies,
) -> Option<Rest<'a>> {
    let mut cursor = Cursor::new(payload);
    let head = (cursor.u8(), cursor.be_u16(), cursor.be_u32());
    let (Some(port), Some(_), Some(seconds)) = head else { return Some(Rest { reason: "serial data is cut off", raw: payload }) };
    let mut draft = Draft::new();
    draft.time = unix_seconds(seconds);
    draft.attributes.push(Key::Text("serial_port"), Value::Int(i64::from(port)));
    match readable(cursor.rest()) {
        Some(text) => draft.set_text(Name::Text, text),
        None => draft.set_text(Name::Text, &to_hex(cursor.rest())),
    }
    out.push(Message::Record { identifier, record: draft.finish() });
    replies.bytes(Release::Durable, answered(SERIAL, &[1, port, 0, 0]));
    None
}

/// Records from the log on the card: subkinds 40 and 80 (hexadecimal) carry them in the two forms.
pub(super) fn card_log<'a>(
    payload: &'a [u8],
    identifier: Option<Identifier>,
    out: &mut Vec<Message>,
    replies: &mut Replies,
) -> Option<Rest<'a>> {
    match payload.split_first() {
        Some((subkind @ (0x40 | 0x80), rest)) => {
            replies.bytes(Release::Durable, answered(CARD_LOG, &[1]));
            records::read(*subkind == 0x80, rest, identifier, out)
        }
        _ => Some(Rest { reason: "log of the card", raw: payload }),
    }
}

/// A part of a file: it is kept raw, and the next one is asked for until all are there.
pub(super) fn file<'a>(payload: &'a [u8], replies: &mut Replies) -> Option<Rest<'a>> {
    const TRANSFER: u8 = 2;
    const NAME_BYTES: usize = 8;
    let mut cursor = Cursor::new(payload);
    let head = (cursor.u8(), cursor.u8(), cursor.array::<NAME_BYTES>(), cursor.be_u16(), cursor.be_u16());
    let (Some(TRANSFER), Some(source), Some(name), Some(total), Some(current)) = head else {
        return Some(Rest { reason: "list of files", raw: payload });
    };
    if let Some(next) = current.checked_add(1).filter(|next| *next < total) {
        let mut request = [0; 12];
        if let Some((head, number)) = request.split_last_chunk_mut::<2>() {
            *number = next.to_be_bytes();
            for (to, from) in head.iter_mut().zip([TRANSFER, source].into_iter().chain(name)) {
                *to = from;
            }
        }
        replies.bytes(Release::Durable, answered(FILES, &request));
    }
    Some(Rest { reason: "part of a file", raw: payload })
}
