//! The pages of a database file with its write-ahead log, as they are on the disk, whatever they contain.
//!
//! The engine refuses a file whose first page, length or log is damaged; this code does not.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::store::error::StoreError;
use crate::store::paths::{file_error, with_suffix};
use crate::store::wal::{Log, USUAL_PAGE};

/// A file and its log.
pub(super) struct Image {
    file: File,
    log: Option<File>,
    /// The pages that are newer in the log, with their offsets.
    newer: HashMap<u32, u64>,
    page_size: usize,
    pages: u32,
    /// The distance between two pages of the page map; 0: there is no map.
    map_every: u32,
}

impl Image {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = |source| file_error(path, source);
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let page_size = page_size(&file);
        let log = File::open(with_suffix(path, "-wal")).ok();
        let frames = log.as_ref().map(|log| Log::read(log, page_size));
        let newer = frames.map(|log| log.newest).unwrap_or_default();
        let in_file = u32::try_from(length.div_ceil(page_size as u64)).unwrap_or(u32::MAX);
        // The log adds at most as many pages as it contains, whatever a damaged number in it says.
        let most = in_file.saturating_add(u32::try_from(newer.len()).unwrap_or(u32::MAX));
        let in_log = newer.keys().max().copied().unwrap_or(0).min(most);
        let mut image = Self {
            pages: in_file.max(in_log),
            file,
            log,
            newer,
            page_size,
            map_every: 0,
        };
        let largest_root = image
            .page(1)
            .and_then(|page| page.get(52..56).map(|it| it != [0; 4]));
        if largest_root == Some(true) {
            // The map page itself, and five bytes in it for each page.
            image.map_every = u32::try_from(page_size / 5 + 1).unwrap_or(0);
        }
        Ok(image)
    }

    /// Returns whether a page belongs to the page map, which contains no user data.
    pub(super) fn is_map(&self, number: u32) -> bool {
        self.map_every > 0 && number >= 2 && (number - 2).is_multiple_of(self.map_every)
    }

    /// Returns how many pages there are; they are numbered from 1.
    pub(super) fn pages(&self) -> u32 {
        self.pages
    }

    /// Returns a page; bytes beyond the end of the file are zero.
    pub(super) fn page(&self, number: u32) -> Option<Vec<u8>> {
        if number == 0 || number > self.pages {
            return None;
        }
        let mut page = vec![0; self.page_size];
        if let (Some(log), Some(offset)) = (&self.log, self.newer.get(&number)) {
            log.read_exact_at(&mut page, *offset).ok()?;
        } else {
            let offset = u64::from(number - 1) * self.page_size as u64;
            read_up_to(&self.file, &mut page, offset)?;
        }
        Some(page)
    }
}

/// Reads as many bytes as there are.
fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> Option<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(length) => done += length,
            Err(err) if err.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(done)
}

fn page_size(file: &File) -> usize {
    let mut header = [0; 18];
    let size = match file.read_exact_at(&mut header, 0) {
        Ok(()) => usize::from(u16::from_be_bytes([header[16], header[17]])),
        Err(_) => 0,
    };
    if size >= 512 && size.is_power_of_two() {
        size
    } else {
        USUAL_PAGE
    }
}

/// The pages that have been visited.
#[derive(Debug, Default)]
pub(super) struct Seen(HashSet<u32>);

impl Seen {
    /// Marks a page as visited; returns false if it was visited before.
    pub(super) fn take(&mut self, page: u32) -> bool {
        self.0.insert(page)
    }

    pub(super) fn has(&self, page: u32) -> bool {
        self.0.contains(&page)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::store::wal::tests::logged;

    #[test]
    fn pages_are_those_that_the_engine_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        logged(&path);
        let image = Image::open(&path).unwrap();
        let pages: Vec<u8> = (1..=image.pages())
            .flat_map(|number| image.page(number).unwrap())
            .collect();
        let conn = Connection::open(&path).unwrap();
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .unwrap();
        drop(conn);
        assert!(pages == std::fs::read(&path).unwrap());
    }
}
