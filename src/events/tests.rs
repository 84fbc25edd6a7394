//! Over a real database file.

use super::*;
use crate::model::AlertKind;
use policy::RuleId;

fn visit(seq: u64, ordinal: u32, revision: u32, account: u32) -> Item {
    let begun = Order { seq: 1, ordinal };
    Item::Visit(Visit {
        id: EventId::of(&[7; 16], begun),
        revision,
        order: Order { seq, ordinal },
        recorded_at: 1_000 + seq.cast_signed(),
        account: AccountId(account),
        device: DeviceId(ordinal),
        geofence: GeofenceId(9),
        entered_at: Some(5),
        exited_at: (revision > 0).then_some(50 * i64::from(revision)),
    })
}

fn alert(seq: u64, ordinal: u32) -> Item {
    let order = Order { seq, ordinal };
    let is_rich = seq.is_multiple_of(2);
    Item::Alert(Alert {
        id: EventId::of(&[7; 16], order),
        order,
        recorded_at: 2_000 + seq.cast_signed(),
        account: AccountId(1),
        device: DeviceId(3),
        kind: if is_rich { AlertKind::DeviceAlarm } else { AlertKind::IdentityConflict },
        rule: is_rich.then_some(RuleId(4)),
        geofence: None,
        fix_time: is_rich.then_some(77),
        latitude: is_rich.then_some(52.5),
        longitude: is_rich.then_some(-13.0),
        value: None,
        alarm: is_rich.then_some(protocols::Alarm::Sos),
    })
}

fn shared(items: &[Item]) -> Vec<Shared> {
    items.iter().cloned().map(Shared::new).collect()
}

fn items(shared: &[Shared]) -> Vec<Item> {
    shared.iter().map(|s| s.item().clone()).collect()
}

const END: Order = Order { seq: u64::MAX >> 1, ordinal: u32::MAX };

#[tokio::test]
async fn whoever_reads_sees_what_was_handed_over_and_a_replay_adds_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let told = vec![visit(1, 1, 0, 1), visit(1, 2, 0, 2), alert(2, 1), alert(3, 1), visit(4, 1, 1, 1)];
    let events = Events::open(dir.path()).await.expect("opened");
    for _ in 0..2 {
        events.append(&shared(&told));
        assert_eq!(items(&events.since(None, Order::default(), END, 100).await.expect("read")), told);
    }
    events.close();
    drop(events);
    let events = Events::open(dir.path()).await.expect("opened again");
    events.append(&shared(&told));
    assert_eq!(items(&events.since(None, Order::default(), END, 100).await.expect("read")), told);
    let mine = events.since(Some(AccountId(1)), Order { seq: 1, ordinal: 1 }, Order { seq: 3, ordinal: 1 }, 100).await.expect("read");
    assert_eq!(items(&mine), told[2..4]);
    assert_eq!(events.since(None, Order::default(), END, 2).await.expect("read").len(), 2);
}

#[tokio::test]
async fn visits_and_alerts_are_found_by_what_is_asked() {
    let dir = tempfile::tempdir().expect("a folder");
    let events = Events::open(dir.path()).await.expect("opened");
    events.append(&shared(&[visit(1, 1, 0, 1), visit(1, 2, 0, 1), alert(2, 1), alert(3, 1), visit(4, 1, 1, 1), visit(5, 2, 1, 1)]));
    let all = EventQuery::all(100);
    let orders = async |query: EventQuery| -> Vec<(u64, u32)> {
        let visits = events.visits(AccountId(1), &query).await.expect("read");
        visits.iter().map(|v| (v.order.seq, v.order.ordinal)).collect()
    };
    assert_eq!(orders(all).await, [(1, 1), (1, 2), (4, 1), (5, 2)]);
    assert_eq!(orders(EventQuery { descending: true, ..all }).await, [(5, 2), (4, 1), (1, 2), (1, 1)]);
    let after = Some(Order { seq: 1, ordinal: 1 });
    assert_eq!(orders(EventQuery { after, rows_max: 2, ..all }).await, [(1, 2), (4, 1)]);
    let after = Some(Order { seq: 4, ordinal: 1 });
    assert_eq!(orders(EventQuery { after, descending: true, ..all }).await, [(1, 2), (1, 1)]);
    assert_eq!(orders(EventQuery { device: Some(DeviceId(2)), ..all }).await, [(1, 2), (5, 2)]);
    assert_eq!(orders(EventQuery { from: Some(6), to: Some(50), ..all }).await, [(4, 1), (5, 2)]);
    assert_eq!(orders(EventQuery { geofence: Some(GeofenceId(8)), ..all }).await, []);
    let alerts = events.alerts(AccountId(1), &all).await.expect("read");
    assert_eq!(alerts.into_iter().map(Item::Alert).collect::<Vec<_>>(), [alert(2, 1), alert(3, 1)]);
    assert_eq!(events.alerts(AccountId(2), &all).await.expect("read"), []);
    let id = EventId::of(&[7; 16], Order { seq: 1, ordinal: 1 });
    assert_eq!(events.event(id).await.expect("read"), Some(visit(4, 1, 1, 1)));
}

#[tokio::test]
async fn an_alert_is_acknowledged_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let events = Events::open(dir.path()).await.expect("opened");
    let (one, two) = (EventId(uuid::Uuid::from_u128(1)), EventId(uuid::Uuid::from_u128(2)));
    assert!(events.acknowledge(one, UserId(5), 10).await.expect("noted"));
    assert!(!events.acknowledge(one, UserId(6), 11).await.expect("noted before"));
    assert_eq!(events.acknowledged(&[one, two]).await.expect("read"), HashMap::from([(one, (UserId(5), 10))]));
}

#[tokio::test]
async fn many_are_written_in_few_transactions_and_in_order() {
    let dir = tempfile::tempdir().expect("a folder");
    let events = Events::open(dir.path()).await.expect("opened");
    let told: Vec<Item> = (1..=20_000).map(|seq| alert(seq, 1)).collect();
    for some in shared(&told).chunks(333) {
        events.append(some);
    }
    let writer = events.clone();
    tokio::task::spawn_blocking(move || writer.flush_blocking()).await.expect("joined").expect("flushed");
    let read = events.since(None, Order::default(), END, 30_000).await.expect("read");
    assert!(items(&read) == told, "{} of {}", read.len(), told.len());
}
