//! The inputs that were kept of fuzzing (`fuzz/corpus/<protocol>.hex`, an input a line) are fed to their decoder as the fuzzer does.
#![forbid(unsafe_code)]

#[path = "../../fuzz/feed.rs"]
mod feed;

use protocols::{Protocol, wire};
use std::path::Path;

#[test]
fn what_fuzzing_left_is_decoded_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for protocol in Protocol::ALL {
        let path = folder.join(format!("{}.hex", protocol.name()));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut count = 0;
        for line in text.lines() {
            let input = wire::from_hex(line).unwrap_or_else(|| panic!("{}: {line:?} is no input", path.display()));
            feed::feed(*protocol, &input);
            count += 1;
        }
        assert!(count >= 10, "{}: {count} inputs are no corpus", path.display());
    }
}
