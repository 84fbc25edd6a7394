//! Devices (B11, B17, B54 to B57, P14).

use super::{ChangeError, Draft, NewDevice, brief, check};
use crate::directory::snapshot::NumberOf;
use crate::directory::store::Key;
use crate::model::{Device, Grants, Output, PublicId, Rule};
use policy::{AccountId, Action, DeviceId, Facts, Resource, RuleId};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn register(draft: &mut Draft<'_>, new: &NewDevice) -> Result<(), ChangeError> {
    draft.may(Resource::Device, Action::Register)?;
    let account = draft.viewer()?.account;
    draft.judge(&Facts::new(account, Resource::Device, Action::Register))?;
    let tariff = match new.tariff {
        None => draft.next.account(account).ok_or(ChangeError::NotFound)?.default_tariff,
        Some(tariff) => {
            draft.judge(&Facts::new(account, Resource::DeviceTariff, Action::Edit))?;
            draft.find_tariff(tariff)?.id
        }
    };
    let count = draft.next.members(account).map_or(0, |m| m.devices.ids.len());
    check::room("devices_per_account_max", count, draft.limits.devices_per_account_max)?;
    let identifier = check::identifier(&new.identifier, draft.limits)?;
    let name = check::optional_name("name", &new.name, draft.limits)?;
    let model = check::optional_name("model", &new.model, draft.limits)?;
    if draft.next.by_identifier.contains_key(identifier.as_str()) {
        return Err(ChangeError::IdentifierTaken);
    }
    let device = Device {
        id: DeviceId(draft.number(NumberOf::Device)?),
        public_id: draft.public_id(),
        account,
        generation: 1,
        identifier,
        name,
        model,
        tariff,
        disabled: false,
        platform_settings: "{}".to_owned(),
        hardware_settings: "{}".to_owned(),
        work_status: None,
        outputs: Vec::new(),
        created_by: draft.actor_user()?,
        version: 1,
    };
    draft.note(Some(account), "device.register", device.public_id, Value::Null, brief::device(&device));
    draft.set_generation(device.id, Some(device.generation));
    draft.put_device(device.clone());
    grant_to_maker(draft, &device)?;
    draft.touch_viewers_of(&device, false);
    draft.created(device.public_id);
    Ok(())
}

/// A sub-user who registers a device is granted it (B57).
fn grant_to_maker(draft: &mut Draft<'_>, device: &Device) -> Result<(), ChangeError> {
    let maker = draft.actor_user()?;
    if !draft.next.is_sub_user(maker) {
        return Ok(());
    }
    let mut grants = draft.next.grants(maker).map_or_else(Grants::default, |g| (**g).clone());
    grants.devices.insert(device.id);
    draft.put_grants(maker, grants, [Key::DeviceGrant(maker, device.id)]);
    Ok(())
}

/// The device, if the actor may do this with it.
fn target(draft: &mut Draft<'_>, device: PublicId, action: Action) -> Result<Arc<Device>, ChangeError> {
    draft.may(Resource::Device, action)?;
    let device = draft.find_device(device)?;
    draft.judge(&Facts::new(device.account, Resource::Device, action).devices(&[device.id]))?;
    Ok(device)
}

fn put(draft: &mut Draft<'_>, action: &'static str, before: &Device, after: Device) {
    draft.note(Some(before.account), action, before.public_id, brief::device(before), brief::device(&after));
    draft.put_device(after);
}

/// `texts`: name, model, settings.
pub(super) fn edit_platform(
    draft: &mut Draft<'_>,
    device: PublicId,
    version: Option<u64>,
    texts: [Option<&str>; 3],
) -> Result<(), ChangeError> {
    let before = target(draft, device, Action::EditPlatform)?;
    check::version(version, before.version)?;
    let [name, model, settings] = texts;
    let mut after = Device { version: before.version + 1, ..(*before).clone() };
    if let Some(name) = name {
        after.name = check::optional_name("name", name, draft.limits)?;
    }
    if let Some(model) = model {
        after.model = check::optional_name("model", model, draft.limits)?;
    }
    if let Some(settings) = settings {
        after.platform_settings = check::settings(settings, draft.limits)?;
        let statuses = work_statuses(&after.platform_settings)?;
        after.work_status = after.work_status.filter(|status| statuses.contains(status));
    }
    put(draft, "device.edit_platform", &before, after);
    Ok(())
}

/// The list of work statuses in the platform settings.
fn work_statuses(settings: &str) -> Result<BTreeSet<String>, ChangeError> {
    let settings: Value = serde_json::from_str(settings).unwrap_or(Value::Null);
    match settings.get("work_statuses") {
        None => Ok(BTreeSet::new()),
        Some(list) => {
            serde_json::from_value(list.clone()).map_err(|_| ChangeError::invalid("settings", "work_statuses: a list of texts is needed"))
        }
    }
}

pub(super) fn edit_hardware(
    draft: &mut Draft<'_>,
    device: PublicId,
    version: Option<u64>,
    settings: Option<&str>,
    outputs: Option<&[Output]>,
) -> Result<(), ChangeError> {
    let before = target(draft, device, Action::EditHardware)?;
    let mut after = Device { version: before.version + 1, ..(*before).clone() };
    if let Some(outputs) = outputs.filter(|outputs| *outputs != before.outputs) {
        // Whoever could say that the engine is no vehicle system could switch it without the right (B56).
        draft.judge(&Facts::new(before.account, Resource::Device, Action::SwitchVehicleOutput).devices(&[before.id]))?;
        after.outputs = sound_outputs(draft, outputs)?;
    }
    check::version(version, before.version)?;
    if let Some(settings) = settings {
        after.hardware_settings = check::settings(settings, draft.limits)?;
    }
    put(draft, "device.edit_hardware", &before, after);
    Ok(())
}

fn sound_outputs(draft: &Draft<'_>, outputs: &[Output]) -> Result<Vec<Output>, ChangeError> {
    check::room("device_outputs_max", outputs.len().saturating_sub(1), draft.limits.device_outputs_max)?;
    let numbers: BTreeSet<u8> = outputs.iter().map(|o| o.number).collect();
    if numbers.len() != outputs.len() || numbers.contains(&0) {
        return Err(ChangeError::invalid("outputs", "each output has its own number, from 1"));
    }
    outputs.iter().map(|o| Ok(Output { name: check::optional_name("outputs", &o.name, draft.limits)?, ..o.clone() })).collect()
}

pub(super) fn set_work_status(draft: &mut Draft<'_>, device: PublicId, status: Option<&str>) -> Result<(), ChangeError> {
    let before = target(draft, device, Action::SetWorkStatus)?;
    if let Some(status) = status
        && !work_statuses(&before.platform_settings)?.contains(status)
    {
        return Err(ChangeError::invalid("status", "it is not in the device's list of work statuses"));
    }
    let after = Device { work_status: status.map(str::to_owned), version: before.version + 1, ..(*before).clone() };
    put(draft, "device.work_status", &before, after);
    Ok(())
}

pub(super) fn set_tariff(draft: &mut Draft<'_>, device: PublicId, tariff: PublicId) -> Result<(), ChangeError> {
    draft.may(Resource::DeviceTariff, Action::Edit)?;
    let before = draft.find_device(device)?;
    draft.judge(&Facts::new(before.account, Resource::DeviceTariff, Action::Edit).devices(&[before.id]))?;
    let tariff = draft.find_tariff(tariff)?;
    let was = draft.next.tariff(before.tariff).map_or(0, |t| t.history);
    let after = Device { tariff: tariff.id, version: before.version + 1, ..(*before).clone() };
    put(draft, "device.tariff", &before, after);
    draft.touch_viewers_of(&before, tariff.history < was);
    Ok(())
}

pub(super) fn set_disabled(draft: &mut Draft<'_>, device: PublicId, disabled: bool) -> Result<(), ChangeError> {
    let before = target(draft, device, Action::Activate)?;
    if before.disabled == disabled {
        return Ok(());
    }
    let after = Device { disabled, generation: before.generation + 1, version: before.version + 1, ..(*before).clone() };
    draft.set_generation(before.id, (!disabled).then_some(after.generation));
    put(draft, "device.disable", &before, after);
    if disabled {
        draft.close_device(before.id);
    }
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, device: PublicId) -> Result<(), ChangeError> {
    let before = target(draft, device, Action::Delete)?;
    draft.note(Some(before.account), "device.delete", device, brief::device(&before), Value::Null);
    leave_account(draft, &before);
    draft.set_generation(before.id, None);
    draft.remove_device(before.id);
    Ok(())
}

/// What ends when a device is no longer its account's: connections, grants, its place in rules.
fn leave_account(draft: &mut Draft<'_>, device: &Device) {
    draft.touch_viewers_of(device, true);
    draft.close_device(device.id);
    let users: Vec<_> = draft.next.users_of(device.account).map(|user| user.id).collect();
    for user in users {
        let Some(grants) = draft.next.grants(user).filter(|g| g.devices.contains(&device.id)) else { continue };
        let mut grants = (**grants).clone();
        grants.devices.remove(&device.id);
        draft.put_grants(user, grants, [Key::DeviceGrant(user, device.id)]);
    }
    leave_rules(draft, device.account, device.id);
}

/// A rule without a device would be seen by nobody: it goes with its last one.
fn leave_rules(draft: &mut Draft<'_>, account: AccountId, device: DeviceId) {
    let rules: Vec<Arc<Rule>> = draft.next.rules_of(account).filter(|rule| rule.devices.contains(&device)).cloned().collect();
    for rule in rules {
        let devices: Vec<DeviceId> = rule.devices.iter().copied().filter(|d| *d != device).collect();
        let id: RuleId = rule.id;
        if devices.is_empty() {
            draft.note(Some(account), "alert_rule.delete", rule.public_id, brief::rule(&rule), Value::Null);
            draft.remove_rule(id);
        } else {
            draft.put_rule(Rule { devices, version: rule.version + 1, ..(*rule).clone() });
        }
    }
}

/// To another account (P14): its new holder sees nothing of before, the old one nothing of after.
pub(super) fn transfer(draft: &mut Draft<'_>, device: PublicId, account: PublicId, tariff: Option<PublicId>) -> Result<(), ChangeError> {
    draft.operator()?;
    let before = draft.find_device(device)?;
    let account = draft.next.account_of_public(account).cloned().ok_or(ChangeError::NotFound)?;
    if account.id == before.account {
        return Err(ChangeError::invalid("account", "the device is in this account"));
    }
    let count = draft.next.members(account.id).map_or(0, |m| m.devices.ids.len());
    check::room("devices_per_account_max", count, draft.limits.devices_per_account_max)?;
    let tariff = match tariff {
        Some(tariff) => draft.find_tariff(tariff)?.id,
        None => account.default_tariff,
    };
    leave_account(draft, &before);
    let after = Device {
        account: account.id,
        tariff,
        generation: before.generation + 1,
        created_by: account.owner,
        version: before.version + 1,
        ..(*before).clone()
    };
    draft.set_generation(before.id, (!after.disabled).then_some(after.generation));
    draft.note(Some(before.account), "device.give_away", device, brief::device(&before), Value::Null);
    draft.note(Some(account.id), "device.take_over", device, Value::Null, json!({ "device": after.id.0, "generation": after.generation }));
    draft.put_device(after.clone());
    draft.touch_viewers_of(&after, false);
    Ok(())
}
