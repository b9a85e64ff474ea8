//! Reading a write-ahead log without the engine, which stops at the first damage.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::paths::with_suffix;

/// The page size in bytes of the files that the program creates.
pub(super) const USUAL_PAGE: usize = 4096;
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// The first bytes of a log; the last bit is the byte order of checksums.
const LOG_MAGIC: u32 = 0x377f_0682;

/// The content of a write-ahead log.
#[derive(Default)]
pub(super) struct Log {
    /// The offset of the newest committed version of each page.
    pub(super) newest: HashMap<u32, u64>,
    /// Whether a later commit follows the commit with a damaged frame: when it was written, that frame was
    /// intact.
    is_damaged_inside: bool,
}

impl Log {
    /// Reads frame by frame. Damaged frames are skipped if the next one continues from them.
    pub(super) fn read(file: &File, page_size: usize) -> Self {
        let mut found = Self::default();
        let mut frame = vec![0; FRAME_HEADER + page_size];
        let Some(Head {
            mut salts,
            is_big_endian,
            mut sum,
        }) = Head::read(file)
        else {
            return found;
        };
        let mut offset = LOG_HEADER as u64;
        let mut uncommitted: Vec<(u32, u64)> = Vec::new();
        let mut commits_since_damage = sum.is_none().then_some(0);
        let mut strange = 0;
        while file.read_exact_at(&mut frame, offset).is_ok() {
            let (head, page) = frame.split_at(FRAME_HEADER);
            let own = (number(head, 8), number(head, 12));
            let is_ours = own == *salts.get_or_insert(own);
            // Either frames of an earlier use of the log follow, or this one has a damaged header.
            strange = if is_ours { 0 } else { strange + 1 };
            if strange > 1 {
                break;
            }
            let stored = (number(head, 16), number(head, 20));
            let is_whole = is_ours
                && sum.is_some_and(|sum| {
                    let counted = checksum(sum, &head[..8], is_big_endian);
                    checksum(counted, page, is_big_endian) == stored
                });
            if is_whole {
                uncommitted.push((number(head, 0), offset + FRAME_HEADER as u64));
            } else if is_ours && sum.is_none() {
                // Only the previous frame could verify this one, and that is damaged.
                uncommitted.push((number(head, 0), offset + FRAME_HEADER as u64));
            } else if commits_since_damage.is_none() {
                commits_since_damage = Some(0);
            }
            if is_ours && number(head, 4) != 0 {
                found.newest.extend(uncommitted.drain(..));
                if let Some(commits) = &mut commits_since_damage {
                    *commits += 1;
                    found.is_damaged_inside |= is_whole && *commits > 1;
                }
            }
            sum = is_ours.then_some(stored);
            offset += frame.len() as u64;
        }
        found
    }
}

/// The values from which the frames of a log continue.
struct Head {
    /// The salts of every frame of the present use of the log.
    salts: Option<(u32, u32)>,
    is_big_endian: bool,
    /// The checksum; `None`: the header is damaged.
    sum: Option<(u32, u32)>,
}

impl Head {
    /// Reads the header; `None`: there is no log.
    fn read(file: &File) -> Option<Self> {
        let mut bytes = [0; LOG_HEADER];
        file.read_exact_at(&mut bytes, 0).ok()?;
        let magic = number(&bytes, 0);
        let is_big_endian = magic & 1 == 1;
        let sum = (number(&bytes, 24), number(&bytes, 28));
        let is_whole =
            magic & !1 == LOG_MAGIC && checksum((0, 0), &bytes[..24], is_big_endian) == sum;
        Some(if is_whole {
            Self {
                salts: Some((number(&bytes, 16), number(&bytes, 20))),
                is_big_endian,
                sum: Some(sum),
            }
        } else {
            Self {
                salts: None,
                is_big_endian: cfg!(target_endian = "big"),
                sum: None,
            }
        })
    }
}

/// Returns whether a write-ahead log is damaged in the middle, which the engine would take for its end:
/// it would lose everything committed after it. With a sync at each commit no power cut leaves such a
/// log. Call this only while no process writes.
pub(super) fn log_is_damaged(database: &Path) -> bool {
    let Ok(log) = File::open(with_suffix(database, "-wal")) else {
        return false;
    };
    // The database itself is not opened: closing it would drop the locks that this process has on it.
    Log::read(&log, USUAL_PAGE).is_damaged_inside
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let mut four = [0; 4];
    four.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(four)
}

/// Continues the log's checksum.
fn checksum((mut one, mut two): (u32, u32), bytes: &[u8], is_big_endian: bool) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let word = |at: usize| {
            let read = number(pair, at);
            if is_big_endian {
                read
            } else {
                read.swap_bytes()
            }
        };
        one = one.wrapping_add(word(0)).wrapping_add(two);
        two = two.wrapping_add(word(4)).wrapping_add(one);
    }
    (one, two)
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;

    use rusqlite::Connection;

    use super::*;

    /// A database with a log of some commits; the bytes of the log, and where each commit ends in it.
    pub(in crate::store) fn logged(path: &Path) -> (Vec<u8>, Vec<usize>) {
        let conn = Connection::open(path).unwrap();
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x);",
        )
        .unwrap();
        let log = with_suffix(path, "-wal");
        let mut ends = Vec::new();
        for n in 0..6 {
            conn.execute("INSERT INTO t VALUES (zeroblob(9000 + ?1))", [n])
                .unwrap();
            ends.push(usize::try_from(fs::metadata(&log).unwrap().len()).unwrap());
        }
        let (kept, file) = (fs::read(&log).unwrap(), fs::read(path).unwrap());
        drop(conn);
        fs::write(path, file).unwrap();
        fs::write(log, &kept).unwrap();
        (kept, ends)
    }

    #[test]
    fn damage_within_a_log_is_told_from_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let (sound, ends) = logged(&path);
        let log = with_suffix(&path, "-wal");
        let is_damaged = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = sound.clone();
            change(&mut bytes);
            fs::write(&log, bytes).unwrap();
            log_is_damaged(&path)
        };
        assert!(!is_damaged(&|_| ()));
        let last = ends[ends.len() - 2];
        for at in (0..sound.len()).step_by(97) {
            // Damage in the last commit looks like that of a power cut.
            assert_eq!(is_damaged(&|log| log[at] ^= 1), at < last, "byte {at}");
            assert!(!is_damaged(&|log| log.truncate(at)), "cut at {at}");
        }
        let frame = FRAME_HEADER + USUAL_PAGE;
        for start in (LOG_HEADER..ends[2]).step_by(frame) {
            assert!(is_damaged(&|log| log[start..start + frame].fill(0)));
        }
        // An earlier use of the log may follow the present one.
        assert!(!is_damaged(&|log| {
            for frame in log[last..].chunks_mut(frame) {
                frame[8..16].fill(7);
            }
        }));
    }
}
