//! Shapes as GeoJSON geometries (RFC 7946), with `radius_m` of a circle and `width_m` of a route beside the coordinates.

use super::problem::Problem;
use crate::model::{Point, Shape};
use serde::{Deserialize, Serialize};

/// Longitude, latitude.
type Spot = [f64; 2];

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub(super) enum Geometry {
    /// A circle.
    Point { coordinates: Spot, radius_m: f64 },
    /// A route.
    LineString { coordinates: Vec<Spot>, width_m: f64 },
    /// An area: the outer ring, then the holes; each ring ends where it began.
    Polygon { coordinates: Vec<Vec<Spot>> },
}

/// The middle of a place.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub(super) enum Middle {
    Point { coordinates: Spot },
}

const fn point([longitude, latitude]: Spot) -> Point {
    Point { latitude, longitude }
}

const fn spot(point: &Point) -> Spot {
    [point.longitude, point.latitude]
}

impl Middle {
    pub const fn of(center: &Point) -> Self {
        Self::Point { coordinates: spot(center) }
    }

    pub const fn point(&self) -> Point {
        let Self::Point { coordinates } = self;
        point(*coordinates)
    }
}

impl Geometry {
    pub fn of(shape: &Shape) -> Self {
        let closed = |ring: &Vec<Point>| ring.iter().chain(ring.first()).map(spot).collect();
        match shape {
            Shape::Circle { center, radius_m } => Self::Point { coordinates: spot(center), radius_m: *radius_m },
            Shape::Corridor { line, width_m } => Self::LineString { coordinates: line.iter().map(spot).collect(), width_m: *width_m },
            Shape::Polygon { exterior, holes } => {
                Self::Polygon { coordinates: std::iter::once(exterior).chain(holes).map(closed).collect() }
            }
        }
    }

    pub fn shape(self) -> Result<Shape, Problem> {
        Ok(match self {
            Self::Point { coordinates, radius_m } => Shape::Circle { center: point(coordinates), radius_m },
            Self::LineString { coordinates, width_m } => Shape::Corridor { line: coordinates.into_iter().map(point).collect(), width_m },
            Self::Polygon { coordinates } => {
                let mut rings = coordinates.into_iter().map(open_ring);
                let exterior = rings.next().ok_or_else(|| Problem::invalid("shape.coordinates", "an outer ring is needed"))??;
                Shape::Polygon { exterior, holes: rings.collect::<Result<_, _>>()? }
            }
        })
    }
}

fn open_ring(ring: Vec<Spot>) -> Result<Vec<Point>, Problem> {
    match (ring.first(), ring.last()) {
        (Some(first), Some(last)) if ring.len() > 1 && first == last => {
            let points = ring.len().saturating_sub(1);
            Ok(ring.into_iter().take(points).map(point).collect())
        }
        _ => Err(Problem::invalid("shape.coordinates", "a ring ends where it began")),
    }
}
