//! Verdicts and their reasons: which grant, right, category, window or tariff decided (P12), and the text that names what is missing (T24).

use core::fmt;

use crate::category::{Category, Level};
use crate::grants::GrantState;
use crate::ids::{DeviceId, GeofenceId, Micros, PlaceId};
use crate::rights::Right;
use crate::table::{Action, Resource};
use crate::viewer::Limit;

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// He may.
    Allow,
    /// He may not, and may be told so: 403, naming what is missing.
    Forbid(Reason),
    /// He may not even know of it: 404, as if it did not exist.
    Hide(Reason),
}

impl Verdict {
    /// Whether he may.
    pub const fn is_allow(&self) -> bool {
        matches!(self, Self::Allow)
    }

    /// The reason against it.
    pub const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Allow => None,
            Self::Forbid(reason) | Self::Hide(reason) => Some(*reason),
        }
    }
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The user is disabled.
    Disabled,
    /// It belongs to another account.
    OtherAccount,
    /// The table knows no such operation.
    NoSuchOperation(Resource, Action),
    /// A category, a right or a standing is missing.
    Missing(Missing),
    /// It is somebody else's own.
    SomebodyElses,
    /// It names no device, geofence or place, and only by such a one could it be visible.
    NamesNothing,
    /// It tells no time, and only inside a history window could it be visible.
    TellsNoTime,
    /// The device is not granted, or not of the account.
    Device(DeviceId),
    /// The geofence is not granted, or its grant ended before.
    Geofence(GeofenceId, Option<GrantState>),
    /// The place is not granted, or its grant ended before.
    Place(PlaceId, Option<GrantState>),
    /// It reaches back before the history window of a device.
    Window {
        /// Of this device.
        device: DeviceId,
        /// Whether the role or the tariff is the narrower one.
        limit: Limit,
        /// Its length.
        window: Micros,
    },
    /// Nothing was left of it when all was taken away that he may not know.
    NothingLeft,
}

impl Reason {
    /// One fixed word, without ids: for counters.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::OtherAccount => "other_account",
            Self::NoSuchOperation(..) => "no_such_operation",
            Self::Missing(_) => "missing",
            Self::SomebodyElses => "somebody_elses",
            Self::NamesNothing => "names_nothing",
            Self::TellsNoTime => "tells_no_time",
            Self::Device(_) => "device",
            Self::Geofence(..) => "geofence",
            Self::Place(..) => "place",
            Self::Window { .. } => "window",
            Self::NothingLeft => "nothing_left",
        }
    }
}

/// What a viewer would need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// This right, in his role.
    Right(Right),
    /// This category, at this level.
    Category(Category, Level),
    /// To be the owner.
    OwnerOnly,
    /// To be the owner or an admin.
    OwnerOrAdmin,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Right(right) => write!(f, "right {right} is missing"),
            Self::Category(category, level) => write!(f, "category {category} ({}) is missing", level.name()),
            Self::OwnerOnly => f.write_str("only the owner may do this"),
            Self::OwnerOrAdmin => f.write_str("only the owner or an admin may do this"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("the user is disabled"),
            Self::OtherAccount => f.write_str("it belongs to another account"),
            Self::NoSuchOperation(resource, action) => write!(f, "there is no operation {action} of {resource}"),
            Self::Missing(missing) => missing.fmt(f),
            Self::SomebodyElses => f.write_str("it is somebody else's own"),
            Self::NamesNothing => f.write_str("it names nothing that could be granted"),
            Self::TellsNoTime => f.write_str("it tells no time that could lie inside a history window"),
            Self::Device(id) => write!(f, "device {id} is not granted"),
            Self::Geofence(id, state) => grant(f, "geofence", id, *state),
            Self::Place(id, state) => grant(f, "place", id, *state),
            Self::Window { device, limit, window } => {
                write!(f, "it reaches back beyond the {}'s history window of {} s for device {device}", limit.name(), window / 1_000_000)
            }
            Self::NothingLeft => f.write_str("nothing of it is granted"),
        }
    }
}

fn grant(f: &mut fmt::Formatter<'_>, what: &str, id: &dyn fmt::Display, state: Option<GrantState>) -> fmt::Result {
    match state {
        None => write!(f, "{what} {id} is not granted"),
        Some(GrantState::Forgotten) => write!(f, "the grant of {what} {id} ended and is forgotten"),
        Some(GrantState::EndedAt(seq)) => write!(f, "the grant of {what} {id} ended at {seq}"),
        Some(GrantState::Active) => write!(f, "the grant of {what} {id} is in force"),
    }
}
