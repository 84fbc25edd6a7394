//! Xexun: the TK102, TK103-2 and their kin: an NMEA 0183 sentence and the IMEI behind it.
//!
//! ```text
//! message  = [ serial "," phone "," ] sentence "," signal [ "," event ] "," [ SP ] "imei:" IMEI "," [ tail ] CRLF
//! sentence = ( "GPRMC" / "GNRMC" ) "," hhmmss[.sss] "," ( "A" / "V" ) "," DDMM.mmmm "," ( "N" / "S" ) "," DDDMM.mmmm ","
//!            ( "E" / "W" ) "," speed (knots) "," course "," DDMMYY "," … "*" sum        ; exclusive or of what stands before the star
//! signal   = "F" (full) / "L" (low)
//! event    = "help me!" / "low battery!" / "move!" / "speed!" / "stockade!" / "Acc On" / "ACCStart" / …
//! tail     = satellites "," height "," ( "F" / "L" ) ":" volts "V" *( "/ADC" number "=" volts "V" ) "," charging "," length ","
//!            CRC-16 "," MCC "," MNC "," LAC (hexadecimal) "," cell (hexadecimal) [ "," kilometres "km" ]
//! command  = word password [ SP value ]                      ; as in a text message
//! ```
//!
//! Older trackers send no line ends, so that a message ends with the comma behind the IMEI, and what stands around it is passed over.
//! The setting `full` says that this tracker ends its lines: then the tail is read too, and a line without a sentence is a sign of life.
//!
//! The voltage is that of what the tracker runs on; the line does not say whether that is the battery, and it is told as both.
//!
//! Source: published parts of Xexun, "TK102 user manual" and "XT-009 user manual" (events, words of commands), and NMEA 0183 (RMC).

use crate::wire::{Fields, Parts, cell_text, decimal, degrees_minutes_side, find, find_text, push_padded, split_once, xor8};
use crate::{
    About, Addressee, Alarm, Attributes, CannotSay, Checksum, Civil, Command, DecodeError, Decoder, Draft, Encoder, Environment, Expect,
    Identifier, Message, Name, Progress, Record, Replies, Transport, Value, carry,
};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use core::fmt::Write as _;

/// What `xexun` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "xexun",
    default_port: 5006,
    transports: &[Transport::Tcp],
    acknowledges: &[],
    checksum: Checksum::Sum,
    carries_no_fix: true,
    settings: &["full"],
};

/// The longest message.
const FRAME_BYTES_MAX: usize = 1_024;
const SENTENCES: [[u8; SENTENCE_BYTES]; 2] = [*b"GPRMC,", *b"GNRMC,"];
const SENTENCE_BYTES: usize = 6;
const MARK: &[u8] = b"imei:";
/// The maker's password.
const PASSWORD: &str = "123456";
/// More fields than an RMC sentence has.
const RMC_FIELDS_MAX: usize = 16;
const TAIL_FIELDS_MAX: usize = 16;
const ANALOG_MAX: usize = 8;
/// More letters than a word of `EVENTS` has.
const EVENT_LETTERS_MAX: usize = 16;

/// What a tracker says by itself, by how its letters begin.
const EVENTS: &[(&str, Alarm)] = &[
    ("helpme", Alarm::Sos),
    ("lowbat", Alarm::LowBattery),
    ("move", Alarm::Movement),
    ("speed", Alarm::Overspeed),
    ("stockade", Alarm::Geofence),
    ("sensor", Alarm::Vibration),
    ("shake", Alarm::Vibration),
    ("door", Alarm::Door),
    ("power", Alarm::PowerCut),
    ("acalarm", Alarm::PowerCut),
];

/// Decoder.
#[derive(Debug, Default)]
pub struct XexunDecoder;

impl Decoder for XexunDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        _: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let full = env.options.flag("full");
        let end = if full { line_end(bytes).map(|end| (None, end)) } else { message_end(bytes) };
        let Some((mark, end)) = end else {
            return if bytes.len() >= FRAME_BYTES_MAX { Err(DecodeError::fatal("frame too long")) } else { Ok(Progress::NeedMore) };
        };
        // Read where it stands: a frame of its own is one more owner of the buffer.
        let result = match core::str::from_utf8(bytes.get(..end).unwrap_or_default()) {
            Ok(text) => read(text.trim_ascii(), mark, env.options.ignore_checksum, out),
            Err(_) => Err(DecodeError::skipped("no text")),
        };
        bytes.advance(end);
        result.map(|()| Progress::Frame)
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let password = to.password.unwrap_or(PASSWORD);
        if password.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(CannotSay::Value("password: no spaces and control characters"));
        }
        let words = match command {
            Command::Raw { text } if text.chars().any(char::is_control) => return Err(CannotSay::Value("text: no control characters")),
            Command::Raw { text } => text.clone(),
            Command::EngineStop => format!("powercar{password} 11"),
            Command::EngineResume => format!("powercar{password} 00"),
            _ => return Err(CannotSay::Unsupported),
        };
        out.extend_from_slice(words.as_bytes());
        // The answer goes to the telephone that asked.
        Ok(Expect::Nothing)
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

/// Where a line ends; empty ones before it are passed over.
fn line_end(bytes: &mut BytesMut) -> Option<usize> {
    let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    bytes.advance(blank);
    find(bytes.get(..FRAME_BYTES_MAX).unwrap_or(bytes), b'\n').map(|end| end.saturating_add(1))
}

/// Where the first sentence begins.
fn sentence_start(bytes: &[u8]) -> Option<usize> {
    let mut from = 0_usize;
    loop {
        let rest = bytes.get(from..)?;
        let at = find(rest, b'G')?;
        if rest.get(at..)?.first_chunk().is_some_and(|head| SENTENCES.contains(head)) {
            return Some(from.saturating_add(at));
        }
        from = from.saturating_add(at).saturating_add(1);
    }
}

/// Where the mark of a message without a line end stands and where the message ends; what stands before its sentence is passed over.
fn message_end(bytes: &mut BytesMut) -> Option<(Option<usize>, usize)> {
    let start = sentence_start(bytes);
    // The last bytes may be the beginning of a sentence.
    let noise = start.unwrap_or_else(|| bytes.len().saturating_sub(SENTENCE_BYTES.saturating_sub(1)));
    bytes.advance(noise);
    start?;
    let window = bytes.get(..FRAME_BYTES_MAX).unwrap_or(bytes);
    let mark = find_text(window, MARK)?;
    let behind = mark.saturating_add(MARK.len());
    let comma = find(window.get(behind..)?, b',')?;
    Some((Some(mark), behind.saturating_add(comma).saturating_add(1)))
}

/// Reads a message; where its mark stands, if that is known.
fn read(text: &str, mark: Option<usize>, ignore_checksum: bool, out: &mut Vec<Message>) -> Result<(), DecodeError> {
    let mark = mark.or_else(|| find_text(text.as_bytes(), MARK)).ok_or(DecodeError::skipped("no device"))?;
    let (before, behind) = text.split_at_checked(mark).unwrap_or((text, ""));
    let mut behind = Parts::of(behind.get(MARK.len()..).unwrap_or_default(), ',');
    let identifier = behind.next().filter(|imei| imei.bytes().all(|byte| byte.is_ascii_digit())).and_then(Identifier::new);
    let identifier = Some(identifier.ok_or(DecodeError::skipped("no device"))?);
    let tail = behind.rest().unwrap_or_default();
    let start = SENTENCES.iter().find_map(|head| find_text(before.as_bytes(), head));
    let Some((head, sentence)) = start.and_then(|start| before.split_at_checked(start)) else {
        let mut draft = Draft::new();
        describe_tail(tail, &mut draft);
        out.push(Message::Heartbeat { identifier, attributes: draft.attributes });
        return Ok(());
    };
    let (sentence, words, fits) = checked(sentence).ok_or(DecodeError::skipped("no sum"))?;
    if !fits && !ignore_checksum {
        return Err(DecodeError::skipped("checksum"));
    }
    let mut draft = place(sentence);
    draft.set_text(Name::Phone, Parts::of(head, ',').nth(1).unwrap_or_default().trim());
    describe_words(words, &mut draft);
    describe_tail(tail, &mut draft);
    if !fits {
        draft.set(Name::ChecksumIgnored, Value::Bool(true));
    }
    out.push(Message::Record { identifier, record: draft.finish() });
    Ok(())
}

/// The sentence up to its star, what follows its sum, and whether that fits.
fn checked(sentence: &str) -> Option<(&str, &str, bool)> {
    let (inner, behind) = split_once(sentence, b'*')?;
    let (sum, words) = behind.split_at_checked(2)?;
    let said = u8::from_str_radix(sum, 16).ok()?;
    Some((inner, words, said == xor8(inner.as_bytes())))
}

fn place(sentence: &str) -> Draft {
    let fields = Fields::<RMC_FIELDS_MAX>::split(sentence, ',');
    // Fractions of the second are of no use: clocks of these trackers jump by more.
    let time = fields.at(1).get(..6).unwrap_or_default();
    let mut draft = Draft::at_told(Civil::from_day_month_year(fields.at(9), time));
    draft.valid = fields.at(2) == "A";
    if !(fields.at(3).is_empty() && fields.at(5).is_empty()) {
        draft.place_of(degrees_minutes_side(fields.at(3), fields.at(4)), degrees_minutes_side(fields.at(5), fields.at(6)));
    }
    if let Some(knots) = fields.decimal(7) {
        draft.speed_knots(knots);
    }
    if let Some(course) = fields.decimal(8) {
        draft.course_deg(course);
    }
    draft
}

/// Without white space around it; nearly all have none.
fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        [only] if only.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// Signal, and what happened.
fn describe_words(words: &str, draft: &mut Draft) {
    let mut parts = Parts::of(words, ',').map(trimmed).filter(|part| !part.is_empty());
    match parts.next() {
        Some("F") => draft.set(Name::GpsStatus, Value::Text("full")),
        Some("L") => draft.set(Name::GpsStatus, Value::Text("low")),
        _ => {}
    }
    for event in parts {
        let (mut room, mut count) = ([0; EVENT_LETTERS_MAX], 0_usize);
        for (to, letter) in room.iter_mut().zip(event.bytes().filter(u8::is_ascii_alphanumeric)) {
            *to = letter.to_ascii_lowercase();
            count = count.saturating_add(1);
        }
        match room.get(..count).unwrap_or_default() {
            b"accstart" | b"accon" => draft.set(Name::Ignition, Value::Bool(true)),
            b"accstop" | b"accoff" => draft.set(Name::Ignition, Value::Bool(false)),
            letters => match EVENTS.iter().find(|(word, _)| letters.starts_with(word.as_bytes())) {
                Some((_, alarm)) => draft.alarm(*alarm),
                None => draft.set_text(Name::Event, event),
            },
        }
    }
}

fn describe_tail(tail: &str, draft: &mut Draft) {
    // Most trackers have none.
    if tail.is_empty() {
        return;
    }
    let fields = Fields::<TAIL_FIELDS_MAX>::split(tail, ',');
    draft.set_int(Name::Satellites, fields.number::<u8>(0));
    if let Some(height) = fields.decimal(1) {
        draft.altitude_m(height);
    }
    let mut volts = fields.at(2).split('/');
    if let Some(millivolts) = volts.next().and_then(|text| millivolts(text.trim_start_matches(['F', 'L', ':']))) {
        draft.set(Name::BatteryMv, Value::Int(millivolts));
        draft.set(Name::ExternalPowerMv, Value::Int(millivolts));
    }
    for (index, text) in volts.take(ANALOG_MAX).enumerate() {
        if let Some(millivolts) = text.split_once('=').and_then(|(_, volts)| millivolts(volts)) {
            draft.set_numbered(Name::AnalogMv, carry::index(index.saturating_add(1)), Value::Int(millivolts));
        }
    }
    match fields.at(3) {
        "0" => draft.set(Name::Charging, Value::Bool(false)),
        "1" => draft.set(Name::Charging, Value::Bool(true)),
        _ => {}
    }
    let hex = |at: usize| u64::from_str_radix(fields.at(at), 16).ok();
    if let (Some(country), Some(network), Some(area), Some(cell)) = (fields.number(6), fields.number(7), hex(8), hex(9)) {
        draft.set(Name::Cell, Value::Text(cell_text((country, network), (area, cell), None).as_str()));
    }
    if let Some(km) = fields.at(10).strip_suffix("km").and_then(decimal).filter(|km| (0.0..10_000_000.0).contains(km)) {
        draft.set(Name::MileageM, Value::Int(carry::whole(km * 1_000.0)));
    }
}

fn millivolts(text: &str) -> Option<i64> {
    let volts = decimal(text.strip_suffix('V')?).filter(|volts| (0.0..1_000.0).contains(volts))?;
    Some(carry::whole(volts * 1_000.0))
}

/// Encoder.
#[derive(Debug)]
pub struct XexunEncoder;

impl XexunEncoder {
    /// For a stream.
    pub fn new(_: Transport) -> Self {
        Self
    }
}

/// Decimals of a minute.
const DECIMALS: u32 = 4;
/// Decimals of a knot.
const KNOTS_DECIMALS: usize = 2;
const SAID: [(&str, Alarm); 5] = [
    ("help me!", Alarm::Sos),
    ("low battery!", Alarm::LowBattery),
    ("move!", Alarm::Movement),
    ("speed!", Alarm::Overspeed),
    ("stockade!", Alarm::Geofence),
];

/// The word of what happened: an alarm, else the ignition.
fn event(attributes: &Attributes) -> Option<(&'static str, Result<Alarm, bool>)> {
    if let Some(Value::Alarm(alarm)) = attributes.get(Name::Alarm)
        && let Some((word, _)) = SAID.iter().find(|(_, said)| *said == alarm)
    {
        return Some((word, Ok(alarm)));
    }
    let on = carry::yes_no(attributes, Name::Ignition)?;
    Some((if on { "ACCStart" } else { "ACCStop" }, Err(on)))
}

impl Encoder for XexunEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        let mut sentence = String::from("GPRMC,");
        let ([year, month, day], time) = carry::date_and_time(record.fix_time);
        for number in time {
            push_padded(&mut sentence, number, 2);
        }
        sentence.push_str(".000,");
        match &record.fix {
            None => sentence.push_str("V,,,,,,,"),
            Some(fix) => {
                sentence.push(if fix.valid { 'A' } else { 'V' });
                for (digits, side) in carry::minutes(Some(fix), DECIMALS) {
                    let _ = write!(sentence, ",{digits},{side}");
                }
                sentence.push(',');
                if let Some(kmh) = fix.speed_kmh {
                    let _ = write!(sentence, "{:.2}", carry::knots(kmh, KNOTS_DECIMALS));
                }
                sentence.push(',');
                if let Some(course) = fix.course_deg {
                    let _ = write!(sentence, "{course:.2}");
                }
                sentence.push(',');
            }
        }
        for number in [day, month, year] {
            push_padded(&mut sentence, number, 2);
        }
        sentence.push_str(",,,A");
        let sum = xor8(sentence.as_bytes());
        let word = event(&record.attributes).map_or("", |(word, _)| word);
        out.extend_from_slice(format!("{sentence}*{sum:02X},F,{word}, imei:{identifier},").as_bytes());
        1
    }

    fn heartbeat(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        bytes.advance(bytes.len());
        Ok(0)
    }

    fn representable(&self, record: &Record) -> Record {
        let mut draft = Draft::at_told(record.fix_time.map(carry::whole_second));
        if let Some(fix) = &record.fix {
            carry::fix_in_minutes(&mut draft, fix, DECIMALS, KNOTS_DECIMALS);
        }
        draft.set(Name::GpsStatus, Value::Text("full"));
        match event(&record.attributes) {
            Some((_, Ok(alarm))) => draft.alarm(alarm),
            Some((_, Err(on))) => draft.set(Name::Ignition, Value::Bool(on)),
            None => {}
        }
        draft.finish()
    }
}
