//! What was changed by whom, and what was denied to whom (P11). Inside, things have numbers; what is shown of them is their public ids.

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::told::{Telling, Told, time};
use crate::directory::{AuditActor, AuditRow, DenialRow, Snapshot};
use crate::model::{Order, PublicId, TariffId};
use policy::{AccountId, DeviceId, GeofenceId, Permitted, PlaceId, RoleId, UserId, admit};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What a field of the log names by number.
fn public(snapshot: &Snapshot, field: &str, number: u32) -> Option<PublicId> {
    match field {
        "user" => snapshot.user(UserId(number)).map(|user| user.public_id),
        "account" => snapshot.account(AccountId(number)).map(|account| account.public_id),
        "tariff" => snapshot.tariff(TariffId(number)).map(|tariff| tariff.public_id),
        "role" => snapshot.role(RoleId(number)).map(|role| role.public_id),
        "device" | "devices" | "given" | "taken" => snapshot.device(DeviceId(number)).map(|device| device.public_id),
        "geofence" | "geofences" | "grant.geofences" => snapshot.geofence(GeofenceId(number)).map(|geofence| geofence.public_id),
        "place" | "grant.places" => snapshot.place(PlaceId(number)).map(|place| place.public_id),
        _ => None,
    }
}

const NUMBERED: &[&str] = &["user", "account", "tariff", "role", "device", "devices", "given", "taken", "geofences"];

/// The same with public ids; what is gone has none any more.
fn translated(snapshot: &Snapshot, action: &str, value: Value) -> Value {
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(name, _)| name != "generation").map(|(name, value)| match (name.as_str(), &value) {
                ("each", Value::Object(each)) => {
                    let each = each
                        .iter()
                        .filter_map(|(id, state)| Some(json!({ "id": public(snapshot, action, id.parse().ok()?), "state": ended(state) })));
                    (name, Value::Array(each.collect()))
                }
                ("all", state) => {
                    let state = ended(state);
                    (name, state)
                }
                (field, Value::Number(_)) if NUMBERED.contains(&field) => {
                    let id = number(&value).and_then(|number| public(snapshot, field, number));
                    (name, json!(id))
                }
                (field, Value::Array(numbers)) if NUMBERED.contains(&field) => {
                    let ids = numbers.iter().map(|value| number(value).and_then(|number| public(snapshot, field, number)));
                    let ids: Vec<Option<PublicId>> = ids.collect();
                    (name, json!(ids))
                }
                _ => (name, translated(snapshot, action, value)),
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// Where in the recorded order a grant ended stays inside.
fn ended(state: &Value) -> Value {
    if state.is_object() { json!("off") } else { state.clone() }
}

impl Told for AuditRow {
    fn value(&self, telling: &Telling<'_>) -> Value {
        let Self { epoch: _, ordinal: _, at, account: _, actor, action, object: of, before, after } = self;
        let text = |json: &str| serde_json::from_str(json).map_or(Value::Null, |value| translated(telling.snapshot, action, value));
        let (by, user) = match actor {
            AuditActor::Operator => ("operator", None),
            AuditActor::User(user) => ("user", telling.user(*user)),
        };
        json!({ "at": time(*at), "by": by, "user": user, "action": action, "object": of, "before": text(before), "after": text(after) })
    }
}

/// A reason with public ids for numbers, and without places in the recorded order.
fn reason(snapshot: &Snapshot, text: &str) -> String {
    let mut before = "";
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match (before, word.parse::<u32>()) {
            ("device" | "geofence" | "place", Ok(number)) => {
                words.push(public(snapshot, before, number).map_or_else(|| "(gone)".to_owned(), |id| id.to_string()));
            }
            ("at", _) if word.parse::<u64>().is_ok() => drop(words.pop()),
            _ => words.push(word.to_owned()),
        }
        before = word;
    }
    words.join(" ")
}

impl Told for DenialRow {
    fn value(&self, telling: &Telling<'_>) -> Value {
        let Self { minute, account: _, user, operation, reason: why, attempts } = self;
        json!({
            "minute": time(minute.saturating_mul(60_000_000)), "user": telling.user(*user), "operation": operation,
            "reason": reason(telling.snapshot, why), "attempts": attempts,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    limit: Option<u64>,
    cursor: Option<String>,
}

/// `GET /audit`: the newest first.
pub(super) async fn changes(call: Call) -> Result<Answer, Problem> {
    let Query { limit, cursor } = call.query()?;
    let rows_max = call.list_rows(limit)?;
    let before: Option<Order> = call.open_cursor(cursor.as_deref(), "")?;
    let before = before.map(|order| (order.seq, order.ordinal));
    let mut rows = call.stores().directory.audit(call.viewer.account, before, rows_max.saturating_add(1)).await?;
    let more = rows.len() > rows_max;
    rows.truncate(rows_max);
    let last = rows.last().filter(|_| more).map(|row| Order { seq: row.epoch, ordinal: row.ordinal });
    let rows: Vec<Permitted<AuditRow>> = rows.into_iter().filter_map(|row| admit(row, &call.viewer, call.now).ok()).collect();
    Ok(Answer::list(&rows, call.seal_cursor(last.as_ref(), ""), &call.telling(&call.snapshot())))
}

/// `GET /denials`: the newest first, whole minutes.
pub(super) async fn denials(call: Call) -> Result<Answer, Problem> {
    let Query { limit, cursor } = call.query()?;
    let rows_max = call.list_rows(limit)?;
    let before: Option<i64> = call.open_cursor(cursor.as_deref(), "")?;
    // A minute has as many rows as there are kinds of denials in it: it is not cut where it fits whole.
    let mut rows = call.stores().directory.denials(call.viewer.account, before, rows_max.saturating_add(1)).await?;
    let more = rows.len() > rows_max;
    if more {
        let last_minute = rows.last().map(|row| row.minute);
        let whole = rows.iter().take_while(|row| Some(row.minute) != last_minute).count();
        rows.truncate(if whole == 0 { rows_max } else { whole });
    }
    let last = rows.last().filter(|_| more).map(|row| row.minute);
    let rows: Vec<Permitted<DenialRow>> = rows.into_iter().filter_map(|row| admit(row, &call.viewer, call.now).ok()).collect();
    Ok(Answer::list(&rows, call.seal_cursor(last.as_ref(), ""), &call.telling(&call.snapshot())))
}
