//! Making the write-ahead log safe to continue from after a server that did not stop cleanly.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::Connection;

use super::error::StoreError;
use super::paths::{file_error, with_suffix};

/// The number of bytes read and written at once.
const CHUNK: usize = 256 * 1024;

/// Rewrites the log, byte for byte, and syncs it.
///
/// After a failed sync the kernel may treat data as written that is not on the disk. Data that is read
/// here may then be in memory only, and a later sync does not write it either: it would be copied into
/// the database from a log that loses it in a power cut, and leave the database half copied. Once it is
/// rewritten, the sync stores it permanently or fails.
///
/// # Errors
/// The log cannot be written or synced, or another process writes to the database for long.
pub(super) fn renew_log(conn: &Connection, database: &Path) -> Result<(), StoreError> {
    let log = with_suffix(database, "-wal");
    if std::fs::metadata(&log).map_or(0, |file| file.len()) == 0 {
        return Ok(());
    }
    // No process adds to the log, or restarts it, while this transaction is open.
    conn.execute_batch("BEGIN IMMEDIATE")?;
    let renewed = renew(&log);
    conn.execute_batch("ROLLBACK")?;
    match renewed {
        // Some file systems need space to write in place. Reading must still be possible.
        Err(source) if source.kind() == io::ErrorKind::StorageFull => {
            log::warn!("the write-ahead log could not be written anew: the disk is full");
            Ok(())
        }
        Err(source) => Err(file_error(&log, source)),
        Ok(()) => Ok(()),
    }
}

fn renew(path: &Path) -> io::Result<()> {
    let file = File::options().read(true).write(true).open(path)?;
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    loop {
        let length = file.read_at(&mut buffer, offset)?;
        if length == 0 {
            return file.sync_all();
        }
        file.write_all_at(&buffer[..length], offset)?;
        offset += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_the_same_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("test.db");
        let conn = Connection::open(&database).unwrap();
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(600000));",
        )
        .unwrap();
        let log = folder.path().join("test.db-wal");
        let before = std::fs::read(&log).unwrap();
        assert!(before.len() > 2 * CHUNK);
        renew_log(&conn, &database).unwrap();
        assert!(std::fs::read(&log).unwrap() == before);
        let sound: String = conn
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sound, "ok");
    }
}
