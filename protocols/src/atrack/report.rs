//! Records, in text and in binary.

use super::custom;
use crate::wire::{Cursor, Parts, cut_at_most, decimal, integer, truncated};
use crate::{Attributes, Civil, Draft, Environment, Identifier, Key, Micros, Name, Value, carry, unix_seconds};

const PER_DEGREE: f64 = 1e6;
/// What is told of a probe that is not there.
const NO_TEMPERATURE: i64 = 2_000;
/// Bytes of a record up to the driver.
const FIXED_BYTES: usize = 35;
/// How far the next record may stand behind values that are not known.
const NEXT_OFFSET_MAX: usize = 512;

/// What both forms tell alike.
struct Told {
    time: Option<Micros>,
    longitude: f64,
    latitude: f64,
    heading: f64,
    report: i64,
    odometer_tenths: f64,
    hdop_tenths: f64,
    inputs: i64,
    speed: f64,
    outputs: i64,
    analog_mv: i64,
    temperatures: [i64; 2],
}

impl Told {
    fn tell(&self, driver: &str, text: &str, draft: &mut Draft) {
        draft.time = self.time;
        draft.valid = true;
        draft.place(self.latitude / PER_DEGREE, self.longitude / PER_DEGREE);
        draft.course_deg(self.heading);
        draft.speed_kmh(self.speed);
        draft.set(Name::Event, Value::Int(self.report));
        draft.set(Name::OdometerM, Value::Int(carry::whole(self.odometer_tenths * 100.0)));
        draft.set(Name::Hdop, Value::Float(tenths(self.hdop_tenths)));
        draft.set(Name::InputMask, Value::Int(self.inputs));
        draft.set(Name::OutputMask, Value::Int(self.outputs));
        draft.attributes.push_here(Key::Named(Name::AnalogMv, 1), Value::Int(self.analog_mv));
        if !matches!(driver, "" | "0") {
            draft.set(Name::DriverId, Value::Text(driver));
        }
        for (number, tenths) in (1..).zip(self.temperatures).filter(|(_, tenths)| *tenths != NO_TEMPERATURE) {
            let degrees = f64::from(i32::try_from(tenths).unwrap_or(0)) / 10.0;
            draft.set_numbered(Name::TemperatureC, number, Value::Float(degrees));
        }
        draft.set_text(Name::Text, text.trim_matches(|c: char| c.is_control()));
    }
}

/// Tenths as a number with one decimal.
fn tenths(tenths: f64) -> f64 {
    /// Below it the quotient is the number that is nearest to the decimal one: there is nothing to round.
    const EXACT: f64 = 1e12;
    let number = tenths / 10.0;
    if tenths.abs() < EXACT && truncated(tenths) == tenths { number } else { carry::rounded(number, 1) }
}

/// Seconds since 1970, or a date of fourteen digits.
fn text_time(field: &str) -> Option<Micros> {
    if field.len() == 14 {
        return Civil::from_fourteen_digits(field);
    }
    unix_seconds(integer(field.as_bytes())?)
}

/// Fields of a record in text up to its own values, and those.
const TEXT_FIELDS: usize = 18;
/// The fields that each record has.
const TEXT_FIELDS_MIN: usize = 14;

/// A record in text; `None` if it is none.
pub fn text(line: &str, env: &Environment<'_>, draft: &mut Draft) -> Option<()> {
    let (fields, count) = cut_at_most::<TEXT_FIELDS>(line, b',');
    if count < TEXT_FIELDS_MIN {
        return None;
    }
    let [time, _, _, longitude, latitude, heading, report, odometer, hdop, inputs, speed, outputs, analog, driver, fields @ ..] = fields;
    let [first, second, text, own] = fields;
    let temperature = |field: &str| integer(field.as_bytes()).unwrap_or(NO_TEMPERATURE);
    let told = Told {
        time: text_time(time),
        longitude: decimal(longitude)?,
        latitude: decimal(latitude)?,
        heading: decimal(heading)?,
        report: integer(report.as_bytes())?,
        odometer_tenths: decimal(odometer).filter(|tenths| tenths.abs() < 1e9)?,
        hdop_tenths: decimal(hdop)?,
        inputs: integer(inputs.as_bytes())?,
        speed: decimal(speed)?,
        outputs: integer(outputs.as_bytes())?,
        analog_mv: integer(analog.as_bytes())?,
        temperatures: [temperature(first), temperature(second)],
    };
    told.tell(driver, text, draft);
    if count < TEXT_FIELDS {
        return Some(());
    }
    let mut values = Parts::of(own, ',');
    let form = if own.starts_with("%CI") {
        values.next()
    } else if env.options.flag("custom") {
        env.options.text("form")
    } else {
        None
    };
    if let Some(form) = form {
        custom::texts(form, &mut values, draft);
    }
    Some(())
}

fn binary_time(body: &mut Cursor<'_>, long: bool) -> Option<Option<Micros>> {
    if !long {
        return Some(unix_seconds(body.be_u32()?));
    }
    Some(Civil::from_year_and_bytes(body.be_u16()?, body.array()?))
}

/// A record in binary; `None` if it ends too early.
pub fn binary(body: &mut Cursor<'_>, env: &Environment<'_>, draft: &mut Draft) -> Option<()> {
    let long = env.options.flag("long_date");
    let time = binary_time(body, long)?;
    binary_time(body, long)?;
    binary_time(body, long)?;
    let (longitude, latitude) = (body.be_u32()?.cast_signed(), body.be_u32()?.cast_signed());
    let told = Told {
        time,
        longitude: f64::from(longitude),
        latitude: f64::from(latitude),
        heading: f64::from(body.be_u16()?),
        report: i64::from(body.u8()?),
        odometer_tenths: f64::from(body.be_u32()?),
        hdop_tenths: f64::from(body.be_u16()?),
        inputs: i64::from(body.u8()?),
        speed: f64::from(body.be_u16()?),
        outputs: i64::from(body.u8()?),
        analog_mv: i64::from(body.be_u16()?),
        temperatures: [0; 2],
    };
    let driver = custom::string(body)?;
    let told = Told { temperatures: [i64::from(body.be_u16()?.cast_signed()), i64::from(body.be_u16()?.cast_signed())], ..told };
    let text = custom::string(body)?;
    told.tell(driver, text, draft);
    let form = match body.rest() {
        [b'%', b'C', b'I', ..] => Some(custom::string(body)?),
        _ if env.options.flag("custom") => env.options.text("form"),
        _ => None,
    };
    if let Some(form) = form
        && custom::binary(form, body, draft).is_none()
    {
        find_next(body);
    }
    Some(())
}

/// Values of unknown width: goes on where what follows can be a record, or to the end.
fn find_next(body: &mut Cursor<'_>) {
    let rest = body.rest();
    let next = (0..NEXT_OFFSET_MAX.min(rest.len())).find(|offset| rest.get(*offset..).is_some_and(can_be_record));
    let _ = body.skip(next.unwrap_or(rest.len()));
}

/// Three times that are near each other, and a place.
fn can_be_record(bytes: &[u8]) -> bool {
    const DAY_S: u32 = 86_400;
    const SINCE_2005: u32 = 1_104_537_600;
    let mut body = Cursor::new(bytes);
    let (Some(fix), Some(clock), Some(sent)) = (body.be_u32(), body.be_u32(), body.be_u32()) else { return false };
    let (Some(longitude), Some(latitude), Some(heading)) = (body.be_u32(), body.be_u32(), body.be_u16()) else { return false };
    bytes.len() >= FIXED_BYTES
        && fix > SINCE_2005
        && fix.abs_diff(clock) < DAY_S
        && sent >= clock
        && longitude.cast_signed().unsigned_abs() <= 180_000_000
        && latitude.cast_signed().unsigned_abs() <= 90_000_000
        && heading <= 360
}

/// What a device says of itself.
pub fn information(text: &str) -> (Option<Identifier>, Attributes) {
    let mut fields = Parts::of(text, ',');
    let mut next = || fields.next().unwrap_or_default();
    let identifier = Identifier::new(next());
    let mut draft = Draft::new();
    draft.set_text(Name::Model, next());
    draft.set_text(Name::Firmware, next());
    next();
    draft.set_text(Name::Imsi, next());
    draft.set_text(Name::Iccid, next());
    for name in [Name::ExternalPowerMv, Name::BatteryMv] {
        draft.set_int(name, next().parse::<u16>().ok().map(|tenths| i64::from(tenths).saturating_mul(100)));
    }
    draft.set_int(Name::Satellites, next().parse::<u8>().ok());
    next();
    draft.set_int(Name::GsmSignalLevel, next().parse::<u8>().ok());
    (identifier, draft.attributes)
}
