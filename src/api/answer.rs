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
