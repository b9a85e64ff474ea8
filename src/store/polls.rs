//! Polls and their votes.

use rusqlite::{OptionalExtension, named_params};

use super::about::{ANONYMOUS, MULTIPLE};
use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{MessageId, NewPoll, UserId};

/// Adds a poll to a message.
pub(super) fn insert(tx: &Tx<'_>, message: MessageId, poll: &NewPoll) -> Result<(), StoreError> {
    let flags = i64::from(poll.is_multiple) * MULTIPLE + i64::from(poll.is_anonymous) * ANONYMOUS;
    tx.prepare(
        "INSERT INTO polls (message_id, question, options, flags) VALUES (:message, :question, '[]', :flags)",
    )?
    .execute(named_params! {":message": message.0, ":question": poll.question, ":flags": flags})?;
    let mut add = tx.prepare(
        "UPDATE polls SET options = json_insert(options, '$[#]', :option) WHERE message_id = :message",
    )?;
    for option in &poll.options {
        add.execute(named_params! {":option": option, ":message": message.0})?;
    }
    Ok(())
}

/// What is needed to decide whether a user may vote.
#[derive(Debug, Clone, Copy)]
pub struct Ballot {
    /// How many options there are.
    pub options: i64,
    /// Whether several answers are allowed.
    pub is_multiple: bool,
    /// Whether it takes no more votes.
    pub is_closed: bool,
}

/// Returns the poll of a message, if it has one.
///
/// # Errors
/// The file cannot be read.
pub fn ballot(view: &View<'_>, message: MessageId) -> Result<Option<Ballot>, StoreError> {
    let mut statement = view.prepare(
        "SELECT json_array_length(options), flags, closed_at IS NOT NULL FROM polls WHERE message_id = :message",
    )?;
    let found = statement.query_row(named_params! {":message": message.0}, |row| {
        Ok(Ballot {
            options: row.get(0)?,
            is_multiple: row.get::<_, i64>(1)? & MULTIPLE != 0,
            is_closed: row.get(2)?,
        })
    });
    Ok(found.optional()?)
}

/// Replaces the votes of a user. Returns whether anything changed.
///
/// # Errors
/// The file cannot be written.
pub fn vote(
    tx: &Tx<'_>,
    message: MessageId,
    user: UserId,
    options: &[i64],
) -> Result<bool, StoreError> {
    let old = {
        let mut statement = tx.prepare(
            "SELECT option FROM votes WHERE message_id = :message AND user_id = :user ORDER BY option",
        )?;
        let params = named_params! {":message": message.0, ":user": user.0};
        let rows = statement.query_map(params, |row| row.get::<_, i64>(0))?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    if old == options {
        return Ok(false);
    }
    tx.prepare("DELETE FROM votes WHERE message_id = :message AND user_id = :user")?
        .execute(named_params! {":message": message.0, ":user": user.0})?;
    let mut insert = tx.prepare(
        "INSERT INTO votes (message_id, user_id, option) VALUES (:message, :user, :option)",
    )?;
    for option in options {
        insert
            .execute(named_params! {":message": message.0, ":user": user.0, ":option": option})?;
    }
    Ok(true)
}

/// Closes a poll. Returns whether it was open before.
///
/// # Errors
/// The file cannot be written.
pub fn close(tx: &Tx<'_>, message: MessageId) -> Result<bool, StoreError> {
    let closed = tx
        .prepare(
            "UPDATE polls SET closed_at = :now WHERE message_id = :message AND closed_at IS NULL",
        )?
        .execute(named_params! {":now": tx.now().0, ":message": message.0})?;
    Ok(closed > 0)
}
