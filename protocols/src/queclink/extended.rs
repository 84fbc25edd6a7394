//! What an extended report appends by its mask, one block behind the other: a fuel sensor, a one-wire bus, the vehicle's bus, fuel as
//! percent and volume, Bluetooth accessories. Before the first stands which serial device is connected.
//!
//! Source: GV300CAN "@Track Air Interface Protocol" 12.00, `<ERI Mask>` and `<Accessory Append Mask>`; GV310LAU, `GTERI`.

use super::can;
use super::fields::{hex, is_hex, whole};
use super::text::NUMBERED_MAX;
use crate::wire::decimal;
use crate::{Draft, Key, Name, Value};
use alloc::format;

const FUEL_SENSOR: u32 = 1;
const ONE_WIRE: u32 = 1 << 1;
const BUS: u32 = 1 << 2;
const FUEL_PERCENT: u32 = 1 << 3;
const FUEL_VOLUME: u32 = 1 << 4;
const BLUETOOTH: u32 = 1 << 8;

/// A probe's sixteenth of a degree.
const DEGREES_PER_UNIT: f64 = 0.0625;
/// Which bits an accessory's mask may have that are told here; the last one says that it has sixteen more.
const ACCESSORY_BITS: u32 = 15;

/// The fields that are left.
struct Rest<'a, 'b>(&'b [&'a str]);

impl<'a> Rest<'a, '_> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn count(&mut self) -> Option<u8> {
        self.next()?.parse::<u8>().ok().map(|count| count.min(NUMBERED_MAX))
    }
}

/// Reads the blocks. What is not as written ends it: what would follow cannot be told from it.
pub fn describe(mask: u32, device_type: &str, fields: &[&str], draft: &mut Draft) {
    let mut rest = Rest(fields);
    blocks(mask, device_type, &mut rest, draft);
}

fn blocks(mask: u32, device_type: &str, rest: &mut Rest<'_, '_>, draft: &mut Draft) -> Option<()> {
    let _serial_device = rest.next()?;
    if mask & FUEL_SENSOR != 0 {
        // The GV350M has a form of its own, which its manual calls reserved.
        if device_type == "F1" {
            return None;
        }
        if let Some(raw) = hex(rest.next()?) {
            draft.set(Name::FuelRaw, Value::Int(i64::from(raw)));
        }
    }
    if mask & ONE_WIRE != 0 {
        one_wire(rest, draft)?;
    }
    if mask & BUS != 0 {
        let at = rest.0.iter().position(|field| is_hex(field, 8))?;
        let bits = hex(rest.0.get(at)?)?;
        let fields = rest.0.get(at.saturating_add(1)..)?;
        let taken = can::describe(bits, fields, draft);
        rest.0 = fields.get(taken..)?;
    }
    if mask & (FUEL_PERCENT | FUEL_VOLUME) != 0 {
        for number in 1..=rest.count()? {
            let _sensor = rest.next()?;
            if mask & FUEL_PERCENT != 0 {
                let percent = decimal(rest.next()?).filter(|percent| (0.0..=100.0).contains(percent))?;
                draft.set_numbered(Name::FuelLevelPct, number, Value::Float(percent));
            }
            if mask & FUEL_VOLUME != 0 {
                draft.set_numbered(Name::FuelL, number, Value::Float(decimal(rest.next()?)?));
            }
        }
    }
    if mask & BLUETOOTH != 0 {
        for number in 1..=rest.count()? {
            accessory(number, rest, draft)?;
        }
    }
    Some(())
}

/// A count, then for each its serial number, what it is (1 a probe, 2 a key of a driver) and its data.
fn one_wire(rest: &mut Rest<'_, '_>, draft: &mut Draft) -> Option<()> {
    for number in 1..=rest.count()? {
        let (serial, kind, data) = (rest.next()?, rest.next()?, rest.next()?);
        match kind {
            "2" => draft.set_numbered(Name::DriverId, number, Value::Text(serial)),
            "1" => {
                // Some tell degrees as they are.
                let celsius = if data.contains('.') {
                    decimal(data)
                } else {
                    u16::from_str_radix(data, 16).ok().map(|raw| f64::from(raw.cast_signed()) * DEGREES_PER_UNIT)
                };
                if let Some(celsius) = celsius {
                    draft.set_numbered(Name::TemperatureC, number, Value::Float(celsius));
                }
            }
            _ => {}
        }
    }
    Some(())
}

/// Index, kind, model, on later versions one more, raw data, a mask of four digits and a field or more for each of its bits.
fn accessory(number: u8, rest: &mut Rest<'_, '_>, draft: &mut Draft) -> Option<()> {
    let is_mask = |at: usize| rest.0.get(at).is_some_and(|field| is_hex(field, 4) || is_hex(field, 8));
    let short = |at: usize| rest.0.get(at).is_some_and(|field| field.len() <= 2);
    let at = if is_mask(5) && short(3) { 5 } else { Some(4).filter(|at| is_mask(*at))? };
    let mask = hex(rest.0.get(at)?)?;
    rest.0 = rest.0.get(at.saturating_add(1)..)?;
    for bit in (0..ACCESSORY_BITS).filter(|bit| mask & 1_u32.wrapping_shl(*bit) != 0) {
        let field = rest.next()?;
        match bit {
            0 if !field.is_empty() => draft.set_numbered(Name::Tag, number, Value::Text(field)),
            1 if !field.is_empty() => draft.set_numbered(Name::TagId, number, Value::Text(field)),
            3 => {
                if let Some(millivolts) = whole(field) {
                    draft.set_numbered(Name::TagBatteryMv, number, Value::Int(i64::from(millivolts)));
                }
            }
            // The second is the same to hundredths.
            4 | 11 => numbered(Name::TagTemperatureC, number, field, draft),
            5 => numbered(Name::TagHumidityPct, number, field, draft),
            // Outputs, inputs and an analog input.
            7 => {
                rest.next()?;
                rest.next()?;
            }
            // Mode and event; a relay's setting and state.
            8 | 14 => {
                rest.next()?;
            }
            9 => numbered(Name::TireKpa, number, field, draft),
            // A magnet: its number, how often, its state.
            12 => {
                rest.next()?;
                rest.next()?;
            }
            13 => {
                if let Some(percent) = whole(field) {
                    draft.attributes.push(Key::Text(&format!("tag_battery_pct[{number}]")), Value::Int(i64::from(percent)));
                }
            }
            _ => {}
        }
    }
    // Sixteen more bits, of which no manual says how many fields they have.
    (mask <= 0xFFFF && mask & 0x8000 == 0).then_some(())
}

fn numbered(name: Name, number: u8, field: &str, draft: &mut Draft) {
    if let Some(value) = decimal(field) {
        draft.set_numbered(name, number, Value::Float(value));
    }
}
