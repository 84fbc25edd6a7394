//! Blocks: one group commit each.

use crate::model::{Micros, Seq};

pub(super) const HEADER_BYTES: usize = 32;

/// What a block says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub crc: u32,
    /// Bytes of entries; never 0.
    pub length: u32,
    pub first_seq: Seq,
    pub base: Micros,
    /// Never 0.
    pub count: u32,
}

impl Header {
    /// `None`: not a header that was ever written (zeros among them: the end).
    pub(super) fn parse(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        let header = Self { crc: u32_at(0), length: u32_at(4), first_seq: u64_at(8), base: u64_at(16).cast_signed(), count: u32_at(24) };
        // An entry has at least 4 bytes.
        let sound = header.length > 0 && header.count > 0 && header.count <= header.length / 4 && u32_at(28) == 0;
        (sound && header.first_seq > 0 && header.first_seq.checked_add(u64::from(header.count)).is_some()).then_some(header)
    }

    pub(super) const fn last_seq(&self) -> Seq {
        self.first_seq + self.count as u64 - 1
    }

    /// Bytes from the block's first to the next block's first.
    pub(super) const fn stride(&self) -> u64 {
        stride(self.length as usize)
    }
}

/// Bytes from the first byte of a block with that many bytes of entries to the next block's first.
pub(super) const fn stride(length: usize) -> u64 {
    (HEADER_BYTES as u64 + length as u64).next_multiple_of(8)
}

/// Fills in the header of a block whose entries stand behind [`HEADER_BYTES`] bytes of room, and pads it. Returns the bytes of entries.
pub(super) fn seal(block: &mut Vec<u8>, seed: u32, first_seq: Seq, base: Micros, count: u32) -> Option<u32> {
    let length = u32::try_from(block.len().checked_sub(HEADER_BYTES)?).ok()?;
    block[4..8].copy_from_slice(&length.to_le_bytes());
    block[8..16].copy_from_slice(&first_seq.to_le_bytes());
    block[16..24].copy_from_slice(&base.to_le_bytes());
    block[24..28].copy_from_slice(&count.to_le_bytes());
    block[28..32].fill(0);
    let crc = checksum(seed, &block[4..HEADER_BYTES], &block[HEADER_BYTES..]);
    block[..4].copy_from_slice(&crc.to_le_bytes());
    block.resize(usize::try_from(stride(length as usize)).ok()?, 0);
    Some(length)
}

/// Whether entries are those that the header was made for.
pub(super) fn verifies(seed: u32, header_bytes: &[u8; HEADER_BYTES], header: &Header, entries: &[u8]) -> bool {
    entries.len() == header.length as usize && checksum(seed, &header_bytes[4..], entries) == header.crc
}

fn checksum(seed: u32, header: &[u8], entries: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(header);
    hasher.update(entries);
    hasher.finalize()
}
