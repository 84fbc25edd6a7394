//! The tracker's side: extended records.

use super::elements::{self, Groups, WIDTHS};
use super::records::{self, PER_DEGREE};
use super::{EXTENDED_RECORDS, HEARTBEAT, IDENTIFICATION};
use crate::wire::{Cursor, crc16_kermit};
use crate::{DecodeError, Encoder, Fix, Identifier, Key, MICROS_PER_SECOND, Message, Name, Record, Transport, Value};
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// What the vendor puts into a frame behind "more" and "count".
const RECORDS_BYTES_MAX: usize = 1_009;
/// What the elements of one record take at most; further ones are left out.
const ELEMENTS_BYTES_MAX: usize = 900;
/// The satellites that a valid fix is given if the record does not say how many: the format has no other place for "valid".
const SATELLITES_OF_A_FIX: u8 = 3;

/// Encoder of one connection.
#[derive(Debug, Default)]
pub struct RuptelaEncoder {
    payload: Vec<u8>,
    groups: Groups,
}

impl RuptelaEncoder {
    /// Fresh.
    #[must_use]
    pub fn new(_: Transport) -> Self {
        Self::default()
    }
}

impl Encoder for RuptelaEncoder {
    fn login(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        let mut payload = Vec::from(*b"Pr0400.03.68.04");
        payload.extend_from_slice(&[0; 8]);
        for number in [0_u32, 1_000, 60] {
            payload.extend_from_slice(&number.to_be_bytes());
        }
        payload.extend_from_slice(&30_u16.to_be_bytes());
        framed(identifier, IDENTIFICATION, &payload, out);
    }

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        if records.is_empty() {
            return 0;
        }
        self.payload.clear();
        self.payload.extend_from_slice(&[0, 0]);
        let mut count = 0_u8;
        for record in records {
            let before = self.payload.len();
            write_record(record, &mut self.groups, &mut self.payload);
            if count > 0 && self.payload.len().saturating_sub(2) > RECORDS_BYTES_MAX {
                self.payload.truncate(before);
                break;
            }
            count = count.saturating_add(1);
        }
        if let Some(slot) = self.payload.get_mut(1) {
            *slot = count;
        }
        framed(identifier, EXTENDED_RECORDS, &self.payload, out);
        usize::from(count)
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        framed(identifier, HEARTBEAT, &[], out);
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut frames = 0_usize;
        loop {
            let mut cursor = Cursor::new(bytes);
            let Some(length) = cursor.be_u16().map(usize::from) else { return Ok(frames) };
            let (Some(body), Some(checksum)) = (cursor.take(length), cursor.be_u16()) else { return Ok(frames) };
            if crc16_kermit(body) != checksum {
                return Err(DecodeError::fatal("checksum of an answer"));
            }
            match body {
                [100, 1] => frames = frames.saturating_add(1),
                [100, _] => return Err(DecodeError::skipped("records were not accepted")),
                [115, 2, ..] => return Err(DecodeError::fatal("login refused")),
                _ => {}
            }
            bytes.advance(length.saturating_add(4));
        }
    }

    fn representable(&self, record: &Record) -> Record {
        let mut payload = alloc::vec![0, 1];
        write_record(record, &mut Groups::default(), &mut payload);
        let mut out = Vec::new();
        match (records::read(true, &payload, None, &mut out), out.pop()) {
            (None, Some(Message::Record { record, .. })) => record,
            _ => Record::default(),
        }
    }
}

fn framed(identifier: &Identifier, kind: u8, payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&u16::try_from(payload.len().saturating_add(9)).unwrap_or(u16::MAX).to_be_bytes());
    out.extend_from_slice(&identifier.as_str().parse::<u64>().unwrap_or(0).to_be_bytes());
    out.push(kind);
    out.extend_from_slice(payload);
    let checksum = crc16_kermit(out.get(start.saturating_add(2)..).unwrap_or_default());
    out.extend_from_slice(&checksum.to_be_bytes());
}

fn write_record(record: &Record, groups: &mut Groups, out: &mut Vec<u8>) {
    let seconds = record.fix_time.map_or(0, |time| time.div_euclid(MICROS_PER_SECOND));
    let number = |name: Name| match record.attributes.get(name) {
        Some(Value::Int(number)) => u64::try_from(number).unwrap_or(0),
        _ => 0,
    };
    let byte = |name: Name| u8::try_from(number(name)).unwrap_or(0);
    out.extend_from_slice(&u32::try_from(seconds).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(&[byte(Name::Index), 0, byte(Name::Priority)]);
    write_place(record, out);
    out.extend_from_slice(&u16::try_from(number(Name::Event)).unwrap_or(0).to_be_bytes());
    groups.iter_mut().for_each(Vec::clear);
    let mut taken = 0_usize;
    for (key, value) in record.attributes.iter() {
        let in_the_head = matches!(key, Key::Named(Name::Index | Name::Priority | Name::Satellites | Name::Event | Name::Hdop, 0));
        if !in_the_head && taken < ELEMENTS_BYTES_MAX {
            let _ = elements::write(groups, key, value);
            taken =
                groups.iter().zip(WIDTHS).map(|(g, width)| g.len().saturating_mul(width.saturating_add(2))).fold(0, usize::saturating_add);
        }
    }
    for (group, width) in groups.iter().zip(WIDTHS) {
        out.push(u8::try_from(group.len()).unwrap_or(u8::MAX));
        for (id, raw) in group {
            out.extend_from_slice(&id.to_be_bytes());
            out.extend_from_slice(raw.to_be_bytes().get(8_usize.saturating_sub(width)..).unwrap_or_default());
        }
    }
}

/// Longitude, latitude, height, course, satellites, speed, HDOP. "Valid" is said by the satellites alone.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn write_place(record: &Record, out: &mut Vec<u8>) {
    let fix = record.fix.as_ref();
    let degrees = |of: fn(&Fix) -> f64| fix.map_or(i32::MIN, |fix| libm::round(of(fix) * PER_DEGREE) as i32);
    out.extend_from_slice(&degrees(|fix| fix.longitude.degrees()).to_be_bytes());
    out.extend_from_slice(&degrees(|fix| fix.latitude.degrees()).to_be_bytes());
    let height = fix.and_then(|fix| fix.altitude_m).map(|m| libm::roundf(m * 10.0));
    let height = height.filter(|tenths| (-32_767.0..=32_767.0).contains(tenths)).map_or(i16::MIN, |tenths| tenths as i16);
    out.extend_from_slice(&height.to_be_bytes());
    let course = fix.and_then(|fix| fix.course_deg).map_or(u16::MAX, |deg| libm::roundf(deg.clamp(0.0, 360.0) * 100.0) as u16);
    out.extend_from_slice(&course.to_be_bytes());
    let satellites = match record.attributes.get(Name::Satellites) {
        Some(Value::Int(count)) => u8::try_from(count).ok().filter(|count| *count < u8::MAX),
        _ => None,
    };
    out.push(match fix {
        Some(fix) if !fix.valid => 0,
        Some(_) => satellites.filter(|count| *count > 0).unwrap_or(SATELLITES_OF_A_FIX),
        None => satellites.unwrap_or(u8::MAX),
    });
    let speed = fix.and_then(|fix| fix.speed_kmh).map_or(u16::MAX, |kmh| libm::roundf(kmh.clamp(0.0, 2_000.0)) as u16);
    out.extend_from_slice(&speed.to_be_bytes());
    let hdop = record.attributes.get(Name::Hdop).and_then(|v| v.as_f64()).map(|hdop| libm::round(hdop * 10.0));
    out.push(hdop.filter(|tenths| (0.0..=253.0).contains(tenths)).map_or(u8::MAX, |tenths| tenths as u8));
}
