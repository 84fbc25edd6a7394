//! OwnTracks: JSON objects, each with its kind in `_type`, by MQTT (payload) or HTTP (body of a POST).
//!
//! ```text
//! topic      = "owntracks/" user "/" device [ "/event" / "/waypoint" / … ]
//! HTTP       = POST; headers X-Limit-U: user, X-Limit-D: device; or "topic" in the body, or ?u=user&d=device. Reply: 200, body []
//! location   = tst (seconds), lat, lon, acc, alt (m), vel (km/h), cog (degrees), batt (%), bs (1 unplugged, 2 charging, 3 full),
//!              conn (w, m, o), tid, m (mode), tag, inregions (list), p (kPa), …
//! transition = location with event (enter, leave), desc (the region)
//! steps      = tst, steps
//! lwt        = the broker's word that the phone is gone; waypoint(s), card, cmd, status, …: kept as not understood
//! ```
//!
//! The device is called `user/device`. What has no name of ours stays an attribute under its own name; a list or an object stays text.
//!
//! Source: <https://owntracks.org/booklet/tech/json/> and <https://owntracks.org/booklet/tech/http/>.

use crate::json::{self, Json, Reader, Take, Writer};
use crate::osmand::in_query;
use crate::wire::split_once;
use crate::words::{Known, Last, Order, spelled, words, words_and_names};
use crate::{
    About, Alarm, Attributes, Checksum, DecodeError, Decoder, Encoder, Environment, Fix, HttpRequest, Identifier, Input, Key, Latitude,
    Longitude, Message, Micros, MqttPublish, Name, Progress, Record, Replies, Transport, Value, http,
};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::BytesMut;
use smallvec::SmallVec;

/// What `owntracks` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "owntracks",
    default_port: 1883,
    transports: &[Transport::Mqtt, Transport::Http],
    acknowledges: &[Transport::Http],
    checksum: Checksum::None,
    carries_no_fix: true,
    settings: &[],
};

/// The largest payload or body.
const FRAME_BYTES_MAX: usize = 64 * 1024;

words! {
    /// Members with a meaning of their own; what else has a name of ours is spelled like it.
    Member {
        Type = "_type", Tst = "tst", Lat = "lat", Lon = "lon", Alt = "alt", Vel = "vel", Cog = "cog", Valid = "valid", Topic = "topic",
        Bs = "bs", P = "p", InRegions = "inregions", Acc = "acc", Batt = "batt", Conn = "conn", Tid = "tid", M = "m", Bssid = "BSSID",
    }
}

spelled!(Member);
words_and_names!(Member);

impl Member {
    /// The attribute that it is.
    const fn attribute(self) -> Option<Name> {
        match self {
            Self::Acc => Some(Name::AccuracyM),
            Self::Batt => Some(Name::BatteryLevelPct),
            Self::Conn => Some(Name::Network),
            Self::Tid => Some(Name::TrackerId),
            Self::M => Some(Name::Mode),
            Self::Bssid => Some(Name::Wifi),
            Self::Type | Self::Tst | Self::Lat | Self::Lon | Self::Alt | Self::Vel | Self::Cog | Self::Valid | Self::Topic => None,
            Self::Bs | Self::P | Self::InRegions => None,
        }
    }
}

/// Decoder.
#[derive(Debug, Default)]
pub struct OwnTracksDecoder {
    order: Order,
}

impl Decoder for OwnTracksDecoder {
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
            Input::Mqtt(MqttPublish { topic, payload }) => {
                let identifier = of_topic(topic).ok_or(DecodeError::skipped("no user and device in the topic"))?;
                match read(payload, &mut self.order, |_| Some(identifier), out) {
                    // The topic says whose it is, and MQTT 3.1.1 cannot say no to one publication: it would come again for ever.
                    Err(error) if payload.len() <= FRAME_BYTES_MAX => {
                        out.push(Message::Undecoded { identifier: Some(identifier), reason: error.what, raw: payload.to_vec() });
                    }
                    done => done?,
                }
            }
            Input::Http(request) => {
                read(request.body, &mut self.order, |told| who(request, told), out).inspect_err(|_| http::refuse(replies))?;
                http::acknowledge(replies, b"[]");
            }
        }
        Ok(())
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

fn who(request: &HttpRequest<'_>, told: &Told<'_>) -> Option<Identifier> {
    let queried = |wanted: &str| in_query(split_once(request.uri, b'?')?.1, |name| name == wanted);
    let user = request.header("x-limit-u").map(Cow::Borrowed).or_else(|| queried("u"));
    let device = request.header("x-limit-d").map(Cow::Borrowed).or_else(|| queried("d"));
    match (user, device) {
        (Some(user), Some(device)) => joined(&user, &device),
        (Some(one), None) | (None, Some(one)) => Identifier::new(&one),
        (None, None) => told.topic.text().and_then(|topic| of_topic(&topic)),
    }
}

/// What members said that are no attributes, or more than that.
#[derive(Default)]
struct Told<'a> {
    kind: Json<'a>,
    topic: Json<'a>,
    event: Json<'a>,
    time: Option<f64>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    altitude: Option<f64>,
    speed: Option<f64>,
    course: Option<f64>,
    not_valid: bool,
}

/// Takes members. Of two with the same name, the last one is meant; attributes are added as often as they are told.
struct Taker<'t, 'a> {
    told: &'t mut Told<'a>,
    attributes: &'t mut Attributes,
    order: &'t mut Order,
}

impl<'a> Take<'a> for Taker<'_, 'a> {
    type Member = Member;

    #[inline(always)]
    fn order(&mut self) -> Option<&mut Order> {
        Some(self.order)
    }

    #[inline(always)]
    fn take(&mut self, reader: &mut Reader<'a>, member: Last, name: &str) -> Option<()> {
        let Self { told, attributes, .. } = self;
        let value = reader.read()?;
        match member.known() {
            Known::Own(Member::Type) => told.kind = value.json(),
            Known::Own(Member::Topic) => told.topic = value.json(),
            Known::Own(Member::Tst) => told.time = value.as_f64(),
            Known::Own(Member::Lat) => told.latitude = value.as_f64(),
            Known::Own(Member::Lon) => told.longitude = value.as_f64(),
            Known::Own(Member::Alt) => told.altitude = value.as_f64(),
            Known::Own(Member::Vel) => told.speed = value.as_f64(),
            Known::Own(Member::Cog) => told.course = value.as_f64(),
            Known::Own(Member::Valid) => told.not_valid = value.json() == Json::Bool(false),
            Known::Own(Member::Bs) => push_charging(value.json(), attributes),
            Known::Own(Member::P) => push_pressure(value.json(), attributes),
            Known::Own(Member::InRegions) => push_regions(value.json(), attributes),
            Known::Own(own) => {
                if let Some(name) = own.attribute() {
                    value.push_named(name, attributes);
                }
            }
            Known::Name(name) => {
                if name == Name::Event {
                    told.event = value.json();
                }
                value.push_named(name, attributes);
            }
            Known::Other => value.json().push(Key::from_other(name), attributes),
        }
        Some(())
    }
}

/// What a device is called.
fn joined(user: &str, device: &str) -> Option<Identifier> {
    let mut name = SmallVec::<[u8; Identifier::BYTES_MAX]>::from_slice(user.as_bytes());
    name.push(b'/');
    name.extend_from_slice(device.as_bytes());
    Identifier::from_bytes(&name)
}

/// The two levels after `owntracks` (wherever that stands); of another topic, the last two; of a short one, what there is.
fn of_topic(topic: &str) -> Option<Identifier> {
    // As a phone spells it: nothing is left out between the two.
    if let Some(named) = topic.strip_prefix("owntracks/") {
        let (user, behind) = split_once(named, b'/').unwrap_or((named, ""));
        let device = split_once(behind, b'/').map_or(behind, |(device, _)| device);
        let length = if behind.is_empty() { user.len() } else { user.len().saturating_add(1).saturating_add(device.len()) };
        if !user.is_empty() && (behind.is_empty() || !device.is_empty()) {
            return Identifier::new(named.get(..length)?);
        }
    }
    let levels: Vec<&str> = topic.split('/').filter(|level| !level.is_empty()).take(16).collect();
    let after = match levels.iter().position(|level| *level == "owntracks") {
        Some(at) => levels.get(at.saturating_add(1)..)?,
        None => levels.get(levels.len().saturating_sub(2)..)?,
    };
    match after {
        [user, device, ..] => joined(user, device),
        [one] => Identifier::new(one),
        [] => None,
    }
}

/// Reads a message, whose record is made in its place.
fn read<'a>(
    bytes: &'a [u8],
    order: &mut Order,
    who: impl FnOnce(&Told<'a>) -> Option<Identifier>,
    out: &mut Vec<Message>,
) -> Result<(), DecodeError> {
    if bytes.len() > FRAME_BYTES_MAX {
        return Err(DecodeError::skipped("payload too long"));
    }
    let count = out.len();
    let Some((record, identifier)) = Message::begin_record(out) else { return Ok(()) };
    let mut told = Told::default();
    let read = read_members(bytes, Taker { told: &mut told, attributes: &mut record.attributes, order }).and_then(|()| {
        let kind = told.kind.text().ok_or(DecodeError::skipped("no _type"))?;
        *identifier = Some(who(&told).ok_or(DecodeError::skipped("no user and device"))?);
        Ok(kind)
    });
    let reason = match read.as_deref() {
        Ok(kind @ ("location" | "transition" | "steps")) => {
            complete(&told, kind == "transition", record);
            return Ok(());
        }
        Ok("lwt") => "last will",
        Ok("waypoint" | "waypoints") => "waypoint",
        Ok("encrypted") => "encrypted",
        Ok(_) => "another _type",
        Err(error) => {
            let error = *error;
            out.truncate(count);
            return Err(error);
        }
    };
    let identifier = *identifier;
    out.truncate(count);
    out.push(Message::Undecoded { identifier, reason, raw: bytes.to_vec() });
    Ok(())
}

/// Tells the members. Apart from its caller: the loop over them needs all registers.
#[inline(never)]
fn read_members<'a>(bytes: &'a [u8], taker: Taker<'_, 'a>) -> Result<(), DecodeError> {
    Ok(json::read_object(bytes, taker)?)
}

/// Adds to a record what other members have to be known for.
fn complete(told: &Told<'_>, is_transition: bool, record: &mut Record) {
    let attributes = &mut record.attributes;
    let (latitude, longitude) = (told.latitude.and_then(Latitude::new), told.longitude.and_then(Longitude::new));
    for (degrees, inside, word) in [(told.latitude, latitude.is_some(), "latitude"), (told.longitude, longitude.is_some(), "longitude")] {
        if let Some(degrees) = degrees.filter(|_| !inside) {
            attributes.set(Name::OutOfRange, Value::Text(word));
            attributes.push(Key::Text(word), Value::Float(degrees));
        }
    }
    if is_transition {
        match told.event.text().as_deref() {
            Some("enter") => attributes.alarm(Alarm::GeofenceEnter),
            Some("leave") => attributes.alarm(Alarm::GeofenceExit),
            _ => {}
        }
    }
    record.fix_time = told.time.and_then(seconds);
    record.fix = latitude.zip(longitude).map(|(latitude, longitude)| Fix {
        latitude,
        longitude,
        valid: !told.not_valid,
        altitude_m: told.altitude.and_then(single),
        speed_kmh: told.speed.filter(|v| *v >= 0.0).and_then(single),
        course_deg: told.course.and_then(single).and_then(course),
    });
}

fn push_charging(value: Json<'_>, attributes: &mut Attributes) {
    match value.as_i64() {
        Some(1) => attributes.set(Name::Charging, Value::Bool(false)),
        Some(2 | 3) => attributes.set(Name::Charging, Value::Bool(true)),
        _ => {}
    }
}

fn push_pressure(value: Json<'_>, attributes: &mut Attributes) {
    if let Some(kilopascal) = value.as_f64() {
        attributes.set(Name::PressurePa, Value::Float(libm::round(kilopascal * 1_000.0)));
    }
}

#[inline(never)]
fn push_regions(value: Json<'_>, attributes: &mut Attributes) {
    let (mut names, mut count) = (String::new(), 0_usize);
    if let Json::Nested(list) = value {
        list.reader().items(|reader| {
            if let Some(name) = reader.value()?.text() {
                names.push_str(if count > 0 { "," } else { "" });
                names.push_str(&name);
                count = count.saturating_add(1);
            }
            // No more than a record can have.
            (names.len() <= Attributes::BYTES_MAX).then_some(())
        });
    }
    if count > 0 {
        attributes.set(Name::Regions, Value::Text(&names));
    }
}

/// Seconds, whole or with a fraction, of the years 1 to 9999.
#[allow(clippy::cast_possible_truncation)]
fn seconds(seconds: f64) -> Option<Micros> {
    (-62_135_596_800.0..=253_402_300_799.0).contains(&seconds).then(|| libm::round(seconds * 1_000_000.0) as Micros)
}

/// A finite `f32`.
#[allow(clippy::cast_possible_truncation)]
fn single(value: f64) -> Option<f32> {
    Some(value as f32).filter(|v| v.is_finite())
}

fn course(degrees: f32) -> Option<f32> {
    (0.0..=360.0).contains(&degrees).then_some(if degrees >= 360.0 { 0.0 } else { degrees })
}

/// Encoder: one `location` a publication or request.
#[derive(Debug)]
pub struct OwnTracksEncoder {
    transport: Transport,
}

impl OwnTracksEncoder {
    /// Fresh.
    #[must_use]
    pub const fn new(transport: Transport) -> Self {
        Self { transport }
    }
}

impl Encoder for OwnTracksEncoder {
    fn login(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize {
        let Some(record) = records.first() else { return 0 };
        let payload = write_location(record);
        if self.transport == Transport::Mqtt {
            out.extend_from_slice(payload.as_bytes());
            return 1;
        }
        let (user, device) = identifier.as_str().split_once('/').unwrap_or(("", identifier.as_str()));
        let headers = [("X-Limit-D", device), ("X-Limit-U", user)];
        let headers = headers.get(..if user.is_empty() { 1 } else { 2 }).unwrap_or_default();
        http::write_post("/pub", "application/json", headers, payload.as_bytes(), out);
        1
    }

    fn heartbeat(&mut self, _: &Identifier, _: &mut Vec<u8>) {}

    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError> {
        if self.transport == Transport::Mqtt { Ok(0) } else { http::take_responses(bytes, FRAME_BYTES_MAX) }
    }

    fn representable(&self, record: &Record) -> Record {
        let fix = record.fix.map(|fix| Fix {
            altitude_m: fix.altitude_m.filter(|v| v.is_finite()),
            speed_kmh: fix.speed_kmh.filter(|v| v.is_finite() && *v >= 0.0),
            course_deg: fix.course_deg.and_then(course),
            ..fix
        });
        let mut attributes = Attributes::new();
        for (key, value) in record.attributes.iter().filter(|(key, value)| spelling(*key, *value).is_some()) {
            match value {
                Value::Alarm(alarm) if !matches!(key, Key::Named(Name::Alarm, _)) => attributes.push(key, Value::Text(alarm.as_str())),
                Value::Text(text) if matches!(key, Key::Named(Name::Alarm, _)) => {
                    attributes.push(key, Alarm::from_text(text).map_or(value, Value::Alarm));
                }
                value => attributes.push(key, value),
            }
        }
        let whole_seconds = record.fix_time.map(|t| t.div_euclid(1_000_000).saturating_mul(1_000_000));
        Record { fix_time: whole_seconds, fix, attributes }
    }

    fn topic(&self, identifier: &Identifier) -> Option<String> {
        Some(format!("owntracks/{identifier}"))
    }
}

/// The member for an attribute; `None`: it would be taken for something else.
fn spelling(key: Key<'_>, value: Value<'_>) -> Option<String> {
    match key {
        Key::Named(Name::Charging, 0) if matches!(value, Value::Bool(_)) => Some("bs".into()),
        Key::Named(name, 0) => {
            let alias = Member::ALL.iter().find(|member| member.attribute() == Some(name));
            Some(alias.map_or(name.as_str(), |member| member.as_str()).into())
        }
        Key::Named(..) | Key::Io(_) => Some(key.to_string()),
        Key::Text(text) => (Member::from_text(text).is_none() && Key::from_spelling(text) == key).then(|| text.into()),
    }
}

fn write_location(record: &Record) -> String {
    Writer::object(|object| {
        object.member("_type", Value::Text("location"));
        if let Some(time) = record.fix_time {
            object.member("tst", Value::Int(time.div_euclid(1_000_000)));
        }
        if let Some(fix) = &record.fix {
            object.member("lat", Value::Float(fix.latitude.degrees()));
            object.member("lon", Value::Float(fix.longitude.degrees()));
            if !fix.valid {
                object.member("valid", Value::Bool(false));
            }
            let speed = fix.speed_kmh.filter(|v| *v >= 0.0);
            for (member, value) in [("alt", fix.altitude_m), ("vel", speed), ("cog", fix.course_deg.and_then(course))] {
                if let Some(value) = value.filter(|v| v.is_finite()) {
                    object.member(member, Value::Float(f64::from(value)));
                }
            }
        }
        for (key, value) in record.attributes.iter() {
            match (spelling(key, value), value) {
                (Some(member), Value::Bool(charging)) if member == "bs" => object.member(&member, Value::Int(if charging { 2 } else { 1 })),
                (Some(member), value) => object.member(&member, value),
                (None, _) => {}
            }
        }
    })
}
