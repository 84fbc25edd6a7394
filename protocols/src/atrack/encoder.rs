//! A tracker that reports in text.

use super::{ALIVE, ALIVE_BYTES};
use crate::wire::crc16_arc;
use crate::{DecodeError, Draft, Encoder, Identifier, MICROS_PER_SECOND, Name, Record, Transport, Value, carry, unix_seconds};
use alloc::format;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use core::fmt::Write as _;

/// Encoder.
#[derive(Debug)]
pub struct ATrackEncoder {
    sequence: u16,
}

impl ATrackEncoder {
    /// For a stream or datagrams.
    pub fn new(_: Transport) -> Self {
        Self { sequence: 0 }
    }
}

/// Records of one message.
const RECORDS_MAX: usize = 10;
const REPORT: i64 = 2;

/// What of a record has a field, in its units.
struct Carried {
    seconds: i64,
    longitude: i64,
    latitude: i64,
    heading: i64,
    speed: i64,
    odometer_tenths: i64,
    hdop_tenths: i64,
    inputs: i64,
}

impl Carried {
    fn of(record: &Record) -> Self {
        // The form has no way to say that a place is not valid: none is sent then.
        let fix = record.fix.filter(|fix| fix.valid);
        let whole = |value: Option<f32>, max: i64| carry::whole(f64::from(value.unwrap_or(0.0))).clamp(0, max);
        let hdop = match record.attributes.get(Name::Hdop) {
            Some(Value::Float(hdop)) => carry::whole(hdop * 10.0).clamp(0, 990),
            _ => 0,
        };
        let odometer = carry::int(&record.attributes, Name::OdometerM, 0..=429_496_729_500).and_then(|metres| metres.checked_div(100));
        Self {
            seconds: record.fix_time.map_or(0, |time| time.div_euclid(MICROS_PER_SECOND)).max(0),
            longitude: fix.map_or(0, |fix| carry::whole(fix.longitude.degrees() * 1e6)),
            latitude: fix.map_or(0, |fix| carry::whole(fix.latitude.degrees() * 1e6)),
            heading: whole(fix.and_then(|fix| fix.course_deg), 360),
            speed: whole(fix.and_then(|fix| fix.speed_kmh), 2_000),
            odometer_tenths: odometer.unwrap_or(0),
            hdop_tenths: hdop,
            inputs: carry::int(&record.attributes, Name::InputMask, 0..=255).unwrap_or(0),
        }
    }
}

impl Encoder for ATrackEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        if records.is_empty() {
            return 0;
        }
        self.sequence = self.sequence.wrapping_add(1);
        let mut content = format!(",{},{identifier},", self.sequence);
        for record in records.iter().take(RECORDS_MAX) {
            let told = Carried::of(record);
            let _ = write!(content, "{0},{0},{0},{1},{2},{3},{REPORT},", told.seconds, told.longitude, told.latitude, told.heading);
            let _ = write!(content, "{},{},{},{},0,0,,2000,2000,\r\n", told.odometer_tenths, told.hdop_tenths, told.inputs, told.speed);
        }
        let covered = format!(",{}{content}", content.len());
        let sum = crc16_arc(covered.as_bytes());
        out.extend_from_slice(format!("@P,{sum:04X}{covered}").as_bytes());
        records.len().min(RECORDS_MAX)
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        out.extend_from_slice(&ALIVE);
        out.extend_from_slice(&identifier.as_str().parse().unwrap_or(0_u64).to_be_bytes());
        out.extend_from_slice(&0_u16.to_be_bytes());
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut count = 0_usize;
        while let Some([first, second, .., high, low]) = bytes.first_chunk::<ALIVE_BYTES>() {
            // Sequence 0 answers a sign of life.
            count = count.saturating_add(usize::from([*first, *second] == ALIVE && [*high, *low] != [0, 0]));
            bytes.advance(ALIVE_BYTES);
        }
        Ok(count)
    }

    fn representable(&self, record: &Record) -> Record {
        let told = Carried::of(record);
        let number = |value: i64| f64::from(i32::try_from(value).unwrap_or(0));
        let mut draft = Draft::at(unix_seconds(told.seconds));
        draft.valid = true;
        draft.place(number(told.latitude) / 1e6, number(told.longitude) / 1e6);
        draft.course_deg(number(told.heading));
        draft.speed_kmh(number(told.speed));
        draft.set(Name::Event, Value::Int(REPORT));
        draft.set(Name::OdometerM, Value::Int(told.odometer_tenths.saturating_mul(100)));
        draft.set(Name::Hdop, Value::Float(carry::rounded(number(told.hdop_tenths) / 10.0, 1)));
        draft.set(Name::InputMask, Value::Int(told.inputs));
        draft.set(Name::OutputMask, Value::Int(0));
        draft.set_numbered(Name::AnalogMv, 1, Value::Int(0));
        draft.finish()
    }
}
