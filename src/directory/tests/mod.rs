//! Tests of the directory: a small world, a journal that counts, a barrier that writes down what it was told.

mod areas;
mod devices;
mod grants;
mod random;
mod restart;
mod roles;
mod rules;
mod sessions;
mod users;

use super::*;
use crate::clock::Clock;
use crate::model::{Point, PublicId, Shape};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use policy::{DeviceId, GeofenceId, PlaceId, Right, Seq, UserId, Viewer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const NOW: i64 = 1_780_000_000_000_000;
const DAY: i64 = 86_400_000_000;
const PASSWORD: &str = "tall-oak-9 river";

/// A journal that gives out places.
#[derive(Default)]
struct Places {
    last: AtomicU64,
    appended: Mutex<Vec<(Seq, u64)>>,
    broken: std::sync::atomic::AtomicBool,
}

impl JournalHook for Places {
    fn append_changed(&self, version: u64) -> BoxFuture<'_, Result<Seq, String>> {
        Box::pin(async move {
            if self.broken.load(Ordering::SeqCst) {
                return Err("no space".to_owned());
            }
            let seq = self.last.fetch_add(1, Ordering::SeqCst) + 1;
            self.appended.lock().push((seq, version));
            Ok(seq)
        })
    }

    fn committed(&self) -> Seq {
        self.last.load(Ordering::SeqCst)
    }
}

/// A barrier that writes down what it was told.
#[derive(Default)]
struct Told {
    cuts: Mutex<Vec<Cut>>,
}

impl Barrier for Told {
    fn enforce<'a>(&'a self, cut: &'a Cut) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            self.cuts.lock().push(cut.clone());
        })
    }
}

impl Told {
    /// What came since the last time.
    fn take(&self) -> Vec<Cut> {
        std::mem::take(&mut self.cuts.lock())
    }

    /// What one change came to: exactly one cut.
    fn one(&self) -> Cut {
        let mut cuts = self.take();
        assert_eq!(cuts.len(), 1, "one change is enforced once: {cuts:?}");
        cuts.remove(0)
    }
}

struct World {
    directory: Directory,
    clock: Arc<Clock>,
    places: Arc<Places>,
    told: Arc<Told>,
    tariff: PublicId,
    account: PublicId,
    owner: UserId,
}

fn person(email: &str) -> NewUser {
    NewUser { email: email.to_owned(), password: PASSWORD.into(), name: "Ada".into(), surname: "Byron".into(), phone: "+1".into() }
}

fn circle(latitude: f64) -> GeofenceForm {
    GeofenceForm {
        name: "Yard".to_owned(),
        shape: Shape::Circle { center: Point { latitude, longitude: 13.4 }, radius_m: 100.0 },
        dwell_s: 0,
    }
}

fn place(name: &str) -> PlaceForm {
    PlaceForm { name: name.to_owned(), address: String::new(), center: Point { latitude: 1.0, longitude: 2.0 }, radius_m: 50.0 }
}

fn device(identifier: &str) -> NewDevice {
    NewDevice { identifier: identifier.to_owned(), name: identifier.to_owned(), model: String::new(), tariff: None }
}

/// How a change was answered.
type Answer = Result<Changed, ChangeError>;

impl World {
    async fn new() -> Self {
        let (clock, places, told) = (Arc::new(Clock::standing_at(NOW)), Arc::new(Places::default()), Arc::new(Told::default()));
        let directory = Directory::open_in_memory(Arc::clone(&clock), Some(Arc::clone(&places) as _)).await.expect("opened");
        directory.set_barrier(Arc::clone(&told) as _);
        Self::in_directory(directory, clock, places, told).await
    }

    async fn in_directory(directory: Directory, clock: Arc<Clock>, places: Arc<Places>, told: Arc<Told>) -> Self {
        let mut world = Self { directory, clock, places, told, tariff: PublicId::nil(), account: PublicId::nil(), owner: UserId(0) };
        let tariff = Change::CreateTariff { name: "Month".into(), history: 30 * DAY };
        world.tariff = world.operator(tariff).await.expect("a tariff").id().expect("an id");
        (world.account, world.owner) = world.account("owner@one.example").await;
        world.told.take();
        world
    }

    async fn account(&self, email: &str) -> (PublicId, UserId) {
        let create = Change::CreateAccount { name: email.to_owned(), tariff: self.tariff, owner: person(email) };
        let created = self.operator(create).await.expect("an account").created;
        (created[0], self.user_id(created[1]))
    }

    async fn operator(&self, change: Change) -> Answer {
        self.directory.change(Actor::Operator, change).await
    }

    async fn by(&self, user: UserId, change: Change) -> Answer {
        self.directory.change(Actor::User(user, None), change).await
    }

    /// By the owner, and it has to succeed.
    async fn owner(&self, change: Change) -> PublicId {
        self.by(self.owner, change).await.expect("the owner may").id().unwrap_or_default()
    }

    async fn member(&self, email: &str, access: NewAccess) -> UserId {
        let id = self.owner(Change::CreateUser { user: person(email), access }).await;
        self.user_id(id)
    }

    async fn role(&self, rights: &[Right]) -> PublicId {
        self.owner(Change::CreateRole { name: "Role".into(), rights: rights.to_vec(), window: None }).await
    }

    /// A sub-user with these rights.
    async fn sub_user(&self, email: &str, rights: &[Right]) -> UserId {
        let role = self.role(rights).await;
        self.member(email, NewAccess::SubUser { role: Some(role) }).await
    }

    async fn register(&self, identifier: &str) -> PublicId {
        self.owner(Change::RegisterDevice(device(identifier))).await
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.directory.snapshot()
    }

    fn user_id(&self, id: PublicId) -> UserId {
        self.snapshot().user_of_public(id).expect("a user").id
    }

    fn user(&self, id: UserId) -> PublicId {
        self.snapshot().user(id).expect("a user").public_id
    }

    fn device_id(&self, id: PublicId) -> DeviceId {
        self.snapshot().device_of_public(id).expect("a device").id
    }

    fn geofence_id(&self, id: PublicId) -> GeofenceId {
        self.snapshot().geofence_of_public(id).expect("a geofence").id
    }

    fn place_id(&self, id: PublicId) -> PlaceId {
        self.snapshot().place_of_public(id).expect("a place").id
    }

    fn viewer(&self, user: UserId) -> Viewer {
        self.snapshot().viewer(user, 1).expect("a user")
    }
}

#[track_caller]
fn forbidden(result: Answer) {
    assert!(matches!(result, Err(ChangeError::Forbidden(_))), "{result:?}");
}

#[track_caller]
fn not_found(result: Answer) {
    assert_eq!(result, Err(ChangeError::NotFound));
}

#[track_caller]
fn invalid(result: Answer, in_field: &str) {
    assert!(matches!(&result, Err(ChangeError::Invalid { field, .. }) if *field == in_field), "{result:?}");
}
