//! What a list of conversations shows besides the flows themselves.

use super::error::StoreError;
use super::messages::{self, Load};
use super::tx::View;
use super::{about, details, pins, receipts, settings};
use crate::model::{FlowKind, FlowSummary, MessageId, Timestamp, UserId};

/// Adds to the flows of a user how they are set up, what is pinned, how far the other side of a chat
/// has read, and the last message of each. Returns how many fit into a budget of bytes; at least one
/// does.
///
/// # Errors
/// The file cannot be read.
pub fn fill(
    view: &View<'_>,
    user: UserId,
    flows: &mut [FlowSummary],
    budget_bytes: usize,
) -> Result<usize, StoreError> {
    let now = Timestamp::now();
    let mut last = view.prepare("SELECT last_message_id FROM flows WHERE id = :flow")?;
    let mut size = 0;
    for (index, summary) in flows.iter_mut().enumerate() {
        let id = summary.flow.id;
        summary.settings = settings::of(view, id, user, now)?;
        summary.pins = pins::count(view, id)?;
        if summary.unread > 0 {
            summary.mentions = details::unread_mentions(view, id, user)?;
        }
        if summary.flow.kind == FlowKind::Chat {
            let seen = receipts::of_flow(view, id, user)?;
            summary.seen = seen.into_iter().map(|it| (it.user, it.number)).collect();
        }
        let newest = last.query_row(rusqlite::named_params! {":flow": id.0}, |row| {
            row.get(0).map(MessageId)
        })?;
        summary.last = messages::by_id_as(view, newest, Load::Facts)?;
        about::personal(view, summary.last.as_mut(), user)?;
        let message = summary.last.as_ref().map_or(0, |it| it.size_bytes());
        size += summary.flow.size_bytes() + message;
        if size > budget_bytes && index > 0 {
            return Ok(index);
        }
    }
    Ok(flows.len())
}
