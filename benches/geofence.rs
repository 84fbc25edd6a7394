//! What a look-up among many geofences costs. Budget: 300 ns with 100,000 polygons.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use purview::geofence::{Fences, Presence, Reading};
use purview::model::{AccountId, DefinitionSet, Geofence, GeofenceId, Order, Point, PublicId, Shape, UserId};
use std::hint::black_box;
use std::sync::Arc;

/// A small generator of numbers that are the same each time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn point(&mut self) -> Point {
        Point { latitude: 47.0 + self.next() * 7.0, longitude: 6.0 + self.next() * 9.0 }
    }
}

fn star(center: Point, radius_deg: f64, points: u32) -> Vec<Point> {
    (0..points)
        .map(|i| {
            let (sin, cos) = (f64::from(i) / f64::from(points) * std::f64::consts::TAU).sin_cos();
            let radius = radius_deg * if i % 2 == 0 { 1.0 } else { 0.6 };
            Point { latitude: center.latitude + sin * radius, longitude: center.longitude + cos * radius * 1.5 }
        })
        .collect()
}

fn set(count: u32, shape: impl Fn(&mut Numbers, u32) -> Shape) -> Arc<DefinitionSet> {
    let mut numbers = Numbers(1);
    let mut set = DefinitionSet::default();
    for id in 1..=count {
        let geofence = Geofence {
            id: GeofenceId(id),
            public_id: PublicId::from_u128(u128::from(id)),
            account: AccountId(1),
            name: String::new(),
            shape: shape(&mut numbers, id),
            dwell_s: 0,
            created_by: UserId(1),
            version: 1,
        };
        set.geofences.insert(geofence.id, Arc::new(geofence));
    }
    Arc::new(set)
}

fn polygons(count: u32) -> Arc<DefinitionSet> {
    set(count, |n, id| Shape::Polygon { exterior: star(n.point(), 0.012, 8 + id % 24), holes: vec![] })
}

fn mixed(count: u32) -> Arc<DefinitionSet> {
    set(count, |n, id| match id % 3 {
        0 => Shape::Circle { center: n.point(), radius_m: 1_500.0 },
        1 => {
            let from = n.point();
            let to = Point { latitude: from.latitude + 0.02, longitude: from.longitude + 0.03 };
            Shape::Corridor { line: vec![from, to], width_m: 300.0 }
        }
        _ => Shape::Polygon { exterior: star(n.point(), 0.012, 16), holes: vec![] },
    })
}

fn lookups(c: &mut Criterion) {
    for (name, set) in [("100,000 polygons", polygons(100_000)), ("10,000 mixed", mixed(10_000))] {
        let fences = Fences::new(&set);
        let of = fences.of(AccountId(1)).expect("geofences");
        let mut numbers = Numbers(7);
        // Each device moves on a little: neighbouring look-ups of one device, many devices in turn.
        let mut devices: Vec<Point> = (0..2_000).map(|_| numbers.point()).collect();
        let mut inside = Vec::new();
        let mut at = 0;
        c.bench_function(&format!("look-up, {name}"), |b| {
            b.iter(|| {
                at = (at + 1) % devices.len();
                let place = &mut devices[at];
                place.latitude = 47.0 + (place.latitude - 47.0 + 0.000_3) % 7.0;
                of.inside(black_box(*place), &mut inside);
                black_box(inside.len())
            });
        });
    }
}

fn presence(c: &mut Criterion) {
    let mut presence = Presence::default();
    let inside = [GeofenceId(3), GeofenceId(9)];
    let place = Point { latitude: 1.0, longitude: 1.0 };
    let mut out = Vec::new();
    let mut at = 0;
    c.bench_function("presence, nothing changed", |b| {
        b.iter(|| {
            at += 1;
            presence.update(Reading { at, place }, black_box(&inside), |_| 0, Order { seq: 1, ordinal: 1 }, &mut out);
            out.clear();
        });
    });
}

fn changes(c: &mut Criterion) {
    let set = polygons(100_000);
    let mut fences = Fences::new(&set);
    let mut changed = (*set).clone();
    let mut numbers = Numbers(3);
    c.bench_function("one geofence of 100,000 edited", |b| {
        b.iter_batched(
            || {
                let id = GeofenceId(1 + (numbers.next() * 99_999.0) as u32);
                let mut geofence = (*changed.geofences[&id]).clone();
                geofence.shape = Shape::Polygon { exterior: star(numbers.point(), 0.012, 12), holes: vec![] };
                changed.geofences.insert(id, Arc::new(geofence));
                Arc::new(changed.clone())
            },
            |set| black_box(fences.switch(&set)),
            BatchSize::PerIteration,
        );
    });
}

criterion_group!(benches, lookups, presence, changes);
criterion_main!(benches);
