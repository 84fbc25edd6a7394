//! What a terminal is asked.
//!
//! ```text
//! 8103  set parameters: count u8, *( id u32, length u8, value )   ; 0029 report every so many seconds, 0080 odometer (100 m)
//! 8104  ask for the parameters, 8107 for the properties, 8201 for a report
//! 8105  control u8: 03 off, 04 anew, 05 maker's settings, F0 / F1 (64 / 65: G10LS, W15L) engine cut and free, 66 / 67 arm, disarm
//! 8300  text: flags u8, [ type u8 (2019) ], text
//! 8500  vehicle u8: 1 lock, 0 unlock
//! 8801  picture: channel u8, count u16, every u16, keep u8, size u8, quality u8, brightness u8, contrast u8, saturation u8, chroma u8
//! ```

use super::frame::{self, DELIMITER, OTHER_DELIMITER};
use crate::wire::{from_hex, xor8};
use crate::{CannotSay, Command};
use alloc::vec::Vec;

const SET_PARAMETERS: u16 = 0x8103;
const ASK_PARAMETERS: u16 = 0x8104;
const CONTROL: u16 = 0x8105;
pub const ASK_PROPERTIES: u16 = 0x8107;
const ASK_REPORT: u16 = 0x8201;
const TEXT: u16 = 0x8300;
const VEHICLE: u16 = 0x8500;
const PICTURE: u16 = 0x8801;

/// Shown, and read aloud.
const SHOWN: u8 = 0x0C;
/// For the terminal itself.
const URGENT: u8 = 0x01;

/// Kind and body of a command.
pub fn words(command: &Command, model: Option<&str>, is_2019: bool) -> Result<(u16, Vec<u8>), CannotSay> {
    let parameter = |id: u32, value: u32| [&[1][..], &id.to_be_bytes(), &[4], &value.to_be_bytes()].concat();
    // These two have words of their own.
    let is_wireless = matches!(model, Some("G10LS" | "W15L"));
    let one = |byte: u8| alloc::vec![byte];
    Ok(match command {
        Command::Locate => (ASK_REPORT, Vec::new()),
        Command::ReportEvery { seconds } => (SET_PARAMETERS, parameter(0x0029, *seconds)),
        Command::SetOdometer { metres } => (SET_PARAMETERS, parameter(0x0080, metres / 100)),
        Command::Status => (ASK_PARAMETERS, Vec::new()),
        Command::Identification | Command::Version => (ASK_PROPERTIES, Vec::new()),
        Command::PowerOff => (CONTROL, one(0x03)),
        Command::Reboot => (CONTROL, one(0x04)),
        Command::FactoryReset => (CONTROL, one(0x05)),
        Command::EngineStop => (CONTROL, one(if is_wireless { 0x64 } else { 0xF0 })),
        Command::EngineResume => (CONTROL, one(if is_wireless { 0x65 } else { 0xF1 })),
        Command::Arm if is_wireless => (CONTROL, one(0x66)),
        Command::Disarm if is_wireless => (CONTROL, one(0x67)),
        Command::Arm => (VEHICLE, one(1)),
        Command::Disarm => (VEHICLE, one(0)),
        Command::Photo => (PICTURE, alloc::vec![1, 0, 1, 0, 0, 0, 1, 5, 128, 64, 64, 128]),
        Command::Message { text } => (TEXT, text_body(SHOWN, text, is_2019)?),
        Command::Raw { text } => (TEXT, text_body(URGENT, text, is_2019)?),
        _ => return Err(CannotSay::Unsupported),
    })
}

fn text_body(flags: u8, text: &str, is_2019: bool) -> Result<Vec<u8>, CannotSay> {
    if !text.is_ascii() {
        return Err(CannotSay::Value("text: ASCII"));
    }
    let kind: &[u8] = if is_2019 { &[1] } else { &[] };
    Ok([&[flags], kind, text.as_bytes()].concat())
}

/// A whole frame in hexadecimal digits, and its serial number if it is intact. `None`: the text is none.
pub fn whole_frame(text: &str) -> Option<(Vec<u8>, Option<u16>)> {
    let bytes = from_hex(text)?;
    let [DELIMITER | OTHER_DELIMITER, .., DELIMITER | OTHER_DELIMITER] = bytes.as_slice() else { return None };
    let serial = serial(&bytes);
    Some((bytes, serial))
}

fn serial(raw: &[u8]) -> Option<u16> {
    let mut plain = Vec::new();
    frame::unescape(raw, false, &mut plain)?;
    let (check, content) = plain.split_last()?;
    frame::head(content).filter(|_| xor8(content) == *check).map(|(head, _)| head.serial)
}
