//! Devices.

use super::*;
use crate::model::Output;

fn platform(device: PublicId, settings: Option<&str>) -> Change {
    Change::EditPlatform { device, version: None, name: Some("Van".into()), model: None, settings: settings.map(str::to_owned) }
}

fn hardware(device: PublicId, outputs: Option<Vec<Output>>) -> Change {
    Change::EditHardware { device, version: None, settings: Some(r#"{"tracking":"eco"}"#.into()), outputs }
}

#[tokio::test]
async fn b16_b17_b57_a_device_registered_by_a_sub_user_is_the_accounts_and_his_to_see() {
    let w = World::new().await;
    let (maker, other) =
        (w.sub_user("a@one.example", &[Right::DeviceActivation]).await, w.sub_user("b@one.example", &[Right::DeviceActivation]).await);
    forbidden(w.by(w.sub_user("c@one.example", &[]).await, Change::RegisterDevice(device("1"))).await);
    w.told.take();
    let id = w.by(maker, Change::RegisterDevice(device(" 356307042441013 "))).await.expect("registered").created[0];
    let cut = w.told.one();
    assert_eq!((cut.users, cut.narrows, cut.generations), (vec![w.owner, maker], false, vec![(w.device_id(id), Some(1))]));
    let snapshot = w.snapshot();
    let found = snapshot.device_of_identifier("356307042441013").expect("registered");
    assert_eq!((found.account, found.created_by), (snapshot.user(w.owner).expect("the owner").account, maker));
    assert!(w.viewer(maker).sees_device(found.id) && w.viewer(w.owner).sees_device(found.id) && !w.viewer(other).sees_device(found.id));
    let own = NewDevice { tariff: Some(w.tariff), ..device("2") };
    forbidden(w.by(maker, Change::RegisterDevice(own.clone())).await);
    w.owner(Change::RegisterDevice(own)).await;
    for bad in ["", "  ", "a b", &"9".repeat(129)] {
        invalid(w.by(w.owner, Change::RegisterDevice(device(bad))).await, "identifier");
    }
}

#[tokio::test]
async fn p14_a_taken_identifier_gets_one_fixed_answer() {
    let w = World::new().await;
    let (_, other) = w.account("owner@two.example").await;
    w.register("1").await;
    for user in [w.owner, other] {
        let answer = w.by(user, Change::RegisterDevice(device("1"))).await.expect_err("taken");
        assert_eq!((answer.to_string().as_str(), &answer), ("identifier: it cannot be registered", &ChangeError::IdentifierTaken));
    }
}

#[tokio::test]
async fn b11_a_sub_user_deletes_no_device() {
    let w = World::new().await;
    let all: Vec<Right> = Right::ALL.iter().copied().filter(|r| r.kind() != policy::RightKind::Owner).collect();
    let user = w.sub_user("a@one.example", &all).await;
    let (seen, unseen) = (w.register("1").await, w.register("2").await);
    w.owner(Change::SetDevices { user: w.user(user), devices: vec![seen] }).await;
    forbidden(w.by(user, Change::DeleteDevice { device: seen }).await);
    not_found(w.by(user, Change::DeleteDevice { device: unseen }).await);
}

#[tokio::test]
async fn p14_a_deleted_device_leaves_connections_grants_and_rules() {
    let w = World::new().await;
    let user = w.sub_user("a@one.example", &[]).await;
    let (one, two) = (w.register("1").await, w.register("2").await);
    w.owner(Change::SetDevices { user: w.user(user), devices: vec![one, two] }).await;
    let form = |devices: Vec<PublicId>| RuleForm {
        name: "Rule".into(),
        kind: crate::model::RuleKind::IgnitionOn {},
        devices,
        geofences: vec![],
        schedule: crate::model::Schedule::default(),
        enabled: true,
    };
    let both = w.owner(Change::CreateRule(form(vec![one, two]))).await;
    let alone = w.owner(Change::CreateRule(form(vec![one]))).await;
    let (id, rule) = (w.device_id(one), w.snapshot().rule_of_public(alone).expect("a rule").id);
    w.told.take();
    w.owner(Change::DeleteDevice { device: one }).await;
    let cut = w.told.one();
    assert_eq!((cut.closed_devices, cut.generations, cut.narrows), (vec![id], vec![(id, None)], true));
    assert_eq!(cut.users, [w.owner, user]);
    let snapshot = w.snapshot();
    assert!(snapshot.device(id).is_none() && snapshot.device_of_identifier("1").is_none() && !w.viewer(user).sees_device(id));
    assert_eq!(snapshot.rule_of_public(both).expect("it goes on").devices, [w.device_id(two)]);
    assert!(snapshot.rule(rule).is_none(), "nobody could see it any more");
    let names: &dyn crate::model::Names = &*snapshot;
    assert_eq!(names.rule(rule), Some(alone), "what it raised still names it");
    let again = w.register("1").await;
    assert!(w.device_id(again) > id, "a number is never given out again");
    assert!(!w.viewer(user).sees_device(w.device_id(again)));
}

#[tokio::test]
async fn p14_a_moved_device_is_gone_here_and_new_there() {
    let w = World::new().await;
    let (two, other) = w.account("owner@two.example").await;
    let user = w.sub_user("a@one.example", &[]).await;
    let device = w.register("1").await;
    w.owner(Change::SetDevices { user: w.user(user), devices: vec![device] }).await;
    let id = w.device_id(device);
    forbidden(w.by(w.owner, Change::MoveDevice { device, account: two, tariff: None }).await);
    w.told.take();
    w.operator(Change::MoveDevice { device, account: two, tariff: None }).await.expect("moved");
    let cut = w.told.one();
    assert_eq!((cut.closed_devices, cut.generations, cut.narrows), (vec![id], vec![(id, Some(2))], true));
    assert_eq!(cut.users, [w.owner, other, user]);
    assert!(!w.viewer(w.owner).sees_device(id) && !w.viewer(user).sees_device(id) && w.viewer(other).sees_device(id));
    assert!(w.snapshot().grants(user).expect("grants").devices.is_empty());
    invalid(w.operator(Change::MoveDevice { device, account: two, tariff: None }).await, "account");
    not_found(w.by(w.owner, Change::DeleteDevice { device }).await);
}

#[tokio::test]
async fn p14_a_disabled_device_takes_nothing_until_it_is_enabled() {
    let w = World::new().await;
    let user = w.sub_user("a@one.example", &[Right::DeviceActivation]).await;
    let device = w.register("1").await;
    let id = w.device_id(device);
    let disable = |disabled| Change::SetDeviceDisabled { device, disabled };
    not_found(w.by(user, disable(true)).await);
    w.owner(Change::SetDevices { user: w.user(user), devices: vec![device] }).await;
    w.told.take();
    w.by(user, disable(true)).await.expect("he may");
    let cut = w.told.one();
    assert_eq!((cut.closed_devices, cut.generations), (vec![id], vec![(id, None)]));
    assert_eq!(w.snapshot().generations().collect::<Vec<_>>(), [(id, None)], "and after a restart too");
    w.by(user, disable(true)).await.expect("it is");
    assert!(w.told.take().is_empty());
    w.by(user, disable(false)).await.expect("he may");
    let cut = w.told.one();
    assert_eq!((cut.closed_devices, cut.generations), (vec![], vec![(id, Some(3))]));
}

#[tokio::test]
async fn b18_b54_b55_b56_settings_need_their_rights_and_marking_outputs_that_of_switching_them() {
    let w = World::new().await;
    let device = w.register("1").await;
    let users = [
        ("p", vec![Right::DeviceSettingsPlatform]),
        ("h", vec![Right::DeviceSettingsHardware]),
        ("v", vec![Right::DeviceSettingsHardware, Right::VehicleSystems]),
        ("n", vec![]),
    ];
    let outputs = vec![Output { number: 1, name: "Engine".into(), vehicle_system: true }];
    for (name, rights) in users {
        let user = w.sub_user(&format!("{name}@one.example"), &rights).await;
        not_found(w.by(user, platform(device, None)).await);
        w.owner(Change::SetDevices { user: w.user(user), devices: vec![device] }).await;
        assert_eq!(w.by(user, platform(device, None)).await.is_ok(), name == "p", "{name}");
        assert_eq!(w.by(user, hardware(device, None)).await.is_ok(), name == "h" || name == "v", "{name}");
        let marked = w.by(user, hardware(device, Some(outputs.clone()))).await;
        assert_eq!(marked.is_ok(), name == "v", "{name}: {marked:?}");
        if name == "v" {
            assert_eq!(w.snapshot().device_of_public(device).expect("a device").outputs, outputs);
            w.by(user, hardware(device, Some(vec![]))).await.expect("he may");
        }
        let status = Change::SetWorkStatus { device, status: None };
        w.by(user, status).await.expect("B53: it needs no right");
    }
    let twice = vec![outputs[0].clone(), outputs[0].clone()];
    invalid(w.by(w.owner, hardware(device, Some(twice))).await, "outputs");
}

#[tokio::test]
async fn b54_the_work_status_comes_from_the_list_in_the_settings() {
    let w = World::new().await;
    let device = w.register("1").await;
    let set = |status: &str| Change::SetWorkStatus { device, status: Some(status.into()) };
    invalid(w.by(w.owner, set("busy")).await, "status");
    w.owner(platform(device, Some(r#"{"work_statuses":["busy","free"],"lbs_radius_m":0.1}"#))).await;
    w.owner(set("busy")).await;
    let now = || w.snapshot().device_of_public(device).expect("a device").work_status.clone();
    assert_eq!(now().as_deref(), Some("busy"));
    w.owner(platform(device, Some(r#"{"work_statuses":["free"]}"#))).await;
    assert_eq!(now(), None, "it is no longer on the list");
    for bad in ["", "[]", "{", r#"{"work_statuses":5}"#, &format!("{{\"x\":\"{}\"}}", "y".repeat(70_000))] {
        invalid(w.by(w.owner, platform(device, Some(bad))).await, "settings");
    }
    let stale = Change::EditPlatform { device, version: Some(1), name: None, model: None, settings: None };
    assert!(matches!(w.by(w.owner, stale).await, Err(ChangeError::StaleVersion { .. })));
}

#[tokio::test]
async fn b52_b73_the_tariff_of_a_device_is_the_owners_to_change() {
    let w = World::new().await;
    let short = w.operator(Change::CreateTariff { name: "Day".into(), history: DAY }).await.expect("made").created[0];
    let (device, admin) = (w.register("1").await, w.member("a@one.example", NewAccess::Admin).await);
    let user = w.sub_user("s@one.example", &[]).await;
    w.owner(Change::SetDevices { user: w.user(user), devices: vec![device] }).await;
    forbidden(w.by(admin, Change::SetTariff { device, tariff: short }).await);
    w.told.take();
    w.owner(Change::SetTariff { device, tariff: short }).await;
    let cut = w.told.one();
    assert_eq!((cut.users, cut.narrows), (vec![w.owner, admin, user], true));
    for viewer in [w.viewer(w.owner), w.viewer(user)] {
        assert_eq!(policy::window(&viewer, w.device_id(device)), Some(DAY));
    }
    w.owner(Change::SetTariff { device, tariff: w.tariff }).await;
    assert!(!w.told.one().narrows);
}
