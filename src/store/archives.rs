//! The archives of their own data that users have requested: requested, made, and kept for a day.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::log::{self, About, Kind, Reach};
use super::tx::{Tx, View};
use crate::model::{self, Audience, FileId, Look, News, PublicId, Timestamp, UserId};

/// A requested archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The user.
    pub user: UserId,
    /// Whether it includes the content of files.
    pub has_files: bool,
    /// The time of the request.
    pub since: Timestamp,
}

/// The state of a user's archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// There is none.
    None,
    /// It was requested and is not made yet.
    Wanted,
    /// It is ready.
    Made(Box<model::File>),
}

/// Returns the state of a user's archive.
///
/// # Errors
/// The file cannot be read.
pub fn standing(view: &View<'_>, user: UserId) -> Result<Standing, StoreError> {
    let mut statement = view.prepare(
        "SELECT e.public_id, e.name, f.size, f.type FROM exports e LEFT JOIN files f ON f.id = e.file_id
         WHERE e.user_id = :user",
    )?;
    let found = statement
        .query_row(named_params! {":user": user.0}, |row| {
            let Some(id) = row.get::<_, Option<[u8; 16]>>(0)? else {
                return Ok(Standing::Wanted);
            };
            Ok(Standing::Made(Box::new(model::File {
                id: PublicId::from_bytes(id),
                kind: model::Kind::Document,
                size: row.get(2)?,
                media_type: row.get(3)?,
                look: Look {
                    name: row.get(1)?,
                    ..Look::default()
                },
                thumbnail: None,
                text: None,
                is_given: false,
            })))
        })
        .optional()?;
    Ok(found.unwrap_or(Standing::None))
}

/// Requests an archive, which replaces an existing one. The caller checks that none is requested yet.
///
/// # Errors
/// The file cannot be written.
pub fn want(tx: &Tx<'_>, user: UserId, has_files: bool) -> Result<(), StoreError> {
    remove(tx, user)?;
    tx.prepare("INSERT INTO exports (user_id, has_files, wanted_at) VALUES (:user, :files, :now)")?
        .execute(named_params! {":user": user.0, ":files": has_files, ":now": tx.now().0})?;
    Ok(())
}

/// Returns the oldest request for an archive.
///
/// # Errors
/// The file cannot be read.
pub fn next(view: &View<'_>) -> Result<Option<Wanted>, StoreError> {
    let mut statement = view.prepare(
        "SELECT user_id, has_files, wanted_at FROM exports WHERE file_id IS NULL
         ORDER BY wanted_at, user_id LIMIT 1",
    )?;
    let found = statement.query_row([], |row| {
        Ok(Wanted {
            user: UserId(row.get(0)?),
            has_files: row.get(1)?,
            since: Timestamp(row.get(2)?),
        })
    });
    Ok(found.optional()?)
}

/// Records that an archive is ready, and tells its owner. Returns `false` if the request is gone.
///
/// # Errors
/// The file cannot be written.
pub fn complete(
    tx: &Tx<'_>,
    wanted: &Wanted,
    file: FileId,
    name: &str,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = tx
        .prepare(
            "UPDATE exports SET file_id = :file, public_id = :id, name = :name, expires_at = :expires
             WHERE user_id = :user AND wanted_at = :since AND file_id IS NULL",
        )?
        .execute(named_params! {
            ":file": file.0,
            ":id": PublicId::random().to_bytes(),
            ":name": name,
            ":expires": expires_at.0,
            ":user": wanted.user.0,
            ":since": wanted.since.0,
        })?;
    if changed == 1 {
        tell(tx, wanted.user)?;
    }
    Ok(changed == 1)
}

/// Records that an archive cannot be made, and tells the user who requested it.
///
/// # Errors
/// The file cannot be written.
pub fn give_up(tx: &Tx<'_>, wanted: &Wanted) -> Result<(), StoreError> {
    let removed = tx
        .prepare(
            "DELETE FROM exports WHERE user_id = :user AND wanted_at = :since AND file_id IS NULL",
        )?
        .execute(named_params! {":user": wanted.user.0, ":since": wanted.since.0})?;
    if removed == 1 {
        tell(tx, wanted.user)?;
    }
    Ok(())
}

/// Removes a user's archive, requested or made.
pub(super) fn remove(tx: &Tx<'_>, user: UserId) -> Result<(), StoreError> {
    tx.prepare("DELETE FROM exports WHERE user_id = :user")?
        .execute(named_params! {":user": user.0})?;
    Ok(())
}

/// Removes archives that have expired. Returns how many there were.
///
/// # Errors
/// The file cannot be written.
pub fn expire(tx: &Tx<'_>) -> Result<usize, StoreError> {
    let removed = tx
        .prepare("DELETE FROM exports WHERE expires_at <= :now")?
        .execute(named_params! {":now": tx.now().0})?;
    Ok(removed)
}

/// Returns whether any archive has expired.
///
/// # Errors
/// The file cannot be read.
pub fn has_expired(view: &View<'_>, now: Timestamp) -> Result<bool, StoreError> {
    let mut statement = view.prepare("SELECT 1 FROM exports WHERE expires_at <= :now")?;
    Ok(statement.exists(named_params! {":now": now.0})?)
}

/// Logs the outcome of a request for an archive, and tells the user's own devices.
fn tell(tx: &Tx<'_>, user: UserId) -> Result<(), StoreError> {
    let about = About {
        user: Some(user),
        ..About::default()
    };
    let position = log::append(tx, Reach::Private(user), Kind::Archived, about)?;
    let made = match standing(tx, user)? {
        Standing::Made(file) => Some((*file).into()),
        Standing::None | Standing::Wanted => None,
    };
    let audience = Audience::Users([user].into());
    tx.tell(position, None, audience, News::Archive(made));
    Ok(())
}
