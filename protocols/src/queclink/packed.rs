//! The packed form.
//!
//! ```text
//! report   = ( "+RSP" / "+BSP" / "+EVT" / "+BVT" ) kind mask u32 length u16 device u8 protocol u16 firmware u16 id 8
//!            battery u8 (%) supply u16 (mV) analog u16 (mV) [ inputs u8 ] u8 [ outputs u8 ] u8 motion u8 satellites u8 …
//!            [ report u8 ] count u8 *place trip 3 mileage 5 (km u32, fraction) hours 3 hours 6 (u32, minutes, seconds) key 4
//!            sent 7 count u16 crc u16 0D 0A                 ; report: of "+RSP" and "+BSP"
//! place    = accuracy u8 speed u24 (whole u16, tenths u8) course u16 height i16 longitude i32 latitude i32 (10⁻⁶ °) time
//!            [ mcc u16 (BCD) mnc u16 (BCD) area u16 cell u16 u8 ]
//! inform   = ( "+INF" / "+BNF" ) kind mask u16 [ mask u16 ] length u16 id 8 … sent 7 count u16 crc u16 0D 0A
//! alive    = "+HBD" mask u8 length u8 device u8 protocol u16 firmware u16 [ id 8 ] sent 7 count u16 crc u16 0D 0A
//! time     = year u16 month day hour minute second
//! id       = IMEI, two digits a byte as a number; or a name
//! crc      = CRC-16/IBM-3740 over what stands behind the first four bytes up to it
//! track    = kind 64: count u16 *point, mcc …              ; count: seconds from the first to the last point, both counted
//! point    = 3 bits 3, 12 speed (0.1 km/h), 9 course, longitude i32, latitude i32, time u32
//!          / 3 bits 5, signed differences: 7 speed, 7 course, 12 longitude, 11 latitude; one second later
//!          / 3 bits 7, 5 bits: a second without a place
//! answer   = "+ACK" kind mask u8 length u8 device protocol firmware id 8 u8 serial u16 sent 7 count u16 crc u16 0D 0A
//! ```
//!
//! Each bit of the mask is a field that is there or not (`MASK_…` below). What stands between the satellites and the number of places
//! depends on the kind and is as long as the rest leaves it. Where the bytes do not come out (data of the bus have a length that nothing
//! tells), a place is found by its form. Lengths count all bytes. Of information (`+INF`) no order is published that all series keep:
//! only who and when is read.
//!
//! Source: GV300CAN "@Track Air Interface Protocol" 12.00, chapter 4; GV200 3.1, `AT+GTHRM`.

use super::fields::state_of;
use super::text::set_state;
use crate::wire::{Cursor, bcd, cell_text, crc16_ccitt_false, push_padded};
use crate::{Alarm, Civil, DecodeError, Draft, Identifier, MICROS_PER_SECOND, Message, Micros, Name, Value};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

const TRACK: u8 = 0x64;
/// Points of one track: more does not fit a frame.
const POINTS_MAX: usize = 2_000;
const PER_DEGREE: f64 = 1e6;
/// How far the place may stand behind the satellites.
const PLACE_OFFSET_MAX: usize = 64;
/// Places of one report.
const PLACES_MAX: usize = 15;
const METRES_PER_KILOMETRE: i64 = 1_000;
const TIME_BYTES: usize = 7;
const COUNT_BYTES: usize = 2;
/// Checksum and line end.
const END_BYTES: usize = 4;

/// What each bit of a report's mask stands for.
const MASK_SPEED: u32 = 1;
const MASK_COURSE: u32 = 1 << 1;
const MASK_HEIGHT: u32 = 1 << 2;
const MASK_CELL: u32 = 1 << 3;
const MASK_SENT: u32 = 1 << 4;
const MASK_COUNT: u32 = 1 << 5;
const MASK_NAME: u32 = 1 << 6;
const MASK_LENGTH: u32 = 1 << 7;
const MASK_DEVICE: u32 = 1 << 8;
const MASK_PROTOCOL: u32 = 1 << 9;
const MASK_FIRMWARE: u32 = 1 << 10;
const MASK_BATTERY: u32 = 1 << 11;
const MASK_SUPPLY: u32 = 1 << 12;
const MASK_ANALOG: u32 = 1 << 14;
const MASK_PORTS: u32 = 1 << 17;
const MASK_MOTION: u32 = 1 << 18;
const MASK_SATELLITES: u32 = 1 << 19;
const MASK_TRIP: u32 = 1 << 20;
const MASK_MILEAGE: u32 = 1 << 21;
const MASK_TRIP_HOURS: u32 = 1 << 22;
const MASK_HOURS: u32 = 1 << 23;
const MASK_KEY: u32 = 1 << 24;
const MASK_BUS: u32 = 1 << 25;
const MASK_MORE_PORTS: u32 = 1 << 26;

/// In the masks of answers and signs of life: a name instead of the IMEI.
const SHORT_MASK_NAME: u8 = 1 << 4;
/// In the mask of signs of life: who.
const SHORT_MASK_ID: u8 = 1 << 7;

/// A track whose points are still to be told, and where they stand in their frame.
type ToldLater = Option<(Track, Range<usize>)>;

/// Reads a packed message.
pub fn read(frame: &[u8], ignore_checksum: bool, out: &mut Vec<Message>) -> Result<ToldLater, DecodeError> {
    let fits = fits(frame).unwrap_or(false);
    if !fits && !ignore_checksum {
        return Err(DecodeError::skipped("checksum"));
    }
    let before = out.len();
    let mut track = None;
    let done = match frame {
        [b'+', b'R' | b'B', b'S', b'P', ..] | [b'+', b'E' | b'B', b'V', b'T', ..] => report(frame, &mut track, out),
        [b'+', b'A', b'C', b'K', ..] => answer(frame, out),
        [b'+', b'H', b'B', b'D', ..] => heartbeat(frame, out),
        [b'+', b'I' | b'B', b'N', b'F', ..] => information(frame, out),
        _ => None,
    };
    if done.is_none() {
        out.truncate(before);
        out.push(Message::Undecoded { identifier: None, reason: "packed kind", raw: frame.to_vec() });
    }
    for message in out.iter_mut().skip(before) {
        if let (false, Message::Record { record, .. }) = (fits, message) {
            record.attributes.set(Name::ChecksumIgnored, Value::Bool(true));
        }
    }
    if let (false, Some((track, _))) = (fits, &mut track) {
        track.common.set(Name::ChecksumIgnored, Value::Bool(true));
    }
    Ok(track)
}

fn fits(frame: &[u8]) -> Option<bool> {
    let covered = frame.get(4..frame.len().checked_sub(4)?)?;
    let said = frame.get(frame.len().checked_sub(4)?..)?.first_chunk()?;
    Some(crc16_ccitt_false(covered) == u16::from_be_bytes(*said) && frame.ends_with(b"\r\n"))
}

/// An IMEI, two digits a byte, or a name.
fn identifier(id: [u8; 8], is_name: bool) -> Option<Identifier> {
    let [pairs @ .., last] = id;
    if !is_name && pairs.iter().all(|pair| *pair <= 99) && last <= 9 && id != [0; 8] {
        let mut text = String::with_capacity(15);
        for pair in pairs {
            push_padded(&mut text, u32::from(pair), 2);
        }
        push_padded(&mut text, u32::from(last), 1);
        return Identifier::new(&text);
    }
    core::str::from_utf8(&id).ok().map(|name| name.trim_end_matches('\0')).and_then(Identifier::new)
}

fn instant(body: &mut Cursor<'_>) -> Option<Micros> {
    let year = body.be_u16()?;
    Civil::from_year_and_bytes(year, body.array()?).filter(|_| (2000..2100).contains(&year))
}

/// A number of four digits, each in four bits.
fn decimals(number: u16) -> Option<u16> {
    let [high, low] = number.to_be_bytes();
    Some(u16::from(bcd(high)?).saturating_mul(100).saturating_add(u16::from(bcd(low)?)))
}

fn report(frame: &[u8], told_later: &mut ToldLater, out: &mut Vec<Message>) -> Option<()> {
    let mut body = Cursor::new(frame.get(4..frame.len().checked_sub(4)?)?);
    let kind = body.u8()?;
    let mask = body.be_u32()?;
    let has = |bit: u32| mask & bit != 0;
    body.skip(if has(MASK_LENGTH) { 2 } else { 0 })?;
    let device = if has(MASK_DEVICE) { body.u8()? } else { 0 };
    // Later series have a longer type.
    body.skip(if device == 0x80 { 2 } else { 0 })?;
    body.skip(if has(MASK_PROTOCOL) { 2 } else { 0 })?;
    let firmware = if has(MASK_FIRMWARE) { Some(body.be_u16()?) } else { None };
    let identifier = identifier(body.array()?, has(MASK_NAME));
    let mut draft = Draft::new();
    describe_state(mask, device, &mut body, &mut draft)?;
    draft.set(Name::Event, Value::Int(i64::from(kind)));
    if let Some(firmware) = firmware {
        draft.set(Name::Firmware, Value::Text(&format!("{firmware:04X}")));
    }
    if matches!(frame, [b'+', b'B', ..]) {
        draft.set(Name::Buffered, Value::Bool(true));
    }
    if kind == TRACK {
        let track = Track::begin(&mut body, identifier, draft)?;
        let end = frame.len().saturating_sub(END_BYTES);
        *told_later = Some((track, end.saturating_sub(body.rest().len())..end));
        return Some(());
    }
    let is_event = matches!(frame, [_, b'E' | b'B', b'V', ..]);
    let Some(layout) = Layout::of(body.rest(), mask, is_event) else {
        // As good as nothing is known of it: the first place in it, or when it was sent.
        let places = 0..PLACE_OFFSET_MAX;
        match places.into_iter().find_map(|offset| place(&mut Cursor::new(body.rest().get(offset..)?), mask)) {
            Some(found) => found.describe(&mut draft),
            None => draft.time = sent(body.rest(), mask),
        }
        out.push(Message::Record { identifier, record: draft.finish() });
        return Some(());
    };
    let mut places = Cursor::new(layout.places);
    for left in (0..layout.count).rev() {
        let mut draft = draft.clone();
        place(&mut places, mask)?.describe(&mut draft);
        draft.time = draft.time.or_else(|| sent(layout.tail, mask));
        if left == 0 {
            layout.describe(is_event, kind, mask, &mut draft)?;
        }
        out.push(Message::Record { identifier, record: draft.finish() });
    }
    if layout.count == 0 {
        draft.time = sent(layout.tail, mask);
        layout.describe(is_event, kind, mask, &mut draft)?;
        out.push(Message::Record { identifier, record: draft.finish() });
    }
    Some(())
}

/// The fields between the device and what its kind says.
fn describe_state(mask: u32, device: u8, body: &mut Cursor<'_>, draft: &mut Draft) -> Option<()> {
    /// The GB100 has no external antenna whose state would share the byte of the satellites.
    const WITHOUT_ANTENNA: u8 = 0x45;
    let has = |bit: u32| mask & bit != 0;
    if has(MASK_BATTERY) {
        draft.set_int(Name::BatteryLevelPct, Some(body.u8()?).filter(|percent| *percent <= 100));
    }
    if has(MASK_SUPPLY) {
        draft.set(Name::ExternalPowerMv, Value::Int(i64::from(body.be_u16()?)));
    }
    if has(MASK_ANALOG) {
        draft.set_numbered(Name::AnalogMv, 1, Value::Int(i64::from(body.be_u16()?)));
    }
    for name in [Name::InputMask, Name::OutputMask] {
        let more = if has(MASK_MORE_PORTS) { i64::from(body.u8()?) } else { 0 };
        if has(MASK_PORTS) {
            draft.set(name, Value::Int((more << 8) | i64::from(body.u8()?)));
        }
    }
    if has(MASK_MOTION)
        && let Some((ignition, motion)) = state_of(body.u8()?)
    {
        set_state(ignition, motion, draft);
    }
    if has(MASK_SATELLITES) {
        let byte = body.u8()?;
        let satellites = if device == WITHOUT_ANTENNA { byte } else { byte & 0x0F };
        draft.set(Name::Satellites, Value::Int(i64::from(satellites)));
    }
    Some(())
}

/// How a report's bytes behind the satellites come out.
struct Layout<'a> {
    /// What the kind tells.
    own: &'a [u8],
    report: Option<u8>,
    count: usize,
    places: &'a [u8],
    tail: &'a [u8],
}

const fn bytes_if(mask: u32, bit: u32, bytes: usize) -> usize {
    if mask & bit == 0 { 0 } else { bytes }
}

impl<'a> Layout<'a> {
    fn of(bytes: &'a [u8], mask: u32, is_event: bool) -> Option<Self> {
        if mask & MASK_BUS != 0 {
            return None;
        }
        let sized = |fields: &[(u32, usize)]| fields.iter().map(|(bit, bytes)| bytes_if(mask, *bit, *bytes)).sum::<usize>();
        let place_bytes = sized(&[(MASK_SPEED, 3), (MASK_COURSE, 2), (MASK_HEIGHT, 2), (MASK_CELL, 9)]).saturating_add(16);
        let counted = [(MASK_TRIP, 3), (MASK_MILEAGE, 5), (MASK_TRIP_HOURS, 3), (MASK_HOURS, 6), (MASK_KEY, 4)];
        let tail_bytes = sized(&counted).saturating_add(sized(&[(MASK_SENT, 7), (MASK_COUNT, 2)]));
        let (before_tail, tail) = bytes.split_at_checked(bytes.len().checked_sub(tail_bytes)?)?;
        // One is by far the most frequent.
        (1..=PLACES_MAX).chain([0]).find_map(|count| {
            let places_bytes = place_bytes.saturating_mul(count);
            let (head, places) = before_tail.split_at_checked(before_tail.len().checked_sub(places_bytes)?)?;
            let (own, report) = match (head, is_event) {
                ([own @ .., report, number], false) if usize::from(*number) == count => (own, Some(*report)),
                ([own @ .., number], true) if usize::from(*number) == count => (own, None),
                _ => return None,
            };
            let mut cursor = Cursor::new(places);
            let plausible = (0..count).all(|_| place(&mut cursor, mask).is_some());
            plausible.then_some(Self { own, report, count, places, tail })
        })
    }

    /// What the kind says, and what is counted.
    fn describe(&self, is_event: bool, kind: u8, mask: u32, draft: &mut Draft) -> Option<()> {
        if let Some(alarm) = alarm(is_event, kind, self.report) {
            draft.alarm(alarm);
        }
        let ignition = match (is_event, kind, self.report) {
            (true, 13 | 45 | 50, _) => Some(true),
            (true, 14 | 46 | 51, _) => Some(false),
            (false, 16, Some(report)) => Some(report & 0x0F == 0),
            _ => None,
        };
        if draft.attributes.get(Name::Ignition).is_none() {
            set_state(ignition, None, draft);
        }
        if let (true, 6, [high, low]) = (is_event, kind, self.own) {
            draft.set(Name::BatteryMv, Value::Int(i64::from(u16::from_be_bytes([*high, *low]))));
        }
        let mut tail = Cursor::new(self.tail);
        let trip = if mask & MASK_TRIP == 0 { None } else { Some((tail.be_u16()?, tail.u8()?)) };
        draft.set_int(Name::TripOdometerM, trip.map(|(km, _)| i64::from(km).saturating_mul(METRES_PER_KILOMETRE)));
        let mileage = if mask & MASK_MILEAGE == 0 { None } else { Some((tail.be_u32()?, tail.u8()?)) };
        // What the fraction counts is not published.
        draft.set_int(Name::OdometerM, mileage.map(|(km, _)| i64::from(km).saturating_mul(METRES_PER_KILOMETRE)));
        tail.skip(bytes_if(mask, MASK_TRIP_HOURS, 3))?;
        if mask & MASK_HOURS != 0 {
            let (hours, minutes, seconds) = (i64::from(tail.be_u32()?), i64::from(tail.u8()?), i64::from(tail.u8()?));
            let total = hours.saturating_mul(3_600).saturating_add(minutes.saturating_mul(60)).saturating_add(seconds);
            draft.set(Name::EngineHoursS, Value::Int(total));
        }
        if mask & MASK_KEY != 0 {
            let key = tail.be_u32()?;
            if key != 0 {
                draft.set(Name::DriverId, Value::Text(&format!("{key:08X}")));
            }
        }
        Some(())
    }
}

/// What a kind says by itself, where all series agree.
const fn alarm(is_event: bool, kind: u8, report: Option<u8>) -> Option<Alarm> {
    Some(match (is_event, kind, report) {
        (false, 1, _) => Alarm::Towing,
        (false, 9, _) => Alarm::Overspeed,
        (false, 10, _) => Alarm::Sos,
        (false, 8, Some(report)) if report & 0x0F == 1 => Alarm::GeofenceEnter,
        (false, 8, Some(_)) => Alarm::GeofenceExit,
        (false, 15, Some(report)) => match report & 0x0F {
            0 => Alarm::HardBraking,
            1 => Alarm::HardAcceleration,
            2 => Alarm::HardCornering,
            _ => return None,
        },
        (true, 6, _) => Alarm::LowBattery,
        (true, 9, _) => Alarm::Movement,
        (true, 23, _) => Alarm::Crash,
        _ => return None,
    })
}

/// When it was sent, in front of the count, if the mask says so.
fn sent(bytes: &[u8], mask: u32) -> Option<Micros> {
    let from_end = TIME_BYTES.saturating_add(bytes_if(mask, MASK_COUNT, COUNT_BYTES));
    let tail = bytes.get(bytes.len().checked_sub(from_end)?..).filter(|_| mask & MASK_SENT != 0)?;
    instant(&mut Cursor::new(tail))
}

struct Place {
    accuracy: u8,
    speed_kmh: Option<f64>,
    course: Option<u16>,
    height: Option<i16>,
    longitude: i32,
    latitude: i32,
    time: Option<Micros>,
    cell: Option<((u16, u16), (u64, u64))>,
}

/// A place, if the bytes can be one.
fn place(body: &mut Cursor<'_>, mask: u32) -> Option<Place> {
    let has = |bit: u32| mask & bit != 0;
    let accuracy = body.u8().filter(|accuracy| *accuracy <= 50)?;
    let speed_kmh = if has(MASK_SPEED) {
        let (whole, tenths) = (body.be_u16().filter(|whole| *whole <= 999)?, body.u8().filter(|tenths| *tenths <= 9)?);
        Some(f64::from(whole) + f64::from(tenths) / 10.0)
    } else {
        None
    };
    let course = if has(MASK_COURSE) { Some(body.be_u16().filter(|course| *course <= 360)?) } else { None };
    let height = if has(MASK_HEIGHT) { Some(body.be_u16()?.cast_signed()) } else { None };
    let (longitude, latitude) = (body.be_u32()?.cast_signed(), body.be_u32()?.cast_signed());
    if longitude.unsigned_abs() > 180_000_000 || latitude.unsigned_abs() > 90_000_000 {
        return None;
    }
    let time = instant(&mut Cursor::new(body.take(TIME_BYTES)?));
    // Only before the first fix there is no time.
    if time.is_none() && (longitude, latitude) != (0, 0) {
        return None;
    }
    let cell = if has(MASK_CELL) { cell(&mut Cursor::new(body.take(9)?)) } else { None };
    Some(Place { accuracy, speed_kmh, course, height, longitude, latitude, time, cell })
}

fn cell(body: &mut Cursor<'_>) -> Option<((u16, u16), (u64, u64))> {
    let operator = (decimals(body.be_u16()?)?, decimals(body.be_u16()?)?);
    let place = (u64::from(body.be_u16()?), u64::from(body.be_u16()?));
    (operator.0 != 0).then_some((operator, place))
}

fn set_place(longitude: i32, latitude: i32, draft: &mut Draft) {
    draft.place(f64::from(latitude) / PER_DEGREE, f64::from(longitude) / PER_DEGREE);
}

impl Place {
    fn describe(&self, draft: &mut Draft) {
        draft.time = self.time;
        draft.valid = self.accuracy > 0;
        set_place(self.longitude, self.latitude, draft);
        if let Some(speed_kmh) = self.speed_kmh {
            draft.speed_kmh(speed_kmh);
        }
        if let Some(course) = self.course {
            draft.course_deg(f64::from(course));
        }
        if let Some(height) = self.height {
            draft.altitude_m(f64::from(height));
        }
        if self.accuracy > 0 {
            draft.set(Name::Hdop, Value::Float(f64::from(self.accuracy)));
        }
        if let Some((operator, place)) = self.cell {
            draft.set(Name::Cell, Value::Text(cell_text(operator, place, None).as_str()));
        }
    }
}

/// A point of a track, which the next one is told from.
#[derive(Clone, Copy, Debug)]
struct Point {
    speed: i64,
    course: i64,
    longitude: i32,
    latitude: i32,
    seconds: i64,
}

/// The low bits of a word as a signed number.
const fn signed(word: u64, shift: u32, bits: u32) -> i64 {
    let unused = 64_u32.wrapping_sub(bits);
    word.wrapping_shr(shift).wrapping_shl(unused).cast_signed().wrapping_shr(unused)
}

/// A track whose points are being told. A point has five bytes and becomes a record.
#[derive(Debug)]
pub struct Track {
    identifier: Option<Identifier>,
    /// What all points have in common.
    common: Draft,
    last: Option<Point>,
    seconds_left: usize,
}

impl Track {
    /// Reads the number of seconds. `None`: the points behind it are not all sound, and none is told.
    fn begin(body: &mut Cursor<'_>, identifier: Option<Identifier>, common: Draft) -> Option<Self> {
        let seconds_left = usize::from(body.be_u16()?).min(POINTS_MAX);
        let (mut ahead, mut last) = (*body, None);
        for _ in 0..seconds_left {
            Self::second(&mut ahead, &mut last)?;
        }
        Some(Self { identifier, common, last: None, seconds_left })
    }

    /// Reads what one second says; the point, if it has one.
    #[allow(clippy::option_option, reason = "no bytes, no point and a point are three things")]
    fn second(body: &mut Cursor<'_>, last: &mut Option<Point>) -> Option<Option<Point>> {
        let point = match (body.rest().first()? >> 5, *last) {
            (3, _) => full_point(body)?,
            (5, Some(before)) => before.next(body)?,
            (7, before) => {
                body.u8()?;
                *last = before.map(|before| Point { seconds: before.seconds.saturating_add(1), ..before });
                return Some(None);
            }
            _ => return None,
        };
        let sound = u16::try_from(point.speed).is_ok();
        *last = Some(point);
        sound.then_some(Some(point))
    }

    /// Tells the next second.
    pub fn next(&mut self, body: &mut Cursor<'_>, out: &mut Vec<Message>) -> Option<()> {
        self.seconds_left = self.seconds_left.checked_sub(1)?;
        if let Some(point) = Self::second(body, &mut self.last)? {
            let mut draft = self.common.clone();
            point.describe(&mut draft);
            out.push(Message::Record { identifier: self.identifier, record: draft.finish() });
        }
        Some(())
    }
}

fn full_point(body: &mut Cursor<'_>) -> Option<Point> {
    let word = i64::from(body.be_u24()?);
    let (longitude, latitude, seconds) = (body.be_u32()?.cast_signed(), body.be_u32()?.cast_signed(), i64::from(body.be_u32()?));
    Some(Point { speed: (word >> 9) & 0xFFF, course: word & 0x1FF, longitude, latitude, seconds })
}

impl Point {
    fn describe(self, draft: &mut Draft) {
        draft.time = Some(self.seconds.saturating_mul(MICROS_PER_SECOND));
        draft.valid = true;
        set_place(self.longitude, self.latitude, draft);
        draft.speed_kmh(f64::from(u16::try_from(self.speed).unwrap_or(0)) / 10.0);
        draft.course_deg(f64::from(u16::try_from(self.course.rem_euclid(360)).unwrap_or(0)));
    }

    fn next(self, body: &mut Cursor<'_>) -> Option<Self> {
        let word = (u64::from(body.u8()?) << 32) | u64::from(body.be_u32()?);
        let moved = |from: i32, by: i64| i64::from(from).checked_add(by).and_then(|sum| i32::try_from(sum).ok());
        Some(Self {
            speed: self.speed.saturating_add(signed(word, 30, 7)),
            course: self.course.saturating_add(signed(word, 23, 7)),
            longitude: moved(self.longitude, signed(word, 11, 12))?,
            latitude: moved(self.latitude, signed(word, 0, 11))?,
            seconds: self.seconds.saturating_add(1),
        })
    }
}

fn answer(frame: &[u8], out: &mut Vec<Message>) -> Option<()> {
    let mut body = Cursor::new(frame.get(4..)?);
    let (kind, mask) = (body.u8()?, body.u8()?);
    body.skip(1 + 1 + 2 + 2)?;
    let identifier = identifier(body.array()?, mask & SHORT_MASK_NAME != 0);
    out.push(Message::CommandAnswer { identifier, tag: None, done: Some(true), text: format!("ACK {kind:02X}") });
    Some(())
}

fn heartbeat(frame: &[u8], out: &mut Vec<Message>) -> Option<()> {
    let mut body = Cursor::new(frame.get(4..)?);
    let mask = body.u8()?;
    body.skip(1 + 1 + 2 + 2)?;
    let identifier = if mask & SHORT_MASK_ID == 0 { None } else { identifier(body.array()?, mask & SHORT_MASK_NAME != 0) };
    out.push(Message::Heartbeat { identifier, attributes: Draft::new().attributes });
    Some(())
}

/// Where the length of information stands: later series have a second mask before it. The one that comes out at an end of a message.
pub fn information_length_place(bytes: &[u8]) -> usize {
    const ONE_MASK: usize = 7;
    const TWO_MASKS: usize = 9;
    let ends = |place: usize| {
        let length = bytes.get(place..).and_then(|rest| rest.first_chunk()).map(|length| usize::from(u16::from_be_bytes(*length)));
        length.and_then(|length| bytes.get(..length)).is_some_and(|frame| frame.ends_with(b"\r\n"))
    };
    let is_long = |place: usize| bytes.get(place).is_some_and(|high| usize::from(*high) << 8 > super::FRAME_BYTES_MAX);
    if !ends(ONE_MASK) && (ends(TWO_MASKS) || is_long(ONE_MASK)) { TWO_MASKS } else { ONE_MASK }
}

fn information(frame: &[u8], out: &mut Vec<Message>) -> Option<()> {
    let head = information_length_place(frame).saturating_add(2);
    let identifier = identifier(*frame.get(head..)?.first_chunk()?, false);
    let mut draft = Draft::at(sent(frame.get(..frame.len().checked_sub(4)?)?, MASK_SENT | MASK_COUNT));
    draft.set(Name::Event, Value::Text("INF"));
    if matches!(frame, [b'+', b'B', ..]) {
        draft.set(Name::Buffered, Value::Bool(true));
    }
    out.push(Message::Record { identifier, record: draft.finish() });
    Some(())
}
