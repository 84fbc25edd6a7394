//! Grants of sub-users (B3 to B8, B13, P4).

use super::{ChangeError, Draft, Turn};
use crate::directory::store::Key;
use crate::model::{DeviceId, Grants, GrantsOf, PublicId, User, UserAccess};
use policy::{Action, Facts, GrantState, Resource};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The sub-user, if the actor may change his grants, and what he has.
fn target(draft: &mut Draft<'_>, user: PublicId) -> Result<(Arc<User>, Arc<Grants>), ChangeError> {
    draft.may(Resource::Grant, Action::Edit)?;
    let user = draft.find_user(user)?;
    draft.judge(&Facts::new(user.account, Resource::Grant, Action::Edit).of_user(user.id))?;
    match (&user.access, draft.next.grants(user.id).cloned()) {
        (UserAccess::SubUser { .. }, Some(grants)) => Ok((user, grants)),
        _ => Err(ChangeError::invalid("user", "only a sub-user has grants: a team member's access is by category")),
    }
}

pub(super) fn set_devices(draft: &mut Draft<'_>, user: PublicId, devices: &[PublicId]) -> Result<(), ChangeError> {
    let (user, grants) = target(draft, user)?;
    let devices = draft.visible_devices(devices)?;
    put_devices(draft, &user, &grants, devices)
}

pub(super) fn edit_devices(draft: &mut Draft<'_>, user: PublicId, add: &[PublicId], remove: &[PublicId]) -> Result<(), ChangeError> {
    let (user, grants) = target(draft, user)?;
    let (add, remove) = (draft.visible_devices(add)?, draft.visible_devices(remove)?);
    let devices = grants.devices.union(&add).filter(|id| !remove.contains(id)).copied().collect();
    put_devices(draft, &user, &grants, devices)
}

fn put_devices(draft: &mut Draft<'_>, user: &User, before: &Grants, devices: BTreeSet<DeviceId>) -> Result<(), ChangeError> {
    let taken: Vec<DeviceId> = before.devices.difference(&devices).copied().collect();
    let given: Vec<DeviceId> = devices.difference(&before.devices).copied().collect();
    if taken.is_empty() && given.is_empty() {
        return Ok(());
    }
    let ids = |ids: &[DeviceId]| json!(ids.iter().map(|d| d.0).collect::<Vec<_>>());
    draft.note(Some(user.account), "grant.devices", user.public_id, Value::Null, json!({ "given": ids(&given), "taken": ids(&taken) }));
    let keys: Vec<Key> = given.iter().chain(&taken).map(|id| Key::DeviceGrant(user.id, *id)).collect();
    draft.put_grants(user.id, Grants { devices, ..before.clone() }, keys);
    if taken.is_empty() {
        draft.widen(user.id);
    } else {
        draft.narrow(user.id);
    }
    Ok(())
}

pub(super) fn turn_geofences(
    draft: &mut Draft<'_>,
    user: PublicId,
    all: Option<Turn>,
    each: &[(PublicId, Turn)],
) -> Result<(), ChangeError> {
    let (user, grants) = target(draft, user)?;
    let each = each
        .iter()
        .map(|(id, turn)| Ok((*draft.visible_geofences(&[*id])?.first().ok_or(ChangeError::NotFound)?, *turn)))
        .collect::<Result<Vec<_>, ChangeError>>()?;
    let turned = turn(draft, &grants.geofences, all, &each);
    if turned.changed {
        draft.note(Some(user.account), "grant.geofences", user.public_id, states(&grants.geofences, &each), states(&turned.grants, &each));
        let keys: Vec<Key> = each.iter().map(|(id, _)| Key::GeofenceGrant(user.id, *id)).collect();
        draft.put_grants(user.id, Grants { geofences: turned.grants, ..(*grants).clone() }, keys);
        if turned.narrows { draft.narrow(user.id) } else { draft.widen(user.id) }
    }
    Ok(())
}

pub(super) fn turn_places(draft: &mut Draft<'_>, user: PublicId, all: Option<Turn>, each: &[(PublicId, Turn)]) -> Result<(), ChangeError> {
    let (user, grants) = target(draft, user)?;
    let each = each
        .iter()
        .map(|(id, turn)| Ok((*draft.visible_places(&[*id])?.first().ok_or(ChangeError::NotFound)?, *turn)))
        .collect::<Result<Vec<_>, ChangeError>>()?;
    let turned = turn(draft, &grants.places, all, &each);
    if turned.changed {
        draft.note(Some(user.account), "grant.places", user.public_id, states(&grants.places, &each), states(&turned.grants, &each));
        let keys: Vec<Key> = each.iter().map(|(id, _)| Key::PlaceGrant(user.id, *id)).collect();
        draft.put_grants(user.id, Grants { places: turned.grants, ..(*grants).clone() }, keys);
        if turned.narrows { draft.narrow(user.id) } else { draft.widen(user.id) }
    }
    Ok(())
}

struct Turned<Id: Ord> {
    grants: GrantsOf<Id>,
    changed: bool,
    narrows: bool,
}

/// Turns the flag, then single objects. What is said of one object outweighs the flag from then on; an object of which nothing was
/// said begins where the flag has brought it.
fn turn<Id: Copy + Ord>(draft: &mut Draft<'_>, before: &GrantsOf<Id>, all: Option<Turn>, each: &[(Id, Turn)]) -> Turned<Id> {
    let mut turned = Turned { grants: before.clone(), changed: false, narrows: false };
    if let Some(to) = all {
        let was = turned.grants.all;
        let is = turn_one(draft, was, to);
        turned.grants.all = Some(is);
        turned.changed |= was != Some(is);
        turned.narrows |= was > Some(is);
    }
    for (id, to) in each {
        let own = turned.grants.by_object.get(id).copied();
        let was = own.or(turned.grants.all);
        let is = turn_one(draft, was, *to);
        turned.grants.by_object.insert(*id, is);
        turned.changed |= own != Some(is);
        turned.narrows |= was > Some(is);
    }
    turned
}

fn turn_one(draft: &mut Draft<'_>, was: Option<GrantState>, to: Turn) -> GrantState {
    match (to, was) {
        (Turn::On, _) => GrantState::Active,
        (Turn::Off, Some(GrantState::Active)) => GrantState::EndedAt(draft.ended_at()),
        // It does not run: what stays visible is what had been recorded when it last ended.
        (Turn::Off, Some(off)) => off,
        (Turn::Off, None) | (Turn::Forget, _) => GrantState::Forgotten,
    }
}

fn states<Id: Copy + Ord + std::fmt::Display>(grants: &GrantsOf<Id>, each: &[(Id, Turn)]) -> Value {
    let text = |state: Option<GrantState>| match state {
        None => json!("never"),
        Some(GrantState::Active) => json!("active"),
        Some(GrantState::EndedAt(seq)) => json!({ "ended_at": seq }),
        Some(GrantState::Forgotten) => json!("forgotten"),
    };
    let objects = each.iter().map(|(id, _)| (id.to_string(), text(grants.by_object.get(id).copied())));
    json!({ "all": text(grants.all), "each": objects.collect::<serde_json::Map<_, _>>() })
}
