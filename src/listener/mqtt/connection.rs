//! One client: its packets in, its acknowledgements out, each after the commit, in the order in which it published.

use super::super::connections::Admission;
use super::super::publication::{self, Publication};
use super::super::{Shared, stream};
use super::packets::{self, Connect, Packet, Publish, Refusal, Version, Welcome};
use super::password_fits;
use crate::journal::{AppendError, Committed};
use crate::model::DeviceId;
use crate::telemetry;
use bytes::{Buf, BytesMut};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A client that has not introduced itself gets no larger packet taken.
const CONNECT_BYTES_MAX: usize = 8 * 1024;
/// Devices of one connection by which it is found when one of them is moved or closed.
const DEVICES_MAX: usize = 1_024;
/// How long the last packet, which says why the connection ends, may take to leave.
const FAREWELL: Duration = Duration::from_secs(1);

/// A publication whose commit, and whose acknowledgement, are still to come.
struct InFlight {
    commit: Option<oneshot::Receiver<Result<Committed, AppendError>>>,
    /// What is to be acknowledged (QoS 0: nothing), and as what.
    ack: Option<(u16, u8)>,
}

/// Why a connection ends, and whether the client is told.
enum End {
    Told(Refusal),
    Silent(&'static str),
}

/// Whom we speak with, once he introduced himself.
#[derive(Clone, Copy)]
struct Client {
    version: Version,
    silence_max: Duration,
}

pub(super) struct Connection<'a> {
    shared: &'a Arc<Shared>,
    admission: &'a Admission<'a>,
    stream: TcpStream,
    bytes: BytesMut,
    client: Option<Client>,
    in_flight: VecDeque<InFlight>,
    devices: Vec<DeviceId>,
    bad_frames: u32,
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.devices.iter().for_each(|device| self.admission.no_longer_serves(*device));
    }
}

impl<'a> Connection<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>, admission: &'a Admission<'a>, stream: TcpStream) -> Self {
        Self {
            shared,
            admission,
            stream,
            bytes: BytesMut::new(),
            client: None,
            in_flight: VecDeque::new(),
            devices: Vec::new(),
            bad_frames: 0,
        }
    }

    /// Runs to the end and says why it ended.
    pub(super) async fn run(&mut self) -> &'static str {
        let end = self.serve().await;
        let (what, code) = match end {
            End::Told(refusal) => (refusal.what, Some(refusal)),
            End::Silent(what) => (what, None),
        };
        if code.is_some_and(|refusal| ![packets::STOPPING, packets::SILENT, packets::NOT_DURABLE].contains(&refusal)) {
            metrics::counter!(telemetry::FRAMES_BAD, "protocol" => "mqtt", "reason" => what).increment(1);
        }
        if let (Some(refusal), Some(Client { version: Version::V5, .. })) = (code, self.client) {
            // It may no longer listen.
            let _ = stream::write_all(&self.stream, &packets::disconnect(refusal), FAREWELL).await;
        }
        what
    }

    async fn serve(&mut self) -> End {
        let config = &self.shared.config;
        let opened = Instant::now();
        let mut last_read = opened;
        let mut packet_begun: Option<Instant> = None;
        let mut closing: Option<End> = None;
        loop {
            if closing.is_none() {
                let before = self.bytes.len();
                closing = self.take_packets().await.err();
                packet_begun = self.partial().then(|| packet_begun.filter(|_| self.bytes.len() >= before).unwrap_or(last_read));
            }
            if self.in_flight.is_empty()
                && let Some(end) = closing
            {
                return end;
            }
            let reading = closing.is_none() && self.has_room();
            let mut deadline = match self.client {
                Some(client) => last_read + client.silence_max,
                None => opened + Duration::from_secs(config.login_deadline_s),
            };
            if let Some(begun) = packet_begun {
                deadline = deadline.min(begun + Duration::from_secs(config.frame_deadline_s));
            }
            tokio::select! {
                () = self.shared.stop.cancelled(), if closing.is_none() => closing = Some(End::Told(packets::STOPPING)),
                committed = front(&mut self.in_flight), if !self.in_flight.is_empty() => {
                    if let Err(end) = self.release(committed).await {
                        return end;
                    }
                }
                ready = self.stream.readable(), if reading => match ready.and_then(|()| self.read()) {
                    Ok(0) => closing = Some(End::Silent("closed by the client")),
                    Ok(_) => last_read = Instant::now(),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.give_back(),
                    Err(_) => closing = Some(End::Silent("read failed")),
                },
                () = tokio::time::sleep_until(deadline), if reading => closing = Some(End::Told(packets::SILENT)),
            }
        }
    }

    fn has_room(&self) -> bool {
        self.in_flight.len() < usize::from(self.shared.config.mqtt_in_flight_max.max(1))
    }

    fn packet_bytes_max(&self) -> usize {
        let most = self.shared.config.mqtt_packet_bytes_max;
        if self.client.is_some() { most } else { most.min(CONNECT_BYTES_MAX) }
    }

    fn read(&mut self) -> io::Result<usize> {
        self.bytes.reserve(stream::READ_BYTES);
        self.stream.try_read_buf(&mut self.bytes)
    }

    /// An idle client keeps no buffer.
    fn give_back(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = BytesMut::new();
        }
    }

    /// Whether what is left is the beginning of a packet that has still to come.
    fn partial(&self) -> bool {
        !self.bytes.is_empty() && matches!(packets::frame(&self.bytes, self.packet_bytes_max()), Ok(None))
    }

    /// Takes what whole packets there are, as long as there is room for what is in flight.
    async fn take_packets(&mut self) -> Result<(), End> {
        while self.has_room() {
            let Some(frame) = packets::frame(&self.bytes, self.packet_bytes_max()).map_err(End::Told)? else { break };
            let mut packet = self.bytes.split_to(frame.total);
            packet.advance(frame.head);
            match self.client {
                None => self.welcome(frame.first, &packet).await?,
                Some(client) => match packets::read(client.version, frame.first, &packet).map_err(End::Told)? {
                    Packet::Publish(publish) => self.publication(client.version, &publish).await?,
                    Packet::Subscribe { packet_id, filters } => self.send(&packets::suback(client.version, packet_id, filters)).await?,
                    Packet::Unsubscribe { packet_id, filters } => {
                        self.send(&packets::unsuback(client.version, packet_id, filters)).await?;
                    }
                    Packet::Ping => self.send(&packets::PINGRESP).await?,
                    Packet::Disconnect => return Err(End::Silent("farewell")),
                },
            }
        }
        self.give_back();
        Ok(())
    }

    async fn welcome(&mut self, first: u8, packet: &[u8]) -> Result<(), End> {
        let connect = match packets::read_connect(first, packet) {
            Ok(connect) => connect,
            Err((version, refusal)) => return Err(self.refuse(version, refusal).await),
        };
        let version = connect.version;
        if !password_fits(self.shared.config.mqtt_password.as_deref(), connect.password) {
            metrics::counter!(telemetry::CONNECTIONS_REFUSED, "reason" => "mqtt_password").increment(1);
            return Err(self.refuse(Some(version), packets::PASSWORD).await);
        }
        let (welcome, silence_max) = self.terms(&connect);
        self.send(&packets::accepted(version, &welcome)).await?;
        self.client = Some(Client { version, silence_max });
        Ok(())
    }

    /// Answers a CONNECT that is not accepted, where it can be answered.
    async fn refuse(&self, version: Option<Version>, refusal: Refusal) -> End {
        if let Some(version) = version {
            let _ = stream::write_all(&self.stream, &packets::refused(version, refusal), FAREWELL).await;
        }
        End::Silent(refusal.what)
    }

    /// What holds for this client: 1.5 times its keep-alive, but a client that asks for none gets ours.
    fn terms(&self, connect: &Connect<'_>) -> (Welcome, Duration) {
        let config = &self.shared.config;
        let ours = u16::try_from(config.idle_timeout_s).unwrap_or(u16::MAX).max(1);
        let imposed = match (connect.version, connect.keep_alive_s) {
            (_, 0) => Some(ours),
            (Version::V5, asked) if asked > ours => Some(ours),
            _ => None,
        };
        let keep_alive_s = imposed.unwrap_or(connect.keep_alive_s);
        let welcome = Welcome {
            receive_max: config.mqtt_in_flight_max,
            packet_bytes_max: u32::try_from(config.mqtt_packet_bytes_max).unwrap_or(u32::MAX),
            keep_alive_s: imposed,
            client_id: connect.client_id.is_empty().then(|| format!("purview-{}", self.admission.number)),
            wants_session: connect.wants_session,
        };
        (welcome, Duration::from_millis(u64::from(keep_alive_s) * 1_500))
    }

    async fn publication(&mut self, version: Version, publish: &Publish<'_>) -> Result<(), End> {
        let taken = match publication::protocol_of(publish.topic) {
            Some(protocol) => publication::take(self.shared, protocol, publish.topic, publish.payload),
            None => Publication::Bad(packets::TOPIC.what),
        };
        let (commit, code) = match taken {
            Publication::Kept { batch, device } => {
                self.note(device);
                let commit = if batch.is_empty() { None } else { Some(self.shared.journal.hand_over(batch).await.map_err(not_durable)?) };
                (commit, packets::SUCCESS)
            }
            Publication::Unknown => (None, self.decline(version, packets::NOT_AUTHORIZED)?),
            Publication::Bad(what) => {
                tracing::debug!(protocol = "mqtt", reason = what, "bad publication");
                self.bad_frames = self.bad_frames.saturating_add(1);
                if self.bad_frames > self.shared.config.bad_frames_max {
                    return Err(End::Told(packets::TOO_MANY_BAD));
                }
                let refusal = if what == packets::TOPIC.what { packets::TOPIC } else { packets::PAYLOAD };
                (None, self.decline(version, refusal)?)
            }
        };
        self.in_flight.push_back(InFlight { commit, ack: publish.packet_id.map(|id| (id, code)) });
        Ok(())
    }

    /// Version 5 can say no to one publication; 3.1.1 can only close (MQTT-3.3.5-2: acknowledge, or close).
    fn decline(&self, version: Version, refusal: Refusal) -> Result<u8, End> {
        match version {
            Version::V5 => Ok(refusal.code),
            Version::V3 => Err(End::Silent(refusal.what)),
        }
    }

    fn note(&mut self, device: Option<DeviceId>) {
        if let Some(device) = device.filter(|device| !self.devices.contains(device) && self.devices.len() < DEVICES_MAX) {
            self.admission.serves(device);
            self.devices.push(device);
        }
    }

    /// Acknowledges the publication at the front, if it is durable.
    async fn release(&mut self, committed: Result<Option<Committed>, AppendError>) -> Result<(), End> {
        let Some(front) = self.in_flight.pop_front() else { return Ok(()) };
        // What is not acknowledged stays with the client; an error in its acknowledgement would make it forget it.
        if committed.map_err(not_durable)?.is_some_and(|committed| committed.refused > 0) {
            return Err(End::Told(packets::NOT_DURABLE));
        }
        match (front.ack, self.client) {
            (Some((packet_id, code)), Some(client)) => self.send(&packets::puback(client.version, packet_id, code)).await,
            _ => Ok(()),
        }
    }

    async fn send(&self, packet: &[u8]) -> Result<(), End> {
        stream::write_all(&self.stream, packet, Duration::from_secs(self.shared.config.frame_deadline_s)).await.map_err(End::Silent)
    }
}

fn not_durable(_: AppendError) -> End {
    End::Told(packets::NOT_DURABLE)
}

/// Waits for the commit of the publication at the front.
async fn front(in_flight: &mut VecDeque<InFlight>) -> Result<Option<Committed>, AppendError> {
    match in_flight.front_mut().and_then(|front| front.commit.as_mut()) {
        Some(receiver) => receiver.await.unwrap_or(Err(AppendError::Closed)).map(Some),
        None => Ok(None),
    }
}
