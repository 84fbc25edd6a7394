//! Things in short, as the audit keeps them (P11). No password, no position.

use crate::model::{Device, Geofence, Place, Role, Rule, Tariff, User, UserAccess};
use policy::Category;
use serde_json::{Map, Value, json};

pub(super) fn access(access: &UserAccess) -> Value {
    match access {
        UserAccess::Owner => json!("owner"),
        UserAccess::Admin => json!("admin"),
        UserAccess::ReadOnly => json!("read_only"),
        UserAccess::Custom(categories) => {
            let levels = Category::ALL.iter().map(|c| (c.name().to_owned(), json!(categories.level(*c).name())));
            json!({ "custom": levels.collect::<Map<_, _>>() })
        }
        UserAccess::SubUser { role } => json!({ "sub_user": { "role": role.map(|r| r.0) } }),
    }
}

pub(super) fn user(user: &User) -> Value {
    let User { id, public_id: _, account: _, email, name, surname, phone, access: of, disabled, version } = user;
    json!({
        "user": id.0, "email": email, "name": name, "surname": surname, "phone": phone,
        "access": access(of), "disabled": disabled, "version": version,
    })
}

pub(super) fn role(role: &Role) -> Value {
    let rights: Vec<&str> = role.rights.iter().filter(|r| r.kind() == policy::RightKind::Additional).map(|r| r.name()).collect();
    json!({ "name": role.name, "rights": rights, "window_s": role.window.map(|w| w / 1_000_000), "version": role.version })
}

pub(super) fn tariff(tariff: &Tariff) -> Value {
    json!({ "name": tariff.name, "history_s": tariff.history / 1_000_000 })
}

pub(super) fn device(device: &Device) -> Value {
    json!({
        "device": device.id.0, "account": device.account.0, "generation": device.generation, "identifier": device.identifier,
        "name": device.name, "model": device.model, "tariff": device.tariff.0, "disabled": device.disabled,
        "platform_settings": settings(&device.platform_settings), "hardware_settings": settings(&device.hardware_settings),
        "work_status": device.work_status, "outputs": device.outputs, "version": device.version,
    })
}

fn settings(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

pub(super) fn geofence(geofence: &Geofence) -> Value {
    json!({ "name": geofence.name, "shape": geofence.shape, "dwell_s": geofence.dwell_s, "version": geofence.version })
}

pub(super) fn place(place: &Place) -> Value {
    json!({
        "name": place.name, "address": place.address, "center": place.center, "radius_m": place.radius_m, "version": place.version,
    })
}

pub(super) fn rule(rule: &Rule) -> Value {
    json!({
        "name": rule.name, "kind": rule.kind, "schedule": rule.schedule, "enabled": rule.enabled, "version": rule.version,
        "devices": rule.devices.iter().map(|d| d.0).collect::<Vec<_>>(),
        "geofences": rule.geofences.iter().map(|g| g.0).collect::<Vec<_>>(),
    })
}
