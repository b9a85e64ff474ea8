//! Parts of messages by MTP: the text and each file are events of their own, except for a text with one
//! file. Each part is redacted by itself.

use rusqlite::named_params;

use super::error::StoreError;
use super::room_contents as contents;
use super::room_events::{NewRoomEvent, Place, REDACTION, append};
use super::tx::{Tx, View};
use crate::model::{MessageId, PublicId};

/// The part that is the text. The other parts are the numbers of files.
pub const TEXT: &str = "text";

/// Returns the parts that a message has now.
///
/// # Errors
/// The file cannot be read.
pub fn of(view: &View<'_>, message: MessageId) -> Result<Vec<String>, StoreError> {
    let files = view
        .prepare(
            "SELECT ordinal, kind FROM attachments WHERE message_id = :message ORDER BY ordinal",
        )?
        .query_map(named_params! {":message": message.0}, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let has_text = view
        .prepare("SELECT 1 FROM messages WHERE id = :message AND coalesce(text, '') <> ''")?
        .exists(named_params! {":message": message.0})?;
    let is_one = matches!(files[..], [(_, kind)] if kind != 4) && !has_gone(view, message)?;
    let mut parts = Vec::with_capacity(files.len() + 1);
    if has_text && !is_one || files.is_empty() {
        parts.push(TEXT.to_owned());
    }
    parts.extend(files.iter().map(|(ordinal, _)| ordinal.to_string()));
    Ok(parts)
}

/// Returns whether a part of a message was redacted.
fn has_gone(view: &View<'_>, message: MessageId) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM room_events WHERE message_id = :message AND relation = 'redaction'
           AND key IS NOT NULL AND target = (SELECT uuid FROM messages WHERE id = :message)",
    )?;
    Ok(statement.exists(named_params! {":message": message.0})?)
}

/// Returns whether Matrix shows a message by its parts: it is not stored, and has files or redacted parts.
pub(super) fn are_told(view: &View<'_>, message: MessageId) -> Result<bool, StoreError> {
    let is_stored = view
        .prepare("SELECT 1 FROM room_events WHERE uuid = (SELECT uuid FROM messages WHERE id = :message)")?
        .exists(named_params! {":message": message.0})?;
    let has_files = view
        .prepare("SELECT 1 FROM attachments WHERE message_id = :message")?
        .exists(named_params! {":message": message.0})?;
    Ok(!is_stored && (has_files || has_gone(view, message)?))
}

/// Writes the redaction of a part.
pub(super) fn take_back(
    tx: &Tx<'_>,
    place: Place,
    (message, uuid): (MessageId, PublicId),
    part: &str,
) -> Result<(), StoreError> {
    let name = match part {
        TEXT => format!("${}", uuid.hex()),
        number => format!("${}_{number}", uuid.hex()),
    };
    let new = NewRoomEvent {
        kind: "m.room.redaction",
        content: contents::redaction(tx, &name)?,
        message: Some(message),
        relation: Some((uuid, REDACTION, Some(part))),
        ..NewRoomEvent::default()
    };
    append(tx, place, new).map(drop)
}

/// Returns whether a redaction of a message, or of its parts, exists at a position.
pub(super) fn is_written(
    view: &View<'_>,
    place: Place,
    message: MessageId,
) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM room_events WHERE flow_id = :flow AND position = :position
           AND message_id = :message AND relation = 'redaction'",
    )?;
    let params = named_params! {
        ":flow": place.flow.0, ":position": place.position.0, ":message": message.0,
    };
    Ok(statement.exists(params)?)
}
