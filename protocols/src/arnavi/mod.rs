//! Arnavi (and Arusnavi): the binary internal protocol, and the older lines of text that begin with `$AV`.
//!
//! Source: Arnavi, "Internal protocol" (headers, packages, packets, tags, answers) and "GPSLite text protocol" (lines). Numbers are
//! little endian.
//!
//! ```text
//! stream   = *( header / package / result / line )
//! header   = FF, version u8 (22 to 25), id u64, [ 8 bytes: version 24 ]   ; the id is the IMEI, or one of the maker's
//! package  = 5B, number u8 (01 to FB), 1*packet, 5D
//! packet   = kind u8, length u16, seconds u32, data, sum u8               ; sum of seconds and data, modulo 256
//! data     = *( tag u8, value 4 bytes )                                   ; kind 1
//!          / text                                                         ; kind 3
//!          / bytes                                                        ; kind 4: a file, kind 6: of the owner's
//! result   = 5B, FD, code u8, 5D                                          ; of a command of the server
//! answer   = 7B, length u8, number u8, [ sum u8, data ], 7D               ; number 0 to a header; from version 23 on with the time u32
//! line     = "$", fields, "*", sum (hexadecimal), CR LF                   ; not answered
//! ```

mod encoder;
mod tags;
mod text;

pub use encoder::ArnaviEncoder;

use crate::steps::Steps;
use crate::wire::{Cursor, ShortText, from_hex, sum8};
use crate::{
    About, Addressee, CannotSay, Checksum, Command, DecodeError, Decoder, Environment, Expect, Identifier, MICROS_PER_SECOND, Message,
    Micros, Name, Progress, Release, Replies, Transport, Value,
};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// What `arnavi` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "arnavi",
    default_port: 5100,
    transports: &[Transport::Tcp],
    acknowledges: &[Transport::Tcp],
    checksum: Checksum::Sum,
    carries_no_fix: true,
    settings: &[],
};

const FRAME_BYTES_MAX: usize = 65_535;
const LINE_BYTES_MAX: usize = 1_024;
const HEADER: u8 = 0xFF;
const PACKAGE: u8 = 0x5B;
const PACKAGE_END: u8 = 0x5D;
const ANSWER: u8 = 0x7B;
const ANSWER_END: u8 = 0x7D;
const RESULT: u8 = 0xFD;
/// The first version of the header that gets the time.
const VERSION_WITH_TIME: u8 = 0x23;
/// The version of the header with eight bytes more.
const VERSION_LONG: u8 = 0x24;
const KIND_TAGS: u8 = 1;
const KIND_TEXT: u8 = 3;
/// Kind, length, seconds and sum of a packet.
const PACKET_BYTES: usize = 8;

/// Decoder of one connection: it remembers who.
#[derive(Debug, Default)]
pub struct ArnaviDecoder {
    identifier: Option<Identifier>,
    /// A package whose packets are being told.
    open: Option<Steps<Package>>,
}

/// What is known of a whole package.
#[derive(Debug)]
struct Package {
    number: u8,
    intact: bool,
}

impl Decoder for ArnaviDecoder {
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
        let ends = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        bytes.advance(ends);
        match bytes.first() {
            None => Ok(Progress::NeedMore),
            Some(&HEADER) => self.header(bytes, env, out, replies),
            Some(&PACKAGE) => self.package(bytes, env, out, replies),
            Some(b'$') => text::line(bytes, env, out),
            Some(_) => Err(DecodeError::fatal("frame start")),
        }
    }

    fn command(&mut self, command: &Command, _: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let Command::Raw { text } = command else { return Err(CannotSay::Unsupported) };
        let bytes = from_hex(text).filter(|bytes| !bytes.is_empty()).ok_or(CannotSay::Value("no hexadecimal digits"))?;
        out.extend_from_slice(&bytes);
        Ok(Expect::Next)
    }

    fn frame_bytes_max(&self, identified: bool) -> usize {
        if identified { FRAME_BYTES_MAX } else { LINE_BYTES_MAX }
    }
}

impl ArnaviDecoder {
    fn header(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let mut cursor = Cursor::new(bytes);
        let (_, Some(version)) = (cursor.u8(), cursor.u8()) else { return Ok(Progress::NeedMore) };
        if !(0x22..=0x25).contains(&version) {
            return Err(DecodeError::fatal("version of the header"));
        }
        let Some(id) = cursor.le_u64() else { return Ok(Progress::NeedMore) };
        if version == VERSION_LONG && cursor.skip(8).is_none() {
            return Ok(Progress::NeedMore);
        }
        let taken = bytes.len().saturating_sub(cursor.rest().len());
        bytes.advance(taken);
        let mut digits = ShortText::default();
        digits.push_number(id);
        let Some(identifier) = Identifier::new(digits.as_str()) else { return Err(DecodeError::skipped("id")) };
        self.identifier = Some(identifier);
        out.push(Message::Login { identifier, password: None });
        let data = if version >= VERSION_WITH_TIME { time_now(env.now).to_vec() } else { Vec::new() };
        replies.bytes(Release::Identified, answer(0, &data));
        Ok(Progress::Frame)
    }

    fn package(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let identifier = self.identifier;
        if let Some([_, RESULT, code, end]) = bytes.first_chunk::<4>().copied() {
            bytes.advance(4);
            if end != PACKAGE_END {
                return Err(DecodeError::fatal("end of a package"));
            }
            let mut text = ShortText::default();
            text.push_number(u64::from(code));
            let text = String::from(text.as_str());
            out.push(Message::CommandAnswer { identifier, tag: None, done: Some(code == 0), text });
            return Ok(Progress::Frame);
        }
        if bytes.get(1) == Some(&RESULT) {
            return Ok(Progress::NeedMore);
        }
        let Some((total, intact)) = measure(bytes)? else { return Ok(Progress::NeedMore) };
        if !intact && !env.options.ignore_checksum {
            bytes.advance(total);
            return Err(DecodeError::skipped("checksum"));
        }
        let Some([_, number, packets @ .., _]) = bytes.get(..total) else { return Ok(Progress::NeedMore) };
        let open = Steps::new(Package { number: *number, intact }, packets.len(), 1);
        bytes.advance(2);
        self.go_on(open, bytes, out, replies);
        Ok(Progress::Frame)
    }

    /// Tells the next packets of a package; the last one answers it.
    fn go_on(&mut self, mut open: Steps<Package>, bytes: &mut BytesMut, out: &mut Vec<Message>, replies: &mut Replies) {
        let is_over = open.step(bytes, |package, packets| {
            let mut message = Packet::take(packets)?.message(self.identifier);
            if let (false, Message::Record { record, .. }) = (package.intact, &mut message) {
                record.attributes.set(Name::ChecksumIgnored, Value::Bool(true));
            }
            out.push(message);
            Some(())
        });
        if is_over {
            replies.bytes(Release::Durable, answer(open.frame.number, &[]));
        } else {
            self.open = Some(open);
        }
    }
}

/// One packet of a package.
struct Packet<'a> {
    kind: u8,
    seconds: u32,
    data: &'a [u8],
    intact: bool,
}

impl<'a> Packet<'a> {
    fn take(cursor: &mut Cursor<'a>) -> Option<Self> {
        let (kind, length) = (cursor.u8()?, cursor.le_u16()?);
        let covered = cursor.take(usize::from(length).saturating_add(4))?;
        let intact = cursor.u8()? == sum8(covered);
        let mut inner = Cursor::new(covered);
        Some(Self { kind, seconds: inner.le_u32()?, data: inner.rest(), intact })
    }

    fn message(&self, identifier: Option<Identifier>) -> Message {
        match self.kind {
            KIND_TAGS if self.data.len().is_multiple_of(tags::TAG_BYTES) => {
                Message::Record { identifier, record: tags::read(self.seconds, self.data) }
            }
            KIND_TEXT => Message::CommandAnswer { identifier, tag: None, done: None, text: readable(self.data) },
            kind => {
                let mut raw = Vec::with_capacity(self.data.len().saturating_add(5));
                raw.push(kind);
                raw.extend_from_slice(&self.seconds.to_le_bytes());
                raw.extend_from_slice(self.data);
                Message::Undecoded { identifier, reason: "kind of packet", raw }
            }
        }
    }
}

/// How long a package is, and whether its sums fit; `None`: it does not end yet.
fn measure(bytes: &[u8]) -> Result<Option<(usize, bool)>, DecodeError> {
    let mut cursor = Cursor::new(bytes);
    let mut intact = true;
    if cursor.skip(2).is_none() {
        return Ok(None);
    }
    loop {
        let at = bytes.len().saturating_sub(cursor.rest().len());
        match cursor.rest() {
            [] => return Ok(None),
            [PACKAGE_END, ..] => return Ok(Some((at.saturating_add(1), intact))),
            [_, low, high, ..] => {
                let length = usize::from(u16::from_le_bytes([*low, *high]));
                if at.saturating_add(length).saturating_add(PACKET_BYTES) >= FRAME_BYTES_MAX {
                    return Err(DecodeError::fatal("package length"));
                }
            }
            _ => return Ok(None),
        }
        match Packet::take(&mut cursor) {
            Some(packet) => intact &= packet.intact,
            None => return Ok(None),
        }
    }
}

fn time_now(now: Micros) -> [u8; 4] {
    u32::try_from(now.div_euclid(MICROS_PER_SECOND)).unwrap_or(0).to_le_bytes()
}

fn answer(number: u8, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len().saturating_add(5));
    out.extend_from_slice(&[ANSWER, u8::try_from(data.len()).unwrap_or(u8::MAX), number]);
    if !data.is_empty() {
        out.push(sum8(data));
        out.extend_from_slice(data);
    }
    out.push(ANSWER_END);
    out
}

/// Text as it is; anything else as hexadecimal digits.
fn readable(bytes: &[u8]) -> String {
    let text = core::str::from_utf8(bytes).ok().map(|text| text.trim_end_matches(['\0', '\r', '\n']));
    match text.filter(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n' | '\t'))) {
        Some(text) => String::from(text),
        None => crate::wire::to_hex(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::to_hex;

    #[test]
    fn answers_to_headers_and_packages() {
        assert_eq!(to_hex(&answer(0, &[])), "7b00007d");
        assert_eq!(to_hex(&answer(0, &time_now(1_767_225_600 * MICROS_PER_SECOND))), "7b04007700b955697d");
        assert_eq!(to_hex(&answer(0xFB, &[])), "7b00fb7d");
    }

    #[test]
    fn a_command_is_what_the_digits_say() {
        let identifier = Identifier::new("1").expect("an identifier");
        let to = Addressee { identifier: &identifier, password: None, env: Environment::default() };
        let mut out = Vec::new();
        let mut decoder = ArnaviDecoder::default();
        assert_eq!(decoder.command(&Command::Raw { text: String::from("7b00fe7d") }, &to, &mut out), Ok(Expect::Next));
        assert_eq!(out, [0x7B, 0, 0xFE, 0x7D]);
        assert!(decoder.command(&Command::Raw { text: String::from("status") }, &to, &mut out).is_err());
    }
}
