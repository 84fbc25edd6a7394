//! Denied attempts: merged in memory for each user, operation, reason and minute, and written aside, so that no change waits for them.

use super::audit::{self, DenialRow};
use super::store::{AUDIT_MIGRATIONS, Database, StoreError};
use crate::config::DirectoryConfig;
use parking_lot::Mutex;
use policy::{AccountId, Action, Micros, Reason, Resource, UserId};
use sqlx::{AnyConnection, AnyPool, Connection as _};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

const MINUTE: Micros = 60_000_000;
/// How often the waiting ones are written.
const FLUSH_EVERY: Duration = Duration::from_secs(1);
/// Writings between two clearings of old rows.
const WRITINGS_PER_CLEARING: u32 = 600;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Merged {
    minute: i64,
    account: AccountId,
    user: UserId,
    operation: String,
    reason: String,
}

#[derive(Default)]
struct Waiting {
    attempts: BTreeMap<Merged, u64>,
    left_out: u64,
}

/// What the log is asked for.
enum Ask {
    /// To write what waits.
    Write(oneshot::Sender<()>),
    /// The same, and to close the file.
    Close(oneshot::Sender<()>),
}

/// The log of denied attempts.
pub(super) struct Denials {
    waiting: Arc<Mutex<Waiting>>,
    waiting_max: usize,
    ask: mpsc::Sender<Ask>,
    readers: AnyPool,
}

impl Denials {
    pub(super) async fn open(dir: &Path, config: &DirectoryConfig) -> Result<Self, StoreError> {
        let database = Database::open(&dir.join("audit.db"), AUDIT_MIGRATIONS, config).await?;
        let readers = database.readers.clone();
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let (ask, asked) = mpsc::channel(16);
        let rows_max = i64::try_from(config.denials_rows_max).unwrap_or(i64::MAX);
        tokio::spawn(run(database, Arc::clone(&waiting), asked, rows_max));
        Ok(Self { waiting, waiting_max: config.denials_waiting_max, ask, readers })
    }

    /// Notes one attempt. Where too many kinds wait already, it is counted and left out.
    pub(super) fn note(&self, now: Micros, account: AccountId, user: UserId, resource: Resource, action: Action, reason: &Reason) {
        // What is another account's is here as if it did not exist, and so is the attempt (P5).
        if matches!(reason, Reason::OtherAccount) {
            return;
        }
        let merged =
            Merged { minute: now.div_euclid(MINUTE), account, user, operation: format!("{resource}.{action}"), reason: reason.to_string() };
        let mut waiting = self.waiting.lock();
        if waiting.attempts.len() >= self.waiting_max && !waiting.attempts.contains_key(&merged) {
            waiting.left_out += 1;
            return;
        }
        *waiting.attempts.entry(merged).or_default() += 1;
    }

    /// Those of an account, the newest first; what waits is written first.
    pub(super) async fn page(&self, account: AccountId, before_minute: Option<i64>, rows_max: usize) -> Result<Vec<DenialRow>, StoreError> {
        let (done, written) = oneshot::channel();
        if self.ask.send(Ask::Write(done)).await.is_ok() {
            let _ = written.await;
        }
        audit::denials(&self.readers, account, before_minute, rows_max).await
    }

    /// Writes what waits and closes the file.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.ask.send(Ask::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

async fn run(mut database: Database, waiting: Arc<Mutex<Waiting>>, mut asked: mpsc::Receiver<Ask>, rows_max: i64) {
    let mut every = tokio::time::interval(FLUSH_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut writings = 0_u32;
    let closed = loop {
        let asked = tokio::select! {
            asked = asked.recv() => Some(asked),
            _ = every.tick() => None,
        };
        let batch = std::mem::take(&mut *waiting.lock());
        if batch.left_out > 0 {
            tracing::warn!(attempts = batch.left_out, "denied attempts were too many to write down");
        }
        if !batch.attempts.is_empty() {
            if let Err(error) = write(&mut database.writer, &batch.attempts).await {
                tracing::warn!(%error, attempts = batch.attempts.len(), "denied attempts could not be written down");
            }
            writings += 1;
        }
        if writings >= WRITINGS_PER_CLEARING {
            writings = 0;
            if let Err(error) = clear(&mut database.writer, rows_max).await {
                tracing::warn!(%error, "old denied attempts could not be cleared");
            }
        }
        match asked {
            Some(Some(Ask::Write(done))) => {
                let _ = done.send(());
            }
            Some(Some(Ask::Close(done))) => break Some(done),
            Some(None) => break None,
            None => {}
        }
    };
    database.close().await;
    if let Some(done) = closed {
        let _ = done.send(());
    }
}

async fn write(to: &mut AnyConnection, attempts: &BTreeMap<Merged, u64>) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO denials (minute, account, user_id, operation, reason, attempts) VALUES ($1, $2, $3, $4, $5, $6) \
               ON CONFLICT (minute, account, user_id, operation, reason) DO UPDATE SET attempts = denials.attempts + excluded.attempts";
    let mut transaction = to.begin().await?;
    for (merged, attempts) in attempts {
        sqlx::query(sql)
            .bind(merged.minute)
            .bind(i64::from(merged.account.0))
            .bind(i64::from(merged.user.0))
            .bind(merged.operation.clone())
            .bind(merged.reason.clone())
            .bind(i64::try_from(*attempts).unwrap_or(i64::MAX))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

/// Keeps the newest rows.
async fn clear(to: &mut AnyConnection, rows_max: i64) -> Result<(), sqlx::Error> {
    let sql = "DELETE FROM denials WHERE minute < COALESCE((SELECT minute FROM denials ORDER BY minute DESC LIMIT 1 OFFSET $1), 0)";
    sqlx::query(sql).bind(rows_max).execute(to).await.map(|_| ())
}
