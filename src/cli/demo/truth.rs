//! What was recorded, read back from where it is kept: positions from history, visits and alerts from the events.

use super::compare::{Key, Recorded};
use super::scene::Scene;
use crate::cli::Failure;
use crate::events::EventQuery;
use crate::gateway::Gateway;
use crate::history::PageKey;
use crate::model::{Alert, AlertKind, DeviceId, Micros, Position, PublicId, Visit};
use policy::Range;
use spec::{Observation, Spot};
use std::collections::BTreeMap;

const PAGE_ROWS: usize = 1_000;
const EVENTS_MAX: usize = 10_000_000;

/// All that was recorded.
pub(super) struct Truth {
    /// Of each device of the fleet, in its order.
    pub positions: Vec<Vec<Position>>,
    /// Positions, visits and alerts in recorded order.
    pub recorded: Vec<Recorded>,
    /// Visits that began.
    pub visits: u64,
    /// Alerts.
    pub alerts: u64,
}

impl Truth {
    /// Reads it.
    pub(super) async fn gather(gateway: &Gateway, scene: &Scene) -> Result<Self, Failure> {
        let public: BTreeMap<DeviceId, PublicId> = scene.devices.iter().copied().collect();
        let mut positions = Vec::with_capacity(scene.devices.len());
        for (device, _) in &scene.devices {
            let (history, device) = (gateway.history().clone(), *device);
            positions.push(tokio::task::spawn_blocking(move || whole(&history, device)).await??);
        }
        let query = EventQuery::all(EVENTS_MAX);
        let visits = gateway.events().visits(scene.account, &query).await?;
        let alerts = gateway.events().alerts(scene.account, &query).await?;
        let mut recorded: Vec<(u32, Recorded)> = Vec::new();
        for position in positions.iter().flatten() {
            let device = public.get(&position.device).copied().ok_or("a position of a device that is none of ours")?;
            recorded.push((0, of_position(position, device)));
        }
        recorded.extend(visits.iter().filter_map(|visit| Some((visit.order.ordinal, of_visit(visit)?))));
        recorded.extend(alerts.iter().map(|alert| (alert.order.ordinal, of_alert(alert))));
        recorded.sort_by_key(|(ordinal, thing)| (thing.seq(), *ordinal));
        Ok(Self {
            positions,
            recorded: recorded.into_iter().map(|(_, thing)| thing).collect(),
            visits: visits.iter().filter(|visit| visit.revision == 0).count() as u64,
            alerts: alerts.len() as u64,
        })
    }

    /// Rows in history: every distinct record that is durable.
    pub(super) fn durable(&self) -> u64 {
        self.positions.iter().map(|rows| rows.len() as u64).sum()
    }
}

fn whole(history: &crate::history::History, device: DeviceId) -> Result<Vec<Position>, crate::history::HistoryError> {
    let everything = Range { from: Micros::MIN, to: Micros::MAX };
    let mut rows: Vec<Position> = Vec::new();
    loop {
        let page = history.page(device, everything, rows.last().map(PageKey::of), PAGE_ROWS, false)?;
        let is_last = page.len() < PAGE_ROWS;
        rows.extend(page);
        if is_last {
            return Ok(rows);
        }
    }
}

fn of_position(it: &Position, device: PublicId) -> Recorded {
    let key = Key::Position { device, fix_time: it.fix_time, recorded_at: it.recorded_at };
    let position = spec::Position { device: it.device.0, fix_time: it.fix_time, seq: it.seq, recorded_at: it.recorded_at };
    Recorded { key, observation: Observation::Position(position) }
}

fn of_visit(it: &Visit) -> Option<Recorded> {
    let entered = it.entered_at?;
    let visit = spec::Visit {
        device: it.device.0,
        spot: Spot::Geofence(it.geofence.0),
        entered,
        exited: it.exited_at,
        known_until: it.exited_at.unwrap_or(entered),
        seq: it.order.seq,
        recorded_at: it.recorded_at,
    };
    let key = Key::Visit { id: it.id.0, revision: it.revision, clipped: false };
    Some(Recorded { key, observation: Observation::Visit(visit) })
}

fn of_alert(it: &Alert) -> Recorded {
    let to = it.fix_time.unwrap_or(it.recorded_at);
    let span = it.value.filter(|_| matches!(it.kind, AlertKind::GeofenceStay | AlertKind::ConnectionLost)).unwrap_or(0.0);
    let alert = spec::Alert {
        device: it.device.0,
        spot: it.geofence.map(|geofence| Spot::Geofence(geofence.0)),
        rule: it.rule.map(|rule| rule.0),
        from: to - (span * 1e6) as Micros,
        to,
        exit: it.kind == AlertKind::GeofenceExit,
        seq: it.order.seq,
        recorded_at: it.recorded_at,
    };
    Recorded { key: Key::Alert { id: it.id.0 }, observation: Observation::Alert(alert) }
}
