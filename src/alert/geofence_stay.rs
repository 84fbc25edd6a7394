//! Longer than so many seconds in one of its geofences: told once a visit, with the first position that shows it (the one that
//! ends the visit included). The value is the limit, not the length: the length would tell when the visit began, which lies
//! outside the history window of some who may see the alert (P3).

use super::{Kind, Raised, RuleState, View, topic};
use crate::model::{AlertKind, GeofenceId, Micros};

#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) longer_than_s: u32,
}

impl Watch {
    fn is_longer(&self, from: Micros, to: Micros) -> bool {
        to.saturating_sub(from) > Micros::from(self.longer_than_s) * 1_000_000
    }

    fn raise(&self, view: &View<'_>, geofence: GeofenceId) -> Raised {
        Raised { geofence: Some(geofence), value: Some(f64::from(self.longer_than_s)), ..view.raised(AlertKind::GeofenceStay) }
    }
}

impl Kind for Watch {
    const TOPICS: u8 = topic::STAYS;

    fn check(&self, view: &View<'_>, state: &mut RuleState, out: &mut Vec<Raised>) {
        let Some(moved) = &view.seen.moved else { return };
        for stay in moved.stays.iter().filter(|s| s.begun.is_some() && s.left.is_none() && view.is_mine(s.geofence)) {
            if self.is_longer(stay.entered.at, view.seen.at) && view.schedule.covers(view.seen.at) && state.note(stay.geofence) {
                out.push(self.raise(view, stay.geofence));
            }
        }
        for crossing in moved.crossings.iter().filter(|c| view.is_mine(c.geofence)) {
            let Some(exited) = crossing.exited else { continue };
            if self.is_longer(crossing.entered.at, exited.at) && view.schedule.covers(exited.at) && state.note(crossing.geofence) {
                out.push(Raised { fix_time: Some(exited.at), place: Some(exited.place), ..self.raise(view, crossing.geofence) });
            }
        }
        // What was told is told of a visit that is over, or whose geofence is no more: the next visit is another one.
        state.told_in.retain(|told| moved.stays.iter().any(|s| s.geofence == *told && s.begun.is_some()));
    }
}
