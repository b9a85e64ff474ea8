//! The lock that prevents a second server on the same file.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::error::StoreError;
use super::paths::{file_error, lock_of};

/// How long a starting server waits for the lock: a server that is stopping, or a command that checks
/// whether a server runs, holds it for an instant.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often it retries meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// A lock that is held while a server runs on a file; the operator's commands do not take it.
#[derive(Debug)]
pub struct ServerLock {
    file: File,
}

impl ServerLock {
    /// Takes the lock beside the file. It is released when the process ends, in whatever way.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another server has it.
    pub fn acquire(database: &Path) -> Result<Self, StoreError> {
        let path = lock_of(database);
        let failed = |source| file_error(&path, source);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse(database.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Takes the lock beside the file, and waits a moment for a server that is just stopping.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another server keeps it.
    pub fn acquire_soon(database: &Path) -> Result<Self, StoreError> {
        let start = Instant::now();
        loop {
            match Self::acquire(database) {
                Err(StoreError::InUse(_)) if start.elapsed() < PATIENCE => {
                    std::thread::sleep(LOOK_AGAIN);
                }
                result => return result,
            }
        }
    }

    /// Writes the address of the server into the lock file, for commands on the same machine.
    ///
    /// # Errors
    /// The lock file cannot be written.
    pub fn announce(&self, address: &str) -> std::io::Result<()> {
        self.file.set_len(0)?;
        let text = format!("{address}\n{}\n", std::process::id());
        (&self.file).write_all(text.as_bytes())
    }

    /// Returns the address of the server that runs on the file now; `None`: none runs.
    #[must_use]
    pub fn address(database: &Path) -> Option<String> {
        let text = Self::announced(database)?;
        Some(text.lines().next().unwrap_or_default().to_owned())
    }

    /// Returns the process id of the server that runs on the file now.
    #[must_use]
    pub fn pid(database: &Path) -> Option<i32> {
        Self::announced(database)?.lines().nth(1)?.parse().ok()
    }

    fn announced(database: &Path) -> Option<String> {
        if !Self::is_held(database) {
            return None;
        }
        std::fs::read_to_string(lock_of(database)).ok()
    }

    /// Returns whether a server runs on the file now.
    #[must_use]
    pub fn is_held(database: &Path) -> bool {
        // Checking must not create a file where there has never been a server. Processes that check share the
        // lock, so that none takes another for a server.
        let Ok(file) = File::open(lock_of(database)) else {
            return false;
        };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_is_no_server_and_holds_up_none() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("test.db");
        drop(ServerLock::acquire(&database).unwrap());
        let looking = File::open(lock_of(&database)).unwrap();
        looking.try_lock_shared().unwrap();
        assert!(!ServerLock::is_held(&database));
        assert!(ServerLock::acquire(&database).is_err());
        let done = std::thread::spawn(move || {
            std::thread::sleep(PATIENCE / 5);
            drop(looking);
        });
        let lock = ServerLock::acquire_soon(&database);
        assert!(lock.is_ok(), "{lock:?}");
        assert!(ServerLock::is_held(&database));
        done.join().unwrap();
    }
}
