//! ATrack: vehicle trackers of the series AK, AL, AP, AT, AX and AY, in text and binary.
//!
//! ```text
//! text     = prefix "," crc "," length "," sequence "," unit "," record *( CRLF record ) CRLF   ; length counts from the comma behind it
//! record   = time "," time "," time "," longitude "," latitude "," heading "," report "," odometer "," hdop "," inputs "," speed ","
//!            outputs "," analog "," driver "," temperature "," temperature "," text [ "," custom ]
//! time     = seconds since 1970 / YYYYMMDDhhmmss            ; of the fix, of the device, of sending
//! binary   = prefix crc u16 length u16 sequence u16 unit u64 *record                 ; big endian; length counts from the sequence
//! record   = time time time longitude i32 latitude i32 heading u16 report u8 odometer u32 hdop u16 inputs u8 speed u16 outputs u8
//!            analog u16 driver NUL temperature u16 temperature u16 text NUL [ custom ]
//! time     = u32 / year u16 month day hour minute second    ; the latter where the setting `long_date` says so
//! prefix   = "@P" (reports) / two characters of the owner's / "@R" (other data, kept raw)
//! crc      = CRC-16/ARC over what stands behind it
//! custom   = [ form ( NUL / "," ) ] values                  ; form: "%CI" and codes of two or three characters after "%" (`custom.rs`)
//! alive    = FE 02 unit u64 sequence u16                    ; sent back as it is
//! answer   = FE 02 unit u64 sequence u16
//! line     = "$INFO=" unit "," model "," firmware "," IMEI "," IMSI "," ICCID "," supply (0.1 V) "," battery (0.1 V) "," satellites …
//!          / "$" text (answer to a command)
//! units    = 10⁻⁶ °, odometer and hdop in tenths (of a kilometre), km/h, analog in millivolts, temperatures in tenths; 2000: none
//! ```
//!
//! The values behind a record are those that its owner has chosen. Setting `custom` says that there are some, `form` which, for devices
//! that do not name them in each record.
//!
//! Source: published parts of ATrack, "AT1 Protocol Document" and "AK1/AX5 Protocol Document".

mod custom;
mod encoder;
mod report;

pub use encoder::ATrackEncoder;

use crate::steps::Steps;
use crate::wire::{Cursor, crc16_arc, cut_at_most, find, hexadecimal, unsigned};
use crate::{
    About, Addressee, Attributes, CannotSay, Checksum, Command, DecodeError, Decoder, Draft, Environment, Expect, Identifier, Message,
    Name, Progress, Release, Replies, Transport, Value,
};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use core::ops::Range;

/// What `atrack` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "atrack",
    default_port: 5044,
    transports: &[Transport::Tcp, Transport::Udp],
    acknowledges: &[Transport::Tcp, Transport::Udp],
    checksum: Checksum::Crc,
    carries_no_fix: true,
    settings: &["long_date", "custom", "form"],
};

const FRAME_BYTES_MAX: usize = 16 * 1_024;
const FRAME_BYTES_MAX_UNIDENTIFIED: usize = 2_048;
const ALIVE: [u8; 2] = [0xFE, 0x02];
const ALIVE_BYTES: usize = 12;
/// Prefix, checksum, length.
const HEAD_BYTES: usize = 6;
/// Prefix, checksum and length in text, with their commas: "@P,XXXX,12345,".
const TEXT_HEAD_BYTES_MAX: usize = 16;

/// Decoder.
#[derive(Debug, Default)]
pub struct ATrackDecoder {
    heard: bool,
    /// A message whose records are being told.
    open: Option<Steps<Records>>,
}

/// What the records of a message have in common.
#[derive(Debug)]
struct Records {
    form: Form,
    identifier: Option<Identifier>,
    unit: u64,
    sequence: u16,
    fits: bool,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Text,
    Binary,
}

/// Records that are still to be told, and where they stand in their message.
type ToldLater = (Records, Range<usize>);

/// What stands at the beginning of a buffer.
enum Cut {
    NeedMore,
    Alive,
    Text(usize),
    Binary(usize),
    Line(usize),
    Broken(&'static str),
}

impl Decoder for ATrackDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        if let Some(open) = self.open.take() {
            self.go_on(open, bytes, env, out, replies);
            return Ok(Progress::Frame);
        }
        let between = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        bytes.advance(between);
        let result = match cut(bytes, env.datagram) {
            // A recording that was shortened.
            Cut::NeedMore if env.options.ignore_checksum && bytes.ends_with(b"\r\n") => {
                self.records(text(bytes, env), bytes.len(), bytes, env, out, replies)
            }
            Cut::NeedMore => return Ok(Progress::NeedMore),
            Cut::Broken(what) => return Err(DecodeError::fatal(what)),
            Cut::Alive => {
                let frame = bytes.split_to(ALIVE_BYTES);
                let unit = frame.get(2..10).and_then(|unit| unit.first_chunk()).map(|unit| u64::from_be_bytes(*unit));
                let identifier = unit.and_then(|unit| Identifier::new(&format!("{unit}")));
                out.push(Message::Heartbeat { identifier, attributes: Attributes::new() });
                replies.copied(Release::Identified, &frame);
                Ok(())
            }
            Cut::Text(total) => {
                let read = text(bytes.get(..total).unwrap_or_default(), env);
                self.records(read, total, bytes, env, out, replies)
            }
            Cut::Binary(total) => {
                let read = binary(bytes.get(..total).unwrap_or_default(), env, out);
                self.records(read, total, bytes, env, out, replies)
            }
            Cut::Line(total) => line(&bytes.split_to(total), out),
        };
        if result.is_err() && !self.heard && !env.datagram {
            return result.map(|()| Progress::Frame).map_err(|error| DecodeError::fatal(error.what));
        }
        self.heard |= result.is_ok();
        result.map(|()| Progress::Frame)
    }

    fn command(&mut self, command: &Command, _: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        match command {
            Command::Raw { text } if text.chars().any(char::is_control) => Err(CannotSay::Value("text: no control characters")),
            Command::Raw { text } => {
                out.extend_from_slice(text.as_bytes());
                out.extend_from_slice(b"\r\n");
                Ok(Expect::Next)
            }
            _ => Err(CannotSay::Unsupported),
        }
    }

    fn frame_bytes_max(&self, identified: bool) -> usize {
        if identified { FRAME_BYTES_MAX } else { FRAME_BYTES_MAX_UNIDENTIFIED }
    }
}

impl ATrackDecoder {
    /// Takes a message from the buffer, and tells its first records.
    fn records(
        &mut self,
        read: Result<ToldLater, DecodeError>,
        total: usize,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<(), DecodeError> {
        let (records, place) = read.inspect_err(|_| bytes.advance(total))?;
        bytes.advance(place.start);
        self.go_on(Steps::new(records, place.len(), total.saturating_sub(place.end)), bytes, env, out, replies);
        Ok(())
    }

    /// Tells the next records; the last one answers the message.
    fn go_on(
        &mut self,
        mut open: Steps<Records>,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) {
        let is_over = open.step(bytes, |records, body| match records.form {
            Form::Text => records.next_line(body, env, out),
            Form::Binary => records.next_binary(body, env, out),
        });
        if is_over {
            acknowledge(open.frame.unit, open.frame.sequence, replies);
        } else {
            self.open = Some(open);
        }
    }
}

fn cut(bytes: &[u8], datagram: bool) -> Cut {
    let whole = |total: usize, cut: fn(usize) -> Cut| match total {
        total if total > FRAME_BYTES_MAX => Cut::Broken("frame too long"),
        total if total <= bytes.len() => cut(total),
        _ => Cut::NeedMore,
    };
    match bytes {
        [] => Cut::NeedMore,
        [first] => {
            if ALIVE.first() == Some(first) || *first == b'@' || *first == b'$' || !datagram {
                Cut::NeedMore
            } else {
                Cut::Broken("too short")
            }
        }
        [first, second, ..] if [*first, *second] == ALIVE => whole(ALIVE_BYTES, |_| Cut::Alive),
        [b'$', ..] => match find(bytes.get(..FRAME_BYTES_MAX_UNIDENTIFIED).unwrap_or(bytes), b'\n') {
            Some(end) => Cut::Line(end.saturating_add(1)),
            None if bytes.len() >= FRAME_BYTES_MAX_UNIDENTIFIED => Cut::Broken("frame too long"),
            None if datagram => Cut::Line(bytes.len()),
            None => Cut::NeedMore,
        },
        [_, _] => Cut::NeedMore,
        [_, _, b',', ..] => match text_length(bytes) {
            Some(Ok(total)) => whole(total, Cut::Text),
            Some(Err(())) => Cut::Broken("no length"),
            None => Cut::NeedMore,
        },
        [b'@', _, ..] => match bytes.get(4..HEAD_BYTES).and_then(|length| length.first_chunk()) {
            Some(length) => whole(usize::from(u16::from_be_bytes(*length)).saturating_add(HEAD_BYTES), Cut::Binary),
            None => Cut::NeedMore,
        },
        _ => Cut::Broken("not a message"),
    }
}

/// Up to what the third field says; a line feed behind it belongs to it. `None`: that field is not there yet.
fn text_length(bytes: &[u8]) -> Option<Result<usize, ()>> {
    let head = bytes.get(..TEXT_HEAD_BYTES_MAX).unwrap_or(bytes);
    let rest = head.get(3..)?;
    let Some(first) = find(rest, b',') else { return (head.len() == TEXT_HEAD_BYTES_MAX).then_some(Err(())) };
    let behind = rest.get(first.saturating_add(1)..)?;
    let Some(second) = find(behind, b',') else { return (head.len() == TEXT_HEAD_BYTES_MAX).then_some(Err(())) };
    let length = behind.get(..second).and_then(unsigned).and_then(|length| usize::try_from(length).ok());
    let Some(length) = length else { return Some(Err(())) };
    let start = 3_usize.saturating_add(first).saturating_add(1).saturating_add(second);
    Some(Ok(start.saturating_add(length)))
}

/// Says that a message is kept.
fn acknowledge(unit: u64, sequence: u16, replies: &mut Replies) {
    let ([first, second], [a, b, c, d, e, f, g, h], [high, low]) = (ALIVE, unit.to_be_bytes(), sequence.to_be_bytes());
    replies.short::<ALIVE_BYTES>(Release::Durable, [first, second, a, b, c, d, e, f, g, h, high, low]);
}

fn text(frame: &[u8], env: &Environment<'_>) -> Result<ToldLater, DecodeError> {
    let line = core::str::from_utf8(frame).map_err(|_| DecodeError::skipped("no text"))?;
    let ([prefix, crc, _, sequence, unit, records], 6) = cut_at_most(line, b',') else {
        return Err(DecodeError::skipped("no head"));
    };
    let covered = frame.get(prefix.len().saturating_add(crc.len()).saturating_add(1)..).unwrap_or_default();
    let fits = hexadecimal(crc.as_bytes()) == Some(u64::from(crc16_arc(covered)));
    if !fits && !env.options.ignore_checksum {
        return Err(DecodeError::skipped("checksum"));
    }
    let identifier = Some(Identifier::new(unit).ok_or(DecodeError::skipped("no unit"))?);
    // It is told in full, and answered in two bytes.
    let told = unsigned(sequence.as_bytes()).and_then(|told| u32::try_from(told).ok());
    let [low, high, ..] = told.ok_or(DecodeError::skipped("sequence"))?.to_le_bytes();
    let sequence = u16::from_le_bytes([low, high]);
    let place = frame.len().saturating_sub(records.len())..frame.len();
    Ok((Records { form: Form::Text, identifier, unit: unsigned(unit.as_bytes()).unwrap_or(0), sequence, fits }, place))
}

impl Records {
    fn push(&self, draft: Draft, out: &mut Vec<Message>) {
        draft.finish_into(self.identifier, out);
        if !self.fits
            && let Some(Message::Record { record, .. }) = out.last_mut()
        {
            record.attributes.set(Name::ChecksumIgnored, Value::Bool(true));
        }
    }

    fn keep(&self, raw: &[u8], out: &mut Vec<Message>) {
        out.push(Message::Undecoded { identifier: self.identifier, reason: "record", raw: raw.to_vec() });
    }

    /// Tells the next line that is not empty.
    fn next_line(&self, body: &mut Cursor<'_>, env: &Environment<'_>, out: &mut Vec<Message>) -> Option<()> {
        loop {
            let line = body.take(find(body.rest(), b'\n').unwrap_or(body.rest().len()))?;
            let is_last = body.skip(1).is_none();
            let record = line.strip_suffix(b"\r").filter(|_| !is_last).unwrap_or(line);
            if record.trim_ascii().is_empty() {
                if is_last {
                    return None;
                }
                continue;
            }
            let mut draft = Draft::new();
            match core::str::from_utf8(record).ok().and_then(|record| report::text(record, env, &mut draft)) {
                Some(()) => self.push(draft, out),
                None => self.keep(record, out),
            }
            return Some(());
        }
    }

    /// Tells the next record. What ends too early is the last one.
    fn next_binary(&self, body: &mut Cursor<'_>, env: &Environment<'_>, out: &mut Vec<Message>) -> Option<()> {
        let rest = body.rest();
        let mut draft = Draft::new();
        let read = report::binary(body, env, &mut draft);
        match read {
            Some(()) => self.push(draft, out),
            None => self.keep(rest, out),
        }
        read
    }
}

fn binary(frame: &[u8], env: &Environment<'_>, out: &mut Vec<Message>) -> Result<ToldLater, DecodeError> {
    const SHORT: DecodeError = DecodeError::skipped("too short");
    let mut body = Cursor::new(frame);
    let prefix: [u8; 2] = body.array().ok_or(SHORT)?;
    let crc = body.be_u16().ok_or(SHORT)?;
    let fits = crc == crc16_arc(body.rest());
    if !fits && !env.options.ignore_checksum {
        return Err(DecodeError::skipped("checksum"));
    }
    body.skip(2).ok_or(SHORT)?;
    let (sequence, unit) = (body.be_u16().ok_or(SHORT)?, body.be_u64().ok_or(SHORT)?);
    let identifier = Identifier::new(&format!("{unit}"));
    if prefix == *b"@R" {
        out.push(Message::Undecoded { identifier, reason: "other data", raw: frame.to_vec() });
    }
    let records = if prefix == *b"@R" { 0 } else { body.rest().len() };
    let end = frame.len();
    Ok((Records { form: Form::Binary, identifier, unit, sequence, fits }, end.saturating_sub(records)..end))
}

fn line(frame: &[u8], out: &mut Vec<Message>) -> Result<(), DecodeError> {
    let text = core::str::from_utf8(frame).map_err(|_| DecodeError::skipped("no text"))?.trim_ascii();
    match text.strip_prefix("$INFO=").map(report::information) {
        Some((identifier, attributes)) => out.push(Message::Heartbeat { identifier, attributes }),
        None => out.push(Message::CommandAnswer { identifier: None, tag: None, done: None, text: String::from(text) }),
    }
    Ok(())
}
