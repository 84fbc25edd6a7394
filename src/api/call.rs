//! What an operation is handed: who asks, as the viewer in force, and what.

use super::asked::Asked;
use super::problem::Problem;
use super::reads::Stores;
use super::state::ApiState;
use super::told::Telling;
use crate::directory::{Actor, Change, Changed, Session, Snapshot};
use crate::model::PublicId;
use policy::{Micros, Observed, Permitted, Reason, Verdict, Viewer, admit};
use std::ops::Deref;
use std::sync::Arc;

/// One call of an operation.
#[derive(Clone)]
pub(super) struct Call {
    pub state: ApiState,
    pub session: Session,
    pub viewer: Arc<Viewer>,
    pub now: Micros,
    pub asked: Arc<Asked>,
}

impl Deref for Call {
    type Target = Asked;

    fn deref(&self) -> &Asked {
        &self.asked
    }
}

impl Call {
    pub fn stores(&self) -> &Stores {
        &self.state.inner.stores
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.stores().directory.snapshot()
    }

    /// What is needed to write answers down.
    pub fn telling<'a>(&'a self, snapshot: &'a Snapshot) -> Telling<'a> {
        Telling { snapshot, stores: self.stores(), viewer: &self.viewer, now: self.now }
    }

    /// Makes a change as this user.
    pub async fn change(&self, change: Change) -> Result<Changed, Problem> {
        let actor = Actor::User(self.session.user, Some(self.session.id));
        Ok(self.stores().directory.change(actor, change).await?)
    }

    /// What was found, if it was and he may see it; else the same answer for whatever stands in the way (P5).
    pub fn admit<T: Observed>(&self, found: Option<T>) -> Result<Permitted<T>, Problem> {
        admit(found.ok_or_else(Problem::not_found)?, &self.viewer, self.now).map_err(|verdict| {
            if let Some(reason) = verdict.reason() {
                self.denied(&reason);
            }
            refusal(verdict)
        })
    }

    /// Writes down that this operation was denied (P11).
    pub fn denied(&self, reason: &Reason) {
        if let Some((resource, action)) = self.asked.operation.needs {
            self.stores().directory.denied(self.session.user, resource, action, reason);
        }
    }

    /// The id in the path, with the version that the edit was made from.
    pub fn target(&self) -> Result<(PublicId, Option<u64>), Problem> {
        Ok((self.asked.id()?, self.asked.version()?))
    }
}

/// The answer to a verdict against.
pub(super) fn refusal(verdict: Verdict) -> Problem {
    match verdict {
        Verdict::Forbid(reason) => Problem::forbidden(reason),
        Verdict::Hide(_) | Verdict::Allow => Problem::not_found(),
    }
}
