//! A user's own devices: those that are signed in, and signing one out from another.

use super::administration::require_administrator;
use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{Act, Page, PublicId, SessionId, SessionInfo};
use crate::store::audit::{self, Of};
use crate::store::{sessions, users};

impl Service {
    /// Returns the sessions of the caller, or for administrators those of another user; newest first,
    /// starting after `after` if it is given.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`] for the sessions of another user; [`Refusal::NotFound`] for an
    /// unknown user.
    pub async fn devices(
        &self,
        user: &SignedIn,
        of: Option<PublicId>,
        after: Option<SessionId>,
    ) -> Result<Page<SessionInfo>, ServiceError> {
        user.require_person()?;
        let user = *user;
        let now = self.store.now();
        let (whose, mut page) = self
            .store
            .read(move |view| {
                let whose = match of {
                    Some(other) if other != user.uuid() => {
                        require_administrator(view, &user, now)?;
                        users::id_of(view, other)?.ok_or(Refusal::NotFound(Thing::User))?
                    }
                    _ => user.user(),
                };
                Ok::<_, ServiceError>((whose, sessions::page(view, whose, after, now)?))
            })
            .await?;
        let connected = self.hub.sessions_of(whose);
        for device in &mut page.rows {
            if connected.contains(&device.id) {
                device.is_online = true;
                device.last_used_at = now;
            }
        }
        Ok(page)
    }

    /// Ends a session of the caller, or for administrators of any user.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a session that has ended, or of another user if the caller is no
    /// administrator.
    pub async fn end_session(&self, user: &SignedIn, id: SessionId) -> Result<(), ServiceError> {
        user.require_person()?;
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let missing = Refusal::NotFound(Thing::Session);
                let owner = sessions::owner(tx, id, tx.now())?.ok_or(missing)?;
                if owner != user.user() && users::is_admin(tx, user.user())? != Some(true) {
                    return Err(missing.into());
                }
                if owner != user.user() {
                    let label = sessions::by_id(tx, id)?.and_then(|session| session.label);
                    let of = Of::user(owner).called(label);
                    audit::note(tx, user.by(), Act::SessionEnded, &of)?;
                }
                sessions::end(tx, id)?;
                Ok(())
            })
            .await
    }
}
