//! Wialon IPS 1.1, 2.0 and 2.1 (Gurtam): lines of text over TCP and UDP.
//!
//! Source: Gurtam, "Wialon IPS" communication protocol, versions 1.1, 2.0 and 2.1.
//!
//! ```text
//! line     = [ sender ] "#" type "#" body CR LF
//! sender   = [ version ";" ] id                         ; datagrams only
//! L        = id ";" password                            ; 1.1
//!          / version ";" id ";" password ";" checksum   ; 2.0, 2.1
//! SD       = date;time;lat;N|S;lon;E|W;speed;course;height;satellites
//! D        = SD;hdop;inputs;outputs;adc;ibutton;params
//! B        = *( ( SD / D ) "|" )                        ; kept while there was no connection
//! P        =                                            ; ping
//! AM       = "1" / other                                ; what became of a message to the driver
//! M        = text                                       ; from the driver, or the answer to a command
//! I        = size;index;last;date;time;name, then size bytes ; a part of a picture
//! ```
//! From 2.0 on, SD, D, B, M and L end in a CRC-16/ARC in hexadecimal digits over everything between the type and the checksum,
//! separator included. Dates are `DDMMYY`, times `HHMMSS[.fraction]` UTC, degrees `DDMM.mm` and `DDDMM.mm`, speed km/h; `NA` or
//! nothing is no value. The first three satellites make a fix valid. A list of `params` is `name:type:value,…` (type 1 whole, 2 real,
//! 3 text).
//!
//! Answers: `#AL#1` (refused `#AL#0`), `#AD#1`, `#AB#n`, `#AP#`, `#AM#1`, `#AI#index;1`. A wrong checksum is answered as the manual
//! says (`#AL#10`, `#ASD#13`, `#AD#16`, `#AB#`, `#AM#01`) and nothing of the line is kept. The manual answers SD by `#ASD#1`; see
//! `docs/conformance.md` for why it is `#AD#1` here.

mod command;
mod encoder;
mod fields;
mod params;
mod record;

pub use encoder::WialonEncoder;

use crate::steps::Steps;
use crate::wire::{Cursor, crc16_arc, eight_hexadecimal, find, find_far, last_eight, split_once};
use crate::{
    About, Addressee, Attributes, CannotSay, Checksum, Command, DecodeError, Decoder, Environment, Expect, Identifier, Key, Message, Name,
    Progress, Record, Release, Replies, Reply, ReplyBody, Transport, Value,
};
use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};
use core::ops::Range;

/// What `wialon` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "wialon",
    default_port: 5039,
    transports: &[Transport::Tcp, Transport::Udp],
    acknowledges: &[Transport::Tcp, Transport::Udp],
    checksum: Checksum::Crc,
    carries_no_fix: true,
    settings: &[],
};

/// The longest line, its end included.
const LINE_BYTES_MAX: usize = 32_768;
/// The longest part of a picture.
const PICTURE_BYTES_MAX: usize = 32_768;
/// The longest first line on a stream.
const LOGIN_BYTES_MAX: usize = 512;

/// Which version the tracker speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Version {
    /// It has not said it.
    #[default]
    Unknown,
    /// 1.1: no checksums.
    First,
    /// 2.0 or 2.1: checksums.
    Second,
}

/// Decoder of one connection or datagram.
#[derive(Debug, Default)]
pub struct WialonDecoder {
    version: Version,
    /// So many bytes of the buffer hold no end of a line.
    scanned: usize,
    /// A command was sent that the next text may answer.
    asked: bool,
    /// A line whose records are being told.
    open: Option<Steps<BlackBox>>,
}

/// Records of one line.
#[derive(Debug)]
struct BlackBox {
    /// The sender of a datagram.
    identifier: Option<Identifier>,
    marked: bool,
    count: usize,
}

impl Decoder for WialonDecoder {
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
        if self.scanned == 0 {
            let empty = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            bytes.advance(empty);
        }
        let Some(end) = self.line_end(bytes, env.datagram)? else { return Ok(Progress::NeedMore) };
        let whole = bytes.get(..end).unwrap_or_default();
        let line = whole.strip_suffix(b"\n").unwrap_or(whole);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = Line::split(line, env.datagram);
        let Some(frame) = line.as_ref().map_or(Ok(Some(whole)), |line| line.frame(bytes, end))? else { return Ok(Progress::NeedMore) };
        let consumed = frame.len();
        let mut heard = Heard { env, out, replies, identifier: None };
        let outcome = match line {
            Some(line) => self.take(&line, frame, &mut heard),
            None => Err(DecodeError::skipped("line is no packet")),
        };
        self.scanned = 0;
        let Ok(Some((black_box, records))) = outcome else {
            bytes.advance(consumed);
            return outcome.map(|_| Progress::Frame);
        };
        bytes.advance(records.start);
        self.go_on(Steps::new(black_box, records.len(), consumed.saturating_sub(records.end)), bytes, out, replies);
        Ok(Progress::Frame)
    }

    fn command(&mut self, command: &Command, _: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let expect = command::write(command, self.version, out)?;
        // A message to the driver is answered by AM, all else by M.
        self.asked |= !matches!(command, Command::Message { .. });
        Ok(expect)
    }

    fn frame_bytes_max(&self, identified: bool) -> usize {
        if identified { LINE_BYTES_MAX.saturating_add(PICTURE_BYTES_MAX) } else { LOGIN_BYTES_MAX }
    }
}

/// What a line is read into.
struct Heard<'a> {
    env: &'a Environment<'a>,
    out: &'a mut Vec<Message>,
    replies: &'a mut Replies,
    /// The sender of a datagram.
    identifier: Option<Identifier>,
}

impl Heard<'_> {
    fn reply(&mut self, release: Release, text: &str) {
        self.replies.copied(release, text.as_bytes());
    }

    fn record(&mut self, record: Record) {
        self.out.push(Message::Record { identifier: self.identifier, record });
    }

    fn undecoded(&mut self, reason: &'static str, raw: &[u8]) {
        self.out.push(Message::Undecoded { identifier: self.identifier, reason, raw: raw.to_vec() });
    }
}

/// A line, taken apart.
struct Line<'a> {
    sender: &'a [u8],
    kind: &'a [u8],
    body: &'a [u8],
}

impl<'a> Line<'a> {
    /// `None` if it is no packet. On a stream nothing stands before the type.
    fn split(line: &'a [u8], datagram: bool) -> Option<Self> {
        let cut = |line: &'a [u8]| {
            let (part, behind) = line.split_at_checked(find(line, b'#')?)?;
            Some((part, behind.get(1..)?))
        };
        let (sender, line) = cut(line)?;
        let (kind, body) = cut(line)?;
        (datagram || sender.is_empty()).then_some(Self { sender, kind, body })
    }

    /// The line, or the line and the picture behind it; `None` if it is not here yet.
    fn frame<'b>(&self, bytes: &'b [u8], end: usize) -> Result<Option<&'b [u8]>, DecodeError> {
        if self.kind != b"I" {
            return Ok(bytes.get(..end));
        }
        let size = self.body.split(|byte| *byte == b';').next().and_then(number).unwrap_or(0);
        if size > PICTURE_BYTES_MAX {
            return Err(DecodeError::fatal("picture part is too long"));
        }
        Ok(bytes.get(..end.saturating_add(size)))
    }
}

fn number(digits: &[u8]) -> Option<usize> {
    core::str::from_utf8(digits).ok()?.parse().ok()
}

/// A body and whether its checksum fits.
enum Checked<'a> {
    /// There is none.
    Plain(&'a [u8]),
    /// It fits: the body without it.
    Right(&'a [u8]),
    /// It does not.
    Wrong(&'a [u8]),
}

impl<'a> Checked<'a> {
    /// Takes the checksum behind the last `separator`.
    fn of(body: &'a [u8], separator: u8) -> Self {
        let Some(place) = body.iter().rposition(|byte| *byte == separator) else { return Self::Wrong(body) };
        let (head, digits) = body.split_at_checked(place.saturating_add(1)).unwrap_or((body, &[]));
        let inner = head.strip_suffix(&[separator]).unwrap_or(head);
        match checksum(digits) {
            Some(said) if said == crc16_arc(head) => Self::Right(inner),
            _ => Self::Wrong(inner),
        }
    }
}

fn checksum(digits: &[u8]) -> Option<u16> {
    if !(1..=4).contains(&digits.len()) {
        return None;
    }
    u16::try_from(eight_hexadecimal(last_eight(digits))?).ok()
}

/// The text of a line; trackers that do not write UTF-8 lose the letters that are not ASCII.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    core::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

impl WialonDecoder {
    /// Where the first line ends, its end included.
    fn line_end(&mut self, bytes: &[u8], datagram: bool) -> Result<Option<usize>, DecodeError> {
        let unseen = bytes.get(self.scanned..).unwrap_or_default();
        let end = match find_far(unseen, [b'\n']) {
            Some(place) => Some(self.scanned.saturating_add(place).saturating_add(1)),
            None if datagram && !bytes.is_empty() => Some(bytes.len()),
            None => None,
        };
        if end.unwrap_or(bytes.len()) > LINE_BYTES_MAX {
            return Err(DecodeError::fatal("line is too long"));
        }
        if end.is_none() {
            self.scanned = bytes.len();
        }
        Ok(end)
    }

    /// Reads a line. Of a black box the records are still to be told: where they stand in it.
    fn take(&mut self, line: &Line<'_>, frame: &[u8], heard: &mut Heard<'_>) -> Result<Option<(BlackBox, Range<usize>)>, DecodeError> {
        if heard.env.datagram {
            self.sender(line.sender, heard)?;
        }
        if line.kind == b"B" {
            let (black_box, records) = self.black_box(line.body, heard)?;
            // Sender, mark, type, mark.
            let start = line.sender.len().saturating_add(line.kind.len()).saturating_add(2);
            return Ok(Some((black_box, start..start.saturating_add(records))));
        }
        self.take_one(line, frame, heard).map(|()| None)
    }

    /// What is no black box.
    fn take_one(&mut self, line: &Line<'_>, frame: &[u8], heard: &mut Heard<'_>) -> Result<(), DecodeError> {
        match line.kind {
            b"L" => self.login(line.body, heard),
            b"SD" => self.one(line.body, record::SHORT_FIELDS, "#ASD#13\r\n", frame, heard),
            b"D" => self.one(line.body, record::FIELDS, "#AD#16\r\n", frame, heard),
            b"M" => self.driver_text(line.body, frame, heard),
            b"AM" => {
                // The driver's screen has the message, or has not.
                let text = String::from(text(line.body).trim());
                let done = Some(text == "1");
                heard.out.push(Message::CommandAnswer { identifier: heard.identifier, tag: None, done, text });
                Ok(())
            }
            b"P" if line.body.is_empty() => {
                heard.out.push(Message::Heartbeat { identifier: heard.identifier, attributes: Attributes::new() });
                heard.reply(Release::Now, "#AP#\r\n");
                Ok(())
            }
            b"I" => {
                picture(line.body, frame, heard);
                Ok(())
            }
            _ => {
                heard.undecoded("unknown packet type", frame);
                Ok(())
            }
        }
    }

    /// `id` or `version;id` before a datagram's line.
    fn sender(&mut self, sender: &[u8], heard: &mut Heard<'_>) -> Result<(), DecodeError> {
        if sender.is_empty() {
            return Ok(());
        }
        let sender = text(sender);
        let (version, id) = match split_once(&sender, b';') {
            Some((version, id)) if is_second(version) => (Version::Second, id),
            Some(_) => return Err(DecodeError::skipped("sender")),
            None => (Version::First, &*sender),
        };
        self.version = version;
        heard.identifier = Some(Identifier::new(id).ok_or(DecodeError::skipped("sender"))?);
        Ok(())
    }

    fn login(&mut self, body: &[u8], heard: &mut Heard<'_>) -> Result<(), DecodeError> {
        const BROKEN: DecodeError = DecodeError::skipped("login");
        let whole = text(body);
        let mut fields = whole.split(';');
        let first = fields.next().unwrap_or_default();
        let (version, id, password) = if is_second(first) && whole.contains(';') {
            let (Some(id), Some(password), Some(_), None) = (fields.next(), fields.next(), fields.next(), fields.next()) else {
                return Err(BROKEN);
            };
            if matches!(Checked::of(body, b';'), Checked::Wrong(_)) && !heard.env.options.ignore_checksum {
                heard.reply(Release::Now, "#AL#10\r\n");
                return Err(DecodeError::skipped("checksum"));
            }
            (Version::Second, id, password)
        } else {
            let password = fields.next().unwrap_or_default();
            if fields.next().is_some() {
                return Err(BROKEN);
            }
            (Version::First, first, password)
        };
        let identifier = Identifier::new(id).ok_or(BROKEN)?;
        self.version = version;
        let password = Some(password).filter(|password| !matches!(*password, "" | "NA")).map(ToOwned::to_owned);
        heard.out.push(Message::Login { identifier, password });
        let body = |answer: &str| ReplyBody::Bytes(answer.as_bytes().into());
        heard.replies.push(Reply { body: body("#AL#1\r\n"), release: Release::Identified, refused: Some(body("#AL#0\r\n")) });
        Ok(())
    }

    /// SD and D. Without a login the number of fields tells whether there is a checksum.
    fn one(&self, body: &[u8], fields: usize, wrong: &str, frame: &[u8], heard: &mut Heard<'_>) -> Result<(), DecodeError> {
        let count = || body.iter().filter(|byte| **byte == b';').count().saturating_add(1);
        let checked = match self.version {
            Version::Second => Checked::of(body, b';'),
            Version::Unknown if count() == fields.saturating_add(1) => Checked::of(body, b';'),
            Version::Unknown | Version::First => Checked::Plain(body),
        };
        let (body, marked) = admit(checked, wrong, heard)?;
        told(body, frame, heard.identifier, heard.out, |record| mark(record, marked));
        heard.reply(Release::Durable, "#AD#1\r\n");
        Ok(())
    }

    /// Whether a black box is taken, and how many bytes of its body are records.
    fn black_box(&self, body: &[u8], heard: &mut Heard<'_>) -> Result<(BlackBox, usize), DecodeError> {
        let last = body.rsplit(|byte| *byte == b'|').next().unwrap_or_default();
        let checked = match self.version {
            Version::Second => Checked::of(body, b'|'),
            Version::Unknown if !last.is_empty() && last.len() < body.len() && checksum(last).is_some() => Checked::of(body, b'|'),
            Version::Unknown | Version::First => Checked::Plain(body),
        };
        let (body, marked) = admit(checked, "#AB#\r\n", heard)?;
        Ok((BlackBox { identifier: heard.identifier, marked, count: 0 }, body.len()))
    }

    /// Tells the next records of a black box; the last one answers it.
    fn go_on(&mut self, mut open: Steps<BlackBox>, bytes: &mut BytesMut, out: &mut Vec<Message>, replies: &mut Replies) {
        if open.step(bytes, |black_box, records| black_box.next(records, out)) {
            replies.copied(Release::Durable, format!("#AB#{}\r\n", open.frame.count).as_bytes());
        } else {
            self.open = Some(open);
        }
    }

    fn driver_text(&mut self, body: &[u8], frame: &[u8], heard: &mut Heard<'_>) -> Result<(), DecodeError> {
        let checked = match (self.version, Checked::of(body, b';')) {
            (Version::Second, checked) | (Version::Unknown, checked @ Checked::Right(_)) => checked,
            (Version::First | Version::Unknown, _) => Checked::Plain(body),
        };
        let (body, marked) = admit(checked, "#AM#01\r\n", heard)?;
        if self.version != Version::First && body.contains(&b';') {
            // With a checksum there is one field only; without a login nobody knows.
            heard.undecoded("packet structure", frame);
            return Ok(());
        }
        let said = text(body);
        let mut record = Record::default();
        record.attributes.set(Name::Text, Value::Text(&said));
        if core::mem::take(&mut self.asked) {
            // The driver may have written just then: it is kept as a text in any case.
            let text = said.into_owned();
            heard.out.push(Message::CommandAnswer { identifier: heard.identifier, tag: None, done: None, text });
        }
        mark(&mut record, marked);
        heard.record(record);
        heard.reply(Release::Durable, "#AM#1\r\n");
        Ok(())
    }
}

impl BlackBox {
    /// Tells the next record; there is nothing between two strokes in a row.
    fn next(&mut self, records: &mut Cursor<'_>, out: &mut Vec<Message>) -> Option<()> {
        let blank = records.rest().iter().take_while(|byte| **byte == b'|').count();
        records.skip(blank)?;
        let part = records.take(find_far(records.rest(), [b'|']).unwrap_or(records.rest().len())).filter(|part| !part.is_empty())?;
        let _ = records.skip(1);
        self.count = self.count.saturating_add(1);
        told(part, part, self.identifier, out, |record| {
            record.attributes.push_here(Key::Named(Name::Buffered, 0), Value::Bool(true));
            mark(record, self.marked);
        });
        Some(())
    }
}

/// Tells a record, which is made in its place, and what more is known of it.
#[inline(always)]
fn told(part: &[u8], frame: &[u8], sender: Option<Identifier>, out: &mut Vec<Message>, finish: impl FnOnce(&mut Record)) {
    let Some((record, identifier)) = Message::begin_record(out) else { return };
    if record::parse(part, record).is_some() {
        *identifier = sender;
        finish(record);
    } else {
        out.pop();
        out.push(Message::Undecoded { identifier: sender, reason: "packet structure", raw: frame.to_vec() });
    }
}

/// The body, and whether its record must be marked as unchecked.
fn admit<'a>(checked: Checked<'a>, wrong: &str, heard: &mut Heard<'_>) -> Result<(&'a [u8], bool), DecodeError> {
    match checked {
        Checked::Plain(body) | Checked::Right(body) => Ok((body, false)),
        Checked::Wrong(body) if heard.env.options.ignore_checksum => Ok((body, true)),
        Checked::Wrong(_) => {
            heard.reply(Release::Now, wrong);
            Err(DecodeError::skipped("checksum"))
        }
    }
}

fn mark(record: &mut Record, unchecked: bool) {
    if unchecked {
        record.attributes.set(Name::ChecksumIgnored, Value::Bool(true));
    }
}

fn is_second(version: &str) -> bool {
    version.starts_with("2.") && version.len() == 3
}

/// A part of a picture is kept as it is; the last part is answered once more for the whole.
fn picture(body: &[u8], frame: &[u8], heard: &mut Heard<'_>) {
    heard.undecoded("picture part", frame);
    let mut fields = body.split(|byte| *byte == b';').skip(1).map(number);
    if let (Some(Some(index)), Some(Some(last))) = (fields.next(), fields.next()) {
        heard.reply(Release::Durable, &format!("#AI#{index};1\r\n"));
        if index == last {
            heard.reply(Release::Durable, "#AI#1\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_refused_at_its_limit() {
        let mut decoder = WialonDecoder::default();
        let (mut bytes, mut out, mut replies) = (BytesMut::from("#D#"), Vec::new(), Replies::new());
        let env = Environment::default();
        for _ in bytes.len()..LINE_BYTES_MAX {
            bytes.extend_from_slice(b"1");
            assert_eq!(decoder.decode(&mut bytes, &env, &mut out, &mut replies), Ok(Progress::NeedMore));
        }
        bytes.extend_from_slice(b"1");
        let refused = decoder.decode(&mut bytes, &env, &mut out, &mut replies);
        assert_eq!(refused, Err(DecodeError::fatal("line is too long")));
        assert!(out.is_empty() && replies.as_slice().is_empty());
    }

    #[test]
    fn a_login_waits_for_the_session_and_has_a_refusal() {
        let mut decoder = WialonDecoder::default();
        let (mut bytes, mut out, mut replies) = (BytesMut::from("#L#1;NA\r\n"), Vec::new(), Replies::new());
        assert_eq!(decoder.decode(&mut bytes, &Environment::default(), &mut out, &mut replies), Ok(Progress::Frame));
        let [reply] = replies.as_slice() else { panic!("one reply") };
        assert_eq!(reply.release, Release::Identified);
        assert_eq!(reply.refused, Some(ReplyBody::Bytes(b"#AL#0\r\n"[..].into())));
    }
    #[test]
    fn a_text_after_a_command_answers_it_once() {
        let identifier = Identifier::new("1").unwrap_or_else(|| panic!("no identifier"));
        let to = Addressee { identifier: &identifier, password: None, env: Environment::default() };
        let mut decoder = WialonDecoder::default();
        let heard = |decoder: &mut WialonDecoder| {
            let (mut bytes, mut out, mut replies) = (BytesMut::from("#M#v1.2\r\n"), Vec::new(), Replies::new());
            assert_eq!(decoder.decode(&mut bytes, &Environment::default(), &mut out, &mut replies), Ok(Progress::Frame));
            out.iter().map(|message| matches!(message, Message::CommandAnswer { text, .. } if text == "v1.2")).collect::<Vec<_>>()
        };
        assert_eq!(heard(&mut decoder), [false]);
        assert_eq!(decoder.command(&Command::Message { text: "hello".into() }, &to, &mut Vec::new()), Ok(Expect::Next));
        assert_eq!(heard(&mut decoder), [false]);
        assert_eq!(decoder.command(&Command::Version, &to, &mut Vec::new()), Ok(Expect::Next));
        assert_eq!(heard(&mut decoder), [true, false]);
        assert_eq!(heard(&mut decoder), [false]);
    }
}
