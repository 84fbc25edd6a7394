//! The computation itself: entries in recorded order in, items in recorded order out. It reads no clock, and what it reads from outside
//! (the definitions of a version, what history holds of before) does not change: the same entries give the same items.

use super::Limits;
use super::device::Device;
use super::latest::replaces;
use super::output::{Emit, Output};
use super::recent::{Key, Known, content_hash};
use super::remarks::Remark;
use crate::alert::{Moved, Raised, Rulebook, Seen, judge};
use crate::geofence::{Crossing, Fences, Reading};
use crate::history::{History, TailRow};
use crate::journal::{Entry, EntryKind, RecordRef};
use crate::model::{
    AccountId, AlertKind, Connection, DefinitionSet, Definitions, DeviceId, GeofenceId, Item, Micros, Point, Seq, Shared, TimeFlag,
};
use protocols::{Alarm, AttributeIter, Key as AttributeKey, Name, Value};
use std::sync::Arc;

/// Times before 2005 are those of clocks that were never set.
const ANCIENT_BEFORE: Micros = 1_104_537_600_000_000;

/// What devices are judged with.
pub(super) struct World {
    pub limits: Limits,
    pub set: Arc<DefinitionSet>,
    pub fences: Fences,
    pub rulebook: Rulebook,
}

/// Room that is used again for each entry.
#[derive(Default)]
struct Scratch {
    inside: Vec<GeofenceId>,
    crossings: Vec<Crossing>,
    raised: Vec<Raised>,
    alarms: Vec<Alarm>,
}

/// What attributes report besides what is kept.
#[derive(Clone, Copy, Default)]
struct Reports {
    ignition: Option<bool>,
    battery_pct: Option<f64>,
}

/// Everything that is computed, as of one entry.
pub(super) struct Machine {
    pub world: World,
    pub devices: Vec<Option<Box<Device>>>,
    /// Resends of devices that were never met may be as old as this.
    pub floor: Option<Micros>,
    scratch: Scratch,
}

impl Machine {
    pub(super) fn new(limits: Limits, set: Arc<DefinitionSet>, floor: Option<Micros>) -> Self {
        let mut rulebook = Rulebook::default();
        report(&rulebook.switch(&set));
        let fences = Fences::new(&set);
        Self { world: World { limits, set, fences, rulebook }, devices: Vec::new(), floor, scratch: Scratch::default() }
    }

    /// Takes the next entry.
    pub(super) fn step(&mut self, entry: &Entry<'_>, history: &History, definitions: &dyn Definitions, out: &mut Output) {
        match entry.kind {
            EntryKind::Record(record) => self.record(entry, &record, history, out),
            EntryKind::Heartbeat { device, account, generation, received_at, attributes } => {
                self.heartbeat(entry, (device, account, generation), received_at, attributes, out);
            }
            EntryKind::SessionOpened { device: id, account, generation, connection, .. } => {
                let device = device_in(&mut self.devices, self.floor, id, account, generation, out);
                device.open_session(connection);
                device.heard_at = Some(entry.recorded_at);
                Emit::new(entry, &self.world.limits.identity, out).connection(id, device, Connection::Online);
            }
            EntryKind::SessionClosed { device: id, account, generation, connection, .. } => {
                let device = device_in(&mut self.devices, self.floor, id, account, generation, out);
                if device.close_session(connection) {
                    Emit::new(entry, &self.world.limits.identity, out).connection(id, device, Connection::Offline);
                }
            }
            EntryKind::Conflict { device: id, account, generation, received_at } => {
                let device = device_in(&mut self.devices, self.floor, id, account, generation, out);
                let limits = &self.world.limits;
                if device.hands.change(received_at, limits.conflict_changes, limits.conflict_window) {
                    Emit::new(entry, &limits.identity, out).own_alert(id, account, AlertKind::IdentityConflict);
                }
            }
            EntryKind::Tick { at } => self.tick(entry, at, out),
            EntryKind::Changed { version } => self.changed(entry, version, definitions, out),
            EntryKind::Undecoded { .. } => {}
        }
    }

    /// The connections that are open as far as is known.
    pub(super) fn open_sessions(&self) -> impl Iterator<Item = (DeviceId, &Device, u64)> {
        self.known_devices().flat_map(|(id, device)| device.sessions.iter().map(move |connection| (id, device, *connection)))
    }

    pub(super) fn known_devices(&self) -> impl Iterator<Item = (DeviceId, &Device)> {
        (0_u32..).zip(&self.devices).filter_map(|(id, device)| Some((DeviceId(id), device.as_deref()?)))
    }

    pub(super) fn put_device(&mut self, id: DeviceId, device: Device) {
        let place = id.0 as usize;
        if place >= self.devices.len() {
            self.devices.resize_with(place + 1, || None);
        }
        if let Some(slot) = self.devices.get_mut(place) {
            *slot = Some(Box::new(device));
        }
    }

    fn record(&mut self, entry: &Entry<'_>, record: &RecordRef<'_>, history: &History, out: &mut Output) {
        let id = record.device;
        let limits = &self.world.limits;
        let device = device_in(&mut self.devices, self.floor, id, record.account, record.generation, out);
        device.heard_at = Some(entry.recorded_at);
        let time_flag = flag(record.fix_time, entry.recorded_at, limits.future_tolerance);
        if let Some(fix_time) = record.fix_time {
            let key = Key { fix_time, content: content_hash(record.fix.as_ref(), record.attributes) };
            let is_resend = match device.recent.knows(key) {
                Known::Yes => true,
                Known::No => false,
                Known::Forgotten => is_held(history, id, record, entry.seq, out),
            };
            if is_resend {
                out.duplicates += 1;
                out.remarks.push((entry.seq, Remark::DUPLICATE));
                return Emit::new(entry, &limits.identity, out).connection(id, device, Connection::Online);
            }
            device.recent.note(key, limits.dedup_keys_max);
        }
        let sound_time = record.fix_time.filter(|_| time_flag == TimeFlag::Sound);
        let late = sound_time.is_some_and(|time| device.newest.is_some_and(|newest| time < newest));
        let mut position = record.to_position(entry.seq, entry.recorded_at);
        position.late = late;
        position.time_flag = time_flag;
        out.take_row(TailRow {
            device: id,
            account: record.account,
            history_time: position.history_time(),
            seq: entry.seq,
            recorded_at: entry.recorded_at,
            locator: entry.locator,
            late,
            time_flag,
        });
        let in_order = sound_time.filter(|_| !late);
        let becomes_latest = in_order.is_some() && replaces(&position, device.latest.as_ref());
        let item = Shared::new(Item::Position(position));
        if becomes_latest {
            device.latest = Some(item.clone());
            out.latest.push((id, Some(item.clone())));
        }
        let mut emit = Emit::new(entry, &limits.identity, out);
        emit.position(item);
        emit.connection(id, device, Connection::Online);
        if let Some(time) = in_order {
            device.newest = Some(time);
        }
        if !late {
            judge_record(&self.world, &mut self.scratch, (id, device), record, (in_order, time_flag), &mut emit);
        }
    }

    fn heartbeat(
        &mut self,
        entry: &Entry<'_>,
        (id, account, generation): (DeviceId, AccountId, u32),
        received_at: Micros,
        attributes: &[u8],
        out: &mut Output,
    ) {
        let device = device_in(&mut self.devices, self.floor, id, account, generation, out);
        device.heard_at = Some(entry.recorded_at);
        let mut emit = Emit::new(entry, &self.world.limits.identity, out);
        emit.connection(id, device, Connection::Online);
        if attributes.is_empty() {
            return;
        }
        let reports = scan(attributes, &mut self.scratch.alarms);
        let seen = Seen { at: entry.recorded_at, ..learn(device, reports, received_at, &self.scratch.alarms) };
        judge_rules(&self.world, id, device, &seen, &mut self.scratch.raised, &mut emit);
    }

    fn tick(&mut self, entry: &Entry<'_>, at: Micros, out: &mut Output) {
        let limits = &self.world.limits;
        let mut emit = Emit::new(entry, &limits.identity, out);
        for (id, slot) in (0_u32..).zip(&mut self.devices) {
            let Some(device) = slot.as_deref_mut().filter(|d| d.connection == Connection::Online) else { continue };
            let silence = at.saturating_sub(device.heard_at.unwrap_or(at));
            let silence_max = if device.sessions.is_empty() { limits.datagram_online } else { limits.session_silence };
            if silence > silence_max {
                device.sessions.clear();
                emit.connection(DeviceId(id), device, Connection::Offline);
            }
        }
        for id in self.world.rulebook.watched_for_silence() {
            let Some(Some(device)) = self.devices.get_mut(id.0 as usize) else { continue };
            let seen = Seen { at, heard_at: device.heard_at, ..Seen::nothing(at) };
            judge_rules(&self.world, id, device, &seen, &mut self.scratch.raised, &mut emit);
        }
    }

    /// The version of the definitions in force.
    pub(super) fn version(&self) -> u64 {
        self.world.set.version
    }

    fn changed(&mut self, entry: &Entry<'_>, version: u64, definitions: &dyn Definitions, out: &mut Output) {
        if version == self.world.set.version {
            return;
        }
        let Some(set) = definitions.at(version) else {
            tracing::error!(version, "pipeline: a version of the definitions is not kept any more; the one before stays in force");
            return;
        };
        let gone = self.world.fences.switch(&set);
        let switched = self.world.rulebook.switch(&set);
        report(&switched);
        self.world.set = set;
        for (id, rule) in switched.ended {
            if let Some(Some(device)) = self.devices.get_mut(id.0 as usize) {
                device.rules.retain(|state| state.rule != rule);
            }
        }
        if gone.is_empty() {
            return;
        }
        let mut emit = Emit::new(entry, &self.world.limits.identity, out);
        for (id, slot) in (0_u32..).zip(&mut self.devices) {
            let Some(device) = slot.as_deref_mut().filter(|d| !d.presence.stays().is_empty()) else { continue };
            for &geofence in &gone {
                if let Some(ended) = device.presence.end(geofence, device.newest.unwrap_or(entry.recorded_at)) {
                    emit.ended(DeviceId(id), device.account, geofence, &ended);
                }
            }
        }
    }
}

/// Whether history holds a record. What it cannot say counts as new: shown twice is better than lost.
fn is_held(history: &History, id: DeviceId, record: &RecordRef<'_>, before: Seq, out: &mut Output) -> bool {
    out.hand_rows_to(history);
    history.holds(id, record, before).unwrap_or_else(|error| {
        tracing::error!(%error, seq = before, "pipeline: whether a record is a resend cannot be found out");
        false
    })
}

/// A device as one holder has it. With another account it begins anew: who has it now sees nothing of before (P14).
fn device_in<'d>(
    devices: &'d mut Vec<Option<Box<Device>>>,
    floor: Option<Micros>,
    id: DeviceId,
    account: AccountId,
    generation: u32,
    out: &mut Output,
) -> &'d mut Device {
    let place = id.0 as usize;
    if place >= devices.len() {
        devices.resize_with(place + 1, || None);
    }
    let slot = &mut devices[place];
    if let Some(device) = slot.as_deref_mut() {
        if device.account != account {
            out.latest.push((id, None));
            *device = Device::new(account, generation, None);
        } else if device.generation != generation {
            device.generation = generation;
            device.sessions.clear();
        }
    }
    slot.get_or_insert_with(|| Box::new(Device::new(account, generation, floor)))
}

/// A record that is not late, by geofences (if it has its place in the order of fix times) and rules.
fn judge_record(
    world: &World,
    scratch: &mut Scratch,
    (id, device): (DeviceId, &mut Device),
    record: &RecordRef<'_>,
    (in_order, time_flag): (Option<Micros>, TimeFlag),
    emit: &mut Emit<'_>,
) {
    let reports = scan(record.attributes, &mut scratch.alarms);
    let place = record.fix.map(|fix| Point { latitude: fix.latitude.degrees(), longitude: fix.longitude.degrees() });
    scratch.crossings.clear();
    scratch.inside.clear();
    let known = match (in_order, time_flag) {
        (Some(time), _) => learn(device, reports, time, &scratch.alarms),
        (None, TimeFlag::Missing) => learn(device, reports, record.received_at, &scratch.alarms),
        _ => Seen { alarms: &scratch.alarms, ..Seen::nothing(emit.recorded_at()) },
    };
    // A clock that was never set says nothing of when; what names a time of 1980 would be shown to nobody.
    let is_told = time_flag != TimeFlag::Ancient;
    let mut seen = Seen {
        at: in_order.unwrap_or(emit.recorded_at()),
        fix_time: record.fix_time.filter(|_| is_told),
        place: place.filter(|_| is_told),
        ..known
    };
    let moved_to = in_order.zip(place).zip(record.fix.filter(|fix| fix.valid));
    if let Some(((at, place), fix)) = moved_to {
        if let Some(fences) = world.fences.of(device.account) {
            fences.inside(place, &mut scratch.inside);
            let dwell = |geofence| fences.dwell(geofence);
            device.presence.update(Reading { at, place }, &scratch.inside, dwell, emit.next_order(), &mut scratch.crossings);
        } else if !device.presence.stays().is_empty() {
            device.presence.update(Reading { at, place }, &[], |_| 0, emit.next_order(), &mut scratch.crossings);
        }
        for crossing in &scratch.crossings {
            emit.visit(id, device.account, crossing);
        }
        seen.moved =
            Some(Moved { speed_kmh: fix.speed_kmh.map(f64::from), inside: &scratch.inside, crossings: &scratch.crossings, stays: &[] });
    }
    // The stays are borrowed from the device, whose rule states change meanwhile.
    let Device { presence, rules, account, .. } = device;
    if let Some(moved) = &mut seen.moved {
        moved.stays = presence.stays();
    }
    judge_with(world, id, *account, rules, &seen, &mut scratch.raised, emit);
}

fn judge_rules(world: &World, id: DeviceId, device: &mut Device, seen: &Seen<'_>, raised: &mut Vec<Raised>, emit: &mut Emit<'_>) {
    judge_with(world, id, device.account, &mut device.rules, seen, raised, emit);
}

fn judge_with(
    world: &World,
    id: DeviceId,
    account: AccountId,
    states: &mut Vec<crate::alert::RuleState>,
    seen: &Seen<'_>,
    raised: &mut Vec<Raised>,
    emit: &mut Emit<'_>,
) {
    let Some(rules) = world.rulebook.of(id) else { return };
    judge(rules, account, seen, states, raised);
    for found in raised.drain(..) {
        emit.alert(id, account, &found);
    }
}

/// What reports on ignition and battery change, as of a time.
fn learn<'a>(device: &mut Device, reports: Reports, as_of: Micros, alarms: &'a [Alarm]) -> Seen<'a> {
    Seen {
        alarms,
        ignition: reports.ignition.and_then(|on| device.ignition_is(on, as_of)),
        battery_pct: reports.battery_pct.filter(|_| device.battery_is_as_of(as_of)),
        ..Seen::nothing(as_of)
    }
}

fn scan(attributes: &[u8], alarms: &mut Vec<Alarm>) -> Reports {
    alarms.clear();
    let mut reports = Reports::default();
    for (key, value) in AttributeIter::over(attributes) {
        match (key, value) {
            (AttributeKey::Named(Name::Alarm, _), Value::Alarm(alarm)) => alarms.push(alarm),
            (AttributeKey::Named(Name::Ignition, 0), Value::Bool(on)) => reports.ignition = Some(on),
            (AttributeKey::Named(Name::BatteryLevelPct, 0), value) => {
                reports.battery_pct = value.as_f64().filter(|percent| (0.0..=100.0).contains(percent));
            }
            _ => {}
        }
    }
    reports
}

/// What is wrong with a record's time.
fn flag(fix_time: Option<Micros>, recorded_at: Micros, tolerance: Micros) -> TimeFlag {
    match fix_time {
        None => TimeFlag::Missing,
        Some(time) if time < ANCIENT_BEFORE => TimeFlag::Ancient,
        Some(time) if time > recorded_at.saturating_add(tolerance) => TimeFlag::Future,
        Some(_) => TimeFlag::Sound,
    }
}

fn report(switched: &crate::alert::Switched) {
    for broken in &switched.broken {
        tracing::error!(rule = broken.rule.0, reason = broken.reason, "pipeline: a rule cannot be in force");
    }
}
