//! Who is who in Matrix: names, devices, stored filters.

use std::time::Instant;

use crate::auth::{InviteCode, Token};
use crate::model::{Login, PublicId, UserId};
use crate::service::{Client, Refusal, Service, ServiceError, SignedIn, Thing, names};
use crate::store::localparts::{self, Named};
use crate::store::{invitations, properties, room_names, sessions, users};

/// A device of Matrix that has just signed in.
#[derive(Debug)]
pub struct Device {
    /// What the client, or the server, calls it.
    pub id: String,
    /// What people call it.
    pub label: Option<String>,
    /// Whether its token ends soon, and is renewed.
    pub renews: bool,
}

/// What came of another name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renamed {
    /// The user has it.
    Done,
    /// Somebody else has it, or had it.
    Taken,
    /// The user is known by the present one already.
    Settled,
}

impl Service {
    /// Gives a user another name in Matrix, which is `a-z0-9._=-/+`. It stays after the first sign-in
    /// by Matrix.
    ///
    /// # Errors
    /// The file cannot be written.
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

    /// Makes a session that has just been opened a device of Matrix. What was that device before ends.
    ///
    /// # Errors
    /// [`Refusal::NoSession`]; the file cannot be written.
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

    /// Whether a token was a device's, and has ended by nothing but time.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn has_expired(&self, token: &str) -> Result<bool, ServiceError> {
        let (hash, now) = (Token::hash_of(token), self.store.now());
        self.store
            .read(move |view| Ok(localparts::has_expired(view, &hash, now)?))
            .await
    }

    /// The device that a session is, and whose.
    ///
    /// # Errors
    /// The file cannot be read.
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

    /// Who has a name in Matrix, also of somebody whose account is deleted.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn named(&self, localpart: String) -> Result<Option<Named>, ServiceError> {
        self.store
            .read(move |view| Ok(localparts::find(view, &localpart)?))
            .await
    }

    /// Who signs in by what was typed: the login where there is one, else a name in Matrix.
    ///
    /// # Errors
    /// The file cannot be read.
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

    /// Who signs in by a name in Matrix; nobody has the login that is returned for an unknown one.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn login_of(&self, localpart: String) -> Result<String, ServiceError> {
        let found = self.named(localpart.clone()).await?;
        let found = found.filter(|named| !named.is_deleted);
        Ok(found.map_or_else(|| format!("@{localpart}"), |named| named.login))
    }

    /// Fails for a name that cannot be had any more.
    ///
    /// # Errors
    /// [`Refusal::BadLogin`]; [`Refusal::LoginTaken`].
    pub async fn require_free_name(&self, name: String) -> Result<(), ServiceError> {
        let login = Login::new(&name)?;
        self.store
            .read(move |view| {
                names::require_free(view, &login)?;
                match localparts::find(view, &name)? {
                    Some(_) => Err(Refusal::LoginTaken.into()),
                    None => Ok(()),
                }
            })
            .await
    }

    /// Whether an invitation is good. Wrong ones are counted as guesses.
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
    /// The file cannot be written.
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

    /// A filter of the caller's.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn filter(&self, user: &SignedIn, id: i64) -> Result<Option<String>, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| Ok(room_names::filter(view, user, id)?))
            .await
    }

    /// The room that a name means.
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
