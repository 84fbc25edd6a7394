//! The geofences of each account: grids of boxes that narrow, and the forms themselves that decide.

use super::grid::{Grid, Leaf};
use super::shape::{GeoBox, Probe, Ready};
use crate::model::{AccountId, DefinitionSet, Geofence, GeofenceId, Micros, Point};
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Debug)]
struct Fence {
    id: GeofenceId,
    dwell: Micros,
    ready: Ready,
    boxes: Vec<GeoBox>,
}

impl Fence {
    fn new(geofence: &Geofence) -> Self {
        let (ready, boxes) = Ready::new(&geofence.shape);
        Self { id: geofence.id, dwell: Micros::from(geofence.dwell_s) * 1_000_000, ready, boxes }
    }

    fn leaves(&self, slot: u32) -> impl Iterator<Item = Leaf> + '_ {
        self.boxes.iter().zip(0_u32..).flat_map(move |(bounds, part)| {
            let (first, second) = bounds.rolled();
            std::iter::once(first).chain(second).map(move |b| Leaf::new(b, slot, part))
        })
    }
}

/// The geofences of one account.
#[derive(Debug, Default)]
pub struct AccountFences {
    grid: Grid,
    slots: Vec<Option<Fence>>,
    free: Vec<u32>,
    by_id: HashMap<GeofenceId, u32>,
}

impl AccountFences {
    /// Puts the ids of the geofences that hold a point into `inside`, ascending. What was in it goes.
    pub fn inside(&self, point: Point, inside: &mut Vec<GeofenceId>) {
        inside.clear();
        if self.by_id.is_empty() {
            return;
        }
        let mut probe = Probe::new(point);
        self.grid.each(point, |leaf| {
            if let Some(Some(fence)) = self.slots.get(leaf.slot as usize)
                && fence.ready.holds(leaf.part, &mut probe)
            {
                inside.push(fence.id);
            }
        });
        if inside.len() > 1 {
            inside.sort_unstable();
            inside.dedup();
        }
    }

    /// How long a device has to be inside, or outside again, before it counts, microseconds; nothing for what is not here.
    #[must_use]
    pub fn dwell(&self, id: GeofenceId) -> Micros {
        self.by_id.get(&id).and_then(|slot| self.slots.get(*slot as usize)?.as_ref()).map_or(0, |fence| fence.dwell)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    fn bulk(geofences: &[&Geofence]) -> Self {
        let fences: Vec<Fence> = geofences.iter().map(|g| Fence::new(g)).collect();
        let grid = Grid::bulk(fences.iter().zip(0_u32..).flat_map(|(f, slot)| f.leaves(slot)));
        let by_id = fences.iter().zip(0_u32..).map(|(f, slot)| (f.id, slot)).collect();
        Self { grid, slots: fences.into_iter().map(Some).collect(), free: Vec::new(), by_id }
    }

    fn put(&mut self, geofence: &Geofence) {
        self.take(geofence.id);
        let fence = Fence::new(geofence);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        for leaf in fence.leaves(slot) {
            self.grid.insert(leaf);
        }
        self.by_id.insert(fence.id, slot);
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Some(fence);
        }
    }

    fn take(&mut self, id: GeofenceId) {
        let Some(slot) = self.by_id.remove(&id) else { return };
        let Some(fence) = self.slots.get_mut(slot as usize).and_then(Option::take) else { return };
        for leaf in fence.leaves(slot) {
            self.grid.remove(&leaf);
        }
        self.free.push(slot);
    }
}

/// The geofences of all accounts. A change touches what it changes and nothing else.
#[derive(Debug, Default)]
pub struct Fences {
    accounts: HashMap<AccountId, AccountFences>,
    of: Option<Arc<DefinitionSet>>,
}

impl Fences {
    /// Those of a definition set.
    #[must_use]
    pub fn new(set: &Arc<DefinitionSet>) -> Self {
        let mut by_account: HashMap<AccountId, Vec<&Geofence>> = HashMap::new();
        for geofence in set.geofences.values() {
            by_account.entry(geofence.account).or_default().push(geofence);
        }
        let accounts = by_account.into_iter().map(|(account, list)| (account, AccountFences::bulk(&list))).collect();
        Self { accounts, of: Some(Arc::clone(set)) }
    }

    /// Goes over to another set; gives the geofences that are no more, ascending.
    pub fn switch(&mut self, set: &Arc<DefinitionSet>) -> Vec<GeofenceId> {
        let Some(before) = self.of.replace(Arc::clone(set)) else {
            *self = Self::new(set);
            return Vec::new();
        };
        let mut gone = Vec::new();
        for change in before.geofences.diff(&set.geofences) {
            use imbl::ordmap::DiffItem;
            match change {
                DiffItem::Add(_, new) => self.accounts.entry(new.account).or_default().put(new),
                DiffItem::Update { old: (_, old), new: (_, new) } => {
                    if Arc::ptr_eq(old, new) || (old.shape == new.shape && old.dwell_s == new.dwell_s && old.account == new.account) {
                        continue;
                    }
                    if old.account != new.account {
                        self.take(old);
                        gone.push(old.id);
                    }
                    self.accounts.entry(new.account).or_default().put(new);
                }
                DiffItem::Remove(_, old) => {
                    self.take(old);
                    gone.push(old.id);
                }
            }
        }
        gone
    }

    /// Those of one account.
    #[must_use]
    pub fn of(&self, account: AccountId) -> Option<&AccountFences> {
        self.accounts.get(&account)
    }

    fn take(&mut self, geofence: &Geofence) {
        if let Some(fences) = self.accounts.get_mut(&geofence.account) {
            fences.take(geofence.id);
            if fences.is_empty() {
                self.accounts.remove(&geofence.account);
            }
        }
    }
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
