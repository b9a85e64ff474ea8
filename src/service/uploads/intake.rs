//! The path of an upload's bytes to the disk: through a short queue to a thread that writes them.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::UploadError;
use super::running::{Pulse, Turn};
use super::writer::{PIECE, Progress, Writer};
use crate::service::{Service, SignedIn};
use crate::store::StoreError;
use crate::store::uploads::Upload;

/// Maximum number of pieces that wait for the disk. With the one that is being filled and the one that is
/// being written, an upload takes 512 KiB.
const QUEUE: usize = 2;

/// An upload that is being received. Received bytes are kept when it is dropped.
pub struct Intake {
    pieces: Option<mpsc::Sender<Vec<u8>>>,
    /// The piece that is being filled; the writer takes it when nothing more comes.
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

    /// Returns the number of bytes that are still accepted.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Returns whether no more bytes are accepted, for a reason that [`finish`](Self::finish) returns.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.pieces.as_ref().is_some_and(mpsc::Sender::is_closed)
    }

    /// Waits until another request wants to send this upload while this one is silent.
    pub async fn ended(&self) {
        match &self.state {
            State::Writing(_, pulse) => pulse.ended().await,
            State::Complete(_) => std::future::pending().await,
        }
    }

    /// Accepts bytes, as fast as the disk writes them.
    ///
    /// # Errors
    /// [`UploadError::Surplus`] for more bytes than announced; the announced ones are accepted. If
    /// writing failed, [`finish`](Self::finish) returns the reason and has to be called.
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
                    // The writer returns the reason.
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

    /// Waits until all received bytes are on the disk.
    ///
    /// # Errors
    /// [`UploadError::DiskFull`]; [`UploadError::NotFound`] if previously received bytes have been lost,
    /// and the upload with them.
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
