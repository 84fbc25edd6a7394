//! Meitrack: trackers of Meitrack (MVT, T, TC, MT series), text and binary.
//!
//! ```text
//! frame    = "$$" flag length "," identifier "," kind "," content "*" sum CRLF
//! flag     = a character that the answer repeats
//! length   = decimal digits: bytes from the comma behind it to the end, CRLF too
//! sum      = 2 hexadecimal digits: all bytes before it added, "*" too
//! content of "AAA" = event "," latitude "," longitude "," YYMMDDhhmmss "," ("A" / "V") "," satellites "," signal "," speed (km/h) ","
//!            course "," HDOP "," height "," odometer (m) "," run time (s) "," MCC "|" MNC "|" LAC "|" cell "," inputs outputs ","
//!            voltages "," event data "," … "," … "," fuel "," temperatures …      ; LAC and all behind it hexadecimal
//! voltages = 3( analog "|" ) battery "|" external power                             ; 0.01 V
//! content of "CCC" = version u16, length u16, left u32, *record                     ; little endian; answered with their count
//! content of "CCE" = left u32, count u16, *( length u16, fields )                  ; see `tlv.rs`
//! others: "D00" a photo, "D03" the answer to one, "AAC" alive; the kinds of commands, with what is answered
//! ```
//!
//! Source: Meitrack, "GPRS Protocol" V1.6 and "GPRS CCE protocol".

mod encoder;
mod tlv;

pub use encoder::MeitrackEncoder;

use crate::wire::{Cursor, Fields, Parts, cell_text, find, hexadecimal, sum8, take_digits};
use crate::{
    About, Addressee, Alarm, CannotSay, Checksum, Civil, Command, DecodeError, Decoder, Draft, Environment, Expect, Identifier,
    MICROS_PER_SECOND, Message, Micros, Name, Progress, Release, Replies, Transport, Value,
};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// What `meitrack` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "meitrack",
    default_port: 5020,
    transports: &[Transport::Tcp, Transport::Udp],
    // Positions in text are not answered.
    acknowledges: &[],
    checksum: Checksum::Sum,
    carries_no_fix: true,
    settings: &[],
};

const FRAME_BYTES_MAX: usize = 8_192;
const FIELDS_MAX: usize = 32;
/// 2000-01-01T00:00:00Z, from which binary times count.
const EPOCH_2000_S: i64 = 946_684_800;
const RECORD_BYTES_MIN: usize = 52;
const ANALOG_INPUTS: u8 = 3;
/// The flag with which photos are asked for.
const PHOTO_FLAG: u8 = b'O';

/// Alarms by the event that raises them.
const fn alarm_of(event: i64) -> Option<Alarm> {
    Some(match event {
        1 => Alarm::Sos,
        17 => Alarm::LowBattery,
        18 => Alarm::LowPower,
        19 => Alarm::Overspeed,
        20 => Alarm::GeofenceEnter,
        21 => Alarm::GeofenceExit,
        22 => Alarm::PowerRestored,
        23 => Alarm::PowerCut,
        28 => Alarm::GpsAntennaCut,
        36 => Alarm::Towing,
        44 => Alarm::Jamming,
        78 => Alarm::Crash,
        90 | 91 => Alarm::HardCornering,
        129 => Alarm::HardBraking,
        130 => Alarm::HardAcceleration,
        133 => Alarm::Idle,
        135 => Alarm::FatigueDriving,
        _ => return None,
    })
}

/// Decoder.
#[derive(Debug, Default)]
pub struct MeitrackDecoder;

/// A frame that was cut and checked.
struct Frame<'a> {
    raw: &'a [u8],
    flag: u8,
    identifier: Option<Identifier>,
    kind: &'a str,
    content: &'a [u8],
    unchecked: bool,
}

impl Decoder for MeitrackDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if blank > 0 {
            bytes.advance(blank);
        }
        let total = match total_of(bytes, b"$$")? {
            Some(total) if bytes.len() >= total => total,
            // A recording may have been shortened.
            Some(_) if env.options.ignore_checksum && ends_with_sum(bytes) => bytes.len(),
            _ => return Ok(Progress::NeedMore),
        };
        // Read where it stands: two handles of one buffer would be counted.
        let told = told(bytes.get(..total).unwrap_or_default(), env, out, replies);
        bytes.advance(total);
        told.map(|()| Progress::Frame)
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let words = words(command)?;
        write(b'A', to.identifier, &words, out);
        Ok(Expect::Next)
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

/// Tells a frame.
fn told(raw: &[u8], env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
    let frame = open(raw, env.options.ignore_checksum)?;
    let before = out.len();
    if read(&frame, out, replies).is_none() {
        out.truncate(before);
        out.push(Message::Undecoded { identifier: frame.identifier, reason: "unknown form", raw: raw.to_vec() });
    }
    Ok(())
}

fn ends_with_sum(bytes: &[u8]) -> bool {
    bytes.split_last_chunk::<3>().is_some_and(|(_, [star, digits @ ..])| *star == b'*' && digits.iter().all(u8::is_ascii_hexdigit))
}

/// The length of the frame at the front; `None`: its head is not there yet.
fn total_of(bytes: &[u8], mark: &[u8; 2]) -> Result<Option<usize>, DecodeError> {
    if bytes.iter().zip(mark).any(|(one, other)| one != other) {
        return Err(DecodeError::fatal("no mark"));
    }
    let digits = bytes.get(3..).unwrap_or_default();
    let Some(comma) = digits.iter().take(6).position(|byte| *byte == b',') else {
        return if digits.len() >= 6 { Err(DecodeError::fatal("length")) } else { Ok(None) };
    };
    let (length, more) = take_digits(0, digits.get(..comma).unwrap_or_default());
    if comma == 0 || !more.is_empty() {
        return Err(DecodeError::fatal("length"));
    }
    let total = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(comma).saturating_add(3);
    if (16..=FRAME_BYTES_MAX).contains(&total) { Ok(Some(total)) } else { Err(DecodeError::fatal("length")) }
}

fn open(raw: &[u8], ignore_checksum: bool) -> Result<Frame<'_>, DecodeError> {
    let trimmed = raw.strip_suffix(b"\r\n").unwrap_or(raw);
    let content = trimmed.split_last_chunk::<2>().filter(|(content, _)| content.last() == Some(&b'*'));
    let sum = content.and_then(|(_, digits)| hexadecimal(digits));
    let fits = trimmed.len() < raw.len() && content.zip(sum).is_some_and(|((content, _), sum)| u64::from(sum8(content)) == sum);
    if !fits && !ignore_checksum {
        return Err(DecodeError::skipped("checksum"));
    }
    let content = content.and_then(|(content, _)| content.strip_suffix(b"*")).unwrap_or(trimmed);
    let (_, behind) = before_comma(content);
    let (identifier, behind) = before_comma(behind);
    let (kind, content) = before_comma(behind);
    let identifier = Identifier::from_bytes(identifier);
    let kind = core::str::from_utf8(kind).unwrap_or_default();
    if identifier.is_none() || kind.is_empty() || kind.len() > 8 {
        return Err(DecodeError::skipped("no identifier and kind"));
    }
    let flag = raw.get(2).copied().unwrap_or_default();
    Ok(Frame { raw, flag, identifier, kind, content, unchecked: !fits })
}

/// What stands before the next comma, and behind it.
fn before_comma(bytes: &[u8]) -> (&[u8], &[u8]) {
    let at = find(bytes, b',').unwrap_or(bytes.len());
    (bytes.get(..at).unwrap_or_default(), bytes.get(at.saturating_add(1)..).unwrap_or_default())
}

impl Frame<'_> {
    fn push(&self, mut draft: Draft, out: &mut Vec<Message>) {
        if self.unchecked {
            draft.set(Name::ChecksumIgnored, Value::Bool(true));
        }
        draft.finish_into(self.identifier, out);
    }

    fn answer(&self, words: &str, replies: &mut Replies) {
        self.answer_as(self.flag, words, replies);
    }

    fn answer_as(&self, flag: u8, words: &str, replies: &mut Replies) {
        let Some(identifier) = &self.identifier else { return };
        let mut reply = Vec::with_capacity(48);
        write(flag, identifier, words, &mut reply);
        replies.bytes(Release::Durable, reply);
    }
}

/// `None` if the form is unknown; what was pushed is dropped then.
fn read(frame: &Frame<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
    let identifier = frame.identifier;
    match frame.kind {
        "AAA" => {
            let mut draft = Draft::new();
            line(core::str::from_utf8(frame.content).ok()?, &mut draft)?;
            frame.push(draft, out);
        }
        "CCC" => {
            let count = records(frame, out)?;
            frame.answer(&format!("CCC,{count}"), replies);
        }
        "CCE" => tlv::packets(frame, out)?,
        "AAC" => {
            out.push(Message::Heartbeat { identifier, attributes: crate::Attributes::new() });
            frame.answer("AAC,1", replies);
        }
        "D00" => out.push(Message::Undecoded { identifier, reason: "picture part", raw: frame.raw.to_vec() }),
        kind => {
            let text = core::str::from_utf8(frame.content).ok()?;
            if kind == "D03" && text == "OK" {
                frame.answer_as(PHOTO_FLAG, "D00,camera_picture.jpg,0", replies);
            }
            let done = match text.rsplit(',').next() {
                Some("OK") => Some(true),
                Some("Error" | "ERROR") => Some(false),
                _ => None,
            };
            out.push(Message::CommandAnswer { identifier, tag: None, done, text: format!("{kind},{text}") });
        }
    }
    Some(())
}

/// A position in text.
fn line(text: &str, draft: &mut Draft) -> Option<()> {
    let fields = Fields::<FIELDS_MAX>::split(text, ',');
    if fields.count() < 14 || !matches!(fields.bytes(4), b"A" | b"V") {
        return None;
    }
    let time = fields.at(3);
    draft.told_at(time.get(..6).zip(time.get(6..)).and_then(|(date, time)| Civil::from_year_month_day(date, time)));
    draft.place_of(fields.decimal(1), fields.decimal(2));
    draft.valid = fields.bytes(4) == b"A";
    draft.set_int(Name::Satellites, fields.unsigned::<u8>(5));
    draft.set_int(Name::GsmSignalLevel, fields.integer(6));
    if let Some(speed) = fields.decimal(7) {
        draft.speed_kmh(speed);
    }
    if let Some(course) = fields.decimal(8) {
        draft.course_deg(course);
    }
    if let Some(altitude) = fields.decimal(10) {
        draft.altitude_m(altitude);
    }
    draft.set_float(Name::Hdop, fields.decimal(9));
    draft.set_int(Name::OdometerM, fields.integer(11));
    draft.set_int(Name::WorkHoursS, fields.integer(12));
    cell(fields.at(13), fields.unsigned(6), draft);
    if let Some(state) = hexadecimal_u16(fields.bytes(14)).filter(|_| fields.bytes(14).len() == 4) {
        draft.set(Name::InputMask, Value::Int(i64::from(state >> 8)));
        draft.set(Name::OutputMask, Value::Int(i64::from(state & 0xFF)));
    }
    voltages(fields.at(15), draft);
    event(fields.integer(0), fields.at(16), draft);
    if let Some(fuel) = hexadecimal_u16(fields.bytes(19)) {
        draft.set(Name::FuelLevelPct, Value::Float(f64::from(fuel) / 100.0));
    }
    for probe in Parts::of(fields.at(20), '|').filter(|probe| probe.len() == 6) {
        let number = probe.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let value = probe.as_bytes().get(2..).and_then(hexadecimal_u16);
        if let Some((number, value)) = number.zip(value) {
            draft.set_numbered(Name::TemperatureC, number, Value::Float(f64::from(value.cast_signed()) / 100.0));
        }
    }
    Some(())
}

fn hexadecimal_u16(digits: &[u8]) -> Option<u16> {
    u16::try_from(hexadecimal(digits)?).ok()
}

fn cell(text: &str, signal: Option<u16>, draft: &mut Draft) {
    let parts = Fields::<4>::split(text, '|');
    let hex = |at: usize| hexadecimal(parts.bytes(at));
    let (Some(country), Some(network), Some(area), Some(id)) = (parts.unsigned(0), parts.unsigned(1), hex(2), hex(3)) else { return };
    if (area, id) != (0, 0) {
        draft.set(Name::Cell, Value::Text(cell_text((country, network), (area, id), signal).as_str()));
    }
}

/// Analog inputs, then the battery and the external power, in hundredths of a volt.
fn voltages(text: &str, draft: &mut Draft) {
    let parts = Fields::<8>::split(text, '|');
    let mut parts = parts.bytes_from(0);
    let mut millivolts = || {
        let units = u32::try_from(hexadecimal(parts.next()?)?).ok()?;
        Some(i64::from(units).saturating_mul(10))
    };
    for number in 1..=ANALOG_INPUTS {
        if let Some(value) = millivolts() {
            draft.set_numbered(Name::AnalogMv, number, Value::Int(value));
        }
    }
    draft.set_int(Name::BatteryMv, millivolts());
    draft.set_int(Name::ExternalPowerMv, millivolts());
}

/// The event, its alarm, and what came with it: of event 37 a driver's key.
fn event(number: Option<i64>, data: &str, draft: &mut Draft) {
    let Some(number) = number else { return };
    draft.set(Name::Event, Value::Int(number));
    if let Some(alarm) = alarm_of(number) {
        draft.alarm(alarm);
    }
    if number == 37 {
        draft.set_text(Name::DriverId, data);
    } else if !data.is_empty() {
        draft.attributes.push(crate::Key::Text("event_data"), Value::Text(data));
    }
}

/// Seconds since 2000.
fn time_2000(seconds: u32) -> Micros {
    i64::from(seconds).saturating_add(EPOCH_2000_S).saturating_mul(MICROS_PER_SECOND)
}

/// Millionths of a degree.
fn micro_degrees(units: u32) -> f64 {
    f64::from(units.cast_signed()) / 1_000_000.0
}

/// Records of fixed form; how many.
fn records(frame: &Frame<'_>, out: &mut Vec<Message>) -> Option<usize> {
    let mut cursor = Cursor::new(frame.content);
    cursor.skip(2)?;
    let length = usize::from(cursor.le_u16()?);
    cursor.skip(4)?;
    if length < RECORD_BYTES_MIN {
        return None;
    }
    let mut count = 0_usize;
    while cursor.rest().len() >= length {
        frame.push(record(&mut Cursor::new(cursor.take(length)?))?, out);
        count = count.saturating_add(1);
    }
    Some(count)
}

fn record(body: &mut Cursor<'_>) -> Option<Draft> {
    let number = i64::from(body.u8()?);
    let (latitude, longitude) = (micro_degrees(body.le_u32()?), micro_degrees(body.le_u32()?));
    let mut draft = Draft::at(Some(time_2000(body.le_u32()?)));
    draft.place(latitude, longitude);
    draft.valid = body.u8()? == 1;
    draft.set(Name::Satellites, Value::Int(i64::from(body.u8()?)));
    let signal = body.u8()?;
    draft.set(Name::GsmSignalLevel, Value::Int(i64::from(signal)));
    draft.speed_kmh(f64::from(body.le_u16()?));
    draft.course_deg(f64::from(body.le_u16()?));
    draft.set(Name::Hdop, Value::Float(f64::from(body.le_u16()?) / 10.0));
    draft.altitude_m(f64::from(body.le_u16()?.cast_signed()));
    draft.set(Name::OdometerM, Value::Int(i64::from(body.le_u32()?)));
    draft.set(Name::WorkHoursS, Value::Int(i64::from(body.le_u32()?)));
    let operator = (body.le_u16()?, body.le_u16()?);
    let place = (u64::from(body.le_u16()?), u64::from(body.le_u16()?));
    if place != (0, 0) {
        draft.set(Name::Cell, Value::Text(cell_text(operator, place, Some(u16::from(signal))).as_str()));
    }
    draft.set(Name::Status, Value::Int(i64::from(body.le_u16()?)));
    draft.set_numbered(Name::AnalogMv, 1, Value::Int(i64::from(body.le_u16()?).saturating_mul(10)));
    draft.set(Name::BatteryMv, Value::Int(i64::from(body.le_u16()?).saturating_mul(10)));
    draft.set(Name::ExternalPowerMv, Value::Int(i64::from(body.le_u16()?).saturating_mul(10)));
    event(Some(number), "", &mut draft);
    Some(draft)
}

/// The words for a command: its kind and content.
fn words(command: &Command) -> Result<Cow<'_, str>, CannotSay> {
    let sound = |text: &str| if text.contains([',', '*']) { Err(CannotSay::Value("text: without , and *")) } else { Ok(()) };
    Ok(match command {
        Command::Raw { text } if text.contains('*') => return Err(CannotSay::Value("text: without *")),
        Command::Raw { text } => Cow::Borrowed(text.as_str()),
        Command::Locate => Cow::Borrowed("A10"),
        Command::EngineStop => Cow::Borrowed("C01,0,12222"),
        Command::EngineResume => Cow::Borrowed("C01,0,02222"),
        Command::Output { number, on } if (1..=5).contains(number) => {
            let states: String = (1..=5)
                .map(|at| {
                    if at != *number {
                        '2'
                    } else if *on {
                        '1'
                    } else {
                        '0'
                    }
                })
                .collect();
            Cow::Owned(format!("C01,0,{states}"))
        }
        Command::Output { .. } => return Err(CannotSay::Value("number: 1 to 5")),
        Command::Arm => Cow::Borrowed("B21,1"),
        Command::Disarm => Cow::Borrowed("B21,0"),
        Command::ReportEvery { seconds } if seconds.is_multiple_of(10) => Cow::Owned(format!("A12,{}", seconds / 10)),
        Command::ReportEvery { .. } => return Err(CannotSay::Value("seconds: a multiple of 10")),
        Command::ReportStop => Cow::Borrowed("A12,0"),
        Command::Photo => Cow::Borrowed("D03,1,camera_picture.jpg"),
        Command::Reboot => Cow::Borrowed("F02"),
        Command::FactoryReset => Cow::Borrowed("F11"),
        Command::Version => Cow::Borrowed("E91"),
        Command::SendSms { phone, text } => {
            sound(text)?;
            Cow::Owned(format!("C02,0,{phone},{text}"))
        }
        _ => return Err(CannotSay::Unsupported),
    })
}

/// Puts a frame of ours around its kind and content.
fn write(flag: u8, identifier: &Identifier, words: &str, out: &mut Vec<u8>) {
    frame(b"@@", flag, identifier, words.as_bytes(), out);
}

fn frame(mark: &[u8; 2], flag: u8, identifier: &Identifier, words: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    // Two commas, "*", the sum, CRLF.
    let length = identifier.as_str().len().saturating_add(words.len()).saturating_add(7);
    out.extend_from_slice(mark);
    out.push(flag);
    out.extend_from_slice(format!("{length},{identifier},").as_bytes());
    out.extend_from_slice(words);
    out.push(b'*');
    let sum = sum8(out.get(start..).unwrap_or_default());
    out.extend_from_slice(format!("{sum:02X}\r\n").as_bytes());
}
