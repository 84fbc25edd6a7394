use super::super::file::{index_path, list};
use super::super::sidecar::{Runs, spans};
use super::*;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;
use std::fs::File;

fn filled(rows: i64) -> World {
    let mut world = World::new(limits());
    let mut dice = Dice(7);
    let records: Vec<_> = (0..rows)
        .map(|n| {
            let device = u32::try_from(dice.roll(3)).expect("small");
            (device, record((n % 50 != 3).then_some(START + n * SECOND), &mut dice))
        })
        .collect();
    records.chunks(40).for_each(|some| world.append(some));
    world.settle();
    world
}

#[test]
fn any_reader_of_parquet_gets_the_rows() {
    let world = filled(1_500);
    let mut rows = 0;
    for path in world.files() {
        let reader = SerializedFileReader::new(File::open(&path).expect("opened")).expect("a Parquet file");
        let mut before = None;
        for row in reader.get_row_iter(None).expect("rows") {
            let row = row.expect("a row");
            let seq = row.get_ulong(2).expect("seq");
            let position = &world.accepted[&seq];
            let place = (row.get_uint(0).expect("device"), row.get_timestamp_micros(1).expect("time"), seq);
            assert_eq!(place, (position.device.0, position.history_time(), seq));
            assert!(before < Some(place), "sorted by device, time and seq");
            before = Some(place);
            assert_eq!(row.get_timestamp_micros(4).expect("recorded"), position.recorded_at);
            assert_eq!(row.get_double(6).ok(), position.fix.map(|f| f.latitude.degrees()));
            assert_eq!(row.get_double(7).ok(), position.fix.map(|f| f.longitude.degrees()));
            assert_eq!(row.get_float(10).ok(), position.fix.and_then(|f| f.speed_kmh));
            assert_eq!(row.get_bool(12).expect("late"), position.late);
            assert_eq!(row.get_string(14).expect("attributes"), &attributes::to_json(&position.attributes));
            rows += 1;
        }
    }
    let sealed = world.history.sealed_through();
    assert_eq!(rows, world.accepted.keys().filter(|seq| **seq <= sealed).count());
    assert!(rows > 500);
}

#[test]
fn damage_is_an_error_that_names_the_file_and_never_a_wrong_row() {
    let world = filled(3_000);
    let path = world.files().remove(0);
    let whole = std::fs::read(&path).expect("read");
    let expected = told(&world.all(1, ALWAYS, 5_000, false));
    let mut noticed = 0;
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        std::fs::write(&path, flipped).expect("written");
        // Opened anew: what is open already has read its footer.
        world.history.shared().cache.forget();
        match world.history.page(DeviceId(1), ALWAYS, None, 5_000, false) {
            Ok(page) => assert_eq!(told(&page), expected, "byte {at}"),
            Err(error) => {
                assert!(error.to_string().contains(&path.display().to_string()), "{error}");
                noticed += 1;
            }
        }
    }
    assert!(noticed > 40, "{noticed}");
    std::fs::write(&path, &whole[..whole.len() - 1]).expect("written");
    world.history.shared().cache.forget();
    let error = world.history.page(DeviceId(1), ALWAYS, None, 10, false).expect_err("refused").to_string();
    assert!(error.contains(&path.display().to_string()), "{error}");
    std::fs::write(&path, &whole).expect("written");
    let folder = world.dir.path().join("history");
    let identity = world.journal.identity();
    assert!(list(&folder, [0; 16]).is_err(), "the history of another journal");
    let index = index_path(&path);
    let sound = std::fs::read(&index).expect("read");
    let mut flipped = sound.clone();
    flipped[100] ^= 1;
    std::fs::write(&index, flipped).expect("written");
    assert!(list(&folder, identity).expect_err("refused").to_string().contains(&index.display().to_string()));
    std::fs::remove_file(&index).expect("removed");
    assert!(list(&folder, identity).expect_err("refused").to_string().contains(&index.display().to_string()));
    std::fs::write(&index, sound).expect("written");
    assert!(list(&folder, identity).is_ok());
    std::fs::remove_file(&world.files()[1]).expect("removed");
    assert!(list(&folder, identity).expect_err("refused").to_string().contains("missing"));
}

#[test]
fn a_crash_while_sealing_leaves_nothing_that_counts() {
    let mut world = filled(1_200);
    world.write_checkpoint();
    let expected: Vec<_> = (0..3).map(|device| told(&world.all(device, ALWAYS, 700, false))).collect();
    for leave_index in [true, false] {
        let last = world.files().pop().expect("a file");
        let bytes = std::fs::read(&last).expect("read");
        let World { dir, limits, journal, history, reader, checkpoint, accepted, .. } = world;
        drop(reader);
        history.close();
        journal.close();
        // The file was written and not yet renamed; its index perhaps was.
        std::fs::write(last.with_extension("parquet.tmp"), &bytes[..bytes.len() / 2]).expect("written");
        std::fs::remove_file(&last).expect("removed");
        if !leave_index {
            std::fs::rename(index_path(&last), last.with_extension("idx.tmp")).expect("renamed");
        }
        // The checkpoint of before it was sealed: its marks still name the segment's records.
        let checkpoint = (checkpoint.0, marks_with(&accepted, &last, &checkpoint.1));
        let (journal, history, reader) = World::open(&dir, &limits, &checkpoint);
        world = World { dir, limits, journal, history, reader, seen: checkpoint.0.clone(), checkpoint, accepted };
        world.take();
        world.settle();
        let now: Vec<_> = (0..3).map(|device| told(&world.all(device, ALWAYS, 700, false))).collect();
        assert_eq!(now, expected);
        assert!(last.exists() && !last.with_extension("parquet.tmp").exists() && !last.with_extension("idx.tmp").exists());
    }
}

/// Marks that have one more segment, the one of a file, before those that they have.
fn marks_with(accepted: &BTreeMap<Seq, Position>, file: &Path, marks: &[u8]) -> Vec<u8> {
    let name = file.file_stem().and_then(|s| s.to_str()).expect("a name");
    let (first, last) = name.split_once('-').expect("two numbers");
    let (first, last): (Seq, Seq) = (first.parse().expect("a number"), last.parse().expect("a number"));
    if marks[8..].starts_with(&first.to_le_bytes()) {
        return marks.to_vec();
    }
    let mut out = marks[..8].to_vec();
    let runs: Vec<_> = accepted.range(first..=last).collect();
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(&u32::try_from(runs.len()).expect("small").to_le_bytes());
    for (seq, position) in runs {
        out.extend_from_slice(&u32::try_from(seq - first).expect("small").to_le_bytes());
        out.extend_from_slice(&1_u32.to_le_bytes());
        out.push(u8::from(position.late) | (position.time_flag as u8) << 1);
    }
    out.extend_from_slice(&marks[8..]);
    out
}

#[test]
fn a_record_from_1980_or_from_the_future_widens_nothing() {
    let mut runs = Runs::default();
    let wild = [315_964_800_000_000, START, START + SECOND, START + 2 * SECOND, START + 4_000 * DAY];
    for device in 0..40 {
        wild.iter().for_each(|time| runs.push(DeviceId(device), *time));
    }
    let runs = runs.finish();
    assert_eq!(runs.len(), 120);
    assert_eq!((runs[1].row, runs[1].rows, runs[1].from, runs[1].to), (1, 3, START, START + 2 * SECOND));
    let spans = spans(&runs);
    assert_eq!(spans, [(wild[0], wild[0]), (START, START + 2 * SECOND), (wild[4], wild[4])]);
    // However wild: what describes a file stays small.
    let mut runs = Runs::default();
    (0..9_000).for_each(|n| runs.push(DeviceId(1), n * DAY));
    let runs = runs.finish();
    assert!(runs.len() < 24 && runs.iter().map(|r| r.rows).sum::<u32>() == 9_000, "{}", runs.len());
    let many: Vec<_> = (0..5_000).map(|n| sidecar::Run { device: DeviceId(n), row: 0, rows: 1, from: i64::from(n) * DAY, to: 0 }).collect();
    assert!(super::super::sidecar::spans(&many).len() <= 64);
}

#[test]
fn a_file_of_many_row_groups_and_pages_is_read_at_any_place() {
    let mut large = limits();
    large.journal.segment_bytes = 15 << 20;
    let mut world = World::new(large);
    let rows = 300_000_i64;
    let bare = |n: i64| {
        let fix = Fix {
            latitude: Latitude::new(n as f64 / 10_000.0).expect("in range"),
            longitude: Longitude::new(n as f64 / 5_000.0).expect("in range"),
            valid: true,
            altitude_m: None,
            speed_kmh: (n % 2 == 0).then_some(n as f32),
            course_deg: None,
        };
        (u32::from(n % 20 == 7), Record { fix_time: Some(START + n * SECOND), fix: Some(fix), attributes: Attributes::new() })
    };
    let all: Vec<_> = (0..rows + 100_000).map(bare).collect();
    all.chunks(5_000).for_each(|some| world.append(some));
    world.settle();
    assert!(world.history.sealed_through() > 280_000 && world.files().len() == 1);
    let mut dice = Dice(8);
    for descending in [false, true] {
        for _ in 0..25 {
            let device = u32::try_from(dice.roll(2)).expect("small");
            let from = START + dice.micros(rows * SECOND);
            let range = policy::Range { from, to: from + dice.micros(9_000 * SECOND) };
            assert_eq!(told(&world.all(device, range, 700, descending)), told(&world.expected(device, range, descending)));
        }
    }
    // Across the border of two row groups.
    let border = policy::Range { from: START + 255_000 * SECOND, to: START + 285_000 * SECOND };
    assert_eq!(told(&world.all(0, border, 30_000, false)), told(&world.expected(0, border, false)));
}
