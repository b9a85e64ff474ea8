//! An export into a folder.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::super::error::CliError;
use super::documents::Target;

/// The target folder.
pub(super) struct Folder {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    /// The path of the current file.
    place: PathBuf,
}

impl Folder {
    /// Creates the folder, for its owner only, if it does not exist.
    pub(super) fn make(path: &Path) -> Result<Self, CliError> {
        let folder = Self {
            path: path.to_owned(),
            file: None,
            place: path.to_owned(),
        };
        private_folder(path).map_err(|source| folder.failed(source))?;
        Ok(folder)
    }

    fn current(&mut self) -> io::Result<&mut BufWriter<File>> {
        self.file
            .as_mut()
            .ok_or_else(|| io::Error::other("no file was begun"))
    }
}

fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

impl Write for Folder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.current()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.current()?.flush()
    }
}

impl Target for Folder {
    fn begin(&mut self, name: &str) -> Result<(), CliError> {
        self.place = self.path.join(name);
        let inner = self.place.parent().unwrap_or(&self.path);
        private_folder(inner).map_err(|source| self.failed(source))?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.place);
        let file = file.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => CliError::AlreadyExists(format!(
                "{} is there already: give --to an empty folder",
                self.place.display()
            )),
            _ => self.failed(source),
        })?;
        self.file = Some(BufWriter::new(file));
        Ok(())
    }

    fn end(&mut self) -> Result<(), CliError> {
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        file.into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> CliError {
        CliError::File {
            path: self.place.clone(),
            source,
        }
    }
}
