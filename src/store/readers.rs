//! A small pool of read connections, each used on a thread of the blocking pool.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connection;
use super::error::StoreError;
use super::tx::View;
use super::uuids::Uuids;

/// The maximum number of connections, and so of concurrent reads: more than the cores of a small board.
const MAX_READERS: usize = 4;

/// The pool. Connections are opened when they are first needed, and kept.
pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    uuids: Arc<Uuids>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, uuids: Arc<Uuids>) -> Self {
        Self {
            path,
            uuids,
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(MAX_READERS)),
        }
    }

    /// Closes the connections that are not in use.
    pub(super) fn close(&self) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// Runs `work` inside a read transaction.
    ///
    /// # Errors
    /// The error of `work`, or the reason why the file could not be read.
    pub(super) async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let permits = Arc::clone(&self.permits);
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let idle = Arc::clone(&self.idle);
        let path = self.path.clone();
        let uuids = Arc::clone(&self.uuids);
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let pooled = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let conn = match pooled {
                Some(conn) => conn,
                None => connection::open_reader(&path)?,
            };
            let result = in_snapshot(&conn, &uuids, work);
            // A connection that is still in its transaction is not reused.
            if conn.is_autocommit() {
                idle.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(conn);
            }
            result
        });
        task.await
            .unwrap_or_else(|_| Err(StoreError::Panicked.into()))
    }
}

fn in_snapshot<T, E: From<StoreError>>(
    conn: &Connection,
    uuids: &Uuids,
    work: impl FnOnce(&View<'_>) -> Result<T, E>,
) -> Result<T, E> {
    run(conn, "BEGIN")?;
    let result = work(&View::remembering(conn, uuids));
    run(conn, "COMMIT")?;
    result
}

fn run(conn: &Connection, sql: &str) -> Result<(), StoreError> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
}
