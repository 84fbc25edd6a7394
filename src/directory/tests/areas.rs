//! Geofences and places.

use super::*;
use crate::model::{Definitions as _, Names, RuleKind, Schedule};

#[tokio::test]
async fn b9_b14_b16_b29_b35_areas_need_the_right_and_are_the_accounts() {
    let w = World::new().await;
    let (plain, maker) = (w.sub_user("a@one.example", &[]).await, w.sub_user("b@one.example", &[Right::Geofences, Right::Places]).await);
    forbidden(w.by(plain, Change::CreateGeofence(circle(1.0))).await);
    forbidden(w.by(plain, Change::CreatePlace(place("P"))).await);
    let fence = w.by(maker, Change::CreateGeofence(circle(1.0))).await.expect("he may").created[0];
    let spot = w.by(maker, Change::CreatePlace(place("P"))).await.expect("he may").created[0];
    let snapshot = w.snapshot();
    let (fence_now, spot_now) = (snapshot.geofence_of_public(fence).expect("made"), snapshot.place_of_public(spot).expect("made"));
    let account = snapshot.user(w.owner).expect("the owner").account;
    assert_eq!((fence_now.account, fence_now.created_by, spot_now.account), (account, maker, account));
    assert!(w.viewer(w.owner).sees_geofence_now(fence_now.id) && w.viewer(w.owner).sees_place_now(spot_now.id));
    let edit = |name: &str| GeofenceForm { name: name.into(), ..circle(2.0) };
    forbidden(w.by(plain, Change::EditGeofence { geofence: fence, version: None, form: edit("X") }).await);
    w.owner(Change::TurnGeofences { user: w.user(plain), all: None, each: vec![(fence, Turn::Off)] }).await;
    not_found(w.by(plain, Change::EditGeofence { geofence: fence, version: None, form: edit("X") }).await);
    w.owner(Change::EditGeofence { geofence: fence, version: Some(1), form: edit("X") }).await;
    let stale = w.by(maker, Change::EditGeofence { geofence: fence, version: Some(1), form: edit("Y") }).await;
    assert_eq!(stale, Err(ChangeError::StaleVersion { current: 2 }));
    w.owner(Change::DeletePlace { place: spot }).await;
    not_found(w.by(w.owner, Change::DeletePlace { place: spot }).await);
}

#[tokio::test]
async fn b20_what_a_sub_user_makes_is_granted_to_those_with_the_right_at_that_moment() {
    let w = World::new().await;
    let maker = w.sub_user("maker@one.example", &[Right::Geofences]).await;
    let (holder, plain, with_all) = (
        w.sub_user("holder@one.example", &[Right::Geofences]).await,
        w.sub_user("plain@one.example", &[Right::Places]).await,
        w.sub_user("all@one.example", &[]).await,
    );
    for user in [maker, holder, plain] {
        w.owner(Change::TurnGeofences { user: w.user(user), all: Some(Turn::Off), each: vec![] }).await;
    }
    let by_owner = w.owner(Change::CreateGeofence(circle(1.0))).await;
    w.told.take();
    let by_sub_user = w.by(maker, Change::CreateGeofence(circle(2.0))).await.expect("he may").created[0];
    let cut = w.told.one();
    assert_eq!((cut.users, cut.narrows), (vec![maker, holder], false));
    let sees = |user, id| w.viewer(user).sees_geofence_now(w.geofence_id(id));
    assert!(sees(maker, by_sub_user) && sees(holder, by_sub_user) && sees(with_all, by_sub_user) && !sees(plain, by_sub_user));
    assert!(!sees(maker, by_owner) && !sees(holder, by_owner) && sees(with_all, by_owner));
    let right = w.role(&[Right::Geofences]).await;
    w.owner(Change::SetAccess { user: w.user(plain), version: None, access: NewAccess::SubUser { role: Some(right) } }).await;
    assert!(!sees(plain, by_sub_user), "a right gained later adds none");
    w.owner(Change::TurnGeofences { user: w.user(holder), all: None, each: vec![(by_sub_user, Turn::Off)] }).await;
    assert!(!sees(holder, by_sub_user), "the owner may take it away");
}

#[tokio::test]
async fn a_version_is_kept_and_told_to_the_journal() {
    let w = World::new().await;
    let start = w.snapshot().version();
    let fence = w.owner(Change::CreateGeofence(circle(1.0))).await;
    let id = w.geofence_id(fence);
    w.owner(Change::EditGeofence { geofence: fence, version: None, form: circle(2.0) }).await;
    w.owner(Change::CreatePlace(place("P"))).await;
    w.owner(Change::DeleteGeofence { geofence: fence }).await;
    assert_eq!((w.snapshot().version(), w.directory.current_version()), (start + 3, start + 3), "a place is none of the pipeline's");
    let told: Vec<u64> = w.places.appended.lock().iter().map(|(_, version)| *version).collect();
    assert_eq!(told, [start + 1, start + 2, start + 3]);
    let shape = |version| w.directory.at(version).expect("kept").geofences.get(&id).map(|g| g.shape.clone());
    assert_eq!((shape(start), shape(start + 1), shape(start + 2)), (None, Some(circle(1.0).shape), Some(circle(2.0).shape)));
    assert_eq!((shape(start + 3), w.directory.at(start + 4).is_none()), (None, true));
    assert_eq!(Names::geofence(&*w.snapshot(), id), Some(fence), "what was recorded of it still names it");
    w.directory.forget_before(start + 2);
    w.owner(Change::CreatePlace(place("Q"))).await;
    assert!(w.directory.at(start + 1).is_none() && w.directory.at(start + 2).is_some());
    w.directory.forget_before(u64::MAX);
    w.owner(Change::CreatePlace(place("R"))).await;
    assert!(w.directory.at(start + 3).is_some(), "the newest stays");
}

#[tokio::test]
async fn a_rule_for_some_geofences_never_becomes_one_for_everywhere() {
    let w = World::new().await;
    let (device, fence) = (w.register("1").await, w.owner(Change::CreateGeofence(circle(1.0))).await);
    let rule = w
        .owner(Change::CreateRule(RuleForm {
            name: "Slow here".into(),
            kind: RuleKind::Overspeed { faster_than_kmh: 30.0 },
            devices: vec![device],
            geofences: vec![fence],
            schedule: Schedule::default(),
            enabled: true,
        }))
        .await;
    w.owner(Change::DeleteGeofence { geofence: fence }).await;
    let left = w.snapshot().rule_of_public(rule).expect("a rule").clone();
    assert_eq!((left.geofences.as_slice(), left.enabled, left.version), ([].as_slice(), false, 2));
}

#[tokio::test]
async fn bad_areas_are_refused_and_named() {
    let w = World::new().await;
    let bad = GeofenceForm { shape: Shape::Circle { center: Point { latitude: f64::NAN, longitude: 0.0 }, radius_m: 1.0 }, ..circle(1.0) };
    invalid(w.by(w.owner, Change::CreateGeofence(bad)).await, "shape");
    invalid(w.by(w.owner, Change::CreateGeofence(GeofenceForm { name: " ".into(), ..circle(1.0) })).await, "name");
    invalid(w.by(w.owner, Change::CreateGeofence(GeofenceForm { dwell_s: 100_000, ..circle(1.0) })).await, "dwell_s");
    invalid(w.by(w.owner, Change::CreatePlace(PlaceForm { radius_m: -1.0, ..place("P") })).await, "radius_m");
    invalid(w.by(w.owner, Change::CreatePlace(PlaceForm { address: "x\ny".into(), ..place("P") })).await, "address");
    assert_eq!(w.snapshot().version(), 0);
}
