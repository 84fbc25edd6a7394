//! Recorded tracks (`PURVIEW_TRACKS_DIR`, or the folder beside this one), spoken in two protocols into a running gateway: they come back
//! from the history call whole and equal, and give the visits that a few lines over the rows give.

#![allow(clippy::print_stdout)]

use super::client::Client;
use protocols::{Protocol, Record, Transport};
use purview::clock::Clock;
use purview::config::Config;
use purview::directory::{Actor, Change, GeofenceForm, NewDevice, NewUser};
use purview::gateway::Gateway;
use purview::model::{Micros, Point, PublicId, Shape, from_rfc3339};
use purview::simulator::{Credentials, Ledger, Source, Tracker, identifier, play, tracks};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const SPOKEN: [Protocol; 2] = [Protocol::Teltonika, Protocol::Wialon];
const PASSWORD: &str = "nine quiet harbours";
/// Without `PURVIEW_TRACKS_ALL` so many tracks are played, and of each so many rows.
const SOME: (usize, usize) = (3, 3_000);
const EARTH_RADIUS_M: f64 = 6_371_008.8;
const METRES_PER_DEGREE: f64 = 111_195.08;
/// No row lies nearer than this to the edge of an area: more than the protocols' rounding, and than the difference between formulas.
const EDGE_M_MIN: f64 = 0.3;

struct Track {
    name: String,
    /// Sorted by time; rows that were recorded twice are there twice.
    records: Vec<Record>,
}

fn folder() -> Option<PathBuf> {
    let beside = || Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tracks"));
    std::env::var_os("PURVIEW_TRACKS_DIR").filter(|it| !it.is_empty()).map(PathBuf::from).or_else(beside).filter(|it| it.is_dir())
}

fn read(folder: &Path) -> Vec<Track> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).expect("the tracks").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "csv"));
    files.sort();
    let (tracks_max, rows_max) = if std::env::var_os("PURVIEW_TRACKS_ALL").is_some() { (usize::MAX, usize::MAX) } else { SOME };
    let track = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let mut records = tracks::csv(&std::fs::read_to_string(&path).expect("read")).expect("a track");
        records.truncate(rows_max);
        records.sort_by_key(|record| record.fix_time);
        Track { name, records }
    };
    files.into_iter().take(tracks_max).map(track).collect()
}

fn place(record: &Record) -> Option<(Micros, f64, f64)> {
    let fix = record.fix?;
    Some((record.fix_time?, fix.latitude.degrees(), fix.longitude.degrees()))
}

/// Metres from a point, on the sphere (haversine).
fn metres(from: Point, latitude: f64, longitude: f64) -> f64 {
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let cosines = from.latitude.to_radians().cos() * latitude.to_radians().cos();
    2.0 * EARTH_RADIUS_M * (half(latitude - from.latitude) + cosines * half(longitude - from.longitude)).sqrt().asin()
}

/// Metres of a degree of longitude at a latitude.
fn east_metres(latitude: f64) -> f64 {
    METRES_PER_DEGREE * latitude.to_radians().cos()
}

/// Half the edge of the upright square around a point on whose edge another one lies, metres.
fn half_edge(from: Point, latitude: f64, longitude: f64) -> f64 {
    let (north, east) = ((latitude - from.latitude) * METRES_PER_DEGREE, (longitude - from.longitude) * east_metres(from.latitude));
    north.abs().max(east.abs())
}

/// How large an area around a spot has to be to reach a point.
fn size(is_circle: bool, from: Point, latitude: f64, longitude: f64) -> f64 {
    if is_circle { metres(from, latitude, longitude) } else { half_edge(from, latitude, longitude) }
}

/// An area around a busy spot, and the same as the naive computation has it.
struct Area {
    spot: Point,
    size_m: f64,
    is_circle: bool,
}

impl Area {
    /// As wide as leaves the widest gap between its edge and any row.
    fn around(spot: Point, is_circle: bool, tracks: &[Track]) -> Self {
        let rows = tracks.iter().flat_map(|track| &track.records).filter_map(place);
        let mut sizes: Vec<f64> = rows.map(|(_, latitude, longitude)| size(is_circle, spot, latitude, longitude)).collect();
        sizes.retain(|size| (150.0..1_200.0).contains(size));
        sizes.sort_by(f64::total_cmp);
        let gap = |pair: &[f64]| pair[1] - pair[0];
        let widest = sizes.windows(2).max_by(|one, other| gap(one).total_cmp(&gap(other))).expect("rows around a busy spot");
        assert!(gap(widest) > 2.0 * EDGE_M_MIN, "around {spot:?} rows lie so dense that an edge would be a matter of rounding");
        Self { spot, size_m: f64::midpoint(widest[0], widest[1]), is_circle }
    }

    fn holds(&self, latitude: f64, longitude: f64) -> bool {
        size(self.is_circle, self.spot, latitude, longitude) <= self.size_m
    }

    fn form(&self, name: String) -> GeofenceForm {
        let Point { latitude, longitude } = self.spot;
        let (north, east) = (self.size_m / METRES_PER_DEGREE, self.size_m / east_metres(latitude));
        let corner = |up: f64, right: f64| Point { latitude: latitude + up * north, longitude: longitude + right * east };
        let shape = if self.is_circle {
            Shape::Circle { center: self.spot, radius_m: self.size_m }
        } else {
            Shape::Polygon { exterior: vec![corner(1.0, 1.0), corner(1.0, -1.0), corner(-1.0, -1.0), corner(-1.0, 1.0)], holes: Vec::new() }
        };
        GeofenceForm { name, shape, dwell_s: 0 }
    }
}

/// The cell of some 200 m in which a track has the most rows, and the busiest that is not beside it.
fn busiest(track: &Track) -> [Point; 2] {
    const CELLS_PER_DEGREE: f64 = 500.0;
    let mut cells: HashMap<(i64, i64), usize> = HashMap::new();
    for (_, latitude, longitude) in track.records.iter().filter_map(place) {
        *cells.entry(((latitude * CELLS_PER_DEGREE).round() as i64, (longitude * CELLS_PER_DEGREE).round() as i64)).or_default() += 1;
    }
    let mut cells: Vec<((i64, i64), usize)> = cells.into_iter().collect();
    cells.sort_by_key(|(cell, rows)| (std::cmp::Reverse(*rows), *cell));
    let first = cells[0].0;
    let far = |cell: &(i64, i64)| (cell.0 - first.0).abs().max((cell.1 - first.1).abs()) > 3;
    let second = cells.iter().map(|(cell, _)| *cell).find(far).unwrap_or(first);
    [first, second].map(|(north, east)| Point { latitude: north as f64 / CELLS_PER_DEGREE, longitude: east as f64 / CELLS_PER_DEGREE })
}

type Stay = (usize, Micros, Option<Micros>);

/// The naive computation: row by row, in or out.
fn naive_visits(track: &Track, areas: &[Area]) -> BTreeSet<Stay> {
    let mut found = BTreeSet::new();
    for (number, area) in areas.iter().enumerate() {
        let mut entered = None;
        for (time, latitude, longitude) in track.records.iter().filter_map(place) {
            match (area.holds(latitude, longitude), entered) {
                (true, None) => entered = Some(time),
                (false, Some(since)) => {
                    found.insert((number, since, Some(time)));
                    entered = None;
                }
                _ => {}
            }
        }
        found.extend(entered.map(|since| (number, since, None)));
    }
    found
}

struct World {
    gateway: Gateway,
    client: Client,
    geofences: Vec<PublicId>,
    /// By protocol, then by track.
    devices: Vec<PublicId>,
    _folder: tempfile::TempDir,
}

fn number(protocol: usize, track: usize) -> usize {
    protocol * 100 + track
}

impl World {
    async fn new(tracks: &[Track], areas: &[Area]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        config.listener.bind = "127.0.0.1".to_owned();
        config.listener.ports = SPOKEN.map(|protocol| (protocol.name().to_owned(), 0)).into();
        config.listener.mqtt = false;
        (config.api.bind, config.telemetry.bind) = ("127.0.0.1:0".to_owned(), "127.0.0.1:0".to_owned());
        // The call is what is tried here, not its limit.
        config.api.requests_per_second_max = 100_000;
        let gateway = Gateway::start(config, Arc::new(Clock::system())).await.expect("started");
        let directory = gateway.directory();
        let tariff = Change::CreateTariff { name: "Forty years".to_owned(), history: 40 * 366 * 86_400_000_000 };
        let tariff = directory.change(Actor::Operator, tariff).await.expect("a tariff").id().expect("an id");
        let text = str::to_owned;
        let (email, password) = (text("owner@tracks.example"), PASSWORD.into());
        let owner = NewUser { email, password, name: text("Olga"), surname: text("Owner"), phone: String::new() };
        let account = Change::CreateAccount { name: text("Tracks"), tariff, owner };
        let account = directory.change(Actor::Operator, account).await.expect("an account").id().expect("an id");
        let owner = directory.snapshot().account_of_public(account).expect("the account").owner;
        let geofence = |(number, area): (usize, &Area)| Change::CreateGeofence(area.form(format!("Area {number}")));
        let geofences = Change::Batch(areas.iter().enumerate().map(geofence).collect());
        let geofences = directory.change(Actor::User(owner, None), geofences).await.expect("geofences").created;
        let mut register = Vec::new();
        for (number_of_protocol, protocol) in SPOKEN.into_iter().enumerate() {
            for (number_of_track, track) in tracks.iter().enumerate() {
                let identifier = identifier(protocol, number(number_of_protocol, number_of_track)).expect("an identifier").to_string();
                let name = format!("{} by {}", track.name, protocol.name());
                register.push(Change::RegisterDevice(NewDevice { identifier, name, model: String::new(), tariff: None }));
            }
        }
        let devices = directory.change(Actor::User(owner, None), Change::Batch(register)).await.expect("devices").created;
        let mut client = Client::new(gateway.api());
        let login = json!({ "email": "owner@tracks.example", "password": PASSWORD });
        let answer = client.call("POST", "/api/v1/session", &login).await.json();
        client.token = Some(answer["token"].as_str().expect("a token").to_owned());
        Self { gateway, client, geofences, devices, _folder: folder }
    }

    fn trackers(&self, tracks: &[Track]) -> Vec<Tracker> {
        let mut trackers = Vec::new();
        for (number_of_protocol, protocol) in SPOKEN.into_iter().enumerate() {
            let bound = self.gateway.listener().expect("a listener").bound();
            let bound = bound.iter().find(|it| it.protocol == protocol && it.transport == Transport::Tcp).expect("a port");
            trackers.extend(tracks.iter().enumerate().map(|(number_of_track, track)| Tracker {
                identifier: identifier(protocol, number(number_of_protocol, number_of_track)).expect("an identifier"),
                protocol,
                transport: Transport::Tcp,
                address: bound.address,
                source: Source::Given(track.records.clone().into()),
                records_per_frame: 20,
                frame_interval: Duration::ZERO,
                window_frames: 8,
                // What is sent again after a break is there once.
                drops_per_mille: 5,
                losses_per_mille: 0,
                credentials: Credentials::default(),
            }));
        }
        trackers
    }

    /// All pages of a list.
    async fn pages(&mut self, path: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut answer = self.client.get(&format!("{path}{cursor}")).await.json();
            items.append(answer["items"].as_array_mut().expect("a list"));
            match answer["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    async fn rows(&mut self, device: PublicId) -> Vec<(Micros, f64, f64, Option<f64>)> {
        let items = self.pages(&format!("/api/v1/devices/{device}/positions?limit=1000")).await;
        let number = |item: &Value, name: &str| item[name].as_f64();
        let row = |item: &Value| {
            let at = from_rfc3339(item["fix_time"].as_str()?)?;
            Some((at, number(item, "latitude")?, number(item, "longitude")?, number(item, "altitude_m")))
        };
        items.iter().map(|item| row(item).unwrap_or_else(|| panic!("a row with time and place: {item}"))).collect()
    }

    async fn visits(&mut self, device: PublicId) -> BTreeSet<Stay> {
        let items = self.pages(&format!("/api/v1/visits?device={device}&limit=500")).await;
        let mut newest: HashMap<String, (u64, Stay)> = HashMap::new();
        for item in items {
            let time = |name: &str| item[name].as_str().and_then(from_rfc3339);
            let geofence: PublicId = item["geofence"].as_str().expect("a geofence").parse().expect("an id");
            let geofence = self.geofences.iter().position(|id| *id == geofence).expect("one of ours");
            let (revision, stay) = (item["revision"].as_u64().expect("a revision"), (geofence, time("entered_at"), time("exited_at")));
            let stay = (stay.0, stay.1.expect("a beginning"), stay.2);
            let known = newest.entry(item["id"].as_str().expect("an id").to_owned()).or_insert((revision, stay));
            if known.0 < revision {
                *known = (revision, stay);
            }
        }
        newest.into_values().map(|(_, stay)| stay).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_tracks_come_back_whole_and_give_the_visits_that_are_plain_to_see() {
    let Some(folder) = folder() else {
        println!("SKIPPED: no recorded tracks; PURVIEW_TRACKS_DIR names the folder that holds them");
        return;
    };
    let tracks = read(&folder);
    let spots: Vec<[Point; 2]> = tracks.iter().map(busiest).collect();
    let areas = spots.iter().flat_map(|[first, second]| [Area::around(*first, true, &tracks), Area::around(*second, false, &tracks)]);
    let areas: Vec<Area> = areas.collect();
    let mut world = World::new(&tracks, &areas).await;
    let trackers = world.trackers(&tracks);
    let sent: usize = tracks.iter().map(|track| track.records.len()).sum::<usize>() * SPOKEN.len();
    let ledger = Arc::new(Ledger::new(trackers.len()));
    let outcome = tokio::time::timeout(Duration::from_secs(300), play(trackers, ledger, CancellationToken::new())).await.expect("in time");
    assert_eq!(outcome.acked, sent as u64, "every record was acknowledged");
    world.gateway.settled().await;
    let mut visits_seen = 0;
    for (number_of_protocol, protocol) in SPOKEN.into_iter().enumerate() {
        for (number_of_track, track) in tracks.iter().enumerate() {
            let (device, name) = (world.devices[number_of_protocol * tracks.len() + number_of_track], &track.name);
            let encoder = protocol.encoder(Transport::Tcp);
            let distinct = |rows: Vec<(Micros, f64, f64, Option<f64>)>| -> BTreeSet<(Micros, u64, u64, Option<u64>)> {
                rows.into_iter().map(|(at, north, east, up)| (at, north.to_bits(), east.to_bits(), up.map(f64::to_bits))).collect()
            };
            let wanted = track.records.iter().map(|record| encoder.representable(record)).map(|record| {
                let (at, north, east) = place(&record).expect("a place");
                (at, north, east, record.fix.and_then(|fix| fix.altitude_m).map(f64::from))
            });
            let (wanted, got) = (distinct(wanted.collect()), world.rows(device).await);
            assert_eq!(got.len(), wanted.len(), "{name} by {}: each distinct row once", protocol.name());
            assert!(got.is_sorted_by_key(|row| row.0), "{name} by {}: in order", protocol.name());
            assert!(distinct(got) == wanted, "{name} by {}: the rows are not those that were sent", protocol.name());
            let (wanted, got) = (naive_visits(track, &areas), world.visits(device).await);
            let (only_wanted, only_got) = (wanted.difference(&got).next(), got.difference(&wanted).next());
            assert!(wanted == got, "{name} by {}: expected and not found {only_wanted:?}, found {only_got:?}", protocol.name());
            visits_seen += got.len();
        }
    }
    assert!(visits_seen >= 2 * tracks.len(), "busy spots are visited");
    println!("{} tracks, {sent} records through two protocols, {} areas, {visits_seen} visits", tracks.len(), areas.len());
    let World { gateway, .. } = world;
    gateway.stop().await;
}
