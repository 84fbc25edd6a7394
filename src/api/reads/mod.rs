//! Reading, without HTTP: each gives what a viewer may see of what he asks for, and nothing else. The routes are made of these.

mod events;
mod lists;
mod positions;

pub use events::{alerts, visits};
pub(in crate::api) use lists::role_view;
pub use lists::{ListAsked, devices, geofences, grants, places, roles, rules, users};
pub use positions::{HistoryAsked, ReadError, history_page, latest};

use crate::commands::Commands;
use crate::directory::Directory;
use crate::events::Events;
use crate::history::History;
use crate::pipeline::Latest;
use policy::Permitted;
use std::sync::Arc;

/// Where things are read from.
#[derive(Clone)]
pub struct Stores {
    /// Who and what exists.
    pub directory: Directory,
    /// Positions by time.
    pub history: History,
    /// Visits and alerts.
    pub events: Events,
    /// Commands to devices.
    pub commands: Commands,
    /// The newest of each device.
    pub latest: Arc<Latest>,
}

/// A part of a list.
#[derive(Debug)]
pub struct Page<T, Place> {
    /// What may be seen.
    pub rows: Vec<Permitted<T>>,
    /// Behind which place the next page begins; `None`: this is the last.
    pub next: Option<Place>,
}

impl<T, Place> Page<T, Place> {
    const fn empty() -> Self {
        Self { rows: Vec::new(), next: None }
    }
}
