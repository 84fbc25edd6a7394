//! The tracker's side: the binary protocol with a header of version 23.

use super::tags::{self, CALL, IGNITION, MODE_DISCRETE};
use super::{ANSWER, ANSWER_END, HEADER, KIND_TAGS, PACKAGE, PACKAGE_END, VERSION_WITH_TIME};
use crate::wire::sum8;
use crate::{Alarm, DecodeError, Encoder, Fix, Identifier, KNOT_KMH, MICROS_PER_SECOND, Name, Record, Transport, Value};
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// Packets in one package.
const RECORDS_MAX: usize = 20;
/// The highest number of a package.
const NUMBER_MAX: u8 = 0xFB;
/// The satellites that a valid fix is given if the record does not say how many: the format has no other place for "valid".
const SATELLITES_OF_A_FIX: u8 = 3;

/// Encoder of one connection.
#[derive(Debug, Default)]
pub struct ArnaviEncoder {
    number: u8,
    data: Vec<u8>,
}

impl ArnaviEncoder {
    /// Fresh.
    #[must_use]
    pub fn new(_: Transport) -> Self {
        Self::default()
    }
}

impl Encoder for ArnaviEncoder {
    fn login(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        out.extend_from_slice(&[HEADER, VERSION_WITH_TIME]);
        out.extend_from_slice(&identifier.as_str().parse::<u64>().unwrap_or(0).to_le_bytes());
    }

    fn records(&mut self, _: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let records = records.get(..RECORDS_MAX).unwrap_or(records);
        if records.is_empty() {
            return 0;
        }
        self.number = if self.number >= NUMBER_MAX { 1 } else { self.number.saturating_add(1) };
        out.extend_from_slice(&[PACKAGE, self.number]);
        for record in records {
            self.data.clear();
            self.data.extend_from_slice(&seconds(record).to_le_bytes());
            write(record, &mut self.data);
            out.push(KIND_TAGS);
            let length = self.data.len().saturating_sub(4);
            out.extend_from_slice(&u16::try_from(length).unwrap_or(0).to_le_bytes());
            out.extend_from_slice(&self.data);
            out.push(sum8(&self.data));
        }
        out.push(PACKAGE_END);
        records.len()
    }

    fn heartbeat(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut packages = 0_usize;
        loop {
            let [ANSWER, length, number, ..] = &bytes[..] else {
                let begun = bytes.first().is_none_or(|first| *first == ANSWER);
                return if begun { Ok(packages) } else { Err(DecodeError::fatal("answer")) };
            };
            let (length, number) = (usize::from(*length), *number);
            let total = if length == 0 { 4 } else { length.saturating_add(5) };
            match bytes.get(total.saturating_sub(1)) {
                None => return Ok(packages),
                Some(&ANSWER_END) => bytes.advance(total),
                Some(_) => return Err(DecodeError::fatal("answer")),
            }
            // A header's answer has no number, a command's data.
            if number != 0 && length == 0 {
                packages = packages.saturating_add(1);
            }
        }
    }

    fn representable(&self, record: &Record) -> Record {
        let mut data = Vec::new();
        write(record, &mut data);
        tags::read(seconds(record), &data)
    }
}

fn seconds(record: &Record) -> u32 {
    record.fix_time.and_then(|time| u32::try_from(time.div_euclid(MICROS_PER_SECOND)).ok()).unwrap_or(0)
}

fn number(record: &Record, name: Name) -> Option<i64> {
    match record.attributes.get(name) {
        Some(Value::Int(number)) => Some(number),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn write(record: &Record, out: &mut Vec<u8>) {
    let mut tag = |id: u8, value: [u8; 4]| {
        out.push(id);
        out.extend_from_slice(&value);
    };
    let short = |name: Name| u16::try_from(number(record, name).unwrap_or(0)).unwrap_or(0).to_le_bytes();
    if [Name::BatteryMv, Name::ExternalPowerMv].iter().any(|name| number(record, *name).is_some()) {
        let ([a, b], [c, d]) = (short(Name::BatteryMv), short(Name::ExternalPowerMv));
        tag(tags::VOLTAGES, [a, b, c, d]);
    }
    if let Some(fix) = &record.fix {
        tag(tags::LATITUDE, (fix.latitude.degrees() as f32).to_le_bytes());
        tag(tags::LONGITUDE, (fix.longitude.degrees() as f32).to_le_bytes());
    }
    if record.fix.is_some() || number(record, Name::Satellites).is_some() {
        tag(tags::MOTION, motion(record.fix.as_ref(), number(record, Name::Satellites)));
    }
    let mut mask = number(record, Name::InputMask).and_then(|mask| u8::try_from(mask).ok());
    if let Some(Value::Bool(on)) = record.attributes.get(Name::Ignition) {
        let bits = mask.unwrap_or(0);
        mask = Some(if on { bits | IGNITION } else { bits & !IGNITION });
    }
    if record.attributes.alarms().any(|alarm| alarm == Alarm::Sos) {
        mask = Some(mask.unwrap_or(0) | CALL);
    }
    if let Some(mask) = mask {
        tag(tags::INPUT, [MODE_DISCRETE, mask, 0, 0]);
    }
    if let Some(tens) = number(record, Name::OdometerM).and_then(|metres| u32::try_from(metres.div_euclid(10)).ok()) {
        tag(tags::MILEAGE, tens.to_le_bytes());
    }
    let hdop = record.attributes.get(Name::Hdop).and_then(|v| v.as_f64()).map(|hdop| libm::round(hdop * 100.0));
    if let Some(hundredths) = hdop.filter(|hundredths| (0.0..=65_535.0).contains(hundredths)) {
        tag(tags::HDOP, u32::from(hundredths as u16).to_le_bytes());
    }
    if number(record, Name::Hardware).is_some() || number(record, Name::Firmware).is_some() {
        let ([a, b], [c, d]) = (short(Name::Hardware), short(Name::Firmware));
        tag(tags::VERSIONS, [a, b, c, d]);
    }
}

/// Course, height, satellites, speed.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn motion(fix: Option<&Fix>, satellites: Option<i64>) -> [u8; 4] {
    let byte = |value: f64| libm::round(value).clamp(0.0, 255.0) as u8;
    let field = |of: fn(&Fix) -> Option<f32>| f64::from(fix.and_then(of).unwrap_or(0.0));
    let satellites = u8::try_from(satellites.unwrap_or(0).clamp(0, 30)).unwrap_or(0);
    let satellites = match fix {
        Some(fix) if !fix.valid => 0,
        Some(_) if satellites == 0 => SATELLITES_OF_A_FIX,
        _ => satellites,
    };
    // Of two systems, four bits each.
    let (first, second) = (satellites.min(15), satellites.saturating_sub(15));
    [
        byte(field(|fix| fix.course_deg) / 2.0),
        byte(field(|fix| fix.altitude_m) / 10.0),
        (second << 4) | first,
        byte(field(|fix| fix.speed_kmh) / KNOT_KMH),
    ]
}
