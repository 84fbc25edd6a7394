//! Which thing of the product is which of the specification.

use std::collections::BTreeMap;

use policy::{DeviceId, GeofenceId, RuleId, UserId};
use purview::model::PublicId;
use spec::Id;

/// One kind of thing: public id and number by the specification's number, and back.
#[derive(Default)]
pub struct Both {
    public: BTreeMap<Id, PublicId>,
    number: BTreeMap<Id, u32>,
    back: BTreeMap<u32, Id>,
}

impl Both {
    pub fn put(&mut self, id: Id, public: PublicId, number: u32) {
        self.public.insert(id, public);
        self.number.insert(id, number);
        self.back.insert(number, id);
    }

    /// Of a thing that never came to be: an id that names nothing.
    pub fn public(&self, id: Id) -> PublicId {
        self.public.get(&id).copied().unwrap_or_else(|| PublicId::from_u128(u128::from(id)))
    }

    pub fn number(&self, id: Id) -> u32 {
        self.number.get(&id).copied().unwrap_or(u32::MAX)
    }

    pub fn back(&self, number: u32) -> Id {
        self.back.get(&number).copied().unwrap_or(Id::MAX)
    }
}

/// All of them.
#[derive(Default)]
pub struct Ids {
    pub accounts: Both,
    pub tariffs: Both,
    pub users: Both,
    pub roles: Both,
    pub devices: Both,
    pub geofences: Both,
    pub places: Both,
    pub rules: Both,
}

impl Ids {
    pub fn user(&self, id: Id) -> UserId {
        UserId(self.users.number(id))
    }
    pub fn device(&self, id: Id) -> DeviceId {
        DeviceId(self.devices.number(id))
    }
    pub fn geofence(&self, id: Id) -> GeofenceId {
        GeofenceId(self.geofences.number(id))
    }
    pub fn rule(&self, id: Id) -> RuleId {
        RuleId(self.rules.number(id))
    }
}
