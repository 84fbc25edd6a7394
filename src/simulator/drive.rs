//! A drive that never was: streets on a grid of a kind, lights, turns, stops.

use protocols::{Attributes, Fix, Latitude, Longitude, Micros, Name, Record, Value};

/// A car on its way. The same seed gives the same drive.
#[derive(Clone, Debug)]
pub struct Drive {
    random: u64,
    time: Micros,
    step: Micros,
    left: u64,
    latitude: f64,
    longitude: f64,
    home: (f64, f64),
    course_deg: f64,
    speed_kmh: f64,
    wanted_kmh: f64,
    odometer_m: f64,
}

/// How far a car strays from home before it turns back, degrees.
const REACH_DEG: f64 = 0.06;
/// Metres of one degree of latitude, on the mean sphere.
const METRES_PER_DEGREE: f64 = 111_195.0;

impl Drive {
    /// A drive around a point: one record every `step`, `records` in all.
    #[must_use]
    pub fn new(seed: u64, home: (f64, f64), start: Micros, step: Micros, records: u64) -> Self {
        let mut drive = Self {
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            time: start,
            step,
            left: records,
            latitude: home.0,
            longitude: home.1,
            home,
            course_deg: 0.0,
            speed_kmh: 0.0,
            wanted_kmh: 40.0,
            odometer_m: 0.0,
        };
        drive.latitude += (drive.unit() - 0.5) * REACH_DEG;
        drive.longitude += (drive.unit() - 0.5) * REACH_DEG;
        drive.course_deg = (drive.unit() * 4.0).floor() * 90.0;
        drive
    }

    /// xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled" (2016).
    fn unit(&mut self) -> f64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn advance(&mut self) {
        let seconds = self.step as f64 / 1e6;
        // Once in a while a crossing: another street, another speed, or a red light.
        if self.unit() < 0.04 * seconds.min(5.0) {
            let turn = [-90.0, 0.0, 90.0][((self.unit() * 3.0) as usize).min(2)];
            self.course_deg = (self.course_deg + turn).rem_euclid(360.0);
            self.wanted_kmh = if self.unit() < 0.2 { 0.0 } else { 25.0 + self.unit() * 70.0 };
        }
        let (north, east) = (self.home.0 - self.latitude, self.home.1 - self.longitude);
        if north.abs() > REACH_DEG || east.abs() > REACH_DEG {
            self.course_deg = if north.abs() > east.abs() {
                if north > 0.0 { 0.0 } else { 180.0 }
            } else if east > 0.0 {
                90.0
            } else {
                270.0
            };
            self.wanted_kmh = self.wanted_kmh.max(30.0);
        }
        self.speed_kmh += (self.wanted_kmh - self.speed_kmh).clamp(-12.0 * seconds, 9.0 * seconds);
        let metres = self.speed_kmh / 3.6 * seconds;
        let (sin, cos) = self.course_deg.to_radians().sin_cos();
        self.latitude += metres * cos / METRES_PER_DEGREE;
        self.longitude += metres * sin / (METRES_PER_DEGREE * self.home.0.to_radians().cos().max(0.01));
        self.odometer_m += metres;
    }
}

impl Iterator for Drive {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.left = self.left.checked_sub(1)?;
        self.advance();
        let mut attributes = Attributes::new();
        attributes.set(Name::Ignition, Value::Bool(true));
        attributes.set(Name::ExternalPowerMv, Value::Int(12_600 + self.time.div_euclid(60_000_000).rem_euclid(7) * 100));
        attributes.set(Name::OdometerM, Value::Int(self.odometer_m as i64));
        let record = Record {
            fix_time: Some(self.time),
            fix: Some(Fix {
                latitude: Latitude::new(self.latitude)?,
                longitude: Longitude::new(self.longitude)?,
                valid: true,
                altitude_m: Some(40.0),
                speed_kmh: Some(self.speed_kmh.round() as f32),
                course_deg: Some(self.course_deg.round() as f32),
            }),
            attributes,
        };
        self.time += self.step;
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_drives_the_same_way_and_stays_near_home() {
        let drive = || Drive::new(7, (52.5, 13.4), 1_700_000_000_000_000, 1_000_000, 20_000);
        assert!(drive().eq(drive()));
        let fixes: Vec<Fix> = drive().filter_map(|r| r.fix).collect();
        assert_eq!(fixes.len(), 20_000);
        assert!(fixes.iter().all(|f| (f.latitude.degrees() - 52.5).abs() < 0.1 && (f.longitude.degrees() - 13.4).abs() < 0.1));
        assert!(fixes.iter().any(|f| f.speed_kmh == Some(0.0)) && fixes.iter().any(|f| f.speed_kmh > Some(60.0)));
    }
}
