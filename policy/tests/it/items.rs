//! Things to be shown, with their narrowing, as the rooms of the gateway write them.

use policy::{AccountId, Action, DeviceId, Facts, GeofenceId, Micros, Observed, PlaceId, Recorded, Resource, Span, UserId, Viewer};

use crate::cast::ACCOUNT;

/// Anything. `from` is its beginning, `to` its end; what has no span has neither.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub account: AccountId,
    pub resource: Resource,
    pub action: Action,
    pub devices: Vec<DeviceId>,
    pub geofences: Vec<GeofenceId>,
    pub places: Vec<PlaceId>,
    pub from: Option<Micros>,
    pub to: Option<Micros>,
    pub recorded: Option<Recorded>,
    pub user: Option<UserId>,
}

impl Item {
    pub fn new(resource: Resource, action: Action) -> Self {
        Self {
            account: ACCOUNT,
            resource,
            action,
            devices: Vec::new(),
            geofences: Vec::new(),
            places: Vec::new(),
            from: None,
            to: None,
            recorded: None,
            user: None,
        }
    }
}

impl Observed for Item {
    fn facts(&self) -> Facts<'_> {
        let Self { account, resource, action, devices, geofences, places, from, to, recorded, user } = self;
        Facts {
            account: *account,
            resource: *resource,
            action: *action,
            devices,
            geofences,
            places,
            span: from.or(*to).map(|begin| Span { from: begin, to: to.unwrap_or(begin) }),
            recorded: *recorded,
            user: *user,
        }
    }

    fn narrow(mut self, viewer: &Viewer, now: Micros) -> Option<Self> {
        match self.resource {
            Resource::Visit | Resource::Trip => {
                let recorded_at = self.recorded.map_or(Micros::MAX, |recorded| recorded.at);
                let begins_before = |from: &Micros| self.devices.iter().any(|it| viewer.begins_before_window(*it, *from, recorded_at, now));
                if self.from.is_some_and(|from| begins_before(&from)) {
                    self.from = None;
                }
                Some(self)
            }
            Resource::AlertRule => {
                self.devices.retain(|it| viewer.sees_device(*it));
                self.geofences.retain(|it| viewer.sees_geofence_now(*it));
                self.places.retain(|it| viewer.sees_place_now(*it));
                Some(self)
            }
            _ => Some(self),
        }
    }
}

/// A stay of a device in a geofence, recorded when it ended.
pub fn stay(device: DeviceId, geofence: GeofenceId, from: Micros, to: Micros, seq: u64) -> Item {
    Item {
        devices: vec![device],
        geofences: vec![geofence],
        from: Some(from),
        to: Some(to),
        recorded: Some(Recorded { seq, at: to }),
        ..Item::new(Resource::Visit, Action::See)
    }
}

/// A rule for these devices, in these geofences and places.
pub fn rule(devices: &[DeviceId], geofences: &[GeofenceId], places: &[PlaceId]) -> Item {
    Item {
        devices: devices.to_vec(),
        geofences: geofences.to_vec(),
        places: places.to_vec(),
        ..Item::new(Resource::AlertRule, Action::See)
    }
}
