//! Opening: the lock, the version, the segments, the torn tail.

use super::segment::{self, Header, Segment};
use super::{FORMAT_VERSION, JournalError, block};
use crate::clock::Clock;
use crate::model::Seq;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(super) struct Opened {
    /// Held as long as it lives.
    pub lock: File,
    pub identity: [u8; 16],
    /// All, oldest first.
    pub segments: Vec<Arc<Segment>>,
    /// The last of them.
    pub active: Arc<Segment>,
    pub torn_bytes: u64,
}

pub(super) fn segments_folder(dir: &Path) -> PathBuf {
    dir.join("journal")
}

fn at(path: &Path) -> impl Fn(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { path: path.clone(), source }
}

pub(super) fn open(dir: &Path, segment_bytes: u64, clock: &Clock) -> Result<Opened, JournalError> {
    let folder = segments_folder(dir);
    std::fs::create_dir_all(&folder).map_err(at(&folder))?;
    let lock = lock(dir)?;
    check_version(dir)?;
    let mut segments = Vec::new();
    let mut identity = None;
    for path in list(&folder)? {
        let file = File::options().read(true).write(true).open(&path).map_err(at(&path))?;
        let header = Header::read(&file, &path)?;
        let corrupt = |what| JournalError::Corrupt { path: path.clone(), offset: 0, what };
        if header.first_seq == 0 || segment::path(&folder, header.first_seq) != path {
            return Err(corrupt("the name is not that of the segment"));
        }
        if *identity.get_or_insert(header.identity) != header.identity {
            return Err(corrupt("a segment of another journal"));
        }
        segments.push(Segment::new(path, file, &header));
    }
    join(&segments)?;
    let (identity, torn_bytes) = match (identity, segments.last()) {
        (Some(identity), Some(last)) => (identity, scan(last, segment_bytes, crc32fast::hash(&identity))?),
        _ => {
            let mut identity = [0; 16];
            getrandom::fill(&mut identity).map_err(|e| at(&folder)(io::Error::other(e)))?;
            let header = Header { identity, first_seq: 1, previous: 0, recorded_before: clock.now() - 1 };
            segments.push(segment::create(&folder, &header, segment_bytes).map_err(at(&folder))?);
            File::open(dir).and_then(|d| d.sync_all()).map_err(at(dir))?;
            (identity, 0)
        }
    };
    let segments: Vec<_> = segments.into_iter().map(Arc::new).collect();
    let active = segments.last().map(Arc::clone).ok_or_else(|| at(&folder)(io::Error::other("no segment")))?;
    Ok(Opened { lock, identity, segments, active, torn_bytes })
}

fn lock(dir: &Path) -> Result<File, JournalError> {
    let path = dir.join("lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path).map_err(at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(JournalError::Io { path, source }),
    }
}

fn check_version(dir: &Path) -> Result<(), JournalError> {
    let path = dir.join("version");
    match std::fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse() {
            Ok(found) if found > FORMAT_VERSION => Err(JournalError::NewerVersion { path: dir.to_owned(), found, known: FORMAT_VERSION }),
            Ok(_) => Ok(()),
            Err(_) => Err(JournalError::Corrupt { path, offset: 0, what: "not a version" }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let unfinished = dir.join("version.tmp");
            std::fs::write(&unfinished, format!("{FORMAT_VERSION}\n")).map_err(at(&unfinished))?;
            File::open(&unfinished).and_then(|f| f.sync_all()).map_err(at(&unfinished))?;
            std::fs::rename(&unfinished, &path).map_err(at(&path))
        }
        Err(source) => Err(JournalError::Io { path, source }),
    }
}

/// The segments, oldest first; what a crash left half made is removed.
fn list(folder: &Path) -> Result<Vec<PathBuf>, JournalError> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        match path.extension().and_then(|e| e.to_str()) {
            Some("seg") => paths.push(path),
            Some("tmp") => std::fs::remove_file(&path).map_err(at(&path))?,
            _ => {}
        }
    }
    paths.sort();
    Ok(paths)
}

/// Each segment but the last ends where the next one says.
fn join(segments: &[Segment]) -> Result<(), JournalError> {
    for pair in segments.windows(2) {
        let [earlier, later] = pair else { continue };
        if later.previous != earlier.first_seq || later.first_seq <= earlier.first_seq {
            return Err(JournalError::Corrupt { path: later.path.clone(), offset: 0, what: "the segment before it is missing" });
        }
        let bytes = earlier.file.metadata().map_err(at(&earlier.path))?.len();
        earlier.ends(bytes, later.first_seq - 1, later.recorded_before);
    }
    Ok(())
}

/// Finds the end of the last segment and cuts what stands behind it. Returns how many bytes of a half-written block that were.
fn scan(segment: &Segment, capacity: u64, seed: u32) -> Result<u64, JournalError> {
    let at = at(&segment.path);
    let length = segment.file.metadata().map_err(&at)?.len();
    let mut entries = Vec::new();
    let mut expected = segment.first_seq;
    while let Some(header) = whole_block(&segment.file, segment.end(), length, seed, &mut entries).map_err(&at)? {
        if header.first_seq != expected || header.base <= segment.last_recorded_at() {
            let what = "a block that is out of order";
            return Err(JournalError::Corrupt { path: segment.path.clone(), offset: segment.end(), what });
        }
        expected = header.last_seq() + 1;
        segment.grow(&header);
    }
    let end = segment.end();
    let rest = rest_of(&segment.file, end, length).map_err(&at)?;
    if rest.is_empty() && length >= capacity {
        return Ok(0);
    }
    if let Some(found) = later_block(&rest, expected, seed) {
        // Only one block at a time is ever on its way to the disk: with another one behind it, this one had been acknowledged.
        tracing::error!(path = %segment.path.display(), damaged_at = end, next_whole_block_at = end + found, "journal: damaged");
        let what = "a damaged block with whole blocks behind it";
        return Err(JournalError::Corrupt { path: segment.path.clone(), offset: end, what });
    }
    segment.file.set_len(end).map_err(&at)?;
    // Without room for it the next append makes a new segment, or waits until it can.
    if let Err(error) = segment::preallocate(&segment.file, capacity.max(end)) {
        tracing::warn!(path = %segment.path.display(), %error, "journal: the segment's room could not be taken again");
    }
    segment.file.sync_all().map_err(&at)?;
    Ok(rest.len() as u64)
}

/// The block at an offset, if a whole one stands there.
fn whole_block(file: &File, offset: u64, length: u64, seed: u32, entries: &mut Vec<u8>) -> io::Result<Option<block::Header>> {
    let mut bytes = [0; block::HEADER_BYTES];
    if offset + bytes.len() as u64 > length {
        return Ok(None);
    }
    file.read_exact_at(&mut bytes, offset)?;
    let Some(header) = block::Header::parse(&bytes) else { return Ok(None) };
    if offset + bytes.len() as u64 + u64::from(header.length) > length {
        return Ok(None);
    }
    entries.resize(header.length as usize, 0);
    file.read_exact_at(entries, offset + bytes.len() as u64)?;
    Ok((block::verifies(seed, &bytes, &header, entries) && super::entry::are_entries(entries, header.count)).then_some(header))
}

/// What is behind the last whole block, without the zeros at the end.
fn rest_of(file: &File, from: u64, length: u64) -> io::Result<Vec<u8>> {
    const STEP: u64 = 1 << 20;
    let mut chunk = vec![0; STEP as usize];
    let (mut offset, mut end) = (from, from);
    while offset < length {
        let size = STEP.min(length - offset);
        let part = &mut chunk[..usize::try_from(size).unwrap_or(0)];
        file.read_exact_at(part, offset)?;
        if let Some(last) = part.iter().rposition(|b| *b != 0) {
            end = offset + last as u64 + 1;
        }
        offset += size;
    }
    let mut rest = vec![0; usize::try_from(end - from).unwrap_or(0)];
    file.read_exact_at(&mut rest, from)?;
    Ok(rest)
}

/// Where, behind a bad block, a later whole one stands.
fn later_block(rest: &[u8], expected: Seq, seed: u32) -> Option<u64> {
    // Nobody who only sends frames knows where the order stands, so these cannot be made to be many.
    let plausible = expected + 1..=expected + rest.len() as u64;
    let mut offset = 8;
    while let Some(bytes) = rest.get(offset..).and_then(|r| r.first_chunk::<{ block::HEADER_BYTES }>()) {
        if let Some(header) = block::Header::parse(bytes)
            && plausible.contains(&header.first_seq)
            && let Some(entries) = rest.get(offset + block::HEADER_BYTES..).and_then(|r| r.get(..header.length as usize))
            && block::verifies(seed, bytes, &header, entries)
        {
            return Some(offset as u64);
        }
        offset += 8;
    }
    None
}
