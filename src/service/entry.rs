//! Bringing people into flows: who can be brought by whom, and how many there may be.

use std::collections::HashSet;

use super::settings::MAX_MEMBERS;
use super::{Field, Refusal, ServiceError, Thing};
use crate::model::{FlowId, PublicId, UserId};
use crate::store::{View, blocks, members, users};

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
    let blockers: HashSet<_> = blocks::blockers(view, asker)?.into_iter().collect();
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
