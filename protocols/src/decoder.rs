//! What a protocol is to the rest: a decoder and an encoder.

use crate::{Addressee, CannotSay, Command, Expect, Identifier, Message, Micros, Record, wire};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::BytesMut;
use core::fmt;
use smallvec::SmallVec;

/// What a decoder may know of the outside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Environment<'a> {
    /// The time now, for formats without a year or day and for replies that carry the time.
    pub now: Micros,
    /// The device's model, where known: some protocols change their layout by model.
    pub model: Option<&'a str>,
    /// Settings of the protocol.
    pub options: Options<'a>,
    /// Whether the bytes come as datagrams (each `decode` call is one whole packet).
    pub datagram: bool,
}

/// Per-protocol settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    /// For recordings only: a frame whose checksum (or length) does not fit is read all the same, and its records are marked with the
    /// attribute `checksum_ignored`. The gateway never sets it.
    pub ignore_checksum: bool,
    /// What the owner set for this device, as name and value: layouts that a device is configured to and does not tell. Each protocol's
    /// head says which names it knows. At most a handful: they are searched one by one.
    pub settings: &'a [(&'a str, &'a str)],
}

impl<'a> Options<'a> {
    /// The name of a setting as we spell it, `long_date`, from how others do: `longDate`, `atrack.longDate`.
    #[must_use]
    pub fn setting_name(spelled: &str) -> String {
        let name = spelled.rsplit('.').next().unwrap_or(spelled);
        let mut ours = String::with_capacity(name.len());
        for c in name.chars() {
            if c.is_ascii_uppercase() {
                ours.push('_');
            }
            ours.push(c.to_ascii_lowercase());
        }
        ours
    }

    /// The text of a setting.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.settings.iter().find(|(n, _)| *n == name).map(|(_, value)| *value)
    }

    /// Whether a setting says `true`.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// The whole number of a setting.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }
}

/// What a `decode` call got through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// One frame was taken from the buffer; call again, there may be more.
    Frame,
    /// The buffer holds no whole frame; nothing was lost.
    NeedMore,
}

/// Why a frame is refused. After an error the stream position is lost unless `resynchronized` is set: the session counts
/// the error and closes a stream, and only drops the packet of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong, in a few fixed words (a metric label and what `decode` prints).
    pub what: &'static str,
    /// The bad frame's bytes were consumed and the buffer stands at the next frame: the stream may go on.
    pub resynchronized: bool,
}

impl DecodeError {
    /// A frame that was consumed whole; the stream goes on behind it.
    #[must_use]
    pub const fn skipped(what: &'static str) -> Self {
        Self { what, resynchronized: true }
    }

    /// The stream's framing is lost.
    #[must_use]
    pub const fn fatal(what: &'static str) -> Self {
        Self { what, resynchronized: false }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl core::error::Error for DecodeError {}

/// When a reply may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// At once: it promises nothing (a time answer, a keep-alive before login).
    Now,
    /// When the session knows the device. Otherwise `refused` of the reply leaves, if there is one.
    Identified,
    /// When the session knows the device and every record of this call is durable (P7).
    Durable,
}

/// The bytes of a reply. Most replies are short, and stand in it without an allocation.
pub type ReplyBytes = SmallVec<[u8; 16]>;

/// The body of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyBody {
    /// Bytes for the stream or one datagram.
    Bytes(ReplyBytes),
    /// An HTTP answer.
    Http {
        /// Status code.
        status: u16,
        /// Body (JSON for OwnTracks), often empty.
        body: &'static [u8],
    },
}

/// An answer to the tracker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What is sent.
    pub body: ReplyBody,
    /// When.
    pub release: Release,
    /// What is sent instead if the device is unknown or refused (`None`: nothing).
    pub refused: Option<ReplyBody>,
}

/// The replies of a call, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replies(Vec<Reply>);

impl Replies {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds bytes with nothing to send on refusal.
    pub fn bytes(&mut self, release: Release, bytes: Vec<u8>) {
        self.push(Reply { body: ReplyBody::Bytes(bytes.into()), release, refused: None });
    }

    /// The same, copied.
    pub fn copied(&mut self, release: Release, bytes: &[u8]) {
        self.push(Reply { body: ReplyBody::Bytes(ReplyBytes::from_slice(bytes)), release, refused: None });
    }

    /// The same of a short reply of known length. More than 16 bytes are no short reply.
    #[inline(always)]
    pub fn short<const N: usize>(&mut self, release: Release, bytes: [u8; N]) {
        self.word::<N>(release, low_word(bytes));
    }

    /// As [`Self::short`], part of its caller: for what is answered to nearly every record.
    #[inline(always)]
    pub(crate) fn short_here<const N: usize>(&mut self, release: Release, bytes: [u8; N]) {
        self.word_here::<N>(release, low_word(bytes));
    }

    #[inline(never)]
    fn word<const N: usize>(&mut self, release: Release, word: u128) {
        self.word_here::<N>(release, word);
    }

    #[inline(always)]
    fn word_here<const N: usize>(&mut self, release: Release, word: u128) {
        if self.0.len() == self.0.capacity() {
            return self.word_beyond::<N>(release, word);
        }
        self.0.extend(core::iter::once_with(|| short_reply::<N>(release, word)));
    }

    /// Where the list has to grow first: apart, so that nothing is saved for that where it has not.
    #[cold]
    #[inline(never)]
    fn word_beyond<const N: usize>(&mut self, release: Release, word: u128) {
        self.0.push(short_reply::<N>(release, word));
    }

    /// Adds a reply.
    pub fn push(&mut self, reply: Reply) {
        self.0.push(reply);
    }

    /// The same of one that is made in its place: it is not put together elsewhere and copied.
    #[inline(always)]
    pub(crate) fn push_made(&mut self, make: impl FnOnce() -> Reply) {
        self.0.extend(core::iter::once_with(make));
    }

    /// The replies so far.
    #[must_use]
    pub fn as_slice(&self) -> &[Reply] {
        &self.0
    }

    /// Takes all replies out, keeping the buffer.
    pub fn drain(&mut self) -> alloc::vec::Drain<'_, Reply> {
        self.0.drain(..)
    }
}

/// Bytes as the low ones of a word, lowest first. A short reply comes in registers and is stored where it stays: bytes that are stored in
/// pieces and then copied as a whole have to wait for the stores.
#[inline(always)]
fn low_word<const N: usize>(bytes: [u8; N]) -> u128 {
    const { assert!(N <= 16, "no short reply") }
    bytes.iter().rev().fold(0, |word, byte| (word << 8) | u128::from(*byte))
}

#[inline(always)]
fn short_reply<const N: usize>(release: Release, word: u128) -> Reply {
    Reply { body: ReplyBody::Bytes(ReplyBytes::from_buf_and_len(word.to_le_bytes(), N)), release, refused: None }
}

/// An HTTP request as a protocol sees it.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Path and query.
    pub uri: &'a str,
    /// Header names (any case) and values.
    pub headers: &'a [(&'a str, &'a str)],
    /// Body.
    pub body: &'a [u8],
}

impl HttpRequest<'_> {
    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| wire::is_alike(n.as_bytes(), name.as_bytes())).map(|(_, v)| *v)
    }
}

/// An MQTT publication as a protocol sees it.
#[derive(Clone, Copy, Debug)]
pub struct MqttPublish<'a> {
    /// Topic name.
    pub topic: &'a str,
    /// Payload.
    pub payload: &'a [u8],
}

/// A whole unit that is not part of a byte stream.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// An HTTP request.
    Http(HttpRequest<'a>),
    /// An MQTT publication.
    Mqtt(MqttPublish<'a>),
}

/// One connection's (or one datagram's, or one request's) decoder.
pub trait Decoder: Send {
    /// Takes at most one frame from `bytes`. "Need more" is not an error and consumes nothing but noise before a frame.
    /// For a datagram (`env.datagram`), `bytes` is one packet.
    ///
    /// # Errors
    /// The frame is broken: see [`DecodeError`]. Messages already pushed for the frame are to be dropped by the decoder itself.
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError>;

    /// Takes a request or a publication, for protocols that ride on HTTP or MQTT.
    ///
    /// # Errors
    /// As [`Decoder::decode`]; also for a protocol that has no such form.
    fn accept(
        &mut self,
        input: &Input<'_>,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<(), DecodeError> {
        let _ = (input, env, out, replies);
        Err(DecodeError::skipped("the protocol has no HTTP or MQTT form"))
    }

    /// Writes what the server sends for a command, and says how its answer will be known. What the connection has said before (its
    /// dialect, its serial numbers) is used.
    ///
    /// # Errors
    /// The protocol cannot say it; nothing is written then.
    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let _ = (command, to, out);
        Err(CannotSay::Unsupported)
    }

    /// The largest frame taken, before and after the device is known. The buffer never needs to hold more.
    fn frame_bytes_max(&self, identified: bool) -> usize;
}

/// The tracker's side: for the simulator, the tests and forwarding. One encoder a connection (it counts serial numbers).
pub trait Encoder: Send {
    /// What a tracker sends first on a stream (empty: nothing).
    fn login(&mut self, identifier: &Identifier, out: &mut Vec<u8>);

    /// Encodes the first records of `records` that fit one frame and returns how many (0 only for an empty slice). On HTTP
    /// it is one whole request, on MQTT the payload.
    fn records(&mut self, identifier: &Identifier, records: &[Record], out: &mut Vec<u8>) -> usize;

    /// A heartbeat (empty: the protocol has none).
    fn heartbeat(&mut self, identifier: &Identifier, out: &mut Vec<u8>);

    /// Reads the server's answers in `bytes`, consumes them, and says how many `records` calls they acknowledge. A login
    /// answer counts as none. A refusal is an error.
    ///
    /// # Errors
    /// The server refused.
    fn acknowledged(&mut self, bytes: &mut BytesMut) -> Result<usize, DecodeError>;

    /// A record as it comes back after the wire: rounded to what the format can carry, without what it has no field for.
    fn representable(&self, record: &Record) -> Record;

    /// The topic for MQTT (`None`: not an MQTT protocol).
    fn topic(&self, identifier: &Identifier) -> Option<String> {
        let _ = identifier;
        None
    }
}
