//! The index against looking at every geofence, and the forms against other people's geometry (`geo`).

use super::*;
use crate::model::Shape;
use geo::{Contains, Destination, Distance, Haversine};
use proptest::prelude::*;
use uuid::Uuid;

fn point(latitude: f64, longitude: f64) -> Point {
    Point { latitude, longitude }
}

fn geofence(id: u32, account: u32, shape: Shape) -> Geofence {
    Geofence {
        id: GeofenceId(id),
        public_id: Uuid::from_u128(u128::from(id)),
        account: AccountId(account),
        name: String::new(),
        shape,
        dwell_s: 0,
        created_by: crate::model::UserId(1),
        version: 1,
    }
}

fn holds(shape: Shape, at: Point) -> bool {
    let fences = AccountFences::bulk(&[&geofence(1, 1, shape)]);
    let mut inside = Vec::new();
    fences.inside(at, &mut inside);
    !inside.is_empty()
}

fn polygon(exterior: &[(f64, f64)], holes: &[&[(f64, f64)]]) -> Shape {
    let ring = |points: &[(f64, f64)]| points.iter().map(|(lat, lon)| point(*lat, *lon)).collect::<Vec<_>>();
    Shape::Polygon { exterior: ring(exterior), holes: holes.iter().map(|h| ring(h)).collect() }
}

#[test]
fn a_circle_ends_at_its_radius_everywhere() {
    for (lat, lon) in [(0.0, 0.0), (52.5, 13.4), (0.0, 180.0), (-45.0, -179.9999), (89.9, 10.0), (-90.0, 0.0), (71.0, 179.99)] {
        for radius_m in [10.0, 5_000.0, 300_000.0] {
            let circle = Shape::Circle { center: point(lat, lon), radius_m };
            for bearing in (0..360).step_by(15) {
                let center = geo::Point::new(lon, lat);
                for (part, expected) in [(0.999, true), (1.001, false)] {
                    let at = Haversine.destination(center, f64::from(bearing), radius_m * part);
                    let longitude = (at.x() + 540.0).rem_euclid(360.0) - 180.0;
                    let found = holds(circle.clone(), point(at.y().clamp(-90.0, 90.0), longitude));
                    assert_eq!(found, expected, "{lat} {lon} {radius_m} m, bearing {bearing}, {part}");
                }
            }
        }
    }
}

#[test]
fn a_circle_over_a_pole_holds_all_longitudes() {
    let circle = Shape::Circle { center: point(89.5, 0.0), radius_m: 100_000.0 };
    for longitude in [-180.0, -90.0, 0.0, 90.0, 180.0] {
        assert!(holds(circle.clone(), point(89.9, longitude)), "{longitude}");
        assert!(holds(circle.clone(), point(90.0, longitude)), "the pole itself, {longitude}");
    }
    assert!(!holds(circle, point(89.0, 180.0)));
}

#[test]
fn a_polygon_across_the_antimeridian_is_small() {
    let fiji = polygon(
        &[(-20.0, 177.0), (-20.0, -178.0), (-15.0, -178.0), (-15.0, 177.0)],
        &[&[(-18.0, 179.5), (-18.0, -179.5), (-17.0, -179.5), (-17.0, 179.5)]],
    );
    for (lat, lon, expected) in [
        (-16.0, 178.0, true),
        (-16.0, -179.0, true),
        (-16.0, 180.0, true),
        (-16.0, -180.0, true),
        (-17.5, 180.0, false),
        (-17.5, -180.0, false),
        (-17.5, -179.7, false),
        (-17.5, 179.7, false),
        (-17.5, 179.4, true),
        (-16.0, 0.0, false),
        (-16.0, 176.9, false),
        (-16.0, -177.9, false),
    ] {
        assert_eq!(holds(fiji.clone(), point(lat, lon)), expected, "{lat} {lon}");
    }
}

#[test]
fn a_ring_around_a_pole_holds_the_pole() {
    let cap = polygon(&[(80.0, 0.0), (80.0, 90.0), (80.0, 180.0), (80.0, -90.0)], &[]);
    for longitude in [-180.0, -135.0, -1.0, 0.0, 1.0, 45.0, 179.0, 180.0] {
        assert!(holds(cap.clone(), point(85.0, longitude)), "{longitude}");
        assert!(holds(cap.clone(), point(90.0, longitude)), "{longitude}");
        assert!(!holds(cap.clone(), point(79.0, longitude)), "{longitude}");
    }
    let south = polygon(&[(-80.0, -90.0), (-80.0, 180.0), (-80.0, 90.0), (-80.0, 0.0)], &[]);
    assert!(holds(south.clone(), point(-90.0, 33.0)) && holds(south.clone(), point(-85.0, 179.9)) && !holds(south, point(85.0, 0.0)));
}

#[test]
fn neighbours_share_no_point_of_their_border() {
    let border = [(52.1, 13.01), (52.2, 13.07), (52.3, 13.03)];
    let west = polygon(&[border[0], border[1], border[2], (52.3, 12.0), (52.1, 12.0)], &[]);
    let east = polygon(&[border[2], border[1], border[0], (52.1, 14.0), (52.3, 14.0)], &[]);
    for step in 0..1_000 {
        let part = f64::from(step) / 1_000.0;
        let (from, to) = if part < 0.5 { (border[0], border[1]) } else { (border[1], border[2]) };
        let along = (part % 0.5) * 2.0;
        let at = point(from.0 + (to.0 - from.0) * along, from.1 + (to.1 - from.1) * along);
        assert_eq!(u8::from(holds(west.clone(), at)) + u8::from(holds(east.clone(), at)), 1, "{at:?}");
    }
}

#[test]
fn a_corridor_has_round_ends_and_an_even_width() {
    let line = vec![point(52.0, 13.0), point(52.0, 13.1), point(52.1, 13.1)];
    let corridor = Shape::Corridor { line: line.clone(), width_m: 200.0 };
    let (begin, end) = (geo::Point::new(13.0, 52.0), geo::Point::new(13.1, 52.1));
    for (from, bearing) in [(begin, 270.0), (begin, 225.0), (begin, 315.0), (end, 0.0), (end, 45.0)] {
        for (meters, expected) in [(99.0, true), (101.0, false)] {
            let at = Haversine.destination(from, bearing, meters);
            assert_eq!(holds(corridor.clone(), point(at.y(), at.x())), expected, "{from:?} {bearing} {meters}");
        }
    }
    let middle = geo::Point::new(13.1, 52.05);
    for (bearing, meters, expected) in [(90.0, 99.0, true), (90.0, 101.0, false), (270.0, 99.0, true), (270.0, 101.0, false)] {
        let at = Haversine.destination(middle, bearing, meters);
        assert_eq!(holds(corridor.clone(), point(at.y(), at.x())), expected, "{bearing} {meters}");
    }
    let ocean = Shape::Corridor { line: vec![point(60.0, 170.0), point(60.0, -170.0)], width_m: 20_000.0 };
    // The great circle between two points at 60° north runs well north of 60° in the middle.
    assert!(holds(ocean.clone(), point(60.38, 180.0)) && holds(ocean.clone(), point(60.38, -180.0)) && !holds(ocean, point(60.0, 180.0)));
}

#[test]
fn what_holds_nothing_breaks_nothing() {
    for shape in [
        Shape::Corridor { line: vec![], width_m: 5.0 },
        polygon(&[(1.0, 1.0), (2.0, 2.0)], &[]),
        polygon(&[(1.0, 1.0), (1.0, 1.0), (1.0, 1.0)], &[]),
    ] {
        assert!(!holds(shape, point(1.0, 1.0)));
    }
    assert!(holds(Shape::Corridor { line: vec![point(1.0, 1.0)], width_m: 5.0 }, point(1.0, 1.0)), "a line of one point is a circle");
}

fn any_point() -> impl Strategy<Value = Point> {
    prop_oneof![
        3 => (-3.0..3.0_f64, -3.0..3.0_f64),
        2 => (-3.0..3.0_f64, 177.0..183.0_f64),
        1 => (86.0..90.0_f64, -180.0..180.0_f64),
    ]
    .prop_map(|(lat, lon)| point(lat, if lon > 180.0 { lon - 360.0 } else { lon }))
}

fn near(center: Point, count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Point>> {
    prop::collection::vec((-2.0..2.0_f64, -2.0..2.0_f64), count).prop_map(move |offsets| {
        offsets
            .into_iter()
            .map(|(lat, lon)| point((center.latitude + lat).clamp(-90.0, 90.0), (center.longitude + lon + 540.0).rem_euclid(360.0) - 180.0))
            .collect()
    })
}

fn any_shape() -> impl Strategy<Value = Shape> {
    any_point().prop_flat_map(|center| {
        prop_oneof![
            (10.0..400_000.0_f64).prop_map(move |radius_m| Shape::Circle { center, radius_m }),
            (near(center, 2..6), 100.0..100_000.0_f64).prop_map(|(line, width_m)| Shape::Corridor { line, width_m }),
            (near(center, 3..9), prop::collection::vec(near(center, 3..5), 0..2))
                .prop_map(|(exterior, holes)| Shape::Polygon { exterior, holes }),
            near(center, 40..120).prop_map(|exterior| Shape::Polygon { exterior, holes: vec![] }),
        ]
    })
}

/// Naive: one form, all of it, no boxes and no bands.
fn naive(shape: &Shape, at: Point) -> Option<bool> {
    let place = geo::Point::new(at.longitude, at.latitude);
    match shape {
        Shape::Circle { center, radius_m } => {
            let distance = Haversine.distance(place, geo::Point::new(center.longitude, center.latitude));
            decided(distance, *radius_m)
        }
        Shape::Corridor { line, width_m } => {
            let distance = line.windows(2).map(|w| sampled_distance(w[0], w[1], at)).fold(f64::MAX, f64::min);
            decided(distance, width_m / 2.0)
        }
        Shape::Polygon { exterior, holes } => {
            let unrolled = |ring: &[Point]| {
                let mut last = at.longitude;
                let mut out: Vec<(f64, f64)> = Vec::new();
                for p in ring {
                    let mut lon = p.longitude;
                    while lon - last > 180.0 {
                        lon -= 360.0;
                    }
                    while last - lon > 180.0 {
                        lon += 360.0;
                    }
                    last = lon;
                    out.push((lon, p.latitude));
                }
                out
            };
            let rings: Vec<_> = std::iter::once(exterior).chain(holes).map(|r| unrolled(r)).collect();
            // A ring around the pole is tested by hand above.
            if rings.iter().any(|r| (r[0].0 - r[r.len() - 1].0).abs() > 180.0) {
                return None;
            }
            let odd = |ring: &Vec<(f64, f64)>| {
                let area = geo::Polygon::new(geo::LineString::from(ring.clone()), vec![]);
                is_simple(ring).then(|| area.contains(&place))
            };
            let outer = odd(&rings[0])?;
            let holes = rings[1..].iter().map(odd).collect::<Option<Vec<bool>>>()?;
            Some(outer && !holes.contains(&true))
        }
    }
}

/// `None` too near to the line to say.
fn decided(distance: f64, limit: f64) -> Option<bool> {
    ((distance - limit).abs() > 1e-3 * limit.max(1.0)).then_some(distance <= limit)
}

/// Where lines cross each other, "inside" is a matter of definition, which another library may see differently.
fn is_simple(ring: &[(f64, f64)]) -> bool {
    let side = |a: (f64, f64), b: (f64, f64), c: (f64, f64)| (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0);
    let n = ring.len();
    for i in 0..n {
        for j in i + 2..n {
            if i == 0 && j == n - 1 {
                continue;
            }
            let (a, b, c, d) = (ring[i], ring[(i + 1) % n], ring[j], ring[(j + 1) % n]);
            if side(a, b, c) * side(a, b, d) <= 0.0 && side(c, d, a) * side(c, d, b) <= 0.0 {
                return false;
            }
        }
    }
    true
}

fn sampled_distance(from: Point, to: Point, at: Point) -> f64 {
    use geo::InterpolatePoint;
    let (a, b) = (geo::Point::new(from.longitude, from.latitude), geo::Point::new(to.longitude, to.latitude));
    let place = geo::Point::new(at.longitude, at.latitude);
    let distance = |part: f64| Haversine.distance(place, Haversine.point_at_ratio_between(a, b, part));
    // The distance along an arc has one valley: closing in on it finds the bottom.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..80 {
        let (left, right) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if distance(left) <= distance(right) { high = right } else { low = left }
    }
    distance(f64::midpoint(low, high)).min(distance(0.0)).min(distance(1.0))
}

/// Every part of a form, without the index.
fn whole(shape: &Shape, at: Point) -> bool {
    let (ready, boxes) = Ready::new(shape);
    (0..).zip(&boxes).any(|(part, _)| ready.holds(part, &mut Probe::new(at)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn each_form_agrees_with_another_library(shape in any_shape(), points in prop::collection::vec(any_point(), 1..60)) {
        for at in points {
            if let Some(expected) = naive(&shape, at) {
                prop_assert_eq!(holds(shape.clone(), at), expected, "{:?} {:?}", shape, at);
            }
        }
    }

    #[test]
    fn the_index_finds_what_looking_at_each_finds(
        shapes in prop::collection::vec(any_shape(), 1..60),
        changes in prop::collection::vec((0_u32..60, prop::option::of(any_shape())), 0..20),
        points in prop::collection::vec(any_point(), 1..40),
    ) {
        let mut set = DefinitionSet::default();
        for (shape, id) in shapes.into_iter().zip(0..) {
            set.geofences.insert(GeofenceId(id), Arc::new(geofence(id, id % 2, shape)));
        }
        let mut fences = Fences::new(&Arc::new(set.clone()));
        for (id, change) in changes {
            let was = if let Some(shape) = change {
                set.geofences.insert(GeofenceId(id), Arc::new(geofence(id, id % 2, shape)));
                false
            } else {
                set.geofences.remove(&GeofenceId(id)).is_some()
            };
            prop_assert_eq!(!fences.switch(&Arc::new(set.clone())).is_empty(), was);
        }
        let mut inside = Vec::new();
        for at in points {
            for account in [0, 1] {
                let mut expected: Vec<GeofenceId> = set.geofences.values().filter(|g| g.account == AccountId(account))
                    .filter(|g| whole(&g.shape, at))
                    .map(|g| g.id).collect();
                expected.sort_unstable();
                inside.clear();
                if let Some(of) = fences.of(AccountId(account)) { of.inside(at, &mut inside) }
                prop_assert_eq!(&inside, &expected, "{:?}", at);
            }
        }
    }
}
