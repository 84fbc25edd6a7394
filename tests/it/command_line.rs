//! The program as it is typed.

use std::io::pipe;
use std::process::{Command, Stdio};

/// `purview … | head`: who reads has seen enough, and that is no error.
#[test]
fn a_reader_that_leaves_is_no_failure() {
    for arguments in [&["protocols"][..], &["check-config"], &["decode", "--protocol", "teltonika", "000F333536333037303432343431303133"]] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let purview = Command::new(env!("CARGO_BIN_EXE_purview")).args(arguments).stdin(Stdio::null()).stdout(writer).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&purview.stderr), "", "{arguments:?}");
        assert_eq!(purview.status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn what_is_wrong_is_named_on_the_error_channel() {
    let purview = Command::new(env!("CARGO_BIN_EXE_purview")).args(["check-config", "--config", "/nowhere.toml"]).output().unwrap();
    assert_eq!((purview.status.code(), String::from_utf8_lossy(&purview.stdout).as_ref()), (Some(1), ""));
    assert!(String::from_utf8_lossy(&purview.stderr).contains("/nowhere.toml"), "{purview:?}");
}
