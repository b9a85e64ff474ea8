//! Devices, and the end of an account, for Matrix clients.

use crate::auth::Password;
use crate::model::{MessageId, PublicId};
use crate::service::{Client, Refusal, Service, ServiceError, SignedIn, Thing};
use crate::store::room_devices::{self, RoomDevice};
use crate::store::{messages, room_events};

/// Number of messages that are deleted in one write when an account ends.
const AT_ONCE: i64 = 100;

impl Service {
    /// Returns the devices of the caller.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn room_devices(&self, user: &SignedIn) -> Result<Vec<RoomDevice>, ServiceError> {
        let (user, now) = (user.user(), self.store.now());
        self.store
            .read(move |view| Ok(room_devices::of_user(view, user, now)?))
            .await
    }

    /// Renames a device of the caller.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn rename_device(
        &self,
        user: &SignedIn,
        id: String,
        label: String,
    ) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let all = room_devices::of_user(tx, user.user(), tx.now())?;
                let found = all.iter().find(|device| device.id == id);
                let found = found.ok_or(Refusal::NotFound(Thing::Session))?;
                Ok(room_devices::rename(tx, found.session, &label)?)
            })
            .await
    }

    /// Ends devices of the caller, which requires the password.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`].
    pub async fn end_devices(
        &self,
        user: &SignedIn,
        ids: Vec<String>,
        (login, password): (&str, Password),
        client: &Client,
    ) -> Result<(), ServiceError> {
        let session = Some(user.session.id);
        let proof = self
            .check_password(login, password, client, session)
            .await?;
        if proof.user() != user.user() {
            return Err(Refusal::BadCredentials.into());
        }
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                proof.require(tx)?;
                Ok(room_devices::end(tx, user.user(), &ids)?)
            })
            .await
    }

    /// Deletes all messages of the caller, which requires the password.
    ///
    /// # Errors
    /// [`Refusal::BadCredentials`].
    pub async fn take_all_back(
        &self,
        user: &SignedIn,
        (login, password): (&str, Password),
        client: &Client,
    ) -> Result<(), ServiceError> {
        let session = Some(user.session.id);
        let proof = self
            .check_password(login, password, client, session)
            .await?;
        if proof.user() != user.user() {
            return Err(Refusal::BadCredentials.into());
        }
        let user = *user;
        let mut after = MessageId(0);
        loop {
            let (asked, from) = (user.user(), (after, AT_ONCE));
            let left = self
                .store
                .read(move |view| {
                    Ok::<_, ServiceError>(room_events::messages_of(view, asked, from)?)
                })
                .await?;
            let Some((last, _)) = left.last() else {
                return Ok(());
            };
            after = *last;
            self.store
                .write(move |tx| {
                    user.require(tx)?;
                    delete_all(tx, &user, &left)
                })
                .await?;
        }
    }
}

fn delete_all(
    tx: &crate::store::Tx<'_>,
    user: &SignedIn,
    written: &[(MessageId, PublicId)],
) -> Result<(), ServiceError> {
    for (_, uuid) in written {
        if let Some(handle) = messages::handle(tx, *uuid, user.user())?
            && !handle.is_deleted
        {
            messages::delete(tx, &handle, user.by())?;
        }
    }
    Ok(())
}
