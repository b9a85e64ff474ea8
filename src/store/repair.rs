//! Rebuilding derived data: every index, and the full-text index.

use std::path::Path;

use super::backup::Part;
use super::connection::{self, Durability};
use super::damage::{self, Depth};
use super::error::StoreError;
use super::paths::{remove_if_there, sync, with_suffix};
use super::tx::View;
use super::{backup, schema, search};

/// The number of messages that are put into the full-text index at once.
const CHUNK: i64 = 2000;

/// Rebuilds every index of a file; the caller makes sure that no server runs on it. `progress` receives
/// how much of the full-text index is done, in per cent. Returns what was damaged before, one sentence
/// each.
///
/// This happens in a copy, which then replaces the file: a failure changes nothing.
///
/// # Errors
/// Rows of tables are damaged or violate a constraint of an index; or a file cannot be written.
pub fn rebuild(path: &Path, progress: impl Fn(u8)) -> Result<Vec<String>, StoreError> {
    let work = || {
        connection::require_whole_log(path)?;
        let conn = connection::open_reader(path)?;
        schema::require_current(&conn, path)?;
        damage::look(&conn, path, Depth::Content)?.require_data()?;
        let copy = Part::begin(backup::staged(path))?;
        backup::copy_pages(&conn, path, &copy.path)?;
        drop(conn);
        let found = rebuild_all(&copy.path, progress)?;
        // The content of the log is in the copy; beside the copy, the log would destroy it.
        let conn = connection::open_writer(path, Durability::Full)?;
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        drop(conn);
        remove_if_there(&with_suffix(path, "-wal"))?;
        remove_if_there(&with_suffix(path, "-shm"))?;
        copy.settle(path)?;
        Ok(found)
    };
    work().map_err(|err: StoreError| err.of(path))
}

fn rebuild_all(path: &Path, progress: impl Fn(u8)) -> Result<Vec<String>, StoreError> {
    let conn = connection::open_writer(path, Durability::Full)?;
    let damage = damage::look(&conn, path, Depth::Content)?.require_data()?;
    let mut found = damage.of_derived();
    damage::mend(&conn, &damage)?;
    conn.execute_batch("REINDEX")
        .map_err(|err| damage::contradiction("every index", err.into()))?;
    if damage.lost_pages() > 0 {
        let what = format!("pages that were in no use: {}", damage.lost_pages());
        found.push(what);
    }
    drop(conn);
    rebuild_search(path, progress)?;
    let conn = connection::open_writer(path, Durability::Full)?;
    if !found.is_empty() {
        // The pages of removed indexes are returned to the disk.
        conn.execute_batch("VACUUM")?;
    }
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    drop(conn);
    sync(path)?;
    backup::examine(path)?;
    Ok(found)
}

/// Discards the full-text index and rebuilds it. Writers wait now and then.
///
/// # Errors
/// The file cannot be written, or another process writes to it for long.
pub fn rebuild_search(path: &Path, progress: impl Fn(u8)) -> Result<(), StoreError> {
    let conn = connection::open_writer(path, Durability::Full)?;
    schema::require_current(&conn, path)?;
    search::recreate(&conn)?;
    while search::step(&conn, CHUNK)?.is_behind {
        progress(search::state(&View::new(&conn))?.percent());
    }
    search::tidy(&conn)?;
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}
