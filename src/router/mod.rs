//! Room: router
//! Takes: items in recorded order, and who has to be looked at anew. Gives: into the outbox of each open stream what its viewer may see.
//! May import: model, clock, config, telemetry, policy
//! Invariant: what waits in an outbox was judged for the viewer in force; when `enforce` has returned, no send begins of what the new state forbids.

mod gate;
mod index;
mod outbox;
mod stream;
mod subscription;

pub use gate::{BodyGuard, Chunk, Going};
pub use outbox::{CloseReason, Outbox, Outgoing};
pub use stream::{ResetSocket, SessionId, Stream};
pub use subscription::{Kind, Kinds, Subscription};

use crate::clock::Clock;
use crate::config::DeliveryConfig;
use crate::model::{Order, Shared};
use crate::telemetry;
use dashmap::DashMap;
use gate::Gate;
use index::Index;
use parking_lot::Mutex;
use policy::{AccountId, Observed, Permitted, UserId, Verdict, Viewer, admit};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Who compiles viewers: the directory.
pub trait Compile: Send + Sync {
    /// The viewer as of the directory's state now; `None`: there is no such user.
    fn compile(&self, user: UserId, generation: u64) -> Option<Viewer>;

    /// Whether the session is open. A stream asks when it is registered, so that no log-out falls in between.
    fn session_is_open(&self, session: SessionId) -> bool;
}

/// Who has to be looked at anew after a change, and who has to go.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    /// Users whose viewer is to be compiled anew.
    pub users: Vec<UserId>,
    /// Everybody of these accounts.
    pub accounts: Vec<AccountId>,
    /// Sessions whose streams are closed.
    pub closed_sessions: Vec<SessionId>,
    /// Users all of whose streams are closed.
    pub closed_users: Vec<UserId>,
    /// Whether anything was taken away: then bodies under way are stopped and streams are told `access_changed`.
    pub narrowed: bool,
}

/// Why a stream could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is no such user any more, or he is disabled.
    #[error("the user may not sign in")]
    NoViewer,
    /// `streams_max`.
    #[error("too many streams are open")]
    TooMany,
    /// `streams_per_user_max`.
    #[error("too many streams of this user are open")]
    TooManyOfUser,
}

/// The fan-out.
pub struct Router {
    clock: Arc<Clock>,
    config: DeliveryConfig,
    compiler: Arc<dyn Compile>,
    index: Index,
    by_user: DashMap<UserId, Vec<Arc<Stream>>>,
    accounts: DashMap<UserId, AccountId>,
    gates: DashMap<UserId, Arc<Gate>>,
    generation: AtomicU64,
    stream_ids: AtomicU64,
    open: AtomicUsize,
    publishing: Mutex<Publishing>,
}

/// What one `publish` call gathers, so that each outbox is locked once for a batch.
#[derive(Default)]
struct Publishing {
    published: Order,
    slots: Vec<Slot>,
    touched: Vec<usize>,
    free: Vec<usize>,
}

#[derive(Default)]
struct Slot {
    stream: Option<Arc<Stream>>,
    items: Vec<Permitted<Shared>>,
}

impl Router {
    /// An empty one.
    #[must_use]
    pub fn new(config: DeliveryConfig, clock: Arc<Clock>, compiler: Arc<dyn Compile>) -> Self {
        Self {
            clock,
            config,
            compiler,
            index: Index::default(),
            by_user: DashMap::new(),
            accounts: DashMap::new(),
            gates: DashMap::new(),
            generation: AtomicU64::new(1),
            stream_ids: AtomicU64::new(1),
            open: AtomicUsize::new(0),
            publishing: Mutex::new(Publishing::default()),
        }
    }

    /// The settings of delivery.
    #[must_use]
    pub const fn config(&self) -> &DeliveryConfig {
        &self.config
    }

    /// Takes items in recorded order and hands each to whoever watches its device and may see it.
    pub fn publish(&self, items: &[Shared]) {
        let now = self.clock.now();
        let mut publishing = self.publishing.lock();
        for shared in items {
            let item = shared.item();
            self.index.watchers(item.account(), item.device(), |stream| publishing.offer(stream, shared, now));
            publishing.published = item.order();
        }
        publishing.hand_over(&self.config, now);
    }

    /// Opens a stream: registered first, compiled afterwards, so that no change falls between.
    ///
    /// # Errors
    /// A limit is reached, or the user is gone.
    pub fn open(
        self: &Arc<Self>,
        user: UserId,
        session: SessionId,
        subscription: Subscription,
        after: Option<Order>,
    ) -> Result<Arc<Stream>, OpenError> {
        if self.open.load(Ordering::Relaxed) >= self.config.streams_max {
            return Err(OpenError::TooMany);
        }
        let slot = self.publishing.lock().take_slot();
        let stream = Arc::new(Stream::new(self.stream_ids.fetch_add(1, Ordering::Relaxed), slot, user, session, subscription));
        {
            let mut streams = self.by_user.entry(user).or_default();
            if streams.len() >= self.config.streams_per_user_max {
                self.publishing.lock().give_slot(slot);
                return Err(OpenError::TooManyOfUser);
            }
            streams.push(Arc::clone(&stream));
        }
        self.open.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!(telemetry::STREAMS).increment(1.0);
        self.publishing.lock().put(slot, Arc::clone(&stream));
        if !self.refresh(&stream, false) || !self.compiler.session_is_open(session) {
            self.close(&stream, CloseReason::SignedOut);
            return Err(OpenError::NoViewer);
        }
        // Everything published after this point is offered to the stream; everything up to it belongs to snapshot or resume.
        let published = self.publishing.lock().published;
        stream.outbox().begin(published, after);
        Ok(stream)
    }

    /// Forgets a stream.
    pub fn close(&self, stream: &Arc<Stream>, reason: CloseReason) {
        stream.outbox().close(reason);
        let removed = self.by_user.get_mut(&stream.user()).is_some_and(|mut streams| {
            let before = streams.len();
            streams.retain(|other| other.id() != stream.id());
            streams.len() < before
        });
        if removed {
            self.by_user.remove_if(&stream.user(), |_, streams| streams.is_empty());
            let _entry = stream.indexing();
            self.index.remove(stream);
            self.publishing.lock().give_slot(stream.slot());
            self.open.fetch_sub(1, Ordering::Relaxed);
            metrics::gauge!(telemetry::STREAMS).decrement(1.0);
        }
    }

    /// Ends every stream: the gateway stops.
    pub fn close_all(&self) {
        let streams: Vec<Arc<Stream>> = self.by_user.iter().flat_map(|entry| entry.value().clone()).collect();
        streams.iter().for_each(|stream| self.close(stream, CloseReason::Stopping));
    }

    /// Compiles the stream's viewer anew, judges again what waits, and follows his devices. `false`: there is no viewer.
    fn refresh(&self, stream: &Arc<Stream>, tell: bool) -> bool {
        let _entry = stream.indexing();
        // One that was closed meanwhile has left the index, and does not come back.
        if stream.outbox().closed().is_some() {
            return true;
        }
        let generation = self.generation.fetch_add(1, Ordering::Relaxed);
        let viewer = self.compiler.compile(stream.user(), generation).filter(|viewer| !viewer.disabled).map(Arc::new);
        let Some(viewer) = viewer else {
            stream.outbox().close(CloseReason::SignedOut);
            return false;
        };
        self.accounts.insert(stream.user(), viewer.account);
        stream.set_viewer(Arc::clone(&viewer));
        stream.outbox().replace_viewer(Arc::clone(&viewer), tell, self.clock.now());
        self.index.follow(stream, &viewer);
        true
    }

    /// The revocation barrier (P6): to be called when the new directory state is in force. When it has returned, no send begins of
    /// anything that the new state forbids; sends that were under way have ended, or their sockets were reset.
    pub async fn enforce(&self, touched: &Touched) {
        let started = std::time::Instant::now();
        let mut streams = Vec::new();
        for user in &touched.users {
            self.collect(*user, &mut streams);
        }
        for account in &touched.accounts {
            // Whose account is not known yet is being compiled, perhaps from the state before.
            let of_account = |user: &UserId| self.accounts.get(user).is_none_or(|of| *of == *account);
            let users: Vec<UserId> = self.by_user.iter().map(|entry| *entry.key()).collect();
            users.into_iter().filter(of_account).for_each(|user| self.collect(user, &mut streams));
        }
        let gates = self.turn_gates(touched);
        let closed: Vec<Arc<Stream>> = self
            .by_user
            .iter()
            .flat_map(|entry| entry.value().clone())
            .filter(|stream| touched.closed_users.contains(&stream.user()) || touched.closed_sessions.contains(&stream.session()))
            .collect();
        for stream in &closed {
            self.close(stream, CloseReason::SignedOut);
        }
        for stream in &streams {
            if !self.refresh(stream, touched.narrowed) {
                self.close(stream, CloseReason::SignedOut);
            }
        }
        let grace = Duration::from_millis(self.config.revoke_grace_ms);
        let deadline = tokio::time::Instant::now() + grace;
        for stream in streams.iter().chain(&closed) {
            if !stream.outbox().sends_ended(deadline).await {
                metrics::counter!(telemetry::REVOKE_RESETS).increment(1);
                stream.outbox().close(CloseReason::Reset);
                stream.reset_socket();
                self.close(stream, CloseReason::Reset);
            }
        }
        for (gate, turned) in gates {
            let of = if turned { None } else { Some(touched.closed_sessions.as_slice()) };
            if !gate.chunks_ended(of, deadline).await {
                metrics::counter!(telemetry::REVOKE_RESETS).increment(1);
            }
        }
        metrics::histogram!(telemetry::REVOKE).record(started.elapsed().as_secs_f64());
    }

    /// Bodies that were judged before this leave no further. Gives the gates whose chunks under way have to end, and whether they
    /// turned: of a session that is closed the gate does not turn, for the user's other sessions stay; whoever sends looks whether his
    /// session is open.
    fn turn_gates(&self, touched: &Touched) -> Vec<(Arc<Gate>, bool)> {
        // Whose account is not known yet is being compiled, perhaps from the state before.
        let of_account = |gate: &Gate| gate.account().is_none_or(|account| touched.accounts.contains(&account));
        let mut gates = Vec::new();
        for entry in &self.gates {
            let gate = entry.value();
            let of_touched = touched.users.contains(entry.key()) || (!touched.accounts.is_empty() && of_account(gate));
            let turns = (touched.narrowed && of_touched) || touched.closed_users.contains(entry.key());
            if turns {
                gate.turn();
            }
            if turns || gate.sends_to(&touched.closed_sessions) {
                gates.push((Arc::clone(gate), turns));
            }
        }
        gates
    }

    fn collect(&self, user: UserId, streams: &mut Vec<Arc<Stream>>) {
        if let Some(entry) = self.by_user.get(&user) {
            streams.extend(entry.value().iter().cloned());
        }
    }

    /// The viewer of a request, and the means to see whether he is still the one when the answer leaves: registered first, compiled
    /// afterwards. `None`: there is no such user any more.
    #[must_use]
    pub fn body(&self, user: UserId) -> Option<BodyGuard> {
        let gate = Arc::clone(&self.gates.entry(user).or_default());
        loop {
            let turn = gate.now();
            let generation = self.generation.fetch_add(1, Ordering::Relaxed);
            let viewer = self.compiler.compile(user, generation).filter(|viewer| !viewer.disabled)?;
            // A change for everybody of the account finds the gate only if it says whose it is: the first viewer is compiled twice.
            if !gate.belongs_to(viewer.account) {
                return Some(BodyGuard::new(gate, turn, Arc::new(viewer)));
            }
        }
    }

    /// Up to where items were published.
    #[must_use]
    pub fn published(&self) -> Order {
        self.publishing.lock().published
    }
}

impl Publishing {
    fn take_slot(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        })
    }

    fn put(&mut self, slot: usize, stream: Arc<Stream>) {
        if let Some(place) = self.slots.get_mut(slot) {
            place.stream = Some(stream);
        }
    }

    fn give_slot(&mut self, slot: usize) {
        if let Some(place) = self.slots.get_mut(slot) {
            place.stream = None;
            place.items.clear();
            self.free.push(slot);
        }
    }

    fn offer(&mut self, stream: &Arc<Stream>, shared: &Shared, now: policy::Micros) {
        let Some(permitted) = stream.admit(shared, now) else { return };
        let Some(slot) = self.slots.get_mut(stream.slot()) else { return };
        // A slot may have gone to another stream between the look-up and now.
        if slot.stream.as_ref().is_none_or(|owner| owner.id() != stream.id()) {
            return;
        }
        if slot.items.is_empty() {
            self.touched.push(stream.slot());
        }
        slot.items.push(permitted);
    }

    fn hand_over(&mut self, config: &DeliveryConfig, now: policy::Micros) {
        let mut delivered = 0;
        while let Some(touched) = self.touched.pop() {
            let Some(slot) = self.slots.get_mut(touched) else { continue };
            delivered += slot.items.len() as u64;
            match &slot.stream {
                Some(stream) => stream.outbox().push(&mut slot.items, config, now),
                None => slot.items.clear(),
            }
        }
        if delivered > 0 {
            metrics::counter!(telemetry::DELIVERED).increment(delivered);
        }
    }
}

/// Judges a thing for a viewer and counts what is withheld.
pub(crate) fn judged<T: Observed>(item: T, viewer: &Viewer, now: policy::Micros) -> Option<Permitted<T>> {
    match admit(item, viewer, now) {
        Ok(permitted) => Some(permitted),
        Err(verdict) => {
            let reason = match verdict {
                Verdict::Hide(reason) | Verdict::Forbid(reason) => reason.label(),
                Verdict::Allow => "allowed",
            };
            metrics::counter!(telemetry::WITHHELD, "reason" => reason).increment(1);
            None
        }
    }
}
