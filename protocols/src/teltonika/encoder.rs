//! The tracker's side: codec 8 extended over TCP and the UDP channel.

use super::elements::{self, OVERSPEED, Width};
use super::records::{CODEC_8_EXTENDED, MICROS_PER_MILLI, PER_DEGREE};
use super::{framed, records, tags};
use crate::wire::{Cursor, from_hex};
use crate::{Alarm, DecodeError, Encoder, Environment, Fix, Identifier, Key, Message, Name, Record, Transport, Value};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// The vendor's limit for one packet.
const PACKET_BYTES_MAX: usize = 1_280;
/// What a frame or packet has besides its records, at most.
const ENVELOPE_BYTES: usize = 64;
/// Packets whose answers are waited for; older ones count as lost.
const UNANSWERED_MAX: usize = 4_096;
/// The satellites that a valid fix is given if the record does not say how many: the format has no other place for "valid".
const SATELLITES_OF_A_FIX: u8 = 3;

/// Encoder of one connection.
#[derive(Debug)]
pub struct TeltonikaEncoder {
    datagrams: bool,
    login_unanswered: bool,
    packet: u16,
    /// The packets that were sent and not answered yet, each with its count of records. On a stream the answers come in order.
    unanswered: VecDeque<(u8, u8)>,
    data: Vec<u8>,
    elements: Elements,
}

impl TeltonikaEncoder {
    /// Fresh.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self {
            datagrams: transport == Transport::Udp,
            login_unanswered: false,
            packet: 0,
            unanswered: VecDeque::new(),
            data: Vec::new(),
            elements: Elements::default(),
        }
    }
}

impl Encoder for TeltonikaEncoder {
    fn login(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        if self.datagrams {
            return;
        }
        self.login_unanswered = true;
        push_identifier(identifier, out);
    }

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        if records.is_empty() {
            return 0;
        }
        self.data.clear();
        self.data.extend_from_slice(&[CODEC_8_EXTENDED, 0]);
        let mut count = 0_u8;
        for record in records {
            let before = self.data.len();
            self.elements.write_record(record, &mut self.data);
            if count > 0 && self.data.len().saturating_add(ENVELOPE_BYTES) > PACKET_BYTES_MAX {
                self.data.truncate(before);
                break;
            }
            count = count.saturating_add(1);
            if count == u8::MAX {
                break;
            }
        }
        if let Some(first) = self.data.get_mut(1) {
            *first = count;
        }
        self.data.push(count);
        if self.unanswered.len() == UNANSWERED_MAX {
            self.unanswered.pop_front();
        }
        self.packet = self.packet.wrapping_add(1);
        self.unanswered.push_back((self.avl_packet(), count));
        if self.datagrams {
            self.push_packet(identifier, out)
        } else {
            framed(&self.data, out)
        }
        usize::from(count)
    }

    fn heartbeat(&mut self, _: &Identifier, out: &mut Vec<u8>) {
        out.push(super::PING);
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        if self.login_unanswered {
            match bytes.first() {
                None => return Ok(0),
                Some(1) => bytes.advance(1),
                Some(_) => return Err(DecodeError::fatal("login refused")),
            }
            self.login_unanswered = false;
        }
        let mut packets = 0_usize;
        while self.datagrams {
            let Some((packet, count)) = packet_answer(bytes)? else { return Ok(packets) };
            bytes.advance(PACKET_ANSWER_BYTES);
            // A packet that was sent twice may be answered twice, and the second answer come when the next one is on its way.
            let Some(place) = self.unanswered.iter().position(|(sent, _)| *sent == packet) else { continue };
            if self.unanswered.remove(place).map(|(_, sent)| sent) != Some(count) {
                return Err(DecodeError::skipped("not every record was accepted"));
            }
            packets = packets.saturating_add(1);
        }
        while let Some((consumed, count)) = stream_answer(bytes) {
            bytes.advance(consumed);
            if let Some(count) = count {
                if self.unanswered.pop_front().map(|(_, sent)| u32::from(sent)) != Some(count) {
                    return Err(DecodeError::skipped("not every record was accepted"));
                }
                packets = packets.saturating_add(1);
            }
        }
        Ok(packets)
    }

    fn representable(&self, record: &Record) -> Record {
        let mut data = Vec::new();
        Elements::default().write_record(record, &mut data);
        let mut out = Vec::new();
        let rest = records::read(CODEC_8_EXTENDED, 1, &data, None, &Environment::default(), &mut out);
        match (rest, out.pop()) {
            (None, Some(Message::Record { record, .. })) => record,
            _ => Record::default(),
        }
    }
}

impl TeltonikaEncoder {
    const fn avl_packet(&self) -> u8 {
        let [_, low] = self.packet.to_be_bytes();
        low
    }

    fn push_packet(&self, identifier: &Identifier, out: &mut Vec<u8>) {
        let imei_bytes = identifier.as_str().len().saturating_add(2);
        let length = self.data.len().saturating_add(imei_bytes).saturating_add(4);
        out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(&self.packet.to_be_bytes());
        out.extend_from_slice(&[1, self.avl_packet()]);
        push_identifier(identifier, out);
        out.extend_from_slice(&self.data);
    }
}

fn push_identifier(identifier: &Identifier, out: &mut Vec<u8>) {
    let text = identifier.as_str().as_bytes();
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(text);
}

/// The bytes of the first answer and the number of accepted records; a command of the server has none.
fn stream_answer(bytes: &[u8]) -> Option<(usize, Option<u32>)> {
    let mut cursor = Cursor::new(bytes);
    let count = cursor.be_u32()?;
    if count > 0 {
        return Some((4, Some(count)));
    }
    let length = usize::try_from(cursor.be_u32()?).ok()?;
    cursor.take(length)?;
    cursor.be_u32()?;
    Some((bytes.len().saturating_sub(cursor.rest().len()), None))
}

/// Length, packet, type, AVL packet, count.
const PACKET_ANSWER_BYTES: usize = 7;

/// Which packet the first answer is for, and the number of accepted records.
fn packet_answer(bytes: &[u8]) -> Result<Option<(u8, u8)>, DecodeError> {
    match bytes {
        [0, 5, _, _, _, avl_packet, count, ..] => Ok(Some((*avl_packet, *count))),
        bytes if bytes.len() < PACKET_ANSWER_BYTES => Ok(None),
        _ => Err(DecodeError::fatal("answer is no acknowledgement")),
    }
}

/// The elements of a record, by width. Kept between records for its memory.
#[derive(Debug, Default)]
struct Elements {
    fixed: [Vec<(u16, u64)>; 4],
    /// Id, length and value of each, as on the wire.
    variable: Vec<u8>,
    variable_count: u16,
    priority: u8,
    satellites: u8,
    event: u16,
}

impl Elements {
    fn write_record(&mut self, record: &Record, out: &mut Vec<u8>) {
        self.collect(record);
        let millis = record.fix_time.map_or(0, |time| time.div_euclid(MICROS_PER_MILLI));
        out.extend_from_slice(&u64::try_from(millis).unwrap_or(0).to_be_bytes());
        out.push(self.priority);
        write_place(record.fix.as_ref(), self.satellites, out);
        out.extend_from_slice(&self.event.to_be_bytes());
        let fixed = self.fixed.iter().map(Vec::len).fold(0, usize::saturating_add);
        let total = fixed.saturating_add(usize::from(self.variable_count));
        push_u16(total, out);
        for (width, group) in Width::ALL.iter().zip(&self.fixed) {
            push_u16(group.len(), out);
            for (id, raw) in group {
                out.extend_from_slice(&id.to_be_bytes());
                width.write(*raw, out);
            }
        }
        out.extend_from_slice(&self.variable_count.to_be_bytes());
        out.extend_from_slice(&self.variable);
    }

    fn collect(&mut self, record: &Record) {
        self.fixed.iter_mut().for_each(Vec::clear);
        self.variable.clear();
        (self.variable_count, self.priority, self.satellites, self.event) = (0, 0, 0, 0);
        let alone = record.attributes.find(Key::Io(u32::from(OVERSPEED))).is_none();
        for (key, value) in record.attributes.iter() {
            match (key, value) {
                (Key::Named(Name::Priority, 0), Value::Int(priority)) => self.priority = u8::try_from(priority).unwrap_or(0),
                (Key::Named(Name::Satellites, 0), Value::Int(count)) => self.satellites = u8::try_from(count).unwrap_or(0),
                (Key::Named(Name::Event, 0), Value::Int(event)) => self.event = u16::try_from(event).unwrap_or(0),
                (Key::Named(Name::Alarm, _), Value::Alarm(Alarm::Overspeed)) if alone => self.overspeed(record.fix.as_ref()),
                (Key::Named(Name::Alarm, _), Value::Alarm(alarm)) => {
                    if let Some((id, raw)) = elements::raises(alarm) {
                        self.push(id, raw, Width::One);
                    }
                }
                (Key::Named(Name::Vin, 0), Value::Text(text)) => self.text(tags::VIN, text),
                (Key::Named(Name::TroubleCodes, 0), Value::Text(text)) => self.text(tags::TROUBLE_CODES, text),
                (Key::Named(name, index), value) => {
                    if let Some((id, raw, width)) = elements::find(name, index, value) {
                        self.push(id, raw, width);
                    }
                }
                (Key::Io(id), value) => self.unnamed(id, value),
                (Key::Text(_), _) => {}
            }
        }
    }

    /// A text that comes back as it is.
    fn text(&mut self, id: u16, text: &str) {
        if tags::text(text.as_bytes()) == Some(text) {
            self.push_bytes(id, text.as_bytes());
        }
    }

    fn unnamed(&mut self, id: u32, value: Value<'_>) {
        let Ok(id) = u16::try_from(id) else { return };
        match value {
            Value::Int(number) => {
                if let Ok(raw) = u64::try_from(number) {
                    self.push(id, raw, Width::of(raw));
                }
            }
            Value::Unsigned(raw) => self.push(id, raw, Width::of(raw)),
            Value::Bool(flag) => self.push(id, u64::from(flag), Width::One),
            Value::Text(text) => {
                if let Some(bytes) = from_hex(text) {
                    self.push_bytes(id, &bytes);
                }
            }
            Value::Float(_) | Value::Alarm(_) => {}
        }
    }

    /// The element of this alarm carries the speed, which is not 0.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn overspeed(&mut self, fix: Option<&Fix>) {
        let speed = fix.and_then(|fix| fix.speed_kmh).unwrap_or(1.0);
        self.push(OVERSPEED, u64::from(libm::roundf(speed).clamp(1.0, 255.0) as u8), Width::One);
    }

    fn push(&mut self, id: u16, raw: u64, width: Width) {
        if let Some(group) = self.fixed.get_mut(width as usize) {
            group.push((id, raw));
        }
    }

    fn push_bytes(&mut self, id: u16, bytes: &[u8]) {
        let Ok(length) = u16::try_from(bytes.len()) else { return };
        self.variable.extend_from_slice(&id.to_be_bytes());
        self.variable.extend_from_slice(&length.to_be_bytes());
        self.variable.extend_from_slice(bytes);
        self.variable_count = self.variable_count.saturating_add(1);
    }
}

fn push_u16(number: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes());
}

/// The GPS element. "Valid" is said by satellites alone, and "no fix" by 0/0.
#[allow(clippy::cast_possible_truncation)]
fn write_place(fix: Option<&Fix>, satellites: u8, out: &mut Vec<u8>) {
    let satellites = match fix {
        Some(fix) if !fix.valid => 0,
        Some(_) if satellites == 0 => SATELLITES_OF_A_FIX,
        _ => satellites,
    };
    let degrees = |degrees: f64| libm::round(degrees * PER_DEGREE) as i32;
    let (latitude, longitude) = fix.map_or((0, 0), |fix| (degrees(fix.latitude.degrees()), degrees(fix.longitude.degrees())));
    let number = |value: Option<f32>| libm::roundf(value.unwrap_or(0.0));
    let altitude = number(fix.and_then(|fix| fix.altitude_m)) as i16;
    let course = number(fix.and_then(|fix| fix.course_deg)).clamp(0.0, 360.0);
    let speed = number(fix.and_then(|fix| fix.speed_kmh)).clamp(0.0, f32::from(u16::MAX));
    out.extend_from_slice(&longitude.to_be_bytes());
    out.extend_from_slice(&latitude.to_be_bytes());
    out.extend_from_slice(&altitude.to_be_bytes());
    out.extend_from_slice(&unsigned(course).to_be_bytes());
    out.push(satellites);
    out.extend_from_slice(&unsigned(speed).to_be_bytes());
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn unsigned(value: f32) -> u16 {
    value as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoder(transport: Transport, packets: &[usize]) -> TeltonikaEncoder {
        let mut encoder = TeltonikaEncoder::new(transport);
        let identifier = Identifier::new("356307042441013").expect("an identifier");
        for count in packets {
            let records = alloc::vec![Record::default(); *count];
            assert_eq!(encoder.records(&identifier, &records, &mut Vec::new()), *count);
        }
        encoder
    }

    #[test]
    fn a_login_is_answered_first_and_commands_of_the_server_are_passed_over() {
        let mut encoder = encoder(Transport::Tcp, &[]);
        encoder.login(&Identifier::new("1").expect("an identifier"), &mut Vec::new());
        let mut bytes = BytesMut::from(&[1, 0, 0, 0, 0][..]);
        assert_eq!(encoder.acknowledged(&mut bytes), Ok(0));
        // The rest of a frame of codec 12, "getinfo".
        bytes.extend_from_slice(&from_hex("0000000f0c010500000007676574696e666f0100004312").expect("digits"));
        assert_eq!((encoder.acknowledged(&mut bytes), bytes.len()), (Ok(0), 0));
        encoder.login(&Identifier::new("1").expect("an identifier"), &mut Vec::new());
        assert_eq!(encoder.acknowledged(&mut BytesMut::from(&[0][..])), Err(DecodeError::fatal("login refused")));
    }

    #[test]
    fn a_count_that_is_not_the_sent_one_is_no_acknowledgement() {
        let mut encoder = encoder(Transport::Tcp, &[2, 3]);
        assert_eq!(encoder.acknowledged(&mut BytesMut::from(&[0, 0, 0, 2][..])), Ok(1));
        assert!(encoder.acknowledged(&mut BytesMut::from(&[0, 0, 0, 2][..])).is_err());
    }

    #[test]
    fn a_packet_is_acknowledged_by_its_count() {
        let mut encoder = encoder(Transport::Udp, &[2, 1]);
        let mut bytes = BytesMut::from(&[0, 5, 0, 1, 1, 1, 2, 0, 5, 0, 2, 1, 2, 0][..]);
        assert!(encoder.acknowledged(&mut bytes).is_err(), "the second packet was not accepted");
        assert!(bytes.is_empty());
    }

    #[test]
    fn a_late_second_answer_is_not_taken_for_the_next_packet() {
        let mut encoder = encoder(Transport::Udp, &[2, 2]);
        let answer = |packet| BytesMut::from(&[0, 5, 0, packet, 1, packet, 2][..]);
        assert_eq!([1, 1, 2, 2].map(|packet| encoder.acknowledged(&mut answer(packet))), [Ok(1), Ok(0), Ok(1), Ok(0)]);
    }

    #[test]
    fn a_frame_ends_at_the_vendors_limit() {
        let mut encoder = TeltonikaEncoder::new(Transport::Tcp);
        let identifier = Identifier::new("356307042441013").expect("an identifier");
        let mut out = Vec::new();
        let count = encoder.records(&identifier, &alloc::vec![Record::default(); 300], &mut out);
        assert!(count > 20 && out.len() <= PACKET_BYTES_MAX, "{count} records in {} bytes", out.len());
    }
}
