//! What a vehicle's bus says: a mask of up to eight hexadecimal digits, then a field for each of its bits 0 to 21, bit 5 before bit 4.
//!
//! Bits 22 to 28 have fields that no manual orders; with bit 29 a second mask of eight digits follows, and a field for each of its bits.
//!
//! Source: GV300CAN "@Track Air Interface Protocol" 12.00, `<CAN Report Mask>` and `<CAN Report Expansion Mask>`.

use super::fields::{hex, is_hex};
use crate::wire::decimal;
use crate::{Draft, Key, Name, Value, carry};

/// Bits that have a field, in the order of the fields.
const FIELDS: [u32; 22] = [0, 1, 2, 3, 5, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21];
/// A second mask follows.
const EXPANSION: u32 = 1 << 29;
/// How far behind the fields of the first mask the second one may stand.
const EXPANSION_OFFSET_MAX: usize = 8;
const METRES_PER_HECTOMETRE: f64 = 100.0;
const SECONDS_PER_HOUR: f64 = 3_600.0;

/// Reads the fields behind the mask and says how many they are. Without a field for a bit that is set, it is the end.
pub fn describe(mask: u32, fields: &[&str], draft: &mut Draft) -> usize {
    let mut at = 0_usize;
    for bit in FIELDS.into_iter().filter(|bit| mask & 1_u32.wrapping_shl(*bit) != 0) {
        let Some(field) = fields.get(at) else { return at };
        at = at.saturating_add(1);
        if !field.is_empty() {
            one(bit, field, draft);
        }
    }
    if mask & EXPANSION == 0 {
        return at;
    }
    let rest = fields.get(at..).unwrap_or_default();
    let near = rest.get(..EXPANSION_OFFSET_MAX).unwrap_or(rest);
    let Some(offset) = near.iter().position(|field| is_hex(field, 8)) else { return at };
    let Some(mask) = rest.get(offset).and_then(|mask| hex(mask)) else { return at };
    at = at.saturating_add(offset).saturating_add(1);
    for bit in (0..u32::BITS).filter(|bit| mask & 1_u32.wrapping_shl(*bit) != 0) {
        let Some(field) = fields.get(at) else { return at };
        at = at.saturating_add(1);
        if !field.is_empty() {
            expanded(bit, field, draft);
        }
    }
    at
}

fn one(bit: u32, field: &str, draft: &mut Draft) {
    let number = decimal(field);
    let seconds = number.map(|hours| carry::whole(hours * SECONDS_PER_HOUR));
    match bit {
        0 if draft.attributes.get(Name::Vin).is_none() => draft.set_text(Name::Vin, field),
        0 => {}
        // Where the device's own state tells it, that is it.
        1 if draft.attributes.get(Name::Ignition).is_none() => draft.set(Name::Ignition, Value::Bool(field != "0")),
        1 => {}
        // "H" hectometres, "I" the pulses of a sensor.
        2 => match field.strip_prefix('H').and_then(decimal) {
            Some(hectometres) => draft.set(Name::ObdOdometerM, Value::Int(carry::whole(hectometres * METRES_PER_HECTOMETRE))),
            None => draft.attributes.push(Key::Text("can_distance"), Value::Text(field)),
        },
        3 => draft.set_float(Name::FuelUsedL, number),
        4 => draft.set_float(Name::ObdSpeedKmh, number),
        5 => draft.set_float(Name::EngineRpm, number),
        6 => draft.set_float(Name::CoolantTemperatureC, number),
        7 => consumption(field, draft),
        8 => match (field.strip_prefix('P').and_then(decimal), field.strip_prefix('L').and_then(decimal)) {
            (Some(percent), _) => draft.set(Name::FuelLevelPct, Value::Float(percent)),
            (None, litres) => draft.set_float(Name::FuelL, litres),
        },
        9 => own_int("can_range_m", number.map(|hectometres| carry::whole(hectometres * METRES_PER_HECTOMETRE)), draft),
        10 => draft.set_float(Name::ThrottlePct, number),
        11 => draft.set_int(Name::EngineHoursS, seconds),
        12 => draft.set_int(Name::DrivingTimeS, seconds),
        13 => draft.set_int(Name::IdleTimeS, seconds),
        14 => own_float("can_idle_fuel_l", number, draft),
        15 => draft.set_float(Name::AxleWeightKg, number),
        16 => own_text("can_tachograph", field, draft),
        17 => own_text("can_indicators", field, draft),
        18 => own_text("can_lights", field, draft),
        19 => own_text("can_doors", field, draft),
        20 => own_int("can_overspeed_time_s", seconds, draft),
        _ => own_int("can_engine_overspeed_time_s", seconds, draft),
    }
}

/// "H" or "L/H" and litres an hour, "M" or "L/100km" and litres for 100 km.
fn consumption(field: &str, draft: &mut Draft) {
    let behind = |prefixes: &[&str]| prefixes.iter().find_map(|prefix| field.strip_prefix(prefix)).and_then(decimal);
    match (behind(&["L/H", "H"]), behind(&["L/100km", "L/100KM", "M"])) {
        (Some(litres), _) => draft.set(Name::FuelConsumptionLph, Value::Float(litres)),
        (None, Some(litres)) => own_float("can_fuel_per_100km_l", Some(litres), draft),
        (None, None) => own_text("can_fuel_consumption", field, draft),
    }
}

fn expanded(bit: u32, field: &str, draft: &mut Draft) {
    let number = decimal(field);
    match bit {
        // Percent or litres: the manuals disagree, the letter before it may tell.
        0 => own_text("can_adblue", field, draft),
        // Of the first, third and fourth axle; that of the second is in the first mask.
        1 => numbered(Name::AxleWeightKg, 1, number, draft),
        2 => numbered(Name::AxleWeightKg, 3, number, draft),
        3 => numbered(Name::AxleWeightKg, 4, number, draft),
        7 => own_float("can_analog_mv", number, draft),
        15 => draft.set_numbered(Name::Card, 1, Value::Text(field)),
        16 => draft.set_numbered(Name::Card, 2, Value::Text(field)),
        _ => {
            let name = usize::try_from(bit).ok().and_then(|bit| EXPANDED.get(bit));
            own_text(name.copied().unwrap_or("can_reserved"), field, draft);
        }
    }
}

/// Names of what the second mask tells, by bit.
const EXPANDED: [&str; 23] = [
    "can_adblue",
    "can_axle_1",
    "can_axle_3",
    "can_axle_4",
    "can_tachograph_overspeed",
    "can_tachograph_motion",
    "can_tachograph_direction",
    "can_analog_mv",
    "can_engine_braking",
    "can_pedal_braking",
    "can_accelerator_kickdowns",
    "can_effective_engine_time",
    "can_cruise_time",
    "can_kickdown_time",
    "can_brake_applications",
    "can_card_1",
    "can_card_2",
    "can_driver_1_name",
    "can_driver_2_name",
    "can_registration",
    "can_expansion",
    "can_rapid_brakings",
    "can_rapid_accelerations",
];

fn numbered(name: Name, number: u8, value: Option<f64>, draft: &mut Draft) {
    if let Some(value) = value {
        draft.set_numbered(name, number, Value::Float(value));
    }
}

fn own_text(name: &str, text: &str, draft: &mut Draft) {
    draft.attributes.push(Key::Text(name), Value::Text(text));
}

fn own_int(name: &str, value: Option<i64>, draft: &mut Draft) {
    if let Some(value) = value {
        draft.attributes.push(Key::Text(name), Value::Int(value));
    }
}

fn own_float(name: &str, value: Option<f64>, draft: &mut Draft) {
    if let Some(value) = value {
        draft.attributes.push(Key::Text(name), Value::Float(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_speed_stands_before_the_vehicles_and_each_alone_is_its_own() {
        let told = |mask: u32, fields: &[&str]| {
            let mut draft = Draft::new();
            let taken = describe(mask, fields, &mut draft);
            let record = draft.finish();
            let number = |name| record.attributes.get(name).and_then(|value| value.as_f64());
            (taken, number(Name::EngineRpm), number(Name::ObdSpeedKmh))
        };
        assert_eq!(told(0x30, &["1705", "40", "x"]), (2, Some(1705.0), Some(40.0)));
        assert_eq!(told(0x10, &["40"]), (1, None, Some(40.0)));
        assert_eq!(told(0x20, &["1705"]), (1, Some(1705.0), None));
        assert_eq!(told(0x30, &["1705"]), (1, Some(1705.0), None));
    }

    #[test]
    fn the_second_mask_is_found_behind_fields_that_have_no_order() {
        let mut draft = Draft::new();
        let taken = describe(0x3000_0002, &["2", "1", "14", "00000003", "P80.5", "5200", "next"], &mut draft);
        let record = draft.finish();
        assert_eq!(taken, 6);
        assert!(record.attributes.iter().any(|pair| pair == (Key::Named(Name::AxleWeightKg, 1), Value::Float(5_200.0))));
    }
}
