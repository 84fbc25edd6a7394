//! The families before the universal protocol.

use super::{Line, is_date, millivolts, place, time, transparent};
use crate::wire::cell_text;
use crate::{Alarm, Draft, Environment, Key, Name, Value, carry};

/// Alerts by their number.
const fn alert(number: u16) -> Option<Alarm> {
    Some(match number {
        1 => Alarm::Overspeed,
        3 | 8 => Alarm::GpsAntennaCut,
        5 => Alarm::GeofenceExit,
        6 => Alarm::GeofenceEnter,
        14 => Alarm::LowBattery,
        15 => Alarm::Vibration,
        16 => Alarm::Crash,
        40 => Alarm::PowerRestored,
        41 => Alarm::PowerCut,
        46 => Alarm::HardAcceleration,
        47 => Alarm::HardBraking,
        48 => Alarm::HardCornering,
        50 => Alarm::Jamming,
        _ => return None,
    })
}

/// Emergencies by their number.
const fn emergency(number: u16) -> Option<Alarm> {
    Some(match number {
        1 => Alarm::Sos,
        2 => Alarm::Parking,
        3 => Alarm::PowerCut,
        5 => Alarm::Tamper,
        6 => Alarm::Door,
        7 => Alarm::Movement,
        8 => Alarm::Vibration,
        _ => return None,
    })
}

/// The ST910: a beacon with a button.
pub fn small(fields: &Line<'_>) -> Option<Draft> {
    if !is_date(fields, 4) {
        return None;
    }
    let mut draft = Draft::at_told(time(fields.at(4), fields.at(5)));
    let at = if fields.at(6).starts_with(['+', '-']) { 6 } else { 7 };
    draft.set_text(Name::Firmware, fields.at(3));
    place(fields, at, &mut draft);
    draft.valid = fields.at(at.saturating_add(4)) == "1";
    let next = fields.at(at.saturating_add(5));
    if next.contains('.') {
        draft.set_int(Name::BatteryMv, millivolts(next));
    } else {
        draft.set_int(Name::OdometerM, next.parse::<i64>().ok());
    }
    if matches!(fields.at(1), "Alert" | "Emergency") {
        draft.alarm(Alarm::General);
    }
    Some(draft)
}

/// The ST4xx: towers first, the place at the end.
pub fn towers(kind: &str, fields: &Line<'_>) -> Option<Draft> {
    let date = (4..fields.count()).find(|at| is_date(fields, *at))?;
    let mut draft = Draft::at_told(time(fields.at(date), fields.at(date.saturating_add(1))));
    draft.set_text(Name::Firmware, fields.at(2));
    let is_country = |at: usize| fields.number::<u16>(at).is_some_and(|country| (200..800).contains(&country));
    let first: usize = if is_country(5) { 4 } else { 5 };
    for number in 0..7_usize {
        let at = first.saturating_add(number.saturating_mul(6));
        let part = |offset: usize| fields.number::<i64>(at.saturating_add(offset));
        // The signal stands before the area for the serving cell only.
        let (area, signal) = if number == 0 { (part(4), part(3)) } else { (part(3), part(4)) };
        let (Some(cell), Some(country), Some(network), Some(area)) = (part(0), part(1), part(2), area) else { break };
        if at.saturating_add(6) > date || cell == 0 {
            break;
        }
        let small = |value: i64| u16::try_from(value).unwrap_or(0);
        let signal = signal.filter(|signal| *signal != 0).and_then(|signal| u16::try_from(signal.unsigned_abs()).ok());
        let text = cell_text((small(country), small(network)), (area.unsigned_abs(), cell.unsigned_abs()), signal);
        draft.set_numbered(Name::Cell, carry::index(number), Value::Text(text.as_str()));
    }
    if let Some(battery) = (first..date).find(|at| fields.at(*at).contains('.')) {
        draft.set_int(Name::BatteryMv, millivolts(fields.at(battery)));
        draft.set_int(Name::Index, fields.number::<i64>(battery.saturating_add(2)));
        draft.set_int(Name::Status, fields.number::<i64>(battery.saturating_add(3)));
    }
    let at = date.saturating_add(2);
    place(fields, at, &mut draft);
    draft.set_int(Name::Satellites, fields.number::<u8>(at.saturating_add(4)));
    draft.valid = fields.at(at.saturating_add(5)) == "1";
    raised(kind, fields.at(date.saturating_sub(1)).parse().ok(), &mut draft);
    Some(draft)
}

/// The ST200, ST300, ST600 and their like.
pub fn read(kind: &str, fields: &Line<'_>, env: &Environment<'_>) -> Option<Draft> {
    let date = if is_date(fields, 3) { 3 } else { 4 };
    if !is_date(fields, date) {
        return None;
    }
    let mut draft = Draft::at_told(time(fields.at(date), fields.at(date.saturating_add(1))));
    draft.set_text(Name::Firmware, fields.at(date.saturating_sub(1)));
    if kind == "HTE" {
        // The end of a journey: the places of its ends are no place of now.
        draft.time = None;
        draft.set_text(Name::DriverId, fields.at(fields.count().saturating_sub(1)));
        return Some(draft);
    }
    let behind_time = date.saturating_add(2);
    let is_degrees = |at: usize| fields.at(at).starts_with(['+', '-']) && fields.at(at).contains('.');
    let at = (behind_time..behind_time.saturating_add(7)).find(|at| is_degrees(*at))?;
    if at.saturating_sub(behind_time) == 5 {
        tower(fields, behind_time, &mut draft);
    }
    place(fields, at, &mut draft);
    draft.set_int(Name::Satellites, fields.number::<u8>(at.saturating_add(4)));
    draft.valid = fields.at(at.saturating_add(5)) == "1";
    draft.set_int(Name::OdometerM, fields.number::<i64>(at.saturating_add(6)));
    draft.set_int(Name::ExternalPowerMv, millivolts(fields.at(at.saturating_add(7))));
    states(fields.at(at.saturating_add(8)), &mut draft);
    let more = at.saturating_add(9);
    match kind {
        "STT" => {
            draft.set_int(Name::Status, fields.number::<i64>(more));
            draft.set_int(Name::Index, fields.number::<i64>(more.saturating_add(1)));
            tail(fields, more.saturating_add(2), env, &mut draft);
        }
        "UEX" => {
            transparent(fields.at(more.saturating_add(1)), &mut draft);
            tail(fields, more.saturating_add(3), env, &mut draft);
        }
        kind => {
            raised(kind, fields.number(more), &mut draft);
            tail(fields, more.saturating_add(1), env, &mut draft);
        }
    }
    Some(draft)
}

/// `cell (hex);MCC;MNC;LAC (hex);signal`.
fn tower(fields: &Line<'_>, at: usize, draft: &mut Draft) {
    let hex = |offset: usize| u64::from_str_radix(fields.at(at.saturating_add(offset)), 16).ok();
    let (Some(country), Some(network)) = (fields.number(at.saturating_add(1)), fields.number(at.saturating_add(2))) else { return };
    if let (Some(cell), Some(area)) = (hex(0), hex(3)) {
        let text = cell_text((country, network), (area, cell), fields.number(at.saturating_add(4)));
        draft.set(Name::Cell, Value::Text(text.as_str()));
    }
}

fn states(text: &str, draft: &mut Draft) {
    let mut states = text.bytes().map(|state| state == b'1');
    if let Some(on) = states.next() {
        draft.set(Name::Ignition, Value::Bool(on));
    }
    for (number, on) in (1..=3).zip(states.by_ref()) {
        draft.set_numbered(Name::Input, number, Value::Bool(on));
    }
    for (number, on) in (1..=2).zip(states) {
        draft.set_numbered(Name::Output, number, Value::Bool(on));
    }
}

/// Hours, battery, whether it is live, and what the settings name.
fn tail(fields: &Line<'_>, at: usize, env: &Environment<'_>, draft: &mut Draft) {
    let settings = &env.options;
    if let Some(minutes) = fields.number::<i64>(at) {
        draft.set(Name::EngineHoursS, Value::Int(minutes.saturating_mul(60)));
    }
    draft.set_int(Name::BatteryMv, millivolts(fields.at(at.saturating_add(1))).filter(|_| fields.at(at.saturating_add(1)).contains('.')));
    match fields.at(at.saturating_add(2)) {
        "0" => draft.set(Name::Buffered, Value::Bool(true)),
        "1" => {}
        _ => return,
    }
    let mut at = at.saturating_add(3);
    if settings.flag("include_adc") {
        draft.set_int(Name::AnalogMv, millivolts(fields.at(at)));
        at = at.saturating_add(1);
    }
    if settings.flag("include_rpm") {
        draft.set_int(Name::EngineRpm, fields.number::<i64>(at));
    }
    if settings.flag("include_temp") {
        let probes = fields.from(at).iter().filter_map(|field| field.split_once(':')).filter(|(id, _)| id.len() == 16);
        for (number, (_, value)) in (1..).zip(probes) {
            draft.attributes.push(Key::Named(Name::TemperatureC, number), Value::Float(value.parse().unwrap_or_default()));
        }
    }
    if settings.number("hbm") == Some(2)
        && let (Some(cell), Some(country), Some(network)) =
            (fields.number(at), fields.number(at.saturating_add(1)), fields.number(at.saturating_add(2)))
        && let Some(area) = fields.number(at.saturating_add(4))
    {
        let signal = fields.number::<i16>(at.saturating_add(3)).map(i16::unsigned_abs);
        draft.set(Name::Cell, Value::Text(cell_text((country, network), (area, cell), signal).as_str()));
    }
}

fn raised(kind: &str, number: Option<u16>, draft: &mut Draft) {
    let Some(number) = number else { return };
    let alarm = match kind {
        "ALT" => alert(number),
        "EMG" => emergency(number),
        "STT" => return,
        _ => None,
    };
    draft.set(Name::Event, Value::Int(i64::from(number)));
    if let Some(alarm) = alarm {
        draft.alarm(alarm);
    }
}
