//! What a viewer holds: devices with the history period of their tariff, and geofences and places with the state of each grant.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::ids::{DeviceId, Micros, Seq};

/// Devices, each with the history period of its tariff. Immutable, sorted, cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceWindows(Arc<[(DeviceId, Micros)]>);

impl DeviceWindows {
    /// The history period of this device's tariff, if the device is among them.
    #[inline]
    pub fn get(&self, device: DeviceId) -> Option<Micros> {
        let at = self.0.binary_search_by_key(&device, |entry| entry.0).ok()?;
        self.0.get(at).map(|entry| entry.1)
    }

    /// The devices, in order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = DeviceId> {
        self.0.iter().map(|entry| entry.0)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(DeviceId, Micros)> for DeviceWindows {
    /// In any order. Of a device named twice the smaller period counts.
    fn from_iter<I: IntoIterator<Item = (DeviceId, Micros)>>(entries: I) -> Self {
        Self(sorted(entries.into_iter().collect()))
    }
}

/// The state of a grant of a geofence or place (P4). Ordered: each shows no less than those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantState {
    /// Ended, with all that it showed: nothing stays visible.
    Forgotten,
    /// Ended: what was recorded up to and including this place stays visible (B38, B39).
    EndedAt(Seq),
    /// In force: everything is visible, past and gaps included.
    Active,
}

impl GrantState {
    /// Whether it shows what exists now.
    pub const fn shows_now(self) -> bool {
        matches!(self, Self::Active)
    }

    /// Whether it shows what was recorded at this place.
    pub const fn shows(self, seq: Seq) -> bool {
        match self {
            Self::Active => true,
            Self::EndedAt(end) => seq <= end,
            Self::Forgotten => false,
        }
    }
}

/// The grants of geofences, or of places, of one sub-user. Immutable, sorted, cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectGrants<Id> {
    all: Option<GrantState>,
    by_object: Arc<[(Id, GrantState)]>,
}

impl<Id: Copy + Ord> ObjectGrants<Id> {
    /// The state of the flag `all` (`None`: never given) and of single objects, in any order. Of an object named twice the state
    /// counts that shows less.
    pub fn new(all: Option<GrantState>, by_object: impl IntoIterator<Item = (Id, GrantState)>) -> Self {
        Self { all, by_object: sorted(by_object.into_iter().collect()) }
    }

    /// Every object, future ones too (B8).
    pub fn all() -> Self {
        Self::new(Some(GrantState::Active), [])
    }

    /// No object.
    pub fn none() -> Self {
        Self::new(None, [])
    }

    /// The state that counts for this object: its own if it has one, else that of the flag. `None`: never granted.
    #[inline]
    pub fn state(&self, id: Id) -> Option<GrantState> {
        match self.by_object.binary_search_by_key(&id, |entry| entry.0) {
            Ok(at) => self.by_object.get(at).map(|entry| entry.1),
            Err(_) => self.all,
        }
    }

    /// Whether the object itself is visible now.
    pub fn shows_now(&self, id: Id) -> bool {
        self.state(id).is_some_and(GrantState::shows_now)
    }

    /// Whether what was recorded of it at this place is visible.
    pub fn shows(&self, id: Id, seq: Seq) -> bool {
        self.state(id).is_some_and(|state| state.shows(seq))
    }

    /// The state of the flag.
    pub const fn flag(&self) -> Option<GrantState> {
        self.all
    }

    /// The objects that have a state of their own, in order.
    pub fn own_states(&self) -> impl ExactSizeIterator<Item = (Id, GrantState)> {
        self.by_object.iter().copied()
    }
}

impl<Id: Copy + Ord> Default for ObjectGrants<Id> {
    fn default() -> Self {
        Self::none()
    }
}

/// Sorted by id; of equal ids the smaller value is kept, which is the one that shows less.
fn sorted<Id: Copy + Ord, V: Copy + Ord>(mut entries: Vec<(Id, V)>) -> Arc<[(Id, V)]> {
    entries.sort_unstable();
    entries.dedup_by_key(|entry| entry.0);
    entries.into()
}
