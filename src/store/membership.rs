//! Joining and leaving flows: what is logged and reported.

use rusqlite::named_params;

use super::error::StoreError;
use super::events::{self, Deed, Scene};
use super::log::{self, About, Kind, Reach};
use super::members::{State, heir, invitation, standing};
use super::room_events;
use super::tx::{Tx, View};
use crate::model::{
    Audience, By, Flow, FlowEvent, FlowId, Level, MessageId, News, Position, PublicId, UserId,
};

/// Adds users to a flow, or adds them again, as the last who joined; for new members all present messages
/// count as read. The caller logs and reports it.
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
         SET state = 'joined', level = iif(state = 'invited', max(level, excluded.level), excluded.level), ordinal = excluded.ordinal, joined_at = excluded.joined_at,
             left_at = NULL, until_position = NULL, unheard_position = NULL, forgotten_at = NULL, changed_by = excluded.changed_by,
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

/// How a user joins a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// By being added by a member.
    Added,
    /// By the user's own decision, with an invitation.
    Joined,
}

/// Adds users to a flow and logs it; if all members had left, one of the new ones becomes the owner.
/// Returns the events, for [`flow_edits::tell`](super::flow_edits::tell).
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
    let new = newcomers(tx, flow, users)?;
    let ids: Vec<_> = new.iter().map(|(user, _)| *user).collect();
    if !ids.is_empty() {
        insert(tx, flow, &ids, Level::MEMBER, by)?;
    }
    let kind = match entry {
        Entry::Added => Kind::Added,
        Entry::Joined => Kind::Joined,
    };
    let scene = Scene::of(tx, flow, by)?;
    let mut events = Vec::with_capacity(new.len());
    for (user, left_at) in new {
        events.push(scene.append(tx, Deed::Of(kind, user))?);
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
    if !is_owned(tx, flow)?
        && let Some(heir) = heir(tx, flow, None)?
    {
        events.push(own(tx, flow, heir, by)?);
    }
    Ok(events)
}

/// Returns whether the owner of a flow is in it.
fn is_owned(view: &View<'_>, flow: FlowId) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT EXISTS (SELECT 1 FROM flows JOIN members ON flow_id = flows.id AND user_id = owner_id
                        WHERE flows.id = :flow AND state = 'joined')",
    )?;
    Ok(statement.query_row(named_params! {":flow": flow.0}, |row| row.get(0))?)
}

/// Makes a member the owner of a flow, and the previous owner an ordinary member. Returns the event.
///
/// # Errors
/// The file cannot be written.
pub fn own(tx: &Tx<'_>, flow: FlowId, new: UserId, by: By) -> Result<FlowEvent, StoreError> {
    set_owner(tx, flow, new)?;
    events::append(tx, flow, Deed::Of(Kind::Owner, new), by)
}

fn set_owner(tx: &Tx<'_>, flow: FlowId, new: UserId) -> Result<(), StoreError> {
    tx.prepare("UPDATE flows SET owner_id = :owner WHERE id = :flow")?
        .execute(named_params! {":owner": new.0, ":flow": flow.0})?;
    tx.prepare(
        "UPDATE members SET level = CASE user_id WHEN :owner THEN 100 ELSE 0 END
         WHERE flow_id = :flow AND (user_id = :owner OR level >= 100)",
    )?
    .execute(named_params! {":owner": new.0, ":flow": flow.0})?;
    Ok(())
}

/// Removes a user from a flow as [`leave`] does. If the user owned it, the new owner is the moderator who
/// joined first, or else the member who joined first. Returns the events.
///
/// # Errors
/// The file cannot be written.
pub fn leave_to_heir(
    tx: &Tx<'_>,
    flow: &Flow,
    user: UserId,
    exit: Exit,
    by: By,
) -> Result<Vec<FlowEvent>, StoreError> {
    let heir = if flow.owner == Some(user) {
        heir(tx, flow.id, Some(user))?
    } else {
        None
    };
    if let Some(heir) = heir {
        set_owner(tx, flow.id, heir)?;
        // A user who has left a room sets nothing there any more, so the owner passes it on first.
        if tx.keeps_rooms() {
            let owner = By {
                user: Some(user),
                ..by
            };
            room_events::set_levels(tx, flow.id, owner)?;
        }
    }
    let mut events = leave(tx, flow.id, flow.uuid, &[user], exit, by)?;
    if let Some(heir) = heir {
        events.push(events::append(
            tx,
            flow.id,
            Deed::Of(Kind::Owner, heir),
            by,
        )?);
    }
    Ok(events)
}

/// Returns those of some users who are not in a flow, each with the position up to which the user knows
/// what happened there.
///
/// # Errors
/// The file cannot be read.
pub fn newcomers(
    view: &View<'_>,
    flow: FlowId,
    users: &[UserId],
) -> Result<Vec<(UserId, Option<Position>)>, StoreError> {
    let mut new = Vec::with_capacity(users.len());
    for &user in users {
        let standing = standing(view, flow, user)?;
        if standing.is_none_or(|standing| standing.state != State::Joined) {
            new.push((user, standing.and_then(|standing| standing.until)));
        }
    }
    Ok(new)
}

/// How a user leaves a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By the user's own decision.
    Left,
    /// Removed by a member.
    Removed,
    /// Removed and banned.
    Banned,
}

/// Removes users from a flow, logs it and tells them. Returns the events, for
/// [`flow_edits::tell`](super::flow_edits::tell).
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
    let scene = Scene::of(tx, flow, by)?;
    let mut statement = tx.prepare(
        "UPDATE members SET state = :state, left_at = :now, level = 0, changed_by = :by,
                            until_position = :until, since_position = :until
         WHERE flow_id = :flow AND user_id = :user AND state = 'joined'",
    )?;
    for &user in users {
        let removed = statement.execute(named_params! {
            ":state": state, ":now": tx.now().0, ":by": by.user.map(|id| id.0),
            ":until": tx.position().0, ":flow": flow.0, ":user": user.0,
        })?;
        if removed > 0 {
            events.push(scene.append(tx, Deed::Of(kind, user))?);
            tell_gone(tx, Kind::Gone, (flow, News::Left(uuid)), user, by)?;
        }
    }
    if !events.is_empty() {
        tx.members_changed(flow);
    }
    Ok(events)
}

/// Logs that a flow is no longer there for a user, and tells the user.
fn tell_gone(
    tx: &Tx<'_>,
    kind: Kind,
    (flow, news): (FlowId, News),
    user: UserId,
    by: By,
) -> Result<(), StoreError> {
    let about = About {
        actor: by.user,
        flow: Some(flow),
        user: Some(user),
        ..About::default()
    };
    let position = log::append(tx, Reach::Private(user), kind, about)?;
    tx.tell(position, by.origin, Audience::Users([user].into()), news);
    Ok(())
}

/// Invites users to a flow, logs it and tells them. Returns the events. Members and users who are
/// already invited are skipped.
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
    let scene = Scene::of(tx, flow, by)?;
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
        events.push(scene.append(tx, Deed::Of(Kind::Invited, user))?);
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

/// Withdraws invitations to a flow, or records that they are declined. Returns the events.
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
    let scene = Scene::of(tx, flow, by)?;
    let mut statement = tx.prepare(
        "UPDATE members SET state = 'left', left_at = :now, changed_by = :by, since_position = :since
         WHERE flow_id = :flow AND user_id = :user AND state = 'invited'",
    )?;
    for &user in users {
        let removed = statement.execute(named_params! {
            ":now": tx.now().0, ":by": by.user.map(|id| id.0), ":since": tx.position().0,
            ":flow": flow.0, ":user": user.0,
        })?;
        if removed > 0 {
            let kind = if by.user == Some(user) {
                Kind::Declined
            } else {
                Kind::Removed
            };
            events.push(scene.append(tx, Deed::Of(kind, user))?);
            tell_gone(tx, Kind::Uninvited, (flow, News::Uninvited(uuid)), user, by)?;
        }
    }
    Ok(events)
}

/// Gives a member a level and logs it. Returns the event; `None`: the member has that level already.
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
    events::append(tx, flow, Deed::Level(user, level), by).map(Some)
}

/// Bans a user who is not in a flow. Returns the event.
///
/// # Errors
/// The file cannot be written.
pub fn ban(tx: &Tx<'_>, flow: FlowId, user: UserId, by: By) -> Result<FlowEvent, StoreError> {
    tx.prepare(
        "INSERT INTO members (flow_id, user_id, state, ordinal, joined_at, changed_by, since_position)
         VALUES (:flow, :user, 'banned', 0, :now, :by, :since)
         ON CONFLICT (flow_id, user_id) DO UPDATE
         SET state = 'banned', changed_by = excluded.changed_by, since_position = excluded.since_position",
    )?
    .execute(named_params! {
        ":flow": flow.0, ":user": user.0, ":now": tx.now().0, ":by": by.user.map(|id| id.0),
        ":since": tx.position().0,
    })?;
    events::append(tx, flow, Deed::Of(Kind::Banned, user), by)
}

/// Lifts the ban of a user from a flow. Returns the event; `None`: the user was not banned.
///
/// # Errors
/// The file cannot be written.
pub fn unban(
    tx: &Tx<'_>,
    flow: FlowId,
    user: UserId,
    by: By,
) -> Result<Option<FlowEvent>, StoreError> {
    let changed = tx
        .prepare(
            "UPDATE members SET state = 'left', changed_by = :by, since_position = :since
             WHERE flow_id = :flow AND user_id = :user AND state = 'banned'",
        )?
        .execute(named_params! {
            ":flow": flow.0, ":user": user.0, ":by": by.user.map(|id| id.0), ":since": tx.position().0,
        })?;
    if changed == 0 {
        return Ok(None);
    }
    events::append(tx, flow, Deed::Of(Kind::Removed, user), by).map(Some)
}
