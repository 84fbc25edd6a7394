//! Room: frames
//! Takes: raw bytes of trackers that somebody watches. Gives: the newest of them, to whoever may configure the tracker.
//! May import: model, policy, clock
//! Invariant: off until it is turned on for a device and a time; rings are bounded; of an earlier generation nothing is shown (P14).

use crate::clock::Clock;
use crate::model::{AccountId, DeviceId, Micros, Seq};
use dashmap::DashMap;
use policy::{Action, Facts, Observed, Resource, Viewer};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the tracker.
    In,
    /// To the tracker.
    Out,
}

/// Bytes that went one way at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// 1, 2, …, by device.
    pub number: u64,
    /// When.
    pub at: Micros,
    /// Which way.
    pub direction: Direction,
    /// In which protocol.
    pub protocol: &'static str,
    /// The bytes; of longer ones the beginning.
    pub bytes: Vec<u8>,
    /// How many there were.
    pub length: usize,
    /// The fix times that they tell of.
    pub told: Option<(Micros, Micros)>,
}

/// A frame, and whose it is.
#[derive(Clone, Debug)]
pub struct WatchedFrame {
    account: AccountId,
    device: DeviceId,
    recorded: Seq,
    /// The frame.
    pub frame: Frame,
}

impl Observed for WatchedFrame {
    fn facts(&self) -> Facts<'_> {
        Facts::new(self.account, Resource::Device, Action::SeeHardware).devices(std::slice::from_ref(&self.device))
    }

    /// Raw bytes tell positions: whoever may not see each of these may not see the bytes (P2).
    fn narrow(self, viewer: &Viewer, now: Micros) -> Option<Self> {
        let (from, to) = self.frame.told.unwrap_or((self.frame.at, self.frame.at));
        let facts = Facts::new(self.account, Resource::Position, Action::See)
            .devices(std::slice::from_ref(&self.device))
            .span(from, to)
            .recorded(self.recorded, self.frame.at);
        policy::judge(viewer, &facts, now).is_allow().then_some(self)
    }
}

struct Ring {
    generation: u32,
    until: Micros,
    next: u64,
    bytes: usize,
    frames: VecDeque<Frame>,
    news: Arc<Notify>,
}

impl Ring {
    fn push(&mut self, frame: Frame) {
        self.bytes += frame.bytes.len();
        self.frames.push_back(frame);
        while self.frames.len() > Frames::FRAMES_MAX || self.bytes > Frames::RING_BYTES_MAX {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.bytes -= oldest.bytes.len();
        }
    }
}

/// Raw frames of the devices that are watched. Clones are cheap and speak of the same rings.
#[derive(Clone)]
pub struct Frames {
    inner: Arc<Inner>,
}

struct Inner {
    rings: DashMap<DeviceId, Ring>,
    /// How many rings there are: where there are none, nothing is copied.
    watched: AtomicUsize,
    clock: Arc<Clock>,
}

/// Why a device cannot be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyWatched;

impl Frames {
    /// Devices watched at once.
    pub const WATCHED_DEVICES_MAX: usize = 100;
    /// Frames kept of a device.
    pub const FRAMES_MAX: usize = 200;
    /// Bytes kept of a device.
    pub const RING_BYTES_MAX: usize = 128 * 1024;
    /// Bytes kept of a frame.
    pub const FRAME_BYTES_MAX: usize = 4 * 1024;
    /// The longest time that a device is watched, seconds.
    pub const WATCH_S_MAX: u64 = 3_600;

    /// Nobody is watched.
    #[must_use]
    pub fn new(clock: Arc<Clock>) -> Self {
        Self { inner: Arc::new(Inner { rings: DashMap::new(), watched: AtomicUsize::new(0), clock }) }
    }

    /// Watches a device of this generation for so many seconds from now; 0 ends it and forgets what was seen.
    ///
    /// # Errors
    /// Too many are watched.
    pub fn watch(&self, device: DeviceId, generation: u32, seconds: u64) -> Result<(), TooManyWatched> {
        let now = self.inner.clock.now();
        self.inner.rings.retain(|_, ring| ring.until > now);
        if seconds == 0 {
            self.inner.rings.remove(&device);
        } else if self.inner.rings.len() >= Self::WATCHED_DEVICES_MAX && !self.inner.rings.contains_key(&device) {
            return Err(TooManyWatched);
        } else {
            let seconds = i64::try_from(seconds.min(Self::WATCH_S_MAX)).unwrap_or(0);
            let fresh = || Ring { generation, until: 0, next: 1, bytes: 0, frames: VecDeque::new(), news: Arc::new(Notify::new()) };
            let mut ring = self.inner.rings.entry(device).or_insert_with(fresh);
            if ring.generation != generation {
                *ring = fresh();
            }
            ring.until = now + seconds * 1_000_000;
        }
        self.inner.watched.store(self.inner.rings.len(), Ordering::Relaxed);
        Ok(())
    }

    /// Whether anybody is watched at all.
    #[must_use]
    pub fn any(&self) -> bool {
        self.inner.watched.load(Ordering::Relaxed) > 0
    }

    /// Keeps bytes, if their device is watched. `told`: the fix times in them.
    pub fn keep(
        &self,
        (device, generation): (DeviceId, u32),
        protocol: &'static str,
        direction: Direction,
        bytes: &[u8],
        told: Option<(Micros, Micros)>,
    ) {
        if bytes.is_empty() {
            return;
        }
        let Some(mut ring) = self.inner.rings.get_mut(&device) else { return };
        let at = self.inner.clock.now();
        if ring.generation != generation || ring.until <= at {
            return;
        }
        let kept = bytes.get(..Self::FRAME_BYTES_MAX).unwrap_or(bytes).to_vec();
        let number = ring.next;
        ring.next += 1;
        ring.push(Frame { number, at, direction, protocol, bytes: kept, length: bytes.len(), told });
        ring.news.notify_waiters();
    }

    /// The frames of a device of this generation behind a number, the oldest first. `recorded`: where the recorded order stands.
    #[must_use]
    pub fn behind(&self, account: AccountId, (device, generation): (DeviceId, u32), after: u64, recorded: Seq) -> Vec<WatchedFrame> {
        let Some(ring) = self.inner.rings.get(&device).filter(|ring| ring.generation == generation) else { return Vec::new() };
        let frames = ring.frames.iter().filter(|frame| frame.number > after).cloned();
        frames.map(|frame| WatchedFrame { account, device, recorded, frame }).collect()
    }

    /// Until when a device is watched.
    #[must_use]
    pub fn watched_until(&self, device: DeviceId, generation: u32) -> Option<Micros> {
        let now = self.inner.clock.now();
        self.inner.rings.get(&device).filter(|ring| ring.generation == generation && ring.until > now).map(|ring| ring.until)
    }

    /// Rings when something new of a device is there.
    #[must_use]
    pub fn news(&self, device: DeviceId) -> Option<Arc<Notify>> {
        self.inner.rings.get(&device).map(|ring| Arc::clone(&ring.news))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAR: (DeviceId, u32) = (DeviceId(1), 1);

    fn frames() -> (Frames, Arc<Clock>) {
        let clock = Arc::new(Clock::standing_at(1_000_000));
        (Frames::new(Arc::clone(&clock)), clock)
    }

    fn numbers(frames: &Frames, device: (DeviceId, u32), after: u64) -> Vec<u64> {
        frames.behind(AccountId(1), device, after, 1).iter().map(|watched| watched.frame.number).collect()
    }

    #[test]
    fn nothing_is_kept_until_it_is_asked_for_nor_after_its_time() {
        let (frames, clock) = frames();
        frames.keep(CAR, "gt06", Direction::In, b"one", None);
        assert!(!frames.any() && numbers(&frames, CAR, 0).is_empty());
        frames.watch(CAR.0, 1, 60).unwrap();
        frames.keep(CAR, "gt06", Direction::In, b"two", None);
        frames.keep((CAR.0, 2), "gt06", Direction::In, b"of another generation", None);
        clock.set(62_000_000);
        frames.keep(CAR, "gt06", Direction::In, b"too late", None);
        assert_eq!((numbers(&frames, CAR, 0), frames.watched_until(CAR.0, 1)), (vec![1], None));
        assert!(numbers(&frames, (CAR.0, 2), 0).is_empty(), "P14: the next holder sees nothing of before");
        frames.watch(CAR.0, 1, 0).unwrap();
        assert!(!frames.any());
    }

    #[test]
    fn a_ring_is_bounded_by_frames_and_by_bytes() {
        let (frames, _) = frames();
        frames.watch(CAR.0, 1, 60).unwrap();
        for _ in 0..Frames::FRAMES_MAX + 5 {
            frames.keep(CAR, "gt06", Direction::Out, b"x", None);
        }
        assert_eq!(numbers(&frames, CAR, 0).first(), Some(&6));
        for _ in 0..100 {
            frames.keep(CAR, "gt06", Direction::In, &[0; 10_000], None);
        }
        let kept = frames.behind(AccountId(1), CAR, 0, 1);
        let bytes: usize = kept.iter().map(|watched| watched.frame.bytes.len()).sum();
        assert!(bytes <= Frames::RING_BYTES_MAX && kept.last().unwrap().frame.length == 10_000);
        for device in 2..=Frames::WATCHED_DEVICES_MAX as u32 {
            frames.watch(DeviceId(device), 1, 60).unwrap();
        }
        assert_eq!(frames.watch(DeviceId(0), 1, 60), Err(TooManyWatched));
    }
}
