//! Visits: a device inside a geofence, from an enter to an exit.

use super::{EventId, Order};
use policy::{AccountId, DeviceId, GeofenceId, Micros};

/// One revision of a visit. Revisions are append-only rows: the first says that it began, the next that it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The same in every revision.
    pub id: EventId,
    /// 0 when it began, 1 when it ended.
    pub revision: u32,
    /// Where this revision stands in the recorded order.
    pub order: Order,
    /// When this revision was recorded.
    pub recorded_at: Micros,
    /// Whose.
    pub account: AccountId,
    /// Which device.
    pub device: DeviceId,
    /// Where.
    pub geofence: GeofenceId,
    /// Fix time of the first position inside; `None` in the clipped form, which a viewer gets whose window begins later (P3).
    pub entered_at: Option<Micros>,
    /// Fix time of the first position outside again.
    pub exited_at: Option<Micros>,
}
