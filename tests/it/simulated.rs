//! A fleet that speaks every protocol on every transport at once, into a running gateway: what was acknowledged is in history, and equal to
//! what was sent. Long form: `PURVIEW_SIMULATED_DEVICES=2000 PURVIEW_SIMULATED_SECONDS=60` (`make simulated`).

#![allow(clippy::print_stdout)]

use crate::crash::compare::{Tally, all_positions, positions};
use crate::crash::scene::{Plan, config, prepare};
use protocols::{Protocol, Transport};
use purview::clock::Clock;
use purview::gateway::Gateway;
use purview::simulator::{Credentials, Ledger, Source, Tracker, play};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn from_environment(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Each protocol on each of its transports, over and over.
fn fleet(devices: usize) -> Vec<Plan> {
    let spoken: Vec<(Protocol, Transport)> =
        Protocol::ALL.iter().flat_map(|protocol| protocol.transports().iter().map(|transport| (*protocol, *transport))).collect();
    let devices = devices.max(spoken.len());
    let spoken = spoken.into_iter().cycle();
    spoken.take(devices).enumerate().map(|(number, (protocol, transport))| Plan { number, protocol, transport }).collect()
}

fn tracker(gateway: &Gateway, plan: &Plan) -> Tracker {
    let listener = gateway.listener().expect("it listens");
    let bound = listener.bound().iter().find(|b| b.protocol == plan.protocol && b.transport == plan.transport).expect("a port");
    let identifier = plan.identifier();
    Tracker {
        identifier,
        protocol: plan.protocol,
        transport: plan.transport,
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, bound.address.port())),
        source: Source::Drive(plan.drive(u64::MAX)),
        records_per_frame: 5,
        frame_interval: Duration::from_millis(500),
        window_frames: 4,
        drops_per_mille: 0,
        losses_per_mille: 0,
        credentials: Credentials { user: identifier.to_string(), password: String::new() },
    }
}

#[derive(Default)]
struct Row {
    devices: u64,
    sent: u64,
    acked: u64,
    held: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_every_protocol_at_once_comes_back_as_it_was_sent() {
    let plans = fleet(from_environment("PURVIEW_SIMULATED_DEVICES", 0));
    let seconds = from_environment("PURVIEW_SIMULATED_SECONDS", 4);
    let folder = tempfile::tempdir().expect("a folder");
    let ports = Protocol::ALL.iter().map(|protocol| (protocol.name().to_owned(), 0)).collect();
    let mut config = config(folder.path(), ports, 4 << 20);
    config.listener.mqtt = true;
    config.listener.mqtt_port = 0;
    config.listener.connections_per_address_max = plans.len() + 10;
    config.pipeline.dedup_keys_per_device_max = 1_000;
    let devices = prepare(&config, &plans).await;
    let gateway = Gateway::start(config, Arc::new(Clock::system())).await.expect("the gateway starts");
    let (ledger, stop) = (Arc::new(Ledger::new(plans.len())), CancellationToken::new());
    let playing = tokio::spawn(play(plans.iter().map(|plan| tracker(&gateway, plan)).collect(), Arc::clone(&ledger), stop.clone()));
    tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
    stop.cancel();
    playing.await.expect("the fleet ends");
    gateway.settled().await;

    let (mut rows, mut total) = (BTreeMap::<String, Row>::new(), Tally::default());
    for ((plan, device), told) in plans.iter().zip(&devices).zip(ledger.trackers()) {
        let mut tally = positions(plan.said(told.sent()), told.acked(), all_positions(gateway.history(), *device));
        tally.first = tally.first.map(|what| format!("{plan:?}: {what}"));
        let row = rows.entry(format!("{} {:?}", plan.protocol.name(), plan.transport)).or_default();
        row.devices += 1;
        row.sent += told.sent();
        row.acked += told.acked();
        row.held += tally.held;
        if let (Some(first), true) = (&tally.first, row.devices == 1) {
            println!("{}", first.chars().take(1_500).collect::<String>());
        }
        total.add(tally);
    }
    println!("| protocol | devices | sent | acknowledged | in history |\n|---|---:|---:|---:|---:|");
    for (name, row) in &rows {
        println!("| {name} | {} | {} | {} | {} |", row.devices, row.sent, row.acked, row.held);
    }
    for plan in &plans {
        let row = &rows[&format!("{} {:?}", plan.protocol.name(), plan.transport)];
        let answers = plan.transport == Transport::Mqtt || plan.protocol.about().acknowledges.contains(&plan.transport);
        assert!(row.sent > 0 && (row.acked > 0) == answers, "{plan:?}: {} sent, {} acknowledged", row.sent, row.acked);
        // Without acknowledgements, what was written to a stream that was closed in order has arrived all the same.
        assert!(answers || plan.transport != Transport::Tcp || row.held == row.sent, "{plan:?}: {} of {}", row.held, row.sent);
    }
    assert!(total.is_clean(), "{total:?}");
    gateway.stop().await;
}
