//! The device raised an alarm: told each time that it is raised.

use super::{Kind, Raised, RuleState, View, topic};
use crate::model::AlertKind;
use protocols::Alarm;

#[derive(Clone, Debug)]
pub(super) struct Watch {
    /// Empty: all.
    alarms: Vec<Alarm>,
}

impl Watch {
    pub(super) fn new(names: &[String]) -> Self {
        Self { alarms: names.iter().filter_map(|name| Alarm::from_text(name)).collect() }
    }
}

impl Kind for Watch {
    const TOPICS: u8 = topic::ALARMS;

    fn check(&self, view: &View<'_>, _: &mut RuleState, out: &mut Vec<Raised>) {
        for &alarm in view.seen.alarms.iter().filter(|a| self.alarms.is_empty() || self.alarms.contains(a)) {
            if view.schedule.covers(view.seen.at) {
                out.push(Raised { alarm: Some(alarm), ..view.raised(AlertKind::DeviceAlarm) });
            }
        }
    }
}
