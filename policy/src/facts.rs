//! What a thing tells: all that a verdict may rest on besides the viewer and the time.

use crate::ids::{AccountId, DeviceId, GeofenceId, Micros, PlaceId, Seq, UserId};
use crate::table::{Action, Resource};

/// Everything that a thing tells, and what is to be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The account it belongs to.
    pub account: AccountId,
    /// What it is.
    pub resource: Resource,
    /// What is to be done with it.
    pub action: Action,
    /// Every device it names.
    pub devices: &'a [DeviceId],
    /// Every geofence it names.
    pub geofences: &'a [GeofenceId],
    /// Every place it names.
    pub places: &'a [PlaceId],
    /// The fix times it tells of. `None`: it has none.
    pub span: Option<Span>,
    /// When it was recorded. `None`: it is not a recorded thing.
    pub recorded: Option<Recorded>,
    /// Whose own thing it is: the maker of a report, the user himself.
    pub user: Option<UserId>,
}

impl<'a> Facts<'a> {
    /// Facts that name nothing yet.
    pub const fn new(account: AccountId, resource: Resource, action: Action) -> Self {
        Self { account, resource, action, devices: &[], geofences: &[], places: &[], span: None, recorded: None, user: None }
    }

    /// The same with these devices.
    pub const fn devices(mut self, devices: &'a [DeviceId]) -> Self {
        self.devices = devices;
        self
    }

    /// The same with these geofences.
    pub const fn geofences(mut self, geofences: &'a [GeofenceId]) -> Self {
        self.geofences = geofences;
        self
    }

    /// The same with these places.
    pub const fn places(mut self, places: &'a [PlaceId]) -> Self {
        self.places = places;
        self
    }

    /// The same with this span of fix times.
    pub const fn span(mut self, from: Micros, to: Micros) -> Self {
        self.span = Some(Span { from, to });
        self
    }

    /// The same, recorded at this place and time.
    pub const fn recorded(mut self, seq: Seq, at: Micros) -> Self {
        self.recorded = Some(Recorded { seq, at });
        self
    }

    /// The same as this user's own.
    pub const fn of_user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// The instant that must lie inside the window for all of it to: the beginning of its span, but never later than when it was
    /// recorded (P2). `None`: it tells no time at all.
    pub fn judged_time(&self) -> Option<Micros> {
        let begin = self.span.map(|span| span.from.min(span.to));
        let recorded = self.recorded.map(|recorded| recorded.at);
        match (begin, recorded) {
            (Some(begin), Some(recorded)) => Some(begin.min(recorded)),
            (begin, recorded) => begin.or(recorded),
        }
    }
}

/// A span of fix times, both ends included. A position's is its fix time twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The earliest fix time told.
    pub from: Micros,
    /// The latest fix time told.
    pub to: Micros,
}

/// Where in the recorded order, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The place in the recorded order.
    pub seq: Seq,
    /// The server's time.
    pub at: Micros,
}

/// A range of fix times that is asked for, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The earliest.
    pub from: Micros,
    /// The latest.
    pub to: Micros,
}
