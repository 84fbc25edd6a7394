//! Room: journal
//! Takes: batches of encoded entries. Gives: their place in the recorded order, once they are durable; blocks of entries, in that order.
//! May import: model, protocols, clock, config, telemetry
//! Invariant: nothing is completed, and nothing is read, before the `fdatasync` that covers it has returned; after a failed write nothing
//! is completed any more; `seq` and `recorded_at` rise strictly, over restarts too; an entry of a device generation that is not the
//! current one is never written.
//!
//! ```text
//! <data folder>/version            "1"
//! <data folder>/lock               held exclusively while open
//! <data folder>/journal/<first seq, 20 digits>.seg
//!
//! segment = header (64 bytes) *block 0…        ; preallocated; a block of length 0 is the end
//! header  = "PURVIEWJ", version u32, 0 u32, identity [16], first seq u64, first seq of the segment before u64,
//!           last recorded_at before i64, 0 u32, crc32 u32
//! block   = crc32 u32 (seeded with the identity), length u32, first seq u64, base i64, count u32, 0 u32, entries, padding to 8 bytes
//! ```
//!
//! Entry `i` of a block has `seq = first seq + i` and `recorded_at = base + i`. The seed keeps bytes that a tracker made up, and blocks of
//! another journal, from ever passing for a block. Integers are little endian.

mod block;
mod entry;
mod folder;
mod gate;
mod queue;
mod reader;
mod segment;
mod storage;
#[cfg(test)]
mod tests;
mod writer;

pub use entry::{Batch, Entry, EntryKind, Locator, NewEntry, RecordRef};
pub use reader::{Block, ReadError, Reader, SegmentBytes, SegmentHandle};

use crate::clock::Clock;
use crate::config::JournalConfig;
use crate::model::{DeviceId, Micros, Seq};
use gate::Gate;
use parking_lot::{Mutex, RwLock};
use queue::{Done, Queue, Submission};
use segment::Segment;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use storage::{Storage, SystemStorage};
use tokio::sync::{Semaphore, oneshot, watch};
use writer::Writer;

/// The version of the data folder that is written here; a newer one is refused.
pub const FORMAT_VERSION: u32 = 1;

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk said no.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// Somebody else has it open.
    #[error("{path}: the data folder is in use by another gateway")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// Written by a later release.
    #[error("{path}: the data folder has version {found}; this gateway knows versions up to {known}")]
    NewerVersion {
        /// The folder or file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// What was durable can no longer be read.
    #[error("{path}: damaged at byte {offset}: {what}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
}

/// Why entries were not made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// A write failed; nothing is taken any more until the journal is opened again.
    #[error("the journal failed; nothing is accepted until the gateway is started again")]
    Poisoned,
    /// The disk is nearly full; resumes by itself.
    #[error("the disk is nearly full")]
    DiskFull,
    /// Too much waits already (callback form only; the other one waits).
    #[error("too much waits for the disk")]
    Busy,
    /// One batch is larger than a segment can hold.
    #[error("the batch is larger than a segment")]
    TooLarge,
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
}

/// Where a batch went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its first entry; greater than `last_seq` if all were refused.
    pub first_seq: Seq,
    /// Its last entry.
    pub last_seq: Seq,
    /// When the last one was recorded.
    pub last_recorded_at: Micros,
    /// Entries that were not written, because their device's generation is not the current one.
    pub refused: u32,
}

/// What was found when the journal was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenReport {
    /// Bytes of a half-written block that were cut off.
    pub torn_bytes: u64,
    /// Segments.
    pub segments: usize,
    /// The oldest entry that is kept, or the first that will be.
    pub first_seq: Seq,
    /// The newest entry; 0: none yet.
    pub last_seq: Seq,
}

/// One segment, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its first entry (or the first that it will have).
    pub first_seq: Seq,
    /// Its last entry so far; less than `first_seq` while it is empty.
    pub last_seq: Seq,
    /// When that was recorded.
    pub last_recorded_at: Micros,
    /// Bytes of entries.
    pub bytes: u64,
    /// Whether it is the one that is written to.
    pub active: bool,
}

struct Shared {
    identity: [u8; 16],
    seed: u32,
    batch_bytes_max: usize,
    waiting_bytes_max: usize,
    queue: Queue,
    room: Semaphore,
    gate: Gate,
    segments: RwLock<Vec<Arc<Segment>>>,
    committed: AtomicU64,
    committed_watch: watch::Sender<Seq>,
    poisoned: watch::Sender<bool>,
    disk_full: AtomicBool,
}

impl Shared {
    fn oldest(&self) -> Seq {
        self.segments.read().first().map_or(1, |s| s.first_seq)
    }

    fn stopped(&self) -> AppendError {
        if *self.poisoned.borrow() { AppendError::Poisoned } else { AppendError::Closed }
    }
}

struct Handle {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Handle {
    fn close(&self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.lock().take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

/// The durable log. Clones are cheap and speak of the same log.
#[derive(Clone)]
pub struct Journal {
    handle: Arc<Handle>,
}

impl Journal {
    /// Opens the journal of a data folder, or makes one. Cuts off a half-written tail.
    ///
    /// # Errors
    /// See [`JournalError`]; each names its file or folder.
    pub fn open(dir: &Path, config: &JournalConfig, clock: Arc<Clock>) -> Result<(Self, OpenReport), JournalError> {
        Self::open_on(dir, config, clock, Arc::new(SystemStorage))
    }

    fn open_on(
        dir: &Path,
        config: &JournalConfig,
        clock: Arc<Clock>,
        storage: Arc<dyn Storage>,
    ) -> Result<(Self, OpenReport), JournalError> {
        let segment_bytes = config.segment_bytes.clamp(segment::BYTES_MIN, segment::BYTES_MAX);
        let opened = folder::open(dir, segment_bytes, &clock)?;
        let (last, identity, torn_bytes) = (opened.active.last_seq(), opened.identity, opened.torn_bytes);
        let shared = Arc::new(Shared {
            identity,
            seed: crc32fast::hash(&identity),
            batch_bytes_max: usize::try_from(segment_bytes - segment::HEADER_BYTES - 64).unwrap_or(usize::MAX),
            waiting_bytes_max: config.waiting_bytes_max,
            queue: Queue::new(),
            room: Semaphore::new(config.waiting_bytes_max.min(Semaphore::MAX_PERMITS)),
            gate: Gate::new(),
            committed: AtomicU64::new(last),
            committed_watch: watch::Sender::new(last),
            poisoned: watch::Sender::new(false),
            disk_full: AtomicBool::new(false),
            segments: RwLock::new(opened.segments.clone()),
        });
        let report = OpenReport { torn_bytes, segments: shared.segments.read().len(), first_seq: shared.oldest(), last_seq: last };
        if torn_bytes > 0 {
            metrics::counter!(crate::telemetry::JOURNAL_TORN).increment(torn_bytes);
            tracing::warn!(torn_bytes, last_seq = last, "journal: a half-written block was cut off");
        }
        let writer = Writer::new(Arc::clone(&shared), opened, config, segment_bytes, dir, clock, storage);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run())
            .map_err(|source| JournalError::Io { path: dir.to_owned(), source })?;
        Ok((Self { handle: Arc::new(Handle { shared, thread: Mutex::new(Some(thread)) }) }, report))
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// Random, made with the first segment and kept for good.
    #[must_use]
    pub fn identity(&self) -> [u8; 16] {
        self.shared().identity
    }

    /// Makes a batch durable. Waits for room; resolves after the `fdatasync` that covers it. Dropping the future withdraws nothing
    /// that was handed over.
    ///
    /// An entry is written only if its generation is what [`Journal::set_current`] last said of its device; nothing was said = refused.
    ///
    /// # Errors
    /// See [`AppendError`]: nothing of the batch is durable then.
    pub async fn append(&self, batch: Batch) -> Result<Committed, AppendError> {
        self.hand_over(batch).await?.await.unwrap_or_else(|_| Err(self.shared().stopped()))
    }

    /// The first half of [`Journal::append`]: waits for room, and gives what will tell of the commit, so that more can be handed
    /// over meanwhile.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn hand_over(&self, batch: Batch) -> Result<oneshot::Receiver<Result<Committed, AppendError>>, AppendError> {
        let shared = self.shared();
        let cost = self.cost(&batch)?;
        let permits = shared.room.acquire_many(cost).await.map_err(|_| shared.stopped())?;
        permits.forget();
        let (sender, receiver) = oneshot::channel();
        self.submit(
            batch,
            cost,
            Box::new(move |result| {
                let _ = sender.send(result);
            }),
        );
        Ok(receiver)
    }

    /// The same with a callback, from any thread. It does not wait for room: without room, `done` is called with [`AppendError::Busy`].
    /// `done` runs on the journal's own thread and must not block.
    pub fn append_with(&self, batch: Batch, done: Done) {
        let shared = self.shared();
        let cost = match self.cost(&batch) {
            Ok(cost) => cost,
            Err(error) => return done(Err(error)),
        };
        match shared.room.try_acquire_many(cost) {
            Ok(permits) => {
                permits.forget();
                self.submit(batch, cost, done);
            }
            Err(tokio::sync::TryAcquireError::NoPermits) => done(Err(AppendError::Busy)),
            Err(tokio::sync::TryAcquireError::Closed) => done(Err(shared.stopped())),
        }
    }

    fn cost(&self, batch: &Batch) -> Result<u32, AppendError> {
        if batch.bytes_len() > self.shared().batch_bytes_max {
            return Err(AppendError::TooLarge);
        }
        let cost = batch.bytes_len().max(64).min(self.shared().waiting_bytes_max);
        Ok(u32::try_from(cost).unwrap_or(u32::MAX))
    }

    fn submit(&self, batch: Batch, cost: u32, done: Done) {
        if let Err(submission) = self.shared().queue.push(Submission { batch, cost, done }) {
            (submission.done)(Err(self.shared().stopped()));
        }
    }

    /// The newest durable entry; 0: none yet.
    #[must_use]
    pub fn committed(&self) -> Seq {
        self.shared().committed.load(Ordering::Acquire)
    }

    /// Follows [`Journal::committed`].
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Seq> {
        self.shared().committed_watch.subscribe()
    }

    /// Reads from an entry on: what is there, and then what comes.
    ///
    /// # Errors
    /// [`ReadError::Truncated`] if it is no longer kept.
    pub fn reader(&self, from: Seq) -> Result<Reader, ReadError> {
        Reader::new(Arc::clone(self.shared()), from.max(1))
    }

    /// Says which generation of a device is the current one; `None`: none is (P14). When this returns, every entry of another
    /// generation that could still be written has been, and no later one will be. It may wait for one `fdatasync`: not for async code.
    pub fn set_current(&self, device: DeviceId, generation: Option<u32>) {
        self.shared().gate.set(device, generation);
    }

    /// The segments, oldest first. There is always one, the active one, at the end.
    #[must_use]
    pub fn segments(&self) -> Vec<SegmentInfo> {
        let segments = self.shared().segments.read();
        let last = segments.len().saturating_sub(1);
        segments.iter().enumerate().map(|(i, s)| s.info(i == last)).collect()
    }

    /// A segment to read from; it can be read to its end even when it is dropped meanwhile.
    #[must_use]
    pub fn segment(&self, first_seq: Seq) -> Option<SegmentHandle> {
        let segments = self.shared().segments.read();
        let at = segments.binary_search_by_key(&first_seq, |s| s.first_seq).ok()?;
        Some(SegmentHandle::new(Arc::clone(&segments[at]), self.shared().seed))
    }

    /// Deletes the oldest segment, if it is that one and not the active one. Returns whether it did.
    ///
    /// # Errors
    /// When the file cannot be deleted.
    pub fn drop_segment(&self, first_seq: Seq) -> std::io::Result<bool> {
        let mut segments = self.shared().segments.write();
        if segments.len() < 2 || segments.first().is_none_or(|s| s.first_seq != first_seq) {
            return Ok(false);
        }
        match std::fs::remove_file(&segments[0].path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        segments.remove(0);
        Ok(true)
    }

    /// Whether a write failed.
    #[must_use]
    pub fn poisoned(&self) -> bool {
        *self.shared().poisoned.borrow()
    }

    /// Whether nothing is taken because the disk is nearly full.
    #[must_use]
    pub fn disk_full(&self) -> bool {
        self.shared().disk_full.load(Ordering::Relaxed)
    }

    /// Resolves when a write failed: the gateway then has to end.
    pub async fn failed(&self) {
        let mut poisoned = self.shared().poisoned.subscribe();
        // The sender lives as long as `self`.
        let _ = poisoned.wait_for(|p| *p).await;
    }

    /// Writes what waits, ends the thread and releases the folder; other clones get [`AppendError::Closed`] from then on. Blocks.
    pub fn close(self) {
        self.handle.close();
    }
}
