//! Reports the state of the service to systemd, if systemd asks for it (`Type=notify`, `WatchdogSec=`).
//!
//! Everything here does nothing if systemd is not listening.

use std::future::{Future, pending};
use std::net::TcpListener;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

/// A socket that systemd has opened, by the name that its unit gives it.
#[derive(Debug)]
pub struct Socket {
    /// `http` or `https`.
    pub name: String,
    /// The socket, which is already listening.
    pub listener: TcpListener,
}

/// Takes the sockets that systemd has opened for this process; a second call returns none. Call it before
/// other threads are started.
///
/// # Errors
/// A sentence about a socket that is not for connections.
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

/// Reports that requests are answered from now on, with a line for `systemctl status`.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Reports that the configuration is being reloaded; [`ready`] reports the end.
pub fn reloading() {
    let mut states = vec![NotifyState::Reloading];
    states.extend(NotifyState::monotonic_usec_now());
    tell(&states);
}

/// Reports that the service is stopping.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Notifies the watchdog that the service is alive, for as long as `is_alive` says so; never returns.
///
/// The check should depend on the parts that can hang. If it does not answer, or says no, the
/// watchdog is not notified either, and systemd restarts the service.
pub async fn feed_watchdog<F>(mut is_alive: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
        return pending().await;
    };
    // Three times within the limit, so that one late turn does not cause a restart.
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
