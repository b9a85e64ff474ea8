//! The brake on guessing: counts failures per key within a window.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Keys remembered at most. When there are more, those whose window ends first are forgotten: who
/// can make so many up gains a few more guesses, and the server keeps its memory.
const MAX_KEYS: usize = 10_000;

/// Counts failures. Time is given by the caller.
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

impl<K: Hash + Eq + Clone> Throttle<K> {
    /// Allows so many failures of one key within a window; 0 allows any number.
    #[must_use]
    pub fn new(attempts: u32, window: Duration) -> Self {
        Self {
            attempts,
            window,
            failures: HashMap::new(),
        }
    }

    /// Tells how long a key has to wait; `None`: not at all.
    #[must_use]
    pub fn wait(&self, key: &K, now: Instant) -> Option<Duration> {
        let failures = self.failures.get(key)?;
        let passed = now.saturating_duration_since(failures.since);
        let braked = self.attempts > 0 && failures.count >= self.attempts && passed < self.window;
        braked.then(|| self.window.saturating_sub(passed))
    }

    /// Counts a failure.
    pub fn fail(&mut self, key: K, now: Instant) {
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
        let failures = self.failures.entry(key).or_insert(Failures {
            since: now,
            count: 0,
        });
        if passed(failures) {
            *failures = Failures {
                since: now,
                count: 0,
            };
        }
        failures.count = failures.count.saturating_add(1);
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
            assert_eq!(throttle.wait(&"anna", start), None);
            throttle.fail("anna", start);
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(throttle.wait(&"anna", later), Some(Duration::from_secs(40)));
        assert_eq!(throttle.wait(&"boris", later), None);
        let after = start + Duration::from_mins(1);
        assert_eq!(throttle.wait(&"anna", after), None);
        throttle.fail("anna", after);
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
        throttle.fail(1, start);
        throttle.succeed(&1);
        assert_eq!(throttle.wait(&1, start), None);
    }

    #[test]
    fn memory_is_bounded() {
        let start = Instant::now();
        let mut throttle = Throttle::new(1, Duration::from_mins(1));
        for key in 0..MAX_KEYS + 50 {
            throttle.fail(key, start + Duration::from_micros(key as u64));
        }
        assert_eq!(throttle.failures.len(), MAX_KEYS);
        assert!(
            throttle
                .wait(&(MAX_KEYS + 49), start + Duration::from_secs(1))
                .is_some()
        );
    }
}
