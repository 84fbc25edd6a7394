//! How permitted things are written down.

use super::reads::Stores;
use crate::directory::Snapshot;
use crate::model::{Micros, PublicId, write_rfc3339};
use policy::{Observed, UserId, Viewer, admit};
use serde_json::Value;

/// What is needed to write a thing down for its viewer.
pub(super) struct Telling<'a> {
    pub snapshot: &'a Snapshot,
    pub stores: &'a Stores,
    pub viewer: &'a Viewer,
    pub now: Micros,
}

/// Something that is written as a JSON object.
pub(super) trait Told: Observed {
    fn value(&self, telling: &Telling<'_>) -> Value;

    fn write(&self, telling: &Telling<'_>, out: &mut String) {
        out.push_str(&self.value(telling).to_string());
    }

    /// Its version, for those things that are edited.
    fn version(&self) -> Option<u64> {
        None
    }
}

impl Telling<'_> {
    /// A reference to a user, if this viewer may see him (P13).
    pub fn user(&self, user: UserId) -> Option<PublicId> {
        let user = self.snapshot.user(user)?;
        admit(crate::directory::UserView(std::sync::Arc::clone(user)), self.viewer, self.now).ok().map(|user| user.item().0.public_id)
    }
}

/// A time as text.
pub(super) fn time(time: Micros) -> Value {
    let mut text = String::with_capacity(27);
    write_rfc3339(time, &mut text);
    Value::String(text)
}

/// A stored JSON object.
pub(super) fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::Object(serde_json::Map::new()))
}
