//! Signing in, staying signed in, signing out.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::{Refusal, Service, ServiceError, Thing};
use crate::auth::{Password, Token};
use crate::model::{
    By, Login, Neighbourhood, Origin, PublicId, Session, SessionId, SessionInfo, UserId,
};
use crate::store::{sessions, users};

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

    /// Who does what this user asks for, and from which connection.
    pub(super) fn by(&self) -> By {
        By {
            user: Some(self.session.user),
            origin: self.origin,
        }
    }

    /// Who it is, as clients know.
    #[must_use]
    pub fn uuid(&self) -> PublicId {
        self.session.user_uuid
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// By what guesses from one place are counted.
    pub neighbourhood: Neighbourhood,
    /// The address as it is stored with a session, masked as configured.
    pub address: Option<String>,
    /// What the device calls itself.
    pub label: Option<String>,
}

/// A session that has just been opened: the only time its token is known.
#[derive(Debug)]
pub struct Opened {
    /// Whose it is.
    pub uuid: PublicId,
    /// What the client shows from now on.
    pub token: Token,
    /// How long it stays good after its last use.
    pub ttl: Duration,
}

impl Service {
    /// Opens a session for a login and password.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`], [`Refusal::Throttled`].
    pub async fn log_in(
        &self,
        login: &str,
        password: Password,
        client: &Client,
    ) -> Result<Opened, ServiceError> {
        let (user, uuid) = self.check_password(login, password, client).await?;
        let token = Token::mint();
        let new = self.new_session(user, &token, client);
        self.store
            .write(move |tx| sessions::insert(tx, &new).map_err(ServiceError::from))
            .await?;
        Ok(Opened {
            uuid,
            token,
            ttl: self.settings.token_ttl,
        })
    }

    /// Checks a login and password, with the brake on guessing. A suspended or deleted account, an
    /// unknown login and a wrong password are all the same, in the same time.
    pub(super) async fn check_password(
        &self,
        login: &str,
        password: Password,
        client: &Client,
    ) -> Result<(UserId, PublicId), ServiceError> {
        let key = Login::key_of(login);
        self.brake(&key, client.neighbourhood)?;
        let wanted = login.to_owned();
        let found = self
            .store
            .read(move |view| users::credentials(view, &wanted).map_err(ServiceError::from))
            .await?;
        let hash = found.as_ref().and_then(|found| found.password_hash.clone());
        let matches = self.hasher.verify(password, hash).await?;
        match found {
            Some(found) if matches && !found.is_suspended => {
                let mut accounts = self
                    .account_throttle
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                accounts.succeed(&key);
                Ok((found.user, found.uuid))
            }
            _ => {
                let now = Instant::now();
                let mut accounts = self
                    .account_throttle
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                accounts.fail(key, now);
                self.count_guess(client.neighbourhood);
                Err(Refusal::BadCredentials.into())
            }
        }
    }

    fn brake(&self, key: &String, address: Neighbourhood) -> Result<(), ServiceError> {
        self.brake_address(address)?;
        let accounts = self
            .account_throttle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let wait = accounts.wait(key, Instant::now());
        wait.map_or(Ok(()), |wait| Err(Refusal::Throttled(wait).into()))
    }

    /// Refuses an address that has guessed too often, passwords or invitations.
    pub(super) fn brake_address(&self, address: Neighbourhood) -> Result<(), ServiceError> {
        let addresses = self
            .address_throttle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let wait = addresses.wait(&address, Instant::now());
        wait.map_or(Ok(()), |wait| Err(Refusal::Throttled(wait).into()))
    }

    /// Counts a wrong guess of an address.
    pub(super) fn count_guess(&self, address: Neighbourhood) {
        let mut addresses = self
            .address_throttle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        addresses.fail(address, Instant::now());
    }

    pub(super) fn new_session(
        &self,
        user: UserId,
        token: &Token,
        client: &Client,
    ) -> sessions::NewSession {
        sessions::NewSession {
            user,
            token_hash: Token::hash_of(token.as_str()),
            expires_at: self.store.now().after(self.settings.token_ttl),
            address: client.address.clone(),
            label: client.label.clone(),
        }
    }

    /// Finds out who shows a token.
    ///
    /// # Errors
    /// [`Refusal::NoSession`] when it is no token of that user, expired or revoked.
    pub async fn authenticate(
        &self,
        uuid: PublicId,
        token: &str,
        origin: Option<Origin>,
    ) -> Result<SignedIn, ServiceError> {
        let hash = Token::hash_of(token);
        let now = self.store.now();
        let found = self
            .store
            .read(move |view| sessions::find(view, &hash, now).map_err(ServiceError::from))
            .await?;
        let session = found
            .filter(|session| session.user_uuid == uuid)
            .ok_or(Refusal::NoSession)?;
        Ok(SignedIn { session, origin })
    }

    /// Moves the end of a session that is in use, if that was not done lately. Best effort: when it
    /// cannot be written, the token is still good until its present end.
    pub async fn renew(&self, user: &mut SignedIn) {
        let now = self.store.now();
        let expires_at = now.after(self.settings.token_ttl);
        // Short-lived tokens are renewed more often, at a tenth of their life.
        let least = RENEW_AFTER.min(self.settings.token_ttl / 10);
        // One that ends too late was made while the clock was ahead.
        let ends_too_late = user.session.expires_at > expires_at.after(CLOCK_SLACK);
        if expires_at < user.session.expires_at.after(least) && !ends_too_late {
            return;
        }
        user.session.expires_at = expires_at;
        let id = user.session.id;
        let result: Result<(), ServiceError> = self
            .store
            .write(move |tx| Ok(sessions::renew(tx, id, expires_at)?))
            .await;
        if let Err(err) = result {
            log::debug!("renewing a session failed: {err}");
        }
    }

    /// Tells whether a token that was good still is, by the clock alone.
    #[must_use]
    pub fn is_current(&self, user: &SignedIn) -> bool {
        user.session.expires_at > self.store.now()
    }

    /// Ends this session, or all of the user's.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn log_out(&self, user: &SignedIn, everywhere: bool) -> Result<(), ServiceError> {
        let session = user.session;
        self.store
            .write(move |tx| {
                if everywhere {
                    sessions::end_all(tx, session.user, None)?;
                } else {
                    sessions::end(tx, session.id)?;
                }
                Ok(())
            })
            .await
    }

    /// The sessions of an account, or of all, for the operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an unknown login.
    pub async fn sessions(&self, login: Option<String>) -> Result<Vec<SessionInfo>, ServiceError> {
        let now = self.store.now();
        self.store
            .read(move |view| {
                let user = match login {
                    Some(login) => Some(
                        users::by_login(view, &login)?
                            .ok_or(Refusal::NotFound(Thing::User))?
                            .id,
                    ),
                    None => None,
                };
                Ok(sessions::list(view, user, now)?)
            })
            .await
    }

    /// Ends a session by its number, for the operator. Returns whether there was one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn revoke_session(&self, id: SessionId) -> Result<bool, ServiceError> {
        self.store.write(move |tx| Ok(sessions::end(tx, id)?)).await
    }

    /// Looks all connected sessions up again, after another process has written to the file.
    pub(super) async fn recheck_sessions(&self) {
        self.hub.forget_sessions();
        let connected = self.hub.sessions();
        let now = self.store.now();
        let ended: Result<Vec<SessionId>, ServiceError> = self
            .store
            .read(move |view| {
                let mut ended = Vec::new();
                for id in connected {
                    if !sessions::is_valid(view, id, now)? {
                        ended.push(id);
                    }
                }
                Ok(ended)
            })
            .await;
        match ended {
            Ok(ended) => self.hub.revoke(&ended),
            Err(err) => log::warn!("checking sessions failed: {err}"),
        }
    }
}
