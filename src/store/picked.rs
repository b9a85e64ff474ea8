//! Individual messages from any flow.

use rusqlite::named_params;

use super::error::StoreError;
use super::messages::{self, Load};
use super::tx::View;
use crate::model::{FlowId, Message, MessageId};

/// Returns messages by row number, in the given order, within a budget of bytes: at least one if there is
/// any. Also returns whether some are left out.
///
/// # Errors
/// The file cannot be read.
pub fn several(
    view: &View<'_>,
    ids: impl Iterator<Item = MessageId>,
    load: Load,
    budget_bytes: usize,
) -> Result<(Vec<Message>, bool), StoreError> {
    let mut found = Vec::new();
    let mut left = budget_bytes;
    for id in ids {
        let files = match load {
            Load::Facts => 0,
            Load::Content(max_bytes) => messages::size_of_given(view, id, max_bytes)?,
        };
        if files > left && !found.is_empty() {
            return Ok((found, true));
        }
        let Some(message) = messages::by_id_as(view, id, load)? else {
            continue;
        };
        let size = message.size_bytes();
        if size > left && !found.is_empty() {
            return Ok((found, true));
        }
        left = left.saturating_sub(size);
        found.push(message);
    }
    Ok((found, false))
}

/// Returns messages of a flow with files of some kinds (one bit each) below a stored number: newest
/// first, at most `limit`.
///
/// # Errors
/// The file cannot be read.
pub fn with_files(
    view: &View<'_>,
    flow: FlowId,
    kinds: i64,
    before: i64,
    limit: usize,
) -> Result<Vec<MessageId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT id FROM messages WHERE flow_id = :flow AND slots & 255 <> 0 AND slots & :kinds <> 0 AND number < :before
         ORDER BY number DESC LIMIT :limit",
    )?;
    let params = named_params! {
        ":flow": flow.0, ":kinds": kinds, ":before": before,
        ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let rows = statement.query_map(params, |row| row.get(0).map(MessageId))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}
