//! Rebuilding the index: after damage, or if the program now splits words in another way.

use rusqlite::{Connection, named_params};

use super::of_index;
use crate::model::TERMS_VERSION;
use crate::store::error::StoreError;
use crate::store::tx::{Tx, View};

/// The statements that create the index, as in the schema.
const CREATE: &str = "CREATE VIRTUAL TABLE message_search USING fts5 (
    terms, content = '', columnsize = 0, detail = none, tokenize = 'ascii'
);
INSERT INTO message_search (message_search, rank) VALUES ('secure-delete', 1);
CREATE TABLE message_search_outdated (
    message_id INTEGER PRIMARY KEY,
    terms      TEXT NOT NULL                  -- as they are in the index
) STRICT;";

/// The tables of the index: three of the engine's, and one for outdated terms.
const TABLES: [&str; 4] = [
    "message_search_data",
    "message_search_idx",
    "message_search_config",
    "message_search_outdated",
];

/// The progress of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The last message in it. `None`: it cannot be used, and has to be rebuilt.
    pub indexed: Option<i64>,
    /// The last message that must be in it before it can be searched.
    pub target: i64,
}

impl State {
    /// Returns whether it can be searched.
    #[must_use]
    pub fn is_ready(self) -> bool {
        self.indexed.is_some_and(|last| last >= self.target)
    }

    /// Returns how much of it is built, in per cent.
    #[must_use]
    pub fn percent(self) -> u8 {
        let done = i128::from(self.indexed.unwrap_or(0)) * 100;
        let percent = done.checked_div(i128::from(self.target)).unwrap_or(100);
        u8::try_from(percent.clamp(0, 100)).unwrap_or(100)
    }

    /// Refuses a search while it is not ready.
    ///
    /// # Errors
    /// [`StoreError::SearchUnready`].
    pub(super) fn require_ready(self) -> Result<(), StoreError> {
        if self.is_ready() {
            Ok(())
        } else {
            Err(StoreError::SearchUnready(self.percent()))
        }
    }
}

/// Returns the progress of the index.
///
/// # Errors
/// The file cannot be read.
pub fn state(view: &View<'_>) -> Result<State, StoreError> {
    let mut statement = view.prepare(
        "SELECT name, value FROM properties
         WHERE name IN ('indexed_message_id', 'search_target_id', 'search_version')",
    )?;
    let mut rows = statement.query([])?;
    let (mut indexed, mut target, mut version) = (None, 0, None);
    while let Some(row) = rows.next()? {
        let value: i64 = row.get("value")?;
        match row.get_ref("name")?.as_str() {
            Ok("indexed_message_id") => indexed = Some(value),
            Ok("search_target_id") => target = value,
            _ => version = Some(value),
        }
    }
    Ok(State {
        indexed: indexed.filter(|_| version == Some(TERMS_VERSION)),
        target,
    })
}

/// Discards the index, unless it is being rebuilt already; the writer rebuilds it.
///
/// # Errors
/// The file cannot be written.
pub fn give_up(tx: &Tx<'_>) -> Result<bool, StoreError> {
    tx.index_later();
    if !state(tx)?.is_ready() {
        return Ok(false);
    }
    mark_unusable(tx)?;
    Ok(true)
}

/// Records that the index cannot be used.
pub(in crate::store) fn mark_unusable(view: &View<'_>) -> Result<(), StoreError> {
    view.prepare("DELETE FROM properties WHERE name = 'search_version'")?
        .execute([])?;
    Ok(())
}

/// Discards the index and starts an empty one, which is filled when there is time.
///
/// # Errors
/// The file cannot be written.
pub(in crate::store) fn recreate(conn: &Connection) -> Result<(), StoreError> {
    in_transaction(conn, || {
        mark_unusable(&View::new(conn))?;
        Ok(())
    })?;
    let dropped = if pages_are_sound(conn)? {
        in_transaction(conn, || {
            conn.execute_batch(
                "DROP TABLE IF EXISTS message_search;
                 DROP TABLE IF EXISTS message_search_outdated;",
            )?;
            Ok(())
        })
    } else {
        Err(StoreError::Damaged(String::new()))
    };
    if let Err(err) = dropped.map_err(of_index) {
        match err {
            StoreError::SearchDamaged(_) => cut_off(conn, "message_search*")?,
            other => return Err(other),
        }
    }
    in_transaction(conn, || {
        conn.execute_batch(CREATE)?;
        let set = "INSERT INTO properties (name, value) VALUES (:name, :value)
                   ON CONFLICT DO UPDATE SET value = :value";
        let newest: i64 =
            conn.query_row("SELECT coalesce(MAX(id), 0) FROM messages", [], |row| {
                row.get(0)
            })?;
        for (name, value) in [
            ("indexed_message_id", 0),
            ("search_target_id", newest),
            ("search_version", TERMS_VERSION),
        ] {
            conn.execute(set, named_params! {":name": name, ":value": value})?;
        }
        Ok(())
    })
}

/// Returns whether all pages of the index are valid, and lead only to other pages of the index. Otherwise
/// freeing its pages could free those of messages too.
fn pages_are_sound(conn: &Connection) -> Result<bool, StoreError> {
    for table in TABLES {
        let mut statement = conn.prepare("SELECT quick_check FROM pragma_quick_check(:table)")?;
        let verdict = statement
            .query_row(named_params! {":table": table}, |row| {
                row.get::<_, String>(0)
            })
            .map_err(StoreError::from)
            .map_err(of_index);
        match verdict {
            Ok(line) if line == "ok" => {}
            Ok(_) | Err(StoreError::SearchDamaged(_)) => return Ok(false),
            Err(err) => return Err(err),
        }
    }
    Ok(true)
}

/// Removes an index, by its name or a pattern, from the schema and leaves its pages alone: they are lost
/// until the file is compacted.
pub(in crate::store) fn cut_off(conn: &Connection, name: &str) -> Result<(), StoreError> {
    conn.pragma_update(None, "writable_schema", "ON")?;
    let removed = in_transaction(conn, || {
        conn.execute(
            "DELETE FROM sqlite_schema WHERE name GLOB :name",
            named_params! {":name": name},
        )?;
        Ok(())
    });
    // Reloads the schema, and makes it read-only again.
    conn.pragma_update(None, "writable_schema", "RESET")?;
    if removed.is_ok() {
        log::warn!(
            "the pages of the damaged index are lost until `morelia db compact` gives them back"
        );
    }
    removed
}

/// Merges the index into one segment; a damaged one is restarted instead.
///
/// # Errors
/// The file cannot be written.
pub(in crate::store) fn tidy(conn: &Connection) -> Result<(), StoreError> {
    let merged =
        conn.execute_batch("INSERT INTO message_search (message_search) VALUES ('optimize')");
    match merged.map_err(StoreError::from).map_err(of_index) {
        Err(StoreError::SearchDamaged(_)) => recreate(conn),
        result => result,
    }
}

/// Runs `work` in a transaction of its own.
pub(super) fn in_transaction<T>(
    conn: &Connection,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let result = work().and_then(|value| {
        conn.execute_batch("COMMIT")?;
        Ok(value)
    });
    if result.is_err()
        && !conn.is_autocommit()
        && let Err(err) = conn.execute_batch("ROLLBACK")
    {
        log::error!("rolling back failed: {err}");
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_makes_the_same_index() {
        let schema = include_str!("../../../sql/V1__initial.sql");
        for statement in CREATE.split_inclusive(';') {
            assert!(schema.contains(statement.trim()), "{statement}");
        }
        assert!(schema.contains(&format!("('search_version', {TERMS_VERSION})")));
    }
}
