//! Returning free space in the file to the disk: at once while no server runs, in small steps while one
//! does.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::connection::{self, Durability};
use super::error::StoreError;
use super::lock::ServerLock;
use super::{paths, schema, search};

/// The maximum number of pages that one step moves, 256 KiB: other writers wait no longer than one step.
pub const PAGES_PER_STEP: u32 = 64;

/// The factor for pauses: a pause lasts this many times as long as the step before it.
const REST: u32 = 8;

/// The shortest and the longest pause.
const LEAST_REST: Duration = Duration::from_millis(5);
const MOST_REST: Duration = Duration::from_secs(2);

/// How a file was compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compacted {
    /// The file was rewritten; other writers waited.
    AtOnce,
    /// Pages were moved to the front, a few in each transaction.
    InSteps(u32),
}

/// Returns free space to the disk. Without a server the file is rewritten, with its full-text index
/// merged. With a server, pages from the end move into free ones in small transactions with pauses
/// between them; a kill in between loses nothing. A file whose pages cannot be moved one by one is
/// rewritten all the same. `progress` receives how many pages are still free. Blocks.
///
/// # Errors
/// The file cannot be written, or another process writes to it for long; [`StoreError::Damaged`] if
/// pages that lead nowhere prevent steps.
pub fn compact(path: &Path, progress: impl Fn(u32)) -> Result<Compacted, StoreError> {
    paths::require(path)?;
    let conn = connection::open_writer(path, Durability::Full)?;
    schema::require_current(&conn, path)?;
    let is_served = ServerLock::is_held(path);
    if is_served && mode(&conn)? == INCREMENTAL {
        return in_steps(&conn, progress).map(Compacted::InSteps);
    }
    search::tidy(&conn)?;
    // This takes effect with the next VACUUM.
    conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    conn.execute_batch("VACUUM")?;
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(Compacted::AtOnce)
}

/// The `auto_vacuum` mode of files whose pages can be moved.
const INCREMENTAL: u32 = 2;

/// Returns whether the pages of a file can be moved one by one.
///
/// # Errors
/// The file cannot be read.
pub fn can_go_in_steps(path: &Path) -> Result<bool, StoreError> {
    Ok(mode(&connection::open_reader(path)?)? == INCREMENTAL)
}

fn mode(conn: &Connection) -> Result<u32, StoreError> {
    Ok(conn.query_row("PRAGMA auto_vacuum", [], |row| row.get(0))?)
}

fn free_pages(conn: &Connection) -> Result<u32, StoreError> {
    Ok(conn.query_row("PRAGMA freelist_count", [], |row| row.get(0))?)
}

fn in_steps(conn: &Connection, progress: impl Fn(u32)) -> Result<u32, StoreError> {
    let mut free = free_pages(conn)?;
    // Others free pages meanwhile; those are left for the next time.
    let most = free.div_ceil(PAGES_PER_STEP);
    let mut steps = 0;
    while free > 0 && steps < most {
        let begun = Instant::now();
        step(conn)?;
        // This shortens the file itself, and keeps the log short.
        conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
        steps += 1;
        free = free_pages(conn)?;
        progress(free);
        thread::sleep((begun.elapsed() * REST).clamp(LEAST_REST, MOST_REST));
    }
    Ok(steps)
}

/// Moves a few pages, in a transaction of its own.
fn step(conn: &Connection) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached(STEP)?;
    let mut rows = statement.query([])?;
    // The engine frees a page for each row.
    while rows.next()?.is_some() {}
    Ok(())
}

/// The statement that moves [`PAGES_PER_STEP`] pages.
const STEP: &str = "PRAGMA incremental_vacuum(64)";

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

    /// A database with mostly free pages.
    fn emptied(path: &Path) -> Connection {
        Store::prepare(path).unwrap();
        let conn = connection::open_writer(path, Durability::Full).unwrap();
        conn.execute_batch(
            "CREATE TABLE filler (content BLOB); CREATE TABLE kept (content BLOB);
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
             INSERT INTO filler SELECT zeroblob(9000) FROM n;
             INSERT INTO kept SELECT randomblob(9000) FROM filler LIMIT 100;
             DROP TABLE filler",
        )
        .unwrap();
        conn
    }

    #[test]
    fn a_step_moves_so_many_pages_and_no_more() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("test.db");
        let conn = emptied(&path);
        assert_eq!(mode(&conn).unwrap(), INCREMENTAL);
        let free = free_pages(&conn).unwrap();
        assert!(free > 10 * PAGES_PER_STEP, "{free}");
        step(&conn).unwrap();
        assert_eq!(free_pages(&conn).unwrap(), free - PAGES_PER_STEP);
        let steps = in_steps(&conn, |_| {}).unwrap();
        assert_eq!(steps, (free - PAGES_PER_STEP).div_ceil(PAGES_PER_STEP));
        assert_eq!(free_pages(&conn).unwrap(), 0);
        let sum = "SELECT COUNT(*) FROM kept WHERE length(content) = 9000";
        assert_eq!(conn.query_row(sum, [], |row| row.get(0)), Ok(100));
        drop(conn);
        assert!(Store::damage(&path).unwrap().of_derived().is_empty());
    }

    #[test]
    fn an_older_file_can_do_it_from_its_next_compaction_on() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("test.db");
        let conn = emptied(&path);
        conn.pragma_update(None, "auto_vacuum", "NONE").unwrap();
        conn.execute_batch("VACUUM").unwrap();
        assert_eq!(mode(&conn).unwrap(), 0);
        drop(conn);
        assert_eq!(compact(&path, |_| {}).unwrap(), Compacted::AtOnce);
        let conn = connection::open_writer(&path, Durability::Full).unwrap();
        assert_eq!(mode(&conn).unwrap(), INCREMENTAL);
    }

    #[test]
    fn a_damaged_map_of_pages_is_no_damage_of_data() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("test.db");
        let conn = emptied(&path);
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        drop(conn);
        let mut bytes = std::fs::read(&path).unwrap();
        // The second page is the map; an entry has a kind and a page above, in five bytes.
        for (entry, byte) in [(10, 3), (11, 0)] {
            bytes[4096 + entry * 5 + byte] ^= 0x10;
        }
        std::fs::write(&path, bytes).unwrap();
        let damage = Store::damage(&path).unwrap();
        assert_eq!(damage.of_data(), &[] as &[String]);
        assert_eq!(damage.of_derived().len(), 1, "{:?}", damage.of_derived());
        super::super::repair::rebuild(&path, |_| {}).unwrap();
        assert_eq!(
            Store::damage(&path).unwrap().of_derived(),
            Vec::<String>::new()
        );
    }
}
