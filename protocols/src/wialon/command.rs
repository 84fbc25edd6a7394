//! Commands. The manual has a message to the driver alone (`M`, from version 2.0 on with a checksum); the other words are those that
//! trackers with this protocol understand as a text message too. Each ends its line; what the tracker says to one comes as a text (`M`).

use super::Version;
use crate::wire::crc16_arc;
use crate::{CannotSay, Command, Expect};
use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

/// Writes a command.
pub(super) fn write(command: &Command, version: Version, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
    let words: Cow<'_, str> = match command {
        Command::Raw { text } if text.chars().any(char::is_control) => return Err(CannotSay::Value("text: no control characters")),
        Command::Raw { text } => Cow::Borrowed(text),
        Command::Message { text } if text.contains(['#', ';']) || text.chars().any(char::is_control) => {
            return Err(CannotSay::Value("text: no number signs, semicolons and control characters"));
        }
        Command::Message { text } if version == Version::Second => {
            let body = format!("{text};");
            Cow::Owned(format!("#M#{body}{:04X}", crc16_arc(body.as_bytes())))
        }
        Command::Message { text } => Cow::Owned(format!("#M#{text}")),
        Command::Reboot => Cow::Borrowed("reboot"),
        Command::Version | Command::Identification => Cow::Borrowed("VER1"),
        Command::Output { number, on } => Cow::Owned(format!("L{number}={}", u8::from(*on))),
        _ => return Err(CannotSay::Unsupported),
    };
    out.extend_from_slice(words.as_bytes());
    out.extend_from_slice(b"\r\n");
    Ok(Expect::Next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn said(command: &Command, version: Version) -> Result<String, CannotSay> {
        let mut out = Vec::new();
        write(command, version, &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    #[test]
    fn words_end_their_line_and_a_message_is_checked_where_the_version_says_so() {
        let home = Command::Message { text: "come home".into() };
        assert_eq!(said(&home, Version::First).as_deref(), Ok("#M#come home\r\n"));
        assert_eq!(said(&home, Version::Unknown).as_deref(), Ok("#M#come home\r\n"));
        let checked = said(&home, Version::Second).unwrap_or_default();
        let digits = checked.strip_prefix("#M#come home;").and_then(|rest| rest.strip_suffix("\r\n"));
        assert_eq!(digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()), Some(crc16_arc(b"come home;")));
        assert_eq!(said(&Command::Reboot, Version::Second).as_deref(), Ok("reboot\r\n"));
        assert_eq!(said(&Command::Identification, Version::First).as_deref(), Ok("VER1\r\n"));
        assert_eq!(said(&Command::Output { number: 2, on: true }, Version::First).as_deref(), Ok("L2=1\r\n"));
        assert_eq!(said(&Command::Raw { text: "L1=0".into() }, Version::First).as_deref(), Ok("L1=0\r\n"));
    }

    #[test]
    fn a_text_stays_in_its_line_and_its_field() {
        for text in ["a\r\nreboot", "a#L#", "a;b"] {
            assert!(matches!(said(&Command::Message { text: text.into() }, Version::Second), Err(CannotSay::Value(_))), "{text}");
        }
        assert!(matches!(said(&Command::Raw { text: "a\nreboot".into() }, Version::First), Err(CannotSay::Value(_))));
        assert_eq!(said(&Command::Photo, Version::First), Err(CannotSay::Unsupported));
    }
}
