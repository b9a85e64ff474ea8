//! The memory that all large messages in flight share.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One permit stands for this many bytes, since a semaphore counts in 32 bits.
const UNIT_BYTES: usize = 1024;

/// Room for messages that are larger than the free size; clones share it.
///
/// Who waits is served in turn. Room is asked for once more than the free size has arrived, and
/// then for all that the peer has announced: a header alone holds nothing, and two messages that
/// have each half of the room cannot wait for each other's.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    all: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    /// How much each of them holds when nobody takes any, in units.
    sizes: Arc<Mutex<[u32; 2]>>,
}

/// Room that is held until it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    _all: OwnedSemaphorePermit,
    _strangers: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// Returns a budget in bytes, of which strangers may use a part; both are at least as large
    /// as one message may be, so that a message that is allowed always fits.
    pub(super) fn new(bytes: usize, strangers_bytes: usize, message_bytes: usize) -> Self {
        let sizes = [bytes, strangers_bytes].map(|bytes| units(bytes.max(message_bytes)));
        let [all, strangers] = sizes.map(|size| Arc::new(Semaphore::new(size as usize)));
        Self {
            all,
            strangers,
            sizes: Arc::new(Mutex::new(sizes)),
        }
    }

    /// Grows where a message of this size would not fit. What has grown stays so.
    pub(super) fn fit(&self, message_bytes: usize) {
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        for (size, semaphore) in sizes.iter_mut().zip([&self.all, &self.strangers]) {
            let missing = units(message_bytes).saturating_sub(*size);
            semaphore.add_permits(missing as usize);
            *size += missing;
        }
    }

    /// Waits for room.
    pub(super) async fn take(self, bytes: usize, signed_in: bool) -> Room {
        // Strangers queue among themselves first, so that they never stand before a user in the
        // queue for more than their own part.
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

/// Room for large frames that peers have not read yet; clones share it.
///
/// Nobody waits for it: what waits is in memory already.
#[derive(Debug, Clone)]
pub(super) struct Unread {
    room: Arc<Semaphore>,
    units: u32,
}

impl Unread {
    /// Returns room for so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let units = units(bytes);
        Self {
            room: Arc::new(Semaphore::new(units as usize)),
            units,
        }
    }

    /// Takes room where there is any; a frame larger than all of it needs all.
    pub(super) fn try_take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let wanted = units(bytes).min(self.units);
        Arc::clone(&self.room).try_acquire_many_owned(wanted).ok()
    }
}

/// Nobody closes these semaphores, so that there is always a permit in the end.
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
