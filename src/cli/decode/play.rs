//! Feeds frames to one decoder.

use super::input::Frame;
use bytes::BytesMut;
use protocols::{
    DecodeError, Decoder, Environment, HttpRequest, Input, Message, Micros, MqttPublish, Options, Progress, Protocol, Replies, Reply,
};

/// What a frame gave.
#[derive(Debug, Default)]
pub struct Heard {
    pub messages: Vec<Message>,
    pub replies: Vec<Reply>,
    /// The first thing that was wrong.
    pub error: Option<String>,
}

/// One connection.
pub struct Player<'a> {
    decoder: Box<dyn Decoder>,
    buffer: BytesMut,
    env: Environment<'a>,
}

impl<'a> Player<'a> {
    /// A fresh decoder.
    pub fn new(protocol: Protocol, now: Micros, model: Option<&'a str>, options: Options<'a>, datagram: bool) -> Self {
        Self { decoder: protocol.decoder(), buffer: BytesMut::new(), env: Environment { now, model, options, datagram } }
    }

    /// Plays one frame.
    pub fn play(&mut self, frame: &Frame) -> Heard {
        let mut heard = Heard::default();
        match frame {
            Frame::Bytes(bytes) => self.bytes(bytes, &mut heard),
            Frame::Text(text) => {
                self.bytes(text.as_bytes(), &mut heard);
                self.end_the_line(&mut heard);
            }
            Frame::Http { method, uri, headers, body } => {
                let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                self.accept(&Input::Http(HttpRequest { method, uri, headers: &headers, body }), &mut heard);
            }
            Frame::Mqtt { topic, payload } => self.accept(&Input::Mqtt(MqttPublish { topic, payload }), &mut heard),
        }
        heard
    }

    /// What is wrong if nothing more comes.
    pub fn left_over(&self) -> Option<String> {
        (!self.buffer.is_empty()).then(|| format!("incomplete frame: {} bytes left", self.buffer.len()))
    }

    fn bytes(&mut self, bytes: &[u8], heard: &mut Heard) {
        if self.env.datagram {
            self.buffer.clear();
        }
        self.buffer.extend_from_slice(bytes);
        self.drain(heard);
        if self.env.datagram
            && let Some(problem) = self.left_over()
        {
            self.buffer.clear();
            heard.error.get_or_insert(problem);
        }
    }

    /// A text that still lacks something may lack no more than the end of its line.
    fn end_the_line(&mut self, heard: &mut Heard) {
        let before = self.buffer.len();
        if before == 0 {
            return;
        }
        self.buffer.extend_from_slice(b"\r\n");
        self.drain(heard);
        if self.buffer.len() == before.saturating_add(2) {
            self.buffer.truncate(before);
        }
    }

    /// Decodes until more is needed. What is behind a lost framing is dropped: the next frame is read at its beginning.
    fn drain(&mut self, heard: &mut Heard) {
        while !self.buffer.is_empty() {
            let before = self.buffer.len();
            let mut replies = Replies::new();
            let result = self.decoder.decode(&mut self.buffer, &self.env, &mut heard.messages, &mut replies);
            heard.replies.extend(replies.drain());
            match result {
                Ok(Progress::NeedMore) => return,
                Ok(Progress::Frame) if self.buffer.len() < before => {}
                Err(error) if error.resynchronized && self.buffer.len() < before => refuse(heard, error),
                Ok(Progress::Frame) => self.buffer.clear(),
                Err(error) => {
                    refuse(heard, error);
                    self.buffer.clear();
                }
            }
        }
    }

    fn accept(&mut self, input: &Input<'_>, heard: &mut Heard) {
        let mut replies = Replies::new();
        if let Err(error) = self.decoder.accept(input, &self.env, &mut heard.messages, &mut replies) {
            refuse(heard, error);
        }
        heard.replies.extend(replies.drain());
    }
}

fn refuse(heard: &mut Heard, error: DecodeError) {
    heard.error.get_or_insert_with(|| error.what.to_owned());
}
