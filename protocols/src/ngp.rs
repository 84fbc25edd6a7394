//! NGP: Navixy's generic protocol, one JSON object a message, by HTTP (body of a POST) or MQTT (payload; topic `ngp/` device).
//!
//! ```text
//! message  = { "message_time": time, "device_id": text, "version", "location": location, "mobile_cells": [ cell ],
//!              "wifi_points": [ point ], "custom_attributes": …, attribute … }
//! time     = RFC 3339
//! location = { "gnss_time": time, "latitude", "longitude", "altitude" (m), "speed" (km/h), "heading" (degrees), "satellites",
//!              "hdop", "pdop", "vdop", "fix_type", "source_type", "precision" (m) }
//! fix_type = "HAS_FIX" / "NO_FIX" / "LAST_KNOWN_POSITION" / "FIX_2D" / "FIX_3D"
//! cell     = { "mcc", "mnc", "lac", "cell_id", "rssi", "type" } ; point = { "mac", "rssi", "age", "channel" }
//! attribute = "battery_level" (%) / "battery_voltage", "board_voltage" (V) / "hardware_mileage" (km) / "is_moving" / "event_id" /
//!             "input_status", "output_status" (masks) / "analog_N" (V) / "temperature_N", "temperature_internal" (°C) / "humidity_N",
//!             "humidity_internal" (%) / "fuel_level_N" (litres or %) / "fuel_temperature_N" / "impulse_counter_N" / "hardware_key" /
//!             "vin" / any other: an attribute under its own name
//! custom_attributes = { name: value, … } / [ { "type": name, "id": number, "value": value, "units": text } ]
//! reply    = status 200; 400 when it cannot be read, 403 when the device is unknown
//! ```
//!
//! A place whose `fix_type` says that there is no fix, or the last one, is not valid: the record is of the message's time and says how old
//! the place is. The protocol names its events by number; those that are alarms, and those of the ignition, are told as such too.
//!
//! Besides, names that other servers of this kind use: "external_voltage", "gsm_level" (%), "input_N", "output_N".
//!
//! Source: Navixy, "Navixy Generic Protocol" 1.0, 1.1a and 1.2: transport layer, message structure and attributes, predefined event
//! identifiers (<https://www.navixy.com/docs/iot-logic-api/technologies/navixy-generic-protocol>).

use crate::document::Json;
use crate::osmand::{device, json_of, push_json};
use crate::wire::{self, cell_text, wifi_text};
use crate::{
    About, Alarm, Attributes, Checksum, DecodeError, Decoder, Draft, Encoder, Environment, Fix, Identifier, Input, Key, MICROS_PER_SECOND,
    Message, Micros, MqttPublish, Name, Progress, Record, Replies, Transport, Value, carry, from_rfc3339, http, to_rfc3339,
};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::BytesMut;
use serde_json::{Map, Value as Tree};

/// What `ngp` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "ngp",
    default_port: 47_642,
    transports: &[Transport::Http, Transport::Mqtt],
    acknowledges: &[Transport::Http],
    checksum: Checksum::None,
    carries_no_fix: true,
    settings: &[],
};

/// The largest body or payload.
const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Cells, networks and attributes of one list that are told.
const LIST_MAX: usize = 64;

/// Members that are attributes of ours under another name.
const ALIASES: &[(&str, Name)] = &[
    ("battery_level", Name::BatteryLevelPct),
    ("is_moving", Name::Motion),
    ("event_id", Name::Event),
    ("gsm_level", Name::GsmSignalPct),
    ("input_status", Name::InputMask),
    ("output_status", Name::OutputMask),
    ("temperature_internal", Name::DeviceTemperatureC),
    ("humidity_internal", Name::HumidityPct),
    ("hardware_key", Name::DriverId),
];
/// Members in thousands of our unit.
const THOUSANDS: &[(&str, Name)] = &[
    ("battery_voltage", Name::BatteryMv),
    ("board_voltage", Name::ExternalPowerMv),
    ("external_voltage", Name::ExternalPowerMv),
    ("hardware_mileage", Name::OdometerM),
];
/// Members with a number at their end.
const NUMBERED: &[(&str, Name)] = &[
    ("input_", Name::Input),
    ("output_", Name::Output),
    ("temperature_", Name::TemperatureC),
    ("analog_", Name::AnalogMv),
    ("humidity_", Name::HumidityPct),
    // Litres or percent: the message does not tell which.
    ("fuel_level_", Name::FuelRaw),
    ("impulse_counter_", Name::Count),
];
/// Events that are alarms. An end of something is none.
const ALARMS: &[(i64, Alarm)] = &[
    (1, Alarm::LowBattery),
    (2, Alarm::PowerCut),
    (4, Alarm::PowerRestored),
    (5, Alarm::Removing),
    (7, Alarm::LowBattery),
    (14, Alarm::PowerOff),
    (15, Alarm::PowerOn),
    (101, Alarm::Towing),
    (103, Alarm::Removing),
    (104, Alarm::General),
    (106, Alarm::Tamper),
    (107, Alarm::Removing),
    (109, Alarm::Door),
    (110, Alarm::Lock),
    (111, Alarm::Unlock),
    (113, Alarm::Vibration),
    (115, Alarm::Tamper),
    (116, Alarm::Jamming),
    (117, Alarm::Jamming),
    (118, Alarm::Tamper),
    (202, Alarm::Sos),
    (207, Alarm::LaneChange),
    (211, Alarm::FatigueDriving),
    (219, Alarm::FatigueDriving),
    (223, Alarm::FatigueDriving),
    (224, Alarm::Overspeed),
    (225, Alarm::Movement),
    (230, Alarm::FatigueDriving),
    (236, Alarm::LaneChange),
    (237, Alarm::HardAcceleration),
    (238, Alarm::HardBraking),
    (239, Alarm::HardCornering),
    (240, Alarm::HardAcceleration),
    (241, Alarm::HardBraking),
    (242, Alarm::Crash),
    (249, Alarm::Overspeed),
    (302, Alarm::Idle),
    (303, Alarm::Fault),
    (409, Alarm::GeofenceEnter),
    (410, Alarm::GeofenceExit),
    (601, Alarm::GpsAntennaCut),
];
/// The events of the ignition, off and on.
const IGNITION: [i64; 2] = [604, 605];
/// Members that are no attributes.
const RESERVED: &[&str] = &["message_time", "device_id", "version", "location", "mobile_cells", "wifi_points", "custom_attributes"];
/// The same of a location.
const PLACE: &[&str] = &["gnss_time", "latitude", "longitude", "altitude", "speed", "heading"];

/// Decoder.
#[derive(Debug, Default)]
pub struct NgpDecoder;

impl Decoder for NgpDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        http::decode_stream(self, bytes, env, out, replies)
    }

    fn accept(&mut self, input: &Input<'_>, _: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
        match input {
            Input::Mqtt(MqttPublish { topic, payload }) => out.push(match (read(payload), topic.strip_prefix("ngp/")) {
                // The topic says whose it is, and MQTT 3.1.1 cannot say no to one publication: it would come again for ever.
                (Err(error), Some(device)) if payload.len() <= FRAME_BYTES_MAX => {
                    let identifier = Some(Identifier::new(device).ok_or(error)?);
                    Message::Undecoded { identifier, reason: error.what, raw: payload.to_vec() }
                }
                (message, _) => message?,
            }),
            Input::Http(request) => {
                out.push(read(request.body).inspect_err(|_| http::refuse(replies))?);
                http::acknowledge_or(replies, b"", 403);
            }
        }
        Ok(())
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

fn read(body: &[u8]) -> Result<Message, DecodeError> {
    if body.len() > FRAME_BYTES_MAX {
        return Err(DecodeError::skipped("message too long"));
    }
    let object = Json::read(body).filter(|json| json.is_object()).ok_or(DecodeError::skipped("no JSON object"))?;
    let device = object.get("device_id").and_then(device);
    let identifier = Some(device.ok_or(DecodeError::skipped("no device_id"))?);
    let time = object.get("message_time").and_then(instant).ok_or(DecodeError::skipped("no message_time"))?;
    Ok(Message::Record { identifier, record: record(object, time) })
}

/// RFC 3339, or seconds since 1970.
fn instant(value: Json<'_>) -> Option<Micros> {
    match value.text() {
        Some(text) => from_rfc3339(&text),
        None => value.as_i64().filter(|seconds| (0..=253_402_300_799).contains(seconds)).map(|s| s.saturating_mul(1_000_000)),
    }
}

fn record(object: Json<'_>, message_time: Micros) -> Record {
    let mut draft = Draft::at(Some(message_time));
    if let Some(location) = object.get("location").filter(|location| location.is_object()) {
        describe_location(location, &mut draft);
    }
    for (member, value) in object.sorted().filter(|(member, _)| !RESERVED.contains(&&**member)) {
        describe_member(&member, value, &mut draft.attributes);
    }
    if let Some(event) = object.get("event_id").and_then(Json::as_i64) {
        describe_event(event, &mut draft.attributes);
    }
    describe_networks(object, &mut draft);
    if let Some(custom) = object.get("custom_attributes") {
        // An object has members, and a list items.
        for (name, value) in custom.sorted().take(LIST_MAX) {
            push_json(&mut draft.attributes, Key::from_spelling(&name), Some(value));
        }
        for item in custom.items().take(LIST_MAX) {
            let Some(name) = item.get("type").and_then(Json::text) else { continue };
            let numbered = item.get("id").and_then(Json::as_u64).map(|id| format!("{name}[{id}]"));
            push_json(&mut draft.attributes, Key::from_spelling(numbered.as_deref().unwrap_or(&name)), item.get("value"));
        }
    }
    draft.finish()
}

fn describe_location(location: Json<'_>, draft: &mut Draft) {
    let number = |member: &str| location.get(member).and_then(Json::as_f64);
    let kind = location.get("fix_type").and_then(Json::text).unwrap_or_default().to_ascii_uppercase();
    draft.valid = !(kind.contains("NO_FIX") || kind.contains("LAST"));
    draft.place_of(number("latitude"), number("longitude"));
    match (location.get("gnss_time").and_then(instant), draft.time) {
        (Some(fixed), _) if draft.valid && draft.has_place() => draft.time = Some(fixed),
        (Some(fixed), Some(told)) if draft.has_place() && fixed < told => {
            draft.set(Name::FixAgeS, Value::Int(told.saturating_sub(fixed).div_euclid(MICROS_PER_SECOND)));
        }
        _ => {}
    }
    if let Some(height) = number("altitude") {
        draft.altitude_m(height);
    }
    if let Some(speed) = number("speed") {
        draft.speed_kmh(speed);
    }
    if let Some(heading) = number("heading") {
        draft.course_deg(heading);
    }
    for (member, value) in location.sorted().filter(|(member, _)| !PLACE.contains(&&**member)) {
        let key = match &*member {
            "fix_type" => Key::Named(Name::GpsStatus, 0),
            "precision" => Key::Named(Name::AccuracyM, 0),
            member => Key::from_spelling(member),
        };
        push_json(&mut draft.attributes, key, Some(value));
    }
}

/// The name and number of `analog_2`.
fn numbered(member: &str) -> Option<(Name, u8)> {
    let (stem, name) = NUMBERED.iter().find(|(stem, _)| member.starts_with(stem))?;
    let digits = member.get(stem.len()..)?;
    let number = digits.parse().ok().filter(|number| *number > 0 && digits.bytes().all(|digit| digit.is_ascii_digit()))?;
    Some((*name, number))
}

fn describe_member(member: &str, value: Json<'_>, attributes: &mut Attributes) {
    if let Some((_, name)) = ALIASES.iter().find(|(alias, _)| *alias == member) {
        return push_json(attributes, Key::Named(*name, 0), Some(value));
    }
    let thousand =
        |value: Json<'_>| value.as_f64().filter(|value| value.abs() < 1e12).map(|value| Value::Int(carry::whole(value * 1_000.0)));
    if let (Some((_, name)), Some(value)) = (THOUSANDS.iter().find(|(alias, _)| *alias == member), thousand(value)) {
        return attributes.set(*name, value);
    }
    match numbered(member) {
        Some((Name::AnalogMv, number)) => match thousand(value) {
            Some(value) => attributes.push(Key::Named(Name::AnalogMv, number), value),
            None => push_json(attributes, Key::Text(member), Some(value)),
        },
        Some((name, number)) => push_json(attributes, Key::Named(name, number), Some(value)),
        None => push_json(attributes, Key::from_spelling(member), Some(value)),
    }
}

/// What the number of the event says, beside itself.
fn describe_event(event: i64, attributes: &mut Attributes) {
    if let Some((_, alarm)) = ALARMS.iter().find(|(number, _)| *number == event) {
        attributes.alarm(*alarm);
    }
    if IGNITION.contains(&event) && attributes.get(Name::Ignition).is_none() {
        attributes.set(Name::Ignition, Value::Bool(event == IGNITION[1]));
    }
}

fn describe_networks(object: Json<'_>, draft: &mut Draft) {
    let list = |member: &str| object.get(member).into_iter().flat_map(Json::items).take(LIST_MAX);
    let signal = |item: Json<'_>| item.get("rssi").and_then(Json::as_i64).and_then(|rssi| u16::try_from(rssi.unsigned_abs()).ok());
    for (number, cell) in (1..).zip(list("mobile_cells")) {
        let number_of = |member: &str| cell.get(member).and_then(Json::as_u64);
        let operator =
            number_of("mcc").zip(number_of("mnc")).and_then(|(mcc, mnc)| Some((u16::try_from(mcc).ok()?, u16::try_from(mnc).ok()?)));
        if let (Some(operator), Some(area), Some(id)) = (operator, number_of("lac"), number_of("cell_id")) {
            draft.set_numbered(Name::Cell, number, Value::Text(cell_text(operator, (area, id), signal(cell)).as_str()));
        }
    }
    let technology = list("mobile_cells").find_map(|cell| cell.get("type").and_then(Json::text));
    if let Some(technology) = technology.filter(|_| draft.attributes.get(Name::Network).is_none()) {
        draft.set_text(Name::Network, &technology);
    }
    for (number, point) in (1..).zip(list("wifi_points")) {
        let digits: String = point.get("mac").and_then(Json::text).unwrap_or_default().chars().filter(char::is_ascii_hexdigit).collect();
        if let Some(address) = wire::from_hex(&digits).and_then(|address| <[u8; 6]>::try_from(address.as_slice()).ok()) {
            draft.set_numbered(Name::Wifi, number, Value::Text(wifi_text(address, signal(point)).as_str()));
        }
    }
}

/// Encoder: one message a request or publication.
#[derive(Debug)]
pub struct NgpEncoder {
    transport: Transport,
}

impl NgpEncoder {
    /// Fresh.
    #[must_use]
    pub const fn new(transport: Transport) -> Self {
        Self { transport }
    }
}

/// The member for an attribute; `None`: it would be taken for something else.
fn spelling(key: Key<'_>, value: Value<'_>) -> Option<String> {
    let is_alarm = matches!(key, Key::Named(Name::Alarm, _));
    // `gps_status` is how `fix_type` comes back.
    if is_alarm != matches!(value, Value::Alarm(_)) || matches!(key, Key::Named(Name::GpsStatus, _)) {
        return None;
    }
    match key {
        Key::Named(name, 0) => {
            let alias = ALIASES.iter().find(|(_, n)| *n == name).map(|(alias, _)| *alias);
            Some(alias.unwrap_or(name.as_str()).into())
        }
        Key::Named(..) | Key::Io(_) => Some(key.to_string()),
        Key::Text(text) => {
            let known = |list: &[(&str, Name)]| list.iter().any(|(alias, _)| *alias == text);
            let taken = RESERVED.contains(&text) || known(ALIASES) || known(THOUSANDS) || numbered(text).is_some();
            (!taken && Key::from_spelling(text) == key).then(|| text.into())
        }
    }
}

/// A fix as JSON carries it.
fn carried(fix: &Fix) -> Fix {
    let finite = |value: Option<f32>| value.filter(|value| value.is_finite());
    Fix {
        altitude_m: finite(fix.altitude_m),
        speed_kmh: finite(fix.speed_kmh).filter(|speed| *speed >= 0.0),
        course_deg: finite(fix.course_deg).filter(|course| (0.0..360.0).contains(course)),
        ..*fix
    }
}

/// A time that a record without one is sent at.
const NO_TIME: Micros = 0;

fn write_message(device: &str, record: &Record) -> String {
    let mut object = Map::new();
    object.insert("device_id".into(), device.into());
    object.insert("message_time".into(), to_rfc3339(record.fix_time.unwrap_or(NO_TIME)).unwrap_or_default().into());
    if let Some(fix) = record.fix.as_ref().map(carried) {
        let mut location = Map::new();
        location.insert("latitude".into(), fix.latitude.degrees().into());
        location.insert("longitude".into(), fix.longitude.degrees().into());
        for (member, value) in [("altitude", fix.altitude_m), ("speed", fix.speed_kmh), ("heading", fix.course_deg)] {
            if let Some(value) = value {
                location.insert(member.into(), f64::from(value).into());
            }
        }
        location.insert("fix_type".into(), if fix.valid { "HAS_FIX" } else { "NO_FIX" }.into());
        object.insert("location".into(), Tree::Object(location));
    }
    for (key, value) in record.attributes.iter() {
        let Some(member) = spelling(key, value) else { continue };
        object.entry(member).or_insert_with(|| json_of(value));
    }
    Tree::Object(object).to_string()
}

impl Encoder for NgpEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        let message = write_message(identifier.as_str(), record);
        if self.transport == Transport::Mqtt {
            out.extend_from_slice(message.as_bytes());
        } else {
            http::write_post("/", "application/json", &[], message.as_bytes(), out);
        }
        1
    }

    fn heartbeat(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        if self.transport == Transport::Mqtt { Ok(0) } else { http::take_responses(bytes, FRAME_BYTES_MAX) }
    }

    fn representable(&self, record: &Record) -> Record {
        let mut draft = Draft::at(Some(record.fix_time.unwrap_or(NO_TIME)));
        if let Some(fix) = record.fix.as_ref().map(carried) {
            draft.valid = fix.valid;
            draft.place(fix.latitude.degrees(), fix.longitude.degrees());
            for (value, set) in [
                (fix.altitude_m, Draft::altitude_m as fn(&mut Draft, f64)),
                (fix.speed_kmh, Draft::speed_kmh),
                (fix.course_deg, Draft::course_deg),
            ] {
                if let Some(value) = value {
                    set(&mut draft, f64::from(value));
                }
            }
            draft.set(Name::GpsStatus, Value::Text(if fix.valid { "HAS_FIX" } else { "NO_FIX" }));
        }
        for (key, value) in record.attributes.iter().filter(|(key, value)| spelling(*key, *value).is_some()) {
            draft.attributes.push(key, value);
        }
        if let Some(Value::Int(event)) = record.attributes.get(Name::Event) {
            describe_event(event, &mut draft.attributes);
        }
        draft.finish()
    }

    fn topic(&self, identifier: &Identifier) -> Option<String> {
        Some(format!("ngp/{identifier}"))
    }
}
