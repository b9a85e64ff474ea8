//! Uploads that are being received: one at a time of each, and only so many at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::Sha256;
use tokio::sync::Notify;

use super::UploadError;
use crate::model::{PublicId, UserId};

/// How long somebody who sends may be silent when the same upload is begun again.
const SILENCE: Duration = Duration::from_secs(10);

/// How long one more waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sums of unfinished uploads that are remembered; what is forgotten is read once more.
const REMEMBERED: usize = 512;

/// What is being received, and what is remembered of what was.
#[derive(Default)]
pub(in crate::service) struct Running {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Default)]
struct State {
    active: HashMap<PublicId, (UserId, Arc<Pulse>)>,
    sums: HashMap<PublicId, (u64, Sha256)>,
}

/// When something came last, and how to end it.
#[derive(Debug)]
pub(super) struct Pulse {
    started: Instant,
    last_millis: AtomicI64,
    ended: Notify,
}

impl Pulse {
    fn new() -> Self {
        Self {
            started: Instant::now(),
            last_millis: AtomicI64::new(0),
            ended: Notify::new(),
        }
    }

    /// Notes that something has come.
    pub(super) fn beat(&self) {
        let millis = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.last_millis.store(millis, Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        let last = self.last_millis.load(Ordering::Relaxed);
        let last = Duration::from_millis(last.unsigned_abs());
        self.started.elapsed().saturating_sub(last)
    }

    /// Waits until somebody ends it.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }
}

/// The right to receive an upload; given back when dropped.
pub(super) struct Turn {
    running: Arc<Running>,
    id: PublicId,
    pub(super) pulse: Arc<Pulse>,
}

impl Running {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a turn, for which one more waits a little.
    pub(super) async fn enter(
        self: &Arc<Self>,
        id: PublicId,
        user: UserId,
        limit: usize,
        user_limit: usize,
    ) -> Result<Turn, UploadError> {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            let freed = self.freed.notified();
            let why = match self.try_enter(id, user, limit, user_limit) {
                Err(err @ (UploadError::Crowded | UploadError::TooManyAtOnce { .. })) => err,
                other => return other,
            };
            if tokio::time::timeout_at(until, freed).await.is_err() {
                return Err(why);
            }
        }
    }

    fn try_enter(
        self: &Arc<Self>,
        id: PublicId,
        user: UserId,
        limit: usize,
        user_limit: usize,
    ) -> Result<Turn, UploadError> {
        let mut state = self.state();
        if let Some((_, pulse)) = state.active.get(&id) {
            if pulse.silence() >= SILENCE {
                pulse.ended.notify_one();
            }
            return Err(UploadError::Locked);
        }
        if state.active.len() >= limit {
            return Err(UploadError::Crowded);
        }
        let own = state.active.values().filter(|(of, _)| *of == user).count();
        if own >= user_limit {
            return Err(UploadError::TooManyAtOnce { limit: user_limit });
        }
        let pulse = Arc::new(Pulse::new());
        state.active.insert(id, (user, Arc::clone(&pulse)));
        Ok(Turn {
            running: Arc::clone(self),
            id,
            pulse,
        })
    }

    /// Remembers the sum of what an upload has gathered so far.
    pub(super) fn remember(&self, id: PublicId, offset: u64, sum: Sha256) {
        let mut state = self.state();
        if state.sums.len() >= REMEMBERED && !state.sums.contains_key(&id) {
            state.sums.clear();
        }
        state.sums.insert(id, (offset, sum));
    }

    /// Takes the sum of the first bytes of an upload, if it is remembered.
    pub(super) fn take_sum(&self, id: PublicId, offset: u64) -> Option<Sha256> {
        let (at, sum) = self.state().sums.remove(&id)?;
        (at == offset).then_some(sum)
    }

    /// Forgets an upload that is removed.
    pub(in crate::service) fn forget(&self, id: PublicId) {
        self.state().sums.remove(&id);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.running.state().active.remove(&self.id);
        self.running.freed.notify_waiters();
    }
}
