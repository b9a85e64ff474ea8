//! The task of one WebSocket: reads, answers in order, writes, pings and closes.
//!
//! What does not belong here: bytes and frames (see `socket`), the handshake (see `upgrade`), and
//! the meaning of a frame (see [`Conversation`]).

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

use super::frames::{self, Event};
use super::socket::{Fault, Socket};
use super::stop::Stop;
use super::strangers::{Stranger, Strangers};
use crate::protocol::{Answer, Close, Conversation, Frame, Pushed};

/// How long a peer may take to answer a close, and to read the rest.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(2);

/// After this many frames in a row from one peer the task checks for other events.
const FRAMES_IN_A_ROW: u32 = 16;

/// The reason why a conversation ended.
enum End {
    /// The server closes it.
    Close(Close),
    /// The server closes it, and what the peer sends can no longer be decoded.
    Broken(Close),
    /// The peer closed it, with a code if it gave one.
    Closed(Option<u16>),
    /// The connection is lost.
    Gone,
}

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> Self {
        Self::Gone
    }
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Violation(violation) => broken(violation.code, violation.reason),
            Fault::Late => broken(1008, "a message took too long to arrive"),
            Fault::NoRoom => broken(1013, "too many large messages, try again later"),
            Fault::Io(_) => Self::Gone,
        }
    }
}

const fn broken(code: u16, reason: &'static str) -> End {
    End::Broken(Close { code, reason })
}

/// The reason why a socket woke up.
enum Wake {
    Event(Event),
    Pushed(Pushed),
    /// There is only output to write.
    Write,
    Tick,
    Stop,
}

/// Runs a conversation over a socket until either side ends it.
pub(super) async fn run<C: Conversation>(
    mut socket: Socket,
    mut conversation: C,
    stranger: Stranger,
    strangers: &Strangers,
    ping_interval: Duration,
    stop: Stop,
) {
    let who = Who {
        strangers,
        stranger: Some(stranger),
    };
    let end = match talk(&mut socket, &mut conversation, who, ping_interval, &stop).await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    // What it holds, such as a seat in the hub, must not wait for a slow closing handshake.
    drop(conversation);
    // Boxed: closing happens once and should not make every idle socket larger.
    Box::pin(part(&mut socket, end)).await;
}

/// Whether a user has signed in.
struct Who<'a> {
    strangers: &'a Strangers,
    stranger: Option<Stranger>,
}

impl Who<'_> {
    /// Records whether a user has signed in. After a sign-out the connection is a stranger's again.
    fn note(&mut self, signed_in: bool) {
        if signed_in {
            self.stranger = None;
        } else if self.stranger.is_none() {
            self.stranger = Some(self.strangers.enter(None));
        }
    }

    fn poll_over(&self, cx: &mut Context<'_>) -> Poll<Close> {
        match &self.stranger {
            Some(stranger) => stranger.poll_over(cx),
            None => Poll::Pending,
        }
    }
}

enum Never {}

async fn talk<C: Conversation>(
    socket: &mut Socket,
    conversation: &mut C,
    mut who: Who<'_>,
    ping_interval: Duration,
    stop: &Stop,
) -> Result<Never, End> {
    let mut ticks = interval_at(Instant::now() + ping_interval, ping_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stopping = pin!(stop.wait());
    let mut enlisted = false;
    let mut pinged = false;
    let mut in_a_row = 0;
    loop {
        let signed_in = conversation.is_signed_in();
        who.note(signed_in);
        let wake = {
            let mut pushed = pin!(conversation.pushed());
            poll_fn(|cx| {
                if stop.is_said() {
                    return Poll::Ready(Ok(Wake::Stop));
                }
                if let Poll::Ready(close) = who.poll_over(cx) {
                    return Poll::Ready(Ok(Wake::Pushed(Pushed::Close(close))));
                }
                if in_a_row < FRAMES_IN_A_ROW
                    && let Poll::Ready(event) = socket.poll_event(cx, signed_in)
                {
                    return Poll::Ready(event.map(Wake::Event));
                }
                if let Poll::Ready(pushed) = pushed.as_mut().poll(cx) {
                    return Poll::Ready(Ok(Wake::Pushed(pushed)));
                }
                if ticks.poll_tick(cx).is_ready() {
                    return Poll::Ready(Ok(Wake::Tick));
                }
                if in_a_row >= FRAMES_IN_A_ROW
                    && let Poll::Ready(event) = socket.poll_event(cx, signed_in)
                {
                    in_a_row = 0;
                    return Poll::Ready(event.map(Wake::Event));
                }
                if socket.has_output() {
                    return Poll::Ready(Ok(Wake::Write));
                }
                // Once registered it stays so for as long as this task lives, and `is_said` above
                // gives the outcome: polling it each time would take a lock that all share.
                if !enlisted {
                    enlisted = true;
                    if stopping.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(Ok(Wake::Stop));
                    }
                }
                Poll::Pending
            })
            .await?
        };
        in_a_row = if matches!(wake, Wake::Event(_)) {
            in_a_row + 1
        } else {
            0
        };
        match wake {
            Wake::Event(event) => handle(socket, conversation, event).await?,
            Wake::Pushed(Pushed::Frame(frame)) => say(socket, frame).await?,
            Wake::Pushed(Pushed::Close(close)) => return Err(End::Close(close)),
            Wake::Write => socket.flush().await?,
            Wake::Tick => ping(socket, &mut pinged, &mut ticks).await?,
            Wake::Stop => {
                // Messages that have arrived are answered; the task does not wait for others.
                while let Some(event) = socket.decode_ahead().map_err(Fault::from)? {
                    handle(socket, conversation, event).await?;
                }
                return Err(End::Close(Close {
                    code: 1001,
                    reason: "the server is going down",
                }));
            }
        }
    }
}

/// Sends a ping, or gives up a peer from which nothing has arrived since the last ping.
async fn ping(socket: &mut Socket, pinged: &mut bool, ticks: &mut Interval) -> Result<(), End> {
    if socket.is_waiting_for_room() {
        // Its pong may be behind data that is not being read.
        ticks.reset();
        return Ok(());
    }
    let heard = socket.take_heard();
    if *pinged && !heard {
        return Err(End::Gone);
    }
    *pinged = true;
    socket.queue_control(frames::ping);
    Ok(socket.flush().await?)
}

async fn handle<C: Conversation>(
    socket: &mut Socket,
    conversation: &mut C,
    event: Event,
) -> Result<(), End> {
    match event {
        Event::Message(frame) => {
            let room = socket.take_room();
            // Boxed: the state of a request is several kilobytes, which an idle socket would
            // otherwise keep in its task, and more than once.
            let answer = settle(socket, Box::pin(conversation.answer(frame))).await?;
            drop(room);
            let Ok(answer) = answer else {
                log::error!("a request made its handler panic; its connection is closed");
                return Err(End::Close(Close {
                    code: 1011,
                    reason: "internal error",
                }));
            };
            if let Some(frame) = answer.frame {
                say(socket, frame).await?;
            }
            answer.close.map_or(Ok(()), |close| Err(End::Close(close)))
        }
        Event::Ping(payload) => {
            socket.queue_control(|out| frames::pong(&payload, out));
            if socket.is_full() {
                Ok(socket.flush().await?)
            } else {
                Ok(())
            }
        }
        Event::Pong => Ok(()),
        Event::Close(code) => Err(End::Closed(code)),
    }
}

/// Awaits an answer to its end, even if the peer is gone, since a request must not stop halfway.
async fn settle(
    socket: &mut Socket,
    answer: impl Future<Output = Answer>,
) -> Result<std::thread::Result<Answer>, End> {
    // A panic is a bug in one request, and ends only its own connection.
    let mut answer = pin!(AssertUnwindSafe(answer).catch_unwind());
    let at_once = poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx)));
    if let Poll::Ready(done) = at_once.await {
        return Ok(done);
    }
    // Earlier answers do not wait for one that takes long.
    let written = if socket.has_output() {
        socket.flush().await
    } else {
        Ok(())
    };
    let done = answer.await;
    written?;
    Ok(done)
}

/// Queues a frame, and writes when there is enough output.
async fn say(socket: &mut Socket, frame: Frame) -> Result<(), End> {
    socket.queue(frame);
    if socket.is_full() {
        Ok(socket.deliver().await?)
    } else {
        Ok(())
    }
}

/// Ends a connection in the way that its end requires, within bounded time.
async fn part(socket: &mut Socket, end: End) {
    let goodbye = async {
        match end {
            End::Close(close) => {
                socket.queue_control(|out| frames::close(Some(close.code), close.reason, out));
                socket.flush().await?;
                // The protocol requires waiting for the peer's own close.
                while !matches!(next(socket).await, Err(_) | Ok(Event::Close(_))) {}
                socket.finish().await
            }
            End::Broken(close) => {
                socket.forget();
                socket.queue_control(|out| frames::close(Some(close.code), close.reason, out));
                socket.flush().await?;
                socket.finish().await?;
                socket.drain().await;
                Ok(())
            }
            End::Closed(code) => {
                socket.queue_control(|out| frames::close(code, "", out));
                socket.flush().await?;
                socket.finish().await
            }
            End::Gone => Ok(()),
        }
    };
    // A peer that does not complete the closing handshake in time is cut off.
    let _: Result<std::io::Result<()>, _> = timeout(CLOSING_TIMEOUT, goodbye).await;
}

async fn next(socket: &mut Socket) -> Result<Event, Fault> {
    // A stranger's share of memory is enough for data that is discarded.
    poll_fn(|cx| socket.poll_event(cx, false)).await
}
