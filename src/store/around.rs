//! What gathers around a message after it was sent, reactions and votes: how it is logged and told.
//!
//! The log keeps one row a message of it, the newest: whoever follows is told of the present state.

use std::sync::Arc;

use rusqlite::{OptionalExtension, named_params};

use super::about;
use super::error::StoreError;
use super::log::{self, About as Logged, Kind, Reach};
use super::tx::{Tx, View};
use crate::model::about::bits;
use crate::model::{
    Around, Audience, By, FlowId, Message, MessageId, News, PublicId, Timestamp, UserId,
};

/// Who is told that something around a message changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Everybody who listens, now.
    Now,
    /// Everybody, in a moment: see [`untold`].
    Later,
    /// Everybody now, and one user in particular, whose votes they are.
    NowAnd(UserId),
    /// That user now, everybody in a moment.
    LaterBut(UserId),
}

/// How things stand around a message; with a reader, which of it is the reader's own.
///
/// # Errors
/// The file cannot be read.
pub fn state(
    view: &View<'_>,
    message: MessageId,
    reader: Option<UserId>,
) -> Result<Option<Around>, StoreError> {
    let found: Option<([u8; 16], i64)> = view
        .prepare("SELECT uuid, slots FROM messages WHERE id = :id AND deleted_at IS NULL")?
        .query_row(named_params! {":id": message.0}, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((uuid, slots)) = found else {
        return Ok(None);
    };
    let uuid = PublicId::from_bytes(uuid);
    let mut one = [only(message, uuid)];
    about::fill(view, &mut one, &[slots & bits::AROUND])?;
    let [one] = one;
    let about = one.about.map(|about| *about).unwrap_or_default();
    let mut around = Around {
        message: uuid,
        reactions: about.reactions,
        poll: about.poll,
    };
    if let Some(reader) = reader {
        let (reactions, poll) = (&mut around.reactions, around.poll.as_mut());
        about::own(view, message, reactions, poll, reader)?;
    }
    Ok(Some(around))
}

/// Logs that something around a message changed, and has its present state told.
///
/// # Errors
/// The file cannot be written.
pub fn announce(
    tx: &Tx<'_>,
    (message, flow): (MessageId, FlowId),
    kind: Kind,
    by: By,
    telling: Telling,
) -> Result<(), StoreError> {
    let about = Logged {
        actor: by.user,
        message: Some(message),
        ..Logged::default()
    };
    let position = log::append(tx, Reach::Members(flow), kind, about)?;
    tx.prepare(
        "DELETE FROM changes WHERE position = (SELECT around_position FROM messages WHERE id = :id)",
    )?
    .execute(named_params! {":id": message.0})?;
    tx.prepare(
        "UPDATE messages SET around_position = :position,
                slots = CASE WHEN EXISTS (SELECT 1 FROM reactions WHERE message_id = :id)
                               OR EXISTS (SELECT 1 FROM polls WHERE message_id = :id)
                        THEN slots | 32768 ELSE slots & ~32768 END
         WHERE id = :id",
    )?
    .execute(named_params! {":position": position.0, ":id": message.0})?;
    let user = match telling {
        Telling::Now | Telling::Later => None,
        Telling::NowAnd(user) | Telling::LaterBut(user) => Some(user),
    };
    if let Some(user) = user
        && let Some(own) = state(tx, message, Some(user))?
    {
        let audience = Audience::Users([user].into());
        tx.tell(position, by.origin, audience, News::Around(Arc::new(own)));
    }
    if matches!(telling, Telling::Later | Telling::LaterBut(_)) {
        tx.prepare("INSERT OR IGNORE INTO untold_messages (message_id) VALUES (:id)")?
            .execute(named_params! {":id": message.0})?;
    } else if let Some(all) = state(tx, message, None)? {
        let mut audience = tx.audience_of(flow)?;
        if let (Some(user), Audience::Users(members)) = (user, &audience) {
            let others = members.iter().copied().filter(|member| *member != user);
            audience = Audience::Users(others.collect());
        }
        tx.tell(position, by.origin, audience, News::Around(Arc::new(all)));
    }
    Ok(())
}

/// Messages around which something changed of which those who listen have not been told, at most
/// `limit`.
///
/// # Errors
/// The file cannot be read.
pub fn untold(view: &View<'_>, limit: i64) -> Result<Vec<MessageId>, StoreError> {
    let mut statement =
        view.prepare("SELECT message_id FROM untold_messages ORDER BY message_id LIMIT :limit")?;
    let rows = statement.query_map(named_params! {":limit": limit}, |row| {
        row.get(0).map(MessageId)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Tells those who listen how things stand around a message of which they have not been told.
///
/// # Errors
/// The file cannot be written.
pub fn tell(tx: &Tx<'_>, message: MessageId, by: By) -> Result<(), StoreError> {
    let waited = tx
        .prepare("DELETE FROM untold_messages WHERE message_id = :id")?
        .execute(named_params! {":id": message.0})?;
    let flow: Option<i64> = tx
        .prepare("SELECT flow_id FROM messages WHERE id = :id AND deleted_at IS NULL")?
        .query_row(named_params! {":id": message.0}, |row| row.get(0))
        .optional()?;
    match flow.filter(|_| waited > 0) {
        Some(flow) => announce(tx, (message, FlowId(flow)), Kind::Reacted, by, Telling::Now),
        None => Ok(()),
    }
}

/// A message of which only its ids are known.
fn only(id: MessageId, uuid: PublicId) -> Message {
    Message {
        id,
        uuid,
        flow: PublicId::NOTHING,
        number: 0,
        author: PublicId::NOTHING,
        sent_at: Timestamp::EPOCH,
        text: None,
        files: Vec::new(),
        shown: Vec::new(),
        edited_at: None,
        is_deleted: false,
        about: None,
    }
}
