//! Who waits for what: the commands that are not finished, in memory, in the order in which they came.

use super::row::{CommandRow, State};
use crate::model::{DeviceId, Micros, PublicId};
use dashmap::DashMap;
use protocols::Expect;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::Notify;

struct Waiting {
    id: PublicId,
    expires_at: Micros,
    /// `None`: not sent yet.
    expect: Option<Expect>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Places that are taken by commands that are being written down.
    reserved: usize,
}

#[derive(Default)]
pub(super) struct Line {
    queues: DashMap<DeviceId, Queue>,
    wakers: DashMap<DeviceId, Arc<Notify>>,
}

/// A place in the line until the command stands in it, or is given up.
pub(super) struct Place<'a> {
    line: &'a Line,
    device: DeviceId,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(mut queue) = self.line.queues.get_mut(&self.device) {
            queue.reserved = queue.reserved.saturating_sub(1);
        }
        self.line.tidy_up(self.device);
    }
}

impl Line {
    /// A place, if there is room.
    pub fn reserve(&self, device: DeviceId, waiting_max: usize) -> Option<Place<'_>> {
        let mut queue = self.queues.entry(device).or_default();
        if queue.waiting.len() + queue.reserved >= waiting_max {
            return None;
        }
        queue.reserved += 1;
        Some(Place { line: self, device })
    }

    /// Stands a command that is not finished at the end.
    pub fn put_back(&self, row: &CommandRow) {
        let expect = (row.state == State::Sent).then_some(row.expect).flatten();
        if expect != Some(Expect::Nothing) {
            let waiting = Waiting { id: row.id, expires_at: row.expires_at, expect };
            self.queues.entry(row.device).or_default().waiting.push_back(waiting);
        }
    }

    pub fn waker(&self, device: DeviceId) -> Arc<Notify> {
        Arc::clone(&self.wakers.entry(device).or_default())
    }

    pub fn has_queued(&self, device: DeviceId) -> bool {
        self.first_queued(device).is_some()
    }

    pub fn first_queued(&self, device: DeviceId) -> Option<PublicId> {
        let queue = self.queues.get(&device)?;
        queue.waiting.iter().find(|waiting| waiting.expect.is_none()).map(|waiting| waiting.id)
    }

    /// It has left. What is never answered waits no longer.
    pub fn sent(&self, device: DeviceId, id: PublicId, expect: Expect) {
        if expect == Expect::Nothing {
            self.remove(device, id);
        } else if let Some(mut queue) = self.queues.get_mut(&device)
            && let Some(waiting) = queue.waiting.iter_mut().find(|waiting| waiting.id == id)
        {
            waiting.expect = Some(expect);
        }
    }

    /// The command that an answer belongs to: the one with its number, else the oldest that waits for one without.
    pub fn answered(&self, device: DeviceId, tag: Option<u32>) -> Option<PublicId> {
        let wanted = tag.map_or(Expect::Next, Expect::Tag);
        let queue = self.queues.get(&device)?;
        queue.waiting.iter().find(|waiting| waiting.expect == Some(wanted)).map(|waiting| waiting.id)
    }

    pub fn remove(&self, device: DeviceId, id: PublicId) {
        if let Some(mut queue) = self.queues.get_mut(&device) {
            queue.waiting.retain(|waiting| waiting.id != id);
        }
        self.tidy_up(device);
    }

    fn tidy_up(&self, device: DeviceId) {
        self.queues.remove_if(&device, |_, queue| queue.waiting.is_empty() && queue.reserved == 0);
        // Whoever holds a waker keeps it; one that nobody holds can be made again.
        self.wakers.remove_if(&device, |_, waker| Arc::strong_count(waker) == 1 && !self.queues.contains_key(&device));
    }

    /// What has waited too long: device, command, whether it was sent.
    pub fn due(&self, now: Micros) -> Vec<(DeviceId, PublicId, bool)> {
        let mut due = Vec::new();
        for queue in &self.queues {
            let late = queue.waiting.iter().filter(|waiting| waiting.expires_at <= now);
            due.extend(late.map(|waiting| (*queue.key(), waiting.id, waiting.expect.is_some())));
        }
        due
    }
}
