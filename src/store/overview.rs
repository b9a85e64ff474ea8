//! What the list of conversations shows besides the flows themselves.

use super::error::StoreError;
use super::messages::{self, Load};
use super::tx::View;
use super::{about, details, receipts};
use crate::model::{FlowKind, FlowSummary, Message, UserId};

/// Adds to the flows of a user how many messages mention the user, how far the other member of a chat has
/// read, and the last message of each. Returns how many fit into a budget of bytes; at least one
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
    let mut size = 0;
    for (index, summary) in flows.iter_mut().enumerate() {
        let id = summary.flow.id;
        if summary.unread > 0 {
            summary.mentions = details::unread_mentions(view, id, user)?;
        }
        if summary.flow.kind == FlowKind::Chat {
            let seen = receipts::of_flow(view, id, user)?;
            summary.seen = seen.into_iter().map(|it| (it.user, it.number)).collect();
        }
        if summary.newest.0 > 0 {
            summary.last = messages::by_id_as(view, summary.newest, Load::Facts)?;
            about::personal(view, summary.last.as_mut(), user)?;
        }
        let message = summary.last.as_ref().map_or(0, Message::size_bytes);
        size += summary.flow.size_bytes() + message;
        if size > budget_bytes && index > 0 {
            return Ok(index);
        }
    }
    Ok(flows.len())
}
