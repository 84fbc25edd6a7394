//! Into one of its geofences: told when the visit counts, with the time and place of the first position inside.

use super::{Kind, Raised, RuleState, View, topic};
use crate::model::AlertKind;

#[derive(Clone, Debug)]
pub(super) struct Watch;

impl Kind for Watch {
    const TOPICS: u8 = topic::CROSSINGS;

    fn check(&self, view: &View<'_>, _: &mut RuleState, out: &mut Vec<Raised>) {
        let Some(moved) = &view.seen.moved else { return };
        for crossing in moved.crossings.iter().filter(|c| c.exited.is_none() && view.is_mine(c.geofence)) {
            if view.schedule.covers(crossing.entered.at) {
                out.push(Raised {
                    geofence: Some(crossing.geofence),
                    fix_time: Some(crossing.entered.at),
                    place: Some(crossing.entered.place),
                    ..view.raised(AlertKind::GeofenceEnter)
                });
            }
        }
    }
}
