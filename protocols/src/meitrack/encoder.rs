//! A tracker that speaks text.

use super::{frame, total_of};
use crate::wire::push_padded;
use crate::{Alarm, Civil, DecodeError, Draft, Encoder, Identifier, Name, Record, Transport, Value, carry};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::BytesMut;
use core::fmt::Write as _;

/// Encoder.
#[derive(Debug)]
pub struct MeitrackEncoder;

impl MeitrackEncoder {
    /// For a stream or for datagrams.
    pub fn new(_: Transport) -> Self {
        Self
    }
}

/// The event of a position that nothing raised.
const BY_TIME: i64 = 35;
const METRES_MAX: i64 = 4_294_967_295;
/// Hundredths of a volt that four hexadecimal digits hold.
const MILLIVOLTS_MAX: i64 = 655_350;

fn event(record: &Record) -> i64 {
    match record.attributes.get(Name::Alarm) {
        Some(Value::Alarm(Alarm::Sos)) => 1,
        Some(Value::Alarm(Alarm::LowBattery)) => 17,
        Some(Value::Alarm(Alarm::Overspeed)) => 19,
        Some(Value::Alarm(Alarm::PowerCut)) => 23,
        Some(Value::Alarm(Alarm::Towing)) => 36,
        _ => BY_TIME,
    }
}

fn hundredths(record: &Record, name: Name) -> i64 {
    carry::int(&record.attributes, name, 0..=MILLIVOLTS_MAX).unwrap_or(0) / 10
}

impl Encoder for MeitrackEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        let mut text = String::with_capacity(160);
        let _ = write!(text, "AAA,{},", event(record));
        match &record.fix {
            Some(fix) => {
                let _ = write!(text, "{:.6},{:.6},", fix.latitude.degrees(), fix.longitude.degrees());
            }
            None => text.push_str("0.000000,0.000000,"),
        }
        if let Some(civil) = record.fix_time.and_then(Civil::from_micros) {
            let year = u32::try_from(civil.year.rem_euclid(100)).unwrap_or(0);
            for number in [year, civil.month, civil.day, civil.hour, civil.minute, civil.second] {
                push_padded(&mut text, number, 2);
            }
        }
        text.push_str(if record.fix.as_ref().is_some_and(|fix| fix.valid) { ",A," } else { ",V," });
        let satellites = carry::int(&record.attributes, Name::Satellites, 0..=255).unwrap_or(0);
        let _ = write!(text, "{satellites},,");
        let fix = record.fix.as_ref();
        for (value, more) in [
            (fix.and_then(|fix| fix.speed_kmh), ","),
            (fix.and_then(|fix| fix.course_deg), ",,"),
            (fix.and_then(|fix| fix.altitude_m), ","),
        ] {
            if let Some(value) = value {
                let _ = write!(text, "{:.1}", f64::from(value));
            }
            text.push_str(more);
        }
        let odometer = carry::int(&record.attributes, Name::OdometerM, 0..=METRES_MAX).unwrap_or(0);
        let (battery, power) = (hundredths(record, Name::BatteryMv), hundredths(record, Name::ExternalPowerMv));
        let _ = write!(text, "{odometer},,0|0|0000|0000,0000,|||{battery:04X}|{power:04X},");
        frame(b"$$", b'A', identifier, text.as_bytes(), out);
        1
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        frame(b"$$", b'A', identifier, b"AAC,1", out);
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        while let Some(total) = total_of(bytes, b"@@")?.filter(|total| bytes.len() >= *total) {
            drop(bytes.split_to(total));
        }
        Ok(0)
    }

    fn representable(&self, record: &Record) -> Record {
        let mut draft = Draft::at(record.fix_time.map(carry::whole_second));
        if let Some(fix) = &record.fix {
            draft.place(carry::rounded(fix.latitude.degrees(), 6), carry::rounded(fix.longitude.degrees(), 6));
            draft.valid = fix.valid;
            for (value, set) in [
                (fix.speed_kmh, Draft::speed_kmh as fn(&mut Draft, f64)),
                (fix.course_deg, Draft::course_deg),
                (fix.altitude_m, Draft::altitude_m),
            ] {
                if let Some(value) = value {
                    set(&mut draft, carry::rounded(f64::from(value), 1));
                }
            }
        }
        draft.set_int(Name::Satellites, Some(carry::int(&record.attributes, Name::Satellites, 0..=255).unwrap_or(0)));
        draft.set_int(Name::OdometerM, Some(carry::int(&record.attributes, Name::OdometerM, 0..=METRES_MAX).unwrap_or(0)));
        draft.set(Name::InputMask, Value::Int(0));
        draft.set(Name::OutputMask, Value::Int(0));
        for name in [Name::BatteryMv, Name::ExternalPowerMv] {
            draft.set(name, Value::Int(hundredths(record, name).saturating_mul(10)));
        }
        super::event(Some(event(record)), "", &mut draft);
        draft.finish()
    }
}
