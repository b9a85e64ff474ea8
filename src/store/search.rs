//! The full-text index over messages. It is filled when there is time, or when somebody searches.

use std::time::Duration;

use rusqlite::{ErrorCode, named_params};

use super::connection::Timer;
use super::error::StoreError;
use super::tx::{Tx, View};
use super::{members, messages};
use crate::model::{FlowId, Message, MessageId, UserId};

/// Puts the next messages into the index. Returns whether there may be more.
///
/// # Errors
/// The file cannot be written.
pub fn index_pending(tx: &Tx<'_>, limit: i64) -> Result<bool, StoreError> {
    let after = indexed(tx)?;
    let mut select = tx.prepare(
        "SELECT id, CASE WHEN deleted_at IS NULL THEN text END AS text FROM messages
         WHERE id > :after ORDER BY id LIMIT :limit",
    )?;
    let mut insert = tx.prepare("INSERT INTO message_search (rowid, text) VALUES (:id, :text)")?;
    let mut rows = select.query(named_params! {":after": after, ":limit": limit})?;
    let mut count = 0;
    let mut last = after;
    while let Some(row) = rows.next()? {
        last = row.get("id")?;
        count += 1;
        if let Some(text) = row.get::<_, Option<String>>("text")? {
            insert.execute(named_params! {":id": last, ":text": text})?;
        }
    }
    if last > after {
        tx.prepare("UPDATE properties SET value = :last WHERE name = 'indexed_message_id'")?
            .execute(named_params! {":last": last})?;
    }
    Ok(count == limit)
}

/// Tells whether messages wait to be indexed.
///
/// # Errors
/// The file cannot be read.
pub fn is_pending(view: &View<'_>) -> Result<bool, StoreError> {
    let mut statement = view.prepare("SELECT 1 FROM messages WHERE id > :after LIMIT 1")?;
    Ok(statement.exists(named_params! {":after": indexed(view)?})?)
}

/// Takes a message's old text out of the index and puts the new one in; to be called before the
/// text is changed.
pub(super) fn replace(
    tx: &Tx<'_>,
    id: MessageId,
    old: Option<&str>,
    new: Option<&str>,
) -> Result<(), StoreError> {
    if id.0 > indexed(tx)? {
        return Ok(());
    }
    if let Some(old) = old {
        tx.prepare(
            "INSERT INTO message_search (message_search, rowid, text) VALUES ('delete', :id, :old)",
        )?
        .execute(named_params! {":id": id.0, ":old": old})?;
    }
    if let Some(new) = new {
        tx.prepare("INSERT INTO message_search (rowid, text) VALUES (:id, :new)")?
            .execute(named_params! {":id": id.0, ":new": new})?;
    }
    Ok(())
}

/// What a search is for.
pub struct Wanted<'a> {
    /// Who asks; only messages of flows that this user is in are found.
    pub user: UserId,
    /// Only in this one of them.
    pub flow: Option<FlowId>,
    /// The words.
    pub text: &'a str,
    /// Messages at most.
    pub limit: usize,
    /// Bytes of these messages, roughly.
    pub budget_bytes: usize,
    /// How long to look.
    pub budget: Duration,
}

/// What a search found.
pub struct Hits {
    /// Messages, newest first.
    pub messages: Vec<Message>,
    /// Whether the time was enough to look at all that there are.
    pub complete: bool,
}

/// Messages that contain all words of a text, each perhaps only its beginning; newest first.
///
/// A word that everybody uses stands in messages that the user may not read as well, and all of
/// them are looked at; so the time is bounded, and what was found by then is returned.
///
/// # Errors
/// The file cannot be read.
pub fn find(view: &View<'_>, wanted: &Wanted<'_>) -> Result<Hits, StoreError> {
    let mut hits = Hits {
        messages: Vec::new(),
        complete: true,
    };
    let Some(query) = match_expression(wanted.text) else {
        return Ok(hits);
    };
    let flows = match wanted.flow {
        Some(flow) => vec![flow],
        None => members::flows_of(view, wanted.user)?,
    };
    let (found, complete) = matching(view, &query, &flows, wanted)?;
    hits.complete = complete;
    let mut left = wanted.budget_bytes;
    for id in found {
        let files = messages::size_of_files(view, id)?;
        if left == 0 || !hits.messages.is_empty() && files > left {
            break;
        }
        if let Some(message) = messages::by_id(view, id)? {
            left = left.saturating_sub(message.size_bytes());
            hits.messages.push(message);
        }
    }
    Ok(hits)
}

/// Ids of matching messages in some flows, sorted by id; and whether these are all.
fn matching(
    view: &View<'_>,
    query: &str,
    flows: &[FlowId],
    wanted: &Wanted<'_>,
) -> Result<(Vec<MessageId>, bool), StoreError> {
    let mut statement = view.prepare(
        "SELECT m.id, m.flow_id FROM message_search s JOIN messages m ON m.id = s.rowid
         WHERE message_search MATCH :query AND m.deleted_at IS NULL ORDER BY s.rowid DESC",
    )?;
    let _timer = Timer::start(wanted.budget);
    let mut found = Vec::new();
    let mut rows = statement.query(named_params! {":query": query})?;
    while found.len() < wanted.limit {
        match rows.next() {
            Ok(Some(row)) => {
                if flows.binary_search(&FlowId(row.get("flow_id")?)).is_ok() {
                    found.push(MessageId(row.get("id")?));
                }
            }
            Ok(None) => break,
            Err(err) if err.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
                return Ok((found, false));
            }
            Err(err) => return Err(err.into()),
        }
    }
    Ok((found, true))
}

/// Messages of any flow that is there, or of one, that contain all words of a text; newest first.
///
/// # Errors
/// The file cannot be read.
pub fn find_anywhere(
    view: &View<'_>,
    flow: Option<FlowId>,
    text: &str,
    limit: usize,
) -> Result<Vec<MessageId>, StoreError> {
    let Some(query) = match_expression(text) else {
        return Ok(Vec::new());
    };
    let mut statement = view.prepare(
        "SELECT m.id FROM message_search s JOIN messages m ON m.id = s.rowid
         JOIN flows f ON f.id = m.flow_id
         WHERE message_search MATCH :query AND m.deleted_at IS NULL AND f.removed_at IS NULL
           AND (:flow IS NULL OR m.flow_id = :flow)
         ORDER BY s.rowid DESC LIMIT :limit",
    )?;
    let params = named_params! {
        ":query": query,
        ":flow": flow.map(|id| id.0),
        ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let rows = statement.query_map(params, |row| row.get(0).map(MessageId))?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Turns what somebody typed into a query of words, whatever signs it holds: every word is quoted,
/// so nothing in it is an operator. `None`: there is no word in it.
fn match_expression(text: &str) -> Option<String> {
    /// More words than anybody types; bounds the work.
    const MAX_WORDS: usize = 16;
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let quoted: Vec<_> = words
        .take(MAX_WORDS)
        .map(|word| format!("\"{word}\"*"))
        .collect();
    (!quoted.is_empty()).then(|| quoted.join(" "))
}

fn indexed(view: &View<'_>) -> Result<i64, StoreError> {
    let mut statement =
        view.prepare("SELECT value FROM properties WHERE name = 'indexed_message_id'")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{add_group, add_message, add_user};
    use super::super::{Durability, Options, Store};
    use super::*;

    #[tokio::test]
    async fn search_ends_when_its_time_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        Store::prepare(&path).unwrap();
        let options = Options {
            path,
            durability: Durability::Normal,
        };
        let store = Store::open(&options, Box::new(drop)).unwrap();
        let [stranger, anna] = store
            .write(|tx| {
                let flow = |login: &str| {
                    let user = add_user(tx, login)?;
                    Ok::<_, StoreError>((user, add_group(tx, user, &[user])?))
                };
                let (stranger, anna) = (flow("stranger")?, flow("anna")?);
                add_message(tx, &anna.1, anna.0, "the word")?;
                for _ in 0..5000 {
                    add_message(tx, &stranger.1, stranger.0, "the word")?;
                }
                add_message(tx, &anna.1, anna.0, "the word")?;
                index_pending(tx, 10_000)?;
                Ok::<_, StoreError>([stranger.0, anna.0])
            })
            .await
            .unwrap();
        let find = |user: UserId, budget: Duration| {
            store.read(move |view| {
                let wanted = Wanted {
                    user,
                    flow: None,
                    text: "wo",
                    limit: 100,
                    budget_bytes: 1 << 20,
                    budget,
                };
                let hits = find(view, &wanted)?;
                Ok::<_, StoreError>((hits.messages.len(), hits.complete))
            })
        };
        assert_eq!(find(anna, Duration::from_mins(1)).await.unwrap(), (2, true));
        let (found, complete) = find(anna, Duration::ZERO).await.unwrap();
        assert!(found < 2 && !complete, "{found}, {complete}");
        // The connection is as good as before.
        assert_eq!(find(anna, Duration::from_mins(1)).await.unwrap(), (2, true));
        assert_eq!(find(stranger, Duration::from_mins(1)).await.unwrap().0, 100);
        store.close();
    }

    #[test]
    fn signs_are_no_operators() {
        assert_eq!(
            match_expression("caf\u{e9} AND (b*"),
            Some("\"caf\u{e9}\"* \"AND\"* \"b\"*".into())
        );
        assert_eq!(match_expression("\"'-- ^:"), None);
        assert_eq!(match_expression(""), None);
    }
}
