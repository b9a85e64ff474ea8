//! The accept loop: from a listener to connections, and from the stop signal to the end of the last
//! connection.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::bind::{Bound, Role};
use super::connection::{self, Shared};
use super::gate;
use super::host::Hosts;
use super::http::{self, Site};
use super::proxy::Proxies;
use super::stop::Stop;
use crate::protocol::{Conversation, Peer};

/// How long accepting pauses at first when the system is out of file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// The most refused peers that may be sent a reason at the same time; the others are just disconnected.
const REFUSALS: usize = 64;

/// The answer to a peer beyond the limits. It is written before anything is read, so that it costs
/// nothing; a peer that speaks TLS could not read it and gets nothing.
const REFUSAL: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    content-length: 102\r\nretry-after: 10\r\nconnection: close\r\nx-content-type-options: nosniff\r\n\r\n\
    {\"error\":{\"code\":503,\"status\":\"Service Unavailable\",\"detail\":\"too many connections, try again later\"}}";

/// The outcome of serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The number of HTTP requests that were answered, including the opening of WebSockets.
    pub requests: u64,
    /// The number of connections that were cut off because they did not end in time.
    pub cut_off: usize,
    /// Whether the limit of requests ended it, rather than the stop signal.
    pub limit_reached: bool,
}

/// Counts of a running server; clones share them.
#[derive(Clone)]
pub struct Statistics(Arc<Shared>);

impl std::fmt::Debug for Statistics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statistics")
            .field("connections", &self.connections())
            .finish()
    }
}

impl Statistics {
    /// Returns how many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.limits.connections.count()
    }

    /// Returns how many HTTP requests have arrived.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::Relaxed)
    }
}

impl Bound {
    /// Serves until `stop` is ready or the limit of requests is reached, then closes every socket
    /// with 1001 and waits for it, but not longer than the settings allow.
    ///
    /// `converse` creates the conversation of each new socket. `site` is created once the server
    /// has something to count, so that it can show the counts.
    pub async fn serve<C, F>(
        self,
        site: impl FnOnce(Statistics) -> Site,
        converse: F,
        stop: impl Future<Output = ()>,
    ) -> Summary
    where
        C: Conversation,
        F: Fn(Peer) -> C + Send + Sync + 'static,
    {
        let settings = self.settings;
        let shared = Arc::new(Shared {
            limits: self.limits,
            certificate: self.certificate,
            proxies: Arc::new(Proxies::new(settings.proxy.clone())),
            hosts: Hosts::new(&settings),
            stop: Stop::default(),
            requests: AtomicU64::new(0),
            enough: Stop::default(),
            settings,
        });
        let site = site(Statistics(Arc::clone(&shared)));
        let routes = connection::Routes {
            gate: gate::routes(&shared),
            metrics: http::numbers(&site),
            all: http::routes(&shared, site, connection::socket(&shared, converse)),
        };
        let handle = {
            let shared = Arc::clone(&shared);
            move |stream, remote, place, role| {
                // Boxed, so that the memory of HTTP is returned when a WebSocket takes over.
                let (shared, routes) = (Arc::clone(&shared), routes.clone());
                let serving = connection::serve(stream, remote, place, role, shared, routes);
                tokio::spawn(Box::pin(serving));
            }
        };
        let door = Arc::new(Door {
            shared: Arc::clone(&shared),
            refusals: AtomicUsize::new(0),
        });
        let loops: Vec<_> = self
            .listeners
            .into_iter()
            .map(|(listener, role)| {
                tokio::spawn(Arc::clone(&door).accept(listener, role, handle.clone()))
            })
            .collect();
        let strangers = shared.limits.strangers.clone();
        let watching = tokio::spawn(async move { strangers.watch().await });
        let limit_reached = tokio::select! {
            () = stop => false,
            () = shared.enough.wait() => true,
        };
        for task in &loops {
            task.abort();
        }
        shared.stop.say();
        let gone = timeout(
            shared.settings.shutdown_timeout,
            shared.limits.connections.none(),
        )
        .await;
        watching.abort();
        Summary {
            requests: shared.requests.load(Ordering::Relaxed),
            cut_off: if gone.is_ok() {
                0
            } else {
                shared.limits.connections.count()
            },
            limit_reached,
        }
    }
}

/// Accepts or refuses peers.
struct Door {
    shared: Arc<Shared>,
    refusals: AtomicUsize,
}

impl Door {
    async fn accept<H>(self: Arc<Self>, listener: TcpListener, role: Role, handle: H)
    where
        H: Fn(TcpStream, IpAddr, super::limits::Place, Role) + Send + 'static,
    {
        let mut pause = Duration::ZERO;
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => {
                    pause = Duration::ZERO;
                    self.receive(stream, remote, role, &handle);
                }
                // The peer disconnected before it was accepted.
                Err(err) if is_peers(&err) => {}
                Err(err) => {
                    if pause.is_zero() {
                        log::error!(
                            "cannot accept connections: {err}; those that are open go on, new \
                             ones wait (raise the limit of open files if this stays)"
                        );
                    }
                    pause = (pause * 2).clamp(PAUSE, PAUSE_MAX);
                    sleep(pause).await;
                }
            }
        }
    }

    fn receive<H>(self: &Arc<Self>, stream: TcpStream, remote: SocketAddr, role: Role, handle: &H)
    where
        H: Fn(TcpStream, IpAddr, super::limits::Place, Role),
    {
        let remote = remote.ip().to_canonical();
        let counted = (!self.shared.proxies.trusts(remote)).then_some(remote);
        match self.shared.limits.connections.open(counted) {
            Ok(place) => {
                // Without this an answer waits 40 ms for the peer's delayed acknowledgement.
                if let Err(err) = stream.set_nodelay(true) {
                    log::debug!("no TCP_NODELAY: {err}");
                }
                handle(stream, remote, place, role);
            }
            Err(full) => {
                log::debug!("refused {remote}: {full:?} is full");
                self.refuse(stream, role);
            }
        }
    }

    /// Tells a peer to come back later, with bounded effort.
    fn refuse(self: &Arc<Self>, stream: TcpStream, role: Role) {
        if role == Role::Main && self.shared.certificate.is_some() {
            return;
        }
        if self.refusals.fetch_add(1, Ordering::Relaxed) >= REFUSALS {
            self.refusals.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let door = Arc::clone(self);
        tokio::spawn(async move {
            // Unread data makes the kernel reset the connection before the peer sees the answer.
            let _ = timeout(Duration::from_secs(1), turn_away(stream)).await;
            door.refusals.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(REFUSAL.as_bytes()).await?;
    stream.shutdown().await?;
    let mut forgotten = [0; 256];
    while stream.read(&mut forgotten).await? > 0 {}
    Ok(())
}

/// Returns whether the peer, and not this machine, caused the failure to accept it.
fn is_peers(err: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        err.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_is_as_long_as_it_says() {
        let (head, body) = REFUSAL.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{}",
            body.len()
        );
        serde_json::from_str::<serde_json::Value>(body).unwrap();
    }
}
