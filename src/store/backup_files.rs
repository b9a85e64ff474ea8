//! Large files in backups: one pool beside the copies, which they all share.
//!
//! A file never changes, so a file that is in the pool needs no work, and if the file system allows it,
//! the file in the pool and the one in use are hard links to the same bytes.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::backup::open_copy;
use super::error::StoreError;
use super::folder::Folder;
use super::paths::{file_error, folder_of};
use super::shelf::{self, Kept};
use super::tx::View;

/// The result for the files that a copy refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many files it refers to.
    pub files: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// The paths of files that are missing or damaged.
    pub missing: Vec<PathBuf>,
}

/// Returns the pool beside a copy.
#[must_use]
pub fn pool_of(copy: &Path) -> Folder {
    Folder::at(folder_of(copy).join("files"))
}

/// Returns the files that a database refers to. No process may write to the database.
///
/// # Errors
/// The database cannot be read.
pub fn named(database: &Path) -> Result<Vec<Kept>, StoreError> {
    let conn = open_copy(database)?;
    shelf::kept(&View::new(&conn))
}

/// Takes the files that a copy refers to from a folder into the pool beside it. Blocks.
///
/// # Errors
/// The copy cannot be read, or the pool cannot be written. A file that is missing in the folder is
/// reported in the result and is not an error.
pub fn take_in(copy: &Path, live: &Folder) -> Result<Tally, StoreError> {
    move_all(&named(copy)?, live, &pool_of(copy))
}

/// Puts the files that a copy refers to from the pool beside it into a folder. Blocks.
///
/// # Errors
/// The copy cannot be read, or the folder cannot be written. A file that is missing in the pool is
/// reported in the result and is not an error.
pub fn put_back(copy: &Path, live: &Folder) -> Result<Tally, StoreError> {
    let files = named(copy)?;
    if !files.is_empty() {
        live.prepare(None)?;
    }
    move_all(&files, &pool_of(copy), live)
}

/// Links everything in a folder into another, which keeps it if the first one is removed. Files that
/// cannot be linked are copied. Blocks.
///
/// # Errors
/// The other folder cannot be written.
pub fn keep(live: &Folder, kept: &Folder) -> Result<usize, StoreError> {
    let mut count = 0;
    for entry in live.entries(Duration::ZERO)? {
        if entry.is_part {
            continue;
        }
        if count == 0 {
            kept.prepare(None)?;
        }
        kept.adopt(entry.name, &entry.path)?;
        count += 1;
    }
    Ok(count)
}

fn move_all(files: &[Kept], from: &Folder, to: &Folder) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    for file in files {
        tally.files += 1;
        tally.bytes += file.size;
        if to.has(file.name, file.size) {
            continue;
        }
        if !from.has(file.name, file.size) {
            tally.missing.push(from.place(file.name));
            continue;
        }
        to.prepare(None)?;
        to.adopt(file.name, &from.place(file.name))?;
    }
    Ok(tally)
}

/// Checks the files that a copy refers to: whether each is there with its size and, if `deep`, whether
/// its content is unchanged. Blocks.
///
/// # Errors
/// The copy cannot be read.
pub fn verify(copy: &Path, deep: bool) -> Result<Tally, StoreError> {
    Ok(examine(&named(copy)?, &pool_of(copy), deep))
}

/// Checks the files of a database that is in use in the same way.
///
/// # Errors
/// The database cannot be read.
pub fn verify_live(database: &Path, deep: bool) -> Result<Tally, StoreError> {
    let conn = super::connection::open_reader(database)?;
    let files = shelf::kept(&View::new(&conn))?;
    Ok(examine(&files, &Folder::of(database), deep))
}

fn examine(files: &[Kept], folder: &Folder, deep: bool) -> Tally {
    let mut tally = Tally::default();
    for file in files {
        tally.files += 1;
        tally.bytes += file.size;
        let path = folder.place(file.name);
        let is_sound = folder.has(file.name, file.size)
            && (!deep || sum(&path).is_ok_and(|sum| sum == file.sha256));
        if !is_sound {
            tally.missing.push(path);
        }
    }
    tally
}

fn sum(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut sum = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(sum.finalize().into());
        }
        sum.update(buffer.get(..read).unwrap_or_default());
    }
}

/// Removes the files from the pool beside a folder of copies that no copy refers to. A copy that cannot
/// be read might refer to any file: then nothing is removed. Blocks.
///
/// # Errors
/// The folder cannot be read, or a file cannot be removed.
pub fn prune(folder: &Path) -> Result<usize, StoreError> {
    let pool = Folder::at(folder.join("files"));
    let present = pool.entries(Duration::ZERO)?;
    if present.is_empty() {
        return Ok(0);
    }
    let mut needed = HashSet::new();
    let entries = fs::read_dir(folder).map_err(|source| file_error(folder, source))?;
    for entry in entries {
        let path = entry.map_err(|source| file_error(folder, source))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // A copy in progress might refer to any file, too.
        if name.ends_with(".part") {
            return Ok(0);
        }
        if path.extension().is_some_and(|it| it == "db") {
            match named(&path) {
                Ok(files) => needed.extend(files.iter().map(|file| file.name)),
                Err(err) => {
                    ::log::warn!("files of older backups stay, since one cannot be read: {err}");
                    return Ok(0);
                }
            }
        }
    }
    let mut removed = 0;
    for entry in present {
        if !needed.contains(&entry.name) {
            fs::remove_file(&entry.path).map_err(|source| file_error(&entry.path, source))?;
            removed += 1;
        }
    }
    Ok(removed)
}
