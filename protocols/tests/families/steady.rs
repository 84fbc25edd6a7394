//! In steady state a record allocates nothing: only the reply of a frame does.

use crate::{COUNTING, turn};
use bytes::BytesMut;
use protocols::{
    Attributes, Environment, Fix, Identifier, Latitude, Longitude, Name, Progress, Protocol, Record, Replies, Transport, Value,
};
use stats_alloc::Region;

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
    let mut frame = Vec::new();
    let identifier = Identifier::new("356307042441013").unwrap();
    let count = Protocol::Teltonika.encoder(Transport::Tcp).records(&identifier, &records, &mut frame);
    assert_eq!(count, records.len());
    let (mut decoder, mut out, mut replies) = (Protocol::Teltonika.decoder(), Vec::new(), Replies::new());
    let mut buffer = BytesMut::with_capacity(frame.len() * 2);
    // The least of several rounds: the thread that reports about the tests allocates too.
    let mut allocations = usize::MAX;
    for _ in 0..16 {
        out.clear();
        drop(replies.drain());
        buffer.clear();
        buffer.extend_from_slice(&frame);
        let region = Region::new(COUNTING);
        assert_eq!(decoder.decode(&mut buffer, &Environment::default(), &mut out, &mut replies), Ok(Progress::Frame));
        allocations = allocations.min(region.change().allocations);
    }
    assert_eq!(out.len(), records.len());
    assert_eq!(allocations, 1, "one for the reply's bytes");
}
