//! Bodies: those of requests within their limits, those of answers in pieces.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, Stream};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::{Sleep, sleep, timeout};

use super::budget::Budget;
use super::settings::FREE_BYTES;
use crate::protocol::web::{BodyError, Room, Rooms, Takes};

/// How long the rest of an unwanted body is read. A peer that is still sending when its connection
/// is closed may never see the answer.
const LINGER: Duration = Duration::from_secs(2);

/// How many bytes of it are read.
const LINGER_BYTES: usize = 16 << 20;

/// Reserves memory for large bodies of requests, from the budget of large frames.
pub(super) struct Shares {
    budget: Budget,
    patience: Duration,
}

impl Shares {
    /// Shares a budget; no request waits for memory longer than `patience`.
    pub(super) fn new(budget: Budget, patience: Duration) -> Self {
        Self { budget, patience }
    }
}

impl Rooms for Shares {
    fn free_bytes(&self) -> usize {
        FREE_BYTES
    }

    fn take(&self, bytes: usize, signed_in: bool) -> BoxFuture<'static, Result<Room, BodyError>> {
        let room = self.budget.clone().take(bytes, signed_in);
        let in_time = timeout(self.patience, room);
        async move {
            match in_time.await {
                Ok(room) => Ok(Box::new(room) as Room),
                Err(_) => Err(BodyError::NoRoom),
            }
        }
        .boxed()
    }
}

/// The body of a request: at most as many bytes as its route allows, and within bounded time. A
/// body that is read whole must arrive in time, like a message on a socket; one that is read in
/// pieces only has to make progress.
pub(super) struct Incoming {
    /// `None` once it has been read to its end.
    pieces: Option<BoxStream<'static, Result<Bytes, ()>>>,
    limit: u64,
    left: u64,
    patience: Duration,
    for_all: bool,
    /// Runs while waiting for a piece.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whether reading has ended early.
    failed: bool,
    /// Whether the peer sends nothing until it is told to continue.
    is_held_back: bool,
}

impl Incoming {
    /// Wraps the pieces of a body.
    pub(super) fn new(
        pieces: BoxStream<'static, Result<Bytes, ()>>,
        takes: Takes,
        patience: Duration,
        is_held_back: bool,
    ) -> Self {
        let limit = takes.limit();
        Self {
            pieces: Some(pieces),
            limit,
            left: limit,
            patience,
            for_all: !matches!(takes, Takes::Pieces(_)),
            timer: None,
            failed: false,
            is_held_back,
        }
    }
}

impl Stream for Incoming {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(pieces) = this.pieces.as_mut().filter(|_| !this.failed) else {
            return Poll::Ready(None);
        };
        this.is_held_back = false;
        let Poll::Ready(piece) = pieces.poll_next_unpin(cx) else {
            let patience = this.patience;
            let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(patience)));
            ready!(timer.as_mut().poll(cx));
            this.pieces = None;
            return Poll::Ready(Some(Err(BodyError::Silent)));
        };
        if !this.for_all {
            this.timer = None;
        }
        Poll::Ready(match piece {
            Some(Ok(piece)) => {
                if let Some(left) = this.left.checked_sub(piece.len() as u64) {
                    this.left = left;
                    Some(Ok(piece))
                } else {
                    this.failed = true;
                    Some(Err(BodyError::TooLarge(this.limit)))
                }
            }
            Some(Err(())) => {
                this.pieces = None;
                Some(Err(BodyError::Broken))
            }
            None => {
                this.pieces = None;
                None
            }
        })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let Some(mut rest) = self.pieces.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if self.is_held_back {
            // Reading would tell the peer to send the body.
            return;
        }
        runtime.spawn(async move {
            let forget = async {
                let mut forgotten = 0;
                while let Some(Ok(piece)) = rest.next().await {
                    forgotten += piece.len();
                    if forgotten > LINGER_BYTES {
                        return;
                    }
                }
            };
            let _ = timeout(LINGER, forget).await;
        });
    }
}

/// The content of an answer in a form that can be shared, as warp requires, although it is not shared.
pub(super) struct Outgoing(Mutex<BoxStream<'static, io::Result<Bytes>>>);

impl Outgoing {
    /// Wraps the pieces of an answer.
    pub(super) fn new(pieces: BoxStream<'static, io::Result<Bytes>>) -> Self {
        Self(Mutex::new(pieces))
    }
}

impl Stream for Outgoing {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // There is no other reference, so this does not lock.
        let pieces = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        pieces.poll_next_unpin(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::web::Body;
    use futures_util::stream;
    use std::sync::Arc;

    fn body(budget: &Budget, pieces: usize) -> Body {
        let piece = || Ok(Bytes::from(vec![b'x'; FREE_BYTES]));
        let pieces = stream::iter((0..pieces).map(move |_| piece())).boxed();
        let patience = Duration::from_millis(50);
        let incoming = Incoming::new(pieces, Takes::Whole(1 << 20), patience, false);
        let shares = Shares::new(budget.clone(), patience);
        Body::new(incoming.boxed(), 1 << 20, Arc::new(shares))
    }

    #[tokio::test]
    async fn large_bodies_share_the_room_of_large_frames() {
        let budget = Budget::new(4 << 20, 1 << 20, 1 << 20);
        let small = body(&budget, 1).gather(false).await.unwrap();
        let large = body(&budget, 2).gather(false).await.unwrap();
        assert_eq!(large.bytes.len(), 2 * FREE_BYTES);
        let refused = body(&budget, 2).gather(false).await.unwrap_err();
        assert_eq!(
            refused,
            BodyError::NoRoom,
            "the part of strangers is used up"
        );
        body(&budget, 1).gather(false).await.unwrap();
        body(&budget, 2).gather(true).await.unwrap();
        drop(large);
        body(&budget, 2).gather(false).await.unwrap();
        drop(small);
    }
}
