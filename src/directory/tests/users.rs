//! Users and their access.

use super::*;
use crate::model::UserAccess;
use policy::{Categories, Category, Level, Missing, Reason, Resource};

fn custom(category: Category, level: Level) -> NewAccess {
    NewAccess::Custom(Categories::none().with(category, level))
}

fn create(email: &str, access: NewAccess) -> Change {
    Change::CreateUser { user: person(email), access }
}

#[tokio::test]
async fn b1_b2_an_owner_lets_several_sub_users_into_exactly_his_account() {
    let w = World::new().await;
    let (_, other) = w.account("owner@two.example").await;
    let users = [w.sub_user("a@one.example", &[]).await, w.sub_user("b@one.example", &[]).await];
    let snapshot = w.snapshot();
    let account = snapshot.user(w.owner).expect("the owner").account;
    for user in users {
        assert_eq!(snapshot.user(user).expect("a user").account, account);
        not_found(w.by(other, Change::DeleteUser { user: w.user(user) }).await);
    }
    assert_eq!(snapshot.users_of(account).count(), 3);
}

#[tokio::test]
async fn b8_b28_a_new_sub_user_has_all_geofences_and_places_and_no_device() {
    let w = World::new().await;
    w.register("1").await;
    let before = w.owner(Change::CreateGeofence(circle(1.0))).await;
    let user = w.member("a@one.example", NewAccess::SubUser { role: None }).await;
    let after = w.owner(Change::CreateGeofence(circle(2.0))).await;
    let spot = w.owner(Change::CreatePlace(place("Depot"))).await;
    let viewer = w.viewer(user);
    assert!(viewer.devices().is_empty());
    assert!(viewer.sees_geofence_now(w.geofence_id(before)) && viewer.sees_geofence_now(w.geofence_id(after)), "future ones too");
    assert!(viewer.sees_place_now(w.place_id(spot)));
}

#[tokio::test]
async fn b45_b46_name_surname_phone_and_email_are_recorded_and_can_be_changed() {
    let w = World::new().await;
    let user = w.member(" A@One.Example ", NewAccess::SubUser { role: None }).await;
    let u = w.snapshot().user(user).expect("a user").as_ref().clone();
    assert_eq!((u.email.as_str(), u.name.as_str(), u.surname.as_str(), u.phone.as_str()), ("a@one.example", "Ada", "Byron", "+1"));
    let edit = |email: Option<&str>, name: Option<&str>, version| Change::EditUser {
        user: u.public_id,
        version,
        email: email.map(str::to_owned),
        name: name.map(str::to_owned),
        surname: None,
        phone: None,
    };
    let changed = w.by(w.owner, edit(Some("b@one.example"), Some("Grace"), Some(1))).await.expect("edited");
    assert_eq!(changed.version, Some(2));
    let stale = w.by(w.owner, edit(None, Some("Joan"), Some(1))).await;
    assert_eq!(stale, Err(ChangeError::StaleVersion { current: 2 }));
    assert!(w.snapshot().users_of_email("a@one.example").next().is_none() && w.snapshot().users_of_email("B@one.example").count() == 1);
    invalid(w.by(w.owner, edit(Some("nobody"), None, None)).await, "email");
    invalid(w.by(w.owner, edit(None, Some(&"x".repeat(201)), None)).await, "name");
    invalid(w.by(w.owner, edit(Some("owner@one.example"), None, None)).await, "email");
}

#[tokio::test]
async fn b12_t13_only_owner_and_admins_change_users_and_their_access() {
    let w = World::new().await;
    let admin = w.member("admin@one.example", NewAccess::Admin).await;
    let target = w.sub_user("target@one.example", &[]).await;
    w.by(admin, create("by-admin@one.example", NewAccess::ReadOnly)).await.expect("an admin may");
    w.by(admin, Change::SetAccess { user: w.user(target), version: None, access: NewAccess::ReadOnly }).await.expect("an admin may");
    let role = w.role(&[]).await;
    let back = NewAccess::SubUser { role: Some(role) };
    w.owner(Change::SetAccess { user: w.user(target), version: None, access: back }).await;
    let all = Right::ALL.iter().copied().filter(|r| r.kind() != policy::RightKind::Owner).collect::<Vec<_>>();
    let everything = Category::ALL.iter().fold(Categories::none(), |all, c| all.with(*c, Level::Edit));
    let others = [
        w.member("r@one.example", NewAccess::ReadOnly).await,
        w.member("c@one.example", NewAccess::Custom(everything)).await,
        w.sub_user("s@one.example", &all).await,
    ];
    for user in others {
        let id = w.user(target);
        forbidden(w.by(user, create("x@one.example", NewAccess::SubUser { role: None })).await);
        for change in [
            Change::SetAccess { user: id, version: None, access: NewAccess::Admin },
            Change::SetPassword { user: id, password: "other-elm-7 stone".into() },
            Change::SetUserDisabled { user: id, disabled: true },
            Change::DeleteUser { user: id },
            Change::SetDevices { user: id, devices: vec![] },
            Change::EditRole { role, version: None, name: "X".into(), rights: vec![], window: None },
        ] {
            let result = w.by(user, change.clone()).await;
            assert!(matches!(result, Err(ChangeError::Forbidden(_) | ChangeError::NotFound)), "{change:?}: {result:?}");
        }
    }
    assert_eq!(w.viewer(target).access.name(), "sub_user");
}

#[tokio::test]
async fn t14_nobody_but_owner_and_admin_changes_his_own_access() {
    let w = World::new().await;
    let admin = w.member("admin@one.example", NewAccess::Admin).await;
    let others = [
        w.member("r@one.example", NewAccess::ReadOnly).await,
        w.member("c@one.example", custom(Category::Account, Level::Edit)).await,
        w.sub_user("s@one.example", &[]).await,
    ];
    for user in others {
        forbidden(w.by(user, Change::SetAccess { user: w.user(user), version: None, access: NewAccess::Admin }).await);
    }
    let own = Change::SetAccess { user: w.user(admin), version: None, access: NewAccess::ReadOnly };
    w.by(admin, own).await.expect("an admin may step down");
    assert_eq!(w.viewer(admin).access.name(), "read_only");
}

#[tokio::test]
async fn b15_the_owner_stays_owner_and_no_admin_touches_him() {
    let w = World::new().await;
    let admin = w.member("admin@one.example", NewAccess::Admin).await;
    let owner = w.user(w.owner);
    let name =
        |name: &str| Change::EditUser { user: owner, version: None, email: None, name: Some(name.into()), surname: None, phone: None };
    for change in [
        Change::SetAccess { user: owner, version: None, access: NewAccess::ReadOnly },
        Change::SetUserDisabled { user: owner, disabled: true },
        Change::DeleteUser { user: owner },
    ] {
        let refused = w.by(admin, change.clone()).await;
        assert_eq!(refused, Err(ChangeError::Forbidden(Reason::Missing(Missing::OwnerOnly))), "{change:?}");
        invalid(w.by(w.owner, change).await, "user");
    }
    forbidden(w.by(admin, Change::SetPassword { user: owner, password: "other-elm-7 stone".into() }).await);
    forbidden(w.by(admin, name("X")).await);
    w.owner(name("Me")).await;
    assert_eq!(w.snapshot().user(w.owner).expect("the owner").access, UserAccess::Owner);
}

#[tokio::test]
async fn t2_t3_t4_t12_one_access_at_a_time_and_custom_names_a_category() {
    let w = World::new().await;
    invalid(w.by(w.owner, create("c@one.example", NewAccess::Custom(Categories::none()))).await, "categories");
    let user = w.member("c@one.example", custom(Category::Billing, Level::View)).await;
    assert_eq!(w.viewer(user).access.level(Category::Billing), Level::View, "in force from the beginning");
    assert_eq!(w.viewer(user).access.level(Category::Assets), Level::None);
    let device = w.register("1").await;
    let id = w.user(user);
    w.owner(Change::SetAccess { user: id, version: None, access: NewAccess::SubUser { role: None } }).await;
    assert_eq!((w.viewer(user).access.name(), w.viewer(user).access.level(Category::Billing)), ("sub_user", Level::None));
    w.owner(Change::SetDevices { user: id, devices: vec![device] }).await;
    w.owner(Change::SetAccess { user: id, version: None, access: custom(Category::Claims, Level::Edit) }).await;
    assert!(w.snapshot().grants(user).is_none(), "grants are a sub-user's alone");
    w.owner(Change::SetAccess { user: id, version: None, access: NewAccess::SubUser { role: None } }).await;
    assert!(w.viewer(user).devices().is_empty(), "he begins anew");
}

#[tokio::test]
async fn t6_t7_t15_a_change_of_access_is_enforced_before_it_returns() {
    let w = World::new().await;
    let user = w.member("c@one.example", custom(Category::Assets, Level::Edit)).await;
    w.told.take();
    let access = custom(Category::Assets, Level::View);
    w.owner(Change::SetAccess { user: w.user(user), version: Some(1), access: access.clone() }).await;
    let cut = w.told.one();
    assert_eq!((cut.users.as_slice(), cut.narrows, cut.epoch), ([user].as_slice(), true, w.snapshot().epoch()));
    assert_eq!(cut.snapshot.viewer(user, 2).expect("a user").access.level(Category::Assets), Level::View);
    w.owner(Change::SetAccess { user: w.user(user), version: None, access }).await;
    assert!(w.told.take().is_empty(), "the same once more changes nothing");
}

#[tokio::test]
async fn t11_a_custom_set_belongs_to_one_user() {
    let w = World::new().await;
    let (a, b) = (
        w.member("a@one.example", custom(Category::Claims, Level::View)).await,
        w.member("b@one.example", custom(Category::Claims, Level::View)).await,
    );
    w.owner(Change::SetAccess { user: w.user(a), version: None, access: custom(Category::Claims, Level::Edit) }).await;
    assert_eq!(w.viewer(b).access.level(Category::Claims), Level::View);
}

#[tokio::test]
async fn p6_disabling_and_deleting_close_everything_of_the_user() {
    let w = World::new().await;
    let user = w.sub_user("a@one.example", &[]).await;
    let session = w.directory.sign_in("a@one.example", PASSWORD, None).await.expect("signed in");
    w.told.take();
    w.owner(Change::SetUserDisabled { user: w.user(user), disabled: true }).await;
    let cut = w.told.one();
    assert_eq!((cut.closed_users.as_slice(), cut.closed_sessions.as_slice()), ([user].as_slice(), [session.session.id].as_slice()));
    assert!(w.directory.session(session.token.as_str()).is_none() && w.viewer(user).disabled);
    assert!(w.directory.sign_in("a@one.example", PASSWORD, None).await.is_err());
    w.owner(Change::SetUserDisabled { user: w.user(user), disabled: false }).await;
    assert!(w.told.one().closed_users.is_empty());
    w.directory.sign_in("a@one.example", PASSWORD, None).await.expect("he is let in again");
    w.told.take();
    w.owner(Change::DeleteUser { user: w.user(user) }).await;
    let cut = w.told.one();
    assert_eq!((cut.closed_users.as_slice(), cut.closed_sessions.len()), ([user].as_slice(), 1));
    assert!(w.snapshot().viewer(user, 1).is_none() && w.snapshot().users_of_email("a@one.example").next().is_none());
}

#[tokio::test]
async fn p8_accounts_and_tariffs_are_the_operators_and_he_does_nothing_inside() {
    let w = World::new().await;
    forbidden(w.by(w.owner, Change::CreateTariff { name: "Free".into(), history: DAY }).await);
    forbidden(w.by(w.owner, Change::CreateAccount { name: "X".into(), tariff: w.tariff, owner: person("x@one.example") }).await);
    forbidden(w.operator(Change::RegisterDevice(device("1"))).await);
    forbidden(w.operator(Change::CreateGeofence(circle(1.0))).await);
    invalid(w.operator(Change::CreateTariff { name: "None".into(), history: 0 }).await, "history");
    let device = w.register("1").await;
    w.told.take();
    w.operator(Change::EditTariff { tariff: w.tariff, name: "Day".into(), history: DAY }).await.expect("edited");
    let cut = w.told.one();
    assert!(cut.narrows && cut.everyone_in.len() == 1);
    assert_eq!(w.viewer(w.owner).devices().get(w.device_id(device)), Some(DAY));
}

#[tokio::test]
async fn p11_changes_and_denials_are_written_down() {
    let w = World::new().await;
    let user = w.sub_user("a@one.example", &[]).await;
    let (_, foreign) = w.account("owner@two.example").await;
    for _ in 0..3 {
        forbidden(w.by(user, Change::CreateGeofence(circle(1.0))).await);
    }
    not_found(w.by(foreign, Change::DeleteUser { user: w.user(user) }).await);
    let account = w.snapshot().user(w.owner).expect("the owner").account;
    let rows = w.directory.audit(account, None, 100).await.expect("read");
    let actions: Vec<&str> = rows.iter().map(|r| r.action.as_str()).collect();
    assert_eq!(actions, ["user.create", "role.create", "user.create", "account.create"], "the newest first");
    assert_eq!((rows[0].actor, rows[3].actor), (AuditActor::User(w.owner), AuditActor::Operator));
    assert!(rows[0].after.contains("a@one.example") && !rows[0].after.contains("argon2") && rows[0].before == "null");
    let next = w.directory.audit(account, Some((rows[1].epoch, rows[1].ordinal)), 1).await.expect("read");
    assert_eq!(next, rows[2..3]);
    let denials = w.directory.denials(account, None, 10).await.expect("read");
    assert_eq!(denials.len(), 1, "merged: {denials:?}");
    assert_eq!((denials[0].user, denials[0].attempts, denials[0].operation.as_str()), (user, 3, "geofence.create"));
    assert!(denials[0].reason.contains("geofences"), "{denials:?}");
    w.directory.denied(user, Resource::Device, policy::Action::See, &Reason::NamesNothing);
    assert_eq!(w.directory.denials(account, None, 10).await.expect("read").len(), 2);
    let his = w.snapshot().user(foreign).expect("a user").account;
    // To him it was an id that does not exist, and nothing is written of those: his own log would tell the two apart (P5).
    assert_eq!(w.directory.denials(his, None, 10).await.expect("read"), []);
}
