//! When the next commit begins.
//!
//! Batches form by themselves while a commit syncs. But those whom it answers come back a moment
//! later, to find that the next commit has begun without them, and so everybody waits for every
//! second sync. Where a sync is slow, as on an SD card, it is worth a part of its time to let them
//! in; where it is fast, nothing is waited for.

use std::time::Duration;

/// A commit that takes less than this is no reason to wait for anybody.
const SLOW: Duration = Duration::from_millis(1);

/// The part of a commit's time that the next one waits at most.
const PART: u32 = 4;

/// What the last commit tells about the next.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Writes that there may be at the same time: those just answered and those that waited.
    expected: usize,
    patience: Duration,
}

impl Pace {
    /// Notes a commit: how many writes it answers, how many waited when it was done, and how long
    /// it took.
    pub(super) fn note(&mut self, answered: usize, waiting: usize, took: Duration) {
        self.expected = answered + waiting;
        self.patience = if took < SLOW {
            Duration::ZERO
        } else {
            took / PART
        };
    }

    /// How long the next commit may wait while it has `gathered` so many writes.
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
        // Who does not come back is waited for once.
        pace.note(54, 0, CARD);
        pace.note(20, 0, CARD);
        assert_eq!(pace.patience(20), None);
    }
}
