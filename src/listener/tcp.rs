//! Trackers on streams.

use super::connections::Admission;
use super::{Shared, stream};
use crate::frames::Direction;
use crate::journal::{AppendError, Committed};
use crate::model::DeviceId;
use crate::session::{Held, Session, Step};
use crate::telemetry;
use bytes::BytesMut;
use protocols::{Protocol, ReplyBody};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

pub(super) async fn serve(shared: Arc<Shared>, protocol: Protocol, listener: TcpListener) {
    stream::accept(&shared, protocol.name(), &listener, |stream, address| {
        let shared_here = Arc::clone(&shared);
        shared.tasks.spawn(async move {
            if let Some(admission) = shared_here.connections.admit(address.ip()) {
                connection(&shared_here, &admission, protocol, stream, BytesMut::new()).await;
            }
        });
    })
    .await;
}

/// Serves a connection of that protocol, of which some bytes may have been read already.
pub(super) async fn connection(shared: &Arc<Shared>, admission: &Admission<'_>, protocol: Protocol, stream: TcpStream, bytes: BytesMut) {
    let _ = stream.set_nodelay(true);
    let session = Session::stream(protocol, admission.number, shared.config.bad_frames_max);
    let mut connection =
        Connection { shared, protocol, stream, session, bytes, in_flight: VecDeque::new(), frames: 0, serves: None, commands_due: false };
    // Whatever it waits for, it ends at once when it is cut off.
    let end = tokio::select! {
        end = connection.run() => end,
        () = admission.cut.cancelled() => "taken over or closed",
    };
    tracing::debug!(protocol = protocol.name(), connection = admission.number, end, "connection ended");
    if let Some(known) = connection.session.known() {
        admission.release(known.device);
    }
    let batch = connection.session.ended(shared.clock.now());
    drop(connection);
    if !batch.is_empty() {
        // That it ended is worth knowing, but nobody waits for it; silence tells it too.
        let _ = shared.journal.append(batch).await;
    }
}

/// A step whose commit, and whose replies, are still to come.
struct InFlight {
    commit: Option<oneshot::Receiver<Result<Committed, AppendError>>>,
    replies: Vec<Held>,
}

struct Connection<'a> {
    shared: &'a Arc<Shared>,
    protocol: Protocol,
    stream: TcpStream,
    session: Session,
    bytes: BytesMut,
    in_flight: VecDeque<InFlight>,
    /// Frames taken so far, bad ones too.
    frames: u64,
    /// The device that is known, and what rings when there is a command for it.
    serves: Option<(DeviceId, Arc<Notify>)>,
    commands_due: bool,
}

impl Connection<'_> {
    /// Runs to the end and says why it ended.
    async fn run(&mut self) -> &'static str {
        let config = &self.shared.config;
        let opened = Instant::now();
        let mut last_read = opened;
        let mut frame_begun: Option<Instant> = None;
        let mut closing = if self.bytes.is_empty() { None } else { self.step().await };
        loop {
            if let Some(reason) = closing
                && self.in_flight.is_empty()
            {
                return reason;
            }
            // A command never overtakes an answer that the tracker waits for.
            if self.commands_due && closing.is_none() && self.in_flight.is_empty() {
                self.commands_due = false;
                closing = self.send_commands().await;
            }
            let reading = closing.is_none() && self.in_flight.len() < config.frames_in_flight_max;
            let mut deadline = last_read + Duration::from_secs(config.idle_timeout_s);
            if self.session.known().is_none() {
                deadline = deadline.min(opened + Duration::from_secs(config.login_deadline_s));
            }
            if let Some(begun) = frame_begun {
                deadline = deadline.min(begun + Duration::from_secs(config.frame_deadline_s));
            }
            tokio::select! {
                () = self.shared.stop.cancelled(), if closing.is_none() => closing = Some("stopping"),
                committed = front(&mut self.in_flight), if !self.in_flight.is_empty() => {
                    if let Some(reason) = self.release(committed).await {
                        return reason;
                    }
                }
                ready = self.stream.readable(), if reading => {
                    match ready.and_then(|()| self.read()) {
                        Ok(0) => closing = Some("closed by the tracker"),
                        Ok(_) => {
                            last_read = Instant::now();
                            let frames = self.frames;
                            closing = self.step().await;
                            // What is left belongs to the frame that was begun before only if no frame came to its end meanwhile.
                            let begun = frame_begun.filter(|_| self.frames == frames).unwrap_or(last_read);
                            frame_begun = (!self.bytes.is_empty()).then_some(begun);
                            self.give_back();
                        }
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.give_back(),
                        Err(_) => closing = Some("read failed"),
                    }
                }
                () = rings(self.serves.as_ref()), if closing.is_none() && !self.commands_due => self.commands_due = true,
                () = tokio::time::sleep_until(deadline), if reading => closing = Some("timed out"),
            }
        }
    }

    fn read(&mut self) -> io::Result<usize> {
        self.bytes.reserve(stream::READ_BYTES);
        self.stream.try_read_buf(&mut self.bytes)
    }

    /// An idle tracker keeps no buffer.
    fn give_back(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
        }
    }

    /// Decodes what is there and hands it to the journal.
    async fn step(&mut self) -> Option<&'static str> {
        loop {
            let before = self.bytes.len();
            let watched = self.shared.frames.any().then(|| self.bytes.to_vec());
            let step = self.session.receive(&mut self.bytes, &self.shared.outside());
            if let Some(taken) = watched.as_ref().and_then(|bytes| bytes.get(..before.saturating_sub(self.bytes.len()))) {
                self.shared.watch(&self.session, Direction::In, taken, step.told);
            }
            let progressed = self.bytes.len() < before;
            let close = step.close.map(crate::session::Close::label);
            if let Some(reason) = self.hand_on(step).await.or(close) {
                return Some(reason);
            }
            if self.bytes.is_empty() || !progressed {
                return None;
            }
        }
    }

    async fn hand_on(&mut self, step: Step) -> Option<&'static str> {
        self.frames += u64::from(step.frames) + u64::from(step.error.is_some());
        if step.frames > 0 {
            metrics::counter!(telemetry::FRAMES, "protocol" => self.protocol.name()).increment(u64::from(step.frames));
        }
        if let Some(identifier) = &step.unknown {
            self.shared.unknown.note(identifier, self.protocol, self.shared.clock.now());
        }
        let device = self.session.known().map(|known| known.device);
        if device != self.serves.as_ref().map(|(device, _)| *device) {
            self.serves = device.map(|device| (device, self.shared.commands.waker(device)));
            self.commands_due = true;
        }
        if let Some(device) = device {
            self.shared.take_answers(device, &step.answers).await;
        }
        let commit = if step.batch.is_empty() {
            None
        } else {
            match self.shared.journal.hand_over(step.batch).await {
                Ok(receiver) => Some(receiver),
                Err(_) => return Some("not durable"),
            }
        };
        if commit.is_some() || !step.replies.is_empty() {
            self.in_flight.push_back(InFlight { commit, replies: step.replies });
        }
        None
    }

    /// Sends the commands that wait for the device.
    async fn send_commands(&mut self) -> Option<&'static str> {
        while let Some(bytes) = self.shared.next_command(&mut self.session).await {
            self.shared.watch(&self.session, Direction::Out, &bytes, None);
            let deadline = Duration::from_secs(self.shared.config.frame_deadline_s);
            if let Err(what) = stream::write_all(&self.stream, &bytes, deadline).await {
                return Some(what);
            }
        }
        None
    }

    /// Sends what the commit at the front released.
    async fn release(&mut self, committed: Result<Option<Committed>, AppendError>) -> Option<&'static str> {
        let front = self.in_flight.pop_front()?;
        let refused = match committed {
            Ok(committed) => committed.is_some_and(|committed| committed.refused > 0),
            Err(_) => true,
        };
        for held in front.replies.into_iter().filter(|held| !(refused && held.durable)) {
            let ReplyBody::Bytes(bytes) = held.body else { continue };
            self.shared.watch(&self.session, Direction::Out, &bytes, None);
            let deadline = Duration::from_secs(self.shared.config.frame_deadline_s);
            if let Err(what) = stream::write_all(&self.stream, &bytes, deadline).await {
                return Some(what);
            }
        }
        // A tracker that is not acknowledged keeps its records and comes again.
        refused.then_some("not durable")
    }
}

/// Waits until there is a command for the device.
async fn rings(serves: Option<&(DeviceId, Arc<Notify>)>) {
    match serves {
        Some((_, waker)) => waker.notified().await,
        None => std::future::pending().await,
    }
}

/// Waits for the commit of the step at the front.
async fn front(in_flight: &mut VecDeque<InFlight>) -> Result<Option<Committed>, AppendError> {
    match in_flight.front_mut().and_then(|front| front.commit.as_mut()) {
        Some(receiver) => receiver.await.unwrap_or(Err(AppendError::Closed)).map(Some),
        None => Ok(None),
    }
}
