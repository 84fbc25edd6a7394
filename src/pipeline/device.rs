//! What is known of one device.

use super::recent::Recent;
use crate::alert::RuleState;
use crate::geofence::Presence;
use crate::model::{AccountId, Connection, Micros, Shared};

/// Connections of one device that are remembered as open; a listener closes the older ones anyway.
const SESSIONS_MAX: usize = 8;

/// A state that reports change, and as of when it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub on: bool,
    pub as_of: Micros,
}

/// Changes of hands between two trackers that claim to be one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hands {
    /// When the latest changes were, as long as nothing was told.
    pub changes: Vec<Micros>,
    /// The latest change after it was told.
    pub told: Option<Micros>,
}

impl Hands {
    /// Notes a change; `true` if it is to be told now.
    pub(super) fn change(&mut self, at: Micros, changes_min: u32, window: Micros) -> bool {
        if self.told.is_some_and(|last| at.saturating_sub(last) <= window) {
            self.told = Some(at);
            return false;
        }
        self.told = None;
        self.changes.retain(|then| at.saturating_sub(*then) <= window);
        self.changes.push(at);
        if self.changes.len() < changes_min as usize {
            return false;
        }
        self.changes.clear();
        self.told = Some(at);
        true
    }
}

/// One device.
#[derive(Clone, Debug)]
pub(super) struct Device {
    /// Who has it.
    pub account: AccountId,
    /// Which edition of it.
    pub generation: u32,
    /// The newest sound fix time.
    pub newest: Option<Micros>,
    /// What resends are recognised by.
    pub recent: Recent,
    /// The geofences it is in.
    pub presence: Presence,
    /// What rules remember.
    pub rules: Vec<RuleState>,
    /// Ignition, once reported.
    pub ignition: Option<Known>,
    /// As of when its battery is known.
    pub battery_as_of: Option<Micros>,
    /// When it was last heard of.
    pub heard_at: Option<Micros>,
    /// Open connections.
    pub sessions: Vec<u64>,
    /// Whether it is connected.
    pub connection: Connection,
    /// Trackers that claim to be it.
    pub hands: Hands,
    /// Its latest position.
    pub latest: Option<Shared>,
    /// The latest change of its connection.
    pub state: Option<Shared>,
}

impl Device {
    pub(super) const fn new(account: AccountId, generation: u32, floor: Option<Micros>) -> Self {
        Self {
            account,
            generation,
            newest: None,
            recent: Recent::with_floor(floor),
            presence: Presence::none(),
            rules: Vec::new(),
            ignition: None,
            battery_as_of: None,
            heard_at: None,
            sessions: Vec::new(),
            connection: Connection::Never,
            hands: Hands { changes: Vec::new(), told: None },
            latest: None,
            state: None,
        }
    }

    /// Notes a report on the ignition; gives what it changed to, if it did.
    pub(super) fn ignition_is(&mut self, on: bool, as_of: Micros) -> Option<bool> {
        let before = self.ignition;
        if before.is_some_and(|known| as_of < known.as_of) {
            return None;
        }
        self.ignition = Some(Known { on, as_of });
        before.is_some_and(|known| known.on != on).then_some(on)
    }

    /// Notes a report on the battery; `false` if something newer is known.
    pub(super) fn battery_is_as_of(&mut self, as_of: Micros) -> bool {
        let is_news = self.battery_as_of.is_none_or(|known| as_of >= known);
        if is_news {
            self.battery_as_of = Some(as_of);
        }
        is_news
    }

    pub(super) fn open_session(&mut self, connection: u64) {
        self.sessions.retain(|open| *open != connection);
        self.sessions.push(connection);
        if self.sessions.len() > SESSIONS_MAX {
            self.sessions.remove(0);
        }
    }

    /// Notes the end of a connection; `true` if it was the last one open.
    pub(super) fn close_session(&mut self, connection: u64) -> bool {
        let before = self.sessions.len();
        self.sessions.retain(|open| *open != connection);
        before > 0 && self.sessions.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_trackers_that_alternate_are_told_once() {
        let mut hands = Hands::default();
        let told: Vec<bool> = [0, 10, 20, 30, 85, 200, 261, 322].iter().map(|at| hands.change(*at, 3, 60)).collect();
        assert_eq!(told, [false, false, true, false, false, false, false, false]);
        let told: Vec<bool> = [330, 340].iter().map(|at| hands.change(*at, 3, 60)).collect();
        assert_eq!(told, [false, true]);
    }

    #[test]
    fn what_is_older_than_what_is_known_changes_nothing() {
        let mut device = Device::new(AccountId(1), 1, None);
        assert_eq!(device.ignition_is(true, 10), None, "the first report");
        assert_eq!(device.ignition_is(false, 9), None, "an older one");
        assert_eq!(device.ignition_is(false, 10), Some(false));
        assert_eq!([5, 4, 5].map(|at| device.battery_is_as_of(at)), [true, false, true]);
    }

    #[test]
    fn a_device_is_connected_as_long_as_one_connection_is_open() {
        let mut device = Device::new(AccountId(1), 1, None);
        device.open_session(1);
        device.open_session(2);
        assert_eq!([1, 1, 2, 2].map(|c| device.close_session(c)), [false, false, true, false]);
    }
}
