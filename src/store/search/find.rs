//! Asking the index.

use std::time::{Duration, Instant};

use rusqlite::{OptionalExtension, named_params};

use super::index::{kind_term, texts_of};
use super::{of_index, push_flow, state};
use crate::model::{FlowId, Message, MessageId, Position, Query, Timestamp, UserId};
use crate::store::error::StoreError;
use crate::store::messages::{self, Load};
use crate::store::tx::View;
use crate::store::{flows, members};

/// Where to look.
#[derive(Debug, Clone, Copy)]
pub enum Scope {
    /// In every flow that a user is in.
    Of(UserId),
    /// In one flow.
    Flow(FlowId),
    /// In every flow that is there, for the operator.
    Everywhere,
}

/// What found messages have besides their words.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Who wrote them.
    pub from: Option<UserId>,
    /// Bits of kinds of attachments of which they have at least one; 0: whatever they have.
    pub kinds: i64,
    /// Sent then or later.
    pub since: Option<Timestamp>,
    /// Sent before.
    pub until: Option<Timestamp>,
    /// Sent at an earlier position.
    pub before: Option<Position>,
}

/// What a search is for.
pub struct Wanted<'a> {
    /// Where to look.
    pub scope: Scope,
    /// The words.
    pub query: &'a Query,
    /// What else.
    pub filter: &'a Filter,
    /// Messages at most.
    pub limit: usize,
    /// How long to look.
    pub budget: Duration,
}

/// What a search found.
#[derive(Debug)]
pub struct Hits {
    /// Which messages, newest first.
    pub found: Vec<MessageId>,
    /// Where to go on; `None` when nothing is left.
    pub before: Option<Position>,
    /// Whether the time was over before everything was looked at.
    pub is_out_of_time: bool,
}

pub(super) const FIND: &str = "SELECT rowid FROM message_search
     WHERE message_search MATCH :query AND rowid < :before ORDER BY rowid DESC";

pub(super) const FOUND: &str = "SELECT flow_id, author_id, sent_at, slots FROM messages
     WHERE id = :id AND deleted_at IS NULL";

/// Finds messages that have everything that is asked for, newest first.
///
/// What is looked at is what the flows hold that have the words, and no other flow. A search that
/// takes too long for the rest that it filters out ends early, and says where to go on.
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
        // One has been looked at, so that whoever goes on gets further.
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

/// Looks at a message that the index knows. An index may be damaged without a sign of it, so what is
/// secret is never taken from it: the flow is that of the message.
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

/// Reads found messages with what is wanted of their files, up to a number of bytes, and at least one.
/// Returns them, and where to go on when they are not all.
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

/// What the index is asked: for every term any flow's, all terms together. Everything in it is
/// quoted, and terms have no quotes. `None`: nothing is asked for, or nowhere.
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
