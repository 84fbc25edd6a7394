#![no_std]
//! Tracker protocols, sans-IO: bytes to messages and back.
//!
//! A decoder knows one connection's bytes and nothing else: no socket, no clock, no user, no device id. What it needs of
//! the outside (the time now, the device's model, options) comes in as [`Environment`]; what it found goes out as
//! [`Message`]s and [`Reply`]s. Whether a reply may leave, and when, is the session's business (see [`Release`]).

extern crate alloc;

mod attributes;
mod coordinates;
mod decoder;
mod http;
mod json;
mod message;
#[macro_use]
mod registry;
mod time;

pub mod wire;

pub use attributes::{Alarm, AttributeIter, Attributes, Key, Name, Value, ValueBuf};
pub use coordinates::{Latitude, Longitude};
pub use decoder::{
    DecodeError, Decoder, Encoder, Environment, HttpRequest, Input, MqttPublish, Options, Progress, Release, Replies, Reply, ReplyBody,
};
pub use message::{Fix, Identifier, Message, Record};
pub use registry::{Transport, Transports};
pub use time::{Civil, MICROS_PER_SECOND, Micros, from_rfc3339, to_rfc3339};

protocols! {
    Teltonika = teltonika, "teltonika", 5027, [Tcp, Udp], teltonika::TeltonikaDecoder, teltonika::TeltonikaEncoder;
    Gt06 = gt06, "gt06", 5023, [Tcp], gt06::Gt06Decoder, gt06::Gt06Encoder;
    H02 = h02, "h02", 5013, [Tcp, Udp], h02::H02Decoder, h02::H02Encoder;
    Wialon = wialon, "wialon", 5039, [Tcp, Udp], wialon::WialonDecoder, wialon::WialonEncoder;
    OsmAnd = osmand, "osmand", 5055, [Http], osmand::OsmAndDecoder, osmand::OsmAndEncoder;
    OwnTracks = owntracks, "owntracks", 1883, [Mqtt, Http], owntracks::OwnTracksDecoder, owntracks::OwnTracksEncoder;
}
