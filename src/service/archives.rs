//! Archives of users' own data: users request them, they are made one at a time, and kept for a day.

use std::fs::File;
use std::io::{self, Read as _, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{PublicId, Timestamp};
use crate::store::archives::{self, Standing, Wanted};
use crate::store::folder::Folder;
use crate::store::shelf::{self, Place, Ready};
use crate::store::{StoreError, users};

/// How long an archive is kept.
const KEPT: Duration = Duration::from_hours(24);

/// How long to wait after the database could not be read or written.
const PAUSE: Duration = Duration::from_mins(1);

/// Number of bytes after which the free space of the disk is checked.
const LOOK_BYTES: u64 = 16 << 20;

/// Number of bytes that are read at a time.
const PIECE: usize = 128 * 1024;

/// The content of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveOrder {
    /// Login of its user.
    pub login: String,
    /// Whether it contains the content of files.
    pub has_files: bool,
}

/// The file that an archive is written to. Writing fails before the free space of the disk falls below
/// the reserve.
#[derive(Debug)]
pub struct ArchiveFile {
    file: File,
    folder: Folder,
    reserve: u64,
    unwatched: u64,
}

impl ArchiveFile {
    /// Writes everything to the disk.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

impl Write for ArchiveFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.unwatched == 0 {
            if (self.folder.free_bytes()).is_some_and(|free| free < self.reserve + LOOK_BYTES) {
                return Err(io::Error::new(
                    io::ErrorKind::StorageFull,
                    "the disk has not enough room left, see [files] reserve",
                ));
            }
            self.unwatched = LOOK_BYTES;
        }
        let written = self.file.write(bytes)?;
        self.unwatched = self.unwatched.saturating_sub(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for ArchiveFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl Service {
    /// Requests an archive of the caller's data, which replaces an earlier one. The caller's devices are
    /// told of the result.
    ///
    /// # Errors
    /// [`Refusal::AlreadyRunning`] while one is being made.
    pub async fn want_archive(&self, user: &SignedIn, has_files: bool) -> Result<(), ServiceError> {
        let (user, id) = (*user, user.user());
        self.store
            .write(move |tx| {
                user.require(tx)?;
                if archives::standing(tx, id)? == Standing::Wanted {
                    return Err(ServiceError::from(Refusal::AlreadyRunning));
                }
                Ok(archives::want(tx, id, has_files)?)
            })
            .await?;
        self.wake_care();
        self.archiving.notify_one();
        Ok(())
    }

    /// Makes the requested archives, one at a time, beginning with those left by an earlier run.
    pub async fn keep_archiving(self: Arc<Self>) {
        while !self.is_attached() {
            self.archiving.notified().await;
        }
        loop {
            match self.make_next().await {
                Ok(true) => {}
                Ok(false) => self.archiving.notified().await,
                Err(err) => {
                    log::error!("archives that people want cannot be made: {err}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Makes the archive that was requested first. Returns whether there was one.
    async fn make_next(self: &Arc<Self>) -> Result<bool, ServiceError> {
        let next = self.store.read(|view| {
            let Some(wanted) = archives::next(view)? else {
                return Ok(None);
            };
            let user = users::by_id(view, wanted.user)?;
            Ok::<_, ServiceError>(Some((wanted, user.map(|user| user.login))))
        });
        let Some((wanted, login)) = next.await? else {
            return Ok(false);
        };
        let login = login.unwrap_or_default();
        if let Err(why) = self.make(wanted, login.clone()).await {
            log::error!("the archive that {login} wants could not be made: {why}");
            self.store
                .write(move |tx| Ok::<_, ServiceError>(archives::give_up(tx, &wanted)?))
                .await?;
        }
        Ok(true)
    }

    /// Makes an archive, or returns the reason why it cannot be made.
    async fn make(self: &Arc<Self>, wanted: Wanted, login: String) -> Result<(), String> {
        let now = self.store.now();
        let name = archive_name(&login, now);
        let order = ArchiveOrder {
            login,
            has_files: wanted.has_files,
        };
        let id = PublicId::random();
        let (service, limits) = (Arc::clone(self), self.limits().files);
        let folder = self.store.folder().clone();
        let overwrite = limits.overwrite;
        let written = self.run(move |machine| {
            let folder = service.store.folder().clone();
            folder.prepare(None).map_err(text)?;
            let file = folder.open_part(id, 0).map_err(text)?;
            let archive = ArchiveFile {
                file: file.ok_or("its file cannot be made")?,
                folder: folder.clone(),
                reserve: limits.reserve,
                unwatched: 0,
            };
            (machine.archive)(&service, &order, archive)?;
            settle(&folder, id).map_err(text)
        });
        let written = written.await.map_err(text).and_then(|written| written);
        let kept = match written {
            Ok(ready) => self.keep(wanted, ready, name, now.after(KEPT)).await,
            Err(why) => Err(why),
        };
        if kept.is_err() {
            let removed = folder
                .remove_part(id, overwrite)
                .and_then(|()| folder.remove(id, overwrite));
            if let Err(err) = removed {
                log::warn!("a file that is not needed stays until the next start: {err}");
            }
        }
        kept
    }

    /// Stores a complete archive in the database.
    async fn keep(
        &self,
        wanted: Wanted,
        ready: Ready,
        name: String,
        expires_at: Timestamp,
    ) -> Result<(), String> {
        let kept = self.store.write(move |tx| {
            let file = shelf::keep(tx, &ready, Some(wanted.user))?;
            if archives::complete(tx, &wanted, file, &name, expires_at)? {
                Ok(())
            } else {
                // The account was deleted meanwhile: nothing of it may stay.
                Err(ServiceError::from(Refusal::NotFound(Thing::User)))
            }
        });
        kept.await.map_err(text)
    }
}

fn text(err: impl std::fmt::Display) -> String {
    err.to_string()
}

/// Moves a complete archive to its place in the folder.
fn settle(folder: &Folder, id: PublicId) -> Result<Ready, StoreError> {
    let path = folder.part(id);
    let failed = |source| StoreError::File {
        path: path.clone(),
        source,
    };
    let mut file = File::open(&path).map_err(failed)?;
    let (mut sum, mut size) = (Sha256::new(), 0);
    let mut buffer = vec![0; PIECE];
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            break;
        }
        sum.update(buffer.get(..count).unwrap_or_default());
        size += count as u64;
    }
    file.sync_all().map_err(failed)?;
    folder.settle(id)?;
    Ok(Ready {
        sha256: sum.finalize().into(),
        size,
        media_type: Some("application/zip"),
        place: Place::Folder(id),
    })
}

/// Returns the file name of an archive.
fn archive_name(login: &str, at: Timestamp) -> String {
    format!(
        "morelia-{login}-{}.zip",
        at.date_time().get(..10).unwrap_or_default()
    )
}
