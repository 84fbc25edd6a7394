//! A frame field by field: which bytes say what.
//!
//! Nothing is described twice: the decoder itself is asked. Each bit of the frame is turned over, the frame is decoded again, and what
//! comes out otherwise is what that byte says. So the table is true for every protocol, and costs the decoders nothing.

use super::input::Frame;
use super::play::{Heard, Player};
use protocols::{Message, Record, ReplyBody, to_rfc3339, wire};
use std::collections::{BTreeMap, BTreeSet};

/// Of a longer frame only the beginning is looked at: each byte costs eight decodings.
pub const PROBED_BYTES_MAX: usize = 4_096;

/// Some bytes in a row that say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where they begin.
    pub offset: usize,
    /// They.
    pub bytes: Vec<u8>,
    /// What they say.
    pub name: String,
    /// As it was decoded; empty where it is none.
    pub value: String,
    /// Of the value; empty where it has none.
    pub unit: &'static str,
}

/// What a frame said, by name.
type Facts = BTreeMap<String, String>;

/// What a byte is there for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Role {
    /// Another value breaks the frame.
    Framing,
    /// Another value fits the checksum (or the length) no more, and changes nothing else.
    Checksum,
    /// Nothing depends on it.
    Unread,
    /// It says these.
    Says(BTreeSet<String>),
}

/// Takes a frame apart. `player` makes a decoder that has heard what came before, and that overlooks wrong checksums if it is told so.
pub fn fields<'a>(player: impl Fn(bool) -> Player<'a>, frame: &Frame) -> Vec<Field> {
    let Some(bytes) = raw(frame) else { return Vec::new() };
    let play = |bytes: &[u8], ignore_checksum: bool| player(ignore_checksum).play(&with(frame, bytes));
    let intact = play(&bytes, true);
    if intact.error.is_some() || (intact.messages.is_empty() && intact.replies.is_empty()) {
        return Vec::new();
    }
    let (shape, facts) = (shape(&intact), facts_of(&intact));
    let mut roles = Vec::new();
    for at in 0..bytes.len().min(PROBED_BYTES_MAX) {
        roles.push(role(&bytes, at, &shape, &facts, &play));
    }
    grouped(&bytes, &roles, &facts)
}

fn raw(frame: &Frame) -> Option<Vec<u8>> {
    match frame {
        Frame::Bytes(bytes) | Frame::Mqtt { payload: bytes, .. } => Some(bytes.clone()),
        Frame::Text(text) => Some(text.clone().into_bytes()),
        Frame::Http { uri, body, .. } => Some(if body.is_empty() { uri.clone().into_bytes() } else { body.clone() }),
    }
}

fn with(frame: &Frame, bytes: &[u8]) -> Frame {
    let text = || String::from_utf8_lossy(bytes).into_owned();
    match frame {
        Frame::Bytes(_) => Frame::Bytes(bytes.to_vec()),
        Frame::Text(_) => Frame::Text(text()),
        Frame::Mqtt { topic, .. } => Frame::Mqtt { topic: topic.clone(), payload: bytes.to_vec() },
        Frame::Http { method, uri, headers, body } => {
            let (method, headers) = (method.clone(), headers.clone());
            if body.is_empty() {
                Frame::Http { method, uri: text(), headers, body: Vec::new() }
            } else {
                Frame::Http { method, uri: uri.clone(), headers, body: bytes.to_vec() }
            }
        }
    }
}

fn role(bytes: &[u8], at: usize, shape: &[&'static str], facts: &Facts, play: &impl Fn(&[u8], bool) -> Heard) -> Role {
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    let (mut survived, mut spoilt) = (false, false);
    for bit in 0..8 {
        let mut changed = bytes.to_vec();
        if let Some(byte) = changed.get_mut(at) {
            *byte ^= 1 << bit;
        }
        let heard = play(&changed, true);
        if heard.error.is_some() || self::shape(&heard) != shape {
            continue;
        }
        survived = true;
        let mut different = differences(facts, &facts_of(&heard));
        spoilt |= different.remove(protocols::Name::ChecksumIgnored.as_str());
        spoilt |= different.is_empty() && !spoilt && play(&changed, false).error.is_some();
        if !different.is_empty() {
            found.push(different);
        }
    }
    // A bit that breaks a digit changes more than one that makes it another: what the least of them change is what is said. Several
    // bits that each change one thing are flags.
    match found.iter().map(BTreeSet::len).min() {
        Some(1) => Role::Says(found.into_iter().filter(|names| names.len() == 1).flatten().collect()),
        Some(fewest) => Role::Says(found.into_iter().find(|names| names.len() == fewest).unwrap_or_default()),
        None if spoilt => Role::Checksum,
        None if survived => Role::Unread,
        None => Role::Framing,
    }
}

/// The kinds of messages, in order.
fn shape(heard: &Heard) -> Vec<&'static str> {
    let kind = |message: &Message| match message {
        Message::Login { .. } => "login",
        Message::Record { .. } => "record",
        Message::Heartbeat { .. } => "heartbeat",
        Message::CommandAnswer { .. } => "answer",
        Message::Undecoded { .. } => "undecoded",
    };
    heard.messages.iter().map(kind).collect()
}

fn facts_of(heard: &Heard) -> Facts {
    let mut facts = Facts::new();
    for (number, message) in heard.messages.iter().enumerate() {
        let before = if number == 0 { String::new() } else { format!("[{}] ", number + 1) };
        let mut say = |name: &str, value: String| {
            // The mark of a spoilt checksum is one and the same for all records of a frame.
            let mark = protocols::Name::ChecksumIgnored.as_str();
            facts.insert(if name == mark { name.to_owned() } else { format!("{before}{name}") }, value);
        };
        match message {
            Message::Login { identifier, password } => {
                say("identifier", identifier.to_string());
                say("password", password.as_ref().map_or(String::new(), |_| "(hidden)".into()));
            }
            Message::Record { identifier, record } => {
                say("identifier", identifier.map_or(String::new(), |i| i.to_string()));
                say_record(record, &mut say);
            }
            Message::Heartbeat { identifier, attributes } => {
                say("identifier", identifier.map_or(String::new(), |i| i.to_string()));
                let record = Record { attributes: attributes.clone(), ..Record::default() };
                say_record(&record, &mut say);
            }
            Message::CommandAnswer { identifier, tag, done, text } => {
                say("identifier", identifier.map_or(String::new(), |i| i.to_string()));
                say("tag", tag.map_or(String::new(), |tag| tag.to_string()));
                say("done", done.map_or(String::new(), |done| done.to_string()));
                say("answer", text.clone());
            }
            Message::Undecoded { identifier, reason, raw } => {
                say("identifier", identifier.map_or(String::new(), |i| i.to_string()));
                say("reason", (*reason).to_owned());
                say("raw", wire::to_hex(raw));
            }
        }
    }
    for reply in &heard.replies {
        let body = match &reply.body {
            ReplyBody::Bytes(bytes) => wire::to_hex(bytes),
            ReplyBody::Http { status, body } => format!("{status} {}", String::from_utf8_lossy(body)),
        };
        facts.entry("reply".to_owned()).or_default().push_str(&body);
    }
    facts
}

fn say_record(record: &Record, say: &mut impl FnMut(&str, String)) {
    say("fix_time", record.fix_time.and_then(to_rfc3339).unwrap_or_default());
    if let Some(fix) = &record.fix {
        say("latitude", format!("{:.7}", fix.latitude.degrees()));
        say("longitude", format!("{:.7}", fix.longitude.degrees()));
        say("valid", fix.valid.to_string());
        for (name, value) in [("altitude_m", fix.altitude_m), ("speed_kmh", fix.speed_kmh), ("course_deg", fix.course_deg)] {
            if let Some(value) = value {
                say(name, value.to_string());
            }
        }
    }
    for (key, value) in record.attributes.iter() {
        let mut text = String::new();
        let one: protocols::Attributes = [(key, value)].into_iter().collect();
        one.write_json(&mut text);
        let value = text.split_once("\":").map_or("", |(_, value)| value.trim_end_matches('}'));
        say(&key.to_string(), value.trim_matches('"').to_owned());
    }
}

/// The names of what is different. A reply that repeats what is told anyway is no difference of its own.
fn differences(one: &Facts, other: &Facts) -> BTreeSet<String> {
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let mut different: BTreeSet<String> = names.into_iter().filter(|name| one.get(*name) != other.get(*name)).cloned().collect();
    // Nor is the mark of a value that is out of range, if the value itself is told.
    for second in ["reply", "out_of_range"] {
        if different.len() > 1 {
            different.remove(second);
        }
    }
    different
}

fn grouped(bytes: &[u8], roles: &[Role], facts: &Facts) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    let mut last: Option<&Role> = None;
    for (offset, (byte, role)) in bytes.iter().zip(roles).enumerate() {
        match fields.last_mut() {
            Some(field) if last == Some(role) => field.bytes.push(*byte),
            _ => {
                let (name, value, unit) = described(role, facts);
                fields.push(Field { offset, bytes: vec![*byte], name, value, unit });
            }
        }
        last = Some(role);
    }
    fields
}

fn described(role: &Role, facts: &Facts) -> (String, String, &'static str) {
    let names = match role {
        Role::Framing => return ("(framing)".into(), String::new(), ""),
        Role::Checksum => return ("(only checked)".into(), String::new(), ""),
        Role::Unread => return ("(not read)".into(), String::new(), ""),
        Role::Says(names) => names,
    };
    let values: Vec<&str> = names.iter().map(|name| facts.get(name).map_or("", String::as_str)).collect();
    let unit = match names.iter().next() {
        Some(name) if names.len() == 1 => unit_of(name),
        _ => "",
    };
    (names.iter().cloned().collect::<Vec<_>>().join(", "), values.join(", "), unit)
}

/// The unit stands in the name.
fn unit_of(name: &str) -> &'static str {
    const UNITS: &[(&str, &str)] = &[
        ("_kmh", "km/h"),
        ("_deg", "°"),
        ("_mv", "mV"),
        ("_pct", "%"),
        ("_dbm", "dBm"),
        ("_bpm", "1/min"),
        ("_rpm", "1/min"),
        ("_mg", "mg"),
        ("_pa", "Pa"),
        ("_kpa", "kPa"),
        ("_ppm", "ppm"),
        ("_lph", "l/h"),
        ("_lx", "lx"),
        ("_kg", "kg"),
        ("_c", "°C"),
        ("_m", "m"),
        ("_s", "s"),
        ("_l", "l"),
        ("latitude", "°"),
        ("longitude", "°"),
    ];
    let name = name.split('[').next().unwrap_or(name).trim_end();
    UNITS.iter().find(|(suffix, _)| name.ends_with(suffix)).map_or("", |(_, unit)| unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocols::{Options, Protocol};

    fn of(protocol: Protocol, frame: &Frame) -> Vec<Field> {
        let options = |ignore_checksum| Options { ignore_checksum, ..Options::default() };
        fields(|ignore| Player::new(protocol, 1_787_329_131_000_000, None, options(ignore), false), frame)
    }

    fn named<'a>(fields: &'a [Field], name: &str) -> &'a Field {
        fields.iter().find(|field| field.name == name).unwrap_or_else(|| panic!("{name}: {fields:#?}"))
    }

    #[test]
    fn a_codec_8_record_is_taken_apart_where_the_vendor_says() {
        // Teltonika Telematics Wiki, "Teltonika Data Sending Protocols", Codec 8, first example.
        let hex = "000000000000003608010000016B40D8EA3001000000000000000000000000000000\
                   0105021503010101425E0F01F10000601A014E0000000000000000010000C7CF";
        let fields = of(Protocol::Teltonika, &Frame::Bytes(wire::from_hex(hex).unwrap()));
        let time = named(&fields, "fix_time");
        assert_eq!((time.offset, time.bytes.len(), time.value.as_str()), (10, 8, "2019-06-10T10:04:46Z"));
        let checksum = fields.last().unwrap();
        assert!(checksum.name == "(only checked)" && checksum.bytes.ends_with(&[0xC7, 0xCF]), "{checksum:?}");
        let power = named(&fields, "external_power_mv");
        assert_eq!((power.offset, power.bytes.as_slice(), power.unit), (43, &[0x5E, 0x0F][..], "mV"));
    }

    #[test]
    fn a_line_of_text_and_a_request_are_taken_apart_too() {
        let line = "#D#040817;121530;5355.09260;N;02732.40990;E;45;90;300;7;0.9;0;0;NA;NA;NA\r\n";
        let fields = of(Protocol::Wialon, &Frame::Text(line.into()));
        assert_eq!(named(&fields, "speed_kmh").bytes, b"45");
        assert_eq!(named(&fields, "course_deg").value, "90");
        let uri = "/?id=1&lat=52.5&lon=13.4&batt=80".to_owned();
        let request = Frame::Http { method: "GET".into(), uri, headers: Vec::new(), body: Vec::new() };
        assert_eq!(named(&of(Protocol::OsmAnd, &request), "battery_level_pct").unit, "%");
    }

    #[test]
    fn a_frame_that_cannot_be_read_is_not_taken_apart() {
        assert_eq!(of(Protocol::Gt06, &Frame::Bytes(vec![0x78, 0x78, 0x01])), []);
    }
}
