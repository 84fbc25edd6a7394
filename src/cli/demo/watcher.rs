//! A viewer as he really is: signed in over HTTP, with a WebSocket open. What comes is written down as it stands on the wire.

use super::compare::Key;
use super::http;
use super::scene::Person;
use crate::cli::Failure;
use crate::model::{Micros, PublicId, from_rfc3339};
use futures_util::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

const READY_DEADLINE: Duration = Duration::from_secs(10);

/// A thing that came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Arrival {
    pub key: Key,
    pub device: PublicId,
    pub geofence: Option<PublicId>,
    /// The first and the last instant that it tells of.
    pub span: (Micros, Micros),
    pub recorded_at: Micros,
    pub late: bool,
    /// How often the stream had said `access_changed` before.
    pub access_changes: u32,
}

/// All that came.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pub arrivals: Vec<Arrival>,
    pub access_changes: u32,
    /// What should not have come: an error, `lagged`, `truncated`, something that does not read, the end.
    pub trouble: Vec<String>,
    ready: bool,
}

/// A viewer at his stream.
pub(super) struct Watcher {
    pub token: String,
    inbox: Arc<Mutex<Inbox>>,
    reader: JoinHandle<()>,
}

impl Watcher {
    /// Signs in, opens the stream, and waits until it is live.
    pub(super) async fn start(api: SocketAddr, person: &Person) -> Result<Self, Failure> {
        let login = json!({ "email": person.email, "password": person.password });
        let answer = http::call(api, ("POST", "/api/v1/session"), None, &login).await?;
        let token = answer.get("token").and_then(Value::as_str).ok_or("the log-in gave no token")?.to_owned();
        let mut request = format!("ws://{api}/api/v1/stream").into_client_request()?;
        request.headers_mut().insert("Authorization", format!("Bearer {token}").parse()?);
        let (mut socket, _) = tokio_tungstenite::client_async(request, TcpStream::connect(api).await?).await?;
        let subscription = json!({ "type": "subscribe", "devices": "all", "kinds": ["position", "visit", "alert"] });
        socket.send(Message::text(subscription.to_string())).await?;
        let (inbox, live) = (Arc::new(Mutex::new(Inbox::default())), Arc::new(Notify::new()));
        let reader = tokio::spawn(read(socket, Arc::clone(&inbox), Arc::clone(&live)));
        let watcher = Self { token, inbox, reader };
        tokio::time::timeout(READY_DEADLINE, live.notified())
            .await
            .map_err(|_| format!("the stream of the {} does not begin", person.name))?;
        Ok(watcher)
    }

    /// Looks at what came.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Inbox) -> T) -> T {
        look(&self.inbox.lock())
    }

    /// Closes the stream.
    pub(super) fn stop(&self) {
        self.reader.abort();
    }
}

async fn read(mut socket: WebSocketStream<TcpStream>, inbox: Arc<Mutex<Inbox>>, live: Arc<Notify>) {
    loop {
        let trouble = match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let mut inbox = inbox.lock();
                note(&mut inbox, text.as_str());
                if inbox.ready {
                    live.notify_one();
                }
                continue;
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(other)) => format!("the stream ended: {other:?}"),
            Some(Err(error)) => format!("the stream broke: {error}"),
            None => "the stream ended".to_owned(),
        };
        return inbox.lock().trouble.push(trouble);
    }
}

/// Writes one message down.
fn note(inbox: &mut Inbox, text: &str) {
    let Ok(Value::Array(items)) = serde_json::from_str(text) else {
        return inbox.trouble.push(format!("not an array of items: {text}"));
    };
    for item in items {
        match item.get("type").and_then(Value::as_str).unwrap_or_default() {
            "position" | "visit" | "alert" => match arrival(&item, inbox.access_changes) {
                Some(arrival) => inbox.arrivals.push(arrival),
                None => inbox.trouble.push(format!("an item that does not read: {item}")),
            },
            "access_changed" => inbox.access_changes += 1,
            "snapshot_end" => inbox.ready = true,
            "snapshot_begin" | "cursor" => {}
            _ => inbox.trouble.push(item.to_string()),
        }
    }
}

fn arrival(item: &Value, access_changes: u32) -> Option<Arrival> {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let time = |name: &str| text(name).and_then(from_rfc3339);
    let id = |name: &str| text(name).and_then(|text| text.parse::<PublicId>().ok());
    let recorded_at = time("recorded_at")?;
    let device = id("device")?;
    let (key, span) = match text("type")? {
        "position" => {
            let fix_time = time("fix_time");
            let at = fix_time.unwrap_or(recorded_at);
            (Key::Position { device, fix_time, recorded_at }, (at, at))
        }
        "visit" => {
            let (entered, exited) = (time("entered_at"), time("exited_at"));
            let revision = u32::try_from(item.get("revision")?.as_u64()?).ok()?;
            let span = (entered.or(exited)?, exited.or(entered)?);
            (Key::Visit { id: id("id")?, revision, clipped: entered.is_none() }, span)
        }
        _ => {
            let at = time("fix_time").unwrap_or(recorded_at);
            (Key::Alert { id: id("id")? }, (at, at))
        }
    };
    let late = item.get("late").and_then(Value::as_bool).unwrap_or(false);
    Some(Arrival { key, device, geofence: id("geofence"), span, recorded_at, late, access_changes })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn what_comes_is_written_down_and_what_should_not_come_is_trouble() {
        let position = json!({ "type": "position", "device": DEVICE, "fix_time": "2026-01-01T00:00:00Z",
            "recorded_at": "2026-01-01T00:00:00.000001Z", "late": true });
        let visit = json!({ "type": "visit", "id": DEVICE, "revision": 1, "device": DEVICE, "geofence": DEVICE, "entered_at": null,
            "exited_at": "2026-01-01T00:00:00Z", "recorded_at": "2026-01-01T00:00:01Z" });
        let mut inbox = Inbox::default();
        note(&mut inbox, &json!([{ "type": "snapshot_begin" }, { "type": "snapshot_end" }, position]).to_string());
        note(&mut inbox, &json!([{ "type": "access_changed" }, visit, { "type": "cursor", "cursor": "00" }]).to_string());
        let (device, at) = (DEVICE.parse().expect("an id"), 1_767_225_600_000_000);
        assert!(inbox.ready && inbox.trouble.is_empty(), "{:?}", inbox.trouble);
        let position = inbox.arrivals[0];
        assert_eq!(position.key, Key::Position { device, fix_time: Some(at), recorded_at: at + 1 });
        assert!(position.late && position.access_changes == 0);
        let visit = inbox.arrivals[1];
        assert_eq!(visit.key, Key::Visit { id: device, revision: 1, clipped: true });
        assert_eq!((visit.span, visit.access_changes), ((at, at), 1));
        note(&mut inbox, r#"[{"type":"lagged","cursor":"00"},{"type":"position"}]"#);
        note(&mut inbox, "nonsense");
        assert_eq!(inbox.trouble.len(), 3);
    }
}
