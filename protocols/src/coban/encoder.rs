//! A tracker with all fields ("protocol 18").

use super::report::word_of;
use crate::wire::{degrees_minutes_side, push_padded};
use crate::{Alarm, Civil, DecodeError, Draft, Encoder, Identifier, Name, Record, Transport, Value, carry};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use core::fmt::Write as _;

/// Encoder.
#[derive(Debug)]
pub struct CobanEncoder;

impl CobanEncoder {
    /// For a stream or datagrams.
    pub fn new(_: Transport) -> Self {
        Self
    }
}

/// Parts of a degree that are written: hundred-thousandths of a minute.
const PARTS: u32 = 6_000_000;

/// Degrees as `DDMM.mmmmm`, and the side.
fn degrees(value: f64, whole_digits: usize, sides: [&'static str; 2]) -> (String, &'static str) {
    let parts = u32::try_from(carry::whole(value.abs() * f64::from(PARTS))).unwrap_or(0);
    let mut text = String::with_capacity(12);
    push_padded(&mut text, parts / PARTS, whole_digits);
    push_padded(&mut text, parts % PARTS / 100_000, 2);
    text.push('.');
    push_padded(&mut text, parts % 100_000, 5);
    let [positive, negative] = sides;
    (text, if value < 0.0 { negative } else { positive })
}

fn knots(kmh: f32) -> f64 {
    carry::rounded(f64::from(kmh) / crate::KNOT_KMH, 3)
}

/// The alarm that has a word.
fn alarm(record: &Record) -> Option<(&'static str, Alarm)> {
    let Some(Value::Alarm(alarm)) = record.attributes.get(Name::Alarm) else { return None };
    word_of(alarm).map(|word| (word, alarm))
}

/// The tank, with two decimals.
fn fuel(record: &Record) -> Option<f64> {
    let Some(Value::Float(level)) = record.attributes.get(Name::FuelLevelPct) else { return None };
    Some(carry::rounded(level, 2)).filter(|level| (0.0..=100.0).contains(level))
}

const FLAGS: [Name; 2] = [Name::Ignition, Name::Door];

impl Encoder for CobanEncoder {
    fn login(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("##,imei:{identifier},A;").as_bytes());
    }

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        let mut text = format!("imei:{identifier},{},", alarm(record).map_or("tracker", |(word, _)| word));
        let civil = record.fix_time.and_then(Civil::from_micros);
        let (date, time) = civil.map_or(([0; 3], [0; 3]), |c| {
            let year = u32::try_from(c.year.rem_euclid(100)).unwrap_or(0);
            ([year, c.month, c.day], [c.hour, c.minute, c.second])
        });
        for number in date.into_iter().chain(time) {
            push_padded(&mut text, number, 2);
        }
        text.push_str(",,F,");
        for number in time {
            push_padded(&mut text, number, 2);
        }
        text.push_str(".000,");
        match &record.fix {
            None => text.push_str("V,,,,,,,"),
            Some(fix) => {
                text.push(if fix.valid { 'A' } else { 'V' });
                for (digits, side) in [degrees(fix.latitude.degrees(), 2, ["N", "S"]), degrees(fix.longitude.degrees(), 3, ["E", "W"])] {
                    let _ = write!(text, ",{digits},{side}");
                }
                text.push(',');
                if let Some(kmh) = fix.speed_kmh {
                    let _ = write!(text, "{:.3}", knots(kmh));
                }
                for value in [fix.course_deg, fix.altitude_m] {
                    text.push(',');
                    if let Some(value) = value {
                        let _ = write!(text, "{value:.2}");
                    }
                }
            }
        }
        for name in FLAGS {
            text.push(',');
            if let Some(on) = carry::yes_no(&record.attributes, name) {
                text.push(if on { '1' } else { '0' });
            }
        }
        text.push(',');
        if let Some(level) = fuel(record) {
            let _ = write!(text, "{level:.2}%");
        }
        text.push_str(",,;");
        out.extend_from_slice(text.as_bytes());
        1
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{identifier};").as_bytes());
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        // Answers and commands have no common end, and none acknowledges a record.
        bytes.advance(bytes.len());
        Ok(0)
    }

    fn representable(&self, record: &Record) -> Record {
        let mut draft = Draft::at_told(record.fix_time.map(carry::whole_second));
        if let Some(fix) = &record.fix {
            draft.valid = fix.valid;
            let (latitude, north) = degrees(fix.latitude.degrees(), 2, ["N", "S"]);
            let (longitude, east) = degrees(fix.longitude.degrees(), 3, ["E", "W"]);
            draft.place_of(degrees_minutes_side(&latitude, north), degrees_minutes_side(&longitude, east));
            if let Some(kmh) = fix.speed_kmh {
                draft.speed_knots(knots(kmh));
            }
            if let Some(course) = fix.course_deg {
                draft.course_deg(carry::rounded_single(course, 2));
            }
            if let Some(height) = fix.altitude_m {
                draft.altitude_m(carry::rounded_single(height, 2));
            }
        }
        for name in FLAGS {
            if let Some(on) = carry::yes_no(&record.attributes, name) {
                draft.set(name, Value::Bool(on));
            }
        }
        draft.set_float(Name::FuelLevelPct, fuel(record));
        if let Some((word, alarm)) = alarm(record) {
            draft.alarm(alarm);
            draft.set(Name::Event, Value::Text(word));
        }
        draft.finish()
    }
}
