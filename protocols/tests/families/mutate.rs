//! Mutate: whatever is done to a frame, the decoder does not panic, spin or grow memory, and nothing that was damaged under a
//! checksum is taken for a record.

use crate::dialogue::{Dialogue, Said};
use crate::drive::{Heard, environment, say, settings};
use crate::split::split_mix;
use crate::subject::Subject;
use bytes::BytesMut;
use protocols::{Checksum, Message, Transport};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Damaged frames a protocol, in the short form: beyond that, single-byte values and pairs of bits are sampled. The long form sets
/// `PURVIEW_MUTATIONS_MAX` (1,000,000).
const MUTATIONS_MAX: u64 = 30_000;
/// Random packets, a transport.
const GARBAGE: usize = 1_000;
/// What decoding one damaged frame may allocate in all, beside what grows with the frame.
const ALLOCATED_BYTES_MAX: usize = 64 * 1024;
/// What it may allocate for each byte of the frame.
const ALLOCATED_BYTES_PER_BYTE_MAX: usize = 8;
/// What it may take of a processor. Without optimization everything is an order of magnitude slower.
const CPU_TIME_MAX: Duration = if cfg!(debug_assertions) { Duration::from_millis(50) } else { Duration::from_millis(5) };

/// Of many things, every so manieth.
struct Sample {
    every: u64,
    passed: u64,
}

impl Sample {
    fn takes(&mut self) -> bool {
        self.passed += 1;
        self.passed.is_multiple_of(self.every)
    }
}

/// Damages every frame of every dialogue.
///
/// # Errors
/// The damage, and what it did.
pub fn check(subject: &Subject<'_>) -> Result<(), String> {
    let max = std::env::var("PURVIEW_MUTATIONS_MAX").ok().and_then(|max| max.parse().ok()).unwrap_or(MUTATIONS_MAX);
    // Each byte can have 255 other values, and as many pairs of bits are tried.
    let steps = subject.dialogues.iter().flat_map(|d| &d.steps);
    let bytes: u64 = steps.map(|step| on_the_wire(&step.said).len() as u64).sum();
    let mut sample = Sample { every: (bytes * 2 * 255).div_ceil(max.max(1)).max(1), passed: 0 };
    for dialogue in &subject.dialogues {
        for index in 0..dialogue.steps.len() {
            check_step(subject, dialogue, index, &mut sample)
                .map_err(|problem| format!("{}: step {}: {problem}", dialogue.path.display(), index + 1))?;
        }
    }
    for transport in subject.transports {
        garbage(subject, *transport)?;
    }
    Ok(())
}

fn check_step(subject: &Subject<'_>, dialogue: &Dialogue, index: usize, sample: &mut Sample) -> Result<(), String> {
    let said = &dialogue.steps[index].said;
    let intact = after(subject, dialogue, index, said)?;
    let attempt = |part: Part, bytes: &[u8], covered: bool| {
        let damaged = with(said, part, bytes);
        let heard = after(subject, dialogue, index, &damaged)?;
        if covered {
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
            let covered = dialogue.covers(at, bytes.len());
            for bit in 0..8 {
                changed[at] = bytes[at] ^ (1 << bit);
                attempt(part, &changed, covered)?;
            }
            for value in (0..=255).filter(|value| (value ^ bytes[at]).count_ones() > 1) {
                if sample.takes() {
                    changed[at] = value;
                    attempt(part, &changed, covered)?;
                }
            }
            changed[at] = bytes[at];
        }
        let bits = bytes.len() as u64 * 8;
        let mut random = split_mix(bits);
        for _ in 0..bytes.len() * 255 {
            let (one, other) = (random() % bits, random() % bits);
            if one == other || !sample.takes() {
                continue;
            }
            let mut changed = bytes.clone();
            let mut covered = subject.about.checksum == Checksum::Crc;
            for bit in [one, other] {
                let at = usize::try_from(bit / 8).unwrap_or(0);
                changed[at] ^= 1 << (bit % 8);
                covered &= dialogue.covers(at, bytes.len());
            }
            attempt(part, &changed, covered)?;
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
    let settings = settings(dialogue);
    let env = environment(dialogue, &settings);
    let mut decoder = (subject.decoder)();
    let (mut buffer, mut before) = (BytesMut::new(), Heard::default());
    for step in &dialogue.steps[..index] {
        say(&mut *decoder, &mut buffer, &env, &step.said, &mut before)?;
    }
    let mut heard = Heard::default();
    let length = part_of(said, Part::Body).len() + part_of(said, Part::Head).len() + buffer.len();
    let shown = || protocols::wire::to_hex(&on_the_wire(said));
    let start = thread_time();
    let result = catch_unwind(AssertUnwindSafe(|| say(&mut *decoder, &mut buffer, &env, said, &mut heard)));
    let took = thread_time().saturating_sub(start);
    match result {
        Err(_) => return Err(format!("panic: {}", shown())),
        Ok(Err(problem)) => return Err(format!("{problem}: {}", shown())),
        Ok(Ok(())) => {}
    }
    let allocated = heard.allocated_bytes;
    if allocated > ALLOCATED_BYTES_MAX + length * ALLOCATED_BYTES_PER_BYTE_MAX {
        return Err(format!("{allocated} bytes were allocated for {length}: {}", shown()));
    }
    if took > CPU_TIME_MAX {
        return Err(format!("it took {took:?}: {}", shown()));
    }
    Ok(heard)
}

/// What this thread has had of a processor.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
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
