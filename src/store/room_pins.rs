//! The pinned messages of a flow as state of its room.

use rusqlite::named_params;

use super::error::StoreError;
use super::room_events::{Place, state};
use super::tx::{Tx, View};
use super::{pins, room_edits};
use crate::model::FlowId;

/// The type of that state.
pub const PINNED: &str = "m.room.pinned_events";

/// Returns the content of that state: the events by which the pinned messages are known, last pinned last.
pub(super) fn content(view: &View<'_>, flow: FlowId) -> Result<String, StoreError> {
    let pinned = pins::of_flow(view, flow)?;
    let names = pinned.iter().rev();
    let names = names
        .map(|pin| Ok(format!("\"{}\"", room_edits::event_of(view, pin.id)?)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    Ok(format!("{{\"pinned\":[{}]}}", names.join(",")))
}

/// Writes that state, unless it names the pinned messages already. What else it names, such as a message
/// that was deleted or an event that is no message, makes no difference.
pub(super) fn tell(tx: &Tx<'_>, place: Place) -> Result<(), StoreError> {
    let is_other: bool = tx
        .prepare(
            "WITH present AS (SELECT content FROM room_events INDEXED BY room_state
                              WHERE flow_id = :flow AND type = 'm.room.pinned_events' AND state_key = ''
                              ORDER BY position DESC, part DESC LIMIT 1),
                  told AS (SELECT unhex(substr(j.value, 2, 32)) AS uuid FROM present, json_each(content, '$.pinned') j
                           WHERE j.type = 'text'),
                  pinned AS (SELECT m.uuid FROM pins p JOIN messages m ON m.id = p.message_id WHERE p.flow_id = :flow)
             SELECT EXISTS (SELECT uuid FROM pinned EXCEPT SELECT uuid FROM told)
                 OR EXISTS (SELECT 1 FROM told t JOIN messages m ON m.uuid = t.uuid
                            WHERE m.flow_id = :flow AND m.deleted_at IS NULL AND m.uuid NOT IN (SELECT uuid FROM pinned))",
        )?
        .query_row(named_params! {":flow": place.flow.0}, |row| row.get(0))?;
    if !is_other {
        return Ok(());
    }
    state(tx, place, PINNED, "", content(tx, place.flow)?)
}
