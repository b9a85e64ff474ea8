//! The folder of certificates and keys that the server makes.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::CertificateError;

/// The folder; for the server's user alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    /// Names the folder. Nothing is made before something is written.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where a file in it is.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// Reads a file. `None`: there is none.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<String>, CertificateError> {
        let path = self.path(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(CertificateError::File { path, source }),
        }
    }

    /// Writes a file for its owner alone: whole or not at all, whatever happens meanwhile.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<(), CertificateError> {
        let path = self.path(name);
        let made = self.make().and_then(|()| {
            let part = self.path(&format!("{name}.part"));
            write(&part, text)?;
            fs::rename(&part, &path)?;
            File::open(&self.0)?.sync_all()
        });
        made.map_err(|source| CertificateError::File { path, source })
    }

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove(&self, name: &str) -> Result<bool, CertificateError> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(CertificateError::File { path, source }),
        }
    }

    fn make(&self) -> io::Result<()> {
        if self.0.is_dir() {
            return Ok(());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
    }
}

/// Writes a file that only its owner reads, and waits until it is on the disk.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn files_are_for_their_owner_alone() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::new(place.path().join("tls"));
        assert_eq!(folder.read("a.key").unwrap(), None);
        folder.write("a.key", "one").unwrap();
        folder.write("a.key", "two").unwrap();
        assert_eq!(folder.read("a.key").unwrap().as_deref(), Some("two"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path("a.key")), 0o600);
        assert_eq!(mode(folder.folder()), 0o700);
        assert_eq!(fs::read_dir(folder.folder()).unwrap().count(), 1);
        assert!(folder.remove("a.key").unwrap());
        assert!(!folder.remove("a.key").unwrap());
    }
}
