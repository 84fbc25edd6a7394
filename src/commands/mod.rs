//! Room: commands
//! Takes: commands of users; what devices answer. Gives: what is to be sent to a device, once, and what became of each command.
//! May import: model, policy, protocols, clock, sqlite
//! Invariant: a command is written down before it leaves, leaves at most once, and only while its user may still send it.

mod line;
mod row;
mod store;

pub use row::{CommandRow, NewCommand, State, action_of};
pub use store::CommandsError;

use crate::clock::Clock;
use crate::model::{AccountId, DeviceId, Micros, PublicId};
use line::Line;
use protocols::{CannotSay, Expect};
use std::path::Path;
use std::sync::Arc;
use store::Store;
use tokio::sync::Notify;

/// Whether a command may still be sent: asked at the moment at which it leaves.
pub trait MaySend: Send + Sync {
    /// `None`: yes. Otherwise why not, for people.
    fn refusal(&self, command: &CommandRow) -> Option<&'static str>;
}

/// What a device answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAnswer {
    /// The number that the command carried, where the protocol has one.
    pub tag: Option<u32>,
    /// Whether the device did it, where it says so.
    pub done: Option<bool>,
    /// Its words.
    pub text: String,
}

/// Commands of all devices. Clones are cheap and speak of the same desk.
#[derive(Clone)]
pub struct Commands {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    line: Line,
    may_send: Arc<dyn MaySend>,
    clock: Arc<Clock>,
}

impl Commands {
    /// Commands of one device that wait to be sent or answered.
    pub const WAITING_MAX: usize = 16;
    /// Commands of one device that are kept; older ones are forgotten.
    pub const KEPT_MAX: usize = 1_000;
    /// The longest time that a command may wait, seconds.
    pub const WAIT_S_MAX: u64 = 7 * 86_400;
    /// The time that a command waits where nobody says how long, seconds.
    pub const WAIT_S: u64 = 3_600;
    /// Of an answer no more is kept.
    const ANSWER_BYTES_MAX: usize = 4_096;

    /// Opens `commands.db` in a folder, or makes it.
    ///
    /// # Errors
    /// When the database cannot be opened, or is of a newer version.
    pub async fn open(dir: &Path, clock: Arc<Clock>, may_send: Arc<dyn MaySend>) -> Result<Self, CommandsError> {
        let store = Store::open(dir).await?;
        let line = Line::default();
        for row in store.unfinished().await? {
            line.put_back(&row);
        }
        Ok(Self { inner: Arc::new(Inner { store, line, may_send, clock }) })
    }

    /// Writes a command down; it leaves when its device is there.
    ///
    /// # Errors
    /// [`CommandsError::Full`] when too many of this device wait.
    pub async fn enqueue(&self, new: NewCommand) -> Result<CommandRow, CommandsError> {
        let row = new.into_row(self.inner.store.number(), self.inner.clock.now());
        let _place = self.inner.line.reserve(row.device, Self::WAITING_MAX).ok_or(CommandsError::Full)?;
        self.inner.store.insert(&row, Self::KEPT_MAX).await?;
        self.inner.line.put_back(&row);
        self.inner.line.waker(row.device).notify_one();
        Ok(row)
    }

    /// A command.
    ///
    /// # Errors
    /// See [`CommandsError`].
    pub async fn find(&self, id: PublicId) -> Result<Option<CommandRow>, CommandsError> {
        self.inner.store.find(id).await
    }

    /// The commands of a device, the newest first, from before one on.
    ///
    /// # Errors
    /// See [`CommandsError`].
    pub async fn list(
        &self,
        account: AccountId,
        device: DeviceId,
        before: Option<u64>,
        rows_max: usize,
    ) -> Result<Vec<CommandRow>, CommandsError> {
        self.inner.store.list(account, device, before, rows_max).await
    }

    /// Rings when there is something to send to the device.
    #[must_use]
    pub fn waker(&self, device: DeviceId) -> Arc<Notify> {
        self.inner.line.waker(device)
    }

    /// Whether something is to be sent to the device.
    #[must_use]
    pub fn has_queued(&self, device: DeviceId) -> bool {
        self.inner.line.has_queued(device)
    }

    /// Takes the next command that may be sent to the device of this generation. Those that may not any more are failed on the way.
    ///
    /// # Errors
    /// See [`CommandsError`]; the command then stays where it is.
    pub async fn next(&self, device: DeviceId, generation: u32) -> Result<Option<CommandRow>, CommandsError> {
        while let Some(id) = self.inner.line.first_queued(device) {
            let Some(row) = self.inner.store.find(id).await? else {
                self.inner.line.remove(device, id);
                continue;
            };
            let now = self.inner.clock.now();
            let (state, why) = if row.expires_at <= now {
                (State::Expired, "not sent in time")
            } else if row.generation != generation {
                (State::Failed, "the device was registered anew")
            } else if let Some(why) = self.inner.may_send.refusal(&row) {
                (State::Failed, why)
            } else {
                return Ok(Some(row));
            };
            self.end(&row, state, "", why).await?;
        }
        Ok(None)
    }

    /// Writes down that the command is leaving, before it does: after a crash it is not sent a second time.
    ///
    /// # Errors
    /// See [`CommandsError`]; it must not leave then.
    pub async fn leaves(&self, row: &CommandRow, expect: Expect) -> Result<(), CommandsError> {
        self.inner.store.sent(row.id, expect, self.inner.clock.now()).await?;
        self.inner.line.sent(row.device, row.id, expect);
        Ok(())
    }

    /// The device's protocol cannot say it.
    ///
    /// # Errors
    /// See [`CommandsError`].
    pub async fn cannot(&self, row: &CommandRow, why: CannotSay) -> Result<(), CommandsError> {
        let why = match why {
            CannotSay::Unsupported => "the device's protocol has no such command",
            CannotSay::Value(what) => what,
        };
        self.end(row, State::Failed, "", why).await
    }

    /// Finds the command that a device answers; `false` if there is none.
    ///
    /// # Errors
    /// See [`CommandsError`].
    pub async fn answered(&self, device: DeviceId, answer: &DeviceAnswer) -> Result<bool, CommandsError> {
        let Some(id) = self.inner.line.answered(device, answer.tag) else { return Ok(false) };
        let state = if answer.done == Some(false) { State::Failed } else { State::Acknowledged };
        let mut end = answer.text.len().min(Self::ANSWER_BYTES_MAX);
        while !answer.text.is_char_boundary(end) {
            end -= 1;
        }
        let text = answer.text.get(..end).unwrap_or_default();
        let why = if state == State::Failed { "the device refused" } else { "" };
        self.inner.store.end(id, state, text, why, self.inner.clock.now()).await?;
        self.inner.line.remove(device, id);
        Ok(true)
    }

    /// Ends what has waited too long, and gives how many.
    ///
    /// # Errors
    /// See [`CommandsError`].
    pub async fn expire(&self) -> Result<usize, CommandsError> {
        let now: Micros = self.inner.clock.now();
        let due = self.inner.line.due(now);
        for (device, id, was_sent) in &due {
            let why = if *was_sent { "not answered in time" } else { "not sent in time" };
            self.inner.store.end(*id, State::Expired, "", why, now).await?;
            self.inner.line.remove(*device, *id);
        }
        Ok(due.len())
    }

    async fn end(&self, row: &CommandRow, state: State, answer: &str, why: &str) -> Result<(), CommandsError> {
        self.inner.store.end(row.id, state, answer, why, self.inner.clock.now()).await?;
        self.inner.line.remove(row.device, row.id);
        Ok(())
    }

    /// Closes the file.
    pub async fn close(&self) {
        self.inner.store.close().await;
    }
}

#[cfg(test)]
mod tests;
