//! Reading all of the directory at start.

use super::text::{access_from, hash_from, ids_from, json, public_id, rights_from, state_from, unsound};
use super::write::number_name;
use super::{StoreError, Versions};
use crate::directory::definitions::{UndoRow, versions};
use crate::directory::sessions::SessionId;
use crate::directory::snapshot::{NumberOf, Object, Secret, Snapshot};
use crate::model::{Account, Device, Geofence, Grants, GrantsOf, Place, Point, PublicId, Role, Rule, Tariff, TariffId, User, UserAccess};
use futures_util::TryStreamExt as _;
use policy::{AccountId, DeviceId, GeofenceId, Micros, PlaceId, RoleId, RuleId, UserId};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use std::collections::HashMap;
use std::sync::Arc;

/// A session as stored.
pub(in crate::directory) struct LoadedSession {
    pub(in crate::directory) id: SessionId,
    pub(in crate::directory) token_hash: [u8; 32],
    pub(in crate::directory) user: UserId,
    pub(in crate::directory) created_at: Micros,
    pub(in crate::directory) used_at: Micros,
}

/// All of it.
pub(in crate::directory) struct Loaded {
    pub(in crate::directory) snapshot: Snapshot,
    pub(in crate::directory) sessions: Vec<LoadedSession>,
    pub(in crate::directory) versions: Versions,
}

/// Columns of a row, one after the other.
struct Columns<'r> {
    row: &'r AnyRow,
    at: usize,
}

impl<'r> Columns<'r> {
    const fn of(row: &'r AnyRow) -> Self {
        Self { row, at: 0 }
    }

    fn next<T: sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>>(&mut self) -> Result<T, StoreError> {
        self.at += 1;
        Ok(self.row.try_get(self.at - 1)?)
    }

    fn text(&mut self) -> Result<String, StoreError> {
        self.next()
    }

    fn big(&mut self) -> Result<i64, StoreError> {
        self.next()
    }

    fn id(&mut self) -> Result<u32, StoreError> {
        let value = self.big()?;
        u32::try_from(value).map_err(|_| unsound("id", value))
    }

    fn optional_id(&mut self) -> Result<Option<u32>, StoreError> {
        let value: Option<i64> = self.next()?;
        value.map(|v| u32::try_from(v).map_err(|_| unsound("id", v))).transpose()
    }

    fn count(&mut self) -> Result<u64, StoreError> {
        let value = self.big()?;
        u64::try_from(value).map_err(|_| unsound("number", value))
    }

    fn public_id(&mut self) -> Result<PublicId, StoreError> {
        public_id(&self.text()?)
    }

    fn flag(&mut self) -> Result<bool, StoreError> {
        Ok(self.big()? != 0)
    }
}

/// Takes the rows one by one, so that a large table is not held twice.
async fn each(
    from: &mut AnyConnection,
    sql: &'static str,
    mut take: impl FnMut(&mut Columns<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut rows = sqlx::query(sql).fetch(from);
    while let Some(row) = rows.try_next().await? {
        take(&mut Columns::of(&row))?;
    }
    Ok(())
}

pub(super) async fn load(from: &mut AnyConnection) -> Result<Loaded, StoreError> {
    let mut snapshot = Snapshot::default();
    each(from, "SELECT id, public_id, name, history FROM tariffs", |c| {
        snapshot.put_tariff(Tariff { id: TariffId(c.id()?), public_id: c.public_id()?, name: c.text()?, history: c.big()? });
        Ok(())
    })
    .await?;
    each(from, "SELECT id, public_id, name, owner_id, default_tariff FROM accounts", |c| {
        snapshot.put_account(Account {
            id: AccountId(c.id()?),
            public_id: c.public_id()?,
            name: c.text()?,
            owner: UserId(c.id()?),
            default_tariff: TariffId(c.id()?),
        });
        Ok(())
    })
    .await?;
    roles(from, &mut snapshot).await?;
    users(from, &mut snapshot).await?;
    devices(from, &mut snapshot).await?;
    areas(from, &mut snapshot).await?;
    rules(from, &mut snapshot).await?;
    grants(from, &mut snapshot).await?;
    meta(from, &mut snapshot).await?;
    let undo = undo_rows(from).await?;
    let versions = versions(&snapshot.definitions, undo)?;
    let sessions = sessions(from).await?;
    Ok(Loaded { snapshot, sessions, versions })
}

async fn roles(from: &mut AnyConnection, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    let sql = "SELECT id, public_id, account, name, rights, history_window, version FROM roles";
    each(from, sql, |c| {
        snapshot.put_role(Role {
            id: RoleId(c.id()?),
            public_id: c.public_id()?,
            account: AccountId(c.id()?),
            name: c.text()?,
            rights: rights_from(&c.text()?)?,
            window: c.next()?,
            version: c.count()?,
        });
        Ok(())
    })
    .await?;
    Ok(())
}

async fn users(from: &mut AnyConnection, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    let sql = "SELECT id, public_id, account, email, name, surname, phone, access, categories, role, disabled, version, \
               all_geofences, all_places FROM users";
    each(from, sql, |c| {
        let user = User {
            id: UserId(c.id()?),
            public_id: c.public_id()?,
            account: AccountId(c.id()?),
            email: c.text()?,
            name: c.text()?,
            surname: c.text()?,
            phone: c.text()?,
            access: access_from(&c.text()?, &c.text()?, c.optional_id()?.map(RoleId))?,
            disabled: c.flag()?,
            version: c.count()?,
        };
        if matches!(user.access, UserAccess::SubUser { .. }) {
            let geofences: Option<i64> = c.next()?;
            let places: Option<i64> = c.next()?;
            let grants = Grants {
                geofences: GrantsOf { all: geofences.map(state_from).transpose()?, ..GrantsOf::default() },
                places: GrantsOf { all: places.map(state_from).transpose()?, ..GrantsOf::default() },
                ..Grants::default()
            };
            snapshot.grants.insert(user.id, Arc::new(grants));
        }
        snapshot.put_user(user);
        Ok(())
    })
    .await?;
    each(from, "SELECT user_id, hash FROM secrets", |c| {
        snapshot.secrets.insert(UserId(c.id()?), Secret(c.text()?.into()));
        Ok(())
    })
    .await?;
    Ok(())
}

async fn devices(from: &mut AnyConnection, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    let sql = "SELECT id, public_id, account, generation, identifier, name, model, tariff, disabled, platform_settings, \
               hardware_settings, work_status, outputs, created_by, version FROM devices";
    each(from, sql, |c| {
        snapshot.put_device(Device {
            id: DeviceId(c.id()?),
            public_id: c.public_id()?,
            account: AccountId(c.id()?),
            generation: c.id()?,
            identifier: c.text()?,
            name: c.text()?,
            model: c.text()?,
            tariff: TariffId(c.id()?),
            disabled: c.flag()?,
            platform_settings: c.text()?,
            hardware_settings: c.text()?,
            work_status: c.next()?,
            outputs: json("outputs", &c.text()?)?,
            created_by: UserId(c.id()?),
            version: c.count()?,
        });
        Ok(())
    })
    .await?;
    Ok(())
}

async fn areas(from: &mut AnyConnection, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    let sql = "SELECT id, public_id, account, name, shape, dwell_s, created_by, version FROM geofences";
    each(from, sql, |c| {
        snapshot.put_geofence(Geofence {
            id: GeofenceId(c.id()?),
            public_id: c.public_id()?,
            account: AccountId(c.id()?),
            name: c.text()?,
            shape: json("shape", &c.text()?)?,
            dwell_s: c.id()?,
            created_by: UserId(c.id()?),
            version: c.count()?,
        });
        Ok(())
    })
    .await?;
    let sql = "SELECT id, public_id, account, name, address, latitude, longitude, radius_m, created_by, version FROM places";
    each(from, sql, |c| {
        snapshot.put_place(Place {
            id: PlaceId(c.id()?),
            public_id: c.public_id()?,
            account: AccountId(c.id()?),
            name: c.text()?,
            address: c.text()?,
            center: Point { latitude: c.next()?, longitude: c.next()? },
            radius_m: c.next()?,
            created_by: UserId(c.id()?),
            version: c.count()?,
        });
        Ok(())
    })
    .await?;
    Ok(())
}

async fn rules(from: &mut AnyConnection, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    let sql = "SELECT id, public_id, account, name, kind, devices, geofences, schedule, enabled, created_by, version FROM rules";
    each(from, sql, |c| {
        snapshot.put_rule(Rule {
            id: RuleId(c.id()?),
            public_id: c.public_id()?,
            account: AccountId(c.id()?),
            name: c.text()?,
            kind: json("kind", &c.text()?)?,
            devices: ids_from(&c.text()?)?.into_iter().map(DeviceId).collect(),
            geofences: ids_from(&c.text()?)?.into_iter().map(GeofenceId).collect(),
            schedule: json("schedule", &c.text()?)?,
            enabled: c.flag()?,
            created_by: UserId(c.id()?),
            version: c.count()?,
        });
        Ok(())
    })
    .await?;
    each(from, "SELECT kind, id, public_id FROM gone", |c| {
        let (kind, id, public_id) = (c.text()?, c.id()?, c.public_id()?);
        let object = match kind.as_str() {
            "geofence" => Object::Geofence(GeofenceId(id)),
            "rule" => Object::Rule(RuleId(id)),
            other => return Err(unsound("kind of what is gone", other)),
        };
        snapshot.gone.insert(object, public_id);
        Ok(())
    })
    .await?;
    Ok(())
}

async fn grants(from: &mut AnyConnection, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    let mut all: HashMap<UserId, Grants> = snapshot.grants.iter().map(|(id, grants)| (*id, (**grants).clone())).collect();
    each(from, "SELECT user_id, device FROM device_grants", |c| {
        all.entry(UserId(c.id()?)).or_default().devices.insert(DeviceId(c.id()?));
        Ok(())
    })
    .await?;
    each(from, "SELECT user_id, geofence, state FROM geofence_grants", |c| {
        let of = &mut all.entry(UserId(c.id()?)).or_default().geofences.by_object;
        of.insert(GeofenceId(c.id()?), state_from(c.big()?)?);
        Ok(())
    })
    .await?;
    each(from, "SELECT user_id, place, state FROM place_grants", |c| {
        let of = &mut all.entry(UserId(c.id()?)).or_default().places.by_object;
        of.insert(PlaceId(c.id()?), state_from(c.big()?)?);
        Ok(())
    })
    .await?;
    snapshot.grants = all.into_iter().map(|(id, grants)| (id, Arc::new(grants))).collect();
    Ok(())
}

async fn meta(from: &mut AnyConnection, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    let mut values = HashMap::new();
    each(from, "SELECT name, value FROM meta", |c| {
        values.insert(c.text()?, c.count()?);
        Ok(())
    })
    .await?;
    let value = |name: &str| values.get(name).copied().unwrap_or(0);
    snapshot.epoch = value("epoch");
    Arc::make_mut(&mut snapshot.definitions).version = value("version");
    for of in NumberOf::ALL {
        let last = value(number_name(of));
        snapshot.numbers.last[of as usize] = u32::try_from(last).map_err(|_| unsound("number", last))?;
    }
    Ok(())
}

async fn undo_rows(from: &mut AnyConnection) -> Result<Vec<UndoRow>, StoreError> {
    let sql = "SELECT version, kind, object, before FROM definition_versions ORDER BY version DESC";
    let mut rows = Vec::new();
    each(from, sql, |c| {
        let (version, kind, object) = (c.count()?, c.text()?, c.id()?);
        let before: Option<String> = c.next()?;
        rows.push(UndoRow::from_columns(version, &kind, object, before.as_deref())?);
        Ok(())
    })
    .await?;
    Ok(rows)
}

async fn sessions(from: &mut AnyConnection) -> Result<Vec<LoadedSession>, StoreError> {
    let mut sessions = Vec::new();
    each(from, "SELECT id, token_hash, user_id, created_at, used_at FROM sessions", |c| {
        sessions.push(LoadedSession {
            id: SessionId(c.public_id()?),
            token_hash: hash_from(&c.text()?)?,
            user: UserId(c.id()?),
            created_at: c.big()?,
            used_at: c.big()?,
        });
        Ok(())
    })
    .await?;
    Ok(sessions)
}
