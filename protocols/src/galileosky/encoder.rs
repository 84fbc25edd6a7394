//! The tracker's side: packets of tags.

use super::tags;
use super::{CONFIRMED, GalileoskyDecoder, framed};
use crate::{
    Alarm, DecodeError, Decoder, Encoder, Environment, Identifier, Key, MICROS_PER_SECOND, Message, Name, Record, Replies, Transport, Value,
};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// The vendor's limit for one packet.
const PACKET_BYTES_MAX: usize = 1_000;
/// Packets whose answers are waited for; older ones count as lost.
const UNANSWERED_MAX: usize = 4_096;

/// A tag with a value of at most nine bytes.
type Tag = (u8, [u8; 9]);

/// Encoder of one connection.
#[derive(Debug, Default)]
pub struct GalileoskyEncoder {
    /// Checksums of packets with records.
    unanswered: VecDeque<[u8; 2]>,
    body: Vec<u8>,
    tags: Vec<Tag>,
}

impl GalileoskyEncoder {
    /// Fresh.
    #[must_use]
    pub fn new(_: Transport) -> Self {
        Self::default()
    }
}

impl Encoder for GalileoskyEncoder {
    fn login(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        let mut body = alloc::vec![tags::HARDWARE, 0x82, tags::FIRMWARE, 0x12];
        push_imei(identifier, &mut body);
        body.extend_from_slice(&[tags::TRACKER, 0, 0]);
        framed(&body, false, out);
    }

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        self.body.clear();
        let mut count = 0_usize;
        for record in records {
            let before = self.body.len();
            push_imei(identifier, &mut self.body);
            write_record(record, &mut self.tags, &mut self.body);
            if count > 0 && self.body.len() > PACKET_BYTES_MAX {
                self.body.truncate(before);
                break;
            }
            count = count.saturating_add(1);
        }
        if count > 0 {
            let checksum = framed(&self.body, count < records.len(), out);
            if self.unanswered.len() == UNANSWERED_MAX {
                self.unanswered.pop_front();
            }
            self.unanswered.push_back(checksum);
        }
        count
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        self.login(identifier, out);
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut packets = 0_usize;
        loop {
            match bytes.first_chunk::<3>() {
                Some([CONFIRMED, low, high]) => {
                    // An answer to a login is none to records.
                    if let Some(place) = self.unanswered.iter().position(|sent| *sent == [*low, *high]) {
                        self.unanswered.remove(place);
                        packets = packets.saturating_add(1);
                    }
                    bytes.advance(3);
                }
                Some([super::TAGS, low, high]) => {
                    // A command of the server.
                    let total = usize::from(u16::from_le_bytes([*low, *high])).saturating_add(super::ENVELOPE_BYTES);
                    if bytes.len() < total {
                        return Ok(packets);
                    }
                    bytes.advance(total);
                }
                Some(_) => return Err(DecodeError::fatal("answer is no confirmation")),
                None => return Ok(packets),
            }
        }
    }

    fn representable(&self, record: &Record) -> Record {
        let mut body = Vec::new();
        write_record(record, &mut Vec::new(), &mut body);
        let mut packet = Vec::new();
        framed(&body, false, &mut packet);
        let (mut bytes, mut out) = (BytesMut::from(&packet[..]), Vec::new());
        let outcome = GalileoskyDecoder::default().decode(&mut bytes, &Environment::default(), &mut out, &mut Replies::new());
        match (outcome, out.pop()) {
            (Ok(_), Some(Message::Record { record, .. })) => record,
            _ => Record::default(),
        }
    }
}

fn push_imei(identifier: &Identifier, out: &mut Vec<u8>) {
    let mut digits = [b'0'; tags::IMEI_BYTES];
    for (to, from) in digits.iter_mut().rev().zip(identifier.as_str().bytes().rev()) {
        *to = from;
    }
    out.push(tags::IMEI);
    out.extend_from_slice(&digits);
}

fn tag(id: u8, value: &[u8]) -> Tag {
    let mut bytes = [0; 9];
    for (to, from) in bytes.iter_mut().zip(value) {
        *to = *from;
    }
    (id, bytes)
}

fn write_record(record: &Record, list: &mut Vec<Tag>, out: &mut Vec<u8>) {
    list.clear();
    let seconds = record.fix_time.and_then(|time| u32::try_from(time.div_euclid(MICROS_PER_SECOND)).ok());
    if let (Some(seconds), Some(time)) = (seconds, record.fix_time) {
        list.push(tag(tags::TIME, &seconds.to_le_bytes()));
        let millis = u16::try_from(time.rem_euclid(MICROS_PER_SECOND).div_euclid(1_000)).unwrap_or(0);
        if millis != 0 {
            list.push(tag(tags::MILLIS, &millis.to_le_bytes()));
        }
    }
    place(record, list);
    status(record, list);
    for (key, value) in record.attributes.iter() {
        list.extend(attribute(key, value));
    }
    list.sort_by_key(|(id, _)| *id);
    list.dedup_by_key(|(id, _)| *id);
    for (id, value) in &*list {
        out.push(*id);
        out.extend_from_slice(value.get(..tags::length(*id).unwrap_or(0)).unwrap_or_default());
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn place(record: &Record, list: &mut Vec<Tag>) {
    let satellites = match record.attributes.get(Name::Satellites) {
        Some(Value::Int(count)) => u8::try_from(count.clamp(0, 15)).unwrap_or(0),
        _ => 0,
    };
    let Some(fix) = &record.fix else { return };
    // 1: the coordinates are not correct.
    let mut value = alloc::vec![satellites | if fix.valid { 0 } else { 0x10 }];
    for degrees in [fix.latitude.degrees(), fix.longitude.degrees()] {
        value.extend_from_slice(&(libm::round(degrees * tags::PER_DEGREE) as i32).to_le_bytes());
    }
    list.push(tag(tags::PLACE, &value));
    let tenths = |value: Option<f32>, max: f32| (libm::roundf(value.unwrap_or(0.0).clamp(0.0, max) * 10.0) as u16).to_le_bytes();
    if fix.speed_kmh.is_some() || fix.course_deg.is_some() {
        let ([a, b], [c, d]) = (tenths(fix.speed_kmh, 2_000.0), tenths(fix.course_deg, 360.0));
        list.push(tag(tags::SPEED, &[a, b, c, d]));
    }
    if let Some(metres) = fix.altitude_m {
        list.push(tag(tags::HEIGHT, &(libm::roundf(metres.clamp(-32_768.0, 32_767.0)) as i16).to_le_bytes()));
    }
}

fn status(record: &Record, list: &mut Vec<Tag>) {
    let attributes = &record.attributes;
    let mut status = match attributes.get(Name::Status) {
        Some(Value::Int(status)) => u16::try_from(status).ok(),
        _ => None,
    };
    let mut put = |bit: u16, on: bool| {
        let bits = status.unwrap_or(0);
        status = Some(if on { bits | bit } else { bits & !bit });
    };
    for (name, bit) in [(Name::Motion, tags::MOVING), (Name::Ignition, tags::IGNITION)] {
        if let Some(Value::Bool(on)) = attributes.get(name) {
            put(bit, on);
        }
    }
    for alarm in attributes.alarms() {
        match alarm {
            Alarm::General => put(tags::ALARM, true),
            Alarm::Crash => put(tags::IMPACT, true),
            Alarm::GpsAntennaCut => put(tags::ANTENNA_CUT, true),
            Alarm::LowBattery => put(tags::BATTERY_LOW, true),
            _ => {}
        }
    }
    if let Some(status) = status {
        list.push(tag(tags::STATUS, &status.to_le_bytes()));
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn attribute(key: Key<'_>, value: Value<'_>) -> Option<Tag> {
    let word = |id: u8, value: Value<'_>| match value {
        Value::Int(number) => Some(tag(id, &u16::try_from(number).ok()?.to_le_bytes())),
        _ => None,
    };
    let long = |id: u8, number: i64| Some(tag(id, &u32::try_from(number).ok()?.to_le_bytes()));
    match (key, value) {
        (Key::Named(Name::TrackerId, 0), value) => word(tags::TRACKER, value),
        (Key::Named(Name::Index, 0), value) => word(tags::INDEX, value),
        (Key::Named(Name::ExternalPowerMv, 0), value) => word(tags::POWER, value),
        (Key::Named(Name::BatteryMv, 0), value) => word(tags::BATTERY, value),
        (Key::Named(Name::OutputMask, 0), value) => word(tags::OUTPUTS, value),
        (Key::Named(Name::InputMask, 0), value) => word(tags::INPUTS, value),
        (Key::Named(Name::AnalogMv, number @ 1..=8), value) => word(tags::ANALOG.saturating_add(number).saturating_sub(1), value),
        (Key::Named(Name::DeviceTemperatureC, 0), Value::Int(celsius)) => {
            Some(tag(tags::TEMPERATURE, &[i8::try_from(celsius).ok()?.cast_unsigned()]))
        }
        (Key::Named(Name::Hdop, 0), value) => {
            let tenths = libm::round(value.as_f64()? * 10.0);
            (0.0..=255.0).contains(&tenths).then(|| tag(tags::PRECISION, &[tenths as u8]))
        }
        (Key::Named(Name::OdometerM, 0), Value::Int(metres)) => long(tags::ODOMETER, metres),
        (Key::Named(Name::DriverId, 0), Value::Text(digits)) if !digits.starts_with(['0', '+']) => long(tags::DRIVER, digits.parse().ok()?),
        (Key::Io(id), Value::Int(number)) => {
            let id = u8::try_from(id).ok().filter(|id| tags::is_plain(*id))?;
            let width = u32::try_from(tags::length(id)?.saturating_mul(8)).ok()?;
            let raw = u32::try_from(number).ok().filter(|raw| raw.checked_shr(width).unwrap_or(0) == 0)?;
            Some(tag(id, &raw.to_le_bytes()))
        }
        _ => None,
    }
}
