//! Alert rules.

use super::{PublicId, Schedule};
use policy::{AccountId, DeviceId, GeofenceId, RuleId, UserId};
use serde::{Deserialize, Serialize};

/// What a rule watches for, with its limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RuleKind {
    /// Into one of its geofences.
    GeofenceEnter {},
    /// Out of one of its geofences.
    GeofenceExit {},
    /// Longer than this in one of its geofences.
    GeofenceStay {
        /// Seconds.
        longer_than_s: u32,
    },
    /// Faster than this; inside its geofences, or anywhere if it has none.
    Overspeed {
        /// km/h.
        faster_than_kmh: f64,
    },
    /// The device raised one of these alarms (all kinds where none is named).
    DeviceAlarm {
        /// Names of the vocabulary: `sos`, `power_cut`, `low_battery`, `towing`, `crash`, `tamper`, ….
        #[serde(default)]
        alarms: Vec<String>,
    },
    /// Ignition switched on.
    IgnitionOn {},
    /// Ignition switched off.
    IgnitionOff {},
    /// Nothing heard for this long.
    ConnectionLost {
        /// Seconds.
        after_s: u32,
    },
    /// Battery below this.
    BatteryBelow {
        /// Percent.
        level_pct: f64,
    },
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Inside.
    pub id: RuleId,
    /// Outside.
    pub public_id: PublicId,
    /// Whose.
    pub account: AccountId,
    /// For people.
    pub name: String,
    /// What it watches for.
    pub kind: RuleKind,
    /// For which devices.
    pub devices: Vec<DeviceId>,
    /// In which geofences.
    pub geofences: Vec<GeofenceId>,
    /// When.
    pub schedule: Schedule,
    /// Switched off without being deleted.
    pub enabled: bool,
    /// Who made it.
    pub created_by: UserId,
    /// Raised by each edit.
    pub version: u64,
}
