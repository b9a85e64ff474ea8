//! Opening the file, and what every connection to it is set to.

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

/// What is said of a log that is damaged within.
pub(super) const LOG_DAMAGED: &str = "its write-ahead log is damaged in the middle, and going on would lose what was written after that";

/// Statements that a connection keeps prepared; more than the program has.
const STATEMENTS: usize = 160;

/// How far a 200 can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// An answer is given after the sync: it survives a power cut.
    Full,
    /// An answer is given before: a power cut may lose the last ones. The file stays sound.
    Normal,
}

/// Refuses a file, or its folder, that this process may not write to. SQLite would open it for
/// reading only, and every write would fail later.
///
/// # Errors
/// [`StoreError::File`] with what there is no leave to.
pub(super) fn require_leave(path: &Path) -> Result<(), StoreError> {
    // Asked and not tried: closing a database file ends the locks that this process has on it.
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

/// Refuses an emptied file beside a log that is not: SQLite takes it for a new database and removes
/// the log, the only copy of what was written last.
fn require_content(path: &Path) -> Result<(), StoreError> {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    if length(path) == 0 && length(&with_suffix(path, "-wal")) > 0 {
        return Err(StoreError::Emptied(path.to_owned()));
    }
    Ok(())
}

/// Refuses a write-ahead log that is damaged within: the engine would take the damage for its end, and
/// write over all that follows. Only to be asked while nobody writes.
///
/// # Errors
/// [`StoreError::Damaged`].
pub(super) fn require_whole_log(path: &Path) -> Result<(), StoreError> {
    if log_is_damaged(path) {
        return Err(StoreError::Damaged(LOG_DAMAGED.to_owned()));
    }
    Ok(())
}

/// Opens a connection that writes, making the file (0600) when there is none.
///
/// # Errors
/// The file cannot be opened, is damaged or is not a database.
pub(super) fn open_writer(path: &Path, durability: Durability) -> Result<Connection, StoreError> {
    require_content(path)?;
    // A server looks itself, before others can write.
    if durability == Durability::Full && !ServerLock::is_held(path) {
        require_whole_log(path)?;
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    if std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
        // Only a file without pages can be told to know where each of them belongs.
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
    // 16 MiB: the log shrinks to this after something long has kept it from being reused.
    conn.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    // The writer checkpoints by itself, after it has answered, and sees when that fails.
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    // What is deleted is overwritten.
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
    // Plans don't depend on the values that are bound. Otherwise SQLite, as it is built here, plans
    // a statement anew, from its text, every time it gets another value.
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
