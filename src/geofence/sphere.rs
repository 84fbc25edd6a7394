//! Great circles: points as unit vectors, caps, arcs, and the boxes that they lie in.

use super::shape::GeoBox;
use crate::model::Point;
use std::f64::consts::{FRAC_PI_2, PI};

/// Mean radius of the earth (IUGG).
pub(super) const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// What a box is widened by on each side, so that rounding never leaves a point out.
const BOX_MARGIN_DEG: f64 = 1e-7;

/// A point of the unit sphere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit(pub [f64; 3]);

impl Unit {
    pub(super) fn of(point: Point) -> Self {
        let (sin_lat, cos_lat) = point.latitude.to_radians().sin_cos();
        let (sin_lon, cos_lon) = point.longitude.to_radians().sin_cos();
        Self([cos_lat * cos_lon, cos_lat * sin_lon, sin_lat])
    }

    pub(super) fn dot(self, other: Self) -> f64 {
        self.0[0] * other.0[0] + self.0[1] * other.0[1] + self.0[2] * other.0[2]
    }

    fn cross(self, other: Self) -> Self {
        let ([a, b, c], [x, y, z]) = (self.0, other.0);
        Self([b * z - c * y, c * x - a * z, a * y - b * x])
    }

    /// The square of the straight distance through the sphere.
    pub(super) fn chord_squared(self, other: Self) -> f64 {
        let ([a, b, c], [x, y, z]) = (self.0, other.0);
        (a - x) * (a - x) + (b - y) * (b - y) + (c - z) * (c - z)
    }

    fn scaled(self, by: f64) -> Self {
        Self(self.0.map(|v| v * by))
    }
}

/// The angle at the middle of the earth under which a length on its surface is seen; at most half a turn.
pub(super) fn angle_of(length_m: f64) -> f64 {
    (length_m / EARTH_RADIUS_M).clamp(0.0, PI)
}

/// The square of the chord of an angle.
pub(super) fn chord_squared_of(angle: f64) -> f64 {
    let half = (angle / 2.0).sin();
    4.0 * half * half
}

/// A part of a great circle, shorter than half a turn.
#[derive(Clone, Debug)]
pub(super) struct Arc {
    from: Unit,
    to: Unit,
    /// `None` where the ends are the same point, or opposite ones.
    plane: Option<Plane>,
}

#[derive(Clone, Copy, Debug)]
struct Plane {
    normal: Unit,
    /// Points with a positive product lie beyond the beginning …
    after: Unit,
    /// … and these before the end.
    before: Unit,
}

impl Arc {
    pub(super) fn new(from: Point, to: Point) -> Self {
        let (a, b) = (Unit::of(from), Unit::of(to));
        let minus = Unit([a.0[0] - b.0[0], a.0[1] - b.0[1], a.0[2] - b.0[2]]);
        let plus = Unit([a.0[0] + b.0[0], a.0[1] + b.0[1], a.0[2] + b.0[2]]);
        let normal = minus.cross(plus);
        let length = normal.dot(normal).sqrt();
        let plane = (length > 1e-15).then(|| {
            let normal = normal.scaled(1.0 / length);
            Plane { normal, after: normal.cross(a), before: b.cross(normal) }
        });
        Self { from: a, to: b, plane }
    }

    /// Whether a point is no farther away than an angle (given as its chord squared and its sine).
    pub(super) fn is_within(&self, point: Unit, chord_squared: f64, sine: f64) -> bool {
        if point.chord_squared(self.from) <= chord_squared || point.chord_squared(self.to) <= chord_squared {
            return true;
        }
        self.plane.is_some_and(|p| point.dot(p.after) >= 0.0 && point.dot(p.before) >= 0.0 && point.dot(p.normal).abs() <= sine)
    }

    /// The box of everything within `angle` of the arc from `from` to `to`.
    pub(super) fn bounds(&self, from: Point, to: Point, angle: f64) -> GeoBox {
        let mut south = from.latitude.min(to.latitude);
        let mut north = from.latitude.max(to.latitude);
        if let Some(plane) = self.plane {
            // The northernmost point of the whole great circle, if it is a part of the arc, and the southernmost.
            let [x, y, z] = plane.normal.0;
            let flat = (x * x + y * y).sqrt();
            if flat > 1e-15 {
                let top = Unit([-z * x / flat, -z * y / flat, flat]);
                for (apex, sign) in [(top, 1.0), (top.scaled(-1.0), -1.0)] {
                    if apex.dot(plane.after) >= 0.0 && apex.dot(plane.before) >= 0.0 {
                        let latitude = sign * flat.min(1.0).asin().to_degrees();
                        south = south.min(latitude);
                        north = north.max(latitude);
                    }
                }
            }
        }
        let (west, east) = shorter_way(from.longitude, to.longitude);
        widened(south, north, west, east, angle)
    }
}

/// The longitudes between two, the shorter way around: west ≤ east, east possibly beyond 180.
fn shorter_way(a: f64, b: f64) -> (f64, f64) {
    let (low, high) = (a.min(b), a.max(b));
    if high - low > 180.0 { (high, low + 360.0) } else { (low, high) }
}

/// The box of everything within `angle` of a point.
pub(super) fn cap_bounds(center: Point, angle: f64) -> GeoBox {
    widened(center.latitude, center.latitude, center.longitude, center.longitude, angle)
}

fn widened(south: f64, north: f64, west: f64, east: f64, angle: f64) -> GeoBox {
    let degrees = angle.to_degrees() + BOX_MARGIN_DEG;
    let farthest = south.abs().max(north.abs()).to_radians();
    let (mut low, mut high) = (west, east);
    if farthest + angle + 1e-6 >= FRAC_PI_2 {
        (low, high) = (-180.0, 180.0);
    } else {
        // Where a circle around a point reaches farthest east: not at the latitude of the point, but nearer to the pole.
        let aside = (angle.sin() / farthest.cos()).min(1.0).asin().to_degrees() + BOX_MARGIN_DEG;
        low -= aside;
        high += aside;
    }
    GeoBox { south: (south - degrees).max(-90.0), north: (north + degrees).min(90.0), west: low, east: high }
}
