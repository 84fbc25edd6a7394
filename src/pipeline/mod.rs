//! Room: pipeline
//! Takes: the journal's entries, definitions. Gives: positions, visits, alerts and device states in recorded order; the latest of each device.
//! May import: journal, history, geofence, alert, events, model, config, telemetry, protocols
//! Invariant: what comes out follows from the entries alone, so a replay gives the same; nothing is published before it can be found in
//! history and events; the latest position never moves backwards.

mod checkpoint;
mod device;
mod in_force;
mod latest;
mod machine;
mod output;
mod recent;
mod remarks;
mod run;
#[cfg(test)]
mod tests;

pub use latest::Latest;
pub use recent::content_hash;
pub use remarks::{Remark, Remarks};

use crate::config::{ListenerConfig, PipelineConfig};
use crate::events::Events;
use crate::history::{History, HistoryError};
use crate::journal::{Journal, ReadError};
use crate::model::{Definitions, Micros, Seq, Shared};
use parking_lot::Mutex;
use run::Run;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::sync::{Notify, watch};

const SECOND: Micros = 1_000_000;

/// Who is told, in recorded order, what came out.
pub trait Sink: Send + Sync {
    /// The next items. Called from the pipeline's own thread, after they can be found in history, events and [`Latest`].
    fn publish(&self, items: &[Shared]);
}

/// Why the pipeline cannot begin, or go on.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The disk said no.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// The journal does not read.
    #[error("pipeline: {0}")]
    Journal(#[from] ReadError),
    /// History does not take up where the checkpoint stands.
    #[error("pipeline: {0}")]
    History(#[from] HistoryError),
}

/// The numbers by which is computed.
#[derive(Clone, Copy, Debug)]
struct Limits {
    identity: [u8; 16],
    dedup_keys_max: usize,
    future_tolerance: Micros,
    datagram_online: Micros,
    session_silence: Micros,
    conflict_changes: u32,
    conflict_window: Micros,
}

impl Limits {
    fn new(identity: [u8; 16], pipeline: &PipelineConfig, listener: &ListenerConfig) -> Self {
        let micros = |seconds: u64| Micros::try_from(seconds).unwrap_or(Micros::MAX).saturating_mul(SECOND);
        Self {
            identity,
            dedup_keys_max: pipeline.dedup_keys_per_device_max.max(1),
            future_tolerance: micros(pipeline.future_tolerance_s),
            datagram_online: micros(listener.datagram_online_s),
            // The listener closes a connection that is silent for so long; who is still listed as connected then was cut off by a crash.
            session_silence: micros(listener.idle_timeout_s.saturating_add(60)),
            conflict_changes: pipeline.conflict_changes,
            conflict_window: micros(pipeline.conflict_window_s),
        }
    }
}

/// The rooms that the pipeline works with.
pub struct Parts {
    /// Limits.
    pub pipeline: PipelineConfig,
    /// How long silence counts as connected.
    pub listener: ListenerConfig,
    /// The log.
    pub journal: Journal,
    /// Positions by time.
    pub history: History,
    /// Visits and alerts.
    pub events: Events,
    /// Geofences and rules, by version.
    pub definitions: Arc<dyn Definitions>,
    /// Who is told.
    pub sink: Arc<dyn Sink>,
}

/// The pipeline before it runs: what its folder holds.
pub struct Pipeline {
    dir: PathBuf,
    remarks: Arc<Remarks>,
    restored: Option<checkpoint::Restored>,
}

impl Pipeline {
    /// Reads the newest checkpoint from the folder `pipeline/` of a data folder.
    ///
    /// # Errors
    /// When the folder does not read. A file in it that does not is reported, and the journal is replayed from further back.
    pub fn open(data_dir: &Path, journal: &Journal) -> Result<Self, PipelineError> {
        let dir = data_dir.join("pipeline");
        let failed = |source| PipelineError::Io { path: dir.clone(), source };
        std::fs::create_dir_all(&dir).map_err(failed)?;
        let remarks = Arc::new(Remarks::open(&dir).map_err(failed)?);
        let oldest = journal.segments().first().map_or(1, |segment| segment.first_seq);
        let restored = checkpoint::load(&dir, &journal.identity(), oldest, journal.committed()).map_err(failed)?;
        Ok(Self { dir, remarks, restored })
    }

    /// What is remarkable of the records in the journal, up to [`Pipeline::passed`] now, and of later ones as they are computed.
    #[must_use]
    pub fn remarks(&self) -> Arc<Remarks> {
        Arc::clone(&self.remarks)
    }

    /// The last entry that the checkpoint knows of; 0: there is none.
    #[must_use]
    pub fn passed(&self) -> Seq {
        self.restored.as_ref().map_or(0, |restored| restored.seq)
    }

    /// Restores history's unsealed tail, and starts the thread: it replays what the checkpoint does not know of, and goes on at the head.
    ///
    /// # Errors
    /// When the journal does not read from there, history does not take up there, or the thread cannot be started.
    pub fn start(self, parts: Parts) -> Result<PipelineHandle, PipelineError> {
        let latest = Arc::new(Latest::default());
        let remarks = Arc::clone(&self.remarks);
        let signals = Arc::new(Signals {
            processed: watch::Sender::new(self.passed()),
            caught_up: watch::Sender::new(false),
            failed: watch::Sender::new(false),
            stop: Notify::new(),
            stopping: AtomicBool::new(false),
        });
        let dir = self.dir.clone();
        let mut run = Run::new(self, parts, Arc::clone(&latest), Arc::clone(&signals))?;
        let thread = std::thread::Builder::new().name("pipeline".to_owned()).spawn(move || run.run());
        let thread = Mutex::new(Some(thread.map_err(|source| PipelineError::Io { path: dir, source })?));
        Ok(PipelineHandle { latest, remarks, signals, thread })
    }
}

struct Signals {
    processed: watch::Sender<Seq>,
    caught_up: watch::Sender<bool>,
    failed: watch::Sender<bool>,
    stop: Notify,
    stopping: AtomicBool,
}

/// The running pipeline.
pub struct PipelineHandle {
    latest: Arc<Latest>,
    remarks: Arc<Remarks>,
    signals: Arc<Signals>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl PipelineHandle {
    /// The latest of each device.
    #[must_use]
    pub const fn latest(&self) -> &Arc<Latest> {
        &self.latest
    }

    /// What is remarkable of the records in the journal.
    #[must_use]
    pub const fn remarks(&self) -> &Arc<Remarks> {
        &self.remarks
    }

    /// Follows the last entry whose items were published.
    #[must_use]
    pub fn processed(&self) -> watch::Receiver<Seq> {
        self.signals.processed.subscribe()
    }

    /// Resolves when everything was computed that was in the journal at the start, and the connections that a crash cut off were noted as
    /// ended. Trackers are let in after that.
    pub async fn caught_up(&self) {
        let mut caught_up = self.signals.caught_up.subscribe();
        let mut failed = self.signals.failed.subscribe();
        // The senders live as long as `self`.
        tokio::select! {
            _ = caught_up.wait_for(|done| *done) => {}
            _ = failed.wait_for(|failed| *failed) => {}
        }
    }

    /// Resolves when the pipeline cannot go on because the journal does not read: the gateway then has to end.
    pub async fn failed(&self) {
        let mut failed = self.signals.failed.subscribe();
        // The sender lives as long as `self`.
        let _ = failed.wait_for(|failed| *failed).await;
    }

    /// Computes what is in the journal, writes a checkpoint and ends the thread. Blocks.
    pub fn stop(&self) {
        self.signals.stopping.store(true, Ordering::SeqCst);
        self.signals.stop.notify_one();
        if let Some(thread) = self.thread.lock().take() {
            // A thread that panicked has said so; the next start replays from the checkpoint.
            let _ = thread.join();
        }
    }
}

impl Drop for PipelineHandle {
    fn drop(&mut self) {
        self.stop();
    }
}
