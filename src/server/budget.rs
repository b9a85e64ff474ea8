//! The memory that all large messages in transit share.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The number of bytes for each permit, since a semaphore counts in 32 bits.
const UNIT_BYTES: usize = 1024;

/// Memory for messages that are larger than the free size; clones share it.
///
/// Waiting tasks are served in order. Memory is requested once more than the free size has arrived,
/// and then for everything that the peer has announced: a header alone reserves nothing, and two
/// messages that each hold half of the budget cannot wait for each other.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    all: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    /// The size of each semaphore when nothing is taken, in units.
    sizes: Arc<Mutex<[u32; 2]>>,
}

/// Memory that is reserved until this is dropped.
#[derive(Debug)]
pub(super) struct Room {
    _all: OwnedSemaphorePermit,
    _strangers: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// Returns a budget in bytes, of which clients that have not signed in may use a part; both are
    /// at least as large as one message, so that an allowed message always fits.
    pub(super) fn new(bytes: usize, strangers_bytes: usize, message_bytes: usize) -> Self {
        let sizes = [bytes, strangers_bytes].map(|bytes| units(bytes.max(message_bytes)));
        let [all, strangers] = sizes.map(|size| Arc::new(Semaphore::new(size as usize)));
        Self {
            all,
            strangers,
            sizes: Arc::new(Mutex::new(sizes)),
        }
    }

    /// Grows if a message of this size would not fit. It does not shrink again.
    pub(super) fn fit(&self, message_bytes: usize) {
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        for (size, semaphore) in sizes.iter_mut().zip([&self.all, &self.strangers]) {
            let missing = units(message_bytes).saturating_sub(*size);
            semaphore.add_permits(missing as usize);
            *size += missing;
        }
    }

    /// Waits for memory.
    pub(super) async fn take(self, bytes: usize, signed_in: bool) -> Room {
        // Strangers queue among themselves first, so that in the main queue they are never ahead of
        // a user with more than their own part.
        let strangers = if signed_in {
            None
        } else {
            acquire(self.strangers, bytes).await
        };
        loop {
            if let Some(all) = acquire(Arc::clone(&self.all), bytes).await {
                return Room {
                    _all: all,
                    _strangers: strangers,
                };
            }
        }
    }
}

/// Memory for large frames that peers have not read yet; clones share it.
///
/// Nothing waits for it: a waiting frame is in memory already.
#[derive(Debug, Clone)]
pub(super) struct Unread {
    room: Arc<Semaphore>,
    units: u32,
}

impl Unread {
    /// Returns a budget of `bytes` bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let units = units(bytes);
        Self {
            room: Arc::new(Semaphore::new(units as usize)),
            units,
        }
    }

    /// Reserves memory if there is enough; a frame larger than the whole budget needs all of it.
    pub(super) fn try_take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let wanted = units(bytes).min(self.units);
        Arc::clone(&self.room).try_acquire_many_owned(wanted).ok()
    }
}

/// These semaphores are never closed, so there is always a permit in the end.
async fn acquire(semaphore: Arc<Semaphore>, bytes: usize) -> Option<OwnedSemaphorePermit> {
    semaphore.acquire_many_owned(units(bytes)).await.ok()
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX >> 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    const MIB: usize = 1 << 20;

    #[tokio::test]
    async fn strangers_fill_their_part_and_leave_the_rest() {
        let budget = Budget::new(64 * MIB, 16 * MIB, 16 * MIB);
        let first = budget.clone().take(16 * MIB, false).await;
        let mut second = Box::pin(budget.clone().take(MIB, false));
        assert!(
            second.as_mut().now_or_never().is_none(),
            "the strangers' part is used up"
        );
        let users: Vec<_> = (0..3)
            .map(|_| budget.clone().take(16 * MIB, true).now_or_never().unwrap())
            .collect();
        assert!(
            budget.clone().take(MIB, true).now_or_never().is_none(),
            "all is used up"
        );
        drop(first);
        second.await;
        drop(users);
    }

    #[tokio::test]
    async fn room_grows_with_what_is_allowed() {
        let budget = Budget::new(4 * MIB, MIB, MIB);
        budget.fit(2 * MIB);
        assert!(budget.clone().take(2 * MIB, false).now_or_never().is_some());
        budget.fit(8 * MIB);
        budget.fit(8 * MIB);
        let room = budget.clone().take(8 * MIB, true).now_or_never().unwrap();
        assert!(budget.take(1, true).now_or_never().is_none(), "once only");
        drop(room);
    }

    #[tokio::test]
    async fn message_larger_than_the_budget_still_fits_alone() {
        let budget = Budget::new(MIB, MIB, 8 * MIB);
        let room = budget.clone().take(8 * MIB, false).now_or_never().unwrap();
        assert!(budget.take(MIB, true).now_or_never().is_none());
        drop(room);
    }
}
