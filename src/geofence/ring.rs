//! A ring of a polygon, unrolled in longitude, and whether a point is in it.

use super::shape::GeoBox;
use crate::model::Point;

/// A ring with fewer edges is looked through whole.
const EDGES_UNSORTED_MAX: usize = 32;

/// An edge as a function of latitude: which longitude it passes at. The lower end belongs to it, the upper does not, so that a
/// point on the line between two areas lies in exactly one of them.
#[derive(Clone, Copy, Debug)]
struct Edge {
    low: f64,
    high: f64,
    longitude_at_low: f64,
    slope: f64,
}

/// A ring. Its longitudes are unrolled: from each point to the next it is never more than half a turn.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    bounds: GeoBox,
    bands_per_degree: f64,
    /// The edges by bands of latitude, south to north; an edge stands in each band that it touches.
    edges: Box<[Edge]>,
    /// Where each band begins in `edges`, and the last one ends; empty: there is one band.
    bands: Box<[u32]>,
}

impl Ring {
    /// `None` for fewer than three points.
    pub(super) fn new(points: &[Point]) -> Option<Self> {
        if points.len() < 3 {
            return None;
        }
        let unrolled = unroll(points);
        let mut bounds = GeoBox { south: f64::MAX, north: f64::MIN, west: f64::MAX, east: f64::MIN };
        for &(longitude, latitude) in &unrolled {
            bounds.south = bounds.south.min(latitude);
            bounds.north = bounds.north.max(latitude);
            bounds.west = bounds.west.min(longitude);
            bounds.east = bounds.east.max(longitude);
        }
        let edges: Vec<Edge> = unrolled.iter().zip(unrolled.iter().cycle().skip(1)).filter_map(|(a, b)| edge(*a, *b)).collect();
        let height = bounds.north - bounds.south;
        let mut count = if edges.len() <= EDGES_UNSORTED_MAX || height <= 0.0 { 1 } else { edges.len() / 8 };
        while count > 1 {
            let bands_per_degree = count as f64 / height;
            if let Some((edges, bands)) = into_bands(&edges, bounds.south, bands_per_degree, count) {
                return Some(Self { bounds, bands_per_degree, edges, bands });
            }
            count /= 2;
        }
        Some(Self { bounds, bands_per_degree: 0.0, edges: edges.into_boxed_slice(), bands: Box::default() })
    }

    pub(super) const fn bounds(&self) -> GeoBox {
        self.bounds
    }

    /// Whether a point is inside, by counting the edges east of it.
    pub(super) fn holds(&self, point: Point) -> bool {
        let GeoBox { south, north, west, east } = self.bounds;
        if !(south..=north).contains(&point.latitude) {
            return false;
        }
        let mut longitude = point.longitude;
        if longitude < west || longitude > east {
            longitude += 360.0 * ((west - longitude) / 360.0).ceil();
        } else if longitude - west >= 360.0 {
            longitude -= 360.0 * ((longitude - west) / 360.0).floor();
        }
        while longitude <= east {
            if self.is_odd(longitude, point.latitude) {
                return true;
            }
            longitude += 360.0;
        }
        false
    }

    fn is_odd(&self, longitude: f64, latitude: f64) -> bool {
        let edges = if self.bands.is_empty() { &self.edges } else { self.band(latitude) };
        let crossed = |e: &&Edge| latitude >= e.low && latitude < e.high && longitude < e.longitude_at_low + (latitude - e.low) * e.slope;
        edges.iter().filter(crossed).count() % 2 == 1
    }

    fn band(&self, latitude: f64) -> &[Edge] {
        // A cast of a number out of range saturates: the first or the last band.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let band = (((latitude - self.bounds.south) * self.bands_per_degree) as usize).min(self.bands.len().saturating_sub(2));
        match self.bands.get(band..band + 2) {
            Some([begin, end]) => self.edges.get(*begin as usize..*end as usize).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// Longitudes that go on from point to point instead of jumping at the antimeridian. A ring that does not come back to where it
/// began has gone around a pole: it is closed over the nearer one.
fn unroll(points: &[Point]) -> Vec<(f64, f64)> {
    let mut unrolled: Vec<(f64, f64)> = Vec::with_capacity(points.len() + 3);
    let mut turns = 0.0;
    let mut last = points.first().map_or(0.0, |p| p.longitude);
    for point in points {
        turns += turn(last, point.longitude);
        last = point.longitude;
        unrolled.push((point.longitude + turns, point.latitude));
    }
    if let (Some(first), Some(&(begin, latitude))) = (points.first(), unrolled.first()) {
        turns += turn(last, first.longitude);
        if turns != 0.0 {
            let pole = if points.iter().map(|p| p.latitude).sum::<f64>() >= 0.0 { 91.0 } else { -91.0 };
            unrolled.extend([(begin + turns, latitude), (begin + turns, pole), (begin, pole)]);
        }
    }
    unrolled
}

/// What has to be added so that the way from one longitude to the next is the shorter one.
fn turn(from: f64, to: f64) -> f64 {
    if to - from > 180.0 {
        -360.0
    } else if to - from < -180.0 {
        360.0
    } else {
        0.0
    }
}

fn edge(a: (f64, f64), b: (f64, f64)) -> Option<Edge> {
    // Always from south to north, so that the two areas beside an edge compute the very same line.
    let ((x, low), (to_x, high)) = if a.1 <= b.1 { (a, b) } else { (b, a) };
    (low < high).then(|| Edge { low, high, longitude_at_low: x, slope: (to_x - x) / (high - low) })
}

/// Edges by bands, and where each band begins.
type Banded = (Box<[Edge]>, Box<[u32]>);

/// `None` if long edges would be copied into too many bands.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn into_bands(edges: &[Edge], south: f64, per_degree: f64, count: usize) -> Option<Banded> {
    let band_of = |latitude: f64| (((latitude - south) * per_degree) as usize).min(count - 1);
    let copies: usize = edges.iter().map(|e| band_of(e.high) - band_of(e.low) + 1).sum();
    if copies > edges.len() * 4 {
        return None;
    }
    let mut bands = vec![Vec::new(); count];
    for edge in edges {
        for band in bands.iter_mut().take(band_of(edge.high) + 1).skip(band_of(edge.low)) {
            band.push(*edge);
        }
    }
    let mut begins = vec![0];
    for band in &bands {
        begins.push(begins.last().copied().unwrap_or(0) + band.len() as u32);
    }
    Some((bands.concat().into_boxed_slice(), begins.into_boxed_slice()))
}
