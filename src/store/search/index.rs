//! Keeping the index: sent, edited or deleted messages are updated in it when there is time, which is a
//! moment later, or before a search.

use std::hash::{DefaultHasher, Hash, Hasher};

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::rebuild::{State, in_transaction, mark_unusable, state};
use super::{KIND_MARK, of_index, push_flow};
use crate::model::{FlowId, MessageId, terms};
use crate::store::error::StoreError;
use crate::store::tx::{Tx, View};

/// The kinds of attachments in `messages.slots`; the higher bits mean other things.
pub(super) const KINDS: std::ops::Range<u32> = 0..8;

/// The texts by which a message is found: its text, the names of its files, its poll, kinds of attachments.
///
/// Everything by which a message is found must be selected here, because it is removed from the index by
/// the same terms. Code that changes any of it must call [`outdate`] before.
macro_rules! select_texts {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.flow_id, m.slots, m.deleted_at IS NULL AS is_there, m.text,
                    CASE WHEN m.slots <> 0 THEN (
                        SELECT group_concat(a.name, char(10)) FROM attachments a
                        WHERE a.message_id = m.id
                    ) END AS names,
                    CASE WHEN m.slots & 32768 <> 0 THEN (
                        SELECT p.question || (SELECT group_concat(char(10) || value) FROM json_each(p.options))
                        FROM polls p WHERE p.message_id = m.id
                    ) END AS poll
             FROM messages m ",
            $rest
        )
    };
}

/// One message, deleted or not.
pub(super) const ONE: &str = select_texts!("WHERE m.id = :id");
/// One message that is not deleted.
pub(super) const PRESENT: &str = select_texts!("WHERE m.id = :id AND m.deleted_at IS NULL");
/// The messages after one, including deleted ones.
pub(super) const AFTER: &str = select_texts!("WHERE m.id > :after ORDER BY m.id LIMIT :limit");
/// All messages up to one that are not deleted.
const UP_TO: &str = select_texts!("WHERE m.id <= :last AND m.deleted_at IS NULL ORDER BY m.id");

/// Returns the texts of a selected row, with each name and each line of a poll as a text of its own.
fn texts(row: &Row<'_>) -> Result<Vec<String>, StoreError> {
    let mut texts: Vec<String> = row.get::<_, Option<String>>("text")?.into_iter().collect();
    for column in ["names", "poll"] {
        let lines: Option<String> = row.get(column)?;
        texts.extend(lines.iter().flat_map(|it| it.lines().map(str::to_owned)));
    }
    Ok(texts)
}

/// Returns the terms of a selected row, separated by blanks, as the index needs them.
fn terms_of_row(row: &Row<'_>) -> Result<String, StoreError> {
    let flow = FlowId(row.get("flow_id")?);
    let slots: i64 = row.get("slots")?;
    let mut all: Vec<String> = texts(row)?.iter().flat_map(|text| terms(text)).collect();
    all.extend(KINDS.filter(|kind| slots >> kind & 1 != 0).map(kind_term));
    all.sort_unstable();
    all.dedup();
    let mut out = String::new();
    for term in all {
        if !out.is_empty() {
            out.push(' ');
        }
        push_flow(&mut out, flow);
        out.push_str(&term);
    }
    Ok(out)
}

/// Returns the texts of a message, to check what terms do not cover.
///
/// # Errors
/// The file cannot be read.
pub(super) fn texts_of(view: &View<'_>, id: i64) -> Result<Vec<String>, StoreError> {
    let mut select = view.prepare(ONE)?;
    let mut rows = select.query(named_params! {":id": id})?;
    match rows.next()? {
        Some(row) => texts(row),
        None => Ok(Vec::new()),
    }
}

/// Returns the term of all messages that have an attachment of a kind.
pub(super) fn kind_term(kind: u32) -> String {
    format!("{KIND_MARK}{kind}")
}

/// Returns where the index has to continue: the last message in it, and the first outdated one. `None`: it
/// is up to date, or is being rebuilt.
///
/// # Errors
/// The file cannot be read.
pub(in crate::store) fn pending(view: &View<'_>) -> Result<Option<(i64, Option<i64>)>, StoreError> {
    let state = state(view)?;
    let Some(after) = state.indexed.filter(|_| state.is_ready()) else {
        return Ok(None);
    };
    let mut statement = view.prepare(
        "SELECT EXISTS (SELECT 1 FROM messages WHERE id > :after) AS has_new,
                (SELECT MIN(message_id) FROM message_search_outdated) AS outdated",
    )?;
    let found = statement.query_row(named_params! {":after": after}, |row| {
        let outdated: Option<i64> = row.get("outdated")?;
        let is_behind = row.get("has_new")? || outdated.is_some();
        Ok(is_behind.then_some((after, outdated)))
    });
    Ok(found?)
}

/// Returns whether the index has words that messages no longer contain.
///
/// # Errors
/// The file cannot be read.
pub(in crate::store) fn has_outdated(view: &View<'_>) -> Result<bool, StoreError> {
    let mut statement = view.prepare("SELECT EXISTS (SELECT 1 FROM message_search_outdated)")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Records that a message will be found by other words, or by none; call this before changing anything
/// by which it is found. The old words are removed from the index a moment later, in a separate
/// transaction, so that a damaged index makes no other transaction fail.
///
/// # Errors
/// The file cannot be read or written.
pub(in crate::store) fn outdate(tx: &Tx<'_>, id: MessageId) -> Result<(), StoreError> {
    if state(tx)?.indexed.is_none_or(|last| id.0 > last) {
        return Ok(());
    }
    let mut select = tx.prepare(PRESENT)?;
    let found = select.query_row(named_params! {":id": id.0}, |row| Ok(terms_of_row(row)));
    if let Some(terms) = found.optional()? {
        // If a message changes twice, the index still has the words from before the first change.
        let noted = write(
            tx,
            "INSERT INTO message_search_outdated (message_id, terms) VALUES (:id, :terms)
             ON CONFLICT DO NOTHING",
            id.0,
            &terms?,
        );
        match noted {
            Err(StoreError::SearchDamaged(what)) => {
                log::error!("the search index is damaged and will be rebuilt: {what}");
                mark_unusable(tx)?;
            }
            result => result?,
        }
    }
    tx.index_later();
    Ok(())
}

/// The result of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::store) struct Step {
    /// Whether there is more to do.
    pub(in crate::store) is_behind: bool,
    /// Whether words were removed from the index, and must be removed from the write-ahead log too.
    pub(in crate::store) has_removed: bool,
}

/// Brings the index a step closer to the messages, in a transaction of its own: first outdated messages,
/// then new ones, `limit` messages of each.
///
/// # Errors
/// [`StoreError::SearchDamaged`]; or the file cannot be written.
pub(in crate::store) fn step(conn: &Connection, limit: i64) -> Result<Step, StoreError> {
    in_transaction(conn, || {
        let view = View::new(conn);
        let State { indexed, target } = state(&view)?;
        let Some(after) = indexed else {
            return Ok(Step::default());
        };
        let removed = replace_outdated(&view, limit)?;
        let added = add_new(&view, after, target, limit)?;
        Ok(Step {
            is_behind: removed == limit || added == limit,
            has_removed: removed > 0,
        })
    })
}

/// Removes old words from the index, and adds the present ones of the messages.
fn replace_outdated(view: &View<'_>, limit: i64) -> Result<i64, StoreError> {
    let mut select = view.prepare(
        "SELECT message_id, terms FROM message_search_outdated ORDER BY message_id LIMIT :limit",
    )?;
    let mut present = view.prepare(PRESENT)?;
    let mut rows = select.query(named_params! {":limit": limit})?;
    let (mut count, mut last) = (0, 0);
    while let Some(row) = rows.next()? {
        last = row.get("message_id")?;
        count += 1;
        let old: String = row.get("terms")?;
        let new = present
            .query_row(named_params! {":id": last}, |row| Ok(terms_of_row(row)))
            .optional()?
            .transpose()?
            .unwrap_or_default();
        if old != new {
            write(
                view,
                "INSERT INTO message_search (message_search, rowid, terms)
                 VALUES ('delete', :id, :terms)",
                last,
                &old,
            )?;
            write(view, ADD, last, &new)?;
        }
    }
    drop(rows);
    if count > 0 {
        view.prepare("DELETE FROM message_search_outdated WHERE message_id <= :last")?
            .execute(named_params! {":last": last})?;
    }
    Ok(count)
}

/// Adds messages that are not in the index yet.
fn add_new(view: &View<'_>, after: i64, target: i64, limit: i64) -> Result<i64, StoreError> {
    let mut select = view.prepare(AFTER)?;
    let mut rows = select.query(named_params! {":after": after, ":limit": limit})?;
    let (mut count, mut last) = (0, after);
    while let Some(row) = rows.next()? {
        last = row.get("id")?;
        count += 1;
        if row.get("is_there")? {
            write(view, ADD, last, &terms_of_row(row)?)?;
        }
    }
    if count < limit {
        // The last message to index may have been removed meanwhile.
        last = last.max(target);
    }
    if last > after {
        view.prepare("UPDATE properties SET value = :last WHERE name = 'indexed_message_id'")?
            .execute(named_params! {":last": last})?;
    }
    Ok(count)
}

const ADD: &str = "INSERT INTO message_search (rowid, terms) VALUES (:id, :terms)";

fn write(view: &View<'_>, sql: &str, id: i64, terms: &str) -> Result<(), StoreError> {
    if terms.is_empty() {
        return Ok(());
    }
    let done = view.prepare(sql).and_then(|mut statement| {
        Ok(statement.execute(named_params! {":id": id, ":terms": terms})?)
    });
    done.map(drop).map_err(of_index)
}

/// Compares the index with the messages, both in one state of the file, because a server may be working on
/// it. Returns a sentence if they differ.
///
/// # Errors
/// The file cannot be read.
pub(in crate::store) fn disagreement(conn: &Connection) -> Result<Option<String>, StoreError> {
    let moment = conn.unchecked_transaction()?;
    let found = compare(conn);
    moment.finish()?;
    found
}

fn compare(conn: &Connection) -> Result<Option<String>, StoreError> {
    let Some(last) = state(&View::new(conn))?.indexed else {
        return Ok(None);
    };
    let mut wanted = Sum::default();
    if has_outdated(&View::new(conn))? {
        // They need not agree before outdated words are removed, which a server does in a moment.
        return Ok(None);
    }
    let mut select = conn.prepare(UP_TO)?;
    let mut rows = select.query(named_params! {":last": last})?;
    while let Some(row) = rows.next()? {
        let id = row.get("id")?;
        for term in terms_of_row(row)?.split(' ').filter(|it| !it.is_empty()) {
            wanted.add(term, id);
        }
    }
    match held(conn).map_err(of_index) {
        Ok(held) if held == wanted => Ok(None),
        Ok(_) => Ok(Some(
            "the search index does not agree with the messages".to_owned(),
        )),
        Err(StoreError::SearchDamaged(what)) => {
            Ok(Some(format!("the search index is damaged: {what}")))
        }
        Err(err) => Err(err),
    }
}

/// Returns the sum of every term of the index with every message that has it.
fn held(conn: &Connection) -> Result<Sum, StoreError> {
    conn.execute_batch(
        "CREATE VIRTUAL TABLE temp.search_terms USING fts5vocab(main, message_search, instance)",
    )?;
    let mut held = Sum::default();
    let mut select = conn.prepare("SELECT term, doc FROM temp.search_terms")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let id = row.get("doc")?;
        held.add(row.get_ref("term")?.as_str().unwrap_or_default(), id);
    }
    Ok(held)
}

/// A count, and a hash that does not depend on the order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    hash: u64,
}

impl Sum {
    fn add(&mut self, term: &str, id: i64) {
        let mut hasher = DefaultHasher::new();
        (term, id).hash(&mut hasher);
        self.count += 1;
        self.hash = self.hash.wrapping_add(hasher.finish());
    }
}
