//! What the journal and history cost. Budget: a record appended ≤ 50 ns at 1,000 a group, the disk's own time left out.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use policy::{AccountId, DeviceId, Range};
use protocols::{Attributes, Fix, Key, Latitude, Longitude, Name, Record, Value};
use purview::clock::Clock;
use purview::config::{HistoryConfig, JournalConfig};
use purview::history::{History, TailRow};
use purview::journal::{Batch, EntryKind, Journal, NewEntry};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

const START: i64 = 1_750_000_000_000_000;
const DEVICES: u32 = 2_000;

/// Record `n` of a fleet: each device in turn, a fix every ten seconds, on a road of sorts.
fn record(n: u32) -> Record {
    let (device, step) = (n % DEVICES, n / DEVICES);
    let place = f64::from(device) * 0.01 + f64::from(step) * 0.0001;
    let fix = Fix {
        latitude: Latitude::new(40.0 + (place * 1e5).round() / 1e5).expect("in range"),
        longitude: Longitude::new((place * 1e5 * 0.7).round() / 1e5).expect("in range"),
        valid: true,
        altitude_m: Some(100.0 + (step % 50) as f32),
        speed_kmh: Some((step % 120) as f32),
        course_deg: Some((step % 360) as f32),
    };
    let mut attributes = Attributes::new();
    attributes.set(Name::Ignition, Value::Bool(step % 7 != 0));
    attributes.set(Name::Satellites, Value::Int(i64::from(step % 14)));
    attributes.push(Key::Io(u32::from(device % 3 == 0) + 239), Value::Int(1));
    Record { fix_time: Some(START + i64::from(step) * 10_000_000 + i64::from(device) * 1_000), fix: Some(fix), attributes }
}

fn push(batch: &mut Batch, n: u32, record: &Record) {
    batch.push(&NewEntry::Record {
        device: DeviceId(n % DEVICES),
        account: AccountId(1),
        generation: 1,
        received_at: START,
        protocol: 0,
        record,
    });
}

fn journal(dir: &std::path::Path, config: &JournalConfig) -> Journal {
    let (journal, _) = Journal::open(dir, config, Arc::new(Clock::system())).expect("opens");
    (0..DEVICES).for_each(|device| journal.set_current(DeviceId(device), Some(1)));
    journal
}

fn append(journal: &Journal, batch: Batch) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let done = move |result| {
        let _ = sender.send(result);
    };
    journal.append_with(batch, Box::new(done));
    receiver.recv().expect("decided").expect("committed");
}

fn appends(c: &mut Criterion) {
    let mut group = c.benchmark_group("journal");
    group.measurement_time(Duration::from_secs(3)).sample_size(20).throughput(Throughput::Elements(1_000));
    let records: Vec<_> = (0..1_000).map(record).collect();
    let filled = || {
        let mut batch = Batch::new();
        records.iter().zip(0..).for_each(|(record, n)| push(&mut batch, n, record));
        batch
    };
    group.bench_function("encode 1,000 records", |b| b.iter(|| black_box(filled())));
    let config = JournalConfig { disk_margin_bytes: 0, ..JournalConfig::default() };
    // In memory a sync costs nothing: what is left is ours (with two changes of thread a group, and the copy into the page cache).
    let memory = std::path::Path::new("/dev/shm");
    let places = [("in memory", memory.exists().then(|| tempfile::tempdir_in(memory))), ("on disk", Some(tempfile::tempdir()))];
    for (name, dir) in places {
        let Some(Ok(dir)) = dir else { continue };
        let journal = journal(dir.path(), &config);
        // Room is made as the pipeline and history would.
        let tidy = || while journal.segments().len() > 2 && journal.drop_segment(journal.segments()[0].first_seq).expect("dropped") {};
        group.bench_function(format!("append a group of 1,000 records, {name}"), |b| {
            b.iter_custom(|groups| {
                let batches: Vec<_> = (0..groups).map(|_| filled()).collect();
                let begun = Instant::now();
                for batch in batches {
                    append(&journal, batch);
                    tidy();
                }
                begun.elapsed()
            });
        });
        group.bench_function(format!("append 1,000 records, 32 groups under way, {name}"), |b| {
            b.iter_custom(|groups| {
                let batches: Vec<_> = (0..groups).map(|_| filled()).collect();
                let (sender, receiver) = std::sync::mpsc::channel();
                let begun = Instant::now();
                let mut under_way = 0;
                for batch in batches {
                    let sender = sender.clone();
                    let done = move |result| {
                        let _ = sender.send(result);
                    };
                    journal.append_with(batch, Box::new(done));
                    under_way += 1;
                    if under_way == 32 {
                        receiver.recv().expect("decided").expect("committed");
                        under_way -= 1;
                    }
                }
                (0..under_way).for_each(|_| assert!(receiver.recv().expect("decided").is_ok()));
                let elapsed = begun.elapsed();
                tidy();
                elapsed
            });
        });
    }
    group.finish();
}

/// Appends all, and hands all over to history as a pipeline would. Returns the time until the last full segment was sealed.
fn seal(journal: &Journal, history: &History, records: u32) -> (Duration, u64) {
    for first in (0..records).step_by(10_000) {
        let mut batch = Batch::new();
        (first..first + 10_000).for_each(|n| push(&mut batch, n, &record(n)));
        append(journal, batch);
    }
    let mut reader = journal.reader(1).expect("a reader");
    let begun = Instant::now();
    while let Some(block) = reader.next_block().expect("reads") {
        let rows = block.entries().filter_map(|entry| {
            let EntryKind::Record(record) = entry.kind else { return None };
            Some(TailRow {
                device: record.device,
                account: record.account,
                history_time: record.fix_time.unwrap_or(entry.recorded_at),
                seq: entry.seq,
                recorded_at: entry.recorded_at,
                locator: entry.locator,
                late: false,
                time_flag: purview::model::TimeFlag::Sound,
            })
        });
        history.append(&rows.collect::<Vec<_>>());
    }
    let wanted = journal.segments().iter().filter(|s| !s.active).map(|s| s.last_seq).max().unwrap_or(0);
    while history.sealed_through() < wanted {
        std::thread::sleep(Duration::from_millis(1));
    }
    (begun.elapsed(), wanted)
}

fn histories(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a folder");
    let config = JournalConfig { disk_margin_bytes: 0, ..JournalConfig::default() };
    let journal = journal(dir.path(), &config);
    let (clock, limits) = (Arc::new(Clock::system()), HistoryConfig::default());
    let history = History::open(dir.path(), &limits, &config, journal.clone(), clock).expect("opens");
    history.restore(0, &[]).expect("restored");
    let (elapsed, sealed) = seal(&journal, &history, 4_000_000);
    let files = std::fs::read_dir(dir.path().join("history")).expect("listed");
    let bytes: u64 = files.map(|f| f.and_then(|f| f.metadata()).map_or(0, |m| m.len())).sum();
    eprintln_figures(elapsed, sealed, bytes);
    let mut group = c.benchmark_group("history");
    group.measurement_time(Duration::from_secs(3)).sample_size(20);
    let mut device = 0;
    let mut ask = |rows_max, length: i64, descending| {
        device = (device + 7) % DEVICES;
        let range = Range { from: START, to: START + length };
        history.page(DeviceId(device), range, None, rows_max, descending).expect("a page")
    };
    assert!(ask(10_000, 1_000_000_000, false).len() == 100);
    group.bench_function("1,000 rows of a device", |b| b.iter(|| black_box(ask(1_000, 86_400_000_000, false))));
    group.bench_function("the newest 100 rows of a device", |b| b.iter(|| black_box(ask(100, 86_400_000_000, true))));
    group.finish();
    history.close();
    journal.close();
}

fn eprintln_figures(elapsed: Duration, rows: u64, bytes: u64) {
    use std::io::Write as _;
    let rate = rows as f64 / elapsed.as_secs_f64();
    let per_row = bytes as f64 / rows as f64;
    // A bench tells its figures; there is no log in it.
    let _ = writeln!(std::io::stderr(), "sealed {rows} rows in {elapsed:.2?}: {rate:.0} rows/s, {per_row:.1} bytes a row");
}

criterion_group!(benches, appends, histories);
criterion_main!(benches);
