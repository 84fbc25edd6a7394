//! One target for every decoder; `PURVIEW_PROTOCOL` names it (`scripts/fuzz` goes through them all).
#![no_main]

#[path = "../feed.rs"]
mod feed;

use libfuzzer_sys::fuzz_target;
use protocols::Protocol;
use std::sync::OnceLock;

fn protocol() -> Protocol {
    static PROTOCOL: OnceLock<Protocol> = OnceLock::new();
    *PROTOCOL.get_or_init(|| {
        let name = std::env::var("PURVIEW_PROTOCOL").expect("PURVIEW_PROTOCOL names the protocol");
        Protocol::from_name(&name).unwrap_or_else(|| panic!("no protocol {name:?}"))
    })
}

fuzz_target!(|data: &[u8]| feed::feed(protocol(), data));
