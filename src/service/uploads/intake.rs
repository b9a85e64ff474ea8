//! How the bytes of an upload get to the disk: through a short queue to a thread that writes, syncs
//! and notes how far it has come.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::running::{Pulse, Turn};
use super::{UploadError, Wrapped, expiry};
use crate::model::{PublicId, Timestamp, media_type};
use crate::service::{Refusal, Service, ServiceError, SignedIn};
use crate::store::StoreError;
use crate::store::sessions;
use crate::store::shelf::{self, Place, Ready};
use crate::store::uploads::{self, Upload};

/// Bytes that are written at a time.
const PIECE: usize = 128 * 1024;

/// Pieces that wait for the disk. With the one that gathers and the one that is written, an upload
/// takes 512 KiB.
const QUEUE: usize = 2;

/// Bytes after which what was written is synced, and noted, while more is written.
const SYNC_BYTES: u64 = 4 << 20;

/// Bytes that are written at most before what came before them is noted. On a disk that is slower than
/// the network, this is what waits for it, and what a power cut can cost.
const MOST_UNNOTED: u64 = 16 << 20;

/// Bytes at the beginning of a file that tell what it is.
const HEAD: usize = 64;

/// Where an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are on the disk for certain.
    pub offset: u64,
    /// Whether that is all of them.
    pub is_complete: bool,
    /// When it is removed.
    pub expires_at: Timestamp,
}

/// An upload that is being received. What has come is kept when it is dropped.
pub struct Intake {
    pieces: Option<mpsc::Sender<Vec<u8>>>,
    /// What gathers; the writer takes it when nothing more comes.
    rest: Arc<Mutex<Vec<u8>>>,
    left: u64,
    length: u64,
    state: State,
}

enum State {
    Writing(JoinHandle<Result<Progress, UploadError>>, Arc<Pulse>),
    Complete(Progress),
}

impl Intake {
    pub(super) fn of_complete(upload: &Upload) -> Self {
        Self {
            pieces: None,
            rest: Arc::default(),
            left: 0,
            length: upload.length,
            state: State::Complete(Progress {
                offset: upload.length,
                is_complete: true,
                expires_at: upload.expires_at,
            }),
        }
    }

    pub(super) fn start(service: Arc<Service>, user: SignedIn, upload: Upload, turn: Turn) -> Self {
        let (sender, pieces) = mpsc::channel(QUEUE);
        let rest: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (left, length) = (upload.missing(), upload.length);
        let pulse = Arc::clone(&turn.pulse);
        let writer = Writer {
            runtime: tokio::runtime::Handle::current(),
            service,
            user,
            upload,
            noting: None,
            _turn: turn,
        };
        let tail = Arc::clone(&rest);
        let thread = tokio::task::spawn_blocking(move || writer.run(pieces, &tail));
        Self {
            pieces: Some(sender),
            rest,
            left,
            length,
            state: State::Writing(thread, pulse),
        }
    }

    /// Bytes that are still taken.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Tells whether nothing more is taken, for a reason that [`finish`](Self::finish) tells.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.pieces.as_ref().is_some_and(mpsc::Sender::is_closed)
    }

    /// Waits until somebody else wants to send this upload, while this one is silent.
    pub async fn ended(&self) {
        match &self.state {
            State::Writing(_, pulse) => pulse.ended().await,
            State::Complete(_) => std::future::pending().await,
        }
    }

    /// Takes bytes, as fast as the disk does.
    ///
    /// # Errors
    /// [`UploadError::Surplus`] for more than was announced: what was announced is taken. Whether
    /// writing failed is told by [`finish`](Self::finish), which is to be called then.
    pub async fn push(&mut self, mut bytes: &[u8]) -> Result<(), UploadError> {
        if let State::Writing(_, pulse) = &self.state {
            pulse.beat();
        }
        let fits = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let has_surplus = fits < bytes.len();
        bytes = bytes.get(..fits).unwrap_or(bytes);
        self.left -= bytes.len() as u64;
        while !bytes.is_empty() {
            let full = {
                let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
                if rest.capacity() == 0 {
                    rest.reserve_exact(PIECE.min(bytes.len() + 16 * 1024));
                }
                let room = PIECE - rest.len();
                let (now, later) = bytes.split_at(room.min(bytes.len()));
                rest.extend_from_slice(now);
                bytes = later;
                (rest.len() == PIECE)
                    .then(|| std::mem::replace(&mut *rest, Vec::with_capacity(PIECE)))
            };
            if let Some(full) = full {
                let sent = match &self.pieces {
                    Some(pieces) => pieces.send(full).await.is_ok(),
                    None => false,
                };
                if !sent {
                    // The writer says why.
                    return Ok(());
                }
            }
        }
        if has_surplus {
            let length = self.length;
            return Err(UploadError::Surplus { length });
        }
        Ok(())
    }

    /// Waits until what has come is on the disk.
    ///
    /// # Errors
    /// [`UploadError::DiskFull`]; [`UploadError::NotFound`] where what had come before has been lost,
    /// and the upload with it.
    pub async fn finish(mut self) -> Result<Progress, UploadError> {
        self.pieces = None;
        match self.state {
            State::Complete(progress) => Ok(progress),
            State::Writing(thread, _) => thread
                .await
                .unwrap_or_else(|_| Err(StoreError::Panicked.into())),
        }
    }
}

/// Writes an upload, on a thread of its own.
struct Writer {
    runtime: tokio::runtime::Handle,
    service: Arc<Service>,
    /// Whose session may end while the file comes.
    user: SignedIn,
    upload: Upload,
    /// What is being synced and noted at this moment.
    noting: Option<JoinHandle<Result<Noted, UploadError>>>,
    /// Given back when everything is done.
    _turn: Turn,
}

/// How far an upload is on the disk for certain, and when it expires then.
struct Noted {
    offset: u64,
    expires_at: Timestamp,
}

impl Writer {
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
        // Whatever came of it, nothing else touches the upload from here on.
        let result = result.and(self.noted());
        if let Err(err) = result {
            // What is not noted is in nobody's way.
            let _ = file.set_len(self.upload.offset);
            return Err(err);
        }
        if written == self.upload.length {
            return self.complete(file, sum);
        }
        if written > self.upload.offset {
            self.begin_note(&file, written);
            self.noted()?;
        }
        self.service.running.remember(id, written, sum);
        Ok(Progress {
            offset: written,
            is_complete: false,
            expires_at: self.upload.expires_at,
        })
    }

    /// Has what was written synced and noted when there is enough of it. The writing goes on meanwhile,
    /// and waits only where the disk falls behind.
    fn keep_up(&mut self, file: &Arc<File>, written: u64) -> Result<(), UploadError> {
        let is_over = self.noting.as_ref().is_none_or(JoinHandle::is_finished);
        if is_over || written - self.upload.offset >= MOST_UNNOTED {
            self.noted()?;
        }
        let is_enough = written - self.upload.offset >= SYNC_BYTES && written < self.upload.length;
        if self.noting.is_none() && is_enough {
            self.begin_note(file, written);
        }
        Ok(())
    }

    /// Begins to sync what was written, and then to note how far that is.
    fn begin_note(&mut self, file: &Arc<File>, written: u64) {
        let (file, service) = (Arc::clone(file), Arc::clone(&self.service));
        let (id, user, runtime) = (self.upload.id, self.user, self.runtime.clone());
        let note = move || {
            file.sync_data()
                .map_err(|source| failed(&service, id, source))?;
            let expires_at = expiry(service.store.now(), &service.limits().files);
            let advance = service.store.write(move |tx| {
                user.require(tx).map_err(|err| Wrapped(err.into()))?;
                uploads::advance(tx, id, written, expires_at).map_err(|err| Wrapped(err.into()))
            });
            let is_there = runtime.block_on(advance).map_err(|Wrapped(err)| err)?;
            is_there
                .then_some(Noted {
                    offset: written,
                    expires_at,
                })
                .ok_or(UploadError::NotFound)
        };
        self.noting = Some(self.runtime.spawn_blocking(note));
    }

    /// Waits until what is being noted is.
    fn noted(&mut self) -> Result<(), UploadError> {
        let Some(noting) = self.noting.take() else {
            return Ok(());
        };
        let noted = self.runtime.block_on(noting);
        let noted = noted.unwrap_or_else(|_| Err(StoreError::Panicked.into()))?;
        self.upload.offset = noted.offset;
        self.upload.expires_at = noted.expires_at;
        Ok(())
    }

    /// Makes a file of an upload of which everything has come.
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
            // As it is, it can be gone on with by another session.
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
                // Removed meanwhile: nothing may remain of it.
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

    /// Fails when the session has ended meanwhile.
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

fn failed(service: &Service, upload: PublicId, source: std::io::Error) -> UploadError {
    let path = service.store.folder().part(upload);
    let err: UploadError = StoreError::File { path, source }.into();
    log::error!("an upload could not be written: {err}");
    err
}

/// The sum of the first bytes of a file, behind which it stands afterwards.
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
