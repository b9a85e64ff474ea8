//! Reactions to messages.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::room_keeper;
use super::tx::{Tx, View};
use crate::model::{MessageId, PublicId, UserId};

/// The numbers of reactions to a message that the limits need.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// The reactions of one user.
    pub own: i64,
    /// The number of different emoji.
    pub kinds: i64,
    /// Whether the given emoji is one of them.
    pub has_kind: bool,
    /// Whether the user reacted with the given emoji.
    pub has_own: bool,
}

/// Counts the reactions to a message, in total and for one user and one emoji.
///
/// # Errors
/// The file cannot be read.
pub fn count(
    view: &View<'_>,
    message: MessageId,
    user: UserId,
    emoji: &str,
) -> Result<Counts, StoreError> {
    let mut statement = view.prepare(
        "SELECT (SELECT COUNT(*) FROM reactions WHERE message_id = :message AND user_id = :user),
                (SELECT COUNT(DISTINCT emoji) FROM reactions WHERE message_id = :message),
                EXISTS (SELECT 1 FROM reactions WHERE message_id = :message AND emoji = :emoji),
                EXISTS (SELECT 1 FROM reactions WHERE message_id = :message AND emoji = :emoji AND user_id = :user)",
    )?;
    let params = named_params! {":message": message.0, ":user": user.0, ":emoji": emoji};
    Ok(statement.query_row(params, |row| {
        Ok(Counts {
            own: row.get(0)?,
            kinds: row.get(1)?,
            has_kind: row.get(2)?,
            has_own: row.get(3)?,
        })
    })?)
}

/// Adds or removes a reaction. Returns whether anything changed.
///
/// # Errors
/// The file cannot be written.
pub fn set(
    tx: &Tx<'_>,
    message: MessageId,
    user: UserId,
    emoji: &str,
    on: bool,
) -> Result<bool, StoreError> {
    if !on {
        room_keeper::reacted(tx, message, user, emoji, false)?;
    }
    let changed = if on {
        // The change is logged next, at this position.
        let position = tx.position().0 + 1;
        tx.prepare(
            "INSERT INTO reactions (message_id, emoji, user_id, position)
             VALUES (:message, :emoji, :user, :position) ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! {
            ":message": message.0, ":emoji": emoji, ":user": user.0, ":position": position,
        })?
    } else {
        tx.prepare(
            "DELETE FROM reactions WHERE message_id = :message AND emoji = :emoji AND user_id = :user",
        )?
        .execute(named_params! {":message": message.0, ":emoji": emoji, ":user": user.0})?
    };
    if on && changed > 0 {
        room_keeper::reacted(tx, message, user, emoji, true)?;
    }
    Ok(changed > 0)
}

/// Returns the message and the emoji of a user's reaction by Matrix, if MTP has the reaction too.
///
/// # Errors
/// The file cannot be read.
pub fn of_event(
    view: &View<'_>,
    uuid: PublicId,
    user: UserId,
) -> Result<Option<(PublicId, String)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.uuid, r.emoji FROM room_events e JOIN messages m ON m.id = e.message_id
         JOIN reactions r ON r.message_id = m.id AND r.emoji = e.key AND r.user_id = e.sender_id
         WHERE e.uuid = :uuid AND e.sender_id = :user AND e.target = m.uuid",
    )?;
    let params = named_params! {":uuid": uuid.to_bytes(), ":user": user.0};
    let found = statement.query_row(params, |row| {
        Ok((PublicId::from_bytes(row.get(0)?), row.get(1)?))
    });
    Ok(found.optional()?)
}

/// Removes the reaction of an event that was redacted. Returns its message; `None`: it is no reaction.
///
/// # Errors
/// The file cannot be written.
pub fn strike(tx: &Tx<'_>, uuid: PublicId) -> Result<Option<MessageId>, StoreError> {
    let mut statement = tx.prepare(
        "DELETE FROM reactions WHERE (message_id, emoji, user_id) IN (
             SELECT m.id, e.key, e.sender_id FROM room_events e JOIN messages m ON m.id = e.message_id AND m.uuid = e.target
             WHERE e.uuid = :uuid AND e.relation = 'm.annotation')
         RETURNING message_id",
    )?;
    let params = named_params! {":uuid": uuid.to_bytes()};
    let found = statement.query_row(params, |row| row.get(0).map(MessageId));
    Ok(found.optional()?)
}
