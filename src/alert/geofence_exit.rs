//! Out of one of its geofences: told when the visit has ended, with the time and place of the first position outside.

use super::{Kind, Raised, RuleState, View, topic};
use crate::model::AlertKind;

#[derive(Clone, Debug)]
pub(super) struct Watch;

impl Kind for Watch {
    const TOPICS: u8 = topic::CROSSINGS;

    fn check(&self, view: &View<'_>, _: &mut RuleState, out: &mut Vec<Raised>) {
        let Some(moved) = &view.seen.moved else { return };
        for crossing in moved.crossings.iter().filter(|c| view.is_mine(c.geofence)) {
            let Some(exited) = crossing.exited.filter(|e| view.schedule.covers(e.at)) else { continue };
            out.push(Raised {
                geofence: Some(crossing.geofence),
                fix_time: Some(exited.at),
                place: Some(exited.place),
                ..view.raised(AlertKind::GeofenceExit)
            });
        }
    }
}
