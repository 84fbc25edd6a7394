//! Navtelecom: NTCB with its records of fixed formats, and FLEX 1.0, 2.0 and 3.0 with a mask of fields.
//!
//! Source: Navtelecom, "Protocol of information exchange" 6.1 (NTCB, FLEX, fields) and its wiki ("FLEX examples"). Numbers are little
//! endian.
//!
//! ```text
//! stream   = *( ping / ntcb / flex )
//! ping     = 7F                                                    ; not answered
//! ntcb     = "@NTC", receiver u32, sender u32, length u16, sum u8, head sum u8, body   ; sums: exclusive or
//! body     = "*>S:", IMEI                                          ; answer: *<S
//!          / "*>FLEX", B0, protocol u8, structure u8, bits u8, mask ; answer: *<FLEX, B0, protocol, structure
//!          / "*>T", record                                         ; answer: *<T, number of the record
//!          / "*>A", count u8, *record                              ; answer: *<A, count
//!          / text                                                  ; an answer to a command
//! flex     = "~A", count u8, *record, crc                          ; answer: ~A, count, crc
//!          / "~T", number u32, record, crc                         ; answer: ~T, number, crc
//!          / "~C", record, crc                                     ; answer: ~C, crc
//!          / "~E", count u8, *extra, crc / "~X", number u32, extra, crc    ; likewise
//! extra    = length u16, 0A, fixed length u8, fields 1 to 3 and 8 to 15, more of the fixed part, bytes
//! crc      = u8                                                    ; CRC-8/NRSC-5 over all before it
//! ```
//!
//! A record of FLEX has the fields whose bits are set in the mask, highest bit first. An answer's receiver is the device's number.
//! Without a mask the setting `flex_data_size` says how long a record is: it is kept raw then.

mod encoder;
mod flex;
mod formats;

pub use encoder::NavtelecomEncoder;

use crate::steps::Steps;
use crate::wire::{Cursor, crc8_nrsc5, xor8};
use crate::{
    About, Addressee, CannotSay, Checksum, Command, DecodeError, Decoder, Environment, Expect, Identifier, Key, Message, Name, Progress,
    Release, Replies, Transport, Value,
};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use flex::Mask;

/// What `navtelecom` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "navtelecom",
    default_port: 5019,
    transports: &[Transport::Tcp],
    acknowledges: &[Transport::Tcp],
    // CRC-8 finds each damaged pair of bits in 127 bits only.
    checksum: Checksum::Sum,
    carries_no_fix: true,
    settings: &["flex_data_size"],
};

/// The largest frame: 255 records of all fields would be more, but devices stay below this.
const FRAME_BYTES_MAX: usize = 65_535;
const LOGIN_BYTES_MAX: usize = 2_048;
const PING: u8 = 0x7F;
const NTCB: u8 = b'@';
const FLEX: u8 = b'~';
const HEAD_BYTES: usize = 16;
/// What FLEX calls itself in its handshake.
const FLEX_PROTOCOL: u8 = 0xB0;
/// The number of a server on NTCB.
const SERVER: u32 = 1;

/// Decoder of one connection: it remembers who, which numbers, and which fields.
#[derive(Debug)]
pub struct NavtelecomDecoder {
    identifier: Option<Identifier>,
    /// The numbers of the device and of the server.
    device: u32,
    server: u32,
    mask: Option<Mask>,
    /// A frame of FLEX whose records are being told.
    open: Option<Steps<Flex>>,
}

/// What is known of a whole frame of FLEX.
#[derive(Debug)]
struct Flex {
    answer: Vec<u8>,
    intact: bool,
}

impl Default for NavtelecomDecoder {
    fn default() -> Self {
        Self { identifier: None, device: 0, server: SERVER, mask: None, open: None }
    }
}

impl Decoder for NavtelecomDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        if let Some(open) = self.open.take() {
            self.go_on(open, bytes, out, replies);
            return Ok(Progress::Frame);
        }
        match bytes.first() {
            None => Ok(Progress::NeedMore),
            Some(&PING) => {
                bytes.advance(1);
                out.push(Message::Heartbeat { identifier: self.identifier, attributes: crate::Attributes::new() });
                Ok(Progress::Frame)
            }
            Some(&NTCB) => self.ntcb(bytes, env, out, replies),
            Some(&FLEX) => self.flex(bytes, env, out, replies),
            Some(_) => Err(DecodeError::fatal("frame start")),
        }
    }

    fn command(&mut self, command: &Command, _: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let text = match command {
            Command::Raw { text } => text.clone(),
            Command::Output { number, on } => alloc::format!("*!SETOUT {number}{}", if *on { 'Y' } else { 'N' }),
            _ => return Err(CannotSay::Unsupported),
        };
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(CannotSay::Value("a text is one line"));
        }
        ntcb_frame(self.device, self.server, text.as_bytes(), out);
        Ok(Expect::Next)
    }

    fn frame_bytes_max(&self, identified: bool) -> usize {
        if identified { FRAME_BYTES_MAX } else { LOGIN_BYTES_MAX }
    }
}

impl NavtelecomDecoder {
    fn ntcb(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let known = bytes.len().min(4);
        if bytes.get(..known) != b"@NTC".get(..known) {
            return Err(DecodeError::fatal("frame start"));
        }
        let Some(head) = bytes.first_chunk::<HEAD_BYTES>().copied() else { return Ok(Progress::NeedMore) };
        let mut intact = xor8(&head) == 0;
        if !intact && !env.options.ignore_checksum {
            return Err(DecodeError::fatal("head checksum"));
        }
        let [_, _, _, _, a, b, c, d, e, f, g, h, low, high, sum, _] = head;
        let total = usize::from(u16::from_le_bytes([low, high])).saturating_add(HEAD_BYTES);
        if total > FRAME_BYTES_MAX {
            return Err(DecodeError::fatal("frame length"));
        }
        let Some(body) = bytes.get(HEAD_BYTES..total) else { return Ok(Progress::NeedMore) };
        intact &= xor8(body) == sum;
        if !intact && !env.options.ignore_checksum {
            bytes.advance(total);
            return Err(DecodeError::skipped("checksum"));
        }
        (self.server, self.device) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        let before = out.len();
        self.body(body, out, replies);
        bytes.advance(total);
        if !intact {
            mark_unchecked(out.get_mut(before..).unwrap_or_default());
        }
        Ok(Progress::Frame)
    }

    fn body(&mut self, body: &[u8], out: &mut Vec<Message>, replies: &mut Replies) {
        if let Some(imei) = body.strip_prefix(b"*>S:") {
            match core::str::from_utf8(imei).ok().map(|text| text.trim_end_matches('\0')).and_then(Identifier::new) {
                Some(identifier) => {
                    self.identifier = Some(identifier);
                    out.push(Message::Login { identifier, password: None });
                    self.answer(b"*<S", &[], Release::Identified, replies);
                }
                None => self.undecoded("identification", body, out),
            }
        } else if let Some(offer) = body.strip_prefix(b"*>FLEX") {
            match offer {
                [FLEX_PROTOCOL, protocol, structure, bits, mask @ ..] if mask.len() >= usize::from(*bits).div_ceil(8) => {
                    self.mask = Some(Mask::new(*bits, mask));
                    self.answer(b"*<FLEX", &[FLEX_PROTOCOL, *protocol, *structure], Release::Identified, replies);
                }
                _ => self.undecoded("mask of fields", body, out),
            }
        } else if let Some(record) = body.strip_prefix(b"*>T") {
            let number = formats::number(record).unwrap_or_default();
            self.formatted(record, 1, out);
            self.answer(b"*<T", &number, Release::Durable, replies);
        } else if let Some([count, records @ ..]) = body.strip_prefix(b"*>A") {
            self.formatted(records, usize::from(*count), out);
            self.answer(b"*<A", &[*count], Release::Durable, replies);
        } else if let Some(text) = readable(body).filter(|text| text.starts_with('*') && !text.starts_with("*>")) {
            let text = String::from(text);
            out.push(Message::CommandAnswer { identifier: self.identifier, tag: None, done: None, text });
        } else {
            self.undecoded("kind of message", body, out);
        }
    }

    /// Records of fixed formats, one behind the other.
    fn formatted(&self, records: &[u8], count: usize, out: &mut Vec<Message>) {
        let before = out.len();
        let mut cursor = Cursor::new(records);
        for _ in 0..count {
            let Some(record) = formats::read(&mut cursor) else { break };
            out.push(Message::Record { identifier: self.identifier, record });
        }
        let told = out.len().saturating_sub(before) == count;
        if (told && cursor.rest().is_empty()) || self.padded(records, count, before, out) {
            return;
        }
        out.truncate(before);
        self.undecoded("format of records", records, out);
    }

    /// Records that are all longer than we know: each has one length, and begins with one format.
    fn padded(&self, records: &[u8], count: usize, before: usize, out: &mut Vec<Message>) -> bool {
        out.truncate(before);
        let Some(size) = records.len().checked_div(count).filter(|size| *size > 0) else { return false };
        let chunks = records.chunks_exact(size);
        if !chunks.remainder().is_empty() || records.chunks(size).any(|chunk| chunk.first() != records.first()) {
            return false;
        }
        for chunk in chunks {
            let mut cursor = Cursor::new(chunk);
            let Some(mut record) = formats::read(&mut cursor) else { return false };
            let rest = flex::hexadecimal(cursor.rest().get(..32).unwrap_or(cursor.rest()));
            record.attributes.push(Key::Text("rest"), Value::Text(rest.as_str()));
            out.push(Message::Record { identifier: self.identifier, record });
        }
        true
    }

    fn flex(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let size = match (self.mask.as_ref().map(Mask::record_bytes), env.options.number("flex_data_size")) {
            (Some(size), _) => size,
            (None, Some(size)) => usize::try_from(size).unwrap_or(usize::MAX),
            (None, None) => return Err(DecodeError::fatal("no mask of fields")),
        };
        let Some(shape) = Shape::of(bytes, size)? else { return Ok(Progress::NeedMore) };
        if shape.total > FRAME_BYTES_MAX {
            return Err(DecodeError::fatal("frame length"));
        }
        let Some((crc, covered)) = bytes.get(..shape.total).and_then(<[u8]>::split_last) else { return Ok(Progress::NeedMore) };
        let intact = crc8_nrsc5(covered) == *crc;
        if !intact && !env.options.ignore_checksum {
            bytes.advance(shape.total);
            return Err(DecodeError::skipped("checksum"));
        }
        let head = covered.get(..shape.head).unwrap_or_default();
        let content = covered.get(shape.head..).unwrap_or_default();
        let before = out.len();
        let mut records = 0;
        match &self.mask {
            Some(_) if shape.records => records = content.len(),
            None if shape.records => self.undecoded("no mask of fields", content, out),
            _ => self.additional(content, out),
        }
        let mut answer = Vec::with_capacity(7);
        answer.extend_from_slice(head);
        answer.push(crc8_nrsc5(head));
        if !intact {
            mark_unchecked(out.get_mut(before..).unwrap_or_default());
        }
        bytes.advance(shape.head);
        let end = shape.total.saturating_sub(shape.head).saturating_sub(records);
        self.go_on(Steps::new(Flex { answer, intact }, records, end), bytes, out, replies);
        Ok(Progress::Frame)
    }

    /// Tells the next records of a frame of FLEX; the last one answers it.
    fn go_on(&mut self, mut open: Steps<Flex>, bytes: &mut BytesMut, out: &mut Vec<Message>, replies: &mut Replies) {
        let before = out.len();
        let is_over = open.step(bytes, |_, records| {
            let mask = self.mask.as_ref()?;
            let record = mask.read(records.take(mask.record_bytes())?);
            out.push(Message::Record { identifier: self.identifier, record });
            Some(())
        });
        if !open.frame.intact {
            mark_unchecked(out.get_mut(before..).unwrap_or_default());
        }
        if is_over {
            replies.bytes(Release::Durable, open.frame.answer);
        } else {
            self.open = Some(open);
        }
    }

    /// Additional packets: a place, and bytes that depend on the device.
    fn additional(&self, content: &[u8], out: &mut Vec<Message>) {
        let mut cursor = Cursor::new(content);
        while let Some(packet) = cursor.array().and_then(|length| cursor.take(extra_bytes(length))) {
            match flex::additional(packet) {
                Some((record, rest)) => {
                    out.push(Message::Record { identifier: self.identifier, record });
                    if !rest.is_empty() {
                        self.undecoded("additional data", rest, out);
                    }
                }
                None => self.undecoded("additional packet", packet, out),
            }
        }
    }

    fn answer(&self, word: &[u8], rest: &[u8], release: Release, replies: &mut Replies) {
        let body = [word, rest].concat();
        let mut frame = Vec::with_capacity(body.len().saturating_add(HEAD_BYTES));
        ntcb_frame(self.device, self.server, &body, &mut frame);
        replies.bytes(release, frame);
    }

    fn undecoded(&self, reason: &'static str, raw: &[u8], out: &mut Vec<Message>) {
        out.push(Message::Undecoded { identifier: self.identifier, reason, raw: raw.to_vec() });
    }
}

/// How a frame of FLEX is laid out.
struct Shape {
    /// What the answer repeats.
    head: usize,
    total: usize,
    /// It has records of the mask's fields.
    records: bool,
}

impl Shape {
    /// `None`: the bytes do not tell yet.
    fn of(bytes: &[u8], size: usize) -> Result<Option<Self>, DecodeError> {
        let Some(kind) = bytes.get(1) else { return Ok(None) };
        let (head, count, records) = match (kind, bytes.get(2)) {
            (b'C', _) => (2, 1, true),
            (b'T', _) => (6, 1, true),
            (b'X', _) => (6, 1, false),
            (b'A' | b'E', None) => return Ok(None),
            (b'A', Some(count)) => (3, usize::from(*count), true),
            (b'E', Some(count)) => (3, usize::from(*count), false),
            _ => return Err(DecodeError::fatal("kind of frame")),
        };
        let mut end: usize = head;
        if records {
            end = end.saturating_add(size.saturating_mul(count));
        } else {
            for _ in 0..count {
                let Some(length) = bytes.get(end..).and_then(<[u8]>::first_chunk::<2>) else { return Ok(None) };
                end = end.saturating_add(2).saturating_add(extra_bytes(*length));
                if end > FRAME_BYTES_MAX {
                    break;
                }
            }
        }
        Ok(Some(Self { head, total: end.saturating_add(1), records }))
    }
}

/// The length of an additional packet. Some firmware sends the high byte first: packets are short, so that byte is 0 then.
fn extra_bytes(length: [u8; 2]) -> usize {
    match length {
        [0, low] if low >= 8 => usize::from(low),
        _ => usize::from(u16::from_le_bytes(length)),
    }
}

fn mark_unchecked(messages: &mut [Message]) {
    for message in messages {
        if let Message::Record { record, .. } = message {
            record.attributes.set(Name::ChecksumIgnored, Value::Bool(true));
        }
    }
}

/// Printable text; line ends behind it are left out.
fn readable(body: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(body).ok()?.trim_end_matches(['\0', '\r', '\n']);
    (!text.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n' | '\t'))).then_some(text)
}

/// Puts a head before a body.
fn ntcb_frame(receiver: u32, sender: u32, body: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(b"@NTC");
    out.extend_from_slice(&receiver.to_le_bytes());
    out.extend_from_slice(&sender.to_le_bytes());
    out.extend_from_slice(&u16::try_from(body.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.push(xor8(body));
    let sum = xor8(out.get(start..).unwrap_or_default());
    out.push(sum);
    out.extend_from_slice(body);
}

/// A float that is a number of something: "not there" is negative.
fn float(cursor: &mut Cursor<'_>) -> Option<f64> {
    cursor.array().map(|bytes| f64::from(f32::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::to_hex;

    #[test]
    fn answers_as_the_vendors_wiki_prints_them() {
        let mut out = Vec::new();
        ntcb_frame(0, 1, b"*<S", &mut out);
        assert_eq!(to_hex(&out), "404e544300000000010000000300455e2a3c53");
        out.clear();
        ntcb_frame(0, 1, b"*<FLEX\xb0\x1e\x1e", &mut out);
        assert_eq!(to_hex(&out), "404e544300000000010000000900b1a02a3c464c4558b01e1e");
    }

    #[test]
    fn a_frame_of_flex_before_a_handshake_cannot_be_cut() {
        let mut bytes = BytesMut::from(&b"~A\x01"[..]);
        let outcome = NavtelecomDecoder::default().decode(&mut bytes, &Environment::default(), &mut Vec::new(), &mut Replies::new());
        assert_eq!(outcome, Err(DecodeError::fatal("no mask of fields")));
    }

    #[test]
    fn a_command_goes_to_the_number_of_the_device() {
        let mut decoder = NavtelecomDecoder { device: 7, ..NavtelecomDecoder::default() };
        let identifier = Identifier::new("356307042441013").expect("an identifier");
        let to = Addressee { identifier: &identifier, password: None, env: Environment::default() };
        let mut out = Vec::new();
        assert_eq!(decoder.command(&Command::Output { number: 2, on: false }, &to, &mut out), Ok(Expect::Next));
        assert_eq!((out.get(4), out.get(16..)), (Some(&7), Some(&b"*!SETOUT 2N"[..])));
    }
}
