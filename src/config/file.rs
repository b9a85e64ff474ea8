//! Reading a file that is, or is part of, a configuration.

use super::error::ConfigError;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A configuration is a few kilobytes; what is larger is another file, named by mistake.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// What this process read before it became a user who may not.
static KEPT: OnceLock<(PathBuf, Vec<u8>)> = OnceLock::new();

/// Keeps what is in a file for later, when this process may no longer read it. One file is kept, for good.
pub(super) fn keep(path: &Path) {
    if let Ok(Some(text)) = open(path) {
        let _ = KEPT.set((path.to_owned(), text));
    }
}

/// Reads a file whole; none if it does not exist.
pub(super) fn open(path: &Path) -> Result<Option<Vec<u8>>, ConfigError> {
    let mut text = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut text));
    let unreadable = |source| {
        Err(ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })
    };
    match read {
        Ok(length) if length as u64 > MAX_FILE_BYTES => unreadable(io::Error::other(
            "it is larger than 1 MB, so it is no configuration",
        )),
        Ok(_) => Ok(Some(text)),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
            io::ErrorKind::PermissionDenied => match KEPT.get() {
                Some((kept, text)) if kept == path => Ok(Some(text.clone())),
                _ => unreadable(error),
            },
            _ => unreadable(error),
        },
    }
}
