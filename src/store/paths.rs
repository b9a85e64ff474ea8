//! The names of files beside a database, and files made so that they last and stay private.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// A path with something after its last character.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The lock's file. Links to one database lead to one lock.
pub(super) fn lock_of(database: &Path) -> PathBuf {
    let real = database
        .canonicalize()
        .unwrap_or_else(|_| database.to_owned());
    real.with_extension("lock")
}

/// The files that a database consists of, whether they are there or not: itself, what SQLite keeps
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

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Fails where there is no file, or none that can be looked at: what may not be read is not absent.
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

/// Makes an empty file that only its owner may read, where there is none.
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

/// Makes what is in a file last.
pub(super) fn sync(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|source| file_error(path, source))
}

/// Makes the names in the folder of a file last.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    sync(folder_of(path))
}

/// What the operating system said of a file.
pub(super) fn file_error(path: &Path, source: io::Error) -> StoreError {
    StoreError::File {
        path: path.to_owned(),
        source,
    }
}
