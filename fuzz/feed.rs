//! How an input of the fuzzer is fed to a decoder: by the fuzz target, and by the test that goes through the inputs that were kept.
//!
//! The first byte of the input says how the rest is fed: with or without checksums in force, as datagrams or as a stream in pieces.
//! Without checksums the fuzzer reaches what stands behind them: that is what makes it aware of the structure.

use bytes::BytesMut;
use protocols::{Decoder, Environment, HttpRequest, Input, Message, MqttPublish, Options, Progress, Protocol, Replies, Transport};

/// Feeds one input and panics where a decoder breaks its contract.
pub fn feed(protocol: Protocol, data: &[u8]) {
    let Some((how, data)) = data.split_first() else { return };
    let options = Options { ignore_checksum: how & 1 != 0, settings: &[] };
    let datagram = how & 2 != 0 && protocol.transports().contains(&Transport::Udp);
    let env = Environment { now: 1_787_329_131_000_000, model: None, options, datagram };
    let mut decoder = protocol.decoder();
    let (mut buffer, mut out) = (BytesMut::new(), Vec::new());
    let piece = if how & 4 == 0 { data.len().max(1) } else { usize::from(how >> 3) + 1 };
    for part in data.chunks(piece) {
        if datagram {
            buffer.clear();
        }
        buffer.extend_from_slice(part);
        if !drain(&mut *decoder, &mut buffer, &env, &mut out) {
            break;
        }
    }
    if protocol.transports().iter().any(|transport| matches!(transport, Transport::Http | Transport::Mqtt)) {
        accept(protocol, data, &env, &mut out);
    }
    // What was read can be written down.
    for message in &out {
        let mut json = String::new();
        message.write_json(&mut json);
        assert!(!json.is_empty());
    }
}

/// As a request and as a publication; the first line is the address or the topic.
fn accept(protocol: Protocol, data: &[u8], env: &Environment<'_>, out: &mut Vec<Message>) {
    let (head, body) = data.split_at(data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len()));
    let head = String::from_utf8_lossy(head);
    let request = HttpRequest { method: "POST", uri: &head, headers: &[("content-type", "application/json")], body };
    for input in [Input::Http(request), Input::Mqtt(MqttPublish { topic: &head, payload: body })] {
        let (before, mut decoder) = (out.len(), protocol.decoder());
        let accepted = decoder.accept(&input, env, out, &mut Replies::new());
        assert!(accepted.is_ok() || out.len() == before, "messages of a refused request");
        // Once more, when it is what the decoder has learned to expect.
        let mut again = Vec::new();
        let same = decoder.accept(&input, env, &mut again, &mut Replies::new()) == accepted && out.get(before..) == Some(&again);
        assert!(same, "a request that depends on the one before it");
    }
}

/// Decodes what is in the buffer; the decoder keeps its contract.
fn drain(decoder: &mut dyn Decoder, buffer: &mut BytesMut, env: &Environment<'_>, out: &mut Vec<Message>) -> bool {
    let mut replies = Replies::new();
    while !buffer.is_empty() {
        let (before, messages) = (buffer.len(), out.len());
        match decoder.decode(buffer, env, out, &mut replies) {
            Ok(Progress::NeedMore) => {
                assert!(buffer.len() <= before && out.len() == messages, "messages without a frame");
                return true;
            }
            Ok(Progress::Frame) => assert!(buffer.len() < before, "a frame without bytes"),
            Err(error) => {
                assert!(out.len() == messages, "messages of a refused frame");
                if !error.resynchronized {
                    return false;
                }
                assert!(buffer.len() < before, "an error that consumes nothing");
            }
        }
    }
    true
}
