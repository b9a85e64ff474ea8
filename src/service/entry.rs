//! Adding users to flows: who can be added by whom, and how many members there may be.

use std::collections::HashSet;

use super::settings::MAX_MEMBERS;
use super::{Field, Refusal, ServiceError, Thing};
use crate::model::{By, Flow, FlowEvent, FlowId, FlowKind, PublicId, UserId};
use crate::store::flow_edits::NewFlow;
use crate::store::membership::Entry;
use crate::store::{
    StoreError, Tx, View, accounts, blocks, flow_edits, members, membership, users,
};

/// Returns the row numbers of users whom a user may add to a flow, without duplicates, in order. A user
/// who blocks the asker does not exist for them, except as a member of the flow.
///
/// # Errors
/// [`Refusal::NotFound`].
pub(super) fn visible_users(
    view: &View<'_>,
    asker: UserId,
    flow: Option<FlowId>,
    ids: &[PublicId],
) -> Result<Vec<UserId>, ServiceError> {
    let found = resolve(view, ids)?;
    let mut blockers: HashSet<_> = blocks::blockers(view, asker)?.into_iter().collect();
    // A user's block also applies to the bots of the blocked user.
    if let Some(owner) = users::owner_of(view, asker)? {
        blockers.extend(blocks::blockers(view, owner)?);
    }
    if blockers.is_empty() {
        return Ok(found);
    }
    for user in found.iter().filter(|user| blockers.contains(user)) {
        let is_member = match flow {
            Some(flow) => members::is_member(view, flow, *user)?,
            None => false,
        };
        if !is_member {
            return Err(Refusal::NotFound(Thing::User).into());
        }
    }
    Ok(found)
}

/// Returns the row numbers of users, without duplicates, in order.
pub(super) fn resolve(view: &View<'_>, users: &[PublicId]) -> Result<Vec<UserId>, ServiceError> {
    // Twice the limit leaves room for repetitions and bounds the work.
    check_members(users.len() / 2)?;
    let mut ids = Vec::with_capacity(users.len());
    for uuid in users {
        let id = users::id_of(view, *uuid)?.ok_or(Refusal::NotFound(Thing::User))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

/// Adds users to a group or channel, or invites those who want to be asked first. Returns what happened.
/// Users who are members or invited already are skipped; a ban is lifted.
pub(super) fn bring_in(
    tx: &Tx<'_>,
    flow: FlowId,
    users: &[UserId],
    by: By,
) -> Result<Vec<FlowEvent>, ServiceError> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let (asked, coming) = part(tx, users, by.user)?;
    let mut events = membership::invite(tx, flow, &asked, by)?;
    events.extend(membership::enter(tx, flow, &coming, Entry::Added, by)?);
    let (members, invited) = (members::count(tx, flow)?, members::invited(tx, flow)?);
    let members = usize::try_from(members).unwrap_or(usize::MAX);
    check_members(members.saturating_add(invited.len()))?;
    Ok(events)
}

/// Creates a flow. Members who want to be asked first are invited instead, except to a chat.
pub(super) fn make(tx: &Tx<'_>, mut new: NewFlow, by: By) -> Result<Flow, ServiceError> {
    let mut asked = Vec::new();
    if new.kind != FlowKind::Chat {
        (asked, new.members) = part(tx, &new.members, Some(new.owner))?;
    }
    let flow = flow_edits::insert(tx, &new, by).map_err(chat_exists)?;
    if asked.is_empty() {
        return Ok(flow);
    }
    let events = membership::invite(tx, flow.id, &asked, by)?;
    Ok(flow_edits::tell(tx, flow.id, events, by)?)
}

/// Separates users who want to be asked first from the others. The acting user is not asked.
fn part(
    view: &View<'_>,
    users: &[UserId],
    acting: Option<UserId>,
) -> Result<(Vec<UserId>, Vec<UserId>), ServiceError> {
    let asking = accounts::who_asks_first(view, users)?;
    let is_asked = |user: &UserId| asking.contains(user) && acting != Some(*user);
    Ok(users.iter().copied().partition(is_asked))
}

/// Converts the error of a flow that was not stored: a chat can exist only once.
fn chat_exists(err: StoreError) -> ServiceError {
    match err {
        StoreError::Conflict(_) => Refusal::ChatExists.into(),
        other => other.into(),
    }
}

pub(super) fn check_members(count: usize) -> Result<(), ServiceError> {
    if count > MAX_MEMBERS {
        return Err(Refusal::TooLarge {
            what: Field::Members,
            limit: MAX_MEMBERS,
        }
        .into());
    }
    Ok(())
}
