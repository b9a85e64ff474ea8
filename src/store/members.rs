//! The members of flows and their levels.

use std::cmp::Reverse;

use rusqlite::{OptionalExtension, named_params};
use rustc_hash::FxHashMap;

use super::error::StoreError;
use super::follower::Followed;
use super::history::Place;
use super::tx::View;
use super::users;
use crate::model::{
    FlowId, FlowKind, InvitedTo, Level, MessageId, Position, PublicId, Timestamp, UserId,
};

/// The state of a user in a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A member.
    Joined,
    /// No longer a member, or no longer invited.
    Left,
    /// Invited, and has not answered.
    Invited,
    /// Banned from the flow.
    Banned,
}

impl State {
    /// Returns the word for it in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Invited => "invited",
            Self::Banned => "banned",
        }
    }

    pub(super) fn parse(word: &str) -> Self {
        [Self::Joined, Self::Invited, Self::Banned]
            .into_iter()
            .find(|state| state.as_str() == word)
            .unwrap_or(Self::Left)
    }
}

/// The standing of a user in a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The state.
    pub state: State,
    /// The level of a member.
    pub level: Level,
    /// For a user who left: the position up to which all clients that have caught up know what happened.
    pub until: Option<Position>,
}

/// Returns the standing of a user in a flow; `None`: the user was never in it or invited.
///
/// # Errors
/// The file cannot be read.
pub fn standing(
    view: &View<'_>,
    flow: FlowId,
    user: UserId,
) -> Result<Option<Standing>, StoreError> {
    let mut statement = view.prepare(
        "SELECT state, level, min(until_position, coalesce(unheard_position, until_position)) FROM members
         WHERE flow_id = :flow AND user_id = :user",
    )?;
    let found = statement.query_row(named_params! {":flow": flow.0, ":user": user.0}, |row| {
        Ok(Standing {
            state: State::parse(&row.get::<_, String>(0)?),
            level: Level(row.get(1)?),
            until: row.get::<_, Option<i64>>(2)?.map(Position),
        })
    });
    Ok(found.optional()?)
}

/// Returns the members of a flow, in the order in which they joined.
///
/// # Errors
/// The file cannot be read.
pub fn ids(view: &View<'_>, flow: FlowId) -> Result<Vec<UserId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT user_id FROM members WHERE flow_id = :flow AND state = 'joined' ORDER BY ordinal",
    )?;
    let rows = statement.query_map(named_params! {":flow": flow.0}, |row| {
        row.get(0).map(UserId)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the public ids of the members of a flow, in the order in which they joined.
pub(super) fn uuids(view: &View<'_>, flow: FlowId) -> Result<Vec<PublicId>, StoreError> {
    let members = ids(view, flow)?;
    let mut uuids = Vec::with_capacity(members.len());
    for member in members {
        uuids.extend(users::uuid(view, member)?);
    }
    Ok(uuids)
}

/// Returns the members of a flow above the level of a member, highest first.
pub(super) fn levels(view: &View<'_>, flow: FlowId) -> Result<Vec<(PublicId, Level)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT user_id, level FROM members
         WHERE flow_id = :flow AND state = 'joined' AND level > 0 ORDER BY level DESC, ordinal",
    )?;
    let mut rows = statement.query(named_params! {":flow": flow.0})?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let uuid = users::uuid(view, UserId(row.get(0)?))?;
        found.extend(uuid.zip(Some(Level(row.get(1)?))));
    }
    Ok(found)
}

/// Returns the same for each of the flows that a user is in.
pub(super) fn levels_around(
    view: &View<'_>,
    user: UserId,
) -> Result<FxHashMap<FlowId, Vec<(PublicId, Level)>>, StoreError> {
    // Sorted here, because SQLite would use a sorter of its own for each flow.
    let mut statement = view.prepare(
        "SELECT m.flow_id, m.level, m.ordinal, m.user_id
         FROM members me JOIN members m ON m.flow_id = me.flow_id
         WHERE me.user_id = :user AND me.state = 'joined' AND m.state = 'joined' AND m.level > 0",
    )?;
    let mut rows = statement.query(named_params! {":user": user.0})?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let rank: (i64, Reverse<i64>, i64) = (row.get(0)?, Reverse(row.get(1)?), row.get(2)?);
        all.push((rank, UserId(row.get(3)?)));
    }
    all.sort_unstable();
    let mut found: FxHashMap<_, Vec<_>> = FxHashMap::default();
    for ((flow, Reverse(level), _), user) in all {
        let levels = found.entry(FlowId(flow)).or_default();
        levels.extend(users::uuid(view, user)?.zip(Some(Level(level))));
    }
    Ok(found)
}

/// Returns how many members a flow has.
///
/// # Errors
/// The file cannot be read.
pub fn count(view: &View<'_>, flow: FlowId) -> Result<i64, StoreError> {
    let mut statement = view.prepare("SELECT member_count FROM flows WHERE id = :flow")?;
    Ok(statement.query_row(named_params! {":flow": flow.0}, |row| row.get(0))?)
}

/// Returns the next owner: the member with the highest level who joined first, without bots of hooks and
/// without a member who is about to leave.
///
/// # Errors
/// The file cannot be read.
pub(super) fn heir(
    view: &View<'_>,
    flow: FlowId,
    leaving: Option<UserId>,
) -> Result<Option<UserId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.user_id FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.flow_id = :flow AND m.state = 'joined' AND u.flags & 2 = 0
           AND m.user_id IS NOT :leaving
         ORDER BY m.level DESC, m.ordinal LIMIT 1",
    )?;
    let params = named_params! {":flow": flow.0, ":leaving": leaving.map(|id| id.0)};
    let found = statement.query_row(params, |row| row.get(0).map(UserId));
    Ok(found.optional()?)
}

/// The rank of a member in the list of members: by level, highest first, then by order of joining.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    level: Level,
    ordinal: i64,
    user: UserId,
}

/// Returns the rank of a user in a flow.
///
/// # Errors
/// The file cannot be read.
pub fn rank(view: &View<'_>, flow: FlowId, user: UserId) -> Result<Option<Rank>, StoreError> {
    let mut statement = view
        .prepare("SELECT level, ordinal FROM members WHERE flow_id = :flow AND user_id = :user")?;
    let found = statement.query_row(named_params! {":flow": flow.0, ":user": user.0}, |row| {
        Ok(Rank {
            level: Level(row.get(0)?),
            ordinal: row.get(1)?,
            user,
        })
    });
    Ok(found.optional()?)
}

/// Returns users with a state in a flow, by rank, after a rank; at most `limit`.
///
/// # Errors
/// The file cannot be read.
pub fn page(
    view: &View<'_>,
    flow: FlowId,
    state: State,
    after: Option<Rank>,
    limit: usize,
) -> Result<Vec<(Rank, UserId)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT level, ordinal, user_id FROM members
         WHERE flow_id = :flow AND state = :state
           AND (-level, ordinal, user_id) > (:level, :ordinal, :user)
         ORDER BY level DESC, ordinal, user_id LIMIT :limit",
    )?;
    let after = after.map_or((i64::MIN, 0, 0), |rank| {
        (-rank.level.0, rank.ordinal, rank.user.0)
    });
    let params = named_params! {
        ":flow": flow.0, ":state": state.as_str(), ":level": after.0, ":ordinal": after.1,
        ":user": after.2, ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
    };
    let rows = statement.query_map(params, |row| {
        let user = UserId(row.get(2)?);
        let rank = Rank {
            level: Level(row.get(0)?),
            ordinal: row.get(1)?,
            user,
        };
        Ok((rank, user))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the flows that a user is in.
///
/// # Errors
/// The file cannot be read.
pub fn flows_of(view: &View<'_>, user: UserId) -> Result<Vec<FlowId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.flow_id FROM members m JOIN flows f ON f.id = m.flow_id
         WHERE m.user_id = :user AND m.state = 'joined' AND f.removed_at IS NULL ORDER BY m.flow_id",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0}, |row| {
        row.get(0).map(FlowId)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the flows that a user is in, for a follower that knows everything up to a position.
///
/// # Errors
/// The file cannot be read.
pub fn followed(
    view: &View<'_>,
    user: UserId,
    after: Position,
) -> Result<Vec<Followed>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.flow_id, f.uuid, f.first_number, f.next_number, f.last_message_id,
                (SELECT min(c.position) FROM changes c WHERE c.audience = m.flow_id AND c.position > :after)
         FROM members m JOIN flows f ON f.id = m.flow_id
         WHERE m.user_id = :user AND m.state = 'joined' AND f.removed_at IS NULL ORDER BY m.flow_id",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0, ":after": after.0}, |row| {
        Ok(Followed {
            place: Place {
                flow: FlowId(row.get(0)?),
                uuid: PublicId::from_bytes(row.get(1)?),
                first_number: row.get(2)?,
            },
            next_number: row.get(3)?,
            last_message: MessageId(row.get(4)?),
            next_change: row.get::<_, Option<i64>>(5)?.map(Position),
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns whether a user is in a flow.
///
/// # Errors
/// The file cannot be read.
pub fn is_member(view: &View<'_>, flow: FlowId, user: UserId) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM members WHERE flow_id = :flow AND user_id = :user AND state = 'joined'",
    )?;
    Ok(statement.exists(named_params! {":flow": flow.0, ":user": user.0})?)
}

/// Returns the users who share a flow with a user, including that user if in any.
///
/// # Errors
/// The file cannot be read.
pub fn companions(view: &View<'_>, user: UserId) -> Result<Vec<UserId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT DISTINCT other.user_id FROM members me JOIN members other ON other.flow_id = me.flow_id
         WHERE me.user_id = :user AND me.state = 'joined' AND other.state = 'joined'",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0}, |row| {
        row.get(0).map(UserId)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns whether two users share a flow.
///
/// # Errors
/// The file cannot be read.
pub fn share_flow(view: &View<'_>, one: UserId, other: UserId) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM members a JOIN members b ON b.flow_id = a.flow_id AND b.user_id = :other
         WHERE a.user_id = :one AND a.state = 'joined' AND b.state = 'joined' LIMIT 1",
    )?;
    Ok(statement.exists(named_params! {":one": one.0, ":other": other.0})?)
}

/// Returns the invitation of a user to a flow, if there is one.
///
/// # Errors
/// The file cannot be read.
pub fn invitation(
    view: &View<'_>,
    flow: FlowId,
    user: UserId,
) -> Result<Option<InvitedTo>, StoreError> {
    let mut found = invitations(view, user)?;
    let position = found.iter().position(|(id, _)| *id == flow);
    Ok(position.map(|position| found.swap_remove(position).1))
}

/// Returns the invitations that a user has not answered, oldest first.
///
/// # Errors
/// The file cannot be read.
pub fn invitations(view: &View<'_>, user: UserId) -> Result<Vec<(FlowId, InvitedTo)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT f.id, f.uuid, f.title, f.kind, u.uuid, m.joined_at
         FROM members m JOIN flows f ON f.id = m.flow_id LEFT JOIN users u ON u.id = m.changed_by
         WHERE m.user_id = :user AND m.state = 'invited' AND f.removed_at IS NULL
         ORDER BY m.joined_at, m.flow_id",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0}, |row| {
        let kind: String = row.get(3)?;
        Ok((
            FlowId(row.get(0)?),
            InvitedTo {
                flow: PublicId::from_bytes(row.get(1)?),
                title: row.get(2)?,
                kind: FlowKind::parse(&kind).unwrap_or(FlowKind::Group),
                by: row.get::<_, Option<[u8; 16]>>(4)?.map(PublicId::from_bytes),
                at: Timestamp(row.get(5)?),
            },
        ))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the users who are invited to a flow and have not answered.
///
/// # Errors
/// The file cannot be read.
pub fn invited(view: &View<'_>, flow: FlowId) -> Result<Vec<UserId>, StoreError> {
    let mut statement =
        view.prepare("SELECT user_id FROM members WHERE flow_id = :flow AND state = 'invited'")?;
    let rows = statement.query_map(named_params! {":flow": flow.0}, |row| {
        row.get(0).map(UserId)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}
