//! Uploads that are being received: each only once at a time, and a limited number in total.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::Sha256;
use tokio::sync::Notify;

use super::UploadError;
use crate::model::{PublicId, UserId};

/// How long a sender may be silent before another request for the same upload stops it.
const SILENCE: Duration = Duration::from_secs(10);

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Maximum number of unfinished uploads whose hashes are cached; for others, the file is read again.
const REMEMBERED: usize = 512;

/// The uploads that are being received, and the cached hashes of others.
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

/// The time of the last received bytes, and a way to stop the upload.
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

    /// Records that bytes were received.
    pub(super) fn beat(&self) {
        let millis = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.last_millis.store(millis, Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        let last = self.last_millis.load(Ordering::Relaxed);
        let last = Duration::from_millis(last.unsigned_abs());
        self.started.elapsed().saturating_sub(last)
    }

    /// Waits until another request stops it.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }
}

/// The permission to receive an upload; returned when dropped.
pub(super) struct Turn {
    running: Arc<Running>,
    id: PublicId,
    pub(super) pulse: Arc<Pulse>,
}

impl Running {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a turn; waits a short time if none is free.
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

    /// Caches the hash of the received bytes of an upload.
    pub(super) fn remember(&self, id: PublicId, offset: u64, sum: Sha256) {
        let mut state = self.state();
        if state.sums.len() >= REMEMBERED && !state.sums.contains_key(&id) {
            state.sums.clear();
        }
        state.sums.insert(id, (offset, sum));
    }

    /// Takes the hash of the first bytes of an upload, if it is cached.
    pub(super) fn take_sum(&self, id: PublicId, offset: u64) -> Option<Sha256> {
        let (at, sum) = self.state().sums.remove(&id)?;
        (at == offset).then_some(sum)
    }

    /// Drops an upload that is removed.
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
