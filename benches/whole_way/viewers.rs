//! Viewers on real WebSockets that count what they get.

use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

#[derive(Default)]
pub struct Received {
    pub items: AtomicU64,
    pub bytes: AtomicU64,
    pub messages: AtomicU64,
    pub lagged: AtomicU64,
}

pub async fn watch(api: SocketAddr, tokens: &[String], received: &Arc<Received>) {
    for token in tokens {
        let mut request = format!("ws://{api}/api/v1/stream").into_client_request().expect("a request");
        request.headers_mut().insert("Authorization", format!("Bearer {token}").parse().expect("a header"));
        let stream = TcpStream::connect(api).await.expect("the api");
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.expect("a stream");
        socket.send(Message::text(r#"{"type":"subscribe","devices":"all"}"#)).await.expect("sent");
        let received = Arc::clone(received);
        tokio::spawn(async move {
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Text(text) = message {
                    received.messages.fetch_add(1, Ordering::Relaxed);
                    received.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
                    received.items.fetch_add(text.matches(r#"{"type":""#).count() as u64, Ordering::Relaxed);
                    received.lagged.fetch_add(text.matches(r#"{"type":"lagged""#).count() as u64, Ordering::Relaxed);
                }
            }
        });
    }
}
