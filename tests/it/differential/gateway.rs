//! The product: a whole gateway in this process. Positions go through the journal and the pipeline; visits and alerts are put into the
//! event store and published as the pipeline does it; what viewers get is taken from their outboxes and from the reading functions that
//! the interface is made of.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use policy::{Action, Observed, Permitted, Resource, Seq, Verdict, Viewer, admit};
use protocols::{Attributes, Fix, Latitude, Longitude, Record};
use purview::api::reads::{self, HistoryAsked, ListAsked, Page, Stores};
use purview::clock::Clock;
use purview::config::{Config, DirectoryConfig, JournalConfig, ListenerConfig};
use purview::delivery::Who;
use purview::directory::{DeviceView, Session};
use purview::events::EventQuery;
use purview::journal::{Batch, NewEntry};
use purview::model::{Item, Order, Shared};
use purview::router::{CloseReason, Outgoing, SessionId, Stream, Subscription};
use spec::{Answer, Id, Observation, Operation, Position, Seen, Spot, World};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::compare::{Got, Product, seq_of};
use super::ground::Ground;
use super::items;
use super::places::Places;
use super::scenery::{Ask, BEGINNING, Step};

/// Rows of one page: few, so that pages are turned.
const PAGE_ROWS: usize = 40;

/// A gateway of its own, in a folder of its own.
pub struct Gateway {
    gateway: Option<purview::gateway::Gateway>,
    stores: Stores,
    ground: Ground,
    clock: Arc<Clock>,
    places: Places,
    streams: BTreeMap<Id, Arc<Stream>>,
    sessions: BTreeMap<Id, Session>,
    /// Connections of devices, and to whom they were told.
    states: RefCell<Vec<(Id, Id)>>,
    runtime: Runtime,
    _folder: TempDir,
}

/// Memory, where the system has a folder of it: what is synced there costs nothing.
fn folder() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder")
}

fn config(dir: &std::path::Path) -> Config {
    let mut config = Config {
        data_dir: dir.to_path_buf(),
        directory: DirectoryConfig { durable: false, password_memory_kib: 8, password_passes: 1, ..DirectoryConfig::default() },
        journal: JournalConfig { segment_bytes: 4 * 1024 * 1024, disk_margin_bytes: 0, ..JournalConfig::default() },
        listener: ListenerConfig {
            bind: "127.0.0.1".to_owned(),
            ports: BTreeMap::from([("osmand".to_owned(), 0)]),
            mqtt: false,
            ..ListenerConfig::default()
        },
        ..Config::default()
    };
    // Time is that of the steps: a tick between two of them, on a slow machine, would record the next a microsecond later.
    config.pipeline.tick_s = 24 * 3_600;
    config.api.bind = "127.0.0.1:0".to_owned();
    config.telemetry.bind = "127.0.0.1:0".to_owned();
    config
}

impl Gateway {
    pub fn new(world: &World) -> Gateway {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let clock = Arc::new(Clock::standing_at(BEGINNING));
        let folder = folder();
        let started = runtime.block_on(purview::gateway::Gateway::start(config(folder.path()), Arc::clone(&clock)));
        let gateway = started.unwrap_or_else(|error| panic!("{error}"));
        let stores = Stores {
            directory: gateway.directory().clone(),
            history: gateway.history().clone(),
            events: gateway.events().clone(),
            commands: gateway.commands().clone(),
            latest: Arc::clone(gateway.latest()),
        };
        let ground = Ground::new(&runtime, gateway.directory().clone(), world);
        let (gateway, places) = (Some(gateway), Places::default());
        Gateway {
            gateway,
            stores,
            ground,
            clock,
            places,
            streams: BTreeMap::new(),
            sessions: BTreeMap::new(),
            states: RefCell::default(),
            runtime,
            _folder: folder,
        }
    }

    fn whole(&self) -> &purview::gateway::Gateway {
        self.gateway.as_ref().expect("it runs until it is dropped")
    }

    fn session(&mut self, user: Id) -> Option<Session> {
        if !self.sessions.contains_key(&user) {
            let session = self.ground.sign_in(&self.runtime, user)?;
            self.sessions.insert(user, session);
        }
        self.sessions.get(&user).copied()
    }

    fn open_at(&mut self, user: Id, after: Option<Order>) -> Option<Arc<Stream>> {
        let session = self.session(user)?;
        let who = Who { user: session.user, account: session.account, session: SessionId(session.id.0) };
        let delivery = self.whole().delivery();
        let stream = delivery.router.open(who.user, who.session, Subscription::everything(), after).ok()?;
        let _inside = self.runtime.enter();
        delivery.begin(who, &stream, after);
        Some(stream)
    }

    /// All that a stream gives now.
    fn take(&self, user: Id, stream: &Stream) -> Vec<Seen> {
        let (mut taken, mut seen) = (Vec::new(), Vec::new());
        while stream.outbox().take(&mut taken, 256) {
            for outgoing in taken.drain(..) {
                match outgoing {
                    Outgoing::Item(permitted) => match permitted.item().item() {
                        Item::DeviceState(state) => self.states.borrow_mut().push((user, self.ground.ids.devices.back(state.device.0))),
                        _ => seen.extend(self.seen(&permitted)),
                    },
                    Outgoing::Truncated | Outgoing::Lagged(_) => panic!("nothing is lost here"),
                    Outgoing::AccessChanged | Outgoing::SnapshotBegin | Outgoing::SnapshotEnd(_) => {}
                }
            }
            stream.outbox().sent();
        }
        seen
    }

    /// As the specification would tell it; what is sent is held against it.
    fn seen(&self, permitted: &Permitted<Shared>) -> Option<Seen> {
        let shared = permitted.item();
        let snapshot = self.stores.directory.snapshot();
        let json = shared.json(&*snapshot);
        if let Some(visit) = shared.visit() {
            assert_eq!(json.contains("\"entered_at\":null"), visit.entered_at.is_none(), "{json}");
            let length = visit.entered_at.and(visit.exited_at);
            assert_eq!(json.contains("\"duration_s\":null"), length.is_none(), "{json}");
        }
        let device = snapshot.device(shared.item().device()).map(|it| it.public_id.to_string());
        assert!(device.is_none_or(|it| json.contains(&it)), "{json}");
        let told = !matches!(shared.item(), Item::DeviceState(_));
        told.then(|| self.places.asked(items::seen(shared, &self.ground.ids)))
    }

    /// Appends one entry to the journal; its place.
    fn append(&self, entry: &NewEntry<'_>) -> Seq {
        let mut batch = Batch::new();
        batch.push(entry);
        let journal = self.whole().journal();
        let committed = self.runtime.block_on(journal.append(batch)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(committed.refused, 0, "the device is current");
        self.runtime.block_on(self.whole().settled());
        committed.last_seq
    }

    fn record(&self, position: &Position) -> Seq {
        let snapshot = self.stores.directory.snapshot();
        let device = snapshot.device(self.ground.ids.device(position.device)).expect("it is registered");
        let degrees = (Latitude::new(10.0), Longitude::new(10.0));
        let (Some(latitude), Some(longitude)) = degrees else { panic!("degrees") };
        let fix = Fix { latitude, longitude, valid: true, altitude_m: None, speed_kmh: None, course_deg: None };
        let record = Record { fix_time: position.fix_time, fix: Some(fix), attributes: Attributes::default() };
        self.append(&NewEntry::Record {
            device: device.id,
            account: device.account,
            generation: device.generation,
            received_at: position.recorded_at,
            protocol: 1,
            record: &record,
        })
    }

    /// A visit or an alert, as if it had followed from an entry of the journal.
    fn tell(&self, observation: &Observation) -> Seq {
        let snapshot = self.stores.directory.snapshot();
        let device = snapshot.device(self.ground.ids.device(items::device(observation))).expect("it is registered");
        let seq = self.append(&NewEntry::Tick { at: self.clock.now() });
        let shared = [Shared::new(items::item(device.account, observation, Order { seq, ordinal: 1 }, &self.ground.ids))];
        self.stores.events.append(&shared);
        self.whole().router().publish(&shared);
        seq
    }

    fn all<T, Place>(&self, page: impl Fn(Option<Place>) -> Page<T, Place>, mut row: impl FnMut(&Permitted<T>)) {
        let mut next = None;
        loop {
            let page = page(next.take());
            page.rows.iter().for_each(&mut row);
            next = page.next;
            if next.is_none() {
                return;
            }
        }
    }

    fn history(&self, viewer: &Viewer, now: i64, device: Id, range: policy::Range) -> Got {
        let id = self.ground.ids.device(device);
        let snapshot = self.stores.directory.snapshot();
        if !snapshot.device(id).is_some_and(|it| sees(DeviceView { device: Arc::clone(it), hardware: false }, viewer, now)) {
            return Got::NotFound;
        }
        let mut seen = Vec::new();
        // From either end: the answer is the same.
        let descending = range.to % 2 == 0;
        let page = |after| {
            let asked = HistoryAsked { device: id, range, after, rows_max: PAGE_ROWS, descending };
            reads::history_page(&self.stores, viewer, &asked, now).unwrap_or_else(|error| panic!("{error}"))
        };
        self.all(page, |it| seen.extend(self.seen(it)));
        if descending {
            seen.reverse();
        }
        Got::Seen(seen)
    }

    fn events(&self, viewer: &Viewer, now: i64, visits: bool) -> Got {
        let mut seen = Vec::new();
        let page = |after| {
            let asked = EventQuery { after, ..EventQuery::all(PAGE_ROWS) };
            let page = self.runtime.block_on(async {
                match visits {
                    true => reads::visits(&self.stores, viewer, &asked, now).await,
                    false => reads::alerts(&self.stores, viewer, &asked, now).await,
                }
            });
            page.unwrap_or_else(|error| panic!("{error}"))
        };
        self.all(page, |it| seen.extend(self.seen(it)));
        seen.sort_by_key(seq_of);
        Got::Seen(seen)
    }

    fn rules(&self, viewer: &Viewer, now: i64) -> Got {
        let ids = &self.ground.ids;
        let mut told = BTreeMap::new();
        let page = |after| reads::rules(&self.stores, viewer, &asked(after), now);
        self.all(page, |it| {
            let view = it.item();
            let devices = view.devices.iter().map(|it| ids.devices.back(it.0)).collect();
            let spots = view.geofences.iter().map(|it| Spot::Geofence(ids.geofences.back(it.0))).collect();
            told.insert(ids.rules.back(view.rule.id.0), spec::RuleView { devices, spots });
        });
        Got::Rules(told)
    }

    fn answer(&self, viewer: &Viewer, now: i64, ask: &Ask) -> Got {
        let (stores, ids) = (&self.stores, &self.ground.ids);
        let mut found = Vec::new();
        match ask {
            Ask::History { device, from, to } => return self.history(viewer, now, *device, policy::Range { from: *from, to: *to }),
            Ask::Visits => return self.events(viewer, now, true),
            Ask::Alerts => return self.events(viewer, now, false),
            Ask::Rules => return self.rules(viewer, now),
            Ask::Latest => {
                let mut latest = BTreeMap::new();
                self.all(|after| reads::latest(stores, viewer, &asked(after), now), |it| put_latest(&mut latest, self.seen(it)));
                return Got::Latest(latest);
            }
            Ask::Devices => self
                .all(|after| reads::devices(stores, viewer, &asked(after), now), |it| found.push(ids.devices.back(it.item().device.id.0))),
            Ask::Geofences => self
                .all(|after| reads::geofences(stores, viewer, &asked(after), now), |it| found.push(ids.geofences.back(it.item().0.id.0))),
            Ask::Places => {
                self.all(|after| reads::places(stores, viewer, &asked(after), now), |it| found.push(ids.places.back(it.item().0.id.0)))
            }
            Ask::Resume { .. } => unreachable!("it is a stream"),
        }
        Got::Ids(found.into_iter().collect())
    }
}

fn asked(after: Option<u32>) -> ListAsked {
    ListAsked { after, rows_max: 3, search: None }
}

fn put_latest(latest: &mut BTreeMap<Id, Position>, seen: Option<Seen>) {
    if let Some(Seen::Position(it)) = seen {
        latest.insert(it.device, it);
    }
}

fn sees<T: Observed>(item: T, viewer: &Viewer, now: i64) -> bool {
    admit(item, viewer, now).is_ok()
}

impl Product for Gateway {
    fn change(&mut self, step: &Step, by: Id, operation: &Operation) -> Option<Answer> {
        self.clock.set(step.now);
        let leaver = match operation {
            Operation::Disable { user } | Operation::DeleteUser { user } | Operation::Logout { user } => Some(*user),
            _ => None,
        };
        let session = match operation {
            Operation::Logout { user } => self.session(*user),
            _ => None,
        };
        let answer = self.ground.ask(&self.runtime, by, operation, session);
        if let Some(user) = leaver.filter(|_| answer == Answer::Yes) {
            self.sessions.remove(&user);
            if let Some(stream) = self.streams.remove(&user) {
                assert!(stream.outbox().closed().is_some(), "the stream of a user who is shut out is closed (P6): {operation:?}");
            }
        }
        Some(answer)
    }

    fn observe(&mut self, step: &Step, observation: &Observation) {
        self.clock.set(step.now);
        let seq = match observation {
            Observation::Position(position) => self.record(position),
            Observation::Visit(_) | Observation::Alert(_) => self.tell(observation),
        };
        self.places.put(step.seq, seq);
    }

    fn open(&mut self, step: &Step, user: Id) -> BTreeMap<Id, Position> {
        self.clock.set(step.now);
        if let Some(old) = self.streams.remove(&user) {
            self.whole().router().close(&old, CloseReason::Gone);
        }
        let mut begun = BTreeMap::new();
        if let Some(stream) = self.open_at(user, None) {
            self.take(user, &stream).into_iter().for_each(|it| put_latest(&mut begun, Some(it)));
            self.streams.insert(user, stream);
        }
        begun
    }

    fn drain(&mut self, step: &Step, user: Id) -> Vec<Seen> {
        self.clock.set(step.now);
        self.streams.get(&user).map(|stream| self.take(user, stream)).unwrap_or_default()
    }

    fn states(&mut self) -> Vec<(Id, Id)> {
        std::mem::take(self.states.get_mut())
    }

    fn read(&mut self, step: &Step, user: Id, ask: &Ask) -> Got {
        self.clock.set(step.now);
        if let Ask::Resume { after } = ask {
            let order = Order { seq: self.places.given(*after), ordinal: u32::MAX };
            let Some(stream) = self.open_at(user, Some(order)) else { return Got::SignedOut };
            let seen = self.take(user, &stream);
            self.whole().router().close(&stream, CloseReason::Gone);
            return Got::Seen(seen);
        }
        let Some(body) = self.whole().router().body(self.ground.ids.user(user)) else { return Got::SignedOut };
        let resource = match ask {
            Ask::History { .. } | Ask::Resume { .. } => Resource::Position,
            Ask::Latest => Resource::LatestPosition,
            Ask::Devices => Resource::Device,
            Ask::Visits => Resource::Visit,
            Ask::Alerts => Resource::Alert,
            Ask::Geofences => Resource::Geofence,
            Ask::Places => Resource::Place,
            Ask::Rules => Resource::AlertRule,
        };
        if matches!(policy::may(body.viewer(), resource, Action::See), Verdict::Forbid(_)) {
            return Got::Forbidden;
        }
        self.answer(body.viewer(), step.now, ask)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        for stream in self.streams.values() {
            self.whole().router().close(stream, CloseReason::Gone);
        }
        if let Some(gateway) = self.gateway.take() {
            self.runtime.block_on(gateway.stop());
        }
    }
}
