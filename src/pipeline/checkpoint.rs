//! The state of the machine as of an entry, in a file: after a start the journal is replayed from there, and not from its beginning.
//!
//! ```text
//! file    = "PVCHECK1", journal identity [16], seq u64, definitions u64, floor time?, devices, history's marks, crc32 u32
//!           ; little endian
//! time?   = 0 u8 / 1 u8, i64                                                ; and so for whatever is optional
//! device  = id u32, account u32, generation u32, newest time?, heard time?, connection u8,
//!           sessions, hands, ignition, battery, keys, stays, rules, latest, state          ; each list: count u32, its elements
//! ```

use super::device::{Device, Hands, Known};
use super::machine::Machine;
use super::recent::{Key, Recent};
use crate::alert::RuleState;
use crate::geofence::{Presence, Reading, Stay};
use crate::model::{
    AccountId, Connection, DeviceId, DeviceState, GeofenceId, Item, Micros, Order, Point, Position, RuleId, Seq, Shared, TimeFlag,
};
use protocols::{Attributes, Fix, Latitude, Longitude};
use std::io;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"PVCHECK1";

/// Keys by which resends are recognised, for one device; what is left out is looked up in history.
const KEYS_MAX: usize = 64;

/// Checkpoints that are kept: the newest, and one in case it does not read.
const KEPT: usize = 2;

/// A checkpoint that was read.
pub(super) struct Restored {
    /// The last entry that it knows of.
    pub seq: Seq,
    /// The definitions in force.
    pub version: u64,
    /// See [`Machine`].
    pub floor: Option<Micros>,
    pub devices: Vec<(DeviceId, Device)>,
    /// What history has to know of its unsealed rows.
    pub marks: Vec<u8>,
}

/// Writes a file so that it is there whole or not at all, and stays.
pub(super) fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let half_written = path.with_extension("new");
    let mut file = std::fs::File::create(&half_written)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&half_written, path)?;
    path.parent().map_or(Ok(()), |folder| std::fs::File::open(folder)?.sync_all())
}

/// Writes the checkpoint of `seq`, and drops those that are no longer needed.
pub(super) fn save(dir: &Path, seq: Seq, machine: &Machine, marks: &[u8]) -> io::Result<()> {
    let bytes = encode(seq, machine, marks);
    write_durably(&dir.join(format!("{seq:020}.checkpoint")), &bytes)?;
    for old in files(dir)?.into_iter().skip(KEPT) {
        std::fs::remove_file(old)?;
    }
    Ok(())
}

/// The newest checkpoint that reads, is of this journal and has its entries; each that does not is reported.
pub(super) fn load(dir: &Path, identity: &[u8; 16], oldest: Seq, committed: Seq) -> io::Result<Option<Restored>> {
    for path in files(dir)? {
        match decode(&std::fs::read(&path)?, identity) {
            Some(restored) if restored.seq > committed || restored.seq + 1 < oldest => {
                tracing::error!(path = %path.display(), seq = restored.seq, oldest, committed, "pipeline: a checkpoint of other entries");
            }
            Some(restored) => return Ok(Some(restored)),
            None => tracing::error!(path = %path.display(), "pipeline: a checkpoint does not read"),
        }
    }
    Ok(None)
}

/// Newest first.
fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for file in std::fs::read_dir(dir)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "checkpoint") {
            files.push(path);
        }
    }
    files.sort_unstable_by(|a, b| b.cmp(a));
    Ok(files)
}

fn encode(seq: Seq, machine: &Machine, marks: &[u8]) -> Vec<u8> {
    let mut to = Writer(MAGIC.to_vec());
    to.0.extend_from_slice(&machine.world.limits.identity);
    to.u64(seq);
    to.u64(machine.version());
    to.time(machine.floor);
    let devices: Vec<_> = machine.known_devices().collect();
    to.list(devices.into_iter(), |to, (id, device)| put_device(to, id, device));
    to.bytes(marks);
    let crc = crc32fast::hash(&to.0);
    to.u32(crc);
    to.0
}

fn decode(bytes: &[u8], identity: &[u8; 16]) -> Option<Restored> {
    let (bytes, crc) = bytes.split_last_chunk::<4>()?;
    if crc32fast::hash(bytes) != u32::from_le_bytes(*crc) {
        return None;
    }
    let mut from = Source(bytes.strip_prefix(MAGIC)?.strip_prefix(identity)?);
    let (seq, version, floor) = (from.u64()?, from.u64()?, from.time()?);
    let devices = from.list(take_device)?;
    let marks = from.bytes()?.to_vec();
    from.0.is_empty().then_some(Restored { seq, version, floor, devices, marks })
}

fn put_device(to: &mut Writer, id: DeviceId, device: &Device) {
    to.u32(id.0);
    to.u32(device.account.0);
    to.u32(device.generation);
    to.time(device.newest);
    to.time(device.heard_at);
    to.u8(connection_number(device.connection));
    to.list(device.sessions.iter(), |to, connection| to.u64(*connection));
    to.list(device.hands.changes.iter(), |to, at| to.i64(*at));
    to.time(device.hands.told);
    to.time(device.ignition.map(|known| known.as_of));
    to.u8(u8::from(device.ignition.is_some_and(|known| known.on)));
    to.time(device.battery_as_of);
    let (keys, floor) = device.recent.newest(KEYS_MAX);
    to.list(keys, |to, key| {
        to.i64(key.fix_time);
        to.u64(key.content);
    });
    to.time(floor);
    to.list(device.presence.stays().iter(), put_stay);
    to.list(device.rules.iter(), |to, state| {
        to.u32(state.rule.0);
        to.u64(state.version);
        to.time(state.told);
        to.list(state.told_in.iter(), |to, geofence| to.u32(geofence.0));
    });
    to.list(device.latest.iter(), |to, item| {
        if let Item::Position(position) = item.item() {
            put_position(to, position);
        }
    });
    to.list(device.state.iter(), |to, item| {
        if let Item::DeviceState(state) = item.item() {
            put_order(to, state.order);
            to.u8(connection_number(state.connection));
            to.i64(state.recorded_at);
        }
    });
}

fn take_device(from: &mut Source<'_>) -> Option<(DeviceId, Device)> {
    let id = DeviceId(from.u32()?);
    let account = AccountId(from.u32()?);
    let mut device = Device::new(account, from.u32()?, None);
    device.newest = from.time()?;
    device.heard_at = from.time()?;
    device.connection = connection_of(from.u8()?)?;
    device.sessions = from.list(Source::u64)?;
    device.hands = Hands { changes: from.list(Source::i64)?, told: from.time()? };
    let ignition_as_of = from.time()?;
    let on = from.u8()? != 0;
    device.ignition = ignition_as_of.map(|as_of| Known { on, as_of });
    device.battery_as_of = from.time()?;
    let keys = from.list(|from| Some(Key { fix_time: from.i64()?, content: from.u64()? }))?;
    device.recent = Recent::from_keys(keys, from.time()?);
    device.presence = Presence::from_stays(from.list(take_stay)?);
    device.rules = from.list(|from| {
        let (rule, version, told) = (RuleId(from.u32()?), from.u64()?, from.time()?);
        Some(RuleState { rule, version, told, told_in: from.list(|from| Some(GeofenceId(from.u32()?)))? })
    })?;
    let latest = from.list(|from| take_position(from, account, id))?;
    device.latest = latest.into_iter().next().map(|position| Shared::new(Item::Position(position)));
    let state = from.list(|from| {
        let (order, connection) = (take_order(from)?, connection_of(from.u8()?)?);
        Some(DeviceState { order, account, device: id, connection, recorded_at: from.i64()? })
    })?;
    device.state = state.into_iter().next().map(|state| Shared::new(Item::DeviceState(state)));
    Some((id, device))
}

fn put_order(to: &mut Writer, order: Order) {
    to.u64(order.seq);
    to.u32(order.ordinal);
}

fn take_order(from: &mut Source<'_>) -> Option<Order> {
    Some(Order { seq: from.u64()?, ordinal: from.u32()? })
}

fn put_reading(to: &mut Writer, reading: &Reading) {
    to.i64(reading.at);
    to.f64(reading.place.latitude);
    to.f64(reading.place.longitude);
}

fn take_reading(from: &mut Source<'_>) -> Option<Reading> {
    Some(Reading { at: from.i64()?, place: Point { latitude: from.f64()?, longitude: from.f64()? } })
}

fn put_stay(to: &mut Writer, stay: &Stay) {
    to.u32(stay.geofence.0);
    put_reading(to, &stay.entered);
    to.list(stay.begun.iter(), |to, order| put_order(to, *order));
    to.list(stay.left.iter(), put_reading);
}

fn take_stay(from: &mut Source<'_>) -> Option<Stay> {
    let (geofence, entered) = (GeofenceId(from.u32()?), take_reading(from)?);
    let begun = from.list(take_order)?.into_iter().next();
    Some(Stay { geofence, entered, begun, left: from.list(take_reading)?.into_iter().next() })
}

fn put_position(to: &mut Writer, position: &Position) {
    to.u64(position.seq);
    to.time(position.fix_time);
    to.i64(position.received_at);
    to.i64(position.recorded_at);
    to.list(position.fix.iter(), |to, fix| {
        to.f64(fix.latitude.degrees());
        to.f64(fix.longitude.degrees());
        to.u8(u8::from(fix.valid));
        for value in [fix.altitude_m, fix.speed_kmh, fix.course_deg] {
            to.list(value.iter(), |to, value| to.u32(value.to_bits()));
        }
    });
    to.bytes(position.attributes.as_bytes());
}

/// The latest position is in order and its time is sound.
fn take_position(from: &mut Source<'_>, account: AccountId, device: DeviceId) -> Option<Position> {
    let (seq, fix_time, received_at, recorded_at) = (from.u64()?, from.time()?, from.i64()?, from.i64()?);
    let fix = from.list(|from| {
        let (latitude, longitude) = (Latitude::new(from.f64()?)?, Longitude::new(from.f64()?)?);
        let valid = from.u8()? != 0;
        let mut value = || Some(from.list(|from| Some(f32::from_bits(from.u32()?)))?.into_iter().next());
        Some(Fix { latitude, longitude, valid, altitude_m: value()?, speed_kmh: value()?, course_deg: value()? })
    })?;
    let attributes = Attributes::from_bytes(from.bytes()?)?;
    let fix = fix.into_iter().next();
    Some(Position { seq, account, device, fix_time, received_at, recorded_at, fix, attributes, late: false, time_flag: TimeFlag::Sound })
}

const fn connection_number(connection: Connection) -> u8 {
    match connection {
        Connection::Never => 0,
        Connection::Online => 1,
        Connection::Offline => 2,
    }
}

const fn connection_of(number: u8) -> Option<Connection> {
    match number {
        0 => Some(Connection::Never),
        1 => Some(Connection::Online),
        2 => Some(Connection::Offline),
        _ => None,
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn f64(&mut self, value: f64) {
        self.u64(value.to_bits());
    }

    fn time(&mut self, value: Option<Micros>) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            self.i64(value);
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.u64(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn list<T>(&mut self, elements: impl ExactSizeIterator<Item = T>, put: impl Fn(&mut Self, T)) {
        self.u32(u32::try_from(elements.len()).unwrap_or(u32::MAX));
        for element in elements {
            put(self, element);
        }
    }
}

struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn f64(&mut self) -> Option<f64> {
        self.u64().map(f64::from_bits)
    }

    fn time(&mut self) -> Option<Option<Micros>> {
        match self.u8()? {
            0 => Some(None),
            1 => self.i64().map(Some),
            _ => None,
        }
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u64()?).ok()?;
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    fn list<T>(&mut self, mut take: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.u32()? as usize;
        // A count is never believed before the elements are there.
        let mut elements = Vec::with_capacity(count.min(self.0.len()));
        for _ in 0..count {
            elements.push(take(self)?);
        }
        Some(elements)
    }
}
