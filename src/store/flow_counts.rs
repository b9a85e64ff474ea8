//! How many flows a user has created and owns, for limits.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::tx::View;
use crate::model::{Timestamp, UserId};

/// Returns when the `rank`-th newest flow of a user between two times was created, the first time
/// excluded; `None`: there are fewer. Ended flows count.
///
/// # Errors
/// The file cannot be read.
pub fn made_at(
    view: &View<'_>,
    user: UserId,
    (after, until): (Timestamp, Timestamp),
    rank: u32,
) -> Result<Option<Timestamp>, StoreError> {
    let mut statement = view.prepare(
        "SELECT created_at FROM flows
         WHERE created_by = :user AND created_at > :after AND created_at <= :until
         ORDER BY created_at DESC LIMIT 1 OFFSET :rank - 1",
    )?;
    let params =
        named_params! {":user": user.0, ":after": after.0, ":until": until.0, ":rank": rank};
    let found = statement.query_row(params, |row| row.get(0).map(Timestamp));
    Ok(found.optional()?)
}

/// Returns how many groups and channels that members created a user owns, counted up to a limit.
/// Saved messages do not count, nor do flows that the operator created.
///
/// # Errors
/// The file cannot be read.
pub fn owned(view: &View<'_>, user: UserId, limit: u32) -> Result<u32, StoreError> {
    let mut statement = view.prepare(
        "SELECT COUNT(*) FROM (SELECT 1 FROM flows
         WHERE owner_id = :user AND created_by IS NOT NULL AND removed_at IS NULL AND kind <> 'chat'
           AND flags & 4 = 0 LIMIT :limit)",
    )?;
    let params = named_params! {":user": user.0, ":limit": limit};
    Ok(statement.query_row(params, |row| row.get(0))?)
}

/// Counts only those that the user has created.
///
/// # Errors
/// The file cannot be read.
pub fn owned_of_own(view: &View<'_>, user: UserId, limit: u32) -> Result<u32, StoreError> {
    let mut statement = view.prepare(
        "SELECT COUNT(*) FROM (SELECT 1 FROM flows
         WHERE owner_id = :user AND created_by = :user AND removed_at IS NULL AND kind <> 'chat'
           AND flags & 4 = 0 LIMIT :limit)",
    )?;
    let params = named_params! {":user": user.0, ":limit": limit};
    Ok(statement.query_row(params, |row| row.get(0))?)
}
