//! Integration tests: one binary.
#![forbid(unsafe_code)]

mod api_access;
mod api_bad_input;
mod api_commands;
mod api_docs;
mod api_matrix;
mod api_reads;
mod api_rig;
mod api_stream;
mod client;
mod command_line;
mod crash;
mod decode_recordings;
mod demo;
mod differential;
mod listener_auto;
mod listener_bad_input;
mod listener_broker;
mod listener_memory;
mod listener_mqtt;
mod listener_rig;
mod mosquitto;
mod revocation;
mod simulated;
mod slow_viewer;
mod tracks;
