//! CalAmp LM Direct: binary messages of the LMU series over UDP.
//!
//! ```text
//! packet   = [ options ] message                            ; big endian
//! options  = flags u8 (bit 7 set) *( length u8 value )      ; bit 0 mobile id (two digits a byte, F fills), 1 its kind (1 ESN, 2 IMEI, …),
//!                                                           ; 2 authentication, 3 routing, 4 forwarding, 5 redirection, 6 extension
//! message  = service u8 kind u8 sequence u16 content        ; service: 0 unacknowledged, 1 acknowledged, 2 answer
//! kind     = 0 null / 1 acknowledgement / 2 event / 3 identification / 4 user data / 5 application / 8 locate / 9 user data with
//!            accumulators / 10 short event / …
//! place    = time u32 time of fix u32 latitude i32 longitude i32 (10⁻⁷ °) height i32 (cm) speed u32 (cm/s) heading u16
//!            satellites u8 fix u8 carrier u16 signal i16 (dBm) link u8 hdop u8 (0.1) inputs u8 status u8
//! event    = place index u8 code u8 count u8 spare u8 *accumulator u32         ; count in bits 0–5
//! locate   = place count u8 spare u8 *accumulator u32
//! user     = place route u8 id u8 length u16 bytes
//! short    = time u32 latitude i32 longitude i32 heading u16 speed u8 (km/h) fix u8 link u8 inputs u8 code u8 count u8 append u8
//!            *accumulator u32                               ; fix: satellites in bits 0–3, 5: no fix
//! fix      = bit 2 last known place, 3 no fix
//! answer   = 02 01 sequence kind 00 00 000000
//! ```
//!
//! Bit 0 of the inputs is the ignition. A record's time is the one of the message: the place may be older (`fix_age_s`).
//!
//! Source: published parts of CalAmp, "LM Direct Reference Guide".

use crate::wire::{Cursor, from_hex, hex_digit, to_hex};
use crate::{
    About, Addressee, Attributes, CannotSay, Checksum, Command, DecodeError, Decoder, Draft, Encoder, Environment, Expect, Identifier, Key,
    MICROS_PER_SECOND, Message, Micros, Name, Progress, Record, Release, Replies, Transport, Value, carry,
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
const SHORT_EVENT: u8 = 10;
const LAST_KNOWN: u8 = 0x04;
const NO_FIX: u8 = 0x08;
const SHORT_NO_FIX: u8 = 0x20;
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

    fn command(&mut self, command: &Command, _: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let Command::Raw { text } = command else { return Err(CannotSay::Unsupported) };
        let bytes = from_hex(text).filter(|bytes| !bytes.is_empty()).ok_or(CannotSay::Value("text: hexadecimal digits of a message"))?;
        out.extend_from_slice(&bytes);
        Ok(Expect::Nothing)
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
    let message = match kind {
        EVENT | LOCATE | USER_DATA | APPLICATION => report(kind, &mut body).map(|record| Message::Record { identifier, record }),
        SHORT_EVENT => short(&mut body).map(|record| Message::Record { identifier, record }),
        0 | ACKNOWLEDGEMENT | IDENTIFICATION => Some(Message::Heartbeat { identifier, attributes: Attributes::new() }),
        _ => None,
    };
    out.push(message.unwrap_or_else(|| Message::Undecoded { identifier, reason: "kind or content", raw: packet.to_vec() }));
    if service == ACKNOWLEDGED {
        let [high, low] = sequence.to_be_bytes();
        replies.copied(Release::Durable, &[ANSWER, ACKNOWLEDGEMENT, high, low, kind, 0, 0, 0, 0, 0]);
    }
    Some(())
}

fn seconds(value: u32) -> Option<Micros> {
    (value != 0).then(|| i64::from(value).saturating_mul(MICROS_PER_SECOND))
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
    let mut draft = Draft::at(seconds(time).or(seconds(fixed)));
    place(body, &mut draft)?;
    draft.altitude_m(f64::from(body.be_u32()?.cast_signed()) / 100.0);
    draft.speed_kmh(f64::from(body.be_u32()?) * CM_S_KMH);
    draft.course_deg(f64::from(body.be_u16()?));
    let (satellites, fix) = (body.u8()?, body.u8()?);
    draft.valid = fix & (LAST_KNOWN | NO_FIX) == 0;
    draft.set(Name::Satellites, Value::Int(i64::from(satellites)));
    if let Some(age) = time.checked_sub(fixed).filter(|age| fixed != 0 && *age > 0) {
        draft.set(Name::FixAgeS, Value::Int(i64::from(age)));
    }
    draft.set(Name::Operator, Value::Int(i64::from(body.be_u16()?)));
    draft.set(Name::GsmSignalDbm, Value::Int(i64::from(body.be_u16()?.cast_signed())));
    body.u8()?;
    draft.set(Name::Hdop, Value::Float(f64::from(body.u8()?) / 10.0));
    inputs(body.u8()?, &mut draft);
    draft.set(Name::Status, Value::Int(i64::from(body.u8()?)));
    match kind {
        EVENT => {
            body.u8()?;
            draft.set(Name::Event, Value::Int(i64::from(body.u8()?)));
            accumulators(body, &mut draft);
        }
        LOCATE => accumulators(body, &mut draft),
        _ => {
            body.take(2)?;
            let length = usize::from(body.be_u16()?);
            let data = body.take(length.min(body.rest().len()))?;
            match core::str::from_utf8(data) {
                Ok(text) if !text.trim().is_empty() => draft.set_text(Name::Text, text.trim_end_matches(['\r', '\n', '\0'])),
                Ok(_) => {}
                Err(_) => draft.set_text(Name::Text, &to_hex(data)),
            }
        }
    }
    Some(draft.finish())
}

/// How many, a spare byte, then each of them.
fn accumulators(body: &mut Cursor<'_>, draft: &mut Draft) {
    let (Some(count), Some(_)) = (body.u8(), body.u8()) else { return };
    for number in 1..=count & 0x3F {
        let Some(value) = body.be_u32() else { return };
        draft.attributes.push(Key::Named(Name::Count, number), Value::Int(i64::from(value)));
    }
}

fn short(body: &mut Cursor<'_>) -> Option<Record> {
    let mut draft = Draft::at(seconds(body.be_u32()?));
    place(body, &mut draft)?;
    draft.course_deg(f64::from(body.be_u16()?));
    draft.speed_kmh(f64::from(body.u8()?));
    let fix = body.u8()?;
    draft.valid = fix & SHORT_NO_FIX == 0;
    draft.set(Name::Satellites, Value::Int(i64::from(fix & 0x0F)));
    body.u8()?;
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
    bytes.extend_from_slice(&[small(Name::Satellites, 255), if fix.is_some_and(|fix| fix.valid) { 0 } else { NO_FIX }]);
    let operator = u16::try_from(carry::int(attributes, Name::Operator, 0..=0xFFFF).unwrap_or(0)).unwrap_or(0);
    let signal = i16::try_from(carry::int(attributes, Name::GsmSignalDbm, -200..=0).unwrap_or(0)).unwrap_or(0);
    bytes.extend_from_slice(&operator.to_be_bytes());
    bytes.extend_from_slice(&signal.to_be_bytes());
    let hdop = match attributes.get(Name::Hdop) {
        Some(Value::Float(hdop)) => u8::try_from(carry::whole(hdop * 10.0)).unwrap_or(0),
        _ => 0,
    };
    bytes.extend_from_slice(&[0, hdop, ignition, 0, 0, small(Name::Event, 255), 0, 0]);
    bytes
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
        draft.set(Name::Satellites, small(Name::Satellites, 255));
        draft.set(Name::Operator, small(Name::Operator, 0xFFFF));
        draft.set(Name::GsmSignalDbm, Value::Int(carry::int(attributes, Name::GsmSignalDbm, -200..=0).unwrap_or(0)));
        let hdop = match attributes.get(Name::Hdop) {
            Some(Value::Float(hdop)) => u8::try_from(carry::whole(hdop * 10.0)).unwrap_or(0),
            _ => 0,
        };
        draft.set(Name::Hdop, Value::Float(f64::from(hdop) / 10.0));
        let ignition = carry::yes_no(attributes, Name::Ignition) == Some(true);
        draft.set(Name::InputMask, Value::Int(i64::from(ignition)));
        draft.set(Name::Ignition, Value::Bool(ignition));
        draft.set(Name::Status, Value::Int(0));
        draft.set(Name::Event, small(Name::Event, 255));
        draft.finish()
    }
}
