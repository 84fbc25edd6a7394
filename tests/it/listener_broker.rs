//! Devices' messages through a real Mosquitto.

#![allow(clippy::print_stderr)]

use crate::listener_bad_input::disk_that_can_be_filled;
use crate::listener_rig::{Rig, config, fix_time, journal_config, until};
use crate::mosquitto::{Broker, Publisher, location};
use purview::config::{BrokerConfig, JournalConfig, ListenerConfig};
use std::collections::{BTreeMap, BTreeSet};

const TOPIC: &str = "owntracks/ann/phone";

fn through(port: u16) -> ListenerConfig {
    let broker = BrokerConfig {
        host: "127.0.0.1".to_owned(),
        port,
        client_id: "purview-test".to_owned(),
        user: None,
        password: None,
        topics: BTreeMap::from([("owntracks".to_owned(), "owntracks/#".to_owned())]),
        in_flight_max: 64,
    };
    ListenerConfig { broker: Some(broker), ..config() }
}

fn lines(seconds: std::ops::Range<i64>) -> String {
    seconds.map(|second| location(second) + "\n").collect()
}

fn seen(rig: &Rig) -> BTreeSet<i64> {
    rig.fix_times(1).into_iter().collect()
}

fn wanted(seconds: std::ops::Range<i64>) -> BTreeSet<i64> {
    seconds.map(fix_time).collect()
}

/// Publishes until the gateway has subscribed: what came before is in no session.
async fn subscribed(rig: &Rig, publisher: &Publisher, port: u16) {
    for _ in 0..200 {
        assert!(publisher.run(port, &["-q", "1", "-t", TOPIC, "-m", &location(-1)], "").await.success());
        if !rig.fix_times(1).is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the gateway does not subscribe");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_of_a_thousand_messages_none_is_lost_when_broker_and_gateway_end_and_come_back() {
    let test = "p7_of_a_thousand_messages_through_a_broker";
    let (Some(publisher), Some(mut broker)) = (Publisher::find(test), Broker::start(test).await) else { return };
    let port = broker.port;
    let rig = Rig::start_with(&["ann/phone"], through(port), &journal_config()).await;
    subscribed(&rig, &publisher, port).await;
    for version in ["mqttv311", "mqttv5"] {
        let range = if version == "mqttv5" { 0..200 } else { 200..400 };
        assert!(publisher.run(port, &["-V", version, "-q", "1", "-t", TOPIC, "-l"], &lines(range)).await.success());
    }
    until("400 are there", || wanted(0..400).is_subset(&seen(&rig))).await;

    // The broker crashes and comes back; the session and what it acknowledged is its own affair, so it is let save first.
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;
    broker.kill().await;
    broker.restart().await;
    assert!(publisher.run(port, &["-q", "1", "-t", TOPIC, "-l"], &lines(400..700)).await.success());
    until("700 are there", || wanted(0..700).is_subset(&seen(&rig))).await;

    // The gateway is away; the broker keeps for it what comes.
    let folder = rig.stop().await;
    assert!(publisher.run(port, &["-q", "1", "-t", TOPIC, "-l"], &lines(700..1_000)).await.success());
    let rig = Rig::start_in(folder, &["ann/phone"], through(port), &journal_config()).await;
    until("all are there", || wanted(0..1_000).is_subset(&seen(&rig))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_devices_and_what_cannot_be_read_block_nobody_behind_them() {
    let test = "unknown_devices_through_a_broker";
    let (Some(publisher), Some(broker)) = (Publisher::find(test), Broker::start(test).await) else { return };
    let rig = Rig::start_with(&["ann/phone"], through(broker.port), &journal_config()).await;
    subscribed(&rig, &publisher, broker.port).await;
    // More than a broker keeps in flight.
    assert!(publisher.run(broker.port, &["-q", "1", "-t", "owntracks/nobody/phone", "-l"], &lines(0..200)).await.success());
    assert!(publisher.run(broker.port, &["-q", "1", "-t", "owntracks", "-l"], &"x\n".repeat(200)).await.success());
    let large = location(1).replace("52.5", &format!("52.5{}", "0".repeat(70_000)));
    assert!(publisher.run(broker.port, &["-q", "1", "-t", TOPIC, "-s"], &large).await.success());
    assert!(publisher.run(broker.port, &["-q", "1", "-t", TOPIC, "-m", &location(7)], "").await.success());
    until("the good one is there", || rig.fix_times(1).last() == Some(&fix_time(7))).await;
    let listed: Vec<(String, u64)> = rig.listener.unknown().into_iter().map(|unknown| (unknown.identifier, unknown.messages)).collect();
    assert_eq!(listed, [("nobody/phone".to_owned(), 200)]);
    let mut stored = rig.fix_times(1);
    stored.retain(|time| *time != fix_time(-1));
    assert_eq!(stored, [fix_time(7)], "nothing else is stored");
    assert!(rig.entries().iter().all(|entry| *entry == "record"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_while_the_disk_is_full_the_broker_keeps_what_is_not_durable() {
    let test = "p7_while_the_disk_is_full_the_broker_keeps";
    let (Some(publisher), Some(broker)) = (Publisher::find(test), Broker::start(test).await) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let Some((disk_margin_bytes, fill)) = disk_that_can_be_filled(folder.path()) else {
        eprintln!("SKIPPED: {test}: the room of this disk cannot be taken and given back");
        return;
    };
    let journal = JournalConfig { disk_margin_bytes, ..journal_config() };
    let rig = Rig::start_in(folder, &["ann/phone"], through(broker.port), &journal).await;
    subscribed(&rig, &publisher, broker.port).await;
    fill(true);
    assert!(publisher.run(broker.port, &["-q", "1", "-t", TOPIC, "-l"], &lines(0..100)).await.success());
    until("it is noticed", || rig.journal.disk_full()).await;
    assert!(wanted(0..100).is_disjoint(&seen(&rig)));
    fill(false);
    until("all are there", || wanted(0..100).is_subset(&seen(&rig))).await;
}
