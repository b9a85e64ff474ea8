//! Messages that expire.

use rusqlite::named_params;

use super::error::StoreError;
use super::messages;
use super::tx::{Tx, View};
use crate::model::{By, PublicId, Timestamp, UserId};

/// Returns when the next message expires; `None`: no message does.
///
/// # Errors
/// The file cannot be read.
pub fn next(view: &View<'_>) -> Result<Option<Timestamp>, StoreError> {
    let mut statement =
        view.prepare("SELECT min(expires_at) FROM messages WHERE expires_at IS NOT NULL")?;
    let next: Option<i64> = statement.query_row([], |row| row.get(0))?;
    Ok(next.map(Timestamp))
}

/// Deletes messages that have expired, at most `limit`. Returns how many.
///
/// # Errors
/// The file cannot be written.
pub fn delete_due(tx: &Tx<'_>, now: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let due = {
        let mut statement = tx.prepare(
            "SELECT uuid FROM messages WHERE expires_at IS NOT NULL AND expires_at <= :now
             ORDER BY expires_at LIMIT :limit",
        )?;
        let rows = statement.query_map(named_params! {":now": now.0, ":limit": limit}, |row| {
            row.get(0).map(PublicId::from_bytes)
        })?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    for uuid in &due {
        match messages::handle(tx, *uuid, UserId(0))? {
            Some(handle) => messages::expire(tx, &handle, By::OPERATOR)?,
            // Its flow is being removed, together with the message.
            None => {
                tx.prepare("UPDATE messages SET expires_at = NULL WHERE uuid = :uuid")?
                    .execute(named_params! {":uuid": uuid.to_bytes()})?;
            }
        }
    }
    Ok(due.len())
}
