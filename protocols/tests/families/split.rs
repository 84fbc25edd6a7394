//! Split: any cut of the stream, down to single bytes, gives the same messages and replies.

use crate::dialogue::{Dialogue, Said};
use crate::drive::{Heard, environment, on_the_stream, pump, settings};
use crate::subject::Subject;
use bytes::BytesMut;
use protocols::Transport;

/// Random cuts a dialogue.
const RANDOM_CUTS: u64 = 200;

/// Checks every dialogue of a stream. (A packet and a publication come whole; a request is cut as the bytes of HTTP/1.1.)
///
/// # Errors
/// The cut that makes a difference.
pub fn check(subject: &Subject<'_>) -> Result<(), String> {
    for dialogue in subject.dialogues.iter().filter(|d| matches!(d.transport, Transport::Tcp | Transport::Http)) {
        check_one(subject, dialogue).map_err(|problem| format!("{}: {problem}", dialogue.path.display()))?;
    }
    Ok(())
}

fn check_one(subject: &Subject<'_>, dialogue: &Dialogue) -> Result<(), String> {
    let stream: Vec<u8> = dialogue.steps.iter().filter_map(|s| on_the_stream(&s.said)).flatten().collect();
    let whole = feed(subject, dialogue, std::iter::once(&stream[..]))?;
    if whole.messages().is_empty() && !dialogue.steps.iter().any(|s| matches!(&s.said, Said::Bytes(_))) {
        // Requests that are refused one by one: their order on one stream is not the point here.
        return Ok(());
    }
    let wanted = (whole.messages(), &whole.answers, whole.lost);
    let differs = |cut: &str, heard: &Heard| {
        if (heard.messages(), &heard.answers, heard.lost) == wanted {
            return Ok(());
        }
        let part = Heard { events: Vec::new(), ..heard.clone() };
        Err(format!(
            "cut {cut}: {} messages instead of {}, {} replies instead of {}, lost {}\n  whole {:?}\n  cut   {:?}",
            heard.messages().len(),
            whole.messages().len(),
            part.answers.len(),
            whole.answers.len(),
            heard.lost,
            whole.lines(),
            heard.lines()
        ))
    };
    differs("byte by byte", &feed(subject, dialogue, stream.chunks(1))?)?;
    for at in 1..stream.len() {
        let (head, tail) = stream.split_at(at);
        differs(&format!("at {at}"), &feed(subject, dialogue, [head, tail].into_iter())?)?;
    }
    let mut random = split_mix(stream.len() as u64 + 1);
    for _ in 0..RANDOM_CUTS {
        let mut pieces = Vec::new();
        let mut rest = &stream[..];
        while !rest.is_empty() {
            let length = usize::try_from(random() % 40).unwrap_or(0) + 1;
            let (head, tail) = rest.split_at(length.min(rest.len()));
            pieces.push(head);
            rest = tail;
        }
        let sizes: Vec<usize> = pieces.iter().map(|p| p.len()).collect();
        differs(&format!("into {sizes:?}"), &feed(subject, dialogue, pieces.into_iter())?)?;
    }
    Ok(())
}

fn feed<'a>(subject: &Subject<'_>, dialogue: &Dialogue, pieces: impl Iterator<Item = &'a [u8]>) -> Result<Heard, String> {
    let settings = settings(dialogue);
    let env = environment(dialogue, &settings);
    let mut decoder = (subject.decoder)();
    let (mut buffer, mut heard) = (BytesMut::new(), Heard::default());
    for piece in pieces {
        if heard.lost {
            break;
        }
        buffer.extend_from_slice(piece);
        pump(&mut *decoder, &mut buffer, &env, &mut heard)?;
    }
    Ok(heard)
}

/// A small generator of numbers (`SplitMix64`), the same in every run.
pub fn split_mix(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
