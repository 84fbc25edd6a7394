//! JT/T 808: the protocol of Chinese road transport terminals, 2013 and 2019, with the extensions of its many makers.
//!
//! ```text
//! frame      = 7E, escaped( header, body, check u8 ), 7E              ; big endian; check: all bytes before it exclusive-ored
//!            / E7, …, E7                                               ; the same with other escapes
//! escapes    = 7D 01 for 7D, 7D 02 for 7E / E6 01 for E6, E6 02 for E7, 3E 01 for 3E, 3E 02 for 3D
//! header     = kind u16, attributes u16, [ version u8 ], terminal, serial u16, [ parts u16, part u16 ]
//! attributes = bits 0–9 length of the body, 13 a part of a message, 14 version 2019 (then `version`, and a terminal of 10 bytes)
//! terminal   = 6 bytes BCD, or an IMEI without its check digit as a binary number
//! header of kinds 55xx = kind, attributes (15: answer), terminal, serial u8
//! 0001  answer       serial u16, kind u16, result u8
//! 0002  alive
//! 0100  registration …                                  ; answered 8100: serial, 0, the authentication code
//! 0102  authentication
//! 0200  report       see `report.rs`
//! 0201  report asked for: serial u16, report
//! 0210  reports      count? : battery u8, time / *( length u8, report )
//! 0704  reports      count u16, type u8 (1: from memory), *( length u16, report )
//! 0900  transparent  type u8, bytes                     ; 41: text of a card reader, F0: time and the maker's own; 53, 54: a report without its alarms, the maker's own
//! 5501, 5502  report of a lock                          ; answered 4401
//! ```
//! (…)   text         terminal "," …                       ; "TIME" at the end asks for the time
//! Everything else that the terminal says by itself is answered 8001: serial, kind, 0. Times are GMT+8.
//!
//! Source: JT/T 808-2013 and JT/T 808-2019, "Terminal communication protocol and data format of road transport vehicle satellite
//! positioning system".

mod encoder;
mod frame;
mod lock;
mod report;

pub use encoder::Jt808Encoder;

use crate::wire::Cursor;
use crate::{
    About, Addressee, Attributes, CannotSay, Checksum, Civil, Command, DecodeError, Decoder, Draft, Environment, Expect, Identifier, Key,
    Message, Name, Progress, Record, Release, Replies, Transport, Value, wire,
};
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use frame::{Cut, Head, Terminal};

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

/// The longest message in parentheses.
const TEXT_BYTES_MAX: usize = 1_024;

const ANSWER: u16 = 0x0001;
const ALIVE: u16 = 0x0002;
const REGISTRATION: u16 = 0x0100;
const AUTHENTICATION: u16 = 0x0102;
const PARAMETERS: u16 = 0x0104;
const REPORT: u16 = 0x0200;
const REPORT_ASKED: u16 = 0x0201;
const REPORTS_SHORT: u16 = 0x0210;
const REPORTS: u16 = 0x0704;
const TRANSPARENT: u16 = 0x0900;
/// Accelerations by the second: kept raw and not answered.
const ACCELERATIONS: u16 = 0x2070;
const GENERAL_ANSWER: u16 = 0x8001;
const REGISTERED: u16 = 0x8100;
const SET_PARAMETERS: u16 = 0x8103;
const CONTROL: u16 = 0x8105;
const ASK_REPORT: u16 = 0x8201;
const TEXT: u16 = 0x8300;
const VEHICLE: u16 = 0x8500;

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
}

/// A message, whole.
struct Whole<'a> {
    head: &'a Head,
    identifier: Option<Identifier>,
    body: &'a [u8],
    unchecked: bool,
}

impl Decoder for Jt808Decoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let noise = bytes.iter().take_while(|byte| !matches!(byte, 0x7E | 0xE7 | b'(')).count();
        bytes.advance(noise);
        let Some(delimiter) = bytes.first().copied() else { return Ok(Progress::NeedMore) };
        if delimiter == b'(' {
            return text(bytes, env, out, replies);
        }
        match frame::cut(bytes) {
            Cut::NeedMore if bytes.len() >= FRAME_BYTES_MAX => return Err(DecodeError::fatal("frame too long")),
            Cut::NeedMore => return Ok(Progress::NeedMore),
            // Two delimiters in a row: the end of one frame and the beginning of the next.
            Cut::Empty => {
                bytes.advance(1);
                return self.decode_again(bytes, env, out, replies);
            }
            Cut::Frame(total) => {
                let raw = bytes.split_to(total);
                self.take(&raw, delimiter, env, out, replies)?;
            }
        }
        Ok(Progress::Frame)
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        if let Command::Raw { text } = command
            && to.env.model != Some("BSJ")
        {
            let bytes = wire::from_hex(text)
                .filter(|bytes| !bytes.is_empty())
                .ok_or(CannotSay::Value("text: a whole frame in hexadecimal digits"))?;
            out.extend_from_slice(&bytes);
            return Ok(Expect::Next);
        }
        let (kind, body) = words(command)?;
        let terminal = match &self.terminal {
            Some(terminal) => terminal.clone(),
            None => Terminal::of(to.identifier).ok_or(CannotSay::Value("the terminal has not said its number yet"))?,
        };
        let serial = self.commands;
        frame::write(kind, &terminal, &serial.to_be_bytes(), &body, self.delimiter.unwrap_or(0x7E), out);
        self.commands = serial.wrapping_add(1);
        Ok(Expect::Tag(u32::from(serial)))
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

impl Jt808Decoder {
    /// What is behind a delimiter that stood alone.
    fn decode_again(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let alone = bytes.iter().zip(bytes.iter().skip(1)).take_while(|(one, next)| one == next && matches!(one, 0x7E | 0xE7)).count();
        bytes.advance(alone);
        if bytes.len() < 2 { Ok(Progress::NeedMore) } else { self.decode(bytes, env, out, replies) }
    }

    fn take(
        &mut self,
        raw: &[u8],
        delimiter: u8,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<(), DecodeError> {
        let plain = frame::unescaped(raw, delimiter).ok_or(DecodeError::skipped("escape"))?;
        let (check, content) = plain.split_last().ok_or(DecodeError::skipped("empty frame"))?;
        let fits = wire::xor8(content) == *check;
        if !fits && !env.options.ignore_checksum {
            return Err(DecodeError::skipped("checksum"));
        }
        let (head, body) = frame::head(content).ok_or(DecodeError::skipped("header"))?;
        let identifier = head.terminal.identifier();
        if identifier.is_none() {
            return Err(DecodeError::skipped("terminal"));
        }
        if head.length != body.len() && !env.options.ignore_checksum {
            return Err(DecodeError::skipped("length"));
        }
        self.terminal = Some(head.terminal.clone());
        self.delimiter = Some(delimiter);
        let mut answers = Replies::new();
        let unchecked = !fits;
        match head.part {
            Some((total, part)) => {
                match self.joined(&head, (total, part), body) {
                    Joined::Whole(parts) => {
                        read(&Whole { head: &head, identifier, body: &parts.body, unchecked }, env, raw, out, &mut answers)
                    }
                    Joined::Waiting => out.push(Message::Heartbeat { identifier, attributes: Attributes::new() }),
                    Joined::Stray => out.push(Message::Undecoded { identifier, reason: "part", raw: raw.to_vec() }),
                }
                // Each part has its own answer.
                answers.drain();
                self.answer(&head, GENERAL_ANSWER, &general(&head), &mut answers);
            }
            None => {
                let whole = Whole { head: &head, identifier, body, unchecked };
                read(&whole, env, raw, out, &mut answers);
            }
        }
        answers.drain().for_each(|reply| replies.push(reply));
        Ok(())
    }

    /// Puts parts together that come in their order.
    fn joined(&mut self, head: &Head, (total, part): (u16, u16), body: &[u8]) -> Joined {
        let before = self.parts.take().filter(|parts| (parts.kind, parts.total, parts.next) == (head.kind, total, part));
        let mut parts = match before {
            Some(parts) => parts,
            None if part == 1 && total > 0 => Parts { kind: head.kind, total, next: 1, body: Vec::new() },
            None => return Joined::Stray,
        };
        if parts.body.len().saturating_add(body.len()) > PARTS_BYTES_MAX {
            return Joined::Stray;
        }
        parts.body.extend_from_slice(body);
        parts.next = part.saturating_add(1);
        if part >= total {
            return Joined::Whole(parts);
        }
        self.parts = Some(parts);
        Joined::Waiting
    }

    fn answer(&self, head: &Head, kind: u16, body: &[u8], replies: &mut Replies) {
        respond(head, self.delimiter.unwrap_or(0x7E), kind, body, replies);
    }
}

/// `(terminal,1,001,BASE,2,TIME)`: a terminal that asks for the time, and other words in parentheses.
fn text(bytes: &mut BytesMut, env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<Progress, DecodeError> {
    let Some(end) = bytes.iter().take(TEXT_BYTES_MAX).position(|byte| *byte == b')') else {
        return if bytes.len() >= TEXT_BYTES_MAX { Err(DecodeError::fatal("frame too long")) } else { Ok(Progress::NeedMore) };
    };
    let raw = bytes.split_to(end.saturating_add(1));
    let words = raw.get(1..end).and_then(|text| core::str::from_utf8(text).ok()).ok_or(DecodeError::skipped("no text"))?;
    let identifier = words.split(',').next().and_then(Identifier::new).ok_or(DecodeError::skipped("terminal"))?;
    match (words.strip_suffix("TIME"), Civil::from_micros(env.now)) {
        (Some(asked), Some(civil)) => {
            out.push(Message::Heartbeat { identifier: Some(identifier), attributes: Attributes::new() });
            let mut reply = alloc::format!("({asked}");
            let year = u32::try_from(civil.year).unwrap_or(0);
            for (number, digits) in [(year, 4), (civil.month, 2), (civil.day, 2), (civil.hour, 2), (civil.minute, 2), (civil.second, 2)] {
                wire::push_padded(&mut reply, number, digits);
            }
            reply.push(')');
            replies.bytes(Release::Identified, reply.into_bytes());
        }
        _ => out.push(Message::CommandAnswer { identifier: Some(identifier), tag: None, done: None, text: words.into() }),
    }
    Ok(Progress::Frame)
}

enum Joined {
    Whole(Parts),
    Waiting,
    Stray,
}

/// Serial, kind, 0: taken.
fn general(head: &Head) -> Vec<u8> {
    [&head.serial.to_be_bytes()[..], &head.kind.to_be_bytes(), &[0]].concat()
}

fn respond(head: &Head, delimiter: u8, kind: u16, body: &[u8], replies: &mut Replies) {
    let mut reply = Vec::with_capacity(32);
    let serial: &[u8] = if head.is_short { &[1] } else { &[0, 0] };
    frame::write(kind, &head.terminal, serial, body, delimiter, &mut reply);
    replies.bytes(Release::Durable, reply);
}

impl Whole<'_> {
    fn push(&self, mut draft: Draft, out: &mut Vec<Message>) {
        if self.unchecked {
            draft.set(Name::ChecksumIgnored, Value::Bool(true));
        }
        out.push(Message::Record { identifier: self.identifier, record: draft.finish() });
    }
}

fn read(whole: &Whole<'_>, env: &Environment<'_>, raw: &[u8], out: &mut Vec<Message>, replies: &mut Replies) {
    let delimiter = raw.first().copied().unwrap_or(0x7E);
    let before = out.len();
    if content(whole, env, out).is_none() {
        out.truncate(before);
        out.push(Message::Undecoded { identifier: whole.identifier, reason: "kind or body", raw: raw.to_vec() });
    }
    match whole.head.kind {
        ANSWER | PARAMETERS | REPORT_ASKED | ACCELERATIONS => {}
        REGISTRATION => {
            let code = whole.head.terminal.digits();
            let body = [&whole.head.serial.to_be_bytes()[..], &[0], code.as_bytes()].concat();
            respond(whole.head, delimiter, REGISTERED, &body, replies);
        }
        kind if whole.head.is_short => {
            if whole.head.wants_answer {
                respond(whole.head, delimiter, 0x4401, &[&kind.to_be_bytes()[..], &[0]].concat(), replies);
            }
        }
        _ => respond(whole.head, delimiter, GENERAL_ANSWER, &general(whole.head), replies),
    }
}

/// `None` if the kind is unknown or the body ends too early.
fn content(whole: &Whole<'_>, env: &Environment<'_>, out: &mut Vec<Message>) -> Option<()> {
    let body = &mut Cursor::new(whole.body);
    let identifier = whole.identifier;
    match whole.head.kind {
        ANSWER => {
            let (serial, kind, result) = (body.be_u16()?, body.be_u16()?, body.u8()?);
            let text = alloc::format!("{kind:04x}: {result}");
            out.push(Message::CommandAnswer { identifier, tag: Some(u32::from(serial)), done: Some(result == 0), text });
        }
        ALIVE => out.push(Message::Heartbeat { identifier, attributes: Attributes::new() }),
        REGISTRATION | AUTHENTICATION => out.push(Message::Login { identifier: identifier?, password: None }),
        PARAMETERS => {
            let serial = body.be_u16()?;
            let text = wire::to_hex(body.rest());
            out.push(Message::CommandAnswer { identifier, tag: Some(u32::from(serial)), done: Some(true), text });
        }
        REPORT => whole.push(report::read(body, env)?, out),
        REPORT_ASKED => {
            let serial = body.be_u16()?;
            whole.push(report::read(body, env)?, out);
            let text = alloc::string::String::from("position");
            out.push(Message::CommandAnswer { identifier, tag: Some(u32::from(serial)), done: Some(true), text });
        }
        REPORTS_SHORT if body.rest().len() == 7 => {
            let battery = body.u8()?;
            let mut draft = Draft::at_told(report::time(body.array()?));
            draft.set(Name::BatteryLevelPct, Value::Int(i64::from(battery)));
            whole.push(draft, out);
        }
        REPORTS_SHORT => {
            while !body.rest().is_empty() {
                let length = usize::from(body.u8()?);
                whole.push(report::read(&mut Cursor::new(body.take(length)?), env)?, out);
            }
        }
        REPORTS => {
            let count = body.be_u16()?;
            let from_memory = body.u8()? == 1;
            for _ in 0..count {
                let Some(length) = body.be_u16() else { break };
                let mut draft = report::read(&mut Cursor::new(body.take(usize::from(length))?), env)?;
                if from_memory {
                    draft.set(Name::Buffered, Value::Bool(true));
                }
                whole.push(draft, out);
            }
        }
        TRANSPARENT if body.rest().first() == Some(&0x41) => {
            let text = core::str::from_utf8(body.rest().get(1..)?).ok()?.trim();
            let mut attributes = Attributes::new();
            // A card reader reports `GTSL|…|…|…|card|…`.
            if let Some(card) = text.strip_prefix("GTSL|").and_then(|fields| fields.split('|').nth(3)).filter(|card| !card.is_empty()) {
                attributes.set(Name::DriverId, Value::Text(card));
            }
            attributes.set(Name::Text, Value::Text(text));
            out.push(Message::Record { identifier, record: Record { fix_time: None, fix: None, attributes } });
        }
        // A report of a vehicle without a place: when, then the maker's own.
        TRANSPARENT if body.rest().first() == Some(&0xF0) => {
            body.skip(1)?;
            let mut draft = Draft::at_told(report::time(body.array()?));
            draft.attributes.push(Key::Io(0xF0), Value::Text(&wire::to_hex(body.rest())));
            whole.push(draft, out);
        }
        // What a terminal hears of tags, or measures, behind a report.
        TRANSPARENT if matches!(body.rest().first(), Some(0x53 | 0x54)) => {
            let kind = u32::from(body.u8()?);
            // It has no alarms.
            let fixed = [&[0; 4], body.take(report::FIXED_BYTES - 4)?].concat();
            let mut draft = report::read(&mut Cursor::new(&fixed), env)?;
            draft.attributes.push(Key::Io(kind), Value::Text(&wire::to_hex(body.rest())));
            whole.push(draft, out);
        }
        kind if kind & 0xFF00 == 0x5500 => whole.push(lock::read(body, kind)?, out),
        _ => return None,
    }
    Some(())
}

/// Kind and body of a command.
fn words(command: &Command) -> Result<(u16, Vec<u8>), CannotSay> {
    let parameter = |id: u32, value: u32| [&[1][..], &id.to_be_bytes(), &[4], &value.to_be_bytes()].concat();
    Ok(match command {
        Command::Locate => (ASK_REPORT, Vec::new()),
        Command::ReportEvery { seconds } => (SET_PARAMETERS, parameter(0x0029, *seconds)),
        Command::Reboot => (CONTROL, alloc::vec![4]),
        Command::FactoryReset => (CONTROL, alloc::vec![5]),
        Command::PowerOff => (CONTROL, alloc::vec![3]),
        Command::EngineStop => (CONTROL, alloc::vec![0xF0]),
        Command::EngineResume => (CONTROL, alloc::vec![0xF1]),
        Command::Arm => (VEHICLE, alloc::vec![1]),
        Command::Disarm => (VEHICLE, alloc::vec![0]),
        Command::Message { text } | Command::Raw { text } if text.is_ascii() => (TEXT, [&[1], text.as_bytes()].concat()),
        Command::Message { .. } | Command::Raw { .. } => return Err(CannotSay::Value("text: ASCII")),
        _ => return Err(CannotSay::Unsupported),
    })
}
