//! Large writes, for which others would have to wait: they run one by one, with pauses.
//!
//! A commit answers all its writes when it is done, so a write that takes long is committed by itself.
//! Between two large writes so many other writes happen, or so much time passes, that few others ever
//! wait for a large one: about one in fifty of those that write all the time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::model::UserId;

/// The factor for pauses: a pause lasts this many times as long as the large write before it took, or
/// until this many other writes have run for each one that had to wait for it.
const PAUSE: u32 = 48;

/// The longest pause, so that a disk that sometimes hangs does not make users wait without end.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// If nobody else has written for this long, there is no pause.
const QUIET: Duration = Duration::from_secs(1);

/// The maximum number of large writes that may wait.
const MAX_WAITING: usize = 1024;

/// The large writes that wait, and the time from which the next one may begin.
#[derive(Debug)]
pub(super) struct Lane<T> {
    waiting: VecDeque<(UserId, T)>,
    /// The user of the last large write; the next one is another user's, if there is one.
    last: Option<UserId>,
    pause_until: Option<Instant>,
    /// Other writes since the last large write, and the number that has to happen before the next.
    others: usize,
    others_first: usize,
    others_at: Option<Instant>,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            last: None,
            pause_until: None,
            others: 0,
            others_first: 0,
            others_at: None,
        }
    }
}

impl<T> Lane<T> {
    /// Queues a write, or gives it back when too many wait.
    pub(super) fn push(&mut self, user: UserId, write: T) -> Result<(), T> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(write);
        }
        self.waiting.push_back((user, write));
        Ok(())
    }

    /// Records that other writes have been committed.
    pub(super) fn note_others(&mut self, count: usize, now: Instant) {
        self.others = self.others.saturating_add(count);
        self.others_at = Some(now);
    }

    /// Records that a large write is done: how long it took, and how many others waited for it.
    pub(super) fn note(&mut self, took: Duration, waited: usize, now: Instant) {
        self.pause_until = now.checked_add((took * PAUSE).min(MAX_PAUSE));
        self.others = 0;
        self.others_first = waited.max(1) * PAUSE as usize;
    }

    /// Returns how long until a write may begin; `None`: no write waits.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        if self.waiting.is_empty() {
            return None;
        }
        let quiet_from = self.others_at.map(|at| at + QUIET);
        let from = self.pause_until.min(quiet_from);
        if self.others >= self.others_first {
            return Some(Duration::ZERO);
        }
        Some(from.map_or(Duration::ZERO, |from| from.saturating_duration_since(now)))
    }

    /// Takes the next write, if one may begin.
    pub(super) fn take(&mut self, now: Instant) -> Option<T> {
        if self.wait(now)? > Duration::ZERO {
            return None;
        }
        self.take_any()
    }

    /// Takes the next write, even if it may not begin yet.
    pub(super) fn take_any(&mut self) -> Option<T> {
        let mut waiting = self.waiting.iter();
        let next = waiting.position(|(user, _)| self.last != Some(*user));
        let (user, write) = self.waiting.remove(next.unwrap_or(0))?;
        self.last = Some(user);
        Some(write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_millis(20);

    fn lane(writes: &[(i64, char)]) -> Lane<char> {
        let mut lane = Lane::default();
        for (user, name) in writes {
            assert!(lane.push(UserId(*user), *name).is_ok());
        }
        lane
    }

    #[test]
    fn nobody_is_waited_for_where_nobody_else_writes() {
        let (mut lane, mut now) = (lane(&[(1, 'a'), (1, 'b'), (1, 'c')]), Instant::now());
        for name in ['a', 'b', 'c'] {
            assert_eq!(lane.take(now), Some(name));
            now += LONG;
            lane.note(LONG, 0, now);
        }
        assert_eq!((lane.take(now), lane.wait(now)), (None, None));
    }

    #[test]
    fn others_write_in_between() {
        let (mut lane, mut now) = (lane(&[(1, 'a'), (1, 'b'), (1, 'c')]), Instant::now());
        lane.note_others(1, now);
        assert_eq!(lane.take(now), Some('a'));
        lane.note(LONG, 2, now);
        // Either enough other writes happen,
        lane.note_others(2 * PAUSE as usize - 1, now);
        assert_eq!(lane.take(now), None);
        lane.note_others(1, now);
        assert_eq!(lane.take(now), Some('b'));
        // or enough time passes.
        lane.note(LONG, 2, now);
        lane.note_others(1, now);
        assert_eq!(lane.wait(now), Some(LONG * PAUSE));
        now += LONG * PAUSE;
        assert_eq!(lane.take(now), Some('c'));
    }

    #[test]
    fn a_disk_that_hung_is_no_reason_to_wait_for_long() {
        let (mut lane, now) = (lane(&[(1, 'a')]), Instant::now());
        lane.note_others(1, now);
        lane.note(Duration::from_mins(1), 1, now);
        assert_eq!(lane.wait(now), Some(QUIET));
        lane.note_others(1, now + MAX_PAUSE);
        assert_eq!(lane.wait(now + MAX_PAUSE), Some(Duration::ZERO));
    }

    #[test]
    fn who_has_many_leaves_room_for_who_has_one() {
        let mut lane = lane(&[(1, 'a'), (1, 'b'), (1, 'c'), (2, 'd')]);
        let order: String = std::iter::from_fn(|| lane.take_any()).collect();
        assert_eq!(order, "adbc");
    }

    #[test]
    fn waiting_is_bounded() {
        let mut lane = Lane::default();
        for number in 0..MAX_WAITING {
            assert!(lane.push(UserId(1), number).is_ok());
        }
        assert_eq!(lane.push(UserId(1), 0), Err(0));
    }
}
