//! Who may do what, through HTTP: every viewer with every operation, compared with the table of `policy`.

use super::api_rig::{NOBODY, PEOPLE, Rig, is_limited, path_of};
use super::client::{Client, Reply};
use policy::table::row;
use policy::{Action, Facts, Missing, Reason, Resource, Verdict, judge, may, may_by_id};
use purview::api::operations::OPERATIONS;
use serde_json::{Value, json};

fn everybody() -> impl Iterator<Item = &'static str> {
    std::iter::once("owner").chain(PEOPLE.iter().map(|(name, _)| *name))
}

/// Without those that end the session that asks.
fn asked_of(path: &str, method: &str) -> bool {
    (method, path) != ("DELETE", "/session")
}

fn missing(reason: Reason) -> Value {
    match reason {
        Reason::Missing(Missing::Right(right)) => json!({ "right": right.name() }),
        Reason::Missing(Missing::Category(category, level)) => json!({ "category": category.name(), "level": level.name() }),
        Reason::Missing(Missing::OwnerOnly) => json!({ "standing": "owner" }),
        Reason::Missing(Missing::OwnerOrAdmin) => json!({ "standing": "owner_or_admin" }),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_operation_has_a_row_in_the_table_of_policy() {
    for operation in OPERATIONS {
        match operation.needs {
            Some((resource, action)) => assert!(row(resource, action).is_some(), "{} {}", operation.method, operation.path),
            None => assert_eq!((operation.method, operation.path), ("POST", "/session"), "only a log-in asks nobody"),
        }
        let same = OPERATIONS.iter().filter(|other| (other.method, other.path) == (operation.method, operation.path)).count();
        assert_eq!(same, 1, "{} {} stands twice", operation.method, operation.path);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t24_whoever_lacks_a_category_or_a_right_is_told_which_before_anything_is_looked_up() {
    let rig = Rig::start().await;
    let mut refused = 0;
    for who in everybody() {
        let mut client = rig.client(who).await;
        let viewer = rig.viewer(who);
        for operation in OPERATIONS.iter().filter(|operation| asked_of(operation.path, operation.method)) {
            let Some((resource, action)) = operation.needs else { continue };
            let verdict = if operation.is_by_id() { may_by_id(&viewer, resource, action) } else { may(&viewer, resource, action) };
            let path = path_of(&operation.path.replace("{id}", NOBODY));
            // A body that no operation takes: whoever may is told so, whoever may not is told that first.
            let reply = client.call(operation.method, &path, &json!({ "no such field": 1 })).await;
            let context = format!("{who}: {} {} → {} {}", operation.method, operation.path, reply.status, text(&reply));
            match verdict {
                Verdict::Forbid(reason) => {
                    assert_eq!(reply.status, 403, "{context}");
                    assert_eq!(reply.json()["missing"], missing(reason), "{context}");
                    assert_eq!(reply.json()["detail"], reason.to_string(), "{context}");
                    refused += 1;
                }
                _ => assert_ne!(reply.status, 403, "{context}"),
            }
            if reply.status >= 400 {
                assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{context}");
            }
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{context}");
            assert_eq!(reply.header("cache-control"), Some("no-store"), "{context}");
            assert!(reply.status < 500, "{context}");
        }
    }
    assert!(refused > 100, "{refused} refusals");
    rig.stop().await;
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

/// A sound call for a thing by its id: method, path, body.
type Sound = (&'static str, &'static str, Value);

/// By-id operations with a sound body each, and the kind of thing whose id they take.
fn sound_calls(rig: &Rig) -> Vec<(&'static str, Sound)> {
    let center = json!({ "type": "Point", "coordinates": [1.0, 2.0] });
    let rule = json!({ "name": "r", "condition": { "kind": "ignition_on" }, "devices": [rig.id("device")] });
    vec![
        ("device", ("GET", "/devices/{id}", Value::Null)),
        ("device", ("GET", "/devices/{id}/positions", Value::Null)),
        ("device", ("GET", "/devices/{id}/tariff", Value::Null)),
        ("device", ("PATCH", "/devices/{id}/platform", json!({ "name": "n" }))),
        ("device", ("PATCH", "/devices/{id}/hardware", json!({ "settings": {} }))),
        ("device", ("PUT", "/devices/{id}/work-status", json!({ "status": null }))),
        ("device", ("PUT", "/devices/{id}/disabled", json!({ "disabled": false }))),
        ("device", ("PUT", "/devices/{id}/tariff", json!({ "tariff": rig.id("tariff") }))),
        ("geofence", ("GET", "/geofences/{id}", Value::Null)),
        ("geofence", ("PUT", "/geofences/{id}", json!({ "name": "g", "shape": super::api_rig::circle(13.4) }))),
        ("place", ("GET", "/places/{id}", Value::Null)),
        ("place", ("PUT", "/places/{id}", json!({ "name": "p", "center": center, "radius_m": 5 }))),
        ("rule", ("GET", "/rules/{id}", Value::Null)),
        ("rule", ("PUT", "/rules/{id}", rule)),
        ("role", ("GET", "/roles/{id}", Value::Null)),
        ("role", ("PUT", "/roles/{id}", json!({ "name": "r" }))),
        ("device", ("DELETE", "/devices/{id}", Value::Null)),
        ("geofence", ("DELETE", "/geofences/{id}", Value::Null)),
        ("place", ("DELETE", "/places/{id}", Value::Null)),
        ("rule", ("DELETE", "/rules/{id}", Value::Null)),
        ("role", ("DELETE", "/roles/{id}", Value::Null)),
    ]
}

fn needs(method: &str, path: &str) -> (Resource, Action) {
    let found = OPERATIONS.iter().find(|operation| (operation.method, operation.path) == (method, path));
    found.and_then(|operation| operation.needs).unwrap_or_else(|| panic!("{method} {path}"))
}

async fn send(client: &mut Client, (method, path, body): &Sound, id: &str) -> Reply {
    let path = path_of(&path.replace("{id}", id));
    if body.is_null() { client.send(method, &path, &[], "").await } else { client.call(method, &path, body).await }
}

#[tokio::test(flavor = "multi_thread")]
async fn p5_an_id_of_another_account_an_unknown_one_and_a_hidden_one_are_answered_alike() {
    let rig = Rig::start().await;
    let bare = |reply: &Reply| {
        let headers: Vec<_> =
            reply.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "ratelimit-remaining")).cloned().collect();
        (reply.status, headers, reply.body.clone())
    };
    let mut compared = 0;
    for who in everybody() {
        let mut client = rig.client(who).await;
        let limited = is_limited(&rig.viewer(who));
        for (kind, call) in sound_calls(&rig) {
            let unknown = send(&mut client, &call, NOBODY).await;
            let foreign = send(&mut client, &call, &rig.id(&format!("south_{kind}")).to_string()).await;
            assert_eq!(bare(&unknown), bare(&foreign), "{who}: {} {}", call.0, call.1);
            let no_id = send(&mut client, &call, "1").await;
            assert_eq!(bare(&unknown), bare(&no_id), "{who}: {} {}", call.0, call.1);
            if limited {
                let hidden = send(&mut client, &call, &rig.id(&format!("hidden_{kind}")).to_string()).await;
                assert_eq!(bare(&unknown), bare(&hidden), "{who}: {} {}", call.0, call.1);
            }
            assert!(matches!(unknown.status, 403 | 404), "{who}: {} {}: {}", call.0, call.1, unknown.status);
            compared += 1;
        }
    }
    assert!(compared > 150, "{compared}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b9_b11_what_is_seen_and_may_not_be_done_is_403_and_what_may_is_done() {
    let rig = Rig::start().await;
    let (mut allowed, mut refused) = (0, 0);
    for who in everybody() {
        let mut client = rig.client(who).await;
        let viewer = rig.viewer(who);
        for (kind, call) in sound_calls(&rig).into_iter().filter(|(_, call)| call.0 != "DELETE") {
            let (resource, action) = needs(call.0, call.1);
            let snapshot = rig.gateway.directory().snapshot();
            let id = rig.id(kind);
            let device = [snapshot.device_of_public(rig.id("device")).expect("a device").id];
            let geofence = [snapshot.geofence_of_public(rig.id("geofence")).expect("a geofence").id];
            let place = [snapshot.place_of_public(rig.id("place")).expect("a place").id];
            let facts = Facts::new(viewer.account, resource, action);
            let facts = match kind {
                "device" => facts.devices(&device).recorded(1, super::api_rig::NOW),
                "geofence" => facts.geofences(&geofence),
                "place" => facts.places(&place),
                "rule" => facts.devices(&device).geofences(&geofence),
                _ => facts,
            };
            let reply = send(&mut client, &call, &id.to_string()).await;
            let context = format!("{who}: {} {} → {} {}", call.0, call.1, reply.status, text(&reply));
            match judge(&viewer, &facts, super::api_rig::NOW) {
                Verdict::Allow => {
                    assert!(matches!(reply.status, 200 | 204), "{context}");
                    allowed += 1;
                }
                Verdict::Forbid(reason) => {
                    assert_eq!((reply.status, &reply.json()["missing"]), (403, &missing(reason)), "{context}");
                    refused += 1;
                }
                Verdict::Hide(_) => assert_eq!(reply.status, 404, "{context}"),
            }
        }
    }
    assert!(allowed > 50 && refused > 30, "{allowed} allowed, {refused} refused");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_logged_in_is_told_so_and_nothing_else() {
    let rig = Rig::start().await;
    for token in [None, Some("0".repeat(64)), Some(String::new())] {
        let mut client = Client::new(rig.address());
        client.token = token;
        for operation in OPERATIONS.iter().filter(|operation| operation.needs.is_some()) {
            let reply = client.send(operation.method, &path_of(&operation.path.replace("{id}", NOBODY)), &[], "").await;
            assert_eq!(reply.status, 401, "{} {}", operation.method, operation.path);
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        }
    }
    rig.stop().await;
}
