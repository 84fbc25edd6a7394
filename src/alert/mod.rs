//! Room: alert
//! Takes: what was seen of a device with one journal entry, rules. Gives: what the rules find worth telling.
//! May import: geofence, model, protocols
//! Invariant: no clock and no state besides what is passed in; a condition is told once, when it begins, and again only after it ended.
//!
//! One file a rule kind, and one table of them in `table.rs`.

mod battery_below;
mod connection_lost;
mod device_alarm;
mod geofence_enter;
mod geofence_exit;
mod geofence_stay;
mod ignition_off;
mod ignition_on;
mod overspeed;
mod rulebook;
mod table;

pub use rulebook::{Broken, DeviceRules, Rulebook, Switched};

use crate::geofence::{Crossing, Stay};
use crate::model::{AccountId, AlertKind, CompiledSchedule, GeofenceId, Micros, Point, RuleId};

/// What was seen of one device with one journal entry.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The time by which schedules judge: the fix time, or when it was recorded.
    pub at: Micros,
    /// The device's time, if it is to be told.
    pub fix_time: Option<Micros>,
    /// Where the device was.
    pub place: Option<Point>,
    /// How it moved, if this entry is a position in fix order.
    pub moved: Option<Moved<'a>>,
    /// The alarms that the device raised.
    pub alarms: &'a [protocols::Alarm],
    /// What the ignition changed to, if it changed.
    pub ignition: Option<bool>,
    /// Its battery, percent.
    pub battery_pct: Option<f64>,
    /// Asked at a tick: when the device was last heard of.
    pub heard_at: Option<Micros>,
}

/// How a device moved.
#[derive(Clone, Copy, Debug)]
pub struct Moved<'a> {
    /// km/h, if the position says.
    pub speed_kmh: Option<f64>,
    /// The geofences that hold the position, ascending.
    pub inside: &'a [GeofenceId],
    /// The visits that began or ended with it.
    pub crossings: &'a [Crossing],
    /// The visits under way, and those that do not count yet.
    pub stays: &'a [Stay],
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    /// What.
    pub kind: AlertKind,
    /// By which rule.
    pub rule: RuleId,
    /// Where.
    pub geofence: Option<GeofenceId>,
    /// When, by the device.
    pub fix_time: Option<Micros>,
    /// Where the device was.
    pub place: Option<Point>,
    /// The value that raised it.
    pub value: Option<f64>,
    /// Which device alarm.
    pub alarm: Option<protocols::Alarm>,
}

/// What a rule remembers of a device. A rule that was edited begins anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleState {
    /// Which rule.
    pub rule: RuleId,
    /// Which edition of it.
    pub version: u64,
    /// Since when what it told lasts, where it tells something once.
    pub told: Option<Micros>,
    /// In which geofences what it told lasts, ascending.
    pub told_in: Vec<GeofenceId>,
}

impl RuleState {
    const fn new(rule: RuleId, version: u64) -> Self {
        Self { rule, version, told: None, told_in: Vec::new() }
    }

    const fn is_empty(&self) -> bool {
        self.told.is_none() && self.told_in.is_empty()
    }

    /// Notes a geofence; `false` if it was noted before.
    fn note(&mut self, geofence: GeofenceId) -> bool {
        match self.told_in.binary_search(&geofence) {
            Ok(_) => false,
            Err(place) => {
                self.told_in.insert(place, geofence);
                true
            }
        }
    }
}

/// Everything that a kind of rule looks at.
struct View<'a> {
    rule: RuleId,
    /// Ascending.
    geofences: &'a [GeofenceId],
    schedule: &'a CompiledSchedule,
    seen: &'a Seen<'a>,
}

impl View<'_> {
    fn is_mine(&self, geofence: GeofenceId) -> bool {
        self.geofences.binary_search(&geofence).is_ok()
    }

    /// Of this entry, with its time and place.
    fn raised(&self, kind: AlertKind) -> Raised {
        let Seen { fix_time, place, .. } = *self.seen;
        Raised { kind, rule: self.rule, geofence: None, fix_time, place, value: None, alarm: None }
    }
}

/// A kind of rule.
trait Kind {
    /// What it wants to see, see [`topic`].
    const TOPICS: u8;

    /// Looks at one entry.
    fn check(&self, view: &View<'_>, state: &mut RuleState, out: &mut Vec<Raised>);
}

/// What an entry can be about, as bits, so that a device's rules are passed over in one comparison.
mod topic {
    pub const CROSSINGS: u8 = 1;
    pub const STAYS: u8 = 2;
    pub const SPEED: u8 = 4;
    pub const ALARMS: u8 = 8;
    pub const IGNITION: u8 = 16;
    pub const BATTERY: u8 = 32;
    pub const SILENCE: u8 = 64;
}

impl Seen<'_> {
    /// Nothing, at a time.
    #[must_use]
    pub const fn nothing(at: Micros) -> Self {
        Self { at, fix_time: None, place: None, moved: None, alarms: &[], ignition: None, battery_pct: None, heard_at: None }
    }

    fn topics(&self) -> u8 {
        let mut topics = 0;
        if let Some(moved) = &self.moved {
            topics |= if moved.crossings.is_empty() { 0 } else { topic::CROSSINGS | topic::STAYS };
            topics |= if moved.stays.is_empty() { 0 } else { topic::STAYS };
            topics |= if moved.speed_kmh.is_some() { topic::SPEED } else { 0 };
        }
        topics |= if self.alarms.is_empty() { 0 } else { topic::ALARMS };
        topics |= if self.ignition.is_some() { topic::IGNITION } else { 0 };
        topics |= if self.battery_pct.is_some() { topic::BATTERY } else { 0 };
        topics | if self.heard_at.is_some() { topic::SILENCE } else { 0 }
    }
}

/// Judges one entry by the rules of its device. `states` is what they remember of it, ascending by rule.
pub fn judge(rules: &DeviceRules, account: AccountId, seen: &Seen<'_>, states: &mut Vec<RuleState>, out: &mut Vec<Raised>) {
    let topics = seen.topics();
    if rules.topics() & topics == 0 {
        return;
    }
    for rule in rules.of(account).filter(|r| r.topics() & topics != 0) {
        match states.binary_search_by_key(&rule.id, |s| s.rule) {
            Ok(place) => {
                let Some(state) = states.get_mut(place) else { continue };
                if state.version != rule.version {
                    *state = RuleState::new(rule.id, rule.version);
                }
                rule.check(seen, state, out);
                if state.is_empty() {
                    states.remove(place);
                }
            }
            Err(place) => {
                let mut state = RuleState::new(rule.id, rule.version);
                rule.check(seen, &mut state, out);
                if !state.is_empty() {
                    states.insert(place, state);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
