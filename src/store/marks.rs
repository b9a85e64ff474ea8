//! Read marks of members.

use rusqlite::{OptionalExtension, named_params};

use super::details;
use super::error::StoreError;
use super::log::{self, About, Kind, Reach};
use super::tx::{Tx, View};
use crate::model::{Audience, By, FlowId, News, PublicId, ReadMark, UserId};

/// Returns the number of the last message that a member has read, as clients count.
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

/// Moves the read mark of a message's author to that message; only the message itself is reported.
pub(super) fn read_own(
    tx: &Tx<'_>,
    flow: FlowId,
    user: UserId,
    number: i64,
) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE members SET read_number = ?1, read_at = ?2
         WHERE flow_id = ?3 AND user_id = ?4 AND state = 'joined' AND coalesce(read_number, -1) < ?1",
    )?
    .execute([number, tx.now().0, flow.0, user.0])?;
    Ok(())
}

/// Records how far a member has read, and tells that member's other devices. The mark only moves
/// forward; returns whether it did.
///
/// # Errors
/// The file cannot be written.
pub fn mark_read(
    tx: &Tx<'_>,
    (flow, first_number): (FlowId, i64),
    uuid: PublicId,
    user: UserId,
    number: i64,
    by: By,
) -> Result<bool, StoreError> {
    let moved = tx
        .prepare(
            "UPDATE members SET read_number = :number, read_at = :now
             WHERE flow_id = :flow AND user_id = :user AND coalesce(read_number, -1) < :number",
        )?
        .execute(named_params! {
            ":number": first_number + number, ":now": tx.now().0, ":flow": flow.0, ":user": user.0,
        })?;
    if moved > 0 {
        let about = About {
            actor: Some(user),
            flow: Some(flow),
            user: Some(user),
            ..About::default()
        };
        let position = log::append(tx, Reach::Private(user), Kind::Read, about)?;
        if let Some(mark) = mark(tx, flow, uuid, user)? {
            let audience = Audience::Users([user].into());
            tx.tell(position, by.origin, audience, News::Read(mark));
        }
    }
    Ok(moved > 0)
}

/// Returns how far a member has read, and what is unread; `None`: no read message is left.
///
/// # Errors
/// The file cannot be read.
pub fn mark(
    view: &View<'_>,
    flow: FlowId,
    uuid: PublicId,
    user: UserId,
) -> Result<Option<ReadMark>, StoreError> {
    let Some(number) = read_number(view, flow, user)? else {
        return Ok(None);
    };
    Ok(Some(ReadMark {
        flow: uuid,
        number,
        unread: unread_of(view, flow, user)?,
        mentions: details::unread_mentions(view, flow, user)?,
    }))
}

/// Returns how many messages between two numbers, the first excluded, have not been deleted.
pub(super) fn unread(
    view: &View<'_>,
    flow: FlowId,
    after: i64,
    last: i64,
) -> Result<i64, StoreError> {
    if last <= after {
        return Ok(0);
    }
    let deleted: i64 = view
        .prepare(
            "SELECT COUNT(*) FROM messages
             WHERE flow_id = :flow AND number > :after AND number <= :last AND deleted_at IS NOT NULL",
        )?
        .query_row(
            named_params! {":flow": flow.0, ":after": after, ":last": last},
            |row| row.get(0),
        )?;
    Ok(last - after - deleted)
}

/// Returns how many messages of a flow a member has not read.
///
/// # Errors
/// The file cannot be read.
pub fn unread_of(view: &View<'_>, id: FlowId, user: UserId) -> Result<i64, StoreError> {
    let numbers: Option<(i64, i64, Option<i64>)> = view
        .prepare(
            "SELECT f.first_number, f.next_number, m.read_number FROM flows f
             JOIN members m ON m.flow_id = f.id AND m.user_id = :user WHERE f.id = :flow",
        )?
        .query_row(named_params! {":user": user.0, ":flow": id.0}, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((first, next, mark)) = numbers else {
        return Ok(0);
    };
    unread(view, id, mark.unwrap_or(-1).max(first - 1), next - 1)
}
