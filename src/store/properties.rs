//! Properties of the file that change at run time, by name.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};

/// When the last backup was made, in milliseconds.
pub const BACKUP_AT: &str = "backup_at";
/// The path of the last backup.
pub const BACKUP_PATH: &str = "backup_path";
/// The folder of the last backup, if that is on another disk than the database.
pub const BACKUP_APART: &str = "backup_apart";
/// When a backup failed after the last good one, in milliseconds.
pub const BACKUP_FAILED_AT: &str = "backup_failed_at";
/// The reason why it failed.
pub const BACKUP_FAILURE: &str = "backup_failure";
/// When the administrators were last told about that, in milliseconds.
pub const BACKUP_TOLD_AT: &str = "backup_told_at";
/// When the administrators were last told that the certificate expires, in milliseconds.
pub const CERTIFICATE_TOLD_AT: &str = "certificate_told_at";
/// Row number of the account that the server itself writes as.
pub const SYSTEM_USER: &str = "system_user_id";
/// Who may register, if that was set at run time.
pub const REGISTRATION: &str = "registration";
/// The value in the configuration when it was set.
pub const REGISTRATION_OVER: &str = "registration_over";
/// The key that signs tickets for files.
pub const TICKET_KEY: &str = "ticket_key";
/// The key by which push services know this server. If it is lost, every device has to subscribe again.
pub const VAPID_KEY: &str = "vapid_key";
/// The message up to which devices were notified.
pub const PUSH_POSITION: &str = "push_position";
/// The name of this server in Matrix, once a user has signed in by Matrix.
pub const MATRIX_SERVER_NAME: &str = "matrix_server_name";
/// When the writer last tested whether the file can be written to, in milliseconds.
pub(super) const PROBED_AT: &str = "probed_at";

/// Returns a property that is a number.
///
/// # Errors
/// The file cannot be read.
pub fn number(view: &View<'_>, name: &str) -> Result<Option<i64>, StoreError> {
    let mut statement = view.prepare("SELECT value FROM properties WHERE name = :name")?;
    Ok(statement
        .query_row(named_params! {":name": name}, |row| row.get(0))
        .optional()?)
}

/// Returns a property that is a text.
///
/// # Errors
/// The file cannot be read.
pub fn text(view: &View<'_>, name: &str) -> Result<Option<String>, StoreError> {
    let mut statement = view.prepare("SELECT value FROM properties WHERE name = :name")?;
    Ok(statement
        .query_row(named_params! {":name": name}, |row| row.get(0))
        .optional()?)
}

/// Returns a property of a fixed number of bytes; `None` if it has another length, too.
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

/// Returns a property of any number of bytes.
///
/// # Errors
/// The file cannot be read.
pub fn some_bytes(view: &View<'_>, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = view.prepare("SELECT value FROM properties WHERE name = :name")?;
    Ok(statement
        .query_row(named_params! {":name": name}, |row| row.get(0))
        .optional()?)
}

/// Sets a property to bytes.
///
/// # Errors
/// The file cannot be written.
pub fn set_bytes(tx: &Tx<'_>, name: &str, value: &[u8]) -> Result<(), StoreError> {
    tx.prepare("INSERT INTO properties (name, value) VALUES (:name, :value) ON CONFLICT DO UPDATE SET value = :value")?
        .execute(named_params! {":name": name, ":value": value})?;
    Ok(())
}

/// Sets a property to a number.
///
/// # Errors
/// The file cannot be written.
pub fn set_number(tx: &Tx<'_>, name: &str, value: i64) -> Result<(), StoreError> {
    tx.prepare("INSERT INTO properties (name, value) VALUES (:name, :value) ON CONFLICT DO UPDATE SET value = :value")?
        .execute(named_params! {":name": name, ":value": value})?;
    Ok(())
}

/// Sets a property to a text.
///
/// # Errors
/// The file cannot be written.
pub fn set_text(tx: &Tx<'_>, name: &str, value: &str) -> Result<(), StoreError> {
    tx.prepare("INSERT INTO properties (name, value) VALUES (:name, :value) ON CONFLICT DO UPDATE SET value = :value")?
        .execute(named_params! {":name": name, ":value": value})?;
    Ok(())
}

/// Deletes a property.
///
/// # Errors
/// The file cannot be written.
pub fn forget(tx: &Tx<'_>, name: &str) -> Result<(), StoreError> {
    tx.prepare("DELETE FROM properties WHERE name = :name")?
        .execute(named_params! {":name": name})?;
    Ok(())
}
