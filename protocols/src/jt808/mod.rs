//! JT/T 808: the protocol of Chinese road transport terminals, 2013 and 2019, with the extensions of its many makers.
//!
//! ```text
//! frame      = 7E, escaped( header, body, check u8 ), 7E              ; big endian; check: all bytes before it exclusive-ored
//!            / E7, …, E7                                               ; the same with other escapes
//!            / "(" terminal "," … ")"                                  ; see `text.rs`
//! escapes    = 7D 01 for 7D, 7D 02 for 7E / E6 01 for E6, E6 02 for E7, 3E 01 for 3E, 3E 02 for 3D
//! header     = kind u16, attributes u16, [ version u8 ], terminal, serial u16, [ parts u16, part u16 ]
//! attributes = bits 0–9 length of the body, 10–12 encryption, 13 a part of a message, 14 version 2019 (then `version`, and a terminal
//!              of 10 bytes)
//! terminal   = 6 bytes BCD, or an IMEI without its check digit as a binary number
//! header of kinds 55xx = kind, attributes (15: answer wanted), terminal, serial u8
//! 0001  answer       serial u16, kind u16, result u8
//! 0002, 0506  alive, 0003 logout, 8888 a picture will come
//! 0004, 0109, 0205  the time is asked for                ; answered 8004, 8109, 8205
//! 0100  registration …                                   ; answered 8100: serial, 0, the authentication code
//! 0102  authentication
//! 0104  parameters   serial u16, …        0107  properties …
//! 0200  report       see `report.rs`
//! 0201, 0500  report asked for: serial u16, report
//! 0210  reports      battery u8, time / *( length u8, report )
//! 0702  driver …
//! 0704  reports      count u16, type u8 (1: from memory), *( length u16, report )
//! 0801  picture …     0805  picture taken: serial u16, result u8, …
//! 0900  transparent  see `transparent.rs`
//! 2070  accelerations …                                  ; not answered
//! 5501, 5502  report of a lock, see `lock.rs`            ; answered 4401
//! 6006  text         encoding u8, text: what a command in words is answered
//! ```
//! Everything else that the terminal says by itself is answered 8001: serial, kind, 0. Times are GMT+8.
//!
//! Sources: JT/T 808-2013 and JT/T 808-2019, "Terminal communication protocol and data format of road transport vehicle satellite
//! positioning system"; "JT/T808 Protocol for G10LS"; "BSJ-EG01 Protocol And Data Format" V1.0.0; "4G Wireless Air Protocol" VJT.04.063
//! (on-board diagnosis); "S21L protocol". Of the manuals of AOVX, Jimi (JC371), SeeWorld (W15L) and of T/JSATL 12-2017 only what is
//! quoted of them in public; other items are known from frames of real trackers alone.

mod alarm;
mod aovx;
mod commands;
mod encoder;
mod flows;
mod frame;
mod items;
mod lock;
mod messages;
mod report;
mod text;
mod transparent;

pub use encoder::Jt808Encoder;

use crate::{
    About, Addressee, CannotSay, Checksum, Civil, Command, DecodeError, Decoder, Draft, Environment, Expect, Identifier, MICROS_PER_SECOND,
    Message, Micros, Name, Progress, Release, Replies, Transport, Value, wire,
};
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use frame::{Cut, DELIMITER, Head, OTHER_DELIMITER, Terminal};
use messages as kind;

/// What `jt808` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "jt808",
    default_port: 5015,
    transports: &[Transport::Tcp],
    acknowledges: &[Transport::Tcp],
    checksum: Checksum::Sum,
    carries_no_fix: true,
    settings: &[],
};

/// A message of 1,023 bytes, all of them escaped, with its header.
const FRAME_BYTES_MAX: usize = 4_096;
/// A message in parts that is longer is kept raw part by part.
const PARTS_BYTES_MAX: usize = 32 * 1024;

const GENERAL_ANSWER: u16 = 0x8001;
const REGISTERED: u16 = 0x8100;
const LOCK_ANSWER: u16 = 0x4401;

/// A message whose parts are coming in.
#[derive(Debug)]
struct Parts {
    kind: u16,
    total: u16,
    next: u16,
    body: Vec<u8>,
}

/// Decoder.
#[derive(Debug, Default)]
pub struct Jt808Decoder {
    /// As the terminal on this connection writes itself.
    terminal: Option<Terminal>,
    delimiter: Option<u8>,
    parts: Option<Parts>,
    /// Commands said so far: the next one's serial number.
    commands: u16,
    /// A command asked for the properties, which are told without a number.
    asked_properties: bool,
    /// The frame without its escapes; kept for its memory.
    plain: Vec<u8>,
}

/// A message, whole.
#[derive(Clone, Copy)]
struct Whole<'a> {
    head: &'a Head,
    identifier: Option<Identifier>,
    body: &'a [u8],
    raw: &'a [u8],
    unchecked: bool,
    model: Option<&'a str>,
    asked_properties: bool,
}

impl Decoder for Jt808Decoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        loop {
            let noise = bytes.iter().take_while(|byte| !self.begins(**byte)).count();
            bytes.advance(noise);
            let total = match bytes.first() {
                None => return Ok(Progress::NeedMore),
                Some(b'(') => match text::cut(bytes) {
                    text::Cut::NeedMore => return Ok(Progress::NeedMore),
                    text::Cut::Noise => {
                        bytes.advance(1);
                        continue;
                    }
                    text::Cut::Text(total) => {
                        let result = text::read(bytes.get(..total).unwrap_or_default(), env, out, replies);
                        bytes.advance(total);
                        return result.map(|()| Progress::Frame);
                    }
                },
                Some(_) => match frame::cut(bytes) {
                    Cut::NeedMore if bytes.len() >= FRAME_BYTES_MAX => return Err(DecodeError::fatal("frame too long")),
                    Cut::NeedMore => return Ok(Progress::NeedMore),
                    // The end of one frame and the beginning of the next.
                    Cut::Empty => {
                        bytes.advance(1);
                        continue;
                    }
                    Cut::Frame(total) => total,
                },
            };
            let result = self.take(bytes.get(..total).unwrap_or_default(), env, out, replies);
            bytes.advance(total);
            return result.map(|()| Progress::Frame);
        }
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        if let Command::Raw { text } = command
            && let Some((bytes, serial)) = commands::whole_frame(text)
        {
            out.extend_from_slice(&bytes);
            return Ok(serial.map_or(Expect::Next, |serial| Expect::Tag(u32::from(serial))));
        }
        let terminal = match self.terminal {
            Some(terminal) => terminal,
            None => Terminal::of(to.identifier).ok_or(CannotSay::Value("the terminal has not said its number yet"))?,
        };
        let (kind, body) = commands::words(command, to.env.model, terminal.is_2019())?;
        let serial = self.commands;
        frame::write(kind, &terminal, &serial.to_be_bytes(), &body, self.delimiter.unwrap_or(DELIMITER), out);
        self.commands = serial.wrapping_add(1);
        if kind == commands::ASK_PROPERTIES {
            self.asked_properties = true;
            return Ok(Expect::Next);
        }
        Ok(Expect::Tag(u32::from(serial)))
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

impl Jt808Decoder {
    /// Whether a frame may begin so. A terminal does not change its delimiter.
    fn begins(&self, byte: u8) -> bool {
        byte == b'(' || self.delimiter.map_or(matches!(byte, DELIMITER | OTHER_DELIMITER), |delimiter| byte == delimiter)
    }

    fn take(&mut self, raw: &[u8], env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
        let mut plain = core::mem::take(&mut self.plain);
        let result = match frame::unescape(raw, env.options.ignore_checksum, &mut plain) {
            Some(()) => self.open(raw, &plain, env, out, replies),
            None => Err(DecodeError::skipped("escape")),
        };
        self.plain = plain;
        result
    }

    fn open(
        &mut self,
        raw: &[u8],
        plain: &[u8],
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<(), DecodeError> {
        let (check, content) = plain.split_last().ok_or(DecodeError::skipped("empty frame"))?;
        let is_lenient = env.options.ignore_checksum;
        let fits = wire::xor8(content) == *check;
        if !fits && !is_lenient {
            return Err(DecodeError::skipped("checksum"));
        }
        let (head, body) = frame::head(content).ok_or(DecodeError::skipped("header"))?;
        let identifier = head.terminal.identifier();
        if identifier.is_none() {
            return Err(DecodeError::skipped("terminal"));
        }
        let unchecked = !fits || !head.fits(body.len());
        if unchecked && !is_lenient {
            return Err(DecodeError::skipped("length"));
        }
        self.terminal = Some(head.terminal);
        self.delimiter = raw.first().copied();
        let asked_properties = self.asked_properties;
        let whole = Whole { head: &head, identifier, body, raw, unchecked, model: env.model, asked_properties };
        if head.is_encrypted(body.len()) {
            out.push(Message::Undecoded { identifier, reason: "encrypted", raw: raw.to_vec() });
            whole.answer(GENERAL_ANSWER, &whole.general(), Release::Durable, replies);
            return Ok(());
        }
        let Some(part) = head.part.filter(|_| head.kind != kind::PICTURE) else {
            read(&whole, env.now, out, replies);
            self.asked_properties &= head.kind != kind::PROPERTIES;
            return Ok(());
        };
        match self.joined(&head, part, body) {
            Some(parts) => Whole { body: &parts.body, ..whole }.read(out),
            // Each part is acknowledged by itself, so each is kept.
            None => out.push(Message::Undecoded { identifier, reason: "part of a message", raw: raw.to_vec() }),
        }
        whole.answer(GENERAL_ANSWER, &whole.general(), Release::Durable, replies);
        Ok(())
    }

    /// Puts parts together that come in their order; with the last one, the message is there.
    fn joined(&mut self, head: &Head, (total, part): (u16, u16), body: &[u8]) -> Option<Parts> {
        let before = self.parts.take().filter(|parts| (parts.kind, parts.total, parts.next) == (head.kind, total, part));
        let mut parts = match before {
            Some(parts) => parts,
            None if part == 1 => Parts { kind: head.kind, total, next: 1, body: Vec::new() },
            None => return None,
        };
        if parts.body.len().saturating_add(body.len()) > PARTS_BYTES_MAX {
            return None;
        }
        parts.body.extend_from_slice(body);
        parts.next = part.saturating_add(1);
        if part >= total {
            return Some(parts);
        }
        self.parts = Some(parts);
        None
    }
}

impl Whole<'_> {
    fn push(&self, mut draft: Draft, out: &mut Vec<Message>) {
        if self.unchecked {
            draft.set(Name::ChecksumIgnored, Value::Bool(true));
        }
        out.push(Message::Record { identifier: self.identifier, record: draft.finish() });
    }

    /// What is not understood of a message stays with the whole of it.
    #[allow(clippy::unnecessary_wraps, reason = "it ends the reading of a message")]
    fn keep_rest(&self, reason: &'static str, out: &mut Vec<Message>) -> Option<()> {
        out.push(Message::Undecoded { identifier: self.identifier, reason, raw: self.raw.to_vec() });
        Some(())
    }

    fn read(&self, out: &mut Vec<Message>) {
        let before = out.len();
        if messages::read(self, out).is_none() {
            out.truncate(before);
            out.push(Message::Undecoded { identifier: self.identifier, reason: "kind or body", raw: self.raw.to_vec() });
        }
    }

    /// Serial, kind, 0: taken.
    const fn general(&self) -> [u8; 5] {
        let ([a, b], [c, d]) = (self.head.serial.to_be_bytes(), self.head.kind.to_be_bytes());
        [a, b, c, d, 0]
    }

    fn answer(&self, kind: u16, body: &[u8], release: Release, replies: &mut Replies) {
        let mut reply = Vec::new();
        let serial: &[u8] = if self.head.is_short { &[1] } else { &[0, 0] };
        let delimiter = self.raw.first().copied().unwrap_or(DELIMITER);
        frame::write(kind, &self.head.terminal, serial, body, delimiter, &mut reply);
        replies.bytes(release, reply);
    }
}

fn read(whole: &Whole<'_>, now: Micros, out: &mut Vec<Message>, replies: &mut Replies) {
    whole.read(out);
    match whole.head.kind {
        kind::ANSWER | kind::PARAMETERS | kind::REPORT_ASKED | kind::PICTURE_TAKEN | kind::ACCELERATIONS => {}
        kind::REGISTRATION => {
            let code = whole.head.terminal.digits();
            let body = [&whole.head.serial.to_be_bytes()[..], &[0], code.as_str().as_bytes()].concat();
            whole.answer(REGISTERED, &body, Release::Identified, replies);
        }
        kind::TIME_2019 => whole.answer(0x8004, &time_bcd(now), Release::Identified, replies),
        kind::TIME_ASKED => whole.answer(0x8109, &time_binary(now), Release::Identified, replies),
        kind::VERSION => {
            let body = [&time_bcd(now.saturating_add(report::ZONE))[..], &[0; 5]].concat();
            whole.answer(0x8205, &body, Release::Identified, replies);
        }
        kind::AUTHENTICATION | kind::ALIVE | kind::OTHER_ALIVE | kind::LOGOUT => {
            whole.answer(GENERAL_ANSWER, &whole.general(), Release::Identified, replies);
        }
        kind if whole.head.is_short => {
            if whole.head.wants_answer {
                let [high, low] = kind.to_be_bytes();
                whole.answer(LOCK_ANSWER, &[high, low, 0], Release::Durable, replies);
            }
        }
        _ => whole.answer(GENERAL_ANSWER, &whole.general(), Release::Durable, replies),
    }
}

/// Year, month, day, hour, minute, second.
fn numbers(time: Micros) -> [u32; 6] {
    let civil = Civil::from_micros(time.saturating_sub(time.rem_euclid(MICROS_PER_SECOND)));
    civil.map_or([0; 6], |c| [u32::try_from(c.year).unwrap_or(0), c.month, c.day, c.hour, c.minute, c.second])
}

/// The year without its century, in binary-coded decimals.
fn time_bcd(time: Micros) -> [u8; 6] {
    numbers(time).map(|number| u8::try_from((number / 10 % 10).wrapping_shl(4) | (number % 10)).unwrap_or(0))
}

/// The year in two bytes.
fn time_binary(time: Micros) -> [u8; 7] {
    let [year, rest @ ..] = numbers(time);
    let [high, low] = u16::try_from(year).unwrap_or(0).to_be_bytes();
    let [month, day, hour, minute, second] = rest.map(|number| u8::try_from(number).unwrap_or(0));
    [high, low, month, day, hour, minute, second]
}

#[cfg(test)]
mod tests;
