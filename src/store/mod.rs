//! The file: the only SQL of the program.
//!
//! [`Store`] is a handle that can be cloned. [`Store::read`] runs a function on one consistent
//! state of the file, [`Store::write`] runs one inside a transaction of the only writer; both take
//! functions of the caller, so that a check of rights and the write that it permits see the same
//! state. What those functions call (`users::…`, `messages::…`) lives in one file per noun here.
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

/// Writes that may wait for the writer; more are refused as overload.
const MAX_QUEUED: usize = 4096;

/// How to open a file.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is.
    pub path: PathBuf,
    /// What an answered write survives.
    pub durability: Durability,
}

/// How much a write touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// A few rows: it is committed together with others.
    Usual,
    /// Many, for this user: it waits for its turn, so that others need not wait for it.
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
    /// Makes the file (0600) and its schema where there is none, and brings an older one up to
    /// date. Returns where the copy made before a migration is.
    ///
    /// # Errors
    /// The file cannot be made, belongs to another program, is damaged or is too new.
    pub fn prepare(path: &Path) -> Result<Option<PathBuf>, StoreError> {
        require_sound_engine()?;
        create_private(path)?;
        connection::require_leave(path)?;
        let work = || {
            // Looked at before it is opened for writing, which would change another program's file.
            schema::examine(&connection::open_reader(path)?, path)?;
            let mut conn = connection::open_writer(path, Durability::Full)?;
            recovery::renew_log(&conn, path)?;
            migrations::migrate(&mut conn, path, &schema::known())
        };
        work().map_err(|err: StoreError| err.of(path))
    }

    /// Refuses a file that a server cannot work with: one that it may not write to, one that has
    /// been emptied, one whose data is damaged, if `thoroughly`. Returns what can be [mended](Self::mend).
    /// Writes nothing.
    ///
    /// # Errors
    /// What is wrong with it.
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

    /// Refuses a write-ahead log that is damaged within, which no power cut does to one whose every
    /// commit is synced. Only to be asked by who has the lock.
    ///
    /// # Errors
    /// It is damaged.
    pub fn examine_log(options: &Options) -> Result<(), StoreError> {
        if options.durability == Durability::Normal {
            return Ok(());
        }
        connection::require_whole_log(&options.path).map_err(|err| err.of(&options.path))
    }

    /// Opens a file that has been [prepared](Self::prepare); what is committed goes to `sink`.
    ///
    /// # Errors
    /// There is no file, or it is not one that this program reads.
    pub fn open(options: &Options, sink: Sink) -> Result<Self, StoreError> {
        require_sound_engine()?;
        let path = &options.path;
        paths::require(path)?;
        let conn = connection::open_writer(path, options.durability)?;
        schema::require_current(&conn, path)?;
        let shared = Arc::new(Shared::new());
        let (sender, orders) = sync_channel(MAX_QUEUED);
        let sender = Arc::new(sender);
        // The writer ends with the last sender, which this must not be.
        let watching = Arc::downgrade(&sender);
        let told = move || {
            // A writer with a full queue looks anyway.
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

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The folder beside the file, in which large files lie.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.inner.folder
    }

    /// Runs `work` on one consistent state of the file, off the async threads.
    ///
    /// # Errors
    /// What `work` returns, or why the file could not be read.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.inner.readers.read(work).await
    }

    /// Runs `work` inside a transaction; `Ok` comes back when it is on disk, and when `work` fails
    /// nothing that it did remains. Dropping the future does not stop the write.
    ///
    /// # Errors
    /// What `work` returns, or why the file could not be written.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.write_sized(Size::Usual, work).await
    }

    /// The same, of a write that may be so large that others must not wait for it.
    ///
    /// # Errors
    /// What `work` returns, or why the file could not be written.
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
                // Who asked may have hung up; the write stands all the same.
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

    /// Brings the full-text index up to the last message, unless it is being made anew.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub async fn index_all(&self) -> Result<(), StoreError> {
        /// Rounds without progress, on a full disk for example, after which it stays behind.
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
            // The writer does it, between other writes and in a transaction of its own.
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

    /// The present time; that of the last change, while the clock shows one that cannot be.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.shared.now()
    }

    /// The latest time of which a read that begins afterwards sees every change before it.
    #[must_use]
    pub fn settled_until(&self) -> Timestamp {
        self.inner.shared.settled_until()
    }

    /// Tells whether the last write succeeded, as far as disk and permissions go.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.inner.shared.writable.load(Ordering::Relaxed)
    }

    /// Tells whether what is in the write-ahead log can be copied into the file.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.inner.shared.stuck.load(Ordering::Relaxed)
    }

    /// Changes to a reason when the process has to end, since what the disk holds is unknown or the
    /// writer is gone.
    #[must_use]
    pub fn failed(&self) -> watch::Receiver<Option<String>> {
        self.inner.shared.failed.subscribe()
    }

    /// Lets queued writes commit, empties the write-ahead log and ends the writer. Blocks.
    pub fn close(&self) {
        // The last connection to close takes the write-ahead log with it, if it can write.
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

/// Tells that the writer has died; a server without one must not look healthy.
struct TellsOfPanic(watch::Sender<Option<String>>);

impl Drop for TellsOfPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0
                .send_replace(Some("the database writer stopped".into()));
        }
    }
}

/// Refuses the versions with the WAL-reset bug, 3.7.0 to 3.51.2.
fn require_sound_engine() -> Result<(), StoreError> {
    /// 3.51.3, the first version without it.
    const FIRST_SOUND: i32 = 3_051_003;
    if rusqlite::version_number() < FIRST_SOUND {
        return Err(StoreError::OldEngine(rusqlite::version().into()));
    }
    Ok(())
}
