//! Who is in which flow.

use rusqlite::{OptionalExtension, named_params};

use super::changes::{self, About, Kind, Reach};
use super::error::StoreError;
use super::flows::Access;
use super::tx::{Tx, View};
use crate::model::{Audience, FlowId, News, Origin, PublicId, UserId};

/// Puts a user into a flow, or back into it, as the last who joined. Telling is the caller's.
pub(super) fn insert(tx: &Tx<'_>, flow: FlowId, user: UserId) -> Result<(), StoreError> {
    tx.prepare(
        "INSERT INTO members (flow_id, user_id, state, ordinal, joined_at)
         VALUES (:flow, :user, 'joined',
                 (SELECT coalesce(MAX(ordinal), 0) + 1 FROM members WHERE flow_id = :flow), :now)
         ON CONFLICT (flow_id, user_id) DO UPDATE
         SET state = 'joined', ordinal = excluded.ordinal, joined_at = excluded.joined_at, left_at = NULL",
    )?
    .execute(named_params! {":flow": flow.0, ":user": user.0, ":now": tx.now().0})?;
    tx.members_changed(flow);
    Ok(())
}

/// Adds users to a flow and logs it. Returns whether anybody was new.
///
/// # Errors
/// The file cannot be written.
pub fn join(tx: &Tx<'_>, flow: FlowId, users: &[UserId]) -> Result<bool, StoreError> {
    let mut joined = false;
    for &user in users {
        if !is_member(tx, flow, user)? {
            insert(tx, flow, user)?;
            let about = About {
                flow: Some(flow),
                user: Some(user),
                ..About::default()
            };
            changes::append(tx, Reach::Members(flow), Kind::Joined, about)?;
            joined = true;
        }
    }
    Ok(joined)
}

/// Takes users out of a flow, logs it and tells them. Returns whether anybody left.
///
/// # Errors
/// The file cannot be written.
pub fn leave(
    tx: &Tx<'_>,
    flow: FlowId,
    uuid: PublicId,
    users: &[UserId],
    origin: Option<Origin>,
) -> Result<bool, StoreError> {
    let mut left = false;
    for &user in users {
        let removed = tx
            .prepare(
                "UPDATE members SET state = 'left', left_at = :now
                 WHERE flow_id = :flow AND user_id = :user AND state = 'joined'",
            )?
            .execute(named_params! {":now": tx.now().0, ":flow": flow.0, ":user": user.0})?;
        if removed > 0 {
            tx.members_changed(flow);
            let about = About {
                flow: Some(flow),
                user: Some(user),
                ..About::default()
            };
            changes::append(tx, Reach::Members(flow), Kind::Left, about)?;
            let position = changes::append(tx, Reach::Private(user), Kind::Removed, about)?;
            tx.tell(
                position,
                origin,
                Audience::Users([user].into()),
                News::Left(uuid),
            );
            left = true;
        }
    }
    Ok(left)
}

/// The members of a flow, in the order in which they joined.
///
/// # Errors
/// The file cannot be read.
pub fn ids(view: &View<'_>, flow: FlowId) -> Result<Vec<UserId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT user_id FROM members WHERE flow_id = :flow AND state = 'joined' ORDER BY ordinal",
    )?;
    let rows = statement.query_map(named_params! {":flow": flow.0}, |row| {
        row.get(0).map(UserId)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// The members of a flow by public id, in the order in which they joined.
pub(super) fn uuids(view: &View<'_>, flow: FlowId) -> Result<Vec<PublicId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT u.uuid FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.flow_id = :flow AND m.state = 'joined' ORDER BY m.ordinal",
    )?;
    let rows = statement.query_map(named_params! {":flow": flow.0}, |row| {
        row.get(0).map(PublicId::from_bytes)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// The flows that a user is in.
///
/// # Errors
/// The file cannot be read.
pub fn flows_of(view: &View<'_>, user: UserId) -> Result<Vec<FlowId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.flow_id FROM members m JOIN flows f ON f.id = m.flow_id
         WHERE m.user_id = :user AND m.state = 'joined' AND f.removed_at IS NULL ORDER BY m.flow_id",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0}, |row| {
        row.get(0).map(FlowId)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Tells whether a user is in a flow.
///
/// # Errors
/// The file cannot be read.
pub fn is_member(view: &View<'_>, flow: FlowId, user: UserId) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM members WHERE flow_id = :flow AND user_id = :user AND state = 'joined'",
    )?;
    Ok(statement.exists(named_params! {":flow": flow.0, ":user": user.0})?)
}

/// Users who share a flow with a user, that user included if in any.
///
/// # Errors
/// The file cannot be read.
pub fn companions(view: &View<'_>, user: UserId) -> Result<Vec<UserId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT DISTINCT other.user_id FROM members me JOIN members other ON other.flow_id = me.flow_id
         WHERE me.user_id = :user AND me.state = 'joined' AND other.state = 'joined'",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0}, |row| {
        row.get(0).map(UserId)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Number of the last message that a member has read, as clients count.
///
/// # Errors
/// The file cannot be read.
pub fn read_number(view: &View<'_>, flow: FlowId, user: UserId) -> Result<Option<i64>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.read_number - f.first_number FROM members m JOIN flows f ON f.id = m.flow_id
         WHERE m.flow_id = :flow AND m.user_id = :user",
    )?;
    let params = named_params! {":flow": flow.0, ":user": user.0};
    let number: Option<Option<i64>> = statement.query_row(params, |row| row.get(0)).optional()?;
    Ok(number.flatten().filter(|number| *number >= 0))
}

/// Notes how far a member has read, and tells that member's other devices. Only moves forward.
///
/// # Errors
/// The file cannot be written.
pub fn mark_read(
    tx: &Tx<'_>,
    flow: &Access,
    uuid: PublicId,
    user: UserId,
    number: i64,
    origin: Option<Origin>,
) -> Result<(), StoreError> {
    let moved = tx
        .prepare(
            "UPDATE members SET read_number = :number
             WHERE flow_id = :flow AND user_id = :user AND coalesce(read_number, -1) < :number",
        )?
        .execute(named_params! {
            ":number": flow.first_number + number, ":flow": flow.id.0, ":user": user.0,
        })?;
    if moved > 0 {
        let about = About {
            flow: Some(flow.id),
            user: Some(user),
            ..About::default()
        };
        let position = changes::append(tx, Reach::Private(user), Kind::Read, about)?;
        let news = News::Read { flow: uuid, number };
        tx.tell(position, origin, Audience::Users([user].into()), news);
    }
    Ok(())
}
