//! One port for many: the first frame tells the protocol.

use super::{Shared, stream, tcp, udp};
use crate::config::AUTO;
use crate::telemetry;
use bytes::BytesMut;
use protocols::{Protocol, Recognised, Transport, recognise};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UdpSocket};

pub(super) async fn serve_streams(shared: Arc<Shared>, listener: TcpListener) {
    stream::accept(&shared, AUTO, &listener, |stream, address| {
        let shared_here = Arc::clone(&shared);
        shared.tasks.spawn(async move {
            let Some(admission) = shared_here.connections.admit(address.ip()) else { return };
            let mut bytes = BytesMut::new();
            let deadline = Duration::from_secs(shared_here.config.login_deadline_s);
            let first_frame = tokio::time::timeout(deadline, first_frame(&shared_here, &stream, &mut bytes));
            let recognised = tokio::select! {
                recognised = first_frame => recognised.ok().flatten(),
                () = shared_here.stop.cancelled() => None,
            };
            if let Some(recognised) = recognised
                && let Some(protocol) = settled(&recognised, address)
            {
                tcp::connection(&shared_here, &admission, protocol, stream, bytes).await;
            }
        });
    })
    .await;
}

/// Reads until the bytes are known to be of some protocol, or of none. `None`: the connection ended.
async fn first_frame(shared: &Shared, stream: &TcpStream, bytes: &mut BytesMut) -> Option<Recognised> {
    loop {
        stream.readable().await.ok()?;
        bytes.reserve(stream::READ_BYTES);
        match stream.try_read_buf(bytes) {
            Ok(0) => return None,
            Ok(_) => match recognise(bytes, Transport::Tcp, shared.clock.now()) {
                Recognised::Undecided => {}
                recognised => return Some(recognised),
            },
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}

pub(super) async fn serve_datagrams(shared: Arc<Shared>, socket: UdpSocket) {
    udp::receive(&shared, AUTO, &Arc::new(socket), |socket, packet, address| {
        if let Some(protocol) = settled(&recognise(packet, Transport::Udp, shared.clock.now()), address) {
            udp::datagram(&shared, protocol, socket, packet, address);
        }
    })
    .await;
}

/// The protocol, or a line in the log that names the candidates.
fn settled(recognised: &Recognised, address: SocketAddr) -> Option<Protocol> {
    let reason = match recognised {
        Recognised::As(protocol) => return Some(*protocol),
        Recognised::Ambiguous(candidates) => {
            let names: Vec<&str> = candidates.iter().map(|protocol| protocol.name()).collect();
            tracing::warn!(%address, candidates = names.join(", "), "refused: the first frame fits several protocols");
            "ambiguous"
        }
        Recognised::Undecided | Recognised::Unknown => {
            tracing::info!(%address, "refused: the first frame fits no protocol");
            "unrecognised"
        }
    };
    metrics::counter!(telemetry::FRAMES_BAD, "protocol" => AUTO, "reason" => reason).increment(1);
    None
}
