//! The unsealed tail: which records of a segment were accepted, by device and time. Sixteen bytes a record.

use super::{HistoryError, PageKey, TailRow};
use crate::journal::{SegmentHandle, SegmentInfo};
use crate::model::{DeviceId, DeviceMap, Micros, Seq, TimeFlag};
use parking_lot::Mutex;
use std::collections::HashMap;

const DELTA_BITS: u32 = 29;
const DELTA_MASK: u32 = (1 << DELTA_BITS) - 1;
const LATE: u8 = 1;

/// One accepted record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub time: Micros,
    /// Its place in the segment.
    pub offset: u32,
    /// `seq` less the first of the segment, and above it the marks.
    packed: u32,
}

impl Row {
    const fn delta(self) -> u32 {
        self.packed & DELTA_MASK
    }

    pub(super) const fn marks(self) -> Marks {
        Marks((self.packed >> DELTA_BITS) as u8)
    }
}

/// What the pipeline found of a record: three bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks(u8);

impl Marks {
    pub(super) const fn new(late: bool, time_flag: TimeFlag) -> Self {
        let flag = match time_flag {
            TimeFlag::Sound => 0,
            TimeFlag::Missing => 1,
            TimeFlag::Ancient => 2,
            TimeFlag::Future => 3,
        };
        Self(flag << 1 | if late { LATE } else { 0 })
    }

    pub(super) const fn late(self) -> bool {
        self.0 & LATE != 0
    }

    pub(super) const fn time_flag(self) -> TimeFlag {
        match self.0 >> 1 {
            0 => TimeFlag::Sound,
            1 => TimeFlag::Missing,
            2 => TimeFlag::Ancient,
            _ => TimeFlag::Future,
        }
    }

    /// As it is stored: 0 sound, 1 missing, 2 ancient, 3 future.
    pub(super) const fn time_flag_number(self) -> i32 {
        (self.0 >> 1) as i32
    }
}

/// Consecutive accepted entries with the same marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    pub first: u32,
    pub count: u32,
    pub marks: Marks,
}

#[derive(Default)]
struct DeviceRows {
    rows: Vec<Row>,
    unsorted: bool,
}

#[derive(Default)]
struct Rows {
    devices: DeviceMap<DeviceRows>,
    /// From which entry on `recorded_at - seq` is what.
    bases: Vec<(u32, i64)>,
    accepted: Vec<Accepted>,
    count: usize,
}

/// The accepted records of one segment.
pub(super) struct TailSegment {
    pub first_seq: Seq,
    pub handle: SegmentHandle,
    rows: Mutex<Rows>,
}

/// A row that was found, with its place in the order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub key: PageKey,
    pub recorded_at: Micros,
    pub row: Row,
}

impl TailSegment {
    pub(super) fn new(first_seq: Seq, handle: SegmentHandle) -> Self {
        Self { first_seq, handle, rows: Mutex::default() }
    }

    /// Takes rows of this segment, in the order of `seq`.
    pub(super) fn append(&self, rows: &[TailRow]) {
        let mut inner = self.rows.lock();
        for row in rows {
            // A segment of at most 2 GiB has fewer entries than this.
            let delta = u32::try_from(row.seq - self.first_seq).unwrap_or(DELTA_MASK) & DELTA_MASK;
            let marks = Marks::new(row.late, row.time_flag);
            let base = row.recorded_at.wrapping_sub(row.seq.cast_signed());
            if inner.bases.last().is_none_or(|(_, last)| *last != base) {
                inner.bases.push((delta, base));
            }
            match inner.accepted.last_mut() {
                Some(last) if last.marks == marks && last.first + last.count == delta => last.count += 1,
                _ => inner.accepted.push(Accepted { first: delta, count: 1, marks }),
            }
            inner.count += 1;
            let device = inner.devices.entry(row.device).or_default();
            let packed = delta | u32::from(marks.0) << DELTA_BITS;
            device.unsorted |= device.rows.last().is_some_and(|last| last.time > row.history_time);
            device.rows.push(Row { time: row.history_time, offset: row.locator.offset, packed });
        }
    }

    pub(super) fn count(&self) -> usize {
        self.rows.lock().count
    }

    pub(super) fn accepted(&self) -> Vec<Accepted> {
        self.rows.lock().accepted.clone()
    }

    pub(super) fn devices(&self) -> Vec<DeviceId> {
        let mut devices: Vec<_> = self.rows.lock().devices.keys().copied().collect();
        devices.sort_unstable();
        devices
    }

    /// All rows of a device in the order of time and `seq`, with `seq` and when it was recorded.
    pub(super) fn of_device(&self, device: DeviceId) -> Vec<Found> {
        self.find(device, PageKey::FIRST, PageKey::LAST, usize::MAX, false)
    }

    /// At most so many rows from the first key to the last one, both included; the first ones, or (`descending`) the last ones,
    /// in ascending order either way.
    pub(super) fn find(&self, device: DeviceId, from: PageKey, to: PageKey, rows_max: usize, descending: bool) -> Vec<Found> {
        let mut inner = self.rows.lock();
        let inner = &mut *inner;
        let Some(device) = inner.devices.get_mut(&device) else { return Vec::new() };
        if device.unsorted {
            device.rows.sort_unstable_by_key(|r| (r.time, r.delta()));
            device.unsorted = false;
        }
        let key = |row: &Row| PageKey { time: row.time, seq: self.first_seq + u64::from(row.delta()) };
        let mut start = device.rows.partition_point(|r| key(r) < from);
        let mut end = device.rows.partition_point(|r| key(r) <= to).max(start);
        if descending {
            start = start.max(end.saturating_sub(rows_max));
        } else {
            end = end.min(start.saturating_add(rows_max));
        }
        let recorded_at = |row: &Row| {
            let at = inner.bases.partition_point(|(delta, _)| *delta <= row.delta());
            let base = at.checked_sub(1).map_or(0, |at| inner.bases[at].1);
            base.wrapping_add(key(row).seq.cast_signed())
        };
        device.rows[start..end].iter().map(|row| Found { key: key(row), recorded_at: recorded_at(row), row: *row }).collect()
    }
}

/// What was accepted of the unsealed segments, in a form that a checkpoint keeps:
/// checkpoint u64, then for each segment: first seq u64, runs u32, and for each run: first u32, count u32, marks u8.
pub(super) fn write_marks(checkpoint: Seq, segments: &[std::sync::Arc<TailSegment>]) -> Vec<u8> {
    let mut out = checkpoint.to_le_bytes().to_vec();
    for segment in segments {
        let accepted = segment.accepted();
        out.extend_from_slice(&segment.first_seq.to_le_bytes());
        out.extend_from_slice(&u32::try_from(accepted.len()).unwrap_or(u32::MAX).to_le_bytes());
        for run in &accepted {
            out.extend_from_slice(&run.first.to_le_bytes());
            out.extend_from_slice(&run.count.to_le_bytes());
            out.push(run.marks.0);
        }
    }
    out
}

/// Reads [`write_marks`] back.
pub(super) fn read_marks(checkpoint: Seq, mut bytes: &[u8]) -> Result<HashMap<Seq, Vec<Accepted>>, HistoryError> {
    fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], HistoryError> {
        let (head, tail) = bytes.split_first_chunk::<N>().ok_or(HistoryError::Marks)?;
        *bytes = tail;
        Ok(*head)
    }
    let mut segments = HashMap::new();
    if checkpoint == 0 && bytes.is_empty() {
        return Ok(segments);
    }
    if u64::from_le_bytes(take(&mut bytes)?) != checkpoint {
        return Err(HistoryError::Marks);
    }
    while !bytes.is_empty() {
        let first_seq = u64::from_le_bytes(take(&mut bytes)?);
        let runs = u32::from_le_bytes(take(&mut bytes)?);
        let mut accepted = Vec::new();
        for _ in 0..runs {
            let (first, count) = (u32::from_le_bytes(take(&mut bytes)?), u32::from_le_bytes(take(&mut bytes)?));
            let [marks] = take(&mut bytes)?;
            accepted.push(Accepted { first, count, marks: Marks(marks & 7) });
        }
        segments.insert(first_seq, accepted);
    }
    Ok(segments)
}

/// The marks of an entry, if it was accepted.
pub(super) fn marks_of(accepted: &[Accepted], delta: u32) -> Option<Marks> {
    let at = accepted.partition_point(|run| run.first <= delta).checked_sub(1)?;
    let run = accepted[at];
    (delta - run.first < run.count).then_some(run.marks)
}

/// Whether everything that a segment holds has been offered.
pub(super) const fn is_complete(segment: &SegmentInfo, passed: Seq, newest: Seq) -> bool {
    !segment.active && (passed >= segment.last_seq || newest > segment.last_seq)
}
