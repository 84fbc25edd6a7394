//! Golden: a dialogue gives the messages beside it and the replies written in it.

use crate::dialogue::Dialogue;
use crate::drive::{Heard, environment, say, settings};
use crate::subject::Subject;
use bytes::BytesMut;
use protocols::Checksum;

/// Checks every dialogue. With `PURVIEW_BLESS=1` the messages are written anew.
///
/// # Errors
/// What differs.
pub fn check(subject: &Subject<'_>) -> Result<(), String> {
    if subject.about.checksum != Checksum::None && !subject.dialogues.iter().any(|d| d.checksum) {
        return Err("the format has a checksum, and no dialogue says `! checksum`".into());
    }
    for transport in subject.transports {
        if !subject.dialogues.iter().any(|d| d.transport == *transport) {
            return Err(format!("no dialogue for {transport:?}"));
        }
    }
    for dialogue in &subject.dialogues {
        let name = dialogue.path.display();
        let lines = play(subject, dialogue).map_err(|problem| format!("{name}: {problem}"))?;
        let beside = dialogue.path.with_extension("jsonl");
        if subject.may_bless && std::env::var_os("PURVIEW_BLESS").is_some_and(|v| v == "1") {
            std::fs::write(&beside, lines.join("\n") + "\n").map_err(|e| format!("{}: {e}", beside.display()))?;
            continue;
        }
        let wanted = std::fs::read_to_string(&beside).map_err(|e| format!("{}: {e}", beside.display()))?;
        compare(&wanted.lines().map(str::to_owned).collect::<Vec<_>>(), &lines).map_err(|problem| {
            format!("{name}: {problem}\nIf the new messages are right, PURVIEW_BLESS=1 writes them; the commit then says why they changed.")
        })?;
    }
    Ok(())
}

/// Plays a dialogue; the replies must be the ones in it.
pub fn play(subject: &Subject<'_>, dialogue: &Dialogue) -> Result<Vec<String>, String> {
    let settings = settings(dialogue);
    let env = environment(dialogue, &settings);
    let mut decoder = (subject.decoder)();
    let (mut buffer, mut heard) = (BytesMut::new(), Heard::default());
    for (index, step) in dialogue.steps.iter().enumerate() {
        if heard.lost {
            return Err(format!("step {}: the framing was lost before it", index + 1));
        }
        let before = heard.answers.len();
        say(&mut *decoder, &mut buffer, &env, &step.said, &mut heard).map_err(|problem| format!("step {}: {problem}", index + 1))?;
        let answers = &heard.answers[before..];
        if answers != step.answers {
            return Err(format!("step {}: the replies are {}", index + 1, show_answers(answers)));
        }
    }
    let mut lines = heard.lines();
    if !heard.lost && !buffer.is_empty() {
        lines.push(format!("{{\"error\":\"incomplete frame: {} bytes left\"}}", buffer.len()));
    }
    Ok(lines)
}

fn show_answers(answers: &[crate::dialogue::Answer]) -> String {
    use crate::dialogue::Answer;
    let shown: Vec<String> = answers
        .iter()
        .map(|answer| match answer {
            Answer::Bytes(bytes) if bytes.iter().all(|b| b.is_ascii_graphic() || b" \r\n".contains(b)) => {
                format!("< {:?}", String::from_utf8_lossy(bytes))
            }
            Answer::Bytes(bytes) => format!("< {}", protocols::wire::to_hex(bytes)),
            Answer::Http { status, body } => format!("< {status} {:?}", String::from_utf8_lossy(body)),
        })
        .collect();
    if shown.is_empty() { "none".into() } else { shown.join("; ") }
}

fn compare(wanted: &[String], got: &[String]) -> Result<(), String> {
    for index in 0..wanted.len().max(got.len()) {
        let (wanted, got) = (wanted.get(index), got.get(index));
        if wanted != got {
            let show = |line: Option<&String>| line.map_or("nothing", String::as_str).to_owned();
            return Err(format!("message {}:\n  wanted {}\n  got    {}", index + 1, show(wanted), show(got)));
        }
    }
    Ok(())
}
