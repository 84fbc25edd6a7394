//! How a stream begins: subscribed first, then the snapshot or what was missed, then live, with no gap between.

use super::{Delivery, Who};
use crate::model::{DeviceId, Order, Shared};
use crate::router::{Outgoing, Stream};
use policy::{AccountId, Viewer, admit};
use std::sync::Arc;

/// What is asked of the past.
pub struct Backlog<'a> {
    /// Of this account.
    pub account: AccountId,
    /// Of these devices, ascending.
    pub devices: &'a [DeviceId],
    /// Behind this order.
    pub after: Order,
    /// Up to and with this order.
    pub up_to: Order,
    /// At most so many.
    pub items_max: usize,
}

/// What the past gave.
#[derive(Debug, Default)]
pub struct Caught {
    /// In recorded order.
    pub items: Vec<Shared>,
    /// Some of it is no longer there, or it is more than was asked for: the gap is said.
    pub truncated: bool,
}

/// Fills the front of the stream's outbox and lets it be taken from.
pub(super) fn begin(delivery: &Delivery, who: Who, stream: &Arc<Stream>, after: Option<Order>) {
    let now = delivery.clock.now();
    let Some(viewer) = stream.viewer() else { return };
    let begun_at = stream.outbox().begun_at();
    let front = match after {
        None => snapshot(delivery, &viewer, stream, begun_at, now),
        Some(after) => missed(delivery, who, &viewer, stream, after, begun_at, now),
    };
    stream.outbox().open(front, now);
}

/// The latest position and the connection of each device. What came after the stream was registered is in its outbox already.
fn snapshot(delivery: &Delivery, viewer: &Viewer, stream: &Stream, begun_at: Order, now: policy::Micros) -> Vec<Outgoing> {
    let mut front = vec![Outgoing::SnapshotBegin];
    for device in viewer.devices().ids().filter(|device| stream.subscription().wants_device(*device)) {
        let state = delivery.sources.state(device);
        let latest = delivery.sources.latest(device);
        for shared in state.into_iter().chain(latest) {
            if stream.subscription().wants(shared.item())
                && shared.item().order() <= begun_at
                && let Ok(permitted) = admit(shared, viewer, now)
            {
                front.push(Outgoing::Item(permitted));
            }
        }
    }
    front.push(Outgoing::SnapshotEnd(begun_at));
    front
}

/// What was recorded behind the cursor, judged with the rights of now.
fn missed(
    delivery: &Delivery,
    who: Who,
    viewer: &Viewer,
    stream: &Stream,
    after: Order,
    begun_at: Order,
    now: policy::Micros,
) -> Vec<Outgoing> {
    let devices: Vec<DeviceId> = viewer.devices().ids().filter(|device| stream.subscription().wants_device(*device)).collect();
    let items_max = delivery.router.config().resume_items_max;
    let caught = delivery.sources.since(&Backlog { account: who.account, devices: &devices, after, up_to: begun_at, items_max });
    let mut front = Vec::with_capacity(caught.items.len().saturating_add(2));
    if caught.truncated {
        front.push(Outgoing::Truncated);
    }
    for shared in caught.items {
        if stream.subscription().wants(shared.item())
            && let Ok(permitted) = admit(shared, viewer, now)
        {
            front.push(Outgoing::Item(permitted));
        }
    }
    front.push(Outgoing::SnapshotEnd(begun_at.max(after)));
    front
}
