//! The executable specification: the requirements once more, as naive code.
//!
//! It has no index, no cache and no cleverness, and it shares no code with the crate that decides in the product. Whoever changes a
//! requirement changes a sentence here first; tests, the demonstration and the simulator compare what viewers received with what this
//! crate says they must receive. The numbers in the comments (T, B, P) are those of the requirements.
//!
//! Times are microseconds UTC, ids are plain numbers, `seq` is the recorded order.
#![forbid(unsafe_code)]

mod change;
mod script;
mod see;
mod world;

pub use change::{Act, Answer, Thing, may_change, may_list};
pub use script::{Seen, Step, Witness, expected_received, sees};
pub use see::{
    AlertView, Latest, RuleView, Shown, VisitView, judged_time, may_see_alert, may_see_device, may_see_employee, may_see_geofence,
    may_see_latest, may_see_place, may_see_position, may_see_rule, may_see_task, may_see_vehicle, narrowed_rule, shown, visible_alert,
    visible_log, visible_visit, window_start,
};
pub use world::{
    Access, Account, AccountId, Alert, Category, Device, Id, Level, Linked, Object, Observation, Of, Operation, Position, Right, Role,
    Rule, Said, Seq, Spot, SubUser, Task, Time, Turn, User, Visit, World,
};
