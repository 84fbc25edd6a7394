//! A terminal of 2019: its number has room for an IMEI.

use super::frame::{self, Cut, DELIMITER, Terminal, head, unescape, write};
use super::messages::{ALIVE, AUTHENTICATION, REPORTS};
use super::report::ZONE;
use super::{GENERAL_ANSWER, time_bcd};
use crate::{Alarm, DecodeError, Draft, Encoder, Identifier, Name, Record, Transport, Value, carry};
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// Encoder.
#[derive(Debug)]
pub struct Jt808Encoder {
    serial: u16,
}

impl Jt808Encoder {
    /// For a stream.
    pub fn new(_: Transport) -> Self {
        Self { serial: 0 }
    }

    fn send(&mut self, identifier: &Identifier, kind: u16, body: &[u8], out: &mut Vec<u8>) {
        self.serial = self.serial.wrapping_add(1);
        write(kind, &Terminal::of_2019(identifier), &self.serial.to_be_bytes(), body, DELIMITER, out);
    }
}

/// Records of one message: its length has ten bits.
const RECORDS_MAX: usize = 15;

/// Alarms that are told, by their bit.
const ALARMS: &[(u32, Alarm)] = &[
    (0, Alarm::Sos),
    (1, Alarm::Overspeed),
    (2, Alarm::FatigueDriving),
    (4, Alarm::Fault),
    (5, Alarm::GpsAntennaCut),
    (7, Alarm::LowBattery),
    (8, Alarm::PowerOff),
    (16, Alarm::Vibration),
    (17, Alarm::Tamper),
    (19, Alarm::Parking),
    (20, Alarm::Geofence),
    (28, Alarm::Movement),
    (29, Alarm::Crash),
];

fn alarm(record: &Record) -> Option<(u32, Alarm)> {
    let Some(Value::Alarm(alarm)) = record.attributes.get(Name::Alarm) else { return None };
    ALARMS.iter().copied().find(|(_, known)| *known == alarm)
}

/// The whole numbers that are told: item, bytes, name, its unit on the wire, and the most that it holds.
const ITEMS: &[(u8, usize, Name, i64, i64)] = &[
    (0x01, 4, Name::OdometerM, 100, 4_294_967_295),
    (0x30, 1, Name::GsmSignalLevel, 1, 255),
    (0x31, 1, Name::Satellites, 1, 255),
    (0xD4, 1, Name::BatteryLevelPct, 1, 100),
    (0xD5, 2, Name::BatteryMv, 10, 65_535),
    (0xE1, 2, Name::ExternalPowerMv, 100, 65_535),
];

fn item(record: &Record, name: Name, unit: i64, max: i64) -> Option<i64> {
    carry::int(&record.attributes, name, 0..=max.saturating_mul(unit)).and_then(|value| value.checked_div(unit))
}

fn micro_degrees(degrees: f64) -> u32 {
    u32::try_from(carry::whole(degrees.abs() * 1_000_000.0)).unwrap_or(0)
}

fn height(record: &Record) -> i16 {
    let metres = record.fix.as_ref().and_then(|fix| fix.altitude_m).unwrap_or(0.0);
    i16::try_from(carry::whole(f64::from(metres))).unwrap_or(0)
}

fn scaled(value: Option<f32>, scale: f64) -> u16 {
    u16::try_from(carry::whole(f64::from(value.unwrap_or(0.0)) * scale)).unwrap_or(0)
}

fn report(record: &Record) -> Vec<u8> {
    let fix = record.fix.as_ref();
    let (latitude, longitude) = fix.map_or((0.0, 0.0), |fix| (fix.latitude.degrees(), fix.longitude.degrees()));
    let states = [
        (0, carry::yes_no(&record.attributes, Name::Ignition) == Some(true)),
        (1, fix.is_some_and(|fix| fix.valid)),
        (2, latitude < 0.0),
        (3, longitude < 0.0),
        (10, carry::yes_no(&record.attributes, Name::Blocked) == Some(true)),
    ];
    let state = states.iter().filter(|(_, on)| *on).fold(0_u32, |state, (bit, _)| state | 1_u32.wrapping_shl(*bit));
    let mut body = Vec::with_capacity(64);
    body.extend_from_slice(&alarm(record).map_or(0, |(bit, _)| 1_u32.wrapping_shl(bit)).to_be_bytes());
    body.extend_from_slice(&state.to_be_bytes());
    body.extend_from_slice(&micro_degrees(latitude).to_be_bytes());
    body.extend_from_slice(&micro_degrees(longitude).to_be_bytes());
    body.extend_from_slice(&height(record).to_be_bytes());
    body.extend_from_slice(&scaled(fix.and_then(|fix| fix.speed_kmh), 10.0).to_be_bytes());
    body.extend_from_slice(&scaled(fix.and_then(|fix| fix.course_deg), 1.0).to_be_bytes());
    body.extend_from_slice(&record.fix_time.map_or([0; 6], |time| time_bcd(time.saturating_add(ZONE))));
    for (id, width, name, unit, max) in ITEMS {
        if let Some(value) = item(record, *name, *unit, *max) {
            body.extend_from_slice(&[*id, u8::try_from(*width).unwrap_or(0)]);
            let bytes = value.to_be_bytes();
            body.extend_from_slice(bytes.get(bytes.len().saturating_sub(*width)..).unwrap_or_default());
        }
    }
    body
}

impl Encoder for Jt808Encoder {
    fn login(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        let code = alloc::format!("{:0>20}", identifier.as_str());
        let body = [&[20], code.as_bytes()].concat();
        self.send(identifier, AUTHENTICATION, &body, out);
    }

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let count = records.len().min(RECORDS_MAX);
        if count == 0 {
            return 0;
        }
        let mut body = Vec::with_capacity(1_024);
        body.extend_from_slice(&u16::try_from(count).unwrap_or(0).to_be_bytes());
        body.push(0);
        for record in records.iter().take(count) {
            let report = report(record);
            body.extend_from_slice(&u16::try_from(report.len()).unwrap_or(0).to_be_bytes());
            body.extend_from_slice(&report);
        }
        self.send(identifier, REPORTS, &body, out);
        count
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        self.send(identifier, ALIVE, &[], out);
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut count = 0_usize;
        loop {
            match frame::cut(bytes) {
                Cut::NeedMore => return Ok(count),
                Cut::Empty => bytes.advance(1),
                Cut::Frame(total) => {
                    let raw = bytes.split_to(total);
                    let mut plain = Vec::new();
                    let Some((head, body)) = unescape(&raw, false, &mut plain).and_then(|()| head(&plain)) else { continue };
                    let (of, result) = (body.get(2..4), body.get(4));
                    if head.kind == GENERAL_ANSWER && of == Some(&REPORTS.to_be_bytes()[..]) {
                        if result != Some(&0) {
                            return Err(DecodeError::skipped("the server refuses"));
                        }
                        count = count.saturating_add(1);
                    }
                }
            }
        }
    }

    fn representable(&self, record: &Record) -> Record {
        let mut draft = Draft::at(record.fix_time.map(carry::whole_second));
        if let Some(fix) = &record.fix {
            let back = |degrees: f64| f64::from(micro_degrees(degrees)) / 1_000_000.0 * if degrees < 0.0 { -1.0 } else { 1.0 };
            draft.place(back(fix.latitude.degrees()), back(fix.longitude.degrees()));
            draft.valid = fix.valid;
            draft.altitude_m(f64::from(height(record)));
            draft.speed_kmh(f64::from(scaled(fix.speed_kmh, 10.0)) / 10.0);
            draft.course_deg(f64::from(scaled(fix.course_deg, 1.0)));
        }
        if let Some((_, alarm)) = alarm(record) {
            draft.alarm(alarm);
        }
        draft.set(Name::Ignition, Value::Bool(carry::yes_no(&record.attributes, Name::Ignition) == Some(true)));
        draft.set(Name::Blocked, Value::Bool(carry::yes_no(&record.attributes, Name::Blocked) == Some(true)));
        for (_, _, name, unit, max) in ITEMS {
            draft.set_int(*name, item(record, *name, *unit, *max).map(|value| value.saturating_mul(*unit)));
        }
        draft.finish()
    }
}
