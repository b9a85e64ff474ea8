//! Reading whole accounts and flows, part by part, for export.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::files::{self, Opened};
use super::history;
use super::messages::{self, Load, select_messages};
use super::tx::View;
use crate::model::{FileId, FlowId, Message, MessageId, PublicId, UserId};

/// The largest total size in bytes of files that are included in their message; others are separate.
const WITHIN_BYTES: usize = 256 * 1024;

/// Opens the content of a file that a message shows, of a thumbnail, or of a flow's picture; `None`: it is missing.
///
/// # Errors
/// The file cannot be read.
pub fn open(view: &View<'_>, file: PublicId) -> Result<Option<Opened>, StoreError> {
    let mut statement = view.prepare(
        "SELECT file_id FROM attachments WHERE public_id = :id
         UNION ALL SELECT thumb_file_id FROM attachments WHERE thumb_public_id = :id
         UNION ALL SELECT file_id FROM preview_thumbnails WHERE public_id = :id
         UNION ALL SELECT picture_file_id FROM flows WHERE picture_public_id = :id
         LIMIT 1",
    )?;
    let found = statement
        .query_row(named_params! {":id": file.to_bytes()}, |row| row.get(0))
        .optional()?;
    match found {
        Some(id) => files::opened(view, FileId(id)),
        None => Ok(None),
    }
}

/// Returns messages of a flow, or those that a user wrote anywhere, after a message: in the order in which
/// they were sent, with their files, as many as fit both limits, at least one if there is any.
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
        let message = history::whole(view, message, slots, Load::Content(WITHIN_BYTES))?;
        size += message.size_bytes();
        found.push(message);
        if found.len() >= limit || size >= budget_bytes {
            break;
        }
    }
    Ok(found)
}

/// Which messages to export.
#[derive(Debug, Clone, Copy)]
pub enum MessagesOf {
    /// The messages of a flow.
    Flow(FlowId),
    /// The messages that a user wrote.
    Author(UserId),
}
