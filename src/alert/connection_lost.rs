//! Nothing heard for so many seconds: asked at each tick of the journal, told once a silence. It names no place: the last one known
//! may lie outside the history window of some who may see the alert.

use super::{Kind, Raised, RuleState, View, topic};
use crate::model::{AlertKind, Micros};

#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) after_s: u32,
}

impl Kind for Watch {
    const TOPICS: u8 = topic::SILENCE;

    fn check(&self, view: &View<'_>, state: &mut RuleState, out: &mut Vec<Raised>) {
        let Some(heard_at) = view.seen.heard_at else { return };
        let silence = view.seen.at.saturating_sub(heard_at);
        if silence < Micros::from(self.after_s) * 1_000_000 {
            state.told = None;
        } else if state.told != Some(heard_at) && view.schedule.covers(view.seen.at) {
            state.told = Some(heard_at);
            out.push(Raised { place: None, value: Some(silence as f64 / 1e6), ..view.raised(AlertKind::ConnectionLost) });
        }
    }
}
