//! From messages to journal entries.

use super::{Close, Held, Known, Outside, Session, Step, identifier_of};
use crate::commands::DeviceAnswer;
use crate::journal::NewEntry;
use crate::telemetry;
use protocols::{Message, Release, Replies};

impl Session {
    /// Takes the messages and replies of one frame.
    pub(super) fn take(&mut self, messages: &mut Vec<Message>, replies: &mut Replies, outside: &Outside<'_>, step: &mut Step) {
        step.frames = step.frames.saturating_add(1);
        let mut accepted = true;
        for message in messages.drain(..) {
            let named = identifier_of(&message);
            if self.identify(named, outside, step) {
                self.keep(&message, outside, step);
            } else {
                accepted = false;
                // A stream whose tracker is unknown has nothing to say to us; it may try again later.
                if self.connection.is_some() && named.is_some() {
                    step.close = Some(Close::UnknownDevice);
                }
            }
        }
        self.answer(replies, accepted, step);
    }

    /// Holds each reply for as long as it has to wait. `accepted`: the device of every message is known.
    pub(super) fn answer(&self, replies: &mut Replies, accepted: bool, step: &mut Step) {
        for reply in replies.drain() {
            let known = accepted && self.known.is_some();
            let (body, durable) = match reply.release {
                Release::Now => (Some(reply.body), false),
                Release::Identified if known => (Some(reply.body), false),
                Release::Durable if known => (Some(reply.body), true),
                Release::Identified | Release::Durable => (reply.refused, false),
            };
            if let Some(body) = body {
                step.replies.push(Held { body, durable });
            }
        }
    }

    fn keep(&self, message: &Message, outside: &Outside<'_>, step: &mut Step) {
        let Some(Known { device, account, generation, model: _, settings: _ }) = self.known() else { return };
        let (device, account, generation) = (*device, *account, *generation);
        let (received_at, protocol) = (outside.now, self.protocol.number());
        match message {
            Message::Login { .. } => {}
            Message::Record { identifier: _, record } => {
                if let Some(time) = record.fix_time {
                    step.tells(time);
                }
                step.batch.push(&NewEntry::Record { device, account, generation, received_at, protocol, record });
            }
            Message::Heartbeat { identifier: _, attributes } => {
                step.batch.push(&NewEntry::Heartbeat { device, account, generation, received_at, attributes });
            }
            Message::CommandAnswer { identifier: _, tag, done, text } => {
                step.answers.push(DeviceAnswer { tag: *tag, done: *done, text: text.clone() });
                let (reason, raw) = ("command_answer", text.as_bytes());
                step.batch.push(&NewEntry::Undecoded { device, account, generation, received_at, protocol, reason, raw });
            }
            Message::Undecoded { identifier: _, reason, raw } => {
                metrics::counter!(telemetry::UNDECODED, "protocol" => self.protocol.name(), "reason" => *reason).increment(1);
                step.batch.push(&NewEntry::Undecoded { device, account, generation, received_at, protocol, reason, raw });
            }
        }
    }
}
