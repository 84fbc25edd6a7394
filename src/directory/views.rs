//! Things of the directory as they are shown: each tells what it names, so that policy can judge it.

use crate::model::{Device, DeviceId, Geofence, GeofenceId, Grants, Place, Role, RoleId, Rule, User, UserAccess};
use policy::{Action, Categories, Facts, Micros, Observed, Resource, Viewer};
use std::sync::Arc;

/// A device. With `hardware`, its hardware settings are among what is shown (B55).
#[derive(Clone, Debug)]
pub struct DeviceView {
    /// The device.
    pub device: Arc<Device>,
    /// Whether the hardware settings are shown.
    pub hardware: bool,
}

impl Observed for DeviceView {
    fn facts(&self) -> Facts<'_> {
        let action = if self.hardware { Action::SeeHardware } else { Action::See };
        Facts::new(self.device.account, Resource::Device, action).devices(std::slice::from_ref(&self.device.id))
    }

    /// Whoever may not see the hardware settings sees the device without them.
    fn narrow(self, viewer: &Viewer, now: Micros) -> Option<Self> {
        let hardware = self.hardware && policy::judge(viewer, &self.facts(), now).is_allow();
        Some(Self { hardware, ..self })
    }
}

/// A geofence.
#[derive(Clone, Debug)]
pub struct GeofenceView(pub Arc<Geofence>);

impl Observed for GeofenceView {
    fn facts(&self) -> Facts<'_> {
        Facts::new(self.0.account, Resource::Geofence, Action::See).geofences(std::slice::from_ref(&self.0.id))
    }
}

/// A place.
#[derive(Clone, Debug)]
pub struct PlaceView(pub Arc<Place>);

impl Observed for PlaceView {
    fn facts(&self) -> Facts<'_> {
        Facts::new(self.0.account, Resource::Place, Action::See).places(std::slice::from_ref(&self.0.id))
    }
}

/// An alert rule, with those of its devices and geofences that are shown (B19).
#[derive(Clone, Debug)]
pub struct RuleView {
    /// The rule. Its own lists are not for showing.
    pub rule: Arc<Rule>,
    /// The devices that are shown.
    pub devices: Vec<DeviceId>,
    /// The geofences that are shown.
    pub geofences: Vec<GeofenceId>,
}

impl RuleView {
    /// All of it.
    #[must_use]
    pub fn whole(rule: Arc<Rule>) -> Self {
        Self { devices: rule.devices.clone(), geofences: rule.geofences.clone(), rule }
    }
}

impl Observed for RuleView {
    fn facts(&self) -> Facts<'_> {
        Facts::new(self.rule.account, Resource::AlertRule, Action::See).devices(&self.devices).geofences(&self.geofences)
    }

    fn narrow(mut self, viewer: &Viewer, _now: Micros) -> Option<Self> {
        self.devices.retain(|device| viewer.sees_device(*device));
        self.geofences.retain(|geofence| viewer.sees_geofence_now(*geofence));
        Some(self)
    }
}

/// A user.
#[derive(Clone, Debug)]
pub struct UserView(pub Arc<User>);

impl Observed for UserView {
    fn facts(&self) -> Facts<'_> {
        Facts::new(self.0.account, Resource::User, Action::See).of_user(self.0.id)
    }
}

impl UserView {
    /// The name of his access, as it is used outside (P1).
    #[must_use]
    pub fn access_name(&self) -> &'static str {
        match &self.0.access {
            UserAccess::Owner => "owner",
            UserAccess::Admin => "admin",
            UserAccess::ReadOnly => "read_only",
            UserAccess::Custom(_) => "custom",
            UserAccess::SubUser { .. } => "sub_user",
        }
    }

    /// The categories of a custom access.
    #[must_use]
    pub fn categories(&self) -> Option<Categories> {
        match &self.0.access {
            UserAccess::Custom(categories) => Some(*categories),
            _ => None,
        }
    }

    /// The role of a sub-user, if he has one.
    #[must_use]
    pub fn role(&self) -> Option<RoleId> {
        match &self.0.access {
            UserAccess::SubUser { role } => *role,
            _ => None,
        }
    }
}

/// A role, shown as one that this user has, or as one of the account.
#[derive(Clone, Debug)]
pub struct RoleView {
    /// The role.
    pub role: Arc<Role>,
    /// Who has it, if it is shown as his.
    pub of: Option<policy::UserId>,
}

impl Observed for RoleView {
    fn facts(&self) -> Facts<'_> {
        let facts = Facts::new(self.role.account, Resource::Role, Action::See);
        self.of.map_or(facts, |user| facts.of_user(user))
    }
}

/// What a sub-user was given.
#[derive(Clone, Debug)]
pub struct GrantsView {
    /// Whose.
    pub user: Arc<User>,
    /// What.
    pub grants: Arc<Grants>,
}

impl Observed for GrantsView {
    fn facts(&self) -> Facts<'_> {
        Facts::new(self.user.account, Resource::Grant, Action::See).of_user(self.user.id)
    }
}
