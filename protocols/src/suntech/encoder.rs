//! A device that speaks the universal protocol in text.

use super::alert;
use crate::wire::push_padded;
use crate::{Alarm, Civil, DecodeError, Draft, Encoder, Identifier, Name, Record, Transport, Value, carry};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use core::fmt::Write as _;

/// Encoder.
#[derive(Debug)]
pub struct SuntechEncoder;

impl SuntechEncoder {
    /// For a stream.
    pub fn new(_: Transport) -> Self {
        Self
    }
}

/// Identifier to outputs, and the assigned values: battery and supply.
const MAP: &str = "87FFFF";
/// The same with the alert's number.
const ALERT_MAP: &str = "8FFFFF";
const ASSIGNED: &str = "00000003";
const MILLIVOLTS_MAX: i64 = 9_999_999;

fn volts(record: &Record, name: Name) -> i64 {
    carry::int(&record.attributes, name, 0..=MILLIVOLTS_MAX).unwrap_or(0)
}

fn ignition(record: &Record) -> bool {
    carry::yes_no(&record.attributes, Name::Ignition) == Some(true)
}

/// The first alarm that the format has, and its number.
fn alert_of(record: &Record) -> Option<(u16, Alarm)> {
    record.attributes.alarms().find_map(|alarm| alert::number(alarm).map(|number| (number, alarm)))
}

impl Encoder for SuntechEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        let alert = alert_of(record);
        let mut text = String::with_capacity(160);
        let (kind, map) = alert.map_or(("STT", MAP), |_| ("ALT", ALERT_MAP));
        let _ = write!(text, "{kind};{identifier};{map};56;1.0.15;1;");
        if let Some(civil) = record.fix_time.and_then(Civil::from_micros) {
            push_padded(&mut text, u32::try_from(civil.year).unwrap_or(0), 4);
            push_padded(&mut text, civil.month, 2);
            push_padded(&mut text, civil.day, 2);
            for (number, mark) in [(civil.hour, ';'), (civil.minute, ':'), (civil.second, ':')] {
                text.push(mark);
                push_padded(&mut text, number, 2);
            }
        }
        text.push_str(";00000000;0;0;0000;;");
        let fix = record.fix.as_ref();
        let (latitude, longitude) = fix.map_or((0.0, 0.0), |fix| (fix.latitude.degrees(), fix.longitude.degrees()));
        let _ = write!(text, "{latitude:+.6};{longitude:+.6};");
        for value in [fix.and_then(|fix| fix.speed_kmh), fix.and_then(|fix| fix.course_deg)] {
            if let Some(value) = value {
                let _ = write!(text, "{value:.2}");
            }
            text.push(';');
        }
        let satellites = carry::int(&record.attributes, Name::Satellites, 0..=255).unwrap_or(0);
        let valid = u8::from(fix.is_some_and(|fix| fix.valid));
        let _ = write!(text, "{satellites};{valid};0000000{};00000000;", u8::from(ignition(record)));
        if let Some((number, _)) = alert {
            let _ = write!(text, "{number};");
        }
        text.push_str(ASSIGNED);
        text.push(';');
        let (battery, supply) = (volts(record, Name::BatteryMv), volts(record, Name::ExternalPowerMv));
        let _ = write!(text, "{}.{:03};{}.{:03}\r", battery / 1_000, battery % 1_000, supply / 1_000, supply % 1_000);
        out.extend_from_slice(text.as_bytes());
        1
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        out.extend_from_slice(b"ALV;");
        out.extend_from_slice(identifier.as_str().as_bytes());
        out.push(b'\r');
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        // Commands come, answers do not.
        bytes.advance(bytes.len());
        Ok(0)
    }

    fn representable(&self, record: &Record) -> Record {
        let mut draft = Draft::at(record.fix_time.map(carry::whole_second));
        draft.set(Name::Firmware, Value::Text("1.0.15"));
        if let Some(fix) = &record.fix {
            draft.place(carry::rounded(fix.latitude.degrees(), 6), carry::rounded(fix.longitude.degrees(), 6));
            draft.valid = fix.valid;
            if let Some(speed) = fix.speed_kmh {
                draft.speed_kmh(carry::rounded_single(speed, 2));
            }
            if let Some(course) = fix.course_deg {
                draft.course_deg(carry::rounded_single(course, 2));
            }
        }
        draft.set_int(Name::Satellites, Some(carry::int(&record.attributes, Name::Satellites, 0..=255).unwrap_or(0)));
        draft.set(Name::Ignition, Value::Bool(ignition(record)));
        draft.set(Name::InputMask, Value::Int(i64::from(ignition(record))));
        draft.set(Name::OutputMask, Value::Int(0));
        if let Some((number, alarm)) = alert_of(record) {
            draft.set(Name::Event, Value::Int(i64::from(number)));
            draft.alarm(alarm);
        }
        for name in [Name::BatteryMv, Name::ExternalPowerMv] {
            draft.set(name, Value::Int(volts(record, name)));
        }
        draft.finish()
    }
}
