//! Suntech: the ST200 to ST900 families, and the universal protocol of the ST4000 and later ones, in text and binary.
//!
//! ```text
//! line      = fields separated by ";" CR [ LF ]
//! old       = family kind ";" id ";" [ model ";" ] version ";" date ";" time ";" cell [ ";" MCC ";" MNC ";" LAC ";" signal ] ";" place
//!             ";" odometer (m) ";" supply (V) ";" states ";" more        ; family: "ST300", "SA200", …; kind: STT, ALT, EMG, EVT, UEX
//! states    = engine, inputs 1 to 3, outputs 1 and 2, each "0" or "1"
//! more      = of STT: mode ";" number ";" hours (min) ";" battery (V) ";" live, of ALT, EMG, EVT: what, …
//! place     = latitude ";" longitude ";" speed (km/h) ";" course ";" satellites ";" fix
//! ST910     = "ST910;" ("Location" / "Alert" / "Emergency" / "Alive") ";" id ";" version ";" date ";" time ";" [ cell ";" ] latitude …
//! ST4xx     = family kind ";" id ";" version ";" … cells … ";" battery ";" … ";" date ";" time ";" place
//! universal = kind ";" id ";" map ";" model ";" version ";" live ";" date ";" time ";" cell … ";" place ";" inputs ";" outputs ";" …
//!             ; which of them are there says `map` (hexadecimal)
//! binary    = (81 / 82 / …) length u16, id (5 bytes BCD), map u24, the same in binary
//! ```
//! Nothing is answered.
//!
//! Source: Suntech, "ST300 Protocol" 2.x, "ST600 Protocol", "ST4300 Universal Protocol".

mod encoder;
mod old;
mod universal;

pub use encoder::SuntechEncoder;

use crate::wire::Fields;
use crate::{
    About, Addressee, Attributes, CannotSay, Checksum, Civil, Command, DecodeError, Decoder, Draft, Environment, Expect, Identifier,
    Message, Micros, Name, Progress, Replies, Transport, Value,
};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// What `suntech` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "suntech",
    default_port: 5011,
    transports: &[Transport::Tcp],
    acknowledges: &[],
    checksum: Checksum::None,
    carries_no_fix: true,
    settings: &["protocol_type", "hbm", "include_adc", "include_temp", "include_rpm"],
};

const FRAME_BYTES_MAX: usize = 4_096;
const FIELDS_MAX: usize = 128;
/// The family as which commands go to a device that has not said its own.
const FAMILY: &str = "SA200";

type Line<'a> = Fields<'a, FIELDS_MAX>;

/// How the device on this connection speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Dialect {
    #[default]
    Unknown,
    /// Of that family.
    Old(String),
    Universal,
}

/// Decoder.
#[derive(Debug, Default)]
pub struct SuntechDecoder {
    dialect: Dialect,
}

impl Decoder for SuntechDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        _: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        bytes.advance(blank);
        let total = match (bytes.first(), bytes.get(1..3)) {
            (None, _) => return Ok(Progress::NeedMore),
            (Some(0x02 | 0x80..), None) => return Ok(Progress::NeedMore),
            (Some(first @ (0x02 | 0x80..)), Some(length)) => {
                let head = if *first == 0x02 { 4 } else { 3 };
                let length = length.first_chunk().map_or(0, |length| usize::from(u16::from_be_bytes(*length)));
                let total = length.saturating_add(head);
                if total > FRAME_BYTES_MAX {
                    return Err(DecodeError::fatal("length"));
                }
                if bytes.len() < total {
                    return Ok(Progress::NeedMore);
                }
                let raw = bytes.split_to(total);
                self.dialect = Dialect::Universal;
                return universal::binary(&raw, out).map(|()| Progress::Frame);
            }
            _ => end(bytes),
        };
        let Some(total) = total else {
            return if bytes.len() >= FRAME_BYTES_MAX { Err(DecodeError::fatal("frame too long")) } else { Ok(Progress::NeedMore) };
        };
        let raw = bytes.split_to(total);
        bytes.advance(1);
        let text = core::str::from_utf8(&raw).map_err(|_| DecodeError::skipped("no text"))?;
        self.line(text, env, out)?;
        Ok(Progress::Frame)
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let universal = self.dialect == Dialect::Universal || to.env.options.number("protocol_type") == Some(1);
        let words = words(command, universal)?;
        let family = match &self.dialect {
            Dialect::Old(family) => family.as_str(),
            _ if universal => "",
            _ => FAMILY,
        };
        out.extend_from_slice(format!("{family}CMD;{};{words}\r", to.identifier).as_bytes());
        Ok(Expect::Next)
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

/// Where the line ends: at a CR that is not one of the bytes of transparent data, whose count stands before them.
fn end(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = bytes.get(from..)?.iter().position(|byte| *byte == b'\r')?.saturating_add(from);
        let line = bytes.get(..at)?;
        let data = line.iter().rposition(|byte| *byte == b';').map_or(0, |at| at.saturating_add(1));
        let before = line.get(..data.saturating_sub(1)).unwrap_or_default();
        let count = before.rsplit(|byte| *byte == b';').next().and_then(|count| core::str::from_utf8(count).ok()).unwrap_or_default();
        let behind = data.saturating_add(count.parse().unwrap_or(0));
        let is_transparent = line.split(|byte| *byte == b';').next().is_some_and(|head| head.ends_with(b"UEX"));
        if !(is_transparent && behind > at) {
            return Some(at);
        }
        from = behind;
    }
}

impl SuntechDecoder {
    fn line(&mut self, text: &str, env: &Environment<'_>, out: &mut Vec<Message>) -> Result<(), DecodeError> {
        let fields = Line::split(text, ';');
        let head = fields.at(0);
        if fields.count() < 2 {
            // An answer without a name, such as "-Error".
            out.push(Message::CommandAnswer {
                identifier: None,
                tag: None,
                done: head.contains("Error").then_some(false),
                text: text.into(),
            });
            return Ok(());
        }
        let family = head.get(..5).filter(|family| family.starts_with('S') && family.as_bytes().get(2).is_some_and(u8::is_ascii_digit));
        let name_at = if head == "ST910" { 2 } else { 1 };
        let identifier = Identifier::new(fields.at(name_at)).ok_or(DecodeError::skipped("no identifier"))?;
        let kind = match family {
            Some(family) => {
                self.dialect = Dialect::Old(family.into());
                head.get(5..).unwrap_or_default()
            }
            None => {
                self.dialect = Dialect::Universal;
                head
            }
        };
        let draft = match (kind, family) {
            ("ALV", _) => {
                out.push(Message::Heartbeat { identifier: Some(identifier), attributes: Attributes::new() });
                return Ok(());
            }
            ("RES" | "CMD", _) => {
                let text = text.splitn(3, ';').nth(2).unwrap_or_default();
                out.push(Message::CommandAnswer { identifier: Some(identifier), tag: None, done: None, text: text.into() });
                return Ok(());
            }
            (_, Some("ST910")) => old::small(&fields),
            (kind, Some(family)) if family.starts_with("ST4") => old::towers(kind, &fields),
            (kind, Some(_)) => old::read(kind, &fields, env),
            (kind, None) => universal::read(kind, &fields),
        };
        match draft {
            Some(draft) => out.push(Message::Record { identifier: Some(identifier), record: draft.finish() }),
            None => out.push(Message::Undecoded { identifier: Some(identifier), reason: "unknown form", raw: text.as_bytes().to_vec() }),
        }
        Ok(())
    }
}

/// `20240729`, `19:22:43`.
fn time(date: &str, time: &str) -> Option<Micros> {
    let mut parts = time.split(':');
    let mut part = || parts.next()?.parse().ok();
    let (hour, minute, second) = (part()?, part()?, part()?);
    let number = |range: core::ops::Range<usize>| date.get(range)?.parse().ok();
    let year = date.get(..4)?.parse().ok()?;
    Civil { year, month: number(4..6)?, day: number(6..8)?, hour, minute, second, micros: 0 }.to_micros()
}

/// Whether a date stands there, with a time behind it.
fn is_date(fields: &Line<'_>, at: usize) -> bool {
    fields.at(at).len() == 8 && fields.at(at).bytes().all(|b| b.is_ascii_digit()) && fields.at(at.saturating_add(1)).contains(':')
}

/// Latitude, longitude, speed, course from that field on.
fn place(fields: &Line<'_>, at: usize, draft: &mut Draft) {
    draft.place_of(fields.number(at), fields.number(at.saturating_add(1)));
    if let Some(speed) = fields.number(at.saturating_add(2)) {
        draft.speed_kmh(speed);
    }
    if let Some(course) = fields.number(at.saturating_add(3)) {
        draft.course_deg(course);
    }
}

/// Volts as millivolts.
fn millivolts(text: &str) -> Option<i64> {
    let volts: f64 = text.parse().ok().filter(|volts: &f64| (0.0..10_000.0).contains(volts))?;
    Some(crate::carry::whole(volts * 1_000.0))
}

/// A card reader reports `GTSL|…|…|…|card|…` in transparent data.
fn transparent(data: &str, draft: &mut Draft) {
    let data = data.trim();
    if let Some(card) = data.strip_prefix("GTSL|").and_then(|fields| fields.split('|').nth(3)).filter(|card| !card.is_empty()) {
        draft.set(Name::DriverId, Value::Text(card));
    }
    draft.set_text(Name::Text, data);
}

fn words(command: &Command, universal: bool) -> Result<String, CannotSay> {
    let words = match (command, universal) {
        (Command::Raw { text }, _) if text.contains(';') && !universal => return Err(CannotSay::Value("text: without ;")),
        (Command::Raw { text }, true) => return Ok(text.clone()),
        (Command::Raw { text }, false) => return Ok(format!("02;{text}")),
        (Command::Locate | Command::Status, false) => "02;StatusReq",
        (Command::Locate | Command::Status, true) => "03;01",
        (Command::Reboot, false) => "02;Reboot",
        (Command::Reboot, true) => "03;03",
        (Command::EngineStop, false) => "02;Enable1",
        (Command::EngineStop, true) => "04;01",
        (Command::EngineResume, false) => "02;Disable1",
        (Command::EngineResume, true) => "04;02",
        (Command::Arm, false) => "02;Enable2",
        (Command::Arm, true) => "04;03",
        (Command::Disarm, false) => "02;Disable2",
        (Command::Disarm, true) => "04;04",
        (Command::Output { number: number @ (1 | 2), on }, false) => {
            return Ok(format!("02;{}{number}", if *on { "Enable" } else { "Disable" }));
        }
        (Command::Output { number: number @ (1 | 2), on }, true) => {
            return Ok(format!("04;{:02}", number.saturating_mul(2).saturating_sub(u8::from(*on))));
        }
        (Command::Output { .. }, _) => return Err(CannotSay::Value("number: 1 or 2")),
        _ => return Err(CannotSay::Unsupported),
    };
    Ok(words.into())
}
