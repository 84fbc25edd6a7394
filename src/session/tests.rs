//! A session against the encoders of the protocols.

use super::{Claims, Close, Devices, Known, Outside, Session, Step};
use crate::model::{AccountId, DeviceId};
use bytes::BytesMut;
use protocols::{Fix, Identifier, Latitude, Longitude, Protocol, Record, ReplyBody, Transport};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

struct Registered(&'static str);

impl Devices for Registered {
    fn find(&self, identifier: &str) -> Option<Known> {
        (identifier == self.0).then(|| Known {
            device: DeviceId(7),
            account: AccountId(1),
            generation: 1,
            model: Arc::from(""),
            settings: Arc::default(),
        })
    }
}

struct Free(AtomicU32);

impl Claims for Free {
    fn claim(&self, _: DeviceId, _: u64) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed);
        false
    }
}

const IMEI: &str = "356307042441013";

fn record(second: i64) -> Record {
    Record {
        fix_time: Some((1_700_000_000 + second) * 1_000_000),
        fix: Some(Fix {
            latitude: Latitude::new(52.5).expect("a latitude"),
            longitude: Longitude::new(13.4).expect("a longitude"),
            valid: true,
            altitude_m: Some(30.0),
            speed_kmh: Some(50.0),
            course_deg: Some(90.0),
        }),
        attributes: protocols::Attributes::new(),
    }
}

fn dialogue(registered: &'static str, bytes: &[u8]) -> (Session, Step, BytesMut) {
    let mut session = Session::stream(Protocol::Teltonika, 1, 4);
    let (devices, claims) = (Registered(registered), Free(AtomicU32::new(0)));
    let mut buffer = BytesMut::from(bytes);
    let outside = Outside { devices: &devices, claims: &claims, now: 1_700_000_100_000_000 };
    let step = session.receive(&mut buffer, &outside);
    (session, step, buffer)
}

fn frames(records: &[Record]) -> Vec<u8> {
    let mut encoder = Protocol::Teltonika.encoder(Transport::Tcp);
    let imei = Identifier::new(IMEI).expect("an identifier");
    let mut bytes = Vec::new();
    encoder.login(&imei, &mut bytes);
    assert_eq!(encoder.records(&imei, records, &mut bytes), records.len());
    bytes
}

#[test]
fn p7_the_acknowledgement_of_records_waits_for_the_commit_and_that_of_the_login_does_not() {
    let (session, step, rest) = dialogue(IMEI, &frames(&[record(0), record(1), record(2)]));
    assert!(rest.is_empty() && step.close.is_none());
    assert_eq!(session.known().map(|known| known.device), Some(DeviceId(7)));
    let told: Vec<(bool, &ReplyBody)> = step.replies.iter().map(|held| (held.durable, &held.body)).collect();
    assert_eq!(told, [(false, &ReplyBody::Bytes([1][..].into())), (true, &ReplyBody::Bytes([0, 0, 0, 3][..].into()))]);
    assert_eq!(step.batch.entries(), 4, "the session's opening and three records");
}

#[test]
fn an_unknown_device_is_refused_and_nothing_of_it_is_kept() {
    let (_, step, _) = dialogue("somebody else", &frames(&[record(0)]));
    assert!(step.batch.is_empty());
    assert_eq!(step.unknown.map(|identifier| identifier.as_str().to_owned()).as_deref(), Some(IMEI));
    assert_eq!(step.close, Some(Close::UnknownDevice));
    assert!(step.replies.iter().all(|held| held.body == ReplyBody::Bytes([0][..].into())), "the refusal of the protocol, nothing else");
}

#[test]
fn garbage_and_broken_checksums_promise_nothing() {
    let mut bytes = frames(&[record(0)]);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let (_, step, _) = dialogue(IMEI, &bytes);
    assert!(step.error.is_some());
    assert!(step.replies.iter().all(|held| !held.durable), "a frame whose checksum fails is not acknowledged");
    assert!(step.batch.entries() <= 1, "nothing but the session's opening is kept");
    let (_, step, _) = dialogue(IMEI, &[0x00, 0x00, 0x00, 0x00, 0x7F, 0xFF, 0xFF, 0xFF, 0x8E, 0x01, 0x00, 0x00]);
    assert!(step.close.is_some(), "a length beyond the limit loses the framing");
}
