//! One answer from all places: keys first, then the rows that are left.

use super::cache::Cache;
use super::file::OpenFile;
use super::sidecar::Run;
use super::tail::Found;
use super::{HistoryError, PageKey, Places, columns};
use crate::model::{DeviceId, Micros, Position};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) struct Wanted {
    pub device: DeviceId,
    pub from: PageKey,
    pub to: PageKey,
    pub rows_max: usize,
    pub descending: bool,
}

#[derive(Clone, Copy)]
enum Source {
    Tail { segment: usize, found: Found },
    Sealed { file: usize, row: u32 },
}

struct Candidate {
    file: usize,
    open: Arc<OpenFile>,
    run: Run,
}

/// The best rows so far, in the wanted direction.
struct Best<'a> {
    wanted: &'a Wanted,
    rows: Vec<(PageKey, Source)>,
}

impl Best<'_> {
    fn offer(&mut self, rows: impl Iterator<Item = (PageKey, Source)>) {
        self.rows.extend(rows);
        if self.wanted.descending {
            self.rows.sort_by_key(|(key, _)| std::cmp::Reverse(*key));
        } else {
            self.rows.sort_by_key(|(key, _)| *key);
        }
        self.rows.truncate(self.wanted.rows_max);
    }

    /// Whether nothing of those times can be among the best any more.
    fn excludes(&self, from: Micros, to: Micros) -> bool {
        let worst = self.rows.last().filter(|_| self.rows.len() >= self.wanted.rows_max);
        worst.is_some_and(|(key, _)| if self.wanted.descending { to < key.time } else { from > key.time })
    }
}

pub(super) fn page(places: &Places, cache: &Cache, wanted: &Wanted) -> Result<Vec<Position>, HistoryError> {
    if wanted.rows_max == 0 || wanted.from > wanted.to {
        return Ok(Vec::new());
    }
    let mut best = Best { wanted, rows: Vec::new() };
    for (segment, tail) in places.tail.iter().enumerate() {
        let found = tail.find(wanted.device, wanted.from, wanted.to, wanted.rows_max, wanted.descending);
        best.offer(found.into_iter().map(|found| (found.key, Source::Tail { segment, found })));
    }
    let mut candidates = candidates(places, cache, wanted)?;
    if wanted.descending {
        candidates.sort_by_key(|c| std::cmp::Reverse(c.run.to));
    } else {
        candidates.sort_by_key(|c| c.run.from);
    }
    let mut open = BTreeMap::new();
    for candidate in candidates {
        // The next ones lie further off still.
        if best.excludes(candidate.run.from, candidate.run.to) {
            break;
        }
        let keys = candidate.open.keys(&candidate.run)?;
        let file = candidate.file;
        let rows = keys.into_iter().zip(candidate.run.row..).filter(|(key, _)| (wanted.from..=wanted.to).contains(key));
        best.offer(rows.map(|(key, row)| (key, Source::Sealed { file, row })));
        open.insert(file, candidate.open);
    }
    read(places, &open, &best.rows)
}

fn candidates(places: &Places, cache: &Cache, wanted: &Wanted) -> Result<Vec<Candidate>, HistoryError> {
    let mut candidates = Vec::new();
    for (number, file) in places.files.iter().enumerate() {
        if !file.touches(wanted.from.time, wanted.to.time) {
            continue;
        }
        let open = cache.open(file)?;
        let runs = open.runs_of(wanted.device).iter().filter(|r| r.from <= wanted.to.time && r.to >= wanted.from.time);
        candidates.extend(runs.map(|run| Candidate { file: number, open: Arc::clone(&open), run: *run }));
    }
    Ok(candidates)
}

fn read(places: &Places, open: &BTreeMap<usize, Arc<OpenFile>>, rows: &[(PageKey, Source)]) -> Result<Vec<Position>, HistoryError> {
    let mut sealed: BTreeMap<usize, Vec<(u32, usize)>> = BTreeMap::new();
    let mut positions: Vec<Option<Position>> = vec![None; rows.len()];
    let mut bytes = Vec::new();
    for (at, (_, source)) in rows.iter().enumerate() {
        match source {
            Source::Tail { segment, found } => {
                let record = places.tail[*segment].handle.record(found.row.offset, &mut bytes)?;
                positions[at] = Some(columns::position(found, &record));
            }
            Source::Sealed { file, row } => sealed.entry(*file).or_default().push((*row, at)),
        }
    }
    for (file, mut rows) in sealed {
        rows.sort_unstable();
        let numbers: Vec<u32> = rows.iter().map(|(row, _)| *row).collect();
        let Some(open) = open.get(&file) else { continue };
        for (position, (_, at)) in open.positions(&numbers)?.into_iter().zip(rows) {
            positions[at] = Some(position);
        }
    }
    Ok(positions.into_iter().flatten().collect())
}
