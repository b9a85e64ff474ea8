//! Care of the folder beside the database: files without a reference are removed from the disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Service, ServiceError};
use crate::model::{Event, News, PublicId};
use crate::store::statistics::{self, OfFiles};
use crate::store::{StoreError, archives, shelf, uploads};

/// Interval of checks for files to remove if nothing triggers one: expired files are not shown in any
/// case. The interval is shorter if uploads are kept only for a short time.
const LOOK: Duration = Duration::from_mins(10);

/// Minimum number of checks within the time for which uploads are kept.
const LOOKS: u32 = 10;

/// Delay of the first retry after a failure; it doubles after each failure, up to the usual interval.
const AGAIN: Duration = Duration::from_secs(1);

/// Number of files that are removed in one step.
const AT_ONCE: i64 = 100;

/// How long a file must be untouched before it counts as no longer needed.
const UNTOUCHED: Duration = Duration::from_hours(1);

/// Triggers a check of the folder.
#[derive(Debug, Default)]
pub(super) struct Care {
    woken: Notify,
    /// Whether to search for unreferenced files, too.
    is_sweep_due: AtomicBool,
}

/// Removes doomed files, expired uploads and, once at the start, unreferenced files, until the service is
/// gone. Only this task removes files: two would block each other.
pub(super) async fn keep(service: Weak<Service>, care: Arc<Care>) {
    let mut look = Duration::ZERO;
    let mut again = AGAIN;
    loop {
        // In either case it is time to check.
        let _ = tokio::time::timeout(look, care.woken.notified()).await;
        let Some(service) = service.upgrade() else {
            return;
        };
        let kept = service.limits().files.unfinished;
        look = LOOK.min((kept / LOOKS).max(Duration::from_secs(1)));
        let is_done = match service.care().await {
            Ok(is_done) => is_done,
            Err(err) => {
                log::warn!("files that are not needed could not be removed: {err}");
                false
            }
        };
        if is_done {
            again = AGAIN;
        } else {
            look = look.min(again);
            again = LOOK.min(again * 2);
        }
    }
}

impl Service {
    /// Returns the number and size of files.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn count_files(&self) -> Result<OfFiles, ServiceError> {
        self.store
            .read(|view| Ok(statistics::of_files(view)?))
            .await
    }

    /// Triggers a search for files to remove.
    pub(super) fn wake_care(&self) {
        self.care.woken.notify_one();
    }

    /// Does the same if an event may have left such files.
    pub(super) fn note_removals(&self, event: &Event) {
        let may_have = match &event.news {
            News::Message(message) => message.edited_at.is_some(),
            News::User(_) | News::Flow(_) => true,
            _ => false,
        };
        if may_have {
            self.wake_care();
        }
    }

    /// Triggers a search for unreferenced files that have not been touched for a while: those that a
    /// killed process has left.
    pub fn sweep_folder(&self) {
        self.care.is_sweep_due.store(true, Ordering::Relaxed);
        self.wake_care();
    }

    /// Removes what is due. Returns whether that was possible: while a backup needs the files, or while
    /// their folder does not exist, they stay.
    async fn care(&self) -> Result<bool, ServiceError> {
        let is_sweep_due = self.care.is_sweep_due.load(Ordering::Relaxed);
        let due = self.due().await?;
        if !is_sweep_due && !due.any() {
            return Ok(true);
        }
        let folder = self.store.folder().clone();
        if !folder.exists() {
            // The folder may be on a disk that is not mounted: the records stay.
            let is_done = !due.files && !is_sweep_due;
            self.remove(Due {
                files: false,
                ..due
            })
            .await?;
            return Ok(is_done);
        }
        let Some(_allowed) = blocking(move || folder.release()).await? else {
            return Ok(false);
        };
        self.remove(due).await?;
        if is_sweep_due {
            let count = self.sweep().await?;
            if count > 0 {
                log::info!("files that nothing names were removed: {count}");
            }
            self.care.is_sweep_due.store(false, Ordering::Relaxed);
        }
        Ok(true)
    }

    async fn due(&self) -> Result<Due, ServiceError> {
        let now = self.store.now();
        self.store
            .read(move |view| {
                Ok::<_, ServiceError>(Due {
                    uploads: uploads::has_expired(view, now)?,
                    archives: archives::has_expired(view, now)?,
                    files: !shelf::doomed(view, 1)?.is_empty(),
                })
            })
            .await
    }

    /// Removes expired uploads and archives, and doomed files.
    async fn remove(&self, due: Due) -> Result<(), ServiceError> {
        if due.archives {
            let removed = self
                .store
                .write(|tx| Ok::<_, ServiceError>(archives::expire(tx)?));
            removed.await?;
        }
        let mut expired = Vec::new();
        if due.uploads {
            expired = self
                .store
                .write(|tx| Ok::<_, ServiceError>(uploads::expire(tx, AT_ONCE)?))
                .await?;
            for id in &expired {
                self.running.forget(*id);
            }
        }
        let mut doomed = Vec::new();
        if due.files {
            doomed = self
                .store
                .read(|view| Ok::<_, ServiceError>(shelf::doomed(view, AT_ONCE)?))
                .await?;
        }
        let is_full = |names: &[PublicId]| i64::try_from(names.len()) == Ok(AT_ONCE);
        let mut is_cut = is_full(&expired);
        let gone = self.remove_files(doomed, expired).await?;
        is_cut |= is_full(&gone);
        if !gone.is_empty() {
            self.store
                .write(move |tx| Ok::<_, ServiceError>(shelf::forget(tx, &gone)?))
                .await?;
        }
        if is_cut {
            self.wake_care();
        }
        Ok(())
    }

    /// Removes files of the folder and parts of uploads. Returns the files that are gone.
    async fn remove_files(
        &self,
        doomed: Vec<PublicId>,
        parts: Vec<PublicId>,
    ) -> Result<Vec<PublicId>, ServiceError> {
        let folder = self.store.folder().clone();
        let overwrite = self.limits().files.overwrite;
        blocking(move || {
            for part in parts {
                folder.remove_part(part, overwrite)?;
            }
            let mut gone = Vec::new();
            for name in doomed {
                match folder.remove(name, overwrite) {
                    Ok(()) => gone.push(name),
                    Err(err) => log::warn!("{err}"),
                }
            }
            Ok(gone)
        })
        .await
    }

    /// Removes unreferenced files. Returns how many there were.
    async fn sweep(&self) -> Result<usize, ServiceError> {
        let folder = self.store.folder().clone();
        let entries = blocking(move || folder.entries(UNTOUCHED)).await?;
        let unnamed = self
            .store
            .read(move |view| {
                let mut unnamed = Vec::new();
                for entry in entries {
                    let is_named = if entry.is_part {
                        uploads::is_unfinished(view, entry.name)?
                    } else {
                        shelf::is_named(view, entry.name)?
                    };
                    if !is_named {
                        unnamed.push(entry);
                    }
                }
                Ok::<_, ServiceError>(unnamed)
            })
            .await?;
        let count = unnamed.len();
        let (parts, files) = unnamed.into_iter().partition::<Vec<_>, _>(|it| it.is_part);
        let names = |entries: Vec<crate::store::folder::Entry>| {
            entries.into_iter().map(|entry| entry.name).collect()
        };
        self.remove_files(names(files), names(parts)).await?;
        Ok(count)
    }
}

/// The kinds of things to remove.
struct Due {
    uploads: bool,
    archives: bool,
    files: bool,
}

impl Due {
    fn any(&self) -> bool {
        self.uploads || self.archives || self.files
    }
}

/// Runs blocking disk work on a thread where no other task has to wait for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, ServiceError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.unwrap_or(Err(StoreError::Panicked))?)
}
