//! One open stream of one viewer.

use super::index::Followed;
use super::{Outbox, Subscription, judged};
use crate::model::Shared;
use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, MutexGuard};
use policy::{Micros, Permitted, UserId, Viewer};
use std::sync::Arc;

/// A signed-in session; its streams close with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub crate::model::PublicId);

/// Cuts a connection off at once, whatever still waits in it.
pub type ResetSocket = Box<dyn Fn() + Send + Sync>;

/// A stream.
pub struct Stream {
    id: u64,
    slot: usize,
    user: UserId,
    session: SessionId,
    subscription: Subscription,
    viewer: ArcSwapOption<Viewer>,
    outbox: Outbox,
    indexing: Mutex<()>,
    followed: Mutex<Followed>,
    reset: Mutex<Option<ResetSocket>>,
}

impl Stream {
    pub(super) fn new(id: u64, slot: usize, user: UserId, session: SessionId, subscription: Subscription) -> Self {
        Self {
            id,
            slot,
            user,
            session,
            subscription,
            viewer: ArcSwapOption::empty(),
            outbox: Outbox::default(),
            indexing: Mutex::new(()),
            followed: Mutex::new(Followed::Nothing),
            reset: Mutex::new(None),
        }
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    pub(super) const fn slot(&self) -> usize {
        self.slot
    }

    /// Whose.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// Of which session.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// What was asked for.
    #[must_use]
    pub const fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// What waits for it.
    #[must_use]
    pub const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The viewer in force.
    #[must_use]
    pub fn viewer(&self) -> Option<Arc<Viewer>> {
        self.viewer.load_full()
    }

    /// The first half of a delivery: judged for the viewer of this instant. The second is [`Outbox::push`], which judges again if
    /// the viewer in force is no longer that one.
    #[must_use]
    pub fn admit(&self, shared: &Shared, now: Micros) -> Option<Permitted<Shared>> {
        if !self.subscription.wants(shared.item()) {
            return None;
        }
        let viewer = self.viewer.load();
        judged(shared.clone(), viewer.as_deref()?, now)
    }

    /// Says how the connection is cut off.
    pub fn set_reset(&self, reset: ResetSocket) {
        *self.reset.lock() = Some(reset);
    }

    pub(super) fn reset_socket(&self) {
        if let Some(reset) = self.reset.lock().as_ref() {
            reset();
        }
    }

    pub(super) fn set_viewer(&self, viewer: Arc<Viewer>) {
        self.viewer.store(Some(viewer));
    }

    /// One refresh of a stream at a time.
    pub(super) fn indexing(&self) -> MutexGuard<'_, ()> {
        self.indexing.lock()
    }

    pub(super) fn followed(&self) -> Followed {
        self.followed.lock().clone()
    }

    pub(super) fn set_followed(&self, followed: Followed) {
        *self.followed.lock() = followed;
    }
}
