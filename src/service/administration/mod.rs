//! What administrators may do from a client.
//!
//! What belongs here: the same as the operator's commands do, for who proves to be an administrator
//! inside the transaction that does it. What does not: what everybody may do with the own account.

use super::{Refusal, ServiceError, SignedIn};
use crate::model::Timestamp;
use crate::store::{View, sessions, users};

/// Fails for whoever is no administrator any more, or never was.
///
/// # Errors
/// [`Refusal::NotForBots`], [`Refusal::NoSession`], [`Refusal::NotAdministrator`].
pub(super) fn require_administrator(
    view: &View<'_>,
    user: &SignedIn,
    now: Timestamp,
) -> Result<(), ServiceError> {
    user.require_person()?;
    if !sessions::is_valid(view, user.session.id, now)? {
        return Err(Refusal::NoSession.into());
    }
    match users::is_admin(view, user.user())? {
        Some(true) => Ok(()),
        _ => Err(Refusal::NotAdministrator.into()),
    }
}
