//! What a device is asked, and what it answers.
//!
//! Text goes in the envelope of short messages over the connection (kind 108): a password, a word, values. The vendor's words are those
//! of the "SMS command list".

use super::extras::readable;
use super::{FILES, ODOMETER, SET_ELEMENT, SMS_TO_DEVICE, VERSION, push_answer};
use crate::wire::{ShortText, to_hex};
use crate::{CannotSay, Command, Expect, Identifier, Message};
use alloc::string::String;
use alloc::vec::Vec;

/// The password of the vendor's examples.
const PASSWORD: &str = "pass";
/// The longest text in a frame.
const TEXT_BYTES_MAX: usize = 1_000;

/// Writes a command.
pub(super) fn write(command: &Command, password: Option<&str>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
    let password = password.unwrap_or(PASSWORD);
    match command {
        Command::Raw { text } => sms(text, out),
        Command::Locate => word(password, "coords", out),
        Command::EngineStop => word(password, "immobilizer 10", out),
        Command::EngineResume => word(password, "resetimmob", out),
        Command::Reboot => word(password, "reset", out),
        Command::Status => word(password, "gsminfo", out),
        Command::Identification => word(password, "imei", out),
        Command::Version => {
            push_answer(VERSION, &[], out);
            Ok(Expect::Next)
        }
        Command::Output { number, on } => {
            let [a, b, c, d] = u32::from(*number).to_be_bytes();
            push_answer(SET_ELEMENT, &[a, b, c, d, 0, 0, 0, u8::from(*on)], out);
            Ok(Expect::Next)
        }
        Command::Photo => {
            // The names of all files of the first camera, from the beginning of time to its end.
            push_answer(FILES, &[1, 0, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF], out);
            Ok(Expect::Nothing)
        }
        Command::SetOdometer { metres } => {
            push_answer(ODOMETER, &metres.to_be_bytes(), out);
            Ok(Expect::Nothing)
        }
        _ => Err(CannotSay::Unsupported),
    }
}

fn word(password: &str, word: &str, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
    if password.chars().any(|c| !c.is_ascii_graphic()) {
        return Err(CannotSay::Value("a password has no spaces"));
    }
    let mut text = String::from(password);
    text.push(' ');
    text.push_str(word);
    sms(&text, out)
}

fn sms(text: &str, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(CannotSay::Value("a text is one line"));
    }
    push_answer(SMS_TO_DEVICE, text.as_bytes(), out);
    Ok(Expect::Next)
}

/// What a device says to a command.
pub(super) fn answer(kind: u8, payload: &[u8], identifier: Option<Identifier>) -> Message {
    let (mut done, mut text) = (None, String::new());
    match (kind, payload) {
        (SET_ELEMENT, [result]) => {
            done = Some(*result == 0);
            let mut digits = ShortText::default();
            digits.push_number(u64::from(*result));
            text.push_str(digits.as_str());
        }
        _ => match readable(payload) {
            Some(readable) => text.push_str(readable),
            None => text = to_hex(payload),
        },
    }
    Message::CommandAnswer { identifier, tag: None, done, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(command: &Command) -> String {
        let mut out = Vec::new();
        write(command, None, &mut out).expect("it can be said");
        to_hex(&out)
    }

    #[test]
    fn commands_as_the_vendor_prints_them() {
        assert_eq!(shown(&Command::SetOdometer { metres: 0x1234_5678 }), "00056a123456788aeb");
        assert_eq!(shown(&Command::Version), "00016717b9");
    }

    #[test]
    fn a_password_cannot_smuggle_a_second_word() {
        let mut out = Vec::new();
        assert!(write(&Command::Reboot, Some("a b"), &mut out).is_err() && out.is_empty());
        assert!(write(&Command::Raw { text: String::from("a\nb") }, None, &mut out).is_err());
    }
}
