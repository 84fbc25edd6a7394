//! The tests of the one decision: each requirement by its number, the matrix, the laws, and every state of a small world against `spec`.

mod against_spec;
mod cast;
mod decided;
mod grants;
mod items;
mod laws;
mod matrix;
mod rights;
mod team;
