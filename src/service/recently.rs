//! Things of which listeners are told at once and then at most once a second, of the state of that
//! moment: reactions when many react, read marks of who scrolls.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Least time between two frames about one thing.
pub(super) const APART: Duration = Duration::from_secs(1);

/// Things that are remembered before old ones are forgotten.
const REMEMBERED: usize = 256;

/// A thing of which listeners were told a moment ago.
#[derive(Debug)]
struct Recent<W> {
    told_at: Instant,
    /// What there is to tell, if there is more.
    waiting: Option<W>,
}

/// Of which things listeners were told a moment ago.
#[derive(Debug)]
pub(super) struct Recently<K, W> {
    things: Mutex<HashMap<K, Recent<W>>>,
    /// Woken when something begins to wait.
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

    /// Notes that there is something to tell of a thing; gives it back if it is told now. Otherwise
    /// it waits, together with what waits already.
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

    /// What has waited long enough, and when the next has.
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

    /// Waits until something may be due.
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
