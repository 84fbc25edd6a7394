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
use crate::{
    Attributes, Civil, Environment, Fix, Identifier, Key, Latitude, Longitude, Message, Micros, Name, Packed, Record, Replies, Value,
};
use alloc::vec::Vec;

const FIELDS: usize = 30;
const VERSION: usize = 1;
const DEVICE: usize = 2;
const NAME: usize = 3;
const SUPPLY: usize = 4;
const REPORT: usize = 5;
const ACCURACY: usize = 7;
const SPEED: usize = 8;
const COURSE: usize = 9;
const HEIGHT: usize = 10;
const LONGITUDE: usize = 11;
const LATITUDE: usize = 12;
const TIME: usize = 13;
const CELL: usize = 14;
const MASK: usize = 18;
const MILEAGE: usize = 19;
const HOURS: usize = 20;
const ANALOG: usize = 21;
const CHARGE: usize = 23;
const STATE: usize = 24;
const RPM: usize = 25;
const ANY: usize = 26;
const FUEL: usize = 27;
const SENT: usize = 28;
const COUNT: usize = 29;

/// Digits of a degree: all of these trackers tell so many.
const DEGREE_DECIMALS: usize = 6;
/// What is no longer is neither a time nor an address.
const SHORT: usize = 9;

/// One more, so that a longer line is told from it.
type Line<'a> = Fields<'a, { FIELDS + 1 }>;
/// A cell as `fields::cell` has it.
type Cell = ((u16, u16), (u64, u64));

/// Reads a usual report. `None`, and nothing done, if it is another message.
pub fn read(text: &str, env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
    let buffered = match text.as_bytes().first_chunk()? {
        b"+RESP:GTFRI," => false,
        b"+BUFF:GTFRI," => true,
        _ => return None,
    };
    let line = Line::split(text, ',');
    let (version, device, sent) = (line.at(VERSION), line.bytes(DEVICE), line.bytes(SENT));
    if line.count() != FIELDS || !matches!(version.len(), 6 | 10) || has_port_fields(version) {
        return None;
    }
    if device.len() != 15 || !are_digits(device) || sent.len() != 14 || !are_digits(sent) {
        return None;
    }
    let supply = supply(&line)?;
    let accuracy = number(line.bytes(ACCURACY))?.filter(|accuracy| (0.0..=100.0).contains(accuracy));
    let (time, place) = place(&line, accuracy.is_none_or(|accuracy| accuracy > 0.0))?;
    let cell = cell(&line)?;
    let rest = Rest::of(&line)?;
    // There is always one; what cannot happen must not ask for the general reading, for which all would be kept at hand.
    let Some((Record { fix_time, fix, attributes }, identifier)) = Message::begin(out) else { return Some(()) };
    *identifier = Identifier::from_bytes(device);
    (*fix_time, *fix) = (Some(time), Some(place));
    if let Some(accuracy) = accuracy.filter(|accuracy| *accuracy > 0.0) {
        attributes.push_packed(Packed::float(Name::Hdop, accuracy));
    }
    let mut few = Packed::text(Name::Event, *b"FRI");
    if buffered {
        few = attributes.join(few, Packed::flag(Name::Buffered, true));
    }
    attributes.push_packed(few);
    if is_vin(line.at(NAME)) {
        attributes.set(Name::Vin, Value::Text(line.at(NAME)));
    }
    tell(Name::ExternalPowerMv, supply, attributes);
    if let Some((operator, place)) = cell {
        attributes.set(Name::Cell, Value::Text(cell_text(operator, place, None).as_str()));
    }
    rest.tell(attributes);
    acknowledge(line.at(COUNT), env, replies);
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

/// Millivolts behind the name; what is short is none. On some series they stand one field further.
fn supply(line: &Line<'_>) -> Option<Option<u32>> {
    match line.bytes(SUPPLY) {
        supply if supply.len() >= 4 => whole(supply),
        _ if line.bytes(REPORT).len() >= 4 => None,
        _ => Some(None),
    }
}

/// Degrees with so many digits behind the point.
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
    let degrees = quotient(digits, DEGREE_DECIMALS)?;
    Some(if negative { -degrees } else { degrees })
}

/// When and where, all in its range.
fn place(line: &Line<'_>, valid: bool) -> Option<(Micros, Fix)> {
    let (longitude, latitude) = (degrees(line.bytes(LONGITUDE))?, degrees(line.bytes(LATITUDE))?);
    // How devices say "none".
    if latitude == 0.0 && longitude == 0.0 {
        return None;
    }
    let course = within(line.bytes(COURSE), 0.0, 360.0)?;
    let fix = Fix {
        latitude: Latitude::new(latitude)?,
        longitude: Longitude::new(longitude)?,
        valid,
        altitude_m: within(line.bytes(HEIGHT), -100_000.0, 100_000.0)?,
        speed_kmh: within(line.bytes(SPEED), 0.0, 2_000.0)?,
        course_deg: course.map(|course| if course >= 360.0 { 0.0 } else { course }),
    };
    Some((Civil::from_fourteen_digits(line.at(TIME))?, fix))
}

/// The cell, or four empty fields.
fn cell(line: &Line<'_>) -> Option<Option<Cell>> {
    let four = line.some::<4>(CELL)?;
    if four.iter().all(|field| field.is_empty()) { Some(None) } else { Some(Some(fields::cell(&four)?)) }
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
        if !matches!(line.bytes(MASK), b"" | b"00") {
            return None;
        }
        let metres = metres(line.bytes(MILEAGE))?;
        if line.bytes(STATE).is_empty() {
            // Without a state there is nothing more: where it is missing alone, the others are known by another's place.
            let empty = (HOURS..=FUEL).all(|index| line.bytes(index).is_empty());
            return empty.then(|| Self { metres, ..Self::default() });
        }
        let hours = line.at(HOURS);
        let hours_s = if hours.is_empty() { None } else { Some(fields::hours(hours)?) };
        let [first, second] = [line.bytes(ANALOG), line.bytes(ANALOG + 1)];
        let charge = line.bytes(CHARGE);
        if first.len() > 5 || second.len() > 5 || charge.len() > 3 || line.bytes(RPM).len() > 5 || line.bytes(ANY).len() > SHORT {
            return None;
        }
        let analog = [whole(first)?, whole(second)?];
        // A number with a point would be degrees to the time of sending.
        let fuel = Some(line.bytes(FUEL)).filter(|fuel| fuel.len() <= 3).and_then(whole)?;
        Some(Self {
            metres,
            hours_s,
            // Known by what stands before them.
            analog: if hours_s.is_some() || metres.is_some() { analog } else { [None; 2] },
            charge: whole(charge)?.filter(|percent| *percent <= 100),
            state: Some(state(line.bytes(STATE))?),
            rpm: whole(line.bytes(RPM))?,
            fuel: fuel.filter(|percent| *percent <= 100),
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
fn state(field: &[u8]) -> Option<(Option<bool>, Option<bool>, u8, u8)> {
    let (six, behind) = field.split_at_checked(6)?;
    if !matches!(behind.len(), 0 | 4) {
        return None;
    }
    eight_hexadecimal(last_eight(behind))?;
    let [.., byte, inputs, outputs] = eight_hexadecimal(last_eight(six))?.to_be_bytes();
    let (ignition, motion) = fields::state_of(byte)?;
    Some((ignition, motion, inputs, outputs))
}
