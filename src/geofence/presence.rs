//! One device and the geofences it is in: enters, exits, visits.
//!
//! A visit begins with the first of a run of positions inside that spans the geofence's dwell time, and ends with the first of a
//! run of positions outside that spans it again. A run that is broken before that never was. With a dwell time of 0 each position
//! decides by itself.

use crate::model::{GeofenceId, Micros, Order, Point};

/// Where a device was, and when. Each is not earlier than the one before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Fix time.
    pub at: Micros,
    /// Where.
    pub place: Point,
}

/// A geofence that a device is in, or perhaps in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stay {
    /// Which.
    pub geofence: GeofenceId,
    /// The first position inside.
    pub entered: Reading,
    /// Where the visit stands in the recorded order, once it counts.
    pub begun: Option<Order>,
    /// The first position outside, while it does not count yet.
    pub left: Option<Reading>,
}

/// A visit that began or ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crossing {
    /// Which geofence.
    pub geofence: GeofenceId,
    /// Where this stands in the recorded order.
    pub order: Order,
    /// Where the beginning of the visit stands in it.
    pub begun: Order,
    /// The first position inside.
    pub entered: Reading,
    /// The first position outside again; `None`: the visit began.
    pub exited: Option<Reading>,
}

/// A visit that ended because its geofence is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Where its beginning stands in the recorded order.
    pub begun: Order,
    /// Fix time of the first position inside.
    pub entered_at: Micros,
    /// Fix time of the first position outside, or else of the last one inside.
    pub exited_at: Micros,
}

/// The geofences that one device is in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Presence {
    stays: Vec<Stay>,
}

impl Presence {
    /// In none.
    #[must_use]
    pub const fn none() -> Self {
        Self { stays: Vec::new() }
    }

    /// From what [`Presence::stays`] gave.
    #[must_use]
    pub fn from_stays(mut stays: Vec<Stay>) -> Self {
        stays.sort_unstable_by_key(|s| s.geofence);
        Self { stays }
    }

    /// What it is in, ascending by geofence.
    #[must_use]
    pub fn stays(&self) -> &[Stay] {
        &self.stays
    }

    /// Takes the next position: `inside` are the geofences that hold it, ascending. Appends what began and ended; the first of them
    /// gets `order`, the next ones the ordinals after it.
    pub fn update(
        &mut self,
        now: Reading,
        inside: &[GeofenceId],
        dwell: impl Fn(GeofenceId) -> Micros,
        mut order: Order,
        out: &mut Vec<Crossing>,
    ) {
        if self.is_settled_in(inside) {
            return;
        }
        let mut next = || {
            let this = order;
            order.ordinal += 1;
            this
        };
        self.stays.retain_mut(|stay| {
            let is_inside = inside.binary_search(&stay.geofence).is_ok();
            advance(stay, is_inside, now, &dwell, &mut next, out)
        });
        for &geofence in inside {
            if let Err(place) = self.stays.binary_search_by_key(&geofence, |s| s.geofence) {
                let mut stay = Stay { geofence, entered: now, begun: None, left: None };
                advance(&mut stay, true, now, &dwell, &mut next, out);
                self.stays.insert(place, stay);
            }
        }
    }

    /// Ends whatever there was with a geofence that is no more; `last` is the fix time of the device's newest position.
    pub fn end(&mut self, geofence: GeofenceId, last: Micros) -> Option<Ended> {
        let place = self.stays.binary_search_by_key(&geofence, |s| s.geofence).ok()?;
        let stay = self.stays.remove(place);
        let exited_at = stay.left.map_or(last, |left| left.at).max(stay.entered.at);
        Some(Ended { begun: stay.begun?, entered_at: stay.entered.at, exited_at })
    }

    fn is_settled_in(&self, inside: &[GeofenceId]) -> bool {
        self.stays.len() == inside.len()
            && self.stays.iter().zip(inside).all(|(stay, id)| stay.geofence == *id && stay.begun.is_some() && stay.left.is_none())
    }
}

/// One step of one stay; `false`: it is over.
fn advance(
    stay: &mut Stay,
    is_inside: bool,
    now: Reading,
    dwell: &impl Fn(GeofenceId) -> Micros,
    next: &mut impl FnMut() -> Order,
    out: &mut Vec<Crossing>,
) -> bool {
    match (stay.begun, is_inside) {
        (None, false) => false,
        (None, true) => {
            if now.at.saturating_sub(stay.entered.at) >= dwell(stay.geofence) {
                let order = next();
                stay.begun = Some(order);
                out.push(Crossing { geofence: stay.geofence, order, begun: order, entered: stay.entered, exited: None });
            }
            true
        }
        (Some(_), true) => {
            stay.left = None;
            true
        }
        (Some(begun), false) => {
            let left = *stay.left.get_or_insert(now);
            if now.at.saturating_sub(left.at) < dwell(stay.geofence) {
                return true;
            }
            out.push(Crossing { geofence: stay.geofence, order: next(), begun, entered: stay.entered, exited: Some(left) });
            false
        }
    }
}

#[cfg(test)]
#[path = "presence_tests.rs"]
mod tests;
