//! Teltonika: codec 8, 8 extended and 16 over TCP and the UDP channel, codec 12, 13 and 14 from the device, GH codec 7.
//!
//! Source: Teltonika Telematics Wiki, "Teltonika Data Sending Protocols" (codecs, TCP and UDP channel), "FMB AVL ID" (elements).
//! All numbers are big endian.
//!
//! ```text
//! stream   = *ping login *( ping / frame )
//! ping     = FF
//! login    = length u16, IMEI as text                      ; answer: 01 accepted, 00 refused
//! frame    = 00000000, length u32, data, checksum u32      ; CRC-16/ARC over data
//! data     = codec u8, count u8, body, count u8            ; both counts are equal
//! datagram = length u16, packet u16, 01, AVL packet u8, IMEI length u16, IMEI, data
//! ```
//!
//! Records are answered with their count (u32) on a stream and with `0005, packet, 01, AVL packet, count u8` on the UDP channel.
//! A frame whose checksum does not fit is not answered: the device keeps its records until a count comes back, and sends them again.

mod commands;
mod elements;
mod encoder;
mod records;
mod tags;

pub use encoder::TeltonikaEncoder;

use crate::wire::{Cursor, crc16_arc};
use crate::{
    About, Addressee, CannotSay, Checksum, Command, DecodeError, Decoder, Environment, Expect, Identifier, Message, Name, Progress,
    Release, Replies, Reply, ReplyBody, Transport, Value,
};
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use smallvec::smallvec;

/// What `teltonika` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "teltonika",
    default_port: 5027,
    transports: &[Transport::Tcp, Transport::Udp],
    acknowledges: &[Transport::Tcp, Transport::Udp],
    checksum: Checksum::Crc,
    carries_no_fix: true,
    settings: &["extended"],
};

/// The largest frame: vendor packets end at 1,280 bytes, pictures and answers to commands at some thousand.
const FRAME_BYTES_MAX: usize = 16_384;
/// The largest first frame on a stream: a login, and a little room.
const LOGIN_BYTES_MAX: usize = 64;
const PING: u8 = 0xFF;
/// Preamble and length.
const HEADER_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 4;

/// Decoder of one connection or datagram. The protocol needs no memory between two frames.
#[derive(Debug, Default)]
pub struct TeltonikaDecoder;

impl Decoder for TeltonikaDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let pings = bytes.iter().take_while(|byte| **byte == PING).count();
        bytes.advance(pings);
        if bytes.is_empty() {
            return Ok(Progress::NeedMore);
        }
        if env.datagram {
            let outcome = datagram(bytes, env, out, replies);
            bytes.clear();
            return outcome.map(|()| Progress::Frame);
        }
        match Cursor::new(bytes).be_u16() {
            None => Ok(Progress::NeedMore),
            Some(0) => frame(bytes, env, out, replies),
            Some(length) => login(usize::from(length), bytes, out, replies),
        }
    }

    fn command(&mut self, command: &Command, _: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        commands::write(command, out)
    }

    fn frame_bytes_max(&self, identified: bool) -> usize {
        if identified { FRAME_BYTES_MAX } else { LOGIN_BYTES_MAX }
    }
}

fn login(length: usize, bytes: &mut BytesMut, out: &mut Vec<Message>, replies: &mut Replies) -> Result<Progress, DecodeError> {
    if length > Identifier::BYTES_MAX {
        return Err(DecodeError::fatal("login is too long"));
    }
    let Some(text) = bytes.get(2..length.saturating_add(2)) else {
        return Ok(Progress::NeedMore);
    };
    let identifier = identifier(text).ok_or(DecodeError::fatal("login is no text"))?;
    bytes.advance(length.saturating_add(2));
    out.push(Message::Login { identifier, password: None });
    replies.push(Reply {
        body: ReplyBody::Bytes(smallvec![1]),
        release: Release::Identified,
        refused: Some(ReplyBody::Bytes(smallvec![0])),
    });
    Ok(Progress::Frame)
}

fn identifier(text: &[u8]) -> Option<Identifier> {
    core::str::from_utf8(text).ok().and_then(Identifier::new)
}

fn frame(bytes: &mut BytesMut, env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<Progress, DecodeError> {
    let mut cursor = Cursor::new(bytes);
    match cursor.be_u32() {
        None => return Ok(Progress::NeedMore),
        Some(0) => {}
        Some(_) => return Err(DecodeError::fatal("preamble is not zero")),
    }
    let Some(length) = cursor.be_u32() else {
        return Ok(Progress::NeedMore);
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let total = length.saturating_add(HEADER_BYTES.saturating_add(CHECKSUM_BYTES));
    if total > FRAME_BYTES_MAX {
        return Err(DecodeError::fatal("frame is too long"));
    }
    let (Some(data), Some(checksum)) = (cursor.take(length), cursor.be_u32()) else {
        return if env.options.ignore_checksum { Ok(spoilt_length(bytes, env, out, replies)) } else { Ok(Progress::NeedMore) };
    };
    let intact = u32::from(crc16_arc(data)) == checksum;
    if !intact && !env.options.ignore_checksum {
        bytes.advance(total);
        return Err(DecodeError::skipped("checksum"));
    }
    let before = out.len();
    let outcome = stream_data(data, env, out, replies);
    bytes.advance(total);
    outcome?;
    if !intact {
        mark_unchecked(out.get_mut(before..).unwrap_or_default());
    }
    Ok(Progress::Frame)
}

/// For recordings only: the whole buffer is a frame if its records end where they must, whatever its length says.
fn spoilt_length(bytes: &mut BytesMut, env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Progress {
    let end = bytes.len().saturating_sub(CHECKSUM_BYTES);
    let data = bytes.get(HEADER_BYTES..end).and_then(Data::split).filter(|data| data.counts_agree && !commands::is_command(data.codec));
    let before = out.len();
    let Some(Data { codec, count, body, .. }) = data else { return Progress::NeedMore };
    if records::read(codec, count, body, None, env, out).is_some() {
        out.truncate(before);
        return Progress::NeedMore;
    }
    bytes.clear();
    mark_unchecked(out.get_mut(before..).unwrap_or_default());
    replies.short(Release::Durable, u32::from(count).to_be_bytes());
    Progress::Frame
}

/// The data of an intact frame: what is not understood is kept raw, and the whole frame is acknowledged.
fn stream_data(data: &[u8], env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
    let Some(Data { codec, count, body, counts_agree }) = Data::split(data) else {
        return Err(DecodeError::skipped("frame is too short"));
    };
    if commands::is_command(codec) {
        commands::read(codec, body, None, out, replies);
        return Ok(());
    }
    let undecoded = if !records::is_known(codec) {
        Some(records::Rest { reason: "unknown codec", raw: data })
    } else if !counts_agree {
        Some(records::Rest { reason: "record counts differ", raw: data })
    } else {
        records::read(codec, count, body, None, env, out)
    };
    if let Some(records::Rest { reason, raw }) = undecoded {
        out.push(Message::Undecoded { identifier: None, reason, raw: raw.to_vec() });
    }
    replies.short(Release::Durable, u32::from(count).to_be_bytes());
    Ok(())
}

/// A packet of the UDP channel. It carries no checksum, so that a packet which does not fit its own lengths is not believed.
fn datagram(bytes: &[u8], env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
    const BROKEN: DecodeError = DecodeError::skipped("packet header");
    let mut cursor = Cursor::new(bytes);
    let length = cursor.be_u16().ok_or(BROKEN)?;
    if usize::from(length) != cursor.rest().len() {
        return Err(DecodeError::skipped("packet length"));
    }
    let packet: [u8; 2] = cursor.array().ok_or(BROKEN)?;
    let _unused = cursor.u8().ok_or(BROKEN)?;
    let avl_packet = cursor.u8().ok_or(BROKEN)?;
    let imei_length = cursor.be_u16().ok_or(BROKEN)?;
    let imei = cursor.take(usize::from(imei_length)).and_then(identifier).ok_or(BROKEN)?;
    let data = Data::split(cursor.rest()).ok_or(BROKEN)?;
    if commands::is_command(data.codec) {
        commands::read(data.codec, data.body, Some(imei), out, replies);
        return Ok(());
    }
    if !data.counts_agree {
        return Err(DecodeError::skipped("record counts differ"));
    }
    let before = out.len();
    if let Some(rest) = records::read(data.codec, data.count, data.body, Some(imei), env, out) {
        out.truncate(before);
        return Err(DecodeError::skipped(rest.reason));
    }
    let [high, low] = packet;
    replies.short(Release::Durable, [0, 5, high, low, 1, avl_packet, data.count]);
    Ok(())
}

fn mark_unchecked(messages: &mut [Message]) {
    for message in messages {
        if let Message::Record { record, .. } = message {
            record.attributes.set(Name::ChecksumIgnored, Value::Bool(true));
        }
    }
}

/// The data of a frame or packet, taken apart.
struct Data<'a> {
    codec: u8,
    count: u8,
    body: &'a [u8],
    counts_agree: bool,
}

impl<'a> Data<'a> {
    fn split(data: &'a [u8]) -> Option<Self> {
        match data {
            [codec, count, body @ .., last] => Some(Self { codec: *codec, count: *count, body, counts_agree: count == last }),
            _ => None,
        }
    }
}

/// Puts preamble, length and checksum around data.
fn framed(data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(data);
    out.extend_from_slice(&u32::from(crc16_arc(data)).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::from_hex;

    #[test]
    fn a_login_waits_for_the_session_and_has_a_refusal() {
        let mut bytes = BytesMut::from(&from_hex("000f333536333037303432343431303133").expect("digits")[..]);
        let (mut out, mut replies) = (Vec::new(), Replies::new());
        assert_eq!(TeltonikaDecoder.decode(&mut bytes, &Environment::default(), &mut out, &mut replies), Ok(Progress::Frame));
        let [reply] = replies.as_slice() else { panic!("one reply") };
        assert_eq!((&reply.body, reply.release), (&ReplyBody::Bytes(smallvec![1]), Release::Identified));
        assert_eq!(reply.refused, Some(ReplyBody::Bytes(smallvec![0])));
    }

    #[test]
    fn records_are_acknowledged_when_they_are_durable() {
        let frame = "000000000000003608010000016b40d8ea3001000000000000000000000000000000\
                     0105021503010101425e0f01f10000601a014e0000000000000000010000c7cf";
        let mut bytes = BytesMut::from(&from_hex(frame).expect("digits")[..]);
        let (mut out, mut replies) = (Vec::new(), Replies::new());
        assert_eq!(TeltonikaDecoder.decode(&mut bytes, &Environment::default(), &mut out, &mut replies), Ok(Progress::Frame));
        assert!(matches!(out.as_slice(), [Message::Record { identifier: None, .. }]));
        assert!(matches!(replies.as_slice(), [reply] if reply.release == Release::Durable && reply.refused.is_none()));
    }
}
