//! What a read sees and what a write may do: the arguments of every SQL function here.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection};

use super::error::StoreError;
use crate::model::{Audience, Event, FlowId, News, Origin, Position, SessionId, Timestamp, UserId};

/// One consistent state of the file.
pub struct View<'a> {
    conn: &'a Connection,
}

impl<'a> View<'a> {
    pub(super) fn new(conn: &'a Connection) -> Self {
        Self { conn }
    }

    /// Prepares a statement, or finds it prepared.
    pub(super) fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>, StoreError> {
        Ok(self.conn.prepare_cached(sql)?)
    }

    /// The row that the connection has inserted last.
    pub(super) fn last_id(&self) -> i64 {
        self.conn.last_insert_rowid()
    }
}

/// Flows whose members the writer remembers at most.
const REMEMBERED_FLOWS: usize = 1024;

/// Members of flows, so that a message costs no query for them.
pub(super) type MemberCache = HashMap<FlowId, Arc<[UserId]>>;

/// One write: a [`View`] that can change the file, and collects what is to be told afterwards.
///
/// Everything done through it is undone when the write returns an error.
pub struct Tx<'a> {
    view: View<'a>,
    now: Timestamp,
    last_at: &'a Cell<Timestamp>,
    members: &'a RefCell<MemberCache>,
    touched: RefCell<Vec<FlowId>>,
    told: RefCell<Told>,
}

/// What a write leaves behind besides rows.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Of the last change that was logged.
    pub(super) position: Option<Position>,
    pub(super) events: Vec<Event>,
    pub(super) ended: Vec<SessionId>,
    /// Old text has to leave the write-ahead log too.
    pub(super) scrub: bool,
    /// There is something for the full-text index to do.
    pub(super) index: bool,
}

impl<'a> Deref for Tx<'a> {
    type Target = View<'a>;

    fn deref(&self) -> &View<'a> {
        &self.view
    }
}

impl<'a> Tx<'a> {
    pub(super) fn new(
        conn: &'a Connection,
        now: Timestamp,
        last_at: &'a Cell<Timestamp>,
        members: &'a RefCell<MemberCache>,
    ) -> Self {
        Self {
            view: View::new(conn),
            now,
            last_at,
            members,
            touched: RefCell::default(),
            told: RefCell::default(),
        }
    }

    /// The time at which this write happens.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The time that the log gives the next change: never before that of the last one.
    pub(super) fn log_time(&self) -> Timestamp {
        let at = self.now.max(self.last_at.get());
        self.last_at.set(at);
        at
    }

    /// Remembers how far the log has grown.
    pub(super) fn logged(&self, position: Position) {
        self.told.borrow_mut().position = Some(position);
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

    /// Tells, after the commit, that these sessions have ended.
    pub(super) fn end_sessions(&self, sessions: impl IntoIterator<Item = SessionId>) {
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

    /// The present members of a flow.
    pub(super) fn audience_of(&self, flow: FlowId) -> Result<Audience, StoreError> {
        if let Some(members) = self.members.borrow().get(&flow) {
            return Ok(Audience::Users(Arc::clone(members)));
        }
        let members: Arc<[UserId]> = super::members::ids(self, flow)?.into();
        let mut cache = self.members.borrow_mut();
        if cache.len() >= REMEMBERED_FLOWS {
            cache.clear();
        }
        cache.insert(flow, Arc::clone(&members));
        Ok(Audience::Users(members))
    }

    /// Forgets who the members of a flow were: they are changing.
    pub(super) fn members_changed(&self, flow: FlowId) {
        self.members.borrow_mut().remove(&flow);
        self.touched.borrow_mut().push(flow);
    }

    /// Ends the write; a failed one leaves nothing to tell, nor members that never were.
    pub(super) fn finish(self, succeeded: bool) -> Told {
        if succeeded {
            return self.told.into_inner();
        }
        let mut cache = self.members.borrow_mut();
        for flow in self.touched.into_inner() {
            cache.remove(&flow);
        }
        Told::default()
    }
}
