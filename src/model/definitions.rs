//! What the pipeline computes with, as of one version.

use super::{Geofence, Rule};
use policy::{GeofenceId, RuleId};
use std::sync::Arc;

/// The geofences and rules as of a version. Cloning shares structure; what two versions differ in is found without
/// walking through both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DefinitionSet {
    /// Raised by each change.
    pub version: u64,
    /// All geofences of all accounts.
    pub geofences: imbl::OrdMap<GeofenceId, Arc<Geofence>>,
    /// All rules of all accounts.
    pub rules: imbl::OrdMap<RuleId, Arc<Rule>>,
}

/// Who keeps the versions.
pub trait Definitions: Send + Sync {
    /// The newest version.
    fn current_version(&self) -> u64;

    /// The set as of a version; `None` if it is no longer, or not yet, kept.
    fn at(&self, version: u64) -> Option<Arc<DefinitionSet>>;

    /// No version older than this will be asked for again.
    fn forget_before(&self, version: u64);
}
