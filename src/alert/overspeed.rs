//! Faster than allowed: told once an excursion, which is a run of positions that are too fast, inside the geofence (each of the
//! rule's geofences by itself; without any: anywhere) and in the schedule.

use super::{Kind, Raised, RuleState, View, topic};
use crate::model::AlertKind;

#[derive(Clone, Debug)]
pub(super) struct Watch {
    pub(super) faster_than_kmh: f64,
}

impl Kind for Watch {
    const TOPICS: u8 = topic::SPEED;

    fn check(&self, view: &View<'_>, state: &mut RuleState, out: &mut Vec<Raised>) {
        let Some(moved) = &view.seen.moved else { return };
        let Some(speed) = moved.speed_kmh else { return };
        let is_over = speed > self.faster_than_kmh && view.schedule.covers(view.seen.at);
        if !is_over {
            state.told = None;
            state.told_in.clear();
            return;
        }
        let raised = Raised { value: Some(speed), ..view.raised(AlertKind::Overspeed) };
        if view.geofences.is_empty() {
            if state.told.is_none() {
                state.told = Some(view.seen.at);
                out.push(raised);
            }
            return;
        }
        state.told_in.retain(|geofence| moved.inside.binary_search(geofence).is_ok());
        for &geofence in moved.inside.iter().filter(|g| view.is_mine(**g)) {
            if state.note(geofence) {
                out.push(Raised { geofence: Some(geofence), ..raised.clone() });
            }
        }
    }
}
