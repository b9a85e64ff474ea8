//! Facts about the file itself that change at run time, by name.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};

/// When the last backup was made, in milliseconds.
pub const BACKUP_AT: &str = "backup_at";
/// Where it is.
pub const BACKUP_PATH: &str = "backup_path";
/// The folder of the last backup, if that is on another disk than the database.
pub const BACKUP_APART: &str = "backup_apart";
/// When a backup failed last since one was made, in milliseconds.
pub const BACKUP_FAILED_AT: &str = "backup_failed_at";
/// Why it failed.
pub const BACKUP_FAILURE: &str = "backup_failure";
/// When the administrators were last told of that, in milliseconds.
pub const BACKUP_TOLD_AT: &str = "backup_told_at";
/// When the administrators were last told that the certificate ends, in milliseconds.
pub const CERTIFICATE_TOLD_AT: &str = "certificate_told_at";
/// Row number of the account that the server itself writes from.
pub const SYSTEM_USER: &str = "system_user_id";
/// Who may register, where somebody said so.
pub const REGISTRATION: &str = "registration";
/// What the configuration said of that at the time.
pub const REGISTRATION_OVER: &str = "registration_over";
/// What tickets for files are signed with.
pub const TICKET_KEY: &str = "ticket_key";
/// The key by which push services know this server. Without it every device has to subscribe anew.
pub const VAPID_KEY: &str = "vapid_key";
/// Up to which message devices were notified.
pub const PUSH_POSITION: &str = "push_position";
/// The name of this server in Matrix, once somebody has signed in by it.
pub const MATRIX_SERVER_NAME: &str = "matrix_server_name";
/// When it was last tried whether the file can be written to, in milliseconds.
pub(super) const PROBED_AT: &str = "probed_at";

/// A fact that is a number.
///
/// # Errors
/// The file cannot be read.
pub fn number(view: &View<'_>, name: &str) -> Result<Option<i64>, StoreError> {
    let mut statement = view.prepare("SELECT value FROM properties WHERE name = :name")?;
    Ok(statement
        .query_row(named_params! {":name": name}, |row| row.get(0))
        .optional()?)
}

/// A fact that is a text.
///
/// # Errors
/// The file cannot be read.
pub fn text(view: &View<'_>, name: &str) -> Result<Option<String>, StoreError> {
    let mut statement = view.prepare("SELECT value FROM properties WHERE name = :name")?;
    Ok(statement
        .query_row(named_params! {":name": name}, |row| row.get(0))
        .optional()?)
}

/// A fact that is so many bytes; `None` for another number of them too.
///
/// # Errors
/// The file cannot be read.
pub fn bytes<const N: usize>(view: &View<'_>, name: &str) -> Result<Option<[u8; N]>, StoreError> {
    let mut statement = view.prepare("SELECT value FROM properties WHERE name = :name")?;
    let found: Option<Vec<u8>> = statement
        .query_row(named_params! {":name": name}, |row| row.get(0))
        .optional()?;
    Ok(found.and_then(|bytes| bytes.try_into().ok()))
}

/// A fact that is some bytes.
///
/// # Errors
/// The file cannot be read.
pub fn some_bytes(view: &View<'_>, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = view.prepare("SELECT value FROM properties WHERE name = :name")?;
    Ok(statement
        .query_row(named_params! {":name": name}, |row| row.get(0))
        .optional()?)
}

/// Sets a fact to some bytes.
///
/// # Errors
/// The file cannot be written.
pub fn set_bytes(tx: &Tx<'_>, name: &str, value: &[u8]) -> Result<(), StoreError> {
    tx.prepare("INSERT INTO properties (name, value) VALUES (:name, :value) ON CONFLICT DO UPDATE SET value = :value")?
        .execute(named_params! {":name": name, ":value": value})?;
    Ok(())
}

/// Sets a fact to a number.
///
/// # Errors
/// The file cannot be written.
pub fn set_number(tx: &Tx<'_>, name: &str, value: i64) -> Result<(), StoreError> {
    tx.prepare("INSERT INTO properties (name, value) VALUES (:name, :value) ON CONFLICT DO UPDATE SET value = :value")?
        .execute(named_params! {":name": name, ":value": value})?;
    Ok(())
}

/// Sets a fact to a text.
///
/// # Errors
/// The file cannot be written.
pub fn set_text(tx: &Tx<'_>, name: &str, value: &str) -> Result<(), StoreError> {
    tx.prepare("INSERT INTO properties (name, value) VALUES (:name, :value) ON CONFLICT DO UPDATE SET value = :value")?
        .execute(named_params! {":name": name, ":value": value})?;
    Ok(())
}

/// Forgets a fact.
///
/// # Errors
/// The file cannot be written.
pub fn forget(tx: &Tx<'_>, name: &str) -> Result<(), StoreError> {
    tx.prepare("DELETE FROM properties WHERE name = :name")?
        .execute(named_params! {":name": name})?;
    Ok(())
}
