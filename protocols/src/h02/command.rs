//! Commands: `*HQ,identifier,word,time,value,…#`. The tracker confirms the word and the time in a V4 line.

use crate::wire::push_padded;
use crate::{Addressee, CannotSay, Civil, Command, Expect};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Report interval in S71: 22 is the kind for all times of day.
const INTERVAL: u32 = 22;

/// Writes a command.
pub fn write(command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
    let (word, values) = match command {
        Command::Raw { text } if text.chars().any(char::is_control) => return Err(CannotSay::Value("text: no control characters")),
        Command::Raw { text } => {
            out.extend_from_slice(text.as_bytes());
            return Ok(Expect::Next);
        }
        Command::Arm => ("SCF", String::from("0,0")),
        Command::Disarm => ("SCF", String::from("1,1")),
        Command::EngineStop => ("S20", String::from("1,1")),
        Command::EngineResume => ("S20", String::from("0,0")),
        Command::ReportEvery { seconds } => ("S71", format!("{INTERVAL},{seconds}")),
        _ => return Err(CannotSay::Unsupported),
    };
    let Some(civil) = Civil::from_micros(to.env.now) else { return Err(CannotSay::Unsupported) };
    let mut time = String::with_capacity(6);
    for number in [civil.hour, civil.minute, civil.second] {
        push_padded(&mut time, number, 2);
    }
    out.extend_from_slice(format!("*HQ,{},{word},{time},{values}#", to.identifier).as_bytes());
    Ok(Expect::Next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Identifier};

    #[test]
    fn commands_carry_word_time_and_values() {
        let identifier = Identifier::new("8650000001").unwrap();
        let env = Environment { now: 1_710_141_758_000_000, ..Environment::default() };
        let to = Addressee { identifier: &identifier, password: None, env };
        let said = |command: Command| {
            let mut out = Vec::new();
            write(&command, &to, &mut out).map(|expect| (String::from_utf8(out).unwrap(), expect))
        };
        assert_eq!(said(Command::EngineStop), Ok(("*HQ,8650000001,S20,072238,1,1#".into(), Expect::Next)));
        assert_eq!(said(Command::Disarm), Ok(("*HQ,8650000001,SCF,072238,1,1#".into(), Expect::Next)));
        assert_eq!(said(Command::ReportEvery { seconds: 30 }), Ok(("*HQ,8650000001,S71,072238,22,30#".into(), Expect::Next)));
        assert_eq!(said(Command::Photo), Err(CannotSay::Unsupported));
        assert!(said(Command::Raw { text: "a\nb".into() }).is_err());
    }
}
