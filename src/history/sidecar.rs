//! What stands beside a sealed file: its checksums, and which rows are whose and of when.
//!
//! ```text
//! "PURVIEWH", version u32, crc32 of the rest u32, identity [16], first seq u64, last seq u64, rows u64, file bytes u64,
//! spans u32, checksums u32, runs u32, spans (from i64, to i64), checksums u32, runs (device u32, row u32, rows u32, from i64, to i64)
//! ```
//!
//! A run is consecutive rows of one device whose times lie close together, at most a page of them: one record from 1980 is a run of
//! its own and widens nothing. A span is the same for the whole file, roughly: where none is touched, the file need not be opened.

use super::HistoryError;
use super::schema::PAGE_ROWS;
use crate::model::{DeviceId, Micros, Seq};
use std::path::Path;

const MAGIC: &[u8; 8] = b"PURVIEWH";
pub(super) const VERSION: u32 = 1;
const FIXED_BYTES: usize = 16 + 16 + 32 + 12;
const RUN_BYTES: usize = 28;

/// Times further apart than this are of different runs.
const GAP: Micros = 6 * 3_600 * 1_000_000;
/// Runs of a device that may be due to gaps; more are cut by pages only.
const GAPS_MAX: u32 = 16;
const SPANS_MAX: usize = 64;

/// Consecutive rows of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub device: DeviceId,
    pub row: u32,
    pub rows: u32,
    pub from: Micros,
    pub to: Micros,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sidecar {
    pub identity: [u8; 16],
    pub first_seq: Seq,
    pub last_seq: Seq,
    pub rows: u64,
    pub file_bytes: u64,
    pub spans: Vec<(Micros, Micros)>,
    pub checksums: Vec<u32>,
    pub runs: Vec<Run>,
}

/// Makes runs of rows that come by (device, time).
#[derive(Default)]
pub(super) struct Runs {
    runs: Vec<Run>,
    rows: u32,
    gaps: u32,
}

impl Runs {
    pub(super) fn push(&mut self, device: DeviceId, time: Micros) {
        let row = self.rows;
        self.rows += 1;
        if let Some(last) = self.runs.last_mut().filter(|r| r.device == device) {
            let gap = time.saturating_sub(last.to) > GAP && self.gaps < GAPS_MAX;
            if !gap && (last.rows as usize) < PAGE_ROWS {
                last.rows += 1;
                last.to = time;
                return;
            }
            self.gaps += u32::from(gap);
        } else {
            self.gaps = 0;
        }
        self.runs.push(Run { device, row, rows: 1, from: time, to: time });
    }

    pub(super) fn finish(self) -> Vec<Run> {
        self.runs
    }
}

/// The times of all runs, joined where they lie close together.
pub(super) fn spans(runs: &[Run]) -> Vec<(Micros, Micros)> {
    let mut all: Vec<_> = runs.iter().map(|r| (r.from, r.to)).collect();
    all.sort_unstable();
    let mut slack = 3_600 * 1_000_000;
    loop {
        let mut joined: Vec<(Micros, Micros)> = Vec::new();
        for (from, to) in &all {
            match joined.last_mut() {
                Some(last) if from.saturating_sub(last.1) <= slack => last.1 = last.1.max(*to),
                _ => joined.push((*from, *to)),
            }
        }
        if joined.len() <= SPANS_MAX {
            return joined;
        }
        all = joined;
        slack = slack.saturating_mul(4);
    }
}

impl Sidecar {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED_BYTES + self.checksums.len() * 4 + self.runs.len() * RUN_BYTES);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.identity);
        for number in [self.first_seq, self.last_seq, self.rows, self.file_bytes] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for count in [self.spans.len(), self.checksums.len(), self.runs.len()] {
            out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        }
        for (from, to) in &self.spans {
            out.extend_from_slice(&from.to_le_bytes());
            out.extend_from_slice(&to.to_le_bytes());
        }
        self.checksums.iter().for_each(|c| out.extend_from_slice(&c.to_le_bytes()));
        for run in &self.runs {
            for number in [run.device.0, run.row, run.rows] {
                out.extend_from_slice(&number.to_le_bytes());
            }
            out.extend_from_slice(&run.from.to_le_bytes());
            out.extend_from_slice(&run.to.to_le_bytes());
        }
        let crc = crc32fast::hash(&out[16..]);
        out[12..16].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub(super) fn read(path: &Path) -> Result<Self, HistoryError> {
        let bytes = std::fs::read(path).map_err(|source| HistoryError::Io { path: path.to_owned(), source })?;
        let damaged = |what: &str| HistoryError::Damaged { path: path.to_owned(), what: what.to_owned() };
        let mut rest = bytes.strip_prefix(MAGIC).ok_or_else(|| damaged("not the index of a history file"))?;
        let version = u32(&mut rest).ok_or_else(|| damaged("cut short"))?;
        if version > VERSION {
            return Err(HistoryError::NewerVersion { path: path.to_owned(), found: version, known: VERSION });
        }
        let crc = u32(&mut rest).ok_or_else(|| damaged("cut short"))?;
        if crc32fast::hash(rest) != crc {
            return Err(damaged("the checksum does not fit"));
        }
        Self::parse(rest).ok_or_else(|| damaged("not an index"))
    }

    fn parse(mut rest: &[u8]) -> Option<Self> {
        let rest = &mut rest;
        let identity = array(rest)?;
        let (first_seq, last_seq, rows, file_bytes) = (u64(rest)?, u64(rest)?, u64(rest)?, u64(rest)?);
        let (spans, checksums, runs) = (u32(rest)?, u32(rest)?, u32(rest)?);
        let spans = (0..spans).map(|_| Some((i64(rest)?, i64(rest)?))).collect::<Option<_>>()?;
        let checksums = (0..checksums).map(|_| u32(rest)).collect::<Option<_>>()?;
        let runs = (0..runs)
            .map(|_| Some(Run { device: DeviceId(u32(rest)?), row: u32(rest)?, rows: u32(rest)?, from: i64(rest)?, to: i64(rest)? }));
        let runs = runs.collect::<Option<_>>()?;
        Some(Self { identity, first_seq, last_seq, rows, file_bytes, spans, checksums, runs })
    }
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = bytes.split_first_chunk::<N>()?;
    *bytes = tail;
    Some(*head)
}

fn u32(bytes: &mut &[u8]) -> Option<u32> {
    array(bytes).map(u32::from_le_bytes)
}

fn u64(bytes: &mut &[u8]) -> Option<u64> {
    array(bytes).map(u64::from_le_bytes)
}

fn i64(bytes: &mut &[u8]) -> Option<i64> {
    array(bytes).map(i64::from_le_bytes)
}
