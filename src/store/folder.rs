//! The folder beside the database for large files, each under a name that reveals nothing.
//!
//! A file is complete and synced before a row refers to it, and is removed after the row is gone: a
//! killed process may leave a file without a row, but never a row without its file.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

mod removing;

use super::error::StoreError;
use super::paths::{file_error, sync, sync_folder, with_suffix};
use crate::model::PublicId;
use removing::remove;

/// The subfolder for unfinished uploads.
const PART: &str = "part";

/// The file that is locked while files must not be removed.
const HOLD: &str = "hold";

/// The extension of every file.
const EXTENSION: &str = "bin";

/// The folder of one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

/// A file in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: PublicId,
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is an unfinished upload.
    pub is_part: bool,
}

/// A lock that keeps files from being removed until it is dropped.
#[derive(Debug)]
pub struct Hold(#[expect(dead_code, reason = "held for its lock")] File);

impl Folder {
    /// Returns the folder of a database, whether it exists or not. Symbolic links to one database lead to
    /// one folder.
    #[must_use]
    pub fn of(database: &Path) -> Self {
        let real = database
            .canonicalize()
            .unwrap_or_else(|_| database.to_owned());
        Self(with_suffix(&real, "-files"))
    }

    /// Creates a handle to another folder of the same kind, such as that of backups.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Returns its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns whether it exists.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.0.is_dir()
    }

    /// Creates the folder (mode 0700) if it is missing. With `elsewhere` it is created there, and a symbolic
    /// link in its place leads to it.
    ///
    /// # Errors
    /// It cannot be created, or is in another place already.
    pub fn prepare(&self, elsewhere: Option<&Path>) -> Result<(), StoreError> {
        match elsewhere {
            None => make(&self.0)?,
            Some(elsewhere) => {
                make(elsewhere)?;
                self.link(elsewhere)?;
            }
        }
        let part = self.0.join(PART);
        if part.is_dir() {
            return Ok(());
        }
        make(&part)?;
        sync(&self.0)?;
        sync_folder(&self.0)
    }

    fn link(&self, elsewhere: &Path) -> Result<(), StoreError> {
        let failed = |source| file_error(&self.0, source);
        let target = elsewhere
            .canonicalize()
            .map_err(|source| file_error(elsewhere, source))?;
        if let Ok(present) = self.0.canonicalize() {
            if present == target {
                return Ok(());
            }
            // A folder that was created and never used can be removed.
            if !self.0.is_symlink() {
                let _ = fs::remove_file(self.0.join(HOLD));
                let _ = fs::remove_dir(self.0.join(PART));
            }
            fs::remove_dir(&self.0).map_err(|_| {
                failed(io::Error::other(format!(
                    "the files lie here; move them to {} and remove this, or take [files] dir back",
                    target.display()
                )))
            })?;
        }
        symlink(&target, &self.0).map_err(failed)
    }

    /// Returns the path of an unfinished upload.
    #[must_use]
    pub fn part(&self, upload: PublicId) -> PathBuf {
        self.0.join(PART).join(upload.hex())
    }

    /// Returns the path of a file.
    #[must_use]
    pub fn place(&self, name: PublicId) -> PathBuf {
        let digits = name.hex();
        let mut path = self.0.join(digits.get(..2).unwrap_or_default());
        path.push(digits);
        path.set_extension(EXTENSION);
        path
    }

    /// Opens the part of an upload for writing at an offset, and cuts off what comes after it. `None`: the
    /// bytes before the offset are missing.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open_part(&self, upload: PublicId, offset: u64) -> Result<Option<File>, StoreError> {
        let path = self.part(upload);
        let failed = |source| file_error(&path, source);
        let place = self.place(upload);
        if !path.exists() && place.exists() {
            // The upload was complete, but that was not recorded.
            fs::rename(&place, &path).map_err(failed)?;
        }
        let is_new = offset == 0 && !path.exists();
        let opened = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(offset == 0)
            .truncate(false)
            .mode(0o600)
            .open(&path);
        let mut file = match opened {
            Err(source) if source.kind() == io::ErrorKind::NotFound && offset > 0 => {
                return Ok(None);
            }
            opened => opened.map_err(failed)?,
        };
        if file.metadata().map_err(failed)?.len() < offset {
            return Ok(None);
        }
        file.set_len(offset).map_err(failed)?;
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        if is_new {
            // Without its name, the recorded progress of an upload would be useless.
            sync(&self.0.join(PART))?;
        }
        Ok(Some(file))
    }

    /// Moves the synced part of an upload to its final path, durably.
    ///
    /// # Errors
    /// It cannot be moved.
    pub fn settle(&self, upload: PublicId) -> Result<(), StoreError> {
        let place = self.place(upload);
        let failed = |source| file_error(&place, source);
        let inner = place.parent().unwrap_or(&self.0);
        self.make_shelf(inner)?;
        fs::rename(self.part(upload), &place).map_err(failed)?;
        sync(inner)?;
        sync(&self.0.join(PART))
    }

    /// Creates the subfolder for files whose names begin alike, and syncs it. An existing one may be so new
    /// that its creator has not synced it yet, or was killed before.
    fn make_shelf(&self, path: &Path) -> Result<(), StoreError> {
        make(path)?;
        sync(&self.0)
    }

    /// Stores content in the folder durably. Returns its name.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&self, content: &mut dyn Read) -> Result<PublicId, StoreError> {
        self.prepare(None)?;
        let name = PublicId::random();
        let path = self.part(name);
        let mut written = || {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            io::copy(content, &mut file)?;
            file.sync_all()
        };
        written()
            .map_err(|source| file_error(&path, source))
            .and_then(|()| self.settle(name))
            .inspect_err(|_| drop(fs::remove_file(&path)))?;
        Ok(name)
    }

    /// Adds a file under its name: as a hard link to the same bytes or, if that is not possible, as a
    /// copy.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn adopt(&self, name: PublicId, file: &Path) -> Result<(), StoreError> {
        let place = self.place(name);
        let failed = |source| file_error(&place, source);
        let inner = place.parent().unwrap_or(&self.0);
        self.make_shelf(inner)?;
        match fs::remove_file(&place) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed(source)),
            _ => {}
        }
        if fs::hard_link(file, &place).is_ok() {
            return sync(inner);
        }
        let part = self.part(name);
        let copied = || {
            let mut from = File::open(file)?;
            let mut to = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&part)?;
            io::copy(&mut from, &mut to)?;
            to.sync_all()
        };
        copied()
            .map_err(|source| file_error(&part, source))
            .and_then(|()| self.settle(name))
            .inspect_err(|_| drop(fs::remove_file(&part)))
    }

    /// Opens a file. `None`: it is missing, or has another size.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(&self, name: PublicId, size: u64) -> Result<Option<File>, StoreError> {
        let path = self.place(name);
        match File::open(&path) {
            Ok(file) => {
                let length = file
                    .metadata()
                    .map_err(|source| file_error(&path, source))?
                    .len();
                Ok((length == size).then_some(file))
            }
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(file_error(&path, source)),
        }
    }

    /// Returns whether a file exists with the expected size.
    #[must_use]
    pub fn has(&self, name: PublicId, size: u64) -> bool {
        fs::metadata(self.place(name)).is_ok_and(|file| file.is_file() && file.len() == size)
    }

    /// Removes a file, and overwrites it first if requested.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(&self, name: PublicId, overwrite: bool) -> Result<(), StoreError> {
        remove(&self.place(name), overwrite)
    }

    /// Removes the part of an upload.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove_part(&self, upload: PublicId, overwrite: bool) -> Result<(), StoreError> {
        remove(&self.part(upload), overwrite)
    }

    /// Returns the files in the folder that have not been modified for a while. Files with other names are
    /// left out.
    ///
    /// # Errors
    /// The folder cannot be read; a missing folder is empty.
    pub fn entries(&self, untouched: Duration) -> Result<Vec<Entry>, StoreError> {
        let mut found = Vec::new();
        let before = SystemTime::now().checked_sub(untouched);
        for shelf in Self::read(&self.0)? {
            let is_part = shelf.file_name().is_some_and(|name| name == PART);
            if !shelf.is_dir() {
                continue;
            }
            for path in Self::read(&shelf)? {
                let digits = if is_part {
                    path.file_name()
                } else {
                    path.file_stem()
                };
                let name = digits
                    .and_then(|name| name.to_str())
                    .and_then(PublicId::from_hex);
                let touched = fs::metadata(&path).and_then(|file| file.modified()).ok();
                let is_old = touched.zip(before).is_some_and(|(at, limit)| at <= limit);
                if let Some(name) = name.filter(|_| is_old || untouched.is_zero()) {
                    found.push(Entry {
                        name,
                        path,
                        is_part,
                    });
                }
            }
        }
        Ok(found)
    }

    fn read(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let failed = |source| file_error(folder, source);
        match fs::read_dir(folder) {
            Ok(entries) => entries
                .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
                .collect(),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(failed(source)),
        }
    }

    /// Keeps every process from removing files, while a backup needs them. `None`: the folder does not
    /// exist.
    ///
    /// # Errors
    /// It cannot be locked.
    pub fn hold(&self) -> Result<Option<Hold>, StoreError> {
        if !self.exists() {
            return Ok(None);
        }
        let path = self.0.join(HOLD);
        let failed = |source| file_error(&path, source);
        let file = open_hold(&path).map_err(failed)?;
        file.lock_shared().map_err(failed)?;
        Ok(Some(Hold(file)))
    }

    /// Allows files to be removed until the lock is dropped; `None`: another process needs the files.
    ///
    /// # Errors
    /// It cannot be locked.
    pub fn release(&self) -> Result<Option<Hold>, StoreError> {
        let path = self.0.join(HOLD);
        let failed = |source| file_error(&path, source);
        let file = open_hold(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Hold(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Returns the free bytes on the disk of the folder; `None`: the system does not say.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        fs4::available_space(&self.0).ok()
    }
}

fn open_hold(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

/// Creates a folder that only its owner may enter, if it is missing; one level only, because a disk that
/// is not mounted must not be mistaken for the folder on it.
fn make(path: &Path) -> Result<(), StoreError> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(source) if source.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(source) => Err(file_error(path, source)),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
