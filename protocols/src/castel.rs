//! Castel: OBD dongles (IDD-212, IDD-213) and trackers (PT-690) of Castel, and their older `$$` form.
//!
//! ```text
//! frame   = mark, length u16 LE (all of the frame), [ version u8 ], identifier (20 bytes, NULs behind), kind u16 BE, body,
//!           CRC-16/X-25 u16 LE (from the mark on), 0D 0A
//! mark    = "@@" / "$$"                                   ; "$$" has no version
//! body of version 12 (trackers):
//!   4001  login    place, status
//!   4206  places   history u8, count u8, count * place, status
//!   status       = state u32, battery u8, odometer u32, 3 bytes, LAC u16, cell u16, …
//! body of other versions (OBD), little endian:
//!   1001  login    trip, places, texts                    ; answered 9001: FFFFFFFF, 0000, the time
//!   1002  farewell trip, places
//!   1003  alive                                            ; answered 9003
//!   4001  places   history u8, trip, places, …
//!   4002  values   trip, rate u16, values                  ; while the engine runs, as are 4005, 4006, 4008
//!   4005  snapshot trip, flag u8, values
//!   4006  faults   trip, flag u8, count u8, count * fault u16
//!   4007  alarms   index u32, trip, places, count u8, count * ( new u8, kind u8, value u16, limit u16 )   ; answered C007, index
//!   4008  cell     trip, LAC u16, cell u16
//!   4009  place    time u32, place
//!   A002  answer   to a question: index u16, 2 bytes, count u8, count * ( id u16, length u16, value )
//!   trip         = engine on u32, now u32, odometer u32 (m), trip u32 (m), fuel u32 (0.01 l), fuel of the trip u16, state u32, 8 bytes
//!   places       = count u8, count * place
//!   place        = day, month, year, hour, minute, second (a byte each), latitude u32, longitude u32 (1/3,600,000 degree),
//!                  speed u16 (cm/s), course u16 (0.1 degree), flags u8 (1 east, 2 north, 0C fix, high nibble satellites)
//!   values       = count u8, count * id u16, groups u8, length u8, values (their length follows from their id)
//! body of "$$":
//!   2001  place    index u32, time u32, u8, place, …                       ; answered 1001
//! ```
//!
//! Source: Castel, "MPIP protocol" and "IDD-213 OBD communication protocol" V1.3.

use crate::wire::{Cursor, crc16_x25};
use crate::{
    About, Addressee, Alarm, CannotSay, Checksum, Civil, Command, DecodeError, Decoder, Draft, Encoder, Environment, Expect, Identifier,
    MICROS_PER_SECOND, Message, Micros, Name, Progress, Record, Release, Replies, Transport, Value, carry, wire,
};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::BytesMut;

/// What `castel` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "castel",
    default_port: 5086,
    transports: &[Transport::Tcp, Transport::Udp],
    // Positions are not answered.
    acknowledges: &[],
    checksum: Checksum::Crc,
    carries_no_fix: true,
    settings: &[],
};

const FRAME_BYTES_MAX: usize = 2_048;
/// Mark, length, identifier, kind, checksum, end.
const FRAME_BYTES_MIN: usize = 30;
const IDENTIFIER_BYTES: usize = 20;
/// The version of trackers.
const TRACKER: u8 = 12;
const UNITS_PER_DEGREE: f64 = 3_600_000.0;
/// A centimetre a second in km/h.
const CM_S_KMH: f64 = 0.036;

const LOGIN: u16 = 0x1001;
const FAREWELL: u16 = 0x1002;
const ALIVE: u16 = 0x1003;
const PLACES: u16 = 0x4001;
const VALUES: u16 = 0x4002;
const SNAPSHOT: u16 = 0x4005;
const FAULTS: u16 = 0x4006;
const ALARMS: u16 = 0x4007;
const CELL: u16 = 0x4008;
const PLACE: u16 = 0x4009;
const ANSWER: u16 = 0xA002;
const RELAY: u16 = 0x4583;

const EAST: u8 = 0x01;
const NORTH: u8 = 0x02;
const FIX: u8 = 0x0C;

/// Alarms of the dongle by their number.
const fn alarm_of(kind: u8) -> Option<Alarm> {
    Some(match kind {
        0x01 => Alarm::Overspeed,
        0x02 => Alarm::LowPower,
        0x03 => Alarm::Temperature,
        0x04 => Alarm::HardAcceleration,
        0x05 => Alarm::HardBraking,
        0x06 => Alarm::Idle,
        0x07 => Alarm::Towing,
        0x08 => Alarm::HighRpm,
        0x09 => Alarm::PowerOn,
        0x0B => Alarm::LaneChange,
        0x0C => Alarm::HardCornering,
        0x0D => Alarm::FatigueDriving,
        0x0E => Alarm::PowerOff,
        0x0F => Alarm::Geofence,
        0x10 => Alarm::Sos,
        0x11 => Alarm::Crash,
        0x12 => Alarm::Tamper,
        0x13..=0x15 | 0x18 | 0x1A | 0x1B => Alarm::General,
        0x19 => Alarm::Unlock,
        0x1C => Alarm::Vibration,
        _ => return None,
    })
}

/// Decoder.
#[derive(Debug, Default)]
pub struct CastelDecoder;

/// A frame that was cut and checked.
struct Frame<'a> {
    /// `None`: the form without one.
    version: Option<u8>,
    name: &'a [u8],
    identifier: Option<Identifier>,
    kind: u16,
    body: &'a [u8],
    unchecked: bool,
}

impl Decoder for CastelDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let Some(mark) = bytes.first_chunk::<2>() else { return Ok(Progress::NeedMore) };
        if !matches!(mark, b"@@" | b"$$") {
            return Err(DecodeError::fatal("no mark"));
        }
        let Some(length) = bytes.get(2..4).and_then(|b| b.first_chunk()).map(|b| usize::from(u16::from_le_bytes(*b))) else {
            return Ok(Progress::NeedMore);
        };
        if !(FRAME_BYTES_MIN..=FRAME_BYTES_MAX).contains(&length) {
            return Err(DecodeError::fatal("length"));
        }
        if bytes.len() < length {
            return Ok(Progress::NeedMore);
        }
        let raw = bytes.split_to(length);
        let frame = open(&raw, env.options.ignore_checksum)?;
        if read(&frame, env.now, out, replies).is_none() {
            out.push(Message::Undecoded { identifier: frame.identifier, reason: "body", raw: raw.to_vec() });
        }
        Ok(Progress::Frame)
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let cut = match command {
            Command::EngineStop => 1,
            Command::EngineResume => 0,
            _ => return Err(CannotSay::Unsupported),
        };
        write(b"@@", Some(1), to.identifier.as_str().as_bytes(), RELAY, &[cut], out);
        Ok(Expect::Next)
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

fn open(raw: &[u8], ignore_checksum: bool) -> Result<Frame<'_>, DecodeError> {
    let short = DecodeError::skipped("frame too short");
    let (content, tail) = raw.split_last_chunk::<4>().ok_or(short)?;
    let [low, high, ..] = *tail;
    let fits = tail.ends_with(b"\r\n") && crc16_x25(content) == u16::from_le_bytes([low, high]);
    if !fits && !ignore_checksum {
        return Err(DecodeError::skipped("checksum"));
    }
    let mut cursor = Cursor::new(content);
    let mark: [u8; 2] = cursor.array().ok_or(short)?;
    cursor.skip(2).ok_or(short)?;
    let version = if mark == *b"@@" { Some(cursor.u8().ok_or(short)?) } else { None };
    let name = cursor.take(IDENTIFIER_BYTES).ok_or(short)?;
    let kind = cursor.be_u16().ok_or(short)?;
    let text = core::str::from_utf8(name).unwrap_or_default().trim_end_matches('\0');
    let identifier = Identifier::new(text).ok_or(DecodeError::skipped("identifier"))?;
    Ok(Frame { version, name, identifier: Some(identifier), kind, body: cursor.rest(), unchecked: !fits })
}

impl Frame<'_> {
    fn record(&self, mut draft: Draft, out: &mut Vec<Message>) {
        if self.unchecked {
            draft.set(Name::ChecksumIgnored, Value::Bool(true));
        }
        out.push(Message::Record { identifier: self.identifier, record: draft.finish() });
    }

    fn alive(&self, out: &mut Vec<Message>) {
        out.push(Message::Heartbeat { identifier: self.identifier, attributes: crate::Attributes::new() });
    }

    fn answer(&self, kind: u16, body: &[u8], replies: &mut Replies) {
        let mut reply = Vec::with_capacity(48);
        write(b"@@", self.version, self.name, kind, body, &mut reply);
        replies.bytes(Release::Durable, reply);
    }
}

/// `None` if the body ends too early; then nothing was pushed.
fn read(frame: &Frame<'_>, now: Micros, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
    let body = &mut Cursor::new(frame.body);
    match frame.version {
        None => old(frame, body, out, replies),
        Some(TRACKER) => tracker(frame, body, out, replies),
        Some(_) => dongle(frame, body, now, out, replies),
    }
}

fn old(frame: &Frame<'_>, body: &mut Cursor<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
    if frame.kind != 0x2001 {
        return None;
    }
    body.skip(9)?;
    let draft = place(body)?;
    frame.record(draft, out);
    let mut answer = [0xFF; 12];
    if let Some(index) = answer.first_chunk_mut::<4>() {
        *index = [0; 4];
    }
    frame.answer(LOGIN, &answer, replies);
    Some(())
}

fn tracker(frame: &Frame<'_>, body: &mut Cursor<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
    let mut drafts = Vec::new();
    match frame.kind {
        0x4001 => drafts.push(place(body)?),
        0x4206 => {
            body.skip(1)?;
            for _ in 0..body.u8()? {
                drafts.push(place(body)?);
            }
        }
        0x4003 => frame.alive(out),
        _ => return None,
    }
    for mut draft in drafts {
        let status = &mut Cursor::new(body.rest());
        draft.set_int(Name::Status, status.le_u32());
        if let Some(battery) = status.u8().filter(|battery| *battery != u8::MAX) {
            draft.attributes.push(crate::Key::Text("battery"), Value::Int(i64::from(battery)));
        }
        draft.set_int(Name::OdometerM, status.le_u32());
        if status.skip(3).is_some() {
            cell(status, &mut draft);
        }
        frame.record(draft, out);
    }
    frame.answer(frame.kind & 0x0FFF | 0x8000, &[], replies);
    Some(())
}

fn dongle(frame: &Frame<'_>, body: &mut Cursor<'_>, now: Micros, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
    match frame.kind {
        LOGIN => {
            if let Some(identifier) = frame.identifier {
                out.push(Message::Login { identifier, password: None });
            }
            if let Some(trip) = trip(body) {
                places(frame, &trip, body, out);
            }
            let seconds = u32::try_from(now.div_euclid(MICROS_PER_SECOND)).unwrap_or(0).to_le_bytes();
            frame.answer(0x9001, &[&[0xFF, 0xFF, 0xFF, 0xFF, 0, 0], &seconds[..]].concat(), replies);
        }
        FAREWELL => {
            let trip = trip(body)?;
            places(frame, &trip, body, out);
        }
        ALIVE => {
            frame.alive(out);
            frame.answer(0x9003, &[], replies);
        }
        PLACES => {
            let history = body.u8()?;
            let mut trip = trip(body)?;
            if history == 0 {
                trip.set(Name::Buffered, Value::Bool(true));
            }
            if places(frame, &trip, body, out) == 0 {
                frame.record(trip, out);
            }
        }
        VALUES | SNAPSHOT | FAULTS | CELL => {
            let mut trip = trip(body)?;
            trip.set(Name::Ignition, Value::Bool(true));
            match frame.kind {
                VALUES => drop(body.skip(2).and_then(|()| values(body, &mut trip))),
                SNAPSHOT => drop(body.skip(1).and_then(|()| values(body, &mut trip))),
                FAULTS => drop(body.skip(1).and_then(|()| faults(body, &mut trip))),
                _ => cell(body, &mut trip),
            }
            frame.record(trip, out);
        }
        ALARMS => alarms(frame, body, out, replies)?,
        PLACE => {
            body.skip(4)?;
            let draft = place(body)?;
            frame.record(draft, out);
        }
        ANSWER | 0xC583 => {
            out.push(Message::CommandAnswer { identifier: frame.identifier, tag: None, done: None, text: answer_text(frame) })
        }
        _ => return None,
    }
    Some(())
}

/// The trip so far.
fn trip(body: &mut Cursor<'_>) -> Option<Draft> {
    let mut cursor = *body;
    cursor.skip(4)?;
    let mut draft = Draft::at(Some(i64::from(cursor.le_u32()?).saturating_mul(MICROS_PER_SECOND)));
    draft.set(Name::OdometerM, Value::Int(i64::from(cursor.le_u32()?)));
    let metres = cursor.le_u32()?;
    if metres > 0 {
        draft.set(Name::TripOdometerM, Value::Int(i64::from(metres)));
    }
    let fuel = cursor.le_u32()?;
    if fuel > 0 {
        draft.set(Name::FuelUsedL, Value::Float(f64::from(fuel) / 100.0));
    }
    cursor.skip(2)?;
    let state = cursor.le_u32()?;
    if state > 0 {
        draft.set(Name::Status, Value::Int(i64::from(state)));
    }
    cursor.skip(8)?;
    *body = cursor;
    Some(draft)
}

/// The places behind a trip; how many there were.
fn places(frame: &Frame<'_>, trip: &Draft, body: &mut Cursor<'_>, out: &mut Vec<Message>) -> usize {
    let mut count = 0_usize;
    for _ in 0..body.u8().unwrap_or(0) {
        let Some(draft) = place(body) else { break };
        frame.record(with(draft, trip), out);
        count = count.saturating_add(1);
    }
    count
}

/// A place with what the trip tells.
fn with(mut draft: Draft, trip: &Draft) -> Draft {
    for (key, value) in trip.attributes.iter() {
        draft.attributes.push(key, value);
    }
    draft
}

fn place(body: &mut Cursor<'_>) -> Option<Draft> {
    let mut cursor = *body;
    let [day, month, year, hour, minute, second] = cursor.array()?.map(u32::from);
    let civil = Civil { year: i32::try_from(year).ok()?.saturating_add(2_000), month, day, hour, minute, second, micros: 0 };
    let mut draft = Draft::at_told(civil.to_micros());
    let (latitude, longitude) = (f64::from(cursor.le_u32()?) / UNITS_PER_DEGREE, f64::from(cursor.le_u32()?) / UNITS_PER_DEGREE);
    draft.speed_kmh(f64::from(cursor.le_u16()?) * CM_S_KMH);
    draft.course_deg(f64::from(cursor.le_u16()?) / 10.0);
    let flags = cursor.u8()?;
    let sign = |positive: u8| if flags & positive == 0 { -1.0 } else { 1.0 };
    draft.place(sign(NORTH) * latitude, sign(EAST) * longitude);
    draft.valid = flags & FIX != 0;
    draft.set(Name::Satellites, Value::Int(i64::from(flags >> 4)));
    *body = cursor;
    Some(draft)
}

/// Area and cell; the network is not told.
fn cell(body: &mut Cursor<'_>, draft: &mut Draft) {
    if let Some((area, cell)) = body.le_u16().zip(body.le_u16()).filter(|pair| *pair != (0, 0)) {
        draft.set(Name::Cell, Value::Text(wire::cell_text((0, 0), (u64::from(area), u64::from(cell)), None).as_str()));
    }
}

/// Values of the engine (SAE J1979 ids behind 21h).
fn values(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let count = usize::from(body.u8()?);
    let ids = body.take(count.checked_mul(2)?)?.as_chunks::<2>().0;
    let groups = body.u8()?;
    let length = usize::from(body.u8()?);
    if groups == 0 {
        return None;
    }
    let values = &mut Cursor::new(body.take(length.min(body.rest().len()))?);
    for id in ids {
        let id = u16::from_le_bytes(*id);
        let width = width(id)?;
        let value = values.take(width)?.iter().rev().fold(0_i64, |value, byte| value.wrapping_shl(8) | i64::from(*byte));
        let name = match id {
            0x2104 => Name::EngineLoadPct,
            0x2105 => Name::CoolantTemperatureC,
            0x210C => Name::EngineRpm,
            0x210D => Name::ObdSpeedKmh,
            0x210F => Name::IntakeTemperatureC,
            0x2111 => Name::ThrottlePct,
            0x212F => Name::FuelLevelPct,
            _ => {
                draft.attributes.push(crate::Key::Io(u32::from(id)), Value::Int(value));
                continue;
            }
        };
        draft.set(name, Value::Int(value));
    }
    Some(())
}

/// Bytes of a value: of those that nobody describes nothing behind can be read.
const fn width(id: u16) -> Option<usize> {
    Some(match id & 0xFF {
        0x01 => 4,
        0x03 | 0x0C | 0x10 | 0x1F | 0x21..=0x23 | 0x31 | 0x32 | 0x3C..=0x3F | 0x42..=0x44 | 0x4D | 0x4E => 2,
        0x04..=0x0B | 0x0D..=0x0F | 0x11..=0x13 | 0x1C | 0x1D | 0x2C..=0x30 | 0x33 | 0x45..=0x4C | 0x51 => 1,
        0x14..=0x1B => 2,
        0x24..=0x2B | 0x34..=0x3B | 0x41 => 4,
        _ => return None,
    })
}

fn faults(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let mut text = String::new();
    for _ in 0..body.u8()? {
        let code = body.le_u16()?;
        let (system, rest) = (code >> 14, code & 0x3FFF);
        if !text.is_empty() {
            text.push(' ');
        }
        text.push(match system {
            0 => 'P',
            1 => 'C',
            2 => 'B',
            _ => 'U',
        });
        text.push_str(&alloc::format!("{rest:04X}"));
    }
    draft.set_text(Name::TroubleCodes, &text);
    Some(())
}

fn alarms(frame: &Frame<'_>, body: &mut Cursor<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
    let index: [u8; 4] = body.array()?;
    let trip = trip(body)?;
    let mut told: Vec<Draft> = Vec::new();
    for _ in 0..body.u8()? {
        told.push(with(place(body)?, &trip));
    }
    if told.is_empty() {
        told.push(trip);
    }
    for _ in 0..body.u8().unwrap_or(0) {
        let Some([new, kind, ..]) = body.array::<6>() else { break };
        for draft in told.iter_mut().filter(|_| new != 0) {
            match (kind, alarm_of(kind)) {
                (0x16 | 0x17, _) => draft.set(Name::Ignition, Value::Bool(kind == 0x16)),
                (_, Some(alarm)) => draft.alarm(alarm),
                (_, None) => draft.set(Name::Event, Value::Int(i64::from(kind))),
            }
        }
    }
    told.into_iter().for_each(|draft| frame.record(draft, out));
    frame.answer(0xC007, &index, replies);
    Some(())
}

/// The printable values of an answer, else its bytes.
fn answer_text(frame: &Frame<'_>) -> String {
    let mut cursor = Cursor::new(frame.body);
    let mut text = String::new();
    let mut one = || -> Option<()> {
        cursor.skip(4)?;
        for _ in 0..cursor.u8()? {
            cursor.skip(2)?;
            let length = usize::from(cursor.le_u16()?);
            let value = core::str::from_utf8(cursor.take(length)?).ok()?;
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(value.trim_end_matches('\0'));
        }
        Some(())
    };
    if frame.kind == ANSWER && one().is_some() && !text.chars().any(char::is_control) { text } else { wire::to_hex(frame.body) }
}

/// Puts a frame around its body.
fn write(mark: &[u8; 2], version: Option<u8>, name: &[u8], kind: u16, body: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let length = body.len().saturating_add(FRAME_BYTES_MIN).saturating_add(usize::from(version.is_some()));
    out.extend_from_slice(mark);
    out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
    out.extend(version);
    let name = name.get(..name.len().min(IDENTIFIER_BYTES)).unwrap_or_default();
    out.extend_from_slice(name);
    out.resize(out.len().saturating_add(IDENTIFIER_BYTES.saturating_sub(name.len())), 0);
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(body);
    let crc = crc16_x25(out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Encoder: an OBD dongle.
#[derive(Debug)]
pub struct CastelEncoder;

impl CastelEncoder {
    /// For a stream, or for datagrams.
    pub fn new(_: Transport) -> Self {
        Self
    }
}

const VERSION: u8 = 4;

/// A degree in the units of the wire.
fn units(degrees: f64) -> u32 {
    u32::try_from(carry::whole(degrees.abs() * UNITS_PER_DEGREE)).unwrap_or(0)
}

fn tenths(value: Option<f32>, per_unit: f64) -> u16 {
    u16::try_from(carry::whole(f64::from(value.unwrap_or(0.0)) / per_unit)).unwrap_or(u16::MAX)
}

fn satellites(record: &Record) -> u8 {
    carry::int(&record.attributes, Name::Satellites, 0..=15).and_then(|count| u8::try_from(count).ok()).unwrap_or(0)
}

fn metres(record: &Record, name: Name) -> u32 {
    carry::int(&record.attributes, name, 0..=i64::from(u32::MAX)).and_then(|metres| u32::try_from(metres).ok()).unwrap_or(0)
}

impl Encoder for CastelEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        let time = record.fix_time.unwrap_or(0);
        let seconds = u32::try_from(time.div_euclid(MICROS_PER_SECOND)).unwrap_or(0);
        let mut body = Vec::with_capacity(64);
        body.push(1);
        body.extend_from_slice(&[0; 4]);
        for number in [seconds, metres(record, Name::OdometerM), metres(record, Name::TripOdometerM), 0] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        body.extend_from_slice(&[0; 14]);
        match (&record.fix, Civil::from_micros(time)) {
            (Some(fix), Some(civil)) => {
                body.push(1);
                let year = u32::try_from(civil.year.rem_euclid(100)).unwrap_or(0);
                for number in [civil.day, civil.month, year, civil.hour, civil.minute, civil.second] {
                    body.push(u8::try_from(number).unwrap_or(0));
                }
                let (latitude, longitude) = (fix.latitude.degrees(), fix.longitude.degrees());
                body.extend_from_slice(&units(latitude).to_le_bytes());
                body.extend_from_slice(&units(longitude).to_le_bytes());
                body.extend_from_slice(&tenths(fix.speed_kmh, CM_S_KMH).to_le_bytes());
                body.extend_from_slice(&tenths(fix.course_deg, 0.1).to_le_bytes());
                let sides = if latitude < 0.0 { 0 } else { NORTH } | if longitude < 0.0 { 0 } else { EAST };
                body.push(satellites(record) << 4 | sides | if fix.valid { FIX } else { 0 });
            }
            _ => body.push(0),
        }
        write(b"@@", Some(VERSION), identifier.as_str().as_bytes(), PLACES, &body, out);
        1
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        write(b"@@", Some(VERSION), identifier.as_str().as_bytes(), ALIVE, &[], out);
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        while let Some(length) = bytes.get(2..4).and_then(|b| b.first_chunk()).map(|b| usize::from(u16::from_le_bytes(*b))) {
            if bytes.len() < length.max(FRAME_BYTES_MIN) {
                break;
            }
            drop(bytes.split_to(length.max(FRAME_BYTES_MIN)));
        }
        Ok(0)
    }

    fn representable(&self, record: &Record) -> Record {
        let mut draft = Draft::at(record.fix_time.map(carry::whole_second));
        if let Some(fix) = &record.fix {
            let back = |degrees: f64| f64::from(units(degrees)) / UNITS_PER_DEGREE * if degrees < 0.0 { -1.0 } else { 1.0 };
            draft.place(back(fix.latitude.degrees()), back(fix.longitude.degrees()));
            draft.valid = fix.valid;
            draft.speed_kmh(f64::from(tenths(fix.speed_kmh, CM_S_KMH)) * CM_S_KMH);
            draft.course_deg(f64::from(tenths(fix.course_deg, 0.1)) / 10.0);
            draft.set(Name::Satellites, Value::Int(i64::from(satellites(record))));
        }
        draft.set(Name::OdometerM, Value::Int(i64::from(metres(record, Name::OdometerM))));
        let trip = metres(record, Name::TripOdometerM);
        if trip > 0 {
            draft.set(Name::TripOdometerM, Value::Int(i64::from(trip)));
        }
        draft.finish()
    }
}
