//! Crash trials: a gateway under full load is killed again and again, and starts again on what it left. Nothing that it acknowledged is
//! lost, nothing is there twice, and the visits and alerts are those of a gateway that was never interrupted.
//!
//! `PURVIEW_CRASHES` says how many times. The trackers' own account of what was acknowledged is the oracle for the positions; for visits
//! and alerts there are two: the same journal computed from its beginning (equal in everything), and another gateway that is given the
//! same records without an interruption (equal in all that does not tell of connections).

mod child;
pub(crate) mod compare;
pub(crate) mod scene;

use child::Child;
use compare::{Tally, all_positions, differences, exactly, in_substance, positions};
use purview::clock::Clock;
use purview::config::Config;
use purview::gateway::Gateway;
use purview::journal::Journal;
use purview::listener::Bound;
use purview::model::{AlertKind, DeviceId, Item, Order, Seq, Shared};
use purview::simulator::{Ledger, play};
use scene::{Plan, fleet, prepare, trackers};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const DEVICES: usize = 42;

fn crashes() -> u32 {
    std::env::var("PURVIEW_CRASHES").map_or(5, |text| text.parse().expect("PURVIEW_CRASHES is a number"))
}

fn report(line: std::fmt::Arguments<'_>) {
    writeln!(std::io::stderr(), "crash trials: {line}").expect("standard error");
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// Moments to kill at. The moments are not the same in two runs anyway; the numbers need not be either, but they are.
struct Moments(u64);

impl Moments {
    fn between(&mut self, from_ms: u64, to_ms: u64) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis(from_ms + (self.0 >> 33) % (to_ms - from_ms))
    }
}

/// What a trial leaves behind.
struct Remains {
    config: Config,
    plans: Vec<Plan>,
    devices: Vec<DeviceId>,
    ledger: Arc<Ledger>,
}

/// The gateway in this process, on a data folder, with ports that are free.
fn open(runtime: &Runtime, config: &Config) -> Gateway {
    let mut config = config.clone();
    config.listener.ports.values_mut().for_each(|port| *port = 0);
    let gateway = runtime.block_on(Gateway::start(config, Arc::new(Clock::system()))).expect("the gateway starts");
    runtime.block_on(gateway.settled());
    gateway
}

/// Where a tracker connects; datagrams have a port of their own where none was chosen.
fn port_of(gateway: &Gateway, plan: &Plan) -> u16 {
    let bound = gateway.listener().expect("it listens").bound();
    let is_his = |b: &&Bound| b.protocol == plan.protocol && b.transport == plan.transport;
    bound.iter().find(is_his).expect("a port").address.port()
}

/// All visits and alerts up to an entry, by recorded order.
fn events(runtime: &Runtime, gateway: &Gateway, up_to: Seq) -> Vec<Shared> {
    let up_to = Order { seq: up_to, ordinal: u32::MAX };
    runtime.block_on(gateway.events().since(None, Order::default(), up_to, usize::MAX)).expect("events read")
}

/// The last entry of a data folder on which nobody runs.
fn last_entry(config: &Config) -> Seq {
    let (journal, opened) =
        Journal::open(&config.data_dir.join("journal"), &config.journal, Arc::new(Clock::system())).expect("the journal opens");
    journal.close();
    opened.last_seq
}

/// The positions of all devices against the ledger, and how many records of each are held.
fn compare_positions(gateway: &Gateway, remains: &Remains) -> (Tally, Vec<u64>) {
    let mut total = Tally::default();
    let mut held = Vec::new();
    for ((plan, device), told) in remains.plans.iter().zip(&remains.devices).zip(remains.ledger.trackers()) {
        let mut tally = positions(plan.said(told.sent()), told.acked(), all_positions(gateway.history(), *device));
        tally.first = tally.first.map(|what| format!("{:?}: {what}", plan));
        held.push(tally.held);
        total.add(tally);
    }
    (total, held)
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copied");
        }
    }
}

/// A data folder that has the journal and the directory of another one, and nothing that was computed from them.
fn without_what_was_computed(config: &Config, to: &Path) -> Config {
    copy_folder(&config.data_dir.join("journal"), &to.join("journal"));
    for entry in std::fs::read_dir(&config.data_dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if name.starts_with("directory.db") {
            std::fs::copy(&path, to.join(name)).expect("copied");
        }
    }
    Config { data_dir: to.to_owned(), ..config.clone() }
}

/// Kills the gateway under load, so many times, and ends in order.
fn trial(runtime: &Runtime, dir: &Path, crashes: u32) -> Remains {
    let segment_bytes = if crashes < 20 { 1 << 20 } else { 4 << 20 };
    let config = scene::config(&dir.join("data"), child::ports(scene::protocols()), segment_bytes);
    let (file, log) = (dir.join("purview.toml"), dir.join("log"));
    std::fs::write(&file, toml::to_string(&config).expect("a configuration")).expect("written");
    let plans = fleet(DEVICES);
    let devices = runtime.block_on(prepare(&config, &plans));
    let ledger = Arc::new(Ledger::new(plans.len()));
    let stop = CancellationToken::new();
    let trackers = trackers(&plans, |plan| config.listener.ports[plan.protocol.name()], |_| u64::MAX);
    let playing = runtime.spawn(play(trackers, Arc::clone(&ledger), stop.clone()));

    let mut moments = Moments(1);
    let mut under_load = 0;
    for number in 0..crashes {
        let before = ledger.acked_total();
        let mut child = Child::start(&config, &file, &log);
        // Now and then it does not even come to serve.
        if number % 5 == 4 {
            std::thread::sleep(moments.between(0, 150));
        } else {
            child.serving();
            std::thread::sleep(moments.between(200, 1_200));
        }
        child.kill();
        if number % 50 == 2 {
            // Long enough for the trackers to count as silent.
            std::thread::sleep(Duration::from_secs(3));
        }
        under_load += u32::from(ledger.acked_total() > before);
    }
    let mut child = Child::start(&config, &file, &log);
    child.serving();
    std::thread::sleep(Duration::from_secs(1));
    stop.cancel();
    let outcome = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), playing).await });
    let outcome = outcome.expect("the fleet ends").expect("nobody panics");
    let status = child.terminate();
    assert!(status.success(), "stopped in order, it ends with {status}");
    let log = std::fs::read_to_string(&log).expect("the log");
    let troubles: Vec<&str> = log.lines().filter(|line| line.contains(" ERROR ")).take(5).collect();
    assert!(troubles.is_empty(), "the gateway met trouble:\n{}", troubles.join("\n"));
    let torn = log.matches("half-written block").count();
    report(format_args!("{crashes} kills, {under_load} of them under load, {torn} torn tails; {outcome:?}"));
    assert!(under_load >= crashes * 3 / 5, "records were acknowledged between the kills");
    assert!(ledger.trackers().iter().all(|tracker| tracker.acked() > 0), "every tracker was heard");
    assert_eq!(outcome.refused, 0, "no answer refused anything");
    Remains { config, plans, devices, ledger }
}

/// Visits and alerts of a gateway that gets the same records, and is not interrupted.
fn uninterrupted(runtime: &Runtime, dir: &Path, remains: &Remains, held: &[u64]) -> Vec<Shared> {
    let config = Config { data_dir: dir.to_owned(), ..remains.config.clone() };
    let devices = runtime.block_on(prepare(&config, &remains.plans));
    assert_eq!(devices, remains.devices, "the same ids");
    let gateway = open(runtime, &config);
    let ledger = Arc::new(Ledger::new(remains.plans.len()));
    let fleet = trackers(&remains.plans, |plan| port_of(&gateway, plan), |number| held[number]);
    let outcome = runtime.block_on(play(fleet, ledger, CancellationToken::new()));
    assert_eq!(outcome.acked, held.iter().sum::<u64>(), "{outcome:?}");
    runtime.block_on(gateway.settled());
    let found = events(runtime, &gateway, Seq::MAX >> 1);
    runtime.block_on(gateway.stop());
    found
}

fn assert_same(what: &str, ours: &compare::Told, expected: &compare::Told) {
    let different = differences(ours, expected);
    let shown = &different[..different.len().min(10)];
    assert!(different.is_empty(), "{what}: {} differences:\n{}", different.len(), shown.join("\n"));
}

#[test]
fn p7_p10_killed_again_and_again_it_loses_nothing_doubles_nothing_and_computes_the_same() {
    let started = Instant::now();
    let (runtime, dir, crashes) = (runtime(), tempfile::tempdir().expect("a folder"), crashes());
    let remains = trial(&runtime, dir.path(), crashes);
    let last = last_entry(&remains.config);
    let replayed = without_what_was_computed(&remains.config, &dir.path().join("replayed"));

    let gateway = open(&runtime, &remains.config);
    let (tally, held) = compare_positions(&gateway, &remains);
    let found = events(&runtime, &gateway, last);
    runtime.block_on(gateway.stop());
    let count = |is: fn(&Item) -> bool| found.iter().filter(|shared| is(shared.item())).count();
    let (visits, alerts) = (count(|item| matches!(item, Item::Visit(_))), count(|item| matches!(item, Item::Alert(_))));
    report(format_args!(
        "{crashes} kills, {} acknowledged, {} held, {} lost, {} doubled, {} never sent, {} out of order; {visits} revisions of visits, \
         {alerts} alerts, {} of them of silence, {} of conflicts",
        remains.ledger.acked_total(),
        tally.held,
        tally.lost,
        tally.doubled,
        tally.foreign,
        tally.gaps,
        count(|item| matches!(item, Item::Alert(alert) if alert.kind == AlertKind::ConnectionLost)),
        count(|item| matches!(item, Item::Alert(alert) if alert.kind == AlertKind::IdentityConflict)),
    ));
    assert!(tally.is_clean(), "{tally:?}");
    assert!(tally.held >= remains.ledger.acked_total(), "{tally:?}");
    assert!(visits > 20 && alerts > 20, "there was something to compute: {visits} and {alerts}");

    let gateway = open(&runtime, &replayed);
    let anew = events(&runtime, &gateway, last);
    let (tally_anew, _) = compare_positions(&gateway, &remains);
    runtime.block_on(gateway.stop());
    assert_same("computed anew", &exactly(&found), &exactly(&anew));
    assert_eq!(tally_anew, tally, "the same positions");

    let expected = uninterrupted(&runtime, &dir.path().join("uninterrupted"), &remains, &held);
    assert_same("never interrupted", &in_substance(&found), &in_substance(&expected));
    report(format_args!("visits and alerts equal in both comparisons; {:.0} s in all", started.elapsed().as_secs_f64()));
}

/// The segment that was written last.
fn last_segment(config: &Config) -> PathBuf {
    let mut folders = vec![config.data_dir.join("journal")];
    let mut segments = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "seg") {
                segments.push(path);
            }
        }
    }
    segments.into_iter().max().expect("a segment")
}

/// What a gateway that acknowledges before its commit leaves after a crash: the newest blocks are not there.
fn forget_the_newest(config: &Config) {
    let path = last_segment(config);
    let bytes = std::fs::read(&path).expect("the segment");
    let end = bytes.iter().rposition(|byte| *byte != 0).expect("it holds something") + 1;
    let forgotten = end / 5;
    let file = File::options().write(true).open(&path).expect("the segment");
    file.write_all_at(&vec![0; forgotten], (end - forgotten) as u64).expect("zeroed");
}

#[test]
fn p7_a_planted_acknowledgement_before_the_commit_is_caught() {
    const RECORDS: u64 = 400;
    let (runtime, dir) = (runtime(), tempfile::tempdir().expect("a folder"));
    let ports = scene::protocols().map(|protocol| (protocol.name().to_owned(), 0)).collect();
    let config = scene::config(&dir.path().join("data"), ports, 16 << 20);
    let plans = fleet(6);
    let devices = runtime.block_on(prepare(&config, &plans));
    let gateway = open(&runtime, &config);
    let ledger = Arc::new(Ledger::new(plans.len()));
    let fleet = trackers(&plans, |plan| port_of(&gateway, plan), |_| RECORDS);
    runtime.block_on(play(fleet, Arc::clone(&ledger), CancellationToken::new()));
    runtime.block_on(gateway.settled());
    let remains = Remains { config, plans, devices, ledger };
    let (tally, _) = compare_positions(&gateway, &remains);
    runtime.block_on(gateway.stop());
    assert_eq!(tally, Tally { held: RECORDS * 6, ..Tally::default() }, "all is there before");

    let damaged = without_what_was_computed(&remains.config, &dir.path().join("damaged"));
    forget_the_newest(&damaged);
    let gateway = open(&runtime, &damaged);
    let (tally, _) = compare_positions(&gateway, &remains);
    runtime.block_on(gateway.stop());
    assert!(tally.lost > 0 && tally.held > 0 && tally.lost + tally.held == RECORDS * 6, "{tally:?}");
}
