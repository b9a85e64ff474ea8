//! The numbers of connections, in total and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::budget::{Budget, Unread};
use super::settings::Settings;
use super::strangers::Strangers;
use crate::model::Neighbourhood;

/// The limits that can change while the server runs; clones share them.
#[derive(Debug, Clone)]
pub struct Limits {
    pub(super) connections: Connections,
    pub(super) budget: Budget,
    pub(super) unread: Unread,
    pub(super) strangers: Strangers,
    frame_max_bytes: Arc<AtomicUsize>,
}

impl Limits {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            connections: Connections::new(settings.connections, settings.connections_per_ip),
            budget: Budget::new(
                settings.budget_bytes,
                settings.budget_strangers_bytes,
                settings.frame_max_bytes,
            ),
            unread: Unread::new(settings.unread_bytes),
            strangers: Strangers::new(settings),
            frame_max_bytes: Arc::new(AtomicUsize::new(settings.frame_max_bytes)),
        }
    }

    /// Applies the limits of these settings to new connections: how many there may be, in total and
    /// from one address, how long they may go without signing in, and how large a message may be.
    pub fn set(&self, settings: &Settings) {
        let (max, per_address) = (settings.connections, settings.connections_per_ip);
        self.connections.set(max, per_address);
        self.strangers.set(settings);
        // The budget first, so that no message is allowed that would not fit.
        self.budget.fit(settings.frame_max_bytes);
        let frame = &self.frame_max_bytes;
        frame.store(settings.frame_max_bytes, Ordering::Relaxed);
    }

    /// Returns the largest WebSocket message that is accepted, in bytes.
    pub(super) fn frame_max_bytes(&self) -> usize {
        self.frame_max_bytes.load(Ordering::Relaxed)
    }
}

/// Counts connections; clones share the count.
#[derive(Debug, Clone)]
pub(super) struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    max: AtomicUsize,
    max_per_address: AtomicUsize,
    counts: Mutex<Counts>,
    empty: Notify,
}

#[derive(Debug, Default)]
struct Counts {
    open: usize,
    by_address: HashMap<Neighbourhood, usize>,
}

/// The limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The server has as many connections as it may.
    Server,
    /// The address has as many connections as it may.
    Address,
}

/// The place of one connection, freed when dropped.
#[derive(Debug)]
pub(super) struct Place {
    connections: Connections,
    open: bool,
    address: Option<Neighbourhood>,
}

impl Connections {
    /// Returns a count with its limits.
    pub(super) fn new(max: usize, max_per_address: usize) -> Self {
        Self(Arc::new(Inner {
            max: AtomicUsize::new(max),
            max_per_address: AtomicUsize::new(max_per_address),
            counts: Mutex::default(),
            empty: Notify::new(),
        }))
    }

    /// Sets other limits. Existing connections stay, even beyond the limits.
    fn set(&self, max: usize, max_per_address: usize) {
        self.0.max.store(max, Ordering::Relaxed);
        let per_address = &self.0.max_per_address;
        per_address.store(max_per_address, Ordering::Relaxed);
    }

    /// Takes a place for a connection; without an address it counts for the server only, since a
    /// proxy's address stands for many peers.
    ///
    /// # Errors
    /// The limit that was reached.
    pub(super) fn open(&self, address: Option<IpAddr>) -> Result<Place, Full> {
        let mut counts = self.counts();
        if counts.open >= self.0.max.load(Ordering::Relaxed) {
            return Err(Full::Server);
        }
        let address = address
            .map(|address| self.enter(&mut counts, address))
            .transpose()?;
        counts.open += 1;
        Ok(Place {
            connections: self.clone(),
            open: true,
            address,
        })
    }

    /// Takes a place at an address for a peer whose connection already has a place, once its proxy
    /// has named the address.
    ///
    /// # Errors
    /// The address has as many connections as it may.
    pub(super) fn name(&self, address: IpAddr) -> Result<Place, Full> {
        let address = self.enter(&mut self.counts(), address)?;
        Ok(Place {
            connections: self.clone(),
            open: false,
            address: Some(address),
        })
    }

    /// Returns how many connections there are.
    pub(super) fn count(&self) -> usize {
        self.counts().open
    }

    /// Waits until there are no connections.
    pub(super) async fn none(&self) {
        loop {
            let mut empty = std::pin::pin!(self.0.empty.notified());
            empty.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            empty.await;
        }
    }

    fn enter(&self, counts: &mut Counts, address: IpAddr) -> Result<Neighbourhood, Full> {
        let key = Neighbourhood::from(address);
        let count = counts.by_address.get(&key).copied().unwrap_or(0);
        if count >= self.0.max_per_address.load(Ordering::Relaxed) {
            return Err(Full::Address);
        }
        counts.by_address.insert(key, count + 1);
        Ok(key)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // The counts are consistent after each statement, so a panic elsewhere does not corrupt them.
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.connections.counts();
        if let Some(key) = self.address
            && let Some(count) = counts.by_address.get_mut(&key)
        {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&key);
            }
        }
        if self.open {
            counts.open -= 1;
            if counts.open == 0 {
                self.connections.0.empty.notify_waiters();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn limits_count_and_release() {
        let connections = Connections::new(3, 2);
        let first = connections.open(Some(ip("192.0.2.1"))).unwrap();
        let _second = connections.open(Some(ip("::ffff:192.0.2.1"))).unwrap();
        assert_eq!(
            connections.open(Some(ip("192.0.2.1"))).unwrap_err(),
            Full::Address
        );
        let _third = connections.open(Some(ip("192.0.2.2"))).unwrap();
        assert_eq!(
            connections.open(Some(ip("192.0.2.3"))).unwrap_err(),
            Full::Server
        );
        drop(first);
        assert_eq!(connections.count(), 2);
        connections.open(Some(ip("192.0.2.1"))).unwrap();
    }

    #[test]
    fn other_limits_hold_for_those_who_come() {
        let settings = Settings {
            connections: 1,
            ..Settings::default()
        };
        let limits = Limits::new(&settings);
        let held = limits.connections.open(None).unwrap();
        assert_eq!(limits.connections.open(None).unwrap_err(), Full::Server);
        limits.set(&Settings {
            connections: 3,
            connections_per_ip: 1,
            frame_max_bytes: 1 << 30,
            ..settings
        });
        assert_eq!(limits.frame_max_bytes(), 1 << 30);
        assert!(
            limits
                .budget
                .clone()
                .take(1 << 30, false)
                .now_or_never()
                .is_some(),
            "one of that size has to fit, or nobody can ever send it"
        );
        let _second = limits.connections.open(Some(ip("192.0.2.1"))).unwrap();
        let third = limits.connections.open(Some(ip("192.0.2.1")));
        assert_eq!(third.unwrap_err(), Full::Address);
        drop(held);
    }

    #[test]
    fn ipv6_counts_by_64_bits() {
        let connections = Connections::new(9, 1);
        let _held = connections.open(Some(ip("2001:db8:0:1::1"))).unwrap();
        assert_eq!(
            connections
                .open(Some(ip("2001:db8:0:1:ffff::2")))
                .unwrap_err(),
            Full::Address
        );
        connections.open(Some(ip("2001:db8:0:2::1"))).unwrap();
    }

    #[test]
    fn named_peer_takes_no_second_place_of_the_server() {
        let connections = Connections::new(1, 1);
        let _proxy = connections.open(None).unwrap();
        let named = connections.name(ip("192.0.2.1")).unwrap();
        assert_eq!(
            connections.name(ip("192.0.2.1")).unwrap_err(),
            Full::Address
        );
        drop(named);
        assert!(connections.0.counts.lock().unwrap().by_address.is_empty());
        assert_eq!(connections.count(), 1);
    }

    #[tokio::test]
    async fn last_one_to_leave_wakes_who_waits() {
        let connections = Connections::new(2, 2);
        connections.none().await;
        let place = connections.open(None).unwrap();
        let waiting = tokio::spawn({
            let connections = connections.clone();
            async move { connections.none().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(place);
        waiting.await.unwrap();
    }
}
