//! Reactions and votes, which are added to a message after it was sent: how they are logged and reported.
//!
//! The log keeps only the newest row for each message: followers are told of the present state.

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

/// Who is told of a change around a message, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Every listener, now.
    Now,
    /// Every listener, a little later: see [`untold`].
    Later,
    /// Every listener now, and separately the one user whose votes these are.
    NowAnd(UserId),
    /// This user now, every other listener a little later.
    LaterBut(UserId),
}

/// Returns the reactions and votes of a message; with a reader, also which of them are the reader's own.
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

/// Logs a change of reactions or votes, and reports the present state.
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

/// Returns the messages with changes of reactions or votes that listeners have not been told of, at
/// most `limit`.
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

/// Tells listeners the reactions and votes of a message, if they have not been told yet.
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

/// Creates a message of which only the ids are known.
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
