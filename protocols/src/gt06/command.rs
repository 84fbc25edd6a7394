//! Kind 0x80: a command from the server, as text in the words of Concox's lists of commands ("GT06 GPS Tracker Communication
//! Protocol" 1.8.1, §6; the lists of the WeTrack2 and GT06E).
//!
//! ```text
//! command = 78 78, length u8, 80, (4 + text length) u8, mark u32, text, serial u16, CRC-16/X-25, 0D 0A
//! ```
//! The answer (kinds 0x15 and 0x21) repeats the mark.

use crate::wire::crc16_x25;
use crate::{CannotSay, Command, Expect};
use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

/// What a frame with a length of one byte has room for.
const TEXT_BYTES_MAX: usize = 240;

/// The words for a command.
fn words(command: &Command) -> Result<Cow<'_, str>, CannotSay> {
    Ok(match command {
        Command::Raw { text } => Cow::Borrowed(text.as_str()),
        Command::EngineStop => Cow::Borrowed("Relay,1#"),
        Command::EngineResume => Cow::Borrowed("Relay,0#"),
        // These trackers have one relay.
        Command::Output { number: 1, on } => Cow::Borrowed(if *on { "Relay,1#" } else { "Relay,0#" }),
        Command::Output { .. } => return Err(CannotSay::Value("the tracker has one output")),
        Command::Locate => Cow::Borrowed("WHERE#"),
        Command::Status => Cow::Borrowed("STATUS#"),
        Command::Version => Cow::Borrowed("VERSION#"),
        Command::Reboot => Cow::Borrowed("RESET#"),
        Command::FactoryReset => Cow::Borrowed("FACTORY#"),
        Command::ReportEvery { seconds } if (5..=18_000).contains(seconds) => Cow::Owned(format!("TIMER,{seconds},{seconds}#")),
        Command::ReportEvery { .. } => return Err(CannotSay::Value("seconds: 5 to 18000")),
        _ => return Err(CannotSay::Unsupported),
    })
}

/// Writes the frame. `mark` comes back in the answer.
pub fn write(command: &Command, mark: u32, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
    let text = words(command)?;
    let length = u8::try_from(text.len()).ok().filter(|length| usize::from(*length) <= TEXT_BYTES_MAX);
    let Some(length) = length.filter(|_| text.is_ascii()) else { return Err(CannotSay::Value("text: at most 240 ASCII characters")) };
    let start = out.len();
    out.extend_from_slice(&[0x78, 0x78, length.saturating_add(10), 0x80, length.saturating_add(4)]);
    out.extend_from_slice(&mark.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
    // The server's serial number: commands are told apart by their marks.
    out.extend_from_slice(&[0, 0]);
    let crc = crc16_x25(out.get(start.saturating_add(2)..).unwrap_or_default());
    out.extend_from_slice(&crc.to_be_bytes());
    out.extend_from_slice(b"\r\n");
    Ok(Expect::Tag(mark))
}
