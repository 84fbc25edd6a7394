//! The I/O elements of fixed width, by the vendor's numbers ("FMB AVL ID"), and back.
//!
//! An element is named only in the width that the vendor gives it: older families use some numbers for something else. What has
//! no name here, and what says "no value" or "sensor fault" in the place of a value, stays as `io[id]`.

use crate::wire::Cursor;
use crate::{Alarm, Attributes, Key, Name, Value};
use alloc::vec::Vec;

/// GSM cell, area code: kept by number.
pub(super) const CELL: u32 = 205;
pub(super) const AREA: u32 = 206;
/// Speed at the time of the overspeeding alarm, km/h.
pub(super) const OVERSPEED: u16 = 255;

/// How many bytes a value has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Width {
    One,
    Two,
    Four,
    Eight,
}

impl Width {
    pub(super) const ALL: [Self; 4] = [Self::One, Self::Two, Self::Four, Self::Eight];

    #[inline(always)]
    pub(super) fn take(self, cursor: &mut Cursor<'_>) -> Option<u64> {
        match self {
            Self::One => cursor.u8().map(u64::from),
            Self::Two => cursor.be_u16().map(u64::from),
            Self::Four => cursor.be_u32().map(u64::from),
            Self::Eight => cursor.be_u64(),
        }
    }

    /// Writes the low bytes of a value.
    pub(super) fn write(self, raw: u64, out: &mut Vec<u8>) {
        let [_, _, _, _, c, d, e, f] = raw.to_be_bytes();
        match self {
            Self::One => out.push(f),
            Self::Two => out.extend_from_slice(&[e, f]),
            Self::Four => out.extend_from_slice(&[c, d, e, f]),
            Self::Eight => out.extend_from_slice(&raw.to_be_bytes()),
        }
    }

    /// The narrowest that holds a value.
    pub(super) fn of(raw: u64) -> Self {
        match raw {
            0..=0xFF => Self::One,
            0x100..=0xFFFF => Self::Two,
            0x1_0000..=0xFFFF_FFFF => Self::Four,
            _ => Self::Eight,
        }
    }

    const fn bits(self) -> u32 {
        match self {
            Self::One => 8,
            Self::Two => 16,
            Self::Four => 32,
            Self::Eight => 64,
        }
    }

    /// The value with its sign.
    #[inline(always)]
    fn signed(self, raw: u64) -> i64 {
        let shift = 64_u32.saturating_sub(self.bits());
        raw.wrapping_shl(shift).cast_signed().wrapping_shr(shift)
    }

    /// The bits of a value, if it fits.
    fn unsigned(self, value: i64, negative: bool) -> Option<u64> {
        let shift = 64_u32.saturating_sub(self.bits());
        let raw = value.cast_unsigned().wrapping_shl(shift).wrapping_shr(shift);
        let back = if negative { self.signed(raw) } else { i64::try_from(raw).ok()? };
        (back == value).then_some(raw)
    }
}

/// How the bits become a value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// 0 or 1.
    Flag,
    /// A whole number.
    Whole,
    /// A whole number with sign.
    Signed,
    /// So many parts of the unit.
    Parts(f64),
    /// The same with sign, of a probe that reports its faults as values.
    Probe(f64),
    /// An identification: hexadecimal text, 0 is none.
    Hex,
}

/// The values of a probe that are faults (vendor: 850, 2000, 3000, 4000, 5000).
const PROBE_FAULTS: [i64; 5] = [850, 2_000, 3_000, 4_000, 5_000];

#[derive(Clone, Copy, Debug)]
struct Element {
    id: u16,
    width: Width,
    name: Name,
    index: u8,
    form: Form,
    /// Is named only where the elements of a plugged-in OBD reader are known to be meant.
    obd: bool,
}

const fn element(id: u16, width: Width, name: Name, index: u8, form: Form) -> Element {
    Element { id, width, name, index, form, obd: false }
}

const fn obd(id: u16, width: Width, name: Name, form: Form) -> Element {
    Element { id, width, name, index: 0, form, obd: true }
}

use Form::{Flag, Hex, Parts, Probe, Signed, Whole};
use Width::{Eight, Four, One, Two};

/// The first row of a name and index is the one that the encoder writes.
static ELEMENTS: &[Element] = &[
    element(1, One, Name::Input, 1, Flag),
    element(2, One, Name::Input, 2, Flag),
    element(3, One, Name::Input, 3, Flag),
    element(4, One, Name::Input, 4, Flag),
    element(6, Two, Name::AnalogMv, 2, Whole),
    element(9, Two, Name::AnalogMv, 1, Whole),
    element(10, Two, Name::AnalogMv, 2, Whole),
    element(11, Two, Name::AnalogMv, 3, Whole),
    element(12, Four, Name::FuelUsedL, 0, Parts(1_000.0)),
    element(16, Four, Name::OdometerM, 0, Whole),
    element(17, Two, Name::AccelerationMg, 1, Signed),
    element(18, Two, Name::AccelerationMg, 2, Signed),
    element(19, Two, Name::AccelerationMg, 3, Signed),
    element(21, One, Name::GsmSignalLevel, 0, Whole),
    element(25, Two, Name::TemperatureC, 5, Probe(100.0)),
    element(26, Two, Name::TemperatureC, 6, Probe(100.0)),
    element(27, Two, Name::TemperatureC, 7, Probe(100.0)),
    element(28, Two, Name::TemperatureC, 8, Probe(100.0)),
    element(66, Two, Name::ExternalPowerMv, 0, Whole),
    element(67, Two, Name::BatteryMv, 0, Whole),
    element(69, One, Name::GpsStatus, 0, Whole),
    element(70, Four, Name::DeviceTemperatureC, 0, Probe(10.0)),
    element(72, Four, Name::TemperatureC, 1, Probe(10.0)),
    element(73, Four, Name::TemperatureC, 2, Probe(10.0)),
    element(74, Four, Name::TemperatureC, 3, Probe(10.0)),
    element(75, Four, Name::TemperatureC, 4, Probe(10.0)),
    element(78, Eight, Name::DriverId, 0, Hex),
    element(207, Eight, Name::DriverId, 0, Hex),
    element(81, One, Name::ObdSpeedKmh, 0, Whole),
    element(84, Two, Name::FuelL, 0, Parts(10.0)),
    element(85, Two, Name::EngineRpm, 0, Whole),
    element(86, Two, Name::HumidityPct, 1, Probe(10.0)),
    element(104, Two, Name::HumidityPct, 2, Probe(10.0)),
    element(106, Two, Name::HumidityPct, 3, Probe(10.0)),
    element(108, Two, Name::HumidityPct, 4, Probe(10.0)),
    element(87, Four, Name::ObdOdometerM, 0, Whole),
    element(89, One, Name::FuelLevelPct, 0, Whole),
    element(113, One, Name::BatteryLevelPct, 0, Whole),
    element(114, One, Name::EngineLoadPct, 0, Whole),
    element(115, Two, Name::CoolantTemperatureC, 0, Probe(10.0)),
    element(179, One, Name::Output, 1, Flag),
    element(180, One, Name::Output, 2, Flag),
    element(380, One, Name::Output, 3, Flag),
    element(181, Two, Name::Pdop, 0, Parts(10.0)),
    element(182, Two, Name::Hdop, 0, Parts(10.0)),
    element(199, Four, Name::TripOdometerM, 0, Whole),
    element(216, Four, Name::OdometerM, 0, Whole),
    element(239, One, Name::Ignition, 0, Flag),
    element(240, One, Name::Motion, 0, Flag),
    element(241, Four, Name::Operator, 0, Whole),
    element(245, Two, Name::AnalogMv, 4, Whole),
    obd(31, One, Name::EngineLoadPct, Whole),
    obd(32, One, Name::CoolantTemperatureC, Signed),
    obd(36, Two, Name::EngineRpm, Whole),
    obd(37, One, Name::ObdSpeedKmh, Whole),
    obd(41, One, Name::ThrottlePct, Whole),
    obd(48, One, Name::FuelLevelPct, Whole),
    element(82, One, Name::ThrottlePct, 0, Whole),
    element(102, Four, Name::EngineHoursS, 0, Parts(1.0 / 60.0)),
    element(103, Four, Name::EngineHoursS, 0, Parts(1.0 / 60.0)),
    element(83, Four, Name::FuelUsedL, 0, Parts(10.0)),
    element(107, Four, Name::FuelUsedL, 0, Parts(10.0)),
];

/// Ids from here on have no named element of fixed width.
const NAMED_IDS: usize = 512;

/// For each id the place of its row plus one; 0 = none.
static ROWS: [u8; NAMED_IDS] = rows();

/// Runs at compile time only, where an index out of range or an overflow is a compile error.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]
const fn rows() -> [u8; NAMED_IDS] {
    let mut rows = [0; NAMED_IDS];
    let mut place = 0;
    while place < ELEMENTS.len() {
        rows[ELEMENTS[place].id as usize] = place as u8 + 1;
        place += 1;
    }
    rows
}

#[inline]
fn row(id: u16) -> Option<&'static Element> {
    let place = ROWS.get(usize::from(id)).copied().unwrap_or(0).checked_sub(1)?;
    ELEMENTS.get(usize::from(place))
}

/// Whether the elements 30 to 60 of a model are those of an OBD reader: FMB, FMC, FMM and their kin of three digits; the
/// professional series (640 and like) uses the numbers otherwise.
pub(super) fn has_obd(model: &str) -> bool {
    ["FMB", "FMC", "FMM"].iter().any(|family| model.starts_with(family)) && model.get(3..4) != Some("6")
}

/// Adds an element under its name, or as `io[id]`.
#[inline(always)]
pub(super) fn push(out: &mut Attributes, id: u16, raw: u64, width: Width, obd: bool) {
    if let Some(element) = row(id).filter(|element| element.width == width && (obd || !element.obd)) {
        let key = Key::Named(element.name, element.index);
        match element.form {
            Form::Whole => return out.push_here(key, Value::Unsigned(raw)),
            Form::Flag if raw <= 1 => return out.push_here(key, Value::Bool(raw == 1)),
            Form::Signed => return out.push_here(key, Value::Int(width.signed(raw))),
            Form::Parts(parts) => return out.push_here(key, Value::Float(unsigned_number(raw) / parts)),
            Form::Probe(parts) if !PROBE_FAULTS.contains(&width.signed(raw)) => {
                return out.push_here(key, Value::Float(number(width.signed(raw)) / parts));
            }
            Form::Hex if raw != 0 => return push_hex(out, key, raw),
            Form::Flag | Form::Probe(_) | Form::Hex => {}
        }
    }
    push_unnamed(out, id, raw, width);
}

/// Adds an element of the GH family, which numbers its elements otherwise (vendor, "GH3000 AVL protocol").
pub(super) fn push_gh(out: &mut Attributes, id: u8, raw: u64) {
    match (id, raw) {
        (1, 0..=100) => out.set(Name::BatteryLevelPct, Value::Unsigned(raw)),
        (67, _) => out.set(Name::BatteryMv, Value::Unsigned(raw)),
        (222, 1) => out.alarm(Alarm::Sos),
        (240, 0..=1) => out.set(Name::Motion, Value::Bool(raw == 1)),
        _ => out.push(Key::Io(u32::from(id)), Value::Unsigned(raw)),
    }
}

fn push_unnamed(out: &mut Attributes, id: u16, raw: u64, width: Width) {
    if width == Width::One
        && let Some(alarm) = alarm(id, raw)
    {
        out.alarm(alarm);
        if raises(alarm) == Some((id, raw)) {
            return;
        }
    }
    out.push(Key::Io(u32::from(id)), Value::Unsigned(raw));
}

fn push_hex(out: &mut Attributes, key: Key<'_>, raw: u64) {
    let mut text = [b'0'; 16];
    for (place, digit) in text.iter_mut().rev().enumerate() {
        let shift = u32::try_from(place).unwrap_or(0).saturating_mul(4);
        let nibble = u8::try_from(raw.wrapping_shr(shift) & 0xF).unwrap_or(0);
        *digit = if nibble < 10 { b'0'.saturating_add(nibble) } else { b'a'.saturating_add(nibble.saturating_sub(10)) };
    }
    out.push(key, Value::Text(core::str::from_utf8(&text).unwrap_or_default()));
}

/// The alarm that a value of an eventual element means, if any.
fn alarm(id: u16, raw: u64) -> Option<Alarm> {
    Some(match (id, raw) {
        (236, 1) => Alarm::Sos,
        (242, 1) => Alarm::Fall,
        (246, 1) => Alarm::Towing,
        // 1 and 6: a real crash, on a calibrated or not calibrated device; the others announce traces of one.
        (247, 1 | 6) => Alarm::Crash,
        (249, 1) => Alarm::Jamming,
        (251, 1) => Alarm::Idle,
        (252, 1) => Alarm::PowerCut,
        (253, 1) => Alarm::HardAcceleration,
        (253, 2) => Alarm::HardBraking,
        (253, 3) => Alarm::HardCornering,
        (OVERSPEED, 1..) => Alarm::Overspeed,
        _ => return None,
    })
}

/// The element and value that say an alarm and nothing more.
pub(super) fn raises(alarm: Alarm) -> Option<(u16, u64)> {
    Some(match alarm {
        Alarm::Sos => (236, 1),
        Alarm::Fall => (242, 1),
        Alarm::Towing => (246, 1),
        Alarm::Crash => (247, 1),
        Alarm::Jamming => (249, 1),
        Alarm::Idle => (251, 1),
        Alarm::PowerCut => (252, 1),
        Alarm::HardAcceleration => (253, 1),
        Alarm::HardBraking => (253, 2),
        Alarm::HardCornering => (253, 3),
        _ => return None,
    })
}

/// The element that carries a named attribute; `None` where there is none or the value does not fit.
pub(super) fn find(name: Name, index: u8, value: Value<'_>) -> Option<(u16, u64, Width)> {
    let element = ELEMENTS.iter().find(|element| element.name == name && element.index == index && !element.obd)?;
    let raw = match (element.form, value) {
        (Form::Flag, Value::Bool(flag)) => u64::from(flag),
        (Form::Whole, Value::Int(number)) => element.width.unsigned(number, false)?,
        (Form::Signed, Value::Int(number)) => element.width.unsigned(number, true)?,
        (Form::Parts(parts), value) => element.width.unsigned(whole(value.as_f64()? * parts)?, false)?,
        (Form::Probe(parts), value) => {
            let number = whole(value.as_f64()? * parts).filter(|number| !PROBE_FAULTS.contains(number))?;
            element.width.unsigned(number, true)?
        }
        (Form::Hex, Value::Text(text)) if text.len() == 16 => u64::from_str_radix(text, 16).ok()?,
        _ => return None,
    };
    Some((element.id, raw, element.width))
}

#[allow(clippy::cast_precision_loss)]
fn number(value: i64) -> f64 {
    value as f64
}

#[allow(clippy::cast_precision_loss)]
fn unsigned_number(value: u64) -> f64 {
    value as f64
}

/// The nearest whole number, if an element could hold it.
#[allow(clippy::cast_possible_truncation)]
fn whole(value: f64) -> Option<i64> {
    let rounded = libm::round(value);
    (rounded.abs() <= f64::from(u32::MAX)).then_some(rounded as i64)
}
