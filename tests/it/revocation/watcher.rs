//! A viewer on a real WebSocket. What he is told is kept in order.

use super::http::PATIENCE;
use futures_util::{SinkExt, StreamExt};
use purview::model::{Micros, from_rfc3339};
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

/// One thing that he was told.
#[derive(Clone, Debug)]
pub struct Told {
    pub kind: String,
    pub device: String,
    pub geofence: String,
    /// The fix time that it tells, the last of them.
    pub time: Option<Micros>,
    pub recorded_at: Option<Micros>,
    pub cursor: String,
}

impl Told {
    pub fn of(value: &Value) -> Self {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let time = |name: &str| value[name].as_str().and_then(from_rfc3339);
        Self {
            kind: text("type"),
            device: text("device"),
            geofence: text("geofence"),
            time: ["fix_time", "exited_at", "entered_at"].into_iter().find_map(time),
            recorded_at: time("recorded_at"),
            cursor: text("cursor"),
        }
    }

    /// Whether it tells of what a tracker said, and not of the stream itself.
    pub fn is_news(&self) -> bool {
        ["position", "visit", "alert"].contains(&self.kind.as_str())
    }
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In order, with this code.
    Closed(u16),
    /// Cut off.
    Broken,
}

pub struct Watcher {
    told: mpsc::UnboundedReceiver<Result<Told, End>>,
    pub cursor: String,
    reading: tokio::task::JoinHandle<()>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

pub type Socket = WebSocketStream<TcpStream>;

/// The handshake over a connection; `Err`: the status that it was refused with.
pub async fn shake_hands(api: SocketAddr, token: &str, stream: TcpStream) -> Result<Socket, u16> {
    let mut request = format!("ws://{api}/api/v1/stream").into_client_request().expect("a request");
    request.headers_mut().insert("Authorization", format!("Bearer {token}").parse().expect("a header"));
    match tokio::time::timeout(PATIENCE, tokio_tungstenite::client_async(request, stream)).await.expect("an answer in time") {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(_) => Err(0),
    }
}

impl Watcher {
    /// `Err`: the status that it was refused with.
    pub async fn open(api: SocketAddr, token: &str, resume: Option<&str>) -> Result<Self, u16> {
        let stream = TcpStream::connect(api).await.expect("the api");
        let mut socket = shake_hands(api, token, stream).await?;
        let mut subscribe = json!({ "type": "subscribe", "devices": "all" });
        if let Some(cursor) = resume {
            subscribe["resume"] = json!(cursor);
        }
        // A stream that is closed already says so when it is read.
        let _ = socket.send(Message::text(subscribe.to_string())).await;
        Ok(Self::over(socket))
    }

    pub fn over(mut socket: Socket) -> Self {
        let (to, told) = mpsc::unbounded_channel();
        let reading = tokio::spawn(async move {
            let end = loop {
                match socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let values: Vec<Value> = serde_json::from_str(&text).expect("an array");
                        values.iter().for_each(|value| drop(to.send(Ok(Told::of(value)))));
                    }
                    Some(Ok(Message::Close(frame))) => break End::Closed(frame.map_or(1005, |frame| frame.code.into())),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => break End::Broken,
                }
            };
            let _ = to.send(Err(end));
        });
        Self { told, cursor: String::new(), reading }
    }

    /// Everything up to what `last` names, or up to the end.
    pub async fn until(&mut self, last: impl Fn(&Told) -> bool) -> (Vec<Told>, Option<End>) {
        let mut seen = Vec::new();
        let reading = async {
            while let Some(told) = self.told.recv().await {
                let told = match told {
                    Ok(told) => told,
                    Err(end) => return Some(end),
                };
                if !told.cursor.is_empty() {
                    self.cursor.clone_from(&told.cursor);
                }
                let is_last = last(&told);
                seen.push(told);
                if is_last {
                    return None;
                }
            }
            Some(End::Broken)
        };
        let end = tokio::time::timeout(PATIENCE, reading).await;
        let end = end.unwrap_or_else(|_| panic!("what was waited for did not come; last: {:?}", seen.last()));
        (seen, end)
    }
}
