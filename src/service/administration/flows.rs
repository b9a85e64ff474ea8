//! Conversations, for administrators.

use std::sync::Arc;

use super::{note, of_flow, require_administrator};
use crate::model::{Act, FlowInfo, Page, PublicId, UserId};
use crate::service::operator::remove_some;
use crate::service::rights::{Action, may};
use crate::service::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::store::audit::{self, Of};
use crate::store::{flow_admin, flow_edits, flows, messages, users};

impl Service {
    /// Returns the flows of this server except saved messages, oldest first, starting after `after` if it
    /// is given.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`]; [`Refusal::NotFound`] for an unknown place in the list.
    pub async fn list_flows(
        &self,
        user: &SignedIn,
        after: Option<PublicId>,
    ) -> Result<Page<FlowInfo>, ServiceError> {
        let user = *user;
        let now = self.store.now();
        self.store
            .read(move |view| {
                require_administrator(view, &user, now)?;
                let after = after
                    .map(|uuid| flow_admin::place(view, uuid))
                    .transpose()?
                    .map(|place| place.ok_or(Refusal::NotFound(Thing::Flow)))
                    .transpose()?;
                Ok(flow_admin::page(view, after)?)
            })
            .await
    }

    /// Permanently removes a flow with its messages: for administrators, and for the owner of a group or
    /// channel. The members lose it at once; the messages are removed in the background.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller cannot see; [`Refusal::NotOwner`],
    /// [`Refusal::ChatIsFixed`], [`Refusal::SavedIsFixed`].
    pub async fn end_flow(
        self: &Arc<Self>,
        user: &SignedIn,
        flow: PublicId,
    ) -> Result<(), ServiceError> {
        user.require_person()?;
        let user = *user;
        let size = Self::size_of(&user, self.member_count(flow).await?);
        self.store
            .write_sized(size, move |tx| {
                user.require(tx)?;
                let missing = Refusal::NotFound(Thing::Flow);
                if users::is_admin(tx, user.user())? != Some(true) {
                    let access = flows::access(tx, flow, user.user())?.ok_or(missing)?;
                    may(&access, Action::End)?;
                }
                let flow = flows::by_uuid(tx, flow)?.ok_or(missing)?;
                if flow.is_saved {
                    return Err(Refusal::SavedIsFixed.into());
                }
                let of = Of::named(flow.title.clone());
                note(tx, Some(&user), Act::FlowRemoved, &of)?;
                flow_edits::remove(tx, &flow, user.by())?;
                Ok::<_, ServiceError>(())
            })
            .await?;
        let service = Arc::clone(self);
        tokio::spawn(async move { service.finish_removals().await });
        Ok(())
    }

    /// Removes the rest of flows that were ended, one part at a time.
    pub async fn finish_removals(&self) {
        while let Ok(Some(_)) = self.store.write(remove_some).await {}
    }

    /// Deletes a message in any flow; deleting it twice is no error.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`]; [`Refusal::NotFound`].
    pub async fn moderate(&self, user: &SignedIn, message: PublicId) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                require_administrator(tx, &user, tx.now())?;
                let handle = messages::handle(tx, message, UserId(0))?
                    .ok_or(Refusal::NotFound(Thing::Message))?;
                if !handle.is_deleted {
                    let of = of_flow(tx, handle.flow)?.about(handle.author);
                    audit::note(tx, user.by(), Act::MessageDeleted, &of)?;
                    messages::delete(tx, &handle, user.by())?;
                }
                Ok(())
            })
            .await
    }
}
