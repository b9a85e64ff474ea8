//! The content of files, each stored once.

use std::io::{self, Read, Seek};
use std::sync::Arc;

use rusqlite::{Row, RowIndex, named_params};
use sha2::{Digest, Sha256};

use super::error::StoreError;
use super::shelf::{self, Place, Ready};
use super::tx::{Tx, View};
use crate::model::{Content, Encoding, FileId, Picture, PublicId, media_type};

/// The largest content, in bytes, that is stored in the database unless the caller decides otherwise.
pub const INLINE: usize = 256 * 1024;

/// Stores content unless it is stored already. Triggers count the references to it.
///
/// # Errors
/// The database, or the file in the folder, cannot be written.
pub(super) fn store(tx: &Tx<'_>, content: &Content) -> Result<FileId, StoreError> {
    let mut ready = ready(content);
    if content.bytes.len() > INLINE {
        ready.place = Place::Folder(tx.folder().put(&mut &content.bytes[..])?);
    }
    shelf::keep(tx, &ready, None)
}

/// Prepares content for its row.
#[must_use]
pub fn ready(content: &Content) -> Ready {
    Ready {
        sha256: Sha256::digest(&content.bytes).into(),
        size: content.bytes.len() as u64,
        media_type: media_type(&content.bytes),
        place: Place::Memory(content.bytes.clone()),
    }
}

/// Reads the content of a row, from the columns for its file name, size and bytes. `None`: its file is
/// missing.
pub(super) fn content(
    view: &View<'_>,
    row: &Row<'_>,
    encoding: Encoding,
) -> Result<Option<Content>, StoreError> {
    let bytes = match row.get::<_, Option<[u8; 16]>>("file_name")? {
        None => Some(row.get::<_, Vec<u8>>("content")?),
        Some(name) => {
            let size: i64 = row.get("size")?;
            let name = PublicId::from_bytes(name);
            // One bad block must not make a whole page of messages fail.
            shelf::read(view, name, size.unsigned_abs()).unwrap_or_else(|err| {
                ::log::error!("{err}");
                None
            })
        }
    };
    Ok(bytes.map(|bytes| Content {
        bytes: bytes.into(),
        encoding,
    }))
}

/// Returns the size in bytes and the detected media type of a file.
///
/// # Errors
/// The file cannot be read.
pub fn size_and_type(view: &View<'_>, file: FileId) -> Result<(i64, Option<String>), StoreError> {
    let mut statement = view.prepare("SELECT size, type FROM files WHERE id = :id")?;
    Ok(statement.query_row(named_params! {":id": file.0}, |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?)
}

/// Returns the content of a file; `None`: it is missing.
///
/// # Errors
/// The file cannot be read.
pub fn bytes(view: &View<'_>, file: FileId) -> Result<Option<Arc<[u8]>>, StoreError> {
    let mut statement =
        view.prepare("SELECT size, name AS file_name, content FROM files WHERE id = :id")?;
    let mut rows = statement.query(named_params! {":id": file.0})?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(content(view, row, Encoding::Base64)?.map(|content| content.bytes))
}

/// The content of a file with random access.
pub struct Opened {
    /// The content.
    pub content: Box<dyn ReadSeek>,
    /// The size in bytes.
    pub size: u64,
    /// The detected media type.
    pub media_type: Option<String>,
}

/// A source with random access.
pub trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// Opens the content of a file; `None`: it is missing.
///
/// # Errors
/// The file cannot be read.
pub fn opened(view: &View<'_>, file: FileId) -> Result<Option<Opened>, StoreError> {
    let mut statement =
        view.prepare("SELECT size, type, name, content FROM files WHERE id = :id")?;
    let mut rows = statement.query(named_params! {":id": file.0})?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let size = row.get::<_, i64>(0)?.unsigned_abs();
    let name = row.get::<_, Option<[u8; 16]>>(2)?;
    let content: Option<Box<dyn ReadSeek>> = match name {
        None => Some(Box::new(io::Cursor::new(row.get::<_, Vec<u8>>(3)?))),
        Some(name) => {
            let file = view.folder().open(PublicId::from_bytes(name), size)?;
            file.map(|file| Box::new(file) as Box<dyn ReadSeek>)
        }
    };
    let media_type = row.get(1)?;
    Ok(content.map(|content| Opened {
        content,
        size,
        media_type,
    }))
}

/// Returns a new id for downloading a file, which reveals nothing about the file.
pub(super) fn public_id() -> [u8; 16] {
    rand::random()
}

/// Reads a picture from the columns of its public id, size and type.
pub(super) fn picture(
    row: &Row<'_>,
    columns: [impl RowIndex; 3],
) -> rusqlite::Result<Option<Picture>> {
    let [id, size, kind] = columns;
    let id = row.get::<_, Option<[u8; 16]>>(id)?;
    let size = row.get::<_, Option<i64>>(size)?;
    let media_type = row.get(kind)?;
    Ok(id.zip(size).map(|(id, size)| Picture {
        id: PublicId::from_bytes(id),
        size,
        media_type,
    }))
}

/// Returns the number for an encoding in tables.
pub(super) fn encoding_number(encoding: Encoding) -> i64 {
    match encoding {
        Encoding::Text => 0,
        Encoding::Base64 => 1,
    }
}

/// Returns the encoding for a number.
pub(super) fn encoding(number: i64) -> Encoding {
    if number == 0 {
        Encoding::Text
    } else {
        Encoding::Base64
    }
}
