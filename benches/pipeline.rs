//! What the pipeline costs a position, from the journal's blocks to history, events and a sink: 2,000 devices, 10,000 geofences,
//! two rules a device, batches of 20 records. Budget: 2 µs.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use protocols::{Attributes, Fix, Latitude, Longitude, Name, Record, Value};
use purview::clock::Clock;
use purview::config::Config;
use purview::events::Events;
use purview::history::History;
use purview::journal::{Batch, Journal, NewEntry};
use purview::model::{
    AccountId, DefinitionSet, Definitions, DeviceId, Geofence, GeofenceId, Point, PublicId, Rule, RuleId, RuleKind, Schedule, Shape,
    Shared, UserId,
};
use purview::pipeline::{Parts, Pipeline, Sink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const DEVICES: u32 = 2_000;
const GEOFENCES: u32 = 10_000;
const RECORDS: u32 = 400_000;
const BATCH: u32 = 20;
const START: i64 = 1_780_315_200_000_000;

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

struct OneVersion(Arc<DefinitionSet>);

impl Definitions for OneVersion {
    fn current_version(&self) -> u64 {
        self.0.version
    }

    fn at(&self, version: u64) -> Option<Arc<DefinitionSet>> {
        (version == self.0.version).then(|| Arc::clone(&self.0))
    }

    fn forget_before(&self, _version: u64) {}
}

#[derive(Default)]
struct Counted {
    items: AtomicU64,
}

impl Sink for Counted {
    fn publish(&self, items: &[Shared]) {
        self.items.fetch_add(items.len() as u64, Ordering::Relaxed);
    }
}

fn definitions() -> OneVersion {
    let mut numbers = Numbers(1);
    let mut set = DefinitionSet { version: 1, ..DefinitionSet::default() };
    for id in 1..=GEOFENCES {
        let center = numbers.point();
        let shape = if id % 2 == 0 {
            Shape::Circle { center, radius_m: 1_500.0 }
        } else {
            let corner = |n: u32| {
                let (sin, cos) = (f64::from(n) / 12.0 * std::f64::consts::TAU).sin_cos();
                Point { latitude: center.latitude + sin * 0.012, longitude: center.longitude + cos * 0.018 }
            };
            Shape::Polygon { exterior: (0..12).map(corner).collect(), holes: vec![] }
        };
        let geofence = Geofence {
            id: GeofenceId(id),
            public_id: PublicId::from_u128(u128::from(id)),
            account: AccountId(1),
            name: String::new(),
            shape,
            dwell_s: 0,
            created_by: UserId(1),
            version: 1,
        };
        set.geofences.insert(geofence.id, Arc::new(geofence));
    }
    for (id, kind, geofences) in
        [(1, RuleKind::Overspeed { faster_than_kmh: 110.0 }, vec![]), (2, RuleKind::GeofenceEnter {}, (1..=100).map(GeofenceId).collect())]
    {
        let rule = Rule {
            id: RuleId(id),
            public_id: PublicId::from_u128(u128::from(id)),
            account: AccountId(1),
            name: String::new(),
            kind,
            devices: (1..=DEVICES).map(DeviceId).collect(),
            geofences,
            schedule: Schedule::default(),
            enabled: true,
            created_by: UserId(1),
            version: 1,
        };
        set.rules.insert(rule.id, Arc::new(rule));
    }
    OneVersion(Arc::new(set))
}

fn record(at: i64, place: Point, speed_kmh: f32) -> Record {
    let mut attributes = Attributes::new();
    attributes.set(Name::Ignition, Value::Bool(true));
    attributes.set(Name::ExternalPowerMv, Value::Int(12_400));
    attributes.set(Name::BatteryLevelPct, Value::Int(87));
    attributes.set(Name::GsmSignalPct, Value::Int(70));
    attributes.set(Name::Satellites, Value::Int(11));
    let (latitude, longitude) = (Latitude::new(place.latitude).expect("degrees"), Longitude::new(place.longitude).expect("degrees"));
    let fix = Fix { latitude, longitude, valid: true, altitude_m: Some(120.0), speed_kmh: Some(speed_kmh), course_deg: Some(90.0) };
    Record { fix_time: Some(at), fix: Some(fix), attributes }
}

fn fill(journal: &Journal, clock: &Clock, runtime: &tokio::runtime::Runtime) {
    let mut numbers = Numbers(7);
    let mut changed = Batch::new();
    changed.push(&NewEntry::Changed { version: 1 });
    runtime.block_on(journal.append(changed)).expect("durable");
    let mut places: Vec<Point> = (0..DEVICES).map(|_| numbers.point()).collect();
    let mut sent = 0;
    let mut round = 0;
    while sent < RECORDS {
        let mut batch = Batch::new();
        for device in 1..=DEVICES {
            let place = &mut places[device as usize - 1];
            for n in 0..BATCH {
                place.latitude = 47.0 + (place.latitude - 47.0 + 0.000_2) % 7.0;
                let at = START + i64::from(round * BATCH + n) * 1_000_000;
                let record = record(at, *place, (numbers.next() * 112.0) as f32);
                let device = DeviceId(device);
                let account = AccountId(1);
                batch.push(&NewEntry::Record { device, account, generation: 1, received_at: at, protocol: 0, record: &record });
                sent += 1;
            }
            if batch.bytes_len() > 256 * 1024 {
                runtime.block_on(journal.append(std::mem::take(&mut batch))).expect("durable");
            }
        }
        round += 1;
        clock.set(START + i64::from(round * BATCH) * 1_000_000);
        if !batch.is_empty() {
            runtime.block_on(journal.append(batch)).expect("durable");
        }
    }
}

/// Everything anew over the same journal: from the first block to the last item published.
fn compute(dir: &Path, journal: &Journal, definitions: &Arc<dyn Definitions>, runtime: &tokio::runtime::Runtime) -> Duration {
    let config = Config::default();
    let state = tempfile::tempdir_in(dir).expect("a folder");
    let clock = Arc::new(Clock::system());
    let history = History::open(state.path(), &config.history, &config.journal, journal.clone(), clock).expect("history");
    let events = runtime.block_on(Events::open(state.path())).expect("events");
    let sink = Arc::new(Counted::default());
    let parts = Parts {
        pipeline: config.pipeline.clone(),
        listener: config.listener,
        journal: journal.clone(),
        history,
        events,
        definitions: Arc::clone(definitions),
        sink: Arc::clone(&sink) as Arc<dyn Sink>,
    };
    let pipeline = Pipeline::open(state.path(), journal).expect("a folder");
    let begun = Instant::now();
    let handle = pipeline.start(parts).expect("a pipeline");
    let mut processed = handle.processed();
    runtime.block_on(processed.wait_for(|seq| *seq >= journal.committed())).expect("the pipeline runs");
    let took = begun.elapsed();
    assert!(sink.items.load(Ordering::Relaxed) >= u64::from(RECORDS));
    took
}

fn positions(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let clock = Arc::new(Clock::standing_at(START));
    let mut config = Config::default();
    config.journal.disk_margin_bytes = 0;
    let (journal, _) = Journal::open(dir.path(), &config.journal, Arc::clone(&clock)).expect("a journal");
    for device in 1..=DEVICES {
        journal.set_current(DeviceId(device), Some(1));
    }
    fill(&journal, &clock, &runtime);
    let definitions: Arc<dyn Definitions> = Arc::new(definitions());
    let mut group = c.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(u64::from(RECORDS))).sample_size(10);
    group.bench_function("400,000 positions", |b| {
        b.iter_custom(|times| (0..times).map(|_| compute(dir.path(), &journal, &definitions, &runtime)).sum());
    });
    group.finish();
}

criterion_group!(benches, positions);
criterion_main!(benches);
