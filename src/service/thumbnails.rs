//! Thumbnails of a new message: small pictures that the sender's client has made and uploaded.

use std::collections::HashMap;

use super::{Refusal, ServiceError, UploadPlace};
use crate::model::{FileId, PublicId, UserId};
use crate::store::shelf::{self, Ready};
use crate::store::{StoreError, Tx, files, uploads};

/// Maximum size of a thumbnail in bytes; a larger one is left out.
pub(super) const MAX_BYTES: i64 = 128 * 1024;

/// The media types of thumbnails.
const TYPES: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];

/// A thumbnail that a request names: the upload, width and height in pixels.
pub type SentThumbnail = (PublicId, Option<i64>, Option<i64>);

/// A thumbnail as it is stored: its content, width and height in pixels.
type Resolved = (FileId, Option<i64>, Option<i64>);

/// Resolves a thumbnail that a request names to its content; `None`: it is no small picture, and left out.
///
/// # Errors
/// [`Refusal::NoUpload`].
pub(super) fn resolve(
    tx: &Tx<'_>,
    user: UserId,
    (id, width, height): SentThumbnail,
    cleaned: &HashMap<PublicId, Ready>,
    place: UploadPlace,
) -> Result<Option<Resolved>, ServiceError> {
    let (found, _) = complete(tx, id, user)?.ok_or(Refusal::NoUpload { place })?;
    let (size, kind) = files::size_and_type(tx, found)?;
    let is_picture = kind.is_some_and(|kind| TYPES.contains(&kind.as_str()));
    if !is_picture || size > MAX_BYTES {
        return Ok(None);
    }
    let content = match cleaned.get(&id) {
        Some(ready) => shelf::keep(tx, ready, Some(user))?,
        None => found,
    };
    uploads::show(tx, id)?;
    Ok(Some((content, width, height)))
}

/// Returns the content of a complete upload of a user, and its name.
pub(super) fn complete(
    view: &Tx<'_>,
    id: PublicId,
    user: UserId,
) -> Result<Option<(FileId, Option<String>)>, StoreError> {
    let found = uploads::find(view, id, user, view.now())?;
    Ok(found.and_then(|upload| Some((upload.file?, upload.name))))
}
