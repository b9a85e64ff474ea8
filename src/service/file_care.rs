//! Care of the folder beside the database: what nothing names any more is removed from the disk.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Service, ServiceError};
use crate::model::{Event, News, PublicId};
use crate::store::statistics::{self, OfFiles};
use crate::store::{StoreError, archives, shelf, uploads};

/// How often it is looked whether there is something to remove, when nobody has said so: what has
/// expired is no longer shown in any case. More often where uploads are kept only for a short time.
const LOOK: Duration = Duration::from_mins(10);

/// How many looks fall into the time for which uploads are kept, at least.
const LOOKS: u32 = 10;

/// How soon it is tried again after it failed: at first, and twice as late after each failure, up to
/// the time of a usual look.
const AGAIN: Duration = Duration::from_secs(1);

/// Files removed at one go.
const AT_ONCE: i64 = 100;

/// How long a file must not have been touched before it is taken for one that nobody needs.
const UNTOUCHED: Duration = Duration::from_hours(1);

/// Removes files that are doomed and uploads that have expired, until the service is gone.
pub(super) async fn keep(service: Weak<Service>, woken: Arc<Notify>) {
    let mut look = Duration::ZERO;
    let mut again = AGAIN;
    loop {
        // Either way it is time to look.
        let _ = tokio::time::timeout(look, woken.notified()).await;
        let Some(service) = service.upgrade() else {
            return;
        };
        let kept = service.limits().files.unfinished;
        look = LOOK.min((kept / LOOKS).max(Duration::from_secs(1)));
        if let Err(err) = service.remove_doomed().await {
            log::warn!("files that are not needed could not be removed: {err}");
            look = look.min(again);
            again = LOOK.min(again * 2);
        } else {
            again = AGAIN;
        }
    }
}

impl Service {
    /// How much there is of files.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn count_files(&self) -> Result<OfFiles, ServiceError> {
        self.store
            .read(|view| Ok(statistics::of_files(view)?))
            .await
    }

    /// Has files looked for that are to be removed.
    pub(super) fn wake_care(&self) {
        self.care.notify_one();
    }

    /// The same, if what happened may have left some.
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

    /// Removes uploads that have expired and files that are doomed, unless a backup needs them.
    async fn remove_doomed(&self) -> Result<(), ServiceError> {
        let now = self.store.now();
        let (is_due, is_over, any) = self
            .store
            .read(move |view| {
                let due = uploads::has_expired(view, now)?;
                let over = archives::has_expired(view, now)?;
                Ok::<_, ServiceError>((due, over, !shelf::doomed(view, 1)?.is_empty()))
            })
            .await?;
        if is_over {
            let removed = self
                .store
                .write(|tx| Ok::<_, ServiceError>(archives::expire(tx)?));
            removed.await?;
        }
        let mut expired = Vec::new();
        if is_due {
            expired = self
                .store
                .write(|tx| Ok::<_, ServiceError>(uploads::expire(tx, AT_ONCE)?))
                .await?;
        }
        if !any && !is_over && expired.is_empty() {
            return Ok(());
        }
        let doomed = self
            .store
            .read(|view| Ok::<_, ServiceError>(shelf::doomed(view, AT_ONCE)?))
            .await?;
        let gone = self.remove_files(doomed, expired.clone()).await?;
        for id in &expired {
            self.running.forget(*id);
        }
        let is_full = |names: &[PublicId]| i64::try_from(names.len()) == Ok(AT_ONCE);
        let is_cut = is_full(&gone) || is_full(&expired);
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

    /// Removes files of the folder and parts of uploads. Returns which files are gone.
    async fn remove_files(
        &self,
        doomed: Vec<PublicId>,
        parts: Vec<PublicId>,
    ) -> Result<Vec<PublicId>, ServiceError> {
        let folder = self.store.folder().clone();
        let overwrite = self.limits().files.overwrite;
        let work = move || -> Result<Vec<PublicId>, StoreError> {
            if !folder.exists() {
                // On a disk that is not mounted, perhaps: what is noted stays noted.
                return Ok(Vec::new());
            }
            let Some(_allowed) = folder.release()? else {
                return Ok(Vec::new());
            };
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
        };
        let gone = tokio::task::spawn_blocking(work).await;
        Ok(gone.unwrap_or(Err(StoreError::Panicked))?)
    }

    /// Removes files that nothing names and that have not been touched for a while: what a process
    /// that was killed has left. Returns how many there were.
    ///
    /// # Errors
    /// The folder or the database cannot be read.
    pub async fn sweep_folder(&self) -> Result<usize, ServiceError> {
        let folder = self.store.folder().clone();
        let listing = tokio::task::spawn_blocking(move || folder.entries(UNTOUCHED)).await;
        let entries = listing.unwrap_or(Err(StoreError::Panicked))?;
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
        if count > 0 {
            self.remove_files(names(files), names(parts)).await?;
        }
        Ok(count)
    }
}
