//! What Morelia does, seen from outside: one file per capability, over the real program.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking and is read by its output"
)]

mod common;

mod accounts;
mod clients;
mod envelope;
mod flows;
mod golden;
mod messages;
mod sessions;
mod updates;
