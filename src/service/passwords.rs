//! Checking passwords, and what a right one proves.
//!
//! What does not belong here: how often somebody may try (see `guesses`), hashing (see `hashing`), and
//! what is done with the proof.

use std::time::Instant;

use super::guesses::Place;
use super::hashing::Asker;
use super::{Client, Refusal, Service, ServiceError};
use crate::auth::Password;
use crate::model::{Login, PublicId, SessionId, UserId};
use crate::store::credentials::{self, Credentials};
use crate::store::{View, sessions};

/// A right password was shown. While it was checked it may have been replaced, or the account
/// suspended or deleted: [`require`](Self::require) asks again, inside the transaction that writes
/// what the proof permits.
#[derive(Debug)]
pub(super) struct Proof(Credentials);

impl Proof {
    /// Whose password it is.
    pub(super) fn user(&self) -> UserId {
        self.0.user
    }

    /// Whose it is, as clients know.
    pub(super) fn uuid(&self) -> PublicId {
        self.0.uuid
    }

    /// Fails when the password is no longer the account's, or the account may not be used.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`].
    pub(super) fn require(&self, view: &View<'_>) -> Result<(), ServiceError> {
        if credentials::hold(view, &self.0)? {
            Ok(())
        } else {
            Err(Refusal::BadCredentials.into())
        }
    }
}

impl Service {
    /// Checks a login and password, with the brake on guessing. A suspended or deleted account, an
    /// unknown login and a wrong password are all the same, in the same time. `session` is by which
    /// the account is in use already, if it is.
    pub(super) async fn check_password(
        &self,
        login: &str,
        password: Password,
        client: &Client,
        session: Option<SessionId>,
    ) -> Result<Proof, ServiceError> {
        let key = Login::key_of(login);
        let (wanted, address) = (login.to_owned(), client.address.clone());
        let found = self
            .store
            .read(move |view| {
                let found = credentials::of_login(view, &wanted)?;
                let known = match (&found, address) {
                    (Some(found), Some(address)) => {
                        sessions::has_address(view, found.user, &address)?
                    }
                    _ => false,
                };
                Ok::<_, ServiceError>((found, known))
            })
            .await?;
        let (found, is_known) = found;
        let place = match session {
            Some(session) => Place::Session(session),
            None if is_known => Place::Known(client.neighbourhood),
            None => Place::Strange(client.neighbourhood),
        };
        let askers = askers(Some(&key), client);
        let attempt = self.guesses.begin(key, place, Instant::now())?;
        // A suspended account's password is compared with nothing, like that of none.
        let open = found.as_ref().filter(|found| !found.is_suspended);
        let hash = open.and_then(|found| found.password_hash.clone());
        match self.hasher.verify(password, hash, askers).await {
            Ok(matches) => match found {
                Some(found) if matches => {
                    self.guesses.was_right(&attempt);
                    Ok(Proof(found))
                }
                _ => Err(Refusal::BadCredentials.into()),
            },
            Err(err) => {
                self.guesses.was_none(&attempt);
                Err(err)
            }
        }
    }
}

/// Whose part of the queue for hashing a request takes. This machine's own address has none.
pub(super) fn askers(account: Option<&str>, client: &Client) -> Vec<Asker> {
    let account = account.map(|key| Asker::Account(key.to_owned()));
    let address = client.neighbourhood;
    let address = (!address.is_this_machine()).then_some(Asker::Address(address));
    account.into_iter().chain(address).collect()
}
