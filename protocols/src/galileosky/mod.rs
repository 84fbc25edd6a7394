//! Galileosky: packets of tags, compressed packets, pictures, packets over Iridium, commands.
//!
//! Source: Galileosky, "Protocol of data exchange with the server" (packets, tags, extended tags, minimal data set, commands); Iridium,
//! "Short Burst Data Service, DirectIP" (its information elements). Numbers are little endian, those of Iridium big endian.
//!
//! ```text
//! packet   = head u8, length u16, body, checksum u16       ; CRC-16/MODBUS over all before it; the top bit of the length: more waits
//! head     = 01 / 07 / 08                                  ; tags, part of a picture, compressed
//! body     = *tag                                          ; 01: a tag that is there already begins the next record
//!          / number u8, bytes                              ; 07
//!          / *( minimal, count u8, *id, *value )           ; 08
//! tag      = id u8, value
//! minimal  = 0 (1 bit), seconds of the year (25), not valid (1), longitude (22), latitude (21), alarm (1), 0 (9)
//! iridium  = 01, length u16, *( id u8, length u16, value ) ; the first element is 01 with 28 bytes; no checksum, no answer
//! answer   = 02 / 07, checksum of the packet               ; 07 to a part of a picture
//! command  = 01, length u16, 03 IMEI, 04 id, E0 number u32, E1 length u8, text, checksum u16
//! ```
//!
//! The payload of Iridium is tags, or, if the device is set so (setting `compressed`), one record as in a compressed packet.

mod compact;
mod encoder;
mod extended;
mod iridium;
mod reading;
mod tags;

pub use encoder::GalileoskyEncoder;

use crate::steps::Steps;
use crate::wire::{Cursor, crc16_modbus};
use crate::{
    About, Addressee, CannotSay, Checksum, Command, DecodeError, Decoder, Environment, Expect, Identifier, Message, Name, Progress,
    Release, Replies, Transport, Value,
};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use reading::Reading;

/// What `galileosky` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "galileosky",
    default_port: 5034,
    transports: &[Transport::Tcp],
    acknowledges: &[Transport::Tcp],
    checksum: Checksum::Crc,
    carries_no_fix: true,
    settings: &["compressed"],
};

/// Devices fill packets up to about a thousand bytes.
const FRAME_BYTES_MAX: usize = 4_096;
/// Head, length, checksum.
const ENVELOPE_BYTES: usize = 5;
const HEAD_BYTES: usize = 3;
const TAGS: u8 = 0x01;
const CONFIRMED: u8 = 0x02;
const PICTURE: u8 = 0x07;
const COMPRESSED: u8 = 0x08;

/// Decoder of one connection. It remembers who said so in the first packet, and counts commands.
#[derive(Debug, Default)]
pub struct GalileoskyDecoder {
    identifier: Option<Identifier>,
    commands: u32,
    /// A packet whose records are being told.
    open: Option<Steps<Packet>>,
}

/// What is known of a whole packet.
#[derive(Debug)]
struct Packet {
    head: u8,
    checksum: [u8; 2],
    intact: bool,
    /// When it may be answered, as far as it is read.
    release: Release,
}

impl Decoder for GalileoskyDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        if let Some(open) = self.open.take() {
            self.go_on(open, bytes, env, out, replies);
            return Ok(Progress::Frame);
        }
        let mut cursor = Cursor::new(bytes);
        let (Some(head), Some(length)) = (cursor.u8(), cursor.array::<2>()) else { return Ok(Progress::NeedMore) };
        if head == TAGS {
            match bytes.get(3..6) {
                Some([0x01, 0x00, 0x1C]) => return iridium::packet(bytes, env, out),
                // A shorter beginning of an Iridium packet could not be told from tags yet.
                None if matches!(bytes.get(3..), Some([] | [0x01] | [0x01, 0x00])) => return Ok(Progress::NeedMore),
                _ => {}
            }
        }
        let total = usize::from(u16::from_le_bytes(length) & 0x7FFF).saturating_add(ENVELOPE_BYTES);
        if total > FRAME_BYTES_MAX {
            return Err(DecodeError::fatal("packet length"));
        }
        let Some(packet) = bytes.get(..total) else { return Ok(Progress::NeedMore) };
        let Some((covered, checksum)) = packet.split_last_chunk::<2>() else { return Ok(Progress::NeedMore) };
        let (intact, checksum) = (crc16_modbus(covered).to_le_bytes() == *checksum, *checksum);
        let known = matches!(head, TAGS | PICTURE | COMPRESSED);
        let readable = intact || env.options.ignore_checksum && known;
        if !readable {
            bytes.advance(total);
            return Err(if known { DecodeError::skipped("checksum") } else { DecodeError::fatal("packet head") });
        }
        let release = if head == TAGS { Release::Identified } else { Release::Durable };
        let body = covered.get(HEAD_BYTES..).unwrap_or_default();
        let keep = |reason| Message::Undecoded { identifier: self.identifier, reason, raw: body.to_vec() };
        let records = match head {
            TAGS | COMPRESSED => body.len(),
            PICTURE => {
                out.push(keep("part of a picture"));
                0
            }
            _ => {
                out.push(keep("kind of packet"));
                0
            }
        };
        let end = total.saturating_sub(HEAD_BYTES).saturating_sub(records);
        let open = Steps::new(Packet { head, checksum, intact, release }, records, end);
        bytes.advance(HEAD_BYTES);
        self.go_on(open, bytes, env, out, replies);
        Ok(Progress::Frame)
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let number = self.commands;
        let expect = match command {
            Command::Raw { text } => write_command(to.identifier, number, text, out),
            Command::Output { number: output, on } => {
                let text = alloc::format!("Out {output},{}", u8::from(*on));
                write_command(to.identifier, number, &text, out)
            }
            Command::Status => write_command(to.identifier, number, "status", out),
            Command::Identification => write_command(to.identifier, number, "imei", out),
            Command::Reboot => write_command(to.identifier, number, "reset", out),
            _ => Err(CannotSay::Unsupported),
        }?;
        self.commands = number.wrapping_add(1);
        Ok(expect)
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

impl GalileoskyDecoder {
    /// Tells the next records of a packet; the last one answers it.
    fn go_on(
        &mut self,
        mut open: Steps<Packet>,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) {
        let before = out.len();
        let is_over = open.step(bytes, |packet, body| self.next(packet, body, env, out));
        let Packet { head, checksum: [low, high], intact, release } = open.frame;
        if !intact {
            mark_unchecked(out.get_mut(before..).unwrap_or_default());
        }
        if is_over {
            replies.copied(release, &[if head == PICTURE { PICTURE } else { CONFIRMED }, low, high]);
        } else {
            self.open = Some(open);
        }
    }

    /// Tells the next record. `None`: what is left is none.
    fn next(&mut self, packet: &mut Packet, body: &mut Cursor<'_>, env: &Environment<'_>, out: &mut Vec<Message>) -> Option<()> {
        let before = body.rest();
        if packet.head == TAGS {
            return self.tags(body, out, &mut packet.release);
        }
        let reading = compact::one(body, env.now);
        if reading.is_none() {
            undecoded(self.identifier, Some(before), out);
        }
        out.push(reading?.message(self.identifier));
        Some(())
    }

    /// Tells the next record of a packet of tags: up to a tag that it has already.
    fn tags(&mut self, body: &mut Cursor<'_>, out: &mut Vec<Message>, release: &mut Release) -> Option<()> {
        let (mut reading, mut seen) = (Reading::default(), Seen::default());
        let mut rest = None;
        while let Some(id) = body.rest().first().copied().filter(|id| !seen.has(*id)) {
            let mut ahead = *body;
            let value = ahead.u8().and_then(|id| tags::take(id, &mut ahead));
            let Some(value) = value else {
                rest = Some(body.rest());
                break;
            };
            seen.add(id);
            tags::apply(&mut reading, id, value);
            *body = ahead;
        }
        if seen.is_some() {
            self.finish(reading, out, release);
        }
        undecoded(self.identifier, rest, out);
        if rest.is_some() {
            *release = Release::Durable;
        }
        rest.is_none().then_some(())
    }

    fn finish(&mut self, reading: Reading<'_>, out: &mut Vec<Message>, release: &mut Release) {
        if let Some(named) = reading.imei.filter(|named| self.identifier != Some(*named)) {
            self.identifier = Some(named);
            out.push(Message::Login { identifier: named, password: None });
        }
        if !reading.says_who_only() {
            *release = Release::Durable;
        }
        out.push(reading.message(self.identifier));
    }
}

/// Which tags a record has.
#[derive(Clone, Copy, Default)]
struct Seen([u64; 4]);

impl Seen {
    fn has(&self, id: u8) -> bool {
        self.0.get(usize::from(id >> 6)).is_some_and(|word| word & 1_u64.wrapping_shl(u32::from(id)) != 0)
    }

    fn add(&mut self, id: u8) {
        if let Some(word) = self.0.get_mut(usize::from(id >> 6)) {
            *word |= 1_u64.wrapping_shl(u32::from(id));
        }
    }

    fn is_some(&self) -> bool {
        self.0 != [0; 4]
    }
}

/// Keeps what is not understood.
fn undecoded(identifier: Option<Identifier>, rest: Option<&[u8]>, out: &mut Vec<Message>) {
    if let Some(raw) = rest.filter(|raw| !raw.is_empty()) {
        out.push(Message::Undecoded { identifier, reason: "tag", raw: raw.to_vec() });
    }
}

fn mark_unchecked(messages: &mut [Message]) {
    for message in messages {
        if let Message::Record { record, .. } = message {
            record.attributes.set(Name::ChecksumIgnored, Value::Bool(true));
        }
    }
}

fn write_command(identifier: &Identifier, number: u32, text: &str, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
    if identifier.as_str().len() != tags::IMEI_BYTES {
        return Err(CannotSay::Value("the device has no IMEI"));
    }
    let length = u8::try_from(text.len()).map_err(|_| CannotSay::Value("a text has at most 255 bytes"))?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(CannotSay::Value("a text is one line"));
    }
    let mut body = Vec::with_capacity(text.len().saturating_add(26));
    body.push(tags::IMEI);
    body.extend_from_slice(identifier.as_str().as_bytes());
    body.extend_from_slice(&[tags::TRACKER, 0, 0, tags::COMMAND_NUMBER]);
    body.extend_from_slice(&number.to_le_bytes());
    body.extend_from_slice(&[tags::COMMAND_TEXT, length]);
    body.extend_from_slice(text.as_bytes());
    framed(&body, false, out);
    Ok(Expect::Tag(number))
}

/// Puts head, length and checksum around tags.
fn framed(body: &[u8], more: bool, out: &mut Vec<u8>) -> [u8; 2] {
    let start = out.len();
    out.push(TAGS);
    let length = u16::try_from(body.len()).unwrap_or(0x7FFF) | if more { 0x8000 } else { 0 };
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(body);
    let checksum = crc16_modbus(out.get(start..).unwrap_or_default()).to_le_bytes();
    out.extend_from_slice(&checksum);
    checksum
}

/// An answer's text: characters where they are printable, else digits.
fn readable(bytes: &[u8]) -> String {
    let text = core::str::from_utf8(bytes).ok().filter(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n' | '\t')));
    text.map_or_else(|| crate::wire::to_hex(bytes), |text| String::from(text.trim_end()))
}
