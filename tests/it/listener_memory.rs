//! What an idle tracker costs.

#![allow(clippy::print_stdout)]

use crate::listener_rig::{Rig, Tracker, config, frame, journal_config, login, record};
use protocols::{Protocol, Transport};
use purview::config::ListenerConfig;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

const IDLE_BYTES_MAX: usize = 4 * 1024;
/// Set in the process that measures, to the number of connections.
const MEASURE: &str = "PURVIEW_MEASURE_CONNECTIONS";

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("statm");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4_096
}

/// Both ends are in one process, and other tests may run beside it.
fn connections_possible() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let files = line.and_then(|line| line.split_whitespace().nth(3)).and_then(|files| files.parse::<usize>().ok()).unwrap_or(1_024);
    (files.saturating_sub(200) / 2).min(2_000)
}

fn imei(number: usize) -> String {
    format!("35630704{number:07}")
}

/// A tracker that logged in, sent a frame, was answered, and keeps still.
fn idle(address: std::net::SocketAddr, imei: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("connected");
    let mut answer = [0; 4];
    stream.write_all(&login(imei)).expect("sent");
    stream.read_exact(&mut answer[..1]).expect("let in");
    stream.write_all(&frame(Transport::Tcp, imei, &[record(1)])).expect("sent");
    stream.read_exact(&mut answer).expect("acknowledged");
    assert_eq!(answer, [0, 0, 0, 1]);
    stream
}

async fn measure(count: usize) -> usize {
    let names: Vec<String> = (0..count * 2).map(imei).collect();
    let registered: Vec<&str> = names.iter().map(String::as_str).collect();
    let config = ListenerConfig { connections_per_address_max: usize::MAX, ..config() };
    let rig = Rig::start_with(&registered, config, &journal_config()).await;
    let address = rig.address(Protocol::Teltonika, Transport::Tcp);
    let open = |names: Vec<String>| async move {
        let opened = tokio::task::spawn_blocking(move || names.iter().map(|name| idle(address, name)).collect::<Vec<_>>());
        opened.await.expect("opened")
    };
    // What is made once is not what a connection costs.
    let warm = open(names[..count / 4].to_vec()).await;
    let before = resident_bytes();
    let held = open(names[count..].to_vec()).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let after = resident_bytes();
    assert_eq!(rig.listener.connections(), warm.len() + held.len());
    after.saturating_sub(before) / held.len()
}

#[test]
fn an_idle_tracker_costs_at_most_4_kib() {
    if let Some(count) = std::env::var(MEASURE).ok().and_then(|count| count.parse().ok()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        println!("bytes of a connection: {}", runtime.block_on(measure(count)));
        return;
    }
    let count = connections_possible();
    assert!(count >= 100, "too few files may be open");
    let this = std::env::current_exe().expect("this test");
    let arguments = ["--exact", "listener_memory::an_idle_tracker_costs_at_most_4_kib", "--nocapture"];
    let output = Command::new(this).args(arguments).env(MEASURE, count.to_string()).output().expect("it ran");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = text.split("bytes of a connection: ").nth(1).and_then(|rest| rest.split_whitespace().next()?.parse::<usize>().ok());
    let bytes = said.unwrap_or_else(|| panic!("{text} {}", String::from_utf8_lossy(&output.stderr)));
    println!("{count} connections, {bytes} bytes each");
    assert!(bytes <= IDLE_BYTES_MAX, "{bytes} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tracker_that_is_idle_again_is_still_served() {
    let names = [imei(1)];
    let rig = Rig::start(&[&names[0]]).await;
    let stream = tokio::task::spawn_blocking({
        let (address, name) = (rig.address(Protocol::Teltonika, Transport::Tcp), names[0].clone());
        move || idle(address, &name)
    });
    let stream = stream.await.expect("opened");
    stream.set_nonblocking(true).expect("set");
    let mut tracker = Tracker { stream: tokio::net::TcpStream::from_std(stream).expect("taken over") };
    for second in 2..6 {
        tracker.send(&frame(Transport::Tcp, &names[0], &[record(second)])).await;
        tracker.expect(&[0, 0, 0, 1]).await;
    }
    assert_eq!(rig.records(), 5);
}
