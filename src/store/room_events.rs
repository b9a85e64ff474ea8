//! Writing events of rooms, in the form that Matrix shows.
//!
//! What does not belong here: reading them (see [`room_log`](super::room_log)), and which event belongs to
//! a row of the log (see [`room_keeper`](super::room_keeper)).

use rusqlite::{OptionalExtension, named_params};
use sha2::{Digest as _, Sha256};

use super::error::StoreError;
use super::log::{self, About, Kind, Reach};
use super::room_contents as contents;
use super::tx::{Tx, View};
use crate::model::{By, FlowId, MessageId, Position, PublicId, SessionId, Timestamp, UserId};

/// The relation of a redaction to the redacted event.
pub const REDACTION: &str = "redaction";

/// A new event.
#[derive(Debug, Default)]
pub struct NewRoomEvent<'a> {
    /// Its type.
    pub kind: &'a str,
    /// The state key of a state event.
    pub state_key: Option<&'a str>,
    /// Its content, as JSON.
    pub content: String,
    /// The message that it represents or relates to.
    pub message: Option<MessageId>,
    /// The event that it relates to, the relation and its key.
    pub relation: Option<(PublicId, &'a str, Option<&'a str>)>,
    /// The session that sends it, and its transaction id.
    pub txn: Option<(SessionId, String)>,
}

/// The flow and position of an event, and its sender.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) flow: FlowId,
    pub(super) position: Position,
    pub(super) sender: Option<UserId>,
}

/// Returns the flow, the public id and the author of a message.
pub(super) fn about_message(
    view: &View<'_>,
    message: MessageId,
) -> Result<Option<(FlowId, PublicId, UserId)>, StoreError> {
    let mut statement =
        view.prepare("SELECT flow_id, uuid, author_id FROM messages WHERE id = :id")?;
    let found = statement.query_row(named_params! {":id": message.0}, |row| {
        Ok((
            FlowId(row.get(0)?),
            PublicId::from_bytes(row.get(1)?),
            UserId(row.get(2)?),
        ))
    });
    Ok(found.optional()?)
}

/// Writes the event of a message by Matrix that has just been inserted.
///
/// # Errors
/// The file cannot be written.
pub fn of_new_message(
    tx: &Tx<'_>,
    message: MessageId,
    new: &NewRoomEvent<'_>,
) -> Result<(), StoreError> {
    let (session, txn) = new.txn.clone().unzip();
    let (target, relation, key) = parts(new);
    tx.prepare(
        "INSERT OR REPLACE INTO room_events (flow_id, position, part, uuid, sender_id, type, content, at, message_id, target,
                                             relation, key, session_id, txn)
         SELECT flow_id, id, 0, uuid, author_id, :type, :content, sent_at, id, :target, :relation, :key, :session, :txn
         FROM messages WHERE id = :id",
    )?
    .execute(named_params! {
        ":type": new.kind, ":content": new.content, ":target": target, ":relation": relation,
        ":key": key, ":session": session.map(|id| id.0), ":txn": txn, ":id": message.0,
    })?;
    Ok(())
}

fn parts<'a>(new: &NewRoomEvent<'a>) -> (Option<[u8; 16]>, Option<&'a str>, Option<&'a str>) {
    match new.relation {
        Some((target, relation, key)) => (Some(target.to_bytes()), Some(relation), key),
        None => (None, None, None),
    }
}

/// Logs and writes an event that only Matrix shows. Returns its id.
///
/// # Errors
/// The file cannot be written.
pub fn add(
    tx: &Tx<'_>,
    flow: FlowId,
    by: By,
    new: NewRoomEvent<'_>,
) -> Result<PublicId, StoreError> {
    let about = About {
        actor: by.user,
        flow: Some(flow),
        message: new.message,
        ..About::default()
    };
    let position = log::append(tx, Reach::Members(flow), Kind::Room, about)?;
    let place = Place {
        flow,
        position,
        sender: by.user,
    };
    let target = new
        .relation
        .filter(|(_, relation, _)| *relation == REDACTION);
    let made = append(tx, place, new)?;
    if let Some((target, _, _)) = target {
        strike(tx, flow, target, made)?;
    }
    tx.tell_room(flow)?;
    Ok(made)
}

/// Returns the reaction of a user to an event with a key.
///
/// # Errors
/// The file cannot be read.
pub fn annotation(
    view: &View<'_>,
    target: PublicId,
    user: UserId,
    key: &str,
) -> Result<Option<PublicId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT uuid FROM room_events WHERE target = :target AND relation = 'm.annotation'
           AND sender_id = :user AND key = :key AND redacted_by IS NULL LIMIT 1",
    )?;
    let params = named_params! {":target": target.to_bytes(), ":user": user.0, ":key": key};
    let found = statement.query_row(params, |row| row.get(0).map(PublicId::from_bytes));
    Ok(found.optional()?)
}

/// The message that an event is, or is about, and how it is.
///
/// # Errors
/// The file cannot be read.
pub fn message_of(
    view: &View<'_>,
    uuid: PublicId,
) -> Result<Option<(MessageId, Option<String>)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT message_id, relation FROM room_events WHERE uuid = :uuid AND message_id IS NOT NULL",
    )?;
    let found = statement.query_row(named_params! {":uuid": uuid.to_bytes()}, |row| {
        Ok((MessageId(row.get(0)?), row.get(1)?))
    });
    Ok(found.optional()?)
}

/// What a session has sent to a room by a text of its own, lately.
///
/// # Errors
/// The file cannot be read.
pub fn sent(
    view: &View<'_>,
    flow: FlowId,
    kind: &str,
    (session, txn): (SessionId, &str),
    since: Timestamp,
) -> Result<Option<PublicId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT uuid FROM room_events WHERE session_id = :session AND txn = :txn AND flow_id = :flow
           AND type = :type AND at > :since LIMIT 1",
    )?;
    let params = named_params! {
        ":session": session.0, ":txn": txn, ":flow": flow.0, ":type": kind, ":since": since.0,
    };
    let found = statement.query_row(params, |row| row.get(0).map(PublicId::from_bytes));
    Ok(found.optional()?)
}

/// Removes events of rooms from before a time, at most `limit`: those that are neither state, which stays,
/// nor about a message, with which they go. Returns how many there were.
///
/// # Errors
/// The file cannot be written.
pub(super) fn forget_old(tx: &Tx<'_>, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
    Ok(tx
        .prepare(
            "DELETE FROM room_events WHERE (flow_id, position, part) IN
             (SELECT flow_id, position, part FROM room_events
              WHERE state_key IS NULL AND message_id IS NULL AND at < :before ORDER BY at LIMIT :limit)",
        )?
        .execute(named_params! {":before": before.0, ":limit": limit})?)
}

/// Removes such events of a flow that is being removed.
///
/// # Errors
/// The file cannot be written.
pub(super) fn forget_all(tx: &Tx<'_>, flow: FlowId) -> Result<(), StoreError> {
    tx.prepare(
        "DELETE FROM room_events INDEXED BY room_events_alone_by_flow
         WHERE flow_id = :flow AND state_key IS NULL AND message_id IS NULL",
    )?
    .execute(named_params! {":flow": flow.0})?;
    Ok(())
}

/// Empties an event of a room that was redacted.
pub(super) fn strike(
    tx: &Tx<'_>,
    flow: FlowId,
    target: PublicId,
    by: PublicId,
) -> Result<(), StoreError> {
    tx.scrub();
    tx.prepare(
        "UPDATE room_events SET redacted_by = :by, content = CASE type
             WHEN 'm.room.create' THEN content
             WHEN 'm.room.member' THEN json_object('membership', content ->> 'membership')
             WHEN 'm.room.join_rules' THEN (SELECT json_group_object(key, json(content -> key)) FROM json_each(content)
                  WHERE key IN ('join_rule', 'allow'))
             WHEN 'm.room.power_levels' THEN (SELECT json_group_object(key, json(content -> key)) FROM json_each(content)
                  WHERE key IN ('ban', 'events', 'events_default', 'invite', 'kick', 'redact', 'state_default',
                                'users', 'users_default'))
             WHEN 'm.room.history_visibility' THEN json_object('history_visibility', content ->> 'history_visibility')
             WHEN 'm.room.redaction' THEN json_object('redacts', content ->> 'redacts')
             ELSE '{}' END
         WHERE uuid = :target AND flow_id = :flow",
    )?
    .execute(named_params! {
        ":by": by.to_bytes(), ":target": target.to_bytes(), ":flow": flow.0,
    })?;
    Ok(())
}

/// Marks the edits of and reactions to a message as redacted with it. They are empty by then.
pub(super) fn strike_about(
    tx: &Tx<'_>,
    message: MessageId,
    by: PublicId,
) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE room_events SET redacted_by = :by
         WHERE message_id = :message AND redacted_by IS NULL AND relation <> 'redaction' AND content = '{}'",
    )?
    .execute(named_params! {":by": by.to_bytes(), ":message": message.0})?;
    Ok(())
}

/// Adds an event to a room, with the content that was set for it. Returns its id.
pub(super) fn append(
    tx: &Tx<'_>,
    place: Place,
    new: NewRoomEvent<'_>,
) -> Result<PublicId, StoreError> {
    let uuid = PublicId::generate();
    insert(tx, place, new, uuid)
}

fn insert(
    tx: &Tx<'_>,
    place: Place,
    mut new: NewRoomEvent<'_>,
    mut uuid: PublicId,
) -> Result<PublicId, StoreError> {
    if let Some(said) = tx.take_said(new.kind) {
        // For membership, creation and redactions, the values of the server override those of the client.
        let merges = matches!(
            new.kind,
            "m.room.member" | "m.room.create" | "m.room.redaction"
        );
        new.content = if merges {
            contents::patched(tx, &said.content, &new.content)?
        } else {
            said.content
        };
        new.txn = said.txn;
        uuid = said.uuid;
    }
    let (session, txn) = new.txn.clone().unzip();
    let (target, relation, key) = parts(&new);
    tx.prepare(
        "INSERT INTO room_events (flow_id, position, part, uuid, sender_id, type, state_key, content, at, message_id,
                                  target, relation, key, session_id, txn)
         VALUES (:flow, :position,
                 (SELECT coalesce(max(part) + 1, 0) FROM room_events WHERE flow_id = :flow AND position = :position),
                 :uuid, coalesce(:sender, (SELECT coalesce(owner_id, created_by) FROM flows WHERE id = :flow)),
                 :type, :state_key, :content, :at, :message, :target, :relation, :key, :session, :txn)",
    )?
    .execute(named_params! {
        ":flow": place.flow.0,
        ":position": place.position.0,
        ":uuid": uuid.to_bytes(),
        ":sender": place.sender.map(|id| id.0),
        ":type": new.kind,
        ":state_key": new.state_key,
        ":content": new.content,
        ":at": tx.now().0,
        ":message": new.message.map(|id| id.0),
        ":target": target,
        ":relation": relation,
        ":key": key,
        ":session": session.map(|id| id.0),
        ":txn": txn,
    })?;
    Ok(uuid)
}

/// Sets state, unless it is the same already.
pub(super) fn state(
    tx: &Tx<'_>,
    place: Place,
    kind: &str,
    key: &str,
    content: String,
) -> Result<(), StoreError> {
    set(tx, place, kind, key, content, false)
}

pub(super) fn set(
    tx: &Tx<'_>,
    place: Place,
    kind: &str,
    key: &str,
    content: String,
    is_derived: bool,
) -> Result<(), StoreError> {
    if is_state(tx, place.flow, (kind, key), &content)? {
        return Ok(());
    }
    let uuid = if is_derived {
        derived(tx, place.flow, kind, key)?
    } else {
        PublicId::generate()
    };
    let new = NewRoomEvent {
        kind,
        state_key: Some(key),
        content,
        ..NewRoomEvent::default()
    };
    insert(tx, place, new, uuid).map(drop)
}

/// Returns whether a piece of state of a room has this content now.
///
/// # Errors
/// The file cannot be read.
pub fn is_state(
    view: &View<'_>,
    flow: FlowId,
    (kind, key): (&str, &str),
    content: &str,
) -> Result<bool, StoreError> {
    let present: Option<String> = view
        .prepare(
            "SELECT content FROM room_events INDEXED BY room_state
             WHERE flow_id = :flow AND type = :type AND state_key = :key
             ORDER BY position DESC, part DESC LIMIT 1",
        )?
        .query_row(
            named_params! {":flow": flow.0, ":type": kind, ":key": key},
            |row| row.get(0),
        )
        .optional()?;
    Ok(present.as_deref() == Some(content))
}

/// Returns the id for state from before Matrix was switched on.
fn derived(tx: &Tx<'_>, flow: FlowId, kind: &str, key: &str) -> Result<PublicId, StoreError> {
    let uuid: [u8; 16] = tx
        .prepare("SELECT uuid FROM flows WHERE id = :id")?
        .query_row(named_params! {":id": flow.0}, |row| row.get(0))?;
    let mut hash = Sha256::new();
    hash.update(b"morelia");
    hash.update(uuid);
    for part in [kind, key] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    Ok(PublicId::from_bytes(first))
}

pub(super) fn member(
    tx: &Tx<'_>,
    place: Place,
    user: UserId,
    membership: &str,
) -> Result<(), StoreError> {
    let (key, content) = contents::member(tx, place.flow, user, membership)?;
    // The sender of a join is the user who joins, no matter who added that user.
    let sender = if membership == "join" {
        Some(user)
    } else {
        place.sender
    };
    state(
        tx,
        Place { sender, ..place },
        "m.room.member",
        &key,
        content,
    )
}

pub(super) fn levels(tx: &Tx<'_>, place: Place) -> Result<(), StoreError> {
    let content = contents::power_levels(tx, place.flow)?;
    state(tx, place, "m.room.power_levels", "", content)
}

/// Sets state of a room, unless it is the same already.
///
/// # Errors
/// The file cannot be written.
pub fn set_state(
    tx: &Tx<'_>,
    flow: FlowId,
    by: By,
    (kind, key): (&str, &str),
    content: String,
) -> Result<(), StoreError> {
    let about = About {
        actor: by.user,
        flow: Some(flow),
        ..About::default()
    };
    let position = log::append(tx, Reach::Members(flow), Kind::Room, about)?;
    let place = Place {
        flow,
        position,
        sender: by.user,
    };
    state(tx, place, kind, key, content)?;
    tx.tell_room(flow)?;
    Ok(())
}

/// Writes the present power levels, after they have changed.
///
/// # Errors
/// The file cannot be written.
pub fn set_levels(tx: &Tx<'_>, flow: FlowId, by: By) -> Result<(), StoreError> {
    let content = contents::power_levels(tx, flow)?;
    set_state(tx, flow, by, ("m.room.power_levels", ""), content)
}

/// Returns messages of a user that are not deleted, after a message and at most `limit`.
///
/// # Errors
/// The file cannot be read.
pub fn messages_of(
    view: &View<'_>,
    user: UserId,
    (after, limit): (MessageId, i64),
) -> Result<Vec<(MessageId, PublicId)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT id, uuid FROM messages WHERE author_id = :user AND deleted_at IS NULL AND id > :after ORDER BY id LIMIT :limit",
    )?;
    let params = named_params! {":user": user.0, ":after": after.0, ":limit": limit};
    let rows = statement.query_map(params, |row| {
        Ok((MessageId(row.get(0)?), PublicId::from_bytes(row.get(1)?)))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}
