//! Backups: what a copy consists of, and where copies lie.
//!
//! A backup is three files side by side: `NAME.db`, the database; `NAME.ini`, the configuration it
//! was made under; `NAME.sha256`, the checksums of both as `sha256sum -c` reads them.

mod schedule;

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::AppError;
use crate::model::Timestamp;
use crate::store::backup::{self, Contents};

pub use schedule::{State, judge};
pub(super) use schedule::{keep_making, keep_watching};

/// A backup that has been made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The copy of the database.
    pub path: PathBuf,
    /// The copy of the configuration, if there is a file to copy.
    pub configuration: Option<PathBuf>,
    /// What the copy holds.
    pub contents: Contents,
    /// Older copies that were removed for it.
    pub removed: Vec<PathBuf>,
}

/// A copy in a folder.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The copy of the database.
    pub path: PathBuf,
    /// When it was made.
    pub made_at: Timestamp,
    /// Bytes of it.
    pub size_bytes: u64,
    /// Whether the configuration lies beside it.
    pub has_configuration: bool,
}

/// The file beside a copy that holds the configuration.
#[must_use]
pub fn configuration_of(copy: &Path) -> PathBuf {
    copy.with_extension("ini")
}

/// The file beside a copy that holds the checksums.
#[must_use]
pub fn checksums_of(copy: &Path) -> PathBuf {
    copy.with_extension("sha256")
}

/// The present second in UTC, as it stands in the name of a file: `2026-11-22T174503Z`.
#[must_use]
pub fn stamp() -> String {
    let text = Timestamp::now()
        .date_time()
        .replace(':', "")
        .replace(' ', "T");
    format!("{text}Z")
}

/// Where a new copy goes: a folder gets one more file, named by the time.
///
/// # Errors
/// The folder is not there and cannot be made.
pub fn place(to: &Path) -> Result<PathBuf, AppError> {
    let is_folder = to.is_dir()
        || to.as_os_str().as_encoded_bytes().ends_with(b"/")
        || !to.exists() && to.extension().is_none();
    if !is_folder {
        return Ok(to.to_owned());
    }
    if !to.exists() {
        // One level only: a disk that is not mounted must not be mistaken for the folder on it.
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(to)
            .map_err(|source| file_error(to, source))?;
    }
    Ok(free_name(|stamp| to.join(format!("morelia-{stamp}.db"))))
}

/// The first path, made from the present second, that is not taken: two may fall into one second.
#[must_use]
pub fn free_name(named: impl Fn(&str) -> PathBuf) -> PathBuf {
    let stamp = stamp();
    let numbered = (2..100).map(|n| named(&format!("{stamp}-{n:02}")));
    std::iter::once(named(&stamp))
        .chain(numbered)
        .find(|path| !path.exists())
        .unwrap_or_else(|| named(&stamp))
}

/// Makes a backup and examines it. Blocks.
///
/// # Errors
/// The copy cannot be made or is damaged.
pub fn make(
    database: &Path,
    configuration: Option<&Path>,
    target: &Path,
) -> Result<Made, AppError> {
    let beside = [configuration_of(target), checksums_of(target)];
    if let Some(taken) = std::iter::once(target)
        .chain(beside.iter().map(PathBuf::as_path))
        .find(|path| path.exists())
    {
        return Err(AppError::AlreadyExists(format!(
            "{} is there already; name another file, or a folder",
            taken.display()
        )));
    }
    let contents = backup::copy(database, target)?;
    let mut sums = line_of_checksum(target)?;
    let mut copied = None;
    if let Some(configuration) = configuration {
        let copy = configuration_of(target);
        let text =
            std::fs::read(configuration).map_err(|source| file_error(configuration, source))?;
        write_new(&copy, &text)?;
        sums.push_str(&line_of_checksum(&copy)?);
        copied = Some(copy);
    }
    write_new(&checksums_of(target), sums.as_bytes())?;
    Ok(Made {
        path: target.to_owned(),
        configuration: copied,
        contents,
        removed: Vec::new(),
    })
}

/// Compares the files of a backup with its checksums. `None`: it has none.
///
/// # Errors
/// A file cannot be read, or is not what was written.
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

/// The copies in a folder that this program has named, newest first.
///
/// # Errors
/// The folder cannot be read; one that is not there has no copies.
pub fn list(folder: &Path) -> Result<Vec<Listed>, AppError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(file_error(folder, source)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| file_error(folder, source))?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let is_ours = name.is_some_and(|name| {
            name.strip_prefix("morelia-")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
                && path.extension().is_some_and(|it| it == "db")
        });
        if !is_ours {
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
            has_configuration: configuration_of(&path).exists(),
            path,
        };
        found.push((made, copy));
    }
    found.sort_by(|(a, one), (b, other)| (b, &other.path).cmp(&(a, &one.path)));
    Ok(found.into_iter().map(|(_, copy)| copy).collect())
}

/// Removes the oldest copies beyond `keep`, never the one just made. Returns what was removed.
///
/// # Errors
/// A file cannot be removed.
pub fn rotate(folder: &Path, keep: u32, newest: &Path) -> Result<Vec<PathBuf>, AppError> {
    let keep = usize::try_from(keep).unwrap_or(usize::MAX).max(1);
    let mut removed = Vec::new();
    let older = list(folder)?.into_iter().filter(|copy| copy.path != newest);
    for copy in older.skip(keep - 1) {
        for path in [
            copy.path.clone(),
            configuration_of(&copy.path),
            checksums_of(&copy.path),
        ] {
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(file_error(&path, source));
                }
                _ => {}
            }
        }
        removed.push(copy.path);
    }
    Ok(removed)
}

/// A path that says the same wherever it is read.
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
    use std::fmt::Write as _;
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
    Ok(digest
        .finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
}

fn file_error(path: &Path, source: io::Error) -> AppError {
    AppError::File {
        path: path.to_owned(),
        source,
    }
}
