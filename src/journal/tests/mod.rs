//! What the journal promises, on real files.

mod faults;
mod order;

use super::storage::{Storage, SystemStorage};
use super::*;
use crate::model::AccountId;
use protocols::{Attributes, Fix, Key, Latitude, Longitude, Name, Record, Value};
use std::fs::File;
use std::io;
use tempfile::TempDir;

const START: Micros = 1_750_000_000_000_000;

fn config() -> JournalConfig {
    JournalConfig { segment_bytes: 64 << 10, disk_margin_bytes: 0, ..JournalConfig::default() }
}

fn clock() -> Arc<Clock> {
    Arc::new(Clock::standing_at(START))
}

fn open(dir: &TempDir) -> (Journal, OpenReport) {
    Journal::open(dir.path(), &config(), clock()).expect("opens")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn record(number: u32) -> Record {
    let fix = Fix {
        latitude: Latitude::new(52.5).expect("in range"),
        longitude: Longitude::new(-13.25).expect("in range"),
        valid: true,
        altitude_m: number.is_multiple_of(2).then_some(34.5),
        speed_kmh: Some(50.0),
        course_deg: None,
    };
    let mut attributes = Attributes::new();
    attributes.set(Name::Ignition, Value::Bool(true));
    attributes.push(Key::Io(number), Value::Int(i64::from(number)));
    Record { fix_time: Some(START + i64::from(number)), fix: (!number.is_multiple_of(3)).then_some(fix), attributes }
}

fn batch_of(device: u32, generation: u32, numbers: impl IntoIterator<Item = u32>) -> Batch {
    let mut batch = Batch::new();
    for number in numbers {
        batch.push(&NewEntry::Record {
            device: DeviceId(device),
            account: AccountId(1),
            generation,
            received_at: START,
            protocol: 2,
            record: &record(number),
        });
    }
    batch
}

fn ticks(count: i64) -> Batch {
    let mut batch = Batch::new();
    (0..count).for_each(|at| batch.push(&NewEntry::Tick { at }));
    batch
}

fn tell(sender: std::sync::mpsc::Sender<Result<Committed, AppendError>>) -> Done {
    Box::new(move |result| {
        // Whoever asked may have gone.
        let _ = sender.send(result);
    })
}

/// Appends and waits, without a runtime.
fn append(journal: &Journal, batch: Batch) -> Result<Committed, AppendError> {
    let (sender, receiver) = std::sync::mpsc::channel();
    journal.append_with(batch, tell(sender));
    receiver.recv_timeout(std::time::Duration::from_secs(20)).expect("decided")
}

/// Every entry from one on: its seq, when it was recorded, and what it says.
fn read(journal: &Journal, from: Seq) -> Result<Vec<(Seq, Micros, String)>, ReadError> {
    let mut reader = journal.reader(from)?;
    let mut all = Vec::new();
    while let Some(block) = reader.next_block()? {
        all.extend(block.entries().map(|e| (e.seq, e.recorded_at, format!("{:?}", e.kind))));
    }
    Ok(all)
}

fn seqs(journal: &Journal) -> Vec<Seq> {
    read(journal, 1).expect("reads").into_iter().map(|(seq, ..)| seq).collect()
}

fn segment_files(dir: &TempDir) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir.path().join("journal")).expect("listed").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    files
}
