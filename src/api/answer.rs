//! Answers. What tells of the account's things is made of `Permitted` alone, and leaves in pieces that each pass the gate of the viewer
//! that they were judged for (P6).

use super::problem::Problem;
use super::told::{Telling, Told};
use crate::directory::Changed;
use crate::model::PublicId;
use crate::router::{BodyGuard, Chunk};
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use policy::Permitted;
use serde_json::json;
use std::io;

/// Bytes that pass the gate at once.
const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// An answer.
pub(super) enum Answer {
    /// Things that this viewer may see.
    Shown(Shown),
    /// What a change led to: its ids, versions and secrets are the caller's own.
    Done(Done),
}

/// What a change led to.
#[derive(Clone)]
pub(super) struct Done {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// JSON made of permitted things.
pub(super) struct Shown {
    json: String,
    version: Option<u64>,
}

impl Shown {
    /// One thing.
    pub fn one<T: Told>(permitted: &Permitted<T>, telling: &Telling<'_>) -> Self {
        let mut json = String::with_capacity(512);
        permitted.item().write(telling, &mut json);
        Self { json, version: permitted.item().version() }
    }

    /// A page of a list.
    pub fn list<T: Told>(rows: &[Permitted<T>], cursor: Option<String>, telling: &Telling<'_>) -> Self {
        let mut json = String::with_capacity(rows.len().saturating_mul(400).saturating_add(64));
        json.push_str("{\"items\":[");
        for (at, row) in rows.iter().enumerate() {
            if at > 0 {
                json.push(',');
            }
            row.item().write(telling, &mut json);
        }
        json.push_str("],\"cursor\":");
        // Hexadecimal: nothing in it is to be escaped.
        match cursor.filter(|cursor| !cursor.is_empty()) {
            Some(cursor) => {
                json.push('"');
                json.push_str(&cursor);
                json.push_str("\"}");
            }
            None => json.push_str("null}"),
        }
        Self { json, version: None }
    }
}

impl Answer {
    pub fn one<T: Told>(permitted: &Permitted<T>, telling: &Telling<'_>) -> Self {
        Self::Shown(Shown::one(permitted, telling))
    }

    pub fn list<T: Told>(rows: &[Permitted<T>], cursor: Option<String>, telling: &Telling<'_>) -> Self {
        Self::Shown(Shown::list(rows, cursor, telling))
    }

    /// Nothing to tell.
    pub fn nothing() -> Self {
        Self::Done(Done { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: Bytes::new() })
    }

    /// Something was created below this path.
    pub fn created(path: &str, changed: &Changed) -> Self {
        let Some(id) = changed.id() else { return Self::nothing() };
        let mut headers = version_header(changed.version);
        if let Ok(location) = HeaderValue::try_from(format!("{}{path}/{id}", super::PREFIX)) {
            headers.insert(LOCATION, location);
        }
        Self::json(StatusCode::CREATED, headers, &json!({ "id": id, "version": changed.version }))
    }

    /// Something was edited.
    pub fn edited(id: PublicId, changed: &Changed) -> Self {
        Self::json(StatusCode::OK, version_header(changed.version), &json!({ "id": id, "version": changed.version }))
    }

    /// What is the caller's own.
    pub fn own(value: &serde_json::Value) -> Self {
        Self::json(StatusCode::OK, HeaderMap::new(), value)
    }

    fn json(status: StatusCode, mut headers: HeaderMap, value: &serde_json::Value) -> Self {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self::Done(Done { status, headers, body: Bytes::from(value.to_string()) })
    }
}

fn version_header(version: Option<u64>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(etag) = version.and_then(|version| HeaderValue::try_from(format!("\"{version}\"")).ok()) {
        headers.insert(ETAG, etag);
    }
    headers
}

impl Done {
    pub fn respond(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

impl Shown {
    /// The answer, if the viewer that it was judged for is still the one in force. Later pieces are cut off if he is not.
    pub fn respond(self, guard: &BodyGuard, is_open: impl Fn() -> bool + Send + 'static) -> Option<Response> {
        let first = guard.chunk().filter(|_| is_open())?;
        let mut headers = version_header(self.version);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.json.len()));
        let mut response = Response::new(Body::from_stream(pieces(Bytes::from(self.json), guard.clone(), first, is_open)));
        *response.headers_mut() = headers;
        Some(response)
    }
}

/// Each piece counts as being sent until the next one is asked for, or nobody asks any more.
fn pieces(
    json: Bytes,
    guard: BodyGuard,
    first: Chunk,
    is_open: impl Fn() -> bool + Send + 'static,
) -> impl stream::Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold((json, Some(first), is_open, false), move |(mut rest, held, is_open, begun)| {
        let guard = guard.clone();
        async move {
            let held = if begun {
                // What was handed over last is written first.
                tokio::task::yield_now().await;
                drop(held);
                if rest.is_empty() {
                    return None;
                }
                guard.chunk().filter(|_| is_open())
            } else {
                held
            };
            if held.is_none() {
                let cut = io::Error::new(io::ErrorKind::ConnectionAborted, "access changed while the answer was being sent");
                return Some((Err(cut), (Bytes::new(), None, is_open, true)));
            }
            let piece = rest.split_to(rest.len().min(CHUNK_BYTES_MAX));
            Some((Ok(piece), (rest, held, is_open, true)))
        }
    })
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        problem.into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::DeliveryConfig;
    use crate::router::{Compile, Router, SessionId, Touched};
    use futures_util::StreamExt as _;
    use policy::{Access, AccountId, DeviceWindows, UserId, Viewer};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    struct Owners;

    impl Compile for Owners {
        fn compile(&self, user: UserId, generation: u64) -> Option<Viewer> {
            let account_devices = DeviceWindows::default();
            Some(Viewer { account: AccountId(1), user, access: Access::Owner, account_devices, epoch: 1, generation, disabled: false })
        }

        fn session_is_open(&self, _: SessionId) -> bool {
            true
        }
    }

    const USER: UserId = UserId(7);

    fn long() -> Shown {
        Shown { json: "x".repeat(3 * CHUNK_BYTES_MAX), version: None }
    }

    fn rig() -> (Router, BodyGuard) {
        let router = Router::new(DeliveryConfig::default(), Arc::new(Clock::system()), Arc::new(Owners));
        let guard = router.body(USER).expect("a viewer");
        (router, guard)
    }

    #[tokio::test]
    async fn p6_what_is_left_of_an_answer_is_cut_off_when_access_is_taken_away() {
        let (router, guard) = rig();
        let mut body = long().respond(&guard, || true).expect("current").into_body().into_data_stream();
        assert_eq!(body.next().await.expect("a piece").expect("sent").len(), CHUNK_BYTES_MAX);
        let narrowed = Touched { users: vec![USER], narrowed: true, ..Touched::default() };
        let enforced = async {
            router.enforce(&narrowed).await;
        };
        let rest = async { body.next().await.expect("an end").is_err() };
        let ((), cut) = tokio::join!(enforced, rest);
        assert!(cut && body.next().await.is_none());
        assert!(long().respond(&guard, || true).is_none(), "an answer judged before is not begun");
        assert!(router.body(USER).is_some_and(|guard| long().respond(&guard, || true).is_some()), "one judged anew is");
    }

    #[tokio::test]
    async fn p6_an_answer_is_cut_off_when_its_session_ends() {
        let (_router, guard) = rig();
        let open = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&open);
        let response = long().respond(&guard, move || asked.load(Ordering::SeqCst)).expect("open");
        let mut body = response.into_body().into_data_stream();
        assert!(body.next().await.expect("a piece").is_ok());
        open.store(false, Ordering::SeqCst);
        assert!(body.next().await.expect("an end").is_err());
        assert!(long().respond(&guard, || false).is_none());
    }

    #[tokio::test]
    async fn an_answer_that_nobody_disturbs_leaves_whole() {
        let (_router, guard) = rig();
        let body = long().respond(&guard, || true).expect("current").into_body();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("whole");
        assert_eq!(bytes.len(), 3 * CHUNK_BYTES_MAX);
    }
}
