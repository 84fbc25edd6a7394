//! What is a user's own: his profile and his password (P13).

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use super::told::{Telling, Told};
use super::users::{access, levels};
use crate::directory::{Change, NewPassword, UserView};
use crate::model::Account;
use policy::{Action, Facts, Observed, Resource, Right};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// A user, as he sees himself.
struct Profile {
    user: UserView,
    account: Arc<Account>,
}

impl Observed for Profile {
    fn facts(&self) -> Facts<'_> {
        let user = &self.user.0;
        Facts::new(user.account, Resource::OwnProfile, Action::See).of_user(user.id)
    }
}

impl Told for Profile {
    fn value(&self, telling: &Telling<'_>) -> Value {
        let user = &self.user.0;
        let rights: Vec<&str> = Right::ALL.iter().filter(|right| telling.viewer.holds(**right)).map(|right| right.name()).collect();
        let role = self.user.role().and_then(|role| telling.snapshot.role(role)).map(
            |role| json!({ "id": role.public_id, "name": role.name, "history_window_s": role.window.map(|window| window / 1_000_000) }),
        );
        json!({
            "id": user.public_id, "email": user.email, "name": user.name, "surname": user.surname, "phone": user.phone,
            "account": { "id": self.account.public_id, "name": self.account.name },
            "access": access(&self.user, telling), "role": role, "rights": rights,
            "categories": levels(|category| telling.viewer.access.level(category)),
        })
    }
}

/// `GET /me`.
pub(super) async fn profile(call: Call) -> Result<Answer, Problem> {
    let snapshot = call.snapshot();
    let profile = snapshot.user(call.session.user).and_then(|user| {
        let account = Arc::clone(snapshot.account(user.account)?);
        Some(Profile { user: UserView(Arc::clone(user)), account })
    });
    Ok(Answer::one(&call.admit(profile)?, &call.telling(&snapshot)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Passwords {
    current_password: String,
    password: String,
}

/// `PUT /me/password`: closes the user's other sessions.
pub(super) async fn change_password(call: Call) -> Result<Answer, Problem> {
    let Passwords { current_password, password } = call.json()?;
    let (current, new) = (NewPassword::new(current_password), NewPassword::new(password));
    call.change(Change::ChangeOwnPassword { current, new }).await?;
    Ok(Answer::nothing())
}
