//! The harness: a real server in a folder of its own, and people who talk to it.
//!
//! What belongs here: what more than one file of tests needs to start, stop, talk and compare. What
//! does not: expectations about a capability; those are in its own file. Nothing here sleeps to let
//! something happen; it waits for the event itself, for at most [`PATIENCE`].

pub(crate) mod cgroup;
pub(crate) mod connection;
pub(crate) mod cutting;
pub(crate) mod film;
pub(crate) mod health;
pub(crate) mod http;
pub(crate) mod https;
pub(crate) mod pages;
pub(crate) mod person;
pub(crate) mod port;
pub(crate) mod program;
pub(crate) mod push_service;
pub(crate) mod receiver;
pub(crate) mod reply;
pub(crate) mod server;
pub(crate) mod shim;

use std::time::Duration;

pub(crate) use cgroup::Cgroup;
pub(crate) use connection::Connection;
pub(crate) use person::Person;
pub(crate) use program::Program;
pub(crate) use reply::Reply;
pub(crate) use server::Server;

/// How long a test waits for anything before it fails: far longer than a busy machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// The password of everybody in the tests.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Asks again and again until the answer is the one that is waited for, and returns it.
pub(crate) fn eventually<T>(mut ask: impl FnMut() -> T, is_it: impl Fn(&T) -> bool) -> T {
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let answer = ask();
        if is_it(&answer) || std::time::Instant::now() > end {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
