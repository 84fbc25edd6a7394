//! Alerts.

use super::{EventId, Order};
use policy::{AccountId, DeviceId, GeofenceId, Micros, RuleId};
use serde::{Deserialize, Serialize};

/// What an alert is about. One for each rule kind, and what the gateway raises by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// Into a geofence.
    GeofenceEnter,
    /// Out of a geofence.
    GeofenceExit,
    /// Longer in a geofence than allowed.
    GeofenceStay,
    /// Faster than allowed (in a geofence, or anywhere).
    Overspeed,
    /// The device raised an alarm.
    DeviceAlarm,
    /// Ignition on.
    IgnitionOn,
    /// Ignition off.
    IgnitionOff,
    /// Nothing heard for too long.
    ConnectionLost,
    /// Battery below a level.
    BatteryBelow,
    /// Two trackers claim to be this device.
    IdentityConflict,
}

impl AlertKind {
    /// As it is spelled outside and stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GeofenceEnter => "geofence_enter",
            Self::GeofenceExit => "geofence_exit",
            Self::GeofenceStay => "geofence_stay",
            Self::Overspeed => "overspeed",
            Self::DeviceAlarm => "device_alarm",
            Self::IgnitionOn => "ignition_on",
            Self::IgnitionOff => "ignition_off",
            Self::ConnectionLost => "connection_lost",
            Self::BatteryBelow => "battery_below",
            Self::IdentityConflict => "identity_conflict",
        }
    }

    /// Reads the spelling.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(text.to_owned())).ok()
    }
}

/// An alert: something that a rule, or the gateway itself, found worth telling.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Its identity.
    pub id: EventId,
    /// Where it stands in the recorded order.
    pub order: Order,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// Whose.
    pub account: AccountId,
    /// Which device.
    pub device: DeviceId,
    /// What.
    pub kind: AlertKind,
    /// By which rule; `None`: raised by the gateway itself.
    pub rule: Option<RuleId>,
    /// Where, if a geofence belongs to it.
    pub geofence: Option<GeofenceId>,
    /// The device's time of what happened; without one, when it was recorded.
    pub fix_time: Option<Micros>,
    /// Where the device was.
    pub latitude: Option<f64>,
    /// Where the device was.
    pub longitude: Option<f64>,
    /// The value that raised it (km/h, percent, seconds: by kind), if one did.
    pub value: Option<f64>,
    /// Which device alarm, for [`AlertKind::DeviceAlarm`].
    pub alarm: Option<protocols::Alarm>,
}
