//! How far other users have read, if both sides share it and the other user does not block the
//! reader.

use rusqlite::named_params;

use super::accounts::HIDES_READ;
use super::error::StoreError;
use super::tx::View;
use super::users;
use crate::model::{FlowId, PublicId, Timestamp, UserId};

/// How far a user has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The user.
    pub user: PublicId,
    /// Number of the last message that this user has read.
    pub number: i64,
    /// When the read mark moved there.
    pub at: Option<Timestamp>,
}

/// Returns how far the others in a flow have read, if the reader may know it.
///
/// # Errors
/// The file cannot be read.
pub fn of_flow(view: &View<'_>, flow: FlowId, reader: UserId) -> Result<Vec<Receipt>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.user_id, m.read_number - f.first_number, m.read_at
         FROM flows f JOIN members m ON m.flow_id = f.id JOIN users u ON u.id = m.user_id
         WHERE f.id = :flow AND m.state = 'joined' AND m.user_id <> :reader
           AND m.read_number >= f.first_number AND u.privacy & :hides = 0
           AND NOT EXISTS (SELECT 1 FROM users r WHERE r.id = :reader AND r.privacy & :hides <> 0)
           AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = m.user_id AND b.blocked_id = :reader)
         ORDER BY m.ordinal",
    )?;
    let params = named_params! {":flow": flow.0, ":reader": reader.0, ":hides": HIDES_READ};
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if let Some(user) = users::uuid(view, UserId(row.get(0)?))? {
            found.push(Receipt {
                user,
                number: row.get(1)?,
                at: row.get::<_, Option<i64>>(2)?.map(Timestamp),
            });
        }
    }
    Ok(found)
}

/// Returns the others in a flow who may know how far a user has read.
///
/// # Errors
/// The file cannot be read.
pub fn audience(view: &View<'_>, flow: FlowId, user: UserId) -> Result<Vec<UserId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.user_id FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.flow_id = :flow AND m.state = 'joined' AND m.user_id <> :user AND u.privacy & :hides = 0
           AND NOT EXISTS (SELECT 1 FROM users r WHERE r.id = :user AND r.privacy & :hides <> 0)
           AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = :user AND b.blocked_id = m.user_id)",
    )?;
    let params = named_params! {":flow": flow.0, ":user": user.0, ":hides": HIDES_READ};
    let rows = statement.query_map(params, |row| row.get(0).map(UserId))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}
