//! A gateway on free ports of loopback with two accounts in it, and clients for everybody.

use super::client::{Client, Reply};
use policy::{Access, Viewer};
use protocols::{Attributes, Fix, Latitude, Longitude, Protocol, Record};
use purview::clock::Clock;
use purview::config::{Config, DirectoryConfig};
use purview::directory::{Actor, Change, NewPassword, NewUser};
use purview::gateway::Gateway;
use purview::journal::{Batch, NewEntry};
use purview::model::{Micros, PublicId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tempfile::TempDir;

/// 2026-06-01T12:00:00Z, at which the clock stands until a test moves it.
pub const NOW: Micros = 1_780_315_200_000_000;
pub const SECOND: Micros = 1_000_000;
pub const DAY: Micros = 86_400 * SECOND;
pub const PASSWORD: &str = "tall-oak-9 river";
/// What stands for nothing.
pub const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Everybody of the account North, with his access.
pub const PEOPLE: &[(&str, &str)] = &[
    ("admin", r#"{"kind":"admin"}"#),
    ("reader", r#"{"kind":"read_only"}"#),
    ("assets_viewer", r#"{"kind":"custom","categories":{"assets":"view"}}"#),
    ("assets_editor", r#"{"kind":"custom","categories":{"assets":"edit"}}"#),
    ("account_editor", r#"{"kind":"custom","categories":{"account":"edit"}}"#),
    ("biller", r#"{"kind":"custom","categories":{"billing":"edit"}}"#),
    ("sub", r#"{"kind":"sub_user"}"#),
    ("worker", r#"{"kind":"sub_user"}"#),
];

pub struct Rig {
    pub gateway: Gateway,
    pub clock: Arc<Clock>,
    _folder: TempDir,
    ids: BTreeMap<String, PublicId>,
}

pub fn config(folder: &TempDir) -> Config {
    let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
    config.directory = DirectoryConfig { durable: false, password_memory_kib: 8, password_passes: 1, ..DirectoryConfig::default() };
    config.listener.bind = "127.0.0.1".to_owned();
    config.listener.ports = Protocol::ALL.iter().map(|protocol| (protocol.name().to_owned(), 0)).collect();
    config.listener.mqtt_port = 0;
    config.journal.segment_bytes = 4 << 20;
    config.journal.disk_margin_bytes = 0;
    config.api.bind = "127.0.0.1:0".to_owned();
    config.telemetry.bind = "127.0.0.1:0".to_owned();
    config.api.requests_per_second_max = 1_000_000;
    config
}

pub fn circle(longitude: f64) -> Value {
    json!({ "type": "Point", "coordinates": [longitude, 52.5], "radius_m": 200.0 })
}

impl Rig {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Two accounts; in North a sub-user without a role and one with every right, each holding the first device, the first geofence
    /// and the first place of two.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = config(&folder);
        change(&mut config);
        let clock = Arc::new(Clock::standing_at(NOW));
        let gateway = Gateway::start(config, Arc::clone(&clock)).await.expect("a gateway");
        let mut rig = Self { gateway, clock, _folder: folder, ids: BTreeMap::new() };
        rig.operator("tariff", Change::CreateTariff { name: "Month".to_owned(), history: 30 * DAY }).await;
        rig.operator("short_tariff", Change::CreateTariff { name: "Day".to_owned(), history: DAY }).await;
        for account in ["north", "south"] {
            let owner = NewUser {
                email: format!("owner@{account}.example"),
                password: NewPassword::new(PASSWORD),
                name: "Olga".to_owned(),
                surname: "Owner".to_owned(),
                phone: String::new(),
            };
            let create = Change::CreateAccount { name: account.to_owned(), tariff: rig.id("tariff"), owner };
            rig.operator(account, create).await;
        }
        let mut south = rig.client("owner@south.example").await;
        rig.furnish(&mut south, "south_").await;
        let mut owner = rig.client("owner").await;
        rig.furnish(&mut owner, "").await;
        rig.people(&mut owner).await;
        rig
    }

    /// Two of everything, the second ones with names that begin with `hidden_`.
    async fn furnish(&mut self, owner: &mut Client, prefix: &str) {
        for (at, kind) in ["", "hidden_"].into_iter().enumerate() {
            let longitude = 13.4 + 0.1 * at as f64;
            let name = |what: &str| format!("{prefix}{kind}{what}");
            self.create(owner, &name("device"), "/devices", &json!({ "identifier": name("tracker"), "name": name("car") })).await;
            let geofence = json!({ "name": name("yard"), "shape": circle(longitude) });
            self.create(owner, &name("geofence"), "/geofences", &geofence).await;
            let center = json!({ "type": "Point", "coordinates": [longitude, 52.5] });
            self.create(owner, &name("place"), "/places", &json!({ "name": name("shop"), "center": center, "radius_m": 50 })).await;
            let rule = json!({
                "name": name("enters"), "condition": { "kind": "geofence_enter" },
                "devices": [self.id(&name("device"))], "geofences": [self.id(&name("geofence"))],
            });
            self.create(owner, &name("rule"), "/rules", &rule).await;
            self.create(owner, &name("role"), "/roles", &json!({ "name": name("role"), "rights": ["tags"] })).await;
        }
    }

    async fn people(&mut self, owner: &mut Client) {
        for (name, access) in PEOPLE {
            let access: Value = serde_json::from_str(access).expect("JSON");
            let user = json!({ "email": format!("{name}@north.example"), "password": PASSWORD, "name": name, "access": access });
            self.create(owner, name, "/users", &user).await;
        }
        let rights: Vec<&str> =
            policy::Right::ALL.iter().filter(|right| right.kind() == policy::RightKind::Additional).map(|right| right.name()).collect();
        self.create(owner, "every_right", "/roles", &json!({ "name": "every right", "rights": rights })).await;
        let access = json!({ "kind": "sub_user", "role": self.id("every_right") });
        self.ok(owner, "PUT", &self.user_path("worker", "access"), &access).await;
        for sub in ["sub", "worker"] {
            let devices = json!({ "devices": [self.id("device")] });
            self.ok(owner, "PUT", &self.user_path(sub, "grants/devices"), &devices).await;
            for (what, plural) in [("geofence", "geofences"), ("place", "places")] {
                let turn = json!({ "each": [{ "id": self.id(&format!("hidden_{what}")), "turn": "forget" }] });
                self.ok(owner, "PATCH", &self.user_path(sub, &format!("grants/{plural}")), &turn).await;
            }
        }
    }

    async fn operator(&mut self, name: &str, change: Change) {
        let changed = self.gateway.directory().change(Actor::Operator, change).await.expect("changed");
        self.ids.insert(name.to_owned(), changed.id().expect("created"));
    }

    /// Creates a thing and keeps its id by a name.
    pub async fn create(&mut self, client: &mut Client, name: &str, path: &str, body: &Value) -> PublicId {
        let reply = self.ok(client, "POST", path, body).await;
        let id = reply.json()["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        self.ids.insert(name.to_owned(), id);
        id
    }

    /// A call that has to succeed.
    pub async fn ok(&self, client: &mut Client, method: &str, path: &str, body: &Value) -> Reply {
        let reply = client.call(method, &path_of(path), body).await;
        assert!(reply.status < 300, "{method} {path}: {} {}", reply.status, String::from_utf8_lossy(&reply.body));
        reply
    }

    /// What may be read, as JSON.
    pub async fn read(&self, client: &mut Client, path: &str) -> Value {
        let reply = client.get(&path_of(path)).await;
        assert_eq!(reply.status, 200, "{path}: {}", String::from_utf8_lossy(&reply.body));
        reply.json()
    }

    /// The ids (or another field) of a list.
    pub async fn list(&self, client: &mut Client, path: &str, field: &str) -> Vec<Value> {
        let items = self.read(client, path).await;
        items["items"].as_array().expect("a list").iter().map(|item| item[field].clone()).collect()
    }

    pub fn id(&self, name: &str) -> PublicId {
        *self.ids.get(name).unwrap_or_else(|| panic!("no {name}"))
    }

    pub fn user_path(&self, user: &str, rest: &str) -> String {
        format!("/users/{}/{rest}", self.id(user))
    }

    pub fn address(&self) -> SocketAddr {
        self.gateway.api()
    }

    /// A client who is logged in; without an `@`, somebody of North.
    pub async fn client(&self, who: &str) -> Client {
        let mut client = Client::new(self.address());
        let reply = client.call("POST", &path_of("/session"), &json!({ "email": email_of(who), "password": PASSWORD })).await;
        assert_eq!(reply.status, 200, "{who}: {}", String::from_utf8_lossy(&reply.body));
        client.token = reply.json()["token"].as_str().map(str::to_owned);
        client
    }

    /// Somebody as policy sees him.
    pub fn viewer(&self, who: &str) -> Viewer {
        let snapshot = self.gateway.directory().snapshot();
        let user = snapshot.users_of_email(&email_of(who)).next().expect("a user").id;
        snapshot.viewer(user, 1).expect("a viewer")
    }

    /// A record of a device of North, so many seconds from [`NOW`], at a longitude; computed when this returns.
    pub async fn record(&self, device: &str, second: i64, longitude: f64) {
        self.record_at(device, NOW + second * SECOND, longitude).await;
    }

    pub async fn record_at(&self, device: &str, fix_time: Micros, longitude: f64) {
        self.records(device, &[fix_time], longitude).await;
    }

    /// Records at these times, in one group.
    pub async fn records(&self, device: &str, fix_times: &[Micros], longitude: f64) {
        let fix = Fix {
            latitude: Latitude::new(52.5).expect("in range"),
            longitude: Longitude::new(longitude).expect("in range"),
            valid: true,
            altitude_m: None,
            speed_kmh: Some(50.0),
            course_deg: None,
        };
        let snapshot = self.gateway.directory().snapshot();
        let device = snapshot.device_of_public(self.id(device)).expect("a device");
        let (account, generation, device) = (device.account, device.generation, device.id);
        let mut batch = Batch::new();
        let received_at = self.clock.now();
        for fix_time in fix_times {
            let record = Record { fix_time: Some(*fix_time), fix: Some(fix), attributes: Attributes::new() };
            batch.push(&NewEntry::Record { device, account, generation, received_at, protocol: 0, record: &record });
        }
        let committed = self.gateway.journal().append(batch).await.expect("durable");
        assert_eq!(committed.refused, 0, "the device is current");
        self.gateway.settled().await;
    }

    pub async fn stop(self) {
        self.gateway.stop().await;
    }
}

pub fn email_of(who: &str) -> String {
    if who.contains('@') { who.to_owned() } else { format!("{who}@north.example") }
}

pub fn path_of(path: &str) -> String {
    format!("{}{path}", purview::api::PREFIX)
}

/// Whether somebody is limited by grants.
pub const fn is_limited(viewer: &Viewer) -> bool {
    matches!(viewer.access, Access::SubUser(_))
}
