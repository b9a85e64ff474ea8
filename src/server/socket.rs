//! One WebSocket as bytes: reads events within the memory budget and the time for a message, writes
//! frames in batches.
//!
//! What does not belong here: what is answered, when to ping, how to close (see `ws`).

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures_util::FutureExt as _;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::{Sleep, sleep, timeout};

use super::budget::{Budget, Room, Unread};
use super::frames::{self, Decoder, Event, Violation};
use super::settings::FREE_BYTES;
use super::stream::Stream;
use crate::protocol::Frame;

/// The most bytes of one read. The buffer is on the stack during the read, so an idle socket has no
/// buffer at all, and it is never cleared.
const READ_BYTES: usize = 8 * 1024;

/// Frames are collected up to this size before they are written.
const BATCH_BYTES: usize = 16 * 1024;

/// A payload of at least this size is written from where it is instead of being copied: a thousand
/// receivers may share it.
const SHARED_BYTES: usize = 4 * 1024;

/// A buffer that has grown beyond this is freed when it is empty.
const KEPT_BYTES: usize = 512;

/// How long a peer may take to read a large frame: the largest answer gets through at a quarter of
/// a megabit a second, and a peer that reads a byte now and then does not keep it forever.
const DELIVERY_TIMEOUT: Duration = Duration::from_mins(5);

/// The reason why nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The peer broke the protocol.
    #[error("{0}")]
    Violation(#[from] Violation),
    /// A message took too long to arrive.
    #[error("a message took too long to arrive")]
    Late,
    /// There was no memory for a large message for too long.
    #[error("no room for a large message")]
    NoRoom,
    /// The connection is lost.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A WebSocket after its handshake.
pub(super) struct Socket {
    stream: Stream,
    decoder: Decoder,
    /// Bytes that arrived together with the last event and are not decoded yet.
    ahead: Bytes,
    out: Vec<u8>,
    /// How many bytes of `out` are written.
    written: usize,
    /// A large payload that follows `out`.
    tail: Bytes,
    budget: Budget,
    unread: Unread,
    room: Option<Room>,
    waiting: Option<Pin<Box<dyn Future<Output = Room> + Send>>>,
    message_timeout: Duration,
    /// Whether anything has arrived since the last check.
    heard: bool,
    /// Runs only while a message is unfinished.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    /// Wraps a connection whose handshake is done; `ahead` are the bytes after it.
    pub(super) fn new(
        stream: Stream,
        ahead: Bytes,
        budget: Budget,
        unread: Unread,
        message_bytes: usize,
        message_timeout: Duration,
    ) -> Self {
        Self {
            stream,
            decoder: Decoder::new(message_bytes),
            ahead,
            out: Vec::new(),
            written: 0,
            tail: Bytes::new(),
            budget,
            unread,
            room: None,
            waiting: None,
            message_timeout,
            heard: false,
            deadline: None,
        }
    }

    /// Reads the next event. Nothing is lost when the caller stops polling in between.
    pub(super) fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
        signed_in: bool,
    ) -> Poll<Result<Event, Fault>> {
        loop {
            if let Some(event) = self.decode_ahead()? {
                return Poll::Ready(Ok(event));
            }
            ready!(self.poll_room(cx, signed_in))?;
            let mut scratch = [MaybeUninit::uninit(); READ_BYTES];
            let mut read = ReadBuf::uninit(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(cx, &mut read) {
                Poll::Ready(done) => done?,
                Poll::Pending => {
                    ready!(self.poll_deadline(cx));
                    return Poll::Ready(Err(Fault::Late));
                }
            }
            let mut input = read.filled();
            if input.is_empty() {
                return Poll::Ready(Err(Fault::Io(io::ErrorKind::UnexpectedEof.into())));
            }
            self.heard = true;
            if let Some(event) = self.decoder.next(&mut input)? {
                self.settle(&event);
                if !input.is_empty() {
                    self.ahead = Bytes::copy_from_slice(input);
                }
                return Poll::Ready(Ok(event));
            }
        }
    }

    /// Returns the next event in the bytes that have already been read.
    ///
    /// # Errors
    /// The peer broke the protocol.
    pub(super) fn decode_ahead(&mut self) -> Result<Option<Event>, Violation> {
        if self.ahead.is_empty() {
            return Ok(None);
        }
        let mut input = &self.ahead[..];
        let event = self.decoder.next(&mut input)?;
        let taken = self.ahead.len() - input.len();
        self.ahead.advance(taken);
        if self.ahead.is_empty() {
            // An empty slice would keep the whole buffer.
            self.ahead = Bytes::new();
        }
        if let Some(event) = &event {
            self.settle(event);
        }
        Ok(event)
    }

    /// Returns whether reading is waiting for memory, so that the peer's pongs cannot be seen.
    pub(super) fn is_waiting_for_room(&self) -> bool {
        self.waiting.is_some()
    }

    /// Returns whether anything has arrived since the last call: a pong, or part of a message
    /// behind which the pong has to wait.
    pub(super) fn take_heard(&mut self) -> bool {
        std::mem::take(&mut self.heard)
    }

    /// Returns the memory that is reserved for the last message; drop it together with the message.
    pub(super) fn take_room(&mut self) -> Option<Room> {
        self.room.take()
    }

    /// Appends a frame to the output. When that [is full](Self::is_full) it must be
    /// [flushed](Self::flush) first.
    pub(super) fn queue(&mut self, frame: Frame) {
        let (Frame::Text(payload) | Frame::Binary(payload)) = &frame;
        let copied = Some(payload.len()).filter(|len| *len < SHARED_BYTES);
        // Reserved once for both: usually there is no output, and nothing is reserved in advance.
        self.out
            .reserve(frames::HEAD_MAX_BYTES + copied.unwrap_or(0));
        let payload = frames::data(frame, &mut self.out);
        if copied.is_some() {
            self.out.extend_from_slice(&payload);
        } else {
            self.tail = payload;
        }
    }

    /// Appends a control frame to the output; `write` appends it.
    pub(super) fn queue_control(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.out);
    }

    /// Returns whether there is enough output that it should be written now.
    pub(super) fn is_full(&self) -> bool {
        !self.tail.is_empty() || self.out.len() >= BATCH_BYTES
    }

    /// Returns whether there is output to write.
    pub(super) fn has_output(&self) -> bool {
        self.written < self.out.len() || !self.tail.is_empty()
    }

    /// Writes all output.
    ///
    /// # Errors
    /// The connection is lost or the peer has stopped reading.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Writes all output; a large frame has to find memory in the budget of frames that peers have
    /// not read; otherwise it is written at once or not at all. A frame that other peers also
    /// receive is in memory anyway, and needs none.
    ///
    /// # Errors
    /// The connection is lost, the peer reads too slowly, or there is no memory.
    pub(super) async fn deliver(&mut self) -> io::Result<()> {
        if self.tail.len() <= FREE_BYTES || !self.tail.is_unique() {
            return self.flush().await;
        }
        let Some(_room) = self.unread.try_take(self.tail.len()) else {
            let at_once = self.flush().now_or_never();
            return at_once.unwrap_or_else(|| {
                log::debug!("a peer is dropped: too many large answers wait to be read");
                Err(io::ErrorKind::TimedOut.into())
            });
        };
        // Boxed, since otherwise an idle socket would keep the timer in its task.
        let in_time = Box::pin(timeout(DELIVERY_TIMEOUT, self.flush())).await;
        in_time.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Ends the output, so that the peer reads to the end before the connection is closed.
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) async fn finish(&mut self) -> io::Result<()> {
        poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx)).await
    }

    /// Frees the memory of what has arrived: it will not be decoded any more.
    pub(super) fn forget(&mut self) {
        self.decoder = Decoder::new(0);
        self.ahead = Bytes::new();
        self.waiting = None;
        self.room = None;
    }

    /// Reads and discards until the peer ends the connection. Unread data would make the kernel
    /// answer with a reset, which can overtake the close frame.
    pub(super) async fn drain(&mut self) {
        loop {
            let more = poll_fn(|cx| {
                let mut scratch = [MaybeUninit::uninit(); READ_BYTES];
                let mut read = ReadBuf::uninit(&mut scratch);
                ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
                Poll::Ready(Ok::<_, io::Error>(!read.filled().is_empty()))
            });
            if !more.await.unwrap_or(false) {
                return;
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.has_output() {
            let head = &self.out[self.written..];
            let mut stream = Pin::new(&mut self.stream);
            let count = if self.tail.is_empty() {
                ready!(stream.as_mut().poll_write(cx, head))?
            } else {
                let parts = [IoSlice::new(head), IoSlice::new(&self.tail)];
                ready!(stream.as_mut().poll_write_vectored(cx, &parts))?
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_head = count.min(head.len());
            self.written += of_head;
            self.tail.advance(count - of_head);
        }
        self.written = 0;
        self.tail = Bytes::new();
        if self.out.capacity() > KEPT_BYTES {
            self.out = Vec::new();
        } else {
            self.out.clear();
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Stops reading until there is memory for the large message that is arriving.
    fn poll_room(&mut self, cx: &mut Context<'_>, signed_in: bool) -> Poll<Result<(), Fault>> {
        if self.waiting.is_none() {
            let Some(bytes) = self.decoder.large(FREE_BYTES) else {
                return Poll::Ready(Ok(()));
            };
            if self.room.is_some() {
                return Poll::Ready(Ok(()));
            }
            // The time for the message stops while this side does not read.
            self.deadline = None;
            self.waiting = Some(Box::pin(self.budget.clone().take(bytes, signed_in)));
        }
        if let Some(waiting) = &mut self.waiting {
            match waiting.as_mut().poll(cx) {
                Poll::Ready(room) => self.room = Some(room),
                Poll::Pending => {
                    ready!(self.poll_deadline(cx));
                    return Poll::Ready(Err(Fault::NoRoom));
                }
            }
        }
        self.waiting = None;
        self.deadline = None;
        Poll::Ready(Ok(()))
    }

    /// Is ready when an unfinished message, or the wait for memory, has taken too long.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.decoder.is_unfinished() {
            return Poll::Pending;
        }
        let timeout = self.message_timeout;
        self.deadline
            .get_or_insert_with(|| Box::pin(sleep(timeout)))
            .as_mut()
            .poll(cx)
    }

    /// The time of a message ends with the message; a control frame in the middle of it changes nothing.
    fn settle(&mut self, event: &Event) {
        if matches!(event, Event::Message(_)) || !self.decoder.is_unfinished() {
            self.deadline = None;
        }
    }
}
