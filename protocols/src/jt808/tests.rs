use super::*;
use alloc::string::String;

fn say(decoder: &mut Jt808Decoder, command: &Command, model: Option<&str>) -> (Result<Expect, CannotSay>, String) {
    let identifier = Identifier::new("13812345678").unwrap();
    let env = Environment { model, ..Environment::default() };
    let mut out = Vec::new();
    let expect = decoder.command(command, &Addressee { identifier: &identifier, password: None, env }, &mut out);
    (expect, wire::to_hex(&out))
}

/// Kind and body of a command's frame.
fn words(command: &Command, model: Option<&str>) -> String {
    let (expect, hex) = say(&mut Jt808Decoder::default(), command, model);
    assert!(expect.is_ok(), "{command:?}: {expect:?}");
    let body = hex.get(26..hex.len().saturating_sub(4)).unwrap();
    [hex.get(2..6).unwrap(), ":", body].concat()
}

#[test]
fn commands_in_the_words_of_the_standard_and_of_makers() {
    for (command, wanted) in [
        (Command::Locate, "8201:"),
        (Command::ReportEvery { seconds: 60 }, "8103:0100000029040000003c"),
        (Command::SetOdometer { metres: 123_456 }, "8103:010000008004000004d2"),
        (Command::Status, "8104:"),
        (Command::Version, "8107:"),
        (Command::PowerOff, "8105:03"),
        (Command::Reboot, "8105:04"),
        (Command::FactoryReset, "8105:05"),
        (Command::EngineStop, "8105:f0"),
        (Command::EngineResume, "8105:f1"),
        (Command::Arm, "8500:01"),
        (Command::Disarm, "8500:00"),
        (Command::Message { text: "Hi".into() }, "8300:0c4869"),
        (Command::Raw { text: "<OK>".into() }, "8300:013c4f4b3e"),
    ] {
        assert_eq!(words(&command, None), wanted, "{command:?}");
    }
    for (command, wanted) in [(Command::EngineStop, "8105:64"), (Command::EngineResume, "8105:65"), (Command::Arm, "8105:66")] {
        assert_eq!(words(&command, Some("G10LS")), wanted, "{command:?}");
    }
    assert_eq!(say(&mut Jt808Decoder::default(), &Command::Message { text: "Ä".into() }, None).0, Err(CannotSay::Value("text: ASCII")));
    assert_eq!(say(&mut Jt808Decoder::default(), &Command::SosNumber { index: 1, phone: "1".into() }, None).0, Err(CannotSay::Unsupported));
}

#[test]
fn a_command_is_numbered_and_goes_to_the_terminal_as_it_writes_itself() {
    let mut decoder = Jt808Decoder::default();
    assert_eq!(say(&mut decoder, &Command::Reboot, None), (Ok(Expect::Tag(0)), "7e81050001013812345678000004b07e".into()));
    assert_eq!(say(&mut decoder, &Command::Reboot, None), (Ok(Expect::Tag(1)), "7e81050001013812345678000104b17e".into()));
    // A terminal of 2019 says that it is alive.
    let mut bytes = BytesMut::from(&wire::from_hex("7e0002400001000000008612345678900001d67e").unwrap()[..]);
    let (mut out, mut replies) = (Vec::new(), Replies::new());
    let env = Environment { options: crate::Options { ignore_checksum: true, settings: &[] }, ..Environment::default() };
    assert_eq!(decoder.decode(&mut bytes, &env, &mut out, &mut replies), Ok(Progress::Frame));
    let (expect, hex) = say(&mut decoder, &Command::Raw { text: "ON".into() }, None);
    assert_eq!(expect, Ok(Expect::Tag(2)));
    assert!(hex.starts_with("7e830040040100000000861234567890000201014f4e"), "{hex}");
}

#[test]
fn a_whole_frame_is_sent_as_it_is_and_known_by_its_number() {
    let frame = "7e81050001013812345678000704b77e";
    let mut decoder = Jt808Decoder::default();
    assert_eq!(say(&mut decoder, &Command::Raw { text: frame.into() }, None), (Ok(Expect::Tag(7)), frame.into()));
    // One that is not intact has no number.
    let broken = "7e81050001013812345678000704007e";
    assert_eq!(say(&mut decoder, &Command::Raw { text: broken.into() }, None), (Ok(Expect::Next), broken.into()));
}

#[test]
fn properties_that_were_asked_for_are_an_answer() {
    let mut decoder = Jt808Decoder::default();
    assert_eq!(say(&mut decoder, &Command::Version, None).0, Ok(Expect::Next));
    let mut body = [0; 47];
    body[7] = b'M';
    let mut frame = Vec::new();
    frame::write(kind::PROPERTIES, &Terminal::of(&Identifier::new("1").unwrap()).unwrap(), &[0, 1], &body, DELIMITER, &mut frame);
    let (mut out, mut replies) = (Vec::new(), Replies::new());
    for asked in [true, false] {
        let mut bytes = BytesMut::from(&frame[..]);
        out.clear();
        assert_eq!(decoder.decode(&mut bytes, &Environment::default(), &mut out, &mut replies), Ok(Progress::Frame));
        assert_eq!(out.iter().any(|message| matches!(message, Message::CommandAnswer { .. })), asked, "{out:?}");
    }
}
