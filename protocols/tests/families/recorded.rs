//! Recordings of real devices as dialogues, so that they too can be damaged.

use crate::dialogue::{Dialogue, Said, Step};
use crate::recordings::{self, NOW, Recording, Sent};
use protocols::{Checksum, Protocol, Transport};

/// Recordings of a protocol in the short form.
const RECORDINGS_MAX: usize = 3;

/// The recordings of a protocol, each as one dialogue whose last step is the recorded one. They are read as the gateway reads them where
/// their checksum still fits, and without it where it does not (many were anonymised). `all`: the long form.
pub fn load(protocol: Protocol, fixtures: &[Dialogue], all: bool) -> Option<Vec<Dialogue>> {
    let recorded = recordings::of(&recordings::folder()?, protocol)?;
    let frames = recorded.iter().filter(|json| !matches!(json["kind"].as_str(), Some("frame" | "encode" | "frame_encode")));
    let dialogues = frames.map(|json| dialogue(protocol, &Recording::read(json), fixtures));
    Some(dialogues.take(if all { usize::MAX } else { RECORDINGS_MAX }).collect())
}

fn dialogue(protocol: Protocol, recording: &Recording, fixtures: &[Dialogue]) -> Dialogue {
    let transport = match &recording.input {
        Sent::Http { .. } => Transport::Http,
        Sent::Bytes(_) if recording.datagram => Transport::Udp,
        Sent::Bytes(_) => Transport::Tcp,
    };
    // What a frame's checksum does not cover is a fact of the format: the fixtures say it.
    let alike = || fixtures.iter().filter(|d| d.transport == transport && !d.ignore_checksum);
    let uncovered = alike().flat_map(|d| d.uncovered.iter().copied());
    let step = |sent: &Sent| Step { said: said(sent), answers: Vec::new() };
    Dialogue {
        path: format!("{} {}", protocol.name(), recording.id).into(),
        transport,
        now: NOW,
        model: recording.model.clone(),
        ignore_checksum: false,
        settings: recording.settings.clone(),
        checksum: protocol.about().checksum == Checksum::Crc,
        uncovered: uncovered.collect(),
        steps: recording.context.iter().map(step).chain([step(&recording.input)]).collect(),
    }
}

fn said(sent: &Sent) -> Said {
    match sent.clone() {
        Sent::Bytes(bytes) => Said::Bytes(bytes),
        Sent::Http { method, uri, headers, body } => Said::Http { method, uri, headers, body },
    }
}
