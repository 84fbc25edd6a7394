//! The product's rooms that fan out and deliver, over a plain log: live streams and resume are theirs, the rest is as in `bare`.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use policy::{AccountId, DeviceId, UserId, Viewer};
use purview::clock::Clock;
use purview::config::DeliveryConfig;
use purview::delivery::{Backlog, Caught, Cursors, Delivery, Sources, Who};
use purview::model::{Names, Order, PublicId, Shared};
use purview::router::{CloseReason, Compile, Outgoing, Router, SessionId, Stream, Subscription, Touched};
use spec::{Answer, Id, Observation, Operation, Seen, World};

use super::bare::{self, Bare};
use super::compare::{Got, Product};
use super::items;
use super::scenery::{Ask, BEGINNING, Step, answer};

/// The world as the router's compiler reads it, and what was published.
#[derive(Default)]
struct Ground {
    world: World,
    log: Vec<Shared>,
}

#[derive(Clone)]
struct Grounds(Arc<RwLock<Ground>>);

impl Compile for Grounds {
    fn compile(&self, user: UserId, generation: u64) -> Option<Viewer> {
        bare::compile(&self.0.read().world, user.0, generation)
    }
}

struct Nameless;

impl Names for Nameless {
    fn device(&self, _: DeviceId) -> Option<PublicId> {
        None
    }
    fn geofence(&self, _: policy::GeofenceId) -> Option<PublicId> {
        None
    }
    fn rule(&self, _: policy::RuleId) -> Option<PublicId> {
        None
    }
}

impl Sources for Grounds {
    fn names(&self) -> Arc<dyn Names + Send + Sync> {
        Arc::new(Nameless)
    }
    fn device(&self, _: PublicId) -> Option<DeviceId> {
        None
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
        let items: Vec<Shared> = self.0.read().log.iter().filter(asked).take(backlog.items_max).cloned().collect();
        Caught { items, truncated: false }
    }
}

/// Router, outboxes and delivery as they are; what surrounds them is plain.
pub struct Live {
    bare: Bare,
    ground: Grounds,
    clock: Arc<Clock>,
    delivery: Delivery,
    streams: BTreeMap<Id, Arc<Stream>>,
    sessions: u64,
    runtime: tokio::runtime::Runtime,
}

impl Live {
    pub fn new(world: &World) -> Live {
        let ground = Grounds(Arc::new(RwLock::new(Ground { world: world.clone(), log: Vec::new() })));
        let clock = Arc::new(Clock::standing_at(BEGINNING));
        let router = Arc::new(Router::new(DeliveryConfig::default(), Arc::clone(&clock), Arc::new(ground.clone())));
        let sources = Arc::new(ground.clone());
        let delivery = Delivery { router, sources, cursors: Cursors::new(&[1; 32]), clock: Arc::clone(&clock) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        Live { bare: Bare::new(world), ground, clock, delivery, streams: BTreeMap::new(), sessions: 0, runtime }
    }

    fn open_at(&mut self, user: Id, after: Option<Order>) -> Option<Arc<Stream>> {
        self.sessions += 1;
        let account = AccountId(self.ground.0.read().world.users.get(&user)?.account);
        let who = Who { user: UserId(user), account, session: SessionId(self.sessions) };
        let stream = self.delivery.router.open(who.user, who.session, Subscription::everything(), after).ok()?;
        self.delivery.begin(who, &stream, after);
        Some(stream)
    }
}

/// All that a stream gives now.
pub fn take(stream: &Stream) -> Vec<Seen> {
    let (mut taken, mut seen) = (Vec::new(), Vec::new());
    while stream.outbox().take(&mut taken, 256) {
        for outgoing in taken.drain(..) {
            match outgoing {
                Outgoing::Item(permitted) => seen.push(items::seen(permitted.item())),
                Outgoing::Truncated | Outgoing::Lagged(_) => panic!("nothing is lost here"),
                Outgoing::AccessChanged | Outgoing::SnapshotBegin | Outgoing::SnapshotEnd(_) => {}
            }
        }
        stream.outbox().sent();
    }
    seen
}

impl Product for Live {
    fn change(&mut self, step: &Step, by: Id, operation: &Operation) -> Option<Answer> {
        self.clock.set(step.now);
        if answer(&self.ground.0.read().world, by, operation, step.now) != Answer::Yes {
            return None;
        }
        self.bare.change(step, by, operation);
        self.ground.0.write().world.apply(operation, step.seq);
        let mut touched = Touched { users: self.streams.keys().map(|user| UserId(*user)).collect(), narrowed: true, ..Touched::default() };
        if let Operation::Disable { user } | Operation::DeleteUser { user } | Operation::Logout { user } = operation {
            touched.closed_users.push(UserId(*user));
            self.streams.remove(user);
        }
        self.runtime.block_on(self.delivery.router.enforce(&touched));
        None
    }

    fn observe(&mut self, step: &Step, observation: &Observation) {
        self.clock.set(step.now);
        self.bare.observe(step, observation);
        let shared = Shared::new(items::item(self.bare.account_of(observation), observation));
        self.ground.0.write().log.push(shared.clone());
        self.delivery.router.publish(&[shared]);
    }

    fn open(&mut self, step: &Step, user: Id) {
        self.clock.set(step.now);
        if let Some(old) = self.streams.remove(&user) {
            self.delivery.router.close(&old, CloseReason::Gone);
        }
        if let Some(stream) = self.open_at(user, None) {
            self.streams.insert(user, stream);
        }
    }

    fn drain(&mut self, step: &Step, user: Id) -> Vec<Seen> {
        self.clock.set(step.now);
        self.streams.get(&user).map(|stream| take(stream)).unwrap_or_default()
    }

    fn read(&mut self, step: &Step, user: Id, ask: &Ask) -> Got {
        self.clock.set(step.now);
        let Ask::Resume { after } = ask else { return self.bare.read(step, user, ask) };
        // What was published of an entry is behind all of its ordinals.
        let Some(stream) = self.open_at(user, Some(Order { seq: *after, ordinal: u32::MAX })) else { return Got::SignedOut };
        let seen = take(&stream);
        self.delivery.router.close(&stream, CloseReason::Gone);
        Got::Seen(seen)
    }
}
