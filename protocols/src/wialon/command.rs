//! Commands. The manual has a message to the driver alone; the other words are those that trackers with this protocol understand as a text
//! message too. Each ends its line; what the tracker says to one comes as a text (`M`).

use crate::{CannotSay, Command, Expect};
use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

/// Writes a command.
pub(super) fn write(command: &Command, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
    let words: Cow<'_, str> = match command {
        Command::Raw { text } if text.chars().any(char::is_control) => return Err(CannotSay::Value("text: no control characters")),
        Command::Raw { text } => Cow::Borrowed(text),
        Command::Message { text } if text.contains('#') || text.chars().any(char::is_control) => {
            return Err(CannotSay::Value("text: no number signs and control characters"));
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
