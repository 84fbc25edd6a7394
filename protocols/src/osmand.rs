//! OsmAnd: a request for each position, as the apps OsmAnd, Traccar Client and background-geolocation send it.
//!
//! ```text
//! request   = GET or POST, parameters in the query or as application/x-www-form-urlencoded in the body; or JSON in the body
//! parameter = id, deviceid                     who
//!           / lat, lon / location=lat,lon      degrees
//!           / timestamp                        seconds (below 2^31), milliseconds, ISO 8601 or `YYYY-MM-DD HH:MM:SS`, UTC;
//!                                              without one it is the time now
//!           / valid                            true, 1; usually left out
//!           / speed                            knots
//!           / bearing, heading / altitude      degrees; metres
//!           / accuracy / hdop / batt / charge / driverUniqueId / odometer (metres) / sat
//!           / cell=mcc,mnc,lac,cid[,signal] / wifi=mac,signal         may come several times
//!           / any other: an attribute, under its own name
//! JSON      = { "device_id": …, "location": object or list of
//!               { "timestamp", "coords": { "latitude", "longitude", "accuracy", "speed" m/s, "heading", "altitude" },
//!                 "event", "is_moving", "odometer", "mock", "activity": { "type" },
//!                 "battery": { "level" 0–1, "is_charging" }, "extras" } }
//! reply     = status 200; 400 when it cannot be read
//! ```
//!
//! A value that cannot be used (`lat=abc`, `bearing=-1`) is kept as an attribute under the parameter's name, and the request is
//! acknowledged: it must not come again and again.
//!
//! Sources: <https://www.traccar.org/osmand/>, <https://osmand.net/docs/user/plugins/trip-recording/> (online tracking),
//! <https://github.com/transistorsoft/cordova-background-geolocation-lt/wiki/Location-Data-Schema>.

use crate::document::Json;
use crate::{
    About, Alarm, Attributes, Checksum, DecodeError, Decoder, Encoder, Environment, Fix, HttpRequest, Identifier, Input, Key, Latitude,
    Longitude, Message, Micros, Name, Progress, Record, Replies, Transport, Value, from_rfc3339, http, to_rfc3339,
};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::BytesMut;
use serde_json::Value as Tree;

/// What `osmand` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "osmand",
    default_port: 5055,
    transports: &[Transport::Http],
    acknowledges: &[Transport::Http],
    checksum: Checksum::None,
    carries_no_fix: true,
    settings: &[],
};

/// The largest body, and the largest request on a stream.
const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Locations in one JSON body; what is beyond is refused with the whole.
const LOCATIONS_MAX: usize = 1_000;
/// The same of a short body: so many, and one for so many bytes; one that has a place has as many.
const LOCATIONS_OF_SHORT: usize = 64;
const LOCATION_BYTES_MIN: usize = 40;
const KMH_PER_KNOT: f64 = 1.852;
const KMH_PER_METRE_A_SECOND: f64 = 3.6;
/// Below it a bare number is in seconds, else in milliseconds.
const SECONDS_BELOW: i64 = 1 << 31;

/// Parameters with a meaning of their own; what else has a name of ours is spelled like it.
const ALIASES: &[(&str, Name)] = &[
    ("hdop", Name::Hdop),
    ("batt", Name::BatteryLevelPct),
    ("accuracy", Name::AccuracyM),
    ("charge", Name::Charging),
    ("driverUniqueId", Name::DriverId),
    ("odometer", Name::OdometerM),
    ("sat", Name::Satellites),
    ("cell", Name::Cell),
    ("wifi", Name::Wifi),
];
/// Parameters that are not attributes.
const RESERVED: &[&str] = &["id", "deviceid", "lat", "lon", "location", "timestamp", "valid", "speed", "bearing", "heading", "altitude"];
/// Names whose value is text even if it looks like a number.
const TEXTUAL: &[Name] = &[
    Name::DriverId,
    Name::Cell,
    Name::Wifi,
    Name::Vin,
    Name::Iccid,
    Name::Imsi,
    Name::Phone,
    Name::Operator,
    Name::TrackerId,
    Name::Tag,
    Name::Text,
];

/// Decoder.
#[derive(Debug, Default)]
pub struct OsmAndDecoder;

impl Decoder for OsmAndDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        http::decode_stream(self, bytes, env, out, replies)
    }

    fn accept(
        &mut self,
        input: &Input<'_>,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<(), DecodeError> {
        let Input::Http(request) = input else { return Err(DecodeError::skipped("the protocol has no MQTT form")) };
        read(request, env.now, out).inspect_err(|_| http::refuse(replies))?;
        http::acknowledge(replies, b"");
        Ok(())
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

/// Nothing is pushed where it is an error.
fn read(request: &HttpRequest<'_>, now: Micros, out: &mut Vec<Message>) -> Result<(), DecodeError> {
    if request.uri.len() > FRAME_BYTES_MAX || request.body.len() > FRAME_BYTES_MAX {
        return Err(DecodeError::skipped("request too long"));
    }
    let query = request.uri.split_once('?').map_or("", |(_, query)| query);
    let body = request.body.trim_ascii();
    let says_json = request.header("content-type").is_some_and(|t| t.trim_start().starts_with("application/json"));
    if says_json || body.starts_with(b"{") {
        return read_json(body, query, now, out);
    }
    let form = core::str::from_utf8(body).map_err(|_| DecodeError::skipped("the body is no UTF-8"))?;
    let mut found = Found::default();
    for (name, value) in pairs(query).chain(pairs(form)) {
        found.parameter(&name, &value);
    }
    let identifier = found.identifier.ok_or(DecodeError::skipped("no device id"))?;
    out.push(Message::Record { identifier: Some(identifier), record: found.into_record(now) });
    Ok(())
}

/// Names and values of a query.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (unescaped(name), unescaped(value))
    })
}

/// Undoes percent escapes and `+`. A broken escape stands for itself; what is no UTF-8 becomes U+FFFD.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let escaped = tail.first_chunk::<2>().filter(|_| *first == b'%').and_then(|digits| {
            let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
            Some((digit(digits[0])? << 4) | digit(digits[1])?)
        });
        match (escaped, first) {
            (Some(byte), _) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (None, b'+') => bytes.push(b' '),
            (None, other) => bytes.push(*other),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn write_escaped(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' | b':' | b'[' | b']' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
}

/// What the parameters said so far.
#[derive(Default)]
struct Found {
    identifier: Option<Identifier>,
    time: Option<Micros>,
    /// There was a time that could not be read: then it is not the time now either.
    time_unreadable: bool,
    latitude: Option<Latitude>,
    longitude: Option<Longitude>,
    not_valid: bool,
    speed_kmh: Option<f32>,
    course_deg: Option<f32>,
    altitude_m: Option<f32>,
    attributes: Attributes,
    /// Which numbers cells and networks have.
    numbered: [Numbers; 2],
    /// There is an alarm.
    alarmed: bool,
}

impl Found {
    fn parameter(&mut self, name: &str, text: &str) {
        let number = || text.trim().parse::<f64>().ok().filter(|v| v.is_finite());
        let used = match name {
            "id" | "deviceid" => {
                self.identifier = self.identifier.or_else(|| Identifier::new(text));
                true
            }
            "lat" => self.latitude(number()),
            "lon" => self.longitude(number()),
            "location" => match text.split_once(',').map(|(lat, lon)| (lat.trim().parse(), lon.trim().parse())) {
                Some((Ok(latitude), Ok(longitude))) => self.latitude(Some(latitude)) && self.longitude(Some(longitude)),
                _ => false,
            },
            "timestamp" => self.time(read_time(text)),
            "valid" => {
                self.not_valid = !matches!(text, "true" | "True" | "TRUE" | "1");
                true
            }
            "speed" => keep(&mut self.speed_kmh, number().filter(|v| *v >= 0.0).and_then(|v| single(v * KMH_PER_KNOT))),
            "bearing" | "heading" => keep(&mut self.course_deg, number().and_then(course)),
            "altitude" => keep(&mut self.altitude_m, number().and_then(single)),
            _ => {
                self.attribute(name, text);
                true
            }
        };
        if !used {
            self.attributes.push(Key::Text(name), Value::Text(text));
        }
    }

    fn latitude(&mut self, degrees: Option<f64>) -> bool {
        if degrees.is_some_and(|d| Latitude::new(d).is_none()) {
            self.attributes.set(Name::OutOfRange, Value::Text("latitude"));
        }
        keep(&mut self.latitude, degrees.and_then(Latitude::new))
    }

    fn longitude(&mut self, degrees: Option<f64>) -> bool {
        if degrees.is_some_and(|d| Longitude::new(d).is_none()) {
            self.attributes.set(Name::OutOfRange, Value::Text("longitude"));
        }
        keep(&mut self.longitude, degrees.and_then(Longitude::new))
    }

    fn time(&mut self, time: Option<Micros>) -> bool {
        self.time_unreadable |= time.is_none();
        keep(&mut self.time, time)
    }

    fn attribute(&mut self, name: &str, text: &str) {
        if name.is_empty() {
            return;
        }
        let key = match ALIASES.iter().find(|(alias, _)| *alias == name) {
            Some((_, name @ (Name::Cell | Name::Wifi))) => Key::Named(*name, self.numbers(*name).free()),
            Some((_, name)) => Key::Named(*name, 0),
            None => Key::from_spelling(name),
        };
        if let Key::Named(name @ (Name::Cell | Name::Wifi), number) = key {
            self.numbers(name).take(number);
        }
        let is_alarm = key == Key::Named(Name::Alarm, 0);
        match read_value(key, text) {
            Value::Alarm(alarm) if is_alarm && self.alarmed => self.attributes.alarm(alarm),
            value => self.attributes.push(key, value),
        }
        self.alarmed |= is_alarm;
    }

    fn numbers(&mut self, name: Name) -> &mut Numbers {
        let [cells, networks] = &mut self.numbered;
        if name == Name::Cell { cells } else { networks }
    }

    fn into_record(self, now: Micros) -> Record {
        let fix = self.latitude.zip(self.longitude).map(|(latitude, longitude)| Fix {
            latitude,
            longitude,
            valid: !self.not_valid,
            altitude_m: self.altitude_m,
            speed_kmh: self.speed_kmh,
            course_deg: self.course_deg,
        });
        let fix_time = self.time.or(if self.time_unreadable { None } else { Some(now) });
        Record { fix_time, fix, attributes: self.attributes }
    }
}

/// Numbers that are taken, one bit each: a request may have thousands of networks.
#[derive(Default)]
struct Numbers([u128; 2]);

impl Numbers {
    fn take(&mut self, number: u8) {
        let [low, high] = &mut self.0;
        *(if number < 128 { low } else { high }) |= 1_u128.wrapping_shl(u32::from(number));
    }

    /// The first that is not taken, or the last one.
    fn free(&self) -> u8 {
        let [low, high] = self.0;
        let free = if low == u128::MAX { high.trailing_ones().saturating_add(128) } else { low.trailing_ones() };
        u8::try_from(free).unwrap_or(u8::MAX)
    }
}

fn keep<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let used = value.is_some();
    *place = value.or(place.take());
    used
}

/// A finite `f32`.
#[allow(clippy::cast_possible_truncation)]
fn single(value: f64) -> Option<f32> {
    Some(value as f32).filter(|v| v.is_finite())
}

fn course(degrees: f64) -> Option<f32> {
    single(degrees).filter(|d| (0.0..=360.0).contains(d)).map(|d| if d >= 360.0 { 0.0 } else { d })
}

fn read_time(text: &str) -> Option<Micros> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let Ok(number) = whole.parse::<i64>() else {
        // A plus that was not escaped has become a space.
        let zone = text.rsplit_once(' ').filter(|(time, _)| time.len() > 10);
        return from_rfc3339(text).or_else(|| from_rfc3339(&format!("{}+{}", zone?.0, zone?.1)));
    };
    if number >= SECONDS_BELOW {
        return number.checked_mul(1_000);
    }
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let micros = fraction
        .bytes()
        .chain(core::iter::repeat(b'0'))
        .take(6)
        .fold(0_i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit.saturating_sub(b'0'))));
    number.checked_mul(1_000_000)?.checked_add(micros)
}

/// What a text says as an attribute: a number only if nothing of the text is lost by it.
fn read_value<'a>(key: Key<'_>, text: &'a str) -> Value<'a> {
    match key {
        Key::Named(name, _) if TEXTUAL.contains(&name) => return Value::Text(text),
        Key::Named(Name::Alarm, _) => {
            if let Some(alarm) = read_alarm(text) {
                return Value::Alarm(alarm);
            }
        }
        _ => {}
    }
    match text {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    let plain = digits.starts_with(|c: char| c.is_ascii_digit()) && !padded;
    if !plain || text == "-0" {
        return Value::Text(text);
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Value::Int(whole);
    }
    if let Ok(whole) = text.parse::<u64>() {
        return Value::Unsigned(whole);
    }
    let float = digits.contains('.').then(|| text.parse::<f64>().ok()).flatten();
    float.filter(|v| v.is_finite()).map_or(Value::Text(text), Value::Float)
}

/// Our word for an alarm, or the one that other servers of this protocol use.
fn read_alarm(text: &str) -> Option<Alarm> {
    Alarm::from_text(text).or_else(|| {
        Some(match text {
            "lowBattery" => Alarm::LowBattery,
            "lowPower" => Alarm::LowPower,
            "powerCut" => Alarm::PowerCut,
            "powerOn" => Alarm::PowerOn,
            "powerOff" => Alarm::PowerOff,
            "accident" => Alarm::Crash,
            "tow" => Alarm::Towing,
            "tampering" => Alarm::Tamper,
            "fallDown" => Alarm::Fall,
            "geofenceEnter" => Alarm::GeofenceEnter,
            "geofenceExit" => Alarm::GeofenceExit,
            _ => return None,
        })
    })
}

fn read_json(body: &[u8], query: &str, now: Micros, out: &mut Vec<Message>) -> Result<(), DecodeError> {
    let root = Json::read(body).ok_or(DecodeError::skipped("no JSON"))?;
    if !root.is_object() {
        return Err(DecodeError::skipped("no JSON object"));
    }
    let named = ["device_id", "deviceid", "id"].iter().find_map(|name| root.get(name)).and_then(device);
    let in_query = || pairs(query).find(|(name, _)| name == "id" || name == "deviceid").and_then(|(_, value)| Identifier::new(&value));
    let identifier = named.or_else(in_query).ok_or(DecodeError::skipped("no device id"))?;
    let none = DecodeError::skipped("no location");
    let location = root.get("location").ok_or(none)?;
    let message = |location| Message::Record { identifier: Some(identifier), record: read_location(location, now) };
    if location.is_object() {
        out.push(message(location));
        return Ok(());
    }
    let count = location.items().count();
    if count > LOCATIONS_MAX.min(LOCATIONS_OF_SHORT.saturating_add(body.len() / LOCATION_BYTES_MIN)) {
        return Err(DecodeError::skipped("too many locations"));
    }
    if count == 0 || !location.items().all(Json::is_object) {
        return Err(none);
    }
    out.reserve_exact(count);
    out.extend(location.items().map(message));
    Ok(())
}

/// Who, as a text or a number.
pub(crate) fn device(id: Json<'_>) -> Option<Identifier> {
    id.text().map_or_else(|| Identifier::new(&id.number()?.to_string()), |text| Identifier::new(&text))
}

fn read_location(location: Json<'_>, now: Micros) -> Record {
    let mut found = Found::default();
    match location.get("timestamp") {
        None => {}
        Some(time) if time.is_null() => {}
        Some(time) => {
            let text = time.text().unwrap_or_else(|| {
                let mut text = String::new();
                time.write(&mut text);
                Cow::Owned(text)
            });
            found.time(read_time(&text));
        }
    }
    if let Some(coords) = location.get("coords").filter(|coords| coords.is_object()) {
        let number = |name: &str| coords.get(name).and_then(Json::as_f64);
        found.latitude(number("latitude"));
        found.longitude(number("longitude"));
        found.altitude_m = number("altitude").and_then(single);
        found.speed_kmh = number("speed").filter(|v| *v >= 0.0).and_then(|v| single(v * KMH_PER_METRE_A_SECOND));
        found.course_deg = number("heading").and_then(course);
        if let Some(accuracy) = number("accuracy").filter(|v| *v >= 0.0) {
            found.attributes.set(Name::AccuracyM, Value::Float(accuracy));
        }
    }
    let members = [("event", Name::Event), ("is_moving", Name::Motion), ("odometer", Name::OdometerM), ("mock", Name::Mock)];
    for (member, name) in members {
        push_json(&mut found.attributes, Key::Named(name, 0), location.get(member));
    }
    push_json(&mut found.attributes, Key::Named(Name::Activity, 0), location.get("activity").and_then(|a| a.get("type")));
    if let Some(battery) = location.get("battery") {
        if let Some(level) = battery.get("level").and_then(Json::as_f64).filter(|v| *v >= 0.0) {
            found.attributes.set(Name::BatteryLevelPct, Value::Float(libm::round(level * 10_000.0) / 100.0));
        }
        push_json(&mut found.attributes, Key::Named(Name::Charging, 0), battery.get("is_charging"));
    }
    for (name, value) in location.get("extras").into_iter().flat_map(Json::sorted) {
        push_json(&mut found.attributes, Key::from_spelling(&name), Some(value));
    }
    found.into_record(now)
}

/// A value as a JSON document has it.
pub(crate) fn json_of(value: Value<'_>) -> Tree {
    match value {
        Value::Bool(v) => v.into(),
        Value::Int(v) => v.into(),
        Value::Unsigned(v) => v.into(),
        Value::Float(v) => v.into(),
        Value::Text(text) => text.into(),
        Value::Alarm(alarm) => alarm.as_str().into(),
    }
}

/// Adds a member of a JSON object; `null` is nothing, a list or an object is kept as its text.
pub(crate) fn push_json(attributes: &mut Attributes, key: Key<'_>, value: Option<Json<'_>>) {
    let Some(value) = value.filter(|value| !value.is_null()) else { return };
    if let Some(yes) = value.as_bool() {
        attributes.push(key, Value::Bool(yes));
    } else if let Some(number) = value.number() {
        match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(v), _, _) => attributes.push(key, Value::Int(v)),
            (None, Some(v), _) => attributes.push(key, Value::Unsigned(v)),
            (None, None, Some(v)) => attributes.push(key, Value::Float(v)),
            (None, None, None) => {}
        }
    } else if let Some(text) = value.text() {
        match Alarm::from_text(&text).filter(|_| matches!(key, Key::Named(Name::Alarm, _))) {
            Some(alarm) => attributes.push(key, Value::Alarm(alarm)),
            None => attributes.push(key, Value::Text(&text)),
        }
    } else {
        let mut text = String::new();
        value.write(&mut text);
        attributes.push(key, Value::Text(&text));
    }
}

/// Encoder: parameters as a form, one record a request.
#[derive(Debug)]
pub struct OsmAndEncoder;

impl OsmAndEncoder {
    /// Fresh.
    #[must_use]
    pub const fn new(_: Transport) -> Self {
        Self
    }
}

impl Encoder for OsmAndEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        http::write_post("/", "application/x-www-form-urlencoded", &[], write_form(identifier, record).as_bytes(), out);
        1
    }

    fn heartbeat(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        http::take_responses(bytes, FRAME_BYTES_MAX)
    }

    fn representable(&self, record: &Record) -> Record {
        let fix = record.fix.map(|fix| Fix {
            altitude_m: fix.altitude_m.filter(|v| v.is_finite()),
            speed_kmh: fix.speed_kmh.filter(|v| v.is_finite() && *v >= 0.0),
            course_deg: fix.course_deg.and_then(|v| course(f64::from(v))),
            ..fix
        });
        let mut attributes = Attributes::new();
        for (key, value) in record.attributes.iter().filter(|(key, _)| spelling(*key).is_some()) {
            match value {
                Value::Bool(_) | Value::Int(_) | Value::Unsigned(_) | Value::Float(_) if !is_textual(key) => attributes.push(key, value),
                other => attributes.push(key, read_value(key, &text_of(other))),
            }
        }
        // Milliseconds are what the apps send.
        let fix_time = record.fix_time.map(|t| t.div_euclid(1_000).saturating_mul(1_000));
        Record { fix_time, fix, attributes }
    }
}

fn is_textual(key: Key<'_>) -> bool {
    matches!(key, Key::Named(name, _) if TEXTUAL.contains(&name))
}

/// The parameter for an attribute; `None`: it would be taken for something else.
fn spelling(key: Key<'_>) -> Option<String> {
    match key {
        Key::Named(name, 0) => {
            let alias = ALIASES.iter().find(|(_, n)| *n == name).map(|(alias, _)| *alias);
            Some(alias.unwrap_or(name.as_str()).into())
        }
        Key::Named(..) | Key::Io(_) => Some(key.to_string()),
        Key::Text(text) => {
            let taken = text.is_empty() || RESERVED.contains(&text) || ALIASES.iter().any(|(alias, _)| *alias == text);
            (!taken && Key::from_spelling(text) == key).then(|| text.into())
        }
    }
}

fn text_of(value: Value<'_>) -> String {
    match value {
        Value::Bool(v) => v.to_string(),
        Value::Int(v) => v.to_string(),
        Value::Unsigned(v) => v.to_string(),
        // With its point: it must come back as what it is.
        Value::Float(v) if v == libm::trunc(v) => format!("{v}.0"),
        Value::Float(v) => v.to_string(),
        Value::Text(text) => text.into(),
        Value::Alarm(alarm) => alarm.as_str().into(),
    }
}

fn write_form(identifier: &Identifier, record: &Record) -> String {
    let mut form = String::from("id=");
    write_escaped(identifier.as_str(), &mut form);
    let mut add = |name: &str, value: &str| {
        form.push('&');
        write_escaped(name, &mut form);
        form.push('=');
        write_escaped(value, &mut form);
    };
    if let Some(time) = record.fix_time {
        let millis = time.div_euclid(1_000);
        if millis >= SECONDS_BELOW {
            add("timestamp", &millis.to_string());
        } else if let Some(text) = to_rfc3339(millis.saturating_mul(1_000)) {
            add("timestamp", &text);
        }
    }
    if let Some(fix) = &record.fix {
        add("lat", &fix.latitude.degrees().to_string());
        add("lon", &fix.longitude.degrees().to_string());
        if !fix.valid {
            add("valid", "false");
        }
        let speed = fix.speed_kmh.filter(|v| v.is_finite() && *v >= 0.0).map(|v| f64::from(v) / KMH_PER_KNOT);
        let course = fix.course_deg.and_then(|v| course(f64::from(v))).map(f64::from);
        let altitude = fix.altitude_m.filter(|v| v.is_finite()).map(f64::from);
        for (name, value) in [("speed", speed), ("bearing", course), ("altitude", altitude)] {
            if let Some(value) = value {
                add(name, &value.to_string());
            }
        }
    }
    for (key, value) in record.attributes.iter() {
        if let Some(name) = spelling(key) {
            add(&name, &text_of(value));
        }
    }
    form
}
