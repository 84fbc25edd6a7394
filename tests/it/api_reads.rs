//! What is read: latest positions, history, visits, alerts, lists.

use super::api_rig::{DAY, NOW, Rig, SECOND, path_of};
use super::client::Client;
use serde_json::{Value, json};

/// In the geofence, and far from it.
const INSIDE: f64 = 13.4;
const OUTSIDE: f64 = 13.45;

async fn history(rig: &Rig, client: &mut Client, query: &str) -> Vec<Value> {
    rig.list(client, &format!("/devices/{}/positions{query}", rig.id("device")), "fix_time").await
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_b72_history_is_paged_in_the_order_of_time_and_clamped_to_the_window() {
    let rig = Rig::start().await;
    for second in [-30, -10, -20, -40 * 86_400, -2 * 86_400, -50] {
        rig.record("device", second, OUTSIDE).await;
        rig.record("hidden_device", second, OUTSIDE).await;
    }
    let (mut owner, mut sub) = (rig.client("owner").await, rig.client("sub").await);
    let all = history(&rig, &mut owner, "").await;
    assert_eq!(all.len(), 5, "what is older than the tariff's 30 days is not shown: {all:?}");
    assert!(all.windows(2).all(|two| two[0].as_str() < two[1].as_str()), "{all:?}");
    assert_eq!(history(&rig, &mut sub, "").await, all, "without a role the tariff is the window");
    let mut reversed = history(&rig, &mut owner, "?order=desc").await;
    reversed.reverse();
    assert_eq!(reversed, all);
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    let path = format!("/devices/{}/positions", rig.id("device"));
    loop {
        let page = rig.read(&mut owner, &format!("{path}?limit=2{cursor}")).await;
        paged.extend(page["items"].as_array().expect("rows").iter().map(|row| row["fix_time"].clone()));
        let Some(next) = page["cursor"].as_str() else { break };
        assert_eq!(sub.get(&path_of(&format!("{path}?cursor={next}"))).await.status, 422, "somebody else's cursor");
        assert_eq!(owner.get(&path_of(&format!("{path}?order=desc&cursor={next}"))).await.status, 422, "another question's cursor");
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, all);
    let part = history(&rig, &mut owner, "?from=2026-06-01T11:59:10Z&to=2026-06-01T11:59:30Z").await;
    assert_eq!(part, [json!("2026-06-01T11:59:10Z"), json!("2026-06-01T11:59:30Z")], "both ends included");
    let role = json!({ "name": "day", "rights": [], "history_window_s": 86_400 });
    let role = rig.ok(&mut owner, "POST", "/roles", &role).await.json()["id"].clone();
    rig.ok(&mut owner, "PUT", &rig.user_path("sub", "access"), &json!({ "kind": "sub_user", "role": role })).await;
    assert_eq!(history(&rig, &mut sub, "").await.len(), 4, "B72: the role's day");
    let device = rig.read(&mut sub, &format!("/devices/{}", rig.id("device"))).await;
    assert_eq!(device["history_window_s"], 86_400);
    rig.ok(&mut owner, "PUT", &rig.user_path("sub", "grants/devices"), &json!({ "devices": [] })).await;
    assert_eq!(sub.get(&path_of(&path)).await.status, 404, "P4: taken, with its past");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_the_latest_position_is_withheld_outside_the_window_and_the_device_stays_listed() {
    let rig = Rig::start().await;
    rig.record("device", -60, INSIDE).await;
    rig.record("hidden_device", -60, INSIDE).await;
    let (mut owner, mut sub, mut biller) = (rig.client("owner").await, rig.client("sub").await, rig.client("biller").await);
    let devices = |names: &[&str]| names.iter().map(|name| json!(rig.id(name))).collect::<Vec<_>>();
    assert_eq!(rig.list(&mut owner, "/positions/latest", "device").await, devices(&["device", "hidden_device"]));
    assert_eq!(rig.list(&mut sub, "/positions/latest", "device").await, devices(&["device"]));
    let page = rig.read(&mut owner, "/positions/latest?limit=1").await;
    let next = page["cursor"].as_str().expect("a cursor");
    let rest = rig.list(&mut owner, &format!("/positions/latest?cursor={next}"), "device").await;
    assert_eq!(rest, devices(&["hidden_device"]));
    assert_eq!(biller.get(&path_of("/positions/latest")).await.status, 403, "T26");
    let path = format!("/devices/{}/tariff", rig.id("device"));
    rig.ok(&mut owner, "PUT", &path, &json!({ "tariff": rig.id("short_tariff") })).await;
    assert_eq!(rig.read(&mut owner, &path).await["history_s"], 86_400);
    rig.clock.set(NOW + 2 * DAY);
    assert_eq!(rig.list(&mut owner, "/positions/latest", "device").await, devices(&["hidden_device"]));
    assert_eq!(rig.list(&mut owner, "/devices", "id").await, devices(&["device", "hidden_device"]));
    rig.stop().await;
}

/// Into the geofence of the device and out again, at seconds from now.
async fn visit(rig: &Rig, device: &str, longitude: f64, from: i64, to: i64) {
    rig.record(device, from - 10, longitude + 0.05).await;
    rig.record(device, from, longitude).await;
    rig.record(device, to, longitude + 0.05).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_b6_visits_and_alerts_name_only_what_is_granted() {
    let rig = Rig::start().await;
    visit(&rig, "device", INSIDE, -500, -400).await;
    visit(&rig, "device", 13.5, -300, -200).await;
    visit(&rig, "hidden_device", 13.5, -300, -200).await;
    let (mut owner, mut sub) = (rig.client("owner").await, rig.client("sub").await);
    let visits = rig.read(&mut owner, "/visits").await;
    let visits = visits["items"].as_array().expect("visits");
    assert_eq!(visits.len(), 3, "each visit once, with its end: {visits:?}");
    assert!(visits.iter().all(|visit| visit["revision"] == 1 && visit["duration_s"] == 100.0), "{visits:?}");
    let seen = rig.read(&mut sub, "/visits").await;
    let seen = seen["items"].as_array().expect("visits");
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!((&seen[0]["device"], &seen[0]["geofence"]), (&json!(rig.id("device")), &json!(rig.id("geofence"))));
    let alerts = rig.read(&mut owner, "/alerts?order=desc").await;
    assert_eq!(alerts["items"].as_array().map(Vec::len), Some(2), "{alerts}");
    let seen = rig.read(&mut sub, "/alerts").await;
    assert_eq!((seen["items"].as_array().map(Vec::len), &seen["items"][0]["rule"]), (Some(1), &json!(rig.id("rule"))));
    for (is_sub, path) in [(true, "/visits"), (false, "/visits"), (false, "/alerts")] {
        let client = if is_sub { &mut sub } else { &mut owner };
        let all = rig.list(client, path, "id").await;
        let (mut paged, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = rig.read(client, &format!("{path}?limit=1{cursor}")).await;
            paged.extend(page["items"].as_array().expect("rows").iter().map(|row| row["id"].clone()));
            let Some(next) = page["cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(paged, all, "{path}");
        let mut reversed = rig.list(client, &format!("{path}?order=desc"), "id").await;
        reversed.reverse();
        assert_eq!(reversed, all, "{path}");
    }
    let of = |name: &str| rig.id(name);
    assert_eq!(rig.list(&mut owner, &format!("/visits?device={}", of("hidden_device")), "id").await.len(), 1);
    assert_eq!(rig.list(&mut owner, &format!("/visits?geofence={}", of("geofence")), "id").await.len(), 1);
    for query in
        [format!("device={}", of("hidden_device")), format!("geofence={}", of("hidden_geofence")), format!("device={}", of("south_device"))]
    {
        assert_eq!(sub.get(&path_of(&format!("/visits?{query}"))).await.status, 404, "{query}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b38_b39_what_was_recorded_before_a_geofence_was_turned_off_stays() {
    let rig = Rig::start().await;
    let (mut owner, mut sub) = (rig.client("owner").await, rig.client("sub").await);
    visit(&rig, "device", INSIDE, -500, -400).await;
    rig.record("device", -300, INSIDE).await;
    let turn = |turn: &str| json!({ "each": [{ "id": rig.id("geofence"), "turn": turn }] });
    let path = rig.user_path("sub", "grants/geofences");
    rig.ok(&mut owner, "PATCH", &path, &turn("off")).await;
    rig.record("device", -200, OUTSIDE).await;
    visit(&rig, "device", INSIDE, -100, -50).await;
    let revisions = rig.list(&mut sub, "/visits", "revision").await;
    assert_eq!(revisions, [json!(1), json!(0)], "the end of the second came later, and the third not at all");
    assert_eq!(rig.list(&mut sub, "/alerts", "id").await.len(), 2);
    assert_eq!(rig.list(&mut sub, "/geofences", "id").await, Vec::<Value>::new(), "B36");
    let grants = rig.read(&mut owner, &rig.user_path("sub", "grants")).await;
    let each = grants["geofences"]["each"].as_array().expect("states");
    assert!(each.contains(&json!({ "id": rig.id("geofence"), "state": "off" })), "{each:?}");
    rig.ok(&mut owner, "PATCH", &path, &turn("forget")).await;
    assert_eq!(rig.list(&mut sub, "/visits", "id").await.len(), 0, "P4: forgotten");
    rig.ok(&mut owner, "PATCH", &path, &turn("on")).await;
    assert_eq!(rig.list(&mut sub, "/visits", "revision").await, [json!(1), json!(1), json!(1)], "P4: gaps included");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_visit_that_began_before_the_window_is_told_without_its_beginning() {
    let rig = Rig::start().await;
    let mut owner = rig.client("owner").await;
    let path = format!("/devices/{}/tariff", rig.id("device"));
    rig.ok(&mut owner, "PUT", &path, &json!({ "tariff": rig.id("short_tariff") })).await;
    visit(&rig, "device", INSIDE, -600, -1).await;
    rig.clock.set(NOW + DAY - 60 * SECOND);
    let visits = rig.read(&mut owner, "/visits").await;
    let visit = &visits["items"][0];
    assert_eq!(visits["items"].as_array().map(Vec::len), Some(1));
    assert_eq!((&visit["entered_at"], &visit["duration_s"]), (&Value::Null, &Value::Null), "{visit}");
    assert_eq!(visit["exited_at"], "2026-06-01T11:59:59Z");
    assert_eq!(rig.list(&mut owner, "/alerts", "id").await.len(), 0, "the enter lies before the window");
    rig.clock.set(NOW + 2 * DAY);
    assert_eq!(rig.list(&mut owner, "/visits", "id").await.len(), 0);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_acknowledged_by_whoever_sees_it_and_may_edit() {
    let rig = Rig::start().await;
    visit(&rig, "device", INSIDE, -500, -400).await;
    visit(&rig, "hidden_device", 13.5, -500, -400).await;
    let mut owner = rig.client("owner").await;
    let alerts = rig.read(&mut owner, "/alerts").await;
    let of = |device: &str| {
        let alerts = alerts["items"].as_array().expect("alerts");
        let alert = alerts.iter().find(|alert| alert["device"] == json!(rig.id(device))).expect("an alert");
        path_of(&format!("/alerts/{}/acknowledgement", alert["id"].as_str().expect("an id")))
    };
    for (who, device, status) in [
        ("reader", "device", 403),
        ("assets_viewer", "device", 403),
        ("biller", "device", 403),
        ("sub", "hidden_device", 404),
        ("owner@south.example", "device", 404),
        ("sub", "device", 204),
        ("admin", "device", 204),
        ("admin", "hidden_device", 204),
    ] {
        let reply = rig.client(who).await.send("POST", &of(device), &[], "").await;
        assert_eq!(reply.status, status, "{who}: {device}");
    }
    let by = |alerts: Value, at: usize| (alerts["items"][at]["acknowledged_at"].clone(), alerts["items"][at]["acknowledged_by"].clone());
    let first = by(rig.read(&mut owner, "/alerts").await, 0);
    assert_eq!(first, (json!("2026-06-01T12:00:00Z"), json!(rig.id("sub"))), "who was first");
    let to_sub = by(rig.read(&mut rig.client("sub").await, "/alerts").await, 0);
    assert_eq!(to_sub, first);
    let to_viewer = by(rig.read(&mut rig.client("assets_viewer").await, "/alerts").await, 0);
    assert_eq!(to_viewer, (first.0, Value::Null), "P13: a user is of the category Account");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b27_b30_b36_lists_show_only_what_is_granted_page_by_page_and_by_name() {
    let rig = Rig::start().await;
    let (mut owner, mut sub) = (rig.client("owner").await, rig.client("sub").await);
    for (path, kind) in [("/devices", "device"), ("/geofences", "geofence"), ("/places", "place"), ("/rules", "rule")] {
        let hidden = format!("hidden_{kind}");
        assert_eq!(rig.list(&mut owner, path, "id").await, [json!(rig.id(kind)), json!(rig.id(&hidden))], "{path}");
        assert_eq!(rig.list(&mut sub, path, "id").await, [json!(rig.id(kind))], "{path}");
        let page = rig.read(&mut owner, &format!("{path}?limit=1")).await;
        let cursor = page["cursor"].as_str().expect("there is more");
        let rest = rig.read(&mut owner, &format!("{path}?limit=1&cursor={cursor}")).await;
        assert_eq!((&rest["items"][0]["id"], &rest["cursor"]), (&json!(rig.id(&hidden)), &Value::Null), "{path}");
        assert_eq!(rig.list(&mut owner, &format!("{path}?search=HIDDEN"), "id").await, [json!(rig.id(&hidden))], "{path}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b19_of_a_rule_is_shown_what_is_granted_and_an_edit_leaves_the_rest() {
    let rig = Rig::start().await;
    let (mut owner, mut worker) = (rig.client("owner").await, rig.client("worker").await);
    let rule = json!({
        "name": "both", "condition": { "kind": "geofence_enter" }, "devices": [rig.id("device"), rig.id("hidden_device")],
        "geofences": [rig.id("geofence"), rig.id("hidden_geofence")],
    });
    let reply = rig.ok(&mut owner, "POST", "/rules", &rule).await.json();
    let path = format!("/rules/{}", reply["id"].as_str().expect("an id"));
    let seen = rig.read(&mut worker, &path).await;
    assert_eq!((&seen["devices"], &seen["geofences"]), (&json!([rig.id("device")]), &json!([rig.id("geofence")])));
    let edit = json!({
        "name": "mine", "condition": { "kind": "geofence_exit" }, "devices": [rig.id("device")], "geofences": [rig.id("geofence")],
        "schedule": { "time_zone": "Europe/Berlin", "spans": [{ "weekday": 1, "from_minute": 0, "to_minute": 60 }] },
    });
    rig.ok(&mut worker, "PUT", &path, &edit).await;
    let whole = rig.read(&mut owner, &path).await;
    assert_eq!((whole["devices"].as_array().map(Vec::len), whole["geofences"].as_array().map(Vec::len)), (Some(2), Some(2)));
    assert_eq!((&whole["name"], &whole["condition"]["kind"]), (&json!("mine"), &json!("geofence_exit")));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b63_shapes_come_back_as_they_were_drawn() {
    let rig = Rig::start().await;
    let mut owner = rig.client("owner").await;
    for shape in [
        json!({ "type": "Point", "coordinates": [13.4, 52.5], "radius_m": 12.5 }),
        json!({ "type": "LineString", "coordinates": [[13.4, 52.5], [13.5, 52.6], [13.6, 52.5]], "width_m": 30.0 }),
        json!({ "type": "Polygon", "coordinates": [
            [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0], [0.0, 0.0]],
            [[1.0, 1.0], [2.0, 1.0], [2.0, 2.0], [1.0, 1.0]],
        ] }),
    ] {
        let reply = rig.ok(&mut owner, "POST", "/geofences", &json!({ "name": "x", "shape": shape, "dwell_s": 5 })).await;
        let location = reply.header("location").expect("where").to_owned();
        let read = owner.get(&location).await;
        assert_eq!(read.json()["shape"], shape);
        assert_eq!(read.header("etag"), reply.header("etag"));
    }
    rig.stop().await;
}
