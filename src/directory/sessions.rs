//! Sessions: an opaque token outside, its hash inside, and an end when it is not used.

use super::snapshot::Snapshot;
use super::store::LoadedSession;
use crate::model::PublicId;
use dashmap::DashMap;
use policy::{AccountId, Micros, UserId};
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Names a session. It is no secret: nobody gets in with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub PublicId);

/// What lets somebody in. It is shown once and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// As it is given to its user.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// 256 bits from the system's source of randomness.
    fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        let mut text = String::with_capacity(64);
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        Ok(Self(text))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// In which account.
    pub account: AccountId,
    /// When it was opened.
    pub created_at: Micros,
    /// When it was last used.
    pub used_at: Micros,
}

/// What was opened by a log-in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// What lets in.
    pub token: Token,
}

/// Why nobody was let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The address, or the password, or both; or the user is disabled. It does not say which.
    #[error("the e-mail address or the password is wrong")]
    Refused,
    /// The address and the password fit in several accounts (P15): id and name of each.
    #[error("which account?")]
    WhichAccount(Vec<(PublicId, String)>),
    /// Too many are waiting.
    #[error("too many log-ins are waiting; try again")]
    Busy,
    /// The session could not be stored.
    #[error("the session could not be stored: {0}")]
    Storage(String),
}

/// Parts of the idle time after which a use is written down.
const WRITTEN_PARTS: i64 = 16;

struct Entry {
    id: SessionId,
    user: UserId,
    account: AccountId,
    token_hash: [u8; 32],
    created_at: Micros,
    used_at: AtomicI64,
    written_at: AtomicI64,
}

impl Entry {
    fn session(&self) -> Session {
        let used_at = self.used_at.load(Ordering::Relaxed);
        Session { id: self.id, user: self.user, account: self.account, created_at: self.created_at, used_at }
    }
}

/// A session as it is written.
pub(super) struct SessionRow {
    pub(super) token_hash: [u8; 32],
    pub(super) user: UserId,
    pub(super) created_at: Micros,
    pub(super) used_at: Micros,
}

/// All sessions. Only the writer puts in and takes out.
pub(super) struct Sessions {
    by_hash: DashMap<[u8; 32], Arc<Entry>>,
    by_id: DashMap<SessionId, Arc<Entry>>,
    by_user: DashMap<UserId, Vec<Arc<Entry>>>,
    idle: Micros,
}

impl Sessions {
    pub(super) fn new(stored: Vec<LoadedSession>, snapshot: &Snapshot, idle: Micros) -> Self {
        let sessions = Self { by_hash: DashMap::new(), by_id: DashMap::new(), by_user: DashMap::new(), idle };
        for row in stored {
            let Some(user) = snapshot.user(row.user) else { continue };
            sessions.insert(Entry {
                id: row.id,
                user: user.id,
                account: user.account,
                token_hash: row.token_hash,
                created_at: row.created_at,
                used_at: AtomicI64::new(row.used_at),
                written_at: AtomicI64::new(row.used_at),
            });
        }
        sessions
    }

    fn insert(&self, entry: Entry) {
        let entry = Arc::new(entry);
        self.by_user.entry(entry.user).or_default().push(Arc::clone(&entry));
        self.by_id.insert(entry.id, Arc::clone(&entry));
        self.by_hash.insert(entry.token_hash, entry);
    }

    /// Opens a session; its token is known to nobody else.
    pub(super) fn open(&self, user: UserId, account: AccountId, now: Micros) -> Result<SignedIn, getrandom::Error> {
        let token = Token::random()?;
        let entry = Entry {
            id: SessionId(new_public_id(now)),
            user,
            account,
            token_hash: hash(token.as_str()),
            created_at: now,
            used_at: AtomicI64::new(now),
            written_at: AtomicI64::new(now),
        };
        let session = entry.session();
        self.insert(entry);
        Ok(SignedIn { session, token })
    }

    pub(super) fn remove(&self, id: SessionId) {
        let Some((_, entry)) = self.by_id.remove(&id) else { return };
        self.by_hash.remove(&entry.token_hash);
        if let Some(mut of_user) = self.by_user.get_mut(&entry.user) {
            of_user.retain(|other| other.id != id);
        }
        self.by_user.remove_if(&entry.user, |_, of_user| of_user.is_empty());
    }

    /// The session of a token, and notes that it was used.
    pub(super) fn of_token(&self, token: &str, now: Micros) -> Option<Session> {
        let entry = Arc::clone(&*self.by_hash.get(&hash(token))?);
        if self.is_over(&entry, now) {
            return None;
        }
        entry.used_at.fetch_max(now, Ordering::Relaxed);
        Some(entry.session())
    }

    fn is_over(&self, entry: &Entry, now: Micros) -> bool {
        now.saturating_sub(entry.used_at.load(Ordering::Relaxed)) > self.idle
    }

    /// Notes that a session is in use: a stream that it opened is.
    pub(super) fn used(&self, id: SessionId, now: Micros) {
        if let Some(entry) = self.by_id.get(&id).filter(|entry| !self.is_over(entry, now)) {
            entry.used_at.fetch_max(now, Ordering::Relaxed);
        }
    }

    pub(super) fn by_id(&self, id: SessionId) -> Option<Session> {
        self.by_id.get(&id).map(|entry| entry.session())
    }

    /// Of a user, the oldest first.
    pub(super) fn of_user(&self, user: UserId) -> Vec<Session> {
        let mut sessions: Vec<Session> = self.by_user.get(&user).map(|all| all.iter().map(|e| e.session()).collect()).unwrap_or_default();
        sessions.sort_by_key(|session| (session.created_at, session.id));
        sessions
    }

    /// Those that were not used for too long.
    pub(super) fn over(&self, now: Micros, rows_max: usize) -> Vec<SessionId> {
        self.by_id.iter().filter(|entry| self.is_over(entry, now)).map(|entry| entry.id).take(rows_max).collect()
    }

    /// Those whose last use is not written down well enough; from now on they count as written.
    pub(super) fn to_write(&self, rows_max: usize) -> Vec<SessionId> {
        let late = |entry: &Entry| {
            let used = entry.used_at.load(Ordering::Relaxed);
            used - entry.written_at.load(Ordering::Relaxed) > self.idle / WRITTEN_PARTS
        };
        let entries: Vec<Arc<Entry>> = self.by_id.iter().filter(|e| late(e)).take(rows_max).map(|e| Arc::clone(&*e)).collect();
        entries
            .into_iter()
            .map(|entry| {
                entry.written_at.store(entry.used_at.load(Ordering::Relaxed), Ordering::Relaxed);
                entry.id
            })
            .collect()
    }

    pub(super) fn row(&self, id: SessionId) -> Option<SessionRow> {
        self.by_id.get(&id).map(|entry| SessionRow {
            token_hash: entry.token_hash,
            user: entry.user,
            created_at: entry.created_at,
            used_at: entry.used_at.load(Ordering::Relaxed),
        })
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// A UUID, version 7, of this instant.
pub(crate) fn new_public_id(now: Micros) -> PublicId {
    let seconds = u64::try_from(now.div_euclid(1_000_000)).unwrap_or(0);
    let nanos = u32::try_from(now.rem_euclid(1_000_000) * 1_000).unwrap_or(0);
    PublicId::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
}
