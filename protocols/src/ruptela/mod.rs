//! Ruptela: records, extended records, identification, trouble codes, files and commands over TCP.
//!
//! Source: "Ruptela device protocol" 1.113 (frames, commands, acknowledgements), "FM IO list" (elements), SAE J1939-71 (values that
//! mean "not there"). All numbers are big endian.
//!
//! ```text
//! frame    = length u16, IMEI u64, kind u8, payload, checksum u16      ; CRC-16/KERMIT; from the device; length and checksum
//! answer   = length u16, kind u8, payload, checksum u16                ; are outside of what is counted and covered
//! payload  = records                                                   ; kind 1, 68; answered by kind 100
//!          / count u8, *trouble-code                                   ; kind 9; answered by 109
//!          / model 4, firmware 11, IMSI u64, operator u32, settings    ; kind 15; answered by 115
//!          / version u8, count u8, *( id u8, length u8, value )        ; kind 18; answered by 115
//!          / nothing                                                   ; kind 16, a sign of life; answered by 116
//!          / text                                                      ; kinds 2, 3, 4, 7: answers to commands
//!          / result u8                                                 ; kind 17: an element was set (0), or not
//!          / port u8, 2 bytes, seconds u32, bytes                      ; kind 14: from a serial port; answered by 114
//!          / subkind u8, source u8, …                                  ; kind 37: files, fetched part by part
//! trouble-code = bus u8, seconds u32, longitude i32, latitude i32, status u8, code 5
//! ```
//!
//! One byte answers a whole frame of records, and the device then deletes all of them: what is not understood is kept raw.

mod commands;
mod elements;
mod encoder;
mod extras;
mod records;

pub use encoder::RuptelaEncoder;

use crate::wire::{Cursor, ShortText, crc16_kermit};
use crate::{
    About, Addressee, Attributes, CannotSay, Checksum, Command, DecodeError, Decoder, Environment, Expect, Identifier, Message, Name,
    Progress, Release, Replies, Transport, Value,
};
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// What `ruptela` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "ruptela",
    default_port: 5046,
    transports: &[Transport::Tcp],
    acknowledges: &[Transport::Tcp],
    checksum: Checksum::Crc,
    carries_no_fix: true,
    settings: &[],
};

/// The vendor's limit.
const FRAME_BYTES_MAX: usize = 1_024;
/// The length before what it counts, and the checksum behind it.
const ENVELOPE_BYTES: usize = 4;

/// What an answer's kind is beyond the kind that it answers; records are the exception.
const ANSWER: u8 = 100;
const RECORDS: u8 = 1;
const EXTENDED_RECORDS: u8 = 68;
const CONFIGURATION: u8 = 2;
const VERSION: u8 = 3;
const FIRMWARE: u8 = 4;
const ODOMETER: u8 = 6;
const SMS: u8 = 7;
const SMS_TO_DEVICE: u8 = 8;
const TROUBLE_CODES: u8 = 9;
const SERIAL: u8 = 14;
const IDENTIFICATION: u8 = 15;
const HEARTBEAT: u8 = 16;
const SET_ELEMENT: u8 = 17;
const DYNAMIC_IDENTIFICATION: u8 = 18;
const WEIGHING: u8 = 32;
const CARD_LOG: u8 = 34;
const ACCIDENT: u8 = 35;
const FILES: u8 = 37;
const BEACONS: u8 = 38;

/// Decoder of one connection. Every frame names its device.
#[derive(Debug, Default)]
pub struct RuptelaDecoder;

impl Decoder for RuptelaDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let Some(length) = Cursor::new(bytes).be_u16() else { return Ok(Progress::NeedMore) };
        let mut total = usize::from(length).saturating_add(ENVELOPE_BYTES);
        let mut intact = is_intact(bytes, total);
        if !intact && env.options.ignore_checksum && is_intact(bytes, bytes.len()) {
            // For recordings only: the checksum says where the frame really ends.
            total = bytes.len();
            intact = true;
        }
        if total == ENVELOPE_BYTES || total > FRAME_BYTES_MAX {
            return Err(DecodeError::fatal("frame length"));
        }
        let Some(body) = bytes.get(2..total.saturating_sub(2)).filter(|_| bytes.len() >= total) else {
            return Ok(Progress::NeedMore);
        };
        if !intact && !env.options.ignore_checksum {
            bytes.advance(total);
            return Err(DecodeError::skipped("checksum"));
        }
        let before = out.len();
        frame(body, out, replies);
        bytes.advance(total);
        if !intact {
            for message in out.get_mut(before..).unwrap_or_default() {
                if let Message::Record { record, .. } = message {
                    record.attributes.set(Name::ChecksumIgnored, Value::Bool(true));
                }
            }
        }
        Ok(Progress::Frame)
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        commands::write(command, to.password, out)
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

/// Whether the first `total` bytes are all there and end with their checksum.
fn is_intact(bytes: &[u8], total: usize) -> bool {
    let end = total.saturating_sub(2);
    let (Some(covered), Some(checksum)) = (bytes.get(2..end), bytes.get(end..total)) else { return false };
    checksum == crc16_kermit(covered).to_be_bytes()
}

/// An intact frame, without its length and its checksum.
fn frame(body: &[u8], out: &mut Vec<Message>, replies: &mut Replies) {
    let mut cursor = Cursor::new(body);
    let (Some(imei), Some(kind)) = (cursor.be_u64(), cursor.u8()) else {
        out.push(Message::Undecoded { identifier: None, reason: "frame without an identifier", raw: body.to_vec() });
        return;
    };
    let identifier = identifier(imei);
    let payload = cursor.rest();
    let undecoded = match kind {
        RECORDS | EXTENDED_RECORDS => {
            acknowledge(RECORDS.wrapping_sub(1), replies);
            records::read(kind == EXTENDED_RECORDS, payload, identifier, out)
        }
        CARD_LOG => extras::card_log(payload, identifier, out, replies),
        TROUBLE_CODES => {
            acknowledge(kind, replies);
            extras::trouble_codes(payload, identifier, out)
        }
        IDENTIFICATION | DYNAMIC_IDENTIFICATION => {
            out.extend(identifier.map(|identifier| Message::Login { identifier, password: None }));
            let attributes = extras::identification(kind == DYNAMIC_IDENTIFICATION, payload);
            out.push(Message::Heartbeat { identifier, attributes });
            replies.bytes(Release::Identified, answered(IDENTIFICATION, &[1]));
            None
        }
        HEARTBEAT => {
            out.push(Message::Heartbeat { identifier, attributes: Attributes::new() });
            replies.bytes(Release::Identified, answered(kind, &[1]));
            None
        }
        CONFIGURATION | VERSION | FIRMWARE | SMS | SET_ELEMENT => {
            out.push(commands::answer(kind, payload, identifier));
            None
        }
        SERIAL => extras::serial(payload, identifier, out, replies),
        FILES => extras::file(payload, replies),
        WEIGHING | ACCIDENT | BEACONS => {
            acknowledge(kind, replies);
            Some(Rest { reason: "kind of frame", raw: payload })
        }
        _ => Some(Rest { reason: "kind of frame", raw: payload }),
    };
    if let Some(Rest { reason, raw }) = undecoded {
        // Raw bytes mean something only together with their kind.
        let raw = if raw.len() == payload.len() { body.get(8..).unwrap_or_default() } else { raw };
        out.push(Message::Undecoded { identifier, reason, raw: raw.to_vec() });
    }
}

/// What was left over: bytes that are not understood, and why.
struct Rest<'a> {
    reason: &'static str,
    raw: &'a [u8],
}

/// The number in the spelling that is printed on devices: 15 digits.
fn identifier(imei: u64) -> Option<Identifier> {
    let (mut text, mut digits) = (ShortText::default(), ShortText::default());
    digits.push_number(imei);
    for _ in digits.as_str().len()..15 {
        text.push_char('0');
    }
    text.push_str(digits.as_str());
    Identifier::new(text.as_str())
}

/// Says that a frame is kept, once it is.
fn acknowledge(kind: u8, replies: &mut Replies) {
    replies.bytes(Release::Durable, answered(kind, &[1]));
}

/// The frame from the server that answers a kind.
fn answered(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len().saturating_add(5));
    push_answer(kind, payload, &mut out);
    out
}

/// Appends a frame from the server.
fn push_answer(kind: u8, payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&u16::try_from(payload.len().saturating_add(1)).unwrap_or(u16::MAX).to_be_bytes());
    out.push(kind.saturating_add(ANSWER));
    out.extend_from_slice(payload);
    let checksum = crc16_kermit(out.get(start.saturating_add(2)..).unwrap_or_default());
    out.extend_from_slice(&checksum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::to_hex;

    #[test]
    fn answers_are_the_ones_that_the_vendor_prints() {
        let shown = |kind, payload: &[u8]| to_hex(&answered(kind, payload));
        assert_eq!(shown(0, &[1]), "0002640113bc");
        assert_eq!(shown(IDENTIFICATION, &[1]), "00027301cb25");
        assert_eq!(shown(HEARTBEAT, &[1]), "00027401862d");
        assert_eq!(shown(TROUBLE_CODES, &[1]), "00026d01c4a4");
        assert_eq!(shown(BEACONS, &[1]), "00028a016035");
        assert_eq!(shown(ACCIDENT, &[1]), "00028701d04d");
        assert_eq!(shown(CARD_LOG, &[1]), "00028601c995");
        assert_eq!(shown(VERSION, &[]), "00016717b9");
        assert_eq!(shown(SET_ELEMENT, &[0, 0, 0, 0xAF, 0, 0, 0, 0x64]), "000975000000af0000006439cc");
    }

    #[test]
    fn records_are_acknowledged_when_they_are_durable() {
        let frame = crate::wire::from_hex("000b000310f5617490070100004fd9").expect("digits");
        let mut bytes = BytesMut::from(&frame[..]);
        let checksum = crc16_kermit(bytes.get(2..13).expect("a body")).to_be_bytes();
        bytes.truncate(13);
        bytes.extend_from_slice(&checksum);
        let (mut out, mut replies) = (Vec::new(), Replies::new());
        assert_eq!(RuptelaDecoder.decode(&mut bytes, &Environment::default(), &mut out, &mut replies), Ok(Progress::Frame));
        assert!(out.is_empty() && matches!(replies.as_slice(), [reply] if reply.release == Release::Durable));
    }

    #[test]
    fn an_imei_has_fifteen_digits() {
        assert_eq!(identifier(12_207_001_062_170).map(|i| i.as_str().len()), Some(15));
    }
}
