//! What is remarkable of records in the journal: which are resends, which came late, whose time is flagged. It follows from everything
//! before them, so whoever reads a part of the journal asks here.
//!
//! In memory, by pages of 65,536 entries, only what is remarkable (4 bytes each); a page that changed is written to its own file with each
//! checkpoint. Pages go with the segments they speak of.
//!
//! ```text
//! page = "PVREMRK1", page u64, count u32, *(entry u16, bits u8), crc32 u32       ; little endian
//! ```

use super::checkpoint::write_durably;
use crate::model::{Seq, TimeFlag};
use parking_lot::RwLock;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"PVREMRK1";
const ENTRIES_PER_PAGE_BITS: u32 = 16;

const DUPLICATE: u8 = 1;
const LATE: u8 = 2;
const ANCIENT: u8 = 4;
const FUTURE: u8 = 8;

/// What is remarkable of one record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remark {
    bits: u8,
}

impl Remark {
    /// A resend: the first copy stands, this one is not shown.
    pub const DUPLICATE: Self = Self { bits: DUPLICATE };

    /// Of a first copy.
    #[must_use]
    pub const fn of(late: bool, time_flag: TimeFlag) -> Self {
        let late = if late { LATE } else { 0 };
        Self {
            bits: late
                | match time_flag {
                    TimeFlag::Sound | TimeFlag::Missing => 0,
                    TimeFlag::Ancient => ANCIENT,
                    TimeFlag::Future => FUTURE,
                },
        }
    }

    /// Whether it is a resend.
    #[must_use]
    pub const fn is_duplicate(self) -> bool {
        self.bits & DUPLICATE != 0
    }

    /// Whether it came late.
    #[must_use]
    pub const fn is_late(self) -> bool {
        self.bits & LATE != 0
    }

    /// The trouble with its time; `has_time`: whether the record has one.
    #[must_use]
    pub const fn time_flag(self, has_time: bool) -> TimeFlag {
        match self.bits & (ANCIENT | FUTURE) {
            _ if !has_time => TimeFlag::Missing,
            ANCIENT => TimeFlag::Ancient,
            FUTURE => TimeFlag::Future,
            _ => TimeFlag::Sound,
        }
    }

    const fn is_remarkable(self) -> bool {
        self.bits != 0
    }
}

/// Entries of a page, ascending.
type Page = Vec<(u16, u8)>;

#[derive(Debug, Default)]
struct Pages {
    pages: BTreeMap<u64, Page>,
    changed: BTreeSet<u64>,
}

/// The remarks on the records that the journal keeps.
#[derive(Debug)]
pub struct Remarks {
    dir: PathBuf,
    pages: RwLock<Pages>,
}

const fn place(seq: Seq) -> (u64, u16) {
    #[allow(clippy::cast_possible_truncation)]
    let within = seq as u16;
    (seq >> ENTRIES_PER_PAGE_BITS, within)
}

impl Remarks {
    /// Reads what is there. A page that does not read is reported and left out: the replay makes it again as far as it reaches.
    ///
    /// # Errors
    /// When the folder cannot be made or listed.
    pub fn open(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let mut pages = Pages::default();
        for file in std::fs::read_dir(dir)? {
            let path = file?.path();
            if path.extension().is_none_or(|extension| extension != "remarks") {
                continue;
            }
            match decode(&std::fs::read(&path)?) {
                Some((number, page)) => drop(pages.pages.insert(number, page)),
                None => tracing::error!(path = %path.display(), "pipeline: remarks do not read and are left out"),
            }
        }
        Ok(Self { dir: dir.to_owned(), pages: RwLock::new(pages) })
    }

    /// What is remarkable of a record.
    #[must_use]
    pub fn of(&self, seq: Seq) -> Remark {
        let (number, within) = place(seq);
        let pages = self.pages.read();
        let found = pages.pages.get(&number).and_then(|page| {
            let at = page.binary_search_by_key(&within, |(entry, _)| *entry).ok()?;
            page.get(at)
        });
        Remark { bits: found.map_or(0, |(_, bits)| *bits) }
    }

    /// Whether nothing at all is remarkable from one entry to another, both included.
    #[must_use]
    pub fn has_none(&self, from: Seq, to: Seq) -> bool {
        self.pages.read().pages.range(place(from).0..=place(to).0).next().is_none()
    }

    pub(super) fn note(&self, remarks: impl Iterator<Item = (Seq, Remark)>) {
        let mut remarks = remarks.filter(|(_, remark)| remark.is_remarkable()).peekable();
        if remarks.peek().is_none() {
            return;
        }
        let mut pages = self.pages.write();
        for (seq, remark) in remarks {
            let (number, within) = place(seq);
            let page = pages.pages.entry(number).or_default();
            match page.last() {
                Some((last, _)) if *last >= within => match page.binary_search_by_key(&within, |(entry, _)| *entry) {
                    Ok(at) if page.get(at).is_some_and(|(_, bits)| *bits == remark.bits) => continue,
                    Ok(at) => page.splice(at..=at, [(within, remark.bits)]).for_each(drop),
                    Err(at) => page.insert(at, (within, remark.bits)),
                },
                _ => page.push((within, remark.bits)),
            }
            pages.changed.insert(number);
        }
    }

    /// Writes the pages that changed.
    pub(super) fn save(&self) -> io::Result<()> {
        let files: Vec<(u64, Vec<u8>)> = {
            let pages = self.pages.read();
            pages.changed.iter().filter_map(|number| Some((*number, encode(*number, pages.pages.get(number)?)))).collect()
        };
        for (number, bytes) in files {
            write_durably(&self.dir.join(format!("{number:020}.remarks")), &bytes)?;
            self.pages.write().changed.remove(&number);
        }
        Ok(())
    }

    /// Forgets what speaks only of entries before `oldest`.
    pub(super) fn forget_before(&self, oldest: Seq) {
        let mut pages = self.pages.write();
        let kept = pages.pages.split_off(&place(oldest).0);
        for number in std::mem::replace(&mut pages.pages, kept).into_keys() {
            pages.changed.remove(&number);
            // One that stays behind is read at the next start, and goes then.
            let _ = std::fs::remove_file(self.dir.join(format!("{number:020}.remarks")));
        }
    }
}

fn encode(number: u64, page: &Page) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(page.len()).unwrap_or(u32::MAX).to_le_bytes());
    for (entry, bits) in page {
        bytes.extend_from_slice(&entry.to_le_bytes());
        bytes.push(*bits);
    }
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<(u64, Page)> {
    let (bytes, crc) = bytes.split_last_chunk::<4>()?;
    if crc32fast::hash(bytes) != u32::from_le_bytes(*crc) {
        return None;
    }
    let rest = bytes.strip_prefix(MAGIC)?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let (entries, rest) = rest.as_chunks::<3>();
    if entries.len() != u32::from_le_bytes(*count) as usize || !rest.is_empty() {
        return None;
    }
    let page = entries.iter().map(|[low, high, bits]| (u16::from_le_bytes([*low, *high]), *bits)).collect();
    Some((u64::from_le_bytes(*number), page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_are_kept_over_a_restart_and_go_with_their_entries() {
        let dir = tempfile::tempdir().expect("a folder");
        let remarks = Remarks::open(dir.path()).expect("opened");
        let late = Remark::of(true, TimeFlag::Sound);
        let ancient = Remark::of(false, TimeFlag::Ancient);
        let noted = [(5, Remark::DUPLICATE), (65_535, late), (65_536, ancient), (200_000, Remark::default())];
        remarks.note(noted.into_iter());
        // A replay notes the same again.
        remarks.note(noted.into_iter());
        remarks.save().expect("saved");
        let again = Remarks::open(dir.path()).expect("opened");
        for of in [&remarks, &again] {
            assert_eq!(
                [4, 5, 65_535, 65_536, 200_000].map(|seq| of.of(seq)),
                [Remark::default(), Remark::DUPLICATE, late, ancient, Remark::default()]
            );
            assert!(of.has_none(131_072, 1_000_000) && !of.has_none(0, 70_000));
        }
        assert_eq!(
            (ancient.time_flag(true), late.time_flag(true), late.time_flag(false)),
            (TimeFlag::Ancient, TimeFlag::Sound, TimeFlag::Missing)
        );
        again.forget_before(65_536);
        assert_eq!((again.of(5), again.of(65_536)), (Remark::default(), ancient));
        assert_eq!(std::fs::read_dir(dir.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_damaged_page_is_left_out() {
        let dir = tempfile::tempdir().expect("a folder");
        let remarks = Remarks::open(dir.path()).expect("opened");
        remarks.note([(5, Remark::DUPLICATE)].into_iter());
        remarks.save().expect("saved");
        let path = dir.path().join(format!("{:020}.remarks", 0));
        let mut bytes = std::fs::read(&path).expect("read");
        bytes[20] ^= 1;
        std::fs::write(&path, bytes).expect("written");
        assert_eq!(Remarks::open(dir.path()).expect("opened").of(5), Remark::default());
    }
}
