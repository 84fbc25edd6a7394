//! Integration tests: one binary.
#![forbid(unsafe_code)]

mod crash;
mod decode_recordings;
mod differential;
mod listener_bad_input;
mod listener_broker;
mod listener_memory;
mod listener_mqtt;
mod listener_rig;
mod mosquitto;
