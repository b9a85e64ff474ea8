//! Making anew what can be made from the rest: every index, and the full-text index.

use std::path::Path;

use super::connection::{self, Durability};
use super::damage::{self, Depth};
use super::error::StoreError;
use super::tx::View;
use super::{backup, schema, search};

/// Messages put into the full-text index at a time.
const CHUNK: i64 = 2000;

/// Makes every index of a file anew; the caller sees to it that no server runs on it. `progress` is
/// told how much of the full-text index is done, in per cent. Returns what was damaged before, a
/// sentence each.
///
/// # Errors
/// Rows of tables are damaged, and nothing was done; or the file cannot be written.
pub fn rebuild(path: &Path, progress: impl Fn(u8)) -> Result<Vec<String>, StoreError> {
    let work = || {
        let conn = connection::open_writer(path, Durability::Full)?;
        schema::require_current(&conn, path)?;
        let damage = damage::look(&conn, path, Depth::Content)?.require_data()?;
        let mut found = damage.of_derived();
        damage::mend(&conn, &damage)?;
        conn.execute_batch("REINDEX")?;
        if damage.lost_pages() > 0 {
            let what = format!("pages that were in no use: {}", damage.lost_pages());
            found.push(what);
        }
        drop(conn);
        rebuild_search(path, progress)?;
        let conn = connection::open_writer(path, Durability::Full)?;
        if !found.is_empty() {
            // What was cut off is given back to the disk.
            conn.execute_batch("VACUUM")?;
        }
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        drop(conn);
        backup::examine(path)?;
        Ok(found)
    };
    work().map_err(|err: StoreError| err.of(path))
}

/// Throws the full-text index away and makes it anew. Writers wait now and then.
///
/// # Errors
/// The file cannot be written, or somebody else writes to it for long.
pub fn rebuild_search(path: &Path, progress: impl Fn(u8)) -> Result<(), StoreError> {
    // It is derived, so a power cut costs no more than making it again.
    let conn = connection::open_writer(path, Durability::Normal)?;
    schema::require_current(&conn, path)?;
    search::recreate(&conn)?;
    while search::step(&conn, CHUNK)?.is_behind {
        progress(search::state(&View::new(&conn))?.percent());
    }
    search::tidy(&conn)?;
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}
