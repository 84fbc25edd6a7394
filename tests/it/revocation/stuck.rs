//! Clients that do not read while something is taken from them: what has not left the gateway when the revoke returns, does not leave it.

use super::http::request;
use super::kind::{Kind, Subject};
use super::watcher::{End, Watcher, shake_hands};
use super::world::World;
use futures_util::SinkExt;
use purview::model::Micros;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;

const SEND_BUFFER_BYTES: usize = 16 * 1024;
const RECEIVE_BUFFER_BYTES: u32 = 8 * 1024;
/// The kernels double what is asked for, and count more than the bytes of data.
const IN_KERNELS_BYTES_MAX: usize = 4 * (SEND_BUFFER_BYTES + RECEIVE_BUFFER_BYTES as usize);
const GRACE: Duration = Duration::from_millis(250);
/// For a machine under load.
const MARGIN: Duration = Duration::from_secs(5);

/// A connection that takes little before it has to be read.
pub async fn narrow(api: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES).expect("a small buffer");
    socket.connect(api).await.expect("the api")
}

async fn world() -> World {
    World::with(|config| {
        config.delivery.send_buffer_bytes = SEND_BUFFER_BYTES;
        config.delivery.revoke_grace_ms = 250;
        config.history.page_rows_max = 20_000;
    })
    .await
}

async fn subject(kind: Kind, world: &World) -> Subject {
    let mut subject = None;
    kind.restore(world, &mut subject).await;
    subject.expect("a subject")
}

/// Far more than the kernels take.
async fn flood(world: &World, rounds: usize) -> Micros {
    let mut first = 0;
    for _ in 0..rounds {
        let cars: Vec<_> = (0..500).map(|_| (&world.taken, false)).collect();
        let times = world.record(&cars).await;
        first = if first == 0 { times[0] } else { first };
    }
    world.gateway.settled().await;
    first
}

/// A stream that is not read while the revoke runs. It ends by a reset, after the grace, and nothing is told behind it.
async fn send_under_way(kind: Kind) {
    let world = world().await;
    let subject = subject(kind, &world).await;
    let api = world.gateway.api();
    let mut socket = shake_hands(api, &subject.token, narrow(api).await).await.expect("let in");
    socket.send(Message::text(r#"{"type":"subscribe","devices":"all"}"#)).await.expect("sent");
    // Another stream of the same user that is read: when it has everything, the one that is not read has long been stuck.
    let mut reading = Watcher::open(api, &subject.token, None).await.expect("let in");
    flood(&world, 8).await;
    let kept = world.record(&[(&world.kept, false)]).await[0];
    let (kept_car, taken_car) = (world.kept.public.to_string(), world.taken.public.to_string());
    let is_last = |time: Micros| {
        let car = kept_car.clone();
        move |told: &super::watcher::Told| told.device == car && told.time == Some(time)
    };
    let (_, end) = reading.until(is_last(kept)).await;
    assert_eq!(end, None);

    let started = Instant::now();
    kind.revoke(&world, &subject).await;
    let took = started.elapsed();
    assert!(took >= GRACE, "no send was under way: {took:?}");
    assert!(took < GRACE + MARGIN, "the revoke waited for a viewer who does not read: {took:?}");
    let marks = world.record(&[(&world.taken, true), (&world.taken, false), (&world.kept, false)]).await;
    world.gateway.settled().await;
    let (seen, end) = Watcher::over(socket).until(|_| false).await;
    assert_eq!(end, Some(End::Broken), "the socket was to be reset, and nothing told behind half a message");
    let late = seen.iter().find(|told| told.device == taken_car && told.time >= Some(marks[0]));
    assert!(late.is_none(), "leak: {late:?}");
    assert!(!seen.iter().any(|told| told.kind == "access_changed" || told.kind == "error"), "something was sent behind the revoke");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p6_a_send_under_way_to_a_viewer_who_does_not_read_is_reset_after_the_grace() {
    send_under_way(Kind::DeviceGrant).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p6_a_send_under_way_to_a_disabled_user_is_reset_and_not_finished() {
    send_under_way(Kind::Disabled).await;
}

/// A page of history of megabytes whose reader stops. What the kernels hold arrives; nothing else leaves.
async fn body_under_way(kind: Kind) {
    let world = world().await;
    let subject = subject(kind, &world).await;
    let api = world.gateway.api();
    flood(&world, 20).await;
    let path = format!("/devices/{}/positions?limit=10000", world.taken.public);
    let mut stream = narrow(api).await;
    stream.write_all(request(api, "GET", &path, &subject.token, "").as_bytes()).await.expect("sent");
    let mut begun = [0; 2_048];
    stream.read_exact(&mut begun).await.expect("the beginning");
    let head = String::from_utf8_lossy(&begun).to_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()).and_then(|text| text.parse::<usize>().ok());
    let length = length.expect("a length");
    assert!(length > 1_000_000, "too short to be stuck: {length}");

    let started = Instant::now();
    kind.revoke(&world, &subject).await;
    let took = started.elapsed();
    assert!(took < GRACE + MARGIN, "the revoke waited for a viewer who does not read: {took:?}");
    let mut rest = Vec::new();
    // It ends by a reset, or too soon.
    let _ = tokio::time::timeout(super::http::PATIENCE, stream.read_to_end(&mut rest)).await.expect("an end");
    assert!(rest.len() <= IN_KERNELS_BYTES_MAX, "leak: {} bytes of {length} left the gateway behind the revoke", rest.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p6_a_history_page_under_way_to_a_slow_reader_ends_with_the_revoke() {
    body_under_way(Kind::DeviceGrant).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn p6_a_history_page_under_way_ends_with_the_log_out() {
    body_under_way(Kind::LoggedOut).await;
}
