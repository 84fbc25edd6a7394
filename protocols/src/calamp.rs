//! CalAmp LM Direct: binary messages of the LMU series over UDP.
//!
//! ```text
//! packet   = [ options ] message                            ; big endian
//! options  = flags u8 (bit 7 set) *( length u8 value )      ; bit 0 mobile id (two digits a byte, F fills), 1 its kind (1 ESN, 2 IMEI, …),
//!                                                           ; 2 authentication, 3 routing, 4 forwarding, 5 redirection, 6 extension
//! message  = service u8 kind u8 sequence u16 content        ; service: 0 unacknowledged, 1 acknowledged, 2 answer
//! kind     = 0 null / 1 acknowledgement / 2 event / 3 identification / 4 user data / 5 application / 6 parameters / 7 request /
//!            8 locate / 9 user data with accumulators / 10 short event / 11 short user data
//! place    = time u32 time of fix u32 latitude i32 longitude i32 (10⁻⁷ °) height i32 (cm) speed u32 (cm/s) heading u16
//!            satellites u8 fix u8 carrier u16 signal i16 (dBm) link u8 hdop u8 (0.1) inputs u8 status u8
//! event    = place index u8 code u8 count u8 append u8 *accumulator u32        ; count in bits 0–5, form in bits 6–7
//! locate   = place count u8 append u8 *accumulator u32
//! user     = place route u8 id u8 length u16 bytes          ; application: a kind u16 instead of route and id
//! short    = time u32 latitude i32 longitude i32 heading u16 speed u8 (km/h) fix u8 link u8 inputs u8 code u8 count u8 append u8
//!            *accumulator u32                               ; fix: satellites in bits 0–3, 4 no clock yet, 5 no fix, 6 last known place,
//!                                                           ; 7 was kept in the device
//! fix      = bit 2 last known place, 3 no fix, 5 was kept in the device, 6 no clock yet
//! append   = bit 0: behind the accumulators stands a length u8 and what the device says of its cell
//! answer   = kind u8 result u8 spare u8 version 3           ; result 0: done
//! ```
//!
//! In form 1 of the accumulators two words stand before them, a threshold and a mask. The server's `02 01` answers have a content of
//! zeros; it asks for a place by `01 08` without a content. What stands behind the place in kind 9, and in an identification, is kept in
//! hexadecimal digits.
//!
//! Bit 0 of the inputs is the ignition. A record's time is the one of the message: the place may be older (`fix_age_s`).
//!
//! Source: published parts of CalAmp, "LM Direct Reference Guide" (8.4 and the PULS wiki of 2013).

use crate::wire::{Cursor, from_hex, hex_digit, to_hex};
use crate::{
    About, Addressee, Attributes, CannotSay, Checksum, Command, DecodeError, Decoder, Draft, Encoder, Environment, Expect, Identifier, Key,
    MICROS_PER_SECOND, Message, Name, Progress, Record, Release, Replies, Transport, Value, carry, unix_seconds,
};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// What `calamp` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "calamp",
    default_port: 5082,
    transports: &[Transport::Udp],
    acknowledges: &[Transport::Udp],
    checksum: Checksum::None,
    carries_no_fix: true,
    settings: &[],
};

/// The longest packet that is taken.
const FRAME_BYTES_MAX: usize = 2_048;
const OPTIONS: u8 = 0x80;
const ACKNOWLEDGED: u8 = 1;
const ANSWER: u8 = 2;
const ACKNOWLEDGEMENT: u8 = 1;
const EVENT: u8 = 2;
const IDENTIFICATION: u8 = 3;
const USER_DATA: u8 = 4;
const APPLICATION: u8 = 5;
const LOCATE: u8 = 8;
const USER_DATA_COUNTED: u8 = 9;
const SHORT_EVENT: u8 = 10;
const LAST_KNOWN: u8 = 0x04;
const NO_FIX: u8 = 0x08;
const KEPT: u8 = 0x20;
const NO_CLOCK: u8 = 0x40;
const SHORT_NO_CLOCK: u8 = 0x10;
const SHORT_NO_FIX: u8 = 0x20;
const SHORT_LAST_KNOWN: u8 = 0x40;
const SHORT_KEPT: u8 = 0x80;
/// 2000-01-01: a clock that was never set shows an earlier time.
const CLOCK_SET: u32 = 946_684_800;
/// Bits of the count of accumulators: how many, and their form.
const COUNT: u8 = 0x3F;
const WITH_THRESHOLD: u8 = 1;
const CELL_APPENDED: u8 = 1;
/// What the result of an acknowledgement says.
const RESULTS: [&str; 8] =
    ["done", "failed", "no such message", "no such operation", "serial port", "authentication", "mobile id", "sequence number"];
const IGNITION: u8 = 1;
const PER_DEGREE: f64 = 1e7;
/// Centimetres a second in a kilometre an hour.
const CM_S_KMH: f64 = 0.036;

/// Decoder.
#[derive(Debug, Default)]
pub struct CalAmpDecoder;

impl Decoder for CalAmpDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        _: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        if bytes.is_empty() {
            return Ok(Progress::NeedMore);
        }
        let packet = bytes.split();
        if packet.len() > FRAME_BYTES_MAX {
            return Err(DecodeError::fatal("frame too long"));
        }
        read(&packet, out, replies).ok_or(DecodeError::skipped("too short")).map(|()| Progress::Frame)
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        match command {
            Command::Raw { text } => {
                let bytes = from_hex(text).filter(|bytes| !bytes.is_empty());
                out.extend_from_slice(&bytes.ok_or(CannotSay::Value("text: hexadecimal digits of a message"))?);
                Ok(Expect::Nothing)
            }
            Command::Locate => {
                // A decoder may live for one datagram only: the clock numbers what is asked.
                let sequence = u16::try_from(to.env.now.div_euclid(MICROS_PER_SECOND).rem_euclid(0x1_0000)).unwrap_or(0);
                out.extend_from_slice(&[ACKNOWLEDGED, LOCATE]);
                out.extend_from_slice(&sequence.to_be_bytes());
                Ok(Expect::Tag(u32::from(sequence)))
            }
            _ => Err(CannotSay::Unsupported),
        }
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

/// Digits, two a byte, up to the first F.
fn mobile_id(bytes: &[u8]) -> Option<Identifier> {
    let mut text = String::with_capacity(20);
    for nibble in bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]).take_while(|nibble| *nibble != 0x0F) {
        text.push(char::from(hex_digit(nibble)));
    }
    Identifier::new(&text)
}

/// `None`: a head that ends too early, or a message that is ours to send; then nothing was pushed.
fn read(packet: &[u8], out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
    let mut body = Cursor::new(packet);
    let mut identifier = None;
    if packet.first()? & OPTIONS != 0 {
        let flags = body.u8()?;
        for bit in (0..7).filter(|bit| flags & 1_u8.wrapping_shl(*bit) != 0) {
            let length = usize::from(body.u8()?);
            let value = body.take(length)?;
            if bit == 0 {
                identifier = mobile_id(value);
            }
        }
    }
    let (service, kind, sequence) = (body.u8()?, body.u8()?, body.be_u16()?);
    if service > ANSWER {
        return None;
    }
    let answered = |done, text: &str| Message::CommandAnswer { identifier, tag: Some(u32::from(sequence)), done, text: text.into() };
    let message = match kind {
        EVENT | LOCATE | USER_DATA | APPLICATION | USER_DATA_COUNTED => {
            report(kind, &mut body).map(|record| Message::Record { identifier, record })
        }
        SHORT_EVENT => short(&mut body).map(|record| Message::Record { identifier, record }),
        ACKNOWLEDGEMENT if service == ANSWER => {
            let result = body.take(2).and_then(|content| content.get(1).copied());
            result.map(|code| answered(Some(code == 0), RESULTS.get(usize::from(code)).unwrap_or(&"failed")))
        }
        0 | ACKNOWLEDGEMENT | IDENTIFICATION => Some(Message::Heartbeat { identifier, attributes: told(kind, body.rest()) }),
        _ => None,
    };
    if service == ANSWER && matches!((kind, &message), (LOCATE, Some(_))) {
        out.push(answered(Some(true), "located"));
    }
    out.push(message.unwrap_or_else(|| Message::Undecoded { identifier, reason: "kind or content", raw: packet.to_vec() }));
    if service == ACKNOWLEDGED {
        let [high, low] = sequence.to_be_bytes();
        replies.copied(Release::Durable, &[ANSWER, ACKNOWLEDGEMENT, high, low, kind, 0, 0, 0, 0, 0]);
    }
    Some(())
}

/// What an identification tells: makers of firmware differ in it.
fn told(kind: u8, content: &[u8]) -> Attributes {
    let mut attributes = Attributes::new();
    if kind == IDENTIFICATION && !content.is_empty() {
        attributes.push(Key::Text("identification"), Value::Text(&to_hex(content)));
    }
    attributes
}

fn place(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let (latitude, longitude) = (body.be_u32()?.cast_signed(), body.be_u32()?.cast_signed());
    draft.place(f64::from(latitude) / PER_DEGREE, f64::from(longitude) / PER_DEGREE);
    Some(())
}

fn inputs(inputs: u8, draft: &mut Draft) {
    draft.set(Name::InputMask, Value::Int(i64::from(inputs)));
    draft.set(Name::Ignition, Value::Bool(inputs & IGNITION != 0));
}

fn report(kind: u8, body: &mut Cursor<'_>) -> Option<Record> {
    let (time, fixed) = (body.be_u32()?, body.be_u32()?);
    let mut draft = Draft::at(unix_seconds(time).or_else(|| unix_seconds(fixed)));
    place(body, &mut draft)?;
    draft.altitude_m(f64::from(body.be_u32()?.cast_signed()) / 100.0);
    draft.speed_kmh(f64::from(body.be_u32()?) * CM_S_KMH);
    draft.course_deg(f64::from(body.be_u16()?));
    let (satellites, fix) = (body.u8()?, body.u8()?);
    draft.valid = fix & (LAST_KNOWN | NO_FIX) == 0;
    describe_clock(fix & NO_CLOCK != 0, fix & KEPT != 0, time, &mut draft);
    draft.set(Name::Satellites, Value::Int(i64::from(satellites)));
    if let Some(age) = time.checked_sub(fixed).filter(|age| fixed != 0 && *age > 0) {
        draft.set(Name::FixAgeS, Value::Int(i64::from(age)));
    }
    draft.set(Name::Operator, Value::Int(i64::from(body.be_u16()?)));
    draft.set(Name::GsmSignalDbm, Value::Int(i64::from(body.be_u16()?.cast_signed())));
    number("link", body.u8()?, &mut draft);
    draft.set(Name::Hdop, Value::Float(f64::from(body.u8()?) / 10.0));
    inputs(body.u8()?, &mut draft);
    draft.set(Name::Status, Value::Int(i64::from(body.u8()?)));
    match kind {
        EVENT => {
            number("event_index", body.u8()?, &mut draft);
            draft.set(Name::Event, Value::Int(i64::from(body.u8()?)));
            accumulators(body, &mut draft);
        }
        LOCATE => accumulators(body, &mut draft),
        USER_DATA_COUNTED => text(body.rest(), &mut draft, true),
        _ => {
            let [first, second] = body.array::<2>()?;
            if kind == APPLICATION {
                let application = u16::from_be_bytes([first, second]);
                draft.attributes.push(Key::Text("application"), Value::Int(i64::from(application)));
            } else {
                number("route", first, &mut draft);
                number("message_id", second, &mut draft);
            }
            let length = usize::from(body.be_u16()?);
            text(body.take(length.min(body.rest().len()))?, &mut draft, false);
        }
    }
    Some(draft.finish())
}

/// A clock that was never set tells no time; what was kept in the device is late.
fn describe_clock(unset: bool, kept: bool, time: u32, draft: &mut Draft) {
    if unset && time < CLOCK_SET {
        draft.time = None;
    }
    if kept {
        draft.set(Name::Buffered, Value::Bool(true));
    }
}

/// A number that has no name, where it says something.
fn number(name: &str, value: u8, draft: &mut Draft) {
    if value != 0 {
        draft.attributes.push(Key::Text(name), Value::Int(i64::from(value)));
    }
}

/// What came through the device's serial port.
fn text(data: &[u8], draft: &mut Draft, always_digits: bool) {
    match core::str::from_utf8(data) {
        Ok(text) if text.trim().is_empty() => {}
        Ok(text) if !always_digits => draft.set_text(Name::Text, text.trim_end_matches(['\r', '\n', '\0'])),
        _ => draft.set_text(Name::Text, &to_hex(data)),
    }
}

/// How many and in which form, what is appended, then each of them.
fn accumulators(body: &mut Cursor<'_>, draft: &mut Draft) {
    let (Some(count), Some(append)) = (body.u8(), body.u8()) else { return };
    if count >> COUNT.count_ones() == WITH_THRESHOLD {
        for name in ["threshold", "mask"] {
            let Some(word) = body.be_u32() else { return };
            draft.attributes.push(Key::Text(name), Value::Int(i64::from(word)));
        }
    }
    for number in 1..=count & COUNT {
        let Some(value) = body.be_u32() else { return };
        draft.attributes.push(Key::Named(Name::Count, number), Value::Int(i64::from(value)));
    }
    if append & CELL_APPENDED != 0
        && let Some(cell) = body.u8().and_then(|length| body.take(usize::from(length)))
    {
        draft.attributes.push(Key::Text("cell_info"), Value::Text(&to_hex(cell)));
    }
}

fn short(body: &mut Cursor<'_>) -> Option<Record> {
    let time = body.be_u32()?;
    let mut draft = Draft::at(unix_seconds(time));
    place(body, &mut draft)?;
    draft.course_deg(f64::from(body.be_u16()?));
    draft.speed_kmh(f64::from(body.u8()?));
    let fix = body.u8()?;
    draft.valid = fix & (SHORT_NO_FIX | SHORT_LAST_KNOWN) == 0;
    describe_clock(fix & SHORT_NO_CLOCK != 0, fix & SHORT_KEPT != 0, time, &mut draft);
    draft.set(Name::Satellites, Value::Int(i64::from(fix & 0x0F)));
    number("link", body.u8()?, &mut draft);
    inputs(body.u8()?, &mut draft);
    draft.set(Name::Event, Value::Int(i64::from(body.u8()?)));
    accumulators(body, &mut draft);
    Some(draft.finish())
}

/// Encoder: events that want an answer.
#[derive(Debug)]
pub struct CalAmpEncoder {
    sequence: u16,
}

impl CalAmpEncoder {
    /// For datagrams.
    pub fn new(_: Transport) -> Self {
        Self { sequence: 0 }
    }

    fn head(&mut self, identifier: &Identifier, kind: u8, out: &mut Vec<u8>) {
        self.sequence = self.sequence.wrapping_add(1);
        let digits = identifier.as_str().as_bytes();
        out.push(OPTIONS | 0x03);
        out.push(u8::try_from(digits.len().div_ceil(2)).unwrap_or(u8::MAX));
        for pair in digits.chunks(2) {
            let nibble =
                |place: usize| pair.get(place).and_then(|digit| char::from(*digit).to_digit(15)).and_then(|d| u8::try_from(d).ok());
            out.push((nibble(0).unwrap_or(0) << 4) | nibble(1).unwrap_or(0x0F));
        }
        out.extend_from_slice(&[1, 2, ACKNOWLEDGED, kind]);
        out.extend_from_slice(&self.sequence.to_be_bytes());
    }
}

/// A record's content as it is written.
fn content(record: &Record) -> Vec<u8> {
    let attributes = &record.attributes;
    let small = |name: Name, max: i64| u8::try_from(carry::int(attributes, name, 0..=max).unwrap_or(0)).unwrap_or(0);
    let time = record.fix_time.and_then(|time| u32::try_from(time.div_euclid(MICROS_PER_SECOND)).ok()).unwrap_or(0);
    let fix = record.fix;
    let scaled = |value: f64| i32::try_from(carry::whole(value)).unwrap_or(0);
    let (latitude, longitude) = fix.map_or((0.0, 0.0), |fix| (fix.latitude.degrees(), fix.longitude.degrees()));
    let height = fix.and_then(|fix| fix.altitude_m).map_or(0.0, f64::from).clamp(-100_000.0, 100_000.0);
    let speed = fix.and_then(|fix| fix.speed_kmh).map_or(0.0, f64::from).clamp(0.0, 2_000.0);
    let course = carry::whole(fix.and_then(|fix| fix.course_deg).map_or(0.0, f64::from)).clamp(0, 360);
    let ignition = if carry::yes_no(attributes, Name::Ignition) == Some(true) { IGNITION } else { 0 };
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(&time.to_be_bytes());
    bytes.extend_from_slice(&time.to_be_bytes());
    for value in [latitude * PER_DEGREE, longitude * PER_DEGREE, height * 100.0, speed / CM_S_KMH] {
        bytes.extend_from_slice(&scaled(value).to_be_bytes());
    }
    bytes.extend_from_slice(&u16::try_from(course).unwrap_or(0).to_be_bytes());
    let kept = if carry::yes_no(attributes, Name::Buffered) == Some(true) { KEPT } else { 0 };
    bytes.extend_from_slice(&[small(Name::Satellites, 255), kept | if fix.is_some_and(|fix| fix.valid) { 0 } else { NO_FIX }]);
    let operator = u16::try_from(carry::int(attributes, Name::Operator, 0..=0xFFFF).unwrap_or(0)).unwrap_or(0);
    let signal = i16::try_from(carry::int(attributes, Name::GsmSignalDbm, -200..=0).unwrap_or(0)).unwrap_or(0);
    bytes.extend_from_slice(&operator.to_be_bytes());
    bytes.extend_from_slice(&signal.to_be_bytes());
    let hdop = hdop_tenths(attributes);
    bytes.extend_from_slice(&[0, hdop, ignition, 0, 0, small(Name::Event, 255), 0, 0]);
    bytes
}

/// As its byte has it.
fn hdop_tenths(attributes: &Attributes) -> u8 {
    match attributes.get(Name::Hdop) {
        Some(Value::Float(hdop)) => u8::try_from(carry::whole(hdop * 10.0)).unwrap_or(0),
        _ => 0,
    }
}

impl Encoder for CalAmpEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        self.head(identifier, EVENT, out);
        out.extend_from_slice(&content(record));
        1
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        self.head(identifier, 0, out);
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut count = 0_usize;
        while let Some([ANSWER, ACKNOWLEDGEMENT, _, _, kind, ..]) = bytes.first_chunk::<10>() {
            count = count.saturating_add(usize::from(*kind == EVENT));
            bytes.advance(10);
        }
        bytes.clear();
        Ok(count)
    }

    fn representable(&self, record: &Record) -> Record {
        let attributes = &record.attributes;
        let small = |name: Name, max: i64| Value::Int(carry::int(attributes, name, 0..=max).unwrap_or(0));
        let mut draft = Draft::at(record.fix_time.map(carry::whole_second));
        if let Some(fix) = &record.fix {
            draft.valid = fix.valid;
            let parts = |value: f64, unit: f64| f64::from(i32::try_from(carry::whole(value * unit)).unwrap_or(0)) / unit;
            draft.place(parts(fix.latitude.degrees(), PER_DEGREE), parts(fix.longitude.degrees(), PER_DEGREE));
            let number = |value: Option<f32>| f64::from(value.unwrap_or(0.0));
            draft.altitude_m(parts(number(fix.altitude_m).clamp(-100_000.0, 100_000.0), 100.0));
            let speed = i32::try_from(carry::whole(number(fix.speed_kmh).clamp(0.0, 2_000.0) / CM_S_KMH)).unwrap_or(0);
            draft.speed_kmh(f64::from(speed) * CM_S_KMH);
            draft.course_deg(f64::from(i32::try_from(carry::whole(number(fix.course_deg)).clamp(0, 360)).unwrap_or(0)));
        }
        if carry::yes_no(attributes, Name::Buffered) == Some(true) {
            draft.set(Name::Buffered, Value::Bool(true));
        }
        draft.set(Name::Satellites, small(Name::Satellites, 255));
        draft.set(Name::Operator, small(Name::Operator, 0xFFFF));
        draft.set(Name::GsmSignalDbm, Value::Int(carry::int(attributes, Name::GsmSignalDbm, -200..=0).unwrap_or(0)));
        let hdop = hdop_tenths(attributes);
        draft.set(Name::Hdop, Value::Float(f64::from(hdop) / 10.0));
        let ignition = carry::yes_no(attributes, Name::Ignition) == Some(true);
        draft.set(Name::InputMask, Value::Int(i64::from(ignition)));
        draft.set(Name::Ignition, Value::Bool(ignition));
        draft.set(Name::Status, Value::Int(0));
        draft.set(Name::Event, small(Name::Event, 255));
        draft.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_asked_for_by_a_number_that_its_answer_repeats() {
        let identifier = Identifier::new("4400000097").unwrap_or_else(|| panic!("no identifier"));
        let env = Environment { now: 1_710_141_758_000_000, ..Environment::default() };
        let to = Addressee { identifier: &identifier, password: None, env };
        let said = |command: Command| {
            let mut out = Vec::new();
            CalAmpDecoder.command(&command, &to, &mut out).map(|expect| (out, expect))
        };
        assert_eq!(said(Command::Locate), Ok((alloc::vec![1, 8, 0xB1, 0x3E], Expect::Tag(0xB13E))));
        assert_eq!(said(Command::Raw { text: "0107000001".into() }), Ok((alloc::vec![1, 7, 0, 0, 1], Expect::Nothing)));
        assert!(matches!(said(Command::Raw { text: "reboot".into() }), Err(CannotSay::Value(_))));
        assert_eq!(said(Command::Reboot), Err(CannotSay::Unsupported));
    }
}
