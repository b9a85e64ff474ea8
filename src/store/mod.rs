//! The database file: all SQL of the program is in this module.
//!
//! [`Store`] is a handle that can be cloned. [`Store::read`] runs a function on one consistent
//! state of the file, [`Store::write`] runs one inside a transaction of the single writer. Both take
//! functions of the caller, so that a permission check and the write that it permits see the same
//! state. The functions that they call (`users::…`, `messages::…`) are here, in one file per noun.
//!
//! What does not belong here: rules about who may do what (see [`crate::service`]).

pub mod about;
pub mod accounts;
pub mod archives;
pub mod around;
pub mod attachments;
pub mod audit;
pub mod backup;
pub mod backup_files;
pub mod blocks;
pub mod bot_commands;
pub mod bots;
pub mod compact;
mod connection;
pub mod credentials;
mod damage;
pub mod details;
pub mod downloads;
mod error;
pub mod events;
pub mod expiry;
pub mod exports;
pub mod files;
pub mod flow_admin;
pub mod flow_counts;
pub mod flow_edits;
pub mod flows;
pub mod folder;
pub mod follower;
pub mod gaps;
mod history;
pub mod hooks;
pub mod imports;
pub mod invitations;
mod lane;
pub mod localparts;
mod lock;
pub mod log;
pub mod marks;
pub mod members;
pub mod membership;
pub mod message_parts;
pub mod messages;
mod migrations;
pub mod names;
pub mod news;
pub mod outgoing;
pub mod overview;
pub mod own;
mod pace;
mod paths;
pub mod picked;
pub mod pins;
pub mod polls;
pub mod properties;
pub mod push;
pub mod python;
pub mod reactions;
mod readers;
pub mod receipts;
mod recovery;
pub mod removal;
pub mod repair;
pub mod resets;
pub mod retention;
pub mod room_account;
mod room_contents;
pub mod room_devices;
mod room_edits;
pub mod room_event;
pub mod room_events;
pub mod room_keeper;
pub mod room_leaving;
pub mod room_levels;
pub mod room_log;
pub mod room_marks;
pub mod room_media;
pub mod room_names;
pub mod room_parts;
pub mod room_pins;
pub mod room_polls;
pub mod room_relations;
pub mod room_renewals;
pub mod room_standing;
pub mod rooms;
pub mod salvage;
mod schema;
pub mod search;
pub mod seen;
pub mod sessions;
mod set_up;
pub mod settings;
pub mod shelf;
pub mod statistics;
pub mod times;
mod tx;
pub mod txns;
pub mod unheard;
pub mod upkeep;
pub mod uploads;
pub mod user_admin;
pub mod users;
mod uuids;
mod wal;
mod writer;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{oneshot, watch};

pub use connection::Durability;
pub use damage::Damage;
pub use error::StoreError;
pub use lock::ServerLock;
pub use migrations::copy_to_go_back_to;
pub use paths::{files_of, require};
pub use schema::newest as newest_schema;
pub use tx::{Said, Tx, View};
pub use writer::{Committed, Sink};

use crate::model::{Timestamp, UserId};
use folder::Folder;
use paths::{create_private, file_error};
use readers::Readers;
use uuids::Uuids;
use writer::{Job, Order, Queued, Shared, Writer};

/// The maximum number of writes that may wait for the writer; more are refused as overload.
const MAX_QUEUED: usize = 4096;

/// The options for opening a file.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the file is.
    pub path: PathBuf,
    /// What an acknowledged write survives.
    pub durability: Durability,
}

/// How much a write changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// A few rows: it is committed together with other writes.
    Usual,
    /// Many rows, written for this user: it waits for its turn, so that other writes need not wait for it.
    Large(UserId),
}

/// A handle to the open file.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    folder: Folder,
    orders: Mutex<Option<Arc<SyncSender<Order>>>>,
    readers: Readers,
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Creates the file (mode 0600) and its schema if there is none, and migrates an older file.
    /// Returns the path of the copy that was made before a migration.
    ///
    /// # Errors
    /// The file cannot be created, belongs to another program, is damaged or is too new.
    pub fn prepare(path: &Path) -> Result<Option<PathBuf>, StoreError> {
        require_sound_engine()?;
        create_private(path)?;
        connection::require_leave(path)?;
        let work = || {
            // The file is checked before it is opened for writing, which would change another program's file.
            schema::examine(&connection::open_reader(path)?, path)?;
            let mut conn = connection::open_writer(path, Durability::Full)?;
            recovery::renew_log(&conn, path)?;
            migrations::migrate(&mut conn, path, &schema::known())
        };
        work().map_err(|err: StoreError| err.of(path))
    }

    /// Refuses a file that a server cannot work with: one that it may not write to, one that is
    /// empty and, if `thoroughly`, one whose data is damaged. Returns what can be [repaired](Self::mend).
    /// Writes nothing.
    ///
    /// # Errors
    /// The reason why the file is refused.
    pub fn examine(path: &Path, thoroughly: bool) -> Result<Damage, StoreError> {
        connection::require_leave(path)?;
        if std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
            return Err(StoreError::Emptied(path.to_owned()));
        }
        if !thoroughly {
            return Ok(Damage::default());
        }
        Self::damage(path)?
            .require_data()
            .map_err(|err| err.of(path))
    }

    /// Refuses a write-ahead log that is damaged in the middle. A power cut does not cause that if every
    /// commit is synced. Only the process that holds the lock may call this.
    ///
    /// # Errors
    /// The log is damaged.
    pub fn examine_log(options: &Options) -> Result<(), StoreError> {
        if options.durability == Durability::Normal {
            return Ok(());
        }
        connection::require_whole_log(&options.path).map_err(|err| err.of(&options.path))
    }

    /// Opens a file that has been [prepared](Self::prepare). Committed changes go to `sink`.
    ///
    /// # Errors
    /// There is no file, or it is not one that this program can read.
    pub fn open(options: &Options, sink: Sink) -> Result<Self, StoreError> {
        require_sound_engine()?;
        let path = &options.path;
        paths::require(path)?;
        let conn = connection::open_writer(path, options.durability)?;
        schema::require_current(&conn, path)?;
        let shared = Arc::new(Shared::new());
        let (sender, orders) = sync_channel(MAX_QUEUED);
        let sender = Arc::new(sender);
        // The writer ends with the last strong sender, so this must be a weak one.
        let watching = Arc::downgrade(&sender);
        let told = move || {
            // A writer with a full queue checks anyway.
            let _ = watching.upgrade().map(|it| it.try_send(Order::Look));
        };
        let uuids = Arc::new(Uuids::default());
        let writer = Writer::new(conn, Arc::clone(&uuids), Arc::clone(&shared), sink, told)?;
        let failed = shared.failed.clone();
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                let _guard = TellsOfPanic(failed);
                writer.run(&orders);
            })
            .map_err(|source| file_error(path, source))?;
        let inner = Inner {
            path: path.clone(),
            folder: Folder::of(path),
            orders: Mutex::new(Some(sender)),
            readers: Readers::new(path.clone(), uuids),
            shared,
            writer: Mutex::new(Some(thread)),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Returns the folder beside the file that holds the large files.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.inner.folder
    }

    /// Runs `work` on one consistent state of the file, off the async threads.
    ///
    /// # Errors
    /// The error of `work`, or the reason why the file could not be read.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.inner.readers.read(work).await
    }

    /// Runs `work` inside a transaction. Returns `Ok` when the write is on disk; if `work` fails, nothing
    /// that it did remains. Dropping the future does not stop the write.
    ///
    /// # Errors
    /// The error of `work`, or the reason why the file could not be written.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.write_sized(Size::Usual, work).await
    }

    /// Runs `work` like [`write`](Self::write); a large write does not make other writes wait for it.
    ///
    /// # Errors
    /// The error of `work`, or the reason why the file could not be written.
    pub async fn write_sized<T, E, F>(&self, size: Size, work: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel::<Result<T, E>>();
        let job: Job = Box::new(move |tx| {
            let result = tx.map_err(E::from).and_then(work);
            let keep = result.is_ok();
            let finish = move |committed: Result<(), StoreError>| {
                let result = result.and_then(|value| committed.map(|()| value).map_err(E::from));
                // The caller may be gone; the write stays committed all the same.
                drop(reply.send(result));
            };
            (keep, Box::new(finish))
        });
        self.enqueue(Queued { job, size })?;
        // A write that panics drops its reply.
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Panicked.into()))
    }

    /// Brings the full-text index up to the last message, unless it is being rebuilt.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub async fn index_all(&self) -> Result<(), StoreError> {
        /// Rounds without progress (on a full disk, for example) after which the index stays behind.
        const PATIENCE: u32 = 3;
        let mut seen = None;
        let mut rounds = 0;
        while rounds < PATIENCE {
            let pending = self.read(search::pending).await?;
            if pending.is_none() {
                break;
            }
            rounds = if pending == seen { rounds + 1 } else { 0 };
            seen = pending;
            // The writer does this, between other writes and in a transaction of its own.
            self.write(|tx| {
                tx.index_now();
                Ok::<_, StoreError>(())
            })
            .await?;
        }
        Ok(())
    }

    fn enqueue(&self, queued: Queued) -> Result<(), StoreError> {
        let orders = self
            .inner
            .orders
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let sender = orders.as_ref().ok_or(StoreError::Closed)?;
        sender
            .try_send(Order::Write(queued))
            .map_err(|err| match err {
                TrySendError::Full(_) => StoreError::Overloaded,
                TrySendError::Disconnected(_) => StoreError::Closed,
            })
    }

    /// Returns the present time; while the clock is obviously wrong, the time of the last change.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.shared.now()
    }

    /// Returns the latest time for which a read that begins afterwards sees every earlier change.
    #[must_use]
    pub fn settled_until(&self) -> Timestamp {
        self.inner.shared.settled_until()
    }

    /// Returns whether the last write succeeded, as far as disk and permissions are concerned.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.inner.shared.writable.load(Ordering::Relaxed)
    }

    /// Returns whether the write-ahead log cannot be copied into the file at present.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.inner.shared.stuck.load(Ordering::Relaxed)
    }

    /// Changes to a reason when the process has to end, because the state of the disk is unknown or the
    /// writer is gone.
    #[must_use]
    pub fn failed(&self) -> watch::Receiver<Option<String>> {
        self.inner.shared.failed.subscribe()
    }

    /// Commits the queued writes, empties the write-ahead log and ends the writer. Blocks.
    pub fn close(&self) {
        // The last connection to close removes the write-ahead log, if it can write.
        self.inner.readers.close();
        let sender = self
            .inner
            .orders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(sender);
        let thread = self
            .inner
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            ::log::error!("the writer ended with a panic");
        }
    }
}

/// Reports that the writer has died; a server without a writer must not look healthy.
struct TellsOfPanic(watch::Sender<Option<String>>);

impl Drop for TellsOfPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0
                .send_replace(Some("the database writer stopped".into()));
        }
    }
}

/// Refuses the SQLite versions with the WAL-reset bug, 3.7.0 to 3.51.2.
fn require_sound_engine() -> Result<(), StoreError> {
    /// 3.51.3, the first version without the bug.
    const FIRST_SOUND: i32 = 3_051_003;
    if rusqlite::version_number() < FIRST_SOUND {
        return Err(StoreError::OldEngine(rusqlite::version().into()));
    }
    Ok(())
}
