//! Ignition switched off: told when a device of which it was known to be on reports it off.

use super::{Kind, Raised, RuleState, View, topic};
use crate::model::AlertKind;

#[derive(Clone, Debug)]
pub(super) struct Watch;

impl Kind for Watch {
    const TOPICS: u8 = topic::IGNITION;

    fn check(&self, view: &View<'_>, _: &mut RuleState, out: &mut Vec<Raised>) {
        if view.seen.ignition == Some(false) && view.schedule.covers(view.seen.at) {
            out.push(view.raised(AlertKind::IgnitionOff));
        }
    }
}
