//! Opening the file, and the settings of every connection to it.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Access, access};

use super::error::StoreError;
use super::lock::ServerLock;
use super::paths::{file_error, folder_of, with_suffix};
use super::wal::log_is_damaged;

/// "MRLA": the `application_id` in the header of a Morelia database.
pub(super) const APPLICATION_ID: i32 = 1_297_239_105;

/// How long a connection waits for another process's lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The message for a log that is damaged in the middle.
pub(super) const LOG_DAMAGED: &str = "its write-ahead log is damaged in the middle, and going on would lose what was written after that";

/// The maximum number of statements that a connection keeps prepared; more than the program has.
const STATEMENTS: usize = 160;

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The write is acknowledged after the sync, so it survives a power cut.
    Full,
    /// The write is acknowledged before the sync: a power cut may lose the last ones. The file stays valid.
    Normal,
}

/// Refuses a file that this process may not write to, or whose folder it may not write to. SQLite
/// would open it read-only, and every write would fail later.
///
/// # Errors
/// [`StoreError::File`] with the path that lacks the permission.
pub(super) fn require_leave(path: &Path) -> Result<(), StoreError> {
    // Uses `access` instead of opening: closing a database file drops the locks that this process has on it.
    for (place, leave) in [
        (folder_of(path), Access::WRITE_OK | Access::EXEC_OK),
        (path, Access::READ_OK | Access::WRITE_OK),
    ] {
        access(place, leave).map_err(|errno| {
            let place = std::path::absolute(place).unwrap_or_else(|_| place.to_owned());
            file_error(&place, errno.into())
        })?;
    }
    Ok(())
}

/// Refuses an empty file beside a log that is not empty: SQLite would take it for a new database and
/// remove the log, which is the only copy of the latest writes.
fn require_content(path: &Path) -> Result<(), StoreError> {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    if length(path) == 0 && length(&with_suffix(path, "-wal")) > 0 {
        return Err(StoreError::Emptied(path.to_owned()));
    }
    Ok(())
}

/// Refuses a write-ahead log that is damaged in the middle: the engine would take the damage for the end
/// of the log, and overwrite everything after it. Call this only while no process writes.
///
/// # Errors
/// [`StoreError::Damaged`].
pub(super) fn require_whole_log(path: &Path) -> Result<(), StoreError> {
    if log_is_damaged(path) {
        return Err(StoreError::Damaged(LOG_DAMAGED.to_owned()));
    }
    Ok(())
}

/// Opens a connection that can write, and creates the file (mode 0600) if there is none.
///
/// # Errors
/// The file cannot be opened, is damaged or is not a database.
pub(super) fn open_writer(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    require_content(path)?;
    // A server has already checked the log, before others could write.
    if durability == Durability::Full && !ServerLock::is_held(path) {
        require_whole_log(path)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    if std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
        // This mode can only be set while the file has no pages.
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(
        None,
        "synchronous",
        match durability {
            Durability::Full => "FULL",
            Durability::Normal => "NORMAL",
        },
    )?;
    // 16 MiB: the log shrinks to this size after a long read has kept it from being reused.
    conn.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    // The writer checkpoints by itself, after it has answered, and notices when that fails.
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    // Deleted content is overwritten.
    conn.pragma_update(None, "secure_delete", "ON")?;
    conn.pragma_update(None, "cache_size", -4096)?;
    set_common(&conn)?;
    Ok(conn)
}

/// Opens a connection that can only read.
///
/// # Errors
/// The file cannot be opened.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    require_content(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.pragma_update(None, "cache_size", -1024)?;
    set_common(&conn)?;
    Ok(conn)
}

fn set_common(conn: &Connection) -> Result<(), StoreError> {
    conn.pragma_update(None, "foreign_keys", "ON")?;
    conn.pragma_update(None, "trusted_schema", "OFF")?;
    conn.pragma_update(None, "cell_size_check", "ON")?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    // Query plans do not depend on bound values. Otherwise SQLite, as it is built here, would plan a
    // statement again from its text whenever it gets a different value.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_statement_is_planned_once_whatever_is_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        super::super::Store::prepare(&path).unwrap();
        for conn in [
            open_reader(&path).unwrap(),
            open_writer(&path, Durability::Full).unwrap(),
        ] {
            let mut statement = conn
                .prepare("SELECT at FROM changes WHERE audience = ?1 AND position > ?2 LIMIT ?3")
                .unwrap();
            for value in 0..5 {
                let rows = statement.query_map([value; 3], |row| row.get::<_, i64>(0));
                assert!(rows.unwrap().all(|row| row.is_ok()));
            }
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        }
    }
}
