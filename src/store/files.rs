//! Content of files, each stored once.

use rusqlite::{OptionalExtension, Row, RowIndex, named_params};
use sha2::{Digest, Sha256};

use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{
    Attachment, Content, Encoding, File, FileId, MessageId, Picture, PublicId, Slot, media_type,
};

/// Stores content, or finds it stored. The references to it count themselves (see the triggers).
///
/// # Errors
/// The file cannot be written.
pub(super) fn store(tx: &Tx<'_>, content: &Content) -> Result<FileId, StoreError> {
    let sha256: [u8; 32] = Sha256::digest(&content.bytes).into();
    let mut find = tx.prepare("SELECT id FROM files WHERE sha256 = :sha256")?;
    if let Some(id) = find
        .query_row(named_params! {":sha256": sha256}, |row| row.get(0))
        .optional()?
    {
        return Ok(FileId(id));
    }
    tx.prepare(
        "INSERT INTO files (sha256, size, type, created_at, content) VALUES (:sha256, :size, :type, :now, :content)",
    )?
        .execute(named_params! {
            ":type": media_type(&content.bytes),
            ":now": tx.now().0,
            ":sha256": sha256,
            ":size": i64::try_from(content.bytes.len()).unwrap_or(i64::MAX),
            ":content": &content.bytes[..],
        })?;
    Ok(FileId(tx.last_id()))
}

/// Makes a message show a file. Returns what is known of it.
pub(super) fn attach(
    tx: &Tx<'_>,
    message: MessageId,
    file: &Attachment,
) -> Result<File, StoreError> {
    let id = store(tx, &file.content)?;
    let public = public_id();
    tx.prepare(
        "INSERT INTO attachments (message_id, ordinal, kind, file_id, encoding, public_id)
         VALUES (:message, (SELECT coalesce(max(ordinal), -1) + 1 FROM attachments WHERE message_id = :message),
                 :kind, :file, :encoding, :public)",
    )?
    .execute(named_params! {
        ":message": message.0,
        ":kind": file.slot.number(),
        ":file": id.0,
        ":encoding": encoding_number(file.content.encoding),
        ":public": public,
    })?;
    Ok(File {
        id: PublicId::from_bytes(public),
        slot: file.slot,
        size: i64::try_from(file.content.bytes.len()).unwrap_or(i64::MAX),
        media_type: media_type(&file.content.bytes).map(str::to_owned),
        text: feeling(file.slot, &file.content),
    })
}

/// The text of a file that is a short text and stands for a feeling.
fn feeling(slot: Slot, content: &Content) -> Option<String> {
    /// Bytes of the longest text that is told with the message.
    const MAX: usize = 32;
    let is_text = slot == Slot::Emoji && content.encoding == Encoding::Text;
    let text = std::str::from_utf8(&content.bytes).ok()?;
    (is_text && text.len() <= MAX).then(|| text.to_owned())
}

/// Makes a message no longer show the file in a slot; content that nothing shows is removed.
pub(super) fn detach(tx: &Tx<'_>, message: MessageId, slot: Slot) -> Result<(), StoreError> {
    tx.prepare("DELETE FROM attachments WHERE message_id = :message AND kind = :kind")?
        .execute(named_params! {":message": message.0, ":kind": slot.number()})?;
    Ok(())
}

/// The files of a message, by slot.
pub(super) fn of_message(
    view: &View<'_>,
    message: MessageId,
) -> Result<Vec<Attachment>, StoreError> {
    let mut statement = view.prepare(
        "SELECT a.kind, a.encoding, f.content FROM attachments a JOIN files f ON f.id = a.file_id
         WHERE a.message_id = :message ORDER BY a.ordinal",
    )?;
    let mut rows = statement.query(named_params! {":message": message.0})?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(slot) = Slot::from_number(row.get("kind")?) else {
            continue;
        };
        let bytes: Vec<u8> = row.get("content")?;
        let content = Content {
            bytes: bytes.into(),
            encoding: encoding(row.get("encoding")?),
        };
        files.push(Attachment { slot, content });
    }
    Ok(files)
}

/// What is known of the files of a message.
pub(super) fn shown_by(view: &View<'_>, message: MessageId) -> Result<Vec<File>, StoreError> {
    // The content of a sticker that may be a short text is worth reading; no other is.
    let mut statement = view.prepare(
        "SELECT a.public_id, a.kind, f.size, coalesce(a.type, f.type) AS type, a.encoding,
                CASE WHEN a.kind = 4 AND f.size <= 32 THEN f.content END AS content
         FROM attachments a JOIN files f ON f.id = a.file_id
         WHERE a.message_id = :message ORDER BY a.ordinal",
    )?;
    let mut rows = statement.query(named_params! {":message": message.0})?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(slot) = Slot::from_number(row.get("kind")?) else {
            continue;
        };
        let content = row.get::<_, Option<Vec<u8>>>("content")?;
        let encoding = encoding(row.get("encoding")?);
        files.push(File {
            id: PublicId::from_bytes(row.get("public_id")?),
            slot,
            size: row.get("size")?,
            media_type: row.get("type")?,
            text: content.and_then(|bytes| {
                let bytes = bytes.into();
                feeling(slot, &Content { bytes, encoding })
            }),
        });
    }
    Ok(files)
}

/// Bytes stored for the files of a message.
pub(super) fn size_of_message(view: &View<'_>, message: MessageId) -> Result<usize, StoreError> {
    let mut statement = view.prepare(
        "SELECT coalesce(SUM(f.size), 0) FROM attachments a JOIN files f ON f.id = a.file_id
         WHERE a.message_id = :message",
    )?;
    let size: i64 = statement.query_row(named_params! {":message": message.0}, |row| row.get(0))?;
    Ok(usize::try_from(size).unwrap_or(usize::MAX))
}

/// A new id by which a file is fetched, which says nothing of the file.
pub(super) fn public_id() -> [u8; 16] {
    rand::random()
}

/// What a row says of a picture, in the columns of its public id, its size and its type.
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

/// The number that stands for an encoding in tables.
pub(super) fn encoding_number(encoding: Encoding) -> i64 {
    match encoding {
        Encoding::Text => 0,
        Encoding::Base64 => 1,
    }
}

/// The encoding that a number stands for.
pub(super) fn encoding(number: i64) -> Encoding {
    if number == 0 {
        Encoding::Text
    } else {
        Encoding::Base64
    }
}
