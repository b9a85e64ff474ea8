//! The gate: who is behind a token, whichever protocol it comes by.
//!
//! What belongs here: finding the session of a token, remembering what was found, and noticing that
//! it has expired. What does not: how a token is shown, and what else a protocol wants with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::{Refusal, Service, ServiceError};
use crate::auth::Token;
use crate::model::{By, Origin, PublicId, Session, SessionKind, UserId};
use crate::store::{StoreError, Tx, bots, sessions};

/// Tokens that are remembered for sure; up to twice as many may be. About 100 bytes each.
const REMEMBERED: usize = 4096;

/// Least time between two notes that a session is in use: a write an hour, not one a request.
const RENEW_AFTER: Duration = Duration::from_hours(1);

/// By how much a clock that is set right may go back without anything being wrong: more than the
/// hours that a board without a clock of its own can be behind.
const CLOCK_SLACK: Duration = Duration::from_hours(24);

/// Somebody who has proved who it is; only [`Service::authenticate`] makes one.
#[derive(Debug, Clone, Copy)]
pub struct SignedIn {
    pub(super) session: Session,
    pub(super) origin: Option<Origin>,
    epoch: u64,
}

impl SignedIn {
    /// The session behind it.
    #[must_use]
    pub fn session(&self) -> Session {
        self.session
    }

    /// Who it is.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.session.user
    }

    /// Who it is, as clients know.
    #[must_use]
    pub fn uuid(&self) -> PublicId {
        self.session.user_uuid
    }

    /// Who does what this user asks for, and from which connection.
    pub(super) fn by(&self) -> By {
        By {
            user: Some(self.session.user),
            origin: self.origin,
        }
    }

    /// Fails when the session has ended since it was looked up, in the transaction of whatever it
    /// writes: a write may have waited for its turn, or for a step before it.
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

    /// Fails for a bot's token: for what is about accounts, devices and the server.
    ///
    /// # Errors
    /// [`Refusal::NotForBots`].
    pub(super) fn require_person(&self) -> Result<(), ServiceError> {
        if self.session.kind == SessionKind::Bot {
            return Err(Refusal::NotForBots.into());
        }
        Ok(())
    }

    /// When this was found out, in the hub's count of what ended sessions.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The same, on a connection that is not told of what it does itself.
    #[must_use]
    pub fn from(self, origin: Origin) -> Self {
        Self {
            origin: Some(origin),
            ..self
        }
    }
}

/// A token that somebody shows. Working out its hash is a tenth of what a small request costs, so
/// who gets the same token again and again keeps this.
pub struct Shown {
    text: String,
    hash: [u8; 32],
}

impl Shown {
    /// Takes a token's text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            hash: Token::hash_of(text),
        }
    }

    /// Tells whether a text is this token.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.text == text
    }
}

/// What was found behind tokens: keyed by their hashes, since what is not kept cannot leak.
///
/// In two generations. What is asked for moves into the young one; when that is full it becomes the
/// old one, and what nobody has asked for since is forgotten.
#[derive(Default)]
pub(super) struct Gate(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<[u8; 32], Known>,
    old: HashMap<[u8; 32], Known>,
    /// How often a token was forgotten: what was looked up before may be that.
    forgotten: u64,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    session: Session,
    /// In which this was looked up; in another it may be wrong.
    epoch: u64,
}

impl Gate {
    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a token, and how often one was forgotten by now.
    fn find(&self, hash: &[u8; 32], epoch: u64) -> (Option<Session>, u64) {
        let mut generations = self.generations();
        (generations.find(hash, epoch), generations.forgotten)
    }

    /// Tells whether a token was good when it was looked up last.
    pub(super) fn knows(&self, hash: &[u8; 32]) -> bool {
        let generations = self.generations();
        generations.young.contains_key(hash) || generations.old.contains_key(hash)
    }

    /// Forgets a token that is good no more.
    pub(super) fn forget(&self, hash: &[u8; 32]) {
        let mut generations = self.generations();
        generations.young.remove(hash);
        generations.old.remove(hash);
        generations.forgotten += 1;
    }

    /// Remembers what was looked up, unless a token was forgotten since.
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
    /// Finds out who shows a token, and moves the end of the session when that was not done lately.
    /// The same token again costs no query.
    ///
    /// # Errors
    /// [`Refusal::NoSession`] when it is no token, expired or revoked.
    pub async fn authenticate(&self, token: &str) -> Result<SignedIn, ServiceError> {
        self.authenticate_hash(Token::hash_of(token)).await
    }

    /// The same for one whose hash is known.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    pub async fn authenticate_shown(&self, token: &Shown) -> Result<SignedIn, ServiceError> {
        self.authenticate_hash(token.hash).await
    }

    pub(super) async fn authenticate_hash(&self, hash: [u8; 32]) -> Result<SignedIn, ServiceError> {
        // Taken before looking, so that a revocation in between is not missed.
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
            // Best effort: else the one before is good until the next time.
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

    /// Moves the end of a session that is in use, if that was not done lately. Best effort: when it
    /// cannot be written, the token is still good until its present end.
    async fn renew(&self, mut session: Session) -> Session {
        let now = self.store.now();
        if session.kind == SessionKind::Bot {
            return self.note_bot(session).await;
        }
        let expires_at = now.after(self.settings.token_ttl);
        // Short-lived tokens are renewed more often, at a tenth of their life.
        let least = RENEW_AFTER.min(self.settings.token_ttl / 10);
        // One that ends too late was made while the clock was ahead.
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
    /// Notes that a bot's token is in use, if that was not done lately; it ends when it was said to.
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

/// Ends the connections of sessions that expire, also of those that only listen, until the service
/// is gone.
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
                // Whichever comes first: in both cases it is time to look.
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
