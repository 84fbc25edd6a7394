#![no_std]
//! Tracker protocols, sans-IO: bytes to messages and back.
//!
//! A decoder knows one connection's bytes and nothing else: no socket, no clock, no user, no device id. What it needs of
//! the outside (the time now, the device's model, options) comes in as [`Environment`]; what it found goes out as
//! [`Message`]s and [`Reply`]s. Whether a reply may leave, and when, is the session's business (see [`Release`]).

extern crate alloc;

mod attributes;
mod carry;
mod command;
mod coordinates;
mod decoder;
mod draft;
mod http;
mod json;
mod message;
mod recognise;
#[macro_use]
mod registry;
mod steps;
mod time;
mod words;

pub mod wire;

use attributes::Packed;
pub use attributes::{Alarm, AttributeIter, Attributes, Key, Name, Value, ValueBuf};
pub use command::{Addressee, CannotSay, Command, Expect};
pub use coordinates::{Latitude, Longitude};
pub use decoder::{
    DecodeError, Decoder, Encoder, Environment, HttpRequest, Input, MqttPublish, Options, Progress, Release, Replies, Reply, ReplyBody,
    ReplyBytes,
};
pub use draft::{Draft, KNOT_KMH, MILE_KM};
pub use message::{Fix, Identifier, Message, Record};
pub use recognise::{RECOGNISE_BYTES_MAX, Recognised, recognise};
pub use registry::{About, Checksum, Transport};
pub use time::{Civil, MICROS_PER_SECOND, Micros, from_rfc3339, to_rfc3339, unix_seconds};

protocols! {
    ($)
    Teltonika = teltonika::{TeltonikaDecoder, TeltonikaEncoder};
    Gt06 = gt06::{Gt06Decoder, Gt06Encoder};
    H02 = h02::{H02Decoder, H02Encoder};
    Wialon = wialon::{WialonDecoder, WialonEncoder};
    OsmAnd = osmand::{OsmAndDecoder, OsmAndEncoder};
    OwnTracks = owntracks::{OwnTracksDecoder, OwnTracksEncoder};
    Watch = watch::{WatchDecoder, WatchEncoder};
    Castel = castel::{CastelDecoder, CastelEncoder};
    Ruptela = ruptela::{RuptelaDecoder, RuptelaEncoder};
    Galileosky = galileosky::{GalileoskyDecoder, GalileoskyEncoder};
    Navtelecom = navtelecom::{NavtelecomDecoder, NavtelecomEncoder};
    Arnavi = arnavi::{ArnaviDecoder, ArnaviEncoder};
    Eelink = eelink::{EelinkDecoder, EelinkEncoder};
    Meitrack = meitrack::{MeitrackDecoder, MeitrackEncoder};
    Jt808 = jt808::{Jt808Decoder, Jt808Encoder};
    Suntech = suntech::{SuntechDecoder, SuntechEncoder};
    Tk103 = tk103::{Tk103Decoder, Tk103Encoder};
    Coban = coban::{CobanDecoder, CobanEncoder};
    Xexun2 = xexun2::{Xexun2Decoder, Xexun2Encoder};
    Xexun = xexun::{XexunDecoder, XexunEncoder};
    MiniFinder2 = minifinder2::{MiniFinder2Decoder, MiniFinder2Encoder};
    Queclink = queclink::{QueclinkDecoder, QueclinkEncoder};
    Totem = totem::{TotemDecoder, TotemEncoder};
    CalAmp = calamp::{CalAmpDecoder, CalAmpEncoder};
    Egts = egts::{EgtsDecoder, EgtsEncoder};
    Ngp = ngp::{NgpDecoder, NgpEncoder};
    ATrack = atrack::{ATrackDecoder, ATrackEncoder};
}
