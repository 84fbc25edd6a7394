//! Whatever comes in over a socket, the gateway goes on, promises nothing false and stores nothing wrong.

#![allow(clippy::print_stderr)]

use crate::listener_rig::{IMEI, PATIENCE, Rig, Tracker, config, fix_time, frame, journal_config, login, record, until};
use protocols::{Protocol, Record, Transport};
use purview::config::{JournalConfig, ListenerConfig};
use purview::frames::Frames;
use purview::listener::{Listener, Parts};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::Instant;

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// The frames of a dialogue in `fixtures/`: `(sent, answered)`.
fn dialogue(name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let text = std::fs::read_to_string(path).expect("a fixture");
    let mut steps: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for line in text.lines() {
        if let Some(sent) = line.strip_prefix("> ") {
            steps.push((protocols::wire::from_hex(sent).expect("hex"), Vec::new()));
        } else if let Some(answer) = line.strip_prefix("< ") {
            steps.last_mut().expect("a frame").1.extend(protocols::wire::from_hex(answer).expect("hex"));
        }
    }
    steps
}

async fn serves_well(rig: &Rig, second: i64) {
    let mut tracker = rig.connect(Protocol::Teltonika).await;
    tracker.log_in(IMEI).await;
    tracker.send(&frame(Transport::Tcp, IMEI, &[record(second)])).await;
    tracker.expect(&[0, 0, 0, 1]).await;
    assert_eq!(rig.fix_times(1).last(), Some(&fix_time(second)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_on_any_port_stores_nothing_and_stops_nobody() {
    let rig = Rig::start(&[IMEI]).await;
    for bound in rig.listener.bound().to_vec() {
        for seed in 1..=8 {
            let noise = noise(seed, 3_000);
            if bound.transport == Transport::Udp {
                let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
                socket.send_to(&noise[..1_200], bound.address).await.expect("sent");
            } else {
                let mut tracker = Tracker { stream: TcpStream::connect(bound.address).await.expect("connected") };
                tracker.send(&noise).await;
            }
        }
    }
    until("the connections are gone", || rig.listener.connections() == 0).await;
    assert!(rig.entries().is_empty(), "{:?}", rig.entries());
    serves_well(&rig, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_with_a_wrong_checksum_is_neither_acknowledged_nor_stored_and_later_ones_are() {
    let rig = Rig::start(&[IMEI]).await;
    let steps = dialogue("teltonika/checksum-wrong.dialogue");
    let mut tracker = rig.connect(Protocol::Teltonika).await;
    for (sent, answer) in &steps {
        tracker.send(sent).await;
        tracker.expect(answer).await;
    }
    assert_eq!(steps.iter().filter(|(_, answer)| answer.is_empty()).count(), 2, "two bad frames");
    assert_eq!(rig.records(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_values_out_of_range_are_kept_and_acknowledged_with_the_rest() {
    let rig = Rig::start(&[IMEI]).await;
    let mut tracker = rig.connect(Protocol::Teltonika).await;
    for (sent, answer) in dialogue("teltonika/out-of-range.dialogue") {
        tracker.send(&sent).await;
        tracker.expect(&answer).await;
    }
    assert_eq!(rig.records(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn truncated_and_oversized_frames_store_nothing() {
    let rig = Rig::start(&[IMEI]).await;
    let good = frame(Transport::Tcp, IMEI, &[record(1), record(2)]);
    for length in [1, 7, 8, 20, good.len() - 1] {
        let mut tracker = rig.connect(Protocol::Teltonika).await;
        tracker.log_in(IMEI).await;
        tracker.send(&good[..length]).await;
        drop(tracker);
    }
    let mut tracker = rig.connect(Protocol::Teltonika).await;
    tracker.log_in(IMEI).await;
    tracker.send(&[0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0x8E, 1]).await;
    assert!(tracker.rest().await.is_empty(), "closed without an answer");
    let mut tracker = rig.connect(Protocol::Teltonika).await;
    tracker.send(&[0x7F; 4_096]).await;
    assert!(tracker.rest().await.is_empty(), "a login of 32,639 bytes");
    until("the connections are gone", || rig.listener.connections() == 0).await;
    assert_eq!(rig.records(), 0);
    serves_well(&rig, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tracker_of_one_byte_at_a_time_is_served_in_time_and_cut_after_it() {
    let deadline = ListenerConfig { frame_deadline_s: 2, ..config() };
    let rig = Rig::start_with(&[IMEI], deadline, &journal_config()).await;
    let mut tracker = rig.connect(Protocol::Teltonika).await;
    let mut bytes = login(IMEI);
    bytes.extend(frame(Transport::Tcp, IMEI, &[record(1)]));
    for byte in &bytes {
        tracker.send(&[*byte]).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tracker.expect(&[1, 0, 0, 0, 1]).await;
    // From now on a byte every 300 ms: each is a sign of life, and yet the frame takes too long.
    let begun = Instant::now();
    let good = frame(Transport::Tcp, IMEI, &[record(2)]);
    for byte in good.iter().cycle() {
        if tokio::io::AsyncWriteExt::write_all(&mut tracker.stream, &[*byte]).await.is_err() {
            break;
        }
        if !tracker.silent_for(Duration::from_millis(300)).await {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "still open");
    }
    assert!(begun.elapsed() >= Duration::from_secs(1), "cut too early: {:?}", begun.elapsed());
    assert_eq!(rig.records(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_steady_stream_whose_reads_always_end_inside_a_frame_is_not_cut() {
    let deadline = ListenerConfig { frame_deadline_s: 1, ..config() };
    let rig = Rig::start_with(&[IMEI], deadline, &journal_config()).await;
    let mut tracker = rig.connect(Protocol::Teltonika).await;
    tracker.log_in(IMEI).await;
    let frames: Vec<Vec<u8>> = (0..16).map(|second| frame(Transport::Tcp, IMEI, &[record(second)])).collect();
    let (mut rest, mut begun) = (Vec::new(), 0);
    for frame in &frames {
        // The end of the frame before, and the beginning of this one.
        rest.extend_from_slice(&frame[..10]);
        tracker.send(&rest).await;
        rest = frame[10..].to_vec();
        if begun > 0 {
            tracker.expect(&[0, 0, 0, 1]).await;
        }
        begun += 1;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    tracker.send(&rest).await;
    tracker.expect(&[0, 0, 0, 1]).await;
    assert_eq!(rig.fix_times(1).len(), frames.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_log_in_in_time_and_who_is_silent_too_long_is_closed() {
    let config = ListenerConfig { login_deadline_s: 1, idle_timeout_s: 3, ..config() };
    let rig = Rig::start_with(&[IMEI], config, &journal_config()).await;
    let begun = Instant::now();
    let (mut nobody, mut device) = (rig.connect(Protocol::Teltonika).await, rig.connect(Protocol::Teltonika).await);
    device.log_in(IMEI).await;
    assert!(nobody.rest().await.is_empty());
    let (at_login, closed) = (begun.elapsed(), device.rest().await);
    assert!((1..3).contains(&at_login.as_secs()), "{at_login:?}");
    assert!(closed.is_empty() && begun.elapsed() >= Duration::from_secs(3), "{:?}", begun.elapsed());
    until("its session is closed in the journal", || rig.entries() == ["opened", "closed"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_one_address_are_limited_on_every_stream_port() {
    let config = ListenerConfig { connections_per_address_max: 3, ..config() };
    let rig = Rig::start_with(&[IMEI], config, &journal_config()).await;
    for (protocol, transport) in
        [(Protocol::Teltonika, Transport::Tcp), (Protocol::OsmAnd, Transport::Http), (Protocol::OwnTracks, Transport::Mqtt)]
    {
        let address = rig.address(protocol, transport);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(Tracker { stream: TcpStream::connect(address).await.expect("connected") });
        }
        until("three are open", || rig.listener.connections() == 3).await;
        let mut fourth = Tracker { stream: TcpStream::connect(address).await.expect("connected") };
        assert!(fourth.rest().await.is_empty(), "{}: closed at once", transport_name(transport));
        assert_eq!(rig.listener.connections(), 3);
        drop(held);
        until("they are gone", || rig.listener.connections() == 0).await;
    }
    serves_well(&rig, 1).await;
}

fn transport_name(transport: Transport) -> String {
    format!("{transport:?}").to_lowercase()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_device_is_not_acknowledged_not_stored_and_listed_once() {
    let few = ListenerConfig { unknown_devices_max: 2, ..config() };
    let rig = Rig::start_with(&[IMEI], few, &journal_config()).await;
    for stranger in ["356307042440000", "356307042440001", "356307042440001", "356307042440002"] {
        let mut tracker = rig.connect(Protocol::Teltonika).await;
        let mut bytes = login(stranger);
        bytes.extend(frame(Transport::Tcp, stranger, &[record(1)]));
        tracker.send(&bytes).await;
        let answer = tracker.rest().await;
        assert!(answer.is_empty() || answer == [0], "{answer:?}");
    }
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let udp = rig.address(Protocol::Teltonika, Transport::Udp);
    socket.send_to(&frame(Transport::Udp, "356307042440009", &[record(1)]), udp).await.expect("sent");
    until("it is listed", || rig.listener.unknown().iter().any(|unknown| unknown.identifier == "356307042440009")).await;
    socket.send_to(&frame(Transport::Udp, IMEI, &[record(2)]), udp).await.expect("sent");
    let mut answer = [0; 64];
    let length = tokio::time::timeout(PATIENCE, socket.recv(&mut answer)).await.expect("in time").expect("an answer");
    assert_eq!(answer[length - 1], 1, "the first answer is the one for the registered device");
    let listed: Vec<(String, u64)> = rig.listener.unknown().into_iter().map(|unknown| (unknown.identifier, unknown.messages)).collect();
    assert_eq!(listed, [("356307042440009".to_owned(), 1), ("356307042440002".to_owned(), 1)], "newest first, two at most");
    assert_eq!(rig.entries(), ["record"], "only what the registered device sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_connections_of_one_device_the_newer_is_served_and_the_older_closed() {
    let rig = Rig::start(&[IMEI]).await;
    let mut older = rig.connect(Protocol::Teltonika).await;
    older.log_in(IMEI).await;
    let mut newer = rig.connect(Protocol::Teltonika).await;
    newer.log_in(IMEI).await;
    assert!(older.rest().await.is_empty(), "closed");
    newer.send(&frame(Transport::Tcp, IMEI, &[record(1)])).await;
    newer.expect(&[0, 0, 0, 1]).await;
    until("the older one's end is recorded", || rig.entries().contains(&"closed")).await;
    let mut entries = rig.entries();
    entries.retain(|entry| *entry != "closed");
    assert_eq!(entries, ["opened", "opened", "conflict", "record"]);
    rig.listener.close_devices(&[purview::model::DeviceId(1)]);
    assert!(newer.rest().await.is_empty(), "closed with its device");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_the_far_future_and_of_1980_are_stored_and_acknowledged() {
    let rig = Rig::start(&[IMEI]).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs().cast_signed();
    let at = |seconds: i64| Record { fix_time: Some(seconds * 1_000_000), ..record(0) };
    let mut tracker = rig.connect(Protocol::Teltonika).await;
    tracker.log_in(IMEI).await;
    let times = [now + 12 * 3_600, 315_964_800, now - 60];
    tracker.send(&frame(Transport::Tcp, IMEI, &times.map(at))).await;
    tracker.expect(&[0, 0, 0, 3]).await;
    assert_eq!(rig.fix_times(1), times.map(|seconds| seconds * 1_000_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datagrams_that_are_broken_are_dropped_and_later_ones_answered() {
    let rig = Rig::start(&[IMEI]).await;
    let address = rig.address(Protocol::Teltonika, Transport::Udp);
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    for (packet, _) in dialogue("teltonika/udp-broken.dialogue") {
        socket.send_to(&packet, address).await.expect("sent");
    }
    let good = frame(Transport::Udp, IMEI, &[record(1)]);
    socket.send_to(&good[..good.len() - 3], address).await.expect("sent");
    socket.send_to(&[], address).await.expect("sent");
    socket.send_to(&good, address).await.expect("sent");
    let mut answer = [0; 64];
    let length = tokio::time::timeout(PATIENCE, socket.recv(&mut answer)).await.expect("in time").expect("an answer");
    assert_eq!(answer[length - 1], 1, "one record");
    assert_eq!(rig.fix_times(1), [fix_time(1)], "and it is durable by then");
    assert_eq!(rig.records(), 1);
}

async fn http(rig: &Rig, request: &[u8]) -> (Tracker, String) {
    let mut tracker = Tracker { stream: TcpStream::connect(rig.address(Protocol::OsmAnd, Transport::Http)).await.expect("connected") };
    tracker.send(request).await;
    let mut status = [0; 12];
    let read = tokio::io::AsyncReadExt::read_exact(&mut tracker.stream, &mut status);
    tokio::time::timeout(PATIENCE, read).await.expect("in time").expect("an answer");
    (tracker, String::from_utf8_lossy(&status[9..]).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_too_large_wrong_or_of_nobody_are_refused_and_good_ones_answered() {
    let rig = Rig::start_with(&["car"], ListenerConfig { http_body_bytes_max: 2_000, ..config() }, &journal_config()).await;
    let good = |id: &str| format!("GET /?id={id}&timestamp=1700000001&lat=52.5&lon=13.4 HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes();
    let mut large = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n".to_vec();
    large.extend([b'x'; 5_000]);
    let mut chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n".to_vec();
    chunked.extend([b'x'; 5_000]);
    for (request, expected) in [
        (large, "413"),
        (chunked, "413"),
        (good("stranger"), "404"),
        (b"GET /?lat=52.5&lon=13.4 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "400"),
        (b"NONSENSE\r\n\r\n".to_vec(), "400"),
        (good("car"), "200"),
    ] {
        let (_tracker, status) = http(&rig, &request).await;
        assert_eq!(status, expected, "{}", String::from_utf8_lossy(&request[..40.min(request.len())]));
    }
    assert_eq!(rig.fix_times(1), [fix_time(1)]);
    assert!(rig.listener.unknown().iter().any(|unknown| unknown.identifier == "stranger"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_never_ends_is_cut() {
    let rig = Rig::start_with(&["car"], ListenerConfig { frame_deadline_s: 1, ..config() }, &journal_config()).await;
    for begun in [b"GET /?id=car HTTP/1.1\r\nHost".as_slice(), b"", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123"] {
        let address = rig.address(Protocol::OsmAnd, Transport::Http);
        let mut tracker = Tracker { stream: TcpStream::connect(address).await.expect("connected") };
        tracker.send(begun).await;
        let answer = tracker.rest().await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
    }
    until("the connections are gone", || rig.listener.connections() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_in_use_is_named_with_its_protocol_and_address() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let mut wialon = config();
    wialon.ports.insert("wialon".to_owned(), port);
    for (config, name) in [(wialon, "wialon tcp"), (ListenerConfig { mqtt_port: port, ..config() }, "mqtt mqtt")] {
        let rig = Rig::start(&[]).await;
        let clock = Arc::new(purview::clock::Clock::system());
        let devices = Arc::new(NoDevices);
        let frames = Frames::new(Arc::clone(&clock));
        let parts = Parts { clock, journal: rig.journal.clone(), devices, commands: rig.commands.clone(), frames };
        let error = Listener::start(config, parts).await.err().expect("refused").to_string();
        assert!(error.contains(name) && error.contains(&format!("127.0.0.1:{port}")), "{error}");
    }
}

struct NoDevices;

impl purview::session::Devices for NoDevices {
    fn find(&self, _: &str) -> Option<purview::session::Known> {
        None
    }
}

/// Room of the disk that is taken and given back; `None` where that cannot be done here.
pub fn disk_that_can_be_filled(folder: &std::path::Path) -> Option<(u64, impl Fn(bool) + use<>)> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    let free = stat.f_bavail * stat.f_frsize;
    let slack = (free / 8).min(2 << 30);
    let path = folder.join("ballast");
    let fill = move |full: bool| {
        if full {
            let file = std::fs::File::create(&path).expect("a file");
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 2 * slack).expect("room");
        } else {
            std::fs::remove_file(&path).expect("removed");
        }
    };
    fill(true);
    let after = rustix::fs::statvfs(folder).ok()?;
    fill(false);
    (after.f_bavail * after.f_frsize + slack < free).then_some((free - slack, fill))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_while_the_disk_is_full_nothing_is_acknowledged_and_it_resumes() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some((disk_margin_bytes, fill)) = disk_that_can_be_filled(folder.path()) else {
        eprintln!("SKIPPED: p7_while_the_disk_is_full: the room of this disk cannot be taken and given back");
        return;
    };
    let rig = Rig::start_in(folder, &[IMEI], config(), &JournalConfig { disk_margin_bytes, ..journal_config() }).await;
    serves_well(&rig, 1).await;
    fill(true);
    let mut tracker = rig.connect(Protocol::Teltonika).await;
    let mut bytes = login(IMEI);
    bytes.extend(frame(Transport::Tcp, IMEI, &[record(2)]));
    tracker.send(&bytes).await;
    let answer = tracker.rest().await;
    assert!(answer.len() <= 1, "the login at most is answered: {answer:?}");
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let udp = rig.address(Protocol::Teltonika, Transport::Udp);
    socket.send_to(&frame(Transport::Udp, IMEI, &[record(3)]), udp).await.expect("sent");
    let mut byte = [0; 64];
    assert!(tokio::time::timeout(Duration::from_millis(500), socket.recv(&mut byte)).await.is_err(), "not acknowledged");
    assert!(rig.journal.disk_full());
    fill(false);
    until("there is room again", || !rig.journal.disk_full()).await;
    serves_well(&rig, 4).await;
    assert_eq!(rig.fix_times(1), [fix_time(1), fix_time(4)]);
}
