//! Tells systemd how the service is, where it asks to be told (`Type=notify`, `WatchdogSec=`).
//!
//! Everything here does nothing where systemd is not listening.

use std::future::{Future, pending};
use std::net::TcpListener;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

/// A socket that systemd has opened, by the name that its unit gives it.
#[derive(Debug)]
pub struct Socket {
    /// `http` or `https`.
    pub name: String,
    /// The socket, which listens already.
    pub listener: TcpListener,
}

/// Takes the sockets that systemd has opened for this process; a second time there are none. To be called
/// before there are other threads.
///
/// # Errors
/// A sentence about one that is no socket for connections.
pub fn sockets() -> Result<Vec<Socket>, String> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let names: Vec<&str> = names.split(':').collect();
    let mut handed = listenfd::ListenFd::from_env();
    let mut sockets = Vec::new();
    for place in 0..handed.len() {
        let name = names.get(place).copied().unwrap_or_default().to_owned();
        match handed.take_tcp_listener(place) {
            Ok(Some(listener)) => sockets.push(Socket { name, listener }),
            Ok(None) => {}
            Err(err) => {
                return Err(format!(
                    "the socket {name} that systemd hands over cannot be used ({err}): it has to be one of \
                     ListenStream= with an address and a port"
                ));
            }
        }
    }
    Ok(sockets)
}

/// Says that requests are answered from now on, with a line for `systemctl status`.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Says that the configuration is being read again; [`ready`] says when that is done.
pub fn reloading() {
    let mut states = vec![NotifyState::Reloading];
    states.extend(NotifyState::monotonic_usec_now());
    tell(&states);
}

/// Says that the service is on its way down.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Tells the watchdog that the service lives, for as long as `is_alive` says so; never returns.
///
/// What is asked should be answered by the parts that can hang. When it does not answer, or says
/// no, the watchdog is not told either, and systemd restarts the service.
pub async fn feed_watchdog<F>(mut is_alive: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
        return pending().await;
    };
    // Three times within the limit, so that one late turn is no death.
    let mut turns = interval(limit / 3);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        if is_alive().await {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(err) = sd_notify::notify(states) {
        log::debug!("systemd cannot be told: {err}");
    }
}
