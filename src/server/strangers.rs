//! Sockets without sign-in: how long each may stay, and how many there may be.
//!
//! Without a limit, a client that opens sockets and sends nothing could keep all others out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::settings::Settings;
use crate::model::Neighbourhood;
use crate::protocol::Close;

/// The most strangers of one address: a household that signs in at the same time, with a few pages each.
const PER_ADDRESS: usize = 16;

/// The smallest limit of all strangers, however few connections are allowed.
const AT_LEAST: usize = 4;

/// All strangers; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Strangers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    book: Mutex<Book>,
    /// Notified when the time to wait for may be wrong.
    changed: Notify,
}

/// The strangers, in the order in which they came.
#[derive(Debug)]
struct Book {
    patience: Duration,
    max: usize,
    next: u64,
    entries: BTreeMap<u64, Entry>,
    by_address: HashMap<Neighbourhood, BTreeSet<u64>>,
}

#[derive(Debug)]
struct Entry {
    since: Instant,
    address: Option<Neighbourhood>,
    seat: Arc<Seat>,
}

#[derive(Debug)]
struct Seat {
    strangers: Strangers,
    number: u64,
    is_over: AtomicBool,
    waker: AtomicWaker,
}

/// A socket without sign-in; it is no longer a stranger when this is dropped.
#[derive(Debug)]
pub(super) struct Stranger(Arc<Seat>);

impl Strangers {
    pub(super) fn new(settings: &Settings) -> Self {
        Self(Arc::new(Inner {
            book: Mutex::new(Book {
                patience: settings.sign_in,
                max: max(settings),
                next: 0,
                entries: BTreeMap::new(),
                by_address: HashMap::new(),
            }),
            changed: Notify::new(),
        }))
    }

    /// Applies the limits of these settings, also to existing sockets.
    pub(super) fn set(&self, settings: &Settings) {
        let mut book = self.book();
        book.patience = settings.sign_in;
        book.max = max(settings);
        drop(book);
        self.0.changed.notify_one();
    }

    /// Adds a socket, and closes the one that has been here longest if there are too many. Without
    /// an address it counts only towards the total.
    pub(super) fn enter(&self, address: Option<IpAddr>) -> Stranger {
        let address = address.map(Neighbourhood::from);
        let mut book = self.book();
        let number = book.next;
        book.next += 1;
        let seat = Arc::new(Seat {
            strangers: self.clone(),
            number,
            is_over: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        let entry = Entry {
            since: Instant::now(),
            address,
            seat: Arc::clone(&seat),
        };
        book.entries.insert(number, entry);
        let mut out = None;
        if let Some(address) = address {
            let here = book.by_address.entry(address).or_default();
            here.insert(number);
            if here.len() > PER_ADDRESS {
                out = here.first().copied();
            }
        }
        if out.is_none() && book.entries.len() > book.max {
            out = book.entries.keys().next().copied();
        }
        if let Some(out) = out {
            book.show_out(out);
        }
        let is_first = book.entries.len() == 1;
        drop(book);
        if is_first {
            self.0.changed.notify_one();
        }
        Stranger(seat)
    }

    /// Closes sockets that have been here for too long. Never ends.
    pub(super) async fn watch(&self) {
        loop {
            let changed = self.0.changed.notified();
            let next = self.book().expire(Instant::now());
            match next {
                None => changed.await,
                Some(next) => tokio::select! {
                    () = sleep_until(next) => {}
                    () = changed => {}
                },
            }
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // The book is consistent after each statement, so a panic elsewhere does not corrupt it.
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn max(settings: &Settings) -> usize {
    (settings.connections / 4).max(AT_LEAST)
}

impl Book {
    /// Closes sockets that have been here for too long; returns when the next one is due.
    fn expire(&mut self, now: Instant) -> Option<Instant> {
        loop {
            let (number, entry) = self.entries.first_key_value()?;
            let (number, end) = (*number, entry.since + self.patience);
            if end > now {
                return Some(end);
            }
            self.show_out(number);
        }
    }

    fn show_out(&mut self, number: u64) {
        if let Some(entry) = self.remove(number) {
            entry.seat.is_over.store(true, Ordering::Release);
            entry.seat.waker.wake();
        }
    }

    fn remove(&mut self, number: u64) -> Option<Entry> {
        let entry = self.entries.remove(&number)?;
        if let Some(address) = entry.address
            && let Some(here) = self.by_address.get_mut(&address)
        {
            here.remove(&number);
            if here.is_empty() {
                self.by_address.remove(&address);
            }
        }
        Some(entry)
    }
}

impl Stranger {
    /// Is ready with the close code when the socket has to be closed.
    pub(super) fn poll_over(&self, cx: &mut Context<'_>) -> Poll<Close> {
        // Registered before the check, so that a change in between is not missed.
        self.0.waker.register(cx.waker());
        if self.0.is_over.load(Ordering::Acquire) {
            Poll::Ready(Close {
                code: 1008,
                reason: "nobody has signed in on this connection",
            })
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.strangers.book().remove(self.0.number);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn strangers(connections: usize) -> Strangers {
        Strangers::new(&Settings {
            connections,
            sign_in: Duration::from_mins(5),
            ..Settings::default()
        })
    }

    fn is_over(stranger: &Stranger) -> bool {
        let over = std::future::poll_fn(|cx| stranger.poll_over(cx));
        over.now_or_never().is_some()
    }

    fn over(all: &[Stranger]) -> usize {
        all.iter().filter(|stranger| is_over(stranger)).count()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_quarter_of_the_connections_may_be_strangers() {
        let strangers = strangers(100);
        let mut all: Vec<_> = (0..25).map(|_| strangers.enter(None)).collect();
        assert_eq!(over(&all), 0);
        all.push(strangers.enter(None));
        assert!(is_over(&all[0]), "the oldest goes");
        assert_eq!(over(&all), 1);
        // A socket that signs in makes room.
        all.truncate(20);
        all.extend((0..5).map(|_| strangers.enter(None)));
        assert_eq!(over(&all), 1);
        drop(all);
        assert!(strangers.book().entries.is_empty());
    }

    #[tokio::test]
    async fn one_address_has_sixteen() {
        let strangers = strangers(1000);
        let other = strangers.enter(Some(ip("192.0.2.2")));
        let mut all: Vec<_> = (0..PER_ADDRESS)
            .map(|_| strangers.enter(Some(ip("192.0.2.1"))))
            .collect();
        assert_eq!(over(&all), 0);
        all.push(strangers.enter(Some(ip("192.0.2.1"))));
        assert!(is_over(&all[0]) && over(&all) == 1 && !is_over(&other));
        let six: Vec<_> = (0..20)
            .map(|n| strangers.enter(Some(ip(&format!("2001:db8::{n}")))))
            .collect();
        assert_eq!(over(&six), 20 - PER_ADDRESS);
        drop((all, six, other));
        assert!(strangers.book().by_address.is_empty());
    }

    #[tokio::test]
    async fn who_stays_too_long_is_shown_out() {
        let strangers = strangers(1000);
        assert_eq!(strangers.book().expire(Instant::now()), None);
        let [first, signed_in, second] = [(); 3].map(|()| strangers.enter(None));
        drop(signed_in);
        let later = |minutes| Instant::now() + Duration::from_mins(minutes);
        let next = strangers.book().expire(later(4)).unwrap();
        assert!(next > later(4) && next < later(5));
        strangers
            .book()
            .entries
            .get_mut(&second.0.number)
            .unwrap()
            .since = later(3);
        strangers.book().expire(later(5));
        assert!(is_over(&first) && !is_over(&second));
        strangers.set(&Settings {
            sign_in: Duration::from_mins(1),
            ..Settings::default()
        });
        strangers.book().expire(later(5));
        assert!(
            is_over(&second),
            "a shorter time holds for those who are here"
        );
    }
}
