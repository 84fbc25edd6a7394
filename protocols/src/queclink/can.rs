//! What a vehicle's bus says: a mask of eight hexadecimal digits, then a field for each of its bits 0 to 21.

use crate::wire::decimal;
use crate::{Draft, Key, Name, Value, carry};

/// Bits that have a field, in the order of the fields.
const FIELDS: u32 = 22;

/// Reads the fields behind the mask.
pub fn describe(mask: u32, fields: &[&str], draft: &mut Draft) {
    let mut fields = fields.iter();
    for bit in (0..FIELDS).filter(|bit| mask & 1_u32.wrapping_shl(*bit) != 0) {
        let Some(field) = fields.next() else { return };
        if !field.is_empty() {
            one(bit, field, draft);
        }
    }
}

fn one(bit: u32, field: &str, draft: &mut Draft) {
    let number = decimal(field);
    let hours = number.map(|hours| carry::whole(hours * 3_600.0));
    match bit {
        0 => draft.set_text(Name::Vin, field),
        1 => draft.set(Name::Ignition, Value::Bool(field != "0")),
        // "H" hundreds of metres, "I" the pulses of a sensor.
        2 => match field.strip_prefix('H').and_then(decimal) {
            Some(hectometres) => draft.set(Name::ObdOdometerM, Value::Int(carry::whole(hectometres * 100.0))),
            None => draft.attributes.push(Key::Text("can_distance"), Value::Text(field)),
        },
        3 => draft.set_float(Name::FuelUsedL, number),
        4 => draft.set_float(Name::EngineRpm, number),
        5 => draft.set_float(Name::ObdSpeedKmh, number),
        6 => draft.set_float(Name::CoolantTemperatureC, number),
        8 => match (field.strip_prefix('P').and_then(decimal), field.strip_prefix('L').and_then(decimal)) {
            (Some(percent), _) => draft.set(Name::FuelLevelPct, Value::Float(percent)),
            (None, litres) => draft.set_float(Name::FuelL, litres),
        },
        10 => draft.set_float(Name::ThrottlePct, number),
        11 => draft.set_int(Name::EngineHoursS, hours),
        12 => draft.set_int(Name::DrivingTimeS, hours),
        13 => draft.set_int(Name::IdleTimeS, hours),
        15 => draft.set_float(Name::AxleWeightKg, number),
        _ => draft.attributes.push(Key::Text(name(bit)), Value::Text(field)),
    }
}

const fn name(bit: u32) -> &'static str {
    match bit {
        7 => "can_fuel_consumption",
        9 => "can_range",
        14 => "can_idle_fuel",
        16 => "can_tachograph",
        17 => "can_indicators",
        18 => "can_lights",
        19 => "can_doors",
        20 => "can_overspeed_time",
        _ => "can_engine_overspeed_time",
    }
}
