//! Signing in a device with another one: a code that one shows and the other uses, within two minutes.
//!
//! Codes are only kept in memory: they end with the server, and with the session that made them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Client, Opened, Refusal, Service, ServiceError, SignedIn, Thing};
use crate::auth::Token;
use crate::model::{Audience, Event, News, Session, Timestamp};
use crate::store::sessions;

/// The lifetime of a code.
const LIFETIME: Duration = Duration::from_mins(2);

/// Maximum number of codes, one per session. If it is reached, no new codes are given for a while.
const MAX_CODES: usize = 4096;

/// The valid codes, by their hashes.
#[derive(Default)]
pub(super) struct Links(Mutex<HashMap<[u8; 32], Link>>);

#[derive(Debug, Clone, Copy)]
struct Link {
    /// The session that made it.
    session: Session,
    until: Instant,
}

/// A code that has just been made.
#[derive(Debug)]
pub struct NewLink {
    /// The code for the other device.
    pub code: Token,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl Links {
    fn codes(&self) -> MutexGuard<'_, HashMap<[u8; 32], Link>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a code, which replaces an older one of the same session.
    fn insert(&self, hash: [u8; 32], session: Session, now: Instant) -> Result<(), ServiceError> {
        let mut codes = self.codes();
        codes.retain(|_, link| link.until > now && link.session.id != session.id);
        if codes.len() >= MAX_CODES {
            return Err(ServiceError::Overloaded);
        }
        let until = now + LIFETIME;
        codes.insert(hash, Link { session, until });
        Ok(())
    }

    /// Removes a code; returns its session if it is valid.
    fn take(&self, hash: &[u8; 32], now: Instant) -> Option<Session> {
        let link = self.codes().remove(hash)?;
        (link.until > now).then_some(link.session)
    }
}

impl Service {
    /// Creates a code with which another device can sign in as the caller; it replaces an older one.
    ///
    /// # Errors
    /// [`Refusal::NotForBots`]; [`ServiceError::Overloaded`] if there are too many codes.
    pub fn link_device(&self, user: &SignedIn) -> Result<NewLink, ServiceError> {
        user.require_person()?;
        let code = Token::mint();
        let hash = Token::hash_of(code.as_str());
        self.links.insert(hash, user.session, Instant::now())?;
        Ok(NewLink {
            code,
            expires_at: self.store.now().after(LIFETIME),
        })
    }

    /// Opens a session with a code of another device; a code works once. That device is notified.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a code that is invalid or whose session has ended;
    /// [`Refusal::Throttled`] after many of those.
    pub async fn use_link(&self, code: &str, client: &Client) -> Result<Opened, ServiceError> {
        let maker = self.links.take(&Token::hash_of(code), Instant::now());
        let Some(maker) = maker else {
            return Err(self.missed_link(client));
        };
        let token = Token::mint();
        let new = self.new_session(maker.user, &token, client);
        let limit = self.limits().sessions_per_user;
        let connected = self.hub.sessions_of(maker.user);
        let opened = self
            .store
            .write(move |tx| {
                if !sessions::is_valid(tx, maker.id, tx.now())? {
                    return Err(ServiceError::Refused(Refusal::NotFound(Thing::Link)));
                }
                sessions::make_room(tx, maker.user, limit, &connected)?;
                let id = sessions::insert(tx, &new)?;
                Ok(sessions::by_id(tx, id)?)
            })
            .await?;
        if let Some(opened) = opened {
            self.hub.publish(Event {
                position: None,
                origin: None,
                audience: Audience::Users([maker.user].into()),
                news: News::Device(Arc::new(opened)),
            });
        }
        Ok(Opened {
            uuid: maker.user_uuid,
            token,
            ttl: self.settings.token_ttl,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PublicId, SessionId, SessionKind, UserId};

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

    #[test]
    fn a_code_is_good_once_and_for_two_minutes() {
        let (links, now) = (Links::default(), Instant::now());
        links.insert([1; 32], session(1), now).unwrap();
        assert_eq!(links.take(&[2; 32], now), None);
        assert_eq!(links.take(&[1; 32], now), Some(session(1)));
        assert_eq!(links.take(&[1; 32], now), None);
        links.insert([1; 32], session(1), now).unwrap();
        assert_eq!(links.take(&[1; 32], now + LIFETIME), None);
    }

    #[test]
    fn a_session_has_one_code_and_all_have_bounds() {
        let (links, now) = (Links::default(), Instant::now());
        links.insert([1; 32], session(1), now).unwrap();
        links.insert([2; 32], session(1), now).unwrap();
        assert_eq!(links.take(&[1; 32], now), None);
        for number in 0..MAX_CODES {
            let hash = Token::hash_of(&number.to_string());
            let id = i64::try_from(number).unwrap() + 2;
            let kept = links.insert(hash, session(id), now);
            assert_eq!(kept.is_ok(), number + 1 < MAX_CODES, "{number}");
        }
        // Expired ones make room.
        assert!(links.insert([3; 32], session(2), now + LIFETIME).is_ok());
    }
}
