//! A pipeline with everything around it, in a folder of its own.

use crate::clock::Clock;
use crate::config::{Config, PipelineConfig};
use crate::events::Events;
use crate::history::History;
use crate::journal::{Batch, Journal, NewEntry};
use crate::model::{
    AccountId, DefinitionSet, Definitions, DeviceId, Geofence, GeofenceId, Item, Micros, Order, Point, Position, PublicId, Rule, RuleId,
    RuleKind, Schedule, Seq, Shape, Shared, UserId,
};
use crate::pipeline::{Parts, Pipeline, PipelineHandle, Sink};
use parking_lot::Mutex;
use protocols::{Attributes, Fix, Latitude, Longitude, Record};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub const SECOND: Micros = 1_000_000;
/// 2026-06-01, noon.
pub const START: Micros = 1_780_315_200_000_000;
pub const ACCOUNT: AccountId = AccountId(1);
pub const DEPOT: GeofenceId = GeofenceId(4);
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn at_depot() -> (f64, f64) {
    (52.5, 13.4)
}

pub fn away() -> (f64, f64) {
    (52.6, 13.4)
}

pub fn fix((latitude, longitude): (f64, f64)) -> Fix {
    let (latitude, longitude) = (Latitude::new(latitude).expect("degrees"), Longitude::new(longitude).expect("degrees"));
    Fix { latitude, longitude, valid: true, altitude_m: None, speed_kmh: None, course_deg: None }
}

pub fn record(after_s: i64, place: (f64, f64)) -> Record {
    Record { fix_time: Some(START + after_s * SECOND), fix: Some(fix(place)), attributes: Attributes::new() }
}

pub fn circle(id: GeofenceId, dwell_s: u32) -> Geofence {
    let (latitude, longitude) = at_depot();
    Geofence {
        id,
        public_id: PublicId::from_u128(u128::from(id.0)),
        account: ACCOUNT,
        name: String::new(),
        shape: Shape::Circle { center: Point { latitude, longitude }, radius_m: 500.0 },
        dwell_s,
        created_by: UserId(1),
        version: 1,
    }
}

pub fn rule(id: u32, kind: RuleKind, geofences: &[GeofenceId]) -> Rule {
    Rule {
        id: RuleId(id),
        public_id: PublicId::from_u128(u128::from(id)),
        account: ACCOUNT,
        name: String::new(),
        kind,
        devices: (1..=4).map(DeviceId).collect(),
        geofences: geofences.to_vec(),
        schedule: Schedule::default(),
        enabled: true,
        created_by: UserId(1),
        version: 1,
    }
}

impl DefinitionSet {
    /// Makes or edits a geofence.
    pub fn put_geofence(&mut self, geofence: Geofence) {
        self.geofences.insert(geofence.id, Arc::new(geofence));
    }

    /// Deletes a geofence.
    pub fn remove_geofence(&mut self, id: GeofenceId) {
        self.geofences.remove(&id);
    }

    /// Makes or edits a rule.
    pub fn put_rule(&mut self, rule: Rule) {
        self.rules.insert(rule.id, Arc::new(rule));
    }
}

/// All versions there were.
#[derive(Default)]
pub struct Versions {
    sets: Mutex<Vec<Arc<DefinitionSet>>>,
    /// What is older was said not to be needed any more.
    pub oldest: Mutex<Option<u64>>,
}

impl Definitions for Versions {
    fn current_version(&self) -> u64 {
        self.sets.lock().len() as u64
    }

    fn at(&self, version: u64) -> Option<Arc<DefinitionSet>> {
        let place = usize::try_from(version).ok()?.checked_sub(1);
        place.map_or_else(|| Some(Arc::default()), |place| self.sets.lock().get(place).cloned())
    }

    fn forget_before(&self, version: u64) {
        *self.oldest.lock() = Some(version);
    }
}

impl Versions {
    fn add(&self, change: impl FnOnce(&mut DefinitionSet)) -> u64 {
        let mut sets = self.sets.lock();
        let mut set = sets.last().map(|set| (**set).clone()).unwrap_or_default();
        set.version = sets.len() as u64 + 1;
        change(&mut set);
        sets.push(Arc::new(set));
        sets.len() as u64
    }
}

#[derive(Default)]
pub struct Collected {
    items: Mutex<Vec<Shared>>,
}

impl Sink for Collected {
    fn publish(&self, items: &[Shared]) {
        self.items.lock().extend_from_slice(items);
    }
}

/// Everything that can be asked afterwards.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub history: Vec<Vec<Position>>,
    pub events: Vec<Item>,
    pub latest: Vec<Option<Position>>,
    pub states: Vec<Option<Item>>,
    pub published: Vec<Item>,
}

pub struct Rig {
    pub handle: PipelineHandle,
    pub journal: Journal,
    history: History,
    events: Events,
    pub versions: Arc<Versions>,
    pub sink: Arc<Collected>,
    pub clock: Arc<Clock>,
    holders: Mutex<Vec<(AccountId, u32)>>,
    pub config: Config,
    runtime: Runtime,
    pub dir: TempDir,
}

impl Rig {
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    pub fn with(change: impl FnOnce(&mut PipelineConfig)) -> Self {
        let mut config = Config::default();
        config.journal.segment_bytes = 1 << 20;
        config.journal.disk_margin_bytes = 0;
        change(&mut config.pipeline);
        Self::open(tempfile::tempdir().expect("a folder"), config, Arc::default(), Arc::new(Clock::standing_at(START)), Arc::default())
    }

    pub fn open(dir: TempDir, config: Config, versions: Arc<Versions>, clock: Arc<Clock>, sink: Arc<Collected>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (journal, _) = Journal::open(dir.path(), &config.journal, Arc::clone(&clock)).expect("a journal");
        for device in 0..8 {
            journal.set_current(DeviceId(device), Some(1));
        }
        let history = History::open(dir.path(), &config.history, &config.journal, journal.clone(), Arc::clone(&clock)).expect("history");
        let events = runtime.block_on(Events::open(dir.path())).expect("events");
        let parts = Parts {
            pipeline: config.pipeline.clone(),
            listener: config.listener.clone(),
            journal: journal.clone(),
            history: history.clone(),
            events: events.clone(),
            definitions: Arc::clone(&versions) as Arc<dyn Definitions>,
            sink: Arc::clone(&sink) as Arc<dyn Sink>,
        };
        let handle = Pipeline::open(dir.path(), &journal).expect("a folder").start(parts).expect("a pipeline");
        let rig = Self {
            handle,
            journal,
            history,
            events,
            versions,
            sink,
            clock,
            holders: Mutex::new(vec![(ACCOUNT, 1); 8]),
            config,
            runtime,
            dir,
        };
        rig.runtime.block_on(async { tokio::time::timeout(PATIENCE, rig.handle.caught_up()).await.expect("caught up") });
        rig
    }

    /// As after a kill: what lies on the disk now, in another folder, opened by another gateway.
    pub fn restarted(self) -> Self {
        self.settle();
        // A copy that is made while the database is written to is no image of any moment.
        self.runtime.block_on(self.events.flush()).expect("written");
        let image = tempfile::tempdir().expect("a folder");
        copy(self.dir.path(), image.path());
        Self::open(image, self.config.clone(), Arc::clone(&self.versions), Arc::clone(&self.clock), Arc::clone(&self.sink))
    }

    /// The same entries, computed anew from the first one on.
    pub fn computed_anew(&self) -> Self {
        self.settle();
        // A copy that is made while the database is written to is no image of any moment.
        self.runtime.block_on(self.events.flush()).expect("written");
        let image = tempfile::tempdir().expect("a folder");
        copy(self.dir.path(), image.path());
        for part in ["pipeline", "history"] {
            let _ = std::fs::remove_dir_all(image.path().join(part));
        }
        for file in std::fs::read_dir(image.path()).expect("listed").flatten() {
            if file.file_name().to_string_lossy().starts_with("events.db") {
                std::fs::remove_file(file.path()).expect("removed");
            }
        }
        let rig = Self::open(image, self.config.clone(), Arc::clone(&self.versions), Arc::clone(&self.clock), Arc::default());
        rig.settle();
        rig
    }

    pub fn append(&self, entry: &NewEntry<'_>) -> Seq {
        self.clock.set(self.clock.now() + 1);
        let mut batch = Batch::new();
        batch.push(entry);
        let committed = self.runtime.block_on(self.journal.append(batch)).expect("durable");
        assert_eq!(committed.refused, 0);
        committed.last_seq
    }

    /// Until everything durable is computed.
    pub fn settle(&self) {
        let mut processed = self.handle.processed();
        let wanted = self.journal.committed();
        let done = async { tokio::time::timeout(PATIENCE, processed.wait_for(|seq| *seq >= wanted)).await.expect("in time").map(|_| ()) };
        self.runtime.block_on(done).expect("the pipeline runs");
    }

    pub fn record(&self, device: DeviceId, record: &Record) -> Seq {
        let (account, generation) = self.holder(device);
        let received_at = self.clock.now();
        self.append(&NewEntry::Record { device, account, generation, received_at, protocol: 0, record })
    }

    pub fn heartbeat(&self, device: DeviceId, attributes: &Attributes) -> Seq {
        let (account, generation) = self.holder(device);
        // Later than any fix time here.
        let received_at = START + 1_000_000 * SECOND;
        self.append(&NewEntry::Heartbeat { device, account, generation, received_at, attributes })
    }

    pub fn open_session(&self, device: DeviceId, connection: u64) {
        let (account, generation) = self.holder(device);
        let received_at = self.clock.now();
        self.append(&NewEntry::SessionOpened { device, account, generation, connection, protocol: 0, received_at });
    }

    pub fn close_session(&self, device: DeviceId, connection: u64) {
        let (account, generation) = self.holder(device);
        let received_at = self.clock.now();
        self.append(&NewEntry::SessionClosed { device, account, generation, connection, received_at });
    }

    pub fn conflict(&self, device: DeviceId) {
        let (account, generation) = self.holder(device);
        let received_at = self.clock.now();
        self.append(&NewEntry::Conflict { device, account, generation, received_at });
        self.settle();
    }

    pub fn tick(&self) {
        self.append(&NewEntry::Tick { at: self.clock.now() });
    }

    pub fn wait_s(&self, seconds: i64) {
        self.clock.set(self.clock.now() + seconds * SECOND);
    }

    pub fn define(&self, change: impl FnOnce(&mut DefinitionSet)) -> Seq {
        let version = self.versions.add(change);
        self.append(&NewEntry::Changed { version })
    }

    pub fn hand_over(&self, device: DeviceId, account: AccountId, generation: u32) {
        self.holders.lock()[device.0 as usize] = (account, generation);
        self.journal.set_current(device, Some(generation));
    }

    fn holder(&self, device: DeviceId) -> (AccountId, u32) {
        self.holders.lock()[device.0 as usize]
    }

    pub fn published(&self) -> Vec<Shared> {
        self.settle();
        self.sink.items.lock().clone()
    }

    pub fn latest(&self, device: DeviceId) -> Option<Position> {
        self.settle();
        match self.handle.latest().get(device)?.item() {
            Item::Position(position) => Some(position.clone()),
            other => panic!("{other:?} as the latest position"),
        }
    }

    pub fn history(&self, device: DeviceId) -> Vec<Position> {
        self.settle();
        let range = policy::Range { from: Micros::MIN, to: Micros::MAX };
        self.history.page(device, range, None, 100_000, false).expect("a page")
    }

    pub fn events(&self) -> Vec<Item> {
        self.settle();
        let end = Order { seq: u64::MAX >> 1, ordinal: 0 };
        let events = self.runtime.block_on(self.events.since(None, Order::default(), end, 1_000_000)).expect("events");
        events.iter().map(|event| event.item().clone()).collect()
    }

    /// What was published, each item once: after a restart some come again.
    fn published_once(&self) -> Vec<Item> {
        let mut items: Vec<Item> = self.published().iter().map(|item| item.item().clone()).collect();
        items.sort_by_key(Item::order);
        items.dedup();
        items
    }

    pub fn outcome(&self) -> Outcome {
        let devices = || (0..8).map(DeviceId);
        Outcome {
            history: devices().map(|id| self.history(id)).collect(),
            events: self.events(),
            latest: devices().map(|id| self.latest(id)).collect(),
            states: devices().map(|id| self.handle.latest().state(id).map(|state| state.item().clone())).collect(),
            published: self.published_once(),
        }
    }
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for file in std::fs::read_dir(from).expect("listed").flatten() {
        let target = to.join(file.file_name());
        if file.path().is_dir() {
            copy(&file.path(), &target);
        } else {
            std::fs::copy(file.path(), target).expect("copied");
        }
    }
}
