//! Prints what decoding a record costs, by protocol and frame: `cargo run --release -p protocols --example decode_speed [PROTOCOL …]`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::cast_precision_loss)]

use bytes::BytesMut;
use protocols::{
    Attributes, Encoder, Environment, Fix, HttpRequest, Identifier, Input, Key, Latitude, Longitude, Message, MqttPublish, Name, Progress,
    Protocol, Record, Replies, Transport, Value,
};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 20_000;
const PASSES: usize = 7;
/// Records that wait to be taken: they stay in the nearest cache.
const TAKEN_RECORDS: usize = 32;
/// Frames that stand in the buffer of a stream.
const STREAM_FRAMES: usize = 16;

fn record(elements: bool, buffered: bool) -> Record {
    let mut attributes = Attributes::new();
    attributes.set(Name::Satellites, Value::Int(12));
    if buffered {
        attributes.set(Name::Buffered, Value::Bool(true));
    }
    if elements {
        attributes.set(Name::Ignition, Value::Bool(true));
        attributes.set(Name::Motion, Value::Bool(true));
        attributes.set(Name::GsmSignalLevel, Value::Int(4));
        attributes.push(Key::Named(Name::Input, 1), Value::Bool(false));
        attributes.set(Name::ExternalPowerMv, Value::Int(14_100));
        attributes.set(Name::BatteryMv, Value::Int(4_050));
        attributes.set(Name::Hdop, Value::Float(0.7));
        attributes.set(Name::OdometerM, Value::Int(12_345_678));
    }
    let (latitude, longitude) = (Latitude::new(54.687_157), Longitude::new(25.279_652));
    let fix = latitude.zip(longitude).map(|(latitude, longitude)| Fix {
        latitude,
        longitude,
        valid: true,
        altitude_m: Some(112.0),
        speed_kmh: Some(57.0),
        course_deg: Some(271.0),
    });
    Record { fix_time: Some(1_767_225_600_000_000), fix, attributes }
}

/// What comes in: bytes of a stream or a packet, or what HTTP and MQTT hand over.
enum Feed {
    Bytes,
    Http { method: String, uri: String, headers: Vec<(String, String)>, body: Vec<u8> },
    Mqtt { topic: String },
}

impl Feed {
    fn of(transport: Transport, topic: Option<String>, frame: &[u8]) -> Option<Self> {
        match transport {
            Transport::Tcp | Transport::Udp => Some(Self::Bytes),
            Transport::Mqtt => topic.map(|topic| Self::Mqtt { topic }),
            Transport::Http => {
                let end = frame.windows(4).position(|w| w == b"\r\n\r\n")?;
                let (head, body) = frame.split_at_checked(end.checked_add(4)?)?;
                let mut lines = std::str::from_utf8(head).ok()?.lines();
                let mut first = lines.next()?.split(' ');
                let (method, uri) = (first.next()?.to_owned(), first.next()?.to_owned());
                let headers = lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
                Some(Self::Http { method, uri, headers, body: body.to_vec() })
            }
        }
    }
}

fn records_of(messages: &[Message]) -> usize {
    messages.iter().filter(|message| matches!(message, Message::Record { .. })).count()
}

/// A session takes what a frame gave before it reads the next; here a few together, so that the taking hardly counts.
fn take(out: &mut Vec<Message>, replies: &mut Replies, looked_at: bool, told: &mut usize) {
    *told = if looked_at { out.len() } else { records_of(out) }.saturating_add(*told);
    black_box(out).clear();
    replies.drain();
}

fn measure(protocol: Protocol, transport: Transport, records: &[Record], what: &str) {
    let Some(identifier) = Identifier::new("356307042441013") else { return };
    let mut encoder: Box<dyn Encoder> = protocol.encoder(transport);
    let mut login = Vec::new();
    if transport == Transport::Tcp {
        encoder.login(&identifier, &mut login);
    }
    let mut frame = Vec::new();
    let count = encoder.records(&identifier, records, &mut frame);
    let Some(feed) = Feed::of(transport, encoder.topic(&identifier), &frame) else { return };
    let env = Environment { datagram: transport == Transport::Udp, now: 1_767_225_600_000_000, ..Environment::default() };
    let mut decoder = protocol.decoder();
    let (mut out, mut replies) = (Vec::<Message>::new(), Replies::new());
    let mut buffer = BytesMut::from(login.as_slice());
    while matches!(decoder.decode(&mut buffer, &env, &mut out, &mut replies), Ok(Progress::Frame)) {}
    out.clear();
    let (uri_headers, input);
    let accepted = match &feed {
        Feed::Bytes => None,
        Feed::Mqtt { topic } => {
            input = Input::Mqtt(MqttPublish { topic, payload: &frame });
            Some(&input)
        }
        Feed::Http { method, uri, headers, body } => {
            uri_headers = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>();
            input = Input::Http(HttpRequest { method, uri, headers: &uri_headers, body });
            Some(&input)
        }
    };
    // On a busy stream many frames stand in the buffer; a packet or a request comes alone.
    let frames = if transport == Transport::Tcp { STREAM_FRAMES } else { 1 };
    let (bytes, count) = (frame.repeat(frames), count.saturating_mul(frames));
    let rounds = ROUNDS.div_euclid(frames);
    // Each message is looked at once, outside of what is timed.
    let (mut best, mut looked_at) = (f64::INFINITY, false);
    for _ in 0..PASSES {
        let start = Instant::now();
        for _ in 0..rounds {
            let mut told = 0;
            let mut take = |out: &mut Vec<Message>, replies: &mut Replies| take(out, replies, looked_at, &mut told);
            if let Some(input) = accepted {
                assert_eq!(decoder.accept(black_box(input), &env, &mut out, &mut replies), Ok(()), "{what}");
                take(&mut out, &mut replies);
            } else {
                buffer.clear();
                buffer.extend_from_slice(black_box(&bytes));
                while !buffer.is_empty() {
                    let progress = decoder.decode(&mut buffer, &env, &mut out, &mut replies);
                    assert_eq!(progress, Ok(Progress::Frame), "{} {what}", protocol.name());
                    if out.len() >= TAKEN_RECORDS {
                        take(&mut out, &mut replies);
                    }
                }
                take(&mut out, &mut replies);
            }
            assert_eq!(told, count, "{} {what}", protocol.name());
            looked_at = true;
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    let per_record = best * 1e9 / (rounds as f64 * count as f64);
    println!(
        "{:10} {what:36} {:3} records, {:5} bytes a frame: {per_record:7.1} ns a record",
        protocol.name(),
        count.div_euclid(frames),
        frame.len()
    );
}

fn main() {
    let full: Vec<Record> = (0..16).map(|_| record(true, true)).collect();
    let bare: Vec<Record> = (0..20).map(|_| record(false, true)).collect();
    let live = [record(true, false)];
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for protocol in Protocol::ALL.iter().copied().filter(|p| wanted.is_empty() || wanted.iter().any(|w| w == p.name())) {
        for transport in protocol.transports() {
            measure(protocol, *transport, &full, &format!("{transport:?}, 9 attributes"));
            measure(protocol, *transport, &bare, &format!("{transport:?}, place and satellites"));
            measure(protocol, *transport, &live, &format!("{transport:?}, one live record, 9 attributes"));
        }
    }
    println!("a message is {} bytes", size_of::<Message>());
}
