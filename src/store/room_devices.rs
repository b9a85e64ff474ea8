//! Devices as Matrix lists them: sessions of every protocol, those of MTP with a derived id.

use rusqlite::{Row, named_params};

use super::error::StoreError;
use super::sessions;
use super::tx::{Tx, View};
use crate::model::{SessionId, Timestamp, UserId};

/// A device of a user.
#[derive(Debug, Clone)]
pub struct RoomDevice {
    /// Its session.
    pub session: SessionId,
    /// Its id in Matrix.
    pub id: String,
    /// Its display name.
    pub label: Option<String>,
    /// The address of its last use, masked as configured.
    pub address: Option<String>,
    /// When it was last used.
    pub seen_at: Timestamp,
}

/// Returns the devices of a user, oldest first.
///
/// # Errors
/// The file cannot be read.
pub fn of_user(
    view: &View<'_>,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<RoomDevice>, StoreError> {
    let mut statement = view.prepare(
        "SELECT id, coalesce(device_id, 'mtp-' || id), label, address, last_used_at FROM sessions
         WHERE user_id = :user AND expires_at > :now AND kind <> 1 ORDER BY id",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0, ":now": now.0}, device)?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

fn device(row: &Row<'_>) -> rusqlite::Result<RoomDevice> {
    Ok(RoomDevice {
        session: SessionId(row.get(0)?),
        id: row.get(1)?,
        label: row.get(2)?,
        address: row.get(3)?,
        seen_at: Timestamp(row.get(4)?),
    })
}

/// Renames a device.
///
/// # Errors
/// The file cannot be written.
pub fn rename(tx: &Tx<'_>, session: SessionId, label: &str) -> Result<(), StoreError> {
    tx.prepare("UPDATE sessions SET label = :label WHERE id = :id")?
        .execute(named_params! {":label": label, ":id": session.0})?;
    Ok(())
}

/// Ends devices of a user; missing ones are skipped.
///
/// # Errors
/// The file cannot be written.
pub fn end(tx: &Tx<'_>, user: UserId, ids: &[String]) -> Result<(), StoreError> {
    for device in of_user(tx, user, tx.now())? {
        if ids.contains(&device.id) {
            sessions::end(tx, device.session)?;
        }
    }
    Ok(())
}
