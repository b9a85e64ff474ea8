//! The throttle for guessing: counts failures per key within a window.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Maximum number of keys that are remembered. If there are more, those whose window ends first are
/// forgotten: a client that can use that many keys gains a few more guesses, but the memory stays
/// bounded.
const MAX_KEYS: usize = 10_000;

/// Counts failures, starting when they are attempted. The caller provides the time.
#[derive(Debug)]
pub struct Throttle<K> {
    attempts: u32,
    window: Duration,
    failures: HashMap<K, Failures>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    since: Instant,
    count: u32,
}

/// A counted attempt, identified by the beginning of its window.
#[derive(Debug, Clone, Copy)]
pub struct Taken(Instant);

impl<K: Hash + Eq + Clone> Throttle<K> {
    /// Allows `attempts` failures of one key within a window; 0 allows any number.
    #[must_use]
    pub fn new(attempts: u32, window: Duration) -> Self {
        Self {
            attempts,
            window,
            failures: HashMap::new(),
        }
    }

    /// Returns how long a key has to wait; `None`: it need not wait.
    #[must_use]
    pub fn wait(&self, key: &K, now: Instant) -> Option<Duration> {
        let failures = self.failures.get(key)?;
        let passed = now.saturating_duration_since(failures.since);
        let braked = self.attempts > 0 && failures.count >= self.attempts && passed < self.window;
        braked.then(|| self.window.saturating_sub(passed))
    }

    /// Counts an attempt before it is made, so that concurrent attempts do not exceed the limit. An
    /// attempt that succeeds is [given back](Self::give_back).
    ///
    /// # Errors
    /// The time that the key has to wait.
    pub fn take(&mut self, key: K, now: Instant) -> Result<Taken, Duration> {
        match self.wait(&key, now) {
            Some(wait) => Err(wait),
            None => Ok(self.count(key, now)),
        }
    }

    /// Counts an attempt, whether the limit allows it or not.
    pub fn count(&mut self, key: K, now: Instant) -> Taken {
        let window = self.window;
        let passed = |failures: &Failures| now.saturating_duration_since(failures.since) >= window;
        if self.failures.len() >= MAX_KEYS && !self.failures.contains_key(&key) {
            self.failures.retain(|_, failures| !passed(failures));
            if self.failures.len() >= MAX_KEYS {
                let oldest = self
                    .failures
                    .iter()
                    .min_by_key(|(_, failures)| failures.since);
                if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                    self.failures.remove(&oldest);
                }
            }
        }
        let fresh = Failures {
            since: now,
            count: 0,
        };
        let failures = self.failures.entry(key).or_insert(fresh);
        if passed(failures) {
            *failures = fresh;
        }
        failures.count = failures.count.saturating_add(1);
        Taken(failures.since)
    }

    /// Reverts the count of an attempt that was not a failure.
    pub fn give_back(&mut self, key: &K, taken: Taken) {
        if let Some(failures) = self.failures.get_mut(key)
            && failures.since == taken.0
        {
            failures.count = failures.count.saturating_sub(1);
            if failures.count == 0 {
                self.failures.remove(key);
            }
        }
    }

    /// Forgets the failures of a key.
    pub fn succeed(&mut self, key: &K) {
        self.failures.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_the_rest_of_the_window() {
        let start = Instant::now();
        let mut throttle = Throttle::new(3, Duration::from_mins(1));
        for _ in 0..3 {
            assert!(throttle.take("anna", start).is_ok());
        }
        let later = start + Duration::from_secs(20);
        let refused = throttle.take("anna", later).map(drop);
        assert_eq!(refused, Err(Duration::from_secs(40)));
        assert_eq!(throttle.wait(&"boris", later), None);
        let after = start + Duration::from_mins(1);
        assert_eq!(throttle.wait(&"anna", after), None);
        throttle.count("anna", after);
        assert_eq!(
            throttle.wait(&"anna", after),
            None,
            "a new window begins with one failure"
        );
    }

    #[test]
    fn success_forgets() {
        let start = Instant::now();
        let mut throttle = Throttle::new(1, Duration::from_mins(1));
        throttle.count(1, start);
        throttle.succeed(&1);
        assert_eq!(throttle.wait(&1, start), None);
    }

    #[test]
    fn what_is_given_back_leaves_the_other_failures() {
        let start = Instant::now();
        let mut throttle = Throttle::new(2, Duration::from_mins(1));
        let right = throttle.count(1, start);
        throttle.count(1, start);
        assert!(throttle.wait(&1, start).is_some());
        throttle.give_back(&1, right);
        assert_eq!(throttle.wait(&1, start), None);
        let late = throttle.count(1, start);
        let after = start + Duration::from_mins(1);
        throttle.count(1, after);
        throttle.count(1, after);
        throttle.give_back(&1, late);
        assert!(throttle.wait(&1, after).is_some(), "of another window");
    }

    #[test]
    fn memory_is_bounded() {
        let start = Instant::now();
        let mut throttle = Throttle::new(1, Duration::from_mins(1));
        for key in 0..MAX_KEYS + 50 {
            throttle.count(key, start + Duration::from_micros(key as u64));
        }
        assert_eq!(throttle.failures.len(), MAX_KEYS);
        assert!(
            throttle
                .wait(&(MAX_KEYS + 49), start + Duration::from_secs(1))
                .is_some()
        );
    }
}
