//! `[history] keep`: removes old messages while the server runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::Timestamp;
use crate::service::Service;

/// How often old messages are removed; with a short `keep`, more often.
const LOOK: Duration = Duration::from_hours(1);

/// A clock that is ahead of the elapsed time by more than this has jumped.
const JUMP: Duration = Duration::from_hours(1);

/// How long after a jump of the clock no messages are removed: enough time for an operator to notice.
const PROBATION: Duration = Duration::from_hours(24);

/// Removes messages older than `keep`, for as long as the server runs.
pub(super) async fn keep_removing(service: Arc<Service>, keep: Option<Duration>) {
    let Some(keep) = keep else { return };
    let look = (keep / 10).clamp(Duration::from_millis(500), LOOK);
    let last_change = service.last_change().await.unwrap_or(Timestamp::EPOCH);
    let mut clock = Clock::new(Timestamp::now(), Instant::now(), last_change);
    loop {
        let now = Timestamp::now();
        if clock.is_trusted(now, Instant::now()) {
            remove(&service, now.before(keep)).await;
        }
        tokio::time::sleep(look).await;
    }
}

async fn remove(service: &Service, before: Timestamp) {
    match service.remove_old_messages(before).await {
        Ok(removed) if removed.messages > 0 => {
            log::info!("old messages were removed: {}", removed.messages);
        }
        Ok(_) => {}
        Err(err) => log::warn!("old messages could not be removed: {err}"),
    }
}

/// The system clock, checked against the monotonic one: messages removed because of a wrong clock
/// do not come back when it is corrected.
pub(super) struct Clock {
    seen: (Timestamp, Instant),
    suspected_at: Option<Instant>,
}

impl Clock {
    /// Starts to watch. If a server has not changed anything for long, it may have been off, or its
    /// clock may be wrong: both look the same.
    pub(super) fn new(now: Timestamp, at: Instant, last_change: Timestamp) -> Self {
        let long_ago = last_change > Timestamp::EPOCH && now > last_change.after(PROBATION);
        Self {
            seen: (now, at),
            suspected_at: long_ago.then_some(at),
        }
    }

    /// Checks the clock, and returns whether it is trusted.
    pub(super) fn is_trusted(&mut self, now: Timestamp, at: Instant) -> bool {
        let (before, looked_at) = self.seen;
        self.seen = (now, at);
        if now
            > before
                .after(at.saturating_duration_since(looked_at))
                .after(JUMP)
        {
            log::warn!("the clock has jumped; old messages are not removed for a day");
            self.suspected_at = Some(at);
        }
        match self.suspected_at {
            Some(since) if at.saturating_duration_since(since) < PROBATION => false,
            _ => {
                self.suspected_at = None;
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_ahead_is_not_believed_for_a_day() {
        let (start, now) = (Instant::now(), Timestamp::from_seconds(1_800_000_000));
        let hours = |hours| Duration::from_hours(hours);
        let mut clock = Clock::new(now, start, now);
        assert!(clock.is_trusted(now, start));
        assert!(clock.is_trusted(now.after(hours(9)), start + hours(9)));
        // Setting it back is harmless: it makes messages younger.
        assert!(clock.is_trusted(now, start + hours(10)));
        let year = hours(24 * 365);
        assert!(!clock.is_trusted(now.after(year), start + hours(11)));
        assert!(!clock.is_trusted(now.after(year + hours(23)), start + hours(34)));
        // Corrected meanwhile or not: a day has passed.
        assert!(clock.is_trusted(now.after(year + hours(25)), start + hours(36)));
    }

    #[test]
    fn a_server_that_was_off_for_long_waits_a_day() {
        let (start, now) = (Instant::now(), Timestamp::from_seconds(1_800_000_000));
        let day = Duration::from_hours(24);
        let mut clock = Clock::new(now, start, now.before(day * 2));
        assert!(!clock.is_trusted(now, start));
        assert!(clock.is_trusted(now.after(day), start + day));
        let mut fresh = Clock::new(now, start, Timestamp::EPOCH);
        assert!(fresh.is_trusted(now, start), "there is nothing to lose yet");
    }
}
