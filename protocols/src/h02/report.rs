//! What both forms share: places in degrees and minutes, the bits of the status.

use crate::{Alarm, Attributes, Civil, Fix, Latitude, Longitude, Micros, Name, Record, Value};

/// Kilometres an hour in a knot.
pub const KMH_PER_KNOT: f64 = 1.852;

/// Bit 10 of the status is 0 when the ignition is off.
pub const IGNITION: u32 = 1 << 10;

/// Other bits that are 0 when something is in force, in the order in which they are told.
pub const FACTS: [(u32, Name); 3] = [(1 << 27, Name::Blocked), (1 << 9, Name::Armed), (1 << 8, Name::Door)];

/// Bits that are 0 when an alarm is raised. The first row of an alarm is the one that is written.
pub const ALARMS: [(u32, Alarm); 6] = [
    (1, Alarm::Vibration),
    (1 << 1, Alarm::Sos),
    (1 << 2, Alarm::Overspeed),
    (1 << 18, Alarm::Sos),
    (1 << 19, Alarm::PowerCut),
    (1 << 20, Alarm::PowerCut),
];

/// Tells the status.
pub fn status(attributes: &mut Attributes, status: u32) {
    attributes.set(Name::Ignition, Value::Bool(status & IGNITION != 0));
    for (bit, name) in FACTS {
        if status & bit == 0 {
            attributes.set(name, Value::Bool(true));
        }
    }
    for (bit, alarm) in ALARMS {
        if status & bit == 0 {
            attributes.alarm(alarm);
        }
    }
}

/// A battery in six steps or in percent. 0 says nothing.
pub fn battery(attributes: &mut Attributes, level: u8) {
    let percent = match level {
        1..=6 => level.saturating_sub(1).saturating_mul(20),
        7..=100 => level,
        _ => return,
    };
    attributes.set(Name::BatteryLevelPct, Value::Int(i64::from(percent)));
}

/// Degrees and minutes as whole degrees and a number of parts of a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Angle {
    pub degrees: u32,
    /// Minutes × `per_minute`.
    pub parts: u64,
    /// Parts of a minute.
    pub per_minute: u64,
}

impl Angle {
    /// Of degrees, minutes, and the digits behind the point of these, of which nine are the most.
    #[inline]
    pub fn of(degrees: u64, minutes: u64, parts: u64, part_digits: usize) -> Option<Self> {
        const PER_MINUTE: [u64; 10] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
        let per_minute = *PER_MINUTE.get(part_digits)?;
        let parts = minutes.checked_mul(per_minute)?.checked_add(parts)?;
        Some(Self { degrees: u32::try_from(degrees).ok()?, parts, per_minute })
    }

    /// Degrees, with the sign of the hemisphere.
    #[allow(clippy::cast_precision_loss)]
    pub fn to_degrees(self, negative: bool) -> f64 {
        let whole = u64::from(self.degrees).saturating_mul(60).saturating_mul(self.per_minute).saturating_add(self.parts);
        let degrees = whole as f64 / self.per_minute.saturating_mul(60) as f64;
        if negative { -degrees } else { degrees }
    }
}

/// A place as it is told; `None` if its degrees are none.
pub struct Place {
    pub north: f64,
    pub east: f64,
    pub valid: bool,
    pub speed_knots: Option<f64>,
    pub course_deg: Option<f64>,
}

/// Puts a place and its time together. What is out of range is left out and marked; an invalid 0/0 is no place.
#[allow(clippy::cast_possible_truncation)]
pub fn record(time: Time, place: Option<Place>, mut attributes: Attributes) -> Record {
    let mut out_of_range = time == Time::OutOfRange;
    let fix = place.filter(|p| p.valid || p.north != 0.0 || p.east != 0.0).and_then(|place| {
        let degrees = Latitude::new(place.north).zip(Longitude::new(place.east));
        out_of_range |= degrees.is_none() || place.course_deg.is_some_and(|c| !(0.0..=360.0).contains(&c));
        let (latitude, longitude) = degrees?;
        let speed_kmh = place.speed_knots.map(|knots| (knots * KMH_PER_KNOT) as f32);
        let course_deg = place.course_deg.filter(|c| (0.0..=360.0).contains(c)).map(|c| if c < 360.0 { c as f32 } else { 0.0 });
        Some(Fix { latitude, longitude, valid: place.valid, altitude_m: None, speed_kmh, course_deg })
    });
    if out_of_range {
        attributes.set(Name::OutOfRange, Value::Bool(true));
    }
    Record { fix_time: if let Time::At(time) = time { Some(time) } else { None }, fix, attributes }
}

/// A date and time as they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// None is told.
    Absent,
    /// There is no such date.
    OutOfRange,
    /// An instant.
    At(Micros),
}

impl Time {
    /// Of `hhmmss` and `DDMMYY`. A date of zeros is none.
    pub fn of([hour, minute, second]: [u8; 3], [day, month, year]: [u8; 3]) -> Self {
        if [day, month, year] == [0; 3] {
            return Self::Absent;
        }
        let civil = Civil {
            year: i32::from(year).saturating_add(2000),
            month: u32::from(month),
            day: u32::from(day),
            hour: u32::from(hour),
            minute: u32::from(minute),
            second: u32::from(second),
            micros: 0,
        };
        civil.to_micros().map_or(Self::OutOfRange, Self::At)
    }
}
