//! Room: api
//! Takes: requests over HTTP. Gives: answers that hold nothing but what policy permitted to whoever asks.
//! May import: directory, delivery, router, history, events, commands, frames, pipeline, model, clock, config, telemetry, policy, protocols
//! Invariant: one table names resource and action of every operation; what leaves is `Permitted`, for the viewer in force when it leaves.

mod alerts;
mod answer;
mod asked;
mod call;
mod commands;
mod devices;
mod frames;
mod geofences;
mod grants;
mod idempotency;
mod logs;
pub mod operations;
mod own;
mod paging;
mod places;
mod positions;
mod problem;
pub mod reads;
mod roles;
mod rules;
mod serve;
mod session;
mod shape;
mod state;
mod stream;
mod throttle;
mod tickets;
mod told;
mod users;
mod visits;

pub use serve::router;
pub use state::{ApiState, Parts};

/// Where the interface begins.
pub const PREFIX: &str = "/api/v1";
