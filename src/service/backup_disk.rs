//! The disk that backups lie on. One that is not mounted must not be mistaken for the folder on it: copies
//! would go to the disk of the database without a word, and be lost with it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{Service, ServiceError};
use crate::store::{StoreError, Tx, properties};

impl Service {
    /// The folder of backups that was on another disk than the database and is not any more; `None`:
    /// all is as it was.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn lost_backup_disk(&self) -> Result<Option<String>, ServiceError> {
        let folder = self
            .store
            .read(|view| Ok::<_, ServiceError>(properties::text(view, properties::BACKUP_APART)?))
            .await?;
        let database = self.store.path();
        Ok(folder.filter(|folder| device(Path::new(folder)) == device(database)))
    }
}

/// Notes where a backup was put, if that is another disk than the database's.
pub(super) fn note(tx: &Tx<'_>, database: &Path, copy: &str) -> Result<(), StoreError> {
    let copy = Path::new(copy);
    let folder = copy.parent().map(|folder| folder.display().to_string());
    match folder.filter(|_| device(copy) != device(database)) {
        Some(folder) => properties::set_text(tx, properties::BACKUP_APART, &folder),
        None => properties::forget(tx, properties::BACKUP_APART),
    }
}

/// The device that a path is on, or would be.
fn device(path: &Path) -> Option<u64> {
    let found = path
        .ancestors()
        .find_map(|path| std::fs::metadata(path).ok());
    found.map(|file| file.dev())
}
