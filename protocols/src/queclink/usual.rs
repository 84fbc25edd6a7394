//! The report that vehicle trackers send all day, read in one go.
//!
//! ```text
//! usual = ( "+RESP" / "+BUFF" ) ":GTFRI," version "," IMEI "," name "," [ supply (mV) ] "," report "," count ","
//!         place "," [ cell ] "," [ "00" ] "," [ km ] "," [ hours ] "," [ mV ] "," [ mV ] "," [ charge ] "," [ state ] ","
//!         [ rpm ] "," any "," [ fuel (%) ] "," sent "," count
//! ```
//!
//! It has thirty fields, of which each stands where it always stands, so that none has to be found by its form. Whatever differs in
//! anything is left to the general reading, which says the same of these lines too (a test compares them). Each condition here keeps away
//! what that reading would find elsewhere: no field but the two times has fourteen digits, none before the state is a state, none but the
//! one of the distance a distance.

use super::fields;
use super::head::is_vin;
use super::text::{acknowledge, has_port_fields};
use crate::wire::{Fields, are_digits, cell_text, decimal_of, eight_decimal, eight_hexadecimal, last_eight, quotient};
use crate::{Attributes, Environment, Fix, Identifier, Key, Latitude, Longitude, Message, Micros, Name, Packed, Record, Replies, Value};
use alloc::vec::Vec;

/// What is no longer is neither a time nor an address.
const SHORT: usize = 9;

/// One more than it has, so that a longer line is told from it.
type Line<'a> = Fields<'a, 31>;

/// Reads a usual report. `None`, and nothing done, if it is another message.
pub fn read(text: &str, env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
    let buffered = match text.as_bytes().first_chunk()? {
        b"+RESP:GTFRI," => false,
        b"+BUFF:GTFRI," => true,
        _ => return None,
    };
    let line = Line::split(text, ',');
    let [version, name, sent, count] = [line.at(1), line.at(3), line.at(28), line.at(29)];
    let [device, supply, report] = [line.bytes(2), line.bytes(4), line.bytes(5)];
    if !matches!(version.len(), 6 | 10) || has_port_fields(version) || !fields::is_time(sent) {
        return None;
    }
    if line.count() != 30 || device.len() != 15 || !are_digits(device) {
        return None;
    }
    let supply = supply_of(supply, report)?;
    let (time, place, accuracy) = place_of(&line)?;
    let four = line.some::<4>(14)?;
    let cell = if four == [""; 4] { None } else { Some(fields::cell(&four)?) };
    let rest = Rest::of(&line)?;
    // There is always one; what cannot happen must not ask for the general reading, for which all would be kept at hand.
    let Some((Record { fix_time, fix, attributes }, identifier)) = Message::begin_record(out) else { return Some(()) };
    *identifier = Identifier::from_bytes(device);
    (*fix_time, *fix) = (Some(time), Some(place));
    if let Some(accuracy) = accuracy {
        attributes.push_packed(Packed::float(Name::Hdop, accuracy));
    }
    let mut few = Packed::text(Name::Event, *b"FRI");
    if buffered {
        few = attributes.join(few, Packed::flag(Name::Buffered, true));
    }
    attributes.push_packed(few);
    if is_vin(name) {
        attributes.set(Name::Vin, Value::Text(name));
    }
    tell(Name::ExternalPowerMv, supply, attributes);
    if let Some((operator, place)) = cell {
        attributes.set(Name::Cell, Value::Text(cell_text(operator, place, None).as_str()));
    }
    rest.tell(attributes);
    acknowledge(count, env, replies);
    Some(())
}

fn tell(name: Name, value: Option<u32>, attributes: &mut Attributes) {
    if let Some(value) = value {
        attributes.push_packed(Packed::int(name, value));
    }
}

/// A number that may be missing, as `wire::decimal` reads it. `None`: it is none, or a long one.
#[inline(always)]
fn number(field: &[u8]) -> Option<Option<f64>> {
    match field.len() {
        0 => Some(None),
        1..=SHORT => Some(Some(decimal_of(field)?)),
        _ => None,
    }
}

/// The same of what is in a range.
#[inline(always)]
#[allow(clippy::cast_possible_truncation)]
fn within(field: &[u8], min: f64, max: f64) -> Option<Option<f32>> {
    match number(field)? {
        None => Some(None),
        Some(number) => (min..=max).contains(&number).then_some(Some(number as f32)),
    }
}

/// A whole number without leading zeros that may be missing. `None`: it is none, or a long one.
#[inline(always)]
fn whole(field: &[u8]) -> Option<Option<u32>> {
    match *field {
        [] => Some(None),
        [b'0', _, ..] => None,
        _ if field.len() <= 8 => Some(Some(u32::try_from(eight_decimal(last_eight(field))?).ok()?)),
        _ => None,
    }
}

/// Millivolts; what is short is none. On some series they stand one field further.
fn supply_of(supply: &[u8], next: &[u8]) -> Option<Option<u32>> {
    match (supply.len() >= 4, next.len() >= 4) {
        (true, _) => whole(supply),
        (false, true) => None,
        (false, false) => Some(None),
    }
}

/// Degrees with six digits behind the point: all of these trackers tell so many.
fn degrees(field: &[u8]) -> Option<f64> {
    let (negative, digits) = match field {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let (whole, [b'.', a, b, c, d, e, f]) = digits.split_last_chunk()? else { return None };
    if !(1..=3).contains(&whole.len()) {
        return None;
    }
    let behind = eight_decimal(u64::from_le_bytes([b'0', b'0', *a, *b, *c, *d, *e, *f]))?;
    let digits = eight_decimal(last_eight(whole))?.wrapping_mul(1_000_000).wrapping_add(behind);
    let degrees = quotient(digits, 6)?;
    Some(if negative { -degrees } else { degrees })
}

/// When and where, all in its range, and the accuracy.
fn place_of(line: &Line<'_>) -> Option<(Micros, Fix, Option<f64>)> {
    let [accuracy, speed, course, height, longitude, latitude] =
        [line.bytes(7), line.bytes(8), line.bytes(9), line.bytes(10), line.bytes(11), line.bytes(12)];
    let (longitude, latitude) = (degrees(longitude)?, degrees(latitude)?);
    // How devices say "none".
    if latitude == 0.0 && longitude == 0.0 {
        return None;
    }
    let accuracy = number(accuracy)?.filter(|accuracy| (0.0..=100.0).contains(accuracy));
    let fix = Fix {
        latitude: Latitude::new(latitude)?,
        longitude: Longitude::new(longitude)?,
        valid: accuracy.is_none_or(|accuracy| accuracy > 0.0),
        altitude_m: within(height, -100_000.0, 100_000.0)?,
        speed_kmh: within(speed, 0.0, 2_000.0)?,
        course_deg: within(course, 0.0, 360.0)?.map(|course| if course >= 360.0 { 0.0 } else { course }),
    };
    Some((fields::time(line.at(13))?, fix, accuracy.filter(|accuracy| *accuracy > 0.0)))
}

/// What stands behind the cell.
#[derive(Default)]
struct Rest {
    metres: Option<i64>,
    hours_s: Option<i64>,
    analog: [Option<u32>; 2],
    charge: Option<u32>,
    /// Ignition, motion, inputs and outputs.
    state: Option<(Option<bool>, Option<bool>, u8, u8)>,
    rpm: Option<u32>,
    fuel: Option<u32>,
}

impl Rest {
    fn of(line: &Line<'_>) -> Option<Self> {
        let [mask, mileage, first, second, charge] = [line.bytes(18), line.bytes(19), line.bytes(21), line.bytes(22), line.bytes(23)];
        let ([state, rpm, any, fuel], hours) = ([line.bytes(24), line.bytes(25), line.bytes(26), line.bytes(27)], line.at(20));
        let metres = metres(mileage)?;
        if !matches!(mask, b"" | b"00") {
            return None;
        }
        if state.is_empty() {
            // Without it there is nothing more: were there anything, it would be looked for elsewhere.
            let is_over = hours.is_empty() && [first, second, charge, rpm, any, fuel].iter().all(|field| field.is_empty());
            return is_over.then(|| Self { metres, ..Self::default() });
        }
        if [first, second, rpm].iter().any(|field| field.len() > 5) || charge.len() > 3 || any.len() > SHORT || fuel.len() > 3 {
            return None;
        }
        let hours_s = if hours.is_empty() { None } else { Some(fields::hours(hours)?) };
        let analog = [whole(first)?, whole(second)?];
        let percent = |field| whole(field).map(|percent| percent.filter(|percent| *percent <= 100));
        Some(Self {
            metres,
            hours_s,
            // Known by what stands before them.
            analog: if hours_s.is_some() || metres.is_some() { analog } else { [None; 2] },
            charge: percent(charge)?,
            state: Some(state_of(state)?),
            rpm: whole(rpm)?,
            // A number with a point would be degrees to the time of sending.
            fuel: percent(fuel)?,
        })
    }

    fn tell(self, attributes: &mut Attributes) {
        for (name, value) in [(Name::OdometerM, self.metres), (Name::EngineHoursS, self.hours_s)] {
            if let Some(value) = value {
                attributes.push_packed(Packed::int(name, value));
            }
        }
        for (number, value) in (1..).zip(self.analog) {
            if let Some(value) = value {
                attributes.push_here(Key::Named(Name::AnalogMv, number), Value::Int(i64::from(value)));
            }
        }
        tell(Name::BatteryLevelPct, self.charge, attributes);
        let Some((ignition, motion, inputs, outputs)) = self.state else { return };
        let ports = (Packed::int(Name::InputMask, inputs), Packed::int(Name::OutputMask, outputs));
        for (name, value) in [(Name::Ignition, ignition), (Name::Motion, motion)] {
            if let Some(value) = value {
                attributes.push_packed(Packed::flag(name, value));
            }
        }
        let ports = attributes.join(ports.0, ports.1);
        attributes.push_packed(ports);
        tell(Name::EngineRpm, self.rpm, attributes);
        tell(Name::FuelLevelPct, self.fuel, attributes);
    }
}

/// Kilometres with one decimal, in metres.
fn metres(field: &[u8]) -> Option<Option<i64>> {
    if field.is_empty() {
        return Some(None);
    }
    let (whole, [b'.', tenth @ b'0'..=b'9']) = field.split_last_chunk()? else { return None };
    if !(1..=8).contains(&whole.len()) {
        return None;
    }
    let tenths = eight_decimal(last_eight(whole))?.wrapping_mul(10).wrapping_add(u64::from(tenth & 0x0F));
    Some(Some(tenths.wrapping_mul(100).cast_signed()))
}

/// State, inputs and outputs, two hexadecimal digits each; on some series four more.
fn state_of(field: &[u8]) -> Option<(Option<bool>, Option<bool>, u8, u8)> {
    let (six, behind) = field.split_at_checked(6)?;
    if !matches!(behind.len(), 0 | 4) {
        return None;
    }
    eight_hexadecimal(last_eight(behind))?;
    let [.., byte, inputs, outputs] = eight_hexadecimal(last_eight(six))?.to_be_bytes();
    let (ignition, motion) = fields::state_of(byte)?;
    Some((ignition, motion, inputs, outputs))
}
