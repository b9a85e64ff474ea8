//! Searching the index.

use std::time::{Duration, Instant};

use rusqlite::{OptionalExtension, named_params};

use super::index::{kind_term, texts_of};
use super::{of_index, push_flow, state};
use crate::model::{FlowId, Message, MessageId, Position, Query, Timestamp, UserId};
use crate::store::error::StoreError;
use crate::store::messages::{self, Load};
use crate::store::tx::View;
use crate::store::{flows, members};

/// Where to search.
#[derive(Debug, Clone, Copy)]
pub enum Scope {
    /// In every flow that a user is in.
    Of(UserId),
    /// In one flow.
    Flow(FlowId),
    /// In every flow that is there, for the operator.
    Everywhere,
}

/// The conditions for messages besides their words.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The author.
    pub from: Option<UserId>,
    /// Bits of the kinds of attachments of which they have at least one; 0: any.
    pub kinds: i64,
    /// Sent at this time or later.
    pub since: Option<Timestamp>,
    /// Sent before this time.
    pub until: Option<Timestamp>,
    /// Sent at an earlier position.
    pub before: Option<Position>,
}

/// A search.
pub struct Wanted<'a> {
    /// Where to search.
    pub scope: Scope,
    /// The words.
    pub query: &'a Query,
    /// The other conditions.
    pub filter: &'a Filter,
    /// The maximum number of messages.
    pub limit: usize,
    /// How long to search.
    pub budget: Duration,
}

/// The result of a search.
#[derive(Debug)]
pub struct Hits {
    /// The messages, newest first.
    pub found: Vec<MessageId>,
    /// Where to continue; `None` if nothing is left.
    pub before: Option<Position>,
    /// Whether the time ran out before everything was examined.
    pub is_out_of_time: bool,
}

pub(super) const FIND: &str = "SELECT rowid FROM message_search
     WHERE message_search MATCH :query AND rowid < :before ORDER BY rowid DESC";

pub(super) const FOUND: &str = "SELECT flow_id, author_id, sent_at, slots FROM messages
     WHERE id = :id AND deleted_at IS NULL";

/// Finds messages that match all conditions, newest first.
///
/// Only messages that have the words and are in the flows are examined. A search that takes too long
/// because of the other conditions ends early, and says where to continue.
///
/// # Errors
/// [`StoreError::SearchUnready`], [`StoreError::SearchDamaged`]; or the file cannot be read.
pub fn find(view: &View<'_>, wanted: &Wanted<'_>) -> Result<Hits, StoreError> {
    state(view)?.require_ready()?;
    let flows = match wanted.scope {
        Scope::Of(user) => members::flows_of(view, user)?,
        Scope::Flow(flow) => vec![flow],
        Scope::Everywhere => flows::ids(view)?,
    };
    let mut hits = Hits {
        found: Vec::new(),
        before: None,
        is_out_of_time: false,
    };
    let Some(expression) = expression(&flows, wanted.query, wanted.filter.kinds) else {
        return Ok(hits);
    };
    let end = Instant::now() + wanted.budget;
    let indexed = |err: rusqlite::Error| of_index(err.into());
    let mut statement = view.prepare(FIND).map_err(of_index)?;
    let before = wanted.filter.before.map_or(i64::MAX, |before| before.0);
    let mut rows = statement
        .query(named_params! {":query": expression, ":before": before})
        .map_err(indexed)?;
    let mut last = None;
    while let Some(row) = rows.next().map_err(indexed)? {
        // At least one message is examined, so that a continued search makes progress.
        if last.is_some() && Instant::now() >= end {
            hits.before = last;
            hits.is_out_of_time = true;
            break;
        }
        let id: i64 = row.get("rowid").map_err(indexed)?;
        if fits(view, id, &flows, wanted)? {
            if hits.found.len() >= wanted.limit {
                hits.before = last;
                break;
            }
            hits.found.push(MessageId(id));
        }
        last = Some(Position(id));
    }
    Ok(hits)
}

/// Checks a message that the index returned. An index may be damaged without a sign, so it is not
/// trusted with secrets: the flow is taken from the message.
fn fits(
    view: &View<'_>,
    id: i64,
    flows: &[FlowId],
    wanted: &Wanted<'_>,
) -> Result<bool, StoreError> {
    let mut statement = view.prepare(FOUND)?;
    let filter = wanted.filter;
    let found = statement.query_row(named_params! {":id": id}, |row| {
        let sent_at = Timestamp(row.get("sent_at")?);
        let author = UserId(row.get("author_id")?);
        let slots: i64 = row.get("slots")?;
        Ok(flows.binary_search(&FlowId(row.get("flow_id")?)).is_ok()
            && filter.from.is_none_or(|from| from == author)
            && (filter.kinds == 0 || slots & filter.kinds != 0)
            && filter.since.is_none_or(|since| sent_at >= since)
            && filter.until.is_none_or(|until| sent_at < until))
    });
    if !found.optional()?.unwrap_or(false) {
        return Ok(false);
    }
    if !wanted.query.has_sequences() {
        return Ok(true);
    }
    let texts = texts_of(view, id)?;
    Ok(wanted.query.fits(texts.iter().map(String::as_str)))
}

/// Reads found messages with what `load` says of their files, up to a number of bytes, and at least one.
/// Returns them, and where to continue if they are not all.
///
/// # Errors
/// The file cannot be read.
pub fn read(
    view: &View<'_>,
    hits: &Hits,
    load: Load,
    budget_bytes: usize,
) -> Result<(Vec<Message>, Option<Position>), StoreError> {
    let mut found: Vec<Message> = Vec::new();
    let mut left = budget_bytes;
    for id in &hits.found {
        let files = match load {
            Load::Facts => 0,
            Load::Content(max_bytes) => messages::size_of_given(view, *id, max_bytes)?,
        };
        let last = found.last().map(|message| Position(message.id.0));
        if last.is_some() && (left == 0 || files > left) {
            return Ok((found, last));
        }
        if let Some(message) = messages::by_id_as(view, *id, load)? {
            left = left.saturating_sub(message.size_bytes());
            found.push(message);
        }
    }
    Ok((found, hits.before))
}

/// Returns the query for the index: all terms, each in any of the flows. Everything in it is quoted, and
/// terms contain no quotes. `None`: there are no terms or no flows.
fn expression(flows: &[FlowId], query: &Query, kinds: i64) -> Option<String> {
    let mut groups: Vec<Vec<(String, bool)>> = Vec::new();
    for term in query.terms() {
        groups.push(vec![(term.text.clone(), term.is_whole)]);
    }
    if kinds != 0 {
        let wanted = super::index::KINDS.filter(|kind| kinds >> kind & 1 != 0);
        groups.push(wanted.map(|kind| (kind_term(kind), true)).collect());
    }
    if flows.is_empty() || groups.is_empty() {
        return None;
    }
    let mut out = String::new();
    for (n, group) in groups.iter().enumerate() {
        out.push_str(if n == 0 { "(" } else { " AND (" });
        let mut separator = "\"";
        for flow in flows {
            for (term, is_whole) in group {
                out.push_str(separator);
                push_flow(&mut out, *flow);
                out.push_str(term);
                out.push_str(if *is_whole { "\"" } else { "\"*" });
                separator = " OR \"";
            }
        }
        out.push(')');
    }
    Some(out)
}
