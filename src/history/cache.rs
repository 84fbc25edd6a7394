//! Open files with their footers, up to a number of bytes.

use super::HistoryError;
use super::file::{OpenFile, SealedFile};
use crate::model::Seq;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

struct Kept {
    file: Arc<OpenFile>,
    used: u64,
}

#[derive(Default)]
struct State {
    kept: HashMap<Seq, Kept>,
    bytes: usize,
    uses: u64,
}

pub(super) struct Cache {
    bytes_max: usize,
    state: Mutex<State>,
}

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default() }
    }

    /// An open file; the ones that were not used for longest are closed for it.
    pub(super) fn open(&self, file: &SealedFile) -> Result<Arc<OpenFile>, HistoryError> {
        let mut state = self.state.lock();
        state.uses += 1;
        let used = state.uses;
        if let Some(kept) = state.kept.get_mut(&file.first_seq) {
            kept.used = used;
            return Ok(Arc::clone(&kept.file));
        }
        drop(state);
        // Two may open the same file at once; the second one is kept.
        let opened = Arc::new(file.open()?);
        let mut state = self.state.lock();
        let kept = Kept { file: Arc::clone(&opened), used };
        if let Some(before) = state.kept.insert(file.first_seq, kept) {
            state.bytes -= before.file.bytes;
        }
        state.bytes += opened.bytes;
        while state.bytes > self.bytes_max && state.kept.len() > 1 {
            let oldest = state.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(seq, _)| *seq);
            let Some(dropped) = oldest.and_then(|seq| state.kept.remove(&seq)) else { break };
            state.bytes -= dropped.file.bytes;
        }
        Ok(opened)
    }

    /// Closes all files.
    #[cfg(test)]
    pub(super) fn forget(&self) {
        *self.state.lock() = State::default();
    }
}
