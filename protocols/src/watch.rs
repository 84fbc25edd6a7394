//! Watch: wrist watches and pendants of the SeTracker family (makers `3G`, `SG`, `ZJ`, `CS`, …).
//!
//! ```text
//! message  = "[" maker "*" identifier [ "*" index ] "*" length "*" kind [ "," content ] "]"
//! maker    = 2 letters or digits
//! index    = 4 hexadecimal digits, which some makers count and want back
//! length   = 4 hexadecimal digits: bytes of kind and content, escapes undone
//! kind     = "LK" [ "," steps "," falls "," battery ]                        ; alive; answered
//!          / ("UD" / "UD2" / "UD_LTE" / "WT" / "AL" / …) "," place           ; AL is an alarm, and answered; UD2 comes from memory
//!          / "HEART" / "PULSE" / "BPHRT" / "OXYGEN" / "TEMP" / "BTEMP2" "," values
//!          / "TK" "," voice                                                   ; kept raw
//!          / the kind of a command, and what is answered to it
//! place    = DDMMYY "," hhmmss "," ("A" / "V") "," latitude "," ("N" / "S") "," longitude "," ("E" / "W") "," speed (km/h) ","
//!            course "," height "," satellites "," signal (%) "," battery (%) "," steps "," falls "," state (hex) ","
//!            cells "," advance "," MCC "," MNC *( "," LAC "," cell "," signal ) [ "," networks *( "," name "," MAC "," signal ) ]
//!            [ "," accuracy (m) ]
//! state    = bits 0 battery low, 1 left a fence, 2 entered one, 4 moving; alarms: 16 SOS, 17 battery, 18 left, 19 entered, 20 taken
//!            off, 21 fall
//! ```
//! In the content `7D 01` … `7D 05` stand for `}`, `[`, `]`, `,`, `*`.
//!
//! Source: 3G Electronics, "GPS tracker communication protocol" (the watches Q50, Q90, GW100).

use crate::wire::{Fields, decimal, find, find_far, hexadecimal, push_padded};
use crate::{
    About, Addressee, Alarm, Attributes, CannotSay, Checksum, Civil, Command, DecodeError, Decoder, Draft, Encoder, Environment, Expect,
    Identifier, Message, Name, Progress, Record, Release, Replies, Transport, Value, carry, wire,
};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use core::fmt::Write as _;

/// What `watch` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "watch",
    default_port: 5093,
    transports: &[Transport::Tcp],
    // Only alarms are answered.
    acknowledges: &[],
    checksum: Checksum::None,
    carries_no_fix: true,
    settings: &[],
};

/// The longest message: voice comes in it.
const FRAME_BYTES_MAX: usize = 16 * 1024;
/// Fields that are looked at.
const FIELDS_MAX: usize = 96;
const CELLS_MAX: usize = 16;
const NETWORKS_MAX: usize = 16;
/// The maker that we speak as to a watch that has not said its own.
const MAKER: &str = "CS";

/// Alarms by their bit of the state, in the order in which they are told.
const ALARMS: &[(u32, Alarm)] = &[
    (16, Alarm::Sos),
    (17, Alarm::LowBattery),
    (18, Alarm::GeofenceExit),
    (19, Alarm::GeofenceEnter),
    (20, Alarm::Removing),
    (21, Alarm::Fall),
];
/// The same of watches that raise them as states.
const STATES: &[(u32, Alarm)] = &[(0, Alarm::LowBattery), (1, Alarm::GeofenceExit), (2, Alarm::GeofenceEnter)];
const MOVING: u32 = 4;

/// Decoder.
#[derive(Debug, Default)]
pub struct WatchDecoder {
    maker: Option<[u8; 2]>,
    /// The watch counts its messages; the last one's number.
    index: Option<u16>,
}

/// A message taken apart.
struct Body<'a> {
    maker: &'a [u8],
    identifier: Option<Identifier>,
    index: Option<u16>,
    /// Kind and content.
    content: Cow<'a, [u8]>,
    raw: &'a [u8],
}

impl Decoder for WatchDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let noise = find(bytes, b'[').unwrap_or(bytes.len());
        bytes.advance(noise);
        let Some(total) = end(bytes) else {
            return if bytes.len() >= FRAME_BYTES_MAX { Err(DecodeError::fatal("frame too long")) } else { Ok(Progress::NeedMore) };
        };
        let frame = bytes.split_to(total);
        let Some(body) = open(&frame) else { return Err(DecodeError::skipped("no maker, identifier and length")) };
        if let Some(maker) = body.maker.first_chunk() {
            self.maker = Some(*maker);
        }
        self.index = body.index;
        read(&body, env, out, replies);
        Ok(Progress::Frame)
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let words = words(command)?;
        let maker = self.maker.as_ref().and_then(|maker| core::str::from_utf8(maker).ok()).unwrap_or(MAKER);
        write(maker, to.identifier.as_str(), self.index, words.as_bytes(), out);
        Ok(Expect::Next)
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

/// Where the message at the front ends: brackets in it come in pairs.
fn end(bytes: &[u8]) -> Option<usize> {
    let bytes = bytes.get(..FRAME_BYTES_MAX).unwrap_or(bytes);
    let (mut at, mut depth) = (0_usize, 0_usize);
    loop {
        let rest = bytes.get(at..)?;
        let bracket = find_far(rest, [b'[', b']'])?;
        at = at.saturating_add(bracket).saturating_add(1);
        depth = match rest.get(bracket)? {
            b'[' => depth.saturating_add(1),
            _ if depth <= 1 => return Some(at),
            _ => depth.saturating_sub(1),
        };
    }
}

fn open(raw: &[u8]) -> Option<Body<'_>> {
    let inside = raw.get(1..raw.len().checked_sub(1)?)?;
    let (maker, behind) = before_star(inside)?;
    let (identifier, behind) = before_star(behind)?;
    let (third, behind) = before_star(behind)?;
    let number = |part: &[u8]| if part.len() == 4 { hexadecimal(part).and_then(|number| u16::try_from(number).ok()) } else { None };
    let first = number(third)?;
    // The length stands before the content; where it seems to, what came before was the index.
    let fourth = behind.split_at_checked(4).and_then(|(digits, behind)| number(digits).and(behind.strip_prefix(b"*")));
    let (index, content) = match fourth {
        Some(content) => (Some(first), content),
        None => (None, behind),
    };
    let identifier = Some(identifier).filter(|bytes| bytes.iter().all(u8::is_ascii_alphanumeric)).and_then(Identifier::from_bytes);
    (maker.len() == 2 && identifier.is_some()).then_some(Body { maker, identifier, index, content: unescaped(content), raw })
}

/// What stands before the next star, and behind it.
fn before_star(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, star) = bytes.split_at_checked(find(bytes, b'*')?)?;
    Some((before, star.get(1..)?))
}

fn unescaped(content: &[u8]) -> Cow<'_, [u8]> {
    if find_far(content, [0x7D]).is_none() {
        return Cow::Borrowed(content);
    }
    let mut plain = Vec::with_capacity(content.len());
    let mut bytes = content.iter();
    while let Some(byte) = bytes.next() {
        let meant = match (byte, bytes.clone().next()) {
            (0x7D, Some(1)) => Some(b'}'),
            (0x7D, Some(2)) => Some(b'['),
            (0x7D, Some(3)) => Some(b']'),
            (0x7D, Some(4)) => Some(b','),
            (0x7D, Some(5)) => Some(b'*'),
            _ => None,
        };
        if meant.is_some() {
            bytes.next();
        }
        plain.push(meant.unwrap_or(*byte));
    }
    Cow::Owned(plain)
}

fn read(body: &Body<'_>, env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) {
    let end = find(&body.content, b',').unwrap_or(body.content.len());
    let kind = body.content.get(..end).and_then(|kind| core::str::from_utf8(kind).ok()).unwrap_or_default();
    let content = body.content.get(end.saturating_add(1)..).unwrap_or_default();
    let identifier = body.identifier;
    let answer = |word: &str, replies: &mut Replies| {
        let mut reply = Vec::with_capacity(40);
        let maker = core::str::from_utf8(body.maker).unwrap_or(MAKER);
        write(maker, identifier.as_ref().map_or("", Identifier::as_str), body.index, word.as_bytes(), &mut reply);
        replies.bytes(Release::Durable, reply);
    };
    let Some(text) = core::str::from_utf8(content).ok().filter(|_| !kind.eq_ignore_ascii_case("TK")) else {
        out.push(Message::Undecoded { identifier, reason: "voice or picture", raw: body.raw.to_vec() });
        return;
    };
    let fields = Fields::<FIELDS_MAX>::split(text, ',');
    let upper =
        if kind.bytes().any(|byte| byte.is_ascii_lowercase()) { Cow::Owned(kind.to_ascii_uppercase()) } else { Cow::Borrowed(kind) };
    let word = match upper.as_ref() {
        "LK" => {
            out.push(Message::Heartbeat { identifier, attributes: alive(&fields) });
            "LK"
        }
        "TKQ" | "TKQ2" | "INIT" => {
            out.push(Message::Heartbeat { identifier, attributes: Attributes::new() });
            if upper == "INIT" { "INIT,1" } else { kind }
        }
        kind if kind == "WT" || kind.starts_with("UD") || kind.starts_with("AL") => match place(kind, &fields, env) {
            Some(record) => {
                out.push(Message::Record { identifier, record });
                if kind.starts_with("AL") { "AL" } else { "" }
            }
            None => {
                out.push(Message::Undecoded { identifier, reason: "unknown form", raw: body.raw.to_vec() });
                ""
            }
        },
        kind => {
            match health(kind, &fields) {
                Some(attributes) => {
                    out.push(Message::Record { identifier, record: Record { fix_time: None, fix: None, attributes } });
                }
                None => {
                    let text = String::from_utf8_lossy(&body.content).into_owned();
                    out.push(Message::CommandAnswer { identifier, tag: None, done: None, text });
                }
            }
            ""
        }
    };
    if !word.is_empty() {
        answer(word, replies);
    }
}

/// `LK,steps,falls,battery`.
fn alive(fields: &Fields<'_, FIELDS_MAX>) -> Attributes {
    let mut attributes = Attributes::new();
    if fields.count() >= 3 {
        for (name, at) in [(Name::Steps, 0), (Name::BatteryLevelPct, 2)] {
            if let Some(value) = fields.number::<u32>(at) {
                attributes.set(name, Value::Int(i64::from(value)));
            }
        }
    }
    attributes
}

/// What the watch measures of its wearer.
fn health(kind: &str, fields: &Fields<'_, FIELDS_MAX>) -> Option<Attributes> {
    let places: &[(Name, usize)] = match kind {
        "HEART" | "PULSE" => &[(Name::HeartRateBpm, 0)],
        "BLOOD" => &[(Name::BloodPressureHigh, 0), (Name::BloodPressureLow, 1)],
        "BPHRT" => &[(Name::BloodPressureHigh, 0), (Name::BloodPressureLow, 1), (Name::HeartRateBpm, 2)],
        "OXYGEN" => &[(Name::BloodOxygenPct, 1)],
        "TEMP" => &[(Name::TemperatureC, 0)],
        "BTEMP2" => &[(Name::TemperatureC, 1)],
        _ => return None,
    };
    let mut draft = Draft::new();
    for (name, at) in places {
        let value: f64 = fields.number(*at).filter(|value: &f64| value.is_finite())?;
        if *name == Name::TemperatureC {
            draft.set_numbered(Name::TemperatureC, 1, Value::Float(value));
        } else {
            draft.set(*name, Value::Int(carry::whole(value)));
        }
    }
    Some(draft.attributes)
}

fn place(kind: &str, fields: &Fields<'_, FIELDS_MAX>, _: &Environment<'_>) -> Option<Record> {
    if fields.count() < 16 || !matches!(fields.at(2), "A" | "V") {
        return None;
    }
    let mut draft = Draft::at_told(Civil::from_day_month_year(fields.at(0), fields.at(1)));
    draft.valid = fields.at(2) == "A";
    let degrees = |at: usize, negative: &str| {
        let text = fields.at(at);
        let number = decimal(text).or_else(|| decimal(text.trim()))?;
        Some(if fields.at(at.saturating_add(1)) == negative { -number.abs() } else { number })
    };
    if !(fields.at(3).is_empty() && fields.at(5).is_empty()) {
        draft.place_of(degrees(3, "S"), degrees(5, "W"));
    }
    for (at, set) in [(7, Draft::speed_kmh as fn(&mut Draft, f64)), (8, Draft::course_deg), (9, Draft::altitude_m)] {
        if let Some(value) = fields.decimal(at) {
            set(&mut draft, value);
        }
    }
    for (at, name) in [(10, Name::Satellites), (11, Name::GsmSignalPct), (12, Name::BatteryLevelPct), (13, Name::Steps)] {
        draft.set_int(name, fields.number::<u32>(at));
    }
    let state = hexadecimal(fields.at(15).as_bytes()).and_then(|state| u32::try_from(state).ok()).unwrap_or(0);
    if state >> MOVING & 1 == 1 {
        draft.set(Name::Motion, Value::Bool(true));
    }
    if kind.starts_with("AL") {
        alarms(state, &mut draft);
    }
    if kind == "UD2" {
        draft.set(Name::Buffered, Value::Bool(true));
    }
    network(fields, &mut draft);
    Some(draft.finish())
}

fn alarms(state: u32, draft: &mut Draft) {
    let raised = |table: &'static [(u32, Alarm)]| table.iter().filter(move |(bit, _)| state >> bit & 1 == 1).map(|(_, alarm)| *alarm);
    raised(ALARMS).for_each(|alarm| draft.alarm(alarm));
    if raised(ALARMS).next().is_none() {
        raised(STATES).for_each(|alarm| draft.alarm(alarm));
        if raised(STATES).next().is_none() {
            draft.alarm(Alarm::General);
        }
    }
}

/// Cells, wireless networks, accuracy.
fn network(fields: &Fields<'_, FIELDS_MAX>, draft: &mut Draft) {
    let cells = fields.number::<usize>(16).unwrap_or(0);
    if cells == 0 {
        return;
    }
    let (Some(country), Some(operator)) = (fields.number(18), fields.number(19)) else { return };
    let mut at = 20_usize;
    for number in 0..cells.min(CELLS_MAX) {
        let (Some(area), Some(id)) = (fields.number(at), fields.number(at.saturating_add(1))) else { return };
        let signal = fields.number(at.saturating_add(2));
        draft.set_numbered(
            Name::Cell,
            carry::index(number),
            Value::Text(wire::cell_text((country, operator), (area, id), signal).as_str()),
        );
        at = at.saturating_add(3);
    }
    let networks = fields.number::<usize>(at).unwrap_or(0);
    at = at.saturating_add(1);
    for number in 0..networks.min(NETWORKS_MAX) {
        let Some(address) = mac(fields.at(at.saturating_add(1))) else { return };
        let signal = fields.number::<i16>(at.saturating_add(2)).map(i16::unsigned_abs);
        draft.set_numbered(Name::Wifi, carry::index(number), Value::Text(wire::wifi_text(address, signal).as_str()));
        at = at.saturating_add(3);
    }
    if let Some(accuracy) = fields.number::<f64>(at).filter(|metres| at < fields.count() && (0.0..100_000.0).contains(metres)) {
        draft.set(Name::AccuracyM, Value::Float(accuracy));
    }
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let mut address = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut address {
        *byte = u8::from_str_radix(parts.next().filter(|part| part.len() == 2)?, 16).ok()?;
    }
    parts.next().is_none().then_some(address)
}

/// Puts a message around its kind and content.
fn write(maker: &str, identifier: &str, index: Option<u16>, content: &[u8], out: &mut Vec<u8>) {
    let mut head = format!("[{maker}*{identifier}*");
    if let Some(index) = index {
        let _ = write!(head, "{index:04X}*");
    }
    let _ = write!(head, "{:04x}*", content.len());
    out.extend_from_slice(head.as_bytes());
    for byte in content {
        match byte {
            b'}' => out.extend_from_slice(&[0x7D, 1]),
            b'[' => out.extend_from_slice(&[0x7D, 2]),
            b']' => out.extend_from_slice(&[0x7D, 3]),
            b'*' => out.extend_from_slice(&[0x7D, 5]),
            byte => out.push(*byte),
        }
    }
    out.push(b']');
}

/// The words for a command.
fn words(command: &Command) -> Result<Cow<'_, str>, CannotSay> {
    Ok(match command {
        Command::Raw { text } => Cow::Borrowed(text.as_str()),
        Command::Locate => Cow::Borrowed("CR"),
        Command::ReportEvery { seconds } => Cow::Owned(format!("UPLOAD,{seconds}")),
        Command::PowerOff => Cow::Borrowed("POWEROFF"),
        Command::Reboot => Cow::Borrowed("RESET"),
        Command::FactoryReset => Cow::Borrowed("FACTORY"),
        Command::Version => Cow::Borrowed("VERNO"),
        Command::Status => Cow::Borrowed("TS"),
        Command::Photo => Cow::Borrowed("rcapture"),
        Command::SosNumber { index, phone } if (1..=3).contains(index) => Cow::Owned(format!("SOS{index},{phone}")),
        Command::SosNumber { .. } => return Err(CannotSay::Value("index: 1 to 3")),
        Command::SetTimeZone { minutes } => Cow::Owned(zone(*minutes)),
        Command::Message { text } => {
            let mut words = String::from("MESSAGE,");
            for unit in text.encode_utf16() {
                let _ = write!(words, "{unit:04X}");
            }
            Cow::Owned(words)
        }
        _ => return Err(CannotSay::Unsupported),
    })
}

/// Hours with their fraction: `+5.75`.
fn zone(minutes: i32) -> String {
    let (sign, whole, rest) = (if minutes < 0 { '-' } else { '+' }, minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60);
    let fraction = rest.saturating_mul(100) / 60;
    let mut text = format!("LZ,,{sign}{whole}");
    if fraction > 0 {
        let digits = format!(".{fraction:02}");
        text.push_str(digits.trim_end_matches('0'));
    }
    text
}

/// Encoder.
#[derive(Debug)]
pub struct WatchEncoder;

impl WatchEncoder {
    /// For a stream.
    pub fn new(_: Transport) -> Self {
        Self
    }
}

const SENT: &[Name] = &[Name::Satellites, Name::GsmSignalPct, Name::BatteryLevelPct, Name::Steps];

/// The alarm that is told, with its bit.
fn alarm_of(attributes: &Attributes) -> Option<(u32, Alarm)> {
    let Some(Value::Alarm(alarm)) = attributes.get(Name::Alarm) else { return None };
    ALARMS.iter().copied().find(|(_, known)| *known == alarm)
}

impl Encoder for WatchEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        let alarm = alarm_of(&record.attributes);
        let mut text = String::with_capacity(128);
        text.push_str(if alarm.is_some() { "AL," } else { "UD," });
        let civil = record.fix_time.and_then(Civil::from_micros);
        if let Some(Civil { year, month, day, hour, minute, second, .. }) = civil {
            let year = u32::try_from(year.rem_euclid(100)).unwrap_or(0);
            for (number, comma) in [(day, false), (month, false), (year, true), (hour, false), (minute, false), (second, true)] {
                push_padded(&mut text, number, 2);
                if comma {
                    text.push(',');
                }
            }
        }
        match &record.fix {
            None => text.push_str("V,,,,,,,,"),
            Some(fix) => {
                text.push(if fix.valid { 'A' } else { 'V' });
                let (latitude, longitude) = (fix.latitude.degrees(), fix.longitude.degrees());
                let (north, east) = (if latitude < 0.0 { 'S' } else { 'N' }, if longitude < 0.0 { 'W' } else { 'E' });
                let _ = write!(text, ",{:.7},{north},{:.7},{east},", latitude.abs(), longitude.abs());
                for value in [fix.speed_kmh, fix.course_deg, fix.altitude_m] {
                    if let Some(value) = value {
                        let _ = write!(text, "{value:.2}");
                    }
                    text.push(',');
                }
            }
        }
        for name in SENT {
            if let Some(value) = carry::int(&record.attributes, *name, 0..=100_000) {
                let _ = write!(text, "{value}");
            }
            text.push(',');
        }
        let moving = u32::from(record.attributes.get(Name::Motion) == Some(Value::Bool(true))) << MOVING;
        let state = alarm.map_or(0, |(bit, _)| 1_u32 << bit) | moving;
        let _ = write!(text, "0,{state:08X},0,0,0,0");
        write("3G", identifier.as_str(), None, text.as_bytes(), out);
        1
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        write("3G", identifier.as_str(), None, b"LK", out);
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        while let Some(total) = end(bytes) {
            bytes.advance(total);
        }
        Ok(0)
    }

    fn representable(&self, record: &Record) -> Record {
        let mut draft = Draft::at(record.fix_time.map(carry::whole_second));
        if let Some(fix) = &record.fix {
            draft.valid = fix.valid;
            draft.place(carry::rounded(fix.latitude.degrees(), 7), carry::rounded(fix.longitude.degrees(), 7));
            for (value, set) in [
                (fix.speed_kmh, Draft::speed_kmh as fn(&mut Draft, f64)),
                (fix.course_deg, Draft::course_deg),
                (fix.altitude_m, Draft::altitude_m),
            ] {
                if let Some(value) = value {
                    set(&mut draft, carry::rounded_single(value, 2));
                }
            }
        }
        for name in SENT {
            draft.set_int(*name, carry::int(&record.attributes, *name, 0..=100_000));
        }
        if record.attributes.get(Name::Motion) == Some(Value::Bool(true)) {
            draft.set(Name::Motion, Value::Bool(true));
        }
        if let Some((_, alarm)) = alarm_of(&record.attributes) {
            draft.alarm(alarm);
        }
        draft.finish()
    }
}
