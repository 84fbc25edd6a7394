//! Integration tests: one binary.
#![forbid(unsafe_code)]

mod decode_recordings;
mod differential;
