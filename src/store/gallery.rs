//! Messages of a flow that have files of some kinds.

use rusqlite::named_params;

use super::attachments;
use super::error::StoreError;
use super::flows::Access;
use super::messages::{self, select_messages};
use super::tx::View;
use crate::model::Message;

/// Messages with files that are looked at for one answer.
const LOOKED_AT: i64 = 5_000;

/// Messages with files, newest first.
#[derive(Debug, Default)]
pub struct Gallery {
    /// What was found, with what is known of the files.
    pub messages: Vec<Message>,
    /// The number, as clients count, below which to go on; `None`: that is all.
    pub before: Option<i64>,
}

/// The newest messages below a number, as clients count, that have a file of some kinds, a bit each; at
/// most `limit`.
///
/// # Errors
/// The file cannot be read.
pub fn find(
    view: &View<'_>,
    flow: &Access,
    kinds: i64,
    before: Option<i64>,
    limit: usize,
) -> Result<Gallery, StoreError> {
    let below = before.map_or(i64::MAX, |before| before.saturating_add(flow.first_number));
    let mut statement = view.prepare(select_messages!(
        "WHERE m.flow_id = :flow AND m.number < :below AND m.slots & 255 <> 0
         ORDER BY m.number DESC LIMIT :limit"
    ))?;
    let params = named_params! {":flow": flow.id.0, ":below": below, ":limit": LOOKED_AT};
    let mut rows = statement.query(params)?;
    let mut gallery = Gallery::default();
    let mut looked_at = 0;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let (mut message, slots) = messages::message(row)?;
        if gallery.messages.len() == limit {
            gallery.before = last;
            return Ok(gallery);
        }
        looked_at += 1;
        last = Some(message.number);
        if slots & kinds != 0 {
            message.shown = attachments::shown_by(view, message.id, 0)?;
            gallery.messages.push(message);
        }
    }
    if looked_at == LOOKED_AT {
        gallery.before = last;
    }
    Ok(gallery)
}
