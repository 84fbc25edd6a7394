//! Taking something from the contractor while everything goes on: an API call of the owner.

use super::compare::Taking;
use super::http;
use super::scene::Scene;
use super::watcher::{Arrival, Watcher};
use crate::cli::Failure;
use crate::gateway::Gateway;
use crate::model::{Micros, PublicId, Seq};
use serde_json::json;
use spec::{Of, Operation, Spot, Turn};
use std::time::Duration;

/// What is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A device: all of its data goes at once (P4).
    Device(PublicId),
    /// A geofence: what is recorded from then on (B38, B39).
    Geofence(PublicId),
}

/// Something that was taken.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    what: What,
    operation: Operation,
    /// The newest thing that the contractor had when the call began.
    received_up_to: Micros,
    /// The last entry of the journal when the call began, and when it had returned.
    committed: (Seq, Seq),
    /// How many `access_changed` the contractor had before.
    access_changes_before: u32,
    /// How long the call took.
    pub took: Duration,
}

impl Taken {
    /// The same for the comparison. Things reach a stream in the recorded order, so whatever is not newer than the newest that had come
    /// had come too; of a geofence all stays that was recorded when the call began, also what had not come yet. `seq_of` gives the last
    /// entry recorded up to an instant.
    pub(super) fn taking(&self, seq_of: impl Fn(Micros) -> Seq) -> Taking {
        let (begun, returned) = self.committed;
        let not_before = match self.what {
            What::Device(_) => seq_of(self.received_up_to),
            What::Geofence(_) => begun,
        };
        Taking { operation: self.operation.clone(), not_before, not_after: returned }
    }

    /// Whether something that came must not have come any more.
    pub(super) fn forbids(&self, arrival: &Arrival, seq: Seq) -> bool {
        let is_recorded_after = seq > self.committed.1;
        match self.what {
            What::Device(device) => arrival.device == device && (arrival.access_changes > self.access_changes_before || is_recorded_after),
            What::Geofence(geofence) => arrival.geofence == Some(geofence) && is_recorded_after,
        }
    }
}

/// The owner takes it, the fleet drives on.
pub(super) async fn take(gateway: &Gateway, scene: &Scene, watchers: &[Watcher], what: What) -> Result<Taken, Failure> {
    let (owner, contractor) = watchers.first().zip(watchers.last()).ok_or("nobody looks on")?;
    let person = scene.contractor().ok_or("there is no contractor")?;
    let user = person.user.0;
    let (path, body, operation) = match what {
        What::Device(id) => {
            let device = scene.device(id).ok_or("no such device")?.0;
            ("devices", json!({ "add": [], "remove": [id] }), Operation::RevokeDevice { user, device })
        }
        What::Geofence(id) => {
            let spot = Spot::Geofence(scene.geofence(id).ok_or("no such geofence")?.0);
            let operation = Operation::Turn { user, of: Of::One(spot), turn: Turn::Off };
            ("geofences", json!({ "each": [{ "id": id, "turn": "off" }] }), operation)
        }
    };
    let path = format!("/api/v1/users/{}/grants/{path}", person.public_id);
    let (received_up_to, access_changes_before) = contractor.look(|inbox| {
        let newest = inbox.arrivals.iter().map(|arrival| arrival.recorded_at).max();
        (newest.unwrap_or(Micros::MIN), inbox.access_changes)
    });
    let begun = gateway.journal().committed();
    let started = tokio::time::Instant::now();
    http::call(gateway.api(), ("PATCH", &path), Some(&owner.token), &body).await?;
    let took = started.elapsed();
    let committed = (begun, gateway.journal().committed());
    Ok(Taken { what, operation, received_up_to, committed, access_changes_before, took })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::compare::Key;

    #[test]
    fn what_comes_after_it_was_taken_is_forbidden() {
        let (mine, other) = (PublicId::from_u128(1), PublicId::from_u128(2));
        let taken = |what| Taken {
            what,
            operation: Operation::RevokeDevice { user: 3, device: 1 },
            received_up_to: 100,
            committed: (10, 12),
            access_changes_before: 1,
            took: Duration::ZERO,
        };
        let arrival = |device, geofence, access_changes| Arrival {
            key: Key::Alert { id: device },
            device,
            geofence,
            span: (0, 0),
            recorded_at: 0,
            late: false,
            access_changes,
        };
        let device = taken(What::Device(mine));
        assert!(device.forbids(&arrival(mine, None, 2), 9), "behind access_changed");
        assert!(device.forbids(&arrival(mine, None, 1), 13), "recorded after the call");
        assert!(!device.forbids(&arrival(mine, None, 1), 12) && !device.forbids(&arrival(other, None, 2), 13));
        let geofence = taken(What::Geofence(mine));
        assert!(geofence.forbids(&arrival(other, Some(mine), 1), 13));
        assert!(!geofence.forbids(&arrival(other, Some(mine), 2), 12), "what was recorded before stays");
        assert_eq!((device.taking(|_| 7).not_before, geofence.taking(|_| 7).not_before), (7, 10));
    }
}
