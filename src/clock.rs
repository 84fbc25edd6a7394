//! The only reader of time.

use policy::Micros;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What the rooms are told the time by. A test sets it; the gateway follows the system.
#[derive(Debug, Default)]
pub struct Clock {
    /// `0`: follow the system. Anything else: that instant, until it is set again.
    fixed: AtomicI64,
}

impl Clock {
    /// Follows the system clock.
    #[must_use]
    pub const fn system() -> Self {
        Self { fixed: AtomicI64::new(0) }
    }

    /// Stands at an instant until [`Clock::set`] moves it.
    #[must_use]
    pub const fn standing_at(time: Micros) -> Self {
        Self { fixed: AtomicI64::new(time) }
    }

    /// Moves a standing clock.
    pub fn set(&self, time: Micros) {
        self.fixed.store(time, Ordering::SeqCst);
    }

    /// UTC, microseconds.
    #[must_use]
    pub fn now(&self) -> Micros {
        match self.fixed.load(Ordering::Relaxed) {
            0 => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)),
            fixed => fixed,
        }
    }
}
