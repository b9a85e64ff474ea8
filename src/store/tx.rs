//! What a read sees and what a write may do: the arguments of every SQL function here.

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
    /// Public ids that are known without reading them.
    uuids: Option<&'a Uuids>,
    /// Whether all that is seen is committed.
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

    /// The same with a memory of public ids.
    pub(super) fn remembering(conn: &'a Connection, uuids: &'a Uuids) -> Self {
        Self {
            uuids: Some(uuids),
            ..Self::new(conn)
        }
    }

    /// The public id of a user, if it is known without reading it.
    pub(super) fn known_uuid(&self, user: UserId) -> Option<PublicId> {
        self.uuids?.get(user)
    }

    /// Remembers the public id of a user, which has been read.
    pub(super) fn remember_uuid(&self, user: UserId, uuid: PublicId) {
        if let Some(uuids) = self.uuids.filter(|_| self.is_committed) {
            uuids.put(user, uuid);
        }
    }

    /// Prepares a statement, or finds it prepared.
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

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        Path::new(self.conn.path().unwrap_or_default())
    }

    /// The row that the connection has inserted last.
    pub(super) fn last_id(&self) -> i64 {
        self.conn.last_insert_rowid()
    }
}

/// Flows whose members the writer remembers at most.
const REMEMBERED_FLOWS: usize = 1024;

/// Sessions that the writer remembers at most.
const REMEMBERED_SESSIONS: usize = 4096;

/// What the writer remembers between writes.
pub(super) struct Ground {
    /// The last position that was given.
    pub(super) position: Cell<Position>,
    /// The time there.
    pub(super) at: Cell<Timestamp>,
    /// Members of flows, so that a message costs no query for them.
    pub(super) members: RefCell<FxHashMap<FlowId, Arc<[UserId]>>>,
    /// When sessions end that have been found to stand, so that a write costs no query for its own.
    pub(super) sessions: RefCell<FxHashMap<SessionId, Timestamp>>,
    /// Public ids of users.
    pub(super) uuids: Arc<Uuids>,
    /// Reads the members of a flow.
    pub(super) load: fn(&View<'_>, FlowId) -> Result<Vec<UserId>, StoreError>,
    /// Writes the events of rooms, while those are kept.
    pub(super) keeper: Cell<Option<Keeper>>,
}

/// What makes events of rooms from what is logged.
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

/// What somebody says of an event of a room that is about to be logged: the content as it was sent.
#[derive(Debug, Clone)]
pub struct Said {
    /// The type of the event.
    pub kind: String,
    /// Its content, JSON.
    pub content: String,
    /// The id that it is to have.
    pub uuid: PublicId,
    /// By which session, and what that calls it.
    pub txn: Option<(SessionId, String)>,
}

impl Ground {
    /// Begins where the log ends.
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

    /// The same, making the events of rooms.
    pub(super) fn keeping(self, keeper: Option<Keeper>) -> Self {
        self.keeper.set(keeper);
        self
    }

    /// Forgets what may have changed without the writer's doing, or was not written after all.
    pub(super) fn forget(&self) {
        self.members.borrow_mut().clear();
        self.sessions.borrow_mut().clear();
    }
}

/// One write: a [`View`] that can change the file, and collects what is to be told afterwards.
///
/// Everything done through it is undone when the write returns an error.
pub struct Tx<'a> {
    view: View<'a>,
    now: Timestamp,
    ground: &'a Ground,
    touched: RefCell<Vec<FlowId>>,
    told: RefCell<Told>,
    said: RefCell<Vec<Said>>,
}

/// What a write leaves behind besides rows.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) events: Vec<Event>,
    pub(super) ended: Vec<SessionId>,
    /// Flows whose members have changed.
    pub(super) moved: Vec<FlowId>,
    /// Old text has to leave the write-ahead log too.
    pub(super) scrub: bool,
    /// There is something for the full-text index to do.
    pub(super) index: bool,
    /// Somebody waits for that.
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

    /// Makes the events of rooms from what is logged from now on, or no longer.
    pub(super) fn keep_rooms(&self, keeper: Option<Keeper>) {
        self.ground.keeper.set(keeper);
    }

    /// Tells whether events of rooms are kept.
    #[must_use]
    pub fn keeps_rooms(&self) -> bool {
        self.ground.keeper.get().is_some()
    }

    /// Makes the events of rooms from a row of the log.
    pub(super) fn logged(&self, row: &Logged) -> Result<(), StoreError> {
        match self.ground.keeper.get() {
            Some(keep) => keep(self, row),
            None => Ok(()),
        }
    }

    /// Says what the next event of its type is to contain.
    pub fn say(&self, said: Said) {
        self.said.borrow_mut().push(said);
    }

    /// Takes what was said of the next event of a type.
    pub(super) fn take_said(&self, kind: &str) -> Option<Said> {
        let mut said = self.said.borrow_mut();
        let place = said.iter().position(|it| it.kind == kind)?;
        Some(said.remove(place))
    }

    /// The time at which this write happens.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The time that the log gives the next change: never before that of the last one.
    pub(super) fn log_time(&self) -> Timestamp {
        let at = self.now.max(self.ground.at.get());
        self.ground.at.set(at);
        at
    }

    /// The last position that was given.
    pub(super) fn position(&self) -> Position {
        self.ground.position.get()
    }

    /// The position of the next row of the log, which the caller adds.
    pub(super) fn next_position(&self) -> Position {
        let position = Position(self.ground.position.get().0 + 1);
        self.ground.position.set(position);
        position
    }

    /// Tells, after the commit, that something happened at a position.
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

    /// Tells the members of a flow, after the commit, that something happened in its room.
    pub(super) fn tell_room(&self, flow: FlowId) -> Result<(), StoreError> {
        let audience = self.audience_of(flow)?;
        self.told.borrow_mut().events.push(Event {
            // Whoever follows by position passes it over.
            position: None,
            origin: None,
            audience,
            news: News::Room(flow),
        });
        Ok(())
    }

    /// Tells one user alone of something that only other protocols show.
    pub(super) fn tell_private(&self, user: UserId, flow: FlowId) {
        self.told.borrow_mut().events.push(Event {
            position: None,
            origin: None,
            audience: Audience::Users([user].into()),
            news: News::Room(flow),
        });
    }

    /// When a session ends that has been found to stand, if that is known without reading it.
    pub(super) fn known_session(&self, session: SessionId) -> Option<Timestamp> {
        self.ground.sessions.borrow().get(&session).copied()
    }

    /// Remembers until when a session stands, which has been read.
    pub(super) fn remember_session(&self, session: SessionId, expires_at: Timestamp) {
        let mut sessions = self.ground.sessions.borrow_mut();
        if sessions.len() >= REMEMBERED_SESSIONS {
            sessions.clear();
        }
        sessions.insert(session, expires_at);
    }

    /// Forgets until when a session stands: that is changing.
    pub(super) fn session_changed(&self, session: SessionId) {
        self.ground.sessions.borrow_mut().remove(&session);
    }

    /// Tells, after the commit, that these sessions have ended.
    pub(super) fn end_sessions(&self, sessions: impl IntoIterator<Item = SessionId>) {
        // Whoever ends sessions may do so by what keeps their user out.
        self.ground.sessions.borrow_mut().clear();
        self.told.borrow_mut().ended.extend(sessions);
    }

    /// Has the write-ahead log emptied soon, since it still holds what was deleted.
    pub(super) fn scrub(&self) {
        self.told.borrow_mut().scrub = true;
    }

    /// Has the full-text index brought up to date when there is time.
    pub(super) fn index_later(&self) {
        self.told.borrow_mut().index = true;
    }

    /// Has the full-text index brought nearer to the messages right after this write.
    pub(super) fn index_now(&self) {
        self.told.borrow_mut().index_now = true;
    }

    /// The present members of a flow.
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

    /// Forgets who the members of a flow were: they are changing.
    pub(super) fn members_changed(&self, flow: FlowId) {
        self.ground.members.borrow_mut().remove(&flow);
        self.touched.borrow_mut().push(flow);
    }

    /// Ends the write; a failed one leaves nothing to tell, nor members that never were.
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
