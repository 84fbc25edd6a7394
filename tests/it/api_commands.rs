//! Commands over the API to a tracker on a real socket, and the live view of its raw frames.

use crate::api_rig::{Rig, SECOND, path_of};
use crate::client::Client;
use crate::listener_rig::{PATIENCE, Tracker, record};
use protocols::wire::{crc16_x25, to_hex};
use protocols::{Identifier, Protocol, Transport};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

const IMEI: &str = "356307042441013";

/// A GT06 frame of a tracker around a kind and a body.
fn gt06(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len() + 5).expect("short");
    let covered = [&[length, kind], body, &[0, 9]].concat();
    let crc = crc16_x25(&covered).to_be_bytes();
    [&[0x78, 0x78], &covered[..], &crc, b"\r\n"].concat()
}

/// An answer to the command with that mark.
fn answer(mark: u8, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len() + 4).expect("short");
    gt06(0x15, &[&[length, 0, 0, 0, mark], text.as_bytes(), &[0, 2]].concat())
}

/// The frame that the gateway sends for a command.
fn command(mark: u8, text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("short");
    let covered = [&[length + 10, 0x80, length + 4, 0, 0, 0, mark], text.as_bytes(), &[0, 0]].concat();
    let crc = crc16_x25(&covered).to_be_bytes();
    [&[0x78, 0x78], &covered[..], &crc, b"\r\n"].concat()
}

async fn connect(rig: &Rig) -> Tracker {
    let bound = rig.gateway.listener().expect("it listens").bound();
    let place = bound.iter().find(|b| b.protocol == Protocol::Gt06).expect("gt06").address;
    let mut tracker = Tracker { stream: TcpStream::connect(place).await.expect("connected") };
    let mut login = Vec::new();
    Protocol::Gt06.encoder(Transport::Tcp).login(&Identifier::new(IMEI).expect("an identifier"), &mut login);
    tracker.send(&login).await;
    assert_eq!(reply(&mut tracker).await[3], 1, "let in");
    tracker
}

/// What the gateway answers to a frame: ten bytes.
async fn reply(tracker: &mut Tracker) -> [u8; 10] {
    let mut bytes = [0; 10];
    tokio::time::timeout(PATIENCE, tracker.stream.read_exact(&mut bytes)).await.expect("in time").expect("an answer");
    bytes
}

/// A gateway with a GT06 device that both sub-users hold; output 1 is the engine's, 2 an auxiliary one.
async fn rig() -> Rig {
    let mut rig = Rig::start().await;
    let mut owner = rig.client("owner").await;
    let device = rig.create(&mut owner, "gt06", "/devices", &json!({ "identifier": IMEI, "name": "van" })).await;
    let outputs = json!({ "outputs": [
        { "number": 1, "name": "engine", "vehicle_system": true }, { "number": 2, "name": "lamp", "vehicle_system": false },
    ] });
    rig.ok(&mut owner, "PATCH", &format!("/devices/{device}/hardware"), &outputs).await;
    for sub in ["sub", "worker"] {
        rig.ok(&mut owner, "PUT", &rig.user_path(sub, "grants/devices"), &json!({ "devices": [device] })).await;
    }
    rig
}

fn commands_path(rig: &Rig) -> String {
    format!("/devices/{}/commands", rig.id("gt06"))
}

async fn give(rig: &Rig, client: &mut Client, command: Value) -> (u16, Value) {
    let reply = client.call("POST", &path_of(&commands_path(rig)), &json!({ "command": command })).await;
    (reply.status, reply.json())
}

/// Waits until a command has that state, and gives it.
async fn in_state(rig: &Rig, client: &mut Client, id: &Value, state: &str) -> Value {
    let path = format!("/commands/{}", id.as_str().expect("an id"));
    for _ in 0..2_000 {
        let shown = rig.read(client, &path).await;
        if shown["state"] == state {
            return shown;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("{id} is not {state}: {}", rig.read(client, &path).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_waits_for_its_device_is_sent_and_its_answer_found() {
    let rig = rig().await;
    let mut owner = rig.client("owner").await;
    let (status, given) = give(&rig, &mut owner, json!({ "kind": "engine_stop" })).await;
    assert_eq!(status, 201, "{given}");
    in_state(&rig, &mut owner, &given["id"], "queued").await;
    let mut tracker = connect(&rig).await;
    tracker.expect(&command(0, "Relay,1#")).await;
    in_state(&rig, &mut owner, &given["id"], "sent").await;
    // A second one leaves at once; its answer comes first.
    let (_, second) = give(&rig, &mut owner, json!({ "kind": "raw", "text": "STATUS#" })).await;
    tracker.expect(&command(1, "STATUS#")).await;
    tracker.send(&answer(1, "GPRS:Link Up")).await;
    let shown = in_state(&rig, &mut owner, &second["id"], "acknowledged").await;
    assert_eq!((&shown["answer"], &shown["command"]), (&json!("GPRS:Link Up"), &json!({ "kind": "raw", "text": "STATUS#" })));
    in_state(&rig, &mut owner, &given["id"], "sent").await;
    tracker.send(&answer(0, "Cut off the fuel supply: Success!")).await;
    in_state(&rig, &mut owner, &given["id"], "acknowledged").await;
    // What the protocol has no words for fails and says so.
    let (_, odd) = give(&rig, &mut owner, json!({ "kind": "send_sms", "phone": "112", "text": "hello" })).await;
    let failed = in_state(&rig, &mut owner, &odd["id"], "failed").await;
    assert_eq!(failed["reason"], "the device's protocol has no such command");
    // The newest first.
    assert_eq!(rig.list(&mut owner, &commands_path(&rig), "id").await, [odd["id"].clone(), second["id"].clone(), given["id"].clone()]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b53_b55_b56_each_kind_needs_its_right_and_what_it_needs_is_named() {
    let rig = rig().await;
    let mut sub = rig.client("sub").await;
    let missing = |right: &str| json!({ "right": right });
    for (command, needs) in [
        (json!({ "kind": "locate" }), None),
        (json!({ "kind": "output", "number": 2, "on": true }), None),
        (json!({ "kind": "output", "number": 1, "on": true }), Some("vehicle_systems")),
        // Nobody said what it is: it may be the engine's.
        (json!({ "kind": "output", "number": 3, "on": true }), Some("vehicle_systems")),
        (json!({ "kind": "engine_stop" }), Some("vehicle_systems")),
        (json!({ "kind": "raw", "text": "RELAY,1#" }), Some("vehicle_systems")),
        (json!({ "kind": "report_every", "seconds": 60 }), Some("device_settings_hardware")),
    ] {
        let (status, body) = give(&rig, &mut sub, command.clone()).await;
        match needs {
            None => assert_eq!(status, 201, "{command}: {body}"),
            Some(right) => assert_eq!((status, &body["missing"]), (403, &missing(right)), "{command}: {body}"),
        }
        let (status, body) = give(&rig, &mut rig.client("worker").await, command.clone()).await;
        assert_eq!(status, 201, "{command}: {body}");
    }
    // The words of a command are for those who might give it; that it was given is for all who see the device.
    let shown = rig.list(&mut sub, &commands_path(&rig), "command").await;
    assert!(shown.contains(&json!({ "kind": "raw" })) && shown.contains(&json!({ "kind": "locate" })), "{shown:?}");
    for (command, field) in [
        (json!({ "kind": "fly" }), "command"),
        (json!({ "kind": "raw", "text": "a\r\nb" }), "command"),
        (json!({ "kind": "report_every" }), "command"),
        (json!({ "kind": "locate", "now": true }), "command"),
    ] {
        let (status, body) = give(&rig, &mut rig.client("owner").await, command.clone()).await;
        assert_eq!((status, &body["field"]), (422, &json!(field)), "{command}: {body}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b56_what_was_queued_does_not_leave_once_its_sender_may_no_longer_send_it() {
    let rig = rig().await;
    let mut owner = rig.client("owner").await;
    let mut worker = rig.client("worker").await;
    let (_, given) = give(&rig, &mut worker, json!({ "kind": "engine_stop" })).await;
    rig.ok(&mut owner, "PUT", &rig.user_path("worker", "access"), &json!({ "kind": "sub_user" })).await;
    let mut tracker = connect(&rig).await;
    let failed = in_state(&rig, &mut owner, &given["id"], "failed").await;
    assert_eq!(failed["reason"], "its sender may not send it any more");
    assert!(tracker.silent_for(std::time::Duration::from_millis(300)).await, "nothing leaves");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_too_long_expires_and_sixteen_may_wait() {
    let rig = rig().await;
    let mut owner = rig.client("owner").await;
    let mut ids = Vec::new();
    for _ in 0..16 {
        let (status, given) = give(&rig, &mut owner, json!({ "kind": "locate" })).await;
        assert_eq!(status, 201);
        ids.push(given["id"].clone());
    }
    let (status, body) = give(&rig, &mut owner, json!({ "kind": "locate" })).await;
    assert_eq!((status, &body["limit"]), (422, &json!("device_commands_waiting_max")));
    rig.clock.set(rig.clock.now() + 3_601 * SECOND);
    let expired = in_state(&rig, &mut owner, &ids[0], "expired").await;
    assert_eq!(expired["reason"], "not sent in time");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b55_p2_raw_frames_are_shown_live_to_whoever_may_configure_the_device_and_within_his_window() {
    let rig = rig().await;
    let mut owner = rig.client("owner").await;
    let path = format!("/devices/{}/frames", rig.id("gt06"));
    let mut tracker = connect(&rig).await;
    assert!(rig.list(&mut owner, &path, "hex").await.is_empty(), "off until it is turned on");
    rig.ok(&mut owner, "PUT", &path, &json!({ "seconds": 60 })).await;
    let mut frame = Vec::new();
    // A record of 2023: outside everybody's window but the owner's tariff of thirty days covers it no more either.
    let old = record(1);
    let new = protocols::Record { fix_time: Some(rig.clock.now()), ..record(1) };
    let identifier = Identifier::new(IMEI).expect("an identifier");
    for record in [new, old] {
        frame.clear();
        assert_eq!(Protocol::Gt06.encoder(Transport::Tcp).records(&identifier, &[record], &mut frame), 1);
        tracker.send(&frame).await;
        reply(&mut tracker).await;
    }
    let shown = rig.read(&mut owner, &format!("{path}?after=0&wait_s=5")).await;
    let items = shown["items"].as_array().expect("a list").clone();
    let shown: Vec<&str> = items.iter().filter_map(|item| item["hex"].as_str()).collect();
    assert!(items.iter().any(|item| item["direction"] == "out"), "the replies too: {items:?}");
    assert!(!shown.contains(&to_hex(&frame).as_str()), "P2: the bytes of a record before the window are not shown");
    assert!(items.iter().any(|item| item["direction"] == "in"), "{items:?}");
    // A sub-user needs the right to configure; one without is told so.
    let refused = rig.client("sub").await.get(&path_of(&path)).await;
    assert_eq!((refused.status, &refused.json()["missing"]), (403, &json!({ "right": "device_settings_hardware" })));
    assert!(!rig.list(&mut rig.client("worker").await, &path, "hex").await.is_empty());
    rig.ok(&mut owner, "PUT", &path, &json!({ "seconds": 0 })).await;
    assert!(rig.list(&mut owner, &path, "hex").await.is_empty(), "forgotten");
    rig.stop().await;
}
