//! Links with which users who cannot sign in set a new password.

use std::time::{Duration, Instant};

use super::administration::{present, require_administrator};
use super::guesses::Place;
use super::passwords::askers;
use super::{Client, Opened, Refusal, Service, ServiceError, SignedIn, Thing};
use crate::auth::{Password, Token};
use crate::model::{Act, By, Login, PublicId, Timestamp, UserId};
use crate::store::audit::{self, Of};
use crate::store::resets::{self, Reset};
use crate::store::{Tx, credentials, sessions, users};

/// The lifetime of a link.
const LIFETIME: Duration = Duration::from_hours(24);

/// A link that has just been made; it cannot be read again later.
#[derive(Debug)]
pub struct NewReset {
    /// The link to pass on.
    pub link: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl Service {
    /// Creates a link with which a user sets a new password; it replaces an older one. Requires the
    /// caller's own password.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`], [`Refusal::PasswordNeeded`], [`Refusal::BadCredentials`],
    /// [`Refusal::NotFound`]; [`Refusal::NotForBots`] for an account without a password.
    pub async fn reset_password(
        &self,
        user: &SignedIn,
        whom: PublicId,
        password: Option<Password>,
        client: &Client,
    ) -> Result<NewReset, ServiceError> {
        let proof = self.confirm(user, password, client).await?;
        let user = *user;
        self.new_reset(move |tx| {
            require_administrator(tx, &user, tx.now())?;
            proof.require(tx)?;
            Ok((present(tx, whom)?, user.by()))
        })
        .await
    }

    /// Creates such a link, for the operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Suspended`]; [`Refusal::NotForBots`] for an account without a
    /// password.
    pub async fn make_reset(&self, whom: UserId) -> Result<NewReset, ServiceError> {
        self.new_reset(move |_| Ok((whom, By::OPERATOR))).await
    }

    async fn new_reset(
        &self,
        permitted: impl FnOnce(&Tx<'_>) -> Result<(UserId, By), ServiceError> + Send + 'static,
    ) -> Result<NewReset, ServiceError> {
        let code = Token::mint();
        let hash = Token::hash_of(code.as_str());
        let expires_at = self
            .store
            .write(move |tx| {
                let (whom, by) = permitted(tx)?;
                let missing = Refusal::NotFound(Thing::User);
                let found = users::by_id(tx, whom)?.filter(|user| !user.is_deleted);
                if found.ok_or(missing)?.is_suspended {
                    return Err(Refusal::Suspended.into());
                }
                if !credentials::has_password(tx, whom)? {
                    return Err(Refusal::NotForBots.into());
                }
                let expires_at = tx.now().after(LIFETIME);
                resets::insert(tx, whom, &hash, expires_at, by)?;
                audit::note(tx, by, Act::ResetLinkMade, &Of::user(whom))?;
                Ok::<_, ServiceError>(expires_at)
            })
            .await?;
        Ok(NewReset {
            link: self.link("reset", code.as_str()),
            expires_at,
        })
    }

    /// Returns the account of a link, without using up the link.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an invalid link; [`Refusal::Throttled`] after many of those.
    pub async fn reset_of(&self, code: &str, client: &Client) -> Result<Reset, ServiceError> {
        let (hash, now) = (Token::hash_of(code), self.store.now());
        let found = self
            .store
            .read(move |view| Ok::<_, ServiceError>(resets::find(view, &hash, now)?))
            .await?;
        match found {
            Some(reset) => Ok(reset),
            None => Err(self.missed_link(client)),
        }
    }

    /// Sets a new password with a link, ends all sessions of the account, and opens one.
    ///
    /// # Errors
    /// Those of [`reset_of`](Self::reset_of).
    pub async fn use_reset(
        &self,
        code: &str,
        password: Password,
        client: &Client,
    ) -> Result<Opened, ServiceError> {
        // Checked first, so that a guessed code costs no hashing.
        let reset = self.reset_of(code, client).await?;
        let askers = askers(Some(&Login::key_of(&reset.login)), client);
        let password_hash = self.hasher.hash(password, askers).await?;
        let hash = Token::hash_of(code);
        let token = Token::mint();
        let session = self.new_session(reset.user, &token, client);
        self.store
            .write(move |tx| {
                let gone = Refusal::NotFound(Thing::Link);
                let reset = resets::find(tx, &hash, tx.now())?.ok_or(gone)?;
                credentials::set_password(tx, reset.user, &password_hash)?;
                sessions::end_all(tx, reset.user, None)?;
                sessions::insert(tx, &session)?;
                Ok::<_, ServiceError>(())
            })
            .await?;
        log::info!("a user set a new password by a link");
        Ok(Opened {
            uuid: reset.uuid,
            token,
            ttl: self.settings.token_ttl,
        })
    }

    /// Counts an invalid code in the same way as a wrong password. A valid one never has to wait, because
    /// it cannot be guessed.
    pub(super) fn missed_link(&self, client: &Client) -> ServiceError {
        let place = client.neighbourhood;
        // No login looks like this, and every address has a separate one.
        let account = format!("\0link {place:?}");
        match self
            .guesses
            .begin(account, Place::Strange(place), Instant::now())
        {
            Ok(_) => Refusal::NotFound(Thing::Link).into(),
            Err(throttled) => throttled,
        }
    }

    /// Returns a link to one of this server's pages, with a code.
    pub(super) fn link(&self, page: &str, code: &str) -> String {
        format!("{}/{page}/{code}", self.settings.public_url)
    }
}
