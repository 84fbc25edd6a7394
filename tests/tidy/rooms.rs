//! Each room says at its head what it takes, gives and may import; its imports agree.

use super::{Source, no_complaints, sources};
use std::collections::{BTreeMap, BTreeSet};

/// Modules of the gateway that are no rooms: the composition root and what every room may use if it says so.
const NO_ROOMS: &[&str] = &["gateway", "lib", "main"];

struct Room {
    name: String,
    may_import: BTreeSet<String>,
}

/// Reads the head of a room's `mod.rs`.
fn head(file: &Source) -> Result<Room, String> {
    let line = |key: &str| {
        file.text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .find_map(|line| line.strip_prefix(&format!("//! {key}: ")))
            .ok_or_else(|| format!("{}: the head lacks `//! {key}: …`", file.path))
    };
    line("Takes")?;
    line("Invariant")?;
    let may_import = line("May import")?.split([',', ';']).map(|name| name.trim().trim_end_matches('.').to_owned()).collect();
    Ok(Room { name: line("Room")?.trim().to_owned(), may_import })
}

/// The rooms and crates of ours that a text imports or names by path.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for (prefix, is_ours) in [("crate::", true), ("policy::", false), ("protocols::", false), ("spec::", false)] {
        for (at, _) in code.match_indices(prefix) {
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            if !is_ours {
                found.insert(prefix.trim_end_matches(':').to_owned());
                continue;
            }
            let rest = &code[at + prefix.len()..];
            if let Some(group) = rest.strip_prefix('{') {
                found.extend(first_names(group));
            } else {
                found.extend(name_at(rest));
            }
        }
    }
    found
}

fn name_at(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// The first path segments of `a::{b, c}, d::e}`.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut names) = (0_i32, true, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && depth == 0 && (c.is_alphanumeric() || c == '_') => {
                names.extend(name_at(&group[at..]));
                start = false;
            }
            _ => {}
        }
    }
    names
}

fn complaints(files: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    let mut rooms: BTreeMap<String, Room> = BTreeMap::new();
    for file in files.iter().filter(|f| f.path.starts_with("src/") && f.path.ends_with("/mod.rs") && f.path.matches('/').count() == 2) {
        match head(file) {
            Ok(room) if file.path == format!("src/{}/mod.rs", room.name) => drop(rooms.insert(room.name.clone(), room)),
            Ok(room) => found.push(format!("{}: says that it is the room {}", file.path, room.name)),
            Err(complaint) => found.push(complaint),
        }
    }
    for file in files.iter().filter(|f| f.path.starts_with("src/") && !f.is_test()) {
        let Some(room) = file.path.split('/').nth(1).and_then(|folder| rooms.get(folder)) else { continue };
        for import in imports(file.code()) {
            let known = rooms.contains_key(&import)
                || matches!(import.as_str(), "policy" | "protocols" | "spec" | "clock" | "config" | "sqlite" | "telemetry");
            // The command line starts the gateway; nothing else knows the composition root.
            let starts_it = room.name == "cli" && room.may_import.contains(&import);
            if NO_ROOMS.contains(&import.as_str()) && !starts_it {
                found.push(format!("{}: a room imports {import}", file.path));
            } else if known && import != room.name && !room.may_import.contains(&import) {
                found.push(format!("{}: imports {import}, which the head of {} does not name", file.path, room.name));
            }
        }
    }
    found
}

/// Rims are imported by the composition root alone.
fn rims(files: &[Source]) -> Vec<String> {
    let rims = ["listener", "delivery", "api", "cli"];
    let allowed = |folder: &str, rim: &str| folder == rim || folder == "cli" || (folder == "api" && rim == "delivery");
    let mut found = Vec::new();
    for file in files.iter().filter(|f| f.path.starts_with("src/") && !f.is_test()) {
        let folder = file.path.split('/').nth(1).unwrap_or_default().trim_end_matches(".rs");
        for import in imports(file.code()) {
            if rims.contains(&import.as_str()) && !allowed(folder, &import) && !NO_ROOMS.contains(&folder) {
                found.push(format!("{}: imports the rim {import}", file.path));
            }
        }
    }
    found
}

#[test]
fn rooms_import_what_they_say() {
    let files = sources(&[".rs"]);
    no_complaints(&complaints(&files));
    no_complaints(&rims(&files));
}

#[test]
fn pure_rooms_know_no_clock_no_socket_no_file() {
    let pure = ["src/geofence/", "src/alert/", "src/model/", "policy/src/", "protocols/src/"];
    let forbidden = ["std::net", "std::fs", "std::time", "tokio::", "crate::clock", "std::process", "std::env"];
    let mut found = Vec::new();
    for file in sources(&[".rs"]).iter().filter(|f| pure.iter().any(|p| f.path.starts_with(p)) && !f.is_test()) {
        found.extend(forbidden.iter().filter(|word| file.code().contains(**word)).map(|word| format!("{}: {word}", file.path)));
    }
    no_complaints(&found);
}

#[test]
fn a_planted_import_is_caught_in_every_spelling() {
    let head = "//! Room: geofence\n//! Takes: a. Gives: b.\n//! May import: model\n//! Invariant: none.\n";
    let other = Source::new("src/router/mod.rs", &head.replace("geofence", "router"));
    let room = Source::new("src/geofence/mod.rs", head);
    for spelling in ["use crate::router::Router;", "use crate::{model::Item, router::{Router, X}};", "fn f(x: crate::router::R) {}"] {
        let planted = Source::new("src/geofence/index.rs", spelling);
        let files = [Source::new(&other.path, &other.text), Source::new(&room.path, &room.text), planted];
        assert_eq!(complaints(&files).len(), 1, "{spelling}");
    }
    let files = [Source::new("src/geofence/mod.rs", "//! Room: geofence\n")];
    assert_eq!(complaints(&files).len(), 1, "a head without its lines");
    let files = [Source::new("src/pipeline/mod.rs", "use crate::listener::Listener;")];
    assert_eq!(rims(&files).len(), 1, "a flow room that imports a rim");
}
