//! Writes that touch so much that others would wait for them: they go one by one, with pauses.
//!
//! A commit answers everybody in it when it is done, so a write that takes long is committed by
//! itself. And between two of them so much else is written, or so much time passes, that few others
//! ever wait for one: of those who write all the time about one in fifty.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::model::UserId;

/// So many times as long as a large write took is paused after it, or so many others are written
/// for each that had to wait for it.
const PAUSE: u32 = 48;

/// The longest pause: nobody waits without end for a disk that hangs now and then.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// Nobody is spared when nobody else has written for so long.
const QUIET: Duration = Duration::from_secs(1);

/// Large writes that wait at most.
const MAX_WAITING: usize = 1024;

/// The large writes that wait, and when the next one may begin.
#[derive(Debug)]
pub(super) struct Lane<T> {
    waiting: VecDeque<(UserId, T)>,
    /// Whose the last one was: the next one is somebody else's, if there is any.
    last: Option<UserId>,
    pause_until: Option<Instant>,
    /// Other writes since the last one, and how many there are to be.
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
    /// Queues a write; or gives it back when too many wait.
    pub(super) fn push(&mut self, user: UserId, write: T) -> Result<(), T> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(write);
        }
        self.waiting.push_back((user, write));
        Ok(())
    }

    /// Notes that others have written.
    pub(super) fn note_others(&mut self, count: usize, now: Instant) {
        self.others = self.others.saturating_add(count);
        self.others_at = Some(now);
    }

    /// Notes that a large write is done: how long it took, and how many others waited for it.
    pub(super) fn note(&mut self, took: Duration, waited: usize, now: Instant) {
        self.pause_until = now.checked_add((took * PAUSE).min(MAX_PAUSE));
        self.others = 0;
        self.others_first = waited.max(1) * PAUSE as usize;
    }

    /// How long until a write may begin; `None`: none waits.
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

    /// Takes the next write, whether it may begin or not.
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
        // Enough others are written,
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
