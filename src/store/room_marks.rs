//! How far users have read in rooms, as Matrix shows it: up to which event.
//!
//! What does not belong here: up to which number (see [`marks`](super::marks)).

use rusqlite::{OptionalExtension, named_params};

use super::accounts::HIDES_READ;
use super::error::StoreError;
use super::log::{self, About, Kind, Reach};
use super::tx::{Tx, View};
use crate::model::{By, FlowId, MessageId, Position, Timestamp, UserId};

/// How far a user has read.
#[derive(Debug, Clone)]
pub struct RoomReceipt {
    /// The user's name, without the server.
    pub localpart: String,
    /// `m.read` or `m.read.private`.
    pub kind: String,
    /// The thread; empty: all.
    pub thread: String,
    /// The id of the event.
    pub event: String,
    /// When it was set.
    pub at: Timestamp,
}

/// A receipt to store.
#[derive(Debug, Clone, Copy)]
pub struct NewReceipt<'a> {
    /// `m.read`, `m.read.private` or `m.fully_read`.
    pub kind: &'a str,
    /// The thread; empty: all.
    pub thread: &'a str,
    /// The id of the event, and its position.
    pub event: (&'a str, Position),
}

/// Records how far a user has read. The mark only moves forward; returns whether it did.
///
/// # Errors
/// The file cannot be written.
pub fn set(tx: &Tx<'_>, flow: FlowId, by: By, new: NewReceipt<'_>) -> Result<bool, StoreError> {
    let Some(user) = by.user else {
        return Ok(false);
    };
    let (event, place) = new.event;
    let known: Option<(String, i64)> = tx
        .prepare(
            "SELECT event, event_position FROM room_receipts
             WHERE flow_id = :flow AND user_id = :user AND kind = :kind AND thread = :thread",
        )?
        .query_row(
            named_params! {":flow": flow.0, ":user": user.0, ":kind": new.kind, ":thread": new.thread},
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    // The parts of a message have one position; they are ordered by their numbers.
    let part = |id: &str| {
        id.split_once('_')
            .and_then(|(_, part)| part.parse::<u32>().ok())
    };
    if known.is_some_and(|(known, at)| at > place.0 || at == place.0 && part(&known) >= part(event))
    {
        return Ok(false);
    }
    let about = About {
        actor: Some(user),
        flow: Some(flow),
        ..About::default()
    };
    let position = log::append(tx, Reach::Private(user), Kind::Room, about)?;
    put(tx, (flow, user), new, position)?;
    if new.kind == "m.read" {
        tx.tell_room(flow)?;
    } else {
        tx.tell_private(user, flow);
    }
    Ok(true)
}

/// Removes a user's oldest receipts of threads of a room beyond a number.
///
/// # Errors
/// The file cannot be written.
pub fn keep_newest(
    tx: &Tx<'_>,
    (flow, user): (FlowId, UserId),
    most: i64,
) -> Result<(), StoreError> {
    tx.prepare(
        "DELETE FROM room_receipts WHERE flow_id = :flow AND user_id = :user AND position <= (
             SELECT position FROM room_receipts
             WHERE flow_id = :flow AND user_id = :user AND thread NOT IN ('', 'main')
             ORDER BY position DESC LIMIT 1 OFFSET :most) AND thread NOT IN ('', 'main')",
    )?
    .execute(named_params! {":flow": flow.0, ":user": user.0, ":most": most})?;
    Ok(())
}

fn put(
    tx: &Tx<'_>,
    (flow, user): (FlowId, UserId),
    new: NewReceipt<'_>,
    position: Position,
) -> Result<(), StoreError> {
    tx.prepare(
        "INSERT INTO room_receipts (flow_id, user_id, kind, thread, event, event_position, at, position)
         VALUES (:flow, :user, :kind, :thread, :event, :place, :at, :position)
         ON CONFLICT DO UPDATE SET event = excluded.event, event_position = excluded.event_position,
             at = excluded.at, position = excluded.position WHERE event_position <= excluded.event_position",
    )?
    .execute(named_params! {
        ":flow": flow.0, ":user": user.0, ":kind": new.kind, ":thread": new.thread, ":event": new.event.0,
        ":place": new.event.1.0, ":at": tx.now().0, ":position": position.0,
    })?;
    Ok(())
}

/// Records a read mark of MTP that has moved, so that Matrix clients see it too.
pub(super) fn of_mark(
    tx: &Tx<'_>,
    flow: FlowId,
    user: UserId,
    position: Position,
) -> Result<(), StoreError> {
    let last: Option<i64> = tx
        .prepare(
            "SELECT m.id FROM members r JOIN messages m ON m.flow_id = r.flow_id AND m.number = r.read_number
             WHERE r.flow_id = :flow AND r.user_id = :user",
        )?
        .query_row(named_params! {":flow": flow.0, ":user": user.0}, |row| row.get(0))
        .optional()?;
    let Some(last) = last else { return Ok(()) };
    // The mark was moved by a receipt outside of threads, and does not apply to threads.
    let is_main = tx
        .prepare(
            "SELECT 1 FROM room_receipts WHERE flow_id = :flow AND user_id = :user AND kind = 'm.read'
               AND thread = 'main' AND event_position >= :last",
        )?
        .exists(named_params! {":flow": flow.0, ":user": user.0, ":last": last})?;
    if is_main {
        return tx.tell_room(flow);
    }
    let event = super::room_edits::event_of(tx, MessageId(last))?;
    let new = NewReceipt {
        kind: "m.read",
        thread: "",
        event: (&event, Position(last)),
    };
    put(tx, (flow, user), new, position)?;
    tx.tell_room(flow)
}

/// Returns the receipts of a room between two positions, if the reader may know them.
///
/// # Errors
/// The file cannot be read.
pub fn since(
    view: &View<'_>,
    flow: FlowId,
    reader: UserId,
    (after, until): (Position, Position),
) -> Result<Vec<RoomReceipt>, StoreError> {
    let mut statement = view.prepare(
        "SELECT u.localpart, r.kind, r.thread, r.event, r.at FROM room_receipts r JOIN users u ON u.id = r.user_id
         JOIN members m ON m.flow_id = r.flow_id AND m.user_id = r.user_id AND m.state = 'joined' AND m.room_left = 0
         WHERE r.flow_id = :flow AND r.position > :after AND r.position <= :until AND r.kind <> 'm.fully_read'
           AND (r.user_id = :reader OR r.kind = 'm.read' AND u.privacy & :hides = 0
                AND NOT EXISTS (SELECT 1 FROM users o WHERE o.id = :reader AND o.privacy & :hides <> 0)
                AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = r.user_id AND b.blocked_id = :reader))
         ORDER BY r.position",
    )?;
    let params = named_params! {
        ":flow": flow.0, ":after": after.0, ":until": until.0, ":reader": reader.0, ":hides": HIDES_READ,
    };
    let rows = statement.query_map(params, |row| {
        Ok(RoomReceipt {
            localpart: row.get(0)?,
            kind: row.get(1)?,
            thread: row.get(2)?,
            event: row.get(3)?,
            at: Timestamp(row.get(4)?),
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns how far a user has read each thread of a room.
///
/// # Errors
/// The file cannot be read.
pub fn of_threads(
    view: &View<'_>,
    flow: FlowId,
    user: UserId,
) -> Result<Vec<(String, Position)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT thread, max(event_position) FROM room_receipts WHERE flow_id = :flow AND user_id = :user
           AND kind IN ('m.read', 'm.read.private') AND thread NOT IN ('', 'main') GROUP BY thread",
    )?;
    let params = named_params! {":flow": flow.0, ":user": user.0};
    let rows = statement.query_map(params, |row| Ok((row.get(0)?, Position(row.get(1)?))))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns whether there are receipts of a room that are newer than a position.
///
/// # Errors
/// The file cannot be read.
pub fn has_news(view: &View<'_>, flow: FlowId, after: Position) -> Result<bool, StoreError> {
    let mut statement =
        view.prepare("SELECT 1 FROM room_receipts WHERE flow_id = :flow AND position > :after")?;
    Ok(statement.exists(named_params! {":flow": flow.0, ":after": after.0})?)
}
