//! A tracker with all fields ("protocol 18").

use super::report::word_of;
use crate::wire::push_padded;
use crate::{Alarm, DecodeError, Draft, Encoder, Identifier, Name, Record, Transport, Value, carry};
use alloc::format;
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

/// Decimals of a minute.
const DECIMALS: u32 = 5;
/// Decimals of a knot.
const KNOTS_DECIMALS: usize = 3;

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
        let (date, time) = carry::date_and_time(record.fix_time);
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
                for (digits, side) in carry::minutes(Some(fix), DECIMALS) {
                    let _ = write!(text, ",{digits},{side}");
                }
                text.push(',');
                if let Some(kmh) = fix.speed_kmh {
                    let _ = write!(text, "{:.3}", carry::knots(kmh, KNOTS_DECIMALS));
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
            carry::fix_in_minutes(&mut draft, fix, DECIMALS, KNOTS_DECIMALS);
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
