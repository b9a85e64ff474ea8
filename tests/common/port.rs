//! Ports for programs that have to be told one before they listen.

use std::net::TcpListener;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below those that the system gives to connections and to listeners without a port of their own: none
/// of the many of other tests takes it before the program does.
const FIRST: u16 = 10_240;
const COUNT: u16 = 20_000;

static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(rand::random::<u16>() % COUNT));

/// A port on which nobody listens; none is given twice.
#[track_caller]
pub(crate) fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let next = || FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
    let found = std::iter::repeat_with(next)
        .take(usize::from(COUNT))
        .find(is_free);
    found.expect("a port")
}
