//! In steady state the records of a frame allocate nothing; at most its reply does.

use crate::{COUNTING, turn};
use bytes::BytesMut;
use protocols::{
    Attributes, Environment, Fix, Identifier, Latitude, Longitude, Message, Name, Progress, Protocol, Record, Replies, Transport, Value,
};
use stats_alloc::Region;

const BINARY: [Protocol; 10] = [
    Protocol::Teltonika,
    Protocol::Gt06,
    Protocol::Ruptela,
    Protocol::Galileosky,
    Protocol::Navtelecom,
    Protocol::Arnavi,
    Protocol::Jt808,
    Protocol::Castel,
    Protocol::Eelink,
    Protocol::Xexun2,
];

#[test]
fn records_of_usual_size_allocate_nothing() {
    let _turn = turn();
    let mut attributes = Attributes::new();
    for (name, value) in [
        (Name::Satellites, Value::Int(12)),
        (Name::Ignition, Value::Bool(true)),
        (Name::Motion, Value::Bool(true)),
        (Name::ExternalPowerMv, Value::Int(14_100)),
        (Name::BatteryMv, Value::Int(4_050)),
        (Name::Hdop, Value::Float(0.7)),
        (Name::Pdop, Value::Float(1.1)),
        (Name::OdometerM, Value::Int(12_345_678)),
        (Name::Operator, Value::Int(24_602)),
    ] {
        attributes.set(name, value);
    }
    let fix = Fix {
        latitude: Latitude::new(54.687_157).unwrap(),
        longitude: Longitude::new(25.279_652).unwrap(),
        valid: true,
        altitude_m: Some(112.0),
        speed_kmh: Some(57.0),
        course_deg: Some(271.0),
    };
    let records = vec![Record { fix_time: Some(1_767_225_600_000_000), fix: Some(fix), attributes }; 12];
    let identifier = Identifier::new("356307042441013").unwrap();
    for protocol in BINARY {
        let transport = protocol.transports()[0];
        let mut encoder = protocol.encoder(transport);
        let (mut login, mut frame) = (Vec::new(), Vec::new());
        encoder.login(&identifier, &mut login);
        let count = encoder.records(&identifier, &records, &mut frame);
        let env = Environment { datagram: transport == Transport::Udp, ..Environment::default() };
        let (mut decoder, mut out, mut replies) = (protocol.decoder(), Vec::new(), Replies::new());
        let mut buffer = BytesMut::with_capacity(frame.len() * 2 + login.len());
        buffer.extend_from_slice(&login);
        while decoder.decode(&mut buffer, &env, &mut out, &mut replies) == Ok(Progress::Frame) {}
        // The least of several rounds: the thread that reports about the tests allocates too.
        let mut allocations = usize::MAX;
        for _ in 0..16 {
            out.clear();
            drop(replies.drain());
            buffer.clear();
            buffer.extend_from_slice(&frame);
            let region = Region::new(COUNTING);
            while !buffer.is_empty() {
                assert_eq!(decoder.decode(&mut buffer, &env, &mut out, &mut replies), Ok(Progress::Frame), "{}", protocol.name());
            }
            allocations = allocations.min(region.change().allocations);
        }
        assert_eq!(out.iter().filter(|message| matches!(message, Message::Record { .. })).count(), count, "{}", protocol.name());
        assert!(allocations <= 1, "{}: {allocations} for {count} records; one is for a reply that is put together", protocol.name());
    }
}
