//! Roles: rights and history windows (B44 to B73).

use policy::table::{SubNeed, TABLE};
use policy::{
    Action, DeviceWindows, Facts, Limit, Missing, Range, Reason, Resource, Right, RightKind, RightSet, Role, SubUser, Verdict, clamp,
    earliest, judge, may, may_by_id, window,
};

use crate::cast::{
    ACCOUNT, DAY, HELD, HIMSELF, KEPT, NOW, SHOP, SOMEBODY, TARIFF, YARD, additional_rights, allows, facts, forbids, granted, hides,
    position, sub_user, viewer, with_rights, with_window,
};

fn of_row<'a>(resource: Resource, action: Action) -> Facts<'a> {
    let at = NOW - DAY;
    facts(resource, action).devices(&[HELD]).geofences(&[YARD]).places(&[SHOP]).span(at, at).recorded(1, at).of_user(HIMSELF)
}

/// With one right, exactly the rows that ask for it and the basic ones are allowed; what is missing is named.
#[track_caller]
fn opens(right: Right, rows: &[(Resource, Action)]) {
    let (holder, without) = (with_rights([right]), with_rights(additional_rights().filter(|other| *other != right)));
    let opened: Vec<_> = TABLE.iter().filter(|row| row.sub == SubNeed::Right(right)).map(|row| (row.resource, row.action)).collect();
    assert_eq!(opened, rows, "{right}");
    for row in TABLE {
        let facts = of_row(row.resource, row.action);
        assert_eq!(
            judge(&holder, &facts, NOW).is_allow(),
            matches!(row.sub, SubNeed::Basic) || row.sub == SubNeed::Right(right),
            "{row:?}"
        );
        if row.sub == SubNeed::Right(right) {
            forbids(&without, &facts, Missing::Right(right));
        }
    }
}

#[test]
fn b44_without_a_role_a_sub_user_has_the_basic_rights_alone() {
    let viewer = sub_user(granted());
    for row in TABLE {
        let verdict = judge(&viewer, &of_row(row.resource, row.action), NOW);
        match row.sub {
            SubNeed::Basic => assert_eq!(verdict, Verdict::Allow, "{row:?}"),
            SubNeed::Right(right) => assert_eq!(verdict, Verdict::Forbid(Reason::Missing(Missing::Right(right))), "{row:?}"),
            SubNeed::Never => assert!(matches!(verdict, Verdict::Forbid(_)), "{row:?}"),
        }
    }
    assert_eq!(RightSet::default(), RightSet::BASIC);
}

#[test]
fn b24_b50_b51_every_right_is_basic_additional_or_the_owners_and_has_one_name() {
    let count = |kind| Right::ALL.iter().filter(|right| right.kind() == kind).count();
    assert_eq!((count(RightKind::Additional), count(RightKind::Basic), count(RightKind::Owner)), (16, 5, 5));
    for right in Right::ALL {
        assert_eq!(Right::from_name(right.name()), Some(*right));
    }
    assert_eq!(Right::from_name("everything"), None);
    let set = RightSet::of_role([Right::Tags, Right::Video, Right::Tags]).expect("additional rights");
    assert!(set.contains(Right::Tags) && set.contains(Right::Video) && !set.contains(Right::Tasks));
    assert_eq!(RightSet::of_role(set.iter()), Ok(set));
}

#[test]
fn b10_b52_edit_users_cannot_be_put_into_a_role() {
    assert_eq!(RightSet::of_role([Right::Tags, Right::EditUsers]), Err(Right::EditUsers));
}

#[test]
fn b10_b52_manage_device_groups_cannot_be_put_into_a_role() {
    assert_eq!(RightSet::of_role([Right::Tags, Right::ManageDeviceGroups]), Err(Right::ManageDeviceGroups));
}

#[test]
fn b10_b52_manage_retranslators_cannot_be_put_into_a_role() {
    assert_eq!(RightSet::of_role([Right::Tags, Right::ManageRetranslators]), Err(Right::ManageRetranslators));
}

#[test]
fn b10_b52_change_tariffs_cannot_be_put_into_a_role() {
    assert_eq!(RightSet::of_role([Right::Tags, Right::ChangeTariffs]), Err(Right::ChangeTariffs));
}

#[test]
fn b10_b52_activate_users_cannot_be_put_into_a_role() {
    assert_eq!(RightSet::of_role([Right::Tags, Right::ActivateUsers]), Err(Right::ActivateUsers));
}

#[test]
fn b52_admins_edit_and_activate_users_and_the_rest_stays_the_owners() {
    let (owner, admin) = (viewer(policy::Access::Owner), viewer(policy::Access::Admin));
    for action in [Action::Edit, Action::Activate] {
        allows(&admin, &facts(Resource::User, action).of_user(SOMEBODY));
    }
    for (resource, action) in
        [(Resource::DeviceGroup, Action::Edit), (Resource::Retranslator, Action::Create), (Resource::DeviceTariff, Action::Edit)]
    {
        allows(&owner, &facts(resource, action));
        forbids(&admin, &facts(resource, action), Missing::OwnerOnly);
        assert_eq!(may(&admin, resource, action), Verdict::Forbid(Reason::Missing(Missing::OwnerOnly)));
        forbids(&with_rights(additional_rights()), &facts(resource, action), Missing::OwnerOnly);
    }
}

#[test]
fn b53_the_basic_rights_work_for_every_role_and_none_and_cannot_be_left_out() {
    let basic: Vec<Right> = Right::ALL.iter().copied().filter(|right| right.kind() == RightKind::Basic).collect();
    let empty = RightSet::of_role([]).expect("an empty role");
    for right in &basic {
        assert!(empty.contains(*right) && sub_user(granted()).holds(*right) && with_rights([Right::Tags]).holds(*right));
    }
    for viewer in [sub_user(granted()), with_rights([]), with_rights([Right::Courier])] {
        allows(&viewer, &of_row(Resource::Trip, Action::See));
        allows(&viewer, &of_row(Resource::Alert, Action::Acknowledge));
        allows(&viewer, &of_row(Resource::Device, Action::SetWorkStatus));
        allows(&viewer, &of_row(Resource::Device, Action::SwitchAuxiliaryOutput));
        allows(&viewer, &of_row(Resource::Device, Action::AskReport));
        allows(&viewer, &of_row(Resource::Task, Action::See));
        allows(&viewer, &of_row(Resource::AlertRule, Action::See));
    }
}

#[test]
fn b54_platform_settings() {
    opens(Right::DeviceSettingsPlatform, &[(Resource::Device, Action::EditPlatform)]);
}

#[test]
fn b55_hardware_settings() {
    opens(Right::DeviceSettingsHardware, &[(Resource::Device, Action::SeeHardware), (Resource::Device, Action::EditHardware)]);
}

#[test]
fn b56_a_vehicle_system_is_switched_by_right_and_an_auxiliary_output_by_everybody() {
    opens(Right::VehicleSystems, &[(Resource::Device, Action::SwitchVehicleOutput), (Resource::Device, Action::SendRawCommand)]);
    let switch = facts(Resource::Device, Action::SwitchVehicleOutput).devices(&[KEPT]);
    hides(&with_rights([Right::VehicleSystems]), &switch, Reason::Device(KEPT));
    allows(&sub_user(granted()), &of_row(Resource::Device, Action::SwitchAuxiliaryOutput));
}

#[test]
fn b57_device_activation() {
    opens(Right::DeviceActivation, &[(Resource::Device, Action::Register), (Resource::Device, Action::Activate)]);
}

fn all_of(resource: Resource) -> [(Resource, Action); 4] {
    [Action::See, Action::Create, Action::Edit, Action::Delete].map(|action| (resource, action))
}

#[test]
fn b58_reports() {
    opens(Right::Reports, &[all_of(Resource::Report), all_of(Resource::ReportSchedule)].concat());
}

#[test]
fn b59_each_user_sees_only_his_own_reports_the_owner_too() {
    let everybody = [
        viewer(policy::Access::Owner),
        viewer(policy::Access::Admin),
        viewer(policy::Access::ReadOnly),
        with_rights([Right::Reports]),
        sub_user(granted()),
    ];
    for viewer in &everybody {
        for resource in [Resource::Report, Resource::ReportSchedule] {
            hides(viewer, &facts(resource, Action::See).of_user(SOMEBODY), Reason::SomebodyElses);
            hides(viewer, &facts(resource, Action::See), Reason::SomebodyElses);
        }
    }
    for viewer in &everybody[..4] {
        allows(viewer, &facts(Resource::Report, Action::See).of_user(HIMSELF));
    }
    forbids(&everybody[4], &facts(Resource::Report, Action::See).of_user(HIMSELF), Missing::Right(Right::Reports));
}

#[test]
fn b60_alert_rules() {
    let rows = [Action::Create, Action::Edit, Action::Delete, Action::Assign].map(|action| (Resource::AlertRule, action));
    opens(Right::AlertRules, &rows);
}

#[test]
fn b61_tags() {
    opens(Right::Tags, &[Action::Create, Action::Edit, Action::Delete, Action::Assign].map(|action| (Resource::Tag, action)));
    hides(&with_rights([Right::Tags]), &facts(Resource::Tag, Action::Assign).devices(&[KEPT]), Reason::Device(KEPT));
}

#[test]
fn b62_tasks_and_their_forms() {
    opens(Right::Tasks, &[&all_of(Resource::Task)[1..], &all_of(Resource::Form)[1..]].concat());
}

#[test]
fn b63_geofences() {
    opens(Right::Geofences, &all_of(Resource::Geofence)[1..]);
}

#[test]
fn b64_places() {
    opens(Right::Places, &all_of(Resource::Place)[1..]);
}

#[test]
fn b65_employees_and_departments() {
    opens(Right::Employees, &[&all_of(Resource::Employee)[1..], &all_of(Resource::Department)[1..]].concat());
}

#[test]
fn b66_vehicles() {
    opens(Right::Vehicles, &all_of(Resource::Vehicle)[1..]);
}

#[test]
fn b67_billing_and_payments() {
    let rows = [
        (Resource::Payment, Action::See),
        (Resource::Payment, Action::Create),
        (Resource::Transaction, Action::See),
        (Resource::LowBalanceSetting, Action::See),
        (Resource::LowBalanceSetting, Action::Edit),
    ];
    opens(Right::BillingAndPayments, &rows);
    let payer = with_rights([Right::BillingAndPayments]);
    let needed = Missing::Category(policy::Category::Billing, policy::Level::View);
    assert_eq!(may(&payer, Resource::PaymentMethod, Action::See), Verdict::Forbid(Reason::Missing(needed)));
}

#[test]
fn b68_video() {
    let rows = [Action::See, Action::Stream, Action::Edit].map(|action| (Resource::Video, action));
    opens(Right::Video, &rows);
    let old = facts(Resource::Video, Action::See).devices(&[HELD]).span(NOW - 31 * DAY, NOW - 31 * DAY);
    hides(&with_rights([Right::Video]), &old, Reason::Window { device: HELD, limit: Limit::Tariff, window: TARIFF });
}

#[test]
fn b69_weblocator() {
    opens(Right::Weblocator, &all_of(Resource::ShareLink));
}

#[test]
fn b70_courier() {
    opens(Right::Courier, &all_of(Resource::CourierSession));
}

#[test]
fn b71_a_link_outlives_the_right_and_dies_with_the_device() {
    // What a link shows is judged as its maker's latest position, for which he needs no right; `die_with_right` asks `may` besides.
    let latest = Facts { resource: Resource::LatestPosition, ..position(&HELD, NOW) };
    let maker = with_rights([]);
    allows(&maker, &latest);
    assert_eq!(may(&maker, Resource::ShareLink, Action::See), Verdict::Forbid(Reason::Missing(Missing::Right(Right::Weblocator))));
    let without_device = sub_user(SubUser { devices: DeviceWindows::default(), ..granted() });
    hides(&without_device, &latest, Reason::Device(HELD));
}

#[test]
fn b72_a_roles_window_limits_how_far_back_device_data_is_seen() {
    let viewer = with_window(2 * DAY);
    let edge = NOW - 2 * DAY;
    allows(&viewer, &position(&HELD, edge));
    let beyond = Reason::Window { device: HELD, limit: Limit::Role, window: 2 * DAY };
    hides(&viewer, &position(&HELD, edge - 1), beyond);
    assert_eq!(earliest(&viewer, HELD, NOW), Some(edge));
    let all = Range { from: 0, to: NOW };
    assert_eq!(clamp(&viewer, HELD, all, NOW), Some(Range { from: edge, to: NOW }));
    assert_eq!(clamp(&viewer, HELD, Range { from: NOW - DAY, to: NOW }, NOW), Some(Range { from: NOW - DAY, to: NOW }));
    assert_eq!(clamp(&viewer, HELD, Range { from: 0, to: edge }, NOW), Some(Range { from: edge, to: edge }));
    assert_eq!(clamp(&viewer, HELD, Range { from: 0, to: edge - 1 }, NOW), None);
    assert_eq!(clamp(&viewer, KEPT, all, NOW), None);
    assert_eq!(clamp(&policy::Viewer { disabled: true, ..viewer }, HELD, all, NOW), None);
}

#[test]
fn b73_the_smaller_of_role_and_tariff_counts_for_each_device() {
    let both = |role: Option<i64>| {
        sub_user(SubUser {
            role: role.map(|window| Role { rights: RightSet::BASIC, window: Some(window) }),
            devices: DeviceWindows::from_iter([(HELD, 3 * DAY), (KEPT, 10 * DAY)]),
            ..granted()
        })
    };
    let windows = |viewer: &policy::Viewer| (window(viewer, HELD), window(viewer, KEPT));
    assert_eq!(windows(&both(Some(5 * DAY))), (Some(3 * DAY), Some(5 * DAY)));
    assert_eq!(windows(&both(Some(DAY))), (Some(DAY), Some(DAY)));
    assert_eq!(windows(&both(Some(99 * DAY))), (Some(3 * DAY), Some(10 * DAY)));
    // Without a role: the tariff's alone (P2).
    assert_eq!(windows(&both(None)), (Some(3 * DAY), Some(10 * DAY)));
    assert_eq!(window(&both(None), policy::DeviceId(999)), None);
    let trip = facts(Resource::Trip, Action::See).devices(&[KEPT, HELD]).span(NOW - 4 * DAY, NOW).recorded(5, NOW);
    hides(&both(Some(5 * DAY)), &trip, Reason::Window { device: HELD, limit: Limit::Tariff, window: 3 * DAY });
}

#[test]
fn p5_a_right_missing_to_list_or_create_is_told_before_any_look_up_and_with_an_id_only_to_who_sees_it() {
    let viewer = with_rights([]);
    let reports = Verdict::Forbid(Reason::Missing(Missing::Right(Right::Reports)));
    assert_eq!(may(&viewer, Resource::Report, Action::See), reports);
    assert_eq!(may(&viewer, Resource::Report, Action::Create), reports);
    assert_eq!(may_by_id(&viewer, Resource::Report, Action::See), Verdict::Allow);
    assert_eq!(may(&viewer, Resource::Geofence, Action::Edit), Verdict::Allow);
    hides(&viewer, &facts(Resource::Report, Action::See).of_user(SOMEBODY), Reason::SomebodyElses);
    forbids(&viewer, &facts(Resource::Geofence, Action::Edit).geofences(&[YARD]), Missing::Right(Right::Geofences));
    assert!(matches!(judge(&viewer, &facts(Resource::Geofence, Action::Edit).geofences(&[policy::GeofenceId(9)]), NOW), Verdict::Hide(_)));
    assert_eq!(viewer.account, ACCOUNT);
}
