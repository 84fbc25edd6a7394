//! The whole way, from a tracker's frame to a viewer's socket, with the load generator in the same process on the same cores.
//!
//! `cargo bench --bench whole_way -- [load | fanout | idle]`; without a word, all. Length: `PURVIEW_BENCH_SECONDS` (20).

#![allow(clippy::print_stdout, missing_docs, reason = "a program that prints figures")]

mod fanout;
mod idle;
mod viewers;
mod world;

use protocols::{Protocol, Transport};
use purview::simulator::{Credentials, Drive, Ledger, Outcome, Source, Tracker, identifier, play};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use viewers::Received;
use world::{HOME, Plan, World};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 20;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let [first, address] = words.as_slice()
        && first == "trackers"
    {
        return idle::trackers(address);
    }
    let wanted = |word: &str| words.is_empty() || words.iter().any(|w| w == word);
    if wanted("fanout") {
        fanout::run();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if wanted("load") {
        runtime.block_on(load());
    }
    if wanted("idle") {
        runtime.block_on(idle::run());
    }
}

fn seconds() -> Duration {
    Duration::from_secs(std::env::var("PURVIEW_BENCH_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(20))
}

async fn load() {
    let dir = tempfile::tempdir().expect("a folder");
    let plan = Plan { devices: 2_000, geofences: 10_000, viewers: 100, devices_per_viewer: 20 };
    let world = world::build(dir.path(), &plan).await;
    let received = Arc::new(Received::default());
    viewers::watch(world.gateway.api(), &world.tokens, &received).await;
    println!(
        "whole way: 2,000 devices, 10,000 geofences, 100 viewers of 20 devices each, \
         {BATCH} records a frame, fdatasync before each acknowledgement"
    );
    let full = drive(&world, &received, "as fast as it goes", 0.0, 0).await;
    drive(&world, &received, "half of that", full / 2.0, 1).await;
    let unsealed: u64 =
        world.gateway.journal().segments().iter().filter(|s| s.first_seq > world.gateway.history().sealed_through()).map(|s| s.bytes).sum();
    println!("  unsealed journal: {} MiB", unsealed >> 20);
    world.gateway.stop().await;
}

/// Drives the fleet and prints what came of it; gives acknowledged records a second.
async fn drive(world: &World, received: &Arc<Received>, what: &str, rate: f64, round: u64) -> f64 {
    let devices = world.devices.len();
    let interval = if rate > 0.0 { Duration::from_secs_f64(devices as f64 * BATCH as f64 / rate) } else { Duration::ZERO };
    let now = purview::clock::Clock::system().now();
    let trackers = (0..devices).map(|number| Tracker {
        identifier: identifier(Protocol::Teltonika, number).expect("an identifier"),
        protocol: Protocol::Teltonika,
        transport: Transport::Tcp,
        address: world::address(&world.gateway, Protocol::Teltonika, Transport::Tcp),
        // A record each 10 ms of the device's time, the second round behind the first, and none from the future.
        source: Source::Drive(Drive::new(number as u64, HOME, now - 7_200_000_000 + round as i64 * 3_600_000_000, 10_000, u64::MAX)),
        records_per_frame: BATCH,
        frame_interval: interval,
        window_frames: 4,
        drops_per_mille: 0,
        losses_per_mille: 0,
        credentials: Credentials::default(),
    });
    let ledger = Arc::new(Ledger::new(devices));
    let stop = CancellationToken::new();
    let (items, started) = (received.items.load(Ordering::Relaxed), Instant::now());
    let playing = tokio::spawn(play(trackers.collect(), Arc::clone(&ledger), stop.clone()));
    tokio::time::sleep(seconds()).await;
    let acked = ledger.acked_total();
    let took = started.elapsed().as_secs_f64();
    stop.cancel();
    let outcome: Outcome = playing.await.expect("played");
    world.gateway.settled().await;
    let settled = started.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let delivered = received.items.load(Ordering::Relaxed) - items;
    println!(
        "  {what}: {:.0} records/s acknowledged, {:.0} items/s delivered; all computed {:.1} s after the last; \
         ack p50 {:.1} ms, p99 {:.1} ms; \
         lagged {}",
        acked as f64 / took,
        delivered as f64 / settled,
        settled - took,
        outcome.ack_ms_p50,
        outcome.ack_ms_p99,
        received.lagged.load(Ordering::Relaxed),
    );
    acked as f64 / took
}
