//! Files that are being sent from the folder: their number is limited, so that no user blocks the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::FetchError;
use crate::model::UserId;

/// Maximum number of files that are sent at once.
const AT_ONCE: usize = 64;

/// Maximum number of files that are sent at once to one user.
const OF_USER: usize = 6;

/// How long a request waits for its turn: browsers do not request a picture again.
const PATIENCE: Duration = Duration::from_secs(5);

/// The limits of concurrent downloads.
#[derive(Debug)]
pub(in crate::service) struct Fetching {
    all: Arc<Semaphore>,
    patience: Duration,
    users: Mutex<HashMap<Option<UserId>, Arc<Semaphore>>>,
}

/// The permission to send a file; returned when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _of_user: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Default for Fetching {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(AT_ONCE)),
            patience: PATIENCE,
            users: Mutex::default(),
        }
    }
}

impl Fetching {
    /// Takes a turn, for a user or for anonymous clients; waits a short time if none is free.
    ///
    /// # Errors
    /// [`FetchError::Crowded`].
    pub(super) async fn enter(&self, user: Option<UserId>) -> Result<Turn, FetchError> {
        let until = Instant::now() + self.patience;
        // The user's own limit first: a client that waits for it blocks nobody else.
        let of_user = wait(self.of(user), until).await?;
        let of_all = wait(Arc::clone(&self.all), until).await?;
        Ok(Turn {
            _of_user: of_user,
            _of_all: of_all,
        })
    }

    fn of(&self, user: Option<UserId>) -> Arc<Semaphore> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        // Entries that nobody uses are the same as new ones.
        users
            .retain(|_, turns| turns.available_permits() < OF_USER || Arc::strong_count(turns) > 1);
        let turns = users
            .entry(user)
            .or_insert_with(|| Arc::new(Semaphore::new(OF_USER)));
        Arc::clone(turns)
    }
}

async fn wait(turns: Arc<Semaphore>, until: Instant) -> Result<OwnedSemaphorePermit, FetchError> {
    match timeout_at(until, turns.acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        _ => Err(FetchError::Crowded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_user_has_six_turns_and_everybody_together_more() {
        let fetching = Fetching {
            patience: Duration::from_millis(5),
            ..Fetching::default()
        };
        let mut held = Vec::new();
        for user in 0..10 {
            for _ in 0..OF_USER {
                held.push(fetching.enter(Some(UserId(user))).await.unwrap());
            }
            assert!(fetching.enter(Some(UserId(user))).await.is_err());
        }
        for _ in held.len()..AT_ONCE {
            held.push(fetching.enter(Some(UserId(99))).await.unwrap());
        }
        assert!(fetching.enter(Some(UserId(98))).await.is_err());
        held.clear();
        fetching.enter(Some(UserId(0))).await.unwrap();
        assert!(fetching.users.lock().unwrap().len() <= 2);
    }
}
