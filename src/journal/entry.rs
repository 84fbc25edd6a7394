//! Entries: how they are written and read.
//!
//! ```text
//! entry   = length u24 (all of it), kind u8, rest
//! holder  = device u32, account u32, generation u32, received_at i64        ; of the kinds that belong to a device
//! record  = holder, protocol u8, flags u8, [fix_time i64], [latitude f64, longitude f64], [altitude f32], [speed f32], [course f32],
//!           attributes (to the end)                                          ; flags: which of the [] are there, and `valid`
//! heartbeat = holder, attributes · session opened = holder, connection u64, protocol u8 · session closed = holder, connection u64
//! conflict = holder · tick = i64 · changed = u64
//! undecoded = received_at i64, protocol u8, flags u8, [device u32], [account u32], [generation u32], length u8, reason, raw (to the end)
//!           ; all three of [] are written; logs of before generations were kept with raw bytes have fewer
//! ```

use crate::model::{AccountId, DeviceId, Micros, Position, Seq, TimeFlag};
use protocols::{Attributes, Fix, Latitude, Longitude, Record};

/// The longest entry; what is longer is cut (only raw bytes can be, and their frames have lower limits).
const ENTRY_BYTES_MAX: usize = (1 << 24) - 1;

const LEAD_BYTES: usize = 4;
const HOLDER_BYTES: usize = 20;

const RECORD: u8 = 1;
const HEARTBEAT: u8 = 2;
const SESSION_OPENED: u8 = 3;
const SESSION_CLOSED: u8 = 4;
const CONFLICT: u8 = 5;
const TICK: u8 = 16;
const CHANGED: u8 = 17;
const UNDECODED: u8 = 18;

const HAS_TIME: u8 = 1;
const HAS_FIX: u8 = 2;
const VALID: u8 = 4;
const HAS_ALTITUDE: u8 = 8;
const HAS_SPEED: u8 = 16;
const HAS_COURSE: u8 = 32;

const HAS_DEVICE: u8 = 1;
const HAS_ACCOUNT: u8 = 2;
const HAS_GENERATION: u8 = 4;

/// What is written; `seq` and `recorded_at` are given at the commit.
#[derive(Clone, Copy, Debug)]
pub enum NewEntry<'a> {
    /// A tracker's record.
    Record {
        /// Whose.
        device: DeviceId,
        /// The account that held the device then.
        account: AccountId,
        /// The device's generation then.
        generation: u32,
        /// When it came in.
        received_at: Micros,
        /// [`protocols::Protocol::number`].
        protocol: u8,
        /// What it says.
        record: &'a Record,
    },
    /// A sign of life.
    Heartbeat {
        /// Whose.
        device: DeviceId,
        /// The account that held the device then.
        account: AccountId,
        /// The device's generation then.
        generation: u32,
        /// When it came in.
        received_at: Micros,
        /// What came along.
        attributes: &'a Attributes,
    },
    /// A tracker connected.
    SessionOpened {
        /// Whose.
        device: DeviceId,
        /// The account that held the device then.
        account: AccountId,
        /// The device's generation then.
        generation: u32,
        /// The connection's number.
        connection: u64,
        /// [`protocols::Protocol::number`].
        protocol: u8,
        /// When.
        received_at: Micros,
    },
    /// A tracker's connection ended.
    SessionClosed {
        /// Whose.
        device: DeviceId,
        /// The account that held the device then.
        account: AccountId,
        /// The device's generation then.
        generation: u32,
        /// The connection's number.
        connection: u64,
        /// When.
        received_at: Micros,
    },
    /// Two trackers alternate in claiming to be this device.
    Conflict {
        /// Whose.
        device: DeviceId,
        /// The account that held the device then.
        account: AccountId,
        /// The device's generation then.
        generation: u32,
        /// When.
        received_at: Micros,
    },
    /// Time went on.
    Tick {
        /// Our clock.
        at: Micros,
    },
    /// The definitions changed.
    Changed {
        /// To this version.
        version: u64,
    },
    /// An intact frame, or a part of one, that is not understood.
    Undecoded {
        /// Whose.
        device: DeviceId,
        /// The account that held the device then.
        account: AccountId,
        /// The device's generation then.
        generation: u32,
        /// When it came in.
        received_at: Micros,
        /// [`protocols::Protocol::number`].
        protocol: u8,
        /// Why, in a few fixed words.
        reason: &'a str,
        /// The bytes.
        raw: &'a [u8],
    },
}

/// Entries that become durable together, encoded.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: u32,
    /// Each device and generation in it; one after the other only once.
    holders: Vec<(DeviceId, u32)>,
}

impl Batch {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Bytes in it.
    #[must_use]
    pub const fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// Entries in it.
    #[must_use]
    pub const fn entries(&self) -> u32 {
        self.entries
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn holders(&self) -> &[(DeviceId, u32)] {
        &self.holders
    }

    /// Its entries one by one, with the device and generation of those that have one.
    pub(super) fn walk(&self) -> impl Iterator<Item = (&[u8], Option<(DeviceId, u32)>)> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let (head, tail) = rest.split_at_checked(length_of(rest)?)?;
            rest = tail;
            Some((head, holder_of(head)))
        })
    }

    /// Adds one.
    pub fn push(&mut self, entry: &NewEntry<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; LEAD_BYTES]);
        let kind = match *entry {
            NewEntry::Record { device, account, generation, received_at, protocol, record } => {
                self.note_holder(device, generation);
                self.put_record(&holder(device, account, generation, received_at), protocol, record);
                RECORD
            }
            NewEntry::Heartbeat { device, account, generation, received_at, attributes } => {
                self.hold(device, account, generation, received_at);
                self.bytes.extend_from_slice(attributes.as_bytes());
                HEARTBEAT
            }
            NewEntry::SessionOpened { device, account, generation, connection, protocol, received_at } => {
                self.hold(device, account, generation, received_at);
                self.bytes.extend_from_slice(&connection.to_le_bytes());
                self.bytes.push(protocol);
                SESSION_OPENED
            }
            NewEntry::SessionClosed { device, account, generation, connection, received_at } => {
                self.hold(device, account, generation, received_at);
                self.bytes.extend_from_slice(&connection.to_le_bytes());
                SESSION_CLOSED
            }
            NewEntry::Conflict { device, account, generation, received_at } => {
                self.hold(device, account, generation, received_at);
                CONFLICT
            }
            NewEntry::Tick { at } => {
                self.bytes.extend_from_slice(&at.to_le_bytes());
                TICK
            }
            NewEntry::Changed { version } => {
                self.bytes.extend_from_slice(&version.to_le_bytes());
                CHANGED
            }
            NewEntry::Undecoded { device, account, generation, received_at, protocol, reason, raw } => {
                self.note_holder(device, generation);
                self.put_undecoded(&holder(device, account, generation, received_at), protocol, reason, raw);
                UNDECODED
            }
        };
        let length = u32::try_from(self.bytes.len() - start).unwrap_or(0);
        self.bytes[start..start + LEAD_BYTES].copy_from_slice(&(length | u32::from(kind) << 24).to_le_bytes());
        self.entries += 1;
    }

    fn hold(&mut self, device: DeviceId, account: AccountId, generation: u32, received_at: Micros) {
        self.note_holder(device, generation);
        self.bytes.extend_from_slice(&holder(device, account, generation, received_at));
    }

    fn note_holder(&mut self, device: DeviceId, generation: u32) {
        if self.holders.last() != Some(&(device, generation)) {
            self.holders.push((device, generation));
        }
    }

    fn put_record(&mut self, holder: &[u8; HOLDER_BYTES], protocol: u8, record: &Record) {
        let mut fixed = Fixed { bytes: [0; 64], length: HOLDER_BYTES };
        fixed.bytes[..HOLDER_BYTES].copy_from_slice(holder);
        fixed.put([protocol, 0]);
        let mut flags = 0;
        if let Some(time) = record.fix_time {
            flags |= HAS_TIME;
            fixed.put(time.to_le_bytes());
        }
        if let Some(fix) = &record.fix {
            flags |= HAS_FIX | if fix.valid { VALID } else { 0 };
            fixed.put(fix.latitude.degrees().to_le_bytes());
            fixed.put(fix.longitude.degrees().to_le_bytes());
            for (flag, value) in [(HAS_ALTITUDE, fix.altitude_m), (HAS_SPEED, fix.speed_kmh), (HAS_COURSE, fix.course_deg)] {
                if let Some(value) = value {
                    flags |= flag;
                    fixed.put(value.to_le_bytes());
                }
            }
        }
        fixed.bytes[HOLDER_BYTES + 1] = flags;
        let attributes = record.attributes.as_bytes();
        self.bytes.reserve(fixed.length + attributes.len());
        self.bytes.extend_from_slice(&fixed.bytes[..fixed.length]);
        self.bytes.extend_from_slice(attributes);
    }

    fn put_undecoded(&mut self, holder: &[u8; HOLDER_BYTES], protocol: u8, reason: &str, raw: &[u8]) {
        let (ids, received_at) = holder.split_at(HOLDER_BYTES - 8);
        self.bytes.extend_from_slice(received_at);
        self.bytes.extend_from_slice(&[protocol, HAS_DEVICE | HAS_ACCOUNT | HAS_GENERATION]);
        self.bytes.extend_from_slice(ids);
        let mut end = reason.len().min(255);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        self.bytes.push(u8::try_from(end).unwrap_or(0));
        self.bytes.extend_from_slice(&reason.as_bytes()[..end]);
        self.bytes.extend_from_slice(&raw[..raw.len().min(ENTRY_BYTES_MAX - 512)]);
    }
}

/// The device and generation of a whole entry that has them.
fn holder_of(entry: &[u8]) -> Option<(DeviceId, u32)> {
    let mut at = Cursor(&entry[LEAD_BYTES..]);
    match entry[3] {
        ..=CONFLICT => {
            let (device, _account, generation) = (DeviceId(at.u32()), at.u32(), at.u32());
            Some((device, generation))
        }
        UNDECODED => match decode_undecoded(at) {
            EntryKind::Undecoded { device, generation, .. } => device.zip(generation),
            _ => None,
        },
        _ => None,
    }
}

fn holder(device: DeviceId, account: AccountId, generation: u32, received_at: Micros) -> [u8; HOLDER_BYTES] {
    let mut holder = [0; HOLDER_BYTES];
    holder[..4].copy_from_slice(&device.0.to_le_bytes());
    holder[4..8].copy_from_slice(&account.0.to_le_bytes());
    holder[8..12].copy_from_slice(&generation.to_le_bytes());
    holder[12..].copy_from_slice(&received_at.to_le_bytes());
    holder
}

/// The part of a record that has no length of its own: at most 58 bytes, put together before it is copied once.
struct Fixed {
    bytes: [u8; 64],
    length: usize,
}

impl Fixed {
    fn put<const N: usize>(&mut self, value: [u8; N]) {
        self.bytes[self.length..self.length + N].copy_from_slice(&value);
        self.length += N;
    }
}

/// Where an entry stands on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Locator {
    /// First entry of its segment: the segment's name.
    pub segment: Seq,
    /// Its first byte in the segment.
    pub offset: u32,
}

/// An entry of the log.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its place in the recorded order.
    pub seq: Seq,
    /// When it was recorded: strictly increasing with `seq`.
    pub recorded_at: Micros,
    /// Where it stands.
    pub locator: Locator,
    /// What it says.
    pub kind: EntryKind<'a>,
}

/// [`NewEntry`], read back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EntryKind<'a> {
    /// A tracker's record.
    Record(RecordRef<'a>),
    /// A sign of life.
    Heartbeat {
        /// Whose.
        device: DeviceId,
        /// The account that held the device then.
        account: AccountId,
        /// The device's generation then.
        generation: u32,
        /// When it came in.
        received_at: Micros,
        /// What came along, in the stored form ([`Attributes::from_bytes`]).
        attributes: &'a [u8],
    },
    /// A tracker connected.
    SessionOpened {
        /// Whose.
        device: DeviceId,
        /// The account that held the device then.
        account: AccountId,
        /// The device's generation then.
        generation: u32,
        /// The connection's number.
        connection: u64,
        /// [`protocols::Protocol::number`].
        protocol: u8,
        /// When.
        received_at: Micros,
    },
    /// A tracker's connection ended.
    SessionClosed {
        /// Whose.
        device: DeviceId,
        /// The account that held the device then.
        account: AccountId,
        /// The device's generation then.
        generation: u32,
        /// The connection's number.
        connection: u64,
        /// When.
        received_at: Micros,
    },
    /// Two trackers alternate in claiming to be this device.
    Conflict {
        /// Whose.
        device: DeviceId,
        /// The account that held the device then.
        account: AccountId,
        /// The device's generation then.
        generation: u32,
        /// When.
        received_at: Micros,
    },
    /// Time went on.
    Tick {
        /// Our clock.
        at: Micros,
    },
    /// The definitions changed.
    Changed {
        /// To this version.
        version: u64,
    },
    /// An intact frame, or a part of one, that is not understood.
    Undecoded {
        /// Whose, if known.
        device: Option<DeviceId>,
        /// The account that held the device then.
        account: Option<AccountId>,
        /// The device's generation then.
        generation: Option<u32>,
        /// When it came in.
        received_at: Micros,
        /// [`protocols::Protocol::number`].
        protocol: u8,
        /// Why.
        reason: &'a str,
        /// The bytes.
        raw: &'a [u8],
    },
}

/// A record in the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecordRef<'a> {
    /// Whose.
    pub device: DeviceId,
    /// The account that held the device then.
    pub account: AccountId,
    /// The device's generation then.
    pub generation: u32,
    /// When it came in.
    pub received_at: Micros,
    /// [`protocols::Protocol::number`].
    pub protocol: u8,
    /// The device's time.
    pub fix_time: Option<Micros>,
    /// The place, if it has one.
    pub fix: Option<Fix>,
    /// Everything else, in the stored form.
    pub attributes: &'a [u8],
}

impl RecordRef<'_> {
    /// The position that it makes: not late, its time not yet judged.
    #[must_use]
    pub fn to_position(&self, seq: Seq, recorded_at: Micros) -> Position {
        Position {
            seq,
            account: self.account,
            device: self.device,
            fix_time: self.fix_time,
            received_at: self.received_at,
            recorded_at,
            fix: self.fix,
            attributes: Attributes::from_bytes(self.attributes).unwrap_or_default(),
            late: false,
            time_flag: if self.fix_time.is_some() { TimeFlag::Sound } else { TimeFlag::Missing },
        }
    }
}

/// The length of the entry at the beginning of some bytes; `None` if it is not whole.
pub(super) fn length_of(bytes: &[u8]) -> Option<usize> {
    let lead = bytes.first_chunk::<LEAD_BYTES>()?;
    let length = stated_length(*lead);
    (length >= least(lead[3])? && length <= bytes.len()).then_some(length)
}

/// The length that an entry's first bytes state.
pub(super) fn stated_length(lead: [u8; LEAD_BYTES]) -> usize {
    usize::from(lead[0]) | usize::from(lead[1]) << 8 | usize::from(lead[2]) << 16
}

fn least(kind: u8) -> Option<usize> {
    Some(
        LEAD_BYTES
            + match kind {
                RECORD => HOLDER_BYTES + 2,
                HEARTBEAT | CONFLICT => HOLDER_BYTES,
                SESSION_OPENED => HOLDER_BYTES + 9,
                SESSION_CLOSED => HOLDER_BYTES + 8,
                TICK | CHANGED => 8,
                UNDECODED => 11,
                _ => return None,
            },
    )
}

/// Whether bytes are that many whole entries and nothing else.
pub(super) fn are_entries(mut bytes: &[u8], count: u32) -> bool {
    for _ in 0..count {
        let Some(length) = length_of(bytes) else { return false };
        bytes = &bytes[length..];
    }
    bytes.is_empty()
}

/// Reads one whole entry.
pub(super) fn decode(bytes: &[u8]) -> Option<EntryKind<'_>> {
    length_of(bytes)?;
    let mut at = Cursor(&bytes[LEAD_BYTES..]);
    let kind = bytes[3];
    if kind > CONFLICT {
        return Some(match kind {
            TICK => EntryKind::Tick { at: at.i64() },
            CHANGED => EntryKind::Changed { version: at.u64() },
            _ => decode_undecoded(at),
        });
    }
    let (device, account, generation) = (DeviceId(at.u32()), AccountId(at.u32()), at.u32());
    let received_at = at.i64();
    Some(match kind {
        RECORD => {
            let (protocol, flags) = (at.u8(), at.u8());
            let fix_time = (flags & HAS_TIME != 0).then(|| at.i64());
            let fix = (flags & HAS_FIX != 0).then(|| decode_fix(&mut at, flags)).flatten();
            EntryKind::Record(RecordRef { device, account, generation, received_at, protocol, fix_time, fix, attributes: at.0 })
        }
        HEARTBEAT => EntryKind::Heartbeat { device, account, generation, received_at, attributes: at.0 },
        SESSION_OPENED => EntryKind::SessionOpened { device, account, generation, connection: at.u64(), protocol: at.u8(), received_at },
        SESSION_CLOSED => EntryKind::SessionClosed { device, account, generation, connection: at.u64(), received_at },
        _ => EntryKind::Conflict { device, account, generation, received_at },
    })
}

fn decode_fix(at: &mut Cursor<'_>, flags: u8) -> Option<Fix> {
    let (latitude, longitude) = (Latitude::new(at.f64()), Longitude::new(at.f64()));
    let mut optional = |flag| (flags & flag != 0).then(|| at.f32());
    let (altitude_m, speed_kmh, course_deg) = (optional(HAS_ALTITUDE), optional(HAS_SPEED), optional(HAS_COURSE));
    Some(Fix { latitude: latitude?, longitude: longitude?, valid: flags & VALID != 0, altitude_m, speed_kmh, course_deg })
}

fn decode_undecoded(mut at: Cursor<'_>) -> EntryKind<'_> {
    let (received_at, protocol, flags) = (at.i64(), at.u8(), at.u8());
    let device = (flags & HAS_DEVICE != 0).then(|| DeviceId(at.u32()));
    let account = (flags & HAS_ACCOUNT != 0).then(|| AccountId(at.u32()));
    let generation = (flags & HAS_GENERATION != 0).then(|| at.u32());
    let length = usize::from(at.u8()).min(at.0.len());
    let (reason, raw) = at.0.split_at(length);
    let reason = std::str::from_utf8(reason).unwrap_or_default();
    EntryKind::Undecoded { device, account, generation, received_at, protocol, reason, raw }
}

/// Reads on from the front. What is not there reads as zero: the checksum was right, so it is there.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn array<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk::<N>() {
            Some((head, tail)) => {
                self.0 = tail;
                *head
            }
            None => {
                self.0 = &[];
                [0; N]
            }
        }
    }

    fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.array())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.array())
    }

    fn f64(&mut self) -> f64 {
        f64::from_le_bytes(self.array())
    }

    fn f32(&mut self) -> f32 {
        f32::from_le_bytes(self.array())
    }
}
