//! The stream as a real WebSocket client sees it: who is let in, what is told, and how it ends.

use super::api_rig::{NOBODY, PASSWORD, Rig, path_of};
use super::client::Client;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const PATIENCE: Duration = Duration::from_secs(20);

/// Asks for a stream; the status of the refusal, if it is one.
async fn connect(rig: &Rig, query: &str, headers: &[(&'static str, &str)]) -> Result<Socket, u16> {
    let mut request = format!("ws://{}{}{query}", rig.address(), path_of("/stream")).into_client_request().expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("a header"));
    }
    match tokio::time::timeout(PATIENCE, connect_async(request)).await.expect("in time") {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn subscribed(rig: &Rig, client: &Client) -> Socket {
    let bearer = format!("Bearer {}", client.token.as_deref().expect("logged in"));
    let mut socket = connect(rig, "", &[("Authorization", &bearer)]).await.expect("let in");
    socket.send(Message::text(r#"{"type":"subscribe"}"#)).await.expect("sent");
    socket
}

/// The next items; `None`: closed, with the code.
async fn next(socket: &mut Socket) -> Result<Vec<Value>, u16> {
    loop {
        match tokio::time::timeout(PATIENCE, socket.next()).await.expect("in time") {
            Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("an array")),
            Some(Ok(Message::Close(frame))) => return Err(frame.map_or(0, |frame| frame.code.into())),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(0),
        }
    }
}

/// Reads until an item of this type came; gives everything up to it.
async fn until(socket: &mut Socket, kind: &str) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    while !items.iter().any(|item| item["type"] == kind) {
        items.extend(next(socket).await.unwrap_or_else(|code| panic!("closed with {code} before {kind}: {items:?}")));
    }
    items
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_a_stream_begins_with_the_snapshot_and_shows_what_is_granted() {
    let rig = Rig::start().await;
    rig.record("device", -60, 13.45).await;
    rig.record("hidden_device", -60, 13.45).await;
    let mut sub = subscribed(&rig, &rig.client("sub").await).await;
    let snapshot = until(&mut sub, "snapshot_end").await;
    let positions: Vec<&Value> = snapshot.iter().filter(|item| item["type"] == "position").collect();
    assert_eq!(positions.len(), 1, "{snapshot:?}");
    assert_eq!(positions[0]["device"], json!(rig.id("device")));
    rig.record("hidden_device", -50, 13.45).await;
    rig.record("device", -50, 13.4).await;
    let live = until(&mut sub, "alert").await;
    let of = |kind: &str| live.iter().filter(|item| item["type"] == kind).map(|item| item["device"].clone()).collect::<Vec<_>>();
    let device = json!(rig.id("device"));
    assert_eq!((of("position"), of("visit"), of("alert")), (vec![device.clone()], vec![device.clone()], vec![device]), "{live:?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_opened_by_token_ticket_or_cookie_of_a_page_of_ours() {
    let rig = Rig::start_with(|config| config.api.origins = vec!["https://maps.example".to_owned()]).await;
    let mut client = rig.client("sub").await;
    let token = client.token.clone().expect("logged in");
    let refused = async |query: &str, headers: &[(&'static str, &str)]| connect(&rig, query, headers).await.err();
    assert_eq!(refused("", &[]).await, Some(401));
    assert_eq!(refused(&format!("?token={token}"), &[]).await, Some(401), "no token in an address");
    assert_eq!(refused("?ticket=00", &[]).await, Some(401));
    let cookie = format!("other=1; purview_session={token}");
    assert_eq!(refused("", &[("Cookie", &cookie)]).await, Some(403), "no origin");
    assert_eq!(refused("", &[("Cookie", &cookie), ("Origin", "https://evil.example")]).await, Some(403));
    assert_eq!(refused("", &[("Cookie", &cookie), ("Origin", "https://maps.example")]).await, None);
    let own = format!("http://{}", rig.address());
    assert_eq!(refused("", &[("Cookie", &cookie), ("Origin", &own)]).await, None);
    let ticket = async |client: &mut Client| {
        let reply = client.send("POST", &path_of("/stream-tickets"), &[], "").await;
        format!("?ticket={}", reply.json()["ticket"].as_str().expect("a ticket"))
    };
    let once = ticket(&mut client).await;
    assert_eq!(refused(&once, &[("Origin", "https://evil.example")]).await, None, "a ticket says by itself whose it is");
    assert_eq!(refused(&once, &[]).await, Some(401), "once");
    let late = ticket(&mut client).await;
    client.send("DELETE", &path_of("/session"), &[], "").await;
    assert_eq!(refused(&late, &[]).await, Some(401), "its session is closed");
    let biller = format!("Bearer {}", rig.client("biller").await.token.expect("logged in"));
    assert_eq!(refused("", &[("Authorization", &biller)]).await, Some(403), "T26: no category of what is streamed");
    let reader =
        Client::with_token(rig.address(), rig.client("reader").await.token.as_deref().expect("logged in")).get(&path_of("/stream")).await;
    assert_eq!((reader.status, reader.header("content-type")), (400, Some("application/problem+json")), "no upgrade");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_t15_a_grant_that_is_taken_is_told_and_a_session_that_ends_ends_its_streams() {
    let rig = Rig::start().await;
    let mut owner = rig.client("owner").await;
    let mut client = rig.client("sub").await;
    let mut stream = subscribed(&rig, &client).await;
    until(&mut stream, "snapshot_end").await;
    rig.ok(&mut owner, "PUT", &rig.user_path("sub", "grants/devices"), &json!({ "devices": [] })).await;
    rig.record("device", -10, 13.4).await;
    rig.ok(&mut owner, "PUT", &rig.user_path("sub", "grants/devices"), &json!({ "devices": [rig.id("device")] })).await;
    rig.record("device", -5, 13.41).await;
    let told = until(&mut stream, "position").await;
    assert!(told.iter().any(|item| item["type"] == "access_changed"), "{told:?}");
    let times: Vec<&Value> = told.iter().filter(|item| item["type"] == "position").map(|item| &item["fix_time"]).collect();
    assert_eq!(times, [&json!("2026-06-01T11:59:55Z")], "what came between is not told");
    let change = json!({ "current_password": PASSWORD, "password": "quiet-lamp-4 stone" });
    let mut other = rig.client("sub").await;
    let mut others = subscribed(&rig, &other).await;
    until(&mut others, "snapshot_end").await;
    assert_eq!(client.call("PUT", &path_of("/me/password"), &change).await.status, 204);
    assert_eq!(ending(&mut others).await, 4401, "a changed password ends the other sessions");
    assert_eq!(other.get(&path_of("/me")).await.status, 401);
    assert_eq!(client.send("DELETE", &path_of("/session"), &[], "").await.status, 204);
    assert_eq!(ending(&mut stream).await, 4401);
    rig.stop().await;
}

async fn ending(socket: &mut Socket) -> u16 {
    loop {
        if let Err(code) = next(socket).await {
            return code;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_a_subscription_to_what_is_not_visible_is_answered_like_one_to_nothing() {
    let rig = Rig::start().await;
    let client = rig.client("sub").await;
    let bearer = format!("Bearer {}", client.token.as_deref().expect("logged in"));
    let ids = [rig.id("hidden_device").to_string(), rig.id("south_device").to_string(), NOBODY.to_owned()];
    let mut socket = connect(&rig, "", &[("Authorization", &bearer)]).await.expect("let in");
    socket.send(Message::text(json!({ "type": "subscribe", "devices": ids }).to_string())).await.expect("sent");
    let first = next(&mut socket).await.expect("open");
    assert_eq!(first, [json!({ "type": "not_found", "devices": ids })]);
    rig.stop().await;
}

/// A viewer who asks for a page of megabytes and reads none of it.
async fn unread_page(rig: &Rig, token: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("set");
    let mut socket = socket.connect(rig.address()).await.expect("connected");
    let path = path_of(&format!("/devices/{}/positions?limit=10000", rig.id("device")));
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("sent");
    // The answer has begun.
    let mut first = [0; 12];
    socket.read_exact(&mut first).await.expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 200");
    socket
}

/// Reads to the end: how many bytes came, and whether it was cut off.
async fn rest_of(socket: &mut TcpStream) -> usize {
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut rest)).await.expect("an end");
    rest.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_page_that_is_not_read_is_cut_off_when_access_is_taken_away() {
    let rig = Rig::start_with(|config| config.history.page_rows_max = 10_000).await;
    let times: Vec<_> = (0..10_000).map(|n| super::api_rig::NOW - (20_000 - n) * super::api_rig::SECOND).collect();
    rig.records("device", &times, 13.45).await;
    let mut owner = rig.client("owner").await;
    let mut whole = rig.client("worker").await;
    let path = path_of(&format!("/devices/{}/positions?limit=10000", rig.id("device")));
    let whole_bytes = whole.get(&path).await.body.len();
    assert!(whole_bytes > 2_000_000, "{whole_bytes}");
    let sub = rig.client("sub").await;
    let token = sub.token.clone().expect("logged in");
    let mut by_grant = unread_page(&rig, &token).await;
    let begun = std::time::Instant::now();
    rig.ok(&mut owner, "PUT", &rig.user_path("sub", "grants/devices"), &json!({ "devices": [] })).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "a viewer who does not read holds nobody up");
    assert!(rest_of(&mut by_grant).await < whole_bytes / 2);
    rig.ok(&mut owner, "PUT", &rig.user_path("sub", "grants/devices"), &json!({ "devices": [rig.id("device")] })).await;
    let mut by_session = unread_page(&rig, &token).await;
    let mut undisturbed = unread_page(&rig, rig.client("sub").await.token.as_deref().expect("logged in")).await;
    let mut sub = sub;
    assert_eq!(sub.send("DELETE", &path_of("/session"), &[], "").await.status, 204);
    assert!(rest_of(&mut by_session).await < whole_bytes / 2);
    let mut rest = vec![0; whole_bytes];
    undisturbed.read_exact(&mut rest).await.expect("another session of his is not cut off");
    rig.stop().await;
}
