//! Morelia.
#![allow(missing_docs)]
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
pub mod auth;
pub mod cli;
pub mod client;
pub mod config;
pub mod exit;
pub mod hub;
pub mod logging;
pub mod model;
pub mod nearest;
pub mod protocol;
pub mod server;
pub mod service;
pub mod store;
