//! Morelia: a private chat server in one binary and one `SQLite` file, speaking MTP 1.0.
//!
//! The path of a request: a socket of [`server`] passes a frame to its [`protocol`] conversation,
//! which calls the [`service`]; that checks permissions and uses the [`store`]. The answer takes
//! the same way back. Committed changes leave the store as events, which the [`hub`] passes to the
//! listeners, each as one frame that all of them share.
//!
//! Dependencies point one way: `admin → app → server → protocol → service → {store, hub, auth} → model`. The
//! transport knows no method, table or term of the domain; below the protocol nothing knows the wire. The
//! built-in `client` knows nothing of all that. `tests/tidy.rs` enforces these boundaries.

// Tests fail by panicking, and print what a person needs to see why.
#![cfg_attr(
    test,
    allow(
        clippy::expect_used,
        clippy::panic,
        clippy::print_stderr,
        clippy::print_stdout,
        clippy::unwrap_used
    )
)]

pub mod admin;
pub mod app;
pub mod auth;
pub mod certificates;
pub mod cli;
pub mod client;
pub mod config;
pub mod exit;
pub mod hub;
pub mod logging;
pub mod model;
pub mod nearest;
pub mod outbound;
pub mod protocol;
pub mod server;
pub mod service;
pub mod store;

use std::process::ExitCode;

/// Runs the command that the process was started with. Returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    // Set before the arguments are parsed, since a parse error has to be printed too.
    let has = |word| arguments.iter().any(|argument| argument == word);
    admin::print::choose(has("--json"), false);
    match cli::parse(arguments) {
        Ok(invocation) => admin::run(&invocation).into(),
        Err(err) => {
            admin::print::error(&err.to_string(), exit::Exit::Usage);
            exit::Exit::Usage.into()
        }
    }
}
