//! Compares what we heard with what was recorded.

use crate::feed::Heard;
use crate::tally::{Difference, Tally};
use crate::vector::{Answer, Position, Vector};
use protocols::{Attributes, Fix, Micros, Name, Record, Value, ValueBuf, to_rfc3339, wire};
use std::collections::BTreeSet;

/// How far apart two equal values may be.
const DEGREES: f64 = 1e-5;
const SPEED_KMH: f64 = 0.2;
const COURSE_DEG: f64 = 1.0;

/// Adds one recording to the tally.
pub fn compare(vector: &Vector, heard: &Heard, tally: &mut Tally) {
    tally.ids.insert(vector.recording.id.clone());
    let before = tally.disagreements.len();
    places(vector, heard, tally);
    answers(vector, heard, tally);
    let agrees = tally.disagreements.len() == before;
    if let Some(problem) = &heard.problem {
        if !agrees {
            tally.disagreements.push(difference(vector, "frame", problem.clone(), "read".into()));
        } else {
            tally.notes.push(format!("{} {problem}", vector.recording.id));
        }
    }
    tally.frames.add(agrees);
}

fn difference(vector: &Vector, field: &'static str, ours: String, theirs: String) -> Difference {
    Difference { id: vector.recording.id.clone(), field, ours, theirs }
}

fn places(vector: &Vector, heard: &Heard, tally: &mut Tally) {
    let wanted: Vec<&Position> = vector.positions.iter().filter(|p| p.has_place()).collect();
    let got: Vec<(&Record, &Fix)> = heard.records.iter().filter_map(|r| r.fix.as_ref().map(|f| (r, f))).collect();
    for index in 0..wanted.len().max(got.len()) {
        match (wanted.get(index), got.get(index)) {
            (Some(wanted), Some((record, fix))) => {
                let found = differences(vector, wanted, record, fix);
                tally.place(&vector.recording.id, found.is_empty());
                tally.disagreements.extend(found);
                tally.valid.add(wanted.valid == fix.valid);
                tally.altitude.add((wanted.altitude_m - f64::from(fix.altitude_m.unwrap_or(0.0))).abs() <= 1.0);
                attributes(vector, wanted, &record.attributes, tally);
            }
            (Some(wanted), None) => {
                tally.place(&vector.recording.id, false);
                let theirs = format!("{}/{}", wanted.latitude, wanted.longitude);
                tally.disagreements.push(difference(vector, "place", "none".into(), theirs));
            }
            (None, Some((_, fix))) => {
                tally.place(&vector.recording.id, false);
                let ours = format!("{}/{}", fix.latitude.degrees(), fix.longitude.degrees());
                tally.disagreements.push(difference(vector, "place", ours, "none".into()));
            }
            (None, None) => {}
        }
    }
    let none = Attributes::new();
    let times: Vec<Option<Micros>> = heard.records.iter().filter(|r| r.fix.is_none()).map(|r| r.fix_time).collect();
    let without: Vec<&Attributes> =
        heard.records.iter().filter(|r| r.fix.is_none()).map(|r| &r.attributes).chain(&heard.heartbeats).collect();
    for (index, wanted) in vector.positions.iter().filter(|p| !p.has_place()).enumerate() {
        tally.without_fix.add(index < without.len());
        // What is neither an old fix nor a place has a time of its own.
        if !wanted.outdated && !wanted.of_the_clock {
            let time = times.get(index).copied().flatten();
            tally.place(&vector.recording.id, time == wanted.time);
            if time != wanted.time {
                tally.disagreements.push(difference(vector, "time", shown(time), shown(wanted.time)));
            }
        }
        attributes(vector, wanted, without.get(index).copied().unwrap_or(&none), tally);
    }
}

fn differences(vector: &Vector, wanted: &Position, record: &Record, fix: &Fix) -> Vec<Difference> {
    let mut found = Vec::new();
    let no_time_is_right = wanted.of_the_clock && record.fix_time.is_none();
    if record.fix_time != wanted.time && !no_time_is_right {
        found.push(difference(vector, "time", shown(record.fix_time), shown(wanted.time)));
    }
    let course = (f64::from(fix.course_deg.unwrap_or(0.0)) - wanted.course_deg).rem_euclid(360.0);
    let numbers = [
        ("latitude", fix.latitude.degrees(), wanted.latitude, (fix.latitude.degrees() - wanted.latitude).abs() <= DEGREES),
        ("longitude", fix.longitude.degrees(), wanted.longitude, (fix.longitude.degrees() - wanted.longitude).abs() <= DEGREES),
        (
            "speed",
            f64::from(fix.speed_kmh.unwrap_or(0.0)),
            wanted.speed_kmh,
            (f64::from(fix.speed_kmh.unwrap_or(0.0)) - wanted.speed_kmh).abs() <= SPEED_KMH,
        ),
        ("course", f64::from(fix.course_deg.unwrap_or(0.0)), wanted.course_deg, course.min(360.0 - course) <= COURSE_DEG),
    ];
    for (field, ours, theirs, equal) in numbers {
        if !equal {
            found.push(difference(vector, field, ours.to_string(), theirs.to_string()));
        }
    }
    found
}

fn shown(time: Option<Micros>) -> String {
    time.and_then(to_rfc3339).unwrap_or_else(|| "none".into())
}

fn answers(vector: &Vector, heard: &Heard, tally: &mut Tally) {
    let show = |answer: Option<&Answer>| match answer {
        None => "none".to_owned(),
        Some(Answer::Bytes(bytes)) if bytes.iter().all(|b| b.is_ascii_graphic() || b" \r\n".contains(b)) => {
            format!("{:?}", String::from_utf8_lossy(bytes))
        }
        Some(Answer::Bytes(bytes)) => wire::to_hex(bytes),
        Some(Answer::Http(status)) => status.to_string(),
    };
    for index in 0..vector.answers.len().max(heard.answers.len()) {
        let (wanted, got) = (vector.answers.get(index), heard.answers.get(index));
        tally.reply(&vector.recording.id, wanted == got);
        if wanted != got {
            tally.disagreements.push(difference(vector, "reply", show(got), show(wanted)));
        }
    }
}

/// A cell among the attributes.
fn cell_of(pair: (String, ValueBuf)) -> Option<String> {
    match pair {
        (name, ValueBuf::Text(text)) if name == "cell" || name.starts_with("cell[") => Some(text),
        _ => None,
    }
}

/// The attributes that most protocols have: kind of alarm, ignition, battery, external power, odometer, satellites, cells.
fn attributes(vector: &Vector, wanted: &Position, got: &Attributes, tally: &mut Tally) {
    let number = |name: Name| got.get(name).and_then(|v| v.as_f64());
    if !wanted.cells.is_empty() {
        let ours: BTreeSet<String> = got.to_pairs().into_iter().filter_map(cell_of).collect();
        let equal = wanted
            .cells
            .iter()
            .all(|cell| ours.iter().any(|our| our == cell || our.strip_prefix(cell).is_some_and(|r| r.starts_with('-'))));
        tally.attributes.add(equal);
        if !equal {
            tally.attribute_misses.push(vector.recording.id.clone());
            tally.notes.push(format!("{} cells: ours {ours:?}, theirs {:?}", vector.recording.id, wanted.cells));
        }
    }
    for (key, value) in &wanted.attributes {
        let (ours, equal) = match key.as_str() {
            "ignition" => {
                let ours = got.get(Name::Ignition);
                (format!("{ours:?}"), ours == value.as_bool().map(Value::Bool))
            }
            "alarm" => {
                // There the same alarm may stand twice.
                let mut theirs: Vec<&str> = value.as_str().unwrap_or("").split(',').map(alarm_name).collect();
                theirs.dedup();
                let ours: Vec<&str> = got.alarms().map(|a| a.as_str()).collect();
                (format!("{ours:?}"), ours == theirs)
            }
            "battery" => close(number(Name::BatteryMv).map(|v| v / 1000.0), value),
            "batteryLevel" => close(number(Name::BatteryLevelPct), value),
            "power" => close(number(Name::ExternalPowerMv).map(|v| v / 1000.0), value),
            "odometer" => close(number(Name::OdometerM), value),
            "sat" => close(number(Name::Satellites), value),
            _ => continue,
        };
        tally.attributes.add(equal);
        if !equal {
            tally.attribute_misses.push(vector.recording.id.clone());
            tally.notes.push(format!("{} {key}: ours {ours}, theirs {value}", vector.recording.id));
        }
    }
}

fn close(ours: Option<f64>, theirs: &serde_json::Value) -> (String, bool) {
    let equal = ours.zip(theirs.as_f64()).is_some_and(|(a, b)| (a - b).abs() <= 1e-3 * b.abs().max(1.0));
    (format!("{ours:?}"), equal)
}

/// Our word for the other server's.
fn alarm_name(theirs: &str) -> &str {
    match theirs {
        "lowspeed" => "low_speed",
        "fallDown" => "fall",
        "lowPower" => "low_power",
        "lowBattery" => "low_battery",
        "powerOff" => "power_off",
        "powerOn" => "power_on",
        "geofenceEnter" => "geofence_enter",
        "geofenceExit" => "geofence_exit",
        "gpsAntennaCut" => "gps_antenna_cut",
        "accident" => "crash",
        "tow" => "towing",
        "highRpm" => "high_rpm",
        "hardAcceleration" => "hard_acceleration",
        "hardBraking" => "hard_braking",
        "hardCornering" => "hard_cornering",
        "laneChange" => "lane_change",
        "fatigueDriving" => "fatigue_driving",
        "powerCut" => "power_cut",
        "powerRestored" => "power_restored",
        "footBrake" => "foot_brake",
        "fuelLeak" => "fuel_leak",
        "tampering" => "tamper",
        same => same,
    }
}
