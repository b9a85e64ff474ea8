//! The timing of the next commit.
//!
//! Batches form by themselves while a commit syncs. But clients that have just been answered write again
//! a moment later, when the next commit has begun without them, and so every client waits for every
//! second sync. If a sync is slow, as on an SD card, it is worth a part of its time to let them in; if
//! it is fast, the next commit begins at once.

use std::time::Duration;

/// The time from which a commit counts as slow; after a faster one there is no waiting.
const SLOW: Duration = Duration::from_millis(1);

/// The divisor of a commit's time for the longest wait before the next one.
const PART: u32 = 4;

/// What the last commit predicts for the next.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The expected number of concurrent writes: those just answered and those that waited.
    expected: usize,
    patience: Duration,
}

impl Pace {
    /// Records a commit: how many writes it answers, how many waited when it was done, and how long
    /// it took.
    pub(super) fn note(&mut self, answered: usize, waiting: usize, took: Duration) {
        self.expected = answered + waiting;
        self.patience = if took < SLOW {
            Duration::ZERO
        } else {
            took / PART
        };
    }

    /// Returns how long the next commit may wait when it has `gathered` this many writes.
    pub(super) fn patience(&self, gathered: usize) -> Option<Duration> {
        (gathered < self.expected && !self.patience.is_zero()).then_some(self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_micros(300);
    const CARD: Duration = Duration::from_millis(10);

    #[test]
    fn a_fast_disk_is_never_waited_with() {
        let mut pace = Pace::default();
        assert_eq!(pace.patience(1), None);
        pace.note(10, 54, FAST);
        assert_eq!(pace.patience(54), None);
    }

    #[test]
    fn one_writer_alone_waits_for_nobody() {
        let mut pace = Pace::default();
        pace.note(1, 0, CARD);
        assert_eq!(pace.patience(1), None);
    }

    #[test]
    fn writers_that_were_split_come_together_again() {
        let mut pace = Pace::default();
        pace.note(10, 54, CARD);
        assert_eq!(pace.patience(54), Some(CARD / PART));
        assert_eq!(pace.patience(64), None);
        // A writer that does not come back is waited for once.
        pace.note(54, 0, CARD);
        pace.note(20, 0, CARD);
        assert_eq!(pace.patience(20), None);
    }
}
