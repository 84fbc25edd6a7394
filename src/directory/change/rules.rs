//! Alert rules (B19, B37, B60).

use super::areas::geofences_of_kind;
use super::{ChangeError, Draft, RuleForm, brief, check};
use crate::directory::snapshot::NumberOf;
use crate::model::{DeviceId, GeofenceId, PublicId, Rule, RuleId, RuleKind};
use policy::{AccountId, Action, Facts, Resource};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest stay, or silence: 30 days.
const SECONDS_MAX: u32 = 30 * 86_400;
/// Fastest limit, km/h.
const KMH_MAX: f64 = 1_000.0;
/// Kinds of device alarms in one rule.
const ALARMS_MAX: usize = 64;

pub(super) fn create(draft: &mut Draft<'_>, form: &RuleForm) -> Result<(), ChangeError> {
    draft.may(Resource::AlertRule, Action::Create)?;
    let account = draft.viewer()?.account;
    let (devices, geofences) = named(draft, form)?;
    judge(draft, account, Action::Create, &devices, &geofences)?;
    let count = draft.next.members(account).map_or(0, |m| m.rules.len());
    check::room("rules_per_account_max", count, draft.limits.rules_per_account_max)?;
    sound(draft, form, geofences.len())?;
    let rule = Rule {
        id: RuleId(draft.number(NumberOf::Rule)?),
        public_id: draft.public_id(),
        account,
        name: check::name("name", &form.name, draft.limits)?,
        kind: form.kind.clone(),
        devices: devices.into_iter().collect(),
        geofences: geofences.into_iter().collect(),
        schedule: form.schedule.clone(),
        enabled: form.enabled,
        created_by: draft.actor_user()?,
        version: 1,
    };
    draft.note(Some(account), "alert_rule.create", rule.public_id, Value::Null, brief::rule(&rule));
    draft.created(rule.public_id);
    draft.put_rule(rule);
    Ok(())
}

/// The devices and geofences of a form: the actor sees every one of them.
fn named(draft: &mut Draft<'_>, form: &RuleForm) -> Result<(BTreeSet<DeviceId>, BTreeSet<GeofenceId>), ChangeError> {
    for (limit, count, max) in [
        ("rule_devices_max", form.devices.len(), draft.limits.rule_devices_max),
        ("rule_geofences_max", form.geofences.len(), draft.limits.rule_geofences_max),
    ] {
        if count > max {
            return Err(ChangeError::LimitReached { limit, max });
        }
    }
    Ok((draft.visible_devices(&form.devices)?, draft.visible_geofences(&form.geofences)?))
}

fn judge(
    draft: &mut Draft<'_>,
    account: AccountId,
    action: Action,
    devices: &BTreeSet<DeviceId>,
    geofences: &BTreeSet<GeofenceId>,
) -> Result<(), ChangeError> {
    if devices.is_empty() && action == Action::Create {
        return Err(ChangeError::invalid("devices", "a rule is for at least one device"));
    }
    let devices: Vec<_> = devices.iter().copied().collect();
    let geofences: Vec<_> = geofences.iter().copied().collect();
    draft.judge(&Facts::new(account, Resource::AlertRule, action).devices(&devices).geofences(&geofences))
}

/// What of a rule the actor sees: its devices and geofences that are granted to him.
struct Seen {
    rule: Arc<Rule>,
    devices: BTreeSet<DeviceId>,
    geofences: BTreeSet<GeofenceId>,
}

fn target(draft: &mut Draft<'_>, rule: PublicId, action: Action) -> Result<Seen, ChangeError> {
    draft.may(Resource::AlertRule, action)?;
    let rule = draft.next.rule_of_public(rule).cloned().ok_or(ChangeError::NotFound)?;
    let viewer = draft.viewer()?;
    let devices = rule.devices.iter().copied().filter(|d| viewer.sees_device(*d)).collect();
    let geofences = rule.geofences.iter().copied().filter(|g| viewer.sees_geofence_now(*g)).collect();
    judge(draft, rule.account, action, &devices, &geofences)?;
    Ok(Seen { rule, devices, geofences })
}

pub(super) fn edit(draft: &mut Draft<'_>, rule: PublicId, version: Option<u64>, form: &RuleForm) -> Result<(), ChangeError> {
    let seen = target(draft, rule, Action::Edit)?;
    let before = &seen.rule;
    let (devices, geofences) = named(draft, form)?;
    check::version(version, before.version)?;
    // What he does not see stays as it is.
    let devices: BTreeSet<_> = before.devices.iter().copied().filter(|d| !seen.devices.contains(d)).chain(devices).collect();
    let geofences: BTreeSet<_> = before.geofences.iter().copied().filter(|g| !seen.geofences.contains(g)).chain(geofences).collect();
    if devices.is_empty() {
        return Err(ChangeError::invalid("devices", "a rule is for at least one device"));
    }
    sound(draft, form, geofences.len())?;
    let after = Rule {
        name: check::name("name", &form.name, draft.limits)?,
        kind: form.kind.clone(),
        devices: devices.into_iter().collect(),
        geofences: geofences.into_iter().collect(),
        schedule: form.schedule.clone(),
        enabled: form.enabled,
        version: before.version + 1,
        ..(**before).clone()
    };
    draft.note(Some(before.account), "alert_rule.edit", rule, brief::rule(before), brief::rule(&after));
    draft.put_rule(after);
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, rule: PublicId) -> Result<(), ChangeError> {
    let Seen { rule: before, devices, geofences: _ } = target(draft, rule, Action::Delete)?;
    let left: Vec<DeviceId> = before.devices.iter().copied().filter(|d| !devices.contains(d)).collect();
    if left.is_empty() {
        draft.note(Some(before.account), "alert_rule.delete", rule, brief::rule(&before), Value::Null);
        draft.remove_rule(before.id);
    } else {
        let after = Rule { devices: left, version: before.version + 1, ..(*before).clone() };
        draft.note(Some(before.account), "alert_rule.edit", rule, brief::rule(&before), brief::rule(&after));
        draft.put_rule(after);
    }
    draft.changed.version = None;
    Ok(())
}

fn sound(draft: &Draft<'_>, form: &RuleForm, geofences: usize) -> Result<(), ChangeError> {
    check::name("name", &form.name, draft.limits)?;
    form.schedule.compile().map_err(|message| ChangeError::invalid("schedule", message))?;
    match (geofences_of_kind(&form.kind), geofences) {
        (Some(true), 0) => return Err(ChangeError::invalid("geofences", "a rule of this kind is for at least one geofence")),
        (None, 1..) => return Err(ChangeError::invalid("geofences", "a rule of this kind has no geofences")),
        _ => {}
    }
    match &form.kind {
        RuleKind::GeofenceStay { longer_than_s: seconds } | RuleKind::ConnectionLost { after_s: seconds } => {
            if !(1..=SECONDS_MAX).contains(seconds) {
                return Err(ChangeError::invalid("kind", format!("1 to {SECONDS_MAX} seconds are needed")));
            }
        }
        RuleKind::Overspeed { faster_than_kmh: kmh } => {
            if !(*kmh > 0.0 && *kmh <= KMH_MAX) {
                return Err(ChangeError::invalid("kind", format!("faster_than_kmh: more than 0 and at most {KMH_MAX} is needed")));
            }
        }
        RuleKind::BatteryBelow { level_pct } => {
            if !(*level_pct > 0.0 && *level_pct <= 100.0) {
                return Err(ChangeError::invalid("kind", "level_pct: more than 0 and at most 100 is needed"));
            }
        }
        RuleKind::DeviceAlarm { alarms } => {
            if alarms.len() > ALARMS_MAX {
                return Err(ChangeError::LimitReached { limit: "alarms_max", max: ALARMS_MAX });
            }
            if let Some(name) = alarms.iter().find(|name| protocols::Alarm::from_text(name).is_none()) {
                return Err(ChangeError::invalid("kind", format!("alarms: {name:?} is no alarm")));
            }
        }
        RuleKind::GeofenceEnter {} | RuleKind::GeofenceExit {} | RuleKind::IgnitionOn {} | RuleKind::IgnitionOff {} => {}
    }
    Ok(())
}
