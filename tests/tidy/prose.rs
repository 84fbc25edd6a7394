//! Every requirement has a test that names it, or stands in `docs/uncovered.md` with the reason; what the docs name exists.

use super::{Source, no_complaints, sources};
use std::collections::BTreeSet;
use std::path::Path;

/// The statements of the requirements: T1–T26, B1–B73, P1–P15.
fn statements() -> Vec<String> {
    [("t", 26), ("b", 73), ("p", 15)].iter().flat_map(|(letter, last)| (1..=*last).map(move |n| format!("{letter}{n}"))).collect()
}

/// The statements that a test of this text names: all those that its name begins with.
fn named(text: &str) -> BTreeSet<String> {
    let is_number = |part: &&str| {
        let digits = part.strip_prefix(['t', 'b', 'p']).unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    text.lines()
        .filter_map(|line| line.trim_start().trim_start_matches("pub ").trim_start_matches("async ").strip_prefix("fn "))
        .flat_map(|name| name.split('_').take_while(is_number).map(str::to_owned))
        .collect()
}

/// The statements that stand in the list of what has no test, each with a reason.
fn excused(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("- "))
        .filter_map(|line| line.split_once(": "))
        .filter(|(_, reason)| reason.len() > 10)
        .flat_map(|(numbers, _)| numbers.split(", ").map(str::to_lowercase).collect::<Vec<_>>())
        .collect()
}

#[test]
fn every_requirement_has_a_test_or_a_reason() {
    let with_test: BTreeSet<String> = sources(&[".rs"]).iter().flat_map(|file| named(&file.text)).collect();
    let uncovered = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/uncovered.md")).expect("docs/uncovered.md");
    let with_reason = excused(&uncovered);
    let mut found: Vec<String> = Vec::new();
    for statement in statements() {
        match (with_test.contains(&statement), with_reason.contains(&statement)) {
            (false, false) => found.push(format!("{statement}: no test names it, and docs/uncovered.md does not say why")),
            (true, true) => found.push(format!("{statement}: has a test; strike it from docs/uncovered.md")),
            _ => {}
        }
    }
    no_complaints(&found);
}

/// Paths of ours that a text names in backticks and that do not exist.
fn missing(file: &Source, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let ours = ["src/", "docs/", "tests/", "policy/", "protocols/", "spec/", "fixtures/", "benches/", "fuzz/", "web/"];
    file.text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| ours.iter().any(|prefix| word.starts_with(prefix)))
        .filter(|word| !word.contains(['*', '<', '{', ' ', '$', '…']))
        .filter(|word| !exists(word.split("::").next().unwrap_or(word)))
        .map(|word| format!("{}: names {word}, which does not exist", file.path))
        .collect()
}

#[test]
fn what_the_docs_name_exists() {
    let (root, ignored) = (Path::new(env!("CARGO_MANIFEST_DIR")), ignored());
    // What version control leaves out is here after a run, and not in a clean clone.
    let exists = |path: &str| root.join(path).exists() && !ignored.iter().any(|folder| Path::new(path).starts_with(folder));
    let found: Vec<_> = sources(&[".md"]).iter().flat_map(|file| missing(file, exists)).collect();
    no_complaints(&found);
}

/// What the `.gitignore` of the project and that of the fuzz targets leave out, by path.
fn ignored() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines = |folder: &str| {
        let text = std::fs::read_to_string(root.join(folder).join(".gitignore")).expect(".gitignore");
        text.lines().map(|line| format!("{folder}{}", line.trim_start_matches('/'))).collect::<Vec<_>>()
    };
    ["", "fuzz/"].into_iter().flat_map(lines).collect()
}

#[test]
fn planted_gaps_are_caught() {
    let text = "    async fn b38_b39_after() {}\nfn helper() {}\nfn p7_x_b1() {}";
    assert_eq!(named(text), BTreeSet::from(["b38".to_owned(), "b39".to_owned(), "p7".to_owned()]));
    assert_eq!(excused("- T1, T2: no mail is sent yet\n- T3: no"), BTreeSet::from(["t1".to_owned(), "t2".to_owned()]));
    let doc = Source::new("docs/x.md", "see `src/nowhere.rs` and `src/lib.rs` and `cargo test`");
    assert_eq!(missing(&doc, |path| path == "src/lib.rs").len(), 1);
    assert!(ignored().contains(&"fuzz/artifacts".to_owned()), "{:?}", ignored());
}
