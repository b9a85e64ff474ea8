//! How the bytes of an upload get to the disk: through a short queue to a thread that writes them.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::UploadError;
use super::running::{Pulse, Turn};
use super::writer::{PIECE, Progress, Writer};
use crate::service::{Service, SignedIn};
use crate::store::StoreError;
use crate::store::uploads::Upload;

/// Pieces that wait for the disk. With the one that gathers and the one that is written, an upload
/// takes 512 KiB.
const QUEUE: usize = 2;

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
        let writer = Writer::new(service, user, upload, turn);
        let thread = writer.start(pieces, Arc::clone(&rest));
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
