//! What all requests share.

use super::idempotency::Idempotency;
use super::reads::Stores;
use super::throttle::{LogIns, Rates};
use super::tickets::Tickets;
use crate::clock::Clock;
use crate::commands::Commands;
use crate::config::ApiConfig;
use crate::delivery::Delivery;
use crate::directory::Directory;
use crate::events::Events;
use crate::frames::Frames;
use crate::history::History;
use crate::pipeline::Latest;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What the interface is made of.
pub struct Parts {
    /// Its limits.
    pub config: ApiConfig,
    /// Rows of one page of history.
    pub rows_max: usize,
    /// The time.
    pub clock: Arc<Clock>,
    /// Who and what exists.
    pub directory: Directory,
    /// Streams, and who is the viewer in force.
    pub delivery: Arc<Delivery>,
    /// Positions by time.
    pub history: History,
    /// Visits and alerts.
    pub events: Events,
    /// Commands to devices.
    pub commands: Commands,
    /// Raw frames of watched devices.
    pub frames: Frames,
    /// The newest of each device.
    pub latest: Arc<Latest>,
}

pub(super) struct Inner {
    pub config: ApiConfig,
    pub history_rows_max: usize,
    pub frames: Frames,
    pub clock: Arc<Clock>,
    pub delivery: Arc<Delivery>,
    pub stores: Stores,
    pub log_ins: LogIns,
    pub rates: Rates,
    pub idempotency: Idempotency,
    pub tickets: Tickets,
    pub running: Semaphore,
}

/// What all requests share. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    pub(super) inner: Arc<Inner>,
}

impl ApiState {
    /// From its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let Parts { config, rows_max, clock, directory, delivery, history, events, commands, frames, latest } = parts;
        let inner = Inner {
            log_ins: LogIns::new(config.login_failures_per_minute_max),
            rates: Rates::new(config.requests_per_second_max),
            idempotency: Idempotency::new(config.idempotency_keys_max),
            tickets: Tickets::default(),
            running: Semaphore::new(config.requests_max.clamp(1, Semaphore::MAX_PERMITS)),
            stores: Stores { directory, history, events, commands, latest },
            history_rows_max: rows_max.max(1),
            frames,
            config,
            clock,
            delivery,
        };
        Self { inner: Arc::new(inner) }
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.inner.stores.directory
    }
}
