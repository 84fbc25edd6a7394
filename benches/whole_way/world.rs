//! A gateway of its own in a temporary folder, with one account and what is in it.

use protocols::{Protocol, Transport};
use purview::clock::Clock;
use purview::config::Config;
use purview::directory::{Actor, Change, GeofenceForm, NewAccess, NewDevice, NewPassword, NewUser};
use purview::gateway::Gateway;
use purview::model::{Point, PublicId, Shape};
use purview::simulator::identifier;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

pub const PASSWORD: &str = "correct horse battery staple";
pub const HOME: (f64, f64) = (52.52, 13.40);

pub struct World {
    pub gateway: Gateway,
    pub devices: Vec<PublicId>,
    pub tokens: Vec<String>,
}

pub struct Plan {
    pub devices: usize,
    pub geofences: usize,
    pub viewers: usize,
    pub devices_per_viewer: usize,
}

pub fn config(dir: &Path) -> Config {
    let mut config = Config { data_dir: dir.to_owned(), ..Config::default() };
    config.listener.bind = "127.0.0.1".to_owned();
    config.listener.ports = Protocol::ALL.iter().map(|p| (p.name().to_owned(), 0)).collect();
    config.listener.mqtt_port = 0;
    config.listener.connections_per_address_max = 20_000;
    config.api.bind = "127.0.0.1:0".to_owned();
    config.telemetry.bind = "127.0.0.1:0".to_owned();
    // Hashing passwords is not what is measured.
    config.directory.password_memory_kib = 64;
    config.directory.password_passes = 1;
    config
}

pub async fn build(dir: &Path, plan: &Plan) -> World {
    let gateway = Gateway::start(config(dir), Arc::new(Clock::system())).await.expect("a gateway");
    let directory = gateway.directory();
    let user = |email: String| NewUser {
        email,
        password: NewPassword::new(PASSWORD),
        name: String::new(),
        surname: String::new(),
        phone: String::new(),
    };
    let tariff = Change::CreateTariff { name: "bench".to_owned(), history: 90 * 86_400_000_000 };
    let tariff = directory.change(Actor::Operator, tariff).await.expect("a tariff").created[0];
    let account = Change::CreateAccount { name: "bench".to_owned(), tariff, owner: user("owner@bench.example".to_owned()) };
    directory.change(Actor::Operator, account).await.expect("an account");
    let owner = directory.snapshot().accounts().next().expect("one").owner;
    let actor = Actor::User(owner, None);

    let mut devices = Vec::new();
    for numbers in (0..plan.devices).collect::<Vec<_>>().chunks(500) {
        let batch = numbers.iter().map(|number| {
            let identifier = identifier(Protocol::Teltonika, *number).expect("an identifier").to_string();
            Change::RegisterDevice(NewDevice { name: format!("device {number}"), identifier, model: String::new(), tariff: None })
        });
        devices.extend(directory.change(actor, Change::Batch(batch.collect())).await.expect("devices").created);
    }
    for numbers in (0..plan.geofences).collect::<Vec<_>>().chunks(1_000) {
        let batch = numbers.iter().map(|number| Change::CreateGeofence(geofence(*number)));
        directory.change(actor, Change::Batch(batch.collect())).await.expect("geofences");
    }
    let mut tokens = Vec::new();
    for viewer in 0..plan.viewers {
        let email = format!("viewer{viewer}@bench.example");
        let change = Change::CreateUser { user: user(email.clone()), access: NewAccess::SubUser { role: None } };
        let id = directory.change(actor, change).await.expect("a viewer").created[0];
        let granted = (0..plan.devices_per_viewer).map(|n| devices[(viewer * plan.devices_per_viewer + n) % devices.len()]);
        directory.change(actor, Change::SetDevices { user: id, devices: granted.collect() }).await.expect("grants");
        tokens.push(directory.sign_in(&email, PASSWORD, None).await.expect("a session").token.as_str().to_owned());
    }
    World { gateway, devices, tokens }
}

/// Squares and circles of a few hundred metres, spread over the city in which the fleet drives.
fn geofence(number: usize) -> GeofenceForm {
    let (row, column) = (number / 100, number % 100);
    let center = Point { latitude: HOME.0 - 0.1 + row as f64 * 0.002, longitude: HOME.1 - 0.15 + column as f64 * 0.003 };
    let corner = |north: f64, east: f64| Point { latitude: center.latitude + north, longitude: center.longitude + east };
    let shape = if number.is_multiple_of(3) {
        Shape::Circle { center, radius_m: 80.0 }
    } else {
        let exterior = vec![corner(-0.0008, -0.001), corner(-0.0008, 0.001), corner(0.0008, 0.001), corner(0.0008, -0.001)];
        Shape::Polygon { exterior, holes: vec![] }
    };
    GeofenceForm { name: format!("area {number}"), shape, dwell_s: 0 }
}

pub fn address(gateway: &Gateway, protocol: Protocol, transport: Transport) -> SocketAddr {
    let bound = gateway.listener().expect("a listener").bound();
    bound.iter().find(|b| b.protocol == protocol && b.transport == transport).expect("a port").address
}
