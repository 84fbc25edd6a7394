//! TK103: messages in round brackets, of many makers; compact ones of the KX402 family, and ones with commas (makers of the CCTR family).
//!
//! ```text
//! message  = "(" head [ "," ] kind [ "," ] body ")"         ; between two "$" of the body a ")" is text
//! head     = device, digits                                  ; old firmware: YYMMDDhhmmss of the fix, the device stands in BP05 and BP00
//! kind     = two letters and two characters
//! body     = [ device, 15 digits ] "HSO"                     ; BP00, sign of life; answered with AP01HSO
//!          / [ device, 15 digits ] place                     ; BP05, login; answered with AP05 where the head has twelve digits
//!          / place                                           ; BR00 … BR02 periodic, BP04 when asked; a kind with commas has a date
//!                                                            ; DDMMYY, one without YYMMDD
//!          / alarm digit, place                              ; BO01
//!          / "ALARM," number "," value "," place             ; BQ81
//!          / MCC "," MNC *( "," LAC "," cell [ "," signal ] ) [ "," state ]     ; BZ00, area and cell hexadecimal
//!          / *( "{" MCC "," MNC "," LAC "," cell "}" LF ) "," state             ; BZ00, decimal
//!          / DDMMYY "," hhmmss "," level (0 … 6) "," battery (0.01 V) "," supply (0.1 V, 65535: none) "," removed     ; ZC20
//!          / MCC "," MNC "," LAC "," cell "," count *( "," MAC "*" signal "*" channel ) "," DDMMYY "," hhmmss         ; DW50 … DW60
//!          / DDMMYY "," hhmmss ",$" text "$"                 ; ZC03, answer to a command
//!          / 17 characters                                   ; BV00, the vehicle's number; else BV00 is an answer
//! place    = date ("A" / "V") latitude ("N" / "S") longitude ("E" / "W") speed (km/h) hhmmss course
//!            [ state "L" odometer (m, hexadecimal) [ temperature ] ]           ; commas may stand between all of them
//!            / … "," course [ "," height "," satellites ]
//! state    = eight hexadecimal digits: 1st main power off, 2nd ignition, the last three a fuel sensor; the others by model
//! ```
//!
//! Source: published parts of "GPRS Communication Protocol" 1.5 of the KX402 (TK103B) and of "GPS Tracker TK103 Protocol" for the compact
//! form; the user manual of the Vjoycar T903 for the commands in stars (setting `force_alternative`). No document at hand describes
//! `BP02,G,…` and the kinds with commas: their fields are those of the compact form, and the date is DDMMYY.

mod command;
mod encoder;
mod place;

use crate::wire::{self, Fields, find, find_far, take_digits};
use crate::{
    About, Addressee, Alarm, Attributes, CannotSay, Checksum, Civil, Command, DecodeError, Decoder, Draft, Environment, Expect, Identifier,
    Message, Name, Progress, Release, Replies, Transport, Value, carry,
};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

pub use encoder::Tk103Encoder;
use place::Order;

/// What `tk103` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "tk103",
    default_port: 5002,
    transports: &[Transport::Tcp, Transport::Udp],
    // Only logins are answered.
    acknowledges: &[],
    checksum: Checksum::None,
    carries_no_fix: true,
    settings: &["force_alternative"],
};

/// The longest message: the answer to a command is a text of some lines.
const FRAME_BYTES_MAX: usize = 4_096;
/// Fields that are looked at.
const FIELDS_MAX: usize = 64;
const CELLS_MAX: usize = 8;
const NETWORKS_MAX: usize = 16;
/// Digits of a head that the maker's document knows.
const HEAD_DIGITS: usize = 12;
/// Digits of the device in a login.
const DEVICE_DIGITS: usize = 15;
const KIND_BYTES: usize = 4;

/// Decoder.
#[derive(Debug, Default)]
pub struct Tk103Decoder;

/// A message taken apart.
#[derive(Clone, Copy)]
struct Body<'a> {
    head: &'a str,
    kind: &'a str,
    /// Whether a comma stands before the kind.
    commas: bool,
    /// What is behind the kind and its comma.
    content: &'a str,
}

impl Decoder for Tk103Decoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        _: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let noise = bytes.iter().position(|byte| *byte == b'(').unwrap_or(bytes.len());
        bytes.advance(noise);
        let Some(total) = end(bytes) else {
            return if bytes.len() >= FRAME_BYTES_MAX { Err(DecodeError::fatal("frame too long")) } else { Ok(Progress::NeedMore) };
        };
        // Read where it stands: a frame of its own is one more owner of the buffer.
        let frame = bytes.get(..total).unwrap_or_default();
        let opened = open(frame).and_then(|body| Some((body, Identifier::new(body.head)?)));
        if let Some((body, head)) = &opened {
            read(body, *head, frame, out, replies);
        }
        let result = opened.map(|_| Progress::Frame).ok_or(DecodeError::skipped("no device and kind"));
        bytes.advance(total);
        result
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        command::write(command, to, out)
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

/// Where the message at the front ends. Texts stand between two `$`.
fn end(bytes: &[u8]) -> Option<usize> {
    let window = bytes.get(..FRAME_BYTES_MAX).unwrap_or(bytes);
    let (mut in_text, mut from) = (false, 0_usize);
    loop {
        let rest = window.get(from..)?;
        let at = if in_text { find(rest, b'$') } else { find_far(rest, [b'$', b')']) }?;
        from = from.saturating_add(at).saturating_add(1);
        if rest.get(at) == Some(&b')') {
            return Some(from);
        }
        in_text = !in_text;
    }
}

fn open(frame: &[u8]) -> Option<Body<'_>> {
    let inside = core::str::from_utf8(frame.get(1..frame.len().checked_sub(1)?)?).ok()?;
    let digits = inside.len().saturating_sub(take_digits(0, inside.as_bytes()).1.len());
    let (head, rest) = inside.split_at_checked(digits)?;
    let (commas, rest) = rest.strip_prefix(',').map_or((false, rest), |rest| (true, rest));
    let (kind, content) = rest.split_at_checked(KIND_BYTES)?;
    let named =
        kind.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) && kind.starts_with(|c: char| c.is_ascii_uppercase());
    (digits > 0 && named).then_some(Body { head, kind, commas, content: content.strip_prefix(',').unwrap_or(content) })
}

fn read(body: &Body<'_>, head: Identifier, raw: &[u8], out: &mut Vec<Message>, replies: &mut Replies) {
    let identifier = Some(head);
    let undecoded = || Message::Undecoded { identifier, reason: "unknown kind or form", raw: raw.to_vec() };
    let record = |draft: Option<Draft>| match draft {
        Some(draft) => Message::Record { identifier, record: draft.finish() },
        None => undecoded(),
    };
    match body.kind {
        "BP00" => hand_shake(body, head, out, replies),
        "BP05" => login(body, head, raw, out, replies),
        "BZ00" => out.push(record(cells(body.content))),
        "ZC20" => out.push(record(battery(body.content))),
        "ZC03" => out.push(answer(identifier, body.content.split('$').nth(1).unwrap_or(body.content))),
        "BV00" if body.content.len() == 17 => {
            let mut draft = Draft::new();
            draft.set_text(Name::Vin, body.content);
            out.push(record(Some(draft)));
        }
        kind if network_kind(kind) && !has_place(body.content) => out.push(record(networks(kind, body.content))),
        kind => match positioned(body) {
            Some(draft) => {
                let identifier = identifier.filter(|_| !is_time(body.head, draft.time));
                if kind == "BP04" {
                    out.push(answer(identifier, kind));
                }
                out.push(Message::Record { identifier, record: draft.finish() });
            }
            None if is_answer(kind) => out.push(answer(identifier, &format!("{kind}{}", body.content))),
            None => out.push(undecoded()),
        },
    }
}

/// Kinds that answer commands; those of settings that we do not send among them.
fn is_answer(kind: &str) -> bool {
    kind.starts_with("BT")
        || kind.starts_with("BV")
        || kind.starts_with("BS")
        || kind.starts_with("BU")
        || kind.starts_with("BX")
        || matches!(kind, "BP03" | "BP04" | "BP07" | "BP11" | "BP12" | "BP17" | "BR05" | "BR06")
}

fn answer(identifier: Option<Identifier>, text: &str) -> Message {
    Message::CommandAnswer { identifier, tag: None, done: None, text: String::from(text) }
}

/// Digits at the front of a login: the device.
fn device(content: &str) -> Option<(&str, &str)> {
    let (device, rest) = content.split_at_checked(DEVICE_DIGITS)?;
    device.bytes().all(|byte| byte.is_ascii_digit()).then_some((device, rest))
}

/// The device that a login names: shorter numbers have three zeros before them.
fn of_login(device: &str) -> Option<Identifier> {
    Identifier::new(device.strip_prefix("000").unwrap_or(device))
}

/// Whether a head is the time of the fix and not the device.
fn is_time(head: &str, time: Option<crate::Micros>) -> bool {
    if head.len() != HEAD_DIGITS {
        return false;
    }
    let told = head.split_at_checked(6).and_then(|(date, hours)| Civil::from_year_month_day(date, hours));
    told.is_some() && told == time
}

/// What the server answers to twelve digits and a kind without commas.
fn reply(body: &Body<'_>, words: &str, release: Release, replies: &mut Replies) {
    if body.head.len() != HEAD_DIGITS || body.commas {
        return;
    }
    let mut bytes = Vec::with_capacity(32);
    for part in ["(", body.head, words, ")"] {
        bytes.extend_from_slice(part.as_bytes());
    }
    replies.bytes(release, bytes);
}

/// A sign of life. Where the head is a time, it names the device.
fn hand_shake(body: &Body<'_>, head: Identifier, out: &mut Vec<Message>, replies: &mut Replies) {
    let told = device(body.content).map(|(device, _)| device).filter(|device| !device.ends_with(body.head));
    let time = body.head.split_at_checked(6).and_then(|(date, hours)| Civil::from_year_month_day(date, hours));
    match told.and_then(of_login).filter(|_| body.head.len() == HEAD_DIGITS && time.is_some()) {
        Some(identifier) => out.push(Message::Login { identifier, password: None }),
        None => out.push(Message::Heartbeat { identifier: Some(head), attributes: Attributes::new() }),
    }
    reply(body, "AP01HSO", Release::Identified, replies);
}

fn login(body: &Body<'_>, head: Identifier, raw: &[u8], out: &mut Vec<Message>, replies: &mut Replies) {
    match positioned(body) {
        Some(draft) => {
            let named = device(body.content).filter(|_| is_time(body.head, draft.time)).and_then(|(device, _)| of_login(device));
            if let Some(identifier) = named {
                out.push(Message::Login { identifier, password: None });
            }
            out.push(Message::Record { identifier: named.is_none().then_some(head), record: draft.finish() });
        }
        None if device(body.content).is_some() => out.push(Message::Heartbeat { identifier: Some(head), attributes: Attributes::new() }),
        None => out.push(Message::Undecoded { identifier: Some(head), reason: "unknown kind or form", raw: raw.to_vec() }),
    }
    reply(body, "AP05", Release::Durable, replies);
}

/// A place, with what the kind says about it.
fn positioned(body: &Body<'_>) -> Option<Draft> {
    let (kind, mut content) = (body.kind, body.content);
    let mut order = if body.commas { Order::DayFirst } else { Order::YearFirst };
    let mut alarm = None;
    match kind {
        "BO01" => {
            let (code, rest) = content.split_at_checked(1)?;
            alarm = Some(alarm_of(code));
            content = rest.strip_prefix(',').unwrap_or(rest);
        }
        "BQ81" => {
            let fields = Fields::<3>::split(content.strip_prefix("ALARM")?.trim_start_matches(','), ',');
            alarm = Some(if fields.at(0) == "1" { Alarm::Overspeed } else { Alarm::General });
            content = fields.at(2);
        }
        _ => {
            if let Some(rest) = content.strip_prefix("G,") {
                order = Order::DayFirst;
                content = rest.split_once(',')?.1;
            }
        }
    }
    let mut draft = place::read(content, order, if kind == "BQ81" { 3 } else { 1 })?;
    match told_by(kind) {
        Some(Told::Alarm(told)) => draft.alarm(told),
        Some(Told::Ignition(on)) => draft.set(Name::Ignition, Value::Bool(on)),
        None => {}
    }
    if let Some(alarm) = alarm {
        draft.alarm(alarm);
    }
    Some(draft)
}

fn alarm_of(code: &str) -> Alarm {
    match code {
        "0" => Alarm::PowerCut,
        "1" => Alarm::Crash,
        "2" => Alarm::Sos,
        "3" => Alarm::Vibration,
        "4" => Alarm::LowSpeed,
        "5" => Alarm::Overspeed,
        "6" => Alarm::GeofenceExit,
        "7" => Alarm::Movement,
        _ => Alarm::General,
    }
}

/// What a kind with commas tells beside the place.
enum Told {
    Alarm(Alarm),
    Ignition(bool),
}

fn told_by(kind: &str) -> Option<Told> {
    Some(match kind {
        "ZC11" | "DW31" | "DW51" => Told::Alarm(Alarm::Movement),
        "ZC12" | "DW32" | "DW52" => Told::Alarm(Alarm::LowBattery),
        "ZC13" | "DW33" | "DW53" => Told::Alarm(Alarm::PowerCut),
        "ZC15" | "DW35" | "DW55" => Told::Ignition(true),
        "ZC16" | "DW36" | "DW56" => Told::Ignition(false),
        "ZC17" | "DW37" | "DW57" => Told::Alarm(Alarm::Removing),
        "ZC25" | "DW3E" | "DW5E" => Told::Alarm(Alarm::Sos),
        "ZC26" | "DW3F" | "DW5F" => Told::Alarm(Alarm::Tamper),
        "ZC27" | "DW40" | "DW60" => Told::Alarm(Alarm::LowPower),
        _ => return None,
    })
}

/// Kinds without a fix: cells and wireless networks.
fn network_kind(kind: &str) -> bool {
    kind.starts_with("DW5") || kind == "DW60"
}

fn has_place(content: &str) -> bool {
    content.split(',').nth(1).is_some_and(|field| matches!(field, "A" | "V"))
}

/// BZ00.
fn cells(content: &str) -> Option<Draft> {
    let mut draft = Draft::new();
    let mut number = 0_u8;
    let mut push = |draft: &mut Draft, operator, place, signal| {
        if usize::from(number) < CELLS_MAX {
            draft.set_numbered(Name::Cell, number, Value::Text(wire::cell_text(operator, place, signal).as_str()));
            number = number.saturating_add(1);
        }
    };
    let mut state = "";
    if content.contains('{') {
        for cell in content.split('{').skip(1) {
            let (cell, rest) = cell.split_once('}')?;
            let fields = Fields::<4>::split(cell, ',');
            push(&mut draft, (fields.number(0)?, fields.number(1)?), (fields.number(2)?, fields.number(3)?), None);
            state = rest.trim().trim_start_matches(',');
        }
    } else {
        let fields = Fields::<FIELDS_MAX>::split(content, ',');
        let operator = (fields.number(0)?, fields.number(1)?);
        let mut rest = fields.from(2).peekable();
        while let Some(area) = rest.next() {
            let Some(cell) = rest.next() else {
                state = area;
                break;
            };
            let hexadecimal = |digits: &str| u64::from_str_radix(digits, 16).ok();
            // A signal has two digits, an area four.
            let signal = rest.next_if(|field| field.len() < KIND_BYTES).and_then(|field| field.parse().ok());
            push(&mut draft, operator, (hexadecimal(area)?, hexadecimal(cell)?), signal);
        }
    }
    place::state(state, &mut draft);
    Some(draft)
}

/// DDMMYY and hhmmss in two fields.
fn time_of(date: &str, time: &str) -> Draft {
    Draft::at_told(Civil::from_day_month_year(date, time))
}

/// ZC20.
fn battery(content: &str) -> Option<Draft> {
    let fields = Fields::<6>::split(content, ',');
    let level: u8 = fields.number(2)?;
    let mut draft = time_of(fields.at(0), fields.at(1));
    let percent = match level {
        6 => Some(100),
        5 => Some(80),
        4 => Some(50),
        3 => Some(20),
        2 => Some(10),
        _ => None,
    };
    draft.set_int(Name::BatteryLevelPct, percent);
    draft.set_int(Name::BatteryMv, fields.number::<u16>(3).map(|value| i64::from(value).saturating_mul(10)));
    let supply = fields.number::<u16>(4).filter(|value| *value != u16::MAX);
    draft.set_int(Name::ExternalPowerMv, supply.map(|value| i64::from(value).saturating_mul(100)));
    Some(draft)
}

/// DW50 and those after it.
fn networks(kind: &str, content: &str) -> Option<Draft> {
    let fields = Fields::<FIELDS_MAX>::split(content, ',');
    let count: usize = fields.number(4)?;
    let behind = count.checked_add(5)?;
    let mut draft = time_of(fields.at(behind), fields.at(behind.checked_add(1)?));
    let operator = (fields.number(0)?, fields.number(1)?);
    if let (Some(area), Some(cell)) = (fields.number(2), fields.number(3)) {
        draft.set(Name::Cell, Value::Text(wire::cell_text(operator, (area, cell), None).as_str()));
    }
    for (number, network) in fields.from(5).take(count.min(NETWORKS_MAX)).enumerate() {
        let mut parts = network.split('*');
        let Some(address) = parts.next().and_then(mac) else { continue };
        let signal = parts.next().and_then(|signal| signal.parse().ok()).map(i16::unsigned_abs);
        draft.set_numbered(Name::Wifi, carry::index(number), Value::Text(wire::wifi_text(address, signal).as_str()));
    }
    match told_by(kind) {
        Some(Told::Alarm(alarm)) => draft.alarm(alarm),
        Some(Told::Ignition(on)) => draft.set(Name::Ignition, Value::Bool(on)),
        None => {}
    }
    Some(draft)
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let mut address = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut address {
        *byte = u8::from_str_radix(parts.next().filter(|part| part.len() == 2)?, 16).ok()?;
    }
    parts.next().is_none().then_some(address)
}
