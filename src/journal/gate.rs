//! Which generation of each device is taken (P14).

use super::entry::Batch;
use crate::model::{DeviceId, DeviceMap};
use parking_lot::{Condvar, Mutex};

#[derive(Default)]
struct State {
    current: DeviceMap<u32>,
    /// Groups that were let through.
    begun: u64,
    /// Groups of those that are on the disk, or never will be.
    ended: u64,
}

pub(super) struct Gate {
    state: Mutex<State>,
    ended: Condvar,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), ended: Condvar::new() }
    }

    /// Takes effect at once for what comes; returns when what was let through before is decided.
    pub(super) fn set(&self, device: DeviceId, generation: Option<u32>) {
        let mut state = self.state.lock();
        let before = match generation {
            Some(generation) => state.current.insert(device, generation),
            None => state.current.remove(&device),
        };
        if before.is_none() || before == generation {
            return;
        }
        let begun = state.begun;
        while state.ended < begun {
            self.ended.wait(&mut state);
        }
    }

    /// Lets a group through: `judge` is given what decides whether a generation is the current one.
    pub(super) fn pass<T>(&self, assemble: impl FnOnce(&dyn Fn(DeviceId, u32) -> bool) -> T) -> T {
        let mut state = self.state.lock();
        let result = assemble(&|device, generation| state.current.get(&device) == Some(&generation));
        state.begun += 1;
        result
    }

    /// The group that was let through last is decided.
    pub(super) fn end(&self) {
        self.state.lock().ended += 1;
        self.ended.notify_all();
    }
}

/// Appends what is current of a batch to a block. Returns how many entries were taken and how many were not.
pub(super) fn copy_current(batch: &Batch, block: &mut Vec<u8>, current: &dyn Fn(DeviceId, u32) -> bool) -> (u32, u32) {
    if batch.holders().iter().all(|(device, generation)| current(*device, *generation)) {
        block.extend_from_slice(batch.bytes());
        return (batch.entries(), 0);
    }
    let (mut taken, mut refused) = (0, 0);
    for (bytes, holder) in batch.walk() {
        if holder.is_none_or(|(device, generation)| current(device, generation)) {
            block.extend_from_slice(bytes);
            taken += 1;
        } else {
            refused += 1;
        }
    }
    (taken, refused)
}
