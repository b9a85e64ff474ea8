//! Removing files, and overwriting them first if requested.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::super::error::StoreError;
use super::super::paths::file_error;

/// The zeros that are written at once.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// The speed of overwriting, which is limited so that requests of users come first.
const BYTES_PER_SECOND: u64 = 8 << 20;

/// Removes a file. A missing file is no error.
pub(super) fn remove(path: &Path, overwrite: bool) -> Result<(), StoreError> {
    let failed = |source| file_error(path, source);
    if overwrite && let Ok(file) = fs::OpenOptions::new().write(true).open(path) {
        zero(&file).map_err(failed)?;
    }
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(failed(source)),
        _ => Ok(()),
    }
}

/// Overwrites a file unless it has another hard link: then a backup shares its bytes, which must remain.
fn zero(mut file: &File) -> io::Result<()> {
    let found = file.metadata()?;
    if found.nlink() > 1 {
        return Ok(());
    }
    let begun = Instant::now();
    let mut written = 0;
    while written < found.len() {
        let left = usize::try_from(found.len() - written).unwrap_or(usize::MAX);
        let zeros = ZEROS.get(..ZEROS.len().min(left)).unwrap_or(&ZEROS);
        file.write_all(zeros)?;
        written += zeros.len() as u64;
        let due = Duration::from_millis(written * 1000 / BYTES_PER_SECOND);
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
    }
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overwritten_is_zeros_and_takes_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, vec![7; 1 << 20]).unwrap();
        let begun = Instant::now();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        zero(&file).unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(100));
        assert!(fs::read(&path).unwrap() == vec![0; 1 << 20]);
    }

    #[test]
    fn what_a_backup_shares_stays_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["file", "backup"].map(|name| folder.path().join(name));
        fs::write(&path, "content").unwrap();
        fs::hard_link(&path, &other).unwrap();
        remove(&path, true).unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read(&other).unwrap(), b"content");
    }
}
