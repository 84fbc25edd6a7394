//! A record while it is being read: what is wrong in it is noted, and never stops the rest.

use crate::wire::{Cursor, ShortText, cell_text, hex_digit};
use crate::{Alarm, Attributes, Civil, Fix, Identifier, Key, Latitude, Longitude, MICROS_PER_SECOND, Message, Micros, Name, Record, Value};
use alloc::vec::Vec;

/// Bit 12 of the flags: the fix is valid.
pub const FLAG_VALID: u16 = 0x1000;
/// Bit 11: western longitude.
pub const FLAG_WEST: u16 = 0x0800;
/// Bit 10: northern latitude.
pub const FLAG_NORTH: u16 = 0x0400;
/// Bit 14: bit 15 says whether the ignition is on.
const FLAG_IGNITION_KNOWN: u16 = 0x4000;
const FLAG_IGNITION: u16 = 0x8000;
const COURSE_MASK: u16 = 0x03FF;

/// Parts of a degree on the wire.
pub const PER_DEGREE: i32 = 1_800_000;

/// How wide the fields of a cell are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellForm {
    /// Bytes of the location area: 2 or 4.
    pub area: usize,
    /// Bytes of the cell: 2, 3, 4 or 8.
    pub cell: usize,
}

/// The usual form.
pub const CELL_2G: CellForm = CellForm { area: 2, cell: 3 };
/// The form of the kinds from 0xA0 on.
pub const CELL_4G: CellForm = CellForm { area: 4, cell: 8 };
/// A form in between.
pub const CELL_WIDE: CellForm = CellForm { area: 2, cell: 4 };

/// A record while it is being read, in the place where it stays.
#[derive(Debug)]
pub struct Report<'r> {
    record: &'r mut Record,
    /// The device that the frame itself names.
    pub identifier: &'r mut Option<Identifier>,
    zone_s: i32,
    out_of_range: bool,
}

/// Reads a record into `out`. Where `read` finds that the body ends too early, nothing is left in `out`.
#[inline]
pub fn record(out: &mut Vec<Message>, zone_s: i32, unchecked: bool, read: impl FnOnce(&mut Report<'_>) -> Option<()>) -> Option<()> {
    let (record, identifier) = Message::begin(out)?;
    let mut report = Report { record, identifier, zone_s, out_of_range: false };
    let done = read(&mut report);
    if report.out_of_range {
        report.set(Name::OutOfRange, Value::Bool(true));
    }
    if unchecked {
        report.set(Name::ChecksumIgnored, Value::Bool(true));
    }
    if done.is_none() {
        out.pop();
    }
    done
}

impl Report<'_> {
    /// The attributes so far.
    pub const fn attributes(&mut self) -> &mut Attributes {
        &mut self.record.attributes
    }

    /// Sets an attribute.
    #[inline]
    pub fn set(&mut self, name: Name, value: Value<'_>) {
        self.record.attributes.push_here(Key::Named(name, 0), value);
    }

    /// Sets a whole number.
    #[inline]
    pub fn int(&mut self, name: Name, value: impl Into<i64>) {
        self.set(name, Value::Int(value.into()));
    }

    /// Sets hundredths of a volt as millivolts.
    pub fn centivolts(&mut self, name: Name, value: u16) {
        self.int(name, i64::from(value).saturating_mul(10));
    }

    /// Raises an alarm.
    pub fn alarm(&mut self, alarm: Option<Alarm>) {
        if let Some(alarm) = alarm {
            self.record.attributes.alarm(alarm);
        }
    }

    /// A date in six bytes. Zeros mean that there is none.
    pub fn date(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        let date: [u8; 6] = body.array()?;
        self.date_of(date);
        Some(())
    }

    /// As [`Self::date`].
    #[inline]
    pub fn date_of(&mut self, date: [u8; 6]) {
        let (time, out_of_range) = time_of(date, self.zone_s);
        self.out_of_range |= out_of_range;
        if time.is_some() {
            self.record.fix_time = time;
        }
    }

    /// Seconds since 1970.
    pub fn epoch(&mut self, seconds: u32) {
        self.time(i64::from(seconds).saturating_mul(MICROS_PER_SECOND));
    }

    const fn time(&mut self, time: Micros) {
        self.record.fix_time = Some(time);
    }

    /// Date, satellites, place, speed of a byte, and flags.
    #[inline]
    pub fn place(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        let (date, place) = (body.array()?, body.array()?);
        self.date_of(date);
        self.told_place(&place);
        Some(())
    }

    /// As [`Self::place`], from the satellites on.
    pub fn place_without_date(&mut self, body: &mut Cursor<'_>) -> Option<()> {
        let place = body.array()?;
        self.told_place(&place);
        Some(())
    }

    /// Satellites, place, speed, flags.
    #[inline]
    pub fn told_place(&mut self, place: &[u8; 12]) {
        let Place { satellites, latitude, longitude, speed_kmh, flags } = Place::of(place);
        self.int(Name::Satellites, satellites);
        self.fix(latitude, longitude, u16::from(speed_kmh), flags);
    }

    /// The fix, and the ignition where the flags tell it.
    #[inline]
    pub fn fix(&mut self, latitude: u32, longitude: u32, speed_kmh: u16, flags: u16) {
        if let Some(ignition) = ignition_of(flags) {
            self.set(Name::Ignition, Value::Bool(ignition));
        }
        let (fix, out_of_range) = fix_of(latitude, longitude, speed_kmh, flags);
        self.out_of_range |= out_of_range;
        if fix.is_some() {
            self.record.fix = fix;
        }
    }

    /// Metres above the sea, where there is a fix.
    pub fn altitude(&mut self, metres: i16) {
        if let Some(fix) = &mut self.record.fix {
            fix.altitude_m = Some(f32::from(metres));
        }
    }

    /// One cell, country and network before it.
    #[inline]
    pub fn cell(&mut self, body: &mut Cursor<'_>, form: CellForm) -> Option<()> {
        let (country, network) = network(body)?;
        let (area, cell) = area_and_cell(body, form)?;
        self.push_cell(0, (country, network), (area, cell), None);
        Some(())
    }

    /// Up to `count` cells of one network, each with its signal strength. Zeros fill places that are not used.
    pub fn cells(&mut self, body: &mut Cursor<'_>, form: CellForm, count: usize) -> Option<()> {
        let operator = network(body)?;
        let (mut number, mut before) = (0_u8, [(0_u64, 0_u64); 16]);
        for slot in before.iter_mut().take(count) {
            let Some(place) = area_and_cell(body, form) else { break };
            let signal = body.u8()?;
            *slot = place;
            number = number.saturating_add(1);
            self.push_cell(number, operator, place, Some(signal));
        }
        Some(())
    }

    /// Adds a cell unless it is nowhere, or there already.
    pub fn push_cell(&mut self, number: u8, operator: (u16, u16), place: (u64, u64), signal: Option<u8>) {
        if place == (0, 0) {
            return;
        }
        let text = cell_text(operator, place, signal.map(u16::from));
        self.push_new(Name::Cell, number, text.as_str());
    }

    /// Adds a Wi-Fi point; its signal strength is given without its sign.
    pub fn push_wifi(&mut self, number: u8, mac: [u8; 6], signal: Option<u8>) {
        if mac == [0; 6] {
            return;
        }
        let mut text = ShortText::default();
        for (index, byte) in mac.into_iter().enumerate() {
            let pair = [hex_digit(byte >> 4), hex_digit(byte & 0x0F)];
            text.push_str(if index == 0 { "" } else { ":" });
            text.push_str(core::str::from_utf8(&pair).unwrap_or_default());
        }
        if let Some(signal) = signal {
            text.push_str(",-");
            text.push_number(u64::from(signal));
        }
        self.push_new(Name::Wifi, number, text.as_str());
    }

    /// A numbered text that no attribute of that name has yet.
    fn push_new(&mut self, name: Name, number: u8, text: &str) {
        let known = number > 1
            && self.record.attributes.iter().any(|(key, value)| matches!(key, Key::Named(n, _) if n == name) && value == Value::Text(text));
        if !known {
            self.record.attributes.push(Key::Named(name, number), Value::Text(text));
        }
    }
}

/// What is told of a place.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub satellites: u8,
    pub latitude: u32,
    pub longitude: u32,
    pub speed_kmh: u8,
    pub flags: u16,
}

impl Place {
    /// Satellites, place, speed, flags.
    #[inline(always)]
    pub const fn of(place: &[u8; 12]) -> Self {
        let [satellites, n0, n1, n2, n3, e0, e1, e2, e3, speed_kmh, high, low] = *place;
        let (latitude, longitude) = (u32::from_be_bytes([n0, n1, n2, n3]), u32::from_be_bytes([e0, e1, e2, e3]));
        Self { satellites: satellites & 0x0F, latitude, longitude, speed_kmh, flags: u16::from_be_bytes([high, low]) }
    }
}

/// The time of a date that is so many seconds ahead of UTC, and whether it is out of range. Zeros mean that there is none.
#[inline(always)]
pub fn time_of(date: [u8; 6], zone_s: i32) -> (Option<Micros>, bool) {
    match Civil::of_this_century(date) {
        Some(time) => (Some(time.saturating_sub(i64::from(zone_s).saturating_mul(MICROS_PER_SECOND))), false),
        None => (None, date != [0; 6]),
    }
}

/// The ignition, where the flags tell it.
#[inline(always)]
pub const fn ignition_of(flags: u16) -> Option<bool> {
    if flags & FLAG_IGNITION_KNOWN == 0 { None } else { Some(flags & FLAG_IGNITION != 0) }
}

/// The fix, if there is one, and whether something of it is out of range.
#[inline(always)]
pub fn fix_of(latitude: u32, longitude: u32, speed_kmh: u16, flags: u16) -> (Option<Fix>, bool) {
    let valid = flags & FLAG_VALID != 0;
    if !valid && latitude == 0 && longitude == 0 {
        return (None, false);
    }
    let latitude = Latitude::of_parts::<PER_DEGREE>(latitude, flags & FLAG_NORTH == 0);
    let longitude = Longitude::of_parts::<PER_DEGREE>(longitude, flags & FLAG_WEST != 0);
    let (Some(latitude), Some(longitude)) = (latitude, longitude) else { return (None, true) };
    let course = flags & COURSE_MASK;
    let course_deg = (course <= 360).then(|| f32::from(if course == 360 { 0 } else { course }));
    (Some(Fix { latitude, longitude, valid, altitude_m: None, speed_kmh: Some(f32::from(speed_kmh)), course_deg }), course > 360)
}

/// Country and network. The country's top bit says that the network has two bytes.
#[inline]
pub fn network(body: &mut Cursor<'_>) -> Option<(u16, u16)> {
    let country = body.be_u16()?;
    let network = if country & 0x8000 == 0 { u16::from(body.u8()?) } else { body.be_u16()? };
    Some((country & 0x7FFF, network))
}

/// Location area and cell.
#[inline]
pub fn area_and_cell(body: &mut Cursor<'_>, form: CellForm) -> Option<(u64, u64)> {
    let mut ahead = *body;
    let area = if form.area == 4 { u64::from(ahead.be_u32()?) } else { u64::from(ahead.be_u16()?) };
    let cell = match form.cell {
        2 => u64::from(ahead.be_u16()?),
        3 => u64::from(ahead.be_u24()?),
        4 => u64::from(ahead.be_u32()?),
        _ => ahead.be_u64()?,
    };
    *body = ahead;
    Some((area, cell))
}
