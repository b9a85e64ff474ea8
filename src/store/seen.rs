//! When users were last online.

use rusqlite::{OptionalExtension, named_params};
use rustc_hash::FxHashSet;

use super::accounts::HIDES_SEEN;
use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{Timestamp, UserId};

/// Records when users were online. This is not reported, because it is no change of a profile.
///
/// # Errors
/// The file cannot be written.
pub fn note(tx: &Tx<'_>, seen: &[(UserId, Timestamp)]) -> Result<(), StoreError> {
    let mut statement = tx.prepare(
        "UPDATE users SET seen_at = :at WHERE id = :id AND deleted_at IS NULL AND coalesce(seen_at, 0) < :at",
    )?;
    for (user, at) in seen {
        statement.execute(named_params! {":id": user.0, ":at": at.0})?;
    }
    Ok(())
}

/// Returns when a user was last online; outer `None`: the asking user may not know. The two must share a
/// flow and show their own times, and the user must not block the other.
///
/// # Errors
/// The file cannot be read.
pub fn by(
    view: &View<'_>,
    user: UserId,
    asker: UserId,
) -> Result<Option<Option<Timestamp>>, StoreError> {
    let mut statement = view.prepare(
        "SELECT u.seen_at FROM users u JOIN users a ON a.id = :asker
         WHERE u.id = :user AND u.id <> a.id AND u.deleted_at IS NULL
           AND u.privacy & :hides = 0 AND a.privacy & :hides = 0
           AND NOT EXISTS (SELECT 1 FROM blocks WHERE user_id = u.id AND blocked_id = a.id)
           AND EXISTS (SELECT 1 FROM members m JOIN members n ON n.flow_id = m.flow_id AND n.user_id = a.id
                       WHERE m.user_id = u.id AND m.state = 'joined' AND n.state = 'joined')",
    )?;
    let params = named_params! {":user": user.0, ":asker": asker.0, ":hides": HIDES_SEEN};
    let found = statement.query_row(params, |row| {
        Ok(row.get::<_, Option<i64>>(0)?.map(Timestamp))
    });
    Ok(found.optional()?)
}

/// Returns the users who hide when they were online.
///
/// # Errors
/// The file cannot be read.
pub fn hiding(view: &View<'_>) -> Result<FxHashSet<UserId>, StoreError> {
    // Written like the condition of the index, which contains only these rows.
    let mut statement = view.prepare("SELECT id FROM users WHERE privacy & 1 <> 0")?;
    let rows = statement.query_map([], |row| row.get(0).map(UserId))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}
