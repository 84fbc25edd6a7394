use super::*;
use std::collections::BTreeSet;
use std::time::Duration;

#[test]
fn every_kind_of_entry_reads_back_as_it_was_written() {
    let dir = folder();
    let (journal, report) = open(&dir);
    assert_eq!(report, OpenReport { torn_bytes: 0, segments: 1, first_seq: 1, last_seq: 0 });
    let (device, account, generation, received_at) = (DeviceId(7), AccountId(3), 5, START - 9);
    journal.set_current(device, Some(generation));
    let mut attributes = Attributes::new();
    attributes.set(Name::BatteryMv, Value::Int(3_700));
    let (full, bare) = (record(4), Record::default());
    let mut batch = Batch::new();
    batch.push(&NewEntry::Record { device, account, generation, received_at, protocol: 1, record: &full });
    batch.push(&NewEntry::Record { device, account, generation, received_at, protocol: 1, record: &bare });
    batch.push(&NewEntry::Heartbeat { device, account, generation, received_at, attributes: &attributes });
    batch.push(&NewEntry::SessionOpened { device, account, generation, connection: 99, protocol: 3, received_at });
    batch.push(&NewEntry::SessionClosed { device, account, generation, connection: 99, received_at });
    batch.push(&NewEntry::Conflict { device, account, generation, received_at });
    batch.push(&NewEntry::Tick { at: -5 });
    batch.push(&NewEntry::Changed { version: u64::MAX });
    let raw = vec![0xAB; 70_000 - 10_000];
    batch.push(&NewEntry::Undecoded { device, account, generation, received_at, protocol: 0, reason: "kind", raw: &raw });
    let placed = append(&journal, batch).expect("committed");
    assert_eq!((placed.first_seq, placed.last_seq, placed.refused), (1, 9, 0));
    let mut reader = journal.reader(1).expect("a reader");
    let block = reader.next_block().expect("reads").expect("a block");
    let kinds: Vec<_> = block.entries().map(|e| e.kind).collect();
    let EntryKind::Record(first) = kinds[0] else { panic!("a record, not {:?}", kinds[0]) };
    let position = first.to_position(1, START);
    assert_eq!((position.fix_time, position.fix, &position.attributes), (full.fix_time, full.fix, &full.attributes));
    assert_eq!(
        (first.device, first.account, first.generation, first.received_at, first.protocol),
        (device, account, generation, received_at, 1)
    );
    let EntryKind::Record(second) = kinds[1] else { panic!("a record, not {:?}", kinds[1]) };
    assert_eq!((second.fix_time, second.fix, second.attributes), (None, None, &[][..]));
    assert_eq!(kinds[2], EntryKind::Heartbeat { device, account, generation, received_at, attributes: attributes.as_bytes() });
    assert_eq!(kinds[3], EntryKind::SessionOpened { device, account, generation, connection: 99, protocol: 3, received_at });
    assert_eq!(kinds[4], EntryKind::SessionClosed { device, account, generation, connection: 99, received_at });
    assert_eq!(kinds[5], EntryKind::Conflict { device, account, generation, received_at });
    assert_eq!(kinds[6], EntryKind::Tick { at: -5 });
    assert_eq!(kinds[7], EntryKind::Changed { version: u64::MAX });
    let (device, account, generation) = (Some(device), Some(account), Some(generation));
    assert_eq!(kinds[8], EntryKind::Undecoded { device, account, generation, received_at, protocol: 0, reason: "kind", raw: &raw });
    let place = block.entries().next().expect("an entry").locator;
    let mut room = Vec::new();
    assert_eq!(journal.segment(place.segment).expect("there").record(place.offset, &mut room).expect("reads"), first);
    assert!(reader.next_block().expect("reads").is_none());
}

/// A disk whose syncs wait.
struct Held(Arc<Mutex<()>>);
impl Storage for Held {
    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        SystemStorage.free_bytes(dir)
    }
    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        SystemStorage.write(file, bytes, offset)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        drop(self.0.lock());
        SystemStorage.sync(file)
    }
}

#[test]
fn p7_what_the_disk_has_not_confirmed_is_neither_completed_nor_read() {
    let dir = folder();
    let disk = Arc::new(Mutex::new(()));
    let (journal, _) = Journal::open_on(dir.path(), &config(), clock(), Arc::new(Held(Arc::clone(&disk)))).expect("opens");
    let held = disk.lock();
    let (sender, receiver) = std::sync::mpsc::channel();
    journal.append_with(ticks(3), tell(sender));
    assert!(receiver.recv_timeout(Duration::from_millis(150)).is_err(), "completed before the disk had it");
    assert_eq!(journal.committed(), 0);
    assert!(journal.reader(1).expect("a reader").next_block().expect("reads").is_none());
    drop(held);
    let placed = receiver.recv_timeout(Duration::from_secs(10)).expect("decided").expect("committed");
    assert_eq!((placed.last_seq, journal.committed()), (3, 3));
    assert_eq!(seqs(&journal), [1, 2, 3]);
}

#[test]
fn the_order_goes_on_over_restarts_and_clocks_that_go_back() {
    let dir = folder();
    let mut recorded = Vec::new();
    let mut identities = BTreeSet::new();
    for round in 0..4_i64 {
        let clock = Arc::new(Clock::standing_at(START - round * 1_000_000));
        let (journal, report) = Journal::open(dir.path(), &config(), clock).expect("opens");
        assert_eq!(report.last_seq, recorded.len() as u64);
        identities.insert(journal.identity());
        for _ in 0..3 {
            append(&journal, ticks(400)).expect("committed");
        }
        recorded = read(&journal, 1).expect("reads");
        journal.close();
    }
    assert_eq!(identities.len(), 1);
    assert_eq!(recorded.iter().map(|r| r.0).collect::<Vec<_>>(), (1..=4_800).collect::<Vec<_>>());
    assert!(recorded.windows(2).all(|w| w[0].1 < w[1].1), "recorded_at must rise");
}

#[test]
fn segments_follow_each_other_and_the_oldest_goes_first() {
    let dir = folder();
    let (journal, _) = open(&dir);
    journal.set_current(DeviceId(1), Some(1));
    for n in 0..60 {
        append(&journal, batch_of(1, 1, n * 100..n * 100 + 100)).expect("committed");
    }
    let segments = journal.segments();
    assert!(segments.len() > 4, "{}", segments.len());
    assert!(segments.windows(2).all(|w| w[0].last_seq + 1 == w[1].first_seq && !w[0].active));
    let mut old = journal.reader(segments[0].last_seq - 3).expect("a reader");
    let whole = journal.segment(segments[1].first_seq).expect("there").read_all().expect("reads");
    assert!(whole.record(96).is_some_and(|r| r.device == DeviceId(1)));
    assert!(!journal.drop_segment(segments[1].first_seq).expect("asked"), "not the oldest");
    assert!(journal.drop_segment(segments[0].first_seq).expect("dropped"));
    assert!(journal.drop_segment(segments[1].first_seq).expect("dropped"));
    // A reader that is in a segment reads it to its end; the next one is gone.
    assert_eq!(old.next_block().expect("reads").expect("a block").last_seq(), segments[0].last_seq);
    assert!(matches!(old.next_block(), Err(ReadError::Truncated { oldest }) if oldest == segments[2].first_seq));
    assert!(matches!(journal.reader(1), Err(ReadError::Truncated { .. })));
    journal.close();
    let (journal, report) = open(&dir);
    assert_eq!((report.first_seq, report.last_seq), (segments[2].first_seq, 6_000));
    for from in [segments[2].first_seq, segments[3].first_seq - 1, segments[3].first_seq, 5_999, 6_000, 6_001] {
        let read = read(&journal, from).expect("reads");
        assert_eq!(read.iter().map(|r| r.0).collect::<Vec<_>>(), (from..=6_000).collect::<Vec<_>>());
    }
}

#[test]
fn p14_an_entry_of_an_old_generation_is_never_written() {
    let dir = folder();
    let (journal, _) = open(&dir);
    assert_eq!(append(&journal, batch_of(1, 1, 0..5)).expect("decided").refused, 5, "nothing was said of the device");
    journal.set_current(DeviceId(1), Some(1));
    journal.set_current(DeviceId(2), Some(8));
    assert_eq!(append(&journal, batch_of(1, 1, 0..5)).expect("decided").refused, 0);
    journal.set_current(DeviceId(1), Some(2));
    let mut mixed = batch_of(1, 1, 0..2);
    mixed.push(&NewEntry::Tick { at: 1 });
    let (kept, late) = (record(7), record(9));
    let entry = |device, generation, record| NewEntry::Record {
        device: DeviceId(device),
        account: AccountId(1),
        generation,
        received_at: START,
        protocol: 0,
        record,
    };
    mixed.push(&entry(2, 8, &kept));
    mixed.push(&entry(1, 1, &late));
    mixed.push(&entry(1, 2, &kept));
    let placed = append(&journal, mixed).expect("decided");
    assert_eq!((placed.refused, placed.first_seq, placed.last_seq), (3, 6, 8));
    journal.set_current(DeviceId(1), None);
    let placed = append(&journal, batch_of(1, 2, 0..1)).expect("decided");
    assert_eq!((placed.refused, placed.last_seq < placed.first_seq), (1, true));
    let old = read(&journal, 6).expect("reads");
    assert_eq!(old.iter().map(|r| r.0).collect::<Vec<_>>(), [6, 7, 8]);
    assert!(old[0].2.starts_with("Tick") && old[1].2.contains("generation: 8") && old[2].2.contains("generation: 2"), "{old:?}");
}

#[test]
fn p14_raw_bytes_of_an_old_generation_are_never_written() {
    let dir = folder();
    let (journal, _) = open(&dir);
    journal.set_current(DeviceId(1), Some(2));
    let raw = |generation, raw| NewEntry::Undecoded {
        device: DeviceId(1),
        account: AccountId(1),
        generation,
        received_at: START,
        protocol: 0,
        reason: "kind",
        raw,
    };
    let mut mixed = Batch::new();
    mixed.push(&raw(1, b"before"));
    mixed.push(&NewEntry::Tick { at: 1 });
    mixed.push(&raw(2, b"after"));
    let placed = append(&journal, mixed).expect("decided");
    assert_eq!((placed.refused, placed.first_seq, placed.last_seq), (1, 1, 2));
    let mut reader = journal.reader(1).expect("a reader");
    let block = reader.next_block().expect("reads").expect("a block");
    let kinds: Vec<_> = block.entries().map(|entry| entry.kind).collect();
    assert!(matches!(kinds[..], [EntryKind::Tick { at: 1 }, EntryKind::Undecoded { raw: b"after", generation: Some(2), .. }]), "{kinds:?}");
}

#[test]
fn raw_bytes_written_before_their_generation_was_kept_are_still_read() {
    let mut bytes = vec![0, 0, 0, 18];
    bytes.extend_from_slice(&START.to_le_bytes());
    bytes.extend_from_slice(&[4, 1 | 2, 7, 0, 0, 0, 3, 0, 0, 0, 4]);
    bytes.extend_from_slice(b"kindraw");
    bytes[0] = u8::try_from(bytes.len()).expect("short");
    let (device, account) = (Some(DeviceId(7)), Some(AccountId(3)));
    let read = EntryKind::Undecoded { device, account, generation: None, received_at: START, protocol: 4, reason: "kind", raw: b"raw" };
    assert_eq!(super::super::entry::decode(&bytes), Some(read));
}

#[test]
fn p14_the_call_waits_for_what_was_let_through_before() {
    let dir = folder();
    let disk = Arc::new(Mutex::new(()));
    let (journal, _) = Journal::open_on(dir.path(), &config(), clock(), Arc::new(Held(Arc::clone(&disk)))).expect("opens");
    journal.set_current(DeviceId(1), Some(1));
    journal.set_current(DeviceId(2), Some(1));
    let held = disk.lock();
    let (sender, receiver) = std::sync::mpsc::channel();
    journal.append_with(batch_of(1, 1, 0..3), tell(sender));
    // Until the writer stands before the disk with that block.
    while journal.shared().queue.is_waiting() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(50));
    let (told, returned) = std::sync::mpsc::channel();
    let caller = {
        let journal = journal.clone();
        std::thread::spawn(move || {
            journal.set_current(DeviceId(1), None);
            told.send(journal.committed()).expect("heard");
        })
    };
    assert!(returned.recv_timeout(Duration::from_millis(150)).is_err(), "returned with a block on its way");
    drop(held);
    assert_eq!(returned.recv_timeout(Duration::from_secs(10)), Ok(3));
    caller.join().expect("ended");
    assert_eq!(receiver.recv().expect("decided").expect("committed").refused, 0);
    assert_eq!(append(&journal, batch_of(1, 1, 0..3)).expect("decided").refused, 3);
}

#[test]
fn p14_after_the_call_no_block_of_an_old_generation_follows() {
    let dir = folder();
    let (journal, _) = Journal::open(dir.path(), &JournalConfig { segment_bytes: 1 << 20, ..config() }, clock()).expect("opens");
    let stop = Arc::new(AtomicBool::new(false));
    journal.set_current(DeviceId(1), Some(0));
    let writers: Vec<_> = (0..2)
        .map(|_| {
            let (journal, stop) = (journal.clone(), Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut generation = 0;
                while !stop.load(Ordering::Relaxed) {
                    let placed = append(&journal, batch_of(1, generation, 0..3)).expect("decided");
                    generation += u32::from(placed.refused > 0);
                }
            })
        })
        .collect();
    let mut ends = Vec::new();
    for generation in 1..60 {
        journal.set_current(DeviceId(1), Some(generation));
        ends.push((journal.committed(), generation));
        std::thread::sleep(Duration::from_millis(1));
    }
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|w| w.join().expect("ended"));
    let mut reader = journal.reader(1).expect("a reader");
    let mut seen = 0;
    while let Some(block) = reader.next_block().expect("reads") {
        for entry in block.entries() {
            let EntryKind::Record(record) = entry.kind else { continue };
            let least = ends.iter().rev().find(|(end, _)| *end < entry.seq).map_or(0, |(_, generation)| *generation);
            assert!(record.generation >= least, "seq {}: generation {} after {least} was set", entry.seq, record.generation);
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}

#[test]
fn many_append_at_once_and_the_head_sees_each_entry_once() {
    const APPENDERS: u64 = 16;
    const EACH: u64 = 60;
    let dir = folder();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let small = JournalConfig { waiting_bytes_max: 64 << 10, group_bytes_max: 16 << 10, ..config() };
    let (journal, _) = Journal::open(dir.path(), &small, Arc::new(Clock::system())).expect("opens");
    let total = APPENDERS * EACH * 7;
    runtime.block_on(async {
        let head = {
            let journal = journal.clone();
            tokio::spawn(async move {
                let mut reader = journal.reader(1).expect("a reader");
                let mut watch = journal.watch();
                let mut seen = Vec::new();
                while (seen.len() as u64) < total {
                    match reader.next_block().expect("reads") {
                        Some(block) => seen.extend(block.entries().map(|e| (e.seq, e.recorded_at, format!("{:?}", e.kind)))),
                        None => watch.changed().await.expect("open"),
                    }
                }
                seen
            })
        };
        let appenders: Vec<_> = (0..APPENDERS)
            .map(|appender| {
                let journal = journal.clone();
                tokio::spawn(async move {
                    let mut mine = Vec::new();
                    for n in 0..EACH {
                        let mut batch = Batch::new();
                        (0..7).for_each(|k| batch.push(&NewEntry::Changed { version: appender << 32 | n << 8 | k }));
                        let placed = journal.append(batch).await.expect("committed");
                        assert_eq!(placed.last_seq - placed.first_seq, 6);
                        mine.extend((0..7).map(|k| (placed.first_seq + k, appender << 32 | n << 8 | k)));
                    }
                    mine
                })
            })
            .collect();
        let mut wrote = Vec::new();
        for appender in appenders {
            wrote.extend(appender.await.expect("ended"));
        }
        wrote.sort_unstable();
        let seen = tokio::time::timeout(Duration::from_secs(30), head).await.expect("in time").expect("ended");
        let wrote: Vec<_> = wrote.into_iter().map(|(seq, version)| (seq, format!("{:?}", EntryKind::Changed { version }))).collect();
        assert_eq!(seen.iter().map(|s| (s.0, s.2.clone())).collect::<Vec<_>>(), wrote);
        assert!(seen.windows(2).all(|w| w[0].0 + 1 == w[1].0 && w[0].1 < w[1].1));
    });
}

#[test]
fn what_cannot_be_taken_is_refused_at_once_and_closing_writes_what_waits() {
    let dir = folder();
    let (journal, _) = open(&dir);
    let mut large = Batch::new();
    let (device, account) = (DeviceId(1), AccountId(1));
    let raw = &[0; 70_000];
    large.push(&NewEntry::Undecoded { device, account, generation: 1, received_at: 0, protocol: 0, reason: "", raw });
    assert_eq!(append(&journal, large), Err(AppendError::TooLarge));
    let (sender, receiver) = std::sync::mpsc::channel();
    for _ in 0..50 {
        let sender = sender.clone();
        journal.append_with(ticks(5), tell(sender));
    }
    let other = journal.clone();
    journal.close();
    let done: Vec<_> = receiver.try_iter().collect();
    assert!(done.len() == 50 && done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!(append(&other, ticks(1)), Err(AppendError::Closed));
    assert_eq!(seqs(&other).len(), 250);
}
