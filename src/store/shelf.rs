//! The folder of files as the database sees it: content for new rows, and names whose row is gone.

use std::sync::Arc;

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::folder::Folder;
use super::tx::{Tx, View};
use crate::model::{FileId, PublicId, UserId};

/// Content for a row.
#[derive(Debug, Clone)]
pub struct Ready {
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
    /// The size in bytes.
    pub size: u64,
    /// The detected media type.
    pub media_type: Option<&'static str>,
    /// Where it is.
    pub place: Place,
}

/// Where content is.
#[derive(Debug, Clone)]
pub enum Place {
    /// In memory, to be put into the row.
    Memory(Arc<[u8]>),
    /// In the folder, complete and synced.
    Folder(PublicId),
}

/// Creates the row of some content, or finds one with the same content. A file in the folder that is then
/// not needed is marked for removal; if the file of the found row is lost, it takes its place.
///
/// # Errors
/// The file cannot be written.
pub fn keep(tx: &Tx<'_>, ready: &Ready, owner: Option<UserId>) -> Result<FileId, StoreError> {
    let mut find = tx.prepare("SELECT id, place, name, size FROM files WHERE sha256 = :sha256")?;
    let found = find
        .query_row(named_params! {":sha256": ready.sha256}, |row| {
            let name: Option<[u8; 16]> = row.get(2)?;
            let name = name.map(PublicId::from_bytes);
            Ok((FileId(row.get(0)?), name, row.get::<_, i64>(3)?))
        })
        .optional()?;
    if let Some((id, present, size)) = found {
        let is_lost = present.is_some_and(|name| !tx.folder().has(name, size.unsigned_abs()));
        match &ready.place {
            Place::Folder(name) if is_lost => {
                tx.prepare("UPDATE files SET name = :name WHERE id = :id")?
                    .execute(named_params! {":name": name.to_bytes(), ":id": id.0})?;
            }
            // The row was made from this file just now: a message may show it twice.
            Place::Folder(name) if present == Some(*name) => {}
            Place::Folder(name) => doom(tx, *name)?,
            Place::Memory(bytes) if is_lost => {
                tx.prepare(
                    "UPDATE files SET place = 0, name = NULL, content = :content WHERE id = :id",
                )?
                .execute(named_params! {":content": &bytes[..], ":id": id.0})?;
            }
            Place::Memory(_) => {}
        }
        return Ok(id);
    }
    let (place, name, content) = match &ready.place {
        Place::Memory(bytes) => (0, None, &bytes[..]),
        Place::Folder(name) => (1, Some(name.to_bytes()), &[][..]),
    };
    tx.prepare(
        "INSERT INTO files (sha256, size, type, owner_id, created_at, place, name, content)
         VALUES (:sha256, :size, :type, :owner, :now, :place, :name, :content)",
    )?
    .execute(named_params! {
        ":sha256": ready.sha256,
        ":size": i64::try_from(ready.size).unwrap_or(i64::MAX),
        ":type": ready.media_type,
        ":owner": owner.map(|owner| owner.0),
        ":now": tx.now().0,
        ":place": place,
        ":name": name,
        ":content": content,
    })?;
    Ok(FileId(tx.last_id()))
}

/// Marks a file in the folder for removal.
///
/// # Errors
/// The file cannot be written.
pub fn doom(tx: &Tx<'_>, name: PublicId) -> Result<(), StoreError> {
    tx.prepare("INSERT OR IGNORE INTO doomed_files (name) VALUES (:name)")?
        .execute(named_params! {":name": name.to_bytes()})?;
    Ok(())
}

/// Returns files in the folder that are marked for removal, at most `limit`.
///
/// # Errors
/// The file cannot be read.
pub fn doomed(view: &View<'_>, limit: i64) -> Result<Vec<PublicId>, StoreError> {
    let mut statement = view.prepare("SELECT name FROM doomed_files LIMIT :limit")?;
    let rows = statement.query_map(named_params! {":limit": limit}, |row| {
        row.get(0).map(PublicId::from_bytes)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Deletes the marks of files that have been removed from the folder.
///
/// # Errors
/// The file cannot be written.
pub fn forget(tx: &Tx<'_>, names: &[PublicId]) -> Result<(), StoreError> {
    let mut statement = tx.prepare("DELETE FROM doomed_files WHERE name = :name")?;
    for name in names {
        statement.execute(named_params! {":name": name.to_bytes()})?;
    }
    Ok(())
}

/// Returns whether a file in the folder belongs to a row, to a mark for removal or to an unfinished upload.
///
/// # Errors
/// The file cannot be read.
pub fn is_named(view: &View<'_>, name: PublicId) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM files WHERE name = :name UNION ALL SELECT 1 FROM doomed_files WHERE name = :name
         UNION ALL SELECT 1 FROM uploads WHERE id = :name AND file_id IS NULL",
    )?;
    Ok(statement.exists(named_params! {":name": name.to_bytes()})?)
}

/// A file in the folder, as its row describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// The row.
    pub id: FileId,
    /// Its name.
    pub name: PublicId,
    /// The size in bytes.
    pub size: u64,
    /// SHA-256 of the content.
    pub sha256: [u8; 32],
}

/// Returns every file in the folder that belongs to a row.
///
/// # Errors
/// The file cannot be read.
pub fn kept(view: &View<'_>) -> Result<Vec<Kept>, StoreError> {
    let mut statement =
        view.prepare("SELECT id, name, size, sha256 FROM files WHERE place = 1 ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        Ok(Kept {
            id: FileId(row.get(0)?),
            name: PublicId::from_bytes(row.get(1)?),
            size: row.get::<_, i64>(2)?.unsigned_abs(),
            sha256: row.get(3)?,
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

impl View<'_> {
    /// Returns the folder beside this database.
    pub(super) fn folder(&self) -> Folder {
        Folder::of(self.path())
    }
}

/// Reads a whole file in the folder. `None`: it is missing, or has another size.
pub(super) fn read(
    view: &View<'_>,
    name: PublicId,
    size: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    use std::io::Read as _;
    let folder = view.folder();
    let Some(file) = folder.open(name, size)? else {
        return Ok(None);
    };
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(size)
        .read_to_end(&mut bytes)
        .map_err(|source| super::paths::file_error(&folder.place(name), source))?;
    Ok(Some(bytes))
}
