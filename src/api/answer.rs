//! Answers. What tells of the account's things is made of `Permitted` alone, and leaves in pieces that each pass the gate of the viewer
//! that they were judged for (P6).

use super::problem::Problem;
use super::told::{Telling, Told};
use crate::delivery::SocketControl;
use crate::directory::{Changed, Directory, SessionId};
use crate::model::PublicId;
use crate::router::{BodyGuard, Chunk, Going};
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

    /// Something without a version was created below this path.
    pub fn made(path: &str, id: PublicId) -> Self {
        Self::created(path, &Changed { created: vec![id], ..Changed::default() })
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

/// The gate that the pieces of one answer pass, and the connection that they go to.
#[derive(Clone)]
pub(super) struct Way {
    pub guard: BodyGuard,
    pub directory: Directory,
    pub session: SessionId,
    /// `None`: not over a socket of ours.
    pub socket: Option<SocketControl>,
}

impl Way {
    /// Lets a piece through: the viewer that it was judged for is in force, and his session is open.
    fn pass(&self) -> Option<Chunk> {
        let socket = self.socket.clone();
        let reset = move || socket.iter().for_each(SocketControl::reset);
        let chunk = self.guard.chunk(Going { session: crate::router::SessionId(self.session.0), reset: Box::new(reset) })?;
        self.directory.session_is_open(self.session).then_some(chunk)
    }

    /// Until the piece before is with the kernel, the next one is not begun.
    async fn is_free(&self) {
        match &self.socket {
            Some(socket) => socket.sent().await,
            None => tokio::task::yield_now().await,
        }
    }

    /// The piece counts as being sent until it is with the kernel.
    fn hand_over(&self, chunk: Chunk) -> Option<Chunk> {
        match &self.socket {
            Some(socket) => {
                socket.hold(chunk);
                None
            }
            None => Some(chunk),
        }
    }
}

impl Shown {
    /// The answer, if the viewer that it was judged for is still the one in force. Later pieces are cut off if he is not.
    pub fn respond(self, way: &Way) -> Option<Response> {
        let first = way.pass()?;
        let mut headers = version_header(self.version);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.json.len()));
        let mut response = Response::new(Body::from_stream(pieces(Bytes::from(self.json), way.clone(), first)));
        *response.headers_mut() = headers;
        Some(response)
    }
}

/// What is left of an answer, and what stands for the piece that is being sent.
enum Left {
    First(Bytes, Chunk),
    Later(Bytes, Option<Chunk>),
    Nothing,
}

fn pieces(json: Bytes, way: Way, first: Chunk) -> impl stream::Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold((Left::First(json, first), way), async |(left, way)| {
        let (mut rest, chunk) = match left {
            Left::Nothing => return None,
            Left::First(rest, chunk) => (rest, Some(chunk)),
            Left::Later(rest, before) => {
                way.is_free().await;
                drop(before);
                if rest.is_empty() {
                    return None;
                }
                (rest, way.pass())
            }
        };
        let Some(chunk) = chunk else {
            way.socket.iter().for_each(SocketControl::reset);
            let cut = io::Error::new(io::ErrorKind::ConnectionAborted, "access changed while the answer was being sent");
            return Some((Err(cut), (Left::Nothing, way)));
        };
        let piece = rest.split_to(rest.len().min(CHUNK_BYTES_MAX));
        let held = way.hand_over(chunk);
        Some((Ok(piece), (Left::Later(rest, held), way)))
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
    use crate::directory::{Actor, Change, NewUser};
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

    struct World {
        router: Router,
        directory: Directory,
        user: UserId,
        session: crate::directory::Session,
    }

    const PASSWORD: &str = "tall-oak-9 river";

    impl World {
        async fn new() -> Self {
            let clock = Arc::new(Clock::system());
            let directory = Directory::open_in_memory(Arc::clone(&clock), None).await.expect("a directory");
            let tariff = Change::CreateTariff { name: "t".to_owned(), history: 1_000_000 };
            let tariff = directory.change(Actor::Operator, tariff).await.expect("made").id().expect("an id");
            let owner = NewUser {
                email: "a@b.example".to_owned(),
                password: PASSWORD.into(),
                name: String::new(),
                surname: String::new(),
                phone: String::new(),
            };
            let account = Change::CreateAccount { name: "a".to_owned(), tariff, owner };
            directory.change(Actor::Operator, account).await.expect("made");
            let session = directory.sign_in("a@b.example", PASSWORD, None).await.expect("let in").session;
            let router = Router::new(DeliveryConfig::default(), clock, Arc::new(Owners));
            Self { router, directory, user: session.user, session }
        }

        fn way(&self) -> Way {
            let guard = self.router.body(self.user).expect("a viewer");
            Way { guard, directory: self.directory.clone(), session: self.session.id, socket: None }
        }
    }

    fn long() -> Shown {
        Shown { json: "x".repeat(3 * CHUNK_BYTES_MAX), version: None }
    }

    #[tokio::test]
    async fn p6_what_is_left_of_an_answer_is_cut_off_when_access_is_taken_away() {
        let world = World::new().await;
        let way = world.way();
        let mut body = long().respond(&way).expect("current").into_body().into_data_stream();
        assert_eq!(body.next().await.expect("a piece").expect("sent").len(), CHUNK_BYTES_MAX);
        let narrowed = Touched { users: vec![world.user], narrowed: true, ..Touched::default() };
        let (rest, ()) = tokio::join!(async { body.next().await.expect("an end") }, world.router.enforce(&narrowed));
        // The piece after the first was begun before the change, or not at all.
        assert!(rest.is_err() || body.next().await.expect("an end").is_err());
        assert!(body.next().await.is_none());
        assert!(long().respond(&way).is_none(), "an answer judged before is not begun");
        assert!(long().respond(&world.way()).is_some(), "one judged anew is");
    }

    #[tokio::test]
    async fn p6_what_was_not_taken_at_the_end_of_the_grace_is_cut_off() {
        let world = World::new().await;
        let way = world.way();
        let reset = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&reset);
        let going =
            Going { session: crate::router::SessionId(world.session.id.0), reset: Box::new(move || told.store(true, Ordering::SeqCst)) };
        let chunk = way.guard.chunk(going).expect("let through");
        let narrowed = Touched { users: vec![world.user], narrowed: true, ..Touched::default() };
        world.router.enforce(&narrowed).await;
        assert!(reset.load(Ordering::SeqCst));
        drop(chunk);
    }

    #[tokio::test]
    async fn p6_an_answer_is_cut_off_when_its_session_ends() {
        let world = World::new().await;
        let way = world.way();
        let mut body = long().respond(&way).expect("open").into_body().into_data_stream();
        assert!(body.next().await.expect("a piece").is_ok());
        let close = Change::CloseSession { session: world.session.id };
        world.directory.change(Actor::User(world.user, None), close).await.expect("closed");
        assert!(body.next().await.expect("an end").is_err());
        assert!(long().respond(&way).is_none());
    }

    #[tokio::test]
    async fn an_answer_that_nobody_disturbs_leaves_whole() {
        let world = World::new().await;
        let body = long().respond(&world.way()).expect("current").into_body();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("whole");
        assert_eq!(bytes.len(), 3 * CHUNK_BYTES_MAX);
    }
}
