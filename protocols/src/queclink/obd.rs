//! What a vehicle's diagnostic plug says: a mask, then a field for each of its bits 0 to 19; bits 20 to 22 say what follows them.
//!
//! Source: GV500 "@Track Air Interface Protocol" 1.06, `GTOBD` and `<OBD Report Mask>`. Bits 16 and 19 are reserved there; later firmware
//! tells the kind of the plug's protocol and the vehicle's own kilometres.

use super::fields::whole;
use crate::wire::decimal;
use crate::{Draft, Key, Name, Value, carry};

/// Bits that have one field.
const FIELDS: u32 = 20;
const METRES_PER_KILOMETRE: f64 = 1_000.0;

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
    // Also "Inf" and "NaN" are told, which are no numbers here.
    let number = decimal(field).filter(|number| number.is_finite());
    let own = |name: &str, draft: &mut Draft| draft.attributes.push(Key::Text(name), Value::Text(field));
    match bit {
        0 => draft.set_text(Name::Vin, field),
        2 => draft.set_int(Name::ExternalPowerMv, whole(field)),
        4 => draft.set_float(Name::EngineRpm, number),
        5 => draft.set_float(Name::ObdSpeedKmh, number),
        6 => draft.set_float(Name::CoolantTemperatureC, number),
        7 if number.is_some() => own("obd_fuel_consumption", draft),
        8 => own("obd_codes_cleared_km", draft),
        9 => own("obd_lamp_km", draft),
        10 => own("obd_lamp", draft),
        12 => draft.set_text(Name::TroubleCodes, field),
        13 => draft.set_float(Name::ThrottlePct, number),
        14 => draft.set_float(Name::EngineLoadPct, number),
        15 => draft.set_float(Name::FuelLevelPct, number),
        19 => draft.set_int(Name::ObdOdometerM, number.map(|km| carry::whole(km * METRES_PER_KILOMETRE))),
        // Whether the plug is connected, what it supports, how many codes follow, the plug's protocol.
        _ => {}
    }
}
