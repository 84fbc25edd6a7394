//! The viewer: a user as policy sees him, and how far back he sees.

use crate::access::Access;
use crate::category::{Category, Level};
use crate::facts::Range;
use crate::grants::{DeviceWindows, GrantState};
use crate::ids::{AccountId, DeviceId, Epoch, GeofenceId, Micros, PlaceId, Seq, UserId};
use crate::rights::Right;

/// One user, compiled from one state of the directory.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// His account.
    pub account: AccountId,
    /// Himself.
    pub user: UserId,
    /// What he is in it.
    pub access: Access,
    /// All devices of the account with the history period of each one's tariff. Owner and team members see by these; a sub-user by
    /// those of [`crate::SubUser::devices`].
    pub account_devices: DeviceWindows,
    /// The state of the directory that this was compiled from.
    pub epoch: Epoch,
    /// Counts the compilations of this viewer.
    pub generation: u64,
    /// Whether he is disabled: then nothing is allowed.
    pub disabled: bool,
}

/// Which of the two limits how far back a device's data can be viewed (B73).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The window of his role.
    Role,
    /// The history period of the device's tariff.
    Tariff,
}

impl Limit {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Tariff => "tariff",
        }
    }
}

impl Viewer {
    /// The devices that he can see.
    #[inline]
    pub fn devices(&self) -> &DeviceWindows {
        match &self.access {
            Access::SubUser(sub) => &sub.devices,
            Access::Owner | Access::Admin | Access::ReadOnly | Access::Custom(_) => &self.account_devices,
        }
    }

    /// Whether his reach is every device of the account, so that he need not be looked for device by device.
    #[inline]
    pub fn reaches_whole_account(&self) -> bool {
        !matches!(self.access, Access::SubUser(_))
    }

    /// Whether the device is his to see.
    #[inline]
    pub fn sees_device(&self, device: DeviceId) -> bool {
        self.devices().get(device).is_some()
    }

    /// The state of his grant of this geofence. `None`: never granted. To owner and team members every geofence of the account is active.
    #[inline]
    pub fn geofence_grant(&self, geofence: GeofenceId) -> Option<GrantState> {
        match &self.access {
            Access::SubUser(sub) => sub.geofences.state(geofence),
            Access::Owner | Access::Admin | Access::ReadOnly | Access::Custom(_) => Some(GrantState::Active),
        }
    }

    /// The state of his grant of this place, likewise.
    #[inline]
    pub fn place_grant(&self, place: PlaceId) -> Option<GrantState> {
        match &self.access {
            Access::SubUser(sub) => sub.places.state(place),
            Access::Owner | Access::Admin | Access::ReadOnly | Access::Custom(_) => Some(GrantState::Active),
        }
    }

    /// Whether the geofence itself is visible to him now.
    pub fn sees_geofence_now(&self, geofence: GeofenceId) -> bool {
        self.geofence_grant(geofence).is_some_and(GrantState::shows_now)
    }

    /// Whether what was recorded of the geofence at this place is visible to him.
    pub fn sees_geofence_recorded(&self, geofence: GeofenceId, seq: Seq) -> bool {
        self.geofence_grant(geofence).is_some_and(|state| state.shows(seq))
    }

    /// Whether the place itself is visible to him now.
    pub fn sees_place_now(&self, place: PlaceId) -> bool {
        self.place_grant(place).is_some_and(GrantState::shows_now)
    }

    /// Whether what was recorded of the place at this place in the order is visible to him.
    pub fn sees_place_recorded(&self, place: PlaceId, seq: Seq) -> bool {
        self.place_grant(place).is_some_and(|state| state.shows(seq))
    }

    /// Whether a reference into this category may be shown to him (P13). Sub-users have no categories: their grants decide.
    pub fn sees_category(&self, category: Category) -> bool {
        matches!(self.access, Access::SubUser(_)) || self.access.level(category) >= Level::View
    }

    /// Whether he is a sub-user who holds this right. Rights are a sub-user's alone; others have categories.
    pub fn holds(&self, right: Right) -> bool {
        match &self.access {
            Access::SubUser(sub) => sub.has(right),
            Access::Owner | Access::Admin | Access::ReadOnly | Access::Custom(_) => false,
        }
    }

    /// How far back he sees this device, and what limits it: the smaller of role and tariff (B73). `None`: the device is not visible.
    #[inline]
    pub fn window_and_limit(&self, device: DeviceId) -> Option<(Micros, Limit)> {
        let (devices, role) = match &self.access {
            Access::SubUser(sub) => (&sub.devices, sub.role.and_then(|role| role.window)),
            Access::Owner | Access::Admin | Access::ReadOnly | Access::Custom(_) => (&self.account_devices, None),
        };
        let tariff = devices.get(device)?;
        match role {
            Some(role) if role < tariff => Some((role, Limit::Role)),
            _ => Some((tariff, Limit::Tariff)),
        }
    }

    /// Whether something that began at `fix_time` and was recorded at `recorded_at` began before his window of this device; then it
    /// is narrowed: shown without its beginning and length (P3). A device that is not visible has no window: everything began before it.
    pub fn begins_before_window(&self, device: DeviceId, fix_time: Micros, recorded_at: Micros, now: Micros) -> bool {
        earliest(self, device, now).is_none_or(|earliest| fix_time.min(recorded_at) < earliest)
    }
}

/// How far back this device is visible: the smaller of the role's window and the tariff's (B73). `None`: not at all.
pub fn window(viewer: &Viewer, device: DeviceId) -> Option<Micros> {
    viewer.window_and_limit(device).map(|(window, _)| window)
}

/// The oldest fix time of this device that may be seen now. `None`: the device is not visible.
pub fn earliest(viewer: &Viewer, device: DeviceId, now: Micros) -> Option<Micros> {
    window(viewer, device).map(|window| now.saturating_sub(window))
}

/// The part of a range of fix times that may be seen of this device. `None`: nothing.
pub fn clamp(viewer: &Viewer, device: DeviceId, range: Range, now: Micros) -> Option<Range> {
    if viewer.disabled {
        return None;
    }
    let from = earliest(viewer, device, now)?.max(range.from);
    (from <= range.to).then_some(Range { from, to: range.to })
}
