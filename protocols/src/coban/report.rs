//! The lines behind `imei:…,`.

use crate::wire::{self, Fields, degrees_minutes, degrees_minutes_side};
use crate::{Alarm, Civil, Draft, Key, MICROS_PER_SECOND, Micros, Name, Record, Value};

/// What a line is.
pub enum Report {
    Record(Record),
    /// Nothing is told but that the device lives.
    Alive,
    /// Why not.
    Unknown(&'static str),
}

const UNKNOWN: Report = Report::Unknown("unknown form");
/// Fields that are looked at.
const FIELDS_MAX: usize = 32;
const HALF_A_DAY: Micros = 43_200 * MICROS_PER_SECOND;
const DAY: Micros = 2 * HALF_A_DAY;

const ALARMS: &[(&str, Alarm)] = &[
    ("help me", Alarm::Sos),
    ("low battery", Alarm::LowBattery),
    ("stockade", Alarm::Geofence),
    ("move", Alarm::Movement),
    ("speed", Alarm::Overspeed),
    ("door alarm", Alarm::Door),
    ("ac alarm", Alarm::PowerCut),
    ("accident alarm", Alarm::Crash),
    ("collision", Alarm::Crash),
    ("sensor alarm", Alarm::Vibration),
    ("bonnet alarm", Alarm::Bonnet),
    ("footbrake alarm", Alarm::FootBrake),
    ("brake", Alarm::HardBraking),
    ("brake alarm", Alarm::HardBraking),
    ("accelerate", Alarm::HardAcceleration),
    ("sharp turn", Alarm::HardCornering),
    ("acc alarm", Alarm::General),
];

/// The word of an alarm that the encoder says.
pub fn word_of(alarm: Alarm) -> Option<&'static str> {
    ALARMS.iter().find(|(_, known)| *known == alarm).map(|(word, _)| *word).filter(|word| *word != "acc alarm")
}

/// Word, local time, extra, then a fix or none.
pub fn regular(word: &str, content: &str) -> Report {
    let fields = Fields::<FIELDS_MAX>::split(content, ',');
    let mut draft = match fields.at(3) {
        "F" => {
            let mut draft = Draft::at_told(time(fields.at(1), fields.at(4)));
            fix(&fields, &mut draft);
            draft
        }
        "L" => {
            let mut draft = Draft::new();
            if fields.at(1).bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
                // The zone is not told, so that it is no time.
                draft.attributes.push(Key::Text("local_time"), Value::Text(fields.at(1)));
            }
            let mut hexadecimal = fields.from(4).filter(|field| !field.is_empty()).map(|field| u64::from_str_radix(field, 16).ok());
            if let (Some(Some(area)), Some(Some(cell))) = (hexadecimal.next(), hexadecimal.next()) {
                draft.set(Name::Cell, Value::Text(wire::cell_text((0, 0), (area, cell), None).as_str()));
            }
            draft
        }
        _ => return UNKNOWN,
    };
    if let Some(level) = percent(fields.at(2)).filter(|level| (0.0..=100.0).contains(level)) {
        draft.set(Name::BatteryLevelPct, Value::Float(level));
    }
    if word == "rfid" {
        draft.set_text(Name::DriverId, fields.at(2));
    }
    if word.starts_with("oil") {
        // Before and after, as the sensor counts.
        for (number, at) in [(1, 14), (2, 15)] {
            if let Some(level) = fields.number(at).filter(|level: &f64| level.is_finite()) {
                draft.set_numbered(Name::FuelRaw, number, Value::Float(level));
            }
        }
    }
    meaning(word, &mut draft);
    let record = draft.finish();
    if record == Record::default() { Report::Alive } else { Report::Record(record) }
}

/// What the word tells beside the place.
fn meaning(word: &str, draft: &mut Draft) {
    if matches!(word, "" | "tracker") {
        return;
    }
    if let Some((_, alarm)) = ALARMS.iter().find(|(known, _)| *known == word) {
        draft.alarm(*alarm);
    } else if let Some(celsius) = word.strip_prefix("T:") {
        draft.alarm(Alarm::Temperature);
        set_temperature(celsius.parse().ok(), draft);
    } else if let Some(level) = word.strip_prefix("oil") {
        draft.alarm(Alarm::FuelLeak);
        draft.set_float(Name::FuelLevelPct, level.strip_prefix(' ').and_then(percent));
    } else if let Some(code) = word.strip_prefix("DTC") {
        draft.alarm(Alarm::Fault);
        draft.set_text(Name::TroubleCodes, code.trim());
    }
    let told = match word {
        "acc on" => Some((Name::Ignition, true)),
        "acc off" => Some((Name::Ignition, false)),
        "jt" | "109" => Some((Name::Blocked, true)),
        "kt" | "110" => Some((Name::Blocked, false)),
        "lt" | "111" => Some((Name::Armed, true)),
        "mt" | "112" => Some((Name::Armed, false)),
        _ => None,
    };
    if let Some((name, value)) = told.filter(|(name, _)| draft.attributes.get(*name).is_none()) {
        draft.set(name, Value::Bool(value));
    }
    draft.set(Name::Event, Value::Text(word));
}

/// From the UTC time on.
fn fix(fields: &Fields<'_, FIELDS_MAX>, draft: &mut Draft) {
    draft.valid = fields.at(5) == "A";
    // Some leave the side out.
    let degrees = |at: usize| match fields.at(at.saturating_add(1)) {
        "" => degrees_minutes(fields.at(at)),
        side => degrees_minutes_side(fields.at(at), side),
    };
    if !(fields.at(6).is_empty() && fields.at(8).is_empty()) {
        match (degrees(6), degrees(8)) {
            (None, None) => draft.suspect("place"),
            (latitude, longitude) => draft.place_of(latitude, longitude),
        }
    }
    for (at, set) in [(10, Draft::speed_knots as fn(&mut Draft, f64)), (11, Draft::course_deg), (12, Draft::altitude_m)] {
        if let Some(value) = fields.decimal(at) {
            set(draft, value);
        }
    }
    for (at, name) in [(13, Name::Ignition), (14, Name::Door)] {
        if let "0" | "1" = fields.at(at) {
            draft.set(name, Value::Bool(fields.at(at) == "1"));
        }
    }
    draft.set_float(Name::FuelLevelPct, percent(fields.at(15)));
    match percent(fields.at(16)) {
        Some(level) => draft.set_numbered(Name::FuelLevelPct, 2, Value::Float(level)),
        None if fields.at(16).starts_with(['P', 'C', 'B', 'U']) => draft.set(Name::TroubleCodes, Value::Text(fields.at(16))),
        None => {}
    }
    // Without its sign it is something else.
    let celsius = fields.at(17);
    set_temperature(celsius.parse().ok().filter(|_| celsius.starts_with(['+', '-'])), draft);
}

/// A number with `%` behind it.
fn percent(text: &str) -> Option<f64> {
    wire::decimal(text.strip_suffix('%')?)
}

fn set_temperature(celsius: Option<f64>, draft: &mut Draft) {
    let told = |draft: &Draft| draft.attributes.find(Key::Named(Name::TemperatureC, 1)).is_some();
    if let Some(celsius) = celsius.filter(|celsius| celsius.is_finite() && !told(draft)) {
        draft.set_numbered(Name::TemperatureC, 1, Value::Float(celsius));
    }
}

/// The day is that of the local time, or the one beside it where less than half a day lies between both.
fn time(local: &str, utc: &str) -> Option<Micros> {
    // As most write it; no separator is a digit, so that a text with some is none of these.
    if let Some((date, of_day)) = local.split_at_checked(6)
        && of_day.len() == 6
        && let Some(here) = Civil::from_year_month_day(date, of_day)
    {
        return Some(near(here, date, utc));
    }
    let mut digits = [b'0'; 12];
    let mut count = 0_usize;
    for byte in local.bytes().filter(|byte| !matches!(byte, b'/' | b' ' | b':')) {
        *digits.get_mut(count)? = byte;
        count = count.saturating_add(1);
    }
    let (date, of_day) = core::str::from_utf8(&digits).ok()?.split_at_checked(6)?;
    let here = Civil::from_year_month_day(date, of_day).filter(|_| count >= 10)?;
    Some(near(here, date, utc))
}

/// That time of day where it is nearest to the local time, which is left where there is none.
fn near(here: Micros, date: &str, utc: &str) -> Micros {
    // Parts of a second are not told: most devices write zeros.
    let whole = wire::split_once(utc, b'.').map_or(utc, |(whole, _)| whole);
    let Some(there) = Civil::from_year_month_day(date, whole) else { return here };
    let ahead = here.saturating_sub(there);
    match ahead {
        ahead if ahead > HALF_A_DAY => there.saturating_add(DAY),
        ahead if ahead < HALF_A_DAY.saturating_neg() => there.saturating_sub(DAY),
        _ => there,
    }
}

/// The line of the plug of the vehicle.
pub fn obd(content: &str) -> Report {
    let fields = Fields::<FIELDS_MAX>::split(content, ',');
    if fields.count() < 12 {
        return UNKNOWN;
    }
    let mut draft = Draft::new();
    draft.attributes.push(Key::Text("local_time"), Value::Text(fields.at(1)));
    let number = |at: usize| fields.number(at).filter(|value: &f64| value.is_finite());
    let whole = |value: f64| crate::carry::whole(value);
    draft.set_int(Name::OdometerM, number(2).map(|km| whole(km * 1_000.0)));
    draft.set_float(Name::FuelConsumptionLph, number(3));
    if let Some(average) = number(4) {
        draft.attributes.push(Key::Text("fuel_l_per_100km"), Value::Float(average));
    }
    draft.set_int(Name::DrivingTimeS, number(5).map(|hours| whole(hours * 3_600.0)));
    draft.set_int(Name::ObdSpeedKmh, number(6).map(whole));
    draft.set_float(Name::EngineLoadPct, percent(fields.at(7)));
    draft.set_float(Name::CoolantTemperatureC, number(8));
    draft.set_float(Name::ThrottlePct, percent(fields.at(9)));
    draft.set_int(Name::EngineRpm, number(10).map(whole));
    // The plug has the vehicle's battery, and no other.
    draft.set_int(Name::BatteryMv, number(11).map(|volts| whole(volts * 1_000.0)));
    let mut codes = wire::ShortText::default();
    for code in fields.from(12).filter(|code| !code.is_empty()) {
        if !codes.as_str().is_empty() {
            codes.push_str(" ");
        }
        codes.push_str(code);
    }
    draft.set_text(Name::TroubleCodes, codes.as_str());
    Report::Record(draft.finish())
}

/// The line with decimal degrees.
pub fn decimal(content: &str) -> Report {
    let fields = Fields::<FIELDS_MAX>::split(content, ',');
    if fields.count() < 16 {
        return UNKNOWN;
    }
    let mut draft = Draft::at_told(Civil::from_day_month_year(fields.at(5), fields.at(4)));
    draft.valid = matches!(fields.at(7), "1" | "A");
    if !(fields.at(8).is_empty() && fields.at(9).is_empty()) {
        match (fields.decimal(8), fields.decimal(9)) {
            (None, None) => draft.suspect("place"),
            (latitude, longitude) => draft.place_of(latitude, longitude),
        }
    }
    for (at, set) in [(10, Draft::speed_kmh as fn(&mut Draft, f64)), (11, Draft::course_deg), (12, Draft::altitude_m)] {
        if let Some(value) = fields.decimal(at) {
            set(&mut draft, value);
        }
    }
    draft.set_int(Name::GsmSignalLevel, fields.number::<u8>(6));
    draft.set_float(Name::Hdop, fields.decimal(13));
    draft.set_int(Name::Satellites, fields.number::<u8>(14));
    for (at, name) in [(15, Name::Ignition), (16, Name::Charging)] {
        if let "0" | "1" = fields.at(at) {
            draft.set(name, Value::Bool(fields.at(at) == "1"));
        }
    }
    Report::Record(draft.finish())
}
