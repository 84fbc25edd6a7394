//! Room: directory
//! Takes: changes that somebody asks for. Gives: the snapshot of who and what exists, viewers, sessions, versions of definitions.
//! May import: model, config, clock, policy, protocols, sqlite
//! Invariant: one writer; a change is committed before its snapshot is seen, and enforced before its call returns; what is taken
//! away is taken away even if it cannot be stored. Who may change what is decided by policy alone.

mod audit;
mod change;
mod compile;
mod definitions;
mod denials;
mod handle;
mod hooks;
mod password;
mod sessions;
mod snapshot;
mod store;
#[cfg(test)]
mod tests;
mod views;
mod writer;

pub use audit::{AuditActor, AuditRow, DenialRow};
pub use change::{Actor, Change, ChangeError, Changed, GeofenceForm, NewAccess, NewDevice, NewUser, PlaceForm, RuleForm, Turn};
pub use handle::{Directory, OpenError};
pub use hooks::{Barrier, Cut, JournalHook};
pub use password::NewPassword;
pub(crate) use sessions::new_public_id;
pub use sessions::{Session, SessionId, SignInError, SignedIn, Token};
pub use snapshot::{Object, Snapshot};
pub use store::StoreError;
pub use views::{DeviceView, GeofenceView, GrantsView, PlaceView, RoleView, RuleView, UserView};
