//! The log of changes: what is written to it, and how followers read it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};
use super::{flows, members, messages, users};
use crate::model::{
    Audience, Event, FlowId, MessageId, News, Position, PublicId, Timestamp, UserId,
};
use std::sync::Arc;

/// What a change is. The numbers are stored; their meaning is in `sql/V1__initial.sql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A message was sent.
    Sent = 1,
    /// A message was edited.
    Edited = 2,
    /// A message was deleted.
    Deleted = 3,
    /// A flow was made.
    FlowCreated = 4,
    /// A flow got another title, description or owner.
    FlowChanged = 5,
    /// Somebody joined a flow.
    Joined = 6,
    /// Somebody left a flow.
    Left = 7,
    /// Somebody registered.
    Registered = 8,
    /// Somebody changed the profile, or deleted the account.
    Profile = 9,
    /// The user has read further.
    Read = 10,
    /// The user is no longer a member.
    Removed = 11,
}

/// A row of the log.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// Its place.
    pub position: Position,
    /// When, never before the change before it.
    pub at: Timestamp,
    /// Whom it concerns.
    pub reach: Reach,
    kind: i64,
    /// The message that it is about.
    pub message: Option<MessageId>,
    /// The flow that it is about.
    pub flow: Option<FlowId>,
    /// The user that it is about.
    pub user: Option<UserId>,
}

/// What a change is about, for those who show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The present state of a message.
    Message(MessageId),
    /// The present state of a flow.
    Flow(FlowId),
    /// The present profile of a user.
    User(UserId),
    /// The reader's own read mark in a flow.
    Read(FlowId),
    /// That the reader has left a flow.
    Left(FlowId),
}

impl Change {
    /// What is to be shown of this change.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        match self.kind {
            1 => Some(Subject::Message(MessageId(self.position.0))),
            2..=3 => self.message.map(Subject::Message),
            4..=7 => self.flow.map(Subject::Flow),
            8..=9 => self.user.map(Subject::User),
            10 => self.flow.map(Subject::Read),
            11 => self.flow.map(Subject::Left),
            _ => None,
        }
    }
}

/// Whom a change concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reach {
    /// Every user.
    Everyone,
    /// The members of a flow.
    Members(FlowId),
    /// One user alone.
    Private(UserId),
}

impl Reach {
    fn to_column(self) -> i64 {
        match self {
            Self::Everyone => 0,
            Self::Members(flow) => flow.0,
            Self::Private(user) => -user.0,
        }
    }

    fn from_column(value: i64) -> Self {
        match value {
            0 => Self::Everyone,
            1.. => Self::Members(FlowId(value)),
            ..0 => Self::Private(UserId(-value)),
        }
    }
}

/// What a change is about, as it is logged.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct About {
    pub(super) flow: Option<FlowId>,
    pub(super) message: Option<MessageId>,
    pub(super) user: Option<UserId>,
}

/// Logs a change. Returns its position.
pub(super) fn append(
    tx: &Tx<'_>,
    reach: Reach,
    kind: Kind,
    about: About,
) -> Result<Position, StoreError> {
    tx.prepare(
        "INSERT INTO changes (at, audience, kind, flow_id, message_id, user_id)
         VALUES (:at, :audience, :kind, :flow, :message, :user)",
    )?
    .execute(named_params! {
        ":at": tx.log_time().0,
        ":audience": reach.to_column(),
        ":kind": kind as i64,
        ":flow": about.flow.map(|id| id.0),
        ":message": about.message.map(|id| id.0),
        ":user": about.user.map(|id| id.0),
    })?;
    let position = Position(tx.last_id());
    tx.logged(position);
    Ok(position)
}

/// The end of the log: its last position and the time there.
///
/// # Errors
/// The file cannot be read.
pub fn last(view: &View<'_>) -> Result<(Position, Timestamp), StoreError> {
    let mut statement =
        view.prepare("SELECT position, at FROM changes ORDER BY position DESC LIMIT 1")?;
    let last = statement
        .query_row([], |row| {
            Ok((Position(row.get(0)?), Timestamp(row.get(1)?)))
        })
        .optional()?;
    Ok(last.unwrap_or((Position(0), Timestamp::EPOCH)))
}

/// The last position before a time: what comes after it happened at that time or later.
///
/// The times in the log never fall, so this is a binary search over positions.
///
/// # Errors
/// The file cannot be read.
pub fn before(view: &View<'_>, time: Timestamp) -> Result<Position, StoreError> {
    let (end, _) = last(view)?;
    let mut statement = view.prepare(
        "SELECT position, at FROM changes WHERE position >= :from ORDER BY position LIMIT 1",
    )?;
    // Invariant: what is at or below `low` is earlier, what is above `high` is not.
    let (mut low, mut high) = (0, end.0);
    while low < high {
        let middle = low + (high - low) / 2;
        let (position, at): (i64, i64) = statement
            .query_row(named_params! {":from": middle + 1}, |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        if at < time.0 {
            low = position;
        } else {
            high = middle;
        }
    }
    Ok(Position(low))
}

/// What may be read of the log, in order, by one user.
pub struct Follower<'a, 'c> {
    view: &'a View<'c>,
    /// The next change of each audience that the user belongs to, nearest first.
    heads: BinaryHeap<Reverse<(Position, Reach)>>,
    /// Changes read ahead, nearest last: all lie before the nearest head.
    run: Vec<Change>,
}

/// Changes of one audience read at a time.
const RUN: i64 = 128;

impl<'a, 'c> Follower<'a, 'c> {
    /// Begins after a position.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn new(view: &'a View<'c>, user: UserId, after: Position) -> Result<Self, StoreError> {
        let mut follower = Self {
            view,
            heads: BinaryHeap::new(),
            run: Vec::new(),
        };
        follower.push_head(Reach::Everyone, after)?;
        follower.push_head(Reach::Private(user), after)?;
        for flow in members::flows_of(view, user)? {
            follower.push_head(Reach::Members(flow), after)?;
        }
        Ok(follower)
    }

    /// The next change that the user may see, without taking it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn peek(&mut self) -> Result<Option<&Change>, StoreError> {
        if self.run.is_empty()
            && let Some(Reverse((position, reach))) = self.heads.pop()
        {
            self.read_run(position, reach)?;
        }
        Ok(self.run.last())
    }

    /// Takes the change that [`peek`](Self::peek) showed.
    pub fn advance(&mut self) {
        self.run.pop();
    }

    /// Reads what one audience has before any other audience's next change.
    fn read_run(&mut self, from: Position, reach: Reach) -> Result<(), StoreError> {
        let until = self
            .heads
            .peek()
            .map_or(i64::MAX, |Reverse((position, _))| position.0);
        let mut statement = self.view.prepare(
            "SELECT position, at, audience, kind, flow_id, message_id, user_id FROM changes
             WHERE audience = :audience AND position >= :from AND position < :until
             ORDER BY position LIMIT :limit",
        )?;
        let rows = statement.query_map(
            named_params! {":audience": reach.to_column(), ":from": from.0, ":until": until, ":limit": RUN},
            change,
        )?;
        for row in rows {
            self.run.push(row?);
        }
        let last = self.run.last().map_or(from, |change| change.position);
        self.run.reverse();
        self.push_head(reach, last)
    }

    fn push_head(&mut self, reach: Reach, after: Position) -> Result<(), StoreError> {
        let mut statement = self.view.prepare(
            "SELECT position FROM changes WHERE audience = :audience AND position > :after ORDER BY position LIMIT 1",
        )?;
        let head = statement
            .query_row(
                named_params! {":audience": reach.to_column(), ":after": after.0},
                |row| row.get(0),
            )
            .optional()?;
        if let Some(position) = head {
            self.heads.push(Reverse((Position(position), reach)));
        }
        Ok(())
    }
}

/// Changes after one position up to another, whomever they concern; at most `limit`.
///
/// # Errors
/// The file cannot be read.
pub fn between(
    view: &View<'_>,
    after: Position,
    until: Position,
    limit: usize,
) -> Result<Vec<Change>, StoreError> {
    let mut statement = view.prepare(
        "SELECT position, at, audience, kind, flow_id, message_id, user_id FROM changes
         WHERE position > :after AND position <= :until ORDER BY position LIMIT :limit",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map(
        named_params! {":after": after.0, ":until": until.0, ":limit": limit},
        change,
    )?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Makes events of changes, each with the present state of what it is about.
pub(super) fn events(view: &View<'_>, changes: &[Change]) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::with_capacity(changes.len());
    for change in changes {
        let Some(subject) = change.subject() else {
            continue;
        };
        let Some(news) = news(view, change, subject)? else {
            continue;
        };
        let audience = match change.reach {
            Reach::Everyone => Audience::Everyone,
            Reach::Members(flow) => Audience::Users(members::ids(view, flow)?.into()),
            Reach::Private(user) => Audience::Users([user].into()),
        };
        events.push(Event {
            position: Some(change.position),
            origin: None,
            audience,
            news,
        });
    }
    Ok(events)
}

fn news(view: &View<'_>, change: &Change, subject: Subject) -> Result<Option<News>, StoreError> {
    Ok(match subject {
        Subject::Message(id) => {
            messages::by_id(view, id)?.map(|message| News::Message(Arc::new(message)))
        }
        Subject::Flow(id) => flows::by_id(view, id)?.map(|flow| News::Flow(Arc::new(flow))),
        Subject::User(id) => users::by_id(view, id)?.map(|user| News::User(Arc::new(user))),
        Subject::Left(id) => flows::uuid(view, id)?.map(News::Left),
        Subject::Read(id) => {
            let flow = flows::uuid(view, id)?;
            let user = change.user.unwrap_or(UserId(0));
            let number = members::read_number(view, id, user)?;
            flow.zip(number)
                .map(|(flow, number): (PublicId, i64)| News::Read { flow, number })
        }
    })
}

/// Reads the columns of a change by their places, since many are read for one answer.
fn change(row: &Row<'_>) -> rusqlite::Result<Change> {
    Ok(Change {
        position: Position(row.get(0)?),
        at: Timestamp(row.get(1)?),
        reach: Reach::from_column(row.get(2)?),
        kind: row.get(3)?,
        flow: row.get::<_, Option<i64>>(4)?.map(FlowId),
        message: row.get::<_, Option<i64>>(5)?.map(MessageId),
        user: row.get::<_, Option<i64>>(6)?.map(UserId),
    })
}
