//! GT06, the protocol of Concox (Jimi) trackers and of the many that copy it.
//!
//! ```text
//! frame    = 78 78 length u8  kind u8 body serial u16 crc u16 0D 0A     ; length counts kind … crc
//!          / 79 79 length u16 kind u8 body serial u16 crc u16 0D 0A     ; big endian, everywhere
//! crc      = CRC-16/X-25 over length … serial
//! answer   = 78 78 05 kind serial crc 0D 0A                             ; the serial number of the frame that is answered
//! login    = 01: imei 8 (BCD) [type u16 zone u16]                       ; zone: hours × 100 in bits 15–4, bit 3 west
//! place    = date 6 (year − 2000, month, day, hour, minute, second) satellites (low nibble)
//!            latitude u32 longitude u32 (degrees × 1,800,000) speed u8 (km/h) flags u16
//! flags    = bits 0–9 course, 10 north, 11 west, 12 fix valid, 14 ignition known, 15 ignition
//! cell     = mcc u16 (bit 15: two bytes of mnc) mnc u8/u16 lac u16 cell u24      ; 4G kinds: lac u32 cell u64
//! state    = bit 0 armed, 1 ignition, 2 charging, 3–5 alarm, 6 fix, 7 fuel and power cut
//! ```
//!
//! Sources: Concox "GPS Tracker Communication Protocol" (GT06N/GT06F/GT06E V1.0.0, GT06 V1.8.1, JM-VL03 V1.1.2), and "365GPS 2G and 4G GPS
//! tracker communication protocol" V1.3 for the short dialect (`short.rs`), which has neither serial number nor checksum.
//!
//! Dates of the kinds 0x10–0x1F are in the zone that the login named; the later kinds are UTC.

mod alarm;
mod command;
mod cut;
mod encoder;
mod information;
mod location;
mod network;
mod report;
mod short;
mod state;
mod usual;

pub use encoder::Gt06Encoder;

use crate::wire::{Cursor, crc16_x25, crc16_x25_begun, crc16_x25_short, hex_digit};
use crate::{
    About, Addressee, Attributes, CannotSay, Checksum, Civil, Command, DecodeError, Decoder, Environment, Expect, Identifier, Message,
    Progress, Release, Replies, Transport,
};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf as _, BytesMut};
use cut::{Cut, Manners};
use report::Report;

/// What `gt06` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "gt06",
    default_port: 5023,
    transports: &[Transport::Tcp],
    acknowledges: &[Transport::Tcp],
    checksum: Checksum::Crc,
    carries_no_fix: true,
    settings: &[],
};

/// The longest frame that is taken once the device is known: a piece of a picture or a long command answer.
const FRAME_BYTES_MAX: usize = 4_096;

/// The longest before that: logins are short.
const FRAME_BYTES_MAX_UNIDENTIFIED: usize = 1_024;

/// The most that is asked of one picture.
const PICTURE_BYTES_MAX: u32 = 1_048_576;

/// What is asked of a picture at a time.
const PICTURE_PIECE_BYTES: u32 = 1_024;

/// A frame that was cut and checked.
#[derive(Clone, Copy)]
struct Frame<'a> {
    raw: &'a [u8],
    /// Begins with 79 79.
    extended: bool,
    kind: u8,
    body: &'a [u8],
    serial: u16,
    /// The checksum does not fit, and was ignored because a recording is read.
    unchecked: bool,
    /// The seconds by which the device's dates are ahead of UTC, 0 for kinds that are in UTC.
    zone_s: i32,
}

/// What is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Nothing,
    Usual,
    /// As usual, in an extended frame.
    Extended,
}

/// A picture that the tracker has announced.
#[derive(Clone, Copy, Debug)]
struct Picture {
    id: u32,
    bytes: u32,
}

/// Decoder.
#[derive(Debug, Default)]
pub struct Gt06Decoder {
    manners: Manners,
    zone_s: i32,
    picture: Option<Picture>,
    /// Commands said so far: the next one's mark.
    commands: u32,
}

impl Decoder for Gt06Decoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        if self.manners == Manners::Checked && !env.options.ignore_checksum {
            return self.usual_or_next(bytes, env, out, replies);
        }
        self.next(bytes, env, out, replies)
    }

    fn command(&mut self, command: &Command, _: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let expect = command::write(command, self.commands, out)?;
        self.commands = self.commands.wrapping_add(1);
        Ok(expect)
    }

    fn frame_bytes_max(&self, identified: bool) -> usize {
        if identified { FRAME_BYTES_MAX } else { FRAME_BYTES_MAX_UNIDENTIFIED }
    }
}

impl Gt06Decoder {
    /// Takes the next frame, of whatever kind. Not part of its caller, which has little to do for the usual frames.
    #[inline(never)]
    fn next(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let lenient = env.options.ignore_checksum;
        loop {
            match cut::next(bytes, self.manners, lenient) {
                Cut::NeedMore => return Ok(Progress::NeedMore),
                Cut::Blank(count) => bytes.advance(count),
                Cut::Noise(count) => {
                    bytes.advance(count);
                    return Err(if self.manners == Manners::Unknown {
                        DecodeError::fatal("not a GT06 frame")
                    } else {
                        DecodeError::skipped("noise between frames")
                    });
                }
                Cut::TooLong => return Err(DecodeError::fatal("frame too long")),
                Cut::Short(total) => {
                    if self.manners == Manners::Unknown {
                        self.manners = Manners::Short;
                    }
                    let raw = bytes.get(..total).unwrap_or_default();
                    short::read(raw, env, out, replies);
                    bytes.advance(total);
                    return Ok(Progress::Frame);
                }
                Cut::Frame(total) => {
                    let result = self.take(bytes.get(..total).unwrap_or_default(), env, out, replies);
                    bytes.advance(total);
                    return result;
                }
            }
        }
    }

    fn take(&mut self, raw: &[u8], env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Result<Progress, DecodeError> {
        let Some((mut frame, crc)) = open(raw) else { return Err(DecodeError::skipped("frame too short")) };
        if self.manners == Manners::Unknown {
            self.manners = Manners::Unchecked;
        }
        let fits = raw.get(2..raw.len().saturating_sub(4)).is_some_and(|covered| crc16_x25(covered) == crc);
        if fits {
            self.manners = Manners::Checked;
        } else if !env.options.ignore_checksum {
            return Err(DecodeError::skipped("checksum does not fit"));
        }
        frame.unchecked = !fits;
        if (0x10..=0x1F).contains(&frame.kind) {
            frame.zone_s = self.zone_s;
        }
        if self.read(&frame, env, out, replies).is_none() {
            // An intact frame with less in it than its kind needs: kept raw, and answered all the same.
            out.push(Message::Undecoded { identifier: None, reason: "body too short", raw: frame.raw.to_vec() });
            frame.answer(usual_answer(&frame), replies);
        }
        Ok(Progress::Frame)
    }

    /// `None` if the body ends too early; then nothing was pushed.
    fn read(&mut self, frame: &Frame<'_>, env: &Environment<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
        match frame.kind {
            0x01 => self.login(frame, out, replies)?,
            0x13 | 0x23 => state::read(frame, env.model, out)?,
            0x8A => {
                out.push(heartbeat(Attributes::new()));
                frame.tell_time(env.now, replies);
            }
            0x1A | 0x2A => {
                out.push(heartbeat(Attributes::new()));
                frame.tell_no_address(replies);
            }
            0x15 | 0x21 => information::text_answer(frame, out)?,
            0x35 => self.picture_announced(frame, out, replies)?,
            0x36 if self.is_picture(frame) => self.picture_piece(frame, out, replies)?,
            kind if network::tells_surroundings(kind) => frame.record(out, |report| network::read(report, frame))?,
            0x94 if !information::knows_part(frame) => {
                let reason = "unknown part of the information kind";
                out.push(Message::Undecoded { identifier: None, reason, raw: frame.raw.to_vec() });
            }
            0x70 | 0x8C | 0x94 | 0x95 | 0x9B | 0xF1 | 0xF2 => frame.record(out, |report| information::read(report, frame))?,
            kind if location::tells_place(kind) => frame.record(out, |report| location::read(report, frame, env.model))?,
            _ => out.push(Message::Undecoded { identifier: None, reason: "unknown kind", raw: frame.raw.to_vec() }),
        }
        if !matches!(frame.kind, 0x01 | 0x8A | 0x1A | 0x2A | 0x35) {
            frame.answer(usual_answer(frame), replies);
        }
        Some(())
    }

    fn login(&mut self, frame: &Frame<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
        let mut body = Cursor::new(frame.body);
        let identifier = imei(body.array()?)?;
        if let (Some(_), Some(zone)) = (body.be_u16(), body.be_u16()) {
            self.zone_s = zone_seconds(zone);
        }
        out.push(Message::Login { identifier, password: None });
        replies.short(Release::Identified, short_answer(frame.kind, frame.serial));
        Some(())
    }

    fn is_picture(&self, frame: &Frame<'_>) -> bool {
        let id = frame.body.first_chunk().map(|id| u32::from_be_bytes(*id));
        self.picture.is_some_and(|picture| id == Some(picture.id))
    }

    /// A picture lies ready in the tracker: size and number are the last eight bytes. It is asked for its first piece.
    fn picture_announced(&mut self, frame: &Frame<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
        let mut tail = Cursor::new(frame.body.last_chunk::<8>()?);
        let (bytes, id) = (tail.be_u32()?, tail.be_u32()?);
        out.push(heartbeat(Attributes::new()));
        if bytes > 0 && bytes <= PICTURE_BYTES_MAX {
            let picture = Picture { id, bytes };
            self.picture = Some(picture);
            picture.ask(0, replies);
        }
        Some(())
    }

    /// A piece of it: number, offset u32, length u16, bytes. Kept raw; then the next one is asked for.
    fn picture_piece(&mut self, frame: &Frame<'_>, out: &mut Vec<Message>, replies: &mut Replies) -> Option<()> {
        let mut body = Cursor::new(frame.body);
        let (_, offset, length) = (body.be_u32()?, body.be_u32()?, body.be_u16()?);
        out.push(Message::Undecoded { identifier: None, reason: "piece of a picture", raw: frame.raw.to_vec() });
        match self.picture {
            Some(picture) if length > 0 && offset.saturating_add(u32::from(length)) < picture.bytes => {
                picture.ask(offset.saturating_add(u32::from(length)), replies);
            }
            _ => self.picture = None,
        }
        Some(())
    }
}

impl Picture {
    fn ask(self, offset: u32, replies: &mut Replies) {
        let piece = self.bytes.saturating_sub(offset).min(PICTURE_PIECE_BYTES);
        let mut body = Vec::with_capacity(10);
        body.extend_from_slice(&self.id.to_be_bytes());
        body.extend_from_slice(&offset.to_be_bytes());
        body.extend_from_slice(&u16::try_from(piece).unwrap_or(0).to_be_bytes());
        replies.bytes(Release::Durable, sealed(false, 0x36, &body, 0));
    }
}

impl Frame<'_> {
    #[inline]
    fn record(&self, out: &mut Vec<Message>, read: impl FnOnce(&mut Report<'_>) -> Option<()>) -> Option<()> {
        report::record(out, self.zone_s, self.unchecked, read)
    }

    fn answer(&self, answer: Answer, replies: &mut Replies) {
        match answer {
            Answer::Nothing => {}
            Answer::Usual => replies.short(Release::Durable, short_answer(self.kind, self.serial)),
            Answer::Extended => replies.bytes(Release::Durable, sealed(true, self.kind, &[], self.serial)),
        }
    }

    fn tell_time(&self, now: i64, replies: &mut Replies) {
        if let Some(civil) = Civil::from_micros(now) {
            replies.bytes(Release::Now, sealed(false, self.kind, &date_bytes(civil), self.serial));
        }
    }

    /// The tracker wants an address to send on in a text message; there is none to give.
    fn tell_no_address(&self, replies: &mut Replies) {
        const NONE: &[u8] = b"NA&&NA&&0##";
        let mut body = Vec::with_capacity(16);
        body.push(u8::try_from(NONE.len()).unwrap_or(0));
        body.extend_from_slice(&[0; 4]);
        body.extend_from_slice(NONE);
        replies.bytes(Release::Identified, sealed(true, 0x97, &body, 0));
    }
}

/// Which frames are answered, and how. Most short ones are; of the extended ones, those that trackers wait for.
const fn usual_answer(frame: &Frame<'_>) -> Answer {
    match frame.kind {
        // Transfer of information, Wi-Fi by itself, positions with modules, answers to commands: nobody waits.
        0x34 | 0x38 | 0x80..=0x82 | 0x8C | 0x94 | 0x9B | 0xF3 => Answer::Nothing,
        0x70 | 0x95 | 0xF1 | 0xF2 => Answer::Usual,
        0x10..=0x14 | 0x16..=0x1F | 0x22..=0x33 | 0x37 | 0xA0..=0xA7 if frame.extended => Answer::Extended,
        _ if frame.extended => Answer::Nothing,
        _ => Answer::Usual,
    }
}

/// Takes a frame apart. `None` if it is too short to have a kind, a serial number and a checksum.
fn open(raw: &[u8]) -> Option<(Frame<'_>, u16)> {
    let extended = raw.first() == Some(&0x79);
    let mut content = Cursor::new(raw.get(if extended { 4 } else { 3 }..raw.len().checked_sub(2)?)?);
    let kind = content.u8()?;
    let body = content.take(content.rest().len().checked_sub(4)?)?;
    let (serial, crc) = (content.be_u16()?, content.be_u16()?);
    Some((Frame { raw, extended, kind, body, serial, unchecked: false, zone_s: 0 }, crc))
}

/// Eight bytes of binary-coded decimals; the first digit is padding.
fn imei(bytes: [u8; 8]) -> Option<Identifier> {
    let mut digits = [0_u8; 16];
    for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [hex_digit(byte >> 4), hex_digit(byte & 0x0F)];
    }
    Identifier::new(core::str::from_utf8(digits.get(1..)?).ok()?)
}

/// The time zone of a login.
fn zone_seconds(zone: u16) -> i32 {
    let (hours, minutes) = (i32::from(zone >> 4) / 100, i32::from(zone >> 4) % 100);
    let seconds = hours.saturating_mul(3_600).saturating_add(minutes.saturating_mul(60));
    if seconds > 14 * 3_600 {
        return 0;
    }
    if zone & 0x0008 == 0 { seconds } else { seconds.saturating_neg() }
}

fn date_bytes(civil: Civil) -> [u8; 6] {
    let byte = |number: u32| u8::try_from(number).unwrap_or(0);
    let year = u8::try_from(civil.year.rem_euclid(100)).unwrap_or(0);
    [year, byte(civil.month), byte(civil.day), byte(civil.hour), byte(civil.minute), byte(civil.second)]
}

const fn heartbeat(attributes: Attributes) -> Message {
    Message::Heartbeat { identifier: None, attributes }
}

/// The answer that nearly all frames get.
#[inline]
fn short_answer(kind: u8, serial: u16) -> [u8; 10] {
    let [high, low] = serial.to_be_bytes();
    let [crc_high, crc_low] = crc16_x25_short(const { crc16_x25_begun(&[0x05]) }, &[kind, high, low]).to_be_bytes();
    [0x78, 0x78, 0x05, kind, high, low, crc_high, crc_low, 0x0D, 0x0A]
}

/// A whole frame around a body.
fn sealed(extended: bool, kind: u8, body: &[u8], serial: u16) -> Vec<u8> {
    let mut frame = Vec::with_capacity(body.len().saturating_add(12));
    seal(extended, kind, body, serial, &mut frame);
    frame
}

/// Appends a whole frame around a body that fits it.
fn seal(extended: bool, kind: u8, body: &[u8], serial: u16, out: &mut Vec<u8>) {
    let start = out.len();
    let length = body.len().saturating_add(5);
    if extended {
        out.extend_from_slice(&[0x79, 0x79]);
        out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    } else {
        out.extend_from_slice(&[0x78, 0x78, u8::try_from(length).unwrap_or(u8::MAX)]);
    }
    out.push(kind);
    out.extend_from_slice(body);
    out.extend_from_slice(&serial.to_be_bytes());
    let crc = crc16_x25(out.get(start.saturating_add(2)..).unwrap_or_default());
    out.extend_from_slice(&crc.to_be_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Text as trackers pad it: NULs and white space at the ends go, bytes that are no UTF-8 are replaced.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_matches(|c: char| c == '\0' || c.is_whitespace()).into()
}

#[cfg(test)]
mod tests;
