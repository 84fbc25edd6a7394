//! MiniFinder 2: binary protocol of Eview's personal and pet trackers (EV-07B and after it), which MiniFinder sells.
//!
//! ```text
//! frame    = AB flags length u16 crc u16 sequence u16 body    ; little endian, everywhere; length counts the body
//! flags    = bit 3 sent from memory, 4 wants an answer
//! crc      = CRC-16/XMODEM over body
//! body     = command item …
//! command  = 01 reports / 02 settings / 03 services / 04 control / 7F answer
//! item     = length u8 key u8 value                           ; length counts key and value
//!
//! reports  = 01 IMEI (text)
//!          / 02 alarm u32 time u32 [u32]
//!          / 20 latitude i32 longitude i32 (10⁻⁷ °) speed u16 (km/h) course u16 height i16 (m) hdop u16 (0.1) mileage u32 (m)
//!               satellites u8
//!          / 21 mcc u16 mnc u8 *( signal u8 area u16 cell u16 )
//!          / 22 *( signal i8 mac 6 )
//!          / 23 mac 6 latitude i32 longitude i32               ; a beacon whose place is known
//!          / 24 time u32 [state u32 …]
//!          / 2A where mac 6 signal i8 [latitude i32 longitude i32] [name …]      ; a wireless network whose place is known
//!          / 2C where mac 6 signal i8 signal at 1 m i8 battery u8 [latitude i32 longitude i32] [length u8 name] [temperature i16 (0.1 °C)]
//!          / 30 time u32 steps u32
//!          / 31 *( time u32 activity u32 )
//!          / 37 time u32 u32
//! where    = bits 0–5 number, 6 has a name, 7 has a place     ; addresses are written from their end
//! state    = bit 4 charging, 9 in motion, 19–23 signal (0–31), 24–31 battery (%)
//! services = 01 IMEI / 10 battery u8 (sign of life) / …
//! settings = 03 IMEI / 04 ICCID / 14 battery u8, millivolts u16 / 1A firmware / …
//! control  = 1F text
//! answer   = 00 done / other: refused
//! our answer = AB 00 0003 crc sequence 7F 01 00
//! ```
//!
//! Several reports stand in one frame: an item that the report has already begins the next one.
//!
//! Source: published parts of Eview, "EV-07B Protocol" 1.2 (2020-05-08) and "Communication Protocol" (2023-05-06); flespi, "Eview
//! protocol".

use crate::steps::Steps;
use crate::wire::{Cursor, cell_text, crc16_xmodem, to_hex, wifi_text};
use crate::{
    About, Addressee, Alarm, Attributes, CannotSay, Checksum, Command, DecodeError, Decoder, Draft, Encoder, Environment, Expect,
    Identifier, Key, MICROS_PER_SECOND, Message, Micros, Name, Progress, Record, Release, Replies, Transport, Value, carry, unix_seconds,
};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

/// What `minifinder2` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "minifinder2",
    default_port: 5187,
    transports: &[Transport::Tcp],
    acknowledges: &[Transport::Tcp],
    checksum: Checksum::Crc,
    carries_no_fix: true,
    settings: &[],
};

const HEAD: u8 = 0xAB;
const HEAD_BYTES: usize = 8;
/// The longest frame, once the device is known and before.
const FRAME_BYTES_MAX: usize = 32 * 1_024;
const FRAME_BYTES_MAX_UNIDENTIFIED: usize = 4 * 1_024;
const FROM_MEMORY: u8 = 0x08;
const WANTS_ANSWER: u8 = 0x10;

const REPORTS: u8 = 0x01;
const SETTINGS: u8 = 0x02;
const SERVICES: u8 = 0x03;
const CONTROL: u8 = 0x04;
const ANSWER: u8 = 0x7F;

const IMEI: u8 = 0x01;
const ALARM: u8 = 0x02;
const GPS: u8 = 0x20;
const CELLS: u8 = 0x21;
const WIFI: u8 = 0x22;
const BEACON_PLACE: u8 = 0x23;
const STATE: u8 = 0x24;
const NETWORK_PLACE: u8 = 0x2A;
const TAG: u8 = 0x2C;
const STEPS: u8 = 0x30;
const ACTIVITY: u8 = 0x31;
const SIGN_OF_LIFE: u8 = 0x10;
const TEXT: u8 = 0x1F;

/// Items that a report has once: a second one begins the next report.
const ONCE: [u8; 7] = [ALARM, GPS, CELLS, WIFI, STATE, STEPS, ACTIVITY];

const CHARGING: u32 = 1 << 4;
const MOVING: u32 = 1 << 9;
const PER_DEGREE: f64 = 1e7;
/// Networks, cells and tags that are told of one report.
const NUMBERED_MAX: u8 = 32;

/// Alarms by their bits. Others (calls, ends of alarms) are told as the whole code.
const ALARMS: &[(u32, Alarm)] = &[
    (0, Alarm::LowBattery),
    (1, Alarm::Overspeed),
    (2, Alarm::Fall),
    (4, Alarm::Geofence),
    (5, Alarm::Geofence),
    (6, Alarm::Geofence),
    (7, Alarm::Geofence),
    (8, Alarm::PowerOff),
    (9, Alarm::PowerOn),
    (10, Alarm::Movement),
    (12, Alarm::Sos),
];

/// Decoder.
#[derive(Debug, Default)]
pub struct MiniFinder2Decoder {
    heard: bool,
    /// Commands said so far: the next one's sequence.
    commands: u16,
    /// A frame whose reports are being told.
    open: Option<Steps<Reports>>,
}

/// What the reports of a frame have in common.
#[derive(Debug)]
struct Reports {
    flags: u8,
    sequence: u16,
    unchecked: bool,
    identifier: Option<Identifier>,
}

/// A frame that was cut and checked.
struct Frame<'a> {
    raw: &'a [u8],
    body: &'a [u8],
}

/// What is done with a frame.
enum Read {
    Whole,
    /// Its reports are still to be told, of that device.
    Reports(Option<Identifier>),
}

impl Decoder for MiniFinder2Decoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        if let Some(open) = self.open.take() {
            self.go_on(open, bytes, out, replies);
            return Ok(Progress::Frame);
        }
        let Some(first) = bytes.first() else { return Ok(Progress::NeedMore) };
        if *first != HEAD {
            let noise = bytes.iter().position(|byte| *byte == HEAD).unwrap_or(bytes.len());
            bytes.advance(noise);
            return Err(if self.heard { DecodeError::skipped("noise between frames") } else { DecodeError::fatal("not a frame") });
        }
        let Some([_, flags, low, high, crc_low, crc_high, sequence_low, sequence_high]) = bytes.first_chunk().copied() else {
            return Ok(Progress::NeedMore);
        };
        let total = usize::from(u16::from_le_bytes([low, high])).saturating_add(HEAD_BYTES);
        if total > FRAME_BYTES_MAX {
            return Err(DecodeError::fatal("frame too long"));
        }
        if bytes.len() < total {
            return Ok(Progress::NeedMore);
        }
        let raw = bytes.get(..total).unwrap_or_default();
        let body = raw.get(HEAD_BYTES..).unwrap_or_default();
        let fits = crc16_xmodem(body) == u16::from_le_bytes([crc_low, crc_high]);
        if !fits && !env.options.ignore_checksum {
            bytes.advance(total);
            return Err(DecodeError::skipped("checksum"));
        }
        self.heard = true;
        let sequence = u16::from_le_bytes([sequence_low, sequence_high]);
        let reports = |identifier| Reports { flags, sequence, unchecked: !fits, identifier };
        match (Frame { raw, body }).read(out) {
            Read::Whole => {
                bytes.advance(total);
                reports(None).answer(replies);
            }
            Read::Reports(identifier) => {
                let items = body.len().saturating_sub(1);
                bytes.advance(total.saturating_sub(items));
                self.go_on(Steps::new(reports(identifier), items, 0), bytes, out, replies);
            }
        }
        Ok(Progress::Frame)
    }

    fn command(&mut self, command: &Command, _: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let Command::Raw { text } = command else { return Err(CannotSay::Unsupported) };
        let length = u8::try_from(text.len().saturating_add(1)).map_err(|_| CannotSay::Value("text: at most 254 bytes"))?;
        let mut body = Vec::with_capacity(text.len().saturating_add(3));
        body.extend_from_slice(&[CONTROL, length, TEXT]);
        body.extend_from_slice(text.as_bytes());
        self.commands = self.commands.wrapping_add(1);
        write(WANTS_ANSWER, self.commands, &body, out);
        Ok(Expect::Next)
    }

    fn frame_bytes_max(&self, identified: bool) -> usize {
        if identified { FRAME_BYTES_MAX } else { FRAME_BYTES_MAX_UNIDENTIFIED }
    }
}

impl MiniFinder2Decoder {
    /// Tells the next reports of a frame; the last one answers it.
    fn go_on(&mut self, mut open: Steps<Reports>, bytes: &mut BytesMut, out: &mut Vec<Message>, replies: &mut Replies) {
        if open.step(bytes, |reports, items| reports.next(items, out)) {
            open.frame.answer(replies);
        } else {
            self.open = Some(open);
        }
    }
}

/// Appends a frame.
fn write(flags: u8, sequence: u16, body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[HEAD, flags]);
    out.extend_from_slice(&u16::try_from(body.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(&crc16_xmodem(body).to_le_bytes());
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(body);
}

/// The items of a body: key and value. It ends where an item does not fit.
struct Items<'a>(Cursor<'a>);

impl<'a> Iterator for Items<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = self.0.u8()?;
        let (key, value) = self.0.take(usize::from(length))?.split_first()?;
        Some((*key, value))
    }
}

fn identifier_of(value: &[u8]) -> Option<Identifier> {
    core::str::from_utf8(value).ok().and_then(Identifier::new)
}

impl Frame<'_> {
    fn read(&self, out: &mut Vec<Message>) -> Read {
        let Some((command, rest)) = self.body.split_first() else {
            self.keep(None, "empty body", out);
            return Read::Whole;
        };
        let items = || Items(Cursor::new(rest));
        let own = if *command == SETTINGS { 0x03 } else { IMEI };
        let identifier = items().find(|(key, _)| *key == own).and_then(|(_, value)| identifier_of(value));
        match *command {
            REPORTS if items().any(|(key, _)| key != IMEI) => return Read::Reports(identifier),
            REPORTS => match identifier {
                Some(identifier) => out.push(Message::Login { identifier, password: None }),
                None => self.keep(None, "no report", out),
            },
            SERVICES => {
                let mut attributes = Attributes::new();
                for (key, value) in items() {
                    if let (SIGN_OF_LIFE, [percent @ 0..=100, ..]) = (key, value) {
                        attributes.set(Name::BatteryLevelPct, Value::Int(i64::from(*percent)));
                    }
                }
                out.push(Message::Heartbeat { identifier, attributes });
            }
            SETTINGS => {
                out.push(Message::Heartbeat { identifier, attributes: settings(items()) });
                self.keep(identifier, "settings", out);
            }
            CONTROL => {
                let text = items().find(|(key, _)| *key == TEXT).map(|(_, value)| value);
                match text.map(|text| core::str::from_utf8(text.strip_prefix(&[0]).unwrap_or(text))) {
                    Some(Ok(text)) => {
                        out.push(Message::CommandAnswer { identifier, tag: None, done: None, text: String::from(text) });
                    }
                    _ => self.keep(identifier, "control", out),
                }
            }
            ANSWER => match items().next() {
                Some((code, _)) => {
                    let text = alloc::format!("answer {code}");
                    out.push(Message::CommandAnswer { identifier, tag: None, done: Some(code == 0), text });
                }
                None => self.keep(identifier, "answer", out),
            },
            _ => self.keep(identifier, "unknown command", out),
        }
        Read::Whole
    }

    fn keep(&self, identifier: Option<Identifier>, reason: &'static str, out: &mut Vec<Message>) {
        out.push(Message::Undecoded { identifier, reason, raw: self.raw.to_vec() });
    }
}

impl Reports {
    /// Reads the items of the next report, up to one that it has already. `None`: there is none.
    fn next(&self, items: &mut Cursor<'_>, out: &mut Vec<Message>) -> Option<()> {
        let mut report = Report::default();
        let mut ahead = Items(*items);
        while let Some((key, value)) = ahead.next() {
            if report.has(key) {
                break;
            }
            *items = ahead.0;
            if key != IMEI {
                report.take(key, value);
            }
        }
        (report.keys != 0).then(|| self.push(report, out))
    }

    fn push(&self, mut report: Report, out: &mut Vec<Message>) {
        if self.flags & FROM_MEMORY != 0 {
            report.draft.set(Name::Buffered, Value::Bool(true));
        }
        if self.unchecked {
            report.draft.set(Name::ChecksumIgnored, Value::Bool(true));
        }
        report.draft.time = report.state_time.or(report.other_time);
        out.push(Message::Record { identifier: self.identifier, record: report.draft.finish() });
    }

    fn answer(&self, replies: &mut Replies) {
        if self.flags & WANTS_ANSWER != 0 {
            let mut answer = Vec::with_capacity(HEAD_BYTES.saturating_add(3));
            write(0, self.sequence, &[ANSWER, 1, 0], &mut answer);
            replies.copied(Release::Durable, &answer);
        }
    }
}

/// A report while its items are read.
#[derive(Default)]
struct Report {
    draft: Draft,
    state_time: Option<Micros>,
    other_time: Option<Micros>,
    /// One bit for each item of `ONCE` that came, and one for others.
    keys: u8,
    /// The place is that of the receiver, not that of a beacon.
    measured: bool,
    networks: u8,
    tags: u8,
}

impl Report {
    const OTHER: u8 = 1 << ONCE.len();

    fn bit(key: u8) -> u8 {
        let place = ONCE.iter().position(|once| *once == key).and_then(|place| u32::try_from(place).ok());
        place.and_then(|place| 1_u8.checked_shl(place)).unwrap_or(Self::OTHER)
    }

    fn has(&self, key: u8) -> bool {
        self.keys & Self::bit(key) & !Self::OTHER != 0
    }

    fn take(&mut self, key: u8, value: &[u8]) {
        self.keys |= Self::bit(key);
        let mut body = Cursor::new(value);
        let whole = match key {
            ALARM => self.alarm(&mut body),
            GPS => self.gps(&mut body),
            CELLS => self.cells(&mut body),
            WIFI => self.wifi(&mut body),
            BEACON_PLACE => self.beacon(&mut body),
            STATE => self.state(&mut body),
            NETWORK_PLACE => self.known_network(&mut body),
            TAG => self.tag(&mut body),
            STEPS => self.steps(&mut body),
            ACTIVITY => self.activity(&mut body),
            _ => None,
        };
        if whole.is_none() && !value.is_empty() {
            self.draft.attributes.push(Key::Io(u32::from(key)), Value::Text(&to_hex(value)));
        }
    }

    fn alarm(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        let (code, time) = (body.le_u32()?, body.le_u32()?);
        self.other_time = unix_seconds(time).or(self.other_time);
        for (bit, alarm) in ALARMS {
            if code & 1_u32.wrapping_shl(*bit) != 0 {
                self.draft.alarm(*alarm);
            }
        }
        self.draft.set(Name::Event, Value::Int(i64::from(code)));
        Some(())
    }

    fn place(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        let (latitude, longitude) = (body.le_u32()?.cast_signed(), body.le_u32()?.cast_signed());
        if !self.measured {
            self.draft.valid = true;
            self.draft.place(f64::from(latitude) / PER_DEGREE, f64::from(longitude) / PER_DEGREE);
        }
        Some(())
    }

    fn gps(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        self.measured = false;
        self.place(body)?;
        self.measured = true;
        self.draft.speed_kmh(f64::from(body.le_u16()?));
        self.draft.course_deg(f64::from(body.le_u16()?));
        self.draft.altitude_m(f64::from(body.le_u16()?.cast_signed()));
        self.draft.set(Name::Hdop, Value::Float(f64::from(body.le_u16()?) / 10.0));
        self.draft.set(Name::OdometerM, Value::Int(i64::from(body.le_u32()?)));
        self.draft.set(Name::Satellites, Value::Int(i64::from(body.u8()?)));
        Some(())
    }

    fn cells(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        let operator = (body.le_u16()?, u16::from(body.u8()?));
        for number in 1..=NUMBERED_MAX {
            let (Some(signal), Some(area), Some(cell)) = (body.u8(), body.le_u16(), body.le_u16()) else { break };
            let text = cell_text(operator, (u64::from(area), u64::from(cell)), Some(u16::from(signal)));
            self.draft.set_numbered(Name::Cell, number, Value::Text(text.as_str()));
        }
        Some(())
    }

    fn network(&mut self, address: [u8; 6], signal: u8) {
        self.networks = self.networks.saturating_add(1);
        if self.networks <= NUMBERED_MAX {
            let text = wifi_text(address, Some(u16::from(signal.cast_signed().unsigned_abs())));
            self.draft.set_numbered(Name::Wifi, self.networks, Value::Text(text.as_str()));
        }
    }

    fn wifi(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        while let (Some(signal), Some(address)) = (body.u8(), body.array()) {
            self.network(address, signal);
        }
        Some(())
    }

    fn beacon(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        let address: [u8; 6] = body.array()?;
        self.set_tag(address);
        self.place(body)
    }

    fn set_tag(&mut self, mut address: [u8; 6]) {
        address.reverse();
        self.tags = self.tags.saturating_add(1);
        self.draft.set_numbered(Name::TagId, self.tags, Value::Text(&to_hex(&address)));
    }

    fn state(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        self.state_time = unix_seconds(body.le_u32()?);
        let Some(state) = body.le_u32() else { return Some(()) };
        self.draft.set(Name::Charging, Value::Bool(state & CHARGING != 0));
        self.draft.set(Name::Motion, Value::Bool(state & MOVING != 0));
        self.draft.set(Name::GsmSignalLevel, Value::Int(i64::from((state >> 19) & 0x1F)));
        self.draft.set_int(Name::BatteryLevelPct, Some(state >> 24).filter(|percent| *percent <= 100));
        self.draft.set(Name::Status, Value::Int(i64::from(state)));
        Some(())
    }

    fn known_network(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        let kind = body.u8()?;
        let mut address: [u8; 6] = body.array()?;
        address.reverse();
        let signal = body.u8()?;
        self.network(address, signal);
        if kind & 0x80 != 0 {
            self.place(body)?;
        }
        if kind & 0x40 != 0 {
            self.draft.set_text(Name::Text, core::str::from_utf8(body.rest()).unwrap_or_default());
        }
        Some(())
    }

    fn tag(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        let kind = body.u8()?;
        self.set_tag(body.array()?);
        let number = self.tags;
        let (signal, at_one_metre, battery) = (body.u8()?, body.u8()?, body.u8()?);
        self.draft.set_numbered(Name::TagRssiDbm, number, Value::Int(i64::from(signal.cast_signed())));
        if at_one_metre != 0 {
            self.draft.attributes.push(Key::Text("tag_rssi_at_1_m_dbm"), Value::Int(i64::from(at_one_metre.cast_signed())));
        }
        self.draft.attributes.push(Key::Text("tag_battery_level_pct"), Value::Int(i64::from(battery)));
        if kind & 0x80 != 0 {
            self.place(body)?;
        }
        if kind & 0x40 != 0 {
            let length = usize::from(body.u8()?);
            self.draft.set_text(Name::Text, core::str::from_utf8(body.take(length)?).unwrap_or_default());
        }
        if let Some(tenths) = body.le_u16() {
            self.draft.set_numbered(Name::TagTemperatureC, number, Value::Float(f64::from(tenths.cast_signed()) / 10.0));
        }
        Some(())
    }

    fn steps(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        let (time, steps) = (body.le_u32()?, body.le_u32()?);
        self.other_time = unix_seconds(time).or(self.other_time);
        self.draft.set(Name::Steps, Value::Int(i64::from(steps)));
        Some(())
    }

    fn activity(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        let mut sum = None;
        while let (Some(_), Some(activity)) = (body.le_u32(), body.le_u32()) {
            sum = Some(i64::from(activity).saturating_add(sum.unwrap_or(0)));
        }
        self.draft.set(Name::Activity, Value::Int(sum?));
        Some(())
    }
}

/// What of the settings is of use beyond the device.
fn settings(items: Items<'_>) -> Attributes {
    let mut draft = Draft::new();
    for (key, value) in items {
        let text = || core::str::from_utf8(value).unwrap_or_default().trim_end_matches('\0');
        match (key, value) {
            (0x04, _) => draft.set_text(Name::Iccid, text()),
            (0x14, [percent @ 0..=100, low, high]) => {
                draft.set(Name::BatteryLevelPct, Value::Int(i64::from(*percent)));
                draft.set(Name::BatteryMv, Value::Int(i64::from(u16::from_le_bytes([*low, *high]))));
            }
            (0x1A, _) => draft.set_text(Name::Firmware, text()),
            _ => {}
        }
    }
    draft.attributes
}

/// Encoder.
#[derive(Debug)]
pub struct MiniFinder2Encoder {
    sequence: u16,
}

impl MiniFinder2Encoder {
    /// For a stream.
    pub fn new(_: Transport) -> Self {
        Self { sequence: 0 }
    }

    fn frame(&mut self, body: &[u8], out: &mut Vec<u8>) {
        self.sequence = self.sequence.wrapping_add(1);
        write(WANTS_ANSWER, self.sequence, body, out);
    }
}

/// Records of one frame.
const RECORDS_MAX: usize = 16;
/// A battery that nobody told.
const NO_LEVEL: i64 = 0xFF;

/// The state, where a record has one.
fn state(record: &Record) -> Option<u32> {
    let charging = carry::yes_no(&record.attributes, Name::Charging);
    let moving = carry::yes_no(&record.attributes, Name::Motion);
    let signal = carry::int(&record.attributes, Name::GsmSignalLevel, 0..=31);
    let level = carry::int(&record.attributes, Name::BatteryLevelPct, 0..=100);
    if charging.is_none() && moving.is_none() && signal.is_none() && level.is_none() {
        return None;
    }
    let bits = [(charging, CHARGING), (moving, MOVING)].into_iter().filter(|(on, _)| *on == Some(true)).fold(0, |sum, (_, bit)| sum | bit);
    let signal = u32::try_from(signal.unwrap_or(0)).unwrap_or(0).wrapping_shl(19);
    Some(bits | signal | u32::try_from(level.unwrap_or(NO_LEVEL)).unwrap_or(0).wrapping_shl(24))
}

fn time_of(record: &Record) -> u32 {
    record.fix_time.and_then(|time| u32::try_from(time.div_euclid(MICROS_PER_SECOND)).ok()).unwrap_or(0)
}

/// The bit of the alarm, where it has one.
fn alarm_bit(record: &Record) -> Option<u32> {
    let Some(Value::Alarm(alarm)) = record.attributes.get(Name::Alarm) else { return None };
    ALARMS.iter().find(|(_, known)| *known == alarm).map(|(bit, _)| 1_u32.wrapping_shl(*bit))
}

/// The place as its item has it.
fn gps(record: &Record) -> Option<[u8; 21]> {
    let fix = record.fix.filter(|fix| fix.valid)?;
    let scaled = |degrees: f64| i32::try_from(carry::whole(degrees * PER_DEGREE)).unwrap_or(0).to_le_bytes();
    let whole = |value: Option<f32>| u16::try_from(carry::whole(f64::from(value.unwrap_or(0.0)))).unwrap_or(u16::MAX);
    let height = carry::whole(f64::from(fix.altitude_m.unwrap_or(0.0))).clamp(i64::from(i16::MIN), i64::from(i16::MAX));
    let odometer = carry::int(&record.attributes, Name::OdometerM, 0..=i64::from(u32::MAX)).and_then(|m| u32::try_from(m).ok());
    let satellites = carry::int(&record.attributes, Name::Satellites, 0..=255).and_then(|count| u8::try_from(count).ok());
    let hdop = match record.attributes.get(Name::Hdop) {
        Some(Value::Float(hdop)) => u16::try_from(carry::whole(hdop * 10.0)).unwrap_or(0),
        _ => 0,
    };
    let mut bytes = [0; 21];
    let parts: [&[u8]; 8] = [
        &scaled(fix.latitude.degrees()),
        &scaled(fix.longitude.degrees()),
        &whole(fix.speed_kmh).min(2_000).to_le_bytes(),
        &whole(fix.course_deg).to_le_bytes(),
        &i16::try_from(height).unwrap_or(0).to_le_bytes(),
        &hdop.to_le_bytes(),
        &odometer.unwrap_or(0).to_le_bytes(),
        &[satellites.unwrap_or(0)],
    ];
    for (place, byte) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
        *place = *byte;
    }
    Some(bytes)
}

impl Encoder for MiniFinder2Encoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        if records.is_empty() {
            return 0;
        }
        let mut body = Vec::with_capacity(1_024);
        item(REPORTS, IMEI, identifier.as_str().as_bytes(), &mut body);
        for record in records.iter().take(RECORDS_MAX) {
            let time = time_of(record).to_le_bytes();
            match state(record) {
                Some(state) => push(STATE, &[&time, &state.to_le_bytes()], &mut body),
                None => push(STATE, &[&time], &mut body),
            }
            if let Some(gps) = gps(record) {
                push(GPS, &[&gps], &mut body);
            }
            if let Some(bit) = alarm_bit(record) {
                push(ALARM, &[&bit.to_le_bytes(), &time], &mut body);
            }
        }
        self.frame(&body, out);
        records.len().min(RECORDS_MAX)
    }

    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>) {
        let mut body = Vec::with_capacity(32);
        item(SERVICES, IMEI, identifier.as_str().as_bytes(), &mut body);
        push(SIGN_OF_LIFE, &[&[100]], &mut body);
        self.frame(&body, out);
    }

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        let mut count = 0_usize;
        while let Some([HEAD, _, low, high, ..]) = bytes.first_chunk::<HEAD_BYTES>() {
            let total = usize::from(u16::from_le_bytes([*low, *high])).saturating_add(HEAD_BYTES);
            if bytes.len() < total {
                break;
            }
            count = count.saturating_add(usize::from(bytes.get(HEAD_BYTES..total) == Some(&[ANSWER, 1, 0])));
            bytes.advance(total);
        }
        Ok(count)
    }

    fn representable(&self, record: &Record) -> Record {
        let mut report = Report::default();
        let time = time_of(record).to_le_bytes();
        match state(record) {
            Some(state) => report.take(STATE, &[time, state.to_le_bytes()].concat()),
            None => report.take(STATE, &time),
        }
        if let Some(gps) = gps(record) {
            report.take(GPS, &gps);
        }
        if let Some(bit) = alarm_bit(record) {
            report.take(ALARM, &[bit.to_le_bytes(), time].concat());
        }
        report.draft.time = report.state_time;
        report.draft.finish()
    }
}

/// Begins a body with its first item.
fn item(command: u8, key: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(command);
    push(key, &[value], out);
}

fn push(key: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
    let length = parts.iter().map(|part| part.len()).fold(1_usize, usize::saturating_add);
    out.extend_from_slice(&[u8::try_from(length).unwrap_or(u8::MAX), key]);
    for part in parts {
        out.extend_from_slice(part);
    }
}
