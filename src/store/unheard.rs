//! What a client has missed in a flow before its user left, and skips while the user is away: the client
//! gets it when the user comes back.
//!
//! Nobody reads a flow after leaving it, so a client that catches up meanwhile is only told that its user
//! has left. How far that client was up to date is stored with the membership, and
//! [`membership`](super::membership) starts there for a user who comes back.

use rusqlite::named_params;

use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{FlowId, Position, UserId};

/// Returns the flows that a user has left, and for which a reader that knows everything up to a position
/// would get less than is recorded: each with the position up to which that reader knows it.
///
/// # Errors
/// The file cannot be read.
pub fn after(
    view: &View<'_>,
    user: UserId,
    after: Position,
) -> Result<Vec<(FlowId, Position)>, StoreError> {
    // If the user came back and left again before the reader caught up, what was missed before that counts
    // too (56: came back, with the first missed position in message_id).
    let mut statement = view.prepare(
        "SELECT flow_id, known FROM (
             SELECT m.flow_id, m.unheard_position AS noted,
                    min(:after, coalesce((SELECT min(c.message_id) FROM changes c
                                          WHERE c.audience = -:user AND c.position > :after
                                            AND c.kind = 56 AND c.flow_id = m.flow_id), :after)) AS known
             FROM members m
             WHERE m.user_id = :user AND m.state <> 'joined' AND m.until_position > :after)
         WHERE noted IS NULL OR noted > known",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0, ":after": after.0}, |row| {
        Ok((FlowId(row.get(0)?), Position(row.get(1)?)))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Records the position up to which a reader knows flows that the user has left.
///
/// # Errors
/// The file cannot be written.
pub fn note(tx: &Tx<'_>, user: UserId, flows: &[(FlowId, Position)]) -> Result<(), StoreError> {
    let mut statement = tx.prepare(
        "UPDATE members SET unheard_position = min(coalesce(unheard_position, :known), :known)
         WHERE flow_id = :flow AND user_id = :user AND until_position > :known",
    )?;
    for (flow, known) in flows {
        statement.execute(named_params! {":known": known.0, ":flow": flow.0, ":user": user.0})?;
    }
    Ok(())
}
