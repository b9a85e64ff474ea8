//! The lock that makes a second server on the same file impossible.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::error::StoreError;

/// Held while a server runs on a file; the operator's commands don't take it.
#[derive(Debug)]
pub struct ServerLock {
    _file: File,
}

impl ServerLock {
    /// Takes the lock beside the file. It ends with the process, however that ends.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another server has it.
    pub fn acquire(database: &Path) -> Result<Self, StoreError> {
        let path = database.with_extension("lock");
        let failed = |source| StoreError::File {
            path: path.clone(),
            source,
        };
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse(database.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Tells whether a server runs on the file now.
    #[must_use]
    pub fn is_held(database: &Path) -> bool {
        matches!(Self::acquire(database), Err(StoreError::InUse(_)))
    }
}
