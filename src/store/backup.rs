//! Copies of the file: made while others write to it, examined, put in its place.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::connection;
use super::error::StoreError;
use super::lock::ServerLock;
use super::paths::{create_private, file_error, remove_if_there, sync, sync_folder, with_suffix};
use super::schema::{self, Found};

/// Pages copied at a time: 1 MiB.
const PAGES_PER_STEP: i32 = 256;

/// Rest after each step, so that a slow disk serves people in between.
const REST: Duration = Duration::from_millis(2);

/// How long a locked source is tried before it counts as busy.
const MAX_LOCKED: u32 = 2000;

/// What a sound database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// The version of its schema.
    pub schema: i32,
    /// Bytes of the file.
    pub size_bytes: u64,
    /// Accounts, deleted ones not among them.
    pub users: i64,
    /// Flows, removed ones not among them.
    pub flows: i64,
    /// Messages.
    pub messages: i64,
}

/// Copies a database to a new file and examines the copy. The copy is one state of the database,
/// and one file, readable by its owner alone. Writers go on meanwhile. Blocks.
///
/// # Errors
/// Either file cannot be used, `target` exists, or the copy is damaged; then there is no copy.
pub fn copy(database: &Path, target: &Path) -> Result<Contents, StoreError> {
    if !database.exists() {
        return Err(StoreError::Missing(database.to_owned()));
    }
    if target.exists() {
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(file_error(target, source));
    }
    let part = with_suffix(target, ".part");
    remove_if_there(&part)?;
    create_private(&part)?;
    let copied = copy_pages(&connection::open_reader(database)?, database, &part)
        .and_then(|()| sync(&part))
        .and_then(|()| examine(&part));
    match copied {
        Ok(contents) => {
            std::fs::rename(&part, target).map_err(|source| file_error(target, source))?;
            sync_folder(target)?;
            Ok(contents)
        }
        Err(err) => {
            // What is left of a failed copy must not be taken for one.
            if let Err(left) = std::fs::remove_file(&part) {
                log::warn!("{} stays: {left}", part.display());
            }
            Err(err)
        }
    }
}

fn copy_pages(source: &Connection, path: &Path, target: &Path) -> Result<(), StoreError> {
    // One state of the file for the whole copy; otherwise every write would begin it anew.
    source.execute_batch("BEGIN")?;
    if schema::examine(source, path)? == Found::Empty {
        return Err(StoreError::Missing(path.to_owned()));
    }
    let mut target = Connection::open(target)?;
    {
        let backup = Backup::new(source, &mut target)?;
        let mut locked = 0;
        loop {
            match backup.step(PAGES_PER_STEP)? {
                StepResult::Done => break,
                StepResult::More => locked = 0,
                _ if locked < MAX_LOCKED => locked += 1,
                _ => return Err(StoreError::Busy),
            }
            std::thread::sleep(REST);
        }
    }
    source.execute_batch("COMMIT")?;
    // So that the copy can be read where nothing can be written, and is one file.
    target.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(())
}

/// Examines a database that nobody writes to, and counts what is in it. Writes nothing.
///
/// # Errors
/// [`StoreError::Damaged`], or the file is none of this program's.
pub fn examine(path: &Path) -> Result<Contents, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing(path.to_owned()));
    }
    let conn = open_copy(path)?;
    let schema = match schema::examine(&conn, path)? {
        Found::Empty => return Err(StoreError::Foreign(path.to_owned())),
        Found::Version(found) if found > schema::newest() => {
            let known = schema::newest();
            return Err(StoreError::TooNew { found, known });
        }
        Found::Version(found) => found,
    };
    let verdict: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(StoreError::Damaged(verdict));
    }
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

/// Puts a copy in the place of a database. Returns where the old one is now, if there was one.
///
/// # Errors
/// [`StoreError::InUse`] while a server runs on the database; the copy is damaged, or a file cannot
/// be written, and then the database is as it was.
pub fn restore(
    copy_file: &Path,
    database: &Path,
    kept: &Path,
) -> Result<Option<PathBuf>, StoreError> {
    let _lock = ServerLock::acquire(database)?;
    examine(copy_file)?;
    let staged = with_suffix(database, ".restoring");
    remove_if_there(&staged)?;
    create_private(&staged)?;
    let conn = open_copy(copy_file)?;
    copy_pages(&conn, copy_file, &staged)?;
    sync(&staged)?;
    examine(&staged)?;
    let kept = database.exists().then(|| kept.to_owned());
    if let Some(kept) = &kept {
        keep(database, kept)?;
    }
    // A log of the old file beside the new one would destroy it.
    remove_if_there(&with_suffix(database, "-wal"))?;
    remove_if_there(&with_suffix(database, "-shm"))?;
    std::fs::rename(&staged, database).map_err(|source| file_error(database, source))?;
    sync_folder(database)?;
    Ok(kept)
}

/// Gives a database and its log another name, in such a way that both names exist until the old one
/// is taken by another file.
fn keep(database: &Path, kept: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal"] {
        let (from, to) = (with_suffix(database, suffix), with_suffix(kept, suffix));
        if !from.exists() {
            continue;
        }
        // Some file systems have no second names.
        std::fs::hard_link(&from, &to)
            .or_else(|_| std::fs::rename(&from, &to))
            .map_err(|source| file_error(&to, source))?;
    }
    sync_folder(kept)
}

/// Opens a file that nobody writes to, and leaves nothing beside it.
fn open_copy(path: &Path) -> Result<Connection, StoreError> {
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
                // Writing to a text cannot fail.
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
