//! Trackers on streams, HTTP among them: one connection, several frames on their way, all that is unacknowledged again after a break.

use super::{ACK_DEADLINE, CONNECT_PAUSE_MAX, Ledger, Source, Tracker};
use bytes::BytesMut;
use protocols::{Encoder, Record};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A frame on its way.
struct Frame {
    records: Vec<Record>,
    sent_at: Instant,
}

/// The tracker's memory, which survives a connection.
struct Memory {
    number: usize,
    source: Source,
    /// Taken from the source, not sent yet over this connection.
    next: VecDeque<Record>,
    /// How many of these were sent before, over connections that broke.
    next_sent: usize,
    /// Sent, not acknowledged.
    frames: VecDeque<Frame>,
    drops: u64,
}

impl Memory {
    fn fill(&mut self, records: usize) {
        while self.next.len() < records {
            let Some(record) = self.source.next() else { break };
            self.next.push_back(record);
        }
    }
}

pub(super) async fn play(tracker: Tracker, number: usize, ledger: Arc<Ledger>, stop: CancellationToken) {
    let mut memory = Memory {
        number,
        source: tracker.source.clone(),
        next: VecDeque::new(),
        next_sent: 0,
        frames: VecDeque::new(),
        drops: number as u64,
    };
    let mut pause = Duration::from_millis(20);
    let mut first = true;
    loop {
        if !first {
            if stop.is_cancelled() {
                return;
            }
            ledger.reconnected();
            tokio::time::sleep(pause).await;
        }
        first = false;
        match TcpStream::connect(tracker.address).await {
            Ok(stream) => match connection(&tracker, &mut memory, stream, &ledger, &stop).await {
                Ok(true) => return,
                Ok(false) => pause = Duration::from_millis(20),
                Err(_) => pause = (pause * 2).min(CONNECT_PAUSE_MAX),
            },
            Err(_) => pause = (pause * 2).min(CONNECT_PAUSE_MAX),
        }
        if stop.is_cancelled() {
            return;
        }
    }
}

/// One connection. `Ok(true)`: everything was said and acknowledged, or it is time to stop. `Ok(false)`: dropped on purpose.
async fn connection(
    tracker: &Tracker,
    memory: &mut Memory,
    mut stream: TcpStream,
    ledger: &Ledger,
    stop: &CancellationToken,
) -> io::Result<bool> {
    stream.set_nodelay(true)?;
    let mut encoder = tracker.protocol.encoder(tracker.transport);
    let mut out = Vec::new();
    encoder.login(&tracker.identifier, &mut out);
    // What was not acknowledged goes first, framed anew: the encoder counts its frames by connection.
    for frame in std::mem::take(&mut memory.frames).into_iter().rev() {
        ledger.resent();
        memory.next_sent += frame.records.len();
        frame.records.into_iter().rev().for_each(|record| memory.next.push_front(record));
    }
    let mut bytes = BytesMut::new();
    let mut due = Instant::now();
    let mut last_ack = Instant::now();
    loop {
        let now = Instant::now();
        let stopping = stop.is_cancelled();
        if !stopping && memory.frames.len() < tracker.window_frames && now >= due {
            memory.fill(tracker.records_per_frame);
            if let Some(taken) = encode(tracker, memory, &mut *encoder, &mut out) {
                let again = taken.min(memory.next_sent);
                memory.next_sent -= again;
                ledger.sent(memory.number, taken - again);
                due = now.max(due) + tracker.pause_after(taken);
            }
        }
        if !out.is_empty() {
            stream.write_all(&out).await?;
            out.clear();
            if dropped(memory, tracker.drops_per_mille) {
                return Ok(false);
            }
        }
        if memory.frames.is_empty()
            && (stopping
                || (memory.next.is_empty() && {
                    memory.fill(1);
                    memory.next.is_empty()
                }))
        {
            if !tracker.is_acknowledged() {
                farewell(&mut stream).await;
            }
            return Ok(true);
        }
        let may_send = !stopping && memory.frames.len() < tracker.window_frames;
        tokio::select! {
            read = stream.read_buf(&mut bytes) => {
                if read? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                if acknowledged(memory, &mut *encoder, &mut bytes, ledger)? > 0 {
                    last_ack = Instant::now();
                }
            }
            () = tokio::time::sleep_until(due), if may_send => {}
            () = tokio::time::sleep_until(last_ack.max(due) + ACK_DEADLINE), if !memory.frames.is_empty() => {
                return if stopping { Ok(true) } else { Err(io::ErrorKind::TimedOut.into()) };
            }
            () = stop.cancelled(), if !stopping => last_ack = Instant::now(),
        }
    }
}

/// Lets what was written arrive: closing with something unread would take it back.
async fn farewell(stream: &mut TcpStream) {
    let gone = async {
        stream.shutdown().await?;
        tokio::io::copy(stream, &mut tokio::io::sink()).await
    };
    // Whether the gateway closes in time changes nothing for the tracker.
    let _ = tokio::time::timeout(ACK_DEADLINE, gone).await;
}

/// Encodes the next frame; `None`: there is nothing left to say.
fn encode(tracker: &Tracker, memory: &mut Memory, encoder: &mut dyn Encoder, out: &mut Vec<u8>) -> Option<usize> {
    let records: Vec<Record> = memory.next.iter().take(tracker.records_per_frame).cloned().collect();
    if records.is_empty() {
        return None;
    }
    let taken = encoder.records(&tracker.identifier, &records, out);
    let records: Vec<Record> = memory.next.drain(..taken).collect();
    if tracker.is_acknowledged() {
        memory.frames.push_back(Frame { records, sent_at: Instant::now() });
    }
    Some(taken)
}

fn acknowledged(memory: &mut Memory, encoder: &mut dyn Encoder, bytes: &mut BytesMut, ledger: &Ledger) -> io::Result<usize> {
    let frames = encoder.acknowledged(bytes).map_err(|error| {
        ledger.refused();
        io::Error::other(error.what)
    })?;
    for _ in 0..frames {
        if let Some(frame) = memory.frames.pop_front() {
            ledger.acked(memory.number, frame.records.len(), frame.sent_at.elapsed());
        }
    }
    Ok(frames)
}

/// Whether the connection breaks now; the same numbers in every run.
fn dropped(memory: &mut Memory, per_mille: u32) -> bool {
    memory.drops = memory.drops.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (memory.drops >> 33) % 1_000 < u64::from(per_mille)
}
