//! What the writer does when it has time: it checks for changes by other processes, indexes text, tries
//! a disk that failed, and copies the write-ahead log into the file.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Job, Writer, data_version};
use crate::store::connection::BUSY_TIMEOUT;
use crate::store::error::StoreError;
use crate::store::paths::folder_of;
use crate::store::tx::View;
use crate::store::{properties, search};

/// How often the writer checks for work that it has put off and, after the log was written to, for
/// changes by other processes.
pub(super) const IDLE_TICK: Duration = Duration::from_millis(200);

/// The same while the full-text index is being rebuilt: other writes come first, and then it goes on at once.
const REBUILD_TICK: Duration = Duration::from_millis(2);

/// How long the writer keeps polling after the log was written to: longer than a commit takes from its
/// first write until others see it, even where syncs are slow.
pub(super) const AWAKE: Duration = Duration::from_secs(5);

/// How often the writer polls when there is nothing to do and the system reports writes. If the
/// system misses one, changes by others are found after this time.
const REST_TICK: Duration = Duration::from_mins(1);

/// Pages in the write-ahead log at which it is copied into the file: 8 MiB.
const CHECKPOINT_PAGES: u32 = 2048;

/// Pages in the write-ahead log at which it is emptied, and not only copied: 32 MiB.
const LONG_LOG_PAGES: u32 = 4 * CHECKPOINT_PAGES;

/// The shortest time between two attempts to empty the log of deleted text.
const SCRUB_INTERVAL: Duration = Duration::from_secs(1);

/// How long emptying the log waits for readers; it is retried later.
const CHECKPOINT_PATIENCE: Duration = Duration::from_millis(20);

/// The shortest time between two attempts to copy the log into the file, after one has failed.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(1);

/// How often the writer tries whether writing works again, while it does not.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// The maximum number of messages that are put into the full-text index at once.
const INDEX_CHUNK: i64 = 200;

/// The same while the index is being rebuilt. A write waits no longer than this takes.
const REBUILD_CHUNK: i64 = 500;

/// The free space below which a full disk still counts as full: a few more messages would fill it.
const ROOM_BYTES: u64 = 1 << 20;

impl Writer {
    /// Returns whether work was put off.
    pub(super) fn has_chores(&self) -> bool {
        self.indexing.is_due
            || self.indexing.is_rebuilding
            || self.scrub
            || !self.shared.writable.load(Ordering::Relaxed)
            || self.shared.stuck.load(Ordering::Relaxed)
            || self.wal_pages.load(Ordering::Relaxed) >= CHECKPOINT_PAGES
    }

    /// Returns whether the disk has room for more than the small write that has just succeeded.
    pub(super) fn has_room(&self) -> bool {
        let Some(path) = self.conn.path() else {
            return true;
        };
        let found = rustix::fs::statvfs(folder_of(Path::new(path)));
        found.map_or(true, |disk| {
            disk.f_bavail.saturating_mul(disk.f_frsize) >= ROOM_BYTES
        })
    }

    /// Returns how long to wait for an order before checking for other work.
    pub(super) fn tick(&self) -> Duration {
        let is_told = self.watch.as_ref().is_some_and(|watch| !watch.is_deaf());
        if self.indexing.is_rebuilding {
            REBUILD_TICK
        } else if is_told && !self.has_chores() && Instant::now() >= self.awake_until {
            REST_TICK
        } else {
            IDLE_TICK
        }
    }

    /// Does what can wait: checks for changes by other processes, indexes text, empties the log.
    pub(super) fn idle(&mut self) {
        match data_version(&self.conn) {
            Ok(version) if version == self.data_version => {}
            Ok(_) => self.do_now(Vec::new()),
            Err(err) => self.note_failure(&err),
        }
        if self.indexing.is_due {
            self.indexing.is_due = false;
            self.keep_index();
        }
        let is_writable = self.shared.writable.load(Ordering::Relaxed);
        if !is_writable && self.probed_at.elapsed() >= PROBE_INTERVAL {
            self.probed_at = Instant::now();
            self.probe();
        }
        self.checkpoint_when_due();
    }

    /// Brings the full-text index closer to the messages. A failure here makes nothing else fail. Returns
    /// whether it can go on.
    pub(super) fn keep_index(&mut self) -> bool {
        match self.step_index() {
            Ok(()) => return true,
            Err(StoreError::SearchDamaged(what)) => {
                log::error!("the search index is damaged and will be rebuilt: {what}");
                match search::mark_unusable(&View::new(&self.conn)) {
                    Ok(()) => {
                        self.indexing.is_due = true;
                        return true;
                    }
                    Err(err) => self.note_failure(&err),
                }
            }
            Err(StoreError::Busy) => self.indexing.is_due = true,
            Err(err @ (StoreError::Unwritable(_) | StoreError::SyncFailed(_))) => {
                self.note_failure(&err);
            }
            Err(err) => log::error!("the search index cannot be kept: {err}"),
        }
        false
    }

    fn step_index(&mut self) -> Result<(), StoreError> {
        let state = search::state(&View::new(&self.conn))?;
        if state.indexed.is_none() {
            log::info!("rebuilding the search index");
            search::recreate(&self.conn)?;
            self.indexing.is_rebuilding = true;
            self.indexing.is_due = true;
            return Ok(());
        }
        let chunk = if state.is_ready() {
            INDEX_CHUNK
        } else {
            REBUILD_CHUNK
        };
        let step = search::step(&self.conn, chunk)?;
        self.scrub |= step.has_removed;
        self.indexing.is_due |= step.is_behind;
        self.indexing.is_rebuilding = step.is_behind && !state.is_ready();
        if !state.is_ready() && !step.is_behind {
            log::info!("the search index is complete again");
        }
        Ok(())
    }

    /// Removes outdated text from the index, before the file is closed.
    pub(super) fn forget_outdated(&mut self) {
        while matches!(search::has_outdated(&View::new(&self.conn)), Ok(true)) {
            if !self.keep_index() {
                return;
            }
        }
    }

    /// Writes something small, so that a disk that works again is noticed before a user tries to write.
    fn probe(&mut self) {
        let job: Job = Box::new(|tx| {
            let result =
                tx.and_then(|tx| properties::set_number(tx, properties::PROBED_AT, tx.now().0));
            (result.is_ok(), Box::new(drop))
        });
        // Once this succeeds, what could not be indexed meanwhile is indexed.
        self.indexing.is_due = true;
        self.do_now(vec![job]);
    }

    pub(super) fn checkpoint_when_due(&mut self) {
        let now = Instant::now();
        if now < self.checkpoint_from {
            return;
        }
        let pages = self.wal_pages.load(Ordering::Relaxed);
        let result = if pages >= LONG_LOG_PAGES {
            // A reader was active for long; the file shrinks without waiting for a write.
            self.checkpoint("TRUNCATE")
        } else if self.scrub && self.scrubbed_at.elapsed() >= SCRUB_INTERVAL {
            self.scrubbed_at = now;
            self.checkpoint("TRUNCATE")
                .inspect(|complete| self.scrub = !complete)
        } else if pages >= CHECKPOINT_PAGES {
            self.checkpoint("PASSIVE")
        } else {
            return;
        };
        match result {
            Ok(complete) => {
                if !complete {
                    // A reader still uses an older state; trying at every commit does not help.
                    self.checkpoint_from = now + CHECKPOINT_PAUSE;
                }
                if self.shared.stuck.swap(false, Ordering::Relaxed) {
                    log::info!("the write-ahead log can be copied into the file again");
                }
            }
            Err(err @ (StoreError::SyncFailed(_) | StoreError::Damaged(_))) => {
                self.note_failure(&err);
            }
            Err(err) => {
                self.checkpoint_from = now + CHECKPOINT_PAUSE;
                // Writes go into the log, and can go on as long as it can grow.
                if !self.shared.stuck.swap(true, Ordering::Relaxed) {
                    log::error!(
                        "{err}; the write-ahead log grows until it can be copied into the file"
                    );
                }
            }
        }
    }

    /// Copies the log into the file. Returns whether all of it was copied.
    pub(super) fn checkpoint(&self, mode: &str) -> Result<bool, StoreError> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        // A backup reads one state for long; writes must not wait for it, but emptying the log can.
        self.conn.busy_timeout(CHECKPOINT_PATIENCE)?;
        let result = self
            .conn
            .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        self.conn.busy_timeout(BUSY_TIMEOUT)?;
        let (busy, pages, copied): (i64, i64, i64) = result?;
        let complete = busy == 0 && pages == copied;
        if complete {
            self.wal_pages.store(0, Ordering::Relaxed);
        }
        Ok(complete)
    }
}
