//! Eelink: trackers of Eelink (TK115, TK119, GOT10, …), protocol 1.x and 2.0.
//!
//! ```text
//! datagram = "EL", length u16 (of all behind it), checksum u16, identifier (8 bytes BCD), 1*packet
//! packet   = 67 67, kind u8, length u16 (of all behind it), index u16, body                 ; big endian
//! kind 01  login      identifier (8 bytes BCD), …                 ; answered with the time; datagrams name the device themselves
//! kind 02  place      old, [ state u16, battery u16 (mV), signal u16, 2 * voltage u16 (mV) ]   ; not answered
//! kind 03  alive      state u16
//! kind 04  alarm      old, alarm u8, …
//! kind 05  report     old, event u8, [ time u32, state u16 ]
//! kind 06  message    old, text
//! kind 07  engine     time u32, *( id u8, value u32 )
//! kind 12  place      new, state u16, battery u16 (mV), 2 * voltage u16 (mV), odometer u32 (m), 2 * count u16, steps u16, walked u16,
//!                     temperature i16 (1/256 °C), humidity u16 (0.1 %), light u32 (1/256 lx), CO2 u32 (ppm), [ temperature i16 (1/16 °C) ]
//! kind 14  alarm      new, alarm u8, state u16
//! kind 15  report     new, event u8, [ state u16 ]
//! kind 80  answer     u8, mark u32, text                           ; to a command with that mark
//! old      = time u32, latitude i32, longitude i32 (1/1,800,000 degree), speed u8 (km/h), course u16, MCC u16, MNC u16, LAC u16,
//!            cell u24, flags u8 (1 fix)
//! new      = time u32, mask u8, [ 01: latitude i32, longitude i32, height i16, speed u16, course u16, satellites u8 ],
//!            [ 02: MCC u16, MNC u16, LAC u16, cell u32, signal u8 ], [ 04, 08: LAC u16, cell u32, signal u8 ],
//!            [ 10, 20, 40: MAC (6 bytes), signal u8 ],
//!            [ 80: u8, u8, MCC u16, MNC u16, LAC u16, TAC u16, cell u32, u16, u16, u16, signal u8 ]
//! state    = 1 fix; 2 a car's, 4 engine on; 8 can be armed, 10 armed; 20 has a relay, 40 it is on (kinds below 12: off);
//!            80 can be charged, 100 is; 200 moving; 400 receiver on
//! answer   = 67 67, kind, 0002, index
//! checksum = each byte added to the sum so far, turned left by a bit
//! ```
//!
//! Source: Eelink, "Communication protocol" 2.0.

use crate::steps::Steps;
use crate::wire::{Cursor, bcd};
use crate::{
    About, Addressee, Alarm, Attributes, CannotSay, Checksum, Command, DecodeError, Decoder, Draft, Encoder, Environment, Expect,
    Identifier, Key, MICROS_PER_SECOND, Message, Micros, Name, Progress, Record, Release, Replies, Transport, Value, carry, wire,
};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf as _, BytesMut};

/// What `eelink` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "eelink",
    default_port: 5064,
    transports: &[Transport::Tcp, Transport::Udp],
    acknowledges: &[Transport::Tcp, Transport::Udp],
    // Of datagrams; a stream has none.
    checksum: Checksum::Sum,
    carries_no_fix: true,
    settings: &["connectionless"],
};

const FRAME_BYTES_MAX: usize = 4_096;
/// Mark, kind, length.
const HEAD_BYTES: usize = 5;
/// "EL", length, checksum, identifier.
const DATAGRAM_HEAD_BYTES: usize = 14;
const NAME_BYTES: usize = 8;
const UNITS_PER_DEGREE: f64 = 1_800_000.0;

const LOGIN: u8 = 0x01;
const OLD_PLACE: u8 = 0x02;
const ALIVE: u8 = 0x03;
const OLD_ALARM: u8 = 0x04;
const OLD_REPORT: u8 = 0x05;
const MESSAGE: u8 = 0x06;
const ENGINE: u8 = 0x07;
const PLACE: u8 = 0x12;
const ALARM: u8 = 0x14;
const REPORT: u8 = 0x15;
const DOWNLINK: u8 = 0x80;

const fn alarm_of(kind: u8) -> Option<Alarm> {
    Some(match kind {
        0x01 => Alarm::PowerCut,
        0x02 => Alarm::Sos,
        0x03 => Alarm::LowBattery,
        0x04 => Alarm::Vibration,
        0x05 => Alarm::Movement,
        0x08 | 0x09 => Alarm::GpsAntennaCut,
        0x25 => Alarm::Removing,
        0x81 => Alarm::LowSpeed,
        0x82 => Alarm::Overspeed,
        0x83 => Alarm::GeofenceEnter,
        0x84 => Alarm::GeofenceExit,
        0x85 => Alarm::Crash,
        0x86 => Alarm::Fall,
        _ => return None,
    })
}

/// Decoder.
#[derive(Debug, Default)]
pub struct EelinkDecoder {
    /// Commands said so far: the next one's mark.
    commands: u32,
    /// Packets that are being told.
    open: Option<Steps<Whose>>,
}

/// Whose packets are.
#[derive(Clone, Copy, Debug)]
struct Whose {
    /// Of a datagram, as its bytes too.
    identifier: Option<Identifier>,
    name: [u8; NAME_BYTES],
    unchecked: bool,
}

/// A packet that was cut.
struct Packet<'a> {
    kind: u8,
    index: u16,
    body: &'a [u8],
    whose: Whose,
}

impl Decoder for EelinkDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        if let Some(open) = self.open.take() {
            self.go_on(open, bytes, env, out, replies);
            return Ok(Progress::Frame);
        }
        let Some(mark) = bytes.first_chunk::<2>() else { return Ok(Progress::NeedMore) };
        let is_datagram = mark == b"EL";
        if !is_datagram && mark != b"gg" {
            return Err(DecodeError::fatal("no mark"));
        }
        let (place, behind) = if is_datagram { (2, 4) } else { (3, HEAD_BYTES) };
        let Some(length) = bytes.get(place..).and_then(|rest| rest.first_chunk()).map(|b| usize::from(u16::from_be_bytes(*b))) else {
            return Ok(Progress::NeedMore);
        };
        let total = length.saturating_add(behind);
        if !(HEAD_BYTES.saturating_add(2)..=FRAME_BYTES_MAX).contains(&total) {
            return Err(DecodeError::fatal("length"));
        }
        if bytes.len() < total {
            return Ok(Progress::NeedMore);
        }
        let before = out.len();
        let (whose, head) = if is_datagram {
            let whose = datagram(bytes.get(..total).unwrap_or_default(), env.options.ignore_checksum);
            (whose.inspect_err(|_| bytes.advance(total))?, DATAGRAM_HEAD_BYTES)
        } else {
            (Whose { identifier: None, name: [0; NAME_BYTES], unchecked: false }, 0)
        };
        bytes.advance(head);
        self.go_on(Steps::new(whose, total.saturating_sub(head), 0), bytes, env, out, replies);
        // What is behind the last whole packet of a datagram is lost with it; without one it says nothing.
        if out.len() == before { Err(DecodeError::skipped("no packet")) } else { Ok(Progress::Frame) }
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let text: Cow<'_, str> = match command {
            Command::Raw { text } => Cow::Borrowed(text),
            Command::EngineStop => Cow::Borrowed("RELAY,1#"),
            Command::EngineResume => Cow::Borrowed("RELAY,0#"),
            Command::Locate => Cow::Borrowed("WHERE#"),
            Command::Reboot => Cow::Borrowed("RESET#"),
            Command::Version => Cow::Borrowed("VERSION#"),
            Command::Status => Cow::Borrowed("STATUS#"),
            _ => return Err(CannotSay::Unsupported),
        };
        let mark = self.commands;
        let body = [&[1][..], &mark.to_be_bytes(), text.as_bytes()].concat();
        let mut packet = Vec::new();
        write(DOWNLINK, 0, &body, &mut packet);
        if to.env.datagram {
            wrap(&number(to.identifier), &packet, out);
        } else {
            out.extend_from_slice(&packet);
        }
        self.commands = mark.wrapping_add(1);
        Ok(Expect::Tag(mark))
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

/// The checksum of datagrams.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum: u16, byte| sum.rotate_left(1).wrapping_add(u16::from(*byte)))
}

/// Whose the packets of a datagram are.
fn datagram(raw: &[u8], ignore_checksum: bool) -> Result<Whose, DecodeError> {
    let short = DecodeError::skipped("datagram too short");
    let mut cursor = Cursor::new(raw);
    cursor.skip(4).ok_or(short)?;
    let sum = cursor.be_u16().ok_or(short)?;
    let fits = checksum(cursor.rest()) == sum;
    if !fits && !ignore_checksum {
        return Err(DecodeError::skipped("checksum"));
    }
    let name = cursor.array().ok_or(short)?;
    let identifier = identifier(&name).ok_or(DecodeError::skipped("identifier"))?;
    Ok(Whose { identifier: Some(identifier), name, unchecked: !fits })
}

/// The digits of an IMEI without the zero before them.
fn identifier(name: &[u8]) -> Option<Identifier> {
    let mut text = String::with_capacity(16);
    for byte in name {
        bcd(*byte)?;
        wire::push_padded(&mut text, u32::from(bcd(*byte)?), 2);
    }
    Identifier::new(text.strip_prefix('0').unwrap_or(&text))
}

impl EelinkDecoder {
    /// Tells the next packets.
    fn go_on(
        &mut self,
        mut open: Steps<Whose>,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) {
        if !open.step(bytes, |whose, packets| whose.next(packets, env, out, replies)) {
            self.open = Some(open);
        }
    }
}

impl Whose {
    /// Tells the next packet. `None`: what is left is none.
    fn next(&self, packets: &mut Cursor<'_>, env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
        let raw = packets.rest();
        let (0x6767, kind, length) = (packets.be_u16()?, packets.u8()?, packets.be_u16()?) else { return None };
        let content = packets.take(usize::from(length))?;
        let (index, body) = content.split_first_chunk::<2>()?;
        let raw = raw.get(..HEAD_BYTES.saturating_add(content.len())).unwrap_or_default();
        let packet = Packet { kind, index: u16::from_be_bytes(*index), body, whose: *self };
        if read(&packet, out).is_none() {
            out.push(Message::Undecoded { identifier: self.identifier, reason: "body", raw: raw.to_vec() });
        }
        packet.answer(env, replies);
        Some(())
    }
}

impl Packet<'_> {
    fn push(&self, mut draft: Draft, out: &mut Vec<Message>) {
        if self.whose.unchecked {
            draft.set(Name::ChecksumIgnored, Value::Bool(true));
        }
        out.push(Message::Record { identifier: self.whose.identifier, record: draft.finish() });
    }

    fn answer(&self, env: &Environment<'_>, replies: &mut Replies) {
        if matches!(self.kind, OLD_PLACE | MESSAGE) {
            return;
        }
        let mut body = Vec::new();
        if self.kind == LOGIN {
            let seconds = u32::try_from(env.now.div_euclid(MICROS_PER_SECOND)).unwrap_or(0);
            body.extend_from_slice(&seconds.to_be_bytes());
            body.extend_from_slice(&[0, 1, 0]);
        }
        let mut packet = Vec::new();
        write(self.kind, self.index, &body, &mut packet);
        let mut reply = Vec::new();
        if env.datagram && self.whose.identifier.is_some() {
            wrap(&self.whose.name, &packet, &mut reply)
        } else {
            reply = packet
        }
        replies.bytes(if self.kind == LOGIN { Release::Identified } else { Release::Durable }, reply);
    }
}

/// `None` if the body ends too early or the kind is unknown; then nothing was pushed.
fn read(packet: &Packet<'_>, out: &mut Vec<Message>) -> Option<()> {
    let body = &mut Cursor::new(packet.body);
    let identifier = packet.whose.identifier;
    match packet.kind {
        LOGIN => {
            let name: [u8; 8] = body.array()?;
            out.push(Message::Login { identifier: self::identifier(&name)?, password: None });
        }
        ALIVE => {
            let mut draft = Draft::new();
            if let Some(state) = body.be_u16() {
                set_state(&mut draft, state, packet.kind);
            }
            out.push(Message::Heartbeat { identifier, attributes: draft.attributes });
        }
        OLD_PLACE | OLD_ALARM | OLD_REPORT | MESSAGE => {
            let draft = old(packet.kind, body)?;
            packet.push(draft, out);
        }
        ENGINE => {
            let draft = engine(body)?;
            packet.push(draft, out);
        }
        PLACE | ALARM | REPORT => {
            let draft = new(packet.kind, body)?;
            packet.push(draft, out);
        }
        DOWNLINK => {
            body.skip(1)?;
            let tag = body.be_u32()?;
            let text = core::str::from_utf8(body.rest()).ok()?.trim_end_matches('\0');
            match told_place(text) {
                Some(draft) => {
                    packet.push(draft, out);
                }
                None => out.push(Message::CommandAnswer { identifier, tag: Some(tag), done: None, text: text.into() }),
            }
        }
        _ => return None,
    }
    Some(())
}

fn seconds(body: &mut Cursor<'_>) -> Option<Micros> {
    body.be_u32().map(|seconds| i64::from(seconds).saturating_mul(MICROS_PER_SECOND))
}

fn degrees(body: &mut Cursor<'_>) -> Option<f64> {
    body.be_u32().map(|units| f64::from(units.cast_signed()) / UNITS_PER_DEGREE)
}

fn old(kind: u8, body: &mut Cursor<'_>) -> Option<Draft> {
    let mut draft = Draft::at(seconds(body));
    draft.time?;
    let (latitude, longitude) = (degrees(body)?, degrees(body)?);
    draft.place(latitude, longitude);
    draft.speed_kmh(f64::from(body.u8()?));
    draft.course_deg(f64::from(body.be_u16()?));
    let operator = (body.be_u16()?, body.be_u16()?);
    cell(&mut draft, 0, operator, (u64::from(body.be_u16()?), u64::from(body.be_u24()?)), None);
    draft.valid = body.u8()? & 1 == 1;
    match kind {
        OLD_ALARM => set_alarm(&mut draft, body.u8()?),
        OLD_REPORT => {
            draft.set(Name::Event, Value::Int(i64::from(body.u8()?)));
            if body.rest().len() == 6 {
                body.skip(4)?;
                set_state(&mut draft, body.be_u16()?, kind);
            }
        }
        MESSAGE => draft.set_text(Name::Text, core::str::from_utf8(body.rest()).unwrap_or_default().trim_end_matches('\0')),
        _ => {
            if let Some(state) = body.be_u16() {
                set_state(&mut draft, state, kind);
                draft.set_int(Name::BatteryMv, body.be_u16());
                draft.set_int(Name::GsmSignalPct, body.be_u16());
                for number in 1..=2 {
                    if let Some(voltage) = body.be_u16() {
                        draft.set_numbered(Name::AnalogMv, number, Value::Int(i64::from(voltage)));
                    }
                }
            }
        }
    }
    Some(draft)
}

fn new(kind: u8, body: &mut Cursor<'_>) -> Option<Draft> {
    let mut draft = Draft::at(seconds(body));
    let mask = body.u8()?;
    let has = |bit: u8| mask >> bit & 1 == 1;
    if has(0) {
        let (latitude, longitude) = (degrees(body)?, degrees(body)?);
        draft.place(latitude, longitude);
        draft.altitude_m(f64::from(body.be_u16()?.cast_signed()));
        draft.speed_kmh(f64::from(body.be_u16()?));
        draft.course_deg(f64::from(body.be_u16()?));
        draft.set(Name::Satellites, Value::Int(i64::from(body.u8()?)));
    }
    let mut operator = (0, 0);
    let mut cells = 0_u8;
    for bit in 1..=3 {
        if has(bit) {
            if bit == 1 {
                operator = (body.be_u16()?, body.be_u16()?);
            }
            let place = (u64::from(body.be_u16()?), u64::from(body.be_u32()?));
            cell(&mut draft, cells, operator, place, Some(u16::from(body.u8()?)));
            cells = cells.saturating_add(1);
        }
    }
    let mut networks = 0_u8;
    for bit in 4..=6 {
        if has(bit) {
            let address = body.array()?;
            let text = wire::wifi_text(address, Some(u16::from(body.u8()?)));
            draft.set_numbered(Name::Wifi, networks, Value::Text(text.as_str()));
            networks = networks.saturating_add(1);
        }
    }
    if has(7) {
        body.skip(2)?;
        let operator = (body.be_u16()?, body.be_u16()?);
        let area = u64::from(body.be_u16()?);
        body.skip(2)?;
        let id = u64::from(body.be_u32()?);
        body.skip(6)?;
        cell(&mut draft, cells, operator, (area, id), Some(u16::from(body.u8()?)));
    }
    match kind {
        ALARM => {
            set_alarm(&mut draft, body.u8()?);
            set_fix_and_state(&mut draft, body.be_u16()?, kind);
        }
        REPORT => {
            draft.set(Name::Event, Value::Int(i64::from(body.u8()?)));
            if let Some(state) = body.be_u16() {
                set_fix_and_state(&mut draft, state, kind);
            }
        }
        _ => sensors(&mut draft, body, kind)?,
    }
    Some(draft)
}

/// What stands behind a place.
fn sensors(draft: &mut Draft, body: &mut Cursor<'_>, kind: u8) -> Option<()> {
    set_fix_and_state(draft, body.be_u16()?, kind);
    draft.set_int(Name::BatteryMv, body.be_u16());
    for number in 1..=2 {
        if let Some(voltage) = body.be_u16() {
            draft.set_numbered(Name::AnalogMv, number, Value::Int(i64::from(voltage)));
        }
    }
    draft.set_int(Name::OdometerM, body.be_u32());
    if body.skip(4).is_none() {
        return Some(());
    }
    if let Some(steps) = body.be_u16().filter(|steps| *steps > 0) {
        draft.set(Name::Steps, Value::Int(i64::from(steps)));
    }
    if body.skip(2).is_none() || body.rest().len() < 12 {
        return Some(());
    }
    let (temperature, humidity, light, gas) = (body.be_u16()?, body.be_u16()?, body.be_u32()?, body.be_u32()?);
    if (temperature, humidity, light, gas) != (0, 0, 0, 0) {
        draft.set_numbered(Name::TemperatureC, 1, Value::Float(f64::from(temperature.cast_signed()) / 256.0));
        draft.set(Name::HumidityPct, Value::Float(f64::from(humidity) / 10.0));
        draft.set(Name::IlluminanceLx, Value::Float(f64::from(light) / 256.0));
        draft.set(Name::Co2Ppm, Value::Int(i64::from(gas)));
    }
    if let Some(second) = body.be_u16().filter(|second| *second != 0) {
        draft.set_numbered(Name::TemperatureC, 2, Value::Float(f64::from(second.cast_signed()) / 16.0));
    }
    Some(())
}

fn set_alarm(draft: &mut Draft, kind: u8) {
    match alarm_of(kind) {
        Some(alarm) => draft.alarm(alarm),
        None => draft.set(Name::Event, Value::Int(i64::from(kind))),
    }
}

fn set_fix_and_state(draft: &mut Draft, state: u16, kind: u8) {
    draft.valid = state & 1 == 1;
    set_state(draft, state, kind);
}

fn set_state(draft: &mut Draft, state: u16, kind: u8) {
    let is = |bit: u16| state >> bit & 1 == 1;
    if is(1) {
        draft.set(Name::Ignition, Value::Bool(is(2)));
    }
    if is(3) {
        draft.set(Name::Armed, Value::Bool(is(4)));
    }
    if is(5) {
        draft.set(Name::Blocked, Value::Bool(is(6) == (kind >= PLACE)));
    }
    if is(7) {
        draft.set(Name::Charging, Value::Bool(is(8)));
    }
    if kind >= PLACE {
        draft.set(Name::Motion, Value::Bool(is(9)));
    }
    draft.set(Name::Status, Value::Int(i64::from(state)));
}

fn cell(draft: &mut Draft, number: u8, operator: (u16, u16), place: (u64, u64), signal: Option<u16>) {
    if place != (0, 0) {
        draft.set_numbered(Name::Cell, number, Value::Text(wire::cell_text(operator, place, signal).as_str()));
    }
}

/// Values of the engine: SAE J1979 ids, and three of the maker's.
fn engine(body: &mut Cursor<'_>) -> Option<Draft> {
    let mut draft = Draft::at(seconds(body));
    draft.time?;
    while let Some((id, value)) = body.u8().zip(body.array::<4>()) {
        let number = u32::from_be_bytes(value);
        let [first, second, ..] = value.map(i64::from);
        match id {
            0x04 => draft.set(Name::EngineLoadPct, Value::Int(first.saturating_mul(100) / 255)),
            0x05 => draft.set(Name::CoolantTemperatureC, Value::Int(first.saturating_sub(40))),
            0x0B => draft.set(Name::AirPressureKpa, Value::Int(first)),
            0x0C => draft.set(Name::EngineRpm, Value::Int(first.saturating_mul(256).saturating_add(second) / 4)),
            0x0D => draft.set(Name::ObdSpeedKmh, Value::Int(first)),
            0x0F => draft.set(Name::IntakeTemperatureC, Value::Int(first.saturating_sub(40))),
            0x11 => draft.set(Name::ThrottlePct, Value::Int(first.saturating_mul(100) / 255)),
            0x89 => draft.attributes.push(Key::Text("fuel_consumption"), Value::Int(i64::from(number))),
            0x8A => draft.set(Name::OdometerM, Value::Int(i64::from(number).saturating_mul(1_000))),
            0x8B => draft.attributes.push(Key::Text("fuel"), Value::Int(i64::from(number))),
            id => draft.attributes.push(Key::Io(u32::from(id)), Value::Int(i64::from(number))),
        }
    }
    Some(draft)
}

/// An answer that tells a place in words: `Lat:N31.83955,Lon:W82.61346,Course:0.00,Speed:0.00km/h,DateTime:2017-12-02 11:29:43`.
fn told_place(text: &str) -> Option<Draft> {
    let value = |name: &str| {
        let (_, rest) = text.split_once(name)?;
        Some(rest.split([',', '\n', '\r']).next().unwrap_or_default().trim())
    };
    let side = |text: &str, negative: char| {
        let sign = if text.starts_with(negative) { -1.0 } else { 1.0 };
        text.get(1..)?.parse::<f64>().ok().map(|degrees| sign * degrees)
    };
    let (latitude, longitude) = (side(value("Lat:")?, 'S'), side(value("Lon:")?, 'W'));
    let mut draft = Draft::at_told(value("DateTime:").or_else(|| value("Date Time:")).and_then(crate::from_rfc3339));
    draft.place_of(latitude, longitude);
    draft.valid = true;
    if let Some(course) = value("Course:").and_then(|text| text.parse().ok()) {
        draft.course_deg(course);
    }
    let speed = value("Speed:").map(|text| text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '/'));
    if let Some(speed) = speed.and_then(|text| text.parse().ok()) {
        draft.speed_kmh(speed);
    }
    Some(draft)
}

/// Puts a packet around its body.
fn write(kind: u8, index: u16, body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x67, 0x67, kind]);
    out.extend_from_slice(&u16::try_from(body.len().saturating_add(2)).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(&index.to_be_bytes());
    out.extend_from_slice(body);
}

/// Puts a datagram around packets.
fn wrap(name: &[u8], packets: &[u8], out: &mut Vec<u8>) {
    let content = [name, packets].concat();
    out.extend_from_slice(b"EL");
    out.extend_from_slice(&u16::try_from(content.len().saturating_add(2)).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(&checksum(&content).to_be_bytes());
    out.extend_from_slice(&content);
}

/// An identifier of digits as eight bytes.
fn number(identifier: &Identifier) -> [u8; 8] {
    let digits = format!("{:0>16}", identifier.as_str());
    wire::from_hex(&digits).and_then(|bytes| bytes.first_chunk().copied()).unwrap_or_default()
}

/// Encoder.
#[derive(Debug)]
pub struct EelinkEncoder {
    datagrams: bool,
    index: u16,
}

impl EelinkEncoder {
    /// For a stream or for datagrams.
    pub fn new(transport: Transport) -> Self {
        Self { datagrams: transport == Transport::Udp, index: 0 }
    }

    fn send(&mut self, identifier: &Identifier, kind: u8, body: &[u8], out: &mut Vec<u8>) {
        self.index = self.index.wrapping_add(1);
        let mut packet = Vec::with_capacity(body.len().saturating_add(8));
        write(kind, self.index, body, &mut packet);
        if self.datagrams { wrap(&number(identifier), &packet, out) } else { out.extend_from_slice(&packet) }
    }
}

fn units(degrees: f64) -> i32 {
    i32::try_from(carry::whole(degrees * UNITS_PER_DEGREE)).unwrap_or(0)
}

fn small(value: Option<f32>) -> u16 {
    u16::try_from(carry::whole(f64::from(value.unwrap_or(0.0)))).unwrap_or(0)
}

fn height(value: Option<f32>) -> i16 {
    i16::try_from(carry::whole(f64::from(value.unwrap_or(0.0)))).unwrap_or(0)
}

fn state(record: &Record) -> u16 {
    let mut state = u16::from(record.fix.as_ref().is_some_and(|fix| fix.valid));
    for (name, known, on) in
        [(Name::Ignition, 0x02, 0x04), (Name::Armed, 0x08, 0x10), (Name::Blocked, 0x20, 0x40), (Name::Charging, 0x80, 0x100)]
    {
        match carry::yes_no(&record.attributes, name) {
            Some(true) => state |= known | on,
            Some(false) => state |= known,
            None => {}
        }
    }
    if carry::yes_no(&record.attributes, Name::Motion) == Some(true) { state | 0x200 } else { state }
}

fn number_of(attributes: &Attributes, name: Name, max: u32) -> u32 {
    carry::int(attributes, name, 0..=i64::from(max)).and_then(|value| u32::try_from(value).ok()).unwrap_or(0)
}

fn short_of(attributes: &Attributes, name: Name) -> u16 {
    u16::try_from(number_of(attributes, name, u32::from(u16::MAX))).unwrap_or(0)
}

impl Encoder for EelinkEncoder {
    fn login(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        if !self.datagrams {
            let body = [&number(identifier)[..], &[1, 4]].concat();
            self.send(identifier, LOGIN, &body, out);
        }
    }

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        let mut body = Vec::with_capacity(64);
        let time = record.fix_time.unwrap_or(0).div_euclid(MICROS_PER_SECOND);
        body.extend_from_slice(&u32::try_from(time).unwrap_or(0).to_be_bytes());
        match &record.fix {
            None => body.push(0),
            Some(fix) => {
                body.push(1);
                for degrees in [fix.latitude.degrees(), fix.longitude.degrees()] {
                    body.extend_from_slice(&units(degrees).to_be_bytes());
                }
                body.extend_from_slice(&height(fix.altitude_m).to_be_bytes());
                body.extend_from_slice(&small(fix.speed_kmh).to_be_bytes());
                body.extend_from_slice(&small(fix.course_deg).to_be_bytes());
                body.push(u8::try_from(number_of(&record.attributes, Name::Satellites, 255)).unwrap_or(0));
            }
        }
        body.extend_from_slice(&state(record).to_be_bytes());
        body.extend_from_slice(&short_of(&record.attributes, Name::BatteryMv).to_be_bytes());
        body.extend_from_slice(&[0; 4]);
        body.extend_from_slice(&number_of(&record.attributes, Name::OdometerM, u32::MAX).to_be_bytes());
        body.extend_from_slice(&[0; 4]);
        body.extend_from_slice(&short_of(&record.attributes, Name::Steps).to_be_bytes());
        body.extend_from_slice(&[0; 14]);
        self.send(identifier, PLACE, &body, out);
        1
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        self.send(identifier, ALIVE, &[0, 1], out);
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut count = 0_usize;
        loop {
            let head = if bytes.starts_with(b"EL") { DATAGRAM_HEAD_BYTES } else { 0 };
            let packet = bytes.get(head..).unwrap_or_default();
            let (Some(kind), Some(length)) = (packet.get(2), packet.get(3..).and_then(|rest| rest.first_chunk())) else { return Ok(count) };
            let total = head.saturating_add(HEAD_BYTES).saturating_add(usize::from(u16::from_be_bytes(*length)));
            if bytes.len() < total {
                return Ok(count);
            }
            count = count.saturating_add(usize::from(*kind == PLACE));
            drop(bytes.split_to(total));
        }
    }

    fn representable(&self, record: &Record) -> Record {
        let mut draft = Draft::at(record.fix_time.map(carry::whole_second));
        if let Some(fix) = &record.fix {
            let back = |degrees: f64| f64::from(units(degrees)) / UNITS_PER_DEGREE;
            draft.place(back(fix.latitude.degrees()), back(fix.longitude.degrees()));
            draft.altitude_m(f64::from(height(fix.altitude_m)));
            draft.speed_kmh(f64::from(small(fix.speed_kmh)));
            draft.course_deg(f64::from(small(fix.course_deg)));
            draft.set(Name::Satellites, Value::Int(i64::from(number_of(&record.attributes, Name::Satellites, 255))));
        }
        set_fix_and_state(&mut draft, state(record), PLACE);
        draft.set(Name::BatteryMv, Value::Int(i64::from(short_of(&record.attributes, Name::BatteryMv))));
        draft.set_numbered(Name::AnalogMv, 1, Value::Int(0));
        draft.set_numbered(Name::AnalogMv, 2, Value::Int(0));
        draft.set(Name::OdometerM, Value::Int(i64::from(number_of(&record.attributes, Name::OdometerM, u32::MAX))));
        let steps = short_of(&record.attributes, Name::Steps);
        if steps > 0 {
            draft.set(Name::Steps, Value::Int(i64::from(steps)));
        }
        draft.finish()
    }
}
