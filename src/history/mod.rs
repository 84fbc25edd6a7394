//! Room: history
//! Takes: accepted records in recorded order. Gives: positions by device and time, pages of them, and whether one is already there.
//! May import: journal, model, policy, protocols, clock, config, telemetry
//! Invariant: every accepted record is in exactly one place that is asked, the tail or one sealed file; a file is only ever read through
//! its checksums; nothing is deleted from the journal that is not sealed and synced.
//!
//! ```text
//! <data folder>/history/<first seq>-<last seq>.parquet   one segment's accepted records, by (device, time, seq)
//! <data folder>/history/<first seq>-<last seq>.idx       its checksums, and which rows are whose and of when (`sidecar.rs`)
//! ```
//!
//! The columns are those of `schema.rs`. The files are for users too: any reader of Parquet opens them as they are.

mod attributes;
mod cache;
mod checked;
mod columns;
mod file;
mod query;
mod schema;
mod seal;
mod sealer;
mod sidecar;
mod tail;
#[cfg(test)]
mod tests;

use crate::clock::Clock;
use crate::config::{HistoryConfig, JournalConfig};
use crate::journal::{EntryKind, Journal, Locator, ReadError, RecordRef};
use crate::model::{AccountId, DeviceId, Micros, Position, Seq, TimeFlag};
use cache::Cache;
use file::SealedFile;
use parking_lot::{Condvar, Mutex, RwLock};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use tail::TailSegment;

/// Why history cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The disk said no.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// A file is not what was written.
    #[error("{path}: damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A later release wrote it.
    #[error("{path}: written by a newer version ({found}); this gateway knows versions up to {known}")]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// The unsealed part could not be read.
    #[error(transparent)]
    Journal(#[from] ReadError),
    /// The marks are not those of that checkpoint.
    #[error("the checkpoint's marks of unsealed records do not fit")]
    Marks,
}

/// An accepted record, as the pipeline hands it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TailRow {
    /// Whose.
    pub device: DeviceId,
    /// The account that held the device then.
    pub account: AccountId,
    /// [`Position::history_time`].
    pub history_time: Micros,
    /// Its place in the recorded order.
    pub seq: Seq,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// Where it stands in the journal.
    pub locator: Locator,
    /// [`Position::late`].
    pub late: bool,
    /// [`Position::time_flag`].
    pub time_flag: TimeFlag,
}

/// Where a position stands in its device's timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageKey {
    /// [`Position::history_time`].
    pub time: Micros,
    /// Its place in the recorded order.
    pub seq: Seq,
}

impl PageKey {
    const FIRST: Self = Self { time: Micros::MIN, seq: 0 };
    const LAST: Self = Self { time: Micros::MAX, seq: Seq::MAX };

    /// The key of a position.
    #[must_use]
    pub fn of(position: &Position) -> Self {
        Self { time: position.history_time(), seq: position.seq }
    }
}

/// What a question is answered from: changed as a whole.
#[derive(Clone, Default)]
struct Places {
    /// By `seq`, one after the other.
    files: Vec<Arc<SealedFile>>,
    /// By `seq`; behind the files.
    tail: Vec<Arc<TailSegment>>,
}

impl Places {
    fn sealed_through(&self) -> Seq {
        self.files.last().map_or(0, |f| f.last_seq)
    }
}

struct Shared {
    folder: PathBuf,
    journal: Journal,
    clock: Arc<Clock>,
    unsealed_bytes_max: u64,
    keep_s: u64,
    keep_bytes_max: u64,
    places: RwLock<Arc<Places>>,
    cache: Cache,
    /// Up to where a checkpoint has been written.
    passed: AtomicU64,
    /// The newest record that was handed over.
    newest: AtomicU64,
    restored: AtomicBool,
    /// Whether the sealing thread is to end.
    stop: Mutex<bool>,
    /// Something to look at for the sealing thread.
    work: Condvar,
    /// A segment was sealed, or none will be any more.
    sealed: Condvar,
}

impl Shared {
    fn places(&self) -> Arc<Places> {
        Arc::clone(&self.places.read())
    }
}

struct Handle {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Handle {
    fn close(&self) {
        *self.shared.stop.lock() = true;
        self.shared.work.notify_all();
        self.shared.sealed.notify_all();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

/// Positions by device and time. Clones are cheap and speak of the same history. All calls block.
#[derive(Clone)]
pub struct History {
    handle: Arc<Handle>,
}

impl History {
    /// Opens the history of a data folder, or makes one. Nothing is sealed before [`History::restore`] was called.
    ///
    /// # Errors
    /// Names the file that is damaged, missing its other half, or of another journal.
    pub fn open(
        dir: &Path,
        config: &HistoryConfig,
        journal_config: &JournalConfig,
        journal: Journal,
        clock: Arc<Clock>,
    ) -> Result<Self, HistoryError> {
        let folder = dir.join("history");
        let files = file::list(&folder, journal.identity())?;
        let shared = Arc::new(Shared {
            journal,
            clock,
            unsealed_bytes_max: config.unsealed_bytes_max,
            keep_s: journal_config.keep_s,
            keep_bytes_max: journal_config.keep_bytes_max,
            places: RwLock::new(Arc::new(Places { files, tail: Vec::new() })),
            cache: Cache::new(config.footer_cache_bytes_max),
            passed: AtomicU64::new(0),
            newest: AtomicU64::new(0),
            restored: AtomicBool::new(false),
            stop: Mutex::new(false),
            work: Condvar::new(),
            sealed: Condvar::new(),
            folder: folder.clone(),
        });
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || sealer::run(&own))
            .map_err(|source| HistoryError::Io { path: folder, source })?;
        Ok(Self { handle: Arc::new(Handle { shared, thread: Mutex::new(Some(thread)) }) })
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// Takes accepted records, in the order of `seq`, one call after the other. What is sealed already is left out, so a replay may
    /// hand it over again. Waits while too much is unsealed: then sealing has fallen behind.
    pub fn append(&self, rows: &[TailRow]) {
        let shared = self.shared();
        let sealed_through = shared.places().sealed_through();
        let rows = &rows[rows.partition_point(|r| r.seq <= sealed_through)..];
        for rows in rows.chunk_by(|a, b| a.locator.segment == b.locator.segment) {
            let Some(first) = rows.first() else { continue };
            let Some((segment, is_new)) = shared.tail_segment(first.locator.segment) else {
                // Only what is sealed is ever dropped, and that was left out above.
                tracing::error!(segment = first.locator.segment, "history: records of a segment that the journal does not have");
                continue;
            };
            segment.append(rows);
            shared.newest.fetch_max(rows.last().map_or(0, |r| r.seq), Ordering::AcqRel);
            if is_new {
                shared.work.notify_all();
                shared.wait_for_sealing();
            }
        }
    }

    /// A part of a device's timeline: positions in a range (by [`Position::history_time`], both ends included) behind `after`, in
    /// ascending order of (time, seq), or descending.
    ///
    /// # Errors
    /// Names the file that cannot be read. Never a part of an answer.
    pub fn page(
        &self,
        device: DeviceId,
        range: policy::Range,
        after: Option<PageKey>,
        rows_max: usize,
        descending: bool,
    ) -> Result<Vec<Position>, HistoryError> {
        let (mut from, mut to) = (PageKey { time: range.from, seq: 0 }, PageKey { time: range.to, seq: Seq::MAX });
        match after {
            Some(after) if descending => to = to.min(PageKey { time: after.time, seq: after.seq.saturating_sub(1) }),
            Some(after) => from = from.max(PageKey { time: after.time, seq: after.seq.saturating_add(1) }),
            None => {}
        }
        let shared = self.shared();
        query::page(&shared.places(), &shared.cache, &query::Wanted { device, from, to, rows_max, descending })
    }

    /// Whether a record with the same device, time, place and attributes was accepted before an entry. Records without a time are
    /// never held to be the same.
    ///
    /// # Errors
    /// Names the file that cannot be read.
    pub fn holds(&self, device: DeviceId, record: &RecordRef<'_>, before: Seq) -> Result<bool, HistoryError> {
        let Some(time) = record.fix_time else { return Ok(false) };
        let wanted = record.to_position(0, 0);
        let json = attributes::to_json(&wanted.attributes);
        let range = policy::Range { from: time, to: time };
        let mut after = None;
        loop {
            let page = self.page(device, range, after, 64, false)?;
            let same = |p: &&Position| p.seq < before && p.fix == wanted.fix && attributes::to_json(&p.attributes) == json;
            if page.iter().find(same).is_some() {
                return Ok(true);
            }
            match page.last() {
                Some(last) if last.seq < before && page.len() == 64 => after = Some(PageKey::of(last)),
                _ => return Ok(false),
            }
        }
    }

    /// A checkpoint up to this entry is on the disk: the journal may lose what is before it.
    pub fn set_passed(&self, checkpoint: Seq) {
        let _stop = self.shared().stop.lock();
        self.shared().passed.fetch_max(checkpoint, Ordering::AcqRel);
        self.shared().work.notify_all();
    }

    /// What a checkpoint has to keep for [`History::restore`]: which records of the unsealed segments were accepted, and how. To be
    /// asked for when exactly the entries up to the checkpoint have been handed over.
    #[must_use]
    pub fn marks(&self, checkpoint: Seq) -> Vec<u8> {
        tail::write_marks(checkpoint, &self.shared().places().tail)
    }

    /// At start: takes the accepted records of the unsealed segments up to a checkpoint from the journal again. Without a checkpoint:
    /// `restore(0, &[])`. The pipeline then hands over what follows.
    ///
    /// # Errors
    /// [`HistoryError::Marks`] if the marks are not those of the checkpoint, or what cannot be read.
    pub fn restore(&self, checkpoint: Seq, marks: &[u8]) -> Result<(), HistoryError> {
        let shared = self.shared();
        let marks = tail::read_marks(checkpoint, marks)?;
        Arc::make_mut(&mut shared.places.write()).tail.clear();
        let sealed_through = shared.places().sealed_through();
        let mut segments: Vec<_> = marks.iter().filter(|(first, _)| **first > sealed_through).collect();
        segments.sort_unstable_by_key(|(first, _)| **first);
        for (first_seq, accepted) in segments {
            let (segment, _) = shared.tail_segment(*first_seq).ok_or(HistoryError::Marks)?;
            let mut reader = shared.journal.reader(*first_seq)?;
            while let Some(block) = reader.next_block()? {
                if block.segment() != *first_seq || block.first_seq() > checkpoint {
                    break;
                }
                let rows: Vec<_> = block.entries().filter_map(|entry| row_of(&entry, *first_seq, accepted)).collect();
                segment.append(&rows);
                shared.newest.fetch_max(rows.last().map_or(0, |r| r.seq), Ordering::AcqRel);
            }
            let expected: usize = accepted.iter().map(|run| run.count as usize).sum();
            if segment.count() != expected {
                return Err(HistoryError::Marks);
            }
        }
        shared.restored.store(true, Ordering::Release);
        self.set_passed(checkpoint);
        Ok(())
    }

    /// The newest entry that is covered by sealed files; 0: none yet.
    #[must_use]
    pub fn sealed_through(&self) -> Seq {
        self.shared().places().sealed_through()
    }

    /// Ends the sealing thread, after the segment that it is at; a waiting [`History::append`] returns.
    pub fn close(self) {
        self.handle.close();
    }
}

fn row_of(entry: &crate::journal::Entry<'_>, first_seq: Seq, accepted: &[tail::Accepted]) -> Option<TailRow> {
    let EntryKind::Record(record) = entry.kind else { return None };
    let marks = tail::marks_of(accepted, u32::try_from(entry.seq - first_seq).ok()?)?;
    Some(TailRow {
        device: record.device,
        account: record.account,
        history_time: record.fix_time.unwrap_or(entry.recorded_at),
        seq: entry.seq,
        recorded_at: entry.recorded_at,
        locator: entry.locator,
        late: marks.late(),
        time_flag: marks.time_flag(),
    })
}

impl Shared {
    /// The tail of a segment, made where there is none yet. `None`: the journal has no such segment.
    fn tail_segment(&self, first_seq: Seq) -> Option<(Arc<TailSegment>, bool)> {
        if let Some(segment) = self.places.read().tail.iter().rfind(|s| s.first_seq == first_seq) {
            return Some((Arc::clone(segment), false));
        }
        let handle = self.journal.segment(first_seq)?;
        let segment = Arc::new(TailSegment::new(first_seq, handle));
        let mut places = self.places.write();
        Arc::make_mut(&mut places).tail.push(Arc::clone(&segment));
        Some((segment, true))
    }

    /// Holds the pipeline back while too many bytes are unsealed and one segment of them can be sealed.
    fn wait_for_sealing(&self) {
        let mut stop = self.stop.lock();
        while !*stop && self.restored.load(Ordering::Acquire) && self.is_behind() {
            self.sealed.wait(&mut stop);
        }
    }

    fn is_behind(&self) -> bool {
        self.unsealed_bytes() > self.unsealed_bytes_max && self.places().tail.len() > 1
    }

    /// Bytes of the segments that have a tail in memory.
    fn unsealed_bytes(&self) -> u64 {
        let places = self.places();
        let segments = self.journal.segments().into_iter().filter(|s| places.tail.iter().any(|t| t.first_seq == s.first_seq));
        let bytes: u64 = segments.map(|s| s.bytes).sum();
        metrics::gauge!(crate::telemetry::UNSEALED_BYTES).set(bytes as f64);
        bytes
    }
}
