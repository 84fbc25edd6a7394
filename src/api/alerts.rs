//! Alerts, and who acknowledged them.

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::reads;
use super::told::{Telling, Told, time};
use super::visits::asked;
use crate::model::{EventId, Item, Micros, Shared, UserId};
use policy::{Action, Facts, Observed, Permitted, Viewer, admit};
use serde_json::{Value, json};

/// An alert, and who acknowledged it when.
struct AlertView {
    alert: Shared,
    acknowledged: Option<(UserId, Micros)>,
}

impl Observed for AlertView {
    fn facts(&self) -> Facts<'_> {
        self.alert.facts()
    }

    fn narrow(self, viewer: &Viewer, now: Micros) -> Option<Self> {
        Some(Self { alert: self.alert.narrow(viewer, now)?, ..self })
    }
}

impl Told for AlertView {
    fn value(&self, telling: &Telling<'_>) -> Value {
        let mut value = self.alert.value(telling);
        if let Value::Object(fields) = &mut value {
            fields.insert("acknowledged_at".to_owned(), self.acknowledged.map_or(Value::Null, |(_, at)| time(at)));
            fields.insert("acknowledged_by".to_owned(), json!(self.acknowledged.and_then(|(by, _)| telling.user(by))));
        }
        value
    }
}

fn event_id(shared: &Shared) -> Option<EventId> {
    match shared.item() {
        Item::Alert(alert) => Some(alert.id),
        _ => None,
    }
}

/// `GET /alerts`.
pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let (asked, order) = asked(&call)?;
    let page = reads::alerts(call.stores(), &call.viewer, &asked, call.now).await?;
    let ids: Vec<EventId> = page.rows.iter().filter_map(|row| event_id(row.item())).collect();
    let acknowledged = call.stores().events.acknowledged(&ids).await?;
    let views = page.rows.into_iter().map(|row| {
        let alert = row.into_inner();
        let acknowledged = event_id(&alert).and_then(|id| acknowledged.get(&id).copied());
        AlertView { alert, acknowledged }
    });
    let rows: Vec<Permitted<AlertView>> = views.filter_map(|view| admit(view, &call.viewer, call.now).ok()).collect();
    Ok(Answer::list(&rows, call.seal_cursor(page.next.as_ref(), order.name()), &call.telling(&call.snapshot())))
}

/// An alert that is to be acknowledged.
struct ToAcknowledge(Shared);

impl Observed for ToAcknowledge {
    fn facts(&self) -> Facts<'_> {
        Facts { action: Action::Acknowledge, ..self.0.facts() }
    }
}

/// `POST /alerts/{id}/acknowledgement`. Whoever is first is noted; for everybody after him it is acknowledged.
pub(super) async fn acknowledge(call: Call) -> Result<Answer, Problem> {
    let id = EventId(call.id()?);
    let alert = match call.stores().events.event(id).await? {
        Some(item @ Item::Alert(_)) => Some(ToAcknowledge(Shared::new(item))),
        _ => None,
    };
    call.admit(alert)?;
    call.stores().events.acknowledge(id, call.session.user, call.now).await?;
    Ok(Answer::nothing())
}
