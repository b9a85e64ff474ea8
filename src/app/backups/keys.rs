//! Certificates and keys beside a copy: only if requested, since anyone who has such a copy can pose as
//! the server.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::{checksum, checksums_of, file_error, write_new};
use crate::app::AppError;
use crate::certificates::Folder;

/// Returns the folder beside a copy that holds certificates and keys.
#[must_use]
pub fn folder_of(copy: &Path) -> PathBuf {
    copy.with_extension("keys")
}

/// Copies the files of the server's own certificates beside a backup, and adds them to its checksums.
/// Returns how many there are.
///
/// # Errors
/// A file cannot be read or written.
pub fn take_in(copy: &Path, live: &Folder) -> Result<usize, AppError> {
    let target = folder_of(copy);
    let files = files_in(live.folder())?;
    if files.is_empty() {
        return Ok(0);
    }
    make(&target)?;
    let sums = checksums_of(copy);
    let mut text = fs::read_to_string(&sums).map_err(|source| file_error(&sums, source))?;
    let folder = target.file_name().unwrap_or_default().to_string_lossy();
    for file in &files {
        let name = file.file_name().unwrap_or_default();
        let beside = target.join(name);
        copy_file(file, &beside)?;
        let _ = writeln!(text, "{}  {folder}/{}", checksum(&beside)?, name.display());
    }
    // Written to a new file first: a backup always has its checksums.
    let part = sums.with_extension("sha256.part");
    let _ = fs::remove_file(&part);
    write_new(&part, text.as_bytes())?;
    fs::rename(&part, &sums).map_err(|source| file_error(&sums, source))?;
    Ok(files.len())
}

/// What happened to the keys of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// The backup has none.
    None,
    /// There are already keys on the server, which stay.
    Kept,
    /// This many files were restored.
    Files(usize),
}

/// Restores the certificates and keys of a backup, if the server has none.
///
/// # Errors
/// A file cannot be read or written.
pub fn put_back(copy: &Path, live: &Folder) -> Result<Returned, AppError> {
    let files = files_in(&folder_of(copy))?;
    if files.is_empty() {
        return Ok(Returned::None);
    }
    if !files_in(live.folder())?.is_empty() {
        return Ok(Returned::Kept);
    }
    make(live.folder())?;
    for file in &files {
        let name = file.file_name().unwrap_or_default();
        copy_file(file, &live.folder().join(name))?;
    }
    Ok(Returned::Files(files.len()))
}

/// Removes the keys beside a backup.
pub(super) fn remove(copy: &Path) -> Result<(), AppError> {
    let folder = folder_of(copy);
    match fs::remove_dir_all(&folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(file_error(&folder, source)),
        _ => Ok(()),
    }
}

/// Returns the files of a folder; none if it does not exist. Incomplete files are ignored.
///
/// # Errors
/// The folder cannot be read.
pub fn files_in(folder: &Path) -> Result<Vec<PathBuf>, AppError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(file_error(folder, source)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| file_error(folder, source))?;
        let path = entry.path();
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && path.extension().is_none_or(|it| it != "part") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn make(folder: &Path) -> Result<(), AppError> {
    if folder.is_dir() {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| file_error(folder, source))
}

fn copy_file(from: &Path, to: &Path) -> Result<(), AppError> {
    let bytes = fs::read(from).map_err(|source| file_error(from, source))?;
    write_new(to, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back_where_there_are_none() {
        let place = tempfile::tempdir().unwrap();
        let copy = place.path().join("morelia-1.db");
        fs::write(&copy, "x").unwrap();
        fs::write(checksums_of(&copy), "").unwrap();
        let live = Folder::new(place.path().join("tls"));
        assert_eq!(take_in(&copy, &live).unwrap(), 0);
        assert!(!folder_of(&copy).exists());
        live.write("account.json", "{}").unwrap();
        live.write("chat.key", "key").unwrap();
        fs::write(live.path("chat.pem.part"), "half").unwrap();
        assert_eq!(take_in(&copy, &live).unwrap(), 2);
        let sums = fs::read_to_string(checksums_of(&copy)).unwrap();
        assert_eq!(sums.lines().count(), 2);
        assert!(sums.contains("  morelia-1.keys/chat.key\n"), "{sums}");
        super::super::compare(&copy).unwrap();
        assert_eq!(put_back(&copy, &live).unwrap(), Returned::Kept);
        fs::remove_dir_all(live.folder()).unwrap();
        assert_eq!(put_back(&copy, &live).unwrap(), Returned::Files(2));
        assert_eq!(live.read("chat.key").unwrap().as_deref(), Some("key"));
        remove(&copy).unwrap();
        assert_eq!(put_back(&copy, &live).unwrap(), Returned::None);
    }
}
