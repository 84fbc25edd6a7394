//! Grants of sub-users.

use super::*;
use policy::{GrantState, Reason};

fn geofences(user: PublicId, all: Option<Turn>, each: Vec<(PublicId, Turn)>) -> Change {
    Change::TurnGeofences { user, all, each }
}

#[tokio::test]
async fn b3_b4_b5_b48_devices_are_granted_to_many_and_taken_at_once() {
    let w = World::new().await;
    let (a, b) = (w.sub_user("a@one.example", &[]).await, w.sub_user("b@one.example", &[]).await);
    let (one, two) = (w.register("1").await, w.register("2").await);
    w.told.take();
    for user in [a, b] {
        w.owner(Change::SetDevices { user: w.user(user), devices: vec![one, two] }).await;
        let cut = w.told.one();
        assert_eq!((cut.users.as_slice(), cut.narrows), ([user].as_slice(), false));
        assert_eq!(w.viewer(user).devices().len(), 2);
    }
    w.owner(Change::EditDevices { user: w.user(a), add: vec![], remove: vec![one] }).await;
    assert!(w.told.one().narrows);
    assert_eq!(w.viewer(a).devices().ids().collect::<Vec<_>>(), [w.device_id(two)]);
    w.owner(Change::SetDevices { user: w.user(a), devices: vec![two] }).await;
    assert!(w.told.take().is_empty(), "nothing changed");
    assert_eq!(w.viewer(b).devices().len(), 2);
}

#[tokio::test]
async fn b13_p5_a_foreign_device_and_one_that_never_existed_are_answered_alike() {
    let w = World::new().await;
    let (_, other) = w.account("owner@two.example").await;
    let foreign = w.by(other, Change::RegisterDevice(device("9"))).await.expect("registered").created[0];
    let user = w.user(w.sub_user("a@one.example", &[]).await);
    for id in [foreign, PublicId::from_u128(77)] {
        not_found(w.by(w.owner, Change::SetDevices { user, devices: vec![id] }).await);
        not_found(w.by(w.owner, geofences(user, None, vec![(id, Turn::On)])).await);
    }
    not_found(w.by(other, Change::SetDevices { user, devices: vec![foreign] }).await);
    let team = w.member("r@one.example", NewAccess::ReadOnly).await;
    invalid(w.by(w.owner, Change::SetDevices { user: w.user(team), devices: vec![] }).await, "user");
}

#[tokio::test]
async fn b6_b7_b38_b39_p4_a_geofence_turned_off_ends_at_the_place_of_its_entry() {
    let w = World::new().await;
    let user = w.sub_user("a@one.example", &[]).await;
    let (one, two) = (w.owner(Change::CreateGeofence(circle(1.0))).await, w.owner(Change::CreateGeofence(circle(2.0))).await);
    let (first, second) = (w.geofence_id(one), w.geofence_id(two));
    let state = |id| w.viewer(user).geofence_grant(id);
    w.told.take();
    w.owner(geofences(w.user(user), None, vec![(one, Turn::Off)])).await;
    let ended = w.places.committed();
    assert_eq!(w.places.appended.lock().last(), Some(&(ended, w.snapshot().version())), "the entry says nothing new");
    assert_eq!((state(first), state(second)), (Some(GrantState::EndedAt(ended)), Some(GrantState::Active)), "one outweighs the flag");
    assert!(w.told.one().narrows);

    w.owner(geofences(w.user(user), None, vec![(one, Turn::Off)])).await;
    assert_eq!(state(first), Some(GrantState::EndedAt(ended)), "turned off again: the end does not move");
    w.owner(geofences(w.user(user), Some(Turn::Off), vec![])).await;
    let flag = w.places.committed();
    assert_eq!((state(first), state(second)), (Some(GrantState::EndedAt(ended)), Some(GrantState::EndedAt(flag))));
    assert!(flag > ended);
    w.owner(geofences(w.user(user), Some(Turn::On), vec![])).await;
    assert_eq!((state(first), state(second)), (Some(GrantState::EndedAt(ended)), Some(GrantState::Active)));
    w.told.take();
    w.owner(geofences(w.user(user), None, vec![(one, Turn::On)])).await;
    assert_eq!((state(first), w.told.one().narrows), (Some(GrantState::Active), false));
    w.owner(geofences(w.user(user), None, vec![(one, Turn::Forget)])).await;
    assert_eq!((state(first), w.told.one().narrows), (Some(GrantState::Forgotten), true));
}

#[tokio::test]
async fn p4_turning_follows_the_specification_whatever_was_said_before() {
    use spec::{Of, Said, Spot, SubUser, Turn as Word};
    let w = World::new().await;
    let spot = w.owner(Change::CreatePlace(place("Depot"))).await;
    let id = w.place_id(spot);
    let turns = [(Turn::On, Word::On), (Turn::Off, Word::Off), (Turn::Forget, Word::Forget)];
    // Every way to say three things of the flag or of the object.
    for code in 0..6_usize.pow(3) {
        let user = w.member(&format!("u{code}@one.example"), NewAccess::SubUser { role: None }).await;
        let mut said = SubUser::new();
        for step in 0..3 {
            let choice = code / 6_usize.pow(step) % 6;
            let (turn, word) = turns[choice % 3];
            let (of, change) = if choice < 3 {
                (Of::AllPlaces, Change::TurnPlaces { user: w.user(user), all: Some(turn), each: vec![] })
            } else {
                (Of::One(Spot::Place(id.0)), Change::TurnPlaces { user: w.user(user), all: None, each: vec![(spot, turn)] })
            };
            let before = w.places.committed();
            w.owner(change).await;
            let seq = w.places.committed();
            said.said.push(Said { of, turn: word, seq });
            assert!(seq >= before);
        }
        let viewer = w.viewer(user);
        match spec::shown(&said, Spot::Place(id.0)) {
            spec::Shown::Everything => assert!(viewer.sees_place_now(id), "{said:?}"),
            spec::Shown::UpTo(last) => {
                assert!(viewer.sees_place_recorded(id, last) && !viewer.sees_place_recorded(id, last + 1), "{said:?}");
                assert!(!viewer.sees_place_now(id));
            }
            spec::Shown::Nothing => assert!(!viewer.sees_place_recorded(id, 0), "{said:?}"),
        }
    }
}

#[tokio::test]
async fn p6_a_revoke_waits_for_no_journal() {
    let w = World::new().await;
    let user = w.sub_user("a@one.example", &[]).await;
    let one = w.owner(Change::CreateGeofence(circle(1.0))).await;
    let last = w.places.committed();
    w.places.broken.store(true, Ordering::SeqCst);
    w.owner(geofences(w.user(user), None, vec![(one, Turn::Off)])).await;
    assert_eq!(w.viewer(user).geofence_grant(w.geofence_id(one)), Some(GrantState::EndedAt(last)));
}

#[tokio::test]
async fn b43_grants_are_the_owners_and_admins_to_give() {
    let w = World::new().await;
    let device = w.register("1").await;
    let (admin, reader) = (w.member("a@one.example", NewAccess::Admin).await, w.member("r@one.example", NewAccess::ReadOnly).await);
    let user = w.user(w.sub_user("s@one.example", &[]).await);
    w.by(admin, Change::SetDevices { user, devices: vec![device] }).await.expect("an admin may");
    let refused = w.by(reader, Change::SetDevices { user, devices: vec![] }).await;
    assert_eq!(refused, Err(ChangeError::Forbidden(Reason::Missing(policy::Missing::OwnerOrAdmin))));
}

#[tokio::test]
async fn b49_the_devices_and_areas_of_several_sub_users_are_edited_in_one_call() {
    let w = World::new().await;
    let users = [w.sub_user("a@one.example", &[]).await, w.sub_user("b@one.example", &[]).await];
    let (device, fence) = (w.register("1").await, w.owner(Change::CreateGeofence(circle(1.0))).await);
    let of = |user| {
        let add = Change::EditDevices { user: w.user(user), add: vec![device], remove: vec![] };
        [add, geofences(w.user(user), None, vec![(fence, Turn::Off)])]
    };
    w.told.take();
    w.owner(Change::Batch(users.into_iter().flat_map(of).collect())).await;
    assert_eq!(w.told.one().users, users, "one call, enforced once");
    for user in users {
        assert!(w.viewer(user).sees_device(w.device_id(device)) && !w.viewer(user).sees_geofence_now(w.geofence_id(fence)));
    }
}
