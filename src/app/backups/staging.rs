//! A private temporary folder, which is removed in any case.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::file_error;
use crate::app::AppError;

/// The file that is locked while a process works in the folder.
const LOCK: &str = "lock";

/// The folder. What a killed process has left in it is removed when the next one starts.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    _lock: File,
}

impl Staging {
    /// Creates the folder, replacing what a killed process has left.
    ///
    /// # Errors
    /// Another process works in it, or it cannot be created.
    pub fn begin(path: PathBuf) -> Result<Self, AppError> {
        let failed = |source| file_error(&path, source);
        match File::open(path.join(LOCK)) {
            Ok(lock) if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) => {
                return Err(failed(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    "another process works here",
                )));
            }
            _ => {}
        }
        match fs::remove_dir_all(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed(source)),
            _ => {}
        }
        let made = DirBuilder::new().mode(0o700).create(&path);
        made.map_err(failed)?;
        let lock = File::create(path.join(LOCK)).map_err(failed)?;
        // Some file systems have no locks; there, only one process may run at a time.
        let _ = lock.try_lock();
        Ok(Self { path, _lock: lock })
    }

    /// Returns a path in the folder.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(err) = fs::remove_dir_all(&self.path) {
            log::warn!("{} stays: {err}", self.path.display());
        }
    }
}
