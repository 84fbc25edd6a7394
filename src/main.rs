//! The `purview` command.

fn main() {}
