//! The body of a request, which a face reads in pieces or whole.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};

/// The body of a request. Bytes that are not read are discarded.
pub struct Body {
    pieces: BoxStream<'static, Result<Bytes, BodyError>>,
    /// The most bytes that it can have: the announced length, or else the allowed one.
    bound: u64,
    rooms: Option<Arc<dyn Rooms>>,
}

/// The reason why a body ends too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is larger than its route allows.
    #[error("the body is larger than the {0} bytes allowed here")]
    TooLarge(u64),
    /// No bytes have arrived for a while.
    #[error("the body took too long to arrive")]
    Silent,
    /// There was no memory for it for a while.
    #[error("too many large requests, try again later")]
    NoRoom,
    /// The connection is closed, or the data is not a valid body.
    #[error("the body is incomplete")]
    Broken,
}

impl BodyError {
    /// Returns the status code of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::TooLarge(_) => 413,
            Self::Silent => 408,
            Self::NoRoom => 503,
            Self::Broken => 400,
        }
    }
}

/// Memory that is reserved until this is dropped.
pub type Room = Box<dyn Send + Sync>;

/// The source of memory for large bodies.
pub trait Rooms: Send + Sync {
    /// Returns how many bytes a body may have without reserving memory.
    fn free_bytes(&self) -> usize;

    /// Waits for `bytes` bytes of memory. Clients that have not signed in share a smaller part of it.
    ///
    /// # Errors
    /// [`BodyError::NoRoom`] if there was none for too long.
    fn take(&self, bytes: usize, signed_in: bool) -> BoxFuture<'static, Result<Room, BodyError>>;
}

/// A whole body, with its reserved memory: drop it together with the bytes.
pub struct Gathered {
    /// The body.
    pub bytes: Bytes,
    _room: Option<Room>,
}

impl Body {
    /// Returns a body that arrives in pieces, at most `bound` bytes in total.
    #[must_use]
    pub fn new(
        pieces: BoxStream<'static, Result<Bytes, BodyError>>,
        bound: u64,
        rooms: Arc<dyn Rooms>,
    ) -> Self {
        Self {
            pieces,
            bound,
            rooms: Some(rooms),
        }
    }

    /// Returns an empty body.
    #[must_use]
    pub fn empty() -> Self {
        Self::from(Bytes::new())
    }

    /// Returns the next piece; `None` at the end, and after an error.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        self.pieces.next().await
    }

    /// Reads the whole body. `signed_in` says whether the sender has signed in: other clients share
    /// a smaller part of the memory.
    ///
    /// # Errors
    /// [`BodyError`].
    pub async fn gather(mut self, signed_in: bool) -> Result<Gathered, BodyError> {
        let mut bytes = BytesMut::new();
        let mut room = None;
        while let Some(piece) = self.next().await {
            let piece = piece?;
            if bytes.is_empty() && self.bound == piece.len() as u64 {
                // The whole body in one piece, as most bodies arrive.
                return Ok(Gathered {
                    bytes: piece,
                    _room: None,
                });
            }
            if room.is_none()
                && let Some(rooms) = &self.rooms
                && bytes.len() + piece.len() > rooms.free_bytes()
            {
                // Reserves the most that may come: two bodies with half of the memory each would
                // wait forever.
                let all = usize::try_from(self.bound).unwrap_or(usize::MAX);
                room = Some(rooms.take(all, signed_in).await?);
                bytes.reserve(all.saturating_sub(bytes.len()));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(Gathered {
            bytes: bytes.freeze(),
            _room: room,
        })
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let bound = bytes.len() as u64;
        let piece = (!bytes.is_empty()).then_some(Ok(bytes));
        Self {
            pieces: stream::iter(piece).boxed(),
            bound,
            rooms: None,
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

impl fmt::Debug for Gathered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes.len())
    }
}
