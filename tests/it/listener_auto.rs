//! One port for many protocols: the first frame tells which.

use crate::listener_rig::{PATIENCE, Rig, Tracker, config, journal_config, record, until};
use protocols::{Identifier, Protocol, Transport};
use purview::config::{AUTO, ListenerConfig};
use tokio::net::{TcpStream, UdpSocket};

fn with_auto() -> ListenerConfig {
    let mut config = config();
    config.ports.insert(AUTO.to_owned(), 0);
    config
}

fn imei(at: usize) -> String {
    format!("3563070424410{at:02}")
}

/// What a tracker of that protocol says first: a login, if it has one, and a record.
fn greeting(protocol: Protocol, transport: Transport, imei: &str) -> [Vec<u8>; 2] {
    let identifier = Identifier::new(imei).expect("an identifier");
    let mut encoder = protocol.encoder(transport);
    let (mut login, mut frame) = (Vec::new(), Vec::new());
    encoder.login(&identifier, &mut login);
    assert_eq!(encoder.records(&identifier, &[record(1)], &mut frame), 1);
    [login, frame]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_protocol_is_served_on_the_one_port() {
    let all = Protocol::ALL;
    let imeis: Vec<String> = (0..all.len()).map(imei).collect();
    let registered: Vec<&str> = imeis.iter().map(String::as_str).collect();
    for transport in [Transport::Tcp, Transport::Udp] {
        let rig = Rig::start_with(&registered, with_auto(), &journal_config()).await;
        let auto = rig.listener.auto().expect("a port for all");
        let mut kept_open = Vec::new();
        for (at, protocol) in all.iter().enumerate().filter(|(_, protocol)| protocol.transports().contains(&transport)) {
            let [login, frame] = greeting(*protocol, transport, &imeis[at]);
            if transport == Transport::Tcp {
                let mut tracker = Tracker { stream: TcpStream::connect(auto.tcp).await.expect("connected") };
                // In two pieces: half a frame is waited for.
                let whole = if login.is_empty() { frame.clone() } else { login.clone() };
                let (head, tail) = whole.split_at(whole.len() / 2);
                tracker.send(head).await;
                tracker.send(tail).await;
                if !login.is_empty() {
                    tracker.send(&frame).await;
                }
                kept_open.push(tracker);
            } else {
                let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
                for packet in [login, frame].iter().filter(|packet| !packet.is_empty()) {
                    socket.send_to(packet, auto.udp).await.expect("sent");
                }
            }
            let device = u32::try_from(at).expect("few") + 1;
            until(&format!("{transport:?} {}: the record is durable", protocol.name()), || !rig.fix_times(device).is_empty()).await;
        }
        drop(kept_open);
        rig.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_protocol_takes_is_refused_and_what_never_ends_too() {
    let config = ListenerConfig { login_deadline_s: 1, ..with_auto() };
    let rig = Rig::start_with(&[], config, &journal_config()).await;
    let auto = rig.listener.auto().expect("a port for all");
    for bytes in [&b"hello, world\r\n"[..], &[0xA5; 8_192], b"#L#3563070"] {
        let mut tracker = Tracker { stream: TcpStream::connect(auto.tcp).await.expect("connected") };
        tracker.send(bytes).await;
        let closed = tokio::time::timeout(PATIENCE, tracker.rest()).await.expect("closed");
        assert_eq!(closed, b"", "nothing is promised");
    }
    assert_eq!(rig.entries(), Vec::<&str>::new());
    rig.stop().await;
}
