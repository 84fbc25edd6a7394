//! Commands: `*HQ,identifier,word,time,value,…#`. The tracker confirms most of them in a V4 line. It obeys its own maker's letters only,
//! so that those it was heard with are used.
//!
//! `S20`, `D1`, `R1` and `S32` are of the manual of the ST-901 and its kin; `S20`, `RESET` and `INFO` of the V1.0.5 dialect. In `S20`
//! the first value is how the power is cut (1: at once), the second whether it is (0 gives it back).

use crate::wire::push_padded;
use crate::{Addressee, CannotSay, Civil, Command, Expect};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Report interval in S71: 22 is the kind for all times of day.
const INTERVAL: u32 = 22;

/// The two letters of the maker that most trackers obey.
pub const MAKER: [u8; 2] = *b"HQ";

/// Writes a command.
pub fn write(command: &Command, maker: [u8; 2], to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
    // One report at once (D1) is an ordinary line, and a tracker that starts anew (R1) says nothing.
    let (word, values, expect) = match command {
        Command::Raw { text } if text.chars().any(char::is_control) => return Err(CannotSay::Value("text: no control characters")),
        Command::Raw { text } => {
            out.extend_from_slice(text.as_bytes());
            return Ok(Expect::Next);
        }
        Command::Arm => ("SCF", String::from(",0,0"), Expect::Next),
        Command::Disarm => ("SCF", String::from(",1,1"), Expect::Next),
        Command::EngineStop => ("S20", String::from(",1,1"), Expect::Next),
        Command::EngineResume => ("S20", String::from(",1,0"), Expect::Next),
        Command::ReportEvery { seconds } => ("S71", format!(",{INTERVAL},{seconds}"), Expect::Next),
        Command::Locate => ("D1", String::from(",30,1"), Expect::Nothing),
        Command::Reboot => ("R1", String::new(), Expect::Nothing),
        Command::FactoryReset => ("RESET", String::new(), Expect::Next),
        Command::SetOdometer { metres: 0 } => ("S32", String::from(",0"), Expect::Next),
        Command::SetOdometer { .. } => return Err(CannotSay::Value("metres: 0")),
        Command::Status => ("INFO", String::new(), Expect::Next),
        _ => return Err(CannotSay::Unsupported),
    };
    let Some(civil) = Civil::from_micros(to.env.now) else { return Err(CannotSay::Unsupported) };
    let mut time = String::with_capacity(7);
    if word != "INFO" {
        time.push(',');
        for number in [civil.hour, civil.minute, civil.second] {
            push_padded(&mut time, number, 2);
        }
    }
    out.push(b'*');
    out.extend_from_slice(&maker);
    out.extend_from_slice(format!(",{},{word}{time}{values}#", to.identifier).as_bytes());
    Ok(expect)
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
            write(&command, MAKER, &to, &mut out).map(|expect| (String::from_utf8(out).unwrap(), expect))
        };
        assert_eq!(said(Command::EngineStop), Ok(("*HQ,8650000001,S20,072238,1,1#".into(), Expect::Next)));
        assert_eq!(said(Command::EngineResume), Ok(("*HQ,8650000001,S20,072238,1,0#".into(), Expect::Next)));
        assert_eq!(said(Command::Disarm), Ok(("*HQ,8650000001,SCF,072238,1,1#".into(), Expect::Next)));
        assert_eq!(said(Command::ReportEvery { seconds: 30 }), Ok(("*HQ,8650000001,S71,072238,22,30#".into(), Expect::Next)));
        assert_eq!(said(Command::Locate), Ok(("*HQ,8650000001,D1,072238,30,1#".into(), Expect::Nothing)));
        assert_eq!(said(Command::Reboot), Ok(("*HQ,8650000001,R1,072238#".into(), Expect::Nothing)));
        assert_eq!(said(Command::Status), Ok(("*HQ,8650000001,INFO#".into(), Expect::Next)));
        assert_eq!(said(Command::SetOdometer { metres: 5 }), Err(CannotSay::Value("metres: 0")));
        assert_eq!(said(Command::Photo), Err(CannotSay::Unsupported));
        assert!(said(Command::Raw { text: "a\nb".into() }).is_err());
    }
}
