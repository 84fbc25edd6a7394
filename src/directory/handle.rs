//! The directory as the other rooms hold it.

use super::audit::{AuditRow, DenialRow, changes};
use super::change::{Actor, Change, ChangeError, Changed};
use super::definitions::Kept;
use super::denials::Denials;
use super::hooks::{Barrier, JournalHook};
use super::password::{Busy, Hashing, NewPassword, check};
use super::sessions::{Session, SessionId, Sessions, SignInError, SignedIn};
use super::snapshot::Snapshot;
use super::store::{Store, StoreError};
use super::writer::{Job, Shared, Writer};
use crate::clock::Clock;
use crate::config::{Config, DirectoryConfig};
use crate::model::{DefinitionSet, Definitions, PublicId, User};
use arc_swap::{ArcSwap, ArcSwapOption};
use policy::{AccountId, Action, Epoch, Micros, Reason, Resource, UserId, Verdict};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Why the directory does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The files.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration.
    #[error("{0}")]
    Config(String),
}

/// Users with one address that are compared at a log-in; nobody is in more accounts than this.
const SAME_EMAIL_MAX: usize = 16;

struct Inner {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
    hashing: Hashing,
    readers: sqlx::AnyPool,
    scratch: Option<PathBuf>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(dir) = &self.scratch {
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}

/// Who and what exists. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    inner: Arc<Inner>,
}

impl Directory {
    /// Opens the files in a folder, and makes them if there are none.
    ///
    /// # Errors
    /// When they cannot be read, or were written by a newer version.
    pub async fn open(dir: &Path, config: &Config, clock: Arc<Clock>, journal: Option<Arc<dyn JournalHook>>) -> Result<Self, OpenError> {
        Self::open_in(dir, config, clock, journal, None).await
    }

    /// Opens an empty directory in a new folder of its own under the system's place for temporary files. Nothing is synced, hashing
    /// is cheap, and the folder goes with the directory: for tests and for trying out.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub async fn open_in_memory(clock: Arc<Clock>, journal: Option<Arc<dyn JournalHook>>) -> Result<Self, OpenError> {
        let dir = std::env::temp_dir().join(format!("purview-{}", super::sessions::new_public_id(clock.now())));
        let directory = DirectoryConfig { durable: false, password_memory_kib: 8, password_passes: 1, ..DirectoryConfig::default() };
        let config = Config { directory, ..Config::default() };
        Self::open_in(&dir, &config, clock, journal, Some(dir.clone())).await
    }

    async fn open_in(
        dir: &Path,
        config: &Config,
        clock: Arc<Clock>,
        journal: Option<Arc<dyn JournalHook>>,
        scratch: Option<PathBuf>,
    ) -> Result<Self, OpenError> {
        let hashing = Hashing::new(&config.directory, &config.api).map_err(OpenError::Config)?;
        let (store, loaded) = Store::open(dir, &config.directory).await?;
        let denials = Denials::open(dir, &config.directory).await?;
        let readers = store.readers();
        let idle = Micros::try_from(config.api.session_idle_s).unwrap_or(Micros::MAX).saturating_mul(1_000_000);
        let shared = Arc::new(Shared {
            sessions: Sessions::new(loaded.sessions, &loaded.snapshot, idle),
            kept: Kept::new(loaded.versions),
            snapshot: ArcSwap::from_pointee(loaded.snapshot),
            barrier: ArcSwapOption::empty(),
            journal,
            denials,
            config: config.directory.clone(),
            clock,
        });
        let (jobs, asked) = mpsc::channel(config.directory.changes_waiting_max.max(1));
        let mut writer = Writer::new(Arc::clone(&shared), store);
        writer.announce_at_start().await;
        tokio::spawn(writer.run(asked));
        Ok(Self { inner: Arc::new(Inner { shared, jobs, hashing, readers, scratch }) })
    }

    /// What exists now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.shared.snapshot.load_full()
    }

    /// From now on changes are enforced by this barrier.
    pub fn set_barrier(&self, barrier: Arc<dyn Barrier>) {
        self.inner.shared.barrier.store(Some(Arc::new(barrier)));
    }

    /// Makes a change. When this returns, it is stored, visible to everybody, and enforced. If the future is dropped, the change is
    /// made all the same.
    ///
    /// # Errors
    /// See [`ChangeError`]; after all of them but [`ChangeError::StorageFull`] nothing has changed.
    pub async fn change(&self, actor: Actor, mut change: Change) -> Result<Changed, ChangeError> {
        self.prepare(actor, &mut change).await?;
        let (reply, done) = oneshot::channel();
        self.inner.jobs.try_send(Job::Change { actor, change: Box::new(change), reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ChangeError::Busy,
            mpsc::error::TrySendError::Closed(_) => ChangeError::Closed,
        })?;
        done.await.map_err(|_| ChangeError::Closed)?
    }

    /// Checks and hashes the passwords of a change, aside from the writer. For an actor who may not, nothing is hashed: the writer
    /// refuses him.
    async fn prepare(&self, actor: Actor, change: &mut Change) -> Result<(), ChangeError> {
        let changes = match change {
            Change::Batch(changes) => changes.as_mut_slice(),
            one => std::slice::from_mut(one),
        };
        for change in changes {
            match change {
                Change::CreateAccount { owner, .. } if actor == Actor::Operator => self.hash_of_new(owner).await?,
                Change::CreateUser { user, .. } if self.may_edit_users(actor, Action::Create) => self.hash_of_new(user).await?,
                Change::SetPassword { password, .. } if self.may_edit_users(actor, Action::Edit) => self.hash(password, &[]).await?,
                Change::ChangeOwnPassword { current, new } => {
                    self.verify(actor, current).await?;
                    if current.plain().is_none() {
                        self.hash(new, &[]).await?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn may_edit_users(&self, actor: Actor, action: Action) -> bool {
        let Actor::User(user, _) = actor else { return false };
        self.snapshot().viewer(user, 0).is_some_and(|viewer| policy::may(&viewer, Resource::User, action) == Verdict::Allow)
    }

    async fn hash_of_new(&self, user: &mut super::NewUser) -> Result<(), ChangeError> {
        let about = [user.email.clone(), user.name.clone(), user.surname.clone()];
        let about: Vec<&str> = about.iter().map(String::as_str).collect();
        self.hash(&mut user.password, &about).await
    }

    async fn hash(&self, password: &mut NewPassword, about: &[&str]) -> Result<(), ChangeError> {
        let Some(plain) = password.plain() else { return Ok(()) };
        check(plain, about, self.inner.hashing.chars_min)?;
        let hash = self.inner.hashing.hash(plain).await.map_err(|Busy| ChangeError::Busy)?;
        *password = NewPassword::hashed(hash);
        Ok(())
    }

    async fn verify(&self, actor: Actor, current: &mut NewPassword) -> Result<(), ChangeError> {
        let Actor::User(user, _) = actor else { return Ok(()) };
        let Some(plain) = current.plain() else { return Ok(()) };
        let hash = self.snapshot().secrets.get(&user).map(|secret| Arc::clone(&secret.0));
        if self.inner.hashing.verify(plain, hash.clone()).await.map_err(|Busy| ChangeError::Busy)?
            && let Some(hash) = hash
        {
            *current = NewPassword::verified(hash);
        }
        Ok(())
    }

    /// Lets somebody in. An address without a user takes as long as one with the wrong password.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn sign_in(&self, email: &str, password: &str, account: Option<PublicId>) -> Result<SignedIn, SignInError> {
        let snapshot = self.snapshot();
        let in_account =
            |user: &&Arc<User>| account.is_none_or(|wanted| snapshot.account(user.account).is_some_and(|a| a.public_id == wanted));
        let candidates: Vec<Arc<User>> = snapshot.users_of_email(email).filter(in_account).take(SAME_EMAIL_MAX).cloned().collect();
        if candidates.is_empty() {
            self.inner.hashing.verify(password, None).await.map_err(|Busy| SignInError::Busy)?;
        }
        let mut fitting = Vec::new();
        for user in candidates {
            let hash = snapshot.secrets.get(&user.id).map(|secret| Arc::clone(&secret.0));
            let fits = self.inner.hashing.verify(password, hash.clone()).await.map_err(|Busy| SignInError::Busy)?;
            match hash {
                Some(hash) if fits && !user.disabled => fitting.push((user, hash)),
                _ => self.denied(user.id, Resource::OwnSession, Action::Create, &Reason::SomebodyElses),
            }
        }
        if fitting.len() > 1 {
            let accounts = fitting.iter().filter_map(|(user, _)| snapshot.account(user.account));
            return Err(SignInError::WhichAccount(accounts.map(|a| (a.public_id, a.name.clone())).collect()));
        }
        let (user, hash) = fitting.pop().ok_or(SignInError::Refused)?;
        let (reply, done) = oneshot::channel();
        self.inner.jobs.try_send(Job::SignIn { user: user.id, hash, reply }).map_err(|_| SignInError::Busy)?;
        done.await.map_err(|_| SignInError::Busy)?
    }

    /// The session of a token, if it is open; notes that it was used.
    #[must_use]
    pub fn session(&self, token: &str) -> Option<Session> {
        self.inner.shared.sessions.of_token(token, self.inner.shared.clock.now())
    }

    /// Notes that a session is in use, as by a stream that it opened.
    pub fn session_used(&self, session: SessionId) {
        self.inner.shared.sessions.used(session, self.inner.shared.clock.now());
    }

    /// Whether a session is still open. Whoever opens something that lasts registers it first and asks then: no log-out falls in between.
    #[must_use]
    pub fn session_is_open(&self, session: SessionId) -> bool {
        self.inner.shared.sessions.by_id(session).is_some()
    }

    /// The open sessions of a user, the oldest first. They name themselves, and let nobody in.
    #[must_use]
    pub fn sessions(&self, user: UserId) -> Vec<Session> {
        self.inner.shared.sessions.of_user(user)
    }

    /// Writes a denied attempt down (P11). For the ways in and out; changes that are denied are written down by themselves.
    pub fn denied(&self, user: UserId, resource: Resource, action: Action, reason: &Reason) {
        if let Some(user) = self.snapshot().user(user) {
            let shared = &self.inner.shared;
            shared.denials.note(shared.clock.now(), user.account, user.id, resource, action, reason);
        }
    }

    /// The changes of an account, the newest first; `before`: epoch and ordinal of the last row of the page before.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn audit(&self, account: AccountId, before: Option<(Epoch, u32)>, rows_max: usize) -> Result<Vec<AuditRow>, StoreError> {
        changes(&self.inner.readers, account, before, rows_max).await
    }

    /// The denied attempts of an account, the newest minute first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn denials(&self, account: AccountId, before_minute: Option<i64>, rows_max: usize) -> Result<Vec<DenialRow>, StoreError> {
        self.inner.shared.denials.page(account, before_minute, rows_max).await
    }

    /// Writes what waits and closes the files. Later changes are refused.
    pub async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.inner.jobs.send(Job::Close { reply }).await.is_ok() {
            let _ = done.await;
        }
        self.inner.shared.denials.close().await;
        self.inner.readers.close().await;
    }
}

impl Definitions for Directory {
    fn current_version(&self) -> u64 {
        self.inner.shared.kept.newest()
    }

    fn at(&self, version: u64) -> Option<Arc<DefinitionSet>> {
        self.inner.shared.kept.at(version)
    }

    fn forget_before(&self, version: u64) {
        // With too much to do already they are kept until a later one is forgotten.
        let _ = self.inner.jobs.try_send(Job::Prune { min_version: version });
    }
}
