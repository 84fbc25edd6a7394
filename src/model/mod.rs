//! Room: model
//! Takes: nothing. Gives: what the other rooms speak of: devices, geofences, places, rules, positions, visits, alerts.
//! May import: policy, protocols
//! Invariant: plain data; no clock, no socket, no file, no user; a payload's `facts()` names everything that it tells.

mod account;
mod alert;
mod definitions;
mod device;
mod device_map;
mod geofence;
mod item;
mod order;
mod position;
mod rule;
mod schedule;
mod time_text;
mod visit;

pub use account::{Account, Grants, GrantsOf, Role, Tariff, User, UserAccess};
pub use alert::{Alert, AlertKind};
pub use definitions::{DefinitionSet, Definitions};
pub use device::{Connection, Device, DeviceState, Output};
pub use device_map::DeviceMap;
pub use geofence::{Geofence, Place, Point, Shape};
pub use item::{Form, Item, Names, Shared};
pub use order::{EventId, Order};
pub use policy::{AccountId, DeviceId, GeofenceId, Micros, PlaceId, RoleId, RuleId, Seq, UserId};
pub use position::{Position, TimeFlag};
pub use protocols::from_rfc3339;
pub use rule::{Rule, RuleKind};
pub use schedule::{CompiledSchedule, Schedule, WeekSpan};
pub use time_text::write_rfc3339;
pub use visit::Visit;

use serde::{Deserialize, Serialize};

/// What the outside calls a thing: a UUID, version 7.
pub type PublicId = uuid::Uuid;

/// A tariff's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TariffId(pub u32);
