//! EGTS: the ERA-GLONASS telematics protocol (GOST R 54619, GOST R 56361), transport and services.
//!
//! ```text
//! packet   = 01 key u8 flags u8 head u8 00 length u16 packet u16 kind u8 [ routing 5 ] crc8 [ data crc16 ]     ; little endian
//! head     = bytes up to and with crc8: 11, or 16 with routing
//! crc8     = CRC-8/NRSC-5 over the head; crc16: CRC-16/IBM-3740 over the data, where there are any
//! kind     = 0 response / 1 data / 2 signed data
//! data     = *record
//! response = packet u16 result u8 *record
//! record   = length u16 number u16 flags u8 [ object u32 ] [ event u32 ] [ time u32 ] service u8 service u8 *part
//! flags    = bit 0 has an object, 1 an event, 2 a time
//! part     = kind u8 length u16 value
//!
//! service 1 (authorisation):
//!   1 terminal u32 flags u8 [ home u16 ] [ IMEI 15 ] …      ; flags: bit 0 home dispatcher, 1 IMEI
//! service 2 (telematics):
//!   16 time u32 latitude u32 longitude u32 flags u8 speed u16 course u8 odometer u24 (0.1 km) inputs u8 source u8
//!      [ height u24 ] [ data u16 ]
//!   17 flags u8 [ vdop u16 ] [ hdop u16 ] [ pdop u16 ] [ satellites u8 ] [ systems u16 ]      ; hundredths
//!   18 inputs u8 outputs u8 analog u8 *( inputs u8 ) *( analog u24 )
//!   19 counters u8 *( counter u24 )
//!   20 state u8 supply u8 spare u8 battery u8 flags u8      ; 0.1 V
//!   24 analog u8 value u24 / 27 flags u8 module u16 level u32 / …
//! time     = seconds since 2010-01-01T00:00:00Z
//! latitude = degrees × 2^32−1 ÷ 90; longitude: ÷ 180
//! flags of a place = bit 0 valid, 3 from memory, 4 moving, 5 south, 6 west, 7 has a height
//! speed    = bits 0–13 0.1 km/h, 14 height below the sea, 15 course + 256
//! ```
//!
//! Each record is answered with a response of its own: record number and result. An authorisation is answered with a result code too.
//! Places of one record follow each other; what stands behind a place belongs to it.
//!
//! Source: GOST R 54619-2011, annexes; Ministry of Transport of the Russian Federation, order 285 (2012), annex 2.

use crate::steps::Steps;
use crate::wire::{Cursor, crc8_nrsc5, crc16_ccitt_false, from_hex, to_hex};
use crate::{
    About, Addressee, Alarm, CannotSay, Checksum, Command, DecodeError, Decoder, Draft, Encoder, Environment, Expect, Identifier, Key,
    MICROS_PER_SECOND, Message, Name, Progress, Record, Release, Replies, Transport, Value, carry,
};
use alloc::vec::Vec;
use bytes::{Buf as _, BytesMut};

/// What `egts` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "egts",
    default_port: 5162,
    transports: &[Transport::Tcp],
    acknowledges: &[Transport::Tcp],
    checksum: Checksum::Crc,
    carries_no_fix: true,
    settings: &[],
};

const FRAME_BYTES_MAX: usize = 65_535 + 18;
const FRAME_BYTES_MAX_UNIDENTIFIED: usize = 4_096;
const VERSION: u8 = 1;
const HEAD_BYTES: usize = 11;
const ROUTED_HEAD_BYTES: usize = 16;
const RESPONSE: u8 = 0;
const DATA: u8 = 1;
const AUTHORISATION: u8 = 1;
const TELEMATICS: u8 = 2;
/// 2010-01-01T00:00:00Z.
const EPOCH_S: i64 = 1_262_304_000;
const SCALE: f64 = 4_294_967_295.0;

const RECORD_RESPONSE: u8 = 0;
const TERMINAL: u8 = 1;
const RESULT_CODE: u8 = 7;
const PLACE: u8 = 16;
const PLACE_EXTENSION: u8 = 17;
const SENSORS: u8 = 18;
const COUNTERS: u8 = 19;
const STATE: u8 = 20;
const ANALOG: u8 = 24;
const LEVEL: u8 = 27;

const VALID: u8 = 0x01;
/// A place without a height.
const PLACE_BYTES_MIN: usize = 21;
/// The checksum behind the records.
const CHECKSUM_BYTES: usize = 2;
const FROM_MEMORY: u8 = 0x08;
const MOVING: u8 = 0x10;
const SOUTH: u8 = 0x20;
const WEST: u8 = 0x40;
const HAS_HEIGHT: u8 = 0x80;

/// What made the terminal send, where it is an alarm.
const SOURCES: &[(u8, Alarm)] =
    &[(7, Alarm::Overspeed), (10, Alarm::Tamper), (11, Alarm::PowerCut), (12, Alarm::LowBattery), (13, Alarm::Sos)];

/// Decoder.
#[derive(Debug, Default)]
pub struct EgtsDecoder {
    /// The terminal has said who it is: objects of records do not name it any more.
    known: bool,
    /// Packets that were sent.
    packets: u16,
    /// A packet whose records are being read.
    open: Option<Steps<OpenPacket>>,
}

/// A packet whose records are being read.
#[derive(Clone, Copy, Debug)]
struct OpenPacket {
    number: u16,
    fits: bool,
    entry: Option<Entry>,
}

/// A record of a packet, which may have many places.
#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u16,
    object: Option<u32>,
    service: u8,
    /// Bytes of its parts that are not read yet.
    parts: usize,
}

impl Decoder for EgtsDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        if let Some(open) = self.open.take() {
            self.go_on(open, bytes, out, replies);
            return Ok(Progress::Frame);
        }
        let Some(first) = bytes.first() else { return Ok(Progress::NeedMore) };
        if *first != VERSION {
            return Err(DecodeError::fatal("not a packet of version 1"));
        }
        let Some([_, _, _, head, _, low, high, packet_low, packet_high, kind, _]) = bytes.first_chunk::<HEAD_BYTES>().copied() else {
            return Ok(Progress::NeedMore);
        };
        let head = usize::from(head);
        if head != HEAD_BYTES && head != ROUTED_HEAD_BYTES {
            return Err(DecodeError::fatal("length of the head"));
        }
        if bytes.len() < head {
            return Ok(Progress::NeedMore);
        }
        let lenient = env.options.ignore_checksum;
        let covered = bytes.get(..head.saturating_sub(1)).unwrap_or_default();
        let head_fits = bytes.get(head.saturating_sub(1)) == Some(&crc8_nrsc5(covered));
        if !head_fits && !lenient {
            return Err(DecodeError::fatal("checksum of the head"));
        }
        let length = usize::from(u16::from_le_bytes([low, high]));
        let total = head.saturating_add(length).saturating_add(if length > 0 { CHECKSUM_BYTES } else { 0 });
        if bytes.len() < total {
            return Ok(Progress::NeedMore);
        }
        let frame = bytes.get(..total).unwrap_or_default();
        let data = frame.get(head..head.saturating_add(length)).unwrap_or_default();
        let fits = length == 0 || frame.get(head.saturating_add(length)..) == Some(crc16_ccitt_false(data).to_le_bytes().as_slice());
        if !fits && !lenient {
            bytes.advance(total);
            return Err(DecodeError::skipped("checksum"));
        }
        let number = u16::from_le_bytes([packet_low, packet_high]);
        match kind {
            RESPONSE => out.push(Message::Heartbeat { identifier: None, attributes: Draft::new().attributes }),
            DATA => {
                bytes.advance(head);
                let packet = OpenPacket { number, fits: fits && head_fits, entry: None };
                self.go_on(Steps::new(packet, length, total.saturating_sub(head).saturating_sub(length)), bytes, out, replies);
                return Ok(Progress::Frame);
            }
            _ => out.push(Message::Undecoded { identifier: None, reason: "kind of packet", raw: frame.to_vec() }),
        }
        bytes.advance(total);
        Ok(Progress::Frame)
    }

    fn command(&mut self, command: &Command, _: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let Command::Raw { text } = command else { return Err(CannotSay::Unsupported) };
        let bytes = from_hex(text).filter(|bytes| !bytes.is_empty()).ok_or(CannotSay::Value("text: hexadecimal digits of a packet"))?;
        out.extend_from_slice(&bytes);
        Ok(Expect::Nothing)
    }

    fn frame_bytes_max(&self, identified: bool) -> usize {
        if identified { FRAME_BYTES_MAX } else { FRAME_BYTES_MAX_UNIDENTIFIED }
    }
}

/// Appends a packet.
fn write(packet: u16, kind: u8, data: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[VERSION, 0, 0, 11, 0]);
    out.extend_from_slice(&u16::try_from(data.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(&packet.to_le_bytes());
    out.push(kind);
    let sum = crc8_nrsc5(out.get(start..).unwrap_or_default());
    out.push(sum);
    out.extend_from_slice(data);
    out.extend_from_slice(&crc16_ccitt_false(data).to_le_bytes());
}

fn push_part(kind: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(value);
}

/// Appends a record without an object.
fn push_record(number: u16, service: u8, parts: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u16::try_from(parts.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&[0, service, service]);
    out.extend_from_slice(parts);
}

fn entry(body: &mut Cursor<'_>) -> Option<Entry> {
    let (length, number, flags) = (usize::from(body.le_u16()?), body.le_u16()?, body.u8()?);
    let object = if flags & 1 != 0 { Some(body.le_u32()?) } else { None };
    for bit in [2, 4] {
        if flags & bit != 0 {
            body.skip(4)?;
        }
    }
    let service = body.u8()?;
    body.u8()?;
    (body.rest().len() >= length).then_some(Entry { number, object, service, parts: length })
}

/// The parts of a record.
struct Parts<'a>(Cursor<'a>);

impl<'a> Iterator for Parts<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, length) = (self.0.u8()?, usize::from(self.0.le_u16()?));
        Some((kind, self.0.take(length)?))
    }
}

impl EgtsDecoder {
    /// Reads the next records of a packet. What is left over at the end is none.
    fn go_on(&mut self, mut open: Steps<OpenPacket>, bytes: &mut BytesMut, out: &mut Vec<Message>, replies: &mut Replies) {
        if !open.step(bytes, |packet, body| self.next(packet, body, out, replies)) {
            self.open = Some(open);
        }
    }

    /// Reads the next place of a record, or all of a record that has none.
    fn next(&mut self, packet: &mut OpenPacket, body: &mut Cursor<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
        let mut entry = match packet.entry.take() {
            Some(entry) => entry,
            None => entry(body)?,
        };
        let parts = body.rest().get(..entry.parts)?;
        let identifier = entry.object.filter(|_| !self.known).and_then(|object| Identifier::new(&alloc::format!("{object}")));
        let before = out.len();
        let read = match entry.service {
            AUTHORISATION => self.authorise(parts, out),
            TELEMATICS => telematics(parts, identifier, packet.fits, out),
            _ => parts.len(),
        };
        if out.len() == before && !parts.is_empty() {
            out.push(Message::Undecoded { identifier, reason: "record", raw: parts.to_vec() });
        }
        body.skip(read)?;
        entry.parts = parts.len().saturating_sub(read);
        if entry.parts > 0 {
            packet.entry = Some(entry);
        } else {
            self.respond(packet.number, &entry, replies);
        }
        Some(())
    }

    fn respond(&mut self, packet: u16, entry: &Entry, replies: &mut Replies) {
        let release = if entry.service == AUTHORISATION { Release::Identified } else { Release::Durable };
        let mut response = Vec::with_capacity(16);
        response.extend_from_slice(&packet.to_le_bytes());
        response.push(0);
        let mut parts = Vec::with_capacity(6);
        let [low, high] = entry.number.to_le_bytes();
        push_part(RECORD_RESPONSE, &[low, high, 0], &mut parts);
        push_record(0, entry.service, &parts, &mut response);
        self.answer(RESPONSE, &response, release, replies);
        if entry.service == AUTHORISATION {
            let (mut parts, mut result) = (Vec::with_capacity(4), Vec::with_capacity(11));
            push_part(RESULT_CODE, &[0], &mut parts);
            push_record(0, AUTHORISATION, &parts, &mut result);
            self.answer(DATA, &result, release, replies);
        }
    }

    fn answer(&mut self, kind: u8, data: &[u8], release: Release, replies: &mut Replies) {
        let mut packet = Vec::with_capacity(data.len().saturating_add(13));
        write(self.packets, kind, data, &mut packet);
        self.packets = self.packets.wrapping_add(1);
        replies.copied(release, &packet);
    }

    /// A record names one terminal. Says how many bytes are read: all.
    fn authorise(&mut self, parts: &[u8], out: &mut Vec<Message>) -> usize {
        let named = Parts(Cursor::new(parts)).filter(|(kind, _)| *kind == TERMINAL).find_map(|(_, value)| terminal(value));
        if let Some(identifier) = named {
            self.known = true;
            out.push(Message::Login { identifier, password: None });
        }
        parts.len()
    }
}

/// The IMEI, else the terminal's number.
fn terminal(value: &[u8]) -> Option<Identifier> {
    let mut body = Cursor::new(value);
    let (number, flags) = (body.le_u32()?, body.u8()?);
    if flags & 1 != 0 {
        body.skip(2)?;
    }
    let imei = if flags & 2 != 0 { Some(body.take(15)?) } else { None };
    let imei = imei.and_then(|imei| core::str::from_utf8(imei).ok()).map(|imei| imei.trim_matches(['\0', ' ']));
    imei.and_then(Identifier::new).or_else(|| Identifier::new(&alloc::format!("{number}")))
}

/// Reads a place and what belongs to it. Says how many bytes are read: up to the next place, or all.
fn telematics(bytes: &[u8], identifier: Option<Identifier>, fits: bool, out: &mut Vec<Message>) -> usize {
    let mut current: Option<Draft> = None;
    let mut parts = Parts(Cursor::new(bytes));
    let mut left = 0;
    loop {
        let before = parts.0.rest().len();
        let Some((kind, value)) = parts.next() else { break };
        if kind == PLACE && value.len() >= PLACE_BYTES_MIN && current.is_some() {
            left = before;
            break;
        }
        let draft = current.get_or_insert_with(Draft::new);
        let mut body = Cursor::new(value);
        let whole = match kind {
            PLACE => place(&mut body, draft),
            PLACE_EXTENSION => extension(&mut body, draft),
            SENSORS => sensors(&mut body, draft),
            COUNTERS => counters(&mut body, draft),
            STATE => state(&mut body, draft),
            ANALOG => analog(&mut body, draft),
            LEVEL => level(&mut body, draft),
            _ => None,
        };
        if whole.is_none() {
            draft.attributes.push(Key::Io(u32::from(kind)), Value::Text(&to_hex(value)));
        }
    }
    if let Some(mut draft) = current {
        if !fits {
            draft.set(Name::ChecksumIgnored, Value::Bool(true));
        }
        out.push(Message::Record { identifier, record: draft.finish() });
    }
    bytes.len().saturating_sub(left)
}

fn place(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let time = body.le_u32()?;
    draft.time = (time != 0).then(|| i64::from(time).saturating_add(EPOCH_S).saturating_mul(MICROS_PER_SECOND));
    let (latitude, longitude) = (f64::from(body.le_u32()?) * 90.0 / SCALE, f64::from(body.le_u32()?) * 180.0 / SCALE);
    let flags = body.u8()?;
    let sided = |degrees: f64, bit: u8| if flags & bit == 0 { degrees } else { -degrees };
    draft.valid = flags & VALID != 0;
    draft.place(sided(latitude, SOUTH), sided(longitude, WEST));
    let speed = body.le_u16()?;
    draft.speed_kmh(f64::from(speed & 0x3FFF) / 10.0);
    draft.course_deg(f64::from(u16::from(body.u8()?) | ((speed & 0x8000) >> 7)));
    draft.set(Name::Motion, Value::Bool(flags & MOVING != 0));
    if flags & FROM_MEMORY != 0 {
        draft.set(Name::Buffered, Value::Bool(true));
    }
    draft.set(Name::OdometerM, Value::Int(i64::from(body.le_u24()?).saturating_mul(100)));
    draft.set(Name::InputMask, Value::Int(i64::from(body.u8()?)));
    let source = body.u8()?;
    draft.set(Name::Event, Value::Int(i64::from(source)));
    if let Some((_, alarm)) = SOURCES.iter().find(|(known, _)| *known == source) {
        draft.alarm(*alarm);
    }
    if flags & HAS_HEIGHT != 0 {
        let height = f64::from(body.le_u24()?);
        draft.altitude_m(if speed & 0x4000 == 0 { height } else { -height });
    }
    Some(())
}

fn extension(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let flags = body.u8()?;
    for (bit, name) in [(1, Name::Vdop), (2, Name::Hdop), (4, Name::Pdop)] {
        if flags & bit != 0 {
            draft.set(name, Value::Float(f64::from(body.le_u16()?) / 100.0));
        }
    }
    if flags & 8 != 0 {
        draft.set(Name::Satellites, Value::Int(i64::from(body.u8()?)));
    }
    Some(())
}

fn bits(mask: u8) -> impl Iterator<Item = u8> {
    (0..8).filter(move |bit| mask & 1_u8.wrapping_shl(u32::from(*bit)) != 0)
}

fn sensors(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let (inputs, outputs, analog) = (body.u8()?, body.u8()?, body.u8()?);
    draft.set(Name::OutputMask, Value::Int(i64::from(outputs)));
    for octet in bits(inputs) {
        let value = body.u8()?;
        if value != 0 {
            draft.set_numbered(Name::Input, octet.saturating_add(1), Value::Int(i64::from(value)));
        }
    }
    for number in bits(analog) {
        let value = body.le_u24()?;
        draft.attributes.push(Key::Named(Name::Sensor, number.saturating_add(1)), Value::Int(i64::from(value)));
    }
    Some(())
}

fn counters(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let mask = body.u8()?;
    for number in bits(mask) {
        let value = body.le_u24()?;
        draft.attributes.push(Key::Named(Name::Count, number.saturating_add(1)), Value::Int(i64::from(value)));
    }
    Some(())
}

fn state(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let (mode, supply, _, battery) = (body.u8()?, body.u8()?, body.u8()?, body.u8()?);
    draft.set(Name::Mode, Value::Int(i64::from(mode)));
    for (tenths, name) in [(supply, Name::ExternalPowerMv), (battery, Name::BatteryMv)] {
        if tenths != 0 {
            draft.set(name, Value::Int(i64::from(tenths).saturating_mul(100)));
        }
    }
    Some(())
}

fn analog(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let (number, value) = (body.u8()?, body.le_u24()?);
    draft.attributes.push(Key::Named(Name::Sensor, number.max(1)), Value::Int(i64::from(value)));
    Some(())
}

fn level(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let flags = body.u8()?;
    body.skip(2)?;
    let number = (flags & 0x07).saturating_add(1);
    if flags & 0x48 != 0 {
        // An error of the sensor, or bytes of its own.
        return None;
    }
    let value = body.le_u32()?;
    match (flags >> 4) & 0x03 {
        1 => draft.set_numbered(Name::FuelLevelPct, number, Value::Int(i64::from(value))),
        2 => draft.set_numbered(Name::FuelL, number, Value::Float(f64::from(value) / 10.0)),
        _ => draft.set_numbered(Name::FuelRaw, number, Value::Int(i64::from(value))),
    }
    Some(())
}

/// Encoder: a terminal that authorises itself by its IMEI.
#[derive(Debug)]
pub struct EgtsEncoder {
    packets: u16,
    records: u16,
}

impl EgtsEncoder {
    /// For a stream.
    pub fn new(_: Transport) -> Self {
        Self { packets: 0, records: 0 }
    }

    fn packet(&mut self, service: u8, parts: &[u8], out: &mut Vec<u8>) {
        let mut data = Vec::with_capacity(parts.len().saturating_add(7));
        push_record(self.records, service, parts, &mut data);
        write(self.packets, DATA, &data, out);
        self.packets = self.packets.wrapping_add(1);
        self.records = self.records.wrapping_add(1);
    }
}

/// Records of one packet.
const RECORDS_MAX: usize = 20;
const SPEED_TENTHS_MAX: i64 = 0x3FFF;

/// A record's place as its part has it.
fn place_part(record: &Record) -> Vec<u8> {
    let attributes = &record.attributes;
    let fix = record.fix;
    let seconds = record.fix_time.map_or(0, |time| time.div_euclid(MICROS_PER_SECOND).saturating_sub(EPOCH_S));
    let (latitude, longitude) = fix.map_or((0.0, 0.0), |fix| (fix.latitude.degrees(), fix.longitude.degrees()));
    let scaled = |degrees: f64, range: f64| u32::try_from(carry::whole(degrees.abs() * SCALE / range)).unwrap_or(u32::MAX);
    let number = |value: Option<f32>| f64::from(value.unwrap_or(0.0));
    let speed = u16::try_from(carry::whole(number(fix.and_then(|fix| fix.speed_kmh)) * 10.0).clamp(0, SPEED_TENTHS_MAX)).unwrap_or(0);
    let course = u16::try_from(carry::whole(number(fix.and_then(|fix| fix.course_deg))).clamp(0, 360)).unwrap_or(0);
    let height = fix.and_then(|fix| fix.altitude_m).map(|height| carry::whole(f64::from(height)).clamp(-0x00FF_FFFF, 0x00FF_FFFF));
    let alarm = attributes.get(Name::Alarm).and_then(|value| SOURCES.iter().find(|(_, alarm)| value == Value::Alarm(*alarm)));
    let on = |condition: bool, bit: u8| if condition { bit } else { 0 };
    let flags = on(fix.is_some_and(|fix| fix.valid), VALID)
        | on(latitude < 0.0, SOUTH)
        | on(longitude < 0.0, WEST)
        | on(height.is_some(), HAS_HEIGHT)
        | on(carry::yes_no(attributes, Name::Motion) == Some(true), MOVING)
        | on(carry::yes_no(attributes, Name::Buffered) == Some(true), FROM_MEMORY);
    let odometer = carry::int(attributes, Name::OdometerM, 0..=1_677_721_500).and_then(|metres| metres.checked_div(100)).unwrap_or(0);
    let below = if height.is_some_and(|height| height < 0) { 0x4000 } else { 0 };
    let mut value = Vec::with_capacity(24);
    value.extend_from_slice(&u32::try_from(seconds).unwrap_or(0).to_le_bytes());
    value.extend_from_slice(&scaled(latitude, 90.0).to_le_bytes());
    value.extend_from_slice(&scaled(longitude, 180.0).to_le_bytes());
    value.push(flags);
    value.extend_from_slice(&(speed | below | ((course & 0x100) << 7)).to_le_bytes());
    value.push(course.to_le_bytes()[0]);
    value.extend_from_slice(u32::try_from(odometer).unwrap_or(0).to_le_bytes().get(..3).unwrap_or_default());
    let inputs = carry::int(attributes, Name::InputMask, 0..=255).and_then(|mask| u8::try_from(mask).ok());
    value.extend_from_slice(&[inputs.unwrap_or(0), alarm.map_or(0, |(source, _)| *source)]);
    if let Some(height) = height {
        value.extend_from_slice(u32::try_from(height.unsigned_abs()).unwrap_or(0).to_le_bytes().get(..3).unwrap_or_default());
    }
    value
}

fn satellites(record: &Record) -> Option<u8> {
    carry::int(&record.attributes, Name::Satellites, 0..=255).and_then(|count| u8::try_from(count).ok())
}

impl Encoder for EgtsEncoder {
    fn login(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        let mut value = alloc::vec![0, 0, 0, 0, 2];
        let mut imei = [0; 15];
        for (place, byte) in imei.iter_mut().zip(identifier.as_str().bytes()) {
            *place = byte;
        }
        value.extend_from_slice(&imei);
        let mut parts = Vec::new();
        push_part(TERMINAL, &value, &mut parts);
        self.packet(AUTHORISATION, &parts, out);
    }

    fn records(&mut self, _: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        if records.is_empty() {
            return 0;
        }
        let mut parts = Vec::with_capacity(1_024);
        for record in records.iter().take(RECORDS_MAX) {
            push_part(PLACE, &place_part(record), &mut parts);
            if let Some(count) = satellites(record) {
                push_part(PLACE_EXTENSION, &[8, count], &mut parts);
            }
        }
        self.packet(TELEMATICS, &parts, out);
        records.len().min(RECORDS_MAX)
    }

    fn heartbeat(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut count = 0_usize;
        while let Some([VERSION, _, _, _, _, low, high, _, _, kind, _]) = bytes.first_chunk::<HEAD_BYTES>() {
            let total = usize::from(u16::from_le_bytes([*low, *high])).saturating_add(HEAD_BYTES).saturating_add(2);
            let kind = *kind;
            if bytes.len() < total {
                break;
            }
            let packet = bytes.split_to(total);
            // Behind packet number and result: a record of the service that is answered.
            let service = packet.get(HEAD_BYTES.saturating_add(8));
            count = count.saturating_add(usize::from(kind == RESPONSE && service == Some(&TELEMATICS)));
        }
        Ok(count)
    }

    fn representable(&self, record: &Record) -> Record {
        let attributes = &record.attributes;
        let mut draft = Draft::new();
        let seconds = record.fix_time.map(|time| time.div_euclid(MICROS_PER_SECOND)).filter(|seconds| *seconds > EPOCH_S);
        draft.time = seconds.map(|seconds| seconds.saturating_mul(MICROS_PER_SECOND));
        let number = |value: Option<f32>| f64::from(value.unwrap_or(0.0));
        if let Some(fix) = &record.fix {
            draft.valid = fix.valid;
            let back = |degrees: f64, range: f64| {
                let parts = u32::try_from(carry::whole(degrees.abs() * SCALE / range)).unwrap_or(u32::MAX);
                let there = f64::from(parts) * range / SCALE;
                if degrees < 0.0 { -there } else { there }
            };
            draft.place(back(fix.latitude.degrees(), 90.0), back(fix.longitude.degrees(), 180.0));
            let tenths = carry::whole(number(fix.speed_kmh) * 10.0).clamp(0, SPEED_TENTHS_MAX);
            draft.speed_kmh(f64::from(i32::try_from(tenths).unwrap_or(0)) / 10.0);
            draft.course_deg(f64::from(i32::try_from(carry::whole(number(fix.course_deg)).clamp(0, 360)).unwrap_or(0)));
            if let Some(height) = fix.altitude_m {
                let height = carry::whole(f64::from(height)).clamp(-0x00FF_FFFF, 0x00FF_FFFF);
                draft.altitude_m(f64::from(i32::try_from(height).unwrap_or(0)));
            }
        }
        draft.set(Name::Motion, Value::Bool(carry::yes_no(attributes, Name::Motion) == Some(true)));
        if carry::yes_no(attributes, Name::Buffered) == Some(true) {
            draft.set(Name::Buffered, Value::Bool(true));
        }
        let metres = carry::int(attributes, Name::OdometerM, 0..=1_677_721_500).and_then(|metres| metres.checked_div(100)).unwrap_or(0);
        draft.set(Name::OdometerM, Value::Int(metres.saturating_mul(100)));
        draft.set(Name::InputMask, Value::Int(carry::int(attributes, Name::InputMask, 0..=255).unwrap_or(0)));
        let alarm = attributes.get(Name::Alarm).and_then(|value| SOURCES.iter().find(|(_, alarm)| value == Value::Alarm(*alarm)));
        draft.set(Name::Event, Value::Int(alarm.map_or(0, |(source, _)| i64::from(*source))));
        if let Some((_, alarm)) = alarm {
            draft.alarm(*alarm);
        }
        draft.set_int(Name::Satellites, satellites(record));
        draft.finish()
    }
}
