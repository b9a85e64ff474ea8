//! Identity in Matrix: names, devices, stored filters.

use std::time::Instant;

use crate::auth::{InviteCode, Token};
use crate::model::{Login, PublicId, UserId};
use crate::service::{Client, Refusal, Service, ServiceError, SignedIn, Thing, names};
use crate::store::localparts::{self, Named};
use crate::store::{invitations, properties, room_names, sessions, users};

/// A Matrix device that has just signed in.
#[derive(Debug)]
pub struct Device {
    /// The id from the client or the server.
    pub id: String,
    /// The name for people.
    pub label: Option<String>,
    /// Whether its token is short-lived and gets renewed.
    pub renews: bool,
}

/// The result of a change of name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renamed {
    /// The user has the name.
    Done,
    /// Another user has it, or had it.
    Taken,
    /// The user has used the present name already, so it cannot change.
    Settled,
}

impl Service {
    /// Changes the Matrix name of a user, which consists of `a-z0-9._=-/+`. After the first sign-in by
    /// Matrix, it cannot change.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn rename_localpart(
        &self,
        user: UserId,
        name: String,
    ) -> Result<Renamed, ServiceError> {
        self.store
            .write(move |tx| {
                if localparts::of(tx, user)?.is_some_and(|now| now.localpart == name) {
                    return Ok(Renamed::Done);
                }
                if localparts::is_here(tx, user)? {
                    return Ok(Renamed::Settled);
                }
                if users::is_localpart_taken(tx, &name)? {
                    return Ok(Renamed::Taken);
                }
                localparts::rename(tx, user, &name)?;
                Ok(Renamed::Done)
            })
            .await
    }

    /// Makes a new session a Matrix device. An earlier session of that device ends.
    ///
    /// # Errors
    /// [`Refusal::NoSession`]; fails if the database cannot be written.
    pub async fn adopt_device(
        &self,
        token: &Token,
        device: Device,
        server_name: String,
    ) -> Result<Named, ServiceError> {
        let hash = Token::hash_of(token.as_str());
        self.store
            .write(move |tx| {
                let session = sessions::find(tx, &hash, tx.now())?.ok_or(Refusal::NoSession)?;
                let label = device.label.as_deref();
                localparts::adopt(tx, session.user, session.id, (&device.id, label))?;
                if properties::text(tx, properties::MATRIX_SERVER_NAME)?.is_none() {
                    properties::set_text(tx, properties::MATRIX_SERVER_NAME, &server_name)?;
                }
                Ok(localparts::of(tx, session.user)?.ok_or(Refusal::NoSession)?)
            })
            .await
    }

    /// Returns whether a token belonged to a device and has ended only because it expired.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn has_expired(&self, token: &str) -> Result<bool, ServiceError> {
        let (hash, now) = (Token::hash_of(token), self.store.now());
        self.store
            .read(move |view| Ok(localparts::has_expired(view, &hash, now)?))
            .await
    }

    /// Returns the device of a session, and its user.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn device_of(
        &self,
        user: &SignedIn,
    ) -> Result<(Option<String>, Named), ServiceError> {
        let session = user.session;
        self.store
            .read(move |view| {
                let device = localparts::device(view, session.id)?;
                let named = localparts::of(view, session.user)?.ok_or(Refusal::NoSession)?;
                Ok((device, named))
            })
            .await
    }

    /// Returns the user with a Matrix name, including users whose account is deleted.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn named(&self, localpart: String) -> Result<Option<Named>, ServiceError> {
        self.store
            .read(move |view| Ok(localparts::find(view, &localpart)?))
            .await
    }

    /// Returns the login that a typed text means: the login itself if it exists, otherwise that of a
    /// Matrix name.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn login_behind(&self, typed: String) -> Result<String, ServiceError> {
        self.store
            .read(move |view| {
                if users::by_login(view, &typed)?.is_some() {
                    return Ok(typed);
                }
                let found = localparts::find(view, &typed.to_lowercase())?;
                let found = found.filter(|named| !named.is_deleted);
                Ok(found.map_or(typed, |named| named.login))
            })
            .await
    }

    /// Returns the login of a Matrix name; for an unknown name, a login that nobody has.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn login_of(&self, localpart: String) -> Result<String, ServiceError> {
        let found = self.named(localpart.clone()).await?;
        let found = found.filter(|named| !named.is_deleted);
        Ok(found.map_or_else(|| format!("@{localpart}"), |named| named.login))
    }

    /// Fails for a name that is not available.
    ///
    /// # Errors
    /// [`Refusal::BadLogin`]; [`Refusal::LoginTaken`].
    pub async fn require_free_name(&self, name: String) -> Result<(), ServiceError> {
        let login = Login::new(&name)?;
        self.store
            .read(move |view| {
                names::require_free(view, &login)?;
                if users::is_localpart_taken(view, &name)? {
                    return Err(Refusal::LoginTaken.into());
                }
                Ok(())
            })
            .await
    }

    /// Returns whether an invitation is valid. Invalid ones are counted as guesses.
    ///
    /// # Errors
    /// [`Refusal::Throttled`].
    pub async fn is_good_code(&self, code: &str, client: &Client) -> Result<bool, ServiceError> {
        let (hash, now) = (InviteCode::hash_of(code), self.store.now());
        let found = self
            .store
            .read(move |view| Ok::<_, ServiceError>(invitations::find(view, &hash, now)?))
            .await?;
        let is_good = found.is_some_and(|found| found.holds);
        if !is_good {
            self.guesses
                .missed_code(client.neighbourhood, Instant::now())?;
        }
        Ok(is_good)
    }

    /// Stores a filter, and returns its id.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn add_filter(
        &self,
        user: &SignedIn,
        definition: String,
    ) -> Result<i64, ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                Ok(room_names::add_filter(tx, user.user(), &definition)?)
            })
            .await
    }

    /// Returns a filter of the caller.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn filter(&self, user: &SignedIn, id: i64) -> Result<Option<String>, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| Ok(room_names::filter(view, user, id)?))
            .await
    }

    /// Returns the room with an alias.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn room_named(&self, alias: String) -> Result<PublicId, ServiceError> {
        self.store
            .read(move |view| {
                let found = room_names::room_of(view, &alias)?;
                Ok(found.ok_or(Refusal::NotFound(Thing::Flow))?)
            })
            .await
    }
}
