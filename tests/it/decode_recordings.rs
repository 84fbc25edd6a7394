//! `purview decode --jsonl` over recorded frames (`PURVIEW_CONFORMANCE_DIR`), as somebody outside would use it: frames in their wire
//! form with their context in, records and replies out. `protocols/tests/conformance` looks closer at the same recordings; here it is
//! the command's own form that is tried.

#![allow(clippy::print_stdout)]

use protocols::Protocol;
use purview::cli::decode::run_jsonl;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// 2026-08-21T16:18:51Z, the clock of the recordings.
const NOW: i64 = 1_787_329_131_000_000;
const SHARE_MIN: f64 = 0.95;
const FEW: usize = 20;

fn folder() -> Option<PathBuf> {
    let beside = || Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance")).filter(|p| p.is_dir());
    let named = std::env::var_os("PURVIEW_CONFORMANCE_DIR").filter(|folder| !folder.is_empty());
    named.map(PathBuf::from).or_else(beside)
}

/// An input of a recording in the command's form.
fn frame(input: &Value, wire: &Value, transport: &str) -> Value {
    if input["type"] == "http" {
        return json!({ "http": input });
    }
    let form = &wire[transport];
    let hex = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if form["hex"].is_string() {
        return json!({ "hex": form["hex"] });
    }
    match input["hex"].as_str() {
        Some(inner) => json!({ "hex": format!("{}{inner}{}", hex(&form["prefix_hex"]), hex(&form["suffix_hex"])) }),
        None => {
            let suffix = protocols::wire::from_hex(&hex(&form["suffix_hex"])).unwrap();
            json!({ "text": format!("{}{}", input["text"].as_str().unwrap(), String::from_utf8(suffix).unwrap()) })
        }
    }
}

fn line(recording: &Value) -> Value {
    let transport = if recording["options"]["connectionless"] == true { "udp" } else { "tcp" };
    let mut frames: Vec<Value> = recording["context"].as_array().into_iter().flatten().map(|c| frame(c, &c["wire"], transport)).collect();
    frames.push(frame(&recording["input"], &recording["wire"], transport));
    json!({ "frames": frames, "transport": transport, "model": recording["device"]["model"], "options": recording["options"] })
}

fn same_place(wanted: &Value, got: &Value) -> bool {
    let near = |theirs: f64, ours: &Value, within: f64| (ours.as_f64().unwrap_or(0.0) - theirs).abs() <= within;
    let number = |name: &str| wanted[name].as_f64().unwrap_or(0.0);
    let course = (got["course_deg"].as_f64().unwrap_or(0.0) - number("course_deg")).rem_euclid(360.0);
    let time = |value: &Value| value.as_str().and_then(protocols::from_rfc3339);
    time(&wanted["time"]) == time(&got["fix_time"])
        && near(number("lat"), &got["latitude"], 1e-5)
        && near(number("lon"), &got["longitude"], 1e-5)
        && near(number("speed_knots") * 1.852, &got["speed_kmh"], 0.2)
        && course.min(360.0 - course) <= 1.0
}

fn same_reply(wanted: &Value, got: &Value) -> bool {
    match wanted["type"].as_str() {
        Some("http_response") => wanted["status"] == got["http"]["status"],
        Some("text") => {
            protocols::wire::to_hex(wanted["text"].as_str().unwrap_or_default().as_bytes()) == got["hex"].as_str().unwrap_or("")
        }
        _ => wanted["hex"] == got["hex"],
    }
}

fn count(wanted: &[&Value], got: &[&Value], same: fn(&Value, &Value) -> bool, total: &mut (usize, usize)) {
    total.1 += wanted.len().max(got.len());
    total.0 += wanted.iter().zip(got).filter(|(wanted, got)| same(wanted, got)).count();
}

#[test]
fn recorded_frames_go_through_the_command() {
    let Some(folder) = folder() else {
        println!("SKIPPED: no recordings. Set PURVIEW_CONFORMANCE_DIR to the folder that holds them.");
        return;
    };
    for protocol in [
        Protocol::Teltonika,
        Protocol::Gt06,
        Protocol::H02,
        Protocol::Wialon,
        Protocol::OsmAnd,
        Protocol::Meitrack,
        Protocol::Suntech,
        Protocol::MiniFinder2,
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{}.jsonl", protocol.name()))).unwrap();
        let recordings: Vec<Value> =
            text.lines().map(|l| serde_json::from_str(l).unwrap()).filter(|r: &Value| r["input"].is_object()).collect();
        let mut input = String::new();
        for recording in &recordings {
            writeln!(input, "{}", line(recording)).unwrap();
        }
        let mut output = Vec::new();
        run_jsonl(protocol, true, NOW, input.as_bytes(), &mut output).unwrap();
        let output: Vec<Value> = String::from_utf8(output).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(output.len(), recordings.len());
        let (mut places, mut replies) = ((0, 0), (0, 0));
        for (recording, said) in recordings.iter().zip(&output) {
            let last = said["frames"].as_array().and_then(|f| f.last()).unwrap_or_else(|| panic!("{said}"));
            let wanted: Vec<&Value> = recording["expect"].as_array().into_iter().flatten().filter(|p| p["outdated"] != true).collect();
            let got: Vec<&Value> = last["records"].as_array().into_iter().flatten().filter(|r| !r["latitude"].is_null()).collect();
            count(&wanted, &got, same_place, &mut places);
            let wanted: Vec<&Value> = recording["replies"].as_array().into_iter().flatten().collect();
            let got: Vec<&Value> = last["replies"].as_array().into_iter().flatten().collect();
            count(&wanted, &got, same_reply, &mut replies);
        }
        println!("{}: places {}/{}, replies {}/{}", protocol.name(), places.0, places.1, replies.0, replies.1);
        for (what, (equal, all)) in [("places", places), ("replies", replies)] {
            let enough = if all < FEW { all - equal <= 1 } else { equal as f64 / all as f64 >= SHARE_MIN };
            assert!(enough, "{}: {equal} of {all} {what} agree", protocol.name());
        }
    }
}
