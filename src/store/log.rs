//! The log: how changes are written to it, and how followers read it.
//!
//! Its rows are those of `changes` and those of `messages`: a message that was sent is its own row.
//! What belongs here: positions, kinds and audiences. What does not: the content that the rows refer to,
//! which [`news`](super::news) reads.

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::properties;
use super::tx::{Logged, Tx, View};
use crate::model::{FlowId, MessageId, Position, PublicId, Timestamp, UserId};

/// The kind of a change. The numbers are stored; `sql/V1__initial.sql` lists them too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A message was sent. Never in `changes`: the message itself is the row.
    Sent = 1,
    /// A message was edited.
    Edited = 2,
    /// A message was deleted, or expired.
    Deleted = 3,
    /// Reactions to a message changed.
    Reacted = 4,
    /// A poll got a vote or was closed.
    Polled = 5,
    /// A flow was created.
    Made = 10,
    /// A flow got another title.
    Title = 11,
    /// A flow got another description.
    Info = 12,
    /// A flow got another picture.
    Picture = 13,
    /// A user was added to a flow.
    Added = 14,
    /// A user joined a flow by an invitation.
    Joined = 15,
    /// A user left a flow.
    Left = 16,
    /// A user was removed from a flow.
    Removed = 17,
    /// A user was invited to a flow.
    Invited = 18,
    /// A user declined an invitation.
    Declined = 19,
    /// A user was banned from a flow.
    Banned = 20,
    /// A member's level changed.
    Level = 21,
    /// A flow got another owner.
    Owner = 22,
    /// The timer of disappearing messages was set.
    Expire = 23,
    /// A flow became protected or unprotected.
    Protect = 24,
    /// A message was pinned.
    Pinned = 25,
    /// A message was unpinned.
    Unpinned = 26,
    /// A flow changed, without an event.
    FlowChanged = 30,
    /// A flow changed, without an event, in a way that only some protocols show.
    FlowAdjusted = 31,
    /// Something happened in a room that only Matrix shows.
    Room = 32,
    /// A user registered.
    Registered = 40,
    /// A user changed the profile or deleted the account.
    Profile = 41,
    /// The user has read further.
    Read = 50,
    /// The user is no longer a member.
    Gone = 51,
    /// The user changed their own settings of a flow.
    Settings = 52,
    /// Something about the user's own account changed.
    Account = 53,
    /// The user's list of blocked users changed.
    Blocked = 54,
    /// The user was invited to a flow.
    Invitation = 55,
    /// The user came back to a flow.
    Back = 56,
    /// The user is no longer invited to a flow.
    Uninvited = 57,
    /// The archive that the user requested is ready, or cannot be made.
    Archived = 58,
}

impl Kind {
    const ALL: [Self; 36] = [
        Self::Sent,
        Self::Edited,
        Self::Deleted,
        Self::Reacted,
        Self::Polled,
        Self::Made,
        Self::Title,
        Self::Info,
        Self::Picture,
        Self::Added,
        Self::Joined,
        Self::Left,
        Self::Removed,
        Self::Invited,
        Self::Declined,
        Self::Banned,
        Self::Level,
        Self::Owner,
        Self::Expire,
        Self::Protect,
        Self::Pinned,
        Self::Unpinned,
        Self::FlowChanged,
        Self::FlowAdjusted,
        Self::Room,
        Self::Registered,
        Self::Profile,
        Self::Read,
        Self::Gone,
        Self::Settings,
        Self::Account,
        Self::Blocked,
        Self::Invitation,
        Self::Back,
        Self::Uninvited,
        Self::Archived,
    ];

    /// Returns the kind for a number.
    pub(super) fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as i64 == number)
    }

    /// Returns whether it is an event of a flow, shown between the flow's messages.
    #[must_use]
    pub fn is_event(self) -> bool {
        (Self::Made..=Self::Unpinned).contains(&self)
    }

    /// Returns whether it changes what every protocol shows of a flow: its texts, owner or members.
    #[must_use]
    pub fn shows_in_flow(self) -> bool {
        matches!(
            self,
            Self::Made
                | Self::Title
                | Self::Info
                | Self::Added
                | Self::Joined
                | Self::Left
                | Self::Removed
                | Self::Banned
                | Self::Owner
                | Self::FlowChanged
        )
    }
}

/// A row of the log.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// Its position in the log.
    pub position: Position,
    /// The time, which is never before that of the previous change.
    pub at: Timestamp,
    /// Who is told of it.
    pub reach: Reach,
    /// Its kind; `None`: a kind that this program does not know.
    pub kind: Option<Kind>,
    /// The message that it is about.
    pub message: Option<MessageId>,
    /// The flow that it is about.
    pub flow: Option<FlowId>,
    /// The user that it is about.
    pub user: Option<UserId>,
}

/// What a client has to show for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// The present state of a message.
    Message(MessageId),
    /// What belongs to a message: reactions, a poll.
    Around(MessageId),
    /// The present state of a flow, as every protocol shows it.
    Flow(FlowId),
    /// Something of a flow that only some protocols show.
    FlowDetail(FlowId),
    /// The present profile of a user.
    User(UserId),
    /// The reader's own read mark in a flow.
    Read(FlowId),
    /// The reader has left a flow.
    Gone(FlowId),
    /// The reader's own settings of a flow.
    Settings(FlowId),
    /// The reader's own account.
    Account,
    /// The users whom the reader blocks.
    Blocked,
    /// The archive of the reader's data.
    Archive,
    /// The reader is invited to a flow.
    Invitation(FlowId),
    /// The reader is no longer invited to a flow.
    Uninvited(FlowId),
    /// The reader came back to a flow: what happened there since the position.
    Back(FlowId, Position),
}

impl Change {
    /// Returns what a client has to show for this change.
    #[must_use]
    pub fn subject(&self) -> Option<Subject> {
        let kind = self.kind?;
        match kind {
            Kind::Sent => Some(Subject::Message(MessageId(self.position.0))),
            Kind::Edited | Kind::Deleted => self.message.map(Subject::Message),
            Kind::Reacted | Kind::Polled => self.message.map(Subject::Around),
            Kind::Registered | Kind::Profile => self.user.map(Subject::User),
            Kind::Read => self.flow.map(Subject::Read),
            Kind::Gone => self.flow.map(Subject::Gone),
            Kind::Settings => self.flow.map(Subject::Settings),
            Kind::Account => Some(Subject::Account),
            Kind::Blocked => Some(Subject::Blocked),
            Kind::Archived => Some(Subject::Archive),
            Kind::Room => None,
            Kind::Invitation => self.flow.map(Subject::Invitation),
            Kind::Uninvited => self.flow.map(Subject::Uninvited),
            Kind::Back => {
                let since = self.message.map_or(Position(0), |id| Position(id.0));
                self.flow.map(|flow| Subject::Back(flow, since))
            }
            _ if kind.shows_in_flow() => self.flow.map(Subject::Flow),
            _ => self.flow.map(Subject::FlowDetail),
        }
    }
}

/// Who is told of a change.
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
    pub(super) fn to_column(self) -> i64 {
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

/// What a change refers to, as it is logged.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct About<'a> {
    pub(super) actor: Option<UserId>,
    pub(super) flow: Option<FlowId>,
    pub(super) message: Option<MessageId>,
    pub(super) user: Option<UserId>,
    /// For an event of a flow: the number of the message before it, and the public id of the event.
    pub(super) place: Option<(i64, PublicId)>,
    /// For an event of a flow: the new title, level or seconds.
    pub(super) body: Option<&'a str>,
}

/// Logs a change. Returns its position.
pub(super) fn append(
    tx: &Tx<'_>,
    reach: Reach,
    kind: Kind,
    about: About<'_>,
) -> Result<Position, StoreError> {
    let position = tx.next_position();
    tx.prepare(
        "INSERT INTO changes (position, at, audience, kind, actor_id, flow_id, message_id, user_id, number, uuid, body)
         VALUES (:position, :at, :audience, :kind, :actor, :flow, :message, :user, :number, :uuid, :body)",
    )?
    .execute(named_params! {
        ":position": position.0,
        ":at": tx.log_time().0,
        ":audience": reach.to_column(),
        ":kind": kind as i64,
        ":actor": about.actor.map(|id| id.0),
        ":flow": about.flow.map(|id| id.0),
        ":message": about.message.map(|id| id.0),
        ":user": about.user.map(|id| id.0),
        ":number": about.place.map(|(number, _)| number),
        ":uuid": about.place.map(|(_, uuid)| uuid.to_bytes()),
        ":body": about.body,
    })?;
    tx.logged(&Logged {
        position,
        kind: kind as i64,
        actor: about.actor,
        flow: about.flow,
        message: about.message,
        user: about.user,
    })?;
    Ok(position)
}

/// The property that holds the last assigned position, for when the rows there are gone.
pub(super) const FLOOR: &str = "position_floor";

/// Prevents the positions assigned so far from being assigned again, whatever rows are removed.
pub(super) fn keep_positions(tx: &Tx<'_>) -> Result<(), StoreError> {
    let (end, _) = last(tx)?;
    properties::set_number(tx, FLOOR, end.0)
}

/// Returns the end of the log: its last position and the time there.
///
/// # Errors
/// The file cannot be read.
pub fn last(view: &View<'_>) -> Result<(Position, Timestamp), StoreError> {
    let mut end = (Position(0), Timestamp::EPOCH);
    for sql in [
        "SELECT position, at FROM changes ORDER BY position DESC LIMIT 1",
        "SELECT id, coalesce(logged_at, sent_at) FROM messages ORDER BY id DESC LIMIT 1",
    ] {
        let found = view
            .prepare(sql)?
            .query_row([], |row| {
                Ok((Position(row.get(0)?), Timestamp(row.get(1)?)))
            })
            .optional()?;
        end = end.max(found.unwrap_or(end));
    }
    let floor = Position(properties::number(view, FLOOR)?.unwrap_or(0));
    Ok((end.0.max(floor), end.1))
}

/// Returns the position and time of the first row at or after a position.
fn first_from(view: &View<'_>, from: i64) -> Result<Option<(Position, Timestamp)>, StoreError> {
    let mut nearest: Option<(Position, Timestamp)> = None;
    for sql in [
        "SELECT position, at FROM changes WHERE position >= :from ORDER BY position LIMIT 1",
        "SELECT id, coalesce(logged_at, sent_at) FROM messages WHERE id >= :from ORDER BY id LIMIT 1",
    ] {
        let found = view
            .prepare(sql)?
            .query_row(named_params! {":from": from}, |row| {
                Ok((Position(row.get(0)?), Timestamp(row.get(1)?)))
            })
            .optional()?;
        nearest = match (nearest, found) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
    Ok(nearest)
}

/// Returns the last position before a time: everything after it happened at that time or later.
///
/// The times in the log never decrease, so this is a binary search over positions.
///
/// # Errors
/// The file cannot be read.
pub fn before(view: &View<'_>, time: Timestamp) -> Result<Position, StoreError> {
    let (end, _) = last(view)?;
    // Invariant: rows at or below `low` are earlier, rows above `high` are not.
    let (mut low, mut high) = (0, end.0);
    while low < high {
        let middle = low + (high - low) / 2;
        match first_from(view, middle + 1)? {
            Some((position, at)) if at < time => low = position.0,
            _ => high = middle,
        }
    }
    Ok(Position(low))
}

/// Returns the changes after one position up to another, for all audiences; at most `limit`.
///
/// # Errors
/// The file cannot be read.
pub fn between(
    view: &View<'_>,
    after: Position,
    until: Position,
    limit: usize,
) -> Result<Vec<Change>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let params = named_params! {":after": after.0, ":until": until.0, ":limit": limit};
    let mut found = view
        .prepare(
            "SELECT position, at, audience, kind, flow_id, message_id, user_id FROM changes
             WHERE position > :after AND position <= :until ORDER BY position LIMIT :limit",
        )?
        .query_map(params, change)?
        .collect::<Result<Vec<_>, _>>()?;
    let mut statement = view.prepare(
        "SELECT id, coalesce(logged_at, sent_at), flow_id FROM messages
         WHERE id > :after AND id <= :until ORDER BY id LIMIT :limit",
    )?;
    let sent = statement.query_map(params, |row| {
        Ok(Change {
            position: Position(row.get(0)?),
            at: Timestamp(row.get(1)?),
            reach: Reach::Members(FlowId(row.get(2)?)),
            kind: Some(Kind::Sent),
            message: None,
            flow: None,
            user: None,
        })
    })?;
    for row in sent {
        found.push(row?);
    }
    found.sort_by_key(|change| change.position);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// Reads the columns of a change by index, because many are read for one answer.
pub(super) fn change(row: &Row<'_>) -> rusqlite::Result<Change> {
    Ok(Change {
        position: Position(row.get(0)?),
        at: Timestamp(row.get(1)?),
        reach: Reach::from_column(row.get(2)?),
        kind: Kind::from_number(row.get(3)?),
        flow: row.get::<_, Option<i64>>(4)?.map(FlowId),
        message: row.get::<_, Option<i64>>(5)?.map(MessageId),
        user: row.get::<_, Option<i64>>(6)?.map(UserId),
    })
}
