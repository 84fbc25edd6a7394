//! Feeds a decoder as a session would, and watches its manners while doing so.

use crate::COUNTING;
use crate::dialogue::{Answer, Dialogue, Said};
use bytes::BytesMut;
use protocols::{
    DecodeError, Decoder, Environment, HttpRequest, Input, Message, MqttPublish, Options, Progress, Replies, ReplyBody, Transport,
};
use stats_alloc::Region;

/// What came out, in order.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Event {
    Message(Message),
    Error(DecodeError),
}

/// Everything a decoder gave so far.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub events: Vec<Event>,
    pub answers: Vec<Answer>,
    /// The stream's framing is lost: nothing more may be fed.
    pub lost: bool,
    /// What the decoder allocated; what is written down here does not count.
    pub allocated_bytes: usize,
}

impl Heard {
    /// The messages alone.
    pub fn messages(&self) -> Vec<&Message> {
        self.events.iter().filter_map(|e| if let Event::Message(m) = e { Some(m) } else { None }).collect()
    }

    /// One JSON object an event, as in the `.jsonl` beside a dialogue.
    pub fn lines(&self) -> Vec<String> {
        self.events
            .iter()
            .map(|event| match event {
                Event::Message(message) => {
                    let mut line = String::new();
                    message.write_json(&mut line);
                    line
                }
                Event::Error(error) if error.resynchronized => format!("{{\"error\":{:?}}}", error.what),
                Event::Error(error) => format!("{{\"error\":{:?},\"fatal\":true}}", error.what),
            })
            .collect()
    }
}

/// The settings a dialogue names.
pub fn settings(dialogue: &Dialogue) -> Vec<(&str, &str)> {
    dialogue.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// The environment a dialogue names.
pub fn environment<'a>(dialogue: &'a Dialogue, settings: &'a [(&'a str, &'a str)]) -> Environment<'a> {
    Environment {
        now: dialogue.now,
        model: dialogue.model.as_deref(),
        options: Options { ignore_checksum: dialogue.ignore_checksum, settings },
        datagram: dialogue.transport == Transport::Udp,
    }
}

/// Decodes what is in the buffer until more is needed.
///
/// # Errors
/// The decoder breaks its contract.
pub fn pump(decoder: &mut dyn Decoder, buffer: &mut BytesMut, env: &Environment<'_>, heard: &mut Heard) -> Result<(), String> {
    let (mut out, mut replies) = (Vec::new(), Replies::new());
    while !buffer.is_empty() && !heard.lost {
        let before = buffer.len();
        let region = Region::new(COUNTING);
        let result = decoder.decode(buffer, env, &mut out, &mut replies);
        heard.allocated_bytes += region.change().bytes_allocated;
        let empty = out.is_empty();
        if result != Ok(Progress::NeedMore) && buffer.len() >= before && !matches!(result, Err(e) if !e.resynchronized) {
            return Err(format!("{result:?}, and nothing was consumed"));
        }
        if buffer.len() > before {
            return Err("the buffer has grown".into());
        }
        take(&mut out, &mut replies, heard);
        match result {
            Ok(Progress::Frame) => {}
            Ok(Progress::NeedMore) if empty => break,
            Ok(Progress::NeedMore) => return Err("messages without a frame".into()),
            Err(_) if !empty => return Err("messages of a refused frame".into()),
            Err(error) => {
                heard.events.push(Event::Error(error));
                heard.lost |= !error.resynchronized && !env.datagram;
                if env.datagram {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Gives the decoder one thing that the tracker said.
///
/// # Errors
/// The decoder breaks its contract.
pub fn say(decoder: &mut dyn Decoder, buffer: &mut BytesMut, env: &Environment<'_>, said: &Said, heard: &mut Heard) -> Result<(), String> {
    match said {
        Said::Bytes(bytes) => {
            if env.datagram {
                buffer.clear();
            }
            buffer.extend_from_slice(bytes);
            pump(decoder, buffer, env, heard)
        }
        Said::Http { method, uri, headers, body } => {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            accept(decoder, &Input::Http(HttpRequest { method, uri, headers: &headers, body }), env, heard)
        }
        Said::Mqtt { topic, payload } => accept(decoder, &Input::Mqtt(MqttPublish { topic, payload }), env, heard),
    }
}

fn accept(decoder: &mut dyn Decoder, input: &Input<'_>, env: &Environment<'_>, heard: &mut Heard) -> Result<(), String> {
    let (mut out, mut replies) = (Vec::new(), Replies::new());
    let region = Region::new(COUNTING);
    let result = decoder.accept(input, env, &mut out, &mut replies);
    heard.allocated_bytes += region.change().bytes_allocated;
    if result.is_err() && !out.is_empty() {
        return Err("messages of a refused request".into());
    }
    take(&mut out, &mut replies, heard);
    if let Err(error) = result {
        heard.events.push(Event::Error(error));
    }
    Ok(())
}

fn take(out: &mut Vec<Message>, replies: &mut Replies, heard: &mut Heard) {
    heard.events.extend(out.drain(..).map(Event::Message));
    heard.answers.extend(replies.drain().map(|reply| match reply.body {
        ReplyBody::Bytes(bytes) => Answer::Bytes(bytes.into_vec()),
        ReplyBody::Http { status, body } => Answer::Http { status, body: body.to_vec() },
    }));
}

/// What is said, as bytes on a stream: an HTTP request is written out.
pub fn on_the_stream(said: &Said) -> Option<Vec<u8>> {
    match said {
        Said::Bytes(bytes) => Some(bytes.clone()),
        Said::Http { method, uri, headers, body } => {
            let mut text = format!("{method} {uri} HTTP/1.1\r\nHost: gateway\r\n");
            for (name, value) in headers {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
            text.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
            let mut bytes = text.into_bytes();
            bytes.extend_from_slice(body);
            Some(bytes)
        }
        Said::Mqtt { .. } => None,
    }
}
