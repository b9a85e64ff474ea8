//! What a user signs in with: the hash of the password, and whether the account may be used.
//!
//! Checking a password takes long, and meanwhile it may be replaced or the account suspended. Each such
//! change increments the version of the credentials, so that checked credentials can be compared with
//! the present ones.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};
use super::{bots, resets};
use crate::model::{Login, PublicId, Timestamp, UserId};

/// The account behind a login: its row number and the hash of its password.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Row number.
    pub user: UserId,
    /// The id that clients know.
    pub uuid: PublicId,
    /// Argon2id in PHC text.
    pub password_hash: Option<String>,
    /// Set while an administrator has suspended the account.
    pub is_suspended: bool,
    /// The version of the credentials.
    version: i64,
}

/// Returns the account behind a login, with the hash of its password; deleted accounts have no login.
///
/// # Errors
/// The file cannot be read.
pub fn of_login(view: &View<'_>, login: &str) -> Result<Option<Credentials>, StoreError> {
    let mut statement = view.prepare(
        "SELECT id, uuid, password_hash, suspended_at, credentials_version FROM users WHERE login_key = :key",
    )?;
    let found = statement.query_row(named_params! {":key": Login::key_of(login)}, |row| {
        Ok(Credentials {
            user: UserId(row.get("id")?),
            uuid: PublicId::from_bytes(row.get("uuid")?),
            password_hash: row.get("password_hash")?,
            is_suspended: row.get::<_, Option<i64>>("suspended_at")?.is_some(),
            version: row.get("credentials_version")?,
        })
    });
    Ok(found.optional()?)
}

/// Returns whether credentials that were read earlier are still valid and the account may be used.
///
/// # Errors
/// The file cannot be read.
pub fn hold(view: &View<'_>, credentials: &Credentials) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM users WHERE id = :id AND credentials_version = :version AND password_hash IS :hash
           AND suspended_at IS NULL AND deleted_at IS NULL",
    )?;
    Ok(statement.exists(named_params! {
        ":id": credentials.user.0,
        ":version": credentials.version,
        ":hash": credentials.password_hash,
    })?)
}

/// Returns whether an account has a password, so that a user can sign in to it.
///
/// # Errors
/// The file cannot be read.
pub fn has_password(view: &View<'_>, id: UserId) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM users WHERE id = :id AND password_hash IS NOT NULL AND deleted_at IS NULL",
    )?;
    Ok(statement.exists(named_params! {":id": id.0})?)
}

/// Replaces the hash of the password, and revokes a link for a new one.
///
/// # Errors
/// The file cannot be written.
pub fn set_password(tx: &Tx<'_>, id: UserId, hash: &str) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE users SET password_hash = :hash, credentials_version = credentials_version + 1 WHERE id = :id",
    )?
    .execute(named_params! {":hash": hash, ":id": id.0})?;
    tx.scrub();
    resets::end(tx, id)
}

/// Suspends an account or ends the suspension. A link for a new password is revoked.
///
/// # Errors
/// The file cannot be written.
pub fn set_suspended(tx: &Tx<'_>, id: UserId, since: Option<Timestamp>) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE users SET suspended_at = :since, credentials_version = credentials_version + 1 WHERE id = :id",
    )?
    .execute(named_params! {":since": since.map(|time| time.0), ":id": id.0})?;
    bots::rest(tx, id)?;
    resets::end(tx, id)
}
