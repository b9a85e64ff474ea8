//! The thread that writes an upload, syncs it and records its progress.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::running::Turn;
use super::{UploadError, Wrapped, expiry};
use crate::model::{PublicId, Timestamp, media_type};
use crate::service::{Refusal, Service, ServiceError, SignedIn};
use crate::store::StoreError;
use crate::store::sessions;
use crate::store::shelf::{self, Place, Ready};
use crate::store::uploads::{self, Upload};

/// Number of bytes that are written at a time.
pub(super) const PIECE: usize = 128 * 1024;

/// Number of bytes after which written data is synced, while more is written.
const SYNC_BYTES: u64 = 1 << 20;

/// Maximum number of bytes that are written before the previous ones are synced. A message may have to
/// wait until the disk has written this much, and so does an upload that is faster than the disk.
const MOST_UNSYNCED: u64 = 2 << 20;

/// Number of bytes after which the synced offset is recorded: so much a power failure can cost.
const NOTE_BYTES: u64 = 4 << 20;

/// Number of bytes at the beginning of a file that determine its media type.
const HEAD: usize = 64;

/// The progress of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Number of bytes that are safely on the disk.
    pub offset: u64,
    /// Whether the upload is complete.
    pub is_complete: bool,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Writes an upload, on its own thread.
pub(super) struct Writer {
    runtime: tokio::runtime::Handle,
    service: Arc<Service>,
    /// The user, whose session may end while the file is received.
    user: SignedIn,
    /// The upload; its offset is the recorded one.
    upload: Upload,
    /// Number of bytes that are safely on the disk.
    synced: u64,
    /// The sync that is running, which may also record the offset.
    syncing: Option<JoinHandle<Result<Synced, UploadError>>>,
    /// Returned when everything is done.
    _turn: Turn,
}

/// How many bytes are safely on the disk, and, if that was recorded, the expiry.
struct Synced {
    offset: u64,
    noted_until: Option<Timestamp>,
}

impl Writer {
    pub(super) fn new(service: Arc<Service>, user: SignedIn, upload: Upload, turn: Turn) -> Self {
        Self {
            runtime: tokio::runtime::Handle::current(),
            service,
            user,
            synced: upload.offset,
            upload,
            syncing: None,
            _turn: turn,
        }
    }

    /// Starts to write pieces as they come, and finally the incomplete last piece.
    pub(super) fn start(
        self,
        pieces: mpsc::Receiver<Vec<u8>>,
        rest: Arc<Mutex<Vec<u8>>>,
    ) -> JoinHandle<Result<Progress, UploadError>> {
        // The thread lowers its priority, which a thread of the pool could not undo.
        let work = move || {
            give_way();
            self.run(pieces, &rest)
        };
        tokio::task::spawn_blocking(move || {
            let thread = std::thread::Builder::new()
                .name("upload".to_owned())
                .spawn(work);
            thread
                .map_err(|err| {
                    StoreError::Unwritable(format!("no thread could be started: {err}"))
                })?
                .join()
                .unwrap_or_else(|_| Err(StoreError::Panicked.into()))
        })
    }

    fn run(
        mut self,
        mut pieces: mpsc::Receiver<Vec<u8>>,
        rest: &Mutex<Vec<u8>>,
    ) -> Result<Progress, UploadError> {
        let folder = self.service.store.folder().clone();
        folder.prepare(None)?;
        let id = self.upload.id;
        let Some(mut file) = folder.open_part(id, self.upload.offset)? else {
            log::error!(
                "what an upload had gathered is not in {} any more",
                folder.path().display()
            );
            self.write(move |tx| Ok(uploads::remove(tx, id)?))?;
            return Err(UploadError::NotFound);
        };
        let known = self.service.running.take_sum(id, self.upload.offset);
        let mut sum = match known {
            Some(sum) => sum,
            None => sum_of(&mut file, self.upload.offset).map_err(|source| self.failed(source))?,
        };
        let file = Arc::new(file);
        let mut written = self.upload.offset;
        let result = loop {
            let piece = pieces.blocking_recv();
            let is_last = piece.is_none();
            let piece = piece.unwrap_or_else(|| {
                std::mem::take(&mut *rest.lock().unwrap_or_else(PoisonError::into_inner))
            });
            if let Err(err) = (&*file).write_all(&piece) {
                break Err(self.failed(err));
            }
            sum.update(&piece);
            written += piece.len() as u64;
            if is_last {
                break Ok(());
            }
            if let Err(err) = self.keep_up(&file, written) {
                break Err(err);
            }
        };
        drop(pieces);
        // Whatever the result, nothing else touches the upload from here on.
        let result = result.and(self.synced());
        if let Err(err) = result {
            // Bytes that are not recorded do no harm if they remain.
            let _ = file.set_len(self.upload.offset);
            return Err(err);
        }
        if written == self.upload.length {
            return self.complete(file, sum);
        }
        if written > self.upload.offset {
            self.begin_sync(&file, written, true);
            self.synced()?;
        }
        self.service.running.remember(id, written, sum);
        Ok(Progress {
            offset: written,
            is_complete: false,
            expires_at: self.upload.expires_at,
        })
    }

    /// Syncs written data when there is enough of it, and sometimes records the offset. Writing continues
    /// meanwhile, and waits only if the disk falls behind.
    fn keep_up(&mut self, file: &Arc<File>, written: u64) -> Result<(), UploadError> {
        let is_over = self.syncing.as_ref().is_none_or(JoinHandle::is_finished);
        if is_over || written - self.synced >= MOST_UNSYNCED {
            self.synced()?;
        }
        let is_enough = written - self.synced >= SYNC_BYTES && written < self.upload.length;
        if self.syncing.is_none() && is_enough {
            let is_noted = written - self.upload.offset >= NOTE_BYTES;
            self.begin_sync(file, written, is_noted);
        }
        Ok(())
    }

    /// Starts to sync written data, and then perhaps to record the offset.
    fn begin_sync(&mut self, file: &Arc<File>, written: u64, is_noted: bool) {
        let (file, service) = (Arc::clone(file), Arc::clone(&self.service));
        let (id, user, runtime) = (self.upload.id, self.user, self.runtime.clone());
        let note = move || {
            let expires_at = expiry(service.store.now(), &service.limits().files);
            let advance = service.store.write(move |tx| {
                user.require(tx).map_err(|err| Wrapped(err.into()))?;
                uploads::advance(tx, id, written, expires_at).map_err(|err| Wrapped(err.into()))
            });
            let is_there = runtime.block_on(advance).map_err(|Wrapped(err)| err)?;
            is_there.then_some(expires_at).ok_or(UploadError::NotFound)
        };
        let failed = {
            let service = Arc::clone(&self.service);
            move |source| failed(&service, id, source)
        };
        self.syncing = Some(self.runtime.spawn_blocking(move || {
            file.sync_data().map_err(failed)?;
            Ok(Synced {
                offset: written,
                noted_until: is_noted.then(note).transpose()?,
            })
        }));
    }

    /// Waits for the running sync.
    fn synced(&mut self) -> Result<(), UploadError> {
        let Some(syncing) = self.syncing.take() else {
            return Ok(());
        };
        let synced = self.runtime.block_on(syncing);
        let synced = synced.unwrap_or_else(|_| Err(StoreError::Panicked.into()))?;
        self.synced = synced.offset;
        if let Some(expires_at) = synced.noted_until {
            self.upload.offset = synced.offset;
            self.upload.expires_at = expires_at;
        }
        Ok(())
    }

    /// Converts a completely received upload into a file.
    fn complete(&mut self, file: Arc<File>, sum: Sha256) -> Result<Progress, UploadError> {
        let limits = self.service.limits().files;
        let (id, size) = (self.upload.id, self.upload.length);
        let folder = self.service.store.folder().clone();
        let is_small = size <= limits.inline as u64;
        let head = if is_small { size } else { HEAD as u64 };
        let mut bytes = Vec::new();
        let mut content = &*file;
        content
            .seek(SeekFrom::Start(0))
            .and_then(|_| content.take(head).read_to_end(&mut bytes))
            .map_err(|source| self.failed(source))?;
        let found = media_type(&bytes);
        let place = if is_small {
            Place::Memory(bytes.into())
        } else {
            file.sync_all().map_err(|source| self.failed(source))?;
            // Until it is moved, another session can resume it.
            self.require_session()?;
            folder.settle(id)?;
            Place::Folder(id)
        };
        drop(file);
        let ready = Ready {
            sha256: sum.finalize().into(),
            size,
            media_type: found,
            place,
        };
        let expires_at = expiry(self.service.store.now(), &limits);
        let user = self.user;
        let is_there = self.write(move |tx| {
            user.require(tx)?;
            let kept = shelf::keep(tx, &ready, Some(user.user()))?;
            let is_there = uploads::complete(tx, id, kept, expires_at)?;
            if !is_there {
                // Removed meanwhile: nothing of it may remain.
                return Err(UploadError::NotFound);
            }
            Ok(())
        });
        let left = match is_there {
            Ok(()) if is_small => folder.remove_part(id, limits.overwrite),
            Err(UploadError::NotFound | UploadError::Failed(ServiceError::Refused(_)))
                if !is_small =>
            {
                folder.remove(id, limits.overwrite)
            }
            _ => Ok(()),
        };
        if let Err(err) = left {
            log::warn!("a file that is not needed stays until the next start: {err}");
        }
        is_there?;
        self.service.wake_care();
        Ok(Progress {
            offset: size,
            is_complete: true,
            expires_at,
        })
    }

    /// Fails if the session has ended meanwhile.
    fn require_session(&self) -> Result<(), UploadError> {
        let (session, now) = (self.user.session().id, self.service.store.now());
        let store = &self.service.store;
        let looked = store.read(move |view| sessions::is_valid(view, session, now));
        let looked: Result<bool, StoreError> = self.runtime.block_on(looked);
        if looked? {
            return Ok(());
        }
        Err(ServiceError::from(Refusal::NoSession).into())
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&crate::store::Tx<'_>) -> Result<T, UploadError> + Send + 'static,
    ) -> Result<T, UploadError> {
        let written = self
            .service
            .store
            .write(move |tx| work(tx).map_err(Wrapped));
        self.runtime.block_on(written).map_err(|Wrapped(err)| err)
    }

    fn failed(&self, source: std::io::Error) -> UploadError {
        failed(&self.service, self.upload.id, source)
    }
}

/// How much lower the priority of writing files is on a busy processor: 10 of the 19 steps.
const NICE: i32 = 10;

/// Lowers the priority of this thread, so that messages are processed first on a busy processor. It is
/// not an error if the system does not support that.
fn give_way() {
    let thread = rustix::thread::gettid();
    if let Err(err) = rustix::process::setpriority_process(Some(thread), NICE) {
        log::debug!("the thread of an upload keeps its priority: {err}");
    }
}

fn failed(service: &Service, upload: PublicId, source: std::io::Error) -> UploadError {
    let path = service.store.folder().part(upload);
    let err: UploadError = StoreError::File { path, source }.into();
    log::error!("an upload could not be written: {err}");
    err
}

/// Returns the hash of the first bytes of a file, and moves the position of the file behind them.
fn sum_of(file: &mut File, length: u64) -> std::io::Result<Sha256> {
    let mut sum = Sha256::new();
    file.seek(SeekFrom::Start(0))?;
    let mut left = length;
    let mut buffer = vec![0; if length == 0 { 0 } else { PIECE }];
    while left > 0 {
        let count = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let part = buffer.get_mut(..count).unwrap_or_default();
        file.read_exact(part)?;
        sum.update(part);
        left -= count as u64;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_what_is_there_is_read_once_more() {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..=255).cycle().take(3 * PIECE + 17).collect();
        file.write_all(&content).unwrap();
        for length in [0, 1, PIECE, content.len()] {
            let sum = sum_of(&mut file, length as u64).unwrap().finalize();
            assert_eq!(sum, Sha256::digest(&content[..length]));
            assert_eq!(file.stream_position().unwrap(), length as u64);
        }
    }
}
