//! What comes out of the machine, in recorded order.

use super::device::Device;
use super::remarks::Remark;
use crate::alert::Raised;
use crate::geofence::{Crossing, Ended};
use crate::history::{History, TailRow};
use crate::journal::Entry;
use crate::model::{
    AccountId, Alert, AlertKind, Connection, DeviceId, DeviceState, EventId, GeofenceId, Item, Micros, Order, Seq, Shared, Visit,
};

/// What some entries gave.
#[derive(Default)]
pub(super) struct Output {
    rows: Vec<TailRow>,
    /// Rows that history has already.
    rows_handed: usize,
    pub items: Vec<Shared>,
    /// Visits and alerts among the items.
    pub events: Vec<Shared>,
    /// What became the latest; `None`: the device changed hands, and nothing is known of it any more.
    pub latest: Vec<(DeviceId, Option<Shared>)>,
    pub remarks: Vec<(Seq, Remark)>,
    pub duplicates: u64,
    pub late: u64,
}

impl Output {
    pub(super) fn take_row(&mut self, row: TailRow) {
        self.late += u64::from(row.late);
        self.remarks.push((row.seq, Remark::of(row.late, row.time_flag)));
        self.rows.push(row);
    }

    /// Hands over the rows that history does not have yet.
    pub(super) fn hand_rows_to(&mut self, history: &History) {
        if let Some(rows) = self.rows.get(self.rows_handed..).filter(|rows| !rows.is_empty()) {
            history.append(rows);
            self.rows_handed = self.rows.len();
        }
    }

    pub(super) const fn rows_count(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.rows_handed = 0;
        self.items.clear();
        self.events.clear();
        self.latest.clear();
        self.remarks.clear();
        self.duplicates = 0;
        self.late = 0;
    }
}

/// Puts out what follows from one entry, and gives it its order.
pub(super) struct Emit<'a> {
    seq: Seq,
    recorded_at: Micros,
    ordinal: u32,
    identity: &'a [u8; 16],
    out: &'a mut Output,
}

impl<'a> Emit<'a> {
    pub(super) const fn new(entry: &Entry<'_>, identity: &'a [u8; 16], out: &'a mut Output) -> Self {
        Self { seq: entry.seq, recorded_at: entry.recorded_at, ordinal: 1, identity, out }
    }

    pub(super) const fn recorded_at(&self) -> Micros {
        self.recorded_at
    }

    pub(super) const fn next_order(&self) -> Order {
        Order { seq: self.seq, ordinal: self.ordinal }
    }

    const fn take_order(&mut self) -> Order {
        let order = self.next_order();
        self.ordinal += 1;
        order
    }

    pub(super) fn position(&mut self, item: Shared) {
        self.out.items.push(item);
    }

    pub(super) fn connection(&mut self, id: DeviceId, device: &mut Device, connection: Connection) {
        if device.connection == connection {
            return;
        }
        device.connection = connection;
        let state =
            DeviceState { order: self.take_order(), account: device.account, device: id, connection, recorded_at: self.recorded_at };
        let item = Shared::new(Item::DeviceState(state));
        device.state = Some(item.clone());
        self.out.latest.push((id, Some(item.clone())));
        self.out.items.push(item);
    }

    pub(super) fn visit(&mut self, device: DeviceId, account: AccountId, crossing: &Crossing) {
        let order = self.take_order();
        self.event(Item::Visit(Visit {
            id: EventId::of(self.identity, crossing.begun),
            revision: u32::from(crossing.exited.is_some()),
            order,
            recorded_at: self.recorded_at,
            account,
            device,
            geofence: crossing.geofence,
            entered_at: Some(crossing.entered.at),
            exited_at: crossing.exited.map(|exited| exited.at),
        }));
    }

    pub(super) fn ended(&mut self, device: DeviceId, account: AccountId, geofence: GeofenceId, ended: &Ended) {
        let order = self.take_order();
        self.event(Item::Visit(Visit {
            id: EventId::of(self.identity, ended.begun),
            revision: 1,
            order,
            recorded_at: self.recorded_at,
            account,
            device,
            geofence,
            entered_at: Some(ended.entered_at),
            exited_at: Some(ended.exited_at),
        }));
    }

    pub(super) fn alert(&mut self, device: DeviceId, account: AccountId, raised: &Raised) {
        let order = self.take_order();
        self.event(Item::Alert(Alert {
            id: EventId::of(self.identity, order),
            order,
            recorded_at: self.recorded_at,
            account,
            device,
            kind: raised.kind,
            rule: Some(raised.rule),
            geofence: raised.geofence,
            fix_time: raised.fix_time,
            latitude: raised.place.map(|place| place.latitude),
            longitude: raised.place.map(|place| place.longitude),
            value: raised.value,
            alarm: raised.alarm,
        }));
    }

    /// An alert that no rule asked for.
    pub(super) fn own_alert(&mut self, device: DeviceId, account: AccountId, kind: AlertKind) {
        let order = self.take_order();
        self.event(Item::Alert(Alert {
            id: EventId::of(self.identity, order),
            order,
            recorded_at: self.recorded_at,
            account,
            device,
            kind,
            rule: None,
            geofence: None,
            fix_time: None,
            latitude: None,
            longitude: None,
            value: None,
            alarm: None,
        }));
    }

    fn event(&mut self, item: Item) {
        let item = Shared::new(item);
        self.out.events.push(item.clone());
        self.out.items.push(item);
    }
}
