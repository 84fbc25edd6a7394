//! Roles.

use super::*;
use policy::RightKind;

fn edit(role: PublicId, rights: &[Right], window: Option<i64>) -> Change {
    Change::EditRole { role, version: None, name: "Role".into(), rights: rights.to_vec(), window }
}

#[tokio::test]
async fn b10_b51_b52_an_owner_right_is_refused_each_by_name() {
    let w = World::new().await;
    let role = w.role(&[Right::Tags]).await;
    let owner_rights: Vec<Right> = Right::ALL.iter().copied().filter(|r| r.kind() == RightKind::Owner).collect();
    assert_eq!(owner_rights.len(), 5);
    for right in owner_rights {
        let create = Change::CreateRole { name: "R".into(), rights: vec![Right::Tags, right], window: None };
        for change in [create, edit(role, &[right], None)] {
            match w.by(w.owner, change).await {
                Err(ChangeError::Invalid { field: "rights", message }) => assert!(message.contains(right.name()), "{message}"),
                other => panic!("{right} gave {other:?}"),
            }
        }
    }
    let admin = w.member("a@one.example", NewAccess::Admin).await;
    let create = Change::CreateRole { name: "R".into(), rights: vec![Right::EditUsers], window: None };
    invalid(w.by(admin, create).await, "rights");
}

#[tokio::test]
async fn b24_b50_b72_a_role_is_a_name_rights_and_a_window_for_reuse() {
    let w = World::new().await;
    let create = Change::CreateRole { name: " Dispatcher ".into(), rights: vec![Right::Geofences], window: Some(DAY) };
    let role = w.owner(create).await;
    let (a, b) = (
        w.member("a@one.example", NewAccess::SubUser { role: Some(role) }).await,
        w.member("b@one.example", NewAccess::SubUser { role: Some(role) }).await,
    );
    let device = w.register("1").await;
    for user in [a, b] {
        w.owner(Change::SetDevices { user: w.user(user), devices: vec![device] }).await;
        assert!(w.viewer(user).holds(Right::Geofences) && !w.viewer(user).holds(Right::Places));
        assert_eq!(policy::window(&w.viewer(user), w.device_id(device)), Some(DAY));
    }
    assert_eq!(w.snapshot().role_of_public(role).expect("a role").name, "Dispatcher");
    w.told.take();
    w.by(w.owner, edit(role, &[Right::Geofences, Right::Places], Some(2 * DAY))).await.expect("edited");
    let cut = w.told.one();
    assert_eq!((cut.users, cut.narrows), (vec![a, b], false));
    w.by(w.owner, edit(role, &[Right::Geofences], Some(2 * DAY))).await.expect("edited");
    assert!(w.told.one().narrows, "a right is gone");
    w.by(w.owner, edit(role, &[Right::Geofences], Some(DAY))).await.expect("edited");
    assert!(w.told.one().narrows, "the window is smaller");
    w.by(w.owner, edit(role, &[Right::Geofences], None)).await.expect("edited");
    assert!(!w.told.one().narrows, "as far as the tariff");
    w.by(w.owner, edit(role, &[Right::Geofences], Some(90 * DAY))).await.expect("edited");
    assert_eq!(policy::window(&w.viewer(a), w.device_id(device)), Some(30 * DAY), "B73: the tariff's");
    for window in [0, -1] {
        invalid(w.by(w.owner, edit(role, &[], Some(window))).await, "window");
    }
}

#[tokio::test]
async fn b44_a_role_is_set_changed_and_removed_and_a_deleted_one_leaves_users_without() {
    let w = World::new().await;
    let (one, two) = (w.role(&[Right::Tags]).await, w.role(&[Right::Places]).await);
    let user = w.member("a@one.example", NewAccess::SubUser { role: None }).await;
    let id = w.user(user);
    let set = |role| Change::SetAccess { user: id, version: None, access: NewAccess::SubUser { role } };
    assert!(!w.viewer(user).holds(Right::Tags) && w.viewer(user).holds(Right::MapTools), "the basic rights only");
    w.owner(set(Some(one))).await;
    assert!(w.viewer(user).holds(Right::Tags));
    w.owner(set(Some(two))).await;
    assert!(!w.viewer(user).holds(Right::Tags) && w.viewer(user).holds(Right::Places));
    w.told.take();
    let deleted = w.by(w.owner, Change::DeleteRole { role: two }).await.expect("deleted");
    assert_eq!(deleted.left_without_role, [id], "it says so");
    assert_eq!((w.told.one().users, w.viewer(user).holds(Right::Places)), (vec![user], false));
    assert!(w.by(w.owner, Change::DeleteRole { role: one }).await.expect("deleted").left_without_role.is_empty());
    not_found(w.by(w.owner, set(Some(one))).await);
    let (_, other) = w.account("owner@two.example").await;
    let foreign = w.by(other, Change::CreateRole { name: "R".into(), rights: vec![], window: None }).await.expect("made").created[0];
    not_found(w.by(w.owner, set(Some(foreign))).await);
    not_found(w.by(w.owner, edit(foreign, &[], None)).await);
}
