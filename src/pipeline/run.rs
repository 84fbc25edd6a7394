//! The pipeline's thread: reads on, computes, hands out, and writes a checkpoint now and then.

use super::in_force::InForce;
use super::latest::Latest;
use super::machine::Machine;
use super::output::Output;
use super::{Limits, Parts, Pipeline, PipelineError, Signals, checkpoint};
use crate::journal::{Batch, Block, NewEntry, ReadError, Reader};
use crate::model::{Definitions, Item, Seq};
use crate::telemetry;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Items that are handed out at once.
const ITEMS_MAX: usize = 512;

pub(super) struct Run {
    dir: PathBuf,
    remarks: Arc<super::Remarks>,
    parts: Parts,
    latest: Arc<Latest>,
    signals: Arc<Signals>,
    machine: Machine,
    in_force: InForce,
    reader: Reader,
    committed: watch::Receiver<Seq>,
    runtime: Runtime,
    out: Output,
    /// The last entry that was there at the start.
    head_at_start: Seq,
    noted_head: bool,
    processed: Seq,
    bytes_since_checkpoint: u64,
}

impl Run {
    pub(super) fn new(pipeline: Pipeline, parts: Parts, latest: Arc<Latest>, signals: Arc<Signals>) -> Result<Self, PipelineError> {
        let Pipeline { dir, remarks, restored } = pipeline;
        let failed = |source| PipelineError::Io { path: dir.clone(), source };
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(failed)?;
        let committed = parts.journal.watch();
        let head_at_start = parts.journal.committed();
        let limits = Limits::new(parts.journal.identity(), &parts.pipeline, &parts.listener);
        let mut in_force = InForce::default();
        let (machine, from) = match restored {
            Some(restored) => {
                parts.history.restore(restored.seq, &restored.marks)?;
                let set = parts.definitions.at(restored.version).unwrap_or_else(|| newest(&*parts.definitions));
                in_force.note(restored.seq, set.version);
                let mut machine = Machine::new(limits, set, restored.floor);
                for (id, device) in restored.devices {
                    for item in device.latest.iter().chain(&device.state) {
                        latest.put(id, item.clone());
                    }
                    machine.put_device(id, device);
                }
                (machine, restored.seq + 1)
            }
            None => {
                parts.history.restore(0, &[])?;
                from_the_beginning(limits, &parts)
            }
        };
        let reader = parts.journal.reader(from)?;
        let processed = from - 1;
        signals.processed.send_replace(processed);
        let out = Output::default();
        let bytes_since_checkpoint = 0;
        Ok(Self {
            dir,
            remarks,
            parts,
            latest,
            signals,
            machine,
            in_force,
            reader,
            committed,
            runtime,
            out,
            head_at_start,
            noted_head: false,
            processed,
            bytes_since_checkpoint,
        })
    }

    pub(super) fn run(&mut self) {
        let mut stop_at = None;
        loop {
            // Before the look, so that nothing that comes during it is overlooked.
            self.committed.mark_unchanged();
            match self.reader.next_block() {
                Ok(Some(block)) => {
                    self.take(&block);
                    // With a stream of entries that does not end, the end is what was there when it was wished for.
                    if self.signals.stopping.load(Ordering::SeqCst)
                        && self.processed >= *stop_at.get_or_insert_with(|| self.parts.journal.committed())
                    {
                        break;
                    }
                }
                Ok(None) => {
                    self.note_head();
                    if self.wait() {
                        break;
                    }
                }
                Err(error) => {
                    self.fail(&error);
                    return;
                }
            }
        }
        if self.processed > 0 && self.bytes_since_checkpoint > 0 {
            self.checkpoint();
        }
    }

    fn take(&mut self, block: &Block) {
        for entry in block.entries() {
            self.machine.step(&entry, &self.parts.history, &*self.parts.definitions, &mut self.out);
            if self.out.items.len() >= ITEMS_MAX || self.out.remarks.len() >= ITEMS_MAX {
                self.hand_out();
            }
        }
        self.hand_out();
        self.processed = block.last_seq();
        self.in_force.note(self.processed, self.machine.version());
        let lag = self.parts.journal.committed().saturating_sub(self.processed);
        metrics::gauge!(telemetry::PIPELINE_LAG).set(lag as f64);
        self.bytes_since_checkpoint += block.bytes_len() as u64;
        if self.bytes_since_checkpoint >= self.parts.pipeline.checkpoint_bytes {
            self.checkpoint();
        }
        self.signals.processed.send_replace(self.processed);
    }

    /// First into what can be asked, then to those who listen.
    fn hand_out(&mut self) {
        let out = &mut self.out;
        self.remarks.note(out.remarks.drain(..));
        out.hand_rows_to(&self.parts.history);
        self.parts.events.append(&out.events);
        for (id, item) in out.latest.drain(..) {
            match item {
                Some(item) => self.latest.put(id, item),
                None => self.latest.forget(id),
            }
        }
        if !out.items.is_empty() {
            self.parts.sink.publish(&out.items);
        }
        metrics::counter!(telemetry::POSITIONS).increment(out.rows_count() as u64);
        metrics::counter!(telemetry::POSITIONS_LATE).increment(out.late);
        metrics::counter!(telemetry::DUPLICATES).increment(out.duplicates);
        for event in &out.events {
            match event.item() {
                Item::Alert(alert) => metrics::counter!(telemetry::ALERTS, "kind" => alert.kind.as_str()).increment(1),
                _ => metrics::counter!(telemetry::VISITS).increment(1),
            }
        }
        out.clear();
    }

    /// At the head for the first time: connections that were open when the gateway last ended are not open any more. Their ends become
    /// entries, so that a replay knows of them too.
    fn note_head(&mut self) {
        if self.noted_head || self.processed < self.head_at_start {
            return;
        }
        self.noted_head = true;
        let mut batch = Batch::new();
        for (device, held, connection) in self.machine.open_sessions() {
            let (account, generation) = (held.account, held.generation);
            let received_at = held.heard_at.unwrap_or_default();
            batch.push(&NewEntry::SessionClosed { device, account, generation, connection, received_at });
        }
        if batch.is_empty() {
            self.signals.caught_up.send_replace(true);
            return;
        }
        let signals = Arc::clone(&self.signals);
        let done = move |result| {
            // What was not taken (the disk is full, the device is no longer the account's) ends by its silence.
            tracing::info!(?result, "pipeline: connections that the gateway's end cut off");
            signals.caught_up.send_replace(true);
        };
        self.parts.journal.append_with(batch, Box::new(done));
    }

    /// Until there is more, or the end is wished for (`true`).
    fn wait(&mut self) -> bool {
        let (committed, stop) = (&mut self.committed, &self.signals.stop);
        self.runtime.block_on(async {
            tokio::select! {
                changed = committed.changed() => {
                    if changed.is_err() {
                        stop.notified().await;
                        return true;
                    }
                    false
                }
                () = stop.notified() => true,
            }
        })
    }

    fn checkpoint(&mut self) {
        // What a checkpoint has passed is not computed again: it has to be durable first.
        if let Err(error) = self.parts.events.flush_blocking() {
            tracing::error!(%error, "pipeline: no checkpoint");
            return;
        }
        let marks = self.parts.history.marks(self.processed);
        let saved = self.remarks.save().and_then(|()| checkpoint::save(&self.dir, self.processed, &self.machine, &marks));
        if let Err(error) = saved {
            tracing::error!(%error, "pipeline: no checkpoint");
            return;
        }
        self.bytes_since_checkpoint = 0;
        self.parts.history.set_passed(self.processed);
        if let Some(oldest) = self.parts.journal.segments().first() {
            self.remarks.forget_before(oldest.first_seq);
            if let Some(version) = self.in_force.newly_oldest(oldest.first_seq) {
                self.parts.definitions.forget_before(version);
            }
        }
    }

    fn fail(&self, error: &ReadError) {
        tracing::error!(%error, "pipeline: the journal does not read; the gateway ends");
        self.signals.failed.send_replace(true);
    }
}

fn newest(definitions: &dyn Definitions) -> Arc<crate::model::DefinitionSet> {
    definitions.at(definitions.current_version()).unwrap_or_default()
}

/// Without a checkpoint everything is computed from the oldest entry. If that is not the first one ever, what was in force then is not
/// known for sure, and what is older than the oldest entry is looked up in history before it counts as new.
fn from_the_beginning(limits: Limits, parts: &Parts) -> (Machine, Seq) {
    let segments = parts.journal.segments();
    let oldest = segments.first().map_or(1, |segment| segment.first_seq);
    if oldest <= 1 {
        return (Machine::new(limits, Arc::default(), None), oldest);
    }
    tracing::error!(oldest, "pipeline: no checkpoint reads; everything is computed anew from the oldest entry");
    let floor = segments.first().map(|segment| segment.last_recorded_at);
    (Machine::new(limits, newest(&*parts.definitions), floor), oldest)
}
