//! Xexun 2: binary frames of Xexun's trackers for persons, pets and things.
//!
//! ```text
//! frame    = FA AF, escaped( kind u16, serial u16, IMEI BCD 8 (15 digits and a 0), length u16, check u16, body ), FA AF
//! escapes  = FB BF 02 for FA AF, FB BF 01 for FB BF
//! check    = the ones' complement of the sum of the body's bytes; big endian, everywhere
//! 0014     = count u8, *( length u16 ), *record                ; answered: the same kind and serial number, body 01
//! record   = index u8, time u32 (s since 1970), signal u8, battery u16 (bit 15 charging, the rest %), mask u8, …
//! mask     = bit 0: alarms u32, 1: position, others: kept as they are
//! position = mask u8, …
//!            bit 0: satellites u8, longitude f32, latitude f32 (DDDMM.mmmm)
//!            bit 1: count u8, *( address 6, signal i8 )
//!            bit 2: count u8, *( MCC u16, MNC u16, area u32, cell u32, signal u8 )
//!            bit 3: count u8, *( time of flight 12 )
//!            bit 5: speed u16 (0.1 km/h), course u16 (0.1°)
//!            bit 6: satellites u8, longitude f64, latitude f64
//!            bit 7: length u16, details
//! alarms   = bit 0 SOS, 1 taken off, 15 fall
//! 0007     = text: to the tracker a command, from it the answer
//! ```
//!
//! Sources: "Xexun GPS Protocol" 1.1 for frames, escapes, check and the first frame of a connection; records as in frames of real trackers.
//! Bits 2 to 6 of a position have been seen in neither.

use crate::wire::{Cursor, ShortText, bcd, cell_text, hex_digit, to_hex, wifi_text};
use crate::{
    About, Addressee, Alarm, CannotSay, Checksum, Command, DecodeError, Decoder, Draft, Encoder, Environment, Expect, Identifier, Key,
    MICROS_PER_SECOND, Message, Name, Progress, Record, Release, Replies, Transport, Value, carry, unix_seconds,
};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// What `xexun2` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "xexun2",
    default_port: 5233,
    transports: &[Transport::Tcp],
    acknowledges: &[Transport::Tcp],
    checksum: Checksum::Sum,
    carries_no_fix: true,
    settings: &[],
};

const FRAME_BYTES_MAX: usize = 4_096;

const DELIMITER: [u8; 2] = [0xFA, 0xAF];
const ESCAPE: [u8; 2] = [0xFB, 0xBF];

const COMMAND: u16 = 0x0007;
const POSITIONS: u16 = 0x0014;

const CHARGING: u16 = 0x8000;

const ALARMS: &[(u32, Alarm)] = &[(0, Alarm::Sos), (1, Alarm::Removing), (15, Alarm::Fall)];

/// Decoder.
#[derive(Debug, Default)]
pub struct Xexun2Decoder {
    /// Commands said so far.
    commands: u16,
    /// The frame without its escapes; kept for its memory.
    plain: Vec<u8>,
}

/// What stands at the front.
enum Cut {
    NeedMore,
    /// So many bytes that belong to no frame.
    Noise(usize),
    Frame(usize),
}

fn cut(bytes: &[u8]) -> Cut {
    match bytes {
        [0xFA, 0xAF, rest @ ..] => match rest.windows(2).position(|pair| pair == DELIMITER) {
            // The end of one frame and the beginning of the next.
            Some(0) => Cut::Noise(2),
            Some(at) => Cut::Frame(at.saturating_add(4)),
            None => Cut::NeedMore,
        },
        [] | [0xFA] => Cut::NeedMore,
        [_, rest @ ..] => Cut::Noise(rest.iter().take_while(|byte| **byte != 0xFA).count().saturating_add(1)),
    }
}

/// Puts the bytes between the delimiters into `plain`. `None` for an escape that stands for nothing.
fn unescape(raw: &[u8], plain: &mut Vec<u8>) -> Option<()> {
    plain.clear();
    let mut rest = raw.get(2..raw.len().checked_sub(2)?)?;
    while let [first, after @ ..] = rest {
        rest = match rest {
            [0xFB, 0xBF, escaped, after @ ..] => {
                plain.extend_from_slice(match escaped {
                    1 => &ESCAPE,
                    2 => &DELIMITER,
                    _ => return None,
                });
                after
            }
            [0xFB, 0xBF] => return None,
            _ => {
                plain.push(*first);
                after
            }
        };
    }
    Some(())
}

fn check(body: &[u8]) -> u16 {
    !body.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)))
}

/// Puts a frame around a body.
fn write(kind: u16, serial: u16, imei: [u8; 8], body: &[u8], out: &mut Vec<u8>) {
    out.reserve(body.len().saturating_add(24));
    out.extend_from_slice(&DELIMITER);
    let start = out.len();
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&serial.to_be_bytes());
    out.extend_from_slice(&imei);
    out.extend_from_slice(&u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(&check(body).to_be_bytes());
    out.extend_from_slice(body);
    let is_special = |pair: &[u8]| pair == DELIMITER || pair == ESCAPE;
    if out.get(start..).is_some_and(|plain| plain.windows(2).any(is_special)) {
        let plain = out.split_off(start);
        escape(&plain, out);
    }
    out.extend_from_slice(&DELIMITER);
}

fn escape(mut plain: &[u8], out: &mut Vec<u8>) {
    while let [first, after @ ..] = plain {
        plain = match plain {
            [0xFA, 0xAF, after @ ..] => {
                out.extend_from_slice(&[0xFB, 0xBF, 2]);
                after
            }
            [0xFB, 0xBF, after @ ..] => {
                out.extend_from_slice(&[0xFB, 0xBF, 1]);
                after
            }
            _ => {
                out.push(*first);
                after
            }
        };
    }
}

/// A frame that was opened.
struct Frame<'a> {
    kind: u16,
    serial: u16,
    imei: [u8; 8],
    /// The check, or the length, does not fit.
    unchecked: bool,
    body: &'a [u8],
}

fn open(plain: &[u8]) -> Option<Frame<'_>> {
    let mut cursor = Cursor::new(plain);
    let (kind, serial, imei) = (cursor.be_u16()?, cursor.be_u16()?, cursor.array()?);
    let (length, told) = (cursor.be_u16()?, cursor.be_u16()?);
    let body = cursor.rest();
    let unchecked = usize::from(length) != body.len() || told != check(body);
    Some(Frame { kind, serial, imei, unchecked, body })
}

/// Fifteen digits; the sixteenth is padding.
fn identifier(imei: [u8; 8]) -> Option<Identifier> {
    let mut text = ShortText::default();
    for byte in imei {
        bcd(byte)?;
        text.push_char(char::from(hex_digit(byte >> 4)));
        text.push_char(char::from(hex_digit(byte & 0x0F)));
    }
    Identifier::new(text.as_str().get(..15)?)
}

fn imei_of(identifier: &Identifier) -> Option<[u8; 8]> {
    let digits = identifier.as_str().as_bytes();
    if digits.len() > 15 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut imei = [0_u8; 8];
    let padding = core::iter::repeat_n(0, 15_usize.saturating_sub(digits.len()));
    let nibbles = padding.chain(digits.iter().map(|digit| digit & 0x0F)).chain([0]);
    for (index, nibble) in nibbles.enumerate() {
        if let Some(byte) = imei.get_mut(index / 2) {
            *byte = byte.wrapping_shl(4) | nibble;
        }
    }
    Some(imei)
}

impl Decoder for Xexun2Decoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        loop {
            match cut(bytes) {
                Cut::NeedMore if bytes.len() >= FRAME_BYTES_MAX => return Err(DecodeError::fatal("frame too long")),
                Cut::NeedMore => return Ok(Progress::NeedMore),
                Cut::Noise(count) => bytes.advance(count),
                Cut::Frame(total) => {
                    let mut plain = core::mem::take(&mut self.plain);
                    let raw = bytes.get(..total).unwrap_or_default();
                    let result = match unescape(raw, &mut plain) {
                        Some(()) => take(raw, &plain, env, out, replies),
                        None => Err(DecodeError::skipped("escape")),
                    };
                    self.plain = plain;
                    bytes.advance(total);
                    return result.map(|()| Progress::Frame);
                }
            }
        }
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let text = match command {
            Command::ReportEvery { seconds } => format!("tracking_send={seconds},{seconds}"),
            Command::PowerOff => String::from("of=1"),
            Command::Reboot => String::from("reset"),
            Command::Raw { text } if text.bytes().all(|byte| (0x20..0x7F).contains(&byte)) => text.clone(),
            Command::Raw { .. } => return Err(CannotSay::Value("text: ASCII")),
            _ => return Err(CannotSay::Unsupported),
        };
        let imei = imei_of(to.identifier).ok_or(CannotSay::Value("identifier: an IMEI"))?;
        self.commands = self.commands.wrapping_add(1);
        write(COMMAND, self.commands, imei, text.as_bytes(), out);
        Ok(Expect::Next)
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

fn take(raw: &[u8], plain: &[u8], env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
    let frame = open(plain).ok_or(DecodeError::skipped("header"))?;
    let identifier = identifier(frame.imei);
    if identifier.is_none() {
        return Err(DecodeError::skipped("identifier"));
    }
    if frame.unchecked && !env.options.ignore_checksum {
        return Err(DecodeError::skipped("checksum"));
    }
    let undecoded = |reason| Message::Undecoded { identifier, reason, raw: raw.to_vec() };
    match frame.kind {
        COMMAND => {
            let text = String::from_utf8_lossy(frame.body).trim_matches(['\0', ' ', '\r', '\n']).to_string();
            out.push(Message::CommandAnswer { identifier, tag: None, done: None, text });
            return Ok(());
        }
        POSITIONS => match positions(&frame, identifier, out) {
            Some(true) => {}
            Some(false) => out.push(undecoded("record")),
            None => out.push(undecoded("body too short")),
        },
        _ => out.push(undecoded("kind")),
    }
    let mut reply = Vec::new();
    write(frame.kind, frame.serial, frame.imei, &[1], &mut reply);
    replies.bytes(Release::Durable, reply);
    Ok(())
}

/// Whether all records could be read. `None` where there is none at all.
fn positions(frame: &Frame<'_>, identifier: Option<Identifier>, out: &mut Vec<Message>) -> Option<bool> {
    let mut body = Cursor::new(frame.body);
    let count = body.u8()?;
    let mut lengths = Cursor::new(body.take(usize::from(count).saturating_mul(2))?);
    let mut complete = true;
    while let Some(length) = lengths.be_u16() {
        match body.take(usize::from(length)).and_then(record) {
            Some(Told::Record(mut draft)) => {
                if frame.unchecked {
                    draft.set(Name::ChecksumIgnored, Value::Bool(true));
                }
                out.push(Message::Record { identifier, record: draft.finish() });
            }
            Some(Told::Nothing) => out.extend(identifier.map(|identifier| Message::Login { identifier, password: None })),
            None => complete = false,
        }
    }
    Some(complete)
}

#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
enum Told {
    Record(Draft),
    /// All zeros: the tracker finds out which protocol is spoken here.
    Nothing,
}

/// `None`: it ends before its mask.
fn record(bytes: &[u8]) -> Option<Told> {
    let mut body = Cursor::new(bytes);
    let (index, seconds, signal) = (body.u8()?, body.be_u32()?, body.u8()?);
    let (battery, mask) = (body.be_u16()?, body.u8()?);
    if seconds == 0 && mask == 0 {
        return Some(Told::Nothing);
    }
    let mut draft = Draft::at(unix_seconds(seconds));
    draft.set(Name::Index, Value::Int(i64::from(index)));
    draft.set(Name::GsmSignalLevel, Value::Int(i64::from(signal)));
    draft.set(Name::Charging, Value::Bool(battery & CHARGING != 0));
    match battery & !CHARGING {
        level @ 0..=100 => draft.set(Name::BatteryLevelPct, Value::Int(i64::from(level))),
        _ => draft.suspect("battery"),
    }
    let before = body;
    let known = read_masked(mask, &mut body, &mut draft);
    let rest = if known.is_some() { body.rest() } else { before.rest() };
    if !rest.is_empty() {
        draft.attributes.push(Key::Io(u32::from(mask)), Value::Text(&to_hex(rest)));
    }
    if known.is_none() {
        draft.suspect("record");
    }
    Some(Told::Record(draft))
}

/// `None`: it ends too early. What was read until then stays.
fn read_masked(mask: u8, body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    if mask & 0x01 != 0 {
        let alarms = body.be_u32()?;
        for (bit, alarm) in ALARMS {
            if alarms >> bit & 1 == 1 {
                draft.alarm(*alarm);
            }
        }
        draft.set(Name::Event, Value::Int(i64::from(alarms)));
    }
    if mask & 0x02 == 0 {
        return Some(());
    }
    let mask = body.u8()?;
    for bit in (0..8).filter(|bit| mask >> bit & 1 == 1) {
        match bit {
            0 => {
                let satellites = body.u8()?;
                let (longitude, latitude) = (body.array().map(f32::from_be_bytes)?, body.array().map(f32::from_be_bytes)?);
                place(draft, satellites, f64::from(longitude), f64::from(latitude));
            }
            1 => {
                for number in 0..body.u8()? {
                    let (address, signal) = (body.array()?, body.u8()?.cast_signed().unsigned_abs());
                    draft.set_numbered(Name::Wifi, number, Value::Text(wifi_text(address, Some(u16::from(signal))).as_str()));
                }
            }
            2 => {
                for number in 0..body.u8()? {
                    let operator = (body.be_u16()?, body.be_u16()?);
                    let place = (u64::from(body.be_u32()?), u64::from(body.be_u32()?));
                    let text = cell_text(operator, place, Some(u16::from(body.u8()?.cast_signed().unsigned_abs())));
                    draft.set_numbered(Name::Cell, number, Value::Text(text.as_str()));
                }
            }
            3 => {
                let count = usize::from(body.u8()?);
                body.skip(count.saturating_mul(12))?;
            }
            5 => {
                draft.speed_kmh(f64::from(body.be_u16()?) / 10.0);
                draft.course_deg(f64::from(body.be_u16()?) / 10.0);
            }
            6 => {
                let satellites = body.u8()?;
                let (longitude, latitude) = (body.array().map(f64::from_be_bytes)?, body.array().map(f64::from_be_bytes)?);
                place(draft, satellites, longitude, latitude);
            }
            7 => {
                let length = usize::from(body.be_u16()?);
                let details = body.take(length)?;
                draft.attributes.push(Key::Text("details"), Value::Text(&to_hex(details)));
            }
            // Nobody has told what it is, or how long.
            _ => return None,
        }
    }
    Some(())
}

fn place(draft: &mut Draft, satellites: u8, longitude: f64, latitude: f64) {
    draft.set(Name::Satellites, Value::Int(i64::from(satellites)));
    match (degrees(latitude), degrees(longitude)) {
        (Some(latitude), Some(longitude)) => draft.place(latitude, longitude),
        (None, _) => draft.suspect("latitude"),
        (_, None) => draft.suspect("longitude"),
    }
    draft.valid = draft.has_place();
}

/// Degrees and minutes in one number.
fn degrees(number: f64) -> Option<f64> {
    let whole = libm::trunc(number / 100.0);
    let minutes = number - whole * 100.0;
    (minutes.abs() < 60.0).then_some(whole + minutes / 60.0)
}

/// The nearest number of degrees and minutes that the format has.
#[allow(clippy::cast_possible_truncation, reason = "single precision is what the format has")]
fn degrees_minutes(degrees: f64) -> f32 {
    let whole = libm::trunc(degrees);
    let number = (whole * 100.0 + (degrees - whole) * 60.0) as f32;
    // Sixty minutes, by rounding, are a degree.
    if self::degrees(f64::from(number)).is_some() { number } else { ((whole + libm::copysign(1.0, degrees)) * 100.0) as f32 }
}

/// Encoder.
#[derive(Debug, Default)]
pub struct Xexun2Encoder {
    serial: u16,
}

impl Xexun2Encoder {
    /// For a stream.
    #[must_use]
    pub const fn new(_: Transport) -> Self {
        Self { serial: 0 }
    }
}

/// Records of one frame.
const RECORDS_MAX: usize = 16;

fn alarm(record: &Record) -> Option<(u32, Alarm)> {
    let raised = record.attributes.alarms().next()?;
    ALARMS.iter().copied().find(|(_, alarm)| *alarm == raised)
}

/// A fix as the format has it: longitude, latitude, speed, course.
struct Rounded {
    longitude: f32,
    latitude: f32,
    speed: u16,
    course: u16,
}

impl Rounded {
    /// The format has no place that is not valid, and none at 0/0.
    fn new(record: &Record) -> Option<Self> {
        let fix = record.fix.as_ref().filter(|fix| fix.valid)?;
        let tenths = |value: Option<f32>| u16::try_from(carry::whole(f64::from(value.unwrap_or(0.0)) * 10.0)).unwrap_or(0);
        let (latitude, longitude) = (degrees_minutes(fix.latitude.degrees()), degrees_minutes(fix.longitude.degrees()));
        let is_somewhere = latitude != 0.0 || longitude != 0.0;
        is_somewhere.then(|| Self { longitude, latitude, speed: tenths(fix.speed_kmh), course: tenths(fix.course_deg) })
    }
}

fn state(record: &Record) -> (u8, u16) {
    let number = |name, max| carry::int(&record.attributes, name, 0..=max).and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
    let charging = if carry::yes_no(&record.attributes, Name::Charging) == Some(true) { CHARGING } else { 0 };
    (number(Name::GsmSignalLevel, 255), charging | u16::from(number(Name::BatteryLevelPct, 100)))
}

fn satellites(record: &Record) -> u8 {
    carry::int(&record.attributes, Name::Satellites, 0..=255).and_then(|count| u8::try_from(count).ok()).unwrap_or(0)
}

fn index(record: &Record) -> Option<u8> {
    carry::int(&record.attributes, Name::Index, 0..=255).and_then(|index| u8::try_from(index).ok())
}

fn write_record(record: &Record, out: &mut Vec<u8>) {
    out.push(index(record).unwrap_or(0));
    let seconds = record.fix_time.and_then(|time| u32::try_from(time.div_euclid(MICROS_PER_SECOND)).ok()).unwrap_or(0);
    out.extend_from_slice(&seconds.to_be_bytes());
    let (signal, battery) = state(record);
    out.push(signal);
    out.extend_from_slice(&battery.to_be_bytes());
    let (alarm, fix) = (alarm(record), Rounded::new(record));
    out.push(u8::from(alarm.is_some()) | if fix.is_some() { 2 } else { 0 });
    if let Some((bit, _)) = alarm {
        out.extend_from_slice(&1_u32.wrapping_shl(bit).to_be_bytes());
    }
    if let Some(fix) = fix {
        out.extend_from_slice(&[0x21, satellites(record)]);
        out.extend_from_slice(&fix.longitude.to_be_bytes());
        out.extend_from_slice(&fix.latitude.to_be_bytes());
        out.extend_from_slice(&fix.speed.to_be_bytes());
        out.extend_from_slice(&fix.course.to_be_bytes());
    }
}

impl Encoder for Xexun2Encoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let count = records.len().min(RECORDS_MAX);
        if count == 0 {
            return 0;
        }
        let (mut lengths, mut bodies) = (Vec::with_capacity(1_024), Vec::with_capacity(1_024));
        lengths.push(u8::try_from(count).unwrap_or(0));
        for record in records.iter().take(count) {
            let before = bodies.len();
            write_record(record, &mut bodies);
            let length = u16::try_from(bodies.len().saturating_sub(before)).unwrap_or(0);
            lengths.extend_from_slice(&length.to_be_bytes());
        }
        lengths.extend_from_slice(&bodies);
        self.serial = self.serial.wrapping_add(1);
        write(POSITIONS, self.serial, imei_of(identifier).unwrap_or_default(), &lengths, out);
        count
    }

    fn heartbeat(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut count = 0_usize;
        loop {
            match cut(bytes) {
                Cut::NeedMore => return Ok(count),
                Cut::Noise(noise) => bytes.advance(noise),
                Cut::Frame(total) => {
                    let mut plain = Vec::new();
                    let answer = unescape(bytes.get(..total).unwrap_or_default(), &mut plain).and_then(|()| open(&plain));
                    let taken = answer.map(|frame| frame.kind == POSITIONS && !frame.unchecked && frame.body == [1]);
                    bytes.advance(total);
                    count = count.saturating_add(usize::from(taken == Some(true)));
                }
            }
        }
    }

    fn representable(&self, record: &Record) -> Record {
        let time = record.fix_time.map(carry::whole_second).filter(|time| *time > 0);
        let mut draft = Draft::at(time);
        let (signal, battery) = state(record);
        draft.set(Name::Index, Value::Int(i64::from(index(record).unwrap_or(0))));
        draft.set(Name::GsmSignalLevel, Value::Int(i64::from(signal)));
        draft.set(Name::Charging, Value::Bool(battery & CHARGING != 0));
        draft.set(Name::BatteryLevelPct, Value::Int(i64::from(battery & !CHARGING)));
        if let Some((bit, alarm)) = alarm(record) {
            draft.alarm(alarm);
            draft.set(Name::Event, Value::Int(i64::from(1_u32.wrapping_shl(bit))));
        }
        if let Some(fix) = Rounded::new(record) {
            place(&mut draft, satellites(record), f64::from(fix.longitude), f64::from(fix.latitude));
            draft.speed_kmh(f64::from(fix.speed) / 10.0);
            draft.course_deg(f64::from(fix.course) / 10.0);
        }
        draft.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_and_numbered() {
        let identifier = Identifier::new("861234567890123").unwrap();
        let to = Addressee { identifier: &identifier, password: None, env: Environment::default() };
        let (mut decoder, mut out) = (Xexun2Decoder::default(), Vec::new());
        for (command, kind_to_length, words) in [
            (Command::PowerOff, "faaf0007000186123456789012300004", "of=1"),
            (Command::Reboot, "faaf0007000286123456789012300005", "reset"),
            (Command::ReportEvery { seconds: 60 }, "faaf0007000386123456789012300013", "tracking_send=60,60"),
            (Command::Raw { text: "status".into() }, "faaf0007000486123456789012300006", "status"),
        ] {
            out.clear();
            assert_eq!(decoder.command(&command, &to, &mut out), Ok(Expect::Next));
            let check = to_hex(&check(words.as_bytes()).to_be_bytes());
            assert_eq!(to_hex(&out), [kind_to_length, &check, &to_hex(words.as_bytes()), "faaf"].concat());
        }
        let refused = decoder.command(&Command::Raw { text: "a\r\nb".into() }, &to, &mut out);
        assert_eq!(refused, Err(CannotSay::Value("text: ASCII")));
    }

    #[test]
    fn sixty_minutes_by_rounding_are_a_degree() {
        for degrees in [51.999_999_999, -51.999_999_999, 179.999_999_99, -0.999_999_999] {
            let back = super::degrees(f64::from(degrees_minutes(degrees))).unwrap();
            assert!((back - degrees).abs() < 1e-5, "{degrees} {back}");
        }
    }
}
