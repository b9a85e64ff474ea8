//! Parts of messages by MTP: the text and each file are events of their own, except for a text with one
//! file. Each part is redacted by itself.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::room_contents as contents;
use super::room_events::{NewRoomEvent, Place, REDACTION, append};
use super::tx::{Tx, View};
use crate::model::{MessageId, PublicId};

/// The part that is the text. The other parts are the numbers of files.
pub const TEXT: &str = "text";

/// Relation of a part that was added later to its message.
pub const PART: &str = "part";

/// The number that says in a row that a file is a sticker.
const STICKER: i64 = 4;

/// A message as its parts are known: what it has now, and what it had.
struct Known {
    has_text: bool,
    /// Numbers and kinds of its files.
    files: Vec<(i64, i64)>,
    /// The content of the event that it is, if that is stored and was not taken back.
    stored: Option<String>,
    is_stored: bool,
    /// What was added later.
    later: Vec<String>,
    /// What was taken back.
    gone: Vec<String>,
}

impl Known {
    fn of(view: &View<'_>, message: MessageId) -> Result<Self, StoreError> {
        let files = view
            .prepare("SELECT ordinal, kind FROM attachments WHERE message_id = :message ORDER BY ordinal")?
            .query_map(named_params! {":message": message.0}, |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        let has_text = view
            .prepare("SELECT 1 FROM messages WHERE id = :message AND coalesce(text, '') <> ''")?
            .exists(named_params! {":message": message.0})?;
        let stored: Option<(String, bool)> = view
            .prepare(
                "SELECT content, redacted_by IS NOT NULL FROM room_events
                 WHERE uuid = (SELECT uuid FROM messages WHERE id = :message)",
            )?
            .query_row(named_params! {":message": message.0}, |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(Self {
            has_text,
            files,
            is_stored: stored.is_some(),
            stored: stored.and_then(|(content, is_gone)| (!is_gone).then_some(content)),
            later: keys(view, message, PART)?,
            gone: keys(view, message, REDACTION)?,
        })
    }

    fn is_later(&self, part: &str) -> bool {
        self.later.iter().any(|later| later == part)
    }

    /// The file that is one event with the text, if there is one.
    fn with_text(&self, view: &View<'_>) -> Result<Option<i64>, StoreError> {
        if self.is_stored {
            let Some(content) = &self.stored else {
                return Ok(None);
            };
            let first = self.files.first().filter(|(number, _)| *number == 0);
            let shows_file = first.is_some() && contents::has_file(view, content)?;
            return Ok((shows_file && !self.is_later("0")).then_some(0));
        }
        let is_first = |part: &str| part != TEXT && !self.is_later(part);
        let gone = self.gone.iter().filter(|part| is_first(part)).count();
        let mut first = self
            .files
            .iter()
            .filter(|(number, _)| is_first(&number.to_string()));
        let is_apart = self.is_later(TEXT) || self.gone.iter().any(|part| part == TEXT);
        let found = match (first.next(), first.next()) {
            (Some((number, kind)), None) if *kind != STICKER && gone == 0 && !is_apart => {
                Some(*number)
            }
            _ => None,
        };
        Ok(found)
    }
}

fn keys(view: &View<'_>, message: MessageId, relation: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = view.prepare(
        "SELECT key FROM room_events WHERE message_id = :message AND relation = :relation AND key IS NOT NULL
           AND target = (SELECT uuid FROM messages WHERE id = :message)",
    )?;
    let params = named_params! {":message": message.0, ":relation": relation};
    let rows = statement.query_map(params, |row| row.get(0))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the parts that a message has now. Of one that is a stored event, that is the text, and its file.
///
/// # Errors
/// The file cannot be read.
pub fn of(view: &View<'_>, message: MessageId) -> Result<Vec<String>, StoreError> {
    let known = Known::of(view, message)?;
    let with_text = known.with_text(view)?;
    let mut parts = Vec::with_capacity(known.files.len() + 1);
    let has_text = if known.is_stored {
        known.stored.is_some() && (known.has_text || with_text.is_some() || known.files.is_empty())
    } else {
        known.has_text && with_text.is_none() || known.files.is_empty()
    };
    if has_text && !known.gone.iter().any(|part| part == TEXT) {
        parts.push(TEXT.to_owned());
    }
    let apart = known
        .files
        .iter()
        .map(|(number, _)| *number)
        .filter(|number| !(known.is_stored && with_text == Some(*number)));
    parts.extend(apart.map(|number| number.to_string()));
    Ok(parts)
}

/// The number of the file that is one event with the text of a message; `None`: they are apart.
///
/// # Errors
/// The file cannot be read.
pub(super) fn with_text(view: &View<'_>, message: MessageId) -> Result<Option<i64>, StoreError> {
    Known::of(view, message)?.with_text(view)
}

/// Returns the file that a message began with when it was sent: its number; `None`: it began with a text, or
/// with what stands for all of it. Edits and deletions change nothing about that.
fn first(view: &View<'_>, message: MessageId) -> Result<Option<i64>, StoreError> {
    if let Some(name) = taken_back_as(view, message)? {
        let part = name.split_once('_').map(|(_, part)| part);
        return Ok(part.and_then(|part| part.parse().ok()));
    }
    let known = Known::of(view, message)?;
    // The text of a deleted message says only that it is deleted.
    let has_text = known.has_text
        && view
            .prepare("SELECT 1 FROM messages WHERE id = :message AND deleted_at IS NULL")?
            .exists(named_params! {":message": message.0})?;
    let was_text = known.gone.iter().any(|part| part == TEXT)
        || has_text && !known.is_later(TEXT) && known.with_text(view)?.is_none();
    if known.is_stored || was_text {
        return Ok(None);
    }
    let present = known.files.iter().map(|(number, _)| *number);
    let gone = known.gone.iter().filter_map(|part| part.parse().ok());
    let first = present.chain(gone);
    Ok(first
        .filter(|number| !known.is_later(&number.to_string()))
        .min())
}

/// Returns the id under which a deleted message was taken back, if it was one event.
fn taken_back_as(view: &View<'_>, message: MessageId) -> Result<Option<String>, StoreError> {
    let mut statement = view.prepare(
        "SELECT content ->> 'redacts' FROM room_events
         WHERE target = (SELECT uuid FROM messages WHERE id = :message)
           AND relation = 'redaction' AND key IS NULL",
    )?;
    let params = named_params! {":message": message.0};
    let found: Option<Option<String>> = statement.query_row(params, |row| row.get(0)).optional()?;
    Ok(found.flatten())
}

/// Returns the file that begins the message which another answers, as far as there is one.
///
/// # Errors
/// The file cannot be read.
pub(super) fn first_of_quoted(
    view: &View<'_>,
    message: MessageId,
) -> Result<Option<i64>, StoreError> {
    let quoted: Option<i64> = view
        .prepare(
            "SELECT r.id FROM messages m JOIN messages r ON r.id = m.reply_to_id
             WHERE m.id = :id",
        )?
        .query_row(named_params! {":id": message.0}, |row| row.get(0))
        .optional()?;
    quoted.map_or(Ok(None), |id| first(view, MessageId(id)))
}

/// Tells whether a message is a stored event.
///
/// # Errors
/// The file cannot be read.
pub(super) fn is_stored(view: &View<'_>, message: MessageId) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM room_events WHERE uuid = (SELECT uuid FROM messages WHERE id = :message)",
    )?;
    Ok(statement.exists(named_params! {":message": message.0})?)
}

/// The parts that edits have added to a message.
///
/// # Errors
/// The file cannot be read.
pub fn later(view: &View<'_>, message: MessageId) -> Result<Vec<String>, StoreError> {
    keys(view, message, PART)
}

/// Tells whether a message is told by its parts: it has more than a text, or than the event that is stored.
pub(super) fn are_told(view: &View<'_>, message: MessageId) -> Result<bool, StoreError> {
    let known = Known::of(view, message)?;
    if known.is_stored {
        return Ok(!known.later.is_empty());
    }
    Ok(!known.files.is_empty() || !known.gone.is_empty())
}

/// The id by which a part is known.
pub(super) fn name(message: PublicId, part: &str) -> String {
    match part {
        TEXT => format!("${}", message.hex()),
        number => format!("${}_{number}", message.hex()),
    }
}

/// Writes the redaction of a part.
pub(super) fn take_back(
    tx: &Tx<'_>,
    place: Place,
    (message, uuid): (MessageId, PublicId),
    part: &str,
) -> Result<PublicId, StoreError> {
    let new = NewRoomEvent {
        kind: "m.room.redaction",
        content: contents::redaction(tx, &name(uuid, part))?,
        message: Some(message),
        relation: Some((uuid, REDACTION, Some(part))),
        ..NewRoomEvent::default()
    };
    append(tx, place, new)
}

/// Writes that a part is added, of which the message says what it is.
pub(super) fn add(
    tx: &Tx<'_>,
    place: Place,
    (message, uuid): (MessageId, PublicId),
    part: &str,
) -> Result<(), StoreError> {
    let new = NewRoomEvent {
        kind: "m.room.message",
        content: "{}".to_owned(),
        message: Some(message),
        relation: Some((uuid, PART, Some(part))),
        ..NewRoomEvent::default()
    };
    append(tx, place, new).map(drop)
}

/// The redaction of a message, or of its parts, that stands at a place; or what was added there.
pub(super) fn written(
    view: &View<'_>,
    place: Place,
    message: MessageId,
) -> Result<Option<PublicId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT uuid FROM room_events WHERE flow_id = :flow AND position = :position
           AND message_id = :message AND relation IN ('redaction', 'part') ORDER BY part DESC LIMIT 1",
    )?;
    let params = named_params! {
        ":flow": place.flow.0, ":position": place.position.0, ":message": message.0,
    };
    let found = statement.query_row(params, |row| row.get(0).map(PublicId::from_bytes));
    Ok(found.optional()?)
}
