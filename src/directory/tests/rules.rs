//! Alert rules.

use super::*;
use crate::model::{RuleKind, Schedule};
use policy::admit;

fn rule(devices: &[PublicId], geofences: &[PublicId]) -> RuleForm {
    let kind = if geofences.is_empty() { RuleKind::IgnitionOn {} } else { RuleKind::GeofenceEnter {} };
    let (devices, geofences) = (devices.to_vec(), geofences.to_vec());
    RuleForm { name: "Rule".into(), kind, devices, geofences, schedule: Schedule::default(), enabled: true }
}

#[tokio::test]
async fn b19_b37_b60_a_sub_user_makes_rules_on_what_he_sees_and_others_see_them_by_device() {
    let w = World::new().await;
    let (maker, other) = (w.sub_user("a@one.example", &[Right::AlertRules]).await, w.sub_user("b@one.example", &[]).await);
    let (one, two) = (w.register("1").await, w.register("2").await);
    let (fence, hidden) = (w.owner(Change::CreateGeofence(circle(1.0))).await, w.owner(Change::CreateGeofence(circle(2.0))).await);
    w.owner(Change::SetDevices { user: w.user(maker), devices: vec![one] }).await;
    w.owner(Change::TurnGeofences { user: w.user(maker), all: None, each: vec![(hidden, Turn::Off)] }).await;
    not_found(w.by(maker, Change::CreateRule(rule(&[one, two], &[]))).await);
    not_found(w.by(maker, Change::CreateRule(rule(&[one], &[hidden]))).await);
    forbidden(w.by(other, Change::CreateRule(rule(&[one], &[]))).await);
    let made = w.by(maker, Change::CreateRule(rule(&[one], &[fence]))).await.expect("he may").created[0];
    let view = |user| admit(RuleView::whole(w.snapshot().rule_of_public(made).expect("a rule").clone()), &w.viewer(user), NOW).is_ok();
    assert!(view(w.owner) && view(maker) && !view(other));
    w.owner(Change::SetDevices { user: w.user(other), devices: vec![one, two] }).await;
    assert!(view(other));
    w.owner(Change::SetDevices { user: w.user(maker), devices: vec![two] }).await;
    assert!(!view(maker), "its maker too sees it by its device");
    not_found(w.by(maker, Change::DeleteRule { rule: made }).await);
}

#[tokio::test]
async fn b19_an_edit_leaves_what_the_actor_does_not_see_untouched() {
    let w = World::new().await;
    let user = w.sub_user("a@one.example", &[Right::AlertRules]).await;
    let (one, two, three) = (w.register("1").await, w.register("2").await, w.register("3").await);
    let (fence, hidden) = (w.owner(Change::CreateGeofence(circle(1.0))).await, w.owner(Change::CreateGeofence(circle(2.0))).await);
    w.owner(Change::SetDevices { user: w.user(user), devices: vec![one, three] }).await;
    w.owner(Change::TurnGeofences { user: w.user(user), all: None, each: vec![(hidden, Turn::Off)] }).await;
    let id = w.owner(Change::CreateRule(rule(&[one, two], &[fence, hidden]))).await;
    let now = || w.snapshot().rule_of_public(id).expect("a rule").clone();
    let shown = admit(RuleView::whole(now()), &w.viewer(user), NOW).expect("he sees one of its devices").into_inner();
    assert_eq!((shown.devices, shown.geofences), (vec![w.device_id(one)], vec![w.geofence_id(fence)]), "and of it what is granted");

    let form = RuleForm { kind: RuleKind::GeofenceExit {}, ..rule(&[three], &[]) };
    w.by(user, Change::EditRule { rule: id, version: Some(1), form }).await.expect("he may");
    assert_eq!((now().devices.clone(), now().geofences.clone()), (vec![w.device_id(two), w.device_id(three)], vec![w.geofence_id(hidden)]));
    w.by(user, Change::DeleteRule { rule: id }).await.expect("he may");
    assert_eq!(now().devices, [w.device_id(two)], "what others alone see of it stays");
    not_found(w.by(user, Change::EditRule { rule: id, version: None, form: rule(&[one], &[]) }).await);
    w.owner(Change::DeleteRule { rule: id }).await;
    assert!(w.snapshot().rule_of_public(id).is_none());
}

#[tokio::test]
async fn bad_rules_are_refused_and_named() {
    let w = World::new().await;
    let (device, fence) = (w.register("1").await, w.owner(Change::CreateGeofence(circle(1.0))).await);
    let with = |kind| RuleForm { kind, ..rule(&[device], &[]) };
    for kind in [
        RuleKind::Overspeed { faster_than_kmh: f64::NAN },
        RuleKind::Overspeed { faster_than_kmh: 0.0 },
        RuleKind::ConnectionLost { after_s: 0 },
        RuleKind::BatteryBelow { level_pct: 101.0 },
        RuleKind::DeviceAlarm { alarms: vec!["nonsense".into()] },
    ] {
        invalid(w.by(w.owner, Change::CreateRule(with(kind))).await, "kind");
    }
    w.owner(Change::CreateRule(with(RuleKind::DeviceAlarm { alarms: vec!["sos".into()] }))).await;
    invalid(w.by(w.owner, Change::CreateRule(with(RuleKind::GeofenceEnter {}))).await, "geofences");
    let silent = RuleForm { kind: RuleKind::ConnectionLost { after_s: 60 }, ..rule(&[device], &[fence]) };
    invalid(w.by(w.owner, Change::CreateRule(silent)).await, "geofences");
    invalid(w.by(w.owner, Change::CreateRule(rule(&[], &[]))).await, "devices");
    let schedule = Schedule { time_zone: Some("Mars/Olympus".into()), spans: vec![] };
    invalid(w.by(w.owner, Change::CreateRule(RuleForm { schedule, ..rule(&[device], &[]) })).await, "schedule");
    not_found(w.by(w.owner, Change::CreateRule(rule(&[PublicId::from_u128(5)], &[]))).await);
}
