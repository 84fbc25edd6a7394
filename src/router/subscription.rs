//! What a stream asked for.

use crate::model::Item;
use policy::DeviceId;
use std::collections::HashSet;

/// A kind of item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Positions.
    Position,
    /// Visits.
    Visit,
    /// Alerts.
    Alert,
    /// Connections of devices.
    DeviceState,
}

impl Kind {
    /// Of an item.
    #[must_use]
    pub const fn of(item: &Item) -> Self {
        match item {
            Item::Position(_) => Self::Position,
            Item::Visit(_) => Self::Visit,
            Item::Alert(_) => Self::Alert,
            Item::DeviceState(_) => Self::DeviceState,
        }
    }

    /// Reads the public spelling.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Some(match text {
            "position" => Self::Position,
            "visit" => Self::Visit,
            "alert" => Self::Alert,
            "device_state" => Self::DeviceState,
            _ => return None,
        })
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// Every kind.
    pub const ALL: Self = Self(0b1111);
    /// None.
    pub const NONE: Self = Self(0);

    /// With one more.
    #[must_use]
    pub const fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// Whether it is in.
    #[must_use]
    pub const fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

/// What a stream asked for; what it gets is decided by policy, item by item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// `None`: every device that the viewer sees, future ones too.
    pub devices: Option<HashSet<DeviceId>>,
    /// Which kinds.
    pub kinds: Kinds,
}

impl Subscription {
    /// The most devices that one subscription names; more are asked for by `all`.
    pub const DEVICES_MAX: usize = 10_000;

    /// Everything the viewer may see.
    #[must_use]
    pub const fn everything() -> Self {
        Self { devices: None, kinds: Kinds::ALL }
    }

    /// Whether an item was asked for.
    #[must_use]
    pub fn wants(&self, item: &Item) -> bool {
        self.kinds.has(Kind::of(item)) && self.wants_device(item.device())
    }

    /// Whether a device was asked for.
    #[must_use]
    pub fn wants_device(&self, device: DeviceId) -> bool {
        self.devices.as_ref().is_none_or(|devices| devices.contains(&device))
    }
}
