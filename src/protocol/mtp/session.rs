//! The conversation with one peer: who it is, what it listens to, and how it is answered.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use rand::Rng;

use super::codes;
use super::error::MtpError;
use super::meter::Meter;
use super::methods::{self, Context};
use super::push;
use super::reply::{Data, Reply};
use super::request::{Request, form_of_unreadable};
use super::seconds::Resume;
use crate::config::ApiVersion;
use crate::hub::{Frames, Listener};
use crate::model::{Form, PublicId, Timestamp};
use crate::protocol::{Answer, Close, Conversation, Frame, Pushed};
use crate::service::{
    Bucket, Client, Cursor, End, Feed, Payer, Rate, Refusal, Service, ServiceError, Shown,
    SignedIn, Told, Value,
};

/// The number of bad frames in a row that ends a connection. Source: MTP 1.0 revision 17, Transport.
const MAX_BAD_FRAMES: u32 = 20;

/// The time limit of a request: longer than the wait for any lock and than any password check on a
/// small board.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// The number of requests that each connection may send before sign-in, whatever others at the address
/// do: enough to sign in, and a flood pays more for its connections than these requests cost.
const FREE_REQUESTS: u8 = 4;

const TOO_MANY_BAD_FRAMES: Close = Close {
    code: 1008,
    reason: "too many frames that are no requests",
};
const SESSION_ENDED: Close = Close {
    code: 4401,
    reason: "this session has ended; log in again",
};
const TOO_SLOW: Close = Close {
    code: 1013,
    reason: "too slow to keep up; connect and catch up",
};
const TRY_AGAIN: Close = Close {
    code: 1013,
    reason: "the server cannot read what happened; try again",
};

/// The settings of every session of a server.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The lowest version of the protocol that is accepted.
    pub min_version: ApiVersion,
    /// The highest version of the protocol that is accepted.
    pub max_version: ApiVersion,
}

/// A conversation with one peer.
pub struct Session {
    service: Arc<Service>,
    settings: Settings,
    client: Client,
    bad_frames: u32,
    bucket: Bucket,
    rate: Rate,
    state: State,
    meter: Option<Arc<Meter>>,
}

/// The state that a session keeps between requests.
pub(super) struct State {
    pub(super) listener: Listener,
    pub(super) subscription: Option<Subscription>,
    /// Where the last `get_update` by time stopped inside a second.
    pub(super) resume: Option<Resume>,
    /// Whether a session was opened on this connection, so that its token may be sent next.
    pub(super) opened: bool,
    /// Where the last `get_update` by position stopped, if that was inside a row.
    pub(super) stopped: Option<Cursor>,
    /// The token that was sent last.
    shown: Option<Shown>,
    /// The remaining requests before sign-in that are admitted whatever others at the address do.
    free: u8,
}

/// The events that a subscriber follows.
pub(super) struct Subscription {
    feed: Feed,
    rest: Rest,
}

impl Subscription {
    /// Starts to follow events.
    pub(super) fn new(feed: Feed) -> Self {
        Self {
            feed,
            rest: Rest::default(),
        }
    }
}

/// Frames of one event, some of which are still to be sent.
#[derive(Default)]
struct Rest {
    frames: Option<Arc<[(PublicId, Bytes)]>>,
    told: usize,
}

impl Rest {
    /// Returns the next frame that is not about the reader.
    fn next(&mut self, reader: PublicId) -> Option<Bytes> {
        let frames = self.frames.as_ref()?;
        while let Some((user, frame)) = frames.get(self.told) {
            self.told += 1;
            if *user != reader {
                return Some(frame.clone());
            }
        }
        *self = Self::default();
        None
    }
}

impl Session {
    /// Starts a conversation with a peer.
    #[must_use]
    pub fn new(service: Arc<Service>, settings: Settings, client: Client) -> Self {
        let limits = service.limits();
        let rate = Rate::new(limits.requests_per_second.into(), limits.burst.into());
        let state = State {
            listener: service.connect(),
            subscription: None,
            resume: None,
            opened: false,
            stopped: None,
            shown: None,
            free: FREE_REQUESTS,
        };
        Self {
            service,
            settings,
            client,
            bad_frames: 0,
            bucket: Bucket::full(Instant::now()),
            rate,
            state,
            meter: None,
        }
    }

    /// Sets the meter that counts the requests.
    #[must_use]
    pub fn metered(self, meter: Option<Arc<Meter>>) -> Self {
        Self { meter, ..self }
    }

    /// Records the outcome of a request.
    fn count(&self, method: &str, is_error: bool, began: Option<Instant>) {
        if let (Some(meter), Some(began)) = (&self.meter, began) {
            meter.count(method, is_error, began.elapsed());
        }
    }

    /// Answers one request.
    async fn respond(&mut self, frame: &[u8]) -> Bytes {
        let began = self.meter.as_ref().map(|_| Instant::now());
        let request = match Request::read(frame) {
            Ok(request) => request,
            Err(what) => {
                let form = form_of_unreadable(frame);
                self.count("error", true, began);
                return self.refuse("error", form, &MtpError::Malformed(what));
            }
        };
        let method = request.method.clone();
        let form = match request.form() {
            Ok(form) => form,
            Err(what) => {
                self.count("error", true, began);
                return self.refuse(&method, Form::Plain, &MtpError::Malformed(what));
            }
        };
        let work = AssertUnwindSafe(self.perform(request, form)).catch_unwind();
        let result = match tokio::time::timeout(REQUEST_TIMEOUT, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(MtpError::Panicked),
            Err(_) => Err(MtpError::TimedOut),
        };
        // Unknown methods are counted without their names.
        let name = match &result {
            Err(err) if err.is_unrecognised() => "error",
            _ => &*method,
        };
        self.count(name, result.is_err(), began);
        match result {
            Ok(frame) => {
                self.bad_frames = 0;
                frame
            }
            Err(err) => self.refuse(&method, form, &err),
        }
    }

    async fn perform(&mut self, request: Request<'_>, form: Form) -> Result<Bytes, MtpError> {
        let txn = request.txn().map_err(MtpError::Malformed)?;
        let gate = self
            .require_version(&request.jsonapi.version)
            .and_then(|()| {
                let payer = Payer::Connection;
                let taken = self.bucket.take(1.0, self.rate, Instant::now());
                taken.map_err(|wait| Refusal::TooManyRequests { payer, wait }.into())
            });
        let mut cx = Context {
            service: &self.service,
            client: &self.client,
            state: &mut self.state,
            method: &request.method,
            form,
            txn: txn.map(super::request::Text::into_owned),
        };
        methods::dispatch(&mut cx, gate, request.data.unwrap_or_default()).await
    }

    fn require_version(&self, version: &str) -> Result<(), MtpError> {
        let Settings {
            min_version,
            max_version,
        } = self.settings;
        match ApiVersion::read(version) {
            Ok(version) if (min_version..=max_version).contains(&version) => Ok(()),
            _ => Err(MtpError::Version {
                min: min_version.to_string(),
                max: max_version.to_string(),
                known_method: true,
            }),
        }
    }

    /// Returns the answer to a request that was not carried out. An internal error is logged here,
    /// once, with an id that the answer repeats; the client sees nothing else of it.
    fn refuse(&mut self, method: &str, form: Form, err: &MtpError) -> Bytes {
        let malformed = matches!(err, MtpError::Malformed(_));
        self.bad_frames = if malformed { self.bad_frames + 1 } else { 0 };
        let method = if err.is_unrecognised() {
            "error"
        } else {
            method
        };
        let mut detail = err.to_string();
        let (key, mut values) = err.described();
        match err {
            MtpError::Panicked
            | MtpError::Service(ServiceError::Store(_) | ServiceError::Hash(_)) => {
                let id: u32 = rand::rng().random();
                log::error!("{method} failed, id {id:08x}: {}", chain(err));
                values.push(("id", Value::Text(format!("{id:08x}").into())));
                detail = format!("{detail}; tell its administrator the id {id:08x}");
            }
            MtpError::Service(ServiceError::Unavailable(cause)) if !cause.is_told() => {
                log::warn!("{method}: {cause}");
            }
            _ => log::debug!("{method}: {detail}"),
        }
        let now = Timestamp::now().seconds();
        let detail = sentence(&detail);
        let mut reply = Reply::new(method, codes::of(err), &detail, now);
        reply.data = form.is_rich().then(|| Data::refused(key, values, now));
        reply.to_frame()
    }
}

impl State {
    /// Takes one of the requests that are admitted in any case.
    pub(super) fn take_free(&mut self) -> bool {
        let is_free = self.free > 0;
        self.free = self.free.saturating_sub(1);
        is_free
    }

    /// Finds the user of a token, and assigns the connection to that user.
    ///
    /// # Errors
    /// 401 if there is no token, or it is expired, revoked or another user's.
    pub(super) async fn sign_in(
        &mut self,
        service: &Service,
        credentials: Option<&methods::Credentials>,
    ) -> Result<SignedIn, MtpError> {
        let credentials = credentials.ok_or(MtpError::NoToken)?;
        // The token alone would be enough; MTP also names its user.
        let uuid = PublicId::parse(&credentials.uuid).ok_or(Refusal::NoSession)?;
        let token = match self.shown.take() {
            Some(shown) if shown.is(&credentials.token) => shown,
            _ => Shown::new(&credentials.token),
        };
        let token = self.shown.insert(token);
        loop {
            let user = service.authenticate_shown(token).await?;
            if user.uuid() != uuid {
                return Err(Refusal::NoSession.into());
            }
            if !self.listener.sign_in(user.session(), user.epoch()) {
                // Sessions have ended since the lookup, and this may be one of them.
                continue;
            }
            let user = user.from(self.listener.origin());
            self.hand_over(&user);
            return Ok(user);
        }
    }

    /// Gives the subscription to the user who now has the connection: another session of the same
    /// user continues where it was; a different user has not subscribed.
    fn hand_over(&mut self, user: &SignedIn) {
        if let Some(mut subscription) = self.subscription.take()
            && subscription.feed.user().user() == user.user()
        {
            subscription.feed.go_on_as(*user, &self.listener);
            self.subscription = Some(subscription);
        }
    }

    /// Returns the next frame for a subscriber; for other clients it is pending forever. Cancel safe.
    async fn next_push(&mut self, service: &Service) -> Result<Bytes, Close> {
        let Some(subscription) = &mut self.subscription else {
            return std::future::pending().await;
        };
        let form = subscription.feed.form();
        let reader = subscription.feed.user().uuid();
        loop {
            // If the session has ended, its waiting frames are not sent either.
            if self.listener.ended().is_none()
                && let Some(frame) = subscription.rest.next(reader)
            {
                return Ok(frame);
            }
            let told = subscription.feed.next(service, &mut self.listener).await;
            let told = told.map_err(|end| match end {
                End::Revoked => SESSION_ENDED,
                End::Lagged => TOO_SLOW,
                End::Unreadable(err) => {
                    log::warn!("reading what a subscriber missed failed: {err}");
                    TRY_AGAIN
                }
            })?;
            let frames = match told {
                Told::Page(page) => {
                    push::page(form, &page, reader, service).map_or(Frames::None, Frames::One)
                }
                Told::Event(delivery) => {
                    delivery.frames(form, |event| push::frames(form, event, service))
                }
            };
            match frames {
                Frames::None => {}
                Frames::One(frame) => return Ok(frame),
                Frames::Naming(frame) => return Ok(frame.frame(reader)),
                Frames::Each(frames) => {
                    subscription.rest = Rest {
                        frames: Some(frames),
                        told: 0,
                    }
                }
            }
        }
    }
}

impl Conversation for Session {
    async fn answer(&mut self, frame: Frame) -> Answer {
        let (Frame::Text(bytes) | Frame::Binary(bytes)) = frame;
        let answer = self.respond(&bytes).await;
        let close = (self.bad_frames >= MAX_BAD_FRAMES).then_some(TOO_MANY_BAD_FRAMES);
        Answer {
            frame: Some(Frame::Text(answer)),
            close,
        }
    }

    async fn pushed(&mut self) -> Pushed {
        match self.state.next_push(&self.service).await {
            Ok(frame) => Pushed::Frame(Frame::Text(frame)),
            Err(close) => {
                self.state.subscription = None;
                Pushed::Close(close)
            }
        }
    }

    fn is_signed_in(&self) -> bool {
        self.state.opened || self.state.listener.is_signed_in()
    }
}

/// Returns an error's words as a sentence. The name of a method stays as it is.
fn sentence(words: &str) -> String {
    if words
        .split(' ')
        .next()
        .is_some_and(|first| first.contains('_'))
    {
        return format!("{words}.");
    }
    let mut rest = words.chars();
    let first = rest.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), rest.as_str())
}

/// Returns an error with its causes, for the log.
fn chain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        text = format!("{text}: {err}");
        cause = err.source();
    }
    text
}
