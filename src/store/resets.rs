//! Links for setting a new password: at most one per user.
//!
//! A new password, suspension and deletion revoke it, see [`credentials`](super::credentials) and
//! [`users`](super::users).

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{By, PublicId, Timestamp, UserId};

/// The user of a link.
#[derive(Debug, Clone)]
pub struct Reset {
    /// Row number.
    pub user: UserId,
    /// The id that clients know.
    pub uuid: PublicId,
    /// The login.
    pub login: String,
}

/// Stores a link for a user, in place of an earlier one.
///
/// # Errors
/// The file cannot be written.
pub fn insert(
    tx: &Tx<'_>,
    user: UserId,
    code_hash: &[u8; 32],
    expires_at: Timestamp,
    by: By,
) -> Result<(), StoreError> {
    tx.prepare(
        "INSERT INTO password_resets (user_id, code_hash, created_by, created_at, expires_at)
         VALUES (:user, :hash, :by, :now, :expires)
         ON CONFLICT (user_id) DO UPDATE SET code_hash = excluded.code_hash, created_by = excluded.created_by,
             created_at = excluded.created_at, expires_at = excluded.expires_at",
    )?
    .execute(named_params! {
        ":user": user.0,
        ":hash": code_hash,
        ":by": by.user.map(|id| id.0),
        ":now": tx.now().0,
        ":expires": expires_at.0,
    })?;
    Ok(())
}

/// Returns the user of a code, if the code is valid.
///
/// # Errors
/// The file cannot be read.
pub fn find(
    view: &View<'_>,
    code_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Reset>, StoreError> {
    let mut statement = view.prepare(
        "SELECT u.id, u.uuid, u.login FROM password_resets r JOIN users u ON u.id = r.user_id
         WHERE r.code_hash = :hash AND r.expires_at > :now AND u.deleted_at IS NULL AND u.suspended_at IS NULL",
    )?;
    let found = statement.query_row(named_params! {":hash": code_hash, ":now": now.0}, |row| {
        Ok(Reset {
            user: UserId(row.get("id")?),
            uuid: PublicId::from_bytes(row.get("uuid")?),
            login: row.get("login")?,
        })
    });
    Ok(found.optional()?)
}

/// Removes the link of a user, if there is one.
///
/// # Errors
/// The file cannot be written.
pub fn end(tx: &Tx<'_>, user: UserId) -> Result<(), StoreError> {
    tx.prepare("DELETE FROM password_resets WHERE user_id = :user")?
        .execute(named_params! {":user": user.0})?;
    Ok(())
}
