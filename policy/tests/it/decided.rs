//! What the source texts leave open, as decided (P).

use policy::table::TABLE;
use policy::{
    Access, Action, Categories, Category, DeviceWindows, Facts, GrantState, Level, Limit, Missing, ObjectGrants, Observed, Reason,
    Resource, SubUser, Verdict, Viewer, admit, judge, may,
};

use crate::cast::{
    ACCOUNT, DAY, HELD, HIMSELF, KEPT, NOW, OTHER_ACCOUNT, SHOP, SOMEBODY, TARIFF, YARD, allows, custom, facts, forbids, granted, hides,
    position, sub_user, viewer, visit, with_rights, with_window,
};
use crate::items::{Item, rule, stay};

#[test]
fn p2_the_window_looks_at_the_fix_time_so_a_buffered_position_does_not_come_through() {
    let one_day = with_window(DAY);
    let beyond = Reason::Window { device: HELD, limit: Limit::Role, window: DAY };
    // Fixed three days ago, recorded now.
    let buffered = facts(Resource::Position, Action::See).devices(&[HELD]).span(NOW - 3 * DAY, NOW - 3 * DAY).recorded(9, NOW);
    hides(&one_day, &buffered, beyond);
    hides(&one_day, &Facts { resource: Resource::LatestPosition, ..buffered }, beyond);
    allows(&sub_user(granted()), &buffered);
    // The device stays listed.
    allows(&one_day, &facts(Resource::Device, Action::See).devices(&[HELD]));
}

#[test]
fn p2_a_clock_that_is_ahead_keeps_nothing_in_the_window() {
    let ahead = facts(Resource::Position, Action::See).devices(&[HELD]).span(NOW + 365 * DAY, NOW + 365 * DAY).recorded(9, NOW - 2 * DAY);
    hides(&with_window(DAY), &ahead, Reason::Window { device: HELD, limit: Limit::Role, window: DAY });
    allows(&with_window(2 * DAY), &ahead);
}

#[test]
fn p2_without_a_fix_time_it_is_judged_by_when_it_was_recorded() {
    let unfixed = |at| facts(Resource::Position, Action::See).devices(&[HELD]).recorded(9, at);
    allows(&with_window(DAY), &unfixed(NOW - DAY));
    assert!(matches!(judge(&with_window(DAY), &unfixed(NOW - DAY - 1), NOW), Verdict::Hide(Reason::Window { .. })));
    hides(&viewer(Access::Owner), &facts(Resource::Position, Action::See).devices(&[HELD]), Reason::TellsNoTime);
}

#[test]
fn p2_owner_and_team_have_the_tariffs_window() {
    for access in [Access::Owner, Access::Admin, Access::ReadOnly, Access::Custom(Categories::none().with(Category::Assets, Level::View))] {
        let viewer = viewer(access);
        allows(&viewer, &position(&HELD, NOW - TARIFF));
        let beyond = Reason::Window { device: HELD, limit: Limit::Tariff, window: TARIFF };
        hides(&viewer, &position(&HELD, NOW - TARIFF - 1), beyond);
    }
}

#[test]
fn p3_the_whole_span_lies_inside_the_window_or_nothing_is_told_of_it() {
    let one_day = with_window(DAY);
    let began_before = stay(HELD, YARD, NOW - 2 * DAY, NOW - DAY / 2, 5);
    hides(&one_day, &began_before.facts(), Reason::Window { device: HELD, limit: Limit::Role, window: DAY });
    // Narrowed, it has neither beginning nor length, and is shown.
    let shown = admit(began_before, &one_day, NOW).expect("the rest lies inside").into_inner();
    assert_eq!((shown.from, shown.to), (None, Some(NOW - DAY / 2)));
    // One that ended before as well is not.
    let gone = stay(HELD, YARD, NOW - 3 * DAY, NOW - 2 * DAY, 5);
    assert!(matches!(admit(gone, &one_day, NOW), Err(Verdict::Hide(Reason::Window { .. }))));
    // One that lies inside is shown whole.
    let whole = admit(stay(HELD, YARD, NOW - DAY, NOW, 5), &one_day, NOW).expect("inside").into_inner();
    assert_eq!((whole.from, whole.to), (Some(NOW - DAY), Some(NOW)));
}

#[test]
fn p3_b19_a_rule_is_shown_with_what_is_granted_of_it() {
    let viewer = sub_user(granted());
    let shown =
        admit(rule(&[HELD, KEPT], &[YARD, crate::cast::SECRET_YARD], &[crate::cast::SECRET_SHOP]), &viewer, NOW).expect("his device");
    assert_eq!((shown.item().devices.as_slice(), shown.item().geofences.as_slice()), (&[HELD][..], &[YARD][..]));
    assert!(shown.item().places.is_empty());
    assert_eq!(admit(rule(&[KEPT], &[YARD], &[]), &viewer, NOW).err(), Some(Verdict::Hide(Reason::NamesNothing)));
}

#[test]
fn p3_an_item_that_forgets_to_narrow_is_caught_by_the_judge() {
    struct Careless;
    impl Observed for Careless {
        fn facts(&self) -> Facts<'_> {
            facts(Resource::AlertRule, Action::See).devices(&[HELD, KEPT])
        }
    }
    assert_eq!(admit(Careless, &sub_user(granted()), NOW).err(), Some(Verdict::Hide(Reason::Device(KEPT))));
}

#[test]
fn p3_what_has_nothing_left_is_hidden() {
    struct Gone;
    impl Observed for Gone {
        fn facts(&self) -> Facts<'_> {
            facts(Resource::Tag, Action::See)
        }
        fn narrow(self, viewer: &Viewer, _now: i64) -> Option<Self> {
            viewer.sees_device(KEPT).then_some(self)
        }
    }
    assert_eq!(admit(Gone, &sub_user(granted()), NOW).err(), Some(Verdict::Hide(Reason::NothingLeft)));
    assert!(admit(Gone, &viewer(Access::Owner), NOW).is_ok());
}

#[test]
fn p4_taking_a_device_hides_its_past_and_future() {
    let (with, without) = (sub_user(granted()), sub_user(SubUser { devices: DeviceWindows::default(), ..granted() }));
    for at in [NOW - 20 * DAY, NOW, NOW + DAY] {
        allows(&with, &position(&HELD, at));
        hides(&without, &position(&HELD, at), Reason::Device(HELD));
        hides(
            &without,
            &Facts { recorded: None, span: None, ..facts(Resource::Device, Action::See).devices(&[HELD]) },
            Reason::Device(HELD),
        );
    }
    hides(&without, &visit(&YARD, 1), Reason::Device(HELD));
}

#[test]
fn p4_forget_hides_what_was_recorded_before_too() {
    let viewer = sub_user(SubUser { geofences: ObjectGrants::new(None, [(YARD, GrantState::Forgotten)]), ..granted() });
    hides(&viewer, &visit(&YARD, 0), Reason::Geofence(YARD, Some(GrantState::Forgotten)));
}

#[test]
fn p4_a_running_grant_shows_everything_past_and_gaps_included() {
    let viewer = sub_user(granted());
    for seq in [0, 1, u64::MAX] {
        allows(&viewer, &visit(&YARD, seq));
    }
}

#[test]
fn p4_what_is_said_of_one_object_outweighs_the_flag() {
    let flag = |all, own| sub_user(SubUser { geofences: ObjectGrants::new(all, own), ..granted() });
    let taken = flag(Some(GrantState::Active), vec![(YARD, GrantState::EndedAt(10))]);
    assert!(!taken.sees_geofence_now(YARD) && taken.sees_geofence_recorded(YARD, 10) && !taken.sees_geofence_recorded(YARD, 11));
    assert!(taken.sees_geofence_now(crate::cast::SECRET_YARD));
    let kept = flag(Some(GrantState::Forgotten), vec![(YARD, GrantState::Active)]);
    assert!(kept.sees_geofence_now(YARD) && !kept.sees_geofence_recorded(crate::cast::SECRET_YARD, 0));
    // Ending the flag ends it for each.
    let ended = flag(Some(GrantState::EndedAt(10)), vec![]);
    assert!(!ended.sees_geofence_now(YARD) && ended.sees_geofence_recorded(YARD, 10) && !ended.sees_geofence_recorded(YARD, 11));
}

#[test]
fn p4_turning_off_ends_what_is_active_and_revives_nothing() {
    assert_eq!(GrantState::turned_off(Some(GrantState::Active), 9), GrantState::EndedAt(9));
    assert_eq!(GrantState::turned_off(Some(GrantState::EndedAt(4)), 9), GrantState::EndedAt(4));
    assert_eq!(GrantState::turned_off(Some(GrantState::Forgotten), 9), GrantState::Forgotten);
    assert_eq!(GrantState::turned_off(None, 9), GrantState::Forgotten);
}

#[test]
fn p5_anything_of_another_account_is_hidden_from_everybody() {
    for access in [Access::Owner, Access::Admin, Access::ReadOnly, Access::SubUser(SubUser::newcomer())] {
        let viewer = viewer(access);
        for row in TABLE {
            let foreign = Facts::new(OTHER_ACCOUNT, row.resource, row.action).devices(&[HELD]).of_user(HIMSELF).recorded(1, NOW);
            hides(&viewer, &foreign, Reason::OtherAccount);
        }
    }
}

#[test]
fn p5_hidden_comes_before_forbidden() {
    let viewer = with_rights([]);
    hides(&viewer, &facts(Resource::Device, Action::SendRawCommand).devices(&[KEPT]), Reason::Device(KEPT));
    forbids(&viewer, &facts(Resource::Device, Action::SendRawCommand).devices(&[HELD]), Missing::Right(policy::Right::VehicleSystems));
}

#[test]
fn p6_what_was_permitted_carries_the_viewer_it_was_judged_for() {
    let permitted = admit(stay(HELD, YARD, NOW, NOW, 5), &sub_user(granted()), NOW).expect("granted");
    assert_eq!((permitted.user(), permitted.epoch(), permitted.generation()), (HIMSELF, 7, 3));
}

#[test]
fn p12_the_reason_says_what_decided() {
    let told = |viewer: &Viewer, facts: &Facts<'_>| judge(viewer, facts, NOW).reason().map(|reason| reason.to_string());
    let sub = sub_user(granted());
    assert_eq!(told(&sub, &position(&HELD, NOW)), None);
    assert_eq!(told(&sub, &position(&KEPT, NOW)).as_deref(), Some("device 2 is not granted"));
    assert_eq!(
        told(&with_window(DAY), &position(&HELD, NOW - 2 * DAY)).as_deref(),
        Some("it reaches back beyond the role's history window of 86400 s for device 1")
    );
    assert_eq!(
        told(&sub, &position(&HELD, NOW - 99 * DAY)).as_deref(),
        Some("it reaches back beyond the tariff's history window of 2592000 s for device 1")
    );
    let ended = sub_user(SubUser { geofences: ObjectGrants::new(Some(GrantState::EndedAt(8)), []), ..granted() });
    assert_eq!(told(&ended, &visit(&YARD, 9)).as_deref(), Some("the grant of geofence 1 ended at 8"));
    assert_eq!(told(&sub, &visit(&crate::cast::SECRET_YARD, 9)).as_deref(), Some("geofence 2 is not granted"));
    assert_eq!(told(&sub, &facts(Resource::Report, Action::See).of_user(SOMEBODY)).as_deref(), Some("it is somebody else's own"));
    assert_eq!(told(&sub, &facts(Resource::Position, Action::Delete)).as_deref(), Some("there is no operation delete of position"));
}

#[test]
fn p13_logs_and_explanations_are_outside_read_only_and_own_things_need_no_category() {
    for resource in [Resource::AuditLog, Resource::DeliveryLog, Resource::Explanation] {
        allows(&viewer(Access::Owner), &facts(resource, Action::See));
        allows(&viewer(Access::Admin), &facts(resource, Action::See));
        forbids(&viewer(Access::ReadOnly), &facts(resource, Action::See), Missing::OwnerOrAdmin);
        forbids(&custom(Category::Account, Level::Edit), &facts(resource, Action::See), Missing::OwnerOrAdmin);
        forbids(&with_rights(crate::cast::additional_rights()), &facts(resource, Action::See), Missing::OwnerOrAdmin);
    }
    let own = [
        (Resource::OwnPassword, Action::Edit),
        (Resource::OwnSession, Action::Delete),
        (Resource::OwnToken, Action::Create),
        (Resource::OwnProfile, Action::See),
    ];
    for (resource, action) in own {
        for access in [Access::Owner, Access::ReadOnly, Access::Custom(Categories::none()), Access::SubUser(SubUser::default())] {
            let viewer = viewer(access);
            allows(&viewer, &facts(resource, action).of_user(HIMSELF));
            hides(&viewer, &facts(resource, action).of_user(SOMEBODY), Reason::SomebodyElses);
        }
    }
}

#[test]
fn p13_a_claims_trip_is_claims_data_and_its_driver_is_not() {
    let claims = custom(Category::Claims, Level::View);
    let trip = Facts { resource: Resource::ClaimTrip, ..position(&HELD, NOW - DAY) };
    allows(&claims, &trip);
    forbids(&claims, &position(&HELD, NOW - DAY), Missing::Category(Category::Assets, Level::View));
    forbids(&custom(Category::Assets, Level::Edit), &trip, Missing::Category(Category::Claims, Level::View));
    assert!(claims.sees_category(Category::Claims) && !claims.sees_category(Category::Workforce));
}

#[test]
fn p14_a_device_that_left_the_account_is_seen_by_nobody_in_it() {
    let moved = Viewer { account_devices: DeviceWindows::from_iter([(KEPT, TARIFF)]), ..viewer(Access::Owner) };
    hides(&moved, &position(&HELD, NOW), Reason::Device(HELD));
    hides(&moved, &facts(Resource::Device, Action::See).devices(&[HELD]), Reason::Device(HELD));
    allows(&moved, &position(&KEPT, NOW));
}

#[test]
fn p6_nothing_is_allowed_to_a_disabled_user() {
    let disabled = Viewer { disabled: true, ..viewer(Access::Owner) };
    for row in TABLE {
        hides(&disabled, &position(&HELD, NOW), Reason::Disabled);
        hides(&disabled, &facts(row.resource, row.action).of_user(HIMSELF), Reason::Disabled);
        assert_eq!(may(&disabled, row.resource, row.action), Verdict::Forbid(Reason::Disabled));
    }
    assert_eq!(disabled.account, ACCOUNT);
    assert!(admit(Item { account: ACCOUNT, ..rule(&[HELD], &[], &[SHOP]) }, &disabled, NOW).is_err());
}
