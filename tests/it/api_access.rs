//! Users, their access, roles, grants, sessions, logs.

use super::api_rig::{NOBODY, PASSWORD, Rig, circle, path_of};
use super::client::Client;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn t5_b45_users_are_found_by_name_or_email_and_carry_what_was_recorded_of_them() {
    let rig = Rig::start().await;
    let mut owner = rig.client("owner").await;
    let user = json!({
        "email": "Ada.Byron@Example.com", "password": PASSWORD, "name": "Ada", "surname": "Byron", "phone": "+49 30 1",
        "access": { "kind": "sub_user" },
    });
    let id = rig.ok(&mut owner, "POST", "/users", &user).await.json()["id"].clone();
    for search in ["ada", "BYRON", "ada%20byron", "ada.byron@"] {
        assert_eq!(rig.list(&mut owner, &format!("/users?search={search}"), "id").await, std::slice::from_ref(&id), "{search}");
    }
    assert_eq!(rig.list(&mut owner, "/users?search=nobody", "id").await.len(), 0);
    let read = rig.read(&mut owner, &format!("/users/{}", id.as_str().expect("an id"))).await;
    let fields = [("email", "ada.byron@example.com"), ("name", "Ada"), ("surname", "Byron"), ("phone", "+49 30 1")];
    assert!(fields.iter().all(|(field, value)| read[field] == *value), "{read}");
    assert_eq!(read["access"], json!({ "kind": "sub_user", "role": null }), "B44: no role");
    let all = rig.list(&mut owner, "/users", "id").await;
    assert!(all.len() >= 10 && !all.contains(&json!(rig.id("south"))));
    let own = rig.list(&mut rig.client("sub").await, "/users", "id").await;
    assert_eq!(own, [json!(rig.id("sub"))], "a sub-user sees himself");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t6_t12_an_access_is_one_of_five_and_is_replaced_whole() {
    let rig = Rig::start().await;
    let mut owner = rig.client("owner").await;
    let path = rig.user_path("biller", "access");
    for (access, field) in [
        (json!({ "kind": "custom" }), "categories"),
        (json!({ "kind": "custom", "categories": {} }), "categories"),
        (json!({ "kind": "custom", "categories": { "assets": "none" } }), "categories"),
        (json!({ "kind": "custom", "categories": { "moon": "view" } }), "access.categories"),
        (json!({ "kind": "admin", "categories": { "assets": "view" } }), "categories"),
        (json!({ "kind": "admin", "role": rig.id("role") }), "role"),
        (json!({ "kind": "owner" }), "access"),
        (json!({ "kind": "king" }), "access"),
    ] {
        let reply = owner.call("PUT", &path_of(&path), &access).await;
        assert_eq!((reply.status, &reply.json()["field"]), (422, &json!(field)), "{access}");
    }
    let mut biller = rig.client("biller").await;
    assert_eq!(biller.get(&path_of("/devices")).await.status, 403);
    rig.ok(&mut owner, "PUT", &path, &json!({ "kind": "custom", "categories": { "assets": "view" } })).await;
    assert_eq!(biller.get(&path_of("/devices")).await.status, 200, "T15: on the next request");
    let me = rig.read(&mut biller, "/me").await;
    assert_eq!((&me["categories"]["assets"], &me["categories"]["billing"]), (&json!("view"), &json!("none")));
    rig.ok(&mut owner, "PUT", &path, &json!({ "kind": "sub_user" })).await;
    assert_eq!(rig.list(&mut biller, "/devices", "id").await.len(), 0, "B8: no device");
    assert_eq!(rig.list(&mut biller, "/geofences", "id").await.len(), 2, "B8: all geofences");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t9_t13_t14_b12_b52_only_owner_and_admins_change_users_and_nobody_the_owner() {
    let rig = Rig::start().await;
    let owner_id = rig.read(&mut rig.client("owner").await, "/me").await["id"].clone();
    let owner_path = |rest: &str| path_of(&format!("/users/{}{rest}", owner_id.as_str().expect("an id")));
    let new = |n: &str| json!({ "email": format!("{n}@new.example"), "password": PASSWORD, "access": { "kind": "read_only" } });
    for (who, may) in [
        ("owner", true),
        ("admin", true),
        ("reader", false),
        ("account_editor", false),
        ("assets_editor", false),
        ("sub", false),
        ("worker", false),
    ] {
        let mut client = rig.client(who).await;
        let mut status = async |method: &str, path: &str, body: &Value| client.call(method, path, body).await.status;
        let own = path_of(&rig.user_path(if who == "owner" { "admin" } else { who }, "access"));
        assert_eq!(status("POST", &path_of("/users"), &new(who)).await, if may { 201 } else { 403 }, "{who}");
        let edited = status("PATCH", &path_of(&format!("/users/{}", rig.id("sub"))), &json!({ "phone": "1" })).await;
        let unseen = if who == "worker" { 404 } else { 403 };
        assert_eq!(edited, if may { 200 } else { unseen }, "{who}");
        if !may {
            assert_eq!(status("PUT", &own, &json!({ "kind": "admin" })).await, 403, "{who}: T14");
        }
        if who == "admin" {
            for (method, rest, body) in [
                ("PATCH", "", json!({ "name": "x" })),
                ("PUT", "/password", json!({ "password": PASSWORD })),
                ("PUT", "/access", json!({ "kind": "read_only" })),
                ("PUT", "/disabled", json!({ "disabled": true })),
                ("DELETE", "", Value::Null),
            ] {
                assert_eq!(status(method, &owner_path(rest), &body).await, 403, "B52: {method} {rest}");
            }
            let tariff = json!({ "tariff": rig.id("short_tariff") });
            assert_eq!(status("PUT", &path_of(&format!("/devices/{}/tariff", rig.id("device"))), &tariff).await, 403);
        }
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b47_a_short_or_guessable_password_is_refused() {
    let rig = Rig::start().await;
    let mut owner = rig.client("owner").await;
    for password in ["", "Ab1$x", "123456", "password"] {
        let user = json!({ "email": "p@q.example", "password": password, "access": { "kind": "sub_user" } });
        let reply = owner.call("POST", &path_of("/users"), &user).await;
        assert_eq!((reply.status, &reply.json()["field"]), (422, &json!("password")), "{password}");
        let reply = owner.call("PUT", &path_of(&rig.user_path("sub", "password")), &json!({ "password": password })).await;
        assert_eq!(reply.status, 422, "{password}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b20_b57_what_a_sub_user_makes_is_the_accounts_and_he_sees_it() {
    let rig = Rig::start().await;
    let (mut owner, mut worker, mut sub) = (rig.client("owner").await, rig.client("worker").await, rig.client("sub").await);
    let device = rig.ok(&mut worker, "POST", "/devices", &json!({ "identifier": "new" })).await.json()["id"].clone();
    let geofence = rig.ok(&mut worker, "POST", "/geofences", &json!({ "name": "new", "shape": circle(1.0) })).await.json()["id"].clone();
    for (client, sees_device) in [(&mut owner, true), (&mut worker, true), (&mut sub, false)] {
        assert_eq!(rig.list(client, "/devices", "id").await.contains(&device), sees_device);
        assert!(rig.list(client, "/geofences", "id").await.contains(&geofence), "all by the flag");
    }
    assert_eq!(sub.call("POST", &path_of("/geofences"), &json!({ "name": "x", "shape": circle(1.0) })).await.status, 403, "B9");
    // P14: the same answer, whoever has it.
    let mut taken = Vec::new();
    for identifier in ["new", "south_tracker"] {
        let reply = owner.call("POST", &path_of("/devices"), &json!({ "identifier": identifier })).await;
        taken.push((reply.status, reply.body));
    }
    assert_eq!(taken[0].0, 409);
    assert_eq!(taken[0], taken[1]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b43_b48_grants_of_a_sub_user_are_seen_and_edited() {
    let rig = Rig::start().await;
    let (mut owner, mut sub) = (rig.client("owner").await, rig.client("sub").await);
    let path = rig.user_path("sub", "grants");
    let add = json!({ "add": [rig.id("hidden_device")], "remove": [rig.id("device")] });
    rig.ok(&mut owner, "PATCH", &format!("{path}/devices"), &add).await;
    assert_eq!(rig.list(&mut sub, "/devices", "id").await, [json!(rig.id("hidden_device"))]);
    rig.ok(
        &mut owner,
        "PATCH",
        &format!("{path}/places"),
        &json!({ "all": "off", "each": [{ "id": rig.id("hidden_place"), "turn": "on" }] }),
    )
    .await;
    assert_eq!(rig.list(&mut sub, "/places", "id").await, [json!(rig.id("hidden_place"))]);
    let grants = rig.read(&mut owner, &path).await;
    assert_eq!(grants["places"], json!({ "all": "off", "each": [{ "id": rig.id("hidden_place"), "state": "on" }] }));
    assert_eq!(grants["geofences"]["each"], json!([{ "id": rig.id("hidden_geofence"), "state": "forgotten" }]));
    let own = rig.read(&mut sub, &path).await;
    assert_eq!(own["geofences"]["each"], json!([]), "of what he does not see he is told no id");
    assert_eq!(sub.get(&path_of(&rig.user_path("worker", "grants"))).await.status, 404);
    let reply = owner.call("PUT", &path_of(&rig.user_path("reader", "grants/devices")), &json!({ "devices": [] })).await;
    assert_eq!((reply.status, &reply.json()["field"]), (422, &json!("user")), "a team member has no grants");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b50_a_deleted_role_leaves_the_basic_rights_and_says_whose() {
    let rig = Rig::start().await;
    let (mut owner, mut worker) = (rig.client("owner").await, rig.client("worker").await);
    let path = format!("/roles/{}", rig.id("every_right"));
    assert_eq!(rig.list(&mut worker, "/roles", "id").await, [json!(rig.id("every_right"))], "his own");
    assert_eq!(rig.read(&mut worker, "/me").await["role"]["name"], "every right");
    let reply = owner.send("DELETE", &path_of(&path), &[], "").await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "left_without_role": [rig.id("worker")] })));
    let me = rig.read(&mut worker, "/me").await;
    assert_eq!(me["rights"], json!(["map_tools", "history", "service_operations", "widgets", "linked_data"]), "B44, B53");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p15_an_address_in_several_accounts_is_asked_which_after_the_password() {
    let rig = Rig::start().await;
    for owner in ["owner", "owner@south.example"] {
        let user = json!({ "email": "both@shared.example", "password": PASSWORD, "access": { "kind": "read_only" } });
        let mut owner = rig.client(owner).await;
        rig.ok(&mut owner, "POST", "/users", &user).await;
        assert_eq!(owner.call("POST", &path_of("/users"), &user).await.status, 422, "unique within an account");
    }
    let mut client = Client::new(rig.address());
    let mut log_in = async |body: Value| client.call("POST", &path_of("/session"), &body).await;
    let email = "both@shared.example";
    let wrong = log_in(json!({ "email": email, "password": "wrong" })).await;
    let unknown = log_in(json!({ "email": "nobody@shared.example", "password": "wrong" })).await;
    assert_eq!((wrong.status, &wrong.body), (401, &unknown.body), "no word of accounts before the password");
    let which = log_in(json!({ "email": email, "password": PASSWORD })).await;
    let accounts = which.json()["accounts"].clone();
    assert_eq!((which.status, accounts.as_array().map(Vec::len)), (409, Some(2)));
    for account in ["north", "south"] {
        let reply = log_in(json!({ "email": email, "password": PASSWORD, "account": rig.id(account) })).await;
        assert_eq!((reply.status, &reply.json()["account"]["name"]), (200, &json!(account)));
    }
    let reply = log_in(json!({ "email": email, "password": PASSWORD, "account": NOBODY })).await;
    assert_eq!((reply.status, &reply.body), (401, &wrong.body));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p13_sessions_and_passwords_are_a_users_own() {
    let rig = Rig::start().await;
    let (mut one, mut two, mut owner) = (rig.client("biller").await, rig.client("biller").await, rig.client("owner").await);
    let sessions = rig.read(&mut one, "/sessions").await;
    let sessions = sessions["items"].as_array().expect("sessions").clone();
    let others: Vec<&Value> = sessions.iter().filter(|session| session["this"] == false).collect();
    assert_eq!((sessions.len(), others.len()), (2, 1), "{sessions:?}");
    let path = path_of(&format!("/sessions/{}", others[0]["id"].as_str().expect("an id")));
    assert_eq!(owner.send("DELETE", &path, &[], "").await.status, 404, "not even the owner");
    assert_eq!(one.send("DELETE", &path, &[], "").await.status, 204);
    assert_eq!(two.get(&path_of("/me")).await.status, 401);
    let mut two = rig.client("biller").await;
    let change = |current: &str| json!({ "current_password": current, "password": "quiet-lamp-4 stone" });
    let reply = one.call("PUT", &path_of("/me/password"), &change("wrong")).await;
    assert_eq!((reply.status, &reply.json()["field"]), (422, &json!("current_password")));
    assert_eq!(one.call("PUT", &path_of("/me/password"), &change(PASSWORD)).await.status, 204);
    assert_eq!((one.get(&path_of("/me")).await.status, two.get(&path_of("/me")).await.status), (200, 401));
    assert_eq!(one.send("DELETE", &path_of("/session"), &[], "").await.status, 204);
    assert_eq!(one.get(&path_of("/me")).await.status, 401);
    let mut sub = rig.client("sub").await;
    rig.ok(&mut owner, "PUT", &rig.user_path("sub", "disabled"), &json!({ "disabled": true })).await;
    assert_eq!(sub.get(&path_of("/me")).await.status, 401);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p13_a_cookie_counts_for_changes_on_pages_of_ours_alone() {
    let rig = Rig::start_with(|config| config.api.origins = vec!["https://maps.example".to_owned()]).await;
    let mut client = Client::new(rig.address());
    let log_in = json!({ "email": "owner@north.example", "password": PASSWORD }).to_string();
    let content = ("Content-Type", "application/json");
    let foreign = client.send("POST", &path_of("/session"), &[content, ("Origin", "https://evil.example")], &log_in).await;
    assert_eq!(foreign.status, 403);
    let reply = client.send("POST", &path_of("/session"), &[content, ("Origin", "https://maps.example")], &log_in).await;
    let cookie = reply.header("set-cookie").expect("a cookie").to_owned();
    assert!(["purview_session=", "HttpOnly", "SameSite=Strict", "Secure"].iter().all(|part| cookie.contains(part)), "{cookie}");
    let cookie = cookie.split(';').next().expect("a pair").to_owned();
    let own = format!("http://{}", rig.address());
    assert_eq!(client.send("GET", &path_of("/me"), &[("Cookie", &cookie)], "").await.status, 200);
    for (origin, status) in [
        (None, 403),
        (Some("https://evil.example"), 403),
        (Some("null"), 403),
        (Some(own.as_str()), 201),
        (Some("https://maps.example"), 201),
    ] {
        let mut headers = vec![content, ("Cookie", cookie.as_str())];
        headers.extend(origin.map(|origin| ("Origin", origin)));
        let reply = client.send("POST", &path_of("/roles"), &headers, r#"{"name":"x"}"#).await;
        assert_eq!(reply.status, status, "{origin:?}");
    }
    rig.stop().await;
}

/// Whether anywhere in it a number stands where an id could.
fn ids_are_public(value: &Value) -> bool {
    const IDS: &[&str] = &["id", "user", "device", "account", "role", "tariff", "devices", "geofences", "given", "taken", "object", "each"];
    match value {
        Value::Object(fields) => fields.iter().all(|(name, value)| {
            let number = value.is_number() || value.as_array().is_some_and(|list| list.iter().any(Value::is_number));
            !(number && IDS.contains(&name.as_str())) && ids_are_public(value)
        }),
        Value::Array(list) => list.iter().all(ids_are_public),
        _ => true,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_changes_and_denials_are_in_the_logs_of_their_account_and_name_no_numbers() {
    let rig = Rig::start().await;
    let (mut owner, mut sub, mut reader) = (rig.client("owner").await, rig.client("sub").await, rig.client("reader").await);
    assert_eq!(reader.get(&path_of("/audit")).await.status, 403, "P13: outside read-only");
    let off = json!({ "all": "off", "each": [{ "id": rig.id("geofence"), "turn": "off" }] });
    rig.ok(&mut owner, "PATCH", &rig.user_path("sub", "grants/geofences"), &off).await;
    sub.get(&path_of(&format!("/devices/{}", rig.id("hidden_device")))).await;
    sub.get(&path_of(&format!("/devices/{}", rig.id("south_device")))).await;
    owner.get(&path_of(&format!("/geofences/{}", rig.id("south_geofence")))).await;
    owner.send("DELETE", &path_of(&format!("/geofences/{}", rig.id("south_geofence"))), &[], "").await;
    let audit = rig.read(&mut owner, "/audit").await;
    let rows = audit["items"].as_array().expect("rows");
    assert_eq!(rows[0]["action"], "grant.geofences");
    assert_eq!(rows[0]["after"], json!({ "all": "off", "each": [{ "id": rig.id("geofence"), "state": "off" }] }));
    assert!(rows.iter().any(|row| row["action"] == "user.create") && rows.iter().all(ids_are_public), "{audit}");
    assert!(!audit.to_string().contains("south"), "another account's");
    let mut paged = Vec::new();
    let mut path = "/audit?limit=7".to_owned();
    loop {
        let page = rig.read(&mut owner, &path).await;
        paged.extend(page["items"].as_array().expect("rows").iter().cloned());
        let Some(cursor) = page["cursor"].as_str() else { break };
        path = format!("/audit?limit=7&cursor={cursor}");
    }
    assert_eq!(&paged, rows);
    let denials = rig.read(&mut owner, "/denials").await;
    let denials = denials["items"].as_array().expect("rows").clone();
    let of = |operation: &str| denials.iter().filter(|row| row["operation"] == operation).cloned().collect::<Vec<_>>();
    assert_eq!(of("audit_log.see").len(), 1);
    let hidden = of("device.see");
    assert_eq!(hidden.len(), 1, "what is another account's leaves no trace (P5): {denials:?}");
    assert_eq!(hidden[0]["reason"], format!("device {} is not granted", rig.id("hidden_device")));
    assert_eq!((&hidden[0]["user"], &hidden[0]["attempts"]), (&json!(rig.id("sub")), &json!(1)));
    assert!(of("geofence.see").is_empty() && of("geofence.delete").is_empty(), "{denials:?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b55_hardware_settings_are_shown_and_changed_by_the_right_alone() {
    let rig = Rig::start().await;
    let (mut owner, mut sub, mut worker) = (rig.client("owner").await, rig.client("sub").await, rig.client("worker").await);
    let path = format!("/devices/{}", rig.id("device"));
    let settings =
        json!({ "settings": { "tracking_mode": "interval" }, "outputs": [{ "number": 1, "name": "engine", "vehicle_system": true }] });
    rig.ok(&mut worker, "PATCH", &format!("{path}/hardware"), &settings).await;
    rig.ok(&mut owner, "PATCH", &format!("{path}/platform"), &json!({ "settings": { "work_statuses": ["free", "busy"] } })).await;
    assert_eq!(rig.read(&mut worker, &path).await["hardware_settings"]["tracking_mode"], "interval");
    let seen = rig.read(&mut sub, &path).await;
    assert_eq!(seen.get("hardware_settings"), None, "{seen}");
    rig.ok(&mut sub, "PUT", &format!("{path}/work-status"), &json!({ "status": "busy" })).await;
    assert_eq!(sub.call("PUT", &path_of(&format!("{path}/work-status")), &json!({ "status": "asleep" })).await.status, 422);
    assert_eq!(rig.read(&mut owner, &path).await["work_status"], "busy");
    rig.stop().await;
}
