//! The disk of the backups. If it is not mounted, the folder below it must not be used instead: copies
//! would silently go to the disk of the database, and be lost with it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{Service, ServiceError};
use crate::store::{StoreError, Tx, properties};

impl Service {
    /// Returns the folder of backups that was on another disk than the database and no longer is; `None`:
    /// nothing has changed.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn lost_backup_disk(&self) -> Result<Option<String>, ServiceError> {
        let folder = self
            .store
            .read(|view| Ok::<_, ServiceError>(properties::text(view, properties::BACKUP_APART)?))
            .await?;
        let database = self.store.path();
        Ok(folder.filter(|folder| device(Path::new(folder)) == device(database)))
    }
}

/// Records where a backup was put, if that is another disk than that of the database.
pub(super) fn note(tx: &Tx<'_>, database: &Path, copy: &str) -> Result<(), StoreError> {
    let copy = Path::new(copy);
    let folder = copy.parent().map(|folder| folder.display().to_string());
    match folder.filter(|_| device(copy) != device(database)) {
        Some(folder) => properties::set_text(tx, properties::BACKUP_APART, &folder),
        None => properties::forget(tx, properties::BACKUP_APART),
    }
}

/// Returns the device that a path is on, or would be on.
fn device(path: &Path) -> Option<u64> {
    let found = path
        .ancestors()
        .find_map(|path| std::fs::metadata(path).ok());
    found.map(|file| file.dev())
}
