//! What the server sends: `(device, kind, body)`, or the words in stars of the setting `force_alternative`.

use crate::{Addressee, CannotSay, Command, Expect};
use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

/// The maker's password.
const PASSWORD: &str = "123456";

pub fn write(command: &Command, to: &Addressee<'_>, out: &mut Vec<u8>) -> Result<Expect, CannotSay> {
    let text = if to.env.options.flag("force_alternative") {
        format!("[begin]sms2,{},[end]", starred(command, to.password.unwrap_or(PASSWORD))?)
    } else {
        format!("({}{})", to.identifier, bracketed(command)?)
    };
    out.extend_from_slice(text.as_bytes());
    Ok(Expect::Next)
}

fn bracketed(command: &Command) -> Result<Cow<'_, str>, CannotSay> {
    Ok(match command {
        Command::Raw { text } => Cow::Borrowed(within(text, &['(', ')'])?),
        Command::Locate => Cow::Borrowed("AP00"),
        Command::Status => Cow::Borrowed("AP04"),
        // The interval, and for how many hours and minutes: 0 is without end.
        Command::ReportEvery { seconds } => match u16::try_from(*seconds) {
            Ok(seconds) => Cow::Owned(format!("AR00{seconds:04X}0000")),
            Err(_) => return Err(CannotSay::Value("seconds: 1 to 65535")),
        },
        Command::ReportStop => Cow::Borrowed("AR0000000000"),
        Command::Output { number: 1, on } => Cow::Borrowed(if *on { "AV001" } else { "AV000" }),
        Command::Output { .. } => return Err(CannotSay::Value("number: 1")),
        // The oil's valve: 0 shuts it.
        Command::EngineStop => Cow::Borrowed("AV010"),
        Command::EngineResume => Cow::Borrowed("AV011"),
        Command::Reboot => Cow::Borrowed("AT00"),
        _ => return Err(CannotSay::Unsupported),
    })
}

fn starred<'a>(command: &'a Command, password: &str) -> Result<Cow<'a, str>, CannotSay> {
    Ok(match command {
        Command::Raw { text } => Cow::Borrowed(within(text, &['[', ']'])?),
        Command::Version => Cow::Borrowed("*about*"),
        Command::Status => Cow::Borrowed("*status*"),
        Command::Identification => Cow::Borrowed("999999"),
        Command::Reboot => Cow::Borrowed("88888888"),
        Command::PowerOff => Cow::Borrowed("*turnoff*"),
        Command::Locate => Cow::Borrowed("*getposl*"),
        // For 99 hours; the device has an interval of its own.
        Command::ReportEvery { .. } => Cow::Borrowed("*routetrack*99*"),
        Command::ReportStop => Cow::Borrowed("*routetrackoff*"),
        Command::SosNumber { index: 1, phone } => {
            let password = within(password, &['*', ',', '[', ']'])?;
            Cow::Owned(format!("*master*{password}*{phone}*"))
        }
        Command::SosNumber { .. } => return Err(CannotSay::Value("index: 1")),
        Command::SetTimeZone { minutes } if *minutes >= 0 && minutes % 60 == 0 => Cow::Owned(format!("*timezone*{}*", minutes / 60)),
        Command::SetTimeZone { .. } => return Err(CannotSay::Value("minutes: whole hours east")),
        _ => return Err(CannotSay::Unsupported),
    })
}

/// A text that does not end its envelope.
fn within<'a>(text: &'a str, marks: &[char]) -> Result<&'a str, CannotSay> {
    if text.is_empty() || text.contains(marks) || text.chars().any(char::is_control) {
        return Err(CannotSay::Value("text: no brackets and control characters"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Identifier, Options};
    use alloc::string::String;

    fn said(command: &Command, alternative: &str) -> Result<String, CannotSay> {
        let identifier = Identifier::new("013612345678").ok_or(CannotSay::Unsupported)?;
        let settings = [("force_alternative", alternative)];
        let env = Environment { options: Options { settings: &settings, ..Options::default() }, ..Environment::default() };
        let mut out = Vec::new();
        write(command, &Addressee { identifier: &identifier, password: None, env }, &mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    #[test]
    fn both_forms() {
        assert_eq!(said(&Command::Locate, "false").as_deref(), Ok("(013612345678AP00)"));
        assert_eq!(said(&Command::ReportEvery { seconds: 30 }, "false").as_deref(), Ok("(013612345678AR00001E0000)"));
        assert_eq!(said(&Command::EngineResume, "false").as_deref(), Ok("(013612345678AV011)"));
        assert_eq!(said(&Command::Status, "true").as_deref(), Ok("[begin]sms2,*status*,[end]"));
        assert_eq!(
            said(&Command::SosNumber { index: 1, phone: "+4912".into() }, "true").as_deref(),
            Ok("[begin]sms2,*master*123456*+4912*,[end]")
        );
    }

    #[test]
    fn a_text_stays_in_its_envelope() {
        let text = |text: &str| Command::Raw { text: text.into() };
        assert_eq!(said(&text("AP00"), "false").as_deref(), Ok("(013612345678AP00)"));
        assert!(matches!(said(&text("AP00)(013612345678AV010"), "false"), Err(CannotSay::Value(_))));
        assert!(matches!(said(&text("x,[end][begin]sms2,*turnoff*"), "true"), Err(CannotSay::Value(_))));
        assert!(matches!(said(&Command::ReportEvery { seconds: 70_000 }, "false"), Err(CannotSay::Value(_))));
        assert!(matches!(said(&Command::SetTimeZone { minutes: -60 }, "true"), Err(CannotSay::Value(_))));
    }
}
