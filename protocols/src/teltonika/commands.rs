//! Codecs 12, 13 and 14: answers to commands, serial data, pictures.
//!
//! ```text
//! body     = *( type u8, length u32, content )
//! content  = text                          ; codec 12: an answer to a command
//!          / seconds u32, text             ; codec 13: what came over the serial port, with its time
//!          / IMEI (8 bytes BCD), text      ; codec 14: an answer; type 11: the IMEI asked for was not the device's
//!          / 01, picture u32               ; codec 12, type 0D: a picture is ready
//!          / 02, picture u32, offset u32, length u16, bytes   ; type 0D: a part of it
//! ```
//! Codec 13 and answers get no reply. A picture is fetched part by part: asking for the next part acknowledges the last one.

use super::framed;
use crate::wire::{Cursor, to_hex};
use crate::{Attributes, CannotSay, Command, Expect, Identifier, MICROS_PER_SECOND, Message, Name, Record, Release, Replies, Value};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

const CODEC_12: u8 = 0x0C;
const CODEC_13: u8 = 0x0D;
const CODEC_14: u8 = 0x0E;
const TYPE_COMMAND: u8 = 0x05;
const TYPE_PICTURE: u8 = 0x0D;
const TYPE_REFUSED: u8 = 0x11;
/// No model has more digital outputs.
const OUTPUTS_MAX: u8 = 4;
/// How much of a picture is asked for at once.
const PART_BYTES: u16 = 2_048;
/// A picture that has not ended here is not asked for any further.
const PICTURE_BYTES_MAX: u32 = 4_194_304;

pub(super) fn is_command(codec: u8) -> bool {
    matches!(codec, CODEC_12 | CODEC_13 | CODEC_14)
}

/// Reads the body of a command frame.
pub(super) fn read(codec: u8, body: &[u8], identifier: Option<Identifier>, out: &mut Vec<Message>, replies: &mut Replies) {
    let mut cursor = Cursor::new(body);
    while !cursor.rest().is_empty() {
        let raw = cursor.rest();
        if one(codec, &mut cursor, identifier, out, replies).is_none() {
            out.push(Message::Undecoded { identifier, reason: "command frame", raw: raw.to_vec() });
            return;
        }
    }
}

fn one(codec: u8, cursor: &mut Cursor<'_>, identifier: Option<Identifier>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
    let kind = cursor.u8()?;
    let length = cursor.be_u32()?;
    let content = cursor.take(usize::try_from(length).ok()?)?;
    let mut content_cursor = Cursor::new(content);
    match (codec, kind) {
        (CODEC_12, TYPE_PICTURE) => picture(content, identifier, out, replies)?,
        (CODEC_13, _) => {
            let seconds = content_cursor.be_u32()?;
            let record = serial_data(seconds, content_cursor.rest());
            out.push(Message::Record { identifier, record });
        }
        (CODEC_14, _) => {
            let named = bcd_identifier(content_cursor.array()?)?;
            let text = if kind == TYPE_REFUSED { String::from("IMEI is not the device's") } else { readable(content_cursor.rest()) };
            out.push(Message::CommandAnswer { identifier: Some(named), tag: None, done: None, text });
        }
        _ => out.push(Message::CommandAnswer { identifier, tag: None, done: None, text: readable(content) }),
    }
    Some(())
}

/// A command in a frame of codec 12, in the words of the vendor's lists of SMS and GPRS commands (Teltonika Wiki, "FMB SMS/GPRS
/// Commands"). The answer carries no number.
pub(super) fn write(command: &Command, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
    let text = match command {
        Command::Raw { text } => Cow::Borrowed(text.as_str()),
        Command::EngineStop => Cow::Borrowed("setdigout 1"),
        Command::EngineResume => Cow::Borrowed("setdigout 0"),
        Command::Output { number, on } => Cow::Owned(output(*number, *on)?),
        Command::Locate => Cow::Borrowed("getgps"),
        Command::Status => Cow::Borrowed("getstatus"),
        Command::Version => Cow::Borrowed("getver"),
        Command::Identification => Cow::Borrowed("getimeiccid"),
        Command::Reboot => Cow::Borrowed("cpureset"),
        Command::SetOdometer { metres } => Cow::Owned(format!("odoset:{metres}")),
        _ => return Err(CannotSay::Unsupported),
    };
    let length = u32::try_from(text.len()).map_err(|_| CannotSay::Value("text"))?;
    let mut data = Vec::with_capacity(text.len().saturating_add(8));
    data.extend_from_slice(&[CODEC_12, 1, TYPE_COMMAND]);
    data.extend_from_slice(&length.to_be_bytes());
    data.extend_from_slice(text.as_bytes());
    data.push(1);
    framed(&data, out);
    Ok(Expect::Next)
}

/// One character an output, `?` for those that stay as they are.
fn output(number: u8, on: bool) -> Result<String, CannotSay> {
    if !(1..=OUTPUTS_MAX).contains(&number) {
        return Err(CannotSay::Value("number: 1 to 4"));
    }
    let mut text = String::from("setdigout ");
    text.extend((1..number).map(|_| '?'));
    text.push(if on { '1' } else { '0' });
    Ok(text)
}

/// Text as it is; anything else as hexadecimal text.
fn readable(bytes: &[u8]) -> String {
    let text = core::str::from_utf8(bytes).ok().map(|text| text.trim_end_matches(['\0', '\r', '\n']));
    match text {
        Some(text) if !text.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n' | '\t')) => String::from(text),
        _ => to_hex(bytes),
    }
}

fn serial_data(seconds: u32, bytes: &[u8]) -> Record {
    let mut attributes = Attributes::new();
    let text = readable(bytes);
    // A card reader reports `GTSL|…|…|…|card|…`.
    if let Some(card) = text.strip_prefix("GTSL|").and_then(|fields| fields.split('|').nth(3)).filter(|card| !card.is_empty()) {
        attributes.set(Name::DriverId, Value::Text(card));
    }
    attributes.set(Name::Text, Value::Text(&text));
    Record { fix_time: i64::from(seconds).checked_mul(MICROS_PER_SECOND), fix: None, attributes }
}

fn bcd_identifier(bcd: [u8; 8]) -> Option<Identifier> {
    let digits = to_hex(&bcd);
    let digits = digits.strip_prefix('0').unwrap_or(&digits);
    if digits.bytes().all(|digit| digit.is_ascii_digit()) { Identifier::new(digits) } else { None }
}

fn picture(content: &[u8], identifier: Option<Identifier>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
    let mut cursor = Cursor::new(content);
    match cursor.u8()? {
        1 => {
            let picture: [u8; 4] = cursor.array()?;
            replies.bytes(Release::Identified, part_request(picture, 0));
        }
        2 => {
            let picture: [u8; 4] = cursor.array()?;
            let offset = cursor.be_u32()?;
            let length = cursor.be_u16()?;
            if usize::from(length) != cursor.rest().len() {
                return None;
            }
            out.push(Message::Undecoded { identifier, reason: "picture part", raw: content.to_vec() });
            let next = offset.saturating_add(u32::from(length));
            if length == PART_BYTES && next < PICTURE_BYTES_MAX {
                replies.bytes(Release::Durable, part_request(picture, next));
            }
        }
        _ => return None,
    }
    Some(())
}

fn part_request(picture: [u8; 4], offset: u32) -> Vec<u8> {
    let mut data = Vec::with_capacity(19);
    data.extend_from_slice(&[CODEC_12, 1, TYPE_PICTURE, 0, 0, 0, 11, 2]);
    data.extend_from_slice(&picture);
    data.extend_from_slice(&offset.to_be_bytes());
    data.extend_from_slice(&PART_BYTES.to_be_bytes());
    data.push(1);
    let mut reply = Vec::with_capacity(31);
    framed(&data, &mut reply);
    reply
}
