//! Connections that are kept for further requests: a handshake each time would cost a small board
//! seconds when it notifies many phones at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::exchange::Connection;
use super::{Private, Rules, Url};

/// The most connections that are kept to one host.
const A_HOST: usize = 2;

/// The most hosts to which connections are kept: there are few push services.
const HOSTS: usize = 32;

/// How long a connection is kept.
const KEPT: Duration = Duration::from_mins(1);

/// The requests that can use a connection: those to the same host with the same permissions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    origin: String,
    private: Private,
    plain: bool,
}

impl Key {
    pub(super) fn new(url: &Url, rules: Rules) -> Self {
        Self {
            origin: url.origin(),
            private: rules.private,
            plain: rules.plain,
        }
    }
}

/// Unused connections, by host.
#[derive(Default)]
pub(super) struct Pool(Mutex<HashMap<Key, Vec<(Instant, Connection)>>>);

impl Pool {
    fn kept(&self) -> MutexGuard<'_, HashMap<Key, Vec<(Instant, Connection)>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the newest connection for a request.
    pub(super) fn take(&self, key: &Key) -> Option<Connection> {
        let mut kept = self.kept();
        let connections = kept.get_mut(key)?;
        let (_, connection) = connections.pop()?;
        if connections.is_empty() {
            kept.remove(key);
        }
        Some(connection)
    }

    /// Keeps a connection for a while, if there is room.
    pub(super) fn put(pool: &Arc<Self>, key: Key, connection: Connection) {
        let mut kept = pool.kept();
        if kept.len() >= HOSTS && !kept.contains_key(&key) {
            return;
        }
        let connections = kept.entry(key).or_default();
        if connections.len() >= A_HOST {
            return;
        }
        connections.push((Instant::now(), connection));
        drop(kept);
        let pool = Arc::downgrade(pool);
        tokio::spawn(async move {
            tokio::time::sleep(KEPT).await;
            if let Some(pool) = pool.upgrade() {
                pool.clean();
            }
        });
    }

    /// Closes connections that have been kept for long enough.
    fn clean(&self) {
        let now = Instant::now();
        self.kept().retain(|_, connections| {
            connections.retain(|(at, _)| now.duration_since(*at) < KEPT);
            !connections.is_empty()
        });
    }
}
