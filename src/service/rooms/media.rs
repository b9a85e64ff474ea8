//! Files as Matrix sends and fetches them.

use super::draft::{RoomDraft, RoomFile};
use crate::model::PublicId;
use crate::service::sent_files::{SentFile, Source};
use crate::service::uploads::require_quota;
use crate::service::{
    NewUpload, Reader, Refusal, Service, ServiceError, SignedIn, Thing, UploadError,
};
use crate::store::room_media::{self, Media, NewMedia};
use crate::store::{Tx, sessions, uploads};

impl Service {
    /// Finds a file by its Matrix id; without a reader, for anonymous requests.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::NoSession`].
    pub async fn find_media(
        &self,
        reader: Option<Reader>,
        id: PublicId,
    ) -> Result<Media, ServiceError> {
        let now = self.store.now();
        self.store
            .read(move |view| {
                if let Some(reader) = reader
                    && !sessions::is_valid(view, reader.session, now)?
                {
                    return Err(Refusal::NoSession.into());
                }
                let found = room_media::find(view, id, reader.map(|it| it.user), now)?;
                Ok(found.ok_or(Refusal::NotFound(Thing::File))?)
            })
            .await
    }

    /// Returns the thumbnail that was sent with a file, if there is one.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn media_thumbnail(
        &self,
        reader: Option<Reader>,
        id: PublicId,
    ) -> Result<Option<PublicId>, ServiceError> {
        let user = reader.map(|it| it.user);
        self.store
            .read(move |view| Ok(room_media::thumbnail(view, id, user)?))
            .await
    }

    /// Sets the size of an upload for which only an id was created before.
    ///
    /// # Errors
    /// [`UploadError::NotFound`]; [`UploadError::Shown`] if its content exists already;
    /// [`UploadError::Locked`] for an upload of another user; [`UploadError::TooLarge`],
    /// [`UploadError::Quota`], [`UploadError::NoRoom`].
    pub async fn measure_upload(
        &self,
        user: &SignedIn,
        id: PublicId,
        new: NewUpload,
    ) -> Result<(), UploadError> {
        let limits = self.limits().files;
        if new.length > limits.max_size {
            let limit = limits.max_size;
            return Err(UploadError::TooLarge { limit });
        }
        self.require_room(new.length)?;
        let user = *user;
        self.write_upload(move |tx| {
            user.require(tx)?;
            let (owner, is_there) = room_media::owner(tx, id)?.ok_or(UploadError::NotFound)?;
            if owner != user.user() {
                return Err(UploadError::Locked);
            }
            if is_there {
                return Err(UploadError::Shown);
            }
            uploads::find(tx, id, owner, tx.now())?.ok_or(UploadError::NotFound)?;
            require_quota(tx, owner, new.length, limits.user_quota)?;
            let said = (new.name.as_deref(), new.media_type.as_deref());
            room_media::measure(tx, id, new.length, said)?;
            Ok(())
        })
        .await
    }

    /// Returns the file of a draft as a message shows it. If it does not exist, the message says so in
    /// its text.
    pub(super) async fn sent_with(
        &self,
        user: &SignedIn,
        draft: &mut RoomDraft,
    ) -> Result<Option<Vec<SentFile>>, ServiceError> {
        let Some(file) = &mut draft.file else {
            return Ok(None);
        };
        let (media, thumbnail) = (file.media, file.thumbnail.map(|(id, _, _)| id));
        let (asker, now) = (user.user(), self.store.now());
        let (found, has_thumbnail) = self
            .store
            .read(move |view| {
                let own = |id| uploads::find(view, id, asker, now);
                let has_own = own(media)?.is_some_and(|upload| upload.file.is_some());
                let source = if has_own {
                    Some(Source::Upload(media))
                } else {
                    let found = room_media::content(view, media, asker, now)?;
                    found.map(|_| Source::Media(media))
                };
                let thumbnail = match thumbnail {
                    Some(id) => own(id)?.is_some_and(|upload| upload.file.is_some()),
                    None => false,
                };
                Ok::<_, ServiceError>((source, thumbnail))
            })
            .await?;
        if !has_thumbnail {
            file.thumbnail = None;
        }
        let Some(source) = found else {
            draft.text = Some(file.otherwise.clone());
            draft.file = None;
            return Ok(None);
        };
        Ok(Some(vec![SentFile {
            source,
            kind: file.kind,
            look: file.look.clone(),
            thumbnail: file.thumbnail,
        }]))
    }
}

/// Records the Matrix ids of a message's file.
pub(in crate::service) fn name_file(
    tx: &Tx<'_>,
    message: crate::model::MessageId,
    file: &RoomFile,
) -> Result<(), ServiceError> {
    let new = NewMedia {
        media: file.media,
        thumbnail: file.thumbnail.map(|(id, _, _)| id),
        media_type: file.media_type.as_deref(),
    };
    Ok(room_media::name(tx, message, new)?)
}
