//! A user as policy sees him, compiled from a snapshot.

use super::snapshot::Snapshot;
use crate::model::{Device, User, UserAccess};
use policy::{AccountId, DeviceWindows, ObjectGrants, UserId, Viewer};

impl Snapshot {
    /// Compiles a viewer. `None`: there is no such user. The devices of the account are shared with every other viewer compiled
    /// from the same devices, not copied.
    #[must_use]
    pub fn viewer(&self, user: UserId, generation: u64) -> Option<Viewer> {
        let user = self.user(user)?;
        let access = self.access(user);
        let account_devices = match access {
            policy::Access::SubUser(_) => DeviceWindows::default(),
            _ => self.account_windows(user.account),
        };
        Some(Viewer {
            account: user.account,
            user: user.id,
            access,
            account_devices,
            epoch: self.epoch,
            generation,
            disabled: user.disabled,
        })
    }

    fn access(&self, user: &User) -> policy::Access {
        match &user.access {
            UserAccess::Owner => policy::Access::Owner,
            UserAccess::Admin => policy::Access::Admin,
            UserAccess::ReadOnly => policy::Access::ReadOnly,
            UserAccess::Custom(categories) => policy::Access::Custom(*categories),
            UserAccess::SubUser { role } => policy::Access::SubUser(self.sub_user(user, role.and_then(|role| self.role(role)))),
        }
    }

    fn sub_user(&self, user: &User, role: Option<&std::sync::Arc<crate::model::Role>>) -> policy::SubUser {
        let role = role.map(|role| policy::Role { rights: role.rights, window: role.window });
        let Some(grants) = self.grants(user.id) else {
            return policy::SubUser { role, ..policy::SubUser::default() };
        };
        // A device of another account is nobody's here, whatever a grant says (B13).
        let devices = grants.devices.iter().filter_map(|id| self.device(*id)).filter(|device| device.account == user.account);
        policy::SubUser {
            role,
            devices: devices.map(|device| (device.id, self.history_of(device))).collect(),
            geofences: ObjectGrants::new(grants.geofences.all, grants.geofences.by_object.iter().map(|(id, state)| (*id, *state))),
            places: ObjectGrants::new(grants.places.all, grants.places.by_object.iter().map(|(id, state)| (*id, *state))),
        }
    }

    /// All devices of an account with the history of each one's tariff; made once for each state of them.
    #[must_use]
    pub fn account_windows(&self, account: AccountId) -> DeviceWindows {
        let Some(members) = self.members(account) else { return DeviceWindows::default() };
        let windows = members.devices.windows.get_or_init(|| self.devices_of(account).map(|d| (d.id, self.history_of(d))).collect());
        windows.clone()
    }

    /// How far back a device's tariff reaches. A device without a tariff, which no change can make, reaches nowhere.
    fn history_of(&self, device: &Device) -> policy::Micros {
        self.tariff(device.tariff).map_or(0, |tariff| tariff.history)
    }

    /// The rights of a sub-user: those of his role, or the basic ones. `None`: he is none.
    pub(super) fn role_rights(&self, user: UserId) -> Option<policy::RightSet> {
        match self.user(user)?.access {
            UserAccess::SubUser { role } => Some(role.and_then(|role| self.role(role)).map_or(policy::RightSet::BASIC, |role| role.rights)),
            _ => None,
        }
    }
}
