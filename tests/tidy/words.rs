//! What is decided, read or spelled in one place only.

use super::{Source, no_complaints, sources};

struct Rule {
    what: &'static str,
    applies: fn(&Source) -> bool,
    breaks: fn(&str) -> bool,
}

fn is_gateway(file: &Source) -> bool {
    file.path.starts_with("src/") && !file.is_test()
}

const RULES: &[Rule] = &[
    Rule {
        what: "a right or a category is decided on outside `policy`",
        applies: |file| is_gateway(file) && !file.path.starts_with("src/directory/") && !file.path.starts_with("src/cli/"),
        breaks: |line| variant_of(line, "Right::") || variant_of(line, "Category::"),
    },
    Rule {
        what: "an access is decided on outside `policy` and the directory that keeps it",
        applies: |file| {
            is_gateway(file) && ["src/api/", "src/router/", "src/delivery/", "src/history/"].iter().any(|p| file.path.starts_with(p))
        },
        breaks: |line| line.contains("Access::Owner") || line.contains("Access::SubUser") || line.contains(".is_owner"),
    },
    Rule {
        what: "the time is read outside `src/clock.rs`",
        applies: |file| is_gateway(file) && file.path != "src/clock.rs",
        breaks: |line| ["SystemTime::now", "Timestamp::now", "Zoned::now"].iter().any(|w| line.contains(w)),
    },
    Rule {
        what: "a metric is named outside `src/telemetry.rs`",
        applies: |file| is_gateway(file) && file.path != "src/telemetry.rs",
        breaks: |line| ["counter!(\"", "gauge!(\"", "histogram!(\""].iter().any(|w| line.contains(w)),
    },
    Rule {
        what: "something is printed outside the command line",
        applies: |file| is_gateway(file) && !file.path.starts_with("src/cli/") && file.path != "src/main.rs",
        breaks: |line| ["println!", "print!(", "eprint!("].iter().any(|w| line.contains(w)),
    },
    Rule {
        what: "a `Permitted` is made outside `admit`",
        applies: |file| !file.is_test() && file.path != "policy/src/permitted.rs",
        breaks: |line| {
            line.contains("Permitted {") && !line.contains("struct") && !line.contains("compile_fail") && !line.starts_with("//")
        },
    },
    Rule {
        what: "a drawer for everything",
        applies: |file| !file.is_test(),
        breaks: |line| ["mod util;", "mod utils;", "mod common;", "mod helpers;"].iter().any(|w| line.ends_with(w)),
    },
    Rule {
        what: "something is unfinished or silenced",
        applies: |file| !file.path.starts_with("tests/tidy"),
        breaks: |line| {
            ["todo!(", "unimplemented!(", "#[ignore", "allow(dead_code", "allow(unused", "TODO", "FIXME"].iter().any(|w| line.contains(w))
        },
    },
    Rule {
        what: "a path of some machine, or talk of how this is developed",
        applies: |file| !file.path.starts_with("tests/tidy"),
        breaks: |line| ["/work/", "/tmp/", "/home/", "/root/"].iter().any(|w| line.contains(w)),
    },
];

/// Whether a variant is named: `Right::Geofences`, but not `Right::from_name` or `Right::ALL`.
fn variant_of(line: &str, prefix: &str) -> bool {
    line.match_indices(prefix).any(|(at, _)| {
        let name: String = line[at + prefix.len()..].chars().take_while(|c| c.is_alphanumeric()).collect();
        !line[..at].ends_with(|c: char| c.is_alphanumeric()) && name.starts_with(char::is_uppercase) && name.chars().any(char::is_lowercase)
    })
}

fn complaints(file: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for rule in RULES.iter().filter(|rule| (rule.applies)(file)) {
        for (at, line) in file.code().lines().enumerate() {
            let line = line.trim_start();
            if !line.starts_with("//!") && !line.starts_with("///") && (rule.breaks)(line) {
                found.push(format!("{}:{}: {}", file.path, at + 1, rule.what));
            }
        }
    }
    found
}

#[test]
fn each_thing_is_decided_in_one_place() {
    no_complaints(&sources(&[".rs"]).iter().flat_map(complaints).collect::<Vec<_>>());
}

#[test]
fn docs_and_scripts_name_no_machine() {
    let files = sources(&[".md", ".toml", "Makefile", ".sh", ".yml"]);
    let machine = RULES.last().expect("rules");
    let found: Vec<_> = files.iter().filter(|f| f.text.lines().any(machine.breaks)).map(|f| f.path.clone()).collect();
    no_complaints(&found);
}

#[test]
fn planted_breaches_are_caught() {
    for (path, line) in [
        ("src/api/devices.rs", "if role.contains(Right::Geofences) {"),
        ("src/router/mod.rs", "match category { Category::Assets => 1,"),
        ("src/api/devices.rs", "if matches!(user.access, UserAccess::Owner) {"),
        ("src/pipeline/mod.rs", "let now = SystemTime::now();"),
        ("src/journal/mod.rs", "metrics::counter!(\"purview_x\")"),
        ("src/journal/mod.rs", "println!(\"x\");"),
        ("src/api/mod.rs", "let p = Permitted { item };"),
        ("src/lib.rs", "mod util;"),
        ("src/lib.rs", "todo!()"),
        ("src/lib.rs", "#[allow(dead_code, reason = \"later\")]"),
        ("src/lib.rs", "let x = \"/work/main\";"),
    ] {
        assert_eq!(complaints(&Source::new(path, line)).len(), 1, "{path}: {line}");
    }
    assert!(complaints(&Source::new("src/api/roles.rs", "Right::from_name(name)")).is_empty());
    assert!(complaints(&Source::new("policy/src/judge.rs", "Right::Geofences")).is_empty());
}
