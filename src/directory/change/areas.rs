//! Geofences and places (B9, B14, B16, B20, B29, B35, B63, B64).

use super::{ChangeError, Draft, GeofenceForm, PlaceForm, brief, check, shape};
use crate::directory::snapshot::NumberOf;
use crate::directory::store::Key;
use crate::model::{Geofence, Grants, Place, PublicId, Rule, RuleKind};
use policy::{AccountId, Action, Facts, GeofenceId, GrantState, PlaceId, Resource, Right, UserId};
use serde_json::Value;
use std::sync::Arc;

/// Longest dwell: a day.
const DWELL_S_MAX: u32 = 86_400;

fn sound_geofence(draft: &Draft<'_>, form: &GeofenceForm) -> Result<String, ChangeError> {
    shape::check(&form.shape, draft.limits.geofence_points_max)?;
    if form.dwell_s > DWELL_S_MAX {
        return Err(ChangeError::invalid("dwell_s", format!("at most {DWELL_S_MAX}")));
    }
    check::name("name", &form.name, draft.limits)
}

pub(super) fn create_geofence(draft: &mut Draft<'_>, form: &GeofenceForm) -> Result<(), ChangeError> {
    draft.may(Resource::Geofence, Action::Create)?;
    let account = draft.viewer()?.account;
    draft.judge(&Facts::new(account, Resource::Geofence, Action::Create))?;
    let count = draft.next.members(account).map_or(0, |m| m.geofences.len());
    check::room("geofences_per_account_max", count, draft.limits.geofences_per_account_max)?;
    let name = sound_geofence(draft, form)?;
    let id = GeofenceId(draft.number(NumberOf::Geofence)?);
    let created_by = draft.actor_user()?;
    let (shape, dwell_s) = (form.shape.clone(), form.dwell_s);
    let geofence = Geofence { id, public_id: draft.public_id(), account, name, shape, dwell_s, created_by, version: 1 };
    draft.note(Some(account), "geofence.create", geofence.public_id, Value::Null, brief::geofence(&geofence));
    draft.created(geofence.public_id);
    draft.put_geofence(geofence);
    for user in those_granted(draft, account, Right::Geofences)? {
        let mut grants = draft.next.grants(user).map_or_else(Grants::default, |g| (**g).clone());
        grants.geofences.by_object.insert(id, GrantState::Active);
        draft.put_grants(user, grants, [Key::GeofenceGrant(user, id)]);
        draft.widen(user);
    }
    Ok(())
}

/// Of what a sub-user makes, a grant is added for every sub-user whose role holds the right at this moment (B20). Who has all has it
/// by the flag.
fn those_granted(draft: &Draft<'_>, account: AccountId, right: Right) -> Result<Vec<UserId>, ChangeError> {
    if !draft.next.is_sub_user(draft.actor_user()?) {
        return Ok(Vec::new());
    }
    let holds = |id: &UserId| draft.next.role_rights(*id).is_some_and(|rights| rights.contains(right));
    Ok(draft.next.users_of(account).map(|user| user.id).filter(holds).collect())
}

fn geofence(draft: &mut Draft<'_>, geofence: PublicId, action: Action) -> Result<Arc<Geofence>, ChangeError> {
    draft.may(Resource::Geofence, action)?;
    let geofence = draft.next.geofence_of_public(geofence).cloned().ok_or(ChangeError::NotFound)?;
    draft.judge(&Facts::new(geofence.account, Resource::Geofence, action).geofences(&[geofence.id]))?;
    Ok(geofence)
}

pub(super) fn edit_geofence(draft: &mut Draft<'_>, id: PublicId, version: Option<u64>, form: &GeofenceForm) -> Result<(), ChangeError> {
    let before = geofence(draft, id, Action::Edit)?;
    check::version(version, before.version)?;
    let name = sound_geofence(draft, form)?;
    let after = Geofence { name, shape: form.shape.clone(), dwell_s: form.dwell_s, version: before.version + 1, ..(*before).clone() };
    draft.note(Some(before.account), "geofence.edit", id, brief::geofence(&before), brief::geofence(&after));
    draft.put_geofence(after);
    Ok(())
}

pub(super) fn delete_geofence(draft: &mut Draft<'_>, id: PublicId) -> Result<(), ChangeError> {
    let before = geofence(draft, id, Action::Delete)?;
    draft.note(Some(before.account), "geofence.delete", id, brief::geofence(&before), Value::Null);
    let rules: Vec<Arc<Rule>> = draft.next.rules_of(before.account).filter(|rule| rule.geofences.contains(&before.id)).cloned().collect();
    for rule in rules {
        let geofences: Vec<GeofenceId> = rule.geofences.iter().copied().filter(|g| *g != before.id).collect();
        // A rule that was for some geofences must not become one for everywhere.
        let enabled = rule.enabled && !geofences.is_empty();
        draft.put_rule(Rule { geofences, enabled, version: rule.version + 1, ..(*rule).clone() });
    }
    draft.remove_geofence(before.id);
    draft.changed.version = None;
    Ok(())
}

fn sound_place(draft: &Draft<'_>, form: &PlaceForm) -> Result<(String, String), ChangeError> {
    shape::point("center", form.center)?;
    shape::metres("radius_m", form.radius_m)?;
    Ok((check::name("name", &form.name, draft.limits)?, check::line("address", &form.address, draft.limits.address_chars_max)?))
}

pub(super) fn create_place(draft: &mut Draft<'_>, form: &PlaceForm) -> Result<(), ChangeError> {
    draft.may(Resource::Place, Action::Create)?;
    let account = draft.viewer()?.account;
    draft.judge(&Facts::new(account, Resource::Place, Action::Create))?;
    let count = draft.next.members(account).map_or(0, |m| m.places.len());
    check::room("places_per_account_max", count, draft.limits.places_per_account_max)?;
    let (name, address) = sound_place(draft, form)?;
    let id = PlaceId(draft.number(NumberOf::Place)?);
    let created_by = draft.actor_user()?;
    let (center, radius_m) = (form.center, form.radius_m);
    let place = Place { id, public_id: draft.public_id(), account, name, address, center, radius_m, created_by, version: 1 };
    draft.note(Some(account), "place.create", place.public_id, Value::Null, brief::place(&place));
    draft.created(place.public_id);
    draft.put_place(place);
    for user in those_granted(draft, account, Right::Places)? {
        let mut grants = draft.next.grants(user).map_or_else(Grants::default, |g| (**g).clone());
        grants.places.by_object.insert(id, GrantState::Active);
        draft.put_grants(user, grants, [Key::PlaceGrant(user, id)]);
        draft.widen(user);
    }
    Ok(())
}

fn place(draft: &mut Draft<'_>, place: PublicId, action: Action) -> Result<Arc<Place>, ChangeError> {
    draft.may(Resource::Place, action)?;
    let place = draft.next.place_of_public(place).cloned().ok_or(ChangeError::NotFound)?;
    draft.judge(&Facts::new(place.account, Resource::Place, action).places(&[place.id]))?;
    Ok(place)
}

pub(super) fn edit_place(draft: &mut Draft<'_>, id: PublicId, version: Option<u64>, form: &PlaceForm) -> Result<(), ChangeError> {
    let before = place(draft, id, Action::Edit)?;
    check::version(version, before.version)?;
    let (name, address) = sound_place(draft, form)?;
    let (center, radius_m) = (form.center, form.radius_m);
    let after = Place { name, address, center, radius_m, version: before.version + 1, ..(*before).clone() };
    draft.note(Some(before.account), "place.edit", id, brief::place(&before), brief::place(&after));
    draft.put_place(after);
    Ok(())
}

pub(super) fn delete_place(draft: &mut Draft<'_>, id: PublicId) -> Result<(), ChangeError> {
    let before = place(draft, id, Action::Delete)?;
    draft.note(Some(before.account), "place.delete", id, brief::place(&before), Value::Null);
    draft.remove_place(before.id);
    Ok(())
}

/// Whether rules of this kind look at geofences: `Some(true)`, they need one; `Some(false)`, they may have some; `None`, they have none.
pub(super) fn geofences_of_kind(kind: &RuleKind) -> Option<bool> {
    match kind {
        RuleKind::GeofenceEnter {} | RuleKind::GeofenceExit {} | RuleKind::GeofenceStay { .. } => Some(true),
        RuleKind::Overspeed { .. } => Some(false),
        RuleKind::DeviceAlarm { .. }
        | RuleKind::IgnitionOn {}
        | RuleKind::IgnitionOff {}
        | RuleKind::ConnectionLost { .. }
        | RuleKind::BatteryBelow { .. } => None,
    }
}
