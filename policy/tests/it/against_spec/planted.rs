//! The comparison must catch a wrong judge. Each of these is wrong in one way.

use policy::{Access, DeviceWindows, Facts, GeofenceId, GrantState, Micros, ObjectGrants, Recorded, SubUser, Verdict, Viewer, judge};

use super::world::{NOW, states};
use super::{Judge, compare};
use crate::cast::DAY;

fn with_sub(viewer: &Viewer, change: impl FnOnce(&mut SubUser)) -> Viewer {
    let mut changed = viewer.clone();
    if let Access::SubUser(sub) = &mut changed.access {
        change(sub);
    }
    changed
}

fn long(devices: &DeviceWindows) -> DeviceWindows {
    devices.ids().map(|id| (id, 10_000 * DAY)).collect()
}

fn ignores_the_roles_window(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    judge(&with_sub(viewer, |sub| sub.role = sub.role.map(|role| policy::Role { window: None, ..role })), facts, now)
}

fn ignores_the_tariff(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    let changed = with_sub(viewer, |sub| sub.devices = long(&sub.devices));
    judge(&Viewer { account_devices: long(&viewer.account_devices), ..changed }, facts, now)
}

fn ignores_that_a_grant_ended(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    judge(viewer, &Facts { recorded: facts.recorded.map(|it| Recorded { seq: 0, ..it }), ..*facts }, now)
}

fn withholds_what_was_recorded_before_a_grant_ended(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    judge(viewer, &Facts { recorded: facts.recorded.map(|it| Recorded { seq: u64::MAX, ..it }), ..*facts }, now)
}

fn takes_the_end_of_a_grant_as_exclusive(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    judge(viewer, &Facts { recorded: facts.recorded.map(|it| Recorded { seq: it.seq + 1, ..it }), ..*facts }, now)
}

fn ignores_the_geofences(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    judge(viewer, &Facts { geofences: if facts.places.is_empty() { &[] } else { facts.geofences }, ..*facts }, now)
}

fn ignores_the_places(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    judge(viewer, &Facts { places: &[], ..*facts }, now)
}

fn believes_a_clock_that_is_ahead(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    judge(viewer, &Facts { recorded: facts.recorded.map(|it| Recorded { at: now, ..it }), ..*facts }, now)
}

fn takes_a_windows_edge_as_outside(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    judge(viewer, facts, now + 1)
}

fn lets_the_flag_outweigh_the_object(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    let changed = with_sub(viewer, |sub| {
        if sub.geofences.flag() == Some(GrantState::Active) {
            sub.geofences = ObjectGrants::all();
        }
    });
    judge(&changed, facts, now)
}

fn remembers_what_was_to_be_forgotten(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    let changed = with_sub(viewer, |sub| {
        let own: Vec<(GeofenceId, GrantState)> = sub.geofences.own_states().collect();
        let state = |it| if it == GrantState::Forgotten { GrantState::EndedAt(1_000) } else { it };
        sub.geofences = ObjectGrants::new(sub.geofences.flag(), own.into_iter().map(|(id, it)| (id, state(it))));
    });
    judge(&changed, facts, now)
}

fn forgets_the_second_device(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    judge(viewer, &Facts { devices: facts.devices.get(..1).unwrap_or_default(), ..*facts }, now)
}

fn forgets_that_a_user_is_disabled(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    judge(&Viewer { disabled: false, ..viewer.clone() }, facts, now)
}

fn forgets_the_account(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    judge(viewer, &Facts { account: viewer.account, ..*facts }, now)
}

fn forbids_where_it_should_hide(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    match judge(viewer, facts, now) {
        Verdict::Hide(reason) => Verdict::Forbid(reason),
        verdict => verdict,
    }
}

/// Every wrong judge is found out; nothing else is done to make it easy.
#[test]
fn planted_mistakes_are_caught() {
    let wrong: [(&str, Judge); 15] = [
        ("ignores the role's window", ignores_the_roles_window),
        ("ignores the tariff", ignores_the_tariff),
        ("ignores that a grant ended", ignores_that_a_grant_ended),
        ("withholds what was recorded before a grant ended", withholds_what_was_recorded_before_a_grant_ended),
        ("takes the end of a grant as exclusive", takes_the_end_of_a_grant_as_exclusive),
        ("ignores the geofences", ignores_the_geofences),
        ("ignores the places", ignores_the_places),
        ("believes a clock that is ahead", believes_a_clock_that_is_ahead),
        ("takes a window's edge as outside", takes_a_windows_edge_as_outside),
        ("lets the flag outweigh the object", lets_the_flag_outweigh_the_object),
        ("remembers what was to be forgotten", remembers_what_was_to_be_forgotten),
        ("forgets the second device", forgets_the_second_device),
        ("forgets that a user is disabled", forgets_that_a_user_is_disabled),
        ("forgets the account", forgets_the_account),
        ("forbids where it should hide", forbids_where_it_should_hide),
    ];
    for (name, judge) in wrong {
        assert!(compare(judge, states()).is_err(), "a judge that {name} was not caught (now is {NOW})");
    }
}
