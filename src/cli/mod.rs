//! Room: cli
//! Takes: arguments, standard input. Gives: what the commands print.
//! May import: protocols
//! Invariant: a command's logic takes its input and output as arguments; nothing here reads the time.

pub mod decode;
