//! Uploads: files that come in pieces, and can be resumed after any interruption.
//!
//! What belongs here: who may send how much, and the result. What does not: HTTP (see
//! [`crate::protocol`]), and how bytes get to the disk (see `intake`).

mod error;
mod intake;
mod running;
mod shown;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use super::{Service, SignedIn};
use crate::model::{PublicId, Timestamp, UserId};
use crate::store::uploads;
pub use crate::store::uploads::Upload;
use crate::store::{StoreError, Tx, accounts};

pub use error::UploadError;
pub use intake::Intake;
pub(super) use running::Running;
pub use writer::Progress;

/// Maximum number of unfinished uploads of one user.
const MAX_UNFINISHED: usize = 20;

/// Maximum length of a file name, in characters.
pub const MAX_NAME_CHARS: usize = 255;

/// The limits of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileLimits {
    /// Maximum size of a file, in bytes.
    pub max_size: u64,
    /// Limit of an account's files, in bytes; 0: no limit.
    pub user_quota: u64,
    /// Bytes of the disk that uploads must leave free.
    pub reserve: u64,
    /// Maximum size of files that are stored in the database, in bytes.
    pub inline: usize,
    /// How long an upload is kept that no message shows.
    pub unfinished: Duration,
    /// Maximum number of uploads that are received at the same time.
    pub uploads: usize,
    /// The same for one account.
    pub user_uploads: usize,
    /// Whether files are overwritten before they are removed.
    pub overwrite: bool,
}

/// A file that a user is about to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewUpload {
    /// Its size in bytes.
    pub length: u64,
    /// Its name.
    pub name: Option<String>,
    /// Its media type, according to the sender.
    pub media_type: Option<String>,
}

impl Service {
    /// Starts an upload, of which nothing is on the disk yet.
    ///
    /// # Errors
    /// [`UploadError::TooLarge`], [`UploadError::Quota`], [`UploadError::NoRoom`],
    /// [`UploadError::TooMany`].
    pub async fn begin_upload(
        &self,
        user: &SignedIn,
        new: NewUpload,
    ) -> Result<Upload, UploadError> {
        let limits = self.limits().files;
        if new.length > limits.max_size {
            let limit = limits.max_size;
            return Err(UploadError::TooLarge { limit });
        }
        self.require_room(new.length)?;
        let user = *user;
        self.write_upload(move |tx| {
            user.require(tx)?;
            let held = uploads::held(tx, user.user(), tx.now())?;
            let limit = MAX_UNFINISHED;
            if held.unfinished >= i64::try_from(limit).unwrap_or(i64::MAX) {
                return Err(UploadError::TooMany { limit });
            }
            require_quota(tx, user.user(), new.length, limits.user_quota)?;
            let upload = Upload {
                id: PublicId::random(),
                length: new.length,
                offset: 0,
                name: new.name,
                media_type: new.media_type,
                file: None,
                expires_at: tx.now().after(limits.unfinished),
            };
            uploads::insert(tx, user.user(), &upload)?;
            Ok(upload)
        })
        .await
    }

    /// Finds an upload of the caller.
    ///
    /// # Errors
    /// [`UploadError::NotFound`].
    pub async fn find_upload(&self, user: &SignedIn, id: PublicId) -> Result<Upload, UploadError> {
        let (user, now) = (user.user(), self.store.now());
        self.store
            .read(move |view| Ok::<_, Wrapped>(uploads::find(view, id, user, now)?))
            .await
            .map_err(|Wrapped(err)| err)?
            .ok_or(UploadError::NotFound)
    }

    /// Resumes an upload at its present offset.
    ///
    /// # Errors
    /// [`UploadError::NotFound`]; [`UploadError::Locked`] while it is being sent, which is stopped if it
    /// has been silent; [`UploadError::Offset`] for an offset other than the present one;
    /// [`UploadError::NoRoom`], [`UploadError::TooManyAtOnce`], [`UploadError::Crowded`].
    pub async fn resume_upload(
        self: &Arc<Self>,
        user: &SignedIn,
        id: PublicId,
        offset: u64,
    ) -> Result<Intake, UploadError> {
        // The owner is checked first: other users must learn nothing about it.
        self.find_upload(user, id).await?;
        let limits = self.limits().files;
        let turn = self
            .running
            .enter(id, user.user(), limits.uploads, limits.user_uploads)
            .await?;
        // Read again, now that no other request can change it.
        let upload = self.find_upload(user, id).await?;
        if upload.offset != offset || upload.file.is_some() && upload.missing() > 0 {
            return Err(UploadError::Offset(upload.offset));
        }
        if upload.file.is_some() {
            return Ok(Intake::of_complete(&upload));
        }
        self.require_room(upload.missing())?;
        Ok(Intake::start(Arc::clone(self), *user, upload, turn))
    }

    /// Removes an upload with its received bytes.
    ///
    /// # Errors
    /// [`UploadError::NotFound`], [`UploadError::Locked`]; [`UploadError::Shown`] if a message shows it.
    pub async fn remove_upload(&self, user: &SignedIn, id: PublicId) -> Result<(), UploadError> {
        self.find_upload(user, id).await?;
        let limits = self.limits().files;
        let turn = self
            .running
            .enter(id, user.user(), usize::MAX, usize::MAX)
            .await?;
        let user = *user;
        self.write_upload(move |tx| {
            user.require(tx)?;
            let user = user.user();
            uploads::find(tx, id, user, tx.now())?.ok_or(UploadError::NotFound)?;
            if uploads::is_shown(tx, id, user)? {
                return Err(UploadError::Shown);
            }
            Ok(uploads::remove(tx, id)?)
        })
        .await?;
        self.running.forget(id);
        let folder = self.store.folder().clone();
        let removed = tokio::task::spawn_blocking(move || folder.remove_part(id, limits.overwrite));
        if let Ok(Err(err)) = removed.await {
            log::warn!("what an upload has gathered stays until the next start: {err}");
        }
        drop(turn);
        self.wake_care();
        Ok(())
    }

    /// Fails if this number of bytes would leave too little free space on the disk.
    pub(super) fn require_room(&self, bytes: u64) -> Result<(), UploadError> {
        let limits = self.limits().files;
        match self.store.folder().free_bytes() {
            Some(free) if free.saturating_sub(bytes) < limits.reserve => Err(UploadError::NoRoom),
            _ => Ok(()),
        }
    }

    pub(super) async fn write_upload<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, UploadError> + Send + 'static,
    ) -> Result<T, UploadError> {
        let written = self.store.write(move |tx| work(tx).map_err(Wrapped));
        written.await.map_err(|Wrapped(err)| err)
    }
}

/// Wraps an error so that errors of the store convert to it, as the store requires.
struct Wrapped(UploadError);

impl From<StoreError> for Wrapped {
    fn from(err: StoreError) -> Self {
        Self(err.into())
    }
}

/// Fails if this number of additional bytes would exceed the limit of an account.
pub(super) fn require_quota(
    tx: &Tx<'_>,
    user: UserId,
    more: u64,
    configured: u64,
) -> Result<(), UploadError> {
    let Some(account) = accounts::of_files(tx, user)? else {
        return Ok(());
    };
    let limit = account.quota.map_or(configured, i64::unsigned_abs);
    if limit == 0 {
        return Ok(());
    }
    let held = uploads::held(tx, user, tx.now())?.bytes;
    let total = (account.used + held).max(0).unsigned_abs();
    if total.saturating_add(more) > limit {
        return Err(UploadError::Quota { limit, used: total });
    }
    Ok(())
}

/// Returns when an upload expires that was last changed at a time.
fn expiry(now: Timestamp, limits: &FileLimits) -> Timestamp {
    now.after(limits.unfinished)
}
