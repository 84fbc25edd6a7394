//! The requirements, one sentence an example, asked of the specification itself.

use std::collections::{BTreeMap, BTreeSet};

use spec::*;

const DAY: Time = 86_400_000_000;
const NOW: Time = 1_000 * DAY;

const OWNER: Id = 1;
const ADMIN: Id = 2;
const READ_ONLY: Id = 3;
const CUSTOM: Id = 4;
const SUB: Id = 5;
const OTHER_SUB: Id = 6;
const FOREIGN_OWNER: Id = 9;

/// Account 1: all kinds of users, devices 1–3 on tariff 1 (30 days), geofences and places 1–2, role 1 (one day, no right).
/// Account 2: an owner, device 9, geofence 9.
fn world() -> World {
    let mut it = World::default();
    it.accounts.insert(1, Account { owner: OWNER });
    it.accounts.insert(2, Account { owner: FOREIGN_OWNER });
    it.tariffs.insert(1, 30 * DAY);
    it.tariffs.insert(2, DAY / 2);
    let custom = Access::Custom(BTreeMap::from([(Category::Assets, Level::View)]));
    for (id, access) in [
        (OWNER, Access::Owner),
        (ADMIN, Access::Admin),
        (READ_ONLY, Access::ReadOnly),
        (CUSTOM, custom),
        (SUB, Access::SubUser(SubUser::new())),
        (OTHER_SUB, Access::SubUser(SubUser::new())),
    ] {
        it.users.insert(id, User { account: 1, access, enabled: true });
    }
    it.users.insert(FOREIGN_OWNER, User { account: 2, access: Access::Owner, enabled: true });
    it.roles.insert(1, Role { account: 1, rights: BTreeSet::new(), window: Some(DAY) });
    for id in 1..=3 {
        it.devices.insert(id, Device { account: 1, tariff: 1 });
    }
    it.devices.insert(9, Device { account: 2, tariff: 1 });
    for id in 1..=2 {
        it.geofences.insert(id, Object { account: 1 });
        it.places.insert(id, Object { account: 1 });
    }
    it.geofences.insert(9, Object { account: 2 });
    it
}

fn grant(it: &mut World, user: Id, device: Id) {
    it.apply(&Operation::GrantDevice { user, device }, 0);
}

fn turn(it: &mut World, of: Of, turn: Turn, seq: Seq) {
    it.apply(&Operation::Turn { user: SUB, of, turn }, seq);
}

fn with_role(it: &mut World, user: Id, rights: &[Right]) {
    it.apply(&Operation::SetRights { role: 1, rights: rights.iter().copied().collect() }, 0);
    it.apply(&Operation::SetRole { user, role: Some(1) }, 0);
}

fn position(fix_time: Option<Time>, recorded_at: Time) -> Position {
    Position { device: 1, fix_time, seq: 1, recorded_at }
}

fn visit(entered: Time, exited: Option<Time>, seq: Seq) -> Visit {
    Visit { device: 1, spot: FENCE, entered, exited, known_until: entered, seq, recorded_at: NOW }
}

fn alert(from: Time, to: Time, exit: bool) -> Alert {
    Alert { device: 1, spot: Some(FENCE), rule: None, from, to, exit, seq: 1, recorded_at: NOW }
}

const FENCE: Spot = Spot::Geofence(1);

fn sees_visit(it: &World, seq: Seq) -> bool {
    visible_visit(it, SUB, &visit(NOW - 10, Some(NOW - 5), seq), NOW).is_some()
}

#[test]
fn t8_an_admin_does_everything_except_what_belongs_to_the_owner_alone() {
    let it = world();
    assert!(may_see_device(&it, ADMIN, 1));
    assert_eq!(may_change(&it, ADMIN, &Act::DeleteDevice(1), NOW), Answer::Yes);
    assert_eq!(may_change(&it, ADMIN, &Act::Create(Thing::Users), NOW), Answer::Yes);
    assert_eq!(may_change(&it, ADMIN, &Act::Create(Thing::DeviceGroupsRetranslatorsTariffs), NOW), Answer::Forbidden);
    assert_eq!(may_change(&it, OWNER, &Act::Create(Thing::DeviceGroupsRetranslatorsTariffs), NOW), Answer::Yes);
}

#[test]
fn t9_read_only_views_everything_and_modifies_nothing() {
    let it = world();
    assert!(may_see_device(&it, READ_ONLY, 1));
    assert_eq!(may_list(&it, READ_ONLY, Thing::Claim), Answer::Yes);
    assert_eq!(may_change(&it, READ_ONLY, &Act::SetPlatformSettings(1), NOW), Answer::Forbidden);
    assert_eq!(may_change(&it, READ_ONLY, &Act::CreateSpot(FENCE), NOW), Answer::Forbidden);
}

#[test]
fn t10_custom_gives_exactly_the_listed_permissions() {
    let it = world();
    assert!(may_see_device(&it, CUSTOM, 1));
    assert_eq!(may_list(&it, CUSTOM, Thing::Claim), Answer::Forbidden);
    assert_eq!(may_change(&it, CUSTOM, &Act::SetPlatformSettings(1), NOW), Answer::Forbidden);
}

#[test]
fn t12_a_new_access_replaces_the_old_one() {
    let mut it = world();
    it.apply(&Operation::SetAccess { user: ADMIN, access: Access::Custom(BTreeMap::new()) }, 0);
    assert!(!may_see_device(&it, ADMIN, 1));
    assert_eq!(may_change(&it, ADMIN, &Act::Create(Thing::Users), NOW), Answer::Forbidden);
}

#[test]
fn t13_account_edit_sees_the_team_and_does_not_change_it() {
    let mut it = world();
    let access = Access::Custom(BTreeMap::from([(Category::Account, Level::Edit)]));
    it.apply(&Operation::SetAccess { user: CUSTOM, access }, 0);
    assert_eq!(may_list(&it, CUSTOM, Thing::Users), Answer::Yes);
    assert_eq!(may_change(&it, CUSTOM, &Act::Create(Thing::AccountSettings), NOW), Answer::Yes);
    assert_eq!(may_change(&it, CUSTOM, &Act::Create(Thing::Users), NOW), Answer::Forbidden);
}

#[test]
fn t22_edit_includes_view() {
    let mut it = world();
    let access = Access::Custom(BTreeMap::from([(Category::Claims, Level::Edit)]));
    it.apply(&Operation::SetAccess { user: CUSTOM, access }, 0);
    assert_eq!(may_list(&it, CUSTOM, Thing::Claim), Answer::Yes);
}

#[test]
fn t26_without_assets_no_position_no_visit_no_alert() {
    let mut it = world();
    it.apply(&Operation::SetAccess { user: CUSTOM, access: Access::Custom(BTreeMap::from([(Category::Claims, Level::Edit)])) }, 0);
    assert!(!may_see_position(&it, CUSTOM, &position(Some(NOW), NOW), NOW));
    assert_eq!(visible_visit(&it, CUSTOM, &visit(NOW, None, 1), NOW), None);
    assert!(!may_see_alert(&it, CUSTOM, &alert(NOW, NOW, false), NOW));
}

#[test]
fn b4_a_sub_user_sees_only_granted_devices() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    assert!(may_see_device(&it, SUB, 1));
    assert!(!may_see_device(&it, SUB, 2));
    assert!(!may_see_position(&it, SUB, &Position { device: 2, ..position(Some(NOW), NOW) }, NOW));
}

#[test]
fn b6_a_sub_user_sees_only_granted_geofences_and_places() {
    let mut it = world();
    turn(&mut it, Of::AllGeofences, Turn::Off, 0);
    turn(&mut it, Of::One(FENCE), Turn::On, 0);
    assert!(may_see_geofence(&it, SUB, 1));
    assert!(!may_see_geofence(&it, SUB, 2));
    assert!(may_see_place(&it, SUB, 2));
}

#[test]
fn b8_a_new_sub_user_has_all_geofences_and_places_future_ones_too_and_no_device() {
    let mut it = world();
    it.apply(&Operation::Create { by: OWNER, spot: Spot::Geofence(3) }, 5);
    assert!(may_see_geofence(&it, SUB, 1) && may_see_place(&it, SUB, 1) && may_see_geofence(&it, SUB, 3));
    assert!((1..=3).all(|device| !may_see_device(&it, SUB, device)));
}

#[test]
fn b9_making_geofences_needs_the_right() {
    let mut it = world();
    assert_eq!(may_change(&it, SUB, &Act::CreateSpot(FENCE), NOW), Answer::Forbidden);
    with_role(&mut it, SUB, &[Right::Geofences]);
    assert_eq!(may_change(&it, SUB, &Act::CreateSpot(FENCE), NOW), Answer::Yes);
    assert_eq!(may_change(&it, SUB, &Act::ChangeSpot(Spot::Place(1)), NOW), Answer::Forbidden);
}

#[test]
fn b11_b12_a_sub_user_deletes_no_device_and_makes_no_sub_user() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    with_role(&mut it, SUB, &[Right::DeviceActivation, Right::PlatformSettings]);
    assert_eq!(may_change(&it, SUB, &Act::DeleteDevice(1), NOW), Answer::Forbidden);
    assert_eq!(may_change(&it, SUB, &Act::Create(Thing::Users), NOW), Answer::Forbidden);
}

#[test]
fn b13_a_device_of_another_account_is_seen_by_nobody_here_even_if_granted() {
    let mut it = world();
    grant(&mut it, SUB, 9);
    assert!([OWNER, ADMIN, SUB].iter().all(|user| !may_see_device(&it, *user, 9)));
    assert!(may_see_device(&it, FOREIGN_OWNER, 9) && !may_see_device(&it, FOREIGN_OWNER, 1));
}

#[test]
fn b17_b57_a_device_a_sub_user_registers_is_the_accounts_and_granted_to_him() {
    let mut it = world();
    it.apply(&Operation::RegisterDevice { by: SUB, device: 4, tariff: 1 }, 0);
    assert!(may_see_device(&it, OWNER, 4) && may_see_device(&it, SUB, 4) && !may_see_device(&it, OTHER_SUB, 4));
}

#[test]
fn b19_a_rule_is_seen_by_those_who_see_a_device_of_it_and_narrowed() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    turn(&mut it, Of::One(FENCE), Turn::Off, 0);
    let spots = BTreeSet::from([FENCE, Spot::Geofence(2)]);
    it.apply(&Operation::SetRule { id: 1, rule: Rule { account: 1, devices: BTreeSet::from([1, 2]), spots } }, 0);
    let view = narrowed_rule(&it, SUB, 1).expect("he sees device 1");
    assert_eq!(view, RuleView { devices: BTreeSet::from([1]), spots: BTreeSet::from([Spot::Geofence(2)]) });
    assert!(!may_see_rule(&it, OTHER_SUB, 1) && may_see_rule(&it, OWNER, 1) && !may_see_rule(&it, FOREIGN_OWNER, 1));
}

#[test]
fn b20_a_sub_users_geofence_is_granted_to_all_and_to_holders_of_the_right_and_a_right_gained_later_adds_none() {
    let mut it = world();
    turn(&mut it, Of::AllGeofences, Turn::Off, 0);
    it.apply(&Operation::Turn { user: OTHER_SUB, of: Of::AllGeofences, turn: Turn::Off }, 0);
    with_role(&mut it, SUB, &[Right::Geofences]);
    it.apply(&Operation::Create { by: SUB, spot: Spot::Geofence(3) }, 7);
    assert!(may_see_geofence(&it, OWNER, 3) && may_see_geofence(&it, SUB, 3) && !may_see_geofence(&it, OTHER_SUB, 3));
    with_role(&mut it, OTHER_SUB, &[Right::Geofences]);
    assert!(!may_see_geofence(&it, OTHER_SUB, 3), "gained later");
    turn(&mut it, Of::One(Spot::Geofence(3)), Turn::Off, 8);
    assert!(!may_see_geofence(&it, SUB, 3), "the owner may take it away");
}

#[test]
fn b20_what_the_owner_makes_is_granted_by_the_flag_alone() {
    let mut it = world();
    turn(&mut it, Of::AllGeofences, Turn::Off, 0);
    with_role(&mut it, SUB, &[Right::Geofences]);
    it.apply(&Operation::Create { by: OWNER, spot: Spot::Geofence(3) }, 7);
    assert!(!may_see_geofence(&it, SUB, 3) && may_see_geofence(&it, OTHER_SUB, 3));
}

#[test]
fn b22_b23_a_vehicle_with_a_device_goes_with_it_and_without_one_is_seen_by_all_sub_users() {
    let mut it = world();
    it.vehicles.insert(1, Linked { account: 1, device: Some(1) });
    it.vehicles.insert(2, Linked { account: 1, device: None });
    it.employees.insert(1, Linked { account: 1, device: None });
    assert!(!may_see_vehicle(&it, SUB, 1) && may_see_vehicle(&it, SUB, 2) && may_see_employee(&it, SUB, 1));
    grant(&mut it, SUB, 1);
    assert!(may_see_vehicle(&it, SUB, 1) && !may_see_vehicle(&it, FOREIGN_OWNER, 2));
    assert!(may_see_vehicle(&it, CUSTOM, 1) && !may_see_employee(&it, CUSTOM, 1));
}

#[test]
fn b25_b26_a_task_is_seen_with_everything_it_names() {
    let mut it = world();
    it.tasks.insert(1, Task { account: 1, devices: BTreeSet::from([1]), spots: BTreeSet::from([Spot::Place(1)]) });
    assert!(!may_see_task(&it, SUB, 1));
    grant(&mut it, SUB, 1);
    assert!(may_see_task(&it, SUB, 1));
    turn(&mut it, Of::One(Spot::Place(1)), Turn::Off, 0);
    assert!(!may_see_task(&it, SUB, 1));
}

#[test]
fn b38_b39_after_a_geofence_is_turned_off_what_was_recorded_before_stays() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    turn(&mut it, Of::One(FENCE), Turn::Off, 10);
    assert!(sees_visit(&it, 10) && !sees_visit(&it, 11));
    assert!(!may_see_geofence(&it, SUB, 1));
}

#[test]
fn b44_b53_no_role_has_the_basic_rights() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    assert_eq!(may_change(&it, SUB, &Act::SwitchAuxiliaryOutput(1), NOW), Answer::Yes);
    assert_eq!(may_list(&it, SUB, Thing::VisitOrAlert), Answer::Yes);
    assert_eq!(may_change(&it, SUB, &Act::SetPlatformSettings(1), NOW), Answer::Forbidden);
}

#[test]
fn b52_no_role_holds_an_owner_right() {
    let mut it = world();
    with_role(&mut it, SUB, &[Right::PlatformSettings, Right::HardwareSettings, Right::DeviceActivation, Right::BillingAndPayments]);
    for thing in [Thing::Users, Thing::DeviceGroupsRetranslatorsTariffs] {
        assert_eq!(may_change(&it, SUB, &Act::Create(thing), NOW), Answer::Forbidden);
    }
}

#[test]
fn b56_a_vehicle_system_needs_the_right() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    assert_eq!(may_change(&it, SUB, &Act::SwitchVehicleSystem(1), NOW), Answer::Forbidden);
    with_role(&mut it, SUB, &[Right::VehicleSystems]);
    assert_eq!(may_change(&it, SUB, &Act::SwitchVehicleSystem(1), NOW), Answer::Yes);
}

#[test]
fn b59_each_user_sees_only_his_own_reports_the_owner_too() {
    let it = world();
    assert_eq!(may_change(&it, OWNER, &Act::SeeReport { of: OWNER }, NOW), Answer::Yes);
    assert_eq!(may_change(&it, OWNER, &Act::SeeReport { of: ADMIN }, NOW), Answer::NotFound);
}

#[test]
fn b72_a_roles_window_limits_how_far_back() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    let old = position(Some(NOW - DAY - 1), NOW);
    assert!(may_see_position(&it, SUB, &old, NOW), "without a role the tariff's window alone (P2)");
    with_role(&mut it, SUB, &[]);
    assert!(!may_see_position(&it, SUB, &old, NOW));
    assert!(may_see_position(&it, SUB, &position(Some(NOW - DAY), NOW), NOW));
}

#[test]
fn b73_the_smaller_of_role_and_tariff_per_device() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    grant(&mut it, SUB, 2);
    with_role(&mut it, SUB, &[]);
    it.apply(&Operation::SetTariff { device: 1, tariff: 2 }, 0);
    assert_eq!(window_start(&it, SUB, 1, NOW), Some(NOW - DAY / 2));
    assert_eq!(window_start(&it, SUB, 2, NOW), Some(NOW - DAY));
    assert_eq!(window_start(&it, OWNER, 1, NOW), Some(NOW - DAY / 2));
    assert_eq!(window_start(&it, OWNER, 2, NOW), Some(NOW - 30 * DAY));
}

#[test]
fn p2_judged_by_fix_time_never_later_than_recorded() {
    assert_eq!(judged_time(Some(5), 9), 5);
    assert_eq!(judged_time(Some(12), 9), 9);
    assert_eq!(judged_time(None, 9), 9);
}

#[test]
fn p2_a_position_buffered_for_three_days_does_not_reach_a_one_day_window_and_the_latest_is_withheld() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    with_role(&mut it, SUB, &[]);
    let late = position(Some(NOW - 3 * DAY), NOW);
    assert!(!may_see_position(&it, SUB, &late, NOW) && may_see_position(&it, OWNER, &late, NOW));
    assert_eq!(may_see_latest(&it, SUB, &late, NOW), Latest::Withheld);
    assert_eq!(may_see_latest(&it, OTHER_SUB, &late, NOW), Latest::NotListed);
    assert_eq!(may_see_latest(&it, OWNER, &late, NOW), Latest::Shown);
}

#[test]
fn p3_a_visit_that_began_before_the_window_is_told_without_beginning_and_length() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    with_role(&mut it, SUB, &[]);
    let (began, ended) = (NOW - 2 * DAY, NOW - DAY / 2);
    let clipped = visible_visit(&it, SUB, &visit(began, Some(ended), 1), NOW).expect("its end is inside");
    assert_eq!((clipped.entered, clipped.exited, clipped.length), (None, Some(ended), None));
    let whole = visible_visit(&it, OWNER, &visit(began, Some(ended), 1), NOW).expect("all inside");
    assert_eq!((whole.entered, whole.length), (Some(began), Some(ended - began)));
    assert_eq!(visible_visit(&it, SUB, &visit(began, Some(NOW - DAY - 1), 1), NOW), None);
    assert_eq!(visible_visit(&it, SUB, &visit(began, None, 1), NOW), None, "all that is known of it lies before the window");
}

#[test]
fn p3_an_alert_is_told_whole_or_not_at_all_and_an_exit_alert_tells_the_exit_alone() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    with_role(&mut it, SUB, &[]);
    assert!(!may_see_alert(&it, SUB, &alert(NOW - 2 * DAY, NOW, false), NOW));
    let exit = visible_alert(&it, SUB, &alert(NOW - 2 * DAY, NOW - 5, true), NOW).expect("the exit is inside");
    assert_eq!((exit.from, exit.to), (NOW - 5, NOW - 5));
    turn(&mut it, Of::One(FENCE), Turn::Off, 0);
    assert!(!may_see_alert(&it, SUB, &alert(NOW, NOW, false), NOW), "every geofence it names must be granted");
}

#[test]
fn p4_turning_off_a_device_hides_all_and_granting_it_again_shows_all() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    assert!(sees_visit(&it, 1));
    it.apply(&Operation::RevokeDevice { user: SUB, device: 1 }, 5);
    assert!(!sees_visit(&it, 1));
    grant(&mut it, SUB, 1);
    assert!(sees_visit(&it, 1) && sees_visit(&it, 6));
}

#[test]
fn p4_while_a_grant_runs_it_shows_everything_past_and_gaps_included() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    turn(&mut it, Of::One(FENCE), Turn::Off, 10);
    turn(&mut it, Of::One(FENCE), Turn::On, 20);
    assert!(sees_visit(&it, 15));
    turn(&mut it, Of::One(FENCE), Turn::Off, 30);
    assert!(sees_visit(&it, 15) && sees_visit(&it, 30) && !sees_visit(&it, 31));
    turn(&mut it, Of::One(FENCE), Turn::Off, 40);
    assert!(!sees_visit(&it, 31), "it was off already");
}

#[test]
fn p4_forget_hides_what_was_before_too() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    turn(&mut it, Of::One(FENCE), Turn::Forget, 10);
    assert!(!sees_visit(&it, 5) && !sees_visit(&it, 11));
    turn(&mut it, Of::One(FENCE), Turn::On, 20);
    assert!(sees_visit(&it, 5));
    turn(&mut it, Of::One(FENCE), Turn::Off, 30);
    turn(&mut it, Of::One(FENCE), Turn::Forget, 40);
    assert!(!sees_visit(&it, 5), "turned off first, forgotten later");
}

#[test]
fn p4_one_object_can_be_taken_from_a_user_who_has_all() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    turn(&mut it, Of::One(FENCE), Turn::Off, 10);
    turn(&mut it, Of::AllGeofences, Turn::On, 20);
    assert!(!may_see_geofence(&it, SUB, 1) && may_see_geofence(&it, SUB, 2), "what is said of one object outweighs the flag");
    turn(&mut it, Of::AllGeofences, Turn::Forget, 30);
    assert!(sees_visit(&it, 10) && !sees_visit(&it, 11));
}

#[test]
fn p4_ending_the_flag_ends_it_for_each_object_that_nothing_was_said_of() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    turn(&mut it, Of::One(Spot::Geofence(2)), Turn::On, 5);
    turn(&mut it, Of::AllGeofences, Turn::Off, 10);
    assert!(sees_visit(&it, 10) && !sees_visit(&it, 11));
    assert!(may_see_geofence(&it, SUB, 2) && !may_see_geofence(&it, SUB, 1));
}

#[test]
fn p5_not_visible_is_not_found_and_a_missing_right_is_named_only_for_what_is_seen() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    assert_eq!(may_change(&it, SUB, &Act::SetPlatformSettings(1), NOW), Answer::Forbidden);
    for id in [2, 9, 77] {
        assert_eq!(may_change(&it, SUB, &Act::SetPlatformSettings(id), NOW), Answer::NotFound);
    }
    assert_eq!(may_change(&it, CUSTOM, &Act::SetPlatformSettings(77), NOW), Answer::Forbidden, "the category comes before any look-up");
    let rule = Act::CreateRule { devices: BTreeSet::from([2]), spots: BTreeSet::new() };
    assert_eq!(may_change(&it, SUB, &rule, NOW), Answer::Forbidden, "the right to create comes before any look-up");
    with_role(&mut it, SUB, &[Right::AlertRules]);
    assert_eq!(may_change(&it, SUB, &rule, NOW), Answer::NotFound);
}

#[test]
fn p6_a_live_viewer_receives_what_he_may_see_at_the_moment_and_nothing_after_logging_out() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    let at = |seq| Position { seq, ..position(Some(NOW), NOW) };
    let observed = |seq| (NOW, Step::Observed(Observation::Position(at(seq))));
    let done = |seq, operation| (NOW, Step::Operation(seq, operation));
    let script = [
        observed(1),
        done(1, Operation::RevokeDevice { user: SUB, device: 1 }),
        observed(2),
        done(2, Operation::GrantDevice { user: SUB, device: 1 }),
        observed(3),
        done(3, Operation::Logout { user: SUB }),
        observed(4),
    ];
    assert_eq!(expected_received(&it, SUB, &script), [Seen::Position(at(1)), Seen::Position(at(3))]);
    assert_eq!(expected_received(&it, OWNER, &script).len(), 4);
}

#[test]
fn p9_p10_the_log_shows_late_data_to_those_whose_window_it_lies_in() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    with_role(&mut it, SUB, &[]);
    it.log = [NOW - 3 * DAY, NOW - 5].map(|fix| Observation::Position(position(Some(fix), NOW))).to_vec();
    assert_eq!(visible_log(&it, SUB, NOW).count(), 1);
    assert_eq!(visible_log(&it, OWNER, NOW).count(), 2);
}

#[test]
fn p13_audit_and_delivery_log_are_outside_read_only_and_a_password_is_ones_own() {
    let mut it = world();
    assert_eq!(may_list(&it, READ_ONLY, Thing::AuditAndDeliveryLog), Answer::Forbidden);
    assert_eq!(may_list(&it, ADMIN, Thing::AuditAndDeliveryLog), Answer::Yes);
    it.apply(&Operation::SetAccess { user: CUSTOM, access: Access::Custom(BTreeMap::new()) }, 0);
    assert_eq!(may_change(&it, CUSTOM, &Act::OwnPassword, NOW), Answer::Yes);
}

#[test]
fn p14_a_deleted_device_and_a_disabled_user_see_and_show_nothing() {
    let mut it = world();
    grant(&mut it, SUB, 1);
    it.apply(&Operation::Disable { user: SUB }, 0);
    assert!(!may_see_device(&it, SUB, 1));
    it.apply(&Operation::Enable { user: SUB }, 0);
    assert!(may_see_device(&it, SUB, 1));
    it.apply(&Operation::DeleteDevice { device: 1 }, 0);
    assert!(!may_see_device(&it, OWNER, 1) && !may_see_position(&it, OWNER, &position(Some(NOW), NOW), NOW));
}
