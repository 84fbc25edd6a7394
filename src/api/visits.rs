//! Visits.

use super::answer::Answer;
use super::call::Call;
use super::positions::{Direction, instant};
use super::problem::Problem;
use super::reads;
use crate::directory::{DeviceView, GeofenceView};
use crate::events::EventQuery;
use crate::model::PublicId;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    device: Option<PublicId>,
    geofence: Option<PublicId>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<u64>,
    cursor: Option<String>,
    #[serde(default)]
    order: Direction,
}

/// Reads what is asked of visits or alerts. A device or geofence that he does not see is answered like one that does not exist (P5).
pub(super) fn asked(call: &Call) -> Result<(EventQuery, Direction), Problem> {
    let query: Query = call.query()?;
    let snapshot = call.snapshot();
    let device = query.device.map(|id| {
        let view = snapshot.device_of_public(id).map(|device| DeviceView { device: Arc::clone(device), hardware: false });
        call.admit(view).map(|view| view.item().device.id)
    });
    let geofence = query.geofence.map(|id| {
        let view = snapshot.geofence_of_public(id).map(|geofence| GeofenceView(Arc::clone(geofence)));
        call.admit(view).map(|view| view.item().0.id)
    });
    let asked = EventQuery {
        device: device.transpose()?,
        geofence: geofence.transpose()?,
        from: instant("from", query.from.as_deref())?,
        to: instant("to", query.to.as_deref())?,
        after: call.open_cursor(query.cursor.as_deref(), query.order.name())?,
        rows_max: call.list_rows(query.limit)?,
        descending: query.order == Direction::Desc,
    };
    if asked.from.zip(asked.to).is_some_and(|(from, to)| from > to) {
        return Err(Problem::invalid("to", "it is before from"));
    }
    Ok((asked, query.order))
}

/// `GET /visits`.
pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let (asked, order) = asked(&call)?;
    let page = reads::visits(call.stores(), &call.viewer, &asked, call.now).await?;
    Ok(Answer::list(&page.rows, call.seal_cursor(page.next.as_ref(), order.name()), &call.telling(&call.snapshot())))
}
