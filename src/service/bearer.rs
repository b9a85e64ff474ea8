//! Who asks over HTTP, where no connection remembers anybody, and who pays for finding out.
//!
//! A token or ticket that was good before is looked up at the cost of its account. Any other is
//! looked up at the cost of its address, and before that: strangers must not have the database work
//! for nothing. Whoever shares an address with such strangers is known by then, and pays nothing for
//! them.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Client, Refusal, Service, ServiceError, SignedIn};
use crate::auth::Token;
use crate::model::{SessionId, UserId};

/// Tickets that are remembered for sure; up to twice as many may be.
const REMEMBERED: usize = 4096;

/// What a request weighs besides what it does.
const WEIGHT: f64 = 1.0;

/// Who reads files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// Who it is.
    pub user: UserId,
    /// By which session.
    pub session: SessionId,
    /// Whether it is by Matrix, which has names of its own for files.
    pub is_matrix: bool,
}

/// The tickets that were good, in two generations: the old one is forgotten when the young one is
/// full.
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

    /// Remembers a ticket that is good.
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
    /// Finds out who shows a token in a request over HTTP, and counts the request.
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

    /// The same for who shows a ticket; `None`: it is none that is good.
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
