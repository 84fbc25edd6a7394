//! Room: events
//! Takes: visits and alerts in recorded order. Gives: them back, by account, device and order; who acknowledged an alert.
//! May import: model, policy, protocols, sqlite
//! Invariant: rows are only ever added, a replay adds none twice, and whoever reads sees everything that was handed over before.

mod row;
mod writer;

use crate::model::{AccountId, Alert, DeviceId, EventId, GeofenceId, Item, Micros, Order, Shared, UserId, Visit};
use crate::sqlite;
use row::{COLUMNS, of_row};
use sqlx::any::AnyRow;
use sqlx::{AnyPool, AssertSqlSafe, Row as _};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use writer::Writer;

/// Connections that read at once.
const READERS_MAX: u32 = 4;

/// Why visits and alerts cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The database said no.
    #[error("events: {0}")]
    Database(#[from] sqlx::Error),
    /// Its tables could not be made.
    #[error("events: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The writer could not be started.
    #[error("events: {0}")]
    Thread(#[from] std::io::Error),
    /// What was handed over is not written, because the database says no or the store is closed.
    #[error("events: what was handed over is not written")]
    Unwritten,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct EventQuery {
    /// Of one device only.
    pub device: Option<DeviceId>,
    /// Of one geofence only.
    pub geofence: Option<GeofenceId>,
    /// Not before: of a visit's revision the time of its newest end, of an alert its fix time (without one, when it was recorded).
    pub from: Option<Micros>,
    /// Not after.
    pub to: Option<Micros>,
    /// Beyond this place in the recorded order, in the direction that is read in.
    pub after: Option<Order>,
    /// Rows.
    pub rows_max: usize,
    /// Newest first.
    pub descending: bool,
}

impl EventQuery {
    /// Everything from the beginning on.
    #[must_use]
    pub const fn all(rows_max: usize) -> Self {
        Self { device: None, geofence: None, from: None, to: None, after: None, rows_max, descending: false }
    }
}

/// Visits and alerts. Clones are cheap and speak of the same store.
#[derive(Clone)]
pub struct Events {
    pool: AnyPool,
    writer: Arc<Writer>,
}

impl Events {
    /// Opens `events.db` in a folder, or makes it.
    ///
    /// # Errors
    /// When the database cannot be opened, or is of a newer version.
    pub async fn open(dir: &Path) -> Result<Self, EventsError> {
        let file = dir.join("events.db");
        let pool = sqlite::pool(&file, READERS_MAX).await?;
        sqlx::migrate!("src/events/migrations").run(&pool).await?;
        let writer = Arc::new(Writer::start(sqlite::url(&file).unwrap_or_default())?);
        Ok(Self { pool, writer })
    }

    /// Hands visits and alerts over, in recorded order. Other items are passed over. Waits (blocking) while too many are not written yet.
    pub fn append(&self, items: &[Shared]) {
        self.writer.append(items);
    }

    /// Waits until everything that was handed over is durable.
    ///
    /// # Errors
    /// When it is not, because the database says no or the store is closed.
    pub async fn flush(&self) -> Result<(), EventsError> {
        self.writer.flush().await
    }

    /// The same for threads that may block.
    ///
    /// # Errors
    /// See [`Events::flush`].
    pub fn flush_blocking(&self) -> Result<(), EventsError> {
        self.writer.flush_blocking()
    }

    /// Whether the newest write failed; it is tried again until it succeeds.
    #[must_use]
    pub fn failing(&self) -> bool {
        self.writer.failing()
    }

    /// Visits of an account: all revisions, in recorded order.
    ///
    /// # Errors
    /// See [`EventsError`].
    pub async fn visits(&self, account: AccountId, query: &EventQuery) -> Result<Vec<Visit>, EventsError> {
        let items = self.select(account, query, "kind = 'visit'").await?;
        Ok(items.into_iter().filter_map(|item| if let Item::Visit(visit) = item { Some(visit) } else { None }).collect())
    }

    /// Alerts of an account, in recorded order.
    ///
    /// # Errors
    /// See [`EventsError`].
    pub async fn alerts(&self, account: AccountId, query: &EventQuery) -> Result<Vec<Alert>, EventsError> {
        let items = self.select(account, query, "kind <> 'visit'").await?;
        Ok(items.into_iter().filter_map(|item| if let Item::Alert(alert) = item { Some(alert) } else { None }).collect())
    }

    /// One event's newest revision.
    ///
    /// # Errors
    /// See [`EventsError`].
    pub async fn event(&self, id: EventId) -> Result<Option<Item>, EventsError> {
        self.flush().await?;
        let sql = format!("SELECT {COLUMNS} FROM event WHERE id = $1 ORDER BY revision DESC LIMIT 1");
        let row = sqlx::query(AssertSqlSafe(sql)).bind(id.0.to_string()).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(of_row).transpose()?)
    }

    /// What was recorded after one place in the order and up to another, visits and alerts, of one account or of all.
    ///
    /// # Errors
    /// See [`EventsError`].
    pub async fn since(&self, account: Option<AccountId>, after: Order, up_to: Order, rows_max: usize) -> Result<Vec<Shared>, EventsError> {
        self.flush().await?;
        let whose = if account.is_some() { "account = $6" } else { "$6 = -1" };
        let sql = format!(
            "SELECT {COLUMNS} FROM event WHERE {whose} AND (seq > $1 OR (seq = $1 AND ordinal > $2)) \
             AND (seq < $3 OR (seq = $3 AND ordinal <= $4)) ORDER BY seq, ordinal LIMIT $5"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(after.seq.cast_signed())
            .bind(i64::from(after.ordinal))
            .bind(up_to.seq.cast_signed())
            .bind(i64::from(up_to.ordinal))
            .bind(i64::try_from(rows_max).unwrap_or(i64::MAX))
            .bind(account.map_or(-1, |account| i64::from(account.0)))
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.iter().map(of_row).collect::<Result<Vec<Item>, _>>()?.into_iter().map(Shared::new).collect())
    }

    /// Notes who acknowledged an alert; `false` if somebody did before.
    ///
    /// # Errors
    /// See [`EventsError`].
    pub async fn acknowledge(&self, alert: EventId, by: UserId, at: Micros) -> Result<bool, EventsError> {
        let done = sqlx::query(
            "INSERT INTO acknowledgement (alert, acknowledged_by, acknowledged_at) VALUES ($1, $2, $3) ON CONFLICT (alert) DO NOTHING",
        )
        .bind(alert.0.to_string())
        .bind(i64::from(by.0))
        .bind(at)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Who acknowledged these alerts, and when; those that nobody did are not in it.
    ///
    /// # Errors
    /// See [`EventsError`].
    pub async fn acknowledged(&self, alerts: &[EventId]) -> Result<HashMap<EventId, (UserId, Micros)>, EventsError> {
        const AT_ONCE: usize = 500;
        let mut found = HashMap::new();
        for some in alerts.chunks(AT_ONCE) {
            let places: Vec<String> = (1..=some.len()).map(|n| format!("${n}")).collect();
            let sql = format!("SELECT alert, acknowledged_by, acknowledged_at FROM acknowledgement WHERE alert IN ({})", places.join(", "));
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for alert in some {
                query = query.bind(alert.0.to_string());
            }
            for row in query.fetch_all(&self.pool).await? {
                let (alert, by, at): (String, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                if let (Ok(alert), Ok(by)) = (alert.parse(), u32::try_from(by)) {
                    found.insert(EventId(alert), (UserId(by), at));
                }
            }
        }
        Ok(found)
    }

    /// Writes what waits and ends the writer. Blocks.
    pub fn close(&self) {
        self.writer.close();
    }

    async fn select(&self, account: AccountId, query: &EventQuery, kind: &str) -> Result<Vec<Item>, EventsError> {
        self.flush().await?;
        let (beyond, direction) = if query.descending { ("<", "DESC") } else { (">", "ASC") };
        let mut conditions = vec!["account = $1".to_owned(), kind.to_owned()];
        let mut values = vec![i64::from(account.0)];
        let mut add = |condition: &str, value: i64| {
            values.push(value);
            conditions.push(condition.replace('?', &format!("${}", values.len())));
        };
        if let Some(device) = query.device {
            add("device = ?", i64::from(device.0));
        }
        if let Some(geofence) = query.geofence {
            add("geofence = ?", i64::from(geofence.0));
        }
        if let Some(from) = query.from {
            add("happened_at >= ?", from);
        }
        if let Some(to) = query.to {
            add("happened_at <= ?", to);
        }
        if let Some(after) = query.after {
            values.extend([after.seq.cast_signed(), i64::from(after.ordinal)]);
            let (seq, ordinal) = (values.len() - 1, values.len());
            conditions.push(format!("(seq {beyond} ${seq} OR (seq = ${seq} AND ordinal {beyond} ${ordinal}))"));
        }
        values.push(i64::try_from(query.rows_max).unwrap_or(i64::MAX));
        let sql = format!(
            "SELECT {COLUMNS} FROM event WHERE {} ORDER BY seq {direction}, ordinal {direction} LIMIT ${}",
            conditions.join(" AND "),
            values.len()
        );
        let mut select = sqlx::query(AssertSqlSafe(sql));
        for value in values {
            select = select.bind(value);
        }
        let rows: Vec<AnyRow> = select.fetch_all(&self.pool).await?;
        Ok(rows.iter().map(of_row).collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests;
