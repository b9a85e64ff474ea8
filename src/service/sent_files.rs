//! The files of a new message: from what a request names to what the message shows.
//!
//! Slow work (writing large content, removing metadata from pictures) is done before the transaction, and
//! undone if the transaction fails; permissions and limits are checked inside it.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::Arc;

use super::cleaning::{self, Cleaned, Part, Summed};
use super::thumbnails::{self, SentThumbnail, complete};
use super::uploads::{UploadError, require_quota};
use super::{Field, Limits, Refusal, Service, ServiceError, UploadPlace};
use crate::model::{
    Attachment, Content, Encoding, Event, Form, Kind, Look, Message, MessageId, News, PublicId,
    UserId, media_type,
};
use crate::store::attachments::{self, Brought, NewFile};
use crate::store::files::Opened;
use crate::store::folder::Folder;
use crate::store::shelf::{self, Place, Ready};
use crate::store::{StoreError, Tx, View, files, messages, room_media, uploads};

/// A file that a request names.
#[derive(Debug, Clone)]
pub struct SentFile {
    /// The upload, or a file that the message already shows.
    pub source: Source,
    /// How it is shown.
    pub kind: Kind,
    /// What its sender says about it.
    pub look: Look,
    /// Its thumbnail.
    pub thumbnail: Option<SentThumbnail>,
}

/// The location of a file that a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An upload of the sender.
    Upload(PublicId),
    /// A file of the message, by its public id.
    Shown(PublicId),
    /// A file that the sender may read, by its Matrix id.
    Media(PublicId),
}

/// Files that were written for a message that does not exist yet.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    /// Files that were sent with the message.
    pub(super) brought: Vec<Brought>,
    /// Uploads that were cleaned.
    pub(super) cleaned: HashMap<PublicId, Ready>,
    /// Files without an upload, and their names.
    pub(super) contents: Vec<(Ready, Option<String>)>,
}

impl Prepared {
    /// Returns the files of the folder that nothing references yet.
    fn names(&self) -> Vec<PublicId> {
        let brought = self.brought.iter().filter_map(|it| it.ready.as_ref());
        brought
            .chain(self.cleaned.values())
            .chain(self.contents.iter().map(|(ready, _)| ready))
            .filter_map(|ready| match ready.place {
                Place::Folder(name) => Some(name),
                Place::Memory(_) => None,
            })
            .collect()
    }
}

impl Service {
    /// Writes files that came with a message and are too large for the database into the folder, and
    /// cleans the pictures that the message names: its files, and the thumbnail of its preview.
    pub(super) async fn prepare_files(
        &self,
        user: UserId,
        came: Vec<Attachment>,
        sent: &[SentFile],
        of_preview: Option<SentThumbnail>,
    ) -> Result<Prepared, ServiceError> {
        let inline = self.limits().files.inline;
        let usual = inline.min(files::INLINE);
        let is_large = |file: &Attachment| file.content.bytes.len() > usual;
        let mut prepared = Prepared::default();
        if came.iter().any(is_large) {
            // The same rule as for uploads: the reserved disk space is for messages.
            let bytes = came.iter().map(|file| file.content.bytes.len() as u64);
            self.require_room(bytes.sum()).map_err(|err| match err {
                UploadError::Failed(err) => err,
                err => StoreError::Unwritable(err.to_string()).into(),
            })?;
            let folder = self.store.folder().clone();
            let work = move || -> Result<Vec<Brought>, StoreError> {
                let mut brought = Vec::with_capacity(came.len());
                for attachment in came {
                    let mut ready = files::ready(&attachment.content);
                    if attachment.content.bytes.len() > inline {
                        let name = folder.put(&mut &attachment.content.bytes[..])?;
                        ready.place = Place::Folder(name);
                    }
                    brought.push(Brought {
                        attachment,
                        ready: Some(ready),
                    });
                }
                Ok(brought)
            };
            let done = tokio::task::spawn_blocking(work).await;
            prepared.brought = done.unwrap_or(Err(StoreError::Panicked)).map_err(full)?;
        } else {
            prepared.brought = came.into_iter().map(Brought::from).collect();
        }
        let of_preview = of_preview.map(small);
        for (id, most) in sent.iter().flat_map(pictures).chain(of_preview) {
            if !prepared.cleaned.contains_key(&id)
                && let Some(ready) = self.clean(user, id, most, inline).await?
            {
                prepared.cleaned.insert(id, ready);
            }
        }
        Ok(prepared)
    }

    /// Writes files without an upload into the folder if they are too large for the database. Pictures
    /// are cleaned of metadata about where they were made.
    pub(super) async fn prepare_contents(
        &self,
        contents: Vec<(Content, Option<String>)>,
    ) -> Result<Prepared, ServiceError> {
        let inline = self.limits().files.inline;
        let mut prepared = Prepared::default();
        for (mut content, name) in contents {
            let folder = self.store.folder().clone();
            let room = if content.bytes.len() > inline {
                self.require_room(content.bytes.len() as u64)
            } else {
                Ok(())
            };
            let work = move || -> Result<Ready, StoreError> {
                let kind = media_type(&content.bytes).unwrap_or_default();
                if let Some(clean) = cleaning::whole(&content.bytes, kind) {
                    content.bytes = clean;
                }
                let mut ready = files::ready(&content);
                if content.bytes.len() > inline {
                    ready.place = Place::Folder(folder.put(&mut &content.bytes[..])?);
                }
                Ok(ready)
            };
            let done = match room {
                Ok(()) => {
                    let done = tokio::task::spawn_blocking(work).await;
                    done.unwrap_or(Err(StoreError::Panicked)).map_err(full)
                }
                Err(UploadError::Failed(err)) => Err(err),
                Err(err) => Err(StoreError::Unwritable(err.to_string()).into()),
            };
            match done {
                Ok(ready) => prepared.contents.push((ready, name)),
                Err(err) => {
                    self.give_up_files(prepared.names()).await;
                    return Err(err);
                }
            }
        }
        Ok(prepared)
    }

    /// Returns an uploaded picture without metadata about where it was made; `None`: there is nothing to
    /// remove, or no such upload.
    async fn clean(
        &self,
        user: UserId,
        upload: PublicId,
        most: u64,
        inline: usize,
    ) -> Result<Option<Ready>, ServiceError> {
        let now = self.store.now();
        let found = self.store.read(move |view| {
            let upload = uploads::find(view, upload, user, now)?;
            match upload.and_then(|upload| upload.file) {
                Some(file) => files::opened(view, file),
                None => Ok(None),
            }
        });
        let Some(found) = found
            .await
            .map_err(|err: StoreError| ServiceError::from(err))?
            .filter(|found| found.size <= most)
        else {
            return Ok(None);
        };
        let folder = self.store.folder().clone();
        let work = move || cleaned(found, &folder, inline);
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or(Err(StoreError::Panicked)).map_err(full)
    }

    /// Removes files that were written for a message that was not created.
    pub(super) async fn give_up_files(&self, names: Vec<PublicId>) {
        if names.is_empty() {
            return;
        }
        let folder = self.store.folder().clone();
        let overwrite = self.limits().files.overwrite;
        let work = move || {
            for name in names {
                if let Err(err) = folder.remove(name, overwrite) {
                    log::warn!("a file that is not needed stays until the next start: {err}");
                }
            }
        };
        if tokio::task::spawn_blocking(work).await.is_err() {
            log::error!("removing files panicked");
        }
    }

    /// Runs a write that uses the prepared files; if it does not, they are removed.
    pub(super) async fn write_prepared<T: Send + 'static>(
        &self,
        prepared: Prepared,
        work: impl FnOnce(&Tx<'_>, Prepared) -> Result<(T, bool), ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let names = prepared.names();
        let written = self.store.write(move |tx| work(tx, prepared)).await;
        let is_taken = matches!(written, Ok((_, true)));
        if !is_taken {
            self.give_up_files(names).await;
        }
        written.map(|(value, _)| value)
    }
}

impl Service {
    /// Loads the files of a message before it is announced, if any client knows no other way to get them.
    /// Returns whether it can be announced.
    pub(super) async fn load_files(&self, event: &mut Event) -> bool {
        let News::Message(message) = &mut event.news else {
            return true;
        };
        let is_whole = message.shown.is_empty() || !message.files.is_empty();
        if is_whole || !self.hub.is_heard_in(Form::Plain) {
            return true;
        }
        let max_bytes = self.limits().files_bytes;
        let mut whole = Message::clone(message);
        let read = self.store.read(move |view| {
            messages::load_files(view, &mut whole, max_bytes)?;
            Ok::<_, ServiceError>(whole)
        });
        match read.await {
            Ok(whole) => {
                *message = Arc::new(whole);
                true
            }
            Err(err) => {
                log::warn!("reading the files of a message failed: {err}");
                false
            }
        }
    }
}

/// Returns whether a file is shown as a picture, which must not contain metadata.
fn is_cleaned(kind: Kind) -> bool {
    matches!(kind, Kind::Picture | Kind::Sticker)
}

/// Returns the uploads of a file that are shown as pictures (the file itself and its thumbnail), and
/// their maximum size.
fn pictures(file: &SentFile) -> impl Iterator<Item = (PublicId, u64)> {
    let itself = match file.source {
        Source::Upload(id) if is_cleaned(file.kind) => Some((id, u64::MAX)),
        _ => None,
    };
    itself.into_iter().chain(file.thumbnail.map(small))
}

/// Returns the upload of a thumbnail, and its maximum size: a larger one is left out of the message, and the
/// file written for it would remain.
fn small((id, _, _): SentThumbnail) -> (PublicId, u64) {
    (id, thumbnails::MAX_BYTES.unsigned_abs())
}

/// Removes metadata about where a picture was made.
fn cleaned(picture: Opened, folder: &Folder, inline: usize) -> Result<Option<Ready>, StoreError> {
    let Opened {
        mut content,
        size,
        media_type,
    } = picture;
    let Some(media_type) = media_type else {
        return Ok(None);
    };
    let unreadable = |source| StoreError::File {
        path: folder.path().to_owned(),
        source,
    };
    let parts = cleaning::parts(&mut content, &media_type, size).map_err(unreadable)?;
    let Some(parts) = parts else { return Ok(None) };
    let size = parts.iter().map(Part::size).sum();
    let mut reader = Summed::new(Cleaned::new(content, parts));
    let place = if size <= inline as u64 {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(unreadable)?;
        Place::Memory(bytes.into())
    } else {
        Place::Folder(folder.put(&mut reader)?)
    };
    Ok(Some(Ready {
        sha256: reader.sum(),
        size,
        media_type: crate::model::known_media_type(&media_type),
        place,
    }))
}

/// Converts the error of a full disk into one that says so.
fn full(err: StoreError) -> ServiceError {
    if err.is_full_disk() {
        return StoreError::Unwritable(err.to_string()).into();
    }
    err.into()
}

/// Resolves the files that a request names to the files that a message shows.
///
/// # Errors
/// [`Refusal::NoUpload`]; [`Refusal::QuotaExceeded`], [`Refusal::TooManyFiles`].
pub(super) fn resolve(
    tx: &Tx<'_>,
    user: UserId,
    sent: &[SentFile],
    prepared: &Prepared,
    message: Option<MessageId>,
) -> Result<Vec<Result<PublicId, NewFile>>, ServiceError> {
    let mut resolved = Vec::with_capacity(sent.len());
    for (index, file) in sent.iter().enumerate() {
        let refused = |place| ServiceError::from(Refusal::NoUpload { place });
        let missing = || refused(UploadPlace::File(index));
        let (upload, content, name) = match (file.source, message) {
            (Source::Upload(id), _) => {
                let (content, name) = complete(tx, id, user)?.ok_or_else(missing)?;
                uploads::show(tx, id)?;
                (id, content, name)
            }
            (Source::Media(id), _) => {
                let found = room_media::content(tx, id, user, tx.now())?;
                let (content, name) = found.ok_or_else(missing)?;
                (id, content, name)
            }
            (Source::Shown(id), Some(message)) if attachments::has(tx, message, id)? => {
                resolved.push(Ok(id));
                continue;
            }
            (Source::Shown(_), _) => return Err(refused(UploadPlace::Shown(index))),
        };
        let cleaned = prepared.cleaned.get(&upload);
        let content = match cleaned.filter(|_| is_cleaned(file.kind)) {
            Some(ready) => shelf::keep(tx, ready, Some(user))?,
            None => content,
        };
        let thumbnail = match file.thumbnail {
            Some(small) => thumbnails::resolve(
                tx,
                user,
                small,
                &prepared.cleaned,
                UploadPlace::Thumbnail(index),
            )?,
            None => None,
        };
        let mut look = file.look.clone();
        look.name = look.name.or(name);
        resolved.push(Err(NewFile {
            kind: file.kind,
            file: content,
            look,
            thumbnail,
        }));
    }
    Ok(resolved)
}

/// Fails if the new files of a message would exceed the limit of an account. Uploads that are shown for
/// the first time count as new.
///
/// # Errors
/// [`Refusal::QuotaExceeded`].
pub(super) fn check_quota(
    tx: &Tx<'_>,
    user: UserId,
    prepared: &Prepared,
    shown: &[Result<PublicId, NewFile>],
    limits: &Limits,
) -> Result<(), ServiceError> {
    let came: u64 = prepared.brought.iter().map(Brought::size).sum();
    let more = came + size_of(tx, shown)?;
    require_so_many(tx, user, more, limits.files.user_quota)
}

/// Fails if the files without an upload would exceed the limit of a bot.
///
/// # Errors
/// [`Refusal::QuotaExceeded`].
pub(super) fn check_quota_of(
    tx: &Tx<'_>,
    bot: UserId,
    prepared: &Prepared,
    configured: u64,
) -> Result<(), ServiceError> {
    let more = prepared.contents.iter().map(|(ready, _)| ready.size).sum();
    require_so_many(tx, bot, more, configured)
}

fn require_so_many(
    tx: &Tx<'_>,
    user: UserId,
    more: u64,
    configured: u64,
) -> Result<(), ServiceError> {
    if more == 0 {
        return Ok(());
    }
    match require_quota(tx, user, more, configured) {
        Ok(()) => Ok(()),
        Err(UploadError::Quota { limit, used }) => {
            Err(Refusal::QuotaExceeded { limit, used }.into())
        }
        Err(UploadError::Failed(err)) => Err(err),
        Err(other) => Err(StoreError::Unwritable(other.to_string()).into()),
    }
}

/// Returns the content of a picture that a user has uploaded, if it is not too large.
///
/// # Errors
/// [`Refusal::NoUpload`]; [`Refusal::TooLarge`]; [`Refusal::NotPicture`].
pub(super) fn picture(
    tx: &Tx<'_>,
    user: UserId,
    upload: PublicId,
    place: UploadPlace,
    (what, limit): (Field, usize),
) -> Result<Content, ServiceError> {
    let (file, _) = complete(tx, upload, user)?.ok_or(Refusal::NoUpload { place })?;
    let (size, kind) = files::size_and_type(tx, file)?;
    if usize::try_from(size).unwrap_or(usize::MAX) > limit {
        return Err(Refusal::TooLarge { what, limit }.into());
    }
    if !kind.as_ref().is_some_and(|kind| kind.starts_with("image/")) {
        return Err(Refusal::NotPicture.into());
    }
    let bytes = files::bytes(tx, file)?.ok_or(Refusal::NoUpload { place })?;
    let bytes = cleaning::whole(&bytes, kind.as_deref().unwrap_or_default()).unwrap_or(bytes);
    uploads::show(tx, upload)?;
    Ok(Content {
        bytes,
        encoding: Encoding::Base64,
    })
}

/// Returns the number of bytes of the new files of a message.
fn size_of(view: &View<'_>, files: &[Result<PublicId, NewFile>]) -> Result<u64, StoreError> {
    let mut sum = 0;
    for file in files.iter().filter_map(|file| file.as_ref().err()) {
        sum += files::size_and_type(view, file.file)?.0.unsigned_abs();
    }
    Ok(sum)
}
