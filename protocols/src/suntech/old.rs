//! The families before the universal protocol.

use super::alert::{alert, emergency};
use super::{Data, Line, data, is_date, millivolts, place, time};
use crate::wire::cell_text;
use crate::{Alarm, Draft, Environment, Key, Name, Value, carry};

/// The ST910: a beacon with a button. Its settings say whether the version (of alerts), the cell and the distance are there.
pub fn small(fields: &Line<'_>) -> Option<Draft> {
    let date = (3..=4).find(|at| is_date(fields, *at))?;
    let mut draft = Draft::at_told(time(fields.bytes(date), fields.bytes(date.saturating_add(1))));
    if date == 4 {
        draft.set_text(Name::Firmware, fields.at(3));
    }
    let cell = date.saturating_add(2);
    let at = if fields.at(cell).contains('.') { cell } else { cell.saturating_add(1) };
    place(fields, at, &mut draft);
    draft.valid = fields.at(at.saturating_add(4)) == "1";
    let next = at.saturating_add(5);
    let mut live = next.saturating_add(1);
    if fields.at(next).contains('.') {
        draft.set_int(Name::BatteryMv, millivolts(fields.bytes(next)));
    } else {
        draft.set_int(Name::OdometerM, fields.unsigned::<u32>(next));
        if fields.at(1) == "Location" {
            draft.set_int(Name::BatteryLevelPct, fields.unsigned::<u8>(live).filter(|percent| *percent <= 100));
            live = live.saturating_add(1);
        }
    }
    if fields.at(1) == "Location" {
        buffered(fields.at(live), &mut draft);
        draft.set_int(Name::Mode, fields.unsigned::<u8>(live.saturating_add(1)));
        draft.set_int(Name::Index, fields.integer(live.saturating_add(2)));
    }
    if at > cell {
        serving(fields, live, Some(fields.at(cell)), false, &mut draft);
    }
    if matches!(fields.at(1), "Alert" | "Emergency") {
        draft.alarm(Alarm::General);
    }
    Some(draft)
}

fn buffered(live: &str, draft: &mut Draft) {
    if live == "0" {
        draft.set(Name::Buffered, Value::Bool(true));
    }
}

/// The serving cell among the fields from there on: `MCC;MNC;signal;area`, known by the sign of the signal, or set (`hbm` 2).
/// `cell` or the field before them is the cell: a number, or cell, area and colour as `XXXXXXXXnn`.
fn serving(fields: &Line<'_>, from: usize, cell: Option<&str>, is_set: bool, draft: &mut Draft) {
    let country = |at: usize| fields.unsigned::<u16>(at).filter(|country| (200..800).contains(country));
    let is_signal = |at: usize| is_set || fields.at(at).starts_with('-');
    let Some(at) = (from..fields.count()).find(|at| country(*at).is_some() && is_signal(at.saturating_add(2))) else { return };
    let (Some(country), Some(network)) = (country(at), fields.number(at.saturating_add(1))) else { return };
    let cell = cell.unwrap_or_else(|| fields.at(at.saturating_sub(1)));
    let hex = |range: core::ops::Range<usize>| cell.get(range).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let place = if cell.len() == 10 { hex(4..8).zip(hex(0..4)) } else { fields.number(at.saturating_add(3)).zip(cell.parse().ok()) };
    // Some firmware tells the signal in quarters of a dBm.
    let signal = fields.number::<i16>(at.saturating_add(2)).map(i16::unsigned_abs).filter(|signal| (1..=140).contains(signal));
    if let Some(place) = place {
        draft.set(Name::Cell, Value::Text(cell_text((country, network), place, signal).as_str()));
    }
}

/// The ST4xx: towers first, the place at the end.
pub fn towers(kind: &str, fields: &Line<'_>) -> Option<Draft> {
    let date = (4..fields.count()).find(|at| is_date(fields, *at))?;
    let mut draft = Draft::at_told(time(fields.bytes(date), fields.bytes(date.saturating_add(1))));
    draft.set_text(Name::Firmware, fields.at(2));
    let is_country = |at: usize| fields.unsigned::<u16>(at).is_some_and(|country| (200..800).contains(&country));
    let first: usize = if is_country(5) { 4 } else { 5 };
    for number in 0..7_usize {
        let at = first.saturating_add(number.saturating_mul(6));
        let part = |offset: usize| fields.integer(at.saturating_add(offset));
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
        draft.set_int(Name::BatteryMv, millivolts(fields.bytes(battery)));
        buffered(fields.at(battery.saturating_add(1)), &mut draft);
        draft.set_int(Name::Index, fields.integer(battery.saturating_add(2)));
        draft.set_int(Name::Status, fields.integer(battery.saturating_add(3)));
        let degrees = (battery.saturating_add(4)..date).find(|at| fields.at(*at).contains('.'));
        draft.set_float(Name::DeviceTemperatureC, degrees.and_then(|at| fields.number(at)));
    }
    let at = date.saturating_add(2);
    place(fields, at, &mut draft);
    draft.set_int(Name::Satellites, fields.unsigned::<u8>(at.saturating_add(4)));
    draft.valid = fields.at(at.saturating_add(5)) == "1";
    raised(kind, fields.at(date.saturating_sub(1)).parse().ok(), &mut draft);
    Some(draft)
}

/// The ST200, ST300, ST600 and their like.
pub fn read(kind: &str, fields: &Line<'_>, data: Option<Data<'_>>, env: &Environment<'_>) -> Option<Draft> {
    let date = (3..=4).find(|at| is_date(fields, *at))?;
    let time = time(fields.bytes(date), fields.bytes(date.saturating_add(1)));
    let version = fields.at(date.saturating_sub(1));
    let behind_time = date.saturating_add(2);
    match kind {
        "STT" | "ALT" | "EMG" | "EVT" | "UEX" => {}
        "HTE" => return Some(journey(fields, behind_time, Draft::at(time), version)),
        _ => return None,
    }
    let mut draft = Draft::at_told(time);
    draft.set_text(Name::Firmware, version);
    let at = (behind_time..behind_time.saturating_add(7)).find(|at| fields.at(*at).contains('.'))?;
    if at.saturating_sub(behind_time) == 5 {
        tower(fields, behind_time, &mut draft);
    }
    place(fields, at, &mut draft);
    draft.set_int(Name::Satellites, fields.unsigned::<u8>(at.saturating_add(4)));
    draft.valid = fields.at(at.saturating_add(5)) == "1";
    draft.set_int(Name::OdometerM, fields.unsigned::<u32>(at.saturating_add(6)));
    draft.set_int(Name::ExternalPowerMv, millivolts(fields.bytes(at.saturating_add(7))));
    states(fields.at(at.saturating_add(8)), &mut draft);
    let more = at.saturating_add(9);
    match (kind, data) {
        ("STT", _) => {
            draft.set_int(Name::Status, fields.integer(more));
            draft.set_int(Name::Index, fields.integer(more.saturating_add(1)));
            tail(fields, more.saturating_add(3), env, &mut draft);
        }
        ("UEX", Some(Data { bytes, tail: behind })) => {
            data::read(bytes, &mut draft);
            tail(&Line::split(behind, ';'), 2, env, &mut draft);
        }
        // The count of the data does not fit: they are taken for one field.
        ("UEX", None) => {
            data::read(fields.at(more.saturating_add(1)).as_bytes(), &mut draft);
            tail(fields, more.saturating_add(4), env, &mut draft);
        }
        (kind, _) => {
            raised(kind, fields.number(more), &mut draft);
            report(fields, more.saturating_add(1), env, &mut draft);
        }
    }
    Some(draft)
}

/// Behind the number of an alert, an emergency or an event some firmware has the fence, or mode and number as of a status.
fn report(fields: &Line<'_>, at: usize, env: &Environment<'_>, draft: &mut Draft) {
    let is_battery = |at: &usize| fields.at(*at).contains('.') && matches!(fields.at(at.saturating_add(1)), "0" | "1");
    let Some(battery) = (at.saturating_add(1)..at.saturating_add(4)).find(is_battery) else { return };
    match battery.saturating_sub(at) {
        2 => draft.attributes.push(Key::Text("event_data"), Value::Text(fields.at(at))),
        3 => {
            draft.set_int(Name::Status, fields.integer(at));
            draft.set_int(Name::Index, fields.integer(at.saturating_add(1)));
        }
        _ => {}
    }
    tail(fields, battery, env, draft);
}

/// The end of a journey: `odometer;supply;hours;battery;live;metres;minutes;minutes stopped;minutes moving;from;to;speeds;…;driver`. The
/// places of its ends are no place of now.
fn journey(fields: &Line<'_>, at: usize, mut draft: Draft, version: &str) -> Draft {
    draft.set_text(Name::Firmware, version);
    draft.set_int(Name::OdometerM, fields.unsigned::<u32>(at));
    draft.set_int(Name::ExternalPowerMv, millivolts(fields.bytes(at.saturating_add(1))));
    if let Some(minutes) = fields.unsigned::<u32>(at.saturating_add(2)).map(i64::from) {
        draft.set(Name::EngineHoursS, Value::Int(minutes.saturating_mul(60)));
    }
    draft.set_int(Name::BatteryMv, millivolts(fields.bytes(at.saturating_add(3))));
    buffered(fields.at(at.saturating_add(4)), &mut draft);
    draft.set_int(Name::TripOdometerM, fields.unsigned::<u32>(at.saturating_add(5)));
    for (name, offset) in [(Name::IdleTimeS, 7), (Name::DrivingTimeS, 8)] {
        let minutes = fields.unsigned::<u32>(at.saturating_add(offset)).map(i64::from);
        draft.set_int(name, minutes.map(|minutes| minutes.saturating_mul(60)));
    }
    if fields.count() > at.saturating_add(9) {
        draft.set_text(Name::DriverId, fields.at(fields.count().saturating_sub(1)));
    }
    draft
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

/// The battery, the hours before it, whether the report is live behind it, and what the settings name.
pub fn tail(fields: &Line<'_>, battery: usize, env: &Environment<'_>, draft: &mut Draft) {
    let settings = &env.options;
    if let Some(minutes) = fields.unsigned::<u32>(battery.saturating_sub(1)).map(i64::from) {
        draft.set(Name::EngineHoursS, Value::Int(minutes.saturating_mul(60)));
    }
    draft.set_int(Name::BatteryMv, millivolts(fields.bytes(battery)).filter(|_| fields.at(battery).contains('.')));
    let live = battery.saturating_add(1);
    if !matches!(fields.at(live), "0" | "1") {
        return;
    }
    buffered(fields.at(live), draft);
    let mut at = live.saturating_add(1);
    // A key's number, and whether it is a known one.
    let is_key = |key: &&str| key.len() == 14 && key.bytes().all(|digit| digit.is_ascii_hexdigit());
    if let Some(key) = fields.from(at).find(|key| is_key(key)).filter(|key| key.bytes().any(|digit| digit != b'0')) {
        draft.set(Name::DriverId, Value::Text(key));
    }
    if settings.flag("include_adc") {
        for number in 1..=3 {
            if !fields.at(at).is_empty() && !fields.at(at).contains('.') {
                break;
            }
            if let Some(volts) = millivolts(fields.bytes(at)) {
                draft.set_numbered(Name::AnalogMv, number, Value::Int(volts));
            }
            at = at.saturating_add(1);
        }
    }
    if settings.flag("include_rpm") {
        draft.set_int(Name::EngineRpm, fields.integer(at));
    }
    if settings.flag("include_temp") {
        let probes = fields.from(at).filter_map(|field| field.split_once(':')).filter(|(id, _)| id.len() == 16);
        for (number, degrees) in (1..).zip(probes.filter_map(|(_, degrees)| degrees.parse().ok())) {
            draft.set_numbered(Name::TemperatureC, number, Value::Float(degrees));
        }
    }
    serving(fields, at, None, settings.number("hbm") == Some(2), draft);
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
