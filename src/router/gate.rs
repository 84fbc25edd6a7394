//! Bodies under way: an answer that was judged for a viewer leaves only while he is the viewer in force.

use parking_lot::Mutex;
use policy::{AccountId, Viewer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::Notify;
use tokio::time::Instant;

/// One user's gate. It turns whenever something is taken from him.
#[derive(Default)]
pub(super) struct Gate {
    turn: AtomicU64,
    in_flight: AtomicUsize,
    ended: Notify,
    account: Mutex<Option<AccountId>>,
}

impl Gate {
    pub(super) fn now(&self) -> u64 {
        self.turn.load(Ordering::SeqCst)
    }

    pub(super) fn turn(&self) {
        self.turn.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn account(&self) -> Option<AccountId> {
        *self.account.lock()
    }

    pub(super) fn belongs_to(&self, account: AccountId) {
        *self.account.lock() = Some(account);
    }

    /// Waits until no chunk that was let through is still being written, or the deadline.
    pub(super) async fn chunks_ended(&self, deadline: Instant) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if self.in_flight.load(Ordering::SeqCst) == 0 || tokio::time::timeout_at(deadline, ended).await.is_err() {
                return;
            }
        }
    }
}

/// The viewer of one request.
#[derive(Clone)]
pub struct BodyGuard {
    gate: Arc<Gate>,
    turn: u64,
    viewer: Arc<Viewer>,
}

impl BodyGuard {
    pub(super) fn new(gate: Arc<Gate>, turn: u64, viewer: Arc<Viewer>) -> Self {
        Self { gate, turn, viewer }
    }

    /// The viewer that the answer is to be judged for.
    #[must_use]
    pub fn viewer(&self) -> &Arc<Viewer> {
        &self.viewer
    }

    /// Whether he is still the viewer in force.
    #[must_use]
    pub fn current(&self) -> bool {
        self.gate.now() == self.turn
    }

    /// Lets one chunk through, or says that it must not leave. While the [`Chunk`] lives, it counts as being sent.
    #[must_use]
    pub fn chunk(&self) -> Option<Chunk> {
        self.gate.in_flight.fetch_add(1, Ordering::SeqCst);
        let chunk = Chunk { gate: Arc::clone(&self.gate) };
        // Counted before it is checked: a turn after the check waits for it, a turn before the check is seen.
        self.current().then_some(chunk)
    }
}

/// A chunk of a body on its way.
pub struct Chunk {
    gate: Arc<Gate>,
}

impl Drop for Chunk {
    fn drop(&mut self) {
        if self.gate.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.gate.ended.notify_waiters();
        }
    }
}
