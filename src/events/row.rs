//! An event as a row.

use crate::model::{AccountId, Alert, AlertKind, DeviceId, EventId, GeofenceId, Item, Order, RuleId, Visit};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Row as _};

/// In the order in which they are bound and read.
pub(super) const COLUMNS: &str = "id, revision, supersedes, seq, ordinal, recorded_at, happened_at, account, device, kind, geofence, rule, \
    entered_at, exited_at, fix_time, latitude, longitude, value, alarm";

/// How many columns there are.
pub(super) const COLUMNS_COUNT: usize = 19;

const VISIT: &str = "visit";

type Insert<'q> = Query<'q, Any, AnyArguments>;

fn bind_head<'q>(insert: Insert<'q>, id: EventId, revision: u32, order: Order, recorded_at: i64, happened_at: i64) -> Insert<'q> {
    insert
        .bind(id.0.to_string())
        .bind(i64::from(revision))
        .bind(revision.checked_sub(1).map(i64::from))
        .bind(order.seq.cast_signed())
        .bind(i64::from(order.ordinal))
        .bind(recorded_at)
        .bind(happened_at)
}

/// Binds a visit or an alert; other items have no row.
pub(super) fn bind<'q>(insert: Insert<'q>, item: &Item) -> Insert<'q> {
    match item {
        Item::Visit(v) => {
            let happened_at = v.exited_at.or(v.entered_at).unwrap_or(v.recorded_at);
            bind_head(insert, v.id, v.revision, v.order, v.recorded_at, happened_at)
                .bind(i64::from(v.account.0))
                .bind(i64::from(v.device.0))
                .bind(VISIT)
                .bind(Some(i64::from(v.geofence.0)))
                .bind(None::<i64>)
                .bind(v.entered_at)
                .bind(v.exited_at)
                .bind(None::<i64>)
                .bind(None::<f64>)
                .bind(None::<f64>)
                .bind(None::<f64>)
                .bind(None::<String>)
        }
        Item::Alert(a) => bind_head(insert, a.id, 0, a.order, a.recorded_at, a.fix_time.unwrap_or(a.recorded_at))
            .bind(i64::from(a.account.0))
            .bind(i64::from(a.device.0))
            .bind(a.kind.as_str())
            .bind(a.geofence.map(|g| i64::from(g.0)))
            .bind(a.rule.map(|r| i64::from(r.0)))
            .bind(None::<i64>)
            .bind(None::<i64>)
            .bind(a.fix_time)
            .bind(a.latitude)
            .bind(a.longitude)
            .bind(a.value)
            .bind(a.alarm.map(|alarm| alarm.as_str().to_owned())),
        Item::Position(_) | Item::DeviceState(_) => insert,
    }
}

fn wrong(column: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column} holds what was never written there").into())
}

fn number(row: &AnyRow, column: &str) -> Result<u32, sqlx::Error> {
    u32::try_from(row.try_get::<i64, _>(column)?).map_err(|_| wrong(column))
}

fn number_if_any(row: &AnyRow, column: &str) -> Result<Option<u32>, sqlx::Error> {
    row.try_get::<Option<i64>, _>(column)?.map(u32::try_from).transpose().map_err(|_| wrong(column))
}

/// Reads a visit or an alert back.
pub(super) fn of_row(row: &AnyRow) -> Result<Item, sqlx::Error> {
    let id = EventId(row.try_get::<String, _>("id")?.parse().map_err(|_| wrong("id"))?);
    let order = Order { seq: row.try_get::<i64, _>("seq")?.cast_unsigned(), ordinal: number(row, "ordinal")? };
    let recorded_at = row.try_get("recorded_at")?;
    let (account, device) = (AccountId(number(row, "account")?), DeviceId(number(row, "device")?));
    let geofence = number_if_any(row, "geofence")?.map(GeofenceId);
    let kind: String = row.try_get("kind")?;
    if kind == VISIT {
        return Ok(Item::Visit(Visit {
            id,
            revision: number(row, "revision")?,
            order,
            recorded_at,
            account,
            device,
            geofence: geofence.ok_or_else(|| wrong("geofence"))?,
            entered_at: row.try_get("entered_at")?,
            exited_at: row.try_get("exited_at")?,
        }));
    }
    let alarm: Option<String> = row.try_get("alarm")?;
    Ok(Item::Alert(Alert {
        id,
        order,
        recorded_at,
        account,
        device,
        kind: AlertKind::from_text(&kind).ok_or_else(|| wrong("kind"))?,
        rule: number_if_any(row, "rule")?.map(RuleId),
        geofence,
        fix_time: row.try_get("fix_time")?,
        latitude: row.try_get("latitude")?,
        longitude: row.try_get("longitude")?,
        value: row.try_get("value")?,
        alarm: alarm.as_deref().and_then(protocols::Alarm::from_text),
    }))
}
