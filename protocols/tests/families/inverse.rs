//! Inverse: what an encoder writes, the decoder reads back as `representable`, on every transport; and what was decoded from the
//! fixtures survives encoding and decoding, and once more unchanged.

use crate::dialogue::{Answer, Said, USUAL_NOW};
use crate::drive::{Heard, environment, pump, say, settings};
use crate::subject::Subject;
use bytes::BytesMut;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use protocols::{
    Alarm, Attributes, Environment, Fix, Identifier, Key, Latitude, Longitude, Message, Name, Record, Transport, Value, ValueBuf,
};

/// Random lists of records, a transport (`PROPTEST_CASES` overrides it).
const CASES: u32 = 200;

/// Checks random records and those of the fixtures.
///
/// # Errors
/// The records that come back otherwise.
pub fn check(subject: &Subject<'_>) -> Result<(), String> {
    for transport in subject.transports {
        let mut config = Config { failure_persistence: None, ..Config::default() };
        if std::env::var_os("PROPTEST_CASES").is_none() {
            config.cases = CASES;
        }
        let mut runner = TestRunner::new_with_rng(config, proptest::test_runner::TestRng::deterministic_rng(Default::default()));
        let strategy = prop::collection::vec(record(subject.about.carries_no_fix), 1..20);
        runner
            .run(&strategy, |records| there_and_back(subject, *transport, &records).map(drop).map_err(TestCaseError::fail))
            .map_err(|problem| format!("{transport:?}: {problem}"))?;
        let decoded = decoded_records(subject, *transport)?;
        if !decoded.is_empty() {
            let first = there_and_back(subject, *transport, &decoded).map_err(|p| format!("{transport:?}, fixtures: {p}"))?;
            let second = there_and_back(subject, *transport, &first).map_err(|p| format!("{transport:?}, fixtures again: {p}"))?;
            same(&first, &second).map_err(|p| format!("{transport:?}: not stable: {p}"))?;
        }
    }
    Ok(())
}

/// The records of the fixtures of that transport that a tracker can have sent with a time and, if need be, with a fix.
fn decoded_records(subject: &Subject<'_>, transport: Transport) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    for dialogue in subject.dialogues.iter().filter(|d| d.transport == transport) {
        let settings = settings(dialogue);
        let env = environment(dialogue, &settings);
        let mut decoder = (subject.decoder)();
        let (mut buffer, mut heard) = (BytesMut::new(), Heard::default());
        for step in &dialogue.steps {
            say(&mut *decoder, &mut buffer, &env, &step.said, &mut heard)?;
        }
        records.extend(heard.messages().into_iter().filter_map(|message| match message {
            Message::Record { record, .. } => Some(record.clone()),
            _ => None,
        }));
    }
    records.retain(|r| r.fix_time.is_some() && (r.fix.is_some() || subject.about.carries_no_fix));
    Ok(records)
}

/// Encodes, decodes, compares with `representable`, and returns what came back.
fn there_and_back(subject: &Subject<'_>, transport: Transport, records: &[Record]) -> Result<Vec<Record>, String> {
    let identifier = Identifier::new("356307042441013").ok_or("no identifier")?;
    let mut encoder = (subject.encoder)(transport);
    let env = Environment { now: USUAL_NOW, datagram: transport == Transport::Udp, ..Environment::default() };
    let mut decoder = (subject.decoder)();
    let (mut buffer, mut heard, mut calls, mut acknowledged) = (BytesMut::new(), Heard::default(), 0, 0);
    let mut login = Vec::new();
    encoder.login(&identifier, &mut login);
    if !login.is_empty() {
        say(&mut *decoder, &mut buffer, &env, &Said::Bytes(login), &mut heard)?;
        acknowledged += answered(&mut *encoder, &mut heard)?;
    }
    if acknowledged != 0 {
        return Err("a login answer acknowledges a record".into());
    }
    let mut rest = records;
    while !rest.is_empty() {
        let mut bytes = Vec::new();
        let count = encoder.records(&identifier, rest, &mut bytes);
        if count == 0 || count > rest.len() || bytes.is_empty() {
            return Err(format!("{count} of {} records were encoded, in {} bytes", rest.len(), bytes.len()));
        }
        calls += 1;
        rest = &rest[count..];
        match encoder.topic(&identifier).filter(|_| transport == Transport::Mqtt) {
            Some(topic) => say(&mut *decoder, &mut buffer, &env, &Said::Mqtt { topic, payload: bytes }, &mut heard)?,
            None if transport == Transport::Mqtt => return Err("no topic".into()),
            None if transport == Transport::Http => {
                buffer.extend_from_slice(&bytes);
                pump(&mut *decoder, &mut buffer, &env, &mut heard)?;
            }
            None => say(&mut *decoder, &mut buffer, &env, &Said::Bytes(bytes), &mut heard)?,
        }
        if !buffer.is_empty() && !env.datagram {
            return Err(format!("the encoder's frame was not taken whole: {} bytes left", buffer.len()));
        }
        acknowledged += answered(&mut *encoder, &mut heard)?;
    }
    if subject.about.acknowledges.contains(&transport) && acknowledged != calls {
        return Err(format!("{calls} frames, and the encoder reads {acknowledged} acknowledgements"));
    }
    if heard.messages().len() != heard.events.len() {
        return Err(format!("the encoder's frame is refused: {:?}", heard.lines()));
    }
    let back = named_so(&heard, &identifier)?;
    let wanted: Vec<Record> = records.iter().map(|r| encoder.representable(r)).collect();
    same(&wanted, &back)?;
    Ok(back)
}

/// The records, each of which must be known to be of that identifier.
fn named_so(heard: &Heard, wanted: &Identifier) -> Result<Vec<Record>, String> {
    let (mut known, mut records) = (None, Vec::new());
    for message in heard.messages() {
        match message {
            Message::Login { identifier, .. } => known = Some(*identifier),
            Message::Record { identifier, record } => {
                let name = identifier.or(known);
                if name.as_ref() != Some(wanted) {
                    return Err(format!("the record is of {name:?}"));
                }
                records.push(record.clone());
            }
            Message::Heartbeat { .. } => {}
            other => return Err(format!("the encoder's frame says {other:?}")),
        }
    }
    Ok(records)
}

/// Gives the replies so far to the encoder.
fn answered(encoder: &mut dyn protocols::Encoder, heard: &mut Heard) -> Result<usize, String> {
    let mut bytes = BytesMut::new();
    for answer in heard.answers.drain(..) {
        match answer {
            Answer::Bytes(part) => bytes.extend_from_slice(&part),
            Answer::Http { status, body } => {
                bytes.extend_from_slice(format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes());
                bytes.extend_from_slice(&body);
            }
        }
    }
    let count = encoder.acknowledged(&mut bytes).map_err(|e| format!("the encoder reads a refusal: {e}"))?;
    if !bytes.is_empty() {
        return Err(format!("the encoder leaves {} bytes of our replies", bytes.len()));
    }
    Ok(count)
}

fn same(wanted: &[Record], got: &[Record]) -> Result<(), String> {
    if wanted.len() != got.len() {
        return Err(format!("{} records instead of {}", got.len(), wanted.len()));
    }
    for (index, (wanted, got)) in wanted.iter().zip(got).enumerate() {
        if wanted.fix_time != got.fix_time || wanted.fix != got.fix || sorted(&wanted.attributes) != sorted(&got.attributes) {
            return Err(format!("record {index}:\n  wanted {wanted:?}\n  got    {got:?}"));
        }
    }
    Ok(())
}

fn sorted(attributes: &Attributes) -> Vec<(String, ValueBuf)> {
    let mut pairs = attributes.to_pairs();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}

fn record(may_lack_fix: bool) -> impl Strategy<Value = Record> {
    let place = if may_lack_fix { prop::option::weighted(0.9, fix()).boxed() } else { fix().prop_map(Some).boxed() };
    // 2000 to 2069, at every resolution down to the microsecond.
    let time = (946_684_800..3_155_760_000_i64, prop_oneof![Just(0), 0..1_000_i64, 0..1_000_000_i64])
        .prop_map(|(seconds, micros)| seconds * 1_000_000 + micros);
    (time, place, prop::collection::vec(attribute(), 0..8)).prop_map(|(time, fix, list)| {
        let mut attributes = Attributes::new();
        for (key, value) in &list {
            if attributes.find(key.as_key()).is_none() {
                attributes.push(key.as_key(), as_value(value));
            }
        }
        Record { fix_time: Some(time), fix, attributes }
    })
}

fn fix() -> impl Strategy<Value = Fix> {
    let degrees = (prop_oneof![Just(0.0), Just(90.0), Just(-90.0), -90.0..90.0], prop_oneof![Just(180.0), Just(-180.0), -180.0..180.0]);
    let altitude = prop::option::of(prop_oneof![Just(0.0_f32), -500.0..9_000.0_f32]);
    let speed = prop::option::of(prop_oneof![Just(0.0_f32), 0.0..300.0_f32]);
    let course = prop::option::of(prop_oneof![Just(0.0_f32), 0.0..359.999_f32]);
    (degrees, any::<bool>(), altitude, speed, course).prop_filter_map(
        "degrees",
        |((lat, lon), valid, altitude_m, speed_kmh, course_deg)| {
            let (latitude, longitude) = (Latitude::new(lat)?, Longitude::new(lon)?);
            Some(Fix { latitude, longitude, valid, altitude_m, speed_kmh, course_deg })
        },
    )
}

/// A key that owns its text.
#[derive(Clone, Debug)]
enum KeyBuf {
    Named(Name, u8),
    Io(u32),
    Text(String),
}

impl KeyBuf {
    fn as_key(&self) -> Key<'_> {
        match self {
            Self::Named(name, index) => Key::Named(*name, *index),
            Self::Io(id) => Key::Io(*id),
            Self::Text(text) => Key::Text(text),
        }
    }
}

fn as_value(value: &ValueBuf) -> Value<'_> {
    match value {
        ValueBuf::Bool(v) => Value::Bool(*v),
        ValueBuf::Int(v) => Value::Int(*v),
        ValueBuf::Unsigned(v) => Value::Unsigned(*v),
        ValueBuf::Float(v) => Value::Float(*v),
        ValueBuf::Text(v) => Value::Text(v),
        ValueBuf::Alarm(v) => Value::Alarm(*v),
    }
}

/// Mostly what trackers say, sometimes any name with any value: an encoder leaves out what it has no field for.
fn attribute() -> impl Strategy<Value = (KeyBuf, ValueBuf)> {
    let named = |name: Name| KeyBuf::Named(name, 0);
    let yes_no = (prop::sample::select(&[Name::Ignition, Name::Motion, Name::Charging, Name::Blocked, Name::Buffered][..]), any::<bool>())
        .prop_map(move |(name, v)| (named(name), ValueBuf::Bool(v)));
    let whole = (
        prop::sample::select(
            &[
                Name::ExternalPowerMv,
                Name::BatteryMv,
                Name::BatteryLevelPct,
                Name::OdometerM,
                Name::Satellites,
                Name::GsmSignalPct,
                Name::GsmSignalLevel,
                Name::Event,
                Name::Priority,
            ][..],
        ),
        prop_oneof![0..101_i64, 0..70_000_i64],
    )
        .prop_map(move |(name, v)| (named(name), ValueBuf::Int(v)));
    let alarm = prop::sample::select(Alarm::ALL).prop_map(move |v| (named(Name::Alarm), ValueBuf::Alarm(v)));
    let numbered = (prop::sample::select(&[Name::Input, Name::Output, Name::AnalogMv, Name::TemperatureC][..]), 0..5_u8, value())
        .prop_map(|(name, index, v)| (KeyBuf::Named(name, index), v));
    let io = (prop_oneof![0..300_u32, any::<u32>()], value()).prop_map(|(id, v)| (KeyBuf::Io(id), v));
    let text = ("[a-zA-Z][a-zA-Z0-9_]{0,11}", value()).prop_map(|(key, v)| (KeyBuf::Text(key), v));
    let any_name = (prop::sample::select(Name::ALL), 0..3_u8, value()).prop_map(|(name, index, v)| (KeyBuf::Named(name, index), v));
    let any_text = (".{0,20}", value()).prop_map(|(key, v)| (KeyBuf::Text(key), v));
    prop_oneof![4 => yes_no, 6 => whole, 1 => alarm, 2 => numbered, 3 => io, 2 => text, 2 => any_name, 1 => any_text]
}

fn value() -> impl Strategy<Value = ValueBuf> {
    prop_oneof![
        any::<bool>().prop_map(ValueBuf::Bool),
        (-1_000..100_000_i64).prop_map(ValueBuf::Int),
        any::<i64>().prop_map(ValueBuf::Int),
        (i64::MAX as u64..=u64::MAX).prop_map(ValueBuf::Unsigned),
        (-1_000_000.0..1_000_000.0_f64).prop_map(ValueBuf::Float),
        "[ -~]{0,16}".prop_map(ValueBuf::Text),
        ".{0,12}".prop_map(ValueBuf::Text),
        prop::sample::select(Alarm::ALL).prop_map(ValueBuf::Alarm),
    ]
}

/// What a car on the road reports.
pub fn usual_record() -> Record {
    let (latitude, longitude) = (Latitude::new(52.5), Longitude::new(13.4));
    let fix = latitude.zip(longitude).map(|(latitude, longitude)| Fix {
        latitude,
        longitude,
        valid: true,
        altitude_m: Some(30.0),
        speed_kmh: Some(50.0),
        course_deg: Some(90.0),
    });
    Record { fix_time: Some(USUAL_NOW), fix, attributes: Attributes::new() }
}
