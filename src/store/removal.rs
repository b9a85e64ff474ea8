//! Removing messages permanently: rows, files and their entries in the full-text index.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::tx::Tx;
use super::{log, search};
use crate::model::{FlowId, MessageId};

/// Returns a removed flow that still has messages.
///
/// # Errors
/// The file cannot be read.
pub fn removed_flow(tx: &Tx<'_>) -> Result<Option<FlowId>, StoreError> {
    let mut statement = tx.prepare(
        "SELECT id FROM flows WHERE removed_at IS NOT NULL AND first_number < next_number LIMIT 1",
    )?;
    let found = statement.query_row([], |row| row.get(0).map(FlowId));
    Ok(found.optional()?)
}

/// Removes the oldest messages of a flow, at most `limit`. Returns how many there were.
///
/// The events of the flow that followed them are removed too. Other rows of the log stay: they refer to
/// messages that no longer exist, and are skipped.
///
/// # Errors
/// The file cannot be written.
pub fn oldest(tx: &Tx<'_>, flow: FlowId, limit: i64) -> Result<usize, StoreError> {
    log::keep_positions(tx)?;
    let mut select = tx.prepare(
        "SELECT id, number FROM messages
         WHERE flow_id = :flow ORDER BY number LIMIT :limit",
    )?;
    let mut rows = select.query(named_params! {":flow": flow.0, ":limit": limit})?;
    let mut removed = 0;
    let mut last: Option<i64> = None;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get("id")?;
        last = Some(row.get("number")?);
        search::outdate(tx, MessageId(id))?;
        clear(tx, MessageId(id))?;
        tx.prepare("DELETE FROM messages WHERE id = :id")?
            .execute(named_params! {":id": id})?;
        removed += 1;
    }
    // If no message is left, numbers continue where they would have.
    tx.prepare(
        "UPDATE flows SET first_number = coalesce(:last + 1, next_number) WHERE id = :flow",
    )?
    .execute(named_params! {":last": last, ":flow": flow.0})?;
    if let Some(last) = last {
        forget_events(tx, flow, last)?;
    }
    tx.scrub();
    Ok(removed)
}

/// What removes everything that belongs to a message: files, mentions, reactions, pins, a poll.
pub(super) const OF_A_MESSAGE: [&str; 8] = [
    "DELETE FROM attachments WHERE message_id = :id",
    "DELETE FROM preview_thumbnails WHERE message_id = :id",
    "DELETE FROM mentions WHERE message_id = :id",
    "DELETE FROM reactions WHERE message_id = :id",
    "DELETE FROM pins WHERE message_id = :id",
    "DELETE FROM votes WHERE message_id = :id",
    "DELETE FROM polls WHERE message_id = :id",
    "DELETE FROM untold_messages WHERE message_id = :id",
];

/// Removes everything that belongs to a message.
pub(super) fn clear(tx: &Tx<'_>, message: MessageId) -> Result<(), StoreError> {
    for sql in OF_A_MESSAGE {
        tx.prepare(sql)?.execute(named_params! {":id": message.0})?;
    }
    Ok(())
}

/// Removes the events of a flow that followed messages up to a number, except the event that the flow
/// was created.
pub(super) fn forget_events(tx: &Tx<'_>, flow: FlowId, last: i64) -> Result<(), StoreError> {
    tx.prepare(
        "DELETE FROM changes WHERE flow_id = :flow AND number BETWEEN -1 AND :last AND kind <> :made",
    )?
    .execute(named_params! {":flow": flow.0, ":last": last, ":made": log::Kind::Made as i64})?;
    Ok(())
}
