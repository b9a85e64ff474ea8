//! The single writer: takes what is queued, runs each write in a savepoint of its own (unless it is
//! alone), commits once, answers all and passes on what happened.
//!
//! While one commit syncs, the next batch gathers; see `pace` for when the writer waits for more.

mod chores;
mod intake;
mod watch;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::watch::Sender;

use super::Size;
use super::error::StoreError;
use super::lane::Lane;
use super::pace::Pace;
use super::paths::with_suffix;
use super::tx::{Ground, Told, Tx, View};
use super::uuids::Uuids;
use super::{log as stored_log, members, news, room_keeper};
use crate::model::{Event, FlowId, SessionId, Timestamp};
use chores::{AWAKE, IDLE_TICK};
use watch::Watch;

/// The maximum number of writes in one commit; it bounds how long the first of them waits for the last.
const MAX_BATCH: usize = 256;

/// The maximum number of changes by another process that are reported one by one; for more, listeners catch up.
const MAX_OUTSIDE: usize = 1000;

/// A data version that the file never has.
const UNSEEN: i64 = -1;

/// The callback for when it is known whether the write is on disk.
pub(super) type Finish = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A queued write: runs and returns whether to keep the result; or is told why it cannot run.
pub(super) type Job = Box<dyn FnOnce(Result<&Tx<'_>, StoreError>) -> (bool, Finish) + Send>;

/// A write on its way to the writer.
pub(super) struct Queued {
    pub(super) job: Job,
    pub(super) size: Size,
}

/// A message to the writer.
pub(super) enum Order {
    /// A write.
    Write(Queued),
    /// A notice that a process has written to the log.
    Look,
}

impl Order {
    fn job(self) -> Option<Job> {
        match self {
            Self::Write(queued) => Some(queued.job),
            // Every commit checks for changes by others anyway.
            Self::Look => None,
        }
    }
}

/// The changes of a commit, for the hub.
#[derive(Debug, Default)]
pub struct Committed {
    /// The events, in order.
    pub events: Vec<Event>,
    /// Sessions that have ended.
    pub ended: Vec<SessionId>,
    /// Flows whose members have changed.
    pub moved: Vec<FlowId>,
    /// Another process wrote to the file: everything cached from it has to be read again.
    pub outside: bool,
    /// So much happened outside that listeners have to catch up by themselves.
    pub missed: bool,
}

/// The receiver of committed changes.
pub type Sink = Box<dyn Fn(Committed) + Send>;

/// The state of the writer that others can see.
pub(super) struct Shared {
    /// The time of the batch that is being committed; readers must not claim to know later times.
    stamp: Mutex<Option<Timestamp>>,
    /// Cleared while writes fail for lack of space or permission.
    pub(super) writable: AtomicBool,
    /// The time of the last change, in milliseconds.
    last_at: AtomicI64,
    /// Set while the log cannot be copied into the file.
    pub(super) stuck: AtomicBool,
    /// Set once, to the reason why the process has to end.
    pub(super) failed: Sender<Option<String>>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self {
            stamp: Mutex::new(None),
            writable: AtomicBool::new(true),
            last_at: AtomicI64::new(Timestamp::EPOCH.0),
            stuck: AtomicBool::new(false),
            failed: Sender::new(None),
        }
    }

    /// Returns the present time, as far as the clock is plausible.
    pub(super) fn now(&self) -> Timestamp {
        let last = Timestamp(self.last_at.load(Ordering::Relaxed));
        plausible(Timestamp::now(), last)
    }

    fn stamp(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.stamp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the latest time for which a read that begins afterwards sees all earlier changes.
    pub(super) fn settled_until(&self) -> Timestamp {
        let stamp = self.stamp();
        stamp.unwrap_or_else(Timestamp::now)
    }
}

/// The outcome of a batch.
struct Outcome {
    result: Result<Committed, StoreError>,
    /// Whether the file was written to.
    has_written: bool,
    /// The callbacks of the writes that ran.
    finishes: Vec<Finish>,
    /// Writes that did not run, because one before them made the whole batch fail.
    left: Vec<Job>,
}

/// The writer's own state, which lives on its thread.
pub(super) struct Writer {
    conn: Connection,
    shared: Arc<Shared>,
    sink: Sink,
    ground: Ground,
    data_version: i64,
    wal_pages: Arc<AtomicU32>,
    scrub: bool,
    scrubbed_at: Instant,
    /// The time before which no checkpoint is tried.
    checkpoint_from: Instant,
    indexing: Indexing,
    probed_at: Instant,
    pace: Pace,
    /// Reports writes by any process; `None`: the system does not report them.
    watch: Option<Watch>,
    /// Until when the writer polls for changes by others, although the system would report more of them.
    awake_until: Instant,
    large: Lane<Job>,
}

/// The pending work for the full-text index.
#[derive(Debug, Default)]
struct Indexing {
    /// There is some.
    is_due: bool,
    /// A caller waits for it.
    is_awaited: bool,
    /// The index is being rebuilt.
    is_rebuilding: bool,
}

impl Writer {
    /// Creates the writer of an open file. `told` is called when the log is written to.
    pub(super) fn new(
        mut conn: Connection,
        uuids: Arc<Uuids>,
        shared: Arc<Shared>,
        sink: Sink,
        told: impl Fn() + Send + 'static,
    ) -> Result<Self, StoreError> {
        let wal_pages = Arc::new(AtomicU32::new(0));
        let pages = Arc::clone(&wal_pages);
        conn.wal_hook(Some(
            move |_: &mut rusqlite::hooks::Wal, count: std::ffi::c_int| {
                pages.store(u32::try_from(count).unwrap_or(0), Ordering::Relaxed);
                Ok(())
            },
        ))?;
        let (position, last_at) = stored_log::last(&View::new(&conn))?;
        let keeper = room_keeper::keeper(&View::new(&conn))?;
        let data_version = data_version(&conn)?;
        shared.last_at.store(last_at.0, Ordering::Relaxed);
        let log = conn.path().map(|path| with_suffix(Path::new(path), "-wal"));
        // For most of the time in which the writer polls anyway, it needs no notices.
        let pause = AWAKE.saturating_sub(2 * IDLE_TICK);
        let watch = log.and_then(|log| Watch::start(&log, pause, told));
        Ok(Self {
            watch,
            awake_until: Instant::now() + AWAKE,
            conn,
            shared,
            sink,
            ground: Ground::new((position, last_at), uuids, members::ids).keeping(keeper),
            data_version,
            wal_pages,
            scrub: true,
            scrubbed_at: Instant::now(),
            checkpoint_from: Instant::now(),
            indexing: Indexing {
                is_due: true,
                ..Indexing::default()
            },
            probed_at: Instant::now(),
            pace: Pace::default(),
            large: Lane::default(),
        })
    }

    /// Works until all senders are gone, or a sync fails.
    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        let mut batch = Vec::new();
        loop {
            if let Some(job) = self.large.take(Instant::now()) {
                self.run_large(job, &mut batch, orders);
            } else if batch.is_empty() {
                let wait = self.large.wait(Instant::now());
                let tick = self.tick();
                match orders.recv_timeout(wait.unwrap_or(tick).min(tick)) {
                    Ok(Order::Write(queued)) => self.sort(queued, &mut batch),
                    Ok(Order::Look) => {
                        self.awake_until = Instant::now() + AWAKE;
                        self.idle();
                    }
                    Err(RecvTimeoutError::Timeout) if wait.is_some() => {}
                    Err(RecvTimeoutError::Timeout) => self.idle(),
                    Err(RecvTimeoutError::Disconnected) => match self.large.take_any() {
                        Some(job) => self.run_large(job, &mut batch, orders),
                        None => break,
                    },
                }
            }
            if !batch.is_empty() {
                self.gather(&mut batch, orders);
                let began = Instant::now();
                let answered = batch.len();
                let outcome = self.commit(std::mem::take(&mut batch));
                // Taken before any write is answered: these writes came too late for this commit.
                self.take_waiting(&mut batch, orders);
                self.large.note_others(answered, Instant::now());
                self.pace.note(answered, batch.len(), began.elapsed());
                self.answer(outcome);
                if std::mem::take(&mut self.indexing.is_awaited) {
                    self.keep_index();
                }
                self.checkpoint_when_due();
            }
            if self.shared.failed.borrow().is_some() {
                self.refuse(batch, orders);
                return;
            }
        }
        self.forget_outdated();
        if let Err(err) = self.checkpoint("TRUNCATE") {
            log::warn!("the write-ahead log stays as it is: {err}");
        }
    }

    /// Refuses all orders until the store is closed, and leaves the file as it is: the next start has
    /// to find out what is on the disk.
    fn refuse(&mut self, mut batch: Vec<Job>, orders: &Receiver<Order>) {
        let option = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        if let Err(err) = self.conn.set_db_config(option, true) {
            log::error!("the write-ahead log may be copied once more: {err}");
        }
        batch.extend(std::iter::from_fn(|| self.large.take_any()));
        let coming = orders.iter().filter_map(Order::job);
        for job in batch.into_iter().chain(coming) {
            job(Err(StoreError::Closed)).1(Ok(()));
        }
    }

    /// Runs and commits a batch.
    fn commit(&mut self, mut batch: Vec<Job>) -> Outcome {
        let changes_before = self.conn.total_changes();
        let position = self.ground.position.get();
        let mut finishes = Vec::with_capacity(batch.len());
        let mut committed = Committed::default();
        let result = self.run_batch(&mut batch, &mut finishes, &mut committed);
        if result.is_err() {
            // Changes by others were not passed on either; the next batch checks again.
            self.ground.position.set(position);
            self.data_version = UNSEEN;
        }
        *self.shared.stamp() = None;
        let last_at = self.ground.at.get().0;
        self.shared.last_at.store(last_at, Ordering::Relaxed);
        let is_kept = matches!(result, Ok(true));
        Outcome {
            result: result.map(|_| committed),
            has_written: is_kept && self.conn.total_changes() != changes_before,
            finishes,
            left: batch,
        }
    }

    /// Runs and commits the writer's own work.
    fn do_now(&mut self, batch: Vec<Job>) {
        let outcome = self.commit(batch);
        self.answer(outcome);
    }

    /// Answers every write of a batch and passes on what happened.
    fn answer(&mut self, outcome: Outcome) {
        let Outcome {
            result,
            has_written,
            finishes,
            left,
        } = outcome;
        match result {
            Ok(committed) => {
                // A commit that changes nothing writes nothing, and so proves nothing about the disk.
                let is_writable = self.shared.writable.load(Ordering::Relaxed);
                if has_written && !is_writable && self.has_room() {
                    self.shared.writable.store(true, Ordering::Relaxed);
                    log::info!("writing works again");
                }
                // An ended session must be unusable once the write is answered, and new members must
                // be known by then; everything else can wait.
                let mut committed = Some(committed);
                let is_urgent = |it: &mut Committed| !it.ended.is_empty() || !it.moved.is_empty();
                if let Some(urgent) = committed.take_if(is_urgent) {
                    (self.sink)(urgent);
                }
                for finish in finishes {
                    finish(Ok(()));
                }
                if let Some(committed) = committed.filter(|it| !it.events.is_empty() || it.outside)
                {
                    (self.sink)(committed);
                }
            }
            Err(err) => {
                self.ground.forget();
                self.note_failure(&err);
                for finish in finishes {
                    finish(Err(err.repeat()));
                }
                for job in left {
                    job(Err(err.repeat())).1(Ok(()));
                }
            }
        }
    }

    /// Runs a batch in one transaction. Returns whether the transaction was kept.
    fn run_batch(
        &mut self,
        batch: &mut Vec<Job>,
        finishes: &mut Vec<Finish>,
        committed: &mut Committed,
    ) -> Result<bool, StoreError> {
        self.run_sql("BEGIN IMMEDIATE")?;
        let result = self.run_jobs(batch, finishes, committed).and_then(|keep| {
            self.run_sql(if keep { "COMMIT" } else { "ROLLBACK" })?;
            Ok(keep)
        });
        if result.is_err()
            && !self.conn.is_autocommit()
            && let Err(err) = self.conn.execute_batch("ROLLBACK")
        {
            log::error!("rolling back failed: {err}");
        }
        result
    }

    fn run_sql(&self, sql: &str) -> Result<(), StoreError> {
        self.conn.prepare_cached(sql)?.execute([])?;
        Ok(())
    }

    /// Runs the writes of a batch. Returns whether to keep the transaction: it is dropped if a write is
    /// alone in it and fails.
    fn run_jobs(
        &mut self,
        batch: &mut Vec<Job>,
        finishes: &mut Vec<Finish>,
        committed: &mut Committed,
    ) -> Result<bool, StoreError> {
        self.notice_outside(committed)?;
        let now = {
            let mut stamp = self.shared.stamp();
            *stamp.insert(plausible(Timestamp::now(), self.ground.at.get()))
        };
        let is_alone = batch.len() == 1;
        for job in batch.drain(..) {
            if !is_alone {
                self.run_sql("SAVEPOINT job")?;
            }
            let before = self.ground.position.get();
            let tx = Tx::new(&self.conn, now, &self.ground);
            let outcome = catch_unwind(AssertUnwindSafe(|| job(Ok(&tx))));
            let succeeded = matches!(outcome, Ok((true, _)));
            let told = tx.finish(succeeded);
            if let Ok((_, finish)) = outcome {
                finishes.push(finish);
            } else {
                log::error!("a write panicked and was rolled back");
            }
            if self.conn.is_autocommit() {
                // Some failures (a full disk) make SQLite roll everything back by itself.
                return Err(StoreError::Unwritable(
                    "the transaction was rolled back".into(),
                ));
            }
            if !succeeded {
                self.ground.position.set(before);
                if is_alone {
                    return Ok(false);
                }
                self.run_sql("ROLLBACK TO job")?;
            }
            if !is_alone {
                self.run_sql("RELEASE job")?;
            }
            self.take(told, committed);
        }
        Ok(true)
    }

    fn take(&mut self, told: Told, committed: &mut Committed) {
        committed.events.extend(told.events);
        committed.ended.extend(told.ended);
        committed.moved.extend(told.moved);
        self.scrub |= told.scrub;
        self.indexing.is_due |= told.index;
        self.indexing.is_awaited |= told.index_now;
    }

    /// Reads what other processes have written since the last check.
    fn notice_outside(&mut self, committed: &mut Committed) -> Result<(), StoreError> {
        let version = data_version(&self.conn)?;
        if version == self.data_version {
            return Ok(());
        }
        self.data_version = version;
        self.ground.forget();
        committed.outside = true;
        let view = View::new(&self.conn);
        let (last, last_at) = stored_log::last(&view)?;
        let fresh = stored_log::between(&view, self.ground.position.get(), last, MAX_OUTSIDE + 1)?;
        if fresh.len() > MAX_OUTSIDE {
            committed.missed = true;
        } else {
            committed.events.extend(news::events(&view, &fresh)?);
        }
        self.ground.position.set(last);
        self.ground.at.set(last_at.max(self.ground.at.get()));
        self.indexing.is_due = true;
        self.scrub = true;
        Ok(())
    }

    /// Reacts to a failed commit.
    fn note_failure(&self, err: &StoreError) {
        match err {
            StoreError::SyncFailed(_) | StoreError::Damaged(_) => {
                log::error!("{err}; stopping, so that a restart recovers what was acknowledged");
                self.shared.failed.send_replace(Some(err.to_string()));
            }
            StoreError::Unwritable(_) => {
                if self.shared.writable.swap(false, Ordering::Relaxed) {
                    log::error!("{err}; serving reads only until writing works again");
                }
            }
            _ => log::warn!("{err}"),
        }
    }
}

/// A clock that shows a time before this program was written is wrong (a Pi starts in 1970): the
/// time of the last change is closer to the truth.
fn plausible(now: Timestamp, last: Timestamp) -> Timestamp {
    if now.can_be_now() { now } else { now.max(last) }
}

fn data_version(conn: &Connection) -> Result<i64, StoreError> {
    let mut statement = conn.prepare_cached("PRAGMA data_version")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}
