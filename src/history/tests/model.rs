use super::*;

/// Times as trackers send them: mostly onward, some from a buffer, some equal, some missing, some wild.
fn time(dice: &mut Dice, now: Micros) -> Option<Micros> {
    match dice.roll(20) {
        0 => None,
        1 => Some(315_964_800_000_000 + dice.micros(DAY)),
        2 => Some(START + 400 * DAY),
        3 | 4 => Some(now - dice.micros(20 * DAY)),
        5 => Some(now),
        _ => Some(now + dice.micros(30 * SECOND)),
    }
}

#[test]
fn history_equals_a_naive_model_under_random_operations() {
    for seed in 1..=4 {
        let mut dice = Dice(seed);
        let mut world = World::new(limits());
        let mut resend: Vec<(u32, Record)> = Vec::new();
        let mut now = START - 30 * DAY;
        for step in 0..260 {
            let mut records = Vec::new();
            for _ in 0..dice.roll(60) {
                let device = u32::try_from(dice.roll(6)).expect("small");
                records.push((device, record(time(&mut dice, now), &mut dice)));
                now += 20 * SECOND;
            }
            if dice.roll(4) == 0 {
                records.append(&mut resend);
            }
            resend.extend(records.iter().filter(|_| dice.roll(8) == 0).cloned());
            world.append(&records);
            match dice.roll(30) {
                0 | 1 => world.write_checkpoint(),
                2 => world = world.reopen(),
                3 => world.settle(),
                _ => {}
            }
            if step % 8 == 0 {
                compare(&world, &mut dice, now);
            }
        }
        world.settle();
        assert!(world.files().len() > 3, "{}", world.files().len());
        (0..20).for_each(|_| compare(&world, &mut dice, now));
        world = world.reopen();
        (0..20).for_each(|_| compare(&world, &mut dice, now));
    }
}

fn compare(world: &World, dice: &mut Dice, now: Micros) {
    let device = u32::try_from(dice.roll(7)).expect("small");
    let from = now - dice.micros(40 * DAY);
    let range = match dice.roll(4) {
        0 => ALWAYS,
        1 => policy::Range { from: 0, to: START - 3_000 * DAY },
        _ => policy::Range { from, to: from + dice.micros(10 * DAY) },
    };
    let rows_max = [1, 7, 64, 1_000, 100_000][usize::try_from(dice.roll(5)).expect("small")];
    let descending = dice.roll(2) == 0;
    let expected = world.expected(device, range, descending);
    let rows_max = if expected.len() > 200 { rows_max.max(50) } else { rows_max };
    assert_eq!(told(&world.all(device, range, rows_max, descending)), told(&expected), "{device} {range:?} {rows_max} {descending}");
}

#[test]
fn p9_the_same_records_in_any_order_make_the_same_timeline() {
    let mut dice = Dice(9);
    let mut records: Vec<(u32, Record)> =
        (0..3_000).map(|n| (n % 3, record(Some(START - 40 * DAY + i64::from(n) * 600 * SECOND), &mut dice))).collect();
    let mut timelines = Vec::new();
    for _ in 0..2 {
        let mut world = World::new(limits());
        records.chunks(100).for_each(|some| world.append(some));
        // Resent as a whole.
        records.chunks(500).for_each(|some| world.append(some));
        // Of segments that hold resends alone, the checkpoint says that they are done.
        world.write_checkpoint();
        world.settle();
        let timeline: Vec<_> = (0..3).flat_map(|device| world.all(device, ALWAYS, 333, false)).collect();
        timelines
            .push(timeline.iter().map(|p| format!("{} {:?} {:?} {:?}", p.device, p.fix_time, p.fix, p.attributes)).collect::<Vec<_>>());
        for at in (1..records.len()).rev() {
            records.swap(at, usize::try_from(dice.roll(at as u64 + 1)).expect("small"));
        }
    }
    assert_eq!(timelines[0].len(), 3_000);
    assert_eq!(timelines[0], timelines[1]);
}

#[test]
fn an_answer_is_whole_while_a_segment_is_sealed_underneath() {
    let mut world = World::new(limits());
    let mut dice = Dice(3);
    let (history, done) = (world.history.clone(), Arc::new(AtomicBool::new(false)));
    let handed_over = Arc::new(AtomicU64::new(0));
    let asker = {
        let (done, handed_over) = (Arc::clone(&done), Arc::clone(&handed_over));
        std::thread::spawn(move || {
            let mut asked = 0;
            while !done.load(Ordering::Relaxed) {
                let least = handed_over.load(Ordering::Acquire);
                let page = history.page(DeviceId(1), ALWAYS, None, 100_000, false).expect("a page");
                let mut seqs: Vec<_> = page.iter().map(|p| p.seq).collect();
                let count = seqs.len();
                seqs.sort_unstable();
                seqs.dedup();
                assert_eq!(seqs.len(), count, "a row twice");
                assert!(count as u64 >= least, "{count} of {least} rows");
                asked += 1;
            }
            asked
        })
    };
    let mut total = 0;
    for step in 0..160 {
        let records: Vec<_> = (0..40).map(|n| (1, record(Some(START + (step * 40 + n) * SECOND), &mut dice))).collect();
        total += records.len() as u64;
        world.append(&records);
        handed_over.store(total, Ordering::Release);
    }
    world.settle();
    done.store(true, Ordering::Relaxed);
    assert!(asker.join().expect("ended") > 20);
    assert!(world.files().len() > 5);
}

#[test]
fn a_resend_is_known_from_the_tail_and_from_files_and_never_by_itself() {
    let mut world = World::new(limits());
    let mut dice = Dice(4);
    let records: Vec<_> = (0..2_500).map(|n| (2, record(Some(START - n * SECOND), &mut dice))).collect();
    records.chunks(50).for_each(|some| world.append(some));
    world.settle();
    assert!(world.files().len() > 1);
    let mut reader = world.journal.reader(1).expect("a reader");
    let mut asked = 0;
    while let Some(block) = reader.next_block().expect("reads") {
        for entry in block.entries().step_by(9) {
            let EntryKind::Record(stored) = entry.kind else { continue };
            let holds = |record: &RecordRef<'_>, before| world.history.holds(DeviceId(2), record, before).expect("an answer");
            assert!(holds(&stored, entry.seq + 1) && !holds(&stored, entry.seq), "{}", entry.seq);
            let later = RecordRef { fix_time: stored.fix_time.map(|t| t + 1), ..stored };
            let other = RecordRef { attributes: &[0x02, 0, 1], ..stored };
            let elsewhere = RecordRef { fix: None, ..stored };
            let unplaced = stored.fix.is_none();
            assert!(!holds(&later, Seq::MAX) && !holds(&other, Seq::MAX) && (unplaced || !holds(&elsewhere, Seq::MAX)));
            assert!(!holds(&RecordRef { fix_time: None, ..stored }, Seq::MAX));
            assert!(!world.history.holds(DeviceId(3), &stored, Seq::MAX).expect("an answer"));
            asked += 1;
        }
    }
    assert!(asked > 200);
}

#[test]
fn sealing_that_falls_behind_holds_the_pipeline_back() {
    let mut limits = limits();
    limits.history.unsealed_bytes_max = 160 << 10;
    let mut world = World::new(limits);
    let mut dice = Dice(5);
    for step in 0..150 {
        let records: Vec<_> = (0..60).map(|n| (1, record(Some(START + (step * 60 + n) * SECOND), &mut dice))).collect();
        world.append(&records);
        let sealed = world.history.sealed_through();
        let unsealed: u64 = world.journal.segments().iter().filter(|s| s.first_seq > sealed).map(|s| s.bytes).sum();
        assert!(unsealed <= (160 + 2 * 64) << 10, "{unsealed}");
    }
    assert!(world.files().len() > 5);
    assert_eq!(told(&world.all(1, ALWAYS, 500, false)), told(&world.expected(1, ALWAYS, false)));
}

#[test]
fn a_segment_goes_only_when_it_is_sealed_and_passed_and_old() {
    let mut limits = limits();
    limits.journal.keep_bytes_max = 0;
    let mut world = World::new(limits);
    let mut dice = Dice(6);
    let mut fill = |world: &mut World| {
        for step in 0..50 {
            let records: Vec<_> = (0..40).map(|n| (1, record(Some(START + (step * 40 + n) * SECOND), &mut dice))).collect();
            world.append(&records);
        }
        world.settle();
    };
    fill(&mut world);
    std::thread::sleep(Duration::from_millis(1_200));
    assert_eq!(world.journal.segments()[0].first_seq, 1, "no checkpoint has passed it");
    world.write_checkpoint();
    let deadline = Instant::now() + Duration::from_secs(20);
    while world.journal.segments().len() > 1 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(world.journal.segments().len(), 1);
    let mut world = world.reopen();
    fill(&mut world);
    assert_eq!(told(&world.all(1, ALWAYS, 500, true)), told(&world.expected(1, ALWAYS, true)));
}
