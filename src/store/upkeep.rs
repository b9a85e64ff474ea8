//! Maintenance of the whole file: checking and emptying it.

use std::path::Path;

use rusqlite::Connection;

use super::backup_files;
use super::connection::{self, Durability};
use super::damage::{self, Depth};
use super::error::StoreError;
use super::lock::ServerLock;
use super::paths;
use super::schema::{self, Found};
use super::search;

/// The maximum number of findings that are returned; a damaged file has enough of them.
const MAX_FINDINGS: usize = 20;

/// The findings of a thorough check, one sentence each.
#[derive(Debug, Default)]
pub struct Findings {
    /// Damage of data that cannot be rebuilt.
    pub data: Vec<String>,
    /// Damage of derived data.
    pub derived: Vec<String>,
    /// Unused pages, which compacting frees.
    pub lost_pages: usize,
}

/// Checks a database thoroughly: every page, every index, every reference, and whether redundant counts
/// agree. The full-text index is checked as a part of SQLite's own check, which writes nothing; its
/// command `integrity-check` would write.
///
/// # Errors
/// The file cannot be read at all.
pub fn examine(path: &Path) -> Result<Findings, StoreError> {
    find_damage(path).map_err(|err| err.of(path))
}

fn find_damage(path: &Path) -> Result<Findings, StoreError> {
    paths::require(path)?;
    let log = connection::require_whole_log(path);
    let conn = connection::open_reader(path)?;
    let damage = damage::look(&conn, path, Depth::Content)?;
    let mut data = damage.of_data().to_vec();
    if log.is_err() && !ServerLock::is_held(path) {
        data.push(connection::LOG_DAMAGED.to_owned());
    }
    let mut found = Findings {
        data,
        derived: damage.of_derived(),
        lost_pages: damage.lost_pages(),
    };
    if found.data.is_empty() {
        if schema::examine(&conn, path)? == Found::Empty {
            return Err(StoreError::Missing(path.to_owned()));
        }
        for sql in RULES {
            collect(&conn, sql, &mut found.data)?;
        }
        for path in backup_files::verify_live(path, false)?.missing {
            found
                .data
                .push(format!("the file {} is missing", path.display()));
        }
        if !damage.is_of_search() {
            found.derived.extend(search::disagreement(&conn)?);
        }
    }
    found.data.truncate(MAX_FINDINGS);
    found.derived.truncate(MAX_FINDINGS);
    Ok(found)
}

/// The rules between tables; each query returns a sentence for every row that breaks it.
const RULES: [&str; 6] = [
    "SELECT 'a row of ' || \"table\" || ' refers to a missing row of ' || parent
     FROM pragma_foreign_key_check LIMIT 20",
    "SELECT 'flow ' || f.id || ' counts ' || (f.next_number - f.first_number) || ' messages and has ' || COUNT(m.id)
     FROM flows f LEFT JOIN messages m ON m.flow_id = f.id GROUP BY f.id
     HAVING COUNT(m.id) <> f.next_number - f.first_number
         OR COALESCE(MIN(m.number), f.first_number) <> f.first_number LIMIT 20",
    "SELECT 'file ' || f.id || ' is said to be shown ' || f.reference_count || ' times' FROM files f
     WHERE f.reference_count <> (SELECT COUNT(*) FROM attachments a WHERE a.file_id = f.id)
                              + (SELECT COUNT(*) FROM attachments a WHERE a.thumb_file_id = f.id)
                              + (SELECT COUNT(*) FROM preview_thumbnails v WHERE v.file_id = f.id)
                              + (SELECT COUNT(*) FROM users u WHERE u.avatar_file_id = f.id)
                              + (SELECT COUNT(*) FROM flows l WHERE l.picture_file_id = f.id)
                              + (SELECT COUNT(*) FROM hooks h WHERE h.picture_file_id = f.id)
                              + (SELECT COUNT(*) FROM uploads p WHERE p.file_id = f.id)
                              + (SELECT COUNT(*) FROM exports e WHERE e.file_id = f.id) LIMIT 20",
    "SELECT 'user ' || u.id || ' is said to have attached ' || u.used || ' bytes' FROM users u
     LEFT JOIN (SELECT m.author_id, SUM(f.size) AS bytes FROM attachments a
                JOIN messages m ON m.id = a.message_id JOIN files f ON f.id = a.file_id
                WHERE m.forward IS NULL GROUP BY m.author_id) s ON s.author_id = u.id
     WHERE u.used <> coalesce(s.bytes, 0) LIMIT 20",
    "SELECT 'position ' || m.id || ' is in the log twice' FROM messages m
     JOIN changes c ON c.position = m.id LIMIT 20",
    "SELECT 'flow ' || f.id || ' does not name its newest message' FROM flows f
     WHERE f.next_number > f.first_number
       AND f.last_message_id <> (SELECT MAX(m.id) FROM messages m WHERE m.flow_id = f.id) LIMIT 20",
];

fn collect(conn: &Connection, sql: &str, found: &mut Vec<String>) -> Result<(), StoreError> {
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        found.push(row.get(0)?);
    }
    Ok(())
}

/// Drops all tables with their content; the file remains, empty.
///
/// # Errors
/// The file is not one of this program or cannot be written.
pub fn drop_tables(path: &Path) -> Result<(), StoreError> {
    paths::require(path)?;
    let mut conn = connection::open_writer(path, Durability::Full)?;
    // The order in which tables are dropped does not follow their references.
    conn.pragma_update(None, "foreign_keys", "OFF")?;
    schema::examine(&conn, path)?;
    let tx = conn.transaction()?;
    // Virtual tables first: they take their shadow tables with them.
    for kind in ["CREATE VIRTUAL", "CREATE TABLE"] {
        let names: Vec<String> = tx
            .prepare(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                 AND sql LIKE :kind || '%'",
            )?
            .query_map([kind], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for name in names {
            // A name cannot be a parameter; these come from the file's own schema.
            tx.execute_batch(&format!("DROP TABLE \"{}\"", name.replace('"', "\"\"")))?;
        }
    }
    tx.commit()?;
    conn.execute_batch("VACUUM")?;
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Returns the schema version of a file; `None` for an empty one.
///
/// # Errors
/// There is no file, or it is not one of this program.
pub fn schema(path: &Path) -> Result<Option<i32>, StoreError> {
    paths::require(path)?;
    let found = connection::open_reader(path).and_then(|conn| schema::examine(&conn, path));
    Ok(match found.map_err(|err| err.of(path))? {
        Found::Empty => None,
        Found::Version(version) => Some(version),
    })
}
