//! Against another implementation of the same standards, and against damage.

use super::*;
use mqtt_protocol_core::mqtt::packet::{Property, Qos, SubEntry, SubOpts, TopicAlias, UserProperty, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode, ConnectReturnCode, PubackReasonCode};
use proptest::prelude::*;

fn body(packet: &[u8]) -> (u8, &[u8]) {
    let frame = frame(packet, packet.len()).expect("a frame").expect("whole");
    assert_eq!(frame.total, packet.len());
    (frame.first, &packet[frame.head..])
}

fn other_v5_connect() -> Vec<u8> {
    let connect = v5_0::Connect::builder().client_id("phone").expect("an id").clean_start(true).keep_alive(60);
    let connect = connect.user_name("ann").expect("a user").password("secret").expect("a password");
    let connect = connect.will_message("gone", "bye", Qos::AtLeastOnce, false).expect("a will");
    let property: Property = UserProperty::new("a", "b").expect("a property").into();
    connect.props(vec![property]).build().expect("a packet").to_continuous_buffer()
}

fn other_publishes() -> [(Version, Vec<u8>); 2] {
    let three = v3_1_1::Publish::builder().topic_name("owntracks/ann/phone").expect("a topic").qos(Qos::AtLeastOnce);
    let five = v5_0::Publish::builder().topic_name("owntracks/ann/phone").expect("a topic").qos(Qos::AtLeastOnce);
    let property: Property = UserProperty::new("a", "b").expect("a property").into();
    [
        (Version::V3, three.packet_id(7_u16).payload("{}").build().expect("a packet").to_continuous_buffer()),
        (Version::V5, five.packet_id(7_u16).payload("{}").props(vec![property]).build().expect("a packet").to_continuous_buffer()),
    ]
}

#[test]
fn what_another_implementation_writes_is_read() {
    let connect = v3_1_1::Connect::builder().client_id("phone").expect("an id").clean_session(true).keep_alive(60);
    let connect = connect.user_name("ann").expect("a user").password("secret").expect("a password");
    let three = connect.build().expect("a packet").to_continuous_buffer();
    for (version, packet) in [(Version::V3, three), (Version::V5, other_v5_connect())] {
        let (first, body) = body(&packet);
        let read = read_connect(first, body).expect("read");
        assert_eq!((read.version, read.client_id, read.keep_alive_s, read.clean), (version, "phone", 60, true));
        assert_eq!(read.password, Some(b"secret".as_slice()));
    }
    for (version, packet) in other_publishes() {
        let (first, body) = body(&packet);
        let expected = Packet::Publish(Publish { topic: "owntracks/ann/phone", packet_id: Some(7), payload: b"{}" });
        assert_eq!(read(version, first, body), Ok(expected));
    }
    let entry = || SubEntry::new("a/#", SubOpts::default()).expect("an entry");
    let three = v3_1_1::Subscribe::builder().packet_id(9_u16).entries(vec![entry(), entry()]).build().expect("a packet");
    let five = v5_0::Subscribe::builder().packet_id(9_u16).entries(vec![entry(), entry()]).build().expect("a packet");
    for (version, packet) in [(Version::V3, three.to_continuous_buffer()), (Version::V5, five.to_continuous_buffer())] {
        let (first, body) = body(&packet);
        assert_eq!(read(version, first, body), Ok(Packet::Subscribe { packet_id: 9, filters: 2 }));
    }
}

#[test]
fn another_implementation_reads_what_is_written_here() {
    let welcome = Welcome {
        receive_max: 64,
        packet_bytes_max: 65_536,
        keep_alive_s: Some(1_800),
        client_id: Some("purview-1".to_owned()),
        wants_session: true,
    };
    let packet = accepted(Version::V5, &welcome);
    let (read, length) = v5_0::Connack::parse(body(&packet).1).expect("read");
    assert_eq!((read.reason_code(), read.session_present(), length), (ConnectReasonCode::Success, false, packet.len() - 2));
    let told = format!("{:?}", read.props());
    for part in [
        "ServerKeepAlive { id_bytes: [19], value: [7, 8] }",
        "value: \"purview-1\"",
        "id_bytes: [33], value: [0, 64]",
        "value: [0, 1, 0, 0]",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let packet = refused(Version::V5, PASSWORD);
    assert_eq!(v5_0::Connack::parse(body(&packet).1).expect("read").0.reason_code(), ConnectReasonCode::BadUserNameOrPassword);
    for (refusal, code) in [
        (VERSION, ConnectReturnCode::UnacceptableProtocolVersion),
        (CLIENT_ID, ConnectReturnCode::IdentifierRejected),
        (PASSWORD, ConnectReturnCode::BadUserNameOrPassword),
    ] {
        let packet = refused(Version::V3, refusal);
        assert_eq!(v3_1_1::Connack::parse(body(&packet).1).expect("read").0.return_code(), code);
    }
    let packet = puback(Version::V5, 258, NOT_AUTHORIZED.code);
    let read = v5_0::Puback::parse(body(&packet).1).expect("read").0;
    assert_eq!((read.packet_id(), read.reason_code()), (258, Some(PubackReasonCode::NotAuthorized)));
    for version in [Version::V3, Version::V5] {
        let packet = puback(version, 258, SUCCESS);
        assert_eq!(v3_1_1::Puback::parse(body(&packet).1).expect("read").0.packet_id(), 258);
    }
    let packet = suback(Version::V5, 9, 200);
    assert_eq!(v5_0::Suback::parse(body(&packet).1).expect("read").0.reason_codes().len(), 200);
    let packet = suback(Version::V3, 9, 2);
    assert_eq!(v3_1_1::Suback::parse(body(&packet).1).expect("read").0.return_codes().len(), 2);
    let packet = unsuback(Version::V5, 9, 3);
    assert_eq!(v5_0::Unsuback::parse(body(&packet).1).expect("read").0.reason_codes().len(), 3);
    let packet = unsuback(Version::V3, 9, 3);
    assert_eq!(v3_1_1::Unsuback::parse(body(&packet).1).expect("read").0.packet_id(), 9);
}

#[test]
fn lengths_are_checked_before_anything_is_awaited() {
    assert_eq!(frame(&[], 10), Ok(None));
    assert_eq!(frame(&[0x30], 10), Ok(None));
    assert_eq!(frame(&[0x30, 0x80], 10), Ok(None));
    assert_eq!(frame(&[0x30, 8], 10), Ok(None));
    assert_eq!(frame(&[0x30, 9], 10), Err(TOO_LARGE));
    assert_eq!(frame(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F], 65_536), Err(TOO_LARGE));
    assert_eq!(frame(&[0x30, 0x80, 0x80, 0x80, 0x80], 65_536), Err(MALFORMED));
    assert_eq!(frame(&[0xC0, 0, 1], 10), Ok(Some(Frame { first: 0xC0, head: 2, total: 2 })));
}

#[test]
fn versions_and_contents_that_are_not_taken_are_told_apart() {
    let connect = |name: &[u8], rest: &[u8]| {
        let mut body = vec![0, name.len() as u8];
        body.extend_from_slice(name);
        body.extend_from_slice(rest);
        read_connect(0x10, &body).map(|connect| connect.version)
    };
    assert_eq!(connect(b"MQIsdp", &[3, 2, 0, 60, 0, 1, b'a']), Err((Some(Version::V3), VERSION)));
    assert_eq!(connect(b"MQTT", &[6, 2, 0, 60]), Err((Some(Version::V5), VERSION)));
    assert_eq!(connect(b"HTTP", &[4, 2, 0, 60]), Err((None, PROTOCOL_ERROR)));
    assert_eq!(connect(b"MQTT", &[4, 2, 0, 60, 0, 0]), Ok(Version::V3));
    assert_eq!(connect(b"MQTT", &[4, 0, 0, 60, 0, 0]), Err((Some(Version::V3), CLIENT_ID)));
    assert_eq!(connect(b"MQTT", &[4, 3, 0, 60, 0, 0]), Err((Some(Version::V3), MALFORMED)));
    assert_eq!(connect(b"MQTT", &[4, 0x42, 0, 60, 0, 0, 0, 1, b'x']), Err((Some(Version::V3), MALFORMED)), "a password without a user");
    assert_eq!(connect(b"MQTT", &[5, 0x42, 0, 60, 0, 0, 0, 0, 1, b'x']), Ok(Version::V5), "which version 5 allows");
    assert_eq!(connect(b"MQTT", &[5, 2, 0, 60, 4, 0x15, 0, 1, b'x', 0, 0]), Err((Some(Version::V5), AUTHENTICATION_METHOD)));
    assert_eq!(read(Version::V3, 0x10, &[]), Err(PROTOCOL_ERROR), "a second CONNECT");
    assert_eq!(read(Version::V3, 0x34, &[0, 1, b'a', 0, 1]), Err(QOS));
    assert_eq!(read(Version::V3, 0x36, &[0, 1, b'a', 0, 1]), Err(MALFORMED), "QoS 3");
    assert_eq!(read(Version::V3, 0x32, &[0, 1, b'a', 0, 0]), Err(MALFORMED), "packet id 0");
    assert_eq!(read(Version::V3, 0x30, &[0, 1, b'#']), Err(TOPIC));
    assert_eq!(read(Version::V3, 0x30, &[0, 1, 0]), Err(MALFORMED), "a NUL in a text");
    assert_eq!(read(Version::V3, 0x80, &[0, 1, 0, 1, b'a', 0]), Err(PROTOCOL_ERROR), "wrong flags");
    let alias: Property = TopicAlias::new(1).expect("a property").into();
    let publish = v5_0::Publish::builder().topic_name("a").expect("a topic").qos(Qos::AtMostOnce).props(vec![alias]);
    let packet = publish.build().expect("a packet").to_continuous_buffer();
    let (first, body) = body(&packet);
    assert_eq!(read(Version::V5, first, body), Err(TOPIC_ALIAS));
}

proptest! {
    #[test]
    fn damage_is_refused_or_read_and_never_worse(at in 0_usize..200, value: u8, cut in 0_usize..200) {
        let mut packets = vec![other_v5_connect()];
        packets.extend(other_publishes().map(|(_, packet)| packet));
        for mut packet in packets {
            let length = packet.len();
            packet[at % length] = value;
            packet.truncate(length - cut % length);
            for version in [Version::V3, Version::V5] {
                if let Ok(Some(frame)) = frame(&packet, 4_096) {
                    let body = &packet[frame.head..frame.total];
                    if let Ok(Packet::Publish(publish)) = read(version, frame.first, body) {
                        prop_assert!(publish.topic.len() + publish.payload.len() <= body.len());
                    }
                    if let Ok(connect) = read_connect(frame.first, body) {
                        prop_assert!(connect.client_id.len() <= body.len());
                    }
                }
            }
        }
    }

    #[test]
    fn noise_is_refused_or_read(noise in prop::collection::vec(any::<u8>(), 0..64), first: u8) {
        let _ = frame(&noise, 4_096);
        for version in [Version::V3, Version::V5] {
            if let Ok(Packet::Subscribe { filters, .. }) = read(version, first, &noise) {
                prop_assert!(filters <= noise.len());
            }
        }
        prop_assert!(read_connect(first, &noise).is_err() || first == 0x10);
    }
}
