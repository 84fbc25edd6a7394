//! H02, the protocol of many small vehicle trackers (SinoTrack, LK and their copies), in text and in a packed form, over TCP and UDP.
//!
//! ```text
//! text    = "*" maker "," identifier "," word *("," field) "#"                   ; line ends between frames are skipped
//! V1      = time "," A/V "," latitude "," N/S "," longitude "," E/W "," knots "," course "," date ["," status *("," field)]
//! V4      = command ["," result] *("," field) ["," time "," …as V1]              ; confirms a command; result is OK, DONE, ERROR or two
//!                                                                                ; hexadecimal digits, of which 80 and more say "done"
//! ALRM    = kind "," …as V1 / kind "," time                                      ; kind: 1 SOS, 2 battery low, 3 fence
//! NBR     = time "," mcc "," mnc "," delay "," count *("," lac "," cell "," signal) "," date "," status
//! V3      = time "," mcc-and-mnc "," count *("," lac "," cell "," signal "," …) "," battery "," … "," date "," status
//! LINK    = time "," signal "," satellites "," battery "," steps "," turns "," date "," status
//! VP1     = A/B "," …as V1 without a time ["," status "," battery] / "V," mcc "," mnc "," lac "," cell "," signal *("Y" …)
//! XT      =                                                                      ; a sign of life, as HTBT
//! packed  = "$" identifier 5 time 3 date 3 latitude 4 battery u8 longitude 5 speed and course 3 status 4 tail     ; decimals packed
//! answer  = "*HQ," identifier ",V4," word "," YYYYMMDDhhmmss "#"                 ; to V1, NBR and LINK
//! ```
//!
//! Behind the status of V1 may stand a cell, or battery "," count "," mcc "," mnc *("," lac "," cell). Latitude is `DDMM.MMMM`,
//! longitude `DDDMM.MMMM`; time is `hhmmss`, date `DDMMYY`, UTC. A bit of the status that is 0 is in force. The packed form is 32 or 45
//! bytes long (or 42 with an identifier of 8 bytes); the lower half of the longitude's last byte says valid (2), north (4), east (8).
//!
//! Sources: "Protocol" of the maker TH (GPRS command structure, V1 and V4), "Communication Protocol V1.0.3" (H02), LK "GPRS Data
//! Protocol", the manual of the ST-901 and its kin ("Protocol"), "GPS Tracker Communication Protocol V1.0.5".

mod command;
mod encoder;
mod line;
mod packed;
mod report;

pub use encoder::H02Encoder;

use crate::wire::find_far;
use crate::{
    About, Addressee, CannotSay, Checksum, Command, DecodeError, Decoder, Environment, Expect, Message, Progress, Replies, Transport,
};
use alloc::vec::Vec;
use bytes::{Buf as _, BytesMut};

/// What `h02` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "h02",
    default_port: 5013,
    transports: &[Transport::Tcp, Transport::Udp],
    acknowledges: &[Transport::Tcp, Transport::Udp],
    checksum: Checksum::None,
    carries_no_fix: true,
    settings: &[],
};

/// The longest frame.
const FRAME_BYTES_MAX: usize = 1_024;

/// Decoder.
#[derive(Debug, Default)]
pub struct H02Decoder {
    /// A frame came: noise from now on is skipped.
    heard: bool,
    /// The packed frame before may have a tail that has not come yet.
    tail: bool,
    /// The letters of the maker in the last line.
    maker: Option<[u8; 2]>,
}

impl Decoder for H02Decoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        self.tail &= !matches!(bytes.first(), Some(b'\r' | b'\n'));
        let blank = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n' | b' ')).count();
        if blank > 0 && !self.tail {
            bytes.advance(blank);
        }
        match bytes.first() {
            None => Ok(Progress::NeedMore),
            Some(b'*') => self.line(bytes, env, out, replies),
            Some(b'$' | b'X') => self.packed(bytes, env, out),
            Some(_) if self.tail => {
                if bytes.len() < packed::TAIL_BYTES {
                    return Ok(Progress::NeedMore);
                }
                bytes.advance(packed::TAIL_BYTES);
                self.tail = false;
                self.decode(bytes, env, out, replies)
            }
            Some(_) => self.noise(bytes, env.datagram),
        }
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        command::write(command, self.maker.unwrap_or(command::MAKER), to, out)
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

impl H02Decoder {
    fn noise(&self, bytes: &mut BytesMut, datagram: bool) -> Result<Progress, DecodeError> {
        if !self.heard && !datagram {
            return Err(DecodeError::fatal("not an H02 frame"));
        }
        let next = bytes.iter().position(|b| matches!(b, b'*' | b'$' | b'X')).unwrap_or(bytes.len());
        bytes.advance(if datagram { bytes.len() } else { next });
        Err(DecodeError::skipped("noise between frames"))
    }

    fn line(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let end = find_far(bytes.get(..FRAME_BYTES_MAX).unwrap_or(bytes), [b'#']);
        let Some(end) = end else {
            if bytes.len() >= FRAME_BYTES_MAX {
                return Err(DecodeError::fatal("frame too long"));
            }
            if env.datagram {
                bytes.clear();
                return Err(DecodeError::skipped("frame without an end"));
            }
            return Ok(Progress::NeedMore);
        };
        self.tail = false;
        let total = end.saturating_add(1);
        let result = line::read(bytes.get(..total).unwrap_or_default(), env, out, replies);
        if let (Ok(()), Some(&[_, first, second, b','])) = (result, bytes.first_chunk()) {
            self.maker = Some([first, second]).filter(|maker| maker.iter().all(u8::is_ascii_alphanumeric));
        }
        bytes.advance(total);
        let line_end = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        bytes.advance(line_end);
        self.heard |= result.is_ok();
        match result {
            Err(_) if !self.heard && !env.datagram => Err(DecodeError::fatal("not an H02 frame")),
            other => other.map(|()| Progress::Frame),
        }
    }

    fn packed(&mut self, bytes: &mut BytesMut, env: &Environment<'_>, out: &mut Vec<Message>) -> Result<Progress, DecodeError> {
        let form = packed::form(bytes);
        let Some(form) = form else {
            if env.datagram {
                bytes.clear();
                return Err(DecodeError::skipped("frame too short"));
            }
            return Ok(Progress::NeedMore);
        };
        self.tail = false;
        let Some(message) = packed::read(bytes, form) else {
            bytes.advance(1);
            let next = bytes.iter().position(|b| matches!(b, b'*' | b'$' | b'X')).unwrap_or(bytes.len());
            bytes.advance(if env.datagram { bytes.len() } else { next });
            return Err(if self.heard || env.datagram {
                DecodeError::skipped("digits that are none")
            } else {
                DecodeError::fatal("not an H02 frame")
            });
        };
        self.heard = true;
        out.push(message);
        if env.datagram {
            bytes.clear();
            return Ok(Progress::Frame);
        }
        bytes.advance(form.bytes());
        // A tail says nothing that is known here. It is dropped with its frame or, if it is still on its way, before the next.
        if form == packed::Form::Usual {
            match bytes.first() {
                Some(b'*' | b'$' | b'X' | b'\r' | b'\n') => {}
                Some(_) if bytes.len() >= packed::TAIL_BYTES => bytes.advance(packed::TAIL_BYTES),
                _ => self.tail = true,
            }
        }
        Ok(Progress::Frame)
    }
}

#[cfg(test)]
mod tests;
