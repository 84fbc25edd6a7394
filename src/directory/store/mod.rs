//! The database files: opening, migrating, reading whole, writing what changed.

mod load;
mod text;
mod write;

pub(super) use load::{Loaded, LoadedSession};

use super::audit::AuditRow;
use super::change::Outcome;
use super::definitions::UndoRow;
use super::sessions::{SessionId, Sessions};
use super::snapshot::{NumberOf, Snapshot};
use crate::config::DirectoryConfig;
use crate::model::TariffId;
use crate::sqlite;
use policy::{AccountId, DeviceId, GeofenceId, PlaceId, RoleId, RuleId, UserId};
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, AnyPool, Connection as _, Row as _};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stands in the database by itself: the row or rows that a change has touched are written as the new snapshot has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Number(NumberOf),
    Tariff(TariffId),
    Account(AccountId),
    Role(RoleId),
    User(UserId),
    Secret(UserId),
    Session(SessionId),
    Device(DeviceId),
    Geofence(GeofenceId),
    Place(PlaceId),
    Rule(RuleId),
    DeviceGrant(UserId, DeviceId),
    GeofenceGrant(UserId, GeofenceId),
    PlaceGrant(UserId, PlaceId),
}

/// Why the database does not serve.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no.
    #[error("{0}")]
    Sql(#[from] sqlx::Error),
    /// A file or folder.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Written by a newer version.
    #[error("{path} was written by a newer version of Purview: its form is {found}, this version knows {known}")]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its form.
        found: i64,
        /// The newest form known here.
        known: i64,
    },
    /// It holds what no version writes.
    #[error("the database holds what it cannot: {0}")]
    Unsound(String),
}

const DIRECTORY_MIGRATIONS: &[(i64, &str)] = &[(1, include_str!("../migrations/0001_directory.sql"))];
pub(super) const AUDIT_MIGRATIONS: &[(i64, &str)] = &[(1, include_str!("../migrations/0001_audit.sql"))];

/// One database file: the connection that writes, and a few that read.
pub(super) struct Database {
    pub(super) writer: AnyConnection,
    pub(super) readers: AnyPool,
}

impl Database {
    pub(super) async fn open(path: &Path, migrations: &[(i64, &'static str)], config: &DirectoryConfig) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let url = sqlite::url(path).ok_or_else(|| StoreError::Unsound(format!("{} is not UTF-8", path.display())))?;
        let (busy_ms, durable) = (config.busy_timeout_ms, config.durable);
        let mut writer = AnyConnection::connect(&url).await?;
        pragmas(&mut writer, busy_ms, durable).await?;
        migrate(&mut writer, path, migrations).await?;
        let readers = AnyPoolOptions::new()
            .max_connections(2)
            .after_connect(move |connection, _| Box::pin(async move { pragmas(connection, busy_ms, durable).await }))
            .connect_lazy(&url)?;
        Ok(Self { writer, readers })
    }

    pub(super) async fn close(self) {
        self.readers.close().await;
        if let Err(error) = self.writer.close().await {
            tracing::warn!(%error, "a database file was not closed in order");
        }
    }
}

async fn pragmas(connection: &mut AnyConnection, busy_ms: u64, durable: bool) -> Result<(), sqlx::Error> {
    let mut sql = format!("PRAGMA busy_timeout = {busy_ms}; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON;");
    sql.push_str(if durable { "PRAGMA synchronous = FULL;" } else { "PRAGMA synchronous = OFF;" });
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}

async fn migrate(connection: &mut AnyConnection, path: &Path, migrations: &[(i64, &'static str)]) -> Result<(), StoreError> {
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS schema_form (form BIGINT NOT NULL)").execute(&mut *connection).await?;
    let row = sqlx::query("SELECT COALESCE(MAX(form), 0) FROM schema_form").fetch_one(&mut *connection).await?;
    let found: i64 = row.try_get(0)?;
    let known = migrations.last().map_or(0, |(form, _)| *form);
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    for (form, sql) in migrations.iter().filter(|(form, _)| *form > found) {
        let mut transaction = connection.begin().await?;
        sqlx::raw_sql(*sql).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO schema_form (form) VALUES ($1)").bind(*form).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
    Ok(())
}

/// What is not in the database yet.
#[derive(Default)]
pub(super) struct Unwritten {
    pub(super) touched: BTreeSet<Key>,
    pub(super) undo: Vec<UndoRow>,
    pub(super) audit: Vec<AuditRow>,
}

impl Unwritten {
    /// Adds what a change has touched.
    pub(super) fn add(&mut self, outcome: &mut Outcome) {
        self.touched.append(&mut outcome.touched);
        self.audit.append(&mut outcome.audit);
        let version = outcome.next.version();
        self.undo.extend(std::mem::take(&mut outcome.undo).into_iter().map(|undo| UndoRow { version, undo }));
    }
}

/// `directory.db`.
pub(super) struct Store {
    database: Database,
    reserve: PathBuf,
    reserve_bytes: u64,
}

impl Store {
    pub(super) async fn open(dir: &Path, config: &DirectoryConfig) -> Result<(Self, Loaded), StoreError> {
        std::fs::create_dir_all(dir).map_err(|source| StoreError::Io { path: dir.to_owned(), source })?;
        let mut database = Database::open(&dir.join("directory.db"), DIRECTORY_MIGRATIONS, config).await?;
        let loaded = load::load(&mut database.writer).await?;
        let reserve_bytes = if config.durable { config.reserve_bytes } else { 0 };
        let store = Self { database, reserve: dir.join("directory.reserve"), reserve_bytes };
        store.keep_reserve();
        Ok((store, loaded))
    }

    pub(super) fn readers(&self) -> AnyPool {
        self.database.readers.clone()
    }

    /// Writes what is not written yet as the snapshot has it, in one transaction.
    pub(super) async fn commit(&mut self, snapshot: &Snapshot, sessions: &Sessions, unwritten: &Unwritten) -> Result<(), StoreError> {
        let mut transaction = self.database.writer.begin().await?;
        for key in &unwritten.touched {
            write::key(&mut transaction, *key, snapshot, sessions).await?;
        }
        for row in &unwritten.undo {
            write::undo(&mut transaction, row).await?;
        }
        for row in &unwritten.audit {
            write::audit(&mut transaction, row).await?;
        }
        write::meta(&mut transaction, "epoch", snapshot.epoch()).await?;
        write::meta(&mut transaction, "version", snapshot.version()).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets how versions up to this one came about.
    pub(super) async fn prune(&mut self, min_version: u64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM definition_versions WHERE version <= $1")
            .bind(text::big(min_version)?)
            .execute(&mut self.database.writer)
            .await?;
        Ok(())
    }

    /// Space that is given up for revokes when the disk is full.
    pub(super) fn keep_reserve(&self) {
        let there = std::fs::metadata(&self.reserve).is_ok_and(|m| m.len() >= self.reserve_bytes);
        if !there && self.reserve_bytes > 0 {
            let zeros = vec![0_u8; usize::try_from(self.reserve_bytes).unwrap_or(0)];
            if let Err(error) = std::fs::write(&self.reserve, zeros) {
                tracing::warn!(%error, "no space could be kept free for revokes");
                self.give_up_reserve();
            }
        }
    }

    /// Whether there was some.
    pub(super) fn give_up_reserve(&self) -> bool {
        std::fs::remove_file(&self.reserve).is_ok()
    }

    pub(super) async fn close(self) {
        self.database.close().await;
    }
}

/// Versions of the definitions, newest first, by going back from the newest.
pub(super) type Versions = BTreeMap<u64, Arc<crate::model::DefinitionSet>>;
