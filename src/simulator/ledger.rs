//! What was sent, and what was acknowledged: the simulator's own account of the matter.

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One tracker's account. Its records are acknowledged in the order in which they were made, so a count says which.
#[derive(Debug, Default)]
pub struct TrackerLedger {
    sent: AtomicU64,
    acked: AtomicU64,
}

impl TrackerLedger {
    /// Records sent at least once.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    /// Records acknowledged: the first so many.
    #[must_use]
    pub fn acked(&self) -> u64 {
        self.acked.load(Ordering::Acquire)
    }
}

/// All trackers' accounts.
pub struct Ledger {
    trackers: Vec<TrackerLedger>,
    reconnects: AtomicU64,
    resent: AtomicU64,
    refused: AtomicU64,
    latency_us: Mutex<Histogram<u64>>,
}

/// The sums.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Records sent at least once.
    pub sent: u64,
    /// Records acknowledged.
    pub acked: u64,
    /// Connections opened anew.
    pub reconnects: u64,
    /// Frames sent again.
    pub resent: u64,
    /// Frames that were refused in words.
    pub refused: u64,
    /// Time from sending a frame to its acknowledgement, median, milliseconds.
    pub ack_ms_p50: f64,
    /// The same, 99th percentile.
    pub ack_ms_p99: f64,
}

impl Ledger {
    /// For so many trackers.
    #[must_use]
    pub fn new(trackers: usize) -> Self {
        // From 1 µs to 10 minutes with two digits: the bounds are constants that the histogram takes.
        let latency = Histogram::new_with_bounds(1, 600_000_000, 2)
            .unwrap_or_else(|_| Histogram::new(2).unwrap_or_else(|_| unreachable!("2 digits")));
        Self {
            trackers: std::iter::repeat_with(TrackerLedger::default).take(trackers).collect(),
            reconnects: AtomicU64::new(0),
            resent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            latency_us: Mutex::new(latency),
        }
    }

    /// By tracker, in the order in which they were given.
    #[must_use]
    pub fn trackers(&self) -> &[TrackerLedger] {
        &self.trackers
    }

    pub(super) fn sent(&self, tracker: usize, records: usize) {
        if let Some(entry) = self.trackers.get(tracker) {
            entry.sent.fetch_add(records as u64, Ordering::AcqRel);
        }
    }

    pub(super) fn acked(&self, tracker: usize, records: usize, after: Duration) {
        if let Some(entry) = self.trackers.get(tracker) {
            entry.acked.fetch_add(records as u64, Ordering::AcqRel);
        }
        let micros = u64::try_from(after.as_micros()).unwrap_or(u64::MAX).max(1);
        self.latency_us.lock().saturating_record(micros);
    }

    pub(super) fn reconnected(&self) {
        self.reconnects.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn resent(&self) {
        self.resent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Records acknowledged so far.
    #[must_use]
    pub fn acked_total(&self) -> u64 {
        self.trackers.iter().map(TrackerLedger::acked).sum()
    }

    /// The sums so far.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let latency = self.latency_us.lock();
        let milliseconds = |quantile| latency.value_at_quantile(quantile) as f64 / 1_000.0;
        Outcome {
            sent: self.trackers.iter().map(TrackerLedger::sent).sum(),
            acked: self.acked_total(),
            reconnects: self.reconnects.load(Ordering::Relaxed),
            resent: self.resent.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            ack_ms_p50: milliseconds(0.5),
            ack_ms_p99: milliseconds(0.99),
        }
    }
}
