//! Removing old messages permanently.
//!
//! Messages are removed only from the beginning of a flow, so that the remaining ones are numbered without
//! a gap; `first_number` is the first of them. The rows of the log stay and refer to nothing.

use rusqlite::named_params;

use super::error::StoreError;
use super::tx::{Tx, View};
use super::{attachments, log, removal, room_events, search};
use crate::model::{FlowId, MessageId, Timestamp};

/// Counts of old or removed messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// The number of messages.
    pub messages: i64,
    /// Bytes of their texts and files, including files that another message shows too.
    pub size_bytes: i64,
}

/// Returns the flows whose first message is from before a time, or from the future.
fn flows(view: &View<'_>, before: Timestamp) -> Result<Vec<(FlowId, i64)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT f.id, f.first_number FROM flows f
         JOIN messages m ON m.flow_id = f.id AND m.number = f.first_number
         WHERE m.sent_at < :before OR m.sent_at > :now ORDER BY f.id",
    )?;
    let now = Timestamp::now();
    let rows = statement.query_map(named_params! {":before": before.0, ":now": now.0}, |row| {
        Ok((FlowId(row.get(0)?), row.get(1)?))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Passes the messages of a flow from its beginning to `take` while they are from before a time; at most
/// `limit`. A message from the future, which a fast clock has made, is as old as the next one.
fn oldest(
    view: &View<'_>,
    flow: FlowId,
    before: Timestamp,
    limit: i64,
    mut take: impl FnMut(MessageId, Option<String>, i64) -> Result<(), StoreError>,
) -> Result<i64, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.id, CASE WHEN m.deleted_at IS NULL THEN m.text END AS text, m.slots, m.sent_at
         FROM messages m
         JOIN flows f ON f.id = m.flow_id
         WHERE m.flow_id = :flow AND m.number >= f.first_number ORDER BY m.number LIMIT :limit",
    )?;
    let mut rows = statement.query(named_params! {":flow": flow.0, ":limit": limit})?;
    let now = Timestamp::now().0;
    let mut count = 0;
    let mut undated = Vec::new();
    while let Some(row) = rows.next()? {
        let sent_at: i64 = row.get("sent_at")?;
        let message = (
            MessageId(row.get("id")?),
            row.get("text")?,
            row.get("slots")?,
        );
        if sent_at > now {
            undated.push(message);
            continue;
        }
        if sent_at >= before.0 {
            break;
        }
        for (id, text, slots) in undated.drain(..).chain([message]) {
            take(id, text, slots)?;
            count += 1;
        }
    }
    Ok(count)
}

fn length(text: Option<&String>) -> i64 {
    i64::try_from(text.map_or(0, String::len)).unwrap_or(i64::MAX)
}

/// Counts the messages that [`remove`] would remove.
///
/// # Errors
/// The file cannot be read.
pub fn count(view: &View<'_>, before: Timestamp) -> Result<Removed, StoreError> {
    let mut old = Removed::default();
    for (flow, _) in flows(view, before)? {
        let mut size = 0;
        old.messages += oldest(view, flow, before, i64::MAX, |id, text, slots| {
            size += length(text.as_ref());
            if slots != 0 {
                let files = attachments::size_of_message(view, id)?;
                size += i64::try_from(files).unwrap_or(i64::MAX);
            }
            Ok(())
        })?;
        old.size_bytes += size;
    }
    Ok(old)
}

/// Removes the oldest messages, at most about `limit`, with their texts, files and entries in the
/// index. Returns what was removed; nothing if none is left.
///
/// # Errors
/// The file cannot be written.
pub fn remove(tx: &Tx<'_>, before: Timestamp, limit: i64) -> Result<Removed, StoreError> {
    let mut removed = Removed::default();
    log::keep_positions(tx)?;
    for (flow, first_number) in flows(tx, before)? {
        let mut found = Vec::new();
        let count = oldest(
            tx,
            flow,
            before,
            limit - removed.messages,
            |id, text, slots| {
                found.push((id, text, slots));
                Ok(())
            },
        )?;
        for (id, text, slots) in found {
            removed.size_bytes += remove_one(tx, id, text.as_ref(), slots)?;
        }
        tx.prepare("UPDATE flows SET first_number = :first WHERE id = :flow")?
            .execute(named_params! {":first": first_number + count, ":flow": flow.0})?;
        removal::forget_events(tx, flow, first_number + count - 1)?;
        removed.messages += count;
        if removed.messages >= limit {
            break;
        }
    }
    let forgotten = room_events::forget_old(tx, before, limit)?;
    if removed.messages > 0 || forgotten > 0 {
        tx.scrub();
    }
    Ok(removed)
}

fn remove_one(
    tx: &Tx<'_>,
    id: MessageId,
    text: Option<&String>,
    slots: i64,
) -> Result<i64, StoreError> {
    search::outdate(tx, id)?;
    let mut size = length(text);
    if slots != 0 {
        size += i64::try_from(attachments::size_of_message(tx, id)?).unwrap_or(i64::MAX);
        removal::clear(tx, id)?;
    }
    tx.prepare("DELETE FROM messages WHERE id = :id")?
        .execute(named_params! {":id": id.0})?;
    Ok(size)
}
