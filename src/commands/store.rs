//! The database file of commands.

use super::row::{CommandRow, State};
use crate::model::{AccountId, DeviceId, Micros, PublicId, UserId};
use crate::sqlite;
use policy::Action;
use protocols::Expect;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, AssertSqlSafe, Row as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why commands cannot be had or given.
#[derive(Debug, thiserror::Error)]
pub enum CommandsError {
    /// The database said no.
    #[error("commands: {0}")]
    Database(#[from] sqlx::Error),
    /// Its tables could not be made.
    #[error("commands: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// It holds what no version writes.
    #[error("commands: the database holds what it cannot: {0}")]
    Unsound(String),
    /// Too many commands of this device wait.
    #[error("too many commands of this device wait")]
    Full,
}

const COLUMNS: &str = "number, id, account, device, generation, sent_by, action, command, created_at, recorded, expires_at, state, \
                       state_at, tag, answer, reason";

/// Stored in place of a number that an answer carries.
const TAG_NONE_SENT: i64 = -2;
const TAG_NOTHING: i64 = -1;
const TAG_NEXT: i64 = -3;

pub(super) struct Store {
    pool: AnyPool,
    next: AtomicU64,
}

impl Store {
    pub async fn open(dir: &Path) -> Result<Self, CommandsError> {
        // One connection: commands are few, and each change is to be seen by the next question.
        let pool = sqlite::pool(&dir.join("commands.db"), 1).await?;
        sqlx::migrate!("src/commands/migrations").run(&pool).await?;
        let row = sqlx::query("SELECT COALESCE(MAX(number), 0) FROM command").fetch_one(&pool).await?;
        let last: i64 = row.try_get(0)?;
        Ok(Self { pool, next: AtomicU64::new(last.cast_unsigned() + 1) })
    }

    /// The number of the next command.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub async fn insert(&self, row: &CommandRow, kept_max: usize) -> Result<(), CommandsError> {
        let command = serde_json::to_string(&row.command).map_err(|e| CommandsError::Unsound(e.to_string()))?;
        let sql = format!("INSERT INTO command ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)");
        let mut transaction = self.pool.begin().await?;
        sqlx::query(AssertSqlSafe(sql))
            .bind(row.number.cast_signed())
            .bind(row.id.to_string())
            .bind(i64::from(row.account.0))
            .bind(i64::from(row.device.0))
            .bind(i64::from(row.generation))
            .bind(i64::from(row.user.0))
            .bind(row.action.name())
            .bind(command)
            .bind(row.created_at)
            .bind(row.recorded.cast_signed())
            .bind(row.expires_at)
            .bind(row.state.name())
            .bind(row.state_at)
            .bind(TAG_NONE_SENT)
            .bind(row.answer.as_str())
            .bind(row.reason.as_str())
            .execute(&mut *transaction)
            .await?;
        let forget = "DELETE FROM command WHERE account = $1 AND device = $2 AND state NOT IN ('queued', 'sent') AND number NOT IN \
                      (SELECT number FROM command WHERE account = $1 AND device = $2 ORDER BY number DESC LIMIT $3)";
        sqlx::query(forget)
            .bind(i64::from(row.account.0))
            .bind(i64::from(row.device.0))
            .bind(i64::try_from(kept_max).unwrap_or(i64::MAX))
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    pub async fn sent(&self, id: PublicId, expect: Expect, at: Micros) -> Result<(), CommandsError> {
        let tag = match expect {
            Expect::Nothing => TAG_NOTHING,
            Expect::Next => TAG_NEXT,
            Expect::Tag(number) => i64::from(number),
        };
        let sql = "UPDATE command SET state = 'sent', state_at = $2, tag = $3 WHERE id = $1 AND state = 'queued'";
        let done = sqlx::query(sql).bind(id.to_string()).bind(at).bind(tag).execute(&self.pool).await?;
        if done.rows_affected() == 1 { Ok(()) } else { Err(CommandsError::Unsound(format!("{id} does not wait to be sent"))) }
    }

    pub async fn end(&self, id: PublicId, state: State, answer: &str, why: &str, at: Micros) -> Result<(), CommandsError> {
        let sql = "UPDATE command SET state = $2, state_at = $3, answer = $4, reason = $5 WHERE id = $1 AND state IN ('queued', 'sent')";
        sqlx::query(sql).bind(id.to_string()).bind(state.name()).bind(at).bind(answer).bind(why).execute(&self.pool).await?;
        Ok(())
    }

    pub async fn find(&self, id: PublicId) -> Result<Option<CommandRow>, CommandsError> {
        let sql = format!("SELECT {COLUMNS} FROM command WHERE id = $1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id.to_string()).fetch_optional(&self.pool).await?;
        row.as_ref().map(of_row).transpose()
    }

    pub async fn list(
        &self,
        account: AccountId,
        device: DeviceId,
        before: Option<u64>,
        rows_max: usize,
    ) -> Result<Vec<CommandRow>, CommandsError> {
        let before = before.map_or(i64::MAX, u64::cast_signed);
        let sql = format!("SELECT {COLUMNS} FROM command WHERE account = $1 AND device = $2 AND number < $3 ORDER BY number DESC LIMIT $4");
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(i64::from(account.0))
            .bind(i64::from(device.0))
            .bind(before)
            .bind(i64::try_from(rows_max).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(of_row).collect()
    }

    /// What waits to be sent or answered, the oldest first.
    pub async fn unfinished(&self) -> Result<Vec<CommandRow>, CommandsError> {
        let sql = format!("SELECT {COLUMNS} FROM command WHERE state IN ('queued', 'sent') AND tag <> {TAG_NOTHING} ORDER BY number");
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        rows.iter().map(of_row).collect()
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn of_row(row: &AnyRow) -> Result<CommandRow, CommandsError> {
    let unsound = |what: &str, value: &str| CommandsError::Unsound(format!("{what} {value:?}"));
    let text = |at: usize| row.try_get::<String, _>(at);
    let number = |at: usize| row.try_get::<i64, _>(at);
    let small = |at: usize| {
        let value = number(at)?;
        u32::try_from(value).map_err(|_| unsound("number", &value.to_string()))
    };
    let (id, action, command, state) = (text(1)?, text(6)?, text(7)?, text(11)?);
    Ok(CommandRow {
        number: number(0)?.cast_unsigned(),
        id: id.parse().map_err(|_| unsound("id", &id))?,
        account: AccountId(small(2)?),
        device: DeviceId(small(3)?),
        generation: small(4)?,
        user: UserId(small(5)?),
        action: Action::from_name(&action).ok_or_else(|| unsound("action", &action))?,
        command: serde_json::from_str(&command).map_err(|_| unsound("command", &command))?,
        created_at: number(8)?,
        recorded: number(9)?.cast_unsigned(),
        expires_at: number(10)?,
        state: State::from_name(&state).ok_or_else(|| unsound("state", &state))?,
        state_at: number(12)?,
        expect: match number(13)? {
            TAG_NONE_SENT => None,
            TAG_NOTHING => Some(Expect::Nothing),
            TAG_NEXT => Some(Expect::Next),
            tag => Some(Expect::Tag(u32::try_from(tag).map_err(|_| unsound("tag", &tag.to_string()))?)),
        },
        answer: text(14)?,
        reason: text(15)?,
    })
}
