//! A file that is read only through its checksums, by place: no cursor that two threads could share.

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// What one checksum covers.
pub(super) const BLOCK_BYTES: u64 = 16 << 10;

#[derive(Clone)]
pub(super) struct Checked {
    inner: Arc<Inner>,
}

struct Inner {
    file: File,
    bytes: u64,
    checksums: Vec<u32>,
}

impl Checked {
    /// A file of that many bytes, with the checksum of each of its blocks.
    pub(super) fn new(file: File, bytes: u64, checksums: Vec<u32>) -> Self {
        Self { inner: Arc::new(Inner { file, bytes, checksums }) }
    }

    fn read(&self, start: u64, length: u64) -> io::Result<Bytes> {
        let end = start.checked_add(length).filter(|end| *end <= self.inner.bytes);
        let end = end.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "beyond the end"))?;
        let first = start / BLOCK_BYTES;
        let aligned = first * BLOCK_BYTES;
        let aligned_end = end.next_multiple_of(BLOCK_BYTES).min(self.inner.bytes);
        let mut bytes = vec![0; usize::try_from(aligned_end.saturating_sub(aligned)).unwrap_or(0)];
        self.inner.file.read_exact_at(&mut bytes, aligned)?;
        let block_bytes = usize::try_from(BLOCK_BYTES).unwrap_or(usize::MAX);
        for (block, number) in bytes.chunks(block_bytes).zip(first..) {
            let expected = usize::try_from(number).ok().and_then(|n| self.inner.checksums.get(n));
            if expected != Some(&crc32fast::hash(block)) {
                let what = format!("the checksum of bytes {} to {} does not fit", number * BLOCK_BYTES, (number + 1) * BLOCK_BYTES);
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
        }
        let skip = usize::try_from(start - aligned).unwrap_or(0);
        let length = usize::try_from(length).unwrap_or(0);
        Ok(Bytes::from(bytes).slice(skip..skip + length))
    }
}

impl Length for Checked {
    fn len(&self) -> u64 {
        self.inner.bytes
    }
}

impl ChunkReader for Checked {
    type T = CheckedRead;

    fn get_read(&self, start: u64) -> Result<CheckedRead> {
        Ok(CheckedRead { of: self.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.read(start, length as u64).map_err(|e| ParquetError::External(Box::new(e)))
    }
}

/// Reads on from a place.
pub(super) struct CheckedRead {
    of: Checked,
    at: u64,
}

impl Read for CheckedRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let block_end = (self.at / BLOCK_BYTES + 1) * BLOCK_BYTES;
        let length = (block_end.min(self.of.inner.bytes).saturating_sub(self.at)).min(buffer.len() as u64);
        let bytes = self.of.read(self.at, length)?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }
}

/// Makes the checksums of what goes through.
pub(super) struct Summing<W> {
    inner: W,
    bytes: u64,
    hasher: crc32fast::Hasher,
    checksums: Vec<u32>,
}

impl<W: Write> Summing<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, bytes: 0, hasher: crc32fast::Hasher::new(), checksums: Vec::new() }
    }

    /// The writer, how much went through, and the checksums.
    pub(super) fn finish(mut self) -> io::Result<(W, u64, Vec<u32>)> {
        self.inner.flush()?;
        if !self.bytes.is_multiple_of(BLOCK_BYTES) {
            self.checksums.push(self.hasher.finalize());
        }
        Ok((self.inner, self.bytes, self.checksums))
    }
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        let mut rest = &buffer[..written];
        while !rest.is_empty() {
            let room = BLOCK_BYTES - self.bytes % BLOCK_BYTES;
            let (part, tail) = rest.split_at(rest.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
            self.hasher.update(part);
            self.bytes += part.len() as u64;
            if self.bytes.is_multiple_of(BLOCK_BYTES) {
                self.checksums.push(std::mem::take(&mut self.hasher).finalize());
            }
            rest = tail;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
