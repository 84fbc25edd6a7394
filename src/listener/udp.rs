//! Trackers that send datagrams.

use super::Shared;
use crate::frames::Direction;
use crate::session::Session;
use crate::telemetry;
use bytes::BytesMut;
use protocols::{Protocol, ReplyBody};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;

/// No datagram over IPv4 is longer.
const DATAGRAM_BYTES_MAX: usize = 65_535;

pub(super) async fn serve(shared: Arc<Shared>, protocol: Protocol, socket: UdpSocket) {
    receive(&shared, protocol.name(), &Arc::new(socket), |socket, packet, address| datagram(&shared, protocol, socket, packet, address))
        .await;
}

/// Receives until the gateway stops, and hands each packet to `take`.
pub(super) async fn receive(
    shared: &Shared,
    name: &'static str,
    socket: &Arc<UdpSocket>,
    take: impl Fn(&Arc<UdpSocket>, &[u8], SocketAddr),
) {
    let mut buffer = vec![0_u8; DATAGRAM_BYTES_MAX];
    loop {
        let received = tokio::select! {
            received = socket.recv_from(&mut buffer) => received,
            () = shared.stop.cancelled() => return,
        };
        match received {
            Ok((length, address)) => take(socket, buffer.get(..length).unwrap_or_default(), address),
            Err(error) => tracing::debug!(protocol = name, %error, "a datagram could not be received"),
        }
    }
}

pub(super) fn datagram(shared: &Arc<Shared>, protocol: Protocol, socket: &Arc<UdpSocket>, packet: &[u8], address: SocketAddr) {
    let mut session = Session::single(protocol);
    let mut bytes = BytesMut::from(packet);
    let step = session.receive(&mut bytes, &shared.outside());
    if step.frames > 0 {
        metrics::counter!(telemetry::FRAMES, "protocol" => protocol.name()).increment(u64::from(step.frames));
    }
    if let Some(identifier) = &step.unknown {
        shared.unknown.note(identifier, protocol, shared.clock.now());
    }
    shared.watch(&session, Direction::In, packet, step.told);
    for held in &step.replies {
        if let ReplyBody::Bytes(bytes) = &held.body {
            shared.watch(&session, Direction::Out, bytes, None);
        }
    }
    if let Some(device) = session.known().map(|known| known.device)
        && (!step.answers.is_empty() || shared.commands.has_queued(device))
    {
        let (shared, socket, answers) = (Arc::clone(shared), Arc::clone(socket), step.answers);
        let tasks = shared.tasks.clone();
        // The way to the tracker is open now; for how long, its network knows.
        tasks.spawn(async move {
            shared.take_answers(device, &answers).await;
            while let Some(bytes) = shared.next_command(&mut session).await {
                shared.watch(&session, Direction::Out, &bytes, None);
                let _ = socket.send_to(&bytes, address).await;
            }
        });
    }
    let (durable, now): (Vec<_>, Vec<_>) = step.replies.into_iter().partition(|held| held.durable);
    let send = move |socket: &UdpSocket, body: &ReplyBody| {
        if let ReplyBody::Bytes(bytes) = body {
            // A datagram that cannot leave at once is lost like any other; the tracker sends again.
            let _ = socket.try_send_to(bytes, address);
        }
    };
    now.iter().for_each(|held| send(socket, &held.body));
    if step.batch.is_empty() {
        durable.iter().for_each(|held| send(socket, &held.body));
        return;
    }
    let socket = Arc::clone(socket);
    // Without room the datagram is dropped: it was not acknowledged, so the tracker keeps it.
    shared.journal.append_with(
        step.batch,
        Box::new(move |committed| {
            if committed.is_ok_and(|committed| committed.refused == 0) {
                durable.iter().for_each(|held| send(&socket, &held.body));
            }
        }),
    );
}
