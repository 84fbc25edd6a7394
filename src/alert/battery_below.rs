//! Battery below a level: told once, and again only after it was charged to five points above the level (or to the full).

use super::{Kind, Raised, RuleState, View, topic};
use crate::model::AlertKind;

/// How far above its level a battery has to be before the rule can tell of it again, percent.
const RECOVERED_PCT: f64 = 5.0;

#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) level_pct: f64,
}

impl Kind for Watch {
    const TOPICS: u8 = topic::BATTERY;

    fn check(&self, view: &View<'_>, state: &mut RuleState, out: &mut Vec<Raised>) {
        let Some(battery) = view.seen.battery_pct else { return };
        if battery >= (self.level_pct + RECOVERED_PCT).min(100.0) {
            state.told = None;
        } else if battery < self.level_pct && state.told.is_none() && view.schedule.covers(view.seen.at) {
            state.told = Some(view.seen.at);
            out.push(Raised { value: Some(battery), ..view.raised(AlertKind::BatteryBelow) });
        }
    }
}
