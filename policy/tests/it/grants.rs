//! Sub-users: devices, geofences, places, and what is tied to them (B4 to B42).

use policy::table::{SubNeed, TABLE};
use policy::{
    Access, Action, DeviceId, DeviceWindows, Facts, GrantState, Missing, ObjectGrants, Reason, Resource, Right, SubUser, Verdict, judge,
    may,
};

use crate::cast::{
    DAY, HELD, HIMSELF, KEPT, NOW, SECRET_SHOP, SECRET_YARD, SHOP, SOMEBODY, TARIFF, YARD, additional_rights, allows, facts, forbids,
    granted, hides, place_visit, position, sub_user, viewer, visit, with_rights,
};

#[test]
fn b4_only_granted_devices_are_seen_whatever_is_asked_of_them() {
    let everything = with_rights(additional_rights());
    for row in TABLE.iter().filter(|row| row.sub != SubNeed::Never) {
        for devices in [&[KEPT][..], &[HELD, KEPT], &[KEPT, HELD], &[HELD, DeviceId(999)]] {
            let at = NOW - DAY;
            let asked = facts(row.resource, row.action).devices(devices).geofences(&[YARD]).places(&[SHOP]).span(at, at).recorded(1, at);
            let verdict = judge(&everything, &asked, NOW);
            use policy::table::Scope;
            match row.scope {
                // Not of devices.
                Scope::Own | Scope::Himself | Scope::Report | Scope::Account => {}
                Scope::Named | Scope::Rule | Scope::Device | Scope::Geofence | Scope::Place | Scope::Telematics => {
                    assert!(matches!(verdict, Verdict::Hide(Reason::Device(_))), "{row:?} {devices:?} {verdict:?}");
                }
            }
        }
    }
    assert!(everything.sees_device(HELD) && !everything.sees_device(KEPT));
}

#[test]
fn b5_b7_the_same_things_can_be_granted_to_many() {
    let (first, mut second) = (sub_user(granted()), sub_user(granted()));
    second.user = SOMEBODY;
    for viewer in [first, second] {
        allows(&viewer, &position(&HELD, NOW));
        allows(&viewer, &visit(&YARD, 1));
        allows(&viewer, &place_visit(&SHOP, 1));
    }
}

#[test]
fn b6_only_granted_geofences_and_places_are_seen() {
    let viewer = with_rights([Right::Geofences, Right::Places]);
    for action in [Action::See, Action::Edit, Action::Delete] {
        allows(&viewer, &facts(Resource::Geofence, action).geofences(&[YARD]));
        hides(&viewer, &facts(Resource::Geofence, action).geofences(&[SECRET_YARD]), Reason::Geofence(SECRET_YARD, None));
        allows(&viewer, &facts(Resource::Place, action).places(&[SHOP]));
        hides(&viewer, &facts(Resource::Place, action).places(&[SECRET_SHOP]), Reason::Place(SECRET_SHOP, None));
    }
    hides(&viewer, &visit(&SECRET_YARD, 1), Reason::Geofence(SECRET_YARD, None));
    hides(&viewer, &place_visit(&SECRET_SHOP, 1), Reason::Place(SECRET_SHOP, None));
}

#[test]
fn b8_b28_a_newcomer_has_all_geofences_and_places_future_ones_too_and_no_device() {
    let newcomer = sub_user(SubUser::newcomer());
    for id in [1, 2, 4_000_000_000] {
        assert!(newcomer.sees_geofence_now(policy::GeofenceId(id)) && newcomer.sees_place_now(policy::PlaceId(id)));
    }
    assert_eq!(newcomer.devices().len(), 0);
    hides(&newcomer, &position(&HELD, NOW), Reason::Device(HELD));
}

#[test]
fn b9_geofences_and_places_are_made_and_changed_only_with_the_right() {
    let without = with_rights([Right::Places]);
    for action in [Action::Create, Action::Edit, Action::Delete] {
        forbids(&without, &facts(Resource::Geofence, action).geofences(&[YARD]), Missing::Right(Right::Geofences));
        allows(&without, &facts(Resource::Place, action).places(&[SHOP]));
    }
    let without = with_rights([Right::Geofences]);
    for action in [Action::Create, Action::Edit, Action::Delete] {
        forbids(&without, &facts(Resource::Place, action).places(&[SHOP]), Missing::Right(Right::Places));
        allows(&without, &facts(Resource::Geofence, action).geofences(&[YARD]));
    }
}

#[test]
fn b11_no_right_lets_a_sub_user_delete_a_device() {
    let everything = with_rights(additional_rights());
    let needed = Missing::Category(policy::Category::Assets, policy::Level::Edit);
    forbids(&everything, &facts(Resource::Device, Action::Delete).devices(&[HELD]), needed);
    hides(&everything, &facts(Resource::Device, Action::Delete).devices(&[KEPT]), Reason::Device(KEPT));
}

#[test]
fn b10_b12_no_right_lets_a_sub_user_make_users_or_roles() {
    let everything = with_rights(additional_rights());
    for resource in [Resource::User, Resource::Role, Resource::Invitation] {
        let refusal = Verdict::Forbid(Reason::Missing(Missing::OwnerOrAdmin));
        assert_eq!(may(&everything, resource, Action::Create), refusal);
        assert_eq!(judge(&everything, &facts(resource, Action::Create).of_user(HIMSELF), NOW), refusal);
    }
    forbids(&everything, &facts(Resource::Grant, Action::Edit).of_user(HIMSELF), Missing::OwnerOrAdmin);
    hides(&everything, &facts(Resource::Grant, Action::Edit).of_user(SOMEBODY), Reason::SomebodyElses);
    hides(&everything, &facts(Resource::User, Action::See).of_user(SOMEBODY), Reason::SomebodyElses);
    allows(&everything, &facts(Resource::User, Action::See).of_user(HIMSELF));
}

/// B13 to B17, B21, B27, B29, B35: whatever a sub-user makes or sees, the owner sees.
#[test]
fn b13_b14_b15_b16_b17_b21_b27_b29_b35_the_owner_sees_whatever_a_sub_user_sees() {
    let (owner, sub) = (viewer(Access::Owner), with_rights(additional_rights()));
    for row in TABLE {
        let at = NOW - DAY;
        let asked = facts(row.resource, row.action).devices(&[HELD]).geofences(&[YARD]).places(&[SHOP]).span(at, at).recorded(1, at);
        for asked in [asked, asked.of_user(HIMSELF)] {
            assert!(!judge(&sub, &asked, NOW).is_allow() || judge(&owner, &asked, NOW).is_allow(), "{row:?}");
        }
    }
    let far = policy::GeofenceId(77);
    allows(&owner, &facts(Resource::Geofence, Action::See).geofences(&[far]));
    allows(&owner, &facts(Resource::Place, Action::See).places(&[SECRET_SHOP]));
}

#[test]
fn b17_b18_who_registered_a_device_sees_its_data_and_its_settings_only_by_right() {
    let activator = with_rights([Right::DeviceActivation]);
    allows(&activator, &facts(Resource::Device, Action::Register));
    forbids(&with_rights([]), &facts(Resource::Device, Action::Register), Missing::Right(Right::DeviceActivation));
    allows(&activator, &position(&HELD, NOW));
    allows(&activator, &facts(Resource::Trip, Action::See).devices(&[HELD]).span(NOW - DAY, NOW).recorded(9, NOW));
    let hardware = facts(Resource::Device, Action::SeeHardware).devices(&[HELD]);
    forbids(&activator, &hardware, Missing::Right(Right::DeviceSettingsHardware));
    allows(&with_rights([Right::DeviceSettingsHardware]), &hardware);
}

#[test]
fn b19_a_rule_is_judged_by_what_is_shown_of_it() {
    let viewer = sub_user(granted());
    allows(&viewer, &facts(Resource::AlertRule, Action::See).devices(&[HELD]));
    allows(&viewer, &facts(Resource::AlertRule, Action::See).devices(&[HELD]).geofences(&[YARD]));
    // Not narrowed, it would tell of a device or geofence that is not granted; without a device of his it is none of his rules.
    hides(&viewer, &facts(Resource::AlertRule, Action::See).devices(&[HELD, KEPT]), Reason::Device(KEPT));
    hides(
        &viewer,
        &facts(Resource::AlertRule, Action::See).devices(&[HELD]).geofences(&[SECRET_YARD]),
        Reason::Geofence(SECRET_YARD, None),
    );
    hides(&viewer, &facts(Resource::AlertRule, Action::See).of_user(HIMSELF), Reason::NamesNothing);
    allows(&crate::cast::viewer(Access::Owner), &facts(Resource::AlertRule, Action::See));
}

#[test]
fn b20_the_flag_covers_what_is_made_later_and_single_grants_do_not() {
    let made_later = policy::GeofenceId(500);
    assert!(sub_user(SubUser::newcomer()).sees_geofence_now(made_later));
    assert!(!sub_user(granted()).sees_geofence_now(made_later));
    // A right by itself shows nothing: the grant is added when the geofence is made.
    assert!(!with_rights([Right::Geofences]).sees_geofence_now(made_later));
}

#[test]
fn b22_b23_vehicles_and_employees_are_seen_by_their_device_or_by_all() {
    let viewer = sub_user(granted());
    for resource in [Resource::Vehicle, Resource::Employee] {
        allows(&viewer, &facts(resource, Action::See).devices(&[HELD]));
        hides(&viewer, &facts(resource, Action::See).devices(&[KEPT]), Reason::Device(KEPT));
        allows(&viewer, &facts(resource, Action::See));
        allows(&crate::cast::viewer(Access::Owner), &facts(resource, Action::See).devices(&[KEPT]));
    }
}

#[test]
fn b25_b26_what_is_tied_to_something_inaccessible_is_not_seen() {
    let viewer = sub_user(granted());
    let at = NOW - DAY;
    for resource in [Resource::Visit, Resource::Alert, Resource::Task, Resource::Form, Resource::AlertRule] {
        let named = |devices, geofences, places| -> Facts<'static> {
            facts(resource, Action::See).devices(devices).geofences(geofences).places(places).span(at, at).recorded(5, at)
        };
        allows(&viewer, &named(&[HELD], &[YARD], &[SHOP]));
        hides(&viewer, &named(&[HELD, KEPT], &[YARD], &[SHOP]), Reason::Device(KEPT));
        hides(&viewer, &named(&[HELD], &[YARD, SECRET_YARD], &[SHOP]), Reason::Geofence(SECRET_YARD, None));
        hides(&viewer, &named(&[HELD], &[YARD], &[SECRET_SHOP, SHOP]), Reason::Place(SECRET_SHOP, None));
    }
}

#[test]
fn b30_b36_lists_show_only_what_is_granted_now() {
    let ended = sub_user(SubUser {
        geofences: ObjectGrants::new(Some(GrantState::Active), [(YARD, GrantState::EndedAt(50))]),
        places: ObjectGrants::new(Some(GrantState::Active), [(SHOP, GrantState::EndedAt(50))]),
        ..granted()
    });
    let state = Some(GrantState::EndedAt(50));
    hides(&ended, &facts(Resource::Geofence, Action::See).geofences(&[YARD]), Reason::Geofence(YARD, state));
    allows(&ended, &facts(Resource::Geofence, Action::See).geofences(&[SECRET_YARD]));
    hides(&ended, &facts(Resource::Place, Action::See).places(&[SHOP]), Reason::Place(SHOP, state));
    allows(&ended, &facts(Resource::Place, Action::See).places(&[SECRET_SHOP]));
}

#[test]
fn b31_b33_b37_b40_b42_what_is_made_offers_only_what_is_granted_now() {
    let ended = |rights: &[Right]| {
        let mut viewer = with_rights(rights.iter().copied());
        if let Access::SubUser(sub) = &mut viewer.access {
            sub.geofences = ObjectGrants::new(None, [(YARD, GrantState::EndedAt(50))]);
            sub.places = ObjectGrants::new(None, [(SHOP, GrantState::EndedAt(50))]);
        }
        viewer
    };
    let state = Some(GrantState::EndedAt(50));
    for action in [Action::Create, Action::Edit] {
        let rule = facts(Resource::AlertRule, action).devices(&[HELD]).geofences(&[YARD]);
        hides(&ended(&[Right::AlertRules]), &rule, Reason::Geofence(YARD, state));
        allows(&with_rights([Right::AlertRules]), &rule);
        for resource in [Resource::Report, Resource::ReportSchedule] {
            let visits = facts(resource, action).of_user(HIMSELF).devices(&[HELD]).geofences(&[YARD]);
            hides(&ended(&[Right::Reports]), &visits, Reason::Geofence(YARD, state));
            allows(&with_rights([Right::Reports]), &visits);
            let places = facts(resource, action).of_user(HIMSELF).devices(&[HELD]).places(&[SHOP]);
            hides(&ended(&[Right::Reports]), &places, Reason::Place(SHOP, state));
            allows(&with_rights([Right::Reports]), &places);
            let foreign = facts(resource, action).of_user(HIMSELF).devices(&[KEPT]);
            hides(&with_rights([Right::Reports]), &foreign, Reason::Device(KEPT));
        }
    }
}

#[test]
fn b32_b34_b41_b42_a_report_that_was_made_keeps_its_data() {
    let viewer = with_rights([Right::Reports]);
    let report = facts(Resource::Report, Action::See)
        .of_user(HIMSELF)
        .devices(&[KEPT])
        .geofences(&[SECRET_YARD])
        .places(&[SECRET_SHOP])
        .span(NOW - 9 * TARIFF, NOW);
    allows(&viewer, &report);
    allows(&viewer, &Facts { action: Action::Delete, ..report });
}

#[test]
fn b38_after_a_geofence_is_turned_off_nothing_recorded_later_in_it_is_seen() {
    let viewer = sub_user(SubUser { geofences: ObjectGrants::new(None, [(YARD, GrantState::EndedAt(50))]), ..granted() });
    hides(&viewer, &visit(&YARD, 51), Reason::Geofence(YARD, Some(GrantState::EndedAt(50))));
    hides(&viewer, &Facts { resource: Resource::Alert, ..visit(&YARD, 51) }, Reason::Geofence(YARD, Some(GrantState::EndedAt(50))));
    // An event that does not say when it was recorded is judged as of now.
    hides(&viewer, &Facts { recorded: None, ..visit(&YARD, 1) }, Reason::Geofence(YARD, Some(GrantState::EndedAt(50))));
}

#[test]
fn b39_what_was_recorded_before_stays() {
    let viewer = sub_user(SubUser {
        geofences: ObjectGrants::new(None, [(YARD, GrantState::EndedAt(50))]),
        places: ObjectGrants::new(Some(GrantState::EndedAt(50)), []),
        ..granted()
    });
    for seq in [0, 49, 50] {
        allows(&viewer, &visit(&YARD, seq));
        allows(&viewer, &Facts { resource: Resource::Alert, ..visit(&YARD, seq) });
        allows(&viewer, &place_visit(&SHOP, seq));
        assert!(viewer.sees_geofence_recorded(YARD, seq) && viewer.sees_place_recorded(SHOP, seq));
    }
    assert!(!viewer.sees_geofence_recorded(YARD, 51) && !viewer.sees_place_recorded(SHOP, 51));
}

#[test]
fn b4_a_device_list_answers_for_exactly_its_devices() {
    // Ids in clusters, far apart, at both ends of their range.
    let held: Vec<u32> = (0..300).map(|n| n * n * 37 % 5_000).chain([0, 1 << 31, u32::MAX - 1, u32::MAX]).collect();
    let list: DeviceWindows = held.iter().map(|id| (DeviceId(*id), TARIFF + i64::from(*id))).collect();
    for id in (0..6_000).chain([1 << 30, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, u32::MAX - 2, u32::MAX - 1, u32::MAX]) {
        let expected = held.contains(&id).then_some(TARIFF + i64::from(id));
        assert_eq!(list.get(DeviceId(id)), expected, "{id}");
    }
    assert!(list.ids().is_sorted() && list.ids().len() == list.len());
    assert_eq!(DeviceWindows::default().get(DeviceId(0)), None);
    assert_eq!(DeviceWindows::from_iter([(HELD, 5), (HELD, 3), (HELD, 4)]).get(HELD), Some(3));
}
