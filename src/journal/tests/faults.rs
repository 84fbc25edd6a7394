use super::*;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// The real disk, with things that go wrong on demand.
#[derive(Default)]
struct Failing {
    write: AtomicBool,
    sync: AtomicBool,
    free_bytes: AtomicU64,
}

impl Storage for Failing {
    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.free_bytes.load(Ordering::Relaxed))
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.write.load(Ordering::Relaxed) {
            SystemStorage.write(file, &bytes[..bytes.len() / 2], offset)?;
            return Err(io::Error::other("the disk is gone"));
        }
        SystemStorage.write(file, bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        if self.sync.load(Ordering::Relaxed) {
            return Err(io::Error::other("the disk is gone"));
        }
        SystemStorage.sync(file)
    }
}

fn failing(dir: &TempDir, config: &JournalConfig) -> (Journal, Arc<Failing>) {
    let disk = Arc::new(Failing { free_bytes: AtomicU64::new(1 << 40), ..Failing::default() });
    let storage: Arc<dyn Storage> = Arc::<Failing>::clone(&disk);
    (Journal::open_on(dir.path(), config, clock(), storage).expect("opens").0, disk)
}

#[test]
fn p7_after_a_failed_write_nothing_is_acknowledged_until_it_is_opened_again() {
    for fail_sync in [true, false] {
        let dir = folder();
        let (journal, disk) = failing(&dir, &config());
        append(&journal, ticks(10)).expect("committed");
        if fail_sync { &disk.sync } else { &disk.write }.store(true, Ordering::Relaxed);
        assert_eq!(append(&journal, ticks(10)), Err(AppendError::Poisoned));
        disk.sync.store(false, Ordering::Relaxed);
        disk.write.store(false, Ordering::Relaxed);
        assert_eq!(append(&journal, ticks(10)), Err(AppendError::Poisoned), "a failed sync is never tried again");
        assert!(journal.poisoned());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(5), journal.failed()).await.expect("said");
            assert_eq!(journal.append(ticks(1)).await, Err(AppendError::Poisoned));
        });
        assert_eq!(seqs(&journal), (1..=10).collect::<Vec<_>>(), "reading goes on, of what is durable");
        journal.set_current(DeviceId(1), Some(1));
        journal.set_current(DeviceId(1), Some(2));
        journal.close();
        let (journal, report) = open(&dir);
        assert!(report.last_seq == 10 || (fail_sync && report.last_seq == 20), "{report:?}");
        assert_eq!(report.torn_bytes > 0, !fail_sync);
        let placed = append(&journal, ticks(1)).expect("committed");
        assert_eq!(placed.first_seq, report.last_seq + 1);
    }
}

#[test]
fn p7_a_nearly_full_disk_refuses_and_resumes_by_itself_and_reading_goes_on() {
    let dir = folder();
    let margin = JournalConfig { disk_margin_bytes: 1 << 20, ..config() };
    let (journal, disk) = failing(&dir, &margin);
    append(&journal, ticks(10)).expect("committed");
    disk.free_bytes.store(1_000, Ordering::Relaxed);
    assert_eq!(append(&journal, ticks(1)), Err(AppendError::DiskFull));
    assert!(journal.disk_full() && !journal.poisoned());
    assert_eq!(seqs(&journal).len(), 10);
    disk.free_bytes.store(1 << 30, Ordering::Relaxed);
    // Nobody appends, and yet it is noticed.
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while journal.disk_full() && std::time::Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!journal.disk_full());
    assert_eq!(append(&journal, ticks(1)).expect("committed").first_seq, 11);
    // Room for the margin, but not for one more segment.
    disk.free_bytes.store((1 << 20) + 1_000, Ordering::Relaxed);
    let refused = (0..20).find(|_| append(&journal, ticks(1_000)) == Err(AppendError::DiskFull));
    assert!(refused.is_some(), "a new segment was made without room");
    let before = journal.committed();
    disk.free_bytes.store(1 << 30, Ordering::Relaxed);
    assert_eq!(append(&journal, ticks(1_000)).expect("committed").first_seq, before + 1);
    assert_eq!(journal.segments().len(), 2);
}

/// Three blocks; the file, and where the last block begins and ends in it.
fn three_blocks() -> (TempDir, PathBuf, usize, usize) {
    let dir = folder();
    let (journal, _) = open(&dir);
    journal.set_current(DeviceId(1), Some(1));
    append(&journal, batch_of(1, 1, 0..5)).expect("committed");
    append(&journal, ticks(4)).expect("committed");
    let start = usize::try_from(journal.segments()[0].bytes).expect("small") + 64;
    append(&journal, batch_of(1, 1, 5..7)).expect("committed");
    let end = usize::try_from(journal.segments()[0].bytes).expect("small") + 64;
    journal.close();
    let file = segment_files(&dir).remove(0);
    (dir, file, start, end)
}

/// Opens what a crash or a fault left, and finds the first two blocks and nothing else, and a journal that goes on.
fn goes_on_after_nine(dir: &TempDir, what: &str) -> OpenReport {
    let (journal, report) = open(dir);
    assert_eq!(report.last_seq, 9, "{what}");
    assert_eq!(append(&journal, ticks(1)).unwrap_or_else(|e| panic!("{what}: {e}")).first_seq, 10);
    assert_eq!(seqs(&journal), (1..=10).collect::<Vec<_>>(), "{what}");
    journal.close();
    let (journal, again) = open(dir);
    assert_eq!((again.torn_bytes, seqs(&journal).len()), (0, 10), "{what}");
    report
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_at_the_last_whole_block() {
    let (dir, file, start, end) = three_blocks();
    let whole = std::fs::read(&file).expect("read");
    // Padding is not part of what is checked: a block without its padding is whole.
    let last_byte = whole[..end].iter().rposition(|b| *b != 0).expect("written");
    for cut in start..=last_byte {
        let mut torn = whole.clone();
        torn[cut..].fill(0);
        std::fs::write(&file, &torn).expect("written");
        let report = goes_on_after_nine(&dir, &format!("zeros from byte {cut}"));
        assert_eq!(report.torn_bytes > 0, torn[start..].iter().any(|b| *b != 0), "{cut}");
        // The other way round: the later bytes reached the disk, the earlier ones did not.
        torn.copy_from_slice(&whole);
        torn[start..=cut].fill(0);
        // The block begins with its checksum, whose first byte is zero already once in 256 runs: then nothing is torn yet.
        if torn != whole {
            std::fs::write(&file, &torn).expect("written");
            goes_on_after_nine(&dir, &format!("zeros up to byte {cut}"));
        }
        // The file itself ends there.
        std::fs::write(&file, &whole[..cut]).expect("written");
        goes_on_after_nine(&dir, &format!("cut at byte {cut}"));
    }
}

#[test]
fn a_flipped_bit_in_the_last_block_cuts_it_and_anywhere_before_is_an_error_that_names_the_file() {
    let (dir, file, start, end) = three_blocks();
    let whole = std::fs::read(&file).expect("read");
    let sound = read(&open(&dir).0, 1).expect("reads");
    for at in (0..end).step_by(3).chain(start..start + 32) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(&file, &flipped).expect("written");
        let name = file.display().to_string();
        match Journal::open(dir.path(), &config(), clock()) {
            Ok((journal, report)) => {
                let left = read(&journal, 1).expect("reads");
                // Padding says nothing, so it may be anything.
                assert!(left == sound || (at >= start && left == sound[..9]), "byte {at}: {report:?}");
                drop(journal);
            }
            Err(error) => assert!(at < start && error.to_string().contains(&name), "byte {at}: {error}"),
        }
    }
}

#[test]
fn damage_in_an_earlier_segment_is_an_error_that_names_it_and_so_is_a_missing_one() {
    let dir = folder();
    let (journal, _) = open(&dir);
    for _ in 0..30 {
        append(&journal, ticks(1_000)).expect("committed");
    }
    journal.close();
    let files = segment_files(&dir);
    assert!(files.len() > 3);
    let file = File::options().read(true).write(true).open(&files[1]).expect("opened");
    let mut byte = [0];
    file.read_exact_at(&mut byte, 30_000).expect("read");
    file.write_all_at(&[byte[0] ^ 4], 30_000).expect("written");
    let (journal, _) = open(&dir);
    let error = read(&journal, 1).expect_err("noticed").to_string();
    assert!(error.contains(&files[1].display().to_string()), "{error}");
    let first = journal.segments()[1].first_seq;
    assert!(journal.segment(first).expect("there").read_all().is_err());
    journal.close();
    std::fs::remove_file(&files[1]).expect("removed");
    let error = Journal::open(dir.path(), &config(), clock()).err().expect("refused").to_string();
    assert!(error.contains(&files[2].display().to_string()) && error.contains("missing"), "{error}");
}

#[test]
fn a_folder_in_use_or_of_a_newer_version_is_refused_and_named() {
    let dir = folder();
    let name = dir.path().display().to_string();
    let (journal, _) = open(&dir);
    let error = Journal::open(dir.path(), &config(), clock()).err().expect("refused");
    assert!(matches!(error, JournalError::InUse { .. }) && error.to_string().contains(&name), "{error}");
    journal.close();
    std::fs::write(dir.path().join("version"), "2\n").expect("written");
    let error = Journal::open(dir.path(), &config(), clock()).err().expect("refused");
    assert!(matches!(error, JournalError::NewerVersion { found: 2, known: 1, .. }) && error.to_string().contains(&name), "{error}");
    std::fs::write(dir.path().join("version"), "1\n").expect("written");
    let file = segment_files(&dir).remove(0);
    File::options().write(true).open(&file).and_then(|f| f.write_all_at(&[9], 8)).expect("written");
    let error = Journal::open(dir.path(), &config(), clock()).err().expect("refused").to_string();
    assert!(error.contains(&file.display().to_string()) && error.contains("version 9"), "{error}");
}

#[test]
fn a_segment_that_was_being_made_is_forgotten() {
    let dir = folder();
    let (journal, _) = open(&dir);
    append(&journal, ticks(5)).expect("committed");
    journal.close();
    std::fs::write(dir.path().join("journal/new.tmp"), [1; 100]).expect("written");
    let (journal, report) = open(&dir);
    assert_eq!((report.last_seq, report.torn_bytes), (5, 0));
    assert_eq!(segment_files(&dir).len(), 1);
    assert_eq!(seqs(&journal).len(), 5);
}
