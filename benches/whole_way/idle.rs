//! What an idle tracker costs: the memory of the process with many connections open, less that without.

use crate::world::{self, Plan};
use protocols::{Protocol, Transport};
use purview::simulator::identifier;
use std::io::{Read, Write};
use std::net::TcpStream;

const CONNECTIONS: usize = 10_000;

pub async fn run() {
    if !allow_files(2 * CONNECTIONS as u64 + 1_000) {
        println!("idle: the limit of open files is too low for {CONNECTIONS} connections; left out");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let world = world::build(dir.path(), &Plan { devices: CONNECTIONS, geofences: 0, viewers: 0, devices_per_viewer: 0 }).await;
    let address = world::address(&world.gateway, Protocol::Teltonika, Transport::Tcp);
    let before = resident_bytes();
    let sockets = tokio::task::spawn_blocking(move || (0..CONNECTIONS).map(|number| connect(address, number)).collect::<Vec<_>>());
    let sockets = sockets.await.expect("connected");
    world.gateway.settled().await;
    let after = resident_bytes();
    println!(
        "idle: {} trackers connected and logged in; {} bytes of memory each (the journal's and the pipeline's part included)",
        sockets.len(),
        after.saturating_sub(before) / sockets.len() as u64
    );
    drop(sockets);
    world.gateway.stop().await;
}

fn connect(address: std::net::SocketAddr, number: usize) -> TcpStream {
    let mut socket = TcpStream::connect(address).expect("connected");
    let mut login = Vec::new();
    let imei = identifier(Protocol::Teltonika, number).expect("an identifier");
    Protocol::Teltonika.encoder(Transport::Tcp).login(&imei, &mut login);
    socket.write_all(&login).expect("sent");
    let mut answer = [0];
    socket.read_exact(&mut answer).expect("answered");
    assert_eq!(answer, [1], "logged in");
    socket
}

/// Raises the limit of open files, the hard one too where that is allowed.
fn allow_files(wanted: u64) -> bool {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|now| now >= wanted) {
        return true;
    }
    let maximum = limit.maximum.map(|most| most.max(wanted));
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok()
}

/// Resident set: second field of `statm`, in pages (proc(5)).
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("proc");
    let pages: u64 = statm.split(' ').nth(1).and_then(|field| field.parse().ok()).expect("a number");
    pages * rustix::param::page_size() as u64
}
