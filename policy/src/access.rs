//! The one access that a user has (P1, T12).

use crate::category::{Categories, Category, Level};
use crate::grants::{DeviceWindows, ObjectGrants};
use crate::ids::{GeofenceId, Micros, PlaceId};
use crate::rights::{Right, RightSet};

/// What a user is in his account: exactly one of these (P1).
#[derive(Clone, Debug)]
pub enum Access {
    /// The account's main user.
    Owner,
    /// Everything but what belongs to the owner alone (T8).
    Admin,
    /// Sees everything but the logs and others' reports; changes nothing of the account (T9, P13).
    ReadOnly,
    /// Exactly these categories (T10).
    Custom(Categories),
    /// A person let in by the owner, limited by role and grants.
    SubUser(SubUser),
}

impl Access {
    /// The name used outside.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::ReadOnly => "read_only",
            Self::Custom(_) => "custom",
            Self::SubUser(_) => "sub_user",
        }
    }

    /// The level of a category. A sub-user has none: he has rights and grants instead.
    pub const fn level(&self, category: Category) -> Level {
        match self {
            Self::Owner | Self::Admin => Level::Edit,
            Self::ReadOnly => Level::View,
            Self::Custom(categories) => categories.level(category),
            Self::SubUser(_) => Level::None,
        }
    }
}

/// The limits of a sub-user.
#[derive(Clone, Debug, Default)]
pub struct SubUser {
    /// His role, if he has one (B44).
    pub role: Option<Role>,
    /// The devices granted to him, with the history period of each one's tariff.
    pub devices: DeviceWindows,
    /// His geofence grants.
    pub geofences: ObjectGrants<GeofenceId>,
    /// His place grants.
    pub places: ObjectGrants<PlaceId>,
}

impl SubUser {
    /// A new sub-user: no role, no device, all geofences and all places (B8).
    pub fn newcomer() -> Self {
        Self { role: None, devices: DeviceWindows::default(), geofences: ObjectGrants::all(), places: ObjectGrants::all() }
    }

    /// Whether he holds this right. Without a role: the basic ones (B44).
    pub fn has(&self, right: Right) -> bool {
        self.role.map_or(RightSet::BASIC, |role| role.rights).contains(right)
    }
}

/// What a role gives: rights and a history window (B24).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// The rights of the role.
    pub rights: RightSet,
    /// How far back device data can be viewed (B72). `None`: as far as the tariff goes.
    pub window: Option<Micros>,
}
