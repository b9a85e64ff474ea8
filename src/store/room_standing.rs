//! The memberships of readers in rooms at the time of events.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::room_log::RoomEvent;
use super::tx::View;
use crate::model::{FlowId, UserId};

/// Adds to events a user's membership in their room at that time, including the event itself.
///
/// # Errors
/// The file cannot be read.
pub fn add_memberships(
    view: &View<'_>,
    (flow, user): (FlowId, UserId),
    events: &mut [RoomEvent],
) -> Result<(), StoreError> {
    let mut statement = view.prepare(
        "SELECT e.content ->> 'membership' FROM room_events e JOIN users u ON u.id = :user
         WHERE e.flow_id = :flow AND e.type = 'm.room.member' AND e.state_key = '@' || u.localpart
           AND e.position <= :position ORDER BY e.position DESC, e.part DESC LIMIT 1",
    )?;
    for event in events {
        let params =
            named_params! {":flow": flow.0, ":user": user.0, ":position": event.position.0};
        let found: Option<Option<String>> =
            statement.query_row(params, |row| row.get(0)).optional()?;
        event.membership = Some(found.flatten().unwrap_or_else(|| "leave".to_owned()));
    }
    Ok(())
}
