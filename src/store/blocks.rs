//! Which users have blocked which others.

use rusqlite::named_params;

use super::error::StoreError;
use super::log::{self, About, Kind, Reach};
use super::tx::{Tx, View};
use crate::model::{Audience, By, FlowId, News, PublicId, UserId};

/// Returns the users whom a user blocks, in the order of blocking.
///
/// # Errors
/// The file cannot be read.
pub fn of(view: &View<'_>, user: UserId) -> Result<Vec<PublicId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT u.uuid FROM blocks b JOIN users u ON u.id = b.blocked_id
         WHERE b.user_id = :user ORDER BY b.at, b.blocked_id",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0}, |row| {
        row.get(0).map(PublicId::from_bytes)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns how many users a user blocks.
///
/// # Errors
/// The file cannot be read.
pub fn count(view: &View<'_>, user: UserId) -> Result<usize, StoreError> {
    let mut statement = view.prepare("SELECT COUNT(*) FROM blocks WHERE user_id = :user")?;
    let count: i64 = statement.query_row(named_params! {":user": user.0}, |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Returns whether a user blocks another.
///
/// # Errors
/// The file cannot be read.
pub fn has(view: &View<'_>, user: UserId, blocked: UserId) -> Result<bool, StoreError> {
    let mut statement =
        view.prepare("SELECT 1 FROM blocks WHERE user_id = :user AND blocked_id = :blocked")?;
    Ok(statement.exists(named_params! {":user": user.0, ":blocked": blocked.0})?)
}

/// Returns the users who block a user.
///
/// # Errors
/// The file cannot be read.
pub fn blockers(view: &View<'_>, user: UserId) -> Result<Vec<UserId>, StoreError> {
    let mut statement = view.prepare("SELECT user_id FROM blocks WHERE blocked_id = :user")?;
    let rows = statement.query_map(named_params! {":user": user.0}, |row| {
        row.get(0).map(UserId)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the users whom a user blocks, by row number.
///
/// # Errors
/// The file cannot be read.
pub fn blocked(view: &View<'_>, user: UserId) -> Result<Vec<UserId>, StoreError> {
    let mut statement = view.prepare("SELECT blocked_id FROM blocks WHERE user_id = :user")?;
    let rows = statement.query_map(named_params! {":user": user.0}, |row| {
        row.get(0).map(UserId)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns whether a flow is a chat of a user in which one of the two blocks the other.
///
/// # Errors
/// The file cannot be read.
pub fn stand_in_chat(view: &View<'_>, flow: FlowId, user: UserId) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM flows f JOIN members m ON m.flow_id = f.id JOIN users u ON u.id = m.user_id
         JOIN blocks b ON (b.user_id = m.user_id
                           AND b.blocked_id IN (:user, (SELECT owner_id FROM users WHERE id = :user)))
                       OR (b.user_id = :user AND b.blocked_id IN (m.user_id, u.owner_id))
         WHERE f.id = :flow AND f.kind = 'chat' AND m.user_id <> :user",
    )?;
    Ok(statement.exists(named_params! {":flow": flow.0, ":user": user.0})?)
}

/// Blocks or unblocks a user, and tells the blocking user's own devices. Returns whether anything
/// changed.
///
/// # Errors
/// The file cannot be written.
pub fn set(
    tx: &Tx<'_>,
    user: UserId,
    blocked: UserId,
    on: bool,
    by: By,
) -> Result<bool, StoreError> {
    let changed = if on {
        tx.prepare(
            "INSERT INTO blocks (user_id, blocked_id, at) VALUES (:user, :blocked, :now)
             ON CONFLICT (user_id, blocked_id) DO NOTHING",
        )?
        .execute(named_params! {":user": user.0, ":blocked": blocked.0, ":now": tx.now().0})?
    } else {
        tx.prepare("DELETE FROM blocks WHERE user_id = :user AND blocked_id = :blocked")?
            .execute(named_params! {":user": user.0, ":blocked": blocked.0})?
    };
    if changed > 0 {
        tell(tx, user, by)?;
    }
    Ok(changed > 0)
}

/// Removes all blocks by and of a user whose account is deleted.
pub(super) fn forget(tx: &Tx<'_>, user: UserId) -> Result<(), StoreError> {
    let blockers = blockers(tx, user)?;
    tx.prepare("DELETE FROM blocks WHERE user_id = :user OR blocked_id = :user")?
        .execute(named_params! {":user": user.0})?;
    for blocker in blockers {
        tell(tx, blocker, By::OPERATOR)?;
    }
    Ok(())
}

/// Logs that a user's list of blocks changed, and tells the user's own devices.
fn tell(tx: &Tx<'_>, user: UserId, by: By) -> Result<(), StoreError> {
    let about = About {
        actor: by.user,
        user: Some(user),
        ..About::default()
    };
    let position = log::append(tx, Reach::Private(user), Kind::Blocked, about)?;
    let news = News::Blocked(of(tx, user)?.into());
    tx.tell(position, by.origin, Audience::Users([user].into()), news);
    Ok(())
}
