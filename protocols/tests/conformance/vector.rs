//! One recording with what another server made of it, read from its JSON.

use crate::recordings::{Recording, hex, text};
use protocols::{Micros, from_rfc3339};
use serde_json::Value;

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Bytes(Vec<u8>),
    Http(u16),
}

/// What was made of it.
#[derive(Clone, Debug)]
pub struct Position {
    pub time: Option<Micros>,
    /// The message carries no time: the recorded one is the other server's clock.
    pub of_the_clock: bool,
    pub outdated: bool,
    pub valid: bool,
    pub latitude: f64,
    pub longitude: f64,
    pub altitude_m: f64,
    pub speed_kmh: f64,
    pub course_deg: f64,
    pub attributes: serde_json::Map<String, Value>,
    /// Country, network, area, cell, as our attributes spell them, without the signal.
    pub cells: Vec<String>,
}

impl Position {
    /// A place: neither an old fix nor 0/0, which stands there for none.
    pub fn has_place(&self) -> bool {
        !self.outdated && (self.latitude != 0.0 || self.longitude != 0.0)
    }
}

/// A recording, and what was made of it.
#[derive(Clone, Debug)]
pub struct Vector {
    pub recording: Recording,
    pub positions: Vec<Position>,
    pub answers: Vec<Answer>,
}

impl Vector {
    /// Reads one line.
    pub fn read(json: &Value) -> Self {
        Self {
            recording: Recording::read(json),
            positions: json["expect"].as_array().into_iter().flatten().enumerate().map(|(n, p)| position(p, depends(json, n))).collect(),
            answers: match json["replies_wire_hex"].as_str() {
                // The form that leaves, where it is another.
                Some(_) => vec![Answer::Bytes(hex(&json["replies_wire_hex"]))],
                None => json["replies"].as_array().into_iter().flatten().map(answer).collect(),
            },
        }
    }
}

fn answer(reply: &Value) -> Answer {
    if reply["type"] == "http_response" {
        return Answer::Http(reply["status"].as_u64().and_then(|s| u16::try_from(s).ok()).unwrap_or(0));
    }
    Answer::Bytes(if reply["hex"].is_string() { hex(&reply["hex"]) } else { text(&reply["text"]).into_bytes() })
}

/// A cell; one without an area or a country cannot be compared.
fn cell(json: &Value) -> Option<String> {
    let part = |name: &str| json[name].as_u64();
    let (country, network) = (part("mobileCountryCode")?, part("mobileNetworkCode")?);
    let (area, cell) = (part("locationAreaCode")?, part("cellId")?);
    // All zeros are how formats say that there is none.
    ((area, cell) != (0, 0)).then(|| format!("{country}-{network}-{area}-{cell}"))
}

/// Whether the time of that position follows the other server's clock.
fn depends(json: &Value, index: usize) -> bool {
    let pointer = format!("/expect/{index}/time");
    json["clock_dependent"].as_array().is_some_and(|pointers| pointers.iter().any(|p| *p == pointer))
}

fn position(json: &Value, of_the_clock: bool) -> Position {
    let number = |name: &str| json[name].as_f64().unwrap_or(0.0);
    Position {
        time: json["time"].as_str().map(|t| from_rfc3339(t).expect("a time")),
        of_the_clock,
        outdated: json["outdated"].as_bool().unwrap_or(false),
        valid: json["valid"].as_bool().unwrap_or(false),
        latitude: number("lat"),
        longitude: number("lon"),
        altitude_m: number("altitude_m"),
        speed_kmh: number("speed_knots") * 1.852,
        course_deg: number("course_deg"),
        attributes: json["attributes"].as_object().cloned().unwrap_or_default(),
        cells: json["network"]["cellTowers"].as_array().into_iter().flatten().filter_map(cell).collect(),
    }
}
