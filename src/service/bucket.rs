//! Token buckets: how much may be used at once, and how fast they refill.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// The rate at which a bucket refills, and its capacity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    per_second: f64,
    burst: f64,
}

impl Rate {
    /// Creates a rate from an amount per second and an amount at once; 0 per second disables the limit.
    #[must_use]
    pub fn new(per_second: f64, burst: f64) -> Self {
        Self {
            per_second,
            burst: burst.max(1.0),
        }
    }

    /// Creates a rate from an amount within a time, which may be used all at once; 0 disables the limit.
    pub(super) fn of(limit: u32, window: Duration) -> Self {
        let limit = f64::from(limit);
        Self::new(limit / window.as_secs_f64(), limit)
    }

    /// Returns a fraction or a multiple of this rate.
    pub(super) fn times(self, factor: f64) -> Self {
        Self::new(self.per_second * factor, self.burst * factor)
    }

    fn is_unlimited(self) -> bool {
        self.per_second <= 0.0
    }
}

/// A bucket that refills steadily and is emptied by use. The caller provides the time.
///
/// The only state is the time at which the bucket is full again, so a bucket that is not stored is a full
/// one.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// Creates a full bucket.
    #[must_use]
    pub fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes an amount, or returns how long to wait until it is available. An amount that exceeds the
    /// capacity takes a full bucket.
    ///
    /// # Errors
    /// The time to wait.
    pub fn take(&mut self, amount: f64, rate: Rate, now: Instant) -> Result<(), Duration> {
        if rate.is_unlimited() {
            return Ok(());
        }
        let seconds = |amount: f64| {
            // Rates and amounts are finite and not negative.
            Duration::try_from_secs_f64(amount / rate.per_second).unwrap_or(Duration::MAX)
        };
        let full_at = self.full_at.max(now);
        let missing = full_at.saturating_duration_since(now);
        let after = missing.saturating_add(seconds(amount.min(rate.burst)));
        match after.checked_sub(seconds(rate.burst)) {
            // A rounding error is no reason to wait.
            Some(wait) if wait > Duration::from_micros(1) => Err(wait),
            _ => {
                self.full_at = now.checked_add(after).unwrap_or(full_at);
                Ok(())
            }
        }
    }
}

/// Maximum number of buckets that are stored. If there are more, those that are full soonest are dropped:
/// a client that comes from that many places gains a little, but the memory stays bounded.
const MAX_BUCKETS: usize = 20_000;

/// Number of buckets from which full ones are searched for and dropped.
const MANY_BUCKETS: usize = 1_000;

/// A bucket for each key that was used recently.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    buckets: HashMap<K, Bucket>,
    forget_from: usize,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self {
            buckets: HashMap::new(),
            forget_from: MANY_BUCKETS,
        }
    }
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// Takes an amount from the bucket of a key.
    pub(super) fn take(
        &mut self,
        key: &K,
        amount: f64,
        rate: Rate,
        now: Instant,
    ) -> Result<(), Duration> {
        if rate.is_unlimited() {
            return Ok(());
        }
        if let Some(bucket) = self.buckets.get_mut(key) {
            return bucket.take(amount, rate, now);
        }
        self.make_room(now);
        let mut bucket = Bucket::full(now);
        let taken = bucket.take(amount, rate, now);
        self.buckets.insert(key.clone(), bucket);
        taken
    }

    fn make_room(&mut self, now: Instant) {
        if self.buckets.len() < self.forget_from {
            return;
        }
        self.buckets.retain(|_, bucket| bucket.full_at > now);
        self.forget_from = (self.buckets.len() * 2).clamp(MANY_BUCKETS, MAX_BUCKETS);
        if self.buckets.len() >= MAX_BUCKETS {
            let soonest = self.buckets.iter().min_by_key(|(_, it)| it.full_at);
            if let Some(key) = soonest.map(|(key, _)| key.clone()) {
                self.buckets.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let start = Instant::now();
        let (mut bucket, rate) = (Bucket::full(start), Rate::new(10.0, 3.0));
        for _ in 0..3 {
            assert!(bucket.take(1.0, rate, start).is_ok());
        }
        let wait = bucket.take(1.0, rate, start).unwrap_err();
        assert!(
            wait > Duration::from_millis(90) && wait <= Duration::from_millis(101),
            "{wait:?}"
        );
        let later = start + Duration::from_millis(102);
        assert!(bucket.take(1.0, rate, later).is_ok());
        assert!(bucket.take(1.0, rate, later).is_err());
        let rested = start + Duration::from_mins(1);
        let again = (0..9).filter(|_| bucket.take(1.0, rate, rested).is_ok());
        assert_eq!(
            again.count(),
            3,
            "no more is saved up than the bucket holds"
        );
    }

    #[test]
    fn zero_is_no_limit() {
        let start = Instant::now();
        let mut bucket = Bucket::full(start);
        let rate = Rate::new(0.0, 1.0);
        assert!((0..1000).all(|_| bucket.take(1.0, rate, start).is_ok()));
    }

    #[test]
    fn what_costs_more_takes_more() {
        let start = Instant::now();
        let (mut bucket, rate) = (Bucket::full(start), Rate::new(1.0, 10.0));
        assert!(bucket.take(8.0, rate, start).is_ok());
        assert!(bucket.take(8.0, rate, start).is_err());
        assert!(bucket.take(2.0, rate, start).is_ok());
        // An amount above the capacity takes everything.
        let rested = start + Duration::from_secs(10);
        assert!(bucket.take(50.0, rate, rested).is_ok());
        assert!(bucket.take(1.0, rate, rested).is_err());
    }

    #[test]
    fn another_limit_holds_at_once() {
        let start = Instant::now();
        let mut bucket = Bucket::full(start);
        let minute = Duration::from_mins(1);
        assert!(bucket.take(5.0, Rate::of(5, minute), start).is_ok());
        assert!(bucket.take(1.0, Rate::of(5, minute), start).is_err());
        assert!(bucket.take(1.0, Rate::of(0, minute), start).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_full_buckets_are_forgotten() {
        let start = Instant::now();
        let mut buckets = Buckets::default();
        let (quick, slow) = (Rate::new(1.0, 1.0), Rate::new(0.0001, 1.0));
        for key in 0..MANY_BUCKETS {
            assert!(buckets.take(&key, 1.0, quick, start).is_ok());
        }
        let later = start + Duration::from_secs(5);
        assert!(buckets.take(&MANY_BUCKETS, 1.0, slow, later).is_ok());
        assert_eq!(buckets.buckets.len(), 1);
        for key in 0..MAX_BUCKETS + 10 {
            let at = later + Duration::from_micros(key as u64);
            let _ = buckets.take(&key, 1.0, slow, at);
        }
        assert_eq!(buckets.buckets.len(), MAX_BUCKETS);
        let last = MAX_BUCKETS + 9;
        assert!(
            buckets
                .take(&last, 1.0, slow, later + Duration::from_secs(1))
                .is_err()
        );
    }
}
