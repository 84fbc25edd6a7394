//! The table of explained disagreements in `docs/conformance.md`: rows `| protocol | id | reason |`.

use protocols::Protocol;
use std::collections::BTreeMap;
use std::path::Path;

/// (protocol, id) and the reason.
pub type Explained = BTreeMap<(String, String), String>;

/// Reads the table.
pub fn read() -> Explained {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md");
    parse(&std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
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
