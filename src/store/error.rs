//! The errors of the store.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ffi::{self, ErrorCode};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has held the write lock for too long.
    #[error("the database is busy: another process is writing to it")]
    Busy,
    /// More writes are waiting than the queue can take.
    #[error("too many writes are waiting")]
    Overloaded,
    /// The disk is full, or the file cannot be written to.
    #[error("the database cannot be written to: {0}")]
    Unwritable(String),
    /// A sync failed, so what the disk holds is unknown; the process has to end.
    #[error("the disk failed to keep what was written: {0}")]
    SyncFailed(String),
    /// The process had to end for a reason that has already been logged.
    #[error("the server had to stop: {0}")]
    Stopped(String),
    /// The writer has stopped.
    #[error("the database is closed")]
    Closed,
    /// A row that has to be unique exists already.
    #[error("already there: {0}")]
    Conflict(String),
    /// The file is damaged.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// This file is damaged.
    #[error("the database {} is damaged: {what}", path.display())]
    DamagedFile {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file is empty: it does not even contain what an empty database contains.
    #[error("the database {} is an empty file: what was in it is gone", .0.display())]
    Emptied(PathBuf),
    /// The file belongs to another program.
    #[error("{} is not a Morelia database", .0.display())]
    Foreign(PathBuf),
    /// The file was not made by the Python server.
    #[error("{} is not a database of the Python server: it has no table {table}", path.display())]
    NotPython {
        /// The path of the file.
        path: PathBuf,
        /// The table that is missing.
        table: &'static str,
    },
    /// There is no file at this path.
    #[error("there is no database at {}", .0.display())]
    Missing(PathBuf),
    /// The file was made by a newer version.
    #[error(
        "the database has schema {found}, this program knows {known}: it needs a newer Morelia"
    )]
    TooNew {
        /// The version found in the file.
        found: i32,
        /// The newest version that this program knows.
        known: i32,
    },
    /// The file was made by a build from before the first release.
    #[error("{} was made by a development build, whose tables this version does not read", .0.display())]
    Development(PathBuf),
    /// The file was made by an older version and has not been migrated.
    #[error(
        "the database has schema {found}, this program needs {known}: run `morelia db migrate`, or start the server once"
    )]
    TooOld {
        /// The version found in the file.
        found: i32,
        /// The newest version that this program knows.
        known: i32,
    },
    /// Another server runs on this file.
    #[error("another server is running on {}", .0.display())]
    InUse(PathBuf),
    /// The engine has a known bug that corrupts files.
    #[error("SQLite {0} can corrupt a database in WAL mode; 3.51.3 or newer is needed")]
    OldEngine(String),
    /// A migration failed; the file is as it was.
    #[error("migrating the database failed: {0}")]
    Migration(String),
    /// The full-text index is damaged; all other data is unaffected.
    #[error("the search index is damaged: {0}")]
    SearchDamaged(String),
    /// The full-text index is being rebuilt.
    #[error("the search index is being rebuilt, {0} % of it are done")]
    SearchUnready(u8),
    /// An operation on a file failed.
    #[error("{}: {}", path.display(), plain(source))]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A write panicked; it has been rolled back.
    #[error("a write panicked")]
    Panicked,
    /// Any other error that the engine reports.
    #[error("database error: {0}")]
    Engine(rusqlite::Error),
}

impl StoreError {
    /// Adds the path of the file to an error that says that it is damaged.
    pub(super) fn of(self, path: &Path) -> Self {
        match self {
            Self::Damaged(what) => Self::DamagedFile {
                path: path.to_owned(),
                what: first_line(&what),
            },
            other => other,
        }
    }

    /// Returns whether the log has this error already: a full disk is logged once and not at every request.
    #[must_use]
    pub fn is_told(&self) -> bool {
        matches!(
            self,
            Self::Unwritable(_) | Self::SyncFailed(_) | Self::Stopped(_) | Self::Closed
        )
    }

    /// Returns whether a disk is full, as far as that can be determined.
    #[must_use]
    pub fn is_full_disk(&self) -> bool {
        match self {
            Self::File { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ),
            // The wording of SQLite.
            Self::Unwritable(why) => why.contains("disk is full"),
            _ => false,
        }
    }

    /// Returns the same error for another write of the same commit.
    pub(super) fn repeat(&self) -> Self {
        match self {
            Self::Busy => Self::Busy,
            Self::Overloaded => Self::Overloaded,
            Self::Unwritable(why) => Self::Unwritable(why.clone()),
            Self::SyncFailed(why) => Self::SyncFailed(why.clone()),
            Self::Damaged(why) => Self::Damaged(why.clone()),
            Self::Closed => Self::Closed,
            other => Self::Unwritable(other.to_string()),
        }
    }
}

/// Returns the first finding of the engine, which prints a headline and up to a hundred findings.
fn first_line(what: &str) -> String {
    let mut lines = what.lines().filter(|line| !line.starts_with("***"));
    lines.next().unwrap_or(what).to_owned()
}

/// Returns the error of the system in words, without its number.
fn plain(err: &io::Error) -> String {
    match err.kind() {
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "its file system is read-only".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder, not a file".to_owned(),
        _ => err.to_string(),
    }
}

impl From<rusqlite::Error> for StoreError {
    /// Classifies by *extended* code: SQLite calls many errors "constraint", and a failed sync differs
    /// from any other failed write.
    fn from(err: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(failure, _) = &err else {
            return Self::Engine(err);
        };
        match failure.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                return Self::Conflict(err.to_string());
            }
            ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC => {
                return Self::SyncFailed(err.to_string());
            }
            _ => {}
        }
        match failure.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure => {
                Self::Unwritable(err.to_string())
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Self::Damaged(err.to_string()),
            _ => Self::Engine(err),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: i32) -> StoreError {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn extended_codes_decide() {
        assert!(matches!(
            of(ffi::SQLITE_CONSTRAINT_UNIQUE),
            StoreError::Conflict(_)
        ));
        assert!(matches!(
            of(ffi::SQLITE_CONSTRAINT_FOREIGNKEY),
            StoreError::Engine(_)
        ));
        assert!(matches!(
            of(ffi::SQLITE_IOERR_FSYNC),
            StoreError::SyncFailed(_)
        ));
        assert!(matches!(
            of(ffi::SQLITE_IOERR_WRITE),
            StoreError::Unwritable(_)
        ));
        assert!(matches!(of(ffi::SQLITE_FULL), StoreError::Unwritable(_)));
        assert!(matches!(of(ffi::SQLITE_BUSY_SNAPSHOT), StoreError::Busy));
        assert!(matches!(of(ffi::SQLITE_NOTADB), StoreError::Damaged(_)));
    }
}
