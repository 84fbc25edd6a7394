//! A geofence's form, made ready for many questions.

use super::ring::Ring;
use super::sphere::{Arc, Unit, angle_of, cap_bounds, chord_squared_of};
use crate::model::{Point, Shape};
use std::f64::consts::FRAC_PI_2;

/// A box in degrees, unrolled: east may lie beyond 180, west before −180.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GeoBox {
    pub south: f64,
    pub north: f64,
    pub west: f64,
    pub east: f64,
}

impl GeoBox {
    /// The same box within ±180: two of them where it crosses the antimeridian.
    pub(super) fn rolled(self) -> (Self, Option<Self>) {
        if self.east - self.west >= 360.0 {
            return (Self { west: -180.0, east: 180.0, ..self }, None);
        }
        let turns = ((self.west + 180.0) / 360.0).floor() * 360.0;
        let (west, east) = (self.west - turns, self.east - turns);
        if east > 180.0 {
            (Self { west, east: 180.0, ..self }, Some(Self { west: -180.0, east: east - 360.0, ..self }))
        } else if west == -180.0 {
            // ±180 is one meridian.
            (Self { west, east, ..self }, Some(Self { west: 180.0, east: 180.0, ..self }))
        } else if east == 180.0 {
            (Self { west, east, ..self }, Some(Self { west: -180.0, east: -180.0, ..self }))
        } else {
            (Self { west, east, ..self }, None)
        }
    }
}

/// A point that is asked about; what is dear to compute is computed once, when first needed.
#[derive(Debug)]
pub(super) struct Probe {
    pub point: Point,
    unit: Option<Unit>,
}

impl Probe {
    pub(super) const fn new(point: Point) -> Self {
        Self { point, unit: None }
    }

    fn unit(&mut self) -> Unit {
        *self.unit.get_or_insert_with(|| Unit::of(self.point))
    }
}

/// A form made ready. It has parts, each with a box of its own: a long corridor is found by its stretches.
#[derive(Clone, Debug)]
pub(super) enum Ready {
    /// Everything within a distance of a point.
    Circle { center: Unit, chord_squared: f64 },
    /// Everything within a distance of a line.
    Corridor { stretches: Vec<Arc>, chord_squared: f64, sine: f64 },
    /// A ring with holes.
    Polygon { exterior: Ring, holes: Vec<Ring> },
    /// A form that holds nothing (a line without points, a ring of two).
    Nothing,
}

impl Ready {
    /// The form, and the box of each of its parts.
    pub(super) fn new(shape: &Shape) -> (Self, Vec<GeoBox>) {
        match shape {
            Shape::Circle { center, radius_m } => {
                let angle = angle_of(*radius_m);
                (Self::Circle { center: Unit::of(*center), chord_squared: chord_squared_of(angle) }, vec![cap_bounds(*center, angle)])
            }
            Shape::Corridor { line, width_m } => corridor(line, angle_of(width_m / 2.0).min(FRAC_PI_2)),
            Shape::Polygon { exterior, holes } => match Ring::new(exterior) {
                Some(ring) => {
                    let bounds = ring.bounds();
                    (Self::Polygon { exterior: ring, holes: holes.iter().filter_map(|h| Ring::new(h)).collect() }, vec![bounds])
                }
                None => (Self::Nothing, Vec::new()),
            },
        }
    }

    /// Whether a part holds a point.
    pub(super) fn holds(&self, part: u32, probe: &mut Probe) -> bool {
        match self {
            Self::Circle { center, chord_squared } => probe.unit().chord_squared(*center) <= *chord_squared,
            Self::Corridor { stretches, chord_squared, sine } => {
                stretches.get(part as usize).is_some_and(|arc| arc.is_within(probe.unit(), *chord_squared, *sine))
            }
            Self::Polygon { exterior, holes } => exterior.holds(probe.point) && !holes.iter().any(|h| h.holds(probe.point)),
            Self::Nothing => false,
        }
    }
}

fn corridor(line: &[Point], angle: f64) -> (Ready, Vec<GeoBox>) {
    let mut pairs: Vec<(Point, Point)> = line.windows(2).filter_map(|w| Some((*w.first()?, *w.last()?))).collect();
    if let ([only], true) = (line, pairs.is_empty()) {
        pairs.push((*only, *only));
    }
    let (stretches, boxes): (Vec<Arc>, Vec<GeoBox>) = pairs
        .into_iter()
        .map(|(from, to)| {
            let arc = Arc::new(from, to);
            let bounds = arc.bounds(from, to, angle);
            (arc, bounds)
        })
        .unzip();
    if stretches.is_empty() {
        return (Ready::Nothing, boxes);
    }
    (Ready::Corridor { stretches, chord_squared: chord_squared_of(angle), sine: angle.sin() }, boxes)
}
