//! Files of at most 800 lines, functions of at most 70, lines of at most 140 columns.

use super::{Source, no_complaints, sources};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_COLUMNS_MAX: usize = 140;

fn complaints(file: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let lines: Vec<&str> = file.text.lines().collect();
    if lines.len() > FILE_LINES_MAX {
        found.push(format!("{}: {} lines", file.path, lines.len()));
    }
    for (at, line) in lines.iter().enumerate() {
        // The head of a room is read by a machine, one line a key.
        let head = ["//! Takes: ", "//! May import: ", "//! Invariant: "].iter().any(|key| line.starts_with(key));
        if line.chars().count() > LINE_COLUMNS_MAX && !head {
            found.push(format!("{}:{}: {} columns", file.path, at + 1, line.chars().count()));
        }
        if is_function(line) {
            let indent = line.len() - line.trim_start().len();
            let closing = format!("{}}}", " ".repeat(indent));
            let length = lines[at..].iter().position(|l| **l == closing).map_or(0, |n| n + 1);
            if length > FUNCTION_LINES_MAX {
                found.push(format!("{}:{}: a function of {length} lines", file.path, at + 1));
            }
        }
    }
    found
}

fn is_function(line: &str) -> bool {
    let line = line.trim_start();
    let line =
        line.strip_prefix("pub ").or_else(|| line.strip_prefix("pub(crate) ")).or_else(|| line.strip_prefix("pub(super) ")).unwrap_or(line);
    let line = line.strip_prefix("const ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.starts_with("fn ") && !line.ends_with(';') && !line.ends_with('}')
}

#[test]
fn files_functions_and_lines_are_small() {
    no_complaints(&sources(&[".rs"]).iter().flat_map(complaints).collect::<Vec<_>>());
}

#[test]
fn a_planted_giant_is_caught() {
    let long = format!("pub async fn f() {{\n{}}}\n", "    g();\n".repeat(FUNCTION_LINES_MAX));
    assert_eq!(complaints(&Source::new("src/a.rs", &long)).len(), 1);
    assert_eq!(complaints(&Source::new("src/a.rs", &"x\n".repeat(FILE_LINES_MAX + 1))).len(), 1);
    assert_eq!(complaints(&Source::new("src/a.rs", &"x".repeat(LINE_COLUMNS_MAX + 1))).len(), 1);
    assert!(complaints(&Source::new("src/a.rs", "fn f() {\n}\n")).is_empty());
}
