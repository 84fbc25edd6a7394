//! Roles.

use super::answer::Answer;
use super::call::Call;
use super::devices::ListQuery;
use super::problem::Problem;
use super::reads::{self, role_view};
use super::told::{Telling, Told};
use crate::directory::{Change, RoleView};
use crate::model::Micros;
use policy::{Right, RightKind};
use serde::Deserialize;
use serde_json::{Value, json};

impl Told for RoleView {
    fn value(&self, _: &Telling<'_>) -> Value {
        let role = &self.role;
        // The basic ones are everybody's (B53).
        let rights: Vec<&str> = role.rights.iter().filter(|right| right.kind() == RightKind::Additional).map(Right::name).collect();
        json!({
            "id": role.public_id, "name": role.name, "rights": rights, "history_window_s": role.window.map(|window| window / 1_000_000),
            "version": role.version,
        })
    }

    fn version(&self) -> Option<u64> {
        Some(self.role.version)
    }
}

/// `GET /roles`.
pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let (asked, about) = ListQuery::read(&call)?;
    let page = reads::roles(call.stores(), &call.viewer, &asked, call.now);
    Ok(Answer::list(&page.rows, call.seal_cursor(page.next.as_ref(), &about), &call.telling(&call.snapshot())))
}

/// `GET /roles/{id}`.
pub(super) async fn show(call: Call) -> Result<Answer, Problem> {
    let (id, snapshot) = (call.id()?, call.snapshot());
    let role = snapshot.role_of_public(id).map(|role| role_view(&snapshot, &call.viewer, role));
    Ok(Answer::one(&call.admit(role)?, &call.telling(&snapshot)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    name: String,
    #[serde(default)]
    rights: Vec<String>,
    #[serde(default)]
    history_window_s: Option<i64>,
}

impl Form {
    fn read(call: &Call) -> Result<(String, Vec<Right>, Option<Micros>), Problem> {
        let Self { name, rights, history_window_s } = call.json()?;
        let right = |name: &String| Right::from_name(name).ok_or_else(|| Problem::invalid("rights", format!("{name:?} is no right")));
        let rights = rights.iter().map(right).collect::<Result<_, _>>()?;
        Ok((name, rights, history_window_s.map(|seconds| seconds.saturating_mul(1_000_000))))
    }
}

/// `POST /roles` (B50).
pub(super) async fn create(call: Call) -> Result<Answer, Problem> {
    let (name, rights, window) = Form::read(&call)?;
    let changed = call.change(Change::CreateRole { name, rights, window }).await?;
    Ok(Answer::created("/roles", &changed))
}

/// `PUT /roles/{id}`.
pub(super) async fn edit(call: Call) -> Result<Answer, Problem> {
    let (role, version) = call.target()?;
    let (name, rights, window) = Form::read(&call)?;
    let changed = call.change(Change::EditRole { role, version, name, rights, window }).await?;
    Ok(Answer::edited(role, &changed))
}

/// `DELETE /roles/{id}`: tells who is left without a role.
pub(super) async fn delete(call: Call) -> Result<Answer, Problem> {
    let changed = call.change(Change::DeleteRole { role: call.id()? }).await?;
    Ok(Answer::own(&json!({ "left_without_role": changed.left_without_role })))
}
