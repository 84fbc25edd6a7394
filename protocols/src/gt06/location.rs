//! Kinds that tell a place.

use super::report::{CELL_2G, CELL_4G, CELL_WIDE, CellForm, Report};
use super::{Frame, imei, state, text};
use crate::wire::{Cursor, bcd, to_hex};
use crate::{Civil, Key, Name, Value};

/// Whether frames of this kind tell a place.
pub const fn tells_place(kind: u8) -> bool {
    matches!(kind, 0x10..=0x12 | 0x16 | 0x1E | 0x22 | 0x25..=0x27 | 0x2D | 0x31 | 0x34 | 0x36..=0x38 | 0x61 | 0xA0 | 0xA4)
}

/// Reads such a frame.
pub fn read(report: &mut Report<'_>, frame: &Frame<'_>, model: Option<&str>) -> Option<()> {
    let body = &mut Cursor::new(frame.body);
    match frame.kind {
        0x22 | 0x25 if names_its_device(frame.body, model) => device_and_state(report, frame.kind, body),
        0x61 => device_and_card(report, body),
        0x16 | 0x25 | 0x26 | 0x27 | 0xA4 => alarmed(report, frame.kind, body),
        _ => plain(report, frame.kind, body),
    }
}

fn plain(report: &mut Report<'_>, kind: u8, body: &mut Cursor<'_>) -> Option<()> {
    if kind == 0x34 {
        body.take(4)?;
    }
    report.place(body)?;
    // What follows the place is told as far as it goes: a body that ends early has not lost its place.
    let _ = match kind {
        0x22 | 0x2D | 0x37 => driven(report, body, CELL_2G),
        0xA0 => driven(report, body, CELL_4G),
        0x12 => classic(report, body),
        0x11 => two_byte_network(report, body),
        0x1E => report.cells(body, CELL_2G, 7),
        0x31 => with_altitude(report, body),
        0x34 => asset(report, body),
        0x36 => tagged(report, body),
        0x38 => with_modules(report, body),
        _ => None,
    };
    Some(())
}

/// Kind 0x31: as `driven`, then metres.
fn with_altitude(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    driven(report, body, CELL_WIDE)?;
    report.altitude(i16::from_be_bytes(body.array()?));
    Some(())
}

/// Cell, ignition, upload mode, sent from memory, mileage.
#[inline]
fn driven(report: &mut Report<'_>, body: &mut Cursor<'_>, form: CellForm) -> Option<()> {
    report.cell(body, form)?;
    report.set(Name::Ignition, Value::Bool(body.u8()? != 0));
    let mode = body.u8()?;
    if mode != 0 {
        report.int(Name::Event, mode);
    }
    if body.u8()? != 0 {
        report.set(Name::Buffered, Value::Bool(true));
    }
    report.int(Name::OdometerM, body.be_u32()?);
    Some(())
}

/// Kind 0x12: cell; then nothing, mileage, mileage and a magnetic card, or the state with gauges.
fn classic(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    report.cell(body, CELL_2G)?;
    if body.rest().len() == 12 {
        state::state(report, body.u8()?);
        report.centivolts(Name::ExternalPowerMv, body.be_u16()?);
        state::signal(report, body.u8()?);
        state::alarm_code(report, body.u8()?);
        let fuel = body.be_u16()?;
        if fuel != 0 {
            report.push_analog(fuel);
        }
        report.int(Name::TemperatureC, i8::from_be_bytes([body.u8()?]));
        report.int(Name::OdometerM, i64::from(body.be_u32()?).saturating_mul(10));
        return Some(());
    }
    report.int(Name::OdometerM, body.be_u32()?);
    let length = usize::from(body.u8()?).min(body.rest().len());
    let card = text(body.take(length)?);
    if card.chars().any(|c| !matches!(c, '0' | ' ' | '\0')) {
        report.set(Name::DriverId, Value::Text(&card));
    }
    Some(())
}

impl Report<'_> {
    fn push_analog(&mut self, raw: u16) {
        self.attributes().push(Key::Io(1), Value::Int(i64::from(raw)));
    }
}

/// Kind 0x11: the network has two bytes whatever the country says.
fn two_byte_network(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    let mut cell = Cursor::new(body.take(10)?);
    let operator = (cell.be_u16()?, cell.be_u16()?);
    report.push_cell(0, operator, (u64::from(cell.be_u16()?), u64::from(cell.be_u32()?)), None);
    Some(())
}

/// Kind 0x34: mileage, cell, driver, external and internal voltage, …, inputs, outputs, two analog values.
fn asset(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    body.take(2)?;
    report.int(Name::OdometerM, body.be_u32()?);
    report.cell(body, CELL_WIDE)?;
    driver_number(report, body.be_u32()?);
    report.centivolts(Name::ExternalPowerMv, body.be_u16()?);
    report.centivolts(Name::BatteryMv, body.be_u16()?);
    body.take(2)?;
    report.int(Name::InputMask, body.be_u16()?);
    report.int(Name::OutputMask, body.be_u16()?);
    for number in 1..=2 {
        let value = body.be_u16()?;
        report.attributes().push(Key::Named(Name::AnalogMv, number), Value::Int(i64::from(value).saturating_mul(10)));
    }
    Some(())
}

/// Kind 0x36: as `driven`, then voltages, engine hours, driver.
fn tagged(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    driven(report, body, CELL_WIDE)?;
    report.centivolts(Name::ExternalPowerMv, body.be_u16()?);
    report.int(Name::BatteryMv, i64::from(body.u8()?).saturating_mul(100));
    report.int(Name::EngineHoursS, i64::from(body.be_u24()?).saturating_mul(60));
    driver_bytes(report, body.take(8)?);
    Some(())
}

/// Kind 0x38: three bytes, cell, then modules: number u16, length u8, value.
fn with_modules(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    body.take(3)?;
    report.cell(body, CELL_4G)?;
    body.be_u16()?;
    loop {
        let (number, length) = (body.be_u16()?, body.u8()?);
        let value = body.take(usize::from(length))?;
        push_module(report, number, value);
    }
}

/// A module without a name here: its number, and its value if it is a number.
pub fn push_module(report: &mut Report<'_>, number: u16, value: &[u8]) {
    let number = Key::Io(u32::from(number));
    if value.len() <= 8 {
        let value = value.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        report.attributes().push(number, Value::Unsigned(value));
    } else {
        report.attributes().push(number, Value::Text(&to_hex(value)));
    }
}

/// Kinds with an alarm: place, cell with its length before, state.
fn alarmed(report: &mut Report<'_>, kind: u8, body: &mut Cursor<'_>) -> Option<()> {
    report.place(body)?;
    let _ = alarm_and_state(report, kind, body);
    Some(())
}

fn alarm_and_state(report: &mut Report<'_>, kind: u8, body: &mut Cursor<'_>) -> Option<()> {
    if body.u8()? == 0 {
        // The state is what stands at the end.
        body.take(body.rest().len().checked_sub(5)?)?;
    } else {
        report.cell(body, if kind == 0xA4 { CELL_4G } else { CELL_2G })?;
    }
    state::block(report, body)?;
    match (kind, body.rest().len()) {
        (0x27 | 0xA4, 1..) => {
            let geofence = body.u8()?;
            if geofence != 0xFF {
                report.attributes().push(Key::Text("device_geofence"), Value::Int(i64::from(geofence)));
            }
        }
        (0x26, 4..) => report.int(Name::OdometerM, body.be_u32()?),
        (0x16, 8..) => driver_bytes(report, body.take(8)?),
        _ => {}
    }
    Some(())
}

/// Some models say who they are in each frame: one byte, IMEI, date of the report, date of the fix.
fn names_its_device(body: &[u8], model: Option<&str>) -> bool {
    let told = || matches!(model, Some("NT20" | "XT40"));
    let seen = || {
        let digits = body.get(1..9).is_some_and(|imei| imei.iter().all(|b| bcd(*b).is_some()));
        let date = |at: usize| body.get(at..).and_then(<[u8]>::first_chunk).copied().and_then(Civil::of_this_century);
        digits && date(0).is_none() && date(9).is_some() && date(15).is_some()
    };
    body.len() >= 46 && (told() || seen())
}

/// Kinds 0x22 and 0x25 of such models, and what follows the place.
fn device_and_state(report: &mut Report<'_>, kind: u8, body: &mut Cursor<'_>) -> Option<()> {
    body.take(1)?;
    *report.identifier = imei(body.array()?);
    body.take(6)?;
    report.place(body)?;
    let _ = state_and_driver(report, kind, body);
    Some(())
}

/// Cell with its length before, (alarm), state, voltages, mileage, engine minutes, driver.
fn state_and_driver(report: &mut Report<'_>, kind: u8, body: &mut Cursor<'_>) -> Option<()> {
    let length = body.u8()?;
    report.cell(body, if length == 0x0A { CELL_WIDE } else { CELL_2G })?;
    if kind == 0x25 {
        state::alarm_code(report, body.u8()?);
    }
    state::state(report, body.u8()?);
    report.centivolts(Name::ExternalPowerMv, body.be_u16()?);
    report.int(Name::BatteryMv, i64::from(body.u8()?).saturating_mul(100));
    state::signal(report, body.u8()?);
    body.take(2)?;
    report.int(Name::OdometerM, body.be_u32()?);
    report.int(Name::EngineHoursS, i64::from(body.be_u16()?).saturating_mul(60));
    let length = usize::from(body.u8()?).checked_sub(1)?;
    body.u8()?;
    driver_bytes(report, body.take(length)?);
    Some(())
}

/// Kind 0x61: IMEI, place, cell, card number.
fn device_and_card(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    *report.identifier = imei(body.array()?);
    report.place(body)?;
    let _ = card(report, body);
    Some(())
}

fn card(report: &mut Report<'_>, body: &mut Cursor<'_>) -> Option<()> {
    report.cell(body, CELL_WIDE)?;
    body.take(2)?;
    driver_number(report, body.be_u32()?);
    Some(())
}

fn driver_number(report: &mut Report<'_>, number: u32) {
    if number != 0 {
        let mut text = crate::wire::ShortText::default();
        text.push_number(u64::from(number));
        report.set(Name::DriverId, Value::Text(text.as_str()));
    }
}

/// A driver's tag: text between STX and ETX as readers send it, else the bytes in hexadecimal digits.
pub fn driver_bytes(report: &mut Report<'_>, bytes: &[u8]) {
    if bytes.iter().all(|b| matches!(b, 0 | 0xFF)) {
        return;
    }
    let framed = bytes.strip_prefix(&[2]).and_then(|b| b.strip_suffix(&[3])).filter(|b| b.iter().all(u8::is_ascii_graphic));
    match framed.and_then(|b| core::str::from_utf8(b).ok()) {
        Some(tag) => report.set(Name::DriverId, Value::Text(tag)),
        None => report.set(Name::DriverId, Value::Text(&to_hex(bytes))),
    }
}
