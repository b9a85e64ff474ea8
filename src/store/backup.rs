//! Copies of the database: made while others write to it, checked, and restored.

use std::fmt::Write;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, ffi};

use super::connection;
use super::damage::{self, Depth};
use super::error::StoreError;
use super::gaps;
use super::lock::ServerLock;
use super::log;
use super::paths::{
    self, create_private, file_error, remove_if_there, sync, sync_folder, with_suffix,
};
use super::properties;
use super::schema::{self, Found};
use super::tx::View;
use crate::model::Position;

/// The number of pages copied at a time: 1 MiB.
const PAGES_PER_STEP: i32 = 256;

/// The pause after each step, so that a slow disk can serve users in between.
const REST: Duration = Duration::from_millis(2);

/// How often a locked source is retried before it counts as busy.
const MAX_LOCKED: u32 = 2000;

/// The contents of a valid database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// The version of the schema.
    pub schema: i32,
    /// The size of the file in bytes.
    pub size_bytes: u64,
    /// The number of accounts, without deleted ones.
    pub users: i64,
    /// The number of flows, without removed ones.
    pub flows: i64,
    /// The number of messages.
    pub messages: i64,
}

/// Copies a database to a new file and checks the copy. The copy is one state of the database in one
/// file, readable by its owner alone. Writers continue meanwhile. Blocks.
///
/// # Errors
/// Either file cannot be used, `target` exists, or the copy is damaged; in each case no copy remains.
pub fn copy(database: &Path, target: &Path) -> Result<Contents, StoreError> {
    paths::require(database)?;
    if target.exists() {
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(file_error(target, source));
    }
    let part = Part::begin(with_suffix(target, ".part"))?;
    copy_pages(&connection::open_reader(database)?, database, &part.path)?;
    sync(&part.path)?;
    let contents = examine(&part.path)?;
    part.settle(target)?;
    Ok(contents)
}

/// The suffixes of the files that SQLite keeps beside a file that it writes.
const BESIDE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// A copy in progress. It is removed, with the files beside it, unless it gets its final name, because
/// the remains of a failed copy must not be taken for a copy. It is locked, so that no other process
/// takes it for the remains of a killed program.
pub(super) struct Part {
    pub(super) path: PathBuf,
    settled: bool,
    _lock: File,
}

impl Part {
    /// Creates an empty file in place of the remains of an earlier one.
    pub(super) fn begin(path: PathBuf) -> Result<Self, StoreError> {
        if !remove_abandoned(&path)? {
            let source = io::Error::other("another process is writing it");
            return Err(file_error(&path, source));
        }
        create_private(&path)?;
        let lock = File::open(&path).map_err(|source| file_error(&path, source))?;
        // Some file systems have no locks; there, copies must be made one after the other.
        let _ = lock.try_lock();
        Ok(Self {
            path,
            settled: false,
            _lock: lock,
        })
    }

    /// Renames the copy to its final name.
    pub(super) fn settle(mut self, target: &Path) -> Result<(), StoreError> {
        std::fs::rename(&self.path, target).map_err(|source| file_error(target, source))?;
        self.settled = true;
        sync_folder(target)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.settled
            && let Err(err) = remove_with_beside(&self.path)
        {
            ::log::warn!("what is left of a copy stays: {err}");
        }
    }
}

/// Removes the remains of a copy of a killed program. Returns `false` if a process is still writing it.
///
/// # Errors
/// It cannot be removed.
pub fn remove_abandoned(part: &Path) -> Result<bool, StoreError> {
    match File::open(part) {
        Ok(file) if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) => return Ok(false),
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(file_error(part, source));
        }
        _ => {}
    }
    remove_with_beside(part).map(|()| true)
}

fn remove_with_beside(path: &Path) -> Result<(), StoreError> {
    for suffix in BESIDE {
        remove_if_there(&with_suffix(path, suffix))?;
    }
    remove_if_there(path)
}

/// Removes the remains of a killed restore beside a database whose lock this process holds.
///
/// # Errors
/// It cannot be removed.
pub fn remove_leftovers(database: &Path, _lock: &ServerLock) -> Result<(), StoreError> {
    remove_abandoned(&staged(database)).map(drop)
}

/// Returns where a copy is put before it replaces a database.
pub(super) fn staged(database: &Path) -> PathBuf {
    with_suffix(database, ".restoring")
}

pub(super) fn copy_pages(
    source: &Connection,
    path: &Path,
    target: &Path,
) -> Result<(), StoreError> {
    // One state of the file for the whole copy; otherwise every write would restart it.
    source.execute_batch("BEGIN")?;
    if schema::examine(source, path)? == Found::Empty {
        return Err(StoreError::Missing(path.to_owned()));
    }
    let written = |err| of_copy(err, target);
    let mut target = Connection::open(target).map_err(written)?;
    // No other process opens it, so it needs no shared memory, which would be one more file.
    target.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    {
        let backup = Backup::new(source, &mut target)?;
        let mut locked = 0;
        loop {
            match backup.step(PAGES_PER_STEP).map_err(written)? {
                StepResult::Done => break,
                StepResult::More => locked = 0,
                _ if locked < MAX_LOCKED => locked += 1,
                _ => return Err(StoreError::Busy),
            }
            std::thread::sleep(REST);
        }
    }
    source.execute_batch("COMMIT")?;
    // This makes the copy one file that can be read where nothing can be written.
    let in_one = target.pragma_update(None, "journal_mode", "DELETE");
    in_one.map_err(written)
}

/// Names the copy in an error of writing it: the database is not at fault.
fn of_copy(err: rusqlite::Error, copy: &Path) -> StoreError {
    let source = match err.sqlite_error().map(|failure| failure.extended_code) {
        Some(ffi::SQLITE_FULL) => io::ErrorKind::StorageFull.into(),
        Some(
            ffi::SQLITE_IOERR_WRITE
            | ffi::SQLITE_IOERR_FSYNC
            | ffi::SQLITE_IOERR_DIR_FSYNC
            | ffi::SQLITE_IOERR_TRUNCATE
            | ffi::SQLITE_READONLY
            | ffi::SQLITE_CANTOPEN,
        ) => io::Error::other(err.to_string()),
        _ => return err.into(),
    };
    file_error(copy, source)
}

/// Checks a database that no process writes to, and counts its contents. Writes nothing.
///
/// # Errors
/// [`StoreError::Damaged`], or the file is not one of this program.
pub fn examine(path: &Path) -> Result<Contents, StoreError> {
    paths::require(path)?;
    let conn = open_copy(path)?;
    let schema = match schema::examine(&conn, path)? {
        Found::Empty => return Err(StoreError::Foreign(path.to_owned())),
        Found::Version(found) if found > schema::newest() => {
            let known = schema::newest();
            return Err(StoreError::TooNew { found, known });
        }
        Found::Version(found) => found,
    };
    // A copy with a damaged index is as good as any: derived data can be rebuilt.
    damage::look(&conn, path, Depth::Content)?.require_data()?;
    let count = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
    let metadata = std::fs::metadata(path).map_err(|source| file_error(path, source))?;
    Ok(Contents {
        schema,
        size_bytes: metadata.len(),
        users: count("SELECT COUNT(*) FROM users WHERE deleted_at IS NULL")?,
        flows: count("SELECT COUNT(*) FROM flows WHERE removed_at IS NULL")?,
        messages: count("SELECT COUNT(*) FROM messages")?,
    })
}

/// Replaces a database by a copy. Returns the new path of the old database, if there was one. The
/// log continues above the positions that the old database has assigned.
///
/// # Errors
/// [`StoreError::InUse`] while a server runs on the database. If the copy is damaged, or a file cannot
/// be written, the database stays as it was.
pub fn restore(
    copy_file: &Path,
    database: &Path,
    kept: &Path,
) -> Result<Option<PathBuf>, StoreError> {
    let _lock = ServerLock::acquire(database)?;
    examine(copy_file)?;
    let staged = Part::begin(staged(database))?;
    let conn = open_copy(copy_file)?;
    copy_pages(&conn, copy_file, &staged.path)?;
    let renumbered = Connection::open(&staged.path).map_err(|err| of_copy(err, &staged.path))?;
    gaps::skip(&renumbered, last_position(database))?;
    // Old signatures must not be valid here, and the parts of unfinished uploads are not in the copy.
    renumbered.execute(
        "DELETE FROM properties WHERE name = ?1",
        [properties::TICKET_KEY],
    )?;
    renumbered.execute("DELETE FROM uploads WHERE file_id IS NULL", [])?;
    drop(renumbered);
    sync(&staged.path)?;
    examine(&staged.path)?;
    let kept = database.exists().then(|| kept.to_owned());
    if let Some(kept) = &kept {
        keep(database, kept)?;
    }
    // The log of the old file beside the new one would destroy it.
    remove_if_there(&with_suffix(database, "-wal"))?;
    remove_if_there(&with_suffix(database, "-shm"))?;
    staged.settle(database)?;
    Ok(kept)
}

/// Returns the last assigned position of a database; `None`: it is missing, or too damaged.
fn last_position(database: &Path) -> Option<Position> {
    examine(database).ok()?;
    let conn = open_copy(database).ok()?;
    let (end, _) = log::last(&View::new(&conn)).ok()?;
    Some(end)
}

/// Gives a database and its log another name in such a way that both names exist until the new file
/// takes the old name.
fn keep(database: &Path, kept: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal"] {
        let (from, to) = (with_suffix(database, suffix), with_suffix(kept, suffix));
        if !from.exists() {
            continue;
        }
        // Some file systems have no hard links.
        std::fs::hard_link(&from, &to)
            .or_else(|_| std::fs::rename(&from, &to))
            .map_err(|source| file_error(&to, source))?;
    }
    sync_folder(kept)
}

/// Opens a file that no process writes to, and leaves nothing beside it.
pub(super) fn open_copy(path: &Path) -> Result<Connection, StoreError> {
    if with_suffix(path, "-wal").exists() {
        return connection::open_reader(path);
    }
    let absolute = std::path::absolute(path).map_err(|source| file_error(path, source))?;
    let mut uri = "file:".to_owned();
    for byte in absolute.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*byte));
            }
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(uri, "%{byte:02x}");
            }
        }
    }
    uri.push_str("?mode=ro&immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(uri, flags)?)
}
