//! Signing in and signing out. Staying signed in is the gate's (see `gate`).

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::auth::{Password, Token};
use crate::model::{Login, PublicId, SessionId, SessionInfo, UserId};
use crate::store::{sessions, users};

/// Where a request comes from.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// By what guesses from one place are counted: the address, of IPv6 the network.
    pub throttle_key: String,
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
        self.brake(&key, &client.throttle_key)?;
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
                self.count_guess(&client.throttle_key);
                Err(Refusal::BadCredentials.into())
            }
        }
    }

    fn brake(&self, key: &String, address: &String) -> Result<(), ServiceError> {
        self.brake_address(address)?;
        let accounts = self
            .account_throttle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let wait = accounts.wait(key, Instant::now());
        wait.map_or(Ok(()), |wait| Err(Refusal::Throttled(wait).into()))
    }

    /// Refuses an address that has guessed too often, passwords or invitations.
    pub(super) fn brake_address(&self, address: &String) -> Result<(), ServiceError> {
        let addresses = self
            .address_throttle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let wait = addresses.wait(address, Instant::now());
        wait.map_or(Ok(()), |wait| Err(Refusal::Throttled(wait).into()))
    }

    /// Counts a wrong guess of an address.
    pub(super) fn count_guess(&self, address: &str) {
        let mut addresses = self
            .address_throttle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        addresses.fail(address.to_owned(), Instant::now());
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
