//! Records of FLEX: fields by their numbers.
//!
//! A field that says "not there" is left out. Fields without a name here stay as `io[number]`.

use super::float;
use crate::wire::{Cursor, ShortText, cell_text, hex_digit};
use crate::{Alarm, Draft, Key, Name, Record, Value, unix_seconds};

/// How many bytes each field has, from field 1.
#[rustfmt::skip]
const SIZES: [u8; 255] = [
    4, 2, 4, 1, 1, 1, 1, 1, 4, 4, 4, 4, 4, 2, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1,
    4, 4, 2, 2, 4, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 2, 1, 4, 2, 2, 2, 2, 2, 1, 1,
    1, 2, 4, 2, 1, 8, 2, 1, 16, 4, 2, 4, 37, 1, 1, 1, 1, 1, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 6, 12, 24,
    48, 1, 1, 2, 1, 4, 4, 1, 4, 2, 6, 2, 6, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 1, 1, 1, 1, 1, 4, 4,
    4, 4, 4, 4, 2, 2, 2, 2, 2, 2, 1, 1, 2, 3, 2, 1, 1, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 2, 4, 4, 4, 2, 4, 2, 2, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    4, 4, 4, 4, 6, 3, 1, 2, 2, 1, 4, 5, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 8, 8, 8,
];

/// Units of a degree: a ten-thousandth of a minute.
pub(super) const PER_DEGREE: f64 = 600_000.0;

/// Bits of the device's state (field 4) and of its modules (field 5).
pub(super) const ALARM_SOUNDS: u8 = 1 << 1;
pub(super) const ALARM: u8 = 1 << 2;
pub(super) const GUARD: u8 = 1 << 3;
pub(super) const GUARD_TOO: u8 = 1 << 4;
pub(super) const TOWED: u8 = 1 << 5;
pub(super) const ENGINE: u8 = 1 << 7;
/// Bit of the receiver's state (field 8).
pub(super) const VALID: u8 = 1 << 1;

/// Which fields a record has.
#[derive(Clone, Debug)]
pub(super) struct Mask {
    bits: [u8; 32],
    count: u8,
    bytes: usize,
}

impl Mask {
    /// The first `count` bits of `mask`, the highest bit of a byte first.
    pub(super) fn new(count: u8, mask: &[u8]) -> Self {
        let mut bits = [0; 32];
        for (to, from) in bits.iter_mut().zip(mask) {
            *to = *from;
        }
        let mut new = Self { bits, count, bytes: 0 };
        new.bytes = new.fields().map(|(_, size)| size).fold(0, usize::saturating_add);
        new
    }

    /// How long a record is.
    pub(super) const fn record_bytes(&self) -> usize {
        self.bytes
    }

    fn has(&self, field: u8) -> bool {
        let place = field.saturating_sub(1);
        self.bits.get(usize::from(place >> 3)).is_some_and(|byte| byte & 0x80_u8.wrapping_shr(u32::from(place & 7)) != 0)
    }

    /// Numbers and sizes.
    fn fields(&self) -> impl Iterator<Item = (u8, usize)> + '_ {
        (1..=self.count).zip(SIZES).filter(|(field, _)| self.has(*field)).map(|(field, size)| (field, usize::from(size)))
    }

    /// Reads a record.
    pub(super) fn read(&self, raw: &[u8]) -> Record {
        let mut cursor = Cursor::new(raw);
        let mut reading = Reading::default();
        for (field, size) in self.fields() {
            let Some(value) = cursor.take(size) else { break };
            reading.field(field, value);
        }
        reading.finish()
    }
}

/// The fields at the beginning of an additional packet.
const ADDITIONAL: [u8; 2] = [0b1110_0001, 0b1111_1110];
/// The structure of additional packets that is known.
const ADDITIONAL_STRUCTURE: u8 = 0x0A;

/// Reads an additional packet behind its length; what follows its fixed fields is not understood.
pub(super) fn additional(raw: &[u8]) -> Option<(Record, &[u8])> {
    let [ADDITIONAL_STRUCTURE, _fixed, fields @ ..] = raw else { return None };
    let mask = Mask::new(15, &ADDITIONAL);
    let (known, rest) = fields.split_at_checked(mask.record_bytes())?;
    Some((mask.read(known), rest))
}

/// What the fields said so far.
#[derive(Default)]
struct Reading {
    draft: Draft,
    event_seconds: u32,
    fix_seconds: u32,
    latitude: Option<i32>,
    longitude: Option<i32>,
    inputs: Option<u16>,
    outputs: Option<u16>,
}

impl Reading {
    fn field(&mut self, field: u8, value: &[u8]) {
        match field {
            1..=20 => self.essential(field, value),
            21..=52 => self.sensors(field, value),
            53..=69 => self.vehicle(field, value),
            _ => self.more(field, value),
        }
    }

    fn essential(&mut self, field: u8, value: &[u8]) {
        let (number, draft) = (unsigned(value), &mut self.draft);
        match (field, value) {
            (1, _) => draft.set(Name::Index, whole(number)),
            (2, _) if number != 0 => draft.set(Name::Event, whole(number)),
            (3, _) => self.event_seconds = u32::try_from(number).unwrap_or(0),
            (4, [state]) => {
                draft.set(Name::Armed, Value::Bool(matches!(state & (GUARD | GUARD_TOO), GUARD | GUARD_TOO)));
                if state & (ALARM | ALARM_SOUNDS) != 0 {
                    draft.alarm(Alarm::General);
                }
                if state & TOWED != 0 {
                    draft.alarm(Alarm::Towing);
                }
            }
            (5, [modules]) => {
                draft.set(Name::Ignition, Value::Bool(modules & ENGINE != 0));
                draft.set(Name::Status, whole(number));
            }
            (7, [level]) if *level <= 31 => {
                draft.set(Name::GsmSignalDbm, Value::Int(i64::from(*level).saturating_mul(2).saturating_sub(113)))
            }
            (8, [state]) => {
                draft.valid = state & VALID != 0;
                draft.set(Name::Satellites, Value::Int(i64::from(state >> 2)));
            }
            (9, _) => self.fix_seconds = u32::try_from(number).unwrap_or(0),
            (10, _) => self.latitude = Some(four(value)),
            (11, _) => self.longitude = Some(four(value)),
            (12, _) => draft.altitude_m(f64::from(four(value)) / 10.0),
            (13, _) => draft.speed_kmh(single(value)),
            (14, _) => draft.course_deg(f64::from(u32::try_from(number).unwrap_or(0))),
            (15, _) => positive(draft, Name::OdometerM, single(value) * 1_000.0),
            (16, _) => positive(draft, Name::TripOdometerM, single(value) * 1_000.0),
            (17 | 18, _) => self.io(field, value),
            (19, _) => draft.set(Name::ExternalPowerMv, whole(number)),
            (20, _) => draft.set(Name::BatteryMv, whole(number)),
            (2 | 7, _) => {}
            _ => self.io(field, value),
        }
    }

    fn sensors(&mut self, field: u8, value: &[u8]) {
        let (number, draft) = (unsigned(value), &mut self.draft);
        match (field, value) {
            (21..=28, _) => draft.set_numbered(Name::AnalogMv, field.saturating_sub(20), whole(number)),
            (29, [low]) => self.inputs = Some(self.inputs.unwrap_or(0) | u16::from(*low)),
            (30, [high]) => self.inputs = Some(self.inputs.unwrap_or(0) | u16::from_be_bytes([*high, 0])),
            (31, [low]) => self.outputs = Some(self.outputs.unwrap_or(0) | u16::from(*low)),
            (32, [high]) => self.outputs = Some(self.outputs.unwrap_or(0) | u16::from_be_bytes([*high, 0])),
            (33 | 34, _) => draft.set_numbered(Name::Count, field.saturating_sub(32), whole(number)),
            (37, _) => draft.set(Name::EngineHoursS, whole(number)),
            (38..=44, _) => fuel_probe(draft, field.saturating_sub(37), number),
            (45..=52, [celsius]) => temperature(draft, field.saturating_sub(44), *celsius),
            _ => self.io(field, value),
        }
    }

    fn vehicle(&mut self, field: u8, value: &[u8]) {
        let (number, draft) = (unsigned(value), &mut self.draft);
        match (field, value) {
            (53, _) => match number {
                0x7FFF | 0xFFFF => {}
                // The top bit says which unit.
                percent if percent & 0x8000 != 0 => draft.set(Name::FuelLevelPct, whole(percent & 0x7FFF)),
                tenths => draft.set(Name::FuelL, Value::Float(f64::from(u32::try_from(tenths).unwrap_or(0)) / 10.0)),
            },
            (54, _) => positive(draft, Name::FuelUsedL, single(value)),
            (55, _) if number != 0xFFFF => draft.set(Name::EngineRpm, whole(number)),
            (56, [celsius]) if *celsius != 0x80 => draft.set(Name::CoolantTemperatureC, Value::Int(i64::from(celsius.cast_signed()))),
            (57, _) => positive(draft, Name::ObdOdometerM, single(value) * 1_000.0),
            (58..=62, _) if number != 0xFFFF => draft.set_numbered(Name::AxleWeightKg, field.saturating_sub(57), whole(number)),
            (63, [percent]) if *percent != 0xFF => draft.set(Name::ThrottlePct, whole(number)),
            (65, [percent]) if *percent != 0xFF => draft.set(Name::EngineLoadPct, whole(number)),
            (69, [kmh]) if *kmh != 0xFF => draft.set(Name::ObdSpeedKmh, whole(number)),
            (55 | 56 | 58..=63 | 65 | 69, _) => {}
            _ => self.io(field, value),
        }
    }

    fn more(&mut self, field: u8, value: &[u8]) {
        let draft = &mut self.draft;
        match (field, value) {
            (70, _) => {
                let visible = value.iter().fold(0_i64, |sum, count| sum.saturating_add(i64::from(*count)));
                draft.set(Name::SatellitesVisible, Value::Int(visible));
            }
            (71, [hdop, pdop]) => {
                draft.set(Name::Hdop, Value::Float(f64::from(*hdop) / 10.0));
                draft.set(Name::Pdop, Value::Float(f64::from(*pdop) / 10.0));
            }
            (77, _) => cells(draft, value),
            (78..=83, [celsius]) => temperature(draft, field.saturating_sub(57), *celsius),
            (84..=93, [low, high, celsius]) => {
                fuel_probe(draft, field.saturating_sub(76), u64::from(u16::from_le_bytes([*low, *high])));
                temperature(draft, field.saturating_sub(57), *celsius);
            }
            _ => self.io(field, value),
        }
    }

    fn io(&mut self, field: u8, value: &[u8]) {
        let key = Key::Io(u32::from(field));
        if value.len() <= 8 {
            let number = unsigned(value);
            self.draft.attributes.push(key, i64::try_from(number).map_or(Value::Unsigned(number), Value::Int));
        } else {
            for (part, bytes) in value.chunks(ShortText::BYTES_MAX.div_euclid(2)).enumerate() {
                let key = if part == 0 { key } else { Key::Io(u32::from(field).saturating_add(0x100)) };
                self.draft.attributes.push(key, Value::Text(hexadecimal(bytes).as_str()));
            }
        }
    }

    fn finish(mut self) -> Record {
        if let (Some(latitude), Some(longitude)) = (self.latitude, self.longitude) {
            self.draft.place(f64::from(latitude) / PER_DEGREE, f64::from(longitude) / PER_DEGREE);
        }
        let told = self.draft.has_place() && self.fix_seconds != 0;
        let seconds = if told { self.fix_seconds } else { self.event_seconds };
        if told && self.event_seconds > self.fix_seconds {
            let age = self.event_seconds.saturating_sub(self.fix_seconds);
            self.draft.set(Name::FixAgeS, Value::Int(i64::from(age)));
        }
        self.draft.time = unix_seconds(seconds);
        for (name, mask) in [(Name::InputMask, self.inputs), (Name::OutputMask, self.outputs)] {
            self.draft.set_int(name, mask);
        }
        self.draft.finish()
    }
}

fn unsigned(value: &[u8]) -> u64 {
    value.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn whole(number: u64) -> Value<'static> {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn four(value: &[u8]) -> i32 {
    value.first_chunk().map_or(0, |bytes| i32::from_le_bytes(*bytes))
}

fn single(value: &[u8]) -> f64 {
    float(&mut Cursor::new(value)).unwrap_or(-1.0)
}

fn positive(draft: &mut Draft, name: Name, value: f64) {
    if value >= 0.0 {
        draft.set(name, Value::Float(value));
    }
}

/// Levels from 65,500 on say what is wrong with the probe.
pub(super) fn fuel_probe(draft: &mut Draft, number: u8, level: u64) {
    if level < 65_500 {
        draft.set_numbered(Name::FuelRaw, number, whole(level));
    }
}

/// -128 is no probe.
pub(super) fn temperature(draft: &mut Draft, number: u8, celsius: u8) {
    if celsius != 0x80 {
        draft.set_numbered(Name::TemperatureC, number, Value::Int(i64::from(celsius.cast_signed())));
    }
}

/// Three cells (number u32, area u16, country u16, network u16, level i8) and the time when they were heard.
fn cells(draft: &mut Draft, value: &[u8]) {
    let mut cursor = Cursor::new(value);
    for number in 0..3_u8 {
        let cell = (cursor.le_u32(), cursor.le_u16(), cursor.le_u16(), cursor.le_u16(), cursor.u8());
        let (Some(cell), Some(area), Some(country), Some(network), Some(level)) = cell else { return };
        if cell != 0 && cell != u32::MAX && country != 0 {
            let signal = u16::from(level.cast_signed().unsigned_abs());
            let text = cell_text((country, network), (u64::from(area), u64::from(cell)), Some(signal));
            draft.set_numbered(Name::Cell, number, Value::Text(text.as_str()));
        }
    }
}

/// Hexadecimal digits of at most 32 bytes.
pub(super) fn hexadecimal(bytes: &[u8]) -> ShortText {
    let mut text = ShortText::default();
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0x0F] {
            text.push_char(char::from(hex_digit(nibble)));
        }
    }
    text
}
