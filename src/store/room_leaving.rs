//! Leaving the room of a chat: a chat always keeps its two members, whichever protocol they use, and a
//! user who leaves it by Matrix leaves only the room.

use rusqlite::named_params;

use super::error::StoreError;
use super::log::{self, About, Kind, Reach};
use super::room_events::{Place, member};
use super::tx::Tx;
use crate::model::{FlowId, Position, UserId};

/// Removes a member from the room of a chat.
///
/// # Errors
/// The file cannot be written.
pub fn leave(tx: &Tx<'_>, flow: FlowId, user: UserId) -> Result<(), StoreError> {
    let since = tx.position();
    let left = tx
        .prepare(
            "UPDATE members SET room_left = 1, room_since = :since
             WHERE flow_id = :flow AND user_id = :user AND state = 'joined' AND room_left = 0",
        )?
        .execute(named_params! {":since": since.0, ":flow": flow.0, ":user": user.0})?;
    if left > 0 {
        let place = log(tx, flow, user)?;
        member(tx, place, user, "leave")?;
        tx.tell_room(flow)?;
    }
    Ok(())
}

/// Brings one member back into the room of a chat.
///
/// # Errors
/// The file cannot be written.
pub fn come_back(tx: &Tx<'_>, flow: FlowId, user: UserId) -> Result<(), StoreError> {
    bring_back(tx, flow, Some(user), None)
}

/// Brings members who have left the room back before a message is written.
pub(super) fn before_message(tx: &Tx<'_>, flow: FlowId) -> Result<(), StoreError> {
    if tx.keeps_rooms() {
        bring_back(tx, flow, None, None)?;
    }
    Ok(())
}

/// Brings the sender of an event back, if that user has left the room.
pub(super) fn before_event(tx: &Tx<'_>, place: Place) -> Result<(), StoreError> {
    match place.sender {
        Some(sender) => bring_back(tx, place.flow, Some(sender), Some(place)),
        None => Ok(()),
    }
}

fn bring_back(
    tx: &Tx<'_>,
    flow: FlowId,
    only: Option<UserId>,
    place: Option<Place>,
) -> Result<(), StoreError> {
    let gone = tx
        .prepare(
            "SELECT m.user_id FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.flow_id = :flow AND m.room_left = 1 AND u.deleted_at IS NULL
               AND (:only IS NULL OR m.user_id = :only)",
        )?
        .query_map(
            named_params! {":flow": flow.0, ":only": only.map(|id| id.0)},
            |row| row.get(0).map(UserId),
        )?
        .collect::<Result<Vec<_>, _>>()?;
    let Some(first) = gone.first() else {
        return Ok(());
    };
    let place = match place {
        Some(place) => place,
        None => log(tx, flow, *first)?,
    };
    for user in gone {
        tx.prepare(
            "UPDATE members SET room_left = 0, room_since = :since, forgotten_at = NULL
             WHERE flow_id = :flow AND user_id = :user",
        )?
        .execute(named_params! {
            ":since": place.position.0 - 1, ":flow": flow.0, ":user": user.0,
        })?;
        member(tx, place, user, "join")?;
    }
    tx.tell_room(flow)
}

/// Brings members back who have left a room and got messages while no events were kept.
pub(super) fn settle(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE members SET room_left = 0, room_since = :since, forgotten_at = NULL
         WHERE room_left = 1 AND room_since < (SELECT last_message_id FROM flows WHERE id = flow_id)",
    )?
    .execute(named_params! {":since": tx.position().0})?;
    Ok(())
}

fn log(tx: &Tx<'_>, flow: FlowId, user: UserId) -> Result<Place, StoreError> {
    let about = About {
        actor: Some(user),
        flow: Some(flow),
        ..About::default()
    };
    let position: Position = log::append(tx, Reach::Members(flow), Kind::Room, about)?;
    Ok(Place {
        flow,
        position,
        sender: Some(user),
    })
}
