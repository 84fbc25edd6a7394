//! Whether a shape is one: finite, in range, enough points and not too many, and rings that do not cross themselves.

use super::ChangeError;
use crate::model::{Point, Shape};

/// Largest radius or width: half of the Earth's circumference would be everything.
const METRES_MAX: f64 = 5_000_000.0;

pub(super) fn check(shape: &Shape, points_max: usize) -> Result<(), ChangeError> {
    match shape {
        Shape::Circle { center, radius_m } => {
            point("shape", *center)?;
            metres("shape", *radius_m)
        }
        Shape::Corridor { line, width_m } => {
            count(line.len(), 2, points_max)?;
            line.iter().try_for_each(|p| point("shape", *p))?;
            metres("shape", *width_m)
        }
        Shape::Polygon { exterior, holes } => {
            let points: usize = exterior.len() + holes.iter().map(Vec::len).sum::<usize>();
            count(points, 3, points_max)?;
            std::iter::once(exterior).chain(holes).try_for_each(|r| ring(r, points_max))
        }
    }
}

pub(super) fn point(field: &'static str, point: Point) -> Result<(), ChangeError> {
    let sound = (-90.0..=90.0).contains(&point.latitude) && (-180.0..=180.0).contains(&point.longitude);
    if sound { Ok(()) } else { Err(ChangeError::invalid(field, "latitude −90 to 90 and longitude −180 to 180 are needed")) }
}

pub(super) fn metres(field: &'static str, metres: f64) -> Result<(), ChangeError> {
    if metres > 0.0 && metres <= METRES_MAX {
        Ok(())
    } else {
        Err(ChangeError::invalid(field, format!("more than 0 and at most {METRES_MAX} metres are needed")))
    }
}

fn count(points: usize, min: usize, max: usize) -> Result<(), ChangeError> {
    if points > max {
        return Err(ChangeError::LimitReached { limit: "geofence_points_max", max });
    }
    if points < min { Err(ChangeError::invalid("shape", format!("at least {min} points are needed"))) } else { Ok(()) }
}

fn ring(ring: &[Point], points_max: usize) -> Result<(), ChangeError> {
    count(ring.len(), 3, points_max)?;
    ring.iter().try_for_each(|p| point("shape", *p))?;
    let flat = unrolled(ring).ok_or_else(|| ChangeError::invalid("shape", "a ring around a pole is no area on the map"))?;
    if crosses_itself(&flat) {
        return Err(ChangeError::invalid("shape", "a ring crosses or touches itself"));
    }
    Ok(())
}

/// The ring as (x, y), each step taken the short way round the Earth. `None`: it does not come back to where it began.
fn unrolled(ring: &[Point]) -> Option<Vec<(f64, f64)>> {
    let step = |from: f64, to: f64| {
        let d = to - from;
        if d > 180.0 {
            d - 360.0
        } else if d < -180.0 {
            d + 360.0
        } else {
            d
        }
    };
    let first = ring.first()?;
    let mut flat = Vec::with_capacity(ring.len());
    let (mut x, mut last) = (first.longitude, first.longitude);
    for point in ring {
        x += step(last, point.longitude);
        last = point.longitude;
        flat.push((x, point.latitude));
    }
    let end = x + step(last, first.longitude);
    ((end - first.longitude).abs() < 1.0).then_some(flat)
}

/// Whether two edges that are not neighbours meet, or two neighbours lie on each other. Edges are swept by their west ends, so that
/// only those are compared that overlap.
fn crosses_itself(ring: &[(f64, f64)]) -> bool {
    type Spot = (f64, f64);
    let n = ring.len();
    let mut edges: Vec<(usize, Spot, Spot)> = (0..n).filter_map(|i| Some((i, *ring.get(i)?, *ring.get((i + 1) % n)?))).collect();
    if edges.iter().any(|(_, a, b)| a == b) {
        return true;
    }
    let west = |edge: &(usize, Spot, Spot)| edge.1.0.min(edge.2.0);
    let east = |edge: &(usize, Spot, Spot)| edge.1.0.max(edge.2.0);
    edges.sort_by(|a, b| west(a).total_cmp(&west(b)));
    edges.iter().enumerate().any(|(at, one)| {
        let reach = east(one);
        edges.iter().skip(at + 1).take_while(|other| west(other) <= reach).any(|other| {
            let neighbours = (one.0 + 1) % n == other.0 || (other.0 + 1) % n == one.0;
            if neighbours { folds_back(one, other, n) } else { meet(one.1, one.2, other.1, other.2) }
        })
    })
}

/// Two edges with a common point that run back over each other.
fn folds_back(one: &(usize, (f64, f64), (f64, f64)), other: &(usize, (f64, f64), (f64, f64)), n: usize) -> bool {
    let (first, second) = if (one.0 + 1) % n == other.0 { (one, other) } else { (other, one) };
    let (a, b, c) = (first.1, first.2, second.2);
    turn(a, b, c) == 0.0 && (c.0 - b.0) * (a.0 - b.0) + (c.1 - b.1) * (a.1 - b.1) > 0.0
}

fn turn(a: (f64, f64), b: (f64, f64), c: (f64, f64)) -> f64 {
    (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)
}

fn meet(a: (f64, f64), b: (f64, f64), c: (f64, f64), d: (f64, f64)) -> bool {
    let on = |p: (f64, f64), q: (f64, f64), r: (f64, f64)| {
        (p.0.min(q.0)..=p.0.max(q.0)).contains(&r.0) && (p.1.min(q.1)..=p.1.max(q.1)).contains(&r.1)
    };
    let (t1, t2, t3, t4) = (turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b));
    if ((t1 > 0.0) != (t2 > 0.0)) && t1 != 0.0 && t2 != 0.0 && ((t3 > 0.0) != (t4 > 0.0)) && t3 != 0.0 && t4 != 0.0 {
        return true;
    }
    (t1 == 0.0 && on(a, b, c)) || (t2 == 0.0 && on(a, b, d)) || (t3 == 0.0 && on(c, d, a)) || (t4 == 0.0 && on(c, d, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(list: &[(f64, f64)]) -> Vec<Point> {
        list.iter().map(|(longitude, latitude)| Point { latitude: *latitude, longitude: *longitude }).collect()
    }

    fn polygon(list: &[(f64, f64)]) -> Result<(), ChangeError> {
        check(&Shape::Polygon { exterior: points(list), holes: vec![] }, 100)
    }

    #[test]
    fn rings_are_taken_or_refused() {
        assert_eq!(polygon(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]), Ok(()));
        assert_eq!(polygon(&[(179.0, 0.0), (-179.0, 0.0), (-179.0, 1.0), (179.0, 1.0)]), Ok(()), "over the antimeridian");
        for (why, ring) in [
            ("two points", vec![(0.0, 0.0), (1.0, 0.0)]),
            ("a bow tie", vec![(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)]),
            ("closed twice", vec![(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)]),
            ("flat", vec![(0.0, 0.0), (1.0, 0.0), (2.0, 0.0)]),
            ("touching itself", vec![(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (1.0, 0.0), (0.0, 2.0)]),
            ("around the pole", vec![(0.0, 80.0), (120.0, 80.0), (-120.0, 80.0)]),
            ("not a number", vec![(0.0, 0.0), (1.0, f64::NAN), (1.0, 1.0)]),
            ("out of range", vec![(0.0, 0.0), (1.0, 91.0), (1.0, 1.0)]),
        ] {
            assert!(polygon(&ring).is_err(), "{why}");
        }
        let many: Vec<_> = (0..101).map(|i| (f64::from(i) / 10.0, f64::from(i * i) / 1000.0)).collect();
        assert_eq!(polygon(&many), Err(ChangeError::LimitReached { limit: "geofence_points_max", max: 100 }));
    }

    #[test]
    fn circles_and_corridors_have_a_size() {
        let center = Point { latitude: 1.0, longitude: 2.0 };
        assert!(check(&Shape::Circle { center, radius_m: 10.0 }, 10).is_ok());
        for radius_m in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(check(&Shape::Circle { center, radius_m }, 10).is_err());
        }
        assert!(check(&Shape::Corridor { line: vec![center], width_m: 10.0 }, 10).is_err());
    }
}
