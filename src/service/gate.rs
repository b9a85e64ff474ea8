//! The gate: finds the user of a token, for every protocol.
//!
//! What belongs here: finding the session of a token, caching it, and detecting that it has expired. What
//! does not: how a token is sent, and what else a protocol does with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::{Refusal, Service, ServiceError};
use crate::auth::Token;
use crate::model::{By, Origin, PublicId, Session, SessionKind, UserId};
use crate::store::{StoreError, Tx, bots, sessions};

/// Minimum number of tokens that are cached; there may be up to twice as many. About 100 bytes each.
const REMEMBERED: usize = 4096;

/// Minimum time between two records that a session is in use: one write an hour, not one for each request.
const RENEW_AFTER: Duration = Duration::from_hours(1);

/// How far a clock may be set back without an error: more than the hours by which a board without a
/// battery-backed clock can be behind.
const CLOCK_SLACK: Duration = Duration::from_hours(24);

/// An authenticated user; only [`Service::authenticate`] creates one.
#[derive(Debug, Clone, Copy)]
pub struct SignedIn {
    pub(super) session: Session,
    pub(super) origin: Option<Origin>,
    epoch: u64,
}

impl SignedIn {
    /// Returns the session.
    #[must_use]
    pub fn session(&self) -> Session {
        self.session
    }

    /// Returns the user.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.session.user
    }

    /// Returns the user's public id.
    #[must_use]
    pub fn uuid(&self) -> PublicId {
        self.session.user_uuid
    }

    /// Returns the user and the connection that act on a request of this user.
    pub(super) fn by(&self) -> By {
        By {
            user: Some(self.session.user),
            origin: self.origin,
        }
    }

    /// Fails if the session has ended since it was looked up. It is called in the transaction of each
    /// write, because a write may have waited for its turn or for a previous step.
    ///
    /// # Errors
    /// [`Refusal::NoSession`].
    pub(super) fn require(&self, tx: &Tx<'_>) -> Result<(), ServiceError> {
        if sessions::stands(tx, self.session.id)? {
            Ok(())
        } else {
            Err(Refusal::NoSession.into())
        }
    }

    /// Fails for a bot's token: for requests about accounts, devices and the server.
    ///
    /// # Errors
    /// [`Refusal::NotForBots`].
    pub(super) fn require_person(&self) -> Result<(), ServiceError> {
        if self.session.kind == SessionKind::Bot {
            return Err(Refusal::NotForBots.into());
        }
        Ok(())
    }

    /// Returns the value of the hub's counter of ended sessions at the time of authentication.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the same user on a connection, which is not told of its own actions.
    #[must_use]
    pub fn from(self, origin: Origin) -> Self {
        Self {
            origin: Some(origin),
            ..self
        }
    }
}

/// A token that a client sends. Computing its hash takes a tenth of the time of a small request, so a
/// caller that receives the same token repeatedly keeps this value.
pub struct Shown {
    text: String,
    hash: [u8; 32],
}

impl Shown {
    /// Creates it from the text of a token.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            hash: Token::hash_of(text),
        }
    }

    /// Returns whether a text is this token.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.text == text
    }
}

/// The cache of sessions, keyed by the hashes of their tokens: tokens that are not stored cannot leak.
///
/// It has two generations. Used entries move into the young one; when that is full, it becomes the old
/// one, and entries that were not used since are dropped.
#[derive(Default)]
pub(super) struct Gate(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<[u8; 32], Known>,
    old: HashMap<[u8; 32], Known>,
    /// How many times a token was dropped; an earlier lookup may be of a dropped token.
    forgotten: u64,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    session: Session,
    /// The epoch of the lookup; in another epoch it may be outdated.
    epoch: u64,
}

impl Gate {
    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the cached session of a token, and the present number of dropped tokens.
    fn find(&self, hash: &[u8; 32], epoch: u64) -> (Option<Session>, u64) {
        let mut generations = self.generations();
        (generations.find(hash, epoch), generations.forgotten)
    }

    /// Returns whether a token was valid when it was last looked up.
    pub(super) fn knows(&self, hash: &[u8; 32]) -> bool {
        let generations = self.generations();
        generations.young.contains_key(hash) || generations.old.contains_key(hash)
    }

    /// Drops a token that is no longer valid.
    pub(super) fn forget(&self, hash: &[u8; 32]) {
        let mut generations = self.generations();
        generations.young.remove(hash);
        generations.old.remove(hash);
        generations.forgotten += 1;
    }

    /// Caches the result of a lookup, unless a token was dropped since.
    fn remember(&self, hash: [u8; 32], session: Session, epoch: u64, forgotten: u64) {
        let mut generations = self.generations();
        if generations.forgotten == forgotten {
            generations.insert(hash, Known { session, epoch });
        }
    }
}

impl Generations {
    fn find(&mut self, hash: &[u8; 32], epoch: u64) -> Option<Session> {
        let young = self.young.get(hash).copied();
        let known = young.or_else(|| {
            let known = self.old.remove(hash)?;
            self.insert(*hash, known);
            Some(known)
        })?;
        (known.epoch == epoch).then_some(known.session)
    }

    fn insert(&mut self, hash: [u8; 32], known: Known) {
        if self.young.len() >= REMEMBERED && !self.young.contains_key(&hash) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, known);
    }
}

impl Service {
    /// Finds the session of a token, and extends it if that was not done recently. The same token again
    /// costs no query.
    ///
    /// # Errors
    /// [`Refusal::NoSession`] if the token is unknown, expired or revoked.
    pub async fn authenticate(&self, token: &str) -> Result<SignedIn, ServiceError> {
        self.authenticate_hash(Token::hash_of(token)).await
    }

    /// Does the same for a token whose hash is known.
    ///
    /// # Errors
    /// Those of [`authenticate`](Self::authenticate).
    pub async fn authenticate_shown(&self, token: &Shown) -> Result<SignedIn, ServiceError> {
        self.authenticate_hash(token.hash).await
    }

    pub(super) async fn authenticate_hash(&self, hash: [u8; 32]) -> Result<SignedIn, ServiceError> {
        // Taken before the lookup, so that a revocation in between is not missed.
        let epoch = self.hub.epoch();
        let now = self.store.now();
        let (known, forgotten) = self.gate.find(&hash, epoch);
        let known = known.filter(|session| session.is_good(now));
        let mut found = match known {
            Some(session) => session,
            None => self
                .store
                .read(move |view| sessions::find(view, &hash, now).map_err(ServiceError::from))
                .await?
                .ok_or(Refusal::NoSession)?,
        };
        if found.supersedes {
            // Best effort: on failure, the previous token stays valid until the next time.
            match self.settle_token(found.id, hash).await {
                Ok(()) => found.supersedes = false,
                Err(err) => log::debug!("ending a token failed: {err}"),
            }
        }
        let session = self.renew(found).await;
        if known != Some(session) && !session.supersedes {
            self.gate.remember(hash, session, epoch, forgotten);
        }
        Ok(SignedIn {
            session,
            origin: None,
            epoch,
        })
    }

    /// Extends a session that is in use, if that was not done recently. Best effort: if it cannot be
    /// written, the token stays valid until its present end.
    async fn renew(&self, mut session: Session) -> Session {
        let now = self.store.now();
        if session.kind == SessionKind::Bot {
            return self.note_bot(session).await;
        }
        let expires_at = now.after(self.settings.token_ttl);
        // Short-lived tokens are renewed more often, after a tenth of their lifetime.
        let least = RENEW_AFTER.min(self.settings.token_ttl / 10);
        // A session that ends too late was created while the clock was ahead.
        let ends_too_late = session.expires_at > expires_at.after(CLOCK_SLACK);
        if expires_at < session.expires_at.after(least) && !ends_too_late {
            return session;
        }
        session.expires_at = expires_at;
        let id = session.id;
        let result: Result<(), ServiceError> = self
            .store
            .write(move |tx| Ok(sessions::renew(tx, id, expires_at)?))
            .await;
        if let Err(err) = result {
            log::debug!("renewing a session failed: {err}");
        }
        self.hub.prolong(session.user, id, expires_at);
        session
    }
}

impl Service {
    /// Records that a bot's token is in use, if that was not done recently; its expiry does not change.
    async fn note_bot(&self, mut session: Session) -> Session {
        let now = self.store.now();
        if session.used_at.after(RENEW_AFTER) > now {
            return session;
        }
        session.used_at = now;
        let id = session.id;
        let noted = self.store.write(move |tx| bots::token_used(tx, id));
        let noted: Result<(), StoreError> = noted.await;
        if let Err(err) = noted {
            log::debug!("noting that a token is in use failed: {err}");
        }
        session
    }
}

/// Ends the connections of expired sessions, including those that only listen, until the service is gone.
pub(super) async fn watch(service: Weak<Service>) {
    loop {
        let Some((hub, wait)) = service.upgrade().map(|service| {
            let wait = service.hub.expire(service.store.now());
            (Arc::clone(&service.hub), wait)
        }) else {
            return;
        };
        match wait {
            Some(wait) => {
                // Whichever comes first: in both cases it is time to check.
                let _ = tokio::time::timeout(wait, hub.expires_sooner()).await;
            }
            None => hub.expires_sooner().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{SessionId, Timestamp};

    fn session(id: i64) -> Session {
        Session {
            id: SessionId(id),
            user: UserId(1),
            user_uuid: PublicId(1),
            kind: SessionKind::Device,
            scopes: crate::model::Scopes::ALL,
            used_at: Timestamp(0),
            is_admin: false,
            is_bot: false,
            expires_at: Timestamp(i64::MAX),
            token_until: None,
            supersedes: false,
        }
    }

    fn hash(number: usize) -> [u8; 32] {
        Token::hash_of(&number.to_string())
    }

    #[test]
    fn nothing_is_known_of_another_epoch() {
        let gate = Gate::default();
        gate.remember(hash(1), session(1), 7, 0);
        assert_eq!(gate.find(&hash(1), 7).0, Some(session(1)));
        assert_eq!(gate.find(&hash(1), 8).0, None);
        assert_eq!(gate.find(&hash(2), 7).0, None);
    }

    #[test]
    fn a_token_that_was_forgotten_while_it_was_looked_up_is_not_known() {
        let gate = Gate::default();
        let (_, before) = gate.find(&hash(1), 7);
        gate.forget(&hash(1));
        gate.remember(hash(1), session(1), 7, before);
        assert_eq!(gate.find(&hash(1), 7).0, None);
    }

    #[test]
    fn what_is_asked_for_stays_and_memory_is_bounded() {
        let gate = Gate::default();
        gate.remember(hash(0), session(1), 1, 0);
        for number in 1..4 * REMEMBERED {
            gate.remember(hash(number), session(2), 1, 0);
            if number % (REMEMBERED / 2) == 0 {
                assert!(gate.find(&hash(0), 1).0.is_some(), "{number}");
            }
        }
        assert!(gate.find(&hash(1), 1).0.is_none());
        let Generations { young, old, .. } = &*gate.generations();
        assert!(young.len() <= REMEMBERED && old.len() <= REMEMBERED);
    }
}
