//! The thread that seals segments, and lets the journal drop what it may.

use super::seal::{Segment, seal};
use super::{HistoryError, Shared, tail};
use crate::telemetry;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Looked at also without being told: segments grow old by themselves.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(super) fn run(shared: &Shared) {
    loop {
        {
            let mut stop = shared.stop.lock();
            if !*stop {
                shared.work.wait_for(&mut stop, LOOK_AGAIN);
            }
            if *stop {
                return;
            }
        }
        if !shared.restored.load(Ordering::Acquire) {
            continue;
        }
        loop {
            match seal_next(shared) {
                Ok(true) if !*shared.stop.lock() => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::error!(%error, "history: a segment could not be sealed; trying again");
                    break;
                }
            }
        }
        drop_old(shared);
    }
}

/// Seals the oldest segment that is not sealed, if all of it has been handed over. Returns whether it did.
pub(super) fn seal_next(shared: &Shared) -> Result<bool, HistoryError> {
    let places = shared.places();
    let sealed_through = places.sealed_through();
    let (passed, newest) = (shared.passed.load(Ordering::Acquire), shared.newest.load(Ordering::Acquire));
    let segments = shared.journal.segments();
    let Some(next) = segments.iter().find(|s| s.first_seq > sealed_through) else { return Ok(false) };
    if !tail::is_complete(next, passed, newest) {
        return Ok(false);
    }
    let Some(handle) = shared.journal.segment(next.first_seq) else { return Ok(false) };
    let bytes = handle.read_all()?;
    let accepted = places.tail.iter().find(|t| t.first_seq == next.first_seq);
    let segment = Segment {
        identity: shared.journal.identity(),
        first_seq: next.first_seq,
        last_seq: next.last_seq,
        bytes: &bytes,
        accepted: accepted.map(|a| &**a),
    };
    let (file, rows) = seal(&shared.folder, &segment)?;
    tracing::info!(path = %file.path.display(), rows, "history: sealed");
    metrics::counter!(telemetry::SEALED_ROWS).increment(rows);
    {
        // In one step, so that no answer has a row twice or not at all.
        let mut places = shared.places.write();
        let places = Arc::make_mut(&mut places);
        places.files.push(Arc::new(file));
        places.tail.retain(|t| t.first_seq != next.first_seq);
    }
    tracing::debug!(unsealed_bytes = shared.unsealed_bytes(), "history: what is left");
    let _stop = shared.stop.lock();
    shared.sealed.notify_all();
    Ok(true)
}

/// Drops segments that are sealed, passed by the checkpoint, and older than what is kept for resume and replay.
fn drop_old(shared: &Shared) {
    let sealed_through = shared.places().sealed_through();
    let passed = shared.passed.load(Ordering::Acquire);
    let keep = i64::try_from(shared.keep_s).unwrap_or(i64::MAX).saturating_mul(1_000_000);
    let oldest_kept = shared.clock.now().saturating_sub(keep);
    let segments = shared.journal.segments();
    let mut bytes: u64 = segments.iter().map(|s| s.bytes).sum();
    for segment in segments {
        let is_old = segment.last_recorded_at < oldest_kept || bytes > shared.keep_bytes_max;
        if segment.active || segment.last_seq > sealed_through || segment.last_seq > passed || !is_old {
            break;
        }
        match shared.journal.drop_segment(segment.first_seq) {
            Ok(_) => bytes = bytes.saturating_sub(segment.bytes),
            Err(error) => {
                tracing::error!(first_seq = segment.first_seq, %error, "history: a segment could not be deleted");
                break;
            }
        }
    }
}
