//! The latest position and connection of each device, for everybody who asks.

use crate::model::{Connection, DeviceId, Item, Position, Shared};
use dashmap::DashMap;

#[derive(Clone, Debug, Default)]
struct Newest {
    position: Option<Shared>,
    state: Option<Shared>,
}

/// The latest position and connection of each device.
#[derive(Debug, Default)]
pub struct Latest {
    devices: DashMap<DeviceId, Newest>,
}

impl Latest {
    /// The latest position: an [`Item::Position`].
    #[must_use]
    pub fn get(&self, device: DeviceId) -> Option<Shared> {
        self.devices.get(&device)?.position.clone()
    }

    /// The latest change of its connection: an [`Item::DeviceState`].
    #[must_use]
    pub fn state(&self, device: DeviceId) -> Option<Shared> {
        self.devices.get(&device)?.state.clone()
    }

    /// Whether it is connected.
    #[must_use]
    pub fn connection(&self, device: DeviceId) -> Connection {
        match self.state(device).as_ref().map(Shared::item) {
            Some(Item::DeviceState(state)) => state.connection,
            _ => Connection::Never,
        }
    }

    pub(super) fn put(&self, device: DeviceId, item: Shared) {
        let mut newest = self.devices.entry(device).or_default();
        match item.item() {
            Item::DeviceState(_) => newest.state = Some(item),
            _ => newest.position = Some(item),
        }
    }

    /// Forgets a device that changed hands.
    pub(super) fn forget(&self, device: DeviceId) {
        self.devices.remove(&device);
    }
}

/// Whether a position takes the place of the latest one: it is newer, and a record without a place never replaces one that has one.
pub(super) fn replaces(new: &Position, latest: Option<&Shared>) -> bool {
    match latest.map(Shared::item) {
        Some(Item::Position(old)) => new.fix.is_some() || old.fix.is_none(),
        _ => true,
    }
}
