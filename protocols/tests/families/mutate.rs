//! Mutate: whatever is done to a frame, the decoder does not panic, spin or grow memory, and nothing that was damaged under a
//! checksum is taken for a record.

use crate::COUNTING;
use crate::dialogue::{Dialogue, Said};
use crate::drive::{Heard, environment, say};
use crate::split::split_mix;
use crate::subject::Subject;
use bytes::BytesMut;
use protocols::{Message, Transport};
use stats_alloc::Region;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Sampled pairs of flipped bits, a frame.
const PAIRS: usize = 400;
/// Random packets, a transport.
const GARBAGE: usize = 1_000;
/// What decoding one damaged frame may allocate in all, beside what grows with the frame.
const ALLOCATED_BYTES_MAX: usize = 192 * 1024;
/// What it may allocate for each byte of the frame.
const ALLOCATED_BYTES_PER_BYTE_MAX: usize = 128;
/// What it may take. Generous: the machine may be busy; a decoder that spins takes for ever.
const TIME_MAX: Duration = Duration::from_secs(2);

/// Damages every frame of every dialogue.
///
/// # Errors
/// The damage, and what it did.
pub fn check(subject: &Subject<'_>) -> Result<(), String> {
    for dialogue in &subject.dialogues {
        for index in 0..dialogue.steps.len() {
            check_step(subject, dialogue, index)
                .map_err(|problem| format!("{}: step {}: {problem}", dialogue.path.display(), index + 1))?;
        }
    }
    for transport in subject.transports {
        garbage(subject, *transport)?;
    }
    Ok(())
}

fn check_step(subject: &Subject<'_>, dialogue: &Dialogue, index: usize) -> Result<(), String> {
    let said = &dialogue.steps[index].said;
    let intact = after(subject, dialogue, index, said)?;
    let attempt = |part: Part, bytes: &[u8], flipped: bool| {
        let damaged = with(said, part, bytes);
        let heard = after(subject, dialogue, index, &damaged)?;
        if flipped && dialogue.checksum {
            accepted(&intact, &heard).map_err(|problem| format!("{problem}: {}", protocols::wire::to_hex(bytes)))?;
        }
        Ok::<(), String>(())
    };
    for part in [Part::Body, Part::Head] {
        let bytes = part_of(said, part);
        for end in 0..bytes.len() {
            attempt(part, &bytes[..end], false)?;
        }
        let mut changed = bytes.clone();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                changed[at] = bytes[at] ^ (1 << bit);
                attempt(part, &changed, true)?;
            }
            for value in [0x00, 0xFF, 0x7F, 0x80, bytes[at].wrapping_add(1), bytes[at].wrapping_mul(31).wrapping_add(7)] {
                changed[at] = value;
                attempt(part, &changed, false)?;
            }
            changed[at] = bytes[at];
        }
        let bits = bytes.len() as u64 * 8;
        let mut random = split_mix(bits);
        for _ in 0..if bits == 0 { 0 } else { PAIRS } {
            let (one, other) = (random() % bits, random() % bits);
            let mut changed = bytes.clone();
            for bit in [one, other] {
                changed[usize::try_from(bit / 8).unwrap_or(0)] ^= 1 << (bit % 8);
            }
            attempt(part, &changed, one != other)?;
        }
    }
    Ok(())
}

/// No damaged frame may say a record that the intact one did not.
fn accepted(intact: &Heard, damaged: &Heard) -> Result<(), String> {
    let wanted = intact.messages();
    match damaged.messages().into_iter().find(|m| matches!(m, Message::Record { .. }) && !wanted.contains(m)) {
        Some(message) => Err(format!("a damaged frame is taken: {message:?}")),
        None => Ok(()),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Bytes, body, payload.
    Body,
    /// Address or topic; nothing for bytes.
    Head,
}

fn part_of(said: &Said, part: Part) -> Vec<u8> {
    match (said, part) {
        (Said::Bytes(bytes), Part::Body) => bytes.clone(),
        (Said::Bytes(_), Part::Head) => Vec::new(),
        (Said::Http { body, .. }, Part::Body) => body.clone(),
        (Said::Http { uri, .. }, Part::Head) => uri.clone().into_bytes(),
        (Said::Mqtt { payload, .. }, Part::Body) => payload.clone(),
        (Said::Mqtt { topic, .. }, Part::Head) => topic.clone().into_bytes(),
    }
}

fn with(said: &Said, part: Part, bytes: &[u8]) -> Said {
    let text = || String::from_utf8_lossy(bytes).into_owned();
    let mut said = said.clone();
    match (&mut said, part) {
        (Said::Bytes(old) | Said::Http { body: old, .. } | Said::Mqtt { payload: old, .. }, Part::Body) => *old = bytes.to_vec(),
        (Said::Http { uri: old, .. } | Said::Mqtt { topic: old, .. }, Part::Head) => *old = text(),
        (Said::Bytes(_), Part::Head) => {}
    }
    said
}

/// A fresh decoder hears the steps before, intact, and then this.
fn after(subject: &Subject<'_>, dialogue: &Dialogue, index: usize, said: &Said) -> Result<Heard, String> {
    let env = environment(dialogue);
    let mut decoder = (subject.decoder)();
    let (mut buffer, mut before) = (BytesMut::new(), Heard::default());
    for step in &dialogue.steps[..index] {
        say(&mut *decoder, &mut buffer, &env, &step.said, &mut before)?;
    }
    let mut heard = Heard::default();
    let length = part_of(said, Part::Body).len() + part_of(said, Part::Head).len() + buffer.len();
    let shown = || protocols::wire::to_hex(&on_the_wire(said));
    let start = Instant::now();
    let region = Region::new(COUNTING);
    let result = catch_unwind(AssertUnwindSafe(|| say(&mut *decoder, &mut buffer, &env, said, &mut heard)));
    let allocated = region.change().bytes_allocated;
    let took = start.elapsed();
    match result {
        Err(_) => return Err(format!("panic: {}", shown())),
        Ok(Err(problem)) => return Err(format!("{problem}: {}", shown())),
        Ok(Ok(())) => {}
    }
    if allocated > ALLOCATED_BYTES_MAX + length * ALLOCATED_BYTES_PER_BYTE_MAX {
        return Err(format!("{allocated} bytes were allocated for {length}: {}", shown()));
    }
    if took > TIME_MAX {
        return Err(format!("it took {took:?}: {}", shown()));
    }
    Ok(heard)
}

fn on_the_wire(said: &Said) -> Vec<u8> {
    let mut bytes = part_of(said, Part::Head);
    bytes.extend(part_of(said, Part::Body));
    bytes
}

/// Random bytes, some behind the beginning of a real frame.
fn garbage(subject: &Subject<'_>, transport: Transport) -> Result<(), String> {
    let Some(dialogue) = subject.dialogues.iter().find(|d| d.transport == transport) else { return Ok(()) };
    let mut random = split_mix(transport as u64);
    for round in 0..GARBAGE {
        let step = round % dialogue.steps.len();
        let said = &dialogue.steps[step].said;
        let real = part_of(said, Part::Body);
        let kept = usize::try_from(random() % (real.len() as u64 + 1)).unwrap_or(0).min(if round % 2 == 0 { 0 } else { real.len() });
        let mut bytes = real[..kept].to_vec();
        for _ in 0..random() % 300 {
            bytes.extend_from_slice(&random().to_le_bytes()[..1]);
        }
        after(subject, dialogue, 0, &with(said, Part::Body, &bytes)).map_err(|problem| format!("{transport:?}: {problem}"))?;
    }
    Ok(())
}
