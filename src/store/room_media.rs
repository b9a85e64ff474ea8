//! Files by their ids in Matrix, and who may see them.
//!
//! What does not belong here: where their content is stored (see [`files`](super::files)).

use rusqlite::{OptionalExtension, Row, named_params};

use super::downloads::{self, Found};
use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{FileId, MessageId, PublicId, Timestamp, UserId};

/// A file that a user may download, with the type that its sender declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// The file.
    pub found: Found,
    /// Its type, as declared by its sender only.
    pub declared: Option<String>,
}

/// A query for files of messages that a user may read: of conversations that the user is in, or was in
/// when the message came. Without a user: of all.
macro_rules! select_attached {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT f.id, f.size, f.name, ",
            $columns,
            " FROM attachments a JOIN messages m ON m.id = a.message_id JOIN flows l ON l.id = m.flow_id ",
            $rest,
            " AND m.deleted_at IS NULL AND l.removed_at IS NULL AND (:user IS NULL OR EXISTS (SELECT 1 FROM members r
                 WHERE r.flow_id = m.flow_id AND r.user_id = :user AND (r.state = 'joined'
                    OR r.state IN ('left', 'banned') AND r.forgotten_at IS NULL AND m.id <= r.until_position)))"
        )
    };
}

/// The queries for a file by its id: the columns of [`downloads::find`], and the declared type.
const QUERIES: [&str; 7] = [
    select_attached!(
        "CASE WHEN a.encoding THEN coalesce(a.type, f.type) END, a.name, a.kind, NULL",
        "JOIN files f ON f.id = a.file_id WHERE a.public_id = :id AND :now = :now"
    ),
    select_attached!(
        "f.type, NULL, NULL, NULL",
        "JOIN files f ON f.id = a.thumb_file_id WHERE a.thumb_public_id = :id AND :now = :now"
    ),
    select_attached!(
        "CASE WHEN a.encoding THEN coalesce(a.type, f.type) END, a.name, a.kind, x.type",
        "JOIN files f ON f.id = a.file_id
         JOIN room_media x ON x.message_id = a.message_id AND x.ordinal = a.ordinal
         WHERE x.media = :id AND x.is_thumb = 0 AND :now = :now"
    ),
    select_attached!(
        "f.type, NULL, NULL, x.type",
        "JOIN files f ON f.id = a.thumb_file_id
         JOIN room_media x ON x.message_id = a.message_id AND x.ordinal = a.ordinal
         WHERE x.media = :id AND x.is_thumb = 1 AND :now = :now"
    ),
    "SELECT f.id, f.size, f.name, f.type, NULL, NULL, NULL FROM flows l JOIN files f ON f.id = l.picture_file_id
     WHERE l.picture_public_id = :id AND l.removed_at IS NULL AND :now = :now
       AND (:user IS NULL OR l.is_published OR EXISTS (SELECT 1 FROM members r
            WHERE r.flow_id = l.id AND r.user_id = :user AND r.state IN ('joined', 'invited')))",
    "SELECT f.id, f.size, f.name, f.type, NULL, NULL, NULL FROM users u JOIN files f ON f.id = u.avatar_file_id
     WHERE u.avatar_public_id = :id AND :now = :now AND :user IS :user",
    // A file that nothing shows yet is visible to all who know its id; its owner still sees it later.
    "SELECT f.id, f.size, f.name, f.type, u.name, NULL, u.type FROM uploads u JOIN files f ON f.id = u.file_id
     WHERE u.id = :id AND u.expires_at > :now AND (u.shown_at IS NULL OR u.user_id = :user)",
];

/// Finds a file by its id in Matrix, if the user may read it; without a user, for any requester.
///
/// # Errors
/// The file cannot be read.
pub fn find(
    view: &View<'_>,
    id: PublicId,
    user: Option<UserId>,
    now: Timestamp,
) -> Result<Option<Media>, StoreError> {
    for sql in QUERIES {
        let params = named_params! {
            ":id": id.to_bytes(), ":user": user.map(|user| user.0), ":now": now.0,
        };
        let found = view.prepare(sql)?.query_row(params, media).optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

fn media(row: &Row<'_>) -> rusqlite::Result<Media> {
    Ok(Media {
        found: downloads::found(row)?,
        declared: row.get(6)?,
    })
}

/// Returns the thumbnail of a file that a user may read, if it has one.
///
/// # Errors
/// The file cannot be read.
pub fn thumbnail(
    view: &View<'_>,
    id: PublicId,
    user: Option<UserId>,
) -> Result<Option<PublicId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT a.thumb_public_id FROM attachments a JOIN messages m ON m.id = a.message_id
         WHERE a.thumb_public_id IS NOT NULL AND m.deleted_at IS NULL
           AND (a.public_id = :id OR (a.message_id, a.ordinal) IN
                (SELECT x.message_id, x.ordinal FROM room_media x WHERE x.media = :id AND x.is_thumb = 0))
           AND (:user IS NULL OR EXISTS (SELECT 1 FROM members r WHERE r.flow_id = m.flow_id AND r.user_id = :user
                AND (r.state = 'joined' OR r.forgotten_at IS NULL AND m.id <= r.until_position)))
         LIMIT 1",
    )?;
    let params = named_params! {":id": id.to_bytes(), ":user": user.map(|user| user.0)};
    let found = statement.query_row(params, |row| row.get(0).map(PublicId::from_bytes));
    Ok(found.optional()?)
}

/// The ids that a message has for its first file and its thumbnail, and the declared type of the file.
#[derive(Debug, Clone, Copy)]
pub struct NewMedia<'a> {
    /// The id of the file.
    pub media: PublicId,
    /// The id of its thumbnail.
    pub thumbnail: Option<PublicId>,
    /// Its type, as declared by its sender.
    pub media_type: Option<&'a str>,
}

/// Stores the ids that a message has for its first file.
///
/// # Errors
/// The file cannot be written.
pub fn name(tx: &Tx<'_>, message: MessageId, new: NewMedia<'_>) -> Result<(), StoreError> {
    let names = [(Some(new.media), false), (new.thumbnail, true)];
    for (media, is_thumb) in names {
        let Some(media) = media else { continue };
        tx.prepare(
            "INSERT OR IGNORE INTO room_media (media, message_id, ordinal, is_thumb, type)
             SELECT :media, message_id, ordinal, :is_thumb, coalesce((SELECT type FROM uploads WHERE id = :media), :type)
             FROM attachments WHERE message_id = :message ORDER BY ordinal LIMIT 1",
        )?
        .execute(named_params! {
            ":media": media.to_bytes(), ":is_thumb": is_thumb, ":type": new.media_type, ":message": message.0,
        })?;
    }
    Ok(())
}

/// Sets the length of an upload that was created without one. Returns whether it had none.
///
/// # Errors
/// The file cannot be written.
pub fn measure(
    tx: &Tx<'_>,
    id: PublicId,
    length: u64,
    (name, media_type): (Option<&str>, Option<&str>),
) -> Result<bool, StoreError> {
    let changed = tx
        .prepare(
            "UPDATE uploads SET length = :length, name = :name, type = :type
             WHERE id = :id AND length = 0 AND file_id IS NULL",
        )?
        .execute(named_params! {
            ":id": id.to_bytes(), ":length": i64::try_from(length).unwrap_or(i64::MAX),
            ":name": name, ":type": media_type,
        })?;
    Ok(changed > 0)
}

/// Returns the owner of an upload, and whether it has content or a length.
///
/// # Errors
/// The file cannot be read.
pub fn owner(view: &View<'_>, id: PublicId) -> Result<Option<(UserId, bool)>, StoreError> {
    let mut statement = view
        .prepare("SELECT user_id, file_id IS NOT NULL OR length > 0 FROM uploads WHERE id = :id")?;
    let found = statement.query_row(named_params! {":id": id.to_bytes()}, |row| {
        Ok((UserId(row.get(0)?), row.get(1)?))
    });
    Ok(found.optional()?)
}

/// Returns the content of a file that a user may read, and its name.
///
/// # Errors
/// The file cannot be read.
pub fn content(
    view: &View<'_>,
    id: PublicId,
    user: UserId,
    now: Timestamp,
) -> Result<Option<(FileId, Option<String>)>, StoreError> {
    let found = find(view, id, Some(user), now)?;
    Ok(found.map(|media| (media.found.file, media.found.name)))
}

/// Stores the id with which the avatar of a user was set.
///
/// # Errors
/// The file cannot be written.
pub fn name_avatar(tx: &Tx<'_>, user: UserId, media: PublicId) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE users SET avatar_public_id = :media WHERE id = :id AND avatar_file_id IS NOT NULL",
    )?
    .execute(named_params! {":media": media.to_bytes(), ":id": user.0})?;
    Ok(())
}
