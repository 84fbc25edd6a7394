//! Each kind of rule: when it tells, and when it does not tell again.

use super::*;
use crate::geofence::Reading;
use crate::model::{DefinitionSet, DeviceId, Order, Rule, RuleKind, Schedule, UserId, WeekSpan};
use protocols::Alarm;
use std::sync::Arc;

const DEVICE: DeviceId = DeviceId(1);
const ACCOUNT: AccountId = AccountId(1);
const DEPOT: GeofenceId = GeofenceId(10);
const HARBOUR: GeofenceId = GeofenceId(11);
const SECOND: Micros = 1_000_000;

fn rule(id: u32, kind: RuleKind, geofences: &[GeofenceId]) -> Rule {
    Rule {
        id: RuleId(id),
        public_id: crate::model::PublicId::from_u128(u128::from(id)),
        account: ACCOUNT,
        name: String::new(),
        kind,
        devices: vec![DEVICE],
        geofences: geofences.to_vec(),
        schedule: Schedule::default(),
        enabled: true,
        created_by: UserId(1),
        version: 1,
    }
}

fn set_of(rules: &[Rule]) -> Arc<DefinitionSet> {
    let mut set = DefinitionSet::default();
    for rule in rules {
        set.rules.insert(rule.id, Arc::new(rule.clone()));
    }
    Arc::new(set)
}

/// A device under some rules.
struct Watched {
    book: Rulebook,
    states: Vec<RuleState>,
}

impl Watched {
    fn by(rules: &[Rule]) -> Self {
        let mut book = Rulebook::default();
        assert_eq!(book.switch(&set_of(rules)), Switched::default());
        Self { book, states: Vec::new() }
    }

    fn sees(&mut self, seen: &Seen<'_>) -> Vec<Raised> {
        let mut out = Vec::new();
        if let Some(rules) = self.book.of(DEVICE) {
            judge(rules, ACCOUNT, seen, &mut self.states, &mut out);
        }
        out
    }

    fn drives(&mut self, at: Micros, speed: f64, inside: &[GeofenceId]) -> usize {
        let moved = Moved { speed_kmh: Some(speed), inside, crossings: &[], stays: &[] };
        self.sees(&Seen { moved: Some(moved), ..seen(at) }).len()
    }

    fn has_battery(&mut self, at: Micros, percent: f64) -> usize {
        self.sees(&Seen { battery_pct: Some(percent), ..seen(at) }).len()
    }
}

fn seen<'a>(at: Micros) -> Seen<'a> {
    let place = Point { latitude: 1.0, longitude: 2.0 };
    Seen { at, fix_time: Some(at), place: Some(place), moved: None, alarms: &[], ignition: None, battery_pct: None, heard_at: None }
}

fn reading(at: Micros) -> Reading {
    Reading { at, place: Point { latitude: 5.0, longitude: 6.0 } }
}

fn crossing(geofence: GeofenceId, entered: Micros, exited: Option<Micros>) -> Crossing {
    let order = Order { seq: 1, ordinal: 1 };
    Crossing { geofence, order, begun: order, entered: reading(entered), exited: exited.map(reading) }
}

#[test]
fn enter_and_exit_are_told_for_the_rules_geofences_with_the_time_they_happened() {
    let mut watched = Watched::by(&[rule(1, RuleKind::GeofenceEnter {}, &[DEPOT]), rule(2, RuleKind::GeofenceExit {}, &[DEPOT, HARBOUR])]);
    let crossings = [crossing(DEPOT, 5, None), crossing(HARBOUR, 3, Some(7)), crossing(GeofenceId(99), 5, Some(7))];
    let moved = Moved { speed_kmh: None, inside: &[DEPOT], crossings: &crossings, stays: &[] };
    let out = watched.sees(&Seen { moved: Some(moved), ..seen(9) });
    let told: Vec<_> = out.iter().map(|r| (r.kind, r.rule.0, r.geofence, r.fix_time, r.place.map(|p| p.latitude))).collect();
    assert_eq!(
        told,
        [(AlertKind::GeofenceEnter, 1, Some(DEPOT), Some(5), Some(5.0)), (AlertKind::GeofenceExit, 2, Some(HARBOUR), Some(7), Some(5.0))]
    );
}

#[test]
fn a_geofence_rule_without_geofences_tells_nothing() {
    let mut watched = Watched::by(&[rule(1, RuleKind::GeofenceEnter {}, &[])]);
    let crossings = [crossing(DEPOT, 5, None)];
    let moved = Moved { speed_kmh: None, inside: &[DEPOT], crossings: &crossings, stays: &[] };
    assert_eq!(watched.sees(&Seen { moved: Some(moved), ..seen(5) }), []);
}

#[test]
fn a_stay_is_told_once_a_visit_by_the_exit_at_the_latest() {
    let mut watched = Watched::by(&[rule(1, RuleKind::GeofenceStay { longer_than_s: 60 }, &[DEPOT])]);
    let stay = |left| Stay { geofence: DEPOT, entered: reading(0), begun: Some(Order::default()), left };
    let mut at = |seconds: Micros, stays: &[Stay], crossings: &[Crossing]| {
        let moved = Moved { speed_kmh: None, inside: &[], crossings, stays };
        watched.sees(&Seen { moved: Some(moved), ..seen(seconds * SECOND) }).len()
    };
    assert_eq!(at(60, &[stay(None)], &[]), 0, "not longer yet");
    assert_eq!(at(61, &[stay(Some(reading(61 * SECOND)))], &[]), 0, "perhaps outside already");
    assert_eq!(at(62, &[stay(None)], &[]), 1);
    assert_eq!(at(63, &[stay(None)], &[]), 0, "told");
    assert_eq!(at(64, &[], &[crossing(DEPOT, 0, Some(64 * SECOND))]), 0, "told");
    assert_eq!(at(200, &[], &[crossing(DEPOT, 100 * SECOND, Some(200 * SECOND))]), 1, "another visit, seen only as it ended");
    assert_eq!(at(300, &[], &[crossing(DEPOT, 290 * SECOND, Some(300 * SECOND))]), 0, "a short one");
}

#[test]
fn overspeed_is_told_once_an_excursion() {
    let mut watched = Watched::by(&[rule(1, RuleKind::Overspeed { faster_than_kmh: 80.0 }, &[])]);
    let told: Vec<usize> = [79.0, 80.0, 80.1, 120.0, 80.0, 81.0].iter().map(|v| watched.drives(1, *v, &[])).collect();
    assert_eq!(told, [0, 0, 1, 0, 0, 1]);
}

#[test]
fn overspeed_inside_geofences_is_told_of_each() {
    let mut watched = Watched::by(&[rule(1, RuleKind::Overspeed { faster_than_kmh: 30.0 }, &[HARBOUR, DEPOT])]);
    assert_eq!(watched.drives(1, 50.0, &[]), 0, "outside");
    assert_eq!(watched.drives(2, 50.0, &[DEPOT]), 1);
    assert_eq!(watched.drives(3, 50.0, &[DEPOT, HARBOUR]), 1, "the other one");
    assert_eq!(watched.drives(4, 50.0, &[HARBOUR]), 0);
    assert_eq!(watched.drives(5, 50.0, &[DEPOT, HARBOUR]), 1, "it was left in between");
    assert_eq!(watched.drives(6, 20.0, &[DEPOT, HARBOUR]), 0);
    assert_eq!(watched.drives(7, 31.0, &[DEPOT, HARBOUR]), 2);
}

#[test]
fn device_alarms_are_told_by_kind() {
    let some = RuleKind::DeviceAlarm { alarms: vec!["sos".to_owned(), "power_cut".to_owned()] };
    let mut watched = Watched::by(&[rule(1, some, &[]), rule(2, RuleKind::DeviceAlarm { alarms: vec![] }, &[])]);
    let out = watched.sees(&Seen { alarms: &[Alarm::PowerCut, Alarm::Towing], ..seen(1) });
    let told: Vec<_> = out.iter().map(|r| (r.rule.0, r.alarm)).collect();
    assert_eq!(told, [(1, Some(Alarm::PowerCut)), (2, Some(Alarm::PowerCut)), (2, Some(Alarm::Towing))]);
    for alarm in [Alarm::Sos, Alarm::PowerCut, Alarm::LowBattery, Alarm::Towing, Alarm::Crash, Alarm::Tamper] {
        let mut one = Watched::by(&[rule(1, RuleKind::DeviceAlarm { alarms: vec![alarm.as_str().to_owned()] }, &[])]);
        assert_eq!(one.sees(&Seen { alarms: Alarm::ALL, ..seen(1) }).len(), 1, "{alarm:?}");
    }
}

#[test]
fn ignition_is_told_as_it_changes() {
    let mut watched = Watched::by(&[rule(1, RuleKind::IgnitionOn {}, &[]), rule(2, RuleKind::IgnitionOff {}, &[])]);
    let kinds = |out: Vec<Raised>| out.iter().map(|r| r.kind).collect::<Vec<_>>();
    assert_eq!(kinds(watched.sees(&Seen { ignition: Some(true), ..seen(1) })), [AlertKind::IgnitionOn]);
    assert_eq!(kinds(watched.sees(&Seen { ignition: Some(false), ..seen(1) })), [AlertKind::IgnitionOff]);
    assert_eq!(kinds(watched.sees(&seen(1))), []);
}

#[test]
fn a_low_battery_is_told_once_until_it_was_charged() {
    let mut watched = Watched::by(&[rule(1, RuleKind::BatteryBelow { level_pct: 20.0 }, &[])]);
    let told: Vec<usize> = [50.0, 19.0, 18.0, 21.0, 19.0, 25.0, 19.0].iter().map(|p| watched.has_battery(0, *p)).collect();
    assert_eq!(told, [0, 1, 0, 0, 0, 0, 1]);
    let mut high = Watched::by(&[rule(1, RuleKind::BatteryBelow { level_pct: 98.0 }, &[])]);
    let told: Vec<usize> = [90.0, 100.0, 90.0].iter().map(|p| high.has_battery(0, *p)).collect();
    assert_eq!(told, [1, 0, 1]);
}

#[test]
fn a_lost_connection_is_told_once_a_silence_and_names_no_place() {
    let mut watched = Watched::by(&[rule(1, RuleKind::ConnectionLost { after_s: 60 }, &[])]);
    let mut tick = |at: Micros, heard: Micros| watched.sees(&Seen { fix_time: None, heard_at: Some(heard * SECOND), ..seen(at * SECOND) });
    assert_eq!(tick(59, 0), []);
    let told = tick(60, 0);
    assert_eq!(told.iter().map(|r| (r.kind, r.place, r.value)).collect::<Vec<_>>(), [(AlertKind::ConnectionLost, None, Some(60.0))]);
    assert_eq!(tick(65, 0), []);
    assert_eq!(tick(200, 70).len(), 1, "another silence, with no tick between the two");
    assert_eq!(tick(201, 201), []);
    assert_eq!(tick(261, 201).len(), 1);
}

#[test]
fn a_rule_is_in_force_in_its_schedule_only() {
    let monday = WeekSpan { weekday: 1, from_minute: 480, to_minute: 540 };
    let schedule = Schedule { time_zone: Some("Europe/Berlin".to_owned()), spans: vec![monday] };
    let mut watched = Watched::by(&[Rule { schedule, ..rule(1, RuleKind::Overspeed { faster_than_kmh: 80.0 }, &[]) }]);
    let at = |text: &str| crate::model::from_rfc3339(text).expect("a time");
    assert_eq!(watched.drives(at("2026-07-06T05:59:59Z"), 100.0, &[]), 0, "before eight in Berlin");
    assert_eq!(watched.drives(at("2026-07-06T06:00:00Z"), 100.0, &[]), 1, "the excursion goes on into the schedule");
    assert_eq!(watched.drives(at("2026-07-06T06:30:00Z"), 100.0, &[]), 0, "told");
    assert_eq!(watched.drives(at("2026-07-06T07:00:00Z"), 100.0, &[]), 0, "after nine");
}

#[test]
fn a_change_of_rules_touches_the_devices_it_names() {
    let over = |version, limit| Rule { version, ..rule(1, RuleKind::Overspeed { faster_than_kmh: limit }, &[]) };
    let mut watched = Watched::by(&[over(1, 80.0)]);
    assert_eq!(watched.drives(1, 90.0, &[]), 1);
    assert_eq!(watched.book.switch(&set_of(&[over(2, 85.0)])), Switched::default());
    assert_eq!(watched.drives(2, 90.0, &[]), 1, "an edited rule begins anew");
    let off = Rule { enabled: false, ..over(3, 85.0) };
    assert_eq!(watched.book.switch(&set_of(std::slice::from_ref(&off))).ended, [(DEVICE, RuleId(1))]);
    assert_eq!(watched.drives(3, 200.0, &[]), 0);
    let broken = Rule { schedule: Schedule { time_zone: Some("Mars/Olympus".to_owned()), spans: vec![] }, ..over(4, 1.0) };
    assert_eq!(watched.book.switch(&set_of(&[broken])).broken.len(), 1);
    let silent = Rule { devices: vec![DeviceId(5), DeviceId(3)], ..rule(2, RuleKind::ConnectionLost { after_s: 1 }, &[]) };
    watched.book.switch(&set_of(&[silent]));
    assert_eq!(watched.book.watched_for_silence().collect::<Vec<_>>(), [DeviceId(3), DeviceId(5)]);
    watched.book.switch(&set_of(&[]));
    assert_eq!(watched.book.watched_for_silence().count(), 0);
}

#[test]
fn a_rule_of_another_account_does_not_watch() {
    let mut watched = Watched::by(&[Rule { account: AccountId(2), ..rule(1, RuleKind::Overspeed { faster_than_kmh: 1.0 }, &[]) }]);
    assert_eq!(watched.drives(1, 100.0, &[]), 0);
}
