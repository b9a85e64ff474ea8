//! Answers to invitations to flows.

use super::entry::check_members;
use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{Flow, FlowId, PublicId, UserId};
use crate::store::members::State;
use crate::store::membership::Entry;
use crate::store::{Tx, View, flow_edits, flows, members, membership};

impl Service {
    /// Adds the caller to a flow to which the caller is invited.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow to which the caller is not invited.
    pub async fn join_flow(&self, user: &SignedIn, flow: PublicId) -> Result<Flow, ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let id =
                    invited_to(tx, flow, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let count = usize::try_from(members::count(tx, id)?).unwrap_or(usize::MAX);
                check_members(count.saturating_add(1))?;
                let events = membership::enter(tx, id, &[user.user()], Entry::Joined, user.by())?;
                Ok(flow_edits::tell(tx, id, events, user.by())?)
            })
            .await
    }
}

/// Declines the invitation of a user to a flow. Returns whether there was one.
pub(super) fn decline(tx: &Tx<'_>, flow: PublicId, user: &SignedIn) -> Result<bool, ServiceError> {
    let Some(id) = invited_to(tx, flow, user.user())? else {
        return Ok(false);
    };
    let events = membership::uninvite(tx, id, flow, &[user.user()], user.by())?;
    flow_edits::tell(tx, id, events, user.by())?;
    Ok(true)
}

/// Returns the row number of a flow to which a user is invited.
fn invited_to(
    view: &View<'_>,
    flow: PublicId,
    user: UserId,
) -> Result<Option<FlowId>, ServiceError> {
    let Some(id) = flows::id_of(view, flow)? else {
        return Ok(None);
    };
    let standing = members::standing(view, id, user)?;
    Ok(standing
        .filter(|standing| standing.state == State::Invited)
        .map(|_| id))
}
