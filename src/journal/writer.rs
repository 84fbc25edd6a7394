//! The one thread that writes.

use super::folder::Opened;
use super::queue::{Done, Submission, Taken};
use super::segment::{self, Header, Segment};
use super::storage::Storage;
use super::{AppendError, Committed, Shared, block, folder, gate};
use crate::clock::Clock;
use crate::config::JournalConfig;
use crate::model::{Micros, Seq};
use crate::telemetry;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often it is looked whether a full disk has room again.
const ROOM_CHECK: Duration = Duration::from_millis(100);

enum Failure {
    /// Nothing was written, and it can be tried again.
    Full,
    /// It is not known what was written.
    Broken(PathBuf, io::Error),
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    clock: Arc<Clock>,
    storage: Arc<dyn Storage>,
    folder: PathBuf,
    segment_bytes: u64,
    group_bytes_max: usize,
    disk_margin_bytes: u64,
    active: Arc<Segment>,
    /// Up to where the active segment may be filled.
    capacity: u64,
    last_recorded_at: Micros,
    /// Free space without which nothing is taken; 0 while there is enough.
    wanted_bytes: u64,
    block: Vec<u8>,
    /// The folder's lock; released with the thread.
    _lock: File,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        opened: Opened,
        config: &JournalConfig,
        segment_bytes: u64,
        dir: &Path,
        clock: Arc<Clock>,
        storage: Arc<dyn Storage>,
    ) -> Self {
        let Opened { active, lock, .. } = opened;
        let capacity = active.file.metadata().map_or(0, |m| m.len()).min(segment::BYTES_MAX);
        Self {
            last_recorded_at: active.last_recorded_at(),
            folder: folder::segments_folder(dir),
            group_bytes_max: config.group_bytes_max.min(shared.batch_bytes_max),
            disk_margin_bytes: config.disk_margin_bytes,
            wanted_bytes: 0,
            block: Vec::new(),
            _lock: lock,
            shared,
            clock,
            storage,
            segment_bytes,
            active,
            capacity,
        }
    }

    pub(super) fn run(mut self) {
        let mut group = Vec::new();
        loop {
            let timeout = (self.wanted_bytes > 0).then_some(ROOM_CHECK);
            match self.shared.queue.take(&mut group, self.group_bytes_max, timeout) {
                Taken::Closed => break,
                Taken::Nothing => self.look_for_room(),
                Taken::Group => {
                    if let Err(Failure::Broken(path, error)) = self.commit(&mut group) {
                        tracing::error!(path = %path.display(), %error, "journal: a write failed; nothing is accepted any more");
                        self.shared.poisoned.send_replace(true);
                        break;
                    }
                }
            }
        }
        self.shared.room.close();
        let error = self.shared.stopped();
        for submission in group.drain(..).chain(self.shared.queue.drain()) {
            (submission.done)(Err(error));
        }
    }

    /// One group. Whatever is still in `group` afterwards was not completed.
    fn commit(&mut self, group: &mut Vec<Submission>) -> Result<(), Failure> {
        let begun = self.clock.now();
        if self.full() {
            self.refuse(group);
            return Ok(());
        }
        let bytes: usize = group.iter().map(|s| s.batch.bytes_len()).sum();
        match self.make_room(block::stride(bytes)) {
            Ok(()) => {}
            Err(Failure::Full) => {
                self.refuse(group);
                return Ok(());
            }
            Err(broken) => return Err(broken),
        }
        let first_seq = self.active.last_seq() + 1;
        let base = begun.max(self.last_recorded_at + 1);
        let places = self.assemble(group, first_seq, base);
        let written = self.write(first_seq, base, &places);
        if written.is_ok() {
            self.publish();
        }
        self.shared.gate.end();
        written?;
        let cost: usize = group.iter().map(|s| s.cost as usize).sum();
        let dones: Vec<Done> = group.drain(..).map(|s| s.done).collect();
        self.shared.room.add_permits(cost);
        metrics::histogram!(telemetry::JOURNAL_COMMIT).record(Duration::from_micros((self.clock.now() - begun).unsigned_abs()));
        for (done, place) in dones.into_iter().zip(places) {
            done(Ok(place));
        }
        Ok(())
    }

    /// Copies what is current into one block.
    fn assemble(&mut self, group: &[Submission], first_seq: Seq, base: Micros) -> Vec<Committed> {
        self.block.clear();
        self.block.resize(block::HEADER_BYTES, 0);
        let block = &mut self.block;
        self.shared.gate.pass(|current| {
            let mut next = first_seq;
            let place = |submission: &Submission| {
                let (taken, refused) = gate::copy_current(&submission.batch, block, current);
                let first = next;
                next += u64::from(taken);
                let last_recorded_at = base + next.cast_signed() - first_seq.cast_signed() - 1;
                Committed { first_seq: first, last_seq: next - 1, last_recorded_at, refused }
            };
            group.iter().map(place).collect()
        })
    }

    fn write(&mut self, first_seq: Seq, base: Micros, places: &[Committed]) -> Result<(), Failure> {
        let last_seq = places.last().map_or(first_seq - 1, |p| p.last_seq);
        let count = u32::try_from(last_seq + 1 - first_seq).unwrap_or(u32::MAX);
        if count == 0 {
            return Ok(());
        }
        let broken = |active: &Segment| {
            let path = active.path.clone();
            move |error| Failure::Broken(path, error)
        };
        let sealed = block::seal(&mut self.block, self.shared.seed, first_seq, base, count);
        let length = sealed.ok_or_else(|| broken(&self.active)(io::Error::other("a block of more than 4 GiB")))?;
        self.storage.write(&self.active.file, &self.block, self.active.end()).map_err(broken(&self.active))?;
        self.storage.sync(&self.active.file).map_err(broken(&self.active))?;
        self.active.grow(&block::Header { crc: 0, length, first_seq, base, count });
        self.last_recorded_at = self.active.last_recorded_at();
        metrics::counter!(telemetry::JOURNAL_ENTRIES).increment(count.into());
        metrics::counter!(telemetry::JOURNAL_BYTES).increment(length.into());
        Ok(())
    }

    fn publish(&self) {
        let last = self.active.last_seq();
        if self.shared.committed.swap(last, Ordering::AcqRel) != last {
            self.shared.committed_watch.send_replace(last);
        }
    }

    /// Goes on to a new segment if a block of that size does not fit into the active one.
    fn make_room(&mut self, block_bytes: u64) -> Result<(), Failure> {
        if self.active.end() + block_bytes <= self.capacity {
            return Ok(());
        }
        if self.active.last_seq() < self.active.first_seq && self.capacity >= self.segment_bytes {
            // An empty one of full size: a new one would be no larger.
            return Err(Failure::Broken(self.active.path.clone(), io::Error::other("a group larger than a segment")));
        }
        let wanted = self.disk_margin_bytes.saturating_add(self.segment_bytes);
        if self.storage.free_bytes(&self.folder).is_ok_and(|free| free < wanted) {
            self.wanted_bytes = wanted;
            return Err(Failure::Full);
        }
        let first_seq = self.active.last_seq() + 1;
        if first_seq == self.active.first_seq {
            return self.widen();
        }
        let header =
            Header { identity: self.shared.identity, first_seq, previous: self.active.first_seq, recorded_before: self.last_recorded_at };
        match segment::create(&self.folder, &header, self.segment_bytes) {
            Ok(created) => {
                let created = Arc::new(created);
                // What was preallocated and not used. If this fails, it is only room; the next segment says where this one ends.
                let _ = self.active.file.set_len(self.active.end());
                self.shared.segments.write().push(Arc::clone(&created));
                self.active = created;
                self.capacity = self.segment_bytes;
                Ok(())
            }
            Err(error) if is_full(&error) => {
                self.wanted_bytes = wanted;
                Err(Failure::Full)
            }
            Err(error) => Err(Failure::Broken(self.folder.clone(), error)),
        }
    }

    /// Takes the room of an empty segment again, which could not be taken when it was opened.
    fn widen(&mut self) -> Result<(), Failure> {
        match segment::preallocate(&self.active.file, self.segment_bytes).and_then(|()| self.active.file.sync_all()) {
            Ok(()) => {
                self.capacity = self.segment_bytes;
                Ok(())
            }
            Err(error) if is_full(&error) => {
                self.wanted_bytes = self.disk_margin_bytes.saturating_add(self.segment_bytes);
                Err(Failure::Full)
            }
            Err(error) => Err(Failure::Broken(self.active.path.clone(), error)),
        }
    }

    /// Whether there is too little free space. What cannot be asked is taken for enough: the write itself will tell.
    fn full(&mut self) -> bool {
        let wanted = self.wanted_bytes.max(self.disk_margin_bytes);
        let full = self.storage.free_bytes(&self.folder).is_ok_and(|free| free < wanted);
        if !full {
            self.resume();
        } else if self.wanted_bytes == 0 {
            self.wanted_bytes = wanted;
        }
        full
    }

    fn look_for_room(&mut self) {
        self.full();
    }

    fn refuse(&self, group: &mut Vec<Submission>) {
        if !self.shared.disk_full.swap(true, Ordering::Relaxed) {
            tracing::error!(wanted_bytes = self.wanted_bytes, "journal: the disk is nearly full; nothing is accepted until there is room");
            metrics::gauge!(telemetry::JOURNAL_DISK_FULL).set(1.0);
        }
        for submission in group.drain(..) {
            self.shared.room.add_permits(submission.cost as usize);
            (submission.done)(Err(AppendError::DiskFull));
        }
    }

    fn resume(&mut self) {
        self.wanted_bytes = 0;
        if self.shared.disk_full.swap(false, Ordering::Relaxed) {
            tracing::info!("journal: there is room again");
            metrics::gauge!(telemetry::JOURNAL_DISK_FULL).set(0.0);
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
