#![no_std]
//! # Who may see and do what: the one decision
//!
//! Read this page first; then `table.rs` (what each operation needs), then `judge.rs` (how a verdict is reached). Nothing else in
//! Purview decides about access, and nothing here can do anything but decide: this crate is `no_std`, has no dependency, no
//! `unsafe`, no state, no clock, no socket, no file and no cache. All that a verdict may rest on is in its arguments:
//!
//! ```text
//! judge(&Viewer, &Facts, now) -> Allow | Forbid(Reason) | Hide(Reason)
//! ```
//!
//! **[`Viewer`]** is one user, compiled from the directory as it stood at one epoch: his account, his one access (owner, admin,
//! read-only, custom by category, or sub-user with role and grants), and the devices he holds with the history period of each one's tariff.
//! Whenever something that a viewer was compiled from changes, a new one is compiled, with the next generation. A verdict is never kept.
//!
//! **[`Facts`]** is everything that a thing tells: its account, the resource and what is to be done with it, *every* device, geofence
//! and place it names, the span of fix times it tells of, when it was recorded, and whose own it is. What is not in the facts is not
//! judged; so a type's [`Observed::facts`] takes the type apart field by field, and a new reference cannot be forgotten.
//!
//! **The order of the questions** is the whole algorithm (`judge.rs`, `decide`):
//!
//! 1. Of another account: `Hide`. The user is disabled: `Hide`. No row in the table: `Hide`. Nothing is allowed that has no row.
//! 2. A team member without the category, or a sub-user without the right to create: `Forbid`, whatever it is about. [`may`] and
//!    [`may_by_id`] give this answer before any look-up, so that it is the same whether or not the thing exists.
//! 3. Anything named that the viewer may not know of, anything outside his history window, anybody else's own thing: `Hide`.
//! 4. What is left he sees; if the right to do *this* with it is missing: `Forbid`, naming what is missing.
//!
//! `Hide` is answered as if the thing did not exist (404, the same bytes); `Forbid` is answered 403 and names the right or category.
//! The reason inside a `Hide` is for the audit log and for the owner's question "why", never for the viewer.
//!
//! **Time.** The history window looks at fix times, judged never later than when the record was recorded (a tracker whose clock is
//! ahead keeps nothing in the window), and by when it was recorded if it has no fix time. The effective window of a device is the smaller
//! of the role's and the tariff's; a span lies inside when its beginning does. What began earlier is narrowed first, or not shown.
//!
//! **Grants.** A device is held or not: taking it hides its past and its future. A geofence or place grant may be active, ended at a
//! place in the recorded order (what was recorded up to there stays visible) or forgotten. A flag `all` covers every object, future
//! ones too; what is said of one object outweighs the flag.
//!
//! **Narrow, then judge.** [`admit`] first lets the thing shed what this viewer may not know ([`Observed::narrow`]) and then judges
//! what is left, whole. So a faulty `narrow` withholds too much or is caught by the judgement; it cannot leak a device, geofence or
//! place that the facts name.
//!
//! **[`Permitted`]** has private fields and [`admit`] alone makes one. Every way out of Purview (stream, history, report, share, webhook)
//! accepts only that. It carries the viewer's generation, so that whoever holds one in a queue can tell that it must be judged anew.
//!
//! **What this crate cannot see**, and others must hold: that the facts are complete and true, that the viewer is the one of now, that
//! `now` is now. The tests of the crate pin every row (`fixtures/policy/matrix.txt`), state the laws (deny by default, accounts apart,
//! monotone in grant, right and window, no order matters, narrowing never adds) and compare every state of a small world with `spec`.

extern crate alloc;

#[macro_use]
mod named;
mod access;
mod category;
mod facts;
mod grants;
mod ids;
mod judge;
mod permitted;
mod reason;
mod rights;
pub mod table;
mod viewer;

pub use access::{Access, Role, SubUser};
pub use category::{Categories, Category, Level};
pub use facts::{Facts, Range, Recorded, Span};
pub use grants::{DeviceWindows, GrantState, ObjectGrants};
pub use ids::{AccountId, DeviceId, Epoch, GeofenceId, Micros, PlaceId, RoleId, RuleId, Seq, UserId};
pub use judge::{judge, may, may_by_id};
pub use permitted::{Observed, Permitted, admit};
pub use reason::{Missing, Reason, Verdict};
pub use rights::{Right, RightKind, RightSet};
pub use table::{Action, Resource};
pub use viewer::{Limit, Viewer, clamp, earliest, window};
