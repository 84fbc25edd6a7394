//! Feeds a recording to a fresh decoder, its context first.

use crate::recordings::{NOW, Recording, Sent, settings};
use crate::vector::Answer;
use bytes::BytesMut;
use protocols::{
    Attributes, Decoder, Environment, HttpRequest, Input, Message, Options, Progress, Protocol, Record, Replies, ReplyBody, wire,
};
use serde_json::Value;

/// What came out for the message itself.
#[derive(Debug, Default)]
pub struct Heard {
    pub records: Vec<Record>,
    pub heartbeats: Vec<Attributes>,
    pub answers: Vec<Answer>,
    pub problem: Option<String>,
}

/// Feeds context and message.
pub fn feed(protocol: Protocol, recording: &Recording) -> Heard {
    feed_to(&mut *protocol.decoder(), recording)
}

/// Feeds context and message to that decoder.
pub fn feed_to(decoder: &mut dyn Decoder, recording: &Recording) -> Heard {
    let settings: Vec<(&str, &str)> = recording.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let options = Options { ignore_checksum: true, settings: &settings };
    let env = Environment { now: NOW, model: recording.model.as_deref(), options, datagram: recording.datagram };
    let mut buffer = BytesMut::new();
    for sent in &recording.context {
        // What is wrong in the context shows in what it is the context of.
        send(decoder, &mut buffer, &env, sent);
    }
    send(decoder, &mut buffer, &env, &recording.input)
}

fn send(decoder: &mut dyn Decoder, buffer: &mut BytesMut, env: &Environment<'_>, sent: &Sent) -> Heard {
    let (mut out, mut replies, mut problem) = (Vec::new(), Replies::new(), None);
    match sent {
        Sent::Bytes(bytes) => {
            buffer.extend_from_slice(bytes);
            while !buffer.is_empty() {
                match decoder.decode(buffer, env, &mut out, &mut replies) {
                    Ok(Progress::Frame) => {}
                    Ok(Progress::NeedMore) if buffer.is_empty() => {}
                    Ok(Progress::NeedMore) => {
                        problem = Some(format!("incomplete frame: {} bytes left", buffer.len()));
                        break;
                    }
                    Err(error) => {
                        problem = Some(error.what.to_owned());
                        if !error.resynchronized {
                            buffer.clear();
                        }
                    }
                }
            }
        }
        Sent::Http { method, uri, headers, body } => {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let request = Input::Http(HttpRequest { method, uri, headers: &headers, body });
            problem = decoder.accept(&request, env, &mut out, &mut replies).err().map(|e| e.what.to_owned());
        }
    }
    let mut heard = Heard { problem, ..Heard::default() };
    for message in out {
        match message {
            Message::Record { record, .. } => heard.records.push(record),
            Message::Heartbeat { attributes, .. } => heard.heartbeats.push(attributes),
            Message::Undecoded { reason, .. } => {
                heard.problem = Some(format!("undecoded: {reason}"));
            }
            Message::Login { .. } | Message::CommandAnswer { .. } => {}
        }
    }
    heard.answers.extend(replies.drain().map(|reply| match reply.body {
        ReplyBody::Bytes(bytes) => Answer::Bytes(bytes.into_vec()),
        ReplyBody::Http { status, .. } => Answer::Http(status),
    }));
    heard
}

/// A recording of the framing step alone: how many bytes one frame takes. `Ok` or what differs.
pub fn framing(protocol: Protocol, json: &Value) -> Result<(), String> {
    let input = json["input"].as_str().and_then(wire::from_hex).unwrap_or_default();
    let is_frame = json["output"].is_string();
    let consumed = json["consumed"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let owned = settings(&json["options"]);
    let settings: Vec<(&str, &str)> = owned.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let options = Options { ignore_checksum: true, settings: &settings };
    let env = Environment { now: NOW, options, ..Environment::default() };
    let mut decoder = protocol.decoder();
    let (mut buffer, mut out, mut replies) = (BytesMut::from(&input[..]), Vec::new(), Replies::new());
    let result = decoder.decode(&mut buffer, &env, &mut out, &mut replies);
    let taken = input.len() - buffer.len();
    if (result != Ok(Progress::NeedMore)) == is_frame && (!is_frame || taken == consumed) {
        return Ok(());
    }
    Err(format!("{}: {result:?}, {taken} bytes taken; recorded: frame {is_frame}, {consumed} bytes", json["id"].as_str().unwrap_or("")))
}
