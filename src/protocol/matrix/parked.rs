//! Held-back answers: each device may have a limited number; one more request releases the oldest.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::model::SessionId;

/// The most held-back answers of one device.
const MOST: usize = 8;

type Waiting = HashMap<SessionId, VecDeque<Arc<Notify>>>;

/// Sessions that wait for an answer.
#[derive(Debug, Default, Clone)]
pub(super) struct Parked(Arc<Mutex<Waiting>>);

/// A place among them, released when dropped.
#[derive(Debug)]
pub(super) struct Place {
    parked: Parked,
    session: SessionId,
    end: Arc<Notify>,
}

impl Parked {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place; if there are too many, the oldest has to end.
    pub(super) fn enter(&self, session: SessionId) -> Place {
        let end = Arc::new(Notify::new());
        let mut waiting = self.waiting();
        let all = waiting.entry(session).or_default();
        all.push_back(Arc::clone(&end));
        if all.len() > MOST
            && let Some(oldest) = all.pop_front()
        {
            oldest.notify_one();
        }
        Place {
            parked: self.clone(),
            session,
            end,
        }
    }
}

impl Place {
    /// Waits until newer requests displace this one.
    pub(super) async fn ended(&self) {
        self.end.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.parked.waiting();
        if let Some(all) = waiting.get_mut(&self.session) {
            all.retain(|other| !Arc::ptr_eq(other, &self.end));
            if all.is_empty() {
                waiting.remove(&self.session);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_goes_for_the_ninth_and_nothing_is_left_in_the_end() {
        let parked = Parked::default();
        let mut places: VecDeque<_> = (0..=MOST).map(|_| parked.enter(SessionId(1))).collect();
        let oldest = places.pop_front().expect("a place");
        oldest.ended().await;
        drop((oldest, places));
        assert!(parked.waiting().is_empty());
    }
}
