//! Pinned messages of flows.

use rusqlite::named_params;

use super::error::StoreError;
use super::tx::{Tx, View};
use super::users;
use crate::model::{FlowId, MessageId, PublicId, Timestamp, UserId};

/// A pinned message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// Row number of the message.
    pub id: MessageId,
    /// The message.
    pub message: PublicId,
    /// The user who pinned it.
    pub by: PublicId,
    /// When it was pinned.
    pub at: Timestamp,
}

/// Returns the pinned messages of a flow, last pinned first.
///
/// # Errors
/// The file cannot be read.
pub fn of_flow(view: &View<'_>, flow: FlowId) -> Result<Vec<Pin>, StoreError> {
    let mut statement = view.prepare(
        "SELECT p.message_id, m.uuid, p.user_id, p.at FROM pins p JOIN messages m ON m.id = p.message_id
         WHERE p.flow_id = :flow ORDER BY p.at DESC, p.message_id DESC",
    )?;
    let mut rows = statement.query(named_params! {":flow": flow.0})?;
    let mut pins = Vec::new();
    while let Some(row) = rows.next()? {
        pins.push(Pin {
            id: MessageId(row.get(0)?),
            message: PublicId::from_bytes(row.get(1)?),
            by: users::uuid(view, UserId(row.get(2)?))?.unwrap_or(PublicId::NOTHING),
            at: Timestamp(row.get(3)?),
        });
    }
    Ok(pins)
}

/// Returns only the ids of the pinned messages.
///
/// # Errors
/// The file cannot be read.
pub fn list(view: &View<'_>, flow: FlowId) -> Result<Vec<PublicId>, StoreError> {
    let pins = of_flow(view, flow)?;
    Ok(pins.into_iter().map(|pin| pin.message).collect())
}

/// Returns how many messages are pinned in a flow.
///
/// # Errors
/// The file cannot be read.
pub fn count(view: &View<'_>, flow: FlowId) -> Result<i64, StoreError> {
    let mut statement = view.prepare("SELECT COUNT(*) FROM pins WHERE flow_id = :flow")?;
    Ok(statement.query_row(named_params! {":flow": flow.0}, |row| row.get(0))?)
}

/// Returns whether a message is pinned.
///
/// # Errors
/// The file cannot be read.
pub fn has(view: &View<'_>, flow: FlowId, message: MessageId) -> Result<bool, StoreError> {
    let mut statement =
        view.prepare("SELECT 1 FROM pins WHERE flow_id = :flow AND message_id = :message")?;
    Ok(statement.exists(named_params! {":flow": flow.0, ":message": message.0})?)
}

/// Pins or unpins a message.
///
/// # Errors
/// The file cannot be written.
pub fn set(
    tx: &Tx<'_>,
    flow: FlowId,
    message: MessageId,
    user: UserId,
    on: bool,
) -> Result<(), StoreError> {
    if !on {
        tx.prepare("DELETE FROM pins WHERE flow_id = :flow AND message_id = :message")?
            .execute(named_params! {":flow": flow.0, ":message": message.0})?;
        return Ok(());
    }
    // Messages that are pinned within one millisecond still have an order.
    tx.prepare(
        "INSERT INTO pins (flow_id, message_id, user_id, at)
         VALUES (:flow, :message, :user, max(:now, coalesce((SELECT max(at) + 1 FROM pins WHERE flow_id = :flow), 0)))",
    )?
    .execute(named_params! {
        ":flow": flow.0, ":message": message.0, ":user": user.0, ":now": tx.now().0,
    })?;
    tx.prepare("UPDATE messages SET slots = slots | 2048 WHERE id = :message")?
        .execute(named_params! {":message": message.0})?;
    Ok(())
}
