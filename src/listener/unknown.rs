//! Identifiers that nobody registered, for the operator, within a bound.

use crate::model::Micros;
use parking_lot::Mutex;
use protocols::{Identifier, Protocol};
use serde::Serialize;
use std::collections::VecDeque;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnknownDevice {
    /// What it calls itself.
    pub identifier: String,
    /// In which protocol.
    pub protocol: &'static str,
    /// When it was last heard.
    pub last_heard_at: Micros,
    /// How often.
    pub messages: u64,
}

pub(crate) struct Unknown {
    entries_max: usize,
    entries: Mutex<VecDeque<UnknownDevice>>,
}

impl Unknown {
    pub(crate) const fn new(entries_max: usize) -> Self {
        Self { entries_max, entries: Mutex::new(VecDeque::new()) }
    }

    /// Notes one; the one that was silent longest makes room.
    pub(crate) fn note(&self, identifier: &Identifier, protocol: Protocol, now: Micros) {
        if self.entries_max == 0 {
            return;
        }
        let mut entries = self.entries.lock();
        let found = entries.iter().position(|e| e.identifier == identifier.as_str() && e.protocol == protocol.name());
        let mut entry = found.and_then(|at| entries.remove(at)).unwrap_or_else(|| UnknownDevice {
            identifier: identifier.as_str().to_owned(),
            protocol: protocol.name(),
            last_heard_at: now,
            messages: 0,
        });
        entry.last_heard_at = now;
        entry.messages = entry.messages.saturating_add(1);
        entries.truncate(self.entries_max - 1);
        entries.push_front(entry);
    }

    pub(crate) fn list(&self) -> Vec<UnknownDevice> {
        self.entries.lock().iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_bounded_and_newest_first() {
        let unknown = Unknown::new(3);
        for n in [1, 2, 3, 2, 4] {
            unknown.note(&Identifier::new(&format!("imei{n}")).expect("an identifier"), Protocol::Gt06, n);
        }
        let listed: Vec<_> = unknown.list().into_iter().map(|e| (e.identifier, e.messages)).collect();
        assert_eq!(listed, [("imei4".to_owned(), 1), ("imei2".to_owned(), 2), ("imei3".to_owned(), 1)]);
    }
}
