//! Who is in which flow, and how far everybody has read.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::flows::Access;
use super::follower::Followed;
use super::log::{self, About, Kind, Reach};
use super::news::{self, Deed};
use super::tx::{Tx, View};
use crate::model::{
    Audience, By, FlowEvent, FlowId, FlowKind, InvitedTo, Level, MessageId, News, Position,
    PublicId, Timestamp, UserId,
};

/// Puts users into a flow, or back into it, as the last who joined; who is new has read what is
/// there. Logging and telling are the caller's.
pub(super) fn insert(
    tx: &Tx<'_>,
    flow: FlowId,
    users: &[UserId],
    level: Level,
    by: By,
) -> Result<(), StoreError> {
    let count = i64::try_from(users.len()).unwrap_or(i64::MAX);
    let (mut ordinal, last): (i64, i64) = tx
        .prepare(
            "UPDATE flows SET next_ordinal = next_ordinal + :count WHERE id = :flow
             RETURNING next_ordinal - :count, next_number - 1",
        )?
        .query_row(named_params! {":count": count, ":flow": flow.0}, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let mut statement = tx.prepare(
        "INSERT INTO members (flow_id, user_id, state, level, ordinal, joined_at, changed_by, since_position, read_number, read_at)
         VALUES (:flow, :user, 'joined', :level, :ordinal, :now, :by, :since, nullif(:last, -1), :now)
         ON CONFLICT (flow_id, user_id) DO UPDATE
         SET state = 'joined', level = excluded.level, ordinal = excluded.ordinal, joined_at = excluded.joined_at,
             left_at = NULL, until_position = NULL, forgotten_at = NULL, changed_by = excluded.changed_by,
             since_position = excluded.since_position,
             read_number = nullif(max(coalesce(read_number, -1), :last), -1)",
    )?;
    for user in users {
        statement.execute(named_params! {
            ":flow": flow.0,
            ":user": user.0,
            ":level": level.0,
            ":ordinal": ordinal,
            ":now": tx.now().0,
            ":by": by.user.map(|id| id.0),
            ":since": tx.position().0,
            ":last": last,
        })?;
        ordinal += 1;
    }
    tx.members_changed(flow);
    Ok(())
}

/// How somebody comes into a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Added by a member.
    Added,
    /// By an own decision: an invitation.
    Joined,
}

/// Puts users into a flow and logs it. Returns what happened, for [`flows::tell`](super::flows::tell).
///
/// # Errors
/// The file cannot be written.
pub fn enter(
    tx: &Tx<'_>,
    flow: FlowId,
    users: &[UserId],
    entry: Entry,
    by: By,
) -> Result<Vec<FlowEvent>, StoreError> {
    let mut new = Vec::new();
    for &user in users {
        let standing = standing(tx, flow, user)?;
        if standing.is_none_or(|standing| standing.state != State::Joined) {
            new.push((user, standing.and_then(|standing| standing.until)));
        }
    }
    let ids: Vec<_> = new.iter().map(|(user, _)| *user).collect();
    if !ids.is_empty() {
        insert(tx, flow, &ids, Level::MEMBER, by)?;
    }
    let mut events = Vec::with_capacity(new.len());
    for (user, left_at) in new {
        let kind = match entry {
            Entry::Added => Kind::Added,
            Entry::Joined => Kind::Joined,
        };
        events.push(news::append(tx, flow, Deed::Of(kind, user), by)?);
        if let Some(since) = left_at {
            let about = About {
                actor: by.user,
                flow: Some(flow),
                message: Some(MessageId(since.0)),
                user: Some(user),
                ..About::default()
            };
            let position = log::append(tx, Reach::Private(user), Kind::Back, about)?;
            tx.tell(
                position,
                None,
                Audience::Users([user].into()),
                News::Back(flow),
            );
        }
    }
    Ok(events)
}

/// How somebody goes from a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By an own decision.
    Left,
    /// Taken out by a member.
    Removed,
    /// Taken out, and not to come back.
    Banned,
}

/// Takes users out of a flow, logs it and tells them. Returns what happened, for
/// [`flows::tell`](super::flows::tell).
///
/// # Errors
/// The file cannot be written.
pub fn leave(
    tx: &Tx<'_>,
    flow: FlowId,
    uuid: PublicId,
    users: &[UserId],
    exit: Exit,
    by: By,
) -> Result<Vec<FlowEvent>, StoreError> {
    let mut events = Vec::new();
    let (state, kind) = match exit {
        Exit::Left => ("left", Kind::Left),
        Exit::Removed => ("left", Kind::Removed),
        Exit::Banned => ("banned", Kind::Banned),
    };
    for &user in users {
        let removed = tx
            .prepare(
                "UPDATE members SET state = :state, left_at = :now, level = 0, changed_by = :by,
                                    until_position = :until, since_position = :until
                 WHERE flow_id = :flow AND user_id = :user AND state = 'joined'",
            )?
            .execute(named_params! {
                ":state": state, ":now": tx.now().0, ":by": by.user.map(|id| id.0),
                ":until": tx.position().0, ":flow": flow.0, ":user": user.0,
            })?;
        if removed > 0 {
            tx.members_changed(flow);
            events.push(news::append(tx, flow, Deed::Of(kind, user), by)?);
            tell_gone(tx, flow, uuid, user, by)?;
        }
    }
    Ok(events)
}

/// Logs and tells a user that a flow is no longer there for that user.
fn tell_gone(
    tx: &Tx<'_>,
    flow: FlowId,
    uuid: PublicId,
    user: UserId,
    by: By,
) -> Result<(), StoreError> {
    let about = About {
        actor: by.user,
        flow: Some(flow),
        user: Some(user),
        ..About::default()
    };
    let position = log::append(tx, Reach::Private(user), Kind::Gone, about)?;
    tx.tell(
        position,
        by.origin,
        Audience::Users([user].into()),
        News::Left(uuid),
    );
    Ok(())
}

/// Invites users to a flow, logs it and tells them. Returns what happened. Who is a member or
/// invited already is passed over.
///
/// # Errors
/// The file cannot be written.
pub fn invite(
    tx: &Tx<'_>,
    flow: FlowId,
    users: &[UserId],
    by: By,
) -> Result<Vec<FlowEvent>, StoreError> {
    let mut events = Vec::new();
    for &user in users {
        let invited = tx
            .prepare(
                "INSERT INTO members (flow_id, user_id, state, ordinal, joined_at, changed_by, since_position)
                 VALUES (:flow, :user, 'invited', 0, :now, :by, :since)
                 ON CONFLICT (flow_id, user_id) DO UPDATE
                 SET state = 'invited', joined_at = excluded.joined_at, changed_by = excluded.changed_by,
                     since_position = excluded.since_position, left_at = NULL
                 WHERE state NOT IN ('joined', 'invited')",
            )?
            .execute(named_params! {
                ":flow": flow.0, ":user": user.0, ":now": tx.now().0,
                ":by": by.user.map(|id| id.0), ":since": tx.position().0,
            })?;
        if invited == 0 {
            continue;
        }
        events.push(news::append(tx, flow, Deed::Of(Kind::Invited, user), by)?);
        let about = About {
            actor: by.user,
            flow: Some(flow),
            user: Some(user),
            ..About::default()
        };
        let position = log::append(tx, Reach::Private(user), Kind::Invitation, about)?;
        if let Some(invitation) = invitation(tx, flow, user)? {
            let news = News::Invited(std::sync::Arc::new(invitation));
            tx.tell(position, None, Audience::Users([user].into()), news);
        }
    }
    Ok(events)
}

/// Takes invitations to a flow back, or notes that they are declined. Returns what happened.
///
/// # Errors
/// The file cannot be written.
pub fn uninvite(
    tx: &Tx<'_>,
    flow: FlowId,
    uuid: PublicId,
    users: &[UserId],
    by: By,
) -> Result<Vec<FlowEvent>, StoreError> {
    let mut events = Vec::new();
    for &user in users {
        let removed = tx
            .prepare(
                "UPDATE members SET state = 'left', left_at = :now, changed_by = :by, since_position = :since
                 WHERE flow_id = :flow AND user_id = :user AND state = 'invited'",
            )?
            .execute(named_params! {
                ":now": tx.now().0, ":by": by.user.map(|id| id.0), ":since": tx.position().0,
                ":flow": flow.0, ":user": user.0,
            })?;
        if removed > 0 {
            let kind = if by.user == Some(user) {
                Kind::Declined
            } else {
                Kind::Removed
            };
            events.push(news::append(tx, flow, Deed::Of(kind, user), by)?);
            tell_gone(tx, flow, uuid, user, by)?;
        }
    }
    Ok(events)
}

/// Gives a member a level and logs it. Returns what happened; nothing when it is the present one.
///
/// # Errors
/// The file cannot be written.
pub fn set_level(
    tx: &Tx<'_>,
    flow: FlowId,
    user: UserId,
    level: Level,
    by: By,
) -> Result<Option<FlowEvent>, StoreError> {
    let changed = tx
        .prepare(
            "UPDATE members SET level = :level
             WHERE flow_id = :flow AND user_id = :user AND state = 'joined' AND level <> :level",
        )?
        .execute(named_params! {":level": level.0, ":flow": flow.0, ":user": user.0})?;
    if changed == 0 {
        return Ok(None);
    }
    news::append(tx, flow, Deed::Level(user, level), by).map(Some)
}

/// What somebody is to a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A member.
    Joined,
    /// No longer a member, or no longer invited.
    Left,
    /// Asked whether to join.
    Invited,
    /// Not to come back.
    Banned,
}

impl State {
    /// The word for it in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Left => "left",
            Self::Invited => "invited",
            Self::Banned => "banned",
        }
    }

    fn parse(word: &str) -> Self {
        [Self::Joined, Self::Invited, Self::Banned]
            .into_iter()
            .find(|state| state.as_str() == word)
            .unwrap_or(Self::Left)
    }
}

/// How somebody stands to a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Member or not.
    pub state: State,
    /// What a member may do.
    pub level: Level,
    /// Of who left: up to where that user has been told of what happened.
    pub until: Option<Position>,
}

/// How a user stands to a flow; `None`: never had to do with it.
///
/// # Errors
/// The file cannot be read.
pub fn standing(
    view: &View<'_>,
    flow: FlowId,
    user: UserId,
) -> Result<Option<Standing>, StoreError> {
    let mut statement = view.prepare(
        "SELECT state, level, until_position FROM members WHERE flow_id = :flow AND user_id = :user",
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

/// The members of a flow, in the order in which they joined.
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

/// The members of a flow by public id, in the order in which they joined.
pub(super) fn uuids(view: &View<'_>, flow: FlowId) -> Result<Vec<PublicId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT u.uuid FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.flow_id = :flow AND m.state = 'joined' ORDER BY m.ordinal",
    )?;
    let rows = statement.query_map(named_params! {":flow": flow.0}, |row| {
        row.get(0).map(PublicId::from_bytes)
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// The members of a flow above the level of a member, in the order in which they joined.
pub(super) fn levels(view: &View<'_>, flow: FlowId) -> Result<Vec<(PublicId, Level)>, StoreError> {
    let mut statement = view.prepare(
        "SELECT u.uuid, m.level FROM members m JOIN users u ON u.id = m.user_id
         WHERE m.flow_id = :flow AND m.state = 'joined' AND m.level > 0 ORDER BY m.level DESC, m.ordinal",
    )?;
    let rows = statement.query_map(named_params! {":flow": flow.0}, |row| {
        Ok((PublicId::from_bytes(row.get(0)?), Level(row.get(1)?)))
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// How many members a flow has.
///
/// # Errors
/// The file cannot be read.
pub fn count(view: &View<'_>, flow: FlowId) -> Result<i64, StoreError> {
    let mut statement =
        view.prepare("SELECT COUNT(*) FROM members WHERE flow_id = :flow AND state = 'joined'")?;
    Ok(statement.query_row(named_params! {":flow": flow.0}, |row| row.get(0))?)
}

/// Who follows an owner who goes: the moderator who joined first, else the member.
///
/// # Errors
/// The file cannot be read.
pub fn heir(view: &View<'_>, flow: FlowId) -> Result<Option<UserId>, StoreError> {
    let mut statement = view.prepare(
        "SELECT user_id FROM members WHERE flow_id = :flow AND state = 'joined'
         ORDER BY level DESC, ordinal LIMIT 1",
    )?;
    let found = statement.query_row(named_params! {":flow": flow.0}, |row| {
        row.get(0).map(UserId)
    });
    Ok(found.optional()?)
}

/// The flows that a user is in.
///
/// # Errors
/// The file cannot be read.
pub fn flows_of(view: &View<'_>, user: UserId) -> Result<Vec<FlowId>, StoreError> {
    Ok(followed(view, user)?
        .into_iter()
        .map(|followed| followed.flow)
        .collect())
}

/// The flows that a user is in, with what a follower of their messages needs.
///
/// # Errors
/// The file cannot be read.
pub fn followed(view: &View<'_>, user: UserId) -> Result<Vec<Followed>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.flow_id, f.first_number, f.next_number, f.last_message_id
         FROM members m JOIN flows f ON f.id = m.flow_id
         WHERE m.user_id = :user AND m.state = 'joined' AND f.removed_at IS NULL ORDER BY m.flow_id",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0}, |row| {
        Ok(Followed {
            flow: FlowId(row.get(0)?),
            first_number: row.get(1)?,
            next_number: row.get(2)?,
            last_message: MessageId(row.get(3)?),
        })
    })?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Tells whether a user is in a flow.
///
/// # Errors
/// The file cannot be read.
pub fn is_member(view: &View<'_>, flow: FlowId, user: UserId) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM members WHERE flow_id = :flow AND user_id = :user AND state = 'joined'",
    )?;
    Ok(statement.exists(named_params! {":flow": flow.0, ":user": user.0})?)
}

/// Users who share a flow with a user, that user included if in any.
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

/// The invitation of a user to a flow, if there is one.
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

/// Invitations that a user has not answered, oldest first.
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

/// Who is invited to a flow and has not answered.
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

/// Number of the last message that a member has read, as clients count.
///
/// # Errors
/// The file cannot be read.
pub fn read_number(view: &View<'_>, flow: FlowId, user: UserId) -> Result<Option<i64>, StoreError> {
    let mut statement = view.prepare(
        "SELECT m.read_number - f.first_number FROM members m JOIN flows f ON f.id = m.flow_id
         WHERE m.flow_id = :flow AND m.user_id = :user",
    )?;
    let params = named_params! {":flow": flow.0, ":user": user.0};
    let number: Option<Option<i64>> = statement.query_row(params, |row| row.get(0)).optional()?;
    Ok(number.flatten().filter(|number| *number >= 0))
}

/// Moves the read mark of a message's author to that message; nobody is told beyond the message.
pub(super) fn read_own(
    tx: &Tx<'_>,
    flow: FlowId,
    user: UserId,
    number: i64,
) -> Result<(), StoreError> {
    tx.prepare(
        "UPDATE members SET read_number = :number, read_at = :now
         WHERE flow_id = :flow AND user_id = :user AND state = 'joined' AND coalesce(read_number, -1) < :number",
    )?
    .execute(named_params! {
        ":number": number, ":now": tx.now().0, ":flow": flow.0, ":user": user.0,
    })?;
    Ok(())
}

/// Notes how far a member has read, and tells that member's other devices. Only moves forward.
///
/// # Errors
/// The file cannot be written.
pub fn mark_read(
    tx: &Tx<'_>,
    flow: &Access,
    uuid: PublicId,
    user: UserId,
    number: i64,
    by: By,
) -> Result<(), StoreError> {
    let moved = tx
        .prepare(
            "UPDATE members SET read_number = :number, read_at = :now
             WHERE flow_id = :flow AND user_id = :user AND coalesce(read_number, -1) < :number",
        )?
        .execute(named_params! {
            ":number": flow.first_number + number, ":now": tx.now().0, ":flow": flow.id.0, ":user": user.0,
        })?;
    if moved > 0 {
        let about = About {
            actor: Some(user),
            flow: Some(flow.id),
            user: Some(user),
            ..About::default()
        };
        let position = log::append(tx, Reach::Private(user), Kind::Read, about)?;
        let news = News::Read { flow: uuid, number };
        tx.tell(position, by.origin, Audience::Users([user].into()), news);
    }
    Ok(())
}
