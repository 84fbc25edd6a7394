//! Purview: a telematics gateway. Every record is durable before it is acknowledged, and every viewer is shown exactly what he may see.
//!
//! The rooms stand in the order in which a fix passes through them; `docs/ARCHITECTURE.md` tells the rules between them.

pub mod alert;
pub mod api;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod delivery;
pub mod directory;
pub mod events;
pub mod frames;
pub mod gateway;
pub mod geofence;
pub mod history;
pub mod journal;
pub mod listener;
pub mod model;
pub mod pipeline;
pub mod router;
pub mod session;
pub mod simulator;
mod sqlite;
pub mod telemetry;
