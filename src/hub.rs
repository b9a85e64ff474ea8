//! Who is here, and who hears of what: live connections, their bounded queues, publishing.
//!
//! What belongs here: which user and session is behind which connection, and handing each event to
//! those who listen. What does not: sockets, wire formats, and the question who may hear of what,
//! which the event's audience has answered already.

mod delivery;
mod ends;
mod online;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{Notify, mpsc};

pub use delivery::{Delivery, Frames, Naming};

use crate::model::{Audience, Digits, Event, Form, Origin, Session, SessionId, Timestamp, UserId};

/// How much may wait for one connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct QueueLimits {
    /// Frames.
    pub frames: usize,
    /// Bytes, by estimate. One frame is let in whatever its size.
    pub bytes: usize,
}

/// Why a connection hears nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Its session is over.
    Revoked,
    /// It did not keep up.
    Lagged,
}

const REVOKED: u8 = 1;
const LAGGED: u8 = 2;

/// What hub and listener both see of a connection.
#[derive(Debug, Default)]
struct Shared {
    state: AtomicU8,
    queued_bytes: AtomicUsize,
}

struct Connection {
    user: UserId,
    session: SessionId,
    /// When the session ends unless it is used before.
    expires_at: Timestamp,
    shared: Arc<Shared>,
    queue: Option<mpsc::Sender<Arc<Delivery>>>,
    /// In which form it listens.
    form: Form,
    /// Whether its user has said to look elsewhere.
    is_away: bool,
}

/// A user who is connected.
struct Here {
    /// The id that clients know, as it is written in every list of who is here.
    uuid: Digits,
    origins: Vec<Origin>,
}

#[derive(Default)]
struct State {
    limits: QueueLimits,
    connections: FxHashMap<Origin, Connection>,
    by_user: FxHashMap<UserId, Here>,
    /// Users who came or went since the last look.
    moved: FxHashSet<UserId>,
    /// When sessions are looked through for those that have expired; `None`: nobody is connected.
    next_look: Option<Timestamp>,
}

/// The live connections of people who have signed in.
pub struct Hub {
    state: Mutex<State>,
    next_origin: AtomicU64,
    /// Grows when what was remembered of sessions may be wrong.
    epoch: AtomicU64,
    /// Woken when somebody came or went.
    movement: Notify,
    /// Woken when a session expires before the next look.
    expiry: Notify,
}

impl Hub {
    /// Makes an empty hub.
    #[must_use]
    pub fn new(limits: QueueLimits) -> Arc<Self> {
        let state = State {
            limits,
            ..State::default()
        };
        Arc::new(Self {
            state: Mutex::new(state),
            next_origin: AtomicU64::new(1),
            epoch: AtomicU64::new(0),
            movement: Notify::new(),
            expiry: Notify::new(),
        })
    }

    /// Makes a place for a new connection. Nobody is behind it yet.
    #[must_use]
    pub fn connect(self: &Arc<Self>) -> Listener {
        let origin = Origin(self.next_origin.fetch_add(1, Ordering::Relaxed));
        Listener {
            hub: Arc::clone(self),
            origin,
            signed_in: None,
            shared: Arc::default(),
            receiver: None,
        }
    }

    /// Puts other limits in force: of bytes for everybody, of frames for who begins to listen.
    pub fn set_limits(&self, limits: QueueLimits) {
        self.state().limits = limits;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an event to all who are to hear of it and listen.
    pub fn publish(&self, event: Event) {
        let delivery = Arc::new(Delivery::new(event));
        let size = delivery.size_bytes();
        let now = Timestamp::now();
        let mut over = Vec::new();
        let mut state = self.state();
        let State {
            limits,
            connections,
            by_user,
            ..
        } = &mut *state;
        match &delivery.event.audience {
            Audience::Everyone => {
                for (origin, connection) in connections {
                    if connection.expires_at <= now {
                        over.push(*origin);
                    } else {
                        connection.push(*origin, &delivery, size, *limits);
                    }
                }
            }
            Audience::Users(users) => {
                for origin in users
                    .iter()
                    .filter_map(|user| by_user.get(user))
                    .flat_map(|here| &here.origins)
                {
                    let Some(connection) = connections.get_mut(origin) else {
                        continue;
                    };
                    if connection.expires_at <= now {
                        over.push(*origin);
                    } else {
                        connection.push(*origin, &delivery, size, *limits);
                    }
                }
            }
        }
        self.end(state, &over);
    }

    /// Ends sessions: their connections hear nothing more.
    pub fn revoke(&self, sessions: &[SessionId]) {
        if sessions.is_empty() {
            return;
        }
        self.forget_sessions();
        let state = self.state();
        let ended = |connection: &Connection| sessions.contains(&connection.session);
        let over = state.origins(ended);
        self.end(state, &over);
    }

    /// Makes every listener catch up by itself, since too much happened to be told.
    pub fn lag_all(&self) {
        for connection in self.state().connections.values_mut() {
            if connection.queue.is_some() {
                connection.end(LAGGED);
            }
        }
    }

    /// Has every connection look its session up again before the next request.
    pub fn forget_sessions(&self) {
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }

    /// Changes whenever what was remembered of a session may be wrong.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Sessions that are connected now.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionId> {
        self.state()
            .connections
            .values()
            .map(|connection| connection.session)
            .collect()
    }

    /// Tells whether anybody listens in a form.
    #[must_use]
    pub fn is_heard_in(&self, form: Form) -> bool {
        let state = self.state();
        let mut connections = state.connections.values();
        connections.any(|connection| connection.queue.is_some() && connection.form == form)
    }

    /// Tells whether a user looks at a client: one that listens in the rich form and has not said
    /// otherwise.
    #[must_use]
    pub fn is_active(&self, user: UserId) -> bool {
        let state = self.state();
        let Some(here) = state.by_user.get(&user) else {
            return false;
        };
        let mut connections = here
            .origins
            .iter()
            .filter_map(|origin| state.connections.get(origin));
        connections.any(|it| it.queue.is_some() && it.form.is_rich() && !it.is_away)
    }

    /// Who came or went since the last look.
    #[must_use]
    pub fn take_moved(&self) -> FxHashSet<UserId> {
        std::mem::take(&mut self.state().moved)
    }

    /// Waits until users have come or gone, and says who.
    ///
    /// Cancel safe.
    pub async fn moved(&self) -> FxHashSet<UserId> {
        loop {
            let moved = self.take_moved();
            if !moved.is_empty() {
                return moved;
            }
            self.movement.notified().await;
        }
    }

    /// Seats a connection, unless sessions have ended since this one was looked up.
    fn enter(&self, origin: Origin, session: Session, epoch: u64, shared: &Arc<Shared>) -> bool {
        let connection = Connection {
            user: session.user,
            session: session.id,
            expires_at: session.expires_at,
            shared: Arc::clone(shared),
            queue: None,
            form: Form::default(),
            is_away: false,
        };
        let mut state = self.state();
        // Who ends sessions changes the epoch first and looks for their connections then, under
        // this lock: either the change is seen here, or the connection is seen there.
        if self.epoch() != epoch {
            return false;
        }
        state.connections.insert(origin, connection);
        let State { by_user, moved, .. } = &mut *state;
        let here = by_user.entry(session.user).or_insert_with(|| {
            moved.insert(session.user);
            Here {
                uuid: Digits::of(session.user_uuid),
                origins: Vec::new(),
            }
        });
        here.origins.push(origin);
        let expires_sooner = state.next_look.is_none_or(|look| session.expires_at < look);
        drop(state);
        self.movement.notify_one();
        if expires_sooner {
            self.expiry.notify_one();
        }
        true
    }

    fn leave(&self, origin: Origin) {
        if self.state().remove(origin).is_some() {
            self.movement.notify_one();
        }
    }
}

impl State {
    /// Takes a connection out, and notes that its user is gone if it was the last one.
    fn remove(&mut self, origin: Origin) -> Option<Connection> {
        let connection = self.connections.remove(&origin)?;
        if let Some(here) = self.by_user.get_mut(&connection.user) {
            here.origins.retain(|other| *other != origin);
            if here.origins.is_empty() {
                self.by_user.remove(&connection.user);
                self.moved.insert(connection.user);
            }
        }
        Some(connection)
    }
}

impl Connection {
    fn push(&mut self, origin: Origin, delivery: &Arc<Delivery>, size: usize, limits: QueueLimits) {
        let Some(queue) = &self.queue else { return };
        if delivery.event.origin == Some(origin) {
            return;
        }
        let before = self.shared.queued_bytes.fetch_add(size, Ordering::Relaxed);
        let too_much = before > 0 && before + size > limits.bytes;
        if too_much || queue.try_send(Arc::clone(delivery)).is_err() {
            self.end(LAGGED);
        }
    }

    /// Lets nothing more into the queue; what has been let in, the listener no longer reads.
    fn end(&mut self, state: u8) {
        self.shared.state.store(state, Ordering::Release);
        self.queue = None;
    }
}

/// A connection's side of the hub. Dropping it is going away.
pub struct Listener {
    hub: Arc<Hub>,
    origin: Origin,
    signed_in: Option<SessionId>,
    shared: Arc<Shared>,
    receiver: Option<mpsc::Receiver<Arc<Delivery>>>,
}

impl Listener {
    /// The number of this connection, by which its own changes are known.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Says who is behind this connection, by a session that was looked up in that epoch. Another
    /// session than before ends listening.
    ///
    /// Returns whether it may be: when sessions have ended since, this one has to be looked up
    /// again.
    #[must_use]
    pub fn sign_in(&mut self, session: Session, epoch: u64) -> bool {
        if self.signed_in == Some(session.id) && self.ended().is_none() {
            return true;
        }
        self.sign_out();
        self.shared = Arc::default();
        let entered = self.hub.enter(self.origin, session, epoch, &self.shared);
        self.signed_in = entered.then_some(session.id);
        entered
    }

    /// Tells whether somebody whose session has not ended is behind this connection.
    #[must_use]
    pub fn is_signed_in(&self) -> bool {
        self.signed_in.is_some() && self.ended() != Some(Ended::Revoked)
    }

    /// Says that nobody is behind this connection any more.
    pub fn sign_out(&mut self) {
        if self.signed_in.take().is_some() {
            self.hub.leave(self.origin);
            self.receiver = None;
        }
    }

    /// Begins to listen, to frames in a form; from now on, events wait in the queue. Does nothing
    /// before `sign_in`.
    pub fn listen(&mut self, form: Form) {
        let mut state = self.hub.state();
        let frames = state.limits.frames.max(1);
        if let Some(connection) = state.connections.get_mut(&self.origin) {
            let (sender, receiver) = mpsc::channel(frames);
            self.shared.queued_bytes.store(0, Ordering::Relaxed);
            connection.queue = Some(sender);
            connection.form = form;
            self.receiver = Some(receiver);
        }
    }

    /// Says whether the user looks at this client.
    pub fn set_active(&self, is_active: bool) {
        let mut state = self.hub.state();
        if let Some(connection) = state.connections.get_mut(&self.origin) {
            connection.is_away = !is_active;
        }
    }

    /// Tells whether this connection listens.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.receiver.is_some()
    }

    /// Why nothing more will be heard, if so.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        match self.shared.state.load(Ordering::Acquire) {
            REVOKED => Some(Ended::Revoked),
            LAGGED => Some(Ended::Lagged),
            _ => None,
        }
    }

    /// Waits for the next event; pending for ever when this connection does not listen.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// Why there will be none.
    pub async fn next(&mut self) -> Result<Arc<Delivery>, Ended> {
        let Some(receiver) = &mut self.receiver else {
            return std::future::pending().await;
        };
        let delivery = receiver.recv().await;
        if let Some(ended) = self.ended() {
            return Err(ended);
        }
        let Some(delivery) = delivery else {
            return std::future::pending().await;
        };
        self.shared
            .queued_bytes
            .fetch_sub(delivery.size_bytes(), Ordering::Relaxed);
        Ok(delivery)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.sign_out();
    }
}
