//! Writing rows as the snapshot has them; what it no longer has is deleted.

use super::text::{access_to, big, hex, ids_to, rights_to, state_to, to_json};
use super::{Key, StoreError};
use crate::directory::audit::{AuditActor, AuditRow};
use crate::directory::definitions::UndoRow;
use crate::directory::sessions::{SessionId, Sessions};
use crate::directory::snapshot::{NumberOf, Object, Snapshot};
use crate::model::{Account, Device, Geofence, Place, Role, Rule, Tariff, User};
use policy::{GeofenceId, GrantState, RuleId, UserId};
use sqlx::AnyConnection;

macro_rules! run {
    ($connection:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        sqlx::query($sql)$(.bind($value))*.execute(&mut *$connection).await.map(|_| ()).map_err(StoreError::from)
    };
}

type Done = Result<(), StoreError>;

pub(super) async fn key(to: &mut AnyConnection, key: Key, snapshot: &Snapshot, sessions: &Sessions) -> Done {
    match key {
        Key::Number(of) => number(to, of, snapshot).await,
        Key::Tariff(id) => match snapshot.tariff(id) {
            Some(row) => tariff(to, row).await,
            None => run!(to, "DELETE FROM tariffs WHERE id = $1", i64::from(id.0)),
        },
        Key::Account(id) => match snapshot.account(id) {
            Some(row) => account(to, row).await,
            None => run!(to, "DELETE FROM accounts WHERE id = $1", i64::from(id.0)),
        },
        Key::Role(id) => match snapshot.role(id) {
            Some(row) => role(to, row).await,
            None => run!(to, "DELETE FROM roles WHERE id = $1", i64::from(id.0)),
        },
        Key::User(id) => match snapshot.user(id) {
            Some(row) => user(to, row, snapshot).await,
            None => run!(to, "DELETE FROM users WHERE id = $1", i64::from(id.0)),
        },
        Key::Secret(id) => secret(to, id, snapshot).await,
        Key::Session(id) => session(to, id, snapshot, sessions).await,
        Key::Device(id) => match snapshot.device(id) {
            Some(row) => device(to, row).await,
            None => run!(to, "DELETE FROM devices WHERE id = $1", i64::from(id.0)),
        },
        Key::Geofence(id) => geofence(to, id, snapshot).await,
        Key::Place(id) => match snapshot.place(id) {
            Some(row) => place(to, row).await,
            None => run!(to, "DELETE FROM places WHERE id = $1", i64::from(id.0)),
        },
        Key::Rule(id) => rule(to, id, snapshot).await,
        Key::DeviceGrant(user, device) => {
            let (user_id, device_id) = (i64::from(user.0), i64::from(device.0));
            if snapshot.grants(user).is_some_and(|g| g.devices.contains(&device)) {
                run!(to, "INSERT INTO device_grants (user_id, device) VALUES ($1, $2) ON CONFLICT DO NOTHING", user_id, device_id)
            } else {
                run!(to, "DELETE FROM device_grants WHERE user_id = $1 AND device = $2", user_id, device_id)
            }
        }
        Key::GeofenceGrant(user, geofence) => {
            let state = snapshot.grants(user).and_then(|g| g.geofences.by_object.get(&geofence).copied());
            grant(to, GEOFENCE_GRANT, (user, geofence.0), state).await
        }
        Key::PlaceGrant(user, place) => {
            let state = snapshot.grants(user).and_then(|g| g.places.by_object.get(&place).copied());
            grant(to, PLACE_GRANT, (user, place.0), state).await
        }
    }
}

pub(super) async fn meta(to: &mut AnyConnection, name: &str, value: u64) -> Done {
    let sql = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    run!(to, sql, name.to_owned(), big(value)?)
}

/// The name of a number in the table `meta`.
pub(super) const fn number_name(of: NumberOf) -> &'static str {
    match of {
        NumberOf::Account => "last_account",
        NumberOf::Tariff => "last_tariff",
        NumberOf::User => "last_user",
        NumberOf::Role => "last_role",
        NumberOf::Device => "last_device",
        NumberOf::Geofence => "last_geofence",
        NumberOf::Place => "last_place",
        NumberOf::Rule => "last_rule",
    }
}

async fn number(to: &mut AnyConnection, of: NumberOf, snapshot: &Snapshot) -> Done {
    meta(to, number_name(of), u64::from(snapshot.numbers.last[of as usize])).await
}

async fn tariff(to: &mut AnyConnection, row: &Tariff) -> Done {
    let sql = "INSERT INTO tariffs (id, public_id, name, history) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, history = excluded.history";
    run!(to, sql, i64::from(row.id.0), row.public_id.to_string(), row.name.clone(), row.history)
}

async fn account(to: &mut AnyConnection, row: &Account) -> Done {
    let sql = "INSERT INTO accounts (id, public_id, name, owner_id, default_tariff) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, owner_id = excluded.owner_id, default_tariff = excluded.default_tariff";
    let (owner, tariff) = (i64::from(row.owner.0), i64::from(row.default_tariff.0));
    run!(to, sql, i64::from(row.id.0), row.public_id.to_string(), row.name.clone(), owner, tariff)
}

async fn role(to: &mut AnyConnection, row: &Role) -> Done {
    let sql = "INSERT INTO roles (id, public_id, account, name, rights, history_window, version) VALUES ($1, $2, $3, $4, $5, $6, $7) \
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, rights = excluded.rights, \
               history_window = excluded.history_window, version = excluded.version";
    let (id, account) = (i64::from(row.id.0), i64::from(row.account.0));
    run!(to, sql, id, row.public_id.to_string(), account, row.name.clone(), rights_to(row.rights), row.window, big(row.version)?)
}

async fn user(to: &mut AnyConnection, row: &User, snapshot: &Snapshot) -> Done {
    let sql = "INSERT INTO users (id, public_id, account, email, name, surname, phone, access, categories, role, all_geofences, \
               all_places, disabled, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
               ON CONFLICT (id) DO UPDATE SET email = excluded.email, name = excluded.name, surname = excluded.surname, \
               phone = excluded.phone, access = excluded.access, categories = excluded.categories, role = excluded.role, \
               all_geofences = excluded.all_geofences, all_places = excluded.all_places, disabled = excluded.disabled, \
               version = excluded.version";
    let (access, categories, role) = access_to(&row.access);
    let grants = snapshot.grants(row.id);
    let all_geofences = grants.and_then(|g| g.geofences.all).map(state_to).transpose()?;
    let all_places = grants.and_then(|g| g.places.all).map(state_to).transpose()?;
    sqlx::query(sql)
        .bind(i64::from(row.id.0))
        .bind(row.public_id.to_string())
        .bind(i64::from(row.account.0))
        .bind(row.email.clone())
        .bind(row.name.clone())
        .bind(row.surname.clone())
        .bind(row.phone.clone())
        .bind(access.to_owned())
        .bind(categories)
        .bind(role)
        .bind(all_geofences)
        .bind(all_places)
        .bind(i64::from(row.disabled))
        .bind(big(row.version)?)
        .execute(to)
        .await?;
    Ok(())
}

async fn secret(to: &mut AnyConnection, user: UserId, snapshot: &Snapshot) -> Done {
    let id = i64::from(user.0);
    match snapshot.secrets.get(&user) {
        Some(secret) => {
            let sql = "INSERT INTO secrets (user_id, hash) VALUES ($1, $2) ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash";
            run!(to, sql, id, secret.0.to_string())
        }
        None => run!(to, "DELETE FROM secrets WHERE user_id = $1", id),
    }
}

async fn session(to: &mut AnyConnection, id: SessionId, snapshot: &Snapshot, sessions: &Sessions) -> Done {
    match sessions.row(id).filter(|row| snapshot.user(row.user).is_some()) {
        Some(row) => {
            let sql = "INSERT INTO sessions (id, token_hash, user_id, created_at, used_at) VALUES ($1, $2, $3, $4, $5) \
                       ON CONFLICT (id) DO UPDATE SET used_at = excluded.used_at";
            run!(to, sql, id.0.to_string(), hex(&row.token_hash), i64::from(row.user.0), row.created_at, row.used_at)
        }
        None => run!(to, "DELETE FROM sessions WHERE id = $1", id.0.to_string()),
    }
}

async fn device(to: &mut AnyConnection, row: &Device) -> Done {
    let sql = "INSERT INTO devices (id, public_id, account, generation, identifier, name, model, tariff, disabled, platform_settings, \
               hardware_settings, work_status, outputs, created_by, version) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
               ON CONFLICT (id) DO UPDATE SET account = excluded.account, generation = excluded.generation, name = excluded.name, \
               model = excluded.model, tariff = excluded.tariff, disabled = excluded.disabled, \
               platform_settings = excluded.platform_settings, hardware_settings = excluded.hardware_settings, \
               work_status = excluded.work_status, outputs = excluded.outputs, created_by = excluded.created_by, \
               version = excluded.version";
    sqlx::query(sql)
        .bind(i64::from(row.id.0))
        .bind(row.public_id.to_string())
        .bind(i64::from(row.account.0))
        .bind(i64::from(row.generation))
        .bind(row.identifier.clone())
        .bind(row.name.clone())
        .bind(row.model.clone())
        .bind(i64::from(row.tariff.0))
        .bind(i64::from(row.disabled))
        .bind(row.platform_settings.clone())
        .bind(row.hardware_settings.clone())
        .bind(row.work_status.clone())
        .bind(to_json("outputs", &row.outputs)?)
        .bind(i64::from(row.created_by.0))
        .bind(big(row.version)?)
        .execute(to)
        .await?;
    Ok(())
}

async fn gone(to: &mut AnyConnection, kind: &str, id: u32, object: Object, snapshot: &Snapshot) -> Done {
    let Some(public_id) = snapshot.gone.get(&object) else { return Ok(()) };
    let sql = "INSERT INTO gone (kind, id, public_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    run!(to, sql, kind.to_owned(), i64::from(id), public_id.to_string())
}

async fn geofence(to: &mut AnyConnection, id: GeofenceId, snapshot: &Snapshot) -> Done {
    let Some(row) = snapshot.geofence(id) else {
        gone(to, "geofence", id.0, Object::Geofence(id), snapshot).await?;
        return run!(to, "DELETE FROM geofences WHERE id = $1", i64::from(id.0));
    };
    let Geofence { id, public_id, account, name, shape, dwell_s, created_by, version } = &**row;
    let sql = "INSERT INTO geofences (id, public_id, account, name, shape, dwell_s, created_by, version) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET name = excluded.name, shape = excluded.shape, \
               dwell_s = excluded.dwell_s, version = excluded.version";
    let (shape, maker, version) = (to_json("shape", shape)?, i64::from(created_by.0), big(*version)?);
    let (id, account) = (i64::from(id.0), i64::from(account.0));
    run!(to, sql, id, public_id.to_string(), account, name.clone(), shape, i64::from(*dwell_s), maker, version)
}

async fn place(to: &mut AnyConnection, row: &Place) -> Done {
    let sql = "INSERT INTO places (id, public_id, account, name, address, latitude, longitude, radius_m, created_by, version) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
               address = excluded.address, latitude = excluded.latitude, longitude = excluded.longitude, \
               radius_m = excluded.radius_m, version = excluded.version";
    sqlx::query(sql)
        .bind(i64::from(row.id.0))
        .bind(row.public_id.to_string())
        .bind(i64::from(row.account.0))
        .bind(row.name.clone())
        .bind(row.address.clone())
        .bind(row.center.latitude)
        .bind(row.center.longitude)
        .bind(row.radius_m)
        .bind(i64::from(row.created_by.0))
        .bind(big(row.version)?)
        .execute(to)
        .await?;
    Ok(())
}

async fn rule(to: &mut AnyConnection, id: RuleId, snapshot: &Snapshot) -> Done {
    let Some(row) = snapshot.rule(id) else {
        gone(to, "rule", id.0, Object::Rule(id), snapshot).await?;
        return run!(to, "DELETE FROM rules WHERE id = $1", i64::from(id.0));
    };
    let Rule { id, public_id, account, name, kind, devices, geofences, schedule, enabled, created_by, version } = &**row;
    let sql = "INSERT INTO rules (id, public_id, account, name, kind, devices, geofences, schedule, enabled, created_by, version) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
               kind = excluded.kind, devices = excluded.devices, geofences = excluded.geofences, schedule = excluded.schedule, \
               enabled = excluded.enabled, version = excluded.version";
    sqlx::query(sql)
        .bind(i64::from(id.0))
        .bind(public_id.to_string())
        .bind(i64::from(account.0))
        .bind(name.clone())
        .bind(to_json("kind", kind)?)
        .bind(ids_to(devices.iter().map(|d| d.0)))
        .bind(ids_to(geofences.iter().map(|g| g.0)))
        .bind(to_json("schedule", schedule)?)
        .bind(i64::from(*enabled))
        .bind(i64::from(created_by.0))
        .bind(big(*version)?)
        .execute(to)
        .await?;
    Ok(())
}

/// To put in, and to delete.
type GrantSql = [&'static str; 2];

const GEOFENCE_GRANT: GrantSql = [
    "INSERT INTO geofence_grants (user_id, geofence, state) VALUES ($1, $2, $3) \
     ON CONFLICT (user_id, geofence) DO UPDATE SET state = excluded.state",
    "DELETE FROM geofence_grants WHERE user_id = $1 AND geofence = $2",
];
const PLACE_GRANT: GrantSql = [
    "INSERT INTO place_grants (user_id, place, state) VALUES ($1, $2, $3) \
     ON CONFLICT (user_id, place) DO UPDATE SET state = excluded.state",
    "DELETE FROM place_grants WHERE user_id = $1 AND place = $2",
];

async fn grant(to: &mut AnyConnection, [put, delete]: GrantSql, (user, object): (UserId, u32), state: Option<GrantState>) -> Done {
    let (user, object) = (i64::from(user.0), i64::from(object));
    match state {
        Some(state) => run!(to, put, user, object, state_to(state)?),
        None => run!(to, delete, user, object),
    }
}

pub(super) async fn undo(to: &mut AnyConnection, row: &UndoRow) -> Done {
    let (kind, object, before) = row.columns()?;
    let sql = "INSERT INTO definition_versions (version, kind, object, before) VALUES ($1, $2, $3, $4)";
    run!(to, sql, big(row.version)?, kind.to_owned(), i64::from(object), before)
}

pub(super) async fn audit(to: &mut AnyConnection, row: &AuditRow) -> Done {
    let AuditRow { epoch, ordinal, at, account, actor, action, object, before, after } = row;
    let actor = match actor {
        AuditActor::Operator => None,
        AuditActor::User(user) => Some(i64::from(user.0)),
    };
    let sql = "INSERT INTO audit (epoch, ordinal, at, account, actor, action, object, before, after) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    sqlx::query(sql)
        .bind(big(*epoch)?)
        .bind(i64::from(*ordinal))
        .bind(*at)
        .bind(account.map(|a| i64::from(a.0)))
        .bind(actor)
        .bind(action.clone())
        .bind(object.map(|o| o.to_string()))
        .bind(before.clone())
        .bind(after.clone())
        .execute(to)
        .await?;
    Ok(())
}
