//! Frames of real devices with what another server made of them: where they are and how they are read.

pub mod vector;

use protocols::{Micros, Protocol};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The clock of the recordings: 2026-08-21T16:18:51Z.
pub const NOW: Micros = 1_787_329_131_000_000;

/// The folder in `PURVIEW_CONFORMANCE_DIR`, else the one beside this project, if it is there.
pub fn folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("PURVIEW_CONFORMANCE_DIR").filter(|folder| !folder.is_empty()) {
        return Some(PathBuf::from(named));
    }
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    beside.is_dir().then_some(beside)
}

/// What the recordings call a protocol, where it is not our name.
fn recorded_as(protocol: Protocol) -> &'static str {
    match protocol.name() {
        "queclink" => "gl200",
        "galileosky" => "galileo",
        "navtelecom" => "navis",
        "coban" => "gps103",
        same => same,
    }
}

/// The recordings of a protocol; `None`: there are none.
pub fn of(folder: &Path, protocol: Protocol) -> Option<Vec<Value>> {
    let path = folder.join(format!("{}.jsonl", recorded_as(protocol)));
    if !path.is_file() {
        return None;
    }
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).collect())
}
