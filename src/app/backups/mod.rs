//! Backups: what a copy consists of, and where copies are.
//!
//! A backup consists of three files side by side: `NAME.db`, the database; `NAME.ini`, the configuration at
//! that time; `NAME.sha256`, the checksums of both in the format of `sha256sum -c`. Large files are in the
//! folder `files` beside them, which all copies there share. If requested, the folder `NAME.keys` holds
//! certificates and keys. If backups are encrypted, all of that is in `NAME.age`.

pub mod after;
pub mod bundle;
pub mod keys;
mod schedule;
pub mod seal;
pub mod sealed;
mod staging;
pub mod trial;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::AppError;
use crate::certificates;
use crate::model::Timestamp;
use crate::store::backup::{self, Contents};
use crate::store::backup_files::{self, Tally};
use crate::store::folder::Folder;

pub use schedule::{State, judge, not_mounted};
pub(super) use schedule::{keep_making, keep_watching};
use seal::Seal;
pub use staging::Staging;

/// The sources of a backup.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The database.
    pub database: &'a Path,
    /// The configuration, if there is a file.
    pub configuration: Option<&'a Path>,
    /// The folder of certificates and keys, if they are included.
    pub keys: Option<&'a certificates::Folder>,
    /// The public keys to which it is encrypted, if it is.
    pub seal: Option<&'a Seal>,
}

/// A backup that has been made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The copy of the database.
    pub path: PathBuf,
    /// The copy of the configuration, if there is a file to copy.
    pub configuration: Option<PathBuf>,
    /// The contents of the copy.
    pub contents: Contents,
    /// The large files that it refers to, which are in the pool beside it.
    pub files: Tally,
    /// The number of certificates and keys in it; `None` if they were not requested.
    pub keys: Option<usize>,
    /// The folder of the large files.
    pub pool: Folder,
    /// Older copies that were removed for it.
    pub removed: Vec<PathBuf>,
}

/// A copy in a folder.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The copy of the database.
    pub path: PathBuf,
    /// The time when it was made.
    pub made_at: Timestamp,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Whether a secret key is needed to open it.
    pub is_encrypted: bool,
    /// Whether the configuration is beside it or in it.
    pub has_configuration: bool,
}

/// Returns the file beside a copy that holds the configuration.
#[must_use]
pub fn configuration_of(copy: &Path) -> PathBuf {
    copy.with_extension("ini")
}

/// Returns the file beside a copy that holds the checksums.
#[must_use]
pub fn checksums_of(copy: &Path) -> PathBuf {
    copy.with_extension("sha256")
}

/// Returns the present second in UTC, as it is used in file names: `2026-11-22T174503Z`.
#[must_use]
pub fn stamp() -> String {
    let text = Timestamp::now()
        .date_time()
        .replace(':', "")
        .replace(' ', "T");
    format!("{text}Z")
}

/// Returns the folder that holds the large files of a copy.
#[must_use]
pub fn pool_of(copy: &Path) -> Folder {
    let sealed = sealed::is_sealed(copy).then(|| sealed::pool_of(copy));
    sealed
        .flatten()
        .unwrap_or_else(|| backup_files::pool_of(copy))
}

/// Returns the path of a new copy: in a folder, a new file named after the time.
///
/// # Errors
/// The folder does not exist and cannot be created.
pub fn place(to: &Path, seal: Option<&Seal>) -> Result<PathBuf, AppError> {
    let extension = seal.map_or("db", |_| sealed::EXTENSION);
    let is_folder = to.is_dir()
        || to.as_os_str().as_encoded_bytes().ends_with(b"/")
        || !to.exists() && to.extension().is_none();
    if !is_folder {
        // Encrypted copies are recognised by the extension.
        return Ok(seal.map_or_else(|| to.to_owned(), |_| to.with_extension(extension)));
    }
    if !to.exists() {
        // One level only: a disk that is not mounted must not be mistaken for the folder on it.
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(to)
            .map_err(|source| file_error(to, source))?;
    }
    Ok(free_name(|stamp| {
        to.join(format!("morelia-{stamp}.{extension}"))
    }))
}

/// Returns the first path, made from the present second, that is free, like those of the files that
/// may be beside it: two backups may be made in one second.
#[must_use]
pub fn free_name(named: impl Fn(&str) -> PathBuf) -> PathBuf {
    let stamp = stamp();
    let numbered = (2..100).map(|n| named(&format!("{stamp}-{n:02}")));
    std::iter::once(named(&stamp))
        .chain(numbered)
        .find(|path| with_beside(path).iter().all(|path| !path.exists()))
        .unwrap_or_else(|| named(&stamp))
}

/// Returns a copy and the files beside it.
fn with_beside(copy: &Path) -> [PathBuf; 4] {
    [
        copy.to_owned(),
        configuration_of(copy),
        checksums_of(copy),
        sealed::manifest_of(copy),
    ]
}

/// Makes a backup and checks it. Blocks.
///
/// # Errors
/// The copy cannot be made or is damaged.
pub fn make(origin: &Origin<'_>, target: &Path) -> Result<Made, AppError> {
    if let Some(taken) = with_beside(target).iter().find(|path| path.exists()) {
        return Err(AppError::AlreadyExists(format!(
            "{} is there already; name another file, or a folder",
            taken.display()
        )));
    }
    let made = match origin.seal {
        Some(seal) => sealed::make(origin, seal, target),
        None => make_plain(origin, target),
    };
    match &made {
        Ok(made) => {
            for path in &made.files.missing {
                log::error!(
                    "a file is not in the backup, since it is not there: {}",
                    path.display()
                );
            }
        }
        Err(_) => {
            // All of it or nothing: a copy without its checksums looks as if it had been changed.
            if let Err(left) = remove(target) {
                log::warn!("what is left of a backup stays: {left}");
            }
        }
    }
    made
}

fn make_plain(origin: &Origin<'_>, target: &Path) -> Result<Made, AppError> {
    let live = Folder::of(origin.database);
    // Files that the copy refers to must not be removed until they are in the pool.
    let hold = live.hold()?;
    let contents = backup::copy(origin.database, target)?;
    let files = backup_files::take_in(target, &live)?;
    let configuration = complete(target, origin.configuration)?;
    drop(hold);
    let keys = origin.keys.map(|folder| keys::take_in(target, folder));
    Ok(Made {
        path: target.to_owned(),
        configuration,
        contents,
        files,
        keys: keys.transpose()?,
        pool: backup_files::pool_of(target),
        removed: Vec::new(),
    })
}

/// Writes the configuration and the checksums beside a copy. Returns the path of the configuration.
fn complete(copy: &Path, configuration: Option<&Path>) -> Result<Option<PathBuf>, AppError> {
    let mut sums = line_of_checksum(copy)?;
    let mut copied = None;
    if let Some(configuration) = configuration {
        let beside = configuration_of(copy);
        let text =
            std::fs::read(configuration).map_err(|source| file_error(configuration, source))?;
        write_new(&beside, &text)?;
        sums.push_str(&line_of_checksum(&beside)?);
        copied = Some(beside);
    }
    write_new(&checksums_of(copy), sums.as_bytes())?;
    Ok(copied)
}

/// Makes a backup in the configured folder, which is created if it is missing, and removes surplus
/// copies afterwards. If the disk is full, copies that will be surplus are removed before: a copy that
/// would have stayed is never given up for one that may fail too. Blocks.
///
/// # Errors
/// The copy cannot be made or is damaged; an older one cannot be removed.
pub fn make_in_folder(origin: &Origin<'_>, folder: &Path, keep: u32) -> Result<Made, AppError> {
    remove_abandoned(folder);
    let target = place(&folder.join(""), origin.seal)?;
    let mut removed = Vec::new();
    let mut made = make(origin, &target);
    if made.as_ref().is_err_and(AppError::is_full_disk) {
        removed = make_room(folder, keep)?;
        if !removed.is_empty() {
            log::warn!(
                "the disk is full; older backups were removed: {}",
                removed.len()
            );
            made = make(origin, &target);
        }
    }
    let mut made = made?;
    removed.extend(rotate(folder, keep, &made.path)?);
    prune(folder)?;
    made.removed = removed;
    Ok(made)
}

/// Removes from the pools of a folder the files to which no copy there refers.
fn prune(folder: &Path) -> Result<(), AppError> {
    backup_files::prune(folder)?;
    sealed::prune(folder).map(drop)
}

/// Removes what killed processes have left of backups.
fn remove_abandoned(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut parts = BTreeSet::new();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some((copy, "" | "-journal" | "-wal" | "-shm")) = name.split_once(".part")
            && is_ours(Path::new(copy))
        {
            parts.insert(folder.join(format!("{copy}.part")));
        }
    }
    for part in parts {
        if let Err(err) = backup::remove_abandoned(&part) {
            log::warn!("what is left of a backup stays: {err}");
        }
    }
}

/// Compares the files of a backup with its checksums. `None` if it has none.
///
/// # Errors
/// A file cannot be read, or has changed.
pub fn compare(copy: &Path) -> Result<Option<()>, AppError> {
    let sums = checksums_of(copy);
    let text = match std::fs::read_to_string(&sums) {
        Ok(text) => text,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(file_error(&sums, source)),
    };
    for line in text.lines() {
        let Some((sum, name)) = line.split_once("  ") else {
            continue;
        };
        let path = sums.with_file_name(name);
        if checksum(&path)? != sum {
            return Err(AppError::Store(crate::store::StoreError::Damaged(format!(
                "{} is not what was written then",
                path.display()
            ))));
        }
    }
    Ok(Some(()))
}

/// Returns the copies in a folder that this program has named, newest first.
///
/// # Errors
/// The folder cannot be read; a folder that does not exist has no copies.
pub fn list(folder: &Path) -> Result<Vec<Listed>, AppError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(file_error(folder, source)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| file_error(folder, source))?.path();
        if !is_ours(&path) {
            continue;
        }
        let metadata = std::fs::metadata(&path).map_err(|source| file_error(&path, source))?;
        let made = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .unwrap_or_default();
        let copy = Listed {
            made_at: Timestamp(i64::try_from(made.as_millis()).unwrap_or(i64::MAX)),
            size_bytes: metadata.len(),
            is_encrypted: sealed::is_sealed(&path),
            has_configuration: sealed::is_sealed(&path) || configuration_of(&path).exists(),
            path,
        };
        found.push((made, copy));
    }
    found.sort_by(|(a, one), (b, other)| (b, &other.path).cmp(&(a, &one.path)));
    Ok(found.into_iter().map(|(_, copy)| copy).collect())
}

/// Returns whether this program chose the name of a copy.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.strip_prefix("morelia-")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        && (path.extension().is_some_and(|it| it == "db") || sealed::is_sealed(path))
}

/// Removes the copies that one more would make surplus, but never the newest: until the next one is
/// made, it is the only one to restore.
fn make_room(folder: &Path, keep: u32) -> Result<Vec<PathBuf>, AppError> {
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let removed = remove_all(
        list(folder)?
            .into_iter()
            .skip(keep.saturating_sub(1).max(1)),
    )?;
    prune(folder)?;
    Ok(removed)
}

/// Removes the oldest copies beyond `keep`, never the one just made. Returns what was removed.
///
/// # Errors
/// A file cannot be removed.
fn rotate(folder: &Path, keep: u32, newest: &Path) -> Result<Vec<PathBuf>, AppError> {
    let keep = usize::try_from(keep).unwrap_or(usize::MAX).max(1);
    let older = list(folder)?.into_iter().filter(|copy| copy.path != newest);
    remove_all(older.skip(keep - 1))
}

fn remove_all(copies: impl Iterator<Item = Listed>) -> Result<Vec<PathBuf>, AppError> {
    copies
        .map(|copy| remove(&copy.path).map(|()| copy.path))
        .collect()
}

/// Removes a backup and the files beside it.
fn remove(copy: &Path) -> Result<(), AppError> {
    for path in with_beside(copy) {
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(file_error(&path, source));
            }
            _ => {}
        }
    }
    keys::remove(copy)
}

/// Returns an absolute path as text.
#[must_use]
pub fn absolute(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.display().to_string()
}

fn write_new(path: &Path, text: &[u8]) -> Result<(), AppError> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text)?;
            file.sync_all()
        })
        .map_err(|source| file_error(path, source))
}

fn line_of_checksum(path: &Path) -> Result<String, AppError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("{}  {name}\n", checksum(path)?))
}

fn checksum(path: &Path) -> Result<String, AppError> {
    let failed = |source| file_error(path, source);
    let mut file = File::open(path).map_err(failed)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
    }
    Ok(hex(&digest.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn file_error(path: &Path, source: io::Error) -> AppError {
    AppError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::free_name;

    #[test]
    fn a_name_is_taken_by_what_stands_beside_it_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let named = |stamp: &str| {
            let number = stamp.split_once("Z-").map_or("01", |(_, number)| number);
            folder.path().join(format!("copy-{number}.db"))
        };
        let free = || {
            let path = free_name(named);
            path.file_name().expect("a name").to_owned()
        };
        assert_eq!(free(), "copy-01.db");
        // Left over from copies that a user has removed.
        fs::write(folder.path().join("copy-01.ini"), "").expect("written");
        fs::write(folder.path().join("copy-02.sha256"), "").expect("written");
        fs::write(folder.path().join("copy-03.db"), "").expect("written");
        assert_eq!(free(), "copy-04.db");
    }
}
