//! The names of users in Matrix, and the Matrix devices of their sessions.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::sessions;
use super::tx::{Tx, View};
use crate::model::{MessageId, PublicId, SessionId, Timestamp, UserId};

/// A user as named in Matrix.
#[derive(Debug, Clone)]
pub struct Named {
    /// Row number.
    pub user: UserId,
    /// The id of the account in MTP.
    pub uuid: PublicId,
    /// The login.
    pub login: String,
    /// The localpart: the name without the server.
    pub localpart: String,
    /// The display name.
    pub display_name: String,
    /// The picture, by its id in Matrix.
    pub avatar: Option<PublicId>,
    /// Whether the account is deleted.
    pub is_deleted: bool,
}

macro_rules! select_named {
    ($rest:literal) => {
        concat!(
            "SELECT id, uuid, login, localpart, coalesce(nullif(username, ''), login), deleted_at IS NOT NULL,
                    avatar_public_id FROM users ",
            $rest
        )
    };
}

fn named(row: &rusqlite::Row<'_>) -> rusqlite::Result<Named> {
    Ok(Named {
        user: UserId(row.get(0)?),
        uuid: PublicId::from_bytes(row.get(1)?),
        login: row.get(2)?,
        localpart: row.get(3)?,
        display_name: row.get(4)?,
        is_deleted: row.get(5)?,
        avatar: row.get::<_, Option<[u8; 16]>>(6)?.map(PublicId::from_bytes),
    })
}

/// Returns the user with a localpart.
///
/// # Errors
/// The file cannot be read.
pub fn find(view: &View<'_>, localpart: &str) -> Result<Option<Named>, StoreError> {
    let mut statement = view.prepare(select_named!("WHERE localpart = :name"))?;
    Ok(statement
        .query_row(named_params! {":name": localpart}, named)
        .optional()?)
}

/// Returns the names of a user.
///
/// # Errors
/// The file cannot be read.
pub fn of(view: &View<'_>, user: UserId) -> Result<Option<Named>, StoreError> {
    let mut statement = view.prepare(select_named!("WHERE id = :id"))?;
    Ok(statement
        .query_row(named_params! {":id": user.0}, named)
        .optional()?)
}

/// Returns the users whom a message mentions by name.
///
/// # Errors
/// The file cannot be read.
pub fn mentioned(view: &View<'_>, message: MessageId) -> Result<Vec<Named>, StoreError> {
    let mut statement = view.prepare(select_named!(
        "WHERE id IN (SELECT user_id FROM mentions WHERE message_id = :message) ORDER BY id"
    ))?;
    let rows = statement.query_map(named_params! {":message": message.0}, named)?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Gives a user another localpart.
///
/// # Errors
/// The file cannot be written.
pub fn rename(tx: &Tx<'_>, user: UserId, localpart: &str) -> Result<(), StoreError> {
    tx.prepare("UPDATE users SET localpart = :name WHERE id = :id")?
        .execute(named_params! {":name": localpart, ":id": user.0})?;
    Ok(())
}

/// Makes a session a Matrix device. An earlier session of that device ends.
///
/// # Errors
/// The file cannot be written.
pub fn adopt(
    tx: &Tx<'_>,
    user: UserId,
    session: SessionId,
    (device, label): (&str, Option<&str>),
) -> Result<(), StoreError> {
    let before: Option<i64> = tx
        .prepare("SELECT id FROM sessions WHERE user_id = :user AND device_id = :device")?
        .query_row(named_params! {":user": user.0, ":device": device}, |row| {
            row.get(0)
        })
        .optional()?;
    if let Some(before) = before {
        sessions::end(tx, SessionId(before))?;
    }
    tx.prepare(
        "UPDATE sessions SET kind = 2, device_id = :device, label = coalesce(:label, label) WHERE id = :id",
    )?
    .execute(named_params! {":device": device, ":label": label, ":id": session.0})?;
    tx.prepare("UPDATE users SET matrix_at = :now WHERE id = :id AND matrix_at IS NULL")?
        .execute(named_params! {":now": tx.now().0, ":id": user.0})?;
    Ok(())
}

/// Returns the device id of a session, if it is a Matrix device.
///
/// # Errors
/// The file cannot be read.
pub fn device(view: &View<'_>, session: SessionId) -> Result<Option<String>, StoreError> {
    let mut statement = view.prepare("SELECT device_id FROM sessions WHERE id = :id")?;
    let found = statement.query_row(named_params! {":id": session.0}, |row| row.get(0));
    Ok(found.optional()?.flatten())
}

/// Returns whether a token was a device's, and is invalid only because it has expired.
///
/// # Errors
/// The file cannot be read.
pub fn has_expired(
    view: &View<'_>,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id = coalesce((SELECT id FROM sessions WHERE token_hash = :token_hash),
                               (SELECT id FROM sessions WHERE previous_hash = :token_hash))
           AND s.kind = 2 AND (s.expires_at <= :now
                OR iif(s.token_hash = :token_hash, s.token_until, s.previous_until) <= :now)
           AND u.deleted_at IS NULL AND u.suspended_at IS NULL",
    )?;
    Ok(statement.exists(named_params! {":token_hash": token_hash, ":now": now.0})?)
}

/// Returns whether a user has signed in by Matrix at least once.
///
/// # Errors
/// The file cannot be read.
pub fn is_here(view: &View<'_>, user: UserId) -> Result<bool, StoreError> {
    let mut statement =
        view.prepare("SELECT 1 FROM users WHERE id = :id AND matrix_at IS NOT NULL")?;
    Ok(statement.exists(named_params! {":id": user.0})?)
}
