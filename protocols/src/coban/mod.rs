//! Coban: text of the trackers GPS103, TK103B, GPS303 and those after them.
//!
//! ```text
//! message  = ( login / alive / report / obd / picture / decimal ) ( ";" / "*" / CRLF / LF )
//! login    = "##,imei:" IMEI ",A"                           ; answered with LOAD
//! alive    = IMEI                                           ; answered with ON
//! report   = "imei:" IMEI "," word "," local time "," extra "," ( fix / none )
//! fix      = "F," hhmmss[.sss] (UTC) "," ("A" / "V") "," DDMM.mmmm "," ("N" / "S") "," DDDMM.mmmm "," ("E" / "W") "," speed (knots)
//!            [ "," course [ "," height [ "," ignition "," door "," fuel (%) "," fuel (%) or fault "," temperature ] ] ]
//! none     = "L," *( "," ) LAC ",," cell *( "," )           ; hexadecimal, or nothing
//! local time = YYMMDDhhmm[ss], also written YY/MM/DD hh:mm  ; in the device's zone: it gives the day of the UTC time of day
//! extra    = phone number / tag of "rfid" / charge of the battery with "%"
//! word     = "tracker" / "001" / "101" / "103"               ; a position
//!          / alarm                                          ; "help me", … ; "help me" is answered with E, else it is said again
//!          / letter "t" / "102" … "160"                      ; a command was done: "jt" that of J
//!          / "vt" count                                     ; a picture follows in so many packets
//! obd      = "imei:" IMEI ",OBD," local time "," odometer (km) "," fuel (l/h) "," fuel (l/100 km) "," driving time (h) "," speed (km/h)
//!            "," load (%) "," coolant "," throttle (%) "," revolutions "," supply (V) *( "," fault )
//! picture  = "imei:" IMEI ",vr," hexadecimal                 ; kept raw
//! decimal  = "imei:" IMEI "," 4( text "," ) hhmmss "," DDMMYY "," signal "," valid "," latitude "," longitude "," speed (km/h) ","
//!            course "," height "," hdop "," satellites "," ignition "," charging "," text ","                 ; ends with "*"
//! command  = "**,imei:" IMEI "," letter [ "," value ]
//! ```
//!
//! Source: published parts of Shenzhen Coban Electronics, "GPRS protocol" (2014-12-12) and of "GPS102, GPS103, GPS104 GPRS data protocol".

mod encoder;
mod report;

use crate::wire::{find_far, find_text, split_once};
use crate::{
    About, Addressee, Attributes, CannotSay, Checksum, Command, DecodeError, Decoder, Environment, Expect, Identifier, Message, Progress,
    Release, Replies, Transport,
};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::{Buf, BytesMut};

pub use encoder::CobanEncoder;
use report::Report;

/// What `coban` is to the rest.
pub(crate) const ABOUT: About = About {
    name: "coban",
    default_port: 5001,
    transports: &[Transport::Tcp, Transport::Udp],
    // Only logins, signs of life and calls for help are answered.
    acknowledges: &[],
    checksum: Checksum::None,
    carries_no_fix: true,
    settings: &[],
};

/// The longest message: a packet of a picture has some 1,100.
const FRAME_BYTES_MAX: usize = 8 * 1_024;
/// Longest login: beyond it, it is something else.
const LOGIN_BYTES_MAX: usize = 30;
const IDENTIFIER_DIGITS_MAX: usize = 20;
const MARK: &str = "imei:";

/// Decoder.
#[derive(Debug, Default)]
pub struct CobanDecoder;

impl Decoder for CobanDecoder {
    fn decode(
        &mut self,
        bytes: &mut BytesMut,
        env: &Environment<'_>,
        out: &mut Vec<Message>,
        replies: &mut Replies,
    ) -> Result<Progress, DecodeError> {
        let between = bytes.iter().take_while(|byte| ENDS.contains(*byte) || matches!(byte, b'\r' | b' ')).count();
        bytes.advance(between);
        let end = find_far(bytes.get(..FRAME_BYTES_MAX).unwrap_or(bytes), ENDS);
        let frame = match end {
            Some(end) => bytes.split_to(end.saturating_add(1)),
            // The end of a packet ends its last message.
            None if env.datagram && !bytes.is_empty() && bytes.len() < FRAME_BYTES_MAX => bytes.split(),
            None if bytes.len() >= FRAME_BYTES_MAX => return Err(DecodeError::fatal("frame too long")),
            None => return Ok(Progress::NeedMore),
        };
        let starred = frame.last() == Some(&b'*');
        let text = core::str::from_utf8(&frame).map_err(|_| DecodeError::skipped("not text"))?;
        read(text.trim_end_matches(|c: char| c.is_ascii_whitespace() || c == ';' || c == '*'), starred, out, replies)?;
        Ok(Progress::Frame)
    }

    fn command(&mut self, command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
        let words = words(command)?;
        out.extend_from_slice(format!("**,imei:{},{words}", to.identifier).as_bytes());
        Ok(match command {
            // The position that comes looks like any other.
            Command::Locate | Command::ReportEvery { .. } => Expect::Nothing,
            _ => Expect::Next,
        })
    }

    fn frame_bytes_max(&self, _: bool) -> usize {
        FRAME_BYTES_MAX
    }
}

/// What ends a message.
const ENDS: [u8; 3] = [b';', b'*', b'\n'];

fn digits(text: &str) -> Option<Identifier> {
    let all = !text.is_empty() && text.len() <= IDENTIFIER_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
    Identifier::new(text).filter(|_| all)
}

fn read(text: &str, starred: bool, out: &mut Vec<Message>, replies: &mut Replies) -> Result<(), DecodeError> {
    let start = find_text(text.as_bytes(), MARK.as_bytes());
    let alive = text.starts_with(|c: char| c.is_ascii_digit());
    let Some(start) = start else {
        let identifier = digits(text).ok_or(DecodeError::skipped("no device"))?;
        out.push(Message::Heartbeat { identifier: Some(identifier), attributes: Attributes::new() });
        replies.copied(Release::Identified, b"ON");
        return Ok(());
    };
    let line = text.get(start.saturating_add(MARK.len())..).unwrap_or_default();
    let (imei, content) = split_once(line, b',').unwrap_or((line, ""));
    let identifier = digits(imei).ok_or(DecodeError::skipped("no device"))?;
    if alive {
        replies.copied(Release::Identified, b"ON");
    }
    if text.starts_with("##") || text.len() <= LOGIN_BYTES_MAX {
        out.push(Message::Login { identifier, password: None });
        replies.copied(Release::Identified, b"LOAD");
        return Ok(());
    }
    let word = split_once(content, b',').map_or(content, |(word, _)| word);
    let report = match word {
        "vr" => Report::Unknown("picture"),
        "OBD" => report::obd(content),
        _ if starred => report::decimal(content),
        _ => report::regular(word, content),
    };
    match report {
        Report::Record(record) => {
            if is_answer(word) {
                out.push(Message::CommandAnswer { identifier: Some(identifier), tag: None, done: None, text: String::from(word) });
            }
            out.push(Message::Record { identifier: Some(identifier), record });
        }
        Report::Alive => out.push(Message::Heartbeat { identifier: Some(identifier), attributes: Attributes::new() }),
        Report::Unknown(reason) => {
            out.push(Message::Undecoded { identifier: Some(identifier), reason, raw: text.as_bytes().to_vec() });
        }
    }
    if word == "help me" {
        replies.bytes(Release::Durable, format!("**,imei:{imei},E;").into_bytes());
    }
    Ok(())
}

/// Whether the word says that a command was done: `jt` of J, `109` in the numbers of later firmware.
fn is_answer(word: &str) -> bool {
    match word.as_bytes() {
        [letter, b't'] => letter.is_ascii_lowercase(),
        [b'1', _, _] => word.bytes().all(|byte| byte.is_ascii_digit()) && !matches!(word, "101" | "103"),
        [b'v', b't', count @ ..] => count.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn words(command: &Command) -> Result<Cow<'_, str>, CannotSay> {
    Ok(match command {
        // A semicolon is no harm: areas have them, and what comes next begins with two stars.
        Command::Raw { text } if text.is_empty() || text.contains('*') || text.chars().any(char::is_control) => {
            return Err(CannotSay::Value("text: no stars and control characters"));
        }
        Command::Raw { text } => Cow::Borrowed(text.as_str()),
        Command::Locate => Cow::Borrowed("B"),
        Command::ReportEvery { seconds } => Cow::Owned(format!("C,{}", interval(*seconds)?)),
        Command::ReportStop => Cow::Borrowed("D"),
        Command::EngineStop => Cow::Borrowed("J"),
        Command::EngineResume => Cow::Borrowed("K"),
        Command::Arm => Cow::Borrowed("L"),
        Command::Disarm => Cow::Borrowed("M"),
        Command::Photo => Cow::Borrowed("160"),
        _ => return Err(CannotSay::Unsupported),
    })
}

/// Two digits and a unit: `05m`.
fn interval(seconds: u32) -> Result<String, CannotSay> {
    [(3_600, 'h'), (60, 'm'), (1, 's')]
        .into_iter()
        .filter(|(unit, _)| seconds.is_multiple_of(*unit))
        .filter_map(|(unit, letter)| Some((seconds.checked_div(unit)?, letter)))
        .find(|(count, _)| (1..=99).contains(count))
        .map(|(count, letter)| format!("{count:02}{letter}"))
        .ok_or(CannotSay::Value("seconds: 1 to 99, or up to 99 whole minutes or hours"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_two_digits() {
        let said = |seconds| interval(seconds).ok();
        assert_eq!(said(30).as_deref(), Some("30s"));
        assert_eq!(said(60).as_deref(), Some("01m"));
        assert_eq!(said(90).as_deref(), Some("90s"));
        assert_eq!(said(5_400).as_deref(), Some("90m"));
        assert_eq!(said(7_200).as_deref(), Some("02h"));
        assert_eq!((said(0), said(101), said(360_000)), (None, None, None));
    }

    #[test]
    fn a_text_stays_in_its_envelope() {
        assert_eq!(words(&Command::Raw { text: "114,22.5,113.9;22.6,114.0".into() }).as_deref(), Ok("114,22.5,113.9;22.6,114.0"));
        assert!(words(&Command::Raw { text: "D;**,imei:1,J".into() }).is_err());
    }
}
