//! `Idempotency-Key`: the same creating request, sent again because its answer was lost, does nothing twice.

use super::answer::{Answer, Done};
use super::asked::Asked;
use super::problem::Problem;
use crate::directory::{Session, SessionId};
use axum::http::{HeaderName, StatusCode};
use axum::response::Response;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, VecDeque};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const KEY_BYTES_MAX: usize = 255;
/// Sessions whose answers are kept at once; the one that began first is forgotten first.
const SESSIONS_MAX: usize = 4_096;
/// Longer answers are not kept.
const ANSWER_BYTES_MAX: usize = 4 * 1024;

#[derive(Clone)]
enum Kept {
    UnderWay,
    Done(Done),
}

#[derive(Default)]
struct OfSession {
    answers: HashMap<String, ([u8; 32], Kept)>,
    order: VecDeque<String>,
}

#[derive(Default)]
struct All {
    sessions: HashMap<SessionId, OfSession>,
    order: VecDeque<SessionId>,
}

/// Answers to creating requests.
pub(super) struct Idempotency {
    keys_max: usize,
    all: Mutex<All>,
}

/// Forgets a request that came to no good end.
struct Mark<'a> {
    of: &'a Idempotency,
    session: SessionId,
    key: String,
    done: bool,
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.of.keep(self.session, &self.key, None);
        }
    }
}

impl Idempotency {
    pub fn new(keys_max: usize) -> Self {
        Self { keys_max: keys_max.max(1), all: Mutex::new(All::default()) }
    }

    /// Marks a request as under way; `Some`: it was answered before.
    fn begin(&self, session: SessionId, key: &str, print: [u8; 32]) -> Result<Option<Done>, Problem> {
        let mut all = self.all.lock();
        if !all.sessions.contains_key(&session) {
            while all.sessions.len() >= SESSIONS_MAX {
                let Some(first) = all.order.pop_front() else { break };
                all.sessions.remove(&first);
            }
            all.order.push_back(session);
        }
        let own = all.sessions.entry(session).or_default();
        match own.answers.get(key) {
            Some((other, _)) if *other != print => {
                let detail = "Idempotency-Key: another request of this session had this key";
                Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail))
            }
            Some((_, Kept::UnderWay)) => Err(Problem::new(StatusCode::CONFLICT, "under_way", "the same request is under way")),
            Some((_, Kept::Done(done))) => Ok(Some(done.clone())),
            None => {
                while own.order.len() >= self.keys_max {
                    let Some(first) = own.order.pop_front() else { break };
                    own.answers.remove(&first);
                }
                own.order.push_back(key.to_owned());
                own.answers.insert(key.to_owned(), (print, Kept::UnderWay));
                Ok(None)
            }
        }
    }

    /// `None`: it is as if it had not been asked.
    fn keep(&self, session: SessionId, key: &str, done: Option<Done>) {
        let mut all = self.all.lock();
        let Some(own) = all.sessions.get_mut(&session) else { return };
        match done {
            Some(done) => {
                if let Some((_, kept)) = own.answers.get_mut(key) {
                    *kept = Kept::Done(done);
                }
            }
            None => {
                own.answers.remove(key);
                own.order.retain(|other| other != key);
            }
        }
    }
}

/// Runs a change; with a key, once.
pub(super) async fn once(
    kept: &Idempotency,
    session: &Session,
    asked: &Asked,
    run: impl Future<Output = Result<Answer, Problem>>,
) -> Result<Response, Problem> {
    let done = |answer: Answer| match answer {
        Answer::Done(done) => Ok(done),
        // A change tells ids and versions only; what it changed is read, past the gate.
        Answer::Shown(_) => Err(Problem::failed("a change was answered with things", &asked.operation.path)),
    };
    let key = match asked.headers.get(&HEADER) {
        Some(key) if asked.operation.method == "POST" => key.to_str().ok().filter(|key| !key.is_empty() && key.len() <= KEY_BYTES_MAX),
        _ => return done(run.await?).map(Done::respond),
    };
    let Some(key) = key else {
        let detail = format!("Idempotency-Key: 1 to {KEY_BYTES_MAX} visible ASCII characters are expected");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_idempotency_key", detail));
    };
    let print = Sha256::new().chain_update(asked.uri.path()).chain_update([0]).chain_update(&asked.body).finalize().into();
    if let Some(before) = kept.begin(session.id, key, print)? {
        return Ok(before.respond());
    }
    let mut mark = Mark { of: kept, session: session.id, key: key.to_owned(), done: false };
    let done = done(run.await?)?;
    if done.body.len() <= ANSWER_BYTES_MAX {
        mark.done = true;
        kept.keep(session.id, key, Some(done.clone()));
    }
    Ok(done.respond())
}
