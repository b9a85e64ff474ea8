//! Settings of conversations for single users: muted, archived, pinned.

use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{FlowKind, FlowSettings, FlowSettingsEdit, PublicId};
use crate::store::{flows, settings};

impl Service {
    /// Changes the caller's settings of a flow. Returns the settings afterwards.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not a member of; [`Refusal::NotHideable`].
    pub async fn set_up_flow(
        &self,
        user: &SignedIn,
        flow: PublicId,
        edit: FlowSettingsEdit,
    ) -> Result<FlowSettings, ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let access =
                    flows::access(tx, flow, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                if edit.hidden == Some(true) && access.kind != FlowKind::Chat {
                    return Err(Refusal::NotHideable.into());
                }
                let old = settings::of(tx, access.id, user.user(), tx.now())?;
                let new = old.with(edit);
                if new != old {
                    settings::set(tx, access.id, user.user(), new, user.by())?;
                }
                Ok(new)
            })
            .await
    }
}
