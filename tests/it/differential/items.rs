//! Observations of the specification as items of the product, and back.

use super::ids::Ids;
use policy::{AccountId, GeofenceId};
use purview::model::{Alert, AlertKind, EventId, Item, Order, Position, Shared, TimeFlag, Visit};
use spec::{AlertView, Id, Observation, Seen, Spot, VisitView};

/// Of which device.
pub fn device(observation: &Observation) -> Id {
    match observation {
        Observation::Position(it) => it.device,
        Observation::Visit(it) => it.device,
        Observation::Alert(it) => it.device,
    }
}

/// The item that the pipeline would make of it.
pub fn item(account: AccountId, observation: &Observation, order: Order, ids: &Ids) -> Item {
    match *observation {
        Observation::Position(it) => Item::Position(Position {
            seq: it.seq,
            account,
            device: ids.device(it.device),
            fix_time: it.fix_time,
            received_at: it.recorded_at,
            recorded_at: it.recorded_at,
            fix: None,
            attributes: protocols::Attributes::default(),
            late: false,
            time_flag: if it.fix_time.is_none() { TimeFlag::Missing } else { TimeFlag::Sound },
        }),
        Observation::Visit(it) => Item::Visit(Visit {
            id: visit_id(&it),
            revision: u32::from(it.exited.is_some()),
            order,
            recorded_at: it.recorded_at,
            account,
            device: ids.device(it.device),
            geofence: geofence(it.spot, ids),
            entered_at: Some(it.entered),
            exited_at: it.exited,
        }),
        Observation::Alert(it) => Item::Alert(Alert {
            id: EventId(uuid::Uuid::from_u128(u128::from(it.seq))),
            order,
            recorded_at: it.recorded_at,
            account,
            device: ids.device(it.device),
            kind: kind(&it),
            rule: it.rule.map(|it| ids.rule(it)),
            geofence: it.spot.map(|it| geofence(it, ids)),
            fix_time: Some(it.to),
            latitude: None,
            longitude: None,
            value: stay(&it),
            alarm: None,
        }),
    }
}

/// An alert that tells of a span is one about a stay: so long in a geofence, up to its fix time.
fn kind(alert: &spec::Alert) -> AlertKind {
    match (alert.exit, alert.from < alert.to, alert.spot) {
        (true, _, _) => AlertKind::GeofenceExit,
        (false, true, _) => AlertKind::GeofenceStay,
        (false, false, Some(_)) => AlertKind::GeofenceEnter,
        (false, false, None) => AlertKind::Overspeed,
    }
}

#[expect(clippy::cast_precision_loss, reason = "whole seconds of a few days")]
fn stay(alert: &spec::Alert) -> Option<f64> {
    (kind(alert) == AlertKind::GeofenceStay).then(|| ((alert.to - alert.from) / 1_000_000) as f64)
}

/// A visit is the same in all of its tellings.
fn visit_id(visit: &spec::Visit) -> EventId {
    let (Spot::Geofence(spot) | Spot::Place(spot)) = visit.spot;
    let whose = u128::from(visit.device) << 32 | u128::from(spot);
    EventId(uuid::Uuid::from_u128(whose << 64 | u128::from(visit.entered.cast_unsigned())))
}

fn geofence(spot: Spot, ids: &Ids) -> GeofenceId {
    match spot {
        Spot::Geofence(id) | Spot::Place(id) => ids.geofence(id),
    }
}

/// What a viewer is told by an item in its form, as the specification would put it.
pub fn seen(shared: &Shared, ids: &Ids) -> Seen {
    match (shared.item(), shared.visit()) {
        (_, Some(it)) => Seen::Visit(VisitView {
            device: ids.devices.back(it.device.0),
            spot: Spot::Geofence(ids.geofences.back(it.geofence.0)),
            entered: it.entered_at,
            exited: it.exited_at,
            length: it.entered_at.zip(it.exited_at).map(|(entered, exited)| exited - entered),
            seq: it.order.seq,
        }),
        (Item::Alert(it), _) => {
            let to = it.fix_time.unwrap_or(it.recorded_at);
            #[expect(clippy::cast_possible_truncation, reason = "whole seconds of a few days")]
            let stay = it.value.filter(|_| it.kind == AlertKind::GeofenceStay).map_or(0, |seconds| seconds as i64 * 1_000_000);
            Seen::Alert(AlertView {
                device: ids.devices.back(it.device.0),
                spot: it.geofence.map(|it| Spot::Geofence(ids.geofences.back(it.0))),
                rule: it.rule.map(|it| ids.rules.back(it.0)),
                from: to - stay,
                to,
                seq: it.order.seq,
            })
        }
        (Item::Position(it), _) => Seen::Position(spec::Position {
            device: ids.devices.back(it.device.0),
            fix_time: it.fix_time,
            seq: it.seq,
            recorded_at: it.recorded_at,
        }),
        (Item::Visit(_) | Item::DeviceState(_), _) => unreachable!("not made here"),
    }
}
