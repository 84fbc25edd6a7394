//! Positions: the latest of each device, and history.

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::reads::{HistoryAsked, ListAsked, ReadError, history_page, latest as latest_of};
use super::told::{Telling, Told};
use crate::directory::DeviceView;
use crate::model::{Micros, Shared, from_rfc3339};
use policy::Range;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

impl Told for Shared {
    fn value(&self, telling: &Telling<'_>) -> Value {
        super::told::object(self.json(telling.snapshot))
    }

    /// As streams tell it: encoded once for everybody.
    fn write(&self, telling: &Telling<'_>, out: &mut String) {
        out.push_str(self.json(telling.snapshot));
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        Self::failed("something could not be read", &error)
    }
}

/// An instant in a query.
pub(super) fn instant(field: &str, text: Option<&str>) -> Result<Option<Micros>, Problem> {
    let bad = || Problem::invalid(field, "a time such as 2026-01-31T12:00:00Z is expected");
    text.map(|text| from_rfc3339(text).ok_or_else(bad)).transpose()
}

/// The direction of a list.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Direction {
    /// Oldest first.
    #[default]
    Asc,
    /// Newest first.
    Desc,
}

impl Direction {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asc => "asc",
            Self::Desc => "desc",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LatestQuery {
    limit: Option<u64>,
    cursor: Option<String>,
}

/// `GET /positions/latest`.
pub(super) async fn latest(call: Call) -> Result<Answer, Problem> {
    let LatestQuery { limit, cursor } = call.query()?;
    let asked = ListAsked { after: call.open_cursor(cursor.as_deref(), "")?, rows_max: call.list_rows(limit)?, search: None };
    let page = latest_of(call.stores(), &call.viewer, &asked, call.now);
    Ok(Answer::list(&page.rows, call.seal_cursor(page.next.as_ref(), ""), &call.telling(&call.snapshot())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryQuery {
    from: Option<String>,
    to: Option<String>,
    limit: Option<u64>,
    cursor: Option<String>,
    #[serde(default)]
    order: Direction,
}

/// `GET /devices/{id}/positions`.
pub(super) async fn history(call: Call) -> Result<Answer, Problem> {
    let id = call.id()?;
    let asked: HistoryQuery = call.query()?;
    let (from, to) = (instant("from", asked.from.as_deref())?, instant("to", asked.to.as_deref())?);
    let range = Range { from: from.unwrap_or(Micros::MIN), to: to.unwrap_or(Micros::MAX) };
    if range.from > range.to {
        return Err(Problem::invalid("to", "it is before from"));
    }
    let rows_max = call.rows(asked.limit, call.state.inner.history_rows_max)?;
    let after = call.open_cursor(asked.cursor.as_deref(), asked.order.name())?;
    let snapshot = call.snapshot();
    let device = call.admit(snapshot.device_of_public(id).map(|device| DeviceView { device: Arc::clone(device), hardware: false }))?;
    let descending = asked.order == Direction::Desc;
    let asked_of = HistoryAsked { device: device.item().device.id, range, after, rows_max, descending };
    let reading = call.clone();
    let page = tokio::task::spawn_blocking(move || history_page(reading.stores(), &reading.viewer, &asked_of, reading.now)).await;
    let page = page.map_err(|error| Problem::failed("history could not be read", &error))??;
    Ok(Answer::list(&page.rows, call.seal_cursor(page.next.as_ref(), asked.order.name()), &call.telling(&snapshot)))
}
