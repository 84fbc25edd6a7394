//! The tracker's side.

use super::report::{FLAG_NORTH, FLAG_VALID, FLAG_WEST, PER_DEGREE};
use super::{alarm, date_bytes, seal};
use crate::wire::{Cursor, crc16_x25};
use crate::{
    Alarm, Attributes, Civil, DecodeError, Encoder, Fix, Identifier, Latitude, Longitude, MICROS_PER_SECOND, Micros, Name, Record,
    Transport, Value,
};
use alloc::vec::Vec;
use bytes::{Buf as _, BytesMut};

/// Years that six bytes of date can say.
const YEARS: core::ops::RangeInclusive<i32> = 2000..=2099;

/// A battery level or signal that is not told.
const NOT_TOLD: u8 = 0xFF;

/// Encoder: kind 0x22 for a place, 0x26 for one with an alarm, 0x28 for a record without a place.
#[derive(Debug, Default)]
pub struct Gt06Encoder {
    serial: u16,
    /// As the last record that told it had it.
    ignition: bool,
}

/// A record as the wire has it.
struct Rounded {
    time: Option<(Micros, Civil)>,
    place: Option<Place>,
    satellites: u8,
    extra: Extra,
}

struct Place {
    latitude: u32,
    longitude: u32,
    speed: u8,
    flags: u16,
}

/// What stands behind the place.
enum Extra {
    Nothing,
    Driven { ignition: bool, mode: u8, buffered: bool, odometer: Option<u32> },
    Alarmed { alarm: Alarm, code: u8, state: u8, battery: Option<u8>, signal: Option<u8> },
}

impl Gt06Encoder {
    /// Fresh.
    #[must_use]
    pub const fn new(_: Transport) -> Self {
        Self { serial: 0, ignition: false }
    }

    fn frame(&mut self, kind: u8, body: &[u8], out: &mut Vec<u8>) {
        self.serial = self.serial.wrapping_add(1);
        seal(false, kind, body, self.serial, out);
    }
}

impl Encoder for Gt06Encoder {
    fn login(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        let mut imei = [0_u8; 8];
        let digits = identifier.as_str().bytes().rev().filter(u8::is_ascii_digit).map(|digit| digit & 0x0F);
        for (index, digit) in digits.take(15).enumerate() {
            if let Some(byte) = imei.iter_mut().rev().nth(index / 2) {
                *byte |= if index % 2 == 0 { digit } else { digit << 4 };
            }
        }
        self.frame(0x01, &imei, out);
    }

    fn records(&mut self, _: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        let rounded = Rounded::new(record);
        self.ignition = yes(&record.attributes, Name::Ignition).unwrap_or(self.ignition);
        let mut body = Vec::with_capacity(56);
        body.extend_from_slice(&rounded.time.map_or([0; 6], |(_, civil)| date_bytes(civil)));
        let Some(place) = &rounded.place else {
            // Country, network, seven cells, timing, language: nothing of it is known.
            body.extend_from_slice(&[0; 3 + 7 * 6 + 3]);
            self.frame(0x28, &body, out);
            return 1;
        };
        body.push(0xC0 | rounded.satellites);
        body.extend_from_slice(&place.latitude.to_be_bytes());
        body.extend_from_slice(&place.longitude.to_be_bytes());
        body.push(place.speed);
        body.extend_from_slice(&place.flags.to_be_bytes());
        let cell = [0; 8];
        match rounded.extra {
            Extra::Nothing => {
                body.extend_from_slice(&cell);
                self.frame(0x22, &body, out);
            }
            Extra::Driven { ignition, mode, buffered, odometer } => {
                body.extend_from_slice(&cell);
                body.extend_from_slice(&[u8::from(ignition), mode, u8::from(buffered)]);
                body.extend_from_slice(odometer.map(u32::to_be_bytes).as_ref().map_or(&[], <[u8; 4]>::as_slice));
                self.frame(0x22, &body, out);
            }
            Extra::Alarmed { code, state, battery, signal, .. } => {
                body.push(9);
                body.extend_from_slice(&cell);
                body.extend_from_slice(&[state, battery.unwrap_or(NOT_TOLD), signal.unwrap_or(NOT_TOLD), code, 2]);
                self.frame(0x26, &body, out);
            }
        }
        1
    }

    fn heartbeat(&mut self, _: &Identifier, out: &mut Vec<u8>) {
        let state = if self.ignition { 0x02 } else { 0 };
        self.frame(0x13, &[state, NOT_TOLD, NOT_TOLD, 0, 2], out);
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut count = 0_usize;
        while let [first, second, length, ..] = &bytes[..] {
            let header = match (first, second) {
                (0x78, 0x78) => 3,
                (0x79, 0x79) => 4,
                _ => return Err(DecodeError::fatal("not a GT06 answer")),
            };
            let length = match bytes.get(2..4) {
                Some([high, low]) if header == 4 => usize::from(u16::from_be_bytes([*high, *low])),
                _ => usize::from(*length),
            };
            let total = length.saturating_add(header).saturating_add(2);
            if bytes.len() < total {
                break;
            }
            count = count.saturating_add(usize::from(acknowledges(bytes.get(..total).unwrap_or_default(), header)?));
            bytes.advance(total);
        }
        Ok(count)
    }

    fn representable(&self, record: &Record) -> Record {
        Rounded::new(record).record()
    }
}

/// Whether a whole answer acknowledges a record.
fn acknowledges(answer: &[u8], header: usize) -> Result<bool, DecodeError> {
    let covered = answer.get(2..answer.len().saturating_sub(4)).unwrap_or_default();
    let crc = answer.last_chunk::<4>().map(|[high, low, ..]| u16::from_be_bytes([*high, *low]));
    if crc != Some(crc16_x25(covered)) || !answer.ends_with(b"\r\n") {
        return Err(DecodeError::fatal("an answer's checksum does not fit"));
    }
    let kind = Cursor::new(answer.get(header..).unwrap_or_default()).u8();
    Ok(matches!(kind, Some(0x22 | 0x26 | 0x28)))
}

impl Rounded {
    fn new(record: &Record) -> Self {
        let attributes = &record.attributes;
        let time = record.fix_time.and_then(|time| {
            let time = time.div_euclid(MICROS_PER_SECOND).saturating_mul(MICROS_PER_SECOND);
            Civil::from_micros(time).filter(|civil| YEARS.contains(&civil.year)).map(|civil| (time, civil))
        });
        let satellites = number(attributes, Name::Satellites).and_then(|n| u8::try_from(n).ok()).unwrap_or(0).min(15);
        Self { time, place: record.fix.as_ref().and_then(Place::new), satellites, extra: Extra::new(attributes) }
    }

    fn record(&self) -> Record {
        let mut record = Record { fix_time: self.time.map(|(time, _)| time), ..Record::default() };
        let Some(place) = &self.place else { return record };
        record.fix = place.fix();
        let attributes = &mut record.attributes;
        attributes.set(Name::Satellites, Value::Int(i64::from(self.satellites)));
        self.extra.tell(attributes);
        record
    }
}

impl Place {
    /// `None` where the wire would say that there is no fix.
    fn new(fix: &Fix) -> Option<Self> {
        let (north, east) = (fix.latitude.degrees(), fix.longitude.degrees());
        let (latitude, longitude) = (units(north), units(east));
        if !fix.valid && latitude == 0 && longitude == 0 {
            return None;
        }
        let mut flags = rounded(fix.course_deg.unwrap_or(0.0)).rem_euclid(360);
        for (set, flag) in [(north >= 0.0, FLAG_NORTH), (east < 0.0, FLAG_WEST), (fix.valid, FLAG_VALID)] {
            flags |= if set { flag } else { 0 };
        }
        let speed = u8::try_from(rounded(fix.speed_kmh.unwrap_or(0.0))).unwrap_or(u8::MAX);
        Some(Self { latitude, longitude, speed, flags })
    }

    fn fix(&self) -> Option<Fix> {
        let sign = |flag: bool| if flag { -1.0 } else { 1.0 };
        let north = sign(self.flags & FLAG_NORTH == 0) * (f64::from(self.latitude) / f64::from(PER_DEGREE));
        let east = sign(self.flags & FLAG_WEST != 0) * (f64::from(self.longitude) / f64::from(PER_DEGREE));
        Some(Fix {
            latitude: Latitude::new(north)?,
            longitude: Longitude::new(east)?,
            valid: self.flags & FLAG_VALID != 0,
            altitude_m: None,
            speed_kmh: Some(f32::from(self.speed)),
            course_deg: Some(f32::from(self.flags & 0x01FF)),
        })
    }
}

impl Extra {
    fn new(attributes: &Attributes) -> Self {
        let raised = attributes.alarms().find_map(|alarm| alarm::code_of(alarm).map(|code| (alarm, code)));
        if let Some((alarm, code)) = raised {
            let bit = |name: Name, bit: u8| if yes(attributes, name) == Some(true) { bit } else { 0 };
            let state = bit(Name::Armed, 0x01) | bit(Name::Ignition, 0x02) | bit(Name::Charging, 0x04) | bit(Name::Blocked, 0x80);
            let battery = number(attributes, Name::BatteryLevelPct).filter(|p| (0..=100).contains(p));
            let battery = battery.and_then(|p| u8::try_from(p.saturating_mul(6).saturating_add(50) / 100).ok());
            let signal = number(attributes, Name::GsmSignalLevel).filter(|s| (0..=4).contains(s)).and_then(|s| u8::try_from(s).ok());
            return Self::Alarmed { alarm, code, state, battery, signal };
        }
        let ignition = yes(attributes, Name::Ignition);
        let mode = number(attributes, Name::Event).and_then(|mode| u8::try_from(mode).ok()).unwrap_or(0);
        let buffered = yes(attributes, Name::Buffered) == Some(true);
        let odometer = number(attributes, Name::OdometerM).and_then(|m| u32::try_from(m).ok());
        if ignition.is_none() && mode == 0 && !buffered && odometer.is_none() {
            return Self::Nothing;
        }
        Self::Driven { ignition: ignition.unwrap_or(false), mode, buffered, odometer }
    }

    fn tell(&self, attributes: &mut Attributes) {
        match self {
            Self::Nothing => {}
            Self::Driven { ignition, mode, buffered, odometer } => {
                attributes.set(Name::Ignition, Value::Bool(*ignition));
                if *mode != 0 {
                    attributes.set(Name::Event, Value::Int(i64::from(*mode)));
                }
                if *buffered {
                    attributes.set(Name::Buffered, Value::Bool(true));
                }
                if let Some(odometer) = odometer {
                    attributes.set(Name::OdometerM, Value::Int(i64::from(*odometer)));
                }
            }
            Self::Alarmed { alarm, state, battery, signal, .. } => {
                for (name, bit) in [(Name::Ignition, 0x02), (Name::Charging, 0x04), (Name::Blocked, 0x80), (Name::Armed, 0x01)] {
                    attributes.set(name, Value::Bool(state & bit != 0));
                }
                if let Some(battery) = battery {
                    attributes.set(Name::BatteryLevelPct, Value::Int(i64::from(*battery).saturating_mul(100) / 6));
                }
                if let Some(signal) = signal {
                    attributes.set(Name::GsmSignalLevel, Value::Int(i64::from(*signal)));
                }
                attributes.alarm(*alarm);
            }
        }
    }
}

/// Parts of a degree, without the sign.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn units(degrees: f64) -> u32 {
    libm::round(libm::fabs(degrees) * f64::from(PER_DEGREE)) as u32
}

/// A whole number of 16 bits; what is beyond becomes the nearest.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn rounded(value: f32) -> u16 {
    libm::roundf(value) as u16
}

fn number(attributes: &Attributes, name: Name) -> Option<i64> {
    if let Some(Value::Int(number)) = attributes.get(name) { Some(number) } else { None }
}

fn yes(attributes: &Attributes, name: Name) -> Option<bool> {
    if let Some(Value::Bool(yes)) = attributes.get(name) { Some(yes) } else { None }
}
