//! Which streams could care about a device. It narrows only; policy decides.

use super::Stream;
use dashmap::DashMap;
use policy::{AccountId, DeviceId, Viewer};
use std::sync::Arc;

/// Where a stream stands in the index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Followed {
    /// Nowhere.
    #[default]
    Nothing,
    /// Once for the whole account: a viewer whose reach is all of it.
    Account(AccountId),
    /// Once for each device, ascending.
    Devices(Vec<DeviceId>),
}

#[derive(Default)]
pub(super) struct Index {
    by_device: DashMap<DeviceId, Vec<Arc<Stream>>>,
    by_account: DashMap<AccountId, Vec<Arc<Stream>>>,
}

impl Index {
    /// Calls for each stream that watches the device.
    pub(super) fn watchers(&self, account: AccountId, device: DeviceId, mut found: impl FnMut(&Arc<Stream>)) {
        if let Some(streams) = self.by_device.get(&device) {
            streams.iter().for_each(&mut found);
        }
        if let Some(streams) = self.by_account.get(&account) {
            streams.iter().for_each(&mut found);
        }
    }

    /// Makes the stream stand where its viewer's devices are. The stream's indexing lock is held.
    pub(super) fn follow(&self, stream: &Arc<Stream>, viewer: &Viewer) {
        let wanted = if viewer.reaches_whole_account() && stream.subscription().devices.is_none() {
            Followed::Account(viewer.account)
        } else {
            Followed::Devices(viewer.devices().ids().filter(|device| stream.subscription().wants_device(*device)).collect())
        };
        let before = stream.followed();
        if before == wanted {
            return;
        }
        self.add(stream, &wanted, &before);
        self.drop_from(stream, &before, &wanted);
        stream.set_followed(wanted);
    }

    /// Takes the stream out. The stream's indexing lock is held.
    pub(super) fn remove(&self, stream: &Arc<Stream>) {
        let before = stream.followed();
        self.drop_from(stream, &before, &Followed::Nothing);
        stream.set_followed(Followed::Nothing);
    }

    fn add(&self, stream: &Arc<Stream>, wanted: &Followed, before: &Followed) {
        match wanted {
            Followed::Nothing => {}
            Followed::Account(account) => self.by_account.entry(*account).or_default().push(Arc::clone(stream)),
            Followed::Devices(devices) => {
                for device in devices.iter().filter(|device| !before.has(**device)) {
                    self.by_device.entry(*device).or_default().push(Arc::clone(stream));
                }
            }
        }
    }

    fn drop_from(&self, stream: &Arc<Stream>, before: &Followed, wanted: &Followed) {
        let gone = |streams: &mut Vec<Arc<Stream>>| streams.retain(|other| other.id() != stream.id());
        match before {
            Followed::Nothing => {}
            Followed::Account(account) => {
                if let Some(mut streams) = self.by_account.get_mut(account) {
                    gone(&mut streams);
                }
                self.by_account.remove_if(account, |_, streams| streams.is_empty());
            }
            Followed::Devices(devices) => {
                for device in devices.iter().filter(|device| !wanted.has(**device)) {
                    if let Some(mut streams) = self.by_device.get_mut(device) {
                        gone(&mut streams);
                    }
                    self.by_device.remove_if(device, |_, streams| streams.is_empty());
                }
            }
        }
    }
}

impl Followed {
    fn has(&self, device: DeviceId) -> bool {
        matches!(self, Self::Devices(devices) if devices.binary_search(&device).is_ok())
    }
}
