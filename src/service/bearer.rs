//! Authentication of requests over HTTP, where there is no connection that remembers a user, and who is
//! charged for it.
//!
//! A token or ticket that was valid before is looked up at the expense of its account. Any other is
//! charged to its address before it is looked up, so that strangers cannot make the database work for
//! nothing. A user who shares an address with such strangers is known by then, and is not charged for
//! them.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Client, Refusal, Service, ServiceError, SignedIn};
use crate::auth::Token;
use crate::model::{SessionId, UserId};

/// Minimum number of tickets that are remembered; there may be up to twice as many.
const REMEMBERED: usize = 4096;

/// The cost of a request besides that of its action.
const WEIGHT: f64 = 1.0;

/// A user who reads files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// Whether the session uses Matrix, which has its own names for files.
    pub is_matrix: bool,
}

/// The valid tickets, in two generations: the old one is dropped when the young one is full.
#[derive(Debug, Default)]
pub(super) struct Tickets(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashSet<String>,
    old: HashSet<String>,
}

impl Tickets {
    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a valid ticket.
    pub(super) fn remember(&self, text: &str) {
        let mut generations = self.generations();
        if generations.young.contains(text) {
            return;
        }
        if generations.young.len() >= REMEMBERED {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(text.to_owned());
    }

    fn knows(&self, text: &str) -> bool {
        let generations = self.generations();
        generations.young.contains(text) || generations.old.contains(text)
    }

    fn forget(&self, text: &str) {
        let mut generations = self.generations();
        generations.young.remove(text);
        generations.old.remove(text);
    }
}

impl Service {
    /// Authenticates a request over HTTP by its token, and counts the request.
    ///
    /// # Errors
    /// [`Refusal::NoSession`]; [`Refusal::TooManyRequests`].
    pub async fn admit_bearer(
        &self,
        token: &str,
        client: &Client,
    ) -> Result<SignedIn, ServiceError> {
        let hash = Token::hash_of(token);
        if !self.gate.knows(&hash) {
            self.admit(None, client, WEIGHT)?;
        }
        let found = self.authenticate_hash(hash).await;
        if let Err(ServiceError::Refused(Refusal::NoSession)) = found {
            self.gate.forget(&hash);
        }
        let user = found?;
        self.admit(Some(&user), client, WEIGHT)?;
        Ok(user)
    }

    /// Does the same for a ticket; `None`: the ticket is not valid.
    ///
    /// # Errors
    /// [`Refusal::TooManyRequests`].
    pub async fn admit_ticket(
        &self,
        text: &str,
        client: &Client,
    ) -> Result<Option<Reader>, ServiceError> {
        if !self.tickets.knows(text) {
            self.admit(None, client, WEIGHT)?;
        }
        let Some(reader) = self.redeem_ticket(text).await? else {
            self.tickets.forget(text);
            return Ok(None);
        };
        self.tickets.remember(text);
        self.counts.request(
            Some(reader.user),
            client.neighbourhood,
            WEIGHT,
            &self.limits(),
        )?;
        Ok(Some(reader))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_memory_is_bounded() {
        let tickets = Tickets::default();
        tickets.remember("mine");
        for number in 0..3 * REMEMBERED {
            tickets.remember(&number.to_string());
            if number % (REMEMBERED / 2) == 0 {
                assert!(tickets.knows("mine"), "{number}");
                tickets.remember("mine");
            }
        }
        assert!(!tickets.knows("0"));
        {
            let Generations { young, old } = &*tickets.generations();
            assert!(young.len() <= REMEMBERED && old.len() <= REMEMBERED);
        }
        tickets.forget("mine");
        assert!(!tickets.knows("mine"));
    }
}
