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

use crate::json::{self, Json, Read, Reader, Take, Writer};
use crate::wire::{self, cell_text, wifi_text};
use crate::words::{Known, Last, Order, spelled, words, words_and_names};
use crate::{
    About, Alarm, Attributes, Checksum, DecodeError, Decoder, Draft, Encoder, Environment, Fix, Identifier, Input, Key, MICROS_PER_SECOND,
    Message, Micros, MqttPublish, Name, Progress, Record, Replies, Transport, Value, carry, from_rfc3339, http, to_rfc3339,
};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::BytesMut;

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
const LIST_MAX: u8 = 64;

words! {
    /// Members with a meaning of their own; what else has a name of ours is spelled like it.
    Member {
        MessageTime = "message_time", DeviceId = "device_id", Version = "version", Location = "location", MobileCells = "mobile_cells",
        WifiPoints = "wifi_points", CustomAttributes = "custom_attributes", BatteryLevel = "battery_level", IsMoving = "is_moving",
        EventId = "event_id", GsmLevel = "gsm_level", InputStatus = "input_status", OutputStatus = "output_status",
        TemperatureInternal = "temperature_internal", HumidityInternal = "humidity_internal", HardwareKey = "hardware_key",
        BatteryVoltage = "battery_voltage", BoardVoltage = "board_voltage", ExternalVoltage = "external_voltage",
        HardwareMileage = "hardware_mileage",
    }
}

spelled!(Member);
words_and_names!(Member);

impl Member {
    /// The attribute that it is.
    const fn attribute(self) -> Option<Name> {
        match self {
            Self::BatteryLevel => Some(Name::BatteryLevelPct),
            Self::IsMoving => Some(Name::Motion),
            Self::EventId => Some(Name::Event),
            Self::GsmLevel => Some(Name::GsmSignalPct),
            Self::InputStatus => Some(Name::InputMask),
            Self::OutputStatus => Some(Name::OutputMask),
            Self::TemperatureInternal => Some(Name::DeviceTemperatureC),
            Self::HumidityInternal => Some(Name::HumidityPct),
            Self::HardwareKey => Some(Name::DriverId),
            _ => None,
        }
    }

    /// The attribute that it is in thousands of our unit.
    const fn thousands(self) -> Option<Name> {
        match self {
            Self::BatteryVoltage => Some(Name::BatteryMv),
            Self::BoardVoltage | Self::ExternalVoltage => Some(Name::ExternalPowerMv),
            Self::HardwareMileage => Some(Name::OdometerM),
            _ => None,
        }
    }
}

words! {
    /// Members of a location.
    PlaceMember {
        GnssTime = "gnss_time", Latitude = "latitude", Longitude = "longitude", Altitude = "altitude", Speed = "speed",
        Heading = "heading", FixType = "fix_type", Precision = "precision",
    }
}

words_and_names!(PlaceMember);

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
/// Decoder.
#[derive(Debug, Default)]
pub struct NgpDecoder {
    order: Orders,
}

/// Of a message, and of its location.
#[derive(Debug, Default)]
struct Orders {
    members: Order,
    of_place: Order,
}

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
            Input::Mqtt(MqttPublish { topic, payload }) => match (read(payload, &mut self.order, out), topic.strip_prefix("ngp/")) {
                // The topic says whose it is, and MQTT 3.1.1 cannot say no to one publication: it would come again for ever.
                (Err(error), Some(device)) if payload.len() <= FRAME_BYTES_MAX => {
                    let identifier = Some(Identifier::new(device).ok_or(error)?);
                    out.push(Message::Undecoded { identifier, reason: error.what, raw: payload.to_vec() });
                }
                (done, _) => done?,
            },
            Input::Http(request) => {
                read(request.body, &mut self.order, out).inspect_err(|_| http::refuse(replies))?;
                http::acknowledge_or(replies, b"", 403);
            }
        }
        Ok(())
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

fn read(body: &[u8], order: &mut Orders, out: &mut Vec<Message>) -> Result<(), DecodeError> {
    if body.len() > FRAME_BYTES_MAX {
        return Err(DecodeError::skipped("message too long"));
    }
    let count = out.len();
    let Some((record, identifier)) = Message::begin_record(out) else { return Ok(()) };
    let done = read_record(body, order, record, identifier);
    if done.is_err() {
        out.truncate(count);
    }
    done
}

/// Fills a record, and tells whose it is.
fn read_record(body: &[u8], order: &mut Orders, record: &mut Record, identifier: &mut Option<Identifier>) -> Result<(), DecodeError> {
    let mut told = Told::default();
    read_members(body, Taker { told: &mut told, attributes: &mut record.attributes, order })?;
    if let Some(device) = told.device.spelled() {
        Identifier::put(device.as_bytes(), identifier);
    }
    if identifier.is_none() {
        return Err(DecodeError::skipped("no device_id"));
    }
    complete(&told, instant(told.time).ok_or(DecodeError::skipped("no message_time"))?, record);
    Ok(())
}

#[inline(never)]
fn read_members<'a>(body: &'a [u8], taker: Taker<'_, Told<'a>, Orders>) -> Result<(), DecodeError> {
    json::read_object(body, taker).map_err(|_| DecodeError::skipped("no JSON object"))
}

/// What members said that are no attributes, or more than that. Of two with the same name, the last one is meant; attributes are added as
/// often as they are told.
#[derive(Default)]
struct Told<'a> {
    device: Json<'a>,
    time: Json<'a>,
    event: Json<'a>,
    location: Option<Location<'a>>,
    cells: Json<'a>,
    networks: Json<'a>,
    custom: Json<'a>,
}

/// Takes members, and adds those that are attributes.
struct Taker<'t, T, O> {
    told: &'t mut T,
    attributes: &'t mut Attributes,
    order: &'t mut O,
}

impl<'a> Take<'a> for Taker<'_, Told<'a>, Orders> {
    type Member = Member;

    #[inline(always)]
    fn order(&mut self) -> Option<&mut Order> {
        Some(&mut self.order.members)
    }

    #[inline(always)]
    fn take(&mut self, reader: &mut Reader<'a>, member: Last, name: &str) -> Option<()> {
        let Self { told, attributes, order } = self;
        if member.known() == Known::Own(Member::Location) {
            told.location = None;
            if reader.is_object() {
                let location = told.location.insert(Location::default());
                *reader = read_location(*reader, Taker { told: location, attributes, order: &mut order.of_place })?;
                return Some(());
            }
        }
        let value = reader.read()?;
        match member.known() {
            Known::Own(Member::MessageTime) => told.time = value.json(),
            Known::Own(Member::DeviceId) => told.device = value.json(),
            Known::Own(Member::Version | Member::Location) => {}
            Known::Own(Member::MobileCells) => told.cells = value.json(),
            Known::Own(Member::WifiPoints) => told.networks = value.json(),
            Known::Own(Member::CustomAttributes) => told.custom = value.json(),
            Known::Own(own) => {
                if own == Member::EventId {
                    told.event = value.json();
                }
                push_own(own, value, attributes);
            }
            Known::Name(name) => value.push_named(name, attributes),
            Known::Other => push_other(name, value.json(), attributes),
        }
        Some(())
    }
}

/// Apart from the loop over the members around it: both together would be too much for the registers. (What comes as an argument is in
/// memory, so it reads on from a copy.)
#[inline(never)]
fn read_location<'a>(reader: Reader<'a>, taker: Taker<'_, Location<'a>, Order>) -> Option<Reader<'a>> {
    let mut here = reader;
    here.members(taker)?;
    Some(here)
}

/// The same of its location.
#[derive(Default)]
struct Location<'a> {
    time: Json<'a>,
    kind: Json<'a>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    altitude: Option<f64>,
    speed: Option<f64>,
    heading: Option<f64>,
}

impl<'a> Take<'a> for Taker<'_, Location<'a>, Order> {
    type Member = PlaceMember;

    #[inline(always)]
    fn order(&mut self) -> Option<&mut Order> {
        Some(self.order)
    }

    #[inline(always)]
    fn take(&mut self, reader: &mut Reader<'a>, member: Last, name: &str) -> Option<()> {
        let Self { told, attributes, .. } = self;
        let value = reader.read()?;
        match member.known() {
            Known::Own(PlaceMember::GnssTime) => told.time = value.json(),
            Known::Own(PlaceMember::Latitude) => told.latitude = value.as_f64(),
            Known::Own(PlaceMember::Longitude) => told.longitude = value.as_f64(),
            Known::Own(PlaceMember::Altitude) => told.altitude = value.as_f64(),
            Known::Own(PlaceMember::Speed) => told.speed = value.as_f64(),
            Known::Own(PlaceMember::Heading) => told.heading = value.as_f64(),
            Known::Own(PlaceMember::FixType) => {
                told.kind = value.json();
                value.push_named(Name::GpsStatus, attributes);
            }
            Known::Own(PlaceMember::Precision) => value.push_named(Name::AccuracyM, attributes),
            Known::Name(name) => value.push_named(name, attributes),
            Known::Other => value.json().push(Key::from_other(name), attributes),
        }
        Some(())
    }
}

/// RFC 3339, or seconds since 1970.
fn instant(value: Json<'_>) -> Option<Micros> {
    match value {
        Json::Int(seconds) => Some(seconds).filter(|seconds| (0..=253_402_300_799).contains(seconds)).map(|s| s.saturating_mul(1_000_000)),
        other => from_rfc3339(&other.text()?),
    }
}

/// Adds to a record what all members have to be known for.
fn complete(told: &Told<'_>, message_time: Micros, record: &mut Record) {
    let (mut draft, attributes) = (Draft::at(Some(message_time)), &mut record.attributes);
    if let Some(location) = &told.location {
        describe_location(location, &mut draft, attributes);
    }
    if let Some(event) = told.event.as_i64() {
        describe_event(event, attributes);
    }
    describe_cells(told.cells, attributes);
    describe_networks(told.networks, attributes);
    describe_custom(told.custom, attributes);
    draft.finish_over(record);
}

fn describe_location(location: &Location<'_>, draft: &mut Draft, attributes: &mut Attributes) {
    let kind = location.kind.text().unwrap_or_default();
    let says = |word: &[u8]| kind.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    draft.valid = kind.is_empty() || kind == "HAS_FIX" || !(says(b"NO_FIX") || says(b"LAST"));
    draft.place_of(location.latitude, location.longitude);
    match (instant(location.time), draft.time) {
        (Some(fixed), _) if draft.valid && draft.has_place() => draft.time = Some(fixed),
        (Some(fixed), Some(told)) if draft.has_place() && fixed < told => {
            attributes.set(Name::FixAgeS, Value::Int(told.saturating_sub(fixed).div_euclid(MICROS_PER_SECOND)));
        }
        _ => {}
    }
    if let Some(height) = location.altitude {
        draft.altitude_m(height);
    }
    if let Some(speed) = location.speed {
        draft.speed_kmh(speed);
    }
    if let Some(heading) = location.heading {
        draft.course_deg(heading);
    }
}

/// The name and number of `analog_2`.
fn numbered(member: &str) -> Option<(Name, u8)> {
    if !member.as_bytes().last()?.is_ascii_digit() {
        return None;
    }
    let (stem, name) = NUMBERED.iter().find(|(stem, _)| member.starts_with(stem))?;
    let digits = member.get(stem.len()..)?;
    let number = digits.parse().ok().filter(|number| *number > 0 && digits.bytes().all(|digit| digit.is_ascii_digit()))?;
    Some((*name, number))
}

#[inline(always)]
fn push_own(own: Member, value: Read<'_>, attributes: &mut Attributes) {
    match (own.attribute(), own.thousands()) {
        (Some(attribute), _) => value.push_named(attribute, attributes),
        (None, Some(attribute)) if let Some(thousand) = thousand(value.json()) => attributes.set(attribute, thousand),
        _ => value.json().push(Key::Text(own.as_str()), attributes),
    }
}

#[inline(never)]
fn push_other(name: &str, value: Json<'_>, attributes: &mut Attributes) {
    let key = match numbered(name) {
        Some((Name::AnalogMv, number)) => match thousand(value) {
            Some(thousand) => return attributes.push(Key::Named(Name::AnalogMv, number), thousand),
            None => Key::Text(name),
        },
        Some((name, number)) => Key::Named(name, number),
        None => Key::from_other(name),
    };
    value.push(key, attributes);
}

/// What is told in thousands of our unit.
fn thousand(value: Json<'_>) -> Option<Value<'static>> {
    value.as_f64().filter(|value| value.abs() < 1e12).map(|value| Value::Int(carry::whole(value * 1_000.0)))
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

/// The first values of a list, each with its number from 0 on.
fn each<'a>(list: Json<'a>, mut take: impl FnMut(u8, &mut Reader<'a>) -> Option<()>) {
    if let Json::Nested(list) = list {
        let mut numbers = 0..LIST_MAX;
        // At the end of the numbers nothing more is read.
        list.reader().items(|reader| take(numbers.next()?, reader));
    }
}

fn signal(value: Json<'_>) -> Option<u16> {
    value.as_i64().and_then(|rssi| u16::try_from(rssi.unsigned_abs()).ok())
}

fn describe_cells(cells: Json<'_>, attributes: &mut Attributes) {
    let mut technology = None;
    each(cells, |number, reader| {
        let (mut country, mut network, mut area, mut id, mut rssi, mut kind) = (None, None, None, None, None, Json::Null);
        reader.members_if_object(json::each(|reader, name| {
            let value = reader.value()?;
            match name {
                "mcc" => country = value.as_u64(),
                "mnc" => network = value.as_u64(),
                "lac" => area = value.as_u64(),
                "cell_id" => id = value.as_u64(),
                "rssi" => rssi = signal(value),
                "type" => kind = value,
                _ => {}
            }
            Some(())
        }))?;
        let operator =
            country.zip(network).and_then(|(country, network)| Some((u16::try_from(country).ok()?, u16::try_from(network).ok()?)));
        if let (Some(operator), Some(area), Some(id)) = (operator, area, id) {
            let text = cell_text(operator, (area, id), rssi);
            attributes.push(Key::Named(Name::Cell, number.saturating_add(1)), Value::Text(text.as_str()));
        }
        technology = technology.take().or_else(|| kind.text());
        Some(())
    });
    if let Some(technology) = technology.filter(|technology| !technology.is_empty() && attributes.get(Name::Network).is_none()) {
        attributes.set(Name::Network, Value::Text(&technology));
    }
}

fn describe_networks(networks: Json<'_>, attributes: &mut Attributes) {
    each(networks, |number, reader| {
        let (mut address, mut rssi) = (Json::Null, None);
        reader.members_if_object(json::each(|reader, name| {
            let value = reader.value()?;
            match name {
                "mac" => address = value,
                "rssi" => rssi = signal(value),
                _ => {}
            }
            Some(())
        }))?;
        let digits: String = address.text().unwrap_or_default().chars().filter(char::is_ascii_hexdigit).collect();
        if let Some(address) = wire::from_hex(&digits).and_then(|address| <[u8; 6]>::try_from(address.as_slice()).ok()) {
            attributes.push(Key::Named(Name::Wifi, number.saturating_add(1)), Value::Text(wifi_text(address, rssi).as_str()));
        }
        Some(())
    });
}

fn describe_custom(custom: Json<'_>, attributes: &mut Attributes) {
    if let Json::Nested(object) = custom {
        let mut numbers = 0..LIST_MAX;
        object.reader().members(json::each(|reader, name| {
            numbers.next()?;
            reader.value()?.push(Key::from_spelling(name), attributes);
            Some(())
        }));
    }
    each(custom, |_, reader| {
        let (mut kind, mut id, mut told) = (Json::Null, None, Json::Null);
        reader.members_if_object(json::each(|reader, name| {
            let value = reader.value()?;
            match name {
                "type" => kind = value,
                "id" => id = value.as_u64(),
                "value" => told = value,
                _ => {}
            }
            Some(())
        }))?;
        if let Some(name) = kind.text() {
            let numbered = id.map_or(name.clone(), |id| Cow::Owned(format!("{name}[{id}]")));
            told.push(Key::from_spelling(&numbered), attributes);
        }
        Some(())
    });
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
            let alias = Member::ALL.iter().find(|member| member.attribute() == Some(name));
            Some(alias.map_or(name.as_str(), |member| member.as_str()).into())
        }
        Key::Named(name, number) => {
            // Volts, which would be others as a number of their own.
            let stem = NUMBERED.iter().find(|(_, named)| *named == name && name != Name::AnalogMv);
            Some(stem.map_or_else(|| key.to_string(), |(stem, _)| format!("{stem}{number}")))
        }
        Key::Io(_) => Some(key.to_string()),
        Key::Text(text) => {
            let taken = Member::from_text(text).is_some() || numbered(text).is_some();
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
    Writer::object(|object| {
        object.member("device_id", Value::Text(device));
        let time = to_rfc3339(record.fix_time.unwrap_or(NO_TIME)).unwrap_or_default();
        object.member("message_time", Value::Text(&time));
        if let Some(fix) = record.fix.as_ref().map(carried) {
            object.members("location", |location| write_location(&fix, location));
        }
        for (key, value) in record.attributes.iter() {
            if let Some(member) = spelling(key, value) {
                object.member(&member, value);
            }
        }
    })
}

fn write_location(fix: &Fix, location: &mut Writer) {
    location.member("latitude", Value::Float(fix.latitude.degrees()));
    location.member("longitude", Value::Float(fix.longitude.degrees()));
    for (member, value) in [("altitude", fix.altitude_m), ("speed", fix.speed_kmh), ("heading", fix.course_deg)] {
        if let Some(value) = value {
            location.member(member, Value::Float(f64::from(value)));
        }
    }
    location.member("fix_type", Value::Text(if fix.valid { "HAS_FIX" } else { "NO_FIX" }));
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
