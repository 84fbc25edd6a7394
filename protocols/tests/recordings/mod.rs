//! Frames of real devices with what another server made of them: where they are and how they are read.

use protocols::{Micros, Options, Protocol, wire};
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

/// What the tracker sent, on the wire.
#[derive(Clone, Debug)]
pub enum Sent {
    Bytes(Vec<u8>),
    Http { method: String, uri: String, headers: Vec<(String, String)>, body: Vec<u8> },
}

/// A recording, without what was made of it.
#[derive(Clone, Debug)]
pub struct Recording {
    pub id: String,
    pub model: Option<String>,
    pub settings: Vec<(String, String)>,
    pub datagram: bool,
    pub context: Vec<Sent>,
    pub input: Sent,
}

impl Recording {
    /// Reads one line.
    pub fn read(json: &Value) -> Self {
        let datagram = json["options"]["connectionless"].as_bool().unwrap_or(false);
        let context = json["context"].as_array().into_iter().flatten();
        Self {
            id: text(&json["id"]),
            model: json["device"]["model"].as_str().map(str::to_owned),
            settings: settings(&json["options"]),
            datagram,
            context: context.map(|c| sent(c, &c["wire"], datagram)).collect(),
            input: sent(&json["input"], &json["wire"], datagram),
        }
    }
}

/// Settings as we spell them; lists of columns and the like as text.
pub fn settings(options: &Value) -> Vec<(String, String)> {
    let spelled = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    options.as_object().into_iter().flatten().map(|(name, value)| (Options::setting_name(name), spelled(value))).collect()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub fn hex(value: &Value) -> Vec<u8> {
    value.as_str().map(|t| wire::from_hex(t).expect("hexadecimal digits")).unwrap_or_default()
}

/// The wire form; without one (`null`), the bytes as the other decoder got them.
fn sent(input: &Value, wire: &Value, datagram: bool) -> Sent {
    if input["type"] == "http" {
        let headers = input["headers"].as_object().into_iter().flatten().map(|(n, v)| (n.clone(), text(v))).collect();
        let body = if input["body_hex"].is_string() { hex(&input["body_hex"]) } else { text(&input["body"]).into_bytes() };
        return Sent::Http { method: text(&input["method"]), uri: text(&input["uri"]), headers, body };
    }
    let form = &wire[if datagram { "udp" } else { "tcp" }];
    if form["hex"].is_string() {
        return Sent::Bytes(hex(&form["hex"]));
    }
    let inner = if input["hex"].is_string() { hex(&input["hex"]) } else { text(&input["text"]).into_bytes() };
    Sent::Bytes([hex(&form["prefix_hex"]), inner, hex(&form["suffix_hex"])].concat())
}
