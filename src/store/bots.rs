//! Bots, their owners and their tokens.

use rusqlite::{Row, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{Bot, BotToken, PublicId, Scopes, SessionId, Timestamp, UserId};

/// The end of a token that never ends: far beyond any clock, and small enough to calculate with.
const NEVER: i64 = 1 << 52;

/// Sets the owner of a bot.
///
/// # Errors
/// The file cannot be written.
pub fn set_owner(tx: &Tx<'_>, bot: UserId, owner: UserId) -> Result<(), StoreError> {
    tx.prepare("UPDATE users SET owner_id = :owner WHERE id = :bot")?
        .execute(named_params! {":owner": owner.0, ":bot": bot.0})?;
    Ok(())
}

/// Returns how many bots a user owns.
///
/// # Errors
/// The file cannot be read.
pub fn count_of(view: &View<'_>, owner: UserId) -> Result<i64, StoreError> {
    let mut statement =
        view.prepare("SELECT COUNT(*) FROM users WHERE owner_id = :owner AND deleted_at IS NULL")?;
    Ok(statement.query_row(named_params! {":owner": owner.0}, |row| row.get(0))?)
}

/// Returns the bots of an owner, or all bots, oldest first, without those that only write for hooks.
///
/// # Errors
/// The file cannot be read.
pub fn list(view: &View<'_>, owner: Option<UserId>, limit: i64) -> Result<Vec<Bot>, StoreError> {
    let mut statement = view.prepare(
        "SELECT b.uuid, b.login, b.username, o.login AS owner, b.created_at,
                (SELECT COUNT(*) FROM sessions s WHERE s.user_id = b.id AND s.kind = 1) AS tokens
         FROM users b LEFT JOIN users o ON o.id = b.owner_id
         WHERE b.is_bot AND b.deleted_at IS NULL AND b.flags & 2 = 0 AND (:owner IS NULL OR b.owner_id = :owner)
         ORDER BY b.id LIMIT :limit",
    )?;
    let params = named_params! {":owner": owner.map(|id| id.0), ":limit": limit};
    let rows = statement.query_map(params, |row| {
        Ok(Bot {
            uuid: PublicId::from_bytes(row.get("uuid")?),
            login: row.get("login")?,
            username: row.get("username")?,
            owner: row.get("owner")?,
            created_at: Timestamp(row.get("created_at")?),
            tokens: row.get("tokens")?,
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// The initial values of a token.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The bot.
    pub bot: UserId,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// The purpose of the token.
    pub label: Option<String>,
    /// The scopes that it grants.
    pub scopes: Scopes,
    /// When it expires; `None`: never.
    pub expires_at: Option<Timestamp>,
}

/// Stores a token.
///
/// # Errors
/// The file cannot be written.
pub fn insert_token(tx: &Tx<'_>, new: &NewToken) -> Result<SessionId, StoreError> {
    tx.prepare(
        "INSERT INTO sessions (user_id, token_hash, kind, scopes, created_at, last_used_at, expires_at, label)
         VALUES (:bot, :hash, 1, :scopes, :now, 0, :expires_at, :label)",
    )?
    .execute(named_params! {
        ":bot": new.bot.0,
        ":hash": new.hash,
        ":scopes": new.scopes.0,
        ":now": tx.now().0,
        ":expires_at": new.expires_at.map_or(NEVER, |time| time.0),
        ":label": new.label,
    })?;
    Ok(SessionId(tx.last_id()))
}

/// Returns the tokens of a bot, newest first.
///
/// # Errors
/// The file cannot be read.
pub fn tokens(view: &View<'_>, bot: UserId) -> Result<Vec<BotToken>, StoreError> {
    let mut statement = view.prepare(
        "SELECT id, label, scopes, created_at, last_used_at, expires_at FROM sessions
         WHERE user_id = :bot AND kind = 1 ORDER BY id DESC",
    )?;
    let rows = statement.query_map(named_params! {":bot": bot.0}, token)?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

fn token(row: &Row<'_>) -> rusqlite::Result<BotToken> {
    let (used, expires): (i64, i64) = (row.get("last_used_at")?, row.get("expires_at")?);
    Ok(BotToken {
        id: SessionId(row.get("id")?),
        label: row.get("label")?,
        scopes: Scopes(row.get("scopes")?),
        created_at: Timestamp(row.get("created_at")?),
        used_at: (used > 0).then_some(Timestamp(used)),
        expires_at: (expires < NEVER).then_some(Timestamp(expires)),
    })
}

/// Records that a token was used.
///
/// # Errors
/// The file cannot be written.
pub fn token_used(tx: &Tx<'_>, id: SessionId) -> Result<(), StoreError> {
    tx.prepare("UPDATE sessions SET last_used_at = :now WHERE id = :id")?
        .execute(named_params! {":now": tx.now().0, ":id": id.0})?;
    Ok(())
}

/// Ends the connections of a user's bots, whose tokens are invalid while their owner is suspended.
///
/// # Errors
/// The file cannot be read.
pub fn rest(tx: &Tx<'_>, owner: UserId) -> Result<(), StoreError> {
    let mut statement = tx.prepare(
        "SELECT s.id FROM users b JOIN sessions s ON s.user_id = b.id WHERE b.owner_id = :owner",
    )?;
    let rows = statement.query_map(named_params! {":owner": owner.0}, |row| {
        row.get(0).map(SessionId)
    })?;
    let ids = rows.collect::<Result<Vec<_>, _>>()?;
    if !ids.is_empty() {
        tx.end_sessions(ids);
    }
    Ok(())
}

/// Ends the tokens of a user's bots permanently.
///
/// # Errors
/// The file cannot be written.
pub fn end_tokens(tx: &Tx<'_>, owner: UserId) -> Result<(), StoreError> {
    rest(tx, owner)?;
    tx.prepare(
        "DELETE FROM sessions WHERE user_id IN (SELECT id FROM users WHERE owner_id = :owner)",
    )?
    .execute(named_params! {":owner": owner.0})?;
    Ok(())
}
