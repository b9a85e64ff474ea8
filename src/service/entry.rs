//! Bringing people into flows: who can be brought by whom, and how many there may be.

use std::collections::HashSet;

use super::settings::MAX_MEMBERS;
use super::{Field, Refusal, ServiceError, Thing};
use crate::model::{By, Flow, FlowEvent, FlowId, FlowKind, PublicId, UserId};
use crate::store::flow_edits::NewFlow;
use crate::store::membership::Entry;
use crate::store::{
    StoreError, Tx, View, accounts, blocks, flow_edits, members, membership, users,
};

/// Row numbers of users whom somebody may bring into a flow, each once, in order. Who blocks the one
/// who asks is unknown, unless a member of the flow already.
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
    // Who blocks somebody is left alone by that one's bots too.
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

/// Row numbers of users, each once, in order.
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

/// Puts users into a group or channel, or invites those who ask to be asked. Returns what happened.
/// Who is there already, or invited already, is passed over; a ban is lifted.
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

/// Makes a flow. Of its members, those who ask to be asked are invited, save to a chat.
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

/// Parts those who ask to be asked from the others. Whoever acts asks nobody.
fn part(
    view: &View<'_>,
    users: &[UserId],
    acting: Option<UserId>,
) -> Result<(Vec<UserId>, Vec<UserId>), ServiceError> {
    let asking = accounts::who_asks_first(view, users)?;
    let is_asked = |user: &UserId| asking.contains(user) && acting != Some(*user);
    Ok(users.iter().copied().partition(is_asked))
}

/// What a flow that is not stored means: a chat is there once.
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
