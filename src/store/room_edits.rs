//! Edits of messages by the other protocol, as events: what is said now, and which parts came and went.

use rusqlite::{Params, named_params};

use super::error::StoreError;
use super::room_events::{NewRoomEvent, Place, append, strike};
use super::room_leaving;
use super::room_parts::{self, TEXT};
use super::tx::{Tx, View};
use crate::model::{By, MessageId, Position, PublicId};

fn text(view: &View<'_>, sql: &str, params: impl Params) -> Result<String, StoreError> {
    Ok(view.prepare(sql)?.query_row(params, |row| row.get(0))?)
}

/// The id of the event by which a message is known: its text's, else its first file's.
pub(super) fn event_of(view: &View<'_>, message: MessageId) -> Result<String, StoreError> {
    let uuid: PublicId = view
        .prepare("SELECT uuid FROM messages WHERE id = :id")?
        .query_row(named_params! {":id": message.0}, |row| {
            row.get(0).map(PublicId::from_bytes)
        })?;
    let parts = room_parts::of(view, message)?;
    let first = parts.first().map_or(TEXT, String::as_str);
    Ok(room_parts::name(uuid, first))
}

/// What an edit makes of a message: of its text, or of the file with which that is one event.
pub(super) fn content(view: &View<'_>, message: MessageId) -> Result<String, StoreError> {
    let name = event_of(view, message)?;
    let is_stored = room_parts::is_stored(view, message)?;
    let file = match room_parts::with_text(view, message)? {
        Some(number) => Some(number),
        // Without a text it is known by its first file.
        None => name.split_once('_').and_then(|(_, part)| part.parse().ok()),
    };
    let params = named_params! {":id": message.0};
    let new = match file {
        Some(_) if is_stored => text(
            view,
            "SELECT json_patch(e.content, json_object(
                     'body', coalesce(nullif(m.text, ''), e.content ->> 'filename', e.content ->> 'body'),
                     'filename', coalesce(e.content ->> 'filename', e.content ->> 'body'),
                     'format', NULL, 'formatted_body', NULL, 'm.relates_to', NULL, 'm.mentions', NULL))
             FROM room_events e JOIN messages m ON m.uuid = e.uuid WHERE m.id = :id",
            params,
        )?,
        Some(number) => text(
            view,
            "SELECT json_patch('{}', json_object(
                 'msgtype', CASE a.kind WHEN 0 THEN 'm.image' WHEN 1 THEN 'm.video' WHEN 3 THEN 'm.file'
                                        WHEN 4 THEN NULL ELSE 'm.audio' END,
                 'body', coalesce(nullif(m.text, ''), a.name, 'file'), 'filename', coalesce(a.name, 'file'),
                 'url', 'mxc:///' || lower(hex(a.public_id)),
                 'info', json_object('size', f.size,
                     'mimetype', CASE WHEN a.encoding THEN coalesce(a.type, f.type) END,
                     'w', a.width, 'h', a.height, 'duration', a.duration,
                     'thumbnail_url', CASE WHEN a.thumb_public_id IS NOT NULL
                                           THEN 'mxc:///' || lower(hex(a.thumb_public_id)) END)))
             FROM attachments a JOIN files f ON f.id = a.file_id JOIN messages m ON m.id = a.message_id
             WHERE a.message_id = :id AND a.ordinal = :number",
            named_params! {":id": message.0, ":number": number},
        )?,
        None => text(
            view,
            "SELECT json_object('msgtype', 'm.text', 'body', coalesce(text, '')) FROM messages WHERE id = :id",
            params,
        )?,
    };
    text(
        view,
        "SELECT json_patch(:new, json_object('body', '* ' || (:new ->> 'body'), 'm.new_content', json(:new),
                    'm.relates_to', json_object('rel_type', 'm.replace', 'event_id', :name)))",
        named_params! {":new": new, ":name": name},
    )
}

/// A message before it is edited.
pub(super) struct Before {
    parts: Vec<String>,
    with_text: Option<i64>,
    text: Option<String>,
    files: Vec<String>,
}

fn now(view: &View<'_>, message: MessageId) -> Result<Before, StoreError> {
    let text = view
        .prepare("SELECT text FROM messages WHERE id = :id")?
        .query_row(named_params! {":id": message.0}, |row| row.get(0))?;
    let files = view
        .prepare("SELECT ordinal FROM attachments WHERE message_id = :id ORDER BY ordinal")?
        .query_map(named_params! {":id": message.0}, |row| {
            row.get(0).map(|number: i64| number.to_string())
        })?
        .collect::<Result<_, _>>()?;
    Ok(Before {
        parts: room_parts::of(view, message)?,
        with_text: room_parts::with_text(view, message)?,
        text,
        files,
    })
}

/// What a message is that is about to be edited, where events are kept.
pub(super) fn before(tx: &Tx<'_>, message: MessageId) -> Result<Option<Before>, StoreError> {
    tx.keeps_rooms().then(|| now(tx, message)).transpose()
}

/// A message has been edited, which is logged next: parts that it has no more are taken back, and those
/// that it has now stand there. What stays is known by the id that it had.
pub(super) fn after(
    tx: &Tx<'_>,
    message: MessageId,
    before: Option<Before>,
    by: By,
) -> Result<(), StoreError> {
    let (Some(before), Some((flow, uuid, author))) =
        (before, super::room_events::about_message(tx, message)?)
    else {
        return Ok(());
    };
    let changed = now(tx, message)?;
    let has_text = |parts: &[String]| parts.iter().any(|part| part == TEXT);
    let is_same = before.files == changed.files;
    if is_same && has_text(&before.parts) == has_text(&changed.parts) {
        return Ok(());
    }
    let place = Place {
        flow,
        position: Position(tx.position().0 + 1),
        sender: by.user.or(Some(author)),
    };
    if by.user.is_some() {
        room_leaving::before_event(tx, place)?;
    }
    let of = (message, uuid);
    let is_part = |part: &&String| before.parts.contains(part);
    let gone = before.files.iter().filter(|it| !changed.files.contains(it));
    for part in gone.filter(is_part) {
        take_back(tx, place, of, (part, before.with_text))?;
    }
    for part in changed.files.iter().filter(|it| !before.files.contains(it)) {
        room_parts::add(tx, place, of, part)?;
    }
    let settled = now(tx, message)?;
    match (has_text(&before.parts), has_text(&settled.parts)) {
        (true, false) => take_back(tx, place, of, (TEXT, before.with_text))?,
        (false, true) => room_parts::add(tx, place, of, TEXT)?,
        _ => {}
    }
    let is_stored = room_parts::is_stored(tx, message)?;
    let carrier = |state: &Before| match state.with_text {
        Some(number) if !is_stored => number.to_string(),
        _ => TEXT.to_owned(),
    };
    let part = carrier(&before);
    let stays = part == carrier(&settled)
        && [&before, &settled]
            .iter()
            .all(|it| it.parts.contains(&part));
    if stays && (before.text != settled.text || before.with_text != settled.with_text) {
        let new = NewRoomEvent {
            kind: "m.room.message",
            content: content(tx, message)?,
            message: Some(message),
            relation: Some((uuid, "m.replace", None)),
            ..NewRoomEvent::default()
        };
        append(tx, place, new)?;
    }
    tx.scrub();
    Ok(())
}

/// Takes a part back, and with the one that carries the text what that was edited to.
pub(super) fn take_back(
    tx: &Tx<'_>,
    place: Place,
    (message, uuid): (MessageId, PublicId),
    (part, with_text): (&str, Option<i64>),
) -> Result<(), StoreError> {
    let made = room_parts::take_back(tx, place, (message, uuid), part)?;
    if part == TEXT && room_parts::is_stored(tx, message)? {
        strike(tx, place.flow, uuid, made)?;
    }
    if part == TEXT || with_text.is_some_and(|number| number.to_string() == part) {
        tx.prepare(
            "UPDATE room_events SET content = '{}', redacted_by = :made
             WHERE target = :target AND relation = 'm.replace' AND redacted_by IS NULL",
        )?
        .execute(named_params! {":made": made.to_bytes(), ":target": uuid.to_bytes()})?;
    }
    Ok(())
}
