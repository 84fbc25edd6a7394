//! What a user can ask of a device, in one list for all protocols.

use crate::{Environment, Identifier};
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// What a device is asked to do. Which protocol can say which: [`crate::Protocol::commands`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Report the position once, now.
    Locate,
    /// Report the position every so many seconds.
    ReportEvery {
        /// Seconds, 1 or more.
        seconds: u32,
    },
    /// Stop reporting periodically.
    ReportStop,
    /// Switch an output.
    Output {
        /// 1, 2, ….
        number: u8,
        /// On or off.
        on: bool,
    },
    /// Cut the engine (fuel or starter relay).
    EngineStop,
    /// Give the engine free.
    EngineResume,
    /// Arm the device's own alarm.
    Arm,
    /// Disarm it.
    Disarm,
    /// Start anew.
    Reboot,
    /// Switch off.
    PowerOff,
    /// Back to the maker's settings.
    FactoryReset,
    /// Ask for the firmware's version.
    Version,
    /// Ask for the state (inputs, power, settings).
    Status,
    /// Ask for the device's identification.
    Identification,
    /// Take a photo.
    Photo,
    /// Set the odometer.
    SetOdometer {
        /// Metres.
        metres: u32,
    },
    /// Set the number that is called on SOS.
    SosNumber {
        /// 1, 2, ….
        index: u8,
        /// The number, digits and `+`.
        phone: String,
    },
    /// Show or speak a text on the device.
    Message {
        /// The text.
        text: String,
    },
    /// Have the device send a short message.
    SendSms {
        /// To whom.
        phone: String,
        /// What.
        text: String,
    },
    /// Set the time zone.
    SetTimeZone {
        /// Minutes east of Greenwich.
        minutes: i32,
    },
    /// Text in the device's own language, in the protocol's envelope. Hexadecimal digits where the protocol is binary and has no
    /// envelope for text.
    Raw {
        /// The text.
        text: String,
    },
}

/// Makes [`Command::kind`] and the list of examples from one table.
macro_rules! kinds {
    ($($pattern:pat => $kind:literal, $example:expr;)+) => {
        impl Command {
            /// The word that the API, the logs and the documents use.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $($pattern => $kind,)+ }
            }

            /// One of each kind, for finding out what a protocol can say.
            #[must_use]
            pub fn examples() -> alloc::vec::Vec<Self> {
                alloc::vec![$($example),+]
            }
        }
    };
}

kinds! {
    Self::Locate => "locate", Self::Locate;
    Self::ReportEvery { .. } => "report_every", Self::ReportEvery { seconds: 60 };
    Self::ReportStop => "report_stop", Self::ReportStop;
    Self::Output { .. } => "output", Self::Output { number: 1, on: true };
    Self::EngineStop => "engine_stop", Self::EngineStop;
    Self::EngineResume => "engine_resume", Self::EngineResume;
    Self::Arm => "arm", Self::Arm;
    Self::Disarm => "disarm", Self::Disarm;
    Self::Reboot => "reboot", Self::Reboot;
    Self::PowerOff => "power_off", Self::PowerOff;
    Self::FactoryReset => "factory_reset", Self::FactoryReset;
    Self::Version => "version", Self::Version;
    Self::Status => "status", Self::Status;
    Self::Identification => "identification", Self::Identification;
    Self::Photo => "photo", Self::Photo;
    Self::SetOdometer { .. } => "set_odometer", Self::SetOdometer { metres: 1_000 };
    Self::SosNumber { .. } => "sos_number", Self::SosNumber { index: 1, phone: String::from("112") };
    Self::Message { .. } => "message", Self::Message { text: String::from("hello") };
    Self::SendSms { .. } => "send_sms", Self::SendSms { phone: String::from("112"), text: String::from("hello") };
    Self::SetTimeZone { .. } => "set_time_zone", Self::SetTimeZone { minutes: 60 };
    Self::Raw { .. } => "raw", Self::Raw { text: String::from("00") };
}

impl Command {
    /// Longest text in a command.
    pub const TEXT_BYTES_MAX: usize = 512;

    /// Whether every text is one line that a protocol can carry: not empty, no control characters, at most [`Self::TEXT_BYTES_MAX`].
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let sound = |text: &str| !text.is_empty() && text.len() <= Self::TEXT_BYTES_MAX && !text.chars().any(char::is_control);
        let dials = |phone: &str| sound(phone) && phone.bytes().all(|b| b.is_ascii_digit() || b == b'+');
        match self {
            Self::Raw { text } | Self::Message { text } => sound(text),
            Self::SosNumber { phone, .. } => dials(phone),
            Self::SendSms { phone, text } => dials(phone) && sound(text),
            Self::ReportEvery { seconds } => *seconds > 0,
            Self::Output { number, .. } => *number > 0,
            Self::SetTimeZone { minutes } => (-14 * 60..=14 * 60).contains(minutes),
            _ => true,
        }
    }
}

/// To whom a command goes.
#[derive(Clone, Copy, Debug)]
pub struct Addressee<'a> {
    /// What the device calls itself.
    pub identifier: &'a Identifier,
    /// Its password, for protocols that demand one with each command; `None`: the maker's.
    pub password: Option<&'a str>,
    /// Now, model, options.
    pub env: Environment<'a>,
}

/// A command is on its way; how its answer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The answer carries this number ([`crate::Message::CommandAnswer`]'s `tag`).
    Tag(u32),
    /// The answer carries no number: it belongs to the oldest command that waits.
    Next,
    /// The protocol has no answer: sent is all that can be known.
    Nothing,
}

/// Why a command cannot be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotSay {
    /// The protocol has no words for it.
    Unsupported,
    /// It has, but not for this value; in a few fixed words, what is wrong.
    Value(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_word_and_a_sound_example() {
        let mut kinds: alloc::vec::Vec<_> = Command::examples().iter().map(Command::kind).collect();
        assert!(Command::examples().iter().all(Command::is_sound));
        let count = kinds.len();
        for command in Command::examples() {
            let json = serde_json::to_value(&command).unwrap();
            assert_eq!(json.get("kind").and_then(|kind| kind.as_str()), Some(command.kind()));
            assert_eq!(serde_json::from_value::<Command>(json).unwrap(), command);
        }
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), count);
    }

    #[test]
    fn a_text_with_a_line_end_is_not_sound() {
        assert!(!Command::Raw { text: String::from("a\r\nb") }.is_sound());
        assert!(!Command::SosNumber { index: 1, phone: String::from("1;reset") }.is_sound());
        assert!(!Command::ReportEvery { seconds: 0 }.is_sound());
    }
}
