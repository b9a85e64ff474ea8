//! The names of files beside a database, and creating files durably and privately.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// Returns a path with a suffix appended.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Returns the path of the lock file. Symbolic links to one database lead to one lock.
pub(super) fn lock_of(database: &Path) -> PathBuf {
    let real = database
        .canonicalize()
        .unwrap_or_else(|_| database.to_owned());
    real.with_extension("lock")
}

/// Returns the files of a database, whether they exist or not: the database, the files that SQLite keeps
/// beside it, and the lock.
#[must_use]
pub fn files_of(database: &Path) -> [PathBuf; 5] {
    [
        database.to_owned(),
        with_suffix(database, "-wal"),
        with_suffix(database, "-shm"),
        with_suffix(database, "-journal"),
        lock_of(database),
    ]
}

/// Returns the folder of a file.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Fails if there is no file, or if it cannot be accessed: an inaccessible file is not a missing one.
///
/// # Errors
/// [`StoreError::Missing`], [`StoreError::File`].
pub fn require(path: &Path) -> Result<(), StoreError> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(file_error(path, io::ErrorKind::IsADirectory.into())),
        Ok(_) => Ok(()),
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            Err(StoreError::Missing(path.to_owned()))
        }
        Err(source) => Err(file_error(path, source)),
    }
}

/// Creates an empty file that only its owner may read, if there is none.
pub(super) fn create_private(path: &Path) -> Result<(), StoreError> {
    let result = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match result {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(file_error(path, source))
        }
        _ => Ok(()),
    }
}

pub(super) fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(file_error(path, source)),
        _ => Ok(()),
    }
}

/// Syncs the content of a file.
pub(super) fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|source| file_error(path, source))
}

/// Syncs the names in the folder of a file.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    sync(folder_of(path))
}

/// Creates an error from what the operating system reported for a file.
pub(super) fn file_error(path: &Path, source: io::Error) -> StoreError {
    StoreError::File {
        path: path.to_owned(),
        source,
    }
}
