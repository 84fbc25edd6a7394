//! The one serial writer: validate, commit, swap the snapshot, enforce, return.

use super::change::{Actor, Change, ChangeError, Changed, Draft, Outcome, apply};
use super::definitions::Kept;
use super::denials::Denials;
use super::hooks::{Barrier, Cut, JournalHook};
use super::sessions::{SessionId, Sessions, SignInError, SignedIn};
use super::snapshot::Snapshot;
use super::store::{Key, Store, Unwritten};
use crate::clock::Clock;
use crate::config::DirectoryConfig;
use arc_swap::{ArcSwap, ArcSwapOption};
use policy::{Seq, UserId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What the writer shares with everybody.
pub(super) struct Shared {
    pub(super) snapshot: ArcSwap<Snapshot>,
    pub(super) kept: Kept,
    pub(super) sessions: Sessions,
    pub(super) barrier: ArcSwapOption<Arc<dyn Barrier>>,
    pub(super) journal: Option<Arc<dyn JournalHook>>,
    pub(super) denials: Denials,
    pub(super) config: DirectoryConfig,
    pub(super) clock: Arc<Clock>,
}

impl Shared {
    async fn enforce(&self, cut: &Cut) {
        if cut.is_empty() {
            return;
        }
        if let Some(barrier) = self.barrier.load_full() {
            barrier.enforce(cut).await;
        }
    }
}

/// What the writer is asked for.
pub(super) enum Job {
    Change {
        actor: Actor,
        change: Box<Change>,
        reply: oneshot::Sender<Result<Changed, ChangeError>>,
    },
    /// Opens a session, if the hash is still the one that the password was compared with.
    SignIn {
        user: UserId,
        hash: Arc<str>,
        reply: oneshot::Sender<Result<SignedIn, SignInError>>,
    },
    /// Forgets versions of the definitions that are older.
    Prune {
        min_version: u64,
    },
    Close {
        reply: oneshot::Sender<()>,
    },
}

/// How often the writer looks after sessions and what could not be written.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(5);
/// Sessions looked after at once.
const SESSIONS_AT_ONCE_MAX: usize = 1_000;
/// Audit rows that wait for a database that takes nothing; the oldest are given up first.
const AUDIT_WAITING_MAX: usize = 100_000;

pub(super) struct Writer {
    shared: Arc<Shared>,
    store: Store,
    unwritten: Unwritten,
    /// A version that the journal did not take yet.
    unannounced: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, store: Store) -> Self {
        Self { shared, store, unwritten: Unwritten::default(), unannounced: false }
    }

    /// Appends the newest version: a crash may have come between its commit and its entry.
    pub(super) async fn announce_at_start(&mut self) {
        if self.shared.kept.newest() > 0 {
            self.announce().await;
        }
    }

    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut every = tokio::time::interval(HOUSEKEEPING_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let closed = loop {
            let job = tokio::select! {
                job = jobs.recv() => job,
                _ = every.tick() => {
                    self.keep_house().await;
                    continue;
                }
            };
            match job {
                Some(Job::Change { actor, change, reply }) => {
                    let done = Box::pin(self.change(actor, &change)).await;
                    let _ = reply.send(done);
                }
                Some(Job::SignIn { user, hash, reply }) => {
                    let done = Box::pin(self.sign_in(user, &hash)).await;
                    let _ = reply.send(done);
                }
                Some(Job::Prune { min_version }) => {
                    let min_version = min_version.min(self.shared.kept.newest());
                    self.shared.kept.prune(min_version);
                    if let Err(error) = self.store.prune(min_version).await {
                        tracing::warn!(%error, min_version, "directory: old versions of the definitions stay in the database");
                    }
                }
                Some(Job::Close { reply }) => break Some(reply),
                None => break None,
            }
        };
        jobs.close();
        self.write_rest().await;
        self.store.close().await;
        if let Some(reply) = closed {
            let _ = reply.send(());
        }
    }

    async fn change(&mut self, actor: Actor, change: &Change) -> Result<Changed, ChangeError> {
        let before = self.shared.snapshot.load_full();
        let mut outcome = match self.draft(&before, actor, change, None)? {
            (outcome, false) => outcome,
            (_, true) => {
                // A grant that ends carries the place of its entry. A crash from here on leaves an entry that says nothing new.
                let seq = self.place(before.version()).await;
                self.draft(&before, actor, change, Some(seq))?.0
            }
        };
        match &mut outcome {
            None => Ok(Changed { epoch: before.epoch(), ..Changed::default() }),
            Some(outcome) => self.make_true(&before, outcome).await,
        }
    }

    /// The outcome (`None`: nothing would change), and whether it needs to know where grants end.
    fn draft(&self, before: &Snapshot, actor: Actor, change: &Change, ended: Option<Seq>) -> Result<(Option<Outcome>, bool), ChangeError> {
        let shared = &*self.shared;
        let now = shared.clock.now();
        let mut draft = Draft::new(before, &shared.config, &shared.sessions, actor, now, ended)?;
        if let Err(error) = apply(&mut draft, change) {
            if let (Some(denial), Actor::User(user, _)) = (draft.denial, actor)
                && let Some(user) = before.user(user)
            {
                shared.denials.note(now, user.account, user.id, denial.resource, denial.action, &denial.reason);
            }
            return Err(error);
        }
        let wants_seq = draft.wants_seq && ended.is_none();
        Ok((draft.finish(), wants_seq))
    }

    async fn make_true(&mut self, before: &Arc<Snapshot>, outcome: &mut Outcome) -> Result<Changed, ChangeError> {
        for session in &outcome.closed_sessions {
            self.shared.sessions.remove(*session);
        }
        let stored = self.commit(outcome).await;
        if let Err(error) = &stored
            && !outcome.takes_away()
        {
            return Err(ChangeError::Storage(error.clone()));
        }
        let next = Arc::new(std::mem::take(&mut outcome.next));
        if next.version() != before.version() {
            self.shared.kept.add(next.definitions());
        }
        self.shared.snapshot.store(Arc::clone(&next));
        self.shared.enforce(&outcome.cut(&next)).await;
        if next.version() != before.version() {
            self.announce().await;
        }
        let changed = std::mem::take(&mut outcome.changed);
        stored.map(|()| changed).map_err(ChangeError::StorageFull)
    }

    /// Writes the change, and what an earlier one left. What takes something away is kept for later if it cannot be written now.
    async fn commit(&mut self, outcome: &mut Outcome) -> Result<(), String> {
        let takes_away = outcome.takes_away();
        let mut unwritten = std::mem::take(&mut self.unwritten);
        let kept = (!takes_away).then(|| (unwritten.touched.clone(), unwritten.undo.len(), unwritten.audit.len()));
        unwritten.add(outcome);
        let mut stored = self.store.commit(&outcome.next, &self.shared.sessions, &unwritten).await;
        if stored.is_err() && takes_away && self.store.give_up_reserve() {
            stored = self.store.commit(&outcome.next, &self.shared.sessions, &unwritten).await;
        }
        let Err(error) = stored else { return Ok(()) };
        tracing::error!(%error, takes_away, "a change could not be stored");
        if let Some((touched, undo, audit)) = kept {
            unwritten.touched = touched;
            unwritten.undo.truncate(undo);
            unwritten.audit.truncate(audit);
        }
        let too_many = unwritten.audit.len().saturating_sub(AUDIT_WAITING_MAX);
        unwritten.audit.drain(..too_many);
        self.unwritten = unwritten;
        Err(error.to_string())
    }

    /// A place in the recorded order: everything up to it was recorded before. If the journal takes nothing, its last one: a revoke
    /// waits for no disk.
    async fn place(&mut self, version: u64) -> Seq {
        let Some(journal) = self.shared.journal.clone() else { return 0 };
        match append(&*journal, version, &self.shared.config).await {
            Ok(seq) => seq,
            Err(error) => {
                tracing::warn!(%error, "the journal took no entry for a grant that ended");
                journal.committed()
            }
        }
    }

    /// Tells the pipeline, in the recorded order, that a version is in force.
    async fn announce(&mut self) {
        let Some(journal) = self.shared.journal.clone() else { return };
        let appended = append(&*journal, self.shared.kept.newest(), &self.shared.config).await;
        if let Err(error) = &appended {
            tracing::warn!(%error, "the journal took no entry for a version of the definitions yet");
        }
        self.unannounced = appended.is_err();
    }

    async fn sign_in(&mut self, user: UserId, hash: &Arc<str>) -> Result<SignedIn, SignInError> {
        let shared = Arc::clone(&self.shared);
        let snapshot = shared.snapshot.load_full();
        let user = snapshot.user(user).filter(|user| !user.disabled).ok_or(SignInError::Refused)?;
        if snapshot.secrets.get(&user.id).is_none_or(|secret| secret.0 != *hash) {
            return Err(SignInError::Refused);
        }
        let open = shared.sessions.of_user(user.id);
        let surplus = (open.len() + 1).saturating_sub(shared.config.sessions_per_user_max.max(1));
        let closed: Vec<SessionId> = open.iter().take(surplus).map(|session| session.id).collect();
        let signed_in = shared.sessions.open(user.id, user.account, shared.clock.now()).map_err(|e| SignInError::Storage(e.to_string()))?;
        self.close_sessions(&closed).await;
        self.unwritten.touched.insert(Key::Session(signed_in.session.id));
        if let Err(error) = self.write_unwritten().await {
            shared.sessions.remove(signed_in.session.id);
            return Err(SignInError::Storage(error));
        }
        Ok(signed_in)
    }

    async fn close_sessions(&mut self, closed: &[SessionId]) {
        if closed.is_empty() {
            return;
        }
        for session in closed {
            self.shared.sessions.remove(*session);
            self.unwritten.touched.insert(Key::Session(*session));
        }
        let snapshot = self.shared.snapshot.load_full();
        let cut = Cut {
            epoch: snapshot.epoch(),
            snapshot,
            narrows: true,
            users: Vec::new(),
            everyone_in: Vec::new(),
            closed_sessions: closed.to_vec(),
            closed_users: Vec::new(),
            closed_devices: Vec::new(),
            generations: Vec::new(),
        };
        self.shared.enforce(&cut).await;
    }

    async fn write_unwritten(&mut self) -> Result<(), String> {
        let snapshot = self.shared.snapshot.load_full();
        self.store.commit(&snapshot, &self.shared.sessions, &self.unwritten).await.map_err(|e| e.to_string())?;
        self.unwritten = Unwritten::default();
        Ok(())
    }

    async fn keep_house(&mut self) {
        let over = self.shared.sessions.over(self.shared.clock.now(), SESSIONS_AT_ONCE_MAX);
        self.close_sessions(&over).await;
        self.write_rest().await;
        if self.unannounced {
            self.announce().await;
        }
        self.store.keep_reserve();
    }

    async fn write_rest(&mut self) {
        let used = self.shared.sessions.to_write(SESSIONS_AT_ONCE_MAX);
        self.unwritten.touched.extend(used.into_iter().map(Key::Session));
        if self.unwritten.touched.is_empty() {
            return;
        }
        if let Err(error) = self.write_unwritten().await {
            tracing::error!(%error, rows = self.unwritten.touched.len(), "changes wait to be stored");
        }
    }
}

async fn append(journal: &dyn JournalHook, version: u64, config: &DirectoryConfig) -> Result<Seq, String> {
    let wait = Duration::from_millis(config.journal_wait_ms_max);
    match tokio::time::timeout(wait, journal.append_changed(version)).await {
        Ok(appended) => appended,
        Err(_) => Err(format!("it did not answer within {} ms", config.journal_wait_ms_max)),
    }
}
