//! Invitations, for administrators.

use super::require_administrator;
use crate::model::{Act, Invitation, InvitationId, Page};
use crate::service::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::store::audit::{self, Of};
use crate::store::invitations;

impl Service {
    /// Returns the valid invitations, newest first, starting after `after` if it is given.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`].
    pub async fn list_invitations(
        &self,
        user: &SignedIn,
        after: Option<InvitationId>,
    ) -> Result<Page<Invitation>, ServiceError> {
        let user = *user;
        let now = self.store.now();
        self.store
            .read(move |view| {
                require_administrator(view, &user, now)?;
                Ok(invitations::page(view, after, now)?)
            })
            .await
    }

    /// Revokes an invitation.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`]; [`Refusal::NotFound`] for an invitation that does not exist or was
    /// revoked.
    pub async fn end_invitation(
        &self,
        user: &SignedIn,
        id: InvitationId,
    ) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                require_administrator(tx, &user, tx.now())?;
                if !invitations::revoke(tx, id)? {
                    return Err(Refusal::NotFound(Thing::Invitation).into());
                }
                let of = Of::named(invitations::name(tx, id)?);
                audit::note(tx, user.by(), Act::InvitationRevoked, &of)?;
                Ok(())
            })
            .await
    }
}
