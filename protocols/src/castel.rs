//! Castel: OBD dongles (IDD-212, IDD-213) and trackers (PT-690) of Castel, and their older `$$` form.
//!
//! ```text
//! frame   = mark, length u16 LE (all of the frame), [ version u8 ], identifier (20 bytes, NULs behind), kind u16 BE, body,
//!           CRC-16/X-25 u16 LE (from the mark on), 0D 0A
//! mark    = "@@" / "$$"                                   ; "$$" has no version
//! body of version 12 (trackers):
//!   4001  login    place, status, texts
//!   4206  places   history u8, count u8, count * place, status
//!   8583  answer   to the relay
//!   status       = state u32, battery u8, odometer u32, 3 bytes, LAC u16, cell u16, …
//! body of other versions (OBD), little endian:
//!   1001  login    trip, places, texts                    ; answered 9001: FFFFFFFF, 0000, the time
//!   1002  farewell trip, places
//!   1003  alive                                            ; answered 9003
//!   4001  places   history u8, trip, places, …
//!   4002  values   trip, rate u16, ids, groups u8, length u8, values  ; while the engine runs, as are 4005, 4006, 4008
//!   4003  forces   trip, …
//!   4004  ids      trip, …
//!   4005  snapshot trip, flag u8, ids, groups u8, values
//!   4006  faults   trip, flag u8, count u8, count * fault u16
//!   4007  alarms   index u32, trip, places, count u8, count * ( new u8, kind u8, value u16, limit u16 )   ; answered C007, index
//!   4008  cell     trip, LAC u16, cell u16
//!   4009  place    time u32, place
//!   A002  answer   to a question: index u16, answers u8, number u8, refused u8, refused * id u16,
//!                  count u8, count * ( id u16, length u16, value )
//!   C583  answer   to the relay
//!   trip         = engine on u32, now u32, odometer u32 (m), trip u32 (m), fuel u32 (0.01 l), fuel of the trip u16, state u32, 8 bytes
//!   state        ; bit 9 power came, 18 engine on, 21 power went
//!   places       = count u8, count * place
//!   place        = day, month, year, hour, minute, second (a byte each), latitude u32, longitude u32 (1/3,600,000 degree),
//!                  speed u16 (cm/s), course u16 (0.1 degree), flags u8 (1 east, 2 north, 0C fix, high nibble satellites)
//!   ids          = count u8, count * id u16
//!   values       = one for each id, whose length follows from the id (`width`), in the units of people; each group has all of them
//!   texts        = software NUL hardware NUL
//! body of "$$":
//!   2001  place    index u32, time u32, u8, place, …                       ; answered 1001
//! ```
//!
//! Source: Castel, "MPIP protocol" and "IDD-213 OBD communication protocol" V1.3.

use crate::wire::{Cursor, crc16_x25, from_hex, to_hex};
use crate::{
    About, Addressee, Alarm, CannotSay, Checksum, Civil, Command, DecodeError, Decoder, Draft, Encoder, Environment, Expect, Identifier,
    Key, MICROS_PER_SECOND, Message, Micros, Name, Progress, Record, Release, Replies, Transport, Value, carry, wire,
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
const PLACE_BYTES: usize = 19;
const COMMAND_BYTES_MAX: usize = 512;
/// Names of software and hardware are not longer. Each place of a login repeats them.
const TEXT_BYTES_MAX: usize = 128;
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
const FORCES: u16 = 0x4003;
const IDS: u16 = 0x4004;
const SNAPSHOT: u16 = 0x4005;
const FAULTS: u16 = 0x4006;
const ALARMS: u16 = 0x4007;
const CELL: u16 = 0x4008;
const PLACE: u16 = 0x4009;
const ANSWER: u16 = 0xA002;
const RELAY: u16 = 0x4583;
const RELAY_ANSWER: u16 = 0xC583;
const TRACKER_RELAY_ANSWER: u16 = 0x8583;

/// Of the state: the engine runs.
const ENGINE_ON: u32 = 1 << 18;
/// The time of a place or trip that was told later.
const HISTORY: u8 = 1;

const EAST: u8 = 0x01;
const NORTH: u8 = 0x02;
const FIX: u8 = 0x0C;

const IGNITION_ON: u8 = 0x16;
const IGNITION_OFF: u8 = 0x17;

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
        let name = to.identifier.as_str().as_bytes();
        match command {
            Command::EngineStop => write(b"@@", Some(1), name, RELAY, &[1], out),
            Command::EngineResume => write(b"@@", Some(1), name, RELAY, &[0], out),
            // A kind and its body.
            Command::Raw { text } => {
                let bytes = from_hex(text).filter(|bytes| bytes.len() <= COMMAND_BYTES_MAX).unwrap_or_default();
                let Some((kind, body)) = bytes.split_first_chunk::<2>() else {
                    return Err(CannotSay::Value("text: kind and body in hexadecimal digits"));
                };
                write(b"@@", Some(1), name, u16::from_be_bytes(*kind), body, out);
            }
            _ => return Err(CannotSay::Unsupported),
        }
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

    fn answered(&self, done: Option<bool>, text: String, out: &mut Vec<Message>) {
        out.push(Message::CommandAnswer { identifier: self.identifier, tag: None, done, text });
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
    let (mut history, mut places) = (0, &[][..]);
    match frame.kind {
        PLACES => places = body.take(PLACE_BYTES)?,
        0x4206 => {
            history = body.u8()?;
            let count = usize::from(body.u8()?);
            places = body.take(count.checked_mul(PLACE_BYTES)?)?;
        }
        0x4003 => frame.alive(out),
        TRACKER_RELAY_ANSWER => {
            frame.answered(None, to_hex(frame.body), out);
            return Some(());
        }
        _ => return None,
    }
    for one in places.as_chunks::<PLACE_BYTES>().0 {
        let mut draft = place(&mut Cursor::new(one))?;
        buffered(history, &mut draft);
        let status = &mut Cursor::new(body.rest());
        draft.set_int(Name::Status, status.le_u32());
        if let Some(battery) = status.u8().filter(|battery| *battery != u8::MAX) {
            draft.attributes.push(Key::Text("battery"), Value::Int(i64::from(battery)));
        }
        draft.set_int(Name::OdometerM, status.le_u32());
        if status.skip(3).and_then(|()| cell(status, &mut draft)).is_some() && frame.kind == PLACES {
            texts(status.rest(), &mut draft);
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
            if let Some((trip, state)) = trip(body) {
                let mut trip = with_engine(trip, state);
                let places = places(body);
                texts(body.rest(), &mut trip);
                journey(frame, trip, places, out);
            }
            let seconds = u32::try_from(now.div_euclid(MICROS_PER_SECOND)).unwrap_or(0).to_le_bytes();
            frame.answer(0x9001, &[&[0xFF, 0xFF, 0xFF, 0xFF, 0, 0], &seconds[..]].concat(), replies);
        }
        FAREWELL => {
            let (trip, state) = trip(body)?;
            journey(frame, with_engine(trip, state), places(body), out);
        }
        ALIVE => {
            frame.alive(out);
            frame.answer(0x9003, &[], replies);
        }
        PLACES => {
            let history = body.u8()?;
            let (trip, state) = trip(body)?;
            let mut trip = with_engine(trip, state);
            buffered(history, &mut trip);
            journey(frame, trip, places(body), out);
        }
        VALUES | FORCES | IDS | SNAPSHOT | FAULTS | CELL => {
            let (mut trip, _) = trip(body)?;
            trip.set(Name::Ignition, Value::Bool(true));
            let whole = *body;
            let understood = match frame.kind {
                VALUES => body.skip(2).and_then(|()| values(body, true, &mut trip)),
                SNAPSHOT => body.skip(1).and_then(|()| values(body, false, &mut trip)),
                FAULTS => body.skip(1).and_then(|()| faults(body, &mut trip)),
                CELL => cell(body, &mut trip),
                _ => None,
            };
            if understood.is_none() {
                trip.attributes.push(Key::Text("data"), Value::Text(&to_hex(whole.rest())));
            }
            frame.record(trip, out);
        }
        ALARMS => alarms(frame, body, out, replies)?,
        PLACE => {
            body.skip(4)?;
            let draft = place(body)?;
            frame.record(draft, out);
        }
        ANSWER => answers(frame, body, out),
        RELAY_ANSWER => frame.answered(None, to_hex(frame.body), out),
        _ => return None,
    }
    Some(())
}

fn buffered(history: u8, draft: &mut Draft) {
    if history == HISTORY {
        draft.set(Name::Buffered, Value::Bool(true));
    }
}

fn with_engine(mut trip: Draft, state: u32) -> Draft {
    trip.set(Name::Ignition, Value::Bool(state & ENGINE_ON != 0));
    trip
}

/// The trip so far, and the vehicle's state.
fn trip(body: &mut Cursor<'_>) -> Option<(Draft, u32)> {
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
    Some((draft, state))
}

/// The places behind a trip; of a count that is too large those that are there.
fn places<'a>(body: &mut Cursor<'a>) -> &'a [[u8; PLACE_BYTES]] {
    let count = usize::from(body.u8().unwrap_or(0)).min(body.rest().len() / PLACE_BYTES);
    body.take(count.saturating_mul(PLACE_BYTES)).unwrap_or_default().as_chunks().0
}

/// The places, each with what the trip tells; the trip itself where there is none.
fn journey(frame: &Frame<'_>, trip: Draft, places: &[[u8; PLACE_BYTES]], out: &mut Vec<Message>) {
    if places.is_empty() {
        return frame.record(trip, out);
    }
    out.reserve_exact(places.len());
    for draft in places.iter().filter_map(|one| place(&mut Cursor::new(one))) {
        frame.record(with(draft, &trip), out);
    }
}

/// Software and hardware.
fn texts(bytes: &[u8], draft: &mut Draft) {
    for (name, text) in [Name::Firmware, Name::Hardware].into_iter().zip(bytes.split(|byte| *byte == 0)) {
        let is_name = |text: &&str| text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control);
        if let Some(text) = core::str::from_utf8(text).ok().filter(is_name) {
            draft.set_text(name, text);
        }
    }
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
fn cell(body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    let (area, cell) = body.le_u16().zip(body.le_u16())?;
    if (area, cell) != (0, 0) {
        draft.set(Name::Cell, Value::Text(wire::cell_text((0, 0), (u64::from(area), u64::from(cell)), None).as_str()));
    }
    Some(())
}

/// Values of the engine (SAE J1979 ids behind 21h). `None` if they are not just as long as their ids say.
fn values(body: &mut Cursor<'_>, has_length: bool, draft: &mut Draft) -> Option<()> {
    let count = usize::from(body.u8()?);
    if count == 0 {
        return Some(());
    }
    let ids = body.take(count.checked_mul(2)?)?.as_chunks::<2>().0;
    let groups = usize::from(body.u8()?);
    let length = if has_length { usize::from(body.u8()?) } else { body.rest().len().checked_div(groups)? };
    let values = &mut Cursor::new(body.take(length)?);
    let widths: Option<usize> = ids.iter().map(|id| width(u16::from_le_bytes(*id))).sum();
    if groups == 0 || widths? != length {
        return None;
    }
    for id in ids {
        let id = u16::from_le_bytes(*id);
        let value = values.take(width(id)?)?.iter().rev().fold(0_i64, |value, byte| value.wrapping_shl(8) | i64::from(*byte));
        let name = match id {
            0x2104 => Name::EngineLoadPct,
            0x2105 => Name::CoolantTemperatureC,
            0x210C => Name::EngineRpm,
            0x210D => Name::ObdSpeedKmh,
            0x210F => Name::IntakeTemperatureC,
            0x2111 => Name::ThrottlePct,
            0x212F => Name::FuelLevelPct,
            0x2142 => Name::SupplyMv,
            // Tenths of a kilometre.
            0x21A6 => {
                draft.set(Name::ObdOdometerM, Value::Int(value.saturating_mul(100)));
                continue;
            }
            _ => {
                draft.attributes.push(Key::Io(u32::from(id)), Value::Int(value));
                continue;
            }
        };
        draft.set(name, Value::Int(value));
    }
    Some(())
}

/// Bytes of a value: mostly those of SAE J1979.
const fn width(id: u16) -> Option<usize> {
    Some(match id & 0xFF {
        0x03..=0x0B | 0x0D..=0x0F | 0x11..=0x13 | 0x1C..=0x1E | 0x2C..=0x30 | 0x33 => 1,
        0x43 | 0x45..=0x4C | 0x51 | 0x52 | 0x5A..=0x5C | 0x5F | 0x61 | 0x62 => 1,
        0x02 | 0x0C | 0x10 | 0x14..=0x1B | 0x1F | 0x21..=0x23 | 0x31 | 0x32 | 0x3C..=0x3F => 2,
        0x42 | 0x44 | 0x4D | 0x4E | 0x53..=0x55 | 0x59 | 0x5D | 0x5E | 0x63 | 0x9D => 2,
        0x01 | 0x24..=0x2B | 0x34..=0x3B | 0x41 | 0x4F | 0x50 | 0xA6 => 4,
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
    let (mut trip, state) = trip(body)?;
    let count = usize::from(body.u8()?);
    let places = body.take(count.checked_mul(PLACE_BYTES)?)?.as_chunks().0;
    let count = usize::from(body.u8().unwrap_or(0));
    let began = body.rest().as_chunks::<6>().0.iter().take(count).filter(|[new, ..]| *new != 0).map(|[_, kind, ..]| *kind);
    let engine = began.clone().rfind(|kind| matches!(*kind, IGNITION_ON | IGNITION_OFF));
    trip.set(Name::Ignition, Value::Bool(engine.map_or(state & ENGINE_ON != 0, |kind| kind == IGNITION_ON)));
    for kind in began {
        match alarm_of(kind) {
            Some(alarm) => trip.alarm(alarm),
            None if matches!(kind, IGNITION_ON | IGNITION_OFF) => {}
            None => trip.set(Name::Event, Value::Int(i64::from(kind))),
        }
    }
    journey(frame, trip, places, out);
    frame.answer(0xC007, &index, replies);
    Some(())
}

/// An answer to a question: its printable values, else its bytes.
fn answers(frame: &Frame<'_>, body: &mut Cursor<'_>, out: &mut Vec<Message>) {
    let mut text = String::new();
    let mut refused = None;
    let mut read = || -> Option<()> {
        body.skip(4)?;
        let ids = body.u8()?;
        refused = Some(ids > 0);
        body.skip(usize::from(ids).checked_mul(2)?)?;
        for _ in 0..body.u8()? {
            body.skip(2)?;
            let length = usize::from(body.le_u16()?);
            let value = core::str::from_utf8(body.take(length)?).ok()?.trim_end_matches('\0');
            if value.chars().any(char::is_control) {
                return None;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(value);
        }
        Some(())
    };
    if read().is_none() {
        text = to_hex(frame.body);
    }
    frame.answered(refused.map(|refused| !refused), text, out);
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

fn state(record: &Record) -> u32 {
    if carry::yes_no(&record.attributes, Name::Ignition) == Some(true) { ENGINE_ON } else { 0 }
}

impl Encoder for CastelEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        let time = record.fix_time.unwrap_or(0);
        let seconds = u32::try_from(time.div_euclid(MICROS_PER_SECOND)).unwrap_or(0);
        let mut body = Vec::with_capacity(64);
        body.push(0);
        body.extend_from_slice(&[0; 4]);
        for number in [seconds, metres(record, Name::OdometerM), metres(record, Name::TripOdometerM), 0] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        body.extend_from_slice(&[0; 2]);
        body.extend_from_slice(&state(record).to_le_bytes());
        body.extend_from_slice(&[0; 8]);
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
        let state = state(record);
        if state > 0 {
            draft.set(Name::Status, Value::Int(i64::from(state)));
        }
        with_engine(draft, state).finish()
    }
}
