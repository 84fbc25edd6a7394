//! One viewer's socket.

use super::{Delivery, SocketControl, Who, request};
use crate::model::{DeviceId, Order};
use crate::router::{CloseReason, OpenError, Outgoing, Stream, Subscription};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Items of one message.
const ITEMS_MAX: usize = 256;
/// How long a viewer may take to say what he wants.
const SUBSCRIBE_DEADLINE: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(30);

/// WebSocket close codes, RFC 6455 §7.4; 4000 and up are the application's own.
mod code {
    pub const GOING_AWAY: u16 = 1001;
    pub const POLICY: u16 = 1008;
    pub const AGAIN_LATER: u16 = 1013;
    pub const SIGNED_OUT: u16 = 4401;
}

/// Runs a stream from the upgrade to its end.
pub(super) async fn run(mut socket: WebSocket, delivery: Arc<Delivery>, who: Who, control: SocketControl) {
    let (subscription, resume, unknown) = match first_message(&mut socket, &delivery, who).await {
        Ok(read) => read,
        Err(detail) => return refuse(socket, code::POLICY, &detail).await,
    };
    let stream = match delivery.router.open(who.user, who.session, subscription, resume) {
        Ok(stream) => stream,
        Err(OpenError::NoViewer) => return refuse(socket, code::SIGNED_OUT, "signed out").await,
        Err(error) => return refuse(socket, code::AGAIN_LATER, &error.to_string()).await,
    };
    stream.set_reset(Box::new(move || control.reset()));
    if !unknown.is_empty() {
        let text = serde_json::json!([{"type": "not_found", "devices": unknown}]).to_string();
        if socket.send(Message::text(text)).await.is_err() {
            return delivery.router.close(&stream, CloseReason::Gone);
        }
    }
    let (opener, opened) = (Arc::clone(&delivery), Arc::clone(&stream));
    // A snapshot or a resume reads files.
    let begun = tokio::task::spawn_blocking(move || opener.begin(who, &opened, resume)).await;
    let reason = if begun.is_ok() { live(&mut socket, &delivery, who, &stream).await } else { CloseReason::Gone };
    delivery.router.close(&stream, reason);
    match reason {
        CloseReason::SignedOut => refuse(socket, code::SIGNED_OUT, "signed out").await,
        CloseReason::Stopping => refuse(socket, code::GOING_AWAY, "the gateway stops").await,
        CloseReason::Gone | CloseReason::Reset | CloseReason::Stalled => {}
    }
}

async fn refuse(mut socket: WebSocket, code: u16, reason: &str) {
    // A close frame holds at most 123 bytes of reason (RFC 6455 §5.5.1).
    let mut end = reason.len().min(120);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let text = serde_json::json!([{"type": "error", "code": code, "detail": reason}]).to_string();
    let frame = CloseFrame { code, reason: reason[..end].into() };
    let farewell = async {
        let _ = socket.send(Message::text(text)).await;
        let _ = socket.send(Message::Close(Some(frame))).await;
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), farewell).await;
}

type First = (Subscription, Option<Order>, Vec<uuid::Uuid>);

async fn first_message(socket: &mut WebSocket, delivery: &Delivery, who: Who) -> Result<First, String> {
    let text = tokio::time::timeout(SUBSCRIBE_DEADLINE, async {
        loop {
            match socket.recv().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(_)) => return Err("a text message is expected".to_owned()),
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err("closed".to_owned()),
            }
        }
    })
    .await
    .map_err(|_| "no subscription came in time".to_owned())??;
    let asked = request::subscribe(&text)?;
    let resume = match asked.resume {
        None => None,
        Some(cursor) => Some(delivery.cursors.open_sealed(who.user, &cursor).ok_or("resume: not a cursor of this user")?),
    };
    let Some(ids) = asked.devices else {
        return Ok((Subscription { devices: None, kinds: asked.kinds }, resume, Vec::new()));
    };
    let viewer = delivery.router.body(who.user).ok_or("signed out")?;
    let mut devices: HashSet<DeviceId> = HashSet::new();
    let mut unknown = Vec::new();
    for id in ids {
        // One that is not visible and one that does not exist are answered alike (P5).
        match delivery.sources.device(id).filter(|device| viewer.viewer().sees_device(*device)) {
            Some(device) => drop(devices.insert(device)),
            None => unknown.push(id),
        }
    }
    Ok((Subscription { devices: Some(devices), kinds: asked.kinds }, resume, unknown))
}

/// Sends until something ends it.
async fn live(socket: &mut WebSocket, delivery: &Delivery, who: Who, stream: &Arc<Stream>) -> CloseReason {
    let config = delivery.router.config();
    let tick = Duration::from_millis(config.tick_ms);
    let stalled = Duration::from_secs(config.stalled_timeout_s);
    let mut ping = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    let mut last_send = Instant::now().checked_sub(tick).unwrap_or_else(Instant::now);
    let mut taken = Vec::with_capacity(ITEMS_MAX);
    loop {
        if let Some(reason) = stream.outbox().closed() {
            return reason;
        }
        tokio::select! {
            () = stream.outbox().wait() => {
                // Under load, what gathers within a tick leaves together.
                tokio::time::sleep_until(last_send + tick).await;
                while stream.outbox().take(&mut taken, ITEMS_MAX) {
                    let message = encode(delivery, who, &mut taken);
                    let sent = send(socket, stream, message, stalled).await;
                    stream.outbox().sent();
                    if let Some(reason) = sent {
                        return reason;
                    }
                }
                last_send = Instant::now();
            }
            received = socket.recv() => match received {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_) | Message::Binary(_))) => {
                    let text = r#"[{"type":"error","code":1008,"detail":"a stream has one subscription; open another stream"}]"#;
                    if let Some(reason) = send(socket, stream, Message::text(text), stalled).await {
                        return reason;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return CloseReason::Gone,
            },
            _ = ping.tick() => {
                if let Some(reason) = send(socket, stream, Message::Ping(bytes::Bytes::new()), stalled).await {
                    return reason;
                }
            }
        }
    }
}

/// Sends one message; `Some`: the stream has to end.
async fn send(socket: &mut WebSocket, stream: &Stream, message: Message, stalled: Duration) -> Option<CloseReason> {
    tokio::select! {
        biased;
        sent = tokio::time::timeout(stalled, socket.send(message)) => match sent {
            Ok(Ok(())) => None,
            Ok(Err(_)) => Some(CloseReason::Gone),
            Err(_) => Some(CloseReason::Stalled),
        },
        reason = cut_short(stream) => Some(reason),
    }
}

/// Waits until a send under way has to be given up. Not for a sign-out: half a message cannot be taken back, and whatever were sent
/// behind it would send its other half first. The revoke waits for its end, or has the socket reset.
async fn cut_short(stream: &Stream) -> CloseReason {
    match stream.outbox().ended().await {
        CloseReason::SignedOut => std::future::pending().await,
        reason => reason,
    }
}

/// A JSON array of items and, at its end, the cursor behind the last of them.
fn encode(delivery: &Delivery, who: Who, taken: &mut Vec<Outgoing>) -> Message {
    let names = delivery.sources.names();
    let mut text = String::with_capacity(taken.len().saturating_mul(320));
    let mut reached: Option<Order> = None;
    for outgoing in taken.drain(..) {
        text.push(if text.is_empty() { '[' } else { ',' });
        match outgoing {
            Outgoing::Item(permitted) => {
                reached = reached.max(Some(permitted.item().item().order()));
                text.push_str(permitted.item().json(&*names));
            }
            Outgoing::AccessChanged => text.push_str(r#"{"type":"access_changed"}"#),
            Outgoing::Truncated => text.push_str(r#"{"type":"truncated"}"#),
            Outgoing::SnapshotBegin => text.push_str(r#"{"type":"snapshot_begin"}"#),
            Outgoing::SnapshotEnd(order) => {
                reached = reached.max(Some(order));
                text.push_str(r#"{"type":"snapshot_end"}"#);
            }
            Outgoing::Lagged(order) => {
                text.push_str(r#"{"type":"lagged","cursor":""#);
                text.push_str(&delivery.seal(who.user, order));
                text.push_str("\"}");
            }
        }
    }
    if let Some(order) = reached {
        text.push_str(r#",{"type":"cursor","cursor":""#);
        text.push_str(&delivery.seal(who.user, order));
        text.push_str("\"}");
    }
    text.push(']');
    Message::text(text)
}
