//! What is wrong with a request is said, by name, and does nothing.

use super::api_rig::{NOBODY, Rig, path_of};
use super::client::Client;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_queries_that_cannot_be_are_refused_by_name() {
    let rig = Rig::start().await;
    let mut owner = rig.client("owner").await;
    let point = json!({ "type": "Point", "coordinates": [13.4, 52.5], "radius_m": 10 });
    let open = json!({ "type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]] });
    for (path, body, status, field) in [
        ("/devices", r#"{"identifier":"#.to_owned(), 400, None),
        ("/devices", "[]".to_owned(), 422, Some("body")),
        ("/devices", r#"{"identifier":"x"} {}"#.to_owned(), 400, None),
        ("/devices", r#"{"name":"x"}"#.to_owned(), 422, Some("identifier")),
        ("/devices", r#"{"identifier":"x","imei":"y"}"#.to_owned(), 422, Some("imei")),
        ("/devices", r#"{"identifier":5}"#.to_owned(), 422, Some("identifier")),
        ("/devices", r#"{"identifier":"a b"}"#.to_owned(), 422, Some("identifier")),
        ("/devices", r#"{"identifier":"x","tariff":"7"}"#.to_owned(), 422, Some("tariff")),
        ("/geofences", json!({ "name": "", "shape": point }).to_string(), 422, Some("name")),
        ("/geofences", json!({ "name": "x", "shape": open }).to_string(), 422, Some("shape.coordinates")),
        (
            "/geofences",
            json!({ "name": "x", "shape": { "type": "Point", "coordinates": [0, 91], "radius_m": 1 } }).to_string(),
            422,
            Some("shape"),
        ),
        ("/rules", json!({ "name": "x", "devices": [], "condition": { "kind": "ignition_on" } }).to_string(), 422, Some("devices")),
        ("/rules", json!({ "name": "x", "devices": [], "condition": { "kind": "full_moon" } }).to_string(), 422, Some("condition.kind")),
        ("/roles", json!({ "name": "x", "rights": ["fly"] }).to_string(), 422, Some("rights")),
        ("/roles", json!({ "name": "x", "rights": ["edit_users"] }).to_string(), 422, Some("rights")),
        (
            "/users",
            json!({ "email": "x@y", "password": "tall-oak-9 river", "access": { "kind": "owner" } }).to_string(),
            422,
            Some("access"),
        ),
        ("/users", json!({ "email": "x", "password": "tall-oak-9 river", "access": { "kind": "admin" } }).to_string(), 422, Some("email")),
    ] {
        let reply = owner.send("POST", &path_of(path), &[JSON], &body).await;
        let context = format!("{path} {body}: {}", String::from_utf8_lossy(&reply.body));
        assert_eq!(reply.status, status, "{context}");
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{context}");
        if let Some(field) = field {
            assert_eq!(reply.json()["field"], field, "{context}");
        }
    }
    let reply = owner.send("POST", &path_of("/devices"), &[("Content-Type", "text/plain")], "{}").await;
    assert_eq!(reply.status, 415);
    for (path, field) in [
        ("/devices?limit=0", "limit"),
        ("/devices?limit=501", "limit"),
        ("/devices?limit=many", "limit"),
        ("/devices?imei=1", "imei"),
        ("/devices?cursor=00", "cursor"),
        ("/visits?from=yesterday", "from"),
        ("/visits?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "to"),
        ("/visits?order=sideways", "order"),
    ] {
        let reply = owner.get(&path_of(path)).await;
        assert_eq!((reply.status, &reply.json()["field"]), (422, &json!(field)), "{path}: {}", String::from_utf8_lossy(&reply.body));
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_a_foreign_and_a_hidden_device_in_a_grant_or_a_rule_are_refused_alike() {
    let rig = Rig::start().await;
    let mut owner = rig.client("owner").await;
    let mut worker = rig.client("worker").await;
    let nobody = NOBODY.to_owned();
    let foreign = rig.id("south_device").to_string();
    let mut answers = Vec::new();
    for id in [&nobody, &foreign] {
        let reply = owner.call("PUT", &path_of(&rig.user_path("sub", "grants/devices")), &json!({ "devices": [id] })).await;
        answers.push((reply.status, reply.body));
    }
    for id in [&nobody, &foreign, &rig.id("hidden_device").to_string()] {
        let rule = json!({ "name": "x", "devices": [id], "condition": { "kind": "ignition_on" } });
        let reply = worker.call("POST", &path_of("/rules"), &rule).await;
        answers.push((reply.status, reply.body));
    }
    assert_eq!(answers[0].0, 404);
    assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:?}");
    let grants = rig.read(&mut owner, &rig.user_path("sub", "grants")).await;
    assert_eq!(grants["devices"], json!([rig.id("device")]), "nothing was granted");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_or_in_the_wrong_place_is_refused() {
    let rig = Rig::start_with(|config| {
        config.api.body_bytes_max = 1_000;
        config.api.body_timeout_s = 1;
    })
    .await;
    let mut owner = rig.client("owner").await;
    let long = json!({ "identifier": "x".repeat(2_000) }).to_string();
    let reply = owner.send("POST", &path_of("/devices"), &[JSON], &long).await;
    assert_eq!((reply.status, reply.json()["max"].as_u64()), (413, Some(1_000)));
    let reply = owner.send("DELETE", &path_of("/devices"), &[], "").await;
    assert_eq!(reply.status, 405);
    assert!(reply.header("allow").is_some_and(|allow| allow.contains("GET") && allow.contains("POST")), "{:?}", reply.headers);
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    for path in ["/", "/api/v1", "/api/v1/nothing", "/api/v2/devices", "/api/v1/devices/", "//"] {
        let reply = owner.get(path).await;
        assert_eq!((reply.status, reply.header("content-type")), (404, Some("application/problem+json")), "{path}");
    }
    // A chunked body that is too long, and one that does not come.
    let token = owner.token.clone().expect("logged in");
    for (body, status) in
        [(format!("3e8\r\n{}\r\n3e8\r\n{}\r\n0\r\n\r\n", "x".repeat(1_000), "x".repeat(1_000)), "413"), ("5\r\nab".to_owned(), "408")]
    {
        let mut socket = tokio::net::TcpStream::connect(rig.address()).await.expect("connected");
        let head = format!(
            "POST /api/v1/devices HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        socket.write_all(format!("{head}{body}").as_bytes()).await.expect("sent");
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(&answer[9..], status.as_bytes());
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_asks_too_often_is_told_when_to_come_back() {
    let rig = Rig::start_with(|config| config.api.requests_per_second_max = 100).await;
    let mut owner = rig.client("owner").await;
    let mut refused = None;
    for _ in 0..2_000 {
        let reply = owner.get(&path_of("/me")).await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
        assert_eq!((reply.status, reply.header("ratelimit-limit")), (200, Some("100")));
    }
    // A machine too slow to ask 100 times a second is never refused.
    if let Some(reply) = refused {
        assert_eq!((reply.header("retry-after"), reply.header("content-type")), (Some("1"), Some("application/problem+json")));
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn log_ins_that_fail_too_often_are_stopped_before_the_password_is_looked_at() {
    let rig = Rig::start_with(|config| config.api.login_failures_per_minute_max = 3).await;
    let mut client = Client::new(rig.address());
    let wrong = json!({ "email": "sub@north.example", "password": "wrong" });
    for _ in 0..3 {
        assert_eq!(client.call("POST", &path_of("/session"), &wrong).await.status, 401);
    }
    let right = json!({ "email": "sub@north.example", "password": super::api_rig::PASSWORD });
    let reply = client.call("POST", &path_of("/session"), &right).await;
    assert_eq!(reply.status, 429);
    assert!(reply.header("retry-after").is_some_and(|wait| wait.parse::<u64>().is_ok_and(|wait| (1..=61).contains(&wait))));
    assert_eq!(rig.client("worker").await.get(&path_of("/me")).await.status, 200, "others are not concerned");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creating_request_sent_again_with_its_key_does_nothing_twice() {
    let rig = Rig::start_with(|config| config.api.idempotency_keys_max = 2).await;
    let mut owner = rig.client("owner").await;
    let mut post = async |key: &str, body: &str| owner.send("POST", &path_of("/roles"), &[JSON, ("Idempotency-Key", key)], body).await;
    let first = post("a", r#"{"name":"one"}"#).await;
    let again = post("a", r#"{"name":"one"}"#).await;
    assert_eq!((first.status, &first.body), (201, &again.body));
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(post("a", r#"{"name":"two"}"#).await.status, 422, "another request with the key");
    assert_eq!(post("b", r#"{"name":""}"#).await.status, 422);
    assert_eq!(post("b", r#"{"name":"two"}"#).await.status, 201, "what failed is not kept");
    assert_eq!(post("c", r#"{"name":"three"}"#).await.status, 201);
    assert_ne!(post("a", r#"{"name":"one"}"#).await.body, first.body, "the oldest is forgotten");
    assert_eq!(post(&"k".repeat(256), r#"{"name":"x"}"#).await.status, 400);
    let names = rig.list(&mut owner, "/roles?search=o", "name").await;
    assert_eq!(names.iter().filter(|name| **name == "one").count(), 2);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_made_from_an_older_version_is_refused() {
    let rig = Rig::start().await;
    let mut owner = rig.client("owner").await;
    let path = path_of(&format!("/devices/{}", rig.id("device")));
    let etag = owner.get(&path).await.header("etag").expect("a version").to_owned();
    let platform = format!("{path}/platform");
    let mut edit = async |etag: &str| owner.send("PATCH", &platform, &[JSON, ("If-Match", etag)], r#"{"name":"x"}"#).await;
    let reply = edit(&etag).await;
    assert_eq!(reply.status, 200);
    let newer = reply.header("etag").expect("a version").to_owned();
    assert_ne!(newer, etag);
    assert_eq!(edit(&etag).await.status, 412);
    assert_eq!(edit("W/5").await.status, 400);
    assert_eq!(edit("*").await.status, 200);
    assert_eq!(edit(&newer).await.status, 412);
    rig.stop().await;
}
