//! Queclink @Track: asset and vehicle trackers of the series GL, GV, GB, GMT and CV, in text and packed.
//!
//! ```text
//! message  = ( "+RESP" / "+BUFF" / "+ACK" ) ":GT" kind "," version "," IMEI "," name "," *( field "," ) sent "," count ( "$" / NUL )
//! kind     = three letters                                  ; "+BUFF" is sent from memory
//! place    = accuracy "," speed (km/h) "," course "," height (m) "," longitude "," latitude "," YYYYMMDDhhmmss
//!            "," [ MCC "," MNC "," LAC "," cell (hexadecimal) ] "," …         ; accuracy 0: the last known place
//! oldest   = head "," IMEI "," … ( 0 / 1 ) "," speed "," course "," height "," accuracy "," longitude … "," count "," version NUL
//!                                                           ; GL100 and GT300; 0 a fix, 1 the last known place
//! sent     = YYYYMMDDhhmmss                                 ; count is hexadecimal
//! answer   = "+SACK:" count "$"                             ; where the device is set to wait for it: setting `ack`
//!          / "+SACK:GTHBD," version "," count "$"           ; of a sign of life, always
//! command  = "AT+GT" word "=" password "," … "," serial "$"
//! packed   = "+RSP" / "+BSP" / "+EVT" / "+BVT" / "+INF" / "+BNF" / "+ACK" / "+HBD" / "+CRD" / "+BRD" / "+LGN" / "+CAN" / "+DAT"
//!          / "+ATI", then see `packed.rs`
//! second   = ( "+" / "-" ) ( 00 / 10 ), then see `pro.rs`
//! ```
//!
//! The fields before and behind a place differ from series to series and with the version; the place itself is always built like this,
//! and so are states, hours and networks. They are found by their form (`fields.rs`), so that a series that nobody wrote down is read too.
//!
//! Source: published parts of Queclink's "@Track Air Interface Protocol" of the GL100, GL200, GL300, GL500, GV200, GV65, GV300W, GV300CAN,
//! GV350M, GV500, GV310LAU, CV200, GMT100 and GB100.

mod can;
mod encoder;
mod extended;
mod fields;
mod head;
mod obd;
mod packed;
mod pro;
mod text;
mod usual;

pub use encoder::QueclinkEncoder;

use crate::steps::Steps;
use crate::wire::{find, find_far};
use crate::{
    About, Addressee, CannotSay, Checksum, Command, DecodeError, Decoder, Environment, Expect, Message, Progress, Replies, Transport,
};
use alloc::format;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use core::ops::Range;

/// What `queclink` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "queclink",
    default_port: 5004,
    transports: &[Transport::Tcp, Transport::Udp],
    // Only where the device is set to wait for answers.
    acknowledges: &[],
    checksum: Checksum::None,
    carries_no_fix: true,
    settings: &["ack"],
};

/// The longest message: fifteen places with cells, or a packed track.
const FRAME_BYTES_MAX: usize = 8 * 1_024;
/// Of a packed message it is told this far from its beginning.
const PACKED_HEAD_BYTES: usize = 11;

/// Decoder.
#[derive(Debug, Default)]
pub struct QueclinkDecoder {
    heard: bool,
    /// A frame whose records are being told.
    open: Option<Steps<Open>>,
}

/// A frame that has many records.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one a connection, and it stands in the decoder")]
enum Open {
    Track(packed::Track),
    Pro(pro::Report),
}

/// What stands at the beginning of a buffer.
enum Cut {
    NeedMore,
    Text(usize),
    Packed(usize),
    TooLong,
}

impl Decoder for QueclinkDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        if let Some(open) = self.open.take() {
            self.go_on(open, bytes, out, replies);
            return Ok(Progress::Frame);
        }
        let between = bytes.iter().take_while(|byte| matches!(byte, b'$' | 0 | b'\r' | b'\n' | b' ')).count();
        bytes.advance(between);
        if bytes.first().is_some_and(|first| *first != b'+') && !pro::begins(bytes) {
            let noise = find(bytes, b'+').unwrap_or(bytes.len());
            bytes.advance(noise);
            return Err(if self.heard || env.datagram { DecodeError::skipped("noise") } else { DecodeError::fatal("not a message") });
        }
        let result = match cut(bytes, env.datagram) {
            Cut::NeedMore => return Ok(Progress::NeedMore),
            Cut::TooLong => return Err(DecodeError::fatal("frame too long")),
            Cut::Text(total) => {
                // Read where it stands: a frame of its own is one more owner of the buffer.
                let result = match core::str::from_utf8(bytes.get(..total).unwrap_or_default()) {
                    Ok(line) => text::read(line.trim_end_matches(['$', '\0', '\r', '\n']), env, out, replies),
                    Err(_) => Err(DecodeError::skipped("no text")),
                };
                bytes.advance(total);
                result
            }
            Cut::Packed(total) if pro::begins(bytes) => {
                let read = pro::read(bytes.get(..total).unwrap_or_default(), env, out, replies);
                self.records(read.map(|report| report.map(|(report, place)| (Open::Pro(report), place))), total, bytes, out, replies)
            }
            Cut::Packed(total) => {
                let read = packed::read(bytes.get(..total).unwrap_or_default(), env.options.ignore_checksum, out);
                self.records(read.map(|track| track.map(|(track, place)| (Open::Track(track), place))), total, bytes, out, replies)
            }
        };
        self.heard |= result.is_ok();
        result.map(|()| Progress::Frame)
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let password = to.password.unwrap_or_default();
        if password.contains([',', '$', '=']) || password.chars().any(char::is_control) {
            return Err(CannotSay::Value("password: no commas, dollars, equal signs and control characters"));
        }
        let words = match command {
            Command::Raw { text } if text.chars().any(char::is_control) => return Err(CannotSay::Value("text: no control characters")),
            Command::Raw { text } => text.clone(),
            Command::Locate => format!("AT+GTRTO={password},1,,,,,,FFFF$"),
            Command::Status => format!("AT+GTRTO={password},9,,,,,,FFFF$"),
            Command::FactoryReset => format!("AT+GTRTO={password},4,,,,,,FFFF$"),
            Command::PowerOff => format!("AT+GTRTO={password},5,,,,,,FFFF$"),
            Command::Reboot => format!("AT+GTRTO={password},3,,,,,,FFFF$"),
            Command::Identification | Command::Version => format!("AT+GTRTO={password},8,,,,,,FFFF$"),
            Command::EngineStop => format!("AT+GTOUT={password},1,,,0,0,0,0,0,0,0,,,,,,,FFFF$"),
            Command::EngineResume => format!("AT+GTOUT={password},0,,,0,0,0,0,0,0,0,,,,,,,FFFF$"),
            _ => return Err(CannotSay::Unsupported),
        };
        out.extend_from_slice(words.as_bytes());
        Ok(Expect::Next)
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

impl QueclinkDecoder {
    /// Takes a frame from the buffer. Its records, where some are still to be told, stand at that place.
    fn records(
        &mut self,
        read: Result<Option<(Open, Range<usize>)>, DecodeError>,
        total: usize,
        bytes: &mut BytesMut,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<(), DecodeError> {
        let Ok(Some((open, place))) = read else {
            bytes.advance(total);
            return read.map(drop);
        };
        bytes.advance(place.start);
        self.go_on(Steps::new(open, place.len(), total.saturating_sub(place.end)), bytes, out, replies);
        Ok(())
    }

    fn go_on(&mut self, mut open: Steps<Open>, bytes: &mut BytesMut, out: &mut Vec<Message>, replies: &mut Replies) {
        let is_over = open.step(bytes, |open, body| match open {
            Open::Track(track) => track.next(body, out),
            Open::Pro(report) => report.next(body, out),
        });
        match &open.frame {
            Open::Pro(report) if is_over => report.answer(replies),
            _ => {}
        }
        if !is_over {
            self.open = Some(open);
        }
    }
}

/// Where the length of a packed message stands, and how many bytes it has. `None`: it is text.
fn length_place(bytes: &[u8]) -> Option<(usize, usize)> {
    Some(match bytes {
        [_, 0, ..] => (2, 2),
        [_, 0x10, ..] => (2, 1),
        [b'+', b'A', b'C', b'K', b':', ..] => return None,
        [b'+', b'A', b'C', b'K', ..] => (6, 1),
        [b'+', b'H', b'B', b'D', ..] => (5, 1),
        [b'+', b'I' | b'B', b'N', b'F', ..] => (packed::information_length_place(bytes), 2),
        [b'+', b'A', b'T', b'I', ..] => (4, 1),
        [b'+', b'C', b'A', b'N', ..] | [b'+', b'D', b'A', b'T', ..] => (9, 2),
        [b'+', b'C' | b'B', b'R', b'D', ..] | [b'+', b'L', b'G', b'N', ..] => (6, 2),
        [b'+', b'R' | b'B', b'S', b'P', ..] | [b'+', b'E' | b'B', b'V', b'T', ..] => (9, 2),
        _ => return None,
    })
}

fn cut(bytes: &[u8], datagram: bool) -> Cut {
    // "+ACK" and what follows tell text from packed.
    if bytes.len() < 5 {
        return if datagram && !bytes.is_empty() { Cut::Text(bytes.len()) } else { Cut::NeedMore };
    }
    if let Some((place, width)) = length_place(bytes) {
        let Some(length) = bytes.get(place..place.saturating_add(width)) else {
            return if datagram { Cut::Packed(bytes.len()) } else { Cut::NeedMore };
        };
        let total = length.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte)).max(PACKED_HEAD_BYTES);
        return match total {
            total if total > FRAME_BYTES_MAX => Cut::TooLong,
            total if total <= bytes.len() => Cut::Packed(total),
            _ if datagram => Cut::Packed(bytes.len()),
            _ => Cut::NeedMore,
        };
    }
    let window = bytes.get(..FRAME_BYTES_MAX).unwrap_or(bytes);
    match find_far(window, [b'$', 0]) {
        Some(end) => Cut::Text(end.saturating_add(1)),
        None if bytes.len() >= FRAME_BYTES_MAX => Cut::TooLong,
        None if datagram => Cut::Text(bytes.len()),
        None => Cut::NeedMore,
    }
}

#[cfg(test)]
mod tests;
