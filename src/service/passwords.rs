//! Checking passwords, with the brake on guessing.
//!
//! What belongs here: who may try, and what a right password proves. What does not: hashing (see
//! `hashing`) and what is done with the proof.

use std::sync::PoisonError;
use std::time::Instant;

use super::{Client, Refusal, Service, ServiceError};
use crate::auth::Password;
use crate::model::{Login, PublicId, UserId};
use crate::store::View;
use crate::store::credentials::{self, Credentials};

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
    /// unknown login and a wrong password are all the same, in the same time.
    pub(super) async fn check_password(
        &self,
        login: &str,
        password: Password,
        client: &Client,
    ) -> Result<Proof, ServiceError> {
        let key = Login::key_of(login);
        self.brake(&key, &client.throttle_key)?;
        let wanted = login.to_owned();
        let found = self
            .store
            .read(move |view| credentials::of_login(view, &wanted).map_err(ServiceError::from))
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
                Ok(Proof(found))
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
}
