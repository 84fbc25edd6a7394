//! Which version of the definitions was in force at which entry, back to the oldest entry that can be computed again: what is older is
//! never asked for any more.

use crate::model::Seq;
use std::collections::VecDeque;

/// Versions that are remembered, each with the first entry after which it is known to have been in force.
const KNOWN_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct InForce {
    known: VecDeque<(Seq, u64)>,
    /// What was said last.
    said: Option<u64>,
}

impl InForce {
    /// The version that is in force once everything up to `seq` is computed.
    pub(super) fn note(&mut self, seq: Seq, version: u64) {
        if self.known.back().is_some_and(|(_, last)| *last == version) {
            return;
        }
        // With every other one left out, what is found is older than what was in force, never newer.
        if self.known.len() == KNOWN_MAX {
            let mut number = 0_usize;
            self.known.retain(|_| {
                number += 1;
                number % 2 == 1
            });
        }
        self.known.push_back((seq, version));
    }

    /// The version that a computation from `oldest` on begins with, when it was not said before; `None` as well if it is not known.
    pub(super) fn newly_oldest(&mut self, oldest: Seq) -> Option<u64> {
        while self.known.get(1).is_some_and(|(seq, _)| *seq < oldest) {
            self.known.pop_front();
        }
        let (seq, version) = *self.known.front()?;
        if seq >= oldest || self.said == Some(version) {
            return None;
        }
        self.said = Some(version);
        Some(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_entry_was_computed_with_is_found_and_said_once() {
        let mut versions = InForce::default();
        versions.note(10, 3);
        assert_eq!(versions.newly_oldest(10), None, "3 was in force after entry 10; before it is not known");
        assert_eq!(versions.newly_oldest(11), Some(3));
        assert_eq!(versions.newly_oldest(12), None, "it was said");
        versions.note(20, 4);
        versions.note(25, 4);
        versions.note(30, 5);
        assert_eq!(versions.newly_oldest(20), None, "entry 20 may have brought 4: a computation from it on begins with 3");
        assert_eq!(versions.newly_oldest(30), Some(4));
        assert_eq!(versions.newly_oldest(31), Some(5));
    }

    #[test]
    fn more_versions_than_are_remembered_give_an_older_one_never_a_newer() {
        let mut versions = InForce::default();
        for seq in 1..=20_000 {
            versions.note(seq, seq);
        }
        assert!(versions.known.len() <= KNOWN_MAX);
        for oldest in [2, 100, 9_999, 15_001, 20_000, 30_000] {
            let found = versions.newly_oldest(oldest);
            assert!(found.is_none_or(|version| version < oldest), "{oldest}: {found:?}");
        }
        assert_eq!(versions.said, Some(20_000));
    }
}
