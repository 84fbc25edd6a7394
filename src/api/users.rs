//! Users and their access (T5 to T14, B43 to B47).

use super::answer::Answer;
use super::call::Call;
use super::devices::{Disabled, ListQuery};
use super::problem::Problem;
use super::reads;
use super::told::{Telling, Told};
use crate::directory::{Change, NewAccess, NewPassword, NewUser, UserView};
use crate::model::PublicId;
use policy::{Categories, Category, Level};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Category by category, by name.
pub(super) fn levels(level: impl Fn(Category) -> Level) -> Value {
    Value::Object(Category::ALL.iter().map(|category| (category.name().to_owned(), json!(level(*category).name()))).collect::<Map<_, _>>())
}

/// An access, as it is shown and asked for.
pub(super) fn access(view: &UserView, telling: &Telling<'_>) -> Value {
    let mut access = json!({ "kind": view.access_name() });
    if let Some(categories) = view.categories() {
        access["categories"] = levels(|category| categories.level(category));
    }
    if view.access_name() == "sub_user" {
        access["role"] = json!(view.role().and_then(|role| Some(telling.snapshot.role(role)?.public_id)));
    }
    access
}

impl Told for UserView {
    fn value(&self, telling: &Telling<'_>) -> Value {
        let user = &self.0;
        json!({
            "id": user.public_id, "email": user.email, "name": user.name, "surname": user.surname, "phone": user.phone,
            "access": access(self, telling), "disabled": user.disabled, "version": user.version,
        })
    }

    fn version(&self) -> Option<u64> {
        Some(self.0.version)
    }
}

/// `GET /users` (T5).
pub(super) async fn list(call: Call) -> Result<Answer, Problem> {
    let (asked, about) = ListQuery::read(&call)?;
    let page = reads::users(call.stores(), &call.viewer, &asked, call.now);
    Ok(Answer::list(&page.rows, call.seal_cursor(page.next.as_ref(), &about), &call.telling(&call.snapshot())))
}

/// `GET /users/{id}`.
pub(super) async fn show(call: Call) -> Result<Answer, Problem> {
    let (id, snapshot) = (call.id()?, call.snapshot());
    let user = snapshot.user_of_public(id).map(|user| UserView(Arc::clone(user)));
    Ok(Answer::one(&call.admit(user)?, &call.telling(&snapshot)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessForm {
    kind: String,
    #[serde(default)]
    categories: Option<BTreeMap<String, String>>,
    #[serde(default)]
    role: Option<PublicId>,
}

impl AccessForm {
    fn access(self) -> Result<NewAccess, Problem> {
        let mut categories = None;
        for (name, level) in self.categories.iter().flatten() {
            let bad = |what: &str| Problem::invalid("access.categories", format!("{what:?} is neither category nor level"));
            let category = Category::from_name(name).ok_or_else(|| bad(name))?;
            let level = Level::from_name(level).ok_or_else(|| bad(level))?;
            categories = Some(categories.unwrap_or(Categories::none()).with(category, level));
        }
        let categories = categories.or(self.categories.map(|_| Categories::none()));
        Ok(NewAccess::named(&self.kind, categories, self.role)?)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    email: String,
    password: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    surname: String,
    #[serde(default)]
    phone: String,
    access: AccessForm,
}

/// `POST /users` (T2, B8, B43 to B45).
pub(super) async fn create(call: Call) -> Result<Answer, Problem> {
    let New { email, password, name, surname, phone, access } = call.json()?;
    let user = NewUser { email, password: NewPassword::new(password), name, surname, phone };
    let changed = call.change(Change::CreateUser { user, access: access.access()? }).await?;
    Ok(Answer::created("/users", &changed))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    email: Option<String>,
    name: Option<String>,
    surname: Option<String>,
    phone: Option<String>,
}

/// `PATCH /users/{id}`.
pub(super) async fn edit(call: Call) -> Result<Answer, Problem> {
    let (user, version) = call.target()?;
    let Edit { email, name, surname, phone } = call.json()?;
    let changed = call.change(Change::EditUser { user, version, email, name, surname, phone }).await?;
    Ok(Answer::edited(user, &changed))
}

/// `DELETE /users/{id}`.
pub(super) async fn delete(call: Call) -> Result<Answer, Problem> {
    call.change(Change::DeleteUser { user: call.id()? }).await?;
    Ok(Answer::nothing())
}

/// `PUT /users/{id}/access` (T6, T7, T12).
pub(super) async fn set_access(call: Call) -> Result<Answer, Problem> {
    let (user, version) = call.target()?;
    let access: AccessForm = call.json()?;
    let changed = call.change(Change::SetAccess { user, version, access: access.access()? }).await?;
    Ok(Answer::edited(user, &changed))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    password: String,
}

/// `PUT /users/{id}/password`.
pub(super) async fn set_password(call: Call) -> Result<Answer, Problem> {
    let user = call.id()?;
    let Password { password } = call.json()?;
    call.change(Change::SetPassword { user, password: NewPassword::new(password) }).await?;
    Ok(Answer::nothing())
}

/// `PUT /users/{id}/disabled`.
pub(super) async fn set_disabled(call: Call) -> Result<Answer, Problem> {
    let user = call.id()?;
    let Disabled { disabled } = call.json()?;
    let changed = call.change(Change::SetUserDisabled { user, disabled }).await?;
    Ok(Answer::edited(user, &changed))
}
