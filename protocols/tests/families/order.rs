//! Order: what a request or publication says depends on none before it. (A decoder remembers the order in which things are named, to be
//! quick; what it reads may not come of that.)

use crate::dialogue::{Dialogue, Said};
use crate::drive::{Heard, environment, say, settings};
use crate::subject::Subject;
use bytes::BytesMut;

/// Checks all that comes by HTTP and MQTT, behind each other of them, and behind its own damaged forms.
///
/// # Errors
/// What was read in another way behind something else.
pub fn check(subject: &Subject<'_>) -> Result<(), String> {
    let all: Vec<(&Dialogue, &Said)> = subject.dialogues.iter().flat_map(|d| d.steps.iter().map(move |s| (d, &s.said))).collect();
    let requests: Vec<_> = all.into_iter().filter(|(_, said)| !matches!(said, Said::Bytes(_))).collect();
    for (dialogue, said) in &requests {
        for (_, before) in &requests {
            check_behind(subject, dialogue, before, said)?;
        }
        for damaged in damaged(said) {
            check_behind(subject, dialogue, said, &damaged)?;
            check_behind(subject, dialogue, &damaged, said)?;
        }
    }
    Ok(())
}

fn check_behind(subject: &Subject<'_>, dialogue: &Dialogue, before: &Said, said: &Said) -> Result<(), String> {
    let settings = settings(dialogue);
    let env = environment(dialogue, &settings);
    let hear = |decoder: &mut dyn protocols::Decoder, said: &Said| {
        let mut heard = Heard::default();
        say(decoder, &mut BytesMut::new(), &env, said, &mut heard).map(|()| (heard.lines(), heard.answers))
    };
    let mut decoder = (subject.decoder)();
    hear(&mut *decoder, before)?;
    // The second time it is as it was expected to be.
    let (once, twice, alone) = (hear(&mut *decoder, said)?, hear(&mut *decoder, said)?, hear(&mut *(subject.decoder)(), said)?);
    if once == alone && twice == alone {
        return Ok(());
    }
    Err(format!("{}: {said:?}\n  alone  {alone:?}\n  behind {before:?}\n  it is  {once:?}, and then {twice:?}", dialogue.path.display()))
}

/// Without one byte, with another one in its place, or with one more, at each place in turn.
fn damaged(said: &Said) -> Vec<Said> {
    let bytes = match said {
        Said::Bytes(bytes) | Said::Mqtt { payload: bytes, .. } => bytes,
        Said::Http { uri, body, .. } => {
            if body.is_empty() {
                uri.as_bytes()
            } else {
                body
            }
        }
    };
    let forms = |at: usize| {
        let (head, tail) = bytes.split_at(at);
        [(b"".as_slice(), 1), (b"x", 1), (b"x", 0)].map(|(byte, gone)| [head, byte, tail.get(gone..).unwrap_or_default()].concat())
    };
    (0..=bytes.len()).flat_map(forms).map(|bytes| with(said, bytes)).collect()
}

fn with(said: &Said, bytes: Vec<u8>) -> Said {
    match said.clone() {
        Said::Bytes(_) => Said::Bytes(bytes),
        Said::Mqtt { topic, .. } => Said::Mqtt { topic, payload: bytes },
        Said::Http { method, headers, body, .. } if body.is_empty() => {
            Said::Http { method, uri: String::from_utf8_lossy(&bytes).into_owned(), headers, body }
        }
        Said::Http { method, uri, headers, .. } => Said::Http { method, uri, headers, body: bytes },
    }
}
