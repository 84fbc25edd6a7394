//! Room: delivery
//! Takes: what waits in a stream's outbox. Gives: WebSocket messages, one write for each socket in each tick.
//! May import: router, model, clock, config, policy, protocols
//! Invariant: an item leaves only as `Permitted`; a slow viewer costs bounded memory and is told what he lost.

mod cursor;
mod opening;
mod request;
mod socket;
mod websocket;

pub use cursor::{CursorKey, Cursors};
pub use opening::{Backlog, Caught};
pub use socket::{Connection, SocketControl, StreamListener};

use crate::clock::Clock;
use crate::model::{DeviceId, Names, Order, PublicId, Shared};
use crate::router::{Router, SessionId, Stream};
use policy::{AccountId, UserId};
use std::sync::Arc;

/// What streams are filled from besides the live items.
pub trait Sources: Send + Sync + 'static {
    /// Public ids as of now.
    fn names(&self) -> Arc<dyn Names + Send + Sync>;
    /// The device with a public id, whoever's it is.
    fn device(&self, public: PublicId) -> Option<DeviceId>;
    /// The newest position of a device.
    fn latest(&self, device: DeviceId) -> Option<Shared>;
    /// The connection of a device.
    fn state(&self, device: DeviceId) -> Option<Shared>;
    /// What was recorded after one order and up to another, of one account, in recorded order. It stops after `items_max`.
    fn since(&self, backlog: &Backlog<'_>) -> Caught;
}

/// Everything a stream needs.
pub struct Delivery {
    /// The fan-out.
    pub router: Arc<Router>,
    /// Snapshots and what is caught up.
    pub sources: Arc<dyn Sources>,
    /// Seals cursors.
    pub cursors: Cursors,
    /// The time.
    pub clock: Arc<Clock>,
}

/// Who opens a stream.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    /// The user.
    pub user: UserId,
    /// His account.
    pub account: AccountId,
    /// His session.
    pub session: SessionId,
}

impl Delivery {
    /// Answers an upgrade request with a stream.
    pub fn upgrade(
        self: Arc<Self>,
        upgrade: axum::extract::ws::WebSocketUpgrade,
        who: Who,
        control: SocketControl,
    ) -> axum::response::Response {
        let config = self.router.config();
        let message_bytes_max = config.message_bytes_max;
        upgrade
            .read_buffer_size(4 * 1024)
            .write_buffer_size(0)
            .max_write_buffer_size(config.write_bytes_max.saturating_mul(4).saturating_add(1024 * 1024))
            .max_message_size(message_bytes_max)
            .max_frame_size(message_bytes_max)
            .on_upgrade(move |socket| websocket::run(socket, self, who, control))
    }

    /// Fills the front of an opened stream with the snapshot, or with what was recorded behind `after`, and lets it be taken from. It reads
    /// files.
    pub fn begin(&self, who: Who, stream: &Arc<Stream>, after: Option<Order>) {
        opening::begin(self, who, stream, after);
    }

    /// The public form of a place in the recorded order, for one user.
    #[must_use]
    pub fn seal(&self, user: UserId, order: Order) -> String {
        self.cursors.seal(user, order)
    }
}
