//! Uploads: files that are being received, and complete ones that nothing shows yet.

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{FileId, PublicId, Timestamp, UserId};

/// An upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The id by which its owner names it.
    pub id: PublicId,
    /// The announced size in bytes.
    pub length: u64,
    /// The number of bytes that are safely on the disk.
    pub offset: u64,
    /// The name that its owner gave it.
    pub name: Option<String>,
    /// The media type that its owner declared.
    pub media_type: Option<String>,
    /// Its content, once it is complete.
    pub file: Option<FileId>,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl Upload {
    /// Returns the number of bytes that are still missing.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.length.saturating_sub(self.offset)
    }
}

/// Starts an upload.
///
/// # Errors
/// The file cannot be written.
pub fn insert(tx: &Tx<'_>, user: UserId, new: &Upload) -> Result<(), StoreError> {
    tx.prepare(
        "INSERT INTO uploads (id, user_id, length, offset, name, type, touched_at, expires_at)
         VALUES (:id, :user, :length, 0, :name, :type, :now, :expires)",
    )?
    .execute(named_params! {
        ":id": new.id.to_bytes(),
        ":user": user.0,
        ":length": number(new.length),
        ":name": new.name,
        ":type": new.media_type,
        ":now": tx.now().0,
        ":expires": new.expires_at.0,
    })?;
    Ok(())
}

/// Finds an upload of a user that has not expired.
///
/// # Errors
/// The file cannot be read.
pub fn find(
    view: &View<'_>,
    id: PublicId,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Upload>, StoreError> {
    let mut statement = view.prepare(
        "SELECT id, length, offset, name, type, file_id, expires_at FROM uploads
         WHERE id = :id AND user_id = :user AND expires_at > :now",
    )?;
    let params = named_params! {":id": id.to_bytes(), ":user": user.0, ":now": now.0};
    Ok(statement.query_row(params, upload).optional()?)
}

fn upload(row: &Row<'_>) -> rusqlite::Result<Upload> {
    let length: i64 = row.get(1)?;
    let offset: i64 = row.get(2)?;
    Ok(Upload {
        id: PublicId::from_bytes(row.get(0)?),
        length: length.unsigned_abs(),
        offset: offset.unsigned_abs(),
        name: row.get(3)?,
        media_type: row.get(4)?,
        file: row.get::<_, Option<i64>>(5)?.map(FileId),
        expires_at: Timestamp(row.get(6)?),
    })
}

/// Records how many bytes of an upload are on the disk. Returns whether the upload still exists.
///
/// # Errors
/// The file cannot be written.
pub fn advance(
    tx: &Tx<'_>,
    id: PublicId,
    offset: u64,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = tx
        .prepare(
            "UPDATE uploads SET offset = :offset, touched_at = :now, expires_at = :expires
             WHERE id = :id AND file_id IS NULL",
        )?
        .execute(named_params! {
            ":id": id.to_bytes(),
            ":offset": number(offset),
            ":now": tx.now().0,
            ":expires": expires_at.0,
        })?;
    Ok(changed > 0)
}

/// Records that an upload is complete. Returns whether it still exists.
///
/// # Errors
/// The file cannot be written.
pub fn complete(
    tx: &Tx<'_>,
    id: PublicId,
    file: FileId,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = tx
        .prepare(
            "UPDATE uploads SET offset = length, file_id = :file, touched_at = :now, expires_at = :expires
             WHERE id = :id AND file_id IS NULL",
        )?
        .execute(named_params! {
            ":id": id.to_bytes(),
            ":file": file.0,
            ":now": tx.now().0,
            ":expires": expires_at.0,
        })?;
    Ok(changed > 0)
}

/// Records that something shows an upload, which from then on counts there.
///
/// # Errors
/// The file cannot be written.
pub fn show(tx: &Tx<'_>, id: PublicId) -> Result<(), StoreError> {
    tx.prepare("UPDATE uploads SET shown_at = :now WHERE id = :id AND shown_at IS NULL")?
        .execute(named_params! {":id": id.to_bytes(), ":now": tx.now().0})?;
    Ok(())
}

/// Returns whether a message of a user shows the content of an upload.
///
/// # Errors
/// The file cannot be read.
pub fn is_shown(view: &View<'_>, id: PublicId, user: UserId) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM uploads p WHERE p.id = :id AND p.shown_at IS NOT NULL AND EXISTS
            (SELECT 1 FROM attachments a JOIN messages m ON m.id = a.message_id
             WHERE a.file_id = p.file_id AND m.author_id = :user
             UNION ALL
             SELECT 1 FROM attachments a JOIN messages m ON m.id = a.message_id
             WHERE a.thumb_file_id = p.file_id AND m.author_id = :user
             UNION ALL
             SELECT 1 FROM preview_thumbnails v JOIN messages m ON m.id = v.message_id
             WHERE v.file_id = p.file_id AND m.author_id = :user)",
    )?;
    Ok(statement.exists(named_params! {":id": id.to_bytes(), ":user": user.0})?)
}

/// Removes an upload, but not its part in the folder.
///
/// # Errors
/// The file cannot be written.
pub fn remove(tx: &Tx<'_>, id: PublicId) -> Result<(), StoreError> {
    tx.scrub();
    tx.prepare("DELETE FROM uploads WHERE id = :id")?
        .execute(named_params! {":id": id.to_bytes()})?;
    Ok(())
}

/// Returns whether any upload has expired.
///
/// # Errors
/// The file cannot be read.
pub fn has_expired(view: &View<'_>, now: Timestamp) -> Result<bool, StoreError> {
    let mut statement = view.prepare("SELECT 1 FROM uploads WHERE expires_at <= :now")?;
    Ok(statement.exists(named_params! {":now": now.0})?)
}

/// Removes uploads that have expired, at most `limit`. Returns their ids.
///
/// # Errors
/// The file cannot be written.
pub fn expire(tx: &Tx<'_>, limit: i64) -> Result<Vec<PublicId>, StoreError> {
    let mut statement = tx.prepare(
        "SELECT id FROM uploads WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit",
    )?;
    let rows = statement.query_map(named_params! {":now": tx.now().0, ":limit": limit}, |row| {
        row.get(0).map(PublicId::from_bytes)
    })?;
    let expired = rows.collect::<Result<Vec<_>, _>>()?;
    for id in &expired {
        remove(tx, *id)?;
    }
    Ok(expired)
}

/// What a user has in uploads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// The number of unfinished uploads.
    pub unfinished: i64,
    /// The announced bytes of all uploads that nothing shows.
    pub bytes: i64,
}

/// Counts what a user has in uploads that have not expired.
///
/// # Errors
/// The file cannot be read.
pub fn held(view: &View<'_>, user: UserId, now: Timestamp) -> Result<Held, StoreError> {
    let mut statement = view.prepare(
        "SELECT coalesce(SUM(file_id IS NULL), 0), coalesce(SUM(CASE WHEN shown_at IS NULL THEN length END), 0)
         FROM uploads WHERE user_id = :user AND expires_at > :now",
    )?;
    let params = named_params! {":user": user.0, ":now": now.0};
    Ok(statement.query_row(params, |row| {
        Ok(Held {
            unfinished: row.get(0)?,
            bytes: row.get(1)?,
        })
    })?)
}

/// Counts the uploads of a user that nothing shows, and their announced bytes.
///
/// # Errors
/// The file cannot be read.
pub fn unshown(view: &View<'_>, user: UserId, now: Timestamp) -> Result<(i64, i64), StoreError> {
    let mut statement = view.prepare(
        "SELECT count(*), coalesce(SUM(length), 0) FROM uploads
         WHERE user_id = :user AND shown_at IS NULL AND expires_at > :now",
    )?;
    let params = named_params! {":user": user.0, ":now": now.0};
    Ok(statement.query_row(params, |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Returns whether an unfinished upload with an id exists.
///
/// # Errors
/// The file cannot be read.
pub fn is_unfinished(view: &View<'_>, id: PublicId) -> Result<bool, StoreError> {
    let mut statement = view.prepare("SELECT 1 FROM uploads WHERE id = :id AND file_id IS NULL")?;
    Ok(statement.exists(named_params! {":id": id.to_bytes()})?)
}

fn number(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
