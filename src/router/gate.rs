//! Bodies under way: an answer that was judged for a viewer leaves only while he is the viewer in force.

use super::SessionId;
use super::stream::ResetSocket;
use parking_lot::Mutex;
use policy::{AccountId, Viewer};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;
use tokio::time::Instant;

/// Where a chunk goes.
pub struct Going {
    /// Of which session.
    pub session: SessionId,
    /// Cuts its connection off.
    pub reset: ResetSocket,
}

/// One user's gate. It turns whenever something is taken from him.
#[derive(Default)]
pub(super) struct Gate {
    turn: AtomicU64,
    numbers: AtomicU64,
    /// Chunks that were let through and are not with the kernel yet.
    in_flight: Mutex<HashMap<u64, Going>>,
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

    /// `true`: it was not known before.
    pub(super) fn belongs_to(&self, account: AccountId) -> bool {
        self.account.lock().replace(account) != Some(account)
    }

    /// Whether a chunk of one of these sessions is being sent.
    pub(super) fn sends_to(&self, sessions: &[SessionId]) -> bool {
        !sessions.is_empty() && self.in_flight.lock().values().any(|going| sessions.contains(&going.session))
    }

    /// Waits until no chunk that was let through is still being sent: of these sessions, or of all where none are named. At the
    /// deadline the connections of those left are cut off. `false`: some were.
    pub(super) async fn chunks_ended(&self, of: Option<&[SessionId]>, deadline: Instant) -> bool {
        let concerned = |going: &&Going| of.is_none_or(|sessions| sessions.contains(&going.session));
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if !self.in_flight.lock().values().any(|going| concerned(&going)) {
                return true;
            }
            if tokio::time::timeout_at(deadline, ended).await.is_err() {
                let in_flight = self.in_flight.lock();
                let mut left = in_flight.values().filter(concerned).peekable();
                let none_left = left.peek().is_none();
                left.for_each(|going| (going.reset)());
                return none_left;
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
    pub fn chunk(&self, going: Going) -> Option<Chunk> {
        let number = self.gate.numbers.fetch_add(1, Ordering::Relaxed);
        self.gate.in_flight.lock().insert(number, going);
        let chunk = Chunk { gate: Arc::clone(&self.gate), number };
        // Counted before it is checked: a turn after the check waits for it, a turn before the check is seen.
        self.current().then_some(chunk)
    }
}

/// A chunk of a body on its way.
pub struct Chunk {
    gate: Arc<Gate>,
    number: u64,
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.gate.in_flight.lock().remove(&self.number);
        self.gate.ended.notify_waiters();
    }
}
