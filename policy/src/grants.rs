//! What a viewer holds: devices with the history period of their tariff, and geofences and places with the state of each grant.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::ids::{DeviceId, Micros, Seq};

/// Devices, each with the history period of its tariff. Immutable, sorted, cheap to clone.
///
/// The range of ids is cut into about as many equal buckets as there are devices, so that a look-up searches a few entries
/// and not all: this is asked once for each position and viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceWindows {
    entries: Arc<[(DeviceId, Micros)]>,
    /// Where the entries of each bucket begin; one more than there are buckets.
    starts: Arc<[u32]>,
    /// The smallest id: where the first bucket begins.
    first: u32,
    /// A bucket is `1 << shift` ids wide.
    shift: u32,
}

impl DeviceWindows {
    /// The history period of this device's tariff, if the device is among them.
    #[inline]
    pub fn get(&self, device: DeviceId) -> Option<Micros> {
        let bucket = (device.0.checked_sub(self.first)? >> self.shift) as usize;
        let (from, to) = (*self.starts.get(bucket)?, *self.starts.get(bucket + 1)?);
        let entries = self.entries.get(from as usize..to as usize)?;
        let at = entries.binary_search_by_key(&device, |entry| entry.0).ok()?;
        entries.get(at).map(|entry| entry.1)
    }

    /// The devices, in order.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = DeviceId> {
        self.entries.iter().map(|entry| entry.0)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Default for DeviceWindows {
    fn default() -> Self {
        Self::from_iter([])
    }
}

impl FromIterator<(DeviceId, Micros)> for DeviceWindows {
    /// In any order. Of a device named twice the smaller period counts.
    fn from_iter<I: IntoIterator<Item = (DeviceId, Micros)>>(entries: I) -> Self {
        let entries = sorted(entries.into_iter().collect());
        let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) else {
            return Self { entries, starts: Arc::new([]), first: 0, shift: 0 };
        };
        let (first, width) = (first.0, last.0 - first.0);
        let shift = (0..32).find(|shift| (width >> shift) as usize <= 2 * entries.len()).unwrap_or(31);
        let buckets = (width >> shift) as usize + 1;
        let bucket_of = |entry: &(DeviceId, Micros)| ((entry.0.0 - first) >> shift) as usize;
        let starts = (0..=buckets).map(|bucket| entries.partition_point(|entry| bucket_of(entry) < bucket) as u32).collect();
        Self { entries, starts, first, shift }
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
    /// What becomes of a grant that is turned off after everything up to `seq` was recorded (P4). One that had ended stays as it was;
    /// what was never granted stays hidden.
    pub const fn turned_off(before: Option<Self>, seq: Seq) -> Self {
        match before {
            Some(Self::Active) => Self::EndedAt(seq),
            Some(ended) => ended,
            None => Self::Forgotten,
        }
    }

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
