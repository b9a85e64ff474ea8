//! A backup as one file: an uncompressed ZIP archive, whose last entry holds the checksums of all
//! others in the format of `sha256sum -c`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::file_error;
use crate::app::AppError;

/// The entry with the checksums.
const SUMS: &str = "SHA256SUMS";

/// The most bytes of checksums that are read: enough for more than a million files.
const MAX_SUMS: u64 = 256 << 20;

/// The number of bytes that are read at a time.
const PIECE: usize = 128 * 1024;

/// Writes files into a new archive, which is on disk when this returns. Blocks.
///
/// # Errors
/// The archive already exists, or a file cannot be read or written.
pub fn write(archive: &Path, entries: &[(String, PathBuf)]) -> Result<(), AppError> {
    let failed = |source| file_error(archive, source);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(archive)
        .map_err(failed)?;
    let mut zip = ZipWriter::new(file);
    fill(&mut zip, archive, entries)?;
    let file = zip.finish().map_err(|err| failed(err.into()))?;
    file.sync_all().map_err(failed)
}

/// Writes files as an archive into a target that only takes bytes, such as a cipher. Blocks.
///
/// # Errors
/// A file cannot be read, or the target, which `archive` names, cannot be written.
pub fn write_into(
    target: impl Write,
    archive: &Path,
    entries: &[(String, PathBuf)],
) -> Result<(), AppError> {
    let mut zip = ZipWriter::new_stream(target);
    fill(&mut zip, archive, entries)?;
    let finished = zip.finish();
    finished
        .map(drop)
        .map_err(|err| file_error(archive, err.into()))
}

fn fill<W: Write + Seek>(
    zip: &mut ZipWriter<W>,
    archive: &Path,
    entries: &[(String, PathBuf)],
) -> Result<(), AppError> {
    let failed = |source| file_error(archive, source);
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(true)
        .unix_permissions(0o600);
    let mut sums = String::new();
    for (name, path) in entries {
        let mut source = File::open(path).map_err(|source| file_error(path, source))?;
        zip.start_file(name.as_str(), options)
            .map_err(|err| failed(err.into()))?;
        let sum = copy(&mut source, zip, u64::MAX).map_err(|err| match err {
            CopyError::Read(source) => file_error(path, source),
            CopyError::Write(source) => failed(source),
        })?;
        // Writing to a string cannot fail.
        let _ = writeln!(sums, "{sum}  {name}");
    }
    zip.start_file(SUMS, options)
        .map_err(|err| failed(err.into()))?;
    zip.write_all(sums.as_bytes()).map_err(failed)
}

/// The source of an archive.
pub trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// An archive that is being read.
pub struct Bundle {
    path: PathBuf,
    zip: ZipArchive<Box<dyn Source>>,
    sums: BTreeMap<String, String>,
}

impl Bundle {
    /// Opens an archive and reads its checksums.
    ///
    /// # Errors
    /// The archive cannot be read, or was not made by [`write()`].
    pub fn open(path: &Path) -> Result<Self, AppError> {
        let file = File::open(path).map_err(|source| file_error(path, source))?;
        Self::read(path, Box::new(BufReader::new(file)))
    }

    /// Reads the checksums of the archive at `path`.
    ///
    /// # Errors
    /// The archive cannot be read, or was not made by [`write()`].
    pub fn read(path: &Path, source: Box<dyn Source>) -> Result<Self, AppError> {
        let foreign = || {
            AppError::Failed(format!(
                "{} is not a file that `morelia move pack` made, or only a part of one: compare its size \
                 with the original, and copy it again",
                path.display()
            ))
        };
        let mut zip = ZipArchive::new(source).map_err(|_| foreign())?;
        let mut text = String::new();
        let entry = zip.by_name(SUMS).map_err(|_| foreign())?;
        let read = entry.take(MAX_SUMS).read_to_string(&mut text);
        read.map_err(|_| foreign())?;
        let mut sums = BTreeMap::new();
        for line in text.lines() {
            let (sum, name) = line.split_once("  ").ok_or_else(foreign)?;
            if !is_plain(name) {
                return Err(foreign());
            }
            sums.insert(name.to_owned(), sum.to_owned());
        }
        Ok(Self {
            path: path.to_owned(),
            zip,
            sums,
        })
    }

    /// Returns whether it contains an entry.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.sums.contains_key(name)
    }

    /// Returns the size of all entries in bytes.
    ///
    /// # Errors
    /// An entry is missing.
    pub fn size(&mut self) -> Result<u64, AppError> {
        let names: Vec<_> = self.sums.keys().cloned().collect();
        let mut size = 0_u64;
        for name in &names {
            let changed = changed(&self.path, name);
            let entry = self.zip.by_name(name).map_err(|_| changed)?;
            size = size.saturating_add(entry.size());
        }
        Ok(size)
    }

    /// Reads all entries and compares them with their checksums. Blocks.
    ///
    /// # Errors
    /// An entry has changed.
    pub fn verify(&mut self) -> Result<(), AppError> {
        self.each(|_| Ok(Box::new(io::sink())))
    }

    /// Extracts all entries into a folder, and compares them with their checksums. Blocks.
    ///
    /// # Errors
    /// An entry has changed, or a file cannot be written.
    pub fn extract(&mut self, folder: &Path) -> Result<(), AppError> {
        self.each(|name| {
            let path = folder.join(name);
            let failed = |source| file_error(&path, source);
            let inner = path.parent().unwrap_or(folder);
            let made = DirBuilder::new().recursive(true).mode(0o700).create(inner);
            made.map_err(failed)?;
            let opened = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            Ok(Box::new(opened.map_err(failed)?))
        })?;
        // Before any file is moved to its final place.
        let folder = File::open(folder).map_err(|source| file_error(folder, source))?;
        let synced = rustix::fs::syncfs(&folder);
        synced.map_err(|err| file_error(&self.path, err.into()))
    }

    fn each(
        &mut self,
        mut target: impl FnMut(&str) -> Result<Box<dyn Write>, AppError>,
    ) -> Result<(), AppError> {
        for (name, expected) in self.sums.clone() {
            let changed = changed(&self.path, &name);
            let Ok(mut entry) = self.zip.by_name(&name) else {
                return Err(changed);
            };
            let mut to = target(&name)?;
            let size = entry.size();
            match copy(&mut entry, &mut to, size) {
                Ok(sum) if sum == expected => {}
                Ok(_) | Err(CopyError::Read(_)) => return Err(changed),
                Err(CopyError::Write(source)) => return Err(file_error(Path::new(&name), source)),
            }
        }
        Ok(())
    }
}

fn changed(bundle: &Path, name: &str) -> AppError {
    AppError::Failed(format!(
        "{}: {name} is not what was packed: copy the file again from where it was made",
        bundle.display()
    ))
}

/// Returns whether a name leads to a file inside the target folder.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    !name.is_empty()
        && !name.ends_with('/')
        && parts.all(|part| matches!(part, Component::Normal(_)))
}

enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

/// Copies at most `most` bytes, and returns their checksum.
fn copy(from: &mut dyn Read, to: &mut dyn Write, most: u64) -> Result<String, CopyError> {
    let mut from = from.take(most);
    let mut sum = Sha256::new();
    let mut buffer = vec![0; PIECE];
    loop {
        let count = from.read(&mut buffer).map_err(CopyError::Read)?;
        if count == 0 {
            break;
        }
        let piece = buffer.get(..count).unwrap_or_default();
        sum.update(piece);
        to.write_all(piece).map_err(CopyError::Write)?;
    }
    to.flush().map_err(CopyError::Write)?;
    Ok(super::hex(&sum.finalize()))
}

/// Gives a complete archive its final name, which must be free.
///
/// # Errors
/// The name is taken.
pub fn settle(from: &Path, to: &Path) -> Result<(), AppError> {
    if to.exists() {
        return Err(AppError::AlreadyExists(format!(
            "{} is there already; name another file",
            to.display()
        )));
    }
    fs::rename(from, to).map_err(|source| file_error(to, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_and_changes_are_found() {
        let place = tempfile::tempdir().unwrap();
        let source = place.path().join("source");
        fs::write(&source, vec![7; 300_000]).unwrap();
        let archive = place.path().join("archive");
        let entries = [
            ("a".to_owned(), source.clone()),
            ("b/c".to_owned(), source.clone()),
        ];
        write(&archive, &entries).unwrap();
        assert!(write(&archive, &entries).is_err(), "it is there");
        let mut bundle = Bundle::open(&archive).unwrap();
        assert_eq!(bundle.size().unwrap(), 600_000);
        bundle.verify().unwrap();
        let to = place.path().join("to");
        fs::create_dir(&to).unwrap();
        bundle.extract(&to).unwrap();
        assert_eq!(
            fs::read(to.join("b/c")).unwrap(),
            fs::read(&source).unwrap()
        );
        let mut bytes = fs::read(&archive).unwrap();
        bytes[1000] ^= 1;
        fs::write(&archive, &bytes).unwrap();
        let err = Bundle::open(&archive).unwrap().verify().unwrap_err();
        assert!(
            err.to_string().contains("a is not what was packed"),
            "{err}"
        );
        bytes.truncate(bytes.len() / 2);
        fs::write(&archive, &bytes).unwrap();
        assert!(Bundle::open(&archive).is_err());
    }

    #[test]
    fn names_stay_inside_the_folder() {
        assert!(is_plain("morelia.db") && is_plain("files/ab/cd.bin"));
        for name in ["", "/etc/passwd", "../x", "a/../../x", "a/"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
