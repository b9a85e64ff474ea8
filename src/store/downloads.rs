//! Downloads of files: a file is found by its opaque id and read piece by piece.

use std::io::Read;

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::tx::View;
use crate::model::{FileId, Kind, PublicId, UserId};

/// A file that a user may download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The content.
    pub file: FileId,
    /// The size in bytes.
    pub size: u64,
    /// The detected media type; `None`: browsers do not show it.
    pub media_type: Option<String>,
    /// The name that the sender gave it.
    pub name: Option<String>,
    /// Its name in the folder; `None`: the content is in the database.
    pub place: Option<PublicId>,
}

/// Finds a file by public id, if a user may read it: a file of a message in a flow of the user, the picture of its
/// preview, the picture of a hook into such a flow, the picture of such a flow or of one that the user is invited to,
/// any avatar, or the user's own archive.
///
/// # Errors
/// The file cannot be read.
pub fn find(view: &View<'_>, id: PublicId, user: UserId) -> Result<Option<Found>, StoreError> {
    for sql in [
        "SELECT f.id, f.size, f.name, CASE WHEN a.encoding THEN coalesce(a.type, f.type) END, a.name, a.kind
         FROM attachments a JOIN messages m ON m.id = a.message_id JOIN flows l ON l.id = m.flow_id
         JOIN members r ON r.flow_id = m.flow_id AND r.user_id = :user AND r.state = 'joined'
         JOIN files f ON f.id = a.file_id
         WHERE a.public_id = :id AND m.deleted_at IS NULL AND l.removed_at IS NULL",
        "SELECT f.id, f.size, f.name, f.type, NULL, NULL
         FROM attachments a JOIN messages m ON m.id = a.message_id JOIN flows l ON l.id = m.flow_id
         JOIN members r ON r.flow_id = m.flow_id AND r.user_id = :user AND r.state = 'joined'
         JOIN files f ON f.id = a.thumb_file_id
         WHERE a.thumb_public_id = :id AND m.deleted_at IS NULL AND l.removed_at IS NULL",
        "SELECT f.id, f.size, f.name, f.type, NULL, NULL
         FROM preview_thumbnails v JOIN messages m ON m.id = v.message_id JOIN flows l ON l.id = m.flow_id
         JOIN members r ON r.flow_id = m.flow_id AND r.user_id = :user AND r.state = 'joined'
         JOIN files f ON f.id = v.file_id
         WHERE v.public_id = :id AND m.deleted_at IS NULL AND l.removed_at IS NULL",
        "SELECT f.id, f.size, f.name, f.type, NULL, NULL
         FROM flows l JOIN members r ON r.flow_id = l.id AND r.user_id = :user AND r.state IN ('joined', 'invited')
         JOIN files f ON f.id = l.picture_file_id
         WHERE l.picture_public_id = :id AND l.removed_at IS NULL",
        "SELECT f.id, f.size, f.name, f.type, NULL, NULL
         FROM users u JOIN files f ON f.id = u.avatar_file_id WHERE u.avatar_public_id = :id AND :user = :user",
        // Users who see the messages of a hook see its picture.
        "SELECT f.id, f.size, f.name, f.type, NULL, NULL
         FROM hooks h JOIN flows l ON l.id = h.flow_id
         JOIN members r ON r.flow_id = h.flow_id AND r.user_id = :user AND r.state = 'joined'
         JOIN files f ON f.id = h.picture_file_id
         WHERE h.picture_public_id = :id AND l.removed_at IS NULL",
        // Browsers do not show archives.
        "SELECT f.id, f.size, f.name, NULL, e.name, NULL
         FROM exports e JOIN files f ON f.id = e.file_id
         WHERE e.public_id = :id AND e.user_id = :user AND e.expires_at > unixepoch('subsec') * 1000",
    ] {
        let params = named_params! {":id": id.to_bytes(), ":user": user.0};
        let found = view.prepare(sql)?.query_row(params, found).optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

pub(super) fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    let size: i64 = row.get(1)?;
    let place = row.get::<_, Option<[u8; 16]>>(2)?;
    let media_type: Option<String> = row.get(3)?;
    let kind = row.get::<_, Option<i64>>(5)?.and_then(Kind::from_number);
    Ok(Found {
        file: FileId(row.get(0)?),
        size: u64::try_from(size).unwrap_or(0),
        media_type: match (media_type, kind) {
            (Some(found), Some(kind)) => Some(kind.served_as(&found).to_owned()),
            (found, _) => found,
        },
        name: row.get(4)?,
        place: place.map(PublicId::from_bytes),
    })
}

/// Reads a piece of a file from an offset on; shorter at the end of the file. `None`: the file is gone.
///
/// # Errors
/// The file cannot be read.
pub fn piece(
    view: &View<'_>,
    file: FileId,
    from: u64,
    length: usize,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(mut blob) = view.open_blob("files", "content", file.0)? else {
        return Ok(None);
    };
    let left = u64::try_from(blob.len()).unwrap_or(0).saturating_sub(from);
    let length = length.min(usize::try_from(left).unwrap_or(usize::MAX));
    let seek = std::io::Seek::seek(&mut blob, std::io::SeekFrom::Start(from));
    let mut bytes = vec![0; length];
    seek.and_then(|_| blob.read_exact(&mut bytes))
        .map_err(|err| StoreError::Damaged(format!("a file cannot be read: {err}")))?;
    Ok(Some(bytes))
}
