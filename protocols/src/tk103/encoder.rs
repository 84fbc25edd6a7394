//! A tracker of the KX402 family.

use super::{alarm_of, end};
use crate::wire::push_padded;
use crate::{Alarm, DecodeError, Draft, Encoder, Fix, Identifier, Name, Record, Transport, Value, carry};
use alloc::format;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use core::fmt::Write as _;

/// Encoder.
#[derive(Debug)]
pub struct Tk103Encoder;

impl Tk103Encoder {
    /// For a stream or datagrams.
    pub fn new(_: Transport) -> Self {
        Self
    }
}

const CODES: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];
const SPEED_MAX: f32 = 999.9;
/// Decimals of a minute.
const DECIMALS: u32 = 4;

fn speed(fix: Option<&Fix>) -> f32 {
    fix.and_then(|fix| fix.speed_kmh).unwrap_or(0.0).min(SPEED_MAX)
}

fn course(fix: Option<&Fix>) -> f32 {
    fix.and_then(|fix| fix.course_deg).unwrap_or(0.0)
}

/// The alarm that has a code.
fn code(record: &Record) -> Option<(&'static str, Alarm)> {
    let Some(Value::Alarm(alarm)) = record.attributes.get(Name::Alarm) else { return None };
    CODES.iter().copied().find(|code| alarm_of(code) == alarm).map(|code| (code, alarm))
}

/// Main power, ignition and odometer: all of them or none.
fn state(record: &Record) -> Option<(bool, bool, u32)> {
    let charging = carry::yes_no(&record.attributes, Name::Charging);
    let ignition = carry::yes_no(&record.attributes, Name::Ignition);
    let odometer = carry::int(&record.attributes, Name::OdometerM, 0..=i64::from(u32::MAX)).and_then(|metres| u32::try_from(metres).ok());
    let told = charging.is_some() || ignition.is_some() || odometer.is_some();
    told.then(|| (charging.unwrap_or(true), ignition.unwrap_or(false), odometer.unwrap_or(0)))
}

impl Encoder for Tk103Encoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        let fix = record.fix.as_ref();
        let mut text = format!("({identifier}");
        match code(record) {
            Some((code, _)) => drop(write!(text, "BO01{code}")),
            None => text.push_str("BR00"),
        }
        let (date, time) = carry::date_and_time(record.fix_time);
        for number in date {
            push_padded(&mut text, number, 2);
        }
        text.push(if fix.is_some_and(|fix| fix.valid) { 'A' } else { 'V' });
        for (digits, side) in carry::minutes(fix, DECIMALS) {
            text.push_str(&digits);
            text.push_str(side);
        }
        let _ = write!(text, "{:05.1}", speed(fix));
        for number in time {
            push_padded(&mut text, number, 2);
        }
        let _ = write!(text, "{:06.2}", course(fix));
        if let Some((charging, ignition, odometer)) = state(record) {
            let _ = write!(text, "{}{}000000L{odometer:08X}", u8::from(!charging), u8::from(ignition));
        }
        text.push(')');
        out.extend_from_slice(text.as_bytes());
        1
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("({identifier}BP00{:0>15}HSO)", identifier.as_str()).as_bytes());
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        while let Some(total) = end(bytes) {
            bytes.advance(total);
        }
        Ok(0)
    }

    fn representable(&self, record: &Record) -> Record {
        let fix = record.fix.as_ref();
        let mut draft = Draft::at_told(record.fix_time.map(carry::whole_second));
        draft.valid = fix.is_some_and(|fix| fix.valid);
        carry::place_minutes(&mut draft, &carry::minutes(fix, DECIMALS));
        draft.speed_kmh(carry::rounded_single(speed(fix), 1));
        draft.course_deg(carry::rounded_single(course(fix), 2));
        if let Some((charging, ignition, odometer)) = state(record) {
            draft.set(Name::Charging, Value::Bool(charging));
            draft.set(Name::Ignition, Value::Bool(ignition));
            draft.set(Name::OdometerM, Value::Int(i64::from(odometer)));
        }
        if let Some((_, alarm)) = code(record) {
            draft.alarm(alarm);
        }
        draft.finish()
    }
}
