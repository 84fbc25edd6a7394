//! Suntech: the ST200 to ST900 families in text and packed, and the universal protocol of the ST4000 and later ones in text and binary.
//!
//! ```text
//! line      = fields separated by ";" CR                   ; a CR among transparent data does not end it
//! old       = family kind ";" id ";" [ model ";" ] version ";" date ";" time ";" cell [ ";" MCC ";" MNC ";" LAC ";" signal ] ";" place
//!             ";" odometer (m) ";" supply (V) ";" states ";" more
//!             ; family: "ST300", "SA200", …; kind: STT, ALT, EMG, EVT, UEX
//! states    = engine, inputs 1 to 3, outputs 1 and 2, each "0" or "1"
//! more      = of STT: mode ";" number ";" tail; of ALT, EMG, EVT: what ";" [ fence / mode ";" number ] ";" tail; of UEX: data ";" tail
//! data      = count ";" count bytes ";" checksum           ; 00 and 01 in them as 01 10 and 01 11, counted once
//! tail      = [ hours (min) ";" battery (V) ";" live [ voltages ] [ rpm ] [ key ";" known ] [ probes ] [ cell ";" MCC … ] ]
//!             ; whether and which of these are there are settings of the device
//! journey   = family "HTE;" id … time ";" odometer ";" supply ";" tail ";" metres ";" minutes … ";" driver
//! place     = latitude ";" longitude ";" speed (km/h) ";" course ";" satellites ";" fix
//! ST910     = "ST910;" ("Location" / "Alert" / "Emergency") ";" id ";" [ version ";" ] date ";" time ";" [ cell ";" ] latitude …
//!           / "ST910;Alive;" id
//! ST4xx     = family kind ";" id ";" version ";" … cells … ";" battery ";" … ";" date ";" time ";" place
//! answer    = family "CMD;Res;" id ";" version ";" text / "RES;" id ";" text
//! universal = kind ";" id ";" map ";" model ";" version ";" live ";" date ";" time ";" cell … ";" place ";" inputs ";" outputs ";" …
//!             ; which of them are there says `map` (hexadecimal)
//! binary    = (81 / 82 / …) length u16, id (5 bytes BCD), map u24, the same in binary
//! packed    = 02 length u16 (of what stands between it and 03), kind, id (9 digits BCD, 0), model, version u16, date and time (6
//!             bytes), LAC u16, colour, latitude, longitude, speed, course, satellites, …, 03
//!             ; kind: 10 STT, 11 EMG, 12 EVT, 13 ALT, 16 UEX; decimals are BCD
//! ```
//! Nothing is answered.
//!
//! Source: Suntech, "ST300/340 Operation Manual" 1.41, "ST310U Operation Manual" 1.08, "ST940 User Manual" 1.19, "Universal Reporting
//! Guide" 1.62.

mod alert;
mod data;
mod encoder;
mod old;
mod universal;
mod zip;

pub use encoder::SuntechEncoder;

use crate::wire::{self, Fields, three_pairs, two_pairs};
use crate::{
    About, Addressee, Attributes, CannotSay, Checksum, Civil, Command, DecodeError, Decoder, Draft, Environment, Expect, Identifier,
    Message, Micros, Progress, Replies, Transport,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Dialect {
    #[default]
    Unknown,
    /// Of that family: `ST300`, `SA200`, ….
    Old([u8; 5]),
    Universal,
}

/// Decoder.
#[derive(Debug, Default)]
pub struct SuntechDecoder {
    dialect: Dialect,
    /// Whose line ended within its transparent data: what stood behind them comes as a line without a head.
    broken: Option<Identifier>,
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
        if blank > 0 {
            bytes.advance(blank);
        }
        let may_have_data;
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
                if head == 4 {
                    self.dialect = Dialect::Old(*b"ST300");
                    return zip::binary(&raw, out).map(|()| Progress::Frame);
                }
                self.dialect = Dialect::Universal;
                return universal::binary(&raw, out).map(|()| Progress::Frame);
            }
            _ => {
                may_have_data = data::may_have_data(bytes);
                data::line_end(bytes, may_have_data)
            }
        };
        let Some(total) = total else {
            return if bytes.len() >= FRAME_BYTES_MAX { Err(DecodeError::fatal("frame too long")) } else { Ok(Progress::NeedMore) };
        };
        // Read where it stands: two handles of one buffer would be counted.
        let read = self.line(bytes.get(..total).unwrap_or_default(), may_have_data, env, out);
        bytes.advance(total.saturating_add(1));
        read.map(|()| Progress::Frame)
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let universal = self.dialect == Dialect::Universal || to.env.options.number("protocol_type") == Some(1);
        let words = words(command, universal)?;
        let family = match &self.dialect {
            Dialect::Old(family) => core::str::from_utf8(family).unwrap_or(FAMILY),
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

impl SuntechDecoder {
    /// The rest of a line that ended within its data: checksum, hours, battery.
    fn rest(&mut self, raw: &[u8], env: &Environment<'_>, out: &mut Vec<Message>) -> Result<(), DecodeError> {
        let identifier = self.broken.take().ok_or(DecodeError::skipped("no kind"))?;
        let text = core::str::from_utf8(raw).map_err(|_| DecodeError::skipped("no text"))?;
        let mut draft = Draft::new();
        if self.dialect != Dialect::Universal {
            old::tail(&Line::split(text, ';'), 3, env, &mut draft);
        }
        out.push(Message::Heartbeat { identifier: Some(identifier), attributes: draft.finish().attributes });
        Ok(())
    }

    fn line(&mut self, raw: &[u8], may_have_data: bool, env: &Environment<'_>, out: &mut Vec<Message>) -> Result<(), DecodeError> {
        if raw.starts_with(b";") {
            return self.rest(raw, env, out);
        }
        let parts = if may_have_data { data::parts(raw) } else { None };
        let no_text = DecodeError::skipped("no text");
        let (head, tail) = parts.as_ref().map_or((raw, None), |parts| (parts.head, Some(parts.tail)));
        let text = core::str::from_utf8(head).map_err(|_| no_text)?;
        let tail = tail.map_or(Ok(""), core::str::from_utf8).map_err(|_| no_text)?;
        let data = parts.map(|parts| Data { bytes: parts.data, tail });
        let mut fields = Line::uncut(text);
        fields.cut(';');
        let head = fields.at(0);
        if fields.count() < 2 {
            // An answer without a name, such as "-Error".
            let done = head.contains("Error").then_some(false);
            out.push(Message::CommandAnswer { identifier: None, tag: None, done, text: text.into() });
            return Ok(());
        }
        let family = head.get(..5).filter(|family| family.starts_with('S') && family.as_bytes().get(2).is_some_and(u8::is_ascii_digit));
        let kind = family.map_or(head, |_| head.get(5..).unwrap_or_default());
        // The answers of the older families have a word before the name, the reports of the ST910 their kind.
        let is_answer = fields.at(1) == "Res" || matches!(kind, "RES" | "CMD");
        let is_small = head.len() == 5 && head.starts_with("ST9");
        let name_at = if fields.at(1) == "Res" || is_small { 2 } else { 1 };
        let identifier = Identifier::new(fields.at(name_at)).ok_or(DecodeError::skipped("no identifier"))?;
        self.broken = data.filter(|data| data.tail.is_empty()).map(|_| identifier);
        self.dialect = family.and_then(|family| family.as_bytes().first_chunk().copied()).map_or(Dialect::Universal, Dialect::Old);
        if is_answer {
            let text = text.splitn(name_at.saturating_add(2), ';').nth(name_at.saturating_add(1)).unwrap_or_default();
            out.push(Message::CommandAnswer { identifier: Some(identifier), tag: None, done: None, text: text.into() });
            return Ok(());
        }
        if kind == "ALV" || is_small && fields.at(1) == "Alive" {
            out.push(Message::Heartbeat { identifier: Some(identifier), attributes: Attributes::new() });
            return Ok(());
        }
        let mut draft = Draft::new();
        let read = match family {
            Some(_) if is_small => old::small(&fields).map(|read| draft = read),
            Some(family) if family.starts_with("ST4") => old::towers(kind, &fields).map(|read| draft = read),
            Some(_) => old::read(kind, &fields, data, env).map(|read| draft = read),
            None if kind == "BLE" => universal::tags(&fields).map(|read| draft = read),
            None => universal::read(kind, &fields, data, &mut draft),
        };
        match read {
            Some(()) => draft.finish_into(Some(identifier), out),
            None => out.push(Message::Undecoded { identifier: Some(identifier), reason: "unknown form", raw: raw.to_vec() }),
        }
        Ok(())
    }
}

/// Transparent data of a line, and the fields behind them.
#[derive(Clone, Copy)]
struct Data<'a> {
    bytes: &'a [u8],
    tail: &'a str,
}

/// `20240729`, `19:22:43`.
fn time(date: &[u8], time: &[u8]) -> Option<Micros> {
    if let (Ok(time), Ok([b'2', b'0', y0, y1, mo0, mo1, d0, d1])) = (time.try_into(), <[u8; 8]>::try_from(date))
        && let (Some([year, month]), Some([_, day])) = (two_pairs([y0, y1, mo0, mo1]), two_pairs([b'0', b'0', d0, d1]))
        && let Some([hour, minute, second]) = three_pairs(time, b':')
    {
        return Civil::of_two_digits_each([year, month, day, hour, minute, second]);
    }
    let (date, time) = (core::str::from_utf8(date).ok()?, core::str::from_utf8(time).ok()?);
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
    draft.place_of(fields.decimal(at), fields.decimal(at.saturating_add(1)));
    if let Some(speed) = fields.decimal(at.saturating_add(2)) {
        draft.speed_kmh(speed);
    }
    if let Some(course) = fields.decimal(at.saturating_add(3)) {
        draft.course_deg(course);
    }
}

/// Volts as millivolts.
fn millivolts(text: &[u8]) -> Option<i64> {
    let volts: f64 = wire::decimal_of(text).filter(|volts| (0.0..10_000.0).contains(volts))?;
    Some(crate::carry::whole(volts * 1_000.0))
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
        (Command::FactoryReset, false) => "02;Reset",
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
