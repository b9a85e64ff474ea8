//! Password hashing outside of the async threads, a few at a time, shared fairly among requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::error::ServiceError;
use super::refusal::Refusal;
use crate::auth::{HashError, Password, hash_password, verify_password};
use crate::model::Neighbourhood;

/// Maximum number of concurrent hashes: each takes 19 MiB of memory and a core.
const AT_A_TIME: usize = 2;

/// Maximum number of waiting hashes: some seconds of work on a small board. More are refused as overload.
const MAX_WAITING: usize = 32;

/// The fraction of the queue that one account or address may use, so that others get in beside a client
/// that sends as many requests as it can.
const PARTS: usize = 4;

/// The party for whom a password is hashed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Asker {
    /// A client that tries to use an account, which need not exist.
    Account(String),
    /// A client at an address.
    Address(Neighbourhood),
}

pub(super) struct Hasher {
    permits: Arc<Semaphore>,
    queue: Mutex<Queue>,
}

/// Number of hashes that wait or run, in total and by asker.
#[derive(Default)]
struct Queue {
    all: usize,
    by: HashMap<Asker, usize>,
}

impl Hasher {
    pub(super) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(AT_A_TIME)),
            queue: Mutex::default(),
        }
    }

    /// Hashes a password; those of the operator are charged to nobody.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`] if too many wait.
    pub(super) async fn hash(
        &self,
        password: Password,
        askers: Vec<Asker>,
    ) -> Result<String, ServiceError> {
        require_strong(&password)?;
        self.hash_any(password, askers).await
    }

    /// Hashes a password of a client that knows no more than revision 17, where any is good.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`] when too many wait.
    pub(super) async fn hash_any(
        &self,
        password: Password,
        askers: Vec<Asker>,
    ) -> Result<String, ServiceError> {
        self.run(askers, move || hash_password(&password)).await
    }

    /// Returns whether a password is the one that was hashed; it takes the same time without a hash.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`] if too many wait.
    pub(super) async fn verify(
        &self,
        password: Password,
        hash: Option<String>,
        askers: Vec<Asker>,
    ) -> Result<bool, ServiceError> {
        self.run(askers, move || verify_password(&password, hash.as_deref()))
            .await
    }

    async fn run<T, F>(&self, askers: Vec<Asker>, work: F) -> Result<T, ServiceError>
    where
        F: FnOnce() -> Result<T, HashError> + Send + 'static,
        T: Send + 'static,
    {
        let _place = Place::take(&self.queue, askers)?;
        let permits = Arc::clone(&self.permits);
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|_| ServiceError::Overloaded)?;
        let task = tokio::task::spawn_blocking(move || {
            // Kept by the work itself: the client may disconnect, but the memory stays in use.
            let _permit = permit;
            work()
        });
        Ok(task.await.map_err(|_| ServiceError::Overloaded)??)
    }
}

/// Fails for a password that is easy to guess.
///
/// # Errors
/// [`Refusal::WeakPassword`].
pub(super) fn require_strong(password: &Password) -> Result<(), ServiceError> {
    match password.weakness() {
        Some(weakness) => Err(Refusal::WeakPassword(weakness).into()),
        None => Ok(()),
    }
}

/// A place in the queue, which is left when it is dropped.
struct Place<'a> {
    queue: &'a Mutex<Queue>,
    askers: Vec<Asker>,
}

impl<'a> Place<'a> {
    fn take(queue: &'a Mutex<Queue>, askers: Vec<Asker>) -> Result<Self, ServiceError> {
        let mut places = lock(queue);
        let taken = |asker| places.by.get(asker).copied().unwrap_or_default();
        if places.all >= MAX_WAITING
            || askers
                .iter()
                .any(|asker| taken(asker) >= MAX_WAITING / PARTS)
        {
            return Err(ServiceError::Overloaded);
        }
        places.all += 1;
        for asker in &askers {
            *places.by.entry(asker.clone()).or_default() += 1;
        }
        drop(places);
        Ok(Self { queue, askers })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut places = lock(self.queue);
        places.all -= 1;
        for asker in &self.askers {
            if let Some(taken) = places.by.get_mut(asker) {
                *taken -= 1;
                if *taken == 0 {
                    places.by.remove(asker);
                }
            }
        }
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: usize) -> Vec<Asker> {
        vec![Asker::Account(format!("user {number}"))]
    }

    #[test]
    fn nobody_takes_more_than_a_quarter_of_the_queue() {
        let queue = Mutex::default();
        let from = |number| {
            let mut askers = account(number);
            askers.push(Asker::Address(
                std::net::IpAddr::from([192, 0, 2, 1]).into(),
            ));
            askers
        };
        // By account, and by address whatever the account.
        for askers in [&account as &dyn Fn(usize) -> Vec<Asker>, &from] {
            let many = |number: usize| {
                let many: Vec<_> = (0..20)
                    .filter_map(|_| Place::take(&queue, askers(number)).ok())
                    .collect();
                many
            };
            let first = many(1);
            assert_eq!(first.len(), MAX_WAITING / PARTS);
        }
        let first: Vec<_> = (0..20)
            .filter_map(|number| Place::take(&queue, from(number)).ok())
            .collect();
        assert_eq!(first.len(), MAX_WAITING / PARTS);
        let others: Vec<_> = (100..200)
            .filter_map(|number| Place::take(&queue, account(number)).ok())
            .collect();
        assert_eq!(first.len() + others.len(), MAX_WAITING);
        assert!(Place::take(&queue, Vec::new()).is_err());
        drop((first, others));
        let Queue { all, by } = &*lock(&queue);
        assert!(*all == 0 && by.is_empty(), "all have left");
    }
}
