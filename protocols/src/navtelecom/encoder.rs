//! The tracker's side: FLEX 1.0 with the fields that most devices send.

use super::flex::{self, Mask, PER_DEGREE};
use super::{FLEX_PROTOCOL, HEAD_BYTES, PING, SERVER, ntcb_frame};
use crate::wire::crc8_nrsc5;
use crate::{Alarm, DecodeError, Encoder, Identifier, MICROS_PER_SECOND, Name, Record, Transport, Value};
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// Fields 1 to 5, 7 to 15, 19, 20, 29 to 32 and 37.
const BITS: u8 = 69;
const MASK: [u8; 9] = [0b1111_1011, 0b1111_1110, 0b0011_0000, 0b0000_1111, 0b0000_1000, 0, 0, 0, 0];
/// Records in one frame.
const RECORDS_MAX: usize = 20;

/// Encoder of one connection.
#[derive(Debug, Default)]
pub struct NavtelecomEncoder;

impl NavtelecomEncoder {
    /// Fresh.
    #[must_use]
    pub const fn new(_: Transport) -> Self {
        Self
    }
}

impl Encoder for NavtelecomEncoder {
    fn login(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        ntcb_frame(SERVER, 0, &[b"*>S:", identifier.as_str().as_bytes()].concat(), out);
        ntcb_frame(SERVER, 0, &[&b"*>FLEX"[..], &[FLEX_PROTOCOL, 10, 10, BITS], &MASK].concat(), out);
    }

    fn records(&mut self, _: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let records = records.get(..RECORDS_MAX).unwrap_or(records);
        if records.is_empty() {
            return 0;
        }
        let start = out.len();
        out.extend_from_slice(&[b'~', b'A', u8::try_from(records.len()).unwrap_or(u8::MAX)]);
        for record in records {
            write(record, out);
        }
        let crc = crc8_nrsc5(out.get(start..).unwrap_or_default());
        out.push(crc);
        records.len()
    }

    fn heartbeat(&mut self, _: &Identifier, out: &mut Vec<u8>) {
        out.push(PING);
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut frames = 0_usize;
        loop {
            let consumed = match &bytes[..] {
                [b'@', b'N', b'T', b'C', _, _, _, _, _, _, _, _, low, high, ..] => {
                    usize::from(u16::from_le_bytes([*low, *high])).saturating_add(HEAD_BYTES)
                }
                [b'~', b'A', _, _, ..] => {
                    frames = frames.saturating_add(1);
                    4
                }
                [] | [b'~' | b'@', ..] => return Ok(frames),
                _ => return Err(DecodeError::fatal("answer")),
            };
            if consumed > bytes.len() {
                return Ok(frames);
            }
            bytes.advance(consumed);
        }
    }

    fn representable(&self, record: &Record) -> Record {
        let mut raw = Vec::new();
        write(record, &mut raw);
        Mask::new(BITS, &MASK).read(&raw)
    }
}

fn unsigned(record: &Record, name: Name) -> u64 {
    match record.attributes.get(name) {
        Some(Value::Int(number)) => u64::try_from(number).unwrap_or(0),
        _ => 0,
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn write(record: &Record, out: &mut Vec<u8>) {
    let seconds = record.fix_time.and_then(|time| u32::try_from(time.div_euclid(MICROS_PER_SECOND)).ok()).unwrap_or(0).to_le_bytes();
    let short = |name: Name| u16::try_from(unsigned(record, name)).unwrap_or(0).to_le_bytes();
    let long = |name: Name| u32::try_from(unsigned(record, name)).unwrap_or(0).to_le_bytes();
    out.extend_from_slice(&long(Name::Index));
    out.extend_from_slice(&short(Name::Event));
    out.extend_from_slice(&seconds);
    out.extend_from_slice(&[state(record), modules(record), signal(record)]);
    let fix = record.fix.as_ref();
    let satellites = u8::try_from(unsigned(record, Name::Satellites).min(63)).unwrap_or(0);
    out.push((satellites << 2) | if fix.is_some_and(|fix| fix.valid) { flex::VALID } else { 0 });
    let of_the_fix = if fix.is_some() { seconds } else { [0; 4] };
    out.extend_from_slice(&of_the_fix);
    let (latitude, longitude) = fix.map_or((0.0, 0.0), |fix| (fix.latitude.degrees(), fix.longitude.degrees()));
    for degrees in [latitude, longitude] {
        out.extend_from_slice(&(libm::round(degrees * PER_DEGREE) as i32).to_le_bytes());
    }
    let altitude = fix.and_then(|fix| fix.altitude_m).unwrap_or(0.0).clamp(-100_000.0, 100_000.0);
    out.extend_from_slice(&(libm::roundf(altitude * 10.0) as i32).to_le_bytes());
    out.extend_from_slice(&fix.and_then(|fix| fix.speed_kmh).unwrap_or(0.0).to_le_bytes());
    let course = fix.and_then(|fix| fix.course_deg).unwrap_or(0.0).clamp(0.0, 360.0);
    out.extend_from_slice(&(libm::roundf(course) as u16).to_le_bytes());
    let kilometres = record.attributes.get(Name::OdometerM).and_then(|v| v.as_f64()).map_or(-1.0, |metres| metres / 1_000.0);
    out.extend_from_slice(&(kilometres as f32).to_le_bytes());
    for name in [Name::ExternalPowerMv, Name::BatteryMv, Name::InputMask, Name::OutputMask] {
        out.extend_from_slice(&short(name));
    }
    out.extend_from_slice(&long(Name::EngineHoursS));
}

fn state(record: &Record) -> u8 {
    let armed = if record.attributes.get(Name::Armed) == Some(Value::Bool(true)) { flex::GUARD } else { 0 };
    record.attributes.alarms().fold(armed, |state, alarm| match alarm {
        Alarm::General => state | flex::ALARM,
        Alarm::Towing => state | flex::TOWED,
        _ => state,
    })
}

fn modules(record: &Record) -> u8 {
    let status = u8::try_from(unsigned(record, Name::Status)).unwrap_or(0);
    match record.attributes.get(Name::Ignition) {
        Some(Value::Bool(true)) => status | flex::ENGINE,
        Some(Value::Bool(false)) => status & !flex::ENGINE,
        _ => status,
    }
}

/// 99: not known.
fn signal(record: &Record) -> u8 {
    match record.attributes.get(Name::GsmSignalDbm) {
        Some(Value::Int(dbm @ -113..=-51)) => u8::try_from(dbm.saturating_add(113) / 2).unwrap_or(99),
        _ => 99,
    }
}
