//! Room: session
//! Takes: one tracker connection's bytes, or one datagram, request or publication. Gives: a batch for the journal, and replies with what they wait for.
//! May import: model, commands, journal, telemetry, protocols
//! Invariant: sans-IO; a reply that promises durability waits for its batch; of an unknown device nothing is kept and nothing is promised.

mod reading;
mod step;

pub use step::{Held, Step};

use crate::journal::{Batch, NewEntry};
use crate::model::{AccountId, DeviceId, Micros};
use crate::telemetry;
use bytes::BytesMut;
use protocols::{
    Addressee, CannotSay, Command, DecodeError, Decoder, Environment, Expect, Identifier, Input, Message, Options, Progress, Protocol,
    Replies,
};
use std::sync::Arc;

/// A registered device, as a connection needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Which.
    pub device: DeviceId,
    /// Whose.
    pub account: AccountId,
    /// Of which generation (P14).
    pub generation: u32,
    /// The vendor's model; empty if unknown.
    pub model: Arc<str>,
    /// What its owner set for the decoder, name and value ([`protocols::Options::settings`]), and its password for commands.
    pub settings: Arc<DeviceSettings>,
}

/// What the owner of a device set for its protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceSettings {
    /// Name and value.
    pub decoder: Vec<(String, String)>,
    /// What the device demands with each command; `None`: the maker's.
    pub command_password: Option<String>,
}

/// Who is registered.
pub trait Devices: Send + Sync {
    /// The device that calls itself so, if it is registered and takes data.
    fn find(&self, identifier: &str) -> Option<Known>;
}

/// Who is connected.
pub trait Claims: Send + Sync {
    /// The connection says that it is this device. `true`: it took it over from another one that was still open.
    fn claim(&self, device: DeviceId, connection: u64) -> bool;
}

/// Why a connection is closed from our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The framing is lost.
    Framing(&'static str),
    /// Too many bad frames.
    TooManyBadFrames,
    /// It said who it is, and nobody registered that.
    UnknownDevice,
}

impl Close {
    /// A metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Framing(what) => what,
            Self::TooManyBadFrames => "too_many_bad_frames",
            Self::UnknownDevice => "unknown_device",
        }
    }
}

/// One connection, or one datagram, request or publication.
pub struct Session {
    protocol: Protocol,
    decoder: Box<dyn Decoder>,
    connection: Option<u64>,
    datagram: bool,
    known: Option<(Identifier, Known)>,
    bad_frames: u32,
    bad_frames_max: u32,
}

/// What a session may ask of the outside.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    /// Who is registered.
    pub devices: &'a dyn Devices,
    /// Who is connected.
    pub claims: &'a dyn Claims,
    /// The time.
    pub now: Micros,
}

impl Session {
    /// A batch is handed on when it has grown to this, even if more bytes have come.
    const STEP_BYTES_MAX: usize = 256 * 1024;

    /// A stream connection.
    #[must_use]
    pub fn stream(protocol: Protocol, connection: u64, bad_frames_max: u32) -> Self {
        Self {
            protocol,
            decoder: protocol.decoder(),
            connection: Some(connection),
            datagram: false,
            known: None,
            bad_frames: 0,
            bad_frames_max,
        }
    }

    /// One datagram, request or publication.
    #[must_use]
    pub fn single(protocol: Protocol) -> Self {
        Self { protocol, decoder: protocol.decoder(), connection: None, datagram: true, known: None, bad_frames: 0, bad_frames_max: 0 }
    }

    /// What is spoken.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The device, once it is known.
    #[must_use]
    pub fn known(&self) -> Option<&Known> {
        self.known.as_ref().map(|(_, known)| known)
    }

    /// The most bytes that one frame has; no more need be buffered.
    #[must_use]
    pub fn frame_bytes_max(&self) -> usize {
        // A datagram names its device itself, and comes whole.
        self.decoder.frame_bytes_max(self.datagram || self.known.is_some())
    }

    /// Takes what whole frames `bytes` holds.
    pub fn receive(&mut self, bytes: &mut BytesMut, outside: &Outside<'_>) -> Step {
        let mut step = Step::default();
        let (mut messages, mut replies) = (Vec::new(), Replies::new());
        while step.close.is_none() && step.batch.bytes_len() < Self::STEP_BYTES_MAX {
            let known = self.known().cloned();
            let settings = settings_of(known.as_ref());
            let environment = environment(outside, known.as_ref(), &settings, self.datagram);
            match self.decoder.decode(bytes, &environment, &mut messages, &mut replies) {
                Ok(Progress::Frame) => self.take(&mut messages, &mut replies, outside, &mut step),
                Ok(Progress::NeedMore) => {
                    if bytes.len() >= self.frame_bytes_max() {
                        self.refuse(DecodeError::fatal("frame too long"), &mut step);
                    }
                    break;
                }
                Err(error) => {
                    messages.clear();
                    // What the protocol answers to a bad frame leaves at once; it promises nothing.
                    self.answer(&mut replies, true, &mut step);
                    self.refuse(error, &mut step);
                }
            }
            if self.datagram && bytes.is_empty() {
                break;
            }
        }
        step
    }

    /// Takes a request or a publication.
    pub fn accept(&mut self, input: &Input<'_>, outside: &Outside<'_>) -> Step {
        let mut step = Step::default();
        let (mut messages, mut replies) = (Vec::new(), Replies::new());
        let environment = environment(outside, None, &[], self.datagram);
        match self.decoder.accept(input, &environment, &mut messages, &mut replies) {
            Ok(()) => self.take(&mut messages, &mut replies, outside, &mut step),
            Err(error) => {
                self.answer(&mut replies, true, &mut step);
                self.refuse(error, &mut step);
            }
        }
        step
    }

    /// What is written when the connection has ended.
    #[must_use]
    pub fn ended(&self, now: Micros) -> Batch {
        let mut batch = Batch::new();
        if let (Some((_, known)), Some(connection)) = (&self.known, self.connection) {
            batch.push(&NewEntry::SessionClosed {
                device: known.device,
                account: known.account,
                generation: known.generation,
                connection,
                received_at: now,
            });
        }
        batch
    }

    /// The bytes of a command for the device, and how its answer will be known.
    ///
    /// # Errors
    /// The protocol cannot say it, or nobody is known yet.
    pub fn command(&mut self, command: &Command, outside: &Outside<'_>) -> Result<(Vec<u8>, Expect), CannotSay> {
        let Some((identifier, known)) = self.known.clone() else { return Err(CannotSay::Unsupported) };
        let settings = settings_of(Some(&known));
        let env = environment(outside, Some(&known), &settings, self.datagram);
        let to = Addressee { identifier: &identifier, password: known.settings.command_password.as_deref(), env };
        let mut bytes = Vec::new();
        let expect = self.decoder.command(command, &to, &mut bytes)?;
        Ok((bytes, expect))
    }

    fn refuse(&mut self, error: DecodeError, step: &mut Step) {
        metrics::counter!(telemetry::FRAMES_BAD, "protocol" => self.protocol.name(), "reason" => error.what).increment(1);
        tracing::debug!(protocol = self.protocol.name(), reason = error.what, "bad frame");
        step.error = Some(error.what);
        self.bad_frames = self.bad_frames.saturating_add(1);
        if !error.resynchronized {
            step.close = Some(Close::Framing(error.what));
        } else if self.bad_frames > self.bad_frames_max {
            step.close = Some(Close::TooManyBadFrames);
        }
    }

    /// Notes who is meant. `false`: nobody registered him.
    fn identify(&mut self, identifier: Option<Identifier>, outside: &Outside<'_>, step: &mut Step) -> bool {
        let Some(identifier) = identifier else { return self.known.is_some() };
        if self.known.as_ref().is_some_and(|(before, _)| *before == identifier) {
            return true;
        }
        let Some(known) = outside.devices.find(identifier.as_str()) else {
            metrics::counter!(telemetry::UNKNOWN_DEVICE, "protocol" => self.protocol.name()).increment(1);
            step.unknown = Some(identifier);
            return false;
        };
        if let Some(connection) = self.connection {
            self.open_session(&known, connection, outside, step);
        }
        self.known = Some((identifier, known));
        true
    }

    fn open_session(&self, known: &Known, connection: u64, outside: &Outside<'_>, step: &mut Step) {
        let Known { device, account, generation, model: _, settings: _ } = *known;
        let received_at = outside.now;
        if let Some((_, before)) = &self.known {
            let Known { device, account, generation, model: _, settings: _ } = *before;
            step.batch.push(&NewEntry::SessionClosed { device, account, generation, connection, received_at });
        }
        let taken_over = outside.claims.claim(device, connection);
        let protocol = self.protocol.number();
        step.batch.push(&NewEntry::SessionOpened { device, account, generation, connection, protocol, received_at });
        if taken_over {
            step.batch.push(&NewEntry::Conflict { device, account, generation, received_at });
        }
    }
}

fn settings_of(known: Option<&Known>) -> Vec<(&str, &str)> {
    let settings = known.into_iter().flat_map(|known| &known.settings.decoder);
    settings.map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn environment<'a>(outside: &Outside<'_>, known: Option<&'a Known>, settings: &'a [(&'a str, &'a str)], datagram: bool) -> Environment<'a> {
    let model = known.map(|known| &*known.model).filter(|model| !model.is_empty());
    Environment { now: outside.now, model, options: Options { ignore_checksum: false, settings }, datagram }
}

fn identifier_of(message: &Message) -> Option<Identifier> {
    match message {
        Message::Login { identifier, .. } => Some(*identifier),
        Message::Record { identifier, .. }
        | Message::Heartbeat { identifier, .. }
        | Message::CommandAnswer { identifier, .. }
        | Message::Undecoded { identifier, .. } => *identifier,
    }
}

#[cfg(test)]
mod tests;
