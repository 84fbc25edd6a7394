//! What the trials are played with: an account with its devices, geofences and rules, and a fleet that drives about.

use protocols::{Protocol, Record, Transport};
use purview::clock::Clock;
use purview::config::Config;
use purview::directory::{Actor, Change, GeofenceForm, NewDevice, NewUser, RuleForm};
use purview::gateway::Offline;
use purview::model::{DeviceId, Point, PublicId, RuleKind, Schedule, Shape};
use purview::simulator::{Credentials, Drive, Source, Tracker, identifier};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const HOME: (f64, f64) = (52.52, 13.40);
/// 2024-01-01. Far enough back that no drive of a trial catches up with the clock.
const START: i64 = 1_704_067_200_000_000;
const SECOND: i64 = 1_000_000;

/// What the fleet speaks, one after the other. Only what every protocol can carry is sent: whole seconds.
const SPOKEN: [(Protocol, Transport); 6] = [
    (Protocol::Teltonika, Transport::Tcp),
    (Protocol::Gt06, Transport::Tcp),
    (Protocol::Wialon, Transport::Tcp),
    (Protocol::Teltonika, Transport::Udp),
    (Protocol::H02, Transport::Tcp),
    (Protocol::OsmAnd, Transport::Http),
];

/// The protocols that the gateway of the trials listens to.
pub(crate) fn protocols() -> impl Iterator<Item = Protocol> {
    SPOKEN.into_iter().filter(|(_, transport)| *transport != Transport::Udp).map(|(protocol, _)| protocol)
}

/// One tracker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) number: usize,
    pub(crate) protocol: Protocol,
    pub(crate) transport: Transport,
}

impl Plan {
    pub(crate) fn identifier(&self) -> protocols::Identifier {
        identifier(self.protocol, self.number).expect("an identifier")
    }

    pub(crate) fn drive(&self, records: u64) -> Drive {
        Drive::new(self.number as u64 + 1, HOME, START, SECOND, records)
    }

    /// What it says, as it comes back after the wire.
    pub(crate) fn said(&self, records: u64) -> impl Iterator<Item = Record> {
        let encoder = self.protocol.encoder(self.transport);
        self.drive(records).map(move |record| encoder.representable(&record))
    }
}

/// So many trackers over all protocols.
pub(crate) fn fleet(devices: usize) -> Vec<Plan> {
    let spoken = SPOKEN.into_iter().cycle();
    spoken.take(devices).enumerate().map(|(number, (protocol, transport))| Plan { number, protocol, transport }).collect()
}

/// The fleet as the simulator plays it, as fast as it is acknowledged; `records`: how many each has to say.
pub(crate) fn trackers(plans: &[Plan], port: impl Fn(&Plan) -> u16, records: impl Fn(usize) -> u64) -> Vec<Tracker> {
    let tracker = |plan: &Plan| Tracker {
        identifier: plan.identifier(),
        protocol: plan.protocol,
        transport: plan.transport,
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, port(plan))),
        source: Source::Drive(plan.drive(records(plan.number))),
        records_per_frame: 20,
        frame_interval: Duration::ZERO,
        window_frames: 4,
        drops_per_mille: 1,
        losses_per_mille: if plan.transport == Transport::Udp { 20 } else { 0 },
        credentials: Credentials::default(),
    };
    plans.iter().map(tracker).collect()
}

/// A configuration in which a trial of a second meets what a gateway of a week meets: full segments, sealing, checkpoints, resends that
/// are no longer remembered, silence.
pub(crate) fn config(dir: &Path, ports: BTreeMap<String, u16>, segment_bytes: u64) -> Config {
    let mut config = Config { data_dir: dir.to_owned(), ..Config::default() };
    config.listener.bind = Ipv4Addr::LOCALHOST.to_string();
    config.listener.ports = ports;
    config.listener.mqtt = false;
    config.journal.segment_bytes = segment_bytes;
    config.journal.group_bytes_max = 256 << 10;
    config.journal.disk_margin_bytes = 16 << 20;
    config.history.unsealed_bytes_max = 8 * segment_bytes;
    config.pipeline.checkpoint_bytes = segment_bytes / 2;
    config.pipeline.dedup_keys_per_device_max = 50;
    config.pipeline.tick_s = 1;
    config.api.bind = "127.0.0.1:0".to_owned();
    config.telemetry.bind = "127.0.0.1:0".to_owned();
    config.telemetry.log = "warn,purview::gateway=info".to_owned();
    config
}

fn geofences() -> Vec<GeofenceForm> {
    let at = |row: i32, column: i32| Point { latitude: HOME.0 + f64::from(row) * 0.02, longitude: HOME.1 + f64::from(column) * 0.02 };
    let mut forms = Vec::new();
    for row in -2..=2 {
        for column in -2..=2 {
            let number = forms.len();
            let shape = match number % 3 {
                0 => Shape::Circle { center: at(row, column), radius_m: 500.0 },
                1 => Shape::Corridor { line: vec![at(row, column), at(row + 1, column), at(row + 1, column + 1)], width_m: 200.0 },
                _ => Shape::Polygon {
                    exterior: vec![at(row, column), at(row, column + 1), at(row + 1, column + 1), at(row + 1, column)],
                    holes: Vec::new(),
                },
            };
            let dwell_s = [0, 30][number % 2];
            forms.push(GeofenceForm { name: format!("Area {number}"), shape, dwell_s });
        }
    }
    forms
}

fn rules(devices: &[PublicId], geofences: &[PublicId]) -> Vec<RuleForm> {
    let rule = |name: &str, kind, geofences: &[PublicId]| RuleForm {
        name: name.to_owned(),
        kind,
        devices: devices.to_vec(),
        geofences: geofences.to_vec(),
        schedule: Schedule::default(),
        enabled: true,
    };
    let (some, others) = geofences.split_at(geofences.len() / 2);
    vec![
        rule("In", RuleKind::GeofenceEnter {}, some),
        rule("Out", RuleKind::GeofenceExit {}, others),
        rule("Long", RuleKind::GeofenceStay { longer_than_s: 90 }, geofences),
        rule("Fast", RuleKind::Overspeed { faster_than_kmh: 80.0 }, &[]),
        rule("Fast there", RuleKind::Overspeed { faster_than_kmh: 60.0 }, others),
        rule("Silent", RuleKind::ConnectionLost { after_s: 2 }, &[]),
    ]
}

/// Fills a new data folder. The same fleet gets the same ids in every folder; they are returned in the order of the fleet.
pub(crate) async fn prepare(config: &Config, plans: &[Plan]) -> Vec<DeviceId> {
    let offline = Offline::open(config, Arc::new(Clock::system())).await.expect("the folder opens");
    let directory = offline.directory();
    let create = Change::CreateTariff { name: "All".to_owned(), history: 3_650 * 86_400 * SECOND };
    let tariff = directory.change(Actor::Operator, create).await.expect("a tariff").id().expect("its id");
    let owner = NewUser {
        email: "owner@trial.example".to_owned(),
        password: "tall-oak-9 river".into(),
        name: "Ada".to_owned(),
        surname: "Byron".to_owned(),
        phone: "+1".to_owned(),
    };
    let create = Change::CreateAccount { name: "Trial".to_owned(), tariff, owner };
    let created = directory.change(Actor::Operator, create).await.expect("an account").created;
    let owner = Actor::User(directory.snapshot().user_of_public(created[1]).expect("the owner").id, None);
    let device = |plan: &Plan| NewDevice {
        identifier: plan.identifier().to_string(),
        name: format!("Car {}", plan.number),
        model: String::new(),
        tariff: None,
    };
    let batch = Change::Batch(plans.iter().map(|plan| Change::RegisterDevice(device(plan))).collect());
    let devices = directory.change(owner, batch).await.expect("devices").created;
    let batch = Change::Batch(geofences().into_iter().map(Change::CreateGeofence).collect());
    let geofences = directory.change(owner, batch).await.expect("geofences").created;
    let batch = Change::Batch(rules(&devices, &geofences).into_iter().map(Change::CreateRule).collect());
    directory.change(owner, batch).await.expect("rules");
    let snapshot = directory.snapshot();
    let ids = devices.iter().map(|id| snapshot.device_of_public(*id).expect("a device").id).collect();
    offline.close().await;
    ids
}
