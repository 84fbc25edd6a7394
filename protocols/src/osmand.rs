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

mod form;

pub(crate) use form::in_query;

use crate::attributes::Packed;
use crate::json::{self, Json, Reader};
use crate::wire::split_once;
use crate::words::{Known, Order, spelled, words, words_and_names};
use crate::{
    About, Alarm, Attributes, Checksum, DecodeError, Decoder, Encoder, Environment, Fix, HttpRequest, Identifier, Input, Key, Latitude,
    Longitude, MICROS_PER_SECOND, Message, Micros, Name, Progress, Record, Replies, Transport, Value, from_rfc3339, http, to_rfc3339,
};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::BytesMut;
use form::{Pair, Pairs, Short, as_text};

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

words! {
    /// Parameters with a meaning of their own; what else has a name of ours is spelled like it.
    Parameter {
        Id = "id", DeviceId = "deviceid", Lat = "lat", Lon = "lon", Location = "location", Timestamp = "timestamp", Valid = "valid",
        Speed = "speed", Bearing = "bearing", Heading = "heading", Altitude = "altitude", Hdop = "hdop", Batt = "batt",
        Accuracy = "accuracy", Charge = "charge", DriverUniqueId = "driverUniqueId", Odometer = "odometer", Sat = "sat", Cell = "cell",
        Wifi = "wifi",
    }
}

spelled!(Parameter);
words_and_names!(Parameter);

impl Parameter {
    /// The attribute that is called so, if it has no number of its own.
    #[inline(always)]
    const fn named(known: Known<Self>) -> Option<Name> {
        match known {
            Known::Own(own) => own.attribute(),
            Known::Name(name) => Some(name),
            Known::Other => None,
        }
    }

    /// It is a number of the place.
    const fn is_of_place(self) -> bool {
        matches!(self, Self::Lat | Self::Lon | Self::Speed | Self::Bearing | Self::Heading | Self::Altitude)
    }

    /// The attribute that it is.
    const fn attribute(self) -> Option<Name> {
        match self {
            Self::Hdop => Some(Name::Hdop),
            Self::Batt => Some(Name::BatteryLevelPct),
            Self::Accuracy => Some(Name::AccuracyM),
            Self::Charge => Some(Name::Charging),
            Self::DriverUniqueId => Some(Name::DriverId),
            Self::Odometer => Some(Name::OdometerM),
            Self::Sat => Some(Name::Satellites),
            Self::Cell => Some(Name::Cell),
            Self::Wifi => Some(Name::Wifi),
            Self::Id | Self::DeviceId | Self::Lat | Self::Lon | Self::Location | Self::Timestamp | Self::Valid => None,
            Self::Speed | Self::Bearing | Self::Heading | Self::Altitude => None,
        }
    }
}

/// Names whose value is no text and no alarm, and which have no numbers of their own.
#[inline(always)]
const fn is_of_one_kind(name: Name) -> bool {
    !is_textual(Key::Named(name, 0)) && !matches!(name, Name::Alarm)
}

/// Names whose value is text even if it looks like a number.
#[inline(always)]
const fn is_textual(key: Key<'_>) -> bool {
    let Key::Named(name, _) = key else { return false };
    matches!(
        name,
        Name::DriverId
            | Name::Cell
            | Name::Wifi
            | Name::Vin
            | Name::Iccid
            | Name::Imsi
            | Name::Phone
            | Name::Operator
            | Name::TrackerId
            | Name::Tag
            | Name::Text
    )
}

/// Decoder.
#[derive(Debug, Default)]
pub struct OsmAndDecoder {
    order: Order,
}

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
        read(request, env.now, &mut self.order, out).inspect_err(|_| http::refuse(replies))?;
        http::acknowledge(replies, b"");
        Ok(())
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

fn read(request: &HttpRequest<'_>, now: Micros, order: &mut Order, out: &mut Vec<Message>) -> Result<(), DecodeError> {
    if request.uri.len() > FRAME_BYTES_MAX || request.body.len() > FRAME_BYTES_MAX {
        return Err(DecodeError::skipped("request too long"));
    }
    let query = split_once(request.uri, b'?').map_or("", |(_, query)| query);
    let body = request.body.trim_ascii();
    let says_json = request.header("content-type").is_some_and(|t| t.trim_start().starts_with("application/json"));
    if says_json || body.starts_with(b"{") {
        return read_json(body, query, now, out);
    }
    let Some((record, named)) = Message::begin_record(out) else { return Ok(()) };
    let mut found = Found::new(&mut record.attributes, named);
    let read = [query.as_bytes(), body].into_iter().try_for_each(|form| found.form(form, order));
    (record.fix_time, record.fix) = found.place(now);
    if named.is_none() || read.is_none() {
        out.pop();
        return Err(DecodeError::skipped(if read.is_none() { "the body is no UTF-8" } else { "no device id" }));
    }
    Ok(())
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
struct Found<'a> {
    attributes: &'a mut Attributes,
    identifier: &'a mut Option<Identifier>,
    time: Option<Micros>,
    /// There was a time that could not be read: then it is not the time now either.
    time_unreadable: bool,
    latitude: Option<Latitude>,
    longitude: Option<Longitude>,
    not_valid: bool,
    speed_kmh: Option<f32>,
    course_deg: Option<f32>,
    altitude_m: Option<f32>,
    /// Which numbers cells and networks have.
    cells: Numbers,
    networks: Numbers,
    /// There is an alarm.
    alarmed: bool,
}

impl<'a> Found<'a> {
    /// Nothing yet; attributes are told to those of the record.
    fn new(attributes: &'a mut Attributes, identifier: &'a mut Option<Identifier>) -> Self {
        Self {
            attributes,
            identifier,
            time: None,
            time_unreadable: false,
            latitude: None,
            longitude: None,
            not_valid: false,
            speed_kmh: None,
            course_deg: None,
            altitude_m: None,
            cells: Numbers::default(),
            networks: Numbers::default(),
            alarmed: false,
        }
    }

    /// `None` if it is no text.
    fn form(&mut self, form: &[u8], order: &mut Order) -> Option<()> {
        let Some(pairs) = Pairs::of(form, order) else { return form::each_unescaped(form, |pair| self.parameter(pair)) };
        for pair in pairs {
            self.parameter(&pair);
        }
        Some(())
    }

    #[inline(always)]
    fn parameter(&mut self, pair: &Pair<'_>) {
        let known = pair.parameter.known();
        // Nearly all attributes.
        if let Some(name) = Parameter::named(known)
            && is_of_one_kind(name)
        {
            if let Some(value) = pair.short.packed() {
                return self.attributes.push_packed(Packed::name(name, 0).before(value));
            }
        } else if let Known::Own(own) = known {
            let used = match (own, pair.short, pair.short.number()) {
                (Parameter::Timestamp, Short::Whole(number), _) => Some(self.time(time_of(number))),
                (place, _, Some(number)) if place.is_of_place() => Some(self.place_number(place, number)),
                _ => None,
            };
            match used {
                Some(true) => return,
                Some(false) => return self.unused(pair.name, pair.value),
                None => {}
            }
        }
        self.other_parameter(known, pair.name, pair.value);
    }

    /// What a number tells of the place; `false` if it is of no use there.
    #[inline(always)]
    fn place_number(&mut self, parameter: Parameter, number: f64) -> bool {
        match parameter {
            Parameter::Lat => self.latitude(Some(number)),
            Parameter::Lon => self.longitude(Some(number)),
            Parameter::Speed => keep(&mut self.speed_kmh, Some(number).filter(|v| *v >= 0.0).and_then(|v| single(v * KMH_PER_KNOT))),
            Parameter::Bearing | Parameter::Heading => keep(&mut self.course_deg, course(number)),
            Parameter::Altitude => keep(&mut self.altitude_m, single(number)),
            _ => false,
        }
    }

    #[inline(never)]
    fn other_parameter(&mut self, known: Known<Parameter>, name: &[u8], value: &[u8]) {
        let used = match known {
            Known::Own(Parameter::Id | Parameter::DeviceId) => {
                if self.identifier.is_none() {
                    Identifier::put(value, self.identifier);
                }
                true
            }
            Known::Own(Parameter::Location) => {
                match as_text(value).split_once(',').map(|(lat, lon)| (lat.trim().parse(), lon.trim().parse())) {
                    Some((Ok(latitude), Ok(longitude))) => self.latitude(Some(latitude)) && self.longitude(Some(longitude)),
                    _ => false,
                }
            }
            Known::Own(Parameter::Timestamp) => self.time(read_time(as_text(value))),
            Known::Own(Parameter::Valid) => {
                self.not_valid = !matches!(value, b"true" | b"True" | b"TRUE" | b"1");
                true
            }
            Known::Own(own) if own.is_of_place() => form::number(value).is_some_and(|number| self.place_number(own, number)),
            other => {
                self.attribute(other, name, value);
                true
            }
        };
        if !used {
            self.unused(name, value);
        }
    }

    #[cold]
    #[inline(never)]
    fn unused(&mut self, name: &[u8], value: &[u8]) {
        self.attributes.push(Key::Text(as_text(name)), Value::Text(as_text(value)));
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

    fn attribute(&mut self, known: Known<Parameter>, name: &[u8], value: &[u8]) {
        let key = match Parameter::named(known) {
            Some(name @ (Name::Cell | Name::Wifi)) => Key::Named(name, self.numbers(name).free()),
            Some(name) => Key::Named(name, 0),
            None if name.is_empty() => return,
            None => known.key(as_text(name)),
        };
        if let Key::Named(name @ (Name::Cell | Name::Wifi), number) = key {
            self.numbers(name).take(number);
        }
        let is_alarm = matches!(key, Key::Named(Name::Alarm, 0));
        match read_value(key, value) {
            Value::Alarm(alarm) if is_alarm && self.alarmed => self.attributes.alarm(alarm),
            value => self.attributes.push(key, value),
        }
        self.alarmed |= is_alarm;
    }

    const fn numbers(&mut self, name: Name) -> &mut Numbers {
        if matches!(name, Name::Cell) { &mut self.cells } else { &mut self.networks }
    }

    /// When and where it was.
    fn place(&self, now: Micros) -> (Option<Micros>, Option<Fix>) {
        let fix = self.latitude.zip(self.longitude).map(|(latitude, longitude)| Fix {
            latitude,
            longitude,
            valid: !self.not_valid,
            altitude_m: self.altitude_m,
            speed_kmh: self.speed_kmh,
            course_deg: self.course_deg,
        });
        (self.time.or(if self.time_unreadable { None } else { Some(now) }), fix)
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

fn time_of(number: i64) -> Option<Micros> {
    number.checked_mul(if number >= SECONDS_BELOW { 1_000 } else { MICROS_PER_SECOND })
}

fn read_time(text: &str) -> Option<Micros> {
    let text = text.trim();
    let (whole, fraction) = split_once(text, b'.').unwrap_or((text, ""));
    let Ok(number) = whole.parse::<i64>() else {
        // A plus that was not escaped has become a space.
        let zone = text.rsplit_once(' ').filter(|(time, _)| time.len() > 10);
        return from_rfc3339(text).or_else(|| from_rfc3339(&format!("{}+{}", zone?.0, zone?.1)));
    };
    if number >= SECONDS_BELOW || fraction.is_empty() {
        return time_of(number);
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

/// What a text says as an attribute.
fn read_value<'a>(key: Key<'_>, text: &'a [u8]) -> Value<'a> {
    let alarm = || matches!(key, Key::Named(Name::Alarm, _)).then(|| read_alarm(as_text(text)))?;
    if is_textual(key) { Value::Text(as_text(text)) } else { alarm().map_or_else(|| form::spelled(text), Value::Alarm) }
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
    // The first of these that is there names the device.
    let mut names = [("device_id", None), ("deviceid", None), ("id", None)];
    let mut location = Json::Null;
    json::read_object(
        body,
        json::each(|reader, name| {
            let value = reader.value()?;
            match names.iter_mut().find(|(known, _)| *known == name) {
                Some((_, place)) => *place = Some(value),
                None if name == "location" => location = value,
                None => {}
            }
            Some(())
        }),
    )?;
    let named = names.iter().find_map(|(_, value)| *value).and_then(Json::spelled).and_then(|id| Identifier::new(&id));
    let queried = || in_query(query, |name| matches!(name, "id" | "deviceid")).and_then(|id| Identifier::new(&id));
    let identifier = named.or_else(queried).ok_or(DecodeError::skipped("no device id"))?;
    let Json::Nested(location) = location else { return Err(DecodeError::skipped("no location")) };
    let mut take = |reader: &mut Reader<'_>, left: usize| {
        let record = read_location(reader, now)?;
        // All at once: a list that grows takes up to twice the memory.
        out.reserve_exact(left);
        out.push(Message::Record { identifier: Some(identifier), record });
        Some(())
    };
    let mut reader = location.reader();
    if reader.is_object() {
        return take(&mut reader, 1).ok_or(DecodeError::skipped("no location"));
    }
    let (mut count, mut all_objects) = (0_usize, true);
    location.reader().items(|reader| {
        count = count.saturating_add(1);
        all_objects &= reader.is_object();
        reader.value().map(drop)
    });
    if count > LOCATIONS_MAX.min(LOCATIONS_OF_SHORT.saturating_add(body.len() / LOCATION_BYTES_MIN)) {
        return Err(DecodeError::skipped("too many locations"));
    }
    if count == 0 || !all_objects {
        return Err(DecodeError::skipped("no location"));
    }
    reader
        .items(|reader| {
            let taken = take(reader, count);
            count = count.saturating_sub(1);
            taken
        })
        .ok_or(DecodeError::skipped("no location"))
}

/// The members of a location that are looked at, and those of the objects in it.
#[derive(Default)]
struct Location<'a> {
    time: Json<'a>,
    coords: Json<'a>,
    event: Json<'a>,
    is_moving: Json<'a>,
    odometer: Json<'a>,
    mock: Json<'a>,
    activity: Json<'a>,
    battery: Json<'a>,
    extras: Json<'a>,
}

impl<'a> Location<'a> {
    fn place(&mut self, name: &str) -> Option<&mut Json<'a>> {
        Some(match name {
            "timestamp" => &mut self.time,
            "coords" => &mut self.coords,
            "event" => &mut self.event,
            "is_moving" => &mut self.is_moving,
            "odometer" => &mut self.odometer,
            "mock" => &mut self.mock,
            "activity" => &mut self.activity,
            "battery" => &mut self.battery,
            "extras" => &mut self.extras,
            _ => return None,
        })
    }
}

/// The last members of these names of an object; `null` for what is not there, or is in no object.
fn members_of<'a, const COUNT: usize>(object: Json<'a>, names: [&str; COUNT]) -> [Json<'a>; COUNT] {
    let mut values = [Json::Null; COUNT];
    if let Json::Nested(object) = object {
        object.reader().members(json::each(|reader, name| {
            let value = reader.value()?;
            if let Some((_, place)) = names.iter().zip(&mut values).find(|(wanted, _)| **wanted == name) {
                *place = value;
            }
            Some(())
        }));
    }
    values
}

fn read_location<'a>(reader: &mut Reader<'a>, now: Micros) -> Option<Record> {
    let mut location = Location::default();
    reader.members(json::each(|reader, name| {
        let value = reader.value()?;
        if let Some(place) = location.place(name) {
            *place = value;
        }
        Some(())
    }))?;
    let mut record = Record::default();
    let mut nobody = None;
    let mut found = Found::new(&mut record.attributes, &mut nobody);
    if location.time != Json::Null {
        found.time(location.time.spelled().and_then(|text| read_time(&text)));
    }
    let coords = members_of(location.coords, ["latitude", "longitude", "altitude", "speed", "heading", "accuracy"]);
    let [latitude, longitude, altitude, speed, heading, accuracy] = coords.map(Json::as_f64);
    found.latitude(latitude);
    found.longitude(longitude);
    found.altitude_m = altitude.and_then(single);
    found.speed_kmh = speed.filter(|v| *v >= 0.0).and_then(|v| single(v * KMH_PER_METRE_A_SECOND));
    found.course_deg = heading.and_then(course);
    if let Some(accuracy) = accuracy.filter(|v| *v >= 0.0) {
        found.attributes.set(Name::AccuracyM, Value::Float(accuracy));
    }
    let [activity] = members_of(location.activity, ["type"]);
    let [level, is_charging] = members_of(location.battery, ["level", "is_charging"]);
    let told = [
        (Name::Event, location.event),
        (Name::Motion, location.is_moving),
        (Name::OdometerM, location.odometer),
        (Name::Mock, location.mock),
        (Name::Activity, activity),
    ];
    for (name, value) in told {
        value.push(Key::Named(name, 0), found.attributes);
    }
    if let Some(level) = level.as_f64().filter(|v| *v >= 0.0) {
        found.attributes.set(Name::BatteryLevelPct, Value::Float(libm::round(level * 10_000.0) / 100.0));
    }
    is_charging.push(Key::Named(Name::Charging, 0), found.attributes);
    if let Json::Nested(extras) = location.extras {
        extras.reader().members(json::each(|reader, name| {
            reader.value()?.push(Key::from_spelling(name), found.attributes);
            Some(())
        }));
    }
    (record.fix_time, record.fix) = found.place(now);
    Some(record)
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
                other => attributes.push(key, read_value(key, text_of(other).as_bytes())),
            }
        }
        // Milliseconds are what the apps send.
        let fix_time = record.fix_time.map(|t| t.div_euclid(1_000).saturating_mul(1_000));
        Record { fix_time, fix, attributes }
    }
}

/// The parameter for an attribute; `None`: it would be taken for something else.
fn spelling(key: Key<'_>) -> Option<String> {
    match key {
        Key::Named(name, 0) => {
            let alias = Parameter::ALL.iter().find(|parameter| parameter.attribute() == Some(name));
            Some(alias.map_or(name.as_str(), |parameter| parameter.as_str()).into())
        }
        Key::Named(..) | Key::Io(_) => Some(key.to_string()),
        Key::Text(text) => {
            let taken = text.is_empty() || Parameter::from_text(text).is_some();
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
