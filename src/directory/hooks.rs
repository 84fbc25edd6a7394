//! What the directory asks of others: a place in the recorded order, and the revocation barrier.

use super::sessions::SessionId;
use super::snapshot::Snapshot;
use futures_util::future::BoxFuture;
use policy::{AccountId, DeviceId, Epoch, Seq, UserId};
use std::sync::Arc;

/// The journal, as far as the directory needs it.
pub trait JournalHook: Send + Sync {
    /// Appends `Changed { version }` and gives its place once it is durable. It must not wait for disk space: where the journal takes
    /// nothing, it fails at once.
    fn append_changed(&self, version: u64) -> BoxFuture<'_, Result<Seq, String>>;

    /// The last place that is durable.
    fn committed(&self) -> Seq;
}

/// Who makes a change true for what is under way: streams, bodies, tracker connections.
pub trait Barrier: Send + Sync {
    /// Called after the snapshot was swapped and before the change returns. When it returns, no send begins of anything that the new
    /// state forbids.
    fn enforce<'a>(&'a self, cut: &'a Cut) -> BoxFuture<'a, ()>;
}

/// What a change means for what is under way.
#[derive(Clone, Debug)]
pub struct Cut {
    /// The state it led to.
    pub epoch: Epoch,
    /// The same, whole.
    pub snapshot: Arc<Snapshot>,
    /// Whether something was taken away. Otherwise the viewers named here only gained.
    pub narrows: bool,
    /// Users whose viewers have to be compiled again.
    pub users: Vec<UserId>,
    /// Accounts of which every user's viewer has to be compiled again.
    pub everyone_in: Vec<AccountId>,
    /// Sessions that are closed, with all that they opened.
    pub closed_sessions: Vec<SessionId>,
    /// Users who are disabled or deleted: everything of theirs is closed.
    pub closed_users: Vec<UserId>,
    /// Devices whose tracker connections are closed (P14).
    pub closed_devices: Vec<DeviceId>,
    /// The generation of devices that is current from now on; `None`: nothing more is taken of the device (P14).
    pub generations: Vec<(DeviceId, Option<u32>)>,
}

impl Cut {
    /// Whether nothing under way is concerned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { epoch: _, snapshot: _, narrows: _, users, everyone_in, closed_sessions, closed_users, closed_devices, generations } =
            self;
        users.is_empty()
            && everyone_in.is_empty()
            && closed_sessions.is_empty()
            && closed_users.is_empty()
            && closed_devices.is_empty()
            && generations.is_empty()
    }
}
