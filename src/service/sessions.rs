//! Signing in and signing out. Staying signed in is the task of the gate (see `gate`).

use std::time::Duration;

use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::auth::{Password, Token};
use crate::model::{Act, By, Neighbourhood, PublicId, SessionId, SessionInfo, UserId};
use crate::store::audit::{self, Of};
use crate::store::{sessions, users};

/// The origin of a request.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The place by which guesses are counted.
    pub neighbourhood: Neighbourhood,
    /// The address as it is stored with a session, masked as configured.
    pub address: Option<String>,
    /// The name that the device gives itself.
    pub label: Option<String>,
}

/// A session that has just been opened; its token cannot be read again later.
#[derive(Debug)]
pub struct Opened {
    /// The public id of its user.
    pub uuid: PublicId,
    /// The token that the client sends from now on.
    pub token: Token,
    /// How long it stays valid after its last use.
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
        let proof = self.check_password(login, password, client, None).await?;
        let uuid = proof.uuid();
        let token = Token::mint();
        let new = self.new_session(proof.user(), &token, client);
        let limit = self.limits().sessions_per_user;
        let connected = self.hub.sessions_of(proof.user());
        self.store
            .write(move |tx| {
                proof.require(tx)?;
                sessions::make_room(tx, proof.user(), limit, &connected)?;
                sessions::insert(tx, &new).map_err(ServiceError::from)
            })
            .await?;
        Ok(Opened {
            uuid,
            token,
            ttl: self.settings.token_ttl,
        })
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

    /// Ends this session, or all sessions of the user.
    ///
    /// # Errors
    /// [`Refusal::NoSession`] if it has ended meanwhile; fails if the database cannot be written.
    pub async fn log_out(&self, user: &SignedIn, everywhere: bool) -> Result<(), ServiceError> {
        let user = *user;
        let session = user.session;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                if everywhere {
                    sessions::end_all(tx, session.user, None)?;
                } else {
                    sessions::end(tx, session.id)?;
                }
                Ok(())
            })
            .await
    }

    /// Returns the sessions of an account, or of all, for the operator.
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

    /// Ends a session by its number, for the operator. Returns whether it existed.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn revoke_session(&self, id: SessionId) -> Result<bool, ServiceError> {
        self.store
            .write(move |tx| {
                if let Some(owner) = sessions::owner(tx, id, tx.now())? {
                    let label = sessions::by_id(tx, id)?.and_then(|session| session.label);
                    let of = Of::user(owner).called(label);
                    audit::note(tx, By::OPERATOR, Act::SessionEnded, &of)?;
                }
                Ok(sessions::end(tx, id)?)
            })
            .await
    }

    /// Looks up all connected sessions again, after another process has written to the database.
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
