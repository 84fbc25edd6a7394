//! Killed and started again, as often as you like: the same history, visits, alerts and latest positions.

use super::rig::{DEPOT, Rig, circle, record, rule};
use crate::model::{DeviceId, Geofence, GeofenceId, Point, RuleKind, Shape};
use proptest::prelude::*;
use protocols::{Alarm, Attributes, Name, Record, Value};

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    Moves {
        device: u32,
        gap_s: i64,
        place: u8,
        speed: f32,
        ignition: bool,
        battery: i64,
    },
    Late {
        device: u32,
        back_s: i64,
        place: u8,
    },
    /// The record of so many steps ago again.
    Resend {
        back: usize,
    },
    Flagged {
        device: u32,
        time: Option<i64>,
    },
    Heartbeat {
        device: u32,
        ignition: bool,
    },
    Session {
        device: u32,
        connection: u64,
        opens: bool,
    },
    Conflict {
        device: u32,
    },
    Tick {
        gap_s: i64,
    },
    Geofence {
        id: u32,
        place: u8,
        dwell_s: u32,
    },
    NoGeofence {
        id: u32,
    },
    Rule {
        id: u32,
        limit: u32,
    },
    Kill,
}

fn place(number: u8) -> (f64, f64) {
    (52.5 + f64::from(number) * 0.004, 13.4)
}

fn any_step() -> impl Strategy<Value = Step> {
    let device = 1_u32..4;
    prop_oneof![
        12 => (device.clone(), 0_i64..40, 0_u8..4, 0.0_f32..100.0, any::<bool>(), 0_i64..101)
            .prop_map(|(device, gap_s, place, speed, ignition, battery)| Step::Moves { device, gap_s, place, speed, ignition, battery }),
        2 => (device.clone(), 1_i64..300, 0_u8..4).prop_map(|(device, back_s, place)| Step::Late { device, back_s, place }),
        4 => (1_usize..30).prop_map(|back| Step::Resend { back }),
        1 => (device.clone(), prop_oneof![Just(None), Just(Some(315_964_800_000_000)), Just(Some(4_000_000_000_000_000))])
            .prop_map(|(device, time)| Step::Flagged { device, time }),
        1 => (device.clone(), any::<bool>()).prop_map(|(device, ignition)| Step::Heartbeat { device, ignition }),
        2 => (device.clone(), 1_u64..4, any::<bool>()).prop_map(|(device, connection, opens)| Step::Session { device, connection, opens }),
        1 => device.prop_map(|device| Step::Conflict { device }),
        2 => (0_i64..200).prop_map(|gap_s| Step::Tick { gap_s }),
        1 => (1_u32..4, 0_u8..4, 0_u32..60).prop_map(|(id, place, dwell_s)| Step::Geofence { id, place, dwell_s }),
        1 => (1_u32..4).prop_map(|id| Step::NoGeofence { id }),
        1 => (1_u32..10, 1_u32..90).prop_map(|(id, limit)| Step::Rule { id, limit }),
        3 => Just(Step::Kill),
    ]
}

fn kind(id: u32, limit: u32) -> RuleKind {
    match id {
        1 => RuleKind::GeofenceEnter {},
        2 => RuleKind::GeofenceExit {},
        3 => RuleKind::GeofenceStay { longer_than_s: limit },
        4 => RuleKind::Overspeed { faster_than_kmh: f64::from(limit) },
        5 => RuleKind::DeviceAlarm { alarms: vec![] },
        6 => RuleKind::IgnitionOn {},
        7 => RuleKind::IgnitionOff {},
        8 => RuleKind::ConnectionLost { after_s: limit },
        _ => RuleKind::BatteryBelow { level_pct: f64::from(limit) },
    }
}

/// What is kept besides the rig while a story is told.
#[derive(Default)]
struct Story {
    /// Seconds after the start, by device.
    now_s: [i64; 8],
    sent: Vec<(DeviceId, Record)>,
    version: u64,
}

impl Story {
    fn tell(&mut self, rig: &Rig, step: &Step) {
        match *step {
            Step::Moves { device, gap_s, place: number, speed, ignition, battery } => {
                self.now_s[device as usize] += gap_s;
                let mut record = record(self.now_s[device as usize], place(number));
                record.fix = record.fix.map(|fix| protocols::Fix { speed_kmh: Some(speed), ..fix });
                record.attributes.set(Name::Ignition, Value::Bool(ignition));
                record.attributes.set(Name::BatteryLevelPct, Value::Int(battery));
                if battery % 10 == 0 {
                    record.attributes.alarm(Alarm::Sos);
                }
                self.send(rig, DeviceId(device), record);
            }
            Step::Late { device, back_s, place: number } => {
                let at = self.now_s[device as usize] - back_s;
                self.send(rig, DeviceId(device), record(at, place(number)));
            }
            Step::Resend { back } => {
                if let Some((device, record)) = self.sent.len().checked_sub(back).and_then(|at| self.sent.get(at)) {
                    rig.record(*device, record);
                }
            }
            Step::Flagged { device, time } => {
                let mut record = Record { fix_time: time, ..record(0, place(0)) };
                record.attributes.alarm(Alarm::PowerCut);
                self.send(rig, DeviceId(device), record);
            }
            Step::Heartbeat { device, ignition } => {
                let mut attributes = Attributes::new();
                attributes.set(Name::Ignition, Value::Bool(ignition));
                rig.heartbeat(DeviceId(device), &attributes);
            }
            Step::Session { device, connection, opens: true } => rig.open_session(DeviceId(device), connection),
            Step::Session { device, connection, opens: false } => rig.close_session(DeviceId(device), connection),
            Step::Conflict { device } => rig.conflict(DeviceId(device)),
            Step::Tick { gap_s } => {
                rig.wait_s(gap_s);
                rig.tick();
            }
            Step::Geofence { id, place: number, dwell_s } => {
                let (latitude, longitude) = place(number);
                let shape = Shape::Circle { center: Point { latitude, longitude }, radius_m: 500.0 };
                rig.define(|set| set.put_geofence(Geofence { shape, ..circle(GeofenceId(id), dwell_s) }));
            }
            Step::NoGeofence { id } => {
                rig.define(|set| set.remove_geofence(GeofenceId(id)));
            }
            Step::Rule { id, limit } => {
                self.version += 1;
                let geofences: Vec<GeofenceId> = (1..4).map(GeofenceId).collect();
                let edited = crate::model::Rule { version: self.version, ..rule(id, kind(id, limit), &geofences) };
                rig.define(|set| set.put_rule(edited));
            }
            Step::Kill => {}
        }
    }

    fn send(&mut self, rig: &Rig, device: DeviceId, record: Record) {
        rig.record(device, &record);
        self.sent.push((device, record));
    }
}

fn tell(steps: &[Step], checkpoint_bytes: u64, kill_every: usize) -> Rig {
    let mut rig = Rig::with(|config| {
        config.checkpoint_bytes = checkpoint_bytes;
        config.dedup_keys_per_device_max = 5;
    });
    let mut story = Story::default();
    for id in 1..10 {
        story.tell(&rig, &Step::Rule { id, limit: 30 });
    }
    story.tell(&rig, &Step::Geofence { id: 1, place: 0, dwell_s: 0 });
    story.tell(&rig, &Step::Geofence { id: 2, place: 2, dwell_s: 20 });
    for (step, number) in steps.iter().zip(1..) {
        story.tell(&rig, step);
        if matches!(step, Step::Kill) || number % kill_every == 0 {
            rig = rig.restarted();
        }
    }
    rig
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn p9_a_gateway_that_was_killed_tells_what_one_tells_that_was_not(
        steps in prop::collection::vec(any_step(), 1..120),
        checkpoint_bytes in prop_oneof![Just(1_u64), Just(700), Just(3_000), Just(u64::MAX)],
    ) {
        // Once more at the end: the connections that are still open then are ended by an entry.
        let killed = tell(&steps, checkpoint_bytes, 50).restarted();
        let outcome = killed.outcome();
        let once = killed.computed_anew().outcome();
        prop_assert_eq!(outcome, once);
    }
}

#[test]
fn killed_after_each_entry() {
    let steps: Vec<Step> = (0..40)
        .map(|n| match n % 8 {
            3 => Step::Resend { back: 2 },
            5 => Step::Tick { gap_s: 20 },
            6 => Step::Late { device: 1, back_s: 7, place: 2 },
            _ => Step::Moves {
                device: 1,
                gap_s: 9,
                place: (n / 3 % 4) as u8,
                speed: (n * 7 % 60) as f32,
                ignition: n % 4 == 0,
                battery: 100 - n,
            },
        })
        .collect();
    let killed = tell(&steps, 200, 1);
    let outcome = killed.outcome();
    assert!(outcome.events.len() > 20, "{} events", outcome.events.len());
    assert_eq!(outcome, killed.computed_anew().outcome());
}

#[test]
fn p10_the_newest_checkpoint_is_taken_up() {
    let rig = Rig::with(|config| config.checkpoint_bytes = 1);
    rig.define(|set| set.put_geofence(circle(DEPOT, 0)));
    for n in 0..5 {
        rig.record(DeviceId(1), &record(n * 10, place(0)));
        rig.settle();
    }
    let folder = rig.dir.path().join("pipeline");
    let restored = super::super::checkpoint::load(&folder, &rig.journal.identity(), 1, rig.journal.committed()).expect("listed");
    let restored = restored.expect("a checkpoint reads");
    assert!(restored.seq > 1 && restored.devices.len() == 1 && !restored.marks.is_empty());
    assert!(restored.devices[0].1.latest.is_some());
}

#[test]
fn a_checkpoint_that_does_not_read_is_passed_over() {
    let rig = Rig::with(|config| config.checkpoint_bytes = 1);
    rig.define(|set| set.put_geofence(circle(DEPOT, 0)));
    for n in 0..20 {
        rig.record(DeviceId(1), &record(n * 10, place((n % 2 * 3) as u8)));
        rig.settle();
    }
    let expected = rig.outcome();
    let checkpoints = || -> Vec<std::path::PathBuf> {
        let files = std::fs::read_dir(rig.dir.path().join("pipeline")).expect("listed").flatten().map(|file| file.path());
        let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "checkpoint")).collect();
        files.sort_unstable();
        files
    };
    assert_eq!(checkpoints().len(), 2);
    for damaged in [1, 2] {
        for path in checkpoints().iter().rev().take(damaged) {
            let mut bytes = std::fs::read(path).expect("read");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
            std::fs::write(path, bytes).expect("written");
        }
        let image = tempfile::tempdir().expect("a folder");
        super::rig::copy(rig.dir.path(), image.path());
        let again = Rig::open(
            image,
            rig.config.clone(),
            std::sync::Arc::clone(&rig.versions),
            std::sync::Arc::clone(&rig.clock),
            std::sync::Arc::clone(&rig.sink),
        );
        assert_eq!(again.outcome(), expected, "{damaged} damaged");
    }
}

#[test]
fn versions_that_no_entry_needs_are_given_up() {
    let rig = Rig::with(|config| config.checkpoint_bytes = 1);
    let mut fat = record(0, place(0));
    let text = "x".repeat(8_000);
    fat.attributes.push(protocols::Key::Text("padding"), Value::Text(&text));
    let changes: Vec<_> = (0..3)
        .map(|number| {
            let seq = rig.define(|set| set.put_geofence(circle(DEPOT, number)));
            for n in 0..150 {
                rig.record(
                    DeviceId(1),
                    &Record { fix_time: fat.fix_time.map(|t| t + i64::from(number * 150 + n) * 1_000_000), ..fat.clone() },
                );
            }
            seq
        })
        .collect();
    rig.settle();
    assert_eq!(*rig.versions.oldest.lock(), None, "everything can be computed anew as long as the first entry is there");
    while rig.journal.segments().len() > 1 {
        let oldest = rig.journal.segments()[0].first_seq;
        assert!(rig.journal.drop_segment(oldest).expect("deleted"));
        let begins = rig.journal.segments()[0].first_seq;
        rig.record(DeviceId(1), &record(10_000 + begins as i64, place(1)));
        rig.settle();
        let in_force = changes.iter().filter(|seq| **seq < begins).count() as u64;
        assert_eq!(*rig.versions.oldest.lock(), Some(in_force), "the journal begins with {begins}, changes {changes:?}");
    }
}
