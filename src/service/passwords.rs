//! Verification of passwords, and the proof that results.
//!
//! What does not belong here: how often a user may try (see `guesses`), hashing (see `hashing`), and the
//! use of the proof.

use std::time::Instant;

use super::guesses::Place;
use super::hashing::Asker;
use super::{Client, Refusal, Service, ServiceError};
use crate::auth::Password;
use crate::model::{Login, PublicId, SessionId, UserId};
use crate::store::credentials::{self, Credentials};
use crate::store::{View, sessions};

/// The proof that a correct password was sent. While it was checked, it may have been replaced, or the
/// account suspended or deleted: [`require`](Self::require) checks this again, inside the transaction
/// that writes what the proof permits.
#[derive(Debug)]
pub(super) struct Proof(Credentials);

impl Proof {
    /// Returns the user of the password.
    pub(super) fn user(&self) -> UserId {
        self.0.user
    }

    /// Returns the public id of the user.
    pub(super) fn uuid(&self) -> PublicId {
        self.0.uuid
    }

    /// Fails if the account has another password by now, or may not be used.
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
    /// Checks a login and password, with the throttle for guessing. A suspended or deleted account, an
    /// unknown login and a wrong password have the same result, in the same time. `session` is the
    /// session that already uses the account, if there is one.
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
        // The password of a suspended account is compared with nothing, like that of an unknown login.
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

/// Returns whose share of the hashing queue a request uses. The address of this machine has none.
pub(super) fn askers(account: Option<&str>, client: &Client) -> Vec<Asker> {
    let account = account.map(|key| Asker::Account(key.to_owned()));
    let address = client.neighbourhood;
    let address = (!address.is_this_machine()).then_some(Asker::Address(address));
    account.into_iter().chain(address).collect()
}
