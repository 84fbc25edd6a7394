//! Resends: the keys of the newest records of one device.

use crate::model::Micros;
use protocols::Fix;
use std::collections::VecDeque;

/// What a record with a device time is recognised by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub fix_time: Micros,
    pub content: u64,
}

/// Whether a record came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It did.
    Yes,
    /// It did not.
    No,
    /// It is older than what is remembered: history knows.
    Forgotten,
}

/// The keys of a device's newest records by fix time. What is older than `floor`, or as old, may have been forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recent {
    keys: VecDeque<Key>,
    floor: Option<Micros>,
}

impl Recent {
    pub(super) const fn with_floor(floor: Option<Micros>) -> Self {
        Self { keys: VecDeque::new(), floor }
    }

    pub(super) fn knows(&self, key: Key) -> Known {
        let is_newest = self.keys.back().is_none_or(|last| *last < key);
        if !is_newest && self.keys.binary_search(&key).is_ok() {
            Known::Yes
        } else if self.floor.is_some_and(|floor| key.fix_time <= floor) {
            Known::Forgotten
        } else {
            Known::No
        }
    }

    pub(super) fn note(&mut self, key: Key, keys_max: usize) {
        if self.keys.back().is_none_or(|last| *last < key) {
            self.keys.push_back(key);
        } else if let Err(place) = self.keys.binary_search(&key) {
            self.keys.insert(place, key);
        }
        while self.keys.len() > keys_max {
            if let Some(oldest) = self.keys.pop_front() {
                self.floor = self.floor.max(Some(oldest.fix_time));
            }
        }
    }

    /// The newest keys, and the floor that goes with them.
    pub(super) fn newest(&self, keys_max: usize) -> (impl ExactSizeIterator<Item = &Key>, Option<Micros>) {
        let left_out = self.keys.len().saturating_sub(keys_max);
        let floor = left_out.checked_sub(1).and_then(|last| self.keys.get(last)).map(|key| key.fix_time);
        (self.keys.range(left_out..), self.floor.max(floor))
    }

    pub(super) fn from_keys(mut keys: Vec<Key>, floor: Option<Micros>) -> Self {
        keys.sort_unstable();
        Self { keys: keys.into(), floor }
    }
}

/// A hash of everything that a record says but its time.
#[must_use]
pub fn content_hash(fix: Option<&Fix>, attributes: &[u8]) -> u64 {
    let mut hash = 0x9E37_79B9_7F4A_7C15_u64;
    if let Some(fix) = fix {
        let float = |value: Option<f32>| value.map_or(u64::MAX, |v| u64::from(v.to_bits()));
        hash = mix(hash, fix.latitude.degrees().to_bits());
        hash = mix(hash, fix.longitude.degrees().to_bits());
        hash = mix(hash, float(fix.altitude_m) ^ (u64::from(fix.valid) << 40));
        hash = mix(hash, float(fix.speed_kmh));
        hash = mix(hash, float(fix.course_deg));
    }
    let (words, rest) = attributes.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    mix(mix(hash, u64::from_le_bytes(last)), attributes.len() as u64)
}

fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word ^ 0xA076_1D64_78BD_642F) * 0xE703_7ED1_A0B4_28DB_u128;
    #[allow(clippy::cast_possible_truncation)]
    let folded = (product >> 64) as u64 ^ product as u64;
    folded.wrapping_add(hash.rotate_left(23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_remembered_newest_first_and_the_others_are_asked_for() {
        let mut recent = Recent::default();
        let key = |fix_time, content| Key { fix_time, content };
        for time in [10, 30, 20, 40] {
            assert_eq!(recent.knows(key(time, 1)), Known::No);
            recent.note(key(time, 1), 3);
        }
        assert_eq!(recent.knows(key(20, 1)), Known::Yes);
        assert_eq!(recent.knows(key(20, 2)), Known::No);
        assert_eq!(recent.knows(key(10, 1)), Known::Forgotten);
        assert_eq!(recent.knows(key(11, 1)), Known::No);
        let (keys, floor) = recent.newest(1);
        let shorter = Recent::from_keys(keys.copied().collect(), floor);
        assert_eq!([20, 30, 40, 41].map(|t| shorter.knows(key(t, 1))), [Known::Forgotten, Known::Forgotten, Known::Yes, Known::No]);
    }

    #[test]
    fn the_content_is_all_of_it() {
        let fix = |valid, speed_kmh| Fix {
            latitude: protocols::Latitude::new(1.0).expect("degrees"),
            longitude: protocols::Longitude::new(2.0).expect("degrees"),
            valid,
            altitude_m: None,
            speed_kmh,
            course_deg: None,
        };
        let fixes = [None, Some(fix(true, None)), Some(fix(false, None)), Some(fix(true, Some(0.0))), Some(fix(true, Some(1.0)))];
        let attributes: [&[u8]; 6] = [b"", b"\0", b"a", b"a\0", b"abcdefgh", b"abcdefgh\0"];
        let mut hashes: Vec<u64> = fixes.iter().flat_map(|f| attributes.map(|a| content_hash(f.as_ref(), a))).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), fixes.len() * attributes.len());
    }
}
