//! Segments: the files of the journal.

use super::{FORMAT_VERSION, JournalError, SegmentInfo, block};
use crate::model::{Micros, Seq};
use parking_lot::Mutex;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

pub(super) const HEADER_BYTES: u64 = 64;
/// Sizes of a segment that work.
pub(super) const BYTES_MIN: u64 = 64 << 10;
/// Offsets have 32 bits.
pub(super) const BYTES_MAX: u64 = 2 << 30;
const MAGIC: &[u8; 8] = b"PURVIEWJ";
/// Between two places of a segment whose block is known without looking.
const INDEX_EVERY_BYTES: u64 = 256 << 10;

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub identity: [u8; 16],
    pub first_seq: Seq,
    /// First entry of the segment before; 0: there was none.
    pub previous: Seq,
    /// When the entry before its first was recorded.
    pub recorded_before: Micros,
}

impl Header {
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES as usize] {
        let mut bytes = [0; HEADER_BYTES as usize];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.identity);
        bytes[32..40].copy_from_slice(&self.first_seq.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.previous.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.recorded_before.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn read(file: &File, path: &Path) -> Result<Self, JournalError> {
        let mut bytes = [0; HEADER_BYTES as usize];
        let corrupt = |what| JournalError::Corrupt { path: path.to_owned(), offset: 0, what };
        file.read_exact_at(&mut bytes, 0).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => corrupt("the header is cut short"),
            _ => JournalError::Io { path: path.to_owned(), source: e },
        })?;
        let u64_at = |at: usize| bytes[at..at + 8].iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
        if &bytes[..8] != MAGIC {
            return Err(corrupt("not a journal segment"));
        }
        let found = u32::try_from(u64_at(8) & 0xFFFF_FFFF).unwrap_or(u32::MAX);
        if found > FORMAT_VERSION {
            return Err(JournalError::NewerVersion { path: path.to_owned(), found, known: FORMAT_VERSION });
        }
        if u64::from(crc32fast::hash(&bytes[..60])) != u64_at(56) >> 32 {
            return Err(corrupt("the header's checksum does not fit"));
        }
        let mut identity = [0; 16];
        identity.copy_from_slice(&bytes[16..32]);
        Ok(Self { identity, first_seq: u64_at(32), previous: u64_at(40), recorded_before: u64_at(48).cast_signed() })
    }
}

pub(super) struct Segment {
    pub path: PathBuf,
    pub file: File,
    pub first_seq: Seq,
    pub previous: Seq,
    pub recorded_before: Micros,
    /// Where the next block goes, or would.
    end: AtomicU64,
    last_seq: AtomicU64,
    last_recorded_at: AtomicI64,
    /// Some of its blocks: first entry and first byte, rising.
    index: Mutex<Vec<(Seq, u64)>>,
}

impl Segment {
    pub(super) fn new(path: PathBuf, file: File, header: &Header) -> Self {
        Self {
            path,
            file,
            first_seq: header.first_seq,
            previous: header.previous,
            recorded_before: header.recorded_before,
            end: AtomicU64::new(HEADER_BYTES),
            last_seq: AtomicU64::new(header.first_seq - 1),
            last_recorded_at: AtomicI64::new(header.recorded_before),
            index: Mutex::default(),
        }
    }

    /// Its last entry so far.
    pub(super) fn last_seq(&self) -> Seq {
        self.last_seq.load(Ordering::Acquire)
    }

    pub(super) fn last_recorded_at(&self) -> Micros {
        self.last_recorded_at.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// A block at its end is durable.
    pub(super) fn grow(&self, header: &block::Header) {
        let at = self.end();
        let mut index = self.index.lock();
        if index.last().is_none_or(|(_, offset)| at >= offset + INDEX_EVERY_BYTES) {
            index.push((header.first_seq, at));
        }
        drop(index);
        self.last_recorded_at.store(header.base + i64::from(header.count) - 1, Ordering::Release);
        self.end.store(at + header.stride(), Ordering::Release);
        self.last_seq.store(header.last_seq(), Ordering::Release);
    }

    /// It is known without reading it where it ends: where the next one says.
    pub(super) fn ends(&self, bytes: u64, last_seq: Seq, last_recorded_at: Micros) {
        self.last_recorded_at.store(last_recorded_at, Ordering::Release);
        self.end.store(bytes, Ordering::Release);
        self.last_seq.store(last_seq, Ordering::Release);
    }

    /// A block from which the one with an entry can be reached: its first entry and first byte.
    pub(super) fn near(&self, seq: Seq) -> (Seq, u64) {
        let index = self.index.lock();
        let at = index.partition_point(|(first, _)| *first <= seq);
        at.checked_sub(1).map_or((self.first_seq, HEADER_BYTES), |at| index[at])
    }

    pub(super) fn info(&self, active: bool) -> SegmentInfo {
        SegmentInfo {
            first_seq: self.first_seq,
            last_seq: self.last_seq(),
            last_recorded_at: self.last_recorded_at(),
            bytes: self.end().saturating_sub(HEADER_BYTES),
            active,
        }
    }
}

pub(super) fn path(folder: &Path, first_seq: Seq) -> PathBuf {
    folder.join(format!("{first_seq:020}.seg"))
}

/// Makes a segment that is wholly there, or not at all, after a crash.
pub(super) fn create(folder: &Path, header: &Header, capacity: u64) -> io::Result<Segment> {
    let unfinished = folder.join("new.tmp");
    let result = fill(&unfinished, header, capacity).and_then(|file| {
        let path = path(folder, header.first_seq);
        std::fs::rename(&unfinished, &path)?;
        File::open(folder)?.sync_all()?;
        Ok(Segment::new(path, file, header))
    });
    if result.is_err() {
        let _ = std::fs::remove_file(&unfinished);
    }
    result
}

fn fill(path: &Path, header: &Header, capacity: u64) -> io::Result<File> {
    let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
    preallocate(&file, capacity)?;
    file.write_all_at(&header.to_bytes(), 0)?;
    file.sync_all()?;
    Ok(file)
}

/// Takes the room, so that no later write of the segment can lack it. Where the file system cannot, the file is only made that long.
pub(super) fn preallocate(file: &File, capacity: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, capacity) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(capacity),
        Err(error) => Err(error.into()),
    }
}
