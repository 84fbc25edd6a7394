//! Versions of what the pipeline computes with. A version is kept as what it changed, so that older ones are had by going back.

use super::change::Undo;
use super::store::{StoreError, Versions};
use crate::model::{AccountId, DefinitionSet, Geofence, PublicId, Rule, RuleKind, Schedule, Shape};
use parking_lot::RwLock;
use policy::{DeviceId, GeofenceId, RuleId, UserId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One object as it was before a version.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UndoRow {
    pub(super) version: u64,
    pub(super) undo: Undo,
}

#[derive(Serialize, Deserialize)]
struct GeofenceText {
    public_id: PublicId,
    account: u32,
    name: String,
    shape: Shape,
    dwell_s: u32,
    created_by: u32,
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct RuleText {
    public_id: PublicId,
    account: u32,
    name: String,
    kind: RuleKind,
    devices: Vec<u32>,
    geofences: Vec<u32>,
    schedule: Schedule,
    enabled: bool,
    created_by: u32,
    version: u64,
}

impl UndoRow {
    /// Kind, object, and the state before as JSON.
    pub(super) fn columns(&self) -> Result<(&'static str, u32, Option<String>), StoreError> {
        let text = |result: serde_json::Result<String>| result.map_err(|e| StoreError::Unsound(e.to_string()));
        match &self.undo {
            Undo::Geofence(id, before) => {
                let before = before.as_deref().map(|g| {
                    let Geofence { id: _, public_id, account, name, shape, dwell_s, created_by, version } = g.clone();
                    let (account, created_by) = (account.0, created_by.0);
                    text(serde_json::to_string(&GeofenceText { public_id, account, name, shape, dwell_s, created_by, version }))
                });
                Ok(("geofence", id.0, before.transpose()?))
            }
            Undo::Rule(id, before) => {
                let before = before.as_deref().map(|r| {
                    let Rule { id: _, public_id, account, name, kind, devices, geofences, schedule, enabled, created_by, version } =
                        r.clone();
                    let (account, created_by) = (account.0, created_by.0);
                    let devices = devices.into_iter().map(|d| d.0).collect();
                    let geofences = geofences.into_iter().map(|g| g.0).collect();
                    let rule = RuleText { public_id, account, name, kind, devices, geofences, schedule, enabled, created_by, version };
                    text(serde_json::to_string(&rule))
                });
                Ok(("rule", id.0, before.transpose()?))
            }
        }
    }

    /// Reads it back.
    pub(super) fn from_columns(version: u64, kind: &str, object: u32, before: Option<&str>) -> Result<Self, StoreError> {
        let unsound = |e: serde_json::Error| StoreError::Unsound(format!("version {version}: {e}"));
        let undo = match kind {
            "geofence" => {
                let id = GeofenceId(object);
                let before = before.map(serde_json::from_str::<GeofenceText>).transpose().map_err(unsound)?.map(|text| {
                    let GeofenceText { public_id, account, name, shape, dwell_s, created_by, version } = text;
                    let (account, created_by) = (AccountId(account), UserId(created_by));
                    Arc::new(Geofence { id, public_id, account, name, shape, dwell_s, created_by, version })
                });
                Undo::Geofence(id, before)
            }
            "rule" => {
                let id = RuleId(object);
                let before = before.map(serde_json::from_str::<RuleText>).transpose().map_err(unsound)?.map(|text| {
                    let RuleText { public_id, account, name, kind, devices, geofences, schedule, enabled, created_by, version } = text;
                    let (account, created_by) = (AccountId(account), UserId(created_by));
                    let devices = devices.into_iter().map(DeviceId).collect();
                    let geofences = geofences.into_iter().map(GeofenceId).collect();
                    Arc::new(Rule { id, public_id, account, name, kind, devices, geofences, schedule, enabled, created_by, version })
                });
                Undo::Rule(id, before)
            }
            other => return Err(StoreError::Unsound(format!("version {version}: a definition of kind {other}"))),
        };
        Ok(Self { version, undo })
    }
}

/// All versions that can be had: from the newest back, along rows that are sorted newest first.
pub(super) fn versions(newest: &Arc<DefinitionSet>, rows: Vec<UndoRow>) -> Result<Versions, StoreError> {
    let mut versions = Versions::from([(newest.version, Arc::clone(newest))]);
    let mut set = (**newest).clone();
    for row in rows {
        if row.version == 0 || (row.version != set.version && row.version != set.version + 1) {
            return Err(StoreError::Unsound(format!("version {} of the definitions is missing", row.version)));
        }
        if row.version == set.version {
            set.version -= 1;
        }
        match row.undo {
            Undo::Geofence(id, Some(before)) => set.geofences.insert(id, before).map(|_| ()),
            Undo::Geofence(id, None) => set.geofences.remove(&id).map(|_| ()),
            Undo::Rule(id, Some(before)) => set.rules.insert(id, before).map(|_| ()),
            Undo::Rule(id, None) => set.rules.remove(&id).map(|_| ()),
        };
        versions.insert(set.version, Arc::new(set.clone()));
    }
    Ok(versions)
}

/// The versions in memory.
#[derive(Debug)]
pub(super) struct Kept {
    versions: RwLock<Versions>,
}

impl Kept {
    pub(super) const fn new(versions: Versions) -> Self {
        Self { versions: RwLock::new(versions) }
    }

    pub(super) fn add(&self, set: &Arc<DefinitionSet>) {
        self.versions.write().insert(set.version, Arc::clone(set));
    }

    pub(super) fn newest(&self) -> u64 {
        self.versions.read().last_key_value().map_or(0, |(version, _)| *version)
    }

    pub(super) fn at(&self, version: u64) -> Option<Arc<DefinitionSet>> {
        self.versions.read().get(&version).cloned()
    }

    /// Forgets what is older; the newest stays whatever is asked.
    pub(super) fn prune(&self, min_version: u64) {
        let mut versions = self.versions.write();
        let newest = versions.last_key_value().map_or(0, |(version, _)| *version);
        *versions = versions.split_off(&min_version.min(newest));
    }
}
