//! What waits for the next group commit.

use super::entry::Batch;
use super::{AppendError, Committed};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::time::Duration;

/// Told how a batch fared.
pub type Done = Box<dyn FnOnce(Result<Committed, AppendError>) + Send>;

pub(super) struct Submission {
    pub batch: Batch,
    /// What it takes of the room.
    pub cost: u32,
    pub done: Done,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Submission>,
    closed: bool,
}

pub(super) enum Taken {
    /// There is work.
    Group,
    /// Nothing came in time.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

pub(super) struct Queue {
    state: Mutex<State>,
    came: Condvar,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), came: Condvar::new() }
    }

    /// Gives it back if the queue is closed.
    pub(super) fn push(&self, submission: Submission) -> Result<(), Submission> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(submission);
        }
        state.waiting.push_back(submission);
        drop(state);
        self.came.notify_one();
        Ok(())
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.came.notify_all();
    }

    /// Moves what waits into `group`, up to a number of bytes but at least one batch. Waits for it, with a timeout if one is given.
    pub(super) fn take(&self, group: &mut Vec<Submission>, bytes_max: usize, timeout: Option<Duration>) -> Taken {
        let mut state = self.state.lock();
        while state.waiting.is_empty() {
            if state.closed {
                return Taken::Closed;
            }
            match timeout {
                Some(timeout) => {
                    if self.came.wait_for(&mut state, timeout).timed_out() && state.waiting.is_empty() {
                        return if state.closed { Taken::Closed } else { Taken::Nothing };
                    }
                }
                None => self.came.wait(&mut state),
            }
        }
        let mut bytes = 0;
        while let Some(next) = state.waiting.front() {
            bytes += next.batch.bytes_len();
            if bytes > bytes_max && !group.is_empty() {
                break;
            }
            group.extend(state.waiting.pop_front());
        }
        Taken::Group
    }

    #[cfg(test)]
    pub(super) fn is_waiting(&self) -> bool {
        !self.state.lock().waiting.is_empty()
    }

    /// Closes, and hands out all that waits.
    pub(super) fn drain(&self) -> VecDeque<Submission> {
        let mut state = self.state.lock();
        state.closed = true;
        std::mem::take(&mut state.waiting)
    }
}
