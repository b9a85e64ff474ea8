//! Reading whole accounts and flows, a part at a time, for whoever wants them outside of this file.

use rusqlite::named_params;

use super::error::StoreError;
use super::messages::Load;
use super::messages::select_messages;
use super::tx::View;
use super::{history, messages};
use crate::model::{FlowId, Message, MessageId, UserId};

/// Messages of a flow, or those that a user wrote anywhere, after a message: in the order in which
/// they were sent, with their files, as many as fit both bounds, at least one if there is any.
///
/// # Errors
/// The file cannot be read.
pub fn messages(
    view: &View<'_>,
    of: MessagesOf,
    after: MessageId,
    limit: usize,
    budget_bytes: usize,
) -> Result<Vec<Message>, StoreError> {
    let (sql, id) = match of {
        MessagesOf::Flow(flow) => (
            select_messages!(
                "WHERE m.flow_id = :id AND m.number >
                     coalesce((SELECT number FROM messages WHERE id = :after), -1)
                 ORDER BY m.number"
            ),
            flow.0,
        ),
        MessagesOf::Author(user) => (
            select_messages!(
                "WHERE m.author_id = :id AND m.id > :after AND f.removed_at IS NULL ORDER BY m.id"
            ),
            user.0,
        ),
    };
    let mut statement = view.prepare(sql)?;
    let mut rows = statement.query(named_params! {":id": id, ":after": after.0})?;
    let mut found = Vec::new();
    let mut size = 0;
    while let Some(row) = rows.next()? {
        let (message, slots) = messages::message(row)?;
        let message = history::whole(view, message, slots, Load::Content)?;
        size += message.size_bytes();
        found.push(message);
        if found.len() >= limit || size >= budget_bytes {
            break;
        }
    }
    Ok(found)
}

/// Which messages are wanted.
#[derive(Debug, Clone, Copy)]
pub enum MessagesOf {
    /// Those of a flow.
    Flow(FlowId),
    /// Those that a user wrote.
    Author(UserId),
}
