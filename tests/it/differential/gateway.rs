//! The product: directory, router, outboxes and delivery as they are, fed with items as the pipeline would make them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use parking_lot::RwLock;
use policy::{Action, DeviceId, Observed, Resource, UserId, Verdict, Viewer, admit};
use purview::clock::Clock;
use purview::config::DeliveryConfig;
use purview::delivery::{Backlog, Caught, Cursors, Delivery, Sources, Who};
use purview::directory::{Barrier, Cut, DeviceView, Directory, GeofenceView, PlaceView, RuleView, Session, Snapshot};
use purview::model::{Item, Names, Order, PublicId, Shared};
use purview::router::{CloseReason, Compile, Outgoing, Router, SessionId, Stream, Subscription, Touched};
use spec::{Answer, Id, Observation, Operation, Seen, Spot, World};
use tokio::runtime::Runtime;

use super::compare::{Got, Product, judged, newer, seq_of};
use super::ground::Ground;
use super::items;
use super::scenery::{Ask, BEGINNING, Step};

struct Compiler(Directory);

impl Compile for Compiler {
    fn compile(&self, user: UserId, generation: u64) -> Option<Viewer> {
        self.0.snapshot().viewer(user, generation)
    }
}

struct Enforcer(Arc<Router>);

fn session_of(session: purview::directory::SessionId) -> SessionId {
    SessionId(session.0)
}

impl Barrier for Enforcer {
    fn enforce<'a>(&'a self, cut: &'a Cut) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let touched = Touched {
                users: cut.users.clone(),
                accounts: cut.everyone_in.clone(),
                closed_sessions: cut.closed_sessions.iter().map(|it| session_of(*it)).collect(),
                closed_users: cut.closed_users.clone(),
                narrowed: cut.narrows,
            };
            self.0.enforce(&touched).await;
        })
    }
}

/// What was recorded, in order.
#[derive(Clone)]
struct Log {
    items: Arc<RwLock<Vec<Shared>>>,
    directory: Directory,
}

impl Sources for Log {
    fn names(&self) -> Arc<dyn Names + Send + Sync> {
        self.directory.snapshot()
    }
    fn device(&self, public: PublicId) -> Option<DeviceId> {
        self.directory.snapshot().device_of_public(public).map(|it| it.id)
    }
    fn latest(&self, _: DeviceId) -> Option<Shared> {
        None
    }
    fn state(&self, _: DeviceId) -> Option<Shared> {
        None
    }
    fn since(&self, backlog: &Backlog<'_>) -> Caught {
        let asked = |it: &&Shared| {
            let (item, order) = (it.item(), it.item().order());
            item.account() == backlog.account && backlog.devices.contains(&item.device()) && backlog.after < order && order <= backlog.up_to
        };
        let items: Vec<Shared> = self.items.read().iter().filter(asked).take(backlog.items_max).cloned().collect();
        Caught { items, truncated: false }
    }
}

/// The rooms, put together.
pub struct Gateway {
    ground: Ground,
    clock: Arc<Clock>,
    delivery: Delivery,
    log: Log,
    latest: BTreeMap<Id, (spec::Position, Shared)>,
    streams: BTreeMap<Id, (Arc<Stream>, Session)>,
    runtime: Runtime,
}

impl Gateway {
    pub fn new(world: &World) -> Gateway {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let clock = Arc::new(Clock::standing_at(BEGINNING));
        let ground = Ground::new(&runtime, &clock, world);
        let compiler = Arc::new(Compiler(ground.directory.clone()));
        let router = Arc::new(Router::new(DeliveryConfig::default(), Arc::clone(&clock), compiler));
        ground.directory.set_barrier(Arc::new(Enforcer(Arc::clone(&router))));
        let log = Log { items: Arc::default(), directory: ground.directory.clone() };
        let delivery = Delivery { router, sources: Arc::new(log.clone()), cursors: Cursors::new(&[1; 32]), clock: Arc::clone(&clock) };
        Gateway { ground, clock, delivery, log, latest: BTreeMap::new(), streams: BTreeMap::new(), runtime }
    }

    fn open_at(&mut self, user: Id, after: Option<Order>) -> Option<(Arc<Stream>, Session)> {
        let session = self.ground.sign_in(&self.runtime, user)?;
        let who = Who { user: session.user, account: session.account, session: session_of(session.id) };
        let stream = self.delivery.router.open(who.user, who.session, Subscription::everything(), after).ok()?;
        self.delivery.begin(who, &stream, after);
        Some((stream, session))
    }

    fn told(&self, viewer: &Viewer, now: i64, wanted: impl Fn(&Item) -> bool) -> Vec<Seen> {
        let log = self.log.items.read();
        let admitted = log.iter().filter(|it| wanted(it.item())).filter_map(|it| admit(it.clone(), viewer, now).ok());
        admitted.map(|it| items::seen(it.item(), &self.ground.ids)).collect()
    }

    /// All that a stream gives now.
    fn take(&self, stream: &Stream) -> Vec<Seen> {
        let (mut taken, mut seen) = (Vec::new(), Vec::new());
        while stream.outbox().take(&mut taken, 256) {
            for outgoing in taken.drain(..) {
                match outgoing {
                    Outgoing::Item(permitted) => seen.push(items::seen(permitted.item(), &self.ground.ids)),
                    Outgoing::Truncated | Outgoing::Lagged(_) => panic!("nothing is lost here"),
                    Outgoing::AccessChanged | Outgoing::SnapshotBegin | Outgoing::SnapshotEnd(_) => {}
                }
            }
            stream.outbox().sent();
        }
        seen
    }

    fn history(&self, viewer: &Viewer, now: i64, device: Id, from: i64, to: i64) -> Got {
        let snapshot = self.ground.directory.snapshot();
        let id = self.ground.ids.device(device);
        let visible = snapshot.device(id).and_then(|it| admitted(DeviceView { device: Arc::clone(it), hardware: false }, viewer, now));
        if visible.is_none() {
            return Got::NotFound;
        }
        let Some(range) = policy::clamp(viewer, id, policy::Range { from, to }, now) else { return Got::Seen(Vec::new()) };
        let mut rows = self.told(viewer, now, |it| matches!(it, Item::Position(_)) && it.device() == id);
        rows.retain(|it| matches!(it, Seen::Position(it) if (range.from..=range.to).contains(&judged(it))));
        rows.sort_by_key(|it| if let Seen::Position(it) = it { (judged(it), it.seq) } else { (0, 0) });
        Got::Seen(rows)
    }

    fn visits(&self, viewer: &Viewer, now: i64) -> Vec<Seen> {
        let mut newest = BTreeMap::new();
        for shared in self.log.items.read().iter() {
            if let Item::Visit(visit) = shared.item()
                && let Some(shared) = admitted(shared.clone(), viewer, now)
            {
                newest.insert(visit.id, items::seen(&shared, &self.ground.ids));
            }
        }
        let mut visits: Vec<Seen> = newest.into_values().collect();
        visits.sort_by_key(seq_of);
        visits
    }

    fn devices(&self, snapshot: &Snapshot, viewer: &Viewer, now: i64) -> Vec<Id> {
        let views = snapshot.devices_of(viewer.account).map(|it| DeviceView { device: Arc::clone(it), hardware: false });
        views.filter_map(|it| admitted(it, viewer, now)).map(|it| self.ground.ids.devices.back(it.device.id.0)).collect()
    }

    fn rules(&self, snapshot: &Snapshot, viewer: &Viewer, now: i64) -> Got {
        let ids = &self.ground.ids;
        let views = snapshot.rules_of(viewer.account).map(|it| RuleView::whole(Arc::clone(it)));
        let told = views.filter_map(|it| admitted(it, viewer, now)).map(|it| {
            let devices = it.devices.iter().map(|it| ids.devices.back(it.0)).collect();
            let spots = it.geofences.iter().map(|it| Spot::Geofence(ids.geofences.back(it.0))).collect();
            (ids.rules.back(it.rule.id.0), spec::RuleView { devices, spots })
        });
        Got::Rules(told.collect())
    }

    fn latest(&self, snapshot: &Snapshot, viewer: &Viewer, now: i64) -> Got {
        let latest = |id: &Id| {
            let (position, shared) = self.latest.get(id)?;
            admitted(shared.clone(), viewer, now).map(|_| *position)
        };
        Got::Latest(self.devices(snapshot, viewer, now).into_iter().map(|id| (id, latest(&id))).collect())
    }
}

fn admitted<T: Observed>(item: T, viewer: &Viewer, now: i64) -> Option<T> {
    admit(item, viewer, now).ok().map(policy::Permitted::into_inner)
}

impl Product for Gateway {
    fn change(&mut self, step: &Step, by: Id, operation: &Operation) -> Option<Answer> {
        self.clock.set(step.now);
        let leaver = match operation {
            Operation::Disable { user } | Operation::DeleteUser { user } | Operation::Logout { user } => Some(*user),
            _ => None,
        };
        let session = leaver.and_then(|user| self.streams.get(&user)).map(|(_, session)| *session);
        let answer = self.ground.ask(&self.runtime, by, operation, step.seq, session);
        if let Some(user) = leaver.filter(|_| answer == Answer::Yes)
            && let Some((stream, _)) = self.streams.remove(&user)
        {
            assert!(stream.outbox().closed().is_some(), "the stream of a user who is shut out is closed (P6): {operation:?}");
        }
        Some(answer)
    }

    fn observe(&mut self, step: &Step, observation: &Observation) {
        self.clock.set(step.now);
        let ids = &self.ground.ids;
        let device = ids.device(items::device(observation));
        let Some(account) = self.ground.directory.snapshot().device(device).map(|it| it.account) else { return };
        let shared = Shared::new(items::item(account, observation, ids));
        if let Observation::Position(position) = observation
            && self.latest.get(&position.device).is_none_or(|(old, _)| newer(position, old))
        {
            self.latest.insert(position.device, (*position, shared.clone()));
        }
        self.log.items.write().push(shared.clone());
        self.delivery.router.publish(&[shared]);
    }

    fn open(&mut self, step: &Step, user: Id) {
        self.clock.set(step.now);
        if let Some((old, _)) = self.streams.remove(&user) {
            self.delivery.router.close(&old, CloseReason::Gone);
        }
        if let Some(opened) = self.open_at(user, None) {
            self.streams.insert(user, opened);
        }
    }

    fn drain(&mut self, step: &Step, user: Id) -> Vec<Seen> {
        self.clock.set(step.now);
        self.streams.get(&user).map(|(stream, _)| self.take(stream)).unwrap_or_default()
    }

    fn read(&mut self, step: &Step, user: Id, ask: &Ask) -> Got {
        self.clock.set(step.now);
        let now = step.now;
        if let Ask::Resume { after } = ask {
            // What was published of an entry is behind all of its ordinals.
            let Some((stream, _)) = self.open_at(user, Some(Order { seq: *after, ordinal: u32::MAX })) else { return Got::SignedOut };
            let seen = self.take(&stream);
            self.delivery.router.close(&stream, CloseReason::Gone);
            return Got::Seen(seen);
        }
        let Some(body) = self.delivery.router.body(self.ground.ids.user(user)) else { return Got::SignedOut };
        let (viewer, snapshot) = (body.viewer(), self.ground.directory.snapshot());
        let resource = match ask {
            Ask::History { .. } | Ask::Resume { .. } => Resource::Position,
            Ask::Latest | Ask::Devices => Resource::Device,
            Ask::Visits => Resource::Visit,
            Ask::Alerts => Resource::Alert,
            Ask::Geofences => Resource::Geofence,
            Ask::Places => Resource::Place,
            Ask::Rules => Resource::AlertRule,
        };
        if matches!(policy::may(viewer, resource, Action::See), Verdict::Forbid(_)) {
            return Got::Forbidden;
        }
        let ids = &self.ground.ids;
        match ask {
            Ask::History { device, from, to } => self.history(viewer, now, *device, *from, *to),
            Ask::Latest => self.latest(&snapshot, viewer, now),
            Ask::Devices => Got::Ids(self.devices(&snapshot, viewer, now).into_iter().collect()),
            Ask::Visits => Got::Seen(self.visits(viewer, now)),
            Ask::Alerts => Got::Seen(self.told(viewer, now, |it| matches!(it, Item::Alert(_)))),
            Ask::Geofences => {
                let views = snapshot.geofences_of(viewer.account).map(|it| GeofenceView(Arc::clone(it)));
                Got::Ids(views.filter_map(|it| admitted(it, viewer, now)).map(|it| ids.geofences.back(it.0.id.0)).collect())
            }
            Ask::Places => {
                let views = snapshot.places_of(viewer.account).map(|it| PlaceView(Arc::clone(it)));
                Got::Ids(views.filter_map(|it| admitted(it, viewer, now)).map(|it| ids.places.back(it.0.id.0)).collect())
            }
            Ask::Rules => self.rules(&snapshot, viewer, now),
            Ask::Resume { .. } => unreachable!("answered above"),
        }
    }
}

/// Stands where the router stood, so that the two let go of each other.
struct Nobody;

impl Barrier for Nobody {
    fn enforce<'a>(&'a self, _: &'a Cut) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.ground.directory.set_barrier(Arc::new(Nobody));
        self.ground.close(&self.runtime);
    }
}
