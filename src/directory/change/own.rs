//! What is a user's own: his password and his sessions (P13).

use super::{Actor, ChangeError, Draft};
use crate::directory::password::NewPassword;
use crate::directory::sessions::SessionId;
use policy::{Action, Facts, Resource};
use serde_json::{Value, json};

impl Draft<'_> {
    /// The session that the actor acts in.
    pub(super) fn actor_session(&self) -> Option<SessionId> {
        match self.actor {
            Actor::User(_, session) => session,
            Actor::Operator => None,
        }
    }
}

pub(super) fn change_password(draft: &mut Draft<'_>, current: &NewPassword, new: &NewPassword) -> Result<(), ChangeError> {
    let user = draft.actor_user()?;
    let account = draft.viewer()?.account;
    draft.judge(&Facts::new(account, Resource::OwnPassword, Action::Edit).of_user(user))?;
    // The hash that the current password was compared with is still the one in force.
    if draft.next.secrets.get(&user).is_none_or(|secret| !current.verified_against(&secret.0)) {
        return Err(ChangeError::invalid("current_password", "it is not the current password"));
    }
    draft.put_secret(user, new.hash()?);
    let own = draft.actor_session();
    for session in draft.sessions.of_user(user) {
        if Some(session.id) != own {
            draft.close_session(session.id);
        }
    }
    let public_id = draft.next.user(user).map(|u| u.public_id).ok_or(ChangeError::NotFound)?;
    draft.note(Some(account), "own_password.edit", public_id, Value::Null, Value::Null);
    Ok(())
}

pub(super) fn close_session(draft: &mut Draft<'_>, session: SessionId) -> Result<(), ChangeError> {
    draft.may(Resource::OwnSession, Action::Delete)?;
    let found = draft.sessions.by_id(session).ok_or(ChangeError::NotFound)?;
    draft.judge(&Facts::new(found.account, Resource::OwnSession, Action::Delete).of_user(found.user))?;
    draft.close_session(session);
    draft.note(Some(found.account), "own_session.delete", session.0, json!({ "user": found.user.0 }), Value::Null);
    Ok(())
}
