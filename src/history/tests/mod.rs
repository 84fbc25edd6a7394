//! What history promises, on real files.

mod files;
mod model;

use super::*;
use crate::journal::{Batch, NewEntry, Reader};
use protocols::{Attributes, Fix, Key, Latitude, Longitude, Name, Record, Value};
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const START: Micros = 1_750_000_000_000_000;
const SECOND: Micros = 1_000_000;
const DAY: Micros = 86_400 * SECOND;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn micros(&mut self, below: Micros) -> Micros {
        let high = self.roll(1 << 31);
        ((high << 31 | self.roll(1 << 31)) % below.unsigned_abs()).cast_signed()
    }
}

#[derive(Clone)]
struct Limits {
    journal: JournalConfig,
    history: HistoryConfig,
}

fn limits() -> Limits {
    Limits {
        journal: JournalConfig { segment_bytes: 64 << 10, disk_margin_bytes: 0, ..JournalConfig::default() },
        history: HistoryConfig::default(),
    }
}

/// What a pipeline keeps: what it has seen, and the newest time of each device.
#[derive(Clone, Default)]
struct Seen {
    through: Seq,
    contents: HashSet<(u32, Micros, String)>,
    newest: BTreeMap<u32, Micros>,
}

/// A journal, its history, and something that accepts records as a pipeline does.
struct World {
    dir: TempDir,
    limits: Limits,
    journal: Journal,
    history: History,
    reader: Reader,
    seen: Seen,
    /// What is on the disk of it, with history's marks.
    checkpoint: (Seen, Vec<u8>),
    /// Every accepted record, by its place in the recorded order.
    accepted: BTreeMap<Seq, Position>,
}

impl World {
    fn new(limits: Limits) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let (journal, history, reader) = Self::open(&dir, &limits, &(Seen::default(), Vec::new()));
        let (seen, checkpoint, accepted) = <_>::default();
        Self { dir, limits, journal, history, reader, seen, checkpoint, accepted }
    }

    fn open(dir: &TempDir, limits: &Limits, checkpoint: &(Seen, Vec<u8>)) -> (Journal, History, Reader) {
        let clock = Arc::new(Clock::standing_at(START));
        let (journal, _) = Journal::open(dir.path(), &limits.journal, Arc::clone(&clock)).expect("opens");
        (0..10).for_each(|device| journal.set_current(DeviceId(device), Some(1)));
        let history = History::open(dir.path(), &limits.history, &limits.journal, journal.clone(), clock).expect("opens");
        history.restore(checkpoint.0.through, &checkpoint.1).expect("restored");
        let reader = journal.reader(checkpoint.0.through + 1).expect("a reader");
        (journal, history, reader)
    }

    /// Stops, and starts from the last checkpoint.
    fn reopen(self) -> Self {
        let Self { dir, limits, journal, history, reader, checkpoint, accepted, .. } = self;
        drop(reader);
        history.close();
        journal.close();
        let (journal, history, reader) = Self::open(&dir, &limits, &checkpoint);
        let mut world = Self { dir, limits, journal, history, reader, seen: checkpoint.0.clone(), checkpoint, accepted };
        world.take();
        world
    }

    fn append(&mut self, records: &[(u32, Record)]) {
        let mut batch = Batch::new();
        for (device, record) in records {
            let (device, account) = (DeviceId(*device), AccountId(*device / 4));
            batch.push(&NewEntry::Record { device, account, generation: 1, received_at: START - 5, protocol: 0, record });
        }
        batch.push(&NewEntry::Tick { at: START });
        let (sender, receiver) = std::sync::mpsc::channel();
        let done = move |result| {
            let _ = sender.send(result);
        };
        self.journal.append_with(batch, Box::new(done));
        receiver.recv_timeout(Duration::from_secs(20)).expect("decided").expect("committed");
        self.take();
    }

    /// Reads on, and hands what is new over.
    fn take(&mut self) {
        while let Some(block) = self.reader.next_block().expect("reads") {
            let mut rows = Vec::new();
            for entry in block.entries() {
                let EntryKind::Record(record) = entry.kind else { continue };
                if let Some(position) = self.judge(&record, entry.seq, entry.recorded_at) {
                    rows.push(TailRow {
                        device: position.device,
                        account: position.account,
                        history_time: position.history_time(),
                        seq: entry.seq,
                        recorded_at: entry.recorded_at,
                        locator: entry.locator,
                        late: position.late,
                        time_flag: position.time_flag,
                    });
                    self.accepted.insert(entry.seq, position);
                }
            }
            self.seen.through = block.last_seq();
            self.history.append(&rows);
        }
    }

    fn judge(&mut self, record: &RecordRef<'_>, seq: Seq, recorded_at: Micros) -> Option<Position> {
        let mut position = record.to_position(seq, recorded_at);
        if let Some(time) = position.fix_time {
            let content = (position.device.0, time, format!("{:?} {:?}", position.fix, position.attributes));
            if !self.seen.contents.insert(content) {
                return None;
            }
            position.time_flag = match time {
                ..START if time < START - 5_000 * DAY => TimeFlag::Ancient,
                time if time > START + DAY => TimeFlag::Future,
                _ => TimeFlag::Sound,
            };
            if position.time_flag == TimeFlag::Sound {
                let newest = self.seen.newest.entry(position.device.0).or_insert(time);
                position.late = time < *newest;
                *newest = time.max(*newest);
            }
        }
        Some(position)
    }

    fn write_checkpoint(&mut self) {
        self.checkpoint = (self.seen.clone(), self.history.marks(self.seen.through));
        self.history.set_passed(self.seen.through);
    }

    /// Waits until all segments but the active one are sealed.
    fn settle(&self) {
        let segments = self.journal.segments();
        let wanted = segments.iter().filter(|s| !s.active).map(|s| s.last_seq).max().unwrap_or(0);
        let deadline = Instant::now() + Duration::from_secs(15);
        while self.history.sealed_through() < wanted {
            let why = || sealer::seal_next(self.history.shared());
            assert!(Instant::now() < deadline, "not sealed in time: {} of {wanted}: {:?}", self.history.sealed_through(), why());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// All pages of a range, of `rows_max` each.
    fn all(&self, device: u32, range: policy::Range, rows_max: usize, descending: bool) -> Vec<Position> {
        let mut all: Vec<Position> = Vec::new();
        loop {
            let page = self.history.page(DeviceId(device), range, all.last().map(PageKey::of), rows_max, descending).expect("a page");
            assert!(page.len() <= rows_max);
            let is_last = page.len() < rows_max;
            all.extend(page);
            if is_last {
                return all;
            }
        }
    }

    /// What the model says.
    fn expected(&self, device: u32, range: policy::Range, descending: bool) -> Vec<Position> {
        let inside = |p: &&Position| p.device.0 == device && (range.from..=range.to).contains(&p.history_time());
        let mut expected: Vec<_> = self.accepted.values().filter(inside).cloned().collect();
        expected.sort_by_key(PageKey::of);
        if descending {
            expected.reverse();
        }
        expected
    }

    fn files(&self) -> Vec<PathBuf> {
        let listed = std::fs::read_dir(self.dir.path().join("history")).expect("listed");
        let mut files: Vec<_> = listed.map(|e| e.expect("an entry").path()).collect();
        files.retain(|p| p.extension().is_some_and(|e| e == "parquet"));
        files.sort();
        files
    }
}

const ALWAYS: policy::Range = policy::Range { from: Micros::MIN, to: Micros::MAX };

/// As a viewer would get it, with what he does not get: attributes that read back from text are the same as text.
fn told(positions: &[Position]) -> Vec<String> {
    let tell = |p: &Position| {
        let mut out = format!("{} {} {} {} {:?} ", p.seq, p.account, p.device, p.received_at, p.time_flag);
        p.write_json_fields(&mut out);
        out
    };
    positions.iter().map(tell).collect()
}

fn record(fix_time: Option<Micros>, dice: &mut Dice) -> Record {
    let number = dice.roll(1_000_000);
    let some = |n: u64| (!number.is_multiple_of(n)).then_some(number as f32 / 8.0);
    let fix = Fix {
        latitude: Latitude::new(number as f64 / 20_000.0).expect("in range"),
        longitude: Longitude::new(-(number as f64) / 10_000.0).expect("in range"),
        valid: number % 5 != 1,
        altitude_m: some(2),
        speed_kmh: some(3),
        course_deg: some(7),
    };
    let mut attributes = Attributes::new();
    if !number.is_multiple_of(4) {
        attributes.set(Name::Ignition, Value::Bool(number.is_multiple_of(2)));
        attributes.push(Key::Named(Name::TemperatureC, 2), Value::Float(number as f64 / 7.0));
        attributes.push(Key::Text("ö\"[3]"), Value::Text("a\nb"));
        attributes.alarm(protocols::Alarm::Sos);
    }
    Record { fix_time, fix: (number % 9 != 1).then_some(fix), attributes }
}
