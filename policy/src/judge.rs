//! The decision itself.

use crate::access::Access;
use crate::category::Level;
use crate::facts::Facts;
use crate::grants::GrantState;
use crate::ids::{Micros, Seq};
use crate::reason::{Missing, Reason, Verdict};
use crate::table::{Action, Resource, Row, Scope, SubNeed, TeamNeed, row};
use crate::viewer::Viewer;

/// Whether this viewer may do now what the facts say with what they describe.
pub fn judge(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Verdict {
    match decide(viewer, facts, now) {
        Ok(()) => Verdict::Allow,
        Err(verdict) => verdict,
    }
}

/// Whether a call that lists or creates, and so names no object, is refused before anything is looked up (P5): the category is missing,
/// or the right. `Allow` means that nothing is known against it yet; what is then found is still to be judged.
pub fn may(viewer: &Viewer, resource: Resource, action: Action) -> Verdict {
    before_lookup(viewer, resource, action, action == Action::See || action.creates())
}

/// The same for a call that names an object by its id: a sub-user is told of a missing right only if he sees the object (P5).
pub fn may_by_id(viewer: &Viewer, resource: Resource, action: Action) -> Verdict {
    before_lookup(viewer, resource, action, false)
}

fn before_lookup(viewer: &Viewer, resource: Resource, action: Action, objectless: bool) -> Verdict {
    if viewer.disabled {
        return Verdict::Forbid(Reason::Disabled);
    }
    let Some(row) = row(resource, action) else {
        return Verdict::Forbid(Reason::NoSuchOperation(resource, action));
    };
    match missing(viewer, row) {
        Some(missing) if told_before_lookup(viewer, row, objectless) => Verdict::Forbid(Reason::Missing(missing)),
        _ => Verdict::Allow,
    }
}

/// The order of the questions. See the head of the crate.
fn decide(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Result<(), Verdict> {
    if facts.account != viewer.account {
        return Err(Verdict::Hide(Reason::OtherAccount));
    }
    if viewer.disabled {
        return Err(Verdict::Hide(Reason::Disabled));
    }
    let Some(row) = row(facts.resource, facts.action) else {
        return Err(Verdict::Hide(Reason::NoSuchOperation(facts.resource, facts.action)));
    };
    let missing = missing(viewer, row).map(|missing| Verdict::Forbid(Reason::Missing(missing)));
    if let Some(forbid) = missing
        && told_before_lookup(viewer, row, facts.action.creates())
    {
        return Err(forbid);
    }
    in_scope(viewer, row, facts, now).map_err(Verdict::Hide)?;
    missing.map_or(Ok(()), Err)
}

/// What the viewer would need for this row and does not have, whatever the object.
fn missing(viewer: &Viewer, row: &Row) -> Option<Missing> {
    let Access::SubUser(sub) = &viewer.access else {
        return missing_in_team(&viewer.access, row.team);
    };
    match row.sub {
        SubNeed::Basic => None,
        SubNeed::Right(right) => (!sub.has(right)).then_some(Missing::Right(right)),
        // No right would help him: he is told what the others need.
        SubNeed::Never => Some(match row.team {
            TeamNeed::Category(category, level) => Missing::Category(category, level),
            TeamNeed::OwnerOnly => Missing::OwnerOnly,
            TeamNeed::OwnerOrAdmin | TeamNeed::Nothing => Missing::OwnerOrAdmin,
        }),
    }
}

fn missing_in_team(access: &Access, need: TeamNeed) -> Option<Missing> {
    let (has, missing) = match need {
        TeamNeed::Nothing => return None,
        TeamNeed::Category(category, level) => {
            let has = level > Level::None && access.level(category) >= level;
            (has, Missing::Category(category, level))
        }
        TeamNeed::OwnerOrAdmin => (matches!(access, Access::Owner | Access::Admin), Missing::OwnerOrAdmin),
        TeamNeed::OwnerOnly => (matches!(access, Access::Owner), Missing::OwnerOnly),
    };
    (!has).then_some(missing)
}

/// Whether a lack is told without regard to any object (P5). To team members always: they lack whole categories (T24). To a sub-user if
/// the call names no object, or the row knows no single ones; of an object he is told only if he sees it.
fn told_before_lookup(viewer: &Viewer, row: &Row, objectless: bool) -> bool {
    objectless || row.scope == Scope::Account || !matches!(viewer.access, Access::SubUser(_))
}

/// Whether the viewer may know of what the facts describe.
fn in_scope(viewer: &Viewer, row: &Row, facts: &Facts<'_>, now: Micros) -> Result<(), Reason> {
    let own = facts.user == Some(viewer.user);
    let sub_user = matches!(viewer.access, Access::SubUser(_));
    match row.scope {
        Scope::Account => Ok(()),
        Scope::Own => only_if(own),
        Scope::Himself => only_if(own || !sub_user),
        Scope::Report => {
            only_if(own)?;
            // A report that was made keeps its data, whatever the grants are now (B32, B41); what a new one asks for is judged.
            if matches!(row.action, Action::Create | Action::Edit) { everything_named(viewer, facts) } else { Ok(()) }
        }
        // To the team these are the account's own, whatever they name: a device that is gone does not take them along.
        Scope::Named | Scope::Rule if !sub_user => Ok(()),
        Scope::Named => everything_named(viewer, facts),
        Scope::Rule => {
            at_least_one(facts.devices)?;
            everything_named(viewer, facts)
        }
        Scope::Device => {
            at_least_one(facts.devices)?;
            everything_named(viewer, facts)
        }
        Scope::Geofence => {
            at_least_one(facts.geofences)?;
            everything_named(viewer, facts)
        }
        Scope::Place => {
            at_least_one(facts.places)?;
            everything_named(viewer, facts)
        }
        Scope::Telematics => {
            at_least_one(facts.devices)?;
            inside_windows(viewer, facts, now)?;
            objects_named(viewer, facts, facts.recorded.map(|recorded| recorded.seq))
        }
    }
}

fn only_if(own: bool) -> Result<(), Reason> {
    if own { Ok(()) } else { Err(Reason::SomebodyElses) }
}

/// Without a name there is no grant that could make it visible: denied by default.
fn at_least_one<Id>(named: &[Id]) -> Result<(), Reason> {
    if named.is_empty() { Err(Reason::NamesNothing) } else { Ok(()) }
}

/// Every device, geofence and place that is named is his to see now (B25, B26).
fn everything_named(viewer: &Viewer, facts: &Facts<'_>) -> Result<(), Reason> {
    if let Some(device) = facts.devices.iter().find(|device| !viewer.sees_device(**device)) {
        return Err(Reason::Device(*device));
    }
    objects_named(viewer, facts, None)
}

/// Every geofence and place that is named is visible: as of that place in the recorded order, or now if it is not a recorded thing.
fn objects_named(viewer: &Viewer, facts: &Facts<'_>, at: Option<Seq>) -> Result<(), Reason> {
    let shows = |state: Option<GrantState>| match (state, at) {
        (Some(state), Some(seq)) => state.shows(seq),
        (Some(state), None) => state.shows_now(),
        (None, _) => false,
    };
    for geofence in facts.geofences {
        let state = viewer.geofence_grant(*geofence);
        if !shows(state) {
            return Err(Reason::Geofence(*geofence, state));
        }
    }
    for place in facts.places {
        let state = viewer.place_grant(*place);
        if !shows(state) {
            return Err(Reason::Place(*place, state));
        }
    }
    Ok(())
}

/// Every device that is named is visible, and the whole span lies inside the window of each (P2, P3, B72, B73).
fn inside_windows(viewer: &Viewer, facts: &Facts<'_>, now: Micros) -> Result<(), Reason> {
    let Some(begin) = facts.judged_time() else {
        return Err(Reason::TellsNoTime);
    };
    for device in facts.devices {
        let Some((window, limit)) = viewer.window_and_limit(*device) else {
            return Err(Reason::Device(*device));
        };
        if begin < now.saturating_sub(window) {
            return Err(Reason::Window { device: *device, limit, window });
        }
    }
    Ok(())
}
