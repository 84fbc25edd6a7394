//! The rules by device.

use super::table::Watch;
use super::{Raised, RuleState, Seen, View, topic};
use crate::model::{AccountId, CompiledSchedule, DefinitionSet, DeviceId, DeviceMap, GeofenceId, Rule, RuleId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A rule made ready.
#[derive(Debug)]
pub(super) struct CompiledRule {
    pub id: RuleId,
    pub version: u64,
    account: AccountId,
    watch: Watch,
    geofences: Vec<GeofenceId>,
    schedule: CompiledSchedule,
}

impl CompiledRule {
    fn new(rule: &Rule) -> Result<Self, String> {
        let mut geofences = rule.geofences.clone();
        geofences.sort_unstable();
        geofences.dedup();
        let schedule = rule.schedule.compile()?;
        Ok(Self { id: rule.id, version: rule.version, account: rule.account, watch: Watch::new(&rule.kind), geofences, schedule })
    }

    pub(super) const fn topics(&self) -> u8 {
        self.watch.topics()
    }

    pub(super) fn check(&self, seen: &Seen<'_>, state: &mut RuleState, out: &mut Vec<Raised>) {
        self.watch.check(&View { rule: self.id, geofences: &self.geofences, schedule: &self.schedule, seen }, state, out);
    }
}

/// The rules of one device, ascending.
#[derive(Debug, Default)]
pub struct DeviceRules {
    rules: Vec<Arc<CompiledRule>>,
    topics: u8,
}

impl DeviceRules {
    pub(super) const fn topics(&self) -> u8 {
        self.topics
    }

    /// Those of the account that has the device now.
    pub(super) fn of(&self, account: AccountId) -> impl Iterator<Item = &CompiledRule> {
        self.rules.iter().map(Arc::as_ref).filter(move |rule| rule.account == account)
    }

    fn put(&mut self, rule: Arc<CompiledRule>) {
        match self.rules.binary_search_by_key(&rule.id, |r| r.id) {
            Ok(place) => self.rules.splice(place..=place, [rule]).for_each(drop),
            Err(place) => self.rules.insert(place, rule),
        }
        self.sum();
    }

    fn take(&mut self, rule: RuleId) {
        self.rules.retain(|r| r.id != rule);
        self.sum();
    }

    fn sum(&mut self) {
        self.topics = self.rules.iter().fold(0, |topics, rule| topics | rule.topics());
    }
}

/// A rule that cannot be in force; it was refused, or should have been, when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub rule: RuleId,
    /// Why.
    pub reason: String,
}

/// What going over to another definition set changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switched {
    /// Rules that no longer watch a device: what they remember of it can go.
    pub ended: Vec<(DeviceId, RuleId)>,
    /// Rules that cannot be in force.
    pub broken: Vec<Broken>,
}

/// The rules of all devices. A change touches what it changes and nothing else.
#[derive(Debug, Default)]
pub struct Rulebook {
    by_device: DeviceMap<DeviceRules>,
    /// The devices that some rule watches for silence.
    silence: BTreeSet<DeviceId>,
    of: Arc<DefinitionSet>,
}

impl Rulebook {
    /// Goes over to another set.
    pub fn switch(&mut self, set: &Arc<DefinitionSet>) -> Switched {
        use imbl::ordmap::DiffItem;
        let before = std::mem::replace(&mut self.of, Arc::clone(set));
        let mut switched = Switched::default();
        for change in before.rules.diff(&set.rules) {
            let (old, new) = match change {
                DiffItem::Add(_, new) => (None, Some(new)),
                DiffItem::Update { old: (_, old), new: (_, new) } if Arc::ptr_eq(old, new) => continue,
                DiffItem::Update { old: (_, old), new: (_, new) } => (Some(old), Some(new)),
                DiffItem::Remove(_, old) => (Some(old), None),
            };
            let new = new.filter(|rule| rule.enabled);
            for &device in old.iter().flat_map(|rule| &rule.devices) {
                if !new.is_some_and(|rule| rule.devices.contains(&device)) {
                    switched.ended.push((device, old.map_or(RuleId(0), |rule| rule.id)));
                }
            }
            if let Some(old) = old {
                self.take(old);
            }
            match new.map(|rule| (rule, CompiledRule::new(rule))) {
                Some((rule, Ok(compiled))) => self.put(rule, &Arc::new(compiled)),
                Some((rule, Err(reason))) => switched.broken.push(Broken { rule: rule.id, reason }),
                None => {}
            }
        }
        switched
    }

    /// The rules of a device.
    #[must_use]
    pub fn of(&self, device: DeviceId) -> Option<&DeviceRules> {
        self.by_device.get(&device)
    }

    /// The devices that some rule watches for silence, ascending.
    pub fn watched_for_silence(&self) -> impl Iterator<Item = DeviceId> + '_ {
        self.silence.iter().copied()
    }

    fn put(&mut self, rule: &Rule, compiled: &Arc<CompiledRule>) {
        for device in &rule.devices {
            self.by_device.entry(*device).or_default().put(Arc::clone(compiled));
            self.note_silence(*device);
        }
    }

    fn take(&mut self, rule: &Rule) {
        for device in &rule.devices {
            if let Some(rules) = self.by_device.get_mut(device) {
                rules.take(rule.id);
                if rules.rules.is_empty() {
                    self.by_device.remove(device);
                }
            }
            self.note_silence(*device);
        }
    }

    fn note_silence(&mut self, device: DeviceId) {
        if self.by_device.get(&device).is_some_and(|rules| rules.topics & topic::SILENCE != 0) {
            self.silence.insert(device);
        } else {
            self.silence.remove(&device);
        }
    }
}
