//! Mutate: whatever is done to a frame, the decoder does not panic, spin or grow memory, and nothing that was damaged under a
//! checksum is taken for a record.

use crate::dialogue::{Dialogue, Said, Step};
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
pub const ALLOCATED_BYTES_MAX: usize = 64 * 1024;
/// What it may allocate for each byte of the frame.
pub const ALLOCATED_BYTES_PER_BYTE_MAX: usize = 8;
/// What it may take of a processor. Without optimization everything is an order of magnitude slower.
pub const CPU_TIME_MAX: Duration = if cfg!(debug_assertions) { Duration::from_millis(50) } else { Duration::from_millis(5) };

/// Of many things, every so manieth.
struct Sample {
    every: u64,
    passed: u64,
    /// Damaged frames so far.
    damaged: u64,
}

impl Sample {
    /// Of the steps that are damaged. Each byte can have 255 other values, and as many pairs of bits are tried.
    fn of<'a>(steps: impl Iterator<Item = &'a Step>) -> Self {
        let bytes: u64 = steps.map(|step| on_the_wire(&step.said).len() as u64).sum();
        Self { every: (bytes * 2 * 255).div_ceil(mutations_max().max(1)).max(1), passed: 0, damaged: 0 }
    }

    fn takes(&mut self) -> bool {
        self.passed += 1;
        self.passed.is_multiple_of(self.every)
    }
}

fn mutations_max() -> u64 {
    std::env::var("PURVIEW_MUTATIONS_MAX").ok().and_then(|max| max.parse().ok()).unwrap_or(MUTATIONS_MAX)
}

/// Whether this is the long form.
pub fn is_long() -> bool {
    mutations_max() > MUTATIONS_MAX
}

/// Damages every frame of every dialogue.
///
/// # Errors
/// The damage, and what it did.
pub fn check(subject: &Subject<'_>) -> Result<(), String> {
    let mut sample = Sample::of(subject.dialogues.iter().flat_map(|d| &d.steps));
    for dialogue in &subject.dialogues {
        for index in 0..dialogue.steps.len() {
            check_step(subject, dialogue, index, &mut sample)?;
        }
    }
    for transport in subject.transports {
        garbage(subject, *transport)?;
    }
    println!("{}: {} damaged frames of fixtures", subject.name, sample.damaged);
    Ok(())
}

/// Damages the last frame of every dialogue; where its checksum does not fit, it is damaged without regard to it.
///
/// # Errors
/// The damage, and what it did.
pub fn check_recorded(subject: &Subject<'_>) -> Result<(), String> {
    let mut sample = Sample::of(subject.dialogues.iter().filter_map(|d| d.steps.last()));
    for dialogue in &subject.dialogues {
        let Some(index) = dialogue.steps.len().checked_sub(1) else { continue };
        let heard = after(subject, dialogue, index, &dialogue.steps[index].said)?;
        let fits = heard.messages().iter().any(|message| matches!(message, Message::Record { .. }));
        let dialogue =
            Dialogue { ignore_checksum: !fits, checksum: fits && is_checked(subject, dialogue, index, &heard)?, ..dialogue.clone() };
        check_step(subject, &dialogue, index, &mut sample)?;
    }
    println!("{}: {} damaged frames of {} recordings", subject.name, sample.damaged, subject.dialogues.len());
    Ok(())
}

/// Whether a recorded frame is one of those that carry a checksum (formats have both kinds): of the single bits that it would cover, few
/// change what is told. Where one is never looked at, the fixtures tell: they say what they are.
fn is_checked(subject: &Subject<'_>, dialogue: &Dialogue, index: usize, intact: &Heard) -> Result<bool, String> {
    let said = &dialogue.steps[index].said;
    let bytes = part_of(said, Part::Body);
    let covered: Vec<usize> = (0..bytes.len()).filter(|at| dialogue.covers(*at, bytes.len())).collect();
    let mut taken = 0;
    for at in &covered {
        let mut changed = bytes.clone();
        changed[*at] ^= 1;
        taken += usize::from(accepted(intact, &after(subject, dialogue, index, &with(said, Part::Body, &changed))?).is_err());
    }
    Ok(taken * 8 < covered.len())
}

/// Damages one frame of a dialogue.
fn check_step(subject: &Subject<'_>, dialogue: &Dialogue, index: usize, sample: &mut Sample) -> Result<(), String> {
    damage(subject, dialogue, index, sample).map_err(|problem| format!("{}: step {}: {problem}", dialogue.path.display(), index + 1))
}

fn damage(subject: &Subject<'_>, dialogue: &Dialogue, index: usize, sample: &mut Sample) -> Result<(), String> {
    let said = &dialogue.steps[index].said;
    let intact = after(subject, dialogue, index, said)?;
    let mut attempts = 0;
    let mut attempt = |part: Part, bytes: &[u8], covered: bool| {
        attempts += 1;
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
    sample.damaged += attempts;
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

/// How often a frame may take too long: what the host takes from a virtual machine counts as the thread's own time, once in a while.
pub const SLOW_MAX: usize = 3;

/// A fresh decoder hears the steps before, intact, and then this.
fn after(subject: &Subject<'_>, dialogue: &Dialogue, index: usize, said: &Said) -> Result<Heard, String> {
    let mut took = Duration::ZERO;
    for _ in 0..SLOW_MAX {
        let heard;
        (heard, took) = timed(subject, dialogue, index, said)?;
        if took <= CPU_TIME_MAX {
            return Ok(heard);
        }
    }
    Err(format!("it took {took:?}: {}", protocols::wire::to_hex(&on_the_wire(said))))
}

fn timed(subject: &Subject<'_>, dialogue: &Dialogue, index: usize, said: &Said) -> Result<(Heard, Duration), String> {
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
    Ok((heard, took))
}

/// What this thread has had of a processor.
pub fn thread_time() -> Duration {
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
