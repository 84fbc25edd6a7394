//! What an idle tracker costs: the memory of the process with many connections open, less that without.

use crate::world::{self, Plan};
use protocols::{Protocol, Transport};
use purview::simulator::identifier;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

const CONNECTIONS: usize = 10_000;

pub async fn run() {
    let dir = tempfile::tempdir().expect("a folder");
    let world = world::build(dir.path(), &Plan { devices: CONNECTIONS, geofences: 0, viewers: 0, devices_per_viewer: 0 }).await;
    let address = world::address(&world.gateway, Protocol::Teltonika, Transport::Tcp);
    let before = resident_bytes();
    // The other ends of the connections live in a process of their own, and do not count.
    let mut trackers = Command::new(std::env::current_exe().expect("a path"))
        .args(["trackers", &address.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("trackers");
    let mut said = trackers.stdout.take().expect("piped");
    let connected = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        BufReader::new(&mut said).read_line(&mut line).map(|_| line)
    });
    let connected = connected.await.expect("joined").expect("read");
    world.gateway.settled().await;
    let after = resident_bytes();
    println!(
        "idle: {} trackers connected and logged in; {} bytes of memory each (the journal's and the pipeline's part included)",
        connected.trim(),
        after.saturating_sub(before) / CONNECTIONS as u64
    );
    drop(trackers.stdin.take());
    trackers.wait().expect("ended");
    world.gateway.stop().await;
}

/// The child process: connects, says so, and holds the connections until its input ends.
pub fn trackers(address: &str) {
    let address = address.parse().expect("an address");
    let sockets: Vec<TcpStream> = (0..CONNECTIONS).map(|number| connect(address, number)).collect();
    println!("{}", sockets.len());
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).expect("read");
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

/// Resident set: second field of `statm`, in pages (proc(5)).
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("proc");
    let pages: u64 = statm.split(' ').nth(1).and_then(|field| field.parse().ok()).expect("a number");
    pages * rustix::param::page_size() as u64
}
