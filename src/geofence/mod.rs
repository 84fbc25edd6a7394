//! Room: geofence
//! Takes: positions in fix order, geofences. Gives: which geofences a point lies in; enters, exits, visits under way.
//! May import: model
//! Invariant: no clock and no state besides what is passed in; the same positions give the same visits.
//!
//! The earth is a sphere. Circles and corridors are measured along great circles; the edges of a polygon are straight in
//! longitude and latitude (as GeoJSON has them), and take the shorter way around where they cross the antimeridian. A ring that
//! goes around a pole holds the pole nearer to it.

mod grid;
mod index;
mod presence;
mod ring;
mod shape;
mod sphere;

pub use index::{AccountFences, Fences};
pub use presence::{Crossing, Ended, Presence, Reading, Stay};
