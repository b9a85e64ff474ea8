//! The commands that users can type after "/" to a bot.

use rusqlite::named_params;

use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{BotCommand, FlowId, PublicId, UserId};

/// Replaces the commands of a bot.
///
/// # Errors
/// The file cannot be written.
pub fn set(tx: &Tx<'_>, bot: UserId, commands: &[BotCommand]) -> Result<(), StoreError> {
    tx.prepare("DELETE FROM bot_commands WHERE bot_id = :bot")?
        .execute(named_params! {":bot": bot.0})?;
    let mut insert = tx.prepare(
        "INSERT INTO bot_commands (bot_id, ordinal, name, description) VALUES (:bot, :ordinal, :name, :description)",
    )?;
    for (ordinal, command) in (0_i64..).zip(commands) {
        insert.execute(named_params! {
            ":bot": bot.0,
            ":ordinal": ordinal,
            ":name": command.name,
            ":description": command.description,
        })?;
    }
    Ok(())
}

/// Returns the commands of the bots in a flow, each with its bot, at most `limit`; suspended bots are left out.
///
/// # Errors
/// The file cannot be read.
pub fn of_flow(
    view: &View<'_>,
    flow: FlowId,
    limit: i64,
) -> Result<Vec<(PublicId, BotCommand)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT b.uuid, c.name, c.description FROM members m
         JOIN users b ON b.id = m.user_id AND b.is_bot AND b.deleted_at IS NULL AND b.suspended_at IS NULL
         JOIN bot_commands c ON c.bot_id = b.id
         WHERE m.flow_id = :flow AND m.state = 'joined' ORDER BY c.name, b.id LIMIT :limit",
    )?;
    let rows = statement.query_map(named_params! {":flow": flow.0, ":limit": limit}, |row| {
        let command = BotCommand {
            name: row.get("name")?,
            description: row.get("description")?,
        };
        Ok((PublicId::from_bytes(row.get("uuid")?), command))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}
