//! The table of explained disagreements in `docs/conformance.md`: rows `| protocol | id | reason |`.

use crate::tally::Tally;
use protocols::Protocol;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// (protocol, id) and the reason.
pub type Explained = BTreeMap<(String, String), String>;

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md")
}

fn text() -> String {
    let path = document();
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Reads the table.
pub fn read() -> Explained {
    parse(&text())
}

/// The document shows the figures that were measured: those rows that it has otherwise, or not. `PURVIEW_BLESS=1` writes them.
pub fn stale_figures(tallies: &[Tally]) -> Vec<String> {
    let text = text();
    let rows: Vec<String> = tallies.iter().map(ToString::to_string).collect();
    if std::env::var_os("PURVIEW_BLESS").is_some() {
        let (before, behind) = text.split_once(Tally::HEADER).expect("docs/conformance.md has the table of figures");
        let rest = behind.trim_start_matches('\n').lines().skip_while(|line| line.starts_with('|'));
        let rest: Vec<&str> = rest.collect();
        let new = format!("{before}{}\n{}\n{}\n", Tally::HEADER, rows.join("\n"), rest.join("\n"));
        std::fs::write(document(), new).expect("docs/conformance.md is written");
        return Vec::new();
    }
    let is_shown = |row: &String| text.lines().any(|line| line == row);
    rows.into_iter().filter(|row| !is_shown(row)).map(|row| format!("not the figures of docs/conformance.md: {row}")).collect()
}

fn parse(text: &str) -> Explained {
    let mut table = Explained::new();
    for line in text.lines() {
        let Some(cells) = line.trim().strip_prefix('|').and_then(|l| l.strip_suffix('|')) else { continue };
        let cells: Vec<&str> = cells.splitn(3, '|').map(str::trim).collect();
        let [protocol, id, reason] = cells[..] else { continue };
        let is_id = id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit());
        if is_id && Protocol::from_name(protocol).is_some() {
            assert!(!reason.is_empty(), "docs/conformance.md: no reason for {id}");
            table.insert((protocol.to_owned(), id.to_owned()), reason.to_owned());
        }
    }
    table
}

#[test]
fn the_table_is_read() {
    let text = "# x\n\n| protocol | id | reason |\n|---|---|---|\n| gt06 | 00ff00ff00ff00ff | odd \\| even |\n| gt06 | nothing | x |\n";
    let table = parse(text);
    assert_eq!(table.len(), 1);
    assert!(table.contains_key(&("gt06".to_owned(), "00ff00ff00ff00ff".to_owned())));
}
