//! A running gateway with one account, one viewer, and what can be taken from him. Positions are put into the journal, as a
//! session does it.

use policy::Right;
use protocols::{Attributes, Fix, Latitude, Longitude, Name, Protocol, Record, Value};
use purview::clock::Clock;
use purview::config::Config;
use purview::directory::{Actor, Change, Changed, GeofenceForm, NewAccess, NewDevice, NewPassword, NewUser, PlaceForm, RuleForm};
use purview::gateway::Gateway;
use purview::journal::{Batch, NewEntry};
use purview::model::{AccountId, DeviceId, Micros, Point, PublicId, RuleKind, Schedule, Shape, UserId};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

pub const PASSWORD: &str = "correct horse battery staple";
pub const OTHER_PASSWORD: &str = "staple battery horse correct";
pub const SECOND: Micros = 1_000_000;
pub const HOUR_S: i64 = 3_600;
pub const WIDE_S: i64 = 30 * 86_400;
const HOME: Point = Point { latitude: 52.52, longitude: 13.40 };

/// A device, and the fix time of its last record.
pub struct Car {
    pub id: DeviceId,
    pub public: PublicId,
    account: AccountId,
    generation: u32,
    last: AtomicI64,
}

pub struct World {
    pub gateway: Gateway,
    pub owner: Actor,
    pub owner_token: String,
    /// The one that is taken away; it drives into the geofence and out of it.
    pub taken: Car,
    /// The one whose records are two hours old: a window of an hour hides them.
    pub old: Car,
    /// The one that stays granted.
    pub kept: Car,
    /// Those that make the load.
    pub load: Vec<Car>,
    pub geofence: PublicId,
    pub place: PublicId,
    pub wide: PublicId,
    pub narrow: PublicId,
    clock: Arc<Clock>,
    users: AtomicU64,
    _dir: tempfile::TempDir,
}

pub fn config(dir: &Path) -> Config {
    let mut config = Config { data_dir: dir.to_owned(), ..Config::default() };
    config.listener.bind = "127.0.0.1".to_owned();
    config.listener.ports = Protocol::ALL.iter().map(|p| (p.name().to_owned(), 0)).collect();
    config.listener.mqtt_port = 0;
    config.api.bind = "127.0.0.1:0".to_owned();
    config.api.requests_per_second_max = 1_000_000;
    config.telemetry.bind = "127.0.0.1:0".to_owned();
    config.directory.password_memory_kib = 64;
    config.directory.password_passes = 1;
    config.delivery.tick_ms = 5;
    // A machine that is busy with other things must not look like a viewer who does not read; those have trials of their own.
    config.delivery.revoke_grace_ms = 5_000;
    config
}

pub fn user_of(email: &str) -> NewUser {
    NewUser {
        email: email.to_owned(),
        password: NewPassword::new(PASSWORD),
        name: String::new(),
        surname: String::new(),
        phone: String::new(),
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let mut config = config(dir.path());
        adjust(&mut config);
        let clock = Arc::new(Clock::system());
        let gateway = Gateway::start(config, Arc::clone(&clock)).await.expect("a gateway");
        let directory = gateway.directory();
        let tariff = Change::CreateTariff { name: "usual".to_owned(), history: 90 * 86_400 * SECOND };
        let tariff = directory.change(Actor::Operator, tariff).await.expect("a tariff").created[0];
        let account = Change::CreateAccount { name: "account".to_owned(), tariff, owner: user_of("owner@example.org") };
        directory.change(Actor::Operator, account).await.expect("an account");
        let owner = Actor::User(directory.snapshot().accounts().next().expect("one").owner, None);
        let owner_token = token(&gateway, "owner@example.org", PASSWORD).await;
        let registered = (0..23).map(|number| {
            let identifier = format!("35000000000{number:04}");
            Change::RegisterDevice(NewDevice { identifier, name: format!("car {number}"), model: String::new(), tariff: None })
        });
        let devices = directory.change(owner, Change::Batch(registered.collect())).await.expect("devices").created;
        let snapshot = directory.snapshot();
        let mut cars = devices.iter().map(|public| {
            let device = snapshot.device_of_public(*public).expect("registered");
            Car { id: device.id, public: *public, account: device.account, generation: device.generation, last: AtomicI64::new(0) }
        });
        let mut next = || cars.next().expect("enough");
        let (taken, old, kept) = (next(), next(), next());
        let load = cars.collect();
        old.last.store(clock.now() - 2 * HOUR_S * SECOND, Ordering::Relaxed);
        let one = |change| async { directory.change(owner, change).await.expect("made").created[0] };
        let shape = Shape::Circle { center: HOME, radius_m: 500.0 };
        let geofence = one(Change::CreateGeofence(GeofenceForm { name: "yard".to_owned(), shape, dwell_s: 0 })).await;
        let place = PlaceForm { name: "shop".to_owned(), address: String::new(), center: HOME, radius_m: 100.0 };
        let place = one(Change::CreatePlace(place)).await;
        let rule = RuleForm {
            name: "into the yard".to_owned(),
            kind: RuleKind::GeofenceEnter {},
            devices: vec![taken.public],
            geofences: vec![geofence],
            schedule: Schedule::default(),
            enabled: true,
        };
        one(Change::CreateRule(rule)).await;
        let role =
            |name: &str, hours_s: i64| Change::CreateRole { name: name.to_owned(), rights: rights(), window: Some(hours_s * SECOND) };
        let (wide, narrow) = (one(role("wide", WIDE_S)).await, one(role("narrow", HOUR_S)).await);
        let users = AtomicU64::new(0);
        Self { gateway, owner, owner_token, taken, old, kept, load, geofence, place, wide, narrow, clock, users, _dir: dir }
    }

    pub async fn change(&self, change: Change) -> Changed {
        self.gateway.directory().change(self.owner, change).await.expect("made")
    }

    /// A sub-user with everything that can be taken from him; his e-mail address and his id.
    pub async fn viewer(&self) -> (String, PublicId) {
        let email = format!("viewer{}@example.org", self.users.fetch_add(1, Ordering::Relaxed));
        let access = NewAccess::SubUser { role: Some(self.wide) };
        let user = self.change(Change::CreateUser { user: user_of(&email), access }).await.created[0];
        self.change(Change::SetDevices { user, devices: self.granted() }).await;
        (email, user)
    }

    /// The devices that are granted before anything is taken away: also some of the load.
    pub fn granted(&self) -> Vec<PublicId> {
        [&self.taken, &self.old, &self.kept].into_iter().chain(self.load.iter().take(4)).map(|car| car.public).collect()
    }

    pub fn user_id(&self, user: PublicId) -> UserId {
        self.gateway.directory().snapshot().user_of_public(user).expect("a user").id
    }

    pub async fn token(&self, email: &str, password: &str) -> String {
        token(&self.gateway, email, password).await
    }

    /// The fix time of the next record of a car: it grows, and of the old one it stays two hours behind.
    pub fn next_time(&self, car: &Car) -> Micros {
        let floor = if car.id == self.old.id { 0 } else { self.clock.now() };
        let next = |last: Micros| Some((last + 1_000).max(floor));
        let before = car.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_default();
        (before + 1_000).max(floor)
    }

    /// Puts one record of each of these cars into the journal, inside the geofence or outside; their fix times. It returns when
    /// they are durable.
    pub async fn record(&self, cars: &[(&Car, bool)]) -> Vec<Micros> {
        let mut batch = Batch::new();
        let mut times = Vec::with_capacity(cars.len());
        for (car, inside) in cars {
            let time = self.next_time(car);
            let latitude = HOME.latitude + if *inside { 0.0 } else { 0.1 };
            let mut attributes = Attributes::new();
            attributes.set(Name::OdometerM, Value::Int(time % 1_000_000_000));
            let fix = Fix {
                latitude: Latitude::new(latitude).expect("in range"),
                longitude: Longitude::new(HOME.longitude).expect("in range"),
                valid: true,
                altitude_m: None,
                speed_kmh: Some(50.0),
                course_deg: None,
            };
            let record = Record { fix_time: Some(time), fix: Some(fix), attributes };
            let (device, account, generation) = (car.id, car.account, car.generation);
            let entry = NewEntry::Record { device, account, generation, received_at: self.clock.now(), protocol: 0, record: &record };
            batch.push(&entry);
            times.push(time);
        }
        self.gateway.journal().append(batch).await.expect("durable");
        times
    }
}

pub fn rights() -> Vec<Right> {
    vec![Right::Geofences, Right::DeviceSettingsHardware]
}

async fn token(gateway: &Gateway, email: &str, password: &str) -> String {
    gateway.directory().sign_in(email, password, None).await.expect("a session").token.as_str().to_owned()
}
