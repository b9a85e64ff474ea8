//! Hashing passwords off the async threads, a few at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::error::ServiceError;
use crate::auth::{HashError, Password, hash_password, verify_password};

/// Hashes at a time: 19 MiB of memory each, and a core.
const AT_A_TIME: usize = 2;

/// Hashes that may wait: some seconds' worth on a small board. More are refused as overload.
const MAX_WAITING: usize = 32;

pub(super) struct Hasher {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Hasher {
    pub(super) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_A_TIME)),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Hashes a password.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`] when too many wait.
    pub(super) async fn hash(&self, password: Password) -> Result<String, ServiceError> {
        self.run(move || hash_password(&password)).await
    }

    /// Tells whether a password is the one that was hashed; costs the same without a hash.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`] when too many wait.
    pub(super) async fn verify(
        &self,
        password: Password,
        hash: Option<String>,
    ) -> Result<bool, ServiceError> {
        self.run(move || verify_password(&password, hash.as_deref()))
            .await
    }

    async fn run<T, F>(&self, work: F) -> Result<T, ServiceError>
    where
        F: FnOnce() -> Result<T, HashError> + Send + 'static,
        T: Send + 'static,
    {
        let _place = Place::take(&self.waiting)?;
        let permits = Arc::clone(&self.permits);
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|_| ServiceError::Overloaded)?;
        let task = tokio::task::spawn_blocking(move || {
            // Held by the work itself: who asked may go away, the memory stays in use.
            let _permit = permit;
            work()
        });
        Ok(task.await.map_err(|_| ServiceError::Overloaded)??)
    }
}

/// A place in the queue; dropping it leaves.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, ServiceError> {
        if waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(ServiceError::Overloaded);
        }
        Ok(Self(waiting))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
