//! The tracker's side: V1 lines, and NBR without cells for a record without a place.

use super::report::{ALARMS, Angle, FACTS, IGNITION, Place, Time, record, status};
use crate::wire::push_padded;
use crate::{Attributes, Civil, DecodeError, Encoder, Fix, Identifier, MICROS_PER_SECOND, Name, Record, Transport, Value};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf as _, BytesMut};

/// Years that two digits can say.
const YEARS: core::ops::RangeInclusive<i32> = 2000..=2099;

/// Parts of a minute that are written.
const PER_MINUTE: u64 = 100_000;

const PER_DEGREE: u64 = 6_000_000;

/// The longest answer.
const ANSWER_BYTES_MAX: usize = 256;

/// Encoder.
#[derive(Debug, Default)]
pub struct H02Encoder;

/// A record as the wire has it.
struct Rounded {
    civil: Option<Civil>,
    place: Option<Spot>,
    status: Option<u32>,
}

struct Spot {
    latitude: Angle,
    longitude: Angle,
    south: bool,
    west: bool,
    valid: bool,
    /// Hundredths of a knot.
    speed: Option<u32>,
    /// Hundredths of a degree.
    course: Option<u32>,
}

impl H02Encoder {
    /// Fresh.
    #[must_use]
    pub const fn new(_: Transport) -> Self {
        Self
    }
}

impl Encoder for H02Encoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        let rounded = Rounded::new(record);
        let mut line = String::with_capacity(112);
        line.push_str("*HQ,");
        line.push_str(identifier.as_str());
        line.push_str(if rounded.place.is_some() { ",V1," } else { ",NBR," });
        for number in rounded.civil.map_or([0; 3], |c| [c.hour, c.minute, c.second]) {
            push_padded(&mut line, number, 2);
        }
        match &rounded.place {
            Some(spot) => spot.write(&mut line),
            None => line.push_str(",0,0,0,0"),
        }
        line.push(',');
        for number in rounded.civil.map_or([0; 3], |c| [c.day, c.month, u32::try_from(c.year.rem_euclid(100)).unwrap_or(0)]) {
            push_padded(&mut line, number, 2);
        }
        if let Some(status) = rounded.status {
            line.push(',');
            line.push_str(&crate::wire::to_hex(&status.to_be_bytes()).to_ascii_uppercase());
        }
        line.push('#');
        out.extend_from_slice(line.as_bytes());
        1
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        for part in ["*HQ,", identifier.as_str(), ",HTBT#"] {
            out.extend_from_slice(part.as_bytes());
        }
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut count = 0_usize;
        loop {
            let blank = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            bytes.advance(blank);
            if bytes.first().is_some_and(|b| *b != b'*') || bytes.len() > ANSWER_BYTES_MAX.saturating_mul(64) {
                return Err(DecodeError::fatal("not an H02 answer"));
            }
            let Some(end) = bytes.iter().position(|b| *b == b'#') else { return Ok(count) };
            let answer = bytes.split_to(end.saturating_add(1));
            let mut fields = answer.as_ref().split(|b: &u8| *b == b',').skip(2);
            let acknowledges = fields.next() == Some(b"V4".as_slice()) && matches!(fields.next(), Some(b"V1" | b"NBR"));
            count = count.saturating_add(usize::from(acknowledges));
        }
    }

    fn representable(&self, record: &Record) -> Record {
        Rounded::new(record).record()
    }
}

impl Rounded {
    fn new(record: &Record) -> Self {
        let second = record.fix_time.map(|time| time.div_euclid(MICROS_PER_SECOND).saturating_mul(MICROS_PER_SECOND));
        let civil = second.and_then(Civil::from_micros).filter(|civil| YEARS.contains(&civil.year));
        Self { civil, place: record.fix.as_ref().map(Spot::new), status: status_of(&record.attributes) }
    }

    fn record(&self) -> Record {
        let mut attributes = Attributes::new();
        if let Some(bits) = self.status {
            status(&mut attributes, bits);
        }
        let time = self.civil.and_then(Civil::to_micros).map_or(Time::Absent, Time::At);
        record(time, self.place.as_ref().map(Spot::place), attributes)
    }
}

impl Spot {
    fn new(fix: &Fix) -> Self {
        let (north, east) = (fix.latitude.degrees(), fix.longitude.degrees());
        Self {
            latitude: angle(north),
            longitude: angle(east),
            south: north < 0.0,
            west: east < 0.0,
            valid: fix.valid,
            speed: fix.speed_kmh.map(|speed| hundredths(f64::from(speed) / super::report::KMH_PER_KNOT)),
            course: fix.course_deg.map(|course| hundredths(f64::from(course)).rem_euclid(36_000)),
        }
    }

    fn place(&self) -> Place {
        let value = |hundredths: u32| f64::from(hundredths) / 100.0;
        Place {
            north: self.latitude.to_degrees(self.south),
            east: self.longitude.to_degrees(self.west),
            valid: self.valid,
            speed_knots: self.speed.map(value),
            course_deg: self.course.map(value),
        }
    }

    fn write(&self, line: &mut String) {
        line.push_str(if self.valid { ",A," } else { ",V," });
        for (angle, digits, hemisphere) in
            [(self.latitude, 2, if self.south { ",S," } else { ",N," }), (self.longitude, 3, if self.west { ",W," } else { ",E," })]
        {
            push_padded(line, angle.degrees, digits);
            push_padded(line, u32::try_from(angle.parts / PER_MINUTE).unwrap_or(0), 2);
            line.push('.');
            push_padded(line, u32::try_from(angle.parts % PER_MINUTE).unwrap_or(0), 5);
            line.push_str(hemisphere);
        }
        for (index, value) in [self.speed, self.course].into_iter().enumerate() {
            if index > 0 {
                line.push(',');
            }
            if let Some(value) = value {
                push_padded(line, value / 100, 3);
                line.push('.');
                push_padded(line, value % 100, 2);
            }
        }
    }
}

/// The status, if there is anything to say with it. Without a word on the ignition it says that it is off.
fn status_of(attributes: &Attributes) -> Option<u32> {
    let yes = |name: Name| if let Some(Value::Bool(yes)) = attributes.get(name) { Some(yes) } else { None };
    let ignition = yes(Name::Ignition);
    let mut bits = if ignition == Some(true) { u32::MAX } else { !IGNITION };
    let mut told = ignition.is_some();
    for (bit, name) in FACTS {
        if yes(name) == Some(true) {
            bits &= !bit;
            told = true;
        }
    }
    for alarm in attributes.alarms() {
        if let Some((bit, _)) = ALARMS.iter().find(|row| row.1 == alarm) {
            bits &= !bit;
            told = true;
        }
    }
    told.then_some(bits)
}

/// Degrees and hundred-thousandths of a minute, without the sign.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn angle(degrees: f64) -> Angle {
    let parts = libm::round(libm::fabs(degrees) * 6_000_000.0) as u64;
    let (degrees, parts) = (parts / PER_DEGREE, parts % PER_DEGREE);
    Angle { degrees: u32::try_from(degrees).unwrap_or(0), parts, per_minute: PER_MINUTE }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn hundredths(value: f64) -> u32 {
    libm::round(value * 100.0) as u32
}
