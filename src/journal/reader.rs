//! Reading: one way for the live tail, for replay and for resume.

use super::entry::{self, Entry, EntryKind, Locator, RecordRef};
use super::segment::{self, Segment};
use super::{Shared, block};
use crate::model::{Micros, Seq};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Why entries cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// They are no longer kept.
    #[error("entries before {oldest} are no longer kept")]
    Truncated {
        /// The oldest that is kept.
        oldest: Seq,
    },
    /// They are damaged.
    #[error("{path}: damaged at byte {offset}")]
    Corrupt {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        offset: u64,
    },
    /// The disk said no.
    #[error("{path}: {source}")]
    Io {
        /// The segment.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

fn failed(segment: &Segment, offset: u64) -> impl FnOnce(io::Error) -> ReadError + '_ {
    move |source| match source.kind() {
        io::ErrorKind::UnexpectedEof => ReadError::Corrupt { path: segment.path.clone(), offset },
        _ => ReadError::Io { path: segment.path.clone(), source },
    }
}

/// Reads the log in its order. It keeps its place by itself and moves no one else's.
pub struct Reader {
    shared: Arc<Shared>,
    segment: Arc<Segment>,
    /// Of the next block.
    offset: u64,
    /// First entry of the next block.
    expected: Seq,
    /// Entries before it are left out.
    from: Seq,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, from: Seq) -> Result<Self, ReadError> {
        let segment = containing(&shared, from)?;
        let (expected, offset) = segment.near(from);
        let mut reader = Self { shared, segment, offset, expected, from };
        reader.skip()?;
        Ok(reader)
    }

    /// Goes on to the block that holds `from`, by headers alone.
    fn skip(&mut self) -> Result<(), ReadError> {
        while self.expected < self.from && self.expected <= self.segment.last_seq() {
            let (_, header) = header_at(&self.segment, self.offset, self.expected)?;
            if header.last_seq() >= self.from {
                break;
            }
            self.offset += header.stride();
            self.expected = header.last_seq() + 1;
        }
        Ok(())
    }

    /// The next block, as far as it is durable; `None`: at the head, wait on [`super::Journal::watch`].
    ///
    /// # Errors
    /// See [`ReadError`]. Nothing is ever skipped.
    pub fn next_block(&mut self) -> Result<Option<Block>, ReadError> {
        if self.expected > self.shared.committed.load(Ordering::Acquire) {
            return Ok(None);
        }
        if self.expected > self.segment.last_seq() {
            let segment = containing(&self.shared, self.expected)?;
            if segment.first_seq != self.expected {
                return Err(ReadError::Corrupt { path: segment.path.clone(), offset: segment::HEADER_BYTES });
            }
            self.segment = segment;
            self.offset = segment::HEADER_BYTES;
        }
        let block = read_block(&self.segment, self.offset, self.expected, self.shared.seed)?;
        self.offset += block.header.stride();
        self.expected = block.header.last_seq() + 1;
        Ok(Some(Block { from: self.from, ..block }))
    }
}

fn containing(shared: &Shared, seq: Seq) -> Result<Arc<Segment>, ReadError> {
    let segments = shared.segments.read();
    let at = segments.partition_point(|s| s.first_seq <= seq);
    let oldest = segments.first().map_or(1, |s| s.first_seq);
    at.checked_sub(1).map(|at| Arc::clone(&segments[at])).ok_or(ReadError::Truncated { oldest })
}

fn header_at(segment: &Segment, offset: u64, expected: Seq) -> Result<([u8; block::HEADER_BYTES], block::Header), ReadError> {
    let mut bytes = [0; block::HEADER_BYTES];
    segment.file.read_exact_at(&mut bytes, offset).map_err(failed(segment, offset))?;
    match block::Header::parse(&bytes) {
        Some(header) if header.first_seq == expected && offset + header.stride() <= segment.end().next_multiple_of(8) => {
            Ok((bytes, header))
        }
        _ => Err(ReadError::Corrupt { path: segment.path.clone(), offset }),
    }
}

fn read_block(segment: &Segment, offset: u64, expected: Seq, seed: u32) -> Result<Block, ReadError> {
    let (bytes, header) = header_at(segment, offset, expected)?;
    let first_byte = offset + block::HEADER_BYTES as u64;
    let mut entries = vec![0; header.length as usize];
    segment.file.read_exact_at(&mut entries, first_byte).map_err(failed(segment, offset))?;
    if !block::verifies(seed, &bytes, &header, &entries) || !entry::are_entries(&entries, header.count) {
        return Err(ReadError::Corrupt { path: segment.path.clone(), offset });
    }
    Ok(Block { header, entries, segment: segment.first_seq, first_byte, from: 0 })
}

/// Entries that became durable together.
pub struct Block {
    header: block::Header,
    entries: Vec<u8>,
    segment: Seq,
    first_byte: u64,
    from: Seq,
}

impl Block {
    /// Its first entry.
    #[must_use]
    pub fn first_seq(&self) -> Seq {
        self.header.first_seq.max(self.from)
    }

    /// Its last entry.
    #[must_use]
    pub const fn last_seq(&self) -> Seq {
        self.header.last_seq()
    }

    /// When its last entry was recorded.
    #[must_use]
    pub const fn last_recorded_at(&self) -> Micros {
        self.header.base + self.header.count as i64 - 1
    }

    /// The segment it stands in.
    #[must_use]
    pub const fn segment(&self) -> Seq {
        self.segment
    }

    /// Bytes of entries.
    #[must_use]
    pub const fn bytes_len(&self) -> usize {
        self.entries.len()
    }

    /// Its entries, in their order.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut rest = &self.entries[..];
        let mut index = 0;
        std::iter::from_fn(move || {
            while let Some(length) = entry::length_of(rest) {
                let at = self.first_byte + (self.entries.len() - rest.len()) as u64;
                let (bytes, tail) = rest.split_at(length);
                rest = tail;
                let seq = self.header.first_seq + index;
                let recorded_at = self.header.base + index.cast_signed();
                index += 1;
                if seq >= self.from {
                    let locator = Locator { segment: self.segment, offset: u32::try_from(at).unwrap_or(u32::MAX) };
                    return entry::decode(bytes).map(|kind| Entry { seq, recorded_at, locator, kind });
                }
            }
            None
        })
    }
}

/// One segment to read from, by place. What was dropped meanwhile can be read as long as this lives.
#[derive(Clone)]
pub struct SegmentHandle {
    segment: Arc<Segment>,
    seed: u32,
}

impl SegmentHandle {
    pub(super) const fn new(segment: Arc<Segment>, seed: u32) -> Self {
        Self { segment, seed }
    }

    /// Reads one record; `bytes` is room to read into.
    ///
    /// # Errors
    /// See [`ReadError`]; no record at that place counts as damage.
    pub fn record<'a>(&self, offset: u32, bytes: &'a mut Vec<u8>) -> Result<RecordRef<'a>, ReadError> {
        const AT_ONCE: usize = 192;
        let corrupt = || ReadError::Corrupt { path: self.segment.path.clone(), offset: offset.into() };
        let room = self.segment.end().saturating_sub(offset.into());
        bytes.resize(AT_ONCE.min(usize::try_from(room).unwrap_or(AT_ONCE)), 0);
        self.segment.file.read_exact_at(bytes, offset.into()).map_err(failed(&self.segment, offset.into()))?;
        let length = bytes.first_chunk::<4>().map(|lead| entry::stated_length(*lead)).ok_or_else(corrupt)?;
        if length as u64 > room {
            return Err(corrupt());
        }
        if let Some(more) = length.checked_sub(bytes.len()).filter(|more| *more > 0) {
            let have = bytes.len();
            bytes.resize(have + more, 0);
            self.segment
                .file
                .read_exact_at(&mut bytes[have..], u64::from(offset) + have as u64)
                .map_err(failed(&self.segment, offset.into()))?;
        }
        match bytes.get(..length).and_then(entry::decode) {
            Some(EntryKind::Record(record)) => Ok(record),
            _ => Err(corrupt()),
        }
    }

    /// Reads all of it, checked block by block.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read_all(&self) -> Result<SegmentBytes, ReadError> {
        let last_seq = self.segment.last_seq();
        let mut bytes = vec![0; usize::try_from(self.segment.end()).unwrap_or(0)];
        self.segment.file.read_exact_at(&mut bytes, 0).map_err(failed(&self.segment, 0))?;
        let (mut offset, mut expected) = (segment::HEADER_BYTES, self.segment.first_seq);
        while expected <= last_seq {
            let corrupt = || ReadError::Corrupt { path: self.segment.path.clone(), offset };
            let from = usize::try_from(offset).unwrap_or(usize::MAX);
            let head = bytes.get(from..).and_then(|b| b.first_chunk::<{ block::HEADER_BYTES }>()).ok_or_else(corrupt)?;
            let header = block::Header::parse(head).filter(|h| h.first_seq == expected).ok_or_else(corrupt)?;
            let entries = bytes.get(from + block::HEADER_BYTES..).and_then(|b| b.get(..header.length as usize)).ok_or_else(corrupt)?;
            if !block::verifies(self.seed, head, &header, entries) {
                return Err(corrupt());
            }
            offset += header.stride();
            expected = header.last_seq() + 1;
        }
        Ok(SegmentBytes { bytes })
    }
}

/// A whole segment in memory.
pub struct SegmentBytes {
    bytes: Vec<u8>,
}

impl SegmentBytes {
    /// The record at a place.
    #[must_use]
    pub fn record(&self, offset: u32) -> Option<RecordRef<'_>> {
        let rest = self.bytes.get(usize::try_from(offset).ok()?..)?;
        match entry::decode(rest.get(..entry::length_of(rest)?)?)? {
            EntryKind::Record(record) => Some(record),
            _ => None,
        }
    }
}
