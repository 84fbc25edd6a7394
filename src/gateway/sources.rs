//! What streams are filled from besides the live items: the latest of each device, and the journal and the events behind a cursor.

use crate::delivery::{Backlog, Caught, Sources};
use crate::directory::Directory;
use crate::events::Events;
use crate::journal::{EntryKind, Journal, ReadError};
use crate::model::{DeviceId, Item, Names, Order, PublicId, Shared};
use crate::pipeline::{Latest, Remarks};
use std::sync::Arc;

pub(super) struct GatewaySources {
    pub directory: Directory,
    pub journal: Journal,
    pub events: Events,
    pub latest: Arc<Latest>,
    pub remarks: Arc<Remarks>,
}

impl Sources for GatewaySources {
    fn names(&self) -> Arc<dyn Names + Send + Sync> {
        self.directory.snapshot()
    }

    fn device(&self, public: PublicId) -> Option<DeviceId> {
        self.directory.snapshot().device_of_public(public).map(|device| device.id)
    }

    fn latest(&self, device: DeviceId) -> Option<Shared> {
        self.latest.get(device)
    }

    fn state(&self, device: DeviceId) -> Option<Shared> {
        self.latest.state(device)
    }

    fn since(&self, backlog: &Backlog<'_>) -> Caught {
        let (mut items, mut truncated) = self.positions_since(backlog).unwrap_or_else(|error| {
            tracing::error!(%error, "the journal could not be read back for a stream");
            (Vec::new(), true)
        });
        let events = self.events.since(Some(backlog.account), backlog.after, backlog.up_to, backlog.items_max);
        // Streams are begun on threads that may block.
        match tokio::runtime::Handle::current().block_on(events) {
            Ok(found) => {
                truncated |= found.len() >= backlog.items_max;
                items.extend(found);
            }
            Err(error) => {
                tracing::error!(%error, "the events could not be read back for a stream");
                truncated = true;
            }
        }
        let states = backlog.devices.iter().filter_map(|device| self.latest.state(*device));
        items.extend(states.filter(|state| state.item().order() > backlog.after && state.item().order() <= backlog.up_to));
        items.sort_by_key(|shared| shared.item().order());
        Caught { items, truncated }
    }
}

impl GatewaySources {
    /// Positions of the wanted devices in recorded order, resends left out, and whether some are no longer there.
    fn positions_since(&self, backlog: &Backlog<'_>) -> Result<(Vec<Shared>, bool), ReadError> {
        let mut truncated = false;
        let mut reader = match self.journal.reader(backlog.after.seq.max(1)) {
            Ok(reader) => reader,
            Err(ReadError::Truncated { oldest }) => {
                truncated = true;
                self.journal.reader(oldest)?
            }
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        while let Some(block) = reader.next_block()? {
            if block.first_seq() > backlog.up_to.seq {
                break;
            }
            for entry in block.entries() {
                let order = Order { seq: entry.seq, ordinal: 0 };
                let EntryKind::Record(record) = entry.kind else { continue };
                let wanted = order > backlog.after && order <= backlog.up_to && backlog.devices.binary_search(&record.device).is_ok();
                if !wanted || record.account != backlog.account {
                    continue;
                }
                let remark = self.remarks.of(entry.seq);
                if remark.is_duplicate() {
                    continue;
                }
                if found.len() >= backlog.items_max {
                    return Ok((found, true));
                }
                let mut position = record.to_position(entry.seq, entry.recorded_at);
                position.late = remark.is_late();
                position.time_flag = remark.time_flag(position.fix_time.is_some());
                found.push(Shared::new(Item::Position(position)));
            }
        }
        Ok((found, truncated))
    }
}
