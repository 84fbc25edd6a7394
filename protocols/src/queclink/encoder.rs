//! A vehicle tracker (GV series): reports and events in text.

use crate::wire::push_padded;
use crate::{Alarm, Civil, DecodeError, Draft, Encoder, Identifier, Name, Record, Transport, Value, carry};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use core::fmt::Write as _;

/// Encoder.
#[derive(Debug)]
pub struct QueclinkEncoder {
    count: u16,
}

impl QueclinkEncoder {
    /// For a stream or datagrams.
    pub fn new(_: Transport) -> Self {
        Self { count: 0 }
    }
}

/// Alarms that have a kind of their own, and the report's number where it tells which.
const KINDS: &[(Alarm, &str, &str)] = &[
    (Alarm::Sos, "SOS", "10"),
    (Alarm::PowerCut, "MPF", "10"),
    (Alarm::PowerRestored, "MPN", "10"),
    (Alarm::Towing, "TOW", "10"),
    (Alarm::Overspeed, "SPD", "10"),
    (Alarm::Crash, "CRA", "10"),
    (Alarm::HardBraking, "HBM", "10"),
    (Alarm::HardAcceleration, "HBM", "11"),
    (Alarm::HardCornering, "HBM", "12"),
];

fn kind(record: &Record) -> (Option<Alarm>, &'static str, &'static str) {
    let Some(Value::Alarm(alarm)) = record.attributes.get(Name::Alarm) else { return (None, "FRI", "10") };
    // Where they hang on the place, they are told only with one.
    let known = KINDS.iter().find(|(known, kind, _)| *known == alarm && (*kind != "HBM" || record.fix.is_some()));
    known.map_or((None, "FRI", "10"), |(alarm, kind, number)| (Some(*alarm), kind, number))
}

/// Supply, millivolts: a report tells it, an event does not.
fn supply(record: &Record) -> Option<i64> {
    carry::int(&record.attributes, Name::ExternalPowerMv, 1_000..=99_999).filter(|_| kind(record).1 == "FRI")
}

fn kilometres(record: &Record) -> Option<f64> {
    let metres = carry::int(&record.attributes, Name::OdometerM, 0..=999_999_999)?;
    Some(carry::rounded(f64::from(i32::try_from(metres).ok()?) / 1_000.0, 1))
}

/// The state, where a record has a part of it or a charge, which stands before it.
fn state(record: &Record) -> Option<&'static str> {
    let ignition = carry::yes_no(&record.attributes, Name::Ignition);
    let motion = carry::yes_no(&record.attributes, Name::Motion);
    Some(match (ignition, motion) {
        (Some(true), Some(true)) => "220000",
        (Some(true), _) => "210000",
        (Some(false), Some(true)) => "120000",
        (Some(false), _) => "110000",
        (None, Some(true)) => "420000",
        (None, Some(false)) => "410000",
        (None, None) => return charge(record).map(|_| "000000"),
    })
}

fn charge(record: &Record) -> Option<i64> {
    carry::int(&record.attributes, Name::BatteryLevelPct, 0..=100)
}

/// Accuracy of the place, as whole numbers; 0 for an old one.
fn accuracy(record: &Record) -> i64 {
    if !record.fix.is_some_and(|fix| fix.valid) {
        return 0;
    }
    match record.attributes.get(Name::Hdop) {
        Some(Value::Float(hdop)) => carry::whole(hdop).clamp(1, 50),
        _ => 1,
    }
}

fn time(record: &Record) -> String {
    let Some(civil) = record.fix_time.and_then(Civil::from_micros) else { return String::from("00000000000000") };
    let mut text = String::with_capacity(14);
    push_padded(&mut text, u32::try_from(civil.year).unwrap_or(0), 4);
    for number in [civil.month, civil.day, civil.hour, civil.minute, civil.second] {
        push_padded(&mut text, number, 2);
    }
    text
}

fn optional(value: Option<f32>, decimals: usize) -> String {
    value.map(|value| format!("{value:.decimals$}")).unwrap_or_default()
}

impl Encoder for QueclinkEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        self.count = self.count.wrapping_add(1);
        let (_, kind, number) = kind(record);
        let time = time(record);
        let supply = supply(record).map(|millivolts| format!("{millivolts}")).unwrap_or_default();
        let mut text = format!("+RESP:GT{kind},060228,{identifier},,{supply},{number},1,{},", accuracy(record));
        match &record.fix {
            Some(fix) => {
                let (speed, course, height) = (optional(fix.speed_kmh, 1), optional(fix.course_deg, 0), optional(fix.altitude_m, 1));
                let (longitude, latitude) = (fix.longitude.degrees(), fix.latitude.degrees());
                let _ = write!(text, "{speed},{course},{height},{longitude:.6},{latitude:.6},{time},");
            }
            None => text.push_str(",,,,,,"),
        }
        text.push_str(",,,,,");
        if let Some(km) = kilometres(record) {
            let _ = write!(text, "{km:.1}");
        }
        text.push_str(",,,,");
        if let Some(percent) = charge(record) {
            let _ = write!(text, "{percent}");
        }
        let _ = write!(text, ",{},,,,{time},{:04X}$", state(record).unwrap_or_default(), self.count);
        out.extend_from_slice(text.as_bytes());
        1
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        self.count = self.count.wrapping_add(1);
        out.extend_from_slice(format!("+ACK:GTHBD,060228,{identifier},,20240101000000,{:04X}$", self.count).as_bytes());
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        bytes.advance(bytes.len());
        Ok(0)
    }

    fn representable(&self, record: &Record) -> Record {
        let (alarm, kind, _) = kind(record);
        let time = record.fix_time.map(carry::whole_second);
        let mut draft = if record.fix.is_some() { Draft::at_told(time) } else { Draft::at(time) };
        if let Some(fix) = &record.fix {
            draft.valid = fix.valid;
            let rounded = |degrees: f64| carry::rounded(degrees, 6);
            draft.place(rounded(fix.latitude.degrees()), rounded(fix.longitude.degrees()));
            if let Some(accuracy) = u8::try_from(accuracy(record)).ok().filter(|accuracy| *accuracy > 0) {
                draft.set(Name::Hdop, Value::Float(f64::from(accuracy)));
            }
            if let Some(speed) = fix.speed_kmh {
                draft.speed_kmh(carry::rounded_single(speed, 1));
            }
            if let Some(course) = fix.course_deg {
                draft.course_deg(carry::rounded_single(course, 0));
            }
            if let Some(height) = fix.altitude_m {
                draft.altitude_m(carry::rounded_single(height, 1));
            }
        }
        draft.set(Name::Event, Value::Text(kind));
        if let Some(alarm) = alarm {
            draft.alarm(alarm);
        }
        draft.set_int(Name::ExternalPowerMv, supply(record));
        draft.set_int(Name::OdometerM, kilometres(record).map(|km| carry::whole(km * 1_000.0)));
        if let Some(state) = state(record) {
            draft.set_int(Name::BatteryLevelPct, charge(record));
            let told = |name: Name, on: &str, off: &str, draft: &mut Draft| match state.get(..2) {
                Some(state) if on.contains(state) => draft.set(name, Value::Bool(true)),
                Some(state) if off.contains(state) => draft.set(name, Value::Bool(false)),
                _ => {}
            };
            told(Name::Ignition, "21 22", "11 12", &mut draft);
            told(Name::Motion, "22 12 42", "21 11 41", &mut draft);
            draft.set(Name::InputMask, Value::Int(0));
            draft.set(Name::OutputMask, Value::Int(0));
        }
        draft.finish()
    }
}
