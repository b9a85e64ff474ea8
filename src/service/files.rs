//! Downloads of files.

mod fetching;

use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Duration, Instant};

use super::{Reader, Refusal, Service, ServiceError, Thing};
use crate::model::PublicId;
use crate::store::downloads::{self, Found};
use crate::store::{room_media, sessions};
pub(super) use fetching::Fetching;

/// Number of bytes that are read at a time; a database reader is not occupied for longer than this takes.
const PIECE: usize = 64 * 1024;

/// Maximum number of pieces that wait for a slow client.
const QUEUE: usize = 2;

/// How long a file is sent before the permission is checked again: sending a large file to a slow client
/// takes hours.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The reason why a file is not sent.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The maximum number of files is being sent, to the user or in total.
    #[error("too many files are being fetched; try again in a second")]
    Crowded,
    /// The database has the file, but the folder does not.
    #[error("this file is not on the server any more; what shows it is")]
    Lost,
    /// The server failed.
    #[error(transparent)]
    Failed(#[from] ServiceError),
}

/// Content that is being sent: pieces, or an error if it cannot be read to its end, or is no longer
/// permitted.
pub struct Pieces {
    service: Arc<Service>,
    /// The user who reads it, and the id that was requested.
    asked: (Option<Reader>, PublicId),
    /// When the permission was last checked.
    looked_at: Instant,
    source: Source,
}

enum Source {
    /// In the database.
    Row(Found, u64, u64),
    /// In the folder.
    Folder(mpsc::Receiver<std::io::Result<Vec<u8>>>),
}

impl Pieces {
    /// Returns the next piece; `None` at the end.
    pub async fn next(&mut self) -> Option<std::io::Result<Vec<u8>>> {
        if self.looked_at.elapsed() >= LOOK_AGAIN {
            let looked = match self.asked {
                (Some(reader), id) => self.service.find_file(reader, id).await,
                (None, id) => self.service.find_media(None, id).await.map(|it| it.found),
            };
            if let Err(err) = looked {
                return Some(Err(std::io::Error::other(err)));
            }
            self.looked_at = Instant::now();
        }
        match &mut self.source {
            Source::Folder(pieces) => pieces.recv().await,
            Source::Row(file, from, until) => {
                if from >= until {
                    return None;
                }
                let piece = self.service.read_row(file, *from, *until).await;
                let piece = match piece {
                    Ok(piece) if !piece.is_empty() => piece,
                    Ok(_) => return Some(Err(std::io::ErrorKind::UnexpectedEof.into())),
                    Err(err) => return Some(Err(std::io::Error::other(err))),
                };
                *from += piece.len() as u64;
                Some(Ok(piece))
            }
        }
    }
}

impl Service {
    /// Finds a file that a user may fetch.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a file that does not exist or that the user may not fetch;
    /// [`Refusal::NoSession`].
    pub async fn find_file(&self, reader: Reader, id: PublicId) -> Result<Found, ServiceError> {
        let now = self.store.now();
        self.store
            .read(move |view| {
                if !sessions::is_valid(view, reader.session, now)? {
                    return Err(Refusal::NoSession.into());
                }
                let found = if reader.is_matrix {
                    let found = room_media::find(view, id, Some(reader.user), now)?;
                    found.map(|media| media.found)
                } else {
                    downloads::find(view, id, reader.user)?
                };
                Ok(found.ok_or(Refusal::NotFound(Thing::File))?)
            })
            .await
    }

    /// Starts reading a file from one byte to another, excluding the last. Reading stops when the
    /// permission ends.
    ///
    /// # Errors
    /// [`FetchError::Lost`]; [`FetchError::Crowded`] after a wait.
    pub async fn fetch_file(
        self: &Arc<Self>,
        asked: (Reader, PublicId),
        file: Found,
        part: (u64, u64),
    ) -> Result<Pieces, FetchError> {
        self.fetch_media((Some(asked.0), asked.1), file, part).await
    }

    /// Does the same for the id in Matrix, where a request may have no known user.
    ///
    /// # Errors
    /// Those of [`fetch_file`](Self::fetch_file).
    pub async fn fetch_media(
        self: &Arc<Self>,
        asked: (Option<Reader>, PublicId),
        file: Found,
        (from, until): (u64, u64),
    ) -> Result<Pieces, FetchError> {
        let Some(name) = file.place else {
            return Ok(self.pieces(asked, Source::Row(file, from, until)));
        };
        let turn = self.fetching.enter(asked.0.map(|it| it.user)).await?;
        let folder = self.store.folder().clone();
        let opening = tokio::task::spawn_blocking(move || folder.open(name, file.size)).await;
        let opened = match opening {
            Ok(opened) => opened.map_err(ServiceError::from)?,
            Err(_) => return Err(ServiceError::from(crate::store::StoreError::Panicked).into()),
        };
        let Some(content) = opened else {
            log::error!(
                "a file is not in the folder beside the database: {}",
                name.hex()
            );
            return Err(FetchError::Lost);
        };
        let (sender, pieces) = mpsc::channel(QUEUE);
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut from = from;
            while from < until {
                let length = usize::try_from(until - from)
                    .unwrap_or(usize::MAX)
                    .min(PIECE);
                let mut piece = vec![0; length];
                let read = content.read_exact_at(&mut piece, from).map(|()| piece);
                let has_failed = read.is_err();
                if sender.blocking_send(read).is_err() || has_failed {
                    return;
                }
                from += length as u64;
            }
        });
        Ok(self.pieces(asked, Source::Folder(pieces)))
    }

    fn pieces(self: &Arc<Self>, asked: (Option<Reader>, PublicId), source: Source) -> Pieces {
        Pieces {
            service: Arc::clone(self),
            asked,
            looked_at: Instant::now(),
            source,
        }
    }

    /// Returns whether a file is missing in the folder: the head of an answer is sent before its content.
    pub async fn is_lost(&self, file: &Found) -> bool {
        let Some(name) = file.place else {
            return false;
        };
        let (folder, size) = (self.store.folder().clone(), file.size);
        let looked = tokio::task::spawn_blocking(move || folder.has(name, size)).await;
        !looked.unwrap_or(false)
    }

    /// Returns the page that shows a message, if the operator has configured the address of the server.
    #[must_use]
    pub fn page_of_message(&self, message: PublicId) -> Option<String> {
        let base = self.settings.page_url.as_ref()?;
        Some(format!("{base}/#/m/{message}"))
    }

    async fn read_row(&self, file: &Found, from: u64, until: u64) -> Result<Vec<u8>, ServiceError> {
        let length = usize::try_from(until.saturating_sub(from)).unwrap_or(usize::MAX);
        let (id, length) = (file.file, length.min(PIECE));
        self.store
            .read(move |view| {
                let piece = downloads::piece(view, id, from, length)?;
                Ok(piece.ok_or(Refusal::NotFound(Thing::File))?)
            })
            .await
    }
}
