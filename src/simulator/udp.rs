//! Trackers that send datagrams: one on its way at a time, sent again until it is acknowledged.

use super::{ACK_DEADLINE, Ledger, Tracker};
use bytes::BytesMut;
use protocols::Record;
use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long before a datagram is sent again.
const AGAIN_AFTER: Duration = Duration::from_millis(400);

pub(super) async fn play(mut tracker: Tracker, number: usize, ledger: Arc<Ledger>, stop: CancellationToken) {
    let local: SocketAddr = if tracker.address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let Ok(socket) = UdpSocket::bind(local).await else { return };
    if socket.connect(tracker.address).await.is_err() {
        return;
    }
    let mut encoder = tracker.protocol.encoder(tracker.transport);
    let mut next: VecDeque<Record> = VecDeque::new();
    let mut due = Instant::now();
    let mut losses = number as u64;
    while !stop.is_cancelled() {
        while next.len() < tracker.records_per_frame {
            let Some(record) = tracker.source.next() else { break };
            next.push_back(record);
        }
        if next.is_empty() {
            return;
        }
        tokio::time::sleep_until(due).await;
        let mut packet = Vec::new();
        let taken = encoder.records(&tracker.identifier, next.make_contiguous(), &mut packet);
        due = due.max(Instant::now()) + tracker.pause_after(taken);
        ledger.sent(number, taken);
        let sent_at = Instant::now();
        if !tracker.is_acknowledged() {
            let _ = socket.send(&packet).await;
            next.drain(..taken);
            continue;
        }
        let mut acked = false;
        while !acked && sent_at.elapsed() < ACK_DEADLINE.max(Duration::from_secs(60)) {
            losses = losses.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if (losses >> 33) % 1_000 >= u64::from(tracker.losses_per_mille) {
                // A refused port (the gateway is being restarted) shows as an error here; the datagram is simply lost.
                let _ = socket.send(&packet).await;
            }
            let mut buffer = [0_u8; 2_048];
            if let Ok(Ok(length)) = tokio::time::timeout(AGAIN_AFTER, socket.recv(&mut buffer)).await {
                let mut bytes = BytesMut::from(buffer.get(..length).unwrap_or_default());
                acked = encoder.acknowledged(&mut bytes).is_ok_and(|frames| frames > 0);
            } else if stop.is_cancelled() && sent_at.elapsed() > Duration::from_secs(2) {
                return;
            } else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                ledger.resent();
            }
        }
        if !acked {
            return;
        }
        ledger.acked(number, taken, sent_at.elapsed());
        next.drain(..taken);
    }
}
