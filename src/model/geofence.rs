//! Areas: geofences and places.

use super::PublicId;
use policy::{AccountId, GeofenceId, PlaceId, UserId};
use serde::{Deserialize, Serialize};

/// A point, WGS 84 degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// −90 … 90.
    pub latitude: f64,
    /// −180 … 180.
    pub longitude: f64,
}

/// The form of a geofence (B63).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Shape {
    /// Everything within a distance of a point.
    Circle {
        /// The middle.
        center: Point,
        /// Metres.
        radius_m: f64,
    },
    /// A route: everything within half the width of a line.
    Corridor {
        /// The line, at least two points.
        line: Vec<Point>,
        /// Metres, both sides together.
        width_m: f64,
    },
    /// An area with holes. Rings are not closed twice: the first point is not repeated at the end.
    Polygon {
        /// The outer ring, at least three points.
        exterior: Vec<Point>,
        /// Holes.
        holes: Vec<Vec<Point>>,
    },
}

/// A geofence.
#[derive(Clone, Debug, PartialEq)]
pub struct Geofence {
    /// Inside.
    pub id: GeofenceId,
    /// Outside.
    pub public_id: PublicId,
    /// Whose.
    pub account: AccountId,
    /// For people.
    pub name: String,
    /// Where.
    pub shape: Shape,
    /// How long a device has to be inside, or outside again, before it counts, seconds.
    pub dwell_s: u32,
    /// Who made it (B16: it is the account's all the same).
    pub created_by: UserId,
    /// Raised by each edit.
    pub version: u64,
}

/// A place (point of interest).
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Inside.
    pub id: PlaceId,
    /// Outside.
    pub public_id: PublicId,
    /// Whose.
    pub account: AccountId,
    /// For people.
    pub name: String,
    /// For people; empty if there is none.
    pub address: String,
    /// Where.
    pub center: Point,
    /// Metres.
    pub radius_m: f64,
    /// Who made it.
    pub created_by: UserId,
    /// Raised by each edit.
    pub version: u64,
}
