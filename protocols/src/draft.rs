//! A record in the making: what a format says is checked here, once for all formats.

use crate::{Alarm, Attributes, Fix, Identifier, Key, Latitude, Longitude, Message, Micros, Name, Record, Value};
use alloc::vec::Vec;

/// A knot in km/h (exact: the international nautical mile is 1,852 m).
pub const KNOT_KMH: f64 = 1.852;
/// A statute mile in km (exact).
pub const MILE_KM: f64 = 1.609_344;

/// A record while its fields are read. A value out of its range is left out and the record is marked `out_of_range` with its name:
/// the rest of an intact record is kept (P7).
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// The time of the fix, or of the report.
    pub time: Option<Micros>,
    /// Whether the receiver calls the fix good. (`Draft::default()`: no.)
    pub valid: bool,
    /// Everything else.
    pub attributes: Attributes,
    place: Option<(Latitude, Longitude)>,
    altitude_m: Option<f32>,
    speed_kmh: Option<f32>,
    course_deg: Option<f32>,
    out_of_range: Option<&'static str>,
}

impl Draft {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Of that time.
    #[must_use]
    pub fn at(time: Option<Micros>) -> Self {
        Self { time, ..Self::default() }
    }

    /// Of that time, which the format always tells: where it is none, it is out of range.
    #[must_use]
    pub fn at_told(time: Option<Micros>) -> Self {
        let mut draft = Self::new();
        draft.told_at(time);
        draft
    }

    /// The same of one that is being read.
    pub(crate) fn told_at(&mut self, time: Option<Micros>) {
        self.time = time;
        if time.is_none() {
            self.suspect("time");
        }
    }

    /// Marks the record: that value is left out. The first one is named.
    pub fn suspect(&mut self, what: &'static str) {
        self.out_of_range.get_or_insert(what);
    }

    /// The place, degrees. 0/0 is how formats say "none".
    pub fn place(&mut self, latitude: f64, longitude: f64) {
        if latitude == 0.0 && longitude == 0.0 {
            return;
        }
        match (Latitude::new(latitude), Longitude::new(longitude)) {
            (Some(latitude), Some(longitude)) => self.place = Some((latitude, longitude)),
            (None, _) => self.suspect("latitude"),
            (_, None) => self.suspect("longitude"),
        }
    }

    /// The place as text fields gave it; a field that is no number is out of range, two empty ones are none.
    pub fn place_of(&mut self, latitude: Option<f64>, longitude: Option<f64>) {
        match (latitude, longitude) {
            (Some(latitude), Some(longitude)) => self.place(latitude, longitude),
            (None, Some(_)) => self.suspect("latitude"),
            (Some(_), None) => self.suspect("longitude"),
            (None, None) => {}
        }
    }

    /// Whether there is a place.
    #[must_use]
    pub const fn has_place(&self) -> bool {
        self.place.is_some()
    }

    /// Metres.
    pub fn altitude_m(&mut self, metres: f64) {
        self.altitude_m = self.within(metres, -100_000.0, 100_000.0, "height");
    }

    /// km/h.
    pub fn speed_kmh(&mut self, kmh: f64) {
        self.speed_kmh = self.within(kmh, 0.0, 2_000.0, "speed");
    }

    /// Knots.
    pub fn speed_knots(&mut self, knots: f64) {
        self.speed_kmh(knots * KNOT_KMH);
    }

    /// Degrees clockwise from north; 360 is 0.
    pub fn course_deg(&mut self, degrees: f64) {
        self.course_deg = self.within(degrees, 0.0, 360.0, "course").map(|course| if course >= 360.0 { 0.0 } else { course });
    }

    #[allow(clippy::cast_possible_truncation)]
    fn within(&mut self, value: f64, min: f64, max: f64, what: &'static str) -> Option<f32> {
        if (min..=max).contains(&value) {
            return Some(value as f32);
        }
        self.suspect(what);
        None
    }

    /// A named attribute.
    #[inline]
    pub fn set(&mut self, name: Name, value: Value<'_>) {
        self.attributes.push_here(Key::Named(name, 0), value);
    }

    /// A numbered attribute.
    pub fn set_numbered(&mut self, name: Name, number: u8, value: Value<'_>) {
        self.attributes.push(Key::Named(name, number), value);
    }

    /// A whole number, if it is there.
    #[inline]
    pub fn set_int(&mut self, name: Name, value: Option<impl Into<i64>>) {
        if let Some(value) = value {
            self.set(name, Value::Int(value.into()));
        }
    }

    /// A number, if it is there.
    #[inline]
    pub fn set_float(&mut self, name: Name, value: Option<f64>) {
        if let Some(value) = value {
            self.set(name, Value::Float(value));
        }
    }

    /// A text that is not empty.
    pub fn set_text(&mut self, name: Name, text: &str) {
        if !text.is_empty() {
            self.attributes.set(name, Value::Text(text));
        }
    }

    /// An alarm.
    pub fn alarm(&mut self, alarm: Alarm) {
        self.attributes.alarm(alarm);
    }

    /// The record as a message of that device, made in its place: pushed, it would be put together elsewhere and copied.
    #[inline]
    pub(crate) fn finish_into(self, identifier: Option<Identifier>, out: &mut Vec<Message>) {
        out.extend(core::iter::once_with(|| Message::Record { identifier, record: self.finish() }));
    }

    /// Completes a record that has its attributes already: where those are many, they are added in their place.
    pub(crate) fn finish_over(self, record: &mut Record) {
        if let Some(what) = self.out_of_range {
            record.attributes.set(Name::OutOfRange, Value::Text(what));
        }
        (record.fix_time, record.fix) = (self.time, self.fix());
    }

    /// The record.
    #[must_use]
    pub fn finish(mut self) -> Record {
        if let Some(what) = self.out_of_range {
            self.attributes.set(Name::OutOfRange, Value::Text(what));
        }
        Record { fix_time: self.time, fix: self.fix(), attributes: self.attributes }
    }

    #[inline]
    fn fix(&self) -> Option<Fix> {
        self.place.map(|(latitude, longitude)| Fix {
            latitude,
            longitude,
            valid: self.valid,
            altitude_m: self.altitude_m,
            speed_kmh: self.speed_kmh,
            course_deg: self.course_deg,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_out_of_range_is_named_and_the_rest_is_kept() {
        let mut draft = Draft::new();
        draft.place(52.5, 13.4);
        draft.speed_knots(10.0);
        draft.course_deg(361.0);
        draft.altitude_m(f64::NAN);
        let record = draft.finish();
        let fix = record.fix.unwrap();
        assert_eq!((fix.speed_kmh, fix.course_deg, fix.altitude_m), (Some(18.52), None, None));
        assert_eq!(record.attributes.get(Name::OutOfRange), Some(Value::Text("course")));
    }

    #[test]
    fn zero_is_no_place_and_ninety_one_degrees_is_none_either() {
        let mut draft = Draft::new();
        draft.place(0.0, 0.0);
        assert_eq!(draft.clone().finish(), Record::default());
        draft.place(91.0, 0.0);
        let record = draft.finish();
        assert_eq!((record.fix, record.attributes.get(Name::OutOfRange)), (None, Some(Value::Text("latitude"))));
    }
}
