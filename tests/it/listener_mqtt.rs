//! Our own MQTT listener: against mosquitto's clients, and against packets that no good client sends.

#![allow(clippy::print_stderr)]

use crate::listener_bad_input::disk_that_can_be_filled;
use crate::listener_rig::{PATIENCE, Rig, config, fix_time, journal_config, until};
use crate::mosquitto::{Publisher, location, publish};
use protocols::{Protocol, Transport};
use purview::config::{JournalConfig, ListenerConfig};
use purview::model::DeviceId;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

const DEVICE: &str = "ann/phone";
const TOPIC: &str = "owntracks/ann/phone";

/// A client that says what a test wants.
struct Client {
    stream: TcpStream,
    five: bool,
}

fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut length = body.len();
    loop {
        bytes.push((length & 0x7F) as u8 | if length > 0x7F { 0x80 } else { 0 });
        length >>= 7;
        if length == 0 {
            break;
        }
    }
    bytes.extend_from_slice(body);
    bytes
}

fn connect(five: bool, keep_alive_s: u16) -> Vec<u8> {
    let mut body = b"\0\x04MQTT".to_vec();
    body.extend([if five { 5 } else { 4 }, 2]);
    body.extend(keep_alive_s.to_be_bytes());
    if five {
        body.push(0);
    }
    body.extend(b"\0\x04test");
    packet(0x10, &body)
}

impl Client {
    async fn open(rig: &Rig) -> TcpStream {
        TcpStream::connect(rig.listener.mqtt_address().expect("it runs")).await.expect("connected")
    }

    async fn welcome(rig: &Rig, five: bool) -> Self {
        Self::welcome_with(rig, five, 60).await
    }

    async fn welcome_with(rig: &Rig, five: bool, keep_alive_s: u16) -> Self {
        let mut client = Self { stream: Self::open(rig).await, five };
        client.send(&connect(five, keep_alive_s)).await;
        let (first, body) = client.next().await.expect("a CONNACK");
        assert_eq!((first, &body[..2]), (0x20, [0, 0].as_slice()));
        client
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("sent");
    }

    async fn publish(&mut self, topic: &str, qos: u8, id: u16, payload: &[u8]) {
        let mut body = (topic.len() as u16).to_be_bytes().to_vec();
        body.extend_from_slice(topic.as_bytes());
        if qos > 0 {
            body.extend(id.to_be_bytes());
        }
        if self.five {
            body.push(0);
        }
        body.extend_from_slice(payload);
        self.send(&packet(0x30 | qos << 1, &body)).await;
    }

    /// The next packet; `None`: closed.
    async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let read = async {
            let first = self.stream.read_u8().await.ok()?;
            let (mut length, mut shift) = (0, 0);
            loop {
                let byte = self.stream.read_u8().await.ok()?;
                length |= usize::from(byte & 0x7F) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await.ok()?;
            Some((first, body))
        };
        tokio::time::timeout(PATIENCE, read).await.expect("neither a packet nor the end")
    }

    async fn acknowledged(&mut self, id: u16) {
        assert_eq!(self.next().await, Some((0x40, id.to_be_bytes().to_vec())));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_mosquitto_pub_of_both_versions_is_acknowledged_when_its_record_is_durable() {
    let Some(publisher) = Publisher::find("p7_mosquitto_pub_of_both_versions") else { return };
    let rig = Rig::start(&[DEVICE]).await;
    let port = rig.listener.mqtt_address().expect("it runs").port();
    for (at, version) in ["mqttv311", "mqttv5"].into_iter().enumerate() {
        let second = at as i64;
        let done = publisher.run(port, &["-V", version, "-q", "1", "-t", TOPIC, "-m", &location(second)], "").await;
        assert!(done.success(), "{version}");
        assert_eq!(rig.fix_times(1).len(), at + 1, "{version}: durable when the client ended");
    }
    let lines: String = (10..1_010).map(|second| location(second) + "\n").collect();
    for (version, in_all) in [("mqttv311", 1_002), ("mqttv5", 2_002)] {
        assert!(publisher.run(port, &["-V", version, "-q", "1", "-t", TOPIC, "-l"], &lines).await.success());
        assert_eq!(rig.fix_times(1).len(), in_all, "{version}: none lost");
    }
    assert!(publisher.run(port, &["-V", "mqttv311", "-q", "0", "-t", TOPIC, "-m", &location(5_000)], "").await.success());
    until("QoS 0 arrives too", || rig.fix_times(1).last() == Some(&fix_time(5_000))).await;
    let old = publisher.run(port, &["-V", "mqttv31", "-q", "1", "-t", TOPIC, "-m", &location(1)], "").await;
    assert!(!old.success(), "3.1 is told that it is not spoken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_configured_is_wanted_from_every_client() {
    let Some(publisher) = Publisher::find("a_password_that_is_configured") else { return };
    let config = ListenerConfig { mqtt_password: Some("correct horse".to_owned()), ..config() };
    let rig = Rig::start_with(&[DEVICE], config, &journal_config()).await;
    let port = rig.listener.mqtt_address().expect("it runs").port();
    for version in ["mqttv311", "mqttv5"] {
        let message = location(1);
        let common = ["-V", version, "-q", "1", "-t", TOPIC, "-m", &message];
        for (credentials, fits) in
            [(vec![], false), (vec!["-u", "ann", "-P", "wrong"], false), (vec!["-u", "ann", "-P", "correct horse"], true)]
        {
            let arguments: Vec<&str> = common.iter().copied().chain(credentials.iter().copied()).collect();
            assert_eq!(publisher.run(port, &arguments, "").await.success(), fits, "{version} {credentials:?}");
        }
    }
    assert_eq!(rig.records(), 2);
    for (five, expected) in [(false, vec![0, 4]), (true, vec![0, 0x86, 0])] {
        let mut client = Client { stream: Client::open(&rig).await, five };
        client.send(&connect(five, 60)).await;
        assert_eq!(client.next().await, Some((0x20, expected)));
        assert_eq!(client.next().await, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_acknowledgements_come_in_order_and_never_before_the_commit() {
    let rig = Rig::start_with(&[DEVICE], ListenerConfig { mqtt_in_flight_max: 4, ..config() }, &journal_config()).await;
    for five in [false, true] {
        let before = rig.records();
        let mut client = Client::welcome(&rig, five).await;
        for id in 1..=200 {
            client.publish(TOPIC, 1, id, location(i64::from(id)).as_bytes()).await;
        }
        for id in 1..=200_u16 {
            client.acknowledged(id).await;
            assert!(rig.journal.committed() >= before as u64 + u64::from(id), "acknowledged, not durable");
        }
        assert_eq!(rig.records(), before + 200);
        client.send(&[0xE0, 0]).await;
        assert_eq!(client.next().await, None, "a farewell is answered by closing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_while_the_disk_is_full_no_publication_is_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some((disk_margin_bytes, fill)) = disk_that_can_be_filled(folder.path()) else {
        eprintln!("SKIPPED: p7_while_the_disk_is_full_no_publication: the room of this disk cannot be taken and given back");
        return;
    };
    let journal = JournalConfig { disk_margin_bytes, ..journal_config() };
    let rig = Rig::start_in(folder, &[DEVICE], config(), &journal).await;
    for five in [false, true] {
        let mut client = Client::welcome(&rig, five).await;
        client.publish(TOPIC, 1, 1, location(1).as_bytes()).await;
        client.acknowledged(1).await;
        let records = rig.records();
        fill(true);
        client.publish(TOPIC, 1, 2, location(2).as_bytes()).await;
        if five {
            assert_eq!(client.next().await, Some((0xE0, vec![0x89])), "server busy");
        }
        assert_eq!(client.next().await, None, "closed, so that the client keeps what it has");
        assert_eq!(rig.records(), records);
        fill(false);
        until("there is room again", || !rig.journal.disk_full()).await;
        let mut client = Client::welcome(&rig, five).await;
        client.publish(TOPIC, 1, 2, location(2).as_bytes()).await;
        client.acknowledged(2).await;
        assert_eq!(rig.records(), records + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_device_is_closed_by_3_1_1_and_told_by_5() {
    let rig = Rig::start(&[DEVICE]).await;
    for qos in [0, 1] {
        let mut old = Client::welcome(&rig, false).await;
        old.publish("owntracks/nobody/phone", qos, 1, location(1).as_bytes()).await;
        assert_eq!(old.next().await, None, "closed without an acknowledgement");
    }
    let mut new = Client::welcome(&rig, true).await;
    new.publish("owntracks/nobody/phone", 1, 1, location(1).as_bytes()).await;
    assert_eq!(new.next().await, Some((0x40, vec![0, 1, 0x87])));
    new.publish("somewhere/else", 1, 2, location(1).as_bytes()).await;
    assert_eq!(new.next().await, Some((0x40, vec![0, 2, 0x90])));
    new.publish(TOPIC, 1, 3, location(3).as_bytes()).await;
    new.acknowledged(3).await;
    let listed: Vec<(String, u64)> = rig.listener.unknown().into_iter().map(|unknown| (unknown.identifier, unknown.messages)).collect();
    assert_eq!(listed, [("nobody/phone".to_owned(), 3)]);
    assert_eq!(rig.entries(), ["record"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p7_a_payload_that_cannot_be_read_is_kept_and_acknowledged() {
    let rig = Rig::start(&[DEVICE]).await;
    for five in [false, true] {
        let mut client = Client::welcome(&rig, five).await;
        for (id, payload) in [(1, b"{\"_type\":".as_slice()), (2, b"\xFF\xFE"), (3, b"")] {
            client.publish(TOPIC, 1, id, payload).await;
            client.acknowledged(id).await;
        }
        client.publish(TOPIC, 1, 4, location(1).as_bytes()).await;
        client.acknowledged(4).await;
    }
    assert_eq!(rig.entries(), ["undecoded", "undecoded", "undecoded", "record"].repeat(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn qos_2_and_what_is_malformed_or_too_large_ends_the_connection() {
    let config = ListenerConfig { mqtt_packet_bytes_max: 4_000, ..config() };
    let rig = Rig::start_with(&[DEVICE], config, &journal_config()).await;
    let many = [0x30, 0xFF, 0xFF, 0xFF, 0x7F];
    for (sent, code) in [
        (packet(0x34, b"\0\x13owntracks/ann/phone\0\x01"), 0x9B),
        (packet(0x32, b"\0\x13owntracks/ann/phone\0\0"), 0x81),
        (many.to_vec(), 0x95),
        (vec![0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1], 0x81),
        (connect(true, 60), 0x82),
        (vec![0x40, 2, 0, 1], 0x82),
        (vec![0xF0, 0], 0x82),
    ] {
        for five in [false, true] {
            let mut client = Client::welcome(&rig, five).await;
            client.send(&sent).await;
            if five {
                assert_eq!(client.next().await, Some((0xE0, vec![code])), "{sent:?}");
            }
            assert_eq!(client.next().await, None, "{sent:?}");
        }
        let mut nobody = Client { stream: Client::open(&rig).await, five: true };
        if sent[0] != 0x10 {
            nobody.send(&sent).await;
            assert_eq!(nobody.next().await, None, "nothing is answered before a CONNECT: {sent:?}");
        }
    }
    assert!(rig.entries().is_empty());
    until("the connections are gone", || rig.listener.connections() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_nothing_to_subscribe_to_and_pings_are_answered() {
    let rig = Rig::start(&[DEVICE]).await;
    for five in [false, true] {
        let properties: &[u8] = if five { &[0] } else { &[] };
        let mut client = Client::welcome(&rig, five).await;
        client.send(&packet(0x82, &[[0, 9].as_slice(), properties, b"\0\x01#\0\0\x01a\x01"].concat())).await;
        let code = if five { 0x87 } else { 0x80 };
        assert_eq!(client.next().await, Some((0x90, [[0, 9].as_slice(), properties, &[code, code]].concat())));
        client.send(&packet(0xA2, &[[0, 10].as_slice(), properties, b"\0\x01#"].concat())).await;
        let codes: &[u8] = if five { &[0x11] } else { &[] };
        assert_eq!(client.next().await, Some((0xB0, [[0, 10].as_slice(), properties, codes].concat())));
        client.send(&[0xC0, 0]).await;
        assert_eq!(client.next().await, Some((0xD0, vec![])));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_has_1_5_times_its_keep_alive_and_nobody_waits_for_ever() {
    let config = ListenerConfig { login_deadline_s: 1, frame_deadline_s: 1, idle_timeout_s: 2, ..config() };
    let rig = Rig::start_with(&[DEVICE], config, &journal_config()).await;
    for five in [false, true] {
        let begun = Instant::now();
        let mut client = Client::welcome_with(&rig, five, 1).await;
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        client.send(&[0xC0, 0]).await;
        assert_eq!(client.next().await, Some((0xD0, vec![])), "alive");
        if five {
            assert_eq!(client.next().await, Some((0xE0, vec![0x8D])));
        }
        assert_eq!(client.next().await, None);
        assert!((2_400..6_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    }
    let mut slow = Client::welcome(&rig, false).await;
    slow.send(&[0x30, 100]).await;
    let mut nobody = Client { stream: Client::open(&rig).await, five: false };
    let begun = Instant::now();
    assert_eq!((nobody.next().await, slow.next().await), (None, None));
    assert!(begun.elapsed() < Duration::from_secs(10), "a packet that never ends, and nobody who never says who he is");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p14_the_connection_of_a_device_that_is_closed_ends_and_the_terms_are_told() {
    let rig = Rig::start(&[DEVICE, "bob/tablet"]).await;
    let mut both = Client::welcome(&rig, false).await;
    let mut other = Client::welcome(&rig, false).await;
    both.publish(TOPIC, 1, 1, location(1).as_bytes()).await;
    both.acknowledged(1).await;
    for client in [&mut both, &mut other] {
        client.publish("owntracks/bob/tablet/event", 1, 2, location(2).as_bytes()).await;
        client.acknowledged(2).await;
    }
    rig.listener.close_devices(&[DeviceId(1)]);
    assert_eq!(both.next().await, None);
    other.send(&[0xC0, 0]).await;
    assert_eq!(other.next().await, Some((0xD0, vec![])), "it never spoke for that device");
    assert_eq!(rig.address(Protocol::OwnTracks, Transport::Mqtt), rig.listener.mqtt_address().expect("it runs"));
    let mut new = Client { stream: Client::open(&rig).await, five: true };
    new.send(&connect(true, 0)).await;
    let (_, body) = new.next().await.expect("a CONNACK");
    for property in [[0x24, 1].as_slice(), &[0x21, 0, 64], &[0x27, 0, 1, 0, 0], &[0x13, 7, 8]] {
        assert!(body.windows(property.len()).any(|window| window == property), "{property:?} in {body:?}");
    }
    drop((both, other));
    rig.stop().await;
    assert_eq!(new.next().await, Some((0xE0, vec![0x8B])), "told that the gateway stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_mosquitto_sends_by_itself_is_understood() {
    let Some(publisher) = Publisher::find("what_mosquitto_sends_by_itself") else { return };
    let rig = Rig::start(&[DEVICE]).await;
    let port = rig.listener.mqtt_address().expect("it runs").port();
    let will = ["--will-topic", TOPIC, "--will-payload", "{\"_type\":\"lwt\"}", "--will-qos", "1"];
    for version in ["mqttv311", "mqttv5"] {
        let mut arguments = vec!["-V", version, "-q", "1", "-r", "-k", "10", "-i", "a-name", "-u", "ann", "-t", TOPIC];
        arguments.extend(will);
        let message = location(1);
        arguments.extend(["-m", &message]);
        if version == "mqttv5" {
            arguments.extend(["-x", "100", "-D", "PUBLISH", "user-property", "a", "b", "-D", "CONNECT", "receive-maximum", "10"]);
        }
        assert!(publish(&publisher, port, &arguments).await, "{version}");
    }
    assert_eq!(rig.entries(), ["record", "record"], "a will is not published");
}
