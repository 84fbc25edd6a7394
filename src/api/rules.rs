//! Alert rules.

use super::answer::Answer;
use super::call::Call;
use super::devices::ListQuery;
use super::problem::Problem;
use super::reads;
use super::told::{Telling, Told};
use crate::directory::{Change, RuleForm, RuleView};
use crate::model::{PublicId, RuleKind, Schedule};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

impl Told for RuleView {
    fn value(&self, telling: &Telling<'_>) -> Value {
        // The rule's own lists are not for showing: what is shown was narrowed and judged.
        let Self { rule, devices, geofences } = self;
        let devices: Vec<PublicId> = devices.iter().filter_map(|id| Some(telling.snapshot.device(*id)?.public_id)).collect();
        let geofences: Vec<PublicId> = geofences.iter().filter_map(|id| Some(telling.snapshot.geofence(*id)?.public_id)).collect();
        json!({
            "id": rule.public_id, "name": rule.name, "condition": rule.kind, "devices": devices, "geofences": geofences,
            "schedule": rule.schedule, "enabled": rule.enabled, "created_by": telling.user(rule.created_by), "version": rule.version,
        })
    }

    fn version(&self) -> Option<u64> {
        Some(self.rule.version)
    }
}

/// `GET /rules` (B19).
pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let (asked, about) = ListQuery::read(&call)?;
    let page = reads::rules(call.stores(), &call.viewer, &asked, call.now);
    Ok(Answer::list(&page.rows, call.seal_cursor(page.next.as_ref(), &about), &call.telling(&call.snapshot())))
}

/// `GET /rules/{id}`.
pub(super) async fn show(call: Call) -> Result<Answer, Problem> {
    let (id, snapshot) = (call.id()?, call.snapshot());
    let rule = snapshot.rule_of_public(id).map(|rule| RuleView::whole(Arc::clone(rule)));
    Ok(Answer::one(&call.admit(rule)?, &call.telling(&snapshot)))
}

const fn enabled() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: String,
    condition: RuleKind,
    devices: Vec<PublicId>,
    #[serde(default)]
    geofences: Vec<PublicId>,
    #[serde(default)]
    schedule: Schedule,
    #[serde(default = "enabled")]
    enabled: bool,
}

impl Form {
    fn read(call: &Call) -> Result<RuleForm, Problem> {
        let Self { name, condition: kind, devices, geofences, schedule, enabled } = call.json()?;
        Ok(RuleForm { name, kind, devices, geofences, schedule, enabled })
    }
}

/// `POST /rules` (B37, B60).
pub(super) async fn create(call: Call) -> Result<Answer, Problem> {
    let changed = call.change(Change::CreateRule(Form::read(&call)?)).await?;
    Ok(Answer::created("/rules", &changed))
}

/// `PUT /rules/{id}`.
pub(super) async fn edit(call: Call) -> Result<Answer, Problem> {
    let (rule, version) = call.target()?;
    let changed = call.change(Change::EditRule { rule, version, form: Form::read(&call)? }).await?;
    Ok(Answer::edited(rule, &changed))
}

/// `DELETE /rules/{id}`.
pub(super) async fn delete(call: Call) -> Result<Answer, Problem> {
    call.change(Change::DeleteRule { rule: call.id()? }).await?;
    Ok(Answer::nothing())
}
