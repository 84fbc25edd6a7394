//! What waits for one stream. Its lock also guards the viewer in force, which is the heart of the revocation barrier (P6).

use super::judged;
use crate::config::DeliveryConfig;
use crate::model::{Item, Order, Shared};
use crate::telemetry;
use parking_lot::Mutex;
use policy::{DeviceId, Micros, Permitted, Viewer};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The session ended, the user was disabled or deleted, or his password was changed.
    SignedOut,
    /// A send under way did not end within the grace of a revoke.
    Reset,
    /// The viewer went away.
    Gone,
    /// The gateway stops.
    Stopping,
    /// The viewer does not read.
    Stalled,
}

/// What a stream is told.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// An item.
    Item(Permitted<Shared>),
    /// What the viewer may see has changed; nothing that is now forbidden follows.
    AccessChanged,
    /// Something other than positions was lost: catch up from this order.
    Lagged(Order),
    /// What follows is the state as it stands.
    SnapshotBegin,
    /// The snapshot, or what was caught up, is complete; what follows is live.
    SnapshotEnd(Order),
    /// What was asked for by a cursor can no longer be told in full.
    Truncated,
}

/// A stream's queue.
#[derive(Default)]
pub struct Outbox {
    inner: Mutex<Inner>,
    ready: Notify,
    quiet: Notify,
    ended: tokio_util::sync::CancellationToken,
}

#[derive(Default)]
struct Inner {
    viewer: Option<Arc<Viewer>>,
    /// Until the snapshot is in place, nothing is taken out.
    opened: bool,
    floor: Order,
    begun_at: Order,
    waiting: VecDeque<Outgoing>,
    positions: usize,
    others: usize,
    conflate_at: usize,
    /// A loss waits to be told; until then nothing but positions is kept.
    lagging: bool,
    last_kept: Order,
    sending: bool,
    closed: Option<CloseReason>,
}

impl Outbox {
    /// Items up to `published` belong to the snapshot, or are caught up from `after`; what is up to `after` was seen already.
    pub(super) fn begin(&self, published: Order, after: Option<Order>) {
        let mut inner = self.inner.lock();
        inner.begun_at = published;
        inner.floor = after.map_or(published, |after| after.max(published));
        inner.last_kept = published;
        // What was published while the stream was being registered is told by the snapshot or the catching up, once.
        let waiting = std::mem::take(&mut inner.waiting);
        (inner.positions, inner.others) = (0, 0);
        for outgoing in waiting {
            let outgoing = match outgoing {
                Outgoing::Item(permitted) if permitted.item().item().order() <= inner.floor => continue,
                Outgoing::Lagged(order) => Outgoing::Lagged(order.max(inner.floor)),
                other => other,
            };
            inner.count(&outgoing, 1);
            inner.waiting.push_back(outgoing);
        }
    }

    /// The order up to which the snapshot, or the catching up, has to reach.
    #[must_use]
    pub fn begun_at(&self) -> Order {
        self.inner.lock().begun_at
    }

    /// Puts what came before the live items to their front, and lets the queue be taken from. It is judged again if the viewer has changed.
    pub fn open(&self, before: Vec<Outgoing>, now: Micros) {
        let mut inner = self.inner.lock();
        let viewer = inner.viewer.clone();
        for outgoing in before.into_iter().rev() {
            if let Some(outgoing) = judged_again(outgoing, viewer.as_deref(), now) {
                inner.count(&outgoing, 1);
                inner.waiting.push_front(outgoing);
            }
        }
        inner.opened = true;
        drop(inner);
        self.ready.notify_one();
    }

    /// Takes items that were judged for the stream's viewer; those judged for another generation of him are judged again, under the
    /// lock that also guards the viewer in force.
    pub fn push(&self, items: &mut Vec<Permitted<Shared>>, config: &DeliveryConfig, now: Micros) {
        let mut inner = self.inner.lock();
        if inner.closed.is_some() {
            items.clear();
            return;
        }
        let Some(viewer) = inner.viewer.clone() else {
            items.clear();
            return;
        };
        for permitted in items.drain(..) {
            if permitted.item().item().order() <= inner.floor {
                continue;
            }
            let permitted =
                if permitted.generation() == viewer.generation { Some(permitted) } else { judged(permitted.into_inner(), &viewer, now) };
            if let Some(permitted) = permitted {
                inner.keep(permitted, config);
            }
        }
        let wake = inner.opened && !inner.waiting.is_empty();
        drop(inner);
        if wake {
            self.ready.notify_one();
        }
    }

    /// Another viewer is in force: what waits is judged again, and the stream is told at its end.
    pub(super) fn replace_viewer(&self, viewer: Arc<Viewer>, tell: bool, now: Micros) {
        let mut inner = self.inner.lock();
        let waiting = std::mem::take(&mut inner.waiting);
        inner.viewer = Some(Arc::clone(&viewer));
        (inner.positions, inner.others) = (0, 0);
        for outgoing in waiting {
            if let Some(outgoing) = judged_again(outgoing, Some(&viewer), now) {
                inner.count(&outgoing, 1);
                inner.waiting.push_back(outgoing);
            }
        }
        if tell {
            inner.waiting.push_back(Outgoing::AccessChanged);
        }
        let wake = inner.opened;
        drop(inner);
        if wake {
            self.ready.notify_one();
        }
    }

    /// Takes the next items out and marks a send as under way; [`Outbox::sent`] ends it. `false`: there is nothing to send.
    pub fn take(&self, out: &mut Vec<Outgoing>, items_max: usize) -> bool {
        let mut inner = self.inner.lock();
        if !inner.opened || inner.closed.is_some() {
            return false;
        }
        while out.len() < items_max {
            let Some(outgoing) = inner.waiting.pop_front() else { break };
            inner.count(&outgoing, -1);
            if matches!(outgoing, Outgoing::Lagged(_)) {
                metrics::counter!(telemetry::LAGGED).increment(1);
                inner.lagging = false;
            }
            out.push(outgoing);
        }
        inner.sending = !out.is_empty();
        inner.sending
    }

    /// The send is over.
    pub fn sent(&self) {
        self.inner.lock().sending = false;
        self.quiet.notify_waiters();
    }

    /// Waits until there may be something to take, or the stream is closed.
    pub async fn wait(&self) {
        self.ready.notified().await;
    }

    /// Why the stream has to end, if it has to.
    #[must_use]
    pub fn closed(&self) -> Option<CloseReason> {
        self.inner.lock().closed
    }

    /// How many items wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.inner.lock().waiting.len()
    }

    /// Ends the stream; nothing is taken from it any more. The first reason stands, but a reset outweighs it.
    pub fn close(&self, reason: CloseReason) {
        let mut inner = self.inner.lock();
        if inner.closed.is_none() || reason == CloseReason::Reset {
            inner.closed = Some(reason);
        }
        inner.waiting.clear();
        (inner.positions, inner.others) = (0, 0);
        drop(inner);
        self.ended.cancel();
        self.ready.notify_one();
    }

    /// Waits until the stream is closed.
    pub async fn ended(&self) -> CloseReason {
        self.ended.cancelled().await;
        self.closed().unwrap_or(CloseReason::Gone)
    }

    /// Waits until no send is under way. `false`: one still was at the deadline.
    pub(super) async fn sends_ended(&self, deadline: Instant) -> bool {
        loop {
            let quiet = self.quiet.notified();
            tokio::pin!(quiet);
            quiet.as_mut().enable();
            if !self.inner.lock().sending {
                return true;
            }
            if tokio::time::timeout_at(deadline, quiet).await.is_err() {
                return !self.inner.lock().sending;
            }
        }
    }
}

impl Inner {
    fn count(&mut self, outgoing: &Outgoing, by: isize) {
        let Outgoing::Item(permitted) = outgoing else { return };
        let counter = if matches!(permitted.item().item(), Item::Position(_)) { &mut self.positions } else { &mut self.others };
        *counter = counter.saturating_add_signed(by);
    }

    /// Positions are conflated when too many wait; of everything else too much is a loss that is said, in its place: a cursor of what
    /// came later would skip what was lost.
    fn keep(&mut self, permitted: Permitted<Shared>, config: &DeliveryConfig) {
        let order = permitted.item().item().order();
        if matches!(permitted.item().item(), Item::Position(_)) {
            if self.positions >= config.waiting_positions_max.max(self.conflate_at) {
                self.conflate();
            }
        } else if self.lagging {
            return;
        } else if self.others >= config.waiting_items_max {
            self.lagging = true;
            self.waiting.push_back(Outgoing::Lagged(self.last_kept));
            return;
        } else {
            self.last_kept = order;
        }
        let outgoing = Outgoing::Item(permitted);
        self.count(&outgoing, 1);
        self.waiting.push_back(outgoing);
    }

    /// Keeps the newest position of each device, counting from the end, and of late ones likewise.
    fn conflate(&mut self) {
        let mut seen: HashSet<(DeviceId, bool)> = HashSet::new();
        let before = self.waiting.len();
        let mut kept: VecDeque<Outgoing> = VecDeque::with_capacity(before);
        while let Some(outgoing) = self.waiting.pop_back() {
            let keep = match &outgoing {
                Outgoing::Item(permitted) => match permitted.item().item() {
                    Item::Position(position) => seen.insert((position.device, position.late)),
                    _ => true,
                },
                _ => true,
            };
            if keep {
                kept.push_front(outgoing);
            }
        }
        self.waiting = kept;
        let dropped = before - self.waiting.len();
        self.positions = seen.len();
        // Many devices: the next look comes when as many again have gathered, so that the work stays proportional to what arrives.
        self.conflate_at = self.positions.saturating_mul(2);
        metrics::counter!(telemetry::CONFLATED).increment(dropped as u64);
    }
}

fn judged_again(outgoing: Outgoing, viewer: Option<&Viewer>, now: Micros) -> Option<Outgoing> {
    match outgoing {
        Outgoing::Item(permitted) => {
            let viewer = viewer?;
            if permitted.generation() == viewer.generation {
                return Some(Outgoing::Item(permitted));
            }
            judged(permitted.into_inner(), viewer, now).map(Outgoing::Item)
        }
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountId, Connection, DeviceState, Position, TimeFlag};
    use policy::{Access, DeviceWindows, UserId, admit};
    use protocols::Attributes;

    fn state(seq: u64, viewer: &Viewer) -> Permitted<Shared> {
        let order = Order { seq, ordinal: 0 };
        let item = DeviceState { order, account: AccountId(1), device: DeviceId(1), connection: Connection::Online, recorded_at: 1_000 };
        admit(Shared::new(Item::DeviceState(item)), viewer, 1_000).expect("permitted")
    }

    fn position(seq: u64, viewer: &Viewer) -> Permitted<Shared> {
        let item = Position {
            seq,
            account: AccountId(1),
            device: DeviceId(1),
            fix_time: Some(1_000),
            received_at: 1_000,
            recorded_at: 1_000,
            fix: None,
            attributes: Attributes::new(),
            late: false,
            time_flag: TimeFlag::Sound,
        };
        admit(Shared::new(Item::Position(item)), viewer, 1_000).expect("permitted")
    }

    fn owner() -> Arc<Viewer> {
        let account_devices = DeviceWindows::from_iter([(DeviceId(1), 1_000_000)]);
        let (account, user) = (AccountId(1), UserId(1));
        Arc::new(Viewer { account, user, access: Access::Owner, account_devices, epoch: 1, generation: 1, disabled: false })
    }

    /// What is taken, a word each: `7` an item of that order, `lagged 5` a loss behind that one.
    fn told(outbox: &Outbox, items_max: usize) -> Vec<String> {
        let mut taken = Vec::new();
        outbox.take(&mut taken, items_max);
        let word = |outgoing: &Outgoing| match outgoing {
            Outgoing::Item(permitted) => permitted.item().item().order().seq.to_string(),
            Outgoing::Lagged(order) => format!("lagged {}", order.seq),
            other => format!("{other:?}"),
        };
        taken.iter().map(word).collect()
    }

    fn opened(viewer: &Arc<Viewer>) -> Outbox {
        let outbox = Outbox::default();
        outbox.replace_viewer(Arc::clone(viewer), false, 1_000);
        outbox.begin(Order::default(), None);
        outbox.open(Vec::new(), 1_000);
        outbox
    }

    #[test]
    fn p10_a_loss_is_told_in_its_place_before_anything_that_came_after_it() {
        let (viewer, config) = (owner(), DeliveryConfig { waiting_items_max: 2, ..DeliveryConfig::default() });
        let outbox = opened(&viewer);
        outbox.push(&mut vec![state(1, &viewer), state(2, &viewer), state(3, &viewer), position(4, &viewer)], &config, 1_000);
        // A cursor behind 4 would skip what was lost: whoever has it must have been told.
        assert_eq!(told(&outbox, 10), ["1", "2", "lagged 2", "4"]);
    }

    #[test]
    fn p10_a_viewer_whose_queue_never_empties_is_told_and_then_gets_what_comes() {
        let (viewer, config) = (owner(), DeliveryConfig { waiting_items_max: 2, ..DeliveryConfig::default() });
        let outbox = opened(&viewer);
        outbox.push(&mut vec![state(1, &viewer), state(2, &viewer), state(3, &viewer), position(4, &viewer)], &config, 1_000);
        let mut all = Vec::new();
        for seq in 5..9 {
            all.extend(told(&outbox, 1));
            outbox.push(&mut vec![position(seq * 10, &viewer), state(seq * 10 + 1, &viewer)], &config, 1_000);
            assert!(outbox.waiting() > 0, "the queue was to stay filled");
        }
        all.extend(told(&outbox, 100));
        // Lost: 3, and what came before the loss was told (51 and 61).
        assert_eq!(all, ["1", "2", "lagged 2", "4", "50", "60", "70", "71", "80", "81"]);
    }

    #[test]
    fn p10_a_loss_while_a_stream_is_registered_is_told_from_what_it_was_caught_up_to() {
        let (viewer, config) = (owner(), DeliveryConfig { waiting_items_max: 1, ..DeliveryConfig::default() });
        let outbox = Outbox::default();
        outbox.replace_viewer(Arc::clone(&viewer), false, 1_000);
        outbox.push(&mut vec![state(4, &viewer), state(6, &viewer)], &config, 1_000);
        outbox.begin(Order { seq: 5, ordinal: 0 }, None);
        outbox.open(Vec::new(), 1_000);
        assert_eq!(told(&outbox, 10), ["lagged 5"]);
    }

    #[test]
    fn what_was_published_while_a_stream_was_registered_is_told_once() {
        let viewer = owner();
        let outbox = Outbox::default();
        outbox.replace_viewer(Arc::clone(&viewer), false, 1_000);
        let config = DeliveryConfig::default();
        outbox.push(&mut vec![state(4, &viewer), state(5, &viewer), state(6, &viewer)], &config, 1_000);
        outbox.begin(Order { seq: 5, ordinal: 0 }, None);
        outbox.push(&mut vec![state(5, &viewer), state(7, &viewer)], &config, 1_000);
        outbox.open(vec![Outgoing::Item(state(5, &viewer))], 1_000);
        assert_eq!(told(&outbox, 10), ["5", "6", "7"]);
    }
}
