//! Maps by device that are asked for every record.

use super::DeviceId;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by device. The usual hasher withstands keys that an adversary chooses; these are ours.
pub type DeviceMap<V> = HashMap<DeviceId, V, BuildHasherDefault<Spread>>;

/// Spreads device numbers, which are ours and dense: nobody outside can choose them.
#[derive(Clone, Debug, Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.write_u32(u32::from(*b)));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
