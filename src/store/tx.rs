//! What a read sees and what a write may do: the arguments of every SQL function of this module.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use rusqlite::blob::Blob;
use rusqlite::{CachedStatement, Connection, ErrorCode};
use rustc_hash::FxHashMap;

use super::error::StoreError;
use super::uuids::Uuids;
use crate::model::{
    Audience, Event, FlowId, MessageId, News, Origin, Position, PublicId, SessionId, Timestamp,
    UserId,
};

/// One consistent state of the file.
pub struct View<'a> {
    conn: &'a Connection,
    /// Public ids that are cached.
    uuids: Option<&'a Uuids>,
    /// Whether everything in this view is committed.
    is_committed: bool,
}

impl<'a> View<'a> {
    pub(super) fn new(conn: &'a Connection) -> Self {
        Self {
            conn,
            uuids: None,
            is_committed: true,
        }
    }

    /// Creates a view with a cache of public ids.
    pub(super) fn remembering(conn: &'a Connection, uuids: &'a Uuids) -> Self {
        Self {
            uuids: Some(uuids),
            ..Self::new(conn)
        }
    }

    /// Returns the public id of a user if it is cached.
    pub(super) fn known_uuid(&self, user: UserId) -> Option<PublicId> {
        self.uuids?.get(user)
    }

    /// Caches the public id of a user after it was read.
    pub(super) fn remember_uuid(&self, user: UserId, uuid: PublicId) {
        if let Some(uuids) = self.uuids.filter(|_| self.is_committed) {
            uuids.put(user, uuid);
        }
    }

    /// Prepares a statement, or takes it from the cache.
    pub(super) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, StoreError> {
        Ok(self.conn.prepare_cached(sql)?)
    }

    /// Opens the content of a row for reading piece by piece; `None`: there is no such row.
    pub(super) fn open_blob(
        &self,
        table: &str,
        column: &str,
        row: i64,
    ) -> Result<Option<Blob<'_>>, StoreError> {
        match self.conn.blob_open("main", table, column, row, true) {
            Ok(blob) => Ok(Some(blob)),
            Err(rusqlite::Error::SqliteFailure(err, _)) if err.code == ErrorCode::Unknown => {
                Ok(None)
            }
            Err(err) => Err(err.into()),
        }
    }

    /// Returns the path of the file.
    pub(super) fn path(&self) -> &Path {
        Path::new(self.conn.path().unwrap_or_default())
    }

    /// Returns the row number of the last row that the connection has inserted.
    pub(super) fn last_id(&self) -> i64 {
        self.conn.last_insert_rowid()
    }
}

/// The maximum number of flows whose members the writer caches.
const REMEMBERED_FLOWS: usize = 1024;

/// The maximum number of sessions that the writer caches.
const REMEMBERED_SESSIONS: usize = 4096;

/// What the writer caches between writes.
pub(super) struct Ground {
    /// The last position in the log that was assigned.
    pub(super) position: Cell<Position>,
    /// The time at that position.
    pub(super) at: Cell<Timestamp>,
    /// The members of flows, so that a message needs no query for them.
    pub(super) members: RefCell<FxHashMap<FlowId, Arc<[UserId]>>>,
    /// When sessions that were found to be valid end, so that a write needs no query for its own session.
    pub(super) sessions: RefCell<FxHashMap<SessionId, Timestamp>>,
    /// The public ids of users.
    pub(super) uuids: Arc<Uuids>,
    /// Reads the members of a flow.
    pub(super) load: fn(&View<'_>, FlowId) -> Result<Vec<UserId>, StoreError>,
    /// Writes the events of rooms, while Matrix is on.
    pub(super) keeper: Cell<Option<Keeper>>,
}

/// A function that makes events of rooms from rows of the log.
pub(super) type Keeper = fn(&Tx<'_>, &Logged) -> Result<(), StoreError>;

/// A row of the log that has just been written, for the [`Keeper`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Logged {
    pub(super) position: Position,
    /// The number of its kind.
    pub(super) kind: i64,
    pub(super) actor: Option<UserId>,
    pub(super) flow: Option<FlowId>,
    pub(super) message: Option<MessageId>,
    pub(super) user: Option<UserId>,
}

/// What a client has sent for an event of a room that is about to be logged.
#[derive(Debug, Clone)]
pub struct Said {
    /// The type of the event.
    pub kind: String,
    /// Its content, as JSON.
    pub content: String,
    /// The id that the event gets.
    pub uuid: PublicId,
    /// The session that sent the event, and its transaction id.
    pub txn: Option<(SessionId, String)>,
}

impl Ground {
    /// Starts at the end of the log.
    pub(super) fn new(
        (position, at): (Position, Timestamp),
        uuids: Arc<Uuids>,
        load: fn(&View<'_>, FlowId) -> Result<Vec<UserId>, StoreError>,
    ) -> Self {
        Self {
            position: Cell::new(position),
            at: Cell::new(at),
            members: RefCell::default(),
            sessions: RefCell::default(),
            uuids,
            load,
            keeper: Cell::new(None),
        }
    }

    /// Sets the function that makes the events of rooms.
    pub(super) fn keeping(self, keeper: Option<Keeper>) -> Self {
        self.keeper.set(keeper);
        self
    }

    /// Clears what may have changed without the writer, or was not committed after all.
    pub(super) fn forget(&self) {
        self.members.borrow_mut().clear();
        self.sessions.borrow_mut().clear();
    }
}

/// One write: a [`View`] that can change the file, and collects what is reported after the commit.
///
/// Everything that is done through it is rolled back if the write returns an error.
pub struct Tx<'a> {
    view: View<'a>,
    now: Timestamp,
    ground: &'a Ground,
    touched: RefCell<Vec<FlowId>>,
    told: RefCell<Told>,
    said: RefCell<Vec<Said>>,
}

/// The effects of a write besides its rows.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) events: Vec<Event>,
    pub(super) ended: Vec<SessionId>,
    /// Flows whose members have changed.
    pub(super) moved: Vec<FlowId>,
    /// Old text also has to be removed from the write-ahead log.
    pub(super) scrub: bool,
    /// There is work for the full-text index.
    pub(super) index: bool,
    /// A caller waits for that work.
    pub(super) index_now: bool,
}

impl<'a> Deref for Tx<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

impl<'a> Tx<'a> {
    pub(super) fn new(conn: &'a Connection, now: Timestamp, ground: &'a Ground) -> Self {
        Self {
            view: View {
                is_committed: false,
                ..View::remembering(conn, &ground.uuids)
            },
            now,
            ground,
            touched: RefCell::default(),
            told: RefCell::default(),
            said: RefCell::default(),
        }
    }

    /// Switches on or off that events of rooms are made from what is logged.
    pub(super) fn keep_rooms(&self, keeper: Option<Keeper>) {
        self.ground.keeper.set(keeper);
    }

    /// Returns whether events of rooms are kept.
    #[must_use]
    pub fn keeps_rooms(&self) -> bool {
        self.ground.keeper.get().is_some()
    }

    /// Makes the events of rooms for a row of the log.
    pub(super) fn logged(&self, row: &Logged) -> Result<(), StoreError> {
        match self.ground.keeper.get() {
            Some(keep) => keep(self, row),
            None => Ok(()),
        }
    }

    /// Sets the content of the next event of its type.
    pub fn say(&self, said: Said) {
        self.said.borrow_mut().push(said);
    }

    /// Takes the content that was set for the next event of a type.
    pub(super) fn take_said(&self, kind: &str) -> Option<Said> {
        let mut said = self.said.borrow_mut();
        let place = said.iter().position(|it| it.kind == kind)?;
        Some(said.remove(place))
    }

    /// Returns the time of this write.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns the time for the next change in the log, which is never before that of the last one.
    pub(super) fn log_time(&self) -> Timestamp {
        let at = self.now.max(self.ground.at.get());
        self.ground.at.set(at);
        at
    }

    /// Returns the last position that was assigned.
    pub(super) fn position(&self) -> Position {
        self.ground.position.get()
    }

    /// Assigns the position of the next row of the log, which the caller adds.
    pub(super) fn next_position(&self) -> Position {
        let position = Position(self.ground.position.get().0 + 1);
        self.ground.position.set(position);
        position
    }

    /// Reports, after the commit, an event at a position.
    pub(super) fn tell(
        &self,
        position: Position,
        origin: Option<Origin>,
        audience: Audience,
        news: News,
    ) {
        let position = Some(position);
        self.told.borrow_mut().events.push(Event {
            position,
            origin,
            audience,
            news,
        });
    }

    /// Reports to the members of a flow, after the commit, that something happened in its room.
    pub(super) fn tell_room(&self, flow: FlowId) -> Result<(), StoreError> {
        let audience = self.audience_of(flow)?;
        self.told.borrow_mut().events.push(Event {
            // Clients that follow by position skip it.
            position: None,
            origin: None,
            audience,
            news: News::Room(flow),
        });
        Ok(())
    }

    /// Reports to one user alone something that only other protocols show.
    pub(super) fn tell_private(&self, user: UserId, flow: FlowId) {
        self.told.borrow_mut().events.push(Event {
            position: None,
            origin: None,
            audience: Audience::Users([user].into()),
            news: News::Room(flow),
        });
    }

    /// Returns when a valid session ends, if that is cached.
    pub(super) fn known_session(&self, session: SessionId) -> Option<Timestamp> {
        self.ground.sessions.borrow().get(&session).copied()
    }

    /// Caches when a session ends, after it was read.
    pub(super) fn remember_session(&self, session: SessionId, expires_at: Timestamp) {
        let mut sessions = self.ground.sessions.borrow_mut();
        if sessions.len() >= REMEMBERED_SESSIONS {
            sessions.clear();
        }
        sessions.insert(session, expires_at);
    }

    /// Drops a session from the cache, because its end is changing.
    pub(super) fn session_changed(&self, session: SessionId) {
        self.ground.sessions.borrow_mut().remove(&session);
    }

    /// Reports, after the commit, that these sessions have ended.
    pub(super) fn end_sessions(&self, sessions: impl IntoIterator<Item = SessionId>) {
        // Sessions may be ended because their user is locked out, which can affect other cached ones.
        self.ground.sessions.borrow_mut().clear();
        self.told.borrow_mut().ended.extend(sessions);
    }

    /// Requests that the write-ahead log is emptied soon, because it still holds deleted text.
    pub(super) fn scrub(&self) {
        self.told.borrow_mut().scrub = true;
    }

    /// Requests that the full-text index is brought up to date when there is time.
    pub(super) fn index_later(&self) {
        self.told.borrow_mut().index = true;
    }

    /// Requests that the full-text index is brought closer to the messages right after this write.
    pub(super) fn index_now(&self) {
        self.told.borrow_mut().index_now = true;
    }

    /// Returns the present members of a flow.
    pub(super) fn audience_of(&self, flow: FlowId) -> Result<Audience, StoreError> {
        if let Some(members) = self.ground.members.borrow().get(&flow) {
            return Ok(Audience::Users(Arc::clone(members)));
        }
        let members: Arc<[UserId]> = (self.ground.load)(self, flow)?.into();
        let mut cache = self.ground.members.borrow_mut();
        if cache.len() >= REMEMBERED_FLOWS {
            cache.clear();
        }
        cache.insert(flow, Arc::clone(&members));
        Ok(Audience::Users(members))
    }

    /// Drops the members of a flow from the cache, because they are changing.
    pub(super) fn members_changed(&self, flow: FlowId) {
        self.ground.members.borrow_mut().remove(&flow);
        self.touched.borrow_mut().push(flow);
    }

    /// Ends the write. A failed one reports nothing, and the members it has cached are dropped.
    pub(super) fn finish(self, succeeded: bool) -> Told {
        if succeeded {
            let mut told = self.told.into_inner();
            told.moved = self.touched.into_inner();
            return told;
        }
        let mut cache = self.ground.members.borrow_mut();
        for flow in self.touched.into_inner() {
            cache.remove(&flow);
        }
        Told::default()
    }
}
