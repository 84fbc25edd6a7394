//! The pipeline over a real journal, real history and real events.

mod restart;
mod rig;

use crate::model::{AccountId, AlertKind, Connection, DeviceId, GeofenceId, Item, Position, RuleId, RuleKind, Shared, TimeFlag};
use protocols::{Alarm, Name, Value};
use rig::{ACCOUNT, DEPOT, Rig, SECOND, START, at_depot, away, circle, record, rule};

const CAR: DeviceId = DeviceId(3);

fn positions(items: &[Shared]) -> Vec<&Position> {
    items.iter().filter_map(|item| if let Item::Position(position) = item.item() { Some(position) } else { None }).collect()
}

/// Kinds of alerts and revisions of visits, in recorded order.
fn told(items: &[Shared]) -> Vec<String> {
    items
        .iter()
        .filter_map(|item| match item.item() {
            Item::Alert(alert) => Some(alert.kind.as_str().to_owned()),
            Item::Visit(visit) => Some(format!("visit {}", visit.revision)),
            _ => None,
        })
        .collect()
}

#[test]
fn p9_a_late_record_is_stored_and_delivered_as_late_and_touches_nothing() {
    let rig = Rig::new();
    rig.define(|set| {
        set.put_geofence(circle(DEPOT, 0));
        set.put_rule(rule(1, RuleKind::GeofenceEnter {}, &[DEPOT]));
        set.put_rule(rule(2, RuleKind::DeviceAlarm { alarms: vec![] }, &[]));
    });
    rig.record(CAR, &record(100, away()));
    let mut late = record(50, at_depot());
    late.attributes.alarm(Alarm::Sos);
    rig.record(CAR, &late);
    rig.record(CAR, &record(100, at_depot()));
    let items = rig.published();
    let seen: Vec<_> = positions(&items).iter().map(|p| (p.fix_time, p.late)).collect();
    assert_eq!(seen, [(Some(START + 100 * SECOND), false), (Some(START + 50 * SECOND), true), (Some(START + 100 * SECOND), false)]);
    assert_eq!(told(&items), ["visit 0", "geofence_enter"], "from the third record: as new as the newest is in order");
    let latest = rig.latest(CAR).expect("a latest position");
    assert_eq!((latest.seq, latest.fix_time), (4, Some(START + 100 * SECOND)));
    let timeline: Vec<_> = rig.history(CAR).iter().map(|p| (p.fix_time, p.late)).collect();
    assert_eq!(timeline[0], (Some(START + 50 * SECOND), true), "in its place in the timeline");
    assert_eq!(timeline.len(), 3);
}

#[test]
fn p9_a_resend_is_shown_once_however_old_it_is() {
    let rig = Rig::with(|config| config.dedup_keys_per_device_max = 2);
    let records: Vec<_> = (0..6).map(|n| record(n * 10, away())).collect();
    for _ in 0..3 {
        for record in &records {
            rig.record(CAR, record);
        }
    }
    // The same time with another content, and the same content with another time, are other records.
    rig.record(CAR, &record(0, at_depot()));
    rig.record(CAR, &record(5, away()));
    // Without a time nothing can be said to be the same.
    let timeless = protocols::Record { fix_time: None, ..record(0, away()) };
    rig.record(CAR, &timeless);
    rig.record(CAR, &timeless);
    assert_eq!(positions(&rig.published()).len(), 6 + 2 + 2);
    assert_eq!(rig.history(CAR).len(), 6 + 2 + 2);
    let duplicates = (1..=rig.journal.committed()).filter(|seq| rig.handle.remarks().of(*seq).is_duplicate()).count();
    assert_eq!(duplicates, 12);
}

#[test]
fn flagged_time_never_moves_the_latest_position() {
    let rig = Rig::new();
    let at = |micros: Option<i64>| protocols::Record { fix_time: micros, ..record(0, away()) };
    let times = [Some(315_964_800_000_000), Some(START + 12 * 3_600 * SECOND), None, Some(START + SECOND), Some(START + 2 * SECOND)];
    for time in times {
        rig.record(CAR, &at(time));
    }
    let items = rig.published();
    let seen: Vec<_> = positions(&items).iter().map(|p| (p.time_flag, p.late)).collect();
    use TimeFlag::{Ancient, Future, Missing, Sound};
    assert_eq!(seen, [(Ancient, false), (Future, false), (Missing, false), (Sound, false), (Sound, false)]);
    assert_eq!(rig.latest(CAR).expect("a latest position").fix_time, times[4]);
}

#[test]
fn a_record_without_a_place_does_not_hide_the_last_place() {
    let rig = Rig::new();
    rig.record(CAR, &protocols::Record { fix: None, ..record(1, away()) });
    assert_eq!(rig.latest(CAR).expect("a latest").fix, None);
    rig.record(CAR, &record(2, away()));
    rig.record(CAR, &protocols::Record { fix: None, ..record(3, away()) });
    assert_eq!(rig.latest(CAR).expect("a latest").fix_time, Some(START + 2 * SECOND));
    rig.record(CAR, &record(2, at_depot()));
    assert_eq!(rig.latest(CAR).expect("a latest").fix_time, Some(START + 2 * SECOND), "older than the newest record: late");
}

#[test]
fn visits_and_alerts_come_in_order_and_can_be_asked_for_once_published() {
    let rig = Rig::new();
    rig.define(|set| {
        set.put_geofence(circle(DEPOT, 10));
        set.put_rule(rule(1, RuleKind::GeofenceEnter {}, &[DEPOT]));
        set.put_rule(rule(2, RuleKind::GeofenceExit {}, &[DEPOT]));
        set.put_rule(rule(3, RuleKind::Overspeed { faster_than_kmh: 50.0 }, &[DEPOT]));
    });
    for (at, place, speed) in [(0, away(), 90.0), (10, at_depot(), 60.0), (20, at_depot(), 60.0), (30, away(), 60.0), (40, away(), 0.0)] {
        let mut record = record(at, place);
        if let Some(fix) = &mut record.fix {
            fix.speed_kmh = Some(speed);
        }
        rig.record(CAR, &record);
    }
    let items = rig.published();
    assert_eq!(told(&items), ["overspeed", "visit 0", "geofence_enter", "visit 1", "geofence_exit"]);
    assert!(items.windows(2).all(|pair| pair[0].item().order() < pair[1].item().order()), "strictly in order");
    let events: Vec<_> = items.iter().filter(|i| matches!(i.item(), Item::Visit(_) | Item::Alert(_))).map(|i| i.item().clone()).collect();
    assert_eq!(rig.events(), events);
    let visits: Vec<_> = events.iter().filter_map(|e| if let Item::Visit(visit) = e { Some(visit) } else { None }).collect();
    assert_eq!(visits[0].id, visits[1].id);
    assert_eq!((visits[1].entered_at, visits[1].exited_at), (Some(START + 10 * SECOND), Some(START + 30 * SECOND)));
}

#[test]
fn an_invalid_fix_moves_nothing_into_a_geofence() {
    let rig = Rig::new();
    rig.define(|set| set.put_geofence(circle(DEPOT, 0)));
    let mut doubtful = record(1, at_depot());
    if let Some(fix) = &mut doubtful.fix {
        fix.valid = false;
    }
    rig.record(CAR, &doubtful);
    assert_eq!(told(&rig.published()), Vec::<String>::new());
}

#[test]
fn a_geofence_that_is_deleted_ends_its_visits_and_one_that_is_edited_judges_the_next_position() {
    let rig = Rig::new();
    rig.define(|set| {
        set.put_geofence(circle(DEPOT, 0));
        set.put_geofence(circle(GeofenceId(9), 0));
        set.put_rule(rule(1, RuleKind::GeofenceExit {}, &[DEPOT, GeofenceId(9)]));
    });
    rig.record(CAR, &record(1, at_depot()));
    rig.define(|set| set.put_geofence(crate::model::Geofence { name: "renamed".to_owned(), ..circle(DEPOT, 0) }));
    rig.record(CAR, &record(2, at_depot()));
    assert_eq!(told(&rig.published()), ["visit 0", "visit 0"]);
    rig.define(|set| set.remove_geofence(DEPOT));
    let items = rig.published();
    assert_eq!(told(&items), ["visit 0", "visit 0", "visit 1"], "it ends without an alert");
    let Some(Item::Visit(last)) = items.last().map(Shared::item) else { panic!("a visit") };
    assert_eq!((last.geofence, last.exited_at), (DEPOT, Some(START + 2 * SECOND)));
    let small = crate::model::Shape::Circle { center: crate::model::Point { latitude: 0.0, longitude: 0.0 }, radius_m: 1.0 };
    rig.define(|set| set.put_geofence(crate::model::Geofence { shape: small, ..circle(GeofenceId(9), 0) }));
    rig.record(CAR, &record(3, at_depot()));
    assert_eq!(told(&rig.published())[3..], ["visit 1", "geofence_exit"]);
}

#[test]
fn device_alarms_are_told_whatever_the_clock_says_and_from_heartbeats() {
    let rig = Rig::new();
    rig.define(|set| set.put_rule(rule(1, RuleKind::DeviceAlarm { alarms: vec!["sos".to_owned()] }, &[])));
    let mut sos = protocols::Record { fix_time: Some(315_964_800_000_000), ..record(0, away()) };
    sos.attributes.alarm(Alarm::Sos);
    rig.record(CAR, &sos);
    rig.record(CAR, &protocols::Record { fix_time: None, ..sos.clone() });
    rig.heartbeat(CAR, &sos.attributes);
    let items = rig.published();
    let alerts: Vec<_> = items.iter().filter_map(|i| if let Item::Alert(alert) = i.item() { Some(alert) } else { None }).collect();
    assert_eq!(alerts.iter().map(|a| (a.fix_time, a.latitude.is_some())).collect::<Vec<_>>(), [(None, false), (None, true), (None, false)]);
}

#[test]
fn ignition_is_as_of_the_newest_report() {
    let rig = Rig::new();
    rig.define(|set| {
        set.put_rule(rule(1, RuleKind::IgnitionOn {}, &[]));
        set.put_rule(rule(2, RuleKind::IgnitionOff {}, &[]));
        set.put_rule(rule(3, RuleKind::BatteryBelow { level_pct: 20.0 }, &[]));
    });
    let with = |at: i64, ignition: bool, battery: i64| {
        let mut record = record(at, away());
        record.attributes.set(Name::Ignition, Value::Bool(ignition));
        record.attributes.set(Name::BatteryLevelPct, Value::Int(battery));
        record
    };
    rig.record(CAR, &with(0, false, 90));
    rig.record(CAR, &with(1, true, 19));
    // As of now, which is later than the records that follow.
    rig.heartbeat(CAR, &with(0, false, 200).attributes);
    rig.record(CAR, &with(2, true, 90));
    assert_eq!(told(&rig.published()), ["ignition_on", "battery_below", "ignition_off"]);
}

#[test]
fn a_device_is_online_as_long_as_it_is_heard_of() {
    let rig = Rig::new();
    rig.define(|set| set.put_rule(rule(1, RuleKind::ConnectionLost { after_s: 60 }, &[])));
    let states = || -> Vec<Connection> {
        rig.published().iter().filter_map(|i| if let Item::DeviceState(state) = i.item() { Some(state.connection) } else { None }).collect()
    };
    rig.open_session(CAR, 1);
    rig.open_session(CAR, 2);
    rig.close_session(CAR, 1);
    assert_eq!(states(), [Connection::Online]);
    rig.close_session(CAR, 2);
    assert_eq!(states(), [Connection::Online, Connection::Offline]);
    rig.record(CAR, &record(1, away()));
    rig.wait_s(59);
    rig.tick();
    assert_eq!(told(&rig.published()), Vec::<String>::new());
    rig.wait_s(2);
    rig.tick();
    rig.tick();
    assert_eq!(told(&rig.published()), ["connection_lost"]);
    rig.wait_s(300);
    rig.tick();
    assert_eq!(states()[2..], [Connection::Online, Connection::Offline], "a datagram counts for a while");
    assert_eq!(rig.handle.latest().connection(CAR), Connection::Offline);
}

#[test]
fn connections_that_a_crash_cut_off_are_ended_at_the_next_start() {
    let rig = Rig::new();
    rig.open_session(CAR, 1);
    rig.settle();
    assert_eq!(rig.handle.latest().connection(CAR), Connection::Online);
    let rig = rig.restarted();
    rig.settle();
    assert_eq!(rig.handle.latest().connection(CAR), Connection::Offline);
    assert_eq!(rig.journal.committed(), 2);
}

#[test]
fn two_trackers_that_alternate_raise_one_alert() {
    let rig = Rig::new();
    for _ in 0..5 {
        rig.conflict(CAR);
    }
    let items = rig.published();
    let alerts: Vec<_> = items.iter().filter_map(|i| if let Item::Alert(alert) = i.item() { Some(alert) } else { None }).collect();
    assert_eq!(alerts.iter().map(|a| (a.kind, a.rule, a.order.seq)).collect::<Vec<_>>(), [(AlertKind::IdentityConflict, None, 3)]);
}

#[test]
fn p14_who_has_a_device_now_sees_nothing_of_before() {
    let rig = Rig::new();
    rig.define(|set| {
        set.put_geofence(circle(DEPOT, 0));
        set.put_geofence(crate::model::Geofence { account: AccountId(2), ..circle(GeofenceId(9), 0) });
        set.put_rule(crate::model::Rule { account: AccountId(2), ..rule(7, RuleKind::GeofenceEnter {}, &[GeofenceId(9), DEPOT]) });
    });
    rig.record(CAR, &record(100, at_depot()));
    assert_eq!(rig.latest(CAR).expect("a latest").account, ACCOUNT);
    rig.hand_over(CAR, AccountId(2), 2);
    rig.conflict(CAR);
    assert_eq!(rig.latest(CAR), None);
    rig.record(CAR, &record(50, at_depot()));
    let items = rig.published();
    assert_eq!(told(&items), ["visit 0", "visit 0", "geofence_enter"], "the visit of before is not told of any more");
    let latest = rig.latest(CAR).expect("a latest");
    assert_eq!((latest.account, latest.late, latest.fix_time), (AccountId(2), false, Some(START + 50 * SECOND)));
    let second = rig.events();
    let Some(Item::Alert(alert)) = second.last() else { panic!("an alert") };
    assert_eq!((alert.account, alert.rule, alert.geofence), (AccountId(2), Some(RuleId(7)), Some(GeofenceId(9))));
}
