//! Things that are announced at once and then at most once a second, in the state of that moment:
//! reactions if many users react, read marks of a user who scrolls.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Minimum time between two frames about one thing.
pub(super) const APART: Duration = Duration::from_secs(1);

/// Number of things that are stored before old ones are dropped.
const REMEMBERED: usize = 256;

/// A thing that was announced a moment ago.
#[derive(Debug)]
struct Recent<W> {
    told_at: Instant,
    /// The news that has to be announced later, if any.
    waiting: Option<W>,
}

/// The things that were announced a moment ago.
#[derive(Debug)]
pub(super) struct Recently<K, W> {
    things: Mutex<HashMap<K, Recent<W>>>,
    /// Notified when news begins to wait.
    wake: Notify,
}

impl<K, W> Default for Recently<K, W> {
    fn default() -> Self {
        Self {
            things: Mutex::default(),
            wake: Notify::new(),
        }
    }
}

impl<K: Eq + Hash + Copy, W> Recently<K, W> {
    fn things(&self) -> MutexGuard<'_, HashMap<K, Recent<W>>> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records news about a thing; returns it if it is to be announced now. Otherwise it waits, merged
    /// with earlier news that waits.
    pub(super) fn note(&self, key: K, news: W, merge: impl FnOnce(W, W) -> W) -> Option<W> {
        let now = Instant::now();
        let mut things = self.things();
        if things.len() >= REMEMBERED {
            things.retain(|_, it| it.waiting.is_some() || now < it.told_at + APART);
        }
        if let Some(recent) = things.get_mut(&key)
            && now < recent.told_at + APART
        {
            let before = recent.waiting.take();
            let is_first = before.is_none();
            recent.waiting = Some(match before {
                Some(before) => merge(before, news),
                None => news,
            });
            drop(things);
            if is_first {
                self.wake.notify_one();
            }
            return None;
        }
        let recent = Recent {
            told_at: now,
            waiting: None,
        };
        things.insert(key, recent);
        Some(news)
    }

    /// Returns the news that has waited long enough, and when the next is due.
    pub(super) fn due(&self) -> (Vec<(K, W)>, Option<Instant>) {
        let now = Instant::now();
        let mut things = self.things();
        let (mut due, mut next) = (Vec::new(), None);
        for (key, recent) in things.iter_mut() {
            let at = recent.told_at + APART;
            if recent.waiting.is_none() {
                continue;
            }
            if at <= now {
                recent.told_at = now;
                due.extend(recent.waiting.take().map(|news| (*key, news)));
            } else {
                next = Some(next.map_or(at, |next: Instant| next.min(at)));
            }
        }
        (due, next)
    }

    /// Waits until news may be due.
    ///
    /// Cancel safe.
    pub(super) async fn wait(&self, next: Option<Instant>) {
        match next {
            Some(at) => tokio::time::sleep_until(at.into()).await,
            None => self.wake.notified().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_told_of_at_once_and_then_once_a_second() {
        let recently: Recently<i32, &str> = Recently::default();
        let last = |_, news| news;
        assert_eq!(recently.note(1, "a", last), Some("a"));
        assert_eq!(recently.note(2, "a", last), Some("a"));
        assert_eq!(recently.note(1, "b", last), None);
        assert_eq!(recently.note(1, "c", last), None);
        let (due, next) = recently.due();
        assert!(due.is_empty() && next.is_some());
        recently.things().get_mut(&1).unwrap().told_at -= APART;
        assert_eq!(recently.due().0, [(1, "c")]);
        assert!(recently.due().0.is_empty(), "once");
        assert_eq!(recently.note(1, "d", last), None, "a second later only");
    }
}
