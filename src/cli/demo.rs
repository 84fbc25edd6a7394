//! `demo`: a gateway with nothing but its defaults, a fleet that speaks to it, three people who look on, and the reckoning at the end.

mod compare;
mod fleet;
mod http;
mod report;
mod scene;
mod show;
mod taken;
mod truth;
mod watcher;

pub use report::{Report, ViewerReport};

use super::Failure;
use crate::clock::Clock;
use crate::config::Config;
use crate::gateway::{Gateway, StartError};
use crate::listener::ListenError;
use crate::simulator::{Ledger, play as play_fleet};
use fleet::Planned;
use protocols::{Protocol, Transport};
use report::Findings;
use scene::Scene;
use show::Show;
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use taken::{Taken, What};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use truth::Truth;
use watcher::Watcher;

/// Trackers times seconds: more would not be a demonstration, and everything that is sent is kept for the reckoning.
const TRACKER_SECONDS_MAX: u64 = 200_000;
/// How long the viewers may take at the end to receive what is on its way.
const CATCH_UP: Duration = Duration::from_secs(10);
/// How long is listened on for what should not come.
const LISTEN_ON: Duration = Duration::from_millis(200);

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// How long the fleet drives.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=3_600))]
    seconds: u64,
    /// Trackers.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(8..=2_000))]
    devices: u64,
    /// Ends with one line of JSON on standard output; the view goes to standard error.
    #[arg(long)]
    json: bool,
}

/// What is played.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long the fleet drives.
    pub seconds: u64,
    /// Trackers; at least 8.
    pub devices: usize,
    /// Whether the ports are tried that users know, before free ones are taken.
    pub usual_ports: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let options = Options { seconds: arguments.seconds, devices: usize::try_from(arguments.devices)?, usual_ports: true };
    let report = if arguments.json {
        let report = play(&options, &mut std::io::stderr()).await?;
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&report)?)?;
        report
    } else {
        play(&options, &mut std::io::stdout()).await?
    };
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plays the demonstration, and tells on `out` what happens. Whatever goes wrong in it stands in the report.
///
/// # Errors
/// When it could not be played to its end.
pub async fn play(options: &Options, out: &mut (dyn Write + Send)) -> Result<Report, Failure> {
    let tracker_seconds = options.seconds.saturating_mul(options.devices as u64);
    if tracker_seconds > TRACKER_SECONDS_MAX {
        return Err(format!("trackers times seconds may be {TRACKER_SECONDS_MAX} at most, not {tracker_seconds}").into());
    }
    let clock = Arc::new(Clock::system());
    let fleet = fleet::plan(options.devices, options.seconds, clock.now())?;
    let folder = Folder::new()?;
    let gateway = start(options, &folder.0, &clock).await?;
    let report = on_stage(options, &gateway, &fleet, out).await;
    gateway.stop().await;
    report
}

/// A folder of its own, which goes when the demonstration ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let mut random = [0_u8; 8];
        getrandom::fill(&mut random).map_err(std::io::Error::other)?;
        let path = std::env::temp_dir().join(format!("purview-demo-{}", protocols::wire::to_hex(&random)));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system, whose folder for temporary files it is in.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Starts the gateway on its defaults, but for where it keeps its data and on which ports it listens.
async fn start(options: &Options, folder: &Path, clock: &Arc<Clock>) -> Result<Gateway, Failure> {
    if options.usual_ports {
        match Gateway::start(config(folder, free), Arc::clone(clock)).await {
            // Somebody took a port in the moment between: then none of the usual ones is insisted on.
            Err(StartError::Bind { .. } | StartError::Listener(ListenError::Bind { .. })) => {}
            started => return Ok(started?),
        }
    }
    Ok(Gateway::start(config(folder, |_, _| false), Arc::clone(clock)).await?)
}

fn config(folder: &Path, usual: impl Fn(u16, Transport) -> bool) -> Config {
    const HOST: &str = "127.0.0.1";
    let mut config = Config { data_dir: folder.to_owned(), ..Config::default() };
    let or_free = |port: u16, transports: &[Transport]| if transports.iter().all(|it| usual(port, *it)) { port } else { 0 };
    let address = |usual: &str| {
        let port = usual.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
        format!("{HOST}:{}", or_free(port, &[Transport::Http]))
    };
    config.api.bind = address(&config.api.bind);
    config.telemetry.bind = address(&config.telemetry.bind);
    config.listener.bind = HOST.to_owned();
    config.listener.mqtt_port = or_free(config.listener.mqtt_port, &[Transport::Mqtt]);
    // MQTT has a port of its own; what else such a protocol rides on gets a free one.
    let port = |protocol: Protocol| match protocol.transports() {
        [Transport::Mqtt, ..] => 0,
        transports => or_free(protocol.default_port(), transports),
    };
    config.listener.ports = Protocol::ALL.iter().map(|protocol| (protocol.name().to_owned(), port(*protocol))).collect();
    config
}

fn free(port: u16, transport: Transport) -> bool {
    let address = ("127.0.0.1", port);
    if transport == Transport::Udp { UdpSocket::bind(address).is_ok() } else { TcpListener::bind(address).is_ok() }
}

/// Seed, viewers, fleet, revokes, reckoning.
async fn on_stage(options: &Options, gateway: &Gateway, fleet: &[Planned], out: &mut (dyn Write + Send)) -> Result<Report, Failure> {
    let scene = scene::build(gateway.directory(), fleet).await?;
    let mut watchers = Vec::new();
    for person in &scene.people {
        watchers.push(Watcher::start(gateway.api(), person).await?);
    }
    let mut show = Show::new(out, &scene);
    show.opening(gateway, fleet, options.seconds)?;
    let bound = gateway.listener().ok_or("no tracker is listened to")?.bound();
    let trackers = fleet::trackers(fleet, bound)?;
    let (ledger, stop) = (Arc::new(Ledger::new(trackers.len())), CancellationToken::new());
    let playing = tokio::spawn(play_fleet(trackers, Arc::clone(&ledger), stop.clone()));
    let driven = drive(gateway, &scene, &watchers, &ledger, options.seconds, &mut show).await;
    stop.cancel();
    let outcome = playing.await?;
    let taken = driven?;
    gateway.settled().await;
    let truth = Truth::gather(gateway, &scene).await?;
    let (expected, takings) = report::expectations(&scene, &truth, &taken);
    let deadline = Instant::now() + CATCH_UP;
    while Instant::now() < deadline && report::verdicts(&scene, &watchers, &expected).iter().any(|verdict| !verdict.missing.is_empty()) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(LISTEN_ON).await;
    let verdicts = report::verdicts(&scene, &watchers, &expected);
    watchers.iter().for_each(Watcher::stop);
    let acked = fleet.iter().zip(ledger.trackers()).zip(&truth.positions);
    let lost = acked.map(|((planned, ledger), held)| fleet::lost(planned, ledger.acked(), held)).sum();
    let findings = Findings {
        scene: &scene,
        truth: &truth,
        outcome: &outcome,
        lost,
        watchers: &watchers,
        verdicts: &verdicts,
        taken: &taken,
        takings: &takings,
    };
    let report = findings.report();
    show.totals(&report)?;
    Ok(report)
}

/// What happens when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Beat {
    Tick,
    TakeDevice,
    TakeGeofence,
    End,
}

/// In the middle a device is taken, at three quarters a geofence; in between is told how things stand.
fn beats(seconds: u64) -> Vec<(Duration, Beat)> {
    let whole = Duration::from_secs(seconds);
    let every = Duration::from_secs(if seconds <= 10 { 1 } else { 2 });
    let mut beats: Vec<(Duration, Beat)> = (1..).map(|n| every * n).take_while(|at| *at < whole).map(|at| (at, Beat::Tick)).collect();
    beats.extend([(whole / 2, Beat::TakeDevice), (whole * 3 / 4, Beat::TakeGeofence), (whole, Beat::End)]);
    beats.sort();
    beats
}

/// Lets the time pass, tells how things stand, and takes what is to be taken. Interrupted, it ends early.
async fn drive(
    gateway: &Gateway,
    scene: &Scene,
    watchers: &[Watcher],
    ledger: &Ledger,
    seconds: u64,
    show: &mut Show<'_>,
) -> Result<Vec<Taken>, Failure> {
    let (started, mut taken) = (Instant::now(), Vec::new());
    for (at, beat) in beats(seconds) {
        tokio::select! {
            () = tokio::time::sleep_until(started + at) => {}
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                break;
            }
            reason = gateway.failed() => return Err(reason.into()),
        }
        let (name, what) = match beat {
            Beat::Tick => {
                show.tick(ledger, watchers)?;
                continue;
            }
            Beat::TakeDevice => ("a device", What::Device(scene.taken_device().ok_or("there is no device to take")?.1)),
            Beat::TakeGeofence => ("his geofence", What::Geofence(scene.taken_geofence().ok_or("there is no geofence to take")?.1)),
            Beat::End => break,
        };
        let it = taken::take(gateway, scene, watchers, what).await?;
        show.taken(name, &it, watchers)?;
        taken.push(it);
    }
    Ok(taken)
}
